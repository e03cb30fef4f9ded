"""tf.make_tensor_proto and tf.make_ndarray: arrays as TensorProto messages and back."""

from __future__ import annotations

import numpy as np

from . import dtypes, record
from .declare import export
from .summary.messages import Dim, TensorProto, TensorShapeProto

# Kind of dtype -> the field that holds its values one by one.
_FIELDS = {
    "float32": "float_val",
    "float64": "double_val",
    "int64": "int64_val",
    "bool": "bool_val",
    "string": "string_val",
    "complex64": "scomplex_val",
    "complex128": "dcomplex_val",
    "float16": "half_val",
    "bfloat16": "half_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
}
_INTS = ("int32", "int16", "int8", "uint8", "uint16", "qint8", "quint8", "qint16", "quint16", "qint32")


def _field(dtype):
    return _FIELDS.get(dtype.name) or ("int_val" if dtype.name in _INTS else None)


@export("make_tensor_proto", v1="make_tensor_proto contrib.util.make_tensor_proto")
def make_tensor_proto(values, dtype=None, shape=None, verify_shape=False, allow_broadcast=False):
    """A TensorProto of a number, array, text or nest of them; one that is larger than a number keeps its bytes.

    Raises TypeError for values that do not fit the dtype, ValueError for too many of them for `shape`.
    """
    if isinstance(values, TensorProto):
        return values
    dtype = None if dtype is None else dtypes.as_dtype(dtype)
    array = record.to_array(values, dtype)
    if shape is not None:
        shape = [int(n) for n in record.setting(shape)]
        size = int(np.prod(shape, dtype=np.int64))
        if verify_shape and list(array.shape) != shape:
            raise TypeError(f"Expected Tensor's shape: {tuple(shape)}, but got {array.shape}.")
        if array.size > size:
            raise ValueError(f"Too many elements provided. Takes at most {size}, but got {array.size}")
        if array.size != size and array.size != 1 and not allow_broadcast:
            raise ValueError(f"{array.size} elements do not fill the shape {shape}")
        same = array.size == size
    else:
        shape, same = list(array.shape), True
    kind = dtypes.as_dtype(array.dtype) if array.dtype != object else dtypes.string
    made = TensorProto(dtype=kind.as_datatype_enum, tensor_shape=TensorShapeProto(dim=[Dim(size=n) for n in shape]))
    field = _field(kind)
    if kind is not dtypes.string and same and array.size > 1 or field is None:
        made.tensor_content = np.broadcast_to(array, shape).tobytes() if field is None else array.tobytes()
    else:
        getattr(made, field).extend(_values(array, kind, field))
    return made


def _values(array, dtype, field):
    """The numbers of an array as its field holds them."""
    if dtype.is_complex:
        return [part for c in array.ravel().tolist() for part in (c.real, c.imag)]
    if field == "half_val":
        return array.ravel().view(np.uint16).tolist()
    return array.ravel().tolist()


@export("make_ndarray", v1="make_ndarray contrib.util.make_ndarray")
def make_ndarray(tensor):
    """The array of a TensorProto; of fewer values than its shape needs the last one is repeated."""
    dtype = dtypes.as_dtype(tensor.dtype)
    shape = [d.size for d in tensor.tensor_shape.dim]
    size = int(np.prod(shape, dtype=np.int64))
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, dtype.np).copy().reshape(shape)
    field = _field(dtype)
    if field is None:
        raise TypeError(
            f"Unsupported tensor type: {dtype.name}. See https://www.tensorflow.org/api_docs/python/tf/dtypes."
        )
    values = list(getattr(tensor, field))
    if dtype.is_complex:
        values = [complex(*pair) for pair in zip(values[::2], values[1::2], strict=True)]
    elif field == "half_val":
        values = np.array(values, np.uint16).view(dtype.np).tolist()
    if not values:
        return np.zeros(shape, dtype.np)
    values += [values[-1]] * (size - len(values))
    out = np.empty(size, dtype.np)
    out[:] = values
    return out.reshape(shape)
