"""What a slice takes: the kernels behind tensor[...], tf.slice and tf.strided_slice.

Where a slice begins is an input of the recorded op, how long it is is a setting: a loop over `x[i]` or `x[i : i + 32]`
is one compiled program, not one for every i.  A `spec` says what becomes of the dimensions of `x`, one entry each:

    ("at", k)             the element at position `begin[k]`; the dimension goes
    ("window", k, n, s)   n elements with stride s, the lowest of them at position `begin[k]` (reversed where s < 0)
    ("slice", a, b, c)    Python's a:b:c, known while compiling
    "new", "rest"         a new dimension of size 1; the dimensions an ellipsis stands for
"""

from __future__ import annotations

import numpy as np
from jax import lax

from ..declare import OpDef, op
from .array import bad


def positions(shape, spec):
    """`spec` with "rest" and the dimensions not named spelled out as full slices.  Raises for too many entries."""
    used = sum(1 for e in spec if e not in ("new", "rest"))
    if used > len(shape):
        if not shape:
            raise bad("StridedSlice", "Attempting to slice scalar input.")
        raise bad("StridedSlice", f"Index out of range using input dim {len(shape)}; input has only {len(shape)} dims")
    full = [("slice", None, None, None)] * (len(shape) - used)
    out = []
    for e in spec:
        out += full if e == "rest" else [e]
    return out if "rest" in spec else out + full


def _block(shape, begin, spec):
    """What `spec` takes of a tensor of `shape`: the starts, spans and steps of each dimension, and the shape of the
    result.
    """
    starts, spans, steps, out, dim = [], [], [], [], 0
    for e in positions(shape, spec):
        if e == "new":
            out.append(1)
            continue
        size, kind, n = shape[dim], e[0], 1
        if kind == "at":
            low, step = element(begin[e[1]], size, dim), 1
        elif kind == "window":
            low, n, step = begin[e[1]], e[2], e[3]
        else:
            low, stop, step = slice(*e[1:]).indices(size)
            n = len(range(low, stop, step))
            low = low if step > 0 else low + (n - 1) * step
        if kind != "at":
            out.append(n)
        starts.append(low if n else 0)
        spans.append((n - 1) * abs(step) + 1 if n else 0)
        steps.append(step)
        dim += 1
    return starts, spans, steps, out


def _known_starts(starts):
    return all(isinstance(s, (int, np.integer, np.ndarray)) for s in starts)


def _of_one_dtype(starts):
    """Positions for lax.dynamic_slice, which takes no mixed dtypes."""
    wide = any(getattr(s, "dtype", None) in (np.int64, np.uint32, np.uint64) for s in starts)
    kind = np.dtype(np.int64 if wide else np.int32)
    return [s.astype(kind) if hasattr(s, "astype") else kind.type(s) for s in starts]


def take(x, begin, spec):
    """The part of `x` that `spec` describes; `begin` holds the positions, known or not: see the head of this file."""
    starts, spans, steps, shape = _block(x.shape, begin, spec)
    if _known_starts(starts):
        starts = [int(s) for s in starts]
        limits = [s + n for s, n in zip(starts, spans)]
        if isinstance(x, np.ndarray):
            part = x[tuple([slice(s, e) for s, e in zip(starts, limits)])]
            return part[tuple([slice(None, None, s) for s in steps])].reshape(shape)
        part = lax.slice(x, starts, limits, [abs(s) for s in steps])
    else:
        part = lax.dynamic_slice(x, _of_one_dtype(starts), spans)
        if any(abs(s) > 1 for s in steps):
            part = lax.slice(part, [0] * part.ndim, part.shape, [abs(s) for s in steps])
    backward = [i for i, s in enumerate(steps) if s < 0]
    return lax.reshape(lax.rev(part, backward) if backward else part, shape)


def element(position, size, dim):
    """`position` counted from the front.  What a compiled program computes is clamped by XLA; what is known is
    checked.
    """
    if isinstance(position, (int, np.integer, np.ndarray)):
        position = int(position)
        if not -size <= position < size:
            raise bad(
                "StridedSlice",
                f"slice index {position + size if position < 0 else position} of dimension {dim} out of bounds.",
            )
        return position + size if position < 0 else position
    return lax.select(position < 0, position + position.dtype.type(size), position)


def masks_to_spec(begin, end, strides, begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask):
    """The spec of TensorFlow's StridedSlice arguments, known integers."""
    if bin(ellipsis_mask).count("1") > 1:
        raise bad("StridedSlice", "Multiple ellipses in slice spec not allowed")
    spec = []
    for i, (b, e, s) in enumerate(zip(begin, end, strides)):
        bit = 1 << i
        if ellipsis_mask & bit:
            spec.append("rest")
        elif new_axis_mask & bit:
            spec.append("new")
        elif shrink_axis_mask & bit:
            spec.append(("at", i))
        else:
            if s == 0:
                raise bad("StridedSlice", f"strides[{i}] must be non-zero")
            spec.append(("slice", None if begin_mask & bit else int(b), None if end_mask & bit else int(e), int(s)))
    return tuple(spec)


@op("StridedSlice", static="begin end strides", own="input", name="StridedSlice", twin=True)
def strided_slice_kernel(
    input, begin, end, strides, *, begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0
):
    """The part of `input` between `begin` and `end` (vectors known while compiling), as TensorFlow's bit masks say."""
    if not begin.shape == end.shape == strides.shape or begin.ndim != 1:
        got = f"{list(begin.shape)}, {list(end.shape)}, and {list(strides.shape)} instead."
        raise bad("StridedSlice", f"Expected begin, end, and strides to be 1D equal size tensors, but got shapes {got}")
    spec = masks_to_spec(begin, end, strides, begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask)
    return take(input, begin, spec)


def _all_positions(begin, scalars):
    return [*(begin[i] for i in range(begin.shape[0])), *scalars] if scalars else begin


def _at(*inputs, spec):
    """x [...], begin [k], scalar positions ... -> the part of x that `spec` describes."""
    x, begin, *scalars = inputs
    return take(x, _all_positions(begin, scalars), spec)


def _at_in_graph(input, begin, end, strides, *, spec):
    """As `_at`, with the inputs that TensorFlow's op has."""
    return take(input, begin, spec)


# TensorFlow's op with positions that only a run can tell.
INDEXED = OpDef("StridedSlice", _at, own="inputs", name="strided_slice", twin=True)
INDEXED_IN_GRAPH = OpDef("StridedSlice", _at_in_graph, own="input begin end strides", name="strided_slice", twin=True)


def _check_slice(begin, size, rank):
    if begin.shape != (rank,) or size.shape != (rank,):
        raise bad("Slice", f"Expected begin and size arguments to be 1-D tensors of size {rank}, but got shapes "
                           f"{list(begin.shape)} and {list(size.shape)} instead.")  # fmt: skip


def check_block(shape, begin, size):
    """Raises InvalidArgumentError where the block of `size` (-1: to the end) at `begin`, integers, is not inside
    `shape`.
    """
    for i, (dim, b, n) in enumerate(zip(shape, begin, size)):
        if not 0 <= b <= dim:
            raise bad("Slice", f"Expected begin[{i}] in [0, {dim}], but got {b}")
        if not -1 <= n <= dim - b:
            raise bad("Slice", f"Expected size[{i}] in [0, {dim - b}], but got {n}")


@op("Slice", own="input_ begin size", twin=True)
def slice_kernel(input_, begin, size=None, *, block):
    """input_ [...], begin [r] -> the block there.  `block`: the size of each dimension, or (b,) for all of it from
    b on.
    """
    _check_slice(begin, np.zeros(len(block)), input_.ndim)
    if isinstance(begin, np.ndarray):
        return _to_end(input_, begin, np.array([-1 if isinstance(n, tuple) else n for n in block]))
    spans = [dim - n[0] if isinstance(n, tuple) else n for n, dim in zip(block, input_.shape)]
    check_block(input_.shape, [0] * input_.ndim, spans)
    return lax.dynamic_slice(input_, [begin[i] for i in range(input_.ndim)], spans)


def _to_end(input_, begin, size):
    """input_ [...], begin [r], size [r], both known while compiling -> the block; a size of -1 reaches to the end."""
    _check_slice(begin, size, input_.ndim)
    begin, size = begin.tolist(), size.tolist()
    check_block(input_.shape, begin, size)
    limits = [dim if n == -1 else b + n for dim, b, n in zip(input_.shape, begin, size)]
    if isinstance(input_, np.ndarray):
        return input_[tuple([slice(b, e) for b, e in zip(begin, limits)])]
    return lax.slice(input_, begin, limits)


SLICE_TO_END = OpDef("Slice", _to_end, static="begin size", own="input_", name="Slice", twin=True)
