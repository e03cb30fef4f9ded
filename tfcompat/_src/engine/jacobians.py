"""Jacobians: every row's cotangent at once through one gradient node, by `jax.vmap` of its pullback, not a Python loop."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from .. import nest, record
from ..graph import Signature, aval
from ..tensor import Tensor
from .gradients import _Op

JACOBIAN = _Op("Jacobian")


class JacobianSignature(Signature):
    """(leaves...) -> for each source the stacked gradients of every element (or, per batch row, of the row's elements)."""

    __slots__ = ("gradient", "batch", "n_leaves", "static_leaves")

    def __init__(self, gradient, batch):
        self.op, self.settings, self.fixed, self.cache = JACOBIAN, {}, {}, {}
        self.gradient, self.batch, self.n_leaves = gradient, batch, gradient.n_leaves
        self.static_leaves = gradient.static_leaves
        self.fn = lambda *args: self.apply(args)

    def apply(self, args):
        (target,), pullback = self._forward(args)
        rows = target.size // target.shape[0] if self.batch else target.size
        basis = jnp.eye(rows, dtype=target.dtype)
        if self.batch:
            b = target.shape[0]
            cotangents = jnp.broadcast_to(basis[:, None, :], (rows, b, rows)).reshape((rows, *target.shape))
        else:
            cotangents = basis.reshape((rows, *target.shape))
        grads = jax.vmap(lambda c: pullback((c,)))(cotangents)
        out = []
        for g in grads:
            if self.batch:  # [rows, b, source...] -> [b, target row..., source...]
                g = jnp.moveaxis(g, 0, 1)
                out.append(g.reshape((target.shape[0], *target.shape[1:], *g.shape[2:])))
            else:
                out.append(g.reshape((*target.shape, *g.shape[1:])))
        return tuple(out)

    def _forward(self, args):
        target = self.gradient.sub.evaluate(list(args[: self.n_leaves]))
        _, pullback = self.gradient.forward(args)
        return target, pullback


_signatures: dict = {}


class _Jacobians:
    """A recorder that turns the gradient node the engine asks for into a Jacobian node."""

    sparse_lookups = False  # a Jacobian is dense, by looked-up tables, too

    def __init__(self, recorder, batch):
        self._recorder, self._batch = recorder, batch

    def __getattr__(self, name):
        return getattr(self._recorder, name)

    def gradient(self, sig, ins, avals, sub):
        key = (sig, self._batch)
        jac = _signatures.get(key)
        if jac is None:
            jac = _signatures.setdefault(key, JacobianSignature(sig, self._batch))
        leaves = ins[: sig.n_leaves]
        target = self.target.aval.shape
        out = []
        for a in avals:
            if target is None or a.shape is None:
                out.append(aval(a.dtype, None))
            elif self._batch:
                out.append(aval(a.dtype, (*target, *a.shape[1:])))
            else:
                out.append(aval(a.dtype, (*target, *a.shape)))
        return self._recorder.gradient(jac, leaves, tuple(out), ())


def _ask(tape, target, sources, batch, zero):
    from ..tape import RECORDER

    if tape._recording and not tape._persistent:
        tape._pop()
    records = tape._records
    if not tape._persistent:
        records.owner = None
    target = record.convert_to_tensor(target)
    recorder = _Jacobians(RECORDER, batch)
    recorder.target = target._slot
    flat = nest.flatten(sources)
    # The cotangent given here only says that there is one: the Jacobian's kernel supplies every basis vector instead.
    found = tape._differentiate(records, [target._slot], [target], flat, recorder)
    out = []
    for s, g in zip(flat, found, strict=True):
        if g is None and (zero or batch):
            shape = [*target.shape.as_list(), *(s.shape.as_list()[1:] if batch else s.shape.as_list())]
            g = record.constant(np.zeros(shape, s.dtype.base_dtype.np))
        out.append(g)
    return nest.pack_sequence_as(sources, out)


def jacobian(tape, target, sources, zero=False):
    """See GradientTape.jacobian."""
    return (
        nest.map_structure(lambda t: _ask(tape, t, sources, False, zero), target)
        if nest.is_nested(target)
        else _ask(tape, target, sources, False, zero)
    )


def batch_jacobian(tape, target, source):
    """See GradientTape.batch_jacobian.  Raises ValueError where the first dimensions differ."""
    if not isinstance(target, Tensor) or target.shape.rank is None or source.shape.rank is None:
        target = record.convert_to_tensor(target)
    for t in (target, source):
        t.shape.with_rank_at_least(2)
    if not target.shape[:1].is_compatible_with(source.shape[:1]):
        raise ValueError(
            f"Need first dimension of target shape ({target.shape}) and source shape ({source.shape}) to match."
        )
    return _ask(tape, target, source, True, False)


def hessians(ys, xs, name="hessians"):
    """Graph mode: second derivatives of the sum of `ys` by each x, of shape x.shape + x.shape."""
    from ..symbolic_gradients import operations_between, symbolic_gradients
    from ..tape import RECORDER
    from .gradients import differentiate

    xs = xs if isinstance(xs, (list, tuple)) else [xs]
    out = []
    for x, g in zip(xs, symbolic_gradients(ys, xs, name=name), strict=True):
        if g is None:
            out.append(None)
            continue
        g = record.convert_to_tensor(g)
        recorder = _Jacobians(RECORDER, False)
        recorder.target = g._slot
        source = record.convert_to_tensor(x)._slot
        (second,) = differentiate([g._slot], [g], [source], operations_between([g._slot], g.graph), recorder)
        if second is None:
            raise ValueError(
                f"None values not supported: the gradient by {x} does not depend on it, so it has no Hessian."
            )
        out.append(second)
    return out
