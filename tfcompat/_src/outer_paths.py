"""Gradients inside a function or loop body by a tensor from outside of it, along paths that run outside.

With z = x * x outside and y = z * a inside, dy/dx inside is dy/dz times dz/dx.  The stretch outside is recorded again inside, on what stands
for x there, and differentiated with the cotangent that arrived at z's capture.
"""

from __future__ import annotations

from . import record
from .engine import gradients
from .graph import context
from .symbolic_gradients import operations_between
from .tape import RECORDER
from .tensor import SymbolicTensor


def _outside(slot):
    """The tensor outside that a capture stands for, or None."""
    graph = slot.node.graph
    if not graph.building_function:
        return None
    return next((tensor for tensor, inside in graph.captures.values() if inside._slot is slot), None)


def _root(slot):
    """The slot where a tensor was computed, whatever captures lie between."""
    while True:
        tensor = _outside(slot)
        if tensor.__class__ is not SymbolicTensor:
            return slot
        slot = tensor._slot


class _Outside:
    """What lies outside of the current graph between a source and the captures that depend on it."""

    def __init__(self, x, here):
        self.source, self.here = _root(x._slot), here
        self._depends: dict = {}
        self._again: dict = {}

    def depends(self, slot):
        """Whether a slot outside depends on the source."""
        slot = _root(slot)
        known = self._depends.get(slot)
        if known is None:
            known = slot is self.source or any([self.depends(s) for s in slot.node.ins])
            self._depends[slot] = known
        return known

    def again(self, slot):
        """The tensor of a slot outside, computed anew in the current graph from what stands for the source there."""
        from .function import replay

        slot = _root(slot)
        if slot is self.source:
            return self.here
        if not self.depends(slot):
            return RECORDER.handle(record.capture(context.graph, RECORDER.handle(slot)))
        op = slot.node
        if op not in self._again:
            self._again[op] = replay(op, [self.again(s) for s in op.ins])
        return self._again[op][slot.index]


def along_captures(x, inside, targets, cotangents, nodes, stops):
    """The gradients of the targets by `x` that arrive through captures of the current graph, where the slot `inside` stands for x."""
    graph = context.graph
    outside = _Outside(x, RECORDER.handle(inside))
    captured = [
        (tensor._slot, placeholder._slot)
        for tensor, placeholder in list(graph.captures.values())
        if tensor.__class__ is SymbolicTensor and tensor._slot.aval.differentiable
    ]
    captured = [(o, i) for o, i in captured if _root(o) is not outside.source and i not in stops and outside.depends(o)]
    if not captured:
        return []
    arriving = gradients.differentiate(targets, cotangents, [i for _, i in captured], nodes, RECORDER, stops)
    parts = []
    for (slot, _), g in zip(captured, arriving, strict=True):
        if g is None:
            continue
        again = outside.again(slot)._slot
        parts += gradients.differentiate(
            [again], [record.convert_to_tensor(g)], [inside], operations_between([again], graph), RECORDER
        )
    return parts
