"""tf.contrib.metrics: accuracy of a batch, and the streaming_* names of tf.metrics, which take predictions first."""

from __future__ import annotations

import inspect

from .. import (
    metrics,  # noqa: F401 - declares tf.metrics
    record,
)
from ..declare import NAMES, OPS, export, publish
from ..ops.core import cast

_STREAMING = (
    "accuracy mean_absolute_error mean_squared_error root_mean_squared_error precision recall auc true_positives true_negatives "
    "false_positives false_negatives mean_iou sensitivity_at_specificity specificity_at_sensitivity"
)


@export("", v1="contrib.metrics.accuracy")
def accuracy(predictions, labels, weights=None, name=None):
    """The share of predictions equal to their labels, in this batch; ValueError for dtypes that differ."""
    predictions, labels = record.convert_to_tensor(predictions), record.convert_to_tensor(labels)
    if labels.dtype.base_dtype is not predictions.dtype.base_dtype:
        raise ValueError(f"dtypes of predictions and labels should match, given {predictions.dtype} and {labels.dtype}")
    hits = cast(OPS["Equal"].public(predictions, labels), "float32")
    if weights is None:
        return OPS["Mean"].public(hits, None)
    weights = cast(weights, "float32")
    return OPS["Sum"].public(hits * weights, None) / OPS["Sum"].public(weights * OPS["OnesLike"].public(hits), None)


def _streaming(function):
    """A metric of tf.metrics with its first two arguments exchanged."""
    settings = list(inspect.signature(function).parameters.values())[2:]

    def streaming(predictions, labels, *args, **kwargs):
        return function(labels, predictions, *args, **kwargs)

    streaming.__name__ = f"streaming_{function.__name__}"
    streaming.__doc__ = f"tf.metrics.{function.__name__} of (labels, predictions): (value, update op)."
    first = [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in ("predictions", "labels")]
    streaming.__signature__ = inspect.Signature([*first, *settings])
    return streaming


for _name in _STREAMING.split():
    publish(_streaming(NAMES["v1"][f"metrics.{_name}"]), "", v1=f"contrib.metrics.streaming_{_name}")
publish(NAMES["v1"]["metrics.mean"], "", v1="contrib.metrics.streaming_mean")
publish(NAMES["v1"]["confusion_matrix"], "", v1="contrib.metrics.confusion_matrix")
