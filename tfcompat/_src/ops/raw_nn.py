"""tf.raw_ops of the nn family: TensorFlow's ops by their own names, arguments by keyword only."""

from __future__ import annotations

import functools

import numpy as np
from jax import lax
from jax import numpy as jnp

from .. import dtypes, record
from ..declare import op
from . import conv, ctc, depthwise, losses_nn, morphology, nn, normalization, pool
from . import pool_gradients as gradients
from .array import bad
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


@op("LRNGrad", dtypes="float32 float16 bfloat16", name="LRNGrad")
def _lrn_grad_kernel(input_grads, input_image, output_image, *, depth_radius=5, bias=1, alpha=1, beta=0.5):
    """The gradient of LRN by its input: all tensors [N, H, W, C]."""
    if not input_grads.shape == input_image.shape == output_image.shape or input_image.ndim != 4:
        shapes = [list(t.shape) for t in (input_grads, input_image, output_image)]
        raise bad(
            "LRNGrad", f"input_grads, input_image, and out_image should be 4-dimensional and of one shape: {shapes}"
        )
    g, x, out = (t.astype(jnp.float32) for t in (input_grads, input_image, output_image))
    near = functools.partial(normalization._neighbours, radius=int(depth_radius))
    bias, alpha, beta = (np.float32(v) for v in (bias, alpha, beta))
    base = bias + alpha * near(jnp.square(x))
    return (g * base**-beta - 2 * alpha * beta * x * near(g * out / base)).astype(input_grads.dtype)


raw("LRNGrad", _lrn_grad_kernel)


@raw("InTopKV2")
def _in_top_k(predictions, targets, k, name=None):
    """tf.nn.in_top_k in TF1's order of arguments."""
    return nn.in_top_k(targets, predictions, k, name)


@op("SoftmaxCrossEntropyAndGradient", name="SoftmaxCrossEntropyWithLogits", dtypes=losses_nn.FLOATS)
def _cross_entropy_kernel(features, labels):
    type = "SoftmaxCrossEntropyWithLogits"
    try:
        rank = len(jnp.broadcast_shapes(features.shape, labels.shape))
    except ValueError:
        said = f"logits and labels must be broadcastable: logits_size={list(features.shape)}"
        raise bad(type, f"{said} labels_size={list(labels.shape)}") from None
    if rank != 2:
        raise bad(type, f"logits and labels must be either 2-dimensional, or broadcasted to rank 2, but is rank {rank}")
    features, labels = jnp.broadcast_arrays(features, labels)
    loss = losses_nn.softmax_cross_entropy_kernel.op.kernel(labels, features)
    return loss, nn.softmax_kernel.op.kernel(features) - labels


@raw("SoftmaxCrossEntropyWithLogits")
def _softmax_cross_entropy(features, labels, name=None):
    """(losses [batch], softmax - labels [batch, classes]) of what broadcasts to two matrices."""
    return record.call(_cross_entropy_kernel.op, [features, labels], None, name)


@op(
    "SparseSoftmaxCrossEntropyAndGradient",
    name="SparseSoftmaxCrossEntropyWithLogits",
    own="labels",
    dtypes=losses_nn.FLOATS,
)
def _sparse_cross_entropy_kernel(features, labels):
    type = "SparseSoftmaxCrossEntropyWithLogits"
    if features.ndim != 2:
        raise bad(
            type,
            f"logits must be 2-D, but got shape {list(features.shape)}: it must be rank 2 but is rank {features.ndim}",
        )
    if labels.ndim != 1:
        raise bad(
            type, f"labels must be 1-D, but got shape {list(labels.shape)}: it must be rank 1 but is rank {labels.ndim}"
        )
    if labels.shape[0] != features.shape[0]:
        said = f"got logits shape {list(features.shape)} and labels shape {list(labels.shape)}"
        raise bad(type, f"logits and labels must have the same first dimension, {said}")
    chosen = jnp.arange(features.shape[1], dtype=labels.dtype) == labels[:, None]
    slope = nn.softmax_kernel.op.kernel(features) - chosen.astype(features.dtype)
    outside = (labels < 0) | (labels >= features.shape[1])
    loss = losses_nn.sparse_softmax_cross_entropy_kernel.op.kernel(labels, features)
    return loss, jnp.where(outside[:, None], jnp.nan, slope)


@raw("SparseSoftmaxCrossEntropyWithLogits")
def _sparse_softmax_cross_entropy(features, labels, name=None):
    """(losses [batch], softmax - the chosen class [batch, classes]); a label outside the classes gives NaN."""
    return record.call(_sparse_cross_entropy_kernel.op, [features, labels], None, name)


@raw("Dilation2D")
def _dilation(input, filter, strides, rates, padding, name=None):
    """tf.nn.dilation2d, its dilations called `rates`."""
    return morphology._dilation(input, filter, strides, padding, rates, name)


@op("FusedBatchNormGradV3", name="FusedBatchNormGradV3", alike=False, dtypes="float32 float16 bfloat16 float64")
def _batch_norm_grad_kernel(y_backprop, x, scale, mean, variance, *, epsilon, data_format, is_training):
    """The gradients of fused_batch_norm by x, scale and offset, from the moments that it used."""
    if y_backprop.shape != x.shape:
        shapes = f"x has shape {list(x.shape)} and y_backprop has shape {list(y_backprop.shape)}"
        raise bad("FusedBatchNormGradV3", f"x and y_backprop must have same shape, but {shapes}")
    channel = 1 if data_format.startswith("NC") else x.ndim - 1
    vectors = {"scale": scale, "reserve_space_1": mean, "reserve_space_2": variance}
    normalization.check_channels("FusedBatchNormGradV3", x.shape[channel], **vectors)
    axes, shape = [i for i in range(x.ndim) if i != channel], [1] * x.ndim
    shape[channel] = x.shape[channel]
    grad, factor = y_backprop.astype(scale.dtype), lax.rsqrt(variance + np.asarray(epsilon, scale.dtype))
    normal = (x.astype(scale.dtype) - mean.reshape(shape)) * factor.reshape(shape)
    by_scale, by_offset = jnp.sum(grad * normal, axes), jnp.sum(grad, axes)
    if is_training:  # the moments depend on x
        n = np.asarray(max(x.size // x.shape[channel], 1), scale.dtype)
        grad = grad - by_offset.reshape(shape) / n - normal * by_scale.reshape(shape) / n
    by_x = grad * (factor * scale).reshape(shape)
    unused = jnp.zeros([], scale.dtype)
    return by_x.astype(x.dtype), by_scale, by_offset, unused, unused


def _batch_norm_grad(y_backprop, x, scale, reserve_space_1, reserve_space_2, epsilon, data_format, is_training, name):
    inputs = [y_backprop, x, scale, reserve_space_1, reserve_space_2]
    settings = dict(epsilon=float(epsilon), data_format=data_format, is_training=bool(is_training))
    return record.call(_batch_norm_grad_kernel.op, inputs, settings, name)


@raw("FusedBatchNormGradV3")
def _batch_norm_grad_v3(
    y_backprop, x, scale, reserve_space_1, reserve_space_2, reserve_space_3, epsilon=0.0001, data_format="NHWC",
    is_training=True, name=None,
):  # fmt: skip
    """(gradients by x, scale and offset, nothing, nothing); reserve_space_3 is what a GPU remembers, empty here."""
    return _batch_norm_grad(
        y_backprop, x, scale, reserve_space_1, reserve_space_2, epsilon, data_format, is_training, name
    )


def _batch_norm_grad_old(type):
    @raw(type)
    def published(
        *, y_backprop, x, scale, reserve_space_1, reserve_space_2, epsilon=0.0001, data_format="NHWC", is_training=True,
        name=None,
    ):  # fmt: skip
        """(gradients by x, scale and offset, nothing, nothing) of fused_batch_norm."""
        return _batch_norm_grad(
            y_backprop, x, scale, reserve_space_1, reserve_space_2, epsilon, data_format, is_training, name
        )


_batch_norm_grad_old("FusedBatchNormGrad")
_batch_norm_grad_old("FusedBatchNormGradV2")


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
