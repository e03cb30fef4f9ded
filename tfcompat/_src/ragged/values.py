"""Ragged values outside of tensors: RaggedTensorValue, tf.ragged.constant, constant_value and placeholder; their text."""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import export
from ..graph import context
from ..ops.core import placeholder as dense_placeholder
from ..scopes import name_scope
from ..shapes import TensorShape
from .partition import RowPartition
from .tensor import RaggedTensor


def rows_of(values, splits):
    """The rows of a NumPy array: stacked where they have one length, else an array of arrays."""
    rows = np.split(values, np.asarray(splits)[1:-1]) if len(splits) > 1 else []
    if not rows:
        return np.zeros((0, 0) if values.dtype != object else (0,), values.dtype)[:0].reshape(0)
    if all(len(r) == len(rows[0]) for r in rows) and not any(_differ(r, rows[0]) for r in rows):
        return np.stack(rows)
    out = np.empty(len(rows), object)
    out[:] = rows
    return out


def _differ(a, b):
    return a.shape != b.shape or a.dtype != b.dtype


def text_of(x):
    """An array of arrays as TensorFlow prints it."""
    if not isinstance(x, np.ndarray):
        return str(x)
    if not x.size:
        return str(x.tolist())
    with np.printoptions(formatter={"all": text_of}):
        return np.array2string(x, separator=", ")


@export("", v1="ragged.RaggedTensorValue")
class RaggedTensorValue:
    """A ragged tensor as arrays: what a session returns for one, and takes to feed one."""

    def __init__(self, values, row_splits):
        row_splits = np.asarray(row_splits)
        if not isinstance(values, (np.ndarray, np.generic, RaggedTensorValue)):
            raise TypeError(f"Argument `values` must be a numpy array or RaggedTensorValue. Received {values}.")
        if row_splits.ndim != 1 or row_splits.dtype not in (np.int64, np.int32):
            raise TypeError(f"Argument `row_splits` must be a 1D int32 or int64 numpy array. Received {row_splits}.")
        self._values, self._row_splits = values, row_splits

    values = property(lambda self: self._values)
    row_splits = property(lambda self: self._row_splits)
    dtype = property(lambda self: self._values.dtype)

    @property
    def flat_values(self):
        """The innermost values."""
        values = self._values
        while isinstance(values, RaggedTensorValue):
            values = values.values
        return values

    @property
    def nested_row_splits(self):
        """The row splits of every ragged dimension, the outermost first."""
        inner = self._values.nested_row_splits if isinstance(self._values, RaggedTensorValue) else ()
        return (self._row_splits, *inner)

    @property
    def ragged_rank(self):
        """How many dimensions are ragged."""
        return len(self.nested_row_splits)

    @property
    def shape(self):
        """The shape, None for ragged dimensions."""
        return (len(self._row_splits) - 1, None, *self._values.shape[1:])

    def numpy(self):
        """An array, of arrays where rows differ in length."""
        values = self._values.numpy() if isinstance(self._values, RaggedTensorValue) else self._values
        return rows_of(values, self._row_splits)

    def to_list(self):
        """Nested Python lists."""
        nested = isinstance(self._values, RaggedTensorValue)
        values = self._values.to_list() if nested else self._values.tolist()
        splits = self._row_splits.tolist()
        return [values[a:b] for a, b in zip(splits[:-1], splits[1:], strict=True)]

    def __str__(self):
        return f"<tf.RaggedTensorValue {self.to_list()}>"

    def __repr__(self):
        return f"tf.RaggedTensorValue(values={self._values!r}, row_splits={self._row_splits!r})"


def of_value(value):
    """A RaggedTensor of a RaggedTensorValue."""
    values = of_value(value.values) if isinstance(value.values, RaggedTensorValue) else value.values
    return RaggedTensor.from_row_splits(values, value.row_splits, validate=False)


# -- Python lists -----------------------------------------------------------------------------------------------------
def _is_scalar(item):
    if isinstance(item, (list, tuple)):
        return False
    return not (isinstance(item, np.ndarray) and item.ndim) and record._dtype_of(item) is None


def _depths(item):
    """(depth of the deepest scalar, or None for none, depth of the deepest list)."""
    if _is_scalar(item):
        return 0, 0
    scalar, deepest = None, 1
    for part in item:
        depth, lists = _depths(part)
        if depth is not None:
            if scalar is not None and scalar != depth + 1:
                raise ValueError("all scalar values must have the same nesting depth")
            scalar = depth + 1
        deepest = max(deepest, lists + 1)
    return scalar, deepest


def _inner_shape(item):
    """The shape of nested lists, which must be alike."""
    if _is_scalar(item):
        return ()
    if len(item) == 0:
        return (0,)
    shapes = {_inner_shape(i) for i in item}
    if len(shapes) != 1:
        raise ValueError("inner values have inconsistent shape")
    return (len(item), *next(iter(shapes)))


def _nested_of(pylist, ragged_rank, inner_shape):
    """(flat list of inner values, row splits of each ragged dimension, inner shape)."""
    if _is_scalar(pylist):
        if ragged_rank:
            raise ValueError(f"Invalid pylist={pylist}: incompatible with ragged_rank={ragged_rank}")
        if inner_shape:
            raise ValueError(f"Invalid pylist={pylist}: incompatible with dim(inner_shape)={len(inner_shape)}")
        return None
    if ragged_rank is not None and ragged_rank < 0:
        raise ValueError(f"Invalid ragged_rank={ragged_rank}: must be nonnegative")
    scalar, deepest = _depths(pylist)
    if scalar is not None and deepest > scalar:
        raise ValueError(f"Invalid pylist={pylist}: empty list nesting is greater than scalar value nesting")
    if inner_shape is not None and ragged_rank is not None:
        expected = ragged_rank + 1 + len(inner_shape)
        if scalar is not None and expected != scalar or scalar is None and expected < deepest:
            raise ValueError(
                f"Invalid pylist={pylist}: incompatible with ragged_rank={ragged_rank} and dim(inner_shape)="
                f"{len(inner_shape)}"
            )
    if ragged_rank is None:
        rank = deepest if inner_shape is None else deepest - len(inner_shape)
        ragged_rank = max(1 if deepest > 1 and inner_shape is None else 0, rank - 1)
        if inner_shape is not None and rank < 1:
            raise ValueError(f"Invalid pylist={pylist}: incompatible with dim(inner_shape)={len(inner_shape)}")
    elif ragged_rank >= deepest and scalar is not None:
        raise ValueError(f"Invalid pylist={pylist}: incompatible with ragged_rank={ragged_rank}")
    flat, nested = list(pylist), []
    for _ in range(ragged_rank):
        splits = [0]
        for row in flat:
            splits.append(splits[-1] + len(row))
        nested.append(splits)
        flat = [v for row in flat for v in row]
    if inner_shape is None:
        inner_shape = _inner_shape(flat)[1:] if flat else ()
    return flat, nested, tuple(inner_shape)


def _array(flat, dtype, inner_shape):
    kind = None if dtype is None else dtypes.as_dtype(dtype)
    array = record.to_array(flat if flat else np.zeros((0,), (kind or dtypes.float32).np), kind)
    return array.reshape(len(flat), *inner_shape)


@export("ragged.constant")
def constant(pylist, dtype=None, ragged_rank=None, inner_shape=None, name=None, row_splits_dtype=dtypes.int64):
    """A RaggedTensor of nested lists (a tensor where they are too shallow for one).  ValueError where depths differ."""
    kind = dtypes.as_dtype(row_splits_dtype)
    with name_scope(name, "RaggedConstant"):
        inner = None if inner_shape is None else tuple(TensorShape(inner_shape).as_list())
        if isinstance(pylist, np.ndarray) and pylist.dtype != object:
            pylist = pylist.tolist()
        found = _nested_of(pylist, ragged_rank, inner)
        if found is None:
            return record.convert_to_tensor(pylist, None if dtype is None else dtypes.as_dtype(dtype))
        flat, nested, inner = found
        made = record.convert_to_tensor(_array(flat, dtype, inner), name="values")
        for splits in reversed(nested):
            splits = record.convert_to_tensor(np.array(splits, kind.np))
            made = RaggedTensor(made, RowPartition._of(splits), internal=True)
        return made


@export("", v1="ragged.constant_value")
def constant_value(pylist, dtype=None, ragged_rank=None, inner_shape=None, row_splits_dtype="int64"):
    """A RaggedTensorValue of nested lists (an array where they are too shallow for one)."""
    kind = dtypes.as_dtype(row_splits_dtype).np
    found = _nested_of(pylist, ragged_rank, None if inner_shape is None else tuple(inner_shape))
    if found is None:
        return np.array(pylist, None if dtype is None else dtypes.as_dtype(dtype).np)
    flat, nested, inner = found
    given = None if dtype is None else dtypes.as_dtype(dtype).np
    made = np.array(flat, given).reshape(len(flat), *inner)
    for splits in reversed(nested):
        made = RaggedTensorValue(made, np.array(splits, kind))
    return made


@export("", v1="ragged.placeholder")
def placeholder(dtype, ragged_rank, value_shape=None, name=None):
    """A RaggedTensor to be fed with a RaggedTensorValue; a placeholder for ragged_rank=0.  RuntimeError eagerly."""
    if context.graph is None:
        raise RuntimeError("`tf.ragged.placeholder` is not compatible with eager execution.")
    if ragged_rank == 0:
        return dense_placeholder(dtype, value_shape, name)
    with name_scope(name, "RaggedPlaceholder"):
        shape = None if value_shape is None else TensorShape([None, *TensorShape(value_shape).as_list()])
        made = dense_placeholder(dtype, shape, "flat_values")
        for i in reversed(range(ragged_rank)):
            splits = dense_placeholder(dtypes.int64, [None], f"row_splits_{i}")
            made = RaggedTensor(made, RowPartition._of(splits), internal=True)
        return made
