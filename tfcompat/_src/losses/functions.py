"""The losses themselves."""

from __future__ import annotations

import jax.numpy as jnp

from .. import dtypes, record
from ..declare import OPS, export, op
from ..ops import core, losses_nn
from ..ops.reductions import reduce_sum
from ..scopes import GraphKeys, name_scope
from .weighted import Reduction, add_loss, checked_weights, compute_weighted_loss, squeeze_last, squeeze_weights

_LOSSES, _DEFAULT = GraphKeys.LOSSES, Reduction.SUM_BY_NONZERO_WEIGHTS


def _given(**values):
    for name, value in values.items():
        if value is None:
            raise ValueError(f"Argument `{name}` must not be None.")


def _float(value):
    return core.cast(record.convert_to_tensor(value), dtypes.float32)


def _pair(labels, predictions):
    """Both as float32 tensors of compatible shapes; ValueError where they are not."""
    labels, predictions = _float(labels), _float(predictions)
    predictions.shape.assert_is_compatible_with(labels.shape)
    return labels, predictions


def _op(type, *args, **kwargs):
    return OPS[type].public(*args, **kwargs)


@export("", v1="losses.absolute_difference")
def absolute_difference(labels, predictions, weights=1.0, scope=None, loss_collection=_LOSSES, reduction=_DEFAULT):
    """|predictions - labels|."""
    _given(labels=labels, predictions=predictions)
    with name_scope(scope, "absolute_difference", [predictions, labels, weights]) as scope:
        labels, predictions = _pair(labels, predictions)
        return compute_weighted_loss(
            _op("Abs", _op("Sub", predictions, labels)), weights, scope, loss_collection, reduction
        )


@export("", v1="losses.mean_squared_error")
def mean_squared_error(labels, predictions, weights=1.0, scope=None, loss_collection=_LOSSES, reduction=_DEFAULT):
    """(predictions - labels)^2."""
    _given(labels=labels, predictions=predictions)
    with name_scope(scope, "mean_squared_error", [predictions, labels, weights]) as scope:
        labels, predictions = _pair(labels, predictions)
        return compute_weighted_loss(
            _op("SquaredDifference", predictions, labels), weights, scope, loss_collection, reduction
        )


@export("", v1="losses.cosine_distance")
def cosine_distance(
    labels, predictions, axis=None, weights=1.0, scope=None, loss_collection=_LOSSES, reduction=_DEFAULT, dim=None
):
    """1 - sum(predictions * labels) along `axis`; both are taken to be unit vectors."""
    if dim is not None:
        if axis is not None:
            raise ValueError("Cannot specify both 'axis' and 'dim'.")
        axis = dim
    if axis is None:
        raise ValueError("You must specify argument `axis`.")
    _given(labels=labels, predictions=predictions)
    with name_scope(scope, "cosine_distance_loss", [predictions, labels, weights]) as scope:
        labels, predictions = _pair(labels, predictions)
        losses = 1 - reduce_sum(_op("Mul", predictions, labels), axis=(axis,), keepdims=True)
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


@export("", v1="losses.hinge_loss")
def hinge_loss(labels, logits, weights=1.0, scope=None, loss_collection=_LOSSES, reduction=_DEFAULT):
    """max(0, 1 - (2 * labels - 1) * logits) for labels 0 and 1."""
    _given(labels=labels, logits=logits)
    with name_scope(scope, "hinge_loss", [logits, labels, weights]) as scope:
        labels, logits = _pair(labels, logits)
        losses = _op("Relu", 1 - (2 * labels - 1) * logits)
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


@export("", v1="losses.huber_loss")
def huber_loss(labels, predictions, weights=1.0, delta=1.0, scope=None, loss_collection=_LOSSES, reduction=_DEFAULT):
    """Squared up to an error of `delta`, linear beyond."""
    _given(labels=labels, predictions=predictions)
    with name_scope(scope, "huber_loss", [predictions, labels, weights]) as scope:
        labels, predictions = _pair(labels, predictions)
        error = _op("Abs", _op("Sub", predictions, labels))
        quadratic = _op("Minimum", error, delta)
        losses = 0.5 * (quadratic * quadratic) + delta * (error - quadratic)
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


@export("", v1="losses.log_loss")
def log_loss(labels, predictions, weights=1.0, epsilon=1e-7, scope=None, loss_collection=_LOSSES, reduction=_DEFAULT):
    """-labels * log(p + epsilon) - (1 - labels) * log(1 - p + epsilon)."""
    _given(labels=labels, predictions=predictions)
    with name_scope(scope, "log_loss", [predictions, labels, weights]) as scope:
        labels, predictions = _pair(labels, predictions)
        losses = -(labels * _op("Log", predictions + epsilon)) - (1 - labels) * _op("Log", 1 - predictions + epsilon)
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


@op("MeanPairwiseSquaredError", name="value")
def _mean_pairwise(errors, weights):
    """The mean of (e_i - e_j)^2 over the pairs of each example, from sums of e and e^2; 0 where nothing has a weight."""
    axes = tuple(range(1, errors.ndim))

    def share(total, count):
        return jnp.where(count > 0, total / jnp.where(count > 0, count, 1), 0)

    present = jnp.broadcast_to(jnp.where(weights == 0, 0.0, 1.0).astype(errors.dtype), errors.shape)
    n = jnp.sum(present, axes, keepdims=True)
    squares, total = jnp.sum(errors * errors, axes, keepdims=True), jnp.sum(errors, axes, keepdims=True)
    each = 2 * share(squares, jnp.maximum(n - 1, 0)) - 2 * share(total * total, jnp.maximum(n * (n - 1), 0))
    return jnp.where(jnp.sum(n) > 0, jnp.sum(each * weights), 0)


@export("", v1="losses.mean_pairwise_squared_error")
def mean_pairwise_squared_error(labels, predictions, weights=1.0, scope=None, loss_collection=_LOSSES):
    """The squared differences of all pairs of errors within each example, averaged.

    Raises ValueError for weights that do not broadcast.
    """
    _given(labels=labels, predictions=predictions)
    with name_scope(scope, "mean_pairwise_squared_error", [predictions, labels, weights]) as scope:
        labels, predictions = _pair(labels, predictions)
        weights = checked_weights(_float(weights), labels)
        loss = _mean_pairwise(_op("Sub", predictions, labels), weights)
        add_loss(loss, loss_collection)
        return loss


@export("", v1="losses.sigmoid_cross_entropy")
def sigmoid_cross_entropy(
    multi_class_labels, logits, weights=1.0, label_smoothing=0, scope=None, loss_collection=_LOSSES, reduction=_DEFAULT
):
    """Cross-entropy of independent classes; smoothing moves labels towards 1/2."""
    _given(multi_class_labels=multi_class_labels, logits=logits)
    with name_scope(scope, "sigmoid_cross_entropy_loss", [logits, multi_class_labels, weights]) as scope:
        logits = record.convert_to_tensor(logits)
        labels = core.cast(record.convert_to_tensor(multi_class_labels), logits.dtype)
        logits.shape.assert_is_compatible_with(labels.shape)
        if label_smoothing > 0:
            labels = labels * (1 - label_smoothing) + 0.5 * label_smoothing
        losses = losses_nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits, name="xentropy")
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


@export("", v1="losses.softmax_cross_entropy")
def softmax_cross_entropy(
    onehot_labels, logits, weights=1.0, label_smoothing=0, scope=None, loss_collection=_LOSSES, reduction=_DEFAULT
):
    """Cross-entropy of [n, classes] labels, one loss an example; no gradient passes into the labels."""
    _given(onehot_labels=onehot_labels, logits=logits)
    with name_scope(scope, "softmax_cross_entropy_loss", [logits, onehot_labels, weights]) as scope:
        logits = record.convert_to_tensor(logits)
        labels = core.cast(record.convert_to_tensor(onehot_labels), logits.dtype)
        logits.shape.assert_is_compatible_with(labels.shape)
        if label_smoothing > 0:
            classes = core.cast(OPS["Shape"].public(labels)[1], logits.dtype)
            labels = labels * (1.0 - label_smoothing) + label_smoothing / classes
        labels = _op("StopGradient", labels, name="labels_stop_gradient")
        losses = losses_nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits, name="xentropy")
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


@export("", v1="losses.sparse_softmax_cross_entropy")
def sparse_softmax_cross_entropy(labels, logits, weights=1.0, scope=None, loss_collection=_LOSSES, reduction=_DEFAULT):
    """Cross-entropy of class numbers [n] (or [n, 1]) against logits [n, classes]."""
    _given(labels=labels, logits=logits)
    with name_scope(scope, "sparse_softmax_cross_entropy_loss", [logits, labels, weights]) as scope:
        labels, logits = record.convert_to_tensor(labels), record.convert_to_tensor(logits)
        labels, logits = squeeze_last(labels, logits, expected_difference=1)
        weights = (
            squeeze_weights(record.convert_to_tensor(weights), labels) if weights.__class__ is not float else weights
        )
        losses = losses_nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, name="xentropy")
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)
