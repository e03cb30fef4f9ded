"""PNG and BMP files <-> arrays, with NumPy and zlib; what is rare in PNG (interlaced files) is left to Pillow."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from .. import errors

PNG = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # PNG colour type -> samples per pixel


def bad_file(message):
    """InvalidArgumentError about a file's contents."""
    return errors.InvalidArgumentError(None, None, message)


# -- writing ----------------------------------------------------------------------------------------------------------
def write_png(image, compression):
    """image [H, W, 1 to 4], uint8 or uint16 -> the bytes of a PNG file."""
    height, width, channels = image.shape
    rows = np.ascontiguousarray(image.astype(">u2") if image.dtype == np.uint16 else image)
    rows = rows.view(np.uint8).reshape(height, -1)
    step = channels * image.dtype.itemsize
    filtered = _filtered(rows, step)
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, 8 * image.dtype.itemsize, kind, 0, 0, 0)
    data = zlib.compress(filtered.tobytes(), compression)
    return PNG + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _filtered(rows, step):
    """Each row, its filter's number in front: as it is, or as differences to the left or to the row above, whichever is smallest.

    The two other filters of PNG are not used: undoing them takes one byte after the other.
    """
    left, above = rows.copy(), rows.copy()
    left[:, step:] -= rows[:, :-step]
    above[1:] -= rows[:-1]
    kinds = np.stack([rows, left, above])
    cost = np.abs(kinds.view(np.int8).astype(np.int32)).sum(2)
    best = np.argmin(cost, 0)
    return np.concatenate([best[:, None].astype(np.uint8), kinds[best, np.arange(len(rows))]], 1)


def _chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


# -- reading ----------------------------------------------------------------------------------------------------------
def _chunks(contents):
    at = len(PNG)
    while at + 8 <= len(contents):
        size, name = struct.unpack_from(">I4s", contents, at)
        if at + 12 + size > len(contents):
            raise bad_file("Invalid PNG. Failed to initialize decoder: the file is truncated.")
        yield name, contents[at + 8 : at + 8 + size]
        at += 12 + size


def read_png(contents):
    """The samples of a PNG file, [H, W, 1 to 4] uint8 or uint16, palettes looked up."""
    parts, head, palette, clear = [], None, None, None
    for name, data in _chunks(contents):
        if name == b"IHDR":
            head = struct.unpack(">IIBBBBB", data)
        elif name == b"PLTE":
            palette = np.frombuffer(data, np.uint8).reshape(-1, 3)
        elif name == b"tRNS":
            clear = data
        elif name == b"IDAT":
            parts.append(data)
    if head is None or not parts:
        raise bad_file("Invalid PNG. Failed to initialize decoder: no image in the file.")
    width, height, depth, kind, _, _, interlaced = head
    if interlaced:
        samples = _interlaced(contents, kind)
    else:
        samples = _samples(b"".join(parts), width, height, depth, _SAMPLES[kind])
        if kind == 0 and depth < 8:
            samples = samples * np.uint8(255 // (2**depth - 1))
    if kind == 3 and not interlaced:
        places = np.minimum(samples[..., 0], len(palette) - 1)
        samples = palette[places]
        if clear is not None:
            alpha = np.full(len(palette), 255, np.uint8)
            alpha[: len(clear)] = np.frombuffer(clear, np.uint8)[: len(palette)]
            samples = np.concatenate([samples, alpha[places][..., None]], 2)
    return samples


def _interlaced(contents, kind):
    import io

    from .image_codecs import pillow

    picture = pillow("decode_png").open(io.BytesIO(contents))
    if picture.mode in ("I;16", "I"):
        return np.asarray(picture).astype(np.uint16)[..., None]
    mode = {0: "L", 2: "RGB", 3: "RGB", 4: "LA", 6: "RGBA"}[kind]
    samples = np.asarray(picture.convert(mode))
    return samples if samples.ndim == 3 else samples[..., None]


def _samples(data, width, height, depth, per_pixel):
    try:
        raw = zlib.decompress(data)
    except zlib.error as e:
        raise bad_file(f"Invalid PNG. Failed to read image data: {e}") from None
    row = (width * per_pixel * depth + 7) // 8
    if len(raw) < height * (row + 1):
        raise bad_file("Invalid PNG. Not enough image data.")
    rows = np.frombuffer(raw, np.uint8)[: height * (row + 1)].reshape(height, row + 1)
    plain = _unfiltered(rows[:, 0], rows[:, 1:], max(1, per_pixel * depth // 8))
    if depth == 16:
        return plain.view(">u2").astype(np.uint16).reshape(height, width, per_pixel)
    if depth < 8:
        bits = np.unpackbits(plain, axis=1).reshape(height, -1, depth)
        plain = (bits @ (1 << np.arange(depth)[::-1])).astype(np.uint8)[:, : width * per_pixel]
    return plain.reshape(height, width, per_pixel)


def _unfiltered(kinds, rows, step):
    """PNG stores each row as differences from what its filter predicts; here predictions are added again."""
    out = np.zeros((len(rows) + 1, rows.shape[1]), np.uint8)
    for i, kind in enumerate(kinds.tolist()):
        if kind == 0:
            out[i + 1] = rows[i]
        elif kind == 1:
            pixels = np.zeros(-(-rows.shape[1] // step) * step, np.uint8)
            pixels[: rows.shape[1]] = rows[i]
            total = np.cumsum(pixels.reshape(-1, step), 0, dtype=np.uint8)
            out[i + 1] = total.ravel()[: rows.shape[1]]
        elif kind == 2:
            out[i + 1] = rows[i] + out[i]
        else:  # these predict from what has just been restored: byte after byte
            restored = (_averages if kind == 3 else _paeth)(rows[i].tolist(), out[i].tolist(), step)
            out[i + 1] = np.array(restored, np.uint8)
    return out[1:]


def _averages(row, above, step):
    for i, up in enumerate(above):
        left = row[i - step] if i >= step else 0
        row[i] = (row[i] + (left + up) // 2) & 255
    return row


def _paeth(row, above, step):
    for i, up in enumerate(above):
        left, corner = (row[i - step], above[i - step]) if i >= step else (0, 0)
        guess = left + up - corner
        a, b, c = abs(guess - left), abs(guess - up), abs(guess - corner)
        row[i] = (row[i] + (left if a <= b and a <= c else up if b <= c else corner)) & 255
    return row


# -- BMP --------------------------------------------------------------------------------------------------------------
def read_bmp(contents, channels):
    """The pixels of an uncompressed BMP file of 8 (gray), 24 or 32 bits, [H, W, channels] uint8; channels 0: as in the file."""
    if len(contents) < 54:
        raise bad_file(f"Incomplete bmp content, requires at least 54 bytes to find the header size, width, height, and bpp, "
                       f"got {len(contents)} bytes")  # fmt: skip
    start, _, width, height, _, bits = struct.unpack_from("<iiiihh", contents, 10)
    have = bits // 8
    if channels not in (0, 3, 4):
        raise bad_file(f"`channels` must be 0, 3 or 4 for BMP, but got {channels}")
    if channels and channels != have:
        raise bad_file(f"channels attribute {channels} does not match bits per pixel from file {have}")
    if have not in (1, 3, 4):
        raise bad_file(f"Number of channels must be 1, 3 or 4, was {have}")
    if width <= 0 or height == 0:
        raise bad_file(f"Width must be positive, height not zero; got {width} x {height}")
    row = (width * have + 3) // 4 * 4
    if len(contents) < start + row * (abs(height) - 1) + width * have:
        raise bad_file(
            f"Incomplete bmp content, requires at least {start + row * abs(height)} bytes, got {len(contents)} bytes"
        )
    data = np.frombuffer(contents, np.uint8)[start : start + row * abs(height)]
    data = np.concatenate([data, np.zeros(row * abs(height) - len(data), np.uint8)])
    pixels = data.reshape(abs(height), row)[:, : width * have].reshape(abs(height), width, have)
    pixels = pixels if height < 0 else pixels[::-1]
    return pixels if have == 1 else pixels[..., [2, 1, 0, 3][:have]]
