"""From the generator's words to uniform and normal numbers, in TensorFlow's bits, for NumPy arrays and `Lanes` alike.

TensorFlow's float32 normals use the C library's `logf` and `sincosf`.  Those are not correctly rounded, and neither
NumPy's nor XLA's own agree with them; the two polynomial forms below, evaluated in float64 and rounded once, agree on
every one of the 2^23 arguments that the generator can produce.  Only the upper 24 bits survive, so neither the order of
operations nor a fused multiply-add inside them shows.

`xp` is `np` or `philox.lanes`.  Pairs are those of philox.py: uint64, the earlier word in the upper half.
"""

import math

import numpy as np

_hex = float.fromhex

_LN2 = _hex("0x1.62e42fefa39efp-1")
_A0, _A1, _A2 = map(_hex, ("-0x1.00ea348b88334p-2", "0x1.5575b0be00b6ap-2", "-0x1.ffffef20a4123p-2"))
# One row for each sixteenth of the binade: 1/c and log(c) for a c near its middle.
_INVERSES = np.array([
    _hex(x)
    for x in """0x1.661ec79f8f3bep+0 0x1.571ed4aaf883dp+0 0x1.49539f0f010b0p+0 0x1.3c995b0b80385p+0
    0x1.30d190c8864a5p+0 0x1.25e227b0b8ea0p+0 0x1.1bb4a4a1a343fp+0 0x1.12358f08ae5bap+0
    0x1.0953f419900a7p+0 0x1p+0 0x1.e608cfd9a47acp-1 0x1.ca4b31f026aa0p-1
    0x1.b2036576afce6p-1 0x1.9c2d163a1aa2dp-1 0x1.886e6037841edp-1 0x1.767dcf5534862p-1""".split()
])  # fmt: skip
_LOGS = np.array([
    _hex(x)
    for x in """-0x1.57bf7808caadep-2 -0x1.2bef0a7c06ddbp-2 -0x1.01eae7f513a67p-2 -0x1.b31d8a68224e9p-3
    -0x1.6574f0ac07758p-3 -0x1.1aa2bc79c8100p-3 -0x1.a4e76ce8c0e5ep-4 -0x1.1973c5a611cccp-4
    -0x1.252f438e10c1ep-5 0x0p+0 0x1.aa5aa5df25984p-5 0x1.c5e53aa362eb4p-4
    0x1.526e57720db08p-3 0x1.bc2860d224770p-3 0x1.1058bc8a07ee1p-2 0x1.4043057b6ee09p-2""".split()
])  # fmt: skip

_TWO_OVER_PI, _HALF_PI = _hex("0x1.45F306DC9C883p-1"), _hex("0x1.921FB54442D18p0")
_S1, _S2, _S3 = map(_hex, ("-0x1.555545995a603p-3", "0x1.1107605230bc4p-7", "-0x1.994eb3774cf24p-13"))
_C1, _C2, _C3, _C4 = map(
    _hex, ("-0x1.ffffffd0c621cp-2", "0x1.55553e1068f19p-5", "-0x1.6c087e89a359dp-10", "0x1.99343027bf8c3p-16")
)


def uniform32(words):
    """uint32 -> float32 in [0, 1): the low 23 bits as a mantissa."""
    return ((words & 0x007FFFFF) | 0x3F800000).view(np.float32) - 1


def uniform64(pairs):
    """Pairs -> float64 in [0, 1): the low 52 bits as a mantissa."""
    return ((pairs & 0x000FFFFFFFFFFFFF) | (1023 << 52)).view(np.float64) - 1


def logf(xp, x):
    """The C library's logf of positive normal float32 numbers."""
    n = x.view(np.int32)
    t = n - 0x3F330000
    row = (t >> 19) & 15
    exponent = (t >> 23).astype(np.float64)
    z = (n - (t & -0x00800000)).view(np.float32).astype(np.float64)
    q = z * xp.take(_INVERSES, row) - 1
    q2 = q * q
    return ((q2 * _A0 + (q * _A1 + _A2)) * q2 + (xp.take(_LOGS, row) + exponent * _LN2 + q)).astype(np.float32)


def reduced_sincosf(xp, theta):
    """float32 in [0, 2 pi) -> sine, cosine (float64) of the distance to the nearest multiple of pi/2, and which one."""
    x = theta.astype(np.float64)
    quarter = xp.floor(x * _TWO_OVER_PI + 0.5)
    x = x - quarter * _HALF_PI
    x2 = x * x
    x3, x4 = x * x2, x2 * x2
    sine = (x3 * _S1 + x) + x3 * x2 * (x2 * _S3 + _S2)
    cosine = (x2 * _C1 + 1 + x4 * _C2) + x4 * x2 * (x2 * _C4 + _C3)
    return sine, cosine, quarter.astype(np.int32)


def turned_sinf(xp, sine, cosine, quarter):
    """The C library's sinf, a multiple `quarter` of pi/2 further on (one more gives cosf) -> float32."""
    value = xp.where((quarter & 1) == 0, sine, cosine)
    return xp.where((quarter & 2) == 0, value, -value).astype(np.float32)


def polar32(xp, pairs):
    """Pairs -> Box and Muller's radius (float32) and the angle as `reduced_sincosf` gives it."""
    first, second = (pairs >> 32).astype(np.uint32), pairs.astype(np.uint32)
    log = logf(xp, xp.maximum(uniform32(first), np.float32(1e-7)))
    theta = (uniform32(second).astype(np.float64) * (2 * math.pi)).astype(np.float32)
    return xp.sqrt(log * np.float32(-2)), *reduced_sincosf(xp, theta)


def polar64(xp, first, second):
    """The two pairs of a block -> Box and Muller's radius and angle (float64)."""
    log = xp.log(xp.maximum(uniform64(first), 1e-7))
    return xp.sqrt(log * -2.0), uniform64(second) * (2 * math.pi)
