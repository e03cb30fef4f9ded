"""tf.contrib.layers: tf.layers' classes as functions with arguments for everything; variables are called weights and biases."""

from __future__ import annotations

import functools

import numpy as np

from .. import dtypes, record
from ..declare import NAMES, OPS, export, publish
from ..initializers import OnesV1, ZerosV1
from ..layers import convolution, normalization, pooling
from ..layers import core as layers
from ..ops import core
from ..scopes import GraphKeys, add_to_collection, add_to_collections, get_collection, name_scope
from ..variable_scope import variable_scope
from .arg_scope import add_arg_scope
from .regularizers import xavier_initializer


def _renamed(names):
    """A custom getter that gives variables contrib's names and collects them as model variables."""

    def getter(getter, name, *args, **kwargs):
        head, slash, last = name.rpartition("/")
        return getter(head + slash + names.get(last, last), *args, **kwargs)

    return getter


_WEIGHTS = {"kernel": "weights", "bias": "biases"}
_SEPARABLE = {"depthwise_kernel": "depthwise_weights", "pointwise_kernel": "pointwise_weights", "bias": "biases"}


def _collect(variables, collections):
    for v in variables:
        if v not in get_collection(GraphKeys.MODEL_VARIABLES):
            add_to_collection(GraphKeys.MODEL_VARIABLES, v)
        last = v.name.partition(":")[0].rpartition("/")[2]
        own = collections.get(last) if isinstance(collections, dict) else collections
        if own:
            add_to_collections(own, v)


def _outputs(collections, outputs):
    if collections:
        add_to_collections(collections, outputs)
    return outputs


def _finish(layer_outputs, scope, normalizer_fn, normalizer_params, activation_fn, outputs_collections):
    outputs = layer_outputs
    if normalizer_fn is not None:
        outputs = normalizer_fn(outputs, **(normalizer_params or {}))
    if activation_fn is not None:
        outputs = activation_fn(outputs)
    return _outputs(outputs_collections, outputs)


def _relu(x):
    return OPS["Relu"].public(x)


@export("", v1="contrib.layers.fully_connected contrib.layers.relu")
@add_arg_scope
def fully_connected(
    inputs,
    num_outputs,
    activation_fn=_relu,
    normalizer_fn=None,
    normalizer_params=None,
    weights_initializer="xavier",
    weights_regularizer=None,
    biases_initializer=ZerosV1,
    biases_regularizer=None,
    reuse=None,
    variables_collections=None,
    outputs_collections=None,
    trainable=True,
    scope=None,
):
    """[..., in] -> [..., num_outputs], ReLU by default; variables weights [in, out] and, without a normalizer,
    biases [out].
    """
    if not isinstance(num_outputs, (int, np.integer)):
        raise ValueError(f"num_outputs type should be one of [int], got {type(num_outputs)}.")
    with variable_scope(scope, "fully_connected", [inputs], reuse=reuse, custom_getter=_renamed(_WEIGHTS)) as sc:
        inputs = record.convert_to_tensor(inputs)
        layer = layers.Dense(
            int(num_outputs),
            use_bias=normalizer_fn is None and biases_initializer is not None,
            kernel_initializer=_xavier(weights_initializer),
            bias_initializer=biases_initializer,
            kernel_regularizer=weights_regularizer,
            bias_regularizer=biases_regularizer,
            trainable=trainable,
            name=sc.name,
            dtype=inputs.dtype.base_dtype,
            _scope=sc,
            _reuse=reuse,
        )
        outputs = layer(inputs)
        _collect([v for v in (layer.kernel, layer.bias) if v is not None], variables_collections)
        return _finish(outputs, sc, normalizer_fn, normalizer_params, activation_fn, outputs_collections)


def _xavier(initializer):
    return xavier_initializer() if isinstance(initializer, str) and initializer == "xavier" else initializer


publish(functools.partial(fully_connected, activation_fn=None), "", v1="contrib.layers.linear")


def _data_format(value):
    return "channels_first" if value is not None and value.startswith("NC") else "channels_last"


def _convolution(rank, layer_class, default_scope, has_rate=True):
    def conv(
        inputs,
        num_outputs,
        kernel_size,
        stride=1,
        padding="SAME",
        data_format=None,
        rate=1,
        activation_fn=_relu,
        normalizer_fn=None,
        normalizer_params=None,
        weights_initializer="xavier",
        weights_regularizer=None,
        biases_initializer=ZerosV1,
        biases_regularizer=None,
        reuse=None,
        variables_collections=None,
        outputs_collections=None,
        trainable=True,
        scope=None,
    ):
        with variable_scope(scope, default_scope, [inputs], reuse=reuse, custom_getter=_renamed(_WEIGHTS)) as sc:
            inputs = record.convert_to_tensor(inputs)
            n = rank or inputs.shape.rank - 2
            kind = layer_class or {1: convolution.Conv1D, 2: convolution.Conv2D, 3: convolution.Conv3D}[n]
            more = {"dilation_rate": rate} if has_rate else {}
            layer = kind(
                num_outputs,
                kernel_size,
                stride,
                padding.lower(),
                _data_format(data_format),
                activation=None,
                use_bias=normalizer_fn is None and biases_initializer is not None,
                kernel_initializer=_xavier(weights_initializer),
                bias_initializer=biases_initializer,
                kernel_regularizer=weights_regularizer,
                bias_regularizer=biases_regularizer,
                trainable=trainable,
                name=sc.name,
                dtype=inputs.dtype.base_dtype,
                _scope=sc,
                _reuse=reuse,
                **more,
            )
            outputs = layer(inputs)
            _collect([v for v in (layer.kernel, layer.bias) if v is not None], variables_collections)
            return _finish(outputs, sc, normalizer_fn, normalizer_params, activation_fn, outputs_collections)

    return conv


def _without_rate(conv):
    def function(inputs, num_outputs, kernel_size, stride=1, padding="SAME", data_format="NHWC", *args, **kwargs):
        return conv(inputs, num_outputs, kernel_size, stride, padding, data_format, 1, *args, **kwargs)

    return function


def _named(function, name, names, doc):
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return export("", v1=" ".join([f"contrib.layers.{n}" for n in names.split()]))(add_arg_scope(function))


_doc = "A convolution, ReLU by default; variables weights and, without a normalizer, biases."
conv2d = _named(_convolution(2, None, "Conv"), "conv2d", "conv2d convolution2d convolution", _doc)
conv1d = _named(_convolution(1, None, "Conv"), "conv1d", "conv1d convolution1d", _doc)
conv3d = _named(_convolution(3, None, "Conv"), "conv3d", "conv3d convolution3d", _doc)
conv2d_transpose = _named(
    _without_rate(_convolution(2, convolution.Conv2DTranspose, "Conv2d_transpose", has_rate=False)),
    "conv2d_transpose",
    "conv2d_transpose convolution2d_transpose",
    "A transposed convolution, ReLU by default.",
)


@export("", v1="contrib.layers.separable_conv2d contrib.layers.separable_convolution2d")
@add_arg_scope
def separable_conv2d(
    inputs,
    num_outputs,
    kernel_size,
    depth_multiplier=1,
    stride=1,
    padding="SAME",
    data_format="NHWC",
    rate=1,
    activation_fn=_relu,
    normalizer_fn=None,
    normalizer_params=None,
    weights_initializer="xavier",
    pointwise_initializer=None,
    weights_regularizer=None,
    biases_initializer=ZerosV1,
    biases_regularizer=None,
    reuse=None,
    variables_collections=None,
    outputs_collections=None,
    trainable=True,
    scope=None,
):
    """A depthwise convolution, then a pointwise one; `num_outputs` None is refused."""
    if num_outputs is None:
        raise NotImplementedError("contrib.layers.separable_conv2d(num_outputs=None) is not supported by tfcompat.")
    with variable_scope(scope, "SeparableConv2d", [inputs], reuse=reuse, custom_getter=_renamed(_SEPARABLE)) as sc:
        inputs = record.convert_to_tensor(inputs)
        initializer = _xavier(weights_initializer)
        layer = convolution.SeparableConv2D(
            num_outputs,
            kernel_size,
            stride,
            padding.lower(),
            _data_format(data_format),
            rate,
            depth_multiplier,
            use_bias=normalizer_fn is None and biases_initializer is not None,
            depthwise_initializer=initializer,
            pointwise_initializer=pointwise_initializer or initializer,
            bias_initializer=biases_initializer,
            depthwise_regularizer=weights_regularizer,
            pointwise_regularizer=weights_regularizer,
            bias_regularizer=biases_regularizer,
            trainable=trainable,
            name=sc.name,
            dtype=inputs.dtype.base_dtype,
            _scope=sc,
            _reuse=reuse,
        )
        outputs = layer(inputs)
        _collect(
            [v for v in (layer.depthwise_kernel, layer.pointwise_kernel, layer.bias) if v is not None],
            variables_collections,
        )
        return _finish(outputs, sc, normalizer_fn, normalizer_params, activation_fn, outputs_collections)


def _pooling(layer_class, default_scope):
    def pool(inputs, kernel_size, stride=2, padding="VALID", data_format="NHWC", outputs_collections=None, scope=None):
        with name_scope(scope, default_scope, [inputs]):
            layer = layer_class(kernel_size, stride, padding.lower(), _data_format(data_format))
            # The functional form records its operation in the scope itself, not in one of a layer.
            return _outputs(outputs_collections, layer.call(record.convert_to_tensor(inputs)))

    return pool


max_pool2d = _named(_pooling(pooling.MaxPooling2D, "MaxPool2D"), "max_pool2d", "max_pool2d", "Maxima over windows.")
avg_pool2d = _named(_pooling(pooling.AveragePooling2D, "AvgPool2D"), "avg_pool2d", "avg_pool2d", "Means over windows.")


@export("", v1="contrib.layers.flatten")
@add_arg_scope
def flatten(inputs, outputs_collections=None, scope=None):
    """[n, a, b, ...] -> [n, a * b * ...]."""
    with name_scope(scope, "Flatten", [inputs]):
        return _outputs(outputs_collections, layers.flatten(inputs))


@export("", v1="contrib.layers.dropout")
@add_arg_scope
def dropout(inputs, keep_prob=0.5, noise_shape=None, is_training=True, outputs_collections=None, scope=None, seed=None):
    """Dropout with the probability to keep an element."""
    with variable_scope(scope, "Dropout", [inputs]) as sc:
        inputs = record.convert_to_tensor(inputs)
        layer = layers.Dropout(rate=1 - keep_prob, noise_shape=noise_shape, seed=seed, name=sc.name, _scope=sc)
        return _outputs(outputs_collections, layer(inputs, training=is_training))


@export("", v1="contrib.layers.batch_norm")
@add_arg_scope
def batch_norm(
    inputs,
    decay=0.999,
    center=True,
    scale=False,
    epsilon=0.001,
    activation_fn=None,
    param_initializers=None,
    param_regularizers=None,
    updates_collections=GraphKeys.UPDATE_OPS,
    is_training=True,
    reuse=None,
    variables_collections=None,
    outputs_collections=None,
    trainable=True,
    batch_weights=None,
    fused=None,
    data_format="NHWC",
    zero_debias_moving_mean=False,
    scope=None,
    renorm=False,
    renorm_clipping=None,
    renorm_decay=0.99,
    adjustment=None,
):
    """Batch normalization; `updates_collections` None updates the moving averages in place, else run that
    collection.
    """
    for value, word in (
        (batch_weights, "batch_weights"),
        (zero_debias_moving_mean, "zero_debias_moving_mean"),
        (renorm, "renorm"),
        (adjustment, "adjustment"),
    ):
        if value is not None and value is not False:
            raise NotImplementedError(f"contrib.layers.batch_norm({word}=...) is not supported by tfcompat.")
    with variable_scope(scope, "BatchNorm", [inputs], reuse=reuse) as sc:
        inputs = record.convert_to_tensor(inputs)
        initial, regular = param_initializers or {}, param_regularizers or {}
        layer = normalization.BatchNormalization(
            axis=1 if data_format == "NCHW" else -1,
            momentum=decay,
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=initial.get("beta", ZerosV1),
            gamma_initializer=initial.get("gamma", OnesV1),
            moving_mean_initializer=initial.get("moving_mean", ZerosV1),
            moving_variance_initializer=initial.get("moving_variance", OnesV1),
            beta_regularizer=regular.get("beta"),
            gamma_regularizer=regular.get("gamma"),
            trainable=trainable,
            name=sc.name,
            _scope=sc,
            _reuse=reuse,
            fused=fused if inputs.shape.rank == 4 else None,
        )
        before = len(get_collection(GraphKeys.UPDATE_OPS))
        outputs = layer(inputs, training=is_training)
        updates = get_collection(GraphKeys.UPDATE_OPS)[before:]
        if updates_collections != GraphKeys.UPDATE_OPS:
            NAMES["v1"]["get_collection_ref"](GraphKeys.UPDATE_OPS)[before:] = []
            if updates_collections is None:
                with NAMES["v1"]["control_dependencies"](updates):
                    outputs = OPS["Identity"].public(outputs)
            else:
                for update in updates:
                    add_to_collections(updates_collections, update)
        _collect(
            [v for v in (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance) if v is not None],
            variables_collections,
        )
        if activation_fn is not None:
            outputs = activation_fn(outputs)
        return _outputs(outputs_collections, outputs)


@export("", v1="contrib.layers.one_hot_encoding")
@add_arg_scope
def one_hot_encoding(labels, num_classes, on_value=1.0, off_value=0.0, outputs_collections=None, scope=None):
    """Class numbers as rows with one 1."""
    with name_scope(scope, "OneHotEncoding", [labels, num_classes]) as sc:
        labels = record.convert_to_tensor(labels)
        if labels.dtype is dtypes.int32:
            labels = core.cast(labels, dtypes.int64)
        return _outputs(
            outputs_collections, sc, NAMES["v1"]["one_hot"](labels, num_classes, on_value=on_value, off_value=off_value)
        )


@export("", v1="contrib.layers.embed_sequence")
def embed_sequence(
    ids,
    vocab_size=None,
    embed_dim=None,
    unique=False,
    initializer=None,
    regularizer=None,
    trainable=True,
    scope=None,
    reuse=None,
):
    """ids [n, length] -> [n, length, embed_dim] from a variable `embeddings` [vocab_size, embed_dim]."""
    if not (reuse or (vocab_size and embed_dim)):
        raise ValueError(
            f"Must specify vocab size and embedding dimension when not reusing. Got vocab_size={vocab_size} and "
            f"embed_dim={embed_dim}"
        )
    if unique:
        raise NotImplementedError("contrib.layers.embed_sequence(unique=True) is not supported by tfcompat.")
    from ..variable_scope import get_variable

    with variable_scope(scope, "EmbedSequence", [ids], reuse=reuse):
        shape = [vocab_size, embed_dim] if vocab_size and embed_dim else None
        embeddings = get_variable(
            "embeddings", shape=shape, initializer=initializer, regularizer=regularizer, trainable=trainable
        )
        return NAMES["v1"]["nn.embedding_lookup"](embeddings, ids)


@export("", v1="contrib.layers.stack")
def stack(inputs, layer, stack_args, **kwargs):
    """Applies `layer` with each of `stack_args` in turn, in scopes scope/scope_1, scope/scope_2, ..."""
    scope = kwargs.pop("scope", None)
    with variable_scope(scope, "Stack", [inputs]):
        inputs = record.convert_to_tensor(inputs)
        scope = scope or getattr(layer, "__name__", "stack")
        outputs = inputs
        for i, args in enumerate(stack_args):
            kwargs["scope"] = f"{scope}_{i + 1}"
            outputs = layer(outputs, *(args if isinstance(args, (list, tuple)) else [args]), **kwargs)
        return outputs


@export("", v1="contrib.layers.repeat")
def repeat(inputs, repetitions, layer, *args, **kwargs):
    """Applies `layer` several times, in scopes scope/scope_1, scope/scope_2, ..."""
    scope = kwargs.pop("scope", None)
    with variable_scope(scope, "Repeat", [inputs]):
        outputs = record.convert_to_tensor(inputs)
        scope = scope or getattr(layer, "__name__", "repeat")
        for i in range(repetitions):
            outputs = layer(outputs, *args, **{**kwargs, "scope": f"{scope}_{i + 1}"})
        return outputs


@export("", v1="contrib.layers.softmax")
def softmax(logits, scope=None):
    """Softmax along the last dimension."""
    with variable_scope(scope, "softmax", [logits]):
        return NAMES["v1"]["nn.softmax"](logits)
