"""The `with` statements of graph building: name scopes, control dependencies, devices, collections' keys, init_scope.

Each is a method of tf.Graph and a function on the current graph; eagerly they have the effect TensorFlow gives them
there (names of variables, callables run at once) or none.  In a graph a scope's name is made unique; eagerly it is not.
"""

from __future__ import annotations

import contextlib
import re
import threading

from .declare import export
from .graph import Graph, Operation, _process, context, current_graph
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
class name_scope:  # noqa: N801 - TensorFlow's name
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
class name_scope_v2:  # noqa: N801 - TensorFlow's name
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


# -- devices ----------------------------------------------------------------------------------------------------------
_FIELDS = ("job", "replica", "task", "device")


def parse_device(name):
    """A device name ("/job:ps/task:1/gpu:0") as a dict of its fields; ValueError for a malformed one."""
    fields = {}
    for part in name.split("/"):
        bits = part.split(":")
        kind = bits[0].lower()
        if not part:
            continue
        if kind in ("job", "replica", "task") and len(bits) == 2:
            fields[kind] = bits[1]
        elif kind in ("cpu", "gpu", "tpu") and len(bits) in (1, 2):
            fields["device"] = f"{kind.upper()}:{bits[1] if len(bits) == 2 else '*'}"
        elif kind == "device" and len(bits) in (2, 3):
            fields["device"] = f"{bits[1].upper()}:{bits[2] if len(bits) == 3 else '*'}"
        else:
            raise ValueError(f"Unknown attribute '{bits[0]}' is encountered while parsing the device spec: '{name}'.")
    return fields


def _device_text(fields):
    return "".join(f"/{k}:{fields[k]}" for k in _FIELDS if k in fields)


def merge_devices(outer, inner):
    """The name of a device given inside another: the inner one's fields win."""
    return _device_text({**parse_device(outer), **parse_device(inner)})


class _Device:
    """`with graph.device(...)`: a name, a function of the operation, or None to forget outer ones."""

    def __init__(self, graph, spec):
        self.graph = graph
        self.spec = spec if spec is None or callable(spec) else _device_text(parse_device(_device_name(spec)))

    def __enter__(self):
        stack = self.graph.extra.setdefault("devices", [])
        stack.append(self.spec)
        self._apply(stack)

    def __exit__(self, *exc):
        stack = self.graph.extra["devices"]
        if not stack or stack[-1] is not self.spec:
            raise RuntimeError("Exiting device scope without proper scope nesting.")
        stack.pop()
        self._apply(stack)

    def _apply(self, stack):
        graph = self.graph
        # Functions see each operation as it is added; without one, all of a scope's operations get the same name.
        if any(callable(s) for s in stack):
            graph.add = lambda operation: _add_with_functions(graph, operation)
        else:
            graph.__dict__.pop("add", None)
        graph._devices[:] = [_merged(stack, None)]


def _device_name(spec):
    return spec.to_string() if hasattr(spec, "to_string") else spec


def _merged(stack, operation):
    """The device of `operation` under a stack of specs; functions are left out where `operation` is None."""
    name = ""
    for spec in reversed(stack):
        if spec is None:
            break
        if callable(spec):
            if operation is None:
                continue
            operation.device = name
            spec = _device_name(spec(operation)) or ""
        name = merge_devices(spec, name)
    return name


def _add_with_functions(graph, operation):
    operation.device = _merged(graph.extra["devices"], operation)
    Graph.add(graph, operation)


class _EagerDevice:
    def __init__(self, name):
        self.name = name if name is None else _device_text(parse_device(_device_name(name)))

    def __enter__(self):
        context.device.append(self.name)

    def __exit__(self, *exc):
        context.device.pop()


@export("", v1="device")
def device(device_name_or_function):
    """Operations created inside are given this device; eagerly everything runs where JAX's default device is."""
    graph = context.graph
    if graph is not None:
        return _Device(graph, device_name_or_function)
    if callable(device_name_or_function):
        raise RuntimeError("tf.device does not support functions when eager execution is enabled.")
    return _EagerDevice(device_name_or_function)


@export("device", v1="")
def device_v2(device_name):
    """tf.device of TF2: no functions (RuntimeError)."""
    if callable(device_name):
        raise RuntimeError("tf.device does not support functions.")
    return device(device_name)


@contextlib.contextmanager
def _graph_colocate_with(self, op, ignore_existing=False):
    """Operations created inside are on the device of `op`; None with ignore_existing forgets all devices."""
    if op is None and not ignore_existing:
        raise ValueError("Trying to reset colocation (op is None) but ignore_existing is not True")
    stack, name = self.extra.get("devices", []), ""
    if op is not None:
        name = op.device or ""
    self.extra["devices"] = [] if not name else [name]
    before = self._devices[:]
    self._devices[:] = [name]
    adder = self.__dict__.pop("add", None)
    try:
        yield
    finally:
        self.extra["devices"] = stack
        self._devices[:] = before
        if adder is not None:
            self.add = adder


@export("", v1="colocate_with")
def colocate_with(op, ignore_existing=False):
    """Operations created inside are on the device of `op`."""
    if context.graph is None:
        return contextlib.nullcontext()
    return context.graph.colocate_with(op, ignore_existing)


@export("", v1="container")
def container(container_name):
    """Names a place for state shared between processes; here every session has its own state, so the name changes
    nothing.
    """
    return current_graph().container(container_name)


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
Graph.device = lambda self, device_name_or_function: _Device(self, device_name_or_function)
Graph.colocate_with = _graph_colocate_with
Graph.container = lambda self, container_name: contextlib.nullcontext(container_name)
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


# -- collections ------------------------------------------------------------------------------------------------------
@export("", v1="GraphKeys")
class GraphKeys:
    """The names of the collections that the library itself fills or reads."""

    GLOBAL_VARIABLES = "variables"
    LOCAL_VARIABLES = "local_variables"
    METRIC_VARIABLES = "metric_variables"
    MODEL_VARIABLES = "model_variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    SUMMARIES = "summaries"
    QUEUE_RUNNERS = "queue_runners"
    TABLE_INITIALIZERS = "table_initializer"
    ASSET_FILEPATHS = "asset_filepaths"
    MOVING_AVERAGE_VARIABLES = "moving_average_variables"
    REGULARIZATION_LOSSES = "regularization_losses"
    CONCATENATED_VARIABLES = "concatenated_variables"
    SAVERS = "savers"
    WEIGHTS = "weights"
    BIASES = "biases"
    ACTIVATIONS = "activations"
    UPDATE_OPS = "update_ops"
    LOSSES = "losses"
    SAVEABLE_OBJECTS = "saveable_objects"
    RESOURCES = "resources"
    LOCAL_RESOURCES = "local_resources"
    TRAINABLE_RESOURCE_VARIABLES = "trainable_resource_variables"
    INIT_OP = "init_op"
    LOCAL_INIT_OP = "local_init_op"
    READY_OP = "ready_op"
    READY_FOR_LOCAL_INIT_OP = "ready_for_local_init_op"
    SUMMARY_OP = "summary_op"
    GLOBAL_STEP = "global_step"
    EVAL_STEP = "eval_step"
    TRAIN_OP = "train_op"
    COND_CONTEXT = "cond_context"
    WHILE_CONTEXT = "while_context"
    VARIABLES = "variables"
    _SUMMARY_COLLECTION = "_SUMMARY_V2"
    _STREAMING_MODEL_PORTS = "streaming_model_ports"
    _VARIABLE_COLLECTIONS = [
        GLOBAL_VARIABLES, LOCAL_VARIABLES, METRIC_VARIABLES, MODEL_VARIABLES, TRAINABLE_VARIABLES,
        MOVING_AVERAGE_VARIABLES,
        CONCATENATED_VARIABLES, TRAINABLE_RESOURCE_VARIABLES,
    ]  # fmt: skip


_SHARED = {GraphKeys.GLOBAL_VARIABLES, GraphKeys.LOCAL_VARIABLES, GraphKeys.TRAINABLE_VARIABLES}


def root_graph():
    """The graph that owns the variables: the current one, or the one a function being traced belongs to; eagerly the
    default one.
    """
    graph = context.graph
    while graph is not None and graph.building_function:
        graph = graph.outer_graph
    return graph if graph is not None else _process.default_graph()


def _collector(key):
    """The graph that has the collection `key`: functions share the collections of variables with the graph they
    belong to.
    """
    return root_graph() if key in _SHARED else current_graph()


@export("", v1="add_to_collection")
def add_to_collection(name, value):
    """Adds `value` to a collection of the default graph."""
    _collector(name).add_to_collection(name, value)


@export("", v1="add_to_collections")
def add_to_collections(names, value):
    """Adds `value` to each of the collections `names` of the default graph."""
    for name in (names,) if isinstance(names, str) else dict.fromkeys(names):
        _collector(name).add_to_collection(name, value)


@export("", v1="get_collection")
def get_collection(key, scope=None):
    """The items of a collection of the default graph whose names begin with the pattern `scope`."""
    return _collector(key).get_collection(key, scope)


@export("", v1="get_collection_ref")
def get_collection_ref(key):
    """A collection of the default graph itself: changing the list changes the collection."""
    return _collector(key).get_collection_ref(key)
