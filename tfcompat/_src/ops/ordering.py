"""Sorting: sort, argsort, top_k, searchsorted, invert_permutation, unravel_index; counting is in counting.py."""

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
from .core import scalar
from .math import REALS


# -- sorting ----------------------------------------------------------------------------------------------------------
def _key(values, descending):
    """What to sort ascending, and stably, so that `values` come out in the direction asked for."""
    if not descending:
        return values
    return -values if jnp.issubdtype(values.dtype, jnp.inexact) else ~values


def _check_axis(values, axis):
    """Raises what TensorFlow says: it looks the size up in the shape."""
    if not -values.ndim <= axis < values.ndim:
        place = axis + values.ndim if axis < 0 else axis
        raise bad("StridedSlice", f"slice index {place} of dimension 0 out of bounds.")


@op("Sort", name="sort", dtypes=REALS)
def sort_kernel(values, *, axis=-1, descending=False):
    """values [...] -> sorted along `axis`."""
    _check_axis(values, axis)
    return jnp.flip(jnp.sort(values, axis), axis) if descending else jnp.sort(values, axis)


@op("ArgSort", name="argsort", differentiable=False, dtypes=REALS)
def argsort_kernel(values, *, axis=-1, descending=False):
    """values [...] -> the int32 positions that sort it along `axis`; equal values keep their order."""
    _check_axis(values, axis)
    return jnp.argsort(_key(values, descending), axis, stable=True).astype(np.int32)


def _sorting(type, values, axis, direction, name):
    if direction not in ("ASCENDING", "DESCENDING"):
        raise ValueError(f'Argument `direction` should be one of "ASCENDING" or "DESCENDING". Received: {direction}')
    values, axis = record.convert_to_tensor(values), record.setting(axis)
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


@op("TopKV2", static="k", own="input", name="TopKV2", dtypes=REALS)
def top_k_kernel(input, k, *, index_type=dtypes.int32):
    """input [..., n], k [] -> the k largest [..., k] along the last dimension, and where they are; the first of
    equals first.
    """
    if k.ndim:
        raise bad("TopKV2", f"k must be scalar, got shape {shapes_text(k.shape)}: Input must be scalar but has rank 1")
    n = int(k)
    if n < 0:
        raise bad("TopKV2", f"Need k >= 0, got {n}: it must be non-negative but is {n}")
    if input.ndim < 1:
        raise bad("TopKV2", "input must be >= 1-D, got shape []: Shape must be at least rank 1 but is rank 0")
    if input.shape[-1] < n:
        columns = input.shape[-1]
        raise bad(
            "TopKV2",
            f"input must have at least k columns. Had {columns}, needed {n}: input must have last dimension >= k = {n} "
            f"but is {columns}",
        )
    values, indices = lax.top_k(input, n)
    return values, indices.astype(index_type.np)


@export("math.top_k nn.top_k")
def top_k(input, k=1, sorted=True, index_type=dtypes.int32, name=None):
    """input [..., n] -> (values, indices): the k largest along the last dimension in falling order, the first of
    equals first.
    """
    settings = {"index_type": dtypes.as_dtype(index_type)}
    return TopK(*record.call(OPS["TopKV2"], [record.convert_to_tensor(input), scalar(k)], settings, name))


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


@op("InvertPermutation", differentiable=False, twin=_inverse, shapes="x n")
def invert_permutation_kernel(x):
    """x [n], a permutation of 0 .. n - 1 -> y with y[x[i]] = i."""
    if x.ndim != 1:
        raise bad(
            "InvertPermutation", f"invert_permutation expects a 1D vector: Shape must be rank 1 but is rank {x.ndim}"
        )
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


def _check_dims(dims):
    """Raises InvalidArgumentError where known sizes are none of a tensor."""
    if (dims == 0).any():
        zero = int(np.flatnonzero(dims == 0)[0])
        raise bad("UnravelIndex", f"Input dims cannot contain a dim of zero, but dims contains zero at index {zero}")
    for i, d in enumerate(dims.tolist()):
        if d < 0:
            raise bad("UnravelIndex", f"Input dims cannot be negative. Got dim = {d} at index {i}")
    size = int(np.prod(dims, dtype=object))
    if size > np.iinfo(dims.dtype).max:
        listed = " ".join(str(d) for d in dims.tolist())
        raise bad("UnravelIndex", f"Input dims product is causing integer overflow: ({listed})")
    return size


def _unraveled(indices, dims):
    """The static shape where sizes are unknown; of one number of dimensions by the rank of `indices`."""
    if dims is not None and len(dims) != 1 or indices is not None and len(indices) > 1:
        return NotImplemented
    return None if indices is None else (dims[0] if dims else None, *indices)


@op("UnravelIndex", names="unravel_index", differentiable=False, results=_unraveled)
def unravel_index_kernel(indices, dims):
    """indices [] or [n], dims [r] -> [r] or [r, n]: the coordinates of flat positions in a tensor of shape `dims`."""
    if dims.ndim != 1:
        raise bad("UnravelIndex", f'The indices can only be 1-D, got "{shapes_text(dims.shape)}"')
    if indices.ndim > 1:
        raise bad("UnravelIndex", f'The indices can only be scalar or vector, got "{shapes_text(indices.shape)}"')
    if isinstance(dims, np.ndarray) and isinstance(indices, np.ndarray):
        if (indices >= _check_dims(dims)).any():
            raise bad("UnravelIndex", "index is out of bound as with dims")
    # One expression for all dimensions: a graph that does not know how many there are tries thousands.
    dims, indices = jnp.asarray(dims), jnp.asarray(indices)
    after = jnp.flip(jnp.cumprod(jnp.flip(dims), dtype=dims.dtype))
    strides = jnp.concatenate([after[1:], jnp.ones([1], dims.dtype)])
    shape = (*dims.shape, *indices.shape)
    along = [jnp.broadcast_to(v.reshape(-1, *[1] * indices.ndim), shape) for v in (strides, dims)]
    whole = lax.div(jnp.broadcast_to(indices, shape), along[0])
    return whole.at[1:].set(lax.rem(whole, along[1])[1:])
