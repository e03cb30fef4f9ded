"""tf.compat.v1.wrap_function: TF1 code as a function, under TF1's rules: only what a result depends on runs."""

from __future__ import annotations

import copy

from .. import nest, record
from ..declare import export
from ..graph import Operation, context
from ..scopes import GraphKeys, name_scope
from ..tensor import SymbolicTensor, Tensor
from ..trace_type import PlaceholderContext, TracingContext
from ..type_spec import TensorSpec
from ..variable_creation import variable_creator_scope
from .concrete import ConcreteFunction
from .func_graph import FuncGraph, run_traced
from .value_types import type_of


class VariableHolder:
    """The variables that a wrapped function made, by name; they also go to the collections of its graph."""

    def __init__(self):
        self.variables: dict = {}

    def creator(self, next_creator, **kwargs):
        """A variable creator."""
        collections = kwargs.pop("collections", None)
        with name_scope(kwargs.get("name"), "Variable") as scope:
            name = scope[:-1]
        variable = self.variables[name] = next_creator(**{**kwargs, "name": name})
        keys = [GraphKeys.GLOBAL_VARIABLES] if collections is None else list(collections)
        if variable.trainable and GraphKeys.TRAINABLE_VARIABLES not in keys:
            keys.append(GraphKeys.TRAINABLE_VARIABLES)
        context.graph.add_to_collections(keys, variable)
        return variable


class WrappedFunction(ConcreteFunction):
    """Some tensors and operations of a graph as a function of some of its tensors."""

    def __init__(self, graph, inputs, fetches, holder, name, signature=None):
        """fetches: a nest of tensors, operations (which run, and give None) and Nones."""
        self._variable_holder, self._signature, self._traced = holder, signature, graph
        operations = [f for f in nest.flatten(fetches) if isinstance(f, Operation)]
        structure = nest.map_structure(lambda f: None if isinstance(f, Operation) else f, fetches)
        flat = nest.flatten(structure, expand_composites=True)
        super().__init__(graph, inputs, flat, structure, name, effects=operations)
        self.graph = copy.copy(graph)  # shows what this function has of the graph
        self.graph.name, self.graph.arguments = name, self.arguments
        self.graph.outputs, self.graph.structured_outputs = self.outputs, structure
        self.graph.stated_effects = operations

    def __call__(self, *args, **kwargs):
        if kwargs and self._signature is not None:
            raise NotImplementedError(
                f"Keyword arguments are not supported when calling a wrap_function-decorated function. Got {kwargs}."
            )
        if self._signature is None:
            return super().__call__(*args, **kwargs)
        flat = [
            record.convert_to_tensor(a, s.dtype) if type(s) is TensorSpec else a
            for a, s in zip(args, self._signature, strict=False)
        ]
        tensors = [t for t in nest.flatten(flat, expand_composites=True) if isinstance(t, Tensor)]
        if len(tensors) != len(self.arguments):
            raise TypeError(f"{self.graph.name} takes {len(self.arguments)} tensors, got {len(tensors)}.")
        return self.call(tensors)

    @property
    def _arg_keywords(self):
        return [t.op.name for t in self.arguments]

    def prune(self, feeds, fetches, name=None, input_signature=None, are_keyword_args_also_positional=False):
        """Another part of the graph as a function: of the tensors `feeds`, giving `fetches` in their structure.

        Both may be named by strings; operations among the fetches run and give None.  ValueError for what is not of this graph.
        """
        graph = self._traced
        captured = {t._slot for t in graph.inputs[len(graph.arguments) :]}
        flat = [graph.as_graph_element(f) for f in nest.flatten(feeds, expand_composites=True)]
        for f in flat:
            if not isinstance(f, Tensor):
                raise ValueError(f"All members of argument `feeds` must be tensors. Got {f} with type {type(f)}.")
        fetches = nest.map_structure(lambda f: self._element(graph, f), fetches)
        inputs = [f for f in flat if f._slot not in captured]
        made = WrappedFunction(graph, inputs, fetches, self._variable_holder, name or "pruned")
        made.graph.structured_input_signature = input_signature
        return made

    def _element(self, graph, fetch):
        if nest.is_composite(fetch) or isinstance(fetch, (SymbolicTensor, Operation)):
            owner = nest.flatten(fetch, expand_composites=True)[0].graph
            if owner is not graph:
                raise ValueError(
                    f"Can only prune function whose feeds and fetches from graph {graph}. Input {fetch} is from a different graph {owner}."
                )
            return fetch
        named = fetch if isinstance(fetch, (str, bytes)) else getattr(fetch, "name", fetch)  # a TensorInfo has a name
        return graph.as_graph_element(named)


@export("", v1="wrap_function")
def wrap_function(fn, signature, name=None):
    """`fn`, TF1 code, traced once for `signature` (specs and Python values) as a function with variables of its own.

    As in a Session, only what its results depend on runs; operations among the results run and give None.  `prune` makes functions
    of other parts of its graph.
    """
    name = name or "wrapped_function"
    graph = FuncGraph(name, context.graph)
    graph._collections = {}
    graph.effects_in_order = False
    holder = VariableHolder()
    places = PlaceholderContext(graph)
    shared = TracingContext()
    kinds = [type_of(s, shared) for s in signature]
    returned: dict = {}

    def filtered(*args):
        with variable_creator_scope(holder.creator):
            result = fn(*args)
        flat = nest.flatten(result)
        returned.update({i: v for i, v in enumerate(flat) if isinstance(v, Operation)})
        return nest.pack_sequence_as(result, [None if isinstance(v, Operation) else v for v in flat])

    context.push(graph)
    try:
        args = [k.placeholder_value(places) for k in kinds]
    finally:
        context.pop()
    flat, result = run_traced(graph, filtered, args, {}, fn)
    tensors = nest.pack_sequence_as(result, flat, expand_composites=True)
    fetches = [returned.get(i, v) for i, v in enumerate(nest.flatten(tensors))]
    fetches = nest.pack_sequence_as(result, fetches)
    return WrappedFunction(graph, places.made, fetches, holder, name, list(signature))
