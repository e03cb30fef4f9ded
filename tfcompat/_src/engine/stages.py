"""The stages of a Plan: host operations one after the other, and compiled programs with what they take and give."""

from __future__ import annotations

import sys

import jax
import numpy as np

from .. import errors
from . import log, verified
from .jit import jit
from .program import linearize, program


class HostStage:
    """Operations that run in Python, one after the other."""

    __slots__ = ("nodes",)

    def __init__(self, nodes):
        self.nodes = nodes

    def run(self, values, session, commit=False):
        """Runs them.  `commit`: what they write of variables is the session's at once, so that threads can count together."""
        for node, original in self.nodes:
            if commit and original.writes:
                with session._lock:
                    for v, s in zip(original.reads, node.ins[len(original.ins) :], strict=True):
                        if s.node is None:
                            values[s] = session._value_of(v)
                    self._run(node, original, values, session)
                    for v, s in zip(original.writes, node.outs[len(original.outs) :], strict=True):
                        session._state[v] = values[s]
            else:
                self._run(node, original, values, session)

    def _run(self, node, original, values, session):
        args = [host_value(values[s] if s in values else constant(s)) for s in node.ins]
        out = run_host(node.sig, args, original, session)
        for s, v in zip(node.outs, out, strict=True):
            values[s] = v


def constant(slot):
    """The value of a slot that no stage computes: held by the slot, or text of the program."""
    return slot.node.sig.apply(())[0] if slot.value is None and slot.node is not None else slot.value


def host_value(value):
    return np.asarray(value)


def run_host(sig, args, original, session):
    """The outputs of a host operation for NumPy arguments."""
    from ..record import host_array

    try:
        special = getattr(sig.op.kernel, "with_session", None)
        out = special(session, original, *args, **sig.settings) if special else sig.fn(*args)
    except errors.OpError as e:
        if e.op is None and original is not None:
            e._op, e._node_def = original, original.node_def
        raise
    return [host_array(v) for v in (out if isinstance(out, (tuple, list)) else (out,))]


class DeviceStage:
    """A compiled program: leaves in, values for later stages and the caller out."""

    __slots__ = ("program", "leaves", "outputs", "static", "donate", "compiled", "label", "sources", "simple")

    def __init__(self, nodes, outputs, static, donate, label):
        code, numbers, self.leaves = linearize(outputs, set(nodes), nodes)
        self.program = program(code, numbers, len(self.leaves))
        self.outputs, self.label = outputs, label
        self.static = tuple([i for i, s in enumerate(self.leaves) if s in static])
        given_up = [i for i, s in enumerate(self.leaves) if s in donate and s not in static]
        self.donate = () if verified.expected(code) else tuple(given_up)  # a run that fails changes nothing
        self.compiled = {}

    def function(self, known, like):
        """The jitted function for these values of the static leaves, and other leaves about as large as `like`."""
        key = tuple([(v.dtype.str, v.shape, v.tobytes()) for v in known])
        found = self.compiled.get(key)
        if found is None:
            shared = self.program.staged  # stages of other sessions and graphs that are the same program use the same
            whole = (self.static, self.donate, key)
            found = shared.get(whole)
            if found is None:
                found = shared[whole] = self._jit(known, like)
            self.compiled[key] = found
        return found

    def _jit(self, known, like):
        static, label, code = self.static, self.label, self.program
        if not static:

            def run(*leaves):
                log.traced(label, code, leaves)
                return code.evaluate(leaves)

            return jit(run, self.donate, like)

        def run_static(*leaves):
            log.traced(label, code, leaves)
            leaves = list(leaves)
            for i, v in zip(static, known, strict=True):
                leaves.insert(i, v)
            return code.evaluate(leaves)

        shift = [i - sum(1 for j in static if j < i) for i in self.donate]
        return jit(run_static, tuple(shift), like)

    def call(self, args):
        """The output values for leaf values `args` (a list; donated ones are given up)."""
        if self.static:
            known = [np.asarray(args[i]) for i in self.static]
            args = [a for i, a in enumerate(args) if i not in self.static]
            fn = self.function(known, args)
        else:
            fn = self.compiled.get(()) or self.function((), args)
        with jax.enable_x64(True):
            out = fn(*args)
        if verified.watched:
            error = verified.error(fn, out)
            if error is not None:
                error.outputs = out  # of variables whose buffers were given up there is nothing else
                raise error
        return out

    def run(self, values, session):
        args = [values[s] if s in values else s.value for s in self.leaves]
        for i in self.donate:
            if sys.getrefcount(args[i]) > 4:  # the session's, values, args, getrefcount's own argument
                args[i] = np.array(args[i])
        for s, v in zip(self.outputs, self.call(args), strict=True):
            values[s] = v
