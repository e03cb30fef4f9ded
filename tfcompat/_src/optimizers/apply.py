"""One recorded node applies an optimizer to all its variables: the eager form of every built-in optimizer.

A `Recipe` (hashable: what is static of an optimizer) computes new state from old; `Applied` is the signature made of a recipe and a
layout; a `Plan` remembers, for one optimizer and one list of variables, whose values go in and come out.  Hyper-parameters are inputs.
"""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..engine import dispatch, infer
from ..graph import aval, context
from ..tensor import IndexedSlices, Slot, handle


class _Op:
    """Stands where an OpDef would."""

    type = name = "ApplyGradients"
    host = known = differentiable = False
    stateful = True
    gradient = abstract = dtypes = None
    static = own = frozenset()
    alike, inputs, variadic = False, (), True


class Applied:
    """(scalars..., gradients..., state...) -> new state.

    layout: per variable (is the gradient sparse, how many slots it has); n_scalars, n_shared: see Recipe.
    """

    __slots__ = ("op", "settings", "fixed", "cache", "recipe", "layout", "fn", "n_scalars", "n_shared")

    def __init__(self, recipe, layout, n_scalars, n_shared):
        self.op, self.settings, self.fixed, self.cache = _Op, {}, {}, {}
        self.recipe, self.layout, self.n_scalars, self.n_shared = recipe, layout, n_scalars, n_shared
        self.fn = self._run

    def infer(self, avals):
        """Every state keeps its dtype and shape: no kernel has to be traced to know."""
        n = self.n_shared + sum(1 + slots for _, slots in self.layout)
        return infer.Inferred(tuple(avals[len(avals) - n :]), False)

    def _run(self, *args):
        scalars, at = args[: self.n_scalars], self.n_scalars
        grads = []
        for sparse, _ in self.layout:
            grads.append((args[at], args[at + 1]) if sparse else args[at])
            at += 1 + sparse
        shared, at = args[at : at + self.n_shared], at + self.n_shared
        states = []
        for _, slots in self.layout:
            states.append(args[at : at + 1 + slots])
            at += 1 + slots
        new_shared, new_states = self.recipe.run(scalars, shared, grads, states)
        out = [v.astype(old.dtype) for v, old in zip(new_shared, shared, strict=True)]
        for new, old in zip(new_states, states, strict=True):
            out.extend([v.astype(o.dtype) for v, o in zip(new, old, strict=True)])
        return tuple(out)

    def apply(self, args):
        return self._run(*args)

    def __repr__(self):
        return f"ApplyGradients({type(self.recipe).__name__}, {len(self.layout)} variables)"


_applied: dict = {}


def applied(recipe, layout, n_scalars, n_shared):
    """The interned Applied."""
    key = (recipe, layout, n_scalars, n_shared)
    found = _applied.get(key)
    if found is None:
        found = _applied.setdefault(key, Applied(*key))
    return found


class Plan:
    """What one apply_gradients of one optimizer on one list of variables reads and writes.  `variables` keeps them alive (ids are keys)."""

    __slots__ = ("sig", "state", "variables", "dtypes")

    def __init__(self, recipe, variables, slots, sparse, shared, n_scalars):
        """slots: per variable its slot variables; sparse: per variable, is its gradient IndexedSlices."""
        layout = tuple([(s, len(own)) for s, own in zip(sparse, slots, strict=True)])
        self.sig = applied(recipe, layout, n_scalars, len(shared))
        self.state = list(shared)
        for v, own in zip(variables, slots, strict=True):
            self.state.append(v._owner)
            self.state.extend(own)
        self.variables = variables
        self.dtypes = [v.dtype.base_dtype for v in variables]

    def run(self, scalars, grads):
        """Records the update eagerly, gives every variable its new value and dispatches."""
        ins = [t._slot for t in scalars]
        for g in grads:
            if g.__class__ is IndexedSlices:
                ins.append(g.values._slot)
                ins.append(g.indices._slot)
            else:
                ins.append(g._slot)
        # The slot of the read where there was one: then the old value has one holder, and its buffer may be overwritten.
        ins += [(v._value if v._read is None else v._read)._slot for v in self.state]
        new = dispatch.record(self.sig, tuple(ins))
        del ins
        for v, t in zip(self.state, new, strict=True):
            v._value = t  # what Variable._set does, without asking for every variable whether the value is pending
            v._read = None
        dispatch.assigned()
        dispatch.flush()

    def run_in_graph(self, scalars, grads, name):
        """The same as one operation of the current graph; returns the operation."""
        tensors = list(scalars)
        for g in grads:
            tensors += [g.values, g.indices] if g.__class__ is IndexedSlices else [g]
        graph, state = context.graph, tuple([v._owner for v in self.state])
        return record.add_op(
            graph, self.sig, tensors, graph.op_name(name, "ApplyGradients"), reads=state, writes=state, avals=()
        )


def signature_key(grads):
    """Which gradients are sparse: part of a plan's key."""
    return tuple([g.__class__ is IndexedSlices for g in grads])


class Scalars:
    """Python hyper-parameters as one small tensor that stays on the device while they do not change."""

    __slots__ = ("values", "tensor")

    def __init__(self):
        self.values = self.tensor = None

    def of(self, values):
        """A float64 tensor of these Python numbers [n]."""
        if values != self.values:
            self.values = values
            array = np.array(values, np.float64)
            self.tensor = handle(Slot(None, 0, aval(dtypes.float64, array.shape), array))
            dispatch.device_value(self.tensor._slot)
        return self.tensor


__all__ = ["Applied", "Plan", "Scalars", "applied", "signature_key"]
