"""A variable read after it was assigned, within one function.

To TensorFlow each read is a source of gradients for the variable, and none goes into what was assigned.  JAX differentiates a
function's program as a whole, by the values variables have before it: so a later read has the derivative of a read before.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from ..graph import PlainOp, Signature


@jax.custom_jvp
def _read(assigned, before):
    return assigned


@_read.defjvp
def _read_jvp(primals, tangents):
    return primals[0], tangents[1]


@jax.jit  # a call by name, which tells those who follow dependencies what flows through (gradients._flow)
def read_after_assignment(assigned, before):
    """The value `assigned`, with the derivative of `before`."""
    return _read(assigned, before)


def read(assigned, before):
    """What a read gives after a variable of value `before` was assigned `assigned`; of one that changes its shape no gradient has one."""
    if assigned.shape != before.shape or not jnp.issubdtype(assigned.dtype, jnp.inexact):
        return lax.stop_gradient(assigned)
    return read_after_assignment(assigned, before)


class _Op(PlainOp):
    type = name = "ReadVariableOp"
    kernel = staticmethod(read)
    inputs = ("assigned", "before")
    host = stateful = known = alike = variadic = False
    differentiable = True


READ_AFTER = Signature(_Op())
