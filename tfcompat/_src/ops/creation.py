"""Tensors made from sizes: zeros, ones, fill, range, linspace, one_hot, sequence_mask, meshgrid."""

from __future__ import annotations

import builtins

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..graph import aval, context
from ..scopes import name_scope
from ..shapes import Dimension, TensorShape
from .array import bad, is_tensor, refusal, xp
from .reductions import reduce

SMALL = 1000  # elements; smaller constants are made at once, as TensorFlow does


# -- fill -------------------------------------------------------------------------------------------------------------
@op("Fill", static="dims", own="value", twin=lambda dims, value: np.full(_dims(dims), value))
def fill_kernel(dims, value):
    """dims, value [] -> a tensor of shape `dims` with `value` everywhere."""
    return jnp.full(_dims(dims), value.reshape(()), value.dtype)


def _dims(dims):
    if dims.ndim > 1:
        raise bad("Fill", f"dims must be a vector, got shape {list(dims.shape)}")
    for d in dims.ravel().tolist():
        if d < 0:
            raise bad("Fill", f"Dimension {d} must be >= 0")
    return tuple(dims.ravel().tolist())


@export("fill")
def fill(dims, value, name=None, layout=None):
    """dims, value [] -> a tensor of shape `dims` with `value` everywhere."""
    _no_layout(layout)
    if context.graph is None:
        shape = _dims(record.shape_array(dims))
        if not is_tensor(value) and _count(shape) < SMALL:
            array = record.to_array(value)
            if array.size != 1:
                raise bad("Fill", f"value must be a scalar, got shape {list(array.shape)}")
            return record.constant(np.full(shape, array.reshape(()), array.dtype))
        dims = np.array(shape, np.int64)
    return record.call(OPS["Fill"], [dims, value], None, name)


def _no_layout(layout):
    if layout is not None:
        raise NotImplementedError("layout= (DTensor) is not supported")


def _count(shape):
    return int(np.prod(shape, dtype=np.int64))


def _filled(shape, value, dtype, name):
    """A tensor of `shape` filled with a Python number: made at once where small, else by Fill; in graphs called
    `name`.
    """
    dtype = dtypes.as_dtype(dtype).base_dtype
    known = _known_shape(shape)
    array = _value(value, dtype)
    graph = context.graph
    if graph is None:
        if known is None:
            known = _dims(record.shape_array(shape))
        if dtype is dtypes.string or _count(known) < SMALL:
            return record.constant(record.full(_checked(known), array))
        return record.call(OPS["Fill"], [np.array(known, np.int64), record.constant(array)], None, name)
    if known is not None and (dtype is dtypes.string or _count(known) < SMALL):
        return record.const_of(graph, np.full(_checked(known), array, array.dtype), name)
    if known is not None:
        shape = np.array(known, np.int64 if builtins.max(known, default=0) >= 2**31 else np.int32)
    return record.call(OPS["Fill"], [shape, array], None, name)


def _checked(shape):
    for d in shape:
        if d < 0:
            raise refusal("Fill", f"Fill dimensions must be >= 0: Dimension {d} must be >= 0")
    return shape


def _value(value, dtype):
    if dtype is dtypes.string:
        out = np.empty((), object)
        out[()] = b""
        return out
    return np.array(value, dtype.np)


def _known_shape(shape):
    """A shape as a tuple of ints where no graph tensor is in it, else None."""
    if isinstance(shape, TensorShape):
        return tuple(shape.as_list())
    if is_tensor(shape) or isinstance(shape, (list, tuple)) and record._contains_tensor(shape):
        if context.graph is None:
            return tuple(
                record.shape_array(shape if not is_tensor(shape) else record.convert_to_tensor(shape)).ravel().tolist()
            )
        return None
    if isinstance(shape, (int, np.integer, Dimension)):
        return (int(shape),)
    return tuple([int(d) for d in record.shape_array(shape).ravel()])


@export("zeros")
def zeros(shape, dtype=dtypes.float32, name=None, layout=None):
    """A tensor of zeros (False, empty strings) of this shape and dtype."""
    _no_layout(layout)
    return _filled(shape, 0, dtype, name or "zeros")


@export("ones")
def ones(shape, dtype=dtypes.float32, name=None, layout=None):
    """A tensor of ones (True) of this shape and dtype."""
    _no_layout(layout)
    if dtypes.as_dtype(dtype) is dtypes.string:
        raise TypeError("Cannot convert 1 to EagerTensor of dtype string")
    return _filled(shape, 1, dtype, name or "ones")


@op("ZerosLike", name="zeros_like", differentiable=False, twin=np.zeros_like)
def zeros_like_kernel(x):
    """x [...] -> zeros of its shape and dtype."""
    return jnp.zeros(x.shape, x.dtype)


@op("OnesLike", name="ones_like", differentiable=False, twin=np.ones_like)
def ones_like_kernel(x):
    """x [...] -> ones of its shape and dtype."""
    return jnp.ones(x.shape, x.dtype)


def _like(input, dtype, name, optimize, make, type, default):
    input = record.convert_to_tensor(input)
    dtype = input.dtype.base_dtype if dtype is None else dtypes.as_dtype(dtype).base_dtype
    shape = input._shape_tuple()
    if shape is not None and None not in shape and (optimize or context.graph is None):
        return make(shape, dtype, name or default)
    if dtype is input.dtype.base_dtype and dtype is not dtypes.string:
        return record.call(OPS[type], [input], None, name, default)
    return make(OPS["Shape"].public(input), dtype, name or default)


@export("zeros_like", v1="")
def zeros_like(input, dtype=None, name=None, layout=None):
    """input [...] -> zeros of its shape, and its dtype unless `dtype` is given."""
    _no_layout(layout)
    return _like(input, dtype, name, True, zeros, "ZerosLike", "zeros_like")


@export("", v1="zeros_like")
def zeros_like_v1(tensor, dtype=None, name=None, optimize=True):
    """TF1's tf.zeros_like."""
    return _like(tensor, dtype, name, optimize, zeros, "ZerosLike", "zeros_like")


@export("ones_like", v1="")
def ones_like(input, dtype=None, name=None, layout=None):
    """input [...] -> ones of its shape, and its dtype unless `dtype` is given."""
    _no_layout(layout)
    input = record.convert_to_tensor(input)
    if dtype is None and input.dtype is dtypes.string and context.graph is None:
        raise errors.InvalidArgumentError(
            None, None, "Value for attr 'T' of string is not in the list of allowed values: numbers, bool [Op:OnesLike]"
        )
    return _like(input, dtype, name, True, ones, "OnesLike", "ones_like")


@export("", v1="ones_like")
def ones_like_v1(tensor, dtype=None, name=None, optimize=True):
    """TF1's tf.ones_like."""
    return _like(tensor, dtype, name, optimize, ones, "OnesLike", "ones_like")


# -- range and linspace -----------------------------------------------------------------------------------------------
@op(
    "Range", static="start limit delta", name="range", twin=True, differentiable=False,
    results=lambda start, limit, delta: (None,),
)  # fmt: skip
def range_kernel(start, limit, delta):
    """start, start + delta, ... up to but without `limit`: scalars known while compiling."""
    return _range(start, limit, delta)


def _range(start, limit, delta):
    start, limit, delta = start.reshape(()), limit.reshape(()), delta.reshape(())
    dtype = start.dtype
    if delta == 0:
        raise bad("Range", f"Requires delta != 0: {delta}")
    if delta > 0 and start > limit:
        raise bad("Range", f"Requires start <= limit when delta > 0: {start}/{limit}")
    if delta < 0 and start < limit:
        raise bad("Range", f"Requires start >= limit when delta < 0: {start}/{limit}")
    if dtype.kind in "iu":
        n = len(builtins.range(int(start), int(limit), int(delta)))
    else:
        n = int(np.ceil(np.abs((np.float64(limit) - np.float64(start)) / np.float64(delta))))
    if n <= 4096 or not record.context.graph:
        return (start + np.arange(n).astype(dtype) * delta).astype(dtype)
    return start + lax.iota(dtype, n) * delta


_ORDER = ("int32", "int64", "float16", "bfloat16", "float32", "float64")


@export("range")
def range(start, limit=None, delta=1, dtype=None, name="range"):  # TensorFlow's name
    """start, start + delta, ... up to but without `limit`; range(n) starts at 0.  int32, or what the arguments are."""
    if limit is None:
        start, limit = 0, start
    values = [v.value if isinstance(v, Dimension) else v for v in (start, limit, delta)]
    for label, v in zip(("start", "limit", "delta"), values):
        rank = v.shape.rank if is_tensor(v) else np.ndim(v)
        if rank:
            raise refusal("Range", f"Shape must be rank 0 but is rank {rank} for '{label}': {label} must be a scalar")
    if dtype is not None:
        wanted = dtypes.as_dtype(dtype)
    else:
        kinds = [_number_dtype(v).name for v in values]
        wanted = (
            dtypes.as_dtype(max(kinds, key=_ORDER.index))
            if all(k in _ORDER for k in kinds)
            else dtypes.as_dtype(kinds[0])
        )
    if context.graph is None:
        arrays = [_number(v, wanted) for v in values]
        return record.constant(_range(*arrays))
    tensors = [v if is_tensor(v) else _number(v, wanted) for v in values]
    tensors = [_cast(v, wanted) if is_tensor(v) else v for v in tensors]
    return record.call(OPS["Range"], tensors, None, name)


def _number_dtype(value):
    if is_tensor(value):
        return value.dtype.base_dtype
    if isinstance(value, (np.ndarray, np.generic)):
        return dtypes.as_dtype(value.dtype)
    return dtypes.float32 if isinstance(value, float) else dtypes.int32 if abs(value) < 2**31 else dtypes.int64


def _number(value, dtype):
    if is_tensor(value):
        value = record.convert_to_tensor(value)._numpy()
    return np.asarray(value).astype(dtype.np)


def _cast(tensor, dtype):
    tensor = record.convert_to_tensor(tensor)
    return tensor if tensor.dtype.base_dtype is dtype else record.call(OPS["Cast"], [tensor], {"dtype": dtype}, None)


@op("LinSpace", name="linspace", twin=True)
def linspace_kernel(start, stop, *, num, axis=0):
    """start, stop [...] -> [.., num, ..]: evenly spaced, both ends included, the new dimension at `axis`."""
    if num < 0:
        raise bad("LinSpace", f"Requires num > 0: {num}")
    np_ = xp(start, stop)
    start, stop = np_.broadcast_arrays(start, stop)
    axis = axis if axis >= 0 else axis + start.ndim + 1
    start, stop = np_.expand_dims(start, axis), np_.expand_dims(stop, axis)
    if num < 2:
        return start[(slice(None),) * axis + (slice(0, num),)]
    shape = [-1 if i == axis else 1 for i in builtins.range(start.ndim)]
    steps = np.arange(1, num - 1).astype(start.dtype).reshape(shape)
    delta = (stop - start) / np.asarray(num - 1, start.dtype)
    return np_.concatenate([start, start + delta * steps, stop], axis)


@export("linspace", v1="linspace lin_space")
def linspace(start, stop, num, name=None, axis=0):
    """start, stop [...] -> [.., num, ..]: evenly spaced, both ends included, the new dimension at `axis`."""
    dtype = record._dtype_of(start) or record._dtype_of(stop)
    numbers = context.graph is None and not is_tensor(start) and not is_tensor(stop)
    start, stop = (
        record.convert_to_tensor(start, None, dtype_hint=dtype),
        record.convert_to_tensor(stop, None, dtype_hint=dtype),
    )
    if start.dtype.is_integer:
        start = _cast(start, dtypes.float64)
    stop = _cast(stop, start.dtype.base_dtype)
    if numbers:  # known now: nothing to compile
        axis, num = record.setting(axis), record.setting(num)
        return record.constant(linspace_kernel.op.kernel(start._numpy(), stop._numpy(), num=num, axis=axis))
    return record.call(OPS["LinSpace"], [start, stop], {"num": num, "axis": axis}, name)


# -- one_hot and masks ------------------------------------------------------------------------------------------------
def _one_hot_of_text(indices, depth, on_value, off_value, *, axis=-1):
    """The kernel in NumPy, for strings."""
    n, axis = int(depth.reshape(())), indices.ndim if axis == -1 else axis
    place = np.arange(n).reshape([-1 if i == axis else 1 for i in builtins.range(indices.ndim + 1)])
    return np.where(np.expand_dims(indices, axis) == place, on_value, off_value)


def _one_hot_unknown(indices, depth, on_value, off_value, axis=-1):
    """The static shape where `indices` or the depth is not known."""
    if depth is None or depth.size != 1:
        return NotImplemented
    n = depth.reshape(-1)[0]
    if n is not None and n < 0:
        raise bad("OneHot", f"depth must be non-negative, got: {n}")
    if indices is None or not -1 <= axis <= len(indices):
        return NotImplemented if indices is not None else None
    axis = len(indices) if axis == -1 else axis
    return (*indices[:axis], n, *indices[axis:])


@op(
    "OneHot", static="depth", own="indices", name="one_hot", differentiable=False, twin=_one_hot_of_text,
    results=_one_hot_unknown,
)  # fmt: skip
def one_hot_kernel(indices, depth, on_value, off_value, *, axis=-1):
    """indices [...], depth [] -> [.., depth, ..]: `on_value` where the position equals the index, `off_value`
    elsewhere.
    """
    n = int(depth.reshape(()))
    if n < 0:
        raise bad("OneHot", f"depth must be non-negative, got: {n}")
    if not -1 <= axis <= indices.ndim:
        raise bad("OneHot", f"Expected axis to be -1 or between [0, {indices.ndim + 1}).  But received: {axis}")
    axis = indices.ndim if axis == -1 else axis
    wide = jnp.expand_dims(indices, axis)
    position = lax.broadcasted_iota(np.int32, [n if i == axis else 1 for i in builtins.range(indices.ndim + 1)], axis)
    return jnp.where(wide == position.astype(wide.dtype), on_value, off_value)


@export("one_hot")
def one_hot(indices, depth, on_value=None, off_value=None, axis=None, dtype=None, name=None):
    """indices [...], depth [] -> [.., depth, ..]: `on_value` (1) where the position equals the index, `off_value`
    (0) elsewhere.
    """
    dtype = None if dtype is None else dtypes.as_dtype(dtype).base_dtype
    on, off = (
        None if v is None else record.convert_to_tensor(v, None, dtype_hint=dtype) for v in (on_value, off_value)
    )
    for label, value in (("on_value", on), ("off_value", off)):
        if value is not None and dtype is not None and value.dtype.base_dtype is not dtype:
            raise TypeError(
                f"dtype {value.dtype.base_dtype.name} of {label} does not match dtype parameter {dtype.name}"
            )
    found = dtype or (
        on.dtype.base_dtype if on is not None else off.dtype.base_dtype if off is not None else dtypes.float32
    )
    if on is not None and off is not None and on.dtype.base_dtype is not off.dtype.base_dtype:
        raise TypeError(
            f"dtype {on.dtype.base_dtype.name} of on_value does not match dtype {off.dtype.base_dtype.name} of "
            "off_value"
        )
    on = np.array(1, found.np) if on is None else on
    off = np.array(0, found.np) if off is None else off
    indices = record.convert_to_tensor(indices)
    return record.call(OPS["OneHot"], [indices, depth, on, off], {"axis": -1 if axis is None else axis}, name)


def _mask_unknown(lengths, maxlen, dtype=dtypes.bool):
    """What is known of the mask where `lengths` or `maxlen` is not."""
    if lengths is None or maxlen is None or maxlen.size != 1:
        return NotImplemented
    n = maxlen.reshape(-1)[0]
    return aval(dtype, (*lengths, None if n is None else max(int(np.ceil(n)), 0)))


@op("SequenceMask", static="maxlen", own="lengths", differentiable=False, results=_mask_unknown)
def sequence_mask_kernel(lengths, maxlen, *, dtype=dtypes.bool):
    """lengths [...], maxlen [] -> [..., maxlen]: True (1) at the first lengths[...] places."""
    n = int(np.ceil(maxlen.reshape(())))
    mask = lax.broadcasted_iota(lengths.dtype, (1,) * lengths.ndim + (n,), lengths.ndim) < lengths[..., None]
    return mask if dtype.is_bool else mask.astype(dtype.np)


@export("sequence_mask")
def sequence_mask(lengths, maxlen=None, dtype=dtypes.bool, name=None):
    """lengths [...] -> [..., maxlen]: True at the first lengths[...] places; maxlen is the longest unless given."""
    lengths = record.convert_to_tensor(lengths)
    if maxlen is None:
        flat = OPS["Reshape"].public(lengths, [-1])
        maxlen = OPS["Maximum"].public(
            reduce("Max", flat, None, False, None), record.convert_to_tensor(0, lengths.dtype)
        )
    elif is_tensor(maxlen) and maxlen.shape.rank not in (0, None):
        raise ValueError("Argument `maxlen` must be scalar for sequence_mask, received `maxlen` = " + str(maxlen))
    elif not is_tensor(maxlen) and np.ndim(maxlen):
        raise ValueError(f"Argument `maxlen` must be scalar for sequence_mask, received `maxlen` = {maxlen}")
    return record.call(OPS["SequenceMask"], [lengths, maxlen], {"dtype": dtypes.as_dtype(dtype)}, name)


@export("meshgrid")
def meshgrid(*args, **kwargs):
    """1-D tensors x, y, ... -> as many grids; indexing="xy" (default) puts x along the second dimension, "ij" along
    the first.
    """
    indexing, name = kwargs.pop("indexing", "xy"), kwargs.pop("name", "meshgrid")
    if kwargs:
        raise TypeError(f"'{next(iter(kwargs))}' is an invalid keyword argument for this function")
    if indexing not in ("xy", "ij"):
        raise ValueError(f"Argument `indexing` parameter must be either 'xy' or 'ij', got '{indexing}'")
    with name_scope(name, "meshgrid", args):
        tensors = [record.convert_to_tensor(a) for a in args]
        n = len(tensors)
        order = list(builtins.range(n))
        if indexing == "xy" and n > 1:
            order[0], order[1] = 1, 0
        sizes = [OPS["Size"].public(t) for t in tensors]
        shape = [None] * n
        for place, size in zip(order, sizes):
            shape[place] = size
        out = []
        for place, t in zip(order, tensors):
            wide = OPS["Reshape"].public(t, [-1 if i == place else 1 for i in builtins.range(n)])
            out.append(OPS["BroadcastTo"].public(wide, shape) if n else wide)
        return out
