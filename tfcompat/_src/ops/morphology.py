"""Grayscale morphology: dilation and erosion by filters."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import errors, record
from ..declare import export, op
from .math import FLOATS
from .nn import scoped
from .reductions import old_name
from .windows import check_outer, check_rank, full, paddings, pairs, spread, tap, taps, window_counts

_WRITTEN_OUT = 256  # positions in a window beyond which they are looped over: an unknown size is inferred as thousands


def _looped(padded, filter, counts, strides, dilations):
    """The maxima over windows of many positions, one position after the other."""
    height, width, _ = filter.shape
    spans = [(c - 1) * s + 1 for c, s in zip(counts, strides, strict=True)]
    size = (padded.shape[0], *spans, padded.shape[3])
    filter = jnp.asarray(filter)

    def step(i, best):
        y, x = i // width, i % width
        seen = lax.dynamic_slice(padded, (0, y * dilations[0], x * dilations[1], 0), size)
        seen = seen[:, :: strides[0], :: strides[1]] + filter[y, x]
        return jnp.where(seen > best, seen, best)

    start = jnp.full((padded.shape[0], *counts, padded.shape[3]), -np.inf, padded.dtype)
    return lax.fori_loop(0, height * width, step, start)


@op("Dilation2D", dtypes=FLOATS, shapes="input n h w c, filter ? ? c")
def dilation2d_kernel(input, filter, *, strides, padding, dilations):
    """Maxima of input + filter over windows; the gradient goes to the first maximum."""
    check_rank(input, 2, "input")
    if filter.ndim != 3 or filter.shape[2] != input.shape[3]:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"filter must be 3-dimensional and as deep as the input: {list(filter.shape)} vs {list(input.shape)}",
        )
    window = filter.shape[:2]
    pads = pairs(padding, input.shape[1:3], window, strides, dilations)
    padded = jnp.pad(input, spread(pads, False, (0, 0)), constant_values=-np.inf)
    counts = window_counts(input.shape[1:3], pads, window, strides, dilations)
    if window[0] * window[1] > _WRITTEN_OUT:
        return _looped(padded, filter, counts, strides, dilations)
    best = None
    for y, x in taps(window):
        seen = tap(padded, (y, x), counts, strides, dilations, False) + filter[y, x]
        best = seen if best is None else jnp.where(seen > best, seen, best)
    return best


def _dilation(input, filters, strides, padding, dilations, name):
    strides, dilations = full(strides, 2, False, "strides"), full(dilations, 2, False, "dilations")
    check_outer(strides, False, "strides")
    check_outer(dilations, False, "dilations")
    settings = dict(strides=strides[1:3], padding=paddings(padding, 2, False, False), dilations=dilations[1:3])
    return record.call(dilation2d_kernel.op, [input, filters], settings, name)


@export("nn.dilation2d", v1="")
def dilation2d(input, filters, strides, padding, data_format, dilations, name=None):
    """Grayscale dilation by filters [height, width, channels]; ValueError for another format than NHWC."""
    if data_format != "NHWC":
        raise ValueError(
            f"`data_format` values other than 'NHWC' are not supported. Received: data_format={data_format}"
        )
    return _dilation(input, filters, strides, padding, dilations, name)


@export("", v1="nn.dilation2d")
def dilation2d_v1(input, filter=None, strides=None, rates=None, padding=None, name=None, filters=None, dilations=None):
    """TF1's argument order of dilation2d."""
    filters = old_name("filters", filters, "filter", filter)
    return _dilation(input, filters, strides, padding, old_name("dilations", dilations, "rates", rates), name)


@op("Erosion2D", dtypes=FLOATS, shapes="value n h w c, kernel ? ? c")
def erosion2d_kernel(value, kernel, *, strides, padding, dilations):
    return -dilation2d_kernel.op.kernel(
        -value, kernel[::-1, ::-1], strides=strides, padding=padding, dilations=dilations
    )


@export("", v1="nn.erosion2d")
def erosion2d_v1(value, kernel, strides, rates, padding, name=None):
    """Grayscale erosion: minus the dilation of -value by the mirrored kernel."""
    strides, rates = full(strides, 2, False, "strides"), full(rates, 2, False, "rates")
    check_outer(strides, False, "strides")
    check_outer(rates, False, "rates")
    settings = dict(strides=strides[1:3], padding=paddings(padding, 2, False, False), dilations=rates[1:3])
    return scoped(erosion2d_kernel, [value, kernel], settings, name, "erosion2d", "Neg_1")


@export("nn.erosion2d", v1="")
def erosion2d(value, filters, strides, padding, data_format, dilations, name=None):
    """Grayscale erosion by filters [height, width, channels]; ValueError for another format than NHWC."""
    if data_format != "NHWC":
        raise ValueError(
            f"`data_format` values other than 'NHWC' are not supported. Received: data_format={data_format}"
        )
    return erosion2d_v1(value, filters, strides, dilations, padding, name)
