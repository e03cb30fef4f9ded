"""Attributes of operations: Python values as AttrValue messages and back."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..shapes import TensorShape
from ..summary.messages import Dim, TensorShapeProto
from ..tensor_protos import make_ndarray, make_tensor_proto
from .messages import AttrValue

_FIELDS = {"string": "s", "int": "i", "float": "f", "bool": "b", "type": "type", "shape": "shape", "tensor": "tensor"}


def shape_proto(shape):
    """A static shape (tuple, list, TensorShape or None) as a message."""
    dims = shape.as_list() if isinstance(shape, TensorShape) and shape.rank is not None else shape
    if dims is None or isinstance(dims, TensorShape):
        return TensorShapeProto(unknown_rank=True)
    return TensorShapeProto(dim=[Dim(size=-1 if d is None else int(d)) for d in dims])


def shape_of(proto):
    """A message's static shape as a tuple, None for an unknown rank."""
    return None if proto.unknown_rank else tuple([None if d.size < 0 else d.size for d in proto.dim])


def _one(kind, value):
    """A value as its field holds it."""
    if kind == "string":
        return value if isinstance(value, bytes) else str(value).encode("latin1" if value.isascii() else "utf-8")
    if kind == "type":
        return dtypes.as_dtype(value).as_datatype_enum
    if kind == "shape":
        return shape_proto(value)
    if kind == "tensor":
        return make_tensor_proto(value)
    return {"int": int, "float": float, "bool": bool}[kind](value)


def attr_value(kind, value):
    """A Python value as an attribute of TensorFlow's `kind`: "int", "type", "list(shape)", ..."""
    if kind.startswith("list("):
        inner = kind[5:-1]
        made = AttrValue.ListValue()
        if inner in _FIELDS:
            getattr(made, _FIELDS[inner]).extend([_one(inner, v) for v in value or ()])
        return AttrValue(list=made)
    if kind == "func":
        made = AttrValue()
        made.func.name = "" if value is None else str(value)
        return made
    return AttrValue(**{_FIELDS[kind]: _one(kind, value)})


def guessed(value):
    """A setting of ours as an attribute of the kind its Python type suggests; TypeError for what is no plain value."""
    if isinstance(value, (bool, np.bool_)):
        return attr_value("bool", value)
    if isinstance(value, (int, np.integer)):
        return attr_value("int", value)
    if isinstance(value, (float, np.floating)):
        return attr_value("float", value)
    if isinstance(value, (str, bytes)):
        return attr_value("string", value)
    if isinstance(value, dtypes.DType):
        return attr_value("type", value)
    if isinstance(value, TensorShape):
        return attr_value("shape", value)
    if isinstance(value, np.ndarray):
        return attr_value("tensor", value)
    if isinstance(value, (tuple, list)):
        kinds = {type(v) for v in value}
        if not value:
            return attr_value("list(int)", ())
        if len(kinds) == 1 or kinds <= {int, float}:
            first = float if kinds == {int, float} else kinds.pop()
            kind = {int: "int", float: "float", bool: "bool", str: "string", bytes: "string", dtypes.DType: "type"}
            kind = kind.get(first)
            if kind is None and first in (tuple, TensorShape):
                kind = "shape"
            if kind:
                return attr_value(f"list({kind})", value)
    raise TypeError(f"no attribute holds {value!r}")


def python_value(attr):
    """An attribute as a Python value: bytes, int, DType, shape tuple, array, or a list of them; None where nothing is set."""
    which = attr.WhichOneof("value")
    if which is None or which in ("func", "placeholder"):
        return getattr(attr, which) if which else None
    if which == "list":
        held = attr.list
        for field in ("s", "i", "f", "b", "type", "shape", "tensor", "func"):
            values = getattr(held, field)
            if values:
                return [_python(field, v) for v in values]
        return []
    return _python(which, getattr(attr, which))


def _python(field, value):
    if field == "type":
        return dtypes.as_dtype(value)
    if field == "shape":
        return shape_of(value)
    return make_ndarray(value) if field == "tensor" else value
