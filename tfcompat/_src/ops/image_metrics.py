"""Numbers about images: ssim, psnr, total variation, Sobel edges, image gradients."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, record
from ..declare import OPS, export, op
from ..scopes import name_scope
from .array import bad
from .image_colour import convert_image_dtype


# -- two images -------------------------------------------------------------------------------------------------------
def _check_pair(type, a, b):
    """Images [..., H, W, C] of equal last three dimensions, the others broadcasting; raises InvalidArgumentError."""
    if a.ndim < 3 or b.ndim < 3:
        raise bad(type, f"images must have at least three dimensions: {list(a.shape)}, {list(b.shape)}")
    if a.shape[-3:] != b.shape[-3:]:
        raise bad(type, f"assertion failed: {list(a.shape)} {list(b.shape)}: height, width and channels must be equal")
    for n, m in zip(a.shape[-4::-1], b.shape[-4::-1], strict=False):
        if n != m and 1 not in (n, m):
            raise bad(type, f"Two images are not compatible: {list(a.shape)} and {list(b.shape)}")


def _verify(a, b):
    """The same of static shapes, where known; raises ValueError."""
    first, second = a.shape.with_rank_at_least(3), b.shape.with_rank_at_least(3)
    if first.rank is None or second.rank is None:
        return
    first[-3:].assert_is_compatible_with(second[-3:])
    for n, m in zip(first.as_list()[-4::-1], second.as_list()[-4::-1], strict=False):
        if n != m and None not in (n, m) and 1 not in (n, m):
            raise ValueError(f"Two images are not compatible: {first} and {second}")


def _prepared(a, b, max_val):
    """Both images and the largest value as float32 on the scale of [0, 1]."""
    a, b = record.convert_to_tensor(a, name="img1"), record.convert_to_tensor(b, name="img2")
    _verify(a, b)
    most = convert_image_dtype(OPS["Cast"].public(max_val, dtype=a.dtype), dtypes.float32)
    return convert_image_dtype(a, dtypes.float32), convert_image_dtype(b, dtypes.float32), most


@op("PSNR", alike=False)
def psnr_kernel(a, b, max_val):
    """a, b [..., H, W, C], max_val [] -> [...]."""
    _check_pair("PSNR", a, b)
    error = jnp.mean(lax.square(a - b), (-3, -2, -1))
    return 20 * jnp.log(max_val) / np.float32(math.log(10.0)) - np.float32(10 / math.log(10)) * jnp.log(error)


@export("image.psnr")
def psnr(a, b, max_val, name=None):
    """The peak signal-to-noise ratio of images [..., H, W, C] in decibels, [...]; `max_val` is the range of their values."""
    with name_scope(name, "PSNR", [a, b]):
        return psnr_kernel(*_prepared(a, b, max_val))


def _window(size, sigma):
    x = np.arange(size, dtype=np.float32) - np.float32(size - 1) / 2
    g = np.exp(-0.5 * np.square(x) / np.square(np.float32(sigma)))
    return (g / g.sum()).astype(np.float32)


def _smoothed(x, window):
    """[..., H, W, C] weighted by the window along H and W, where it fits: shifts and sums, which XLA fuses."""
    for axis in (-3, -2):
        x = _weighted(x, axis % x.ndim, window)
    return x


def _weighted(x, axis, weights):
    n = x.shape[axis] - len(weights) + 1
    return sum([lax.slice_in_dim(x, i, i + n, axis=axis) * w for i, w in enumerate(weights) if w])


def _similarity(a, b, max_val, filter_size, filter_sigma, k1, k2):
    """(luminance, contrast and structure) at each place and channel."""
    if min(*a.shape[-3:-1], *b.shape[-3:-1]) < filter_size:
        raise bad("SSIM", f"assertion failed: {list(a.shape)} {list(b.shape)}: no room for a filter of {filter_size}")
    window = _window(filter_size, filter_sigma)
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    mean_a, mean_b = _smoothed(a, window), _smoothed(b, window)
    product, squares = mean_a * mean_b * 2, lax.square(mean_a) + lax.square(mean_b)
    luminance = (product + c1) / (squares + c1)
    cross, power = _smoothed(a * b, window) * 2, _smoothed(lax.square(a) + lax.square(b), window)
    return luminance, (cross - product + c2) / (power - squares + c2)


@op("SSIM", alike=False)
def ssim_kernel(img1, img2, max_val, *, filter_size, filter_sigma, k1, k2, return_index_map):
    """[..., H, W, C] -> [...], or the map [..., H', W']."""
    _check_pair("SSIM", img1, img2)
    luminance, structure = _similarity(img1, img2, max_val, filter_size, filter_sigma, k1, k2)
    value = luminance * structure
    return jnp.mean(value if return_index_map else jnp.mean(value, (-3, -2)), -1)


@export("image.ssim")
def ssim(img1, img2, max_val, filter_size=11, filter_sigma=1.5, k1=0.01, k2=0.03, return_index_map=False):
    """The structural similarity of images [..., H, W, C] (at least as large as the filter), [...]; or its map [..., H', W']."""
    with name_scope(None, "SSIM", [img1, img2]):
        settings = dict(filter_size=filter_size, filter_sigma=filter_sigma, k1=k1, k2=k2)
        return ssim_kernel(*_prepared(img1, img2, max_val), return_index_map=bool(return_index_map), **settings)


def _halved(x):
    """[..., H, W, C] -> means of 2 x 2, an odd row or column mirrored first."""
    pads = [(0, 0)] * (x.ndim - 3) + [(0, x.shape[-3] % 2), (0, x.shape[-2] % 2), (0, 0)]
    x = jnp.pad(x, pads, mode="symmetric") if x.shape[-3] % 2 or x.shape[-2] % 2 else x
    height, width, channels = x.shape[-3:]
    return jnp.mean(x.reshape(*x.shape[:-3], height // 2, 2, width // 2, 2, channels), (-4, -2))


@op("MultiscaleSSIM", alike=False)
def multiscale_kernel(img1, img2, max_val, *, power_factors, filter_size, filter_sigma, k1, k2):
    """[..., H, W, C] -> [...]."""
    _check_pair("MS-SSIM", img1, img2)
    parts = []
    for scale in range(len(power_factors)):
        if scale:
            img1, img2 = _halved(img1), _halved(img2)
        luminance, structure = _similarity(img1, img2, max_val, filter_size, filter_sigma, k1, k2)
        value = luminance * structure if scale == len(power_factors) - 1 else structure
        parts.append(jnp.maximum(jnp.mean(value, (-3, -2)), 0))
    powers = jnp.stack(parts, -1) ** np.asarray(power_factors, np.float32)
    return jnp.mean(jnp.prod(powers, -1), -1)


@export("image.ssim_multiscale")
def ssim_multiscale(
    img1, img2, max_val, power_factors=(0.0448, 0.2856, 0.3001, 0.2363, 0.1333), filter_size=11, filter_sigma=1.5, k1=0.01, k2=0.03
):  # fmt: skip
    """Structural similarity over as many scales as there are `power_factors`, each half the one before; [..., H, W, C] -> [...]."""
    with name_scope(None, "MS-SSIM", [img1, img2]):
        settings = dict(filter_size=filter_size, filter_sigma=filter_sigma, k1=k1, k2=k2)
        return multiscale_kernel(*_prepared(img1, img2, max_val), power_factors=tuple(power_factors), **settings)


# -- one image --------------------------------------------------------------------------------------------------------
@export("image.total_variation")
def total_variation(images, name=None):
    """The sum of absolute differences of neighbouring pixels: [H, W, C] -> [], [B, H, W, C] -> [B].  ValueError for another rank."""
    with name_scope(name, "total_variation"):
        images = record.convert_to_tensor(images)
        if images.shape.rank not in (3, 4):
            raise ValueError(f"'images' must be either 3 or 4-dimensional. Received: {images.shape}")
        axis = None if images.shape.rank == 3 else [1, 2, 3]
        total, size = OPS["Sum"].public, OPS["Abs"].public
        down = images[..., 1:, :, :] - images[..., :-1, :, :]
        right = images[..., 1:, :] - images[..., :-1, :]
        return total(size(down), axis) + total(size(right), axis)


@op("ImageGradients", name="Reshape")
def image_gradients_kernel(image):
    """[B, H, W, C] -> (dy, dx), zero in the last row and the last column."""
    dy, dx = image[:, 1:] - image[:, :-1], image[:, :, 1:] - image[:, :, :-1]
    none = (0, 0)
    return jnp.pad(dy, (none, (0, 1), none, none)), jnp.pad(dx, (none, none, (0, 1), none))


@export("image.image_gradients")
def image_gradients(image):
    """[B, H, W, C] -> (dy, dx), the differences to the next row and column; ValueError for another rank."""
    image = record.convert_to_tensor(image)
    if image.shape.rank != 4:
        raise ValueError(f"image_gradients expects a 4D tensor [batch_size, h, w, d], not {image.shape}.")
    return tuple(image_gradients_kernel(image))


@op("SobelEdges", dtypes="float16 bfloat16 float32 float64")
def sobel_kernel(image):
    """[B, H, W, C] -> [B, H, W, C, 2]: by rows, by columns; the border mirrored."""
    if image.ndim != 4:
        raise bad("SobelEdges", f"image must be 4-dimensional: {list(image.shape)}")
    x = jnp.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    dy = _weighted(_weighted(x, 1, (-1, 0, 1)), 2, (1, 2, 1))
    dx = _weighted(_weighted(x, 2, (-1, 0, 1)), 1, (1, 2, 1))
    return jnp.stack([dy, dx], -1)


@export("image.sobel_edges")
def sobel_edges(image):
    """[B, H, W, C] -> [B, H, W, C, 2], the image's slopes dy and dx by Sobel's filters."""
    return sobel_kernel(image)
