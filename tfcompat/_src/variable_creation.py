"""How variables are made: tf.Variable's arguments in both faces, variable creators, eager values, operations in a
graph.
"""

from __future__ import annotations

import enum
import inspect
import threading

from . import dtypes, record, variable_ops
from .declare import export
from .engine import dispatch
from .graph import aval, context
from .initial_value import guard, is_initialized, lift
from .scopes import GraphKeys, eager_scope, init_scope, name_scope, outer_graph
from .tensor import SymbolicTensor, Tensor, constant
from .variable_ops import assign_in_graph, read_in_graph, read_ref


@export("VariableSynchronization")
class VariableSynchronization(enum.Enum):
    """When copies of a variable on several devices are made equal; kept, but tfcompat has one copy."""

    AUTO = 0
    NONE = 1
    ON_WRITE = 2
    ON_READ = 3


@export("VariableAggregation")
class VariableAggregation(enum.Enum):
    """How values of several devices become one; kept, but tfcompat has one copy."""

    NONE = 0
    SUM = 1
    MEAN = 2
    ONLY_FIRST_REPLICA = 3
    ONLY_FIRST_TOWER = 3

    def __hash__(self):
        return hash(self.value)


class _Creators(threading.local):
    def __init__(self):
        self.stack = []


_creators = _Creators()


@export("variable_creator_scope")
class variable_creator_scope:  # TensorFlow's name
    """Variables created inside come from `variable_creator(next_creator, **kwargs)`; not those of another graph."""

    def __init__(self, variable_creator):
        self._creator = variable_creator

    def __enter__(self):
        self._entry = (self._creator, outer_graph())
        _creators.stack.append(self._entry)

    def __exit__(self, *exc):
        _creators.stack.remove(self._entry)


_use_resource: bool | None = None  # None: as TensorFlow 2 does, unless the TF1 face is on


@export("", v1="enable_resource_variables")
def enable_resource_variables():
    """From here on variables of graphs are resource variables."""
    global _use_resource
    _use_resource = True


@export("", v1="disable_resource_variables")
def disable_resource_variables():
    """From here on variables of graphs are TF1's ref variables."""
    global _use_resource
    _use_resource = False


@export("", v1="resource_variables_enabled")
def resource_variables_enabled():
    """Whether variables of graphs are resource variables unless asked otherwise."""
    return Tensor._USE_EQUALITY if _use_resource is None else _use_resource


V2_ARGUMENTS = (
    "initial_value", "trainable", "validate_shape", "caching_device", "name", "variable_def", "dtype", "import_scope",
    "constraint",
    "synchronization", "aggregation", "shape", "experimental_enable_variable_lifting",
)  # fmt: skip
V1_ARGUMENTS = (
    "initial_value", "trainable", "collections", "validate_shape", "caching_device", "name", "variable_def", "dtype",
    "expected_shape",
    "import_scope", "constraint", "use_resource", "synchronization", "aggregation", "shape",
)  # fmt: skip
_DEFAULTS = {
    "validate_shape": True, "synchronization": VariableSynchronization.AUTO, "aggregation": VariableAggregation.NONE,
    "experimental_enable_variable_lifting": True,
}  # fmt: skip


def _arguments(names, args, kwargs):
    """The arguments of a constructor call as a dictionary, defaults filled in; TypeError for what it does not take."""
    if len(args) > len(names):
        raise TypeError(
            f"Variable.__init__() takes from 1 to {len(names) + 1} positional arguments but {len(args) + 1} were given"
        )
    given = dict(zip(names, args))
    for key, value in kwargs.items():
        if key not in names:
            raise TypeError(f"Variable.__init__() got an unexpected keyword argument {key!r}")
        if key in given:
            raise TypeError(f"Variable.__init__() got multiple values for argument {key!r}")
        given[key] = value
    return {k: given.get(k, _DEFAULTS.get(k)) for k in names}


class VariableType(type):
    """Calling tf.Variable goes through the variable creators; every variable is an instance of either face's class."""

    def __call__(cls, *args, **kwargs):
        if cls is Creation.variable:
            return create(_arguments(V2_ARGUMENTS, args, kwargs))
        if cls is Creation.variable_v1:
            return create({**_arguments(V1_ARGUMENTS, args, kwargs), "experimental_enable_variable_lifting": None})
        return super().__call__(*args, **kwargs)

    def __instancecheck__(cls, instance):
        return type.__instancecheck__(Creation.variable if cls is Creation.variable_v1 else cls, instance)


def create(arguments):
    """A variable made by the innermost variable creator."""

    def default(**kwargs):
        kwargs.pop("distribute_strategy", None)
        if kwargs.get("variable_def") is not None:
            return _defined(kwargs["variable_def"], kwargs.get("initial_value"), kwargs.get("import_scope"))
        variable = object.__new__(Creation.variable)
        variable._create(**kwargs)
        return variable

    getter, here = default, outer_graph() if _creators.stack else None
    for creator, graph in _creators.stack:
        if graph is here:
            getter = _nested(creator, getter)
    return getter(**arguments)


def _nested(creator, getter):
    return lambda **kwargs: creator(getter, **kwargs)


def _is_variable(value):
    return hasattr(value.__class__, "_dense_tensor")


def signature(names):
    """What inspect.signature shows of a constructor with these arguments."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature([inspect.Parameter(k, kind, default=_DEFAULTS.get(k)) for k in names])


_uid = iter(range(1, 1 << 62)).__next__


class Creation:
    """How a variable comes to be: its constructor, its operations in a graph."""

    variable = variable_v1 = None  # the classes of the two faces, set by variables.py

    def _create(self, initial_value=None, trainable=None, collections=None, validate_shape=True, caching_device=None,
                name=None,
                variable_def=None, dtype=None, expected_shape=None, import_scope=None, constraint=None,
                use_resource=True,
                synchronization=VariableSynchronization.AUTO, aggregation=VariableAggregation.NONE, shape=None,
                experimental_enable_variable_lifting=True):  # fmt: skip
        if use_resource is None:
            use_resource = _scope_use_resource()
        if initial_value is None:
            raise ValueError(
                "The `initial_value` arg to `tf.Variable` must be specified except when you are not providing a "
                "`variable_def`. You provided neither."
                if use_resource or context.graph is None
                else "initial_value must be specified."
            )
        inside = isinstance(initial_value, SymbolicTensor) and initial_value.graph.building_function
        if inside and outer_graph() is not None and not initial_value.graph.is_body:
            with init_scope():
                initial_value = lift(initial_value, name or "Variable")
        elif inside and outer_graph() is not None:
            raise ValueError(
                f"The `initial_value` passed to `tf.Variable` {name or 'Variable'}/ is from inside a control-flow  "
                "construct, such as a loop or conditional. When creating a `tf.Variable` inside a loop or "
                f"conditional, use a lambda as the `initial_value`. Got: initial_value=({initial_value})"
                if use_resource
                else f"Initializer for variable {name or 'Variable'}/ is from inside a control-flow construct, such "
                "as a loop or conditional. When creating a variable inside a loop or conditional, use a lambda as the "
                "initializer."
            )
        if collections is not None and not isinstance(collections, (list, tuple, set)):
            raise ValueError(
                f"collections argument to Variable constructor must be a list, tuple, or set. Got {collections} of "
                f"type {type(collections)}"
            )
        if constraint is not None and not callable(constraint):
            raise ValueError("The `constraint` argument must be a callable.")
        self._trainable = (
            bool(trainable) if trainable is not None else synchronization != VariableSynchronization.ON_READ
        )
        self._constraint, self._synchronization, self._aggregation = constraint, synchronization, aggregation
        self._save_slice_info = self._value = self._read = self._graph = None
        self._dtype = None if dtype is None else dtypes.as_dtype(dtype).base_dtype
        self._initial_value = self._initializer_op = None
        tracing = context.graph if context.graph is not None and context.graph.building_function else None
        with init_scope():
            if context.graph is None:
                self._create_eagerly(initial_value, name or "Variable", shape, validate_shape)
            else:
                self._create_in_graph(initial_value, name, shape, validate_shape, use_resource, collections)
        while tracing is not None:
            if hasattr(tracing, "created"):
                tracing.created.append(self)
            tracing = tracing.outer_graph

    def _create_eagerly(self, initial_value, name, shape, validate_shape):
        self._kind = "eager"
        self._shared_name = (eager_scope() + name).rstrip("/")
        if callable(initial_value) and not _is_variable(initial_value):
            with name_scope(name), name_scope("Initializer"):
                initial_value = initial_value()
        if isinstance(initial_value, SymbolicTensor):
            initial_value = lift(initial_value, self._shared_name)
        tensor = self._converted(initial_value)
        if tensor._slot.value is None:
            dispatch.demand(tensor._slot)
        self._value = tensor
        self._dtype = tensor.dtype
        self._aval = aval(self._dtype, _declared(tensor, shape, validate_shape))
        self._unique = _uid()

    def _converted(self, value):
        try:
            return record.convert_to_tensor(value, self._dtype, name="initial_value")
        except ValueError as e:
            if isinstance(value, Tensor):
                raise ValueError(f"initial_value: {e}") from None
            raise

    def _create_in_graph(self, initial_value, name, shape, validate_shape, use_resource, collections):
        from_function = callable(initial_value) and not _is_variable(initial_value)
        self._kind = "resource" if use_resource else "ref"
        with name_scope(name, "Variable", [] if from_function else [initial_value]) as scope:
            graph = self._graph = context.graph
            if from_function:
                with name_scope("Initializer"):
                    initial_value = self._converted(initial_value())
            elif use_resource:
                with name_scope("Initializer"):
                    initial_value = self._converted(initial_value)
            else:
                initial_value = self._converted(initial_value)
            if initial_value.graph is not graph:
                raise ValueError(f"The initial value {initial_value} of a variable must be from the variable's graph.")
            self._initial_value = initial_value
            self._dtype = initial_value.dtype.base_dtype
            if not use_resource and validate_shape and shape is None and initial_value.shape.rank is None:
                raise ValueError(f"initial_value must have a shape specified: {initial_value}")
            given = shape if use_resource or shape is None else None
            static = (
                _declared(initial_value, given, validate_shape)
                if shape is None or use_resource
                else variable_ops.static_shape(shape)
            )
            self._aval = aval(self._dtype, static)
            self._shared_name = scope[:-1]
            guarded = guard(initial_value, self._shared_name.replace("/", "_").replace(":", "_"))
            self._guarded_initial_value = guarded
            (self._ops_of_resource if use_resource else self._ops_of_ref)(graph, scope, guarded, validate_shape)
        keys = [GraphKeys.GLOBAL_VARIABLES] if collections is None else list(collections)
        if self._trainable and GraphKeys.TRAINABLE_VARIABLES not in keys:
            keys.append(GraphKeys.TRAINABLE_VARIABLES)
        graph.add_to_collections(keys, self)

    def _stands_for(self, definition, graph, scope, **more):
        """Makes the operation that stands for the variable in its graph."""
        sig = definition.signature({"dtype": self._dtype, "shape": self._aval.shape})
        attributes = {"variable": self, "shape": self.shape, "shared_name": self._shared_name}
        full = graph.op_name(scope, None)
        self._variable = record.add_op(graph, sig, (), full, single=True, attributes=attributes, **more)

    def _ops_of_ref(self, graph, scope, initial_value, validate_shape):
        out = aval(self._dtype._as_ref, self._aval.shape)
        self._stands_for(variable_ops.VARIABLES.of(self._dtype), graph, scope, reads=(self,), avals=(out,))
        self._initializer_op = assign_in_graph(self, initial_value, "Assign", validate_shape).op
        self._graph_element = self._variable
        self._snapshot = read_ref(self)

    def _ops_of_resource(self, graph, scope, initial_value, validate_shape):
        self._stands_for(variable_ops.HANDLE, graph, scope, avals=(aval(dtypes.resource, ()),))
        with name_scope("IsInitialized"):
            is_initialized(self)
        self._initializer_op = assign_in_graph(self, initial_value, "Assign", validate_shape)
        with name_scope("Read"):
            self._graph_element = read_in_graph(self)

    @classmethod
    def _quick(cls, name, array, dtype=None, trainable=False):
        """An eager variable called `name` holding `array` (NumPy or JAX), made quickly."""
        self = object.__new__(Creation.variable)
        self._kind, self._shared_name, self._trainable = "eager", name, trainable
        self._constraint = self._save_slice_info = self._read = self._graph = None
        self._initial_value = self._initializer_op = None
        self._synchronization, self._aggregation = VariableSynchronization.AUTO, VariableAggregation.NONE
        self._value = constant(array if dtype is None or array.dtype == dtype.np else array.astype(dtype.np))
        self._aval = self._value._slot.aval
        self._dtype = self._aval.dtype
        self._unique = _uid()
        return self


def _declared(tensor, shape, validate_shape):
    """The static shape of a variable from its initial value and the `shape` asked for."""
    if shape is not None:
        if not tensor.shape.is_compatible_with(shape):
            raise ValueError(
                f"In this `tf.Variable` creation, the initial value's shape ({tensor.shape}) is not compatible with "
                f"the explicitly supplied `shape` argument ({shape})."
            )
        return variable_ops.static_shape(shape)
    return tensor._slot.aval.shape if validate_shape else None


def _defined(variable_def, initial_value, import_scope):
    """The variable of the current graph that a VariableDef names."""
    if initial_value is not None:
        raise ValueError(
            "The creation of a `tf.Variable` with a `variable_def` arg and an `initial_value` is not supported: they are "
            f"mutually exclusive. Got: variable_def={variable_def}, initial_value={initial_value}"
        )
    return Creation.variable.from_proto(variable_def, import_scope)


def no_proto(what):
    """What a VariableDef eagerly is answered with."""
    return ValueError(
        "Creating a `tf.Variable` with a `variable_def` arg is not supported when eager execution is enabled. "
        f"Got: variable_def={what}"
    )


def _scope_use_resource():
    from .variable_scope import get_variable_scope

    wanted = get_variable_scope().use_resource
    return resource_variables_enabled() if wanted is None else wanted
