"""tf.while_loop: a Python loop eagerly; in a graph one operation, recorded here and computed by loops.py."""

from __future__ import annotations

import numpy as np

from .. import dtypes, nest, record
from ..declare import OPS, export
from ..graph import aval, context
from ..scopes import name_scope
from ..shapes import TensorShape
from ..tensor import EagerTensor, IndexedSlices, Tensor
from ..type_spec import TypeSpec, spec_of
from . import bodies
from .loops import Loop, fits
from .tensor_array import TensorArray


@export("while_loop", v1="")
def while_loop_v2(
    cond,
    body,
    loop_vars,
    shape_invariants=None,
    parallel_iterations=10,
    back_prop=True,
    swap_memory=False,
    maximum_iterations=None,
    name=None,
):
    """Repeats `loop_vars = body(*loop_vars)` while cond(*loop_vars); returns the structure of `loop_vars`."""
    return while_loop(
        cond,
        body,
        loop_vars,
        shape_invariants,
        parallel_iterations,
        back_prop,
        swap_memory,
        name,
        maximum_iterations,
        True,
    )


@export("", v1="while_loop")
def while_loop(
    cond,
    body,
    loop_vars,
    shape_invariants=None,
    parallel_iterations=10,
    back_prop=True,
    swap_memory=False,
    name=None,
    maximum_iterations=None,
    return_same_structure=False,
):
    """tf.while_loop of TF1: a single loop variable is returned without its list, unless `return_same_structure`.

    Raises TypeError, ValueError where `body` changes the structure, dtypes or (without `shape_invariants`) shapes of
    the loop variables.
    """
    if not callable(cond):
        raise TypeError("'cond' must be callable.")
    if not callable(body):
        raise TypeError("'body' must be callable.")
    if parallel_iterations < 1:
        raise TypeError("'parallel_iterations' must be a positive integer.")
    loop_vars = nest.map_structure(_read, loop_vars)
    if context.graph is None:
        return _eagerly(cond, body, loop_vars, maximum_iterations, return_same_structure)
    if not isinstance(loop_vars, (list, tuple)) and not nest.is_nested(loop_vars):
        loop_vars = [loop_vars]
    if not nest.flatten(loop_vars):
        raise ValueError("'loop_vars' must be provided.")
    with name_scope(name, "while", [v for v in nest.flatten(loop_vars) if isinstance(v, Tensor)]) as scope:
        out = _record(cond, body, loop_vars, shape_invariants, maximum_iterations, back_prop, scope)
    if return_same_structure:
        return out
    if maximum_iterations is not None:  # TF1 wraps the variables with a counter then, and keeps other structures
        return out[0] if len(loop_vars) == 1 else out
    flat = nest.flatten(out)
    return flat[0] if len(flat) == 1 else out


def _read(value):
    """Variables go in as their values."""
    return record.convert_to_tensor(value) if hasattr(value.__class__, "_dense_tensor") else value


def _eagerly(cond, body, loop_vars, maximum_iterations, return_same_structure):
    if not loop_vars and not isinstance(loop_vars, Tensor):
        raise ValueError("'loop_vars' must be provided.")
    pack = len(loop_vars) == 1 and not return_same_structure
    limit = None
    if maximum_iterations is not None:
        limit = record.convert_to_tensor(maximum_iterations, name="maximum_iterations")
        if limit.shape.rank != 0:
            raise ValueError(f"'maximum_iterations' must be a scalar. Received shape: {limit.shape}")
        limit = int(limit)
    structure, packed, done = list(loop_vars), False, 0
    while (limit is None or done < limit) and bool(cond(*loop_vars)):
        loop_vars = body(*loop_vars)
        if (pack or len(structure) == 1) and not isinstance(loop_vars, (list, tuple)):
            packed = pack
            loop_vars = (loop_vars,)
        nest.assert_same_structure(structure, list(loop_vars))
        done += 1
    loop_vars = nest.map_structure(
        lambda x: x if isinstance(x, TensorArray) else record.convert_to_tensor(x), loop_vars, expand_composites=True
    )
    return loop_vars[0] if packed else loop_vars


# -- recording --------------------------------------------------------------------------------------------------------
def _record(cond, body, loop_vars, shape_invariants, maximum_iterations, back_prop, scope):
    limit = None
    if maximum_iterations is not None:
        limit = record.convert_to_tensor(maximum_iterations, name="maximum_iterations")
        if limit.shape.rank is not None and limit.shape.rank != 0:
            raise ValueError(f"'maximum_iterations' must be a scalar. Received shape: {limit.shape}")
    loop_vars = nest.map_structure(_symbolic, loop_vars)
    leaves = [record.convert_to_tensor(v) for v in nest.flatten(loop_vars, expand_composites=True)]
    flows, sizes, contents = _arrays(loop_vars)
    avals, varying = _entering(loop_vars, leaves, shape_invariants, contents)

    def pack(arguments):
        return nest.pack_sequence_as(loop_vars, arguments, expand_composites=True)

    cond_body = bodies.Body(lambda *a: _condition(cond(*a)), "cond", avals, pack)
    body_body = bodies.Body(lambda *a: _listed(body(*a), loop_vars), "body", avals, pack)
    _check_result(body_body, loop_vars, leaves, avals, contents)
    loop, tensors, static, host = _loop(cond_body, body_body, leaves, flows, sizes, limit, varying)
    outs = [
        t._slot.aval if i in contents and a.shape is None else a
        for i, (a, t) in enumerate(zip(avals, body_body.outputs, strict=True))
    ]
    made = _operation(loop, tensors, static, host, outs, scope)
    if not back_prop:
        made = [OPS["StopGradient"].public(t) if t._slot.aval.differentiable else t for t in made]
    return nest.pack_sequence_as(_like(loop_vars, body_body.result), made, expand_composites=True)


def _operation(loop, tensors, static, host, outs, scope):
    def kernel(*args):
        return loop.on_host(None, None, *args) if host else loop.kernel(*args)

    gradient = None
    if host:
        kernel.with_session = loop.on_host
        gradient = bodies.twin_gradient(lambda start: _twin(loop, start, outs))
    effects = bool(loop.body.effects() or loop.cond.effects())
    type = "While" if effects or loop.states or loop.reads else "StatelessWhile"
    op, made = bodies.add(
        type, scope, kernel, tensors, outs, static=static, host=host, states=loop.states, effects=effects,
        eager=lambda op, tensors: _replayed(loop, tensors), gradient=gradient,
        wait=[op for b in (loop.cond, loop.body) for op in b.graph.outer_controls],
    )  # fmt: skip
    growing = [size for flow, size in loop.sizes.items() if flow not in loop.invariant]
    if growing and not host:
        # The final sizes decide shapes after the loop; they follow from what is known, without running it.
        sized = [aval(dtypes.int32, ())] * len(growing)
        _, found = bodies.add("WhileSizes", "WhileSizes", loop.final_sizes, tensors, sized, static=static, known=True)
        for position, t in zip(growing, found, strict=True):
            made[position] = t
    return made


def _symbolic(value):
    return value._symbolic() if isinstance(value, TensorArray) else value


def _condition(value):
    """The condition as one bool tensor."""
    value = record.convert_to_tensor(value)
    if value.shape.rank not in (0, None):
        value = OPS["Reshape"].public(value, np.zeros(0, np.int32))
    return value if value.dtype.is_bool else OPS["Cast"].public(value, dtype=dtypes.bool)


def _listed(result, loop_vars):
    if not nest.is_nested(result) or isinstance(result, dict) and not isinstance(loop_vars, dict):
        result = [result]
    result = nest.map_structure(lambda v: _symbolic(_read(v)), result)
    nest.assert_same_structure(list(result), list(loop_vars), check_types=False, expand_composites=True)
    return result


def _like(loop_vars, result):
    """The structure to return: that of `loop_vars`, with the TensorArrays of `result` (they know their element
    shapes)."""
    flat = nest.flatten(result)
    return nest.pack_sequence_as(loop_vars, flat)


def _arrays(loop_vars):
    """(positions of TensorArrays' contents among the leaves, position -> position of the size, position ->
    TensorArray)."""
    flows, sizes, contents, at = [], {}, {}, 0
    for v in nest.flatten(loop_vars):
        n = len(nest.flatten(v, expand_composites=True))
        if isinstance(v, TensorArray):
            flows.append(at)
            contents[at] = v
            if n == 2:
                sizes[at] = at + 1
        at += n
    return flows, sizes, contents


def _entering(loop_vars, leaves, shape_invariants, contents):
    """(avals of the loop variables inside, whether any shape may vary).  ValueError where an invariant does not fit."""
    shapes = [t._slot.aval.shape for t in leaves]
    varying = False
    if shape_invariants is not None:
        given = nest.flatten_up_to(loop_vars, shape_invariants)
        at = 0
        for v, invariant in zip(nest.flatten(loop_vars), given, strict=True):
            n = len(nest.flatten(v, expand_composites=True))
            if isinstance(v, TensorArray) or isinstance(invariant, type(None)):
                at += n
                continue
            _check_kind(v, invariant)
            wanted = [invariant] if n == 1 else [None] * n
            if n > 1:  # SparseTensor, IndexedSlices: anything may change
                shapes[at : at + n] = [None if s is None else (None,) * len(s) for s in shapes[at : at + n]]
                varying = True
            for k, w in enumerate(wanted):
                if w is None:
                    continue
                w = w if isinstance(w, TensorShape) else TensorShape(getattr(w, "shape", w))
                here = TensorShape._of(shapes[at + k])
                if not _at_least_as_specific(here, w):
                    raise ValueError(
                        f"The shape invariant specified for {leaves[at + k].name} is not compatible with the "
                        f"initial shape of the loop "
                        f"variable. It enters the loop with shape {here}, but the specified shape invariant is {w}."
                    )
                shape = None if w.rank is None else tuple(w.as_list())
                varying = varying or shape != shapes[at + k]
                shapes[at + k] = shape
            at += n
    avals = []
    for i, (t, s) in enumerate(zip(leaves, shapes, strict=True)):
        if i in contents:  # the contents may get their element shape in the loop
            array = contents[i]
            known = array._element_shape.is_fully_defined() and s is not None
            s = (None if array._dynamic_size else s[0], *s[1:]) if known else None
        avals.append(aval(t.dtype.base_dtype, s))
    return avals, varying


def _check_kind(value, invariant):
    """TypeError where an invariant is the spec of another kind or dtype, ValueError where its shape is not a SparseTensor's."""
    if isinstance(invariant, TypeSpec):
        own = getattr(value, "_type_spec", None) or spec_of(record.convert_to_tensor(value))
        if type(own) is not type(invariant) or own.dtype != invariant.dtype:
            raise TypeError(f"Type specification {invariant} does not match the loop variable {value}, which is {own}")
    elif hasattr(value, "values") and hasattr(value, "dense_shape") and not isinstance(value, IndexedSlices):
        shape, wanted = value.shape, TensorShape(invariant)
        if shape.rank is not None and not _at_least_as_specific(shape, wanted):
            raise ValueError(
                f"The shape invariant specified for a SparseTensor is not compatible with the initial shape of the loop "
                f"variable. It enters the loop with shape {shape}, but the specified shape invariant is {wanted}."
            )


def _at_least_as_specific(shape, other):
    if other.rank is None:
        return True
    if shape.rank is None or shape.rank != other.rank:
        return False
    return all(b is None or a == b for a, b in zip(shape.as_list(), other.as_list(), strict=True))


def _check_result(body, loop_vars, leaves, avals, contents):
    """TypeError, ValueError where the body changes a dtype, or a shape that no invariant lets vary."""
    for i, (t, out, a) in enumerate(zip(leaves, body.outputs, avals, strict=True)):
        if out is None:
            raise ValueError("The body of a tf.while_loop must return a tensor for each loop variable, not None.")
        if out.dtype.base_dtype is not a.dtype:
            raise TypeError(
                f"Loop var {_name(t)} enters the loop with type {a.dtype} but has type {out.dtype.base_dtype} "
                f"after 1 iteration. "
                f"{_name(t)} type should remain constant."
            )
        if i in contents or a.shape is None:
            continue
        shape = out._slot.aval.shape
        if shape is None or not _at_least_as_specific(TensorShape._of(shape), TensorShape._of(a.shape)):
            if shape is None:
                continue  # inference lost what it knew: the kernel checks
            raise ValueError(
                f"Input tensor `{_name(t)}` enters the loop with shape {TensorShape._of(a.shape)}, but has shape "
                f"{TensorShape._of(shape)} after one iteration. To allow the shape to vary across iterations, use the "
                "`shape_invariants` argument of tf.while_loop to specify a less-specific shape."
            )


def _name(tensor):
    """What messages call a loop variable; an eager tensor that a function captures has no name."""
    return tensor.name if tensor.__class__ is not EagerTensor else "loop_var"


# -- which strategy ---------------------------------------------------------------------------------------------------
def _loop(cond, body, leaves, flows, sizes, limit, varying):
    """(the Loop, its data inputs, positions needed while compiling, whether it runs on the host)."""
    n = len(leaves)
    invariant = {i for i in range(n) if body.outputs[i]._slot is body.arguments[i]._slot}
    hoisted = _hoistable(body, invariant)
    deferred, results = _deferrable(cond, body, flows, invariant)
    cond.finish()
    body.finish(extra_feeds=[s for s, _, _ in hoisted], outputs=results)
    captures, reads, states = bodies.inputs_of([cond, body])
    place = {t._slot: n + i for i, t in enumerate(captures)}
    pairs = [(place[source] if outside else source, index) for _, (outside, source), index in hoisted]
    names = [_name(t) for t in leaves]
    loop = Loop(
        cond, body, n, invariant, list(flows), sizes, [t._slot for t in captures], list(reads), states,
        pairs, deferred, limit is not None, names,
    )  # fmt: skip
    tensors = [*leaves, *captures, *reads.values(), *([limit] if limit is not None else [])]
    # A shape that an element read decides is another one in each iteration.
    host = cond.host or body.host or any(s in body.static_feeds for s, _, _ in hoisted)
    static = set()
    for b, at in ((cond, loop.cond_captures), (body, loop.body_captures)):
        every = [*range(n), *([None] * len(hoisted) if b is body else []), *at]
        static.update([i for i, s in zip(every, b.feeds, strict=True) if s in b.static_feeds and i is not None])
        static.update([loop.place[v] for v in b.static_reads if v in loop.place])
    moving = [i for i in range(n) if i not in invariant]
    shapes_known = static & set(moving)
    growing = [sizes[f] for f in sizes if f not in invariant]
    if not host and (varying or shapes_known or growing):
        control = _control(loop, [*shapes_known, *growing])
        if control is None:
            host = True
        else:
            static |= control
            loop.unroll = bool(varying or shapes_known)
            if loop.unroll and limit is not None:
                static.add(len(tensors) - 1)
    if host:
        static = set()
    return loop, tensors, static, host


def _hoistable(body, invariant):
    """[(slot inside, (is a capture, slot outside or carry), index carry)]: reads of unchanging TensorArrays at a loop
    variable."""
    arguments = {t._slot: i for i, t in enumerate(body.arguments)}
    captured = {inside._slot: outside._slot for outside, inside in body.captured}
    out = []
    for op in body.graph.operations:
        if op.type != "TensorArrayReadV3" or op.sig.op.host:
            continue
        flow, index = op.ins
        if index not in arguments or arguments[index] in invariant:
            continue
        if flow in captured:
            out.append((op.outs[0], (True, captured[flow]), arguments[index]))
        elif flow in arguments and arguments[flow] in invariant:
            out.append((op.outs[0], (False, arguments[flow]), arguments[index]))
    return out


def _deferrable(cond, body, flows, invariant):
    """(flow position -> index position, the body's results): carried TensorArrays that the body does nothing with but
    one write.

    Their results are the elements written, so that a scan can stack them.
    """
    arguments = {t._slot: i for i, t in enumerate(body.arguments)}
    used: dict = {}
    for op in body.graph.operations:
        for s in op.ins:
            used[s] = used.get(s, 0) + 1
    in_cond = {s for op in cond.graph.operations for s in op.ins}
    results, out = list(body.outputs), {}
    for flow in flows:
        op = body.outputs[flow].op
        mine = body.arguments[flow]._slot
        if flow in invariant or op.type != "TensorArrayWriteV3" or op.sig.op.host or op.control_inputs:
            continue
        if op.ins[0] is mine and used[mine] == 1 and used.get(op.outs[0], 0) == 0 and op.ins[1] in arguments:
            index = arguments[op.ins[1]]
            if index not in invariant and cond.arguments[flow]._slot not in in_cond:
                out[flow] = index
                results[flow] = op.ins[2].tensor
    return out, results


def _control(loop, carries):
    """Data input positions that decide the condition and these carries; None where they are more than integer
    bookkeeping."""
    needed: set = set()
    todo: list = []

    def visit(body, captures, slot):
        """Adds what a slot inside depends on; False where that is no small integer."""
        feeds = {s: i for i, s in enumerate(body.feeds)}
        n_fed = body.n_fed
        seen, stack = set(), [slot]
        while stack:
            s = stack.pop()
            if s in seen:
                continue
            seen.add(s)
            if s in feeds:
                k = feeds[s]
                if loop.n <= k < n_fed:
                    return False  # a hoisted read
                position = k if k < loop.n else captures[k - n_fed]
                if s.aval.np.kind not in "iub":
                    return False
                if position not in needed:
                    needed.add(position)
                    if position < loop.n and position not in loop.invariant:
                        todo.append(position)
                continue
            node = s.node
            op = node.sig.op
            if op.known or op.type == "Const":
                continue
            if op.host or op.stateful or node.reads or s.aval.np.kind not in "iub":
                return False
            stack.extend(node.ins)
        return True

    if not visit(loop.cond, loop.cond_captures, loop.cond.outs[0]._slot):
        return None
    for c in carries:
        if c not in needed:
            needed.add(c)
            todo.append(c)
    while todo:
        if not visit(loop.body, loop.body_captures, loop.body.outs[todo.pop()]._slot):
            return None
    return needed


# -- other ways to run it ---------------------------------------------------------------------------------------------
def _replayed(loop, tensors):
    """The loop in Python, operation by operation: how an eagerly replayed tf.function runs one with host operations."""
    data = list(tensors)
    limit = int(data[-1]) if loop.limit else None
    carries, done = data[: loop.n], 0
    growing = {flow: size for flow, size in loop.sizes.items() if flow not in loop.invariant}
    while limit is None or done < limit:
        for flow, size in growing.items():
            carries[flow] = _with_room(carries[flow], int(carries[size]))
        (go_on,) = loop.cond.replay([*carries, *[data[i] for i in loop.cond_captures]])
        if not bool(go_on):
            break
        room = {flow: carries[flow].shape[0] for flow in growing}
        carries = loop.body.replay([*carries, *[data[i] for i in loop.body_captures]])
        for flow, size in growing.items():
            fits(int(carries[size]), room[flow])
        done += 1
    for flow, size in growing.items():
        carries[flow] = carries[flow][: int(carries[size])]
    return list(carries)


def _with_room(flow, size):
    """A TensorArray's contents with room for more than `size` elements."""
    rows, *rest = flow.shape.as_list()
    if rows >= size + 16:
        return flow
    more = np.zeros((2 * size + 32 - rows, *rest), flow.dtype.np)
    return OPS["ConcatV2"].public([flow, record.constant(more)], 0)


def _twin(loop, start, outs):
    """The same loop without its effects, for the gradient of one that runs on the host."""
    avals = [t._slot.aval for t in loop.body.arguments]
    reads = dict(zip(loop.reads, start[loop.reads_at :], strict=False))
    cond = bodies.pure_twin(loop.cond, avals, [start[i] for i in loop.cond_captures], reads)
    body = bodies.pure_twin(loop.body, avals, [start[i] for i in loop.body_captures], reads)
    limit = start[-1] if loop.limit else None
    made, tensors, static, host = _loop(cond, body, start[: loop.n], loop.flows, loop.sizes, limit, loop.unroll)
    if host:
        bodies.refuse_gradient("tf.while_loop")(None, None)
    return _operation(made, tensors, static, False, outs, "while_for_gradient")


__all__ = ["IndexedSlices", "while_loop"]
