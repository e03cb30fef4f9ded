"""Solving with banded triangular matrices."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .. import errors
from ..declare import op


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
    rows = jnp.arange(m)
    batch = jnp.broadcast_shapes(bands.shape[:-2], rhs.shape[:-2])
    matrix = jnp.zeros((*bands.shape[:-2], m, m), bands.dtype)
    for i in range(k):
        offset = -i if lower else k - 1 - i
        columns = rows + offset
        inside = (columns >= 0) & (columns < m)
        values = jnp.where(inside, bands[..., i, :], 0)
        matrix = matrix.at[..., rows, jnp.clip(columns, 0, m - 1)].add(values)
    matrix = jnp.broadcast_to(matrix, (*batch, m, m))
    rhs = jnp.broadcast_to(rhs, (*batch, *rhs.shape[-2:]))
    return jax.lax.linalg.triangular_solve(
        matrix, rhs, left_side=True, lower=lower, transpose_a=adjoint, conjugate_a=adjoint
    )
