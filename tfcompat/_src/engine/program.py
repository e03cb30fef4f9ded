"""Recorded nodes -> a `Program`: straight-line code over numbered values, equal for equal structure, run as one JAX function.

    linearize(slots)   the nodes these slots need, in order, as a hashable key, and the leaf slots whose values it takes
    Program(key)       evaluates: leaves in, outputs out; `key` is all it is made of, so it is also the compile cache key

A value is numbered by where it is produced (0, 1, 2, ...), a leaf by ~0, ~1, ~2, ....  One line of code is
(signature, input numbers).  Where a program contains a gradient node and also needs forward values of what it differentiates, both
come from one `jax.vjp` call: a `Joint` line produces the forward values and the pullback, a `Pullback` line uses it.
"""

from __future__ import annotations

from operator import attrgetter

import jax
import numpy as np

from .infer import static_positions

by_order = attrgetter("order")


class Program:
    """Straight-line code: `code` lines, `outputs` numbers, made from and compared by its key."""

    __slots__ = ("code", "outputs", "n_leaves", "compiled", "staged", "made_at")

    def __init__(self, code, outputs, n_leaves):
        self.code, self.outputs, self.n_leaves = code, outputs, n_leaves
        self.compiled, self.staged = None, {}
        self.made_at = None

    def __call__(self, *leaves):
        return self.evaluate(leaves)

    def evaluate(self, leaves, taps=None):
        """The outputs for these leaf values (concrete or traced).  `taps`: value number -> what to do to it once computed."""
        env = []
        postponed: dict = {}  # value number -> (sig, numbers, which output): integers that can be known once a kernel asks
        for sig, numbers in self.code:
            args = [env[n] if n >= 0 else leaves[~n] for n in numbers]
            if postponed:
                for i in static_positions(sig.gradient if sig.__class__ is Joint else sig, len(numbers)):
                    if numbers[i] in postponed:
                        args[i] = _settled(numbers[i], postponed, env, leaves)
            if _can_wait(sig, args, numbers, postponed):
                out = sig.apply(args)
                postponed.update({len(env) + i: (sig, numbers, i) for i in range(len(out))})
            else:
                out = run(sig, args)
            if taps is not None:
                base = len(env)
                out = [taps[base + i](v) if base + i in taps else v for i, v in enumerate(out)]
            env.extend(out)
        return [env[n] if n >= 0 else leaves[~n] for n in self.outputs]


def _can_wait(sig, args, numbers, postponed):
    """Whether integers that are known could be computed now, but not by NumPy: XLA would compile each step of the kernel for itself.
    They become part of the program, and so does what is computed from them; a later kernel that must know them has them computed here.
    """
    for n, a in zip(numbers, args, strict=True):
        if n not in postponed and not (a.__class__ is np.ndarray and a.dtype.kind in "iub" and a.size <= 1024):
            return False
    if sig.op.host or sig.op.stateful or sig.op.known:
        return False
    return bool(args) if sig.op.twin is None else any(n in postponed for n in numbers)


def _settled(number, postponed, env, leaves):
    """The value of that number as a NumPy array."""
    sig, numbers, output = postponed[number]
    args = [
        _settled(n, postponed, env, leaves) if n in postponed else env[n] if n >= 0 else leaves[~n] for n in numbers
    ]
    return on_host(sig, args)[output]


def run(sig, args):
    """Applies a signature inside a trace.  What is known stays known: integer arithmetic on known values happens now."""
    for a in args:
        if a.__class__ is not np.ndarray:
            return sig.apply(args)
    if args and not sig.op.host and all(a.dtype.kind in "iub" and a.size <= 1024 for a in args):
        return on_host(sig, args)
    return sig.apply(args)


def on_host(sig, args):
    """The outputs of a device op computed now, as NumPy arrays: by the op's NumPy twin where it has one (microseconds)."""
    twin = sig.op.twin
    if twin is not None:
        if sig.fixed:
            args = list(args)
            for position, value in sorted(sig.fixed.items()):
                args.insert(position, value)
        with np.errstate(all="ignore"):
            out = twin(*args, **sig.settings)
        # NumPy's own text would lose a zero byte at the end.
        made = [
            np.array(v, object) if v.__class__ is bytes else np.asarray(v)
            for v in (out if isinstance(out, (tuple, list)) else (out,))
        ]
        return tuple(made)
    with jax.enable_x64(True), jax.ensure_compile_time_eval():
        return tuple([np.asarray(v) for v in sig.apply(args)])


class Joint:
    """The forward half of a gradient: forward values that the program needs anyway, and the pullback, from one jax.vjp."""

    __slots__ = ("gradient", "wanted", "op")

    def __init__(self, gradient, wanted):
        self.gradient, self.wanted, self.op = gradient, wanted, gradient.op

    def apply(self, args):
        values, pullback = self.gradient.forward(args, self.wanted)
        return (*values, pullback)


class Pullback:
    """The backward half: (pullback, cotangents...) -> gradients."""

    __slots__ = ("gradient", "op")

    def __init__(self, gradient):
        self.gradient, self.op = gradient, gradient.op

    def apply(self, args):
        return self.gradient.backward(args[0], args[1:])


def ancestors(slots, stop=()):
    """The nodes without values that `slots` need, unordered; `stop`: slots that count as known."""
    seen = set()
    stack = [s.node for s in slots if s.value is None and s not in stop]
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        for s in node.ins:
            if s.value is None and s.node is not None and s.node not in seen and s not in stop:
                stack.append(s.node)
    return seen


def linearize(outputs, needed=None, order=None, stop=()):
    """(code, output numbers, leaf slots) that compute the slots `outputs`.

    needed  the nodes to use (default: all ancestors without a value); inputs from elsewhere become leaves
    order   these nodes in the order to run them (default: as recorded)
    """
    if needed is None:
        needed = ancestors(outputs, stop)
    nodes = sorted(needed, key=by_order) if order is None else order
    index: dict = {}
    leaves: list = []
    code: list = []

    def number(s):
        n = index.get(s)
        if n is None:
            n = index[s] = ~len(leaves)
            leaves.append(s)
        return n

    joints = _joints(nodes, needed) if any([node.sub for node in nodes]) else None
    if joints is None:
        count = 0
        for node in nodes:
            code.append(
                (node.sig, tuple([index[s] if s in index else number(s) for s in (*node.ins, *node.state_ins)]))
            )
            for s in node.outs:
                if s not in stop:
                    index[s] = count
                count += 1
            count += len(node.writes)  # the new states follow the outputs
    else:
        _emit_joint(nodes, needed, joints, index, number, code, stop)
    return tuple(code), tuple([number(s) for s in outputs]), leaves


def _joints(nodes, needed):
    """gradient node -> positions of the forward nodes it shares with the program and may compute; None if there are none."""
    claimed: dict = {}
    taken: set = (
        set()
    )  # and what an earlier gradient's leaves depend on: claiming that too could make two wait for each other
    for node in nodes:
        if not node.sub:
            continue
        pending = [s for s in node.ins[: node.sig.n_leaves] if s.value is None and s.node in needed]
        before = ancestors(pending) if pending else ()
        mine = tuple([i for i, m in enumerate(node.sub) if m in needed and m not in taken and m not in before])
        if mine:
            claimed[node] = mine
            taken.update([node.sub[i] for i in mine])
            taken.update(before)
    return claimed or None


def _emit_joint(nodes, needed, joints, index, number, code, stop):
    owner = {g.sub[i]: g for g, mine in joints.items() for i in mine}
    done: set = set()
    pullbacks: dict = {}
    count = 0

    def need(slots):
        for s in slots:
            if s.value is None and s not in index and s.node in needed:
                emit(s.node)

    def emit(node):
        nonlocal count
        if node in done:
            return
        if node in owner:
            return forward(owner[node])
        done.add(node)
        if node in joints:
            forward(node)
            cotangents = node.ins[node.sig.n_leaves :]
            need(cotangents)
            code.append((node.sig.pullback, (pullbacks[node], *[number(s) for s in cotangents])))
        else:
            need(node.ins)
            code.append((node.sig, tuple([number(s) for s in (*node.ins, *node.state_ins)])))
        for s in node.outs:
            if s not in stop:
                index[s] = count
            count += 1
        count += len(node.writes)

    def forward(g):
        nonlocal count
        if g in pullbacks:
            return
        mine = joints[g]
        pullbacks[g] = None
        leaves = g.ins[: g.sig.n_leaves]
        need(leaves)
        shared = [g.sub[i] for i in mine]
        done.update(shared)
        code.append((g.sig.joint(mine), tuple([number(s) for s in leaves])))
        for m in shared:
            for s in m.outs:
                index[s] = count
                count += 1
            count += len(m.writes)
        pullbacks[g] = count
        count += 1

    for node in nodes:
        emit(node)


_programs: dict = {}


def program(code, outputs, n_leaves):
    """The interned Program of this structure."""
    key = (code, outputs, n_leaves)
    found = _programs.get(key)
    if found is None:
        found = _programs.setdefault(key, Program(code, outputs, n_leaves))
    return found
