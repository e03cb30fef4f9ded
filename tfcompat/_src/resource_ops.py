"""tf.raw_ops on resource variables: they take a variable's handle (`variable.handle`) or a VarHandleOp's."""

from __future__ import annotations

import numpy as np

from . import dtypes, errors, record, variable_ops
from .declare import NAMES, OPS
from .graph import aval, context
from .initial_value import is_initialized
from .tensor import EagerTensor, ResourceHandle, Tensor, eager_device_name, resource_tensor
from .variable_kernels import spoken
from .variable_ops import assign_in_graph, change_in_graph, static_shape
from .variables import Variable


def raw(function):
    """Publishes a function as tf.raw_ops.<its name in capitals>."""
    for face in NAMES:
        NAMES[face][f"raw_ops.{function.__name__}"] = function
    return function


class _Missing:
    """The value of an eager variable that nothing was assigned to yet: asking for it is the error."""

    device = eager_device_name(None)

    @property
    def _slot(self):
        raise errors.FailedPreconditionError(
            None, None,
            "Could not find variable. This could mean that the variable has been deleted. In TF1, it can also mean "
            "the variable is uninitialized.",
        )  # fmt: skip


def _variable(handle):
    """The variable a handle stands for."""
    if isinstance(handle, Variable):
        return handle
    variable = None
    if isinstance(handle, EagerTensor):
        variable = getattr(handle._slot.value, "variable", None)
    elif isinstance(handle, Tensor):
        variable = (handle.op.attributes or {}).get("variable")
    if variable is None:
        raise TypeError(f"{handle!r} is no handle of a variable")
    return variable


@raw
def VarHandleOp(dtype, shape, container="", shared_name="", debug_name="", allowed_devices=(), name=None):
    """The handle of a new variable that has no value yet."""
    dtype, static = dtypes.as_dtype(dtype), static_shape(shape)
    variable = Variable._quick(name or shared_name or "VarHandleOp", np.zeros((), dtype.np))
    variable._aval, variable._dtype = aval(dtype, static), dtype
    graph = context.graph
    if graph is None:
        variable._value = _Missing()
        return resource_tensor(ResourceHandle(variable, shared_name))
    full = graph.op_name(name, "VarHandleOp")
    variable._kind, variable._graph, variable._shared_name, variable._value = "resource", graph, full, None
    variable._variable = record.add_op(
        graph, variable_ops.HANDLE.signature({"dtype": dtype, "shape": static}), (), full,
        avals=(aval(dtypes.resource, ()),), single=True, attributes={"variable": variable, "shape": variable.shape},
    )  # fmt: skip
    return variable._variable


@raw
def ReadVariableOp(resource, dtype, name=None):
    """The variable's value."""
    variable = _variable(resource)
    if variable.dtype.base_dtype is not dtypes.as_dtype(dtype):
        raise _dtype_error("read", variable, dtypes.as_dtype(dtype))
    return variable.value() if context.graph is None else variable_ops.read_in_graph(variable, name)


def _dtype_error(what, variable, dtype):
    names = {"float32": "float", "float64": "double", "float16": "half"}
    expected, got = [names.get(d.name, d.name) for d in (variable.dtype.base_dtype, dtype)]
    text = f"Trying to {what} variable with wrong dtype. Expected {expected} got {got}"
    return errors.InvalidArgumentError(None, None, text) if context.graph is None else ValueError(text)


@raw
def AssignVariableOp(resource, value, validate_shape=False, name=None):
    """Gives the variable a value; returns the operation, None eagerly."""
    variable, tensor = _variable(resource), record.convert_to_tensor(value)
    if tensor.dtype.base_dtype is not variable.dtype.base_dtype:
        raise _dtype_error("assign to", variable, tensor.dtype.base_dtype)
    if context.graph is not None:
        return assign_in_graph(variable, tensor, name)
    if not variable.shape.is_compatible_with(tensor.shape):
        raise errors.InvalidArgumentError(
            None, None,
            f"Trying to assign to variable with tensor with wrong shape. Expected {spoken(variable._aval.shape)} got "
            f"{spoken(tensor._shape_tuple())}",
        )  # fmt: skip
    variable._set(tensor)
    return None


def _change(resource, kind, values, name):
    variable = _variable(resource)
    if context.graph is None:
        return variable._change(kind, values, read_value=False)
    return change_in_graph(variable, kind, values, name)


@raw
def AssignAddVariableOp(resource, value, name=None):
    """Adds `value` to the variable; returns the operation, None eagerly."""
    return _change(resource, "assign_add", (value,), name)


@raw
def AssignSubVariableOp(resource, value, name=None):
    """Subtracts `value` from the variable; returns the operation, None eagerly."""
    return _change(resource, "assign_sub", (value,), name)


def _scatter(type, kind):
    def scatter(resource, indices, updates, name=None):
        return _change(resource, kind, (indices, updates), name)

    return _named(scatter, type, kind)


def _scatter_nd(type, kind):
    def scatter(ref, indices, updates, use_locking=True, bad_indices_policy="", name=None):
        if bad_indices_policy not in ("", "DEFAULT"):
            raise NotImplementedError(f"tf.raw_ops.{type}: bad_indices_policy={bad_indices_policy!r} is not supported.")
        return _change(ref, kind, (indices, updates), name)

    return _named(scatter, type, kind)


def _named(function, type, kind):
    function.__name__ = function.__qualname__ = type
    function.__doc__ = f"Changes what `indices` point at in the variable by `updates` ({kind})."
    return raw(function)


for _name in ("Update", "Add", "Sub", "Mul", "Div", "Min", "Max"):
    _scatter(f"ResourceScatter{_name}", f"scatter_{_name.lower()}")
    if _name not in ("Mul", "Div"):
        _scatter_nd(f"ResourceScatterNd{_name}", f"scatter_nd_{_name.lower()}")


@raw
def ResourceGather(resource, indices, dtype, batch_dims=0, validate_indices=True, name=None):
    """The rows `indices` of the variable, per entry of its first `batch_dims` dimensions."""
    if batch_dims < 0:
        text = f"batch_dims is negative ({batch_dims})"
        raise errors.InvalidArgumentError(None, None, text) if context.graph is None else ValueError(text)
    value = ReadVariableOp(resource, dtype)
    return NAMES["v2"]["gather"](value, indices, axis=batch_dims, batch_dims=batch_dims, name=name)


@raw
def ResourceGatherNd(resource, indices, dtype, name=None):
    """The elements or slices of the variable at positions `indices`."""
    return NAMES["v2"]["gather_nd"](ReadVariableOp(resource, dtype), indices, name=name)


@raw
def VarIsInitializedOp(resource, name=None):
    """A bool scalar: has the variable a value?"""
    variable = _variable(resource)
    if context.graph is None:
        return record.convert_to_tensor(not isinstance(variable._value, _Missing))
    return is_initialized(variable, name)


@raw
def VariableShape(input, out_type=dtypes.int32, name=None):
    """The shape of the variable's value."""
    variable = _variable(input)
    return record.call(OPS["Shape"], [variable.value()], {"out_type": dtypes.as_dtype(out_type)}, name)


@raw
def DestroyResourceOp(resource, ignore_lookup_error=True, name=None):
    """Takes the variable's value away (eagerly)."""
    variable = _variable(resource)
    if context.graph is not None:
        raise NotImplementedError(
            "tf.raw_ops.DestroyResourceOp in a graph: a session's variables end with the session."
        )
    if isinstance(variable._value, _Missing) and not ignore_lookup_error:
        raise errors.NotFoundError(None, None, f"Resource {variable._shared_name} does not exist.")
    variable._value, variable._read = _Missing(), None
