"""tf.raw_ops of the image family: TensorFlow's ops by their own names, arguments by keyword only."""

from __future__ import annotations

from .. import dtypes, record
from . import image_boxes, image_colour, image_nms, image_resize
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
    ("NonMaxSuppressionV3", image_nms.non_max_suppression),
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
