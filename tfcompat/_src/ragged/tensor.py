"""tf.RaggedTensor: values and the partition that cuts them into rows."""

from __future__ import annotations

from .. import dtypes, record
from ..declare import OPS, export
from ..graph import context
from ..ops.core import cast
from ..scopes import name_scope
from ..shapes import TensorShape
from ..tensor import EagerTensor, Tensor
from . import partition
from .partition import RowPartition, index_tensor


class RaggedGiven(ValueError):
    """Raised where a tensor is asked for and a RaggedTensor given: caught by the functions that know both."""


def is_ragged(value):
    """Whether `value` is a RaggedTensor."""
    return value.__class__ is RaggedTensor or isinstance(value, RaggedTensor)


def _values(values, name="values"):
    """What may be cut into rows: a tensor of one or more dimensions, or a RaggedTensor."""
    if is_ragged(values):
        return values
    if hasattr(values, "row_splits"):  # a RaggedTensorValue
        from .values import of_value

        return of_value(values)
    values = record.convert_to_tensor(values, name=name)
    if values.shape.rank == 0:
        raise ValueError(f"Shape {values.shape} must have rank at least 1")
    return values


def nvals(values):
    """How many rows `values` has, an int64 scalar."""
    if is_ragged(values):
        return cast(values.nrows(), dtypes.int64)
    return OPS["Shape"].public(values, out_type=dtypes.int64)[0]


@export("RaggedTensor")
class RaggedTensor:
    """A tensor with one or more ragged dimensions, whose slices may differ in length; made by the `from_` methods."""

    def __init__(self, values, row_partition, internal=False):
        if not internal:
            raise ValueError(
                "RaggedTensor constructor is private; please use one of the factory methods instead (e.g., "
                "RaggedTensor.from_row_lengths())"
            )
        self._values, self._partition = values, row_partition

    # -- making one ---------------------------------------------------------------------------------------------------
    @classmethod
    def _cut(cls, values, row_partition, validate=False, where=""):
        values = _values(values)
        splits = row_partition._splits
        if is_ragged(values) and values.row_splits.dtype.base_dtype is not splits.dtype.base_dtype:
            row_partition = row_partition.with_dtype(dtypes.int64)
            values = values.with_row_splits_dtype(dtypes.int64)
            splits = row_partition._splits
        if validate:
            splits = partition.checked_splits(splits, nvals(values), where=where)
            row_partition = RowPartition._of(splits, row_partition._length)
        return cls(values, row_partition, internal=True)

    @classmethod
    def from_value_rowids(cls, values, value_rowids, nrows=None, name=None, validate=True):
        """Value i goes into row value_rowids[i], which never falls; `nrows` rows (default: as many as there are)."""
        with name_scope(name, "RaggedFromValueRowIds", [value_rowids]):
            values, ids = _values(values), index_tensor(value_rowids, "value_rowids")
            ids.shape.assert_has_rank(1)
            if nrows is not None and record._dtype_of(nrows) is None and int(nrows) < 0:
                raise ValueError(f"Expected nrows >= 0; got {nrows}")
            rows = partition._rows(nrows, ids.dtype.base_dtype)
            if validate:
                ids = partition.checked_rowids(ids, nvals(values), rows)
            return cls._cut(values, RowPartition._of(partition.splits_of_rowids(ids, rows)))

    @classmethod
    def from_row_splits(cls, values, row_splits, name=None, validate=True):
        """Row i holds the values from row_splits[i] up to row_splits[i + 1]."""
        if isinstance(row_splits, (list, tuple)) and not row_splits:
            raise ValueError("row_splits tensor may not be empty.")
        with name_scope(name, "RaggedFromRowSplits", [row_splits]):
            splits = index_tensor(row_splits, "row_splits")
            splits.shape.assert_has_rank(1)
            return cls._cut(values, RowPartition._of(splits), validate, "from_row_splits")

    @classmethod
    def from_row_lengths(cls, values, row_lengths, name=None, validate=True):
        """Row i holds the next row_lengths[i] values."""
        with name_scope(name, "RaggedFromRowLengths", [row_lengths]):
            cut = RowPartition.from_row_lengths(row_lengths)
            return cls._cut(values, cut, validate, "from_row_lengths")

    @classmethod
    def from_row_starts(cls, values, row_starts, name=None, validate=True):
        """Row i begins with value row_starts[i]."""
        with name_scope(name, "RaggedFromRowStarts", [row_starts]):
            values = _values(values)
            cut = RowPartition.from_row_starts(row_starts, nvals(values))
            return cls._cut(values, cut, validate, "from_row_starts")

    @classmethod
    def from_row_limits(cls, values, row_limits, name=None, validate=True):
        """Row i ends before value row_limits[i]."""
        with name_scope(name, "RaggedFromRowLimits", [row_limits]):
            return cls._cut(values, RowPartition.from_row_limits(row_limits), validate, "from_row_limits")

    @classmethod
    def from_uniform_row_length(cls, values, uniform_row_length, nrows=None, validate=True, name=None):
        """Every row holds the next `uniform_row_length` values; `nrows` is needed where that is 0."""
        with name_scope(name, "RaggedFromUniformRowLength", [uniform_row_length]):
            values = _values(values)
            cut = RowPartition.from_uniform_row_length(uniform_row_length, nvals(values), nrows)
            return cls._cut(values, cut)

    @classmethod
    def _nested(cls, flat_values, nested, make, name, default):
        with name_scope(name, default, [flat_values]):
            made = flat_values
            for part in reversed(nested):
                made = make(made, part)
            return made

    @classmethod
    def from_nested_value_rowids(cls, flat_values, nested_value_rowids, nested_nrows=None, name=None, validate=True):
        """`from_value_rowids` once for each ragged dimension, the outermost first."""
        if isinstance(nested_value_rowids, Tensor):
            raise TypeError(
                f"Argument `nested_value_rowids` must be a list of Tensors. Received {nested_value_rowids}."
            )
        rows = nested_nrows if nested_nrows is not None else [None] * len(nested_value_rowids)
        if isinstance(rows, Tensor):
            raise TypeError(f"Argument `nested_nrows` must be a list of Tensors. Received {nested_nrows}.")
        if len(rows) != len(nested_value_rowids):
            raise ValueError(
                "Argument `nested_nrows` must have the same length as argument `nested_value_rowids`. "
                f"len(nested_nrows) = {len(rows)} vs. len(nested_values_rowids) = {len(nested_value_rowids)}."
            )
        make = lambda v, part: cls.from_value_rowids(v, part[0], part[1], validate=validate)
        parts = list(zip(nested_value_rowids, rows, strict=True))
        return cls._nested(flat_values, parts, make, name, "RaggedFromNestedValueRowIds")

    @classmethod
    def from_nested_row_splits(cls, flat_values, nested_row_splits, name=None, validate=True):
        """`from_row_splits` once for each ragged dimension, the outermost first."""
        if isinstance(nested_row_splits, Tensor):
            raise TypeError(f"Argument `nested_row_splits` must be a list of Tensors. Received {nested_row_splits}.")
        make = lambda v, part: cls.from_row_splits(v, part, validate=validate)
        return cls._nested(flat_values, list(nested_row_splits), make, name, "RaggedFromNestedRowSplits")

    @classmethod
    def from_nested_row_lengths(cls, flat_values, nested_row_lengths, name=None, validate=True):
        """`from_row_lengths` once for each ragged dimension, the outermost first."""
        if isinstance(nested_row_lengths, Tensor):
            raise TypeError(f"Argument `nested_row_lengths` must be a list of Tensors. Received {nested_row_lengths}.")
        make = lambda v, part: cls.from_row_lengths(v, part, validate=validate)
        return cls._nested(flat_values, list(nested_row_lengths), make, name, "RaggedFromNestedRowlengths")

    # -- what it is made of -------------------------------------------------------------------------------------------
    dtype = property(lambda self: self._values.dtype, doc="The dtype of the values.")
    values = property(lambda self: self._values, doc="The rows, one after the other.")
    row_splits = property(lambda self: self._partition._splits, doc="[nrows + 1]: where rows begin and end.")
    uniform_row_length = property(
        lambda self: self._partition.uniform_row_length(), doc="The length of all rows, or None."
    )
    op = property(lambda self: self.flat_values.op, doc="The operation that gives the values.")
    graph = property(lambda self: self.flat_values.graph, doc="The graph of the values.")
    name = property(lambda self: self.flat_values.name, doc="The name of the values.")

    @property
    def flat_values(self):
        """The values of the innermost ragged dimension, a tensor."""
        values = self._values
        while is_ragged(values):
            values = values._values
        return values

    @property
    def ragged_rank(self):
        """How many dimensions are cut by partitions."""
        return 1 + (self._values.ragged_rank if is_ragged(self._values) else 0)

    @property
    def nested_row_splits(self):
        """The row splits of every ragged dimension, the outermost first."""
        return tuple([p._splits for p in self._nested_row_partitions])

    @property
    def _nested_row_partitions(self):
        inner = self._values._nested_row_partitions if is_ragged(self._values) else ()
        return (self._partition, *inner)

    @property
    def shape(self):
        """The static shape, None for ragged dimensions."""
        inner = self._values.shape
        length = self._partition.static_uniform_row_length
        if inner.rank is None:
            return TensorShape(None)
        return TensorShape([self._partition.static_nrows, length, *inner.as_list()[1:]])

    def get_shape(self):
        """The static shape."""
        return self.shape

    @property
    def _type_spec(self):
        from .spec import RaggedTensorSpec

        return RaggedTensorSpec.from_value(self)

    def value_rowids(self, name=None):
        """The row of each value."""
        return self._partition.value_rowids()

    def nested_value_rowids(self, name=None):
        """`value_rowids` of every ragged dimension, the outermost first."""
        return tuple([p.value_rowids() for p in self._nested_row_partitions])

    def nrows(self, out_type=None, name=None):
        """How many rows there are, of the dtype of the splits unless `out_type` is given."""
        n = self._partition.nrows()
        return n if out_type is None else cast(n, out_type)

    def row_starts(self, name=None):
        """Where rows begin."""
        return self._partition.row_starts()

    def row_limits(self, name=None):
        """Where rows end."""
        return self._partition.row_limits()

    def row_lengths(self, axis=1, name=None):
        """How many values rows have along `axis`; ragged itself for an axis beyond 1."""
        from .functions import positive_axis

        axis = positive_axis(axis, self.shape.rank, "axis")
        if axis == 0:
            return self.nrows()
        if axis == 1:
            return self._partition.row_lengths()
        if is_ragged(self._values):
            return self.with_values(self._values.row_lengths(axis - 1))
        shape = OPS["Shape"].public(self._values, out_type=self.row_splits.dtype.base_dtype)
        ones = OPS["OnesLike"].public(shape[:1])
        size = OPS["Fill"].public(shape[:1] * ones, shape[axis - 1])
        return self.with_values(size)

    def nested_row_lengths(self, name=None):
        """`row_lengths` of every ragged dimension, the outermost first."""
        return tuple([p.row_lengths() for p in self._nested_row_partitions])

    def bounding_shape(self, axis=None, name=None, out_type=None):
        """The shape of the smallest dense tensor that has room for all values, or its size along `axis`."""
        kind = self.row_splits.dtype.base_dtype if out_type is None else dtypes.as_dtype(out_type)
        sizes = [self.nrows(kind)]
        sizes += [cast(partition.longest(p._splits), kind) for p in self._nested_row_partitions]
        inner = OPS["Shape"].public(self.flat_values, out_type=kind)[1:]
        full = OPS["ConcatV2"].public([OPS["Pack"].public(sizes), inner], 0)
        return full if axis is None else OPS["GatherV2"].public(full, record.convert_to_tensor(axis))

    # -- the same with other parts ------------------------------------------------------------------------------------
    def with_values(self, new_values):
        """The same partition of other values, as many."""
        new_values = _values(new_values)
        have, given = self._values.shape, new_values.shape
        if have.rank is not None and given.rank is not None:
            TensorShape(have.as_list()[:1]).assert_is_compatible_with(TensorShape(given.as_list()[:1]))
        return RaggedTensor._cut(new_values, self._partition)

    _with_values = with_values

    def with_flat_values(self, new_values):
        """The same partitions of other innermost values."""
        if is_ragged(self._values):
            return self.with_values(self._values.with_flat_values(new_values))
        return self.with_values(new_values)

    def with_row_splits_dtype(self, dtype):
        """The same with row splits of `dtype`, int32 or int64."""
        dtype = dtypes.as_dtype(dtype)
        if dtype not in (dtypes.int32, dtypes.int64):
            raise ValueError(f"Argument `row_splits` dtype must be int32 or int64. Received {dtype}.")
        if self.row_splits.dtype.base_dtype is dtype:
            return self
        values = self._values.with_row_splits_dtype(dtype) if is_ragged(self._values) else self._values
        return RaggedTensor(values, self._partition.with_dtype(dtype), internal=True)

    def merge_dims(self, outer_axis, inner_axis):
        """The dimensions from `outer_axis` to `inner_axis` made one."""
        from .functions import merge_dims

        return merge_dims(self, outer_axis, inner_axis)

    # -- to and from other forms: see conversion.py -------------------------------------------------------------------
    @classmethod
    def from_tensor(cls, tensor, lengths=None, padding=None, ragged_rank=1, name=None, row_splits_dtype=dtypes.int64):
        """A dense tensor, cut to `lengths`, or without `padding` at the ends of rows, as a RaggedTensor."""
        from .conversion import from_tensor

        return from_tensor(tensor, lengths, padding, ragged_rank, name, row_splits_dtype)

    def to_tensor(self, default_value=None, name=None, shape=None):
        """The dense tensor with `default_value` (zero, "") behind short rows, cut or padded to `shape`."""
        from .conversion import to_tensor

        return to_tensor(self, default_value, name, shape)

    @classmethod
    def from_sparse(cls, st_input, name=None, row_splits_dtype=dtypes.int64):
        """A matrix, sparse but without holes in its rows, as a RaggedTensor."""
        from .conversion import from_sparse

        return from_sparse(st_input, name, row_splits_dtype)

    def to_sparse(self, name=None):
        """A SparseTensor with the same values."""
        from .conversion import to_sparse

        return to_sparse(self, name)

    def numpy(self):
        """A NumPy array; of arrays (dtype object) where rows differ in length.  ValueError in graphs."""
        if context.graph is not None and not isinstance(self.flat_values, EagerTensor):
            raise ValueError("RaggedTensor.numpy() is only supported in eager mode.")
        from .values import rows_of

        return rows_of(self._values.numpy(), self.row_splits.numpy())

    def to_list(self):
        """Nested Python lists.  ValueError in graphs."""
        return self._value().to_list()

    def _value(self):
        from .values import RaggedTensorValue

        if context.graph is not None and not isinstance(self.flat_values, EagerTensor):
            raise ValueError("to_list can only be used in eager mode.")
        values = self._values._value() if is_ragged(self._values) else self._values.numpy()
        return RaggedTensorValue(values, self.row_splits.numpy())

    def eval(self, feed_dict=None, session=None):
        """Its RaggedTensorValue in `session` (default: the current one)."""
        from ..session import session_for

        return session_for(session, self.graph, "eval()").run(self, feed_dict)

    def consumers(self):
        """The operations that read its parts."""
        return list(self.flat_values.consumers())

    # -- Python -------------------------------------------------------------------------------------------------------
    def __tf_tensor__(self, dtype=None, name=None):
        raise RaggedGiven("TypeError: object of type 'RaggedTensor' has no len()\n")

    def __getitem__(self, key):
        from .indexing import getitem

        return getitem(self, key)

    def __bool__(self):
        raise TypeError("RaggedTensor may not be used as a boolean.")

    def __repr__(self):
        if isinstance(self.flat_values, EagerTensor):
            from .values import text_of

            return f"<tf.RaggedTensor {text_of(self.numpy())}>"
        return f"tf.RaggedTensor(values={self._values}, row_splits={self.row_splits})"


def as_ragged(value, name=None, dtype=None):
    """A RaggedTensor as it is; anything else as a tensor."""
    if is_ragged(value):
        return value
    if hasattr(value, "row_splits"):
        return _values(value)
    return record.convert_to_tensor(value, dtype, name=name)
