"""Decompositions.  Signs of singular and eigenvectors are free, so products are compared."""

import numpy as np
import pytest
import scipy.linalg
from table import case, f32, f64, suite

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


def signed(u):
    """Columns with a positive first element: what is left of them once their sign is free."""
    return u * np.sign(u[:1])


def svd_parts(x):
    s, u, v = L.svd(x)
    sign = tf.sign(u[:1])
    return s, u * sign, v * sign


def numpy_svd_parts(x):
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return s, u * np.sign(u[:1]), vh.T * np.sign(u[:1])


def whole_svd(x):
    """Products of all singular vectors, of which there is one more on one side: its sign is free, too."""
    s, u, v = L.svd(x, full_matrices=True)
    return tf.matmul(u * tf.pad(s, [[0, u.shape[1] - s.shape[0]]]), u, transpose_b=True), v[:, -1:] * v[:1, -1]


def numpy_whole_svd(x):
    v = np.linalg.svd(x)[2].T
    return scipy.linalg.sqrtm(x @ x.T).real, v[:, -1:] * v[:1, -1]


def qr_parts(x):
    q, r = L.qr(x)
    sign = tf.sign(tf.linalg.diag_part(r))
    return q * sign, r * sign[:, None]


def numpy_qr_parts(x):
    q, r = np.linalg.qr(x)
    sign = np.sign(np.diag(r))
    return q * sign, r * sign[:, None]


DECOMPOSITIONS = [
    *[
        case(qr_parts, [f64(*shape)], numpy_qr_parts, grads="0", order=2, batch="", id=f"qr {shape}")
        for shape in ((3, 3), (4, 2), (2, 4))
    ],
    *[
        case(svd_parts, [f64(*shape)], numpy_svd_parts, grads="0", order=2, batch="", id=f"svd {shape}")
        for shape in ((3, 3), (4, 2), (2, 4))
    ],
    case(whole_svd, [f64(3, 4)], numpy_whole_svd, grads="0", batch="", id="svd full_matrices"),
    case(
        lambda x: (lambda e, v: (e, v * tf.sign(v[:1])))(*L.eigh(x)),
        [symmetric(3).astype(np.float64)],
        lambda x: (lambda e, v: (e, signed(v)))(*np.linalg.eigh(lower(x))),
        grads="0",
        order=2,
        batch="",
        id="eigh parts",
    ),
    case(
        lambda x: tf.sort(tf.math.real(L.eigvals(x))),
        [np.diag([1.0, 2.0, 4.0]) + 0.1 * f64(3, 3)],
        lambda x: np.sort(np.linalg.eigvals(x).real),
        grads="0",
        batch="",
        id="eigvals",
    ),
    case(
        lambda x: (lambda e, v: tf.math.real(tf.matmul(v * e, L.inv(v))))(*L.eig(x)),
        [np.diag([1.0, 2.0, 4.0]) + 0.1 * f64(3, 3)],
        lambda x: x,
        grads="0",
        batch="",
        id="eig",
    ),
    case(
        lambda x: L.cholesky((x + tf.transpose(x)) / 2),
        [definite(3).astype(np.float64)],
        shared(np.linalg.cholesky),
        grads="0",
        order=2,
        batch="",
        id="cholesky twice",
    ),  # fmt: skip
    case(
        "linalg.inv",
        [f64(2, 3, 3)],
        lambda x: np.linalg.inv(np.swapaxes(x, 1, 2)),
        adjoint=True,
        grads="0",
        id="inv adjoint",
    ),  # fmt: skip
    case("linalg.det", [np.float16([[1, 2], [3, 5]])], np.float16(-1), batch="", id="det float16"),
    case("linalg.det", [np.zeros((2, 0, 0), np.float32)], np.ones(2, np.float32), batch="", id="det empty"),
    case("linalg.logm", [np.complex128(definite(3))], lambda x: scipy.linalg.logm(x), batch="", rtol=1e-9),
    case("linalg.matrix_rank", [f32(2, 3, 4)], np.array([3, 3], np.int32), id="matrix_rank batch"),
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


def test_equal_eigenvalues_have_finite_gradients():
    """Recorded from TensorFlow 2.21: what turns vectors of one eigenvalue into one another is left out."""
    x = tf.eye(3)
    for f in (lambda x: L.eigh(x)[1], lambda x: L.svd(x)[1], lambda x: L.eigh(x)[0]):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(f(x) * tf.range(1.0, 4.0))
        assert np.isfinite(tape.gradient(y, x)).all()


def test_empty_matrices():
    none = tf.zeros([2, 0, 3])
    assert [p.shape for p in L.svd(none)] == [[2, 0], [2, 0, 0], [2, 3, 0]]
    assert [p.shape for p in L.qr(none)] == [[2, 0, 0], [2, 0, 3]]
    square = tf.zeros([0, 2, 2])
    assert L.eigh(square)[0].shape == [0, 2] and L.eigvals(square).dtype is tf.complex64
    assert L.cholesky(square).shape == L.inv(square).shape == L.expm(square).shape == [0, 2, 2]
    assert L.lstsq(tf.zeros([3, 0]), tf.ones([3, 2])).shape == [0, 2]


def test_gradients_that_do_not_exist():
    x = tf.ones([2, 4])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = L.svd(x, full_matrices=True)[2]
    with pytest.raises(NotImplementedError, match="full_matrices"):
        tape.gradient(y, x).numpy()
    with pytest.raises(tf.errors.InvalidArgumentError):
        L.logm(tf.eye(2))
