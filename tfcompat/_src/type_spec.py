"""tf.TensorSpec: a dtype and a partly known shape, for function signatures."""

from __future__ import annotations

import numpy as np

from . import dtypes
from .declare import export
from .shapes import TensorShape
from .tensor import Tensor


@export("TypeSpec")
class TypeSpec:
    """What describes a value without being one."""

    def is_compatible_with(self, value):
        raise NotImplementedError(f"{type(self).__name__}.is_compatible_with")


@export("TensorSpec")
class TensorSpec(TypeSpec):
    """The dtype, static shape and name of a tensor."""

    __slots__ = ("_shape", "_dtype", "_name")

    def __init__(self, shape, dtype=dtypes.float32, name=None):
        self._shape, self._dtype, self._name = TensorShape(shape), dtypes.as_dtype(dtype), name

    @classmethod
    def from_tensor(cls, tensor, name=None):
        """The spec of an existing tensor."""
        if name is None and not hasattr(tensor, "numpy") and isinstance(tensor, Tensor):
            name = tensor.op.name
        return cls(tensor.shape, tensor.dtype, name)

    @classmethod
    def from_spec(cls, spec, name=None):
        """A copy of a spec, renamed."""
        return cls(spec.shape, spec.dtype, name or spec.name)

    @property
    def shape(self):
        return self._shape

    @property
    def dtype(self):
        return self._dtype

    @property
    def name(self):
        return self._name

    @property
    def value_type(self):
        return Tensor

    def is_compatible_with(self, spec_or_tensor):
        """Whether a tensor (or a tensor of that spec) may be used where this spec is asked for."""
        return self._dtype.is_compatible_with(spec_or_tensor.dtype) and self._shape.is_compatible_with(
            spec_or_tensor.shape
        )

    def most_specific_compatible_type(self, other):
        if self._dtype is not other.dtype:
            raise ValueError(f"Types are not compatible: {self!r} vs {other!r}")
        return TensorSpec(self._shape.most_specific_compatible_shape(other.shape), self._dtype)

    def __eq__(self, other):
        return isinstance(other, TensorSpec) and self._key() == other._key() and self._name == other._name

    def _key(self):
        return self._dtype, None if self._shape.rank is None else tuple(self._shape.as_list())

    def __hash__(self):
        return hash(self._key())

    def __reduce__(self):
        return TensorSpec, (self._shape, self._dtype, self._name)

    def __repr__(self):
        return f"TensorSpec(shape={self._shape}, dtype={self._dtype!r}, name={self._name!r})"


def spec_of(value, name=None):
    """The TensorSpec of an array or tensor."""
    if isinstance(value, np.ndarray):
        return TensorSpec(value.shape, dtypes.as_dtype(value.dtype), name)
    return TensorSpec(value.shape, value.dtype, name)
