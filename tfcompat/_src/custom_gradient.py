"""Gradients that users define: tf.custom_gradient, RegisterGradient with gradient_override_map, forward mode.

A node with a gradient function of its own (`node.gradient`) cuts the stretch that JAX differentiates (engine/custom.py): the function
gets (node, cotangents of its outputs) and returns one cotangent, or None, per input.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from . import nest, record
from .declare import OPS, OpDef, export
from .engine import dispatch, gradients, infer
from .engine.gradients import _Op
from .engine.program import linearize, program
from .graph import Signature, aval, context
from .tape import RECORDER, _Records, _slot_here, _start, _stop
from .tensor import IndexedSlices, Tensor

REGISTRY: dict = {}  # gradient name -> function(op, *grads)


CUSTOM = OpDef("CustomGradient", lambda *args: args, alike=False)
OPS["CustomGradient"] = CUSTOM
_first: dict = {}


def _first_of(n):
    """The signature that returns the first n of its inputs."""
    sig = _first.get(n)
    if sig is None:
        sig = Signature(CUSTOM)
        sig.fn = lambda *args: tuple(args[:n])
        _first[n] = sig
    return sig


def cut(results, sources, gradient, name="IdentityN"):
    """Tensors equal to `results` whose cotangents go to `gradient(node, cotangents)` -> one per (results + sources)."""
    n = len(results)
    tensors = [*results, *sources]
    avals = tuple([t._slot.aval for t in results])
    graph = context.graph
    if graph is None:
        return dispatch.record_special(_first_of(n), tuple([t._slot for t in tensors]), avals, gradient=gradient)
    out = record.add_op(graph, _first_of(n), tensors, graph.op_name(None, name), avals=avals, single=False)
    out[0].op.gradient = gradient
    return out


@export("custom_gradient")
def custom_gradient(f=None):
    """Decorates f(*args) -> (result, grad_fn); grad_fn(*dy) [or grad_fn(*dy, variables=...)] gives one gradient per argument.

    Raises TypeError where variables are used and grad_fn does not take `variables`, ValueError where the number of gradients is wrong.
    """
    if f is None:
        return custom_gradient

    return _Decorated(f)


class _Decorated:
    """A function, or method, with a gradient of its own."""

    def __init__(self, f):
        functools.update_wrapper(self, f)
        self._function = f

    def __get__(self, instance, owner):
        return self if instance is None else _Decorated(self._function.__get__(instance, owner))

    def __call__(self, *args, **kwargs):
        return _with_gradient(self._function, args, kwargs)


def _with_gradient(f, args, kwargs):
    flat_args = [
        record.convert_to_tensor(a) if not isinstance(a, Tensor) else a
        for a in nest.flatten(args, expand_composites=True)
    ]
    inner_args = flat_args if context.graph is None else [OPS["Identity"].public(a) for a in flat_args]
    watcher = _Watcher()
    tapes = dispatch.set_tapes([watcher])
    try:
        result, grad_fn = f(*nest.pack_sequence_as(args, inner_args, expand_composites=True), **kwargs)
    finally:
        dispatch.set_tapes(tapes)
    variables = [v for v in watcher.variables if not any(v is a for a in nest.flatten(args))]
    flat = [record.convert_to_tensor(r) for r in nest.flatten(result, expand_composites=True)]
    takes = _takes_variables(grad_fn)
    if variables and not takes:
        raise TypeError(
            "If using @custom_gradient with a function that uses variables, then grad_fn must accept a 'variables' keyword argument."
        )
    if not variables and _requires_variables(grad_fn):
        variables = []
    reads = [v._dense_tensor() for v in variables]
    n_results, n_args = len(flat), len(flat_args)
    composite = any(nest.is_composite(v) for v in (*nest.flatten(result), *nest.flatten(args)))

    def gradient(node, cotangents):
        dy = [_cotangent(c, s, composite) for c, s in zip(cotangents, node.outs, strict=True)]
        if composite:
            dy = nest.flatten(nest.pack_sequence_as(result, dy, expand_composites=True))
        got = (
            grad_fn(*dy, variables=variables)
            if variables
            else grad_fn(*dy, variables=[])
            if _requires_variables(grad_fn)
            else grad_fn(*dy)
        )
        by_variable = []
        if variables:
            got, by_variable = got
            by_variable = list(by_variable)
            if len(by_variable) != len(variables):
                raise ValueError(
                    f"Must return gradient for each variable from @custom_gradient grad_fn: got {len(by_variable)} for {len(variables)}."
                )
        got = nest.flatten(got, expand_composites=False) if not isinstance(got, Tensor) and got is not None else [got]
        if composite:
            got = [
                part
                for g in got
                for part in ([g] if isinstance(g, IndexedSlices) else nest.flatten(g, expand_composites=True))
            ]
        if len(got) != n_args:
            raise ValueError(
                f"custom_gradient function expected to return {n_args} gradients, but returned {len(got)} instead."
            )
        return (
            [None] * n_results
            + [None if g is None else g if isinstance(g, IndexedSlices) else record.convert_to_tensor(g) for g in got]
            + by_variable
        )

    out = cut(flat, [*flat_args, *reads], gradient)
    return nest.pack_sequence_as(result, out, expand_composites=True)


def _cotangent(given, slot, composite):
    """What a gradient function gets for an output: its cotangent, zeros, or, for the row splits of a composite, the output itself."""
    if isinstance(given, IndexedSlices):
        return record.densify(given)
    if given is not None:
        return given
    tensor = RECORDER.handle(slot)
    return tensor if composite and not slot.aval.differentiable else OPS["ZerosLike"].public(tensor)


class _Watcher(dispatch.Records):
    """Stands among the tapes to see which variables are read."""

    __slots__ = ("variables",)

    def __init__(self):
        super().__init__()
        self.variables = {}

    def watch_read(self, variable, slot):
        if variable.trainable:
            self.variables[variable] = None


def _takes_variables(fn):
    import inspect

    try:
        spec = inspect.getfullargspec(inspect.unwrap(fn))
    except TypeError:
        return False
    return "variables" in spec.args or "variables" in spec.kwonlyargs or spec.varkw is not None


def _requires_variables(fn):
    import inspect

    try:
        p = inspect.signature(fn).parameters.get("variables")
    except (TypeError, ValueError):
        return False
    return p is not None and p.default is p.empty and p.kind in (p.KEYWORD_ONLY,)


@export("RegisterGradient")
class RegisterGradient:
    """`@tf.RegisterGradient("Name")` on f(op, *grads): used where gradient_override_map maps an op type to "Name"."""

    def __init__(self, op_type):
        if not isinstance(op_type, str):
            raise TypeError("op_type must be a string")
        self._name = op_type

    def __call__(self, f):
        if self._name in REGISTRY or (self._name in OPS and OPS[self._name].differentiable):
            raise KeyError(
                f"Registering two gradient with name '{self._name}'! (Previous registration was in register)"
            )
        REGISTRY[self._name] = f
        if self._name in OPS:
            OPS[self._name].gradient = _adapt(f)
        return f


@export("no_gradient", v1="NotDifferentiable NoGradient no_gradient")
def no_gradient(op_type):
    """Declares that an op type has no gradient; TypeError for anything but a string."""
    if not isinstance(op_type, str):
        raise TypeError("op_type must be a string")
    REGISTRY[op_type] = None
    if op_type in OPS:
        OPS[op_type].differentiable = False


def _adapt(f):
    def gradient(node, cotangents):
        grads = [
            c if c is not None else OPS["ZerosLike"].public(RECORDER.handle(s))
            for c, s in zip(cotangents, node.outs, strict=True)
        ]
        got = f(node, *grads)
        got = list(got) if isinstance(got, (list, tuple)) else [got]
        if len(got) != len(node.ins):
            raise ValueError(
                f"Num gradients {len(got)} generated for op {node.sig.op.type} do not match num inputs {len(node.ins)}"
            )
        return got

    return gradient


def override_for(graph, op_type):
    """The gradient function that the current gradient_override_map gives this op type, or None."""
    name = graph._gradient_overrides.get(op_type)
    if name is None:
        return None
    if name not in REGISTRY:
        raise LookupError(f"gradient registry has no entry for: {name}")
    f = REGISTRY[name]
    return _adapt(f) if f is not None else None


def _disabled(node, cotangents):
    raise LookupError(f"Gradient explicitly disabled. Reason: {node.sig.settings['message']}")


OPS["PreventGradient"].gradient = _disabled
OPS["PreventGradient"].differentiable = True


@export("grad_pass_through")
def grad_pass_through(f):
    """f forward, identity backward (straight-through estimators)."""

    @custom_gradient
    def wrapped(*args, **kwargs):
        def grad(*dy, **more):
            variables = more.get("variables")
            return (dy, [None] * len(variables)) if variables is not None else dy

        return f(*args, **kwargs), grad

    return wrapped


# -- forward mode -------------------------------------------------------------------------------------------------------
FORWARD = _Op("ForwardGradient")


class ForwardSignature(Signature):
    """(leaves..., tangents...) -> tangents of the targets, by jax.jvp of their replay."""

    __slots__ = ("sub", "wrt", "n_leaves", "static_leaves", "_possible")

    def __init__(self, sub, wrt, n_leaves):
        self.op, self.settings, self.fixed, self.cache = FORWARD, {}, {}, {}
        self.sub, self.wrt, self.n_leaves = sub, wrt, n_leaves
        self.static_leaves = gradients.static_leaves(sub)
        self.fn = lambda *args: self.apply(args)
        self._possible = None

    def possible(self, leaves, tangents):
        """Whether JAX has a forward rule for everything inside (a kernel with a reverse rule only, like Sqrt, has none)."""
        if self._possible is None:
            known = {i: infer.constant_value(leaves[i]) for i in self.static_leaves}
            free = [s.aval for i, s in enumerate(leaves) if known.get(i) is None]

            def apply(*args):
                args = iter(args)
                return self.apply(
                    [next(args) if known.get(i) is None else known[i] for i in range(self.n_leaves)] + list(args)
                )

            structs = [jax.ShapeDtypeStruct(a.shape, a.np) for a in (*free, *tangents)]
            with jax.enable_x64(True):
                traced = str(jax.make_jaxpr(apply)(*structs))
            self._possible = "custom_lin" not in traced  # what JAX leaves where a rule for the reverse is all there is
        return self._possible

    def apply(self, args):
        leaves, tangents = args[: self.n_leaves], args[self.n_leaves :]

        def replay(*primals):
            inner = list(leaves)
            for i, v in zip(self.wrt, primals, strict=True):
                inner[i] = v
            return self.sub.evaluate(inner)

        _, out = jax.jvp(replay, [jnp.asarray(leaves[i]) for i in self.wrt], list(tangents))
        return tuple([jnp.zeros(t.shape, t.dtype) if t.dtype == jax.dtypes.float0 else t for t in out])


_forward: dict = {}


@export("autodiff.ForwardAccumulator")
class ForwardAccumulator:
    """Jacobian-vector products: `with ForwardAccumulator(primals, tangents) as acc: y = f(x)`, then `acc.jvp(y)`."""

    def __init__(self, primals, tangents):
        nest.assert_same_structure(primals, tangents)
        self._primals = nest.flatten(primals)
        self._tangents = [
            record.convert_to_tensor(t, p.dtype.base_dtype)
            for p, t in zip(self._primals, nest.flatten(tangents), strict=True)
        ]
        for p, t in zip(self._primals, self._tangents, strict=True):
            if not p.dtype.is_floating:
                raise ValueError(f"The dtype of the watched primal must be floating, got {p.dtype!r}")
            if not p.shape.is_compatible_with(t.shape):
                raise ValueError(f"Shape mismatch between primal {p.shape} and tangent {t.shape}")
        self._watch_accessed = True
        self._records = _Records(self)
        self._recording = False
        self._around = []

    def __enter__(self):
        if self._recording:
            raise ValueError("Accumulator is already recording.")
        self._recording = True
        self._around = context.tapes
        _start(self._records)
        return self

    def __exit__(self, *exc):
        self._recording = False
        _stop(self._records)

    def _watchers(self):
        """Who sees the products computed: whoever records now, and the tapes and accumulators around this one, which in TensorFlow were
        there when each operation's product was computed."""
        return [
            t
            for t in dict.fromkeys([*self._around, *context.tapes])
            if t is not self._records and getattr(t, "owner", self) is not None
        ]

    def jvp(self, primals, unconnected_gradients="none"):
        """The tangents of `primals` (a nest of computed tensors); None or zeros where they do not depend on the inputs."""
        from .tape import _unconnected

        zero = _unconnected(unconnected_gradients)
        if self._records is None:
            raise ValueError("Called jvp() without first tracing anything.")
        flat = nest.flatten(primals)
        out = []
        starts, tangents = [], []
        for p, t in zip(self._primals, self._tangents, strict=True):
            slots = [_slot_here(p)] if isinstance(p, Tensor) else list(self._records.reads.get(p, ()))
            starts += slots
            tangents += [t] * len(slots)
        for target in flat:
            if target is None:
                out.append(None)
                continue
            slot = _slot_here(target) if isinstance(target, Tensor) else None
            if slot is None:
                matching = [t for p, t in zip(self._primals, self._tangents, strict=True) if p is target]
                out.append(matching[0] if matching else None)
                continue
            out.append(self._one(slot, starts, tangents))
        out = [
            OPS["ZerosLike"].public(record.convert_to_tensor(p)) if g is None and zero else g
            for p, g in zip(flat, out, strict=True)
        ]
        return nest.pack_sequence_as(primals, out)

    def _one(self, target, starts, tangents):
        need, inner = gradients.between(self._records, [target], starts)
        if target not in need:
            return None
        if any(gradients.gradient_function(n) is not None for n in inner):
            return self._by_reverse(target, starts, tangents)
        code, outputs, leaves = linearize([target], set(inner), inner)
        position = {s: i for i, s in enumerate(leaves)}
        pairs = [(position[s], t) for s, t in zip(starts, tangents, strict=True) if s in position]
        sub = program(code, outputs, len(leaves))
        key = (sub, tuple([i for i, _ in pairs]))
        sig = _forward.get(key)
        if sig is None:
            sig = _forward.setdefault(key, ForwardSignature(sub, key[1], len(leaves)))
        if not sig.possible(leaves, [leaves[i].aval for i, _ in pairs]):
            return self._by_reverse(target, starts, tangents)
        ins = (*leaves, *[t._slot for _, t in pairs])
        tapes = dispatch.set_tapes(self._watchers())
        try:
            return RECORDER.gradient(sig, ins, (aval(target.aval.dtype, target.aval.shape),), ())[0]
        finally:
            dispatch.set_tapes(tapes)

    def _by_reverse(self, target, starts, tangents):
        """Through gradient functions of users' own: the gradient is linear in its cotangent u, and its gradient by u is the product."""
        cotangent = OPS["ZerosLike"].public(RECORDER.handle(target))
        nodes = _Records(self)
        before = dispatch.set_tapes([*self._watchers(), nodes])
        try:
            grads = gradients.differentiate([target], [cotangent], starts, self._records, RECORDER)
            dispatch.set_tapes([t for t in context.tapes if t is not nodes])
            pairs = [
                (record.convert_to_tensor(g)._slot, t) for g, t in zip(grads, tangents, strict=True) if g is not None
            ]
            if not pairs:
                return None
            return gradients.differentiate(
                [g for g, _ in pairs], [t for _, t in pairs], [cotangent._slot], nodes, RECORDER
            )[0]
        finally:
            dispatch.set_tapes(before)


__all__ = ["custom_gradient", "cut", "override_for"]
