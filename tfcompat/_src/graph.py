"""The recorded program: what an operation, a tensor's place in it and a graph are.

One page to read first.  Every TensorFlow call becomes a `Node`: a `Signature` (which op, with which static settings) applied to
the places its inputs come from.  A node's outputs are places too:

    Slot        eager: filled with a value once dispatched; until then its `node` says how to compute it
    GraphSlot   graph mode: never holds a value, and knows the user's tensor

`.node`, `.index`, `.aval` and `.value` of a slot are all the engine looks at: linearizing, differentiating and compiling do not
know whether a Session, a tape or a `tf.function` is asking.  The user's tensor (tensor.py) is a handle on a slot.  An `Operation` is a
node that also has a name, a graph and control inputs.  What runs a node is `sig.apply(inputs) -> outputs`, a pure function of arrays.
"""

from __future__ import annotations

import contextlib
import itertools
import threading

import numpy as np

from . import dtypes


class Aval:
    """What is known about a tensor before it has a value: its dtype and static shape.  Interned, so it compares by identity."""

    __slots__ = ("dtype", "shape", "np", "differentiable", "small_int", "known")

    def __init__(self, dtype, shape):
        self.dtype, self.shape, self.np = dtype, shape, dtype.np
        self.differentiable = dtype.is_floating or dtype.is_complex
        self.known = shape is not None and None not in shape
        size = int(np.prod(shape, dtype=np.int64)) if self.known else -1
        # Shapes and what is computed from them: such tensors are computed on the host when their inputs are known there.
        self.small_int = dtype.is_integer and 0 <= size <= 64

    def __repr__(self):
        return f"{self.dtype.name}{'?' if self.shape is None else list(self.shape)}"


_avals: dict = {}


def aval(dtype, shape) -> Aval:
    """The interned `Aval` of a DType and a shape (tuple of int or None, or None for unknown rank)."""
    key = (dtype, shape)
    found = _avals.get(key)
    if found is None:
        found = _avals.setdefault(key, Aval(dtype, shape))
    return found


def aval_of(value) -> Aval:
    """The Aval of a NumPy or JAX array."""
    return aval(dtypes.as_dtype(value.dtype), value.shape)


class PlainOp:
    """Base of what stands where an OpDef would: the answers of an op without peculiarities to what the engine asks."""

    gradient = abstract = dtypes = shapes = results = inert = twin = None
    static = own = frozenset()
    verifies = False


class Signature:
    """An op with its static settings: the unit of caching.  Interned per op, so it hashes by identity.

    `fixed` holds inputs that were already known when the op was recorded (a shape, a padding) or are absent (None), by position.
    """

    __slots__ = ("op", "settings", "fixed", "fn", "cache")
    depends = None  # where not every output depends on every input: f(input avals) -> input positions per output
    flows = None  # where a gradient reaches fewer inputs than that: the same

    def __init__(self, op, settings=None, fixed=None):
        self.op, self.settings, self.fixed = op, settings or {}, fixed or {}
        self.cache = {}  # input avals -> tuple of output avals
        kernel = op.kernel
        if self.settings or self.fixed:
            settings, fixed = self.settings, sorted(self.fixed.items())

            def fn(*args, _kernel=kernel):
                if fixed:
                    args = list(args)
                    for position, value in fixed:
                        args.insert(position, value)
                return _kernel(*args, **settings)

            self.fn = fn
        else:
            self.fn = kernel

    def apply(self, args):
        """The outputs, as a tuple, for concrete or traced `args` (without the fixed ones)."""
        out = self.fn(*args)
        return tuple(out) if isinstance(out, (tuple, list)) else (out,)

    def __repr__(self):
        return f"{self.op.type}{self.settings or ''}"


class Slot:
    """The place of one output of a recorded operation; `value` is a NumPy or JAX array once known, and then its producer is let go.

    Eagerly a pending slot belongs to a `segment` of its thread's trace and `index` is its number there (engine/dispatch.py); the
    nodes of a segment are made when somebody asks for `node`.
    """

    __slots__ = ("_node", "index", "aval", "value", "segment")

    def __init__(self, node, index, aval, value=None, segment=None):
        self._node, self.index, self.aval, self.value, self.segment = node, index, aval, value, segment

    @property
    def node(self):
        if self._node is None and self.segment is not None:
            self.segment.materialize()
            if self._node is None:  # a variable's read of a pending value: the same number as the value, another slot
                self._node = self.segment.alias(self)
        return self._node

    @node.setter
    def node(self, node):
        self._node = node


class GraphSlot(Slot):
    """The place of one output of a graph's operation; `tensor` is the user's SymbolicTensor."""

    __slots__ = ("tensor",)


class Node:
    """A recorded application of a signature: `ins` and `outs` are slots, `order` grows with every record of the process."""

    __slots__ = ("sig", "ins", "outs", "order")

    control_inputs: tuple = ()
    reads: tuple = ()
    writes: tuple = ()
    sub: tuple = ()  # the nodes a gradient node differentiates (engine/gradients.py)
    state_ins: tuple = ()  # slots that stand for the values of `reads` before it runs, where a gradient may need them

    def __init__(self, sig, ins, order):
        self.sig, self.ins, self.order = sig, ins, order
        self.outs = ()


next_order = itertools.count(0, 1 << 20).__next__  # the lines of an eager segment are numbered in between


class Context(threading.local):
    """What a thread is doing: which graph it builds (None: eager), which tapes record, what is pending.

    One object, attributes only: reading it is on the path of every recorded op.
    """

    def __init__(self):
        self.stack = []  # graphs entered with as_default(), tf.function traces, init_scope's None
        self.eager = _process.eager
        self.graph = None if _process.eager else _process.default_graph()
        self.tapes = []
        self.trace = None  # the engine's pending eager operations (dispatch.py)
        self.segment = None  # the part of it that is being recorded
        self.sessions = []
        self.seed = None  # eager random state (random_seeds.py)
        self.device = []

    def push(self, graph):
        self.stack.append(self.graph)
        self.graph = graph

    def pop(self):
        self.graph = self.stack.pop()


class _Process:
    """Process-wide defaults that a new thread starts from."""

    eager = True
    _graph = None

    def default_graph(self):
        if self._graph is None:
            self._graph = Graph()
        return self._graph


_process = _Process()


class Graph:
    """tf.Graph: recorded operations with TensorFlow's names, scopes, collections and seeds."""

    building_function = False

    def __init__(self):
        self.operations: list = []
        self._by_name: dict = {}
        self._names_in_use: dict = {}
        self._name_stack = ""
        self._control: list = []  # stack of frozensets-as-tuples of operations; None resets
        self._collections: dict = {}
        self._devices: list = []
        self._gradient_overrides: dict = {}
        self._colocation: list = []  # stack of the groups that new operations belong to
        self._finalized = False
        self._original = None
        self._lock = threading.RLock()
        self.seed = None
        self.op_seed_counter = 0
        self.version_floor = 0
        self.variable_scope_store = None  # made by scopes.py on first use
        self.outer_graph = None
        self.extra: dict = {}  # caches of other rooms (session plans, learning phase ...), by their own key

    # -- names --------------------------------------------------------------------------------------------------------
    def unique_name(self, name, mark_as_used=True):
        """`name` inside the current name scope, made unique as TensorFlow does: mul, mul_1, mul_2 (case is ignored)."""
        if self._name_stack:
            name = self._name_stack + "/" + name
        key = name.lower()
        count = self._names_in_use.get(key, 0)
        if mark_as_used:
            self._names_in_use[key] = count + 1
        if count > 0:
            base = key
            while key in self._names_in_use:
                key = f"{base}_{count}"
                count += 1
            if mark_as_used:
                self._names_in_use[base] = count
                self._names_in_use[key] = 1
            name = f"{name}_{count - 1}"
        return name

    def _check_open(self):
        if self._finalized:
            raise RuntimeError("Graph is finalized and cannot be modified.")

    def op_name(self, name, default):
        """The full name of a new op.  A name ending in '/' is used as it stands (a scope re-entered)."""
        if name:
            if name.__class__ is bytes:
                name = name.decode()
            if name[-1] == "/":
                return name[:-1]
            return self.unique_name(name)
        return self.unique_name(default)

    # -- recording ----------------------------------------------------------------------------------------------------
    def add(self, operation):
        self._check_open()
        self.operations.append(operation)
        self._by_name[operation.name] = operation

    @property
    def version(self):
        return len(self.operations)

    def as_graph_def(self, from_version=None, add_shapes=False, use_pybind11_proto=False):
        """The graph as a GraphDef message: the operations added since `from_version`; with `add_shapes` their static shapes.

        Raises NotImplementedError for use_pybind11_proto, which asks for a message of C++.
        """
        if use_pybind11_proto:
            raise NotImplementedError(
                "Graph.as_graph_def(use_pybind11_proto=True): there is no C++ message; leave it out"
            )
        from .graph_def.export import graph_def

        return graph_def(self, from_version, add_shapes)

    @property
    def graph_def_versions(self):
        """The versions of the GraphDef, a VersionDef message."""
        return self.as_graph_def(from_version=len(self.operations)).versions

    @contextlib.contextmanager
    def _original_op(self, op):
        """Operations made here remember that they stand for `op`."""
        before, self._original = self._original, op
        try:
            yield
        finally:
            self._original = before

    # -- default graph ------------------------------------------------------------------------------------------------
    def as_default(self):
        return _AsDefault(self)

    def finalize(self):
        self._finalized = True

    @property
    def finalized(self):
        return self._finalized

    # -- collections --------------------------------------------------------------------------------------------------
    def add_to_collection(self, name, value):
        self._check_open()
        self._collections.setdefault(name, []).append(value)

    def add_to_collections(self, names, value):
        for name in (names,) if isinstance(names, str) else dict.fromkeys(names):
            self.add_to_collection(name, value)

    def get_collection_ref(self, name):
        return self._collections.setdefault(name, [])

    def get_collection(self, name, scope=None):
        items = self._collections.get(name, [])
        if scope is None:
            return list(items)
        import re

        pattern = re.compile(scope)
        return [i for i in items if hasattr(i, "name") and pattern.match(i.name)]

    def get_all_collection_keys(self):
        return [k for k in self._collections if isinstance(k, str)]

    def clear_collection(self, name):
        self._check_open()
        self._collections.pop(name, None)

    @property
    def collections(self):
        return self.get_all_collection_keys()

    # -- looking things up --------------------------------------------------------------------------------------------
    def get_operations(self):
        return list(self.operations)

    def get_operation_by_name(self, name):
        if not isinstance(name, str):
            raise TypeError(f"Operation names are strings (or similar), not {type(name).__name__}.")
        return self.as_graph_element(name, allow_tensor=False, allow_operation=True)

    def get_tensor_by_name(self, name):
        if not isinstance(name, str):
            raise TypeError(f"Tensor names are strings (or similar), not {type(name).__name__}.")
        return self.as_graph_element(name, allow_tensor=True, allow_operation=False)

    def as_graph_element(self, obj, allow_tensor=True, allow_operation=True):
        """The Tensor or Operation that `obj` (a name or an object of this graph) stands for.

        Raises KeyError for an unknown name, ValueError for a malformed one or another graph's object, TypeError otherwise.
        """
        from . import tensor as tensors

        if not allow_tensor and not allow_operation:
            raise ValueError("allow_tensor and allow_operation can't both be False.")
        kinds = " or ".join(k for k, on in (("Tensor", allow_tensor), ("Operation", allow_operation)) if on)
        convert = getattr(obj, "_as_graph_element", None)
        if convert is not None:
            obj = convert()
        if isinstance(obj, bytes):
            obj = obj.decode()
        if isinstance(obj, str):
            return self._element_by_name(obj, allow_tensor, allow_operation)
        if isinstance(obj, tensors.SymbolicTensor) and allow_tensor:
            if obj.graph is not self:
                raise ValueError(f"Tensor {obj} is not an element of this graph.")
            return obj
        if isinstance(obj, Operation) and allow_operation:
            if obj.graph is not self:
                raise ValueError(f"Operation {obj} is not an element of this graph.")
            return obj
        raise TypeError(f"Can not convert a {type(obj).__name__} into a {kinds}.")

    def _element_by_name(self, name, allow_tensor, allow_operation):
        op_name, colon, index = name.partition(":")
        if colon and allow_tensor:
            if not index.isdigit() or ":" in index:
                raise ValueError(
                    f"The name {name!r} looks a like a Tensor name, but is not a valid one. "
                    'Tensor names must be of the form "<op_name>:<output_index>".'
                )
            op = self._by_name.get(op_name)
            if op is None:
                raise KeyError(
                    f"The name {name!r} refers to a Tensor which does not exist. "
                    f"The operation, {op_name!r}, does not exist in the graph."
                )
            if int(index) >= len(op.outs):
                raise KeyError(
                    f"The name {name!r} refers to a Tensor which does not exist. "
                    f"The operation, {op_name!r}, exists but only has {len(op.outs)} outputs."
                )
            return op.outs[int(index)].tensor
        if colon:
            raise ValueError(f"Name {name!r} appears to refer to a Tensor, not a Operation.")
        if not allow_operation:
            if name in self._by_name:
                raise ValueError(
                    f"The name {name!r} refers to an Operation, not a Tensor. "
                    'Tensor names must be of the form "<op_name>:<output_index>".'
                )
            raise ValueError(
                f"The name {name!r} looks like an (invalid) Operation name, not a Tensor. "
                'Tensor names must be of the form "<op_name>:<output_index>".'
            )
        if name not in self._by_name:
            raise KeyError(f"The name {name!r} refers to an Operation not in the graph.")
        return self._by_name[name]

    # -- scopes: name_scope, control_dependencies, device ...: see scopes.py, which attaches the context managers -------
    def control_inputs_now(self):
        """The operations that an op created now must wait for."""
        waiting = []
        for ops in self._control:
            waiting = [] if ops is None else waiting + [o for o in ops if o not in waiting]
        return waiting

    def is_feedable(self, tensor):
        return tensor not in self.extra.get("unfeedable", ())

    def is_fetchable(self, tensor_or_op):
        return tensor_or_op not in self.extra.get("unfetchable", ())

    def prevent_feeding(self, tensor):
        self.extra.setdefault("unfeedable", set()).add(tensor)

    def prevent_fetching(self, op):
        self.extra.setdefault("unfetchable", set()).add(op)


class _AsDefault:
    """`with graph.as_default() as g:` also usable many times and, by Session, entered and left by hand."""

    def __init__(self, graph):
        self.graph = graph

    def __enter__(self):
        context.push(self.graph)
        return self.graph

    def __exit__(self, *exc):
        context.pop()


class Operation(Node):
    """A node of a graph: named, with control inputs, and with the variables it reads and writes (effects are declared)."""

    __slots__ = (
        "name", "graph", "control_inputs", "reads", "writes", "sub", "gradient", "made_at", "device", "attributes", "state_ins",
        "_original_op", "colocated",
        "__weakref__",
    )  # fmt: skip

    def __init__(self, graph, sig, ins, name, control_inputs=(), reads=(), writes=(), made_at=None, sub=()):
        super().__init__(sig, tuple(ins), next_order())
        self.sub, self.state_ins = sub, ()
        self.graph, self.name, self.control_inputs = graph, name, list(control_inputs)
        self.reads, self.writes, self.made_at = reads, writes, made_at
        self.device = graph._devices[-1] if graph._devices else ""
        self.attributes = None
        self.colocated = graph._colocation[-1] if graph._colocation else ()
        self._original_op = graph._original
        self.gradient = None  # a gradient function of this operation's own (custom_gradient, gradient_override_map)
        if graph._gradient_overrides:
            from .custom_gradient import override_for

            self.gradient = override_for(graph, sig.op.type)
        graph.add(self)

    @property
    def type(self):
        return self.sig.op.type

    @property
    def op_def(self):
        """What TensorFlow's registry says of the op, an OpDef message."""
        from .graph_def.signatures import op_def

        return op_def(self.type)

    @property
    def node_def(self):
        """The operation as a NodeDef message."""
        from .graph_def.export import node_def

        return node_def(self)

    @property
    def traceback(self):
        """Where the user's code made this operation, as traceback frames."""
        import traceback

        return [traceback.FrameSummary(*self.made_at, "<module>", lookup_line=False)] if self.made_at else []

    @property
    def inputs(self):
        """The tensors this operation reads; the variable it works on (w:0, a handle) comes first, as in TensorFlow."""
        ref = self.attributes.get("ref") if self.attributes else None
        found = [s.tensor for s in self.ins]
        return found if ref is None else [ref, *found]

    @property
    def outputs(self):
        return [s.tensor for s in self.outs]

    def values(self):
        return tuple(self.outputs)

    def get_attr(self, name):
        """The setting `name`; ValueError where the op has none of that name."""
        if name == "_class" and self.colocated:
            return list(self.colocated)
        if self.attributes and name in self.attributes:
            return self.attributes[name]
        if name in self.sig.settings:
            return self.sig.settings[name]
        if name in ("T", "dtype", "DType") and (self.outputs or self.inputs):
            return (self.outputs or self.inputs)[0].dtype
        raise ValueError(f"Operation '{self.name}' has no attr named '{name}'.")

    def colocation_groups(self):
        """The names of the groups this operation was put with (tf.colocate_with), else its own."""
        return list(self.colocated) or [b"loc:@" + self.name.encode()]

    def _get_control_flow_context(self):
        return None  # bodies of conditionals and loops have graphs of their own

    def run(self, feed_dict=None, session=None):
        """Runs this operation in `session` (default: the current one)."""
        from . import session as sessions

        sessions.session_for(session, self.graph, "run()").run(self, feed_dict)

    def __repr__(self):
        return f"<tf.Operation '{self.name}' type={self.type}>"

    def __str__(self):
        return str(self.node_def)


context = Context()


def current_graph() -> Graph:
    """The graph ops are being added to, or the process's default graph when the thread is eager."""
    return context.graph if context.graph is not None else _process.default_graph()


def executing_eagerly() -> bool:
    return context.graph is None


def set_eager(on: bool):
    """Switches the process between TF2's eager default and TF1's graph mode."""
    _process.eager = on
    context.eager = on
    context.graph = None if on else _process.default_graph()


def reset_default_graph():
    """Clears the default graph.  Raises AssertionError inside a nested graph, as TensorFlow does."""
    if any(g is not None for g in context.stack[1:]) or (context.stack and context.graph is not _process._graph):
        raise AssertionError(
            "Do not use tf.reset_default_graph() to clear nested graphs. If you need a cleared graph, exit the nesting and "
            "create a new graph."
        )
    _process._graph = Graph()
    if context.graph is not None:
        context.graph = _process._graph
