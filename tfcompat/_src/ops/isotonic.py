"""Isotonic regression: the monotone sequence closest to a given one (pool adjacent violators)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from .. import dtypes, record
from ..declare import NAMES, OPS, export, op

_KEPT = {
    dtypes.float32: dtypes.float32,
    dtypes.float16: dtypes.float16,
    dtypes.bfloat16: dtypes.bfloat16,
    dtypes.int8: dtypes.float32,
    dtypes.int16: dtypes.float32,
}


def _pooled(row):
    """The segment of each place of a row [n]: neighbours are pooled as long as their means increase."""
    sums, counts = [], []
    for value in row:
        total, count = float(value), 1
        while sums and sums[-1] * count < total * counts[-1]:
            total, count = total + sums.pop(), count + counts.pop()
        sums.append(total)
        counts.append(count)
    return np.repeat(np.arange(len(counts), dtype=np.int32), counts)


@op("IsotonicSegments", host=True, abstract=lambda inputs: (dtypes.int32, inputs.shape))
def _segments(inputs):
    """int32 [..., n]: which places of each row share a value of the decreasing regression."""
    rows = inputs.reshape(-1, inputs.shape[-1]) if inputs.size else inputs.reshape(0, 1)
    found = [_pooled(row) for row in rows]
    return np.stack(found).reshape(inputs.shape) if found else np.zeros(inputs.shape, np.int32)


@op("IsotonicRegression", own="segments")
def _segment_means(inputs, segments):
    """Each place of a row gets the mean of its segment; so do gradients."""
    width = max(inputs.shape[-1], 1)
    rows = max(inputs.size // width, 1)
    numbers = (segments.reshape(-1, width) + width * np.arange(rows, dtype=np.int32)[:, None]).reshape(-1)
    sums = jax.ops.segment_sum(inputs.reshape(-1), numbers, num_segments=rows * width)
    counts = jax.ops.segment_sum(jnp.ones(inputs.size, inputs.dtype), numbers, num_segments=rows * width)
    return (sums / jnp.maximum(counts, 1))[numbers].reshape(inputs.shape)


@export("nn.isotonic_regression")
def isotonic_regression(inputs, decreasing=True, axis=-1):
    """(the monotone sequences closest to `inputs` along `axis`, int32 segments that share a value).

    int8 and int16 give float32, other integers float64.  Raises ValueError for another axis but the last of an unknown rank.
    """
    inputs = record.convert_to_tensor(inputs)
    inputs = OPS["Cast"].public(inputs, dtype=_KEPT.get(inputs.dtype.base_dtype, dtypes.float64))
    rank = inputs.shape.rank
    order = None
    if rank is None and axis != -1:
        raise ValueError(f"isotonic_regression along axis {axis} needs a tensor of known rank")
    if axis != -1 and axis != rank - 1:
        order = list(range(rank))
        order[axis], order[-1] = order[-1], order[axis]
        inputs = NAMES["v2"]["transpose"](inputs, order)
    values = inputs if decreasing else -inputs
    segments = _segments(values)
    output = _segment_means(values, segments)
    if not decreasing:
        output = -output
    if order is not None:  # an exchange of two dimensions is its own inverse
        output, segments = (NAMES["v2"]["transpose"](t, order) for t in (output, segments))
    return output, segments


__all__ = ["isotonic_regression"]
