"""tf.strings: ops of byte strings, on the host.  What text means (case, characters, expressions) is UTF-8 where
TensorFlow takes it so.
"""

from __future__ import annotations

import base64
import functools
import re

import numpy as np

from .. import dtypes, errors, nest, record
from ..declare import export, op
from ..graph import context
from ..shapes import BroadcastError, TensorShape, broadcast_dims
from . import hashes
from .array import refusal
from .python import text_of

_WHITE = b" \t\n\r\v\f"


def _each(f, array, dtype=object):
    """f of every element, in an array of the same shape."""
    array = np.asarray(array, object)
    out = np.empty(array.shape, dtype)
    flat = out.reshape(-1)
    for i, v in enumerate(array.reshape(-1)):
        flat[i] = f(v)
    return out


def _same(dtype=dtypes.string):
    """Static shapes of ops that work element by element."""
    return lambda first, *rest, **settings: (dtype, first.shape)


def _text(type, names, v1=None):
    """Declares an op from each string to a string."""
    return op(type, names, v1, host=True, alike=False, dtypes="string", abstract=_same())


def _invalid(message):
    return errors.InvalidArgumentError(None, None, message)


def _characters(value):
    return value.decode("utf-8", "surrogateescape")


def _bytes(text):
    return text.encode("utf-8", "surrogateescape")


# -- one string to one string -----------------------------------
@_text("StringLower", "strings.lower")
def lower(input, *, encoding=""):
    """ASCII letters in lower case; all letters with encoding='utf-8'."""
    return _each(lambda v: _cased(v, encoding, "lower"), input)


@_text("StringUpper", "strings.upper")
def upper(input, *, encoding=""):
    """ASCII letters in upper case; all letters with encoding='utf-8'."""
    return _each(lambda v: _cased(v, encoding, "upper"), input)


def _cased(value, encoding, method):
    if encoding not in ("", "utf-8"):
        raise _invalid(f"only utf8 or '' (no encoding) is supported, received {encoding}")
    return _bytes(getattr(_characters(value), method)()) if encoding else getattr(value, method)()


@_text("StringStrip", "strings.strip", "strings.strip string_strip")
def strip(input):
    """Without white space at both ends."""
    return _each(lambda v: v.strip(_WHITE), input)


def _check_unit(unit):
    if unit not in ("BYTE", "UTF8_CHAR"):
        raise refusal("StringLength", f"Attr 'unit' passed string '{unit}' not in: \"BYTE\", \"UTF8_CHAR\".")
    return unit


@op("StringLength", host=True, dtypes="string", abstract=_same(dtypes.int32))
def _length(input, *, unit="BYTE"):
    return _each(len if unit == "BYTE" else lambda v: len(_characters(v)), input, np.int32)


@export("strings.length", v1="")
def length(input, unit="BYTE", name=None):
    """The number of bytes, or of characters with unit='UTF8_CHAR'."""
    return _length(input, unit=_check_unit(unit), name=name)


@export("", v1="strings.length")
def length_v1(input, name=None, unit="BYTE"):
    """The number of bytes, or of characters with unit='UTF8_CHAR'."""
    return length(input, unit, name)


def _shapes_together(*avals, **settings):
    try:
        return dtypes.string, functools.reduce(broadcast_dims, [a.shape for a in avals])
    except BroadcastError as e:
        raise _invalid(f"{e} [Op:Substr]") from None


@op("Substr", host=True, alike=False, dtypes="string", abstract=_shapes_together)
def _substr(input, pos, len, *, unit="BYTE"):
    if np.shape(pos) != np.shape(len):
        raise _invalid(f"pos and len should have the same shape, got: {list(np.shape(pos))} vs. {list(np.shape(len))}")
    strings, starts, lengths = np.broadcast_arrays(input, pos, len)
    out = np.empty(strings.shape, object)
    flat = out.reshape(-1)
    for i, (s, p, n) in enumerate(zip(strings.reshape(-1), starts.reshape(-1), lengths.reshape(-1))):
        text = s if unit == "BYTE" else _characters(s)
        size = text.__len__()
        if not -size <= p <= size:
            raise _invalid(f"pos {p} out of range for string b'{_characters(s)}' at index {i}")
        p = p + size if p < 0 else p
        part = text[p : p + max(int(n), 0)]
        flat[i] = part if unit == "BYTE" else _bytes(part)
    return out


@export("strings.substr", v1="")
def substr(input, pos, len, unit="BYTE", name=None):
    """`len` bytes (or characters) from `pos`, which may count from the end; InvalidArgumentError outside the string."""
    pos = record.convert_to_tensor(pos)
    return _substr(input, pos, record.convert_to_tensor(len, pos.dtype), unit=_check_unit(unit), name=name)


@export("", v1="strings.substr substr")
def substr_v1(input, pos, len, name=None, unit="BYTE"):
    """`len` bytes (or characters) from `pos`."""
    return substr(input, pos, len, unit, name)


# -- regular expressions -----------------------------------
_UNSUPPORTED = re.compile(r"\\[pPCQEz]|\(\?[a-zA-Z]*U")


def _pattern(pattern):
    """A Python expression for an RE2 one; NotImplementedError for what Python's have not, InvalidArgumentError for
    mistakes.
    """
    text = _characters(pattern) if isinstance(pattern, bytes) else pattern
    found = _UNSUPPORTED.search(text)
    if found:
        raise NotImplementedError(f"tfcompat matches with Python's re, which has no {found.group()!r}: {text!r}")
    try:
        return re.compile(text, re.ASCII)
    except re.error as e:
        raise _invalid(
            f"Invalid pattern: {text}, error: {'missing ): ' + text if 'unterminated subpattern' in str(e) else e}"
        ) from None


@op("RegexReplace", host=True, alike=False, dtypes="string", abstract=_same())
def _regex_replace(input, pattern, rewrite, *, replace_global=True):
    compiled, count = _pattern(pattern[()]), 0 if replace_global else 1
    pieces = re.split(r"(\\[0-9\\])", _characters(rewrite[()]))

    def put(m):
        return "".join(
            [
                p if not p.startswith("\\") or len(p) < 2 else "\\" if p[1] == "\\" else m.group(int(p[1])) or ""
                for p in pieces
            ]
        )

    return _each(lambda v: _bytes(compiled.sub(put, _characters(v), count=count)), input)


@export("strings.regex_replace", v1="strings.regex_replace regex_replace")
def regex_replace(input, pattern, rewrite, replace_global=True, name=None):
    """Matches of `pattern` (RE2) replaced by `rewrite`, in which \\1 is a group."""
    return _regex_replace(input, pattern, rewrite, replace_global=bool(replace_global), name=name)


@op("RegexFullMatch", host=True, alike=False, dtypes="string", abstract=_same(dtypes.bool))
def _regex_full_match(input, pattern):
    compiled = _pattern(pattern[()])
    return _each(lambda v: compiled.fullmatch(_characters(v)) is not None, input, bool)


@export("strings.regex_full_match")
def regex_full_match(input, pattern, name=None):
    """Whether all of a string matches `pattern` (RE2)."""
    return _regex_full_match(input, pattern, name=name)


# -- numbers -----------------------------------
@op("StringToNumber", host=True, dtypes="string", abstract=lambda input, out_type: (out_type, input.shape))
def _to_number(input, *, out_type):
    convert = _integer if out_type.is_integer else _float
    return _each(lambda v: convert(v, out_type), input, out_type.np)


def _bad_number(value):
    return _invalid(f"StringToNumberOp could not correctly convert string: {_characters(value)}")


def _integer(value, dtype):
    if not re.fullmatch(rb"[+-]?[0-9]+", value.strip(_WHITE)):
        raise _bad_number(value)
    number, info = int(value), np.iinfo(dtype.np)
    if not info.min <= number <= info.max:
        raise _bad_number(value)
    return number


def _float(value, dtype):
    text = value.strip(_WHITE).lower()
    try:
        if b"_" in text:
            raise ValueError
        return float.fromhex(text.decode()) if re.match(rb"[+-]?0x", text) else float(text)
    except ValueError:
        raise _bad_number(value) from None


@export("strings.to_number", v1="")
def to_number(input, out_type=dtypes.float32, name=None):
    """The numbers that strings spell; InvalidArgumentError for other strings."""
    out_type = dtypes.as_dtype(out_type)
    if out_type.name not in ("float32", "float64", "int32", "int64"):
        raise TypeError(
            f"Value passed to parameter 'out_type' has DataType {out_type.name} not in list of allowed values: "
            "float32, float64, int32, int64"
        )
    return _to_number(input, out_type=out_type, name=name)


@export("", v1="strings.to_number string_to_number")
def to_number_v1(string_tensor=None, out_type=dtypes.float32, name=None, input=None):
    """The numbers that strings spell."""
    return to_number(string_tensor if input is None else input, out_type, name)


@op("AsString", host=True, abstract=_same())
def _as_string(input, *, precision, scientific, shortest, width, fill):
    if scientific and shortest:
        raise _invalid("Cannot select both scientific and shortest notation")
    if len(fill) > 1:
        raise _invalid(f"Fill string must be one or fewer characters, got {fill}")
    kind = "e" if scientific else "g" if shortest else "f"
    flag = fill.replace(" ", "") if fill in ("", " ", "0", "+", "-") else None
    if flag is None:
        raise _invalid(f'Fill argument not supported: "{fill}"')
    if fill == " ":
        flag = " "
    size = str(width) if width > -1 else ""
    point = f".{precision}" if precision > -1 else ""

    def spell(v):
        if isinstance(v, (bool, np.bool_)):
            return (
                f"%{flag}{size}s".replace("0", "") % ("true" if v else "false") if size else ("true" if v else "false")
            )
        if isinstance(v, bytes):
            return v
        if isinstance(v, (complex, np.complexfloating)):
            return f"(%{flag}{size}{point}{kind},%{flag}{size}{point}{kind})" % (v.real, v.imag)
        if isinstance(v, (int, np.integer)):
            return f"%{flag}{size}d" % v
        return f"%{flag}{size}{point}{kind}" % v

    return _each(lambda v: v if isinstance(v, bytes) else spell(v).encode(), input)


@export("strings.as_string as_string")
def as_string(input, precision=-1, scientific=False, shortest=False, width=-1, fill="", name=None):
    """Numbers and booleans as C's printf writes them (six digits after the point by default)."""
    return _as_string(
        input,
        precision=int(precision),
        scientific=bool(scientific),
        shortest=bool(shortest),
        width=int(width),
        fill=fill,
        name=name,
    )


# -- joining -----------------------------------
def _join_abstract(*inputs, separator):
    shapes = [TensorShape(a.shape) for a in inputs if a.shape is None or a.shape]
    try:
        shape = functools.reduce(TensorShape.merge_with, shapes, TensorShape(None if shapes else []))
    except ValueError as e:
        raise _invalid(f"{e} [Op:StringJoin]") from None
    return dtypes.string, None if shape.rank is None else shape.as_list()


@op("StringJoin", host=True, dtypes="string", abstract=_join_abstract)
def _join(*inputs, separator):
    shapes = [i.shape for i in inputs if i.ndim]
    for s in shapes[1:]:
        if s != shapes[0]:
            raise _invalid(f"Input shapes do not match: {list(shapes[0])} vs. {list(s)}")
    spread = [np.broadcast_to(i, shapes[0] if shapes else ()).reshape(-1) for i in inputs]
    joined = [separator.encode().join(parts) for parts in zip(*spread)]
    out = np.empty(len(joined), object)
    out[:] = joined
    return out.reshape(shapes[0] if shapes else ())


@export("strings.join", v1="strings.join string_join")
def join(inputs, separator="", name=None):
    """Element by element, the strings of several tensors joined; scalars go with any shape."""
    return _join([record.convert_to_tensor(i, dtypes.string) for i in inputs], separator=separator, name=name)


@op(
    "ReduceJoin",
    host=True,
    dtypes="string",
    abstract=lambda i, axes, keepdims, separator: (
        dtypes.string,
        None if i.shape is None else _left(i.shape, axes, keepdims),
    ),
)
def _reduce_join(input, *, axes, keepdims, separator):
    rank, sep, out = input.ndim, separator.encode(), input
    for a in _positions(rank, axes):
        moved = np.moveaxis(out, a, -1)
        joined = np.empty(moved.shape[:-1], object)
        for index in np.ndindex(joined.shape):
            joined[index] = sep.join(moved[index].tolist())
        out = np.expand_dims(joined, a)
    return out.reshape(_left(input.shape, axes, keepdims))


def _positions(rank, axes):
    """The dimensions to join along, in their order; all from the last where none are given."""
    if axes is None:
        return list(range(rank))[::-1]
    found = [a + rank if a < 0 else a for a in axes]
    for a, given in zip(found, axes):
        if not 0 <= a < rank:
            said = f"Invalid reduction dimension {given} for input with {rank} dimension(s)"
            raise errors.OutOfRangeError(None, None, said)
    return found


def _left(shape, axes, keepdims):
    gone = set(_positions(len(shape), axes))
    return tuple([1 if d in gone else n for d, n in enumerate(shape) if keepdims or d not in gone])


@export("strings.reduce_join", v1="")
def reduce_join(inputs, axis=None, keepdims=False, separator="", name=None):
    """Strings joined along dimensions (in the order given; default: all, row by row)."""
    axes = record.setting(axis)
    axes = axes if axes is None or isinstance(axes, tuple) else (axes,)
    return _reduce_join(inputs, axes=axes, keepdims=bool(keepdims), separator=separator, name=name)


@export("", v1="strings.reduce_join reduce_join")
def reduce_join_v1(inputs, axis=None, keep_dims=None, separator="", name=None, reduction_indices=None, keepdims=None):
    """TF1's tf.strings.reduce_join."""
    axis = reduction_indices if axis is None else axis
    return reduce_join(inputs, axis, bool(keep_dims if keepdims is None else keepdims), separator, name)


def _segments_abstract(inputs, segment_ids, num_segments, **settings):
    if inputs.shape is None or segment_ids.shape is None:
        return dtypes.string, None
    return dtypes.string, (None, *inputs.shape[len(segment_ids.shape) :])


@op("UnsortedSegmentJoin", host=True, alike=False, dtypes="string", abstract=_segments_abstract)
def _segment_join(inputs, segment_ids, num_segments, *, separator):
    rest = inputs.shape[segment_ids.ndim :]
    rows = inputs.reshape((segment_ids.size, *rest))
    out = np.empty((int(num_segments), *rest), object)
    for index in np.ndindex(out.shape):
        out[index] = separator.encode().join(
            [rows[(j, *index[1:])] for j, s in enumerate(segment_ids.reshape(-1)) if s == index[0]]
        )
    return out


@export("strings.unsorted_segment_join")
def unsorted_segment_join(inputs, segment_ids, num_segments, separator="", name=None):
    """The strings of each segment joined, in order."""
    num_segments = record.convert_to_tensor(num_segments)
    out = _segment_join(inputs, segment_ids, num_segments, separator=separator, name=name)
    if context.graph is not None and out.shape.rank:
        known = record.static_value(num_segments)
        out.set_shape([None if known is None else int(known), *out.shape.as_list()[1:]])
    return out


@export("strings.format")
def format(template, inputs, placeholder="{}", summarize=3, name=None):
    """`template` with tensors (as tf.print writes them) in its placeholders; ValueError where the numbers differ."""
    if not isinstance(inputs, (list, tuple)):
        inputs = [inputs]
    if not isinstance(template, str):
        raise ValueError(f"Expected a string for the template, got {template!r}")
    pieces = template.split(placeholder)
    if len(pieces) - 1 != len(inputs):
        raise ValueError(
            f"The template expects {len(pieces) - 1} tensors, but the inputs only has {len(inputs)}. Please "
            "ensure the number of placeholders "
            "in template matches inputs length."
        )
    return _format(list(nest.flatten(inputs)), pieces=tuple(pieces), summarize=int(summarize), name=name)


@op("StringFormat", host=True, alike=False, abstract=lambda *avals, **settings: (dtypes.string, ()))
def _format(*inputs, pieces, summarize):
    texts = [text_of(i, summarize) if i.dtype != object or i.ndim else '"' + _characters(i[()]) + '"' for i in inputs]
    return "".join([pieces[0], *[t + p for t, p in zip(texts, pieces[1:])]])


# -- hashes and codes -----------------------------------
def _buckets(type, function):
    def abstract(input, *, num_buckets, **settings):
        check(num_buckets)
        return dtypes.int64, input.shape

    def check(num_buckets):
        if num_buckets < 1:
            raise _invalid(f"Attr 'num_buckets' of '{type}' Op passed {num_buckets} less than minimum 1.")

    @op(type, host=True, dtypes="string", abstract=abstract)
    def hashed(input, *, num_buckets, key=()):
        check(num_buckets)
        return _each(lambda v: function(v, key) % num_buckets, input, np.int64)

    return hashed


_fast = _buckets("StringToHashBucketFast", lambda v, key: hashes.fingerprint64(v))
_old = _buckets("StringToHashBucket", lambda v, key: hashes.hash64(v))
_strong = _buckets("StringToHashBucketStrong", hashes.siphash)


@export("strings.to_hash_bucket_fast", v1="strings.to_hash_bucket_fast string_to_hash_bucket_fast")
def to_hash_bucket_fast(input, num_buckets, name=None):
    """FarmHash's Fingerprint64 modulo `num_buckets`."""
    return _fast(input, num_buckets=num_buckets, name=name)


@export("strings.to_hash_bucket_strong", v1="strings.to_hash_bucket_strong string_to_hash_bucket_strong")
def to_hash_bucket_strong(input, num_buckets, key, name=None):
    """SipHash with `key` (two integers) modulo `num_buckets`."""
    key = tuple(record.setting(key))
    if len(key) != 2:
        raise _invalid("Key must have 2 elements")
    return _strong(input, num_buckets=num_buckets, key=key, name=name)


@export("strings.to_hash_bucket", v1="")
def to_hash_bucket(input, num_buckets, name=None):
    """TensorFlow's first hash (MurmurHash64A) modulo `num_buckets`."""
    return _old(input, num_buckets=num_buckets, name=name)


@export("", v1="strings.to_hash_bucket string_to_hash_bucket")
def to_hash_bucket_v1(string_tensor=None, num_buckets=None, name=None, input=None):
    """TensorFlow's first hash modulo `num_buckets`."""
    return _old(string_tensor if input is None else input, num_buckets=num_buckets, name=name)


@_text("EncodeBase64", "io.encode_base64", "io.encode_base64 encode_base64")
def encode_base64(input, *, pad=False):
    """Web-safe base64, with '=' at the end if `pad`."""
    return _each(lambda v: base64.urlsafe_b64encode(v) if pad else base64.urlsafe_b64encode(v).rstrip(b"="), input)


@_text("DecodeBase64", "io.decode_base64", "io.decode_base64 decode_base64")
def decode_base64(input):
    """What web-safe base64 stands for; InvalidArgumentError for other characters."""

    def decoded(v):
        bare = v.rstrip(b"=")
        if re.search(rb"[^A-Za-z0-9_-]", bare) or len(bare) % 4 == 1:
            raise _invalid("Invalid character found in base64.")
        return base64.urlsafe_b64decode(bare + b"=" * (-len(bare) % 4))

    return _each(decoded, input)


def _raw_abstract(bytes, *, out_type, fixed_length, **settings):
    width = None if fixed_length is None else fixed_length // out_type.np.itemsize
    return out_type, None if bytes.shape is None else (*bytes.shape, width)


@op("DecodeRaw", host=True, dtypes="string", abstract=_raw_abstract)
def _decode_raw(bytes, *, out_type, little_endian, fixed_length):
    flat, size = bytes.reshape(-1).tolist(), out_type.np.itemsize
    if fixed_length is None:
        for i, v in enumerate(flat):
            if len(v) != len(flat[0]):
                raise _invalid(
                    f"DecodeRaw requires input strings to all be the same size, but element {i} has size "
                    f"{len(flat[0])} != {len(v)}"
                )
        if flat and len(flat[0]) % size:
            raise _invalid(
                f"Input to DecodeRaw has length {len(flat[0])} that is not a multiple of {size}, the size of "
                f"{out_type.name}"
            )
    else:
        flat = [v[:fixed_length].ljust(fixed_length, b"\0") for v in flat]
    dtype = np.dtype(np.uint8) if out_type.is_bool else out_type.np
    array = np.frombuffer(b"".join(flat), dtype)
    array = array if little_endian or size == 1 else array.byteswap()
    width = len(flat[0]) // size if flat else 0
    return array.astype(out_type.np).reshape(*bytes.shape, width)


@export("io.decode_raw", v1="")
def decode_raw(input_bytes, out_type, little_endian=True, fixed_length=None, name=None):
    """The numbers whose bytes the strings (of one length, or cut and padded to `fixed_length`) hold -> [..., n]."""
    out_type = dtypes.as_dtype(out_type)
    if fixed_length is not None and (fixed_length <= 0 or fixed_length % out_type.size):
        raise _invalid(f"fixed_length must be a positive multiple of {out_type.size}, got {fixed_length}")
    return _decode_raw(
        input_bytes, out_type=out_type, little_endian=bool(little_endian), fixed_length=fixed_length, name=name
    )


@export("", v1="io.decode_raw decode_raw")
def decode_raw_v1(input_bytes=None, out_type=None, little_endian=True, name=None, bytes=None):
    """The numbers whose bytes the strings hold."""
    return decode_raw(bytes if input_bytes is None else input_bytes, out_type, little_endian, None, name)
