"""tf.raw_ops of the image family: TensorFlow's ops by their own names, arguments by keyword only."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from .. import dtypes, record
from ..declare import op
from . import core, image_boxes, image_codecs, image_colour, image_nms, image_resize, image_taps, spatial
from .array import bad
from .image_shapes import check_elements
from .raw_array import raw

for _type, _function in (
    ("ResizeBilinear", image_resize.resize_bilinear),
    ("ResizeNearestNeighbor", image_resize.resize_nearest_neighbor),
    ("ResizeBicubic", image_resize.resize_bicubic),
    ("ResizeArea", image_resize.resize_area),
    ("RGBToHSV", image_colour.rgb_to_hsv),
    ("HSVToRGB", image_colour.hsv_to_rgb),
    ("AdjustContrastv2", image_colour.adjust_contrast_kernel),
    ("AdjustHue", image_colour.adjust_hue_kernel),
    ("AdjustSaturation", image_colour.adjust_saturation_kernel),
    ("DecodePng", image_codecs.decode_png),
    ("DecodeJpeg", image_codecs.decode_jpeg),
    ("DecodeAndCropJpeg", image_codecs.decode_and_crop_jpeg),
    ("DecodeBmp", image_codecs.decode_bmp),
    ("DecodeGif", image_codecs.decode_gif),
    ("DecodeImage", image_codecs.decode_image),
    ("EncodePng", image_codecs.encode_png),
    ("EncodeJpeg", image_codecs.encode_jpeg),
    ("ExtractJpegShape", image_codecs.extract_jpeg_shape),
    ("DrawBoundingBoxesV2", image_boxes.draw_bounding_boxes),
    ("ExtractImagePatches", spatial.extract_image_patches),
):
    raw(_type, _function)


@raw("ScaleAndTranslate")
def _scale_and_translate(images, size, scale, translation, kernel_type="lanczos3", antialias=True, name=None):
    """images [B, H, W, C] resampled to `size` at `scale` [2], moved by `translation` [2] -> float32."""
    scale, translation = (record.convert_to_tensor(v, dtypes.float32) for v in (scale, translation))
    settings = {"kernel_type": kernel_type, "antialias": bool(antialias)}
    return record.call(image_resize.scale_and_translate_kernel.op, [images, size, scale, translation], settings, name)


@raw("CropAndResize")
def _crop_and_resize(image, boxes, box_ind, crop_size, method="bilinear", extrapolation_value=0, name=None):
    """tf.image.crop_and_resize, its indices called box_ind."""
    return image_boxes.crop_and_resize(image, boxes, box_ind, crop_size, method, extrapolation_value, name)


@raw("ExtractGlimpse")
def _extract_glimpse(
    input, size, offsets, centered=True, normalized=True, uniform_noise=True, noise="uniform", name=None
):
    """TF1's tf.image.extract_glimpse; `noise` counts where `uniform_noise` is false."""
    kind = "uniform" if uniform_noise else noise
    return image_boxes._glimpse(input, size, offsets, centered, normalized, kind, 1, name)


@raw("ExtractGlimpseV2")
def _extract_glimpse_v2(
    input, size, offsets, centered=True, normalized=True, uniform_noise=True, noise="uniform", name=None
):
    """tf.image.extract_glimpse; `noise` counts where `uniform_noise` is false."""
    kind = "uniform" if uniform_noise else noise
    return image_boxes._glimpse(input, size, offsets, centered, normalized, kind, 2, name)


@raw("DrawBoundingBoxes")
def _draw_bounding_boxes(images, boxes, name=None):
    """tf.image.draw_bounding_boxes in TensorFlow's own colours."""
    return image_boxes.draw_bounding_boxes(images, boxes, None, name)


# -- boxes that overlap better ones -----------------------------------------------------------------------------------
def _threshold(value):
    """A threshold, which these ops take in half precision, too."""
    value = record.convert_to_tensor(value)
    return core.cast(value, dtypes.float32) if value.dtype.base_dtype in (dtypes.float16, dtypes.bfloat16) else value


@raw("NonMaxSuppression")
def _nms(boxes, scores, max_output_size, iou_threshold=0.5, name=None):
    """tf.image.non_max_suppression of all scores."""
    return image_nms.non_max_suppression(boxes, scores, max_output_size, iou_threshold, name=name)


@raw("NonMaxSuppressionV2")
def _nms_v2(boxes, scores, max_output_size, iou_threshold, name=None):
    """tf.image.non_max_suppression of all scores."""
    return image_nms.non_max_suppression(boxes, scores, max_output_size, _threshold(iou_threshold), name=name)


@raw("NonMaxSuppressionV3")
def _nms_v3(boxes, scores, max_output_size, iou_threshold, score_threshold, name=None):
    """tf.image.non_max_suppression."""
    return image_nms.non_max_suppression(
        boxes, scores, max_output_size, _threshold(iou_threshold), _threshold(score_threshold), name
    )


@raw("NonMaxSuppressionV4")
def _nms_v4(boxes, scores, max_output_size, iou_threshold, score_threshold, pad_to_max_output_size=False, name=None):
    """(indices, how many of them are valid)."""
    return image_nms.non_max_suppression_padded(
        boxes,
        scores,
        max_output_size,
        _threshold(iou_threshold),
        _threshold(score_threshold),
        pad_to_max_output_size,
        name,
    )


@raw("NonMaxSuppressionV5")
def _nms_v5(
    boxes, scores, max_output_size, iou_threshold, score_threshold, soft_nms_sigma, pad_to_max_output_size=False, name=None
):  # fmt: skip
    """(indices, scores, how many of them are valid)."""
    chosen, kept = image_nms.non_max_suppression_with_scores(
        boxes, scores, max_output_size, *map(_threshold, (iou_threshold, score_threshold, soft_nms_sigma)), name
    )
    if not pad_to_max_output_size:
        return chosen, kept, count_kernel(chosen)
    return padded_kernel(chosen, kept, max_output_size)


@op("CountOf", host=True, abstract=lambda values: (dtypes.int32, ()))
def count_kernel(values):
    """How many values there are."""
    return np.array(len(values), np.int32)


def _padded(chosen, kept, size):
    return [(chosen.dtype, (None,)), (kept.dtype, (None,)), (dtypes.int32, ())]


@op("PaddedSelection", host=True, alike=False, abstract=_padded)
def padded_kernel(chosen, kept, size):
    """(chosen and kept with zeros behind up to `size`, how many there were)."""
    behind = (0, int(size) - len(chosen))
    return np.pad(chosen, behind), np.pad(kept, behind), np.array(len(chosen), np.int32)


# -- what resizing passes back ----------------------------------------------------------------------------------------
@op("ResizeNearestNeighborGrad", static="size", own="grads", name="ResizeNearestNeighborGrad")
def nearest_gradient_kernel(grads, size, *, align_corners=False, half_pixel_centers=False):
    """grads [B, h, w, C] added up at the pixels of an image of `size` that they were taken from."""
    if grads.ndim != 4 or size.shape != (2,):
        raise bad("ResizeNearestNeighborGrad", f"gradients must be 4-D and size [2]: {grads.shape}, {size.shape}")
    height, width = (int(n) for n in size)
    check_elements("ResizeNearestNeighborGrad", (grads.shape[0], height, width, grads.shape[3]))
    rows = image_taps.nearest(height, grads.shape[1], align_corners, half_pixel_centers)
    columns = image_taps.nearest(width, grads.shape[2], align_corners, half_pixel_centers)
    zeros = jnp.zeros((grads.shape[0], height, width, grads.shape[3]), grads.dtype)
    return zeros.at[:, rows[:, None], columns[None]].add(grads)


@raw("ResizeNearestNeighborGrad")
def _nearest_gradient(grads, size, align_corners=False, half_pixel_centers=False, name=None):
    """What tf.image.resize_nearest_neighbor passes back to an image of `size`."""
    settings = {"align_corners": bool(align_corners), "half_pixel_centers": bool(half_pixel_centers)}
    return record.call(nearest_gradient_kernel.op, [grads, size], settings, name)


def _resize_gradient(type, kernel):
    @op(type, own="grads original_image", alike=False, name=type)
    def gradient_kernel(grads, original_image, *, align_corners=False, half_pixel_centers=False):
        """What a resize of `original_image` passes back for `grads` of the new size."""
        size = np.array(grads.shape[1:3])
        settings = {"align_corners": align_corners, "half_pixel_centers": half_pixel_centers}
        like = jax.ShapeDtypeStruct(original_image.shape, original_image.dtype)
        resized = lambda images: kernel.op.kernel(images, size, **settings)
        return jax.linear_transpose(resized, like)(grads)[0]

    @raw(type)
    def published(*, grads, original_image, align_corners=False, half_pixel_centers=False, name=None):
        """What a resize of `original_image` passes back for `grads` of the new size."""
        settings = {"align_corners": bool(align_corners), "half_pixel_centers": bool(half_pixel_centers)}
        return record.call(gradient_kernel.op, [grads, original_image], settings, name)


_resize_gradient("ResizeBilinearGrad", image_resize.resize_bilinear_kernel)
_resize_gradient("ResizeBicubicGrad", image_resize.resize_bicubic_kernel)
