"""tf.image.resize and its kin: TF1's resize_* with their conventions, TF2's with antialias; gradients by JAX."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .. import dtypes, record
from ..declare import OPS, export, op
from ..graph import context
from ..scopes import name_scope
from . import image_taps as taps
from .array import bad
from .image_shapes import check_elements

_NUMBERS = "int8 uint8 int16 uint16 int32 int64 float16 bfloat16 float32 float64"


@export("", v1="image.ResizeMethod")
class ResizeMethodV1:
    """TF1's names of the methods of tf.image.resize_images."""

    BILINEAR = 0
    NEAREST_NEIGHBOR = 1
    BICUBIC = 2
    AREA = 3


@export("image.ResizeMethod", v1="")
class ResizeMethod:
    """The methods of tf.image.resize."""

    BILINEAR = "bilinear"
    NEAREST_NEIGHBOR = "nearest"
    BICUBIC = "bicubic"
    AREA = "area"
    LANCZOS3 = "lanczos3"
    LANCZOS5 = "lanczos5"
    GAUSSIAN = "gaussian"
    MITCHELLCUBIC = "mitchellcubic"


# -- kernels: images [batch, height, width, channels], size [2] -------------------------------------------------------
def _sizes(type, images, size, align_corners=False, half_pixel_centers=False):
    """((height before, after), (width before, after)).  Raises InvalidArgumentError for what is no image or no size."""
    if half_pixel_centers and align_corners:
        raise bad(type, "If half_pixel_centers is True, align_corners must be False.")
    if images.ndim != 4:
        raise bad(type, f"input images must be 4-dimensional: {list(images.shape)}")
    if size.shape != (2,):
        raise bad(type, f"shape_t must be 1-dimensional and have two elements: {list(size.shape)}")
    height, width = (int(n) for n in size)
    if height <= 0 or width <= 0:
        raise bad(type, f"output dimensions must be positive: {height}, {width}")
    check_elements(type, (images.shape[0], height, width, images.shape[3]))
    if not (images.shape[1] and images.shape[2]):
        raise bad(type, f"input image must be of non-zero size: {list(images.shape)}")
    return (images.shape[1], height), (images.shape[2], width)


def _take(x, places, axis):
    return jnp.take(x, np.asarray(places, np.int32), axis=axis, mode="clip", indices_are_sorted=True)


def _along(vector, axis):
    return vector.reshape([-1 if d == axis else 1 for d in range(4)])


def _mixed(x, axis, places, weights):
    """`x` with dimension `axis` replaced by weighted sums over it.

    A few taps are gathered; many would be read many times over, so they become a matrix.
    """
    if places.shape[1] <= 4:
        return sum([_take(x, places[:, t], axis) * _along(weights[:, t], axis) for t in range(places.shape[1])])
    rows = np.broadcast_to(np.arange(len(places))[:, None], places.shape)
    matrix = jnp.zeros((len(places), x.shape[axis]), np.float32).at[rows, places].add(weights)
    pattern = "oh,bhwc->bowc" if axis == 1 else "ow,bhwc->bhoc"
    return jnp.einsum(pattern, matrix, x, precision="highest")


def _lerped(x, axis, lower, upper, part):
    low, high = _take(x, lower, axis), _take(x, upper, axis)
    return low + (high - low) * _along(part, axis)


@op("ResizeBilinear", static="size", own="images", dtypes=_NUMBERS, shapes="images ? ? ? ?")
def resize_bilinear_kernel(images, size, *, align_corners=False, half_pixel_centers=False):
    """Float32 images of the new size, each pixel mixed from four."""
    rows, columns = _sizes("ResizeBilinear", images, size, align_corners, half_pixel_centers)
    x = images.astype(np.float32)
    if rows[0] == rows[1] and columns[0] == columns[1]:
        return x
    x = _lerped(x, 2, *taps.linear(*columns, align_corners, half_pixel_centers))
    return _lerped(x, 1, *taps.linear(*rows, align_corners, half_pixel_centers))


@op("ResizeNearestNeighbor", static="size", own="images", dtypes=_NUMBERS, shapes="images ? ? ? ?")
def resize_nearest_neighbor_kernel(images, size, *, align_corners=False, half_pixel_centers=False):
    """Images of the new size and the same dtype, each pixel one of the old ones."""
    rows, columns = _sizes("ResizeNearestNeighbor", images, size, align_corners, half_pixel_centers)
    x = _take(images, taps.nearest(*rows, align_corners, half_pixel_centers), 1)
    return _take(x, taps.nearest(*columns, align_corners, half_pixel_centers), 2)


@op("ResizeBicubic", static="size", own="images", dtypes=_NUMBERS, shapes="images ? ? ? ?")
def resize_bicubic_kernel(images, size, *, align_corners=False, half_pixel_centers=False):
    """Float32 images of the new size, each pixel mixed from sixteen."""
    rows, columns = _sizes("ResizeBicubic", images, size, align_corners, half_pixel_centers)
    x = images.astype(np.float32)
    if rows[0] == rows[1] and columns[0] == columns[1]:
        return x
    x = _mixed(x, 2, *taps.cubic(*columns, align_corners, half_pixel_centers))
    return _mixed(x, 1, *taps.cubic(*rows, align_corners, half_pixel_centers))


@op("ResizeArea", static="size", own="images", dtypes=_NUMBERS, shapes="images ? ? ? ?")
def resize_area_kernel(images, size, *, align_corners=False):
    """Float32 images of the new size, each pixel the mean of the area it covers."""
    rows, columns = _sizes("ResizeArea", images, size)
    x = _mixed(images.astype(np.float32), 2, *taps.area(*columns, align_corners))
    return _mixed(x, 1, *taps.area(*rows, align_corners))


@op("ScaleAndTranslate", static="size scale translation", own="images", dtypes=_NUMBERS, alike=False)
def scale_and_translate_kernel(images, size, scale=None, translation=None, *, kernel_type="lanczos3", antialias=True):
    """Float32 images of the new size, resampled by a kernel; scale and translation [2] default to filling the new size."""
    sizes = _sizes("ScaleAndTranslate", images, size)
    if kernel_type not in taps.KERNELS:
        raise bad("ScaleAndTranslate", f"Unrecognized kernel type: {kernel_type}")
    x = images.astype(np.float32)
    for axis in (1, 2):
        before, after = sizes[axis - 1]
        factor = np.float32(after) / np.float32(before) if scale is None else np.float32(scale[axis - 1])
        if not factor > 0:
            raise bad("ScaleAndTranslate", f"scale must be greater than zero, not {factor}")
        shift = np.float32(0) if translation is None else np.float32(translation[axis - 1])
        x = _mixed(x, axis, *taps.resampled(before, after, kernel_type, factor, shift, antialias))
    return x


# -- TF1's ops --------------------------------------------------------------------------------------------------------
def _resized(kernel, images, size, name=None, **settings):
    """Records a resize; its batch and channels are known even where its size is not."""
    images = record.convert_to_tensor(images, name="images")
    if context.graph is not None:
        size = record.convert_to_tensor(size, dtypes.int32, name="size")
    inputs = [images, size, None, None] if kernel is scale_and_translate_kernel else [images, size]
    out = record.call(kernel.op, inputs, settings, name)
    if context.graph is not None and images.shape.rank == 4:
        known = record.constant_value_as_shape(size)
        known = [None, None] if known.rank is None else known.as_list()
        out.set_shape([images.shape.as_list()[0], *known, images.shape.as_list()[3]])
    return out


@export("", v1="image.resize_bilinear")
def resize_bilinear(images, size, align_corners=False, name=None, half_pixel_centers=False):
    """Images [batch, height, width, channels] resized by bilinear interpolation -> float32."""
    return _resized(
        resize_bilinear_kernel, images, size, name, align_corners=align_corners, half_pixel_centers=half_pixel_centers
    )


@export("", v1="image.resize_nearest_neighbor")
def resize_nearest_neighbor(images, size, align_corners=False, name=None, half_pixel_centers=False):
    """Images [batch, height, width, channels] resized by nearest-neighbour interpolation, in their own dtype."""
    return _resized(
        resize_nearest_neighbor_kernel, images, size, name, align_corners=align_corners,
        half_pixel_centers=half_pixel_centers,
    )  # fmt: skip


@export("", v1="image.resize_bicubic")
def resize_bicubic(images, size, align_corners=False, name=None, half_pixel_centers=False):
    """Images [batch, height, width, channels] resized by bicubic interpolation -> float32."""
    return _resized(
        resize_bicubic_kernel, images, size, name, align_corners=align_corners, half_pixel_centers=half_pixel_centers
    )


@export("", v1="image.resize_area")
def resize_area(images, size, align_corners=False, name=None):
    """Images [batch, height, width, channels] resized by means over areas -> float32."""
    return _resized(resize_area_kernel, images, size, name, align_corners=align_corners)


# -- tf.image.resize --------------------------------------------------------------------------------------------------
def _size_tensor(size):
    try:
        size = record.convert_to_tensor(size, dtypes.int32, name="size")
    except (TypeError, ValueError):
        raise ValueError(f"'size' must be a 1-D int32 Tensor. Received: size={size!r}") from None
    if not size.shape.is_compatible_with([2]):
        raise ValueError(f"'size' must be a 1-D Tensor of 2 elements: new_height, new_width. Received: {size.shape}")
    return size


def _keeping_ratio(images, size):
    """The largest size within `size` that keeps height : width of images [batch, height, width, channels]."""
    _, height, width, _ = images.shape.as_list()
    known = None if None in (height, width) else record.static_value(size)
    if known is not None:
        now = np.array([height, width], np.float32)
        return np.round(np.min(known.astype(np.float32) / now) * now).astype(np.int32)
    return kept_ratio_kernel(OPS["Shape"].public(images)[1:3], size)


@op("KeepAspectRatio", abstract=lambda now, size: (dtypes.int32, (2,)), host=True)
def kept_ratio_kernel(now, size):
    """Sizes [2] int32 -> `now` scaled to fit into `size`; on the host, where its static value is unknown as in TensorFlow."""
    now = now.astype(np.float32)
    return np.round(np.min(size.astype(np.float32) / now) * now).astype(np.int32)


def _resize_common(images, resizer, size, preserve_aspect_ratio, name, skip_if_same):
    with name_scope(name, "resize", [images, size]):
        images = record.convert_to_tensor(images, name="images")
        if images.shape.rank is None:
            raise ValueError("'images' contains no shape.")
        if images.shape.rank not in (3, 4):
            raise ValueError(f"'images' must have either 3 or 4 dimensions. Received: shape {images.shape}")
        single = images.shape.rank == 3
        batch = OPS["ExpandDims"].public(images, 0) if single else images
        size = _size_tensor(size)
        if preserve_aspect_ratio:
            size = record.convert_to_tensor(_keeping_ratio(batch, size), dtypes.int32, name="size")
        if skip_if_same:
            now, new = batch.shape.as_list()[1:3], record.constant_value_as_shape(size)
            if None not in now and new.rank is not None and now == new.as_list():
                return images
        out = resizer(batch, size)
        return OPS["Squeeze"].public(out, axis=[0]) if single else out


_OLD_METHODS = {
    0: resize_bilinear, 1: resize_nearest_neighbor, 2: resize_bicubic, 3: resize_area,
    "bilinear": resize_bilinear, "nearest": resize_nearest_neighbor, "bicubic": resize_bicubic, "area": resize_area,
}  # fmt: skip


@export("", v1="image.resize_images image.resize")
def resize_images(images, size, method=0, align_corners=False, preserve_aspect_ratio=False, name=None):
    """One image or a batch resized to `size` (height, width) by TF1's conventions: float32, or as it was where the size is the same.

    Raises ValueError for another rank, size or method.
    """

    def resizer(batch, new_size):
        if isinstance(method, record.Tensor) or method not in _OLD_METHODS:
            raise ValueError(f"Resize method is not implemented: {method}")
        return _OLD_METHODS[method](batch, new_size, align_corners)

    return _resize_common(images, resizer, size, preserve_aspect_ratio, name, skip_if_same=True)


def _new_method(method, antialias):
    """(kernel, settings) of a method of TF2's tf.image.resize."""
    if method == "bilinear" and not antialias:
        return resize_bilinear_kernel, {"half_pixel_centers": True}
    if method == "nearest":
        return resize_nearest_neighbor_kernel, {"half_pixel_centers": True}
    if method == "bicubic" and not antialias:
        return resize_bicubic_kernel, {"half_pixel_centers": True}
    if method == "area":
        return resize_area_kernel, {}
    kind = {"bilinear": "triangle", "bicubic": "keyscubic"}.get(method, method)
    if kind == method and method not in ("lanczos3", "lanczos5", "gaussian", "mitchellcubic"):
        raise ValueError(f"Resize method is not implemented: {method}")
    return scale_and_translate_kernel, {"kernel_type": kind, "antialias": bool(antialias)}


@export("image.resize", v1="")
def resize(images, size, method="bilinear", preserve_aspect_ratio=False, antialias=False, name=None):
    """One image [height, width, channels] or a batch resized to `size` (height, width): float32, by "nearest" the dtype it had.

    Raises ValueError for another rank, size or method.
    """

    def resizer(batch, new_size):
        kernel, settings = _new_method(method, antialias)
        return _resized(kernel, batch, new_size, **settings)

    return _resize_common(images, resizer, size, preserve_aspect_ratio, name, skip_if_same=False)
