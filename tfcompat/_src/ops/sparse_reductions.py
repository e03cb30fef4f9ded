"""tf.sparse: reductions, softmax and what turns ids into places."""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export, op, refused
from ..graph import context
from ..scopes import name_scope
from .sparse import SparseTensor, as_sparse, to_dense
from .sparse_ops import _PLACES, _flat, _length, _take, _vector, maximum, minimum, reorder


def _groups_abstract(indices, shape, *, axes, keepdims):
    rank = _length(shape)
    if rank is not None and not keepdims:
        rank = 0 if axes is None else rank - len(set([a % rank for a in axes if -rank <= a < rank]))
    return [_PLACES, (dtypes.int64, (None, rank)), (dtypes.int64, (rank,))]


@op("SparseGroups", host=True, alike=False, abstract=_groups_abstract)
def _groups(indices, shape, *, axes, keepdims):
    """Which group each value is reduced into, the groups' places, and the shape of the result."""
    rank = len(shape)
    if len(shape) and (shape.min() < 0 or int(np.prod(shape, dtype=object)) >= 2**63):
        raise errors.InvalidArgumentError(None, None, f"Shape {shape.tolist()} is negative or has too many elements")
    for a in axes or ():
        if not -rank <= a < rank:
            raise errors.InvalidArgumentError(
                None, None, f"Invalid reduction dimension {a}, for input with {rank} dimensions."
            )
    axes = tuple(range(rank)) if axes is None else tuple([a % rank for a in axes])
    kept = [d for d in range(rank) if d not in axes]
    out = np.array(
        [1 if d in axes else shape[d] for d in range(rank)] if keepdims else [shape[d] for d in kept], np.int64
    )
    places = np.where(np.isin(np.arange(rank), axes), 0, indices) if keepdims else indices[:, kept]
    _, first, where = np.unique(_flat(places, out), return_index=True, return_inverse=True)
    return where.reshape(-1).astype(np.int64), places[first].astype(np.int64), out


def _reduce(sp_input, axis, keepdims, sparse, name, default, reduction):
    sp_input = as_sparse(sp_input)
    with name_scope(name, default):
        axes = record.setting(axis)
        axes = axes if axes is None or isinstance(axes, tuple) else (axes,)
        groups, places, shape = _groups(sp_input.indices, sp_input.dense_shape, axes=axes, keepdims=bool(keepdims))
        values = _vector(OPS[reduction].public(sp_input.values, groups, OPS["Shape"].public(places)[0]))
        made = SparseTensor(places, values, shape)
        if sparse:
            return made
        if context.graph is None:
            return to_dense(made)
        dense, sizes = to_dense(made), sp_input.shape
        if sizes.rank is not None:
            gone = set(range(sizes.rank) if axes is None else [a % sizes.rank for a in axes])
            left = [1 if d in gone else n for d, n in enumerate(sizes.as_list()) if keepdims or d not in gone]
            dense.set_shape(left)
        return dense


@export("sparse.reduce_sum", v1="")
def reduce_sum(sp_input, axis=None, keepdims=None, output_is_sparse=False, name=None):
    """Sums along `axis` (default: all), dense or sparse."""
    return _reduce(sp_input, axis, keepdims, output_is_sparse, name, "SparseReduceSum", "UnsortedSegmentSum")


@export("sparse.reduce_max", v1="")
def reduce_max(sp_input, axis=None, keepdims=None, output_is_sparse=False, name=None):
    """Maxima along `axis` of the values that are there (zero where there are none), dense or sparse."""
    return _reduce(sp_input, axis, keepdims, output_is_sparse, name, "SparseReduceMax", "UnsortedSegmentMax")


def _old_reductions(name, new, sparse):
    def reduce(sp_input, axis=None, keepdims=None, reduction_axes=None, keep_dims=None):
        axis = reduction_axes if axis is None else axis
        return new(sp_input, axis, keep_dims if keepdims is None else keepdims, output_is_sparse=sparse)

    reduce.__name__, reduce.__doc__ = name, new.__doc__
    export("", v1=f"sparse.{name} sparse_{name}")(reduce)


_old_reductions("reduce_sum", reduce_sum, False)
_old_reductions("reduce_sum_sparse", reduce_sum, True)
_old_reductions("reduce_max", reduce_max, False)
_old_reductions("reduce_max_sparse", reduce_max, True)


@export("sparse.softmax", v1="sparse.softmax sparse_softmax")
def softmax(sp_input, name=None):
    """Softmax along the last dimension over the values that are there."""
    sp_input = as_sparse(sp_input)
    with name_scope(name, "SparseSoftmax", [sp_input.indices, sp_input.values]):
        groups, places, _ = _groups(sp_input.indices, sp_input.dense_shape, axes=(-1,), keepdims=False)
        count = OPS["Shape"].public(places)[0]
        top = OPS["StopGradient"].public(OPS["UnsortedSegmentMax"].public(sp_input.values, groups, count))
        powers = OPS["Exp"].public(_vector(sp_input.values - _take(top, groups)))
        total = OPS["UnsortedSegmentSum"].public(powers, groups, count)
        return sp_input._with_values(powers / _take(total, groups))


@export("sparse.to_indicator", v1="sparse.to_indicator sparse_to_indicator")
def to_indicator(sp_input, vocab_size, name=None):
    """Booleans [..., vocab_size]: which ids occur along the last dimension."""
    sp_input = as_sparse(sp_input)
    with name_scope(name, "SparseToIndicator", [sp_input.indices]):
        ids = OPS["Cast"].public(sp_input.values, dtype=dtypes.int64)
        yes = OPS["OnesLike"].public(OPS["Cast"].public(ids, dtype=dtypes.bool))
        places = OPS["ConcatV2"].public([sp_input.indices[:, :-1], OPS["ExpandDims"].public(ids, 1)], 1)
        size = OPS["Reshape"].public(OPS["Cast"].public(record.convert_to_tensor(vocab_size), dtype=dtypes.int64), [1])
        shape = OPS["ConcatV2"].public([sp_input.dense_shape[:-1], size], 0)
        return to_dense(SparseTensor(places, yes, shape), default_value=False, validate_indices=False)


@export("", v1="sparse.merge sparse_merge")
def merge(sp_ids, sp_values, vocab_size, name=None, already_sorted=False):
    """Ids and values of one example per row as one SparseTensor: the ids become the last index."""
    several = isinstance(vocab_size, (list, tuple))
    ids = [as_sparse(i) for i in (sp_ids if several else [sp_ids])]
    sizes = vocab_size if several else [vocab_size]
    if len(ids) != len(sizes):
        raise ValueError(f"sp_ids and vocab_size have to have equal lengths. Received: {len(ids)} and {len(sizes)}")
    values = as_sparse(sp_values)
    with name_scope(name, "SparseMerge"):
        columns = [OPS["Reshape"].public(OPS["Cast"].public(i.values, dtype=dtypes.int64), [-1, 1]) for i in ids]
        indices = OPS["ConcatV2"].public([ids[0].indices[:, :-1], *columns], 1)
        ends = [
            OPS["Reshape"].public(OPS["Cast"].public(record.convert_to_tensor(s), dtype=dtypes.int64), [1])
            for s in sizes
        ]
        made = SparseTensor(indices, values.values, OPS["ConcatV2"].public([ids[0].dense_shape[:-1], *ends], 0))
        return made if already_sorted else reorder(made)


@export("sparse.map_values", v1="")
def map_values(op, *args, **kwargs):
    """op(*args) with the values of SparseTensors (all at the same places) instead; the result at these places."""
    found = [a for a in [*args, *kwargs.values()] if isinstance(a, SparseTensor)]
    if not found:
        raise ValueError("No SparseTensor in argument list of map_values")
    first = found[0]
    if context.graph is None:
        for other in found[1:]:
            if not (
                np.array_equal(other.indices.numpy(), first.indices.numpy())
                and np.array_equal(other.dense_shape.numpy(), first.dense_shape.numpy())
            ):
                raise errors.InvalidArgumentError(
                    None, None, "SparseTensor argument to sparse.map_values must all have the same nonzero indices."
                )
    values = [a.values if isinstance(a, SparseTensor) else a for a in args]
    return first.with_values(
        op(*values, **{k: v.values if isinstance(v, SparseTensor) else v for k, v in kwargs.items()})
    )


_CROSS = "crossed features are not computed here; join the strings and hash them yourself."
refused("sparse.cross", _CROSS, lambda inputs, name=None, separator=None: None)
refused("sparse.cross_hashed", _CROSS, lambda inputs, num_buckets=0, hash_key=None, name=None: None)


# -- raw names -----------------------------------
def _parts(sparse):
    return sparse.indices, sparse.values, sparse.dense_shape


def _sparse_of(indices, values, shape):
    """A SparseTensor of the parts that a raw op takes; InvalidArgumentError for shapes that cannot be."""
    shape = record.convert_to_tensor(shape, dtypes.int64)
    known = record.static_value(shape)
    if known is not None and known.size and (known.min() < 0 or int(np.prod(known, dtype=object)) >= 2**63):
        raise errors.InvalidArgumentError(None, None, f"Shape {known.tolist()} is negative or has too many elements")
    return SparseTensor._of(record.convert_to_tensor(indices, dtypes.int64), record.convert_to_tensor(values), shape)


def _raw_reduction(type, reduce):
    def raw(*, input_indices, input_values, input_shape, reduction_axes, keep_dims=False, name=None):
        made = reduce(_sparse_of(input_indices, input_values, input_shape), reduction_axes, keep_dims)
        return _parts(made) if isinstance(made, SparseTensor) else made

    raw.__name__ = raw.__qualname__ = type
    raw.__doc__ = "The reduction along `reduction_axes` of a SparseTensor given in parts."
    return export(f"raw_ops.{type}")(raw)


_raw_reduction("SparseReduceSum", lambda sp, axes, keep: reduce_sum(sp, axes, keep))
_raw_reduction("SparseReduceMax", lambda sp, axes, keep: reduce_max(sp, axes, keep))
_raw_reduction("SparseReduceSumSparse", lambda sp, axes, keep: reduce_sum(sp, axes, keep, True))
_raw_reduction("SparseReduceMaxSparse", lambda sp, axes, keep: reduce_max(sp, axes, keep, True))


@export("raw_ops.SparseSoftmax")
def raw_softmax(*, sp_indices, sp_values, sp_shape, name=None):
    """The softmax of a SparseTensor given in parts."""
    return softmax(_sparse_of(sp_indices, sp_values, sp_shape)).values


def _raw_extreme(type, function):
    def raw(*, a_indices, a_values, a_shape, b_indices, b_values, b_shape, name=None):
        made = function(_sparse_of(a_indices, a_values, a_shape), _sparse_of(b_indices, b_values, b_shape))
        return made.indices, made.values

    raw.__name__ = raw.__qualname__ = type
    raw.__doc__ = "The larger or smaller of two SparseTensors given in parts."
    return export(f"raw_ops.{type}")(raw)


_raw_extreme("SparseSparseMaximum", maximum)
_raw_extreme("SparseSparseMinimum", minimum)
