"""tf.image's flips and turns, and the random flips, of one image [height, width, channels] or a batch of them."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .. import dtypes, record
from ..declare import OPS, export, op
from ..scopes import name_scope
from .image_shapes import check_traced, image_tensor
from .random import random_uniform
from .stateless_random import stateless_uniform


# -- flips ------------------------------------------------------------------------------------------------------------
def _flip(image, axis, scope_name):
    with name_scope(None, scope_name, [image]):
        return OPS["ReverseV2"].public(image_tensor(image), [axis])


@export("image.flip_left_right")
def flip_left_right(image):
    """The image or images mirrored left to right.  Raises ValueError for another rank than 3 or 4."""
    return _flip(image, -2, "flip_left_right")


@export("image.flip_up_down")
def flip_up_down(image):
    """The image or images upside down.  Raises ValueError for another rank than 3 or 4."""
    return _flip(image, -3, "flip_up_down")


# -- turns ------------------------------------------------------------------------------------------------------------
@op("ImageRot90", static="k", own="image", name="rot90", alike=False)
def rot90_kernel(image, k):
    """[.., H, W, C] turned counter-clockwise by k quarters."""
    check_traced("rot90", image)
    return jnp.rot90(image, int(k), axes=(-3, -2))


@op("ImageTranspose", name="Transpose")
def transpose_kernel(image):
    """[.., H, W, C] -> [.., W, H, C]."""
    check_traced("transpose", image)
    return jnp.swapaxes(image, -3, -2)


@export("image.rot90")
def rot90(image, k=1, name=None):
    """The image or images turned counter-clockwise by 90 degrees `k` times (a number or a scalar tensor)."""
    with name_scope(name, "rot90", [image, k]) as scope:
        image = image_tensor(image)
        k = record.convert_to_tensor(k, dtypes.int32, name="k")
        k.shape.assert_has_rank(0)
        return record.call(rot90_kernel.op, [image, k], None, scope)


@export("image.transpose", v1="image.transpose image.transpose_image")
def transpose(image, name=None):
    """The image or images with height and width exchanged."""
    with name_scope(name, "transpose", [image]):
        image = image_tensor(image)
        if image.shape.rank is None:
            return transpose_kernel(image)
        return OPS["Transpose"].public(image, [1, 0, 2] if image.shape.rank == 3 else [0, 2, 1, 3])


# -- random flips -----------------------------------------------------------------------------------------------------
@op("ImageRandomFlip", own="draws", name="cond", results=lambda image, draws, *, axis: image)
def random_flip_kernel(image, draws, *, axis):
    """One image is mirrored where its draw is below a half, one of a batch where it is above: as TensorFlow decides it."""
    check_traced("random_flip", image)
    mirrored = jnp.flip(image, axis)
    if image.ndim == 3:
        return jnp.where(draws < np.asarray(0.5, draws.dtype), mirrored, image)
    return jnp.where(jnp.round(draws).reshape(-1, 1, 1, 1) != 0, mirrored, image)


def _random_flip(image, axis, draw, scope_name):
    with name_scope(None, scope_name, [image]) as scope:
        image = image_tensor(image)
        shape = image._shape_tuple()
        if shape is not None and None not in shape[:-3]:
            draws = draw(shape=list(shape[:-3]), minval=0, maxval=1.0)
        else:
            draws = draw(shape=OPS["Shape"].public(image)[:-3], minval=0, maxval=1.0)
        return record.call(random_flip_kernel.op, [image, draws], {"axis": axis}, scope)


@export("image.random_flip_left_right")
def random_flip_left_right(image, seed=None):
    """The image mirrored left to right with a chance of one half; of a batch, each image by itself."""
    return _random_flip(image, -2, lambda **k: random_uniform(seed=seed, **k), "random_flip_left_right")


@export("image.random_flip_up_down")
def random_flip_up_down(image, seed=None):
    """The image upside down with a chance of one half; of a batch, each image by itself."""
    return _random_flip(image, -3, lambda **k: random_uniform(seed=seed, **k), "random_flip_up_down")


@export("image.stateless_random_flip_left_right", v1="")
def stateless_random_flip_left_right(image, seed):
    """tf.image.random_flip_left_right as `seed`, two integers, alone decides."""
    draw = lambda **k: stateless_uniform(seed=seed, **k)
    return _random_flip(image, -2, draw, "stateless_random_flip_left_right")


@export("image.stateless_random_flip_up_down", v1="")
def stateless_random_flip_up_down(image, seed):
    """tf.image.random_flip_up_down as `seed`, two integers, alone decides."""
    draw = lambda **k: stateless_uniform(seed=seed, **k)
    return _random_flip(image, -3, draw, "stateless_random_flip_up_down")
