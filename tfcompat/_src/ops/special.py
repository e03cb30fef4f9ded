"""Complex numbers, special functions of mathematical physics and statistics, polynomials."""

from __future__ import annotations

import jax.numpy as jnp
import jax.scipy.special as special
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, export, op, unary
from ..scopes import name_scope
from .arithmetic import where
from .math import FLOATING, REALS, pair, spoken, with_jvp

_COMPLEX = dict(dtypes="complex64 complex128")
_REAL = dict(dtypes="float16 bfloat16 float32 float64")


# -- complex numbers --------------------------------------------------------------------------------------------------
@op("Conj", "")
def conj_kernel(input):
    return jnp.conj(input)


unary("Real", jnp.real, "", **_COMPLEX)
unary("Imag", jnp.imag, "", **_COMPLEX)
unary("Angle", jnp.angle, "", **_COMPLEX)


@op("Complex", "", dtypes="float32 float64")
def complex_kernel(real, imag):
    return lax.complex(*jnp.broadcast_arrays(real, imag))


@export("complex dtypes.complex")
def complex(real, imag, name=None):
    """real + imag * 1j: two float32 make a complex64, two float64 a complex128.  Raises TypeError for other dtypes."""
    real = record.convert_to_tensor(real, name="real")
    imag = record.convert_to_tensor(imag, name="imag")
    pair_of = (real.dtype.base_dtype, imag.dtype.base_dtype)
    if pair_of not in ((dtypes.float32,) * 2, (dtypes.float64,) * 2):
        raise TypeError(
            f"The `real` and `imag` components have incorrect types: {real.dtype.name} {imag.dtype.name}. They must be "
            "consistent, and one of [tf.float32, tf.float64]"
        )
    return record.call(OPS["Complex"], [real, imag], None, name)


def _part(type, of_real):
    """A function of complex tensors that on real ones is `of_real(tensor, name)`."""

    def function(input, name=None):
        x = record.convert_to_tensor(input, name="input")
        if x.dtype.is_complex:
            return record.call(OPS[type], [x], None, name)
        if not x.dtype.is_floating and not x.dtype.is_integer:
            expected = "Expected numeric or variant tensor" if type == "Conj" else "input must be a numeric tensor"
            raise TypeError(f"{expected}, but got tensor with dtype {x.dtype!r}")
        return of_real(x, name)

    function.__name__ = function.__qualname__ = type.lower()
    function.op = OPS[type]
    return function


def _zeros_like(x, name):
    return record.call(OPS["ZerosLike"], [x], None, name)


def _angle_of_real(x, name):
    if x.dtype.is_integer:
        raise TypeError(f"Cannot convert {np.pi} to EagerTensor of dtype {x.dtype.name}")
    with name_scope(name, "Angle", [x]):
        zero, half_turn = np.zeros((), x.dtype.np), np.asarray(np.pi, x.dtype.np)
        return where(OPS["Less"].public(x, zero), half_turn, zero)


real = export("math.real", v1="real math.real")(_part("Real", lambda x, name: x))
imag = export("math.imag", v1="imag math.imag")(_part("Imag", _zeros_like))
_conj = _part("Conj", lambda x, name: x)


@export("math.conj", v1="conj math.conj")
def conj(x, name=None):
    """The complex conjugate; a real tensor as it is."""
    return _conj(x, name)


angle = export("math.angle", v1="angle math.angle")(_part("Angle", _angle_of_real))


# -- special functions ------------------------------------------------------------------------------------------------
# JAX's derivatives of these are wrong at zero (Bessel), where |x| and sign(x) meet, at the ends of the domain, or NaN (Spence).
_i0 = with_jvp(special.i0, lambda x, _, t: t * _i1(x))
_i1 = with_jvp(special.i1, lambda x, out, t: t * (_i0(x) - jnp.where(x == 0, 0.5, out / jnp.where(x == 0, 1, x))))
_i1e = with_jvp(
    special.i1e,
    lambda x, y, t: t * jnp.where(x == 0, 0.5, special.i0e(x) - y * (jnp.sign(x) + 1 / jnp.where(x == 0, 1, x))),
)
_ndtri = with_jvp(special.ndtri, lambda x, y, t: t * np.sqrt(2 * np.pi).astype(x.dtype) * jnp.exp(jnp.square(y) / 2))
_digamma = with_jvp(
    special.digamma, lambda x, _, t: t * jnp.where(x == jnp.inf, 0, _polygamma(jnp.ones((), x.dtype), x))
)


def _polygamma_value(a, x):
    """jax.scipy.special.polygamma takes orders that are integers by dtype; NaN for orders that are none."""
    sign = jnp.where(a % 2 == 1, 1, -1)
    value = jnp.where(a == 0, special.digamma(x), sign * jnp.exp(special.gammaln(a + 1)) * special.zeta(a + 1, x))
    return jnp.where((a >= 0) & (a == jnp.floor(a)), value, jnp.nan).astype(x.dtype)


def _expint_value(x):
    """The real branch, as TensorFlow's: NaN left of zero."""
    return jnp.where(x > 0, special.expi(jnp.where(x > 0, x, 1)), jnp.where(x == 0, -jnp.inf, jnp.nan)).astype(x.dtype)


_expint = with_jvp(_expint_value, lambda x, _, t: t * jnp.exp(x) / x)


def _incomplete(f, at_infinity):
    """`f`(a, x) of a > 0; NaN elsewhere, and the limit where a is infinite."""

    def kernel(a, x):
        inside = (a > 0) & ~jnp.isinf(a)
        value = f(jnp.where(inside, a, 1), x)
        return jnp.where(inside, value, jnp.where(a > 0, at_infinity, jnp.nan).astype(value.dtype))

    return kernel


_polygamma = with_jvp(_polygamma_value, lambda a, x, _, t: 0 * t * x, lambda a, x, _, t: t * _polygamma(a + 1, x))
_spence = with_jvp(special.spence, lambda x, _, t: t * jnp.where(x == 1, -1, jnp.log(x) / jnp.where(x == 1, 1, 1 - x)))

unary("Lgamma", special.gammaln, "math.lgamma", "lgamma math.lgamma", **_REAL)
unary("Digamma", _digamma, "math.digamma", "digamma math.digamma", **_REAL)
unary("Erfinv", special.erfinv, "math.erfinv", **_REAL)
unary("Ndtri", _ndtri, "math.ndtri", **_REAL)
unary("BesselI0", _i0, "math.bessel_i0 math.special.bessel_i0", **_REAL)
unary("BesselI0e", special.i0e, "math.bessel_i0e math.special.bessel_i0e", **_REAL)
unary("BesselI1", _i1, "math.bessel_i1 math.special.bessel_i1", **_REAL)
unary("BesselI1e", _i1e, "math.bessel_i1e math.special.bessel_i1e", **_REAL)
unary("Dawsn", special.dawsn, "math.special.dawsn", **_REAL)
unary("Expint", _expint, "math.special.expint", **_REAL)
unary("FresnelSin", lambda x: special.fresnel(x)[0], "math.special.fresnel_sin", **_REAL)
unary("FresnelCos", lambda x: special.fresnel(x)[1], "math.special.fresnel_cos", **_REAL)
unary("Spence", _spence, "math.special.spence", **_REAL)
pair("Polygamma", lambda a, x: _polygamma(lax.stop_gradient(a), x), "", dtypes="float32 float64")
pair("Zeta", lambda x, q: special.zeta(lax.stop_gradient(x), q), "", dtypes="float32 float64")
pair("Igamma", _incomplete(special.gammainc, 0.0), "", **FLOATING)
pair("Igammac", _incomplete(special.gammaincc, 1.0), "", **FLOATING)


def _beta_density(a, b, x):
    """The derivative of betainc by x."""
    log_beta = special.gammaln(a) + special.gammaln(b) - special.gammaln(a + b)
    return jnp.exp((b - 1) * jnp.log1p(-x) + special.xlogy(a - 1, x) - log_beta)


_betainc = with_jvp(
    special.betainc,
    lambda a, b, x, _, t: 0 * t,  # the op says that no gradient passes a and b
    lambda a, b, x, _, t: 0 * t,
    lambda a, b, x, _, t: t * _beta_density(a, b, x),
)


@op("Betainc", "math.betainc", "betainc math.betainc", dtypes="float32 float64", inert="a b")
def betainc(a, b, x):
    """The regularized incomplete beta function of three tensors of one shape, or scalars; a gradient by x only."""
    shapes = [t.shape for t in (a, b, x) if t.ndim]
    if any(s != shapes[0] for s in shapes):
        raise errors.InvalidArgumentError(
            None, None,
            f"Shapes of a and b are inconsistent: {spoken(a.shape)}, {spoken(b.shape)}, x {spoken(x.shape)}: they must be "
            "equal rank and size [Op:Betainc]",
        )  # fmt: skip
    return _betainc(*jnp.broadcast_arrays(a, b, x))


@export("math.polygamma", v1="polygamma math.polygamma")
def polygamma(a, x, name=None):
    """The derivative of order `a` of the digamma function at x."""
    return record.call(OPS["Polygamma"], [a, x], None, name)


@export("math.zeta", v1="zeta math.zeta")
def zeta(x, q, name=None):
    """The Hurwitz zeta function: the sum over n >= 0 of (q + n) ** -x."""
    return record.call(OPS["Zeta"], [x, q], None, name)


@export("math.igamma", v1="igamma math.igamma")
def igamma(a, x, name=None):
    """The lower regularized incomplete gamma function P(a, x)."""
    return record.call(OPS["Igamma"], [a, x], None, name)


@export("math.igammac", v1="igammac math.igammac")
def igammac(a, x, name=None):
    """The upper regularized incomplete gamma function Q(a, x)."""
    return record.call(OPS["Igammac"], [a, x], None, name)


@export("math.erfcinv")
def erfcinv(x, name=None):
    """The inverse of erfc, for x in (0, 2)."""
    with name_scope(name, "erfcinv", [x]):
        x = record.convert_to_tensor(x, name="start")
        return OPS["Ndtri"].public(0.5 * x) * np.asarray(-np.sqrt(0.5), x.dtype.np)


@export("math.lbeta", v1="lbeta math.lbeta")
def lbeta(x, name=None):
    """log |Beta(x)| of the vectors along the last axis: x [..., n] -> [...]."""
    from .reductions import reduce_sum

    with name_scope(name, "lbeta", [x]):
        x = record.convert_to_tensor(x, name="x")
        lgamma = OPS["Lgamma"].public
        return reduce_sum(lgamma(x), -1) - lgamma(reduce_sum(x, -1))


@export("math.polyval")
def polyval(coeffs, x, name=None):
    """The polynomial with these coefficients, the highest power first, at x.  Raises ValueError unless `coeffs` is a
    list.
    """
    if not isinstance(coeffs, list):
        raise ValueError(f"Argument coeffs must be list type. Received type {type(coeffs)}.")
    with name_scope(name, "polyval", [x]):
        x = record.convert_to_tensor(x, name="x")
        if not coeffs:
            return _zeros_like(x, name)
        p = record.convert_to_tensor(coeffs[0], name="coeffs_0")
        for c in coeffs[1:]:
            p = c + p * x
        return p


# -- order ------------------------------------------------------------------------------------------------------------
@op("IsNonDecreasing", "", differentiable=False, dtypes=REALS)
def is_non_decreasing_kernel(x):
    x = jnp.ravel(x)
    return jnp.all(x[:-1] <= x[1:])


@op("IsStrictlyIncreasing", "", differentiable=False, dtypes=REALS)
def is_strictly_increasing_kernel(x):
    x = jnp.ravel(x)
    return jnp.all(x[:-1] < x[1:])


@export("math.is_non_decreasing", v1="is_non_decreasing math.is_non_decreasing debugging.is_non_decreasing")
def is_non_decreasing(x, name=None):
    """Whether no element of x, read row by row, is less than the one before it; a bool scalar."""
    return record.call(OPS["IsNonDecreasing"], [x], None, name, "is_non_decreasing")


@export(
    "math.is_strictly_increasing",
    v1="is_strictly_increasing math.is_strictly_increasing debugging.is_strictly_increasing",
)
def is_strictly_increasing(x, name=None):
    """Whether each element of x, read row by row, is greater than the one before it; a bool scalar."""
    return record.call(OPS["IsStrictlyIncreasing"], [x], None, name, "is_strictly_increasing")
