"""tf.gradients and tf.hessians: asking the engine (engine/gradients.py) for derivatives in a graph."""

from __future__ import annotations

from . import nest, record
from .declare import export
from .engine import gradients
from .engine.program import by_order
from .graph import context
from .tape import RECORDER, add_gradients, slot_here, unconnected, zeros_like
from .tensor import EagerTensor, IndexedSlices, Tensor


@export("gradients", v1="")
def gradients_v2(ys, xs, grad_ys=None, name="gradients", gate_gradients=False, aggregation_method=None, stop_gradients=None,
                 unconnected_gradients="none"):  # fmt: skip
    """Symbolic gradients of the sum of `ys` with respect to each x in `xs`; None where there is no path of floating values."""
    _check_method(aggregation_method)
    return _symbolic(ys, xs, grad_ys, name, stop_gradients, unconnected_gradients, integers=False)


@export("", v1="gradients")
def symbolic_gradients(ys, xs, grad_ys=None, name="gradients", colocate_gradients_with_ops=False, gate_gradients=False,
                       aggregation_method=None, stop_gradients=None, unconnected_gradients="none"):  # fmt: skip
    """TF1's tf.gradients, which follows integers, too.  Raises RuntimeError eagerly; ValueError and TypeError for grad_ys that do not fit."""
    _check_method(aggregation_method)
    found = _symbolic(ys, xs, grad_ys, name, stop_gradients, unconnected_gradients, integers=True)
    if colocate_gradients_with_ops:
        _colocate(nest.flatten(ys), nest.flatten(xs), nest.flatten(found))
    return found


def _check_method(aggregation_method):
    """ValueError for what is no AggregationMethod.  All of them give the same sum: XLA decides how it is added up."""
    if aggregation_method not in (None, 0, 1, 2):
        raise ValueError(f"Invalid `aggregation_method` specified {aggregation_method}. Accepted values are [0, 1, 2].")


def _colocate(ys, xs, grads):
    """Puts each gradient's operation with the one that read its source; with the source where several on different devices did."""
    nodes = None
    for x, g in zip(xs, grads, strict=True):
        op = getattr(getattr(g, "values", g), "op", None)
        if op is None or op.sig.op is not gradients.GRADIENT or op.colocated:
            continue
        nodes = (
            operations_between([slot_here(record.convert_to_tensor(y)) for y in ys], op.graph)
            if nodes is None
            else nodes
        )
        slots = set(_sources(x, nodes))
        readers = [n for n in nodes if not slots.isdisjoint(n.ins)] or [op]
        together = readers[0] if len({n.device for n in readers}) == 1 else x.op
        op.colocated = together.colocation_groups()


def _symbolic(ys, xs, grad_ys, name, stop_gradients, unconnected_gradients, integers):
    graph = context.graph
    if graph is None:
        raise RuntimeError(
            "tf.gradients is not supported when eager execution is enabled. Use tf.GradientTape instead."
        )
    zero = unconnected(unconnected_gradients)
    flat_ys = [y for y in nest.flatten(ys)]
    flat_xs = [x for x in nest.flatten(xs)]
    gys = (
        [None] * len(flat_ys) if grad_ys is None else list(grad_ys) if isinstance(grad_ys, (list, tuple)) else [grad_ys]
    )
    if len(gys) != len(flat_ys):  # a nest like that of `ys`; a list of lists may also be one array per y
        gys = list(nest.flatten(grad_ys))
    if len(gys) != len(flat_ys):
        raise ValueError(f"Length mismatch. Passed {len(gys)} grad_ys for {len(flat_ys)} ys")
    from .scopes import name_scope

    with name_scope(name, "gradients"):
        targets = [slot_here(record.convert_to_tensor(y, name="y")) for y in flat_ys]
        nodes = operations_between(targets, graph)
        sources = [_sources(x, nodes) for x in flat_xs]
        stops = (
            {slot_here(record.convert_to_tensor(s)) for s in nest.flatten(stop_gradients)}
            if stop_gradients is not None
            else set()
        )
        every = [s for group in sources for s in group]
        handed_on = [_handed_on(g, t, every, nodes) for g, t in zip(gys, targets, strict=True)]
        rows = [(s, g) for s, g in zip(handed_on, gys, strict=True) if s is not None]
        kept = [n for n, s in enumerate(handed_on) if s is None]
        targets = [targets[n] for n in kept]
        cotangents = [_grad_y(gys[n], t) for n, t in zip(kept, targets, strict=True)]
        found = iter(gradients.differentiate(targets, cotangents, every, nodes, RECORDER, frozenset(stops), integers))
        found = [[next(found) for _ in group] + [g for s, g in rows if s in group] for group in sources]
        for x, group, parts in zip(flat_xs, sources, found, strict=True):
            if (
                graph.building_function
                and isinstance(x, Tensor)
                and x.__class__ is not EagerTensor
                and x.graph is not graph
            ):
                from .outer_paths import along_captures

                parts += along_captures(x, group[0], targets, cotangents, nodes, frozenset(stops))
        found = [add_gradients(parts) for parts in found]
        if zero:
            found = [zeros_like(x) if g is None else g for g, x in zip(found, flat_xs, strict=True)]
    return found if isinstance(xs, (list, tuple)) or not isinstance(xs, dict) else nest.pack_sequence_as(xs, found)


def _sources(x, nodes):
    """The slots that stand for a source: for a variable, every place its value is read."""
    if isinstance(x, IndexedSlices):
        x = x.values
    if hasattr(x.__class__, "_dense_tensor"):
        owner = getattr(x, "_owner", x)
        reads = [s for n in nodes if not n.writes and any(v is owner for v in n.reads) for s in n.outs]
        reads += [s for n in nodes for v, s in zip(n.reads, n.state_ins, strict=False) if v is owner]
        return reads or [record.convert_to_tensor(x)._slot]
    return [slot_here(record.convert_to_tensor(x))]


def _handed_on(given, target, sources, nodes):
    """The source whose gradient the IndexedSlices `given` for `target` simply are: identities hand them on.  None: to be added up."""
    if not isinstance(given, IndexedSlices):
        return None
    while target not in sources and target.node is not None and target.node.sig.op.type == "Identity":
        target = target.node.ins[0]
    others = [s for s in sources if s is not target]
    alone = target in sources and not gradients.between(nodes, [target], others)[0]
    return target if alone else None


def _grad_y(given, target):
    if given is None:
        if target.aval.dtype.is_complex:
            raise TypeError(
                f"Gradients of complex tensors {target.tensor} must set grad_ys (y.dtype = {target.aval.dtype.name})"
            )
        return None
    if isinstance(given, IndexedSlices):
        given = record.densify(given)
    wanted = target.aval.dtype.base_dtype
    if isinstance(given, Tensor) or hasattr(given.__class__, "_dense_tensor"):
        have = given.dtype.base_dtype
        for kind, label in (("is_floating", "real"), ("is_integer", "integer"), ("is_complex", "complex")):
            if getattr(wanted, kind) and not getattr(have, kind):
                raise TypeError(
                    f"Gradient type {have!r} generated for {label} or integer-valued tensor {target.tensor} with type {wanted!r} must be {label}"
                    if label != "complex"
                    else f"Gradient type {have!r} generated for complex-valued tensor {target.tensor} with type {wanted!r} must be real"
                )
        tensor = record.convert_to_tensor(given)
    else:
        tensor = record.convert_to_tensor(given, wanted, name="grad_ys")
    if not tensor.shape.is_compatible_with(record.TensorShape._of(target.aval.shape)):
        raise ValueError(
            f"Incompatible shapes between grad_ys {tensor.shape} and ys {record.TensorShape._of(target.aval.shape)}"
        )
    return tensor


def operations_between(targets, graph):
    """The operations the targets depend on, in the order of creation."""
    seen, stack = set(), [t.node for t in targets]
    while stack:
        node = stack.pop()
        if node is None or node in seen or node.graph is not graph:
            continue
        seen.add(node)
        stack.extend([s.node for s in node.ins])
    return sorted(seen, key=by_order)


@export("", v1="hessians")
def hessians_v1(
    ys, xs, name="hessians", colocate_gradients_with_ops=False, gate_gradients=False, aggregation_method=None
):
    """Second derivatives: for each x of shape s, d2 sum(ys) / dx2 of shape s + s."""
    from .engine import jacobians

    return jacobians.hessians(ys, xs, name)
