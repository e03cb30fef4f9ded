"""Cutting signals into frames, and putting them together again."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np

from .. import errors, record
from ..declare import OPS, export, op
from ..scopes import name_scope


def _scalar(name, value):
    """A static input that must be one integer."""
    value = np.asarray(value)
    if value.ndim:
        raise ValueError(f"{name}: Shape {value.shape} must have rank 0")
    return int(value)


@op("Frame", "", static="frame_length frame_step axis", own="signal pad_value")
def frame_kernel(signal, frame_length, frame_step, pad_value, axis, *, pad_end=False):
    length, step, axis = _scalar("frame_length", frame_length), _scalar("frame_step", frame_step), int(axis)
    if step <= 0 or length < 0:
        raise errors.InvalidArgumentError(
            None, None, f"frame_length {length} must not be negative, frame_step {step} must be positive [Op:Frame]"
        )
    axis %= signal.ndim
    n = signal.shape[axis]
    if pad_end:
        frames = -(-n // step)
        missing = max(0, length + step * (frames - 1) - n)
        widths = [(0, missing if d == axis else 0) for d in range(signal.ndim)]
        signal = jnp.pad(signal, widths, constant_values=jnp.asarray(pad_value, signal.dtype))
    else:
        frames = max(0, 1 + (n - length) // step)
    before, after = signal.shape[:axis], signal.shape[axis + 1 :]
    if 0 in (frames, length) or 0 in signal.shape:
        return jnp.zeros((*before, frames, length, *after), signal.dtype)
    # Pieces of which frames and steps are multiples are moved as they are: fewer places to gather from.
    piece = math.gcd(length, step)
    pieces = signal.shape[axis] // piece
    whole = signal[(slice(None),) * axis + (slice(0, pieces * piece),)].reshape(*before, pieces, piece, *after)
    places = np.arange(frames)[:, None] * (step // piece) + np.arange(length // piece)
    return jnp.take(whole, places, axis=axis).reshape(*before, frames, length, *after)


@export("signal.frame")
def frame(signal, frame_length, frame_step, pad_end=False, pad_value=0, axis=-1, name=None):
    """signal [..., n, ...] -> [..., frames, frame_length, ...]: frames along `axis`, `frame_step` apart.

    `pad_end` adds frames that `pad_value` fills up.  Raises ValueError where a size is no scalar.
    """
    with name_scope(name, "frame", [signal, frame_length, frame_step, pad_value]):
        signal = record.convert_to_tensor(signal, name="signal")
        if signal._rank() == 0:
            raise ValueError(f"Shape {signal.shape} must have rank at least 1")
        pad_value = record.convert_to_tensor(pad_value, None if _is_tensor(pad_value) else signal.dtype)
        scalars = {"frame_length": frame_length, "frame_step": frame_step, "axis": axis, "pad_value": pad_value}
        for key, value in scalars.items():
            rank = value._rank() if _is_tensor(value) else np.ndim(value)
            if rank not in (None, 0):
                raise ValueError(f"{key}: Shape {value} must have rank 0")
        inputs = [signal, frame_length, frame_step, pad_value, axis]
        return record.call(OPS["Frame"], inputs, {"pad_end": bool(pad_end)}, None)


def _is_tensor(value):
    return isinstance(value, record.Tensor)


@op("OverlapAndAdd", "", static="frame_step", own="signal")
def overlap_and_add_kernel(signal, frame_step):
    step, (frames, length) = int(frame_step), signal.shape[-2:]
    outer = signal.shape[:-2]
    total = length + step * (frames - 1)
    if 0 in signal.shape:
        return jnp.zeros((*outer, max(total, 0)), signal.dtype)
    if step == length:
        return signal.reshape(*outer, total)
    if step <= 0:
        raise errors.InvalidArgumentError(None, None, f"frame_step must be positive: {step} [Op:OverlapAndAdd]")
    parts = -(-length // step)  # how many frames overlap at most
    signal = jnp.pad(signal, [(0, 0)] * (len(outer) + 1) + [(0, parts * step - length)])
    # Part p of a frame belongs p steps later: with `parts` empty rows after each part's frames and one of them taken
    # away again, a plain reshape has moved it there.
    signal = jnp.swapaxes(signal.reshape(*outer, frames, parts, step), -2, -3)
    signal = jnp.pad(signal, [(0, 0)] * (len(outer) + 1) + [(0, parts), (0, 0)])
    signal = signal.reshape(*outer, parts * (frames + parts), step)[..., : parts * (frames + parts - 1), :]
    summed = signal.reshape(*outer, parts, frames + parts - 1, step).sum(-3, dtype=signal.dtype)
    return summed.reshape(*outer, (frames + parts - 1) * step)[..., :total]


@export("signal.overlap_and_add")
def overlap_and_add(signal, frame_step, name=None):
    """signal [..., frames, frame_length] -> [..., n]: the frames added up where they overlap, `frame_step` apart."""
    with name_scope(name, "overlap_and_add", [signal, frame_step]):
        signal = record.convert_to_tensor(signal, name="signal")
        if signal._rank() is not None and signal._rank() < 2:
            raise ValueError(f"Shape {signal.shape} must have rank at least 2")
        step = frame_step if _is_tensor(frame_step) else record.convert_to_tensor(frame_step, name="frame_step")
        if step._rank() not in (None, 0):
            raise ValueError(f"frame_step: Shape {step.shape} must have rank 0")
        if not step.dtype.is_integer:
            raise ValueError(f"frame_step must be an integer. Got {step.dtype!r}")
        return record.call(
            OPS["OverlapAndAdd"], [signal, frame_step if not _is_tensor(frame_step) else step], None, None
        )
