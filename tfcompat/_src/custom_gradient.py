"""Gradients that users define: tf.custom_gradient, RegisterGradient with gradient_override_map.

A node with a gradient function of its own (`node.gradient`) cuts the stretch that JAX differentiates (engine/custom.py): the function
gets (node, cotangents of its outputs) and returns one cotangent, or None, per input.
"""

from __future__ import annotations

import functools

from . import nest, record
from .declare import OPS, OpDef, export
from .engine import dispatch
from .engine.segment import Records
from .forward_mode import ForwardAccumulator
from .graph import Signature, context
from .tape import RECORDER
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
    # Eagerly what f does is on the tape, too: it counts where none of the arguments is followed (tape.py).
    outside = [*context.tapes] if context.graph is None else []
    for tape in outside:
        tape.with_own_gradients = True
    tapes = dispatch.set_tapes([*outside, watcher])
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
    for tape in context.tapes:
        if isinstance(getattr(tape, "owner", None), ForwardAccumulator):
            tape.owner.jvp(out)  # asks the gradient function now, so that what it raises is raised at this call
    return nest.pack_sequence_as(result, out, expand_composites=True)


def _cotangent(given, slot, composite):
    """What a gradient function gets for an output: its cotangent, zeros, or, for the row splits of a composite, the output itself."""
    if isinstance(given, IndexedSlices):
        return record.densify(given)
    if given is not None:
        return given
    tensor = RECORDER.handle(slot)
    return tensor if composite and not slot.aval.differentiable else OPS["ZerosLike"].public(tensor)


class _Watcher(Records):
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


def _unregistered(node, cotangents):
    raise LookupError(
        f"No gradient defined for operation '{node.name}' (op type: {node.type}): its gradient_override_map names one that no "
        "@tf.RegisterGradient has registered."
    )


def override_for(graph, op_type):
    """The gradient function that the current gradient_override_map gives this op type, or None."""
    name = graph._gradient_overrides.get(op_type)
    if name is None:
        return None
    if name not in REGISTRY:
        return _unregistered
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
