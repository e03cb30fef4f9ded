"""tf.image's random changes of brightness, contrast, hue, saturation and JPEG quality, by TensorFlow's random numbers."""

from __future__ import annotations

from .. import dtypes
from ..declare import export
from .image_codecs import adjust_jpeg_quality
from .image_colour import adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation
from .random import random_uniform
from .stateless_random import stateless_uniform


def _check_delta(max_delta, most=None):
    if most is not None and max_delta > most:
        raise ValueError(f"max_delta must be <= {most}. Received: {max_delta}")
    if max_delta < 0:
        raise ValueError(f"max_delta must be non-negative. Received: {max_delta}")


def _check_range(lower, upper):
    if upper <= lower:
        raise ValueError(f"upper must be > lower. Received: {lower}, {upper}")
    if lower < 0:
        raise ValueError(f"lower must be non-negative. Received: {lower}")


def _check_quality(low, high):
    if not (0 <= low <= 100 and 0 <= high <= 100):
        raise ValueError(f"jpeg encoding range must be between 0 and 100. Received: {low}, {high}")
    if low >= high:
        raise ValueError(f"`min_jpeg_quality` must be less than `max_jpeg_quality`. Received: {low}, {high}")


@export("image.random_brightness")
def random_brightness(image, max_delta, seed=None):
    """Brightness changed by a number from [-max_delta, max_delta)."""
    _check_delta(max_delta)
    return adjust_brightness(image, random_uniform([], -max_delta, max_delta, seed=seed))


@export("image.stateless_random_brightness", v1="")
def stateless_random_brightness(image, max_delta, seed):
    """tf.image.random_brightness as `seed`, two integers, alone decides."""
    _check_delta(max_delta)
    return adjust_brightness(image, stateless_uniform([], seed, -max_delta, max_delta))


@export("image.random_contrast")
def random_contrast(image, lower, upper, seed=None):
    """Contrast changed by a factor from [lower, upper)."""
    _check_range(lower, upper)
    return adjust_contrast(image, random_uniform([], lower, upper, seed=seed))


@export("image.stateless_random_contrast", v1="")
def stateless_random_contrast(image, lower, upper, seed):
    """tf.image.random_contrast as `seed`, two integers, alone decides."""
    _check_range(lower, upper)
    return adjust_contrast(image, stateless_uniform([], seed, lower, upper))


@export("image.random_hue")
def random_hue(image, max_delta, seed=None):
    """Hues turned by a number of turns from [-max_delta, max_delta); max_delta is in [0, 0.5]."""
    _check_delta(max_delta, 0.5)
    return adjust_hue(image, random_uniform([], -max_delta, max_delta, seed=seed))


@export("image.stateless_random_hue", v1="")
def stateless_random_hue(image, max_delta, seed):
    """tf.image.random_hue as `seed`, two integers, alone decides."""
    _check_delta(max_delta, 0.5)
    return adjust_hue(image, stateless_uniform([], seed, -max_delta, max_delta))


@export("image.random_saturation")
def random_saturation(image, lower, upper, seed=None):
    """Saturation changed by a factor from [lower, upper)."""
    _check_range(lower, upper)
    return adjust_saturation(image, random_uniform([], lower, upper, seed=seed))


@export("image.stateless_random_saturation", v1="")
def stateless_random_saturation(image, lower, upper, seed=None):
    """tf.image.random_saturation as `seed`, two integers, alone decides."""
    _check_range(lower, upper)
    return adjust_saturation(image, stateless_uniform([], seed, lower, upper))


@export("image.random_jpeg_quality")
def random_jpeg_quality(image, min_jpeg_quality, max_jpeg_quality, seed=None):
    """The image after JPEG encoding at a quality from [min_jpeg_quality, max_jpeg_quality)."""
    _check_quality(min_jpeg_quality, max_jpeg_quality)
    quality = random_uniform([], min_jpeg_quality, max_jpeg_quality, dtypes.int32, seed)
    return adjust_jpeg_quality(image, quality)


@export("image.stateless_random_jpeg_quality", v1="")
def stateless_random_jpeg_quality(image, min_jpeg_quality, max_jpeg_quality, seed):
    """tf.image.random_jpeg_quality as `seed`, two integers, alone decides."""
    _check_quality(min_jpeg_quality, max_jpeg_quality)
    quality = stateless_uniform([], seed, min_jpeg_quality, max_jpeg_quality, dtypes.int32)
    return adjust_jpeg_quality(image, quality)
