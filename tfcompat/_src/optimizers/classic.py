"""tf.train's optimizers: the tables that make formulas (formulas.py) into classes."""

from __future__ import annotations

from .. import record
from ..declare import OPS, export
from ..graph import context
from ..scopes import control_dependencies
from . import slots, training_ops
from .base import group, is_variable
from .formula import FormulaOptimizer, rounded

_RATE = ("lr", "_learning_rate", "_learning_rate_tensor", "learning_rate")
_L1 = ("l1", "_l1_regularization_strength", "_l1_regularization_strength_tensor", "l1_regularization_strength")
_L2 = ("l2", "_l2_regularization_strength", "_l2_regularization_strength_tensor", "l2_regularization_strength")


@export("", v1="train.GradientDescentOptimizer")
class GradientDescentOptimizer(FormulaOptimizer):
    """w -= lr * g."""

    _dense, _sparse = training_ops.gradient_descent, training_ops.sparse_gradient_descent
    _hypers = (("alpha", "_learning_rate", "_learning_rate_tensor", "learning_rate"),)

    def __init__(self, learning_rate, use_locking=False, name="GradientDescent"):
        super().__init__(use_locking, name)
        self._learning_rate, self._learning_rate_tensor = learning_rate, None


@export("", v1="train.MomentumOptimizer")
class MomentumOptimizer(FormulaOptimizer):
    """a = momentum * a + g; w -= lr * a.  With use_nesterov w -= lr * (g + momentum * a)."""

    _dense, _sparse = training_ops.momentum, training_ops.sparse_momentum
    _state = ("momentum",)
    _hypers = (_RATE, ("momentum", "_momentum", "_momentum_tensor", "momentum"))

    def __init__(self, learning_rate, momentum, use_locking=False, name="Momentum", use_nesterov=False):
        super().__init__(use_locking, name)
        self._learning_rate, self._momentum, self._use_nesterov = learning_rate, momentum, use_nesterov

    def _ops(self):
        return self._dense, self._sparse, {"use_nesterov": bool(self._use_nesterov)}

    def _create_slots(self, var_list):
        for v in var_list:
            self._zeros_slot(v, "momentum", self._name)


@export("", v1="train.AdamOptimizer")
class AdamOptimizer(FormulaOptimizer):
    """Adam, with the bias correction in the learning rate and epsilon outside the root; sparse gradients decay every
    row.
    """

    _dense, _sparse = training_ops.adam, training_ops.sparse_adam
    _state = ("m", "v")
    _hypers = (("lr", "_lr", "_lr_t", "learning_rate"), ("beta1", "_beta1", "_beta1_t", "beta1"), ("beta2",
               "_beta2", "_beta2_t", "beta2"), ("epsilon", "_epsilon", "_epsilon_t", "epsilon"), )  # fmt: skip
    _shared = ("beta1_power", "beta2_power")
    _decays = (("beta1_power", "beta1"), ("beta2_power", "beta2"))

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, use_locking=False, name="Adam",
                 use_own_namescope_for_non_slot_vars=False):  # fmt: skip
        super().__init__(use_locking, name, use_own_namescope_for_non_slot_vars)
        self._lr, self._beta1, self._beta2, self._epsilon = learning_rate, beta1, beta2, epsilon
        self._lr_t = self._beta1_t = self._beta2_t = self._epsilon_t = None

    def _get_beta_accumulators(self):
        with slots.lifted():
            graph = context.graph
        return self._get_non_slot_variable("beta1_power", graph), self._get_non_slot_variable("beta2_power", graph)

    def _create_slots(self, var_list):
        first = min(var_list, key=lambda v: v.name)
        self._create_non_slot_variable(self._call_if_callable(self._beta1), "beta1_power", first)
        self._create_non_slot_variable(self._call_if_callable(self._beta2), "beta2_power", first)
        for v in var_list:
            self._zeros_slot(v, "m", self._name)
            self._zeros_slot(v, "v", self._name)

    def _finish(self, update_ops, name_scope):
        with control_dependencies([o for o in update_ops if o is not None]):
            one, two = self._get_beta_accumulators()
            decayed = [one.assign(one * self._beta1_t), two.assign(two * self._beta2_t)]
        return group([*update_ops, *decayed], name_scope)


@export("", v1="train.AdagradOptimizer")
class AdagradOptimizer(FormulaOptimizer):
    """The accumulator of squares starts at 0.1; there is no epsilon."""

    _dense, _sparse = training_ops.adagrad, training_ops.sparse_adagrad
    _state = ("accumulator",)
    _hypers = (_RATE,)

    def __init__(self, learning_rate, initial_accumulator_value=0.1, use_locking=False, name="Adagrad"):
        if initial_accumulator_value <= 0.0:
            raise ValueError(f"initial_accumulator_value must be positive: {initial_accumulator_value}")
        super().__init__(use_locking, name)
        self._learning_rate, self._initial_accumulator_value = learning_rate, initial_accumulator_value
        self._learning_rate_tensor = None

    def _create_slots(self, var_list):
        for v in var_list:
            self._filled_slot(v, self._initial_accumulator_value, "Const", "accumulator")


@export("", v1="train.AdagradDAOptimizer")
class AdagradDAOptimizer(FormulaOptimizer):
    """Adagrad with dual averaging: the variable is computed from sums since the start, the number of steps being
    `global_step`.
    """

    _dense, _sparse = training_ops.adagrad_da, training_ops.sparse_adagrad_da
    _state = ("gradient_accumulator", "gradient_squared_accumulator")
    _hypers = (_RATE, _L1, _L2, ("global_step", "_global_step", "_global_step_on_worker", "global_step"))

    def __init__(self, learning_rate, global_step, initial_gradient_squared_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0, use_locking=False,
                 name="AdagradDA"):  # fmt: skip
        if initial_gradient_squared_accumulator_value <= 0.0:
            raise ValueError(
                f"initial_gradient_squared_accumulator_value must be positive: "
                f"{initial_gradient_squared_accumulator_value}"
            )
        super().__init__(use_locking, name)
        self._learning_rate, self._global_step = learning_rate, global_step
        self._initial_gradient_squared_accumulator_value = initial_gradient_squared_accumulator_value
        self._l1_regularization_strength, self._l2_regularization_strength = (
            l1_regularization_strength,
            l2_regularization_strength,
        )

    def _values(self):
        values = super()._values()
        step = values["global_step"]
        if is_variable(step) or isinstance(step, record.Tensor):
            step = record.convert_to_tensor(step)
        values["global_step"] = step + 1
        return values

    def _create_slots(self, var_list):
        initial = self._initial_gradient_squared_accumulator_value
        for v in var_list:
            self._filled_slot(v, 0.0, "Const", "gradient_accumulator")
            self._filled_slot(v, initial, "Const", "gradient_squared_accumulator")


@export("", v1="train.AdadeltaOptimizer")
class AdadeltaOptimizer(FormulaOptimizer):
    """Steps scaled by the running size of earlier steps (Zeiler 2012), times the learning rate."""

    _dense, _sparse = training_ops.adadelta, training_ops.sparse_adadelta
    _state = ("accum", "accum_update")
    _hypers = (
        ("lr", "_lr", "_lr_t", "lr"),
        ("rho", "_rho", "_rho_t", "rho"),
        ("epsilon", "_epsilon", "_epsilon_t", "epsilon"),
    )

    def __init__(self, learning_rate=0.001, rho=0.95, epsilon=1e-8, use_locking=False, name="Adadelta"):
        super().__init__(use_locking, name)
        self._lr, self._rho, self._epsilon = learning_rate, rho, epsilon
        self._lr_t = self._rho_t = self._epsilon_t = None

    def _create_slots(self, var_list):
        for v in var_list:
            self._zeros_slot(v, "accum", self._name)
            self._zeros_slot(v, "accum_update", self._name)


@export("", v1="train.RMSPropOptimizer")
class RMSPropOptimizer(FormulaOptimizer):
    """The mean square starts at ONE and epsilon is inside the root; centered subtracts the squared mean gradient."""

    _hypers = (
        _RATE, ("rho", "_decay", "_decay_tensor", "decay"), ("momentum", "_momentum", "_momentum_tensor", "momentum"),
        ("epsilon", "_epsilon", "_epsilon_tensor", "epsilon"),
    )  # fmt: skip

    def __init__(
        self, learning_rate, decay=0.9, momentum=0.0, epsilon=1e-10, use_locking=False, centered=False, name="RMSProp"
    ):
        super().__init__(use_locking, name)
        self._learning_rate, self._decay, self._momentum, self._epsilon = learning_rate, decay, momentum, epsilon
        self._centered = centered

    @property
    def _state(self):
        return ("mg", "rms", "momentum") if self._centered else ("rms", "momentum")

    def _ops(self):
        if self._centered:
            return training_ops.centered_rms_prop, training_ops.sparse_centered_rms_prop, {}
        return training_ops.rms_prop, training_ops.sparse_rms_prop, {}

    def _create_slots(self, var_list):
        for v in var_list:
            self._filled_slot(v, 1, "ones", "rms")
            if self._centered:
                self._zeros_slot(v, "mg", self._name)
            self._zeros_slot(v, "momentum", self._name)


@export("", v1="train.FtrlOptimizer")
class FtrlOptimizer(FormulaOptimizer):
    """Follow the regularised leader (McMahan et al. 2013), with l1, l2 and online l2 shrinkage."""

    _state = ("accum", "linear")
    _names = ("_l1_regularization_strength", "_l2_regularization_strength", "_l2_shrinkage_regularization_strength")

    def __init__(self, learning_rate, learning_rate_power=-0.5, initial_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0, use_locking=False, name="Ftrl",
                 accum_name=None, linear_name=None, l2_shrinkage_regularization_strength=0.0, beta=None):  # fmt: skip
        super().__init__(use_locking, name)
        if initial_accumulator_value < 0.0:
            raise ValueError(f"initial_accumulator_value {initial_accumulator_value:f} needs to be positive or zero")
        if learning_rate_power > 0.0:
            raise ValueError(f"learning_rate_power {learning_rate_power:f} needs to be negative or zero")
        strengths = (l1_regularization_strength, l2_regularization_strength, l2_shrinkage_regularization_strength)
        for attribute, value in zip(self._names, strengths, strict=True):
            if value < 0.0:
                raise ValueError(f"{attribute[1:]} {value:f} needs to be positive or zero")
            setattr(self, attribute, value)
        self._learning_rate, self._learning_rate_power = learning_rate, learning_rate_power
        self._initial_accumulator_value, self._beta = initial_accumulator_value, 0.0 if beta is None else beta
        self._accum_name, self._linear_name = accum_name, linear_name

    @property
    def _hypers(self):
        l2 = (
            "l2",
            "_adjusted_l2",
            "_adjusted_l2_regularization_strength_tensor",
            "adjusted_l2_regularization_strength",
        )
        shrink = self._names[2]
        power = ("lr_power", "_learning_rate_power", "_learning_rate_power_tensor", "learning_rate_power")
        middle = (("l2_shrinkage", shrink, shrink + "_tensor", shrink[1:]),) if self._shrinks() else ()
        return (_RATE, _L1, l2, *middle, power)

    @property
    def _adjusted_l2(self):
        """beta acts as more l2: l2 + beta / (2 lr)."""
        l2, beta, rate = self._l2_regularization_strength, self._beta, self._call_if_callable(self._learning_rate)
        if not beta:
            return l2
        if is_variable(rate) or isinstance(rate, record.Tensor):
            return l2 + beta / (2.0 * OPS["Maximum"].public(record.convert_to_tensor(rate), 1e-36))
        return l2 + beta / (2.0 * max(rounded(rate), 1e-36))

    def _shrinks(self):
        return self._l2_shrinkage_regularization_strength > 0

    def _ops(self):
        if self._shrinks():
            return training_ops.ftrl_v2, training_ops.sparse_ftrl_v2, {}
        return training_ops.ftrl, training_ops.sparse_ftrl, {}

    def _create_slots(self, var_list):
        for v in var_list:
            self._filled_slot(v, self._initial_accumulator_value, "mul", "accum", self._accum_name)
            self._zeros_slot(v, "linear", self._linear_name or self._name)


@export("", v1="train.ProximalGradientDescentOptimizer")
class ProximalGradientDescentOptimizer(FormulaOptimizer):
    """Forward-backward splitting (Duchi & Singer 2009): a gradient step, then shrinkage by l1 and l2."""

    _dense, _sparse = training_ops.proximal_gradient_descent, training_ops.sparse_proximal_gradient_descent
    _hypers = (("alpha", *_RATE[1:]), _L1, _L2)

    def __init__(self, learning_rate, l1_regularization_strength=0.0, l2_regularization_strength=0.0, use_locking=False,
                 name="ProximalGradientDescent"):  # fmt: skip
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._l1_regularization_strength, self._l2_regularization_strength = (
            l1_regularization_strength,
            l2_regularization_strength,
        )


@export("", v1="train.ProximalAdagradOptimizer")
class ProximalAdagradOptimizer(FormulaOptimizer):
    """Adagrad followed by shrinkage by l1 and l2, both scaled by the rate of each element."""

    _dense, _sparse = training_ops.proximal_adagrad, training_ops.sparse_proximal_adagrad
    _state = ("accumulator",)
    _hypers = (_RATE, _L1, _L2)

    def __init__(self, learning_rate, initial_accumulator_value=0.1, l1_regularization_strength=0.0,
                 l2_regularization_strength=0.0, use_locking=False, name="ProximalAdagrad"):  # fmt: skip
        if initial_accumulator_value <= 0.0:
            raise ValueError(f"initial_accumulator_value must be positive: {initial_accumulator_value}")
        super().__init__(use_locking, name)
        self._learning_rate, self._initial_accumulator_value = learning_rate, initial_accumulator_value
        self._l1_regularization_strength, self._l2_regularization_strength = (
            l1_regularization_strength,
            l2_regularization_strength,
        )

    def _create_slots(self, var_list):
        for v in var_list:
            self._filled_slot(v, self._initial_accumulator_value, "Const", "accumulator")
