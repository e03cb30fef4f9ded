"""Solving systems of equations: with matrices as they are, with their triangles, with factors found before."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import NAMES, OPS, export, op
from ..engine.verified import verify
from ..scopes import name_scope
from .array import bad
from .core import cast
from .decompositions import ANY, h, in_float32, pseudo_inverse, singular
from .linalg import batch_of_matrices, diag, square


def _system(type, matrix, rhs):
    square(type, matrix)
    batch_of_matrices(type, rhs)
    if matrix.shape[-1] != rhs.shape[-2]:
        raise errors.InvalidArgumentError(
            None, None,
            f"Input matrix and rhs are incompatible: Dimensions must be equal, but are {matrix.shape[-1]} and "
            f"{rhs.shape[-2]} [Op:{type}]",
        )  # fmt: skip


def _of_one_batch(a, b):
    """Both with the leading dimensions they broadcast to."""
    try:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        said = f"In[0] and In[1] must have compatible batch dimensions: {list(a.shape)} vs. {list(b.shape)}"
        raise bad("MatrixTriangularSolve", said) from None
    return jnp.broadcast_to(a, (*batch, *a.shape[-2:])), jnp.broadcast_to(b, (*batch, *b.shape[-2:]))


def _same_outer(type, matrix, rhs):
    """Raises InvalidArgumentError unless both are of one batch: these ops of TensorFlow do not broadcast."""
    if matrix.shape[:-2] != rhs.shape[:-2]:
        what = "rank" if matrix.ndim != rhs.ndim else "outer dimensions"
        raise bad(type, f"All input tensors must have the same {what}: {list(matrix.shape)} vs. {list(rhs.shape)}.")


@op("MatrixSolve", "", verifies=True, **ANY)
@in_float32
def solve_kernel(matrix, rhs, *, adjoint=False, broadcast=False):
    _system("MatrixSolve", matrix, rhs)
    if not broadcast:
        _same_outer("MatrixSolve", matrix, rhs)
    matrix, rhs = _of_one_batch(matrix, rhs)
    if 0 in rhs.shape:
        return rhs
    out = jnp.linalg.solve(h(matrix) if adjoint else matrix, rhs)
    verify(singular(matrix, out) & jnp.isfinite(rhs).all(), "MatrixSolve", "Input matrix is not invertible.")
    return out


@export("linalg.solve", v1="linalg.solve matrix_solve batch_matrix_solve")
def solve(matrix, rhs, adjoint=False, name=None):
    """Solves matrix [..., n, n] X = rhs [..., n, k].  Raises InvalidArgumentError for singular matrices."""
    return record.call(OPS["MatrixSolve"], [matrix, rhs], {"adjoint": bool(adjoint)} if adjoint else None, name)


def solve_any_batch(matrix, rhs, adjoint=False):
    """`solve` of matrices and right-hand sides whose batches broadcast."""
    return record.call(OPS["MatrixSolve"], [matrix, rhs], {"adjoint": bool(adjoint), "broadcast": True}, None)


@op("MatrixTriangularSolve", "", **ANY)
@in_float32
def matrix_triangular_solve(matrix, rhs, *, lower=True, adjoint=False):
    _system("MatrixTriangularSolve", matrix, rhs)
    matrix, rhs = _of_one_batch(matrix, rhs)
    if 0 in rhs.shape:
        return rhs
    return lax.linalg.triangular_solve(
        matrix, rhs, left_side=True, lower=lower, transpose_a=adjoint, conjugate_a=adjoint
    )


@export("linalg.triangular_solve", v1="linalg.triangular_solve matrix_triangular_solve batch_matrix_triangular_solve")
def triangular_solve(matrix, rhs, lower=True, adjoint=False, name=None):
    """Solves matrix [..., n, n] X = rhs [..., n, k], reading one triangle of the matrix."""
    with name_scope(name, "triangular_solve", [matrix, rhs]):
        settings = {"lower": bool(lower), "adjoint": bool(adjoint)}
        return record.call(OPS["MatrixTriangularSolve"], [matrix, rhs], settings, None)


@op("MatrixSolveLs", "", own="l2_regularizer", **ANY)
@in_float32
def matrix_solve_ls(matrix, rhs, l2_regularizer, *, fast=True):
    batch_of_matrices("MatrixSolveLs", matrix, rhs)
    if matrix.shape[-2] != rhs.shape[-2]:
        raise errors.InvalidArgumentError(
            None, None, f"Dimensions must be equal, but are {matrix.shape[-2]} and {rhs.shape[-2]} [Op:MatrixSolveLs]"
        )
    if not fast:
        _same_outer("MatrixSolveLs", matrix, rhs)
    m, n = matrix.shape[-2:]
    if 0 in matrix.shape or 0 in rhs.shape:
        batch = np.broadcast_shapes(matrix.shape[:-2], rhs.shape[:-2])
        return jnp.zeros((*batch, n, rhs.shape[-1]), rhs.dtype)
    if not fast:  # the solution of least norm; TensorFlow, too, leaves the regularizer out here
        small = max(m, n) * np.finfo(matrix.dtype).eps
        return jnp.matmul(pseudo_inverse(matrix, jnp.asarray(small, np.finfo(matrix.dtype).dtype)), rhs)
    wide = m < n
    gram = jnp.matmul(matrix, h(matrix)) if wide else jnp.matmul(h(matrix), matrix)
    root = lax.linalg.cholesky(gram + l2_regularizer.astype(matrix.dtype) * jnp.eye(min(m, n), dtype=matrix.dtype))

    def through(b):
        factor, b = _of_one_batch(root, b)
        y = lax.linalg.triangular_solve(factor, b, left_side=True, lower=True)
        return lax.linalg.triangular_solve(factor, y, left_side=True, lower=True, transpose_a=True, conjugate_a=True)

    return jnp.matmul(h(matrix), through(rhs)) if wide else through(jnp.matmul(h(matrix), rhs))


@export("linalg.lstsq", v1="linalg.lstsq matrix_solve_ls batch_matrix_solve_ls")
def lstsq(matrix, rhs, l2_regularizer=0.0, fast=True, name=None):
    """Minimizes |matrix [..., m, n] X - rhs [..., m, k]|^2 + l2_regularizer |X|^2, by the normal equations where
    `fast`.
    """
    l2_regularizer = record.convert_to_tensor(l2_regularizer, None, preferred_dtype=dtypes.float64)
    settings = {"fast": bool(fast)}
    return record.call(OPS["MatrixSolveLs"], [matrix, rhs, l2_regularizer], settings, name, "matrix_solve_ls")


# -- with factors found before ----------------------------------------------------------------------------------------
@export("linalg.cholesky_solve", v1="linalg.cholesky_solve cholesky_solve batch_cholesky_solve")
def cholesky_solve(chol, rhs, name=None):
    """Solves A X = rhs [..., n, k], given the Cholesky factor of A [..., n, n]."""
    with name_scope(name, "cholesky_solve", [chol, rhs]):
        y = triangular_solve(chol, rhs, lower=True)
        return triangular_solve(chol, y, lower=True, adjoint=True)


def _factors(lower_upper, perm):
    """The factors as tensors.  Raises ValueError for ranks that do not fit."""
    lower_upper = record.convert_to_tensor(lower_upper, name="lower_upper")
    perm = record.convert_to_tensor(perm, dtypes.int32 if not isinstance(perm, record.Tensor) else None, name="perm")
    rank = lower_upper._rank()
    if rank is not None and rank < 2:
        raise ValueError(f"Input `lower_upper` must have at least 2 dimensions. Received rank: {rank}")
    if rank is not None and perm._rank() is not None and rank != perm._rank() + 1:
        raise ValueError(
            f"Input `lower_upper` and `perm` must have ranks that differ by one. Received: {rank} and {perm._rank()}"
        )
    return lower_upper, perm


def _checked(lower_upper, perm, validate_args, rhs=None):
    """Where `validate_args`: the factors, once it is known that `perm` is a permutation and the sizes fit."""
    if not validate_args:
        return lower_upper
    from ..scopes import control_dependencies

    assert_equal, assert_less = (NAMES["v1"][f"debugging.assert_{k}"] for k in ("equal", "less"))
    shape = OPS["Shape"].public
    n = shape(lower_upper)[-1]
    checks = [
        assert_equal(n, shape(lower_upper)[-2], message="`lower_upper` must be square."),
        assert_less(perm, cast(n, perm.dtype), message="`lower_upper`/`perm` must be compatible."),
    ]
    if rhs is not None:
        checks.append(assert_equal(shape(rhs)[-2], n, message="`lower_upper` must be square and fit `rhs`."))
    with control_dependencies([c for c in checks if c is not None]):
        return OPS["Identity"].public(lower_upper)


@op("LuReconstruct", "", own="perm", **ANY)
def lu_reconstruct_kernel(lower_upper, perm):
    n = lower_upper.shape[-1]
    product = jnp.matmul(jnp.tril(lower_upper, -1) + jnp.eye(n, dtype=lower_upper.dtype), jnp.triu(lower_upper))
    back = jnp.argsort(perm, -1)
    return jnp.take_along_axis(product, back[..., None], -2)


@export("linalg.lu_reconstruct")
def lu_reconstruct(lower_upper, perm, validate_args=False, name=None):
    """The matrices [..., n, n] whose `lu` these are."""
    with name_scope(name, "lu_reconstruct", [lower_upper, perm]):
        lower_upper, perm = _factors(lower_upper, perm)
        lower_upper = _checked(lower_upper, perm, validate_args)
        return record.call(OPS["LuReconstruct"], [lower_upper, perm], None, None)


@op("LuSolve", "", own="perm rhs", **ANY)
def lu_solve_kernel(lower_upper, perm, rhs):
    lower_upper, rhs = _of_one_batch(lower_upper, rhs)
    if 0 in rhs.shape:
        return rhs
    perm = jnp.broadcast_to(perm, rhs.shape[:-1])
    rhs = jnp.take_along_axis(rhs, perm[..., None], -2)
    y = lax.linalg.triangular_solve(lower_upper, rhs, left_side=True, lower=True, unit_diagonal=True)
    return lax.linalg.triangular_solve(lower_upper, y, left_side=True, lower=False)


@export("linalg.lu_solve")
def lu_solve(lower_upper, perm, rhs, validate_args=False, name=None):
    """Solves A X = rhs [..., n, k], given the `lu` of A.  Raises ValueError for ranks that do not fit."""
    with name_scope(name, "lu_solve", [lower_upper, perm, rhs]):
        lower_upper, perm = _factors(lower_upper, perm)
        rhs = record.convert_to_tensor(rhs, lower_upper.dtype, name="rhs")
        if rhs._rank() is not None and rhs._rank() < 2:
            raise ValueError(f"Input `rhs` must have at least 2 dimensions. Received rank: {rhs._rank()}")
        lower_upper = _checked(lower_upper, perm, validate_args, rhs)
        return record.call(OPS["LuSolve"], [lower_upper, perm, rhs], None, None)


@export("linalg.lu_matrix_inverse")
def lu_matrix_inverse(lower_upper, perm, validate_args=False, name=None):
    """The inverse of A, given its `lu`."""
    with name_scope(name, "lu_matrix_inverse", [lower_upper, perm]):
        lower_upper, perm = _factors(lower_upper, perm)
        ones = OPS["OnesLike"].public(lower_upper[..., 0])
        return lu_solve(lower_upper, perm, diag(ones), validate_args)
