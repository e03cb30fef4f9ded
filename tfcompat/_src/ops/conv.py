"""Convolutions over one, two or three spatial dimensions, depthwise and separable ones, and their gradients as ops."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import errors, record
from ..declare import export, op
from ..graph import context
from ..scopes import name_scope
from .math import FLOATS
from .nn import scoped
from .reductions import old_name
from .windows import FORMATS, check_outer, check_rank, full, layout, pairs, paddings, spatial, spread, tap, taps, window_counts

_FILTERS = {1: "WIO", 2: "HWIO", 3: "DHWIO"}
_ONES = {n: (1,) * n for n in (1, 2, 3)}


# -- kernels ----------------------------------------------------------------------------------------------------------
def convolve(value, filters, strides, padding, data_format, dilations):
    """The convolution; groups of channels where the filters are shallower than `value`.  Settings are per spatial dimension."""
    n = len(strides)
    check_rank(value, n, "Convolution input")
    check_rank(filters, n, "Convolution filter")
    first = data_format == FORMATS[n][1]
    channels, depth = value.shape[1 if first else -1], filters.shape[-2]
    if depth == 0 or channels % depth:
        raise errors.InvalidArgumentError(
            None, None, f"Depth of input ({channels}) is not a multiple of input depth of filter ({depth})"
        )
    groups = channels // depth
    if filters.shape[-1] % groups:
        raise errors.InvalidArgumentError(
            None, None, f"Number of output channels ({filters.shape[-1]}) is not a multiple of the number of groups ({groups})"
        )
    pads = pairs(padding, spatial(value.shape, first), filters.shape[:n], strides, dilations)
    return lax.conv_general_dilated(
        value, filters, strides, pads, rhs_dilation=dilations, dimension_numbers=(data_format, _FILTERS[n], data_format),
        feature_group_count=groups,
    )  # fmt: skip


def depthwise(value, filters, strides, padding, data_format, dilations):
    """Every channel with filters of its own, [height, width, channels, multiplier]: written out, which XLA fuses on a CPU."""
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


def _input_gradient(function, input_sizes, filters, out_backprop):
    """What `function(value, filters)` passes back to a value of `input_sizes`; the batch is `out_backprop`'s."""
    value = jax.ShapeDtypeStruct((out_backprop.shape[0], *[int(s) for s in input_sizes[1:]]), out_backprop.dtype)
    _check_backprop(jax.eval_shape(function, value, filters).shape, out_backprop)
    return jax.linear_transpose(lambda v: function(v, filters), value)(out_backprop)[0]


def _filter_gradient(function, value, filter_sizes, out_backprop):
    """What `function(value, filters)` passes back to filters of `filter_sizes`."""
    filters = jax.ShapeDtypeStruct(tuple([int(s) for s in filter_sizes]), value.dtype)
    _check_backprop(jax.eval_shape(function, value, filters).shape, out_backprop)
    return jax.linear_transpose(lambda f: function(value, f), filters)(out_backprop)[0]


def _check_backprop(shape, out_backprop):
    if tuple(shape) != tuple(out_backprop.shape):
        raise errors.InvalidArgumentError(
            None, None, f"Size of out_backprop doesn't match computed: actual = {list(out_backprop.shape)}, computed = {list(shape)}"
        )


def _declare(n, forward, to_input, to_filter):
    """Declares the convolution over `n` spatial dimensions and its two gradients."""
    default = FORMATS[n][0]

    def bound(strides, padding, data_format, dilations):
        return lambda value, filters: convolve(value, filters, strides, padding, data_format, dilations)

    def conv(input, filter, *, strides, padding, data_format=default, dilations=_ONES[n]):
        return bound(strides, padding, data_format, dilations)(input, filter)

    def conv_input(input_sizes, filter, out_backprop, *, strides, padding, data_format=default, dilations=_ONES[n]):
        return _input_gradient(bound(strides, padding, data_format, dilations), input_sizes, filter, out_backprop)

    def conv_filter(input, filter_sizes, out_backprop, *, strides, padding, data_format=default, dilations=_ONES[n]):
        return _filter_gradient(bound(strides, padding, data_format, dilations), input, filter_sizes, out_backprop)

    numbers = FLOATS + " int32"
    return (
        op(forward, dtypes=numbers, name=forward)(conv).op,
        op(to_input, static="input_sizes", name=to_input)(conv_input).op,
        op(to_filter, static="filter_sizes", name=to_filter)(conv_filter).op,
    )


_OPS = {
    1: _declare(1, "Conv1D", "Conv1DBackpropInput", "Conv1DBackpropFilter"),
    2: _declare(2, "Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter"),
    3: _declare(3, "Conv3D", "Conv3DBackpropInputV2", "Conv3DBackpropFilterV2"),
}


@op("DepthwiseConv2dNative", dtypes=FLOATS)
def depthwise_kernel(input, filter, *, strides, padding, data_format="NHWC", dilations=(1, 1)):
    return depthwise(input, filter, strides, padding, data_format, dilations)


@op("DepthwiseConv2dNativeBackpropInput", static="input_sizes")
def depthwise_input_kernel(input_sizes, filter, out_backprop, *, strides, padding, data_format="NHWC", dilations=(1, 1)):
    return _input_gradient(
        lambda v, f: depthwise(v, f, strides, padding, data_format, dilations), input_sizes, filter, out_backprop
    )


@op("DepthwiseConv2dNativeBackpropFilter", static="filter_sizes")
def depthwise_filter_kernel(input, filter_sizes, out_backprop, *, strides, padding, data_format="NHWC", dilations=(1, 1)):
    return _filter_gradient(
        lambda v, f: depthwise(v, f, strides, padding, data_format, dilations), input, filter_sizes, out_backprop
    )


# -- settings ---------------------------------------------------------------------------------------------------------
def _settings(n, strides, padding, data_format, dilations):
    """The kernel's settings from the user's; those that have their usual value are left out."""
    data_format, first = layout(data_format, n)
    strides, dilations = full(strides, n, first, "strides"), full(dilations, n, first, "dilations")
    check_outer(strides, first, "strides")
    check_outer(dilations, first, "dilations")
    settings = {"strides": spatial(strides, first), "padding": paddings(padding, n, first, n < 3)}
    if min(strides) < 1 or min(dilations) < 1:
        raise ValueError(f"strides and dilations must be positive. Received: strides={strides}, dilations={dilations}")
    if first:
        settings["data_format"] = data_format
    if any(d != 1 for d in dilations):
        settings["dilations"] = spatial(dilations, first)
    return settings


def _forward(n, value, filters, strides, padding, data_format, dilations, name, default):
    settings = _settings(n, strides, padding, data_format, dilations)
    if n == 1:
        return scoped(_OPS[1][0].public, [value, filters], settings, name, default, "Squeeze")
    return record.call(_OPS[n][0], [value, filters], settings, name, default)


def _transposed(n, value, filters, output_shape, strides, padding, data_format, dilations, name, default):
    settings = _settings(n, strides, padding, data_format, dilations)
    value = record.convert_to_tensor(value)
    filters = record.convert_to_tensor(filters, value.dtype.base_dtype)
    _check_transposed(n, value, filters, output_shape, "data_format" in settings)
    if n == 1:
        return scoped(_OPS[1][1].public, [output_shape, filters, value], settings, name, default, "Squeeze")
    return record.call(_OPS[n][1], [output_shape, filters, value], settings, name, default)


def _check_transposed(n, value, filters, output_shape, first):
    """Raises ValueError where the channels of `value` and `filters`, or the known batch sizes, differ."""
    if value._rank() != n + 2 or filters._rank() != n + 2:
        return
    shape = value._shape_tuple()
    deep, shallow = shape[1 if first else -1], filters._shape_tuple()[-1]
    if deep is not None and shallow is not None and deep != shallow:
        raise ValueError(f"input channels does not match filter's input channels, {deep} != {shallow}")
    wanted = record.constant_value_as_shape(output_shape).as_list() if output_shape is not None else []
    if len(wanted) != n + 2:
        raise ValueError(f"output_shape must have {n + 2} elements. Received: output_shape={output_shape}")
    if wanted[0] is not None and shape[0] is not None and wanted[0] != shape[0]:
        raise ValueError(f"Input and output must have the same batch size, {shape[0]} != {wanted[0]}")


# -- two dimensions ---------------------------------------------------------------------------------------------------
@export("nn.conv2d", v1="")
def conv2d(input, filters, strides, padding, data_format="NHWC", dilations=None, name=None):
    """[batch, height, width, channels] by filters [height, width, in, out]; `padding` may be 'SAME', 'VALID' or explicit pairs."""
    return _forward(2, input, filters, strides, padding, data_format, dilations, name, "Conv2D")


@export("", v1="nn.conv2d")
def conv2d_v1(
    input, filter=None, strides=None, padding=None, use_cudnn_on_gpu=True, data_format="NHWC", dilations=(1, 1, 1, 1), name=None,
    filters=None,
):  # fmt: skip
    """TF1's argument order of conv2d, where `filters` are also called `filter`."""
    filters = old_name("filters", filters, "filter", filter)
    return _forward(2, input, filters, strides, padding, data_format, dilations, name, "Conv2D")


@export("nn.conv2d_transpose", v1="")
def conv2d_transpose(input, filters, output_shape, strides, padding="SAME", data_format="NHWC", dilations=None, name=None):
    """The gradient of conv2d by its input: filters [height, width, out, in], a result of `output_shape`."""
    return _transposed(2, input, filters, output_shape, strides, padding, data_format, dilations, name, "conv2d_transpose")


@export("", v1="nn.conv2d_transpose")
def conv2d_transpose_v1(
    value=None, filter=None, output_shape=None, strides=None, padding="SAME", data_format="NHWC", name=None, input=None,
    filters=None, dilations=None,
):  # fmt: skip
    """TF1's argument order of conv2d_transpose."""
    value, filters = old_name("input", input, "value", value), old_name("filters", filters, "filter", filter)
    return _transposed(2, value, filters, output_shape, strides, padding, data_format, dilations, name, "conv2d_transpose")


@export("", v1="nn.conv2d_backprop_input")
def conv2d_backprop_input(
    input_sizes, filter=None, out_backprop=None, strides=None, padding=None, use_cudnn_on_gpu=True, data_format="NHWC",
    dilations=(1, 1, 1, 1), name=None, filters=None,
):  # fmt: skip
    """The gradient of conv2d by its input, which has shape `input_sizes`."""
    filters = old_name("filters", filters, "filter", filter)
    settings = _settings(2, strides, padding, data_format, dilations)
    return record.call(_OPS[2][1], [input_sizes, filters, out_backprop], settings, name)


@export("", v1="nn.conv2d_backprop_filter")
def conv2d_backprop_filter(
    input, filter_sizes, out_backprop, strides, padding, use_cudnn_on_gpu=True, data_format="NHWC", dilations=(1, 1, 1, 1), name=None
):
    """The gradient of conv2d by its filters, which have shape `filter_sizes`."""
    settings = _settings(2, strides, padding, data_format, dilations)
    return record.call(_OPS[2][2], [input, filter_sizes, out_backprop], settings, name)


# -- one and three dimensions -----------------------------------------------------------------------------------------
@export("nn.conv1d", v1="")
def conv1d(input, filters, stride, padding, data_format="NWC", dilations=None, name=None):
    """[batch, width, channels] by filters [width, in, out]."""
    return _forward(1, input, filters, stride, padding, _flat(data_format), dilations, name, "conv1d")


def _flat(data_format):
    """One-dimensional formats have older names."""
    return {"NHWC": "NWC", "NCHW": "NCW"}.get(data_format, data_format)


@export("", v1="nn.conv1d")
def conv1d_v1(
    value=None, filters=None, stride=None, padding=None, use_cudnn_on_gpu=None, data_format=None, name=None, input=None, dilations=None
):
    """TF1's argument order of conv1d."""
    return conv1d(old_name("input", input, "value", value), filters, stride, padding, data_format, dilations, name)


@export("nn.conv1d_transpose")
def conv1d_transpose(input, filters, output_shape, strides, padding="SAME", data_format="NWC", dilations=None, name=None):
    """The gradient of conv1d by its input: filters [width, out, in], a result of `output_shape`."""
    return _transposed(1, input, filters, output_shape, strides, padding, _flat(data_format), dilations, name, "conv1d_transpose")


@export("nn.conv3d", v1="")
def conv3d(input, filters, strides, padding, data_format="NDHWC", dilations=None, name=None):
    """[batch, depth, height, width, channels] by filters [depth, height, width, in, out]."""
    return _forward(3, input, filters, strides, padding, data_format, dilations, name, "Conv3D")


@export("", v1="nn.conv3d")
def conv3d_v1(
    input, filter=None, strides=None, padding=None, data_format="NDHWC", dilations=(1, 1, 1, 1, 1), name=None, filters=None
):
    """TF1's argument order of conv3d."""
    return conv3d(input, old_name("filters", filters, "filter", filter), strides, padding, data_format, dilations, name)


@export("nn.conv3d_transpose", v1="")
def conv3d_transpose(input, filters, output_shape, strides, padding="SAME", data_format="NDHWC", dilations=None, name=None):
    """The gradient of conv3d by its input: filters [depth, height, width, out, in], a result of `output_shape`."""
    return _transposed(3, input, filters, output_shape, strides, padding, data_format, dilations, name, "conv3d_transpose")


@export("", v1="nn.conv3d_transpose")
def conv3d_transpose_v1(
    value, filter=None, output_shape=None, strides=None, padding="SAME", data_format="NDHWC", name=None, input=None, filters=None,
    dilations=None,
):  # fmt: skip
    """TF1's argument order of conv3d_transpose."""
    value, filters = old_name("input", input, "value", value), old_name("filters", filters, "filter", filter)
    return conv3d_transpose(value, filters, output_shape, strides, padding, data_format, dilations, name)


@export("", v1="nn.conv3d_backprop_filter nn.conv3d_backprop_filter_v2")
def conv3d_backprop_filter(
    input, filter_sizes, out_backprop, strides, padding, data_format="NDHWC", dilations=(1, 1, 1, 1, 1), name=None
):
    """The gradient of conv3d by its filters, which have shape `filter_sizes`."""
    settings = _settings(3, strides, padding, data_format, dilations)
    return record.call(_OPS[3][2], [input, filter_sizes, out_backprop], settings, name)


# -- any number of dimensions -----------------------------------------------------------------------------------------
def _dimensions(value, filters, data_format):
    """The number of spatial dimensions, from the filters, the input or the format; ValueError where none tells."""
    for tensor in (filters, value):
        if tensor._rank() is not None:
            n = tensor._rank() - 2
            break
    else:
        n = len(data_format or "") - 2
    if n not in (1, 2, 3):
        raise ValueError(f"`input` must be of rank 3, 4 or 5. Received: input.shape={value.shape}, filters.shape={filters.shape}")
    return n


@export("nn.convolution", v1="")
def convolution(input, filters, strides=None, padding="VALID", data_format=None, dilations=None, name=None):
    """A convolution over as many dimensions as the filters have; ValueError for strides and dilations above one together."""
    input = record.convert_to_tensor(input)
    filters = record.convert_to_tensor(filters, input.dtype.base_dtype)
    n = _dimensions(input, filters, data_format)
    return _any(_forward, n, (input, filters), strides, padding, data_format, dilations, name, "convolution")


def _any(function, n, tensors, strides, padding, data_format, dilations, name, default):
    _, first = layout(data_format, n)
    steps, holes = full(strides, n, first, "strides"), full(dilations, n, first, "dilations")
    if max(steps) > 1 and max(holes) > 1:
        raise ValueError(
            f"`strides > 1` not supported in conjunction with `dilations > 1`. Received: strides={steps} and dilations={holes}"
        )
    return function(n, *tensors, steps, padding, data_format, holes, name, default)


@export("", v1="nn.convolution")
def convolution_v1(
    input, filter, padding, strides=None, dilation_rate=None, name=None, data_format=None, filters=None, dilations=None
):
    """TF1's argument order of convolution."""
    dilations = old_name("dilations", dilations, "dilation_rate", dilation_rate)
    return convolution(input, old_name("filters", filters, "filter", filter), strides, padding, data_format, dilations, name)


@export("nn.conv_transpose")
def conv_transpose(input, filters, output_shape, strides, padding="SAME", data_format=None, dilations=None, name=None):
    """The gradient of a convolution by its input, over as many dimensions as `output_shape` has."""
    input = record.convert_to_tensor(input)
    filters = record.convert_to_tensor(filters, input.dtype.base_dtype)
    n = _dimensions(input, filters, data_format)
    return _transposed(n, input, filters, output_shape, strides, padding, data_format, dilations, name, "conv_transpose")


@export("nn.atrous_conv2d")
def atrous_conv2d(value, filters, rate, padding, name=None):
    """conv2d with `rate` - 1 holes between the filter's rows and columns; ValueError for a rate below one."""
    rate = record.setting(rate)
    if rate < 1:
        raise ValueError(f"`rate` cannot be less than one. Received: rate={rate}")
    return convolution(value, filters, None, padding, "NHWC", [rate, rate], name)


@export("nn.atrous_conv2d_transpose")
def atrous_conv2d_transpose(value, filters, output_shape, rate, padding, name=None):
    """The gradient of atrous_conv2d by its input, a result of `output_shape`; ValueError for a rate below one."""
    rate = record.setting(rate)
    if rate < 1:
        raise ValueError(f"`rate` cannot be less than one. Received: rate={rate}")
    name_ = name or "atrous_conv2d_transpose"
    return _transposed(2, value, filters, output_shape, 1, padding, "NHWC", rate, name_, "atrous_conv2d_transpose")


# -- depthwise --------------------------------------------------------------------------------------------------------
@export("nn.depthwise_conv2d", v1="")
def depthwise_conv2d(input, filter, strides, padding, data_format=None, dilations=None, name=None):
    """Every channel by filters of its own [height, width, channels, multiplier]; channel k * multiplier + q is filter q of channel k."""
    settings = _settings(2, strides, padding, data_format, dilations)
    return record.call(depthwise_kernel.op, [input, filter], settings, name, "depthwise")


@export("", v1="nn.depthwise_conv2d")
def depthwise_conv2d_v1(input, filter, strides, padding, rate=None, name=None, data_format=None, dilations=None):
    """TF1's depthwise_conv2d, where `dilations` are also called `rate`."""
    return depthwise_conv2d(input, filter, strides, padding, data_format, old_name("dilations", dilations, "rate", rate), name)


@export("", v1="nn.depthwise_conv2d_native")
def depthwise_conv2d_native(input, filter, strides, padding, data_format="NHWC", dilations=(1, 1, 1, 1), name=None):
    """The op under depthwise_conv2d."""
    settings = _settings(2, strides, padding, data_format, dilations)
    return record.call(depthwise_kernel.op, [input, filter], settings, name)


@export("nn.depthwise_conv2d_backprop_input", v1="nn.depthwise_conv2d_native_backprop_input nn.depthwise_conv2d_backprop_input")
def depthwise_conv2d_backprop_input(
    input_sizes, filter, out_backprop, strides, padding, data_format="NHWC", dilations=(1, 1, 1, 1), name=None
):
    """The gradient of depthwise_conv2d by its input, which has shape `input_sizes`."""
    settings = _settings(2, strides, padding, data_format, dilations)
    return record.call(depthwise_input_kernel.op, [input_sizes, filter, out_backprop], settings, name)


@export("nn.depthwise_conv2d_backprop_filter", v1="nn.depthwise_conv2d_native_backprop_filter nn.depthwise_conv2d_backprop_filter")
def depthwise_conv2d_backprop_filter(
    input, filter_sizes, out_backprop, strides, padding, data_format="NHWC", dilations=(1, 1, 1, 1), name=None
):
    """The gradient of depthwise_conv2d by its filters, which have shape `filter_sizes`."""
    settings = _settings(2, strides, padding, data_format, dilations)
    return record.call(depthwise_filter_kernel.op, [input, filter_sizes, out_backprop], settings, name)


@export("nn.separable_conv2d", v1="")
def separable_conv2d(input, depthwise_filter, pointwise_filter, strides, padding, data_format=None, dilations=None, name=None):
    """depthwise_conv2d followed by a 1x1 conv2d with `pointwise_filter` [1, 1, channels * multiplier, out].

    Raises ValueError where the pointwise filter is not 1x1 or does not fit the depthwise one.
    """
    input = record.convert_to_tensor(input)
    depthwise_filter = record.convert_to_tensor(depthwise_filter, input.dtype.base_dtype)
    pointwise_filter = record.convert_to_tensor(pointwise_filter, input.dtype.base_dtype)
    point, deep = pointwise_filter._shape_tuple(), depthwise_filter._shape_tuple()
    if point is not None and (len(point) != 4 or point[0] not in (1, None) or point[1] not in (1, None)):
        raise ValueError(f"Expected pointwise filter's first two dimensions to be [1, 1]. Received: {list(point)}")
    if point is not None and deep is not None and None not in (point[2], *deep[2:]) and point[2] != deep[2] * deep[3]:
        raise ValueError(f"pointwise_filter takes {point[2]} channels, the depthwise filters make {deep[2] * deep[3]}")
    if context.graph is None:
        return _separable(input, depthwise_filter, pointwise_filter, strides, padding, data_format, dilations, None, None)
    with name_scope(name, "separable_conv2d") as scope:
        return _separable(input, depthwise_filter, pointwise_filter, strides, padding, data_format, dilations, "depthwise", scope)


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


# -- morphology -------------------------------------------------------------------------------------------------------
@op("Dilation2D", dtypes=FLOATS)
def dilation2d_kernel(input, filter, *, strides, padding, dilations):
    """Maxima of input + filter over windows; the gradient goes to the first maximum."""
    check_rank(input, 2, "input")
    if filter.ndim != 3 or filter.shape[2] != input.shape[3]:
        raise errors.InvalidArgumentError(
            None, None, f"filter must be 3-dimensional and as deep as the input: {list(filter.shape)} vs {list(input.shape)}"
        )
    window = filter.shape[:2]
    pads = pairs(padding, input.shape[1:3], window, strides, dilations)
    padded = jnp.pad(input, spread(pads, False, (0, 0)), constant_values=-np.inf)
    counts = window_counts(input.shape[1:3], pads, window, strides, dilations)
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
        raise ValueError(f"`data_format` values other than 'NHWC' are not supported. Received: data_format={data_format}")
    return _dilation(input, filters, strides, padding, dilations, name)


@export("", v1="nn.dilation2d")
def dilation2d_v1(
    input, filter=None, strides=None, rates=None, padding=None, name=None, filters=None, dilations=None
):
    """TF1's argument order of dilation2d."""
    filters = old_name("filters", filters, "filter", filter)
    return _dilation(input, filters, strides, padding, old_name("dilations", dilations, "rates", rates), name)


@op("Erosion2D", dtypes=FLOATS)
def erosion2d_kernel(value, kernel, *, strides, padding, dilations):
    return -dilation2d_kernel.op.kernel(-value, kernel[::-1, ::-1], strides=strides, padding=padding, dilations=dilations)


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
        raise ValueError(f"`data_format` values other than 'NHWC' are not supported. Received: data_format={data_format}")
    return erosion2d_v1(value, filters, strides, dilations, padding, name)
