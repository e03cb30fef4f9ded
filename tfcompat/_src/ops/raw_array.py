"""tf.raw_ops of the array family: TensorFlow's ops by their own names, arguments by keyword only."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from .. import dtypes, errors, record
from ..declare import NAMES, OPS, export, op, publish
from ..graph import context
from . import array, gather, partition, spatial, where
from .array import bad, shapes_text
from .slice_kernels import masks_to_spec, positions

for _name in ("float8_e5m2", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2fnuz", "int4",
              "uint4", "int2", "uint2", "float4_e2m1fn"):  # fmt: skip
    publish(getattr(dtypes, _name), f"dtypes.experimental.{_name} experimental.{_name}")


def raw(type, function=None):
    """Publishes `function`, or the op `type`'s own, as tf.raw_ops.`type`: keyword arguments only."""

    def publish_raw(function):
        def raw_op(**kwargs):
            return function(**kwargs)

        raw_op.__name__ = raw_op.__qualname__ = type
        raw_op.__doc__, raw_op.function = function.__doc__, function
        export(f"raw_ops.{type}")(raw_op)
        return function

    return publish_raw if function is None else publish_raw(function)


# -- joining ----------------------------------------------------------------------------------------------------------
@raw("ConcatV2")
def _concat_v2(values, axis, name=None):
    """values n x [.., d_i, ..] -> [.., sum d_i, ..] along `axis`; always an op, even for one tensor."""
    if record._dtype_of(axis) is None and not -(2**31) <= axis < 2**31:
        raise ValueError(f"axis {axis} of ConcatV2 is out of range")
    return array.concat(values, axis, name=name or "ConcatV2")


@raw("Pack")
def _pack(values, axis=0, name=None):
    """values n x [...] -> [.., n, ..] with the new dimension at `axis`."""
    return record.call(OPS["Pack"], list(values), {"axis": axis}, name, "Pack")


@op("ConcatOffset", own="inputs", name="ConcatOffset", host=True,
    abstract=lambda axis, *shapes: [(s.dtype, s.shape) for s in shapes])  # fmt: skip
def concat_offset_kernel(*inputs):
    """axis [], shapes n x [rank] -> n x [rank]: where in their concatenation along `axis` tensors of these shapes
    begin.
    """
    axis, *shapes = inputs
    first = shapes[0]
    for i, s in enumerate(shapes):
        if s.ndim != 1:
            raise bad("ConcatOffset", f"input {i} should be a vector, but got shape {shapes_text(s.shape)}")
    rank, at = first.size, int(axis)
    if not -rank <= at < rank:
        raise bad("ConcatOffset", f"Concat dim is out of range: {at} vs. {rank}")
    at %= rank
    out, start = [], 0
    for i, s in enumerate(shapes):
        if s.size != rank:
            raise bad("ConcatOffset", f"input {i} should contain {rank} elements but got {s.size}")
        if np.any(np.delete(s, at) != np.delete(first, at)):
            spoken = [f"[{' '.join(map(str, v.tolist()))}]" for v in (s, first)]
            raise bad(
                "ConcatOffset",
                f"All dimensions except {at} must match. Input {i} has shape {spoken[0]} and doesn't match input 0 "
                f"with shape {spoken[1]}.",
            )
        offset = np.zeros_like(s)
        offset[at] = start
        start += int(s[at])
        out.append(offset)
    return tuple(out)


@raw("ConcatOffset")
def _concat_offset(concat_dim, shape, name=None):
    """Where in their concatenation tensors of the shapes begin."""
    return record.call(OPS["ConcatOffset"], [record.convert_to_tensor(concat_dim, dtypes.int32), *shape], None, name)


@raw("ParallelConcat")
def _parallel_concat(values, shape, name=None):
    """values n x [1, ...] -> [n, ...], which must be `shape`."""
    wanted = record.TensorShape(record.setting(shape))
    if not wanted.is_fully_defined() or 0 in wanted.as_list()[1:] or wanted.rank == 0:
        message = f"shape attr must be fully defined, with positive sizes behind the first, got {wanted}"
        raise bad("ParallelConcat", message) if context.graph is None else ValueError(message)
    n = len(values)
    if n > wanted[0]:
        raise bad("ParallelConcat", f"0th dimension of value = {wanted[0]} must be greater than loc_ = {n - 1}")
    made = array.concat(values, 0, name or "ParallelConcat")
    if not made.shape.is_compatible_with(wanted):
        raise bad("ParallelConcat", f"the values make up shape {made.shape}, not {wanted}")
    return made


# -- strided slices ---------------------------------------------------------------------------------------------------
def _index(shape, begin, end, strides, masks):
    """NumPy's index for TensorFlow's StridedSlice arguments in a tensor of `shape`."""
    out, dim = [], 0
    for e in positions(shape, masks_to_spec(begin, end, strides, **masks)):
        if e == "new":
            out.append(None)
            continue
        out.append(int(begin[e[1]]) if e[0] == "at" else slice(*e[1:]))
        dim += 1
    return tuple(out)


_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


@op("TensorStridedSliceUpdate", static="begin end strides", own="begin end strides", name="TensorStridedSliceUpdate")
def strided_slice_update_kernel(input, begin, end, strides, value, *, begin_mask=0, end_mask=0, ellipsis_mask=0,
                                new_axis_mask=0, shrink_axis_mask=0):  # fmt: skip
    """input [...] with the part that the slice describes replaced by `value`, broadcast to it."""
    masks = dict(zip(_MASKS, (begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask), strict=True))
    index = _index(input.shape, begin, end, strides, masks)
    part = jax.eval_shape(lambda v: v[index], jax.ShapeDtypeStruct(input.shape, input.dtype)).shape
    try:
        value = jnp.broadcast_to(value, part)
    except ValueError:
        raise bad(
            "TensorStridedSliceUpdate",
            f"cannot broadcast a value of shape {shapes_text(value.shape)} to the slice's shape {shapes_text(part)}",
        ) from None
    return jnp.asarray(input).at[index].set(value)


raw("TensorStridedSliceUpdate", OPS["TensorStridedSliceUpdate"].public)


@op("StridedSliceGrad", static="shape begin end strides", own="shape begin end strides", name="StridedSliceGrad")
def strided_slice_grad_kernel(shape, begin, end, strides, dy, *, begin_mask=0, end_mask=0, ellipsis_mask=0,
                              new_axis_mask=0, shrink_axis_mask=0):  # fmt: skip
    """dy, what arrives at a slice of a tensor of `shape` -> what arrives at the tensor: zeros elsewhere."""
    masks = dict(zip(_MASKS, (begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask), strict=True))
    full = tuple(shape.tolist())
    return jnp.zeros(full, dy.dtype).at[_index(full, begin, end, strides, masks)].set(dy)


@raw("StridedSliceGrad")
def _strided_slice_grad(shape, begin, end, strides, dy, begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0,
                        shrink_axis_mask=0, name=None):  # fmt: skip
    """The gradient of a strided slice of a tensor of `shape`, given that of the slice."""
    vectors = [record.convert_to_tensor(v) for v in (shape, begin, end, strides)]
    for label, v in zip(("begin", "end", "strides"), vectors[1:], strict=True):
        if v.dtype.base_dtype is not vectors[0].dtype.base_dtype:
            raise TypeError(
                f"Input '{label}' of 'StridedSliceGrad' Op has type {v.dtype.base_dtype.name} that does not match type "
                f"{vectors[0].dtype.base_dtype.name} of argument 'shape'."
            )
    return OPS["StridedSliceGrad"].public(
        *vectors, dy, begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask, name
    )


@raw("MirrorPadGrad")
def _mirror_pad_grad(input, paddings, mode, name=None):
    """input [d0, ...], what arrives at a tensor padded by mirroring -> what arrives at the tensor itself."""
    return record.call(OPS["MirrorPadGrad"], [input, paddings], {"mode": mode}, name)


@op("MirrorPadGrad", static="paddings", own="paddings", name="MirrorPadGrad")
def mirror_pad_grad_kernel(input, paddings, *, mode):
    """The sums of what arrives at an element and at its mirror images."""
    if paddings.shape != (input.ndim, 2):
        raise bad("MirrorPadGrad", f"paddings must be a matrix with 2 columns, got shape {shapes_text(paddings.shape)}")
    shape = [n - int(a) - int(b) for n, (a, b) in zip(input.shape, paddings, strict=True)]
    if min(shape, default=1) < 0 or paddings.min(initial=0) < 0:
        raise bad("MirrorPadGrad", f"paddings {paddings.tolist()} do not fit shape {shapes_text(input.shape)}")
    pad = lambda x: OPS["MirrorPad"].kernel(x, paddings, mode=mode)
    if jnp.issubdtype(input.dtype, jnp.inexact):
        return jax.linear_transpose(pad, jax.ShapeDtypeStruct(tuple(shape), input.dtype))(jnp.asarray(input))[0]
    places = np.asarray(pad(np.arange(int(np.prod(shape))).reshape(shape)))
    return jnp.zeros(int(np.prod(shape)), input.dtype).at[places.ravel()].add(input.ravel()).reshape(shape)


# -- identities -------------------------------------------------------------------------------------------------------
@op("Snapshot", names="")
def snapshot(input):
    """A copy of `input`."""
    return input


raw("Snapshot", snapshot)
raw("Identity", OPS["Identity"].public)


@raw("RefIdentity")
def _ref_identity(input, name=None):
    """The tensor of a TF1 reference variable."""
    if not input.dtype._is_ref_dtype:
        raise TypeError(f"RefIdentity takes a reference, not {input!r}")
    return input


# -- distinct values --------------------------------------------------------------------------------------------------
def _unique_axis(type, rank, axis):
    """The axis that `axis`, of one or no element, says for a tensor of this rank.  Raises InvalidArgumentError for others."""
    if axis.ndim != 1:
        raise bad(type, "axis expects a 1D vector.")
    if not axis.size and rank != 1:
        raise bad(type, "x expects a 1D vector.")
    if axis.size > 1:
        raise bad(type, "axis does not support input tensors larger than 1 elements")
    at = int(axis[0]) if axis.size else 0
    if not -rank <= at < rank:
        raise bad(type, f"axis expects to be in the range [{-rank}, {rank})")
    return at % rank


def _unique_along(type, x, axis, out_idx, counts):
    at = _unique_axis(type, x.ndim, axis)
    if not axis.size:
        return where._in_order(x), None
    rows = np.moveaxis(x, at, 0)
    keys = np.empty(len(rows), object)
    keys[:] = [b"".join(r.ravel().tolist()) if r.dtype == object else r.tobytes() for r in rows]
    return where._in_order(keys), at


def _unique_kernel(type, x, axis, out_idx, counts):
    (values, index, count), at = _unique_along(type, x, axis, out_idx, counts)
    if at is not None:
        first = np.zeros(len(values), np.int64)
        first[index[::-1]] = np.arange(len(index))[::-1]
        values = np.take(x, first, at)
    kind = out_idx.np
    return (values, index.astype(kind), count.astype(kind)) if counts else (values, index.astype(kind))


def _unique_abstract(x, axis, out_idx):
    shape = None if x.shape is None else (None,) * len(x.shape)
    return [(x.dtype, shape), (out_idx, (None,))]


@op("UniqueV2", host=True, name="UniqueV2", own="axis", abstract=_unique_abstract)
def unique_v2_kernel(x, axis, *, out_idx=dtypes.int32):
    """x [...], axis [0 or 1] -> (y, idx): the distinct slices along `axis` in order of appearance, and x from y."""
    return _unique_kernel("UniqueV2", x, axis, out_idx, False)


@op("UniqueWithCountsV2", host=True, name="UniqueWithCountsV2", own="axis",
    abstract=lambda x, axis, out_idx: [*_unique_abstract(x, axis, out_idx), (out_idx, (None,))])  # fmt: skip
def unique_with_counts_v2_kernel(x, axis, *, out_idx=dtypes.int32):
    """As UniqueV2, and how often each slice occurs."""
    return _unique_kernel("UniqueWithCountsV2", x, axis, out_idx, True)


@raw("UniqueV2")
def _unique_v2(x, axis, out_idx=dtypes.int32, name=None):
    """The distinct slices of `x` along `axis` (or [] for a vector)."""
    return where._Unique(*_unique_call("UniqueV2", x, axis, out_idx, name))


@raw("UniqueWithCountsV2")
def _unique_with_counts_v2(x, axis, out_idx=dtypes.int32, name=None):
    """The distinct slices of `x` along `axis` (or [] for a vector), and how often each occurs."""
    return where._UniqueWithCounts(*_unique_call("UniqueWithCountsV2", x, axis, out_idx, name))


def _unique_call(type, x, axis, out_idx, name):
    x = record.convert_to_tensor(x)
    axis = record.convert_to_tensor(axis, dtypes.int64 if record._dtype_of(axis) is None else None)
    shape, known = x._shape_tuple(), None
    if context.graph is not None and shape is not None:
        known = record.static_value(axis)
        if known is not None:
            try:
                known = _unique_axis(type, len(shape), known)
            except errors.InvalidArgumentError as e:
                raise ValueError(e.message) from None
    out = record.call(OPS[type], [x, axis], {"out_idx": dtypes.as_dtype(out_idx)}, name)
    if known is not None:
        out[1].set_shape([shape[known]])
    return out


raw("Unique", where.unique)
raw("UniqueWithCounts", where.unique_with_counts)


@raw("ScatterNdNonAliasingAdd")
def _scatter_nd_add(input, indices, updates, bad_indices_policy="", name=None):
    """input [...] with the updates added at the indices."""
    input = record.convert_to_tensor(input)
    known = record._dtype_of(updates) is not None
    updates = record.convert_to_tensor(updates, None if known else input.dtype.base_dtype)
    if input.dtype.base_dtype in (dtypes.bool, dtypes.string):
        added = gather.scatter_nd(indices, updates, OPS["Shape"].public(input))
        return OPS["LogicalOr" if input.dtype.base_dtype is dtypes.bool else "AddV2"].public(input, added)
    if context.graph is None:
        indices = record.convert_to_tensor(indices)
        shapes = [t._shape_tuple() for t in (indices, updates, input)]
        gather.check_updates("ScatterNdNonAliasingAdd", *shapes)
    return gather.tensor_scatter_nd_add(input, indices, updates, bad_indices_policy, name)


@raw("GatherNd")
def _gather_nd(params, indices, bad_indices_policy="", name=None):
    """params [d0, .., dk-1, ...], indices [..., k] -> [..., *params.shape[k:]]."""
    return gather.gather_nd(params, indices, 0, name, bad_indices_policy)


raw("ParallelDynamicStitch", partition.parallel_dynamic_stitch)


# -- searching --------------------------------------------------------------------------------------------------------
def _bound(type, side):
    def bound(sorted_inputs, values, out_type=dtypes.int32, name=None):
        found = [record.convert_to_tensor(v) for v in (sorted_inputs, values)]
        for t in found:
            if t.shape.rank not in (2, None):
                message = f"Shape must be rank 2 but is rank {t.shape.rank} [Op:{type}]"
                raise bad(type, message) if context.graph is None else ValueError(message)
        settings = {"side": side, "out_type": dtypes.as_dtype(out_type)}
        return record.call(OPS["SearchSorted"], found, settings, name, type)

    bound.__doc__ = f"sorted_inputs [b, n], values [b, m] -> [b, m]: where each value belongs, on the {side} of equals."
    raw(type, bound)


_bound("LowerBound", "left")
_bound("UpperBound", "right")

for _type, _public in (("BatchToSpace", spatial.batch_to_space_v1), ("SpaceToBatch", NAMES["v1"]["space_to_batch"])):
    raw(_type, _public)
