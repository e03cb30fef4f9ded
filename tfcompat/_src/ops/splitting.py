"""tf.split: into equal parts, or parts of given sizes."""

from __future__ import annotations

import numpy as np
from jax import lax

from .. import dtypes, record
from ..declare import OPS, export, op
from ..engine import infer as inference
from ..graph import aval, context
from ..shapes import TensorShape
from . import unknown
from .array import bad, is_tensor


@op("Split", name="split", twin=True)
def split_kernel(value, *, num_split, axis=0):
    """value [.., n * d, ..] -> n x [.., d, ..], equal parts along `axis`."""
    axis = _split_axis("Split", value, axis)
    if num_split < 1 or value.shape[axis] % num_split:
        got = f"split_dim {axis} (size = {value.shape[axis]}) and num_split {num_split}"
        raise bad("Split", f"Number of ways to split should evenly divide the split dimension, but got {got}")
    size = value.shape[axis] // num_split
    return _parts(value, [size] * num_split, axis)


def _split_axis(type, value, axis):
    if not -value.ndim <= axis < value.ndim:
        raise bad(type, f"-input rank(-{value.ndim}) <= split_dim < input rank ({value.ndim}), but got {axis}")
    return axis % value.ndim


def _parts(value, sizes, axis):
    parts, at = [], 0
    for n in sizes:
        if isinstance(value, np.ndarray):
            parts.append(value[(slice(None),) * axis + (slice(at, at + n),)])
        else:
            parts.append(lax.slice_in_dim(value, at, at + n, axis=axis))
        at += n
    return tuple(parts)


@op("SplitV", static="size_splits", own="value", name="split", twin=True)
def split_v_kernel(value, size_splits, *, axis=0):
    """value [.., sum(size_splits), ..] -> parts of these sizes along `axis`; one size may be -1."""
    axis = _split_axis("SplitV", value, axis)
    sizes, total = size_splits.tolist(), value.shape[axis]
    for i, n in enumerate(sizes):
        if n < -1:
            raise bad("SplitV", f"Split size at index {i} must be >= 0. Got: {n}")
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = total - sum(n for n in sizes if n != -1)
    if min(sizes, default=0) < 0 or sum(sizes) != total:
        message = (
            "Determined shape must either match input shape along split_dim exactly if fully specified, or be less "
            "than the size of the input along split_dim if not fully specified.  Got: "
        )
        raise bad("SplitV", message + str(sum(n for n in sizes if n > 0)))
    return _parts(value, sizes, axis)


@export("split", v1="")
def split(value, num_or_size_splits, axis=0, num=None, name="split"):
    """value -> list of its parts along `axis`: a number of equal ones, or of these sizes (one may be -1)."""
    value = record.convert_to_tensor(value)
    if isinstance(num_or_size_splits, TensorShape):
        num_or_size_splits = num_or_size_splits.as_list()
    rank = value._rank()
    if not is_tensor(num_or_size_splits) and not isinstance(num_or_size_splits, (list, tuple)):
        if np.ndim(num_or_size_splits) == 0:
            settings = {"num_split": num_or_size_splits, "axis": axis}
            return unknown.call(
                OPS["Split"], [value], settings, name,
                avals=lambda d: [unknown.of_rank(d, rank)] * int(num_or_size_splits),
            )  # fmt: skip
    return _split_by_sizes(value, num_or_size_splits, axis, num, name)


def _split_by_sizes(value, sizes, axis, num, name):
    """tf.split into parts of these sizes; `num` of them where that is not known otherwise."""
    graph = context.graph
    if is_tensor(sizes):
        sizes = record.convert_to_tensor(sizes)
        shape = sizes._shape_tuple()
        if shape == ():
            raise ValueError("Rank-0 tensors are not supported as the num_or_size_splits argument to split.")
        if num is None and (shape is None or shape[0] is None):
            raise ValueError(f"Cannot infer argument `num` from shape {sizes.shape}")
        count = shape[0] if shape and shape[0] is not None else num
        if count != (num if num is not None else count):
            raise bad("SplitV", f"num = {num} does not fit a size_splits of {count} elements")
    else:
        count = len(sizes)
        if num is not None and num != count:
            raise (
                bad("SplitV", f"num = {num} does not fit {count} sizes")
                if graph is None
                else ValueError(f"num = {num} does not fit {count} sizes")
            )
    if graph is None:
        return record.call(OPS["SplitV"], [value, sizes], {"axis": axis}, name)
    if unknown.is_unknown(axis):
        shape = lambda d: [unknown.of_rank(d, value._rank())] * count
        return unknown.call(OPS["SplitV"], [value, record.convert_to_tensor(sizes)], {"axis": axis}, name, avals=shape)
    sizes = record.convert_to_tensor(sizes, dtypes.int32 if not len_of(sizes) else None)
    old, axis = value._shape_tuple(), record.setting(axis)
    known = inference.sizes(sizes._slot, 0)
    if known is not None and old is not None:
        return record.call(OPS["SplitV"], [value, sizes], {"axis": axis}, name)
    new = None
    if old is not None:
        at = _split_axis_of(len(old), axis)
        new = (*old[:at], None, *old[at + 1 :])
    sig = OPS["SplitV"].signature({"axis": axis})
    full = graph.op_name(name, "split")
    return record.add_op(graph, sig, [value, sizes], full, avals=(aval(value.dtype.base_dtype, new),) * count)


def len_of(sizes):
    """How many sizes there are, 1 where `sizes` is a tensor."""
    return 1 if is_tensor(sizes) else len(sizes)


def _split_axis_of(rank, axis):
    if not -rank <= axis < rank:
        raise ValueError(f"-input rank(-{rank}) <= split_dim < input rank ({rank}), but got {axis}")
    return axis % rank


@export("", v1="split")
def split_v1(value, num_or_size_splits, axis=0, num=None, name="split"):
    """TF1's tf.split; the order (axis, number, value) of TensorFlow 0.x is understood too."""
    if isinstance(value, int) and isinstance(num_or_size_splits, int) and not isinstance(axis, int):
        value, axis = axis, value
    return split(value, num_or_size_splits, axis, num, name)
