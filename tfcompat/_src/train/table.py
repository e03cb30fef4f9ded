"""Sorted string tables, the format of a checkpoint's .index file: data blocks, an index block, a footer (LevelDB's
table format).
"""

from __future__ import annotations

import struct

from .. import errors
from ..wire.crc32c import masked
from ..wire.proto import read_varint, varint

_MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
_BLOCK = 1 << 18  # bytes after which a data block is closed
_RESTART = 16  # keys between two that are written in full


class _Block:
    """A block being written: keys share prefixes with the key before."""

    def __init__(self):
        self.out, self.restarts, self.count, self.last = bytearray(), [0], 0, b""

    def add(self, key, value):
        shared = 0
        if self.count == _RESTART:
            self.restarts.append(len(self.out))
            self.count = 0
        else:
            limit = min(len(key), len(self.last))
            while shared < limit and key[shared] == self.last[shared]:
                shared += 1
        self.out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        self.last, self.count = key, self.count + 1

    def finish(self):
        """The block's bytes, with type (not compressed) and CRC."""
        body = bytes(self.out) + struct.pack(f"<{len(self.restarts) + 1}I", *self.restarts, len(self.restarts)) + b"\0"
        return body + struct.pack("<I", masked(body))


def build(pairs):
    """A table of sorted (key, value) pairs of bytes, as bytes."""
    out, index, block = bytearray(), _Block(), _Block()

    def close(block):
        data = block.finish()
        handle = varint(len(out)) + varint(len(data) - 5)
        out.extend(data)
        return handle

    for key, value in pairs:
        block.add(key, value)
        if len(block.out) >= _BLOCK:
            index.add(key, close(block))
            block = _Block()
    if block.last or block.out:
        index.add(block.last, close(block))
    footer = close(_Block()) + close(index)
    return bytes(out) + footer.ljust(40, b"\0") + _MAGIC


def _entries(data, offset, size):
    if data[offset + size]:
        raise errors.UnimplementedError(None, None, "compressed blocks in a checkpoint index are not supported")
    body = data[offset : offset + size]
    if struct.unpack_from("<I", data, offset + size + 1)[0] != masked(data[offset : offset + size + 1]):
        raise errors.DataLossError(None, None, "block checksum mismatch")
    end = size - 4 - 4 * struct.unpack_from("<I", body, size - 4)[0]
    at, key = 0, b""
    while at < end:
        shared, at = read_varint(body, at)
        own, at = read_varint(body, at)
        length, at = read_varint(body, at)
        key = key[:shared] + body[at : at + own]
        at += own
        yield key, body[at : at + length]
        at += length


def read(data):
    """Yields the (key, value) pairs of a table; DataLossError where the bytes are none."""
    if len(data) < 48 or data[-8:] != _MAGIC:
        raise errors.DataLossError(None, None, "not an sstable (bad magic number)")
    footer = data[-48:]
    _, at = read_varint(footer, 0)
    _, at = read_varint(footer, at)
    offset, at = read_varint(footer, at)
    size, at = read_varint(footer, at)
    for _, handle in _entries(data, offset, size):
        start, at = read_varint(handle, 0)
        length, _ = read_varint(handle, at)
        yield from _entries(data, start, length)
