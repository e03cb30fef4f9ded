"""Counts of right and wrong: positives and negatives, precision, recall, AUC, mean IoU."""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import NAMES, OPS, export
from ..ops import array, core
from ..ops.reductions import reduce_sum
from ..variable_scope import variable_scope
from .means import add, broadcast_weights, collect, divide, matched, metric_variable, refuse_eager


def _op(type, *args, **kwargs):
    return OPS[type].public(*args, **kwargs)


def _bool(value):
    return core.cast(value, dtypes.bool)


def _count(correct, weights, metrics_collections=None, updates_collections=None):
    """(value, update): how many `correct` there were, weighted."""
    count = metric_variable([], dtypes.float32, "count")
    hits = core.cast(correct, dtypes.float32)
    if weights is not None:
        hits = hits * broadcast_weights(weights, hits)
    value = _op("Identity", record.convert_to_tensor(count))
    return collect(value, add(count, reduce_sum(hits)), metrics_collections, updates_collections)


def _rule(name, prediction, label):
    """Declares metrics.<name>: how often predictions and labels have these truth values."""

    def function(labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None):
        refuse_eager(words)
        with variable_scope(name, words, (predictions, labels, weights)):
            predictions, labels, weights = matched(
                _bool(record.convert_to_tensor(predictions)), _bool(record.convert_to_tensor(labels)), weights
            )
            hit = _op("LogicalAnd", _op("Equal", labels, label), _op("Equal", predictions, prediction))
            return _count(hit, weights, metrics_collections, updates_collections)

    words = name
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The weighted number of {name.replace('_', ' ')}."
    return export("", v1=f"metrics.{name}")(function)


true_positives = _rule("true_positives", True, True)
true_negatives = _rule("true_negatives", False, False)
false_positives = _rule("false_positives", True, False)
false_negatives = _rule("false_negatives", False, True)


def _share(words, other):
    """Declares precision or recall: true positives among them and `other`."""

    def function(labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None):
        refuse_eager(words)
        with variable_scope(name, words, (predictions, labels, weights)):
            predictions, labels, weights = matched(
                _bool(record.convert_to_tensor(predictions)), _bool(record.convert_to_tensor(labels)), weights
            )
            tp, update_tp = true_positives(labels, predictions, weights)
            wrong, update_wrong = other(labels, predictions, weights)
            value = divide(tp, tp + wrong, "value")
            update = divide(update_tp, update_tp + update_wrong, "update_op")
            return collect(value, update, metrics_collections, updates_collections)

    function.__name__ = function.__qualname__ = words
    function.__doc__ = f"The {words} of all predictions seen; 0 before there is any."
    return export("", v1=f"metrics.{words}")(function)


precision = _share("precision", false_positives)
recall = _share("recall", false_negatives)


def _at_thresholds(labels, predictions, thresholds, weights, which):
    """{kind: (value, update)} of the confusion counts [thresholds] at each threshold."""
    predictions, labels, weights = matched(
        core.cast(record.convert_to_tensor(predictions), dtypes.float32),
        _bool(record.convert_to_tensor(labels)),
        weights,
    )
    flat, truth = array.reshape(predictions, [1, -1]), array.reshape(labels, [1, -1])
    levels = record.convert_to_tensor(np.asarray(thresholds, np.float32).reshape(-1, 1))
    positive = _op("Greater", flat, levels)
    negative = _op("LogicalNot", positive)
    untruth = _op("LogicalNot", truth)
    if weights is not None:
        weights = array.reshape(broadcast_weights(weights, predictions), [1, -1])
    kinds = {"tp": (truth, positive), "fn": (truth, negative), "tn": (untruth, negative), "fp": (untruth, positive)}
    names = {"tp": "true_positives", "fn": "false_negatives", "tn": "true_negatives", "fp": "false_positives"}
    found = {}
    for kind in which:
        variable = metric_variable([len(thresholds)], dtypes.float32, names[kind])
        hits = core.cast(_op("LogicalAnd", *kinds[kind]), dtypes.float32)
        if weights is not None:
            hits = hits * weights
        found[kind] = record.convert_to_tensor(variable), add(variable, reduce_sum(hits, 1))
    return found


def _counts_at(words, kind):
    def function(
        labels, predictions, thresholds, weights=None, metrics_collections=None, updates_collections=None, name=None
    ):
        refuse_eager(words)
        with variable_scope(name, words.removesuffix("_at_thresholds"), (predictions, labels, weights)):
            value, update = _at_thresholds(labels, predictions, thresholds, weights, [kind])[kind]
            return collect(value, update, metrics_collections, updates_collections)

    function.__name__ = function.__qualname__ = words
    function.__doc__ = f"The number of {words.removesuffix('_at_thresholds').replace('_', ' ')} at each threshold."
    export("", v1=f"metrics.{words}")(function)


for _kind, _words in {
    "tp": "true_positives",
    "tn": "true_negatives",
    "fp": "false_positives",
    "fn": "false_negatives",
}.items():
    _counts_at(f"{_words}_at_thresholds", _kind)


def _share_at(words, other):
    def function(
        labels, predictions, thresholds, weights=None, metrics_collections=None, updates_collections=None, name=None
    ):
        refuse_eager(words)
        with variable_scope(name, words, (predictions, labels, weights)):
            found = _at_thresholds(labels, predictions, thresholds, weights, ["tp", other])
            both = [found["tp"][i] / (1e-7 + found["tp"][i] + found[other][i]) for i in (0, 1)]
            return collect(*both, metrics_collections, updates_collections)

    function.__name__ = function.__qualname__ = words
    function.__doc__ = f"The {words.partition('_')[0]} at each threshold."
    export("", v1=f"metrics.{words}")(function)


_share_at("precision_at_thresholds", "fp")
_share_at("recall_at_thresholds", "fn")


@export("", v1="metrics.auc")
def auc(
    labels,
    predictions,
    weights=None,
    num_thresholds=200,
    metrics_collections=None,
    updates_collections=None,
    curve="ROC",
    name=None,
    summation_method="trapezoidal",
    thresholds=None,
):
    """The area under the ROC or PR curve, from `num_thresholds` points."""
    refuse_eager("auc")
    if curve not in ("ROC", "PR"):
        raise ValueError(f"curve must be either ROC or PR, {curve} unknown")
    if summation_method not in ("trapezoidal", "minoring", "majoring", "careful_interpolation"):
        raise ValueError(f"Invalid summation_method: {summation_method}")
    if summation_method == "careful_interpolation" and curve != "PR":
        raise ValueError(f"Invalid summation_method for {curve}: careful_interpolation")
    with variable_scope(name, "auc", (labels, predictions, weights)):
        eps = 1e-7
        if thresholds is None:
            inner = [(i + 1) / (num_thresholds - 1) for i in range(num_thresholds - 2)]
        else:
            inner = sorted(thresholds)
        levels = [0.0 - eps, *inner, 1.0 + eps]
        found = _at_thresholds(labels, predictions, levels, weights, ["tp", "fn", "tn", "fp"])

        def area(i, name):
            tp, fn, tn, fp = (found[k][i] for k in ("tp", "fn", "tn", "fp"))
            if summation_method == "careful_interpolation":
                return _interpolated(tp, fp, fn, name)
            rate = (tp + eps) / (tp + fn + eps)
            x, y = (fp / (fp + tn + eps), rate) if curve == "ROC" else (rate, (tp + eps) / (tp + fp + eps))
            steps = x[:-1] - x[1:]
            if summation_method == "trapezoidal":
                heights = (y[:-1] + y[1:]) / 2.0
            else:
                heights = _op("Minimum" if summation_method == "minoring" else "Maximum", y[:-1], y[1:])
            return reduce_sum(steps * heights, name=name)

        return collect(area(0, "value"), area(1, "update_op"), metrics_collections, updates_collections)


def _interpolated(tp, fp, fn, name):
    """Davis and Goadrich 2006: between two points of a PR curve, counts (not precisions) are linear."""
    where = NAMES["v1"]["where"]
    dtp = tp[:-1] - tp[1:]
    p = tp + fp
    zero = record.to_array(0.0, dtypes.float32)
    slope = _op("DivNoNan", dtp, _op("Maximum", p[:-1] - p[1:], zero))
    intercept = tp[1:] - slope * p[1:]
    both = _op("LogicalAnd", p[:-1] > 0, p[1:] > 0)
    ratio = where(both, _op("DivNoNan", p[:-1], _op("Maximum", p[1:], zero)), NAMES["v1"]["ones_like"](p[1:]))
    pieces = slope * (dtp + intercept * _op("Log", ratio))
    total = _op("Maximum", tp[1:] + fn[1:], zero)
    return reduce_sum(_op("DivNoNan", pieces, total), name=name)


def _at_value(words, wanted, target, labels, predictions, weights, num_thresholds, collections, name, rate):
    """(value, update) of `rate(sensitivities, specificities)` over thresholds spread evenly."""
    refuse_eager(words)
    if target < 0 or target > 1:
        raise ValueError(f"`{wanted}` must be in the range [0, 1]. Currently, `{wanted}` got {target}.")
    with variable_scope(name, words, (predictions, labels, weights)):
        eps = 1e-7
        levels = [0.0 - eps, *[(i + 1) / (num_thresholds - 1) for i in range(num_thresholds - 2)], 1.0 + eps]
        found = _at_thresholds(labels, predictions, levels, weights, ["tp", "fn", "tn", "fp"])

        def at(i):
            tp, fn, tn, fp = (found[k][i] for k in ("tp", "fn", "tn", "fp"))
            return rate(tp / (tp + fn + eps), tn / (tn + fp + eps))

        return collect(at(0), at(1), *collections)


def _nearest(rates, target, last=False):
    """The first (or the last) place where `rates` comes closest to `target`."""
    distance = _op("Abs", rates - target)
    if not last:
        return NAMES["v1"]["argmin"](distance, 0)
    place = NAMES["v1"]["argmin"](NAMES["v1"]["reverse"](distance, [0]), 0)
    return rates.shape.as_list()[0] - 1 - place


@export("", v1="metrics.sensitivity_at_specificity")
def sensitivity_at_specificity(
    labels,
    predictions,
    specificity,
    weights=None,
    num_thresholds=200,
    metrics_collections=None,
    updates_collections=None,
    name=None,
):
    """The sensitivity where the specificity is closest to what is asked; ValueError for one outside [0, 1]."""

    def rate(sensitivities, specificities):
        return NAMES["v1"]["gather"](sensitivities, _nearest(specificities, specificity))

    return _at_value(
        "sensitivity_at_specificity", "specificity", specificity, labels, predictions, weights, num_thresholds,
        (metrics_collections, updates_collections), name, rate,
    )  # fmt: skip


@export("", v1="metrics.specificity_at_sensitivity")
def specificity_at_sensitivity(
    labels,
    predictions,
    sensitivity,
    weights=None,
    num_thresholds=200,
    metrics_collections=None,
    updates_collections=None,
    name=None,
):
    """The specificity where the sensitivity is closest to what is asked; ValueError for one outside [0, 1]."""

    def rate(sensitivities, specificities):
        return NAMES["v1"]["gather"](specificities, _nearest(sensitivities, sensitivity, last=True))

    return _at_value(
        "specificity_at_sensitivity", "sensitivity", sensitivity, labels, predictions, weights, num_thresholds,
        (metrics_collections, updates_collections), name, rate,
    )  # fmt: skip


def _confusion(labels, predictions, num_classes, weights):
    """(matrix, update): how often label i was predicted as j, float64 [num_classes, num_classes]."""
    total = metric_variable([num_classes, num_classes], dtypes.float64, "total_confusion_matrix")
    predictions = array.reshape(core.cast(record.convert_to_tensor(predictions), dtypes.int64), [-1])
    labels = array.reshape(core.cast(record.convert_to_tensor(labels), dtypes.int64), [-1])
    if weights is not None:
        weights = array.reshape(core.cast(record.convert_to_tensor(weights), dtypes.float64), [-1])
    now = NAMES["v1"]["confusion_matrix"](labels, predictions, num_classes, weights=weights, dtype=dtypes.float64)
    return record.convert_to_tensor(total), add(total, now)


@export("", v1="metrics.mean_iou")
def mean_iou(
    labels, predictions, num_classes, weights=None, metrics_collections=None, updates_collections=None, name=None
):
    """The mean over classes of intersection over union; the update is the confusion matrix."""
    refuse_eager("mean_iou")
    with variable_scope(name, "mean_iou", (predictions, labels, weights)):
        matrix, update = _confusion(labels, predictions, num_classes, weights)
        matrix = core.cast(matrix, dtypes.float32)
        rows, columns = reduce_sum(matrix, 0), reduce_sum(matrix, 1)
        diagonal = NAMES["v1"]["diag_part"](matrix)
        union = rows + columns - diagonal
        valid = reduce_sum(core.cast(_op("NotEqual", union, record.to_array(0.0, dtypes.float32)), dtypes.float32))
        value = _op("DivNoNan", reduce_sum(_op("DivNoNan", diagonal, union)), valid, name="mean_iou")
        return collect(value, update, metrics_collections, updates_collections)


@export("", v1="metrics.mean_per_class_accuracy")
def mean_per_class_accuracy(
    labels, predictions, num_classes, weights=None, metrics_collections=None, updates_collections=None, name=None
):
    """The mean over classes of how often their labels were predicted; the update gives the accuracies [num_classes]."""
    refuse_eager("mean_per_class_accuracy")
    with variable_scope(name, "mean_accuracy", (predictions, labels, weights)):
        total = metric_variable([num_classes], dtypes.float32, "total")
        count = metric_variable([num_classes], dtypes.float32, "count")
        labels = array.reshape(core.cast(record.convert_to_tensor(labels), dtypes.int64), [-1])
        predictions = array.reshape(core.cast(record.convert_to_tensor(predictions), dtypes.int64), [-1])
        ones = core.cast(_op("Equal", labels, labels), dtypes.float32)
        right = core.cast(_op("Equal", predictions, labels), dtypes.float32)
        if weights is not None:
            weights = array.reshape(core.cast(record.convert_to_tensor(weights), dtypes.float32), [-1])
            right, ones = right * weights, ones * weights
        sums = NAMES["v1"]["unsorted_segment_sum"]
        update_total, update_count = (
            add(total, sums(right, labels, num_classes)),
            add(count, sums(ones, labels, num_classes)),
        )
        each = divide(record.convert_to_tensor(total), record.convert_to_tensor(count), None)
        value = NAMES["v1"]["reduce_mean"](each, name="mean_accuracy")
        return collect(value, divide(update_total, update_count, "update_op"), metrics_collections, updates_collections)
