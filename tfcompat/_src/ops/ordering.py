"""Sorting and counting: sort, argsort, top_k, searchsorted, invert_permutation, histograms, bincount."""

from __future__ import annotations

from collections import namedtuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, record
from ..declare import OPS, export, op
from ..tensor import EagerTensor
from .array import bad, shapes_text


# -- sorting ----------------------------------------------------------------------------------------------------------
def _key(values, descending):
    """What to sort ascending, and stably, so that `values` come out in the direction asked for."""
    if not descending:
        return values
    return -values if jnp.issubdtype(values.dtype, jnp.inexact) else ~values


@op("Sort", name="sort")
def sort_kernel(values, *, axis=-1, descending=False):
    """values [...] -> sorted along `axis`."""
    return jnp.flip(jnp.sort(values, axis), axis) if descending else jnp.sort(values, axis)


@op("ArgSort", name="argsort", differentiable=False)
def argsort_kernel(values, *, axis=-1, descending=False):
    """values [...] -> the int32 positions that sort it along `axis`; equal values keep their order."""
    return jnp.argsort(_key(values, descending), axis, stable=True).astype(np.int32)


def _sorting(type, values, axis, direction, name):
    if direction not in ("ASCENDING", "DESCENDING"):
        raise ValueError(f'Argument `direction` should be one of "ASCENDING" or "DESCENDING". Received: {direction}')
    values, axis = record.convert_to_tensor(values), record.setting(axis)
    rank = values._rank()
    if rank is not None and not -rank <= axis < rank:
        raise ValueError(f"axis {axis} out of range for values of rank {rank}")
    return record.call(OPS[type], [values], {"axis": axis, "descending": direction == "DESCENDING"}, name)


@export("sort")
def sort(values, axis=-1, direction="ASCENDING", name=None):
    """values [...] -> sorted along `axis`."""
    return _sorting("Sort", values, axis, direction, name)


@export("argsort")
def argsort(values, axis=-1, direction="ASCENDING", stable=False, name=None):
    """values [...] -> the int32 positions that sort it along `axis`; equal values keep their order."""
    return _sorting("ArgSort", values, axis, direction, name)


TopK = namedtuple("TopKV2", ["values", "indices"])


@op("TopKV2", static="k", own="input", name="TopKV2")
def top_k_kernel(input, k, *, index_type=dtypes.int32):
    """input [..., n], k [] -> the k largest [..., k] along the last dimension, and where they are; the first of
    equals first.
    """
    n = int(k.reshape(()))
    if input.ndim < 1 or input.shape[-1] < n:
        raise bad(
            "TopKV2", f"input must have at least k columns. Had {input.shape[-1] if input.ndim else 0}, needed {n}"
        )
    if n < 0:
        raise bad("TopKV2", f"Need k >= 0, got {n}")
    values, indices = lax.top_k(input, n)
    return values, indices.astype(index_type.np)


@export("math.top_k nn.top_k")
def top_k(input, k=1, sorted=True, index_type=dtypes.int32, name=None):
    """input [..., n] -> (values, indices): the k largest along the last dimension in falling order, the first of
    equals first.
    """
    settings = {"index_type": dtypes.as_dtype(index_type)}
    return TopK(*record.call(OPS["TopKV2"], [record.convert_to_tensor(input), k], settings, name))


def _approximate(find):
    def approximate(operand, k, reduction_dimension=-1, recall_target=0.95, reduction_input_size_override=-1,
                    aggregate_to_topk=True, name=None):  # fmt: skip
        if not aggregate_to_topk:
            raise NotImplementedError(f"tf.nn.{approximate.__name__}: aggregate_to_topk=False is not supported")
        operand, axis = record.convert_to_tensor(operand), record.setting(reduction_dimension)
        return tuple(record.call(OPS["ExactTopK"], [operand], {"k": k, "axis": axis, "largest": find == "max"}, name))

    approximate.__name__ = approximate.__qualname__ = f"approx_{find}_k"
    approximate.__doc__ = (
        f"operand [.., n, ..] -> (values, indices) of the k {find}imal elements along a dimension: exact here."
    )
    return export(f"nn.approx_{find}_k math.approx_{find}_k")(approximate)


@op("ExactTopK", name="ApproxTopK")
def exact_top_k_kernel(operand, *, k, axis, largest):
    """operand [.., n, ..] -> the k largest (smallest) along `axis` and where they are."""
    moved = jnp.moveaxis(operand, axis, -1)
    _, indices = lax.top_k(moved if largest else -moved, k)
    values = jnp.take_along_axis(moved, indices, -1)
    return jnp.moveaxis(values, -1, axis), jnp.moveaxis(indices.astype(np.int32), -1, axis)


approx_max_k, approx_min_k = _approximate("max"), _approximate("min")


@op("SearchSorted", names="", differentiable=False)
def search_sorted_kernel(sorted_sequence, values, *, side="left", out_type=dtypes.int32):
    """sorted_sequence [b.., n], values [b.., m] -> the positions [b.., m] where to insert the values."""
    if sorted_sequence.shape[:-1] != values.shape[:-1]:
        both = f"{shapes_text(sorted_sequence.shape)} and {shapes_text(values.shape)}"
        raise bad("LowerBound", f"Leading dim_size of both tensors must match: {both}")
    find = lambda s, v: jnp.searchsorted(s, v, side=side)
    for _ in sorted_sequence.shape[:-1]:
        find = jax.vmap(find)
    return find(jnp.asarray(sorted_sequence), jnp.asarray(values)).astype(out_type.np)


@export("searchsorted")
def searchsorted(sorted_sequence, values, side="left", out_type=dtypes.int32, name=None):
    """sorted_sequence [b.., n], values [b.., m] -> the positions [b.., m] where to insert the values, before or
    after equals.
    """
    if side not in ("left", "right"):
        raise ValueError(f"Argument `side` must be either 'right' or 'left'. Received: `side` = '{side}'.")
    settings = {"side": side, "out_type": dtypes.as_dtype(out_type)}
    return record.call(OPS["SearchSorted"], [sorted_sequence, values], settings, name)


def _inverse(x):
    out = np.empty_like(x)
    out[x] = np.arange(x.size, dtype=x.dtype)
    return out


@op("InvertPermutation", differentiable=False, twin=_inverse)
def invert_permutation_kernel(x):
    """x [n], a permutation of 0 .. n - 1 -> y with y[x[i]] = i."""
    return jnp.zeros_like(x).at[x].set(jnp.arange(x.shape[0], dtype=x.dtype))


@export("math.invert_permutation", v1="invert_permutation math.invert_permutation")
def invert_permutation(x, name=None):
    """x [n], a permutation of 0 .. n - 1 -> y with y[x[i]] = i."""
    x = record.convert_to_tensor(x)
    known = x._slot.value if x.__class__ is EagerTensor else None
    if known.__class__ is np.ndarray and known.ndim == 1:
        for v in known.tolist():
            if not 0 <= v < known.size:
                raise bad("InvertPermutation", f"{v} is not between 0 and {known.size}")
        if len(set(known.tolist())) != known.size:
            doubled = next(v for i, v in enumerate(known.tolist()) if v in known.tolist()[:i])
            raise bad("InvertPermutation", f"{doubled} is duplicated in the input.")
    return record.call(OPS["InvertPermutation"], [x], None, name)


@op("UnravelIndex", names="unravel_index", differentiable=False)
def unravel_index_kernel(indices, dims):
    """indices [...], dims [r] -> [r, ...]: the coordinates of flat positions in a tensor of shape `dims`."""
    out, rest = [], indices
    for i in reversed(range(dims.shape[0])):
        out.append(rest % dims[i])
        rest = rest // dims[i]
    return jnp.stack(out[::-1])


# -- counting ---------------------------------------------------------------------------------------------------------
@op("HistogramFixedWidth", name="histogram_fixed_width", differentiable=False)
def histogram_kernel(values, value_range, *, nbins, dtype):
    """values [...], value_range [2] -> [nbins]: how many values lie in each of the equal bins; outliers go to the
    ends.
    """
    low, high = value_range[0], value_range[1]
    step = (high - low) / np.asarray(nbins, values.dtype)
    place = jnp.minimum(((jnp.maximum(values.reshape(-1), low) - low) / step).astype(np.int32), nbins - 1)
    return jnp.zeros(nbins, dtype.np).at[place].add(np.ones((), dtype.np))


@op("HistogramBins", name="histogram_fixed_width_bins", differentiable=False)
def histogram_bins_kernel(values, value_range, *, nbins, dtype):
    """values [...], value_range [2] -> [...]: the bin each value lies in."""
    low, high = value_range[0], value_range[1]
    scaled = jnp.floor(np.asarray(nbins, values.dtype) * ((values - low) / (high - low)))
    return jnp.clip(scaled, 0, nbins - 1).astype(dtype.np)


def _check_nbins(nbins):
    if nbins <= 0:
        raise bad("HistogramFixedWidth", f"nbins should be a positive number, but got '{nbins}'")


@export("histogram_fixed_width")
def histogram_fixed_width(values, value_range, nbins=100, dtype=dtypes.int32, name=None):
    """values [...], value_range [2] -> [nbins]: how many values lie in each of the equal bins; outliers go to the
    ends.
    """
    nbins = record.setting(nbins)
    _check_nbins(nbins)
    settings = {"nbins": nbins, "dtype": dtypes.as_dtype(dtype)}
    return record.call(OPS["HistogramFixedWidth"], [values, value_range], settings, name)


@export("histogram_fixed_width_bins")
def histogram_fixed_width_bins(values, value_range, nbins=100, dtype=dtypes.int32, name=None):
    """values [...], value_range [2] -> [...]: the bin each value lies in, outliers in those at the ends."""
    nbins = record.setting(nbins)
    _check_nbins(nbins)
    settings = {"nbins": nbins, "dtype": dtypes.as_dtype(dtype)}
    return record.call(OPS["HistogramBins"], [values, value_range], settings, name)


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


@op("DenseBincount", static="size", own="input weights", name="bincount", differentiable=False)
def bincount_kernel(input, size, weights=None, *, dtype, binary_output=False):
    """input [n] or [b, n], size [] -> [size] or [b, size]: how often each value below `size` occurs (or their
    weights summed).
    """
    return _counted(input, weights, int(size.reshape(())), dtype.np, binary_output)


@op("BincountSize", host=True, abstract=lambda arr, minlength, maxlength: (dtypes.int64, ()), name="Max")
def bincount_size(arr, *, minlength, maxlength):
    """One more than the largest value, at least `minlength`, at most `maxlength`."""
    if arr.size and arr.min() < 0:
        raise bad("DenseBincount", "Input arr must be non-negative!")
    size = int(arr.max()) + 1 if arr.size else 0
    size = size if minlength is None else max(size, minlength)
    return np.int64(size if maxlength is None else min(size, maxlength))


@export("math.bincount", v1="")
def bincount(
    arr, weights=None, minlength=None, maxlength=None, dtype=dtypes.int32, name=None, axis=None, binary_output=False
):
    """arr [...] -> [max + 1]: how often each value occurs, or the sum of its weights; along the last of two
    dimensions for axis=-1.
    """
    arr = record.convert_to_tensor(arr)
    if hasattr(arr, "_with_values"):
        raise NotImplementedError("tf.math.bincount of sparse and ragged tensors is not supported")
    if not arr.dtype.is_integer:
        raise bad("DenseBincount", f"tf.math.bincount counts integers, not {arr.dtype.name}")
    axis, minlength, maxlength = record.setting(axis), record.setting(minlength), record.setting(maxlength)
    if axis not in (None, 0, -1):
        raise ValueError(f"Unsupported value for argument axis={axis}. Only 0 and -1 are currently supported.")
    if weights is not None:
        weights = record.convert_to_tensor(weights)
        dtype = weights.dtype.base_dtype
    if axis != -1:
        arr = OPS["Reshape"].public(arr, [-1])
        weights = None if weights is None else OPS["Reshape"].public(weights, [-1])
    if minlength is not None and minlength == maxlength:
        size = np.array(minlength, np.int64)
    else:
        size = record.call(OPS["BincountSize"], [arr], {"minlength": minlength, "maxlength": maxlength}, None)
    settings = {"dtype": dtypes.as_dtype(dtype), "binary_output": binary_output}
    return record.call(OPS["DenseBincount"], [arr, size, weights], settings, name)


@export("", v1="bincount math.bincount")
def bincount_v1(arr, weights=None, minlength=None, maxlength=None, dtype=dtypes.int32):
    """TF1's tf.bincount."""
    return bincount(arr, weights, minlength, maxlength, dtype)
