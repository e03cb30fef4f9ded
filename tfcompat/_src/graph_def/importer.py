"""tf.import_graph_def: the nodes of a GraphDef as operations of the current graph.

Each node calls the function that tfcompat has for its type: tf.raw_ops' of that name, or the declared op's own, with the inputs and
attributes that TensorFlow's registry names.  builders.py has the few types that need more.  What nobody can build is refused before
anything is, all types at once.
"""

from __future__ import annotations

import functools
import heapq
import inspect
import types

from ..declare import NAMES, OPS, export
from ..device_scopes import device
from ..graph import Operation, context, current_graph
from ..record import convert_to_tensor
from ..scopes import control_dependencies, name_scope
from . import builders, signatures
from .export import FORM, PRODUCER, PROGRAM
from .messages import GraphDef, NodeDef
from .values import python_value, shape_of

# Attributes that say how or where TensorFlow computes, not what.
_HINTS = {
    "use_locking", "container", "shared_name", "use_cudnn_on_gpu", "cudnn_on_gpu", "grad_a", "grad_b", "grad_x", "grad_y", "debug_name",
    "allowed_devices", "validate_indices", "index_type", "Tshape", "Tpaddings", "Tdim", "Tidx", "Index", "Tperm", "Tlen", "Taxis",
    "Tindices", "Tmultiples", "U", "Tout", "T", "DstT", "SrcT", "Truncate",
}  # fmt: skip


@export("import_graph_def", v1="import_graph_def graph_util.import_graph_def")
def import_graph_def(graph_def, input_map=None, return_elements=None, name=None, op_dict=None, producer_op_list=None):
    """Adds the operations of a GraphDef to the current graph, below `name` (default "import").

    input_map: {"name:0" of the GraphDef: tensor to use instead}; returns what `return_elements` ("op", "op:0") name, or None.
    Raises TypeError and ValueError for what does not fit, NotImplementedError naming the op types that tfcompat has not.
    """
    if not isinstance(graph_def, GraphDef):
        if not hasattr(graph_def, "SerializeToString"):
            raise TypeError("Argument `graph_def` must be a GraphDef proto.")
        graph_def = GraphDef.FromString(graph_def.SerializeToString())
    input_map = _checked_map(input_map)
    wanted = _checked_elements(return_elements)
    if context.graph is None:
        graph = current_graph()
        with graph.as_default():
            return _Import(graph_def, input_map, graph).into(name, wanted)
    return _Import(graph_def, input_map, context.graph).into(name, wanted)


def _checked_map(input_map):
    if input_map is None:
        return {}
    if not isinstance(input_map, dict) or not all(isinstance(k, (str, bytes)) for k in input_map):
        raise TypeError(f"Argument `input_map` must be a dictionary. Obtained {type(input_map).__name__}")
    return {(k.decode() if isinstance(k, bytes) else k): v for k, v in input_map.items()}


def _checked_elements(elements):
    if elements is None:
        return None
    elements = tuple(elements)
    if not all(isinstance(e, (str, bytes)) for e in elements):
        raise TypeError(f"Argument `return_elements` must be a list of strings. Received: {elements!r}")
    return [e.decode() if isinstance(e, bytes) else e for e in elements]


class _Import:
    """One call: nodes by name, operations made of them."""

    def __init__(self, graph_def, input_map, graph):
        self.graph, self.nodes, self.made, self.prefix = graph, {}, {}, ""
        self.outputs = {}
        self.input_map, self.used, self.here = input_map, set(), set()
        self.started = graph.operations[-1].order + 1 if graph.operations else 0
        for node in graph_def.node:
            if node.name in self.nodes:
                raise ValueError(f"Node '{node.name}' is not unique")
            self.nodes[node.name] = node
        _check_versions(graph_def.versions)
        _refuse_unknown(graph_def)

    def into(self, name, wanted):
        order = self._order()
        with name_scope("import" if name is None else name, "import") as scope:
            self.prefix = scope or ""
            with control_dependencies(None):
                values = {k: convert_to_tensor(v, name=k.partition(":")[0]) for k, v in self.input_map.items()}
                self.input_map = {_full(k): v for k, v in values.items()}
                for node in order:
                    self._add(node)
        unused = [k for k in self.input_map if k not in self.used and not self._names(k)]
        if unused:
            raise ValueError(f"Attempted to map inputs that were not found in graph_def: [{', '.join(unused)}]")
        return None if wanted is None else [self._element(e) for e in wanted]

    def _names(self, tensor_name):
        """Whether the GraphDef has this tensor."""
        op_name, _, index = tensor_name.rpartition(":")
        op = self.made.get(op_name)
        return op is not None and (op == [] or int(index) < len(op.outs))

    def _element(self, name):
        op_name, colon, index = name.partition(":")
        if ":" in index:
            raise ValueError(f"Cannot convert {name!r} to a tensor name.")
        op = self.made.get(op_name)
        if colon and _full(name) in self.input_map:
            return self.input_map[_full(name)]
        if op is None or colon and (not index.isdigit() or int(index) >= len(op.outs)):
            raise ValueError(f"Requested return_element '{name}' not found in graph_def.")
        return op.outputs[int(index)] if colon else op

    def _order(self):
        """The nodes, each after those it reads and waits for, otherwise as they stand."""
        number = {name: n for n, name in enumerate(self.nodes)}
        users, waiting = {}, {}
        mapped = {_full(k) for k in self.input_map}
        for name, node in self.nodes.items():
            before = set()
            for i in node.input:
                source = i.lstrip("^").partition(":")[0]
                if source not in self.nodes:
                    if (_full(i) if i[0] != "^" else i) in mapped or i in mapped:
                        continue
                    raise ValueError(f"Node '{name}': Unknown input node '{i}'")
                if i[0] == "^" or _full(i) not in mapped:
                    before.add(source)
            waiting[name] = len(before)
            for b in before:
                users.setdefault(b, []).append(name)
        ready = [number[n] for n, count in waiting.items() if not count]
        names, order = list(self.nodes), []
        heapq.heapify(ready)
        while ready:
            name = names[heapq.heappop(ready)]
            order.append(self.nodes[name])
            for u in users.get(name, ()):
                waiting[u] -= 1
                if not waiting[u]:
                    heapq.heappush(ready, number[u])
        if len(order) < len(names):
            stuck = next(n for n in names if waiting[n])
            raise ValueError(
                f"Graph is invalid, contains a cycle with {len(names) - len(order)} nodes, including: {stuck}"
            )
        return order

    # -- one node -----------------------------------------------------------------------------------------------------
    def _add(self, node):
        expected = self.prefix + node.name
        if expected in self.graph._by_name and not self._give_way(expected):
            raise ValueError(f"Node name '{node.name}' already exists in the Graph")
        inputs, controls = [], []
        for i in node.input:
            if i[0] == "^":
                controls.append(self._waited_for(i))
            else:
                inputs.append(self._input(node, i))
        with control_dependencies([c for c in controls if c is not None]), _device(node.device):
            made = build(node, inputs)
        op = made if isinstance(made, Operation) else _operation_of(made)
        if op is None or op.graph is not self.graph:  # what the types' function made is no operation of its own
            made = [
                OPS["Identity"].public(t, name=node.name) for t in (made if isinstance(made, (list, tuple)) else [made])
            ]
            op = made[0].op
        self._call(op, expected)
        if "_class" in node.attr:
            op.colocated = [
                b"loc:@" + (self.prefix + s.decode().removeprefix("loc:@")).encode() for s in node.attr["_class"].list.s
            ]
        self.made[node.name] = op
        tensors = op.outputs
        if isinstance(made, (list, tuple)) and len(made) > len(tensors):  # outputs of other operations
            tensors = list(made)
        self.outputs[node.name] = tensors
        if "_output_shapes" in node.attr:  # the writer knew them
            for t, shape in zip(tensors, node.attr["_output_shapes"].list.shape, strict=False):
                if t.shape.is_compatible_with(shape_of(shape)):
                    t.set_shape(shape_of(shape))
        self.here.add(expected)

    def _input(self, node, text):
        full = _full(text)
        if full in self.input_map:
            self.used.add(full)
            return self.input_map[full]
        op_name, _, index = full.rpartition(":")
        tensors = self.outputs[op_name]
        if int(index) >= len(tensors):
            raise ValueError(
                f"Node '{node.name}': Connecting to invalid output {index} of source node {op_name} which has {len(tensors)} outputs."
            )
        return tensors[int(index)]

    def _waited_for(self, text):
        mapped = self.input_map.get(text)
        if mapped is not None:
            self.used.add(text)
            return mapped.op
        return self.made.get(text[1:])

    def _give_way(self, name):
        """Renames what has this name where it is a piece of another imported operation."""
        taken = self.graph._by_name[name]
        if taken.name in self.here or taken.order < self.started:
            return False
        self._call(taken, self.graph.unique_name(f"{taken.name}/piece"))
        return True

    def _call(self, op, name):
        if op.name == name:
            return
        by_name = self.graph._by_name
        if by_name.get(op.name) is op:
            del by_name[op.name]
        op.name = name
        by_name[name] = op
        self.graph._names_in_use.setdefault(name.lower(), 1)


def _check_versions(versions):
    if versions.producer < 0:
        raise ValueError(f"GraphDef producer version {versions.producer} below min producer 0 supported by TensorFlow")
    if versions.min_consumer > PRODUCER + 1000:
        raise ValueError(
            f"GraphDef min consumer version {versions.min_consumer} above current version {PRODUCER} for TensorFlow"
        )


def _full(name):
    """A tensor's name with its number."""
    return name if ":" in name or name[:1] == "^" else name + ":0"


def _operation_of(made):
    first = made[0] if isinstance(made, (list, tuple)) and made else made
    return getattr(first, "op", None)


def _device(name):
    return device(name) if name else control_dependencies([])


# -- from a node to a call --------------------------------------------------------------------------------------------
def _refuse_unknown(graph_def):
    functions = {f.signature.name for f in graph_def.library.function}
    unknown = sorted(
        {n.op for n in graph_def.node if PROGRAM not in n.attr and FORM not in n.attr and _builder(n.op) is None}
    )
    if not unknown:
        return
    called = [t for t in unknown if t in functions]
    frames = sorted({"Switch", "Merge", "Enter", "Exit", "NextIteration", "LoopCond"} & set(unknown))
    why = f"; functions are among them: {', '.join(called)}" if called else ""
    why += "; tf.cond and tf.while_loop are no operations of their own in this GraphDef" if frames else ""
    raise NotImplementedError(f"tf.import_graph_def: tfcompat has no operation of the types {', '.join(unknown)}{why}")


@functools.cache
def _builder(type):
    """What builds a node of an op type: f(node, inputs); None where nothing does."""
    special = builders.find(type)
    if special is not None:
        return special
    found = signatures.signature(type)
    raw = NAMES["v1"].get(f"raw_ops.{type}") or NAMES["v2"].get(f"raw_ops.{type}")
    if raw is not None and found is not None:
        return functools.partial(_by_name, raw, found)
    definition = OPS.get(type)
    if definition is None or definition.public is None:
        return None
    if found is None:
        return functools.partial(_ours, definition)
    return functools.partial(_by_position, definition, found)


def build(node: NodeDef, inputs):
    """What the node's type makes of tensors for its inputs: an operation, a tensor or a list of them."""
    if PROGRAM in node.attr:
        return builders.place_of_program(node, inputs)
    if FORM in node.attr:
        return _ours(OPS[node.op], node, inputs)
    return _builder(node.op)(node, inputs)


def grouped(node, inputs, found):
    """The inputs per argument of TensorFlow's op: a tensor, or a list of them."""
    groups, position = [], 0
    for a in found.inputs:
        if a.types or a.number:
            n = len(node.attr[a.types].list.type) if a.types else node.attr[a.number].i
            groups.append(list(inputs[position : position + n]))
        else:
            n = 1
            groups.append(inputs[position] if position < len(inputs) else None)
        position += n
    if position != len(inputs):
        raise ValueError(
            f"NodeDef expected inputs of {node.op} do not match {position} inputs specified; got {len(inputs)}: '{node.name}'"
        )
    return groups


def attributes(node, found, parameters, ours=types.MappingProxyType({})):
    """The attributes that the function takes, as Python values; NotImplementedError for one it has not that matters."""
    kinds = {a.name: a for a in found.attributes}
    inferred, given = found.inferred(), {}
    for name, attr in node.attr.items():
        if name[:1] == "_":
            continue
        declared = kinds.get(name)
        value = python_value(attr)
        if declared is not None and "string" in declared.kind:
            value = [v.decode() for v in value] if isinstance(value, list) else value.decode()
        if ours.get(name, name) in parameters:
            given[ours.get(name, name)] = value
        elif declared is not None and (name in inferred or name in _HINTS):
            continue
        elif declared is not None and not declared.required and attr == signatures.default(declared):
            continue
        elif name not in _HINTS and declared is not None and not _is_output_type(found, name):
            raise NotImplementedError(
                f"tf.import_graph_def: node '{node.name}' ({node.op}) asks for {name} = {value!r}, which tfcompat has not"
            )
    return given


def _is_output_type(found, name):
    return any(name in (a.type_attr, a.number, a.types) for a in found.outputs)


@functools.cache
def _parameters(function):
    """The names of a function's parameters; None where it takes any."""
    parameters = inspect.signature(getattr(function, "function", function)).parameters
    kinds = {p.kind for p in parameters.values()}
    return None if inspect.Parameter.VAR_KEYWORD in kinds else tuple(parameters)


def _by_name(function, found, node, inputs):
    """tf.raw_ops' function, by keywords; an input that is called otherwise there is the next that is left."""
    groups = grouped(node, inputs, found)
    names = [a.name for a in found.inputs]
    parameters = _parameters(function)
    if parameters is None:
        return function(**dict(zip(names, groups, strict=True)), **attributes(node, found, ()), name=node.name)
    left = [p for p in parameters if p not in names]
    given = {n if n in parameters else left.pop(0): g for n, g in zip(names, groups, strict=True)}
    return function(**given, **attributes(node, found, left), name=node.name)


def _by_position(definition, found, node, inputs):
    """The declared op's function: the inputs in order, those that are settings here by name."""
    ours = signatures.OUR_NAMES.get(node.op, {})
    groups = grouped(node, inputs, found)
    given, args = attributes(node, found, definition.settings, ours), []
    if definition.variadic:
        args = [groups[0] if len(groups) == 1 and isinstance(groups[0], list) else groups]
    else:
        for a, group in zip(found.inputs, groups, strict=True):
            name = ours.get(a.name, a.name)
            if name in definition.settings:
                given[name] = group
            else:
                args.append(group)
    return definition.public(*args, **given, name=node.name)


def _ours(definition, node, inputs):
    """An op that TensorFlow has not: settings are attributes of the same names."""
    given = {}
    for name in definition.settings:
        if name in node.attr:
            value = python_value(node.attr[name])
            given[name] = value.decode() if isinstance(value, bytes) else value
    args = [list(inputs)] if definition.variadic else list(inputs)
    return definition.public(*args, **given, name=node.name)
