"""Ops whose output shape depends on data: they run on the host.  What must be differentiable is then gathered on
the device.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from .. import dtypes, record
from ..declare import OPS, export, op
from ..scopes import name_scope
from . import unknown
from .array import bad, is_tensor
from .array import reshape as reshape_public
from .gather import gather


@op(
    "Where",
    host=True,
    abstract=lambda condition: (dtypes.int64, (None, None if condition.shape is None else len(condition.shape))),
)
def where_kernel(condition):
    """condition [...] -> [n, rank]: the int64 coordinates of its true (non-zero) elements, in row-major order."""
    if not condition.ndim:
        raise bad("Where", "WhereOp : Unhandled input dimensions: 0")
    return np.argwhere(condition if condition.dtype != object else condition != b"").astype(np.int64)


@op("MaskPositions", host=True, abstract=lambda mask: (dtypes.int64, (None,)), name="Where")
def mask_positions(mask):
    """mask [...] -> [n]: the int64 positions of its true elements in row-major order."""
    return np.flatnonzero(mask).astype(np.int64)


@export("boolean_mask", v1="")
def boolean_mask(tensor, mask, axis=None, name="boolean_mask"):
    """tensor [.., *mask, ..], mask [...] -> [.., n, ..]: the elements (rows) of `tensor` where `mask` is true,
    starting at `axis`.
    """
    with name_scope(name, "boolean_mask", [tensor, mask]):
        tensor = record.convert_to_tensor(tensor)
        mask = record.convert_to_tensor(mask, dtypes.bool if not is_tensor(mask) else None)
        if unknown.is_unknown(axis):
            if mask._rank() != 1:
                raise NotImplementedError("tf.boolean_mask along an axis that is fed takes a mask of one dimension")
            return gather(tensor, record.call(OPS["MaskPositions"], [mask], None, "Where"), axis=axis)
        axis = record.setting(axis) or 0
        size, shape = mask._shape_tuple(), tensor._shape_tuple()
        if size is None:
            raise ValueError(
                "Number of mask dimensions must be specified, even if some dimensions are None.  E.g. shape=[None] is "
                "ok, but shape=None is not."
            )
        if not size:
            raise ValueError("mask cannot be scalar.")
        if axis < 0 and shape is not None:
            axis += len(shape)
        width = len(size)
        if shape is not None:
            part = shape[axis : axis + width]
            if len(part) != width or any(a is not None and b is not None and a != b for a, b in zip(part, size)):
                raise ValueError(f"Shapes {_text(part)} and {_text(size)} are incompatible")
        if width > 1:
            tensor = _flat(tensor, shape, axis, width)
        at = record.call(OPS["MaskPositions"], [mask], None, "Where")
        return gather(tensor, at, axis=axis)


def _text(shape):
    return "(" + ", ".join(str(d) for d in shape) + ("," if len(shape) == 1 else "") + ")"


def _flat(tensor, shape, axis, width):
    """`tensor` with the `width` dimensions from `axis` on made one."""
    reshape = OPS["Reshape"].public
    if shape is not None and shape.count(None) == 0:
        return reshape(tensor, [*shape[:axis], int(np.prod(shape[axis : axis + width])), *shape[axis + width :]])
    full = OPS["Shape"].public(tensor)
    return reshape_public(tensor, OPS["ConcatV2"].public([full[:axis], [-1], full[axis + width :]], axis=0))


@export("", v1="boolean_mask")
def boolean_mask_v1(tensor, mask, name="boolean_mask", axis=None):
    """TF1's argument order of tf.boolean_mask."""
    return boolean_mask(tensor, mask, axis, name)


# -- unique -----------------------------------------------------------------------------------------------------------
def _in_order(x):
    """(distinct values in order of first appearance, position of each element's value among them, counts)."""
    x = np.asarray(x)
    if x.dtype == object:
        seen: dict = {}
        index = np.array([seen.setdefault(v, len(seen)) for v in x.tolist()], np.int64)
        values = np.empty(len(seen), object)
        values[:] = list(seen)
        return values, index, np.bincount(index, minlength=len(seen))
    values, first, index, counts = np.unique(
        x, return_index=True, return_inverse=True, return_counts=True, equal_nan=False
    )
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return values[order], rank[index.reshape(-1)], counts[order]


def _no_matrix(type, x, *outputs):
    """`outputs`, the first of the dtype of `x`; raises InvalidArgumentError where the rank of `x` is known and not 1."""
    if x.shape is not None and len(x.shape) != 1:
        raise bad(type, f"Shape must be rank 1 but is rank {len(x.shape)}: unique expects a 1D vector.")
    return [(x.dtype, (None,)), *outputs]


def _check_vector(type, x):
    if x.ndim != 1:
        raise bad(type, "unique expects a 1D vector.")


@op("Unique", host=True, abstract=lambda x, out_idx: _no_matrix("Unique", x, (out_idx, x.shape or (None,))))
def unique_kernel(x, *, out_idx=dtypes.int32):
    """x [n] -> (y [m], idx [n]): the distinct values in order of appearance, and x = y[idx]."""
    _check_vector("Unique", x)
    values, index, _ = _in_order(x)
    return values, index.astype(out_idx.np)


@op(
    "UniqueWithCounts", host=True,
    abstract=lambda x, out_idx: _no_matrix("UniqueWithCounts", x, (out_idx, x.shape or (None,)), (out_idx, (None,))),
)  # fmt: skip
def unique_with_counts_kernel(x, *, out_idx=dtypes.int32):
    """x [n] -> (y [m], idx [n], count [m]): the distinct values, x = y[idx], and how often each occurs."""
    _check_vector("UniqueWithCounts", x)
    values, index, counts = _in_order(x)
    return values, index.astype(out_idx.np), counts.astype(out_idx.np)


@op("ListDiff", host=True, abstract=lambda x, y, out_idx: [(x.dtype, (None,)), (out_idx, (None,))])
def list_diff_kernel(x, y, *, out_idx=dtypes.int32):
    """x [n], y [m] -> (out, idx): the elements of x that are not in y, and their positions in x."""
    gone = set(y.tolist())
    at = np.array([i for i, v in enumerate(x.tolist()) if v not in gone], np.int64)
    return x[at], at.astype(out_idx.np)


_ListDiff = namedtuple("ListDiff", ["out", "idx"])
_Unique = namedtuple("Unique", ["y", "idx"])
_UniqueWithCounts = namedtuple("UniqueWithCounts", ["y", "idx", "count"])


@export("unique")
def unique(x, out_idx=dtypes.int32, name=None):
    """x [n] -> (y [m], idx [n]): the distinct values in order of appearance, and x = y[idx]."""
    return _Unique(*record.call(OPS["Unique"], [x], {"out_idx": dtypes.as_dtype(out_idx)}, name))


@export("unique_with_counts")
def unique_with_counts(x, out_idx=dtypes.int32, name=None):
    """x [n] -> (y [m], idx [n], count [m]): the distinct values, x = y[idx], and how often each occurs."""
    return _UniqueWithCounts(*record.call(OPS["UniqueWithCounts"], [x], {"out_idx": dtypes.as_dtype(out_idx)}, name))


@export("", v1="setdiff1d listdiff")
def setdiff1d(x, y, index_dtype=dtypes.int32, name=None):
    """x [n], y [m] -> (out, idx): the elements of x that are not in y, and their positions in x."""
    x = record.convert_to_tensor(x)
    y = record.convert_to_tensor(y, x.dtype.base_dtype)
    return _ListDiff(*record.call(OPS["ListDiff"], [x, y], {"out_idx": dtypes.as_dtype(index_dtype)}, name))
