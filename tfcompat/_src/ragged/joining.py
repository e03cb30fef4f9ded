"""Ragged tensors put together: concat, stack, tile."""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import OPS, export, op
from ..ops.core import cast
from ..scopes import name_scope
from ..tensor import EagerTensor
from . import partition
from .functions import expand_dims, merge_dims_dense, positive_axis, same_splits
from .indexing import gather_rows
from .partition import RowPartition, invalid
from .tensor import RaggedTensor, as_ragged, is_ragged


@op("RaggedJoinSplits", host=True, abstract=lambda *s: (s[0].dtype, (None,)))
def _one_after_another(*splits):
    """The row splits of ragged tensors put one after the other."""
    lengths = np.concatenate([np.diff(s) for s in splits])
    return np.concatenate([[0], np.cumsum(lengths)]).astype(splits[0].dtype)


@op("RaggedJoinRows", host=True, abstract=lambda *s: [(dtypes.int64, (None,)), (s[0].dtype, s[0].shape)])
def _side_by_side(*splits):
    """Where in the concatenated values the joined rows' values are, and the new row splits."""
    if len({len(s) for s in splits}) > 1:
        raise invalid(f"Input tensors have incompatible shapes: {[len(s) - 1 for s in splits]} rows")
    starts = np.concatenate([[0], np.cumsum([s[-1] for s in splits])])
    places = []
    for i in range(len(splits[0]) - 1):
        for s, start in zip(splits, starts, strict=False):
            places.append(np.arange(s[i], s[i + 1]) + start)
    lengths = np.sum([np.diff(s) for s in splits], 0)
    places = np.concatenate(places) if places else np.zeros(0, np.int64)
    return places.astype(np.int64), np.concatenate([[0], np.cumsum(lengths)]).astype(splits[0].dtype)


def _alike(values):
    """All as ragged tensors of one ragged rank and row splits dtype."""
    from .conversion import from_tensor

    hint = next((v.dtype.base_dtype for v in values if is_ragged(v) or record._dtype_of(v) is not None), None)
    values = [as_ragged(v, dtype=None if record._dtype_of(v) is not None else hint) for v in values]
    ragged = [v for v in values if is_ragged(v)]
    if not ragged:
        return values
    kind = ragged[0].row_splits.dtype.base_dtype
    if any(v.row_splits.dtype.base_dtype is not kind for v in ragged):
        kind = dtypes.int64
    depth = max(v.ragged_rank for v in ragged)
    out = []
    for v in values:
        if not is_ragged(v):
            v = from_tensor(v, ragged_rank=depth, row_splits_dtype=kind)
        elif v.ragged_rank < depth:
            v = v.with_flat_values(from_tensor(v.flat_values, ragged_rank=depth - v.ragged_rank))
        out.append(v.with_row_splits_dtype(kind))
    return out


def _check_ranks(values):
    ranks = {v.shape.rank for v in values} - {None}
    if len(ranks) > 1:
        raise ValueError(f"All inputs must have the same rank, got {sorted(ranks)}")
    return next(iter(ranks), None)


def concat(values, axis, name="concat"):
    """tf.concat of ragged (and dense) tensors."""
    values = list(values) if isinstance(values, (list, tuple)) else [values]
    with name_scope(None, "RaggedConcat"):
        given = [as_ragged(v) if is_ragged(v) or record._dtype_of(v) is not None else v for v in values]
        if len(given) == 1:
            return given[0]
        hint = next(v.dtype.base_dtype for v in given if is_ragged(v) or record._dtype_of(v) is not None)
        values = [as_ragged(v, dtype=None if record._dtype_of(v) is not None else hint) for v in given]
        rank = _check_ranks(values)
        return _concat(values, positive_axis(axis, rank))


def _concat(values, axis):
    if not any(is_ragged(v) for v in values):
        return OPS["ConcatV2"].public(values, axis)
    values = _alike(values)
    if axis == 0:
        joined = _concat([v.values for v in values], 0)
        splits = _one_after_another([v.row_splits for v in values])
        known = [v._partition.static_nrows for v in values]
        if None not in known and not isinstance(splits, EagerTensor):
            splits.set_shape([sum(known) + 1])
        lengths = {v._partition.static_uniform_row_length for v in values}
        length = next(iter(lengths)) if len(lengths) == 1 else None
        return RaggedTensor(joined, RowPartition._of(splits, length), internal=True)
    if axis == 1:
        joined = _concat([v.values for v in values], 0)
        places, splits = _side_by_side([v.row_splits for v in values])
        lengths = [v._partition.static_uniform_row_length for v in values]
        length = None if None in lengths else sum(lengths)
        return RaggedTensor(gather_rows(joined, places), RowPartition._of(splits, length), internal=True)
    splits = [values[0].row_splits]
    for v in values[1:]:
        splits = same_splits(splits, [v.row_splits])
    inner = _concat([v.values for v in values], axis - 1)
    return RaggedTensor(inner, RowPartition._of(splits[0], values[0]._partition._length), internal=True)


@export("ragged.stack")
def stack(values, axis=0, name=None):
    """Tensors, ragged or of different lengths, as the slices of one RaggedTensor along a new dimension `axis`."""
    values = list(values) if isinstance(values, (list, tuple)) else [values]
    if not values:
        raise ValueError("values must not be empty")
    with name_scope(name, "RaggedConcat", values):
        hint = next((v.dtype.base_dtype for v in values if is_ragged(v) or record._dtype_of(v) is not None), None)
        values = [as_ragged(v, dtype=None if record._dtype_of(v) is not None else hint) for v in values]
        rank = _check_ranks(values)
        if rank == 0:
            made = OPS["Pack"].public(values)
            positive_axis(axis, 1)
            return made
        axis = positive_axis(axis, None if rank is None else rank + 1)
        if axis == 0:
            if len(values) == 1 and not is_ragged(values[0]):
                return OPS["ExpandDims"].public(values[0], 0)
            return _stacked(values, rank)
        if not any(is_ragged(v) for v in values):
            values = _alike_dense(values, rank)
        return _concat([expand_dims(v, axis) for v in values], axis)


def _alike_dense(values, rank):
    from .conversion import from_tensor

    return [from_tensor(v, ragged_rank=1) if rank > 1 else v for v in values]


def _stacked(values, rank):
    """Row i holds values[i]."""
    from .conversion import from_tensor

    if not any(is_ragged(v) for v in values) and rank > 1:
        values = [from_tensor(v, ragged_rank=rank - 1) for v in values]
    counts = [cast(v.nrows(), dtypes.int64) if is_ragged(v) else OPS["Shape"].public(v, out_type=dtypes.int64)[0]
              for v in values]  # fmt: skip
    joined = _concat(values, 0)
    kind = joined.row_splits.dtype.base_dtype if is_ragged(joined) else dtypes.int64
    splits = partition.splits_of_lengths(cast(OPS["Pack"].public(counts), kind))
    return RaggedTensor(joined, RowPartition._of(splits), internal=True)


def stack_public(values, axis=0, name="stack"):
    """tf.stack with ragged tensors among the values."""
    return stack(values, axis)


def tile(input, multiples, name=None):
    """tf.tile of a ragged tensor."""
    with name_scope(name, "RaggedTile", [input, multiples]):
        known = record.static_value(record.convert_to_tensor(multiples))
        if known is None:
            raise NotImplementedError("tf.tile of a RaggedTensor needs `multiples` known while the graph is built")
        times = [int(m) for m in known]
        if input.shape.rank is not None and len(times) != input.shape.rank:
            raise ValueError(f"Shapes ({len(times)},) and ({input.shape.rank},) are incompatible")
        depth = input.ragged_rank
        if any(m != 1 for m in times[depth + 1 :]):
            inner = OPS["Tile"].public(input.flat_values, [1, *times[depth + 1 :]])
            input = input.with_flat_values(inner)
        for axis in range(depth, -1, -1):
            if times[axis] != 1:
                input = _concat([input] * times[axis], axis) if times[axis] else _emptied(input, axis)
        return input


def _emptied(input, axis):
    return input[(slice(None),) * axis + (slice(0, 0),)]


__all__ = ["concat", "merge_dims_dense", "stack", "tile"]
