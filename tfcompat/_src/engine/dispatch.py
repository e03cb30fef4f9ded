"""Eager execution: record now, dispatch later as one compiled program.

A thread's `Trace` lists what it recorded and nobody has computed yet.  It is dispatched
  - when a value is needed (`demand`),
  - when an optimizer has applied its gradients (`flush`),
  - when a variable whose new value is still pending is assigned again (`step_boundary`): one step has come round.  Then everything
    up to the last assignment goes, so that each round is one program of the same structure,
  - when it exceeds LIMIT nodes.
What a program returns is what somebody can still ask for: the slots whose tensor was alive at the step boundary.  Python numbers and
constants are inputs of the program, never text of it, so the next round finds the compiled program again.
"""

from __future__ import annotations

import os
import threading
import weakref

import jax
import numpy as np

from .. import errors
from ..graph import Node, Slot, context, next_order
from ..tensor import EagerTensor
from . import infer as inference
from .program import by_order, linearize, on_host, program

LIMIT = 4000  # nodes; a trace this long is a loop that never asks for a value
DEVICE_FROM = 4096  # elements; larger host arrays are put on the device once, smaller ones travel with each call

op_by_op = os.environ.get("TFCOMPAT_EAGER") == "op_by_op"
log_compiles = os.environ.get("TFCOMPAT_LOG_COMPILES") == "1"
compiles = 0  # programs compiled so far, for tests and the log
dispatches = 0  # programs run so far

_lock = threading.RLock()
_ref = weakref.ref
_new = EagerTensor.__new__


class Trace:
    """What one thread recorded and has not computed yet."""

    __slots__ = ("nodes", "live", "scanned", "scan_due")

    def __init__(self):
        self.nodes = []
        self.live = []  # slots alive at the last step boundary
        self.scanned = 0  # nodes before the last step boundary
        self.scan_due = False  # an assignment was recorded: the next record (or dispatch) is a step boundary


def record(sig, ins):
    """Records one application eagerly; returns the output tensor, or a list of them.  `ins` is a tuple of slots."""
    avals = tuple([s.aval for s in ins])
    out = sig.cache.get(avals)
    if out is None:
        out = inference.infer(sig, avals)
    if out.small:
        for s in ins:
            if s.value.__class__ is not np.ndarray:
                break
        else:
            return _computed(sig, ins, out)
    trace = context.trace
    if trace is None:
        trace = context.trace = Trace()
    if trace.scan_due:
        _scan(trace)
    node = Node(sig, ins, next_order())
    if out.single:
        slot = Slot(node, 0, out.avals[0])
        node.outs = (slot,)
        result = _new(EagerTensor)
        result._slot = slot
        slot.handle = _ref(result)
    else:
        node.outs = tuple([Slot(node, i, a) for i, a in enumerate(out.avals)])
        result = []
        for slot in node.outs:
            tensor = _new(EagerTensor)
            tensor._slot = slot
            slot.handle = _ref(tensor)
            result.append(tensor)
    trace.nodes.append(node)
    if context.tapes:
        for tape in context.tapes:
            tape.append(node)
    if op_by_op:
        flush()
    elif len(trace.nodes) > LIMIT:
        flush()
    return result


def add_node(node):
    """Appends a ready-made node (a gradient, a function call) to the pending ones, as `record` does."""
    trace = context.trace
    if trace is None:
        trace = context.trace = Trace()
    if trace.scan_due:
        _scan(trace)
    trace.nodes.append(node)
    for tape in context.tapes:
        tape.append(node)


def handles(node, avals):
    """Gives a node output slots and returns their tensors."""
    node.outs = tuple([Slot(node, i, a) for i, a in enumerate(avals)])
    result = []
    for slot in node.outs:
        tensor = _new(EagerTensor)
        tensor._slot = slot
        slot.handle = _ref(tensor)
        result.append(tensor)
    return result


def _computed(sig, ins, out):
    """Small integers whose inputs are known on the host are computed there at once: a shape never forces a dispatch."""
    args = [s.value for s in ins]
    twin = _twins.get(sig.op.type)
    if twin is not None and not sig.settings and not sig.fixed:
        with np.errstate(all="ignore"):
            values = (np.asarray(twin(*args)),) if all(args[-1].shape == a.shape for a in args) or twin in _broadcasting else None
        if values is None or values[0].dtype != out.avals[0].np:
            values = on_host(sig, args)
    else:
        values = on_host(sig, args)
    slots = [Slot(None, 0, a, v) for a, v in zip(out.avals, values, strict=True)]
    result = []
    for slot in slots:
        tensor = _new(EagerTensor)
        tensor._slot = slot
        slot.handle = _ref(tensor)
        result.append(tensor)
    if context.tapes:
        node = Node(sig, ins, next_order())
        node.outs = tuple(slots)
        for tape in context.tapes:
            tape.append(node)
    return result[0] if out.single else result


# NumPy functions that equal the kernels on integers bit for bit; any other small integer op runs its own kernel on the host.
_twins = {"AddV2": np.add, "Sub": np.subtract, "Mul": np.multiply, "Neg": np.negative, "Maximum": np.maximum, "Minimum": np.minimum}
_broadcasting = set(_twins.values())


def _scan(trace):
    """A step boundary: notes which pending slots somebody still holds."""
    live = [s for s in trace.live if s.handle() is not None]
    for node in trace.nodes[trace.scanned :]:
        for s in node.outs:
            if s.handle is not None and s.handle() is not None:
                live.append(s)
    trace.live, trace.scanned, trace.scan_due = live, len(trace.nodes), False


def assigned():
    """A variable was given a pending value: what is recorded next begins a new step."""
    trace = context.trace
    if trace is not None:
        trace.scan_due = True


def step_boundary():
    """A variable whose value is pending is about to be assigned again: dispatches everything up to the last assignment."""
    trace = context.trace
    if trace is None or not trace.nodes:
        return
    if trace.scan_due:
        _scan(trace)
    cut, outputs = trace.scanned, trace.live
    if not cut:
        return
    with _lock:
        _run(outputs)
    del trace.nodes[:cut]
    trace.live, trace.scanned = [], 0


def flush():
    """Dispatches everything this thread has pending (asynchronously, as JAX does)."""
    trace = context.trace
    if trace is None or not trace.nodes:
        return
    nodes, before, scanned = trace.nodes, trace.live, trace.scanned
    if scanned < len(nodes) and (trace.scan_due or scanned):
        _scan(trace)
        outputs = trace.live
        if not trace.scan_due and before:
            kept = set(outputs)
            outputs = [s for s in before if s not in kept and s.value is None] + outputs
    elif scanned:
        outputs = before
    else:
        outputs = []
        for node in nodes:
            for s in node.outs:
                if s.handle is not None and s.handle() is not None:
                    outputs.append(s)
    trace.nodes, trace.live, trace.scanned, trace.scan_due = [], [], 0, False
    with _lock:
        _run(outputs)


def demand(slot):
    """The value of a slot, dispatching what is pending."""
    flush()
    if slot.value is None:  # another thread's, or dropped at an earlier dispatch and still held by a tape
        with _lock:
            if slot.value is None:
                if slot.node is None:
                    raise RuntimeError("tensor without value or producer (its computation failed earlier)")
                _run([slot])
    return slot.value


def device_value(slot):
    """The value of a slot as a JAX array."""
    value = slot.value if slot.value is not None else demand(slot)
    if value.__class__ is np.ndarray:
        with jax.enable_x64(True):
            value = slot.value = jax.device_put(value)
    return value


def _run(outputs):
    """Computes these slots with one compiled program and fills them in."""
    global dispatches
    outputs = [s for s in outputs if s.value is None]
    if not outputs:
        return
    code, numbers, leaves = linearize(outputs)
    key = (code, numbers, tuple([s.aval for s in leaves]))
    compiled = _compiled.get(key)
    if compiled is None:
        compiled = _compile(key, leaves)
    args = []
    for s in leaves:
        value = s.value
        if value.__class__ is np.ndarray and value.size > DEVICE_FROM:
            value = device_value(s)
        args.append(value)
    dispatches += 1
    with jax.enable_x64(True):
        values = compiled(*args)
    for s, value in zip(outputs, values, strict=True):
        s.value = value
        s.node = None


_compiled: dict = {}


def _compile(key, leaves):
    global compiles
    compiles += 1
    code, numbers, avals = key
    if log_compiles:
        from . import log

        log.compiling("eager program", code, avals, [k[0] for k in _compiled])
    fn = jax.jit(program(code, numbers, len(leaves)).__call__)
    _compiled[key] = fn
    return fn


def pending():
    """How many recorded operations this thread has not dispatched."""
    return len(context.trace.nodes) if context.trace is not None else 0


__all__ = ["Trace", "add_node", "assigned", "by_order", "demand", "device_value", "errors", "flush", "record", "step_boundary"]
