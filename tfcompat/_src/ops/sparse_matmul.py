"""Products with sparse matrices: sparse by dense, and dense by dense where a sparse one has places."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..graph import context
from ..scopes import name_scope
from .gather import gather_nd
from .python import assert_op
from .sparse import SparseTensor, SparseTensorValue, as_sparse


@op("SparseTensorDenseMatMul", static="rows", own="a_indices", alike=False)
def matmul_kernel(a_indices, a_values, rows, b, *, adjoint_a=False, adjoint_b=False):
    """b's rows, weighted by the values and summed up at the output's rows, of which there are `rows`."""
    a_indices, a_values, b = jnp.asarray(a_indices), jnp.asarray(a_values), jnp.asarray(b)
    if adjoint_a:
        a_indices, a_values = a_indices[:, ::-1], jnp.conj(a_values)
    if adjoint_b:
        b = jnp.conj(b.T)
    wide = jnp.float32 if b.dtype.itemsize == 2 else b.dtype
    summands = b[a_indices[:, 1]].astype(wide) * a_values[:, None].astype(wide)
    return jnp.zeros((int(rows), b.shape[1]), wide).at[a_indices[:, 0]].add(summands, mode="drop").astype(b.dtype)


def _rows(a_shape, b_shape, adjoint_a, adjoint_b):
    """How many rows the product has; InvalidArgumentError where the matrices do not fit."""
    a, b = [int(d) for d in a_shape], [int(d) for d in b_shape]
    if len(a) != 2 or len(b) != 2:
        raise errors.InvalidArgumentError(
            None, None, f"Tensor 'a_shape' must have 2 elements and 'b' must be a matrix, got {a} and {b}"
        )
    rows, inner = a[::-1] if adjoint_a else a
    if inner != b[1 if adjoint_b else 0]:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"Cannot multiply A and B because inner dimension does not match: {inner} vs. "
            f"{b[1 if adjoint_b else 0]}.  Did you forget "
            f"a transpose?  Dimensions of A: [{a[0]}, {a[1]}).  Dimensions of B: [{b[0]},{b[1]}]",
        )
    return np.int64(rows)


@op("SparseRows", host=True, abstract=lambda a, b, **settings: (dtypes.int64, ()))
def _rows_of_run(a_shape, b_shape, *, adjoint_a, adjoint_b):
    return _rows(a_shape, b_shape, adjoint_a, adjoint_b)


@export("sparse.sparse_dense_matmul", v1="sparse.sparse_dense_matmul sparse_tensor_dense_matmul sparse.matmul")
def sparse_dense_matmul(sp_a, b, adjoint_a=False, adjoint_b=False, name=None):
    """The dense product of a sparse and a dense matrix (either may be the sparse one)."""
    if isinstance(b, (SparseTensor, SparseTensorValue)) and not isinstance(sp_a, (SparseTensor, SparseTensorValue)):
        product = sparse_dense_matmul(b, sp_a, not adjoint_b, not adjoint_a)
        return OPS["Transpose"].public(product, [1, 0])
    sp_a = as_sparse(sp_a)
    with name_scope(name, "SparseTensorDenseMatMul", [sp_a.indices, sp_a.values, b]):
        b = record.convert_to_tensor(b, sp_a.dtype.base_dtype if not isinstance(b, record.Tensor) else None, name="b")
        if b.dtype.base_dtype is not sp_a.dtype.base_dtype:
            raise TypeError(f"sparse_dense_matmul: a is of {sp_a.dtype.name}, b of {b.dtype.name}")
        how = dict(adjoint_a=bool(adjoint_a), adjoint_b=bool(adjoint_b))
        if b.shape.rank not in (2, None) or sp_a.shape.rank not in (2, None):
            raise ValueError(f"sparse_dense_matmul takes matrices, got shapes {sp_a.shape} and {b.shape}")
        if sp_a.shape.is_fully_defined() and b.shape.is_fully_defined():
            try:
                rows = _rows(sp_a.shape.as_list(), b.shape.as_list(), **how)
            except errors.InvalidArgumentError as e:
                raise e if context.graph is None else ValueError(e.message) from None
        else:
            rows = _rows_of_run(sp_a.dense_shape, OPS["Shape"].public(b, out_type=dtypes.int64), **how)
        out = matmul_kernel(sp_a.indices, sp_a.values, rows, b, **how, name="SparseTensorDenseMatMul")
        if context.graph is not None:
            known = [s.as_list() if s.rank is not None else [None, None] for s in (sp_a.shape, b.shape)]
            out.set_shape([known[0][1 if adjoint_a else 0], known[1][0 if adjoint_b else 1]])
        return out


@export("sparse.sampled_addmm", v1="")
def sampled_addmm(indices, values, dense_shape, mat1, mat2, beta=1.0, alpha=1.0, output_type=dtypes.float32):
    """alpha * (mat1 @ mat2) + beta * values, computed at `indices` only: (indices, these numbers, dense_shape).

    mat1 [..., n, k], mat2 [..., k, m], indices [..., count, 2], values [..., count], dense_shape [n, m].  Raises ValueError (of sizes
    that only the run knows InvalidArgumentError) where dense_shape is not [n, m].
    """
    indices = record.convert_to_tensor(indices)
    values = record.convert_to_tensor(values, dtype=output_type)
    dense_shape = record.convert_to_tensor(dense_shape, dtype=dtypes.int32)
    mat1, mat2 = record.convert_to_tensor(mat1, dtype=output_type), record.convert_to_tensor(mat2, dtype=output_type)
    n, m = mat1.shape[-2], mat2.shape[-1]
    if n is None or m is None:
        raise TypeError(f"sampled_addmm wants to know the sizes of its product, got {mat1.shape} x {mat2.shape}")
    known = record.static_value(dense_shape)
    if known is None:
        message = ["Dense shape: ", dense_shape, " does not match output shape: ", [n, m]]
        assert_op(OPS["All"].public(OPS["Equal"].public(dense_shape, [n, m])), message)
    elif known.tolist() != [n, m]:
        raise ValueError(f"Dense shape: {known} does not match output shape: [{n} {m}]")
    columns = OPS["ConcatV2"].public([indices[..., :-2], indices[..., -1:]], axis=-1)
    batch_dims = mat1.shape.rank - 2
    one = gather_nd(mat1, indices[..., :-1], batch_dims=batch_dims)
    two = gather_nd(OPS["MatrixTranspose"].public(mat2), columns, batch_dims=batch_dims)
    return indices, OPS["Sum"].public(one * two, [-1]) * alpha + values * beta, dense_shape
