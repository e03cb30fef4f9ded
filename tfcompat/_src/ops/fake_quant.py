"""Simulated quantization: values rounded to a grid in the forward pass, gradients passed straight through inside
the range.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from .. import record
from ..declare import OPS, export, op
from ..graph import context
from .array import bad


def _nudged(low, high, num_bits, narrow_range):
    """(low, high, scale): the range moved so that zero is on the grid, as TensorFlow's kernels do."""
    kind = np.float32
    first, last = kind(1 if narrow_range else 0), kind(2**num_bits - 1)
    scale = (high - low) / (last - first)
    zero = first - low / scale
    zero = jnp.where(zero < first, first, jnp.where(zero > last, last, jnp.floor(zero + kind(0.5))))
    return (first - zero) * scale, (last - zero) * scale, scale


# TensorFlow's gradient is one inside the range; the rounding's own would be zero everywhere.
@jax.custom_jvp
def _rounded(x, low, high, low_edge, high_edge, scale):
    return jnp.floor((jnp.clip(x, low_edge, high_edge) - low_edge) / scale + np.float32(0.5)) * scale + low_edge


@_rounded.defjvp
def _rounded_jvp(values, tangents):
    x, low, high, low_edge, high_edge, scale = values
    dx, dlow, dhigh = tangents[:3]
    below, above = x < low_edge, x > high_edge
    moved = jnp.where(below, dlow, jnp.where(above, dhigh, dx))
    return _rounded(*values), moved


def _fake_quant(inputs, low, high, num_bits, narrow_range):
    if not 2 <= num_bits <= 16:
        raise ValueError(f"num_bits must be between 2 and 16, inclusive, not {num_bits}")
    edges = [jax.lax.stop_gradient(v) for v in _nudged(low, high, num_bits, narrow_range)]
    out = _rounded(inputs, low, high, *edges)
    return jnp.where((low == 0) & (high == 0), jnp.zeros_like(out), out)


@op("FakeQuantWithMinMaxArgs", dtypes="float32")
def fake_quant_with_min_max_args_kernel(inputs, *, min=-6.0, max=6.0, num_bits=8, narrow_range=False):
    """inputs [...] -> rounded to a grid of 2**num_bits values between `min` and `max`."""
    return _fake_quant(inputs, jnp.float32(min), jnp.float32(max), num_bits, narrow_range)


@export("quantization.fake_quant_with_min_max_args",
        v1="fake_quant_with_min_max_args quantization.fake_quant_with_min_max_args")  # fmt: skip
def fake_quant_with_min_max_args(inputs, min=-6, max=6, num_bits=8, narrow_range=False, name=None):
    """inputs [...] -> rounded to a grid of 2**num_bits values between `min` and `max`."""
    settings = {"min": float(min), "max": float(max), "num_bits": num_bits, "narrow_range": narrow_range}
    return record.call(OPS["FakeQuantWithMinMaxArgs"], [inputs], settings, name)


@op("FakeQuantWithMinMaxVars", dtypes="float32", names="quantization.fake_quant_with_min_max_vars",
    v1="fake_quant_with_min_max_vars quantization.fake_quant_with_min_max_vars")  # fmt: skip
def fake_quant_with_min_max_vars(inputs, min, max, *, num_bits=8, narrow_range=False):
    """inputs [...], min [], max [] -> rounded to a grid of 2**num_bits values between `min` and `max`."""
    return _fake_quant(inputs, min.reshape(()), max.reshape(()), num_bits, narrow_range)


@op("FakeQuantWithMinMaxVarsPerChannel", dtypes="float32",
    names="quantization.fake_quant_with_min_max_vars_per_channel",
    v1="fake_quant_with_min_max_vars_per_channel quantization.fake_quant_with_min_max_vars_per_channel")  # fmt: skip
def fake_quant_with_min_max_vars_per_channel(inputs, min, max, *, num_bits=8, narrow_range=False):
    """inputs [..., d], min [d], max [d] -> each channel rounded to a grid of its own."""
    return _fake_quant(inputs, min, max, num_bits, narrow_range)


# -- quantize and dequantize ------------------------------------------------------------------------------------------
# TensorFlow's gradient is one where the input lies in the range given, even where that range is not used.
@jax.custom_jvp
def _on_grid(x, low, high, clamped, scale, inverse, round_up):
    return (
        jnp.where(round_up, jnp.floor(clamped * scale + np.asarray(0.5, x.dtype)), jnp.rint(clamped * scale)) * inverse
    )


@_on_grid.defjvp
def _on_grid_jvp(values, tangents):
    x, low, high = values[:3]
    return _on_grid(*values), jnp.where((x >= low) & (x <= high), tangents[0], 0)


@op("QuantizeAndDequantizeV2", dtypes="bfloat16 float16 float32 float64")
def quantize_and_dequantize_kernel(input, input_min, input_max, *, signed_input, num_bits, range_given, round_mode,
                                   narrow_range, axis):  # fmt: skip
    """input [...] -> rounded to the values that integers of `num_bits` bits, scaled to the range, can express."""
    kind = input.dtype
    others = tuple([i for i in range(input.ndim) if axis is None or i != axis % input.ndim])
    shape = [1 if i in others else n for i, n in enumerate(input.shape)]
    given = low, high = [v.reshape(shape if axis is not None else ()) for v in (input_min, input_max)]
    if not range_given:
        low, high = input.min(others, keepdims=True), input.max(others, keepdims=True)
    first = (-(2 ** (num_bits - 1)) + bool(narrow_range)) if signed_input else 0
    first, last = np.asarray(first, kind), np.asarray(2 ** (num_bits - bool(signed_input)) - 1, kind)
    huge = np.asarray(jnp.finfo(kind).max, kind)
    from_low = jnp.where(first * low > 0, first / low, huge)
    from_high = jnp.where(last * high > 0, last / high, huge)
    by_low = from_low < from_high
    scale = jnp.where(by_low, from_low, from_high)
    inverse = jnp.where(by_low, low / np.where(first == 0, 1, first).astype(kind), high / last)
    low, high = jnp.where(by_low, low, first * inverse), jnp.where(by_low, last * inverse, high)
    clamped = jnp.clip(input, low, high) if range_given else input
    rest = [jax.lax.stop_gradient(v) for v in (*given, clamped, scale, inverse)]
    return _on_grid(input, *rest, round_mode == "HALF_UP")


def _check_axis(axis, input):
    """ValueError or InvalidArgumentError for an axis that the input does not have."""
    if axis is None:
        return
    if axis >= 2**31 - 1:
        message = f"Axis cannot be >= kint32max value, got {axis}"
        raise ValueError(message) if context.graph is not None else bad("QuantizeAndDequantizeV2", message)
    rank = record.convert_to_tensor(input).shape.rank
    if rank is not None and axis >= rank:
        message = f"Shape must be at least rank {axis + 1} but is rank {rank}"
        raise ValueError(message) if context.graph is not None else bad("QuantizeAndDequantizeV2", message)


@export("quantization.quantize_and_dequantize quantization.quantize_and_dequantize_v2")
def quantize_and_dequantize(input, input_min, input_max, signed_input=True, num_bits=8, range_given=False,
                            round_mode="HALF_TO_EVEN", name=None, narrow_range=False, axis=None):  # fmt: skip
    """input [...] -> rounded to the values that integers of `num_bits` bits, scaled to the range, can express.

    The range is [input_min, input_max] where `range_given`, else that of the input (of each slice along `axis`).
    """
    _check_axis(axis, input)
    if round_mode not in ("HALF_TO_EVEN", "HALF_UP"):
        raise ValueError(f"round_mode must be HALF_TO_EVEN or HALF_UP, not {round_mode!r}")
    settings = dict(signed_input=signed_input, num_bits=num_bits, range_given=range_given, round_mode=round_mode,
                    narrow_range=narrow_range, axis=axis)  # fmt: skip
    return record.call(OPS["QuantizeAndDequantizeV2"], [input, input_min, input_max], settings, name)
