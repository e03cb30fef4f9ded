"""Tensors repeated, padded, turned around and broadcast."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import record
from ..declare import OPS, export, op
from ..graph import context
from ..shapes import TensorShape
from ..tensor import Tensor
from .array import bad, one_of, shapes_text, xp


# -- repeating and padding --------------------------------------------------------------------------------------------
@op("Tile", names="tile", v1="tile manip.tile", static="multiples", own="input", twin=True)
def tile_kernel(input, multiples):
    """input [d0, ...], multiples [m0, ...] -> [d0 * m0, ...]."""
    if multiples.shape != (input.ndim,):
        raise bad(
            "Tile", f"Expected multiples argument to be a vector of length {input.ndim} but got length {multiples.size}"
        )
    for i, m in enumerate(multiples.tolist()):
        if m < 0:
            raise bad("Tile", f"Expected multiples[{i}] >= 0, but got {m}")
    return xp(input).tile(input, tuple(multiples.tolist()))


@op("Pad", static="paddings", own="tensor", twin=True)
def pad_kernel(tensor, paddings):
    """tensor [d0, ...], paddings [rank, 2] -> zeros put before and after each dimension."""
    return _padded("Pad", tensor, paddings, np.zeros((), tensor.dtype))


@op("PadV2", static="paddings", own="tensor", name="PadV2", twin=True)
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
    if tensor.dtype == object:
        raise bad(type, "Value for attr 'T' of string is not in the list of allowed values")
    if isinstance(tensor, np.ndarray) and isinstance(value, np.ndarray):
        return np.pad(tensor, paddings.tolist(), constant_values=value.reshape(()))
    return lax.pad(
        tensor, jnp.asarray(value, tensor.dtype).reshape(()), [(low, high, 0) for low, high in paddings.tolist()]
    )


@op("MirrorPad", static="paddings", own="input", twin=True)
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
    return record.call(OPS["ReverseV2"], [tensor, axis], None, name)


@op("ReverseSequence", own="seq_lengths")
def reverse_sequence_kernel(input, seq_lengths, *, seq_dim, batch_dim=0):
    """input [.., batch, .., time, ..] -> the first seq_lengths[b] steps of each sequence b back to front."""
    if seq_lengths.shape != (input.shape[batch_dim],):
        raise bad(
            "ReverseSequence",
            f"Length of seq_lengths != input.dims({batch_dim}), ({seq_lengths.size} vs. {input.shape[batch_dim]})",
        )
    n = input.shape[seq_dim]
    step = lax.broadcasted_iota(np.int32, (input.shape[batch_dim], n), 1)
    length = seq_lengths.astype(np.int32)[:, None]
    order = jnp.where(step < length, length - 1 - step, step)
    if batch_dim > seq_dim:
        order = order.T
    shape = [d if i in (batch_dim, seq_dim) else 1 for i, d in enumerate(input.shape)]
    return jnp.take_along_axis(input, jnp.broadcast_to(order.reshape(shape), input.shape), seq_dim)


@export("reverse_sequence", v1="")
def reverse_sequence(input, seq_lengths, seq_axis=None, batch_axis=None, name=None):
    """input [.., batch, .., time, ..] -> the first seq_lengths[b] steps of each sequence b back to front."""
    input = record.convert_to_tensor(input)
    rank = input._rank()
    seq_axis, batch_axis = record.setting(seq_axis), record.setting(batch_axis) or 0
    if rank is not None:
        seq_axis, batch_axis = seq_axis % rank, batch_axis % rank
    return record.call(
        OPS["ReverseSequence"], [input, seq_lengths], {"seq_dim": seq_axis, "batch_dim": batch_axis}, name
    )


@export("", v1="reverse_sequence")
def reverse_sequence_v1(input, seq_lengths, seq_axis=None, batch_axis=None, name=None, seq_dim=None, batch_dim=None):
    """TF1's tf.reverse_sequence, with `seq_dim` and `batch_dim` as older names."""
    seq_axis, batch_axis = (
        one_of("seq_axis", seq_axis, "seq_dim", seq_dim),
        one_of("batch_axis", batch_axis, "batch_dim", batch_dim),
    )
    return reverse_sequence(input, seq_lengths, seq_axis, batch_axis, name)


@op("Roll", own="input shift", static="axis")
def roll_kernel(input, shift, axis):
    """input [...] -> moved by `shift` places along `axis` (scalars or vectors), what falls off re-enters."""
    shifts, axes = jnp.asarray(shift).reshape(-1), axis.ravel().tolist()
    if shifts.shape[0] != len(axes):
        raise bad("Roll", f"shift and axis must have the same size: {shifts.shape[0]} vs {len(axes)}")
    for i, a in enumerate(axes):
        if not -input.ndim <= a < input.ndim:
            raise bad("Roll", f"axis {a} is out of range")
        input = jnp.roll(input, shifts[i], a)
    return input


@export("roll", v1="roll manip.roll")
def roll(input, shift, axis, name=None):
    """input [...] -> moved by `shift` places along `axis` (scalars or vectors), what falls off re-enters."""
    return record.call(OPS["Roll"], [input, shift, axis], None, name)


# -- broadcasting -----------------------------------------------------------------------------------------------------
@op("BroadcastTo", names="broadcast_to", static="shape", own="input", twin=True)
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
        fits = np.broadcast_shapes(input.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise bad("BroadcastTo", f"Incompatible shapes: {shapes_text(input.shape)} vs. {shapes_text(shape)}")
    return xp(input).broadcast_to(input, shape)


@op("BroadcastArgs", names="", static="s0 s1", twin=True)
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
