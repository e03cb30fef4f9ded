"""TFRecord framing: length (8 bytes), CRC of it (4), data, CRC of the data (4); all little-endian, CRCs masked."""

from __future__ import annotations

import struct

from .. import errors
from .crc32c import masked


def frame(data):
    """One record as the bytes that stand for it in a file."""
    length = struct.pack("<Q", len(data))
    return b"".join([length, struct.pack("<I", masked(length)), data, struct.pack("<I", masked(data))])


def read(file, name="", check=False):
    """Yields the records of an open binary file; DataLossError where it is cut off or, with `check`, damaged."""
    position = 0
    while True:
        head = file.read(12)
        if not head:
            return
        if len(head) < 12:
            raise errors.DataLossError(
                None, None, f"truncated record at {position}' failed with Read less bytes than requested"
            )
        (length,), (crc,) = struct.unpack("<Q", head[:8]), struct.unpack("<I", head[8:])
        if crc != masked(head[:8]):
            raise errors.DataLossError(None, None, f"corrupted record at {position} {name}".rstrip())
        body = file.read(length + 4)
        if len(body) < length + 4:
            raise errors.DataLossError(
                None, None, f"truncated record at {position}' failed with Read less bytes than requested"
            )
        if check and struct.unpack("<I", body[length:])[0] != masked(body[:length]):
            raise errors.DataLossError(None, None, f"corrupted record at {position} {name}".rstrip())
        yield body[:length]
        position += length + 16
