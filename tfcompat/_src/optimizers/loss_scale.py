"""Loss scaling: tf.train.experimental's LossScale classes and optimizers, and Keras's LossScaleOptimizer."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .. import dtypes, nest, record
from ..declare import NAMES, OpDef, export
from ..engine import dispatch
from ..graph import context
from ..ops.core import cast, no_op
from ..tensor import IndexedSlices, Tensor
from ..train.trackable import Trackable
from . import slots
from .base import Optimizer, group
from .keras_base import Optimizer as KerasOptimizer
from .keras_state import _Variables
from .legacy_base import OptimizerV2

_OLD = "train.experimental mixed_precision mixed_precision.experimental"


def _old(name):
    v1 = " ".join(f"{p}.{name}" for p in _OLD.split())
    return export(f"train.experimental.{name} mixed_precision.experimental.{name}", v1=v1)


def all_finite(grads):
    """A bool scalar: no gradient holds an infinity or NaN."""
    parts = [g.values if isinstance(g, IndexedSlices) else g for g in grads if g is not None]
    if not parts:
        return record.convert_to_tensor(True)
    return record.call(_ALL_FINITE, [record.convert_to_tensor(p) for p in parts], None, None)


def finite_scalar(value):
    """A bool tensor: what both branches of a conditional step return."""
    return record.convert_to_tensor(value)


def _all_finite_kernel(*grads):
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(g)) for g in grads]))


_ALL_FINITE = OpDef("AllFinite", _all_finite_kernel, differentiable=False, alike=False)


@_old("LossScale")
class LossScale(Trackable):
    """Base class: `__call__` gives the scale, `update(grads)` an operation and whether the gradients should be
    applied.
    """

    def __init__(self):
        self._weights = {}

    def __call__(self):
        raise NotImplementedError(f"{type(self).__name__} must implement __call__")

    def update(self, grads):
        """(operation that moves the scale, should `grads` be applied)."""
        raise NotImplementedError(f"{type(self).__name__} must implement update")

    def _add_weight(self, name, initial_value, dtype=None):
        """A variable of the scale."""
        dtype = dtypes.as_dtype(dtype or dtypes.float32)
        if context.graph is None:
            made = slots.eager_variable(np.asarray(initial_value, dtype.np), dtype, name)
        else:
            from ..variables import VariableV1

            made = VariableV1(initial_value, name=name, dtype=dtype, trainable=False, use_resource=True)
        self._weights[(name, context.graph)] = made
        return self._track_trackable(made, name, overwrite=True)

    def get_config(self):
        """The constructor's arguments."""
        raise NotImplementedError(f"{type(self).__name__} must implement get_config")

    @classmethod
    def from_config(cls, config):
        """A loss scale from what `get_config` gave."""
        return cls(**config)


@_old("FixedLossScale")
class FixedLossScale(LossScale):
    """One number, at least 1."""

    def __init__(self, loss_scale_value):
        super().__init__()
        if not isinstance(loss_scale_value, (int, float)):
            raise ValueError("loss_scale_value must be a Python int or float.")
        if loss_scale_value < 1:
            raise ValueError("loss_scale_value must be at least 1.")
        self._loss_scale_value = float(loss_scale_value)

    def __call__(self):
        return record.convert_to_tensor(self._loss_scale_value)

    def update(self, grads):
        """Nothing moves; always apply."""
        return no_op(), True

    def __repr__(self):
        return f"FixedLossScale({self._loss_scale_value})"

    def get_config(self):
        """The constructor's arguments."""
        return {"loss_scale_value": self._loss_scale_value}


@_old("DynamicLossScale")
class DynamicLossScale(LossScale):
    """Multiplied after `increment_period` good steps in a row, divided after each bad one (not below 1)."""

    def __init__(self, initial_loss_scale=2**15, increment_period=2000, multiplier=2.0):
        super().__init__()
        self.initial_loss_scale, self.increment_period, self.multiplier = (
            float(initial_loss_scale),
            int(increment_period),
            float(multiplier),
        )
        self._current_loss_scale = self._add_weight("current_loss_scale", self.initial_loss_scale, dtypes.float32)
        self._num_good_steps = self._add_weight("good_steps", 0, dtypes.int64)

    def __call__(self):
        return record.convert_to_tensor(self._current_loss_scale)

    def update(self, grads):
        """(operation, bool tensor): see LossScale.update."""
        finite = all_finite(nest.flatten(grads))
        scale, steps = (
            record.convert_to_tensor(self._current_loss_scale),
            record.convert_to_tensor(self._num_good_steps),
        )
        new_scale, new_steps = record.call(
            _MOVE, [finite, scale, steps], {"period": self.increment_period, "multiplier": self.multiplier}, None
        )
        moved = [self._current_loss_scale.assign(new_scale), self._num_good_steps.assign(new_steps)]
        return group([getattr(m, "op", m) for m in moved] if context.graph is not None else [], None), finite

    def __repr__(self):
        settings = ", ".join([f"{k}={v}" for k, v in self.get_config().items()])
        if context.graph is not None:
            return f"DynamicLossScale({settings})"
        now = f"current_loss_scale={self._current_loss_scale.numpy()}, num_good_steps={self._num_good_steps.numpy()}"
        return f"DynamicLossScale({now}, {settings})"

    def get_config(self):
        """The constructor's arguments."""
        return {"initial_loss_scale": self.initial_loss_scale, "increment_period": self.increment_period,
                "multiplier": self.multiplier, }  # fmt: skip


def _move_kernel(finite, scale, steps, *, period, multiplier):
    grown = scale * multiplier
    due = steps + 1 >= period
    up = jnp.where(due & jnp.isfinite(grown), grown, scale)
    return jnp.where(finite, up, jnp.maximum(scale / multiplier, 1)), jnp.where(finite & ~due, steps + 1, 0)


_MOVE = OpDef("MoveLossScale", _move_kernel, differentiable=False, alike=False)


def get_loss_scale(identifier):
    """A LossScale from a number, "dynamic", a LossScale or None; ValueError for anything else."""
    if isinstance(identifier, (int, float)):
        return FixedLossScale(identifier)
    if isinstance(identifier, str) and identifier == "dynamic":
        return DynamicLossScale()
    if identifier is None or isinstance(identifier, LossScale):
        return identifier
    raise ValueError(f"Could not interpret loss scale identifier: {identifier}")


@export("", v1="train.experimental.MixedPrecisionLossScaleOptimizer mixed_precision.MixedPrecisionLossScaleOptimizer")
class MixedPrecisionLossScaleOptimizer(Optimizer):
    """Wraps a TF1 optimizer: scales the loss, unscales gradients, leaves out steps whose gradients are not finite."""

    def __init__(self, opt, loss_scale):
        if not isinstance(opt, Optimizer):
            raise ValueError(f'"opt" must be an instance of Optimizer, but got: {type(opt)}')
        super().__init__(opt._use_locking, opt.get_name())
        self._optimizer, self._loss_scale = opt, get_loss_scale(loss_scale)
        if self._loss_scale is None:
            raise ValueError("loss_scale cannot be None")
        self._track_trackable(self._optimizer, "base_optimizer")
        self._track_trackable(self._loss_scale, "loss_scale")

    def compute_gradients(self, loss, var_list=None, gate_gradients=Optimizer.GATE_OP, aggregation_method=None,
                          colocate_gradients_with_ops=False, grad_loss=None):  # fmt: skip
        """Unscaled gradients of the scaled loss."""
        scale = self._loss_scale()
        if callable(loss) and not isinstance(loss, Tensor):
            inner = loss

            def loss():
                value = inner()
                return value * cast(scale, value.dtype)
        else:
            loss = loss * cast(scale, loss.dtype)
        pairs = self._optimizer.compute_gradients(
            loss, var_list, gate_gradients, aggregation_method, colocate_gradients_with_ops, grad_loss
        )
        back = 1 / scale
        return [(None if g is None else _times(g, back), v) for g, v in pairs]

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """Applies gradients that are finite and moves the scale."""
        pairs = list(grads_and_vars)
        if not isinstance(self._loss_scale, DynamicLossScale):
            return self._optimizer.apply_gradients(pairs, global_step, name)
        update, finite = self._loss_scale.update([g for g, _ in pairs])
        if context.graph is None:
            if bool(finite):
                self._optimizer.apply_gradients(pairs, global_step, name)
            dispatch.flush()
            return None
        with slots.lifted():
            self._optimizer._create_slots([v for g, v in pairs if g is not None])
        wrapped = (name or self.get_name()) + "-wrapped"
        applied = NAMES["v1"]["cond"](
            finite, lambda: self._optimizer.apply_gradients(pairs, global_step, wrapped), lambda: no_op()
        )
        return group([applied, update], name or self.get_name())

    def get_slot(self, var, name):
        """The wrapped optimizer's slot."""
        return self._optimizer.get_slot(var, name)

    def get_slot_names(self):
        """The wrapped optimizer's slot names."""
        return self._optimizer.get_slot_names()

    def variables(self):
        """The wrapped optimizer's variables and the scale's."""
        return self._optimizer.variables() + list(self._loss_scale._weights.values())


def _times(g, factor):
    factor = cast(factor, g.dtype)
    return IndexedSlices(g.values * factor, g.indices, g.dense_shape) if isinstance(g, IndexedSlices) else g * factor


@export("keras.optimizers.LossScaleOptimizer optimizers.LossScaleOptimizer keras.mixed_precision.LossScaleOptimizer",
        v1="keras.mixed_precision.LossScaleOptimizer keras.optimizers.LossScaleOptimizer")  # fmt: skip
class LossScaleOptimizer(KerasOptimizer):
    """Keras 3's wrapper: the scale doubles after `dynamic_growth_steps` finite steps and halves after a step that is
    not.
    """

    def __init__(
        self, inner_optimizer, initial_scale=2.0**15, dynamic_growth_steps=2000, name=None, dynamic=True, **kwargs
    ):
        if kwargs.pop("initial_growth_steps", None) is not None:
            raise TypeError("LossScaleOptimizer takes dynamic_growth_steps")
        if not dynamic:
            raise ValueError(
                "LossScaleOptimizer no longer supports `dynamic=False`. Instead, simply set `loss_scale_factor` "
                "directly on the "
                "`inner_optimizer`."
            )
        if any(v not in (None, False) for v in kwargs.values()):
            raise ValueError(f"LossScaleOptimizer does not support arguments: `{'`, `'.join(kwargs)}`.")
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer, self.initial_scale, self.dynamic_growth_steps = (
            inner_optimizer,
            initial_scale,
            dynamic_growth_steps,
        )
        if not isinstance(inner_optimizer, OptimizerV2):
            inner_optimizer.loss_scale_factor = None

    def build(self, variables):
        """Makes the scale's variables and the wrapped optimizer's."""
        self.step_counter = self.add_variable((), dtype="int64", name="step_counter")
        self.dynamic_scale = self.add_variable((), initializer=float(self.initial_scale), name="dynamic_scale")
        if isinstance(self.inner_optimizer, KerasOptimizer) and hasattr(self.inner_optimizer, "build"):
            self.inner_optimizer.build(variables)
        super().build(variables)

    @property
    def variables(self):
        """Its own variables and the wrapped optimizer's."""
        inner = self.inner_optimizer.variables
        return _Variables(
            self._variables + list(inner if isinstance(inner, list) else inner()),
            [v for v in self._variables if v is not self._learning_rate] + list(inner()),
        )

    learning_rate = property(
        lambda self: self.inner_optimizer.learning_rate,
        lambda self, v: setattr(self.inner_optimizer, "learning_rate", v),
    )
    iterations = property(lambda self: self.inner_optimizer.iterations)

    def scale_loss(self, loss):
        """`loss` times the scale."""
        if not isinstance(loss, Tensor):
            loss = record.convert_to_tensor(loss)
        return loss * (cast(self.dynamic_scale, loss.dtype) if self.built else self.initial_scale)

    get_scaled_loss = scale_loss

    def get_unscaled_gradients(self, grads):
        """`grads` divided by the scale (Keras 2's name)."""
        return [None if g is None else _times(g, 1 / record.convert_to_tensor(self.dynamic_scale)) for g in grads]

    def apply(self, grads, trainable_variables=None):
        """Applies unscaled gradients if they are finite, and moves the scale."""
        if not self.built:
            with slots.lifted():
                self.build(list(trainable_variables))
        variables = list(trainable_variables if trainable_variables is not None else self._trainable_variables)
        finite = all_finite(grads)
        if context.graph is None:
            self._step(grads, variables) if bool(finite) else self._skip()
            dispatch.flush()
            return
        if isinstance(self.inner_optimizer, OptimizerV2):
            self.inner_optimizer._make_weights(variables)  # no variable can be made in a branch
        NAMES["v2"]["cond"](finite, lambda: self._step(grads, variables), self._skip)

    def _step(self, grads, variables):
        """Applies the gradients and counts; the scale doubles when it has been good for long enough."""
        back = 1 / record.convert_to_tensor(self.dynamic_scale)
        scaled = [None if g is None else _times(g, back) for g in grads]
        self.inner_optimizer.apply_gradients(zip(scaled, variables, strict=True))
        steps = record.convert_to_tensor(self.step_counter)
        grown = cast(steps == self.dynamic_growth_steps - 1, dtypes.int64)
        self.step_counter.assign((steps + 1) * (1 - grown))
        self.dynamic_scale.assign(self.dynamic_scale * (1.0 + cast(grown, dtypes.float32)))
        return finite_scalar(True)

    def _skip(self):
        """Leaves the variables alone and halves the scale."""
        self.step_counter.assign(np.int64(0))
        self.dynamic_scale.assign(self.dynamic_scale * 0.5)
        return finite_scalar(False)

    def get_config(self):
        """The constructor's arguments."""
        from .registry import serialize

        return {
            "name": self.name, "inner_optimizer": serialize(self.inner_optimizer), "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }  # fmt: skip

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """An optimizer from what `get_config` gave."""
        from .registry import deserialize

        config = dict(config)
        return cls(deserialize(config.pop("inner_optimizer"), custom_objects), **config)


@export(
    "",
    v1="train.experimental.enable_mixed_precision_graph_rewrite mixed_precision.enable_mixed_precision_graph_rewrite",
)
def enable_mixed_precision_graph_rewrite(opt, loss_scale="dynamic"):
    """Wraps `opt` with loss scaling; operations stay float32 (TensorFlow's rewrite acts on GPUs with Tensor Cores
    only).  ValueError for anything but an optimizer, and for one that scales its loss already.
    """
    if isinstance(opt, (MixedPrecisionLossScaleOptimizer, LossScaleOptimizer)):
        raise ValueError(
            f'"opt" must not already be an instance of a {type(opt).__name__}: '
            "enable_mixed_precision_graph_rewrite wraps the optimizer with one itself."
        )
    return MixedPrecisionLossScaleOptimizer(opt, loss_scale)


@export(
    "",
    v1="train.experimental.disable_mixed_precision_graph_rewrite mixed_precision.disable_mixed_precision_graph_rewrite",
)
def disable_mixed_precision_graph_rewrite():
    """There is no rewrite to disable."""
