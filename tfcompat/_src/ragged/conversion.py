"""Ragged from and to dense and sparse tensors."""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import OPS, op
from ..ops.core import cast
from ..scopes import name_scope
from ..shapes import TensorShape
from ..tensor import EagerTensor
from . import partition
from .functions import merge_dims_dense
from .partition import RowPartition, invalid
from .tensor import RaggedTensor, is_ragged


# -- dense ------------------------------------------------------------------------------------------------------------
def from_tensor(tensor, lengths=None, padding=None, ragged_rank=1, name=None, row_splits_dtype=dtypes.int64):
    """See RaggedTensor.from_tensor."""
    kind = dtypes.as_dtype(row_splits_dtype)
    if lengths is not None and padding is not None:
        raise ValueError("Specify argument `lengths` or `padding`, but not both.")
    if not isinstance(ragged_rank, int):
        raise TypeError(f"Argument `ragged_rank` must be an int. Received {ragged_rank!r}.")
    if ragged_rank <= 0:
        raise ValueError(f"Argument `ragged_rank` must be greater than 0. Received {ragged_rank}.")
    with name_scope(name, "RaggedFromTensor", [tensor]):
        tensor = record.convert_to_tensor(tensor, name="tensor")
        rank = tensor.shape.rank
        if rank is not None and rank <= ragged_rank:
            raise ValueError(
                f"The shape of `tensor` ({tensor.shape}) must have rank at least {ragged_rank + 1} for ragged_rank="
                f"{ragged_rank}."
            )
        if isinstance(lengths, (list, tuple)) and lengths and not all(np.ndim(v) == 0 for v in lengths):
            if len(lengths) == 1:
                return _cut_to(tensor, lengths[0], kind)
            return _nested_lengths(tensor, lengths, kind)
        if ragged_rank > 1 and (lengths is not None or padding is not None):
            inner = from_tensor(_merged(tensor, ragged_rank - 1), lengths, padding, 1, None, kind)
            return _outer(tensor, inner, ragged_rank - 1, kind)
        if padding is not None:
            lengths = _unpadded(tensor, record.convert_to_tensor(padding, tensor.dtype.base_dtype))
            return _cut_to(tensor, cast(lengths, kind), kind)
        if lengths is not None:
            return _cut_to(tensor, lengths, kind)
        return _outer(tensor, _merged(tensor, ragged_rank), ragged_rank, kind)


def _nested_lengths(tensor, lengths, kind):
    """A tensor cut to lengths[0] along dimension 1, then what is left to lengths[1] along dimension 2, and so on."""
    outer = _cut_to(tensor, lengths[0], kind)
    rest = lengths[1:]
    return outer.with_values(_nested_lengths(outer.values, rest, kind) if len(rest) > 1 else _cut_to(
        outer.values, rest[0], kind))  # fmt: skip


def _merged(tensor, n):
    return merge_dims_dense(tensor, 0, n) if n else tensor


def _outer(tensor, values, n, kind):
    """`values` cut as the first `n` dimensions of `tensor` say."""
    shape = OPS["Shape"].public(tensor, out_type=kind)
    static = tensor.shape.as_list() if tensor.shape.rank is not None else [None] * (n + 1)
    for d in reversed(range(1, n + 1)):
        rows = shape[0]
        for k in range(1, d):
            rows = rows * shape[k]
        splits = partition.splits_of_uniform(rows, shape[d])
        known = static[:d]
        if None not in known:
            splits = _with_shape(splits, int(np.prod(known, dtype=np.int64)) + 1)
        values = RaggedTensor(
            values, RowPartition._of(splits, static[d] if static[d] is not None else shape[d]), internal=True
        )
    return values


def _with_shape(tensor, n):
    if not isinstance(tensor, EagerTensor):
        tensor.set_shape([n])
    return tensor


@op(
    "RaggedUnpadded",
    host=True,
    alike=False,
    abstract=lambda t, p: (dtypes.int64, None if t.shape is None else t.shape[:1]),
)
def _unpadded(tensor, padding):
    """How much of each row is left without the padding at its end."""
    differs = tensor != padding
    if differs.ndim > 2:
        differs = differs.any(axis=tuple(range(2, differs.ndim)))
    width = differs.shape[1]
    return np.where(differs.any(1), width - np.argmax(differs[:, ::-1], 1), 0).astype(np.int64)


@op(
    "RaggedFirstPlaces",
    host=True,
    alike=False,
    abstract=lambda n, shape: [(dtypes.int64, (None,)), (n.dtype, _longer(n))],
)
def _first_places(lengths, shape):
    """The flat places of the first lengths[i] values of each row of a tensor, and the row splits."""
    if lengths.shape != (shape[0],):
        raise invalid(f"lengths {lengths.tolist()} do not fit {shape[0]} rows")
    if lengths.size and (lengths.min() < 0 or lengths.max() > shape[1]):
        lengths = np.clip(lengths, 0, shape[1])
    taken = np.arange(shape[1]) < lengths[:, None]
    return np.flatnonzero(taken).astype(np.int64), np.concatenate([[0], np.cumsum(lengths)]).astype(lengths.dtype)


def _longer(a):
    return (None if a.shape is None or not a.shape or a.shape[0] is None else a.shape[0] + 1,)


def _cut_to(tensor, lengths, kind):
    lengths = cast(record.convert_to_tensor(lengths, None if record._dtype_of(lengths) else dtypes.int64), kind)
    places, splits = _first_places(lengths, OPS["Shape"].public(tensor, out_type=dtypes.int64))
    values = OPS["GatherV2"].public(merge_dims_dense(tensor, 0, 1), places)
    return RaggedTensor(values, RowPartition._of(splits), internal=True)


@op(
    "RaggedPlaces", host=True, alike=False, abstract=lambda wanted, *splits: (dtypes.int64, (None,) * (len(splits) + 1))
)
def _places(*inputs):
    """wanted sizes (-1: as many as there are), row splits -> where in the flat values each place of the dense tensor
    is taken from; one past the last for those without a value.
    """
    wanted, *splits = inputs
    n = int(splits[-1][-1])
    sizes = [len(splits[0]) - 1, *[int(np.diff(s).max(initial=0)) for s in splits]]
    sizes = [s if w < 0 else int(w) for s, w in zip(sizes, wanted.tolist(), strict=True)]
    rows = np.arange(sizes[0])
    rows = np.where(rows < len(splits[0]) - 1, rows, -1)
    for s, width in zip(splits, sizes[1:], strict=True):
        starts, lengths = s[:-1], np.diff(s)
        safe = np.maximum(rows, 0)
        has = (rows >= 0) if len(lengths) else np.zeros(rows.shape, bool)
        if not len(lengths):
            starts, lengths = np.zeros(1, np.int64), np.zeros(1, np.int64)
        column = np.arange(width)
        inside = has[..., None] & (column < lengths[safe][..., None])
        rows = np.where(inside, starts[safe][..., None] + column, -1)
    return np.where(rows < 0, n, rows).astype(np.int64)


def to_tensor(rt, default_value=None, name=None, shape=None):
    """See RaggedTensor.to_tensor."""
    with name_scope(name, "RaggedToTensor", [rt]):
        flat = rt.flat_values
        kind, depth = flat.dtype.base_dtype, rt.ragged_rank + 1
        if default_value is None:
            default_value = "" if kind is dtypes.string else np.zeros((), kind.np)
        default = record.convert_to_tensor(default_value, kind)
        wanted, static = _wanted(shape, depth)
        places = _places([wanted, *[cast(s, dtypes.int64) for s in rt.nested_row_splits]])
        inner = OPS["Shape"].public(flat)[1:]
        one = OPS["ConcatV2"].public([np.array([1], np.int32), inner], 0)
        last = OPS["BroadcastTo"].public(default, one)
        out = OPS["GatherV2"].public(OPS["ConcatV2"].public([flat, last], 0), places)
        if static is not None and static.rank is not None and static.rank > depth:
            out = _fit_inner(out, default, static, depth)
        if not isinstance(out, EagerTensor):
            known = rt.shape.as_list() if rt.shape.rank is not None else None
            if known is not None and static is not None and static.rank is not None:
                known = [a if b is None else b for a, b in zip(known, static.as_list(), strict=True)]
            out.set_shape(known if known is not None else static)
        return out


def _wanted(shape, depth):
    """(the sizes asked for of the outer dimensions, -1 for none, as a tensor; what is known of the shape)."""
    if shape is None:
        return record.convert_to_tensor(np.full(depth, -1, np.int64)), None
    if record._dtype_of(shape) is not None:
        return cast(record.convert_to_tensor(shape)[:depth], dtypes.int64), None
    static = TensorShape(shape)
    if static.rank is None:
        return record.convert_to_tensor(np.full(depth, -1, np.int64)), None
    sizes = [-1 if d is None else d for d in static.as_list()]
    if len(sizes) < depth:
        raise ValueError(f"shape {static} has fewer dimensions than the RaggedTensor ({depth})")
    return record.convert_to_tensor(np.array(sizes[:depth], np.int64)), static


def _fit_inner(out, default, static, depth):
    """Uniform inner dimensions cut or padded to `static`."""
    have = out.shape.as_list() if out.shape.rank is not None else None
    for d, size in enumerate(static.as_list()[depth:], depth):
        if size is None or have is None or have[d] is None or have[d] == size:
            continue
        if have[d] > size:
            out = out[(slice(None),) * d + (slice(0, size),)]
        else:
            pads = [[0, 0] for _ in have]
            pads[d][1] = size - have[d]
            out = OPS["PadV2"].public(out, pads, default)
    return out


# -- sparse -----------------------------------------------------------------------------------------------------------
@op("RaggedCoordinates", host=True, alike=False, abstract=lambda inner, *s: [
    (dtypes.int64, (None, None if inner.shape is None else inner.shape[0] + len(s) + 1)), (dtypes.int64, (None,))])  # fmt: skip
def _coordinates(*inputs):
    """Inner sizes, row splits -> the coordinates of every value, and the bounding shape."""
    inner, *splits = inputs
    n = int(splits[-1][-1])
    columns, rows = [], np.arange(n)
    for s in reversed(splits):
        owner = np.repeat(np.arange(len(s) - 1), np.diff(s))
        columns.append(rows - s[:-1][owner[rows]])
        rows = owner[rows]
    columns.append(rows)
    outer = np.stack(columns[::-1], 1).astype(np.int64).reshape(n, len(splits) + 1)
    shape = [len(splits[0]) - 1, *[int(np.diff(s).max(initial=0)) for s in splits], *inner.tolist()]
    if inner.size:
        places = np.indices(tuple(inner)).reshape(inner.size, -1).T
        outer = np.concatenate([np.repeat(outer, len(places), 0), np.tile(places, (n, 1))], 1)
    return outer.astype(np.int64), np.array(shape, np.int64)


def to_sparse(rt, name=None):
    """See RaggedTensor.to_sparse."""
    from ..ops.sparse import SparseTensor

    with name_scope(name, "RaggedToSparse", [rt]):
        inner = OPS["Shape"].public(rt.flat_values, out_type=dtypes.int64)[1:]
        indices, shape = _coordinates([inner, *[cast(s, dtypes.int64) for s in rt.nested_row_splits]])
        return SparseTensor(indices, OPS["Reshape"].public(rt.flat_values, [-1]), shape)


@op("RaggedSplitsOfSparse", host=True, alike=False, abstract=lambda i, s, dtype: (dtype, (None,)))
def _splits_of_sparse(indices, shape, *, dtype):
    rows, columns = indices[:, 0], indices[:, 1]
    first = np.ones(len(rows), bool)
    first[1:] = np.diff(rows) != 0
    expected = np.arange(len(rows)) - np.maximum.accumulate(np.where(first, np.arange(len(rows)), 0))
    if np.any(np.diff(rows) < 0) or np.any(columns != expected):
        raise invalid("SparseTensor is not right-ragged: its values are not at the beginnings of rows, in order")
    counts = np.bincount(rows, minlength=int(shape[0])) if len(rows) else np.zeros(int(shape[0]), np.int64)
    return np.concatenate([[0], np.cumsum(counts)]).astype(dtype.np)


def from_sparse(st_input, name=None, row_splits_dtype=dtypes.int64):
    """See RaggedTensor.from_sparse."""
    from ..ops.sparse import SparseTensor

    if not isinstance(st_input, SparseTensor):
        raise TypeError(f"Argument `st_input` must be of type SparseTensor, but is of type {type(st_input).__name__}.")
    with name_scope(name, "RaggedFromSparse", [st_input.indices, st_input.values]):
        rank = st_input.shape.rank
        if rank is not None and rank != 2 or st_input.indices.shape.rank is None:
            raise ValueError(f"rank(st_input) must be 2, but is {rank}.")
        splits = _splits_of_sparse(st_input.indices, st_input.dense_shape, dtype=dtypes.as_dtype(row_splits_dtype))
        return RaggedTensor(st_input.values, RowPartition._of(splits), internal=True)


__all__ = ["from_sparse", "from_tensor", "is_ragged", "to_sparse", "to_tensor"]
