"""Moments of a tensor and the normalizations built on them: batch normalization and local response normalization."""

from __future__ import annotations

import functools

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..graph import context
from ..scopes import name_scope
from ..shapes import broadcast_dims
from .array import bad
from .math import FLOATS, with_jvp
from .reductions import mean_of, old_name
from .windows import layout


# -- moments ----------------------------------------------------------------------------------------------------------
@op("Moments", static="axes", dtypes=FLOATS + " int32 int64")
def moments_kernel(x, axes, *, keepdims=False):
    """(mean, variance); half precision is summed up in float32, integers are truncated."""
    axes = _axes(axes, x.ndim)
    if jnp.issubdtype(x.dtype, jnp.integer):
        mean = jnp.expand_dims(mean_of(x, axes), axes)
        variance = jnp.expand_dims(mean_of(jnp.square(x - mean), axes), axes)
        return (mean, variance) if keepdims else (mean.squeeze(axes), variance.squeeze(axes))
    wide = x.astype(jnp.float32) if x.dtype == jnp.float16 else x
    mean = jnp.mean(wide, axes, keepdims=True)
    # The mean is a constant to the variance's gradient, in which its part is zero anyway.
    variance = jnp.mean(jnp.square(wide - lax.stop_gradient(mean)), axes, keepdims=True)
    if not keepdims:
        mean, variance = mean.squeeze(axes), variance.squeeze(axes)
    return mean.astype(x.dtype), variance.astype(x.dtype)


def _axes(axes, rank):
    """`axes` as a tuple of positive dimensions; InvalidArgumentError for one that is none."""
    axes = np.atleast_1d(axes)
    for a in axes:
        if not -rank <= a < rank:
            raise errors.InvalidArgumentError(
                None, None, f"Invalid reduction dimension ({a} for input with {rank} dimension(s)"
            )
    return tuple(sorted({int(a) % rank for a in axes}))


def _static_axes(axes):
    """Axes as the static input of an op; TypeError without any, as in TensorFlow."""
    if axes is None:
        raise TypeError("`axes` must be given: one dimension or a list of them.")
    return [a for a in axes] if isinstance(axes, (range, set)) else axes


def _moments(x, axes, keepdims, name):
    if context.graph is None:
        mean, variance = moments_kernel(x, _static_axes(axes), keepdims=bool(keepdims))
        return mean, variance
    with name_scope(name, "moments", [x]):
        x = record.convert_to_tensor(x)
        names = ("mean", "variance") if keepdims else ("Squeeze", "Squeeze_1")
        pair = moments_kernel(x, _static_axes(axes), keepdims=bool(keepdims), name="moments")
        return tuple([OPS["Identity"].public(value, name=n) for value, n in zip(pair, names, strict=True)])


@export("nn.moments", v1="")
def moments(x, axes, shift=None, keepdims=False, name=None):
    """(mean, variance) of `x` over `axes`; `shift` is not used, as in TensorFlow."""
    return _moments(x, axes, keepdims, name)


@export("", v1="nn.moments")
def moments_v1(x, axes, shift=None, name=None, keep_dims=None, keepdims=None):
    """TF1's argument order of moments."""
    return _moments(x, axes, old_name("keepdims", keepdims, "keep_dims", keep_dims), name)


@op("WeightedMoments", static="axes", dtypes=FLOATS)
def weighted_moments_kernel(x, frequency_weights, axes, *, keepdims=False):
    narrow = x.dtype == jnp.float16
    wide, weights = (x.astype(jnp.float32), frequency_weights.astype(jnp.float32)) if narrow else (x, frequency_weights)
    axes = _axes(axes, max(x.ndim, weights.ndim))
    weights = weights + jnp.zeros_like(wide)
    total = jnp.sum(weights, axes, keepdims=True)
    mean = _no_nan(jnp.sum(weights * wide, axes, keepdims=True), total)
    variance = _no_nan(jnp.sum(weights * jnp.square(wide - mean), axes, keepdims=True), total)
    if not keepdims:
        mean, variance = mean.squeeze(axes), variance.squeeze(axes)
    return mean.astype(x.dtype), variance.astype(x.dtype)


def _no_nan(x, y):
    """x / y, zero where y is."""
    zero = y == 0
    return jnp.where(zero, 0, x / jnp.where(zero, 1, y))


def _weighted(x, axes, frequency_weights, keepdims, name):
    x = record.convert_to_tensor(x)
    weights = record.convert_to_tensor(frequency_weights, preferred_dtype=x.dtype)
    if weights.dtype.base_dtype is not x.dtype.base_dtype and x.dtype.is_floating:
        weights = OPS["Cast"].public(weights, dtype=x.dtype.base_dtype)
    inputs = [x, weights, _static_axes(axes)]
    if context.graph is None:
        mean, variance = weighted_moments_kernel(*inputs, keepdims=bool(keepdims))
        return mean, variance
    with name_scope(name, "weighted_moments", [x, frequency_weights]):
        pair = weighted_moments_kernel(*inputs, keepdims=bool(keepdims), name="moments")
        names = ("div_no_nan", "div_no_nan_1") if keepdims else ("Squeeze", "Squeeze_1")
        return tuple([OPS["Identity"].public(value, name=n) for value, n in zip(pair, names, strict=True)])


@export("nn.weighted_moments", v1="")
def weighted_moments(x, axes, frequency_weights, keepdims=False, name=None):
    """(mean, variance) of `x` over `axes`, every element counted as often as `frequency_weights` says."""
    return _weighted(x, axes, frequency_weights, keepdims, name)


@export("", v1="nn.weighted_moments")
def weighted_moments_v1(x, axes, frequency_weights, name=None, keep_dims=None, keepdims=None):
    """TF1's argument order of weighted_moments."""
    return _weighted(x, axes, frequency_weights, old_name("keepdims", keepdims, "keep_dims", keep_dims), name)


@export("nn.sufficient_statistics", v1="")
def sufficient_statistics(x, axes, shift=None, keepdims=False, name=None):
    """(count, sum of x - shift, sum of its squares, shift) over `axes`: what normalize_moments takes."""
    mean, square, total, subtract = (OPS[o].public for o in ("Sum", "Square", "Prod", "Sub"))
    x = record.convert_to_tensor(x)
    axes = [
        int(a) for a in np.atleast_1d(record.shape_array(list(_static_axes(axes)) if not np.isscalar(axes) else axes))
    ]
    with name_scope(name, "sufficient_statistics", [x] if context.graph is not None else None):
        shape = x._shape_tuple()
        if shape is not None and all(shape[a] is not None for a in axes):
            count = record.convert_to_tensor(int(np.prod([shape[a] for a in set(axes)])), x.dtype, name="count")
        else:
            sizes = OPS["Cast"].public(OPS["Shape"].public(x), dtype=x.dtype)
            sizes = OPS["GatherV2"].public(sizes, record.convert_to_tensor(axes), 0)
            count = total(sizes, [0], name="count")
        if shift is not None:
            shift = record.convert_to_tensor(shift, x.dtype, name="shift")
            first = subtract(x, shift)
            second = OPS["SquaredDifference"].public(x, shift)
        else:
            first, second = x, square(x)
        m_ss = mean(first, axes, keep_dims=bool(keepdims), name="mean_ss")
        v_ss = mean(second, axes, keep_dims=bool(keepdims), name="var_ss")
    return count, m_ss, v_ss, shift


@export("", v1="nn.sufficient_statistics")
def sufficient_statistics_v1(x, axes, shift=None, keep_dims=None, name=None, keepdims=None):
    """TF1's argument order of sufficient_statistics."""
    return sufficient_statistics(x, axes, shift, bool(old_name("keepdims", keepdims, "keep_dims", keep_dims)), name)


@export("nn.normalize_moments")
def normalize_moments(counts, mean_ss, variance_ss, shift, name=None):
    """(mean, variance) from what sufficient_statistics gives."""
    multiply, subtract, square = (OPS[o].public for o in ("Mul", "Sub", "Square"))
    counts = record.convert_to_tensor(counts)
    with name_scope(name, "normalize"):
        divisor = OPS["Reciprocal"].public(counts, name="divisor")
        if shift is not None:
            shifted = multiply(mean_ss, divisor, name="shifted_mean")
            mean = OPS["AddV2"].public(shifted, shift, name="mean")
        else:
            shifted = mean = multiply(mean_ss, divisor, name="mean")
        variance = subtract(multiply(variance_ss, divisor), square(shifted), name="variance")
    return mean, variance


# -- batch normalization ----------------------------------------------------------------------------------------------
@op(
    "BatchNormalization", name="add_1", alike=False,
    results=lambda *shapes, variance_epsilon: functools.reduce(broadcast_dims, shapes),
)  # fmt: skip
def batch_normalization_kernel(x, mean, variance, offset=None, scale=None, *, variance_epsilon):
    factor = lax.rsqrt(variance + jnp.asarray(variance_epsilon, variance.dtype))
    if scale is not None:
        factor = factor * scale
    shift = offset - mean * factor if offset is not None else -mean * factor
    return x * factor.astype(x.dtype) + shift.astype(x.dtype)


@export("nn.batch_normalization")
def batch_normalization(x, mean, variance, offset, scale, variance_epsilon, name=None):
    """scale * (x - mean) / sqrt(variance + variance_epsilon) + offset, both of which may be None (arXiv:1502.03167)."""
    if isinstance(variance_epsilon, record.Tensor):
        variance = OPS["AddV2"].public(variance, variance_epsilon)
        variance_epsilon = 0.0
    inputs, settings = [x, mean, variance, offset, scale], {"variance_epsilon": float(variance_epsilon)}
    if context.graph is None:
        return record.call(batch_normalization_kernel.op, inputs, settings, None)
    with name_scope(name, "batchnorm", [v for v in inputs if v is not None]):
        return record.call(batch_normalization_kernel.op, inputs, settings, None)


@export("nn.batch_norm_with_global_normalization", v1="")
def batch_norm_with_global_normalization(
    input, mean, variance, beta, gamma, variance_epsilon, scale_after_normalization, name=None
):
    """batch_normalization whose scale is left out unless `scale_after_normalization`."""
    scale = gamma if scale_after_normalization else None
    return batch_normalization(input, mean, variance, beta, scale, variance_epsilon, name)


@export("", v1="nn.batch_norm_with_global_normalization")
def batch_norm_with_global_normalization_v1(
    t=None, m=None, v=None, beta=None, gamma=None, variance_epsilon=None, scale_after_normalization=None, name=None,
    input=None, mean=None, variance=None,
):  # fmt: skip
    """TF1's batch_norm_with_global_normalization."""
    t, m, v = old_name("input", input, "t", t), old_name("mean", mean, "m", m), old_name("variance", variance, "v", v)
    return batch_norm_with_global_normalization(t, m, v, beta, gamma, variance_epsilon, scale_after_normalization, name)


def check_channels(type, channels, **vectors):
    """Raises InvalidArgumentError unless each of `vectors`, by name, is one number for each channel."""
    for name, vector in vectors.items():
        if vector.ndim != 1:
            raise bad(type, f"{name} must be 1-dimensional{list(vector.shape)}")
        if vector.shape[0] != channels:
            message = f"{name} must have the same number of elements as the channels of x"
            raise bad(type, f"{message}, got {vector.shape[0]} and {channels}")


def _normalized_channels(data_format="NHWC", **settings):
    rest = " ?" * (len(data_format) - 2)
    x = f"x ? c{rest}" if data_format.startswith("NC") else f"x ?{rest} c"
    return f"{x}, scale c, offset c, mean c, variance c"


@op(
    "FusedBatchNormV3",
    name="FusedBatchNormV3",
    alike=False,
    dtypes="float32 float16 bfloat16 float64",
    inert="mean variance",
    shapes=_normalized_channels,
)
def fused_batch_norm_kernel(
    x,
    scale,
    offset,
    mean=None,
    variance=None,
    *,
    epsilon=0.001,
    data_format="NHWC",
    is_training=True,
    exponential_avg_factor=1.0,
):
    """(y, mean, variance): in training those of the batch, the variance with Bessel's correction."""
    channel = 1 if data_format.startswith("NC") else x.ndim - 1
    axes = tuple([i for i in range(x.ndim) if i != channel])
    wide = x.astype(scale.dtype)
    shape = [1] * x.ndim
    shape[channel] = x.shape[channel]
    check_channels("FusedBatchNormV3", x.shape[channel], scale=scale, offset=offset)
    when = "When exponential_avg_factor != 1, " if is_training else "When is_training=false, "
    if mean is not None:
        check_channels("FusedBatchNormV3", x.shape[channel], **{when + "mean": mean, when + "variance": variance})
    if is_training:
        used_mean = jnp.mean(wide, axes)
        used_variance = jnp.mean(jnp.square(wide - used_mean.reshape(shape)), axes)
        count = x.size // x.shape[channel]
        out_mean, out_variance = used_mean, used_variance * np.asarray(count / max(count - 1, 1), scale.dtype)
        if exponential_avg_factor != 1:
            keep, take = 1 - exponential_avg_factor, exponential_avg_factor
            out_mean, out_variance = keep * mean + take * out_mean, keep * variance + take * out_variance
        # Only y passes gradients on.
        out_mean, out_variance = lax.stop_gradient(out_mean), lax.stop_gradient(out_variance)
    else:
        out_mean, out_variance = mean, variance
        used_mean, used_variance = lax.stop_gradient(mean), lax.stop_gradient(variance)  # constants to TensorFlow, too
    if not x.size:  # nothing to normalize; the moments of nothing would make the gradients NaN
        used_mean, used_variance = jnp.zeros_like(scale), jnp.ones_like(scale)
    factor = lax.rsqrt(used_variance + np.asarray(epsilon, scale.dtype)) * scale
    y = (wide - used_mean.reshape(shape)) * factor.reshape(shape) + offset.reshape(shape)
    return y.astype(x.dtype), out_mean, out_variance


@export("", v1="nn.fused_batch_norm")
def fused_batch_norm(
    x, scale, offset, mean=None, variance=None, epsilon=0.001, data_format="NHWC", is_training=True, name=None,
    exponential_avg_factor=1.0,
):  # fmt: skip
    """(y, mean, variance) of batch normalization in one op; `epsilon` is at least 1.001e-5.

    Raises ValueError where inference (or an averaging factor) lacks `mean` and `variance`.
    """
    if (not is_training or exponential_avg_factor != 1.0) and (mean is None or variance is None):
        raise ValueError(
            f"Both `mean` and `variance` must be a 1D tensor when `is_training` is {is_training} and "
            f"`exponential_avg_factor` is {exponential_avg_factor}. Received: `mean` {mean!r} and "
            f"`variance` {variance!r}"
        )
    x = record.convert_to_tensor(x)
    layout(data_format, (x._rank() or len(data_format)) - 2)
    parameter = x.dtype if x.dtype == dtypes.float64 else dtypes.float32
    scale, offset = record.convert_to_tensor(scale, parameter), record.convert_to_tensor(offset, parameter)
    used = not is_training or exponential_avg_factor != 1.0
    given = [record.convert_to_tensor(v, parameter) if used else None for v in (mean, variance)]
    settings = dict(
        epsilon=max(float(epsilon), 1.001e-5), data_format=data_format, is_training=bool(is_training),
        exponential_avg_factor=float(exponential_avg_factor),
    )  # fmt: skip
    return tuple(record.call(fused_batch_norm_kernel.op, [x, scale, offset, *given], settings, name))


# -- local response ---------------------------------------------------------------------------------------------------
def _neighbours(value, radius):
    """Sums over `radius` channels to either side (a window, which XLA does not compute anew for every use)."""
    aside = ((0, 0), (0, 0), (0, 0), (radius, radius))
    return lax.reduce_window(value, np.float32(0), lax.add, (1, 1, 1, 2 * radius + 1), (1, 1, 1, 1), aside)


def _response(radius, bias, alpha, beta):
    def value(x):
        base = bias + alpha * _neighbours(jnp.square(x), radius)
        return x * jnp.exp(-beta * jnp.log(base))  # XLA's power is slower

    def tangent(x, out, t):
        base = bias + alpha * _neighbours(jnp.square(x), radius)
        return t * jnp.exp(-beta * jnp.log(base)) - (2 * alpha * beta) * (out / base) * _neighbours(x * t, radius)

    return with_jvp(value, tangent)


@op(
    "LRN",
    names="nn.local_response_normalization nn.lrn",
    dtypes="float32 float16 bfloat16",
    shapes="input ? ? ? ?",
)
def local_response_normalization(input, *, depth_radius=5, bias=1, alpha=1, beta=0.5):
    """input / (bias + alpha * sum of squares of `depth_radius` channels to either side) ** beta."""
    if input.ndim != 4:
        raise errors.InvalidArgumentError(None, None, f"in must be 4-dimensional: {list(input.shape)}")
    numbers = [np.float32(v) for v in (bias, alpha, beta)]
    return _response(int(depth_radius), *numbers)(input.astype(jnp.float32)).astype(input.dtype)
