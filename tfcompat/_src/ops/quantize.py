"""Quantized values: tf.quantization.quantize, dequantize, the gradients of fake quantization, raw op names.

The arithmetic is that of TensorFlow's CPU kernels, in float32; values of quantized dtypes are plain integers inside.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..graph import context
from ..scopes import name_scope
from .array import bad, is_tensor
from .fake_quant import _nudged, quantize_and_dequantize
from .passing import _as_quantized
from .raw_array import raw

_QUANTIZED = {"qint8": np.int8, "quint8": np.uint8, "qint32": np.int32, "qint16": np.int16, "quint16": np.uint16}
_Quantize = namedtuple("QuantizeV2", ["output", "output_min", "output_max"])
_Concat = namedtuple("QuantizedConcat", ["output", "output_min", "output_max"])


def _bounds(dtype):
    info = np.iinfo(_QUANTIZED[dtype.name])
    return info.min, info.max


def _fit(low, high, minimum, mode):
    """The range as used: at least `minimum` wide, with zero in it."""
    low = np.minimum(np.float32(0), low)
    span = np.maximum(np.abs(low), np.abs(high)).astype(np.float32)
    return low, np.maximum(np.maximum(high, 0), low + np.maximum(span, np.float32(1)) * np.float32(minimum))


def _along(values, rank, axis):
    return values.reshape([-1 if i == axis else 1 for i in range(rank)]) if axis >= 0 else values.reshape(())


def _limits(dtype, narrow):
    low, high = _bounds(dtype)
    return (low + 1 if narrow and low < 0 else low), high


def _round(x, round_mode):
    return np.rint(x) if round_mode == "HALF_TO_EVEN" else np.trunc(x + np.copysign(np.float32(0.5), x))


def _quantize_abstract(x, low, high, **settings):
    return [(settings["T"], x.shape), (dtypes.float32, low.shape), (dtypes.float32, high.shape)]


@op("QuantizeV2", host=True, alike=False, abstract=_quantize_abstract)
def quantize_kernel(input, min_range, max_range, *, T, mode, round_mode, narrow_range, axis, ensure_minimum_range):
    """input [...] -> (integers that stand for it, the lowest and the highest value they can stand for)."""
    if axis < -1 or axis >= max(input.ndim, 1):
        raise bad("QuantizeV2", f"Axis must be less than input dimension({input.ndim}), got {axis}")
    if np.any(max_range < min_range):
        raise bad("QuantizeV2", "max_range must be larger than min_range.")
    low, high = _fit(min_range, max_range, ensure_minimum_range, mode)
    first, last = _limits(T, narrow_range)
    wide = lambda v: _along(v, input.ndim, axis).astype(np.float32)
    x = np.minimum(np.maximum(input, wide(low)), wide(high)).astype(np.float32)
    if mode == "MIN_COMBINED":
        scale = np.float32(last - _bounds(T)[0]) / (wide(high) - wide(low))
        out = (x - wide(low)) * scale
        out = out - np.float32(2 ** (8 * np.dtype(_QUANTIZED[T.name]).itemsize - 1)) if first < 0 else out
        out = _round(out, "HALF_AWAY_FROM_ZERO")
    elif mode == "MIN_FIRST":
        scale = np.float64(2 ** (8 * np.dtype(_QUANTIZED[T.name]).itemsize) - 1) / (np.float64(high) - np.float64(low))
        start, scale = _along(np.float64(low) * scale, input.ndim, axis), _along(np.asarray(scale), input.ndim, axis)
        if T is dtypes.quint8:  # TensorFlow rounds once here
            out = np.round(x * scale - start)
        else:
            out = np.round(x * scale) - np.round(start) + _bounds(T)[0]
    else:
        low, high, scale = _scaled(low, high, first, last)
        out = _round(np.minimum(np.maximum(input, wide(low)), wide(high)) * wide(scale), round_mode)
    last = _bounds(T)[1] if T is not dtypes.qint32 else np.nextafter(np.float32(2**31), np.float32(0))
    out = np.clip(out, _bounds(T)[0], last).astype(_QUANTIZED[T.name])
    return out, np.float32(low), np.float32(high)


def _scaled(low, high, first, last):
    """(low, high, scale) of mode SCALED: zero stays zero, and one of the ends may move."""
    with np.errstate(divide="ignore", invalid="ignore"):
        down = np.where(first * low > 0, np.float32(first) / low, np.finfo(np.float32).max)
        up = np.where(last * high > 0, np.float32(last) / high, np.finfo(np.float32).max)
    scale = np.minimum(down, up).astype(np.float32)
    return (np.float32(first) / scale).astype(np.float32), (np.float32(last) / scale).astype(np.float32), scale


@export("quantization.quantize", v1="quantization.quantize quantize")
def quantize(input, min_range, max_range, T, mode="MIN_COMBINED", round_mode="HALF_AWAY_FROM_ZERO", name=None,
             narrow_range=False, axis=None, ensure_minimum_range=0.01):  # fmt: skip
    """(integers of dtype `T` that stand for the values of `input`, the lowest and the highest value they stand for)."""
    if mode not in ("MIN_COMBINED", "MIN_FIRST", "SCALED"):
        raise ValueError(f"mode must be MIN_COMBINED, MIN_FIRST or SCALED, not {mode!r}")
    if round_mode not in ("HALF_AWAY_FROM_ZERO", "HALF_TO_EVEN"):
        raise ValueError(f"round_mode must be HALF_AWAY_FROM_ZERO or HALF_TO_EVEN, not {round_mode!r}")
    settings = dict(T=dtypes.as_dtype(T), mode=mode, round_mode=round_mode, narrow_range=bool(narrow_range),
                    axis=-1 if axis is None else axis, ensure_minimum_range=float(ensure_minimum_range))  # fmt: skip
    tensors = [record.convert_to_tensor(v, dtypes.float32) for v in (input, min_range, max_range)]
    out, low, high = record.call(OPS["QuantizeV2"], tensors, settings, name, "QuantizeV2")
    return _Quantize(_as_quantized(out, settings["T"]) if context.graph is None else out, low, high)


@export("", v1="quantize_v2")
def quantize_v2(input, min_range, max_range, T, mode="MIN_COMBINED", name=None, round_mode="HALF_AWAY_FROM_ZERO",
                narrow_range=False, axis=None, ensure_minimum_range=0.01):  # fmt: skip
    """TF1's argument order of tf.quantization.quantize."""
    return quantize(input, min_range, max_range, T, mode, round_mode, name, narrow_range, axis, ensure_minimum_range)


@op("Dequantize", host=True, alike=False, abstract=lambda x, low, high, **settings: (settings["dtype"], x.shape))
def dequantize_kernel(input, min_range, max_range, *, T, mode, narrow_range, axis, dtype):
    """The values that the integers stand for."""
    if axis < -1 or axis >= max(input.ndim, 1):
        raise bad("Dequantize", f"Axis must be less than input dimension({input.ndim}), got {axis}")
    first, last = _limits(T, narrow_range)
    low, high = (_along(v, input.ndim, axis).astype(np.float32) for v in (min_range, max_range))
    if mode == "SCALED":
        scale = np.maximum(high / np.float32(last), low / np.float32(first)) if first else high / np.float32(last)
        return (input * scale).astype(dtype.np)
    if mode == "MIN_COMBINED":
        half = np.float32((_bounds(T)[1] - _bounds(T)[0] + 1) / 2) if first < 0 else np.float32(0)
        return ((input + half) * ((high - low) / np.float32(_bounds(T)[1] - _bounds(T)[0])) + low).astype(dtype.np)
    steps = 2 ** (8 * input.dtype.itemsize) - 1
    step = (high - low) / np.float32(steps)
    start = np.round(low / np.where(step == 0, 1, step)) * step
    return ((input.astype(np.float64) - _bounds(T)[0]) * step + start).astype(dtype.np)


@export("quantization.dequantize", v1="quantization.dequantize dequantize")
def dequantize(input, min_range, max_range, mode="MIN_COMBINED", name=None, axis=None, narrow_range=False,
               dtype=dtypes.float32):  # fmt: skip
    """The values that integers, made by tf.quantization.quantize with this range, stand for."""
    axis = -1 if axis is None else axis
    if axis >= 2**31 - 1:
        raise (bad if context.graph is None else lambda _, m: ValueError(m))(
            "Dequantize", f"Axis must be less than input dimension, got {axis}"
        )
    input = record.convert_to_tensor(input)
    kind = input.dtype.base_dtype
    if not kind.is_quantized:
        listed = "qint8, quint8, qint32, qint16, quint16"
        raise bad("Dequantize", f"Value for attr 'T' of {kind.name} is not in the list of allowed values: {listed}")
    settings = dict(T=kind, mode=mode, narrow_range=bool(narrow_range), axis=axis,
                    dtype=dtypes.as_dtype(dtype))  # fmt: skip
    ends = [record.convert_to_tensor(v, dtypes.float32) for v in (min_range, max_range)]
    return record.call(OPS["Dequantize"], [input, *ends], settings, name, "Dequantize")


@export("quantization.quantized_concat", v1="quantization.quantized_concat quantized_concat")
def quantized_concat(concat_dim, values, input_mins, input_maxes, name=None):
    """(the integers joined along `concat_dim`, all in one range, the lowest and the highest value of that range).

    values: quint8 tensors, each with the range of input_mins[i] to input_maxes[i].  Raises NotImplementedError for qint32 ones.
    """
    values = [record.convert_to_tensor(v) for v in values]
    if len(input_mins) != len(values) or len(input_maxes) != len(values) or not values:
        raise bad("QuantizedConcat", f"{len(values)} values, {len(input_mins)} minima and {len(input_maxes)} maxima")
    kind = values[0].dtype.base_dtype
    if kind is dtypes.qint32:
        raise NotImplementedError(
            "tf.quantization.quantized_concat of qint32: dequantize, tf.concat, tf.quantization.quantize"
        )
    if kind is not dtypes.quint8:
        raise errors.NotFoundError(None, None, f"No kernel of QuantizedConcat is registered for {kind.name}")
    tensors = [record.convert_to_tensor(concat_dim, dtypes.int32), *values]
    tensors += [record.convert_to_tensor(v, dtypes.float32) for v in (*input_mins, *input_maxes)]
    out, low, high = record.call(OPS["QuantizedConcat"], tensors, None, name)
    return _Concat(_as_quantized(out, kind), low, high)


def _concat_abstract(axis, *rest):
    shapes = [a.shape for a in rest[: len(rest) // 3]]
    rank = next((len(s) for s in shapes if s is not None), None)
    return [(dtypes.quint8, None if rank is None else (None,) * rank), (dtypes.float32, ()), (dtypes.float32, ())]


@op("QuantizedConcat", host=True, alike=False, abstract=_concat_abstract)
def quantized_concat_kernel(*inputs):
    """concat_dim, n tensors, n minima, n maxima -> (the tensors, requantized where their range is not the common one, and that range)."""
    axis, n = int(inputs[0]), len(inputs) // 3
    values, lows, highs = inputs[1 : n + 1], inputs[n + 1 : 2 * n + 1], inputs[2 * n + 1 :]
    rank = values[0].ndim
    if any(v.ndim != rank for v in values):
        raise bad("QuantizedConcat", "ConcatOp : Ranks of all input tensors should match")
    if not -rank <= axis < rank:
        said = f"ConcatOp : Expected concatenating dimensions in the range [{-rank}, {rank}), but got {axis}"
        raise bad("QuantizedConcat", said)
    low, high = min(np.float32(0), *lows), max(highs)
    parts = []
    for v, a, b in zip(values, lows, highs, strict=True):
        if a != low or b != high:
            step, scale = np.float32((b - a) / 255), np.float32(255 / (high - low))
            real = _round(a / step, "") * step + v.astype(np.float32) * step
            v = np.clip(_round(real * scale, "") - _round(low * scale, ""), 0, 255).astype(np.uint8)
        parts.append(v)
    return np.concatenate(parts, axis), np.float32(low), np.float32(high)


# -- gradients of fake quantization -----------------------------------------------------------------------------------
def _passed(inputs, low, high, num_bits, narrow_range):
    low, high, _ = _nudged(low, high, num_bits, narrow_range)
    return inputs < low, inputs > high


@op("FakeQuantWithMinMaxArgsGradient", names="quantization.fake_quant_with_min_max_args_gradient",
    v1="fake_quant_with_min_max_args_gradient quantization.fake_quant_with_min_max_args_gradient")  # fmt: skip
def fake_quant_with_min_max_args_gradient(gradients, inputs, *, min=-6, max=6, num_bits=8, narrow_range=False):
    """What arrives at the inputs of tf.quantization.fake_quant_with_min_max_args: nothing outside of the range."""
    below, above = _passed(inputs, np.float32(min), np.float32(max), num_bits, narrow_range)
    return gradients * ~(below | above)


def _variables_gradient(gradients, inputs, low, high, num_bits, narrow_range, axes):
    below, above = _passed(inputs, low, high, num_bits, narrow_range)
    inside = gradients * ~(below | above)
    return inside, (gradients * below).sum(axes), (gradients * above).sum(axes)


@op("FakeQuantWithMinMaxVarsGradient", names="quantization.fake_quant_with_min_max_vars_gradient",
    v1="fake_quant_with_min_max_vars_gradient quantization.fake_quant_with_min_max_vars_gradient")  # fmt: skip
def fake_quant_with_min_max_vars_gradient(gradients, inputs, min, max, *, num_bits=8, narrow_range=False):
    """What arrives at the inputs, the minimum and the maximum of tf.quantization.fake_quant_with_min_max_vars."""
    return _variables_gradient(gradients, inputs, min, max, num_bits, narrow_range, None)


@op("FakeQuantWithMinMaxVarsPerChannelGradient",
    names="quantization.fake_quant_with_min_max_vars_per_channel_gradient",
    v1="fake_quant_with_min_max_vars_per_channel_gradient "
       "quantization.fake_quant_with_min_max_vars_per_channel_gradient")  # fmt: skip
def fake_quant_with_min_max_vars_per_channel_gradient(gradients, inputs, min, max, *, num_bits=8, narrow_range=False):
    """What arrives at the inputs, minima and maxima of tf.quantization.fake_quant_with_min_max_vars_per_channel."""
    axes = tuple(range(inputs.ndim - 1))
    return _variables_gradient(gradients, inputs, min, max, num_bits, narrow_range, axes)


# -- raw names --------------------------------------------------------------------------------------------------------
def _range(input, low, high):
    return [record.convert_to_tensor(v, dtypes.float32 if not is_tensor(v) else None) for v in (input, low, high)]


@raw("QuantizeAndDequantizeV2")
def _v2(input, input_min, input_max, signed_input=True, num_bits=8, range_given=False, round_mode="HALF_TO_EVEN",
        narrow_range=False, axis=-1, name=None):  # fmt: skip
    """tf.quantization.quantize_and_dequantize_v2 with an axis of -1 for none."""
    return quantize_and_dequantize(*_range(input, input_min, input_max), signed_input, num_bits, range_given,
                                   round_mode, name, narrow_range, None if axis == -1 else axis)  # fmt: skip


@raw("QuantizeAndDequantizeV3")
def _v3(input, input_min, input_max, num_bits, signed_input=True, range_given=True, narrow_range=False, axis=-1,
        name=None):  # fmt: skip
    """As V2, rounding half to even."""
    return _v2(input, input_min, input_max, signed_input, num_bits, range_given, "HALF_TO_EVEN", narrow_range, axis,
               name)  # fmt: skip


@raw("QuantizeAndDequantizeV4")
def _v4(input, input_min, input_max, signed_input=True, num_bits=8, range_given=False, round_mode="HALF_TO_EVEN",
        narrow_range=False, axis=-1, name=None):  # fmt: skip
    """As V2."""
    return _v2(input, input_min, input_max, signed_input, num_bits, range_given, round_mode, narrow_range, axis, name)


@raw("QuantizeAndDequantizeV4Grad")
def _v4_grad(gradients, input, input_min, input_max, axis=-1, name=None):
    """What arrives at the input of V4: nothing outside of the range."""
    with name_scope(name, "QuantizeAndDequantizeV4Grad"):
        if axis >= 2**31 - 1:
            message = f"Axis cannot be >= kint32max value, got {axis}"
            raise ValueError(message) if context.graph is not None else bad("QuantizeAndDequantizeV4Grad", message)
        input, low, high = _range(input, input_min, input_max)
        inside = OPS["LogicalAnd"].public(OPS["GreaterEqual"].public(input, low), OPS["LessEqual"].public(input, high))
        return gradients * OPS["Cast"].public(inside, dtype=input.dtype.base_dtype)


@raw("QuantizeV2")
def _quantize_v2(input, min_range, max_range, T, mode="MIN_COMBINED", round_mode="HALF_AWAY_FROM_ZERO",
                 narrow_range=False, axis=-1, ensure_minimum_range=0.01, name=None):  # fmt: skip
    """tf.quantization.quantize with an axis of -1 for none."""
    return quantize(input, min_range, max_range, T, mode, round_mode, name, narrow_range, axis, ensure_minimum_range)


@raw("Dequantize")
def _dequantize(input, min_range, max_range, mode="MIN_COMBINED", narrow_range=False, axis=-1, dtype=dtypes.float32,
                name=None):  # fmt: skip
    """tf.quantization.dequantize with an axis of -1 for none."""
    return dequantize(input, min_range, max_range, mode, name, axis, narrow_range, dtype)
