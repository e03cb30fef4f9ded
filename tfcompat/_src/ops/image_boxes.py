"""tf.image's functions of boxes: drawing them, cutting them out resized, and suppressing those that overlap better ones."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..graph import context
from ..scopes import name_scope
from .array import bad, concat, one_of
from .image_shapes import check_elements
from .random import random_normal, random_uniform

# -- drawing ----------------------------------------------------------------------------------------------------------
# Red, green, blue and alpha of the boxes where no colours are given, in turn.
_COLOURS = (
    (1, 1, 0, 1), (0, 0, 1, 1), (1, 0, 0, 1), (0, 1, 0, 1), (0.5, 0, 0.5, 1), (0.5, 0.5, 0, 1), (0.5, 0, 0, 1), (0, 0, 0.5, 1),
    (0, 1, 1, 1), (1, 0, 1, 1),
)  # fmt: skip


def _edges(box, height, width):
    """Where one box [4] marks an image, bool [H, W]."""
    ends = box.astype(np.float32) * np.array([height - 1, width - 1, height - 1, width - 1], np.float32)
    top, left, bottom, right = ends.astype(np.int64)
    y, x = jnp.arange(height)[:, None], jnp.arange(width)[None]
    inside = (y >= top) & (y <= bottom) & (x >= left) & (x <= right)
    border = (y == top) | (y == bottom) | (x == left) | (x == right)
    fits = (top <= bottom) & (left <= right) & (top < height) & (bottom >= 0) & (left < width) & (right >= 0)
    return inside & border & fits


@op("DrawBoundingBoxesV2", own="boxes colors", alike=False, differentiable=False, dtypes="float16 float32 uint8",
    shapes="images n h w c, boxes n m 4, colors ? ?")  # fmt: skip
def draw_kernel(images, boxes, colors=None):
    """images [B, H, W, C], boxes [B, n, 4], colors [m, C] -> images with the boxes' outlines, later boxes over earlier ones."""
    if images.ndim != 4:
        raise bad(
            "DrawBoundingBoxes", f"The rank of the images should be 4: Shape must be rank 4 but is rank {images.ndim}"
        )
    if images.shape[3] not in (1, 3, 4):
        raise bad(
            "DrawBoundingBoxes", f"Channel depth should be either 1 (GRY), 3 (RGB), or 4 (RGBA), not {images.shape[3]}"
        )
    if boxes.ndim != 3 or boxes.shape[2] != 4:
        raise bad(
            "DrawBoundingBoxes", f"The size of the third dimension of the box must be 4. Received: {list(boxes.shape)}"
        )
    if boxes.shape[0] != images.shape[0]:
        raise bad("DrawBoundingBoxes", f"The batch sizes should be the same: {images.shape[0]} and {boxes.shape[0]}")
    channels = images.shape[3]
    if colors is None or colors.size == 0:
        colors = np.ones((len(_COLOURS), 1)) if channels == 1 else np.array(_COLOURS)[:, :channels]
    if colors.ndim != 2 or colors.shape[1] < channels:
        raise bad(
            "DrawBoundingBoxes",
            f"colors must have as many columns as the images channels: {list(colors.shape)}, {channels}",
        )
    palette = jnp.asarray(colors)[:, :channels].astype(images.dtype)

    def draw(image, own):
        def one(i, painted):
            mark = _edges(own[i], *image.shape[:2])
            return jnp.where(mark[..., None], palette[i % palette.shape[0]], painted)

        return lax.fori_loop(0, own.shape[0], one, image)

    return jax.vmap(draw)(jnp.asarray(images), jnp.asarray(boxes))


@export("image.draw_bounding_boxes", v1="")
def draw_bounding_boxes(images, boxes, colors, name=None):
    """Outlines of `boxes` [batch, n, 4] (y_min, x_min, y_max, x_max in [0, 1]) on `images` [batch, H, W, 1, 3 or 4].

    `colors` [m, channels] are used in turn; None: TensorFlow's ten.
    """
    boxes = record.convert_to_tensor(boxes, dtypes.float32, name="boxes")
    if colors is not None:
        colors = record.convert_to_tensor(colors, dtypes.float32, name="colors")
    default = "DrawBoundingBoxes" if colors is None else "DrawBoundingBoxesV2"
    return record.call(draw_kernel.op, [images, boxes, colors], None, name, default)


@export("", v1="image.draw_bounding_boxes")
def draw_bounding_boxes_v1(images, boxes, name=None, colors=None):
    """TF1's argument order of tf.image.draw_bounding_boxes."""
    return draw_bounding_boxes(images, boxes, colors, name)


# -- cutting out ------------------------------------------------------------------------------------------------------
def _samples(low, high, count, size):
    """Where `count` samples between the box's ends lie in pixels, [n, count]; one sample lies in the middle."""
    if count == 1:
        return 0.5 * (low + high)[:, None] * (size - 1)
    step = (high - low) * (size - 1) / np.float32(count - 1)
    return low[:, None] * (size - 1) + np.arange(count, dtype=np.float32) * step[:, None]


@op("CropAndResize", static="crop_size", own="image boxes box_ind", alike=False, name="CropAndResize",
    shapes="image ? ? ? ?, boxes n 4, box_ind n, crop_size 2")  # fmt: skip
def crop_and_resize_kernel(image, boxes, box_ind, crop_size, *, method, extrapolation_value):
    """image [B, H, W, C], boxes [n, 4], box_ind [n], crop_size [2] -> float32 [n, *crop_size, C]."""
    if image.ndim != 4:
        raise bad("CropAndResize", f"input image must be 4-D: {list(image.shape)}")
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise bad("CropAndResize", f"boxes must be [n, 4]: {list(boxes.shape)}")
    if box_ind.ndim != 1:
        raise bad("CropAndResize", f"box_index: Shape must be rank 1 but is rank {box_ind.ndim}")
    if box_ind.shape != boxes.shape[:1]:
        raise bad(
            "CropAndResize", f"box_index has incompatible shape: {list(box_ind.shape)} for {boxes.shape[0]} boxes"
        )
    if crop_size.shape != (2,) or min(crop_size.tolist()) <= 0:
        raise bad("CropAndResize", f"crop dimensions must be positive: crop_size {crop_size.tolist()}")
    check_elements("CropAndResize", (boxes.shape[0], *crop_size, image.shape[3]))
    (rows, columns), (height, width) = crop_size.tolist(), image.shape[1:3]
    # What is constant arrives as a NumPy array, which traced positions could not index.
    x, boxes, box_ind = jnp.asarray(image, np.float32), jnp.asarray(boxes, np.float32), jnp.asarray(box_ind)
    down, across = _samples(boxes[:, 0], boxes[:, 2], rows, height), _samples(boxes[:, 1], boxes[:, 3], columns, width)
    known = (box_ind >= 0) & (box_ind < image.shape[0])
    inside = ((down >= 0) & (down <= height - 1))[:, :, None] & ((across >= 0) & (across <= width - 1))[:, None, :]
    pick = lambda y, z: x[box_ind[:, None, None], y[:, :, None], z[:, None, :]]
    if method == "nearest":
        # Halves are rounded away from zero; what is outside is replaced below.
        out = pick(*[_place(jnp.floor(v + 0.5), n) for v, n in ((down, height), (across, width))])
    else:
        top, left = jnp.floor(lax.stop_gradient(down)), jnp.floor(lax.stop_gradient(across))
        # Not ceil(down): compiled apart from floor(down), and rounded otherwise, the two could lie two pixels apart.
        ends = [_place(v, n) for v, n in ((top, height), (top + 1, height), (left, width), (left + 1, width))]
        part_y, part_x = (down - top)[:, :, None, None], (across - left)[:, None, :, None]
        first, second = pick(ends[0], ends[2]), pick(ends[1], ends[2])
        upper = first + (pick(ends[0], ends[3]) - first) * part_x
        lower = second + (pick(ends[1], ends[3]) - second) * part_x
        out = upper + (lower - upper) * part_y
    out = jnp.where(inside[..., None], out, np.float32(extrapolation_value))
    return jnp.where(known[:, None, None, None], out, 0)


def _place(v, n):
    return jnp.clip(lax.stop_gradient(v), 0, n - 1).astype(np.int32)


@export("image.crop_and_resize", v1="")
def crop_and_resize(image, boxes, box_indices, crop_size, method="bilinear", extrapolation_value=0.0, name=None):
    """The boxes [n, 4] (in [0, 1]) of images [batch, H, W, C], box_indices [n] saying which, resized to crop_size -> float32.

    What lies outside the image is `extrapolation_value`.  Raises OutOfRangeError for indices out of range (eagerly).
    """
    if method not in ("bilinear", "nearest"):
        raise bad("CropAndResize", f"method must be 'bilinear' or 'nearest', {method}")
    image = record.convert_to_tensor(image, name="image")
    boxes = record.convert_to_tensor(boxes, dtypes.float32, name="boxes")
    box_indices = record.convert_to_tensor(box_indices, dtypes.int32, name="box_ind")
    fixed = record.static_value(boxes)
    if fixed is not None and not np.isfinite(fixed).all():
        raise bad("CropAndResize", "Boxes contains at least one element that is not finite")
    settings = {"method": method, "extrapolation_value": extrapolation_value}
    out = record.call(crop_and_resize_kernel.op, [image, boxes, box_indices, crop_size], settings, name)
    if context.graph is None:  # after the sizes, whose faults TensorFlow finds first
        places = box_indices._numpy()
        if np.any((places < 0) | (places >= image.shape.as_list()[0])):
            text = f"box_index has values outside [0, batch_size): {places.tolist()} [Op:CropAndResize]"
            raise errors.OutOfRangeError(None, None, text)
    return out


@export("", v1="image.crop_and_resize")
def crop_and_resize_v1(
    image, boxes, box_ind=None, crop_size=None, method="bilinear", extrapolation_value=0, name=None, box_indices=None
):
    """TF1's tf.image.crop_and_resize: `box_ind` is another name of `box_indices`."""
    return crop_and_resize(
        image,
        boxes,
        one_of("box_indices", box_indices, "box_ind", box_ind),
        crop_size,
        method,
        extrapolation_value,
        name,
    )


# -- glimpses ---------------------------------------------------------------------------------------------------------
@op("ExtractGlimpse", static="size", own="input offsets draws", alike=False, differentiable=False, dtypes="float32",
    shapes="input n h w c, size 2, offsets n 2")  # fmt: skip
def glimpse_kernel(input, size, offsets, draws, *, centered, normalized, noise, version):
    """input [B, H, W, C], offsets [B, 2], draws [B, *size, C] -> [B, *size, C]."""
    if input.ndim != 4:
        raise bad("ExtractGlimpse", f"input must be 4-dimensional: {list(input.shape)}")
    if size.shape != (2,) or min(size.tolist()) <= 0:
        raise bad("ExtractGlimpse", f"grid size must be positive: {size.tolist()}")
    if offsets.shape != (input.shape[0], 2):
        raise bad("ExtractGlimpse", f"offsets should be [batch, 2]: {list(offsets.shape)}")
    span, n = np.array(input.shape[1:3], np.float32), size.astype(np.float32)
    at = offsets
    if normalized:
        at = at * span
    if centered:
        at = (at if version == 2 and not normalized else at / 2) + span / 2
    if version == 1 or (centered and normalized):
        at = at - n / 2
    at = jnp.trunc(at).astype(np.int32)
    rows, columns = (at[:, i, None] + np.arange(int(size[i]), dtype=np.int32) for i in (0, 1))
    inside = ((rows >= 0) & (rows < span[0]))[:, :, None] & ((columns >= 0) & (columns < span[1]))[:, None, :]
    batch = np.arange(input.shape[0])[:, None, None]
    rows, columns = jnp.clip(rows, 0, input.shape[1] - 1), jnp.clip(columns, 0, input.shape[2] - 1)
    input = jnp.asarray(input)
    seen = input[batch, rows[:, :, None], columns[:, None, :]]
    axes = (1, 2)
    if noise == "uniform":
        low = jnp.min(input, axes, keepdims=True)
        fill = low + draws * (jnp.max(input, axes, keepdims=True) - low)
    elif noise == "gaussian":
        fill = jnp.mean(input, axes, keepdims=True) + draws * jnp.std(input, axes, keepdims=True)
    else:
        fill = jnp.zeros_like(seen)
    return jnp.where(inside[..., None], seen, fill)


def _glimpse(input, size, offsets, centered, normalized, noise, version, name):
    if noise not in ("uniform", "gaussian", "zero"):
        raise bad("ExtractGlimpse", f"Noise type should be 'uniform', 'gaussian' or 'zero', not {noise!r}")
    with name_scope(name, "ExtractGlimpse", [input]) as scope:
        input = record.convert_to_tensor(input, dtypes.float32, name="input")
        size = record.convert_to_tensor(size, dtypes.int32, name="size")
        offsets = record.convert_to_tensor(offsets, dtypes.float32, name="offsets")
        if noise == "zero":
            draws = record.convert_to_tensor(np.zeros(1, np.float32))
        else:
            shape = OPS["Shape"].public(input)
            shape = concat([shape[:1], size, shape[3:]], 0)
            draws = (random_uniform if noise == "uniform" else random_normal)(shape)
        settings = dict(centered=bool(centered), normalized=bool(normalized), noise=noise, version=version)
        return record.call(glimpse_kernel.op, [input, size, offsets, draws], settings, scope)


@export("image.extract_glimpse", v1="")
def extract_glimpse(input, size, offsets, centered=True, normalized=True, noise="uniform", name=None):
    """Windows of `size` around `offsets` [batch, 2] in images [batch, H, W, C], noise where they reach beyond."""
    return _glimpse(input, size, offsets, centered, normalized, noise, 2, name)


@export("", v1="image.extract_glimpse")
def extract_glimpse_v1(input, size, offsets, centered=True, normalized=True, uniform_noise=True, name=None):
    """TF1's tf.image.extract_glimpse: the noise is uniform or gaussian."""
    return _glimpse(input, size, offsets, centered, normalized, "uniform" if uniform_noise else "gaussian", 1, name)


@export("image.generate_bounding_box_proposals")
def generate_bounding_box_proposals(
    scores,
    bbox_deltas,
    image_info,
    anchors,
    nms_threshold=0.7,
    pre_nms_topn=6000,
    min_size=16,
    post_nms_topn=300,
    name=None,
):
    """Refused: TensorFlow has it on GPUs only."""
    raise NotImplementedError(
        "tf.image.generate_bounding_box_proposals is not supported by tfcompat; decode the boxes with tf.exp and use "
        "tf.image.combined_non_max_suppression."
    )
