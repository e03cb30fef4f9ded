"""tf.sparse: ops of SparseTensors that give SparseTensors or reductions.

Each finds the places of its result on the host, together with where in the inputs each value comes from; the values
are gathered by device ops, so they have gradients.
"""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..graph import context
from ..scopes import name_scope
from .sparse import SparseTensor, SparseTensorValue, _strides, as_sparse, to_dense

_PLACES = (dtypes.int64, (None,))


def _spoken(shape):
    return "[" + ",".join([str(int(d)) for d in shape]) + "]"


def _length(a):
    """The statically known first size of an aval, or None."""
    return a.shape[0] if a.shape else None


def _indices(indices, *shapes, n=None):
    """What is known of indices [n, rank] into tensors that are as indices and shapes (avals of such) say."""
    known = [indices.shape[1]] if indices is not None and indices.shape is not None and len(indices.shape) == 2 else []
    return dtypes.int64, (n, next((r for r in [*known, *map(_length, shapes)] if r is not None), None))


def _flat(indices, shape):
    """The row-major position of each index."""
    return indices @ _strides(shape) if len(shape) else np.zeros(len(indices), np.int64)


def _take(values, places):
    """values [n] at `places` [m] -> [m], also where the graph does not know that the values are a vector."""
    out = OPS["GatherV2"].public(values, places)
    if out._shape_tuple() is None:
        out.set_shape(places.shape)
    return out


def _take_rows(indices, places):
    return OPS["GatherV2"].public(indices, places)


def _vector(tensor):
    if tensor._shape_tuple() is None:
        tensor.set_shape([None])
    return tensor


def _shape_like(sparse, made, shape=None):
    """A result with what is statically known of its shape."""
    if shape is not None:
        made._stated = shape
    elif sparse._stated is not None:
        made._stated = sparse._stated
    return made


# -- order and shape -----------------------------------
@op("SparseReorder", host=True, abstract=lambda i, s: [_indices(i, s, n=_length(i)), (dtypes.int64, (_length(i),))])
def _reordered(indices, shape):
    order = np.argsort(_flat(indices, shape), kind="stable")
    return indices[order], order


@export("sparse.reorder", v1="sparse.reorder sparse_reorder")
def reorder(sp_input, name=None):
    """The same SparseTensor with its indices in row-major order."""
    sp_input = as_sparse(sp_input)
    indices, order = _reordered(sp_input.indices, sp_input.dense_shape, name=name)
    return _shape_like(sp_input, SparseTensor(indices, _take(sp_input.values, order), sp_input.dense_shape))


def _reshape_abstract(indices, shape, new):
    return [_indices(None, new, n=_length(indices)), (dtypes.int64, (_length(new),))]


@op("SparseReshape", host=True, alike=False, abstract=_reshape_abstract)
def _reshaped(indices, shape, new):
    size, new = int(np.prod(shape, dtype=np.int64)), np.array(new, np.int64)
    free = np.nonzero(new == -1)[0]
    if len(free) > 1:
        raise errors.InvalidArgumentError(
            None, None, f"only one output dimension may be -1, not both {free[0]} and {free[1]}"
        )
    if len(free):
        rest = int(np.prod(np.delete(new, free), dtype=np.int64))
        if rest == 0 or size % rest:
            raise errors.InvalidArgumentError(
                None,
                None,
                f"Input to reshape is a SparseTensor with {size} dense values, but the requested shape requires a "
                f"multiple of {rest}. "
                f"input_shape={_spoken(shape)} output_shape={_spoken(new)}",
            )
        new[free[0]] = size // rest
    if int(np.prod(new, dtype=np.int64)) != size:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"Input to reshape is a tensor with {size} dense values, but the requested shape has {int(np.prod(new))}. "
            f"input_shape={_spoken(shape)} output_shape={_spoken(new)}",
        )
    flat = _flat(indices, shape)
    out = (
        np.stack(np.unravel_index(flat, tuple(new)), 1)
        if len(flat) and len(new)
        else np.zeros((len(indices), len(new)))
    )
    return out.astype(np.int64), new


def _check_sizes(old, shape):
    """Raises ValueError where a graph knows that a tensor of static shape `old` cannot become one of `shape`."""
    if context.graph is None or not old.is_fully_defined():
        return
    new, size = record.static_value(shape), int(np.prod(old.as_list(), dtype=np.int64))
    if new is not None and -1 not in new and int(np.prod(new, dtype=np.int64)) != size:
        total = int(np.prod(new, dtype=np.int64))
        raise ValueError(f"Cannot reshape a tensor with {size} elements to shape {new.tolist()} ({total} elements).")


@export("sparse.reshape", v1="sparse.reshape sparse_reshape")
def reshape(sp_input, shape, name=None):
    """The same values in another dense shape (one size may be -1)."""
    sp_input = as_sparse(sp_input)
    with name_scope(name, "SparseReshape", [sp_input.indices, shape]):
        shape = record.convert_to_tensor(shape, dtypes.int64 if not isinstance(shape, record.Tensor) else None)
        _check_sizes(sp_input.shape, shape)
        indices, new = _reshaped(sp_input.indices, sp_input.dense_shape, shape)
        known = (
            record.constant_value_as_shape(OPS["Cast"].public(shape, dtype=dtypes.int64))
            if context.graph is not None
            else None
        )
        made = SparseTensor(indices, sp_input.values, new)
        if known is not None and known.rank is not None:
            made._stated = known
        return made


@export("sparse.transpose", v1="sparse.transpose sparse_transpose")
def transpose(sp_input, perm=None, name=None):
    """Dimensions permuted (default: reversed), indices in order again."""
    sp_input = as_sparse(sp_input)
    with name_scope(name, "SparseTranspose"):
        if perm is None:
            rank = sp_input.shape.rank
            if rank is None:
                raise NotImplementedError("tfcompat needs the rank of a SparseTensor to transpose it without `perm`.")
            perm = list(range(rank))[::-1]
        perm = record.convert_to_tensor(perm)
        indices = OPS["GatherV2"].public(sp_input.indices, perm, axis=1)
        shape = OPS["GatherV2"].public(sp_input.dense_shape, perm)
        return reorder(SparseTensor(indices, sp_input.values, shape))


@export("sparse.expand_dims")
def expand_dims(sp_input, axis=None, name=None):
    """A dimension of size 1 put in at `axis` (default -1)."""
    sp_input = as_sparse(sp_input)
    rank = sp_input.shape.rank
    axis = -1 if axis is None else int(record.setting(axis))
    if rank is None:
        raise NotImplementedError("tfcompat needs the rank of a SparseTensor for tf.sparse.expand_dims.")
    if not -rank - 1 <= axis <= rank:
        raise ValueError(f"axis {axis} not in the interval [{-rank - 1}, {rank}]")
    axis = axis + rank + 1 if axis < 0 else axis
    with name_scope(name, "expand_dims"):
        join, one = OPS["ConcatV2"].public, OPS["ZerosLike"].public(sp_input.indices[:, :1])
        indices = join([sp_input.indices[:, :axis], one, sp_input.indices[:, axis:]], 1)
        shape = join([sp_input.dense_shape[:axis], np.array([1], np.int64), sp_input.dense_shape[axis:]], 0)
        return SparseTensor(indices, sp_input.values, shape)


@op("SparseResetShape", host=True, abstract=lambda i, s, new: (dtypes.int64, s.shape))
def _reset(indices, shape, new):
    if np.size(new) == 0:
        return indices.max(0) + 1 if len(indices) else np.zeros_like(shape)
    if len(new) != len(shape):
        raise errors.InvalidArgumentError(
            None, None, f"Condition x == y did not hold element-wise: the ranks of {_spoken(shape)} and {_spoken(new)}"
        )
    if np.any(new < shape):
        raise errors.InvalidArgumentError(
            None, None, f"Condition x <= y did not hold element-wise: {_spoken(shape)} <= {_spoken(new)}"
        )
    return new


@export("sparse.reset_shape", v1="sparse.reset_shape sparse_reset_shape")
def reset_shape(sp_input, new_shape=None):
    """The same values in a larger dense shape (default: the smallest that holds them)."""
    sp_input = as_sparse(sp_input)
    if new_shape is not None and not isinstance(new_shape, record.Tensor) and sp_input.shape.is_fully_defined():
        if len(new_shape) != sp_input.shape.rank:
            raise ValueError(f"Shapes {tuple(new_shape)} and {sp_input.shape} must have the same rank")
        if any(n < s for n, s in zip(new_shape, sp_input.shape.as_list())):
            raise ValueError(
                "Requested new_shape should have dimension sizes >= sp_input.shape.  Found new_shape "
                f"({list(new_shape)}), "
                f"sp_input.shape ({sp_input.shape.as_list()})."
            )
    new = OPS["Cast"].public(record.convert_to_tensor(np.zeros(0, np.int64) if new_shape is None else new_shape),
                             dtype=dtypes.int64)  # fmt: skip
    made = SparseTensor._of(sp_input.indices, sp_input.values, _reset(sp_input.indices, sp_input.dense_shape, new))
    if new_shape is not None:
        made.set_shape(record.constant_value_as_shape(new_shape))
    return made


# -- parts -----------------------------------
@op("SparseRetain", name="Where", host=True, abstract=lambda k: _PLACES)
def _kept(keep):
    return np.nonzero(keep)[0].astype(np.int64)


@export("sparse.retain", v1="sparse.retain sparse_retain")
def retain(sp_input, to_retain):
    """Only the values where `to_retain` (booleans [n]) holds."""
    sp_input = as_sparse(sp_input)
    keep = record.convert_to_tensor(to_retain)
    length = sp_input.values.shape.with_rank(1)[:1]
    keep.shape.with_rank(1).assert_is_compatible_with(length)
    places = _kept(keep)
    indices, values = _take_rows(sp_input.indices, places), _take(sp_input.values, places)
    return _shape_like(sp_input, SparseTensor(indices, values, sp_input.dense_shape))


@op("SparseSlice", host=True, abstract=lambda i, s, b, n: [_PLACES, _indices(i, s, b, n), (dtypes.int64, s.shape)])
def _part(indices, shape, start, size):
    end = np.minimum(start + size, shape)
    places = np.nonzero(np.all((indices >= start) & (indices < end), axis=1))[0]
    return places.astype(np.int64), indices[places] - start, np.maximum(end - start, 0)


@export("sparse.slice", v1="sparse.slice sparse_slice")
def slice(sp_input, start, size, name=None):
    """The part of shape `size` (cut at the edge) that begins at `start`."""
    sp_input = as_sparse(sp_input)
    with name_scope(name, "SparseSlice", [sp_input.indices]):
        start, size = (record.convert_to_tensor(v, dtypes.int64) for v in (start, size))
        places, indices, shape = _part(sp_input.indices, sp_input.dense_shape, start, size)
        return SparseTensor(indices, _take(sp_input.values, places), shape)


@export("sparse.split", v1="")
def split(sp_input=None, num_split=None, axis=None, name=None):
    """A list of `num_split` SparseTensors, cut along `axis`; the first ones are one larger where it does not come out
    even.
    """
    if num_split is None or axis is None or sp_input is None:
        raise ValueError("tf.sparse.split needs sp_input, num_split and axis.")
    sp_input = as_sparse(sp_input)
    n, axis = int(record.setting(num_split)), int(record.setting(axis))
    with name_scope(name, "SparseSplit"):
        out = []
        for i in range(n):
            places, indices, shape = _piece(sp_input.indices, sp_input.dense_shape, axis=axis, i=i, n=n)
            out.append(SparseTensor(indices, _take(sp_input.values, places), shape))
        return out


@op(
    "SparseSplitPart",
    name="SparseSplit",
    host=True,
    abstract=lambda at, s, **settings: [_PLACES, _indices(at, s), (dtypes.int64, s.shape)],
)
def _piece(indices, shape, *, axis, i, n):
    size = int(shape[axis])
    if not 1 <= n <= size:
        raise errors.InvalidArgumentError(
            None, None, f"Input num_split should be between 1 and the splitting dimension size ({size}), got {n}"
        )
    base, extra = divmod(size, n)
    start, length = np.zeros_like(shape), shape.copy()
    start[axis], length[axis] = base * i + min(i, extra), base + (i < extra)
    return _part.op.kernel(indices, shape, start, length)


@export("", v1="sparse.split sparse_split")
def split_v1(keyword_required=None, sp_input=None, num_split=None, axis=None, name=None, split_dim=None):
    """TF1's tf.sparse.split: arguments by keyword only."""
    if keyword_required is not None:
        raise ValueError("Keyword arguments are required for this function.")
    return split(sp_input, num_split, split_dim if axis is None else axis, name)


@op("SparseMask", host=True, abstract=lambda i, m: _PLACES)
def _not_masked(indices, masked):
    return np.nonzero(~np.isin(indices, masked))[0].astype(np.int64)


@export("sparse.mask", v1="sparse.mask sparse_mask")
def mask(a, mask_indices, name=None):
    """IndexedSlices without the rows at `mask_indices`."""
    with name_scope(name, "sparse_mask", [mask_indices]):
        places = _not_masked(a.indices, record.convert_to_tensor(mask_indices))
        return record.IndexedSlices(_take_rows(a.values, places), _take(a.indices, places), a.dense_shape)


# -- putting together -----------------------------------
def _joined_abstract(*parts, axis, expand):
    indices, shapes = parts[: len(parts) // 2], parts[len(parts) // 2 :]
    lengths = [_length(i) for i in indices]
    n = None if None in lengths else sum(lengths)
    return [_indices(indices[0], *shapes, n=n), (dtypes.int64, (n,)), (dtypes.int64, shapes[-1].shape)]


@op("SparseConcat", host=True, alike=False, abstract=_joined_abstract)
def _joined(*parts, axis, expand):
    indices, shapes = parts[: len(parts) // 2], [np.asarray(s) for s in parts[len(parts) // 2 :]]
    rank = len(shapes[0])
    at = axis + rank if axis < 0 else axis
    if not 0 <= at < rank:
        raise errors.InvalidArgumentError(
            None, None, f"Concat dimension must be in range [{-rank}, {rank}), got {axis}"
        )
    shape = np.max(shapes, axis=0) if expand else shapes[0].copy()
    for i, s in enumerate(shapes):
        if not expand and np.any(np.delete(s, at) != np.delete(shape, at)):
            d = int(np.nonzero(np.delete(s, at) != np.delete(shape, at))[0][0])
            raise errors.InvalidArgumentError(
                None,
                None,
                f"Input shapes must match: expected {np.delete(shape, at)[d]} for dimension {d} but got "
                f"{np.delete(s, at)[d]} at position {i}",
            )
    moved, start = [], 0
    for i, s in zip(indices, shapes):
        i = i.copy()
        i[:, at] += start
        start += s[at]
        moved.append(i)
    shape[at] = start
    joined = np.concatenate(moved)
    order = np.argsort(_flat(joined, shape), kind="stable")
    return joined[order], order, shape


@export("sparse.concat", v1="")
def concat(axis, sp_inputs, expand_nonconcat_dims=False, name=None):
    """SparseTensors one after the other along `axis`; other sizes must agree, or grow to the largest if
    `expand_nonconcat_dims`.
    """
    parts = [as_sparse(s) for s in (sp_inputs if isinstance(sp_inputs, (list, tuple)) else [sp_inputs])]
    if len(parts) == 1:
        return parts[0]
    with name_scope(name, "SparseConcat"):
        args = [p.indices for p in parts] + [p.dense_shape for p in parts]
        indices, order, shape = _joined(args, axis=int(record.setting(axis)), expand=bool(expand_nonconcat_dims))
        values = OPS["ConcatV2"].public([p.values for p in parts], 0)
        return SparseTensor(indices, _take(values, order), shape)


@export("", v1="sparse.concat sparse_concat")
def concat_v1(axis, sp_inputs, name=None, expand_nonconcat_dim=False, concat_dim=None, expand_nonconcat_dims=None):
    """TF1's tf.sparse.concat."""
    expand = expand_nonconcat_dim if expand_nonconcat_dims is None else expand_nonconcat_dims
    return concat(axis if concat_dim is None else concat_dim, sp_inputs, expand, name)


def _mismatch(a, b):
    if len(a) != len(b):
        return f"Operands do not have the same ranks; got shapes: {_spoken(a)} and {_spoken(b)}"
    d = next(d for d in range(len(a)) if a[d] != b[d])
    return f"Operands' shapes do not match: got {a[d]} and {b[d]} for dimension {d}"


def _check_columns(indices, shape):
    if indices.ndim != 2 or indices.shape[1] != len(shape):
        width = indices.shape[1] if indices.ndim == 2 else indices.ndim
        raise errors.InvalidArgumentError(None, None, f"Index rank {width} and shape rank {len(shape)} do not match")


@op("SparseUnion", host=True, alike=False, abstract=lambda a, b, s, t: [_indices(a, s, t), _PLACES])
def _union(a, b, shape, other):
    """The places of either, in order, and for each input value (a's, then b's) which of these it belongs to."""
    _check_columns(a, shape)
    _check_columns(b, other)
    if not np.array_equal(shape, other):
        raise errors.InvalidArgumentError(None, None, _mismatch(shape, other))
    both = np.concatenate([a, b])
    _, first, where = np.unique(_flat(both, shape), return_index=True, return_inverse=True)
    return both[first], where.reshape(-1).astype(np.int64)


@op("SparseBeyond", host=True, alike=False, abstract=lambda v, w, t: _PLACES)
def _beyond(values, where, threshold):
    """Which sums to keep: those that are large enough, and all values of which there is but one."""
    single = np.bincount(where, minlength=len(values)) < 2
    return np.nonzero(single | (np.abs(values) >= threshold))[0].astype(np.int64)


@export("sparse.add", v1="")
def add(a, b, threshold=0):
    """The sum of two SparseTensors (without sums smaller than `threshold`), or of a sparse and a dense one (dense)."""
    sparse = (SparseTensor, SparseTensorValue)
    if not isinstance(a, sparse) and not isinstance(b, sparse):
        raise TypeError(
            f"At least one input should be SparseTensor; do you mean to use tf.add()? Received: {a!r}, {b!r}"
        )
    if not (isinstance(a, sparse) and isinstance(b, sparse)):
        s, d = (a, b) if isinstance(a, sparse) else (b, a)
        s = as_sparse(s)
        d = record.convert_to_tensor(d, s.dtype.base_dtype if not isinstance(d, record.Tensor) else None)
        if s.shape.is_fully_defined() and d.shape.is_fully_defined() and s.shape.as_list() != d.shape.as_list():
            raise errors.InvalidArgumentError(None, None, f"Dimensions do not match: {s.shape} and {d.shape}")
        return OPS["AddV2"].public(d, to_dense(s, validate_indices=False))
    a, b = as_sparse(a), as_sparse(b)
    indices, where = _union(a.indices, b.indices, a.dense_shape, b.dense_shape)
    values = OPS["ConcatV2"].public([a.values, b.values], 0)
    count = OPS["Shape"].public(indices)[0]
    values = _vector(OPS["UnsortedSegmentSum"].public(values, where, count))
    made = SparseTensor(indices, values, a.dense_shape)
    if not (threshold.__class__ in (int, float) and threshold == 0):
        places = _beyond(values, where, record.convert_to_tensor(threshold, a.dtype.base_dtype.real_dtype))
        made = SparseTensor(_take_rows(indices, places), _take(values, places), a.dense_shape)
    return _shape_like(a, made)


@export("", v1="sparse.add sparse_add")
def add_v1(a, b, threshold=None, thresh=None):
    """TF1's tf.sparse.add."""
    threshold = thresh if threshold is None else threshold
    return add(a, b, 0 if threshold is None else threshold)


def _extreme(sp_a, sp_b, name, default, type):
    with name_scope(name, default):
        a, b = as_sparse(sp_a), as_sparse(sp_b)
        indices, where = _union(a.indices, b.indices, a.dense_shape, b.dense_shape)
        count, n = OPS["Shape"].public(indices)[0], OPS["Shape"].public(a.indices)[0]
        spread = OPS["UnsortedSegmentSum"].public
        values = OPS[type].public(spread(a.values, where[:n], count), spread(b.values, where[n:], count))
        return SparseTensor(indices, _vector(values), a.dense_shape)


@export("sparse.maximum", v1="sparse.maximum sparse_maximum")
def maximum(sp_a, sp_b, name=None):
    """The larger of both, element by element; nothing counts as zero."""
    return _extreme(sp_a, sp_b, name, "SparseSparseMaximum", "Maximum")


@export("sparse.minimum", v1="sparse.minimum sparse_minimum")
def minimum(sp_a, sp_b, name=None):
    """The smaller of both, element by element; nothing counts as zero."""
    return _extreme(sp_a, sp_b, name, "SparseSparseMinimum", "Minimum")


@op(
    "SparseFillEmptyRows",
    host=True,
    alike=False,
    abstract=lambda i, s: [_indices(i, s), _PLACES, (dtypes.bool, (None,))],
)
def _filled(indices, shape):
    """The indices with [row, 0, ...] for empty rows, where each value is (-1 position: the default, last), which rows
    were empty.
    """
    wrong = np.flatnonzero((indices[:, 0] < 0) | (indices[:, 0] >= shape[0]))
    if len(wrong):
        i = int(wrong[0])
        raise errors.InvalidArgumentError(None, None, f"indices({i}, 0) is invalid: {indices[i, 0]} >= {int(shape[0])}")
    empty = np.ones(int(shape[0]), bool)
    empty[indices[:, 0]] = False
    rows = np.nonzero(empty)[0]
    added = np.zeros((len(rows), len(shape)), np.int64)
    added[:, 0] = rows
    both = np.concatenate([indices, added])
    order = np.argsort(both[:, 0], kind="stable")
    return both[order], np.minimum(order, len(indices)), empty


@export("raw_ops.SparseFillEmptyRowsGrad")
def _fill_empty_rows_grad(reverse_index_map, grad_values, name=None):
    """(what arrives at the values, what arrives at the default) of `fill_empty_rows`."""
    return _filled_gradient(record.convert_to_tensor(reverse_index_map, dtypes.int64), grad_values)


@op("SparseFillEmptyRowsGrad", host=True, alike=False, abstract=lambda i, g: [(g.dtype, i.shape), (g.dtype, ())])
def _filled_gradient(reverse_index_map, grad_values):
    if np.any((reverse_index_map < 0) | (reverse_index_map >= len(grad_values))):
        raise errors.InvalidArgumentError(
            None,
            None,
            f"Elements in reverse index must be in [0, {len(grad_values)}), got {reverse_index_map.tolist()}",
        )
    rest = np.ones(len(grad_values), bool)
    rest[reverse_index_map] = False
    return grad_values[reverse_index_map], np.asarray(grad_values[rest].sum(), grad_values.dtype)


@export("sparse.fill_empty_rows", v1="sparse.fill_empty_rows sparse_fill_empty_rows")
def fill_empty_rows(sp_input, default_value, name=None):
    """(the SparseTensor with `default_value` at [row, 0] of each empty row, booleans [rows]: which were empty)"""
    sp_input = as_sparse(sp_input)
    with name_scope(name, "SparseFillEmptyRows", [sp_input.indices]):
        default = record.convert_to_tensor(default_value, sp_input.dtype.base_dtype)
        indices, places, empty = _filled(sp_input.indices, sp_input.dense_shape)
        values = OPS["ConcatV2"].public([sp_input.values, OPS["Reshape"].public(default, [1])], 0)
        if context.graph is not None and sp_input.shape.rank:
            empty.set_shape(sp_input.shape[:1])
        return SparseTensor(indices, _take(values, places), sp_input.dense_shape), empty
