"""LinearOperators against the matrices they stand for."""

import functools

import numpy as np
import pytest
import scipy.linalg

import tfcompat as tf

L = tf.linalg
random = np.random.default_rng(3)


def real(*shape):
    return random.normal(size=shape)


def complex_(*shape):
    return real(*shape) + 1j * real(*shape)


def definite(n, *batch):
    a = real(*batch, n, n)
    return a @ np.swapaxes(a, -1, -2) + n * np.eye(n)


def adjoint(m):
    return np.conj(np.swapaxes(m, -1, -2))


def operator_of(m, **hints):
    return L.LinearOperatorFullMatrix(m, **hints)


def positive(m):
    return operator_of(m, is_self_adjoint=True, is_positive_definite=True)


def convolution(spectrum):
    """The matrix that multiplies transforms by `spectrum`, column by column."""
    columns = [np.fft.ifftn(np.fft.fftn(e.reshape(spectrum.shape)) * spectrum) for e in np.eye(spectrum.size)]
    return np.stack([c.ravel() for c in columns], 1)


def _cases():
    """name -> (operator, its matrix)"""
    m, s, small = real(2, 3, 3) + 3 * np.eye(3), definite(3, 2), definite(2)
    diagonal, phases, axis = real(2, 3) + 4, complex_(2, 3), real(2, 3)
    unit = axis / np.linalg.norm(axis, axis=-1, keepdims=True)
    u, v, base, d = real(2, 5, 2), real(2, 5, 2), definite(5), np.array([0.5, 2.0])
    spectrum, spectrum2, spectrum3 = complex_(2, 4), complex_(2, 3), complex_(2, 3, 2)
    col, row, perm, low = real(4), real(4), np.array([2, 0, 1]), real(3, 2)
    row[0] = col[0]
    three = real(2, 3, 4)
    three[:, 1] += 6
    diag = functools.partial(np.apply_along_axis, np.diag, -1)
    return {
        "full": (operator_of(m), m),
        "definite": (positive(s), s),
        "triangle": (L.LinearOperatorLowerTriangular(m), np.tril(m)),
        "diag": (L.LinearOperatorDiag(diagonal, is_positive_definite=True), diag(diagonal)),
        "complex diag": (L.LinearOperatorDiag(phases), diag(phases)),
        "identity": (L.LinearOperatorIdentity(3, [2], dtype=tf.float64), np.stack([np.eye(3)] * 2)),
        "scaled identity": (
            L.LinearOperatorScaledIdentity(3, d, is_positive_definite=True), d[:, None, None] * np.eye(3),
        ),
        "zeros": (L.LinearOperatorZeros(3, dtype=tf.float64), np.zeros((3, 3))),
        "composition": (L.LinearOperatorComposition([operator_of(m), operator_of(s[0])]), m @ s[0]),
        "kronecker": (
            L.LinearOperatorKronecker([operator_of(s[0]), operator_of(m[:, :2, :2])]),
            np.stack([np.kron(s[0], x) for x in m[:, :2, :2]]),
        ),
        "definite kronecker": (L.LinearOperatorKronecker([positive(s[0]), positive(small)]), np.kron(s[0], small)),
        "blocks": (
            L.LinearOperatorBlockDiag([operator_of(s[0]), operator_of(m)]),
            np.stack([scipy.linalg.block_diag(s[0], x) for x in m]),
        ),
        "blocks below": (
            L.LinearOperatorBlockLowerTriangular([[operator_of(small)], [operator_of(low), operator_of(s[0])]]),
            np.block([[small, np.zeros((2, 3))], [low, s[0]]]),
        ),
        "low rank": (L.LinearOperatorLowRankUpdate(operator_of(base), u, d, v), base + (u * d) @ adjoint(v)),
        "definite low rank": (
            L.LinearOperatorLowRankUpdate(positive(base), u, d, is_diag_update_positive=True),
            base + (u * d) @ adjoint(u),
        ),
        "circulant": (
            L.LinearOperatorCirculant(spectrum, tf.complex128), np.stack([convolution(x) for x in spectrum]),
        ),
        "circulant 2D": (L.LinearOperatorCirculant2D(spectrum2, tf.complex128), convolution(spectrum2)),
        "circulant 3D": (L.LinearOperatorCirculant3D(spectrum3, tf.complex128), convolution(spectrum3)),
        "toeplitz": (L.LinearOperatorToeplitz(col, row), scipy.linalg.toeplitz(col, row)),
        "adjoint": (L.LinearOperatorAdjoint(operator_of(m)), adjoint(m)),
        "inversion": (L.LinearOperatorInversion(operator_of(m)), np.linalg.inv(m)),
        "permutation": (L.LinearOperatorPermutation(perm, dtype=tf.float64), np.eye(3)[perm]),
        "householder": (
            L.LinearOperatorHouseholder(axis), np.eye(3) - 2 * unit[..., :, None] * unit[..., None, :],
        ),
        "tridiagonal": (
            L.LinearOperatorTridiag(three),
            np.stack([np.diag(x[0, :-1], 1) + np.diag(x[1]) + np.diag(x[2, 1:], -1) for x in three]),
        ),
    }  # fmt: skip


CASES = _cases()


def _answers(operator, m):
    """(what, the operator's answer, the matrix's) for all that is defined."""
    x = random.normal(size=(m.shape[-1], 2)).astype(m.dtype)
    wide = np.broadcast_to(x, m.shape[:-2] + x.shape)
    yield "to_dense", operator.to_dense(), m
    yield "matmul", operator.matmul(x), m @ x
    yield "adjoint matmul", operator.matmul(x, adjoint=True), adjoint(m) @ x
    yield "matmul of adjoint", operator.matmul(adjoint(x), adjoint_arg=True), m @ x
    yield "matvec", operator.matvec(x[:, 0]), (m @ x)[..., 0]
    yield "add_to_tensor", operator.add_to_tensor(m), 2 * m
    yield "adjoint", operator.H.to_dense(), adjoint(m)
    yield "trace", operator.trace(), np.trace(m, 0, -2, -1)
    yield "diag_part", operator.diag_part(), np.diagonal(m, 0, -2, -1)
    yield "determinant", operator.determinant(), np.linalg.det(m)
    if m.ndim > 2:
        yield "slice", operator[:1].to_dense(), m[:1]
    if operator.is_non_singular is False:
        return
    yield "solve", operator.solve(x), np.linalg.solve(m, wide)
    yield "adjoint solve", operator.solve(adjoint(x), True, True), np.linalg.solve(adjoint(m), wide)
    yield "solvevec", operator.solvevec(x[:, 0]), np.linalg.solve(m, wide)[..., 0]
    yield "log_abs_determinant", operator.log_abs_determinant(), np.linalg.slogdet(m)[1]
    yield "inverse", operator.inverse().to_dense(), np.linalg.inv(m)
    yield "product", (operator @ operator).to_dense(), m @ m
    yield "quotient", operator.solve(operator).to_dense(), np.broadcast_to(np.eye(m.shape[-1]), m.shape)
    yield "cond", operator.cond(), np.linalg.cond(m)
    if operator.is_self_adjoint:
        yield "eigvals", tf.sort(tf.math.real(operator.eigvals())), np.linalg.eigvalsh(m)
        if operator.is_positive_definite:
            yield "cholesky", operator.cholesky().to_dense(), np.linalg.cholesky(m)


@pytest.mark.parametrize("name", CASES)
def test_answers(name):
    operator, m = CASES[name]
    assert operator.shape == m.shape and operator.batch_shape == m.shape[:-2] and operator.tensor_rank == m.ndim
    assert operator.domain_dimension == m.shape[-1] and operator.dtype.as_numpy_dtype == m.dtype
    for what, got, want in list(_answers(operator, m)):
        np.testing.assert_allclose(got, want, 1e-7, 1e-7, err_msg=what)


@pytest.mark.parametrize("name", ["full", "kronecker", "low rank", "circulant", "blocks", "tridiagonal"])
def test_unknown_shapes_in_a_graph(name):
    """An operator of placeholders of unknown shape gives the same, and its shape as a tensor."""
    operator, m = CASES[name]
    feeds = {}

    def fed(value):
        if isinstance(value, L.LinearOperator):
            return remade(value)
        if isinstance(value, (list, tuple)):
            return [fed(v) for v in value]
        if isinstance(value, np.ndarray):
            place = tf.compat.v1.placeholder(tf.as_dtype(value.dtype), None)
            feeds[place] = value
            return place
        return value

    def remade(operator):
        return type(operator)(**{k: fed(v) for k, v in operator.parameters.items()})

    x = real(m.shape[-1], 2).astype(m.dtype)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        same = remade(operator)
        y, z, shape = session.run([same.matmul(x), same.solve(x), same.shape_tensor()], feeds)
    np.testing.assert_allclose(y, m @ x, 1e-7, 1e-7)
    np.testing.assert_allclose(m @ z, np.broadcast_to(x, z.shape), 1e-7, 1e-7)
    np.testing.assert_array_equal(shape, m.shape)


def test_classes_of_products():
    diag, triangle = CASES["diag"][0], CASES["triangle"][0]
    assert isinstance(diag @ diag, L.LinearOperatorDiag) and isinstance(diag.inverse(), L.LinearOperatorDiag)
    assert isinstance(diag @ triangle, L.LinearOperatorLowerTriangular)
    assert isinstance(triangle.inverse() @ triangle, L.LinearOperatorIdentity)
    assert isinstance(CASES["full"][0] @ triangle, L.LinearOperatorComposition)
    full = CASES["full"][0]
    assert (full @ full.H).is_self_adjoint is True


def test_blocks_take_lists():
    for name in ("blocks", "blocks below"):
        operator, m = CASES[name]
        x = real(m.shape[-1], 2)
        parts = np.split(x, [operator._block_domain_dimensions()[0].value])
        got = operator.matmul(parts)
        assert len(got) == 2
        want = np.split(m @ x, [got[0].shape[-2]], axis=-2)
        for a, b in zip(got, want):
            np.testing.assert_allclose(np.broadcast_to(a, b.shape), b)
        back = operator.solve(list(got))
        np.testing.assert_allclose(m @ np.concatenate([np.broadcast_to(b, m.shape[:-2] + b.shape[-2:]) for b in back], -2),
                                   np.broadcast_to(m @ x, m.shape[:-2] + (m.shape[-1], 2)), 1e-7, 1e-7)  # fmt: skip


def test_variables_are_read_when_used():
    v = tf.Variable([1.0, 2.0])
    operator = L.LinearOperatorDiag(v)
    assert operator.variables == (v,) and operator.trainable_variables == (v,)
    v.assign([3.0, 4.0])
    np.testing.assert_array_equal(operator.to_dense(), np.diag([3.0, 4.0]))
    with tf.GradientTape() as tape:
        y = operator.log_abs_determinant()
    np.testing.assert_allclose(tape.gradient(y, v), [1 / 3, 1 / 4], 1e-6)


def test_functions_of_operators():
    operator, m = CASES["definite"]
    np.testing.assert_allclose(L.det(operator), np.linalg.det(m))
    np.testing.assert_allclose(L.logdet(operator), np.linalg.slogdet(m)[1])
    np.testing.assert_allclose(L.trace(operator), np.trace(m, 0, -2, -1))
    np.testing.assert_allclose(L.solve(operator, m), np.broadcast_to(np.eye(3), m.shape), 1e-9, 1e-9)
    np.testing.assert_allclose(L.inv(operator).to_dense(), np.linalg.inv(m))
    assert isinstance(L.cholesky(operator), L.LinearOperatorLowerTriangular)


def test_conjugate_gradient():
    m, b = definite(6), real(6)
    found = L.experimental.conjugate_gradient(positive(m), b, tol=1e-12, max_iter=30)
    np.testing.assert_allclose(m @ found.x.numpy(), b, 1e-8, 1e-8)
    assert 0 < found.i <= 30 and found._fields == ("i", "x", "r", "p", "gamma")
    with pytest.raises(ValueError, match="self-adjoint"):
        L.experimental.conjugate_gradient(operator_of(m), b)


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (ValueError, lambda: operator_of(np.eye(2), is_positive_definite=True, is_non_singular=False)),
        (ValueError, lambda: operator_of(np.ones(3))),
        (ValueError, lambda: L.LinearOperatorIdentity(-1)),
        (ValueError, lambda: L.LinearOperatorIdentity(2, is_square=False)),
        (TypeError, lambda: L.LinearOperatorIdentity(2.0)),
        (ValueError, lambda: operator_of(np.eye(2)).matmul(np.ones((3, 1)))),
        (TypeError, lambda: operator_of(np.eye(2)).matmul(np.ones((2, 1), np.float32))),
        (ValueError, lambda: operator_of(np.eye(2)).cholesky()),
        (NotImplementedError, lambda: operator_of(np.ones((2, 3))).determinant()),
        (NotImplementedError, lambda: L.LinearOperatorZeros(2).solve(np.ones((2, 1), np.float32))),
        (ValueError, lambda: L.LinearOperatorPermutation([0, 0])),
        (ValueError, lambda: L.LinearOperatorComposition([])),
        (ValueError, lambda: L.LinearOperatorComposition([operator_of(np.eye(2)), operator_of(np.eye(3))])),
        (tf.errors.InvalidArgumentError, lambda: L.LinearOperatorDiag([1.0, 0.0]).assert_non_singular()),
        (tf.errors.InvalidArgumentError, lambda: L.LinearOperatorDiag([1.0, -1.0]).assert_positive_definite()),
        (tf.errors.InvalidArgumentError, lambda: operator_of([[1.0, 2.0], [0.0, 1.0]]).assert_self_adjoint()),
    ],
)
def test_refusals(error, call):
    with pytest.raises(error):
        call()
