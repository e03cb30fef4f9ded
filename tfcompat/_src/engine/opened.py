"""Gradients by what a gradient computed on its way.

A gradient node computes the values of the forward nodes it differentiates anew, from their leaves, so to later differentiation it
depends on the leaves only.  In TensorFlow its operations read the forward tensors: `tf.gradients(tf.gradients(loss, x), y)` with y
between x and loss is no None.  Where such a y is asked for, the node is looked at as one that takes the value of y as a further input.
"""

from __future__ import annotations

import jax.numpy as jnp

from ..graph import Node
from . import gradients
from .program import by_order, program


class OpenedSignature:
    """(inputs of `base`..., values...) -> the gradients of `base`, a GradientSignature; `numbers`: which values of its program are given.

    The program is cut at those values: they become leaves, and what computes them a target of its own.  The gradient by such a leaf is
    that target's cotangent, so the later ones are found before the earlier.
    """

    def __init__(self, base, numbers):
        self.base, self.numbers, self.op = base, numbers, base.op
        self.settings, self.fixed, self.cache = {}, {}, {}
        self.static_leaves = base.static_leaves
        sub, count = base.sub, len(numbers)
        leaf = {n: ~(base.n_leaves + k) for k, n in enumerate(numbers)}
        code = tuple([(sig, tuple([leaf.get(n, n) for n in used])) for sig, used in sub.code])
        outputs = tuple([leaf.get(n, n) for n in sub.outputs]) + numbers
        more = tuple(range(base.n_leaves, base.n_leaves + count))
        self._cut = gradients.GradientSignature(
            program(code, outputs, base.n_leaves + count), base.wrt + more, base.inside, base.given + (True,) * count,
            base.n_leaves + count, base.values,
        )  # fmt: skip
        self._depends: dict = {}

    def apply(self, args):
        base, count = self.base, len(self.numbers)
        leaves, cotangents, values = args[: base.n_leaves], args[base.n_leaves : -count], args[-count:]
        first = len(base.wrt)
        to_values = [jnp.zeros(v.shape, v.dtype) for v in values]
        for k in range(count - 1, -1, -1):
            to_values[k] = self._cut.apply((*leaves, *values, *cotangents, *to_values))[first + k]
        found = self._cut.apply((*leaves, *values, *cotangents, *to_values))
        return (*found[:first], *found[first + count :])

    def depends(self, avals):
        """Per output, which inputs it really depends on."""
        found = self._depends.get(avals)
        if found is None:
            found = self._depends[avals] = gradients.dependencies(self, avals)
        return found

    @property
    def fn(self):
        """`apply` as a function of separate arguments, as other signatures have it."""
        return lambda *args: self.apply(args)

    def __repr__(self):
        return f"{self.base!r} with {len(self.numbers)} of its values given"


_signatures: dict = {}


def opened(nodes, sources):
    """`nodes` with each gradient node that has sources inside taking their values, and with the nodes that compute those."""
    asked = {s for s in sources if s.aval.differentiable}
    out, forward = list(nodes), {}
    for position, node in enumerate(nodes):
        if node.sig.op is not gradients.GRADIENT or not node.sub:
            continue
        taken = set(node.ins)
        inside = []
        for m, numbers in zip(node.sub, node.sig.values, strict=True):
            inside += [(n, s) for n, s in zip(numbers, m.outs, strict=False) if s in asked and s not in taken]
        if not inside:
            continue
        inside.sort(key=lambda pair: pair[0])
        key = (node.sig, tuple([n for n, _ in inside]))
        sig = _signatures.get(key)
        if sig is None:
            sig = _signatures.setdefault(key, OpenedSignature(*key))
        out[position] = replaced = Node(sig, (*node.ins, *[s for _, s in inside]), node.order)
        replaced.outs = node.outs
        forward.update(dict.fromkeys(node.sub))
    if not forward:
        return nodes
    known = set(nodes)
    return sorted([*out, *[m for m in forward if m not in known]], key=by_order)
