"""Tensors repeated, padded, turned around and broadcast."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, record
from ..declare import OPS, export, op
from ..engine import infer as inference
from ..graph import aval, context
from ..shapes import TensorShape
from ..tensor import Tensor
from .array import bad, is_tensor, one_of, shapes_text, xp


# -- repeating and padding --------------------------------------------------------------------------------------------
@op("Tile", names="", static="multiples", own="input", twin=True)
def tile_kernel(input, multiples):
    """input [d0, ...], multiples [m0, ...] -> [d0 * m0, ...]."""
    if multiples.shape != (input.ndim,):
        raise bad(
            "Tile", f"Expected multiples argument to be a vector of length {input.ndim} but got length {multiples.size}"
        )
    for i, m in enumerate(multiples.tolist()):
        if m < 0:
            raise bad("Tile", f"Expected multiples[{i}] >= 0, but got {m}")
    size = int(np.prod([n * m for n, m in zip(input.shape, multiples.tolist())], dtype=object))
    if size >= 2**63:
        raise bad("Tile", f"Encountered overflow when multiplying {shapes_text(input.shape)} by {multiples.tolist()}")
    return xp(input).tile(input, tuple(multiples.tolist()))


@export("tile", v1="tile manip.tile")
def tile(input, multiples, name=None):
    """input [d0, ...], multiples [m0, ...] -> [d0 * m0, ...]."""
    graph = context.graph
    if graph is None:
        return record.call(OPS["Tile"], [input, multiples], None, name)
    input = record.convert_to_tensor(input)
    multiples = record.convert_to_tensor(multiples, dtypes.int32 if not is_tensor(multiples) else None)
    shape, many = input._shape_tuple(), multiples._shape_tuple()
    if shape is not None and record.static_value(multiples) is not None:
        return record.call(OPS["Tile"], [input, multiples], None, name)
    n = many[0] if many else None
    if shape is not None and n is not None and len(shape) != n:
        raise ValueError(f"Shape must be rank {n} but is rank {len(shape)} for 'Tile'")
    shape = (None,) * n if shape is None and n is not None else shape
    if shape is not None:
        known = _known_elements(multiples, len(shape))
        shape = tuple([0 if 0 in (d, m) else None if None in (d, m) else d * m for d, m in zip(shape, known)])
    full, avals = graph.op_name(name, "Tile"), (aval(input.dtype.base_dtype, shape),)
    return record.add_op(graph, OPS["Tile"].sig, [input, multiples], full, avals=avals, single=True)


def _known_elements(vector, n):
    """The elements of an integer vector of a graph, None where only a run can tell."""
    node = vector._slot.node
    if node.sig.op.type == "Pack" and len(node.ins) == n:
        parts = [inference.constant_value(s) for s in node.ins]
        return [None if p is None or p.size != 1 else int(p) for p in parts]
    one, two = inference.sizes(vector._slot, 0), inference.sizes(vector._slot, 1)
    if one is None or two is None or len(one) != n:
        return [None] * n
    return [int(a) if a == b else None for a, b in zip(one.tolist(), two.tolist())]


def _padded_unknown(tensor, paddings, constant_values=None, mode=None):
    """The static shape of a tensor of unknown rank, padded by known amounts."""
    if tensor is not None or paddings is None or None in paddings.ravel().tolist():
        return NotImplemented
    if paddings.ndim != 2:
        raise bad("Pad", f"Shape must be rank 2 but is rank {paddings.ndim}: paddings must be a matrix with 2 columns")
    if paddings.size and min(paddings.ravel().tolist()) < 0:
        raise bad("Pad", f"Paddings must be non-negative: {paddings.tolist()}")
    return (None,) * len(paddings)


@op("Pad", static="paddings", own="tensor", twin=True, results=_padded_unknown)
def pad_kernel(tensor, paddings):
    """tensor [d0, ...], paddings [rank, 2] -> zeros put before and after each dimension."""
    nothing = np.array(b"", object) if tensor.dtype == object else np.zeros((), tensor.dtype)
    return _padded("Pad", tensor, paddings, nothing)


@op("PadV2", static="paddings", own="tensor", name="PadV2", twin=True, results=_padded_unknown)
def pad_v2_kernel(tensor, paddings, constant_values):
    """tensor [d0, ...], paddings [rank, 2] -> `constant_values`, a scalar, put before and after each dimension."""
    return _padded("PadV2", tensor, paddings, constant_values)


def _check_paddings(type, tensor, paddings):
    if paddings.ndim != 2 or paddings.shape[1] != 2:
        raise bad(type, f"paddings must be a matrix with 2 columns: {shapes_text(paddings.shape)}")
    if paddings.shape[0] != tensor.ndim:
        raise bad(
            type,
            f"The first dimension of paddings must be the rank of inputs{shapes_text(paddings.shape)} "
            f"{shapes_text(tensor.shape)}",
        )
    for low, high in paddings.tolist():
        if low < 0 or high < 0:
            raise bad(type, f"Paddings must be non-negative: {low} {high}")


def _padded(type, tensor, paddings, value):
    _check_paddings(type, tensor, paddings)
    if not tensor.ndim:
        return tensor
    if isinstance(tensor, np.ndarray) and isinstance(value, np.ndarray):
        return np.pad(tensor, paddings.tolist(), constant_values=value.reshape(()))
    return lax.pad(
        tensor, jnp.asarray(value, tensor.dtype).reshape(()), [(low, high, 0) for low, high in paddings.tolist()]
    )


@op("MirrorPad", static="paddings", own="input", twin=True, results=_padded_unknown)
def mirror_pad_kernel(input, paddings, *, mode):
    """input [d0, ...], paddings [rank, 2] -> its own elements mirrored at the border, without (REFLECT) or with it
    (SYMMETRIC).
    """
    _check_paddings("MirrorPad", input, paddings)
    for size, (low, high) in zip(input.shape, paddings.tolist()):
        if mode == "REFLECT" and (low >= size or high >= size) and (low or high):
            raise bad("MirrorPad", f"paddings must be less than the dimension size: {low}, {high} not less than {size}")
        if mode == "SYMMETRIC" and (low > size or high > size):
            raise bad(
                "MirrorPad", f"paddings must be no greater than the dimension size: {low}, {high} greater than {size}"
            )
    return xp(input).pad(input, paddings.tolist(), mode=mode.lower())


@export("pad", v1="")
def pad(tensor, paddings, mode="CONSTANT", constant_values=0, name=None):
    """tensor [d0, ...], paddings [rank, 2] -> padded with a constant, or by REFLECT or SYMMETRIC mirroring."""
    mode = mode.upper()
    if context.graph is not None:
        tensor = record.convert_to_tensor(tensor)
        paddings = record.convert_to_tensor(paddings, dtypes.int32 if not is_tensor(paddings) else None)
        static = _static_padded(tensor, paddings)
        if static is not None and mode in ("CONSTANT", "REFLECT", "SYMMETRIC"):
            return _pad_unknown(tensor, paddings, mode, constant_values, static, name)
    if mode == "CONSTANT":
        if not isinstance(constant_values, (Tensor, np.ndarray)) and constant_values == 0:
            return record.call(OPS["Pad"], [tensor, paddings], None, name)
        return record.call(
            OPS["PadV2"], [record.convert_to_tensor(tensor), paddings, _of_dtype(constant_values, tensor)], None, name
        )
    if mode not in ("REFLECT", "SYMMETRIC"):
        raise ValueError(
            'Value of argument `mode` expected to be one of "CONSTANT", "REFLECT", or "SYMMETRIC". Received `mode` = '
            f"{mode}"
        )
    return record.call(OPS["MirrorPad"], [tensor, paddings], {"mode": mode}, name)


def _static_padded(tensor, paddings):
    """What is known of the padded shape, (None,) for an unknown rank; None where the engine finds out by itself."""
    if record.static_value(paddings) is not None:
        return None
    shape, rows = tensor._shape_tuple(), paddings._shape_tuple()
    if shape is None and (rows is None or rows[0] is None):
        return (None,)
    if shape is None:
        return ((None,) * rows[0],)
    return (tuple([None if d is None or p is None else d + p for d, p in zip(shape, _amounts(paddings, len(shape)))]),)


def _amounts(paddings, rank):
    """How much is added to each dimension, None where only a run can tell."""
    node = paddings._slot.node
    if node.sig.op.type != "Pack" or len(node.ins) != rank:
        return [None] * rank
    out = []
    for row in node.ins:
        known = inference.constant_value(row)
        if known is None and row.node is not None and row.node.sig.op.type == "Pack":
            parts = [inference.constant_value(s) for s in row.node.ins]
            known = None if any(p is None for p in parts) else np.array(parts)
        out.append(None if known is None or known.size != 2 else int(known.sum()))
    return out


def _pad_unknown(tensor, paddings, mode, value, static, name):
    """tf.pad in a graph, by paddings that only a run can tell."""
    graph, zero = context.graph, mode == "CONSTANT" and not isinstance(value, Tensor) and np.all(value == 0)
    type = ("Pad" if zero else "PadV2") if mode == "CONSTANT" else "MirrorPad"
    inputs = [tensor, paddings] + ([_of_dtype(value, tensor)] if type == "PadV2" else [])
    sig = OPS[type].signature({"mode": mode} if type == "MirrorPad" else None)
    avals = (aval(tensor.dtype.base_dtype, static[0]),)
    return record.add_op(graph, sig, inputs, graph.op_name(name, type), avals=avals, single=True)


def _of_dtype(value, tensor):
    """`value` as a tensor of the dtype of `tensor`; a tensor stays what it is."""
    return (
        value
        if isinstance(value, Tensor)
        else record.convert_to_tensor(value, record.convert_to_tensor(tensor).dtype.base_dtype)
    )


@export("", v1="pad")
def pad_v1(tensor, paddings, mode="CONSTANT", name=None, constant_values=0):
    """TF1's argument order of tf.pad."""
    return pad(tensor, paddings, mode, constant_values, name)


# -- order along a dimension ------------------------------------------------------------------------------------------
@op("ReverseV2", static="axis", own="tensor", name="ReverseV2", twin=True)
def reverse_kernel(tensor, axis):
    """tensor [...] -> back to front along the dimensions in `axis`."""
    axes = []
    for a in axis.ravel().tolist():
        if not -tensor.ndim <= a < tensor.ndim:
            raise bad("ReverseV2", f"'axis'[{len(axes)}] = {a} is out of valid range [0, {tensor.ndim - 1}]")
        if a % tensor.ndim in axes:
            raise bad("ReverseV2", f"axis {a % tensor.ndim} specified more than once.")
        axes.append(a % tensor.ndim)
    return np.flip(tensor, axes) if isinstance(tensor, np.ndarray) else lax.rev(tensor, axes)


@export("reverse", v1="reverse reverse_v2 manip.reverse")
def reverse(tensor, axis, name=None):
    """tensor [...] -> back to front along the dimensions in `axis` (or where `axis`, one bool a dimension, says so)."""
    if not isinstance(axis, Tensor):
        listed = np.asarray(axis)
        if listed.dtype == bool:  # the form before TensorFlow 1.0
            axis = np.flatnonzero(listed).astype(np.int32)
    if context.graph is not None:
        tensor = record.convert_to_tensor(tensor)
        axis = record.convert_to_tensor(axis, dtypes.int32 if not is_tensor(axis) else None)
        if tensor._rank() is None or record.static_value(axis) is None:  # a run will tell whether the axes fit
            full, avals = context.graph.op_name(name, "ReverseV2"), (tensor._slot.aval,)
            return record.add_op(context.graph, OPS["ReverseV2"].sig, [tensor, axis], full, avals=avals, single=True)
    return record.call(OPS["ReverseV2"], [tensor, axis], None, name)


@op("ReverseSequence", own="seq_lengths", twin=lambda *args, **kw: reverse_sequence_on_host(*args, **kw))
def reverse_sequence_kernel(input, seq_lengths, *, seq_dim, batch_dim=0):
    """input [.., batch, .., time, ..] -> the first seq_lengths[b] steps of each sequence b back to front."""
    if seq_dim == batch_dim:
        raise bad("ReverseSequence", f"batch_dim == seq_dim == {seq_dim}")
    if seq_lengths.ndim != 1:
        raise bad("ReverseSequence", f"seq_lengths must be 1-dim, not {seq_lengths.ndim}")
    if seq_lengths.shape != (input.shape[batch_dim],):
        raise bad(
            "ReverseSequence",
            f"Length of seq_lengths != input.dims({batch_dim}), ({seq_lengths.size} vs. {input.shape[batch_dim]})",
        )
    n = input.shape[seq_dim]
    _check_lengths(seq_lengths, n)
    step = lax.broadcasted_iota(np.int32, (input.shape[batch_dim], n), 1)
    length = seq_lengths.astype(np.int32)[:, None]
    order = jnp.where(step < length, length - 1 - step, step)
    if batch_dim > seq_dim:
        order = order.T
    shape = [d if i in (batch_dim, seq_dim) else 1 for i, d in enumerate(input.shape)]
    if input.dtype == object:
        return np.take_along_axis(input, np.broadcast_to(np.asarray(order).reshape(shape), input.shape), seq_dim)
    return jnp.take_along_axis(input, jnp.broadcast_to(order.reshape(shape), input.shape), seq_dim)


def reverse_sequence_on_host(input, seq_lengths, *, seq_dim, batch_dim=0):
    """The kernel in NumPy, for any dtype."""
    if seq_dim == batch_dim or seq_lengths.shape != (input.shape[batch_dim],):
        return reverse_sequence_kernel.op.kernel(input, seq_lengths, seq_dim=seq_dim, batch_dim=batch_dim)
    out = input.copy()
    for b, n in enumerate(seq_lengths.tolist()):
        index = [slice(None)] * input.ndim
        index[batch_dim], index[seq_dim] = b, slice(0, n)
        row = np.moveaxis(np.expand_dims(input[tuple(index)], batch_dim), batch_dim, batch_dim)
        out[tuple(index)] = np.squeeze(np.flip(row, seq_dim), batch_dim)
    return out


@export("reverse_sequence", v1="")
def reverse_sequence(input, seq_lengths, seq_axis=None, batch_axis=None, name=None):
    """input [.., batch, .., time, ..] -> the first seq_lengths[b] steps of each sequence b back to front."""
    input = record.convert_to_tensor(input)
    rank = input._rank()
    seq_axis, batch_axis = record.setting(seq_axis), record.setting(batch_axis) or 0
    if rank is not None:
        for label, axis in (("seq_dim", seq_axis), ("batch_dim", batch_axis)):
            if not -rank <= axis < rank:
                message = f"{label} must be < input rank ({axis} vs. {rank})"
                raise bad("ReverseSequence", message) if context.graph is None else ValueError(message)
        seq_axis, batch_axis = seq_axis % rank, batch_axis % rank
    if context.graph is not None:
        return _reverse_sequence_in_graph(input, seq_lengths, seq_axis, batch_axis, name)
    seq_lengths = record.convert_to_tensor(seq_lengths)
    _check_lengths(seq_lengths._slot.value, input._shape_tuple()[seq_axis])
    return record.call(
        OPS["ReverseSequence"], [input, seq_lengths], {"seq_dim": seq_axis, "batch_dim": batch_axis}, name
    )


def _check_lengths(lengths, size):
    """Raises InvalidArgumentError for a known length that is negative or longer than a sequence."""
    if lengths.__class__ is np.ndarray:
        for i, n in enumerate(lengths.ravel().tolist()):
            if not 0 <= n <= size:
                said = f"seq_lens({i}) < 0" if n < 0 else f"seq_lens({i}) > input.dims, ({n} vs. {size})"
                raise bad("ReverseSequence", said)


def _reverse_sequence_in_graph(input, seq_lengths, seq_axis, batch_axis, name):
    """What fits is reversed in a run, and has the shape of the input."""
    seq_lengths = record.convert_to_tensor(seq_lengths)
    many, shape = seq_lengths._shape_tuple(), input._shape_tuple()
    if many is not None and len(many) != 1:
        raise ValueError(f"Shape must be rank 1 but is rank {len(many)} for 'ReverseSequence'")
    if many and shape and None not in (many[0], shape[batch_axis]) and many[0] != shape[batch_axis]:
        raise ValueError(f"Dimensions must be equal, but are {shape[batch_axis]} and {many[0]} for 'ReverseSequence'")
    sig = OPS["ReverseSequence"].signature({"seq_dim": seq_axis, "batch_dim": batch_axis})
    full = context.graph.op_name(name, "ReverseSequence")
    avals = (aval(input.dtype.base_dtype, shape),)
    return record.add_op(context.graph, sig, [input, seq_lengths], full, avals=avals, single=True)


@export("", v1="reverse_sequence")
def reverse_sequence_v1(input, seq_lengths, seq_axis=None, batch_axis=None, name=None, seq_dim=None, batch_dim=None):
    """TF1's tf.reverse_sequence, with `seq_dim` and `batch_dim` as older names."""
    seq_axis, batch_axis = (
        one_of("seq_axis", seq_axis, "seq_dim", seq_dim),
        one_of("batch_axis", batch_axis, "batch_dim", batch_dim),
    )
    return reverse_sequence(input, seq_lengths, seq_axis, batch_axis, name)


def _roll_axes(input, shift, axis):
    """The axes as a list, checked."""
    if input.ndim < 1:
        raise bad("Roll", "input must be 1-D or higher")
    for label, value in (("shift", shift), ("axis", axis)):
        if value.ndim > 1:
            raise bad("Roll", f"{label} must be a scalar or a 1-D vector. Found: {shapes_text(value.shape)}")
    axes, n = axis.ravel().tolist(), int(np.prod(shift.shape))
    if n != len(axes):
        raise bad("Roll", f"shift and axis must have the same size: {n} vs {len(axes)}")
    for a in axes:
        if not -input.ndim <= a < input.ndim:
            raise bad("Roll", f"axis {a} is out of range")
    return axes


def _rolled_on_host(input, shift, axis):
    axes = _roll_axes(input, shift, axis)
    return np.roll(input, tuple(shift.ravel().tolist()), tuple(axes))


@op("Roll", own="input shift", static="axis", twin=_rolled_on_host)
def roll_kernel(input, shift, axis):
    """input [...] -> moved by `shift` places along `axis` (scalars or vectors), what falls off re-enters."""
    axes, shifts = _roll_axes(input, shift, axis), jnp.asarray(shift).reshape(-1)
    for i, a in enumerate(axes):
        input = jnp.roll(input, shifts[i], a)
    return input


@export("roll", v1="roll manip.roll")
def roll(input, shift, axis, name=None):
    """input [...] -> moved by `shift` places along `axis` (scalars or vectors), what falls off re-enters."""
    if context.graph is None:
        return record.call(OPS["Roll"], [input, shift, axis], None, name)
    full = context.graph.op_name(name, "Roll")
    tensors = [record.convert_to_tensor(v, name=f"{full}/{k}/")
               for v, k in ((input, "input"), (shift, "shift"), (axis, "axis"))]  # fmt: skip
    ranks = [t._rank() for t in tensors]
    if ranks[0] == 0:
        raise ValueError(f"Shape must be at least rank 1 but is rank 0 for {full!r} (op: 'Roll')")
    for rank in ranks[1:]:
        if rank is not None and rank > 1:
            raise ValueError(f"Shape must be at most rank 1 but is rank {rank} for {full!r} (op: 'Roll')")
    if None not in ranks and tensors[1]._shape_tuple() != tensors[2]._shape_tuple():
        raise ValueError(f"both shapes must be equal for {full!r} (op: 'Roll'): {tensors[1].shape}, {tensors[2].shape}")
    same = (aval(tensors[0].dtype.base_dtype, tensors[0]._shape_tuple()),)  # what is out of range a run will tell
    return record.add_op(context.graph, OPS["Roll"].sig, tensors, full, avals=same, single=True)


# -- broadcasting -----------------------------------------------------------------------------------------------------
def _broadcast_unknown(input, shape):
    """The static shape of `input` repeated to a shape of which not all is known."""
    if shape is None:
        return None
    rank, given = len(shape), (None,) * len(shape) if input is None else input
    if len(given) > rank:
        raise bad("BroadcastTo", f"Rank of input ({len(given)}) must be no greater than rank of output shape ({rank}).")
    out = shape.tolist()
    if any(d is not None and d < 0 for d in out):
        raise bad("BroadcastTo", f"Dimensions must be >= 0: {shapes_text(out)}")
    for i, d in enumerate(given, rank - len(given)):
        if d not in (None, 1):
            if out[i] not in (None, d):
                raise bad("BroadcastTo", f"Incompatible shapes: {shapes_text(given)} vs. {shapes_text(out)}")
            out[i] = d
    return tuple(out)


@op("BroadcastTo", names="broadcast_to", static="shape", own="input", twin=True, results=_broadcast_unknown)
def broadcast_to_kernel(input, shape):
    """input [...] -> repeated to `shape`."""
    shape = tuple(shape.tolist())
    if len(shape) < input.ndim:
        raise bad(
            "BroadcastTo", f"Rank of input ({input.ndim}) must be no greater than rank of output shape ({len(shape)})."
        )
    for d in shape:
        if d < 0:
            raise bad("BroadcastTo", f"Dimension {d} must be >= 0")
    try:
        both = np.broadcast_shapes(input.shape, shape)
    except ValueError:
        raise bad("BroadcastTo", f"Incompatible shapes: {shapes_text(input.shape)} vs. {shapes_text(shape)}") from None
    if both != shape:
        said = f"tensor of shape {shapes_text(input.shape)} to tensor of shape {shapes_text(shape)}"
        raise bad("BroadcastTo", f"Unable to broadcast {said}")
    return xp(input).broadcast_to(input, shape)


@op(
    "BroadcastArgs", names="", static="s0 s1", twin=True,
    results=lambda s0, s1: (None if s0 is None or s1 is None else max(s0.size, s1.size),),
)  # fmt: skip
def broadcast_args_kernel(s0, s1):
    """The shape that tensors of the shapes s0 and s1 broadcast to."""
    return _broadcast_args(s0, s1)


def _broadcast_args(s0, s1):
    a, b = s0.tolist(), s1.tolist()
    n = max(len(a), len(b))
    out = []
    for x, y in zip([1] * (n - len(a)) + a, [1] * (n - len(b)) + b):
        if x != y and x != 1 and y != 1:
            raise bad("BroadcastArgs", f"Incompatible shapes: {shapes_text(a)} vs. {shapes_text(b)}")
        out.append(y if x == 1 else x)
    return np.array(out, s0.dtype)


@export("broadcast_dynamic_shape")
def broadcast_dynamic_shape(shape_x, shape_y):
    """The shape, an integer vector, that tensors of two shapes broadcast to."""
    shape_x, shape_y = record.convert_to_tensor(shape_x), record.convert_to_tensor(shape_y)
    if context.graph is None:
        return record.constant(_broadcast_args(shape_x._numpy(), shape_y._numpy()))
    return record.call(OPS["BroadcastArgs"], [shape_x, shape_y], None, None)


@export("broadcast_static_shape")
def broadcast_static_shape(shape_x, shape_y):
    """The TensorShape that two TensorShapes broadcast to.  Raises ValueError where they do not."""
    x, y = TensorShape(shape_x), TensorShape(shape_y)
    if x.rank is None or y.rank is None:
        return TensorShape(None)
    n = max(x.rank, y.rank)
    out = []
    for a, b in zip([1] * (n - x.rank) + x.as_list(), [1] * (n - y.rank) + y.as_list()):
        if a is not None and b is not None and a != b and a != 1 and b != 1:
            raise ValueError(f"Incompatible shapes for broadcasting: {x} and {y}")
        out.append(b if a == 1 else a if b == 1 or b is None and a is not None else b if a is None else a)
        if a is None and b is None or a is None and b == 1 or b is None and a == 1:
            out[-1] = None
    return TensorShape(out)
