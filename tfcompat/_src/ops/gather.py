"""Reading and writing at indices: gather, gather_nd, scatter_nd, tensor_scatter_nd_*.

Indices known when the op is recorded are checked as TensorFlow's CPU kernels do.  An index computed on the device that
is out of range reads NaN (0 for integers) and is not written, since a compiled program cannot raise.
"""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from .. import dtypes, record
from ..declare import OPS, export, op
from ..graph import aval, context
from ..shapes import compatible_dims, dims_text
from ..tensor import EagerTensor
from . import unknown
from .array import bad, shapes_text

CHECKED = 65536  # indices; larger arrays are not worth looking through on the host


def _fill(dtype):
    return np.nan if dtypes.as_dtype(dtype).is_floating or dtypes.as_dtype(dtype).is_complex else 0


def _take(params, indices, axis, in_range=False):
    size = params.shape[axis]
    if isinstance(indices, np.ndarray):  # known: in range is known too
        _check(indices, size)
        return jnp.take(params, indices, axis, mode="clip")
    if in_range:
        return jnp.take(params, indices, axis, mode="clip")
    if indices.dtype.kind == "i":
        indices = jnp.where(indices < 0, np.asarray(size, indices.dtype), indices)
    return jnp.take(params, indices, axis, mode="fill", fill_value=_fill(params.dtype))


def _check(indices, size):
    """Raises InvalidArgumentError for the first index that is not in [0, size)."""
    outside = (indices < 0) | (indices >= size)
    if outside.any():
        where = tuple(int(i[0]) for i in np.nonzero(np.atleast_1d(outside))) if indices.ndim else ()
        place = shapes_text(where) if where else ""
        raise bad("GatherV2", f"indices{place} = {indices[where]} is not in [0, {size})")


def _gather_places(params, indices, axis, batch_dims):
    """`axis` and `batch_dims` counted from the front, for these ranks.  Raises InvalidArgumentError where they do not fit."""
    if not -params <= axis < params:
        raise bad("GatherV2", f"Shape must be at least rank {axis + 1 if axis >= 0 else -axis} but is rank {params}")
    axis %= params
    if batch_dims < 0:
        batch_dims += indices
    if not 0 <= batch_dims <= min(axis, indices):
        limit = f"axis ({axis}) and the rank of indices ({indices})"
        raise bad("GatherV2", f"batch_dims ({batch_dims}) must be less than or equal to {limit}")
    return axis, batch_dims


def _gathered_unknown(params, indices, *, axis=0, batch_dims=0, in_range=False):
    if params is None or indices is None:
        return None
    axis, batch_dims = _gather_places(len(params), len(indices), axis, batch_dims)
    outer = [a if a is not None else b for a, b in zip(params[:batch_dims], indices[:batch_dims], strict=True)]
    return (*outer, *params[batch_dims:axis], *indices[batch_dims:], *params[axis + 1 :])


@op(
    "GatherV2",
    own="indices",
    name="GatherV2",
    twin=lambda *args, **kw: gather_on_host(*args, **kw),
    results=_gathered_unknown,
)
def gather_kernel(params, indices, *, axis=0, batch_dims=0, in_range=False):
    """params [.., d, ..], indices [...] -> [.., *indices, ..]: the slices of `params` along `axis` at `indices`.

    in_range: the caller has looked at the indices; not having to fill in NaN saves a third of the time of a lookup.
    """
    axis, batch_dims = _gather_places(params.ndim, indices.ndim, axis, batch_dims)
    if not batch_dims:
        return _take(params, indices, axis, in_range)
    for d in range(batch_dims):
        if params.shape[d] != indices.shape[d]:
            raise bad(
                "GatherV2",
                f"params.shape[{d}]: {params.shape[d]} should be equal to indices.shape[{d}]: {indices.shape[d]}",
            )
    if isinstance(indices, np.ndarray):
        _check(indices, params.shape[axis])
    f = lambda p, i: _take(p, i, axis - batch_dims, in_range)
    for _ in range(batch_dims):
        f = jax.vmap(f)
    return f(jnp.asarray(params), jnp.asarray(indices))


@export("gather", v1="")
def gather(params, indices, validate_indices=None, axis=None, batch_dims=0, name=None):
    """params [.., d, ..], indices [...] -> the slices of `params` along `axis` (default: `batch_dims`) at `indices`."""
    batch_dims = record.setting(batch_dims) or 0
    if unknown.is_unknown(axis):
        params, indices = record.convert_to_tensor(params), record.convert_to_tensor(indices)
        ranks = params._rank(), indices._rank()
        rank = None if None in ranks or batch_dims < 0 else sum(ranks) - 1 - batch_dims
        settings = {"axis": axis, "batch_dims": batch_dims}
        shape = lambda d: unknown.of_rank(d, rank)
        return unknown.call(OPS["GatherV2"], [params, indices], settings, name, avals=shape)
    axis = record.setting(axis)
    if axis is None:
        axis = batch_dims
    indices = record.convert_to_tensor(indices)
    params = record.convert_to_tensor(params)
    settings = {"axis": axis, "batch_dims": batch_dims}
    known = indices._slot.value if indices.__class__ is EagerTensor else None
    if known.__class__ is np.ndarray and known.size <= CHECKED:
        shape = params._shape_tuple()
        if shape and -len(shape) <= axis < len(shape):
            _check(known, shape[axis])
            settings["in_range"] = True
    return record.call(OPS["GatherV2"], [params, indices], settings, name)


def gather_on_host(params, indices, *, axis=0, batch_dims=0, in_range=False):
    """The kernel in NumPy, for any dtype."""
    axis, batch_dims = axis % params.ndim, batch_dims % indices.ndim if batch_dims < 0 else batch_dims
    if batch_dims:
        each = dict(axis=axis - 1, batch_dims=batch_dims - 1)
        return np.stack([gather_on_host(p, i, **each) for p, i in zip(params, indices)])
    _check(indices, params.shape[axis])
    return np.take(params, indices, axis)


@export("", v1="gather")
def gather_v1(params, indices, validate_indices=None, name=None, axis=None, batch_dims=0):
    """TF1's argument order of tf.gather."""
    return gather(params, indices, validate_indices, axis, batch_dims, name)


@export("", v1="batch_gather")
def batch_gather(params, indices, name=None):
    """params [b.., d, ...], indices [b.., n] -> [b.., n, ...]."""
    indices = record.convert_to_tensor(indices)
    return gather(params, indices, batch_dims=indices.shape.rank - 1, name=name or "BatchGather")


# -- n-dimensional indices --------------------------------------------------------------------------------------------
def _index_tuple(indices, shape):
    """indices [..., k] into a tensor of `shape` as k index arrays; out-of-range ones point past the end."""
    k = indices.shape[-1]
    parts = [indices[..., i] for i in range(k)]
    if isinstance(indices, np.ndarray):  # known: in range is known too
        _check_coordinates("GatherNd", indices, shape)
        return tuple(parts)
    outside = jnp.zeros(indices.shape[:-1], bool)
    for part, d in zip(parts, shape):
        outside = outside | (part < 0) | (part >= d)
    return tuple([jnp.where(outside, np.asarray(d, part.dtype), part) for part, d in zip(parts, shape)])


def _gathered_nd(params, indices, batch_dims=0):
    """The result's shape, of those of the inputs; sizes may be None, and both shapes.  Raises where nothing could fit."""
    if indices == ():
        raise bad("GatherNd", "indices must be at least a vector")
    k = indices and indices[-1]
    if params is None or k is None:
        return None
    rank = len(params) - batch_dims
    if k > rank:
        raise bad("GatherNd", f"index innermost dimension length must be <= params rank; saw: {k} vs. {rank}")
    return (*indices[:-1], *params[batch_dims + k :])


@op(
    "GatherNd",
    own="indices",
    twin=lambda params, indices: gather_nd_on_host(params, indices),
    results=_gathered_nd,
)
def gather_nd_kernel(params, indices):
    """params [d0, .., dk-1, ...], indices [..., k] -> [..., *params.shape[k:]]."""
    _gathered_nd(params.shape, indices.shape)
    k = indices.shape[-1]
    if k == 0:
        return jnp.broadcast_to(params, indices.shape[:-1] + params.shape)
    if indices.size and 0 in params.shape[:k]:
        if isinstance(indices, np.ndarray):
            raise bad("GatherNd", "Requested more than 0 entries, but params is empty.")
        return jnp.full((*indices.shape[:-1], *params.shape[k:]), _fill(params.dtype), params.dtype)
    return jnp.asarray(params).at[_index_tuple(indices, params.shape)].get(mode="fill", fill_value=_fill(params.dtype))


def gather_nd_on_host(params, indices):
    """The kernel in NumPy, for any dtype."""
    _check_coordinates("GatherNd", indices, params.shape, "param ")
    if not indices.shape[-1]:
        return np.broadcast_to(params, indices.shape[:-1] + params.shape)
    return params[tuple(np.moveaxis(indices, -1, 0))]


def _check_nd(type, indices, shape, what=""):
    known = indices._slot.value if indices.__class__ is EagerTensor else None
    if known.__class__ is np.ndarray and known.size <= CHECKED and shape is not None:
        _check_coordinates(type, known, shape, what)


def _check_coordinates(type, known, shape, what=""):
    """Raises InvalidArgumentError for the first row of `known` [..., k] that is no place in a tensor of `shape`."""
    if not known.ndim or known.shape[-1] > len(shape):
        return
    if known.size and 0 in shape and type != "GatherNd":
        raise bad(type, f"Indices and updates specified for empty output. indices shape: {shapes_text(known.shape)}")
    limits = np.array(shape[: known.shape[-1]])
    outside = ((known < 0) | (known >= limits)).any(-1)
    if outside.any():
        where = tuple(int(i[0]) for i in np.nonzero(np.atleast_1d(outside)))[: known.ndim - 1]
        listed = "[" + ", ".join(str(i) for i in known[where].tolist()) + "]"
        place = shapes_text(where) if where else ""
        raise bad(type, f"indices{place} = {listed} does not index into {what}shape {shapes_text(shape)}")


@export("gather_nd", v1="")
def gather_nd(params, indices, batch_dims=0, name=None, bad_indices_policy=""):
    """params [b.., d0, .., dk-1, ...], indices [b.., ..., k] -> [b.., ..., *rest]."""
    _no_policy(bad_indices_policy)
    batch_dims = record.setting(batch_dims)
    params, indices = record.convert_to_tensor(params), record.convert_to_tensor(indices)
    if batch_dims:
        return record.call(OPS["BatchGatherNd"], [params, indices], {"batch_dims": batch_dims}, name)
    if bad_indices_policy == "IGNORE":
        return record.call(OPS["GatherNdIgnore"], [params, indices], None, name)
    _check_nd("GatherNd", indices, params._shape_tuple(), "param ")
    return record.call(OPS["GatherNd"], [params, indices], None, name)


@op("BatchGatherNd", own="indices", name="GatherNd", results=_gathered_nd)
def batch_gather_nd_kernel(params, indices, *, batch_dims):
    """gather_nd for each element of the first `batch_dims` dimensions."""
    f = gather_nd_kernel.op.kernel
    for _ in range(batch_dims):
        f = jax.vmap(f)
    return f(jnp.asarray(params), jnp.asarray(indices))


@export("", v1="gather_nd manip.gather_nd")
def gather_nd_v1(params, indices, name=None, batch_dims=0, bad_indices_policy=""):
    """TF1's argument order of tf.gather_nd."""
    return gather_nd(params, indices, batch_dims, name, bad_indices_policy)


def _no_policy(policy):
    if policy not in ("", "DEFAULT", "ERROR", "IGNORE"):
        raise ValueError(f"bad_indices_policy must be DEFAULT, ERROR or IGNORE, not {policy!r}")


def check_updates(type, indices, updates, shape):
    """Raises InvalidArgumentError where no tensors of these shapes, whose sizes may be None, fit together."""
    k, outer = indices[-1] if indices else 1, max(len(indices) - 1, 0)
    if 0 in shape and any(0 not in sizes and None not in sizes for sizes in (indices, updates)):
        raise bad(type, f"Indices and updates specified for empty output. indices shape: {dims_text(indices)}")
    if not indices and type.startswith("TensorScatter"):
        raise bad(type, "Indices shape must have rank at least one. Found:[]")
    if k is None:
        return
    many, several, whole = dims_text(indices), dims_text(updates), dims_text(shape)
    words = (_words_building if context.graph is not None or type == "ScatterNd" else
             _words_of_tensors if type.startswith("TensorScatter") else _words_of_variables)  # fmt: skip
    about_outer, about_inner = words(indices, updates, shape, k, many, several, whole)
    if not compatible_dims(updates[:outer], indices[:-1]):
        raise bad(type, about_outer)
    if k > len(shape) or not compatible_dims(updates[outer:], shape[k:]):
        raise bad(type, about_inner)


# TensorFlow has three ways of saying that the dimensions of updates do not fit the indices, or what is scattered into.
def _words_building(indices, updates, shape, k, many, several, whole):
    outer = len(indices) - 1
    return (
        f"Dimensions [0,{outer}) of indices[shape={many}] must match dimensions [0,{outer}) of updates[shape={several}]",
        f"Dimensions [{k},{len(shape)}) of input[shape={whole}] must match dimensions [{outer},{len(updates)}) "
        f"of updates[shape={several}]",
    )


def _words_of_tensors(indices, updates, shape, k, many, several, whole):
    n = len(shape) - k
    inner = f"The inner {n} dimensions of output.shape={whole} must match the inner {n} dimensions of updates.shape={several}"
    if n != len(updates) - len(indices) + 1:
        inner = (
            "Inner dimensions of output shape must match inner dimensions of updates shape. "
            f"Output: {whole} updates: {several}"
        )
    return (
        f"Outer dimensions of indices and update must match. Indices shape: {many}, updates shape:{several}",
        inner,
    )


def _words_of_variables(indices, updates, shape, k, many, several, whole):
    pairs = enumerate(itertools.zip_longest(indices[:-1], updates[: len(indices) - 1]))
    d, (one, two) = next(((d, pair) for d, pair in pairs if pair[0] != pair[1]), (0, (None, None)))
    return (
        f"Dimensions [{d},{d + 1}) of indices[shape={many}] = {one} must match dimensions [{d},{d + 1}) of "
        f"updates[shape={several}] = {two}",
        f"Dimensions [{k},{len(shape)}) of input[shape={whole}] must match dimensions [{k},{len(updates)}) of "
        f"updates[shape={several}]",
    )


def _scattered_into(type):
    """The rule for the static shape of what is scattered into: its own."""

    def rule(tensor, indices, updates):
        if None not in (tensor, indices, updates):
            check_updates(type, indices, updates, tensor)
        return tensor

    return rule


def _scattered(type, tensor, indices, updates, how):
    check_updates(type, indices.shape, updates.shape, tensor.shape)
    if 0 in tensor.shape:
        return tensor
    if updates.dtype == bool and how == "add":
        return _scattered(type, tensor.astype(np.int32), indices, updates.astype(np.int32), how) > 0
    if indices.shape[-1] == 0:
        flat = updates.reshape((-1, *tensor.shape))
        return dict(add=lambda: tensor + flat.sum(0), set=lambda: flat[-1])[how]()
    at = jnp.asarray(tensor).at[_index_tuple(indices, tensor.shape)]
    return getattr(at, how)(updates, mode="drop")


def scattered_text(tensor, indices, updates, how):
    """Strings put at indices, or appended to what is there."""
    check_updates("ScatterNd", indices.shape, updates.shape, tensor.shape)
    _check_coordinates("ScatterNd", indices, tensor.shape)
    out, k = tensor.copy(), indices.shape[-1]
    if not indices.size or not out.size:
        return out
    rest = updates.shape[indices.ndim - 1 :]
    for place, update in zip(indices.reshape(-1, k).tolist(), updates.reshape(-1, *rest), strict=True):
        out[tuple(place)] = update if how == "set" else out[tuple(place)] + update
    return out


def _scatter_on_host(indices, updates, shape):
    """The kernel in NumPy, for strings."""
    empty = np.full(tuple(shape.tolist()), b"" if updates.dtype == object else 0, updates.dtype)
    return scattered_text(empty, indices, updates, "add")


def _scattered_unknown(indices, updates, shape):
    return None if shape is None else _scattered_into("ScatterNd")(tuple(shape.tolist()), indices, updates)


@op("ScatterNd", own="indices", static="shape", twin=_scatter_on_host, results=_scattered_unknown)
def scatter_nd_kernel(indices, updates, shape):
    """indices [..., k], updates [..., *shape[k:]] -> zeros of `shape` with the updates added at the indices."""
    return _scattered("ScatterNd", jnp.zeros(tuple(shape.tolist()), updates.dtype), indices, updates, "add")


@export("scatter_nd", v1="scatter_nd manip.scatter_nd")
def scatter_nd(indices, updates, shape, bad_indices_policy="", name=None):
    """indices [..., k], updates [..., *shape[k:]] -> zeros of `shape` with the updates added at the indices."""
    _no_policy(bad_indices_policy)
    indices = record.convert_to_tensor(indices)
    if context.graph is None:
        shape = record.shape_array(shape)
        if bad_indices_policy != "IGNORE":
            _check_nd("ScatterNd", indices, tuple(shape.tolist()))
    type = "ScatterNd" if bad_indices_policy != "IGNORE" else "ScatterNdIgnore"
    if context.graph is None:
        return record.call(OPS[type], [indices, updates, shape], None, name)
    shape = record.convert_to_tensor(shape, dtypes.int32 if record._dtype_of(shape) is None else None)
    if record.static_value(shape) is not None:
        return record.call(OPS[type], [indices, updates, shape], None, name)
    updates = record.convert_to_tensor(updates)  # the shape of the result, a run will tell
    known = record.constant_value_as_shape(shape)
    avals = (aval(updates.dtype.base_dtype, None if known.rank is None else tuple(known.as_list())),)
    full = context.graph.op_name(name, "ScatterNd")
    return record.add_op(context.graph, OPS[type].sig, [indices, updates, shape], full, avals=avals, single=True)


@op("ScatterNdIgnore", own="indices", static="shape", name="ScatterNd")
def scatter_nd_ignoring_kernel(indices, updates, shape):
    """ScatterNd that leaves out what is out of range."""
    return scatter_nd_kernel.op.kernel(jnp.asarray(indices), updates, shape)


@op("GatherNdIgnore", own="indices", name="GatherNd")
def gather_nd_ignoring_kernel(params, indices):
    """GatherNd with zeros for what is out of range."""
    at = jnp.asarray(params).at[_index_tuple(jnp.asarray(indices), params.shape)]
    return at.get(mode="fill", fill_value=0)


def _declare_tensor_scatter(type, how, names, v1, negate=False):
    def on_host(tensor, indices, updates):
        return scattered_text(tensor, indices, -updates if negate else updates, how)

    @op(type, own="indices", twin=on_host if how == "set" else None, results=_scattered_into(type))
    def kernel(tensor, indices, updates):
        return _scattered(type, tensor, indices, -updates if negate else updates, how)

    definition = kernel.op

    def function(tensor, indices, updates, name=None):
        tensor, indices = record.convert_to_tensor(tensor), record.convert_to_tensor(indices)
        _check_nd(type, indices, tensor._shape_tuple())
        return record.call(definition, [tensor, indices, updates], None, name)

    if how != "set":
        plain = function

        def function(tensor, indices, updates, bad_indices_policy="", name=None):
            _no_policy(bad_indices_policy)
            if bad_indices_policy == "IGNORE":
                raise NotImplementedError(
                    f"tf.{names.split()[0]} with bad_indices_policy='IGNORE': tf.scatter_nd has it"
                )
            return plain(tensor, indices, updates, name)

    function.__name__ = function.__qualname__ = names.split()[0]
    function.__doc__ = (
        f"tensor [...], indices [..., k], updates [..., *tensor.shape[k:]] -> `tensor` with the updates "
        f"{'put' if how == 'set' else how + ('' if not negate else ' (negated)')} at the indices."
    )
    export(names, v1)(function)
    return function


tensor_scatter_nd_update = _declare_tensor_scatter(
    "TensorScatterUpdate", "set", "tensor_scatter_nd_update", "tensor_scatter_nd_update tensor_scatter_update"
)
tensor_scatter_nd_add = _declare_tensor_scatter(
    "TensorScatterAdd", "add", "tensor_scatter_nd_add", "tensor_scatter_nd_add tensor_scatter_add"
)
tensor_scatter_nd_sub = _declare_tensor_scatter(
    "TensorScatterSub", "add", "tensor_scatter_nd_sub", "tensor_scatter_nd_sub tensor_scatter_sub", negate=True
)
tensor_scatter_nd_min = _declare_tensor_scatter(
    "TensorScatterMin", "min", "tensor_scatter_nd_min", "tensor_scatter_nd_min tensor_scatter_min"
)
tensor_scatter_nd_max = _declare_tensor_scatter(
    "TensorScatterMax", "max", "tensor_scatter_nd_max", "tensor_scatter_nd_max tensor_scatter_max"
)
