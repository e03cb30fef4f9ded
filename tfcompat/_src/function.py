"""tf.function: Python traced once per signature into a FuncGraph, then called as one operation.

A `Function` holds the traces of one Python function; each is a `ConcreteFunction`: a graph, its inputs (arguments, then captures) and
outputs, and the variables it reads and writes.  Called eagerly, a trace that compiles to one program is recorded as one node (so it
can be differentiated and fused like any other); one with host operations is replayed operation by operation.
"""

from __future__ import annotations

import functools
import inspect
import threading
import weakref

import numpy as np

from . import dtypes, errors, nest, record
from .autograph import status
from .declare import OPS, OpDef, export
from .engine import dispatch, gradients, lower
from .graph import Graph, Signature, aval, context
from .own_gradient import OwnGradient, pure, run
from .tensor import EagerTensor, IndexedSlices, SymbolicTensor, Tensor
from .type_spec import TensorSpec


class FuncGraph(Graph):
    """The graph of a traced function: tensors from outside become captures, operations run in the order they were written."""

    building_function = True

    def __init__(self, name, outer=None):
        super().__init__()
        self.name = name
        self.outer_graph = outer
        self.captures: dict = {}  # slot outside -> (tensor outside, placeholder inside)
        self.created: list = []  # variables made while tracing
        outer_seed = outer.seed if outer is not None else context.seed and context.seed.graph_seed()
        self.seed = outer_seed

    def capture(self, tensor, name=None):
        """The tensor inside that stands for `tensor` outside."""
        slot = tensor._slot
        found = self.captures.get(slot)
        if found is None:
            if tensor.__class__ is SymbolicTensor and not self._is_outer(tensor.graph):
                raise errors.InaccessibleTensorError(
                    f"{tensor!r} is out of scope and cannot be used here. Use return values, explicit Python locals or TensorFlow "
                    "collections to access it."
                )
            inside = self.input(slot.aval, name or "captured")
            found = self.captures[slot] = (tensor, inside)
        return found[1]

    def _is_outer(self, graph):
        outer = self.outer_graph
        while outer is not None:
            if outer is graph:
                return True
            outer = outer.outer_graph
        return False

    def input(self, a, name):
        """A placeholder for an argument."""
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

    @property
    def inputs(self):
        return [inside for _, inside in self.captures.values()]

    @property
    def external_captures(self):
        return [outside for outside, _ in self.captures.values()]

    internal_captures = inputs


traced_graphs = None  # a list where the graphs traced are to be kept (tf.summary.trace_on)


def trace(python_function, name, args, kwargs, in_tensors=None):
    """Runs `python_function` inside a new FuncGraph; returns (graph, flat output tensors, what the function returned).

    `args`, `kwargs`: nests in which TensorSpecs become placeholders (collected in `in_tensors`).
    """
    outer = context.graph
    graph = FuncGraph(name, outer)
    tapes = dispatch.set_tapes([])
    context.push(graph)
    try:
        args, kwargs = _placeholders(graph, python_function, args, kwargs, in_tensors if in_tensors is not None else [])
        result = python_function(*args, **kwargs)
        flat = [_output(graph, v) for v in nest.flatten(result, expand_composites=True)]
    finally:
        context.pop()
        dispatch.set_tapes(tapes)
    if traced_graphs is not None:
        traced_graphs.append(graph)
    return graph, flat, result


def _placeholders(graph, function, args, kwargs, found):
    names = _argument_names(function, len(args))

    def replace(value, name):
        def one(v):
            if isinstance(v, TensorSpec):
                shape = None if v.shape.rank is None else tuple(v.shape.as_list())
                t = graph.input(aval(v.dtype, shape), v.name or name)
                t.op.attributes = {**(t.op.attributes or {}), "_user_specified_name": (v.name or name).encode()}
                found.append(t)
                return t
            return v

        return nest.map_structure(one, value, expand_composites=True)

    return [replace(a, n) for a, n in zip(args, names, strict=True)], {k: replace(v, k) for k, v in kwargs.items()}


def _argument_names(function, n):
    try:
        names = [
            p.name
            for p in inspect.signature(function).parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        names = []
    return (names + [f"args_{i}" for i in range(len(names), n)])[:n]


def _output(graph, value):
    """A returned value as a tensor of the graph; None and operations stay what they are."""
    if value is None:
        return None
    if isinstance(value, Tensor):
        return value if value.__class__ is SymbolicTensor and value.graph is graph else graph.capture(value)
    if hasattr(value, "control_inputs"):  # an Operation: nothing to return
        return None
    try:
        return record.convert_to_tensor(value)
    except (TypeError, ValueError) as e:
        raise TypeError(
            "To be compatible with tf.function, Python functions must return zero or more Tensors or ExtensionTypes or None values; "
            f"in compilation of {graph.name}, found return value of type {type(value).__name__}, which is not a Tensor or ExtensionType."
        ) from e


CALL = OpDef("PartitionedCall", lambda *args: args, alike=False)
OPS["PartitionedCall"] = CALL


class _CallSignature(Signature):
    """A traced function as one operation."""

    __slots__ = ("_depends",)

    def depends(self, avals):
        """Per result, the inputs it depends on."""
        try:
            known = self._depends
        except AttributeError:
            known = self._depends = {}
        if avals not in known:
            known[avals] = gradients.dependencies(self, avals)
        return known[avals]


class ConcreteFunction:
    """One trace: call it with tensors for its inputs."""

    def __init__(self, graph, inputs, outputs, structure, name, python_function=None, structured_inputs=None):
        self.graph, self.inputs_, self.outputs_, self.structure, self.name = graph, inputs, outputs, structure, name
        graph.structured_outputs = structure
        own = OwnGradient.of(
            graph, [t._slot for t in outputs if t is not None], [t._slot for t in (*inputs, *graph.inputs)], name
        )
        self.captured = list(graph.captures.values())
        self.python_function = python_function
        self.structured_input_signature = structured_inputs
        self.slots_in = [t._slot for t in inputs] + [inside._slot for _, inside in self.captured]
        wanted = [op for op in graph.operations if op.writes or op.sig.op.stateful and op.sig.op.host]
        self.plan = lower.plan(
            [t._slot for t in outputs if t is not None],
            wanted,
            self.slots_in,
            label=f"tf.function {name}",
            in_order=True,
            donate=False,
        )
        self.reads, self.writes = list(self.plan.initial), list(self.plan.final)
        self.single = self._program(own)
        self.order = None

    def _program(self, own):
        """The signature of a call node, where everything is one compiled stage with nothing static to be told."""
        p = self.plan
        if any(isinstance(s, lower.HostStage) for s in p.stages) or len(p.stages) > 1 or p.static_feeds:
            return None
        if any(s.aval.np.kind == "O" for s in (*p.feeds, *p.fetches)):  # text stays on the host
            return None
        if own is not None:
            self.reads = own.lower(self.slots_in, self.reads)
        parts = pure(p, self.reads)

        def body(*args):
            return tuple(run(parts, args) if own is None else own.call(lambda a: run(parts, a), args))

        sig = _CallSignature(CALL)
        sig.fn = body
        return sig

    # -- what users read ----------------------------------------------------------------------------------------------
    @property
    def inputs(self):
        return [*self.inputs_, *[inside for _, inside in self.captured]]

    @property
    def outputs(self):
        return [t for t in self.outputs_ if t is not None]

    @property
    def captured_inputs(self):
        return [outside for outside, _ in self.captured]

    @property
    def variables(self):
        return tuple([v for v in dict.fromkeys([*self.reads, *self.writes]) if hasattr(v, "trainable")])

    @property
    def trainable_variables(self):
        return tuple([v for v in self.variables if v.trainable])

    @property
    def structured_outputs(self):
        return self.structure

    @property
    def output_shapes(self):
        return nest.map_structure(lambda t: t.shape if t is not None else None, self.structure)

    @property
    def output_dtypes(self):
        return nest.map_structure(lambda t: t.dtype if t is not None else None, self.structure)

    def __call__(self, *args, **kwargs):
        flat = [a for a in nest.flatten((args, kwargs), expand_composites=True)]
        tensors = [
            a
            for a in flat
            if isinstance(a, (Tensor, np.ndarray, np.generic, float, int, bool, list))
            or hasattr(a.__class__, "_dense_tensor")
        ]
        if len(tensors) > len(self.inputs_):
            tensors = [a for a in tensors if isinstance(a, Tensor)]
        if len(tensors) != len(self.inputs_):
            raise TypeError(f"{self.name} takes {len(self.inputs_)} tensors, got {len(tensors)}")
        return self.call([record.convert_to_tensor(a, t.dtype) for a, t in zip(tensors, self.inputs_, strict=True)])

    # -- calling ------------------------------------------------------------------------------------------------------
    def call(self, tensors):
        """Runs (eager) or records (graph) the function on tensors for its inputs; returns the function's structure."""
        graph = context.graph
        if graph is None:
            flat = (
                self._call_eager(tensors)
                if self.single is not None
                else self._replay(tensors)
                if context.tapes
                else self._run_stages(tensors)
            )
        elif self.single is not None and all(hasattr(v, "trainable") for v in (*self.reads, *self.writes)):
            flat = self._call_graph(graph, tensors)
        else:
            flat = self._replay(tensors)
        return self._pack(flat)

    def _pack(self, flat):
        values = iter(flat)
        filled = [None if t is None else next(values) for t in self.outputs_]
        if self.structure.__class__ is SymbolicTensor:
            return filled[0]
        return nest.pack_sequence_as(self.structure, filled, expand_composites=True)

    def _call_eager(self, tensors):
        slots = [t._slot for t in tensors] + [outside._slot for outside, _ in self.captured]
        slots += [_state_slot(v) for v in self.reads]
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
        for v, t in zip(self.writes, out[n:], strict=True):
            v._set(t)
        if self.writes or dispatch.op_by_op:
            dispatch.flush()
        return out[:n]

    def _run_stages(self, tensors):
        """Eagerly, where the trace has host operations: stage by stage, as a session does."""
        plan = self.plan
        ins = [*tensors, *[outside for outside, _ in self.captured]]
        values = {s: _value_of(t._slot) for s, t in zip(plan.feeds, ins, strict=True)}
        for v, s in plan.initial.items():
            values[s] = _value_of(_state_slot(v))
        for stage in plan.stages:
            stage.run(values, None)
        for v, s in plan.final.items():
            v._set(record.constant(values[s] if s in values else lower.constant(s)))
        return [record.constant(values[s] if s in values else lower.constant(s)) for s in plan.fetches]

    def _call_graph(self, graph, tensors):
        ins = [*tensors, *[outside for outside, _ in self.captured]]
        ins += [v._dense_tensor() for v in self.reads]
        full = graph.op_name(None, "StatefulPartitionedCall" if self.writes else "PartitionedCall")
        slots = tuple([record.capture(graph, t) for t in ins])
        inferred = dispatch.inference.infer_graph(
            self.single, tuple([aval(s.aval.dtype.base_dtype, s.aval.shape) for s in slots]), slots
        )
        n = len(inferred.avals) - len(self.writes)
        out = record.add_op(
            graph, self.single, ins, full, writes=tuple(self.writes), avals=inferred.avals[:n], single=False
        )
        return [] if n == 0 else out

    def _replay(self, tensors):
        """The operations one by one in the current mode: for traces with host operations or random streams of their own."""
        place = {
            s: t for s, t in zip(self.slots_in, [*tensors, *[outside for outside, _ in self.captured]], strict=True)
        }
        if self.order is None:
            wanted = lower._needed(
                [t._slot for t in self.outputs],
                [op for op in self.graph.operations if op.writes or op.sig.op.stateful],
                set(self.slots_in),
            )
            self.order = sorted(wanted, key=lambda n: n.order)
        for op in self.order:
            out = replay(op, [place[s] for s in op.ins if s in place or _fail(op)])
            for s, t in zip(op.outs, out, strict=True):
                place.setdefault(s, t)
        return [place[t._slot] for t in self.outputs]


def _fail(op):
    raise AssertionError(f"{op.name} reads a tensor that was not produced")


def _value_of(slot):
    return slot.value if slot.value is not None else dispatch.demand(slot)


def _state_slot(variable):
    """The slot of a variable's value as an input of a call; tapes see the read."""
    if hasattr(variable, "_dense_tensor"):
        return variable._dense_tensor()._slot
    return variable._slot()


def replay(op, ins):
    """Records operation `op` again in the current mode on tensors `ins`; returns its output tensors."""
    sig, graph = op.sig, context.graph
    if sig.op.type == "Const":
        array = sig.settings["value"].array
        return [record.constant(array) if graph is None else record.const_of(graph, array, op.name)]
    if graph is not None:
        out = record.add_op(
            graph, sig, ins, graph.op_name(None, op.name), reads=op.reads, writes=op.writes, sub=(),
            avals=tuple([s.aval for s in op.outs]) if op.reads or op.writes or sig.op.host else None, single=False,
            attributes=op.attributes,
        )  # fmt: skip
        out = list(out) if isinstance(out, (list, tuple)) else [out] if isinstance(out, Tensor) else []
        if op.gradient is not None and out:
            out[0].op.gradient = op.gradient
        return out
    fixed_free = tuple([t._slot for t in ins])
    eagerly = getattr(sig.op, "run_eagerly", None)
    if eagerly is not None:  # a branch or loop with host operations: its bodies are replayed in turn
        return eagerly(op, ins)
    if sig.op.host:
        slots = (*fixed_free, *[_state_slot(v) for v in op.reads])
        args = [np.asarray(s.value if s.value is not None else dispatch.demand(s)) for s in slots]
        values = [record.constant(v) for v in lower.run_host(sig, args, op, None)]
        for v, t in zip(op.writes, values[len(op.outs) :], strict=True):
            v._set(t)
        return values[: len(op.outs)]
    if sig.op.type == "ReadVariableOp":  # a read starts a history of its own, which tapes follow
        return [op.reads[0]._dense_tensor()]
    positions = dispatch.inference.static_positions(sig, len(ins))
    if positions:
        fixed = dict(sig.fixed)
        names = (
            [i for i in range(len(sig.op.inputs)) if i not in sig.fixed]
            if not sig.op.variadic
            else list(range(len(ins)))
        )
        for p in positions:
            fixed[names[p]] = record.shape_array(ins[p])
        sig = sig.op.signature(sig.settings, fixed)
        fixed_free = tuple([t._slot for i, t in enumerate(ins) if i not in positions])
    slots = (*fixed_free, *[_state_slot(v) for v in op.reads])
    if op.gradient is not None:
        return dispatch.record_special(
            sig, slots, dispatch.inference.infer(sig, tuple([s.aval for s in slots])).avals, gradient=op.gradient
        )
    out = dispatch.record(sig, slots)
    out = out if isinstance(out, list) else [out]
    for v, t in zip(op.writes, out[len(op.outs) :], strict=True):
        v._set(t)
    return out[: len(op.outs)]


# -- tf.function ---------------------------------------------------------------------------------------------------------
class Function:
    """A Python function and its traces; what @tf.function returns."""

    def __init__(
        self, python_function, name=None, input_signature=None, autograph=True, jit_compile=None, reduce_retracing=False,
        autograph_options=None, attributes=None,
    ):  # fmt: skip
        functools.update_wrapper(self, python_function)
        self.python_function = self._python_function = python_function
        self._name = name or getattr(python_function, "__name__", "function")
        self._input_signature = None if input_signature is None else tuple(input_signature)
        self._autograph, self._jit_compile, self._reduce_retracing = autograph, jit_compile, reduce_retracing
        self._experimental_autograph_options, self._attributes = autograph_options, dict(attributes or {})
        self._traces: dict = {}
        self._lock = threading.RLock()
        self._bound = weakref.WeakKeyDictionary()
        self._created_variables = False
        self._signature = None
        self._key_owner = None

    @property
    def input_signature(self):
        return self._input_signature

    @property
    def function_spec(self):
        return self

    def experimental_get_tracing_count(self):
        """How often the Python function was traced."""
        return len(self._traces)

    def _clone(self, python_function=None):
        """A Function of the same settings, without traces, of another Python function (default: of the same)."""
        return Function(
            self.python_function if python_function is None else python_function, self._name, self._input_signature, self._autograph,
            self._jit_compile, self._reduce_retracing, self._experimental_autograph_options, self._attributes,
        )  # fmt: skip

    def _decorate(self, decorator):
        """Puts `decorator` around the Python function; ValueError once it was traced."""
        if self._traces:
            raise ValueError(
                f"Functions cannot be decorated after they have been traced. The function {self._name} has been traced already."
            )
        self.python_function = self._python_function = decorator(self.python_function)
        self._signature = None

    def _list_all_concrete_functions(self):
        """All traces."""
        return list(self._traces.values())

    def __get__(self, instance, owner):
        if instance is None:
            return self
        # In the instance itself, so that both go together: a table of functions here would keep every instance alive.
        held = getattr(instance, "__dict__", None)
        held = self._bound if held is None else held
        key = f"_tf_function_{id(self)}" if held is not self._bound else instance
        bound = held.get(key)
        if bound is None:
            bound = held[key] = self._clone(self.python_function.__get__(instance, owner))
        return bound

    def __call__(self, *args, **kwargs):
        if _run_eagerly:
            return self.python_function(*args, **kwargs)
        concrete, tensors = self._concrete(args, kwargs)
        return concrete.call(tensors)

    def _canonical(self, args, kwargs):
        """Arguments by position with defaults filled in, as TensorFlow groups calls."""
        if self._signature is None:
            try:
                self._signature = inspect.signature(self.python_function)
            except (TypeError, ValueError):
                self._signature = False
        if not self._signature or not kwargs and self._plain(len(args)):
            return list(args), kwargs
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return list(bound.args), dict(bound.kwargs)

    def _plain(self, n):
        known = self.__dict__.setdefault("_plain_counts", {})
        if n not in known:
            parameters = list(self._signature.parameters.values())
            known[n] = len(parameters) == n and all(
                p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters
            )
        return known[n]

    def _concrete(self, args, kwargs):
        """(the trace for these arguments, the tensors to call it with)."""
        args, kwargs = self._canonical(args, kwargs)
        if self._input_signature is not None:
            args, kwargs = self._by_signature(args, kwargs)
        tensors: list = []
        key = [_argument_key(a, tensors) for a in args]
        if kwargs:
            key += [(k, _argument_key(kwargs[k], tensors)) for k in sorted(kwargs)]
        if self._input_signature is not None:
            specs = self._tensor_specs()
            key = ["signature", *[k for k in key if not _says_only_tensors(k)]]
            tensors = [_fit(t, s, i) for i, (t, s) in enumerate(zip(tensors, specs, strict=True))]
        key = (context.graph if context.graph is not None and not context.graph.building_function else None, tuple(key))
        try:
            concrete = self._traces.get(key)
        except TypeError as e:
            raise TypeError(
                f"Arguments of the tf.function {self._name} must be tensors, nests of tensors or hashable: {e}"
            ) from None
        if concrete is None:
            with self._lock:
                concrete = self._traces.get(key)
                if concrete is None:
                    concrete = self._traces[key] = self._trace(args, kwargs)
        return concrete, tensors

    def _tensor_specs(self):
        """The specs of the input signature; of a composite, one for each of its tensors."""
        return [p for s in nest.flatten(self._input_signature) for p in getattr(s, "_component_specs", [s])]

    def _by_signature(self, args, kwargs):
        if kwargs:
            raise TypeError(f"{self._name}: keyword arguments {sorted(kwargs)} are not covered by input_signature.")
        if len(args) < len(self._input_signature) or len(args) > len(self._input_signature):
            extra = args[len(self._input_signature) :]
            if len(args) < len(self._input_signature) or any(isinstance(a, (Tensor, np.ndarray)) for a in extra):
                raise TypeError(
                    f"{self._name} takes {len(self._input_signature)} arguments by its input_signature, got {len(args)}."
                )
        out = []
        for a, s in zip(args, self._input_signature, strict=False):
            out.append(nest.map_structure_up_to(s, _as_specified, s, a))
        return out + list(args[len(out) :]), kwargs

    def _trace(self, args, kwargs):
        specs = None
        if self._input_signature is not None:
            specs = iter(self._tensor_specs())

        def spec(value):
            if isinstance(value, (EagerTensor, SymbolicTensor)):
                if specs is not None:
                    return next(specs)
                return TensorSpec(value.shape, value.dtype.base_dtype)
            if isinstance(value, np.ndarray) or isinstance(value, np.generic):
                return TensorSpec(value.shape, dtypes.as_dtype(value.dtype))
            return value

        args = [nest.map_structure(spec, a, expand_composites=True) for a in args]
        kwargs = {k: nest.map_structure(spec, v, expand_composites=True) for k, v in kwargs.items()}
        first = not self._created_variables and not self._traces
        for attempt in (0, 1):
            inputs: list = []
            graph, flat, result = trace(self._converted(), self._name, args, kwargs, inputs)
            if not graph.created:
                break
            if not first or attempt:
                raise ValueError(
                    "tf.function only supports singleton tf.Variables created on the first call. Make sure the tf.Variable is only "
                    "created once or created outside tf.function."
                )
            self._created_variables = True
        structure = nest.map_structure(lambda v: v, result, expand_composites=True)
        return ConcreteFunction(graph, inputs, flat, structure, self._name, self.python_function, (tuple(args), kwargs))

    def _converted(self):
        """What is traced: the Python function, by AutoGraph where it may have control flow over tensors."""
        function = self.python_function
        if (
            not self._autograph
            or not status.installed()
            or status.current() == status.DISABLED
            or status.is_marked(function)
        ):
            return function
        made = self.__dict__.get("_for_tracing")
        if made is None:
            from .autograph import scan

            if self._experimental_autograph_options is None and not scan.has_control_flow(function):
                return function
            from .autograph.convert import converted

            made = self._for_tracing = converted(function, self._experimental_autograph_options)
        return made

    def get_concrete_function(self, *args, **kwargs):
        """The trace for these tensors or TensorSpecs."""
        if not args and not kwargs and self._input_signature is not None:
            args = self._input_signature
        args, kwargs = self._canonical(args, kwargs)
        tensors: list = []
        key = [_argument_key(a, tensors) for a in args] + [
            (k, _argument_key(kwargs[k], tensors)) for k in sorted(kwargs)
        ]
        key = (None, tuple(key)) if self._input_signature is None else (None, ("signature",))
        concrete = self._traces.get(key)
        if concrete is None:
            concrete = self._traces[key] = self._trace(args, kwargs)
        return concrete

    def experimental_get_compiler_ir(self, *args, **kwargs):
        """A function of `stage` that gives what XLA gets for these arguments, or makes of it (compiler_ir.py)."""
        from .compiler_ir import compiler_ir

        return compiler_ir(self.get_concrete_function(*args, **kwargs), args, kwargs)


def _as_specified(spec, value):
    """An argument as its spec in the input signature asks: a tensor of its dtype, or a composite as it is; TypeError where it does not fit."""
    if not hasattr(spec, "_component_specs"):
        return record.convert_to_tensor(value, spec.dtype)
    if not spec.is_compatible_with(value):
        raise TypeError(f"Python inputs incompatible with input_signature: {value!r} does not match {spec!r}")
    return value


def _argument_key(value, tensors):
    """What of an argument decides which trace it needs; tensors are collected."""
    kind = value.__class__
    if kind is EagerTensor or kind is SymbolicTensor:
        tensors.append(value)
        return "t", value._slot.aval
    if kind is np.ndarray or isinstance(value, np.generic):
        tensor = record.convert_to_tensor(value)
        tensors.append(tensor)
        return "t", tensor._slot.aval
    if kind is int or kind is float or kind is str or kind is bool or value is None:
        return kind, value
    if kind is list or kind is tuple:
        return (kind, *[_argument_key(v, tensors) for v in value])
    if kind is dict:
        return (kind, *[(k, _argument_key(value[k], tensors)) for k in sorted(value, key=str)])
    if kind is TensorSpec:
        return "t", aval(value.dtype, None if value.shape.rank is None else tuple(value.shape.as_list()))
    if hasattr(kind, "_dense_tensor"):
        return "variable", id(value), _Alive(value)
    if isinstance(value, IndexedSlices) or nest.is_nested(value) or hasattr(value, "_with_values"):
        return (kind, *[_argument_key(v, tensors) for v in nest.flatten(value, expand_composites=True)])
    try:
        hash(value)
    except TypeError:
        return "id", id(value), _Alive(value)
    return "object", value


def _says_only_tensors(key):
    """Whether an argument's key speaks of tensors only, whose shapes an input signature settles."""
    return (
        isinstance(key, tuple)
        and bool(key)
        and (key[0] == "t" or len(key) > 1 and all(map(_says_only_tensors, key[1:])))
    )


class _Alive:
    """Keeps an object alive inside a key that contains its id; all are equal."""

    __slots__ = ("thing",)

    def __init__(self, thing):
        self.thing = thing

    def __eq__(self, other):
        return isinstance(other, _Alive)

    def __hash__(self):
        return 0


def _fit(tensor, spec, i):
    if not spec.is_compatible_with(tensor):
        raise TypeError(
            f"Python inputs incompatible with input_signature: argument {i} is {TensorSpec(tensor.shape, tensor.dtype)}, expected {spec}."
        )
    return tensor


_run_eagerly = False


@export("config.run_functions_eagerly config.experimental_run_functions_eagerly")
def run_functions_eagerly(run_eagerly):
    """Whether tf.functions run as plain Python."""
    global _run_eagerly
    _run_eagerly = bool(run_eagerly)


@export("config.functions_run_eagerly config.experimental_functions_run_eagerly")
def functions_run_eagerly():
    """Whether tf.functions run as plain Python."""
    return _run_eagerly


@export("function")
def function(func=None, input_signature=None, autograph=True, jit_compile=None, reduce_retracing=False,
             experimental_implements=None, experimental_autograph_options=None, experimental_attributes=None,
             experimental_relax_shapes=None, experimental_compile=None, experimental_follow_type_hints=None):  # fmt: skip
    """Compiles a Python function: traced once per signature of its arguments, called as one operation."""

    def decorate(python_function):
        return Function(
            python_function, None, input_signature, autograph, experimental_compile if jit_compile is None else jit_compile,
            experimental_relax_shapes if experimental_relax_shapes is not None else reduce_retracing,
            experimental_autograph_options,
            {**({"_implements": experimental_implements} if experimental_implements is not None else {}), **(experimental_attributes or {})},
        )  # fmt: skip

    return decorate if func is None else decorate(func)
