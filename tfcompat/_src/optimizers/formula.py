"""TF1 optimizers that are a formula and a table: which slots it keeps and where its hyper-parameters come from.

In a graph each variable gets TensorFlow's training op; eagerly all variables are updated by one recorded node.
"""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import OPS
from ..graph import context
from ..ops.core import cast
from ..tensor import EagerTensor, IndexedSlices, Tensor
from . import formulas, slots
from .apply import Plan, Scalars, signature_key
from .base import Optimizer, check_global_step, is_variable

_DENSE = {EagerTensor}


class Recipe:
    """What is static of a formula optimizer: how scalars become its inputs, the formula, what happens to shared
    variables.

    sources   input name -> position in the vector of Python numbers (>= 0) or among the tensors (~position)
    shared    names of the shared variables, inputs too; `decays`: shared name -> input it is multiplied by after the
              step
    """

    __slots__ = ("dense", "sparse", "settings", "sources", "shared", "decays", "key")
    broadcasts = casts = False  # as the training ops: a gradient has its variable's shape and dtype

    def __init__(self, dense, sparse, settings, sources, shared, decays):
        self.dense, self.sparse, self.settings = dense, sparse, settings
        self.sources, self.shared, self.decays = sources, shared, decays
        self.key = (dense, sparse, tuple(sorted(settings.items())), tuple(sources.items()), shared, decays)

    def __hash__(self):
        return hash(self.key)

    def __eq__(self, other):
        return isinstance(other, Recipe) and self.key == other.key

    def run(self, scalars, shared, grads, states):
        """(new shared, new states); see apply.Applied."""
        vector, tensors = scalars[0], scalars[1:]
        inputs = {k: vector[i] if i >= 0 else tensors[~i] for k, i in self.sources.items()}
        inputs.update(zip(self.shared, shared, strict=True))
        new = []
        for grad, state in zip(grads, states, strict=True):
            dtype = state[0].dtype
            op = self.sparse if isinstance(grad, tuple) else self.dense
            given = {k: v if k == "global_step" else v.astype(dtype) for k, v in inputs.items()}
            given[op.grad], given["indices"] = (grad[0], grad[1]) if isinstance(grad, tuple) else (grad, None)
            settings = {k: v for k, v in self.settings.items() if k in op.settings}
            new.append(formulas.widely(op.kernel, state, [given[k] for k in op.inputs], **settings))
        decays = dict(self.decays)
        after = [
            v * inputs[decays[k]].astype(v.dtype) if k in decays else v
            for k, v in zip(self.shared, shared, strict=True)
        ]
        return after, new


class FormulaOptimizer(Optimizer):
    """An optimizer given by `_dense`, `_sparse` (training ops) and tables.

    _state   slot name per state of the op behind the variable
    _hypers  (input name, attribute with the user's value, attribute for its tensor, its name in a graph)
    _shared  names of non-slot variables that are inputs; _decays: those multiplied by a hyper-parameter after each step
    """

    _dense = _sparse = None
    _state: tuple = ()
    _hypers: tuple = ()
    _shared: tuple = ()
    _decays: tuple = ()
    _own_methods = ("_prepare", "_finish", "_apply_dense", "_resource_apply_dense", "_apply_sparse",
                    "_resource_apply_sparse", "_update", "_apply_sparse_duplicate_indices",
                    "_resource_apply_sparse_duplicate_indices", "_apply_eagerly", "_ops", )  # fmt: skip

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # A user's subclass with an update of its own is driven by the base class, one variable after the other.
        cls._fused = (
            cls.__module__.startswith(__package__)
            or not any(n in cls.__dict__ for n in cls._own_methods)
            and cls._fused
        )

    def _ops(self):
        """(dense op, sparse op, settings)."""
        return self._dense, self._sparse, {}

    def _sparse_settings(self):
        """The settings of the sparse op: the dense one's."""
        return self._ops()[2]

    def _values(self):
        """input name -> the user's value of a hyper-parameter: a number, tensor or variable."""
        call = self._call_if_callable
        return {name: call(getattr(self, attribute)) for name, attribute, _, _ in self._hypers}

    # -- eagerly ------------------------------------------------------------------------------------------------------
    def apply_gradients(self, grads_and_vars, global_step=None, name=None, skip_gradients_aggregation=False):
        """See Optimizer.apply_gradients."""
        if context.graph is None and self._fused:
            grads_and_vars = list(grads_and_vars)
            plan, scalars, grads = self._eager_plan(grads_and_vars)
            if plan is not None:
                if global_step is not None:
                    check_global_step(global_step)
                plan.run(scalars, grads, global_step)
                return None
        return super().apply_gradients(grads_and_vars, global_step, name)

    def _eager_plan(self, pairs):
        grads, variables = [g for g, _ in pairs], [v for _, v in pairs]
        if set(map(type, grads)) != _DENSE:
            live = [(g, v) for g, v in pairs if g is not None]
            kinds = (EagerTensor, IndexedSlices)
            grads = [g if g.__class__ in kinds else self._converted(g, v)[0] for g, v in live]
            variables = [v for _, v in live]
        numbers, tensors, sources = [], [], {}
        for k, value in self._values().items():
            if isinstance(value, Tensor) or is_variable(value):
                sources[k] = ~len(tensors)
                tensors.append(record.convert_to_tensor(value))
            else:
                sources[k] = len(numbers)
                numbers.append(rounded(value))
        scalars = self.__dict__.get("_scalars")
        if scalars is None:
            scalars, self._plans = self.__dict__.setdefault("_scalars", Scalars()), {}
        key = (tuple(map(id, variables)), signature_key(grads), tuple(sources.values()))
        plan = self._plans.get(key, False)
        if plan is False:
            plan = self._plans[key] = self._make_plan(variables, grads, sources)
        return plan, [scalars.of(numbers), *tensors], grads

    def _make_plan(self, variables, grads, sources):
        if not variables or len({id(v) for v in variables}) < len(variables):
            return None
        if any(not is_variable(v) or getattr(v, "constraint", None) is not None for v in variables):
            return None
        self._create_slots(variables)
        dense, sparse, settings = self._ops()
        if sparse is None and any(g.__class__ is IndexedSlices for g in grads):
            raise NotImplementedError(f"{type(self).__name__} has no update for IndexedSlices")
        recipe = Recipe(dense, sparse, settings, sources, self._shared, self._decays)
        own = [[self.get_slot(v, s) for s in self._state] for v in variables]
        shared = [self._get_non_slot_variable(s) for s in self._shared]
        n_scalars = 1 + sum(i < 0 for i in sources.values())
        return Plan(recipe, variables, own, [g.__class__ is IndexedSlices for g in grads], shared, n_scalars)

    # -- in graphs ----------------------------------------------------------------------------------------------------
    def _prepare(self):
        for (_, _, attribute, label), value in zip(self._hypers, self._values().values(), strict=True):
            setattr(self, attribute, record.convert_to_tensor(value, name=label))

    def _argument(self, name, dtype):
        """The tensor for input `name` of the training op."""
        if name in self._shared:
            with slots.lifted():
                graph = context.graph
            tensor = record.convert_to_tensor(self._get_non_slot_variable(name, graph))
        else:
            tensor = next(getattr(self, attribute) for n, _, attribute, _ in self._hypers if n == name)
        return tensor if name == "global_step" else cast(tensor, dtype)

    def _apply_op(self, op, grad, indices, var, resource):
        dtype = var.dtype.base_dtype
        known = {op.grad: grad, "indices": indices}
        inputs = [known[k] if k in known else self._argument(k, dtype) for k in op.inputs]
        state = [var, *[self.get_slot(var, s) for s in self._state]]
        settings = self._sparse_settings() if op.sparse else self._ops()[2]
        return op.record(state, inputs, settings, None, resource)

    def _apply_dense(self, grad, var):
        return self._apply_op(self._ops()[0], grad, None, var, False)

    def _resource_apply_dense(self, grad, handle):
        return self._apply_op(self._ops()[0], grad, None, handle, True)

    def _apply_sparse(self, grad, var):
        return self._apply_op(self._sparse_op(), grad.values, grad.indices, var, False)

    def _resource_apply_sparse(self, grad, handle, indices):
        return self._apply_op(self._sparse_op(), grad, indices, handle, True)

    def _sparse_op(self):
        op = self._ops()[1]
        if op is None:
            raise NotImplementedError(f"{type(self).__name__} has no update for IndexedSlices")
        return op

    def _apply_sparse_duplicate_indices(self, grad, var):
        if not self._fused:
            return super()._apply_sparse_duplicate_indices(grad, var)
        return self._apply_sparse(grad, var)  # the op sums duplicates itself

    def _resource_apply_sparse_duplicate_indices(self, grad, handle, indices):
        if not self._fused:
            return super()._resource_apply_sparse_duplicate_indices(grad, handle, indices)
        return self._resource_apply_sparse(grad, handle, indices)

    def _filled_slot(self, var, value, label, slot_name, op_name=None):
        """The slot of `var` filled with `value`; `label` names the initial value's operation."""
        dtype = var.dtype.base_dtype
        if not var.shape.is_fully_defined():
            size = record.call(OPS["Shape"], [var.initial_value], {"out_type": dtypes.int32}, None)
            filled = OPS["Fill"].public(size, np.asarray(value, dtype.np))
            return self._get_or_make_slot(var, filled, slot_name, op_name or self._name)
        return self._get_or_make_slot_with_initializer(
            var, slots._Fill(value, label), var.shape, dtype, slot_name, op_name or self._name
        )


FormulaOptimizer._fused = True


def rounded(value):
    """A Python number as TensorFlow's float32 constant of it; NumPy float64 keeps its digits."""
    if value.__class__ is float:
        return float(np.float32(value))
    if value is None:
        raise ValueError("Attempt to convert a value (None) with an unsupported type (<class 'NoneType'>) to a Tensor.")
    if isinstance(value, (np.ndarray, np.generic)):
        return float(value)
    return float(np.float32(value))
