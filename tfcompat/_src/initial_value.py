"""What a new variable starts with: values lifted out of a function being traced, and initial values that depend on
other variables.
"""

from __future__ import annotations

from . import record
from .declare import OpDef
from .engine.program import by_order
from .graph import context
from .scopes import name_scope
from .tensor import EagerTensor, SymbolicTensor, Tensor


def _ancestors(tensor):
    """The operations a graph tensor is computed by, in the order of creation."""
    seen, stack = set(), [tensor._slot.node]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        stack.extend([s.node for s in node.ins])
    return sorted(seen, key=by_order)


def lift(tensor, name):
    """What a tensor of a function being traced is outside of it: its operations run once, now, or are made in the graph around.

    Raises ValueError where it depends on an argument of the function.
    """
    from .function import replay

    graph = tensor.graph
    outside = {inside._slot: value for value, inside in graph.captures.values()}
    outside.update(graph.extra.get("first_arguments", {}))  # placeholder slot -> what the traced call was given
    arguments = {t._slot for t in graph.arguments}
    place: dict = {}
    for op in _ancestors(tensor):
        if op.type == "Placeholder":
            value = outside.get(op.outs[0])
            if isinstance(value, SymbolicTensor) and value.graph is not context.graph:
                value = lift(value, name)
            if value is None and op.outs[0] not in arguments:
                place[op.outs[0]] = replay(op, [])[0]  # a placeholder of the user's own
                continue
            if value is None:
                raise ValueError(
                    f"Unable to lift the initial value of variable {name!r} out of the function being traced: it "
                    f"depends on the placeholder {op.name!r} (an argument of the function). Pass a callable that does "
                    "not use the arguments."
                )
            place[op.outs[0]] = value
            continue
        for s, t in zip(op.outs, replay(op, [place[s] for s in op.ins])):
            place[s] = t
    return place[tensor._slot]


# -- initial values that depend on variables --------------------------------------------------------------------------
def _initialized():
    raise AssertionError("asks the session, see with_session")


def _ask_session(session, operation):
    """Whether the variable of `operation` has a value; eager variables always have one."""
    variable = operation.attributes["variable"]
    return variable._kind == "eager" or session is None or variable in session._state


_initialized.with_session = _ask_session
IS_INITIALIZED = OpDef("IsVariableInitialized", _initialized, host=True)
IS_INITIALIZED_RESOURCE = OpDef("VarIsInitializedOp", _initialized, host=True)


def _either(initial):
    return initial


def _current_or_initial(session, operation, initial):
    variable = operation.attributes["variable"]
    value = None if session is None else session._state.get(variable)
    return initial if value is None else value


_either.with_session = _current_or_initial
MERGE = OpDef("Merge", _either, host=True)


def is_initialized(variable, name=None):
    """A bool scalar: has the variable, or that whose tensor is given, a value?"""
    from . import dtypes
    from .graph import aval

    graph = context.graph
    if graph is None:
        return record.convert_to_tensor(True)
    if isinstance(variable, Tensor):
        behind = (variable.op.attributes or {}).get("variable")
        if behind is None:
            raise TypeError(f"is_variable_initialized takes a variable, not {variable!r}")
        variable = behind
    definition = IS_INITIALIZED if variable._kind == "ref" else IS_INITIALIZED_RESOURCE
    return record.add_op(
        graph, definition.sig, (), graph.op_name(name, definition.type), avals=(aval(dtypes.bool, ()),), single=True,
        attributes={"variable": variable, "ref": variable._handle_in(graph)},
    )  # fmt: skip


def initialized_value(variable):
    """The variable's value in the session, or its initial value where it has none yet."""
    graph = context.graph
    if graph is None:
        return variable.value()
    with name_scope(None, "cond"):
        return record.add_op(
            graph, MERGE.sig, [variable._guarded_initial_value], graph.op_name(None, "Merge"),
            avals=(variable._aval,), single=True,
            attributes={"variable": variable},
        )  # fmt: skip


def guard(tensor, name):
    """`tensor` with every variable it reads replaced by that variable's `initialized_value`, so that variables can
    be initialized in any order; the tensor itself where it reads none."""
    if tensor.__class__ is EagerTensor:
        return tensor
    place: dict = {}
    for op in _ancestors(tensor):
        if op.writes or op.graph is not context.graph:
            continue
        if op.reads:
            variable = op.reads[0]
            if not op.ins and len(op.reads) == 1 and getattr(variable, "_initial_value", None) is not None:
                place[op.outs[0]] = initialized_value(variable)
            continue
        if not any(s in place for s in op.ins):
            continue
        out = record.add_op(
            op.graph, op.sig, [place.get(s, s.tensor) if s in place else s.tensor for s in op.ins],
            op.graph.op_name(f"{op.name}_{name}/", None), avals=tuple([s.aval for s in op.outs]), single=False,
            attributes=op.attributes,
        )  # fmt: skip
        for s, t in zip(op.outs, out if isinstance(out, (list, tuple)) else [out]):
            place[s] = t
    return place.get(tensor._slot, tensor)
