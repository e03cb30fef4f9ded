"""What a thread recorded eagerly: segments of straight-line code, and what tapes remember of them."""

from __future__ import annotations

import threading
from sys import getrefcount

from ..graph import Node, next_order

lock = threading.RLock()


class Segment:
    """A stretch of a thread's trace between step boundaries.

    code    (signature, input numbers[, lines differentiated]) per operation; a number >= 0 is a slot of this segment, ~i is leaf i
    slots   all outputs, by number;  starts: the number of each line's first output
    leaves  slots from elsewhere;    leaf_of: slot -> ~i
    live    once sealed: the slots somebody held at the step boundary
    special line -> (nodes differentiated, gradient function) for lines that need a node of their own kind
    """

    __slots__ = ("code", "slots", "starts", "leaves", "leaf_of", "live", "special", "nodes", "order", "sealed", "done")

    def __init__(self):
        self.code, self.slots, self.starts, self.leaves, self.leaf_of = [], [], [], [], {}
        self.live, self.special, self.nodes = None, {}, []
        self.order = next_order()
        self.sealed = self.done = False

    def number(self, s):
        """The number by which this segment's code refers to a slot."""
        if s.segment is self:
            return s.index
        n = self.leaf_of.get(s)
        if n is None:
            n = self.leaf_of[s] = ~len(self.leaves)
            self.leaves.append(s)
        return n

    def slot(self, number):
        return self.slots[number] if number >= 0 else self.leaves[~number]

    def materialize(self):
        """Makes the nodes of all lines recorded so far."""
        nodes = self.nodes
        with lock:
            for line in range(len(nodes), len(self.code)):
                sig, numbers = self.code[line][:2]
                ins = tuple([self.slot(n) for n in numbers])
                end = self.starts[line + 1] if line + 1 < len(self.starts) else len(self.slots)
                sub, gradient = self.special.get(line, ((), None))
                node = EagerNode(sig, ins, self.order + line)
                node.outs = tuple(self.slots[self.starts[line] : end])
                node.sub = (
                    tuple([nodes[i] for i in sub])
                    if sub.__class__ is tuple and sub and sub[0].__class__ is int
                    else tuple(sub)
                )
                node.gradient = gradient
                for s in node.outs:
                    if s.value is None:
                        s._node = node
                nodes.append(node)

    def forget(self):
        """Lets go of the nodes made so far: they refer to slots, and would count as holding them."""
        if self.nodes:
            for s in self.slots:
                s._node = None
            self.nodes = []

    def alias(self, slot):
        """The node of a slot that stands for another one of this segment (a variable read): the identity of it."""
        from ..declare import OPS

        node = EagerNode(OPS["Identity"].sig, (self.slots[slot.index],), self.order + len(self.code))
        node.outs, node.sub, node.gradient = (slot,), (), None
        return node


class EagerNode(Node):
    """A node of a segment, made when the engine has to look at single operations."""

    __slots__ = ("sub", "gradient")


class Trace:
    """A thread's segments that are sealed but not dispatched, and whether an assignment just ended one."""

    __slots__ = ("sealed", "boundary")

    def __init__(self):
        self.sealed: list = []
        self.boundary = False


class Records:
    """What a tape saw: ranges of segments, and nodes, in order."""

    __slots__ = ("items", "with_own_gradients")

    def __init__(self):
        self.items: list = []
        self.with_own_gradients = False  # whether nodes of tf.custom_gradient are among them

    def open(self, segment, line):
        self.items.append([segment, line, None])

    def close(self):
        if self.items and self.items[-1].__class__ is list and self.items[-1][2] is None:
            last = self.items[-1]
            last[2] = len(last[0].code)

    def append(self, node):
        self.items.append(node)

    def __iter__(self):
        """The nodes, in recorded order."""
        out = []
        for item in self.items:
            if item.__class__ is list:
                segment, start, end = item
                segment.materialize()
                out.extend(segment.nodes[start:end])
            else:
                out.append(item)
        return iter(out)

    def watch_read(self, variable, slot):
        return None

    def __del__(self):
        items, self.items = self.items, []
        while items:
            item = items.pop()
            if item.__class__ is list:
                segment = item[0]
                item.clear()
                release(segment, 0)


def release(segment, lists):
    """Takes a dispatched segment apart where only its own slots (and `lists` lists) hold it: the cycle would wait for the collector."""
    if not segment.done:
        return
    inner = 0
    for s in segment.slots:
        if s.segment is segment:
            inner += 1
    if getrefcount(segment) <= inner + _HELD + lists:
        for s in segment.slots:
            s.segment = None
        segment.slots, segment.leaves, segment.live, segment.leaf_of = [], [], [], {}


_HELD = 3  # the caller's name, the parameter, getrefcount's own
