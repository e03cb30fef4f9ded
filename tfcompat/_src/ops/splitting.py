"""tf.split: into equal parts, or parts of given sizes."""

from __future__ import annotations

import numpy as np
from jax import lax

from .. import dtypes, record
from ..declare import OPS, export, op
from ..graph import aval, context
from ..shapes import TensorShape
from . import unknown
from .array import bad, is_tensor


def _shapes_of_parts(shape, sizes, axis):
    return [(*shape[:axis], n, *shape[axis + 1 :]) for n in sizes]


def _equal_parts(shape, num_split, axis):
    """(sizes of the parts of a tensor of `shape`, axis counted from the front); sizes may be None."""
    axis = _split_axis("Split", len(shape), axis)
    if num_split < 1 or (shape[axis] or 0) % num_split:
        got = f"split_dim {axis} (size = {shape[axis]}) and num_split {num_split}"
        raise bad("Split", f"Number of ways to split should evenly divide the split dimension, but got {got}")
    return [shape[axis] and shape[axis] // num_split] * num_split, axis


def _split_unknown(value, *, num_split, axis=0):
    if value is None and num_split > 0:
        return [None] * num_split
    return _shapes_of_parts(value, *_equal_parts(value or (), num_split, axis))


@op("Split", name="split", twin=True, results=_split_unknown)
def split_kernel(value, *, num_split, axis=0):
    """value [.., n * d, ..] -> n x [.., d, ..], equal parts along `axis`."""
    return _parts(value, *_equal_parts(value.shape, num_split, axis))


def _split_axis(type, rank, axis):
    if not -rank <= axis < rank:
        raise bad(type, f"-input rank(-{rank}) <= split_dim < input rank ({rank}), but got {axis}")
    return axis % rank


def _parts(value, sizes, axis):
    parts, at = [], 0
    for n in sizes:
        if isinstance(value, np.ndarray):
            parts.append(value[(slice(None),) * axis + (slice(at, at + n),)])
        else:
            parts.append(lax.slice_in_dim(value, at, at + n, axis=axis))
        at += n
    return tuple(parts)


def _given_parts(shape, sizes, axis):
    """As `_equal_parts`, for parts of these sizes, one of which may be -1."""
    axis = _split_axis("SplitV", len(shape), axis)
    sizes, total = list(sizes), shape[axis]
    for i, n in enumerate(sizes):
        if n is not None and n < -1:
            raise bad("SplitV", f"Split size at index {i} must be >= 0. Got: {n}")
    if sizes.count(-1) == 1:
        rest = [n for n in sizes if n != -1]
        sizes[sizes.index(-1)] = None if total is None or None in rest else total - sum(rest)
    said = [n for n in sizes if n is not None]
    if min(said, default=0) < 0 or len(said) == len(sizes) and total not in (None, sum(said)):
        message = (
            "Determined shape must either match input shape along split_dim exactly if fully specified, or be less "
            "than the size of the input along split_dim if not fully specified.  Got: "
        )
        raise bad("SplitV", message + str(sum(n for n in said if n > 0)))
    return sizes, axis


def _split_v_unknown(value, size_splits, *, axis=0):
    if value is None or size_splits is None:
        return NotImplemented if size_splits is None else [None] * len(size_splits)
    return _shapes_of_parts(value, *_given_parts(value, size_splits.tolist(), axis))


@op("SplitV", static="size_splits", own="value", name="split", twin=True, results=_split_v_unknown)
def split_v_kernel(value, size_splits, *, axis=0):
    """value [.., sum(size_splits), ..] -> parts of these sizes along `axis`; one size may be -1."""
    return _parts(value, *_given_parts(value.shape, size_splits.tolist(), axis))


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
    if sizes.shape.is_fully_defined():
        return record.call(OPS["SplitV"], [value, sizes], {"axis": axis}, name)
    new = None
    if old is not None:
        at = _split_axis("SplitV", len(old), axis)
        new = (*old[:at], None, *old[at + 1 :])
    sig = OPS["SplitV"].signature({"axis": axis})
    full = graph.op_name(name, "split")
    return record.add_op(graph, sig, [value, sizes], full, avals=(aval(value.dtype.base_dtype, new),) * count)


def len_of(sizes):
    """How many sizes there are, 1 where `sizes` is a tensor."""
    return 1 if is_tensor(sizes) else len(sizes)


@export("", v1="split")
def split_v1(value, num_or_size_splits, axis=0, num=None, name="split"):
    """TF1's tf.split; the order (axis, number, value) of TensorFlow 0.x is understood too."""
    if isinstance(value, int) and isinstance(num_or_size_splits, int) and not isinstance(axis, int):
        value, axis = axis, value
    return split(value, num_or_size_splits, axis, num, name)
