"""Special functions, against SciPy.  XLA's float32 polynomials are good to some 1e-5."""

import numpy as np
import pytest
import scipy.special as sp
from table import case, f32, suite

import tfcompat as tf


def small(*shape):
    return f32(*shape, low=-0.9, high=0.9)


def positive(*shape):
    return f32(*shape, low=0.2, high=3.0)


test_values, test_shapes, test_gradients = suite(
    [
        case("math.erfinv", [small(4)], sp.erfinv, grads="0", rtol=1e-5),
        case("math.ndtri", [f32(4, low=0.1, high=0.9)], sp.ndtri, grads="0", rtol=1e-5),
        case("math.erfcinv", [f32(4, low=0.1, high=1.9)], sp.erfcinv, rtol=1e-5),
        case("math.lgamma", [positive(4)], sp.gammaln, grads="0", rtol=1e-5, atol=1e-5),
        case("math.digamma", [positive(4)], sp.digamma, grads="0", rtol=1e-5, atol=1e-5),
        case("math.bessel_i0", [f32(4)], sp.i0, grads="0"),
        case("math.bessel_i1", [f32(4)], sp.i1, grads="0"),
        case("math.bessel_i0e", [f32(4)], sp.i0e),
        case("math.bessel_i1e", [f32(4)], sp.i1e),
        *[
            case(f"math.special.bessel_{name}", [x], getattr(sp, name), grads="0", order=2)
            for name, x in [
                *[(n, np.array([-30.0, -1.5, 0.0, 3.0, 24.9, 70.0])) for n in ("j0", "j1")],
                *[(n, np.array([0.02, 1.5, 5.1, 24.9, 70.0])) for n in ("y0", "y1")],
                *[(n, np.array([0.02, 1.5, 2.1, 30.0])) for n in ("k0", "k1", "k0e", "k1e")],
            ]
        ],
        case("math.special.dawsn", [f32(4)], sp.dawsn, grads="0", rtol=1e-5),
        case("math.special.expint", [positive(4)], sp.expi, rtol=1e-5),
        case("math.special.spence", [positive(4)], sp.spence, grads="0", rtol=1e-5, atol=1e-5),
        case("math.special.fresnel_sin", [f32(4)], lambda x: sp.fresnel(x)[0].astype(x.dtype), grads="0", rtol=1e-4),
        case("math.special.fresnel_cos", [f32(4)], lambda x: sp.fresnel(x)[1].astype(x.dtype), rtol=1e-4),
        case("math.igamma", [positive(4), positive(4)], sp.gammainc, grads="1", rtol=1e-5),
        case("math.igammac", [positive(4), positive(4)], sp.gammaincc, rtol=1e-5),
        case("math.zeta", [f32(3, low=2, high=4), positive(3)], sp.zeta, rtol=1e-5),
        case(
            "math.polygamma",
            [np.array([0, 1, 2], np.float32), positive(3)],
            sp.polygamma,
            grads="1",
            rtol=1e-5,
            dtype="float32",
        ),
        case("math.betainc", [positive(3), positive(3), f32(3, low=0.1, high=0.9)], sp.betainc, grads="2", rtol=1e-5),
        case(
            "math.lbeta",
            [positive(2, 3)],
            lambda x: sp.gammaln(x).sum(-1) - sp.gammaln(x.sum(-1)),
            rtol=1e-5,
            atol=1e-5,
        ),
    ]
)


def test_ends():
    """Values of TensorFlow 2.21 where the functions end."""
    s, ends = tf.math.special, tf.constant([-1.0, 0.0, np.inf])
    for name, want in (
        ("bessel_y0", [-np.inf, -np.inf, 0]),
        ("bessel_k1", [np.inf, np.inf, 0]),
        ("expint", [np.nan, -np.inf, np.nan]),
        ("bessel_j0", [0.76519769, 1, np.nan]),
    ):
        np.testing.assert_allclose(getattr(s, name)(ends), want, rtol=1e-6)
    np.testing.assert_array_equal(tf.math.igamma([-1.0, np.inf], [1.0, 1.0]), [np.nan, 0])
    np.testing.assert_array_equal(tf.math.polygamma([0.5], [1.0]), [np.nan])
    with pytest.raises(tf.errors.InvalidArgumentError, match="inconsistent"):
        tf.math.betainc(tf.ones([2, 1]), tf.ones([1, 2]), 0.5)
