"""tf.contrib.losses, whose arguments are the other way round: predictions first."""

from __future__ import annotations

from ..declare import export, publish
from ..losses import functions, weighted

for _name in ("add_loss", "get_losses", "get_regularization_losses", "get_total_loss", "compute_weighted_loss"):
    publish(getattr(weighted, _name), "", v1=f"contrib.losses.{_name}")


def _of_predictions(name, predictions, labels, weights, scope):
    if labels is None:
        raise ValueError("labels must not be None.")
    return getattr(functions, name)(labels, predictions, weights=weights, scope=scope)


@export("", v1="contrib.losses.absolute_difference")
def absolute_difference(predictions, labels=None, weights=1.0, scope=None):
    """The weighted mean of |predictions - labels|, also added to the collection of losses."""
    return _of_predictions("absolute_difference", predictions, labels, weights, scope)


@export("", v1="contrib.losses.mean_squared_error")
def mean_squared_error(predictions, labels=None, weights=1.0, scope=None):
    """The weighted mean of (predictions - labels)^2, also added to the collection of losses."""
    return _of_predictions("mean_squared_error", predictions, labels, weights, scope)


@export("", v1="contrib.losses.mean_pairwise_squared_error")
def mean_pairwise_squared_error(predictions, labels=None, weights=1.0, scope=None):
    """tf.losses.mean_pairwise_squared_error of (labels, predictions)."""
    return _of_predictions("mean_pairwise_squared_error", predictions, labels, weights, scope)


@export("", v1="contrib.losses.log_loss")
def log_loss(predictions, labels=None, weights=1.0, epsilon=1e-7, scope=None):
    """tf.losses.log_loss of (labels, predictions)."""
    if labels is None:
        raise ValueError("labels must not be None.")
    return functions.log_loss(labels, predictions, weights=weights, epsilon=epsilon, scope=scope)


@export("", v1="contrib.losses.hinge_loss")
def hinge_loss(logits, labels=None, scope=None):
    """max(0, 1 - (2 labels - 1) logits), element by element and without a mean."""
    from ..ops.core import cast
    from ..ops.nn import relu

    signs = 2.0 * cast(labels, logits.dtype) - 1.0
    return relu(1.0 - signs * logits)


@export("", v1="contrib.losses.cosine_distance")
def cosine_distance(predictions, labels=None, axis=None, weights=1.0, scope=None, dim=None):
    """tf.losses.cosine_distance of (labels, predictions)."""
    if labels is None:
        raise ValueError("labels must not be None.")
    return functions.cosine_distance(
        labels, predictions, axis=dim if axis is None else axis, weights=weights, scope=scope
    )


@export("", v1="contrib.losses.sigmoid_cross_entropy")
def sigmoid_cross_entropy(logits, multi_class_labels, weights=1.0, label_smoothing=0, scope=None):
    """tf.losses.sigmoid_cross_entropy of (multi_class_labels, logits)."""
    return functions.sigmoid_cross_entropy(multi_class_labels, logits, weights, label_smoothing, scope)


@export("", v1="contrib.losses.softmax_cross_entropy")
def softmax_cross_entropy(logits, onehot_labels, weights=1.0, label_smoothing=0, scope=None):
    """tf.losses.softmax_cross_entropy of (onehot_labels, logits)."""
    return functions.softmax_cross_entropy(onehot_labels, logits, weights, label_smoothing, scope)


@export("", v1="contrib.losses.sparse_softmax_cross_entropy")
def sparse_softmax_cross_entropy(logits, labels, weights=1.0, scope=None):
    """tf.losses.sparse_softmax_cross_entropy of (labels, logits)."""
    return functions.sparse_softmax_cross_entropy(labels, logits, weights, scope)
