"""A slice of a graph -> a `Plan`: stages to run, host, compiled, host, ..., with the variables' values threaded through.

Operations become pure nodes first: what an operation reads of variables becomes inputs, what it writes becomes outputs, in
TensorFlow's order (in a Session's graph: writes as late as dependencies allow; in a function: as written).  Then each stage is
linearized like everything else.  Host operations (strings, files, Python functions, data-dependent shapes) cut the program.  An input
that a kernel must know before compiling (a shape) is known from constants and static shapes, or makes the feeds it comes from part of
the compile key, or cuts the program too.
"""

from __future__ import annotations

import heapq

import jax
import numpy as np

from .. import errors
from ..graph import Node, Slot
from . import dispatch, gradients
from .infer import static_positions
from .opened import has_inside, opened_node
from .reads import READ_AFTER
from .stages import DeviceStage, HostStage

LARGE = 4096  # elements; larger constants are inputs of the program instead of text
WINDOWS = ("Slice", "StridedSlice")


class Plan:
    """What one (fetches, feeds) needs: `run(feeds, state)` computes it.

    stages      device and host stages in order
    fetches     slots of the values asked for
    feeds       slot per fed slot, in the caller's order
    initial     variable -> slot of its value before the run;  unread: those of them whose value no result depends on
    final       variable -> slot of its value after the run, for those written
    """

    __slots__ = ("stages", "fetches", "feeds", "initial", "unread", "final", "static_feeds", "name")


def plan(
    fetch_slots,
    fetch_ops,
    feed_slots,
    *,
    label="Session.run",
    in_order=False,
    effects_last=True,
    donate=True,
    all_ops=None,
    windows_on_host=False,
):
    """The Plan that computes `fetch_slots` and runs `fetch_ops` given `feed_slots` (all of one graph).

    windows_on_host: a slice whose bounds are data and through which nothing is differentiated is cut out on the host.
    """
    fed = set(feed_slots)
    needed, stand_in = _needed(fetch_slots, fetch_ops, fed), {}
    if any([s.node is not None and s.node.ins for s in fed]):
        needed, stand_in = _taking_values(needed, fetch_slots, fetch_ops, fed)
    if all_ops is not None:
        needed.update(all_ops)
    order = sorted(needed, key=lambda n: n.order) if in_order else _schedule(needed, fed, stand_in)
    order = [stand_in.get(op, op) for op in order]
    result = Plan()
    result.name = label
    lowering = _Lowering(fed, fetch_slots, fetch_ops, in_order)
    if not fed and not any([op.reads or op.writes or op.sig.op.stateful for op in order]):
        lowering.inline = _statics(order)
    if windows_on_host:
        differentiated = {n for op in order if op.sub for n in op.sub}
        lowering.windows = {op for op in order if op.sig.op.type in WINDOWS and op not in differentiated}
    for op in order:
        lowering.add(op)
    result.feeds = [lowering.place(s) for s in feed_slots]
    result.fetches = [lowering.place(s) for s in fetch_slots]
    result.initial, result.unread = lowering.initial, lowering.unread
    result.final = {v: s for v, s in lowering.state.items() if lowering.initial.get(v) is not s}
    result.static_feeds = lowering.static & set(result.feeds)
    result.stages = lowering.stages([*result.fetches, *result.final.values()], result, label, donate)
    return result


def _needed(slots, ops, fed, stand_in=None):
    """The operations that these slots and operations need.  `stand_in`: operation -> a node that takes other inputs for the same."""
    seen = set()
    stack = [s.node for s in slots if s not in fed] + list(ops)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        for s in (stand_in.get(node, node) if stand_in else node).ins:
            if s not in fed and s.node not in seen:
                stack.append(s.node)
        stack.extend([c for c in node.control_inputs if c not in seen])
    return seen


def _taking_values(needed, slots, ops, fed):
    """The operations needed, and what stands in for some of them: a gradient that would compute anew what is fed takes the values."""
    stand_in: dict = {}
    while True:
        found = {n: opened_node(n, fed)[0] for n in needed if n not in stand_in and has_inside(n, fed)}
        if not found:
            return needed, stand_in
        stand_in.update(found)
        needed = _needed(slots, ops, fed, stand_in)


def _statics(order):
    """The slots that say something a kernel must know while it is compiled, and what those are computed from."""
    found: set = set()
    for op in reversed(order):
        found.update([op.ins[i] for i in static_positions(op.sig, len(op.ins))])
        if not found.isdisjoint(op.outs):
            found.update(op.ins)
    return found


def _schedule(needed, fed, stand_in):
    """Dependencies first; among what is ready, reads and computations before writes, each in the order of creation."""
    waiting, users, ready = {}, {}, []
    for node in needed:
        before = {s.node for s in stand_in.get(node, node).ins if s not in fed} | {c for c in node.control_inputs}
        before &= needed
        waiting[node] = len(before)
        for b in before:
            users.setdefault(b, []).append(node)
        if not before:
            heapq.heappush(ready, (bool(node.writes), node.order, node))
    order = []
    while ready:
        _, _, node = heapq.heappop(ready)
        order.append(node)
        for u in users.get(node, ()):
            waiting[u] -= 1
            if not waiting[u]:
                heapq.heappush(ready, (bool(u.writes), u.order, u))
    return order


class _Lowering:
    """Turns operations, added in running order, into pure nodes with levels: even ones compiled, odd ones on the host."""

    def __init__(self, fed, wanted, run, in_order):
        self.fed, self.wanted, self.run = fed, wanted, run
        self.in_order = in_order  # of a function, which may be differentiated as a whole
        # A program of constants only runs once: as arguments they let all of its shape share a compile.  Those in `inline` stay text.
        self.inline = None
        self.windows = ()  # slices that may run on the host
        self.read_by_values = None  # the slots that values asked for really depend on, once somebody needs to know
        self.slots: dict = {}  # graph slot -> pure slot
        self.pure: dict = {}  # operation -> pure node
        self.state: dict = {}  # variable -> pure slot of its current value
        self.sources: dict = {}  # pure slot of a value assigned -> that value as a source of gradients
        self.initial: dict = {}
        self.unread: set = set()  # variables whose value before matters to gradients alone
        self.level: dict = {}  # pure slot -> level it is available at (-1: from the start)
        self.node_level: dict = {}
        self.by_level: dict = {}
        self.known: set = set()  # pure slots known while compiling
        self.static: set = set()  # pure slots that are part of the compile key
        self.counter = 0

    def place(self, s):
        found = self.slots.get(s)
        if found is None:
            found = self.slots[s] = Slot(None, 0, s.aval)
            self.level[found] = -1
        return found

    def read(self, variable):
        slot = self.state.get(variable)
        if slot is None:
            given = getattr(variable, "_variable", None)  # a TF1 variable's w:0 may be fed like any tensor
            if given is not None and given._slot in self.fed:
                return self.place(given._slot)
            slot = self.state[variable] = self.initial[variable] = Slot(None, 0, variable._aval)
            self.level[slot] = -1
        return slot

    def source(self, variable):
        """What a read in a function gives: gradients end there, and a tape outside finds the variable, not what was assigned to it."""
        slot = self.read(variable)
        if slot.node is None or not slot.aval.differentiable:  # the value before the run, or fed
            return slot
        found = self.sources.get(slot)
        if found is None:
            if variable not in self.initial:
                self.unread.add(variable)
                self.initial[variable] = before = Slot(None, 0, variable._aval)
                self.level[before] = -1
            node = Node(READ_AFTER, (slot, self.initial[variable]), self.counter)
            self.counter += 1
            found = self.sources[slot] = Slot(node, 0, slot.aval)
            node.outs = (found,)
            self.node_level[node] = self.level[found] = level = _at_least(self.level[slot], 0)
            self.by_level.setdefault(level, []).append((node, node))
        return found

    def add(self, op):
        sig = op.sig
        if sig.op.type == "Const":
            return self._const(op)
        if sig.op.type == "NoOp":  # nothing to run; what waits for it waits for what it waits for
            self.node_level[op] = max([self.node_level.get(c, -1) for c in op.control_inputs], default=-1)
            return None
        if sig.op.type == "Placeholder":
            if op.outs[0] not in self.fed and not self._spare(op):
                raise errors.InvalidArgumentError(
                    op.node_def, op,
                    f"You must feed a value for placeholder tensor '{op.name}' with dtype {_spoken(op.outs[0].aval)}"
                    f"{_and_shape(op.outs[0].aval)}",
                )  # fmt: skip
            return None
        states = [self.source(v) if self.in_order and op.outs else self.read(v) for v in op.reads]
        for s, state in zip(op.state_ins, states, strict=False):
            self.slots[s] = state
        ins = tuple([self.place(s) for s in op.ins] + states)
        node = self.pure[op] = Node(sig, ins, self.counter)
        self.counter += 1
        node.outs = tuple([Slot(node, i, s.aval) for i, s in enumerate(op.outs)])
        node.outs += tuple([Slot(node, len(op.outs) + i, v._aval) for i, v in enumerate(op.writes)])
        if op.sub:
            node = self.pure[op] = _with_sub(node, [self.pure.get(m, m) for m in op.sub])
        for s, p in zip(op.outs, node.outs, strict=False):
            if s not in self.fed:
                self.slots[s] = p
        for v, p in zip(op.writes, node.outs[len(op.outs) :], strict=True):
            self.state[v] = p
        self._settle(op, node)
        return None

    def _spare(self, placeholder):
        """Whether no value asked for depends on this placeholder: d(w x)/dx does not need x.  Then zeros stand for it."""
        s = placeholder.outs[0]
        if not s.aval.known:
            return False
        if 0 in s.aval.shape:  # nothing could be fed but this
            return self._stand_in(s)
        if s in self.wanted or placeholder in self.run:
            return False
        if self.read_by_values is None:
            self.read_by_values = gradients.dependents(self.wanted, self.run)
        return s not in self.read_by_values and self._stand_in(s)

    def _stand_in(self, s):
        self.slots[s] = slot = Slot(None, 0, s.aval, np.zeros(s.aval.shape, s.aval.np))
        self.level[slot] = -1
        return True

    def _const(self, op):
        s = op.outs[0]
        if s in self.fed:
            return
        array = op.sig.settings["value"].array
        free = self.inline is not None and s not in self.inline and s not in self.wanted
        argument = (
            free and array.dtype.kind in "fc"
        )  # of integers kernels like to know the value: is the index in range?
        if (argument or array.size > LARGE) and array.dtype != object:
            slot = Slot(None, 0, s.aval, array)
            dispatch.device_value(slot)
            self.level[slot] = -1
        elif array.dtype == object:
            slot = Slot(None, 0, s.aval, array)
            self.level[slot] = -1
        else:
            node = Node(op.sig, (), self.counter)
            self.counter += 1
            slot = Slot(node, 0, s.aval)
            node.outs = (slot,)
            self.known.add(slot)
            self.level[slot] = -1
        self.slots[s] = slot

    def _settle(self, op, node):
        """The level a node runs at."""
        available = max([self.level[s] for s in node.ins], default=-1)
        after = max([self.node_level.get(c, -1) for c in op.control_inputs], default=-1)
        if op in self.windows and self._cut_by_data(node):
            node.sig = node.sig.op.for_text().signature(node.sig.settings, node.sig.fixed)
        if node.sig.op.host:
            level = _at_least(available, 1)
            level = max(level, _at_least(after, 1) if op.control_inputs else level)
        else:
            level = max(_at_least(available, 0), 0)
            if _at_least(after, 0) > level and (op.writes or op.reads):
                level = _at_least(after, 0)
            for i in static_positions(node.sig, len(node.ins)):
                level = max(level, self._make_static(node.ins[i]))
            arithmetic = all(s in self.known and s.aval.np.kind in "iub" for s in node.ins) and bool(node.ins)
            if node.sig.op.known or arithmetic and not node.sig.op.stateful:
                self.known.update(node.outs)
        self.node_level[op] = level
        for s in node.outs:
            self.level[s] = level
        self.by_level.setdefault(level, []).append((node, op))

    def _cut_by_data(self, node):
        """Whether a slice would be compiled anew for every value of its bounds, and its tensor is on the host anyway."""
        x = node.ins[0]
        on_device = self.level[x] % 2 == 0 or x in self.initial.values()
        if on_device and jax.default_backend() != "cpu":
            return False
        bounds = [node.ins[i] for i in static_positions(node.sig, len(node.ins))]
        return any([s.node is not None and s not in self.known and self._feeds_of(s) is None for s in bounds])

    def _make_static(self, slot):
        """Sees to it that `slot` is known when its reader is compiled; returns the lowest level the reader may run at."""
        if slot in self.known:
            return 0
        if slot in self.static:  # a feed, or computed at an earlier level
            return 0 if slot.node is None else _at_least(self.level[slot] + 1, 0)
        if slot.node is None:
            self.static.add(slot)
            return 0
        feeds = self._feeds_of(slot)
        if feeds is not None:
            self.static.update(feeds)
            self._mark_known(slot)
            return 0
        self.static.add(slot)
        return _at_least(self.level[slot] + 1, 0)

    def _feeds_of(self, slot):
        """The fed values and variables a value is integer arithmetic of, or None if it depends on anything else."""
        node = slot.node
        if slot.aval.np.kind not in "iub":
            return None  # floating point is not computed while compiling, constants included
        if slot in self.known:
            return set()
        if node is None:
            return {slot} if slot.value is None else set()
        if node.sig.op.host or node.sig.op.stateful or not node.ins:
            return None
        found = set()
        for s in node.ins:
            part = self._feeds_of(s)
            if part is None:
                return None
            found |= part
        return found

    def _mark_known(self, slot):
        if slot not in self.known and slot.node is not None:
            self.known.update(slot.node.outs)
            for s in slot.node.ins:
                self._mark_known(s)

    def stages(self, wanted, result, label, donate):
        """The stages in running order; each gives what later ones and the caller need."""
        levels = sorted(self.by_level)
        made_at = {}
        for level in levels:
            for node, _ in self.by_level[level]:
                for s in node.outs:
                    made_at[s] = level
        used_later = {}
        for level in levels:
            for node, _ in self.by_level[level]:
                for s in node.ins:
                    if s in made_at and made_at[s] < level:
                        used_later.setdefault(made_at[s], {})[s] = None
        for s in wanted:
            if s in made_at:
                used_later.setdefault(made_at[s], {})[s] = None
        const_nodes = [s.node for s in self.slots.values() if s.node is not None and s.node.sig.op.type == "Const"]
        stages = []
        for level in levels:
            group = self.by_level[level]
            if level % 2:
                stages.append(HostStage(group))
                continue
            last = level == levels[-1]
            nodes = [n for n, _ in group]
            present = set(nodes)
            outputs = list(used_later.get(level, ()))
            given_up = set()
            if donate and last:
                given_up = {result.initial[v] for v in result.final if v in result.initial} - set(result.fetches)
            # What one stage knows while compiling (shapes) the later ones must know, too.
            known = self.static | self.known
            stages.append(DeviceStage(_prune(const_nodes, nodes, present), outputs, known, given_up, label))
        return stages


def _prune(consts, nodes, present):
    """The constants that these nodes read, then the nodes."""
    read = {s.node for n in nodes for s in n.ins if s.node is not None and s.node not in present}
    return [c for c in consts if c in read] + nodes


class _GradientNode(Node):
    __slots__ = ("sub",)


def _with_sub(node, sub):
    made = _GradientNode(node.sig, node.ins, node.order)
    made.sub = tuple(sub)
    made.outs = node.outs
    for s in made.outs:
        s.node = made
    return made


def _at_least(level, parity):
    """The lowest level >= `level` that is compiled (parity 0) or on the host (parity 1)."""
    return level if level % 2 == parity else level + 1


def _spoken(a):
    from .dtype_checks import spoken

    return spoken(a.dtype)


def _and_shape(a):
    return "" if a.shape is None else f" and shape [{','.join('?' if d is None else str(d) for d in a.shape)}]"
