"""Checkpoints as TensorFlow wrote them before version 2: one sorted table with a description and the tensors' values.

The table's first value, under the empty key, is a SavedTensorSlices with names, dtypes and shapes; each further one
holds the numbers of a tensor, under a key made of its name.
"""

from __future__ import annotations

import os

import numpy as np

from .. import dtypes, errors
from ..wire import proto
from ..wire.proto import read_varint, varint
from . import bundle, table
from .checkpoint_state import checkpoint_files

# dtype -> (field of a TensorProto, how its values lie there: a NumPy dtype, or "varint")
_FIELDS = {
    "float32": (5, "<f4"), "float64": (6, "<f8"), "complex64": (9, "<f4"), "complex128": (12, "<f8"),
    **{name: (7, "varint") for name in ("int32", "int16", "int8", "uint16", "uint8")},
    "int64": (10, "varint"), "bool": (11, "varint"), "float16": (13, "bits"), "bfloat16": (13, "bits"),
    "uint32": (16, "varint"), "uint64": (17, "varint"),
}  # fmt: skip


def _key(name, rank):
    """The key of a whole tensor, in TensorFlow's order-preserving code: 0, the name, the rank, (0, -1) per dimension."""
    text = name.encode().replace(b"\xff", b"\xff\x00").replace(b"\0", b"\0\xff")
    return b"\0" + text + b"\0\1" + (bytes([1, rank]) if rank else b"\0") + b"\x80\x7f" * rank


def _whole(rank):
    """A TensorSliceProto that leaves nothing out."""
    return b"".join([proto.data(1, b"")] * rank)


def _encoded(array):
    """The values of a tensor as a TensorProto."""
    if array.dtype == object or array.dtype.kind in "SU":
        return b"".join([proto.data(8, v if isinstance(v, bytes) else str(v)) for v in array.ravel().tolist()])
    number, form = _field(dtypes.as_dtype(array.dtype))
    flat = np.ascontiguousarray(array).ravel()
    if form == "bits":
        flat, form = flat.view(np.uint16), "varint"
    if form == "varint":
        return proto.data(number, b"".join(map(varint, flat.tolist())))
    return proto.data(number, flat.view(flat.real.dtype).astype(form, copy=False).tobytes())


def _field(dtype):
    found = _FIELDS.get(dtype.name)
    if found is None:
        raise NotImplementedError(
            f"a checkpoint of version 1 with {dtype.name}: save it with write_version=SaverDef.V2"
        )
    return found


def _decoded(values, dtype, shape):
    """The array of a TensorProto's bytes."""
    found = proto.fields(values)
    if dtype is dtypes.string:
        out = np.empty(len(found.get(8, [])), object)
        out[:] = found.get(8, [])
        return out.reshape(shape)
    number, form = _field(dtype)
    raw = found.get(number, [])
    if form in ("varint", "bits"):
        numbers = []
        for part in raw:
            if isinstance(part, int):
                numbers.append(part)
                continue
            at = 0
            while at < len(part):
                value, at = read_varint(part, at)
                numbers.append(value)
        wide = np.array(numbers, np.uint64)
        flat = wide.astype(np.uint16).view(dtype.np) if form == "bits" else wide.view(np.int64).astype(dtype.np)
    else:
        flat = np.frombuffer(b"".join(raw), form).view(dtype.np)
    return flat.reshape(shape).copy()


def write(path, tensors):
    """Writes {name: array} as the file `path`."""
    described, values = [], []
    for name in sorted(tensors, key=str.encode):
        array = np.asarray(tensors[name])
        rank, slice_ = array.ndim, _whole(array.ndim)
        shape = b"".join([proto.data(2, proto.integer(1, d) if d else b"") for d in array.shape])
        kind = proto.integer(3, dtypes.as_dtype(array.dtype).as_datatype_enum)
        described.append(proto.data(1, proto.data(1, name) + proto.data(2, shape) + kind + proto.data(4, slice_)))
        saved = proto.data(1, name) + proto.data(2, slice_) + proto.data(3, _encoded(array))
        values.append((_key(name, rank), proto.data(2, saved)))
    versions = proto.data(2, proto.integer(1, 1))
    temporary = f"{path}.tempstate{os.getpid()}"
    try:
        with open(temporary, "wb") as file:
            file.write(table.build([(b"", proto.data(1, b"".join(described) + versions)), *sorted(values)]))
    except FileNotFoundError as e:
        raise errors.NotFoundError(None, None, f"{temporary}; No such file or directory") from e
    os.replace(temporary, path)


class Entry:
    """What the description says of a tensor."""

    __slots__ = ("dtype", "shape", "key")

    def __init__(self, name, encoded):
        self.dtype = dtypes.as_dtype(encoded[3][0])
        dims = proto.fields(encoded[2][0]).get(2, []) if encoded.get(2) else []
        self.shape = tuple([proto.signed(proto.fields(d).get(1, [0])[0]) for d in dims])
        slices = encoded.get(4, [])
        whole = len(slices) == 1 and not any([proto.fields(e) for e in proto.fields(slices[0]).get(1, [])])
        self.key = _key(name, len(self.shape)) if whole else None


class Slices:
    """A checkpoint of version 1 being read, of one file or several, as `bundle.Bundle` is."""

    def __init__(self, paths):
        self._values, self.entries = {}, {}
        for path in paths:
            with open(path, "rb") as file:
                self._values.update(table.read(file.read()))
            meta = proto.fields(proto.fields(self._values.pop(b""))[1][0])
            for found in [proto.fields(t) for t in meta.get(1, [])]:
                name = found[1][0].decode()
                self.entries[name] = Entry(name, found)

    def read(self, name):
        """The tensor `name`; NotFoundError where there is none, NotImplementedError where it was saved in parts."""
        entry = self.entries.get(name)
        if entry is None:
            raise errors.NotFoundError(None, None, f"Key {name} not found in checkpoint")
        if entry.key is None:
            raise NotImplementedError(
                f"{name} was saved in slices (a partitioned variable): tfcompat reads whole tensors only."
            )
        saved = proto.fields(proto.fields(self._values[entry.key])[2][0])
        return _decoded(saved[3][0], entry.dtype, entry.shape)


def reader(prefix):
    """The checkpoint called `prefix`, of either version.  Raises NotFoundError where there is none."""
    found = checkpoint_files(prefix)
    return Slices(found) if found and found[0] != f"{prefix}.index" else bundle.Bundle(prefix)
