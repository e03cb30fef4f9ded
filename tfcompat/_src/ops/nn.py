"""Activations, softmax, bias and the other small operations of tf.nn."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, export, op, publish
from ..graph import context
from ..scopes import name_scope
from .core import cast
from .math import FLOATS, REALS, SIGNED, with_jvp
from .reductions import old_name

FLOATING = dict(dtypes=FLOATS)


def scoped(function, inputs, settings, name, default, last):
    """Calls an op that is several in TensorFlow, under the scope `default`, the last of which is called `last`."""
    if context.graph is None:
        return function(*inputs, **settings)
    with name_scope(name, default, [v for v in inputs if isinstance(v, record.SymbolicTensor)]):
        return function(*inputs, **settings, name=last)


# -- activations ------------------------------------------------------------------------------------------------------
# At kinks TensorFlow takes the flat side of relu and relu6, the right derivative of elu and selu.
_relu = with_jvp(lambda x: jnp.maximum(x, 0), lambda x, y, t: jnp.where(x > 0, t, 0))
_relu6 = with_jvp(lambda x: jnp.clip(x, 0, 6), lambda x, y, t: jnp.where((x > 0) & (x < 6), t, 0))
_elu = with_jvp(lambda x: jax.nn.elu(x), lambda x, y, t: t * jnp.where(y < 0, y + 1, 1))
_SCALE, _ALPHA = 1.0507009873554805, 1.6732632423543772  # arXiv:1706.02515
_selu = with_jvp(lambda x: jax.nn.selu(x), lambda x, y, t: t * jnp.where(y < 0, y + _SCALE * _ALPHA, _SCALE))


def activation(type, kernel, names, **flags):
    """Declares an op of one tensor as `unary` does, whose argument TensorFlow calls `features`."""
    definition = op(type, **flags)(lambda features: kernel(features)).op
    sig, call, fast, eager_tensor = definition.sig, record.call, record.record_eager, record.EagerTensor

    def function(features, name=None):
        if features.__class__ is eager_tensor and context.graph is None:
            return fast(sig, (features._slot,))
        return call(definition, [features], None, name)

    function.op, definition.public = definition, function
    function.__name__ = function.__qualname__ = names.split()[0].rpartition(".")[2]
    publish(function, names)


activation("Relu", _relu, "nn.relu", dtypes=REALS)
activation("Relu6", _relu6, "nn.relu6", dtypes=REALS)
activation("Elu", _elu, "nn.elu", **FLOATING)
activation("Selu", _selu, "nn.selu", **FLOATING)
activation("Softplus", jax.nn.softplus, "nn.softplus math.softplus", **FLOATING)
activation("Softsign", lambda x: x / (1 + jnp.abs(x)), "nn.softsign math.softsign", **FLOATING)


@op("LeakyRelu", **FLOATING)
def leaky_relu_kernel(features, *, alpha=0.2):
    slope = np.float32(alpha).astype(
        features.dtype
    )  # TensorFlow keeps the slope in single precision, whatever the tensor has
    return jnp.where(features > 0, features, features * slope)


@export("nn.leaky_relu")
def leaky_relu(features, alpha=0.2, name=None):
    """`features` where positive, else `alpha` times them; integers become float32.  TypeError for a tensor `alpha`."""
    features = record.convert_to_tensor(features)
    if features.dtype.is_integer:
        features = OPS["Cast"].public(features, dtype=dtypes.float32)
    if isinstance(alpha, record.Tensor):
        raise TypeError(f"Expected float for argument 'alpha' not {alpha!r}.")
    return record.call(leaky_relu_kernel.op, [features], {"alpha": float(alpha)}, name)


@op("Gelu", **FLOATING)
def gelu_kernel(features, *, approximate=False):
    if approximate:
        cubic = np.float32(0.044715).astype(features.dtype)
        inner = 0.7978845608028654 * (features + cubic * features**3)
        return 0.5 * features * (1 + jnp.tanh(inner))
    # The constant is in single precision in TensorFlow too.
    return 0.5 * features * lax.erfc(-features * np.float32(0.7071067811865476).astype(features.dtype))


@export("nn.gelu", v1="")
def gelu(features, approximate=False, name=None):
    """x times the normal distribution function of x (arXiv:1606.08415); `approximate` takes the tanh formula.

    Raises ValueError for other dtypes than floating point.
    """
    features = record.convert_to_tensor(features)
    if not features.dtype.is_floating:
        raise ValueError(f"`features.dtype` must be a floating point tensor. Received: features.dtype={features.dtype}")
    settings = {"approximate": bool(approximate)}
    return scoped(gelu_kernel, [features], settings, name, "Gelu", "mul_3" if approximate else "mul_2")


@op("Swish", name="IdentityN", **FLOATING)
def swish_kernel(features, beta):
    return features * jax.nn.sigmoid(beta * features)


@export("nn.silu nn.swish")
def silu(features, beta=1.0):
    """features * sigmoid(beta * features) (arXiv:1710.05941)."""
    features = record.convert_to_tensor(features)
    if isinstance(beta, record.Tensor) or not features.dtype.is_floating:
        beta = cast(beta, features.dtype)
    return swish_kernel(features, beta)


@op("CRelu", name="Relu", dtypes=SIGNED)
def crelu_kernel(features, *, axis):
    return _relu(jnp.concatenate([features, -features], axis))


@export("nn.crelu", v1="")
def crelu(features, axis=-1, name=None):
    """relu of `features` and of -`features`, concatenated along `axis`: twice as deep (arXiv:1603.05201)."""
    return scoped(crelu_kernel, [features], {"axis": axis}, name, "CRelu", "Relu")


@export("", v1="nn.crelu")
def crelu_v1(features, name=None, axis=-1):
    """TF1's argument order of crelu."""
    return crelu(features, axis, name)


# -- softmax ----------------------------------------------------------------------------------------------------------
def _axis(logits, axis):
    """Raises InvalidArgumentError where `axis` is no dimension of `logits`."""
    if not -logits.ndim <= axis < logits.ndim:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"`dim` (={axis}) must be in the range [{-logits.ndim}, {logits.ndim}), where {logits.ndim} is the rank.",
        )
    return axis


@op("Softmax", **FLOATING)
def softmax_kernel(logits, *, axis=-1):
    return jax.nn.softmax(logits, _axis(logits, axis))


@op("LogSoftmax", **FLOATING)
def log_softmax_kernel(logits, *, axis=-1):
    return jax.nn.log_softmax(logits, _axis(logits, axis))


def _softmax_like(kernel):
    definition = kernel.op

    def function(logits, axis=None, name=None):
        if axis is not None and axis != -1:
            logits, axis = record.convert_to_tensor(logits), record.setting(axis)
            rank = logits._rank()
            if rank is not None and not -rank <= axis < rank:  # of this class in graphs, too
                raise errors.InvalidArgumentError(
                    None,
                    None,
                    f"`dim` must be in the range [{-rank}, {rank}) where {rank} is the number of dimensions in the input. "
                    f"Received: dim={axis}",
                )
        return record.call(definition, [logits], None if axis is None or axis == -1 else {"axis": axis}, name)

    return function


softmax = _softmax_like(softmax_kernel)
softmax.__name__ = softmax.__qualname__ = "softmax"
softmax.__doc__ = "exp(logits), normalized along `axis` (default: the last)."
log_softmax = _softmax_like(log_softmax_kernel)
log_softmax.__name__ = log_softmax.__qualname__ = "log_softmax"
log_softmax.__doc__ = "The logarithm of softmax along `axis` (default: the last)."
publish(softmax, "nn.softmax math.softmax", v1="")
publish(log_softmax, "nn.log_softmax math.log_softmax", v1="")


@export("", v1="nn.softmax math.softmax")
def softmax_v1(logits, axis=None, name=None, dim=None):
    """softmax with TF1's `dim` as another word for `axis`."""
    return softmax(logits, old_name("axis", axis, "dim", dim), name)


@export("", v1="nn.log_softmax math.log_softmax")
def log_softmax_v1(logits, axis=None, name=None, dim=None):
    """log_softmax with TF1's `dim` as another word for `axis`."""
    return log_softmax(logits, old_name("axis", axis, "dim", dim), name)


# -- bias -------------------------------------------------------------------------------------------------------------
def _channels_first(data_format):
    """Whether the channels are dimension 1; ValueError for a format of neither form."""
    if data_format is None or data_format.startswith("N") and data_format.endswith("C"):
        return False
    if data_format.startswith("NC"):
        return True
    raise ValueError(f"`data_format` must be of the form `N...C` or `NC...`. Received: data_format={data_format}")


def _biased(value, bias, first):
    if value.ndim < 2:
        raise errors.InvalidArgumentError(None, None, f"Input tensor must be at least 2D: {list(value.shape)}")
    if bias.ndim != 1:
        raise errors.InvalidArgumentError(None, None, f"Biases must be 1D: {list(bias.shape)}")
    axis = 1 if first else value.ndim - 1
    if value.shape[axis] != bias.shape[0]:
        where = "channel dimension" if first else "last dimension"
        raise errors.InvalidArgumentError(
            None, None,
            f"Must provide as many biases as the {where} of the input tensor: {list(bias.shape)} vs. "
            f"{value.shape[axis]} in {list(value.shape)}",
        )  # fmt: skip
    return value + (bias.reshape((-1,) + (1,) * (value.ndim - 2)) if first else bias)


@op("BiasAdd")
def bias_add_kernel(value, bias, *, data_format="NHWC"):
    return _biased(value, bias, data_format == "NCHW")


@export("nn.bias_add")
def bias_add(value, bias, data_format=None, name=None):
    """`bias` of shape [channels] added to every position of `value`; ValueError for an odd `data_format`."""
    settings = {"data_format": "NCHW"} if _channels_first(data_format) else None
    return record.call(bias_add_kernel.op, [value, bias], settings, name)


def _affine(x, weights, biases, relu=False):
    if x.ndim != 2 or weights.ndim != 2 or x.shape[1] != weights.shape[0]:
        raise errors.InvalidArgumentError(
            None, None, f"Matrix size-incompatible: In[0]: {list(x.shape)}, In[1]: {list(weights.shape)}"
        )
    y = _biased(jnp.matmul(x, weights), biases, False)
    return _relu(y) if relu else y


@op("XWPlusB", names="", v1="nn.xw_plus_b", name="xw_plus_b", shapes="x n k, weights k m, biases m")
def xw_plus_b(x, weights, biases):
    """matmul(x, weights) + biases."""
    return _affine(x, weights, biases)


@op("ReluLayer", names="", v1="nn.relu_layer", name="relu_layer", shapes="x n k, weights k m, biases m")
def relu_layer(x, weights, biases):
    """relu(matmul(x, weights) + biases)."""
    return _affine(x, weights, biases, relu=True)


# -- sums and counts --------------------------------------------------------------------------------------------------
@op("L2Loss", names="nn.l2_loss", **FLOATING)
def l2_loss(t):
    """Half the sum of squares, a scalar of `t`'s dtype."""
    return (jnp.sum(jnp.square(t)) / 2).astype(t.dtype)


@op("ZeroFraction", name="fraction", differentiable=False)
def zero_fraction_kernel(value):
    count = jnp.sum(value == 0, dtype=jnp.int64)
    return count.astype(jnp.float32) / np.float32(value.size)


@export("nn.zero_fraction math.zero_fraction")
def zero_fraction(value, name=None):
    """The fraction of zeros in `value`, a float32 scalar; NaN for an empty tensor."""
    return scoped(zero_fraction_kernel, [value], {}, name, "zero_fraction", "fraction")


@op(
    "InTopKV2",
    own="targets k",
    differentiable=False,
    dtypes="float32",
    name="InTopKV2",
    shapes="predictions n ?, targets n, k",
)
def in_top_k_kernel(predictions, targets, k):
    """A class counts where fewer than k are strictly more probable; never where something in the row is not finite."""
    classes = predictions.shape[-1]
    if predictions.ndim != 2 or targets.ndim != 1 or predictions.shape[0] != targets.shape[0]:
        raise errors.InvalidArgumentError(
            None, None,
            f"predictions must be 2-dimensional and targets 1-dimensional of as many rows: {list(predictions.shape)}, "
            f"{list(targets.shape)}",
        )  # fmt: skip
    inside = (targets >= 0) & (targets < classes)
    own = jnp.take_along_axis(predictions, jnp.where(inside, targets, 0)[:, None].astype(jnp.int32), axis=1)
    better = jnp.sum(predictions > own, axis=1, dtype=jnp.int32)
    sure = jnp.isfinite(own[:, 0]) & jnp.all(jnp.isfinite(predictions), axis=1)
    return inside & sure & (better < k)


@export("nn.in_top_k math.in_top_k", v1="")
def in_top_k(targets, predictions, k, name=None):
    """Per row, whether the target class is among the `k` most probable; ties at the border count as in."""
    return scoped(in_top_k_kernel, [predictions, targets, k], {}, name, "in_top_k", "InTopKV2")


@export("", v1="nn.in_top_k math.in_top_k")
def in_top_k_v1(predictions, targets, k, name=None):
    """TF1's argument order of in_top_k."""
    return in_top_k(targets, predictions, k, name)
