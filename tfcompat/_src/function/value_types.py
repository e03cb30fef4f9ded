"""The TraceTypes of Python values and structures, and `type_of`, which finds the type of any argument.

The classes are called as TensorFlow's are: their names stand in signatures that users print.
"""

from __future__ import annotations

import collections
import collections.abc
import weakref

import numpy as np

from .. import dtypes, nest
from ..shapes import TensorShape
from ..tensor import Tensor
from ..trace_type import CastContext, PlaceholderContext, TraceType, TracingContext
from ..type_spec import TensorSpec, TypeSpec

_NAN = float("nan")


class Literal(TraceType):
    """A value that a trace is made for: equal values of one class share it (all NaNs are equal here)."""

    def __init__(self, value):
        self.value = _NAN if isinstance(value, (float, np.floating)) and value != value else value
        self._hash = hash(self.value)

    def is_subtype_of(self, other):
        return self == other

    def most_specific_common_supertype(self, others):
        return self if all(self == other for other in others) else None

    def placeholder_value(self, placeholder_context):
        return list(self.value) if isinstance(self.value, range) else self.value

    def cast(self, value, cast_context):
        if value is self.value or value == self.value or value != value and self.value is _NAN:
            return value
        raise ValueError(f"Can not cast {value!r} to {self!r}")

    def __eq__(self, other):
        if not isinstance(other, Literal):
            return False
        return self.value is other.value or self.value.__class__ is other.value.__class__ and self.value == other.value

    def __hash__(self):
        return self._hash

    def __repr__(self):
        return f"Literal[{self.value!r}]"


class Weakref(TraceType):
    """An object that is known by its identity, or its own equality, and not kept alive."""

    def __init__(self, ref):
        self._ref = ref
        self._hash = hash(ref)

    def is_subtype_of(self, other):
        return self == other

    def most_specific_common_supertype(self, others):
        return self if all(self == other for other in others) else None

    def placeholder_value(self, placeholder_context):
        return self._ref()

    def cast(self, value, cast_context):
        mine = self._ref()
        if value is mine or value == mine:
            return value
        while hasattr(value, "__wrapped__"):
            value = value.__wrapped__
            if value is mine:
                return value
        raise ValueError(f"Can not cast {value!r} to {self!r}")

    def __eq__(self, other):
        if not isinstance(other, Weakref):
            return False
        mine, theirs = self._ref(), other._ref()
        return mine is not None and theirs is not None and (mine is theirs or self._ref == other._ref)

    def __hash__(self):
        return self._hash

    def __repr__(self):
        return f"Weakref[{self._ref!r}]"


class _Structure(TraceType):
    """A value with parts: `parts(value)` in the order of `components`, `build(parts)`, and `_kind()`, what else is equal.

    The order is that in which the tensors come.
    """

    def __init__(self, components):
        self.components = tuple(components)

    def _alike(self, other):
        return (
            type(self) is type(other)
            and len(self.components) == len(other.components)
            and self._kind() == other._kind()
        )

    def _kind(self):
        return None

    def is_subtype_of(self, other):
        return self._alike(other) and all(
            a.is_subtype_of(b) for a, b in zip(self.components, other.components, strict=True)
        )

    def most_specific_common_supertype(self, others):
        if not all(self._alike(other) for other in others):
            return None
        found = []
        for mine, *theirs in zip(self.components, *[other.components for other in others], strict=True):
            one = mine.most_specific_common_supertype(theirs)
            if one is None:
                return None
            found.append(one)
        return self._of(found)

    def placeholder_value(self, placeholder_context):
        return self.build([c.placeholder_value(placeholder_context) for c in self.components])

    def to_tensors(self, value):
        return [t for c, v in zip(self.components, self.parts(value), strict=True) for t in c.to_tensors(v)]

    def from_tensors(self, tensors):
        return self.build([c.from_tensors(tensors) for c in self.components])

    def flatten(self):
        return [t for c in self.components for t in c.flatten()]

    def cast(self, value, cast_context):
        self._check(value)
        parts = self.parts(value)
        made = [t.cast(v, cast_context) for t, v in zip(self.components, parts, strict=True)]
        return value if all(a is b for a, b in zip(made, parts, strict=True)) else self.build(made)

    def __eq__(self, other):
        return self._alike(other) and self.components == other.components

    def __hash__(self):
        return hash((type(self).__name__, self.components))


class Tuple(_Structure):
    """A tuple."""

    _class = tuple

    def _of(self, components):
        return type(self)(components)

    def parts(self, value):
        return list(value)

    def build(self, parts):
        return self._class(parts)

    def _check(self, value):
        name = self._class.__name__
        assert isinstance(value, self._class), f"Can not cast {value!r} to {name} type."
        assert len(value) == len(self.components), f"Expected {value} to have length of {len(self.components)}"

    def __repr__(self):
        return f"{type(self).__name__}[{', '.join(map(repr, self.components))}]"


class List(Tuple):
    """A list."""

    _class = list


class _Fields(_Structure):
    """An object with named parts, made by position."""

    def __init__(self, cls, names, components):
        super().__init__(components)
        self.cls, self.names = cls, tuple(names)

    def _of(self, components):
        return type(self)(self.cls, self.names, components)

    def _kind(self):
        return self.cls.__name__, self.names

    def parts(self, value):
        return [getattr(value, n) for n in self.names]

    def build(self, parts):
        return self.cls(*parts)

    def __repr__(self):
        named = ", ".join(f"['{n}', {t!r}]" for n, t in zip(self.names, self.components, strict=True))
        return f"{type(self).__name__}[{self.cls.__name__}, [{named}]]"


class NamedTuple(_Fields):
    """A namedtuple."""

    def _check(self, value):
        assert nest.is_namedtuple(value) and type(value).__name__ == self.cls.__name__, (
            f"Cannot cast {value!r} to type {self!r}."
        )


class Attrs(_Fields):
    """An object of an attrs class."""

    def _check(self, value):
        assert nest.is_attrs(value) and type(value).__name__ == self.cls.__name__, (
            f"Cannot cast {value!r} to type {self!r}."
        )


class Dict(_Structure):
    """A mapping; its tensors come in the order of the sorted keys, as in nests, and it is built in the order it was given in."""

    def __init__(self, cls, order, keys, components):
        super().__init__(components)
        self.cls, self.order, self.keys = cls, tuple(order), tuple(keys)

    @classmethod
    def of(cls, value, context):
        """The type of a mapping."""
        keys = sorted_keys(value)
        return cls(type(value), value, keys, [type_of(value[k], context) for k in keys])

    def _of(self, components):
        return Dict(self.cls, self.order, self.keys, components)

    def _kind(self):
        return self.keys

    def parts(self, value):
        return [value[k] for k in self.keys]

    def build(self, parts):
        made = dict(zip(self.keys, parts, strict=True))
        pairs = [(k, made[k]) for k in self.order]
        return dict(pairs) if self.cls is collections.defaultdict else self.cls(pairs)

    def _check(self, value):
        assert isinstance(value, collections.abc.Mapping), f"Can not cast {value!r} to a Dict type."
        assert set(value) == set(self.keys), f"{value!r} has different keys with the TraceType {self!r}."

    def __repr__(self):
        made = dict(zip(self.keys, self.components, strict=True))
        return f"Dict[{', '.join(f'[{k!r}, {made[k]!r}]' for k in self.order)}]"


def sorted_keys(mapping):
    """The keys in the order in which a mapping's tensors come."""
    try:
        return sorted(mapping)
    except TypeError:
        return sorted(mapping, key=lambda k: (k.__class__.__name__, k))


class CustomNest(_Structure):
    """An object of a class with `__tf_flatten__` and `__tf_unflatten__`; what these call metadata must be equal."""

    def __init__(self, cls, metadata, components):
        super().__init__(components)
        self.cls, self.metadata = cls, metadata

    def _of(self, components):
        return CustomNest(self.cls, self.metadata, components)

    def _kind(self):
        return self.cls, self.metadata

    def parts(self, value):
        return list(value.__tf_flatten__()[1])

    def build(self, parts):
        return self.cls.__tf_unflatten__(self.metadata, tuple(parts))

    def _check(self, value):
        if not isinstance(value, self.cls):
            raise TypeError(f"[{value!r}] is not of type {self.cls}.")
        metadata, parts = value.__tf_flatten__()
        if metadata != self.metadata:
            raise ValueError(f"Metadata mismatch: [{self.metadata!r}] != [{metadata!r}].")
        if len(parts) != len(self.components):
            raise ValueError(f"Lengths of components mismatch: {len(self.components)} != {len(parts)}.")

    def __repr__(self):
        return f"CustomNestTraceType [metadata={self.metadata!r}, components={self.components!r}]"


class Composite(_Structure):
    """A composite without a spec (an IndexedSlices, a linear operator): its class, its tensors, and one such object to build like."""

    def __init__(self, like, components):
        super().__init__(components)
        self.like = like

    def _of(self, components):
        return Composite(self.like, components)

    def _kind(self):
        return type(self.like)

    def _alike(self, other):
        return super()._alike(other) and _same_structure(self.like, other.like)

    def parts(self, value):
        return nest.flatten(value, expand_composites=True)

    def build(self, parts):
        return nest.pack_sequence_as(self.like, list(parts), expand_composites=True)

    def _check(self, value):
        if type(value) is not type(self.like):
            raise TypeError(f"Can not cast {value!r} to {self!r}")

    def __repr__(self):
        return f"{type(self.like).__name__}[{', '.join(map(repr, self.components))}]"


def _same_structure(a, b):
    try:
        nest.assert_same_structure(a, b, expand_composites=True)
    except (TypeError, ValueError):
        return False
    return True


class VariableSpec(TypeSpec):
    """A variable as an argument: shape, dtype, and which of the call's variables it is (`alias_id`)."""

    def __init__(self, shape, dtype=dtypes.float32, trainable=True, alias_id=None):
        self._shape, self._dtype = TensorShape(shape), dtypes.as_dtype(dtype)
        self.trainable, self.alias_id = trainable, alias_id

    shape = property(lambda self: self._shape)
    dtype = property(lambda self: self._dtype)

    @classmethod
    def from_value(cls, variable):
        """The spec of a variable by itself."""
        return cls(variable.shape, variable.dtype.base_dtype, variable.trainable)

    def is_compatible_with(self, value):
        """Whether a variable (or its spec) may be used where this spec is asked for."""
        return (
            (isinstance(value, VariableSpec) or is_variable(value))
            and self._shape.is_compatible_with(value.shape)
            and self._dtype == value.dtype.base_dtype
            and self.trainable == value.trainable
        )

    def _serialize(self):
        return self._shape, self._dtype, self.trainable, self.alias_id

    def placeholder_value(self, placeholder_context):
        """The variable of the call being traced: later calls put theirs in its place."""
        if placeholder_context.graph is None:
            return self
        variable = placeholder_context.variables[self.alias_id]
        if not any(v is variable for v in placeholder_context.made):
            placeholder_context.graph.variable_argument(placeholder_context.name)
            placeholder_context.add(variable)
        return variable

    def to_tensors(self, value):
        """The variable itself, in a list."""
        return [self.cast(value, CastContext())]

    def from_tensors(self, tensors):
        """The next variable."""
        return next(tensors)

    def flatten(self):
        """The spec itself, in a list."""
        return [self]

    def cast(self, value, cast_context):
        """`value` where it is a variable of this spec; TypeError or ValueError where it is not."""
        if cast_context.allow_specs and isinstance(value, VariableSpec):
            return self
        if not is_variable(value):
            raise ValueError(f"Can not cast {value!r} to {self!r}")
        if not self.is_compatible_with(value):
            raise TypeError(f"Can not cast {VariableSpec.from_value(value)!r} to {self!r}")
        return value

    def __repr__(self):
        return (
            f"VariableSpec(shape={self._shape}, dtype={self._dtype!r}, trainable={self.trainable!r}, "
            f"alias_id={self.alias_id!r})"
        )


def is_variable(value):
    """Whether `value` is a variable, of any kind."""
    return hasattr(value.__class__, "_dense_tensor")


def type_of(value, context=None):
    """The TraceType of an argument; TypeError where it has none.  `context`: shared by the arguments of a call."""
    if context is None:
        context = TracingContext()
    if isinstance(value, TraceType):
        return value
    if isinstance(value, Tensor):
        return TensorSpec(value.shape, value.dtype.base_dtype)
    if is_variable(value):
        number = context.number_of(value)
        return VariableSpec(value.shape, value.dtype.base_dtype, value.trainable, number)
    if isinstance(value, (np.ndarray, np.generic)):
        return TensorSpec(value.shape, dtypes.as_dtype(value.dtype))
    own = getattr(value.__class__, "__tf_tracing_type__", None)
    if own is not None:
        made = own(value, context)
        if not isinstance(made, TraceType):
            raise TypeError(f"Expected an instance of TraceType for Tracing Protocol call to {value} but got {made}")
        return made
    if isinstance(value, weakref.ref):
        raise TypeError(f"weakref input {value} not supported for tf.function.")
    if nest.is_composite(value):
        spec = getattr(value, "_type_spec", None)
        if spec is not None:
            return spec
        return Composite(value, [type_of(v, context) for v in nest.flatten(value, expand_composites=True)])
    if hasattr(value.__class__, "__array__"):
        array = np.asarray(value)
        return TensorSpec(array.shape, dtypes.as_dtype(array.dtype))
    if hasattr(value, "__wrapped__") and not isinstance(value, type):
        return type_of(value.__wrapped__, context)
    if isinstance(value, list):
        return List([type_of(v, context) for v in value])
    if isinstance(value, tuple):
        components = [type_of(v, context) for v in value]
        return NamedTuple(type(value), value._fields, components) if nest.is_namedtuple(value) else Tuple(components)
    if isinstance(value, collections.abc.Mapping):
        return Dict.of(value, context)
    if nest.is_attrs(value):
        names = [a.name for a in type(value).__attrs_attrs__]
        return Attrs(type(value), names, [type_of(getattr(value, n), context) for n in names])
    if hasattr(value.__class__, "__tf_flatten__"):
        metadata, components = value.__tf_flatten__()
        return CustomNest(type(value), metadata, [type_of(c, context) for c in components])
    return _of_object(value)


def _of_object(value):
    try:
        return Weakref(weakref.ref(value))
    except TypeError:
        pass
    try:
        return Literal(value)
    except TypeError:
        raise TypeError(
            f"Could not generate a generic TraceType for {value!r}. Please verify that it is immutable/hashable. Otherwise, "
            "consider implementing the Tracing Protocol for it."
        ) from None


def signature_of(value):
    """What describes a type in a structured signature: specs for tensors, Python values for themselves."""
    return value.placeholder_value(PlaceholderContext())
