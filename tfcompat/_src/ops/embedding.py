"""Looking up rows of embedding tables, whole or split into shards."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .. import dtypes, record
from ..declare import OPS, export, op
from ..graph import context
from ..scopes import name_scope
from ..shapes import TensorShape


def _shards(params):
    """The tables as a list; ValueError where there is none."""
    if params is None:
        raise ValueError("params must be specified")
    if isinstance(params, (list, tuple)) and not params:
        raise ValueError("Length of params is currently 0. Need at least one param.")
    if isinstance(params, (list, tuple)) or hasattr(params, "_get_variable_list") or hasattr(params, "_variable_list"):
        return list(params)
    return [params]


def _clip(embeddings, ids, max_norm):
    """Every looked up embedding scaled down to a norm of at most `max_norm`."""
    if max_norm is None:
        return embeddings
    from .clip import clip_by_norm

    ids_rank, rank = ids._rank(), embeddings._rank()
    if ids_rank is None or rank is None:
        axes = OPS["Range"].public(OPS["Rank"].public(ids), OPS["Rank"].public(embeddings), 1)
    else:
        axes = list(range(ids_rank, rank))
    return clip_by_norm(embeddings, max_norm, axes=axes)


def _assign(ids, shards, strategy):
    """(shard of each id, row within the shard); ValueError for a strategy that is none."""
    n = len(shards)
    if strategy == "mod":
        return ids % n, ids // n
    if strategy != "div":
        raise ValueError(f"Unrecognized partition strategy: {strategy}. Must be one of either `mod` or `div`.")
    where, floor = OPS["SelectV2"].public, OPS["Maximum"].public
    shapes = [TensorShape(s.shape) for s in shards]
    sizes = [s.as_list()[0] if s.rank is not None else None for s in shapes]
    if None in sizes:
        total = sum(OPS["Cast"].public(OPS["Shape"].public(s)[0], dtype=ids.dtype) for s in shards)
        each, extras = floor(total // n, 1), total % n
        shard = floor(ids // (each + 1), (ids - extras) // each)
        return shard, where(shard < extras, ids % (each + 1), (ids - extras) % each)
    each, extras = divmod(sum(sizes), n)  # the first `extras` shards hold one row more
    shard = floor(ids // (each + 1), (ids - extras) // each) if each else ids // (each + 1)
    late = (ids - extras) % each if each else ids * 0
    return shard, where(shard < extras, ids % (each + 1), late)


@op("SelectRows", name="SelectV2", own="mine")
def _select_rows(mine, rows, other):
    """`rows` where `mine` [...], a condition for whole rows, holds; of `other` the rest."""
    return jnp.where(mine.reshape(mine.shape + (1,) * (rows.ndim - mine.ndim)), rows, other)


def _from_shards(shards, ids, strategy):
    """One lookup in every shard, of row 0 where the id is another shard's, and of them the right one.

    The gradient of each shard is as sparse as the lookup; what another shard owns adds zeros to row 0.
    """
    from .gather import gather

    where, expand = OPS["SelectV2"].public, OPS["ExpandDims"].public
    shard, row = _assign(ids, shards, strategy)
    result = None
    for i, table in enumerate(shards):
        mine = (
            shard == i if context.graph is None else OPS["Equal"].public(shard, record.convert_to_tensor(i, ids.dtype))
        )
        rows = gather(table, where(mine, row, OPS["ZerosLike"].public(row)))
        other = OPS["ZerosLike"].public(rows) if result is None else result
        if TensorShape(table.shape).rank is None:
            result = _select_rows(mine, rows, other)
            continue
        for _ in range(TensorShape(table.shape).rank - 1):
            mine = expand(mine, -1)
        result = where(mine, rows, other)
    return result


def _ragged_lookup(params, ids, strategy, max_norm, name):
    """A lookup for every value of a RaggedTensor, in rows of the same lengths."""
    if params is None:
        raise ValueError("params must be specified.")
    if isinstance(params, (list, tuple)) and not params:
        raise ValueError("params should not be empty.")
    if ids.dtype not in (dtypes.int32, dtypes.int64):
        raise ValueError(
            f"The values contained by the inputs have type {ids.dtype} and cannot be processed. All values should be indices, "
            "either of type `int32` or `int64`."
        )
    return ids.with_flat_values(_lookup(params, ids.flat_values, strategy, max_norm, name))


def _lookup(params, ids, strategy, max_norm, name):
    from .gather import gather

    if hasattr(ids, "flat_values"):
        return _ragged_lookup(params, ids, strategy, max_norm, name)
    shards = _shards(params)
    with name_scope(name, "embedding_lookup", [*shards, ids]) as scope:
        ids = record.convert_to_tensor(ids, name="ids")
        if len(shards) > 1:
            return _clip(_from_shards(shards, ids, strategy), ids, max_norm)
        found = _clip(gather(shards[0], ids, name=scope or None), ids, max_norm)
        return found if context.graph is None else OPS["Identity"].public(found)


@export("nn.embedding_lookup", v1="")
def embedding_lookup(params, ids, max_norm=None, name=None):
    """params [rows, ...] (or shards of it, divided 'div'), ids [...] -> [..., ...]; the gradient is IndexedSlices."""
    return _lookup(params, ids, "div", max_norm, name)


@export("", v1="nn.embedding_lookup")
def embedding_lookup_v1(params, ids, partition_strategy="mod", name=None, validate_indices=True, max_norm=None):
    """TF1's embedding_lookup: row i of sharded tables is in shard i % n ('mod') or in the i-th stretch ('div')."""
    return _lookup(params, ids, partition_strategy, max_norm, name)


# -- several ids per row ----------------------------------------------------------------------------------------------
@op("LikeRows", name="Reshape", alike=False, inert="rows")
def _like_rows(values, rows):
    """values [n] with as many dimensions as `rows` [n, ...]"""
    return values.reshape(values.shape + (1,) * (rows.ndim - 1))


def _combine(rows, row_of, weights, combiner, count):
    """Sums, means or sqrtn means of `rows` [n, ...] by `row_of` [n] into `count` rows; rows without any are zero."""
    total = OPS["UnsortedSegmentSum"].public
    if weights is not None:
        weights = OPS["Cast"].public(weights, dtype=rows.dtype)
        rows = rows * _like_rows(weights, rows)
    out = total(rows, row_of, count)
    if context.graph is not None and rows.shape.rank is not None:
        out.set_shape([None, *rows.shape[1:]])
    if combiner == "sum":
        return out
    if weights is None:
        ones = OPS["OnesLike"].public(row_of)
        size = OPS["Cast"].public(total(ones, row_of, count), dtype=rows.dtype)
    else:
        size = total(weights if combiner == "mean" else weights * weights, row_of, count)
    size = size if combiner == "mean" else OPS["Sqrt"].public(size)
    out = OPS["DivNoNan"].public(out, _like_rows(size, rows))
    if context.graph is not None and rows.shape.rank is not None:
        out.set_shape([None, *rows.shape[1:]])
    return out


def _combiner(combiner):
    combiner = combiner or "mean"
    if combiner not in ("mean", "sqrtn", "sum"):
        raise ValueError(f"combiner must be one of 'mean', 'sqrtn' or 'sum', got {combiner}")
    return combiner


def _sparse(sp_ids, sp_weights):
    """Raises TypeError or ValueError where ids or weights are no SparseTensors of one shape."""
    if not hasattr(sp_ids, "dense_shape"):
        raise TypeError(f"sp_ids must be SparseTensor, got {type(sp_ids)}")
    if sp_weights is not None:
        if not hasattr(sp_weights, "dense_shape"):
            raise TypeError(f"sp_weights must be either None or SparseTensor, got {type(sp_weights)}")
        if not sp_ids.values.shape.is_compatible_with(sp_weights.values.shape):
            raise ValueError(
                f"sp_ids and sp_weights differ in shape: {sp_ids.values.shape} vs {sp_weights.values.shape}"
            )


def _lookup_sparse(params, sp_ids, sp_weights, strategy, name, combiner, max_norm):
    combiner = _combiner(combiner)
    _sparse(sp_ids, sp_weights)
    with name_scope(name, "embedding_lookup_sparse"):
        rows = _lookup(params, sp_ids.values, strategy, max_norm, None)
        row_of = _column(sp_ids.indices, 0)
        count = OPS["SegmentCount"].public(row_of)  # up to the last row that has ids
        return _combine(rows, row_of, None if sp_weights is None else sp_weights.values, combiner, count)


def _column(indices, i):
    return record.convert_to_tensor(indices)[:, i]


@export("nn.embedding_lookup_sparse", v1="")
def embedding_lookup_sparse(
    params, sp_ids, sp_weights, combiner=None, max_norm=None, name=None, allow_fast_lookup=False
):
    """Per row of the SparseTensor `sp_ids`, the 'sum', 'mean' or 'sqrtn' of its embeddings, weighted by `sp_weights`.

    `allow_fast_lookup` makes no difference.  Raises TypeError for dense ids, ValueError for another combiner.
    """
    return _lookup_sparse(params, sp_ids, sp_weights, "div", name, combiner, max_norm)


@export("", v1="nn.embedding_lookup_sparse")
def embedding_lookup_sparse_v1(
    params,
    sp_ids,
    sp_weights,
    partition_strategy="mod",
    name=None,
    combiner=None,
    max_norm=None,
    allow_fast_lookup=False,
):
    """TF1's argument order of embedding_lookup_sparse."""
    return _lookup_sparse(params, sp_ids, sp_weights, partition_strategy, name, combiner, max_norm)


def _check_weights(shards, dtype):
    """Raises ValueError where the embeddings have another dtype than the weights."""
    for table in shards:
        if hasattr(table, "dtype") and dtypes.as_dtype(table.dtype).base_dtype != dtype:
            raise ValueError(f"Tensor conversion requested dtype {dtype.name} for embeddings of dtype {table.dtype}")


def _safe(params, sparse_ids, sparse_weights, combiner, default_id, name, strategy, max_norm):
    combiner = _combiner(combiner)
    _sparse(sparse_ids, sparse_weights)
    if sparse_weights is not None:
        _check_weights(_shards(params), record.convert_to_tensor(sparse_weights.values).dtype.base_dtype)
    where, cast, reshape = OPS["SelectV2"].public, OPS["Cast"].public, OPS["Reshape"].public
    with name_scope(name, "embedding_lookup"):
        ids, indices = record.convert_to_tensor(sparse_ids.values), record.convert_to_tensor(sparse_ids.indices)
        shape = record.convert_to_tensor(sparse_ids.dense_shape)
        good = ids >= 0
        weights = None if sparse_weights is None else record.convert_to_tensor(sparse_weights.values)
        if weights is not None and combiner != "sum":
            good = OPS["LogicalAnd"].public(good, weights > 0)
        rows = _lookup(params, where(good, ids, OPS["ZerosLike"].public(ids)), strategy, max_norm, None)
        # Row numbers over all dimensions but the last; what is pruned goes to a row of its own beyond the end.
        lead = sparse_ids.shape.rank - 1 if sparse_ids.shape.rank is not None else indices._shape_tuple()[1] - 1
        row_of = _column(indices, 0)
        for d in range(1, lead):
            row_of = row_of * shape[d] + _column(indices, d)
        count = OPS["Prod"].public(shape[:lead], [0])
        row_of = where(good, row_of, OPS["ZerosLike"].public(row_of) + count)
        out = _combine(rows, row_of, weights, combiner, cast(count, dtype=dtypes.int64) + 1)[:-1]
        if default_id is not None:
            seen = OPS["UnsortedSegmentSum"].public(cast(good, dtype=dtypes.int32), row_of, count + 1)[:-1]
            default = _lookup(params, np.array(default_id, np.int64), strategy, max_norm, None)
            out = where(_like_rows(OPS["Equal"].public(seen, 0), out), default, out)
        if lead == 1:
            return out
        return reshape(
            out, OPS["ConcatV2"].public([cast(shape[:lead], dtype=dtypes.int32), OPS["Shape"].public(out)[1:]], 0)
        )


@export("nn.safe_embedding_lookup_sparse", v1="")
def safe_embedding_lookup_sparse(
    embedding_weights, sparse_ids, sparse_weights=None, combiner="mean", default_id=None, max_norm=None, name=None,
    allow_fast_lookup=False,
):  # fmt: skip
    """embedding_lookup_sparse without negative ids (or weights); empty rows get the row `default_id`, or zeros."""
    return _safe(embedding_weights, sparse_ids, sparse_weights, combiner, default_id, name, "div", max_norm)


@export("", v1="nn.safe_embedding_lookup_sparse")
def safe_embedding_lookup_sparse_v1(
    embedding_weights, sparse_ids, sparse_weights=None, combiner="mean", default_id=None, name=None,
    partition_strategy="div", max_norm=None, allow_fast_lookup=False,
):  # fmt: skip
    """TF1's argument order of safe_embedding_lookup_sparse."""
    return _safe(
        embedding_weights, sparse_ids, sparse_weights, combiner, default_id, name, partition_strategy, max_norm
    )
