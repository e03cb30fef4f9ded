"""tf.train.ExponentialMovingAverage: shadow variables that follow variables and tensors."""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import OPS, export, publish
from ..engine import dispatch
from ..graph import context
from ..ops.core import cast
from ..scopes import control_dependencies, name_scope
from ..tensor import Tensor
from . import slots
from .base import group, is_variable

_FLOATS = (dtypes.bfloat16, dtypes.float16, dtypes.float32, dtypes.float64)


@export("train.ExponentialMovingAverage")
class ExponentialMovingAverage:
    """shadow -= (1 - decay) * (shadow - value); with `num_updates` the decay is at most (1 + num_updates) / (10 +
    num_updates).
    """

    def __init__(self, decay, num_updates=None, zero_debias=False, name="ExponentialMovingAverage"):
        self._decay, self._num_updates, self._zero_debias, self._name = decay, num_updates, zero_debias, name
        self._averages: dict = {}  # id -> (variable or tensor, its average)
        self._debiased: set = set()

    @property
    def name(self):
        """The name of the object and of its averages."""
        return self._name

    def apply(self, var_list=None):
        """Makes the averages where they are missing and moves them once; returns the operation (eagerly None).

        Raises TypeError for integers, ValueError for something averaged twice in one call.
        """
        if var_list is None:
            from ..variable_functions import trainable_variables

            var_list = trainable_variables()
        for v in var_list:
            if v.dtype.base_dtype not in _FLOATS:
                raise TypeError(f"The variables must be half, float, or double: {v.name}")
            if id(v) not in self._averages:
                with slots.lifted():
                    self._averages[id(v)] = (v, self._new_average(v))
        with name_scope(self._name) as scope:
            decay = record.convert_to_tensor(self._decay, name="decay")
            if self._num_updates is not None:
                n = cast(self._num_updates, dtypes.float32, name="num_updates")
                decay = OPS["Minimum"].public(decay, (1.0 + n) / (10.0 + n))
            updates = []
            for v in var_list:
                average = self.average(v)
                # TensorFlow's `w/read` shares the variable's memory: under control dependencies it shows what they
                # wrote.
                value = v.read_value() if context.graph is not None and is_variable(v) else v
                updates.append(assign_moving_average(average, value, decay, zero_debias=id(average) in self._debiased))
            if context.graph is None:
                dispatch.flush()
                return None
            return group([u.op if is_variable(u) else u for u in updates], scope)

    def _new_average(self, v):
        if is_variable(v):
            if context.graph is None:
                name = slots.unique(f"{slots.op_name(v)}/{self._name}")
                return slots.eager_variable(np.array(v._value._numpy()), v.dtype, name)
            average = slots.create_slot(v, v.initialized_value(), self._name)
            context.graph.add_to_collection("moving_average_variables", v)
            return average
        if context.graph is None:
            raise TypeError(
                "tf.train.ExponentialMovingAverage does not support non-Variable tensors when eager execution is "
                "enabled."
            )
        average = slots.create_zeros_slot(v, self._name)
        if self._zero_debias:
            self._debiased.add(id(average))
        return average

    def average(self, var):
        """The average of a variable or tensor, or None."""
        found = self._averages.get(id(var))
        return found[1] if found is not None else None

    def average_name(self, var):
        """The name of the variable holding the average of `var`, there or to be made."""
        found = self._averages.get(id(var))
        if found is not None:
            return slots.op_name(found[1])
        if context.graph is None:
            return f"{slots.op_name(var)}/{self._name}"
        return context.graph.unique_name(f"{slots.op_name(var)}/{self._name}", mark_as_used=False)

    def variables_to_restore(self, moving_avg_variables=None):
        """{name in a checkpoint: variable} that restores averages into the variables they follow, and all else as it
        is.
        """
        from ..variable_functions import global_variables, trainable_variables

        if moving_avg_variables is None:
            moving_avg_variables = [*trainable_variables(), *context.graph.get_collection("moving_average_variables")]
        followed = list({id(v): v for v in moving_avg_variables}.values())
        names = {self.average_name(v): v for v in followed}
        taken = {v.name for v in followed}
        for v in {id(v): v for v in global_variables()}.values():
            if v.name not in taken and slots.op_name(v) not in names:
                names[slots.op_name(v)] = v
        return names


def assign_moving_average(variable, value, decay, zero_debias=True, name=None):
    """variable -= (1 - decay) * (variable - value); with zero_debias corrected for having started at zero."""
    with name_scope(name, "AssignMovingAvg", [variable, value, decay]):
        decay = record.convert_to_tensor(1.0 - decay, name="decay")
        if decay.dtype is not variable.dtype.base_dtype:
            decay = cast(decay, variable.dtype.base_dtype)
        if zero_debias:
            return _debiased(variable, value, decay)
        return variable.assign_sub((variable - value) * decay)


def _debiased(variable, value, decay):
    """Adam's correction: a biased average and a count beside the variable."""
    extra = variable.__dict__.setdefault("_debiasing", {})
    graph = slots.outermost()
    if graph is not None or graph not in extra:  # in a graph TensorFlow makes new ones for every call
        with slots.lifted():
            zeros, dtype = np.zeros(variable.shape.as_list(), variable.dtype.base_dtype.np), variable.dtype.base_dtype
            name = slots.op_name(variable)
            if context.graph is None:
                made = (
                    slots.eager_variable(zeros, dtype, f"{name}/biased"),
                    slots.eager_variable(zeros.sum(), dtype, f"{name}/local_step"),
                )
            else:
                made = tuple(
                    slots.graph_variable(
                        f"{name}/{n}", slots._Fill(0, "zeros"), shape, dtype, slots.is_resource(variable)
                    )
                    for n, shape in (("biased", variable.shape), ("local_step", []))
                )
        extra[graph] = made
    biased, step = extra[graph]
    moved = biased.assign_sub((biased - value) * decay)
    counted = step.assign_add(np.ones((), variable.dtype.base_dtype.np))
    with control_dependencies([] if context.graph is None else [t for t in (moved, counted) if isinstance(t, Tensor)]):
        factor = 1.0 - (1.0 - decay) ** record.convert_to_tensor(counted)
        return variable.assign(record.convert_to_tensor(moved) / factor)


publish(assign_moving_average, "__internal__.train.assign_moving_average", v1="train.assign_moving_average")
