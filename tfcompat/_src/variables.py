"""tf.Variable, in both worlds.

An eager variable holds a tensor, its value, which may be pending.  Reading it gives a tensor with a history of its own, so that no
gradient crosses an assignment; the read is kept until the next assignment.  Assigning gives it another tensor.  A variable of a graph
holds nothing: each session keeps a value for it, and its operations declare it among what they read and write.

    kind "eager"      a TF2 variable, also used inside functions being traced
    kind "ref"        TF1's: ops w (VariableV2), w/Assign, w/read; dtype float32_ref
    kind "resource"   of a graph: ops w (VarHandleOp), w/Assign, w/Read/ReadVariableOp
"""

from __future__ import annotations

import contextlib
import enum
import threading

import numpy as np

from . import dtypes, errors, record, variable_ops
from .declare import export, publish
from .engine import dispatch
from .graph import Slot, aval, context, current_graph
from .initial_value import guard, initialized_value, is_initialized, lift
from .ops import overloads, slicing
from .scopes import GraphKeys, control_dependencies, eager_scope, init_scope, name_scope, outer_graph
from .shapes import TensorShape
from .tensor import EagerTensor, IndexedSlices, Reference, SymbolicTensor, Tensor, constant, eager_device_name, handle, value_text
from .variable_ops import assign_in_graph, change_eagerly, change_in_graph, check_assignable, read_in_graph, read_ref


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
class variable_creator_scope:  # noqa: N801 - TensorFlow's name
    """Variables created inside come from `variable_creator(next_creator, **kwargs)`."""

    def __init__(self, variable_creator):
        self._creator = variable_creator

    def __enter__(self):
        _creators.stack.append(self._creator)

    def __exit__(self, *exc):
        _creators.stack.remove(self._creator)


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
    return Tensor._use_equality if _use_resource is None else _use_resource


_V2_ARGUMENTS = (
    "initial_value", "trainable", "validate_shape", "caching_device", "name", "variable_def", "dtype", "import_scope", "constraint",
    "synchronization", "aggregation", "shape", "experimental_enable_variable_lifting",
)  # fmt: skip
_V1_ARGUMENTS = (
    "initial_value", "trainable", "collections", "validate_shape", "caching_device", "name", "variable_def", "dtype", "expected_shape",
    "import_scope", "constraint", "use_resource", "synchronization", "aggregation", "shape",
)  # fmt: skip
_DEFAULTS = {
    "validate_shape": True, "synchronization": VariableSynchronization.AUTO, "aggregation": VariableAggregation.NONE,
    "experimental_enable_variable_lifting": True,
}  # fmt: skip


def _arguments(names, args, kwargs):
    """The arguments of a constructor call as a dictionary, defaults filled in; TypeError for what it does not take."""
    if len(args) > len(names):
        raise TypeError(f"Variable.__init__() takes from 1 to {len(names) + 1} positional arguments but {len(args) + 1} were given")
    given = dict(zip(names, args))
    for key, value in kwargs.items():
        if key not in names:
            raise TypeError(f"Variable.__init__() got an unexpected keyword argument {key!r}")
        if key in given:
            raise TypeError(f"Variable.__init__() got multiple values for argument {key!r}")
        given[key] = value
    return {k: given.get(k, _DEFAULTS.get(k)) for k in names}


class _VariableType(type):
    """Calling tf.Variable goes through the variable creators; every variable is an instance of either face's class."""

    def __call__(cls, *args, **kwargs):
        if cls is Variable:
            return create(_arguments(_V2_ARGUMENTS, args, kwargs))
        if cls is VariableV1:
            return create({**_arguments(_V1_ARGUMENTS, args, kwargs), "experimental_enable_variable_lifting": None})
        return super().__call__(*args, **kwargs)

    def __instancecheck__(cls, instance):
        wanted = Variable if cls is VariableV1 else cls
        return type.__instancecheck__(wanted, instance)


def create(arguments):
    """A variable made by the innermost variable creator."""

    def default(**kwargs):
        kwargs.pop("distribute_strategy", None)
        variable = Variable.__new__(Variable)
        variable._create(**kwargs)
        return variable

    getter = default
    for creator in _creators.stack:
        getter = _nested(creator, getter)
    return getter(**arguments)


def _nested(creator, getter):
    return lambda **kwargs: creator(getter, **kwargs)


_uid = iter(range(1, 1 << 62)).__next__


class Variable(metaclass=_VariableType):
    """A value that lasts from one execution to the next, see the head of this file."""

    __array_priority__ = 100

    def __init__(self, initial_value=None, trainable=None, validate_shape=True, caching_device=None, name=None, variable_def=None,
                 dtype=None, import_scope=None, constraint=None, synchronization=VariableSynchronization.AUTO,
                 aggregation=VariableAggregation.NONE, shape=None, experimental_enable_variable_lifting=True):  # fmt: skip
        self._create(initial_value, trainable, validate_shape=validate_shape, name=name, variable_def=variable_def, dtype=dtype,
                     constraint=constraint, synchronization=synchronization, aggregation=aggregation, shape=shape)  # fmt: skip

    # -- creation -----------------------------------------------------------------------------------------------------
    def _create(self, initial_value=None, trainable=None, collections=None, validate_shape=True, caching_device=None, name=None,
                variable_def=None, dtype=None, expected_shape=None, import_scope=None, constraint=None, use_resource=True,
                synchronization=VariableSynchronization.AUTO, aggregation=VariableAggregation.NONE, shape=None,
                experimental_enable_variable_lifting=True):  # fmt: skip
        if variable_def is not None:
            raise _no_proto(variable_def)
        if use_resource is None:
            use_resource = _scope_use_resource()
        if initial_value is None:
            raise ValueError(
                "The `initial_value` arg to `tf.Variable` must be specified except when you are not providing a `variable_def`. You "
                "provided neither."
                if use_resource or context.graph is None
                else "initial_value must be specified."
            )
        if isinstance(initial_value, SymbolicTensor) and initial_value.graph.building_function and outer_graph() is not None:
            raise ValueError(
                f"Initializer for variable {name or 'Variable'}/ is from inside a control-flow construct, such as a loop or conditional. "
                "When creating a variable inside a loop or conditional, use a lambda as the initializer."
            )
        if collections is not None and not isinstance(collections, (list, tuple, set)):
            raise ValueError(
                f"collections argument to Variable constructor must be a list, tuple, or set. Got {collections} of type {type(collections)}"
            )
        if constraint is not None and not callable(constraint):
            raise ValueError("The `constraint` argument must be a callable.")
        self._trainable = bool(trainable) if trainable is not None else synchronization != VariableSynchronization.ON_READ
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
        if callable(initial_value) and not isinstance(initial_value, Variable):
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
        from_function = callable(initial_value) and not isinstance(initial_value, Variable)
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
            static = _declared(initial_value, given, validate_shape) if shape is None or use_resource else variable_ops.static_shape(shape)
            self._aval = aval(self._dtype, static)
            self._shared_name = scope[:-1]
            guarded = guard(initial_value, self._shared_name.replace("/", "_").replace(":", "_"))
            self._guarded_initial_value = guarded
            (self._ops_of_resource if use_resource else self._ops_of_ref)(graph, scope, guarded, validate_shape)
        keys = [GraphKeys.GLOBAL_VARIABLES] if collections is None else list(collections)
        if self._trainable and GraphKeys.TRAINABLE_VARIABLES not in keys:
            keys.append(GraphKeys.TRAINABLE_VARIABLES)
        graph.add_to_collections(keys, self)

    def _ops_of_ref(self, graph, scope, initial_value, validate_shape):
        out = aval(self._dtype._as_ref, self._aval.shape)
        self._variable = record.add_op(
            graph, variable_ops.VARIABLES.of(self._dtype).signature({"dtype": self._dtype, "shape": self._aval.shape}), (),
            graph.op_name(scope, None), reads=(self,), avals=(out,), single=True, attributes={"variable": self, "shape": self.shape},
        )  # fmt: skip
        self._initializer_op = assign_in_graph(self, initial_value, "Assign", validate_shape).op
        self._graph_element = self._variable
        self._snapshot = read_ref(self)

    def _ops_of_resource(self, graph, scope, initial_value, validate_shape):
        self._variable = record.add_op(
            graph, variable_ops.HANDLE.signature({"dtype": self._dtype, "shape": self._aval.shape}), (), graph.op_name(scope, None),
            avals=(aval(dtypes.resource, ()),), single=True,
            attributes={"variable": self, "shape": self.shape, "shared_name": self._shared_name},
        )  # fmt: skip
        with name_scope("IsInitialized"):
            is_initialized(self)
        self._initializer_op = assign_in_graph(self, initial_value, "Assign", validate_shape)
        with name_scope("Read"):
            self._graph_element = read_in_graph(self)

    @classmethod
    def _quick(cls, name, array, dtype=None, trainable=False):
        """An eager variable called `name` holding `array` (NumPy or JAX), made without any of the constructor's work."""
        self = object.__new__(Variable)
        self._kind, self._shared_name, self._trainable = "eager", name, trainable
        self._constraint = self._save_slice_info = self._read = self._graph = self._initial_value = self._initializer_op = None
        self._synchronization, self._aggregation = VariableSynchronization.AUTO, VariableAggregation.NONE
        self._value = constant(array if dtype is None or array.dtype == dtype.np else array.astype(dtype.np))
        self._aval = self._value._slot.aval
        self._dtype = self._aval.dtype
        self._unique = _uid()
        return self

    # -- reading ------------------------------------------------------------------------------------------------------
    @property
    def _owner(self):
        """The variable whose state this is: itself, but for what an assignment returns."""
        return self

    def _is_ref_in(self, graph):
        return self._kind == "ref" and graph is self._graph

    def _handle_in(self, graph):
        return self._variable if graph is self._graph else None

    def _eager_read(self):
        tensor = self._read
        if tensor is None:
            tensor = handle(dispatch.read(self._value._slot))
            self._read = tensor
        for tape in context.tapes:
            tape.watch_read(self, tensor._slot)
        return tensor

    def _dense_tensor(self, dtype=None, name=None, as_ref=False):
        """The value as a tensor of the current mode; ValueError where `dtype` is another one."""
        if dtype is not None and dtype.base_dtype is not self._dtype:
            raise ValueError(
                f"Incompatible type conversion requested to type '{dtype.name}' for variable of type '{self.dtype.name}'"
                if self._kind == "ref"
                else f"Incompatible type conversion requested to type {dtype.name} for `tf.Variable of type {self.dtype.name}. "
                f"(Variable: {self})"
            )
        if as_ref and self._kind == "ref":
            return self._variable
        return self.value()

    def value(self):
        """The value as a tensor, read now."""
        graph = context.graph
        if graph is None:
            if self._kind == "eager":
                return self._eager_read()
            raise TypeError(f"The variable {self.name} belongs to a graph: it has a value in a session only (Session.run).")
        if self._kind == "ref":
            for tape in context.tapes:
                tape.watch_read(self, self._snapshot._slot)
            return self._snapshot
        self._check_graph(graph)
        return read_in_graph(self)

    def _check_graph(self, graph):
        if self._kind == "eager" and not graph.building_function:
            raise RuntimeError(
                f"Attempting to capture an EagerTensor without building a function. (The variable {self.name} was created eagerly and is "
                "used in a tf.Graph; create it inside the graph.)"
            )
        if self._kind == "resource" and graph is not self._graph and not graph.building_function:
            raise ValueError(f"The variable {self.name} must be from the same graph as the ops being created.")

    def read_value(self):
        """The value as a tensor, read where control dependencies put it."""
        graph = context.graph
        if graph is None:
            return self.value()
        if self._is_ref_in(graph):
            return read_ref(self)
        self._check_graph(graph)
        with name_scope("Read"):
            value = read_in_graph(self)
        return record.call(_op("Identity"), [value], None, None) if not graph.building_function else value

    def sparse_read(self, indices, name=None):
        """The rows `indices` of the value."""
        return _gather(self, indices, name)

    def gather_nd(self, indices, name=None):
        """The elements or slices at positions `indices`."""
        return _op("GatherNd").public(self, indices, name=name)

    def numpy(self):
        """The value as a NumPy array of its own.  Raises NotImplementedError in a graph."""
        if context.graph is not None or self._kind != "eager":
            raise NotImplementedError("numpy() is only available when eager execution is enabled.")
        return self._value.numpy()

    def eval(self, session=None):
        """The value in `session` (default: the current one).  Raises RuntimeError eagerly."""
        if self._kind == "eager":
            raise RuntimeError("This operation is not supported when eager execution is enabled.")
        return self._graph_element.eval(session=session)

    def initialized_value(self):
        """The value, or the initial value where the variable has none yet."""
        return initialized_value(self)

    def is_initialized(self, name=None):
        """A bool scalar: has the variable a value?"""
        return is_initialized(self, name)

    def _as_graph_element(self):
        if self._kind == "eager":
            raise RuntimeError(f"The variable {self.name} was created eagerly: it is no part of a graph and no session has its value.")
        return self._graph_element

    # -- assigning ----------------------------------------------------------------------------------------------------
    def _before_assignment(self):
        """The slot of the current value; a pending one that is about to be replaced ends a step."""
        if self._kind != "eager":
            raise RuntimeError(f"The variable {self.name} belongs to a graph and cannot be changed eagerly.")
        slot = self._value._slot
        if slot.value is None:
            dispatch.step_boundary()
        return slot

    def _set(self, tensor):
        """Makes the eager tensor `tensor` the value; its shape and dtype are the caller's business."""
        self._value, self._read = tensor, None
        if tensor._slot.value is None:
            dispatch.assigned()

    def assign(self, value, use_locking=False, name=None, read_value=True):
        """Gives the variable a new value; returns it, changed (TF1: the tensor of its new value), or None or the op."""
        owner, graph = self._owner, context.graph
        if graph is None:
            owner._before_assignment()
            tensor = record.convert_to_tensor(value, owner._dtype)
            check_assignable(owner, tensor)
            owner._set(tensor)
            return _changed(owner) if read_value else None
        return _result(owner, assign_in_graph(self, value, name), read_value)

    def assign_add(self, delta, use_locking=False, name=None, read_value=True):
        """Adds `delta`; returns as `assign` does."""
        return self._change("assign_add", (delta,), name, read_value)

    def assign_sub(self, delta, use_locking=False, name=None, read_value=True):
        """Subtracts `delta`; returns as `assign` does."""
        return self._change("assign_sub", (delta,), name, read_value)

    def _change(self, kind, values, name=None, read_value=True, key=None):
        owner = self._owner
        if context.graph is None:
            change_eagerly(owner, kind, values, key)
            return _changed(owner) if read_value else None
        return _result(owner, change_in_graph(self, kind, values, name, key), read_value)

    def batch_scatter_update(self, sparse_delta, use_locking=False, name=None):
        """Replaces, in each batch entry, the rows `sparse_delta.indices[..., i]` by `sparse_delta.values[..., i]`."""
        return self._change("batch_scatter_update", (sparse_delta.indices, sparse_delta.values), name)

    def _strided_slice_assign(self, key, value, name=None):
        entries, positions = variable_ops.slice_key(key, self._aval.shape)
        return self._change("slice", (value, *positions), name, key=entries)

    def count_up_to(self, limit):
        """The value before it is increased by one; OutOfRangeError once it is `limit`."""
        from .variable_functions import count_up_to

        return count_up_to(self, limit)

    def load(self, value, session=None):
        """Gives the variable the value `value` in `session`, without adding operations."""
        if self._kind == "eager":
            self.assign(value)
            return
        from . import session as sessions

        session = session or sessions.get_default_session()
        if session is None:
            raise ValueError("Either session argument should be provided or default session should be established")
        session._state[self] = np.array(sessions._feed_value(self._initial_value, self._aval, value))

    def __getitem__(self, key):
        return _with_assign(slicing.getitem(self._dense_tensor(), key), self, key)

    # -- what it is ---------------------------------------------------------------------------------------------------
    @property
    def name(self):
        """The name with its output index, "w:0"."""
        return self._shared_name + ":0"

    @property
    def dtype(self):
        """The dtype; for TF1's variables the reference dtype."""
        return self._dtype._as_ref if self._kind == "ref" else self._dtype

    @property
    def shape(self):
        """The static shape, a TensorShape."""
        return TensorShape._of(self._aval.shape)

    def get_shape(self):
        """The static shape, a TensorShape."""
        return self.shape

    def _shape_as_list(self):
        return None if self._aval.shape is None else list(self._aval.shape)

    def _shape_tuple(self):
        return self._aval.shape

    def set_shape(self, shape):
        """Merges what is known of the static shape with `shape`; ValueError where they contradict."""
        merged = self.shape.merge_with(shape)
        self._aval = aval(self._dtype, variable_ops.static_shape(merged))
        if self._kind == "ref":
            self._variable.set_shape(merged)
            self._snapshot.set_shape(merged)

    @property
    def trainable(self):
        """Whether optimizers change it by default and tapes follow it."""
        return self._trainable

    @property
    def op(self):
        """The operation that stands for the variable in its graph."""
        if self._kind == "eager":
            raise AttributeError("Tensor.op is undefined when eager execution is enabled.")
        return self._variable.op

    @property
    def graph(self):
        """The variable's graph."""
        if self._kind == "eager":
            raise AttributeError("Tensor.graph is undefined when eager execution is enabled.")
        return self._graph

    @property
    def handle(self):
        """What stands for a resource variable in operations."""
        if self._kind == "ref":
            raise AttributeError("'RefVariable' object has no attribute 'handle'")
        return _EagerHandle(self) if self._kind == "eager" else self._variable

    @property
    def device(self):
        """The device's name."""
        return eager_device_name(self._value._slot.value) if self._kind == "eager" else self._variable.device

    @property
    def initializer(self):
        """The operation that gives the variable its initial value; None eagerly."""
        return self._initializer_op

    @property
    def initial_value(self):
        """The tensor the initializer assigns.  Raises RuntimeError eagerly."""
        if self._kind == "eager":
            raise RuntimeError("This property is not supported when eager execution is enabled.")
        return self._initial_value

    @property
    def constraint(self):
        """A function that optimizers apply to the updated value, or None."""
        return self._constraint

    synchronization = property(lambda self: self._synchronization, doc="A VariableSynchronization.")
    aggregation = property(lambda self: self._aggregation, doc="A VariableAggregation.")
    _handle_name = property(lambda self: self._shared_name + ":0")
    _in_graph_mode = property(lambda self: self._kind != "eager")
    _unique_id = property(lambda self: f"{self._shared_name}_{self._unique}" if self._kind == "eager" else self._shared_name)

    def ref(self):
        """A hashable reference to this variable, for dictionaries and sets."""
        return Reference(self)

    experimental_ref = ref

    def to_proto(self, export_scope=None):
        """Not supported: tfcompat has no protocol buffers of graphs."""
        raise _no_proto(self)

    @staticmethod
    def from_proto(variable_def, import_scope=None):
        """Not supported: tfcompat has no protocol buffers of graphs."""
        raise _no_proto(variable_def)

    def _set_save_slice_info(self, save_slice_info):
        self._save_slice_info = save_slice_info

    def _get_save_slice_info(self):
        return self._save_slice_info

    # -- Python protocols ---------------------------------------------------------------------------------------------
    def __iter__(self):
        return iter(self.value())

    def __bool__(self):
        return True if self._kind == "ref" else bool(self.value())

    def __int__(self):
        return int(self.value())

    def __float__(self):
        return float(self.value())

    def __complex__(self):
        return complex(self.value())

    def __array__(self, dtype=None, copy=None):
        value = np.asarray(self.numpy())
        return value if dtype is None else value.astype(dtype, copy=False)

    def __hash__(self):
        return id(self)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        if self._kind != "eager":
            raise NotImplementedError("__deepcopy__() is only available when eager execution is enabled.")
        made = memo[id(self)] = Variable._quick(self._shared_name, dispatch_value(self), None, self._trainable)
        made._constraint, made._synchronization, made._aggregation = self._constraint, self._synchronization, self._aggregation
        made._aval = self._aval
        return made

    def __reduce__(self):
        return _unpickled, (np.array(self.numpy()), self._shared_name, self._trainable, self._dtype.name)

    def __repr__(self):
        text = f"<tf.Variable '{self.name}' shape={self.shape} dtype={self.dtype.name}"
        if context.graph is not None or self._kind != "eager":
            return text + ">"
        try:
            value = value_text(self.read_value()._numpy(), is_repr=True)
        except Exception:  # noqa: BLE001 - the text of an object must not raise
            value = "<unavailable>"
        line = "\n" if "\n" in value and not value.startswith("\n") else ""
        return f"{text}, numpy={line}{value}>"


def _declared(tensor, shape, validate_shape):
    """The static shape of a variable from its initial value and the `shape` asked for."""
    if shape is not None:
        if not tensor.shape.is_compatible_with(shape):
            raise ValueError(
                f"In this `tf.Variable` creation, the initial value's shape ({tensor.shape}) is not compatible with the explicitly "
                f"supplied `shape` argument ({shape})."
            )
        return variable_ops.static_shape(shape)
    return tensor._slot.aval.shape if validate_shape else None


def dispatch_value(variable):
    """The array an eager variable holds, computed if it was pending."""
    slot = variable._value._slot
    return slot.value if slot.value is not None else dispatch.demand(slot)


def _unpickled(array, name, trainable, dtype):
    return Variable._quick(name, array, dtypes.as_dtype(dtype), trainable)


def _no_proto(what):
    if context.graph is None:
        return ValueError(
            f"Creating a `tf.Variable` with a `variable_def` arg is not supported when eager execution is enabled. Got: variable_def={what}"
        )
    return NotImplementedError("Variables as protocol buffers (to_proto, from_proto, variable_def) are not supported by tfcompat.")


def _op(type):
    from .declare import OPS

    return OPS[type]


def _gather(variable, indices, name):
    from .declare import NAMES

    return NAMES["v2"]["gather"](variable, indices, name=name)


def _scope_use_resource():
    from .variable_scope import get_variable_scope

    wanted = get_variable_scope().use_resource
    return resource_variables_enabled() if wanted is None else wanted


class _EagerHandle:
    """The handle of an eager variable, as far as it can be looked at."""

    def __init__(self, variable):
        self.variable, self.dtype, self.shape = variable, dtypes.resource, TensorShape([])
        self.device = variable.device

    def __repr__(self):
        return f"<handle of {self.variable.name}>"


# -- what assignments return ------------------------------------------------------------------------------------------
class _Changed(Variable):
    """A variable after an assignment: reads of it come after the assignment."""

    def __getattr__(self, name):
        if name in ("_owner", "_parent_op"):
            raise AttributeError(name)
        return getattr(self._owner, name)

    _owner = None  # hides Variable's property; set on each instance

    @property
    def name(self):
        return self._parent_op.name if self._parent_op is not None else "UnreadVariable"

    @property
    def op(self):
        return self._parent_op if self._parent_op is not None else self._owner.op

    def _after(self):
        done = self._parent_op is None or context.graph is None
        return contextlib.nullcontext() if done else control_dependencies([self._parent_op])

    def assign(self, value, use_locking=False, name=None, read_value=True):
        with self._after():
            return self._owner.assign(value, use_locking, name, read_value)

    def _change(self, kind, values, name=None, read_value=True, key=None):
        with self._after():
            return self._owner._change(kind, values, name, read_value, key)

    def value(self):
        if self._parent_op is None or context.graph is None:
            return self._owner.value()
        with control_dependencies([self._parent_op]):
            return read_in_graph(self)

    def read_value(self):
        if self._parent_op is None or context.graph is None:
            return self._owner.read_value()
        with control_dependencies([self._parent_op]):
            return self._owner.read_value()

    def numpy(self):
        return self._owner.numpy()


def _changed(owner, parent_op=None):
    made = object.__new__(_Changed)
    made._owner, made._parent_op = owner, parent_op
    return made


def _result(owner, made, read_value):
    """What an assignment in a graph returns: the tensor of a ref variable, else the variable read after the assignment."""
    if isinstance(made, Tensor):
        return made if read_value else made.op
    if not read_value:
        return made
    changed = _changed(owner, made)
    if not context.graph.building_function:
        changed._graph_element = changed.value()
    return changed


class _Slice(EagerTensor):
    """variable[...], which can be assigned to."""

    __slots__ = ("_variable", "_key")

    def assign(self, value, name=None):
        """Replaces this part of the variable."""
        return self._variable._strided_slice_assign(self._key, value, name)


def _with_assign(tensor, variable, key):
    if isinstance(tensor, EagerTensor):
        made = object.__new__(_Slice)
        made._slot, made._variable, made._key = tensor._slot, variable, key
        return made
    scope = tensor.op.name

    def assign(value, name=None):
        return variable._strided_slice_assign(key, value, name or f"{scope}/_assign/")

    tensor.assign = assign
    return tensor


# -- methods that are all alike ---------------------------------------------------------------------------------------
def _scatter_method(kind):
    def scatter(self, sparse_delta, use_locking=False, name=None):
        if not isinstance(sparse_delta, IndexedSlices):
            raise TypeError(
                f"sparse_delta is not IndexedSlices: {sparse_delta}"
                if self._kind == "ref"
                else f"Argument `sparse_delta` must be a `tf.IndexedSlices`. Received arg: {sparse_delta}"
            )
        return self._change(kind, (sparse_delta.indices, sparse_delta.values), name)

    scatter.__doc__ = f"Changes the rows `sparse_delta.indices` by `sparse_delta.values` ({kind.rpartition('_')[2]})."
    return scatter


def _scatter_nd_method(kind):
    def scatter(self, indices, updates, name=None):
        return self._change(kind, (indices, updates), name)

    scatter.__doc__ = f"Changes the elements or slices at `indices` [..., k] by `updates` ({kind.rpartition('_')[2]})."
    return scatter


for _kind in variable_ops.UPDATES:
    if _kind.startswith("scatter"):
        _make = _scatter_nd_method if "_nd_" in _kind else _scatter_method
        _method = _make(_kind)
        _method.__name__ = _method.__qualname__ = _kind
        setattr(Variable, _kind, _method)

overloads.attach(Variable)


def _in_place(sign, function, instead, plain, out=None):
    word = "variable" if sign in "+-" else "var"
    text = (
        f"`{word} {sign}= value` with `tf.Variable`s is not supported. Use `{instead}` to modify the variable, or "
        f"`out = {word} {out or sign} value` if you need to get a new output Tensor."
    )

    def operator(self, other):
        if self._kind != "ref":
            raise RuntimeError(text)
        return plain(self, other)

    operator.__name__ = function
    setattr(Variable, function, operator)


_in_place("+", "__iadd__", "variable.assign_add(value)", Variable.__add__)
_in_place("-", "__isub__", "variable.assign_sub(value)", Variable.__sub__, "*")
_in_place("*", "__imul__", "var.assign(var * value)", Variable.__mul__)
_in_place("/", "__itruediv__", "var.assign(var / value)", Variable.__truediv__)
_in_place("**", "__ipow__", "var.assign(var ** value)", Variable.__pow__)


class VariableV1(Variable):
    """tf.Variable of TF1: the same variables, with TF1's order of arguments."""


publish(Variable, "Variable", v1="")
publish(VariableV1, "", v1="Variable")
__all__ = ["Variable", "VariableV1", "VariableAggregation", "VariableSynchronization", "create", "current_graph", "errors"]
