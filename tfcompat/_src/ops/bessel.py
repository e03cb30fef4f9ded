"""Bessel functions of order 0 and 1 that JAX lacks: J, Y, K and exp(x) K, from formulas of Abramowitz & Stegun.

Small arguments by the power series, large ones by Hankel's expansion, those between by integrals whose integrands are so
smooth that a few dozen points give sixteen digits.  All of it in float64; the coefficients come from the formulas when
an op is first traced.  Where the functions end, the values are TensorFlow's: -inf for Y and inf for K left of zero.
"""

from __future__ import annotations

import functools
import math

import jax.numpy as jnp
import numpy as np

from ..declare import unary
from .math import with_jvp

_FLOATS = dict(dtypes="float16 bfloat16 float32 float64")
_GAMMA = 0.57721566490153286061  # Euler's constant
_SERIES_TO = 5.0  # Y: beyond, the alternating series loses digits
_HANKEL_FROM = 25.0  # beyond, twenty terms of the expansion are exact to 1e-17
_K_SERIES_TO = 2.0


def _divided(x):
    """x where it is positive, else 1: what the branches not taken are computed with."""
    return jnp.where(x > 0, x, 1.0)


# -- power series, 9.1.10-13 and 9.6.10-13 ----------------------------------------------------------------------------
def _harmonic(k):
    return sum([1 / i for i in range(1, k + 1)])


@functools.cache
def _coefficients(order, sign, digammas):
    """Of (x*x/4) ** k: sign**k / (k! (k+order)!), times psi(k+1) + psi(k+order+1) with `digammas`; highest power first."""
    out = []
    for k in range(24):
        psi = _harmonic(k) + _harmonic(k + order) - 2 * _GAMMA if digammas else 1.0
        out.append(sign**k * psi / (math.factorial(k) * math.factorial(k + order)))
    return np.array(out[::-1])


def _series(x, order, sign, digammas=False):
    return jnp.polyval(_coefficients(order, sign, digammas), x * x / 4) * (x / 2) ** order


def _second_kind(x, order, sign):
    """ln(x/2) F(x) - S(x) / 2: what the series of Y and K have in common, but for the pole of order 1."""
    return jnp.log(x / 2) * _series(x, order, sign) - 0.5 * _series(x, order, sign, True)


# -- Hankel's expansion for large arguments, 9.2.5-10 -----------------------------------------------------------------
@functools.cache
def _hankel_coefficients(order):
    """(of P, of Q), in powers of -1 / (x*x), highest first."""
    a = [1.0]
    for k in range(1, 22):
        a.append(a[-1] * (4 * order**2 - (2 * k - 1) ** 2) / (8 * k))
    return np.array(a[0::2][::-1]), np.array(a[1::2][::-1])


def _hankel(x, order, second):
    """J (or Y, `second`) for x >= 25."""
    p, q = _hankel_coefficients(order)
    z = -1 / (x * x)
    p, q = jnp.polyval(p, z), jnp.polyval(q, z) / x
    # cos and sin of x - (order + 1/2) pi / 2, by the addition theorem: no digits lost in the difference
    s, c = jnp.sin(x), jnp.cos(x)
    cosine, sine = (c + s, s - c) if order == 0 else (s - c, -(s + c))
    return jnp.sqrt(1 / (math.pi * x)) * (p * sine + q * cosine if second else p * cosine - q * sine)


# -- integrals between ------------------------------------------------------------------------------------------------
@functools.cache
def _gauss(n):
    """Nodes and weights of Gauss and Legendre on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return (nodes + 1) / 2, weights / 2


def _j_integral(x, order):
    """9.1.18 by the trapezoidal rule: the integrand is periodic, so its error is J of order 64."""
    theta = (np.arange(32) + 0.5) * (math.pi / 32)
    sine = np.sin(theta)
    phase = x[..., None] * sine
    values = jnp.cos(phase) if order == 0 else jnp.sin(phase) * sine
    return jnp.mean(values, -1)


def _y_integral(x, order):
    """9.1.22, its first integral folded to [0, pi/2], its second cut off where exp(-x sinh t) is 1e-17."""
    u, w = _gauss(40)
    theta = u * (math.pi / 2)
    phase = x[..., None] * np.sin(theta)
    first = jnp.sum(w * (jnp.sin(phase) if order == 0 else -jnp.cos(phase) * np.sin(theta)), -1)
    end = jnp.arcsinh(39 / x)[..., None]
    t = u * end
    second = jnp.exp(-x[..., None] * jnp.sinh(t)) * (1 if order == 0 else jnp.sinh(t))
    return first - 2 / math.pi * jnp.sum(w * second * end, -1)


def _k_integral(x, order):
    """exp(x) K(x), 9.6.24, by the trapezoidal rule: the integrand is even and vanishes at the end of the interval."""
    n = 28
    end = 2 * jnp.arcsinh(jnp.sqrt(39 / 2 / x))[..., None]  # where x (cosh t - 1) is 39
    t = end * (np.arange(n + 1) / n)
    values = jnp.exp(-2 * x[..., None] * jnp.sinh(t / 2) ** 2) * (1 if order == 0 else jnp.cosh(t))
    return jnp.sum(values * np.where(np.arange(n + 1) == 0, 0.5, 1.0), -1) * end[..., 0] / n


# -- the functions, of float64 ----------------------------------------------------------------------------------------
def _j(x, order):
    size = jnp.abs(x)
    large = _hankel(jnp.maximum(size, _HANKEL_FROM), order, False)
    small = _j_integral(jnp.minimum(size, _HANKEL_FROM), order)
    value = jnp.where(size < _HANKEL_FROM, small, large)
    value = jnp.where(jnp.isfinite(x), value, jnp.nan)
    return value if order == 0 else value * jnp.sign(x)


def _y(x, order):
    small = jnp.minimum(_divided(x), _SERIES_TO)
    series = 2 / math.pi * _second_kind(small, order, -1)
    if order:
        series = series - 2 / (math.pi * small)
    between = _y_integral(jnp.clip(x, _SERIES_TO, _HANKEL_FROM), order)
    large = _hankel(jnp.maximum(x, _HANKEL_FROM), order, True)
    value = jnp.where(x < _SERIES_TO, series, jnp.where(x < _HANKEL_FROM, between, large))
    value = jnp.where(jnp.isposinf(x), 0.0, jnp.where(x <= 0, -jnp.inf, value))
    return jnp.where(jnp.isnan(x), jnp.nan, value)


def _k(x, order, scaled):
    small = jnp.minimum(_divided(x), _K_SERIES_TO)
    series = _second_kind(small, order, 1)
    series = series + 1 / small if order else -series
    between = _k_integral(jnp.clip(x, _K_SERIES_TO, 1e300), order)
    if scaled:
        series = series * jnp.exp(small)
    else:
        between = between * jnp.exp(-x)
    value = jnp.where(x < _K_SERIES_TO, series, between)
    value = jnp.where(jnp.isposinf(x), 0.0, jnp.where(x <= 0, jnp.inf, value))
    return jnp.where(jnp.isnan(x), jnp.nan, value)


def _in_float64(f, *settings):
    return lambda x: f(x.astype(jnp.float64), *settings).astype(x.dtype)


def _ratio(value, x):
    return value / jnp.where(x == 0, 1, x)


# Derivatives: 9.1.27-28 and 9.6.26-27.
_j0 = with_jvp(_in_float64(_j, 0), lambda x, _, t: -t * _j1(x))
_j1 = with_jvp(_in_float64(_j, 1), lambda x, out, t: t * (_j0(x) - jnp.where(x == 0, 0.5, _ratio(out, x))))
_y0 = with_jvp(_in_float64(_y, 0), lambda x, _, t: -t * _y1(x))
_y1 = with_jvp(_in_float64(_y, 1), lambda x, out, t: t * (_y0(x) - out / x))
_k0 = with_jvp(_in_float64(_k, 0, False), lambda x, _, t: -t * _k1(x))
_k1 = with_jvp(_in_float64(_k, 1, False), lambda x, out, t: -t * (_k0(x) + out / x))
_k0e = with_jvp(_in_float64(_k, 0, True), lambda x, out, t: t * (out - _k1e(x)))
_k1e = with_jvp(_in_float64(_k, 1, True), lambda x, out, t: t * (out * (1 - 1 / x) - _k0e(x)))

unary("BesselJ0", _j0, "math.special.bessel_j0", **_FLOATS)
unary("BesselJ1", _j1, "math.special.bessel_j1", **_FLOATS)
unary("BesselY0", _y0, "math.special.bessel_y0", **_FLOATS)
unary("BesselY1", _y1, "math.special.bessel_y1", **_FLOATS)
unary("BesselK0", _k0, "math.special.bessel_k0", **_FLOATS)
unary("BesselK0e", _k0e, "math.special.bessel_k0e", **_FLOATS)
unary("BesselK1", _k1, "math.special.bessel_k1", **_FLOATS)
unary("BesselK1e", _k1e, "math.special.bessel_k1e", **_FLOATS)
