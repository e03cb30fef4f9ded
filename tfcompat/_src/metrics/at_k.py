"""Precision, recall and average precision of the k most probable classes, for labels in sets of any size."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import NAMES, OPS, export, op
from ..losses.weighted import checked_weights
from ..ops import array, core
from ..ops.reductions import reduce_sum
from ..ops.sparse import as_sparse
from ..scopes import name_scope
from .means import add, collect, divide, metric_variable, refuse_eager

_ABSENT = np.iinfo(np.int64).min  # fills up the rows of sparse labels


def _distinct(values):
    """[..., n] -> bool [..., n]: the first of equal values in its row."""
    n = values.shape[-1]
    earlier = np.tril(np.ones((n, n), bool), -1)
    return ~jnp.any((values[..., :, None] == values[..., None, :]) & earlier, axis=-1)


def _among(values, others):
    """[..., n], [..., m] -> bool [..., n]: which values are among the others of the same row."""
    return jnp.any(values[..., :, None] == others[..., None, :], axis=-1)


def _check_rows(predictions, labels):
    if predictions.shape[:-1] != labels.shape[:-1]:
        raise errors.InvalidArgumentError(
            None, None,
            f"predictions {list(predictions.shape)} and labels {list(labels.shape)} differ before their last dimension.",
        )  # fmt: skip


@op("ConfusionAtK", differentiable=False)
def _confusion_at_k(predictions, labels, *, class_id=None):
    """Per row, as float64: labels predicted, predictions which are no labels, labels not predicted."""
    _check_rows(predictions, labels)
    chosen, true = _distinct(predictions), _distinct(labels) & (labels != _ABSENT)
    if class_id is not None:
        chosen, true = chosen & (predictions == class_id), true & (labels == class_id)
    right, found = _among(predictions, labels), _among(labels, predictions)
    return tuple(jnp.sum(part, -1, dtype=jnp.float64) for part in (chosen & right, chosen & ~right, true & ~found))


@op("AveragePrecisionAtK", differentiable=False)
def _average_precision(predictions, labels, *, sparse=False):
    """Per row, as float64: the mean over the labels of the precision at the place where each was predicted."""
    _check_rows(predictions, labels)
    k = predictions.shape[-1]
    right = _among(predictions, labels).astype(jnp.float64)
    precision = lax.cumsum(right, axis=right.ndim - 1) / np.arange(1, k + 1, dtype=np.float64)
    counted = _distinct(labels) & (labels != _ABSENT) if sparse else labels >= 0
    return jnp.sum(precision * right, -1) / jnp.minimum(jnp.sum(counted, -1, dtype=jnp.int64), k).astype(jnp.float64)


def _dense_labels(labels, predictions):
    """(labels as int64 [..., n] of the rank of predictions, whether they were sparse)."""
    sparse = hasattr(labels, "dense_shape")
    if sparse:
        labels = as_sparse(labels)
        values = core.cast(labels.values, dtypes.int64)
        absent = record.to_array(_ABSENT, dtypes.int64)
        labels = OPS["SparseToDense"].public(labels.indices, labels.dense_shape, values, absent)
    else:
        labels = core.cast(record.convert_to_tensor(labels), dtypes.int64)
    rank, wanted = labels.shape.rank, predictions.shape.rank
    if rank is None or wanted is None or rank == wanted:
        return labels, sparse
    if rank + 1 != wanted:
        raise ValueError(
            f"Unexpected labels shape {labels.shape} for predictions shape {predictions.shape}. Predictions rank should "
            "be the same rank as labels rank or labels rank plus one."
        )
    return array.expand_dims(labels, -1), sparse


def _weighted(values, weights):
    if weights is None:
        return values
    weights = core.cast(record.convert_to_tensor(weights), dtypes.float64)
    return values * checked_weights(weights, values)


def _at(words, k, class_id=None):
    return f"{words}_at_{'k' if k is None else k}{'' if class_id is None else f'_class{class_id}'}"


def _sum(values, words):
    """(total, update) of a metric variable named after the scope it is made in."""
    with name_scope(None, words, [values]) as scope:
        total = metric_variable([], dtypes.float64, scope)
        return record.convert_to_tensor(total), add(total, reduce_sum(values))


def _top_k(predictions, k):
    return NAMES["v1"]["nn.top_k"](predictions, k)[1]


def _share_at_top_k(words, other, index):
    """The body of precision_at_top_k or recall_at_top_k: true positives among them and `other`."""

    def function(labels, predictions, k, class_id, weights, metrics_collections, updates_collections, name):
        with name_scope(name, _at(words, k, class_id), [predictions, labels, weights]) as scope:
            predictions = core.cast(record.convert_to_tensor(predictions), dtypes.int64)
            labels, _ = _dense_labels(labels, predictions)
            counts = _confusion_at_k(predictions, labels, class_id=None if class_id is None else int(class_id))
            hits, hit_update = _sum(_weighted(counts[0], weights), _at("true_positive", k, class_id))
            wrong, wrong_update = _sum(_weighted(counts[index], weights), _at(other, k, class_id))
            value = OPS["RealDiv"].public(hits, hits + wrong, name=scope)
            update = OPS["RealDiv"].public(hit_update, hit_update + wrong_update, name="update")
            return collect(value, update, metrics_collections, updates_collections)

    return function


_precision = _share_at_top_k("precision", "false_positive", 1)
_recall = _share_at_top_k("recall", "false_negative", 2)


@export("", v1="metrics.precision_at_top_k")
def precision_at_top_k(
    labels,
    predictions_idx,
    k=None,
    class_id=None,
    weights=None,
    metrics_collections=None,
    updates_collections=None,
    name=None,
):
    """The share of the predicted classes `predictions_idx` [..., k] which are labels (of `class_id` alone, if given)."""
    refuse_eager("precision_at_top_k")
    return _precision(labels, predictions_idx, k, class_id, weights, metrics_collections, updates_collections, name)


@export("", v1="metrics.recall_at_top_k")
def recall_at_top_k(
    labels,
    predictions_idx,
    k=None,
    class_id=None,
    weights=None,
    metrics_collections=None,
    updates_collections=None,
    name=None,
):
    """The share of the labels which are among the predicted classes `predictions_idx` [..., k]."""
    refuse_eager("recall_at_top_k")
    return _recall(labels, predictions_idx, k, class_id, weights, metrics_collections, updates_collections, name)


@export("", v1="metrics.precision_at_k metrics.sparse_precision_at_k")
def precision_at_k(
    labels, predictions, k, class_id=None, weights=None, metrics_collections=None, updates_collections=None, name=None
):
    """The share of the k most probable classes of `predictions` [..., classes] which are labels."""
    refuse_eager("sparse_precision_at_k")
    with name_scope(name, _at("precision", k, class_id), [predictions, labels, weights]) as scope:
        best = _top_k(predictions, k)
        return _precision(labels, best, k, class_id, weights, metrics_collections, updates_collections, scope)


@export("", v1="metrics.recall_at_k")
def recall_at_k(
    labels, predictions, k, class_id=None, weights=None, metrics_collections=None, updates_collections=None, name=None
):
    """The share of the labels which are among the k most probable classes of `predictions` [..., classes]."""
    refuse_eager("recall_at_k")
    with name_scope(name, _at("recall", k, class_id), [predictions, labels, weights]) as scope:
        best = _top_k(predictions, k)
        return _recall(labels, best, k, class_id, weights, metrics_collections, updates_collections, scope)


@export("", v1="metrics.average_precision_at_k metrics.sparse_average_precision_at_k")
def average_precision_at_k(
    labels, predictions, k, weights=None, metrics_collections=None, updates_collections=None, name=None
):
    """The mean over the rows of the average precision of their k most probable classes; ValueError for k < 1."""
    refuse_eager("sparse_average_precision_at_k")
    if k < 1:
        raise ValueError(f"Invalid k={k}. `k` should be >= 1.")
    with name_scope(name, _at("average_precision", k), [predictions, labels, weights]) as scope:
        predictions = record.convert_to_tensor(predictions)
        classes = core.cast(OPS["Shape"].public(predictions)[-1], dtypes.int64)
        best = core.cast(_top_k(predictions, k), dtypes.int64)
        labels, sparse = _dense_labels(labels, best)
        # A label beyond the classes is none that can be found.
        outside = OPS["GreaterEqual"].public(labels, classes)
        labels = OPS["SelectV2"].public(outside, record.to_array(-1, dtypes.int64), labels)
        return _mean_precision(labels, best, sparse, weights, metrics_collections, updates_collections, scope)


def _mean_precision(labels, best, sparse, weights, metrics_collections, updates_collections, scope):
    each = _average_precision(best, labels, sparse=sparse)
    counts = OPS["OnesLike"].public(each)
    most, most_update = _sum(_weighted(counts, weights), "max")
    total, total_update = _sum(_weighted(each, weights), "total")
    value = divide(total, most, "mean")
    return collect(value, divide(total_update, most_update, scope), metrics_collections, updates_collections)
