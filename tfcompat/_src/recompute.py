"""tf.recompute_grad: a function's activations are computed again for its gradient instead of kept."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from . import nest, record
from .declare import export


@export("recompute_grad")
def recompute_grad(f):
    """f, with its activations computed again for the gradient instead of kept.

    Raises NotImplementedError where f has host operations (strings, py_function, print).
    """

    @functools.wraps(f)
    def decorated(*args, **kwargs):
        from .function import concrete_of

        args = nest.map_structure(lambda a: a if nest.is_composite(a) else record.convert_to_tensor(a), args)
        concrete = concrete_of(f, "recompute_grad", args, kwargs)
        if concrete.single is None:
            raise NotImplementedError(
                "tf.recompute_grad of a function with host operations (strings, py_function, print)"
            )
        concrete.single.fn = recomputed(concrete.single.fn)
        concrete.looks_up = False  # one by one its operations would keep what they computed
        return concrete.call(nest.flatten(args, expand_composites=True))

    return decorated


def recomputed(kernel):
    """`kernel` (arrays -> tuple of arrays) with its residuals recomputed in the backward pass.

    XLA's CPU compiler drops the barriers of jax.checkpoint before it merges equal subexpressions, so the recomputation would be
    merged with the forward pass and nothing saved.  There it stands in a conditional, into which merging does not look.
    """
    return jax.checkpoint(kernel) if jax.default_backend() != "cpu" else _in_a_conditional(kernel)


def _in_a_conditional(kernel):
    def call(*args):
        free = [i for i, a in enumerate(args) if not (a.__class__ is np.ndarray and a.dtype.kind in "iub")]
        real = [i for i in free if jnp.issubdtype(args[i].dtype, jnp.inexact)]

        def whole(given):
            every = list(args)
            for i, a in zip(free, given, strict=True):
                every[i] = a
            return tuple([jnp.asarray(v) for v in kernel(*every)])

        def backward(given, cotangents):
            given = dict(zip(free, given, strict=True))

            def of_real(values):
                return whole([{**given, **dict(zip(real, values, strict=True))}[i] for i in free])

            def gradients(values, cotangents):
                return jax.vjp(of_real, values)[1](cotangents)[0]

            values = [given[i] for i in real]
            grads = jax.lax.cond(_true(cotangents), gradients, lambda values, _: list(values), values, cotangents)
            found = dict(zip(real, grads, strict=True))
            return tuple([found.get(i) for i in free])

        function = jax.custom_vjp(lambda *given: whole(given))
        function.defvjp(lambda *given: (whole(given), given), backward)
        return function(*[args[i] for i in free])

    return call


def _true(cotangents):
    """True, in a way that no compiler pass can know: a number is equal to itself or, where it is NaN, is not."""
    for c in cotangents:
        if c.size and jnp.issubdtype(c.dtype, jnp.inexact):
            first = c.ravel()[0]
            return (first == first) | (first != first)
    return True
