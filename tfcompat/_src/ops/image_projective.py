"""Projective transforms of images: TensorFlow's ImageProjectiveTransformV2 and V3, which have no public name but tf.raw_ops."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from .. import dtypes, record
from ..declare import op
from .array import bad
from .image_shapes import check_elements
from .raw_array import raw

_TYPE = "ImageProjectiveTransformV3"
_MODES = ("REFLECT", "WRAP", "CONSTANT", "NEAREST")


def _folded(at, size, mode):
    """Positions [...] along a dimension of `size`, those outside of it brought inside as `mode` says; constants stay outside."""
    if mode == "REFLECT":
        if size <= 1:
            return jnp.zeros_like(at)
        period = 2 * size
        at = jnp.where(at < 0, at + period * jnp.trunc(-at / period), at)
        at = jnp.where(at < 0, jnp.where(at < -size, at + period, -at - 1), at)
        beyond = at - period * jnp.trunc(at / period)
        beyond = jnp.where(beyond >= size, period - beyond - 1, beyond)
        at = jnp.where(at > size - 1, beyond, at)
    elif mode == "WRAP":
        if size <= 1:
            return jnp.zeros_like(at)
        last = size - 1
        at = jnp.where(
            at < 0, at + size * (jnp.trunc(-at / last) + 1), jnp.where(at > last, at - size * jnp.trunc(at / last), at)
        )
    elif mode == "NEAREST":
        pass
    else:
        return at
    return jnp.clip(at, 0, max(size - 1, 0))


def _check(images, transforms, output_shape, fill_value, mode):
    if images.ndim != 4:
        raise bad(_TYPE, f"Input images must have rank 4, not {images.ndim}")
    if transforms.ndim != 2 or transforms.shape[1] != 8 or transforms.shape[0] not in (1, images.shape[0]):
        raise bad(_TYPE, f"Input transform should be num_images x 8 or 1 x 8, not {list(transforms.shape)}")
    if output_shape.shape != (2,):
        raise bad(_TYPE, f"output shape must have two elements, not {list(output_shape.shape)}")
    if min(output_shape.tolist()) <= 0:
        raise bad(_TYPE, f"output dimensions must be positive: {output_shape.tolist()}")
    check_elements(_TYPE, (images.shape[0], *output_shape, images.shape[3]))
    if np.ndim(fill_value):
        raise bad(_TYPE, f"fill_value must be a scalar, not of shape {list(np.shape(fill_value))}")
    if mode not in _MODES:
        raise bad(_TYPE, f"fill_mode must be one of {', '.join(_MODES)}, not {mode}")


@op(_TYPE, static="output_shape", own="images transforms fill_value", alike=False, name=_TYPE,
    dtypes="uint8 int32 int64 float16 bfloat16 float32 float64",
    shapes="images ? ? ? ?, transforms ? 8, output_shape 2, fill_value")  # fmt: skip
def projective_kernel(images, transforms, output_shape, fill_value, *, interpolation, fill_mode):
    """images [B, H, W, C], transforms [B or 1, 8] from places in the result to places in the images -> [B, *output_shape, C]."""
    _check(images, transforms, output_shape, fill_value, fill_mode)
    images, fill = jnp.asarray(images), jnp.asarray(fill_value).astype(images.dtype)
    return _seen(images, jnp.asarray(transforms, np.float32), fill, output_shape.tolist(), interpolation, fill_mode)


def _seen(images, transforms, fill, size, interpolation, fill_mode):
    """The images through the transforms; as in TensorFlow the gradient is what comes back, seen through the inverse transforms."""

    @jax.custom_vjp
    def seen(images, transforms, fill):
        return _transformed(images, transforms, fill, size, interpolation, fill_mode)

    def back(transforms, g):
        inverse = jnp.linalg.inv(jnp.pad(transforms, ((0, 0), (0, 1)), constant_values=1).reshape(-1, 3, 3))
        inverse = (inverse / inverse[:, 2:, 2:]).reshape(-1, 9)[:, :8]
        zero = jnp.zeros((), g.dtype)
        return _seen(g, inverse, zero, images.shape[1:3], interpolation, fill_mode), None, None

    seen.defvjp(lambda images, transforms, fill: (seen(images, transforms, fill), transforms), back)
    return seen(images, transforms, fill)


def _transformed(images, transforms, fill, size, interpolation, fill_mode):
    (rows, columns), (batch, height, width, _) = size, images.shape
    a = transforms[:, :, None, None]
    x, y = np.arange(columns, dtype=np.float32)[None, None], np.arange(rows, dtype=np.float32)[None, :, None]
    below = a[:, 6] * x + a[:, 7] * y + 1
    across, down = (a[:, 0] * x + a[:, 1] * y + a[:, 2]) / below, (a[:, 3] * x + a[:, 4] * y + a[:, 5]) / below
    across, down = _folded(across, width, fill_mode), _folded(down, height, fill_mode)
    across, down, below = (jnp.broadcast_to(v, (batch, rows, columns)) for v in (across, down, below))

    def pixel(j, i):
        inside = (j >= 0) & (j < height) & (i >= 0) & (i < width)
        j, i = (jnp.clip(v, 0, n - 1).astype(np.int32) for v, n in ((j, height), (i, width)))
        return jnp.where(inside[..., None], images[np.arange(batch)[:, None, None], j, i], fill)

    if interpolation == "NEAREST":
        half_away = lambda v: jnp.trunc(v + jnp.where(v < 0, np.float32(-0.5), np.float32(0.5)))
        out = pixel(half_away(down), half_away(across))
    else:
        top, left = jnp.floor(down), jnp.floor(across)
        part_y, part_x = (down - top)[..., None], (across - left)[..., None]
        wide = lambda j, i: pixel(j, i).astype(np.float64 if images.dtype == np.float64 else np.float32)
        upper = (1 - part_x) * wide(top, left) + part_x * wide(top, left + 1)
        lower = (1 - part_x) * wide(top + 1, left) + part_x * wide(top + 1, left + 1)
        out = ((1 - part_y) * upper + part_y * lower).astype(images.dtype)
    return jnp.where((below == 0)[..., None], fill, out)  # what lies at infinity


@raw(_TYPE)
def image_projective_transform_v3(
    images, transforms, output_shape, fill_value, interpolation, fill_mode="CONSTANT", name=None
):
    """images [B, H, W, C] seen through projective `transforms` [B or 1, 8]: x' = (a0 x + a1 y + a2) / (c0 x + c1 y + 1).

    `interpolation` is 'NEAREST' or 'BILINEAR'; `fill_mode` 'REFLECT', 'WRAP', 'CONSTANT' or 'NEAREST' says what lies outside.
    """
    images = record.convert_to_tensor(images, name="images")
    transforms, fill_value = (record.convert_to_tensor(v, dtypes.float32) for v in (transforms, fill_value))
    output_shape = record.convert_to_tensor(output_shape, dtypes.int32)
    settings = {"interpolation": interpolation.upper(), "fill_mode": fill_mode.upper()}
    if settings["interpolation"] not in ("NEAREST", "BILINEAR"):
        raise bad(_TYPE, f"interpolation must be NEAREST or BILINEAR, not {interpolation}")
    return record.call(projective_kernel.op, [images, transforms, output_shape, fill_value], settings, name)


@raw("ImageProjectiveTransformV2")
def image_projective_transform_v2(images, transforms, output_shape, interpolation, fill_mode="CONSTANT", name=None):
    """ImageProjectiveTransformV3 with zeros outside."""
    name = name or "ImageProjectiveTransformV2"
    return image_projective_transform_v3(images, transforms, output_shape, 0.0, interpolation, fill_mode, name)
