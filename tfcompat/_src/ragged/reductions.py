"""Reductions of ragged tensors: tf.reduce_sum and kin along ragged and uniform dimensions."""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import OPS, op
from ..ops import reductions as dense
from ..ops.core import cast
from ..scopes import name_scope
from . import partition
from .functions import expand_dims, positive_axis, rebuilt
from .partition import RowPartition
from .tensor import RaggedTensor, is_ragged

_SEGMENT = {"sum": "UnsortedSegmentSum", "prod": "UnsortedSegmentProd", "max": "UnsortedSegmentMax",
            "min": "UnsortedSegmentMin"}  # fmt: skip


@op("RaggedMergeRows", host=True, alike=False, abstract=lambda s, i, n: [(s.dtype, (None,)), (dtypes.int64, (None,))])
def _merged_rows(splits, ids, n):
    """Rows put upon each other by segment: the row splits of the result, and where in it each value belongs."""
    lengths = np.diff(splits)
    longest = np.zeros(int(n), np.int64)
    np.maximum.at(longest, ids, lengths)
    new = np.concatenate([[0], np.cumsum(longest)])
    column = np.arange(lengths.sum()) - np.repeat(splits[:-1], lengths)
    return new.astype(splits.dtype), (np.repeat(new[:-1][ids], lengths) + column).astype(np.int64)


def _segments(kind, data, ids, n):
    """Rows of `data`, ragged or not, put together by segment."""
    if not is_ragged(data):
        return OPS[_SEGMENT[kind]].public(data, ids, n)
    splits, inner = _merged_rows(data.row_splits, cast(ids, dtypes.int64), cast(n, dtypes.int64))
    values = _segments(kind, data.values, inner, splits[-1])
    return RaggedTensor(values, RowPartition._of(splits), internal=True)


def _reduced(kind, rt, axis):
    if not is_ragged(rt):
        return getattr(dense, f"reduce_{kind}")(rt, axis)
    if axis == 0:
        columns = partition.columns_of(rt.row_splits)
        return _segments(kind, rt.values, columns, partition.longest(rt.row_splits))
    if axis == 1:
        return _segments(kind, rt.values, rt.value_rowids(), rt.nrows())
    return rt.with_values(_reduced(kind, rt.values, axis - 1))


def _axes(rt, axis):
    """The axes, from the last to the first; None for all."""
    if axis is None:
        return None
    axis = record.setting(axis)
    axes = [axis] if isinstance(axis, int) else list(axis)
    found = {positive_axis(a, rt.shape.rank) for a in axes}
    if rt.shape.rank is not None and found == set(range(rt.shape.rank)):
        return None
    return sorted(found, reverse=True)


def _reduce(kind, rt, axis, keepdims):
    axes = _axes(rt, axis)
    if axes is None:
        out = getattr(dense, f"reduce_{kind}")(rt.flat_values)
        for _ in range(rt.shape.rank if keepdims else 0):
            out = OPS["ExpandDims"].public(out, 0)
        return out
    for a in axes:
        rt = _reduced(kind, rt, a)
        if keepdims:
            rt = expand_dims(rt, a)
    return rt


def _arithmetic(fn, x, y):
    from .elementwise import binary

    return binary(fn, x, y) if is_ragged(x) or is_ragged(y) else fn(x, y)


def reducer(kind):
    """tf.reduce_`kind` for ragged tensors, in TF2's spelling and TF1's."""

    def reduce(input_tensor, axis=None, keepdims=None, name=None, reduction_indices=None, keep_dims=None, **others):
        axis = reduction_indices if axis is None else axis
        with name_scope(name, "RaggedReduce" + kind.title(), [input_tensor]):
            return _KINDS[kind](input_tensor, axis, bool(keepdims or keep_dims))

    reduce.__name__ = f"reduce_{kind}"
    return reduce


def _mean(rt, axis, keepdims):
    if _axes(rt, axis) is None:
        return _reduce("mean", rt, None, keepdims)
    total = _reduce("sum", rt, axis, keepdims)
    ones = rebuilt(OPS["OnesLike"].public(rt.flat_values), rt)
    count = _reduce("sum", ones, axis, keepdims)
    divide = OPS["RealDiv"].public if rt.dtype.is_floating or rt.dtype.is_complex else OPS["FloorDiv"].public
    if is_ragged(total):
        return rebuilt(divide(total.flat_values, count.flat_values), total)
    return divide(total, count)


def _variance(rt, axis, keepdims):
    flat = rt.flat_values
    square = rebuilt(OPS["Square"].public(flat), rt)
    mean, squares = _mean(rt, axis, keepdims), _mean(square, axis, keepdims)
    spread = lambda s, m: OPS["Maximum"].public(  # rounding may give less than zero
        OPS["Sub"].public(s, OPS["Square"].public(m)), np.zeros((), flat.dtype.base_dtype.np)
    )
    if is_ragged(mean):
        return rebuilt(spread(squares.flat_values, mean.flat_values), mean)
    return spread(squares, mean)


def _std(rt, axis, keepdims):
    return _on_values(OPS["Sqrt"].public, _variance(rt, axis, keepdims))


def _logsumexp(rt, axis, keepdims):
    if _axes(rt, axis) is None:
        return _reduce("logsumexp", rt, None, keepdims)
    largest = _on_values(_finite_or_zero, _reduce("max", rt, axis, True))
    powers = _on_values(OPS["Exp"].public, _arithmetic(OPS["Sub"].public, rt, largest))
    logs = _on_values(OPS["Log"].public, _reduce("sum", powers, axis, True))
    found = _arithmetic(OPS["AddV2"].public, logs, largest)
    return found if keepdims else _reduce("max", found, axis, False)  # of one each


def _finite_or_zero(x):
    return OPS["StopGradient"].public(OPS["SelectV2"].public(OPS["IsFinite"].public(x), x, OPS["ZerosLike"].public(x)))


def _on_values(function, x):
    return rebuilt(function(x.flat_values), x) if is_ragged(x) else function(x)


def _logical(kind):
    def reduce(rt, axis, keepdims):
        whole = rebuilt(cast(rt.flat_values, dtypes.int32), rt)
        return _on_values(
            lambda x: OPS["Greater"].public(x, np.zeros((), np.int32)), _reduce(kind, whole, axis, keepdims)
        )

    return reduce


def _simple(kind):
    return lambda rt, axis, keepdims: _reduce(kind, rt, axis, keepdims)


_KINDS = {k: _simple(k) for k in ("sum", "prod", "max", "min")} | {
    "mean": _mean, "variance": _variance, "std": _std, "logsumexp": _logsumexp, "any": _logical("max"), "all": _logical("min"),
}  # fmt: skip
