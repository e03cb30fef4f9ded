"""tf.contrib.layers: the layers, regularizers and initializers that tutorials used; variables are called weights and
biases.
"""

from __future__ import annotations

import functools

import numpy as np

from .. import dtypes, record
from ..declare import NAMES, OPS, export, publish
from ..initializers import OnesV1, VarianceScalingV1, ZerosV1
from ..ops import core, nn
from ..ops.reductions import reduce_sum
from ..scopes import GraphKeys, add_to_collection, add_to_collections, get_collection, name_scope
from ..tensor import Tensor
from ..variable_scope import variable_scope
from . import convolution, normalization, pooling
from . import core as layers

# -- arg_scope --------------------------------------------------------------------------------------------------------
_defaults: list = [{}]


def _key(function):
    return getattr(function, "_key_op", function)


@export("", v1="contrib.framework.add_arg_scope")
def add_arg_scope(function):
    """A decorator: the function's defaults may be given by `arg_scope`."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        given = _defaults[-1].get(call)
        return function(*args, **({**given, **kwargs} if given else kwargs))

    return call


@export("", v1="contrib.framework.arg_scope")
class arg_scope:  # TensorFlow's name
    """`with arg_scope([function, ...], key=value):` sets defaults; yields a scope that can be entered again."""

    def __init__(self, list_ops_or_scope, **kwargs):
        if isinstance(list_ops_or_scope, dict):
            if kwargs:
                raise ValueError("When attempting to re-use a scope by suppling a dictionary, kwargs must be empty.")
            self._scope = list_ops_or_scope
            return
        if not isinstance(list_ops_or_scope, (list, tuple)):
            raise TypeError("list_ops_or_scope must either be a list/tuple or reused scope (i.e. dict)")
        scope = dict(_defaults[-1])
        for function in list_ops_or_scope:
            scope[function] = {**scope.get(function, {}), **kwargs}
        self._scope = scope

    def __enter__(self):
        _defaults.append(self._scope)
        return self._scope

    def __exit__(self, *exc):
        _defaults.pop()


# -- regularizers and initializers ------------------------------------------------------------------------------------
def _scale(scale, name):
    if isinstance(scale, int) and not isinstance(scale, bool):
        raise ValueError(f"scale cannot be an integer: {scale}")
    if isinstance(scale, float) and scale < 0.0:
        raise ValueError(f"Setting a scale less than 0 on a regularizer: {scale}")
    return scale


@export("", v1="contrib.layers.l2_regularizer")
def l2_regularizer(scale, scope=None):
    """A function of weights: scale * sum(weights^2) / 2.  Raises ValueError for an integer or negative scale."""
    if _scale(scale, "l2") == 0.0:
        return lambda _: None

    def l2(weights):
        with name_scope(scope, "l2_regularizer", [weights]) as name:
            factor = record.convert_to_tensor(scale, weights.dtype.base_dtype, name="scale")
            return OPS["Mul"].public(factor, nn.l2_loss(weights), name=name or None)

    return l2


@export("", v1="contrib.layers.l1_regularizer")
def l1_regularizer(scale, scope=None):
    """A function of weights: scale * sum(|weights|).  Raises ValueError for an integer or negative scale."""
    if _scale(scale, "l1") == 0.0:
        return lambda _: None

    def l1(weights):
        with name_scope(scope, "l1_regularizer", [weights]) as name:
            factor = record.convert_to_tensor(scale, weights.dtype.base_dtype, name="scale")
            return OPS["Mul"].public(factor, reduce_sum(OPS["Abs"].public(weights)), name=name or None)

    return l1


@export("", v1="contrib.layers.sum_regularizer")
def sum_regularizer(regularizer_list, scope=None):
    """A regularizer that adds up several; None where there are none."""
    regularizers = [r for r in regularizer_list if r is not None]
    if not regularizers:
        return None

    def total(weights):
        with name_scope(scope, "sum_regularizer", [weights]) as name:
            found = [x for x in [r(weights) for r in regularizers] if x is not None]
            return OPS["AddN"].public(*found, name=name or None) if found else None

    return total


@export("", v1="contrib.layers.l1_l2_regularizer")
def l1_l2_regularizer(scale_l1=1.0, scale_l2=1.0, scope=None):
    """The sum of an L1 and an L2 regularizer."""
    scope = scope or "l1_l2_regularizer"
    if scale_l1 == 0.0:
        return l2_regularizer(scale_l2, scope)
    if scale_l2 == 0.0:
        return l1_regularizer(scale_l1, scope)
    return sum_regularizer([l1_regularizer(scale_l1), l2_regularizer(scale_l2)], scope=scope)


@export("", v1="contrib.layers.apply_regularization")
def apply_regularization(regularizer, weights_list=None):
    """The sum of the regularizer over the weights (default: the WEIGHTS collection), also collected."""
    weights = get_collection(GraphKeys.WEIGHTS) if weights_list is None else weights_list
    if not weights:
        raise ValueError("No weights to regularize.")
    with name_scope("get_regularization_penalty", values=weights) as scope:
        penalties = [regularizer(w) for w in weights]
        penalties = [p if p is not None else record.convert_to_tensor(0.0) for p in penalties]
        for p in penalties:
            if p.shape.rank != 0:
                raise ValueError(
                    f"regularizer must return a scalar Tensor instead of a Tensor with rank {p.shape.rank}."
                )
        total = NAMES["v1"]["add_n"](penalties, name=scope or None)
        add_to_collection(GraphKeys.REGULARIZATION_LOSSES, total)
        return total


@export("", v1="contrib.layers.xavier_initializer contrib.layers.xavier_initializer_conv2d")
def xavier_initializer(uniform=True, seed=None, dtype=dtypes.float32):
    """Glorot's: uniform or (truncated) normal numbers with variance 2 / (fan in + fan out)."""
    return variance_scaling_initializer(factor=1.0, mode="FAN_AVG", uniform=uniform, seed=seed, dtype=dtype)


@export("", v1="contrib.layers.variance_scaling_initializer")
def variance_scaling_initializer(factor=2.0, mode="FAN_IN", uniform=False, seed=None, dtype=dtypes.float32):
    """Numbers with variance factor / fan; TypeError for an integer dtype or an unknown mode."""
    if not dtypes.as_dtype(dtype).is_floating:
        raise TypeError("Cannot create initializer for non-floating point type.")
    if mode not in ("FAN_IN", "FAN_OUT", "FAN_AVG"):
        raise TypeError(f"Unknown mode {mode} [FAN_IN, FAN_OUT, FAN_AVG]")
    kind = "uniform" if uniform else "truncated_normal"
    return VarianceScalingV1(scale=float(factor), mode=mode.lower(), distribution=kind, seed=seed, dtype=dtype)


# -- layers -----------------------------------------------------------------------------------------------------------
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


def _outputs(collections, name, outputs):
    if collections:
        add_to_collections(collections, outputs)
    return outputs


def _finish(layer_outputs, scope, normalizer_fn, normalizer_params, activation_fn, outputs_collections):
    outputs = layer_outputs
    if normalizer_fn is not None:
        outputs = normalizer_fn(outputs, **(normalizer_params or {}))
    if activation_fn is not None:
        outputs = activation_fn(outputs)
    return _outputs(outputs_collections, scope.name, outputs)


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
        with name_scope(scope, default_scope, [inputs]) as sc:
            layer = layer_class(kernel_size, stride, padding.lower(), _data_format(data_format))
            # The functional form records its operation in the scope itself, not in one of a layer.
            return _outputs(outputs_collections, sc, layer.call(record.convert_to_tensor(inputs)))

    return pool


max_pool2d = _named(_pooling(pooling.MaxPooling2D, "MaxPool2D"), "max_pool2d", "max_pool2d", "Maxima over windows.")
avg_pool2d = _named(_pooling(pooling.AveragePooling2D, "AvgPool2D"), "avg_pool2d", "avg_pool2d", "Means over windows.")


@export("", v1="contrib.layers.flatten")
@add_arg_scope
def flatten(inputs, outputs_collections=None, scope=None):
    """[n, a, b, ...] -> [n, a * b * ...]."""
    with name_scope(scope, "Flatten", [inputs]) as sc:
        return _outputs(outputs_collections, sc, layers.flatten(inputs))


@export("", v1="contrib.layers.dropout")
@add_arg_scope
def dropout(inputs, keep_prob=0.5, noise_shape=None, is_training=True, outputs_collections=None, scope=None, seed=None):
    """Dropout with the probability to keep an element."""
    with variable_scope(scope, "Dropout", [inputs]) as sc:
        inputs = record.convert_to_tensor(inputs)
        layer = layers.Dropout(rate=1 - keep_prob, noise_shape=noise_shape, seed=seed, name=sc.name, _scope=sc)
        return _outputs(outputs_collections, sc.name, layer(inputs, training=is_training))


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
        return _outputs(outputs_collections, sc.name, outputs)


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


@export("", v1="contrib.layers.optimize_loss")
def optimize_loss(
    loss,
    global_step,
    learning_rate,
    optimizer,
    gradient_noise_scale=None,
    gradient_multipliers=None,
    clip_gradients=None,
    learning_rate_decay_fn=None,
    update_ops=None,
    variables=None,
    name=None,
    summaries=None,
    colocate_gradients_with_ops=False,
    increment_global_step=True,
):
    """One training operation: an optimizer by name, class, function or object, clipping, decay, the UPDATE_OPS
    first; gives the loss.
    """
    if gradient_noise_scale is not None or gradient_multipliers is not None:
        raise NotImplementedError(
            "optimize_loss(gradient_noise_scale, gradient_multipliers) is not supported by tfcompat."
        )
    v1 = NAMES["v1"]
    with variable_scope(name, "OptimizeLoss", [loss, global_step]):
        global_step = v1["train.get_global_step"]() if global_step is None else global_step
        update_ops = get_collection(GraphKeys.UPDATE_OPS) if update_ops is None else list(update_ops)
        if update_ops:
            with v1["control_dependencies"](update_ops):
                loss = OPS["Identity"].public(loss)
        rate = learning_rate
        if rate is not None and not isinstance(rate, Tensor):
            if not isinstance(rate, float) or rate < 0:
                raise ValueError(f"Learning rate should be 0d Tensor or float. Got {rate} of type {type(rate)}")
            rate = v1["get_variable"](
                "learning_rate", [], trainable=False, initializer=v1["constant_initializer"](rate)
            )
        if rate is not None and learning_rate_decay_fn is not None:
            if global_step is None:
                raise ValueError("global_step is required for learning_rate_decay_fn.")
            rate = learning_rate_decay_fn(rate, global_step)
        opt = _optimizer(optimizer, rate)
        grads = opt.compute_gradients(loss, variables or v1["trainable_variables"]())
        if isinstance(clip_gradients, float):
            clipped, _ = v1["clip_by_global_norm"]([g for g, _ in grads], clip_gradients)
            grads = list(zip(clipped, [v for _, v in grads], strict=True))
        elif callable(clip_gradients):
            grads = clip_gradients(grads)
        elif clip_gradients is not None:
            raise ValueError(f"Unknown type {type(clip_gradients)} for clip_gradients")
        train = opt.apply_gradients(grads, global_step=global_step if increment_global_step else None, name="train")
        with v1["control_dependencies"]([train]):
            return OPS["Identity"].public(loss)


OPTIMIZERS = {
    "Adagrad": "AdagradOptimizer",
    "Adam": "AdamOptimizer",
    "Ftrl": "FtrlOptimizer",
    "RMSProp": "RMSPropOptimizer",
    "SGD": "GradientDescentOptimizer",
}


def _optimizer(optimizer, rate):
    v1 = NAMES["v1"]
    if isinstance(optimizer, str):
        if optimizer == "Momentum":
            return v1["train.MomentumOptimizer"](learning_rate=rate, momentum=0.9)
        if optimizer not in OPTIMIZERS:
            raise ValueError(f"Optimizer name should be one of [{', '.join(OPTIMIZERS)}], you provided {optimizer}.")
        return v1["train." + OPTIMIZERS[optimizer]](learning_rate=rate)
    if isinstance(optimizer, type):
        return optimizer(learning_rate=rate)
    if callable(optimizer):
        return optimizer(rate) if rate is not None else optimizer()
    return optimizer
