"""Tensors passed on with a word about them: placeholder_with_default, ensure_shape, guarantee_const, bitcast,
static values.
"""

from __future__ import annotations

import numpy as np
from jax import lax

from .. import dtypes, record
from ..declare import OPS, export, op
from ..graph import aval, context
from ..shapes import TensorShape
from ..tensor import SymbolicTensor, Tensor
from .array import bad, shapes_text


@op("PlaceholderWithDefault")
def placeholder_with_default_kernel(input, *, shape):
    """`input`, unless something else is fed."""
    return input


@export("", v1="placeholder_with_default")
def placeholder_with_default(input, shape, name=None):
    """A placeholder of static shape `shape` that has the value `input` unless it is fed."""
    input, shape = record.convert_to_tensor(input), TensorShape(record.setting(shape))
    static = None if shape.rank is None else tuple(shape.as_list())
    if not shape.is_compatible_with(input.shape):
        raise ValueError(f"Shapes must be compatible: the default has shape {input.shape}, the placeholder {shape}")
    graph = context.graph
    if graph is None:
        return OPS["Identity"].public(input)
    sig = OPS["PlaceholderWithDefault"].signature({"shape": static})
    full = graph.op_name(name, "PlaceholderWithDefault")
    return record.add_op(graph, sig, [input], full, avals=(aval(input.dtype.base_dtype, static),), single=True)


@op("GuaranteeConst", names="guarantee_const")
def guarantee_const(input):
    """`input`, which the caller promises never to change."""
    return input


@op("EnsureShape", twin=True)
def ensure_shape_kernel(input, *, shape):
    """`input`.  Raises InvalidArgumentError where its shape is not compatible with `shape`."""
    if shape is not None and (
        len(shape) != len(input.shape) or any(d is not None and d != n for d, n in zip(shape, input.shape))
    ):
        wanted = "[" + ",".join("?" if d is None else str(d) for d in shape) + "]"
        raise bad(
            "EnsureShape",
            f"Shape of tensor input {shapes_text(input.shape)} is not compatible with expected shape {wanted}.",
        )
    return input


@export("ensure_shape")
def ensure_shape(x, shape, name=None):
    """`x`, with its static shape made more precise by `shape`; checked when it runs.  Raises ValueError where they
    contradict.
    """
    shape = TensorShape(record.setting(shape))
    static = None if shape.rank is None else tuple(shape.as_list())
    x = record.convert_to_tensor(x)
    graph = context.graph
    if graph is None:
        return record.call(OPS["EnsureShape"], [x], {"shape": static}, name)
    try:
        merged = x.shape.merge_with(shape)
    except ValueError:
        raise ValueError(f"Shapes {x.shape} and {shape} are incompatible in tf.ensure_shape") from None
    known = None if merged.rank is None else tuple(merged.as_list())
    full = graph.op_name(name, "EnsureShape")
    sig = OPS["EnsureShape"].signature({"shape": static})
    return record.add_op(graph, sig, [x], full, avals=(aval(x.dtype.base_dtype, known),), single=True)


@export("shape_n")
def shape_n(input, out_type=dtypes.int32, name=None):
    """A list of tensors -> the list of their shapes, integer vectors."""
    return [record.call(OPS["Shape"], [x], {"out_type": dtypes.as_dtype(out_type)}, name) for x in input]


@export("get_static_value")
def get_static_value(tensor, partial=False):
    """The NumPy value of a tensor where it is known while the graph is built, else None."""
    if isinstance(tensor, SymbolicTensor):
        known = record.static_value(tensor)
        if known is None and partial and tensor.op.type == "Pack":
            return np.array([get_static_value(t) for t in tensor.op.inputs], object)
        return known
    if isinstance(tensor, Tensor):
        return tensor._numpy()
    if isinstance(tensor, (np.ndarray, np.generic)):
        return tensor
    return record.static_value(record.convert_to_tensor(tensor))


@op("Bitcast", names="")
def bitcast_kernel(input, *, type):
    """input [...] -> the same bits read as `type`; a wider type takes the last dimension, a narrower one adds one."""
    if type.is_complex or type.is_bool or dtypes.as_dtype(input.dtype).is_complex or input.dtype == bool:
        raise bad("Bitcast", f"Cannot bitcast from {dtypes.as_dtype(input.dtype).name} to {type.name}")
    if type.np.itemsize > input.dtype.itemsize and (
        not input.ndim or input.shape[-1] * input.dtype.itemsize != type.np.itemsize
    ):
        raise bad(
            "Bitcast",
            f"Cannot bitcast from {dtypes.as_dtype(input.dtype).name} to {type.name}: shape {shapes_text(input.shape)}",
        )
    return lax.bitcast_convert_type(input, type.np)


@export("bitcast")
def bitcast(input, type, name=None):
    """input [...] -> the same bits read as `type`; a wider type takes the last dimension, a narrower one adds one."""
    return record.call(OPS["Bitcast"], [input], {"type": dtypes.as_dtype(type)}, name)
