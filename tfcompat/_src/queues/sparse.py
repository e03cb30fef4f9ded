"""SparseTensors in queues: a component holds each as one object; a batch of them becomes a SparseTensor of one more dimension."""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors
from ..graph import aval
from ..ops.sparse import SparseTensor
from . import handles
from .handles import boxed, call


@handles.op("AddSparseToTensorsMap", host=True, alike=False, abstract=lambda i, v, s: (dtypes.variant, ()))
def add_sparse(indices, values, shape):
    """A SparseTensor as one object."""
    return (boxed((indices, values, shape)),)


@handles.op(
    "AddManySparseToTensorsMap", host=True, alike=False, abstract=lambda i, v, s, keep: (dtypes.variant, (None,))
)
def add_many_sparse(indices, values, shape, keep):
    """The rows of a SparseTensor as an object each; of those where `keep` (a bool or a vector of them) is true."""
    chosen = np.nonzero(np.broadcast_to(keep, shape[:1]))[0]
    out = np.empty(len(chosen), object)
    for place, row in enumerate(chosen):
        here = indices[:, 0] == row
        out[place] = (indices[here][:, 1:], values[here], shape[1:])
    return (out,)


@handles.op("TakeManySparseFromTensorsMap", host=True, alike=False,
            abstract=lambda held, *, dtype, rank: [(dtypes.int64, (None, rank)), (dtype, (None,)), (dtypes.int64, (rank,))])  # fmt: skip
def take_sparse(held, *, dtype, rank):
    """A batch of such objects as the parts of one SparseTensor."""
    items = [o for o in held.ravel().tolist()]
    shapes = {len(s) for _, _, s in items}
    if len(shapes) > 1:
        raise errors.InvalidArgumentError(
            None, None, f"Inconsistent rank across SparseTensors of a batch: {sorted(shapes)}"
        )
    rows = [np.column_stack([np.full(len(i), n, np.int64), i]) for n, (i, _, _) in enumerate(items)]
    wide = rank if rank is not None else (shapes.pop() + 1 if shapes else 1)
    indices = np.concatenate(rows) if rows else np.zeros((0, wide), np.int64)
    values = np.concatenate([v for _, v, _ in items]) if items else np.zeros(0, dtype.np)
    size = np.max([s for _, _, s in items], axis=0) if items else np.zeros(wide - 1, np.int64)
    return indices, values, np.array([len(items), *size], np.int64)


def stored(lists, enqueue_many, keep_input):
    """Lists of tensors with each SparseTensor as one tensor, and per component (dtype, rank) where it was one, else None."""
    facts = [_fact(same, enqueue_many) for same in zip(*lists, strict=True)]
    return [[_store(t, enqueue_many, keep_input) for t in tensors] for tensors in lists], facts


def _fact(same, enqueue_many):
    kinds = {isinstance(t, SparseTensor) for t in same}
    if len(kinds) > 1:
        raise TypeError("Expected a component to be a SparseTensor in all lists or in none")
    if not kinds.pop():
        return None
    ranks = {t.shape.rank for t in same}
    rank = ranks.pop() if len(ranks) == 1 else None
    return same[0].dtype, None if rank is None else rank + (not enqueue_many)


def _store(tensor, enqueue_many, keep_input):
    if not isinstance(tensor, SparseTensor):
        return tensor
    parts = [tensor.indices, tensor.values, tensor.dense_shape]
    if not enqueue_many:
        return call("AddSparseToTensorsMap", parts, {}, [aval(dtypes.variant, ())], None)[0]
    keep = keep_input if keep_input.shape.rank == 1 else True  # a scalar decides about the enqueue as a whole
    return call("AddManySparseToTensorsMap", [*parts, keep], {}, [aval(dtypes.variant, (None,))], None)[0]


def restored(given, facts):
    """What was dequeued, with SparseTensors again."""
    if not any(facts):
        return given
    tensors = given if isinstance(given, list) else [given]
    made = []
    for t, fact in zip(tensors, facts, strict=True):
        if fact is not None:
            dtype, rank = fact
            avals = [aval(dtypes.int64, (None, rank)), aval(dtype, (None,)), aval(dtypes.int64, (rank,))]
            settings = {"dtype": dtype, "rank": rank}
            t = SparseTensor(*call("TakeManySparseFromTensorsMap", [t], settings, avals, None))
        made.append(t)
    return made if isinstance(given, list) else made[0]
