"""The shape of tensors: reshape, expand_dims, squeeze, transpose, concat, stack, unstack; splitting.py has split."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import errors, record
from ..declare import OPS, export, op
from ..engine import infer as inference
from ..engine.dtype_checks import wrong_dtype
from ..graph import aval, context
from ..shapes import dims_text
from ..tensor import Tensor


def bad(type, message):
    """An InvalidArgumentError with TensorFlow's words about the op `type`."""
    return errors.InvalidArgumentError(None, None, f"{message} [Op:{type}]")


def refusal(type, message):
    """`bad` for what a public function finds wrong itself: a ValueError while a graph is built, as TensorFlow's."""
    return bad(type, message) if context.graph is None else ValueError(f"{type}: {message}")


def xp(*arrays):
    """NumPy where every array is NumPy's (shapes and what is computed from them), else JAX's NumPy."""
    return np if all(isinstance(a, np.ndarray) for a in arrays) else jnp


def is_tensor(value):
    return isinstance(value, Tensor) or hasattr(value.__class__, "_dense_tensor")


def shapes_text(shape):
    return "[" + ",".join(str(d) for d in shape) + "]"


# -- reshape ----------------------------------------------------------------------------------------------------------
@op("Reshape", static="shape", own="tensor", twin=True)
def reshape_kernel(tensor, shape):
    """tensor [...] -> the same elements in row-major order with shape `shape`; one size may be -1."""
    return tensor.reshape(full_shape(tensor.shape, shape))


def full_shape(old, shape):
    """`shape` (an integer array) for a tensor of shape `old`, its -1 replaced.  Raises InvalidArgumentError where
    that does not fit.
    """
    size = int(np.prod(old, dtype=object))
    if shape.dtype.kind not in "iu":
        if shape.size:
            spoken = {"float32": "float", "float64": "double"}.get(shape.dtype.name, shape.dtype.name)
            raise bad(
                "Reshape", f"Value for attr 'Tshape' of {spoken} is not in the list of allowed values: int32, int64"
            )
    dims = [int(d) for d in shape.ravel()]
    unknown = [i for i, d in enumerate(dims) if d == -1]
    if len(unknown) > 1:
        raise bad("Reshape", f"Only one input size may be -1, not both {unknown[0]} and {unknown[1]}")
    for i, d in enumerate(dims):
        if d < -1:
            raise bad("Reshape", f"Size {i} must be non-negative, not {d}")
    known = int(np.prod([d for d in dims if d != -1], dtype=object))
    if known >= 2**63:
        raise bad("Reshape", f"Shape {shapes_text(dims)} has too many elements")
    if unknown:
        if known == 0 and size == 0:  # TensorFlow leaves the zeros out on both sides
            rest = [int(np.prod([d for d in sizes if d > 0], dtype=object)) for sizes in (old, dims)]
            dims[unknown[0]] = rest[0] // rest[1]
        elif known == 0 or size % known:
            raise bad(
                "Reshape",
                f"Input to reshape is a tensor with {size} values, but the requested shape requires a multiple of "
                f"{known}: the size must be evenly divisible by {known}",
            )
        else:
            dims[unknown[0]] = size // known
    elif known != size:
        raise bad("Reshape", f"Input to reshape is a tensor with {size} values, but the requested shape has {known}")
    return tuple(dims)


@export("reshape", v1="reshape manip.reshape")
def reshape(tensor, shape, name=None):
    """tensor [...] -> the same elements in row-major order with shape `shape`; one size may be -1."""
    graph = context.graph
    if graph is None:
        return record.call(OPS["Reshape"], [tensor, shape], None, name)
    full = graph.op_name(name, "Reshape")
    tensor = record.convert_to_tensor(tensor, name=f"{full}/tensor/")
    if not isinstance(shape, (Tensor, np.ndarray)) and not (
        isinstance(shape, (list, tuple)) and record._contains_tensor(shape)
    ):
        shape = record.shape_array(shape)
    shape = record.convert_to_tensor(shape, name=f"{full}/shape/")
    avals = (aval(tensor.dtype.base_dtype, _reshaped(tensor, shape, full)),)
    return record.add_op(graph, OPS["Reshape"].sig, [tensor, shape], full, avals=avals, single=True)


def _reshaped(tensor, shape, full):
    """The static shape of a reshape in a graph, where sizes of the tensor or of the shape may be unknown."""
    old = tensor._shape_tuple()
    one, two = inference.sizes(shape._slot, 0), inference.sizes(shape._slot, 1)
    if one is None or two is None:
        rank = shape._shape_tuple()
        node = shape._slot.node
        if node is not None and node.sig.op.type == "Pack" and any(s.aval.shape is None for s in node.ins):
            parts = [inference.constant_value(s) for s in node.ins]
            return tuple([None if p is None or p.size != 1 or p < 0 else int(p) for p in parts])
        return (None,) * rank[0] if rank and rank[0] is not None else None
    new = [int(a) if a == b else None for a, b in zip(one.ravel(), two.ravel(), strict=True)]
    for d in new:
        if d is not None and d < -1:
            raise ValueError(f"Invalid value in tensor used for shape: {d} for {full!r}")
    if old is not None and old.count(None) == 1 and None not in new and -1 not in new:
        known = int(np.prod([d for d in old if d is not None], dtype=object))
        if known and int(np.prod(new, dtype=object)) % known:
            size = int(np.prod(new, dtype=object))
            raise ValueError(f"Dimension size must be evenly divisible by {known} but is {size} for {full!r}")
    if old is not None and None not in old and None not in new:
        try:
            return full_shape(old, one)
        except errors.InvalidArgumentError as e:
            raise ValueError(_graph_words(old, one, e, full)) from None
    return tuple([None if d == -1 else d for d in new])


def _graph_words(old, shape, error, full):
    size, new = int(np.prod(old, dtype=np.int64)), int(np.prod(shape, dtype=np.int64))
    where = errors.user_line()
    at = f"\n  made at {where[0]}:{where[1]}    {where[2]}" if where else ""
    if (shape >= 0).all():
        wanted = f"{shapes_text(shape)} ({new} elements)"
        return f"Cannot reshape a tensor with {size} elements to shape {wanted} for {full!r}{at}"
    return f"{error.message} for {full!r}{at}"


# -- one dimension more or less ---------------------------------------------------------------------------------------
@op("ExpandDims", static="dim", own="input", twin=True)
def expand_dims_kernel(input, dim):
    """input [...] -> [..., 1, ...] with the new dimension at `dim`."""
    if dim.size != 1:
        raise bad("ExpandDims", f"'dim' input must be a tensor with a single value, got shape {shapes_text(dim.shape)}")
    axis = int(dim.reshape(()))
    if not -input.ndim - 1 <= axis <= input.ndim:
        raise bad("ExpandDims", f"Tried to expand dim index {axis} for tensor with {input.ndim} dimensions.")
    shape = list(input.shape)
    shape.insert(axis if axis >= 0 else axis + input.ndim + 1, 1)
    return input.reshape(shape)


@export("expand_dims", v1="")
def expand_dims(input, axis, name=None):
    """input [...] -> [..., 1, ...] with the new dimension at `axis`."""
    return record.call(OPS["ExpandDims"], [input, axis], None, name)


@export("", v1="expand_dims")
def expand_dims_v1(input, axis=None, name=None, dim=None):
    """TF1's tf.expand_dims, with `dim` as the older name of `axis`."""
    axis = one_of("axis", axis, "dim", dim)
    if axis is None:
        raise ValueError("Must specify an axis argument to tf.expand_dims()")
    return expand_dims(input, axis, name)


def one_of(new, value, old, old_value):
    """The value of an argument that has two names.  Raises ValueError where both are given."""
    if old_value is None:
        return value
    if value is not None:
        raise ValueError(f"Cannot specify both '{old}' and '{new}'.")
    return old_value


def _squeezed(shape, *, axis=()):
    """The result's shape; sizes may be None, and `shape`.  An unknown size may be 1: nobody can say which dimensions stay."""
    if shape is None or not axis and None in shape:
        return None
    if not axis:
        return tuple([d for d in shape if d != 1])
    rank = len(shape)
    for a in axis:
        if not -rank <= a < rank:
            raise bad("Squeeze", f"Tried to squeeze dim index {a} for tensor with {rank} dimensions.")
        if shape[a] not in (1, None):
            raise bad("Squeeze", f"Can not squeeze dim[{a % rank}], expected a dimension of 1, got {shape[a]}")
    gone = {a % rank for a in axis}
    return tuple([d for i, d in enumerate(shape) if i not in gone])


@op("Squeeze", twin=True, results=_squeezed)
def squeeze_kernel(input, *, axis=()):
    """input [..., 1, ...] without the dimensions of size 1 (those in `axis`, or all)."""
    return input.reshape(_squeezed(input.shape, axis=axis))


@export("squeeze", v1="")
def squeeze(input, axis=None, name=None):
    """input [..., 1, ...] without the dimensions of size 1 (those in `axis`, or all)."""
    axis = record.setting(axis)
    axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    graph = context.graph
    if graph is not None:
        full = graph.op_name(name, "Squeeze")
        input = record.convert_to_tensor(input, name=f"{full}/input/")
        return record.call(OPS["Squeeze"], [input], {"axis": axis}, full + "/")
    return record.call(OPS["Squeeze"], [input], {"axis": axis}, name)


@export("", v1="squeeze")
def squeeze_v1(input, axis=None, name=None, squeeze_dims=None):
    """TF1's tf.squeeze, with `squeeze_dims` as the older name of `axis`."""
    return squeeze(input, one_of("axis", axis, "squeeze_dims", squeeze_dims), name)


# -- transpose --------------------------------------------------------------------------------------------------------
def _transposed_unknown(x, perm=()):
    if perm.__class__ is tuple:  # absent
        return None if x is None else x[::-1]
    if perm is None or perm.shape == (None,):
        return None if x is None else (None,) * len(x)
    rank = perm.size if x is None else len(x)
    if perm.shape == (rank,) and None in perm.tolist():
        return (None,) * rank
    order = _permutation(perm, rank)
    return (None,) * rank if x is None else tuple([x[i] for i in order])


@op("Transpose", static="perm", own="x", name="transpose", twin=True, results=_transposed_unknown)
def transpose_kernel(x, perm=None):
    """x [d0, d1, ...] -> its dimensions in the order `perm` (default: reversed)."""
    if perm is None:
        return x.transpose()
    order = _permutation(perm, x.ndim)
    return x.transpose(order)


def _permutation(perm, rank):
    if perm.shape != (rank,):
        if perm.ndim != 1:
            raise bad("Transpose", f"perm must be rank 1, got shape {shapes_text(perm.shape)}")
        raise bad(
            "Transpose", f"transpose expects a vector of size {rank}. But input(1) is a vector of size {perm.size}"
        )
    order = []
    for p in perm.tolist():
        if not -rank <= p < rank:
            raise bad("Transpose", f"{p} is out of range [0 .. {rank})")
        order.append(p % rank)
    for i in range(rank):
        if i not in order:
            raise bad("Transpose", f"{i} is missing from {{{','.join(str(p) for p in perm.tolist())}}}.")
    return order


@export("transpose", v1="")
def transpose(a, perm=None, conjugate=False, name="transpose"):
    """a [d0, d1, ...] -> its dimensions in the order `perm` (default: reversed), conjugated if asked."""
    if context.graph is not None:
        a = record.convert_to_tensor(a)
        if a._rank() is None and not conjugate:
            length = None if perm is None else record.convert_to_tensor(perm)._shape_tuple()
            n = length[0] if length else None
            shape = (None,) * n if n is not None and n > 1 else None  # TensorFlow's rule
            full, avals = context.graph.op_name(name, "transpose"), (aval(a.dtype.base_dtype, shape),)
            fixed = {1: None} if perm is None else None
            inputs = [a] if perm is None else [a, record.convert_to_tensor(perm)]
            sig = OPS["Transpose"].signature(None, fixed)
            return record.add_op(context.graph, sig, inputs, full, avals=avals, single=True)
    if conjugate:
        a = record.convert_to_tensor(a)
        if a.dtype.is_complex:
            a = OPS["Conj"].public(a)
    return record.call(OPS["Transpose"], [a, perm], None, name)


@export("", v1="transpose")
def transpose_v1(a, perm=None, name="transpose", conjugate=False):
    """TF1's argument order of tf.transpose."""
    return transpose(a, perm, conjugate, name)


# -- joining, and its opposite ----------------------------------------------------------------------------------------------
def _concat_unknown(*shapes, axis):
    """What any of the inputs knows of the dimensions."""
    known = [s for s in shapes if s is not None]
    if not known:
        return None
    axis = _concat_axis(known, axis)
    dims = [next((s[d] for s in known if s[d] is not None), None) for d in range(len(known[0]))]
    along = [None if s is None else s[axis] for s in shapes]
    dims[axis] = None if None in along else sum(along)
    return tuple(dims)


@op(
    "ConcatV2",
    name="concat",
    twin=lambda *values, axis: np.concatenate(values, _concat_axis([v.shape for v in values], axis)),
    results=_concat_unknown,
)
def concat_kernel(*values, axis):
    """values n x [.., d_i, ..] -> [.., sum d_i, ..] along `axis`."""
    axis = _concat_axis([v.shape for v in values], axis)
    return values[0] if len(values) == 1 else lax.concatenate([jnp.asarray(v) for v in values], axis)


def _concat_axis(shapes, axis):
    """`axis` counted from the front.  Raises InvalidArgumentError for shapes, whose sizes may be None, that do not fit."""
    rank, first = len(shapes[0]), f"shape[0] = {dims_text(shapes[0])}"
    for i, shape in enumerate(shapes):
        if not shape:
            raise bad("ConcatV2", "ConcatOp : Can't concatenate scalars (use tf.stack instead)")
        if len(shape) != rank:
            other = f"{first} vs. shape[{i}] = {dims_text(shape)}"
            raise bad("ConcatV2", f"ConcatOp : Ranks of all input tensors should match: {other}")
    if not -rank <= axis < rank:
        wanted = f"[-{rank}, {rank}), but got {axis}"
        raise bad("ConcatV2", f"ConcatOp : Expected concatenating dimensions in the range {wanted}")
    axis %= rank
    known = list(shapes[0])
    for i, shape in enumerate(shapes):
        for d, size in enumerate(shape):
            known[d] = size if known[d] is None else known[d]
            if d != axis and size not in (known[d], None):
                other = f"{first} vs. shape[{i}] = {dims_text(shape)}"
                raise bad("ConcatV2", f"ConcatOp : Dimension {d} in both shapes must be equal: {other}")
    return axis


@export("concat", v1="")
def concat(values, axis, name="concat"):
    """values n x [.., d_i, ..] -> [.., sum d_i, ..] along `axis`."""
    if not isinstance(values, (list, tuple)):
        values = [values]
    if axis.__class__ is not int:
        _check_concat_axis(axis, len(values) == 1)
    if _unknown().is_unknown(axis):
        return _concat_somewhere(values, axis, name)
    if len(values) == 1:
        axis = _scalar_axis(axis)
        tensor = record.convert_to_tensor(values[0], name=name)
        rank = tensor._rank()
        if rank is not None and not -rank <= axis < max(rank, 1):
            raise ValueError(f"tf.concat: axis {axis} is out of range for a tensor of rank {rank}")
        return OPS["Identity"].public(tensor, name=name)
    if not values:
        raise refusal("ConcatV2", "tf.concat needs at least one tensor")
    return record.call(OPS["ConcatV2"], list(values), {"axis": _scalar_axis(axis)}, name)


def _unknown():
    from . import unknown

    return unknown


def _concat_somewhere(values, axis, name):
    """tf.concat along an axis that is fed."""
    ranks = {_rank_of(v) for v in values} - {None}
    if 0 in ranks:
        raise ValueError("Can't concatenate scalars (use tf.stack instead)")
    if len(ranks) > 1:
        raise ValueError(f"Ranks of all inputs of tf.concat should match, got {sorted(ranks)}")
    rank = next(iter(ranks), None)
    unknown = _unknown()
    return unknown.call(OPS["ConcatV2"], list(values), {"axis": axis}, name, avals=lambda d: unknown.of_rank(d, rank))


def _check_concat_axis(axis, alone):
    """Raises TensorFlow's errors for an axis that is no integer, which are others where there is one value `alone`."""
    if is_tensor(axis):
        if not axis.dtype.is_integer and alone:
            raise ValueError(f"Incompatible type conversion requested to type int32 for {axis!r} of {axis.dtype.name}")
        if not axis.dtype.is_integer:
            raise wrong_dtype("ConcatV2", "axis", "Tidx", axis.dtype, ("int32", "int64"))
    elif isinstance(axis, (float, np.floating)):
        raise TypeError(f"The axis of tf.concat is an int32 or int64, not {axis}")
    if (alone or context.graph is not None) and _rank_of(axis):
        raise ValueError(f"The axis of tf.concat must have rank 0: {axis}")


def _scalar_axis(axis):
    axis = record.setting(axis)
    if isinstance(axis, tuple) and len(axis) == 1:
        axis = axis[0]
    if not isinstance(axis, int):
        raise ValueError(f"Shape {axis!r} must have rank 0: the axis of tf.concat is one integer")
    return axis


@export("", v1="concat")
def concat_v1(values, axis, name="concat"):
    """TF1's tf.concat; the order (axis, values) of TensorFlow 0.x is understood too."""
    if isinstance(values, int) and not isinstance(axis, (int, float)):
        values, axis = axis, values
    return concat(values, axis, name)


@op("Pack", name="stack", twin=lambda *values, axis=0: np.stack(values, _stack_axis(values, axis)))
def pack_kernel(*values, axis=0):
    """values n x [...] -> [.., n, ..] with the new dimension at `axis`."""
    axis = _stack_axis(values, axis)
    shape = list(values[0].shape)
    shape.insert(axis, 1)
    return lax.concatenate([jnp.asarray(v).reshape(shape) for v in values], axis)


def _stack_axis(values, axis):
    rank = values[0].ndim
    for i, v in enumerate(values):
        if v.shape != values[0].shape:
            raise bad("Pack", f"Shapes of all inputs must match: values[0].shape = {shapes_text(values[0].shape)} != "
                              f"values[{i}].shape = {shapes_text(v.shape)}")  # fmt: skip
    if not -rank - 1 <= axis <= rank:
        raise bad("Pack", f"axis = {axis} not in [{-rank - 1}, {rank + 1})")
    return axis % (rank + 1)


@export("stack", v1="stack pack")
def stack(values, axis=0, name="stack"):
    """values n x [...] -> [.., n, ..] with the new dimension at `axis`."""
    axis = record.setting(axis)
    if isinstance(values, Tensor) or not isinstance(values, (list, tuple)):
        values = record.convert_to_tensor(values)
        if axis == 0:
            return values
        values = unstack(values)
    elif axis == 0 and (not values or not record._contains_tensor(values)):
        return record.convert_to_tensor(values, name=name)
    rank = _rank_of(values[0])
    if rank is not None and not -rank - 1 <= axis <= rank:
        raise ValueError(f"Argument `axis` = {axis} not in range [{-rank - 1}, {rank + 1})")
    return record.call(OPS["Pack"], list(values), {"axis": axis}, name)


def _rank_of(value):
    if isinstance(value, Tensor) or hasattr(value.__class__, "_dense_tensor"):
        return value.shape.rank
    return np.ndim(value) if not record._contains_tensor(value if isinstance(value, (list, tuple)) else []) else None


@export("parallel_stack")
def parallel_stack(values, name="parallel_stack"):
    """values n x [...] of known shape -> [n, ...].  Raises RuntimeError eagerly, as TensorFlow does."""
    if context.graph is None:
        raise RuntimeError("tf.parallel_stack() is not compatible with eager execution.")
    out = stack(values, 0, name)
    if not out.shape.is_fully_defined():
        raise ValueError(f"tf.parallel_stack: shape attr must be fully defined, got {out.shape}")
    return out


@op("Unpack", name="unstack", twin=True)
def unpack_kernel(value, *, num, axis=0):
    """value [.., num, ..] -> num x [...], the slices along `axis`."""
    if not -value.ndim <= axis < value.ndim:
        raise bad("Unpack", f"axis = {axis} not in [{-value.ndim}, {value.ndim})")
    if value.shape[axis] != num:
        raise bad("Unpack", f"Input shape axis {axis} must equal {num}, got shape {shapes_text(value.shape)}")
    axis %= value.ndim
    shape = [d for i, d in enumerate(value.shape) if i != axis]
    index = [slice(None)] * value.ndim
    parts = []
    for i in range(num):
        if isinstance(value, np.ndarray):
            index[axis] = i
            parts.append(value[tuple(index)])
        else:
            parts.append(lax.slice_in_dim(value, i, i + 1, axis=axis).reshape(shape))
    return tuple(parts)


@export("unstack", v1="unstack unpack")
def unstack(value, num=None, axis=0, name="unstack"):
    """value [.., num, ..] -> list of num tensors [...], the slices along `axis`."""
    axis, num = record.setting(axis), record.setting(num)
    value = record.convert_to_tensor(value)
    shape = value._shape_tuple()
    if num is None:
        if shape is not None:
            if not -len(shape) <= axis < len(shape):
                raise ValueError(f"Argument `axis` = {axis} not in range [{-len(shape)}, {len(shape)})")
            num = shape[axis]
        if num is None:
            raise ValueError(f"Cannot infer argument `num` from shape {value.shape}")
    if num < 0:
        raise refusal("Unpack", f"Attr 'num' of 'Unpack' Op passed {num} less than minimum 0.")
    graph = context.graph
    if shape is None and graph is not None:  # nothing to infer the outputs' shapes from
        sig = OPS["Unpack"].signature({"num": num, "axis": axis})
        avals = (aval(value.dtype.base_dtype, None),) * num
        return record.add_op(graph, sig, [value], graph.op_name(name, "unstack"), avals=avals)
    return record.call(OPS["Unpack"], [value], {"num": num, "axis": axis}, name)
