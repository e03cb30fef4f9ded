"""tf.train.export_meta_graph and import_meta_graph: a graph with its collections and how it is saved, as TensorFlow keeps them."""

from __future__ import annotations

import os

import numpy as np

from .. import dtypes, record
from ..declare import export
from ..graph import Operation, context, current_graph
from ..graph_collections import GraphKeys
from ..platform import log as logging
from ..queues.runners import QueueRunner
from ..wire import text
from . import variable_defs
from .export import const_def, graph_def
from .importer import import_graph_def
from .messages import CollectionDef, GraphDef, MetaGraphDef, NodeDef, QueueRunnerDef, VariableDef
from .values import attr_value, python_value
from .variable_defs import inside

_VARIABLES = (
    GraphKeys.GLOBAL_VARIABLES, GraphKeys.TRAINABLE_VARIABLES, GraphKeys.LOCAL_VARIABLES, GraphKeys.MODEL_VARIABLES,
    GraphKeys.MOVING_AVERAGE_VARIABLES, GraphKeys.GLOBAL_STEP,
)  # fmt: skip
_SKIPPED = ("cond_context", "while_context")


# -- writing ----------------------------------------------------------------------------------------------------------
@export("", v1="train.export_meta_graph")
def export_meta_graph(filename=None, meta_info_def=None, graph_def=None, saver_def=None, collection_list=None, as_text=False,
                      graph=None, export_scope=None, clear_devices=False, clear_extraneous_savers=False, strip_default_attrs=False,
                      save_debug_info=False, **kwargs):  # fmt: skip
    """The graph (default: the current one) as a MetaGraphDef; written to `filename` where one is given.

    export_scope: only what is below this name scope.  Raises RuntimeError eagerly, ValueError where a scope reads from outside of it.
    """
    if context.graph is None and graph is None and graph_def is None:
        raise RuntimeError("Exporting/importing meta graphs is not supported when eager execution is enabled.")
    unknown = set(kwargs) - {"unbound_inputs_col_name", "saver"}
    if unknown or save_debug_info or strip_default_attrs:
        what = ", ".join(sorted(unknown) or ["save_debug_info" if save_debug_info else "strip_default_attrs"])
        raise NotImplementedError(f"tf.train.export_meta_graph: {what} is not supported by tfcompat.")
    graph = graph or current_graph()
    made = MetaGraphDef()
    if meta_info_def is not None:
        made.meta_info_def.CopyFrom(meta_info_def)
    made.meta_info_def.tensorflow_version = "2.15.0"
    made.graph_def.CopyFrom(graph_def if graph_def is not None else _of_scope(graph, export_scope))
    for node in made.graph_def.node:
        if clear_devices:
            node.device = ""
    _add_collections(made, graph, collection_list, export_scope, clear_extraneous_savers)
    saver = kwargs.get("saver")
    if saver_def is not None:
        made.saver_def.CopyFrom(saver_def)
        if saver is not None:
            made.graph_def.node.extend(_saver_nodes(saver, made.graph_def))
    if filename:
        _write(made, filename, as_text)
    return made


def _of_scope(graph, scope):
    whole = graph_def(graph, add_shapes=True)
    if not scope:
        return whole
    prefix = scope.rstrip("/") + "/"
    made = GraphDef()
    made.versions.CopyFrom(whole.versions)
    for node in whole.node:
        if not node.name.startswith(prefix):
            continue
        for place, i in enumerate(node.input):
            mark, name = ("^", i[1:]) if i[0] == "^" else ("", i)
            if not name.startswith(prefix):
                raise ValueError(
                    f"The graph contains unbound inputs that are outside of the scope {scope!r}: {node.name} reads {name}"
                )
            node.input[place] = mark + name[len(prefix) :]
        node.name = node.name[len(prefix) :]
        made.node.append(node)
    return made


def _add_collections(made, graph, keys, scope, clear_savers):
    for key in graph.get_all_collection_keys() if keys is None else keys:
        if key in _SKIPPED or clear_savers and key == GraphKeys.SAVERS:
            continue
        try:
            found = _collection(key, graph.get_collection(key), scope)
        except (TypeError, ValueError, AttributeError) as e:
            logging.warn("Issue encountered when serializing %s.\n%s", key, str(e))
            continue
        if found is not None:
            made.collection_def[key].CopyFrom(found)


def _collection(key, items, scope):
    """A collection's members as a CollectionDef."""
    made = CollectionDef()
    if key in _VARIABLES or key == GraphKeys.QUEUE_RUNNERS or key == GraphKeys.SAVERS:
        messages = [
            variable_defs.to_proto(v, scope) if key in _VARIABLES else v.to_proto(export_scope=scope) for v in items
        ]
        made.bytes_list.value.extend([m.SerializeToString() for m in messages if m is not None])
    elif all(isinstance(v, (str, bytes)) for v in items):
        made.bytes_list.value.extend([v.encode() if isinstance(v, str) else v for v in items])
    elif all(isinstance(v, (int, np.integer)) for v in items):
        made.int64_list.value.extend(items)
    elif all(isinstance(v, (float, np.floating)) for v in items):
        made.float_list.value.extend(items)
    else:
        names = [v.name for v in items if isinstance(v, (Operation, record.Tensor)) or hasattr(v, "_dense_tensor")]
        if len(names) < len(items):
            raise TypeError(f"a collection of {type(items[0]).__name__} has no form as a message")
        kept = [inside(n, scope) for n in names if not scope or n.startswith(scope)]
        made.node_list.value.extend(kept)
    return made


def _saver_nodes(saver, definition):
    """The operations by which TensorFlow saves and restores, which a Saver does without here."""
    if any(n.name == "save/SaveV2" for n in definition.node):
        return []
    names, nodes = [], []
    sources, restores = [], []

    def node(name, op, inputs=(), **attrs):
        made = NodeDef(name=f"save/{name}", op=op, input=list(inputs))
        for key, (kind, value) in attrs.items():
            made.attr[key].CopyFrom(attr_value(kind, value))
        nodes.append(made)
        return made.name

    for part in saver._parts or ():
        for name, variable in zip(part.names, part.parts, strict=False):
            names.append((name, variable))
    types = [v._dtype for _, v in names]
    nodes.append(const_def("save/filename/input", record.host_array("model")))
    whole = {"dtype": ("type", dtypes.string), "shape": ("shape", ())}
    default = node("filename", "PlaceholderWithDefault", ["save/filename/input"], **whole)
    file = node("Const", "PlaceholderWithDefault", [default], **whole)
    for what in ("SaveV2", "RestoreV2"):
        nodes.append(const_def(f"save/{what}/tensor_names", np.array([n.encode() for n, _ in names], object)))
        nodes.append(const_def(f"save/{what}/shape_and_slices", np.array([b""] * len(names), object)))
    for i, (_, v) in enumerate(names):
        handle = v._variable.op.name
        if v._kind == "resource":
            sources.append(node(f"Read_{i}/ReadVariableOp", "ReadVariableOp", [handle], dtype=("type", v._dtype)))
        else:
            sources.append(handle)
    save = node("SaveV2", "SaveV2", [file, "save/SaveV2/tensor_names", "save/SaveV2/shape_and_slices", *sources],
                dtypes=("list(type)", types))  # fmt: skip
    node("control_dependency", "Identity", [file, "^" + save], T=("type", dtypes.string))
    restore = node("RestoreV2", "RestoreV2", [file, "save/RestoreV2/tensor_names", "save/RestoreV2/shape_and_slices"],
                   dtypes=("list(type)", types))  # fmt: skip
    for i, (_, v) in enumerate(names):
        value = restore if i == 0 else f"{restore}:{i}"
        inputs, dtype = [v._variable.op.name, value], ("type", v._dtype)
        if v._kind == "resource":
            restores.append(
                node(f"Assign_{i}", "AssignVariableOp", inputs, dtype=dtype, validate_shape=("bool", False))
            )
        else:
            restores.append(
                node(
                    f"Assign_{i}", "Assign", inputs, T=dtype, use_locking=("bool", True), validate_shape=("bool", True)
                )
            )
    node("restore_all", "NoOp", ["^" + r for r in restores])
    return nodes


def _write(message, filename, as_text):
    folder = os.path.dirname(os.fspath(filename))
    if folder:
        os.makedirs(folder, exist_ok=True)
    data = str(message).encode() if as_text else message.SerializeToString()
    with open(filename, "wb") as file:
        file.write(data)


@export("io.write_graph", v1="train.write_graph io.write_graph")
def write_graph(graph_or_graph_def, logdir, name, as_text=True):
    """Writes a graph's GraphDef to the file `name` in the folder `logdir`, as text or encoded; returns the path."""
    message = graph_or_graph_def.as_graph_def() if hasattr(graph_or_graph_def, "as_graph_def") else graph_or_graph_def
    path = os.path.join(os.fspath(logdir), name)
    _write(message, path, as_text)
    return path


# -- reading ----------------------------------------------------------------------------------------------------------
@export("", v1="train.import_meta_graph")
def import_meta_graph(meta_graph_or_file, clear_devices=False, import_scope=None, **kwargs):
    """Adds the graph of a MetaGraphDef (or of a file with one) to the current graph, or to `graph`; returns a Saver for its variables,
    or None.

    Raises RuntimeError eagerly, OSError for a file that is not there or is no MetaGraphDef.
    """
    if context.graph is None:
        raise RuntimeError(
            "Exporting/importing meta graphs is not supported when eager execution is enabled. No graph exists when eager execution is "
            "enabled."
        )
    graph = kwargs.pop("graph", None)
    if graph is not None:
        with graph.as_default():
            return import_meta_graph(meta_graph_or_file, clear_devices, import_scope, **kwargs)
    return_elements = kwargs.pop("return_elements", None)
    input_map = kwargs.pop("input_map", None)
    if kwargs.keys() - {"unbound_inputs_col_name"}:
        raise NotImplementedError(
            f"tf.train.import_meta_graph: {', '.join(sorted(kwargs))} is not supported by tfcompat."
        )
    meta = meta_graph_or_file if isinstance(meta_graph_or_file, MetaGraphDef) else read_meta_graph(meta_graph_or_file)
    nodes, saved = _without_saver(meta)
    for node in nodes:
        if clear_devices:
            node.device = ""
    definition = GraphDef(node=nodes)
    definition.library.CopyFrom(meta.graph_def.library)
    definition.versions.CopyFrom(meta.graph_def.versions)
    found = import_graph_def(definition, input_map, return_elements, name=import_scope or "")
    _read_collections(meta, import_scope)
    saver = _saver(meta, saved, import_scope)
    return (saver, found) if return_elements is not None else saver


def read_meta_graph(filename):
    """The MetaGraphDef in a file, encoded or as text.  Raises OSError."""
    if not os.path.isfile(filename):
        raise OSError(f"File {filename} does not exist.")
    with open(filename, "rb") as file:
        data = file.read()
    try:
        return MetaGraphDef.FromString(data)
    except (ValueError, IndexError, UnicodeDecodeError, TypeError):
        pass
    try:
        return text.merge(data, MetaGraphDef())
    except ValueError as e:
        raise OSError(f"Cannot parse file {filename}: {e}.") from None


def _without_saver(meta):
    """The nodes of the graph but for those that save and restore, and what these save: [(name in the checkpoint, variable's node)]."""
    nodes = {n.name: n for n in meta.graph_def.node}
    if not meta.HasField("saver_def") or not meta.saver_def.save_tensor_name:
        return list(meta.graph_def.node), None
    scope = meta.saver_def.save_tensor_name.rpartition("/")[0] + "/"
    saved = []
    for node in nodes.values():
        if node.op != "SaveV2" or not node.name.startswith(scope):
            continue
        names = python_value(nodes[node.input[1]].attr["value"])
        for name, source in zip(names.ravel().tolist(), node.input[3:], strict=True):
            saved.append((name.decode(), _variable_behind(nodes, source)))
    return [n for n in nodes.values() if not n.name.startswith(scope)], saved


def _variable_behind(nodes, text_):
    """The node of the variable that an input of SaveV2 reads."""
    node = nodes[text_.partition(":")[0]]
    while node.op in ("ReadVariableOp", "Identity"):
        node = nodes[node.input[0].partition(":")[0]]
    return node.name


def _saver(meta, saved, scope):
    from ..train.saver import Saver

    graph = current_graph()
    if saved is not None:
        prefix = scope.rstrip("/") + "/" if scope else ""
        variables = {}
        for name, node in saved:
            op = graph.get_operation_by_name(prefix + node)
            variables[prefix + name if scope else name] = (op.attributes or {}).get("variable")
        variables = {k: v for k, v in variables.items() if v is not None}
        return Saver(variables, saver_def=meta.saver_def, allow_empty=True, name=scope)
    if graph.get_collection(GraphKeys.GLOBAL_VARIABLES):
        return Saver()
    logging.info("Saver not created because there are no variables in the graph to restore")
    return None


def _read_collections(meta, scope):
    graph = current_graph()
    prefix = scope.rstrip("/") + "/" if scope else ""
    for key in sorted(meta.collection_def):
        collection = meta.collection_def[key]
        kind = collection.WhichOneof("kind")
        if kind is None or key in _SKIPPED or key == GraphKeys.SAVERS:
            continue
        for value in getattr(collection, kind).value:
            if kind == "node_list":
                value = graph.as_graph_element(prefix + value)
            elif key in _VARIABLES and kind == "bytes_list":
                value = variable_defs.from_proto(VariableDef.FromString(value), scope)
            elif key == GraphKeys.QUEUE_RUNNERS:
                value = QueueRunner.from_proto(QueueRunnerDef.FromString(value), scope)
            graph.add_to_collection(key, value)
