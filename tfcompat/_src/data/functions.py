"""The functions of map and filter: traced once, run element by element outside of any graph."""

from __future__ import annotations

from .. import nest
from ..graph import context
from ..tensor import EagerTensor, constant
from ..type_spec import TensorSpec, TypeSpec


def arguments(element):
    """A tuple's parts are separate arguments; any other element is one."""
    return element if isinstance(element, tuple) and not hasattr(element, "_fields") else (element,)


def eager(leaf):
    """A leaf of an element as users see it; sparse and ragged ones are tensors already."""
    return leaf if nest.is_composite(leaf) else constant(leaf)


def eager_arguments(element):
    return [nest.map_structure(eager, part) for part in arguments(element)]


def _spec(leaf):
    if isinstance(leaf, TypeSpec):
        return leaf
    return leaf._type_spec if nest.is_composite(leaf) else TensorSpec(leaf.shape, leaf.dtype)


def traced(function, spec):
    """(function from an element of arrays to one, spec of its results) of a user's function."""
    from ..function import Function

    made = Function(lambda *args: _tuple(function(*args)), getattr(function, "__name__", "map_func"))
    given = [nest.map_structure(_spec, part) for part in arguments(spec)]
    context.push(None)
    try:
        concrete = made.get_concrete_function(*given)
        result = concrete.structured_outputs
    finally:
        context.pop()
    out_spec = nest.map_structure(_spec, result)

    def call(element):
        context.push(None)
        try:
            out = made(*eager_arguments(element))
        finally:
            context.pop()
        return nest.map_structure(lambda t: t._numpy() if isinstance(t, EagerTensor) else t, out)

    return call, out_spec


def _tuple(result):
    """TF1 and TF2 both take a list of results for a tuple."""
    return tuple(result) if isinstance(result, list) else result
