"""tf.TensorSpec: a dtype and a partly known shape, for function signatures."""

from __future__ import annotations

import numpy as np

from . import dtypes, nest
from .declare import export
from .shapes import TensorShape
from .tensor import IndexedSlices, Tensor
from .trace_type import CastContext, TraceType


@export("TypeSpec")
class TypeSpec(TraceType):
    """What describes a value without being one.

    A spec of a composite says what its settings are (`_serialize()`: a tuple; shapes and specs in it are compared as such,
    all else must be equal) and what it is made of: `_component_specs`, `_to_components(value)`, `_from_components(parts)`.
    """

    def is_compatible_with(self, value):
        raise NotImplementedError(f"{type(self).__name__}.is_compatible_with")

    # -- as a TraceType -----------------------------------------------------------------------------------------------
    def is_subtype_of(self, other):
        """Whether every value of this spec also is one of `other`."""
        if type(self) is not type(other):
            return False
        pairs = zip(self._serialize(), other._serialize(), strict=True)
        return all(a.is_subtype_of(b) if isinstance(a, (TensorShape, TypeSpec)) else a == b for a, b in pairs)

    def most_specific_common_supertype(self, others):
        """The narrowest spec that this one and `others` are subtypes of; None where there is none."""
        if any(type(self) is not type(other) for other in others):
            return None
        found = []
        for mine, *theirs in zip(self._serialize(), *[other._serialize() for other in others], strict=True):
            if isinstance(mine, (TensorShape, TypeSpec)):
                mine = mine.most_specific_common_supertype(theirs)
                if mine is None:
                    return None
            elif any(mine != t for t in theirs):
                return None
            found.append(mine)
        return self._deserialize(found)

    @classmethod
    def _deserialize(cls, settings):
        return cls(*settings)

    def placeholder_value(self, placeholder_context):
        """A composite of placeholders; outside of a graph the spec itself."""
        if placeholder_context.graph is None:
            return self
        return self._from_components([s.placeholder_value(placeholder_context) for s in self._component_specs])

    def to_tensors(self, value):
        """The components of a composite of this spec."""
        return list(self._to_components(self.cast(value, CastContext())))

    def from_tensors(self, tensors):
        """A composite from an iterator over its components."""
        return self._from_components([next(tensors) for _ in self._component_specs])

    def flatten(self):
        """The specs of the components."""
        return list(self._component_specs)

    def cast(self, value, casting_context):
        """`value` as a composite of this spec; TypeError or ValueError where it is none."""
        if casting_context.allow_specs and isinstance(value, TypeSpec):
            assert value.is_subtype_of(self), f"Can not cast {value!r} to {self!r}"
            return self
        specs = self._component_specs
        parts = list(self._to_components(value)) if isinstance(value, self.value_type) else [value]
        if len(parts) != len(specs):
            raise ValueError(
                f"The two structures don't have the same nested structure.\n\nFirst structure: {specs}\n\n"
                f"Second structure: {parts}"
            )
        made = [s.cast(v, casting_context) for s, v in zip(specs, parts, strict=True)]
        return value if all(a is b for a, b in zip(made, parts, strict=True)) else self._from_components(made)

    def __eq__(self, other):
        return type(self) is type(other) and self._serialize() == other._serialize()

    def __hash__(self):
        return hash((type(self), self._dtype))


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

    def _serialize(self):
        return self._shape, self._dtype, self._name

    # -- as a TraceType -----------------------------------------------------------------------------------------------
    def is_subtype_of(self, other):
        """Whether every tensor of this spec also is one of `other`; one without a name may stand for one with a name."""
        return (
            isinstance(other, TensorSpec)
            and (not self._name or self._name == other._name)
            and self._shape.is_subtype_of(other._shape)
            and self._dtype == other._dtype
        )

    def placeholder_value(self, placeholder_context):
        """A placeholder called like the spec or else like the argument; outside of a graph the spec itself."""
        graph = placeholder_context.graph
        if graph is None:
            return self
        return placeholder_context.add(graph.argument(self, self._name or placeholder_context.name))

    def to_tensors(self, value):
        """The tensor itself, in a list."""
        return [self.cast(value, CastContext())]

    def from_tensors(self, tensors):
        """The next tensor."""
        return next(tensors)

    def flatten(self):
        """The spec itself, in a list."""
        return [self]

    def cast(self, value, casting_context):
        """`value` as a tensor of this spec; TypeError where dtype or shape forbid it."""
        if casting_context.allow_specs and isinstance(value, TensorSpec):
            assert value.is_subtype_of(self), f"Can not cast {value!r} to {self!r}"
            return self
        if not isinstance(value, Tensor):
            from .record import convert_to_tensor

            value = convert_to_tensor(value, self._dtype.base_dtype)
        given = TensorSpec(value.shape, value.dtype.base_dtype, self._name)
        if not given.is_subtype_of(self):
            if not self.is_subtype_of(given):
                raise TypeError(f"Can not cast {given!r} to {self!r}")
            value.set_shape(self._shape)
        return value

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


class _Composites(type):
    def __instancecheck__(cls, instance):
        return nest.is_composite(instance)


@export("__internal__.CompositeTensor", v1="")
class CompositeTensor(metaclass=_Composites):
    """What isinstance finds every composite to be: sparse and ragged tensors, IndexedSlices, ...

    A subclass says by its `_type_spec` what it consists of.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        nest.register_composite(
            cls, lambda x: x._type_spec._to_components(x), lambda like, parts: like._type_spec._from_components(parts)
        )


@export("IndexedSlicesSpec")
class IndexedSlicesSpec(TypeSpec):
    """The dtypes and partly known shapes of an IndexedSlices; without a `dense_shape_dtype` it has no dense_shape."""

    def __init__(self, shape=None, dtype=dtypes.float32, indices_dtype=dtypes.int64, dense_shape_dtype=None,
                 indices_shape=None):  # fmt: skip
        self._shape, self._dtype = TensorShape(shape), dtypes.as_dtype(dtype)
        self._indices_dtype, self._indices_shape = dtypes.as_dtype(indices_dtype), TensorShape(indices_shape)
        self._indices_shape = self._indices_shape.with_rank(1)
        self._dense_shape_dtype = None if dense_shape_dtype is None else dtypes.as_dtype(dense_shape_dtype)

    shape = property(lambda self: self._shape)
    dtype = property(lambda self: self._dtype)
    value_type = property(lambda self: IndexedSlices)

    @classmethod
    def from_value(cls, value):
        """The spec of an IndexedSlices."""
        dense = None if value.dense_shape is None else value.dense_shape.dtype.base_dtype
        dtype, indices = value.values.dtype.base_dtype, value.indices
        return cls(value.shape, dtype, indices.dtype.base_dtype, dense, indices.shape)

    @property
    def _component_specs(self):
        rows = self._indices_shape.concatenate(self._shape[1:]) if self._shape.rank is not None else TensorShape(None)
        specs = [TensorSpec(rows, self._dtype), TensorSpec(self._indices_shape, self._indices_dtype)]
        if self._dense_shape_dtype is not None:
            specs.append(TensorSpec([self._shape.rank], self._dense_shape_dtype))
        return specs

    def _to_components(self, value):
        parts = [value.values, value.indices]
        return parts if value.dense_shape is None else [*parts, value.dense_shape]

    def _from_components(self, parts):
        return IndexedSlices(*parts)

    def _serialize(self):
        return self._shape, self._dtype, self._indices_dtype, self._dense_shape_dtype, self._indices_shape

    def is_compatible_with(self, spec_or_value):
        """Whether an IndexedSlices (or its spec) may be used where this spec is asked for."""
        other = spec_or_value
        if isinstance(other, IndexedSlices):
            other = IndexedSlicesSpec.from_value(other)
        if not isinstance(other, IndexedSlicesSpec):
            return False
        shapes = ((self._shape, other._shape), (self._indices_shape, other._indices_shape))
        return self._serialize()[1:4] == other._serialize()[1:4] and all(a.is_compatible_with(b) for a, b in shapes)

    def __repr__(self):
        shapes = [
            f"TensorShape({s.as_list() if s.rank is not None else None})" for s in (self._shape, self._indices_shape)
        ]
        return f"IndexedSlicesSpec({shapes[0]}, {self._dtype!r}, {self._indices_dtype!r}, {self._dense_shape_dtype!r}, {shapes[1]})"


IndexedSlices._type_spec = property(IndexedSlicesSpec.from_value)
