"""FuncGraph: the graph of a function being traced, and `run_traced`, which runs a Python function inside one."""

from __future__ import annotations

import inspect

from .. import dtypes, errors, nest, record
from ..declare import OPS
from ..engine import dispatch
from ..graph import Graph, aval, context
from ..tensor import SymbolicTensor, Tensor
from ..trace_type import CastContext

_SHARED = (
    "variables",
    "local_variables",
    "trainable_variables",
)  # collections that a function adds to; it sees the others


class FuncGraph(Graph):
    """The graph of a traced function: tensors from outside become captures, operations run in the order they were written."""

    building_function = True
    is_body = is_control_flow_graph = False  # of a conditional or a loop

    def __init__(self, name, outer=None):
        super().__init__()
        self.name = name
        self.outer_graph = outer
        self.captures: dict = {}  # slot outside -> (tensor outside, placeholder inside)
        self.deferred: dict = {}  # key -> Deferred: what is captured anew by every call
        self.created: list = []  # variables made while tracing
        self.arguments: list = []  # the placeholders of the arguments; of a variable, one of its handle
        self.outputs: list = []
        self.structured_outputs = self.structured_input_signature = None
        self.outer_controls: list = []  # operations outside that something inside was told to wait for
        if outer is not None:
            self._collections = {k: v if k in _SHARED else list(v) for k, v in outer._collections.items()}
        self.stated_effects = None
        self._handles: dict = {}
        self._root = self  # copies of this graph show parts of it (wrapped.py)
        self.effects_in_order = True  # False: operations run for their effect only where a result depends on them
        outer_seed = outer.seed if outer is not None else context.seed and context.seed.graph_seed()
        self.seed = outer_seed

    def capture(self, tensor, name=None):
        """The tensor inside that stands for `tensor` outside."""
        slot = tensor._slot
        found = self.captures.get(slot)
        if found is None:
            if tensor.__class__ is SymbolicTensor and not self._is_outer(tensor.graph):
                raise self._out_of_scope(tensor)
            inside = self.input(slot.aval, name or "captured")
            found = self.captures[slot] = (tensor, inside)
        return found[1]

    def _is_outer(self, graph):
        return _surrounds(graph, self)

    def _out_of_scope(self, tensor):
        """The error for a tensor of a function that is not being traced now, or of one inside this one."""
        kind = errors.InaccessibleTensorError if _surrounds(self, tensor.graph) else TypeError
        where = tensor.op.made_at
        return kind(
            f"{tensor!r} is out of scope and cannot be used here. Use return values, explicit Python locals or TensorFlow collections "
            f"to access it.\n\n{f'It was defined at {where[0]}:{where[1]}.' if where else ''}\n\nThe tensor cannot be accessed from "
            f"{_spoken(self)}, because it was defined in {_spoken(tensor.graph)}, which is out of scope."
        )

    def input(self, a, name):
        """A placeholder."""
        sig = OPS["Placeholder"].signature({"dtype": a.dtype.base_dtype, "shape": a.shape})
        saved, self._control = self._control, []
        try:
            return record.add_op(
                self,
                sig,
                (),
                self.op_name(name, "Placeholder"),
                avals=(aval(a.dtype.base_dtype, a.shape),),
                single=True,
            )
        finally:
            self._control = saved

    def argument(self, spec, name):
        """A placeholder for an argument called `name`."""
        made = self.input(aval(spec.dtype, None if spec.shape.rank is None else tuple(spec.shape.as_list())), name)
        if name is not None:
            made.op.attributes = {**(made.op.attributes or {}), "_user_specified_name": name.encode()}
        self.arguments.append(made)
        return made

    def variable_argument(self, name):
        """A placeholder for the handle of a variable that is an argument: nothing reads it, the variable itself is traced with."""
        made = self.input(aval(dtypes.resource, ()), name)
        made.op.attributes = {**(made.op.attributes or {}), "_user_specified_name": (name or "").encode()}
        self.arguments.append(made)

    # -- what users read ----------------------------------------------------------------------------------------------
    @property
    def inputs(self):
        """The placeholders of the arguments, then those of the captures."""
        handles = [self._handle_of(v) for v in self.captured_variables]
        return [*self.arguments, *self.internal_captures, *handles, *self.deferred_internal_captures]

    @property
    def captured_variables(self):
        """The resource variables that the function uses and is not given."""
        return [v for v in self.variables if v._kind != "ref"]

    def _handle_of(self, variable):
        """A placeholder that shows a captured variable among the inputs, called after the first operation that uses it."""
        made = self._handles.get(variable)
        if made is None:
            op = next(op for op in self.operations if any(v is variable for v in (*op.reads, *op.writes)))
            made = self._handles[variable] = self._root.input(aval(dtypes.resource, ()), f"{op.name}/resource/")
        return made

    @property
    def external_captures(self):
        """The tensors from outside."""
        return [outside for outside, _ in self.captures.values()]

    @property
    def internal_captures(self):
        """The placeholders that stand for them."""
        return [inside for _, inside in self.captures.values()]

    @property
    def deferred_external_captures(self):
        """Functions without arguments, each giving the tensors that it captures now."""
        return [d.tensors for d in self.deferred.values()]

    @property
    def deferred_internal_captures(self):
        """The placeholders of what is captured by every call."""
        return [t for d in self.deferred.values() for t in d.placeholders]

    @property
    def variables(self):
        """The variables that operations of this graph read or write, without those that are arguments."""
        found = {v: None for op in self.operations for v in (*op.reads, *op.writes) if hasattr(v, "trainable")}
        return tuple([v for v in found if not any(v is a for a in self.extra.get("variable_arguments", ()))])

    @property
    def trainable_variables(self):
        """Those of them that are trainable."""
        return tuple([v for v in self.variables if v.trainable])

    @property
    def control_outputs(self):
        """The operations that run for their effect, whatever is asked for."""
        if self.stated_effects is not None:
            return self.stated_effects
        if not self.effects_in_order:
            return []
        return [op for op in self.operations if op.reads or op.writes or op.sig.op.stateful and op.sig.op.host]

    def effects(self):
        """The operations with an effect."""
        return [op for op in self.operations if op.writes or op.sig.op.stateful and op.sig.op.host]

    # -- captures of each call ----------------------------------------------------------------------------------------
    def capture_call_time_value(self, closure, spec, key=None, default_value=None, placeholder=None):
        """A value of `spec` that `closure` gives anew for every call of the function; equal keys share one.

        TypeError at the call where it gives something else.
        """
        if self.is_body:  # its function captures
            return self.outer_graph.capture_call_time_value(closure, spec, key, default_value, placeholder)
        key = key if key is not None else object()
        found = self.deferred.get(key)
        if found is None:
            if placeholder is None:
                from ..trace_type import PlaceholderContext

                made = PlaceholderContext(_Deferring(self))
                placeholder = spec.placeholder_value(made) if hasattr(spec, "placeholder_value") else None
                if placeholder is None:
                    from .value_types import type_of

                    spec = type_of(spec)
                    placeholder = spec.placeholder_value(made)
            found = self.deferred[key] = Deferred(closure, spec, placeholder, key)
        return found.value

    def replace_capture_with_deferred_capture(self, tensor, closure, spec, placeholder, default_value=None):
        """From here on `closure` gives what `tensor` was captured for."""
        self.captures.pop(tensor._slot, None)
        self.capture_call_time_value(closure, spec, key=id(tensor), placeholder=placeholder)


class _Deferring:
    """Makes placeholders in a graph that are no arguments."""

    def __init__(self, graph):
        self.graph = graph

    def argument(self, spec, name):
        shape = None if spec.shape.rank is None else tuple(spec.shape.as_list())
        return self.graph.input(aval(spec.dtype, shape), name)


class Deferred:
    """A value that every call of a function captures anew: `value` stands for it inside."""

    def __init__(self, closure, spec, value, key):
        self.closure, self.spec, self.value, self.key = closure, spec, value, key
        self.placeholders = nest.flatten(value, expand_composites=True)

    def tensors(self):
        """The tensors of the value now; inside another function, what that one captures for every call of its own."""
        graph = context.graph
        if graph is not None and graph.building_function:
            value = graph.capture_call_time_value(self.closure, self.spec, key=self.key)
        else:
            value = self.closure()
        return self.spec.to_tensors(self.spec.cast(value, CastContext()))


def _surrounds(graph, inner):
    """Whether `inner` is traced while `graph` is built."""
    while inner is not None:
        inner = inner.outer_graph
        if inner is graph:
            return True
    return False


def _spoken(graph):
    return f"FuncGraph(name={graph.name})" if isinstance(graph, FuncGraph) else "another graph"


traced_graphs = None  # a list where the graphs traced are to be kept (tf.summary.trace_on)


def keep_traced_graphs(on):
    """Whether the graphs traced from here on are kept; returns the list they go to."""
    global traced_graphs
    traced_graphs = [] if on else None
    return traced_graphs


def run_traced(graph, python_function, args, kwargs, original=None):
    """Runs `python_function` inside `graph`; returns (flat output tensors, what it returned).

    original: the user's function, where AutoGraph made another one of it.  ValueError where it changes the lists and dictionaries
    among its arguments.
    """
    tapes = dispatch.set_tapes([])
    context.push(graph)
    try:
        before = nest.map_structure(_same, (list(args), kwargs))
        result = python_function(*args, **kwargs)
        _check_unchanged(original or python_function, before, (list(args), kwargs))
        flat = [_output(graph, v) for v in nest.flatten(result, expand_composites=True)]
    finally:
        context.pop()
        dispatch.set_tapes(tapes)
    graph.outputs = [t for t in flat if t is not None]
    graph.structured_outputs = nest.map_structure(_same, result, expand_composites=True)
    if traced_graphs is not None:
        traced_graphs.append(graph)
    return flat, result


def _same(value):
    return value


def _check_unchanged(function, before, after):
    changed = [i for i, (b, a) in enumerate(zip(before[0], after[0], strict=True)) if _differ(b, a)]
    named = [k for k in before[1] if _differ(before[1][k], after[1][k])]
    if not changed and not named:
        return
    try:
        parameters = str(inspect.signature(function))
        names = argument_names(function, len(before[0]))
    except (TypeError, ValueError):
        parameters, names = "(...)", [f"args_{i}" for i in range(len(before[0]))]
    raise ValueError(
        f"{getattr(function, '__name__', function)}{parameters} should not modify its Python input arguments. Modifying a copy is "
        f"allowed. The following parameter(s) were modified: {', '.join([*[names[i] for i in changed], *named])}"
    )


def _differ(before, after):
    if before is after and not nest.is_nested(before):
        return False
    try:
        nest.assert_same_structure(before, after)
    except (TypeError, ValueError):
        return True
    return any(a is not b for a, b in zip(nest.flatten(before), nest.flatten(after), strict=True))


def argument_names(function, n):
    """The names of the first `n` positional arguments of a function."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    starred = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "args")
    return (names + [f"{starred}_{i}" for i in range(n - len(names))])[:n]


def _output(graph, value):
    """A returned value as a tensor of the graph; None stays what it is."""
    if value is None:
        return None
    if isinstance(value, Tensor):
        return value if value.__class__ is SymbolicTensor and value.graph is graph else graph.capture(value)
    try:
        return record.convert_to_tensor(value)
    except (TypeError, ValueError) as e:
        raise TypeError(
            "To be compatible with tf.function, Python functions must return zero or more Tensors or ExtensionTypes or None values; "
            f"in compilation of {graph.name}, found return value of type {type(value).__name__}, which is not a Tensor or ExtensionType."
        ) from e
