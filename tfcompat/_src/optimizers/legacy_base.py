"""tf.keras.optimizers.Optimizer as Keras 2 had it (OptimizerV2): in sessions, eagerly and in functions.

Hyper-parameters set with `_set_hyper` become float32 variables; `decay` divides the learning rate by 1 + decay *
iterations; slots are made by `add_slot`.  Built-in optimizers record one node for all variables; subclasses'
`_resource_apply_*` are called one by one.
"""

from __future__ import annotations

import inspect

import numpy as np

from .. import dtypes, nest, record, tape
from ..declare import NAMES, export
from ..engine import dispatch
from ..graph import context
from ..scopes import control_dependencies, name_scope
from ..symbolic_gradients import symbolic_gradients
from ..tensor import EagerTensor, IndexedSlices, Tensor
from . import slots
from .apply import Plan, Scalars, signature_key
from .base import deduplicated, group, is_variable
from .keras_base import Generations
from .keras_base import Optimizer as KerasOptimizer
from .keras_recipe import KerasRecipe
from .legacy_state import LegacyState
from .schedules import LearningRateSchedule

_DENSE = {EagerTensor}
_CLIPS = (("norm", "clipnorm"), ("global", "global_clipnorm"), ("value", "clipvalue"))


@export("keras.optimizers.legacy.Optimizer optimizers.legacy.Optimizer",
        v1="keras.optimizers.legacy.Optimizer keras.optimizers.Optimizer")  # fmt: skip
class OptimizerV2(LegacyState, metaclass=Generations):
    """Base class of Keras 2's optimizers."""

    _fused = False
    _formula = _rows = None
    _advance = None
    _shared_names: tuple = ()
    _numbers: tuple = ()  # hyper-parameters kept as plain attributes
    _own_methods = ("_resource_apply_dense", "_resource_apply_sparse",
                    "_resource_apply_sparse_duplicate_indices", "_prepare", "_prepare_local", "_decayed_lr",
                    "apply_gradients", "_aggregate_gradients", "_get_hyper", )  # fmt: skip

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if not cls.__module__.startswith(__package__):
            cls._fused = cls._fused and not any(n in cls.__dict__ for n in cls._own_methods)

    def __init__(self, name, gradient_aggregator=None, gradient_transformers=None, **kwargs):
        allowed = {"clipnorm", "clipvalue", "lr", "decay", "global_clipnorm"}
        for k, v in kwargs.items():
            if k not in allowed:
                raise TypeError(f"Unexpected keyword argument passed to optimizer: {k}. Allowed kwargs are {allowed}.")
            if v is not None and not callable(v) and not isinstance(v, Tensor) and v < 0:
                raise ValueError(f"Expected {k} >= 0, received: {v}")
        own = self.__dict__
        own["_hyper"], own["_slots"], own["_slot_names"], own["_weights"] = {}, {}, [], []
        self._name, self._iterations, self._hypers_created, self._primaries = name, None, False, {}
        self.gradient_aggregator = gradient_aggregator
        self.gradient_transformers = list(gradient_transformers or [])
        decay = kwargs.pop("decay", 0.0) or 0.0
        if decay < 0.0:
            raise ValueError(f"decay cannot be less than 0. Received: decay={decay}.")
        self._initial_decay = decay
        self.clipnorm, self.clipvalue = kwargs.get("clipnorm"), kwargs.get("clipvalue")
        self.global_clipnorm = kwargs.get("global_clipnorm")
        if self.clipnorm is not None and self.global_clipnorm is not None:
            raise ValueError(
                f"Cannot accept both `clipnorm` and `global_clipnorm`. Received: `clipnorm`={self.clipnorm}, "
                f"`global_clipnorm`={self.global_clipnorm}."
            )
        self._scalars, self._plans = Scalars(), {}

    # -- steps --------------------------------------------------------------------------------------------------------
    def minimize(self, loss, var_list, grad_loss=None, name=None, tape=None):
        """One step down `loss`: a function of no arguments, or a tensor with its `tape`.  Returns the train op,
        eagerly iterations.
        """
        return self.apply_gradients(self._compute_gradients(loss, var_list, grad_loss, tape), name=name)

    def _compute_gradients(self, loss, var_list, grad_loss=None, tape=None):
        if not callable(loss) and tape is None and context.graph is None:
            raise ValueError(f"`tape` is required when a `Tensor` loss is passed. Received: loss={loss}, tape={tape}.")
        if not callable(loss) and tape is None:
            variables = nest.flatten(var_list() if callable(var_list) else var_list)
            return list(zip(_symbolic(loss, variables, grad_loss), variables, strict=True))
        t = tape if tape is not None else _tape()
        if callable(loss):
            with t:
                if not callable(var_list):
                    t.watch(var_list)
                loss = loss()
                if callable(var_list):
                    var_list = var_list()
        variables = nest.flatten(var_list() if callable(var_list) else var_list)
        grads = t.gradient(loss, variables, grad_loss)
        self._assert_valid_dtypes([v for g, v in zip(grads, variables, strict=True) if g is not None])
        return list(zip(grads, variables, strict=True))

    def get_gradients(self, loss, params):
        """Gradients of `loss` with respect to `params`, clipped; ValueError where one is None."""
        grads = _symbolic(loss, nest.flatten(params), None)
        for g, p in zip(grads, params, strict=True):
            if g is None:
                raise ValueError(
                    f"Variable {p} has `None` for gradient. Please make sure that all of your ops have a "
                    f"gradient defined (i.e. are "
                    "differentiable). Common ops without gradient: K.argmax, K.round, K.eval."
                )
        return grads

    def get_updates(self, loss, params):
        """[the train op], as tf.keras.backend.function takes it."""
        return [self.apply_gradients(list(zip(self.get_gradients(loss, params), params, strict=True)))]

    def apply_gradients(self, grads_and_vars, name=None, experimental_aggregate_gradients=True):
        """Applies gradients; returns the train op, eagerly `iterations`.  ValueError where all gradients are None."""
        pairs = list(grads_and_vars)
        if not pairs:
            return None if context.graph is None else group([], self._name)
        live = [(g, v) for g, v in pairs if g is not None]
        if not live:
            raise ValueError(
                f"No gradients provided for any variable: {([v.name for _, v in pairs],)}. "
                f"Provided `grads_and_vars` is {tuple(pairs)}."
            )
        if len(live) < len(pairs):
            import logging

            missing = [v.name for g, v in pairs if g is None]
            logging.getLogger("tensorflow").warning(
                "Gradients do not exist for variables %s when minimizing the loss.", missing
            )
        if self.gradient_aggregator is not None and experimental_aggregate_gradients:
            live = self.gradient_aggregator(live)
        for transform in self.gradient_transformers:
            live = transform(live)
        if context.graph is None:
            return self._apply(live, name)
        with name_scope(self._name):
            return self._apply(live, name)

    def _apply(self, live, name):
        if self._fused:
            done = self._apply_at_once([g for g, _ in live], [v for _, v in live], name)
            if done is not None:
                return done
        self._make_weights([v for _, v in live])
        return self._apply_one_by_one(self._clip_gradients(live), name)

    def _make_weights(self, variables):
        if context.graph is not None:  # in the name scope of apply_gradients already
            with slots.lifted():
                return self._create_all_weights(variables)
        with name_scope(self._name):
            return self._create_all_weights(variables)

    # -- all variables in one node ------------------------------------------------------------------------------------
    def _apply_at_once(self, grads, variables, name):
        if set(map(type, grads)) != _DENSE:
            grads = [g if isinstance(g, (Tensor, IndexedSlices)) else record.convert_to_tensor(g) for g in grads]
        key = (tuple(map(id, variables)), signature_key(grads), slots.outermost(), self._statics())
        plan = self._plans.get(key, False)
        if plan is False:
            plan = self._plans[key] = self._make_plan(grads, variables)
        if plan is None:
            return None
        clip = _clip_of(self)
        scalars = self._scalars_now(clip)
        if context.graph is None:
            plan.run(scalars, grads)
            if plan.constrained:
                plan.constrain()
            return self.iterations
        with name_scope(name or self._name):
            train = plan.run_in_graph(scalars, grads, "ApplyGradients")
            if not plan.constrained:
                return train
            with control_dependencies([train]):
                return group([train, *[getattr(d, "op", d) for d in plan.constrain()]], "constrained")

    def _scalars_now(self, clip):
        """What a plan takes besides gradients: numbers, hyper-parameters, the learning rate."""
        numbers = [getattr(self, n) for n in self._numbers] + ([] if clip is None else [getattr(self, clip[1])])
        numbers.append(self._initial_decay)
        tensors = [_now(self._get_hyper(n)) for n in self._tensor_names()]
        rate = self._get_hyper("learning_rate")
        tensors.append(_now(rate(self.iterations) if isinstance(rate, LearningRateSchedule) else rate))
        eager = context.graph is None
        return [
            self._scalars.of(numbers) if eager else record.convert_to_tensor(np.array(numbers, np.float64)),
            *tensors,
        ]

    def _tensor_names(self):
        return [n for n in self._hyper if n not in ("learning_rate", "decay")]

    def _statics(self):
        """Static arguments of the formula."""
        return ()

    def _formulas(self):
        """(dense formula, formula for rows)."""
        return self._formula, self._rows

    def _slots_of(self, variable):
        return [self.get_slot(variable, s) for s in self._slot_names]

    def _make_plan(self, grads, variables):
        for v in variables:
            if not is_variable(v):
                raise NotImplementedError("Trying to update a Tensor ", v)
        if len({id(v) for v in variables}) < len(variables):
            return None
        for g, v in zip(grads, variables, strict=True):
            if isinstance(g, IndexedSlices) and getattr(v, "constraint", None) is not None:
                raise RuntimeError("Cannot use a constraint function on a sparse variable.")
        self._make_weights(variables)
        return self._plan_of(grads, variables, _clip_of(self), 1)

    def _plan_of(self, grads, variables, clip, count):
        names = (*self._numbers, *([] if clip is None else [clip[1]]), "decay", *self._tensor_names(), "learning_rate")
        formula, rows = self._formulas()
        decays = self._initial_decay > 0 and not self._shared_names
        n = len(variables)
        recipe = KerasRecipe(formula, rows, (self._statics(),) * n, names, clip, (False,) * n, self._shared_names,
                             self._advance if count else None, None, None, decays, count)  # fmt: skip
        shared = [self.iterations, *[getattr(self, "_" + s) for s in self._shared_names]]
        own = [self._slots_of(v) for v in variables]
        sparse = [g.__class__ is IndexedSlices for g in grads]
        return Plan(recipe, variables, own, sparse, shared, len(self._tensor_names()) + 2)

    # -- one variable after the other: subclasses ---------------------------------------------------------------------
    def _apply_one_by_one(self, pairs, name):
        with name_scope(name or self._name):
            state = self._prepare([v for _, v in pairs])
            updates = []
            for g, v in pairs:
                with name_scope("update" if context.graph is None else "update_" + slots.op_name(v)):
                    updates.append(self._update(g, v, state))
            if context.graph is None:
                self.iterations.assign_add(np.ones((), np.int64))
                dispatch.flush()
                return self.iterations
            with control_dependencies([u for u in updates if u is not None]):
                return self.iterations.assign_add(np.ones((), np.int64), read_value=False)

    def _update(self, grad, var, state):
        if isinstance(grad, IndexedSlices):
            if getattr(var, "constraint", None) is not None:
                raise RuntimeError("Cannot use a constraint function on a sparse variable.")
            method = self._resource_apply_sparse_duplicate_indices
            extra = {"apply_state": state} if _takes_state(self._resource_apply_sparse) else {}
            return method(grad.values, var, grad.indices, **extra)
        extra = {"apply_state": state} if _takes_state(self._resource_apply_dense) else {}
        update = self._resource_apply_dense(grad, var, **extra)
        if getattr(var, "constraint", None) is None:
            return update
        with control_dependencies([update] if update is not None and context.graph is not None else []):
            return var.assign(var.constraint(var))

    def _prepare(self, var_list):
        """{(device, dtype): coefficients} for the updates."""
        state = {}
        for key in {(v.device, v.dtype.base_dtype): None for v in var_list}:
            state[key] = {}
            self._prepare_local(*key, state)
        return state

    def _prepare_local(self, var_device, var_dtype, apply_state):
        if "learning_rate" in self._hyper:
            apply_state[(var_device, var_dtype)]["lr_t"] = record.convert_to_tensor(self._decayed_lr(var_dtype))

    def _fallback_apply_state(self, var_device, var_dtype):
        state = {(var_device, var_dtype): {}}
        self._prepare_local(var_device, var_dtype, state)
        return state[(var_device, var_dtype)]

    def _resource_apply_dense(self, grad, handle, apply_state=None):
        """Updates one variable: for built-in optimizers by their formula."""
        return self._apply_formula(grad, handle)

    def _resource_apply_sparse(self, grad, handle, indices, apply_state=None):
        """Updates the rows `indices` (distinct) of a variable."""
        return self._apply_formula(IndexedSlices(grad, indices), handle)

    def _apply_formula(self, grad, var):
        if self._formulas()[0] is None:
            raise NotImplementedError(
                f"{type(self).__name__} must implement _resource_apply_dense / _resource_apply_sparse"
            )
        if self._shared_names:
            raise NotImplementedError(
                f"{type(self).__name__} updates all its variables at once: none may be given twice"
            )
        key = (id(var), grad.__class__ is IndexedSlices, slots.outermost(), self._statics())
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._plan_of([grad], [var], None, 0)
        if context.graph is None:
            return plan.run(self._scalars_now(None), [grad])
        return plan.run_in_graph(self._scalars_now(None), [grad], "ApplyGradients")

    def _resource_apply_sparse_duplicate_indices(self, grad, handle, indices, **kwargs):
        values, distinct = deduplicated(grad, indices)
        return self._resource_apply_sparse(values, handle, distinct, **kwargs)

    def _resource_scatter_add(self, x, i, v):
        """x with rows v added at i; the variable's new value."""
        with control_dependencies([x.scatter_add(IndexedSlices(v, i))] if context.graph is not None else []):
            if context.graph is None:
                x.scatter_add(IndexedSlices(v, i))
            return x.value()

    def _resource_scatter_update(self, x, i, v):
        """x with rows i replaced by v; the variable's new value."""
        with control_dependencies([x.scatter_update(IndexedSlices(v, i))] if context.graph is not None else []):
            if context.graph is None:
                x.scatter_update(IndexedSlices(v, i))
            return x.value()

    def _clip_gradients(self, pairs):
        clip = _clip_of(self)
        if clip is None:
            return pairs
        v1, limit = NAMES["v1"], getattr(self, clip[1])
        grads, variables = [g for g, _ in pairs], [v for _, v in pairs]
        if clip[0] == "norm":
            grads = [v1["clip_by_norm"](g, limit) for g in grads]
        elif clip[0] == "value":
            grads = [v1["clip_by_value"](g, -limit, limit) for g in grads]
        else:
            grads = v1["clip_by_global_norm"](grads, limit)[0]
        return list(zip(grads, variables, strict=True))

    def _call_if_callable(self, param):
        return param() if callable(param) else param

    def _assert_valid_dtypes(self, tensors):
        valid = (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64, dtypes.complex64, dtypes.complex128)
        for t in tensors:
            if t.dtype.base_dtype not in valid:
                raise ValueError(f"Invalid type {t.dtype.base_dtype!r} for {t.name}, expected: {list(valid)}.")


def _clip_of(opt):
    return next(((k, n) for k, n in _CLIPS if getattr(opt, n) is not None and getattr(opt, n) > 0), None)


def _now(value):
    """A hyper-parameter's value as a tensor; eagerly a variable's own, unread by tapes."""
    if is_variable(value) and context.graph is None:
        return value._value
    return record.convert_to_tensor(value)


def _takes_state(method):
    return "apply_state" in inspect.signature(method).parameters


def _tape():
    return tape.GradientTape()


def _symbolic(loss, variables, grad_loss):
    if context.graph is None:
        raise RuntimeError("get_gradients is not supported eagerly; use tf.GradientTape")
    return symbolic_gradients(loss, variables, grad_ys=grad_loss)


KerasOptimizer._legacy = OptimizerV2  # the base of subclasses written Keras 2's way
