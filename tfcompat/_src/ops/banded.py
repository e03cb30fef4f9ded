"""Matrices with few diagonals: products with them, solving with them, their eigenvalues."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import errors, record
from ..declare import OPS, export, op
from ..scopes import name_scope
from .decompositions import ANY, from_lower, self_adjoint_eig
from .linalg import diag_part, matrix_transpose
from .rearrange import pad


@op("BandedTriangularSolve", names="linalg.banded_triangular_solve")
def banded_triangular_solve(bands, rhs, *, lower=True, adjoint=False):
    """Solves A x = rhs, or A^H x = rhs: bands [..., k, m], rhs [..., m, n] -> [..., m, n].

    The bands are rows aligned with A's rows: the main diagonal first where A is lower, last where it is upper.
    """
    k, m = bands.shape[-2:]
    if k > m or k == 0:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"The number of bands {k} must be between 1 and the number of columns {m} [Op:BandedTriangularSolve]",
        )
    if rhs.shape[-2] != m:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"Incompatible number of rows: bands {list(bands.shape)}, rhs {list(rhs.shape)} [Op:BandedTriangularSolve]",
        )
    batch = jnp.broadcast_shapes(bands.shape[:-2], rhs.shape[:-2])
    row, column = lax.broadcasted_iota(np.int32, (m, 1), 0), lax.broadcasted_iota(np.int32, (1, m), 1)
    which = row - column + (0 if lower else k - 1)  # the band that each place of the matrix belongs to
    values = jnp.asarray(bands)[..., jnp.clip(which, 0, k - 1), row]
    matrix = jnp.where((which >= 0) & (which < k), values, 0)
    matrix = jnp.broadcast_to(matrix, (*batch, m, m))
    rhs = jnp.broadcast_to(rhs, (*batch, *rhs.shape[-2:]))
    return jax.lax.linalg.triangular_solve(
        matrix, rhs, left_side=True, lower=lower, transpose_a=adjoint, conjugate_a=adjoint
    )


# -- tridiagonal systems ----------------------------------------------------------------------------------------------
def _filled_up(diagonal, name, n, at_front):
    """A diagonal beside the main one with the element that does not count, whether it was given or not."""
    given = diagonal._shape_tuple()[-1] if diagonal._rank() else None
    if not given or n is None or given == n:
        return diagonal
    if given != n - 1:
        raise ValueError(f"Expected {name} to be have length {n} or {n - 1}, got {given}.")
    widths = [[0, 0]] * (diagonal._rank() - 1) + [[1, 0] if at_front else [0, 1]]
    return pad(diagonal, widths)


def _diagonals(diagonals, diagonals_format):
    """The super-, main and subdiagonal, each [..., n], of a tridiagonal matrix in one of TensorFlow's three forms."""
    if diagonals_format == "sequence":
        if not isinstance(diagonals, (tuple, list)) or len(diagonals) != 3:
            raise ValueError("Expected diagonals to be a sequence of length 3.")
        above, main, below = parts = [record.convert_to_tensor(d) for d in diagonals]
        batches = [d.shape[:-1] for d in parts]
        if not all(b.is_compatible_with(batches[1]) for b in batches):
            shapes = ", ".join(str(d.shape) for d in (below, main, above))
            raise ValueError(
                f"Tensors representing the three diagonals must have the same shape,except for the last dimension, got {shapes}"
            )
        n = main._shape_tuple()[-1] if main._rank() else None
        return _filled_up(above, "superdiagonal", n, False), main, _filled_up(below, "subdiagonal", n, True)
    d = record.convert_to_tensor(diagonals)
    if diagonals_format == "matrix":
        rows, columns = d._shape_tuple()[-2:] if d._rank() else (None, None)
        if rows and columns and rows != columns:
            raise ValueError(f"Expected last two dimensions of diagonals to be same, got {columns} and {rows}")
        d = diag_part(d, k=(-1, 1), align="LEFT_RIGHT")
    elif diagonals_format != "compact":
        raise ValueError(f"Unrecognized diagonals_format: {diagonals_format}")
    if d._rank() is not None and d._rank() < 2:
        raise ValueError(f"Expected diagonals to have rank at least 2, got {d._rank()}")
    if d._rank() and d._shape_tuple()[-2] not in (None, 3):
        raise ValueError(f"Expected 3 diagonals got {d._shape_tuple()[-2]}")
    return d[..., 0, :], d[..., 1, :], d[..., 2, :]


@op("TridiagonalMatMul", "", **ANY)
def tridiagonal_matmul_kernel(superdiag, maindiag, subdiag, rhs):
    if rhs.ndim < 2 or rhs.shape[-2] != maindiag.shape[-1]:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"{maindiag.shape[-1]} columns cannot be multiplied with {list(rhs.shape)} [Op:TridiagonalMatMul]",
        )
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


@op("TridiagonalSolve", "", **ANY)
def tridiagonal_solve_kernel(superdiag, maindiag, subdiag, rhs, *, matrix=False):
    """rhs [..., n, k]; or, unless `matrix`, of the rank of the diagonals: vectors [..., n]."""
    vector = not matrix and rhs.ndim == maindiag.ndim
    rhs = rhs[..., None] if vector else rhs
    if 0 not in rhs.shape:
        batch = np.broadcast_shapes(maindiag.shape[:-1], rhs.shape[:-2])
        superdiag, maindiag, subdiag = [
            jnp.broadcast_to(d, (*batch, d.shape[-1])) for d in (superdiag, maindiag, subdiag)
        ]
        rhs = jnp.broadcast_to(rhs, (*batch, *rhs.shape[-2:]))
        rhs = lax.linalg.tridiagonal_solve(subdiag.at[..., 0].set(0), maindiag, superdiag.at[..., -1].set(0), rhs)
    return rhs[..., 0] if vector else rhs


def _check_right_hand_side(main, rhs):
    rank, given = main._rank(), rhs._rank()
    if rank is None or given is None:
        return
    if given not in (rank, rank + 1):
        raise ValueError(f"Expected the rank of rhs to be {rank} or {rank + 1}, got {given}")
    if not main.shape[:-1].is_compatible_with(rhs.shape[: rank - 1]):
        raise ValueError(f"Batch shapes {main.shape[:-1]} and {rhs.shape[: rank - 1]} are incompatible")
    n, rows = main._shape_tuple()[-1], rhs._shape_tuple()[rank - 1]
    if None not in (n, rows) and n != rows:
        raise ValueError(f"Expected number of left-hand sided and right-hand sides to be equal, got {n} and {rows}")


@export("linalg.tridiagonal_solve")
def tridiagonal_solve(diagonals, rhs, diagonals_format="compact", transpose_rhs=False, conjugate_rhs=False, name=None,
                      partial_pivoting=True, perturb_singular=False):  # fmt: skip
    """Solves a tridiagonal system for rhs [..., n, k] or [..., n]; always with partial pivoting on the CPU.

    Raises ValueError for shapes that do not fit, NotImplementedError for `perturb_singular`.
    """
    if perturb_singular and not partial_pivoting:
        raise ValueError("partial_pivoting must be True if perturb_singular is.")
    if perturb_singular:
        raise NotImplementedError("tf.linalg.tridiagonal_solve: perturb_singular is not supported by tfcompat.")
    with name_scope(name, "tridiagonal_solve", [rhs]):
        parts = _diagonals(diagonals, diagonals_format)
        rhs = record.convert_to_tensor(rhs)
        vector = rhs._rank() is not None and rhs._rank() == parts[1]._rank()
        if transpose_rhs and not vector:
            rhs = matrix_transpose(rhs, conjugate=bool(conjugate_rhs))
        elif conjugate_rhs and rhs.dtype.is_complex:
            rhs = OPS["Conj"].public(rhs)
        _check_right_hand_side(parts[1], rhs)
        return record.call(OPS["TridiagonalSolve"], [*parts, rhs], None, None)


@op("EighTridiagonal", "")
def eigh_tridiagonal_kernel(alpha, beta, *, eigvals_only=True, first=0, last=None):
    n = alpha.shape[-1]
    on, below = np.arange(n), np.arange(max(n - 1, 0))
    full = jnp.zeros((*alpha.shape, n), beta.dtype).at[..., on, on].set(alpha.astype(beta.dtype))
    e, v = self_adjoint_eig(from_lower(full.at[..., below + 1, below].set(beta)))
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
