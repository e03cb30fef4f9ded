"""tf.keras.optimizers.legacy: Keras 2's optimizers over TensorFlow's training ops."""

from __future__ import annotations

import numpy as np

from ..declare import export
from ..tensor import Tensor
from . import keras, training_ops
from . import keras_formulas as formulas
from .legacy_base import OptimizerV2

_of = formulas.from_training_op


def _public(name):
    def publish(cls):
        cls._fused = True
        getattr(keras, name)._legacy = cls
        v2 = f"keras.optimizers.legacy.{name} optimizers.legacy.{name}"
        return export(v2, v1=f"keras.optimizers.legacy.{name} keras.optimizers.{name}")(cls)

    return publish


class _BuiltIn(OptimizerV2):
    """`_config`: hyper-parameters in get_config; `_numbers`: plain attributes that are."""

    _config: tuple = ()

    def _start(self, learning_rate, kwargs, **hypers):
        self._set_hyper("learning_rate", learning_rate if kwargs.get("lr") is None else kwargs["lr"])
        self._set_hyper("decay", self._initial_decay)
        for k, v in hypers.items():
            self._set_hyper(k, v)

    def get_config(self):
        """The constructor's arguments."""
        config = {
            **super().get_config(),
            "learning_rate": self._serialize_hyperparameter("learning_rate"),
            "decay": self._initial_decay,
        }
        for k in self._config:
            config[k] = self._serialize_hyperparameter(k) if k in self._hyper else getattr(self, k)
        return config


_plain_sgd = _of(training_ops.gradient_descent, {"alpha": "learning_rate"})
_plain_sgd_rows = _of(training_ops.sparse_gradient_descent, {"alpha": "learning_rate"})
_plain_sgd_rows.adds_duplicates = True
_momentum = _of(training_ops.keras_momentum, {"lr": "learning_rate"})
_momentum_rows = _of(training_ops.sparse_keras_momentum, {"lr": "learning_rate"})


@_public("SGD")
class SGD(_BuiltIn):
    """m = momentum * m - lr * g; w += m.  Without momentum w -= lr * g."""

    _config = ("momentum", "nesterov")

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, name="SGD", **kwargs):
        super().__init__(name, **kwargs)
        given = isinstance(momentum, Tensor) or callable(momentum)
        if not given and not 0 <= momentum <= 1:
            raise ValueError(
                f"`momentum` must be between [0, 1]. Received: momentum={momentum} (of type {type(momentum)})."
            )
        self._momentum = given or momentum > 0
        self._start(learning_rate, kwargs, momentum=momentum)
        self.nesterov = nesterov

    def _formulas(self):
        return (_momentum, _momentum_rows) if self._momentum else (_plain_sgd, _plain_sgd_rows)

    def _statics(self):
        return (("use_nesterov", bool(self.nesterov)),) if self._momentum else ()

    def _create_slots(self, var_list):
        if self._momentum:
            for v in var_list:
                self.add_slot(v, "momentum")


_rms = {"lr": "learning_rate"}
_rms_formulas = (_of(training_ops.rms_prop, _rms), _of(training_ops.sparse_rms_prop, _rms))
_centered_formulas = (_of(training_ops.centered_rms_prop, _rms), _of(training_ops.sparse_centered_rms_prop, _rms))


@_public("RMSprop")
class RMSprop(_BuiltIn):
    """The mean square starts at zero; epsilon is inside the root with momentum, outside without."""

    _config, _numbers = ("rho", "momentum", "epsilon", "centered"), ("epsilon",)

    def __init__(
        self, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False, name="RMSprop", **kwargs
    ):
        super().__init__(name, **kwargs)
        given = isinstance(momentum, Tensor) or callable(momentum)
        if not given and not 0 <= momentum <= 1:
            raise ValueError(
                f"`momentum` must be between [0, 1]. Received: momentum={momentum} (of type {type(momentum)})."
            )
        self._momentum = given or momentum > 0
        self._start(learning_rate, kwargs, rho=rho, momentum=momentum)
        self.epsilon, self.centered = epsilon or 1e-7, centered

    def _formulas(self):
        if self._momentum:
            return _centered_formulas if self.centered else _rms_formulas
        return formulas.rmsprop_v2, formulas.rmsprop_v2_rows

    def _statics(self):
        return () if self._momentum else (("centered", bool(self.centered)),)

    def _create_slots(self, var_list):
        for name in ("rms", *(["momentum"] if self._momentum else []), *(["mg"] if self.centered else [])):
            for v in var_list:
                self.add_slot(v, name)

    def _slots_of(self, variable):
        order = (
            (*(["mg"] if self.centered else []), "rms", "momentum")
            if self._momentum
            else ("rms", *(["mg"] if self.centered else []))
        )
        return [self.get_slot(variable, s) for s in order]


_adam = {"beta1_power": "beta_1", "beta2_power": "beta_2", "lr": "learning_rate", "beta1": "beta_1", "beta2": "beta_2"}
_powers = ("beta1_power", "beta2_power")
_adam_formulas = (_of(training_ops.adam, _adam, _powers), _of(training_ops.sparse_adam, _adam, _powers))
_amsgrad_formulas = (_of(training_ops.amsgrad, _adam, _powers), _of(training_ops.sparse_amsgrad, _adam, _powers))


class _Moments(_BuiltIn):
    """What the Adam family shares."""

    _config, _numbers = ("beta_1", "beta_2", "epsilon"), ("epsilon",)

    def _create_slots(self, var_list):
        for name in ("m", "v"):
            for v in var_list:
                self.add_slot(v, name)


@_public("Adam")
class Adam(_Moments):
    """Adam; with amsgrad the largest mean square so far divides."""

    _config = ("beta_1", "beta_2", "epsilon", "amsgrad")

    def __init__(
        self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, name="Adam", **kwargs
    ):
        super().__init__(name, **kwargs)
        self._start(learning_rate, kwargs, beta_1=beta_1, beta_2=beta_2)
        self.epsilon, self.amsgrad = epsilon or 1e-7, amsgrad

    def _formulas(self):
        return _amsgrad_formulas if self.amsgrad else _adam_formulas

    def _create_slots(self, var_list):
        super()._create_slots(var_list)
        if self.amsgrad:
            for v in var_list:
                self.add_slot(v, "vhat")


@_public("Adamax")
class Adamax(_Moments):
    """Adam with the largest gradient instead of the mean square."""

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, name="Adamax", **kwargs):
        super().__init__(name, **kwargs)
        self._start(learning_rate, kwargs, beta_1=beta_1, beta_2=beta_2)
        self.epsilon = epsilon or 1e-7

    _formula = staticmethod(_of(training_ops.ada_max, _adam, _powers))
    _rows = staticmethod(_of(training_ops.row_wise(training_ops.ada_max), _adam, _powers))


def _advance_nadam(shared, exact, t, dtypes):
    """Keras 2 advances its cache for variables of the cache's dtype only; others see it as it was."""
    if shared[0].dtype not in dtypes:
        return shared, shared
    return [formulas.nadam_v2_product(formulas.Hypers({**exact, "u_product": shared[0]}, shared[0].dtype), t)], shared


@_public("Nadam")
class Nadam(_Moments):
    """Adam with Nesterov momentum on a schedule (Dozat 2016); `decay` is the schedule's."""

    _formula, _rows = staticmethod(formulas.nadam_v2), staticmethod(formulas.nadam_v2_rows)
    _advance, _shared_names = staticmethod(_advance_nadam), ("u_product",)

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, name="Nadam", **kwargs):
        from .schedules import LearningRateSchedule

        kwargs["decay"] = kwargs.pop("schedule_decay", 0.004)
        if isinstance(kwargs.get("lr", learning_rate), LearningRateSchedule):
            raise ValueError(
                "The Nadam optimizer does not support tf.keras.optimizers.LearningRateSchedules as the learning rate."
            )
        super().__init__(name, **kwargs)
        self._start(learning_rate, kwargs, beta_1=beta_1, beta_2=beta_2)
        self.epsilon, self._u_product = epsilon or 1e-7, None

    def _create_slots(self, var_list):
        if self._u_product is None:
            dtype = var_list[0].dtype.base_dtype
            self._u_product = self._variable(np.ones((), dtype.np), dtype, "momentum_cache")
            self._track_trackable(self._u_product, "momentum_cache")
            self._weights.append(self._u_product)
        super()._create_slots(var_list)


@_public("Adagrad")
class Adagrad(_BuiltIn):
    """w -= lr * g / (sqrt(sum of squares) + epsilon); the sum starts at 0.1."""

    _config, _numbers = ("initial_accumulator_value", "epsilon"), ("epsilon",)
    _formula = staticmethod(_of(training_ops.adagrad_v2, {"lr": "learning_rate"}))
    _rows = staticmethod(_of(training_ops.sparse_adagrad_v2, {"lr": "learning_rate"}))

    def __init__(self, learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7, name="Adagrad", **kwargs):
        if initial_accumulator_value < 0.0:
            raise ValueError(f"initial_accumulator_value must be non-negative: {initial_accumulator_value}")
        super().__init__(name, **kwargs)
        self._start(learning_rate, kwargs)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon or 1e-7

    def _create_slots(self, var_list):
        for v in var_list:
            self.add_slot(
                v, "accumulator", lambda shape, dtype: np.full(shape, self.initial_accumulator_value, dtype.np)
            )


@_public("Adadelta")
class Adadelta(_BuiltIn):
    """Steps scaled by the running size of earlier steps, times the learning rate (Zeiler 2012)."""

    _config, _numbers = ("rho", "epsilon"), ("epsilon",)
    _formula = staticmethod(_of(training_ops.adadelta, {"lr": "learning_rate"}))
    _rows = staticmethod(_of(training_ops.sparse_adadelta, {"lr": "learning_rate"}))

    def __init__(self, learning_rate=0.001, rho=0.95, epsilon=1e-7, name="Adadelta", **kwargs):
        super().__init__(name, **kwargs)
        self._start(learning_rate, kwargs, rho=rho)
        self.epsilon = epsilon or 1e-7

    def _create_slots(self, var_list):
        for name in ("accum_grad", "accum_var"):
            for v in var_list:
                self.add_slot(v, name)


def _ftrl_names(h):
    """beta acts as more l2."""
    more = {"adjusted_l2": h.l2_regularization_strength + h.beta / (2 * h.learning_rate)}
    name = "l2_shrinkage_regularization_strength"
    return formulas.Hypers({**h._exact, **more, name: h.cast(name)}, h._dtype)


def _ftrl_formula(op):
    inner = _of(op, { "lr": "learning_rate", "l1": "l1_regularization_strength", "l2": "adjusted_l2",
                "lr_power": "learning_rate_power",
                "l2_shrinkage": "l2_shrinkage_regularization_strength"})  # fmt: skip
    return lambda h, *args, **settings: inner(_ftrl_names(h), *args, **settings)


_ftrl_formulas = (_ftrl_formula(training_ops.ftrl), _ftrl_formula(training_ops.sparse_ftrl))
_shrinking_formulas = (_ftrl_formula(training_ops.ftrl_v2), _ftrl_formula(training_ops.sparse_ftrl_v2))


@_public("Ftrl")
class Ftrl(_BuiltIn):
    """Follow the regularised leader (McMahan et al. 2013)."""

    _config = ("initial_accumulator_value", "learning_rate_power", "l1_regularization_strength",
               "l2_regularization_strength", "beta", "l2_shrinkage_regularization_strength", )  # fmt: skip
    _numbers = ("l2_shrinkage_regularization_strength",)

    def __init__(self, learning_rate=0.001, learning_rate_power=-0.5, initial_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0, name="Ftrl",
                 l2_shrinkage_regularization_strength=0.0, beta=0.0, **kwargs):  # fmt: skip
        super().__init__(name, **kwargs)
        for k, v in (("initial_accumulator_value", initial_accumulator_value), ("l1_regularization_strength",
                     l1_regularization_strength), ("l2_regularization_strength", l2_regularization_strength),
                     ("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength)):  # fmt: skip
            if v < 0.0:
                raise ValueError(f"`{k}` needs to be positive or zero. Received: {k}={v}.")
        if learning_rate_power > 0.0:
            raise ValueError(
                f"`learning_rate_power` needs to be negative or zero. Received: "
                f"learning_rate_power={learning_rate_power}."
            )
        self._start(learning_rate, kwargs, learning_rate_power=learning_rate_power,
                    l1_regularization_strength=l1_regularization_strength,
                    l2_regularization_strength=l2_regularization_strength, beta=beta)  # fmt: skip
        self._initial_accumulator_value = initial_accumulator_value
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength

    initial_accumulator_value = property(lambda self: self._initial_accumulator_value)

    def _formulas(self):
        return _shrinking_formulas if self.l2_shrinkage_regularization_strength > 0 else _ftrl_formulas

    def _create_slots(self, var_list):
        for v in var_list:
            self.add_slot(
                v, "accumulator", lambda shape, dtype: np.full(shape, self._initial_accumulator_value, dtype.np)
            )
            self.add_slot(v, "linear")
