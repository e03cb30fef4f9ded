"""Operations as NodeDef messages, graphs as GraphDef messages: TensorFlow's op registry says which inputs and attributes there are."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..declare import OpDef
from . import signatures
from .messages import AttrValue, GraphDef, NodeDef
from .values import attr_value, guessed, shape_proto

PRODUCER = 1395  # the version of TensorFlow 2.x's graphs; of 27 on, shapes are int32 or int64 alike
FORM = "_tfcompat_form"  # that of operations whose inputs and attributes are ours, though TensorFlow has the type
PROGRAM = "_tfcompat_program"  # the attribute of operations that hold a program: the dtypes of their outputs
_OURS = ("variable", "ref", "handle")  # attributes of operations that are objects


def input_name(tensor):
    """A tensor as NodeDefs name it: "x" for "x:0"."""
    return tensor.op.name if tensor._slot.index == 0 else tensor.name


def node_def(op, shapes=False):
    """The NodeDef of an operation."""
    return _nodes(op, shapes)[-1]


def _nodes(op, shapes=False):
    """The NodeDef of an operation, after those of constants that TensorFlow's op takes as inputs and ours as settings."""
    node = NodeDef(name=op.name, op=op.type, device=op.device or None)
    program = not isinstance(op.sig.op, OpDef) or bool(op.sub)
    found = None if program else signatures.signature(op.type)
    extra = []
    tensors = None
    if found is not None:
        tensors, extra = _inputs(op, found)
    if tensors is None:  # an op that TensorFlow has not, or has in another form
        node.input.extend([input_name(t) for t in op.inputs])
        _own_attributes(op, node)
        if not program and signatures.signature(op.type) is not None:
            node.attr[FORM].CopyFrom(attr_value("bool", True))
        if program:  # branches, bodies, what is differentiated: not in the message, which keeps the place
            node.attr[PROGRAM].CopyFrom(attr_value("list(type)", [s.aval.dtype for s in op.outs]))
    else:
        node.input.extend([name for group in tensors for name, _ in group])
        _attributes(op, found, tensors, node)
    node.input.extend(["^" + c.name for c in op.control_inputs])
    if op.colocated:
        node.attr["_class"].CopyFrom(attr_value("list(string)", op.colocated))
    if shapes:
        made = AttrValue(list=AttrValue.ListValue(shape=[shape_proto(s.aval.shape) for s in op.outs]))
        node.attr["_output_shapes"].CopyFrom(made)
    return [*extra, node]


def _settings(op):
    """What is known of an operation by name: its settings, then its attributes."""
    given = {k: v for k, v in (op.attributes or {}).items() if isinstance(k, str) and k not in _OURS}
    if op.type == "VariableV2":  # TensorFlow shares resource variables alone by name
        given.pop("shared_name", None)
    return {**{k: v for k, v in op.sig.settings.items() if isinstance(k, str)}, **given}


# -- inputs -----------------------------------------------------------------------------------------------------------
def _inputs(op, found):
    """Per input of TensorFlow's op a list of (name, dtype), and NodeDefs of the constants that stand for our settings."""
    arguments = list(found.inputs)
    have = [(input_name(t), t.dtype) for t in op.inputs]
    refs = [a for a in arguments if a.is_ref or a.dtype is dtypes.resource]
    states = [v for v in op.writes if hasattr(v, "_variable")]
    ref = (op.attributes or {}).get("ref")
    if len(refs) > 1 and len(states) == len(refs) and ref is not None:  # the slots of an optimizer
        have = [(input_name(v._variable), v._variable.dtype) for v in states] + have[1:]
    fixed = {i for i, v in op.sig.fixed.items() if v is not None}
    lists = [a for a in arguments if a.number or a.types]
    lacking = len(arguments) - len(lists) - len(have) if not lists else None
    absent = _missing(op, arguments, lists, lacking)
    groups, extra, position = [], [], 0
    spare = len(have) - sum(1 for a in arguments if not (a.number or a.types) and a.name not in absent)
    for n, a in enumerate(arguments):
        if a.name in absent:
            array = absent[a.name]
            if array is None:
                array = op.sig.fixed[n] if n in fixed else None
            if array is None:
                groups.append([])
                continue
            name, there = _constant_name(op, a.name, array)
            if not there:
                extra.append(const_def(name, array))
            groups.append([(name, dtypes.as_dtype(array.dtype))])
        else:
            count = spare // len(lists) if a.number or a.types else 1
            groups.append(have[position : position + count])
            position += count
    return (groups, extra) if position == len(have) and all(groups[: len(arguments)]) else (None, [])


def _constant_name(op, argument, array):
    """What a constant for this input is called, and whether the graph has it: an imported one is still there."""
    name, count = f"{op.name}/{argument}", 0
    while name in op.graph._by_name:
        held = op.graph._by_name[name].sig.settings.get("value")
        if held is not None and np.array_equal(getattr(held, "array", None), array):
            return name, True
        count += 1
        name = f"{op.name}/{argument}_{count}"
    return name, False


def _missing(op, arguments, lists, lacking):
    """The inputs of TensorFlow's op that ours has as settings: name -> array (None: where the kernel has it fixed)."""
    settings, absent, ours = _settings(op), {}, signatures.OUR_NAMES.get(op.type, {})
    for n, a in enumerate(arguments):
        known_rank = op.ins and op.ins[0].aval.shape is not None
        if op.sig.fixed.get(n, 0) is None and op.type == "Transpose" and known_rank:  # the axes in reverse
            rank = len(op.ins[0].aval.shape)
            absent[a.name] = np.arange(rank - 1, -1, -1, dtype=np.int32)
        elif op.sig.fixed.get(n, 0) is None and a.name == "reduction_indices" and known_rank:  # none given: all axes
            absent[a.name] = np.arange(len(op.ins[0].aval.shape), dtype=np.int32)
        elif n in op.sig.fixed and op.sig.fixed[n] is not None:
            absent[a.name] = op.sig.fixed[n]
        elif lacking != 0 and not (a.number or a.types):
            known = settings.get(ours.get(a.name, a.name))
            if known is not None:
                absent[a.name] = np.array(known, np.int32 if a.dtype is None else a.dtype.np)
    return absent


def const_def(name, array):
    """The NodeDef of a constant."""
    node = NodeDef(name=name, op="Const")
    node.attr["value"].CopyFrom(attr_value("tensor", array))
    node.attr["dtype"].CopyFrom(attr_value("type", node.attr["value"].tensor.dtype))
    return node


# -- attributes -------------------------------------------------------------------------------------------------------
def _attributes(op, found, groups, node):
    types = _known_types(op, found, groups)
    settings = _settings(op)
    for theirs, name in signatures.OUR_NAMES.get(op.type, {}).items():
        if name in settings:
            settings.setdefault(theirs, settings[name])
    for a in found.attributes:
        if a.name in types:
            value = types[a.name]
        elif op.type == "Const" and a.name == "value":
            value = settings["value"].array
        elif a.name in settings and not hasattr(settings[a.name], "_as_graph_element"):
            value = settings[a.name]
        elif a.name == "dtype" and op.outs:
            value = op.outs[0].aval.dtype.base_dtype
        elif a.name == "shape" and op.outs:
            value = op.outs[0].aval.shape
        elif a.required:
            continue
        else:
            value = a.default
        if value is None and a.kind not in ("shape", "func"):
            value = a.default
        try:
            node.attr[a.name].CopyFrom(attr_value(a.kind, value))
        except (TypeError, ValueError, KeyError, AttributeError):  # a setting of ours that has this name by chance
            if not a.required:
                node.attr[a.name].CopyFrom(attr_value(a.kind, a.default))


def _known_types(op, found, groups):
    """The attributes that the inputs and outputs say: dtypes, numbers, lists of dtypes."""
    known = {}
    for a, group in zip(found.inputs, groups, strict=True):
        if a.types:
            known[a.types] = [d.base_dtype for _, d in group]
        if a.number:
            known[a.number] = len(group)
        if a.type_attr and group:
            known[a.type_attr] = group[0][1].base_dtype
    given = [s.aval.dtype.base_dtype for s in op.outs]
    for a in found.outputs:
        if a.types:
            known.setdefault(a.types, given)
        elif a.number:
            known.setdefault(a.number, len(given))
        if a.type_attr and given:
            known.setdefault(a.type_attr, given[0])
        if not (a.types or a.number):
            given = given[1:]
    return known


def _own_attributes(op, node):
    """The settings of an op that TensorFlow has not, as far as they are plain values."""
    for name, value in _settings(op).items():
        try:
            node.attr[name].CopyFrom(guessed(value))
        except TypeError:
            del node.attr[name]
    if op.outs and "T" not in node.attr:
        node.attr["T"].CopyFrom(attr_value("type", op.outs[0].aval.dtype.base_dtype))


# -- graphs -----------------------------------------------------------------------------------------------------------
def graph_def(graph, from_version=None, add_shapes=False):
    """The GraphDef of a graph: of its operations from number `from_version` on."""
    made = GraphDef()
    made.versions.producer = graph.extra.get("producer", PRODUCER)
    for op in graph.operations[from_version or 0 :]:
        for node in _nodes(op, add_shapes):
            list.append(made.node, node)
    return made
