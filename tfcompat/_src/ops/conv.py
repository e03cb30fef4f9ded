"""Convolutions over one, two or three spatial dimensions, depthwise and separable ones, and their gradients as ops."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from .. import errors, record
from ..declare import NAMES, export, op
from ..graph import context
from .array import refusal
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
    window_counts,
)

_FILTERS = {1: "WIO", 2: "HWIO", 3: "DHWIO"}
_ONES = {n: (1,) * n for n in (1, 2, 3)}


# -- kernels ----------------------------------------------------------------------------------------------------------
def convolve(value, filters, strides, padding, data_format, dilations):
    """The convolution, in groups where the filters are shallower than `value`; settings per spatial dimension."""
    n = len(strides)
    check_rank(value, n, "Convolution input")
    check_rank(filters, n, "Convolution filter")
    if 0 in filters.shape[:n]:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"filter must not have zero elements (i.e. all dimensions must be non-zero): {list(filters.shape)}",
        )
    first = data_format == FORMATS[n][1]
    groups = _groups(value.shape[1 if first else -1], *filters.shape[-2:])
    pads = pairs(padding, spatial(value.shape, first), filters.shape[:n], strides, dilations)
    if groups == 1 and not first and set(filters.shape[:n]) == {1} and not any(map(any, pads)) and _on_cpu(value):
        return _pointwise(value, filters, strides)
    return lax.conv_general_dilated(
        value, filters, strides, pads, rhs_dilation=dilations, feature_group_count=groups,
        dimension_numbers=(data_format, _FILTERS[n], data_format),
    )  # fmt: skip


def _groups(channels, depth, out):
    """The number of groups, None where sizes that decide it are.  Raises InvalidArgumentError for sizes that do not fit."""
    if depth == 0 or None not in (channels, depth) and channels % depth:
        raise errors.InvalidArgumentError(
            None, None, f"Depth of input ({channels}) is not a multiple of input depth of filter ({depth})"
        )
    groups = None if None in (channels, depth) else channels // depth
    if groups is not None and out is not None and out % groups:
        raise errors.InvalidArgumentError(
            None, None, f"Number of output channels ({out}) is not a multiple of the number of groups ({groups})"
        )
    return groups


def _filters_unknown(input, filter, *, strides, padding, data_format="NHWC", dilations=None):
    """The static shape where the filters' sizes are not known: stand-ins for them would be as large as those of the image."""
    n = len(strides)
    ranks = len(input or ()), len(filter or ())
    if ranks != (n + 2, n + 2) or None not in filter[:n]:
        return NotImplemented
    first = data_format == FORMATS[n][1]
    _groups(input[1 if first else -1], *filter[-2:])
    out, dilations = [], dilations or _ONES[n]
    for i, (size, window, stride) in enumerate(zip(spatial(input, first), filter, strides, strict=False)):
        if size is None or window is None and padding != "SAME":
            out.append(None)
            continue
        how = (size,), (window or 1,), (stride,), (dilations[i],)
        pads = pairs(padding if isinstance(padding, str) else padding[i : i + 1], *how)
        out.extend(window_counts(how[0], pads, *how[1:]))
    return (input[0], filter[-1], *out) if first else (input[0], *out, filter[-1])


def _on_cpu(value):
    return jax.default_backend() == "cpu" and jnp.issubdtype(value.dtype, jnp.floating)


def _pointwise(value, filters, strides):
    """A convolution by filters of size 1 as a matrix product: on a CPU XLA's is faster, three times by its filters' gradient."""
    if max(strides) > 1:
        value = lax.slice(value, (0,) * value.ndim, value.shape, (1, *strides, 1))
    return lax.dot_general(value, filters.reshape(filters.shape[-2:]), (((value.ndim - 1,), (0,)), ((), ())))


def input_gradient(function, input_sizes, filters, out_backprop):
    """What `function(value, filters)` passes back to a value of `input_sizes`; the batch is `out_backprop`'s."""
    value = jax.ShapeDtypeStruct((out_backprop.shape[0], *[int(s) for s in input_sizes[1:]]), out_backprop.dtype)
    if not out_backprop.size:  # also where no window fits
        return jnp.zeros(value.shape, value.dtype)
    _check_backprop(jax.eval_shape(function, value, filters).shape, out_backprop)
    return _transposed_through(lambda v: function(v, filters.astype(v.dtype)), value, out_backprop)


def filter_gradient(function, value, filter_sizes, out_backprop):
    """What `function(value, filters)` passes back to filters of `filter_sizes`."""
    filters = jax.ShapeDtypeStruct(tuple([int(s) for s in filter_sizes]), value.dtype)
    _check_backprop(jax.eval_shape(function, value, filters).shape, out_backprop)
    return _transposed_through(lambda f: function(value.astype(f.dtype), f), filters, out_backprop)


def _transposed_through(function, like, cotangent):
    """The transpose of the linear `function`; JAX has none for integers, which float64 holds exactly."""
    if not jnp.issubdtype(like.dtype, jnp.integer):
        return jax.linear_transpose(function, like)(cotangent)[0]
    wide = jax.ShapeDtypeStruct(like.shape, jnp.float64)
    return jax.linear_transpose(function, wide)(cotangent.astype(jnp.float64))[0].astype(like.dtype)


def _check_backprop(shape, out_backprop):
    if tuple(shape) != tuple(out_backprop.shape):
        raise errors.InvalidArgumentError(
            None,
            None,
            f"Size of out_backprop doesn't match computed: actual = {list(out_backprop.shape)}, "
            f"computed = {list(shape)}",
        )


def _known(shape):
    """Whether all of a shape is known but, perhaps, the batch: then the kernel is worth trying."""
    return shape is not None and None not in shape[1:]


def input_unknown(input_sizes, filter, out_backprop, **settings):
    """The static shape of a gradient by the input, of which `input_sizes` tells all or the spatial part."""
    if input_sizes is None:
        return None
    sizes, rank = tuple(input_sizes), len(settings["strides"]) + 2
    if _known(sizes) and _known(out_backprop) and filter is not None and None not in filter:
        return NotImplemented
    if len(sizes) == rank:
        return sizes
    batch = None if out_backprop is None else out_backprop[0]
    channels = None if filter is None else filter[-2]
    first = settings.get("data_format", "NHWC").startswith("NC")
    return (batch, channels, *sizes) if first else (batch, *sizes, channels)


def filter_unknown(input, filter_sizes, out_backprop, **settings):
    """The static shape of a gradient by the filters: `filter_sizes`."""
    if filter_sizes is None:
        return None
    known = None not in filter_sizes and _known(input) and _known(out_backprop)
    return NotImplemented if known else tuple(filter_sizes)


def _declare(n, forward, to_input, to_filter):
    """Declares the convolution over `n` spatial dimensions and its two gradients."""
    default = FORMATS[n][0]

    def bound(strides, padding, data_format, dilations):
        return lambda value, filters: convolve(value, filters, strides, padding, data_format, dilations)

    def conv(input, filter, *, strides, padding, data_format=default, dilations=_ONES[n]):
        return bound(strides, padding, data_format, dilations)(input, filter)

    def conv_input(input_sizes, filter, out_backprop, *, strides, padding, data_format=default, dilations=_ONES[n]):
        if len(input_sizes) == n:  # the spatial ones alone
            batch, channels = out_backprop.shape[0], filter.shape[-2]
            first = data_format == FORMATS[n][1]
            input_sizes = (batch, channels, *input_sizes) if first else (batch, *input_sizes, channels)
        return input_gradient(bound(strides, padding, data_format, dilations), input_sizes, filter, out_backprop)

    def conv_filter(input, filter_sizes, out_backprop, *, strides, padding, data_format=default, dilations=_ONES[n]):
        return filter_gradient(bound(strides, padding, data_format, dilations), input, filter_sizes, out_backprop)

    numbers, sizes = FLOATS + " int32", " ?" * (n + 2)
    looks = f"input{sizes}, filter{sizes}"
    return (
        op(forward, dtypes=numbers, name=forward, shapes=looks, results=_filters_unknown)(conv).op,
        op(to_input, static="input_sizes", name=to_input, results=input_unknown)(conv_input).op,
        op(to_filter, static="filter_sizes", name=to_filter, results=filter_unknown)(conv_filter).op,
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
        said = f"strides and dilations must be positive. Received: strides={strides}, dilations={dilations}"
        raise refusal(f"Conv{n}D", said)
    if first:
        settings["data_format"] = data_format
    if any(d != 1 for d in dilations):
        settings["dilations"] = spatial(dilations, first)
    return settings


def forward(n, value, filters, strides, padding, data_format, dilations, name, default):
    settings = conv_settings(n, strides, padding, data_format, dilations)
    value = record.convert_to_tensor(value)
    if (value._rank() or 0) > n + 2:
        flat, back = _one_batch(value, n + 1)
        return back(forward(n, flat, filters, strides, padding, data_format, dilations, name, default))
    if n == 1:
        out = scoped(_OPS[1][0].public, [value, filters], settings, name, default, "Squeeze")
    else:
        out = record.call(_OPS[n][0], [value, filters], settings, name, default)
    if context.graph is not None and out._rank() is None:  # an input of unknown rank
        out.set_shape([None] * (n + 2))
    return out


def _one_batch(value, inner):
    """(`value` with its first dimensions made one, what gives a result these dimensions back)."""
    reshape, shape, concat = (NAMES["v2"][k] for k in ("reshape", "shape", "concat"))
    sizes = value.shape.as_list()
    batch, rest = sizes[:-inner], sizes[-inner:]
    if None in batch:
        batch = shape(value)[:-inner]
    flat = reshape(value, [-1, *rest] if None not in rest else concat([[-1], shape(value)[-inner:]], 0))

    def back(out):
        tail = out.shape.as_list()[1:]
        tail = shape(out)[1:] if None in tail else tail
        if isinstance(batch, list) and isinstance(tail, list):
            return reshape(out, [*batch, *tail])
        return reshape(out, concat([batch, tail], 0))

    return flat, back


def transposed(n, value, filters, output_shape, strides, padding, data_format, dilations, name, default):
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
    return forward(2, input, filters, strides, padding, data_format, dilations, name, "Conv2D")


@export("", v1="nn.conv2d")
def conv2d_v1(
    input, filter=None, strides=None, padding=None, use_cudnn_on_gpu=True, data_format="NHWC", dilations=(1, 1, 1, 1),
    name=None, filters=None,
):  # fmt: skip
    """TF1's argument order of conv2d, where `filters` are also called `filter`."""
    filters = old_name("filters", filters, "filter", filter)
    return forward(2, input, filters, strides, padding, data_format, dilations, name, "Conv2D")


@export("nn.conv2d_transpose", v1="")
def conv2d_transpose(
    input, filters, output_shape, strides, padding="SAME", data_format="NHWC", dilations=None, name=None
):
    """The gradient of conv2d by its input: filters [height, width, out, in], a result of `output_shape`."""
    return transposed(
        2, input, filters, output_shape, strides, padding, data_format, dilations, name, "conv2d_transpose"
    )


@export("", v1="nn.conv2d_transpose")
def conv2d_transpose_v1(
    value=None, filter=None, output_shape=None, strides=None, padding="SAME", data_format="NHWC", name=None, input=None,
    filters=None, dilations=None,
):  # fmt: skip
    """TF1's argument order of conv2d_transpose."""
    value, filters = old_name("input", input, "value", value), old_name("filters", filters, "filter", filter)
    return transposed(
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
    return forward(1, input, filters, stride, padding, _flat(data_format), dilations, name, "conv1d")


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
    return transposed(
        1, input, filters, output_shape, strides, padding, _flat(data_format), dilations, name, "conv1d_transpose"
    )


@export("nn.conv3d", v1="")
def conv3d(input, filters, strides, padding, data_format="NDHWC", dilations=None, name=None):
    """[batch, depth, height, width, channels] by filters [depth, height, width, in, out]."""
    return forward(3, input, filters, strides, padding, data_format, dilations, name, "Conv3D")


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
    return transposed(
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
