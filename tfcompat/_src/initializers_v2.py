"""TF2's initializers (tf.initializers, tf.keras.initializers) and how they are found by name."""

from __future__ import annotations

import math

import numpy as np

from . import dtypes
from .declare import NAMES, export, publish
from .initializers import (
    V2,
    _check_value,
    _Identity,
    _Ones,
    _Orthogonal,
    _RandomNormal,
    _RandomUniform,
    _shape,
    _TruncatedNormal,
    _VarianceScaling,
    _Zeros,
)
from .ops import core


def _v2(names, *own):
    spelled = [f"{space}.{n}" for n in names.split() for space in ("initializers", "keras.initializers")]
    return export(" ".join([*own, *spelled]), v1="")


@_v2("Zeros zeros", "zeros_initializer")
class Zeros(_Zeros, V2):
    """Zeros."""


@_v2("Ones ones", "ones_initializer")
class Ones(_Ones, V2):
    """Ones."""


@export("constant_initializer", v1="")
class Constant(V2):
    """A value, or an array with as many values as the shape has elements."""

    _config = ("value",)

    def __init__(self, value=0, support_partition=False):
        self.value, self._partitioned = _check_value(value, V2), support_partition

    def __call__(self, shape, dtype=None, **kwargs):
        if kwargs:
            return super().__call__(shape, dtype, **kwargs)
        return self._make(shape, None if dtype is None else dtypes.as_dtype(dtype), shape)

    def _make(self, shape, dtype, full):
        wanted, size = math.prod(_shape(full)), np.size(self.value)
        if size not in (1, wanted):  # TF1's tf.constant repeats the last value, TF2's refuses
            raise TypeError(
                f"Eager execution of tf.constant with unsupported shape. Tensor {np.asarray(self.value)} (converted "
                f"from {self.value}) has {size} elements, but got `shape` {_shape(full)} with {wanted} elements)."
            )
        return core.make_const(self.value, dtype, full)


@_v2("Constant constant")
class KerasConstant(Constant):
    """A value, float32 unless asked otherwise."""

    def __init__(self, value=0.0):
        super().__init__(value)

    def __call__(self, shape, dtype=None, **kwargs):
        return super().__call__(shape, dtypes.float32 if dtype is None else dtype, **kwargs)


@_v2("RandomUniform random_uniform", "random_uniform_initializer")
class RandomUniform(_RandomUniform, V2):
    """Numbers evenly distributed in [minval, maxval)."""

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        self.minval, self.maxval, self.seed = minval, maxval, seed


@_v2("RandomNormal random_normal", "random_normal_initializer")
class RandomNormal(_RandomNormal, V2):
    """Normally distributed numbers."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        self.mean, self.stddev, self.seed = mean, stddev, seed


@_v2("TruncatedNormal truncated_normal")
class TruncatedNormal(_TruncatedNormal, V2):
    """Normally distributed numbers, redrawn beyond two standard deviations."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        self.mean, self.stddev, self.seed = mean, stddev, seed


@_v2("VarianceScaling variance_scaling")
class VarianceScaling(_VarianceScaling, V2):
    """Numbers of variance scale / fan, see `fans`."""

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None):
        distribution = "truncated_normal" if distribution.lower() == "normal" else distribution
        self._check(scale, mode, distribution, "('uniform', 'truncated_normal', 'untruncated_normal')")
        self.seed = seed


@_v2("Orthogonal orthogonal OrthogonalInitializer")
class Orthogonal(_Orthogonal, V2):
    """A random orthogonal matrix; more dimensions are taken as a matrix of their last one."""

    def __init__(self, gain=1.0, seed=None):
        self.gain, self.seed = gain, seed


@_v2("Identity identity IdentityInitializer")
class Identity(_Identity, V2):
    """The identity matrix times `gain`."""

    def __init__(self, gain=1.0):
        self.gain = gain


class _NamedV2(VarianceScaling):
    _config = ("seed",)
    _rule: tuple = ()

    def __init__(self, seed=None):
        super().__init__(*self._rule, seed)


@_v2("GlorotUniform glorot_uniform")
class GlorotUniform(_NamedV2):
    """Xavier Glorot's: evenly distributed, limit sqrt(6 / (fan in + fan out))."""

    _rule = (1.0, "fan_avg", "uniform")


@_v2("GlorotNormal glorot_normal")
class GlorotNormal(_NamedV2):
    """Xavier Glorot's: normally distributed, variance 2 / (fan in + fan out)."""

    _rule = (1.0, "fan_avg", "truncated_normal")


@_v2("HeNormal he_normal")
class HeNormal(_NamedV2):
    """Kaiming He's: normally distributed, variance 2 / fan in."""

    _rule = (2.0, "fan_in", "truncated_normal")


@_v2("HeUniform he_uniform")
class HeUniform(_NamedV2):
    """Kaiming He's: evenly distributed, limit sqrt(6 / fan in)."""

    _rule = (2.0, "fan_in", "uniform")


@_v2("LecunNormal lecun_normal")
class LecunNormal(_NamedV2):
    """Yann LeCun's: normally distributed, variance 1 / fan in."""

    _rule = (1.0, "fan_in", "truncated_normal")


@_v2("LecunUniform lecun_uniform")
class LecunUniform(_NamedV2):
    """Yann LeCun's: evenly distributed, limit sqrt(3 / fan in)."""

    _rule = (1.0, "fan_in", "uniform")


# -- by name ----------------------------------------------------------------------------------------------------------
def _by_name(face):
    return {
        k.removeprefix("keras.initializers."): v for k, v in NAMES[face].items() if k.startswith("keras.initializers.")
    }


def _functions(face):
    def deserialize(config, custom_objects=None):
        """The initializer that `serialize` described, or that a name says; ValueError for an unknown one."""
        known = {**_by_name(face), **(custom_objects or {})}
        name, arguments = (config, {}) if isinstance(config, str) else (config["class_name"], config.get("config", {}))
        if name not in known:
            raise ValueError(f"Could not interpret initializer identifier: {config!r}")
        made = known[name]
        if not isinstance(made, type):
            return made(**arguments) if not isinstance(config, str) or made.__module__.startswith(__package__) else made
        return made.from_config(arguments) if hasattr(made, "from_config") else made(**arguments)

    def serialize(initializer):
        """A dictionary that `deserialize` makes the initializer from again."""
        return {
            "module": "keras.initializers",
            "class_name": type(initializer).__name__.removesuffix("V1").removeprefix("Keras"),
            "config": initializer.get_config(),
            "registered_name": None,
        }

    def get(identifier):
        """The initializer an argument means: an initializer, its class, its name, its configuration, or None."""
        if identifier is None:
            return None
        if isinstance(identifier, (str, dict)):
            return deserialize(identifier)
        if callable(identifier):
            return identifier() if isinstance(identifier, type) else identifier
        raise ValueError(f"Could not interpret initializer identifier: {identifier!r}")

    return deserialize, serialize, get


for _face in ("v1", "v2"):
    for _function in _functions(_face):
        _n = f"keras.initializers.{_function.__name__}"
        publish(
            _function,
            f"{_n} initializers.{_function.__name__}" if _face == "v2" else "",
            v1=_n if _face == "v1" else "",
        )
