"""tf.raw_ops of segments of rows that are looked up: SparseSegmentSum, Mean and SqrtN, and what they pass back."""

from __future__ import annotations

import collections

import numpy as np

from .. import dtypes, record
from ..declare import OPS, op
from ..shapes import compatible_dims
from .array import bad
from .math import FLOATS
from .raw_array import raw
from .segment import SPARSE

_COUNTED = {
    "Sum": np.ones_like,
    "Mean": lambda counts: counts,
    "SqrtN": np.sqrt,
}  # what a segment's rows are divided by


def _passed_back(type, kind, grad, indices, segment_ids, size):
    """What each row looked up gets of `grad`.  Raises InvalidArgumentError for numbers out of range."""
    if indices.shape != segment_ids.shape or indices.ndim != 1:
        raise bad(type, "segment_ids and indices should have same size.")
    if size.ndim:
        raise bad(type, f"{'dense_' if type.endswith('V2') else ''}output_dim0 should be a scalar.")
    if segment_ids.size and segment_ids[-1] >= len(grad):
        raise bad(type, "Invalid number of segments")
    for what, values, end in (("Segment id", segment_ids, len(grad)), ("Index", indices, int(size))):
        outside = values[(values < 0) | (values >= end)]
        if outside.size:
            raise bad(type, f"{what} {outside[0]} out of range [0, {end}).")
    wide = grad.astype(np.float64 if grad.dtype == np.float64 else np.float32)
    shares = _COUNTED[kind](np.bincount(segment_ids, minlength=len(grad)).astype(wide.dtype))
    return wide[segment_ids] / shares[segment_ids].reshape(-1, *[1] * (grad.ndim - 1))


def _gathered(rows, places, n, dtype):
    out = np.zeros((n, *rows.shape[1:]), rows.dtype)
    np.add.at(out, places, rows)
    return out.astype(dtype)


def _rest(type, grad, indices, segment_ids):
    if not compatible_dims(indices.shape, segment_ids.shape):
        raise bad(type, "segment_ids and indices should have same size.")
    return (None, *grad.shape[1:]) if grad.shape else None


def _declare(kind):
    dense, compact, forward = f"SparseSegment{kind}Grad", f"SparseSegment{kind}GradV2", SPARSE[kind]
    flags = {"host": True, "own": "indices segment_ids size", "dtypes": FLOATS}

    def abstract_dense(grad, indices, segment_ids, size):
        return grad.dtype, _rest(dense, grad, indices, segment_ids)

    def abstract_rows(grad, indices, segment_ids, size):
        return [(grad.dtype, _rest(compact, grad, indices, segment_ids)), (indices.dtype, (None,))]

    @op(dense, "", abstract=abstract_dense, **flags)
    def to_dense(grad, indices, segment_ids, size):
        rows = _passed_back(dense, kind, grad, indices, segment_ids, size)
        return _gathered(rows, indices, int(size), grad.dtype)

    @op(compact, "", abstract=abstract_rows, **flags)
    def to_rows(grad, indices, segment_ids, size):
        rows = _passed_back(compact, kind, grad, indices, segment_ids, size)
        unique, places = np.unique(indices, return_inverse=True)
        return _gathered(rows, places, len(unique), grad.dtype), unique

    result = collections.namedtuple(compact, "output sorted_unique_indices")

    @raw(dense)
    def grad_dense(grad, indices, segment_ids, output_dim0, name=None):
        """grad [segments, ...] passed back to data [output_dim0, ...], of which the rows at `indices` were reduced."""
        out = record.call(OPS[dense], [grad, indices, segment_ids, _int32(output_dim0)], None, name)
        known = record.static_value(output_dim0) if isinstance(output_dim0, record.Tensor) else output_dim0
        if isinstance(out, record.SymbolicTensor) and known is not None and out._rank() is not None:
            out.set_shape([int(known), *out.shape.as_list()[1:]])
        return out

    @raw(compact)
    def grad_rows(grad, indices, segment_ids, dense_output_dim0, name=None):
        """The same for the rows that were looked up alone: (output [n, ...], sorted_unique_indices [n])."""
        inputs = [grad, indices, segment_ids, _int32(dense_output_dim0)]
        return result(*record.call(OPS[compact], inputs, None, name))

    @raw(f"SparseSegment{kind}")
    def of_rows(data, indices, segment_ids, sparse_gradient=False, name=None):
        """data[indices] reduced over the rows of each of the sorted `segment_ids`."""
        return forward(data, indices, segment_ids, name, sparse_gradient=sparse_gradient)

    @raw(f"SparseSegment{kind}WithNumSegments")
    def of_some_rows(data, indices, segment_ids, num_segments, sparse_gradient=False, name=None):
        """The same for `num_segments` segments, of which some may have no rows."""
        return forward(data, indices, segment_ids, name, num_segments, sparse_gradient)


def _int32(size):
    return record.convert_to_tensor(size, dtypes.int32)


for _kind in _COUNTED:
    _declare(_kind)
