"""tf.keras.optimizers: Keras 3's optimizers, each a formula (keras_formulas.py) with its hyper-parameters and slots."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..declare import export
from . import keras_formulas as formulas
from .keras_base import Optimizer
from .keras_state import auto_name


def _public(name):
    return export(f"keras.optimizers.{name} optimizers.{name} keras.optimizers.experimental.{name}", v1="")


class _BuiltIn(Optimizer):
    """A formula optimizer: `_hypers` are its numbers, `_statics` what shapes the formula; both are arguments."""

    _fused = True
    _statics: tuple = ()

    def _keep(self, **values):
        for k, v in values.items():
            setattr(self, k, v)

    def _settings_of(self, variable):
        return tuple([(k, getattr(self, k)) for k in self._statics])

    def _plan_settings(self):
        return tuple([getattr(self, k) for k in self._statics])

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), **{k: getattr(self, k) for k in (*self._hypers, *self._statics)}}


@_public("SGD")
class SGD(_BuiltIn):
    """m = momentum * m - lr * g; w += m.  Without momentum w -= lr * g."""

    _formula, _statics = staticmethod(formulas.sgd), ("nesterov",)

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None,
                 name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
                         ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
                         name, **kwargs)  # fmt: skip
        if isinstance(momentum, (int, float)) and not 0 <= momentum <= 1:
            raise ValueError("`momentum` must be a float between [0, 1].")
        self._keep(momentum=momentum, nesterov=nesterov)

    @property
    def _hypers(self):
        return ("momentum",)

    def _groups_of(self):
        return [("momentum", "zeros")] if self.momentum != 0 else []


@_public("RMSprop")
class RMSprop(_BuiltIn):
    """w -= lr * g / sqrt(mean square + epsilon), the mean square starting at zero."""

    _formula, _hypers, _statics = staticmethod(formulas.rmsprop), ("rho", "momentum", "epsilon"), ("centered",)

    def __init__(self, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False,
                 weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False,
                 ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
                 gradient_accumulation_steps=None, name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
                         ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
                         name, **kwargs)  # fmt: skip
        self._keep(rho=rho, momentum=momentum, epsilon=epsilon, centered=centered)

    def _settings_of(self, variable):
        return (("momentum", self.momentum > 0), ("centered", bool(self.centered)))

    def _groups_of(self):
        more = [("momentum", "zeros")] if self.momentum > 0 else []
        return [("velocity", "zeros"), *more, *([("average_gradient", "zeros")] if self.centered else [])]


class _Moments(_BuiltIn):
    """What the Adam family shares."""

    _hypers = ("beta_1", "beta_2", "epsilon")
    _groups = ((("momentum", "velocity"), "zeros"),)

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=None,
                 clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None,
                 name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
                         ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
                         name, **kwargs)  # fmt: skip
        self._keep(beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)


@_public("Adam")
class Adam(_Moments):
    """Adam with the bias correction in the learning rate and epsilon outside the root; amsgrad keeps the largest mean
    square.
    """

    _formula, _statics = staticmethod(formulas.adam), ("amsgrad",)

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False,
                 weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False,
                 ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
                 gradient_accumulation_steps=None, name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, beta_1, beta_2, epsilon, weight_decay, clipnorm, clipvalue,
                         global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
                         gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.amsgrad = amsgrad

    def _groups_of(self):
        return [*self._groups, *([("velocity_hat", "zeros")] if self.amsgrad else [])]


@_public("AdamW")
class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov & Hutter 2017)."""

    def __init__(self, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-7,
                 amsgrad=False, clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False,
                 ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
                 gradient_accumulation_steps=None, name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue,
                         global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
                         gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        if weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float. Received: weight_decay=None")


@_public("Adamax")
class Adamax(_Moments):
    """Adam with the largest gradient instead of the mean square."""

    _formula, _groups = staticmethod(formulas.adamax), ((("momentum", "norm"), "zeros"),)


def _advance_nadam(shared, exact, t, dtypes):
    new = [formulas.nadam_product(shared[0], exact["beta_1"], t)]
    return new, new


@_public("Nadam")
class Nadam(_Moments):
    """Adam with Nesterov momentum on a schedule (Dozat 2016)."""

    _formula, _shared_names, _advance = staticmethod(formulas.nadam), ("u_product",), staticmethod(_advance_nadam)

    def _build_slots(self, variables):
        super()._build_slots(variables)
        dtype = variables[0].dtype.base_dtype if variables else dtypes.float32
        self._u_product = self._new_variable(np.ones((), dtype.np), dtype, auto_name("variable"))


@_public("Adagrad")
class Adagrad(_BuiltIn):
    """w -= lr * g / sqrt(sum of squares + epsilon); the sum starts at 0.1."""

    _formula, _hypers = staticmethod(formulas.adagrad), ("epsilon",)

    def __init__(self, learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7, weight_decay=None,
                 clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None,
                 name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
                         ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
                         name, **kwargs)  # fmt: skip
        self._keep(initial_accumulator_value=initial_accumulator_value, epsilon=epsilon)

    def _groups_of(self):
        return [("accumulator", float(self.initial_accumulator_value))]

    def get_config(self):
        """The constructor's arguments."""
        config = super().get_config()
        epsilon = config.pop("epsilon")
        return {**config, "initial_accumulator_value": self.initial_accumulator_value, "epsilon": epsilon}


@_public("Adadelta")
class Adadelta(_BuiltIn):
    """Steps scaled by the running size of earlier steps, times the learning rate (Zeiler 2012)."""

    _formula, _hypers = staticmethod(formulas.adadelta), ("rho", "epsilon")
    _groups = ((("accumulated_grad", "accumulated_delta_var"), "zeros"),)

    def __init__(self, learning_rate=0.001, rho=0.95, epsilon=1e-7, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None,
                 name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
                         ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
                         name, **kwargs)  # fmt: skip
        self._keep(rho=rho, epsilon=epsilon)


@_public("Ftrl")
class Ftrl(_BuiltIn):
    """Follow the regularised leader (McMahan et al. 2013)."""

    _formula = staticmethod(formulas.ftrl)
    _hypers = ("learning_rate_power", "l1_regularization_strength", "l2_regularization_strength",
               "l2_shrinkage_regularization_strength", "beta", )  # fmt: skip

    def __init__(self, learning_rate=0.001, learning_rate_power=-0.5, initial_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0,
                 l2_shrinkage_regularization_strength=0.0, beta=0.0, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None,
                 name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
                         ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
                         name, **kwargs)  # fmt: skip
        if initial_accumulator_value < 0.0:
            raise ValueError(
                "`initial_accumulator_value` needs to be positive or zero. Received: "
                f"initial_accumulator_value={initial_accumulator_value}."
            )
        if learning_rate_power > 0.0:
            raise ValueError(
                f"`learning_rate_power` needs to be negative or zero. Received: "
                f"learning_rate_power={learning_rate_power}."
            )
        strengths = dict(l1_regularization_strength=l1_regularization_strength,
                         l2_regularization_strength=l2_regularization_strength,
                         l2_shrinkage_regularization_strength=l2_shrinkage_regularization_strength, )  # fmt: skip
        for k, v in strengths.items():
            if v < 0.0:
                raise ValueError(f"`{k}` needs to be positive or zero. Received: {k}={v}.")
        self._keep(
            learning_rate_power=learning_rate_power,
            initial_accumulator_value=initial_accumulator_value,
            beta=beta,
            **strengths,
        )

    def _groups_of(self):
        return [("accumulator", float(self.initial_accumulator_value)), ("linear", "zeros")]

    def _build_slots(self, variables):
        fills = [float(self.initial_accumulator_value), "zeros"]
        self.add_optimizer_variables(variables, ["accumulator", "linear"], fills)

    def get_config(self):
        """The constructor's arguments."""
        config = super().get_config()
        power = config.pop("learning_rate_power")
        own = {k: config.pop(k) for k in self._hypers if k in config}
        start = {"learning_rate_power": power, "initial_accumulator_value": self.initial_accumulator_value}
        return {**config, **start, **own}


@_public("Lion")
class Lion(_BuiltIn):
    """w -= lr * sign of a mixture of gradient and momentum (Chen et al. 2023)."""

    _formula, _hypers, _groups = staticmethod(formulas.lion), ("beta_1", "beta_2"), (("momentum", "zeros"),)

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.99, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None,
                 name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
                         ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
                         name, **kwargs)  # fmt: skip
        if beta_1 <= 0 or beta_1 > 1:
            raise ValueError(
                "Argument `beta_1` must be in the [0, 1] range. Otherwise, the optimizer degenerates to SignSGD. "
                "Received: "
                f"beta_1={beta_1}."
            )
        self._keep(beta_1=beta_1, beta_2=beta_2)


@_public("Adafactor")
class Adafactor(_BuiltIn):
    """Adam's mean square kept as rows and columns (Shazeer & Stern 2018)."""

    _formula = staticmethod(formulas.adafactor)
    _hypers, _statics = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold"), ("relative_step",)

    def __init__(self, learning_rate=0.001, beta_2_decay=-0.8, epsilon_1=1e-30, epsilon_2=1e-3,
                 clip_threshold=1.0, relative_step=True, weight_decay=None, clipnorm=None, clipvalue=None,
                 global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
                         ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
                         name, **kwargs)  # fmt: skip
        self._keep(beta_2_decay=beta_2_decay, epsilon_1=epsilon_1, epsilon_2=epsilon_2, clip_threshold=clip_threshold)
        self.relative_step = relative_step

    def _settings_of(self, variable):
        fixed = not callable(self._learning_rate) or hasattr(self._learning_rate, "assign")
        return (("relative_step", bool(self.relative_step and fixed)),)

    def _build_slots(self, variables):
        for v in variables:
            shape = v.shape.as_list()
            name = v.name.partition(":")[0]
            parts = ([], []) if len(shape) < 2 else (shape[:-1], shape[:-2] + shape[-1:])
            for key, part in zip(("r", "c"), parts, strict=True):
                dtype = v.dtype if len(shape) >= 2 else dtypes.int32  # a vector's are never used; Keras makes them so
                self._slots.setdefault(key, {})[id(v)] = self.add_variable(part, dtype=dtype, name=name)
            self._slots.setdefault("velocity", {})[id(v)] = self.add_variable_from_reference(v, "velocity")

    def _slots_of(self, variable):
        return [self.get_slot(variable, k) for k in ("r", "c", "velocity")]


@_public("Lamb")
class Lamb(_Moments):
    """Adam's step scaled to the size of each variable (You et al. 2019)."""

    _formula = staticmethod(formulas.lamb)
