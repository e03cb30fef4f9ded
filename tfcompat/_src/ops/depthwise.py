"""Depthwise and separable convolutions, and their gradients as ops."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from .. import errors, record
from ..declare import export, op
from ..graph import context
from ..scopes import name_scope
from .array import refusal
from .conv import conv2d, conv_settings, filter_gradient, filter_unknown, input_gradient, input_unknown
from .math import FLOATS
from .reductions import old_name
from .windows import check_rank, pairs, spatial, tap, taps, window_counts


def depthwise(value, filters, strides, padding, data_format, dilations):
    """Every channel by filters of its own [height, width, in, multiplier]: written out, which XLA fuses on a CPU."""
    check_rank(value, 2, "Convolution input")
    check_rank(filters, 2, "Convolution filter")
    first = data_format == "NCHW"
    height, width, channels, multiplier = filters.shape
    if value.shape[1 if first else -1] != channels:
        raise errors.InvalidArgumentError(
            None, None, f"input and filter must have the same depth: {value.shape[1 if first else -1]} vs {channels}"
        )
    pads = pairs(padding, spatial(value.shape, first), (height, width), strides, dilations)
    if height * width > 64:
        return lax.conv_general_dilated(
            value, filters.reshape(height, width, 1, -1), strides, pads, rhs_dilation=dilations,
            dimension_numbers=(data_format, "HWIO", data_format), feature_group_count=channels,
        )  # fmt: skip
    if first:
        value = jnp.moveaxis(value, 1, -1)
    padded = jnp.pad(value, ((0, 0), *pads, (0, 0)))
    counts = window_counts(value.shape[1:3], pads, (height, width), strides, dilations)
    total = 0
    for y, x in taps((height, width)):
        seen = tap(padded, (y, x), counts, strides, dilations, False)
        total = total + (seen[..., None] * filters[y, x] if multiplier > 1 else seen * filters[y, x, :, 0])
    if multiplier > 1:
        total = total.reshape(*total.shape[:3], channels * multiplier)
    return jnp.moveaxis(total, -1, 1) if first else total


@op("DepthwiseConv2dNative", dtypes=FLOATS, shapes="input ? ? ? ?, filter ? ? ? ?")
def depthwise_kernel(input, filter, *, strides, padding, data_format="NHWC", dilations=(1, 1)):
    return depthwise(input, filter, strides, padding, data_format, dilations)


@op("DepthwiseConv2dNativeBackpropInput", static="input_sizes", results=input_unknown)
def depthwise_input_kernel(
    input_sizes, filter, out_backprop, *, strides, padding, data_format="NHWC", dilations=(1, 1)
):
    return input_gradient(
        lambda v, f: depthwise(v, f, strides, padding, data_format, dilations), input_sizes, filter, out_backprop
    )


@op("DepthwiseConv2dNativeBackpropFilter", static="filter_sizes", results=filter_unknown)
def depthwise_filter_kernel(
    input, filter_sizes, out_backprop, *, strides, padding, data_format="NHWC", dilations=(1, 1)
):
    return filter_gradient(
        lambda v, f: depthwise(v, f, strides, padding, data_format, dilations), input, filter_sizes, out_backprop
    )


@export("nn.depthwise_conv2d", v1="")
def depthwise_conv2d(input, filter, strides, padding, data_format=None, dilations=None, name=None):
    """Every channel by filters of its own [height, width, in, multiplier]; filter q of k makes k * multiplier + q."""
    settings = conv_settings(2, strides, padding, data_format, dilations)
    return record.call(depthwise_kernel.op, [input, filter], settings, name, "depthwise")


@export("", v1="nn.depthwise_conv2d")
def depthwise_conv2d_v1(input, filter, strides, padding, rate=None, name=None, data_format=None, dilations=None):
    """TF1's depthwise_conv2d, where `dilations` are also called `rate`."""
    return depthwise_conv2d(
        input, filter, strides, padding, data_format, old_name("dilations", dilations, "rate", rate), name
    )


@export("", v1="nn.depthwise_conv2d_native")
def depthwise_conv2d_native(input, filter, strides, padding, data_format="NHWC", dilations=(1, 1, 1, 1), name=None):
    """The op under depthwise_conv2d."""
    settings = conv_settings(2, strides, padding, data_format, dilations)
    return record.call(depthwise_kernel.op, [input, filter], settings, name)


@export(
    "nn.depthwise_conv2d_backprop_input",
    v1="nn.depthwise_conv2d_native_backprop_input nn.depthwise_conv2d_backprop_input",
)
def depthwise_conv2d_backprop_input(
    input_sizes, filter, out_backprop, strides, padding, data_format="NHWC", dilations=(1, 1, 1, 1), name=None
):
    """The gradient of depthwise_conv2d by its input, which has shape `input_sizes`."""
    settings = conv_settings(2, strides, padding, data_format, dilations)
    return record.call(depthwise_input_kernel.op, [input_sizes, filter, out_backprop], settings, name)


@export(
    "nn.depthwise_conv2d_backprop_filter",
    v1="nn.depthwise_conv2d_native_backprop_filter nn.depthwise_conv2d_backprop_filter",
)
def depthwise_conv2d_backprop_filter(
    input, filter_sizes, out_backprop, strides, padding, data_format="NHWC", dilations=(1, 1, 1, 1), name=None
):
    """The gradient of depthwise_conv2d by its filters, which have shape `filter_sizes`."""
    settings = conv_settings(2, strides, padding, data_format, dilations)
    return record.call(depthwise_filter_kernel.op, [input, filter_sizes, out_backprop], settings, name)


@export("nn.separable_conv2d", v1="")
def separable_conv2d(
    input, depthwise_filter, pointwise_filter, strides, padding, data_format=None, dilations=None, name=None
):
    """depthwise_conv2d followed by a 1x1 conv2d with `pointwise_filter` [1, 1, channels * multiplier, out].

    Raises ValueError where the pointwise filter is not 1x1 or, in graphs, does not fit the depthwise one (eagerly
    InvalidArgumentError).
    """
    input = record.convert_to_tensor(input)
    depthwise_filter = record.convert_to_tensor(depthwise_filter, input.dtype.base_dtype)
    pointwise_filter = record.convert_to_tensor(pointwise_filter, input.dtype.base_dtype)
    point, deep = pointwise_filter._shape_tuple(), depthwise_filter._shape_tuple()
    if point is not None and (len(point) != 4 or point[0] not in (1, None) or point[1] not in (1, None)):
        raise ValueError(f"Expected pointwise filter's first two dimensions to be [1, 1]. Received: {list(point)}")
    if point is not None and deep is not None and None not in (point[2], *deep[2:]) and point[2] != deep[2] * deep[3]:
        said = f"pointwise_filter takes {point[2]} channels, the depthwise filters make {deep[2] * deep[3]}"
        raise refusal("Conv2D", said)
    if context.graph is None:
        return _separable(
            input, depthwise_filter, pointwise_filter, strides, padding, data_format, dilations, None, None
        )
    with name_scope(name, "separable_conv2d") as scope:
        return _separable(
            input, depthwise_filter, pointwise_filter, strides, padding, data_format, dilations, "depthwise", scope
        )


def _separable(input, deep, point, strides, padding, data_format, dilations, inner, name):
    between = depthwise_conv2d(input, deep, strides, padding, data_format, dilations, inner)
    return conv2d(between, point, 1, "VALID", data_format or "NHWC", None, name)


@export("", v1="nn.separable_conv2d")
def separable_conv2d_v1(
    input, depthwise_filter, pointwise_filter, strides, padding, rate=None, name=None, data_format=None, dilations=None
):
    """TF1's separable_conv2d, where `dilations` are also called `rate`."""
    dilations = old_name("dilations", dilations, "rate", rate)
    return separable_conv2d(input, depthwise_filter, pointwise_filter, strides, padding, data_format, dilations, name)
