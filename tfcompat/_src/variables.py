"""tf.Variable, in both worlds.

An eager variable holds a tensor, its value, which may be pending.  Reading it gives a tensor with a history of its
own, so that no gradient crosses an assignment; the read is kept until the next assignment.  Assigning gives it
another tensor.  A variable of a graph holds nothing: each session keeps a value for it, and its operations declare
it among what they read and write.

    kind "eager"      a TF2 variable, also used inside functions being traced
    kind "ref"        TF1's: ops w (VariableV2), w/Assign, w/read; dtype float32_ref
    kind "resource"   of a graph: ops w (VarHandleOp), w/Assign, w/Read/ReadVariableOp
"""

from __future__ import annotations

import contextlib

import numpy as np

from . import dtypes, record, variable_ops
from .declare import NAMES, OPS, publish
from .engine import dispatch
from .graph import context
from .initial_value import initialized_value, is_initialized
from .ops import overloads, slicing
from .scopes import control_dependencies, name_scope, root_name
from .tensor import EagerTensor, IndexedSlices, Tensor, handle
from .variable_creation import (
    V1_ARGUMENTS,
    V2_ARGUMENTS,
    Creation,
    VariableAggregation,
    VariableSynchronization,
    VariableType,
    resource_variables_enabled,
    signature,
    variable_creator_scope,
)
from .variable_facts import Facts
from .variable_ops import assign_in_graph, change_eagerly, change_in_graph, check_assignable, read_in_graph, read_ref


class Variable(Creation, Facts, metaclass=VariableType):
    """A value that lasts from one execution to the next, see the head of this file."""

    __array_priority__ = 100

    def __init__(self, initial_value=None, trainable=None, validate_shape=True, caching_device=None, name=None,
                 variable_def=None,
                 dtype=None, import_scope=None, constraint=None, synchronization=VariableSynchronization.AUTO,
                 aggregation=VariableAggregation.NONE, shape=None,
                 experimental_enable_variable_lifting=True):  # fmt: skip
        self._create(initial_value, trainable, validate_shape=validate_shape, name=name, variable_def=variable_def,
                     dtype=dtype,
                     constraint=constraint, synchronization=synchronization, aggregation=aggregation,
                     shape=shape)  # fmt: skip

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
                f"Incompatible type conversion requested to type '{dtype.name}' for variable of type "
                f"'{self.dtype.name}'"
                if self._kind == "ref"
                else f"Incompatible type conversion requested to type {dtype.name} for `tf.Variable of type "
                f"{self.dtype.name}. (Variable: {self})"
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
            raise TypeError(
                f"The variable {self.name} belongs to a graph: it has a value in a session only (Session.run)."
            )
        if self._kind == "ref":
            # w/read shares the variable's memory in TF1: what is told to wait for an assignment sees its result.
            waits = graph._control and graph.control_inputs_now()
            tensor = read_ref(self, root_name(graph, self._snapshot.op.name)) if waits else self._snapshot
            for tape in context.tapes:
                tape.watch_read(self, tensor._slot)
            return tensor
        self._check_graph(graph)
        return read_in_graph(self)

    def _check_graph(self, graph):
        if self._kind == "eager" and not graph.building_function:
            raise RuntimeError(
                f"Attempting to capture an EagerTensor without building a function. (The variable {self.name} was "
                "created eagerly and is used in a tf.Graph; create it inside the graph.)"
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
        return record.call(OPS["Identity"], [value], None, None) if not graph.building_function else value

    def sparse_read(self, indices, name=None):
        """The rows `indices` of the value."""
        return NAMES["v2"]["gather"](self, indices, name=name)

    def gather_nd(self, indices, name=None):
        """The elements or slices at positions `indices`."""
        return OPS["GatherNd"].public(self, indices, name=name)

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
            raise RuntimeError(
                f"The variable {self.name} was created eagerly: it is no part of a graph and no session has its value."
            )
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
        from .fetches import feed_value
        from .session import get_default_session

        session = session or get_default_session()
        if session is None:
            raise ValueError("Either session argument should be provided or default session should be established")
        session._state[self] = np.array(feed_value(self._initial_value, self._aval, value))

    def __getitem__(self, key):
        return _with_assign(slicing.getitem(self._dense_tensor(), key), self, key)

    def _array(self):
        """The array an eager variable holds, computed if it was pending."""
        slot = self._value._slot
        return slot.value if slot.value is not None else dispatch.demand(slot)

    @staticmethod
    def _unpickled(array, name, trainable, dtype):
        return Variable._quick(name, array, dtypes.as_dtype(dtype), trainable)

    def __hash__(self):
        return id(self)


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
    """What an assignment in a graph returns: the tensor of a ref variable, else the variable read after the
    assignment.
    """
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

overloads.attach_reading(Variable)


def _in_place(sign, function, instead, plain, out=None):
    word = "variable" if sign in "+-" else "var"
    text = (
        f"`{word} {sign}= value` with `tf.Variable`s is not supported. Use `{instead}` to modify the variable, or `out "
        f"= {word} {out or sign} value` if you need to get a new output Tensor."
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


Creation.variable, Creation.variable_v1 = Variable, VariableV1
Variable.__signature__, VariableV1.__signature__ = signature(V2_ARGUMENTS), signature(V1_ARGUMENTS)
publish(Variable, "Variable", v1="")
publish(VariableV1, "", v1="Variable")
__all__ = [
    "Variable", "VariableAggregation", "VariableSynchronization", "VariableV1", "resource_variables_enabled",
    "variable_creator_scope",
]  # fmt: skip
