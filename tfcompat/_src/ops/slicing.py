"""tensor[...], tf.slice and tf.strided_slice.

Where a slice begins is an input of the recorded op, how long it is is a setting: a loop over `x[i]` or `x[i : i + 32]` is one
compiled program, not one for every i.  A `spec` says what becomes of the dimensions of `x`, one entry each:

    ("at", k)             the element at position `begin[k]`; the dimension goes
    ("window", k, n, s)   n elements with stride s, the lowest of them at position `begin[k]` (reversed where s < 0)
    ("slice", a, b, c)    Python's a:b:c, known while compiling
    "new", "rest"         a new dimension of size 1; the dimensions an ellipsis stands for
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, OpDef, export, op
from ..graph import Slot, context
from ..scopes import name_scope
from ..shapes import Dimension
from ..tensor import EagerTensor, Tensor


def _bad(message, type="StridedSlice"):
    return errors.InvalidArgumentError(None, None, f"{message} [Op:{type}]")


# -- kernels ----------------------------------------------------------------------------------------------------------
def _positions(shape, spec):
    """`spec` with "rest" and the dimensions not named spelled out as full slices.  Raises for too many entries."""
    used = sum(1 for e in spec if e not in ("new", "rest"))
    if used > len(shape):
        if not shape:
            raise _bad("Attempting to slice scalar input.")
        raise _bad(f"Index out of range using input dim {len(shape)}; input has only {len(shape)} dims")
    full = [("slice", None, None, None)] * (len(shape) - used)
    out = []
    for e in spec:
        out += full if e == "rest" else [e]
    return out if "rest" in spec else out + full


def _block(shape, begin, spec):
    """What `spec` takes of a tensor of `shape`: the starts, spans and steps of each dimension, and the shape of the result."""
    starts, spans, steps, out, dim = [], [], [], [], 0
    for e in _positions(shape, spec):
        if e == "new":
            out.append(1)
            continue
        size, kind, n = shape[dim], e[0], 1
        if kind == "at":
            low, step = _element(begin[e[1]], size, dim), 1
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


def put(x, value, begin, spec):
    """`x` with the part that `spec` describes replaced by `value` (broadcast)."""
    starts, spans, steps, shape = _block(x.shape, begin, spec)
    if 0 in spans:
        return x
    x = jnp.asarray(x)
    counts = [(n - 1) // abs(s) + 1 for n, s in zip(spans, steps)]
    value = jnp.broadcast_to(value, shape).reshape(counts)
    backward = [i for i, s in enumerate(steps) if s < 0]
    value = lax.rev(value, backward) if backward else value
    starts = _of_one_dtype(starts)
    if any(abs(s) > 1 for s in steps):
        between = lax.dynamic_slice(x, starts, spans)
        value = between.at[tuple([slice(None, None, abs(s)) for s in steps])].set(value)
    return lax.dynamic_update_slice(x, value, starts)


def _element(position, size, dim):
    """`position` counted from the front.  What a compiled program computes is clamped by XLA; what is known is checked."""
    if isinstance(position, (int, np.integer, np.ndarray)):
        position = int(position)
        if not -size <= position < size:
            raise _bad(f"slice index {position + size if position < 0 else position} of dimension {dim} out of bounds.")
        return position + size if position < 0 else position
    return lax.select(position < 0, position + position.dtype.type(size), position)


def masks_to_spec(begin, end, strides, begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask):
    """The spec of TensorFlow's StridedSlice arguments, known integers."""
    if bin(ellipsis_mask).count("1") > 1:
        raise _bad("Multiple ellipses in slice spec not allowed")
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
                raise _bad(f"strides[{i}] must be non-zero")
            spec.append(("slice", None if begin_mask & bit else int(b), None if end_mask & bit else int(e), int(s)))
    return tuple(spec)


@op("StridedSlice", static="begin end strides", own="input", name="StridedSlice", twin=True)
def strided_slice_kernel(
    input, begin, end, strides, *, begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0
):
    """The part of `input` between `begin` and `end` (vectors known while compiling), as TensorFlow's bit masks say."""
    if not begin.shape == end.shape == strides.shape or begin.ndim != 1:
        raise _bad(f"Expected begin, end, and strides to be 1D equal size tensors, but got shapes {list(begin.shape)}, "
                   f"{list(end.shape)}, and {list(strides.shape)} instead.")  # fmt: skip
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


def _put_at(*inputs, spec):
    """x [...], value, begin [k], scalar positions ... -> x with the part that `spec` describes replaced by `value`."""
    x, value, begin, *scalars = inputs
    return put(x, value, _all_positions(begin, scalars), spec)


# TensorFlow's op with positions that only a run can tell.
INDEXED = OpDef("StridedSlice", _at, own="inputs", name="strided_slice", twin=True)
INDEXED_IN_GRAPH = OpDef("StridedSlice", _at_in_graph, own="input begin end strides", name="strided_slice", twin=True)
INDEXED_UPDATE = OpDef("TensorStridedSliceUpdate", _put_at, own="inputs", name="strided_slice_update")


@op("TensorStridedSliceUpdate", static="begin end strides", own="input value")
def strided_slice_update_kernel(input, begin, end, strides, value, *, begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0,
                                shrink_axis_mask=0):  # fmt: skip
    """`input` with the part between `begin` and `end` (vectors known while compiling) replaced by `value` (broadcast)."""
    return put(
        input,
        value,
        begin,
        masks_to_spec(begin, end, strides, begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask),
    )


# -- tensor[key] ------------------------------------------------------------------------------------------------------
_FIRST = INDEXED.signature({"spec": (("at", 0),)})
_NOT_AN_INDEX = "Only integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar tf.int32/tf.int64 tensors are valid indices, got "


def getitem(self, key):
    """tensor[key]: integers, slices, `...`, None, scalar integer tensors, or one bool mask."""
    if context.graph is None:
        if key.__class__ is int and self.__class__ is EagerTensor:
            slot = self._slot
            shape = slot.aval.shape
            if shape and -shape[0] <= key < shape[0] and slot.aval.dtype is not dtypes.string:
                at = np.array([key if key >= 0 else key + shape[0]], np.int32)
                return record.record_eager(_FIRST, (slot, Slot(None, 0, _vector_aval(1), at)))
        mask = _mask(key)
        if mask is not None:
            return _boolean_mask(self, mask)
        return _getitem_eager(record.convert_to_tensor(self), key)
    mask = _mask(key)
    if mask is not None:
        return _boolean_mask(self, mask)
    return _getitem_graph(self, key)


def _boolean_mask(tensor, mask):
    from .where import boolean_mask

    return boolean_mask(tensor, mask)


def _mask(key):
    """`key` where it is a bool mask instead of a position."""
    if isinstance(key, Tensor) or hasattr(key.__class__, "_dense_tensor"):
        return key if key.dtype.base_dtype is dtypes.bool else None
    if key.__class__ is bool or isinstance(key, np.bool_) or isinstance(key, np.ndarray) and key.dtype == bool:
        return key
    return None


_vector_avals: dict = {}


def _vector_aval(n):
    found = _vector_avals.get(n)
    if found is None:
        from ..graph import aval

        found = _vector_avals[n] = aval(dtypes.int32, (n,))
    return found


def _is_tensor(value):
    return isinstance(value, Tensor) or hasattr(value.__class__, "_dense_tensor")


def _check_index(value):
    """One index or slice bound: an int, or a scalar integer tensor.  Raises TypeError as TensorFlow for anything else."""
    kind = value.__class__
    if kind is int:
        return value
    if isinstance(value, np.generic) and value.dtype.kind in "iu":
        return int(value)
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iu":
        return int(value)
    if isinstance(value, Dimension) and value.value is not None:
        return value.value
    if _is_tensor(value) and (
        value.dtype.base_dtype in (dtypes.int32, dtypes.int64, dtypes.int16, dtypes.int8, dtypes.uint8)
    ):
        if value.shape.rank in (0, None):
            return value
    elif (
        kind is not bool and hasattr(value, "__index__") and not _is_tensor(value) and not isinstance(value, np.ndarray)
    ):
        return value.__index__()
    raise TypeError(f"{_NOT_AN_INDEX}{value!r}")


def _bound(value):
    return None if value is None else _check_index(value)


def _entries(key):
    return list(key) if isinstance(key, (list, tuple)) else [key]


def _known(value):
    """A slice bound as a Python int: waits for the value of a tensor."""
    return int(value._numpy()) if isinstance(value, EagerTensor) else value


def _eager_spec(shape, key):
    """(spec, known positions, slots of scalar tensors) of tensor[key] for a tensor of `shape`."""
    keys = _entries(key)
    if sum(1 for k in keys if k is Ellipsis) > 1:
        raise _bad("Multiple ellipses in slice spec not allowed")
    used = sum(1 for k in keys if k is not None and k is not Ellipsis)
    spec, begin, scalars, dim = [], [], [], 0
    for k in keys:
        if k is None:
            spec.append("new")
            continue
        if k is Ellipsis:
            spec.append("rest")
            dim += len(shape) - used
            continue
        size = shape[dim] if dim < len(shape) else 0
        if isinstance(k, slice):
            start, stop, step = _known(_bound(k.start)), _known(_bound(k.stop)), _known(_bound(k.step))
            if step == 0:
                raise _bad(f"strides[{len(spec)}] must be non-zero")
            if start is None:
                spec.append(("slice", None, stop, step))
            else:
                low, stop, step = slice(start, stop, step).indices(size)
                n = len(range(low, stop, step))
                spec.append(("window", len(begin), n, step))
                begin.append(low if step > 0 or not n else low + (n - 1) * step)
        else:
            k = _check_index(k)
            if k.__class__ is int:
                spec.append(("at", len(begin)))
                begin.append(_element(k, size, dim) if used <= len(shape) else 0)
            else:
                k = record.convert_to_tensor(k)
                if k._slot.value.__class__ is np.ndarray and used <= len(shape):
                    _element(k._slot.value, size, dim)
                spec.append(("at", ~len(scalars)))  # its place behind the known positions: below
                scalars.append(k._slot)
        dim += 1
    spec = [("at", len(begin) + ~e[1]) if e[0] == "at" and e[1] < 0 else e for e in spec]
    _positions(shape, spec)
    return tuple(spec), begin, scalars


def _positions_slot(begin, shape):
    return Slot(None, 0, _vector_aval(len(begin)), np.array(begin, np.int32))


def _getitem_eager(x, key):
    shape = x._shape_tuple()
    spec, begin, scalars = _eager_spec(shape, key)
    if x.dtype is dtypes.string:
        begin += [int(s.value) if s.value is not None else int(record.handle(s)._numpy()) for s in scalars]
        return record.constant(take(x._numpy(), begin, spec))
    return record.record_eager(INDEXED.signature({"spec": spec}), (x._slot, _positions_slot(begin, shape), *scalars))


def sliced_update(x, key, value):
    """The tensor `x` with x[key] replaced by `value` (broadcast): what variable[key].assign(value) stores."""
    x = record.convert_to_tensor(x)
    value = record.convert_to_tensor(value, x.dtype.base_dtype)
    if context.graph is None:
        spec, begin, scalars = _eager_spec(x._shape_tuple(), key)
        at = _positions_slot(begin, x._shape_tuple())
        return record.record_eager(INDEXED_UPDATE.signature({"spec": spec}), (x._slot, value._slot, at, *scalars))
    spec, parts, masks, moving, fixed = _graph_spec(key)
    graph = context.graph
    if moving and not fixed:
        full = graph.op_name(None, "strided_slice_update")
        return record.add_op(
            graph, INDEXED_UPDATE.signature({"spec": spec}), [x, value, _vector(parts[0], "begin")], full
        )
    return record.call(OPS["TensorStridedSliceUpdate"], [x, *[_vector(p, "Const") for p in parts], value], masks, None)


def _graph_spec(key):
    """(spec, [begin, end, strides], masks, positions to look up at run time?, bounds to know while compiling?) of tensor[key]."""
    begin, end, strides, spec = [], [], [], []
    masks = dict(begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0)
    moving = fixed = False
    for i, k in enumerate(_entries(key)):
        bit = 1 << i
        if isinstance(k, slice):
            a, b, c = _bound(k.start), _bound(k.stop), _bound(k.step)
            fixed = fixed or any(_is_tensor(v) for v in (a, b, c))
            spec.append(("slice", a, b, c))
            masks["begin_mask"] |= bit * (a is None)
            masks["end_mask"] |= bit * (b is None)
            part = (0 if a is None else a, 0 if b is None else b, 1 if c is None else c)
        elif k is Ellipsis or k is None:
            masks["ellipsis_mask" if k is Ellipsis else "new_axis_mask"] |= bit
            spec.append("rest" if k is Ellipsis else "new")
            part = (0, 0 if k is Ellipsis else 1, 1)
        else:
            k = _check_index(k)
            moving = moving or _is_tensor(k)
            masks["shrink_axis_mask"] |= bit
            spec.append(("at", i))
            part = (k, k + 1, 1)
        for values, value in zip((begin, end, strides), part):
            values.append(value)
    return tuple(spec), (begin, end, strides), {k: v for k, v in masks.items() if v}, moving, fixed


def _getitem_graph(x, key):
    """Records TensorFlow's form: begin, end and strides vectors beside the masks, named under strided_slice/."""
    spec, parts, masks, moving, fixed = _graph_spec(key)
    graph = context.graph
    with name_scope(None, "strided_slice", [x, *parts[0], *parts[1]]) as scope:
        x = record.convert_to_tensor(x)
        vectors = [_vector(v, n) for v, n in zip(parts, ("stack", "stack_1", "stack_2"))]
        if moving and not fixed:
            return record.add_op(
                graph, INDEXED_IN_GRAPH.signature({"spec": spec}), [x, *vectors], graph.op_name(scope, "")
            )
        return record.call(OPS["StridedSlice"], [x, *vectors], masks, scope)


def _vector(values, name):
    """A vector of integers and scalar tensors in a graph: int32, or int64 where one of the tensors is."""
    if not values:
        return record.const_op(np.zeros(0, np.int32), name)
    if any(_is_tensor(v) for v in values):
        kinds = [v.dtype.base_dtype for v in values if _is_tensor(v)]
        dtype = dtypes.int64 if dtypes.int64 in kinds else kinds[0]
        return record.pack([_of_dtype(v, dtype) for v in values], dtype, name)
    return record.const_op(np.array(values, np.int32 if all(abs(v) < 2**31 for v in values) else np.int64), name)


def _of_dtype(value, dtype):
    if _is_tensor(value):
        value = record.convert_to_tensor(value)
        return value if value.dtype.base_dtype is dtype else record.call(OPS["Cast"], [value], {"dtype": dtype}, None)
    return value


def attach(cls):
    """Gives `cls` tensor[key]; its instances must convert to tensors."""
    cls.__getitem__ = getitem
    return cls


attach(Tensor)


# -- functions --------------------------------------------------------------------------------------------------------
@export("strided_slice")
def strided_slice(input_, begin, end, strides=None, begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0,
                  var=None, name=None):  # fmt: skip
    """input_[begin:end:strides] in each dimension, changed by TensorFlow's bit masks."""
    if var is not None:
        raise NotImplementedError("tf.strided_slice: var= is not supported; use var[...].assign(value).")
    if strides is None:
        strides = np.ones_like(record.shape_array(begin)) if not _is_tensor(begin) else _ones_like(begin)
    masks = dict(begin_mask=begin_mask, end_mask=end_mask, ellipsis_mask=ellipsis_mask, new_axis_mask=new_axis_mask,
                 shrink_axis_mask=shrink_axis_mask)  # fmt: skip
    return record.call(OPS["StridedSlice"], [input_, begin, end, strides], {k: v for k, v in masks.items() if v}, name)


def _ones_like(x):
    return OPS["OnesLike"].public(x)


def _slice(input_, begin, size):
    """input_[begin : begin + size] in each dimension; `begin` known or not, a size of -1 reaches to the end."""
    rank = input_.ndim
    if begin.shape != (rank,) or size.shape != (rank,):
        raise _bad(f"Expected begin and size arguments to be 1-D tensors of size {rank}, but got shapes {list(begin.shape)} and "
                   f"{list(size.shape)} instead.", "Slice")  # fmt: skip
    known = isinstance(begin, np.ndarray)
    sizes = [int(n) for n in size]
    for i, dim in enumerate(input_.shape):
        if known:
            b = int(begin[i])
            if not 0 <= b <= dim:
                raise _bad(f"Expected begin[{i}] in [0, {dim}], but got {b}", "Slice")
            if sizes[i] == -1:
                sizes[i] = dim - b
            if not 0 <= sizes[i] <= dim - b:
                raise _bad(f"Expected size[{i}] in [0, {dim - b}], but got {sizes[i]}", "Slice")
        elif not 0 <= sizes[i] <= dim:
            raise _bad(f"Expected size[{i}] in [0, {dim}], but got {sizes[i]}", "Slice")
    if known:
        if isinstance(input_, np.ndarray):
            return input_[tuple([slice(int(b), int(b) + n) for b, n in zip(begin, sizes)])]
        return lax.slice(input_, [int(b) for b in begin], [int(b) + n for b, n in zip(begin, sizes)])
    return lax.dynamic_slice(input_, [begin[i] for i in range(rank)], sizes)


op("Slice", static="size", own="input_ begin", twin=True)(_slice)
# With a size of -1 the length depends on where the slice begins.
_SLICE_TO_END = OpDef("Slice", _slice, static="begin size", own="input_", name="Slice", twin=True)


@export("slice")
def slice_(input_, begin, size, name=None):
    """input_ [...], begin [r], size [r] -> the block of that size at that place; -1 in `size` reaches to the end."""
    input_ = record.convert_to_tensor(input_)
    size = _sizes_known(input_, begin, size)
    open_ended = size is None or not _is_tensor(size) and -1 in np.asarray(size).ravel().tolist()
    if context.graph is None:
        if input_.dtype is dtypes.string:
            return record.constant(_slice(input_._numpy(), record.shape_array(begin), record.shape_array(size)))
        begin = record.convert_to_tensor(begin)
        if begin._slot.value.__class__ is np.ndarray:  # known now: checked now
            _check_slice(input_._shape_tuple(), begin._slot.value, record.shape_array(size))
    return record.call(
        _SLICE_TO_END if open_ended or _is_tensor(size) else OPS["Slice"], [input_, begin, size], None, name
    )


slice_.__name__ = slice_.__qualname__ = "slice"


def _check_slice(shape, begin, size):
    for i, (dim, b, n) in enumerate(zip(shape, begin.ravel().tolist(), size.ravel().tolist())):
        if not 0 <= b <= dim:
            raise _bad(f"Expected begin[{i}] in [0, {dim}], but got {b}", "Slice")
        if not -1 <= n <= dim - b:
            raise _bad(f"Expected size[{i}] in [0, {dim - b}], but got {n}", "Slice")


def _sizes_known(x, begin, size):
    """`size` with every -1 replaced that the static shape and the known parts of `begin` decide."""
    if _is_tensor(size) or record._contains_tensor(size if isinstance(size, (list, tuple)) else []):
        return size
    sizes = [
        int(v.value) if isinstance(v, Dimension) else int(v)
        for v in (np.asarray(size).tolist() if not isinstance(size, (list, tuple)) else size)
    ]
    shape = x._shape_tuple()
    if -1 not in sizes or shape is None or len(shape) != len(sizes):
        return sizes
    if isinstance(begin, (list, tuple)):
        first = [b if isinstance(b, (int, np.integer)) else None for b in begin]
    elif isinstance(begin, np.ndarray):
        first = begin.tolist()
    elif isinstance(begin, Tensor):
        known = (
            record.static_value(begin) if not isinstance(begin, EagerTensor) or begin._slot.value is not None else None
        )
        first = [None] * len(sizes) if known is None else known.tolist()
    else:
        first = [None] * len(sizes)
    if len(first) != len(sizes):
        return sizes
    return [
        d - b if n == -1 and b is not None and d is not None and 0 <= b <= d else n
        for n, b, d in zip(sizes, first, shape)
    ]
