"""tf.SparseTensor, how it is fed, fetched and nested, and its conversions from and to dense tensors.

Indices [n, rank] and the dense shape are int64 and computed on the host, where how many there are may depend on
values; what happens to the values themselves are device ops, so gradients pass through them.
"""

from __future__ import annotations

import collections

import jax.numpy as jnp
import numpy as np

from .. import dtypes, errors, nest, record
from ..declare import OPS, export, op
from ..fetches import register_feed, register_fetch
from ..graph import context
from ..scopes import name_scope
from ..shapes import TensorShape
from ..tensor import EagerTensor
from ..type_spec import TensorSpec, TypeSpec
from .core import placeholder


@export("", v1="SparseTensorValue")
class SparseTensorValue(collections.namedtuple("SparseTensorValue", ["indices", "values", "dense_shape"])):
    """A sparse tensor as arrays: what a session returns for one, and takes to feed one."""

    __slots__ = ()


@export("SparseTensor sparse.SparseTensor")
class SparseTensor:
    """Values [n] at `indices` [n, rank] of an otherwise zero tensor of shape `dense_shape`.

    Raises ValueError where the three do not fit together.
    """

    def __init__(self, indices, values, dense_shape):
        with name_scope(None, "SparseTensor", [indices, values, dense_shape]):
            self._indices = record.convert_to_tensor(indices, dtypes.int64, name="indices")
            self._values = record.convert_to_tensor(values, name="values")
            self._dense_shape = record.convert_to_tensor(dense_shape, dtypes.int64, name="dense_shape")
        indices, values, shape = (
            self._indices.shape,
            self._values.shape.with_rank(1),
            self._dense_shape.shape.with_rank(1),
        )
        indices = indices.with_rank(2)
        indices.dims[0].assert_is_compatible_with(values.dims[0])
        indices.dims[1].assert_is_compatible_with(shape.dims[0])

    @classmethod
    def _of(cls, indices, values, dense_shape):
        """Without checks or conversions."""
        made = cls.__new__(cls)
        made._indices, made._values, made._dense_shape = indices, values, dense_shape
        return made

    _stated = None  # more about the dense shape than its tensor tells

    @classmethod
    def from_value(cls, sparse_tensor_value):
        """A SparseTensor from a SparseTensorValue (or itself)."""
        return as_sparse(sparse_tensor_value)

    indices = property(lambda self: self._indices)
    values = property(lambda self: self._values)
    dense_shape = property(lambda self: self._dense_shape)
    dtype = property(lambda self: self._values.dtype)
    op = property(lambda self: self._values.op)
    graph = property(lambda self: self._indices.graph)
    name = property(lambda self: self._values.name)

    @property
    def shape(self):
        """What is known of the dense shape."""
        known = record.constant_value_as_shape(self._dense_shape)
        return known if self._stated is None else known.merge_with(self._stated)

    def get_shape(self):
        return self.shape

    def set_shape(self, shape):
        """States more of the dense shape; ValueError where it contradicts what is known."""
        shape = TensorShape(shape)
        shape.assert_is_compatible_with(self.shape)
        self._stated = shape if self._stated is None else shape.merge_with(self._stated)

    @property
    def _type_spec(self):
        return SparseTensorSpec(self.shape, self.dtype)

    def with_values(self, new_values):
        """The same places with other values [n]."""
        return SparseTensor(self._indices, new_values, self._dense_shape)

    def _with_values(self, values):
        made = SparseTensor._of(self._indices, values, self._dense_shape)
        made._stated = self._stated
        return made

    def consumers(self):
        return self._values.consumers()

    def eval(self, feed_dict=None, session=None):
        """Its SparseTensorValue in `session` (default: the current one)."""
        from ..session import session_for

        return session_for(session, self.graph, "eval()").run(self, feed_dict)

    def numpy(self):
        """Eagerly: its SparseTensorValue."""
        return SparseTensorValue(self._indices.numpy(), self._values.numpy(), self._dense_shape.numpy())

    def _is_eager(self):
        """Whether it has values."""
        return isinstance(self._values, EagerTensor)

    def _numpy(self):
        """Eagerly: the dense array."""
        if not self._is_eager():
            raise ValueError("SparseTensor.numpy() is only supported in eager mode.")
        return to_dense(self).numpy()

    def __tf_tensor__(self, dtype=None, name=None):
        raise ValueError(
            f"Failed to convert elements of {self} to Tensor. Consider casting elements to a supported type: "
            "tf.sparse.to_dense makes a "
            "dense tensor of a SparseTensor."
        )

    def __mul__(self, other):
        return _dense_binary("Mul", self, other)

    def __rmul__(self, other):
        return _dense_binary("Mul", self, other)

    def __truediv__(self, other):
        return _dense_binary("RealDiv", self, other)

    def __repr__(self):
        return f"SparseTensor(indices={self._indices!s}, values={self._values!s}, dense_shape={self._dense_shape!s})"


def _dense_binary(type, sparse, dense):
    """sparse * dense or sparse / dense, `dense` broadcast to the sparse shape and read at its places."""
    dense = record.convert_to_tensor(dense, sparse.dtype)
    _, indices = _checked_broadcast(OPS["Shape"].public(dense), sparse.indices, sparse.dense_shape)
    read, values = _read_dense(dense, indices), sparse.values
    if type == "RealDiv" and sparse.dtype.is_integer:
        read, values = (OPS["Cast"].public(v, dtype=dtypes.float64) for v in (read, values))
    return sparse._with_values(OPS[type].public(values, read))


@op("SparseDenseShapes", host=True, alike=False, abstract=lambda d, i, s: [(d.dtype, d.shape), (i.dtype, i.shape)])
def _checked_broadcast(dense_shape, indices, sparse_shape):
    """The indices; InvalidArgumentError unless the dense shape broadcasts to the sparse one."""
    wide = sparse_shape[len(sparse_shape) - len(dense_shape) :] if len(dense_shape) <= len(sparse_shape) else None
    if wide is None or np.any((dense_shape != wide) & (dense_shape != 1)):
        both = f"{sparse_shape.tolist()} vs. {dense_shape.tolist()}"
        raise errors.InvalidArgumentError(
            None, None, f"SparseDenseBinaryOpShared broadcasts dense to sparse only; got incompatible shapes: {both}"
        )
    return dense_shape, indices


@op("SparseDenseRead", own="indices")
def _read_dense(dense, indices):
    """What `dense`, broadcast to the shape of a sparse tensor, holds at its indices [n, rank] -> [n]."""
    if dense.ndim > indices.shape[1]:
        raise ValueError(
            f"a dense tensor of {dense.ndim} dimensions does not broadcast to a sparse one of {indices.shape[1]}"
        )
    columns = indices[:, indices.shape[1] - dense.ndim :]
    places = [jnp.zeros_like(columns[:, d]) if dense.shape[d] == 1 else columns[:, d] for d in range(dense.ndim)]
    return jnp.asarray(dense)[tuple(places)] if places else jnp.broadcast_to(dense, indices.shape[:1])


@export("SparseTensorSpec")
class SparseTensorSpec(TypeSpec):
    """The dtype and partly known dense shape of a SparseTensor."""

    def __init__(self, shape=None, dtype=dtypes.float32):
        self._shape, self._dtype = TensorShape(shape), dtypes.as_dtype(dtype)

    shape = property(lambda self: self._shape)
    dtype = property(lambda self: self._dtype)
    value_type = property(lambda self: SparseTensor)

    rank = property(lambda self: self._shape.rank)

    @property
    def _component_specs(self):
        rank = self._shape.rank
        return [
            TensorSpec([None, rank], dtypes.int64),
            TensorSpec([None], self._dtype),
            TensorSpec([rank], dtypes.int64),
        ]

    def _serialize(self):
        return self._shape, self._dtype

    def _to_components(self, value):
        value = as_sparse(value)
        return [value.indices, value.values, value.dense_shape]

    def _from_components(self, tensor_list):
        if all(isinstance(t, np.ndarray) for t in tensor_list) and context.graph is not None:
            return SparseTensorValue(*tensor_list)
        made = SparseTensor(*tensor_list)
        made._stated = self._shape.merge_with(made.shape)
        return made

    @property
    def _flat_tensor_specs(self):
        return [TensorSpec(None, dtypes.variant)]

    def _to_tensor_list(self, value):
        return self._to_components(value)

    def _from_tensor_list(self, tensor_list):
        return self._from_components(tensor_list)

    def _batch(self, batch_size):
        rest = self._shape.as_list() if self._shape.rank is not None else None
        return SparseTensorSpec(None if rest is None else [batch_size, *rest], self._dtype)

    def _unbatch(self):
        return SparseTensorSpec(None if self._shape.rank is None else self._shape.as_list()[1:], self._dtype)

    @classmethod
    def from_value(cls, value):
        """The spec of a SparseTensor or SparseTensorValue."""
        if isinstance(value, SparseTensor):
            return cls(value.shape, value.dtype)
        if isinstance(value, SparseTensorValue):
            return cls(value.dense_shape, dtypes.as_dtype(np.asarray(value.values).dtype))
        raise TypeError("Expected SparseTensor or SparseTensorValue.")

    def is_compatible_with(self, spec_or_value):
        """Whether a SparseTensor (or spec) may be used where this spec is asked for."""
        other = spec_or_value
        return self._dtype.is_compatible_with(other.dtype) and self._shape.is_compatible_with(other.shape)

    def __repr__(self):
        return f"SparseTensorSpec({self._shape}, {self._dtype!r})"


nest.register_composite(
    SparseTensor, lambda x: [x.indices, x.values, x.dense_shape], lambda like, parts: SparseTensor._of(*parts)
)
register_fetch(
    SparseTensor, lambda x: [x.indices, x.values, x.dense_shape], lambda x, values: SparseTensorValue(*values)
)


def _feed(key, value):
    if isinstance(value, SparseTensor):
        raise TypeError(
            "The value of a feed cannot be a tf.SparseTensor: give a tf.compat.v1.SparseTensorValue, or "
            "(indices, values, shape)."
        )
    pairs = [(key.indices, value[0]), (key.values, value[1])]
    feedable = key.dense_shape.op.type in ("Placeholder", "PlaceholderWithDefault")
    return pairs + ([(key.dense_shape, value[2])] if feedable else [])


register_feed(SparseTensor, _feed)


def as_sparse(value, name=None):
    """A SparseTensor from one or a SparseTensorValue; TypeError for anything else."""
    if isinstance(value, SparseTensor):
        return value
    if isinstance(value, SparseTensorValue):
        return SparseTensor(*value)
    raise TypeError(f"Input must be a SparseTensor. Received: {value!r}")


@export("", v1="convert_to_tensor_or_sparse_tensor")
def convert_to_tensor_or_sparse_tensor(value, dtype=None, name=None):
    """A SparseTensor (of one, or a SparseTensorValue) as it is; anything else as a tensor."""
    if isinstance(value, SparseTensorValue):
        value = SparseTensor.from_value(value)
    if isinstance(value, SparseTensor):
        if dtype is not None and not dtypes.as_dtype(dtype).is_compatible_with(value.dtype):
            raise RuntimeError(f"Sparse dtype mismatch. Requested: {dtype},  Actual: {value.dtype}")
        return value
    return record.convert_to_tensor(value, dtype, name=name)


@export("", v1="sparse_placeholder sparse.placeholder")
def sparse_placeholder(dtype, shape=None, name=None):
    """A SparseTensor to be fed with a SparseTensorValue or (indices, values, shape).  RuntimeError eagerly."""
    if context.graph is None:
        raise RuntimeError("`sparse_placeholder` is not compatible with eager execution.")
    spoken = f"{name}/" if name else ""
    static = TensorShape(record.setting(shape) if shape is not None else None)
    values = placeholder(dtype, [None], f"{spoken}values" if name else None)
    indices = placeholder(dtypes.int64, [None, static.rank], f"{spoken}indices" if name else None)
    if static.is_fully_defined():
        dense = record.convert_to_tensor(np.array(static.as_list(), np.int64), name=f"{spoken}shape")
    else:
        dense = placeholder(dtypes.int64, [static.rank], f"{spoken}shape" if name else None)
    made = SparseTensor(indices, values, dense)
    if static.rank is not None:
        made.set_shape(static)
    return made


# -- dense <-> sparse -----------------------------------
@op("SparseToDense", static="output_shape", own="sparse_indices", alike=False)
def sparse_to_dense_kernel(sparse_indices, output_shape, sparse_values, default_value):
    """Values (scalar or [n]) at indices (scalar, [n] or [n, rank]) of a tensor full of `default_value`."""
    shape = tuple(int(d) for d in output_shape.reshape(-1))
    indices = jnp.asarray(sparse_indices)
    indices = indices.reshape(1, 1) if indices.ndim == 0 else indices[:, None] if indices.ndim == 1 else indices
    if indices.shape[1] != len(shape):
        raise ValueError(f"indices have {indices.shape[1]} columns, the dense shape has {len(shape)} dimensions")
    if not shape:  # a scalar has one place, or none is given
        return jnp.reshape(sparse_values, -1)[-1] if indices.shape[0] else jnp.reshape(default_value, ())
    filled = jnp.broadcast_to(default_value, shape)
    return filled.at[tuple(jnp.moveaxis(indices, 1, 0))].set(sparse_values, mode="drop")


@op("SparseToDenseStrings", name="SparseToDense", host=True, alike=False, abstract=lambda i, s, v, d: (v.dtype, None))
def _strings_to_dense(indices, shape, values, default):
    out = np.full(tuple(shape), default[()], object)
    out[tuple(np.asarray(indices).reshape(-1, len(shape)).T)] = values
    return out


@op("CheckSparse", host=True, alike=False, abstract=lambda i, s, strict: (i.dtype, i.shape))
def _checked_indices(indices, shape, *, strict):
    """The indices; InvalidArgumentError where they are out of bounds or (strict) not in order."""
    rows = np.asarray(indices)
    rows = rows.reshape(1, 1) if rows.ndim == 0 else rows[:, None] if rows.ndim == 1 else rows
    bounds = np.ravel(shape)
    bad = np.nonzero(np.any((rows < 0) | (rows >= bounds), axis=1))[0] if rows.shape[1] == len(bounds) else []
    if len(bad):
        i = int(bad[0])
        raise errors.InvalidArgumentError(
            None,
            None,
            f"indices[{i}] = [{','.join(map(str, rows[i]))}] is out of bounds: need 0 <= index < "
            f"[{','.join(map(str, bounds))}]",
        )
    if strict and len(rows) > 1:
        flat = rows @ _strides(bounds)
        bad = np.nonzero(np.diff(flat) <= 0)[0]
        if len(bad):
            i = int(bad[0]) + 1
            why = (
                "is repeated"
                if flat[i] == flat[i - 1]
                else "is out of order. Many sparse ops require sorted indices.\n"
                "    Use `tf.sparse.reorder` to create a correctly ordered copy."
            )
            raise errors.InvalidArgumentError(None, None, f"indices[{i}] = [{','.join(map(str, rows[i]))}] {why}")
    return indices


def _strides(shape):
    """What a step in each dimension means in a flat index."""
    return np.concatenate([np.cumprod(np.asarray(shape, np.int64)[:0:-1])[::-1], [1]]).astype(np.int64)[: len(shape)]


@export("", v1="sparse_to_dense")
def sparse_to_dense(sparse_indices, output_shape, sparse_values, default_value=0, validate_indices=True, name=None):
    """A dense tensor with `sparse_values` at `sparse_indices`; InvalidArgumentError for indices out of bounds or
    (validated) out of order.
    """
    values = record.convert_to_tensor(sparse_values, name="sparse_values")
    indices = record.convert_to_tensor(sparse_indices, name="sparse_indices")
    default = "" if values.dtype is dtypes.string and default_value == 0 else default_value
    return _to_dense(
        indices,
        output_shape,
        values,
        record.convert_to_tensor(default, values.dtype.base_dtype),
        validate_indices,
        name,
    )


def _to_dense(indices, shape, values, default, validate, name):
    indices = _checked_indices(indices, shape, strict=bool(validate))
    if values.dtype is dtypes.string:
        static = record.constant_value_as_shape(shape)
        out = _strings_to_dense(indices, shape, values, default, name=name)
        if context.graph is not None:
            out.set_shape(static)
        return out
    return sparse_to_dense_kernel(indices, shape, values, default, name=name or "SparseToDense")


@export("sparse.to_dense", v1="sparse.to_dense sparse_tensor_to_dense")
def to_dense(sp_input, default_value=None, validate_indices=True, name=None):
    """The dense tensor; `default_value` (zero, "" or False) where there is no value.

    InvalidArgumentError for indices out of bounds, or (validate_indices) out of order or repeated.
    """
    sp_input = as_sparse(sp_input)
    dtype = sp_input.dtype.base_dtype
    if default_value is None:
        default_value = "" if dtype is dtypes.string else False if dtype.is_bool else 0
    default = record.convert_to_tensor(default_value, dtype)
    return _to_dense(sp_input.indices, sp_input.dense_shape, sp_input.values, default, validate_indices, name)


@op(
    "SparseFromDense",
    name="Where",
    host=True,
    abstract=lambda x: (dtypes.int64, (None, None if x.shape is None else len(x.shape))),
)
def _places(tensor):
    return np.argwhere(tensor != (b"" if tensor.dtype == object else np.zeros((), tensor.dtype))).astype(np.int64)


@export("sparse.from_dense")
def from_dense(tensor, name=None):
    """The SparseTensor of the elements that are not zero (or empty strings)."""
    with name_scope(name, "dense_to_sparse"):
        tensor = record.convert_to_tensor(tensor)
        indices = _places(tensor)
        shape = OPS["Shape"].public(tensor, out_type=dtypes.int64)
        made = SparseTensor(indices, OPS["GatherNd"].public(tensor, indices), shape)
        made._stated = tensor.shape
        return made


@export("sparse.eye")
def eye(num_rows, num_columns=None, dtype=dtypes.float32, name=None):
    """The sparse identity matrix [num_rows, num_columns]."""
    with name_scope(name, "eye", [num_rows, num_columns]):
        rows = int(record.setting(num_rows))
        columns = rows if num_columns is None else int(record.setting(num_columns))
        n = min(rows, columns)
        places = np.repeat(np.arange(n, dtype=np.int64)[:, None], 2, 1)
        return SparseTensor(places, np.ones(n, dtypes.as_dtype(dtype).np), [rows, columns])


__all__ = [
    "SparseTensor",
    "SparseTensorSpec",
    "SparseTensorValue",
    "TensorSpec",
    "as_sparse",
    "sparse_to_dense",
    "to_dense",
]
