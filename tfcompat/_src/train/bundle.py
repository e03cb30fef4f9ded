"""TensorFlow's checkpoint format: `prefix.index` says for each name dtype, shape and where in
`prefix.data-00000-of-00001` it is.
"""

from __future__ import annotations

import os
import struct

import numpy as np

from .. import dtypes, errors
from ..wire import proto
from ..wire.crc32c import crc32c
from ..wire.proto import read_varint, varint
from . import table


def _mask(crc):
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _encode(array):
    """(bytes, CRC) of a tensor."""
    if array.dtype != object:
        data = np.ascontiguousarray(array)
        data = data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes()
        return data, crc32c(data)
    texts = [bytes(v) if isinstance(v, bytes) else str(v).encode() for v in array.ravel().tolist()]
    lengths = b"".join([struct.pack("<I" if len(t) < 1 << 32 else "<Q", len(t)) for t in texts])
    check = struct.pack("<I", _mask(crc32c(lengths)))
    crc = crc32c(b"".join(texts), crc32c(check, crc32c(lengths)))
    return b"".join([varint(len(t)) for t in texts]) + check + b"".join(texts), crc


def write(prefix, tensors):
    """Writes {name: array} as a checkpoint called `prefix`; complete files take the place of older ones at the end."""
    path, temporary = f"{prefix}.data-00000-of-00001", f"{prefix}.data-00000-of-00001.tempstate{os.getpid()}"
    header = proto.integer(1, 1) + proto.data(3, proto.integer(1, 1))  # one shard, little-endian, bundle version 1
    entries, offset = [(b"", header)], 0
    try:
        file = open(temporary, "wb")
    except FileNotFoundError as e:
        raise errors.NotFoundError(None, None, f"{temporary}; No such file or directory") from e
    with file:
        for name in sorted(tensors, key=str.encode):
            array = np.asarray(tensors[name])
            data, crc = _encode(array)
            file.write(data)
            shape = b"".join([proto.data(2, proto.integer(1, d) if d else b"") for d in array.shape])
            entry = proto.integer(1, dtypes.as_dtype(array.dtype).as_datatype_enum) + proto.data(2, shape)
            entry += proto.integer(4, offset) if offset else b""
            entry += proto.integer(5, len(data)) + proto.fixed32(6, _mask(crc))
            entries.append((name.encode(), entry))
            offset += len(data)
    index = f"{prefix}.index.tempstate{os.getpid()}"
    with open(index, "wb") as file:
        file.write(table.build(entries))
    os.replace(temporary, path)
    os.replace(index, f"{prefix}.index")


class Entry:
    """Where a tensor is: dtype, shape, shard, offset, size in bytes, CRC."""

    __slots__ = ("dtype", "shape", "shard", "offset", "size", "crc", "slices")

    def __init__(self, encoded):
        found = proto.fields(encoded)
        self.dtype = dtypes.as_dtype(found.get(1, [0])[0])
        dims = proto.fields(found[2][0]).get(2, []) if found.get(2) else []
        self.shape = tuple([proto.signed(proto.fields(d).get(1, [0])[0]) for d in dims])
        self.shard, self.offset, self.size = (found.get(k, [0])[0] for k in (3, 4, 5))
        self.crc, self.slices = found.get(6, [0])[0], found.get(7, [])


class Bundle:
    """A checkpoint being read.  Raises NotFoundError where there is none at `prefix`."""

    def __init__(self, prefix):
        self.prefix = prefix
        try:
            with open(f"{prefix}.index", "rb") as file:
                data = file.read()
        except FileNotFoundError:
            raise errors.NotFoundError(
                None,
                None,
                f"Unsuccessful TensorSliceReader constructor: Failed to find any matching files for {prefix}",
            ) from None
        self.entries, self.shards = {}, 1
        for key, value in table.read(data):
            if key == b"":
                self.shards = proto.fields(value).get(1, [1])[0]
            elif b"\0" not in key:  # slices of partitioned variables have keys of their own
                self.entries[key.decode()] = Entry(value)

    def read(self, name):
        """The tensor `name`; NotFoundError where there is none, DataLossError where its bytes are damaged."""
        entry = self.entries.get(name)
        if entry is None:
            raise errors.NotFoundError(None, None, f"Key {name} not found in checkpoint")
        if entry.slices:
            raise NotImplementedError(
                f"{name} was saved in slices (a partitioned variable): tfcompat reads whole tensors only."
            )
        path = f"{self.prefix}.data-{entry.shard:05d}-of-{self.shards:05d}"
        try:
            with open(path, "rb") as file:
                file.seek(entry.offset)
                data = file.read(entry.size)
        except FileNotFoundError:
            raise errors.NotFoundError(None, None, f"{path}; No such file or directory") from None
        if len(data) != entry.size:
            raise errors.DataLossError(None, None, f"{name}: the data file of checkpoint {self.prefix} is cut off")
        if entry.dtype is dtypes.string:
            return _texts(data, entry.shape)
        if _mask(crc32c(data)) != entry.crc:
            raise errors.DataLossError(
                None, None, f"Checksum does not match: {name} in checkpoint {self.prefix} is damaged"
            )
        return np.frombuffer(data, entry.dtype.np).reshape(entry.shape).copy()


def _texts(data, shape):
    n, at, lengths = int(np.prod(shape, dtype=np.int64)), 0, []
    for _ in range(n):
        length, at = read_varint(data, at)
        lengths.append(length)
    at += 4  # the CRC of the lengths
    out = np.empty(n, object)
    for i, length in enumerate(lengths):
        out[i] = data[at : at + length]
        at += length
    return out.reshape(shape)
