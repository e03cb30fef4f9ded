"""Slot variables: what an optimizer keeps per trained variable, named as TensorFlow names them (w/Momentum, w/Adam,
w/Adam_1).
"""

from __future__ import annotations

import numpy as np

from ..declare import export
from ..engine import dispatch
from ..graph import context
from ..scopes import init_scope, outer_graph
from ..shapes import TensorShape

outermost = outer_graph
lifted = init_scope  # slot variables belong to the eager world, or to the graph, around the functions being traced


def is_resource(variable):
    """Whether a variable is one of TF2's resource variables (TF1's default is the older reference kind)."""
    graph = context.graph
    return graph is None or not variable._owner._is_ref_in(graph)


def op_name(variable):
    """The variable's name without the output number."""
    return variable.name.partition(":")[0]


def eager_variable(array, dtype, name):
    """An untrainable variable made without recording anything; its value is on the device from the start."""
    from ..variables import Variable

    variable = Variable._quick(name, array, dtype, trainable=False)
    value = variable._value
    if value is not None:
        dispatch.device_value(value._slot)
    from .pack import SlotVariable

    return SlotVariable.of(variable)


def is_eager(variable):
    """Whether a variable lives outside any Session's graph."""
    return getattr(variable, "_value", None) is not None


@export("", v1="train.slot_creator.create_slot")
def create_slot(primary, val, name, colocate_with_primary=True):
    """A slot variable of `primary` initialised to the tensor (or array) `val`."""
    return _slot(primary, val, None, None, name)


@export("", v1="train.slot_creator.create_slot_with_initializer")
def create_slot_with_initializer(primary, initializer, shape, dtype, name, colocate_with_primary=True):
    """A slot variable of `primary` made by an initializer."""
    return _slot(primary, initializer, TensorShape(shape), dtype, name)


@export("", v1="train.slot_creator.create_zeros_slot")
def create_zeros_slot(primary, name, dtype=None, colocate_with_primary=True):
    """A slot variable of zeros, shaped like `primary`."""
    return _slot(primary, _Fill(0, "zeros"), primary.shape, dtype or primary.dtype.base_dtype, name)


class _Fill:
    """An initializer that can also say its value without an operation; its op in a graph is called `label`."""

    def __init__(self, value, label):
        self.value, self.label = value, label

    def __call__(self, shape, dtype=None, partition_info=None):
        from .. import dtypes, record

        dims = [d.value if hasattr(d, "value") else d for d in shape]
        array = np.full(dims, self.value, dtypes.as_dtype(dtype or dtypes.float32).np)
        if context.graph is None:
            return record.convert_to_tensor(array)
        return record.const_op(array, self.label)


def _slot(primary, value, shape, dtype, name):
    if context.graph is None:
        from .. import record

        if isinstance(value, _Fill):
            array = np.full([int(d) for d in shape], value.value, dtype.np)
        else:
            value = value(shape, dtype=dtype) if callable(value) else value
            array = record.convert_to_tensor(value)._numpy()
        return eager_variable(array, dtype or primary.dtype.base_dtype, unique(f"{op_name(primary)}/{name}"))
    resource = is_resource(primary) if hasattr(primary, "_owner") else None
    return graph_variable(op_name(primary) + "/" + name, value, shape, dtype, resource)


def unique(name):
    """`name`, `name`_1, ...: eager slots are numbered as variable scopes are, anew with every default graph."""
    from ..variable_scope import scope_store, unique_variable_scope

    name = unique_variable_scope(name)
    scope_store().counts[name] = 1
    return name


def graph_variable(full, value, shape, dtype, resource):
    """A variable of the current graph called `full` (made unique), as TensorFlow's slot creator makes it."""
    from .. import variable_scope as scopes

    with scopes.variable_scope(None, full):
        return scopes.get_variable(
            "",
            initializer=value,
            trainable=False,
            use_resource=resource,
            shape=shape if callable(value) else None,
            dtype=dtype,
        )
