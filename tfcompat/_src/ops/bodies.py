"""Python functions as parts of an operation: the branches of a cond, the condition and body of a loop.

A `Body` is one Python function traced into a FuncGraph of its own and lowered to a pure function of its arguments, its
captures and the state it reads.  A `ControlOp` is the operation that holds bodies: its inputs are arguments, captures
and variables read; what its bodies write (variables, random streams) it declares as `reads` and `writes`, and its
kernel returns the new values after its data outputs.  Where a body has host operations (print, strings, Python
functions) the operation becomes a host operation that runs the bodies' plans.
"""

from __future__ import annotations

import numpy as np

from .. import errors, nest, record
from ..declare import OPS
from ..engine import dispatch, gradients, infer, lower, stages
from ..engine.program import by_order
from ..engine.reads import read
from ..function import FuncGraph
from ..graph import GraphSlot, Operation, PlainOp, Signature, aval, context
from ..own_gradient import OwnGradient, constant, on_host, pure, run
from ..scopes import control_dependencies, executing_eagerly_outside_functions
from ..tensor import IndexedSlices, SymbolicTensor, Tensor
from ..variable_ops import read_in_graph


class BodyGraph(FuncGraph):
    """The graph of a body: it shares collections, variable scopes, devices and seeds with the graph around it."""

    is_body = is_control_flow_graph = True

    def __init__(self, name, outer):
        super().__init__(name, outer)
        if executing_eagerly_outside_functions():
            self._name_stack = outer._name_stack
        self._collections, self._devices, self._gradient_overrides = (
            outer._collections,
            outer._devices,
            outer._gradient_overrides,
        )
        self.seed, self.op_seed_counter = outer.seed, outer.op_seed_counter
        self.outer_controls: list = []  # operations outside that something inside was told to wait for
        self.branches = ()  # the graphs of the other branches

    def capture(self, tensor, name=None):
        """The tensor inside that stands for `tensor`; a ref variable's snapshot is read anew, since a loop may change
        it."""
        if tensor.__class__ is SymbolicTensor and tensor.graph in self.branches:
            one, other = [g.name.replace("branch", "branch ") for g in (tensor.graph, self)]
            raise ValueError(f"Tensor {tensor.name} in {one} is accessed from {other}.")
        if tensor.__class__ is SymbolicTensor and tensor.op.reads:
            variable = tensor.op.reads[0]
            if getattr(variable, "_snapshot", None) is tensor:
                return read_in_graph(variable)
        return super().capture(tensor, name)


def in_session_graph():
    """Whether this is (a body in) a graph that a Session runs, no function: then only what a result depends on runs."""
    graph = context.graph
    while isinstance(graph, BodyGraph):
        graph = graph.outer_graph
    return graph is not None and not graph.building_function


def _effects_run():
    """Whether operations here run for their effect alone: in functions, unless they were wrapped as a graph that is pruned."""
    graph = context.graph
    while isinstance(graph, BodyGraph):
        graph = graph.outer_graph
    return graph is None or graph.building_function and graph.effects_in_order


class Body:
    """A traced Python function.

    arguments  placeholders inside for the arguments
    result     what the function returned; `outputs` its flat tensors (None where the function returned None or an
               operation)
    captured   [(tensor outside, placeholder inside)]
    """

    def __init__(self, python_function, name, argument_avals, pack=None, branches=()):
        outer = context.graph
        graph = self.graph = BodyGraph(name, outer)
        graph.branches = [b.graph for b in branches]
        self.name = name
        self.operations = []
        tapes = dispatch.set_tapes([])
        context.push(graph)
        try:
            self.arguments = [graph.input(a, f"{name}_arg") for a in argument_avals]
            self.result = python_function(*(pack(self.arguments) if pack else self.arguments))
            self.outputs = [self._output(v) for v in nest.flatten(self.result, expand_composites=True)]
        finally:
            context.pop()
            dispatch.set_tapes(tapes)
            outer.op_seed_counter = max(outer.op_seed_counter, graph.op_seed_counter)
        self.effects_wanted = _effects_run()

    def _output(self, value):
        if value is None:
            return None
        if isinstance(value, Operation):
            self.operations.append(value)
            return None
        if isinstance(value, Tensor):
            if value.__class__ is SymbolicTensor and value.graph is self.graph:
                return value
            return self.graph.capture(value)
        return record.convert_to_tensor(value)

    @property
    def captured(self):
        return list(self.graph.captures.values())

    def effects(self):
        """The operations that run for their effect: in a function all, in a Session's graph those returned."""
        if not self.effects_wanted:
            return self.operations
        backward = set(self.own.backward) if self.own is not None else ()
        return [
            op
            for op in self.graph.operations
            if (op.writes or op.sig.op.stateful and op.sig.op.host) and op not in backward
        ] + self.operations

    def finish(self, extra_feeds=(), outputs=None, effects=True):
        """Lowers the body.  `extra_feeds`: slots inside that the caller computes instead."""
        self.outs = self.outputs if outputs is None else outputs
        self.feeds = [t._slot for t in self.arguments] + list(extra_feeds)
        self.n_fed = len(self.feeds)
        self.feeds += [inside._slot for _, inside in self.captured]
        wanted = [t._slot for t in self.outs]
        self.own = OwnGradient.of(self.graph, wanted, self.feeds, self.name)
        self.feeds = self.feeds[: self.n_fed] + [inside._slot for _, inside in self.captured]
        p = self.plan = lower.plan(
            wanted, self.effects() if effects else [], self.feeds, label=self.name, in_order=True, donate=False
        )
        self.reads, self.writes = list(p.initial), list(p.final)
        self.host = on_host(p) or any(
            s.aval.dtype.name == "string" for s in (*wanted, *self.feeds)
        )  # the host alone knows text
        late = {
            s
            for st in p.stages
            if isinstance(st, stages.DeviceStage)
            for i, s in enumerate(st.leaves)
            if i in st.static
        }
        self.static_reads = [v for v in self.reads if p.initial[v] in late]
        self.static_feeds = {self.feeds[i] for i, s in enumerate(p.feeds) if s in p.static_feeds}
        if not self.host:
            if self.own is not None:
                self.reads = self.own.lower(self.feeds, self.reads)
            self.parts = pure(p, self.reads)
        return self

    def call(self, feeds, states):
        """(outputs, new states by variable) for values of `feeds` and a dict of the states read."""
        args = [*feeds, *[states[v] for v in self.reads]]
        values = self.own.call(lambda a: run(self.parts, a), args) if self.own is not None else run(self.parts, args)
        n = len(self.outs)
        written = zip(self.writes, values[n:], strict=True)
        return list(values[:n]), {v: read(new, states[v]) if v in states else new for v, new in written}

    # -- on the host --------------------------------------------------------------------------------------------------
    def call_on_host(self, feeds, states, session):
        """`call` with NumPy values, stage by stage."""
        p = self.plan
        values = dict(zip(p.feeds, feeds, strict=True))
        for v, s in p.initial.items():
            values[s] = states[v]
        for stage in p.stages:
            stage.run(values, session)
        look = [values[s] if s in values else constant(s) for s in (*p.fetches, *p.final.values())]
        n = len(self.outs)
        return [_host(v) for v in look[:n]], dict(zip(p.final, look[n:], strict=True))

    # -- eagerly ------------------------------------------------------------------------------------------------------
    def replay(self, tensors):
        """The body's operations one by one in the current mode; `tensors`: for arguments, then captures."""
        from ..function import replay

        slots = [t._slot for t in self.arguments] + [inside._slot for _, inside in self.captured]
        place = dict(zip(slots, tensors, strict=True))
        needed = lower._needed([t._slot for t in self.outputs if t is not None], self.effects(), set(slots))
        for op in sorted(needed, key=by_order):
            for s, t in zip(op.outs, replay(op, [place[s] for s in op.ins]), strict=True):
                place.setdefault(s, t)
        return [None if t is None else place[t._slot] for t in self.outputs]


def _host(value):
    return value if isinstance(value, np.ndarray) else np.asarray(value)


class BodySignature(Signature):
    """The signature of one control operation; its output avals for other input avals come from its kernel."""

    __slots__ = ("recorded",)
    holds_program = True

    def infer(self, avals):
        """`Inferred` for these input avals: as recorded, or by evaluating the kernel abstractly."""
        recorded = self.recorded
        if recorded is not None and (
            avals == recorded[0]
            or not all(a.known for a in avals)
            or self.op.host
            or infer.static_positions(self, len(avals))
        ):
            return infer.Inferred(recorded[1], False)
        return infer._abstract(self, avals)


class ControlOp(PlainOp):
    """What the engine asks of an op, for one operation that holds bodies."""

    def __init__(self, type, kernel, n, static, host, effects, eager):
        self.type = self.name = type
        self.kernel, self.host, self.stateful = kernel, host, host and effects
        self.inputs = tuple([f"input_{i}" for i in range(n)])
        self.static = frozenset([f"input_{i}" for i in static])
        self.settings, self.optional, self.defaults = (), frozenset(), {}
        self.known = self.variadic = self.alike = self.verifies = False
        self.differentiable = True
        self.run_eagerly = (
            eager if host else None
        )  # function(operation, tensors) -> tensors: how a replayed tf.function runs it

    def signature(self, settings=None, fixed=None):
        made = BodySignature(self, settings, fixed)
        made.recorded = None
        return made

    def __repr__(self):
        return f"<op {self.type}>"


def add(
    type,
    scope,
    kernel,
    tensors,
    outputs,
    *,
    static=(),
    host=False,
    states=(),
    effects=False,
    eager=None,
    gradient=None,
    known=False,
    wait=(),
):
    """Records the operation: data inputs `tensors`, output avals `outputs`, `states` read and written.  Returns the
    output tensors."""
    graph = context.graph
    definition = ControlOp(type, kernel, len(tensors), static, host, effects, eager)
    definition.gradient, definition.known = gradient, known
    sig = definition.signature()
    ins = tuple([record.capture(graph, t) for t in tensors])
    sig.recorded = (
        tuple([aval(s.aval.dtype.base_dtype, s.aval.shape) for s in ins]),
        tuple([*outputs, *[v._aval for v in states]]),
    )
    full = scope[:-1] if scope.endswith("/") else graph.op_name(None, scope)
    if full in graph._by_name:
        full = graph.unique_name(type)
    states = tuple(states)
    with control_dependencies(list(wait)):
        out = record.add_op(graph, sig, tensors, full, reads=states, writes=states, avals=tuple(outputs), single=False)
    op = out[0].op if isinstance(out, list) else out
    op.state_ins = tuple([SymbolicTensor(GraphSlot(op, ~i, v._aval))._slot for i, v in enumerate(states)])
    for tape in context.tapes:
        for v, slot in zip(states, op.state_ins, strict=True):
            if hasattr(v, "trainable"):  # no random stream
                tape.watch_read(v, slot)
    return op, out if isinstance(out, list) else []


def inputs_of(bodies):
    """What bodies read from outside: (captured tensors, read-only variables' tensors by variable, states read and
    written).

    A variable that no body changes is read here, once, as an input: gradients reach it.
    """
    captured, states, read = {}, {}, {}
    for b in bodies:
        for outside, _ in b.captured:
            captured.setdefault(outside._slot, outside)
        for v in b.writes:
            states[v] = None
    for b in bodies:
        for v in b.reads:
            if v not in states:
                if hasattr(v, "_dense_tensor"):
                    read[v] = None
                else:
                    states[v] = None
    with control_dependencies([op for b in bodies for op in b.graph.outer_controls]):
        return list(captured.values()), {v: v._dense_tensor() for v in read}, list(states)


def split_known(values):
    """Positions of values that are known while compiling (small host integers): bodies close over them."""
    return [v.__class__ is np.ndarray and v.dtype.kind in "iub" and v.size <= 1024 for v in values]


def pure_twin(body, argument_avals, captures, reads):
    """A Body that computes what `body` returns, without its effects.

    captures  tensors outside, one per capture of `body`; reads: variable -> tensor outside with its value
    """
    from ..function import replay

    def function(*arguments):
        slots = [t._slot for t in body.arguments] + [inside._slot for _, inside in body.captured]
        place = dict(zip(slots, [*arguments, *captures], strict=True))
        wanted = [t for t in body.outputs if t is not None]
        seen, stack = set(), [t._slot.node for t in wanted if t._slot not in place]
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                stack.extend([s.node for s in node.ins if s not in place])
        for op in sorted(seen, key=by_order):
            if op.sig.op.type == "ReadVariableOp" and op.reads[0] in reads:
                place[op.outs[0]] = reads[op.reads[0]]
                continue
            if op.writes:
                refuse_gradient(body.name)(None, None)
            for s, t in zip(op.outs, replay(op, [place[s] for s in op.ins]), strict=True):
                place[s] = t
        return [place[t._slot] for t in wanted]

    return Body(function, body.name, argument_avals)


def refuse_gradient(what):
    """A gradient function for an operation that runs on the host and has no pure twin."""

    def gradient(node, cotangents):
        raise NotImplementedError(
            f"the gradient of {what}: its body needs the host (strings, py_function, data-dependent shapes) to "
            f"compute its result"
        )

    return gradient


def twin_gradient(make):
    """A gradient function that differentiates a pure twin of the operation: make(tensors) -> output tensors."""

    def gradient(node, cotangents):
        from ..tape import RECORDER

        tensors = [RECORDER.handle(s) for s in node.ins]
        start = [t if not t._slot.aval.differentiable else OPS["Identity"].public(t) for t in tensors]
        out = make(start)
        pairs = [
            (t._slot, c) for t, c in zip(out, cotangents, strict=True) if c is not None and t._slot.aval.differentiable
        ]
        pairs = [(s, record.densify(c) if isinstance(c, IndexedSlices) else c) for s, c in pairs]
        sources = [t._slot for t in start]
        nodes = [op for op in context.graph.operations if op.order >= start_order(start)]
        found = gradients.differentiate([s for s, _ in pairs], [c for _, c in pairs], sources, nodes, RECORDER)
        return [g if s.aval.differentiable else None for g, s in zip(found, sources, strict=True)]

    return gradient


def start_order(tensors):
    return min([t.op.order for t in tensors if t._slot.aval.differentiable], default=0)


__all__ = ["Body", "add", "dispatch", "errors", "in_session_graph", "inputs_of"]
