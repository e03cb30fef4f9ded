"""Convolutions over any number of dimensions: tf.nn.convolution, conv_transpose, atrous_conv2d, tf.conv, holes in any operation."""

from __future__ import annotations

import numpy as np

from .. import errors, record
from ..declare import NAMES, export
from .conv import forward, transposed
from .reductions import old_name
from .windows import FORMATS, full, layout, paddings


def _dimensions(value, filters, data_format, length=None):
    """The number of spatial dimensions, from the filters, the input, the format or the `length` of a shape; ValueError
    where none tells.
    """
    for tensor in (filters, value):
        if tensor._rank() is not None:
            n = tensor._rank() - 2
            break
    else:
        n = len(data_format) - 2 if data_format else length - 2 if length else -2
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
    return _any(forward, n, (input, filters), strides, padding, data_format, dilations, name, "convolution")


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


@export("conv raw_ops.Conv", v1="conv raw_ops.Conv")
def conv(
    input,
    filter,
    strides,
    padding,
    explicit_paddings=(),
    data_format="CHANNELS_LAST",
    dilations=(),
    batch_dims=1,
    groups=1,
    name=None,
):
    """A convolution over one dimension or more, behind `batch_dims` batch dimensions, padded 'SAME', 'VALID' or 'EXPLICIT'.

    Raises ValueError for a `data_format` but 'CHANNELS_LAST' and 'CHANNELS_FIRST', and for a `batch_dims` that does not fit.
    """
    if data_format not in ("CHANNELS_LAST", "CHANNELS_FIRST"):
        raise ValueError(
            f"`data_format` must be 'CHANNELS_LAST' or 'CHANNELS_FIRST'. Received: data_format={data_format!r}"
        )
    input = record.convert_to_tensor(input)
    filter = record.convert_to_tensor(filter, input.dtype.base_dtype)
    n = _dimensions(input, filter, None) if filter._rank() is None else filter._rank() - 2
    if input._rank() is not None and input._rank() != n + 1 + batch_dims:
        raise ValueError(f"`input` must be of rank {n + 1 + batch_dims}. Received: input.shape={input.shape}")
    ends = (strides[0], strides[1 if data_format == "CHANNELS_FIRST" else -1])
    if max(ends) > 1:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"Current implementation does not yet support strides in the batch and depth dimensions: {strides}",
        )
    if padding == "EXPLICIT":
        ends = [int(p) for p in explicit_paddings]
        padding = list(zip(ends[::2], ends[1::2], strict=True))
    form = FORMATS[n][data_format == "CHANNELS_FIRST"]
    return forward(n, input, filter, list(strides), padding, form, list(dilations) or None, name, "Conv")


@export("nn.conv_transpose")
def conv_transpose(input, filters, output_shape, strides, padding="SAME", data_format=None, dilations=None, name=None):
    """The gradient of a convolution by its input, over as many dimensions as `output_shape` has.

    Raises ValueError for an `output_shape` without a length or of another than 3, 4 or 5.
    """
    known = output_shape if isinstance(output_shape, record.Tensor) else None
    if known is None and not hasattr(output_shape, "__len__"):
        raise ValueError(f"`output_shape` must be a tensor or sized collection. Received: output_shape={output_shape}")
    length = len(output_shape) if known is None else known.shape.num_elements()
    if length is not None and length not in (3, 4, 5):
        raise ValueError(
            f"`output_shape` must be of length 3, 4 or 5. Received: output_shape={output_shape} of length {length}."
        )
    input = record.convert_to_tensor(input)
    filters = record.convert_to_tensor(filters, input.dtype.base_dtype)
    n = _dimensions(input, filters, data_format, length)
    return transposed(n, input, filters, output_shape, strides, padding, data_format, dilations, name, "conv_transpose")


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
    return transposed(2, value, filters, output_shape, 1, padding, "NHWC", rate, name_, "atrous_conv2d_transpose")


# -- any operation with holes -----------------------------------------------------------------------------------------
def _same_paddings(window, rate):
    """[n, 2]: what 'SAME' adds around an image for a window with holes."""
    total = (np.asarray(window) - 1) * rate
    return np.stack([total // 2, total - total // 2], 1)


@export("nn.with_space_to_batch")
def with_space_to_batch(input, dilation_rate, padding, op, filter_shape=None, spatial_dims=None, data_format=None):
    """`op(input, number of spatial dimensions, padding)` with holes in it: on images taken apart into their `dilation_rate`ths.

    Raises ValueError for a rate that is not positive, and for 'SAME' without `filter_shape`.
    """
    input = record.convert_to_tensor(input)
    rate = np.asarray(record.setting(dilation_rate))
    if rate.ndim != 1 or (rate < 1).any():
        raise ValueError(
            f"`dilation_rate` must be a vector of positive numbers. Received: dilation_rate={dilation_rate}"
        )
    n, first = len(rate), data_format is not None and data_format.startswith("NC")
    places = (
        list(range(2, n + 2) if first else range(1, n + 1)) if spatial_dims is None else [int(d) for d in spatial_dims]
    )
    if places != sorted(set(places)) or places[0] < 1:
        raise ValueError(
            "`spatial_dims` must be a monotonically increasing sequence of positive integers. Received: "
            f"spatial_dims={places}"
        )
    if (rate == 1).all():
        return op(input, n, padding)
    if padding == "SAME":
        if filter_shape is None:
            raise ValueError("`filter_shape` must be specified for `padding='SAME'`. Received: filter_shape=None")
        base = _same_paddings(record.setting(filter_shape)[:n], rate)
    else:
        base = np.zeros((n, 2), np.int64) if padding == "VALID" else np.asarray(paddings(padding, n, first))
    last = places[-1]
    steps, around = np.ones(last, np.int32), np.zeros((last, 2), np.int32)
    for d, r, pads in zip(places, rate, base, strict=True):
        steps[d - 1], around[d - 1] = r, pads
    sizes = [None] * (last + 1) if input.shape.rank is None else input.shape.as_list()
    sizes = sizes[1 : last + 1] if None not in sizes[1 : last + 1] else NAMES["v2"]["shape"](input)[1 : last + 1]
    around, crops = NAMES["v2"]["required_space_to_batch_paddings"](sizes, steps, around)
    apart = NAMES["v2"]["space_to_batch"](input, steps, around)
    return NAMES["v2"]["batch_to_space"](op(apart, n, "VALID"), steps, crops)
