"""Decompositions.  Signs of singular and eigenvectors are free, so products are compared."""

import numpy as np
import scipy.linalg
from table import case, f32, suite

import tfcompat as tf

v1 = tf.compat.v1
L = tf.linalg


def definite(n, *batch):
    a = f32(*batch, n, n)
    return (a @ np.swapaxes(a, -1, -2) + 2 * np.eye(n)).astype(np.float32)


def symmetric(n):
    a = f32(n, n)
    return a + a.T


def lower(a):
    """The symmetric matrix that TensorFlow sees: it reads the lower triangle."""
    return np.tril(a) + np.swapaxes(np.tril(a, -1), -1, -2)


def shared(f):
    """f of the symmetric part, for gradients that both triangles share."""
    return lambda a, *rest: f((a + np.swapaxes(a, -1, -2)) / 2, *rest)


DECOMPOSITIONS = [
    case("linalg.det", [f32(2, 3, 3)], np.linalg.det, grads="0", rtol=1e-5),
    case("linalg.slogdet", [f32(3, 3)], lambda x: tuple(np.linalg.slogdet(x)), grads="0", batch="", rtol=1e-5),
    case("linalg.logdet", [definite(3)], shared(lambda x: np.linalg.slogdet(x)[1]), grads="0", batch="", rtol=1e-5),
    case("linalg.inv", [definite(3, 2)], np.linalg.inv, grads="0", rtol=1e-5),
    case("linalg.pinv", [f32(4, 2)], np.linalg.pinv, grads="0", batch="", rtol=1e-5),
    case("linalg.matrix_rank", [np.ones((3, 3), np.float32)], np.array(1, np.int32), batch=""),
    case("linalg.cholesky", [definite(3, 2)], shared(np.linalg.cholesky), grads="0", rtol=1e-5),
    case(
        "linalg.cholesky",
        [np.float32([[4, 9], [2, 3]])],
        np.linalg.cholesky(np.float32([[4, 2], [2, 3]])),
        batch="",
        id="cholesky reads the lower triangle",
    ),
    case(lambda x: tf.matmul(*L.qr(x)), [f32(4, 3)], lambda x: x, batch="", rtol=1e-5, id="qr"),
    case(
        "linalg.eigvalsh",
        [symmetric(4)],
        lambda x: np.linalg.eigvalsh(lower(x)),
        grads="0",
        batch="",
        rtol=1e-5,
        atol=1e-5,
    ),
    case(
        lambda x: (lambda e, v: tf.matmul(v * tf.exp(e), v, adjoint_b=True))(*L.eigh(x)),
        [symmetric(3)],
        lambda x: scipy.linalg.expm(lower(x)),
        grads="0",
        batch="",
        rtol=1e-4,
        id="eigh",
    ),
    case(
        lambda x: L.svd(x, compute_uv=False),
        [f32(4, 3)],
        lambda x: np.linalg.svd(x, compute_uv=False),
        grads="0",
        batch="",
        rtol=1e-5,
        id="svd values",
    ),
    case(
        lambda x: (lambda s, u, v: tf.matmul(u * s, v, adjoint_b=True))(*L.svd(x)),
        [f32(4, 3)],
        lambda x: x,
        batch="",
        rtol=1e-5,
        atol=1e-5,
        id="svd",
    ),
    case(lambda x: L.lu_reconstruct(*L.lu(x)), [f32(2, 3, 3)], lambda x: x, rtol=1e-5, atol=1e-5, id="lu"),
    case(
        lambda x, b: L.lu_solve(*L.lu(x), b),
        [definite(3), f32(3, 2)],
        np.linalg.solve,
        batch="",
        rtol=1e-5,
        id="lu_solve",
    ),
    case("linalg.expm", [f32(3, 3)], scipy.linalg.expm, grads="0", batch="", rtol=1e-5, atol=1e-5),
    case(
        "linalg.sqrtm",
        [definite(3)],
        lambda x: scipy.linalg.sqrtm(x).astype(x.dtype),
        grads="0",
        batch="",
        rtol=1e-5,
        atol=1e-5,
    ),
]

test_values, test_shapes, test_gradients = suite(DECOMPOSITIONS)


def test_named_results():
    q, r = L.qr(tf.eye(2))
    assert L.qr(tf.eye(2))._fields == ("q", "r") and q.shape == r.shape == [2, 2]
    assert L.slogdet(tf.eye(2)).log_abs_determinant.numpy() == 0
    s, u, v = v1.svd(tf.ones([3, 2]))
    assert s.shape == [2] and u.shape == [3, 2] and v.shape == [2, 2]
