"""tf.sets: sets of values along the last dimension, dense or sparse; results are SparseTensors with sorted sets."""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import OPS, export, op
from ..errors import InvalidArgumentError
from .sparse import SparseTensor

_DTYPES = (dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64, dtypes.uint8, dtypes.uint16, dtypes.string)
_COMBINE = {
    "intersection": lambda x, y: x & y,
    "union": lambda x, y: x | y,
    "a-b": lambda x, y: x - y,
    "b-a": lambda x, y: y - x,
}


# -- sets as {leading index: set} -------------------------------------------------------------------------------------
def _check_order(indices, shape, type):
    """Raises InvalidArgumentError for indices that are outside, repeated, or not in row-major order."""
    rows = [tuple(r) for r in indices.tolist()]
    for i, row in enumerate(rows):
        where = f"indices[{i}] = [{','.join(map(str, row))}] is"
        if any(not 0 <= j < n for j, n in zip(row, shape.tolist(), strict=True)):
            limits = ",".join(map(str, shape.tolist()))
            raise _bad(type, f"{where} out of bounds: need 0 <= index < [{limits}]")
        if i and row == rows[i - 1]:
            raise _bad(type, f"{where} repeated")
        if i and row < rows[i - 1]:
            raise _bad(
                type,
                f"{where} out of order. Many sparse ops require sorted indices; use `tf.sparse.reorder` to sort them.",
            )


def _bad(type, message):
    return InvalidArgumentError(None, None, f"{message} [Op:{type}]")


def _of_sparse(indices, values, shape, validate, type):
    """(the sets, their shape) of the parts of a sparse tensor."""
    if shape.ndim != 1:
        raise _bad(type, "Shape must be a 1D tensor.")
    if shape.size < 2:
        raise _bad(type, f"Invalid rank {shape.size}.")
    if validate:
        _check_order(indices, shape, type)
    rows = {}
    for place, value in zip(map(tuple, indices[:, :-1].tolist()), values.tolist(), strict=True):
        rows.setdefault(place, set()).add(value)
    return rows, tuple(shape[:-1].tolist())


def _of_dense(x, type):
    if x.ndim < 2:
        raise _bad(type, f"Shape {list(x.shape)} has rank {x.ndim} < 2")
    return {place: set(x[place].tolist()) for place in np.ndindex(*x.shape[:-1])}, x.shape[:-1]


def _combined(a, b, operation, dtype, type):
    """The parts of the sparse tensor of the sets that `operation` makes of two."""
    (a, groups), (b, others) = a, b
    if tuple(groups) != tuple(others):
        raise _bad(type, f"Mismatched shapes {list(groups)} vs {list(others)}")
    places, values, most = [], [], 0
    for row in sorted({**a, **b}):
        found = sorted(_COMBINE[operation](a.get(row, set()), b.get(row, set())))
        places += [(*row, i) for i in range(len(found))]
        values += found
        most = max(most, len(found))
    out = np.empty(len(values), dtype)
    out[:] = values
    return np.array(places, np.int64).reshape(-1, len(groups) + 1), out, np.array([*groups, most], np.int64)


# -- ops --------------------------------------------------------------------------------------------------------------
def _rank(*shapes):
    """The rank that dense shapes, or the shapes of sparse `dense_shape`s, tell; None where none does."""
    return next((r for r in shapes if r is not None), None)


def _dense_rank(x):
    return None if x.shape is None else len(x.shape)


def _sparse_rank(shape):
    return shape.shape[0] if shape.shape else None


def _outputs(rank, values):
    return [(dtypes.int64, (None, rank)), (values.dtype, (None,)), (dtypes.int64, (rank,))]


@op(
    "DenseToDenseSetOperation", host=True,
    abstract=lambda a, b, **_: _outputs(_rank(_dense_rank(a), _dense_rank(b)), a),
)  # fmt: skip
def _dense_dense(set1, set2, *, set_operation, validate_indices):
    """Two dense tensors [..., n], [..., m] of sets -> the parts of a sparse one."""
    type = "DenseToDenseSetOperation"
    return _combined(_of_dense(set1, type), _of_dense(set2, type), set_operation, set1.dtype, type)


@op(
    "DenseToSparseSetOperation", host=True, alike=False,
    abstract=lambda a, i, v, s, **_: _outputs(_rank(_sparse_rank(s), _dense_rank(a)), a),
)  # fmt: skip
def _dense_sparse(set1, set2_indices, set2_values, set2_shape, *, set_operation, validate_indices):
    """A dense and a sparse tensor of sets -> the parts of a sparse one."""
    type = "DenseToSparseSetOperation"
    b = _of_sparse(set2_indices, set2_values, set2_shape, validate_indices, type)
    return _combined(_of_dense(set1, type), b, set_operation, set1.dtype, type)


@op(
    "SparseToSparseSetOperation", host=True, alike=False,
    abstract=lambda i, v, s, j, w, t, **_: _outputs(_rank(_sparse_rank(s), _sparse_rank(t)), v),
)  # fmt: skip
def _sparse_sparse(
    set1_indices, set1_values, set1_shape, set2_indices, set2_values, set2_shape, *, set_operation, validate_indices
):
    """Two sparse tensors of sets -> the parts of one."""
    type = "SparseToSparseSetOperation"
    a = _of_sparse(set1_indices, set1_values, set1_shape, validate_indices, type)
    b = _of_sparse(set2_indices, set2_values, set2_shape, validate_indices, type)
    return _combined(a, b, set_operation, set1_values.dtype, type)


@op("SetSize", "raw_ops.SetSize", v1="", host=True, alike=False, abstract=lambda i, v, s, **_: (dtypes.int32, None))
def _set_size(set_indices, set_values, set_shape, *, validate_indices=True):
    """How many different values each set of a sparse tensor has -> int32."""
    rows, groups = _of_sparse(set_indices, set_values, set_shape, validate_indices, "SetSize")
    out = np.zeros(groups, np.int32)
    for row, found in rows.items():
        if any(not 0 <= i < n for i, n in zip(row, groups, strict=True)):
            raise _bad("SetSize", f"Index out of range: indices {list(row)} expected < {list(groups)}")
        out[row] = len(found)
    return out


# -- public -----------------------------------------------------------------------------------------------------------
def _operand(x):
    return x if hasattr(x, "dense_shape") else record.convert_to_tensor(x)


def _apply(a, b, operation, validate_indices):
    a, b = _operand(a), _operand(b)
    if a.dtype.base_dtype not in _DTYPES:
        names = ", ".join([d.name for d in _DTYPES])
        raise TypeError(f"'a' has invalid dtype `{a.dtype}` not in supported dtypes: {names}.")
    if b.dtype.base_dtype is not a.dtype.base_dtype:
        raise TypeError(f"Types don't match, {a.dtype} vs {b.dtype}.")
    if hasattr(a, "dense_shape") and not hasattr(b, "dense_shape"):
        a, b = b, a
        operation = {"a-b": "b-a", "b-a": "a-b"}.get(operation, operation)
    inputs, kinds = [], []
    for x in (a, b):
        sparse = hasattr(x, "dense_shape")
        inputs += [x.indices, x.values, x.dense_shape] if sparse else [x]
        kinds.append("Sparse" if sparse else "Dense")
    settings = {"set_operation": operation, "validate_indices": bool(validate_indices)}
    return SparseTensor(*record.call(OPS[f"{kinds[0]}To{kinds[1]}SetOperation"], inputs, settings, None))


@export("sets.intersection", v1="sets.intersection sets.set_intersection")
def intersection(a, b, validate_indices=True):
    """What is in both sets: a, b [..., n] dense or sparse -> SparseTensor.

    Raises TypeError for dtypes that differ or are no integers or strings, InvalidArgumentError where the shapes but for
    the last dimension differ and for sparse indices out of order.
    """
    return _apply(a, b, "intersection", validate_indices)


@export("sets.union", v1="sets.union sets.set_union")
def union(a, b, validate_indices=True):
    """What is in either set; raises as `intersection`."""
    return _apply(a, b, "union", validate_indices)


@export("sets.difference", v1="sets.difference sets.set_difference")
def difference(a, b, aminusb=True, validate_indices=True):
    """What is in `a` but not in `b` (or, not aminusb, the other way round); raises as `intersection`."""
    return _apply(a, b, "a-b" if aminusb else "b-a", validate_indices)


@export("sets.size", v1="sets.size sets.set_size")
def size(a, validate_indices=True):
    """How many different values each set of a SparseTensor has -> int32.  Raises TypeError for dense tensors."""
    if not hasattr(a, "dense_shape"):
        raise TypeError(f"Expected `SparseTensor`, got {a}.")
    a = SparseTensor(*a) if isinstance(a, tuple) else a
    return record.call(
        OPS["SetSize"], [a.indices, a.values, a.dense_shape], {"validate_indices": validate_indices}, None
    )
