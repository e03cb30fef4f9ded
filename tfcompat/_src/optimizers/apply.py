"""One recorded node applies an optimizer to all its variables: the eager form of every built-in optimizer.

A `Recipe` (hashable: what is static of an optimizer) computes new state from old; `Applied` is the signature made of
a recipe and a layout; a `Plan` remembers, for one optimizer and one list of variables, whose values go in and come
out.  Hyper-parameters are inputs.
"""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors, record
from ..engine import dispatch, infer
from ..graph import PlainOp, aval, context
from ..tensor import IndexedSlices, Slot, handle
from ..variable_kernels import check_rows
from .formulas import none_negative
from .pack import Pack


class _Op(PlainOp):
    """Stands where an OpDef would."""

    type = name = "ApplyGradients"
    host = known = differentiable = False
    stateful = True
    alike, inputs, variadic = False, (), True


class Applied:
    """(scalars..., gradients..., shared..., variables..., slots) -> (new shared..., new variables..., new slots).

    layout   per variable: is its gradient sparse, how many slots it has
    packed   the slots are one list of arrays (pack.py); else they come one by one
    """

    __slots__ = ("op", "settings", "fixed", "cache", "recipe", "layout", "fn", "n_scalars", "n_shared", "packed")

    def __init__(self, recipe, layout, n_scalars, n_shared, packed):
        self.op, self.settings, self.fixed, self.cache = _Op, {}, {}, {}
        self.recipe, self.layout, self.n_scalars, self.n_shared = recipe, layout, n_scalars, n_shared
        self.fn, self.packed = self._run, packed

    def infer(self, avals):
        """Every state keeps its dtype and shape: no kernel has to be traced to know."""
        self.check(avals)
        slots = sum([n for _, n in self.layout])
        n = self.n_shared + len(self.layout) + (min(slots, 1) if self.packed else slots)
        return infer.Inferred(tuple(avals[len(avals) - n :]), False)

    def check(self, avals):
        """InvalidArgumentError where a gradient does not fit its variable, before anything is assigned."""
        at, first = self.n_scalars, self.n_scalars + sum([1 + sparse for sparse, _ in self.layout]) + self.n_shared
        for i, (sparse, n) in enumerate(self.layout):
            grad, var = avals[at], avals[first + i]
            check_dtype(grad.dtype, var.dtype, self.recipe.casts)
            if sparse:
                check_slices(grad.shape, avals[at + 1].shape, var.shape)
            else:
                check_shape(grad.shape, var.shape, self.recipe.broadcasts and n > 0)
            at += 1 + sparse

    def _run(self, *args):
        scalars, at = args[: self.n_scalars], self.n_scalars
        grads = []
        for sparse, _ in self.layout:
            grads.append((args[at], args[at + 1]) if sparse else args[at])
            at += 1 + sparse
        shared, at = args[at : at + self.n_shared], at + self.n_shared
        variables, rest = args[at : at + len(self.layout)], args[at + len(self.layout) :]
        grads = [
            (g[0], none_negative(g[1], v.shape[0])) if g.__class__ is tuple else g for g, v in zip(grads, variables)
        ]
        slots = iter(rest[0] if self.packed and rest else rest)
        states = [(v, *[next(slots) for _ in range(n)]) for v, (_, n) in zip(variables, self.layout)]
        new_shared, new_states = self.recipe.run(scalars, shared, grads, states)
        new_states = [[v.astype(o.dtype) for v, o in zip(new, old)] for new, old in zip(new_states, states)]
        out = [v.astype(old.dtype) for v, old in zip(new_shared, shared)] + [new[0] for new in new_states]
        new_slots = [v for new in new_states for v in new[1:]]
        return (*out, new_slots) if self.packed and new_slots else (*out, *new_slots)

    def apply(self, args):
        return self._run(*args)

    def __repr__(self):
        return f"ApplyGradients({type(self.recipe).__name__}, {len(self.layout)} variables)"


def check_shape(grad, var, broadcasts=False):
    """InvalidArgumentError where a gradient of shape `grad` is none of a variable of shape `var`; None: not known.

    broadcasts: it may also be smaller, as one that is added to a slot.
    """
    if grad is None or var is None or grad == var:
        return
    if broadcasts or None in grad or None in var:
        padded = (1,) * (len(var) - len(grad)) + grad if broadcasts else grad
        fits = len(padded) == len(var) and all(
            [g == v or g is None or v is None or broadcasts and g == 1 for g, v in zip(padded, var)]
        )
        if fits:
            return
    raise _invalid(f"var and grad do not have the same shape{_spoken(var)} {_spoken(grad)}")


def check_slices(values, indices, var):
    """InvalidArgumentError where rows of shape `values` at indices of shape `indices` are none of a variable's."""
    if indices is None or values is None or var is None:
        return
    if len(indices) != 1:
        raise _invalid(f"indices must be one-dimensional, not of shape {_spoken(indices)}")
    check_shape(values, (indices[0], *var[1:]))


def check_dtype(grad, var, casts):
    """InvalidArgumentError for a gradient of another dtype, or of integers; with `casts` UnimplementedError for text."""
    if grad is var and (casts or grad.is_floating or grad.is_complex):
        return
    if grad is var:
        raise _invalid(f"there is no update for variables of dtype {var.name}")
    if casts and grad is not dtypes.string:
        return
    if casts:
        raise errors.UnimplementedError(None, None, f"Cast string to {var.name} is not supported [Op:Cast]")
    raise _invalid(f"the gradient was expected to be a {var.name} tensor but is a {grad.name} tensor")


def _spoken(shape):
    return f"[{','.join(['?' if d is None else str(d) for d in shape])}]"


def _invalid(message):
    return errors.InvalidArgumentError(None, None, f"{message} [Op:ApplyGradients]")


_applied: dict = {}


def applied(recipe, layout, n_scalars, n_shared, packed):
    """The interned Applied."""
    key = (recipe, layout, n_scalars, n_shared, packed)
    found = _applied.get(key)
    if found is None:
        found = _applied.setdefault(key, Applied(*key))
    return found


class Plan:
    """What one apply_gradients of one optimizer on one list of variables reads and writes.  `variables` keeps them
    alive (ids are keys).
    """

    __slots__ = ("recipe", "layout", "n_scalars", "sig", "state", "slots", "pack", "given", "n_shared", "constrained",
                 "dense")  # fmt: skip

    def __init__(self, recipe, variables, slots, sparse, shared, n_scalars):
        """slots: per variable its slot variables; sparse: per variable, is its gradient IndexedSlices."""
        self.recipe, self.n_scalars, self.n_shared, self.given = recipe, n_scalars, len(shared), variables
        self.constrained = [v for v in variables if getattr(v, "constraint", None) is not None]
        self.layout, self.dense = tuple([(s, len(own)) for s, own in zip(sparse, slots)]), not any(sparse)
        self.state = [v._owner for v in (*shared, *variables)]
        self.slots = [v for own in slots for v in own]
        self.sig = self.pack = None

    def run(self, scalars, grads, global_step=None):
        """Records the update eagerly, gives every variable its new value and dispatches; `global_step` becomes one more."""
        if self.sig is None:
            self.sig = applied(self.recipe, self.layout, self.n_scalars, self.n_shared, True)
            for v in self.state:
                _to_device(v)
        ins = [t._slot for t in scalars]
        if self.dense:
            ins += [g._slot for g in grads]
        else:
            for g, (sparse, _), v in zip(grads, self.layout, self.given, strict=True):
                own = [record.convert_to_tensor(t)._slot for t in ((g.values, g.indices) if sparse else (g,))]
                if sparse and own[1].value.__class__ is np.ndarray and v.shape.ndims:
                    check_rows(own[1].value, v.shape[0], _Op.type)
                ins += own
        # The slot of the read where there was one: then the old value has one holder, and its buffer may be overwritten.
        ins += [(v._value if v._read is None else v._read)._slot for v in self.state]
        pack = self.pack
        if self.slots:
            if pack is None or not pack.members:
                pack = self.pack = Pack(self.slots)
            ins.append(pack.slot)
        out = dispatch.record(self.sig, tuple(ins))
        del ins
        for v, t in zip(self.state, out):
            v._value = t  # what Variable._set does, without asking for every variable whether the value is pending
            v._read = None
        if self.slots:
            pack.slot = out[-1]._slot
        if global_step is not None:
            global_step.assign_add(np.ones((), global_step.dtype.base_dtype.np))
        dispatch.assigned()
        dispatch.flush()

    def constrain(self):
        """Applies the variables' constraints to what the update has made of them; what the assignments return."""
        done = [v.assign(v.constraint(v)) for v in self.constrained]
        if done and context.graph is None:
            dispatch.flush()
        return done

    def run_in_graph(self, scalars, grads, name):
        """The same as one operation of the current graph; returns the operation."""
        tensors = list(scalars)
        for g in grads:
            sparse = g.__class__ is IndexedSlices
            tensors += [record.convert_to_tensor(t) for t in ((g.values, g.indices) if sparse else (g,))]
        graph, state = context.graph, tuple([*self.state, *[v._owner for v in self.slots]])
        sig = applied(self.recipe, self.layout, self.n_scalars, self.n_shared, False)
        try:
            sig.check(tuple([t._slot.aval for t in tensors] + [v._aval for v in state]))
        except errors.InvalidArgumentError as e:
            raise ValueError(e.message) from None  # as TensorFlow while a graph is built
        full = graph.op_name(name, "ApplyGradients")
        return record.add_op(graph, sig, tensors, full, reads=state, writes=state, avals=())


def _to_device(variable):
    """Puts the first value of an eager variable on the device.

    A program may overwrite what is on the device when it is compiled; small arrays would travel with the first call.
    """
    slot, read = variable._value._slot, variable._read
    host = slot.value
    if host.__class__ is np.ndarray:
        value = dispatch.device_value(slot)
        if read is not None and read._slot.value is host:
            read._slot.value = value


def signature_key(grads):
    """Which gradients are sparse: part of a plan's key.  Empty where none is."""
    if IndexedSlices not in set(map(type, grads)):
        return ()
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
