"""Learning-rate schedules: one op per formula, tf.keras.optimizers.schedules' classes and tf.train's decay functions
over them.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from .. import dtypes, record
from ..declare import NAMES, export, op, publish
from ..tensor import Tensor
from .base import is_variable


# -- formulas: step and the rest are cast to the learning rate's dtype ------------------------------------------------
def _like(rate, *others):
    return [o.astype(rate.dtype) for o in others]


def _over(a, b):
    """a / b, rounded as a division is: XLA multiplies by the reciprocal of a constant and may fuse what follows."""
    wide = jax.dtypes.canonicalize_dtype(jnp.float64)  # float32 in a user's own JAX code
    return (a.astype(wide) / b.astype(wide)).astype(a.dtype)


def _rounds(step, length):
    """How many times `length` has gone by at `step`, whole: a quotient a last digit too small would be a round late."""
    n = jnp.floor(_over(step, length))
    return n + ((n + 1) * length <= step) - (n * length > step)


@op("ExponentialDecay", alike=False)
def exponential_decay_op(learning_rate, step, decay_steps, decay_rate, *, staircase=False):
    step, decay_steps, decay_rate = _like(learning_rate, step, decay_steps, decay_rate)
    p = _rounds(step, decay_steps) if staircase else _over(step, decay_steps)
    return learning_rate * decay_rate**p


@op("InverseTimeDecay", alike=False)
def inverse_time_decay_op(learning_rate, step, decay_steps, decay_rate, *, staircase=False):
    step, decay_steps, decay_rate = _like(learning_rate, step, decay_steps, decay_rate)
    p = _rounds(step, decay_steps) if staircase else _over(step, decay_steps)
    return learning_rate / (1 + decay_rate * p)


@op("PolynomialDecay", alike=False)
def polynomial_decay_op(learning_rate, step, decay_steps, end_learning_rate, power, *, cycle=False):
    step, decay_steps, end, power = _like(learning_rate, step, decay_steps, end_learning_rate, power)
    if cycle:  # the first step belongs to the first round
        n = _rounds(step, decay_steps)
        decay_steps = decay_steps * jnp.where(step == 0, 1, n + (n * decay_steps < step))
    else:
        step = jnp.minimum(step, decay_steps)
    left = jnp.maximum(1 - _over(step, decay_steps), 0)  # below zero by a rounding, a root would be NaN
    return (learning_rate - end) * left**power + end


@op("CosineDecay", alike=False)
def cosine_decay_op(learning_rate, step, decay_steps, alpha, target=None, warmup_steps=None):
    """With a warm-up target: a line up to it first, then the cosine from there."""
    step, decay_steps, alpha = _like(learning_rate, step, decay_steps, alpha)
    if target is None:
        return _cosine(learning_rate, jnp.minimum(step, decay_steps), decay_steps, alpha)
    target, warmup = _like(learning_rate, target, warmup_steps)
    step = jnp.minimum(step, decay_steps + warmup)
    rising = (target - learning_rate) * (step / jnp.where(warmup > 0, warmup, 1)) + learning_rate
    return jnp.where(step < warmup, rising, _cosine(target, step - warmup, decay_steps, alpha))


def _cosine(rate, step, decay_steps, alpha):
    return ((1 - alpha) * (0.5 * (1 + jnp.cos(math.pi * _over(step, decay_steps)))) + alpha) * rate


@op("SGDRDecay", alike=False)
def cosine_decay_restarts_op(learning_rate, step, first_decay_steps, t_mul, m_mul, alpha):
    """Rounds grow by t_mul, so the round is a logarithm of the progress; equal rounds (t_mul 1) are counted plainly."""
    step, first, t_mul, m_mul, alpha = _like(learning_rate, step, first_decay_steps, t_mul, m_mul, alpha)
    done, even = _over(step, first), t_mul == 1
    t = jnp.where(even, 2, t_mul)
    i = jnp.where(even, _rounds(step, first), jnp.floor(jnp.log(1 - done * (1 - t)) / jnp.log(t)))
    part = jnp.where(even, done - i, (done - (1 - t**i) / (1 - t)) / t**i)
    return learning_rate * ((1 - alpha) * (0.5 * m_mul**i * (1 + jnp.cos(math.pi * part))) + alpha)


@op("LinearCosineDecay", alike=False)
def linear_cosine_decay_op(learning_rate, step, decay_steps, num_periods, alpha, beta, noise=None):
    """`noise` is added to the linear part (the noisy form)."""
    step, decay_steps, periods, alpha, beta = _like(learning_rate, step, decay_steps, num_periods, alpha, beta)
    step = jnp.minimum(step, decay_steps)
    linear = _over(decay_steps - step, decay_steps)
    if noise is not None:
        linear = linear + noise.astype(learning_rate.dtype)
    cosine = 0.5 * (1 + jnp.cos(math.pi * (2 * periods * _over(step, decay_steps))))
    return learning_rate * ((alpha + linear) * cosine + beta)


@op("DecayNoise", alike=False)
def decay_noise_op(normal, step, decay_steps, initial_variance, variance_decay):
    step, decay_steps, variance, decay = _like(normal, step, decay_steps, initial_variance, variance_decay)
    return normal * jnp.sqrt(variance / (1 + jnp.minimum(step, decay_steps)) ** decay)


@op("PiecewiseConstant", alike=False)
def piecewise_constant_op(*x):
    """(x, boundaries..., values...): the value whose interval (boundary before, boundary] holds x."""
    n = (len(x) - 2) // 2
    place, value = x[0], x[-1]
    for boundary, below in zip(reversed(x[1 : n + 1]), reversed(x[n + 1 : -1]), strict=True):
        value = jnp.where(place <= boundary.astype(place.dtype), below, value)
    return value


def _call(op_function, inputs, settings, name, default):
    """Records a schedule's op: the rate decides the dtype, the others keep theirs."""
    tensors = [None if v is None else record.convert_to_tensor(v() if _is_thunk(v) else v) for v in inputs]
    rate = tensors[0]
    if not rate.dtype.is_floating:
        from ..ops.core import cast

        tensors[0] = cast(rate, dtypes.float32)
    return record.call(op_function.op, tensors, settings, name, default)


def _is_thunk(value):
    return callable(value) and not isinstance(value, Tensor) and not is_variable(value)


# -- tf.keras.optimizers.schedules ------------------------------------------------------------------------------------
_SCHEDULES: dict = {}


@export("keras.optimizers.schedules.LearningRateSchedule optimizers.schedules.LearningRateSchedule")
class LearningRateSchedule:
    """Base class: `__call__(step)` gives the learning rate of a step; `get_config` what the constructor needs."""

    def __call__(self, step):
        raise NotImplementedError(
            f"Learning rate schedule '{self.__class__.__name__}' must override `__call__(self, step)`."
        )

    def get_config(self):
        """The constructor's arguments."""
        raise NotImplementedError(
            f"Learning rate schedule '{self.__class__.__name__}' must override `get_config()` in order to be "
            f"serializable."
        )

    def at(self, step):
        """The rate of a step as a JAX value, for JAX code."""
        raise NotImplementedError(
            f"{type(self).__name__} computes with TensorFlow's operations; give it an `at(step)` in JAX's"
        )

    @classmethod
    def from_config(cls, config):
        """A schedule from what `get_config` gave."""
        return cls(**config)


def _schedule(names):
    def publish_class(cls):
        _SCHEDULES[cls.__name__] = cls
        publish(
            cls,
            " ".join(f"{p}.{n}" for n in names.split() for p in ("keras.optimizers.schedules", "optimizers.schedules")),
        )
        return cls

    return publish_class


class _Table(LearningRateSchedule):
    """A schedule that is one op: `_parts(step)` gives (op, inputs, settings), the constructor's arguments are
    `_fields`.
    """

    _fields: tuple = ()

    def __call__(self, step):
        made, inputs, settings = self._parts(step)
        return _call(made, inputs, settings, self.name, made.op.name)

    def at(self, step):
        """The rate of a step as a JAX value, for JAX code."""
        made, inputs, settings = self._parts(step)
        return made.op.kernel(
            *[None if v is None else jnp.asarray(v, None if v is step else jnp.float32) for v in inputs],
            **(settings or {}),
        )

    def get_config(self):
        """The constructor's arguments."""
        return {k: getattr(self, k) for k in (*self._fields, "name")}


@_schedule("ExponentialDecay")
class ExponentialDecay(_Table):
    """initial_learning_rate * decay_rate ** (step / decay_steps); staircase takes whole powers."""

    _fields = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase")

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="ExponentialDecay"):
        _positive(decay_steps)
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name

    def _parts(self, step):
        inputs = (self.initial_learning_rate, step, self.decay_steps, self.decay_rate)
        return exponential_decay_op, inputs, {"staircase": bool(self.staircase)}


@_schedule("InverseTimeDecay")
class InverseTimeDecay(_Table):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps)."""

    _fields = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase")

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="InverseTimeDecay"):
        _positive(decay_steps)
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name

    def _parts(self, step):
        inputs = (self.initial_learning_rate, step, self.decay_steps, self.decay_rate)
        return inverse_time_decay_op, inputs, {"staircase": bool(self.staircase)}


@_schedule("PolynomialDecay")
class PolynomialDecay(_Table):
    """From the initial to the end rate along (1 - step / decay_steps) ** power; with cycle the span stretches again
    and again.
    """

    _fields = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle")

    def __init__(
        self,
        initial_learning_rate,
        decay_steps,
        end_learning_rate=0.0001,
        power=1.0,
        cycle=False,
        name="PolynomialDecay",
    ):
        _positive(decay_steps)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power, self.cycle, self.name = end_learning_rate, power, cycle, name

    def _parts(self, step):
        inputs = (self.initial_learning_rate, step, self.decay_steps, self.end_learning_rate, self.power)
        return polynomial_decay_op, inputs, {"cycle": bool(self.cycle)}


@_schedule("PiecewiseConstantDecay")
class PiecewiseConstantDecay(_Table):
    """values[i] up to and with boundaries[i]; ValueError unless there is one more value than boundaries."""

    _fields = ("boundaries", "values")

    def __init__(self, boundaries, values, name="PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "The length of boundaries should be 1 less than the length of values. Received: "
                f"boundaries={boundaries} of length {len(boundaries)}, and values={values} of length {len(values)}."
            )
        self.boundaries, self.values, self.name = boundaries, values, name

    def __call__(self, step):
        return piecewise(step, self.boundaries, self.values, self.name, cast_boundaries=True)

    def at(self, step):
        """The rate of a step as a JAX value, for JAX code."""
        return piecewise_constant_op.op.kernel(*[jnp.asarray(v) for v in (step, *self.boundaries, *self.values)])


def piecewise(x, boundaries, values, name, cast_boundaries=False):
    """The piecewise constant at `x`; boundaries of another dtype are cast where asked, else only int32 is widened to int64."""
    x = record.convert_to_tensor(x() if _is_thunk(x) else x)
    edges = [record.convert_to_tensor(b) for b in boundaries]
    for b in edges:
        kinds = (b.dtype.base_dtype, x.dtype.base_dtype)
        if not cast_boundaries and kinds[0] is not kinds[1] and kinds != (dtypes.int32, dtypes.int64):
            raise ValueError(f"Boundaries ({kinds[0]!r}) must have the same dtype as x ({kinds[1]!r}).")
    levels = [record.convert_to_tensor(v) for v in values]
    for v in levels[1:]:
        if v.dtype.base_dtype is not levels[0].dtype.base_dtype:
            raise ValueError(
                f"Values must have elements all with the same dtype ({levels[0].dtype.base_dtype} vs "
                f"{v.dtype.base_dtype})."
            )
    return record.call(piecewise_constant_op.op, [x, *edges, *levels], None, name, "PiecewiseConstant")


@_schedule("CosineDecay")
class CosineDecay(_Table):
    """Half a cosine from the initial rate to alpha times it; `warmup_target` puts a linear warm-up before it."""

    _fields = ("initial_learning_rate", "decay_steps", "alpha")

    def __init__(
        self, initial_learning_rate, decay_steps, alpha=0.0, name="CosineDecay", warmup_target=None, warmup_steps=0
    ):
        _positive(decay_steps)
        self.initial_learning_rate, self.decay_steps, self.alpha, self.name = (
            initial_learning_rate,
            decay_steps,
            alpha,
            name,
        )
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def _parts(self, step):
        warm = (None, None) if self.warmup_target is None else (self.warmup_target, self.warmup_steps)
        return cosine_decay_op, (self.initial_learning_rate, step, self.decay_steps, self.alpha, *warm), None

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "warmup_target": self.warmup_target, "warmup_steps": self.warmup_steps}


@_schedule("CosineDecayRestarts")
class CosineDecayRestarts(_Table):
    """Cosines one after the other, each t_mul times as long and m_mul times as high (Loshchilov & Hutter 2016)."""

    _fields = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha")

    def __init__(self, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name="SGDRDecay"):
        _positive(first_decay_steps, "first_decay_steps")
        self.initial_learning_rate, self.first_decay_steps = initial_learning_rate, first_decay_steps
        self.t_mul, self.m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name
        self._t_mul, self._m_mul = t_mul, m_mul

    def _parts(self, step):
        inputs = (self.initial_learning_rate, step, self.first_decay_steps, self.t_mul, self.m_mul, self.alpha)
        return cosine_decay_restarts_op, inputs, None


class LinearCosineDecay(_Table):
    """A cosine on a falling line (Bello et al. 2017)."""

    _fields = ("initial_learning_rate", "decay_steps", "num_periods", "alpha", "beta")

    def __init__(
        self, initial_learning_rate, decay_steps, num_periods=0.5, alpha=0.0, beta=0.001, name="LinearCosineDecay"
    ):
        self.initial_learning_rate, self.decay_steps, self.num_periods = initial_learning_rate, decay_steps, num_periods
        self.alpha, self.beta, self.name = alpha, beta, name

    def _parts(self, step):
        inputs = (self.initial_learning_rate, step, self.decay_steps, self.num_periods, self.alpha, self.beta)
        return linear_cosine_decay_op, inputs, None


class NoisyLinearCosineDecay(LinearCosineDecay):
    """The same with normal noise on the line, of falling variance."""

    _fields = (
        "initial_learning_rate",
        "decay_steps",
        "initial_variance",
        "variance_decay",
        "num_periods",
        "alpha",
        "beta",
    )

    def __init__(self, initial_learning_rate, decay_steps, initial_variance=1.0, variance_decay=0.55,
                 num_periods=0.5, alpha=0.0, beta=0.001, name="NoisyLinearCosineDecay"):  # fmt: skip
        super().__init__(initial_learning_rate, decay_steps, num_periods, alpha, beta, name)
        self.initial_variance, self.variance_decay = initial_variance, variance_decay

    def _parts(self, step):
        normal = NAMES["v1"]["random_normal"](())
        noise = _call(
            decay_noise_op,
            (normal, step, self.decay_steps, self.initial_variance, self.variance_decay),
            None,
            None,
            "noise",
        )
        inputs = (self.initial_learning_rate, step, self.decay_steps, self.num_periods, self.alpha, self.beta, noise)
        return linear_cosine_decay_op, inputs, None

    def at(self, step):
        """Not possible: the noise is TensorFlow's random stream."""
        raise NotImplementedError(
            "NoisyLinearCosineDecay draws from TensorFlow's random stream and cannot be evaluated in JAX code"
        )


for _cls in (CosineDecay, CosineDecayRestarts, LinearCosineDecay, NoisyLinearCosineDecay):
    _SCHEDULES[_cls.__name__] = publish(_cls, f"keras.experimental.{_cls.__name__}")


def _positive(steps, name="decay_steps"):
    if isinstance(steps, (int, float)) and steps <= 0:
        raise ValueError(f"Argument `{name}` must be > 0. Received: {name}={steps}")


@export("keras.optimizers.schedules.serialize optimizers.schedules.serialize")
def serialize(learning_rate_schedule):
    """A schedule as a dictionary that `deserialize` takes."""
    cls = type(learning_rate_schedule)
    known = _SCHEDULES.get(cls.__name__) is cls
    return {
        "module": "keras.optimizers.schedules" if known else cls.__module__, "class_name": cls.__name__,
        "config": learning_rate_schedule.get_config(), "registered_name": None if known else cls.__name__,
    }  # fmt: skip


@export("keras.optimizers.schedules.deserialize optimizers.schedules.deserialize")
def deserialize(config, custom_objects=None):
    """The schedule of a dictionary from `serialize`; ValueError for an unknown class."""
    name = config["class_name"]
    cls = (custom_objects or {}).get(name) or _SCHEDULES.get(name)
    if cls is None:
        raise ValueError(
            f"Unknown learning rate schedule: {name!r}. Known are {sorted(_SCHEDULES)}; pass others in custom_objects."
        )
    return cls.from_config(config["config"])
