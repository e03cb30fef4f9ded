"""Arithmetic of ragged tensors: the same op on all values, with NumPy's broadcasting over ragged dimensions."""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import OPS, op
from ..ops.core import cast
from .functions import rebuilt
from .indexing import gather_rows
from .partition import RowPartition, invalid
from .tensor import RaggedTensor, as_ragged, is_ragged


def _abstract(*avals, depth, stretch):
    return [(dtypes.int64, (None,)), (dtypes.int64, (None,)), *[(dtypes.int64, (None,))] * depth]


@op("RaggedBroadcast", host=True, alike=False, abstract=_abstract)
def _broadcast(*splits, depth, stretch):
    """Row splits of two operands, `depth` each -> where in either the values of the result are, and its row splits.

    stretch: for each operand and level whether rows of length 1 are repeated.
    """
    one, other = splits[:depth], splits[depth:]
    rows = [len(one[0]) - 1, len(other[0]) - 1]
    n = _fit(np.array([rows[0]]), np.array([rows[1]]), (True, True))[0]
    places = [np.arange(n) if r == n else np.zeros(n, np.int64) for r in rows]
    out = []
    for a, b, may in zip(one, other, zip(stretch[:depth], stretch[depth:], strict=True), strict=True):
        lengths = [np.diff(s)[p] for s, p in zip((a, b), places, strict=True)]
        new = _fit(*lengths, may)
        ends = np.concatenate([[0], np.cumsum(new)])
        column = np.arange(ends[-1]) - np.repeat(ends[:-1], new)
        moved = []
        for s, p, length in zip((a, b), places, lengths, strict=True):
            stays = np.repeat(length == new, new)
            moved.append(np.repeat(s[:-1][p], new) + np.where(stays, column, 0))
        places = moved
        out.append(ends.astype(np.int64))
    return (*[p.astype(np.int64) for p in places], *out)


def _fit(a, b, may):
    """The lengths that rows of these lengths broadcast to: only uniform dimensions of size 1 are stretched."""
    if may[0] and np.all(a == 1):
        return b
    if np.any(a != b) and not (may[1] and np.all(b == 1)):
        at = int(np.flatnonzero(a != b)[0])
        raise invalid(f"Condition x == y did not hold. Unable to broadcast: row {at} has lengths {a[at]} and {b[at]}")
    return a


def _uniform(tensor, depth):
    """A dense tensor of rank > depth cut into rows by its first dimensions."""
    from .conversion import from_tensor

    return from_tensor(tensor, ragged_rank=depth)


def _levels(value, rank, depth):
    """`value`, of lower rank perhaps, with `depth` partitions."""
    have = value.shape.rank
    if have < rank:
        if is_ragged(value):
            from .functions import expand_dims

            for _ in range(rank - have):
                value = expand_dims(value, 0)
        else:
            shape = OPS["ConcatV2"].public([np.ones(rank - have, np.int32), OPS["Shape"].public(value)], 0)
            value = OPS["Reshape"].public(value, shape)
    if not is_ragged(value):
        return _uniform(value, depth)
    missing = depth - value.ragged_rank
    if missing:
        inner = _uniform(value.flat_values, missing)
        value = value.with_flat_values(inner)
    return value


def binary(fn, x, y):
    """fn(x, y), one of them or both ragged."""
    if not is_ragged(x):
        x = as_ragged(x, dtype=y.dtype.base_dtype if record._dtype_of(x) is None else None)
    if not is_ragged(y):
        y = as_ragged(y, dtype=x.dtype.base_dtype if record._dtype_of(y) is None else None)
    for a, b, swapped in ((x, y, False), (y, x, True)):
        if is_ragged(a) and not is_ragged(b) and b.shape.rank == 0:
            return rebuilt(fn(b, a.flat_values) if swapped else fn(a.flat_values, b), a)
    if is_ragged(x) and is_ragged(y):
        mine, others = x.nested_row_splits, y.nested_row_splits
        if len(mine) == len(others) and all(a is b for a, b in zip(mine, others, strict=True)):
            return rebuilt(fn(x.flat_values, y.flat_values), x)
    ranks = [x.shape.rank, y.shape.rank]
    if None in ranks:
        raise ValueError("Unable to broadcast: unknown rank")
    rank = max(ranks)
    depth = max(v.ragged_rank + rank - v.shape.rank for v in (x, y) if is_ragged(v))
    kind = next(v.row_splits.dtype.base_dtype for v in (x, y) if is_ragged(v))
    static = _static_lengths(x, y, rank)
    x, y = _levels(x, rank, depth), _levels(y, rank, depth)
    splits = [cast(s, dtypes.int64) for v in (x, y) for s in v.nested_row_splits]
    stretch = tuple([p._length is not None for v in (x, y) for p in v._nested_row_partitions])
    left, right, *new = _broadcast(splits, depth=depth, stretch=stretch)
    out = fn(gather_rows(x.flat_values, left), gather_rows(y.flat_values, right))
    for s, n in zip(reversed(new), reversed(static[1 : depth + 1]), strict=True):
        out = RaggedTensor(out, RowPartition._of(cast(s, kind), n), internal=True)
    return out


def _static_lengths(x, y, rank):
    """The sizes of the result that are known."""
    shapes = [[1] * (rank - v.shape.rank) + v.shape.as_list() for v in (x, y)]
    return [b if a == 1 else a if b == 1 else a if a is not None and a == b else None
            for a, b in zip(*shapes, strict=True)]  # fmt: skip


def broadcast(*values):
    """Several values, ragged or not, broadcast to one ragged shape."""
    ragged = [v for v in values if is_ragged(v)]
    shape_of = ragged[0]
    for v in values:
        if v is not ragged[0]:
            shape_of = binary(lambda a, b: a, shape_of, v)
    return [binary(lambda a, b: b, shape_of, v) for v in values]


def where(condition, x=None, y=None, name=None):
    """tf.where with ragged arguments: coordinates of what holds, or elements of x and y."""
    condition = as_ragged(condition)
    if x is None and y is None:
        from .conversion import to_sparse
        from .functions import boolean_mask

        if not is_ragged(condition):
            return OPS["Where"].public(condition)
        coordinates = to_sparse(condition).indices
        return boolean_mask(coordinates, OPS["Reshape"].public(condition.flat_values, [-1]))
    if x is None or y is None:
        raise ValueError("Either both or neither of `x` and `y` must be given")
    hint = next((record._dtype_of(v) for v in (x, y) if record._dtype_of(v) is not None or is_ragged(v)), None)
    hint = hint or next((v.dtype.base_dtype for v in (x, y) if is_ragged(v)), None)
    x, y = (as_ragged(v, dtype=hint if record._dtype_of(v) is None else None) for v in (x, y))
    if not any(is_ragged(v) for v in (condition, x, y)):
        return OPS["SelectV2"].public(condition, x, y)
    shaped = [v for v in (condition, x, y) if v.shape.rank != 0]
    found = iter(broadcast(*shaped) if len(shaped) > 1 else shaped)
    condition, x, y = (v if v.shape.rank == 0 else next(found) for v in (condition, x, y))
    like = next(v for v in (condition, x, y) if is_ragged(v))
    flat = [v.flat_values if is_ragged(v) else v for v in (condition, x, y)]
    return rebuilt(OPS["SelectV2"].public(*flat), like)
