"""tf.sets: sets of values along the last dimension, dense or sparse; results are SparseTensors with sorted sets."""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import export, op
from ..errors import InvalidArgumentError
from .sparse import SparseTensor, as_sparse

_OUT = [(dtypes.int64, (None, None)), None, (dtypes.int64, (None,))]


def _rows(indices, values, shape):
    """{leading index: its set} of a sparse tensor."""
    rows = {}
    for place, value in zip(map(tuple, indices[:, :-1].tolist()), values.tolist()):
        rows.setdefault(place, set()).add(value)
    return rows


@op("SetOperation", host=True, alike=False, abstract=lambda *a, operation: [_OUT[0], (a[1].dtype, (None,)), _OUT[2]])
def _operation(a_indices, a_values, a_shape, b_indices, b_values, b_shape, *, operation):
    if len(a_shape) != len(b_shape) or list(a_shape[:-1]) != list(b_shape[:-1]):
        raise InvalidArgumentError(
            None,
            None,
            f"Group shapes of a and b do not match: {list(map(int, a_shape[:-1]))} vs. {list(map(int, b_shape[:-1]))}",
        )
    a, b = _rows(a_indices, a_values, a_shape), _rows(b_indices, b_values, b_shape)
    places, values, most = [], [], 0
    for row in sorted({**a, **b}):
        x, y = a.get(row, set()), b.get(row, set())
        found = sorted(
            x & y
            if operation == "intersection"
            else x | y
            if operation == "union"
            else x - y
            if operation == "a-b"
            else y - x
        )
        places += [(*row, i) for i in range(len(found))]
        values += found
        most = max(most, len(found))
    out = np.empty(len(values), a_values.dtype)
    out[:] = values
    return np.array(places, np.int64).reshape(-1, len(a_shape)), out, np.array([*a_shape[:-1], most], np.int64)


@op("SetOfDense", host=True, abstract=lambda t: [_OUT[0], (t.dtype, (None,)), _OUT[2]])
def _everything(tensor):
    places = np.argwhere(np.ones(tensor.shape, bool))
    return places, tensor.reshape(-1), np.array(tensor.shape, np.int64)


def _parts(x):
    if hasattr(x, "dense_shape"):
        x = as_sparse(x)
        return [x.indices, x.values, x.dense_shape]
    return list(_everything(record.convert_to_tensor(x)))


def _apply(a, b, operation):
    if hasattr(a, "dense_shape") and not hasattr(b, "dense_shape"):
        raise TypeError(
            "tf.sets does not take (sparse, dense): pass the dense operand first."
            if operation in ("intersection", "union")
            else "tf.sets.difference does not take (sparse, dense): swap the operands and pass aminusb=False."
        )
    if not hasattr(a, "dense_shape"):
        a = record.convert_to_tensor(a)
    if not hasattr(b, "dense_shape"):
        b = record.convert_to_tensor(b)
    if a.dtype.base_dtype is not b.dtype.base_dtype:
        raise TypeError(f"Types don't match, {a.dtype} vs {b.dtype}.")
    indices, values, shape = _operation(*_parts(a), *_parts(b), operation=operation)
    return SparseTensor(indices, values, shape)


@export("sets.intersection", v1="sets.intersection sets.set_intersection")
def intersection(a, b, validate_indices=True):
    """What is in both sets."""
    return _apply(a, b, "intersection")


@export("sets.union", v1="sets.union sets.set_union")
def union(a, b, validate_indices=True):
    """What is in either set."""
    return _apply(a, b, "union")


@export("sets.difference", v1="sets.difference sets.set_difference")
def difference(a, b, aminusb=True, validate_indices=True):
    """What is in `a` but not in `b` (or, not aminusb, the other way round)."""
    return _apply(a, b, "a-b" if aminusb else "b-a")


@op(
    "SetSize",
    host=True,
    alike=False,
    abstract=lambda i, v, s: (dtypes.int32, None if s.shape in (None, (None,)) else (None,) * (s.shape[0] - 1)),
)
def _size(indices, values, shape):
    out = np.zeros(tuple(shape[:-1]), np.int32)
    for row, found in _rows(indices, values, shape).items():
        out[row] = len(found)
    return out


@export("sets.size", v1="sets.size sets.set_size")
def size(a, validate_indices=True):
    """How many different values each set of a SparseTensor has -> int32."""
    a = as_sparse(a)
    return _size(a.indices, a.values, a.dense_shape)
