"""The loss functions of tf.nn: cross-entropies and the Poisson loss."""

from __future__ import annotations

import inspect

import jax
import jax.numpy as jnp
import numpy as np

from .. import dtypes, errors, record
from ..declare import NAMES, OPS, export, op
from ..engine.dtype_checks import wrong_dtype
from ..graph import context
from ..scopes import name_scope
from .core import cast
from .math import FLOATS, with_jvp
from .nn import scoped
from .reductions import old_name


def named_only(name):
    """Makes a function refuse positional arguments, as TF1 did: before it, these took (logits, labels)."""

    def decorate(function):
        def guarded(*args, _sentinel=None, **kwargs):
            if args or _sentinel is not None:
                raise ValueError(f"Only call `{name}` with named arguments (labels=..., logits=..., ...)")
            return function(**kwargs)

        guarded.__name__ = guarded.__qualname__ = name
        guarded.__doc__, guarded.__signature__ = function.__doc__, inspect.signature(function)
        return export("", v1=f"nn.{name}")(guarded)

    return decorate


def _both(labels, logits, name):
    """`logits` as a tensor and `labels` as one of its dtype; ValueError where either is missing."""
    if labels is None or logits is None:
        raise ValueError(
            f"Both `labels` and `logits` must be provided for {name}. Received: labels={labels} and logits={logits}"
        )
    logits = record.convert_to_tensor(logits, name="logits")
    if name.startswith("softmax"):  # the one loss whose labels TensorFlow casts
        given = isinstance(labels, record.Tensor)
        labels = record.convert_to_tensor(labels, None if given else logits.dtype, name="labels")
        return cast(labels, logits.dtype.base_dtype), logits
    return record.convert_to_tensor(labels, logits.dtype, name="labels"), logits


# -- softmax ----------------------------------------------------------------------------------------------------------
def _log_probabilities(logits, axis):
    shifted = logits - jax.lax.stop_gradient(jnp.max(logits, axis, keepdims=True))
    return shifted - jnp.log(jnp.sum(jnp.exp(shifted), axis, keepdims=True))


def _softmax_cross_entropy(axis):
    # By the logits: softmax - labels, which is TensorFlow's answer also for labels that do not sum to one.
    return with_jvp(
        lambda labels, logits: -jnp.sum(labels * _log_probabilities(logits, axis), axis),
        lambda labels, logits, _, t: -jnp.sum(_log_probabilities(logits, axis) * t, axis),
        lambda labels, logits, _, t: jnp.sum((jnp.exp(_log_probabilities(logits, axis)) - labels) * t, axis),
    )


@op("SoftmaxCrossEntropyWithLogits", dtypes=FLOATS)
def softmax_cross_entropy_kernel(labels, logits, *, axis=-1):
    """Losses of the shape of `logits` without `axis`; in half precision the sums are taken in float32."""
    fit = labels.ndim == logits.ndim and all(
        1 in pair or pair[0] == pair[1] for pair in zip(labels.shape, logits.shape)
    )
    if not fit or not -logits.ndim <= axis < logits.ndim:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"logits and labels must be broadcastable: logits_size={list(logits.shape)} "
            f"labels_size={list(labels.shape)}",
        )
    labels, logits = jnp.broadcast_arrays(labels, logits)
    narrow = logits.dtype.itemsize < 4
    loss = _softmax_cross_entropy(axis)(*[v.astype(jnp.float32) if narrow else v for v in (labels, logits)])
    return loss.astype(logits.dtype)


def _record_softmax_cross_entropy(labels, logits, axis, name, default):
    labels, logits = _both(labels, logits, "softmax_cross_entropy_with_logits")
    settings = {} if axis is None or axis == -1 else {"axis": axis}
    return scoped(softmax_cross_entropy_kernel, [labels, logits], settings, name, default, "Reshape_2")


@export("nn.softmax_cross_entropy_with_logits", v1="")
def softmax_cross_entropy_with_logits(labels, logits, axis=-1, name=None):
    """Cross-entropy of distributions `labels` against softmax(`logits`) along `axis`; gradients flow into both."""
    return _record_softmax_cross_entropy(labels, logits, axis, name, "softmax_cross_entropy_with_logits")


@export("", v1="nn.softmax_cross_entropy_with_logits_v2")
def softmax_cross_entropy_with_logits_v2(labels, logits, axis=None, name=None, dim=None):
    """TF1's softmax cross-entropy whose labels get a gradient."""
    axis = old_name("axis", axis, "dim", dim)
    return _record_softmax_cross_entropy(labels, logits, axis, name, "softmax_cross_entropy_with_logits")


@named_only("softmax_cross_entropy_with_logits")
def softmax_cross_entropy_with_logits_v1(labels=None, logits=None, dim=-1, name=None, axis=None):
    """TF1's softmax cross-entropy: no gradient flows into the labels."""
    labels, logits = _both(labels, logits, "softmax_cross_entropy_with_logits")
    if context.graph is None:
        labels = OPS["StopGradient"].public(labels)
    else:
        with name_scope(name, "softmax_cross_entropy_with_logits_sg") as scope:
            name = scope
            labels = OPS["StopGradient"].public(labels, name="labels_stop_gradient")
    axis = dim if axis is None else axis
    return _record_softmax_cross_entropy(labels, logits, axis, name, "softmax_cross_entropy_with_logits_sg")


def _one_hot(labels, logits):
    return labels[..., None] == jax.lax.broadcasted_iota(labels.dtype, logits.shape, logits.ndim - 1)


def _sparse_value(labels, logits):
    log_p = _log_probabilities(logits, -1)
    inside = (labels >= 0) & (labels < logits.shape[-1])
    picked = jnp.take_along_axis(log_p, jnp.where(inside, labels, 0)[..., None], axis=-1)[..., 0]
    return jnp.where(inside, -picked, jnp.nan)


def _sparse_tangent(labels, logits, by_logits):
    inside = ((labels >= 0) & (labels < logits.shape[-1]))[..., None]
    slope = jnp.exp(_log_probabilities(logits, -1)) - _one_hot(labels, logits)
    return jnp.sum(jnp.where(inside, slope, jnp.nan) * by_logits, -1)


@op("SparseSoftmaxCrossEntropyWithLogits", own="labels")
def sparse_softmax_cross_entropy_kernel(labels, logits):
    """A label outside the classes gives NaN, as TensorFlow does on a GPU."""
    if labels.ndim != logits.ndim - 1:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"labels must be 1-D, but got shape {list(labels.shape)} for logits of shape {list(logits.shape)}",
        )
    narrow = logits.dtype.itemsize < 4
    loss = with_jvp(lambda x: _sparse_value(labels, x), lambda x, _, t: _sparse_tangent(labels, x, t))
    return loss(logits.astype(jnp.float32) if narrow else logits).astype(logits.dtype)


@op(
    "SparseSoftmaxCrossEntropyOfAnyRank",
    name="SparseSoftmaxCrossEntropyWithLogits",
    own="labels",
    abstract=lambda labels, logits: (logits.dtype, labels.shape or (logits.shape and logits.shape[:-1])),
)
def _any_rank_kernel(labels, logits):
    """The same where a graph does not know the ranks."""
    return sparse_softmax_cross_entropy_kernel.op.kernel(labels, logits)


def _check_sparse(labels, logits):
    """Raises TypeError (eagerly InvalidArgumentError) for dtypes, ValueError for shapes that do not fit."""
    if logits.dtype.name not in FLOATS:
        raise wrong_dtype("SparseSoftmaxCrossEntropyWithLogits", "features", "T", logits.dtype, FLOATS.split())
    if labels.dtype.base_dtype not in (
        dtypes.int32,
        dtypes.int64,
        dtypes.int16,
        dtypes.int8,
        dtypes.uint8,
        dtypes.uint16,
    ):
        raise wrong_dtype("SparseSoftmaxCrossEntropyWithLogits", "labels", "Tlabels", labels.dtype, ["int32", "int64"])
    classes, rows = logits._shape_tuple(), labels._shape_tuple()
    if classes is None or rows is None:
        return
    if not classes:
        raise ValueError(f"`logits` cannot be a scalar. Received logits={logits}")
    if len(rows) != len(classes) - 1:
        raise ValueError(
            "`labels.shape.rank` must equal `logits.shape.rank - 1`. Received: "
            f"labels.shape={labels.shape} of rank {len(rows)} and logits.shape={logits.shape} of rank {len(classes)}"
        )
    if any(a != b for a, b in zip(rows, classes[:-1], strict=True) if a is not None and b is not None):
        raise ValueError(
            "`labels.shape` must equal `logits.shape` except for the last dimension. Received: "
            f"labels.shape={labels.shape} and logits.shape={logits.shape}"
        )


def _refused(known, classes):
    """What is wrong with known labels, or None."""
    if known is None or classes is None or not known.size or 0 <= known.min() <= known.max() < classes:
        return None
    bad = known.min() if known.min() < 0 else known.max()
    return (
        f"Received a label value of {bad} which is outside the valid range of [0, {classes}).  Label values: "
        f"{' '.join(str(v) for v in known.ravel()[:32])} [Op:SparseSoftmaxCrossEntropyWithLogits]"
    )


@op("RefuseLabels", name="labels", host=True, abstract=lambda labels, *, message: (labels.dtype, labels.shape))
def _refuse_labels(labels, *, message):
    """Constant labels of a graph that are no classes are found when it is built, and refused when it runs."""
    raise errors.InvalidArgumentError(None, None, message)


def _check_range(labels, logits):
    """`labels`; known ones outside the classes raise InvalidArgumentError, in a graph when it runs."""
    shape = logits._shape_tuple()
    if context.graph is None:
        known = labels._slot.value
        known = known if known.__class__ is np.ndarray else None
    else:
        known = record.static_value(labels)
    message = _refused(known, shape[-1] if shape else None)
    if message is None:
        return labels
    if context.graph is None:
        raise errors.InvalidArgumentError(None, None, message)
    return _refuse_labels(labels, message=message)


def _sparse(labels, logits, name):
    if labels is None or logits is None:
        raise ValueError(
            "Both `labels` and `logits` must be provided for sparse_softmax_cross_entropy_with_logits. "
            f"Received: labels={labels} and logits={logits}"
        )
    labels, logits = record.convert_to_tensor(labels), record.convert_to_tensor(logits)
    _check_sparse(labels, logits)
    labels = _check_range(labels, logits)
    if context.graph is None:
        return sparse_softmax_cross_entropy_kernel(labels, logits)
    rank = logits._rank()
    with name_scope(name, "SparseSoftmaxCrossEntropyWithLogits"):
        inner = (
            "Reshape_2"
            if rank is not None and rank != 2
            else (name or "SparseSoftmaxCrossEntropyWithLogits").rstrip("/")
        )
        kernel = _any_rank_kernel if rank is None or labels._rank() is None else sparse_softmax_cross_entropy_kernel
        return kernel(labels, logits, name=inner.rpartition("/")[2])


@export("nn.sparse_softmax_cross_entropy_with_logits", v1="")
def sparse_softmax_cross_entropy_with_logits(labels, logits, name=None):
    """Cross-entropy of class numbers `labels` [...] against softmax(`logits` [..., classes]).

    Raises ValueError for ranks or shapes that do not fit, InvalidArgumentError for known labels outside the classes.
    """
    return _sparse(labels, logits, name)


@named_only("sparse_softmax_cross_entropy_with_logits")
def _sparse_v1(labels=None, logits=None, name=None):
    """TF1's sparse softmax cross-entropy: named arguments only."""
    return _sparse(labels, logits, name)


# -- sigmoid ----------------------------------------------------------------------------------------------------------
def _sigmoid_value(labels, logits):
    return jnp.maximum(logits, 0) - logits * labels + jnp.log1p(jnp.exp(-jnp.abs(logits)))


_sigmoid_cross_entropy = with_jvp(
    _sigmoid_value,
    lambda labels, logits, _, t: -logits * t,
    lambda labels, logits, _, t: (jax.nn.sigmoid(logits) - labels) * t,
)


@op("SigmoidCrossEntropyWithLogits", name="logistic_loss", dtypes=FLOATS)
def sigmoid_cross_entropy_kernel(labels, logits):
    if labels.shape != logits.shape:
        raise errors.InvalidArgumentError(
            None, None, f"`logits` and `labels` must have the same shape, received ({logits.shape} vs {labels.shape})."
        )
    return _sigmoid_cross_entropy(labels, logits)


def _check_same_shape(labels, logits):
    if not labels.shape.is_compatible_with(logits.shape):
        raise ValueError(
            f"`logits` and `labels` must have the same shape, received ({logits.shape} vs {labels.shape})."
        )


@export("nn.sigmoid_cross_entropy_with_logits", v1="")
def sigmoid_cross_entropy_with_logits(labels=None, logits=None, name=None):
    """Elementwise cross-entropy of `labels` in [0, 1] against sigmoid(`logits`); ValueError where the shapes differ."""
    labels, logits = _both(labels, logits, "sigmoid_cross_entropy_with_logits")
    _check_same_shape(labels, logits)
    return sigmoid_cross_entropy_kernel(labels, logits, name=name)


named_only("sigmoid_cross_entropy_with_logits")(sigmoid_cross_entropy_with_logits)


# log(1 + exp(-x)), which TensorFlow adds up from abs(x) and relu(-x), whose derivatives at zero are zero.
_softplus_of_negative = with_jvp(
    lambda x: jnp.log1p(jnp.exp(-jnp.abs(x))) + jnp.maximum(-x, 0),
    lambda x, _, t: jnp.where(x == 0, 0, -jax.nn.sigmoid(-x)) * t,
)


@op("WeightedCrossEntropyWithLogits", name="logistic_loss", dtypes=FLOATS)
def weighted_cross_entropy_kernel(labels, logits, pos_weight):
    return (1 - labels) * logits + (1 + (pos_weight - 1) * labels) * _softplus_of_negative(logits)


@export("nn.weighted_cross_entropy_with_logits", v1="")
def weighted_cross_entropy_with_logits(labels, logits, pos_weight, name=None):
    """Sigmoid cross-entropy whose positive part is multiplied by `pos_weight`; ValueError where the shapes differ."""
    labels, logits = _both(labels, logits, "weighted_cross_entropy_with_logits")
    _check_same_shape(labels, logits)
    return weighted_cross_entropy_kernel(labels, logits, pos_weight, name=name)


@export("", v1="nn.weighted_cross_entropy_with_logits")
def weighted_cross_entropy_with_logits_v1(labels=None, logits=None, pos_weight=None, name=None, targets=None):
    """TF1's weighted sigmoid cross-entropy, where `labels` are also called `targets`."""
    return weighted_cross_entropy_with_logits(old_name("labels", labels, "targets", targets), logits, pos_weight, name)


# -- Poisson ----------------------------------------------------------------------------------------------------------
@op("LogPoissonLoss", name="log_poisson_loss", dtypes=FLOATS)
def log_poisson_loss_kernel(targets, log_input, *, compute_full_loss=False):
    loss = jnp.exp(log_input) - log_input * targets
    if not compute_full_loss:
        return loss
    # Stirling's approximation of log(targets!), left out where it does not hold.
    small = (targets >= 0) & (targets <= 1)
    stirling = targets * jnp.log(targets) - targets + 0.5 * jnp.log(2 * np.pi * targets).astype(targets.dtype)
    return loss + jnp.where(small, jnp.zeros_like(targets), stirling)


@export("nn.log_poisson_loss")
def log_poisson_loss(targets, log_input, compute_full_loss=False, name=None):
    """exp(log_input) - log_input * targets, plus Stirling's log(targets!) if asked; ValueError for other shapes."""
    log_input = record.convert_to_tensor(log_input)
    targets = record.convert_to_tensor(targets, log_input.dtype)
    if not targets.shape.is_compatible_with(log_input.shape):
        raise ValueError(f"log_input and targets must have the same shape ({log_input.shape} vs {targets.shape})")
    settings = {"compute_full_loss": bool(compute_full_loss)}
    return scoped(
        log_poisson_loss_kernel,
        [targets, log_input],
        settings,
        name,
        "log_poisson_loss",
        "add_1" if compute_full_loss else "sub",
    )


# -- averages ---------------------------------------------------------------------------------------------------------
def _batch_size(given, losses):
    """The global batch size as a tensor of the losses' dtype; TypeError, ValueError or InvalidArgumentError for a bad one."""
    if given is None:
        size = OPS["Shape"].public(losses)[0]
    else:
        size = record.convert_to_tensor(given)
        if not size.dtype.is_integer:
            raise TypeError(f"global_batch_size must be an int. Got type {size.dtype.name}: {given}")
        if size._rank() not in (0, None):
            raise ValueError(f"global_batch_size must be scalar. Got shape {size.shape}: {given}")
        if isinstance(given, int) and given < 0:
            raise errors.InvalidArgumentError(None, None, f"global_batch_size must be non-negative. Got {given}")
    return OPS["Cast"].public(size, dtype=losses.dtype.base_dtype)


_NOT_PER_EXAMPLE = "Invalid value passed for `per_example_loss`. Expected a tensor with at least rank 1."


@op("TotalOfLosses", name="Sum")
def _total_kernel(losses):
    if losses.ndim == 0:
        raise errors.InvalidArgumentError(None, None, _NOT_PER_EXAMPLE)
    return jnp.sum(losses, dtype=losses.dtype)


@export("nn.compute_average_loss")
def compute_average_loss(per_example_loss, sample_weight=None, global_batch_size=None):
    """The sum of `per_example_loss` [batch, ...], weighted, over the batch size (or `global_batch_size`).

    Raises ValueError for a scalar loss.
    """
    losses = record.convert_to_tensor(per_example_loss)
    if losses._rank() == 0:
        raise ValueError(f"{_NOT_PER_EXAMPLE} Received per_example_loss={per_example_loss} with rank 0")
    if sample_weight is not None:
        weight = OPS["Cast"].public(record.convert_to_tensor(sample_weight), dtype=losses.dtype.base_dtype)
        while weight._rank() and losses._rank() and weight._rank() < losses._rank():
            weight = OPS["ExpandDims"].public(weight, -1)
        losses = losses * weight
    total = _total_kernel(losses)
    size = _batch_size(global_batch_size, losses)
    if losses.dtype.is_integer:
        total, size = (OPS["Cast"].public(t, dtype=dtypes.float64) for t in (total, size))
    return OPS["DivNoNan"].public(total, size)


@export("nn.scale_regularization_loss")
def scale_regularization_loss(regularization_loss):
    """The sum of a regularization loss: there is one replica."""
    return NAMES["v2"]["reduce_sum"](regularization_loss)
