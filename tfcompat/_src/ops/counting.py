"""Counting: histograms, bincount of dense, sparse and ragged tensors, points of the Sobol sequence."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, record
from ..declare import OPS, export, op
from ..graph import aval, context
from ..scopes import name_scope
from .array import bad
from .core import cast, scalar


# -- histograms -------------------------------------------------------------------------------------------------------
@op("HistogramFixedWidth", name="histogram_fixed_width", differentiable=False, static="nbins", own="nbins",
    dtypes="int32 int64 float32 float64")  # fmt: skip
def histogram_kernel(values, value_range, nbins, *, dtype):
    """values [...], value_range [2], nbins [] -> [nbins]: how many values lie in each of the equal bins; outliers go
    to the ends.
    """
    _check_range("HistogramFixedWidth", value_range)
    _check_numbers(values, value_range)
    if nbins.ndim:
        raise bad("HistogramFixedWidth", f"nbins should be a scalar: Shape must be rank 0 but is rank {nbins.ndim}")
    n = int(nbins)
    if n <= 0:
        raise bad("HistogramFixedWidth", f"nbins should be a positive number, but got '{n}': Requires nbins > 0: {n}")
    wide = jnp.asarray(values).reshape(-1).astype(np.float64)  # as TensorFlow: the width of a range may overflow
    low, high = value_range[0].astype(np.float64), value_range[1].astype(np.float64)
    place = jnp.clip((wide - low) / ((high - low) / n), 0, n - 1).astype(np.int32)
    return jnp.zeros(n, dtype.np).at[place].add(np.ones((), dtype.np))


def _check_range(type, value_range):
    if value_range.ndim != 1:
        raise bad(type, f"value_range should be a vector: Shape must be rank 1 but is rank {value_range.ndim}")
    if value_range.shape[0] != 2:
        raise bad(
            type,
            f"value_range should be a vector of 2 elements: Dimension must be 2 but is {value_range.shape[0]}",
        )


def _check_numbers(values, value_range):
    """Raises InvalidArgumentError for an empty range and for NaN, where they are known."""
    if isinstance(value_range, np.ndarray) and not value_range[0] < value_range[1]:
        said = f"[{value_range[0]}, {value_range[1]}]"
        raise bad("HistogramFixedWidth", f"value_range should satisfy value_range[0] < value_range[1], but got {said}")
    if isinstance(values, np.ndarray) and values.dtype.kind == "f" and np.isnan(values).any():
        raise bad("HistogramFixedWidth", "values must not contain NaN")


@op("HistogramBins", name="histogram_fixed_width_bins", differentiable=False, static="nbins", own="nbins")
def histogram_bins_kernel(values, value_range, nbins, *, dtype):
    """values [...], value_range [2], nbins [] -> [...]: the bin each value lies in."""
    _check_range("HistogramBins", value_range)
    n = int(nbins)
    if n <= 0:
        raise bad("Assert", f"nbins {n} must > 0")
    low, high = value_range[0], value_range[1]
    scaled = jnp.floor(np.asarray(n, values.dtype) * ((values - low) / (high - low)))
    return jnp.clip(scaled, 0, n - 1).astype(dtype.np)


@export("histogram_fixed_width")
def histogram_fixed_width(values, value_range, nbins=100, dtype=dtypes.int32, name=None):
    """values [...], value_range [2] -> [nbins]: how many values lie in each of the equal bins; outliers go to the
    ends.  Raises InvalidArgumentError (in graphs ValueError) where the range is no pair or `nbins` not positive.
    """
    settings = {"dtype": dtypes.as_dtype(dtype)}
    if context.graph is None:
        values = record.convert_to_tensor(values)
        value_range = record.convert_to_tensor(value_range, values.dtype.base_dtype)
        known = value_range._slot.value
        if values._shape_tuple() is not None and known.__class__ is np.ndarray and known.shape == (2,):
            _check_numbers(values._slot.value, known)
    return record.call(OPS["HistogramFixedWidth"], [values, value_range, scalar(nbins)], settings, name)


@export("histogram_fixed_width_bins")
def histogram_fixed_width_bins(values, value_range, nbins=100, dtype=dtypes.int32, name=None):
    """values [...], value_range [2] -> [...]: the bin each value lies in, outliers in those at the ends."""
    settings = {"dtype": dtypes.as_dtype(dtype)}
    return record.call(OPS["HistogramBins"], [values, value_range, scalar(nbins)], settings, name)


# -- how often each number occurs -------------------------------------------------------------------------------------
def _counted(arr, weights, size, dtype, binary):
    """[b.., n] -> [b.., size]: counts (or weights summed, or whether any) of each value below `size`."""
    inside = (arr >= 0) & (arr < size)
    place = jnp.where(inside, arr, size)
    what = jnp.ones(arr.shape, dtype) if weights is None else weights.astype(dtype)
    rows = int(np.prod(arr.shape[:-1], dtype=np.int64))
    row = lax.broadcasted_iota(place.dtype, (rows, arr.shape[-1]), 0)
    at = jnp.zeros((rows, size), dtype).at[row, place.reshape(rows, -1)]
    what = what.reshape(rows, -1)
    out = at.max(what, mode="drop") if binary else at.add(what, mode="drop")
    return out.reshape(*arr.shape[:-1], size)


def _counts_unknown(input, size, weights=None, *, dtype, binary_output=False):
    """What is known of the counts where the numbers or how many of them there are is not."""
    if not input or size is not None and size.ndim:
        return NotImplemented
    return aval(dtype, (*input[:-1], None if size is None else size[()]))


@op(
    "DenseBincount", static="size", own="input weights", name="bincount", differentiable=False, results=_counts_unknown
)  # fmt: skip
def bincount_kernel(input, size, weights=None, *, dtype, binary_output=False):
    """input [n] or [b, n], size [] -> [size] or [b, size]: how often each value below `size` occurs (or their
    weights summed).
    """
    if input.ndim > 2:
        raise bad("DenseBincount", f"Shape must be at most rank 2 but is rank {input.ndim}")
    if size.ndim:
        raise bad("DenseBincount", f"Shape must be rank 0 but is rank {size.ndim}")
    if size < 0:
        raise bad("DenseBincount", f"size ({int(size)}) must be non-negative")
    if weights is not None and weights.shape != input.shape:
        raise bad(
            "DenseBincount",
            "`weights` must be the same shape as `arr` or a length-0 `Tensor`, in which case it acts as all weights "
            f"equal to 1. Received {list(weights.shape)}",
        )
    return _counted(input, weights, int(size), dtype.np, binary_output)


@op("BincountSize", host=True, abstract=lambda arr, minlength, maxlength: (dtypes.int64, ()), name="Max")
def bincount_size(arr, *, minlength, maxlength):
    """One more than the largest value, at least `minlength`, at most `maxlength`; no value may be negative."""
    if arr.size and arr.min() < 0:
        raise bad("DenseBincount", "Input arr must be non-negative!")
    size = int(arr.max()) + 1 if arr.size else 0
    size = size if minlength is None else max(size, minlength)
    return np.int64(size if maxlength is None else min(size, maxlength))


def _size(values, minlength, maxlength):
    if minlength is not None and minlength == maxlength:
        return np.array(minlength, np.int64)
    return record.call(OPS["BincountSize"], [values], {"minlength": minlength, "maxlength": maxlength}, None)


def _checked(axis, minlength, maxlength, weights, binary_output):
    """The settings of a bincount as numbers; ValueError for those that contradict."""
    axis, minlength, maxlength = record.setting(axis), record.setting(minlength), record.setting(maxlength)
    if axis not in (None, 0, -1):
        raise ValueError(f"Unsupported value for argument axis={axis}. Only 0 and -1 are currently supported.")
    if weights is not None and binary_output:
        raise ValueError(
            "Arguments `binary_output` and `weights` are mutually exclusive. Please specify only one."
        )  # fmt: skip
    return axis, minlength, maxlength


@export("math.bincount", v1="")
def bincount(
    arr, weights=None, minlength=None, maxlength=None, dtype=dtypes.int32, name=None, axis=None, binary_output=False
):
    """arr [...] -> [max + 1]: how often each value occurs, or the sum of its weights; with axis=-1, of each row.

    `arr` is a tensor, a SparseTensor (what it does not hold is not counted) or a RaggedTensor.  Raises
    InvalidArgumentError for negative values, ValueError where `weights` and `binary_output` are both given.
    """
    axis, minlength, maxlength = _checked(axis, minlength, maxlength, weights, binary_output)
    with name_scope(name, "bincount", [arr] if isinstance(arr, record.Tensor) else []):
        if hasattr(arr, "dense_shape") or hasattr(arr, "row_splits"):
            return _bincount_of_rows(arr, weights, minlength, maxlength, dtype, axis, binary_output)
        arr = _integers(record.convert_to_tensor(arr))
        if weights is not None:
            weights = record.convert_to_tensor(weights)
            dtype = weights.dtype.base_dtype
        if axis != -1:
            arr = OPS["Reshape"].public(arr, [-1])
            weights = None if weights is None else OPS["Reshape"].public(weights, [-1])
        settings = {"dtype": dtypes.as_dtype(dtype), "binary_output": binary_output}
        size = _size(arr, minlength, maxlength)
        return record.call(OPS["DenseBincount"], [arr, size, weights], settings, None, "DenseBincount")


def _integers(arr):
    return arr if arr.dtype.is_integer else cast(arr, dtypes.int32)


def _values(x):
    """The numbers that a SparseTensor or RaggedTensor (or a tensor) holds, as a vector."""
    if hasattr(x, "dense_shape"):
        return record.convert_to_tensor(x.values)
    return record.convert_to_tensor(x.flat_values if hasattr(x, "flat_values") else x)


def _bincount_of_rows(arr, weights, minlength, maxlength, dtype, axis, binary_output):
    """bincount of a SparseTensor or RaggedTensor."""
    values = _integers(_values(arr))
    if weights is not None:
        weights = _values(weights)
        dtype = weights.dtype.base_dtype
    size = _size(values, minlength, maxlength)
    settings = {"dtype": dtypes.as_dtype(dtype), "binary_output": binary_output}
    sparse = hasattr(arr, "dense_shape")
    if axis != -1 or (sparse and arr.shape.rank == 1):
        return record.call(OPS["DenseBincount"], [values, size, weights], settings, None, "DenseBincount")
    if sparse:
        rows, n = arr.indices[:, 0], arr.dense_shape[0]
    else:
        rows, n = arr.value_rowids(), arr.nrows()
    return record.call(OPS["SparseBincount"], [rows, values, n, size, weights], settings, None, "SparseBincount")


@op("SparseBincount", static="count size", own="rows values weights", name="bincount", differentiable=False)
def sparse_bincount_kernel(rows, values, count, size, weights=None, *, dtype, binary_output=False):
    """rows [n], values [n], count [], size [] -> [count, size]: how often each value occurs in each row."""
    if size.ndim:
        raise bad("SparseBincount", f"Shape must be rank 0 but is rank {size.ndim}")
    what = jnp.ones(values.shape, dtype.np) if weights is None else weights.astype(dtype.np)
    inside = (values >= 0) & (values < int(size))
    at = jnp.zeros((int(count), int(size)), dtype.np).at[rows, jnp.where(inside, values, int(size))]
    return at.max(what, mode="drop") if binary_output else at.add(what, mode="drop")


@export("", v1="bincount math.bincount")
def bincount_v1(arr, weights=None, minlength=None, maxlength=None, dtype=dtypes.int32):
    """TF1's tf.bincount."""
    return bincount(arr, weights, minlength, maxlength, dtype)


def _counts_abstract(rows, values, shape, weights=None, **settings):
    rank = 1 + shape.shape[0] if shape.known else None
    counts = dtypes.int64 if weights is None else weights.dtype
    return [(dtypes.int64, (None, rank)), (counts, (None,)), (dtypes.int64, (rank,))]


@op("SparseCountSparseOutput", host=True, alike=False, name="SparseCountSparseOutput", abstract=_counts_abstract)
def _count_rows(rows, values, shape, weights=None, *, minlength, maxlength, binary_output):
    """The counts of each value in each row, or over everything where `shape` is empty, as the parts of a SparseTensor."""
    found = {}
    for i, (row, value) in enumerate(zip(rows.tolist(), values.tolist(), strict=True)):
        if value < 0:
            raise bad("SparseCountSparseOutput", "Input values must all be non-negative")
        if maxlength is None or value < maxlength:
            found[row, value] = (
                1 if binary_output else found.get((row, value), 0) + (1 if weights is None else weights[i])
            )
    places = sorted(found)
    size = max([v + 1 for _, v in places], default=0)
    size = max(size, minlength or 0) if maxlength is None else min(max(size, minlength or 0), maxlength)
    kind = np.int64 if weights is None else weights.dtype
    indices = np.array([p if shape.size else p[1:] for p in places], np.int64).reshape(-1, 2 if shape.size else 1)
    return indices, np.array([found[p] for p in places], kind), np.array([*shape, size], np.int64)


@export("sparse.bincount")
def sparse_bincount(values, weights=None, axis=0, minlength=None, maxlength=None, binary_output=False, name=None):
    """values [...] -> a SparseTensor [max + 1] of how often each value occurs; with axis=-1, of each row."""
    from .sparse import SparseTensor

    axis, minlength, maxlength = _checked(axis, minlength, maxlength, weights, binary_output)
    with name_scope(name, "count", []):
        if not hasattr(values, "dense_shape") and not hasattr(values, "row_splits"):
            values = record.convert_to_tensor(values)
        rows, count = _row_numbers(values) if axis == -1 and values.shape.rank != 1 else (None, None)
        flat = OPS["Reshape"].public(_values(values), [-1])
        rows = OPS["ZerosLike"].public(flat) if rows is None else rows
        shape = np.zeros(0, np.int64) if count is None else OPS["Reshape"].public(cast(count, dtypes.int64), [1])
        given = None if weights is None else OPS["Reshape"].public(_values(weights), [-1])
        settings = dict(minlength=minlength, maxlength=maxlength, binary_output=binary_output)
        indices, counts, dense = record.call(OPS["SparseCountSparseOutput"], [rows, flat, shape, given], settings, None)
        if weights is None:
            counts = cast(counts, flat.dtype.base_dtype)
        return SparseTensor(indices, counts, dense)


def _row_numbers(values):
    """(the row of every element, how many rows there are)"""
    if hasattr(values, "dense_shape"):
        return values.indices[:, 0], values.dense_shape[0]
    if hasattr(values, "row_splits"):
        return values.value_rowids(), values.nrows()
    shape = OPS["Shape"].public(values)
    rows = OPS["Range"].public(0, shape[0], 1)
    rows = OPS["BroadcastTo"].public(OPS["ExpandDims"].public(rows, 1), shape)
    return OPS["Reshape"].public(rows, [-1]), shape[0]


# -- points that fill the cube ----------------------------------------------------------------------------------------
@op(
    "SobolSample",
    host=True,
    abstract=lambda *a, dtype, static: (dtype, static),
    own="dim num_results skip",
    alike=False,
)
def _sobol(dim, num_results, skip, *, dtype, static):
    from scipy.stats import qmc

    for what, value, least in (("dim", dim, 1), ("num_results", num_results, 1), ("skip", skip, 0)):
        if value < least:
            words = "must be non-negative" if not least else "must be at least one"
            raise bad("SobolSample", f"{what} {words}")
    points = qmc.Sobol(int(dim), scramble=False, bits=32)
    points.fast_forward(int(skip) + 1)  # TensorFlow leaves out the origin
    return points.random(int(num_results)).astype(dtype.np)


@export("math.sobol_sample")
def sobol_sample(dim, num_results, skip=0, dtype=dtypes.float32, name=None):
    """[num_results, dim] points of the Sobol sequence in the unit cube, after the first `skip`; computed on the host.

    Raises InvalidArgumentError for dim < 1, num_results < 1 or skip < 0.
    """
    with name_scope(name, "sobol", [dim, num_results, skip]):
        given = [record.convert_to_tensor(v, dtypes.int32) for v in (dim, num_results, skip)]
        known = [None if context.graph is None else record.static_value(t) for t in given]
        static = tuple([None if v is None else int(v) for v in (known[1], known[0])])
        return record.call(OPS["SobolSample"], given, {"dtype": dtypes.as_dtype(dtype), "static": static}, None)
