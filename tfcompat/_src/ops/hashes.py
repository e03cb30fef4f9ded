"""The hash functions behind tf.strings.to_hash_bucket*: FarmHash's Fingerprint64, Murmur's 64A, SipHash-2-4."""

from __future__ import annotations

_MASK = (1 << 64) - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def _rotated(v, shift):
    v &= _MASK
    return ((v >> shift) | (v << (64 - shift))) & _MASK


def _mixed(v):
    v &= _MASK
    return v ^ (v >> 47)


def _hash16(u, v, mul):
    a = _mixed((u ^ v) * mul & _MASK)
    return _mixed((v ^ a) * mul & _MASK) * mul & _MASK


def _weak(s, at, a, b):
    w, x, y, z = (_fetch(s, at + 8 * i) for i in range(4))
    a = (a + w) & _MASK
    b = _rotated(b + a + z, 21)
    c = a
    a = (a + x + y) & _MASK
    b = (b + _rotated(a, 44)) & _MASK
    return (a + z) & _MASK, (b + c) & _MASK


def _fetch(s, at):
    return int.from_bytes(s[at : at + 8], "little")


def _fetch4(s, at):
    return int.from_bytes(s[at : at + 4], "little")


def fingerprint64(s: bytes) -> int:
    """FarmHash Fingerprint64 of a byte string."""
    n = len(s)
    if n <= 16:
        return _short(s, n)
    mul = _K2 + 2 * n
    if n <= 32:
        a, b, c, d = _fetch(s, 0) * _K1, _fetch(s, 8), _fetch(s, n - 8) * mul, _fetch(s, n - 16) * _K2
        return _hash16(
            (_rotated(a + b, 43) + _rotated(c, 30) + d) & _MASK, (a + _rotated(b + _K2, 18) + c) & _MASK, mul
        )
    if n <= 64:
        a, b, c, d = _fetch(s, 0) * _K2, _fetch(s, 8), _fetch(s, n - 8) * mul, _fetch(s, n - 16) * _K2
        y = (_rotated(a + b, 43) + _rotated(c, 30) + d) & _MASK
        z = _hash16(y, (a + _rotated(b + _K2, 18) + c) & _MASK, mul)
        e, f = _fetch(s, 16) * mul, _fetch(s, 24)
        g, h = (y + _fetch(s, n - 32)) * mul, (z + _fetch(s, n - 24)) * mul
        return _hash16((_rotated(e + f, 43) + _rotated(g, 30) + h) & _MASK, (e + _rotated(f + a, 18) + g) & _MASK, mul)
    return _long(s, n)


def _short(s, n):
    if n >= 8:
        mul = _K2 + 2 * n
        a, b = (_fetch(s, 0) + _K2) & _MASK, _fetch(s, n - 8)
        return _hash16((_rotated(b, 37) * mul + a) & _MASK, (_rotated(a, 25) + b) * mul & _MASK, mul)
    if n >= 4:
        return _hash16(n + (_fetch4(s, 0) << 3), _fetch4(s, n - 4), _K2 + 2 * n)
    if n > 0:
        y, z = s[0] + (s[n >> 1] << 8), n + (s[n - 1] << 2)
        return _mixed(y * _K2 ^ z * _K0) * _K2 & _MASK
    return _K2


def _long(s, n):
    x, y = 81, (81 * _K1 + 113) & _MASK
    z = _mixed(y * _K2 + 113) * _K2 & _MASK
    v, w = (0, 0), (0, 0)
    x = (x * _K2 + _fetch(s, 0)) & _MASK
    end = (n - 1) // 64 * 64
    for at in range(0, end, 64):
        x, y, z, v, w = _step(s, at, x, y, z, v, w, _K1, 1)
    mul = (_K1 + ((z & 0xFF) << 1)) & _MASK
    at = end + ((n - 1) & 63) - 63
    w0 = (w[0] + ((n - 1) & 63)) & _MASK
    v = ((v[0] + w0) & _MASK, v[1])
    w = ((w0 + v[0]) & _MASK, w[1])
    x, y, z, v, w = _step(s, at, x, y, z, v, w, mul, 9)
    first = (_hash16(v[0], w[0], mul) + _mixed(y) * _K0 + z) & _MASK
    return _hash16(first, (_hash16(v[1], w[1], mul) + x) & _MASK, mul)


def _step(s, at, x, y, z, v, w, mul, nine):
    x = _rotated(x + y + v[0] + _fetch(s, at + 8), 37) * mul & _MASK
    y = _rotated(y + v[1] + _fetch(s, at + 48), 42) * mul & _MASK
    x ^= w[1] * nine & _MASK
    y = (y + v[0] * nine + _fetch(s, at + 40)) & _MASK
    z = _rotated(z + w[0], 33) * mul & _MASK
    v = _weak(s, at, v[1] * mul & _MASK, (x + w[0]) & _MASK)
    w = _weak(s, at + 32, (z + w[1]) & _MASK, (y + _fetch(s, at + 16)) & _MASK)
    return z, y, x, v, w


def hash64(s: bytes, seed=0xDECAFCAFFE) -> int:
    """MurmurHash64A of a byte string, with TensorFlow's seed."""
    m, n = 0xC6A4A7935BD1E995, len(s)
    h = seed ^ (n * m & _MASK)
    for at in range(0, n - 7, 8):
        k = _fetch(s, at) * m & _MASK
        k = (k ^ (k >> 47)) * m & _MASK
        h = (h ^ k) * m & _MASK
    if n % 8:
        h = (h ^ int.from_bytes(s[n - n % 8 :], "little")) * m & _MASK
    h = (h ^ (h >> 47)) * m & _MASK
    return h ^ (h >> 47)


def siphash(s: bytes, key) -> int:
    """SipHash-2-4 of a byte string with a key of two 64-bit integers."""
    k0, k1 = (int(k) & _MASK for k in key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rounds(count):
        a, b, c, d = v
        for _ in range(count):
            a, c = (a + b) & _MASK, (c + d) & _MASK
            b, d = _rotated(b, 51) ^ a, _rotated(d, 48) ^ c
            a = _rotated(a, 32)
            c, a = (c + b) & _MASK, (a + d) & _MASK
            b, d = _rotated(b, 47) ^ c, _rotated(d, 43) ^ a
            c = _rotated(c, 32)
        v[:] = a, b, c, d

    n = len(s)
    words = [_fetch(s, at) for at in range(0, n - 7, 8)]
    words.append(int.from_bytes(s[n - n % 8 :], "little") | (n & 0xFF) << 56)
    for m in words:
        v[3] ^= m
        rounds(2)
        v[0] ^= m
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]
