"""Values as summaries: histograms, images as PNG."""

from __future__ import annotations

import functools
import struct
import sys
import zlib

import numpy as np

from .. import errors
from .messages import HistogramProto


@functools.cache
def _limits():
    """The bucket limits of TensorFlow's histograms: growing by 1.1 from 1e-12 to 1e20, mirrored."""
    positive, v = [], 1e-12
    while v < 1e20:
        positive.append(v)
        v *= 1.1
    positive.append(sys.float_info.max)
    return np.array([-p for p in reversed(positive)] + [0.0] + positive)


def histogram(values, tag):
    """A HistogramProto; InvalidArgumentError where values are not finite."""
    values = np.asarray(values).ravel().astype(np.float64)
    if not np.all(np.isfinite(values)):
        word = "Nan" if np.any(np.isnan(values)) else "Infinity"
        raise errors.InvalidArgumentError(None, None, f"{word} in summary histogram for: {tag}")
    limits = _limits()
    counts = (
        np.bincount(np.searchsorted(limits, values, side="right"), minlength=len(limits))
        if values.size
        else np.zeros(len(limits), int)
    )
    made = HistogramProto(
        min=float(values.min()) if values.size else sys.float_info.max,
        max=float(values.max()) if values.size else -sys.float_info.max,
        num=float(values.size),
        sum=float(values.sum()),
        sum_squares=float(np.sum(values * values)),
    )
    used = np.flatnonzero(counts).tolist()
    previous = -1
    for i in [*used, len(limits)]:  # a run of empty buckets is one, up to where it ends
        if i > previous + 1:
            made.bucket_limit.append(limits[i - 1])
            made.bucket.append(0.0)
        if i < len(limits):
            made.bucket_limit.append(limits[i])
            made.bucket.append(float(counts[i]))
        previous = i
    return made


def png(image):
    """PNG bytes of a uint8 image [height, width, 1, 3 or 4 (or 2)]."""
    height, width, channels = image.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = np.zeros((height, width * channels + 1), np.uint8)
    rows[:, 1:] = image.reshape(height, -1)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows.tobytes()))
        + chunk(b"IEND", b"")
    )


def pixels(image, bad_color=(255, 0, 0, 255)):
    """A float image as uint8: scaled to its maximum, or around 128 where it has negative values; not finite pixels
    in `bad_color`.
    """
    if image.dtype == np.uint8:
        return image
    image = image.astype(np.float32)
    finite = np.isfinite(image).all(-1)
    good = image[finite]
    low, high = (float(good.min()), float(good.max())) if good.size else (0.0, 0.0)
    if low < 0:
        most = max(abs(low), abs(high))
        scale, offset = (127.0 / most if most >= 1e-6 else 0.0), 128.0
    else:
        scale, offset = (255.0 / high if high >= 1e-6 else 0.0), 0.0
    out = np.where(finite[..., None], image * np.float32(scale) + np.float32(offset), 0)
    out = np.clip(out, 0, 255).astype(np.uint8)
    out[~finite] = np.array(bad_color[: image.shape[-1]], np.uint8)
    return out


def saturated(image):
    """An image as uint8: floats in [0, 1] scaled to 255, what lies outside clipped."""
    if image.dtype == np.uint8:
        return image
    if image.dtype.kind == "f":
        return (np.clip(image.astype(np.float32), 0, 1) * np.float32(255.5)).astype(np.uint8)
    return np.clip(image, 0, 255).astype(np.uint8)


def buckets(values, count):
    """Rows (left edge, right edge, how many) of a histogram with `count` buckets of one width, as TensorBoard reads it."""
    values = np.asarray(values, np.float64).ravel()
    if not values.size or count <= 0:
        return np.zeros((max(count, 0), 3), np.float64)
    low, high = values.min(), values.max()
    if low == high:
        out = np.zeros((count, 3), np.float64)
        out[:, :2], out[-1, 2] = low, values.size
        return out
    width = (high - low) / count
    place = np.minimum(((values - low) / width).astype(np.int64), count - 1)
    edges = np.linspace(low, high, count + 1)
    return np.stack([edges[:-1], edges[1:], np.bincount(place, minlength=count)], 1)


def wav(sound, rate):
    """The bytes of a 16-bit WAV file of a sound [frames, channels] between -1 and 1."""
    frames, channels = sound.shape
    data = (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
    shape = struct.pack("<IHHIIHH", 16, 1, channels, int(rate), int(rate) * channels * 2, channels * 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(data))
        + b"WAVEfmt "
        + shape
        + b"data"
        + struct.pack("<I", len(data))
        + data
    )
