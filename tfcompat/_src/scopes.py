"""The `with` statements of graph building: name scopes, control dependencies, gradient_override_map, init_scope.

Each is a method of tf.Graph and a function on the current graph; eagerly they have the effect TensorFlow gives them
there (names of variables, callables run at once) or none.  In a graph a scope's name is made unique; eagerly it is not.
"""

from __future__ import annotations

import contextlib
import re
import threading

from .declare import export
from .device_scopes import colocate_with, device
from .graph import Graph, Operation, context
from .graph_collections import (
    GraphKeys,
    add_to_collection,
    add_to_collections,
    get_collection,
    get_collection_ref,
    root_graph,
)
from .tensor import EagerTensor, IndexedSlices, SymbolicTensor, Tensor

_ROOT_NAME = re.compile(r"^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$")
_NESTED_NAME = re.compile(r"^[A-Za-z0-9_.\\/>-]*$")


class _EagerNames(threading.local):
    scope = ""  # with its trailing slash


_names = _EagerNames()


# -- names ------------------------------------------------------------------------------------------------------------
class _GraphNameScope:
    """`with graph.name_scope(name) as scope:`; `scope` ends with a slash and re-enters this scope when given as a
    name.
    """

    __slots__ = ("graph", "name", "old")

    def __init__(self, graph, name):
        self.graph, self.name = graph, name

    def __enter__(self):
        graph, name = self.graph, self.name
        self.old = graph._name_stack
        if not name:
            graph._name_stack = ""
            return ""
        if isinstance(name, bytes):
            name = name.decode()
        if self.old:
            if not _NESTED_NAME.match(name):
                raise ValueError(
                    f"'{name}' is not a valid scope name. A scope name has to match the following pattern: "
                    f"{_NESTED_NAME.pattern}"
                )
        elif not _ROOT_NAME.match(name):
            raise ValueError(
                f"'{name}' is not a valid root scope name. A root scope name has to match the following pattern: "
                f"{_ROOT_NAME.pattern}"
            )
        graph._name_stack = name[:-1] if name[-1] == "/" else graph.unique_name(name)
        return name if name[-1] == "/" else graph._name_stack + "/"

    def __exit__(self, *exc):
        self.graph._name_stack = self.old


def _graph_of_inputs(values, current):
    """The graph of the first symbolic input; ValueError where they are of several graphs."""
    found = None
    for value in values:
        graph = getattr(value, "graph", None) if isinstance(value, (SymbolicTensor, Operation, IndexedSlices)) else None
        if graph is None and hasattr(value.__class__, "_dense_tensor"):
            graph = value._graph
        if graph is None:
            continue
        if found is None:
            found, first = graph, value
        elif found is not graph:
            raise ValueError(f"{value} must be from the same graph as {first} (graphs are {graph} and {found}).")
    return found or current


@export("", v1="name_scope keras.backend.name_scope")
class name_scope:  # TensorFlow's name
    """tf.name_scope(name, default_name, values) of TF1, for ops composed of others too; entering gives the scope's
    full name.

    Raises TypeError where `default_name` is no string, ValueError where neither name is given but `values` are.
    """

    __slots__ = ("_name", "_values", "_default", "_inner", "_graph")

    def __init__(self, name, default_name=None, values=None):
        if default_name is not None and not isinstance(default_name, str):
            raise TypeError(
                f"`default_name` type ({type(default_name)}) is not a string type. You likely meant to pass this into "
                "the `values` kwarg."
            )
        self._name, self._values, self._default = default_name if name is None else name, values, default_name

    @property
    def name(self):
        """The name asked for."""
        return self._name

    def __enter__(self):
        graph = context.graph
        self._graph = None
        if graph is None:
            return self._enter_eager()
        if self._name is None and self._values is not None:
            raise ValueError(
                f"At least one of name ({self._name}) and default_name ({self._default}) must be provided."
            )
        if self._values and not graph.building_function:
            other = _graph_of_inputs(self._values, graph)
            if other is not graph:
                graph = self._graph = other
                context.push(graph)
        self._inner = _GraphNameScope(graph, self._name)
        try:
            return self._inner.__enter__()
        except ValueError:
            if self._graph is not None:
                context.pop()
            raise

    def _enter_eager(self):
        if self._values:
            symbolic = next((v for v in self._values if isinstance(v, SymbolicTensor)), None)
            if symbolic is not None:
                self._inner = _GraphNameScope(symbolic.graph, self._name)
                return self._inner.__enter__()
        self._inner = _EagerNameScope(self._name or "")
        return self._inner.__enter__()

    def __exit__(self, *exc):
        self._inner.__exit__(*exc)
        if self._graph is not None:
            context.pop()


class _EagerNameScope:
    __slots__ = ("name", "old")

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        name, self.old = self.name, _names.scope
        _names.scope = name if not name or name[-1] == "/" else f"{self.old}{name}/"
        return _names.scope

    def __exit__(self, *exc):
        _names.scope = self.old


@export("name_scope keras.name_scope keras.backend.name_scope", v1="")
class name_scope_v2:  # TensorFlow's name
    """tf.name_scope(name) of TF2; entering gives the scope's full name.  Raises ValueError where `name` is no
    string.
    """

    __slots__ = ("_name", "_entered")

    def __init__(self, name):
        if not isinstance(name, str):
            raise ValueError("name for name_scope must be a string.")
        self._name, self._entered = name, []

    @property
    def name(self):
        """The name asked for."""
        return self._name

    def __enter__(self):
        graph = context.graph
        scope = _EagerNameScope(self._name) if graph is None else _GraphNameScope(graph, self._name)
        full = scope.__enter__()
        self._entered.append(scope)
        return full

    def __exit__(self, *exc):
        self._entered.pop().__exit__(*exc)
        return False


@export("", v1="op_scope")
@contextlib.contextmanager
def op_scope(values, name, default_name=None):
    """tf.name_scope with the argument order of TF 0.x."""
    with name_scope(name, default_name, values) as scope:
        yield scope


@export("get_current_name_scope", v1="")
def get_current_name_scope():
    """The full name of the current name scope, without the trailing slash."""
    return _names.scope.rstrip("/") if context.graph is None else context.graph._name_stack


def eager_scope():
    """The prefix of names given eagerly: "" or "outer/inner/"."""
    return _names.scope


def absolute(scope):
    """`scope` as a name that re-enters it."""
    return scope if not scope or scope[-1] == "/" else scope + "/"


# -- control dependencies ---------------------------------------------------------------------------------------------
class _ControlDependencies:
    """`with graph.control_dependencies(ops)`: operations created inside wait for `ops`; None forgets outer ones."""

    __slots__ = ("graph", "ops")

    def __init__(self, graph, ops):
        self.graph, self.ops = graph, ops

    @property
    def control_inputs(self):
        return [] if self.ops is None else list(self.ops)

    def __enter__(self):
        self.graph._control.append(self.ops)

    def __exit__(self, *exc):
        self.graph._control.pop()


def _control_op(graph, thing):
    """The operation that a control input stands for; None where it is a value a function has from outside."""
    if isinstance(thing, IndexedSlices) or hasattr(thing.__class__, "_dense_tensor"):
        if graph.building_function and getattr(thing, "_graph", None) is None and not hasattr(thing, "_parent_op"):
            return None
        thing = thing.op
    if graph.building_function:
        if isinstance(thing, EagerTensor) or callable(thing) and not isinstance(thing, (Tensor, Operation)):
            return None
        if isinstance(thing, (SymbolicTensor, Operation)) and thing.graph is not graph:
            if hasattr(graph, "outer_controls"):  # a branch or loop body: its operation waits instead
                graph.outer_controls.append(thing if isinstance(thing, Operation) else thing.op)
            return None
    element = graph.as_graph_element(thing)
    return element.op if isinstance(element, Tensor) else element


def _graph_control_dependencies(self, control_inputs):
    """Operations created inside wait for `control_inputs` (operations, tensors, variables); None forgets outer ones."""
    if control_inputs is None:
        return _ControlDependencies(self, None)
    current = set(self.control_inputs_now())
    ops = []
    for thing in control_inputs:
        op = _control_op(self, thing)
        if op is not None and op not in current:
            ops.append(op)
            current.add(op)
    return _ControlDependencies(self, tuple(ops))


@export("control_dependencies")
def control_dependencies(control_inputs):
    """Operations created inside wait for `control_inputs`; eagerly, callables among them are called at once."""
    graph = context.graph
    if graph is None:
        if control_inputs:
            for thing in control_inputs:
                if callable(thing):
                    thing()
        return contextlib.nullcontext()
    return _graph_control_dependencies(graph, control_inputs)


@contextlib.contextmanager
def _graph_gradient_override_map(self, op_type_map):
    """Operations of the types mapped here, created inside, are differentiated by the gradient registered under the
    other name.
    """
    pairs = op_type_map.items() if isinstance(op_type_map, dict) else [(None, None)]
    if not all(isinstance(k, str) and isinstance(v, str) for k, v in pairs):
        raise TypeError("op_type_map must be a dictionary mapping strings to strings")
    before = self._gradient_overrides
    self._gradient_overrides = {**before, **op_type_map}
    try:
        yield
    finally:
        self._gradient_overrides = before


Graph.name_scope = lambda self, name: _GraphNameScope(self, name)
Graph.get_name_scope = lambda self: self._name_stack
Graph.control_dependencies = _graph_control_dependencies
Graph.gradient_override_map = _graph_gradient_override_map


# -- lifting out of functions -----------------------------------------------------------------------------------------
def outer_graph():
    """What init_scope enters: the innermost graph that is no function being traced, None where that is eager
    execution.
    """
    for graph in (context.graph, *reversed(context.stack)):
        if graph is None or not graph.building_function:
            return graph
    return None


def root_name(graph, name):
    """`name`, a full name, made unique whatever scope is open; ready to be used as it stands."""
    before, graph._name_stack = graph._name_stack, ""
    try:
        return graph.unique_name(name) + "/"
    finally:
        graph._name_stack = before


@export("init_scope")
@contextlib.contextmanager
def init_scope():
    """Operations created inside belong to the outermost context: out of functions, control dependencies and tapes."""
    from .engine import dispatch

    tapes = dispatch.set_tapes([])
    try:
        if context.graph is None:
            yield
            return
        scope = absolute(context.graph._name_stack)
        context.push(outer_graph())
        try:
            with name_scope(scope), control_dependencies(None):
                yield
        finally:
            context.pop()
    finally:
        dispatch.set_tapes(tapes)


@export("", v1="executing_eagerly_outside_functions")
def executing_eagerly_outside_functions():
    """Whether execution is eager once every function being traced is left."""
    return outer_graph() is None


@export("inside_function", v1="")
def inside_function():
    """Whether a function is being traced."""
    return context.graph is not None and context.graph.building_function


__all__ = [
    "GraphKeys", "absolute", "add_to_collection", "add_to_collections", "colocate_with", "control_dependencies",
    "device", "eager_scope", "get_collection", "get_collection_ref", "init_scope", "name_scope", "outer_graph",
    "root_graph",
]  # fmt: skip
