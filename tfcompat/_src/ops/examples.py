"""Files as tensors, serialized tensors, and tf.train.Example records parsed into tensors."""

from __future__ import annotations

import collections
import os
import struct

import numpy as np

from .. import dtypes, record
from ..declare import export, op
from ..errors import InvalidArgumentError, NotFoundError
from ..shapes import TensorShape
from ..wire import proto
from .sparse import SparseTensor

_TYPES = {
    "float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "string": 7, "complex64": 8, "int64": 9, "bool": 10,
    "bfloat16": 14, "uint16": 17, "complex128": 18, "float16": 19, "uint32": 22, "uint64": 23,
}  # fmt: skip


@op(
    "ReadFile",
    "io.read_file",
    "io.read_file read_file",
    host=True,
    stateful=True,
    abstract=lambda f: (dtypes.string, ()),
)
def read_file(filename):
    """The bytes of a file; NotFoundError without it."""
    path = filename[()].decode()
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        raise NotFoundError(None, None, f"{path}; No such file or directory") from None


@op("WriteFile", "io.write_file", "io.write_file write_file", host=True, stateful=True, abstract=lambda f, c: [])
def write_file(filename, contents):
    """Writes a file, with the folders on the way; an operation in a graph."""
    path = filename[()].decode()
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as f:
        f.write(contents[()])
    return ()


@op(
    "SerializeTensor",
    "io.serialize_tensor",
    "io.serialize_tensor serialize_tensor",
    host=True,
    abstract=lambda t: (dtypes.string, ()),
)
def serialize_tensor(tensor):
    """A tensor as an encoded TensorProto."""
    dims = b"".join([proto.data(2, proto.integer(1, d)) for d in tensor.shape])
    head = proto.integer(1, _TYPES[dtypes.as_dtype(tensor.dtype).name]) + proto.data(2, dims)
    if tensor.dtype == object:
        return head + b"".join([proto.data(8, v) for v in tensor.reshape(-1).tolist()])
    return head + proto.data(4, np.ascontiguousarray(tensor).tobytes())


@op("ParseTensor", host=True, abstract=lambda s, out_type: (out_type, None))
def _parse_tensor(serialized, *, out_type):
    try:
        found = proto.fields(serialized[()])
        shape = [proto.signed(proto.fields(d).get(1, [0])[0]) for d in proto.fields(found.get(2, [b""])[0]).get(2, [])]
        kind = found.get(1, [0])[0]
    except (ValueError, IndexError, struct.error):
        raise InvalidArgumentError(
            None, None, f"Could not parse `serialized` as TensorProto: {serialized[()]!r}"
        ) from None
    if kind != _TYPES[out_type.name]:
        name = {v: k for k, v in _TYPES.items()}.get(kind, kind)
        raise InvalidArgumentError(
            None, None, f"Type mismatch between parsed tensor ({name}) and dtype ({out_type.name})"
        )
    if out_type is dtypes.string:
        out = np.empty(int(np.prod(shape, dtype=np.int64)), object)
        out[:] = found.get(8, [])
        return out.reshape(shape)
    if 4 not in found and int(np.prod(shape, dtype=np.int64)):
        raise NotImplementedError("tfcompat parses TensorProtos that hold their values in tensor_content only")
    return np.frombuffer(found.get(4, [b""])[0], out_type.np).reshape(shape).copy()


@export("io.parse_tensor", v1="io.parse_tensor parse_tensor")
def parse_tensor(serialized, out_type, name=None):
    """The tensor of an encoded TensorProto; InvalidArgumentError for another dtype or other bytes."""
    return _parse_tensor(serialized, out_type=dtypes.as_dtype(out_type), name=name)


# -- examples -----------------------------------------------------------------------------------------------------------------
@export("io.FixedLenFeature", v1="io.FixedLenFeature FixedLenFeature")
class FixedLenFeature(collections.namedtuple("FixedLenFeature", ["shape", "dtype", "default_value"])):
    """A feature of a fixed shape; missing ones raise, or have the default."""

    def __new__(cls, shape, dtype, default_value=None):
        return super().__new__(cls, shape, dtype, default_value)


@export("io.VarLenFeature", v1="io.VarLenFeature VarLenFeature")
class VarLenFeature(collections.namedtuple("VarLenFeature", ["dtype"])):
    """A feature of any length, parsed to a SparseTensor."""


@export("io.FixedLenSequenceFeature", v1="io.FixedLenSequenceFeature FixedLenSequenceFeature")
class FixedLenSequenceFeature(
    collections.namedtuple("FixedLenSequenceFeature", ["shape", "dtype", "allow_missing", "default_value"])
):
    """A feature of any number of rows of a fixed shape."""

    def __new__(cls, shape, dtype, allow_missing=False, default_value=None):
        return super().__new__(cls, shape, dtype, allow_missing, default_value)


def _values(feature):
    """(dtype, values) of an encoded Feature; (None, []) where it is empty."""
    found = proto.fields(feature)
    if 1 in found:
        return dtypes.string, proto.fields(found[1][-1]).get(1, [])
    if 2 in found:
        values = []
        for _, kind, value in proto.parse(found[2][-1]):
            values += struct.unpack(f"<{len(value) // 4}f", value) if kind == proto.BYTES else [proto.as_float(value)]
        return dtypes.float32, values
    if 3 in found:
        values = []
        for _, kind, value in proto.parse(found[3][-1]):
            at = 0
            while kind == proto.BYTES and at < len(value):
                number, at = proto.read_varint(value, at)
                values.append(proto.signed(number))
            if kind != proto.BYTES:
                values.append(proto.signed(value))
        return dtypes.int64, values
    return None, []


def _features(serialized, i):
    """{name: encoded Feature} of an encoded Example."""
    try:
        found = {}
        for features in proto.fields(serialized).get(1, []):
            for entry in proto.fields(features).get(1, []):
                pair = proto.fields(entry)
                found[pair[1][-1].decode()] = pair.get(2, [b""])[-1]
        return found
    except (ValueError, IndexError, struct.error, KeyError, AttributeError, UnicodeDecodeError):
        raise InvalidArgumentError(
            None, None, f"Could not parse example input, value: '{serialized!r}' (record {i})"
        ) from None


def _array(values, dtype, shape):
    out = np.empty(len(values), dtype.np)
    out[:] = values
    return out.reshape(shape)


def _parse_abstract(serialized, *, plan):
    batch, out = serialized.shape, []
    for _, dtype, shape, _, sparse, _ in plan:
        if sparse:
            rank = None if batch is None else 1 + len(batch)
            out += [(dtypes.int64, (None, rank)), (dtype, (None,)), (dtypes.int64, (rank,))]
        else:
            out.append((dtype, None if batch is None else (*batch, *shape)))
    return out


@op("ParseExampleV2", name="ParseExample/ParseExampleV2", host=True, alike=False, abstract=_parse_abstract)
def _parse(serialized, *, plan):
    """The features of encoded Examples (scalar, or a vector of them), dense ones as one array each, others as three."""
    records = [_features(v, i) for i, v in enumerate(serialized.reshape(-1).tolist())]
    out = []
    for key, dtype, shape, default, sparse, sequence in plan:
        rows = []
        for i, found in enumerate(records):
            kind, values = _values(found.get(key, b""))
            if kind is not None and kind is not dtype:
                text = f"Key: {key}.  Data types don't match. Data type: {kind.name} but expected type: {dtype.name}"
                raise InvalidArgumentError(None, None, text)
            if not sparse and kind is None and not sequence:
                if default is None:
                    text = f"Feature: {key} (data type: {dtype.name}) is required but could not be found."
                    raise InvalidArgumentError(None, None, text)
                values = (
                    np.broadcast_to(default[0], shape).reshape(-1).tolist()
                    if np.size(default[0]) <= 1
                    else default[0].reshape(-1).tolist()
                )
            size = int(np.prod([d for d in shape if d is not None], dtype=np.int64))
            if not sparse and not sequence and len(values) != size:
                text = f"Key: {key}.  Can't parse serialized Example (record {i}): {len(values)} values, expected shape {list(shape)}."
                raise InvalidArgumentError(None, None, text)
            rows.append(values)
        if sparse:
            places = [(i, j) if serialized.ndim else (j,) for i, r in enumerate(rows) for j in range(len(r))]
            rank = 1 + serialized.ndim
            most = max(map(len, rows), default=0)
            out += [np.array(places, np.int64).reshape(-1, rank), _array([v for r in rows for v in r], dtype, -1)]
            out.append(np.array([len(rows), most][2 - rank :], np.int64))
        elif sequence:
            inner = [d for d in shape[1:]]
            each = int(np.prod(inner, dtype=np.int64))
            most = max([len(r) // max(each, 1) for r in rows], default=0)
            fill = default[0].reshape(-1)[0] if default is not None else b"" if dtype is dtypes.string else 0
            padded = [list(r) + [fill] * (most * each - len(r)) for r in rows]
            out.append(_array([v for r in padded for v in r], dtype, (*serialized.shape, most, *inner)))
        else:
            out.append(_array([v for r in rows for v in r], dtype, (*serialized.shape, *shape)))
    return out


def _plan(features):
    """What to parse, as hashable settings: (key, dtype, shape, default, sparse, sequence)."""
    if not features:
        raise ValueError(f"Argument `features` cannot be None or falsy. Got {features}")
    plan = []
    for key in sorted(features):
        feature = features[key]
        dtype = dtypes.as_dtype(feature.dtype) if hasattr(feature, "dtype") else None
        if isinstance(feature, VarLenFeature):
            plan.append((key, dtype, (), None, True, False))
        elif isinstance(feature, (FixedLenFeature, FixedLenSequenceFeature)):
            sequence = isinstance(feature, FixedLenSequenceFeature)
            if sequence and not feature.allow_missing:
                raise ValueError(
                    f"Unsupported: FixedLenSequenceFeature requires allow_missing to be True. Received feature={feature} for key={key}."
                )
            shape = tuple(TensorShape(feature.shape).as_list())
            default = None if feature.default_value is None else (record.to_array(feature.default_value, dtype),)
            plan.append((key, dtype, (None, *shape) if sequence else shape, default, False, sequence))
        else:
            raise NotImplementedError(
                f"tfcompat does not parse features described by {type(feature).__name__} (key {key!r})"
            )
    return tuple(plan)


def _parsed(serialized, features, name, rank):
    serialized = record.convert_to_tensor(serialized, dtypes.string)
    if serialized.shape.rank not in (rank, None):
        raise ValueError(
            f"Input serialized must be {'a scalar' if rank == 0 else 'a vector'}, got shape {serialized.shape}"
        )
    plan = _plan(features)
    flat = iter(_parse(serialized, plan=plan, name=name))
    return {
        key: SparseTensor(next(flat), next(flat), next(flat)) if sparse else next(flat)
        for key, _, _, _, sparse, _ in plan
    }


@export("io.parse_single_example", v1="")
def parse_single_example(serialized, features, example_names=None, name=None):
    """{key: tensor or SparseTensor} of one encoded tf.train.Example; InvalidArgumentError where it does not fit `features`."""
    return _parsed(serialized, features, name, 0)


@export("", v1="io.parse_single_example parse_single_example")
def parse_single_example_v1(serialized, features, name=None, example_names=None):
    """{key: tensor or SparseTensor} of one encoded tf.train.Example."""
    return _parsed(serialized, features, name, 0)


@export("io.parse_example", v1="")
def parse_example(serialized, features, example_names=None, name=None):
    """{key: tensor or SparseTensor} of a vector of encoded tf.train.Examples, the batch first."""
    return _parsed(serialized, features, name, 1)


@export("", v1="io.parse_example parse_example")
def parse_example_v1(serialized, features, name=None, example_names=None):
    """{key: tensor or SparseTensor} of a vector of encoded tf.train.Examples."""
    return _parsed(serialized, features, name, 1)
