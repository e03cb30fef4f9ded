"""Weights, reductions and collections of TF1's losses."""

from __future__ import annotations

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..graph import context
from ..ops import arithmetic, array, core, creation, products
from ..ops.reductions import reduce_sum
from ..scopes import GraphKeys, add_to_collection, get_collection, name_scope


@export("", v1="losses.Reduction")
class Reduction:
    """How elementwise losses become one number."""

    NONE = "none"
    SUM = "weighted_sum"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    MEAN = "weighted_mean"
    SUM_BY_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"
    SUM_OVER_NONZERO_WEIGHTS = SUM_BY_NONZERO_WEIGHTS

    @classmethod
    def all(cls):
        return (
            cls.NONE,
            cls.SUM,
            cls.MEAN,
            cls.SUM_OVER_BATCH_SIZE,
            cls.SUM_OVER_NONZERO_WEIGHTS,
            cls.SUM_BY_NONZERO_WEIGHTS,
        )

    @classmethod
    def validate(cls, key):
        """Raises ValueError where `key` is no reduction."""
        if key not in cls.all():
            raise ValueError(f"Invalid Reduction Key {key}.")


def check_broadcastable(weights, values):
    """Raises ValueError where the static shapes tell that weights [] or [d or 1, ...] do not fit values [d, ...]."""
    w, v = weights.shape, values.shape
    if w.rank is None or v.rank is None or w.rank == 0:
        return
    text = (
        f"weights can not be broadcast to values. values.rank={v.rank}. weights.rank={w.rank}. "
        f"values.shape={v}. weights.shape={w}."
    )
    if w.rank != v.rank or any(
        a not in (1, None, b) and b is not None for a, b in zip(w.as_list(), v.as_list(), strict=True)
    ):
        raise ValueError(text)


@op("AssertBroadcastable", name="assert_broadcastable", own="values", alike=False)
def _assert_broadcastable(weights, values):
    """`weights`; what only the run can tell raises InvalidArgumentError there."""
    fit = weights.ndim == values.ndim and all(w in (1, v) for w, v in zip(weights.shape, values.shape, strict=True))
    if weights.ndim and not fit:
        raise errors.InvalidArgumentError(
            None, None,
            f"weights can not be broadcast to values. values.shape={list(values.shape)}. weights.shape={list(weights.shape)}.",
        )  # fmt: skip
    return weights


def checked_weights(weights, values):
    """`weights` that broadcast to `values`; ValueError where they do not, InvalidArgumentError where the run finds out."""
    check_broadcastable(weights, values)
    if weights.shape.rank == 0 or weights.shape.is_fully_defined() and values.shape.is_fully_defined():
        return weights
    return _assert_broadcastable(weights, values)


@op("RemoveSqueezableDimensions", name="remove_squeezable_dimensions", alike=False, own="two")
def _squeeze_either(one, two, *, expected_difference):
    difference = two.ndim - one.ndim
    if difference == expected_difference + 1 and two.shape[-1] == 1:
        two = two[..., 0]
    elif difference == expected_difference - 1 and one.shape[-1] == 1:
        one = one[..., 0]
    return one, two


def squeeze_last(one, two, expected_difference=0):
    """Two tensors of the same rank (or `expected_difference` apart): a last dimension of size 1 too many is dropped."""
    if one.shape.rank is None or two.shape.rank is None:
        return _squeeze_either(one, two, expected_difference=expected_difference)
    difference = two.shape.rank - one.shape.rank
    if difference == expected_difference + 1 and two.shape.as_list()[-1] in (1, None):
        two = array.squeeze(two, [-1])
    elif difference == expected_difference - 1 and one.shape.as_list()[-1] in (1, None):
        one = array.squeeze(one, [-1])
    return one, two


@op("SqueezeWeights", name="Squeeze", own="values", alike=False)
def _squeeze_weights(weights, values):
    return weights[..., 0] if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1 else weights


def squeeze_weights(weights, values):
    """`weights` without a last dimension of 1 that `values` do not have."""
    if weights.shape.rank is None or weights.shape.rank and values.shape.rank is None:
        return _squeeze_weights(weights, values)
    if weights.shape.rank and weights.shape.rank == values.shape.rank + 1 and weights.shape.as_list()[-1] in (1, None):
        return array.squeeze(weights, [-1])
    return weights


def count_present(losses, weights, per_batch=False):
    """How many losses have a weight that is not zero, as float32: a scalar, or [n, 1, ...] per example."""
    if isinstance(weights, float) or weights.shape.rank == 0 and not isinstance(weights, record.Tensor):
        weights = record.convert_to_tensor(weights)
    with name_scope(None, "num_present", [losses, weights]) as scope:
        zero = OPS["Equal"].public(weights, record.to_array(0.0, weights.dtype))
        present = arithmetic.where(zero, creation.zeros_like(weights), creation.ones_like(weights))
        present = OPS["Mul"].public(present, creation.ones_like(losses), name="broadcast_weights")
        if per_batch:
            return reduce_sum(present, list(range(1, present.shape.rank)), keepdims=True, name=scope or None)
        return reduce_sum(present, name=scope or None)


def divide(total, count, name="value"):
    """total / count, and 0 where count is 0."""
    return OPS["DivNoNan"].public(total, count, name=name)


@export("", v1="losses.compute_weighted_loss")
def compute_weighted_loss(
    losses, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES, reduction=Reduction.SUM_BY_NONZERO_WEIGHTS
):
    """`losses` times `weights`, reduced, and added to `loss_collection`.

    Raises ValueError for weights that do not broadcast.
    """
    Reduction.validate(reduction)
    with name_scope(scope, "weighted_loss", [losses, weights]):
        losses = record.convert_to_tensor(losses)
        kept = losses.dtype.base_dtype
        losses = core.cast(losses, dtypes.float32)
        constant = 1.0 if isinstance(weights, (int, float)) and weights == 1 else None
        weights = core.cast(record.convert_to_tensor(weights), dtypes.float32)
        weights = checked_weights(weights, losses)
        losses = losses if constant and reduction != Reduction.NONE else OPS["Mul"].public(losses, weights)
        loss = losses
        if reduction != Reduction.NONE:
            loss = reduce_sum(losses)
            if reduction == Reduction.MEAN:
                loss = divide(loss, reduce_sum(creation.ones_like(losses) * weights))
            elif (
                reduction == Reduction.SUM_OVER_BATCH_SIZE or reduction == Reduction.SUM_BY_NONZERO_WEIGHTS and constant
            ):
                loss = divide(loss, core.cast(OPS["Size"].public(losses), dtypes.float32))
            elif reduction == Reduction.SUM_BY_NONZERO_WEIGHTS:
                loss = divide(loss, count_present(losses, weights))
        loss = core.cast(loss, kept)
        add_loss(loss, loss_collection)
        return loss


# -- collections ------------------------------------------------------------------------------------------------------
@export("", v1="losses.add_loss")
def add_loss(loss, loss_collection=GraphKeys.LOSSES):
    """Adds a loss to the collection, unless that is None or nothing collects (eager execution)."""
    if loss_collection and context.graph is not None:
        add_to_collection(loss_collection, loss)


@export("", v1="losses.get_losses")
def get_losses(scope=None, loss_collection=GraphKeys.LOSSES):
    """The losses collected, those whose name matches `scope`."""
    return get_collection(loss_collection, scope)


@export("", v1="losses.get_regularization_losses")
def get_regularization_losses(scope=None):
    """The losses that regularizers added."""
    return get_collection(GraphKeys.REGULARIZATION_LOSSES, scope)


@export("", v1="losses.get_regularization_loss")
def get_regularization_loss(scope=None, name="total_regularization_loss"):
    """The sum of the regularization losses, 0.0 where there are none."""
    losses = get_regularization_losses(scope)
    return products.add_n(losses, name=name) if losses else record.convert_to_tensor(0.0)


@export("", v1="losses.get_total_loss")
def get_total_loss(add_regularization_losses=True, name="total_loss", scope=None):
    """The sum of all losses collected, and of the regularization losses."""
    losses = get_losses(scope=scope)
    if add_regularization_losses:
        losses += get_regularization_losses(scope=scope)
    return products.add_n(losses, name=name)
