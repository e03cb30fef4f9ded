"""How often a loop runs, as far as that is known while compiling.

From the form of its condition, or by trying out its integer bookkeeping.
"""

from __future__ import annotations

import jax
import numpy as np

from ..engine.program import on_host
from .tensor_array_ops import is_unset

SIMULATED = 512  # iterations of integer bookkeeping tried out to learn a trip count


class Count:
    """What is known, while compiling, of how often a loop runs: `exact`, or an upper `bound`, or neither (None)."""

    def __init__(self, loop, data, limit):
        self.loop, self.data = loop, data
        self.fixed_cond = self._feeds(loop.cond, loop.cond_captures)
        self.fixed_body = self._feeds(loop.body, loop.body_captures)
        self.start = {i: data[i] for i in loop.moving if _small(data[i])}
        self.sizes = None
        self.exact, self.bound = self._limit(loop.cond.plan.fetches[0])
        if self.exact is None:
            self.exact = self._simulated(SIMULATED)
        if self.exact is not None:
            self.bound = self.exact
        if limit is not None and limit.__class__ is np.ndarray:
            most = max(int(limit), 0)
            self.exact = None if self.exact is None else min(self.exact, most)
            self.bound = most if self.bound is None else min(self.bound, most)
            if most == 0:
                self.exact = 0
        elif limit is not None:
            self.exact = None

    def _feeds(self, body, captures):
        """slot -> value for the feeds of a body that do not move."""
        values = {}
        feeds = body.plan.feeds
        loop = self.loop
        for i in loop.invariant:
            values[feeds[i]] = self.data[i]
        start = len(feeds) - len(captures)
        for s, i in zip(feeds[start:], captures, strict=True):
            values[s] = self.data[i]
        for v in body.reads:
            if v in loop.place and v in body.plan.initial:
                values[body.plan.initial[v]] = self.data[loop.place[v]]
        return values

    def _limit(self, slot):
        """(exact, bound) from the form of the condition: comparisons of a counter, and conjunctions."""
        node = _strip(slot).node
        if node is None:
            return None, None
        kind = node.sig.op.type
        if kind == "LogicalAnd":
            found = [self._limit(s) for s in node.ins]
            exact = None if any(e is None for e, _ in found) else min(e for e, _ in found)
            bounds = [b for _, b in found if b is not None]
            return exact, min(bounds) if bounds else None
        if kind not in _COMPARISONS or len(node.ins) != 2:
            return None, None
        left, right = [_strip(s) for s in node.ins]
        for a, b, compared in ((left, right, kind), (right, left, _MIRRORED[kind])):
            counter = self._counter(a)
            value = known(b, self.fixed_cond, {})
            if counter is not None and value is not None and value.shape in ((), (1,)):
                step = self.step_of(counter)
                if step:
                    n = _iterations(int(self.start[counter].reshape(())), step, compared, int(value.reshape(())))
                    return n, n
        return None, None

    def _counter(self, slot):
        feeds = self.loop.cond.plan.feeds
        for i in self.start:
            if feeds[i] is slot and self.start[i].size == 1:
                return i
        return None

    def step_of(self, carry):
        """The constant that the body adds to a carry in each iteration, or None."""
        body = self.loop.body.plan
        node = _strip(body.fetches[carry]).node
        if node is None or node.sig.op.type not in ("AddV2", "Add", "Sub"):
            return None
        left, right = [_strip(s) for s in node.ins]
        if left is body.feeds[carry]:
            value = known(right, self.fixed_body, {})
        elif right is body.feeds[carry] and node.sig.op.type != "Sub":
            value = known(left, self.fixed_body, {})
        else:
            return None
        if value is None or value.size != 1:
            return None
        return -int(value.reshape(())) if node.sig.op.type == "Sub" else int(value.reshape(()))

    def _simulated(self, most):
        """The number of iterations, by running the loop's integer bookkeeping; None where it depends on anything
        else."""
        state = dict(self.start)
        for done in range(most + 1):
            go_on = self._at(self.loop.cond, self.fixed_cond, state, self.loop.cond.plan.fetches[0])
            if go_on is None:
                return None
            if not bool(go_on):
                self.sizes = state
                return done
            state = self._next(state)
        return None

    def _at(self, body, fixed, state, slot):
        feeds = body.plan.feeds
        return known(slot, {**fixed, **{feeds[i]: v for i, v in state.items()}}, {})

    def _next(self, state):
        body, out, memo = self.loop.body.plan, {}, {}
        given = {**self.fixed_body, **{body.feeds[i]: v for i, v in state.items()}}
        for i in state:
            v = known(body.fetches[i], given, memo)
            if v is not None:
                out[i] = v
        return out

    def final(self, carry):
        """The value of an integer carry after the loop, or None."""
        if self.exact is None or carry not in self.start:
            return None
        if self.sizes is None:
            state = dict(self.start)
            for _ in range(min(self.exact, 100000)):
                state = self._next(state)
                if carry not in state:
                    return None
            self.sizes = state
        value = self.sizes.get(carry)
        return None if value is None else int(value)

    def ranges(self, data):
        """(for each hoisted read its TensorArray's rows in the order of the iterations, deferred flow -> (first index,
        step)).

        None where the indices are no range of consecutive numbers inside the TensorArrays.
        """
        rows, places = [], {}
        for ta, index in self.loop.hoisted:
            found = self._range(data[ta], index)
            if found is None or is_unset(data[ta]):
                return None
            first, step = found
            low = min(first, first + step * (self.exact - 1))
            part = data[ta][low : low + self.exact]
            rows.append(part[::-1] if step < 0 else part)
        for flow, index in self.loop.deferred.items():
            places[flow] = self._range(data[flow], index, flow in self.loop.sizes)
            if places[flow] is None:
                return None
        return rows or None, places

    def _range(self, flow, index, grows=False):
        step = self.step_of(index) if index in self.start else None
        if step not in (1, -1):
            return None
        first = int(self.start[index].reshape(()))
        last = first + step * (self.exact - 1)
        inside = min(first, last) >= 0 and (grows or max(first, last) < flow.shape[0])
        return (first, step) if inside else None


_COMPARISONS = ("Less", "LessEqual", "Greater", "GreaterEqual", "NotEqual")
_MIRRORED = {
    "Less": "Greater",
    "LessEqual": "GreaterEqual",
    "Greater": "Less",
    "GreaterEqual": "LessEqual",
    "NotEqual": "NotEqual",
}


def _iterations(start, step, kind, limit):
    """How often `start + step * i` fulfils the comparison before it first does not; None: for ever."""
    if kind == "NotEqual":
        n, rest = divmod(limit - start, step)
        return n if rest == 0 and n >= 0 else None
    if kind in ("Greater", "GreaterEqual"):
        start, step, limit = -start, -step, -limit
        kind = "Less" if kind == "Greater" else "LessEqual"
    if kind == "LessEqual":
        limit += 1
    if start >= limit:
        return 0
    return None if step <= 0 else -((start - limit) // step)


def _strip(slot):
    while slot.node is not None and slot.node.sig.op.type == "Identity":
        slot = slot.node.ins[0]
    return slot


def _small(value):
    return value.__class__ is np.ndarray and value.dtype.kind in "iub" and value.size <= 64


def known(slot, given, memo):
    """The value of a pure slot computed on the host now, from those `given` that are small integers; None where it
    takes more."""
    if slot in given:
        value = given[slot]
        return value if _small(value) else None
    if slot.value is not None:
        return slot.value if _small(slot.value) else None
    if slot in memo:
        return memo[slot]
    memo[slot] = None
    value = memo[slot] = _known(slot, given, memo)
    return value


def _known(slot, given, memo):
    node = slot.node
    if node is None:
        return None
    op = node.sig.op
    if op.type == "Const":
        value = np.asarray(node.sig.apply(())[0])
        return value if _small(value) else None
    if op.host or op.stateful:
        return None
    if op.known and len(node.ins) == 1:
        source = _strip(node.ins[0])
        shape = given[source].shape if source in given else source.aval.shape if source.aval.known else None
        if shape is None:
            return None
        return np.asarray(node.sig.apply((jax.ShapeDtypeStruct(shape, np.float32),))[slot.index])
    if slot.aval.np.kind not in "iub" or any(s.aval.np.kind not in "iub" for s in node.ins):
        return None
    if op.type == "LogicalAnd":
        sides = [known(s, given, memo) for s in node.ins]
        for v in sides:
            if v is not None and v.shape == () and not v:
                return v
    args = [known(s, given, memo) for s in node.ins]
    if not args or any(a is None for a in args):
        return None
    try:
        return on_host(node.sig, args)[slot.index]
    except Exception:  # an op that does not compute with host values tells nothing about the count
        return None
