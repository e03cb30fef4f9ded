"""Tensors taken apart and put together by data: dynamic_partition, dynamic_stitch, repeat, setdiff1d.

What goes where depends on data, so it is decided on the host; the rows themselves are gathered on the device,
differentiably.
"""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import OPS, export, op
from ..engine import infer as inference
from ..graph import context
from ..scopes import name_scope
from ..tensor import EagerTensor
from .array import bad, is_tensor, reshape, shapes_text
from .gather import gather, gather_kernel, gather_on_host


# -- dynamic_partition and dynamic_stitch -----------------------------------------------------------------------------
@op("PartitionPositions", host=True, name="Where",
    abstract=lambda partitions, num_partitions: [(dtypes.int64, (None,))] * num_partitions)  # fmt: skip
def partition_positions(partitions, *, num_partitions):
    """partitions [...] -> for each number below `num_partitions` the flat positions where it occurs."""
    flat = partitions.reshape(-1)
    outside = np.flatnonzero((flat < 0) | (flat >= num_partitions))
    if outside.size:
        where = np.unravel_index(outside[0], partitions.shape)
        place = shapes_text(where) if where else ""
        raise bad("DynamicPartition", f"partitions{place} = {flat[outside[0]]} is not in [0, {num_partitions})")
    return tuple([np.flatnonzero(flat == i).astype(np.int64) for i in range(num_partitions)])


@export("dynamic_partition")
def dynamic_partition(data, partitions, num_partitions, name=None):
    """data [*p, ...], partitions [*p] -> list of num_partitions tensors [n_i, ...]: the rows of each number, in
    order.
    """
    num_partitions = record.setting(num_partitions)
    with name_scope(name, "DynamicPartition", [data, partitions]):
        data, partitions = record.convert_to_tensor(data), record.convert_to_tensor(partitions)
        outer, whole = partitions._shape_tuple(), data._shape_tuple()
        if outer is None:
            raise NotImplementedError("tf.dynamic_partition needs the rank of `partitions`")
        if whole is not None and any(a is not None and b is not None and a != b for a, b in zip(whole, outer)):
            got = f"data.shape = {shapes_text(whole)}, partitions.shape = {shapes_text(outer)}"
            said = f"data.shape must start with partitions.shape, got {got}"
            raise bad("DynamicPartition", said) if context.graph is None else ValueError(said)
        flat = _rows(data, len(outer))
        places = record.call(OPS["PartitionPositions"], [partitions], {"num_partitions": num_partitions}, None)
        return [partition_rows(flat, at) for at in places]


@op("PartitionRows", own="indices", name="DynamicPartition", twin=lambda data, indices: gather_on_host(data, indices))
def partition_rows(data, indices):
    """The rows of one number: an op of its own, as a lookup's gradient would be IndexedSlices where TensorFlow's is a tensor."""
    return gather_kernel.op.kernel(data, indices, in_range=True)


def _rows(data, rank):
    """`data` with its first `rank` dimensions made one."""
    if rank == 1:
        return data
    shape = data._shape_tuple()
    if shape is not None and None not in shape:
        return reshape(data, [int(np.prod(shape[:rank], dtype=np.int64)), *shape[rank:]])
    return reshape(data, OPS["ConcatV2"].public([[-1], OPS["Shape"].public(data)[rank:]], axis=0))


@op("StitchPositions", host=True, abstract=lambda *indices: (dtypes.int64, (None,)), name="Where")
def stitch_positions(*indices):
    """indices n x [...] -> [max + 1]: for each output row the last row of the concatenated data that goes there, or
    -1.
    """
    flat = np.concatenate([i.reshape(-1) for i in indices]) if indices else np.zeros(0, np.int64)
    if flat.size and flat.min() < 0:
        raise bad("DynamicStitch", f"indices[0] is out of range: {flat.min()}")
    out = np.full(int(flat.max()) + 1 if flat.size else 0, -1, np.int64)
    out[flat] = np.arange(flat.size)  # NumPy keeps the last of several
    return out


@export("dynamic_stitch")
def dynamic_stitch(indices, data, name=None):
    """indices n x [*s_i], data n x [*s_i, ...] -> [max index + 1, ...]: row indices[m][i] is data[m][i]; the last
    one wins.
    """
    return _stitch("DynamicStitch", indices, data, name)


@export("", v1="parallel_dynamic_stitch")
def parallel_dynamic_stitch(indices, data, name=None):
    """As tf.dynamic_stitch; where an index occurs twice the last one wins here, too."""
    return _stitch("ParallelDynamicStitch", indices, data, name)


def _stitch(type, indices, data, name):
    with name_scope(name, type, [*indices, *data]):
        indices = [record.convert_to_tensor(i, dtypes.int32 if not is_tensor(i) else None) for i in indices]
        dtype = record._first_dtype([d for d in data if is_tensor(d)])
        data = [record.convert_to_tensor(d, dtype if not is_tensor(d) else None) for d in data]
        if len(indices) != len(data):
            raise ValueError(
                f"List argument 'indices' to '{type}' Op with length {len(indices)} must match length {len(data)} of "
                "argument 'data'."
            )
        for d, i in zip(data, indices):
            head, whole = d._shape_tuple(), i._shape_tuple()
            if head is not None and whole is not None and not _begins_with(head, whole):
                message = f"data.shape {shapes_text(head)} does not start with indices.shape {shapes_text(whole)}"
                raise bad(type, message) if context.graph is None else ValueError(message)
        rows = [_rows_of(d, i._rank()) for d, i in zip(data, indices)]
        known = [
            record.static_value(i) if context.graph is not None or i._slot.value is not None else None for i in indices
        ]
        if all(k is not None for k in known):
            at = stitch_positions.op.kernel(*known)
        else:
            at = record.call(OPS["StitchPositions"], indices, None, None)
        return record.call(OPS["StitchRows"], [at, *rows], None, type)


def _begins_with(shape, start):
    same = zip(shape, start, strict=False)
    return len(shape) >= len(start) and all(a is None or b is None or a == b for a, b in same)


def _rows_of(data, rank):
    return OPS["ExpandDims"].public(data, 0) if rank == 0 else _rows(data, rank)


def _stitched_on_host(at, *rows):
    together = np.concatenate(rows)
    return np.where(
        (at < 0).reshape(-1, *[1] * (together.ndim - 1)), _nothing(together.dtype), together[np.maximum(at, 0)]
    )


def _nothing(dtype):
    """A zero of a NumPy dtype; of text, which are objects, the empty string."""
    return b"" if dtype.kind == "O" else np.zeros((), dtype)


@op("StitchRows", own="inputs", name="DynamicStitch", twin=_stitched_on_host)
def stitch_rows(*inputs):
    """positions [n], rows m x [n_i, ...] -> [n, ...]; a position of -1 gives zeros."""
    import jax.numpy as jnp

    at, *rows = inputs
    together = jnp.concatenate([*rows, jnp.zeros((1, *rows[0].shape[1:]), rows[0].dtype)])
    return jnp.take(together, jnp.where(at < 0, together.shape[0] - 1, at), axis=0, mode="clip")


# -- repeat -----------------------------------------------------------------------------------------------------------
@op("RepeatPositions", host=True, alike=False, abstract=lambda repeats, n: (dtypes.int64, (None,)), name="Where")
def repeat_positions(repeats, n):
    """repeats [] or [n] -> [sum of repeats]: 0 as often as repeats[0] says, then 1, ... up to n - 1"""
    if repeats.size not in (1, n):
        raise bad("Repeat", f"repeats must be a scalar or have {n} elements, got shape {shapes_text(repeats.shape)}")
    return np.repeat(np.arange(n, dtype=np.int64), np.broadcast_to(repeats.reshape(-1), (int(n),)))


def _repeated_on_host(input, repeats, *, axis):
    return np.repeat(input, np.broadcast_to(repeats.reshape(-1), (input.shape[axis],)), axis)


@op("RepeatEach", own="input repeats", static="repeats", name="Repeat", twin=_repeated_on_host)
def repeat_kernel(input, repeats, *, axis):
    """input [.., n, ..], repeats [] or [n] -> each slice along `axis` as often as `repeats` says."""
    import jax.numpy as jnp

    n = input.shape[axis]
    if repeats.size not in (1, n):
        raise bad("Repeat", f"repeats must be a scalar or have {n} elements, got shape {shapes_text(repeats.shape)}")
    at = np.repeat(np.arange(n), np.broadcast_to(repeats.reshape(-1), (n,)))
    return jnp.take(input, at, axis, mode="clip")


@export("repeat")
def repeat(input, repeats, axis=None, name=None):
    """input [.., n, ..], repeats [] or [n] -> each slice along `axis` as often as `repeats` says; flattened for
    axis=None.
    """
    input, axis = record.convert_to_tensor(input), record.setting(axis)
    if axis is None:
        input, axis = reshape(input, [-1]), 0
    if is_tensor(repeats):
        repeats = record.convert_to_tensor(repeats)
        known = repeats._slot.value if isinstance(repeats, EagerTensor) else inference.constant_value(repeats._slot)
        if known is None and repeats._rank() != 0:
            rank = input._rank()
            size = OPS["Shape"].public(input)[axis]
            at = record.call(OPS["RepeatPositions"], [repeats, size], None, None)
            return gather(input, at, axis=axis if axis >= 0 or rank is None else axis + rank, name=name)
    shape = input._shape_tuple()
    if (
        not is_tensor(repeats)
        and shape is not None
        and np.size(repeats) not in (1, shape[axis])
        and shape[axis] is not None
    ):
        raise ValueError(f"Dimensions {shape[axis]} and {np.size(repeats)} are not compatible")
    return record.call(OPS["RepeatEach"], [input, repeats], {"axis": axis}, name)
