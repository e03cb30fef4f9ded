"""tf.graph_util: parts of a GraphDef, and a GraphDef with the values of its variables as constants."""

from __future__ import annotations

import re

from .. import errors
from ..declare import export
from .export import const_def
from .messages import GraphDef, NodeDef

_VARIABLES = ("Variable", "VariableV2", "VarHandleOp", "AutoReloadVariable")
_ON_CPU = ("MatMul", "DecodeJpeg", "Variable", "VariableV2")  # TensorFlow's own example of what must run there


def _source(text):
    """The node that an input names."""
    return text.lstrip("^").partition(":")[0]


def _by_name(graph_def):
    return {n.name: n for n in graph_def.node}


def _check(graph_def, names, what="dest_nodes"):
    if not isinstance(graph_def, GraphDef):
        raise TypeError(f"graph_def must be a graph_pb2.GraphDef proto, but got type {type(graph_def)}.")
    if isinstance(names, str):
        raise TypeError(f"{what} must be an iterable of strings, but got type {type(names)}")


def _needed(nodes, names):
    """The names of the nodes that those named depend on, themselves included.  Raises AssertionError for one that is not there."""
    for name in names:
        if name not in nodes:
            raise AssertionError(f"{name} is not in graph")
    seen, stack = set(), list(names)
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            stack += [_source(i) for i in nodes[name].input if _source(i) in nodes]
    return seen


@export("", v1="graph_util.extract_sub_graph")
def extract_sub_graph(graph_def, dest_nodes):
    """A GraphDef of the nodes that `dest_nodes` (names) depend on."""
    _check(graph_def, dest_nodes)
    kept = _needed(_by_name(graph_def), dest_nodes)
    return _with_nodes(graph_def, [n for n in graph_def.node if n.name in kept])


def _with_nodes(graph_def, nodes):
    made = GraphDef(node=[NodeDef.FromString(n.SerializeToString()) for n in nodes])
    made.library.CopyFrom(graph_def.library)
    made.versions.CopyFrom(graph_def.versions)
    return made


@export("", v1="graph_util.must_run_on_cpu")
def must_run_on_cpu(node, pin_variables_on_cpu=False):
    """Whether TensorFlow puts a node (NodeDef or Operation) on the CPU: text, small integers, and variables where asked."""
    from ..graph import Operation

    node = node.node_def if isinstance(node, Operation) else node
    if pin_variables_on_cpu and node.op in _VARIABLES:
        return True
    if node.op == "Const":
        return node.attr["dtype"].type in (3, 7)
    if node.op in ("DynamicStitch", "ParallelDynamicStitch"):
        return node.attr["T"].type == 3
    return node.op == "Cast" and 3 in (node.attr["SrcT"].type, node.attr["DstT"].type)


@export("", v1="graph_util.tensor_shape_from_node_def_name")
def tensor_shape_from_node_def_name(graph, input_name):
    """The static shape of the tensor that an input of a NodeDef names."""
    return graph.get_tensor_by_name(input_name if ":" in input_name else input_name + ":0").get_shape()


@export("", v1="graph_util.remove_training_nodes")
def remove_training_nodes(input_graph, protected_nodes=None):
    """A GraphDef without CheckNumerics and Identity nodes that nothing needs for inference."""
    protected = set(protected_nodes or ())
    nodes = [
        NodeDef.FromString(n.SerializeToString())
        for n in input_graph.node
        if n.op != "CheckNumerics" or n.name in protected
    ]
    skipped = {n.name: n.input[0] for n in input_graph.node if n.op == "CheckNumerics" and n.name not in protected}
    nodes = [_rewired(n, skipped) for n in nodes]
    controls = {_source(i) for n in nodes for i in n.input if i[0] == "^"}
    waiting = {n.name for n in nodes if any(i[0] == "^" for i in n.input)}
    several = {_source(i) for n in nodes for i in n.input if ":" in i and not i.endswith(":0")}
    together = {s.decode().removeprefix("loc:@") for n in nodes if "_class" in n.attr for s in n.attr["_class"].list.s}
    skipped = {
        n.name: n.input[0]
        for n in nodes
        if n.op == "Identity" and n.name not in together and n.name not in protected and n.name not in controls and n.name not in waiting
        and n.name not in several and not _is_reference(nodes, n)
    }  # fmt: skip
    return GraphDef(node=[_rewired(n, skipped) for n in nodes if n.name not in skipped])


def _is_reference(nodes, node):
    source = next((n for n in nodes if n.name == _source(node.input[0])), None)
    return source is not None and source.op in ("Variable", "VariableV2")


def _rewired(node, skipped):
    """The node with inputs that lead through skipped nodes to what those read; it waits for none of them."""
    node.input[:] = [i for i in node.input if i[0] != "^" or i[1:] not in skipped]
    for place, text in enumerate(node.input):
        while _source(text) in skipped and text[0] != "^":
            text = skipped[_source(text)]
        node.input[place] = re.sub(r":0$", "", text)
    return node


@export("", v1="graph_util.convert_variables_to_constants")
def convert_variables_to_constants(sess, input_graph_def, output_node_names, variable_names_whitelist=None,
                                   variable_names_blacklist=None):  # fmt: skip
    """A GraphDef of what `output_node_names` depend on, the variables' values in `sess` as constants.

    Raises AssertionError for names that are not there, FailedPreconditionError for a variable without a value.
    """
    inference = extract_sub_graph(input_graph_def, output_node_names)
    chosen = {
        n.name: n
        for n in inference.node
        if n.op in _VARIABLES
        and (variable_names_whitelist is None or n.name in variable_names_whitelist)
        and (variable_names_blacklist is None or n.name not in variable_names_blacklist)
    }
    values = _values(sess, list(chosen.values()))
    nodes = []
    for node in inference.node:
        if node.name in chosen:
            nodes.append(const_def(node.name, values[node.name]))
        elif node.op == "ReadVariableOp" and _source(node.input[0]) in chosen:
            node = NodeDef(
                name=node.name, op="Identity", input=[_source(node.input[0]), *node.input[1:]], device=node.device
            )
            node.attr["T"].type = _dtype_number(chosen[_source(node.input[0])])
            nodes.append(node)
        else:
            nodes.append(node)
    made = _with_nodes(inference, nodes)
    return made


def _dtype_number(node):
    return node.attr["dtype"].type


def _values(sess, nodes):
    found = {}
    for node in nodes:
        op = sess.graph.get_operation_by_name(node.name)
        variable = (op.attributes or {}).get("variable")
        if variable is None:
            raise errors.InvalidArgumentError(None, op, f"'{node.name}' is no variable of the session's graph")
        reads = variable._graph_element if variable._kind == "resource" else variable._variable
        found[node.name] = sess.run(reads) if reads is not None else sess._value_of(variable)
    return {name: _array(v) for name, v in found.items()}


def _array(value):
    import numpy as np

    return np.asarray(value)
