"""tf.RaggedTensorSpec, and RaggedTensors as composites: in nests, as fetches and as feeds."""

from __future__ import annotations

import numpy as np

from .. import dtypes, nest
from ..declare import export
from ..fetches import register_feed, register_fetch
from ..ops.sparse import SparseTensor, SparseTensorSpec, SparseTensorValue
from ..shapes import TensorShape
from ..tensor import Tensor
from ..type_spec import TensorSpec, TypeSpec, spec_of
from .partition import RowPartition
from .tensor import RaggedTensor, is_ragged
from .values import RaggedTensorValue


@export("RaggedTensorSpec")
class RaggedTensorSpec(TypeSpec):
    """The partly known shape, dtype, ragged rank and row splits dtype of a RaggedTensor (a tensor, for rank 0)."""

    def __init__(self, shape=None, dtype=dtypes.float32, ragged_rank=None, row_splits_dtype=dtypes.int64,
                 flat_values_spec=None):  # fmt: skip
        self._shape, self._row_splits_dtype = TensorShape(shape), dtypes.as_dtype(row_splits_dtype)
        self._flat_values_spec = flat_values_spec
        self._dtype = dtypes.as_dtype(dtype) if flat_values_spec is None else flat_values_spec.dtype
        rank = self._shape.rank
        if ragged_rank is None:
            if rank is None:
                raise ValueError("Must specify ragged_rank or a shape with a known rank.")
            ragged_rank = rank - 1
        if not isinstance(ragged_rank, int):
            raise TypeError(f"Argument `ragged_rank` must be an int. Received {ragged_rank}.")
        if rank is not None and ragged_rank >= rank and rank:
            raise ValueError(f"Argument `ragged_rank` ({ragged_rank}) must be less than rank ({rank}).")
        self._ragged_rank = ragged_rank

    shape = property(lambda self: self._shape)
    dtype = property(lambda self: self._dtype)
    ragged_rank = property(lambda self: self._ragged_rank)
    row_splits_dtype = property(lambda self: self._row_splits_dtype)
    flat_values_spec = property(lambda self: self._flat_values_spec)
    value_type = property(lambda self: RaggedTensor)

    @property
    def _component_specs(self):
        inner = [None] if self._shape.rank is None else [None, *self._shape.as_list()[self._ragged_rank + 1 :]]
        if self._ragged_rank == 0:
            return [TensorSpec(self._shape, self._dtype)]
        flat = self._flat_values_spec or TensorSpec(None if self._shape.rank is None else inner, self._dtype)
        rows = None if self._shape.rank is None else self._shape.as_list()[0]
        lengths = [None if rows is None else rows + 1] + [None] * (self._ragged_rank - 1)
        return [flat, *[TensorSpec([n], self._row_splits_dtype) for n in lengths]]

    def _to_components(self, value):
        return _parts(value) if is_ragged(value) else [value]

    def _from_components(self, parts):
        made, *nested = parts
        lengths = [None] * len(nested) if self._shape.rank is None else self._shape.as_list()[1:]
        for depth in reversed(range(len(nested))):
            made = RaggedTensor(made, RowPartition._of(nested[depth], lengths[depth]), internal=True)
        return made

    @classmethod
    def from_value(cls, value):
        """The spec of a RaggedTensor or RaggedTensorValue."""
        kind = dtypes.as_dtype(value.row_splits.dtype).base_dtype
        return cls(value.shape, dtypes.as_dtype(value.dtype).base_dtype, value.ragged_rank, kind)

    def is_compatible_with(self, spec_or_value):
        """Whether a RaggedTensor (or spec) may be used where this spec is asked for."""
        other = spec_or_value
        if is_ragged(other) or isinstance(other, RaggedTensorValue):
            other = RaggedTensorSpec.from_value(other)
        if not isinstance(other, RaggedTensorSpec):
            return self._ragged_rank == 0 and TensorSpec(self._shape, self._dtype).is_compatible_with(other)
        return (
            self._dtype.is_compatible_with(other._dtype)
            and self._shape.is_compatible_with(other._shape)
            and self._ragged_rank == other._ragged_rank
            and self._row_splits_dtype is other._row_splits_dtype
        )

    def most_specific_compatible_type(self, other):
        """The spec that both are compatible with; ValueError where there is none."""
        if not isinstance(other, RaggedTensorSpec) or self._serialize()[1:] != other._serialize()[1:]:
            raise ValueError(f"Types are not compatible: {self!r} vs {other!r}")
        shape = self._shape.most_specific_compatible_shape(other._shape)
        return RaggedTensorSpec(shape, self._dtype, self._ragged_rank, self._row_splits_dtype)

    def _serialize(self):
        settings = self._shape, self._dtype, self._ragged_rank, self._row_splits_dtype
        return settings if self._flat_values_spec is None else (*settings, self._flat_values_spec)

    def __reduce__(self):
        return RaggedTensorSpec, self._serialize()

    def __repr__(self):
        spoken = f"TensorShape({self._shape.as_list()})" if self._shape.rank is not None else "TensorShape(None)"
        return f"RaggedTensorSpec({spoken}, {self._dtype!r}, {self._ragged_rank}, {self._row_splits_dtype!r})"


@export("type_spec_from_value")
def type_spec_from_value(value):
    """The TypeSpec of a tensor, array, SparseTensor or RaggedTensor; TypeError for anything else."""
    if is_ragged(value) or isinstance(value, RaggedTensorValue):
        return RaggedTensorSpec.from_value(value)
    if isinstance(value, (SparseTensor, SparseTensorValue)):
        return SparseTensorSpec.from_value(value)
    if isinstance(value, (Tensor, np.ndarray, np.generic)):
        return spec_of(value)
    spec = getattr(value, "_type_spec", None)
    if spec is None:
        raise TypeError(f"Could not build a TypeSpec for {value!r} with type {type(value).__name__}.")
    return spec


# -- composites -------------------------------------------------------------------------------------------------------
def _parts(x):
    return [x.flat_values, *x.nested_row_splits]


def _rebuilt(like, parts):
    """A RaggedTensor like `like` of its flat values and row splits; None for splits (a gradient's) keeps those."""
    made, *nested = parts
    if made is None:
        return None
    for old, splits in zip(reversed(like._nested_row_partitions), reversed(nested), strict=True):
        splits = old._splits if splits is None else splits
        length = old._length if isinstance(old._length, int) else None
        made = RaggedTensor(made, RowPartition._of(splits, length), internal=True)
    return made


def _value(x, arrays):
    made, *nested = arrays
    for splits in reversed(nested):
        made = RaggedTensorValue(made, splits)
    return made


def _feed(key, value):
    if isinstance(value, RaggedTensor):
        raise TypeError(
            "The value of a feed cannot be a tf.RaggedTensor: give a tf.compat.v1.ragged.RaggedTensorValue."
        )
    return list(zip(_parts(key), [value.flat_values, *value.nested_row_splits], strict=True))


nest.register_composite(
    RaggedTensor, _parts, _rebuilt,
    compatible=lambda a, b: type(a) is type(b) and a.ragged_rank == b.ragged_rank,
)  # fmt: skip
register_fetch(RaggedTensor, _parts, _value)
register_feed(RaggedTensor, _feed)
