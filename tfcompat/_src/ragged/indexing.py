"""Parts of ragged tensors: rt[...], gather and reverse.

Which values a part consists of is found on the host, from the row splits alone; the values are gathered on the device.
"""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import OPS, op
from ..ops.core import cast
from ..ops.slicing import _NOT_AN_INDEX
from ..shapes import Dimension
from ..tensor import EagerTensor, Tensor
from .partition import RowPartition, invalid
from .tensor import RaggedTensor, as_ragged, is_ragged

_ROWS = (dtypes.int64, (None,))


# -- rows -------------------------------------------------------------------------------------------------------------
@op("RaggedGatherRows", host=True, alike=False, abstract=lambda s, i: [_ROWS, (s.dtype, (None,))])
def _rows(splits, indices):
    """Row splits, rows [n] -> the places of their values, and their row splits."""
    n = len(splits) - 1
    wrong = (indices < 0) | (indices >= n)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise invalid(f"indices[{at}] = {indices[at]} is not in [0, {n})")
    lengths = np.diff(splits)[indices]
    new = np.concatenate([[0], np.cumsum(lengths)])
    places = np.arange(new[-1]) - np.repeat(new[:-1], lengths) + np.repeat(splits[:-1][indices], lengths)
    return places.astype(np.int64), new.astype(splits.dtype)


def gather_rows(params, indices):
    """The rows [n] of a ragged or dense tensor."""
    if not is_ragged(params):
        return OPS["GatherV2"].public(params, indices)
    places, splits = _rows(params.row_splits, indices)
    length = params._partition._length
    return RaggedTensor(gather_rows(params.values, places), RowPartition._of(splits, length), internal=True)


def gather(params, indices, validate_indices=None, axis=None, batch_dims=0, name=None):
    """tf.gather with ragged params or ragged indices."""
    params, indices = as_ragged(params), as_ragged(indices)
    axis = record.setting(axis if axis is not None else batch_dims)
    if batch_dims:
        if axis not in (batch_dims, batch_dims - params.shape.rank) or batch_dims != 1:
            raise NotImplementedError("tf.gather of ragged tensors: batch_dims other than 1, or an axis behind it")
        return _gather_in_rows(params, indices)
    if axis < 0:
        axis += params.shape.rank
    if is_ragged(indices):
        return indices.with_values(gather(params, indices.values, axis=axis))
    if axis == 0:
        rank = indices.shape.rank
        if rank is None:
            raise ValueError("rank(indices) must be known statically")
        if not is_ragged(params):
            return OPS["GatherV2"].public(params, indices)
        if rank == 0:
            return params[indices]
        if rank > 1:
            from .conversion import from_tensor

            return gather(params, from_tensor(indices, ragged_rank=rank - 1))
        return gather_rows(params, indices)
    if not is_ragged(params):
        return OPS["GatherV2"].public(params, indices, axis=axis)
    if axis > 1:
        return params.with_values(gather(params.values, indices, axis=axis - 1))
    n = OPS["Size"].public(indices, out_type=dtypes.int64)
    places, splits = _in_rows(params.row_splits, indices, n)
    if indices.shape.rank == 1 and not is_ragged(params.values):
        picked = OPS["GatherV2"].public(params.values, places)
        sizes = [
            OPS["Pack"].public([params.nrows(dtypes.int64), n]),
            OPS["Shape"].public(picked, out_type=dtypes.int64)[1:],
        ]
        return OPS["Reshape"].public(picked, OPS["ConcatV2"].public(sizes, 0))
    return RaggedTensor(gather_rows(params.values, places), RowPartition._of(splits), internal=True)


@op("RaggedGatherInRows", host=True, alike=False, abstract=lambda s, i, n: [_ROWS, (s.dtype, s.shape)])
def _in_rows(splits, indices, n):
    """The values at `indices` of every row."""
    flat = indices.reshape(-1)
    rows = len(splits) - 1
    places = splits[:-1][:, None] + flat[None]
    if np.any((flat < 0) | (np.diff(splits)[:, None] <= flat[None])):
        raise invalid(f"indices {flat.tolist()} are out of range for rows of lengths {np.diff(splits).tolist()}")
    return places.reshape(-1).astype(np.int64), (np.arange(rows + 1) * flat.size).astype(splits.dtype)


def _gather_in_rows(params, indices):
    """gather with batch_dims=1: row i of the indices reads in row i of params."""
    from .conversion import from_tensor

    params = params if is_ragged(params) else from_tensor(params)
    if is_ragged(indices):
        places = _batch_places(params.row_splits, indices.row_splits, indices.flat_values)
        return indices.with_flat_values(gather_rows(params.values, places))
    places = _batch_places(params.row_splits, np.zeros(0, np.int64), indices)
    picked = gather_rows(params.values, places)
    if is_ragged(picked):
        return from_tensor(indices).with_values(picked) if indices.shape.rank == 2 else picked
    shape = OPS["ConcatV2"].public([OPS["Shape"].public(indices), OPS["Shape"].public(picked)[1:]], 0)
    return OPS["Reshape"].public(picked, shape)


@op("RaggedBatchPlaces", host=True, alike=False, abstract=lambda s, t, i: _ROWS)
def _batch_places(splits, rows, indices):
    n = len(splits) - 1
    owner = np.repeat(np.arange(n), np.diff(rows)) if rows.size else np.repeat(np.arange(n), indices.size // max(n, 1))
    flat = indices.reshape(-1)
    if np.any((flat < 0) | (flat >= np.diff(splits)[owner])):
        raise invalid(f"indices {flat.tolist()} are out of range for rows of lengths {np.diff(splits).tolist()}")
    return (splits[:-1][owner] + flat).astype(np.int64)


# -- rt[...] ----------------------------------------------------------------------------------------------------------
@op("RaggedSliceRows", host=True, alike=False, abstract=lambda s, b: [_ROWS, (s.dtype, (None,))])
def _sliced(splits, bounds):
    """Python's slice [start, stop, step] of every row: the places of what is left, and their row splits."""
    start, stop, step = [None if v == _NONE else int(v) for v in bounds.tolist()]
    places, lengths = [], []
    for a, b in zip(splits[:-1].tolist(), splits[1:].tolist(), strict=True):
        row = range(a, b)[start:stop:step]
        places.extend(row)
        lengths.append(len(row))
    return np.array(places, np.int64), np.concatenate([[0], np.cumsum(lengths)]).astype(splits.dtype)


_NONE = -(2**63)


@op("RaggedSlicePlaces", host=True, alike=False, abstract=lambda n, b: _ROWS)
def _row_places(nrows, bounds):
    start, stop, step = [None if v == _NONE else int(v) for v in bounds.tolist()]
    return np.arange(int(nrows), dtype=np.int64)[start:stop:step]


@op("RaggedRowBounds", host=True, alike=False, abstract=lambda s, i: (s.dtype, (2,)))
def _row_bounds(splits, row):
    """Where a row begins and ends."""
    n, at = len(splits) - 1, int(row)
    if not -n <= at < n:
        raise invalid(f"Row key {at} out of bounds for {n} rows")
    at %= n
    return splits[at : at + 2]


def _bounds(key):
    """A slice as an int64 vector [start, stop, step]."""
    parts = [key.start, key.stop, key.step]
    for p in parts:
        if p is not None and not _is_index(p):
            raise TypeError(f"slice offsets must be integers or None, got {p!r}")
    if not any(isinstance(p, Tensor) for p in parts):
        if parts[2] is not None and int(parts[2]) == 0:
            raise ValueError("slice step cannot be zero")
        return record.convert_to_tensor(np.array([_NONE if p is None else int(p) for p in parts], np.int64))
    return OPS["Pack"].public(
        [record.convert_to_tensor(np.int64(_NONE)) if p is None else cast(p, dtypes.int64) for p in parts]
    )


def _is_index(value):
    if isinstance(value, Tensor):
        return value.dtype.is_integer and value.shape.rank in (0, None)
    if isinstance(value, (bool, np.bool_)):
        return False
    return isinstance(value, (int, np.integer)) or isinstance(value, Dimension) and value.value is not None


def getitem(rt, key):
    """rt[key]: integers, slices, `...` and None; ragged dimensions can be sliced but not indexed inside of rows."""
    from .functions import boolean_mask

    if is_ragged(key) or (isinstance(key, (Tensor, np.ndarray)) and key.dtype == dtypes.bool.np if isinstance(
            key, np.ndarray) else isinstance(key, Tensor) and key.dtype.base_dtype is dtypes.bool):  # fmt: skip
        return boolean_mask(rt, key)
    keys = list(key) if isinstance(key, (list, tuple)) else [key]
    return _get(rt, keys)


def _get(rt, keys):
    if not keys:
        return rt
    if not is_ragged(rt):
        return rt[tuple(keys)]
    first, rest = keys[0], keys[1:]
    if first is Ellipsis:
        return _get(rt, _spread(rt, rest))
    if first is None:
        from .functions import expand_dims

        inner = _get(rt, rest)
        return expand_dims(inner, 0)
    if isinstance(first, slice):
        return _inside(_slice_rows(rt, first), rest)
    if not _is_index(first):
        raise TypeError(f"{_NOT_AN_INDEX}{first!r}")
    return _get(_row(rt, first), rest)


def _spread(rt, rest):
    """The keys an ellipsis before `rest` stands for, and `rest`."""
    if any(k is Ellipsis for k in rest):
        raise ValueError("An index can only have a single ellipsis ('...').")
    used = sum(1 for k in rest if k is not None)
    rank = rt.shape.rank
    if rank is None:
        raise NotImplementedError("Ellipsis not supported for unknown shape RaggedTensors")
    return [slice(None)] * (rank - used) + list(rest)


def _row(rt, row):
    known = rt._partition.static_nrows
    if not isinstance(row, Tensor):
        row = int(row)
        if known is not None and row >= known:
            raise IndexError(f"Row key {row} out of bounds")
    bounds = _row_bounds(rt.row_splits, record.convert_to_tensor(row))
    if is_ragged(rt.values):
        start, stop = bounds[0], bounds[1]
        return _get(rt.values, [slice(start, stop)])
    length = rt._partition.static_uniform_row_length
    places = _between(bounds)
    out = OPS["GatherV2"].public(rt.values, places)
    if not isinstance(out, EagerTensor) and length is not None and out.shape.rank:
        out.set_shape([length, *out.shape.as_list()[1:]])
    return out


@op("RaggedBetween", host=True, abstract=lambda b: _ROWS)
def _between(bounds):
    return np.arange(int(bounds[0]), int(bounds[1]), dtype=np.int64)


def _slice_rows(rt, key):
    if key == slice(None):
        return rt
    places = _row_places(cast(rt.nrows(), dtypes.int64), _bounds(key))
    return gather_rows(rt, places)


def _inside(rt, keys):
    """What `keys` say of every row."""
    if not keys:
        return rt
    first, rest = keys[0], keys[1:]
    if first is Ellipsis:
        keys = _spread_inside(rt, rest)
        return _inside(rt, keys)
    if first is None:
        from .functions import expand_dims

        return expand_dims(_inside(rt, rest), 1)
    if isinstance(first, slice):
        if first != slice(None):
            places, splits = _sliced(rt.row_splits, _bounds(first))
            length = rt._partition.static_uniform_row_length
            if length is not None and not any(isinstance(p, Tensor) for p in (first.start, first.stop, first.step)):
                length = len(range(length)[first])
            else:
                length = None
            rt = RaggedTensor(gather_rows(rt.values, places), RowPartition._of(splits, length), internal=True)
        if not rest:
            return rt
        if is_ragged(rt.values):
            return rt.with_values(_inside(rt.values, rest))
        return rt.with_values(rt.values[(slice(None), *rest)])
    if not _is_index(first):
        raise TypeError(f"{_NOT_AN_INDEX}{first!r}")
    if rt._partition._length is None:
        raise ValueError("Cannot index into an inner ragged dimension.")
    picked = _picked(rt.row_splits, record.convert_to_tensor(first))
    values = gather_rows(rt.values, picked)
    if not rest:
        return values
    return _inside(values, rest) if is_ragged(values) else values[(slice(None), *rest)]


def _spread_inside(rt, rest):
    if any(k is Ellipsis for k in rest):
        raise ValueError("An index can only have a single ellipsis ('...').")
    used = sum(1 for k in rest if k is not None)
    rank = rt.shape.rank
    if rank is None:
        raise NotImplementedError("Ellipsis not supported for unknown shape RaggedTensors")
    return [slice(None)] * (rank - 1 - used) + list(rest)


@op("RaggedPicked", host=True, alike=False, abstract=lambda s, i: _ROWS)
def _picked(splits, at):
    """The place of one value in every row."""
    lengths, at = np.diff(splits), int(at)
    if np.any((lengths <= at) | (lengths < -at)):
        raise invalid(f"slice index {at} of dimension 1 out of bounds.")
    return (splits[:-1] + at if at >= 0 else splits[1:] + at).astype(np.int64)


# -- reverse ----------------------------------------------------------------------------------------------------------
def reverse(tensor, axis, name=None):
    """tf.reverse of a ragged tensor."""
    from .functions import positive_axis

    rank = tensor.shape.rank
    for a in sorted(positive_axis(a, rank) for a in (axis if isinstance(axis, (list, tuple)) else [axis])):
        tensor = _inside(tensor, [slice(None)] * (a - 1) + [slice(None, None, -1)]) if a else tensor[::-1]
    return tensor
