"""tf.autodiff.ForwardAccumulator: Jacobian-vector products, by `jax.jvp` of what was recorded."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from . import nest, record
from .declare import OPS, export
from .engine import dispatch, gradients, infer
from .engine.gradients import _Op
from .engine.program import linearize, program
from .graph import Signature, Slot, aval, context
from .tape import RECORDER, _Records, _start, _stop, slot_here, unconnected
from .tensor import Tensor

FORWARD = _Op("ForwardGradient")


class ForwardSignature(Signature):
    """(leaves..., tangents...) -> tangents of the targets, by jax.jvp of their replay."""

    __slots__ = ("sub", "wrt", "n_leaves", "static_leaves", "_possible")

    def __init__(self, sub, wrt, n_leaves):
        self.op, self.settings, self.fixed, self.cache = FORWARD, {}, {}, {}
        self.sub, self.wrt, self.n_leaves = sub, wrt, n_leaves
        self.static_leaves = gradients.static_leaves(sub)
        self.fn = lambda *args: self.apply(args)
        self._possible = None

    def possible(self, leaves, tangents):
        """Whether JAX has a forward rule for everything inside (a kernel with a reverse rule only, like Sqrt, has none)."""
        if self._possible is None:
            known = {i: infer.constant_value(leaves[i]) for i in self.static_leaves}
            free = [s.aval for i, s in enumerate(leaves) if known.get(i) is None]

            def apply(*args):
                args = iter(args)
                return self.apply(
                    [next(args) if known.get(i) is None else known[i] for i in range(self.n_leaves)] + list(args)
                )

            structs = [jax.ShapeDtypeStruct(a.shape, a.np) for a in (*free, *tangents)]
            with jax.enable_x64(True):
                traced = str(jax.make_jaxpr(apply)(*structs))
            self._possible = "custom_lin" not in traced  # what JAX leaves where a rule for the reverse is all there is
        return self._possible

    def apply(self, args):
        leaves, tangents = args[: self.n_leaves], args[self.n_leaves :]

        def replay(*primals):
            inner = list(leaves)
            for i, v in zip(self.wrt, primals, strict=True):
                inner[i] = v
            return self.sub.evaluate(inner)

        _, out = jax.jvp(replay, [jnp.asarray(leaves[i]) for i in self.wrt], list(tangents))
        return tuple([jnp.zeros(t.shape, t.dtype) if t.dtype == jax.dtypes.float0 else t for t in out])


_forward: dict = {}


@export("autodiff.ForwardAccumulator")
class ForwardAccumulator:
    """Jacobian-vector products: `with ForwardAccumulator(primals, tangents) as acc: y = f(x)`, then `acc.jvp(y)`."""

    def __init__(self, primals, tangents):
        nest.assert_same_structure(primals, tangents)
        # Slots instead of the user's tensors, which go when the user drops them.
        self._watched = []
        for p, t in zip(nest.flatten(primals), nest.flatten(tangents), strict=True):
            t = record.convert_to_tensor(t, p.dtype.base_dtype)
            if not p.dtype.is_floating:
                raise ValueError(f"The dtype of the watched primal must be floating, got {p.dtype!r}")
            if not p.shape.is_compatible_with(t.shape):
                raise ValueError(f"Shape mismatch between primal {p.shape} and tangent {t.shape}")
            self._watched.append((p._slot if isinstance(p, Tensor) else p, t._slot))
        self._watch_accessed = True
        self._records = _Records(self)
        self._recording = False
        self._around = []

    def __enter__(self):
        if self._recording:
            raise ValueError("Accumulator is already recording.")
        self._recording = True
        self._around = context.tapes
        _start(self._records)
        return self

    def __exit__(self, *exc):
        self._recording = False
        _stop(self._records)

    def _watchers(self):
        """Who sees the products computed: whoever records now, and the tapes and accumulators around this one, which in TensorFlow were
        there when each operation's product was computed."""
        return [
            t
            for t in dict.fromkeys([*self._around, *context.tapes])
            if t is not self._records and getattr(t, "owner", self) is not None
        ]

    def jvp(self, primals, unconnected_gradients="none"):
        """The tangents of `primals` (a nest of computed tensors); None or zeros where they do not depend on the inputs."""
        zero = unconnected(unconnected_gradients)
        if self._records is None:
            raise ValueError("Called jvp() without first tracing anything.")
        flat = nest.flatten(primals)
        out = []
        starts, tangents = [], []
        for p, t in self._watched:
            slots = [slot_here(RECORDER.handle(p))] if isinstance(p, Slot) else list(self._records.reads.get(p, ()))
            starts += slots
            tangents += [RECORDER.handle(t)] * len(slots)
        for target in flat:
            if target is None:
                out.append(None)
                continue
            slot = slot_here(target) if isinstance(target, Tensor) else None
            if slot is None:
                matching = [t for p, t in self._watched if p is target]
                out.append(RECORDER.handle(matching[0]) if matching else None)
                continue
            out.append(self._one(slot, starts, tangents))
        out = [
            OPS["ZerosLike"].public(record.convert_to_tensor(p)) if g is None and zero else g
            for p, g in zip(flat, out, strict=True)
        ]
        return nest.pack_sequence_as(primals, out)

    def _one(self, target, starts, tangents):
        need, inner = gradients.between(self._records, [target], starts)
        if target not in need:
            return None
        if any(gradients.gradient_function(n) is not None for n in inner):
            return self._by_reverse(target, starts, tangents)
        code, outputs, leaves = linearize([target], set(inner), inner)
        position = {s: i for i, s in enumerate(leaves)}
        pairs = [(position[s], t) for s, t in zip(starts, tangents, strict=True) if s in position]
        sub = program(code, outputs, len(leaves))
        key = (sub, tuple([i for i, _ in pairs]))
        sig = _forward.get(key)
        if sig is None:
            sig = _forward.setdefault(key, ForwardSignature(sub, key[1], len(leaves)))
        if not sig.possible(leaves, [leaves[i].aval for i, _ in pairs]):
            return self._by_reverse(target, starts, tangents)
        ins = (*leaves, *[t._slot for _, t in pairs])
        tapes = dispatch.set_tapes(self._watchers())
        try:
            return RECORDER.gradient(sig, ins, (aval(target.aval.dtype, target.aval.shape),), ())[0]
        finally:
            dispatch.set_tapes(tapes)

    def _by_reverse(self, target, starts, tangents):
        """Through gradient functions of users' own: the gradient is linear in its cotangent u, and its gradient by u is the product."""
        cotangent = OPS["ZerosLike"].public(RECORDER.handle(target))
        nodes = _Records(self)
        before = dispatch.set_tapes([*self._watchers(), nodes])
        try:
            grads = gradients.differentiate([target], [cotangent], starts, self._records, RECORDER)
            dispatch.set_tapes([t for t in context.tapes if t is not nodes])
            pairs = [
                (record.convert_to_tensor(g)._slot, t) for g, t in zip(grads, tangents, strict=True) if g is not None
            ]
            if not pairs:
                return None
            return gradients.differentiate(
                [g for g, _ in pairs], [t for _, t in pairs], [cotangent._slot], nodes, RECORDER
            )[0]
        finally:
            dispatch.set_tapes(before)
