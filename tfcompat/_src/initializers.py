"""Initializers: objects called with a shape that give a variable its first value.

Each formula is written once and comes in TF1's form (a dtype in the constructor, an op seed) and TF2's (a seed makes
the numbers depend on nothing else).  Formulas and seeds: docs/random.md.
"""

from __future__ import annotations

import math

import numpy as np

from . import dtypes, record
from .declare import NAMES, export
from .ops import core


def _public(name):
    return NAMES["v2"][name]


def fans(shape):
    """(fan in, fan out) of a weight's shape: the last two dimensions times the size of the leading ones."""
    shape = tuple(shape)
    if len(shape) < 1:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    field = 1
    for d in shape[:-2]:
        field *= d
    return shape[-2] * field, shape[-1] * field


def _shape(shape):
    return tuple(record.setting(shape)) if not isinstance(shape, int) else (shape,)


def _float(dtype):
    dtype = dtypes.as_dtype(dtype)
    if not dtype.is_floating:
        raise ValueError(f"Argument `dtype` is expected to be floating point. Received: {dtype!s}.")
    return dtype


@export(
    "keras.initializers.Initializer keras.Initializer initializers.Initializer", v1="keras.initializers.Initializer"
)
class Initializer:
    """What all initializers share: a configuration by which they can be made again."""

    _config: tuple = ()
    seed = None

    def get_config(self):
        """The constructor's arguments as a dictionary."""
        return {k: getattr(self, k) for k in self._config}

    @classmethod
    def from_config(cls, config):
        """An initializer made from what `get_config` gave."""
        return cls(**config)

    def clone(self):
        """An initializer with the same configuration."""
        return type(self).from_config(self.get_config())

    def __call__(self, shape, dtype=None, **kwargs):
        raise NotImplementedError("Initializer subclasses must implement the `__call__()` method.")


class V1(Initializer):
    """TF1's form: `initializer(shape, dtype=None, partition_info=None)`, the constructor's dtype by default."""

    dtype = dtypes.float32

    def __call__(self, shape, dtype=None, partition_info=None):
        dtype = self.dtype if dtype is None else dtypes.as_dtype(dtype)
        return self._make(shape, dtype, shape if partition_info is None else partition_info.full_shape)

    def get_config(self):
        return {**super().get_config(), "dtype": self.dtype.name}

    def _draw(self, kind, shape, a, b, dtype):
        function = {"uniform": "random.uniform", "normal": "random.normal", "truncated": "random.truncated_normal"}[
            kind
        ]
        return _public(function)(shape, a, b, dtype, seed=self.seed)


class V2(Initializer):
    """TF2's form: `initializer(shape, dtype=float32)`; with a seed the same numbers at every call, whatever the
    global seed.
    """

    _partitioned = True

    def __call__(self, shape, dtype=None, **kwargs):
        for key in kwargs:
            if key not in ("partition_shape", "partition_offset", "layout"):
                raise TypeError(
                    f"Keyword argument should be one of ['partition_shape', 'partition_offset']. Received: {key}"
                )
            if not self._partitioned:
                raise ValueError(f"{type(self).__name__} initializer doesn't support partition-related arguments")
        return self._make(kwargs.get("partition_shape", shape), dtypes.as_dtype(self._default(dtype)), shape)

    @staticmethod
    def _default(dtype):
        return dtypes.float32 if dtype is None else dtype

    @classmethod
    def from_config(cls, config):
        return cls(**{k: v for k, v in config.items() if k != "dtype"})

    def _draw(self, kind, shape, a, b, dtype):
        if self.seed is None:
            return V1._draw(self, kind, shape, a, b, dtype)
        function = {"uniform": "uniform", "normal": "normal", "truncated": "truncated_normal"}[kind]
        return _public(f"random.stateless_{function}")(shape, [self.seed, 0], a, b, dtype)


# -- formulas ---------------------------------------------------------------------------------------------------------
class _Zeros:
    def _make(self, shape, dtype, full):
        return _public("zeros")(shape, _number(self, dtype))


class _Ones:
    def _make(self, shape, dtype, full):
        return _public("ones")(shape, _number(self, dtype))


def _number(initializer, dtype):
    if isinstance(initializer, V2) and (not dtype.is_numpy_compatible or dtype is dtypes.string):
        raise ValueError(f"Argument `dtype` expected to be numeric or boolean. Received {dtype!s}.")
    return dtype


def _check_value(value, form):
    if not (np.isscalar(value) or isinstance(value, (list, tuple, np.ndarray))):
        kind = type(value).__name__
        which = f"initial value={value} of type: {kind}" if form is V1 else f"initial value: {kind}"
        raise TypeError(f"Invalid type for {which}. Expected Python scalar, list or tuple of values, or numpy.ndarray.")
    return value


class _RandomUniform:
    _config = ("minval", "maxval", "seed")

    def _make(self, shape, dtype, full):
        if isinstance(self, V2) and not (dtype.is_floating or dtype.is_integer):
            raise ValueError(f"Argument `dtype` expected to be numeric or boolean. Received {dtype!s}.")
        return self._draw("uniform", shape, self.minval, self.maxval, dtype)


class _RandomNormal:
    _config = ("mean", "stddev", "seed")

    def _make(self, shape, dtype, full):
        return self._draw("normal", shape, self.mean, self.stddev, _float(dtype))


class _TruncatedNormal:
    _config = ("mean", "stddev", "seed")

    def _make(self, shape, dtype, full):
        return self._draw("truncated", shape, self.mean, self.stddev, _float(dtype))


class _VarianceScaling:
    _config = ("scale", "mode", "distribution", "seed")

    def _check(self, scale, mode, distribution, names):
        if scale <= 0.0:
            raise ValueError(f"Argument `scale` must be a positive float. Received: {scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"Argument `mode` should be one of ('fan_in', 'fan_out', 'fan_avg'). Received: {mode}")
        distribution = distribution.lower()
        if distribution not in ("normal", "uniform", "truncated_normal", "untruncated_normal"):
            raise ValueError(f"Argument `distribution` should be one of {names}. Received: {distribution}")
        self.scale, self.mode, self.distribution = scale, mode, distribution

    def _make(self, shape, dtype, full):
        dtype = _float(dtype)
        fan_in, fan_out = fans(_shape(full))
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        scale = self.scale / max(1.0, fan)
        if self.distribution in ("normal", "truncated_normal"):
            # The standard deviation of a normal distribution cut at two of its own.
            return self._draw("truncated", shape, 0.0, math.sqrt(scale) / 0.87962566103423978, dtype)
        if self.distribution == "untruncated_normal":
            return self._draw("normal", shape, 0.0, math.sqrt(scale), dtype)
        limit = math.sqrt(3.0 * scale)
        return self._draw("uniform", shape, -limit, limit, dtype)


class _Orthogonal:
    _config = ("gain", "seed")
    _partitioned = False

    def _make(self, shape, dtype, full):
        dtype, shape = _float(dtype), _shape(shape)
        if len(shape) < 2:
            raise ValueError(
                "The tensor to initialize, specified by argument `shape` must be at least two-dimensional. Received "
                f"shape={list(shape)}"
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        a = self._draw("normal", (max(rows, columns), min(rows, columns)), 0.0, 1.0, dtype)
        q, r = _public("linalg.qr")(a, full_matrices=False)
        q = q * _public("sign")(_public("linalg.diag_part")(r))
        if rows < columns:
            q = _public("linalg.matrix_transpose")(q)
        return self.gain * _public("reshape")(q, shape)


class _Identity:
    _config = ("gain",)
    _partitioned = False

    def _make(self, shape, dtype, full):
        dtype, full = _float(dtype), _shape(full)
        if len(full) != 2:
            raise ValueError(
                "The tensor to initialize, specified by argument `shape` must be at least two-dimensional. Received "
                f"shape={list(full)}"
            )
        return self.gain * _public("eye")(*full, dtype=dtype)


class _UniformUnitScaling:
    _config = ("factor", "seed")

    def _make(self, shape, dtype, full):
        limit = math.sqrt(3.0 / max(1.0, float(math.prod(_shape(full)[:-1])))) * self.factor
        return self._draw("uniform", shape, -limit, limit, dtype)


# -- TF1 --------------------------------------------------------------------------------------------------------------
@export("", v1="zeros_initializer initializers.zeros keras.initializers.Zeros keras.initializers.zeros")
class ZerosV1(_Zeros, V1):
    """Zeros."""

    def __init__(self, dtype=dtypes.float32):
        self.dtype = dtypes.as_dtype(dtype)


@export("", v1="ones_initializer initializers.ones keras.initializers.Ones keras.initializers.ones")
class OnesV1(_Ones, V1):
    """Ones."""

    def __init__(self, dtype=dtypes.float32):
        self.dtype = dtypes.as_dtype(dtype)


@export("", v1="constant_initializer initializers.constant keras.initializers.Constant keras.initializers.constant")
class ConstantV1(V1):
    """A value, or an array of values; too few values are filled up with the last one, as tf.constant does."""

    _config = ("value",)

    def __init__(self, value=0, dtype=dtypes.float32, verify_shape=False):
        self.value, self.dtype, self._verify_shape = _check_value(value, V1), dtypes.as_dtype(dtype), verify_shape

    def __call__(self, shape, dtype=None, partition_info=None, verify_shape=None):
        verify = self._verify_shape if verify_shape is None else verify_shape
        return core.make_const(self.value, self.dtype if dtype is None else dtype, shape, verify_shape=verify)


@export("", v1="random_uniform_initializer initializers.random_uniform")
class RandomUniformV1(_RandomUniform, V1):
    """Numbers evenly distributed in [minval, maxval)."""

    def __init__(self, minval=0.0, maxval=None, seed=None, dtype=dtypes.float32):
        self.minval, self.maxval, self.seed, self.dtype = minval, maxval, seed, dtypes.as_dtype(dtype)


@export("", v1="random_normal_initializer initializers.random_normal")
class RandomNormalV1(_RandomNormal, V1):
    """Normally distributed numbers."""

    def __init__(self, mean=0.0, stddev=1.0, seed=None, dtype=dtypes.float32):
        self.mean, self.stddev, self.seed, self.dtype = mean, stddev, seed, _float(dtype)


@export("", v1="truncated_normal_initializer initializers.truncated_normal")
class TruncatedNormalV1(_TruncatedNormal, V1):
    """Normally distributed numbers, redrawn beyond two standard deviations."""

    def __init__(self, mean=0.0, stddev=1.0, seed=None, dtype=dtypes.float32):
        self.mean, self.stddev, self.seed, self.dtype = mean, stddev, seed, _float(dtype)


@export("", v1="uniform_unit_scaling_initializer initializers.uniform_unit_scaling")
class UniformUnitScalingV1(_UniformUnitScaling, V1):
    """Numbers evenly distributed so that the scale of the inputs is kept: limit sqrt(3 / product of all dimensions
    but the last).
    """

    def __init__(self, factor=1.0, seed=None, dtype=dtypes.float32):
        self.factor, self.seed, self.dtype = factor, seed, _float(dtype)


@export("", v1="variance_scaling_initializer initializers.variance_scaling keras.initializers.VarianceScaling")
class VarianceScalingV1(_VarianceScaling, V1):
    """Numbers of variance scale / fan, see `fans`."""

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None, dtype=dtypes.float32):
        self._check(scale, mode, distribution, "('normal', uniform', 'truncated_normal', 'untruncated_normal')")
        self.seed, self.dtype = seed, _float(dtype)


@export(
    "", v1="orthogonal_initializer initializers.orthogonal keras.initializers.Orthogonal keras.initializers.orthogonal"
)
class OrthogonalV1(_Orthogonal, V1):
    """A random orthogonal matrix; more dimensions are taken as a matrix of their last one."""

    def __init__(self, gain=1.0, seed=None, dtype=dtypes.float32):
        self.gain, self.seed, self.dtype = gain, seed, _float(dtype)


@export("", v1="initializers.identity keras.initializers.Identity keras.initializers.identity")
class IdentityV1(_Identity, V1):
    """The identity matrix times `gain`."""

    def __init__(self, gain=1.0, dtype=dtypes.float32):
        self.gain, self.dtype = gain, _float(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        """A part of a variable gets its part of the matrix."""
        whole = super().__call__(shape, dtype, partition_info)
        return whole if partition_info is None else _public("slice")(whole, partition_info.var_offset, _shape(shape))


class _Named(VarianceScalingV1):
    """A variance scaling with a name of its own: only the seed and the dtype are configured."""

    _config = ("seed",)
    _rule: tuple = ()

    def __init__(self, seed=None, dtype=dtypes.float32):
        super().__init__(*self._rule, seed, dtype)


@export(
    "",
    v1="glorot_uniform_initializer initializers.glorot_uniform keras.initializers.glorot_uniform "
    "keras.initializers.GlorotUniform",
)
class GlorotUniformV1(_Named):
    """Xavier Glorot's: evenly distributed, limit sqrt(6 / (fan in + fan out))."""

    _rule = (1.0, "fan_avg", "uniform")


@export(
    "",
    v1="glorot_normal_initializer initializers.glorot_normal keras.initializers.glorot_normal "
    "keras.initializers.GlorotNormal",
)
class GlorotNormalV1(_Named):
    """Xavier Glorot's: normally distributed, variance 2 / (fan in + fan out)."""

    _rule = (1.0, "fan_avg", "truncated_normal")


def _scaling_function(name, scale, distribution, text):
    def make(seed=None):
        return VarianceScalingV1(scale, "fan_in", distribution, seed)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = text
    return export("", v1=f"initializers.{name} keras.initializers.{name}")(make)


he_normal = _scaling_function(
    "he_normal", 2.0, "truncated_normal", "Kaiming He's: normally distributed, variance 2 / fan in."
)
he_uniform = _scaling_function(
    "he_uniform", 2.0, "uniform", "Kaiming He's: evenly distributed, limit sqrt(6 / fan in)."
)
lecun_normal = _scaling_function(
    "lecun_normal", 1.0, "truncated_normal", "Yann LeCun's: normally distributed, variance 1 / fan in."
)
lecun_uniform = _scaling_function(
    "lecun_uniform", 1.0, "uniform", "Yann LeCun's: evenly distributed, limit sqrt(3 / fan in)."
)


@export("", v1="keras.initializers.RandomUniform keras.initializers.random_uniform keras.initializers.uniform")
class KerasRandomUniformV1(RandomUniformV1):
    """Numbers evenly distributed in [minval, maxval), by default small ones."""

    def __init__(self, minval=-0.05, maxval=0.05, seed=None, dtype=dtypes.float32):
        super().__init__(minval, maxval, seed, dtype)


@export("", v1="keras.initializers.RandomNormal keras.initializers.random_normal keras.initializers.normal")
class KerasRandomNormalV1(RandomNormalV1):
    """Normally distributed numbers, by default small ones."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None, dtype=dtypes.float32):
        super().__init__(mean, stddev, seed, dtype)


@export("", v1="keras.initializers.TruncatedNormal keras.initializers.truncated_normal")
class KerasTruncatedNormalV1(TruncatedNormalV1):
    """Normally distributed numbers redrawn beyond two standard deviations, by default small ones."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None, dtype=dtypes.float32):
        super().__init__(mean, stddev, seed, dtype)
