"""tf.strings: ops that take strings apart (split, characters, n-grams), CSV records and serialized tensors.

Where TensorFlow answers with rows of different lengths, a RaggedTensor, tfcompat answers for one string (a vector) and
refuses the rest by name; TF1's `tf.strings.split` gives SparseTensors for any number of strings.
"""

from __future__ import annotations

import re

import numpy as np

from .. import dtypes, record
from ..declare import NAMES, export, op
from .sparse import SparseTensor
from .strings import _characters, _each, _invalid

_VECTOR = (dtypes.string, (None,))


def _objects(values):
    out = np.empty(len(values), object)
    out[:] = values
    return out


def _pieces(value, sep, maxsplit):
    """TensorFlow's string split: at white space runs where `sep` is empty, else at each `sep`."""
    if sep:
        return value.split(sep, maxsplit)
    parts = value.split(None, maxsplit)
    return parts[:-1] + [parts[-1].rstrip()] if maxsplit > 0 and len(parts) > maxsplit else parts


@op("StringSplitV2", host=True, abstract=lambda i, sep, maxsplit: _VECTOR)
def _split_one(input, *, sep, maxsplit):
    return _objects(_pieces(input[()], sep, maxsplit))


@op(
    "StringSplitSparse",
    name="StringSplitV2",
    host=True,
    abstract=lambda i, **settings: [(dtypes.int64, (None, 2)), _VECTOR, (dtypes.int64, (2,))],
)
def _split_rows(input, *, sep, maxsplit, old, skip_empty):
    """(indices, values, shape) of the parts of a vector of strings; `old`: each byte of `sep` separates, empty parts
    may be dropped.
    """
    if input.ndim != 1:
        raise _invalid(f"input must be a vector, got shape: {list(input.shape)}")
    if old:
        rows = [
            [v[i : i + 1] for i in range(len(v))] if not sep else re.split(b"[" + re.escape(sep) + b"]", v)
            for v in input
        ]
        rows = [[p for p in r if p or not skip_empty] for r in rows]
    else:
        rows = [_pieces(v, sep, maxsplit) for v in input]
    places = [(i, j) for i, r in enumerate(rows) for j in range(len(r))]
    values = _objects([p for r in rows for p in r])
    return (
        np.array(places, np.int64).reshape(-1, 2),
        values,
        np.array([len(rows), max(map(len, rows), default=0)], np.int64),
    )


def _ragged(name, hint=""):
    ragged = NAMES["v2"].get("RaggedTensor")
    return NotImplementedError(
        f"tf.strings.{name} of several strings is a RaggedTensor{', which' if ragged is None else '; that form'} "
        "tfcompat does not have "
        f"yet: use it on one string at a time{hint}."
    )


def _one(input, name, hint=""):
    tensor = record.convert_to_tensor(input, dtypes.string)
    if tensor.shape.rank != 0:
        raise _ragged(name, hint)
    return tensor


@export("strings.split", v1="")
def split(input, sep=None, maxsplit=-1, name=None):
    """The parts of one string between separators (default: white space) -> [n]."""
    sep = b"" if sep is None else sep.encode() if isinstance(sep, str) else record.setting(sep)
    tensor = _one(input, "split", ", or tf.compat.v1.strings.split for a SparseTensor")
    return _split_one(tensor, sep=sep, maxsplit=int(maxsplit), name=name)


def _sparse_rows(input, sep, maxsplit, name, old=False, skip_empty=True):
    tensor = record.convert_to_tensor(input, dtypes.string)
    return SparseTensor(*_split_rows(tensor, sep=sep, maxsplit=maxsplit, old=old, skip_empty=skip_empty, name=name))


def _separator(sep):
    sep = record.setting(sep) if isinstance(sep, record.Tensor) else sep
    return sep.encode() if isinstance(sep, str) else sep


@export("", v1="strings.split")
def split_v1(input=None, sep=None, maxsplit=-1, result_type="SparseTensor", source=None, name=None):
    """The parts of each string of a vector, as a SparseTensor."""
    if result_type != "SparseTensor":
        raise _ragged("split")
    return _sparse_rows(
        source if input is None else input, b"" if sep is None else _separator(sep), int(maxsplit), name
    )


@export("", v1="string_split")
def string_split(source, sep=None, skip_empty=True, delimiter=None, result_type="SparseTensor", name=None):
    """The parts of each string of a vector (each byte of `delimiter` separates), as a SparseTensor."""
    if result_type != "SparseTensor":
        raise _ragged("split")
    delimiter = delimiter if sep is None else sep
    return _sparse_rows(source, b" " if delimiter is None else _separator(delimiter), -1, name, True, bool(skip_empty))


@op("StringBytesSplit", host=True, abstract=lambda i: _VECTOR)
def _bytes_of_one(input):
    value = input[()]
    return _objects([value[i : i + 1] for i in range(len(value))])


@export("strings.bytes_split")
def bytes_split(input, name=None):
    """The bytes of one string -> [n]."""
    return _bytes_of_one(_one(input, "bytes_split"), name=name)


# -- characters -----------------------------------
_CODECS = {"UTF-8": "utf-8", "UTF-16-BE": "utf-16-be", "UTF-32-BE": "utf-32-be"}


def _codec(name):
    found = _CODECS.get(name.upper())
    if found is None:
        raise NotImplementedError(f"tfcompat knows the encodings {', '.join(_CODECS)}, not {name!r}")
    return found


def _decoded(value, encoding, handling, replacement):
    """The characters of a byte string; wrong ones raise ('strict'), go ('ignore') or are replaced."""
    if handling not in ("strict", "replace", "ignore"):
        raise ValueError(f"errors must be 'strict', 'replace' or 'ignore', not {handling!r}")
    try:
        text = value.decode(_codec(encoding), handling)
    except UnicodeDecodeError:
        raise _invalid("Invalid formatting on input string") from None
    return text.replace("\ufffd", chr(replacement)) if handling == "replace" and replacement != 0xFFFD else text


@op(
    "UnicodeDecode",
    host=True,
    abstract=lambda i, **settings: [(dtypes.int32, (None,)), _VECTOR, (dtypes.int64, (None,))],
)
def _characters_of_one(input, *, encoding, handling, replacement, control):
    text = _decoded(input[()], encoding, handling, replacement)
    if control:
        text = "".join([chr(replacement) if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in text])
    sizes = [len(c.encode(_codec(encoding))) for c in text]
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]]) if sizes else []
    return np.array([ord(c) for c in text], np.int32), _objects([c.encode() for c in text]), np.array(offsets, np.int64)


def _apart(input, name, encoding, handling, replacement, control=False):
    return _characters_of_one(
        _one(input, name), encoding=encoding, handling=handling, replacement=int(replacement), control=bool(control)
    )


@export("strings.unicode_decode")
def unicode_decode(
    input, input_encoding, errors="replace", replacement_char=65533, replace_control_characters=False, name=None
):
    """The code points of one string -> int32 [n]."""
    return _apart(input, "unicode_decode", input_encoding, errors, replacement_char, replace_control_characters)[0]


@export("strings.unicode_decode_with_offsets")
def unicode_decode_with_offsets(
    input, input_encoding, errors="replace", replacement_char=65533, replace_control_characters=False, name=None
):
    """(the code points of one string, where each begins)"""
    points, _, offsets = _apart(
        input, "unicode_decode", input_encoding, errors, replacement_char, replace_control_characters
    )
    return points, offsets


@export("strings.unicode_split")
def unicode_split(input, input_encoding, errors="replace", replacement_char=65533, name=None):
    """The characters of one string, each a UTF-8 string -> [n]."""
    return _apart(input, "unicode_split", input_encoding, errors, replacement_char)[1]


@export("strings.unicode_split_with_offsets")
def unicode_split_with_offsets(input, input_encoding, errors="replace", replacement_char=65533, name=None):
    """(the characters of one string, where each begins)"""
    _, parts, offsets = _apart(input, "unicode_split", input_encoding, errors, replacement_char)
    return parts, offsets


@op(
    "UnicodeEncode",
    host=True,
    abstract=lambda i, **settings: (dtypes.string, None if i.shape is None else i.shape[:-1]),
)
def _unicode_encode(input, *, output_encoding, errors, replacement_char):
    def spell(points):
        out = []
        for p in points.tolist():
            if 0 <= p < 0x110000 and not 0xD800 <= p < 0xE000:
                out.append(chr(p))
            elif errors == "strict":
                raise _invalid("Code point is out of range for Unicode, or a noncharacter.")
            elif errors == "replace":
                out.append(chr(replacement_char))
        return "".join(out).encode(_codec(output_encoding))

    rows = [spell(row) for row in input.reshape(-1, input.shape[-1])]
    return _objects(rows).reshape(input.shape[:-1])


@export("strings.unicode_encode")
def unicode_encode(input, output_encoding, errors="replace", replacement_char=65533, name=None):
    """Strings of rows of code points: int32 [..., n] -> [...]."""
    return _unicode_encode(
        input, output_encoding=output_encoding, errors=errors, replacement_char=int(replacement_char), name=name
    )


@op("UnicodeTranscode", host=True, abstract=lambda i, **settings: (dtypes.string, i.shape))
def _transcode(input, *, input_encoding, output_encoding, errors, replacement_char, control):
    def change(v):
        text = _decoded(v, input_encoding, errors, replacement_char)
        if control:
            text = "".join([chr(replacement_char) if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in text])
        return text.encode(_codec(output_encoding))

    return _each(change, input)


@export("strings.unicode_transcode")
def unicode_transcode(
    input,
    input_encoding,
    output_encoding,
    errors="replace",
    replacement_char=65533,
    replace_control_characters=False,
    name=None,
):
    """The same text in another encoding."""
    return _transcode(
        input,
        input_encoding=input_encoding,
        output_encoding=output_encoding,
        errors=errors,
        replacement_char=int(replacement_char),
        control=bool(replace_control_characters),
        name=name,
    )


@export("strings.unicode_script")
def unicode_script(input, name=None):
    """Refused: the script of a character is in no library that tfcompat uses."""
    raise NotImplementedError(
        "tf.strings.unicode_script: tfcompat has no table of Unicode scripts; Python's unicodedata.name(c) may do."
    )


@op(
    "StringNGrams",
    host=True,
    abstract=lambda d, **settings: (dtypes.string, None if d.shape is None else (*d.shape[:-1], None)),
)
def _ngrams(data, *, widths, separator, left, right, padding, short):
    rows = data.reshape(-1, data.shape[-1])

    def grams(row, width):
        pad = 0 if left is None else width - 1 if padding is None else min(padding, width - 1)
        items = [left] * pad + list(row) + [right] * pad
        found = [separator.join(items[i : i + width]) for i in range(len(items) - width + 1)]
        return (
            found
            if found or not short or not items
            else None
            if len(widths) > 1 and len(items) < min(widths)
            else [separator.join(items)]
        )

    out = []
    for row in rows:
        made = [g for w in widths for g in grams(row, w) or []]
        if short and len(row) and len(widths) > 1:
            made = [g for w in widths if len(row) >= w or left is not None for g in grams(row, w) or []] or [
                separator.join(row)
            ]
        out.append(made)
    return _objects([g for r in out for g in r]).reshape(*data.shape[:-1], len(out[0]) if out else 0)


@export("strings.ngrams")
def ngrams(
    data, ngram_width, separator=" ", pad_values=None, padding_width=None, preserve_short_sequences=False, name=None
):
    """Runs of `ngram_width` strings (or of each of several widths), joined, along the last dimension of a dense
    tensor.
    """
    widths = tuple(ngram_width) if isinstance(ngram_width, (list, tuple)) else (ngram_width,)
    if any(w < 1 for w in widths):
        raise ValueError(f"All ngram_widths must be greater than 0. Received: ngram_width={ngram_width}")
    if padding_width is not None and (pad_values is None or padding_width < 0):
        raise ValueError("padding_width must be non-negative and needs pad_values.")
    pads = (
        (None, None)
        if pad_values is None
        else (pad_values, pad_values)
        if isinstance(pad_values, (str, bytes))
        else tuple(pad_values)
    )
    left, right = (p.encode() if isinstance(p, str) else p for p in pads)
    return _ngrams(
        record.convert_to_tensor(data, dtypes.string),
        widths=widths,
        separator=separator.encode(),
        left=left,
        right=right,
        padding=padding_width,
        short=bool(preserve_short_sequences),
        name=name,
    )


# -- records -----------------------------------
def _csv_abstract(*inputs, dtypes_out, **settings):
    return [(d, inputs[0].shape) for d in dtypes_out]


@op("DecodeCSV", host=True, alike=False, abstract=_csv_abstract)
def _decode_csv(*inputs, dtypes_out, delimiter, quotes, na, columns):
    """The columns of inputs[0], records; the others are the defaults."""
    records, *defaults = inputs
    import csv

    fields = [np.empty(records.size, d.np) for d in dtypes_out]
    for i, line in enumerate(records.reshape(-1).tolist()):
        quoting = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
        text = _characters(line)
        row = next(csv.reader([text], delimiter=delimiter, quoting=quoting, strict=quotes), [""])
        if columns is None and len(row) != len(dtypes_out):
            raise _invalid(f"Expect {len(dtypes_out)} fields but have {len(row)} in record {i}")
        row = row if columns is None else [row[c] for c in columns]
        for f, (value, default, d) in enumerate(zip(row, defaults, dtypes_out)):
            if value in ("", na):
                if np.size(default) == 0:
                    raise _invalid(f"Field {f} is required but missing in record {i}!")
                fields[f][i] = np.reshape(default, -1)[0]
                continue
            try:
                fields[f][i] = (
                    value.encode("utf-8", "surrogateescape")
                    if d is dtypes.string
                    else int(value)
                    if d.is_integer
                    else float(value)
                )
            except (ValueError, OverflowError):
                raise _invalid(
                    f"Field {f} in record {i} is not a valid "
                    f"{'float' if d is dtypes.float32 else 'double' if d.is_floating else d.name}: {value}"
                ) from None
    return [f.reshape(records.shape) for f in fields]


def _decode(records, record_defaults, field_delim, use_quote_delim, na_value, select_cols, name):
    defaults = [record.convert_to_tensor(d) for d in record_defaults]
    if any(d.shape.rank not in (None, 0, 1) for d in defaults):
        raise ValueError("Each default should be a scalar or a vector of at most one element.")
    if select_cols is not None and (list(select_cols) != sorted(set(select_cols)) or min(select_cols, default=0) < 0):
        raise ValueError("select_cols is not strictly increasing.")
    if select_cols is not None and len(select_cols) != len(defaults):
        raise ValueError("Length of select_cols and record_defaults do not match.")
    return _decode_csv(
        [record.convert_to_tensor(records, dtypes.string), *defaults],
        dtypes_out=tuple([d.dtype for d in defaults]),
        delimiter=field_delim,
        quotes=bool(use_quote_delim),
        na=na_value,
        columns=None if select_cols is None else tuple(select_cols),
        name=name,
    )


@export("io.decode_csv", v1="")
def decode_csv(
    records, record_defaults, field_delim=",", use_quote_delim=True, na_value="", select_cols=None, name=None
):
    """The columns of CSV records, each of its default's dtype; InvalidArgumentError for missing or wrong fields."""
    return _decode(records, record_defaults, field_delim, use_quote_delim, na_value, select_cols, name)


@export("", v1="io.decode_csv decode_csv")
def decode_csv_v1(
    records, record_defaults, field_delim=",", use_quote_delim=True, name=None, na_value="", select_cols=None
):
    """The columns of CSV records."""
    return _decode(records, record_defaults, field_delim, use_quote_delim, na_value, select_cols, name)
