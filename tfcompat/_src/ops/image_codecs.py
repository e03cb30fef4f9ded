"""tf.io.decode_* and encode_* of images: host ops, JPEG and GIF through Pillow (an optional extra), PNG and BMP by image_png.py."""

from __future__ import annotations

import io
import zlib

import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export, op, publish
from ..graph import context
from ..scopes import name_scope
from .image_colour import convert_image_dtype
from .image_png import PNG, bad_file, read_bmp, read_png, write_png
from .strings import substr

_PIXELS = (dtypes.uint8, dtypes.uint16, dtypes.float32)


def pillow(symbol):
    """Pillow's Image module.  Raises ImportError, with what to install, where it is missing."""
    try:
        from PIL import Image
    except ImportError:
        raise ImportError(f"tf.io.{symbol} needs Pillow: pip install 'tfcompat[image]', or pillow itself.") from None
    return Image


def _open(symbol, contents):
    image = pillow(symbol)
    try:
        return image.open(io.BytesIO(contents))
    except Exception as e:
        raise bad_file(f"Invalid image data for {symbol}, size {len(contents)}: {e}") from None


def _format(contents):
    for name, start in (("jpeg", b"\xff\xd8\xff"), ("png", PNG[:4]), ("gif", b"GIF8"), ("bmp", b"BM")):
        if contents.startswith(start):
            return name
    if contents[:4] == b"RIFF" and contents[8:12] == b"WEBP":
        return "webp"
    return None


def _contents(value):
    if value.ndim:
        raise bad_file(f"`contents` must be scalar but got shape {list(value.shape)}")
    return value.item()


# -- pixels of one format: [H, W, C] or [frames, H, W, C] -------------------------------------------------------------
def _jpeg(contents, channels, ratio=1, symbol="decode_jpeg", recover=False):
    picture = _open(symbol, contents)
    height, width = picture.height, picture.width
    if ratio > 1:
        picture.draft(None, (max(1, width // ratio), max(1, height // ratio)))
    mode = {0: "L" if picture.mode == "L" else "RGB", 1: "L", 3: "RGB"}.get(channels)
    if mode is None:
        raise bad_file(f"channels must be 0, 1, or 3 for JPEG, got {channels}")
    if mode == "L" and picture.mode != "L":
        picture.draft(
            "L", (max(1, width // ratio), max(1, height // ratio))
        )  # the file's own brightness, as TensorFlow takes it
    try:
        pixels = np.asarray(picture if picture.mode == mode else picture.convert(mode))
    except (OSError, SyntaxError, ValueError) as e:
        if recover:
            raise NotImplementedError(
                f"tf.io.{symbol}(try_recover_truncated=True) of a truncated file is not supported by tfcompat: repair the file, or "
                "decode it with Pillow (ImageFile.LOAD_TRUNCATED_IMAGES)."
            ) from e
        raise bad_file(f"Invalid JPEG data or crop window, data size {len(contents)}: {e}") from None
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _png(contents, channels, wide=False):
    """[H, W, channels] uint8, or uint16 where `wide`."""
    samples = read_png(contents)
    if samples.dtype == np.uint16 and not wide:
        samples = (samples >> 8).astype(np.uint8)
    have = samples.shape[2]
    channels = channels or have
    most = np.iinfo(samples.dtype).max
    colours = samples[..., : 3 if samples.shape[2] > 2 else 1]
    if channels in (2, 4):
        alpha = samples[..., -1:] if samples.shape[2] in (2, 4) else np.full_like(samples[..., :1], most)
    if channels < 3 and colours.shape[2] == 3:
        colours = _brightness(colours)
    elif channels >= 3 and colours.shape[2] == 1:
        colours = np.repeat(colours, 3, 2)
    pixels = np.concatenate([colours, alpha], 2) if channels in (2, 4) else colours
    return pixels.astype(np.uint16) * np.uint16(257) if wide and pixels.dtype == np.uint8 else pixels


def _brightness(colours):
    """A PNG's brightness, [.., 3] -> [.., 1], by the fixed-point weights of TensorFlow's PNG library."""
    c = colours.astype(np.int64)
    gray = (9798 * c[..., :1] + 19235 * c[..., 1:2] + 3735 * c[..., 2:]) >> 15
    return gray.astype(colours.dtype)


def _frames(contents, symbol, mode="RGB"):
    """All frames of an animation, [frames, H, W, C]."""
    picture = _open(symbol, contents)
    frames = []
    try:
        for i in range(getattr(picture, "n_frames", 1)):
            picture.seek(i)
            frames.append(np.asarray(picture.convert(mode)))
    except (OSError, EOFError, SyntaxError) as e:
        if not frames:
            raise bad_file(f"Invalid GIF data (size {len(contents)}), {e}") from None
    return np.stack(frames)


def _pixels(contents, channels, symbol, wide=False, animated=False):
    """The pixels of a file of any format TensorFlow's decoders take."""
    kind = _format(contents)
    if kind == "jpeg":
        return _jpeg(contents, channels, symbol=symbol)
    if kind == "png":
        return _png(contents, channels, wide)
    if kind == "bmp" and symbol == "decode_image":
        return read_bmp(contents, channels)
    if kind == "bmp":
        op_used = "".join(part.capitalize() for part in symbol.split("_"))
        raise bad_file(
            f"Trying to decode BMP format using a wrong op. Use `decode_bmp` or `decode_image` instead. Op used: {op_used}"
        )
    if kind == "gif":
        if channels not in (0, 3):
            raise bad_file(f"channels must be 0 or 3 for GIF, got {channels}")
        frames = _frames(contents, symbol)
        if animated:
            return frames
        if symbol != "decode_image" and len(frames) != 1:
            raise bad_file(
                f"Got {len(frames)} frames, but animated gifs can only be decoded by tf.io.decode_gif or tf.io.decode_image"
            )
        return frames[0]
    raise bad_file("Unknown image file format. One of JPEG, PNG, GIF, BMP required.")


def _as_dtype(pixels, dtype):
    """uint8 or uint16 pixels as one of TensorFlow's three dtypes of decoded images."""
    if dtype is dtypes.float32:
        return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    if dtype is dtypes.uint16 and pixels.dtype == np.uint8:
        return pixels.astype(np.uint16) * np.uint16(256)
    return pixels


# -- decoding ---------------------------------------------------------------------------------------------------------
def _check_channels(channels, allowed=(0, 1, 3, 4)):
    if channels not in allowed:
        text = f"channels must be one of {', '.join(map(str, allowed))}, got {channels}"
        raise errors.InvalidArgumentError(None, None, text) if context.graph is None else ValueError(text)


def _scalar(contents):
    contents = record.convert_to_tensor(contents, dtypes.string, name="contents")
    if context.graph is not None and contents.shape.rank not in (0, None):
        raise ValueError(
            f"Shape must be rank 0 but is rank {contents.shape.rank}: contents of a decoder, {contents.shape}"
        )
    return contents


def _image_shape(dtype=dtypes.uint8):
    return lambda contents, channels=0, **settings: (settings.get("dtype", dtype), (None, None, channels or None))


_DCT = ("", "INTEGER_FAST", "INTEGER_ACCURATE")


def _jpeg_settings(channels, ratio, fancy_upscaling, recover, fraction, dct_method, symbol):
    """The kernel's settings.  Raises NotImplementedError for what Pillow's decoder cannot do."""
    _check_channels(channels)
    if ratio not in (1, 2, 4, 8):
        raise errors.InvalidArgumentError(None, None, f"ratio must be 1, 2, 4, or 8, got {ratio}")
    if dct_method not in _DCT:
        raise errors.InvalidArgumentError(None, None, f"dct_method must be one of {_DCT[1:]}, got {dct_method!r}")
    if not fancy_upscaling:
        raise NotImplementedError(
            f"tf.io.{symbol}(fancy_upscaling=False) is not supported by tfcompat: Pillow always upscales smoothly; leave the argument out."
        )
    # dct_method is a hint, which TensorFlow's documentation says a decoder may ignore: Pillow's has the accurate transform only.
    # Whole files are decoded alike whatever is said about truncated ones.
    return {"channels": channels, "ratio": ratio, **({"recover": True} if recover or fraction < 1 else {})}


@op("DecodeJpeg", host=True, abstract=_image_shape(), name="DecodeJpeg")
def decode_jpeg_kernel(contents, *, channels, ratio, recover=False):
    data = _contents(contents)
    if _format(data) == "jpeg":
        return _jpeg(data, channels, ratio, recover=recover)
    return _pixels(data, channels, "decode_jpeg")


@export("io.decode_jpeg image.decode_jpeg")
def decode_jpeg(
    contents, channels=0, ratio=1, fancy_upscaling=True, try_recover_truncated=False, acceptable_fraction=1, dct_method="", name=None
):  # fmt: skip
    """A JPEG file's bytes (PNG and GIFs of one frame, too) -> uint8 [height, width, channels], reduced by `ratio` 1, 2, 4 or 8.

    `channels` is 0 (as in the file), 1 or 3.  Raises InvalidArgumentError for data that is no image or is truncated,
    NotImplementedError for fancy_upscaling=False and for truncated files with `try_recover_truncated` or an `acceptable_fraction` below one.
    """
    settings = _jpeg_settings(
        channels, ratio, fancy_upscaling, try_recover_truncated, acceptable_fraction, dct_method, "decode_jpeg"
    )
    return record.call(decode_jpeg_kernel.op, [_scalar(contents)], settings, name)


@op(
    "DecodeAndCropJpeg",
    host=True,
    alike=False,
    abstract=lambda c, w, channels, **_: (dtypes.uint8, (None, None, channels or None)),
)
def decode_and_crop_jpeg_kernel(contents, crop_window, *, channels, ratio, recover=False):
    image = _jpeg(_contents(contents), channels, ratio, "decode_and_crop_jpeg", recover)
    if crop_window.shape != (4,):
        raise bad_file(f"crop_window must have four elements {list(crop_window.shape)}")
    top, left, height, width = crop_window.tolist()
    inside = top >= 0 and left >= 0 and top + height <= image.shape[0] and left + width <= image.shape[1]
    if not inside or height <= 0 or width <= 0:
        raise bad_file(f"Invalid JPEG data or crop window: {[top, left, height, width]} of {list(image.shape[:2])}")
    return np.ascontiguousarray(image[top : top + height, left : left + width])


@export("io.decode_and_crop_jpeg image.decode_and_crop_jpeg")
def decode_and_crop_jpeg(
    contents, crop_window, channels=0, ratio=1, fancy_upscaling=True, try_recover_truncated=False, acceptable_fraction=1, dct_method="",
    name=None,
):  # fmt: skip
    """tf.io.decode_jpeg of the window (top, left, height, width) alone."""
    settings = _jpeg_settings(
        channels, ratio, fancy_upscaling, try_recover_truncated, acceptable_fraction, dct_method, "decode_and_crop_jpeg"
    )
    window = record.convert_to_tensor(crop_window, dtypes.int32, name="crop_window")
    out = record.call(decode_and_crop_jpeg_kernel.op, [_scalar(contents), window], settings, name)
    if context.graph is not None:
        _, _, height, width = record.constant_value_as_shape(window).with_rank(4)
        out.set_shape([height, width, None])
    return out


@op("DecodePng", host=True, abstract=_image_shape())
def decode_png_kernel(contents, *, channels, dtype):
    pixels = _pixels(_contents(contents), channels, "decode_png", wide=dtype is dtypes.uint16)
    return _as_dtype(pixels, dtype)


@export("io.decode_png image.decode_png")
def decode_png(contents, channels=0, dtype=dtypes.uint8, name=None):
    """A PNG file's bytes (JPEG and GIFs of one frame, too) -> uint8 or uint16 [height, width, channels]; channels 0: as in the file."""
    _check_channels(channels)
    dtype = dtypes.as_dtype(dtype)
    if dtype not in (dtypes.uint8, dtypes.uint16):
        raise TypeError(
            f"Value passed to parameter 'dtype' has DataType {dtype.name} not in list of allowed values: uint8, uint16"
        )
    return record.call(decode_png_kernel.op, [_scalar(contents)], {"channels": channels, "dtype": dtype}, name)


@op("DecodeBmp", host=True, abstract=_image_shape())
def decode_bmp_kernel(contents, *, channels):
    data = _contents(contents)
    kind = _format(data)
    if kind != "bmp":
        if kind is None:
            raise bad_file("Unknown image file format. One of JPEG, PNG, GIF, BMP required.")
        raise bad_file(
            f"Trying to decode {kind.upper()} format using a wrong op. Use `decode_{kind}` or `decode_image` instead. Op used: DecodeBmp"
        )
    return np.ascontiguousarray(read_bmp(data, channels))


@export("io.decode_bmp image.decode_bmp")
def decode_bmp(contents, channels=0, name=None):
    """A BMP file's bytes -> uint8 [height, width, channels]; channels 0: as in the file, else what the file must have."""
    _check_channels(channels)
    return record.call(decode_bmp_kernel.op, [_scalar(contents)], {"channels": channels}, name)


@op("DecodeGif", host=True, abstract=lambda contents: (dtypes.uint8, (None, None, None, 3)))
def decode_gif_kernel(contents):
    data = _contents(contents)
    kind = _format(data)
    if kind == "gif":
        return _frames(data, "decode_gif")
    if kind in ("jpeg", "png"):
        return _pixels(data, 3, "decode_gif")[None]
    raise bad_file("Unknown image file format. One of JPEG, PNG, GIF, BMP required.")


@export("io.decode_gif image.decode_gif")
def decode_gif(contents, name=None):
    """A GIF file's bytes -> uint8 [frames, height, width, 3]."""
    return record.call(decode_gif_kernel.op, [_scalar(contents)], None, name)


def _any_shape(contents, channels, dtype, expand_animations):
    return dtype, None if expand_animations else (None, None, channels or None)


@op("DecodeImage", host=True, abstract=_any_shape)
def decode_image_kernel(contents, *, channels, dtype, expand_animations):
    wide = dtype in (dtypes.uint16, dtypes.float32)
    data = _contents(contents)
    if _format(data) == "bmp" and dtype is not dtypes.uint8 and dtype is not dtypes.float32:
        wide = False
    return _as_dtype(_pixels(data, channels, "decode_image", wide and _format(data) == "png", expand_animations), dtype)


@export("io.decode_image image.decode_image")
def decode_image(contents, channels=None, dtype=dtypes.uint8, name=None, expand_animations=True):
    """A JPEG, PNG, GIF or BMP file's bytes -> [height, width, channels]; GIFs [frames, height, width, 3] unless not expand_animations.

    As uint8, uint16, float32 in [0, 1], or, converted from uint16, any dtype tf.image.convert_image_dtype gives.
    """
    with name_scope(name, "decode_image"):
        channels = channels or 0
        _check_channels(channels)
        dtype = dtypes.as_dtype(dtype)
        settings = {
            "channels": channels,
            "dtype": dtype if dtype in _PIXELS else dtypes.uint16,
            "expand_animations": bool(expand_animations),
        }
        image = record.call(decode_image_kernel.op, [_scalar(contents)], settings, None)
        return image if dtype in _PIXELS else convert_image_dtype(image, dtype)


@op(
    "DecodeWebP",
    host=True,
    abstract=lambda contents, channels, dtype: (dtypes.uint8, (None, None, None, channels or None)),
)
def decode_webp_kernel(contents, *, channels, dtype):
    data = _contents(contents)
    if _format(data) != "webp":
        raise bad_file("Failed to decode the image: it is not WebP.")
    if not channels:
        channels = 4 if _open("decode_webp", data).mode == "RGBA" else 3
    return _frames(data, "decode_webp", {3: "RGB", 4: "RGBA"}[channels])


def decode_webp(contents, channels=0, dtype=dtypes.uint8, name=None):
    """A WebP file's bytes -> uint8 [frames, height, width, channels]; channels 0 (as in the file), 3 or 4."""
    _check_channels(channels, (0, 3, 4))
    dtype = dtypes.as_dtype(dtype)
    if dtype is not dtypes.uint8:
        raise TypeError(f"Value for attr 'dtype' of {dtype.name} is not in the list of allowed values: uint8")
    return record.call(decode_webp_kernel.op, [_scalar(contents)], {"channels": channels, "dtype": dtype}, name)


publish(decode_webp, "image.decode_webp io.decode_webp")


@export("image.decode_jxl")
def decode_jxl(contents, channels=0, dtype=dtypes.uint8, name=None):
    """Refused: nothing that tfcompat builds on reads JPEG XL."""
    raise NotImplementedError(
        "tf.image.decode_jxl is not supported by tfcompat; store the images as PNG, JPEG or WebP."
    )


# -- encoding ---------------------------------------------------------------------------------------------------------
_MODES = {"": None, "grayscale": 1, "rgb": 3}


def _save_jpeg(image, format, quality, progressive, optimize_size, chroma_downsampling, density_unit, x_density, y_density, xmp_metadata):  # fmt: skip
    if image.dtype != np.uint8 or image.ndim != 3:
        raise bad_file(f"image must be 3-dimensional uint8, got {list(image.shape)} of {image.dtype}")
    channels = image.shape[2]
    if _MODES[format] not in (None, channels):
        raise bad_file(f"format {format!r} expects {_MODES[format]} channels, got {channels}")
    if channels not in (1, 3):
        raise bad_file(f"image must have 1 or 3 channels, got shape {list(image.shape)}")
    if not 0 <= quality <= 100:
        raise bad_file(f"quality must be in [0,100], got {quality}")
    picture = pillow("encode_jpeg").fromarray(np.ascontiguousarray(image[..., 0] if channels == 1 else image))
    density = (x_density, y_density) if density_unit == "in" else (x_density * 2.54, y_density * 2.54)
    out, more = io.BytesIO(), {"xmp": xmp_metadata.encode() if isinstance(xmp_metadata, str) else xmp_metadata}
    picture.save(
        out, "JPEG", quality=int(quality), progressive=progressive, optimize=optimize_size, dpi=density,
        subsampling="4:2:0" if chroma_downsampling else "4:4:4", **(more if xmp_metadata else {}),
    )  # fmt: skip
    return out.getvalue()


@op("EncodeJpeg", host=True, abstract=lambda image, **settings: (dtypes.string, ()))
def encode_jpeg_kernel(
    image, *, format, quality, progressive, optimize_size, chroma_downsampling, density_unit, x_density, y_density, xmp_metadata
):  # fmt: skip
    return _save_jpeg(
        image, format, quality, progressive, optimize_size, chroma_downsampling, density_unit, x_density, y_density, xmp_metadata
    )  # fmt: skip


@export("io.encode_jpeg image.encode_jpeg")
def encode_jpeg(
    image, format="", quality=95, progressive=False, optimize_size=False, chroma_downsampling=True, density_unit="in", x_density=300,
    y_density=300, xmp_metadata="", name=None,
):  # fmt: skip
    """uint8 [height, width, 1 or 3] -> the bytes of a JPEG file."""
    if format not in _MODES:
        raise errors.InvalidArgumentError(None, None, f"format must be '', 'grayscale' or 'rgb', got {format!r}")
    image = record.convert_to_tensor(image, dtypes.uint8, name="image")
    settings = dict(
        format=format, quality=quality, progressive=bool(progressive), optimize_size=bool(optimize_size),
        chroma_downsampling=bool(chroma_downsampling), density_unit=density_unit, x_density=x_density, y_density=y_density,
        xmp_metadata=xmp_metadata,
    )  # fmt: skip
    return record.call(encode_jpeg_kernel.op, [image], settings, name)


@op("EncodeJpegVariableQuality", host=True, alike=False, abstract=lambda images, quality: (dtypes.string, ()))
def encode_jpeg_variable_quality_kernel(images, quality):
    return _save_jpeg(images, "", int(quality), False, False, True, "in", 300, 300, "")


@export("image.adjust_jpeg_quality")
def adjust_jpeg_quality(image, jpeg_quality, dct_method="", name=None):
    """The image [height, width, 1 or 3] after JPEG encoding at that quality, 0 to 100, and decoding."""
    with name_scope(name, "adjust_jpeg_quality", [image]):
        image = record.convert_to_tensor(image, name="image")
        channels, have = (image.shape.as_list() or [None])[-1] if image.shape.rank is not None else None, image.dtype
        quality = record.convert_to_tensor(jpeg_quality, dtypes.int32)
        encoded = encode_jpeg_variable_quality_kernel(convert_image_dtype(image, dtypes.uint8, saturate=True), quality)
        out = decode_jpeg(encoded, channels=channels or 0, dct_method=dct_method)
        return convert_image_dtype(out, have, saturate=True)


@op(
    "EncodePng",
    host=True,
    abstract=lambda image, compression: (dtypes.string, None if image.shape is None else image.shape[:-3]),
)
def encode_png_kernel(image, *, compression):
    if image.ndim < 3 or not 1 <= image.shape[-1] <= 4:
        raise bad_file(f"image must be at least rank 3 and have 1, 2, 3, or 4 channels, got shape {list(image.shape)}")
    if 0 in image.shape[-3:]:
        raise bad_file(f"image cannot have zero size: {list(image.shape)}")
    files = [write_png(i, compression) for i in image.reshape(-1, *image.shape[-3:])]
    out = np.empty(len(files), object)
    out[:] = files
    return out.reshape(image.shape[:-3])


@export("io.encode_png image.encode_png")
def encode_png(image, compression=-1, name=None):
    """uint8 or uint16 [..., height, width, 1 to 4] -> the bytes of PNG files [...]; compression -1 or 0 to 9."""
    image = record.convert_to_tensor(image)
    if image.dtype.base_dtype not in (dtypes.uint8, dtypes.uint16):
        text = f"Value for attr 'T' of {image.dtype.name} is not in the list of allowed values: uint8, uint16"
        raise errors.InvalidArgumentError(None, None, text) if context.graph is None else TypeError(text)
    if not -1 <= compression <= zlib.Z_BEST_COMPRESSION:
        raise errors.InvalidArgumentError(None, None, f"compression should be in [-1,9], got {compression}")
    return record.call(encode_png_kernel.op, [image], {"compression": compression}, name)


# -- about files ------------------------------------------------------------------------------------------------------
@op("ExtractJpegShape", host=True, abstract=lambda contents, output_type: (output_type, (3,)))
def extract_jpeg_shape_kernel(contents, *, output_type):
    data = _contents(contents)
    if _format(data) != "jpeg":
        raise bad_file(f"Invalid JPEG data, size {len(data)}")
    picture = _open("extract_jpeg_shape", data)
    return np.array([picture.height, picture.width, len(picture.getbands())], output_type.np)


@export("io.extract_jpeg_shape image.extract_jpeg_shape")
def extract_jpeg_shape(contents, output_type=dtypes.int32, name=None):
    """A JPEG file's bytes -> [height, width, channels], int32 or int64, without decoding the pixels."""
    settings = {"output_type": dtypes.as_dtype(output_type)}
    return record.call(extract_jpeg_shape_kernel.op, [_scalar(contents)], settings, name)


@export("io.is_jpeg image.is_jpeg")
def is_jpeg(contents, name=None):
    """Whether bytes begin as a JPEG file does, bool of the same shape."""
    with name_scope(name, "is_jpeg"):
        return OPS["Equal"].public(substr(contents, 0, 3), b"\xff\xd8\xff", name=name)
