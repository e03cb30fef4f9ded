"""Decompositions of matrices and what solves with them.

TensorFlow on a CPU raises for a matrix that is singular or not positive definite.  A compiled program cannot: the
result is then NaN or infinite, as TensorFlow's is on a GPU.  Signs of eigenvectors and singular vectors are not
determined, and may differ.
"""

from __future__ import annotations

import functools
from collections import namedtuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, record
from ..declare import OPS, export, op
from ..engine.verified import verify
from ..scopes import name_scope
from .core import cast
from .linalg import batch_of_matrices, diag_part, square
from .reductions import reduce_max, reduce_sum

ANY = dict(dtypes="float16 float32 float64 complex64 complex128")

Qr = namedtuple("Qr", "q r")
Lu = namedtuple("Lu", "lu p")
LogMatrixDeterminant = namedtuple("LogMatrixDeterminant", "sign log_abs_determinant")
SelfAdjointEigV2 = namedtuple("SelfAdjointEigV2", "e v")
Svd = namedtuple("Svd", "s u v")


def h(x):
    """The adjoint of matrices [..., n, m]."""
    return jnp.conj(jnp.swapaxes(x, -1, -2))


def in_float32(kernel):
    """`kernel` for float16, too: LAPACK has none, so that is computed in float32."""

    @functools.wraps(kernel)
    def wide(*inputs, **settings):
        if inputs[0].dtype != np.float16:
            return kernel(*inputs, **settings)
        out = kernel(*[x.astype(np.float32) if x.dtype == np.float16 else x for x in inputs], **settings)
        narrow = [y.astype(np.float16) if y.dtype == np.float32 else y for y in jax.tree.leaves(out)]
        return tuple(narrow) if isinstance(out, tuple) else narrow[0]

    return wide


def _safe_reciprocal(x):
    """1 / x, and 0 at 0: what TensorFlow's gradients take for equal eigenvalues or vanishing singular values."""
    return jnp.where(x == 0, 0, jnp.conj(x) / jnp.where(x == 0, 1, jnp.real(x * jnp.conj(x)) + 1e-20)).astype(x.dtype)


def from_lower(x):
    """The self-adjoint matrix of the lower triangle; of the diagonal the real part counts."""
    below = jnp.tril(x, -1)
    diagonal = jnp.tril(jnp.triu(jnp.real(x) if jnp.iscomplexobj(x) else x))
    return below + h(below) + diagonal


# -- determinants and inverses ----------------------------------------------------------------------------------------
@op("MatrixDeterminant", "linalg.det", "linalg.det matrix_determinant batch_matrix_determinant", **ANY)
@in_float32
def det(input):
    """input [..., n, n] -> [...]."""
    square("MatrixDeterminant", input)
    return jnp.ones(input.shape[:-2], input.dtype) if 0 in input.shape else _det(input)


def _pivots(x):
    """(the pivots [..., n] of elimination, the sign of the row exchanges [...]): their product is the determinant."""
    both, exchanged, _ = lax.linalg.lu(x)
    swaps = jnp.sum(exchanged != np.arange(x.shape[-1]), -1)
    return jnp.diagonal(both, axis1=-2, axis2=-1), (1 - 2 * (swaps % 2)).astype(x.dtype)


@jax.custom_jvp
def _det(x):
    pivots, sign = _pivots(x)
    return jnp.prod(pivots, -1) * sign


@_det.defjvp
def _det_jvp(primals, tangents):
    # By cofactors, which exist for singular matrices, too.
    return _det(*primals), jax.jvp(jnp.linalg.det, primals, tangents)[1]


@op("LogMatrixDeterminant", "", **ANY)
@in_float32
def log_matrix_determinant(input):
    square("LogMatrixDeterminant", input)
    if 0 in input.shape:
        return jnp.ones(input.shape[:-2], input.dtype), jnp.zeros(input.shape[:-2], input.dtype)
    pivots, sign = _pivots(lax.stop_gradient(input))
    log = jnp.sum(jnp.log(jnp.abs(pivots)), -1).astype(input.dtype)
    return sign * jnp.prod(jnp.sign(pivots), -1), _log_of_det(input, log)


@jax.custom_jvp
def _log_of_det(x, log):
    """`log`, with the derivative of the log of the determinant of x, as TensorFlow has it for complex x, too."""
    return log


@_log_of_det.defjvp
def _log_of_det_jvp(primals, tangents):
    x, log = primals
    return log, jnp.trace(jnp.linalg.solve(x, tangents[0]), axis1=-2, axis2=-1)


@export("linalg.slogdet")
def slogdet(input, name=None):
    """(sign, log of the absolute value) of the determinants of input [..., n, n], both of its dtype."""
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


@op("MatrixInverse", "linalg.inv", "linalg.inv matrix_inverse batch_matrix_inverse", verifies=True, **ANY)
@in_float32
def inv(input, *, adjoint=False):
    """input [..., n, n] -> [..., n, n]; of the adjoint where `adjoint`.  Raises InvalidArgumentError for singular matrices."""
    square("MatrixInverse", input)
    if 0 in input.shape:
        return input
    out = jnp.linalg.inv(h(input) if adjoint else input)
    verify(singular(input, out), "MatrixInverse", "Input is not invertible.")
    return out


def singular(matrix, out):
    """Whether a pivot of one of the matrices is zero, where `out` is what follows from dividing by the pivots."""
    matrix, out = lax.stop_gradient(matrix), lax.stop_gradient(out)
    suspect = ~jnp.isfinite(out).all() & jnp.isfinite(matrix).all()
    return lax.cond(suspect, lambda m: zero_pivot(lax.linalg.lu(m)[0]), lambda m: jnp.zeros((), bool), matrix)


def zero_pivot(factors):
    """Whether L and U in one matrix show that a matrix is singular."""
    return jnp.any(jnp.diagonal(lax.stop_gradient(factors), axis1=-2, axis2=-1) == 0)


@export("linalg.pinv")
def pinv(a, rcond=None, validate_args=False, name=None):
    """The Moore-Penrose inverse of a [..., m, n]; singular values up to `rcond` times the largest count as zero.

    Raises TypeError for a dtype that is not floating, ValueError for a rank below 2.
    """
    with name_scope(name or "pinv", None, [a]):
        a = _real_matrices(a)
        if rcond is None:
            size = OPS["Max"].public(OPS["Shape"].public(a)[-2:])
            rcond = cast(size, a.dtype) * np.asarray(10.0 * np.finfo(a.dtype.np).eps, a.dtype.np)
        return record.call(OPS["PseudoInverse"], [a, record.convert_to_tensor(rcond, a.dtype)], None, None, "pinv")


def _real_matrices(a):
    a = record.convert_to_tensor(a, name="a")
    if not a.dtype.is_floating:
        raise TypeError(f"Input `a` must have `float`-like `dtype` (saw {a.dtype.name}).")
    if a._rank() is not None and a._rank() < 2:
        raise ValueError(f"Input `a` must have at least 2 dimensions (saw: {a._rank()}).")
    return a


def pseudo_inverse(a, rcond):
    """The Moore-Penrose inverse, `rcond` [...] for each of the matrices."""
    s, u, v = _svd(a, False)
    s = s.astype(np.finfo(a.dtype).dtype)
    kept = s > (rcond * jnp.max(s, -1, initial=0))[..., None] if s.shape[-1] else s > 0
    inverse = jnp.where(kept, 1 / jnp.where(kept, s, 1), 0).astype(a.dtype)
    return jnp.matmul(v * inverse[..., None, :], h(u))


@op("PseudoInverse", "")
def pseudo_inverse_kernel(a, rcond):
    return pseudo_inverse(a, rcond)


@export("linalg.matrix_rank")
def matrix_rank(a, tol=None, validate_args=False, name=None):
    """How many singular values of a [..., m, n] exceed `tol` (default: eps * max(m, n) * the largest), int32."""
    with name_scope(name or "matrix_rank", None, [a]):
        a = _real_matrices(a)
        s = svd(a, compute_uv=False)
        if tol is None:
            size = cast(OPS["Max"].public(OPS["Shape"].public(a)[-2:]), a.dtype)
            tol = np.asarray(np.finfo(a.dtype.np).eps, a.dtype.np) * size * reduce_max(s, -1, keepdims=True)
        return reduce_sum(cast(s > tol, dtypes.int32), -1)


# -- Cholesky, QR, LU -------------------------------------------------------------------------------------------------
@op("Cholesky", "linalg.cholesky", "linalg.cholesky cholesky batch_cholesky", **ANY)
@in_float32
def cholesky(input):
    """input [..., n, n], of which only the lower triangle is read -> lower triangular [..., n, n]."""
    square("Cholesky", input)
    both = (input + h(input)) / 2  # the gradient is shared by both triangles, as TensorFlow's is
    return lax.linalg.cholesky(both + lax.stop_gradient(from_lower(input) - both), symmetrize_input=False)


def _r_of_wide(x):
    """QR of matrices that are not taller than wide: of their first columns; the others are turned by the same Q."""
    rows = x.shape[-2]
    if rows == x.shape[-1]:
        return tuple(jnp.linalg.qr(x))
    q, r = jnp.linalg.qr(x[..., :rows])
    return q, jnp.concatenate([r, jnp.matmul(h(q), x[..., rows:])], -1)


def _smaller(rows, columns):
    """How many values of each of `rows` x `columns` matrices there are, where one of these may be unknown."""
    return 0 if 0 in (rows, columns) else None if None in (rows, columns) else min(rows, columns)


def _qr_unknown(input, full_matrices=False):
    """The static shapes where that of the matrices is not known: a guess at it would decide which side is the smaller."""
    if input is None or len(input) < 2 or None not in input[-2:]:
        return NotImplemented
    p = input[-2] if full_matrices else _smaller(*input[-2:])
    return [(*input[:-1], p), (*input[:-2], p, input[-1])]


def _svd_unknown(input, full_matrices=False, compute_uv=True):
    """The same for singular values."""
    if input is None or len(input) < 2 or None not in input[-2:]:
        return NotImplemented
    batch, (rows, columns), p = input[:-2], input[-2:], _smaller(*input[-2:])
    if not compute_uv:
        return (*batch, p)
    return [
        (*batch, p),
        (*batch, rows, rows if full_matrices else p),
        (*batch, columns, columns if full_matrices else p),
    ]


@op("Qr", "", results=_qr_unknown, **ANY)
@in_float32
def qr_kernel(input, *, full_matrices=False):
    batch_of_matrices("Qr", input)
    rows, columns = input.shape[-2:]
    if 0 in input.shape:
        p = rows if full_matrices else min(rows, columns)
        q = jnp.broadcast_to(jnp.eye(rows, p, dtype=input.dtype), (*input.shape[:-1], p))
        return q, jnp.zeros((*input.shape[:-2], p, columns), input.dtype)
    if rows <= columns:
        return _r_of_wide(input)
    return tuple(jnp.linalg.qr(input, mode="complete" if full_matrices else "reduced"))


@export("linalg.qr", v1="linalg.qr qr")
def qr(input, full_matrices=False, name=None):
    """input [..., m, n] -> (q [..., m, p], r [..., p, n]) with p = min(m, n), or m where `full_matrices`."""
    return Qr(*record.call(OPS["Qr"], [input], {"full_matrices": bool(full_matrices)}, name))


@op("Lu", "", verifies=True, **ANY)
@in_float32
def lu_kernel(input, *, output_idx_type=dtypes.int32):
    square("Lu", input)
    if 0 in input.shape:
        return input, jnp.broadcast_to(jnp.arange(input.shape[-1], dtype=output_idx_type.np), input.shape[:-1])
    both, _, permutation = lax.linalg.lu(input)
    verify(zero_pivot(both), "Lu", "Input is not invertible.")
    return both, permutation.astype(output_idx_type.np)


@export("linalg.lu")
def lu(input, output_idx_type=dtypes.int32, name=None):
    """input [..., n, n] -> (L and U in one matrix, the permutation [..., n] of the rows)."""
    return Lu(*record.call(OPS["Lu"], [input], {"output_idx_type": dtypes.as_dtype(output_idx_type)}, name))


# -- eigenvalues, singular values -------------------------------------------------------------------------------------
@jax.custom_jvp
def _eigh(x):
    return tuple(jnp.linalg.eigh(x, symmetrize_input=False))


@_eigh.defjvp
def _eigh_jvp(primals, tangents):
    e, v = out = _eigh(*primals)
    turned = jnp.matmul(h(v), jnp.matmul(tangents[0], v))
    gaps = _safe_reciprocal(e[..., None, :] - e[..., :, None]).astype(v.dtype)
    return out, (jnp.real(jnp.diagonal(turned, axis1=-2, axis2=-1)), jnp.matmul(v, gaps * turned))


def self_adjoint_eig(x):
    """(eigenvalues, ascending and real; eigenvectors) of self-adjoint x [..., n, n]."""
    if 0 in x.shape:
        return jnp.zeros(x.shape[:-1], np.finfo(x.dtype).dtype), x
    return _eigh(x)


@op("SelfAdjointEigV2", "", name="SelfAdjointEigV2", **ANY)
@in_float32
def self_adjoint_eig_kernel(input, *, compute_v=True):
    square("SelfAdjointEigV2", input)
    e, v = self_adjoint_eig(from_lower(input))
    return (e.astype(input.dtype), v) if compute_v else e.astype(input.dtype)


@export("linalg.eigh", v1="linalg.eigh self_adjoint_eig batch_self_adjoint_eig")
def eigh(tensor, name=None):
    """tensor [..., n, n], self-adjoint -> (eigenvalues [..., n], ascending; eigenvectors [..., n, n], as columns)."""
    return SelfAdjointEigV2(*record.call(OPS["SelfAdjointEigV2"], [tensor], None, name))


@export("linalg.eigvalsh", v1="linalg.eigvalsh self_adjoint_eigvals batch_self_adjoint_eigvals")
def eigvalsh(tensor, name=None):
    """The eigenvalues [..., n] of self-adjoint matrices [..., n, n], ascending."""
    return record.call(OPS["SelfAdjointEigV2"], [tensor], {"compute_v": False}, name)


@jax.custom_jvp
def _eig(x):
    return tuple(jnp.linalg.eig(x))


@_eig.defjvp
def _eig_jvp(primals, tangents):
    e, v = out = _eig(*primals)
    turned = jnp.linalg.solve(v, jnp.matmul(tangents[0].astype(v.dtype), v))
    moved = jnp.matmul(v, _safe_reciprocal(e[..., None, :] - e[..., :, None]) * turned)
    # The vectors keep their length.
    along = jnp.real(jnp.sum(jnp.conj(v) * moved, -2, keepdims=True)).astype(v.dtype)
    return out, (jnp.diagonal(turned, axis1=-2, axis2=-1), moved - v * along)


@op("Eig", "", verifies=True, **ANY)
@in_float32
def eig_kernel(input, *, compute_v=True):
    square("Eig", input)
    if 0 in input.shape:
        empty = input.astype(np.result_type(input.dtype, np.complex64))
        return (empty[..., 0], empty) if compute_v else empty[..., 0]
    verify(~jnp.isfinite(input).all(), "Eig", "Eigen decomposition was not successful. The input might not be valid.")
    e, v = _eig(input)
    return (e, v) if compute_v else e


@export("linalg.eig eig", v1="")
def eig(tensor, name=None):
    """tensor [..., n, n] -> (eigenvalues [..., n], eigenvectors [..., n, n] as columns), complex, in no order."""
    return tuple(record.call(OPS["Eig"], [tensor], None, name))


@export("linalg.eigvals eigvals", v1="")
def eigvals(tensor, name=None):
    """The eigenvalues [..., n] of matrices [..., n, n], complex, in no order."""
    return record.call(OPS["Eig"], [tensor], {"compute_v": False}, name)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _thin_or_full_svd(x, full_matrices):
    u, s, vh = jnp.linalg.svd(x, full_matrices=full_matrices)
    return s.astype(x.dtype), u, h(vh)


@_thin_or_full_svd.defjvp
def _svd_jvp(full_matrices, primals, tangents):
    (x,), (dx,) = primals, tangents
    rows, columns = x.shape[-2:]
    if full_matrices and abs(rows - columns) > 1:
        raise NotImplementedError(
            "svd gradient is not implemented for abs(m - n) > 1 when full_matrices is True. "
            f"Received: m={rows} and n={columns}: use full_matrices=False."
        )
    out = _thin_or_full_svd(x, full_matrices)
    s, u, v = out
    if rows > columns:  # by the adjoint, whose u and v are exchanged
        ds, dv, du = _svd_tangent(h(dx), s, v, u)
    else:
        ds, du, dv = _svd_tangent(dx, s, u, v)
    return out, (ds, du, dv)


def _svd_tangent(dx, s, u, v):
    """(ds, du, dv) of matrices that are not taller than wide, along dx; v may have a column more than u."""
    n = u.shape[-1]
    thin, rest = v[..., :n], v[..., n:]
    turned = jnp.matmul(h(u), jnp.matmul(dx, thin))
    column, row = s[..., None, :], s[..., :, None]
    gaps = _safe_reciprocal((column - row) * (column + row))  # a difference of squares may not vanish once fused
    # In u^H dx v the part that turns u and the part that turns v, where singular values differ.
    by_column, by_row = turned * column, turned * row
    du = jnp.matmul(u, gaps * (by_column + h(by_column)))
    turn_v = gaps * (by_row + h(by_row))
    inverse = _safe_reciprocal(s)
    if jnp.iscomplexobj(s):  # the phase that a pair of vectors shares moves with v
        phase = -1j * jnp.imag(jnp.diagonal(turned, axis1=-2, axis2=-1)) * inverse
        turn_v = turn_v + phase[..., None, :] * jnp.eye(n, dtype=s.dtype)
    dv = jnp.matmul(thin, turn_v)
    if v.shape[-2] > n:
        outside = jnp.matmul(h(dx), u) * inverse[..., None, :]
        outside = outside - jnp.matmul(thin, jnp.matmul(h(thin), outside))
        dv = dv + outside
        if rest.shape[-1]:
            dv = jnp.concatenate([dv, -jnp.matmul(thin, jnp.matmul(h(outside), rest))], -1)
    ds = jnp.real(jnp.diagonal(turned, axis1=-2, axis2=-1)).astype(s.dtype)
    return ds, du, dv


def _svd(x, full_matrices):
    """(s, of x's dtype; u; v) of x [..., m, n]."""
    m, n = x.shape[-2:]
    if 0 not in x.shape:
        return _thin_or_full_svd(x, full_matrices)
    p, batch = min(m, n), x.shape[:-2]
    u, v = [
        jnp.broadcast_to(jnp.eye(k, k if full_matrices else p, dtype=x.dtype), (*batch, k, k if full_matrices else p))
        for k in (m, n)
    ]
    return jnp.zeros((*batch, p), x.dtype), u, v


@op("Svd", "", results=_svd_unknown, **ANY)
@in_float32
def svd_kernel(input, *, full_matrices=False, compute_uv=True):
    batch_of_matrices("Svd", input)
    return _svd(input, full_matrices) if compute_uv else _svd(input, False)[0]


@export("linalg.svd", v1="linalg.svd svd batch_svd")
def svd(tensor, full_matrices=False, compute_uv=True, name=None):
    """tensor [..., m, n] -> (s [..., p], u [..., m, p], v [..., n, p]), p = min(m, n); without `compute_uv` only s."""
    settings = {"full_matrices": bool(full_matrices), "compute_uv": bool(compute_uv)}
    out = record.call(OPS["Svd"], [tensor], settings, name)
    if not compute_uv:
        return cast(OPS["Real"].public(out), out.dtype.real_dtype) if out.dtype.is_complex else out
    s, u, v = out
    return Svd(OPS["Real"].public(s) if s.dtype.is_complex else s, u, v)
