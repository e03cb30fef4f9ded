"""The ops the graph itself is made of: constants, placeholders, identities, no-ops, shapes, casts."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..graph import aval, context
from ..shapes import TensorShape


@op("Const")
def const(*, value):
    return value.array


@op("Placeholder", abstract=lambda dtype, shape: (dtype, shape), host=True)
def placeholder_kernel(*, dtype, shape):
    raise AssertionError("a placeholder is fed, never run")


@op("NoOp", host=True)
def no_op_kernel():
    return ()


@op("Identity", twin=True)
def identity_kernel(input):
    return input


@export("identity")
def identity(input, name=None):
    """A tensor of the same value; of a SparseTensor or IndexedSlices one of the same parts."""
    if isinstance(input, record.IndexedSlices):
        shape = input.dense_shape
        return type(input)(identity(input.values), identity(input.indices), None if shape is None else identity(shape))
    if not hasattr(input, "dense_shape"):
        return OPS["Identity"].public(input, name)
    return type(input)(identity(input.indices), identity(input.values), identity(input.dense_shape))


@op("IdentityN", names="identity_n", twin=True)
def identity_n_kernel(*input):
    return tuple(input)


@op("StopGradient", names="stop_gradient", differentiable=False, twin=lambda input: input)
def stop_gradient(input):
    return jax.lax.stop_gradient(input)


@op("PreventGradient", names="raw_ops.PreventGradient")
def prevent_gradient(input, *, message=""):
    return input


@op("Shape", known=True, differentiable=False, twin=True)
def shape_kernel(input, *, out_type=dtypes.int32):
    return np.array(input.shape, dtypes.as_dtype(out_type).np)


@op("Size", known=True, differentiable=False, twin=True)
def size_kernel(input, *, out_type=dtypes.int32):
    return np.array(int(np.prod(input.shape, dtype=np.int64)), dtypes.as_dtype(out_type).np)


@op("Rank", known=True, differentiable=False, twin=True)
def rank_kernel(input):
    return np.array(len(input.shape), np.int32)


def _cast_on_host(x, *, dtype):
    if x.dtype == object:
        raise errors.UnimplementedError(None, None, f"Cast string to {dtype.name} is not supported [Op:Cast]")
    return x != 0 if dtype.is_bool else x.astype(dtype.np)  # of integers, as XLA does


@op("Cast", differentiable=True, twin=_cast_on_host)
def cast_kernel(x, *, dtype):
    """Truncates toward zero; a complex number loses its imaginary part; NaN and out-of-range follow TensorFlow's CPU."""
    x = jnp.asarray(x)
    if jnp.iscomplexobj(x) and not dtype.is_complex:
        x = jnp.real(x)
    if dtype.is_bool:
        return x != 0
    if np.dtype(dtype.np).kind in "iu" and jnp.issubdtype(x.dtype, jnp.floating):
        return _whole(x, np.dtype(dtype.np))
    return x.astype(dtype.np)


def _whole(x, dtype):
    """Numbers as integers, as x86 converts them where XLA would saturate: NaN and what does not fit give the least int32
    or int64, smaller types get the low bits of an int32 (300.0 as uint8 is 44), unsigned ones those of a negative number.
    """
    if dtype.itemsize < 4:
        return _whole(x, np.dtype(np.int32)).astype(dtype)
    signed = np.dtype(f"int{8 * dtype.itemsize}")
    half = 2.0 ** (8 * dtype.itemsize - 1)
    whole = jnp.where((x >= -half) & (x < half), x.astype(signed), np.iinfo(signed).min)
    if dtype.kind == "i":
        return whole
    return jnp.where((x >= 0) & (x < 2 * half), x.astype(dtype), whole.astype(dtype))


def scalar(value):
    """A number that decides a shape, as given; a tensor whose rank is unknown while the graph is built, as a scalar."""
    if isinstance(value, record.SymbolicTensor) and value._rank() is None:
        return OPS["EnsureShape"].public(value, ())
    return value


def constant(value, dtype=None, shape=None, name="Const", verify_shape=False):
    """tf.constant of TF1: `value` broadcast to `shape`, in a graph filled up with its last; TypeError, ValueError as TensorFlow."""
    return make_const(value, dtype, shape, name, verify_shape)


def make_const(value, dtype=None, shape=None, name="Const", verify_shape=False, filling=True):
    """tf.constant: `value` broadcast to `shape`; TypeError, ValueError as TensorFlow for what does not fit.

    filling: in a graph the last of several values fills what is left, as TF1 did.
    """
    if context.graph is None and isinstance(value, record.Tensor):
        tensor = value if dtype is None or value.dtype is dtypes.as_dtype(dtype) else None
        if tensor is None:
            raise ValueError(
                f"Tensor conversion requested dtype {dtypes.as_dtype(dtype).name} for Tensor with dtype {value.dtype.name}"
            )
        array = tensor._numpy()
    else:
        if isinstance(value, record.SymbolicTensor):
            raise TypeError(f"Cannot make a constant of the symbolic tensor {value}")
        array = record.to_array(value, None if dtype is None else dtypes.as_dtype(dtype))
    if shape is not None:
        shape = tuple(TensorShape(record.setting(shape)).as_list())
        if array.shape != shape:
            array = _fill_to(array, shape, verify_shape, filling)
    if context.graph is None:
        return record.constant(array)
    return record.const_of(context.graph, array, name)


def _fill_to(array, shape, verify_shape, filling):
    size = int(np.prod(shape, dtype=np.int64))
    if verify_shape:
        raise TypeError(f"Expected Tensor's shape: {shape}, got {array.shape}.")
    if array.size == 1 and (array.ndim == 0 or context.graph is not None):
        return record.full(shape, array.reshape(()))
    if array.size == size:
        return array.reshape(shape)
    if context.graph is not None and not filling:
        raise TypeError(f"Expected Tensor's shape: {shape}, but got {array.shape}.")
    if context.graph is not None and 0 < array.size < size:  # TF1: the last value fills the rest
        flat = np.full(size, array.ravel()[-1], array.dtype)
        flat[: array.size] = array.ravel()
        return flat.reshape(shape)
    if context.graph is not None:
        raise ValueError(f"Too many elements provided. Needed at most {size}, but received {array.size}")
    raise TypeError(f"Eager execution of tf.constant with unsupported shape. Tensor {list(array.ravel()[:8])} (converted from {array}) "
                    f"has {array.size} elements, but got `shape` {shape} with {size} elements).")  # fmt: skip


def placeholder(dtype, shape=None, name=None):
    """tf.placeholder: a tensor to be fed.  Raises RuntimeError eagerly."""
    graph = context.graph
    if graph is None:
        raise RuntimeError("tf.placeholder() is not compatible with eager execution.")
    dtype = dtypes.as_dtype(dtype)
    shape = TensorShape(record.setting(shape) if shape is not None else None)
    static = None if shape.rank is None else tuple(shape.as_list())
    sig = OPS["Placeholder"].signature({"dtype": dtype, "shape": static})
    return record.add_op(graph, sig, (), graph.op_name(name, "Placeholder"), avals=(aval(dtype, static),), single=True)


def no_op(name=None):
    """Does nothing; in a graph, something to hang control dependencies on."""
    graph = context.graph
    if graph is None:
        return None
    return record.add_op(graph, OPS["NoOp"].sig or OPS["NoOp"].signature(), (), graph.op_name(name, "NoOp"), avals=())


def cast(x, dtype, name=None):
    """`x` as `dtype`; the tensor itself where it has that dtype.  SparseTensor and IndexedSlices keep their form."""
    dtype = dtypes.as_dtype(dtype).base_dtype
    if isinstance(x, record.IndexedSlices):
        return record.IndexedSlices(cast(x.values, dtype, name), x.indices, x.dense_shape)
    rebuild = getattr(x, "_with_values", None)
    if rebuild is not None:
        return rebuild(cast(x.values, dtype, name))
    x = record.convert_to_tensor(x, name="x")
    if x.dtype.base_dtype is dtype:
        return x
    if x.dtype is dtypes.string or dtype is dtypes.string:
        raise errors.UnimplementedError(None, None, f"Cast {x.dtype.name} to {dtype.name} is not supported [Op:Cast]")
    return record.call(OPS["Cast"], [x], {"dtype": dtype}, name)
