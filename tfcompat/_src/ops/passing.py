"""Tensors passed on with a word about them: placeholder_with_default, ensure_shape, guarantee_const, bitcast,
static values.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, record
from ..declare import OPS, export, op
from ..engine.dtype_checks import spoken
from ..graph import Slot, aval, context
from ..shapes import Dimension, TensorShape, compatible_dims, dims_text, merge_dims
from ..tensor import SymbolicTensor, Tensor
from .array import bad, shapes_text
from .hashes import fingerprint64


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


@op("GuaranteeConst", names="guarantee_const", twin=True)
def guarantee_const(input):
    """`input`, which the caller promises never to change."""
    return input


def _ensured(known, *, shape):
    """What `shape` and the static shape `known` say together.  Raises InvalidArgumentError where they contradict each other."""
    if not compatible_dims(known, shape):
        said = f"Shape of tensor input {dims_text(known)} is not compatible with expected shape {dims_text(shape)}."
        raise bad("EnsureShape", said)
    return merge_dims(known, shape)


@op("EnsureShape", twin=True, results=_ensured)
def ensure_shape_kernel(input, *, shape):
    """`input`.  Raises InvalidArgumentError where its shape is not compatible with `shape`."""
    _ensured(input.shape, shape=shape)
    return input


@export("ensure_shape")
def ensure_shape(x, shape, name=None):
    """`x`, with its static shape made more precise by `shape`; checked when it runs.  Raises ValueError where they
    contradict.
    """
    shape = TensorShape(record.setting(shape))
    static = None if shape.rank is None else tuple(shape.as_list())
    return record.call(OPS["EnsureShape"], [x], {"shape": static}, name)


@export("shape_n")
def shape_n(input, out_type=dtypes.int32, name=None):
    """A list of tensors of one dtype -> the list of their shapes, integer vectors.  Raises for tensors of several dtypes:
    InvalidArgumentError, in graphs TypeError.
    """
    input = [record.convert_to_tensor(x) for x in input]
    for i, x in enumerate(input):
        if x.dtype.base_dtype is not input[0].dtype.base_dtype:
            if context.graph is not None:
                types = [t.dtype.name for t in input]
                raise TypeError(
                    f"Tensors in list passed to 'input' of 'ShapeN' Op have types {types} that don't all match."
                )
            first, other = spoken(input[0].dtype), spoken(x.dtype)
            raise bad(
                "ShapeN",
                f"cannot compute ShapeN as input #{i}(zero-based) was expected to be a {first} tensor but is a {other} tensor",
            )
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
    if not hasattr(tensor.__class__, "_dense_tensor"):  # no tensor at all
        return tensor
    return record.static_value(record.convert_to_tensor(tensor))


def _bitcast_unknown(shape, *, type):
    return aval(dtypes.as_dtype(type.np), None) if shape is None else NotImplemented


@op("Bitcast", names="", results=_bitcast_unknown)
def bitcast_kernel(input, *, type):
    """input [...] -> the same bits read as `type`; a wider type takes the last dimension, a narrower one adds one."""
    if type.is_bool or input.dtype == bool:
        raise bad("Bitcast", f"Cannot bitcast from {dtypes.as_dtype(input.dtype).name} to {type.name}")
    if type.np.itemsize > input.dtype.itemsize and (
        not input.ndim or input.shape[-1] * input.dtype.itemsize != type.np.itemsize
    ):
        raise bad(
            "Bitcast",
            f"Cannot bitcast from {dtypes.as_dtype(input.dtype).as_datatype_enum} to {type.as_datatype_enum} "
            f"({type.name}): shape {shapes_text(input.shape)}",
        )
    if type.is_complex or jnp.iscomplexobj(input):
        return _bytes_as(_as_bytes(input), input, type)
    return lax.bitcast_convert_type(input, type.np)


def _as_bytes(x):
    """x [...] -> its bytes [..., n]."""
    if jnp.iscomplexobj(x):
        x = jnp.stack([jnp.real(x), jnp.imag(x)], -1)
        return lax.bitcast_convert_type(x, np.uint8).reshape(*x.shape[:-1], -1)
    return x[..., None].view(np.uint8) if x.dtype.itemsize == 1 else lax.bitcast_convert_type(x, np.uint8)


def _bytes_as(raw, input, type):
    """The bytes of `input` read as `type`, which takes or adds a dimension where it is of another width."""
    have, wanted = input.dtype.itemsize, type.np.itemsize
    if wanted > have:
        raw = raw.reshape(*input.shape[:-1], wanted)
    elif wanted < have:
        raw = raw.reshape(*input.shape, have // wanted, wanted)
    if type.is_complex:
        part = np.float32 if wanted == 8 else np.float64
        parts = lax.bitcast_convert_type(raw.reshape(*raw.shape[:-1], 2, wanted // 2), part)
        return lax.complex(parts[..., 0], parts[..., 1])
    return raw[..., 0].view(type.np) if wanted == 1 else lax.bitcast_convert_type(raw, type.np)


@export("bitcast")
def bitcast(input, type, name=None):
    """input [...] -> the same bits read as `type`; a wider type takes the last dimension, a narrower one adds one."""
    type = dtypes.as_dtype(type)
    out = record.call(OPS["Bitcast"], [input], {"type": type}, name)
    return _as_quantized(out, type) if type.is_quantized else out


def _as_quantized(tensor, dtype):
    """The integers of a tensor as those of a quantized dtype."""
    if context.graph is None:
        value = tensor._numpy()
        return record.handle(Slot(None, 0, aval(dtype, value.shape), value))
    avals = (aval(dtype, tensor._shape_tuple()),)
    full = context.graph.op_name(None, "Identity")
    return record.add_op(context.graph, OPS["Identity"].sig, [tensor], full, avals=avals, single=True)


@export("identity_n")
def identity_n(input, name=None):
    """The tensors, which may be of different dtypes, as they are."""
    tensors = [record.convert_to_tensor(t) for t in input]
    if len({t.dtype.base_dtype for t in tensors}) <= 1:
        return OPS["IdentityN"].public(tensors, name)
    return [OPS["Identity"].public(t, name) for t in tensors]


@export("", v1="dimension_value")
def dimension_value(dimension):
    """A Dimension as an int or None; anything else as it is."""
    return dimension.value if isinstance(dimension, Dimension) else dimension


@export("", v1="dimension_at_index")
def dimension_at_index(shape, index):
    """The Dimension at a place of a TensorShape, unknown where its rank is."""
    return Dimension(None) if shape.rank is None else shape.dims[index]


@op("Fingerprint", host=True, abstract=lambda data: (dtypes.uint8, (data.shape[0] if data.shape else None, 8)))
def fingerprint_kernel(data):
    """data [n, ...] -> uint8 [n, 8]: the 64-bit FarmHash of each row's bytes, the lowest byte first."""
    rows = data.reshape(len(data), -1)
    if data.dtype == object and data.ndim == 1:
        each = [fingerprint64(r[0]) for r in rows]
    elif data.dtype == object:  # the hash of the hashes, as TensorFlow does
        each = [fingerprint64(b"".join(fingerprint64(v).to_bytes(8, "little") for v in r)) for r in rows.tolist()]
    else:
        each = [fingerprint64(np.ascontiguousarray(r).tobytes()) for r in rows]
    return np.array([list(h.to_bytes(8, "little")) for h in each], np.uint8).reshape(len(rows), 8)


@export("fingerprint")
def fingerprint(data, method="farmhash64", name=None):
    """data [n, ...] -> uint8 [n, 8]: a fingerprint of each row."""
    if method != "farmhash64":
        raise bad("Fingerprint", f"Unsupported fingerprint method: {method}")
    data = record.convert_to_tensor(data)
    if data.shape.rank == 0:
        raise ValueError("Shape must be at least rank 1 but is rank 0 for 'Fingerprint'")
    return record.call(OPS["Fingerprint"], [data], None, name)
