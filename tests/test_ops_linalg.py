"""Matrices: diagonals, bands, norms, and solving with them."""

import numpy as np
import pytest
import scipy.linalg
from table import c64, case, f32, f64, suite

import tfcompat as tf

L = tf.linalg


def definite(n, *batch):
    a = f32(*batch, n, n)
    return (a @ np.swapaxes(a, -1, -2) + 2 * np.eye(n)).astype(np.float32)


DIAGONALS = [
    case("linalg.diag", [f32(2, 3)], lambda x: np.stack([np.diag(r) for r in x]), grads="0"),
    case("linalg.diag", [f32(3)], lambda x: np.diag(x, -1), k=-1, batch="", id="diag below"),
    case(
        "linalg.diag",
        [f32(3)],
        lambda x: np.pad(np.diag(x), ((0, 0), (0, 2))),
        num_rows=3,
        num_cols=5,
        batch="",
        id="diag wide",
    ),
    case("linalg.diag_part", [f32(2, 3, 4)], lambda x: np.diagonal(x, 0, 1, 2), grads="0"),
    case("linalg.diag_part", [f32(2, 3, 4)], lambda x: np.diagonal(x, 1, 1, 2), k=1, id="diag_part above"),
    case(
        "linalg.diag_part",
        [np.arange(1, 10, dtype=np.float32).reshape(3, 3)],
        np.float32([[0, 2, 6], [1, 5, 9], [4, 8, 0]]),
        k=(-1, 1),
        batch="",
        id="diag_part band",
    ),
    case(
        "linalg.set_diag",
        [f32(2, 3, 3), f32(2, 3)],
        lambda x, d: x * (1 - np.eye(3)) + d[:, None] * np.eye(3),
        grads="01",
        dtype="float32",
    ),
    case("linalg.tensor_diag", [f32(2, 3)], lambda x: np.diag(x.ravel()).reshape(2, 3, 2, 3), grads="0", batch=""),
    case(
        "linalg.tensor_diag_part",
        [f32(2, 3, 2, 3)],
        lambda x: x.reshape(6, 6).diagonal().reshape(2, 3),
        grads="0",
        batch="",
    ),
    case("linalg.band_part", [f32(2, 4, 4)], lambda x: np.tril(np.triu(x, -1), 2), grads="0", num_lower=1, num_upper=2),
    case("linalg.trace", [f32(2, 3, 4)], lambda x: np.trace(x, 0, 1, 2), grads="0"),
    case("linalg.matrix_transpose", [f32(2, 3, 4)], lambda x: x.swapaxes(1, 2), grads="0"),
    case("linalg.adjoint", [c64(2, 3)], lambda x: x.conj().T, batch=""),
    case("linalg.cross", [f32(2, 3), f32(2, 3)], np.cross, grads="01"),
    case(
        lambda x: tf.eye(2, 3, batch_shape=[2]) * x,
        [f32()],
        lambda x: np.eye(2, 3, dtype=x.dtype) * np.ones((2, 1, 1), x.dtype) * x,
        id="eye",
    ),
]

NORMS = [
    case("norm", [f32(3, 4)], np.linalg.norm, grads="0"),
    case("norm", [f32(3, 4)], lambda x: np.linalg.norm(x, 1, axis=1), grads="0", ord=1, axis=1, id="norm 1"),
    case(
        "norm", [f32(3, 4)], lambda x: np.linalg.norm(x, np.inf, axis=0), grads="0", ord=np.inf, axis=0, id="norm inf"
    ),
    case(
        "norm",
        [f32(3, 4)],
        lambda x: np.linalg.norm(x, 3, axis=1, keepdims=True),
        grads="0",
        ord=3,
        axis=1,
        keepdims=True,
        id="norm 3",
    ),
    case(
        "norm",
        [f32(2, 3, 4)],
        lambda x: np.linalg.norm(x, 2, axis=(1, 2)),
        grads="0",
        ord=2,
        axis=[1, 2],
        id="norm spectral",
    ),
    case(
        "norm",
        [f32(2, 3, 4)],
        lambda x: np.linalg.norm(x, 1, axis=(1, 2)),
        grads="0",
        ord=1,
        axis=[1, 2],
        id="norm of columns",
    ),
    case(
        "linalg.normalize", [f32(3, 4)], lambda x: (x / np.linalg.norm(x), np.linalg.norm(x).reshape(1, 1)), grads="0"
    ),
    case("nn.l2_normalize", [f32(3, 4)], lambda x: x / np.linalg.norm(x, axis=1, keepdims=True), grads="0", axis=1),
]

SOLVING = [
    case("linalg.solve", [definite(3, 2), f32(2, 3, 2)], np.linalg.solve, grads="01", rtol=1e-5),
    case(
        "linalg.solve",
        [definite(3), f32(3, 1)],
        lambda a, b: np.linalg.solve(a.T, b),
        adjoint=True,
        batch="",
        rtol=1e-5,
        id="solve adjoint",
    ),
    case(
        "linalg.triangular_solve",
        [definite(3), f32(3, 2)],
        lambda a, b: np.linalg.solve(np.tril(a), b),
        grads="01",
        batch="",
        rtol=1e-5,
    ),
    case(
        "linalg.triangular_solve",
        [definite(3), f32(3, 2)],
        lambda a, b: np.linalg.solve(np.triu(a).T, b),
        lower=False,
        adjoint=True,
        batch="",
        rtol=1e-5,
        id="triangular_solve upper adjoint",
    ),
    case(
        lambda a, b: L.cholesky_solve(L.cholesky(a), b),
        [definite(3), f32(3, 2)],
        np.linalg.solve,
        batch="",
        rtol=1e-5,
        id="cholesky_solve",
    ),
    case(
        "linalg.lstsq",
        [f32(5, 3), f32(5, 2)],
        lambda a, b: np.linalg.pinv(a) @ b,
        grads="01",
        batch="",
        rtol=1e-4,
        atol=1e-5,
    ),
    case(
        "linalg.lstsq",
        [f32(2, 4), f32(2, 1)],
        lambda a, b: np.linalg.pinv(a) @ b,
        fast=False,
        batch="",
        rtol=1e-5,
        id="lstsq least norm",
    ),
    case(
        "linalg.lstsq",
        [f32(5, 3), f32(5, 1)],
        lambda a, b: np.linalg.solve(a.T @ a + 0.5 * np.eye(3, dtype=a.dtype), a.T @ b),
        l2_regularizer=0.5,
        batch="",
        rtol=1e-5,
        id="lstsq regularized",
    ),
    case(
        "linalg.tridiagonal_solve",
        [f32(3, 4) + np.float32([[0], [6], [0]]), f32(4, 2)],
        lambda d, b: np.linalg.solve(np.diag(d[0, :-1], 1) + np.diag(d[1]) + np.diag(d[2, 1:], -1), b),
        grads="01",
        batch="",
        rtol=1e-5,
    ),
    case(
        "linalg.tridiagonal_matmul",
        [f32(3, 4), f32(4, 2)],
        lambda d, b: (np.diag(d[0, :-1], 1) + np.diag(d[1]) + np.diag(d[2, 1:], -1)) @ b,
        grads="01",
        batch="",
        rtol=1e-5,
    ),
]

SOLVING += [
    case(
        "linalg.solve",
        [definite(3).astype(np.float64), f64(3, 1)],
        np.linalg.solve,
        grads="01",
        order=2,
        batch="",
        id="solve twice",
    ),
    case(
        "linalg.solve",
        [c64(2, 2) + 3 * np.eye(2, dtype=np.complex64), c64(2, 1)],
        lambda a, b: np.linalg.solve(a.conj().T, b),
        adjoint=True,
        batch="",
        rtol=1e-5,
        id="solve complex adjoint",
    ),
    case(
        "linalg.tridiagonal_solve",
        [c64(3, 4) + np.array([[0], [6], [0]], np.complex64), c64(2, 4)],
        lambda d, b: np.linalg.solve(np.diag(d[0, :-1], 1) + np.diag(d[1]) + np.diag(d[2, 1:], -1), b.conj().T),
        transpose_rhs=True,
        conjugate_rhs=True,
        batch="",
        rtol=1e-5,
        id="tridiagonal_solve adjoint rhs",
    ),
    case(
        lambda a, m, b, x: tf.linalg.tridiagonal_solve((a, m, b), x, "sequence"),
        [f64(2, 3), f64(2, 4) + 6, f64(2, 3), f64(2, 4)],
        lambda a, m, b, x: np.stack(
            [np.linalg.solve(np.diag(p, 1) + np.diag(q) + np.diag(r, -1), y) for p, q, r, y in zip(a, m, b, x)]
        ),
        grads="0123",
        id="tridiagonal_solve sequence",
    ),
    case(
        "linalg.banded_triangular_solve",
        [f64(2, 4) + 3, f64(4, 2)],
        lambda a, b: np.linalg.solve(np.diag(a[0]) + np.diag(a[1, 1:], -1), b),
        grads="01",
        batch="",
    ),
    case(
        lambda x, b: L.lu_solve(*L.lu(x), b, validate_args=True),
        [definite(3, 2), f32(2, 3, 1)],
        np.linalg.solve,
        rtol=1e-5,
        id="lu_solve batch",
    ),
    case(lambda x: L.lu_matrix_inverse(*L.lu(x)), [definite(3, 2)], np.linalg.inv, rtol=1e-5, id="lu_matrix_inverse"),
    case(
        "linalg.eigh_tridiagonal",
        [f64(4), f64(3)],
        lambda a, b: scipy.linalg.eigh_tridiagonal(a, b, eigvals_only=True),
        grads="01",
        batch="",
    ),  # fmt: skip
]

test_values, test_shapes, test_gradients = suite(DIAGONALS + NORMS + SOLVING)


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


@pytest.mark.parametrize("shape,k", [((2, 3, 5), (-2, 1)), ((4, 2), (-3, -1)), ((2, 4), (1, 3)), ((3, 3), (-1, -1))])
def test_diagonals_of_rectangles(shape, k):
    """What is taken out and put back is the matrix's band, and gradients pass where it is."""
    x = tf.constant(np.arange(1.0, 1 + np.prod(shape)).reshape(shape))
    band = np.tril(np.triu(np.asarray(x), k[0]), k[1])
    with tf.GradientTape() as tape:
        tape.watch(x)
        taken = L.diag_part(x, k=k)
        made = L.diag(taken, k=k, num_rows=shape[-2], num_cols=shape[-1])
        total = tf.reduce_sum(made * made)
    np.testing.assert_array_equal(made, band)
    np.testing.assert_array_equal(L.set_diag(np.asarray(x), 0 * taken, k=k), x - band)
    np.testing.assert_array_equal(tape.gradient(total, x), 2 * band)


def test_a_matrix_that_no_memory_holds():
    """XLA would end the process."""
    with pytest.raises(tf.errors.ResourceExhaustedError, match="OOM when allocating tensor with shape"):
        L.diag([1.0, 2.0], k=2**31 - 1)


SINGULAR, REGULAR = np.float32([[1, 2], [2, 4]]), np.float32([[1, 2], [3, 4]])
PIVOTS = [  # what TensorFlow 2.21 says on a CPU
    (lambda m: L.inv(m), "Input is not invertible. .Op:MatrixInverse"),
    (lambda m: L.solve(m, tf.ones([2, 1])), "Input matrix is not invertible. .Op:MatrixSolve"),
    (lambda m: L.lu(m)[0], "Input is not invertible. .Op:Lu"),
    (lambda m: L.eigvals(m / tf.reduce_min(m - tf.reduce_min(m))), "Eigen decomposition was not successful"),
]


@pytest.mark.parametrize(("function", "message"), PIVOTS)
def test_what_only_the_numbers_tell(function, message):
    """Singular matrices raise on all fronts, when the numbers are there; regular ones in the same program do not."""
    wrong = pytest.raises(tf.errors.InvalidArgumentError, match=message)
    with wrong:
        np.asarray(function(tf.constant(SINGULAR) * 1.0))
    traced = tf.function(function)
    if "Eigen" not in message:
        assert np.isfinite(traced(REGULAR)).all()
    with wrong:
        np.asarray(traced(SINGULAR))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        m = tf.compat.v1.placeholder(tf.float32, [2, 2])
        w = tf.compat.v1.Variable(1.0)
        updated = w.assign_add(tf.reduce_sum(tf.abs(function(m))))
        session.run(w.initializer)
        with wrong:
            session.run(updated, {m: SINGULAR})
        assert session.run(w) == 1
    assert tf.constant(2.0) + 1 == 3


def test_a_singular_matrix_is_told_where_it_is_a_constant():
    with pytest.raises(tf.errors.InvalidArgumentError, match="not invertible"):
        L.inv(SINGULAR)


def test_singular_matrices_in_gradients_loops_and_batches():
    def gradient(m):
        with tf.GradientTape() as tape:
            tape.watch(m)
            y = L.inv(m)
        return tape.gradient(y, m)

    def loop(m):
        return tf.while_loop(lambda i, m: i < 3, lambda i, m: (i + 1, L.inv(m)), [0, m])[1]

    for function in (gradient, tf.function(gradient), tf.function(loop)):
        assert np.isfinite(function(tf.constant(REGULAR))).all()
        with pytest.raises(tf.errors.InvalidArgumentError, match="not invertible"):
            np.asarray(function(tf.constant(SINGULAR)))
    both = lambda *ms: tf.vectorized_map(L.inv, tf.constant(np.stack(ms)) * 1.0)
    assert np.isfinite(both(REGULAR, REGULAR)).all()
    with pytest.raises(tf.errors.InvalidArgumentError, match="not invertible"):
        np.asarray(both(REGULAR, SINGULAR))
    huge = L.inv(tf.constant([[1e-30, 1e10], [0.0, 1e-30]]) * 1.0)  # too large to hold, which is no error
    assert np.isinf(huge[0, 1])


def test_sizes_that_do_not_fit():
    for call, message in (
        (lambda: L.inv(tf.ones([2, 3])), "must be square"),
        (lambda: L.det(tf.ones([3])), "rank"),
        (lambda: L.solve(tf.eye(3), tf.ones([2, 1])), "incompatible"),
        (lambda: L.diag(1.0), "diagonal must be at least 1-dim, received shape: \\[\\]"),
        (lambda: L.diag(tf.ones([2, 3]), k=(0, 5)), "number of diagonals provided"),
        (lambda: L.diag(tf.ones([2, 3]), k=(0, 1), num_rows=2), "number of rows is too small"),
        (lambda: L.diag(tf.ones([2]), num_rows=5, num_cols=3), "not consistent"),
        (lambda: L.diag_part(tf.eye(3), k=100000), "lower_diag_index is out of bound: 100000.*between -3 and 3"),
        (lambda: L.diag_part(tf.eye(3), k=(1, 5)), "upper_diag_index is out of bound: 5"),
        (lambda: L.diag_part(tf.eye(3), k=(0, 1, 2)), "only one or two elements, received 3"),
        (lambda: L.set_diag(tf.eye(3), tf.ones([2])), "first dimensions of diagonal don't match"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            call()
    with pytest.raises(tf.errors.InvalidArgumentError, match="same shape: .3. vs. .1, 3."):
        L.cross(tf.ones([3]), tf.ones([1, 3]))
    with pytest.raises(tf.errors.FailedPreconditionError, match="3-element vectors"):
        L.cross(tf.ones([2]), tf.ones([2]))
    for call in (
        lambda: tf.norm(tf.ones([2, 2]), ord="bad"),
        lambda: tf.norm(tf.ones([2, 2]), axis=[0, 0]),
        lambda: tf.norm(tf.ones([2, 2]), axis=[[0], [1]]),
        lambda: L.tridiagonal_solve(([1.0], [1.0, 2.0, 3.0], [1.0, 2.0]), tf.ones([3]), "sequence"),
        lambda: L.lu_solve(tf.eye(2), [0, 1], tf.ones([2])),
    ):
        with pytest.raises(ValueError, match="must |Expected"):
            call()
