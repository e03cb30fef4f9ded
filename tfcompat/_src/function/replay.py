"""Operations of a traced function recorded again, one by one, in the current mode: eagerly or into another graph."""

from __future__ import annotations

import contextlib
import threading

import numpy as np

from .. import record
from ..engine import dispatch, stages
from ..graph import context
from ..scopes import control_dependencies
from ..tensor import Tensor
from .effects import accesses


class _Bound(threading.local):
    variables: dict = {}  # variable a function was traced with -> the variable that this call gives


_bound = _Bound()


def replay_all(operations, place, variables, in_order=False):
    """Replays `operations` in order; returns those made that have an effect.

    place      slot of the traced graph -> tensor; has the function's inputs, and gets what the operations give
    variables  variable the function was traced with -> the one it is called with
    in_order   what reads, writes or has another effect waits for the effect before it, as no Session would by itself
    """
    before, _bound.variables = _bound.variables, variables
    effects = []
    try:
        for op in operations:
            reads, writes = accesses(op) if in_order else ((), ())
            stateful = writes or in_order and op.sig.op.stateful and op.sig.op.host
            with control_dependencies(effects[-1:]) if stateful or reads else contextlib.nullcontext():
                out = replay(op, [place[s] for s in op.ins])
            if stateful:
                effects.append(context.graph.operations[-1])
            for s, t in zip(op.outs, out, strict=True):
                place.setdefault(s, t)
    finally:
        _bound.variables = before
    return effects


def value_of(slot):
    """The array of an eager slot, computed now where it is pending."""
    return slot.value if slot.value is not None else dispatch.demand(slot)


def state_slot(variable):
    """The slot of a variable's value as an input of a call; tapes see the read."""
    if hasattr(variable, "_dense_tensor"):
        return variable._dense_tensor()._slot
    return variable._slot()


def replay(op, ins):
    """Records operation `op` again in the current mode on tensors `ins`; returns its output tensors."""
    sig, graph = op.sig, context.graph
    reads, writes = op.reads, op.writes
    if _bound.variables:
        reads, writes = [tuple([_bound.variables.get(v, v) for v in vs]) for vs in (reads, writes)]
    if sig.op.type == "Const":
        array = sig.settings["value"].array
        return [record.constant(array) if graph is None else record.const_of(graph, array, op.name)]
    if graph is not None:
        out = record.add_op(
            graph, sig, ins, graph.op_name(None, op.name), reads=reads, writes=writes, sub=(),
            avals=tuple([s.aval for s in op.outs]) if reads or writes or sig.op.host else None, single=False,
            attributes=op.attributes,
        )  # fmt: skip
        out = list(out) if isinstance(out, (list, tuple)) else [out] if isinstance(out, Tensor) else []
        if op.gradient is not None and out:
            out[0].op.gradient = op.gradient
        return out
    fixed_free = tuple([t._slot for t in ins])
    eagerly = getattr(sig.op, "run_eagerly", None)
    if eagerly is not None:  # a branch or loop with host operations: its bodies are replayed in turn
        return eagerly(op, ins)
    if sig.op.host:
        slots = (*fixed_free, *[state_slot(v) for v in reads])
        args = [np.asarray(s.value if s.value is not None else dispatch.demand(s)) for s in slots]
        values = [record.constant(v) for v in stages.run_host(sig, args, op, None)]
        for v, t in zip(writes, values[len(op.outs) :], strict=True):
            v._set(t)
        return values[: len(op.outs)]
    if sig.op.type == "ReadVariableOp":  # a read starts a history of its own, which tapes follow
        return [reads[0]._dense_tensor()]
    positions = dispatch.inference.static_positions(sig, len(ins))
    if positions:
        fixed = dict(sig.fixed)
        names = (
            [i for i in range(len(sig.op.inputs)) if i not in sig.fixed]
            if not sig.op.variadic
            else list(range(len(ins)))
        )
        for p in positions:
            fixed[names[p]] = record.shape_array(ins[p])
        sig = sig.op.signature(sig.settings, fixed)
        fixed_free = tuple([t._slot for i, t in enumerate(ins) if i not in positions])
    slots = (*fixed_free, *[state_slot(v) for v in reads])
    if op.gradient is not None:
        return dispatch.record_special(
            sig, slots, dispatch.inference.infer(sig, tuple([s.aval for s in slots])).avals, gradient=op.gradient
        )
    out = dispatch.record(sig, slots)
    out = out if isinstance(out, list) else [out]
    for v, t in zip(writes, out[len(op.outs) :], strict=True):
        v._set(t)
    return out[: len(op.outs)]
