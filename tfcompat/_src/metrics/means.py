"""Means and what is made of them: accuracy, mean errors."""

from __future__ import annotations

from .. import dtypes, record
from ..declare import NAMES, OPS, export, op
from ..graph import context
from ..losses.weighted import checked_weights, squeeze_last
from ..ops import core, creation
from ..ops.reductions import reduce_sum
from ..scopes import GraphKeys, add_to_collections, control_dependencies
from ..variable_scope import variable_scope
from ..variables import VariableV1


def refuse_eager(name):
    """Raises RuntimeError eagerly, as TF1's metrics do."""
    if context.graph is None:
        raise RuntimeError(f"tf.metrics.{name} is not supported when eager execution is enabled.")


def metric_variable(shape, dtype, name):
    """A local variable of zeros that a metric adds to."""
    return VariableV1(
        lambda: creation.zeros(shape, dtype),
        trainable=False,
        collections=[GraphKeys.LOCAL_VARIABLES, GraphKeys.METRIC_VARIABLES],
        validate_shape=shape is not None,
        name=name,
    )


def divide(numerator, denominator, name):
    """numerator / denominator, 0 where the denominator is not positive."""
    zero = record.to_array(0.0, denominator.dtype.base_dtype)
    return OPS["DivNoNan"].public(numerator, OPS["Maximum"].public(denominator, zero), name=name)


def add(variable, value):
    """variable += value."""
    return NAMES["v1"]["assign_add"](variable, value)


def collect(value, update, metrics_collections, updates_collections):
    """Puts the results into the collections asked for; returns them."""
    if metrics_collections:
        add_to_collections(metrics_collections, value)
    if updates_collections:
        add_to_collections(updates_collections, update)
    return value, update


def broadcast_weights(weights, values):
    """Weights as float32 in the shape of `values`; ValueError where they do not broadcast."""
    weights = core.cast(record.convert_to_tensor(weights), dtypes.float32)
    weights = checked_weights(weights, values)
    return OPS["Mul"].public(weights, creation.ones_like(values), name="broadcast_weights")


@op("WeightsLike", alike=False, own="values", differentiable=False)
def _weights_like(weights, values):
    """`weights` with a last dimension of 1 more or less, where that makes their rank that of `values`."""
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        return weights[..., 0]
    return weights[..., None] if weights.ndim and weights.ndim == values.ndim - 1 else weights


def matched(predictions, labels, weights=None):
    """Predictions, labels and weights without a last dimension of 1 that only one of them has."""
    predictions = record.convert_to_tensor(predictions)
    if labels is not None:
        labels = record.convert_to_tensor(labels)
        labels, predictions = squeeze_last(labels, predictions)
        predictions.shape.assert_is_compatible_with(labels.shape)
    if weights is not None:
        weights = record.convert_to_tensor(weights)
        if weights.shape.rank is None or weights.shape.rank and predictions.shape.rank is None:
            weights = _weights_like(weights, predictions)
        elif weights.shape.rank > 0:
            if weights.shape.rank == predictions.shape.rank + 1 and weights.shape.as_list()[-1] in (1, None):
                weights = OPS["Squeeze"].public(weights, axis=[-1])
            elif weights.shape.rank == predictions.shape.rank - 1:
                weights = OPS["ExpandDims"].public(weights, -1)
    return predictions, labels, weights


@export("", v1="metrics.mean")
def mean(values, weights=None, metrics_collections=None, updates_collections=None, name=None):
    """The (weighted) mean of all values seen."""
    refuse_eager("mean")
    with variable_scope(name, "mean", (values, weights)):
        values = core.cast(record.convert_to_tensor(values), dtypes.float32)
        total = metric_variable([], dtypes.float32, "total")
        count = metric_variable([], dtypes.float32, "count")
        if weights is None:
            n = core.cast(OPS["Size"].public(values), dtypes.float32)
        else:
            values, _, weights = matched(values, None, weights)
            weights = broadcast_weights(weights, values)
            values = OPS["Mul"].public(values, weights)
            n = reduce_sum(weights)
        update_total = add(total, reduce_sum(values))
        with control_dependencies([values]):
            update_count = add(count, n)
        value = divide(record.convert_to_tensor(total), record.convert_to_tensor(count), "value")
        update = divide(update_total, update_count, "update_op")
        return collect(value, update, metrics_collections, updates_collections)


@export("", v1="metrics.accuracy")
def accuracy(labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None):
    """How often predictions equal labels."""
    refuse_eager("accuracy")
    predictions, labels, weights = matched(predictions, labels, weights)
    if labels.dtype != predictions.dtype:
        predictions = core.cast(predictions, labels.dtype)
    correct = core.cast(OPS["Equal"].public(predictions, labels), dtypes.float32)
    return mean(correct, weights, metrics_collections, updates_collections, name or "accuracy")


def _floats(predictions, labels, weights):
    predictions, labels, weights = matched(predictions, labels, weights)
    return core.cast(predictions, dtypes.float32), core.cast(labels, dtypes.float32), weights


@export("", v1="metrics.mean_absolute_error")
def mean_absolute_error(
    labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None
):
    """The mean of |predictions - labels|."""
    refuse_eager("mean_absolute_error")
    predictions, labels, weights = _floats(predictions, labels, weights)
    errors = OPS["Abs"].public(predictions - labels)
    return mean(errors, weights, metrics_collections, updates_collections, name or "mean_absolute_error")


@export("", v1="metrics.mean_squared_error")
def mean_squared_error(
    labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None
):
    """The mean of (predictions - labels)^2."""
    refuse_eager("mean_squared_error")
    predictions, labels, weights = _floats(predictions, labels, weights)
    errors = OPS["SquaredDifference"].public(labels, predictions)
    return mean(errors, weights, metrics_collections, updates_collections, name or "mean_squared_error")


@export("", v1="metrics.root_mean_squared_error")
def root_mean_squared_error(
    labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None
):
    """The root of the mean squared error."""
    refuse_eager("root_mean_squared_error")
    value, update = mean_squared_error(labels, predictions, weights, None, None, name or "root_mean_squared_error")
    return collect(OPS["Sqrt"].public(value), OPS["Sqrt"].public(update), metrics_collections, updates_collections)


@export("", v1="metrics.mean_relative_error")
def mean_relative_error(
    labels, predictions, normalizer, weights=None, metrics_collections=None, updates_collections=None, name=None
):
    """The mean of |labels - predictions| / normalizer, 0 where the normalizer is."""
    refuse_eager("mean_relative_error")
    predictions, labels, weights = _floats(predictions, labels, weights)
    normalizer = core.cast(record.convert_to_tensor(normalizer), dtypes.float32)
    errors = OPS["DivNoNan"].public(OPS["Abs"].public(labels - predictions), normalizer)
    return mean(errors, weights, metrics_collections, updates_collections, name or "mean_relative_error")


@export("", v1="metrics.mean_cosine_distance")
def mean_cosine_distance(
    labels, predictions, dim, weights=None, metrics_collections=None, updates_collections=None, name=None
):
    """1 - the mean of sum(labels * predictions) along `dim`."""
    refuse_eager("mean_cosine_distance")
    predictions, labels, weights = _floats(predictions, labels, weights)
    product = reduce_sum(predictions * labels, [dim], keepdims=True)
    value, update = mean(product, weights, None, None, name or "mean_cosine_distance")
    return collect(1.0 - value, 1.0 - update, metrics_collections, updates_collections)


@export("", v1="metrics.percentage_below")
def percentage_below(values, threshold, weights=None, metrics_collections=None, updates_collections=None, name=None):
    """The share of values below a threshold."""
    refuse_eager("percentage_below")
    below = core.cast(OPS["Less"].public(values, threshold), dtypes.float32)
    return mean(below, weights, metrics_collections, updates_collections, name or "percentage_below_threshold")


@export("", v1="metrics.mean_tensor")
def mean_tensor(values, weights=None, metrics_collections=None, updates_collections=None, name=None):
    """The elementwise (weighted) mean of tensors of one shape."""
    refuse_eager("mean_tensor")
    with variable_scope(name, "mean", (values, weights)):
        values = core.cast(record.convert_to_tensor(values), dtypes.float32)
        total = metric_variable(values.shape.as_list(), dtypes.float32, "total_tensor")
        count = metric_variable(values.shape.as_list(), dtypes.float32, "count_tensor")
        n = creation.ones_like(values)
        if weights is not None:
            values, _, weights = matched(values, None, weights)
            weights = broadcast_weights(weights, values)
            values, n = values * weights, n * weights
        update_total = add(total, values)
        with control_dependencies([values]):
            update_count = add(count, n)
        value = divide(record.convert_to_tensor(total), record.convert_to_tensor(count), "value")
        update = divide(update_total, update_count, "update_op")
        return collect(value, update, metrics_collections, updates_collections)
