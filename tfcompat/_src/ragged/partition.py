"""How a vector of values is cut into rows: the row partition of a RaggedTensor, and its six spellings.

A partition is kept as its row splits [nrows + 1]: row i holds the values from splits[i] up to splits[i + 1].  What else
can be said of it is computed on the host when asked for; the values themselves stay on the device.
"""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors, record
from ..declare import export, op
from ..graph import context


def invalid(message):
    """An InvalidArgumentError."""
    return errors.InvalidArgumentError(None, None, message)


def _plus(shape, n):
    return (None if shape is None or shape[0] is None else shape[0] + n,)


def _like(x, *_, **__):
    return x.dtype, x.shape


# -- one spelling to another ------------------------------------------------------------------------------------------
@op("RaggedLengthsToSplits", host=True, abstract=lambda x: (x.dtype, _plus(x.shape, 1)))
def splits_of_lengths(row_lengths):
    """row_lengths [n] -> splits [n + 1]."""
    return np.concatenate([[0], np.cumsum(row_lengths)]).astype(row_lengths.dtype)


@op("RaggedRowLengths", host=True, abstract=lambda x: (x.dtype, _plus(x.shape, -1)))
def lengths_of(row_splits):
    """splits [n + 1] -> row lengths [n]."""
    return np.diff(row_splits).astype(row_splits.dtype)


@op("RaggedValueRowids", host=True, abstract=lambda x: (x.dtype, (None,)))
def rowids_of(row_splits):
    """splits [n + 1] -> the row of each value."""
    return np.repeat(np.arange(len(row_splits) - 1, dtype=row_splits.dtype), np.diff(row_splits))


@op("RaggedColumns", host=True, abstract=lambda x: (x.dtype, (None,)))
def columns_of(row_splits):
    """splits [n + 1] -> the place of each value in its row."""
    lengths = np.diff(row_splits)
    return (np.arange(lengths.sum()) - np.repeat(row_splits[:-1] - row_splits[0], lengths)).astype(row_splits.dtype)


@op("RaggedRowidsToSplits", host=True, alike=False, abstract=lambda ids, n: (ids.dtype, (None,)))
def splits_of_rowids(value_rowids, nrows):
    """The row of each value, the number of rows (-1: as many as there are) -> splits."""
    n = int(nrows) if nrows >= 0 else int(value_rowids.max()) + 1 if value_rowids.size else 0
    counts = np.bincount(value_rowids, minlength=n)[:n] if value_rowids.size else np.zeros(n, np.int64)
    return np.concatenate([[0], np.cumsum(counts)]).astype(value_rowids.dtype)


def with_rows(splits, nrows):
    """`splits`, of which a graph then knows how many there are if it knows the number of rows (not -1)."""
    known = record.static_value(nrows) if context.graph is not None else None
    if known is not None and known >= 0:
        splits.set_shape([int(known) + 1])
    return splits


@op("RaggedUniformSplits", host=True, alike=False, abstract=lambda n, length: (n.dtype, (None,)))
def splits_of_uniform(nrows, length):
    """splits of `nrows` rows of one length."""
    return np.arange(int(nrows) + 1, dtype=nrows.dtype) * length.astype(nrows.dtype)


@op("RaggedUniformRows", host=True, alike=False, abstract=lambda n, length, nrows: (n.dtype, ()))
def rows_of_uniform(nvals, length, nrows):
    """How many rows of `length` there are in `nvals` values; `nrows`, or 0, for a length of 0."""
    if length < 0:
        raise invalid("uniform_row_length must be >= 0")
    if nrows >= 0:
        if nrows * length != nvals:
            raise invalid(f"uniform_row_length * nrows must be {nvals}, got {length} * {nrows}")
        return nrows.astype(nvals.dtype)
    if length and nvals % length:
        raise invalid(f"{nvals} values do not make up rows of {length}")
    return np.asarray(nvals // length if length else 0, nvals.dtype)


@op("RaggedMaximum", host=True, abstract=lambda x: (x.dtype, ()))
def longest(row_splits):
    """The length of the longest row, 0 for no rows."""
    return np.asarray(np.diff(row_splits).max(initial=0), row_splits.dtype)


def _first_words(where):
    return f"Arguments to {where} do not form a valid RaggedTensor"


@op("RaggedCheckSplits", host=True, alike=False, abstract=lambda s, n, **_: (s.dtype, s.shape))
def checked_splits(row_splits, nvals, *, where):
    """The splits; InvalidArgumentError unless they begin at 0, never fall, and end at the number of values."""
    if len(row_splits) == 0 or row_splits[0] != 0:
        first = row_splits[:1].tolist()
        raise invalid(f"{_first_words(where)}:zero\nCondition x == y did not hold.\nFirst 1 elements of x:\n{first}\n"
                      "First 1 elements of y:\n[0]")  # fmt: skip
    if np.any(np.diff(row_splits) < 0):
        raise invalid(f"{_first_words(where)}:monotonic\nCondition x >= 0 did not hold element-wise: row lengths "
                      f"{np.diff(row_splits).tolist()}")  # fmt: skip
    if row_splits[-1] != nvals:
        raise invalid(f"{_first_words('_from_row_partition')}\nCondition x == y did not hold.\nFirst 1 elements of x:\n"
                      f"[{row_splits[-1]}]\nFirst 1 elements of y:\n[{nvals}]")  # fmt: skip
    return row_splits


@op("RaggedCheckRowids", host=True, alike=False, abstract=lambda ids, *_: (ids.dtype, ids.shape))
def checked_rowids(value_rowids, nvals, nrows):
    """The rows of values; InvalidArgumentError unless they are one for each value, never fall, and are rows."""
    if len(value_rowids) != nvals:
        raise invalid(f"{_first_words('_from_row_partition')}\nCondition x == y did not hold.\nFirst 1 elements of x:\n"
                      f"[{len(value_rowids)}]\nFirst 1 elements of y:\n[{nvals}]")  # fmt: skip
    steps = np.diff(value_rowids)
    text = "Arguments to from_value_rowids do not form a valid RowPartition"
    if np.any(steps < 0):
        raise invalid(f"{text}.\nCondition x >= 0 did not hold element-wise: {steps.tolist()}")
    if value_rowids.size and (value_rowids[0] < 0 or 0 <= nrows <= value_rowids[-1]):
        raise invalid(f"{text}: value_rowids {value_rowids.tolist()} for {nrows} rows")
    return value_rowids


# -- the partition ----------------------------------------------------------------------------------------------------
def index_tensor(value, name, dtype=None):
    """`value` as an int32 or int64 tensor: int64 where it is none yet.  TypeError or ValueError for another dtype."""
    if record._dtype_of(value) is None and not (isinstance(value, np.ndarray) and value.dtype == np.int32):
        value = record.convert_to_tensor(value, dtype or dtypes.int64, name=name)
    tensor = record.convert_to_tensor(value, name=name)
    if tensor.dtype.base_dtype not in (dtypes.int32, dtypes.int64):
        raise ValueError(f"{name} must have dtype int32 or int64, not {tensor.dtype.name}")
    return tensor


@export("experimental.RowPartition")
class RowPartition:
    """The cutting of values into rows, by `row_splits` [nrows + 1]; made by the `from_` methods."""

    __slots__ = ("_splits", "_length")  # the splits; the length stated for all rows: an int where known, a tensor, None

    def __init__(self, row_splits, row_lengths=None, value_rowids=None, nrows=None, uniform_row_length=None, nvals=None,
                 internal=False):  # fmt: skip
        if not internal:
            raise ValueError(
                "RowPartition constructor is private; please use one of the factory methods instead (e.g., "
                "RowPartition.from_row_lengths())"
            )
        self._splits, self._length = row_splits, uniform_row_length

    @classmethod
    def _of(cls, splits, length=None):
        return cls(splits, uniform_row_length=length, internal=True)

    @classmethod
    def from_row_splits(cls, row_splits, validate=True, dtype=None, dtype_hint=dtypes.int64):
        """The partition with these splits, which begin at 0 and never fall."""
        splits = index_tensor(row_splits, "row_splits", dtype or dtype_hint)
        splits.shape.assert_has_rank(1)
        if validate:
            last = splits[-1] if splits.shape.rank == 1 and splits.shape[0] != 0 else np.int64(0)
            splits = checked_splits(splits, last, where="from_row_splits")
        return cls._of(splits)

    @classmethod
    def from_row_lengths(cls, row_lengths, validate=True, dtype=None, dtype_hint=dtypes.int64):
        """The partition with rows of these lengths."""
        lengths = index_tensor(row_lengths, "row_lengths", dtype or dtype_hint)
        lengths.shape.assert_has_rank(1)
        return cls._of(splits_of_lengths(lengths))

    @classmethod
    def from_value_rowids(cls, value_rowids, nrows=None, validate=True, dtype=None, dtype_hint=dtypes.int64):
        """The partition with value i in row value_rowids[i]."""
        ids = index_tensor(value_rowids, "value_rowids", dtype or dtype_hint)
        ids.shape.assert_has_rank(1)
        rows = _rows(nrows, ids.dtype.base_dtype)
        if validate:
            ids = checked_rowids(ids, _size(ids), rows)
        return cls._of(splits_of_rowids(ids, rows))

    @classmethod
    def from_row_starts(cls, row_starts, nvals, validate=True, dtype=None, dtype_hint=dtypes.int64):
        """The partition of `nvals` values with rows that begin at these places."""
        starts = index_tensor(row_starts, "row_starts", dtype or dtype_hint)
        starts.shape.assert_has_rank(1)
        return cls._of(_joined(starts, [_scalar(nvals, starts.dtype.base_dtype)]))

    @classmethod
    def from_row_limits(cls, row_limits, validate=True, dtype=None, dtype_hint=dtypes.int64):
        """The partition with rows that end before these places."""
        limits = index_tensor(row_limits, "row_limits", dtype or dtype_hint)
        limits.shape.assert_has_rank(1)
        return cls._of(_joined(np.zeros(1, limits.dtype.np), limits))

    @classmethod
    def from_uniform_row_length(cls, uniform_row_length, nvals=None, nrows=None, validate=True, dtype=None,
                                dtype_hint=dtypes.int64):  # fmt: skip
        """The partition of `nvals` values into rows of one length."""
        if nvals is None and nrows is None:
            raise ValueError("At least one of nvals and nrows must be given.")
        length = index_tensor(uniform_row_length, "uniform_row_length", dtype or dtype_hint)
        kind = length.dtype.base_dtype
        if nvals is None:
            nvals = length * _scalar(nrows, kind)
        count, given = _scalar(nvals, kind), _rows(nrows, kind)
        known = [record.static_value(t) for t in (length, count, given)]
        if validate and all(k is not None for k in known):
            one, all_values, n = [int(k) for k in known]
            n = n if n >= 0 or not one else all_values // one
            if one >= 0 and n >= 0 and one * n != all_values:
                raise ValueError(f"uniform_row_length={one} times nrows={n} must equal nvals={all_values}")
        rows = rows_of_uniform(count, length, given)
        splits = splits_of_uniform(rows, length)
        known = record.static_value(length)
        return cls._of(with_rows(splits, rows), length if known is None else int(known))

    dtype = property(lambda self: self._splits.dtype)

    def row_splits(self):
        """[nrows + 1]: where rows begin, and the last one ends."""
        return self._splits

    def value_rowids(self):
        """[nvals]: the row of each value."""
        return rowids_of(self._splits)

    def nvals(self):
        """How many values there are."""
        return self._splits[-1]

    def nrows(self):
        """How many rows there are."""
        return _nrows_of(self._splits)

    def row_starts(self):
        """[nrows]: where rows begin."""
        return self._splits[:-1]

    def row_limits(self):
        """[nrows]: where rows end."""
        return self._splits[1:]

    def row_lengths(self):
        """[nrows]: how many values rows have."""
        return lengths_of(self._splits)

    def uniform_row_length(self):
        """The length of every row where it was stated to be one, else None."""
        if isinstance(self._length, int):
            return record.convert_to_tensor(np.asarray(self._length, self.dtype.base_dtype.np))
        return self._length

    def offsets_in_rows(self):
        """[nvals]: the place of each value in its row."""
        return columns_of(self._splits)

    def is_uniform(self):
        """Whether the rows were stated to have one length."""
        return self._length is not None

    @property
    def static_nrows(self):
        """The number of rows where it is known without running anything, else None."""
        n = self._splits.shape
        return n[0] - 1 if n.rank == 1 and n[0] is not None else None

    @property
    def static_uniform_row_length(self):
        """The one length of rows where it is known, else None."""
        return self._length if isinstance(self._length, int) else None

    @property
    def static_nvals(self):
        """The number of values where it is known, else None."""
        known = record.static_value(self._splits)
        return None if known is None else int(known[-1])

    def with_dtype(self, dtype):
        """The same partition with splits of `dtype`."""
        from ..ops.core import cast

        length = cast(self._length, dtype) if isinstance(self._length, record.Tensor) else self._length
        return RowPartition._of(cast(self._splits, dtype), length)

    def __repr__(self):
        if isinstance(self._length, int):
            return f"tf.RowPartition(nrows={self.static_nrows}, uniform_row_length={self._length})"
        return f"tf.RowPartition(row_splits={_shown(self._splits)})"


def _shown(tensor):
    return tensor.numpy() if context.graph is None else tensor


def _scalar(value, dtype):
    from ..ops.core import cast

    if record._dtype_of(value) is not None:
        return cast(value, dtype)
    return record.convert_to_tensor(value, dtype)


def _rows(nrows, dtype):
    return record.convert_to_tensor(np.asarray(-1, dtype.np)) if nrows is None else _scalar(nrows, dtype)


def _size(tensor):
    from ..declare import OPS

    return OPS["Size"].public(tensor, out_type=dtypes.int64)


@op("RaggedNrows", host=True, abstract=lambda s: (s.dtype, ()))
def _count_rows(splits):
    return np.asarray(len(splits) - 1, splits.dtype)


def _nrows_of(splits):
    shape = splits.shape
    if shape.rank == 1 and shape[0] is not None:
        return record.convert_to_tensor(np.asarray(shape[0] - 1, splits.dtype.base_dtype.np))
    return _count_rows(splits)


def _joined(a, b):
    from ..ops.array import concat

    return concat([a, b], 0)
