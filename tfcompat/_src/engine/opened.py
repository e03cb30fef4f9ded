"""Gradients by what a gradient computed on its way.

A gradient node computes the values of the forward nodes it differentiates anew, from their leaves, so to later differentiation it
depends on the leaves only.  In TensorFlow its operations read the forward tensors: `tf.gradients(tf.gradients(loss, x), y)` with y
between x and loss is no None.  Where such a y is asked for, the node is looked at as one that takes the values of all forward nodes as
further inputs, and those of the gradients among them likewise.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from ..graph import Node
from . import gradients
from .program import by_order, linearize, program

# TensorFlow's gradients of these read the output: (output, its cotangent) -> gradient by the one input.
BY_OUTPUT = {
    "Tanh": lambda y, c: c * (1 - y * y),
    "Sigmoid": lambda y, c: c * y * (1 - y),
    "Exp": lambda y, c: c * y,
    "Sqrt": lambda y, c: c / (2 * y),
    "Rsqrt": lambda y, c: c * y * y * y / -2,
    "Reciprocal": lambda y, c: -c * y * y,
    "Elu": lambda y, c: jnp.where(y < 0, c * (y + 1), c),
    "Selu": lambda y, c: c * jnp.where(y < 0, y + 1.7580993408473768, 1.0507009873554805),
    "Asinh": lambda y, c: c / jnp.cosh(y),
    "Acosh": lambda y, c: c / jnp.sinh(y),
    "Softmax": lambda y, c: (c - jnp.sum(c * y, -1, keepdims=True)) * y,
    "LogSoftmax": lambda y, c: c - jnp.sum(c, -1, keepdims=True) * jnp.exp(y),
}


def _by_output(sig):
    """The function of BY_OUTPUT for a line, or None; of softmax along another axis the output lies elsewhere."""
    return BY_OUTPUT.get(sig.op.type) if sig.settings.get("axis", -1) == -1 and not sig.fixed else None


class OpenedSignature:
    """(leaves..., cotangents..., values...) -> gradients: line by line backwards, each line at the values given.

    sub      Program from leaves to targets, a line per node
    starts   per line, the number of its first value
    wanted   the numbers to differentiate by
    given    per target: is a cotangent given (else ones)
    values   the numbers whose values are given
    """

    settings, fixed, flows = {}, {}, None

    def __init__(self, sub, starts, wanted, given, values):
        self.sub, self.starts, self.wanted, self.given, self.values = sub, starts, wanted, given, values
        self.op, self.cache, self._depends = gradients.GRADIENT, {}, {}
        self.static_leaves = gradients.static_leaves(sub)

    def apply(self, args):
        sub = self.sub
        n, count = sub.n_leaves, sub.n_leaves + sum(self.given)
        leaves, known = args[:n], dict(zip(self.values, args[count:], strict=True))
        env = {~i: v for i, v in enumerate(leaves)}

        def keep(number):
            def tap(v):
                env[number] = known.get(number, v)
                return env[number]

            return tap

        sub.evaluate(leaves, {i: keep(i) for i in range(self.starts[-1])})
        arriving = {}
        cotangents = iter(args[n:count])
        for number, has in zip(sub.outputs, self.given, strict=True):
            t = env[number]
            c = next(cotangents) if has else jnp.ones(t.shape, t.dtype)
            if _real(t):
                c = jnp.broadcast_to(jnp.conj(c).astype(t.dtype), t.shape)
                arriving[number] = arriving[number] + c if number in arriving else c
        for line in range(len(sub.code) - 1, -1, -1):
            made = range(self.starts[line], self.starts[line + 1])
            if not any([i in arriving for i in made]):
                continue
            sig, numbers = sub.code[line]
            of_output = _by_output(sig)
            if of_output is not None:
                pulled = [(numbers[0], of_output(env[made[0]], arriving[made[0]]))]
            else:
                pulled = _pulled(sig, [env[i] for i in numbers], numbers, [arriving.get(i) for i in made])
            for number, g in pulled:
                arriving[number] = arriving[number] + g if number in arriving else g
        found = [arriving[i] if i in arriving else jnp.zeros(env[i].shape, env[i].dtype) for i in self.wanted]
        return tuple([jnp.conj(g) for g in found])

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
        return f"Gradient({len(self.sub.code)} ops) with {len(self.values)} values given"


def _real(v):
    return jnp.issubdtype(v.dtype, jnp.inexact)


def _pulled(sig, args, numbers, cotangents):
    """(number, gradient) for the inputs of one line that have one."""
    at = [i for i, a in enumerate(args) if _real(a)]

    def line(*some):
        full = list(args)
        for i, v in zip(at, some, strict=True):
            full[i] = v
        return tuple([jnp.asarray(v) for v in sig.apply(full)])

    out, pull = jax.vjp(line, *[jnp.asarray(args[i]) for i in at])
    filled = [
        np.zeros(v.shape, jax.dtypes.float0) if not _real(v) else jnp.zeros(v.shape, v.dtype) if c is None else c.astype(v.dtype)
        for v, c in zip(out, cotangents, strict=True)
    ]  # fmt: skip
    return [(numbers[i], g) for i, g in zip(at, pull(tuple(filled)), strict=True)]


_signatures: dict = {}


def opened(nodes, sources):
    """`nodes` with each gradient node that has sources inside taking its values, and with the nodes that compute those."""
    asked = {s for s in sources if s.aval.differentiable}
    replaced, forward = [], []
    for node in nodes:
        if has_inside(node, asked):
            node, stretch = opened_node(node, asked)
            replaced.append(node)
            forward += stretch
    if not replaced:
        return nodes
    every = {n.order: n for n in (*forward, *nodes, *replaced)}  # the last of those with the same outputs counts
    return sorted(every.values(), key=by_order)


def has_inside(node, asked):
    """Whether a slot asked for is computed in a gradient node, or in a gradient that it differentiates."""
    if node.sig.op is not gradients.GRADIENT or not node.sub or not all(s.aval.differentiable for s in node.outs):
        return False
    return any(not asked.isdisjoint(m.outs) or has_inside(m, asked) for m in node.sub)


def opened_node(node, asked):
    """(the node that takes the values of its forward nodes, those nodes)."""
    sig = node.sig
    slot = {
        n: s for m, numbers in zip(node.sub, sig.values, strict=True) for n, s in zip(numbers, m.outs, strict=False)
    }
    slot.update({~i: s for i, s in enumerate(node.ins[: sig.n_leaves])})
    targets = [slot[n] for n in sig.sub.outputs]
    wanted = [slot[~i] for i in sig.wrt] + [slot[n] for n in sig.inside]
    stretch = [_without_sub(m) for m in opened(list(node.sub), asked)]
    code, outputs, leaves = linearize(targets, set(stretch), stretch, set(node.ins[: sig.n_leaves]))
    number = {s: ~i for i, s in enumerate(leaves)}
    starts = [0]
    for m in stretch:
        number.update({s: starts[-1] + i for i, s in enumerate(m.outs) if s not in number})
        starts.append(starts[-1] + len(m.outs) + len(m.writes))
    read = {n for _, numbers in code for n in numbers if n >= 0}
    read.update([number[m.outs[0]] for m in stretch if _by_output(m.sig) is not None])
    values = {number[s]: s for m in stretch for s in m.outs if number[s] in read and s.aval.differentiable}
    key = (
        program(code, outputs, len(leaves)),
        tuple(starts),
        tuple([number[s] for s in wanted]),
        sig.given,
        tuple(values),
    )
    made = _signatures.get(key)
    if made is None:
        made = _signatures.setdefault(key, OpenedSignature(*key))
    result = Node(made, (*leaves, *node.ins[sig.n_leaves :], *values.values()), node.order)
    result.outs = node.outs
    return result, stretch


def _without_sub(node):
    """The node, as one that shares no forward half with others."""
    if not node.sub:
        return node
    made = Node(node.sig, node.ins, node.order)
    made.outs = node.outs
    return made
