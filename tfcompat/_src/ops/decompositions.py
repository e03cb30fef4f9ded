"""Decompositions of matrices and what solves with them.

TensorFlow on a CPU raises for a matrix that is singular or not positive definite.  A compiled program cannot: the
result is then NaN or infinite, as TensorFlow's is on a GPU.  Signs of eigenvectors and singular vectors are not
determined, and may differ.
"""

from __future__ import annotations

from collections import namedtuple

import jax
import jax.numpy as jnp
import jax.scipy.linalg as jsl
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..scopes import name_scope
from .core import cast
from .linalg import batch_of_matrices, diag_part, matrix_transpose, square
from .math import with_jvp
from .reductions import reduce_max, reduce_sum

_ANY = dict(dtypes="float16 float32 float64 complex64 complex128")

Qr = namedtuple("Qr", "q r")
Lu = namedtuple("Lu", "lu p")
LogMatrixDeterminant = namedtuple("LogMatrixDeterminant", "sign log_abs_determinant")
SelfAdjointEigV2 = namedtuple("SelfAdjointEigV2", "e v")
Svd = namedtuple("Svd", "s u v")


def _h(x):
    return jnp.conj(jnp.swapaxes(x, -1, -2))


def _from_lower(x):
    """The self-adjoint matrix of the lower triangle; of the diagonal the real part counts."""
    below = jnp.tril(x, -1)
    diagonal = jnp.tril(jnp.triu(jnp.real(x) if jnp.iscomplexobj(x) else x))
    return below + _h(below) + diagonal


# -- determinants and inverses ----------------------------------------------------------------------------------------
@op("MatrixDeterminant", "linalg.det", "linalg.det matrix_determinant batch_matrix_determinant", **_ANY)
def det(input):
    """input [..., n, n] -> [...]."""
    square("MatrixDeterminant", input)
    return jnp.linalg.det(input) if input.shape[-1] else jnp.ones(input.shape[:-2], input.dtype)


@op("LogMatrixDeterminant", "", **_ANY)
def log_matrix_determinant(input):
    square("LogMatrixDeterminant", input)
    return tuple(jnp.linalg.slogdet(input))


@export("linalg.slogdet")
def slogdet(input, name=None):
    """(sign, log of the absolute value) of the determinants of input [..., n, n]."""
    return LogMatrixDeterminant(*record.call(OPS["LogMatrixDeterminant"], [input], None, name))


@export("linalg.logdet")
def logdet(matrix, name=None):
    """The log of the determinant of Hermitian positive definite matrices [..., n, n]."""
    with name_scope(name, "logdet", [matrix]):
        root = cholesky(matrix)
        diagonal = diag_part(root)
        if diagonal.dtype.is_complex:
            diagonal = OPS["Real"].public(diagonal)
        return 2.0 * reduce_sum(OPS["Log"].public(diagonal), [-1])


@op("MatrixInverse", "linalg.inv", "linalg.inv matrix_inverse batch_matrix_inverse", **_ANY)
def inv(input, *, adjoint=False):
    """input [..., n, n] -> [..., n, n]; of the adjoint where `adjoint`."""
    square("MatrixInverse", input)
    return jnp.linalg.inv(_h(input) if adjoint else input)


@export("linalg.pinv")
def pinv(a, rcond=None, validate_args=False, name=None):
    """The Moore-Penrose inverse of a [..., m, n]; singular values below `rcond` times the largest count as zero."""
    with name_scope(name or "pinv", None, [a]):
        a = record.convert_to_tensor(a, name="a")
        if not a.dtype.is_floating:
            raise TypeError(f"Input `a` must have `float`-like `dtype` (saw {a.dtype.name}).")
        if a._rank() is not None and a._rank() < 2:
            raise ValueError(f"Input `a` must have at least 2 dimensions (saw: {a._rank()}).")
        return record.call(OPS["PseudoInverse"], [a], {"rcond": rcond}, None, "pinv")


def _pseudo_inverse(a, rcond=None):
    u, s, vh = jnp.linalg.svd(a, full_matrices=False)
    if rcond is None:
        rcond = 10.0 * max(a.shape[-2:]) * np.finfo(np.dtype(a.dtype)).eps
    kept = s > jnp.asarray(rcond, s.dtype)[..., None] * jnp.max(s, -1, keepdims=True)
    inverse = jnp.where(kept, 1 / jnp.where(kept, s, 1), 0)
    return jnp.matmul(_h(vh) * inverse[..., None, :], _h(u))


@op("PseudoInverse", "")
def pseudo_inverse(a, *, rcond=None):
    return _pseudo_inverse(a, rcond)


@export("linalg.matrix_rank")
def matrix_rank(a, tol=None, validate_args=False, name=None):
    """How many singular values of a [..., m, n] exceed `tol` (default: eps * max(m, n) * the largest), int32."""
    with name_scope(name or "matrix_rank", None, [a]):
        a = record.convert_to_tensor(a, name="a")
        if not a.dtype.is_floating:
            raise TypeError(f"Input `a` must have `float`-like `dtype` (saw {a.dtype.name}).")
        s = svd(a, compute_uv=False)
        if tol is None:
            size = max(d or 0 for d in a._shape_tuple()[-2:])
            tol = np.asarray(np.finfo(np.dtype(a.dtype.np)).eps * size, a.dtype.np) * reduce_max(s, -1, keepdims=True)
        return reduce_sum(cast(s > tol, dtypes.int32), -1)


# -- Cholesky, QR, LU -------------------------------------------------------------------------------------------------
@op("Cholesky", "linalg.cholesky", "linalg.cholesky cholesky batch_cholesky", **_ANY)
def cholesky(input):
    """input [..., n, n], of which only the lower triangle is read -> lower triangular [..., n, n]."""
    square("Cholesky", input)
    both = (input + _h(input)) / 2  # the gradient is shared by both triangles, as TensorFlow's is
    return lax.linalg.cholesky(both + lax.stop_gradient(_from_lower(input) - both), symmetrize_input=False)


@export("linalg.cholesky_solve", v1="linalg.cholesky_solve cholesky_solve batch_cholesky_solve")
def cholesky_solve(chol, rhs, name=None):
    """Solves A X = rhs [..., n, k], given the Cholesky factor of A [..., n, n]."""
    with name_scope(name, "cholesky_solve", [chol, rhs]):
        y = triangular_solve(chol, rhs, lower=True)
        return triangular_solve(chol, y, lower=True, adjoint=True)


@op("Qr", "", **_ANY)
def qr_kernel(input, *, full_matrices=False):
    batch_of_matrices("Qr", input)
    return tuple(jnp.linalg.qr(input, mode="complete" if full_matrices else "reduced"))


@export("linalg.qr", v1="linalg.qr qr")
def qr(input, full_matrices=False, name=None):
    """input [..., m, n] -> (q [..., m, p], r [..., p, n]) with p = min(m, n), or m where `full_matrices`."""
    return Qr(*record.call(OPS["Qr"], [input], {"full_matrices": bool(full_matrices)}, name))


@op("Lu", "", **_ANY)
def lu_kernel(input, *, output_idx_type=dtypes.int32):
    square("Lu", input)
    both, _, permutation = lax.linalg.lu(input)
    return both, permutation.astype(output_idx_type.np)


@export("linalg.lu")
def lu(input, output_idx_type=dtypes.int32, name=None):
    """input [..., n, n] -> (L and U in one matrix, the permutation [..., n] of the rows)."""
    return Lu(*record.call(OPS["Lu"], [input], {"output_idx_type": dtypes.as_dtype(output_idx_type)}, name))


@op("LuReconstruct", "", own="perm")
def lu_reconstruct_kernel(lower_upper, perm):
    n = lower_upper.shape[-1]
    product = jnp.matmul(jnp.tril(lower_upper, -1) + jnp.eye(n, dtype=lower_upper.dtype), jnp.triu(lower_upper))
    back = jnp.argsort(perm, -1)
    return jnp.take_along_axis(product, back[..., None], -2)


@export("linalg.lu_reconstruct")
def lu_reconstruct(lower_upper, perm, validate_args=False, name=None):
    """The matrices [..., n, n] whose `lu` these are."""
    return record.call(OPS["LuReconstruct"], [lower_upper, perm], None, name, "lu_reconstruct")


@op("LuSolve", "", own="perm")
def lu_solve_kernel(lower_upper, perm, rhs):
    rhs = jnp.take_along_axis(rhs, perm[..., None], -2)
    y = lax.linalg.triangular_solve(lower_upper, rhs, left_side=True, lower=True, unit_diagonal=True)
    return lax.linalg.triangular_solve(lower_upper, y, left_side=True, lower=False)


@export("linalg.lu_solve")
def lu_solve(lower_upper, perm, rhs, validate_args=False, name=None):
    """Solves A X = rhs [..., n, k], given the `lu` of A."""
    return record.call(OPS["LuSolve"], [lower_upper, perm, rhs], None, name, "lu_solve")


@export("linalg.lu_matrix_inverse")
def lu_matrix_inverse(lower_upper, perm, validate_args=False, name=None):
    """The inverse of A, given its `lu`."""
    lower_upper = record.convert_to_tensor(lower_upper)
    identity = OPS["OnesLike"].public(diag_part(lower_upper))
    return lu_solve(lower_upper, perm, OPS["MatrixDiagV3"].public(identity), name=name)


# -- eigenvalues, singular values -------------------------------------------------------------------------------------
@op("SelfAdjointEigV2", "", name="SelfAdjointEigV2", **_ANY)
def self_adjoint_eig_kernel(input, *, compute_v=True):
    square("SelfAdjointEigV2", input)
    sym = _from_lower(input)
    if not compute_v:
        return jnp.linalg.eigvalsh(sym, symmetrize_input=False).astype(input.dtype)
    e, v = jnp.linalg.eigh(sym, symmetrize_input=False)
    return e.astype(input.dtype), v


@export("linalg.eigh", v1="linalg.eigh self_adjoint_eig batch_self_adjoint_eig")
def eigh(tensor, name=None):
    """tensor [..., n, n], self-adjoint -> (eigenvalues [..., n], ascending; eigenvectors [..., n, n], as columns)."""
    return SelfAdjointEigV2(*record.call(OPS["SelfAdjointEigV2"], [tensor], None, name))


@export("linalg.eigvalsh", v1="linalg.eigvalsh self_adjoint_eigvals batch_self_adjoint_eigvals")
def eigvalsh(tensor, name=None):
    """The eigenvalues [..., n] of self-adjoint matrices [..., n, n], ascending."""
    return record.call(OPS["SelfAdjointEigV2"], [tensor], {"compute_v": False}, name)


@op("Eig", "", **_ANY)
def eig_kernel(input, *, compute_v=True):
    square("Eig", input)
    return tuple(jnp.linalg.eig(input)) if compute_v else jnp.linalg.eigvals(input)


@export("linalg.eig eig", v1="")
def eig(tensor, name=None):
    """tensor [..., n, n] -> (eigenvalues [..., n], eigenvectors [..., n, n] as columns), complex, in no order."""
    return tuple(record.call(OPS["Eig"], [tensor], None, name))


@export("linalg.eigvals eigvals", v1="")
def eigvals(tensor, name=None):
    """The eigenvalues [..., n] of matrices [..., n, n], complex, in no order."""
    return record.call(OPS["Eig"], [tensor], {"compute_v": False}, name)


@op("Svd", "", **_ANY)
def svd_kernel(input, *, full_matrices=False, compute_uv=True):
    batch_of_matrices("Svd", input)
    if not compute_uv:
        return jnp.linalg.svd(input, compute_uv=False).astype(input.dtype)
    u, s, vh = jnp.linalg.svd(input, full_matrices=full_matrices)
    return s.astype(input.dtype), u, _h(vh)


@export("linalg.svd", v1="linalg.svd svd batch_svd")
def svd(tensor, full_matrices=False, compute_uv=True, name=None):
    """tensor [..., m, n] -> (s [..., p], u [..., m, p], v [..., n, p]), p = min(m, n); without `compute_uv` only s."""
    settings = {"full_matrices": bool(full_matrices), "compute_uv": bool(compute_uv)}
    out = record.call(OPS["Svd"], [tensor], settings, name)
    if not compute_uv:
        return cast(OPS["Real"].public(out), out.dtype.real_dtype) if out.dtype.is_complex else out
    s, u, v = out
    return Svd(OPS["Real"].public(s) if s.dtype.is_complex else s, u, v)


# -- solving ----------------------------------------------------------------------------------------------------------
def _system(type, matrix, rhs):
    square(type, matrix)
    batch_of_matrices(type, rhs)
    if matrix.shape[-1] != rhs.shape[-2]:
        raise errors.InvalidArgumentError(
            None, None,
            f"Input matrix and rhs are incompatible: Dimensions must be equal, but are {matrix.shape[-1]} and "
            f"{rhs.shape[-2]} [Op:{type}]",
        )  # fmt: skip


@op("MatrixSolve", "linalg.solve", "linalg.solve matrix_solve batch_matrix_solve", **_ANY)
def solve(matrix, rhs, *, adjoint=False):
    """Solves matrix [..., n, n] X = rhs [..., n, k]."""
    _system("MatrixSolve", matrix, rhs)
    return jnp.linalg.solve(_h(matrix) if adjoint else matrix, rhs)


@op("MatrixTriangularSolve", "", **_ANY)
def matrix_triangular_solve(matrix, rhs, *, lower=True, adjoint=False):
    _system("MatrixTriangularSolve", matrix, rhs)
    batch = np.broadcast_shapes(matrix.shape[:-2], rhs.shape[:-2])
    matrix = jnp.broadcast_to(matrix, (*batch, *matrix.shape[-2:]))
    rhs = jnp.broadcast_to(rhs, (*batch, *rhs.shape[-2:]))
    return lax.linalg.triangular_solve(
        matrix, rhs, left_side=True, lower=lower, transpose_a=adjoint, conjugate_a=adjoint
    )


@export("linalg.triangular_solve", v1="linalg.triangular_solve matrix_triangular_solve batch_matrix_triangular_solve")
def triangular_solve(matrix, rhs, lower=True, adjoint=False, name=None):
    """Solves matrix [..., n, n] X = rhs [..., n, k], reading one triangle of the matrix."""
    with name_scope(name, "triangular_solve", [matrix, rhs]):
        settings = {"lower": bool(lower), "adjoint": bool(adjoint)}
        return record.call(OPS["MatrixTriangularSolve"], [matrix, rhs], settings, None)


@op("MatrixSolveLs", "", **_ANY)
def matrix_solve_ls(matrix, rhs, *, l2_regularizer=0.0, fast=True):
    batch_of_matrices("MatrixSolveLs", matrix, rhs)
    if matrix.shape[-2] != rhs.shape[-2]:
        raise errors.InvalidArgumentError(
            None, None, f"Dimensions must be equal, but are {matrix.shape[-2]} and {rhs.shape[-2]} [Op:MatrixSolveLs]"
        )
    if not fast:  # the solution of least norm; TensorFlow, too, leaves the regularizer out here
        return jnp.matmul(_pseudo_inverse(matrix), rhs)
    m, n = matrix.shape[-2:]
    wide = m < n
    gram = jnp.matmul(matrix, _h(matrix)) if wide else jnp.matmul(_h(matrix), matrix)
    root = lax.linalg.cholesky(gram + l2_regularizer * jnp.eye(min(m, n), dtype=matrix.dtype))

    def through(b):
        y = lax.linalg.triangular_solve(root, b, left_side=True, lower=True)
        return lax.linalg.triangular_solve(root, y, left_side=True, lower=True, transpose_a=True, conjugate_a=True)

    return jnp.matmul(_h(matrix), through(rhs)) if wide else through(jnp.matmul(_h(matrix), rhs))


@export("linalg.lstsq", v1="linalg.lstsq matrix_solve_ls batch_matrix_solve_ls")
def lstsq(matrix, rhs, l2_regularizer=0.0, fast=True, name=None):
    """Minimizes |matrix [..., m, n] X - rhs [..., m, k]|^2 + l2_regularizer |X|^2, by the normal equations where
    `fast`.
    """
    settings = {"l2_regularizer": l2_regularizer, "fast": bool(fast)}
    return record.call(OPS["MatrixSolveLs"], [matrix, rhs], settings, name, "matrix_solve_ls")


# -- functions of matrices --------------------------------------------------------------------------------------------
@op("MatrixExponential", "linalg.expm", name="matrix_exponential", **_ANY)
def expm(input):
    """The matrix exponential of input [..., n, n]."""
    square("MatrixExponential", input)
    return jsl.expm(input)


def _sqrtm_of_one(x):
    value = jsl.sqrtm(x)
    return value if jnp.iscomplexobj(x) else jnp.real(value).astype(x.dtype)


def _sqrtm_tangent(x, out, t):
    """The root R of x changes by the solution of R S + S R = t."""
    n = x.shape[-1]
    eye = jnp.eye(n, dtype=x.dtype)
    system = jnp.kron(out, eye) + jnp.kron(eye, out.T)
    return jnp.linalg.solve(system, t.reshape(n * n)).reshape(n, n)


_sqrtm = with_jvp(_sqrtm_of_one, _sqrtm_tangent)


@op("MatrixSquareRoot", "linalg.sqrtm matrix_square_root", name="MatrixSquareRoot", **_ANY)
def sqrtm(input):
    """The principal square root of input [..., n, n]; on the CPU only."""
    square("MatrixSquareRoot", input)
    flat = input.reshape(-1, *input.shape[-2:])
    return jax.vmap(_sqrtm)(flat).reshape(input.shape)


# -- tridiagonal systems ----------------------------------------------------------------------------------------------
def _diagonals(diagonals, diagonals_format):
    """The super-, main and subdiagonal, each [..., n], of a tridiagonal matrix in one of TensorFlow's three forms."""
    if diagonals_format == "compact":
        d = record.convert_to_tensor(diagonals)
        return d[..., 0, :], d[..., 1, :], d[..., 2, :]
    if diagonals_format == "sequence":
        if len(diagonals) != 3:
            raise ValueError("Expected diagonals to be a sequence of length 3.")
        return tuple(record.convert_to_tensor(d) for d in diagonals)
    if diagonals_format == "matrix":
        d = diag_part(diagonals, k=(-1, 1), align="LEFT_RIGHT")
        return d[..., 0, :], d[..., 1, :], d[..., 2, :]
    raise ValueError(f"Unrecognized diagonals_format: {diagonals_format}")


@op("TridiagonalMatMul", "", **_ANY)
def tridiagonal_matmul_kernel(superdiag, maindiag, subdiag, rhs):
    last = jnp.zeros_like(rhs[..., :1, :])
    up = jnp.concatenate([rhs[..., 1:, :], last], -2)
    down = jnp.concatenate([last, rhs[..., :-1, :]], -2)
    return superdiag[..., None] * up + maindiag[..., None] * rhs + subdiag[..., None] * down


@export("linalg.tridiagonal_matmul")
def tridiagonal_matmul(diagonals, rhs, diagonals_format="compact", name=None):
    """A tridiagonal matrix times rhs [..., n, k]."""
    with name_scope(name, "tridiagonal_matmul", [rhs]):
        parts = _diagonals(diagonals, diagonals_format)
        return record.call(OPS["TridiagonalMatMul"], [*parts, rhs], None, None)


@op("TridiagonalSolve", "", **_ANY)
def tridiagonal_solve_kernel(superdiag, maindiag, subdiag, rhs, *, conjugate_rhs=False):
    rhs = jnp.conj(rhs) if conjugate_rhs else rhs
    subdiag = subdiag.at[..., 0].set(0)
    superdiag = superdiag.at[..., -1].set(0)
    return lax.linalg.tridiagonal_solve(subdiag, maindiag, superdiag, rhs)


@export("linalg.tridiagonal_solve")
def tridiagonal_solve(diagonals, rhs, diagonals_format="compact", transpose_rhs=False, conjugate_rhs=False, name=None,
                      partial_pivoting=True, perturb_singular=False):  # fmt: skip
    """Solves a tridiagonal system for rhs [..., n, k] or [..., n].  NotImplementedError for `perturb_singular`."""
    if perturb_singular:
        raise NotImplementedError("tf.linalg.tridiagonal_solve: perturb_singular is not supported by tfcompat.")
    with name_scope(name, "tridiagonal_solve", [rhs]):
        parts = _diagonals(diagonals, diagonals_format)
        rhs = record.convert_to_tensor(rhs)
        vector = rhs._rank() == parts[1]._rank()
        if vector:
            rhs = OPS["ExpandDims"].public(rhs, -1)
        elif transpose_rhs:
            rhs = matrix_transpose(rhs)
        out = record.call(OPS["TridiagonalSolve"], [*parts, rhs], {"conjugate_rhs": bool(conjugate_rhs)}, None)
        return OPS["Squeeze"].public(out, axis=[-1]) if vector else out


@op("EighTridiagonal", "")
def eigh_tridiagonal_kernel(alpha, beta, *, eigvals_only=True, first=0, last=None):
    n = alpha.shape[-1]
    on, below = np.arange(n), np.arange(max(n - 1, 0))
    full = jnp.zeros((*alpha.shape, n), beta.dtype).at[..., on, on].set(alpha.astype(beta.dtype))
    e, v = jnp.linalg.eigh(_from_lower(full.at[..., below + 1, below].set(beta)), symmetrize_input=False)
    return e[..., first:last] if eigvals_only else (e[..., first:last], v[..., first:last])


@export("linalg.eigh_tridiagonal")
def eigh_tridiagonal(alpha, beta, eigvals_only=True, select="a", select_range=None, tol=None, name=None):
    """Eigenvalues, and vectors, of tridiagonal matrices with diagonal alpha [..., n] and subdiagonal beta [..., n - 1].

    select 'i' takes those numbered `select_range`, both ends included; 'v' raises NotImplementedError.
    """
    if select not in ("a", "i", "v"):
        raise ValueError("'select must have a value in {'a', 'i', 'v'}.")
    if select == "v":
        raise NotImplementedError("tf.linalg.eigh_tridiagonal: select='v' is not supported by tfcompat.")
    settings = {"eigvals_only": bool(eigvals_only)}
    if select == "i":
        low, high = select_range
        settings.update(first=int(low), last=int(high) + 1)
    with name_scope(name or "eigh_tridiagonal", None, [alpha, beta]):
        out = record.call(OPS["EighTridiagonal"], [alpha, beta], settings, None)
        return tuple(out) if isinstance(out, list) else out
