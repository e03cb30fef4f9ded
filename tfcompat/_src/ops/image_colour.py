"""tf.image's colours: conversions between dtypes and colour spaces, and adjust_* of brightness, contrast, hue, saturation, gamma."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..graph import context
from ..scopes import name_scope
from .arithmetic import saturate_cast
from .array import bad
from .image_shapes import demand, image_tensor, known, shape_fault

_FLOATS = "float16 bfloat16 float32 float64"


# -- dtypes -----------------------------------------------------------------------------------------------------------
@export("image.convert_image_dtype")
def convert_image_dtype(image, dtype, saturate=False, name=None):
    """`image` as `dtype`: integers span their range, floats [0, 1]; `saturate` keeps what would overflow at the ends.

    Raises AttributeError for dtypes that are neither integer nor floating point.
    """
    image = record.convert_to_tensor(image, name="image")
    dtype, have = dtypes.as_dtype(dtype).base_dtype, image.dtype.base_dtype
    if not dtype.is_floating and not dtype.is_integer:
        raise AttributeError(f"dtype must be either floating point or integer. Received: {dtype.name}")
    if not have.is_floating and not have.is_integer:
        raise AttributeError(f"image dtype must be either floating point or integer. Received: {have.name}")
    if dtype is have:
        return OPS["Identity"].public(image, name=name)
    cast, multiply = OPS["Cast"].public, OPS["Mul"].public
    with name_scope(name, "convert_image", [image]) as scope:
        convert = saturate_cast if saturate else cast
        if have.is_integer and dtype.is_integer:
            if have.max > dtype.max:
                scaled = OPS["FloorDiv"].public(image, (int(have.max) + 1) // (int(dtype.max) + 1))
                return convert(scaled, dtype, name=scope)
            return multiply(convert(image, dtype), (int(dtype.max) + 1) // (int(have.max) + 1), name=scope)
        if have.is_floating and dtype.is_floating:
            return cast(image, dtype, name=scope)
        if have.is_integer:
            return multiply(cast(image, dtype), 1.0 / int(have.max), name=scope)
        return convert(multiply(image, int(dtype.max) + 0.5), dtype, name=scope)


def _adjusted(image, scope_name, inputs, change, saturate, name=None):
    """`change` of the image as float32 (float16 and float32 stay what they are), converted back."""
    with name_scope(name, scope_name, inputs) as scope:
        image = record.convert_to_tensor(image, name="image")
        have = image.dtype.base_dtype
        if have not in (dtypes.float16, dtypes.float32):
            image = convert_image_dtype(image, dtypes.float32)
        return convert_image_dtype(change(image, scope), have, saturate=saturate)


# -- kernels ----------------------------------------------------------------------------------------------------------
def _check_channels(type, images, what="input", rank=1, error=errors.InvalidArgumentError):
    if images.ndim < rank:
        raise bad(
            type, f"{what} must be at least {rank}-D: Shape must be at least rank {rank} but is rank {images.ndim}"
        )
    if images.shape[-1] != 3:
        said = f"{what} must have 3 channels but instead has {images.shape[-1]} channels. [Op:{type}]"
        raise error(None, None, said)


def _hsv(rgb):
    """(hue, saturation, value), each [..., 1], hue in [0, 1)."""
    r, g, b = rgb[..., :1], rgb[..., 1:2], rgb[..., 2:]
    value = jnp.maximum(r, jnp.maximum(g, b))
    spread = value - jnp.minimum(r, jnp.minimum(g, b))
    saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1), 0)
    unit = 1 / (6 * jnp.where(spread > 0, spread, 1))
    hue = jnp.where(r == value, (g - b) * unit, jnp.where(g == value, (b - r) * unit + 2 / 6, (r - g) * unit + 4 / 6))
    hue = jnp.where(spread > 0, hue, 0)
    return jnp.where(hue < 0, hue + 1, hue), saturation, value


def _pure(sextants):
    """The fully saturated colour of a hue in [0, 6], float [..., 1] -> [..., 3]."""
    red, green, blue = (jnp.abs(sextants - k) for k in (3, 2, 4))
    return jnp.clip(jnp.concatenate([red - 1, 2 - green, 2 - blue], -1), 0, 1)


def _rgb(hue, saturation, value):
    return value * ((1 - saturation) + saturation * _pure(hue * 6))


@op("RGBToHSV", names="image.rgb_to_hsv", dtypes=_FLOATS, name="RGBToHSV", shapes="images ... 3")
def rgb_to_hsv(images):
    """[..., 3] in [0, 1] -> hue, saturation and value, [..., 3] in [0, 1]."""
    _check_channels("RGBToHSV", images, error=errors.FailedPreconditionError)
    return jnp.concatenate(_hsv(images), -1)


@op("HSVToRGB", names="image.hsv_to_rgb", dtypes=_FLOATS, name="HSVToRGB", differentiable=False, shapes="images ... 3")
def hsv_to_rgb(images):
    """Hue, saturation and value [..., 3] in [0, 1] -> [..., 3] in [0, 1]."""
    _check_channels("HSVToRGB", images, error=errors.FailedPreconditionError)
    return _rgb(images[..., :1], images[..., 1:2], images[..., 2:])


@op("AdjustHue", own="delta", alike=False, name="AdjustHue", shapes="images ... 3, delta")
def adjust_hue_kernel(images, delta):
    """images [..., 3], delta [] -> hues turned by `delta` turns."""
    _check_channels("AdjustHue", images, rank=3)
    _check_scalar("AdjustHue", "delta", delta)
    x = images.astype(np.float32)
    hue = _hsv(x)[0] * 6 + delta.astype(np.float32) * 6
    hue = hue - 6 * jnp.floor(hue / 6)
    low = jnp.min(x, -1, keepdims=True)
    return (low + (jnp.max(x, -1, keepdims=True) - low) * _pure(hue)).astype(images.dtype)


@op("AdjustSaturation", own="scale", alike=False, name="AdjustSaturation", shapes="images ... 3, scale")
def adjust_saturation_kernel(images, scale):
    """images [..., 3], scale [] -> saturation times `scale`, at most one."""
    _check_channels("AdjustSaturation", images, rank=3)
    _check_scalar("AdjustSaturation", "scale", scale)
    hue, saturation, value = _hsv(images.astype(np.float32))
    return _rgb(hue, jnp.clip(saturation * scale.astype(np.float32), 0, 1), value).astype(images.dtype)


@op("AdjustContrastv2", own="contrast_factor", alike=False, name="AdjustContrastv2", shapes="contrast_factor")
def adjust_contrast_kernel(images, contrast_factor):
    """images [.., H, W, C], contrast_factor [] -> distances from each channel's mean over H and W, times the factor."""
    if images.ndim < 3:
        raise bad(
            "AdjustContrastv2", f"input must be at least 3-D: Shape must be at least rank 3 but is rank {images.ndim}"
        )
    _check_scalar("AdjustContrastv2", "contrast_factor", contrast_factor)
    x = images.astype(np.float32)
    mean = jnp.mean(x, (-3, -2), keepdims=True)
    return ((x - mean) * contrast_factor.astype(np.float32) + mean).astype(images.dtype)


def _check_scalar(type, name, value):
    if value.ndim:
        raise bad(type, f"{name} must be scalar: Shape must be rank 0 but is rank {value.ndim}")


@op("TensordotColours", name="Tensordot", dtypes=_FLOATS, shapes="images ... 3")
def colours_kernel(images, *, weights):
    """[..., 3] times the matrix `weights` of 3 rows."""
    matrix = np.asarray(weights, images.dtype)
    if images.shape[-1:] != matrix.shape[:1]:
        raise bad("MatMul", f"Matrix size-incompatible: In[0]: {list(images.shape)}, In[1]: {list(matrix.shape)}")
    return jnp.tensordot(images, matrix, 1, precision=lax.Precision.HIGHEST)


# -- colour spaces ----------------------------------------------------------------------------------------------------
_GRAY = ((0.2989,), (0.587,), (0.114,))
_YIQ = ((0.299, 0.59590059, 0.2115), (0.587, -0.27455667, -0.52273617), (0.114, -0.32134392, 0.31119955))
_YIQ_BACK = ((1, 1, 1), (0.95598634, -0.27201283, -1.10674021), (0.6208248, -0.64720424, 1.70423049))
_YUV = ((0.299, -0.14714119, 0.61497538), (0.587, -0.28886916, -0.51496512), (0.114, 0.43601035, -0.10001026))
_YUV_BACK = ((1, 1, 1), (0, -0.394642334, 2.03206185), (1.13988303, -0.58062185, 0))


@export("image.rgb_to_grayscale")
def rgb_to_grayscale(images, name=None):
    """[..., 3] -> brightness [..., 1] in the same dtype."""
    with name_scope(name, "rgb_to_grayscale", [images]) as scope:
        images = record.convert_to_tensor(images, name="images")
        gray = colours_kernel(convert_image_dtype(images, dtypes.float32), weights=_GRAY)
        return convert_image_dtype(gray, images.dtype, name=scope)


def _gray_fault(shape):
    if len(shape) < 2:
        return f"A grayscale image (shape {tuple(shape)}) must be at least two-dimensional."
    if None not in shape and shape[-1] != 1:
        return f"Last dimension of a grayscale image should be size 1. Received: shape {tuple(shape)}"
    return None


@op("GrayscaleToRGB", name="Tile", shapes="images ... 1")
def grayscale_to_rgb_kernel(images):
    """[..., 1] -> [..., 3]."""
    said = _gray_fault(images.shape)
    if said:
        raise bad("Tile", said)
    return jnp.concatenate([images] * 3, -1)


@export("image.grayscale_to_rgb")
def grayscale_to_rgb(images, name=None):
    """[..., 1] -> three equal channels [..., 3].  Raises ValueError for another number of channels."""
    with name_scope(name, "grayscale_to_rgb", [images]) as scope:
        images = image_tensor(images, _gray_fault)
        rank = images.shape.rank
        if context.graph is not None and rank is not None and rank < 3 and None in images.shape.as_list():
            # Of sizes not all known TensorFlow asserts a rank of three, whatever the message says.
            raise bad("Tile", _gray_fault((None,)))
        rgb = grayscale_to_rgb_kernel(images, name=scope)
        if context.graph is not None and images.shape.rank is not None:
            rgb.set_shape([*images.shape.as_list()[:-1], 3])
        return rgb


@export("image.rgb_to_yiq")
def rgb_to_yiq(images):
    """[..., 3] in [0, 1] -> luma and the chrominances of NTSC, [..., 3]."""
    return colours_kernel(images, weights=_YIQ)


@export("image.yiq_to_rgb")
def yiq_to_rgb(images):
    """The inverse of tf.image.rgb_to_yiq."""
    return colours_kernel(images, weights=_YIQ_BACK)


@export("image.rgb_to_yuv")
def rgb_to_yuv(images):
    """[..., 3] in [0, 1] -> luma and the chrominances of PAL, [..., 3]."""
    return colours_kernel(images, weights=_YUV)


@export("image.yuv_to_rgb")
def yuv_to_rgb(images):
    """The inverse of tf.image.rgb_to_yuv."""
    return colours_kernel(images, weights=_YUV_BACK)


# -- adjustments ------------------------------------------------------------------------------------------------------
def _as(value, image):
    """`value` in the image's dtype, tensors cast."""
    if isinstance(value, record.Tensor):
        return value if value.dtype.base_dtype is image.dtype else OPS["Cast"].public(value, dtype=image.dtype)
    return record.convert_to_tensor(value, image.dtype)


@export("image.adjust_brightness")
def adjust_brightness(image, delta):
    """`delta` added to the image, on the scale where colours are [0, 1]."""
    add = lambda x, scope: OPS["AddV2"].public(x, _as(delta, x), name=scope)
    return _adjusted(image, "adjust_brightness", [image, delta], add, saturate=True)


@export("image.adjust_contrast")
def adjust_contrast(images, contrast_factor):
    """Distances from each channel's mean, image by image, times `contrast_factor`."""

    def change(x, scope):
        factor = record.convert_to_tensor(contrast_factor, dtypes.float32)
        return adjust_contrast_kernel(x, factor, name=scope)

    return _adjusted(images, "adjust_contrast", [images, contrast_factor], change, saturate=True)


@export("image.adjust_gamma")
def adjust_gamma(image, gamma=1, gain=1):
    """gain * image ** gamma.  Raises ValueError for a negative `gamma`, InvalidArgumentError where it is a tensor."""

    def change(x, scope):
        # A graph finds a tensor's fault when it runs, a constant's too.
        number = gamma if isinstance(gamma, record.Tensor) and context.graph is not None else known(gamma)
        message = "Gamma should be a non-negative real number."
        x = demand(x, [(number >= 0, message)])
        return _as(gain, x) * x ** _as(number, x)

    return _adjusted(image, "adjust_gamma", [image, gamma, gain], change, saturate=True)


@export("image.adjust_hue")
def adjust_hue(image, delta, name=None):
    """Hues turned by `delta` turns, in [-1, 1] (eagerly ValueError otherwise)."""
    if context.graph is None:
        turn = known(delta)
        if np.ndim(turn) == 0 and not -1 <= turn <= 1:
            raise ValueError(f"delta must be in the interval [-1, 1]. Received: {turn}")
    change = lambda x, scope: adjust_hue_kernel(x, record.convert_to_tensor(delta, dtypes.float32))
    return _adjusted(image, "adjust_hue", [image], change, saturate=False, name=name)


@export("image.adjust_saturation")
def adjust_saturation(image, saturation_factor, name=None):
    """Saturation times `saturation_factor`, at most one."""
    change = lambda x, scope: adjust_saturation_kernel(x, record.convert_to_tensor(saturation_factor, dtypes.float32))
    return _adjusted(image, "adjust_saturation", [image], change, saturate=False, name=name)


@op("PerImageStandardization", name="truediv")
def standardization_kernel(image):
    """[.., H, W, C] -> mean zero and deviation one, the deviation taken for no less than 1 / sqrt(H W C)."""
    said = shape_fault(image.shape)
    if said:
        raise bad("per_image_standardization", said)
    axes = (-3, -2, -1)
    x = image.astype(np.float32)
    x = x - jnp.mean(x, axes, keepdims=True)
    deviation = jnp.sqrt(jnp.mean(x * x, axes, keepdims=True))
    return x / jnp.maximum(deviation, np.float32(1) / np.sqrt(np.float32(np.prod(image.shape[-3:]))))


@export("image.per_image_standardization", v1="image.per_image_standardization image.per_image_whitening")
def per_image_standardization(image):
    """The image, or each of a batch, with mean zero and deviation one -> float32."""
    with name_scope(None, "per_image_standardization", [image]) as scope:
        return standardization_kernel(image_tensor(image, shape_fault), name=scope)
