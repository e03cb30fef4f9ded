"""The ops of TensorArrays in graphs, on one stacked tensor of their elements (see tensor_array.py)."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, OpDef
from ..graph import context

UNSET = (0,) * 8


def is_unset(flow):
    """Whether a TensorArray's contents have no element shape yet."""
    return len(flow.shape) == 9 and flow.shape[1:] == UNSET


# -- kernels ----------------------------------------------------------------------------------------------------------
def _zeros(shape, dtype):
    if np.dtype(dtype) == object:
        out = np.empty(shape, object)
        out.fill(b"")
        return out
    return jnp.zeros(shape, dtype)


def create_kernel(size, *, dtype, shape):
    n = int(size)
    if n < 0:
        raise errors.InvalidArgumentError(None, None, f"Size should be >= 0, but got: {n}")
    return _zeros((n, *(UNSET if shape is None else shape)), dtype.np)


def _outside(verb, index, n):
    return f"Trying to {verb} element {int(index)} in a list with {n} elements."


def read_kernel(flow, index, *, shape=None):
    """flow [n, ...], index scalar -> [...]; a read past the end is refused where the index is known."""
    n, known = flow.shape[0], isinstance(index, np.ndarray)
    if known and not 0 <= index < n:
        raise errors.InvalidArgumentError(None, None, _outside("access", index, n))
    if is_unset(flow):
        if shape is None:
            raise errors.InvalidArgumentError(
                None,
                None,
                "TensorArray: Could not read index before anything was written: its element shape is not known",
            )
        return _zeros(shape, flow.dtype)
    if known:
        return flow[int(index.reshape(()))]
    if not flow.shape[0]:
        return _zeros(flow.shape[1:], flow.dtype)  # a loop that does not run
    return lax.dynamic_index_in_dim(jnp.asarray(flow), jnp.asarray(index).reshape(()), 0, keepdims=False)


def write_kernel(flow, index, value, *, grows=False):
    """flow [n, ...] with element `index` replaced by value [...].  Where it may grow, a known index past the end makes
    room."""
    n = flow.shape[0]
    if is_unset(flow):
        flow = _zeros((n, *value.shape), flow.dtype)
    if value.shape != flow.shape[1:]:
        raise errors.InvalidArgumentError(
            None, None, f"Incompatible shape for value ({tuple(value.shape)}), expected ({tuple(flow.shape[1:])})"
        )
    if isinstance(index, np.ndarray):
        i = int(index.reshape(()))
        if i < 0 or i >= n and not grows:
            raise errors.InvalidArgumentError(None, None, _outside("modify", i, n))
        if i >= n:
            flow = _extended(flow, i + 1)
        if flow.dtype == object:
            flow = np.array(flow)
            flow[i] = value[()] if value.ndim == 0 else value
            return flow
        return jnp.asarray(flow).at[i].set(value)
    if not n:
        return flow
    # What only a run can tell to lie outside is dropped, never put elsewhere.
    return jnp.asarray(flow).at[jnp.asarray(index).reshape(())].set(value, mode="drop", wrap_negative_indices=False)


def _extended(flow, n):
    pad = _zeros((n - flow.shape[0], *flow.shape[1:]), flow.dtype)
    return (np if flow.dtype == object else jnp).concatenate([flow, pad])


def size_kernel(size, index):
    return jnp.maximum(size, (jnp.max(index) + 1).astype(size.dtype))


def _size_twin(size, index):
    return np.maximum(size, np.max(index) + 1).astype(size.dtype)


def stack_kernel(flow, *, shape=None):
    if not is_unset(flow):
        return flow
    if shape is None:
        raise errors.InvalidArgumentError(
            None, None,
            "Tried to stack elements of an empty list with non-fully-defined element_shape: nothing was written "
            "to the TensorArray",
        )  # fmt: skip
    return _zeros((flow.shape[0], *shape), flow.dtype)


def part_kernel(flow, size, *, shape=None):
    """The first `size` elements, stacked."""
    flow = flow[: int(size)]
    return stack_kernel(flow, shape=shape)


def gather_kernel(flow, indices, *, shape=None):
    flow = stack_kernel(flow, shape=shape)
    if isinstance(indices, np.ndarray):
        bad = indices[(indices < 0) | (indices >= flow.shape[0])]
        if bad.size:
            raise errors.InvalidArgumentError(None, None, _outside("access", bad[0], flow.shape[0]))
        return flow[indices]
    return jnp.take(flow, indices, axis=0, mode="clip")


def scatter_kernel(flow, indices, value, *, grows=False):
    n = flow.shape[0]
    if is_unset(flow):
        flow = _zeros((n, *value.shape[1:]), flow.dtype)
    if isinstance(indices, np.ndarray):
        most = int(indices.max()) + 1 if indices.size else 0
        if most > n and not grows or indices.size and indices.min() < 0:
            raise errors.InvalidArgumentError(
                None, None, _outside("modify", indices.min() if most <= n else most - 1, n)
            )
        if most > n:
            flow = _extended(flow, most)
    if flow.dtype == object:
        flow = np.array(flow)
        flow[indices] = value
        return flow
    return jnp.asarray(flow).at[indices].set(value, mode="drop", wrap_negative_indices=False)


def concat_kernel(flow):
    if flow.ndim < 2:
        raise errors.InvalidArgumentError(
            None, None, "Concat saw a scalar shape at index 0 but requires at least vectors."
        )
    return flow.reshape((-1, *flow.shape[2:]))


def split_kernel(value, lengths):
    said, total = None, lengths.sum()
    if lengths.ndim != 1:
        said = f"Expected lengths to be a vector, received shape: {list(lengths.shape)}"
    elif value.ndim == 0:
        said = "Expected value to be at least a vector, but received shape: []"
    elif total > value.shape[0]:
        said = f"Attempting to slice [0, {total}) from tensor with length {value.shape[0]}"
    elif total < value.shape[0]:
        said = f"Unused values in tensor. Length of tensor: {value.shape[0]} Values used: {total}"
    if said:
        raise errors.InvalidArgumentError(None, None, said)
    if lengths.size and (lengths != lengths[0]).any():
        raise NotImplementedError(
            "TensorArray.split into pieces of different lengths in a graph: use tf.split, or equal lengths"
        )
    return value.reshape((lengths.size, lengths[0] if lengths.size else 0, *value.shape[1:]))


def check_split(lengths, shape, size):
    """Raises InvalidArgumentError unless a value of `shape` splits into `lengths`, and these are `size` (None: any number)."""
    if lengths.ndim != 1:
        said = f"Expected lengths to be a vector, received shape: {list(lengths.shape)} "
    elif not shape:
        said = f"Expected value to be at least a vector, but received shape: {shape} "
    elif lengths.sum() != shape[0]:
        said = (
            f"Expected sum of lengths to be equal to values.shape[0], but sum of lengths is {lengths.sum()} and value's "
            f"shape is: {shape} "
        )
    elif size is not None and len(lengths) != size:
        said = (
            f"TensorArray's size is not equal to the size of lengths ({size} vs. {len(lengths)}), and the TensorArray is "
            "not marked as dynamically resizeable."
        )
    else:
        return
    raise errors.InvalidArgumentError(None, None, said)


def check_ranks(ranks):
    """Raises InvalidArgumentError where elements of these ranks (None: not known) cannot be joined."""
    if 0 in ranks:
        said = f"Concat saw a scalar shape at index {ranks.index(0)} but requires at least vectors."
        raise errors.InvalidArgumentError(None, None, said)
    known = [r for r in ranks if r is not None]
    other = next((r for r in known if r != known[0]), None)
    if other is not None:
        raise errors.InvalidArgumentError(None, None, f"Incompatible ranks of shapes: {known[0]} vs. {other}")


class _Growing(OpDef):
    """A write that may make the array longer: a replayed tf.function makes room first, since a kernel cannot."""

    __slots__ = ("run_eagerly",)

    def __init__(self, type, kernel, **flags):
        super().__init__(type, kernel, alike=False, **flags)
        self.run_eagerly = None if self.host else _make_room


def _make_room(op, tensors):
    flow, index = tensors[0], tensors[1]
    n, needed = flow.shape[0], int(np.max(index._numpy(), initial=-1)) + 1
    if needed > n:
        pad = np.zeros((needed - n, *flow.shape[1:].as_list()), flow.dtype.np)
        flow = OPS["ConcatV2"].public([flow, record.constant(pad)], axis=0)
    from ..engine import dispatch

    return [dispatch.record(op.sig, tuple([t._slot for t in (flow, *tensors[1:])]))]


def _declare(type, kernel, static="", known=False, twin=None):
    device = OPS[type] = OpDef(type, kernel, static=static, alike=False, known=known, twin=twin)
    return device, OpDef(type, kernel, alike=False, host=True)


CREATE = _declare("TensorArrayV3", create_kernel, "size")
READ = _declare("TensorArrayReadV3", read_kernel)
WRITE = _declare("TensorArrayWriteV3", write_kernel)
GROW = _Growing("TensorArrayWriteV3", write_kernel), _Growing("TensorArrayWriteV3", write_kernel, host=True)
SIZE_AFTER = _declare("TensorArrayGrow", size_kernel, twin=_size_twin)
STACK = _declare("TensorListStack", stack_kernel)
PART = _declare("TensorListResize", part_kernel, "size")
GATHER = _declare("TensorArrayGatherV3", gather_kernel)
SCATTER = _declare("TensorArrayScatterV3", scatter_kernel)
SCATTER_GROW = (
    _Growing("TensorArrayScatterV3", scatter_kernel),
    _Growing("TensorArrayScatterV3", scatter_kernel, host=True),
)
CONCAT = _declare("TensorArrayConcatV3", concat_kernel)
SPLIT = _declare("TensorArraySplitV3", split_kernel, "lengths")
SIZE = _declare("TensorArraySizeV3", lambda flow: np.array(flow.shape[0], np.int32), known=True)


def add(pair, tensors, a, settings=None, name=None, default=None):
    """Records one of these ops in the current graph, with the aval given."""
    graph = context.graph
    text = any(t.dtype is dtypes.string for t in tensors) or a.dtype is dtypes.string
    definition = pair[1] if text else pair[0]
    sig = definition.signature(settings) if settings else definition.signature()
    return record.add_op(graph, sig, tensors, graph.op_name(name, default or definition.type), avals=(a,), single=True)


def lead(n, shape):
    """The static shape of contents: n elements (None: not known) of `shape`, or None where that is not known."""
    return None if shape.rank is None else (n, *shape.as_list())
