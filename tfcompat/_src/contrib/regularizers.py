"""tf.contrib.layers' regularizers and initializers."""

from __future__ import annotations

from .. import dtypes, record
from ..declare import NAMES, OPS, export
from ..initializers import VarianceScalingV1
from ..ops import nn
from ..ops.reductions import reduce_sum
from ..scopes import GraphKeys, add_to_collection, get_collection, name_scope


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
