"""tf.image's crops and pads: sizes are numbers or scalar tensors; what is known is checked at once, the rest when it runs."""

from __future__ import annotations

import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..graph import context
from ..scopes import name_scope
from .array import bad
from .image_resize import resize, resize_images
from .image_shapes import check, check_traced, demand, dims, known, rank_fault, shape_fault
from .slicing import slice_
from .stateless_random import stateless_uniform


# -- central crop -----------------------------------------------------------------------------------------------------
@op("CentralCrop", static="central_fraction", own="image", alike=False, name="Slice")
def central_crop_kernel(image, central_fraction):
    """The middle of [.., H, W, C] that is `central_fraction` of the height and of the width."""
    check_traced("central_crop", image)
    fraction = float(central_fraction)
    if not 0 < fraction <= 1:
        raise bad("central_crop", "central_fraction must be within (0, 1]")
    top, left = (int((n - n * fraction) / 2) for n in image.shape[-3:-1])
    return image[..., top : image.shape[-3] - top, left : image.shape[-2] - left, :]


def _central_rank_fault(shape):
    if len(shape) in (3, 4):
        return None
    return f"`image` should either be a Tensor with rank = 3 or rank = 4. Had rank = {len(shape)}."


@export("image.central_crop")
def central_crop(image, central_fraction):
    """The middle of the image or images, `central_fraction` of the height and of the width.

    Raises ValueError where the fraction is not in (0, 1] or the rank is not 3 or 4.
    """
    with name_scope(None, "central_crop", [image]):
        image = record.convert_to_tensor(image, name="image")
        fraction = known(central_fraction)
        if not isinstance(fraction, record.Tensor):
            if fraction <= 0.0 or fraction > 1.0:
                raise ValueError(f"central_fraction must be within (0, 1]. Received: {fraction}")
            if fraction == 1.0:
                return image
            fraction = np.float64(fraction)
        check(image._shape_tuple(), shape_fault, _central_rank_fault)
        if image.shape.rank is None:
            raise ValueError("`image` should either be a Tensor with rank = 3 or rank = 4. Had rank = None.")
        return record.call(central_crop_kernel.op, [image, fraction], None, None)


# -- boxes ------------------------------------------------------------------------------------------------------------
def _batched(image):
    """(images [batch, height, width, channels], was it one image), one of unknown rank taken for a single one."""
    image = record.convert_to_tensor(image, name="image")
    check(image._shape_tuple(), rank_fault)
    if image.shape.rank == 4:
        return image, False
    images = OPS["ExpandDims"].public(image, 0)
    if image.shape.rank is None:
        images.set_shape([None] * 4)
    return images, True


def _crop_size(images, *_, **settings):
    return _any_size(images)


def _any_size(images, *_):
    """(dtype, shape) of a batch whose height and width will be known when it runs."""
    shape = images.shape or (None,) * 4
    return images.dtype, (shape[0], None, None, shape[3])


@op("CropToBoundingBox", static="size", own="images", alike=False, name="Slice", abstract=_crop_size)
def crop_kernel(images, size, begin=None, *, place=None):
    """images [B, H, W, C], size [2], begin [2] or its known numbers `place` -> [B, *size, C]."""
    (height, width), (rows, columns) = images.shape[1:3], size.tolist()
    top, left = place or (0, 0)
    for n, room, side in ((columns + left, width, "width"), (rows + top, height, "height")):
        if n > room:
            raise bad("Slice", f"{side} must be >= target + offset.")
    if rows < 0 or columns < 0:
        raise bad("Slice", f"Expected a size, not [{rows}, {columns}]")
    begin = [np.int32(top), np.int32(left)] if place else [begin[0], begin[1]]
    zero = np.zeros((), begin[0].dtype)
    return lax.dynamic_slice(images, (zero, *begin, zero), (images.shape[0], rows, columns, images.shape[3]))


@op("PadToBoundingBox", static="box", own="images", alike=False, name="Pad", abstract=_any_size)
def pad_kernel(images, box):
    """images [B, H, W, C], box (rows above, columns before, height, width) -> [B, *box[2:], C]."""
    top, left, rows, columns = box.tolist()
    bottom, right = rows - top - images.shape[1], columns - left - images.shape[2]
    for n, message in (
        (top, "offset_height must be >= 0"),
        (left, "offset_width must be >= 0"),
        (right, "width must be <= target - offset"),
        (bottom, "height must be <= target - offset"),
    ):
        if n < 0:
            raise bad("Pad", f"{message}: Paddings must be non-negative: {n}")
    pairs = [(0, 0, 0), (top, bottom, 0), (left, right, 0), (0, 0, 0)]
    return lax.pad(images, np.zeros((), images.dtype), pairs)


def _finished(images, shape, single):
    """`images` of static `shape` as far as that is known, without the batch dimension where there was none."""
    if context.graph is not None:
        shape = (1, *shape[1:]) if single else shape
        images.set_shape([None if isinstance(n, record.Tensor) else n for n in shape])
    return OPS["Squeeze"].public(images, axis=[0]) if single else images


def _vector(*numbers):
    """Whole numbers, some of them tensors, as an int32 vector."""
    if any(isinstance(n, record.Tensor) for n in numbers):
        parts = [OPS["Cast"].public(n, dtype=dtypes.int32) if isinstance(n, record.Tensor) else n for n in numbers]
        return record.convert_to_tensor(parts, dtypes.int32)
    if any(abs(n) >= 2**31 for n in numbers):
        raise errors.InvalidArgumentError(None, None, f"sizes out of range of int32: {numbers}")
    return np.array(numbers, np.int32)


def _error(*values):
    """TensorFlow's class for a fault found in these arguments: tensors fail an assertion, numbers are a ValueError."""
    if context.graph is None and any(isinstance(v, record.Tensor) for v in values):
        return lambda message: errors.InvalidArgumentError(None, None, f"assertion failed: [{message}]")
    return ValueError


@export("image.crop_to_bounding_box")
def crop_to_bounding_box(image, offset_height, offset_width, target_height, target_width):
    """The part of the image or images from (offset_height, offset_width) on, of that height and width.

    Raises ValueError (InvalidArgumentError for tensors, when they are known) where it is not all inside.
    """
    with name_scope(None, "crop_to_bounding_box", [image]):
        error = _error(offset_height, offset_width, target_height, target_width)
        images, single = _batched(image)
        check(images._shape_tuple(), shape_fault)
        batch, height, width, depth = dims(images)
        top, left, rows, columns = (known(v) for v in (offset_height, offset_width, target_height, target_width))
        given = any(isinstance(v, record.Tensor) for v in (top, left, rows, columns))
        conditions = [
            (left >= 0, "offset_width must be >= 0."),
            (top >= 0, "offset_height must be >= 0."),
            (columns > 0, "target_width must be > 0."),
            (rows > 0, "target_height must be > 0."),
        ]
        # Where only the image's size is unknown the kernel complains in time.
        if given or not isinstance(width, record.Tensor):
            conditions.append((width >= columns + left, "width must be >= target + offset."))
        if given or not isinstance(height, record.Tensor):
            conditions.append((height >= rows + top, "height must be >= target + offset."))
        images = demand(images, conditions, error)
        if not any(isinstance(v, record.Tensor) for v in (height, width, top, left, rows, columns)):
            out = slice_(images, _vector(0, top, left, 0), _vector(-1, rows, columns, -1))
        else:
            loose = isinstance(top, record.Tensor) or isinstance(left, record.Tensor)
            begin, place = (_vector(top, left), None) if loose else (None, (top, left))
            out = crop_kernel(images, _vector(rows, columns), begin, place=place)
        return _finished(out, (batch, rows, columns, depth), single)


@export("image.pad_to_bounding_box")
def pad_to_bounding_box(image, offset_height, offset_width, target_height, target_width):
    """The image or images with zeros around: `offset_height` rows above, `offset_width` columns before, up to the target size.

    Raises ValueError (InvalidArgumentError for tensors, when they are known) where the image does not fit.
    """
    return _padded(image, offset_height, offset_width, target_height, target_width, check_dims=True)


def _padded(image, offset_height, offset_width, target_height, target_width, check_dims):
    with name_scope(None, "pad_to_bounding_box", [image]):
        error = _error(offset_height, offset_width, target_height, target_width)
        images, single = _batched(image)
        batch, height, width, depth = dims(images)
        top, left, rows, columns = (known(v) for v in (offset_height, offset_width, target_height, target_width))
        right, bottom = columns - left - width, rows - top - height
        if check_dims:
            check(images._shape_tuple(), shape_fault)
            conditions = [(top >= 0, "offset_height must be >= 0"), (left >= 0, "offset_width must be >= 0")]
            conditions += [
                (right >= 0, "width must be <= target - offset"),
                (bottom >= 0, "height must be <= target - offset"),
            ]
            # What is known later tf.pad itself checks in time.
            conditions = [c for c in conditions if not isinstance(c[0], record.Tensor)]
            images = demand(images, conditions, error)
        if any(isinstance(n, record.Tensor) for n in (right, bottom, top, left)):
            out = pad_kernel(images, _vector(top, left, rows, columns))
        else:
            out = OPS["Pad"].public(images, _vector(0, 0, top, bottom, left, right, 0, 0).reshape(4, 2))
        return _finished(out, (batch, rows, columns, depth), single)


# -- crop or pad ------------------------------------------------------------------------------------------------------
def _larger(x, y):
    return _either("Maximum", max, x, y)


def _smaller(x, y):
    return _either("Minimum", min, x, y)


def _either(type, number, x, y):
    if isinstance(x, record.Tensor) or isinstance(y, record.Tensor):
        return OPS[type].public(x, y)
    return number(x, y)


def _positive_targets(images, rows, columns, error):
    conditions = [(columns > 0, "target_width must be > 0."), (rows > 0, "target_height must be > 0.")]
    return demand(images, conditions, error)


@export(
    "image.resize_with_crop_or_pad", v1="image.resize_with_crop_or_pad image.resize_image_with_crop_or_pad"
)  # fmt: skip
def resize_with_crop_or_pad(image, target_height, target_width):
    """The image or images cut, or filled up with zeros, evenly on both sides to the target size.

    Raises ValueError for targets that are not positive.
    """
    with name_scope(None, "resize_image_with_crop_or_pad", [image]):
        error = _error(target_height, target_width)
        images, single = _batched(image)
        check(images._shape_tuple(), shape_fault)
        rows, columns = known(target_height), known(target_width)
        images = _positive_targets(images, rows, columns, error)
        batch, height, width, depth = dims(images)
        wider, higher = columns - width, rows - height
        out = crop_to_bounding_box(
            images, _larger(-higher // 2, 0), _larger(-wider // 2, 0), _smaller(rows, height), _smaller(columns, width)
        )
        out = _padded(out, _larger(higher // 2, 0), _larger(wider // 2, 0), rows, columns, check_dims=False)
        return _finished(out, (batch, rows, columns, depth), single)


# -- resize and pad ---------------------------------------------------------------------------------------------------
def _fit(height, width, rows, columns):
    """(height, width, rows above, columns before) of the largest image of this shape in `rows` x `columns`, float32 as TensorFlow."""
    height, width, rows, columns = (np.float32(n) for n in (height, width, rows, columns))
    scale = max(width / columns, height / rows)
    high, wide = height / scale, width / scale
    above, before = np.floor((rows - high) / np.float32(2)), np.floor((columns - wide) / np.float32(2))
    return np.array([np.floor(high), np.floor(wide), max(above, 0), max(before, 0)]).astype(np.int32)


@op("FitImage", host=True, abstract=lambda now, target: (dtypes.int32, (4,)))
def fit_kernel(now, target):
    """On the host, so that its values count as unknown while the graph is built, as in TensorFlow."""
    return _fit(*now, *target)


def _resize_with_pad(image, target_height, target_width, resizer):
    with name_scope(None, "resize_image_with_pad", [image]):
        error = _error(target_height, target_width)
        images, single = _batched(image)
        check(images._shape_tuple(), shape_fault)
        rows, columns = known(target_height), known(target_width)
        images = _positive_targets(images, rows, columns, error)
        batch, height, width, depth = dims(images)
        if any(isinstance(n, record.Tensor) for n in (height, width, rows, columns)):
            fit = fit_kernel(_vector(height, width), _vector(rows, columns))
            size, above, before = fit[:2], fit[2], fit[3]
        else:
            *size, above, before = _fit(height, width, rows, columns).tolist()
        out = resizer(images, size)
        out = _padded(out, above, before, rows, columns, check_dims=True)
        return _finished(out, (batch, rows, columns, depth), single)


@export("image.resize_with_pad", v1="")
def resize_with_pad(image, target_height, target_width, method="bilinear", antialias=False):
    """The image or images resized to fit the target size at their own ratio of sides, zeros evenly around."""
    return _resize_with_pad(
        image, target_height, target_width, lambda images, size: resize(images, size, method, antialias=antialias)
    )


@export("", v1="image.resize_image_with_pad")
def resize_image_with_pad(image, target_height, target_width, method=0, align_corners=False):
    """TF1's tf.image.resize_with_pad, by tf.image.resize_images."""
    return _resize_with_pad(
        image, target_height, target_width, lambda images, size: resize_images(images, size, method, align_corners)
    )


# -- random crop ------------------------------------------------------------------------------------------------------
@export("image.stateless_random_crop", v1="")
def stateless_random_crop(value, size, seed, name=None):
    """A part of `value` of shape `size` at a place that `seed`, two integers, alone decides; raises where `size` is larger."""
    with name_scope(name, "random_crop", [value, size]):
        value = record.convert_to_tensor(value, name="value")
        size = record.convert_to_tensor(size, dtypes.int32, name="size")
        shape = OPS["Shape"].public(value)
        message = "Need value.shape >= size"
        wanted, have = record.static_value(size), value._shape_tuple()
        if wanted is not None and have is not None and None not in have:
            if any(n > m for n, m in zip(wanted, have, strict=True)):
                raise errors.InvalidArgumentError(None, None, f"{message}, got {list(wanted)} of {list(have)}")
        else:
            value = demand(value, [(OPS["All"].public(OPS["GreaterEqual"].public(shape, size)), message)])
        offset = stateless_uniform(
            OPS["Shape"].public(shape), seed, minval=0, maxval=dtypes.int32.max, dtype=dtypes.int32
        )
        return slice_(value, offset % (shape - size + 1), size)
