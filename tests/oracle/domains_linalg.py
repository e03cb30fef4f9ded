"""Matrices: bands, diagonals, decompositions, solves, norms.  (rows.py says how to read a row.)

What a decomposition leaves free (signs, phases, order of equal values) is squared away or multiplied out before it is compared.
"""

# Rows stay rows:
# fmt: off

from rows import EVERY, NUMBERS, at, c, f, on, row

SOLVE = "float32 float64 complex64"
GOOD = at([[4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.5, -1.0, 5.0]])  # symmetric and positive definite
PAIR = at([[[4.0, 1.0], [1.0, 3.0]], [[2.0, -0.5], [-0.5, 1.0]]])
SINGULAR = at([[1.0, 2.0], [2.0, 4.0]])

# -- parts ------------------------------------------------------------------------------------------------------------
row("linalg.adjoint linalg.matrix_transpose", on(f(2, 3)), on(f(2, 2, 3)), on(c(2, 3)), on(f(3)), on(f(0, 2)), dtypes=NUMBERS)
row("linalg.band_part", on(f(3, 4), 1, 0), on(f(2, 3, 3), -1, 1), on(f(3, 3), 0, -1), on(f(3, 3), 4, 0), on(f(3, 3), 1, -2), on(f(3), 1, 1),
    on(f(0, 0), 0, 0), dtypes=EVERY)
row("linalg.diag", on(f(3)), on(f(2, 3)), on(f(2), k=1), on(f(2), k=-1, num_rows=4), on(f(2, 2), k=(0, 1)), on(f(2), padding_value=9.0), on(f(0)),
    on(f()), dtypes=NUMBERS)
row("linalg.diag_part", on(f(3, 3)), on(f(2, 3, 4)), on(f(3, 4), k=1), on(f(3, 4), k=(-1, 1)), on(f(3, 4), k=(-1, 1), align="LEFT_LEFT"),
    on(f(3, 3), k=5), on(f(3)), dtypes=NUMBERS)
row("linalg.set_diag", on(f(3, 3), f(3)), on(f(2, 3, 4), f(2, 3)), on(f(3, 4), f(3), k=1), on(f(3, 3), f(2)), dtypes=NUMBERS)
row("linalg.tensor_diag", on(f(3)), on(f(2, 3)), on(f()), dtypes=NUMBERS)
row("linalg.tensor_diag_part", on(f(3, 3)), on(f(2, 3, 2, 3)), on(f(2, 3)), dtypes=NUMBERS)
row("linalg.trace", on(f(3, 3)), on(f(2, 3, 4)), on(f(3)), on(f(0, 0)), dtypes=NUMBERS)
row("linalg.cross", on(f(3), f(3)), on(f(2, 3), f(2, 3)), on(f(2, 2), f(2, 2)), on(f(3), f(2, 3)), dtypes=NUMBERS)

# -- norms ------------------------------------------------------------------------------------------------------------
NORMS = [on(f(2, 3)), on(f(2, 3), axis=1), on(f(2, 3), 1, axis=0), on(f(2, 3), float("inf"), axis=-1), on(f(2, 3), "fro", axis=[-2, -1]),
    on(f(2, 3, 3), 1, axis=[1, 2]), on(f(2, 3), 2, axis=[0, 1]), on(f(2, 3), ord=3), on(f(2, 3), ord=0), on(f(2, 3), "nuc", axis=[0, 1]), on(f(0)),
    on(at([0.0, 0.0]))]
row("norm", *NORMS, on(f(2, 3), axis=1, keepdims=True), dtypes=NUMBERS)
row("v1:norm", *NORMS[:3], on(f(2, 3), axis=1, keep_dims=True))
row("linalg.normalize", on(f(2, 3)), on(f(2, 3), axis=1), on(f(2, 3), 1, axis=0), dtypes="float32 float64")
row("linalg.l2_normalize", on(f(2, 3)), on(f(2, 3), axis=1), on(f(2, 3), [0, 1]), on(at([0.0, 0.0])), on(f(3), epsilon=10.0), on(f(0, 2), 0),
    dtypes=NUMBERS)
row("linalg.global_norm", on([f(2, 3), f(2)]), on([f(2), None]), on([]), dtypes="float32 float64")
row("clip_by_norm", on(f(2, 3), 1.0), on(f(2, 3), 1.0, axes=[1]), on(f(2), 100.0), on(at([0.0, 0.0]), 1.0), on(f(2, 3), f()),
    dtypes="float32 float64 int32")
row("clip_by_global_norm", on([f(2, 3), f(2)], 1.0), on([f(2), None], 1.0), on([f(2)], 1.0, use_norm=3.0), on([f(2)], 100.0),
    on([at([float("inf")])], 1.0), on(f(2), 1.0), call=lambda tf, *a, **k: tf.clip_by_global_norm(*a, **k))
row("v1:clip_by_average_norm", on(f(2, 3), 0.5), on(f(2), 100.0))

# -- decompositions ---------------------------------------------------------------------------------------------------
# Of a matrix that is not positive definite TensorFlow leaves the upper half as the memory was: no call asks for it.
row("linalg.cholesky", on(GOOD), on(PAIR), on(f(0, 0)), on(f(2, 3)), on(f(3)), dtypes=SOLVE + " int32",
    slope="of symmetric inputs only")
row("linalg.det", on(GOOD), on(PAIR), on(f(3, 3)), on(SINGULAR), on(f(0, 0)), on(f(2, 3)), dtypes=SOLVE)
row("linalg.logdet", on(GOOD), on(PAIR), dtypes=SOLVE, slope="of symmetric inputs only")
row("linalg.slogdet", on(GOOD), on(PAIR), on(f(3, 3)), on(SINGULAR), dtypes=SOLVE)
row("linalg.inv", on(GOOD), on(PAIR), on(f(3, 3)), on(f(3, 3), adjoint=True), on(SINGULAR), on(f(0, 0)), on(f(2, 3)), dtypes=SOLVE + " int32")
row("linalg.eigvalsh", on(GOOD), on(PAIR), on(f(0, 0)), dtypes=SOLVE, rtol=1e-4, slope="of symmetric inputs only")  # LAPACK's and Eigen's rounding
row("linalg.eigh", on(GOOD), on(PAIR), dtypes=SOLVE, rtol=1e-4, call=lambda tf, x: [(e := tf.linalg.eigh(x))[0], abs(e[1])])
row("eig", on(GOOD), dtypes="float32 float64", rtol=1e-4, grad=False, call=lambda tf, x: tf.sort(tf.math.real(tf.linalg.eig(x)[0])))
row("eigvals", on(GOOD), on(PAIR), dtypes="float32 float64", rtol=1e-4, grad=False, call=lambda tf, x: tf.sort(tf.math.real(tf.linalg.eigvals(x))))
row("linalg.svd", on(f(3, 2)), on(f(2, 3, 3)), on(f(2, 3), True), on(f(2, 0)), dtypes="float32 float64", rtol=1e-4, call=lambda tf, x,
    full=False: [(d := tf.linalg.svd(x, full))[0], abs(d[1]), abs(d[2])])
row("linalg.svd/values", on(f(3, 2)), on(GOOD), rtol=1e-4, call=lambda tf, x: tf.linalg.svd(x, compute_uv=False))
row("v1:svd", on(f(3, 2)), rtol=1e-4, call=lambda tf, x: tf.compat.v1.svd(x, compute_uv=False))
row("linalg.qr", on(f(3, 2)), on(f(2, 3, 3)), on(f(3, 2), True), dtypes=SOLVE, rtol=1e-4, grad=False, call=lambda tf, x,
    full=False: [abs(part) for part in tf.linalg.qr(x, full)])
row("linalg.qr/gradient", on(f(3, 2)), on(f(3, 3)), rtol=1e-4, call=lambda tf, x: tf.linalg.qr(x)[1] ** 2)
row("linalg.lu", on(f(3, 3)), on(PAIR), on(f(2, 3)), dtypes=SOLVE + " int32", rtol=1e-4)
row("linalg.lu_reconstruct linalg.lu_matrix_inverse", on(f(3, 3), at([1, 0, 2], "int32")), dtypes="float32 float64", rtol=1e-4)
row("linalg.lu_solve", on(f(3, 3), at([1, 0, 2], "int32"), f(3, 2)), dtypes="float32 float64", rtol=1e-4)
row("linalg.sqrtm", on(GOOD), on(f(0, 0)), on(f(2, 3)), dtypes=SOLVE, rtol=1e-4)
row("linalg.expm", on(f(3, 3)), on(PAIR), on(f(0, 0)), on(f(2, 3)), dtypes=SOLVE, rtol=1e-4)
row("linalg.logm", on(c(2, 2)), dtypes="complex64", rtol=1e-3, grad=False)
# A squared condition number:
row("linalg.pinv", on(f(3, 2)), on(f(2, 3)), on(SINGULAR), on(f(2, 2, 3)), on(f(3)), dtypes="float32 float64", rtol=1e-3)
row("linalg.matrix_rank", on(GOOD), on(SINGULAR), on(f(2, 3, 2)), on(GOOD, 2.0), grad=False)

# -- solves -----------------------------------------------------------------------------------------------------------
row("linalg.solve", on(GOOD, f(3, 2)), on(PAIR, f(2, 2, 1)), on(f(3, 3), f(3, 1), adjoint=True), on(SINGULAR, f(2, 1)), on(f(2, 2), f(3, 1)),
    on(f(2, 2), f(2)), dtypes=SOLVE, rtol=1e-4)
row("linalg.triangular_solve", on(GOOD, f(3, 2)), on(GOOD, f(3, 1), lower=False), on(PAIR, f(2, 2, 1), adjoint=True), on(GOOD, f(2, 1)), dtypes=SOLVE,
    rtol=1e-4)
row("linalg.cholesky_solve", on(GOOD, f(3, 2)), on(PAIR, f(2, 2, 1)), dtypes=SOLVE, rtol=1e-4)
row("linalg.lstsq", on(f(4, 2), f(4, 1)), on(f(2, 4), f(2, 1)), on(f(4, 2), f(4, 2), l2_regularizer=0.5), on(f(4, 2), f(4, 1), fast=False),
    dtypes="float32 float64", rtol=1e-3)
row("linalg.banded_triangular_solve", on(at([[2.0, 3.0, 4.0], [0.0, 1.0, -1.0]]), f(3, 2)),
    on(at([[0.0, 1.0, -1.0], [2.0, 3.0, 4.0]]), f(3, 2), lower=False), rtol=1e-4, dtypes="float32 float64")
DIAGONALS = at([[0.5, -0.3, 0.0], [4.0, 3.0, 5.0], [0.0, 0.2, 0.7]])
row("linalg.tridiagonal_solve", on(DIAGONALS, f(3)), on(DIAGONALS, f(3, 2)), on(DIAGONALS, f(3, 1), partial_pivoting=False), dtypes="float32 float64",
    rtol=1e-4)
row("linalg.tridiagonal_matmul", on(DIAGONALS, f(3, 2)), dtypes="float32 float64")
row("linalg.eigh_tridiagonal", on(at([1.0, 2.0, 3.0]), at([0.5, -0.5])), dtypes="float32 float64", rtol=1e-4, grad=False)
