"""tf.strings: ops that take strings apart (split, characters, n-grams), CSV records and serialized tensors.

One string gives a vector of parts, several give a RaggedTensor; TF1's `tf.strings.split` gives SparseTensors.
"""

from __future__ import annotations

import re

import numpy as np

from .. import dtypes, record
from ..declare import OPS, export, op
from .array import refusal
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


def _splits(rows):
    return np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64)


def _row_splits(i):
    return dtypes.int64, (None if i.shape is None or not i.shape or i.shape[0] is None else i.shape[0] + 1,)


@op("StringSplitV2", host=True, dtypes="string", abstract=lambda i, sep, maxsplit: [_VECTOR, _row_splits(i)])
def _split_each(input, *, sep, maxsplit):
    """input [n] -> the parts of all strings, and their row splits."""
    rows = [_pieces(v, sep, maxsplit) for v in input.tolist()]
    return _objects([p for r in rows for p in r]), _splits(rows)


def in_rows(input, take_apart, unknown=None):
    """`take_apart(vector) -> [values, ..., row splits]` of every string: vectors for one string, else RaggedTensors.

    unknown: what a tensor of unknown rank is taken for; ValueError for one where it is not given.
    """
    from ..ragged.conversion import from_tensor
    from ..ragged.tensor import RaggedTensor, is_ragged

    if is_ragged(input):
        return [input.with_flat_values(m) for m in in_rows(input.flat_values, take_apart)]
    tensor = record.convert_to_tensor(input, dtypes.string)
    rank = unknown if tensor.shape.rank is None else tensor.shape.rank
    if rank is None:
        raise ValueError("Rank of input must be statically known.")
    if rank == 0:
        return take_apart(OPS["Reshape"].public(tensor, [1]))[:-1]
    if rank > 1:
        outer = from_tensor(tensor, ragged_rank=rank - 1)
        return [outer.with_flat_values(m) for m in in_rows(outer.flat_values, take_apart)]
    *found, splits = take_apart(tensor)
    return [RaggedTensor.from_row_splits(v, splits, validate=False) for v in found]


def _sparse_abstract(input, **settings):
    if input.shape is not None and len(input.shape) != 1:
        raise _invalid(f"Shape must be rank 1 but is rank {len(input.shape)}")
    return [(dtypes.int64, (None, 2)), _VECTOR, (dtypes.int64, (2,))]


@op("StringSplitSparse", name="StringSplitV2", host=True, dtypes="string", abstract=_sparse_abstract)
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


@export("strings.split", v1="")
def split(input, sep=None, maxsplit=-1, name=None):
    """The parts of strings between separators (default: white space): a vector for one, else a RaggedTensor."""
    sep, maxsplit = b"" if sep is None else _separator(sep), int(maxsplit)
    return in_rows(input, lambda v: _split_each(v, sep=sep, maxsplit=maxsplit, name=name), unknown=1)[0]


def _sparse_rows(input, sep, maxsplit, name, old=False, skip_empty=True):
    tensor = record.convert_to_tensor(input, dtypes.string)
    return SparseTensor(*_split_rows(tensor, sep=sep, maxsplit=maxsplit, old=old, skip_empty=skip_empty, name=name))


def _separator(sep):
    sep = record.setting(sep) if isinstance(sep, record.Tensor) else sep
    return sep.encode() if isinstance(sep, str) else sep


@export("", v1="strings.split")
def split_v1(input=None, sep=None, maxsplit=-1, result_type="SparseTensor", source=None, name=None):
    """The parts of each string of a vector, as a SparseTensor or RaggedTensor."""
    input = record.convert_to_tensor(source if input is None else input, dtypes.string)
    if input.shape.rank == 0:
        input = OPS["ExpandDims"].public(input, 0)
    if result_type == "RaggedTensor":
        return split(input, sep, maxsplit, name)
    if result_type != "SparseTensor":
        raise ValueError(f"result_type must be 'SparseTensor' or 'RaggedTensor', not {result_type!r}")
    if input.shape.rank not in (1, None):
        return split(input, sep, maxsplit, name).to_sparse()
    return _sparse_rows(input, b"" if sep is None else _separator(sep), int(maxsplit), name)


@export("", v1="string_split")
def string_split(source, sep=None, skip_empty=True, delimiter=None, result_type="SparseTensor", name=None):
    """The parts of each string of a vector (each byte of `delimiter` separates), as a SparseTensor or RaggedTensor."""
    delimiter = delimiter if sep is None else sep
    delimiter = b" " if delimiter is None else _separator(delimiter)
    sparse = _sparse_rows(source, delimiter, -1, name, True, bool(skip_empty))
    if result_type == "RaggedTensor":
        from ..ragged.tensor import RaggedTensor

        return RaggedTensor.from_value_rowids(sparse.values, sparse.indices[:, 0], sparse.dense_shape[0])
    if result_type != "SparseTensor":
        raise ValueError(f"result_type must be 'SparseTensor' or 'RaggedTensor', not {result_type!r}")
    return sparse


@op("StringBytesSplit", host=True, dtypes="string", abstract=lambda i: [_VECTOR, _row_splits(i)])
def _bytes_of_each(input):
    rows = [[v[i : i + 1] for i in range(len(v))] for v in input.tolist()]
    return _objects([b for r in rows for b in r]), _splits(rows)


@export("strings.bytes_split")
def bytes_split(input, name=None):
    """The bytes of strings: a vector for one, else a RaggedTensor."""
    return in_rows(input, lambda v: _bytes_of_each(v, name=name))[0]


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
    dtypes="string",
    abstract=lambda i, **settings: [(dtypes.int32, (None,)), _VECTOR, (dtypes.int64, (None,)), _row_splits(i)],
)
def _characters_of_each(input, *, encoding, handling, replacement, control):
    """input [n] -> the code points, the characters and the offsets of all strings, and their row splits."""
    points, parts, offsets, rows = [], [], [], []
    for v in input.tolist():
        text = _decoded(v, encoding, handling, replacement)
        if control:
            text = "".join([chr(replacement) if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in text])
        sizes = [len(c.encode(_codec(encoding))) for c in text]
        offsets += np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(int).tolist() if sizes else []
        points += [ord(c) for c in text]
        parts += [c.encode() for c in text]
        rows.append(text)
    return np.array(points, np.int32), _objects(parts), np.array(offsets, np.int64), _splits(rows)


def _apart(input, encoding, handling, replacement, control=False):
    settings = dict(encoding=encoding, handling=handling, replacement=int(replacement), control=bool(control))
    return in_rows(input, lambda v: _characters_of_each(v, **settings))


@export("strings.unicode_decode")
def unicode_decode(
    input, input_encoding, errors="replace", replacement_char=65533, replace_control_characters=False, name=None
):
    """The code points of strings: int32 [n] for one, else a RaggedTensor."""
    return _apart(input, input_encoding, errors, replacement_char, replace_control_characters)[0]


@export("strings.unicode_decode_with_offsets")
def unicode_decode_with_offsets(
    input, input_encoding, errors="replace", replacement_char=65533, replace_control_characters=False, name=None
):
    """(the code points of strings, the byte where each begins)"""
    points, _, offsets = _apart(input, input_encoding, errors, replacement_char, replace_control_characters)
    return points, offsets


@export("strings.unicode_split")
def unicode_split(input, input_encoding, errors="replace", replacement_char=65533, name=None):
    """The characters of strings, each a UTF-8 string: [n] for one, else a RaggedTensor."""
    return _apart(input, input_encoding, errors, replacement_char)[1]


@export("strings.unicode_split_with_offsets")
def unicode_split_with_offsets(input, input_encoding, errors="replace", replacement_char=65533, name=None):
    """(the characters of strings, the byte where each begins)"""
    _, parts, offsets = _apart(input, input_encoding, errors, replacement_char)
    return parts, offsets


def _speller(output_encoding, errors, replacement_char):
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

    return spell


@op("UnicodeEncodeRows", name="UnicodeEncode", host=True, alike=False,
    abstract=lambda i, s, **settings: (dtypes.string, (None,)))  # fmt: skip
def _unicode_encode_rows(input, splits, *, output_encoding, errors, replacement_char):
    spell = _speller(output_encoding, errors, replacement_char)
    return _objects([spell(input[a:b]) for a, b in zip(splits[:-1], splits[1:], strict=True)])


@op(
    "UnicodeEncode",
    host=True,
    abstract=lambda i, **settings: (dtypes.string, None if i.shape is None else i.shape[:-1]),
)
def _unicode_encode(input, *, output_encoding, errors, replacement_char):
    spell = _speller(output_encoding, errors, replacement_char)
    rows = [spell(row) for row in input.reshape(-1, input.shape[-1])]
    return _objects(rows).reshape(input.shape[:-1])


@export("strings.unicode_encode")
def unicode_encode(input, output_encoding, errors="replace", replacement_char=65533, name=None):
    """Strings of rows of code points: int32 [..., n] -> [...]."""
    from ..ragged.tensor import is_ragged

    settings = dict(output_encoding=output_encoding, errors=errors, replacement_char=int(replacement_char), name=name)
    if is_ragged(input):
        if is_ragged(input.values):
            return input.with_values(unicode_encode(input.values, output_encoding, errors, replacement_char))
        if input.values.shape.rank == 1:
            return _unicode_encode_rows(input.values, input.row_splits, **settings)
        return input.with_values(_unicode_encode(input.values, **settings))
    return _unicode_encode(input, **settings)


@op("UnicodeTranscode", host=True, dtypes="string", abstract=lambda i, **settings: (dtypes.string, i.shape))
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
    if output_encoding.upper() not in _CODECS:
        written = ", ".join([f'"{c}"' for c in _CODECS])
        raise refusal(
            "UnicodeTranscode", f"Attr 'output_encoding' passed string '{output_encoding}' not in: {written}."
        )
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


def _grams(row, width, separator, left, right, padding, short):
    pad = 0 if left is None else width - 1 if padding is None else min(padding, width - 1)
    items = [left] * pad + list(row) + [right] * pad
    found = [separator.join(items[i : i + width]) for i in range(len(items) - width + 1)]
    return found if found or not short or not items else [separator.join(items)]


def _grams_of(row, widths, separator, left, right, padding, short):
    rest = separator, left, right, padding
    if short and len(row) and len(widths) > 1:
        fit = [w for w in widths if len(row) >= w or left is not None]
        return [g for w in fit for g in _grams(row, w, *rest, short)] or [separator.join(row)]
    return [g for w in widths for g in _grams(row, w, *rest, short)]


@op("StringNGrams", host=True, alike=False,
    abstract=lambda d, s, **settings: [(dtypes.string, (None,)), (s.dtype, s.shape)])  # fmt: skip
def _ngrams(data, splits, *, widths, separator, left, right, padding, short):
    """Strings, row splits -> the n-grams of every row, and their row splits."""
    rest = widths, separator, left, right, padding, short
    rows = [_grams_of(data[a:b].tolist(), *rest) for a, b in zip(splits[:-1], splits[1:], strict=True)]
    return _objects([g for r in rows for g in r]), _splits(rows).astype(splits.dtype)


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
    settings = dict(widths=widths, separator=separator.encode(), left=left, right=right, padding=padding_width,
                    short=bool(preserve_short_sequences), name=name)  # fmt: skip
    return _ngrams_in_rows(data, settings)


def _ngrams_in_rows(data, settings):
    from ..ragged.conversion import from_tensor
    from ..ragged.tensor import RaggedTensor, is_ragged

    if is_ragged(data):
        if is_ragged(data.values):
            return data.with_values(_ngrams_in_rows(data.values, settings))
        if data.values.shape.rank != 1:
            return data.with_values(_ngrams_in_rows(data.values, settings))
        grams, splits = _ngrams(data.values, data.row_splits, **settings)
        return RaggedTensor.from_row_splits(grams, splits, validate=False)
    data = record.convert_to_tensor(data, dtypes.string)
    if data.shape.rank == 1:
        n = OPS["Shape"].public(data, out_type=dtypes.int64)
        return _ngrams(data, OPS["ConcatV2"].public([np.zeros(1, np.int64), n], 0), **settings)[0]
    return _ngrams_in_rows(from_tensor(data, ragged_rank=data.shape.rank - 1), settings).to_tensor()


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
