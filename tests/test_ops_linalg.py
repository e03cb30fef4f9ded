"""Matrices, decompositions, segments.  Signs of singular and eigenvectors are free, so products are compared."""

import numpy as np
import pytest
import scipy.linalg
from table import c64, case, f32, i32, suite

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


DIAGONALS = [
    case("linalg.diag", [f32(2, 3)], lambda x: np.stack([np.diag(r) for r in x]), grads="0"),
    case("linalg.diag", [f32(3)], lambda x: np.diag(x, -1), k=-1, batch="", id="diag below"),
    case("linalg.diag", [f32(3)], lambda x: np.pad(np.diag(x), ((0, 0), (0, 2))), num_rows=3, num_cols=5, batch="", id="diag wide"),
    case("linalg.diag_part", [f32(2, 3, 4)], lambda x: np.diagonal(x, 0, 1, 2), grads="0"),
    case("linalg.diag_part", [f32(2, 3, 4)], lambda x: np.diagonal(x, 1, 1, 2), k=1, id="diag_part above"),
    case("linalg.diag_part", [np.arange(1, 10, dtype=np.float32).reshape(3, 3)], np.float32([[0, 2, 6], [1, 5, 9], [4, 8, 0]]),
         k=(-1, 1), batch="", id="diag_part band"),
    case("linalg.set_diag", [f32(2, 3, 3), f32(2, 3)], lambda x, d: x * (1 - np.eye(3)) + d[:, None] * np.eye(3), grads="01",
         dtype="float32"),
    case("linalg.tensor_diag", [f32(2, 3)], lambda x: np.diag(x.ravel()).reshape(2, 3, 2, 3), grads="0", batch=""),
    case("linalg.tensor_diag_part", [f32(2, 3, 2, 3)], lambda x: x.reshape(6, 6).diagonal().reshape(2, 3), grads="0", batch=""),
    case("linalg.band_part", [f32(2, 4, 4)], lambda x: np.tril(np.triu(x, -1), 2), grads="0", num_lower=1, num_upper=2),
    case("linalg.trace", [f32(2, 3, 4)], lambda x: np.trace(x, 0, 1, 2), grads="0"),
    case("linalg.matrix_transpose", [f32(2, 3, 4)], lambda x: x.swapaxes(1, 2), grads="0"),
    case("linalg.adjoint", [c64(2, 3)], lambda x: x.conj().T, batch=""),
    case("linalg.cross", [f32(2, 3), f32(2, 3)], np.cross, grads="01"),
    case(lambda x: tf.eye(2, 3, batch_shape=[2]) * x, [f32()], lambda x: np.eye(2, 3, dtype=x.dtype) * np.ones((2, 1, 1), x.dtype) * x,
         id="eye"),
]  # fmt: skip

NORMS = [
    case("norm", [f32(3, 4)], np.linalg.norm, grads="0"),
    case("norm", [f32(3, 4)], lambda x: np.linalg.norm(x, 1, axis=1), grads="0", ord=1, axis=1, id="norm 1"),
    case("norm", [f32(3, 4)], lambda x: np.linalg.norm(x, np.inf, axis=0), grads="0", ord=np.inf, axis=0, id="norm inf"),
    case("norm", [f32(3, 4)], lambda x: np.linalg.norm(x, 3, axis=1, keepdims=True), grads="0", ord=3, axis=1, keepdims=True, id="norm 3"),
    case("norm", [f32(2, 3, 4)], lambda x: np.linalg.norm(x, 2, axis=(1, 2)), grads="0", ord=2, axis=[1, 2], id="norm spectral"),
    case("norm", [f32(2, 3, 4)], lambda x: np.linalg.norm(x, 1, axis=(1, 2)), grads="0", ord=1, axis=[1, 2], id="norm of columns"),
    case("linalg.normalize", [f32(3, 4)], lambda x: (x / np.linalg.norm(x), np.linalg.norm(x).reshape(1, 1)), grads="0"),
    case("nn.l2_normalize", [f32(3, 4)], lambda x: x / np.linalg.norm(x, axis=1, keepdims=True), grads="0", axis=1),
]

DECOMPOSITIONS = [
    case("linalg.det", [f32(2, 3, 3)], np.linalg.det, grads="0", rtol=1e-5),
    case("linalg.slogdet", [f32(3, 3)], lambda x: tuple(np.linalg.slogdet(x)), grads="0", batch="", rtol=1e-5),
    case("linalg.logdet", [definite(3)], shared(lambda x: np.linalg.slogdet(x)[1]), grads="0", batch="", rtol=1e-5),
    case("linalg.inv", [definite(3, 2)], np.linalg.inv, grads="0", rtol=1e-5),
    case("linalg.pinv", [f32(4, 2)], np.linalg.pinv, grads="0", batch="", rtol=1e-5),
    case("linalg.matrix_rank", [np.ones((3, 3), np.float32)], np.array(1, np.int32), batch=""),
    case("linalg.cholesky", [definite(3, 2)], shared(np.linalg.cholesky), grads="0", rtol=1e-5),
    case("linalg.cholesky", [np.float32([[4, 9], [2, 3]])], np.linalg.cholesky(np.float32([[4, 2], [2, 3]])), batch="",
         id="cholesky reads the lower triangle"),
    case(lambda x: tf.matmul(*L.qr(x)), [f32(4, 3)], lambda x: x, batch="", rtol=1e-5, id="qr"),
    case("linalg.eigvalsh", [symmetric(4)], lambda x: np.linalg.eigvalsh(lower(x)), grads="0", batch="", rtol=1e-5, atol=1e-5),
    case(lambda x: (lambda e, v: tf.matmul(v * tf.exp(e), v, adjoint_b=True))(*L.eigh(x)), [symmetric(3)],
         lambda x: scipy.linalg.expm(lower(x)), grads="0", batch="", rtol=1e-4, id="eigh"),
    case(lambda x: L.svd(x, compute_uv=False), [f32(4, 3)], lambda x: np.linalg.svd(x, compute_uv=False), grads="0", batch="",
         rtol=1e-5, id="svd values"),
    case(lambda x: (lambda s, u, v: tf.matmul(u * s, v, adjoint_b=True))(*L.svd(x)), [f32(4, 3)], lambda x: x, batch="", rtol=1e-5,
         atol=1e-5, id="svd"),
    case(lambda x: L.lu_reconstruct(*L.lu(x)), [f32(2, 3, 3)], lambda x: x, rtol=1e-5, atol=1e-5, id="lu"),
    case(lambda x, b: L.lu_solve(*L.lu(x), b), [definite(3), f32(3, 2)], np.linalg.solve, batch="", rtol=1e-5, id="lu_solve"),
    case("linalg.expm", [f32(3, 3)], scipy.linalg.expm, grads="0", batch="", rtol=1e-5, atol=1e-5),
    case("linalg.sqrtm", [definite(3)], lambda x: scipy.linalg.sqrtm(x).astype(x.dtype), grads="0", batch="", rtol=1e-5, atol=1e-5),
]  # fmt: skip

SOLVING = [
    case("linalg.solve", [definite(3, 2), f32(2, 3, 2)], np.linalg.solve, grads="01", rtol=1e-5),
    case("linalg.solve", [definite(3), f32(3, 1)], lambda a, b: np.linalg.solve(a.T, b), adjoint=True, batch="", rtol=1e-5, id="solve adjoint"),
    case("linalg.triangular_solve", [definite(3), f32(3, 2)], lambda a, b: np.linalg.solve(np.tril(a), b), grads="01", batch="", rtol=1e-5),
    case("linalg.triangular_solve", [definite(3), f32(3, 2)], lambda a, b: np.linalg.solve(np.triu(a).T, b), lower=False, adjoint=True,
         batch="", rtol=1e-5, id="triangular_solve upper adjoint"),
    case(lambda a, b: L.cholesky_solve(L.cholesky(a), b), [definite(3), f32(3, 2)], np.linalg.solve, batch="", rtol=1e-5, id="cholesky_solve"),
    case("linalg.lstsq", [f32(5, 3), f32(5, 2)], lambda a, b: np.linalg.pinv(a) @ b, grads="01", batch="", rtol=1e-4, atol=1e-5),
    case("linalg.lstsq", [f32(2, 4), f32(2, 1)], lambda a, b: np.linalg.pinv(a) @ b, fast=False, batch="", rtol=1e-5, id="lstsq least norm"),
    case("linalg.lstsq", [f32(5, 3), f32(5, 1)], lambda a, b: np.linalg.solve(a.T @ a + 0.5 * np.eye(3, dtype=a.dtype), a.T @ b),
         l2_regularizer=0.5, batch="", rtol=1e-5, id="lstsq regularized"),
    case("linalg.tridiagonal_solve", [f32(3, 4) + np.float32([[0], [6], [0]]), f32(4, 2)],
         lambda d, b: np.linalg.solve(np.diag(d[0, :-1], 1) + np.diag(d[1]) + np.diag(d[2, 1:], -1), b), grads="01", batch="", rtol=1e-5),
    case("linalg.tridiagonal_matmul", [f32(3, 4), f32(4, 2)],
         lambda d, b: (np.diag(d[0, :-1], 1) + np.diag(d[1]) + np.diag(d[2, 1:], -1)) @ b, grads="01", batch="", rtol=1e-5),
]  # fmt: skip

IDS = [3, 0, 0, 3, -1]


def segments(f, empty, n=5):
    """The reference of an unsorted segment op with IDS."""

    def reference(x):
        rows = [[r for r, i in zip(x, IDS) if i == s] for s in range(n)]
        return np.stack([f(np.stack(r)) if r else np.full(x.shape[1:], empty, x.dtype) for r in rows])

    return reference


SEGMENTS = [
    case("math.unsorted_segment_sum", [f32(5, 2)], segments(lambda r: r.sum(0), 0), grads="0", batch="", segment_ids=IDS, num_segments=5),
    case("math.unsorted_segment_mean", [f32(5, 2)], segments(lambda r: r.mean(0), 0), grads="0", batch="", segment_ids=IDS, num_segments=5),
    case("math.unsorted_segment_prod", [f32(5, 2)], segments(lambda r: r.prod(0), 1), grads="0", batch="", segment_ids=IDS, num_segments=5),
    case("math.unsorted_segment_max", [f32(5, 2)], segments(lambda r: r.max(0), np.finfo(np.float32).min), batch="", segment_ids=IDS,
         num_segments=5),
    case("math.unsorted_segment_min", [i32(5, 2)], segments(lambda r: r.min(0), np.iinfo(np.int32).max), batch="", segment_ids=IDS,
         num_segments=5),
    case("math.unsorted_segment_sqrt_n", [f32(5, 2)], segments(lambda r: r.sum(0) / len(r) ** 0.5, 0), grads="0", batch="",
         segment_ids=IDS, num_segments=5, dtype="float32"),
    case("math.segment_sum", [f32(4, 2)], lambda x: np.stack([x[0] + x[1], 0 * x[0], x[2] + x[3]]), grads="0", batch="",
         segment_ids=[0, 0, 2, 2]),
    case("math.segment_max", [f32(4, 2)], lambda x: np.stack([x[:2].max(0), 0 * x[0], x[2:].max(0)]), grads="0", batch="",
         segment_ids=[0, 0, 2, 2]),
    case("math.segment_mean", [f32(4, 2)], lambda x: np.stack([x[:3].mean(0), x[3]]), grads="0", batch="", segment_ids=[0, 0, 0, 1]),
    case("sparse.segment_sum", [f32(4, 2)], lambda x: np.stack([x[0] + x[3], x[1]]), grads="0", batch="", indices=[0, 3, 1],
         segment_ids=[0, 0, 1]),
    case("math.confusion_matrix", [np.array([0, 1, 2, 1]), np.array([0, 2, 2, 1])], np.int32([[1, 0, 0], [0, 1, 1], [0, 0, 1]])),
]  # fmt: skip

test_values, test_shapes, test_gradients = suite(DIAGONALS + NORMS + DECOMPOSITIONS + SOLVING + SEGMENTS)


def test_bands_are_aligned_as_asked():
    """Recorded from TensorFlow 2.21."""
    x = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
    want = {
        "RIGHT_LEFT": [[0, 3, 8], [2, 7, 12], [1, 6, 11], [5, 10, 0]],
        "LEFT_RIGHT": [[3, 8, 0], [2, 7, 12], [1, 6, 11], [0, 5, 10]],
        "LEFT_LEFT": [[3, 8, 0], [2, 7, 12], [1, 6, 11], [5, 10, 0]],
        "RIGHT_RIGHT": [[0, 3, 8], [2, 7, 12], [1, 6, 11], [0, 5, 10]],
    }
    for align, band in want.items():
        got = L.diag_part(x, k=(-1, 2), align=align)
        np.testing.assert_array_equal(got, band)
        back = L.diag(got, k=(-1, 2), align=align, num_rows=3, num_cols=4)
        np.testing.assert_array_equal(back, np.tril(np.triu(x, -1), 2))
        np.testing.assert_array_equal(L.set_diag(tf.zeros([3, 4]), got, k=(-1, 2), align=align), back)


def test_sizes_that_do_not_fit():
    for call, message in (
        (lambda: L.inv(tf.ones([2, 3])), "must be square"),
        (lambda: L.det(tf.ones([3])), "rank"),
        (lambda: L.solve(tf.eye(3), tf.ones([2, 1])), "incompatible"),
        (lambda: L.cross(tf.ones([2]), tf.ones([2])), "same shape"),
        (lambda: tf.math.segment_sum(tf.ones([3]), [1, 0, 0]), "not increasing"),
        (lambda: tf.math.segment_sum(tf.ones([3]), [0, 1]), "same size"),
        (lambda: tf.math.confusion_matrix([0, 5], [0, 1], num_classes=3), "out of bound"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            call()
    for call in (lambda: tf.norm(tf.ones([2, 2]), ord="bad"), lambda: tf.norm(tf.ones([2, 2]), axis=[0, 0])):
        with pytest.raises(ValueError, match="must be"):
            call()


def test_named_results():
    q, r = L.qr(tf.eye(2))
    assert L.qr(tf.eye(2))._fields == ("q", "r") and q.shape == r.shape == [2, 2]
    assert L.slogdet(tf.eye(2)).log_abs_determinant.numpy() == 0
    s, u, v = v1.svd(tf.ones([3, 2]))
    assert s.shape == [2] and u.shape == [3, 2] and v.shape == [2, 2]


def test_segments_of_fed_numbers():
    with tf.Graph().as_default(), v1.Session() as session:
        x, ids = v1.placeholder(tf.float32, [None, 2]), v1.placeholder(tf.int32, [None])
        total = tf.math.segment_sum(x, ids)
        assert total.shape.as_list() == [None, 2]
        for feed in ([0, 0, 1], [0, 1, 2], [0, 3, 3]):
            got = session.run(total, {x: np.ones([3, 2]), ids: feed})
            np.testing.assert_array_equal(got[:, 0], np.bincount(feed))
