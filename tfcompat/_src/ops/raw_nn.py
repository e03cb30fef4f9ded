"""tf.raw_ops of the nn family: TensorFlow's ops by their own names, arguments by keyword only."""

from __future__ import annotations

from .. import dtypes, record
from . import conv, ctc, depthwise, losses_nn, morphology, nn, normalization, pool
from . import pool_gradients as gradients
from .raw_array import raw
from .windows import layout

_ONES = {2: (1, 1, 1, 1), 3: (1, 1, 1, 1, 1)}


def _padding(padding, explicit_paddings, type):
    """'SAME', 'VALID' or pairs; ValueError where explicit paddings are negative, or given to another padding."""
    if padding != "EXPLICIT":
        if explicit_paddings:
            raise ValueError(f"explicit_paddings must be empty unless padding is 'EXPLICIT' for op {type}: {padding}")
        return padding
    ends = [int(p) for p in explicit_paddings]
    if any(p < 0 for p in ends):
        raise ValueError(f"All elements of explicit_paddings must be nonnegative for {type}: {ends}")
    return list(zip(ends[::2], ends[1::2], strict=True))


def _implicit(padding, type):
    if padding not in ("SAME", "VALID"):
        raise ValueError(f"Attr 'padding' of '{type}' Op passed string '{padding}' not in: \"SAME\", \"VALID\"")
    return padding


# -- convolutions -----------------------------------------------------------------------------------------------------
@raw("Conv2D")
def _conv2d(
    input, filter, strides, padding, use_cudnn_on_gpu=True, explicit_paddings=(), data_format="NHWC",
    dilations=_ONES[2], name=None,
):  # fmt: skip
    """tf.nn.conv2d, its explicit paddings in one list."""
    padding = _padding(padding, explicit_paddings, "Conv2D")
    return conv.forward(2, input, filter, strides, padding, data_format, dilations, name, "Conv2D")


@raw("Conv2DBackpropInput")
def _conv2d_input(
    input_sizes, filter, out_backprop, strides, padding, use_cudnn_on_gpu=True, explicit_paddings=(),
    data_format="NHWC", dilations=_ONES[2], name=None,
):  # fmt: skip
    """The gradient of conv2d by its input, which has shape `input_sizes`."""
    padding = _padding(padding, explicit_paddings, "Conv2DBackpropInput")
    settings = conv.conv_settings(2, strides, padding, data_format, dilations)
    return record.call(conv._OPS[2][1], [input_sizes, filter, out_backprop], settings, name)


@raw("Conv2DBackpropFilter")
def _conv2d_filter(
    input, filter_sizes, out_backprop, strides, padding, use_cudnn_on_gpu=True, explicit_paddings=(),
    data_format="NHWC", dilations=_ONES[2], name=None,
):  # fmt: skip
    """The gradient of conv2d by its filters, which have shape `filter_sizes`."""
    padding = _padding(padding, explicit_paddings, "Conv2DBackpropFilter")
    settings = conv.conv_settings(2, strides, padding, data_format, dilations)
    return record.call(conv._OPS[2][2], [input, filter_sizes, out_backprop], settings, name)


@raw("Conv3D")
def _conv3d(input, filter, strides, padding, data_format="NDHWC", dilations=_ONES[3], name=None):
    """tf.nn.conv3d."""
    return conv.conv3d(input, filter, strides, padding, data_format, dilations, name)


@raw("Conv3DBackpropInputV2")
def _conv3d_input(
    input_sizes, filter, out_backprop, strides, padding, data_format="NDHWC", dilations=_ONES[3], name=None
):
    """The gradient of conv3d by its input, which has shape `input_sizes`."""
    settings = conv.conv_settings(3, strides, padding, data_format, dilations)
    return record.call(conv._OPS[3][1], [input_sizes, filter, out_backprop], settings, name)


raw("Conv3DBackpropFilterV2", conv.conv3d_backprop_filter)


def _depthwise_raw(type, function):
    @raw(type)
    def published(*, padding, explicit_paddings=(), data_format="NHWC", dilations=_ONES[2], name=None, **given):
        """The op under depthwise_conv2d or one of its gradients, its explicit paddings in one list."""
        padding = _padding(padding, explicit_paddings, type)
        return function(**given, padding=padding, data_format=data_format, dilations=dilations, name=name)


_depthwise_raw("DepthwiseConv2dNative", depthwise.depthwise_conv2d_native)
_depthwise_raw("DepthwiseConv2dNativeBackpropInput", depthwise.depthwise_conv2d_backprop_input)
_depthwise_raw("DepthwiseConv2dNativeBackpropFilter", depthwise.depthwise_conv2d_backprop_filter)


# -- pools ------------------------------------------------------------------------------------------------------------
@raw("MaxPool")
def _max_pool(input, ksize, strides, padding, explicit_paddings=(), data_format="NHWC", name=None):
    """tf.nn.max_pool2d, its explicit paddings in one list."""
    padding = _padding(padding, explicit_paddings, "MaxPool")
    return pool._pool("MAX", 2, input, ksize, strides, padding, data_format, name, "MaxPool", True)


@raw("MaxPoolV2")
def _max_pool_v2(input, ksize, strides, padding, data_format="NHWC", name=None):
    """tf.nn.max_pool2d, whose window may be given as tensors."""
    settings = {"padding": _implicit(padding, "MaxPoolV2"), "data_format": layout(data_format, 2)[0]}
    return record.call(pool.max_pool_v2_kernel.op, [input, ksize, strides], settings, name)


@raw("MaxPool3D")
def _max_pool3d(input, ksize, strides, padding, data_format="NDHWC", name=None):
    """tf.nn.max_pool3d."""
    return pool._pool("MAX", 3, input, ksize, strides, padding, data_format, name, "MaxPool3D")


@raw("AvgPool")
def _avg_pool(value, ksize, strides, padding, data_format="NHWC", name=None):
    """tf.nn.avg_pool2d."""
    return pool._pool("AVG", 2, value, ksize, strides, padding, data_format, name, "AvgPool")


@raw("AvgPool3D")
def _avg_pool3d(input, ksize, strides, padding, data_format="NDHWC", name=None):
    """tf.nn.avg_pool3d."""
    return pool._pool("AVG", 3, input, ksize, strides, padding, data_format, name, "AvgPool3D")


def _max_gradient(type, n, order, explicit=False):
    kernel = gradients.MAX_GRAD[n][order]
    form = "NHWC" if n == 2 else "NDHWC"

    @raw(type)
    def published(
        *, orig_input, orig_output, grad, ksize, strides, padding, explicit_paddings=(), data_format=form, name=None
    ):
        """What a max pool passes back for `grad`, or how it sees one: at the first maximum of every window."""
        padding = _padding(padding, explicit_paddings, type) if explicit else _implicit(padding, type)
        settings = pool._pool_settings(n, ksize, strides, padding, data_format, explicit)
        return gradients.record_gradient(kernel, [orig_input, orig_output, grad], settings, name)


_max_gradient("MaxPoolGrad", 2, 0, explicit=True)
_max_gradient("MaxPoolGradV2", 2, 0)
_max_gradient("MaxPoolGradGrad", 2, 1)
_max_gradient("MaxPoolGradGradV2", 2, 1)
_max_gradient("MaxPool3DGrad", 3, 0)
_max_gradient("MaxPool3DGradGrad", 3, 1)


def _average_gradient(type, n):
    form = "NHWC" if n == 2 else "NDHWC"

    @raw(type)
    def published(*, orig_input_shape, grad, ksize, strides, padding, data_format=form, name=None):
        """What a mean over windows passes back for `grad`: spread evenly over each window."""
        settings = pool._pool_settings(n, ksize, strides, _implicit(padding, type), data_format, False)
        return record.call(gradients.AVERAGE_GRAD[n].op, [orig_input_shape, grad], settings, name)


_average_gradient("AvgPoolGrad", 2)
_average_gradient("AvgPool3DGrad", 3)


@raw("MaxPoolWithArgmax")
def _max_pool_with_argmax(
    input, ksize, strides, padding, Targmax=dtypes.int64, include_batch_in_index=False, name=None
):
    """tf.nn.max_pool_with_argmax, its positions of type `Targmax`."""
    return pool.max_pool_with_argmax(input, ksize, strides, padding, "NHWC", Targmax, include_batch_in_index, name)


def _argmax_gradient(type, kernel):
    @raw(type)
    def published(*, input, grad, argmax, ksize, strides, padding, include_batch_in_index=False, name=None):
        """`grad` put at, or taken from, the flat positions `argmax` of a tensor of the input's shape."""
        input = record.convert_to_tensor(input)
        grad, argmax = record.convert_to_tensor(grad, input.dtype.base_dtype), record.convert_to_tensor(argmax)
        settings = pool._pool_settings(2, ksize, strides, _implicit(padding, type), "NHWC", False)
        settings = {k: v for k, v in settings.items() if k != "data_format"}
        settings["include_batch_in_index"] = bool(include_batch_in_index)
        return record.call(kernel.op, [input, grad, argmax], settings, name)


_argmax_gradient("MaxPoolGradWithArgmax", gradients.grad_with_argmax_kernel)
_argmax_gradient("MaxPoolGradGradWithArgmax", gradients.grad_grad_with_argmax_kernel)


# -- the rest ---------------------------------------------------------------------------------------------------------
raw("BiasAdd", nn.bias_add)
raw("L2Loss", nn.l2_loss)
raw("LeakyRelu", nn.leaky_relu)
raw("LRN", normalization.local_response_normalization)


@raw("InTopKV2")
def _in_top_k(predictions, targets, k, name=None):
    """tf.nn.in_top_k in TF1's order of arguments."""
    return nn.in_top_k(targets, predictions, k, name)


@raw("SoftmaxCrossEntropyWithLogits")
def _softmax_cross_entropy(features, labels, name=None):
    """(losses [batch], softmax - labels [batch, classes])."""
    loss = losses_nn.softmax_cross_entropy_with_logits(labels, features, name=name)
    return loss, nn.softmax_kernel(features) - labels


@raw("Dilation2D")
def _dilation(input, filter, strides, rates, padding, name=None):
    """tf.nn.dilation2d, its dilations called `rates`."""
    return morphology._dilation(input, filter, strides, padding, rates, name)


@raw("BatchNormWithGlobalNormalization")
def _global_normalization(t, m, v, beta, gamma, variance_epsilon, scale_after_normalization, name=None):
    """tf.nn.batch_norm_with_global_normalization."""
    return normalization.batch_norm_with_global_normalization(
        t, m, v, beta, gamma, variance_epsilon, scale_after_normalization, name
    )


@raw("CTCGreedyDecoder")
def _greedy(inputs, sequence_length, merge_repeated=False, blank_index=-1, name=None):
    """(indices, values and dense shape of the decoded labels, negated log probabilities)."""
    (decoded,), log_probability = ctc.ctc_greedy_decoder(inputs, sequence_length, merge_repeated, blank_index)
    return decoded.indices, decoded.values, decoded.dense_shape, log_probability
