"""Reductions, cumulative ops, segments, ordering, counting and matrix products.  (rows.py says how to read a row.)"""

# Rows stay rows:
# fmt: off

import numpy as np
from rows import EVERY, FLOATS, NUMBERS, REALS, at, c, f, i, on, reduction, row

# -- reductions -------------------------------------------------------------------------------------------------------
reduction("math.reduce_sum math.reduce_mean math.reduce_max math.reduce_min")
reduction("math.reduce_prod", low=0.5)
reduction("math.reduce_logsumexp math.reduce_euclidean_norm", dtypes=NUMBERS)
reduction("math.reduce_std math.reduce_variance", dtypes=FLOATS + " int32 complex64")
reduction("math.reduce_all math.reduce_any", dtypes="bool int32 float32")
row("math.count_nonzero", on(at([[0, 1, 2], [0, 0, 3]])), on(at([[0, 1, 2], [0, 0, 3]]), axis=0), on(at([[0, 1], [0, 0]]), axis=[-1], keepdims=True),
    on(f(0, 2)), on(at([[0, 1], [0, 0]]), dtype="int32"), dtypes=EVERY)
row("nn.zero_fraction", on(at([[0.0, 1.0], [0.0, 2.0]])), on(f(0)), dtypes=REALS)
OLD = [on(f(2, 3)), on(f(2, 3), 1), on(f(2, 3), axis=[0], keep_dims=True), on(f(2, 3), reduction_indices=1), on(f(2, 3), keepdims=True)]
row("v1:math.reduce_sum v1:math.reduce_mean v1:math.reduce_max v1:math.reduce_min v1:math.reduce_prod v1:math.reduce_logsumexp", *OLD,
    on(f(2, 3), axis=1, reduction_indices=0))
row("v1:math.reduce_all v1:math.reduce_any", *OLD, dtypes="bool")
row("v1:count_nonzero", on(f(2, 3)), on(f(2, 3), keep_dims=True, reduction_indices=1))
ARG = [on(f(2, 3)), on(f(2, 3), 1), on(f(2, 3, 4), axis=-1), on(f(5)), on(f(2, 3), axis=2), on(f(2, 3), axis=-3), on(at([1.0, 3.0, 3.0, 1.0])),
    on(at([np.nan, 1.0, 2.0])), on(f(3, 0), axis=0), on(f(0, 3), axis=0), on(f())]
row("argmax argmin", *ARG, on(f(2, 3), axis=1, output_type="int32"), dtypes=EVERY)
row("v1:argmax v1:argmin", *ARG, on(f(2, 3), dimension=1), on(f(2, 3), 0, output_type="int32"))
row("v1:arg_max v1:arg_min", on(f(2, 3), 0), on(f(2, 3), 1, "int32"))
CUMULATIVE = [on(f(2, 3)), on(f(2, 3), 1), on(f(2, 3), axis=-1, exclusive=True), on(f(2, 3), axis=0, reverse=True),
    on(f(4), exclusive=True, reverse=True), on(f(0, 3)), on(f(1)), on(f(2, 3), axis=2), on(f())]
row("cumsum math.cumprod", *CUMULATIVE, dtypes=NUMBERS)
row("math.cumulative_logsumexp", *CUMULATIVE, dtypes=FLOATS)

# -- segments ---------------------------------------------------------------------------------------------------------
SORTED = [on(f(5, 2), at([0, 0, 1, 3, 3], "int32")), on(f(4), at([0, 1, 1, 1], "int64")), on(f(0, 2), at([], "int32")), on(f(1), at([0], "int32")),
    on(f(3), at([0, 1], "int32")), on(f(3), at([1, 0, 2], "int32")), on(f(2, 2), at([1, 1], "int32"))]
row("math.segment_sum math.segment_mean math.segment_max math.segment_min math.segment_prod", *SORTED, dtypes=NUMBERS)
LOOSE = [on(f(5, 2), at([2, 0, 2, 1, 0], "int32"), 4), on(f(3), at([0, -1, 1], "int64"), 2), on(f(2, 2, 3), at([[0, 1], [1, 1]], "int32"), 3),
    on(f(0, 2), at([], "int32"), 2), on(f(3), at([0, 1, 1], "int32"), 0), on(f(3), at([0, 5, 1], "int32"), 2), on(f(3), at([0, 1], "int32"), 2)]
row("math.unsorted_segment_sum math.unsorted_segment_mean math.unsorted_segment_prod", *LOOSE, dtypes=NUMBERS)
row("math.unsorted_segment_max math.unsorted_segment_min", *LOOSE, dtypes=NUMBERS, slope="empty segments are the largest number there is")
row("math.unsorted_segment_sqrt_n", *LOOSE, dtypes=FLOATS)
SPARSE = [on(f(5, 2), at([0, 3, 1, 1], "int32"), at([0, 0, 1, 2], "int32")), on(f(3), at([2, 0], "int64"), at([0, 0], "int32")),
    on(f(3, 2), at([0, 2], "int32"), at([0, 2], "int32"), num_segments=4), on(f(3, 2), at([0, 9], "int32"), at([0, 1], "int32")),
    on(f(3, 2), at([], "int32"), at([], "int32"))]
row("sparse.segment_sum sparse.segment_mean sparse.segment_sqrt_n", *SPARSE, dtypes=FLOATS + " int32")
row("v1:sparse.segment_sum v1:sparse.segment_mean v1:sparse.segment_sqrt_n", *SPARSE)
row("raw_ops.SparseSegmentSumWithNumSegments raw_ops.SparseSegmentMeanWithNumSegments raw_ops.SparseSegmentSqrtNWithNumSegments",
    on(data=f(3, 2), indices=at([0, 2], "int32"), segment_ids=at([0, 2], "int32"), num_segments=4),
    on(data=f(3, 2), indices=at([0, 2], "int32"), segment_ids=at([0, 4], "int32"), num_segments=4),
    on(data=f(3, 2), indices=at([0, 2], "int32"), segment_ids=at([1, 0], "int32"), num_segments=4),
    on(data=f(3, 2), indices=at([0, 2], "int32"), segment_ids=at([0, 1], "int32"), num_segments=[4]), dtypes=FLOATS)
PASSED = [(at([2, 0, 2, 1], "int32"), at([0, 1, 1, 2], "int32"), 5), (at([2, 0, 2], "int32"), at([0, 0, 0], "int64"), 3),
    (at([0], "int32"), at([3], "int32"), 5), (at([5], "int32"), at([0], "int32"), 5), (at([-1], "int32"), at([0], "int32"), 5),
    (at([1, 2], "int32"), at([0], "int32"), 5), (at([2], "int32"), at([-1], "int32"), 5)]
row("raw_ops.SparseSegmentSumGrad raw_ops.SparseSegmentMeanGrad raw_ops.SparseSegmentSqrtNGrad",
    *[on(grad=f(3, 2), indices=i, segment_ids=s, output_dim0=n) for i, s, n in PASSED], dtypes=FLOATS)
row("raw_ops.SparseSegmentSumGradV2 raw_ops.SparseSegmentMeanGradV2 raw_ops.SparseSegmentSqrtNGradV2",
    *[on(grad=f(3, 2), indices=i, segment_ids=s, dense_output_dim0=n) for i, s, n in PASSED], dtypes=FLOATS)

# -- ordering ---------------------------------------------------------------------------------------------------------
row("sort", on(f(2, 5)), on(f(2, 5), axis=0), on(f(2, 5), -1, "DESCENDING"), on(at([2.0, 1.0, 2.0, np.nan, 0.0])), on(f(0, 3)), on(f(1)),
    on(f(3), direction="UP"), on(f(3), axis=1), on(f()), dtypes=EVERY)
row("argsort", on(f(2, 5)), on(f(2, 5), axis=0), on(f(2, 5), -1, "DESCENDING"), on(at([2.0, 1.0, 2.0, 1.0])),
    on(at([2.0, 1.0, 2.0, 1.0]), direction="DESCENDING", stable=True), on(f(0, 3)), on(f()), dtypes=REALS)
row("math.top_k", on(f(2, 5), 2), on(f(5)), on(at([1.0, 3.0, 3.0, 2.0]), 3), on(f(2, 5), k=0), on(f(2, 3), 4), on(f(2, 5), k=3, sorted=False),
    on(f(2, 0), 0), on(f(), 1), on(f(4), 2, index_type="int64"), dtypes=REALS)
row("math.approx_max_k math.approx_min_k", on(f(2, 8), 3), on(f(8, 2), 3, reduction_dimension=0), dtypes="float32")
row("searchsorted", on(at([1, 3, 5, 7]), at([0, 3, 4, 9])), on(at([1, 3, 5, 7]), at([0, 3, 4, 9]), side="right"),
    on(at([[1, 2], [3, 4]]), at([[2], [3]]), out_type="int64"), on(f(0), f(2)), on(at([[1, 2], [3, 4]]), at([2])),
    on(at([1, 2]), at([1]), side="middle"), dtypes=REALS)
row("math.invert_permutation", on(at([2, 0, 1])), on(at([2, 0, 2])), on(at([3, 0])), on(at([])), dtypes="int32 int64 float32")
row("unravel_index", on(at([3, 5, 11]), at([3, 4])), on(at(7), at([2, 4])), on(at([12]), at([3, 4])), dtypes="int32 int64")
IN = (at([1, 0, 7], "int32"), at([[0.1, 0.5, 0.5], [0.3, 0.2, 0.1], [0.3, 0.2, 0.1]], "float32"))
row("math.in_top_k", on(*IN, 1), on(*IN, k=2), on(at([0], "int64"), f(1, 3), 2), on(at([0, 1], "int32"), f(1, 3), 2), grad=False)
row("v1:math.in_top_k", on(IN[1], IN[0], 1), grad=False)

# -- counting ---------------------------------------------------------------------------------------------------------
row("histogram_fixed_width", on(f(10), [-1.0, 1.0]), on(f(2, 5), [-1.0, 1.0], nbins=4), on(f(0), [0.0, 1.0], 3),
    on(f(3), [0.0, 1.0], 3, dtype="int64"), on(f(3), [1.0, 0.0]), on(at([np.nan, 1.0]), [0.0, 1.0], 2), dtypes="float32 float64 int32 int64",
    grad=False)
row("histogram_fixed_width_bins", on(f(2, 5), [-1.0, 1.0], nbins=4), on(at([-1.0, 0.0, 1.5, 2.0, 5.0, 15.0]), [0.0, 5.0], 5), on(f(0), [0.0, 1.0]),
    on(f(3), [1.0, 0.0]), grad=False)
COUNT = [on(at([1, 1, 2, 5])), on(at([1, 1, 2]), [0.5, 1.0, 2.0]), on(at([1, 1, 2]), minlength=5), on(at([1, 1, 7]), maxlength=3), on(at([])),
    on(at([[1, 2], [2, 2]]))]
row("math.bincount", *COUNT, on(at([[1, 2], [2, 2]]), axis=-1), on(at([1, 1]), binary_output=True), on(at([-1, 2])), on(at([1, 2]), weights=[1.0]),
    dtypes="int32 int64 uint8 float32", grad=False)
row("v1:bincount", *COUNT, on(at([1, 2]), None, 1, 2, "int64"), dtypes="int32", grad=False)
CONFUSED = [on(at([0, 1, 2, 1]), at([0, 2, 2, 1])), on(at([0, 1]), at([1, 1]), num_classes=4),
    on(at([0, 1]), at([1, 1]), weights=[0.5, 2.0], dtype="float32"), on(at([0, 3]), at([1, 1]), 2), on(at([0, -1]), at([1, 1])), on(at([]), at([])),
    on(at([0, 1]), at([1]))]
row("math.confusion_matrix v1:confusion_matrix", *CONFUSED, dtypes="int32 int64 float32", grad=False)

# -- products ---------------------------------------------------------------------------------------------------------
row("linalg.matmul", on(f(2, 3), f(3, 4)), on(f(3, 2), f(4, 3), transpose_a=True, transpose_b=True), on(c(3, 2), c(3, 2), adjoint_a=True),
    on(f(2, 2, 3), f(2, 3, 1)), on(f(2, 1, 2, 3), f(3, 3, 2)), on(f(0, 3), f(3, 2)), on(f(2, 0), f(0, 2)), on(f(2, 3), f(2, 3)), on(f(3), f(3, 2)),
    on(f(2, 3), f(3, 2, dtype="float64")), on(f(2, 3), f(3, 2), a_is_sparse=True), on([[1.0, 2.0]], f(2, 2)),
    on(f(2, 2), f(2, 2), transpose_a=True, adjoint_a=True), on(i(2, 3, dtype="int8"), i(3, 2, dtype="int8"), output_type="int32"),
    dtypes=NUMBERS + " bool")
row("linalg.matvec", on(f(2, 3), f(3)), on(f(3, 2), f(3), transpose_a=True), on(f(4, 2, 3), f(4, 3)), on(f(2, 3), f(2)),
    on(c(2, 2), c(2), adjoint_a=True), dtypes=NUMBERS)
row("v1:sparse_matmul", on(f(2, 3), f(3, 2)), on(f(3, 2), f(3, 2), transpose_a=True), on(f(2, 3), f(3, 2), a_is_sparse=True))
row("linalg.tensordot", on(f(2, 3), f(3, 4), 1), on(f(2, 3, 4), f(4, 3, 2), axes=2), on(f(2, 3), f(2, 3), [[0, 1], [0, 1]]),
    on(f(2, 3, 4), f(3, 5), [[1], [0]]), on(f(2), f(3), 0), on(f(2, 3), f(4, 2), [[0], [-1]]), on(f(2, 3), f(2, 3), 1), on(f(2, 0), f(0, 2), 1),
    dtypes=NUMBERS)
row("einsum", on("ij,jk->ik", f(2, 3), f(3, 4)), on("bij,bjk->bik", f(2, 2, 3), f(2, 3, 1)), on("ii->i", f(3, 3)), on("ij->", f(2, 3)),
    on("i,j->ij", f(2), f(3)), on("...ij,...jk->...ik", f(4, 2, 3), f(3, 2)), on("ij,ij->ji", f(2, 3), f(2, 3)), on("ij,jk", f(2, 3), f(3, 4)),
    on("abc,cd,de->abe", f(2, 2, 3), f(3, 2), f(2, 4)), on("ij,jk->ik", f(2, 3), f(2, 3)), on("ij->ijk", f(2, 3)), on("ijj->ij", f(2, 3, 3)),
    dtypes=NUMBERS, call=lambda tf, eq, *x: tf.einsum(eq, *x))
