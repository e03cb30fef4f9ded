"""Special functions, against SciPy.  XLA's float32 polynomials are good to some 1e-5."""

import numpy as np
import scipy.special as sp
from table import case, f32, suite


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
        case("math.betainc", [positive(3), positive(3), f32(3, low=0.1, high=0.9)], sp.betainc, rtol=1e-5),
        case(
            "math.lbeta",
            [positive(2, 3)],
            lambda x: sp.gammaln(x).sum(-1) - sp.gammaln(x.sum(-1)),
            rtol=1e-5,
            atol=1e-5,
        ),
    ]
)
