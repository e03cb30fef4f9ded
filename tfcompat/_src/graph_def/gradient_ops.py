"""Ops that only TensorFlow's own gradients consist of: graphs that it wrote hold them.  (Here a gradient is one operation.)"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from .. import dtypes, errors
from ..declare import op
from ..ops.raw_array import raw


def _activation(type, first, slope, **settings):
    """Declares an activation's gradient: grad * slope(x), where x is the input called `first`."""

    def kernel(gradients, x):
        return gradients * slope(x)

    kernel.__doc__ = f"gradients [..], {first} [..] -> [..]: what the activation passes back."
    made = op(type, name=type)(kernel)

    def function(gradients, name=None, **inputs):
        return made(gradients, inputs[first], name=name)

    function.__doc__ = kernel.__doc__
    raw(type)(function)


_activation("ReluGrad", "features", lambda x: (x > 0).astype(x.dtype))
_activation("Relu6Grad", "features", lambda x: ((x > 0) & (x < 6)).astype(x.dtype))
_activation("SoftplusGrad", "features", jax.nn.sigmoid)
_activation("SoftsignGrad", "features", lambda x: 1 / jnp.square(1 + jnp.abs(x)))
_activation("EluGrad", "outputs", lambda y: jnp.where(y < 0, y + 1, jnp.ones_like(y)))


@raw("BiasAddGrad")
@op("BiasAddGrad", name="BiasAddGrad")
def bias_add_grad(out_backprop, *, data_format="NHWC"):
    """out_backprop [.., C] (NCHW: [N, C, ..]) -> [C]: the sum over everything but the channels."""
    channels = 1 if data_format == "NCHW" else out_backprop.ndim - 1
    return jnp.sum(out_backprop, [i for i in range(out_backprop.ndim) if i != channels])


@raw("ShapeN")
@op("ShapeN", name="ShapeN", alike=False, host=True,
    abstract=lambda *avals, out_type=dtypes.int32: [(out_type, None if a.shape is None else (len(a.shape),)) for a in avals])  # fmt: skip
def shape_n(*input, out_type=dtypes.int32):
    """The shapes of a list of tensors, a vector each."""
    return tuple([np.array(x.shape, out_type.np) for x in input])


@raw("BroadcastGradientArgs")
@op(
    "BroadcastGradientArgs",
    name="BroadcastGradientArgs",
    host=True,
    abstract=lambda s0, s1: [(s0.dtype, (None,)), (s0.dtype, (None,))],
)
def broadcast_gradient_args(s0, s1):
    """The axes to sum over for the gradients of two tensors of shapes `s0` and `s1` that were broadcast together."""
    rank = max(len(s0), len(s1))
    full = [np.concatenate([np.ones(rank - len(s), s.dtype), s]) for s in (s0, s1)]
    if any(a != b and 1 not in (a, b) for a, b in zip(*full, strict=True)):
        raise errors.InvalidArgumentError(None, None, f"Incompatible shapes: {s0.tolist()} vs. {s1.tolist()}")
    return tuple([np.flatnonzero((mine == 1) & ((other != 1) | (full[0] == full[1]))).astype(s0.dtype)
                  for mine, other in (full, full[::-1])])  # fmt: skip
