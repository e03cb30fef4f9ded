"""tf.types.experimental.TraceType: what of a value decides whether a trace of a tf.function may be used for it.

Values are partly ordered by their types: a trace made for a type serves every subtype of it.  What describes tensors
(`type_spec.py`) are TraceTypes; those of Python's structures and values are in `function/value_types.py`.
"""

from __future__ import annotations

import abc
from typing import Protocol, runtime_checkable

from .declare import export


@export("types.experimental.TraceType", v1="")
class TraceType(abc.ABC):
    """The type of a value, as far as tf.function has to know it."""

    @abc.abstractmethod
    def is_subtype_of(self, other):
        """Whether a trace made for `other` serves values of this type."""

    @abc.abstractmethod
    def most_specific_common_supertype(self, others):
        """The narrowest type that this one and all `others` are subtypes of; None where there is none."""

    @abc.abstractmethod
    def placeholder_value(self, placeholder_context):
        """What the Python function is traced with."""

    def to_tensors(self, value):
        """The tensors (and variables) of a value of this type, in a fixed order."""
        return []

    def from_tensors(self, tensors):
        """A value of this type from an iterator over its tensors."""
        return self.placeholder_value(PlaceholderContext())

    def flatten(self):
        """The types of what `to_tensors` gives."""
        return []

    def cast(self, value, cast_context):
        """`value` as a value of this type; TypeError, ValueError or AssertionError where it is none."""
        assert value == self.placeholder_value(PlaceholderContext()), f"Can not cast {value!r} to type {self!r}"
        return value

    @abc.abstractmethod
    def __hash__(self):
        pass

    @abc.abstractmethod
    def __eq__(self, other):
        pass


@export("types.experimental.TracingContext", v1="")
class TracingContext:
    """What the arguments of one call share while their types are made: which variables occur twice."""

    def __init__(self):
        self.variables: list = []

    def number_of(self, variable):
        """The position of a variable among those met so far."""
        for i, v in enumerate(self.variables):
            if v is variable:
                return i
        self.variables.append(variable)
        return len(self.variables) - 1


class PlaceholderContext:
    """Where placeholders are made.

    graph      the FuncGraph; None: types that are descriptions of tensors stand for themselves
    name       of the argument
    variables  by number (TracingContext)
    """

    def __init__(self, graph=None, variables=()):
        self.graph, self.variables, self.name = graph, variables, None
        self.made: list = []  # the placeholders, in order, and the variables that are arguments

    def add(self, made):
        """Notes an input of the function being traced."""
        self.made.append(made)
        return made


class CastContext:
    """How values are cast; allow_specs: a description of a tensor may stand for one (get_concrete_function)."""

    def __init__(self, allow_specs=False):
        self.allow_specs = allow_specs


@runtime_checkable
class SupportsTracingProtocol(Protocol):
    """A class that says itself what traces its objects may share: `__tf_tracing_type__(context)` gives a TraceType."""

    @abc.abstractmethod
    def __tf_tracing_type__(self, context):
        """The TraceType of this object."""


export("types.experimental.SupportsTracingProtocol", v1="")(SupportsTracingProtocol)
