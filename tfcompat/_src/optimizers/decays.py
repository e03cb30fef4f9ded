"""tf.train's learning-rate decay functions: in a graph the rate's tensor, eagerly a function that gives it for the
step.
"""

from __future__ import annotations

import functools
import math

from .. import record
from ..declare import OPS, export
from ..graph import context
from ..tensor import Tensor
from .base import is_variable
from .schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    LinearCosineDecay,
    NoisyLinearCosineDecay,
    PolynomialDecay,
    piecewise,
)


def _now_or_later(schedule, global_step):
    """In a graph the tensor of the rate; eagerly a function that gives it for the step as it is when called."""
    if global_step is None:
        raise ValueError("global_step is required for " + type(schedule).__name__.lower())
    return functools.partial(schedule, global_step) if context.graph is None else schedule(global_step)


@export("", v1="train.exponential_decay")
def exponential_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """learning_rate * decay_rate ** (global_step / decay_steps)."""
    return _now_or_later(ExponentialDecay(learning_rate, decay_steps, decay_rate, staircase, name), global_step)


@export("", v1="train.natural_exp_decay")
def natural_exp_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """learning_rate * exp(-decay_rate * global_step / decay_steps)."""
    if isinstance(decay_rate, Tensor) or is_variable(decay_rate):
        rate = OPS["Exp"].public(-record.convert_to_tensor(decay_rate))
    else:
        rate = math.exp(-decay_rate)
    return _now_or_later(
        ExponentialDecay(learning_rate, decay_steps, rate, staircase, name or "ExponentialDecay"), global_step
    )


@export("", v1="train.inverse_time_decay")
def inverse_time_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """learning_rate / (1 + decay_rate * global_step / decay_steps)."""
    return _now_or_later(InverseTimeDecay(learning_rate, decay_steps, decay_rate, staircase, name), global_step)


@export("", v1="train.polynomial_decay")
def polynomial_decay(
    learning_rate, global_step, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False, name=None
):
    """See PolynomialDecay."""
    return _now_or_later(
        PolynomialDecay(learning_rate, decay_steps, end_learning_rate, power, cycle, name), global_step
    )


@export("", v1="train.piecewise_constant train.piecewise_constant_decay")
def piecewise_constant(x, boundaries, values, name=None):
    """values[i] up to and with boundaries[i]; ValueError where counts or dtypes do not fit."""
    if len(boundaries) != len(values) - 1:
        raise ValueError("The length of boundaries should be 1 less than the length of values")
    if context.graph is None:
        return functools.partial(piecewise, x, boundaries, values, name)
    return piecewise(x, boundaries, values, name)


@export("", v1="train.cosine_decay")
def cosine_decay(learning_rate, global_step, decay_steps, alpha=0.0, name=None):
    """See CosineDecay."""
    return _now_or_later(CosineDecay(learning_rate, decay_steps, alpha, name), global_step)


@export("", v1="train.cosine_decay_restarts")
def cosine_decay_restarts(learning_rate, global_step, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name=None):
    """See CosineDecayRestarts."""
    return _now_or_later(CosineDecayRestarts(learning_rate, first_decay_steps, t_mul, m_mul, alpha, name), global_step)


@export("", v1="train.linear_cosine_decay")
def linear_cosine_decay(learning_rate, global_step, decay_steps, num_periods=0.5, alpha=0.0, beta=0.001, name=None):
    """See LinearCosineDecay."""
    return _now_or_later(LinearCosineDecay(learning_rate, decay_steps, num_periods, alpha, beta, name), global_step)


@export("", v1="train.noisy_linear_cosine_decay")
def noisy_linear_cosine_decay(learning_rate, global_step, decay_steps, initial_variance=1.0,
                              variance_decay=0.55, num_periods=0.5, alpha=0.0, beta=0.001, name=None):  # fmt: skip
    """See NoisyLinearCosineDecay."""
    made = NoisyLinearCosineDecay(
        learning_rate, decay_steps, initial_variance, variance_decay, num_periods, alpha, beta,
        name or "NoisyLinearCosineDecay",
    )  # fmt: skip
    return _now_or_later(made, global_step)
