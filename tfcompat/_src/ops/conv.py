"""Convolutions over one, two or three spatial dimensions, depthwise and separable ones, and their gradients as ops."""

from __future__ import annotations

import jax
from jax import lax

from .. import errors, record
from ..declare import export, op
from ..graph import context
from .math import FLOATS
from .nn import scoped
from .reductions import old_name
from .windows import (
    FORMATS,
    check_outer,
    check_rank,
    full,
    layout,
    paddings,
    pairs,
    remembered,
    spatial,
)

_FILTERS = {1: "WIO", 2: "HWIO", 3: "DHWIO"}
_ONES = {n: (1,) * n for n in (1, 2, 3)}


# -- kernels ----------------------------------------------------------------------------------------------------------
def convolve(value, filters, strides, padding, data_format, dilations):
    """The convolution, in groups where the filters are shallower than `value`; settings per spatial dimension."""
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
            None,
            None,
            f"Number of output channels ({filters.shape[-1]}) is not a multiple of the number of groups ({groups})",
        )
    pads = pairs(padding, spatial(value.shape, first), filters.shape[:n], strides, dilations)
    return lax.conv_general_dilated(
        value, filters, strides, pads, rhs_dilation=dilations, feature_group_count=groups,
        dimension_numbers=(data_format, _FILTERS[n], data_format),
    )  # fmt: skip


def input_gradient(function, input_sizes, filters, out_backprop):
    """What `function(value, filters)` passes back to a value of `input_sizes`; the batch is `out_backprop`'s."""
    value = jax.ShapeDtypeStruct((out_backprop.shape[0], *[int(s) for s in input_sizes[1:]]), out_backprop.dtype)
    _check_backprop(jax.eval_shape(function, value, filters).shape, out_backprop)
    return jax.linear_transpose(lambda v: function(v, filters), value)(out_backprop)[0]


def filter_gradient(function, value, filter_sizes, out_backprop):
    """What `function(value, filters)` passes back to filters of `filter_sizes`."""
    filters = jax.ShapeDtypeStruct(tuple([int(s) for s in filter_sizes]), value.dtype)
    _check_backprop(jax.eval_shape(function, value, filters).shape, out_backprop)
    return jax.linear_transpose(lambda f: function(value, f), filters)(out_backprop)[0]


def _check_backprop(shape, out_backprop):
    if tuple(shape) != tuple(out_backprop.shape):
        raise errors.InvalidArgumentError(
            None,
            None,
            f"Size of out_backprop doesn't match computed: actual = {list(out_backprop.shape)}, "
            f"computed = {list(shape)}",
        )


def _declare(n, forward, to_input, to_filter):
    """Declares the convolution over `n` spatial dimensions and its two gradients."""
    default = FORMATS[n][0]

    def bound(strides, padding, data_format, dilations):
        return lambda value, filters: convolve(value, filters, strides, padding, data_format, dilations)

    def conv(input, filter, *, strides, padding, data_format=default, dilations=_ONES[n]):
        return bound(strides, padding, data_format, dilations)(input, filter)

    def conv_input(input_sizes, filter, out_backprop, *, strides, padding, data_format=default, dilations=_ONES[n]):
        return input_gradient(bound(strides, padding, data_format, dilations), input_sizes, filter, out_backprop)

    def conv_filter(input, filter_sizes, out_backprop, *, strides, padding, data_format=default, dilations=_ONES[n]):
        return filter_gradient(bound(strides, padding, data_format, dilations), input, filter_sizes, out_backprop)

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


# -- settings ---------------------------------------------------------------------------------------------------------
@remembered
def conv_settings(n, strides, padding, data_format, dilations):
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
    settings = conv_settings(n, strides, padding, data_format, dilations)
    if n == 1:
        out = scoped(_OPS[1][0].public, [value, filters], settings, name, default, "Squeeze")
    else:
        out = record.call(_OPS[n][0], [value, filters], settings, name, default)
    if context.graph is not None and out._rank() is None:  # an input of unknown rank
        out.set_shape([None] * (n + 2))
    return out


def _transposed(n, value, filters, output_shape, strides, padding, data_format, dilations, name, default):
    settings = conv_settings(n, strides, padding, data_format, dilations)
    value = record.convert_to_tensor(value)
    filters = record.convert_to_tensor(filters, value.dtype.base_dtype)
    if context.graph is not None and isinstance(output_shape, (list, tuple)):
        output_shape = record.convert_to_tensor(output_shape)  # tensors among numbers
    _check_transposed(n, value, filters, output_shape, "data_format" in settings)
    if n == 1:
        out = scoped(_OPS[1][1].public, [output_shape, filters, value], settings, name, default, "Squeeze")
    else:
        out = record.call(_OPS[n][1], [output_shape, filters, value], settings, name, default)
    if context.graph is not None:
        out.set_shape(record.constant_value_as_shape(output_shape))
    return out


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
    """[batch, height, width, in] by filters [height, width, in, out], padded 'SAME', 'VALID' or by explicit pairs."""
    return _forward(2, input, filters, strides, padding, data_format, dilations, name, "Conv2D")


@export("", v1="nn.conv2d")
def conv2d_v1(
    input, filter=None, strides=None, padding=None, use_cudnn_on_gpu=True, data_format="NHWC", dilations=(1, 1, 1, 1),
    name=None, filters=None,
):  # fmt: skip
    """TF1's argument order of conv2d, where `filters` are also called `filter`."""
    filters = old_name("filters", filters, "filter", filter)
    return _forward(2, input, filters, strides, padding, data_format, dilations, name, "Conv2D")


@export("nn.conv2d_transpose", v1="")
def conv2d_transpose(
    input, filters, output_shape, strides, padding="SAME", data_format="NHWC", dilations=None, name=None
):
    """The gradient of conv2d by its input: filters [height, width, out, in], a result of `output_shape`."""
    return _transposed(
        2, input, filters, output_shape, strides, padding, data_format, dilations, name, "conv2d_transpose"
    )


@export("", v1="nn.conv2d_transpose")
def conv2d_transpose_v1(
    value=None, filter=None, output_shape=None, strides=None, padding="SAME", data_format="NHWC", name=None, input=None,
    filters=None, dilations=None,
):  # fmt: skip
    """TF1's argument order of conv2d_transpose."""
    value, filters = old_name("input", input, "value", value), old_name("filters", filters, "filter", filter)
    return _transposed(
        2, value, filters, output_shape, strides, padding, data_format, dilations, name, "conv2d_transpose"
    )


@export("", v1="nn.conv2d_backprop_input")
def conv2d_backprop_input(
    input_sizes, filter=None, out_backprop=None, strides=None, padding=None, use_cudnn_on_gpu=True, data_format="NHWC",
    dilations=(1, 1, 1, 1), name=None, filters=None,
):  # fmt: skip
    """The gradient of conv2d by its input, which has shape `input_sizes`."""
    filters = old_name("filters", filters, "filter", filter)
    settings = conv_settings(2, strides, padding, data_format, dilations)
    return record.call(_OPS[2][1], [input_sizes, filters, out_backprop], settings, name)


@export("", v1="nn.conv2d_backprop_filter")
def conv2d_backprop_filter(
    input,
    filter_sizes,
    out_backprop,
    strides,
    padding,
    use_cudnn_on_gpu=True,
    data_format="NHWC",
    dilations=(1, 1, 1, 1),
    name=None,
):
    """The gradient of conv2d by its filters, which have shape `filter_sizes`."""
    settings = conv_settings(2, strides, padding, data_format, dilations)
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
    value=None,
    filters=None,
    stride=None,
    padding=None,
    use_cudnn_on_gpu=None,
    data_format=None,
    name=None,
    input=None,
    dilations=None,
):
    """TF1's argument order of conv1d."""
    return conv1d(old_name("input", input, "value", value), filters, stride, padding, data_format, dilations, name)


@export("nn.conv1d_transpose")
def conv1d_transpose(
    input, filters, output_shape, strides, padding="SAME", data_format="NWC", dilations=None, name=None
):
    """The gradient of conv1d by its input: filters [width, out, in], a result of `output_shape`."""
    return _transposed(
        1, input, filters, output_shape, strides, padding, _flat(data_format), dilations, name, "conv1d_transpose"
    )


@export("nn.conv3d", v1="")
def conv3d(input, filters, strides, padding, data_format="NDHWC", dilations=None, name=None):
    """[batch, depth, height, width, channels] by filters [depth, height, width, in, out]."""
    return _forward(3, input, filters, strides, padding, data_format, dilations, name, "Conv3D")


@export("", v1="nn.conv3d")
def conv3d_v1(
    input,
    filter=None,
    strides=None,
    padding=None,
    data_format="NDHWC",
    dilations=(1, 1, 1, 1, 1),
    name=None,
    filters=None,
):
    """TF1's argument order of conv3d."""
    return conv3d(input, old_name("filters", filters, "filter", filter), strides, padding, data_format, dilations, name)


@export("nn.conv3d_transpose", v1="")
def conv3d_transpose(
    input, filters, output_shape, strides, padding="SAME", data_format="NDHWC", dilations=None, name=None
):
    """The gradient of conv3d by its input: filters [depth, height, width, out, in], a result of `output_shape`."""
    return _transposed(
        3, input, filters, output_shape, strides, padding, data_format, dilations, name, "conv3d_transpose"
    )


@export("", v1="nn.conv3d_transpose")
def conv3d_transpose_v1(
    value, filter=None, output_shape=None, strides=None, padding="SAME", data_format="NDHWC", name=None, input=None,
    filters=None, dilations=None,
):  # fmt: skip
    """TF1's argument order of conv3d_transpose."""
    value, filters = old_name("input", input, "value", value), old_name("filters", filters, "filter", filter)
    return conv3d_transpose(value, filters, output_shape, strides, padding, data_format, dilations, name)


@export("", v1="nn.conv3d_backprop_filter nn.conv3d_backprop_filter_v2")
def conv3d_backprop_filter(
    input, filter_sizes, out_backprop, strides, padding, data_format="NDHWC", dilations=(1, 1, 1, 1, 1), name=None
):
    """The gradient of conv3d by its filters, which have shape `filter_sizes`."""
    settings = conv_settings(3, strides, padding, data_format, dilations)
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
        raise ValueError(
            f"`input` must be of rank 3, 4 or 5. Received: input.shape={value.shape}, filters.shape={filters.shape}"
        )
    return n


@export("nn.convolution", v1="")
def convolution(input, filters, strides=None, padding="VALID", data_format=None, dilations=None, name=None):
    """A convolution over as many dimensions as the filters have; ValueError for both strides and dilations above 1."""
    input = record.convert_to_tensor(input)
    filters = record.convert_to_tensor(filters, input.dtype.base_dtype)
    n = _dimensions(input, filters, data_format)
    return _any(_forward, n, (input, filters), strides, padding, data_format, dilations, name, "convolution")


def _any(function, n, tensors, strides, padding, data_format, dilations, name, default):
    _, first = layout(data_format, n)
    steps, holes = full(strides, n, first, "strides"), full(dilations, n, first, "dilations")
    if max(steps) > 1 and max(holes) > 1:
        raise ValueError(
            f"`strides > 1` not supported in conjunction with `dilations > 1`. Received: strides={steps} and "
            f"dilations={holes}"
        )
    return function(n, *tensors, steps, padding, data_format, holes, name, default)


@export("", v1="nn.convolution")
def convolution_v1(
    input, filter, padding, strides=None, dilation_rate=None, name=None, data_format=None, filters=None, dilations=None
):
    """TF1's argument order of convolution."""
    dilations = old_name("dilations", dilations, "dilation_rate", dilation_rate)
    return convolution(
        input, old_name("filters", filters, "filter", filter), strides, padding, data_format, dilations, name
    )


@export("nn.conv_transpose")
def conv_transpose(input, filters, output_shape, strides, padding="SAME", data_format=None, dilations=None, name=None):
    """The gradient of a convolution by its input, over as many dimensions as `output_shape` has."""
    input = record.convert_to_tensor(input)
    filters = record.convert_to_tensor(filters, input.dtype.base_dtype)
    n = _dimensions(input, filters, data_format)
    return _transposed(
        n, input, filters, output_shape, strides, padding, data_format, dilations, name, "conv_transpose"
    )


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
