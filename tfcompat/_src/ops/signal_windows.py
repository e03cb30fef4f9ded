"""Windows of a length that is known, or computed: one value for every sample of a frame."""

from __future__ import annotations

import jax.numpy as jnp
import jax.scipy.special as special
import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..scopes import name_scope


def _length(type, window_length):
    n = np.asarray(window_length)
    if n.ndim:
        raise ValueError(f"Shape {n.shape} must have rank 0")
    if n < 0:
        raise errors.InvalidArgumentError(None, None, f"window_length must not be negative: {int(n)} [Op:{type}]")
    return int(n)


@op("RaisedCosineWindow", "", static="window_length periodic")
def raised_cosine_window_kernel(window_length, periodic, *, dtype, a, b):
    n = _length("RaisedCosineWindow", window_length)
    if n == 1:
        return jnp.ones(1, dtype.np)
    period = n + int(bool(periodic)) * (1 - n % 2) - 1
    angle = np.asarray(2 * np.pi, dtype.np) * (jnp.arange(n).astype(dtype.np) / np.asarray(max(period, 1), dtype.np))
    return (np.asarray(a, dtype.np) - np.asarray(b, dtype.np) * jnp.cos(angle)).astype(dtype.np)


def _kaiser(n, beta, dtype):
    """exp keeps the quotient of Bessel functions finite for any beta."""
    if n == 1:
        return jnp.ones(1, dtype.np)
    half = (n - 1) / 2
    place = (jnp.arange(n) - half).astype(dtype.np) / np.asarray(half, dtype.np)
    beta = beta.astype(dtype.np)
    root = beta * jnp.sqrt(jnp.maximum(1 - place * place, 0).astype(dtype.np))
    return (jnp.exp(root - beta) * (special.i0e(root) / special.i0e(beta))).astype(dtype.np)


@op("KaiserWindow", "", static="window_length", own="beta")
def kaiser_window_kernel(window_length, beta, *, dtype):
    return _kaiser(_length("KaiserWindow", window_length), beta, dtype)


@op("KaiserBesselDerivedWindow", "", static="window_length", own="beta")
def kaiser_bessel_derived_window_kernel(window_length, beta, *, dtype):
    half = _length("KaiserBesselDerivedWindow", window_length) // 2
    total = jnp.cumsum(_kaiser(half + 1, beta, dtype), dtype=dtype.np)
    rise = jnp.sqrt(total[:-1] / total[-1])
    return jnp.concatenate([rise, rise[::-1]])


@op("VorbisWindow", "", static="window_length")
def vorbis_window_kernel(window_length, *, dtype):
    n = _length("VorbisWindow", window_length)
    place = jnp.arange(n).astype(dtype.np) + np.asarray(0.5, dtype.np)
    sine = jnp.sin(np.asarray(np.pi, dtype.np) / np.asarray(max(n, 1), dtype.np) * place)
    return jnp.sin(np.asarray(np.pi / 2, dtype.np) * (sine * sine)).astype(dtype.np)


def _floating(dtype):
    dtype = dtypes.as_dtype(dtype)
    if not dtype.is_floating:
        raise ValueError(f"dtype must be a floating point type. Found {dtype!r}")
    return dtype


def _window(type, default, inputs, settings, name):
    n = inputs[0]
    if not isinstance(n, record.Tensor):
        inputs[0] = n = record.convert_to_tensor(n, dtypes.int32)
    elif not n.dtype.is_integer:
        raise ValueError(f"Tensor conversion requested dtype int32 for Tensor with dtype {n.dtype.name}: {n!r}")
    if n._rank() not in (None, 0):
        raise ValueError(f"Shape {n.shape} must have rank 0")
    with name_scope(name, default, inputs):
        return record.call(OPS[type], inputs, settings, None)


@export("signal.hann_window")
def hann_window(window_length, periodic=True, dtype=dtypes.float32, name=None):
    """0.5 - 0.5 cos(2 pi k / n): [window_length]; `periodic` windows of even length repeat without a seam."""
    settings = {"dtype": _floating(dtype), "a": 0.5, "b": 0.5}
    return _window("RaisedCosineWindow", "hann_window", [window_length, periodic], settings, name)


@export("signal.hamming_window")
def hamming_window(window_length, periodic=True, dtype=dtypes.float32, name=None):
    """0.54 - 0.46 cos(2 pi k / n): [window_length]."""
    settings = {"dtype": _floating(dtype), "a": 0.54, "b": 0.46}
    return _window("RaisedCosineWindow", "hamming_window", [window_length, periodic], settings, name)


@export("signal.kaiser_window")
def kaiser_window(window_length, beta=12.0, dtype=dtypes.float32, name=None):
    """I0(beta sqrt(1 - x^2)) / I0(beta) for x from -1 to 1: [window_length]."""
    inputs = [window_length, record.convert_to_tensor(beta)]
    return _window("KaiserWindow", "kaiser_window", inputs, {"dtype": _floating(dtype)}, name)


@export("signal.kaiser_bessel_derived_window")
def kaiser_bessel_derived_window(window_length, beta=12.0, dtype=dtypes.float32, name=None):
    """The window of the MDCT made from sums of `kaiser_window`: [window_length], rounded down to an even number."""
    inputs = [window_length, record.convert_to_tensor(beta)]
    settings = {"dtype": _floating(dtype)}
    return _window("KaiserBesselDerivedWindow", "kaiser_bessel_derived_window", inputs, settings, name)


@export("signal.vorbis_window")
def vorbis_window(window_length, dtype=dtypes.float32, name=None):
    """sin(pi / 2 sin(pi (k + 0.5) / n)^2): [window_length]."""
    return _window("VorbisWindow", "vorbis_window", [window_length], {"dtype": _floating(dtype)}, name)
