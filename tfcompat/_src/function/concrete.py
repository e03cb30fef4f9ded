"""ConcreteFunction: one trace of a function, lowered, and how it runs."""

from __future__ import annotations

import itertools

import numpy as np

from .. import nest, record
from ..declare import OPS, OpDef, export
from ..engine import dispatch, gradients, lower, stages
from ..engine.program import by_order
from ..graph import Signature, aval, context
from ..own_gradient import OwnGradient, between, pure, run
from ..scopes import control_dependencies
from ..tensor import SymbolicTensor
from .binding import Callable
from .effects import add_control_inputs
from .replay import replay_all, state_slot, value_of

CALL, STATEFUL_CALL = [
    OpDef(t, lambda *args: args, alike=False) for t in ("PartitionedCall", "StatefulPartitionedCall")
]
OPS.update({CALL.type: CALL, STATEFUL_CALL.type: STATEFUL_CALL})
_numbers = itertools.count(1)


class _CallSignature(Signature):
    """A traced function as one operation.

    between  per result, the inputs and variables (by position) that a gradient finds from it; none from what is assigned
    """

    __slots__ = ("between", "_depends")
    holds_program = True

    def __init__(self, op, between):
        super().__init__(op)
        self.between, self._depends = between, {}

    def depends(self, avals):
        """Per result, the inputs it depends on."""
        known = self._depends
        if avals not in known:
            known[avals] = gradients.dependencies(self, avals)
        return known[avals]

    def flows(self, avals):
        """Per result, the inputs a gradient finds from it."""
        return self.between


@export("types.experimental.ConcreteFunction", v1="")
class ConcreteFunction(Callable):
    """One trace: call it as the function it is a trace of, or with a tensor for each of its inputs.

    TypeError where the arguments are not those it was traced for.
    """

    def __init__(self, graph, inputs, outputs, structure, name, python_function=None, function_type=None, effects=None):
        """inputs: placeholders in `graph`, and variables that every call gives anew; outputs: flat tensors and Nones.

        effects: the operations that run besides; without them, all that have an effect, in the order they were written.
        """
        self.graph, self.outputs_, self.structure = graph, outputs, structure
        self.name = f"__inference_{name}_{next(_numbers)}".encode()
        self.python_function, self.function_type_ = python_function, function_type
        self.arguments = [t for t in inputs if t.__class__ is SymbolicTensor]
        self.given = [(i, t) for i, t in enumerate(inputs) if t.__class__ is not SymbolicTensor]
        graph.extra["variable_arguments"] = [v for _, v in self.given]
        wanted = [t._slot for t in outputs if t is not None]
        own = OwnGradient.of(graph, wanted, [t._slot for t in (*self.arguments, *graph.internal_captures)], name)
        self.forward = own.forward if own is not None else graph.operations
        self.captured = list(graph.captures.values())
        self.deferred = list(graph.deferred.values())
        self.slots_in = [t._slot for t in self.arguments] + [inside._slot for _, inside in self.captured]
        self.slots_in += [t._slot for d in self.deferred for t in d.placeholders]
        self.effects = effects
        if effects is None:
            forward = set(self.forward)
            effects = [op for op in graph.effects() if op in forward] if graph.effects_in_order else []
        self.plan = lower.plan(
            wanted, effects, self.slots_in, label=f"tf.function {name}", in_order=self.effects is None, donate=False
        )  # fmt: skip
        self.reads, self.writes = list(self.plan.initial), list(self.plan.final)
        self.single = self._program(own)
        # Tapes follow the operations themselves where a program cannot say what they give.
        self.looks_up = gradients.looks_up(between(wanted), self.slots_in)
        self.inlined = own is not None and own.error is not None
        self.order = None
        if effects is not None and self.effects is None:
            add_control_inputs(graph)

    def _program(self, own):
        """The signature of a call node, where everything is one compiled stage with nothing static to be told."""
        p = self.plan
        if any(isinstance(s, stages.HostStage) for s in p.stages) or len(p.stages) > 1 or p.static_feeds:
            return None
        if any(s.aval.np.kind == "O" for s in (*p.feeds, *p.fetches)):  # text stays on the host
            return None
        if own is not None:
            self.reads = own.lower(self.slots_in, self.reads)
        parts = pure(p, self.reads)

        def body(*args):
            return tuple(run(parts, args) if own is None else own.call(lambda a: run(parts, a), args))

        wanted = [t._slot for t in self.outputs]
        nodes = sorted(between(wanted), key=by_order)
        found = gradients.flow(nodes, self.slots_in, self.reads)
        ties = [found.get(s, frozenset()) for s in wanted] + [frozenset()] * len(self.writes)
        sig = _CallSignature(STATEFUL_CALL if self.reads or self.writes else CALL, ties)
        sig.fn = body
        return sig

    # -- what users read ----------------------------------------------------------------------------------------------
    @property
    def inputs(self):
        """The placeholders of arguments (of a variable, of its handle), then those of captures."""
        return self.graph.inputs

    @property
    def outputs(self):
        """The tensors returned, in a flat list."""
        return [t for t in self.outputs_ if t is not None]

    @property
    def captured_inputs(self):
        """The tensors and the handles of variables from outside that the function uses."""
        held = [outside for outside, _ in self.captured] + [v.handle for v in self.graph.captured_variables]
        return held + [t for d in self.deferred for t in d.tensors()]

    @property
    def variables(self):
        """The variables that the function uses, without those it is given as arguments."""
        return self.graph.variables

    @property
    def trainable_variables(self):
        """Those of them that are trainable."""
        return self.graph.trainable_variables

    @property
    def structured_outputs(self):
        """What the Python function returned, with tensors of the graph in it."""
        return self.structure

    @property
    def structured_input_signature(self):
        """(args, kwargs) with specs for tensors; the names of TensorSpecs are those of the arguments."""
        return self.graph.structured_input_signature

    @property
    def output_shapes(self):
        """The static shapes of the results, in their structure."""
        return nest.map_structure(lambda t: t.shape if t is not None else None, self.structure)

    @property
    def output_dtypes(self):
        """The dtypes of the results, in their structure."""
        return nest.map_structure(lambda t: t.dtype if t is not None else None, self.structure)

    # -- captures that are changed --------------------------------------------------------------------------------------
    @property
    def _captured_inputs(self):
        return [outside for outside, _ in self.captured] + [d.tensors for d in self.deferred]

    def set_external_captures(self, captures):
        """Other tensors, or functions that give them for every call, in the place of `captured_inputs`."""
        insides = [inside for _, inside in self.captured] + [t for d in self.deferred for t in d.placeholders]
        self._capture(list(zip(captures, insides, strict=True)))

    def replace_capture_with_deferred_capture(self, tensor, closure, spec, placeholder=None, default_value=None):
        """`closure` gives, for every call, what `tensor` was captured for; ValueError where its `spec` does not fit."""
        held = [outside for outside, _ in self.captured]
        at = next((i for i, t in enumerate(held) if t is tensor), None)
        if placeholder is None and at is None:
            raise ValueError(
                f"Did not find `tensor` argument {tensor} in the ConcreteFunction's captured inputs list, and did not receive a "
                "placeholder argument. Thus we're unable to infer the internal placeholder."
            )
        placeholder = self.captured[at][1] if placeholder is None else placeholder
        if not (spec.is_compatible_with(tensor) or spec.is_compatible_with(placeholder)):
            raise ValueError(
                f"Attempting to substitute closure with spec {spec} that's incompatible with the original capture {tensor} or the "
                f"internal placeholder {placeholder}."
            )
        pairs = [(o, i) for o, i in self.captured if i is not placeholder]
        pairs += [(d.tensors, t) for d in self.deferred for t in d.placeholders]
        self._capture([*pairs, (closure, placeholder)])

    def _capture(self, pairs):
        self.captured = [(outside, inside) for outside, inside in pairs if not callable(outside)]
        self.deferred = [_Given(outside, inside) for outside, inside in pairs if callable(outside)]
        order = [inside for _, inside in self.captured] + [t for d in self.deferred for t in d.placeholders]
        place = {s: i for i, s in enumerate(self.slots_in)}
        self.slots_in = [t._slot for t in self.arguments] + [t._slot for t in order]
        moved = [place[s] for s in self.slots_in]
        self.plan.feeds = [self.plan.feeds[i] for i in moved]
        if self.single is not None:  # the program takes its inputs in the order it was made for
            body, n = self.single.fn, len(moved)
            back = [moved.index(i) for i in range(n)]
            ties = [frozenset([back[i] if i < n else i for i in tie]) for tie in self.single.between]
            self.single = _CallSignature(self.single.op, ties)
            self.single.fn = lambda *args: body(*[args[i] for i in back], *args[n:])

    # -- calling ------------------------------------------------------------------------------------------------------
    def call(self, inputs):
        """Runs (eager) or records (graph) the function on tensors and variables for its inputs; returns its structure."""
        if self.graph.outer_controls and context.graph is not None:
            waits = [op for op in self.graph.outer_controls if op.graph is context.graph]
            with control_dependencies(waits):
                return self._call(inputs)
        return self._call(inputs)

    def _call(self, inputs):
        variables = None
        if self.given:
            variables = {v: inputs[i] for i, v in self.given}
            inputs = [t for i, t in enumerate(inputs) if i not in {i for i, _ in self.given}]
        graph = context.graph
        if context.tapes and (self.looks_up or self.inlined) or graph is not None and self.inlined:
            flat = self._replay(inputs, variables)
        elif graph is None:
            if self.single is not None:
                flat = self._call_eager(inputs, variables)
            elif context.tapes:
                flat = self._replay(inputs, variables)
            else:
                flat = self._run_stages(inputs, variables)
        elif self.single is not None and all(hasattr(v, "trainable") for v in (*self.reads, *self.writes)):
            flat = self._call_graph(graph, inputs, variables)
        else:
            flat = self._replay(inputs, variables)
        return self._pack(flat)

    def _pack(self, flat):
        if self.structure.__class__ is SymbolicTensor:
            return flat[0]
        values = iter(flat)
        filled = [None if t is None else next(values) for t in self.outputs_]
        return nest.pack_sequence_as(self.structure, filled, expand_composites=True)

    def _all(self, tensors):
        """The tensors of the inputs, then those of the captures."""
        tensors = [*tensors, *[outside for outside, _ in self.captured]]
        for d in self.deferred:
            tensors += d.tensors()
        return tensors

    def _states(self, states, variables):
        """The variables (and random streams) of a call that stand for those of the trace."""
        return states if variables is None else [variables.get(v, v) for v in states]

    def _call_eager(self, tensors, variables):
        slots = [t._slot for t in self._all(tensors)]
        slots += [state_slot(v) for v in self._states(self.reads, variables)]
        slots = tuple(slots)
        sig = self.single
        avals = tuple([s.aval for s in slots])
        inferred = sig.cache.get(avals)
        if inferred is None:
            inferred = dispatch.inference.infer(sig, avals)
        if self.writes:
            dispatch.step_boundary()
        out = dispatch.record_special(sig, slots, inferred.avals)
        del slots  # what the function overwrites must have no other holder (dispatch._free)
        n = len(out) - len(self.writes)
        for v, t in zip(self._states(self.writes, variables), out[n:], strict=True):
            v._set(t)
        if self.writes or dispatch.op_by_op:
            dispatch.flush()
        return out[:n]

    def _run_stages(self, tensors, variables):
        """Eagerly, where the trace has host operations: stage by stage, as a session does."""
        plan = self.plan
        values = {s: value_of(t._slot) for s, t in zip(plan.feeds, self._all(tensors), strict=True)}
        for v, s in zip(self._states(plan.initial, variables), plan.initial.values(), strict=True):
            values[s] = value_of(state_slot(v))
        for stage in plan.stages:
            stage.run(values, None)
        for v, s in zip(self._states(plan.final, variables), plan.final.values(), strict=True):
            v._set(record.constant(values[s] if s in values else stages.constant(s)))
        return [record.constant(values[s] if s in values else stages.constant(s)) for s in plan.fetches]

    def _call_graph(self, graph, tensors, variables):
        reads, writes = self._states(self.reads, variables), self._states(self.writes, variables)
        # A Session may call a function to give a variable its first value: then there is none before, and no gradient by it.
        from ..ops.bodies import in_session_graph

        unread = set(self._states(self.plan.unread, variables)) if in_session_graph() else ()
        before = [
            OPS["Fill"].public(v.shape, np.zeros((), v.dtype.base_dtype.np)) if v in unread else v._dense_tensor()
            for v in reads
        ]
        ins = [*self._all(tensors), *before]
        full = graph.op_name(None, self.single.op.type)
        slots = tuple([record.capture(graph, t) for t in ins])
        inferred = dispatch.inference.infer_graph(
            self.single, tuple([aval(s.aval.dtype.base_dtype, s.aval.shape) for s in slots]), slots
        )
        n = len(inferred.avals) - len(writes)
        out = record.add_op(graph, self.single, ins, full, writes=tuple(writes), avals=inferred.avals[:n], single=False)
        return [] if n == 0 else out

    def _replay(self, tensors, variables):
        """The operations one by one in the current mode: for traces with host operations or random streams of their own."""
        place = dict(zip(self.slots_in, self._all(tensors), strict=True))
        if self.order is None:
            effects = self.effects
            if effects is None:
                effects = [op for op in self.forward if op.writes or op.sig.op.stateful]
            wanted = lower._needed([t._slot for t in self.outputs], effects, set(self.slots_in))
            self.order = sorted(wanted, key=lambda n: n.order)
        from ..ops.bodies import in_session_graph

        effects = replay_all(self.order, place, variables or {}, in_session_graph())
        outputs = [place[t._slot] for t in self.outputs]
        if not effects:
            return outputs
        with control_dependencies(effects):  # a Session runs them only for the sake of what waits for them
            return [OPS["Identity"].public(t) for t in outputs]


class _Given:
    """What a function gives for one placeholder, for every call."""

    def __init__(self, closure, placeholder):
        self.closure, self.placeholders = closure, [placeholder]

    def tensors(self):
        """The tensor now, in a list."""
        found = nest.flatten(self.closure(), expand_composites=True)
        return [record.convert_to_tensor(t, p.dtype) for t, p in zip(found, self.placeholders, strict=True)]
