"""Differentiation: one engine for tf.gradients, tapes, optimizers and jacobians.

`differentiate` finds the nodes between sources and targets and records ONE gradient node whose kernel is `jax.vjp` of their replay.
Nodes with a gradient function of their own (tf.custom_gradient, RegisterGradient, py_func) cut that stretch in several; the function
builds what lies between.  A lookup in a source (tf.gather along axis 0) is cut at its output and gives IndexedSlices.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from .. import dtypes
from ..graph import PlainOp, aval
from ..tensor import IndexedSlices
from .dtype_checks import input_names
from .infer import PROBES, _bind, static_positions
from .program import Joint, Pullback, linearize, program
from .reads import read_after_assignment


class _Op(PlainOp):
    """Stands where an OpDef would: what the engine asks of a signature's op."""

    def __init__(self, type):
        self.type = self.name = type
        self.host = self.stateful = self.known = False
        self.differentiable = True
        self.alike, self.inputs, self.variadic = False, (), True


GRADIENT = _Op("SymbolicGradient")


def static_leaves(sub):
    """The leaves of a program that some kernel inside needs as NumPy arrays: known while compiling, as for that kernel's own operation."""
    needed = {
        ~n[i] for line, n in sub.code if hasattr(line, "fixed") for i in static_positions(line, len(n)) if n[i] < 0
    }
    return tuple(sorted(needed))


class GradientSignature:
    """(leaves..., cotangents...) -> gradients with respect to some of the leaves and, for sources inside, some values of `sub`.

    sub      Program from leaves to targets
    wrt      leaf positions to differentiate by
    inside   value numbers of sources in the middle: perturbed there, which gives their total derivative
    given    per target: is a cotangent given (else ones)
    values   per node of the stretch, the value numbers of its outputs in `sub`
    """

    __slots__ = ("op", "sub", "wrt", "inside", "given", "n_leaves", "cache", "settings", "fixed", "pullback", "_joints", "values", "_depends",
                 "static_leaves")  # fmt: skip
    flows = None

    def __init__(self, sub, wrt, inside, given, n_leaves, values):
        self.values = values
        self.static_leaves = static_leaves(sub)
        self.op, self.sub, self.wrt, self.inside, self.given, self.n_leaves = (
            GRADIENT,
            sub,
            wrt,
            inside,
            given,
            n_leaves,
        )
        self.cache, self.settings, self.fixed = {}, {}, {}
        self.pullback = Pullback(self)
        self._joints, self._depends = {}, {}

    def joint(self, wanted):
        """The interned forward half that also returns the values of the nodes at positions `wanted`."""
        found = self._joints.get(wanted)
        if found is None:
            found = self._joints.setdefault(wanted, Joint(self, wanted))
        return found

    def forward(self, leaves, wanted=()):
        """(values of the wanted nodes, pullback from cotangents to gradients)."""
        sub, wrt, inside = self.sub, self.wrt, self.inside
        leaves = list(leaves)
        integer = {i: leaves[i].dtype for i in wrt if not jnp.issubdtype(leaves[i].dtype, jnp.inexact)}
        primals = [leaves[i].astype(jnp.float64) if i in integer else jnp.asarray(leaves[i]) for i in wrt]
        zeros = self._zeros(leaves, inside) if inside else []

        def replay(primals, zeros):
            inner = list(leaves)
            for i, v in zip(wrt, primals, strict=True):
                inner[i] = v
            taps = {number: (lambda v, z=z: v + z) for number, z in zip(inside, zeros, strict=True)} if inside else {}
            kept = {}

            def keep(number, then):
                def tap(v):
                    v = then(v) if then else v
                    kept[number] = v
                    return v

                return tap

            numbers = [n for p in wanted for n in self.values[p]]
            for number in numbers:
                taps[number] = keep(number, taps.get(number))
            targets = sub.evaluate(inner, taps or None)
            return targets, [kept[number] for number in numbers]

        targets, pull, aux = jax.vjp(replay, primals, zeros, has_aux=True)

        def pullback(cotangents):
            # TensorFlow's gradient of a complex function is the conjugate of JAX's: conj(f'(z)) dy.
            given = iter(cotangents)
            filled = []
            for t, has in zip(targets, self.given, strict=True):
                c = next(given) if has else jnp.ones(t.shape, t.dtype)
                if not jnp.issubdtype(t.dtype, jnp.inexact):
                    c = np.zeros(t.shape, jax.dtypes.float0)
                elif c.dtype != t.dtype:
                    c = c.astype(t.dtype)
                if jnp.iscomplexobj(c):
                    c = jnp.conj(c)
                filled.append(jnp.broadcast_to(c, t.shape) if c.shape != t.shape else c)
            by_leaf, by_value = pull(filled)
            out = []
            for i, g in zip(wrt, by_leaf, strict=True):
                out.append(jnp.round(g).astype(integer[i]) if i in integer else g)
            return tuple([jnp.conj(g) if jnp.iscomplexobj(g) else g for g in (*out, *by_value)])

        return aux, pullback

    def _zeros(self, leaves, inside):
        """Zeros of the shapes of the values in the middle, found by abstract evaluation."""
        shapes = {}

        def find(*inner):
            taps = {number: (lambda v, n=number: shapes.setdefault(n, (v.shape, v.dtype)) and v) for number in inside}
            self.sub.evaluate([a if a is not None else b for a, b in zip(fixed, inner, strict=True)], taps)
            return ()

        fixed = [v if isinstance(v, np.ndarray) else None for v in leaves]
        jax.eval_shape(
            find,
            *[
                np.zeros(()) if f is not None else jax.ShapeDtypeStruct(v.shape, v.dtype)
                for v, f in zip(leaves, fixed, strict=True)
            ],
        )
        return [jnp.zeros(*shapes[number]) for number in inside]

    def depends(self, avals):
        """Per output, which inputs it really depends on (None: all): d(x*y)/dx does not depend on x, so its gradient by x is None."""
        if not self.sub.code:  # the targets are the sources: ones, or the cotangents given, whatever the shapes
            return [frozenset(range(self.n_leaves, len(avals)))] * (len(self.wrt) + len(self.inside))
        found = self._depends.get(avals)
        if found is None:
            found = self._depends[avals] = dependencies(self, avals)
        return found

    def backward(self, pullback, cotangents):
        return pullback(cotangents)

    def apply(self, args):
        _, pullback = self.forward(args[: self.n_leaves])
        return pullback(args[self.n_leaves :])

    @property
    def fn(self):
        """`apply` as a function of separate arguments, as other signatures have it."""
        return lambda *args: self.apply(args)

    def __repr__(self):
        return f"Gradient({len(self.sub.code)} ops)"


_signatures: dict = {}


def dependencies(sig, avals):
    """Per output of a signature, the set of input positions its value depends on, read off the jaxpr; None where it cannot be traced."""
    try:
        structs = [jax.ShapeDtypeStruct(a.shape, a.np) for a in (_bind(a, PROBES[0]) for a in avals)]
        with jax.enable_x64(True):
            jaxpr = jax.make_jaxpr(lambda *args: sig.apply(args))(*structs).jaxpr
    except Exception:  # a kernel that needs known values cannot be traced without them: then anything may depend on all
        return None
    return _flow(jaxpr, [frozenset([i]) for i in range(len(structs))])


def _flow(jaxpr, given):
    known = dict(zip(jaxpr.invars, given, strict=True))
    nothing = frozenset()

    def of(v):
        return nothing if hasattr(v, "val") else known.get(v, nothing)

    for eqn in jaxpr.eqns:
        ins = [of(v) for v in eqn.invars]
        inner = eqn.params.get("jaxpr") if eqn.primitive.name in ("pjit", "jit", "closed_call", "core_call") else None
        inner = getattr(inner, "jaxpr", inner)
        if inner is not None and eqn.params.get("name") == read_after_assignment.__name__:
            outs = [ins[1]]
        elif inner is not None and len(inner.invars) == len(ins):
            outs = _flow(inner, ins)
        else:
            outs = [nothing.union(*ins)] * len(eqn.outvars)
        known.update(zip(eqn.outvars, outs, strict=True))
    return [of(v) for v in jaxpr.outvars]


def _outputs_reached(node, found):
    """The outputs of a node that a gradient ties to a slot in `found`."""
    per_output = (node.sig.flows or node.sig.depends)(tuple([s.aval for s in node.ins]))
    if per_output is not None:
        hit = {i for i, s in enumerate(node.ins) if s in found}
        return [s for s, on in zip(node.outs, per_output, strict=False) if not hit.isdisjoint(on)]
    return node.outs


def _inputs_needed(node, need, depends):
    """The inputs that the needed outputs of a node depend on; `depends`: its signature's, None for all."""
    per_output = depends and depends(tuple([s.aval for s in node.ins]))
    if per_output is not None:
        wanted = frozenset().union(*[on for s, on in zip(node.outs, per_output, strict=False) if s in need])
        return [s for i, s in enumerate(node.ins) if i in wanted]
    return node.ins


def _passing(node):
    """The inputs of a node, values of variables included, through which a gradient passes."""
    if node.sig.op.inert is None:
        return (*node.ins, *node.state_ins) if node.state_ins else node.ins
    names = input_names(node.sig, len(node.ins))
    return [s for s, name in zip(node.ins, names, strict=True) if name not in node.sig.op.inert]


def _inputs_reached(node, need):
    """The inputs that gradients of the needed outputs of a node may flow to."""
    depends = node.sig.flows or node.sig.depends
    return _passing(node) if depends is None else _inputs_needed(node, need, depends)


def flow(nodes, inputs, variables):
    """slot -> the positions of inputs (slots), then variables, whose gradients it takes part in; through these nodes in order."""
    reached = {s: frozenset([i]) for i, s in enumerate(inputs)}
    place = {v: frozenset([len(inputs) + i]) for i, v in enumerate(variables)}
    nothing = frozenset()
    for node in nodes:
        if node.sig.op.type == "ReadVariableOp" and not node.ins:
            reached[node.outs[0]] = place.get(node.reads[0], nothing)
            continue
        own = gradient_function(node) is not None
        if not node.sig.op.differentiable and not own:
            continue
        depends = None if own else node.sig.flows or node.sig.depends
        read = [place.get(v, nothing) for v in node.reads]
        for out in node.outs:
            if out.aval.differentiable:
                ins = _passing(node) if depends is None else _inputs_needed(node, {out}, depends)
                found = [reached.get(s, nothing) for s in ins if s.aval.differentiable]
                reached[out] = nothing.union(*found, *read)
    return reached


def reach(nodes, sources, stops, integers=False):
    """(slots that depend on a source, the nodes between), following differentiable values in recorded order.

    integers: follow integer values from integer sources, too, as TF1 did, but through no conversion to or from them.
    """
    found = set(sources)
    inner = []
    integers = integers and not all([s.aval.differentiable for s in sources])
    for node in nodes:
        plain = node.sig.op.inert is None and not node.state_ins
        for s in node.ins if plain else _passing(node):
            if s in found:
                break
        else:
            continue
        if not node.sig.op.differentiable and gradient_function(node) is None:
            continue
        hit = False
        outs = node.outs if node.sig.depends is None and node.sig.flows is None else _outputs_reached(node, found)
        if integers:
            kinds = {_kind(s) for s in node.ins if s in found} - {None}
            outs = [s for s in outs if _kind(s) in kinds]
        for s in outs:
            if (s.aval.differentiable or integers) and s not in stops:
                found.add(s)
                hit = True
        if hit:
            inner.append(node)
    return found, inner


def dependents(wanted, operations):
    """The slots that the slots `wanted` and the operations really depend on, by what each operation's outputs depend on."""
    found, stack = set(), list(wanted)
    for op in operations:
        stack.extend(op.ins)
    while stack:
        s = stack.pop()
        if s in found or s.node is None:
            continue
        found.add(s)
        stack.extend(_inputs_needed(s.node, {s}, s.node.sig.depends))
    return found


def _kind(slot):
    """What may flow into what: differentiable values, integers of one dtype, and (nothing flows) the rest."""
    return "real" if slot.aval.differentiable else slot.aval.dtype if slot.aval.dtype.is_integer else None


def between(nodes, targets, sources, stops=frozenset(), integers=False):
    """(needed slots, nodes on a path from a source to a target in recorded order)."""
    found, inner = reach(nodes, sources, stops, integers)
    need = {t for t in targets if t in found}
    kept = []
    for node in reversed(inner):
        for s in node.outs:
            if s in need:
                break
        else:
            continue
        kept.append(node)
        for s in _inputs_reached(node, need):
            if s in found:
                need.add(s)
    kept.reverse()
    return need, kept


def differentiate(targets, cotangents, sources, nodes, recorder, stops=frozenset(), integers=False):
    """Gradients of the sum of `targets` (weighted by `cotangents`, None: ones) with respect to `sources`, all slots.

    nodes     what may lie between, in recorded order
    recorder  records the gradient node: recorder.gradient(sig, slots, sub nodes) -> tensors; recorder.handle(slot) -> tensor
    integers  whether integer sources count (tf.compat.v1.gradients)
    Returns per source a tensor, IndexedSlices, or None where no target depends on it.
    """
    unique = list(dict.fromkeys(sources))
    for node in nodes:
        if node.sig.op is GRADIENT:
            from .opened import opened

            nodes = opened(nodes, unique)
            break
    need, inner = between(nodes, targets, unique, stops, integers)
    connected = [s for s in unique if s in need]
    if not connected:
        return [None] * len(sources)
    pairs = [(t, c) for t, c in zip(targets, cotangents, strict=True) if t in need]
    cuts = [n for n in inner if gradient_function(n) is not None]
    if cuts:
        from .custom import differentiate_with_cuts

        found = differentiate_with_cuts(pairs, connected, inner, recorder, stops)
    else:
        found = _differentiate(pairs, connected, inner, recorder, stops)
    return [found.get(s) for s in sources]


def gradient_function(node):
    """The gradient function of a node's own, or None: then JAX differentiates its kernel."""
    own = getattr(node, "gradient", None)
    return own if own is not None else node.sig.op.gradient


def _differentiate(pairs, sources, inner, recorder, stops):
    """slot -> gradient, for a stretch without cuts."""
    lookups = _lookups(sources, inner, [t for t, _ in pairs]) if recorder.sparse_lookups else {}
    plain = [s for s in sources if s not in lookups]
    rows = [node.outs[0] for nodes in lookups.values() for node in nodes]
    cut = set(rows)
    if rows:
        skip = {node for nodes in lookups.values() for node in nodes}
        inner = [n for n in inner if n not in skip]
        _, inner = between(inner, [t for t, _ in pairs], plain + rows, stops, True)
    wanted = plain + rows
    grads = dict(
        zip(wanted, _one_gradient(pairs, wanted, inner, recorder, stops | cut if stops or cut else stops), strict=True)
    )
    out = {s: grads[s] for s in plain}
    for source, nodes in lookups.items():
        out[source] = _as_slices(source, nodes, grads, recorder)
    return out


def _one_gradient(pairs, wanted, inner, recorder, stops):
    targets = [t for t, _ in pairs]
    code, outputs, leaves = linearize(targets, set(inner), inner, stops)
    position = {s: i for i, s in enumerate(leaves)}
    numbers = None
    wrt, inside, place = [], [], {}
    for s in wanted:
        if s in position:
            place[s] = (0, len(wrt))
            wrt.append(position[s])
        else:
            if numbers is None:
                numbers = _numbers(inner, code)
            n = numbers.get(s)
            if n is None:  # a source that no line reads: it is itself no target either
                continue
            place[s] = (1, len(inside))
            inside.append(n)
    given = tuple([c is not None for _, c in pairs])
    sub = program(code, outputs, len(leaves))
    key = (sub, tuple(wrt), tuple(inside), given)
    sig = _signatures.get(key)
    if sig is None:
        numbers = numbers or _numbers(inner, code)
        values = tuple([_values(node, numbers) for node in inner])
        sig = _signatures.setdefault(key, GradientSignature(sub, tuple(wrt), tuple(inside), given, len(leaves), values))
    order = [s for s in wanted if place.get(s, (2, 0))[0] == 0] + [s for s in wanted if place.get(s, (2, 0))[0] == 1]
    avals = tuple([aval(s.aval.dtype.base_dtype, s.aval.shape) for s in order])
    ins = (*leaves, *[c._slot for _, c in pairs if c is not None])
    tensors = dict(zip(order, recorder.gradient(sig, ins, avals, tuple(inner)), strict=True))
    return [tensors.get(s) for s in wanted]


def _numbers(inner, code):
    """slot -> value number, for code that runs the nodes in this order (joint code is numbered by its own lines)."""
    if len(code) == len(inner):
        numbers, n = {}, 0
        for node in inner:
            for s in node.outs:
                numbers[s] = n
                n += 1
            n += len(node.writes)
        return numbers
    return _joint_numbers(inner)


def _values(node, numbers):
    """The value numbers of a node's outputs, and of the new states that follow them."""
    found = [numbers[s] for s in node.outs if s in numbers]
    if node.writes and found:
        found += range(found[-1] + 1, found[-1] + 1 + len(node.writes))
    return tuple(found)


def _joint_numbers(inner):
    from .program import _emit_joint, _joints

    index: dict = {}
    leaves: list = []

    def number(s):
        n = index.get(s)
        if n is None:
            n = index[s] = ~len(leaves)
            leaves.append(s)
        return n

    needed = set(inner)
    _emit_joint(inner, needed, _joints(inner, needed), index, number, [], frozenset())
    return index


def _lookups(sources, inner, targets):
    """source -> the gather nodes that are all there is between it and the targets: their gradient is IndexedSlices."""
    out = {}
    for s in sources:
        if not s.aval.shape or s in targets:
            continue
        readers = [n for n in inner if s in n.ins]
        if readers and all(_is_lookup(n, s) for n in readers):
            out[s] = readers
    return out


def _is_lookup(node, source):
    if node.ins[0] is not source or node.sig.settings.get("batch_dims"):
        return False
    if node.sig.op.type == "GatherNd":  # rows by one number each
        shape = node.ins[1].aval.shape
        return shape is not None and len(shape) == 2 and shape[1] == 1
    return node.sig.op.type in ("GatherV2", "ResourceGather") and node.sig.settings.get("axis", 0) in (0, None)


def looks_up(nodes, inputs):
    """Whether some of these nodes look rows up in a variable, or in one of the `inputs` (slots)."""
    inputs = set(inputs)
    for node in nodes:
        if node.ins and node.ins[0].aval.differentiable and _is_lookup(node, node.ins[0]):
            table = node.ins[0]
            if table in inputs or table.node is not None and table.node.sig.op.type == "ReadVariableOp":
                return True
    return False


def _as_slices(source, nodes, grads, recorder):
    values, indices = [], []
    width = source.aval.shape[1:]
    for node in nodes:
        g = grads[node.outs[0]]
        if g is None:
            continue
        index = recorder.handle(node.ins[1])
        values.append(recorder.reshape(g, (-1, *width)))
        indices.append(recorder.reshape(index, (-1,)))
    if not values:
        return None
    if len(values) > 1:
        kinds = {i.dtype for i in indices}
        if len(kinds) > 1:
            indices = [recorder.cast(i, dtypes.int64) for i in indices]
        return IndexedSlices(recorder.concat(values), recorder.concat(indices), recorder.shape_of(source))
    return IndexedSlices(values[0], indices[0], recorder.shape_of(source))
