"""Functions on variables: the lists of a graph's variables, their initializers, and TF1's tf.assign, tf.scatter_add
and kin.
"""

from __future__ import annotations

import numpy as np

from . import dtypes, errors, record
from .declare import OPS, OpDef, export
from .graph import Operation, aval, context, current_graph
from .initial_value import is_initialized
from .scopes import GraphKeys, control_dependencies, get_collection, name_scope
from .tensor import EagerTensor, IndexedSlices, Tensor
from .variable_ops import assign_in_graph
from .variables import Variable


# -- lists of variables -----------------------------------------------------------------------------------------------
@export("", v1="global_variables")
def global_variables(scope=None):
    """The graph's variables, but for local ones, whose names begin with the pattern `scope`."""
    return get_collection(GraphKeys.GLOBAL_VARIABLES, scope)


@export("", v1="all_variables")
def all_variables():
    """The old name of tf.global_variables."""
    return global_variables()


@export("", v1="local_variables")
def local_variables(scope=None):
    """The graph's local variables, which are not saved."""
    return get_collection(GraphKeys.LOCAL_VARIABLES, scope)


@export("", v1="model_variables")
def model_variables(scope=None):
    """The variables in the collection MODEL_VARIABLES."""
    return get_collection(GraphKeys.MODEL_VARIABLES, scope)


@export("", v1="trainable_variables")
def trainable_variables(scope=None):
    """The variables made with trainable=True."""
    return get_collection(GraphKeys.TRAINABLE_VARIABLES, scope)


@export("", v1="moving_average_variables")
def moving_average_variables(scope=None):
    """The variables that keep moving averages."""
    return get_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, scope)


# -- initializing -----------------------------------------------------------------------------------------------------
def _no_op(name, operations=()):
    graph = context.graph
    if graph is None:
        return None
    with control_dependencies(list(operations)):
        definition = OPS["NoOp"]
        return record.add_op(graph, definition.sig or definition.signature(), (), graph.op_name(name, "NoOp"), avals=())


@export("", v1="variables_initializer initializers.variables")
def variables_initializer(var_list, name="init"):
    """An operation that gives each variable its initial value; eagerly nothing, as they have theirs."""
    if var_list and context.graph is not None:
        return _no_op(name, [v.initializer for v in var_list])
    return _no_op(name)


@export("", v1="initialize_variables")
def initialize_variables(var_list, name="init"):
    """The old name of tf.variables_initializer."""
    return variables_initializer(var_list, name)


@export("", v1="global_variables_initializer initializers.global_variables")
def global_variables_initializer():
    """An operation that initializes all of tf.global_variables()."""
    return None if context.graph is None else variables_initializer(global_variables())


@export("", v1="initialize_all_variables")
def initialize_all_variables():
    """The old name of tf.global_variables_initializer."""
    return global_variables_initializer()


@export("", v1="local_variables_initializer initializers.local_variables")
def local_variables_initializer():
    """An operation that initializes all of tf.local_variables()."""
    return None if context.graph is None else variables_initializer(local_variables())


@export("", v1="initialize_local_variables")
def initialize_local_variables():
    """The old name of tf.local_variables_initializer."""
    return local_variables_initializer()


@export("", v1="is_variable_initialized")
def is_variable_initialized(variable):
    """A bool scalar: has the variable a value in the session?"""
    return is_initialized(variable)


def _report(names):
    return names


def _report_with_session(session, operation, names):
    missing = [v not in session._state for v in operation.attributes["variables"]]
    return np.asarray(names, object)[np.array(missing, bool)]


_report.with_session = _report_with_session
REPORT = OpDef("GatherV2", _report, host=True)


@export("", v1="report_uninitialized_variables")
def report_uninitialized_variables(var_list=None, name="report_uninitialized_variables"):
    """A vector with the names of the variables (default: global and local ones) that have no value in the session."""
    if var_list is None:
        var_list = global_variables() + local_variables()
        if not var_list:
            for op in current_graph().get_operations():
                if op.type in ("Variable", "VariableV2", "AutoReloadVariable"):
                    var_list.append(op.attributes["variable"])
    graph = context.graph
    if graph is None:
        return record.convert_to_tensor(np.array([], object), dtypes.string)
    with name_scope(name):
        names = np.array([v._shared_name.encode() for v in var_list], object)
        tensor = record.const_op(names if var_list else np.array([], object))
        if not var_list:
            return tensor
        with name_scope("boolean_mask"):
            return record.add_op(
                graph, REPORT.sig, [tensor], graph.op_name(None, "GatherV2"), avals=(aval(dtypes.string, (None,)),),
                single=True,
                attributes={"variables": list(var_list)},
            )  # fmt: skip


@export("", v1="assert_variables_initialized")
def assert_variables_initialized(var_list=None):
    """Something to run that raises FailedPreconditionError where a variable has no value; None for no variables."""
    if var_list is None:
        var_list = global_variables() + local_variables()
    if not var_list:
        return None
    ranks = [OPS["Rank"].public(v) for v in var_list]
    return ranks[0] if len(ranks) == 1 else record.pack(ranks, name="stack")


# -- TF1's functions that change variables ----------------------------------------------------------------------------
def _variable(ref, function):
    """The variable that `ref` (a variable, or the tensor of a ref variable or of an assignment to one) stands for."""
    if isinstance(ref, Variable):
        return ref, None
    if isinstance(ref, Tensor) and not isinstance(ref, EagerTensor) and ref.dtype._is_ref_dtype:
        return ref.op.attributes["variable"], ref.op
    raise AttributeError(
        f"tf.{function} changes variables; {type(ref).__name__!r} object {ref!r} has no attribute 'assign'"
    )


def _after(op):
    return (
        control_dependencies([op] if op is not None and op.writes else [])
        if context.graph is not None
        else control_dependencies(None)
    )


@export("", v1="assign")
def assign(ref, value, validate_shape=None, use_locking=None, name=None):
    """Gives the variable `ref` a value; returns its new value (a ref variable's) or the variable."""
    if not isinstance(ref, Variable) and hasattr(ref, "assign"):  # a slice of a variable
        return ref.assign(value, name=name)
    variable, after = _variable(ref, "assign")
    with _after(after):
        if context.graph is not None and variable._is_ref_in(context.graph):
            return assign_in_graph(variable, value, name, validate_shape is not False)
        return variable.assign(value, name=name)


@export("", v1="assign_add")
def assign_add(ref, value, use_locking=None, name=None):
    """Adds `value` to the variable `ref`; returns as tf.assign does."""
    if not isinstance(ref, Variable) and hasattr(ref, "assign_add"):  # a slice of a variable
        return ref.assign_add(value, name=name)
    variable, after = _variable(ref, "assign_add")
    with _after(after):
        return variable.assign_add(value, name=name)


@export("", v1="assign_sub")
def assign_sub(ref, value, use_locking=None, name=None):
    """Subtracts `value` from the variable `ref`; returns as tf.assign does."""
    if not isinstance(ref, Variable) and hasattr(ref, "assign_sub"):  # a slice of a variable
        return ref.assign_sub(value, name=name)
    variable, after = _variable(ref, "assign_sub")
    with _after(after):
        return variable.assign_sub(value, name=name)


def _scatter_function(kind, locking):
    def scatter(ref, indices, updates, use_locking=locking, name=None):
        variable, after = _variable(ref, kind)
        with _after(after):
            return variable._change(kind, (indices, updates), name)

    scatter.__name__ = scatter.__qualname__ = kind
    what = "elements or slices at `indices` [..., k]" if "_nd_" in kind else "rows `indices`"
    scatter.__doc__ = f"Changes the {what} of the variable `ref` by `updates`; returns as tf.assign does."
    return export("", v1=kind)(scatter)


for _kind in ("update", "add", "sub", "mul", "div", "min", "max", "nd_update", "nd_add", "nd_sub"):
    _scatter_function(f"scatter_{_kind}", _kind in ("update", "nd_update"))


@export("", v1="batch_scatter_update")
def batch_scatter_update(ref, indices, updates, use_locking=True, name=None):
    """Replaces rows `indices[..., i]` of each batch entry of the variable `ref` by `updates[..., i]`."""
    return ref.batch_scatter_update(IndexedSlices(updates, indices), use_locking, name)


def _count(v, *, limit):
    if int(v) >= limit:
        raise errors.OutOfRangeError(None, None, f"Reached limit of {limit}")
    return v, np.asarray(v + 1, v.dtype)


COUNT_UP_TO = OpDef("CountUpTo", _count, host=True)
COUNT_UP_TO_RESOURCE = OpDef("ResourceCountUpTo", _count, host=True)


@export("", v1="count_up_to")
def count_up_to(ref, limit, name=None):
    """The integer variable's value before it is increased by one; OutOfRangeError once it is `limit`."""
    variable, _ = _variable(ref, "count_up_to")
    if not variable.dtype.base_dtype.is_integer:
        raise TypeError(f"count_up_to counts with an int32 or int64 variable, not {variable.dtype.name}")
    owner, graph = variable._owner, context.graph
    if graph is None:
        before, after = _count(np.asarray(owner._value._numpy()), limit=int(limit))
        owner._before_assignment()
        owner._set(record.constant(after))
        return record.constant(before)
    definition = COUNT_UP_TO if owner._is_ref_in(graph) else COUNT_UP_TO_RESOURCE
    return record.add_op(
        graph, definition.signature({"limit": int(limit)}), (), graph.op_name(name, definition.type), reads=(owner,),
        writes=(owner,),
        avals=(owner._aval,), single=True, attributes={"variable": owner, "ref": owner._handle_in(graph)},
    )  # fmt: skip


__all__ = ["Operation", "global_variables", "trainable_variables", "variables_initializer"]
