"""tf.ragged's functions, and the small ones of other families for ragged tensors: size, rank, merge_dims, ..."""

from __future__ import annotations

import builtins

import numpy as np

from .. import dtypes, record
from ..declare import OPS, export, op
from ..ops.core import cast
from ..scopes import name_scope
from . import partition
from .partition import RowPartition, invalid
from .tensor import RaggedTensor, as_ragged, is_ragged


def positive_axis(axis, rank, name="axis"):
    """`axis` counted from the front.  ValueError where it is out of range or counted from an unknown end."""
    axis = record.setting(axis)
    if not isinstance(axis, int):
        raise TypeError(f"{name} must be an int; got {type(axis).__name__}")
    if rank is None:
        if axis < 0:
            raise ValueError(f"{name}={axis} may only be negative if rank is statically known.")
        return axis
    if not -rank <= axis < rank:
        raise ValueError(f"{name}={axis} out of bounds: expected {-rank}<={name}<{rank}")
    return axis % rank


# -- values -----------------------------------------------------------------------------------------------------------
def flat_map(fn, args, kwargs):
    """`fn` of the flat values of all ragged arguments, which must have the same partitions."""
    ragged = []

    def flat(value):
        if isinstance(value, (list, tuple)):
            return type(value)([flat(v) for v in value])
        if is_ragged(value):
            ragged.append(value)
            return value.flat_values
        return value

    args, kwargs = [flat(a) for a in args], {k: flat(v) for k, v in kwargs.items()}
    if not ragged:
        return fn(*args, **kwargs)
    first = ragged[0]
    splits = list(first.nested_row_splits)
    for other in ragged[1:]:
        splits = same_splits(splits, list(other.nested_row_splits))
    out = fn(*args, **kwargs)
    return rebuilt(out, first, splits)


def rebuilt(values, like, splits=None):
    """Other flat values, with the partitions of `like` (of which `splits` are checked row splits)."""
    old = like._nested_row_partitions
    splits = [p._splits for p in old] if splits is None else splits
    for p, s in zip(reversed(old), reversed(splits), strict=True):
        values = RaggedTensor(values, RowPartition._of(s, p._length), internal=True)
    return values


@op("RaggedSameSplits", host=True, alike=False, abstract=lambda a, b: (a.dtype, b.shape if b.known else a.shape))
def _same(a, b):
    if not np.array_equal(a, b):
        places = np.flatnonzero(a != b) if a.shape == b.shape else []
        which = f"Indices of first {len(places)} different values:\n{places[:, None]}\n" if len(places) else ""
        raise invalid(f"Condition x == y did not hold.\n{which}x: {a}\ny: {b}")
    return a


def same_splits(one, other):
    """`one`; InvalidArgumentError when it turns out that the row splits of two ragged tensors differ."""
    if len(one) != len(other):
        raise ValueError("All ragged inputs must have the same ragged_rank.")
    return [a if a is b else _same(a, b) for a, b in zip(one, other, strict=True)]


@export("ragged.map_flat_values")
def map_flat_values(op, *args, **kwargs):  # TensorFlow's name
    """`op` applied to the flat values of the ragged arguments; what it returns gets their partitions."""
    return flat_map(op, args, kwargs)


# -- partitions -------------------------------------------------------------------------------------------------------
@export("ragged.row_splits_to_segment_ids")
def row_splits_to_segment_ids(splits, name=None, out_type=None):
    """splits [n + 1] -> the row of each value."""
    with name_scope(name, "RaggedSplitsToSegmentIds"):
        splits = record.convert_to_tensor(splits, dtypes.int64 if record._dtype_of(splits) is None else None)
        if splits.dtype.base_dtype not in (dtypes.int32, dtypes.int64):
            raise ValueError("splits must have dtype int32 or int64")
        splits.shape.assert_has_rank(1)
        if splits.shape[0] == 0:
            raise ValueError("Invalid row_splits: []")
        return partition.rowids_of(splits if out_type is None else cast(splits, out_type))


@export("ragged.segment_ids_to_row_splits")
def segment_ids_to_row_splits(segment_ids, num_segments=None, out_type=None, name=None):
    """The row of each value, which never falls -> splits."""
    with name_scope(name, "SegmentIdsToRaggedSplits"):
        ids = partition.index_tensor(segment_ids, "segment_ids")
        ids.shape.assert_has_rank(1)
        count = partition._rows(num_segments, ids.dtype.base_dtype)
        splits = partition.with_rows(partition.splits_of_rowids(ids, count), count)
        return splits if out_type is None else cast(splits, out_type)


def _ranges_abstract(*bounds, dtype):
    sizes = [a.shape[0] for a in bounds if a.shape]
    n = next((s for s in sizes if s is not None), None) if sizes or any(a.shape is None for a in bounds) else 1
    return [(bounds[0].dtype, (None,)), (dtype, (None if n is None else n + 1,))]


@op("RaggedRange", host=True, alike=False, abstract=_ranges_abstract)
def _ranges(starts, limits, deltas, *, dtype):
    starts, limits, deltas = np.broadcast_arrays(*[np.atleast_1d(v) for v in (starts, limits, deltas)])
    if np.any(deltas == 0):
        raise invalid("Requires delta != 0")
    rows = [np.arange(s, e, d, dtype=starts.dtype) for s, e, d in zip(starts, limits, deltas, strict=True)]
    lengths = [len(r) for r in rows]
    values = np.concatenate(rows) if rows else np.zeros(0, starts.dtype)
    return values, np.concatenate([[0], np.cumsum(lengths)]).astype(dtype.np)


@export("ragged.range")
def range(starts, limits=None, deltas=1, dtype=None, name=None, row_splits_dtype=dtypes.int64):
    """Row i counts from starts[i] up to, without, limits[i] in steps of deltas[i]; range(limits) starts at 0."""
    if limits is None:
        starts, limits = 0, starts
    with name_scope(name, "RaggedRange", [starts, limits, deltas]):
        hint = None if dtype is None else dtypes.as_dtype(dtype)
        tensors = [record.convert_to_tensor(v, hint if record._dtype_of(v) is None else None)
                   for v in (starts, limits, deltas)]  # fmt: skip
        order = (dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64)
        kind = hint or max((t.dtype.base_dtype for t in tensors), key=order.index)
        tensors = [cast(t, kind) for t in tensors]
        values, splits = _ranges(*tensors, dtype=dtypes.as_dtype(row_splits_dtype))
        return RaggedTensor(values, RowPartition._of(splits), internal=True)


@export("ragged.boolean_mask")
def boolean_mask(data, mask, name=None):
    """The parts of `data` where `mask` holds; ragged along the last dimension of the mask, so rows stay apart."""
    with name_scope(name, "RaggedMask", [data, mask]):
        from .conversion import from_tensor
        from .indexing import gather_rows

        mask = as_ragged(mask, dtype=None if record._dtype_of(mask) else dtypes.bool)
        data = as_ragged(data)
        if mask.dtype.base_dtype is not dtypes.bool:
            raise TypeError(f"Expected bool mask, got {mask.dtype.name}")
        rank = mask.shape.rank
        if rank is None:
            raise ValueError("mask.shape.ndims must be known statically.")
        if rank == 0:
            raise ValueError("mask cannot be scalar.")
        if not is_ragged(mask) and rank > 1:
            mask = from_tensor(mask, ragged_rank=rank - 1)
        if is_ragged(mask):
            inner = data if is_ragged(data) else from_tensor(data, ragged_rank=mask.ragged_rank)
            for a, b in zip(mask.nested_row_splits, inner.nested_row_splits, strict=False):
                splits = _same(b, a) if a is not b else b
            values, *outer = inner, *()
            for _ in mask.nested_row_splits:
                outer.append(values._partition)
                values = values.values
            flat = mask.flat_values
            if flat.shape.rank is not None and flat.shape.rank > 1:
                raise NotImplementedError("tf.ragged.boolean_mask with a mask that is uniform inside ragged rows")
            kept = boolean_mask(values, flat)
            splits = _counted(flat, splits)
            made = RaggedTensor(kept, RowPartition._of(splits), internal=True)
            for p in reversed(outer[:-1]):
                made = RaggedTensor(made, p, internal=True)
            return made
        if is_ragged(data):
            places = OPS["MaskPositions"].public(mask)
            return gather_rows(data, places)
        from ..ops.where import boolean_mask as dense

        return dense(data, mask)


@op("RaggedCountTrue", host=True, alike=False, abstract=lambda m, s: (s.dtype, s.shape))
def _counted(mask, splits):
    """How many of a mask's values hold before each split."""
    return np.concatenate([[0], np.cumsum(mask)])[splits].astype(splits.dtype)


@export("ragged.stack_dynamic_partitions")
def stack_dynamic_partitions(data, partitions, num_partitions, name=None):
    """Row i holds the parts of `data` for which `partitions` says i, in order."""
    with name_scope(name, "SegmentStack", [data, partitions]):
        from .indexing import gather_rows

        data, ids = as_ragged(data), as_ragged(partitions)
        if is_ragged(ids):
            for _ in builtins.range(ids.ragged_rank):
                data = data.values if is_ragged(data) else merge_dims_dense(data, 0, 1)
            ids = ids.flat_values
        elif ids.shape.rank is None:
            raise ValueError("partitions must have known rank")
        elif ids.shape.rank == 0:
            raise ValueError("partitions must not be scalar: its rank is that of the leading dimensions of data")
        elif ids.shape.rank > 1:
            data = merge_dims(data, 0, ids.shape.rank - 1)
            ids = OPS["Reshape"].public(ids, [-1])
        n = record.convert_to_tensor(num_partitions)
        order, splits = _sorted_by(ids, n)
        rows, splits = gather_rows(data, order), partition.with_rows(splits, n)
        return RaggedTensor._cut(rows, RowPartition._of(splits))


@op("RaggedSortedBy", host=True, alike=False, abstract=lambda i, n: [(dtypes.int64, i.shape), (i.dtype, (None,))])
def _sorted_by(ids, n):
    if ids.size and (ids.min() < 0 or ids.max() >= n):
        raise invalid(f"partitions must be in [0, {n}), got {ids.tolist()}")
    counts = np.bincount(ids, minlength=int(n)) if ids.size else np.zeros(int(n), np.int64)
    return np.argsort(ids, kind="stable").astype(np.int64), np.concatenate([[0], np.cumsum(counts)]).astype(ids.dtype)


@export("ragged.cross")
def cross(inputs, name=None):
    """Feature crosses are not supported."""
    raise NotImplementedError("tf.ragged.cross is not supported: join the features with tf.strings.join")


@export("ragged.cross_hashed")
def cross_hashed(inputs, num_buckets=0, hash_key=None, name=None):
    """Feature crosses are not supported."""
    raise NotImplementedError("tf.ragged.cross_hashed is not supported: tf.strings.join and tf.strings.to_hash_bucket")


# -- size and shape ---------------------------------------------------------------------------------------------------
def size(input, out_type=dtypes.int32, name=None):
    """How many values there are."""
    return OPS["Size"].public(input.flat_values, out_type=dtypes.as_dtype(out_type or dtypes.int32))


def rank(input, name=None):
    """How many dimensions there are."""
    inner = OPS["Rank"].public(input.flat_values)
    return inner + np.int32(input.ragged_rank)


def merge_dims_dense(values, outer, inner):
    """A tensor with its dimensions from `outer` to `inner` made one."""
    shape = OPS["Shape"].public(values)
    join = OPS["ConcatV2"].public
    return OPS["Reshape"].public(values, join([shape[:outer], np.array([-1], np.int32), shape[inner + 1 :]], 0))


def merge_dims(value, outer_axis, inner_axis):
    """A ragged (or dense) tensor with its dimensions from `outer_axis` to `inner_axis` made one."""
    if not is_ragged(value):
        return value if outer_axis == inner_axis else merge_dims_dense(value, outer_axis, inner_axis)
    outer = positive_axis(outer_axis, value.shape.rank, "outer_axis")
    inner = positive_axis(inner_axis, value.shape.rank, "inner_axis")
    if not outer <= inner:
        raise ValueError(f"Expected outer_axis ({outer_axis}) to be less than or equal to inner_axis ({inner_axis})")
    if outer == inner:
        return value
    if outer > 1:
        return value.with_values(merge_dims(value.values, outer - 1, inner - 1))
    if outer == 1:
        splits, inside = value.row_splits, value.values
        for left in builtins.range(inner - 1, 0, -1):
            if is_ragged(inside):
                splits, inside = OPS["GatherV2"].public(inside.row_splits, splits), inside.values
            else:
                sizes = OPS["Shape"].public(inside, out_type=splits.dtype.base_dtype)[1 : left + 1]
                splits = splits * OPS["Prod"].public(sizes) if left > 1 else splits * sizes[0]
                inside = merge_dims_dense(inside, 0, left)
                break
        return RaggedTensor(inside, RowPartition._of(splits), internal=True)
    while inner and is_ragged(value):
        value, inner = value.values, inner - 1
    return merge_dims(value, 0, inner) if inner else value


def expand_dims(input, axis=None, name=None, dim=None):
    """A dimension of size 1 put in at `axis`."""
    axis = axis if dim is None else dim
    with name_scope(name, "RaggedExpandDims", [input]):
        input = as_ragged(input)
        if not is_ragged(input):
            return OPS["ExpandDims"].public(input, axis)
        known = input.shape.rank
        axis = positive_axis(axis, None if known is None else known + 1)
        if axis == 0:
            return RaggedTensor.from_uniform_row_length(input, input.nrows(), 1)
        if axis == 1:
            return RaggedTensor.from_uniform_row_length(input, 1, input.nrows())
        if is_ragged(input.values):
            return input.with_values(expand_dims(input.values, axis - 1))
        return input.with_values(OPS["ExpandDims"].public(input.values, axis - 1))


def squeeze(input, axis=None, name=None, squeeze_dims=None):
    """Dimensions of size 1 taken out; `axis` must be given."""
    from ..ops.array import squeeze as dense

    axis = axis if squeeze_dims is None else squeeze_dims
    if not is_ragged(input):
        return dense(input, axis)
    if axis is None:
        raise ValueError("Ragged.squeeze must have an axis argument.")
    rank = input.shape.rank
    for a in sorted({positive_axis(a, rank) for a in ([axis] if isinstance(axis, int) else axis)}, reverse=True):
        input = _squeezed(input, a)
    return input


def _squeezed(input, axis):
    from ..ops.array import squeeze as dense

    if not is_ragged(input):
        return dense(input, axis)
    if axis == 0:
        return input[0]
    if axis == 1:
        checked = _all_ones(input.row_splits)
        return RaggedTensor.from_row_splits(input.values.values, input.values.row_splits) if is_ragged(
            input.values
        ) else OPS["Reshape"].public(input.values, OPS["ConcatV2"].public(
            [cast(checked[-1:], dtypes.int32), OPS["Shape"].public(input.values)[1:]], 0))  # fmt: skip
    return input.with_values(_squeezed(input.values, axis - 1))


@op("RaggedAllOnes", host=True, abstract=lambda s: (s.dtype, s.shape))
def _all_ones(splits):
    if np.any(np.diff(splits) != 1):
        raise invalid("the given axis (axis = 1) is not squeezable!")
    return splits
