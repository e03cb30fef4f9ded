"""Dropout: elements zeroed at random, the rest scaled up (jmlr.org/papers/v15/srivastava14a.html)."""

from __future__ import annotations

import numbers

import jax.numpy as jnp

from .. import record
from ..declare import OPS, export, op
from ..graph import context
from ..scopes import name_scope
from .math import FLOATS, quotient
from .reductions import old_name


@op("Dropout", name="SelectV2", dtypes=FLOATS)
def dropout_kernel(x, drawn, *, rate):
    """`drawn` in [0, 1) broadcasts against `x`; at least `rate` keeps an element."""
    scale = jnp.asarray(1 / (1 - rate), x.dtype)
    return jnp.where(drawn >= jnp.asarray(rate, x.dtype), x * scale, 0)


@op("DropoutOfTensor", name="SelectV2", dtypes=FLOATS)
def dropout_of_tensor_kernel(x, drawn, rate):
    """The rate as a tensor: divides where a known rate multiplies, as TensorFlow does."""
    return jnp.where(drawn >= rate, quotient(x, 1 - rate), 0)


def _noise_shape(x, noise_shape):
    """The shape of the random numbers: of `x` where not given; a None in it is `x`'s dimension."""
    static = x._shape_tuple()
    if noise_shape is None:
        return list(static) if static is not None and None not in static else OPS["Shape"].public(x)
    if isinstance(noise_shape, record.Tensor):
        return noise_shape
    dims = noise_shape.as_list() if hasattr(noise_shape, "as_list") else list(noise_shape)
    if static is None or len(static) != len(dims):
        return dims
    sizes = None if None not in static else OPS["Shape"].public(x)
    return [d if d is not None else static[i] if static[i] is not None else sizes[i] for i, d in enumerate(dims)]


@export("nn.dropout", v1="")
def dropout(x, rate, noise_shape=None, seed=None, name=None):
    """`x` with elements zeroed with probability `rate`, else divided by 1 - rate; one decision per `noise_shape`.

    Raises ValueError for a rate outside [0, 1) or integer `x`.
    """
    from ..random_state import get_seed
    from . import random

    with name_scope(name, "dropout", [x] if context.graph is not None else None):
        known = isinstance(rate, numbers.Real)
        if known and not 0 <= rate < 1:
            raise ValueError(f"`rate` must be a scalar tensor or a float in the range [0, 1). Received: rate={rate}")
        x = record.convert_to_tensor(x, name="x")
        if not x.dtype.is_floating:
            raise ValueError(
                f"`x.dtype` must be a floating point tensor as `x` will be scaled. Received: x_dtype={x.dtype}"
            )
        if known and rate == 0:
            get_seed(seed)  # the streams of later ops are the same whatever the rate
            return x
        if not known:
            rate = _rate_tensor(x, rate)
        drawn = random.random_uniform(_noise_shape(x, noise_shape), dtype=x.dtype.base_dtype, seed=seed)
        out = dropout_kernel(x, drawn, rate=float(rate)) if known else dropout_of_tensor_kernel(x, drawn, rate)
        if context.graph is not None:
            out.set_shape(x.shape)
        return out


def _rate_tensor(x, rate):
    """A rate given as a tensor, as one of `x`'s dtype; ValueError for what is neither scalar nor tensor."""
    if not isinstance(rate, record.Tensor) and not hasattr(rate.__class__, "_dense_tensor"):
        raise ValueError(f"`rate` must be a scalar or scalar tensor. Received: rate={rate}")
    rate = record.convert_to_tensor(rate)
    if rate._rank() not in (0, None):
        raise ValueError(f"Shape {rate.shape} must have rank 0")
    if rate.dtype.base_dtype is not x.dtype.base_dtype:
        raise ValueError(
            f"`x.dtype` must be compatible with `rate.dtype`. Received: x.dtype={x.dtype} and rate.dtype={rate.dtype}"
        )
    return rate


@export("", v1="nn.dropout")
def dropout_v1(x, keep_prob=None, noise_shape=None, seed=None, name=None, rate=None):
    """TF1's dropout: `keep_prob` is 1 - rate.  ValueError where neither or both are given."""
    try:
        from_keep = None if keep_prob is None else 1.0 - keep_prob
    except TypeError:
        raise ValueError(
            f"`keep_prob` must be a floating point number or Tensor. Received: keep_prob={keep_prob}"
        ) from None
    rate = old_name("rate", rate, "keep_prob", from_keep)
    if rate is None:
        raise ValueError(f"`rate` must be provided. Received: rate={rate}")
    return dropout(x, rate, noise_shape, seed, name)
