"""The messages of graphs, with TensorFlow's field numbers (tensorflow/core/framework and core/protobuf)."""

from __future__ import annotations

from ..declare import publish
from ..summary.messages import DATA_TYPE, TensorProto, TensorShapeProto
from ..wire.message import BOOL, BYTES, ENUM, FLOAT, INT, REPEATED, STRING, Enum, Map, Message


class AttrValue(Message):
    """The value of an attribute; `WhichOneof("value")` says of which kind."""

    class ListValue(Message):
        """A list of values of one kind."""

        _fields: dict = {}

    _fields: dict = {}
    _oneofs = {"value": ("s", "i", "f", "b", "type", "shape", "tensor", "list", "func", "placeholder")}


class NameAttrList(Message):
    """A function's name with attributes."""

    _fields = {"name": (1, STRING), "attr": (2, Map(AttrValue))}


AttrValue.ListValue._fields.update(
    {
        "s": (2, BYTES, REPEATED),
        "i": (3, INT, REPEATED),
        "f": (4, FLOAT, REPEATED),
        "b": (5, BOOL, REPEATED),
        "type": (6, DATA_TYPE, REPEATED),
        "shape": (7, TensorShapeProto, REPEATED),
        "tensor": (8, TensorProto, REPEATED),
        "func": (9, NameAttrList, REPEATED),
    }
)
AttrValue._fields.update(
    {
        "list": (1, AttrValue.ListValue),
        "s": (2, BYTES),
        "i": (3, INT),
        "f": (4, FLOAT),
        "b": (5, BOOL),
        "type": (6, DATA_TYPE),
        "shape": (7, TensorShapeProto),
        "tensor": (8, TensorProto),
        "placeholder": (9, STRING),
        "func": (10, NameAttrList),
    }
)


FULL_TYPES = Enum(
    {
        "TFT_UNSET": 0, "TFT_VAR": 1, "TFT_ANY": 2, "TFT_PRODUCT": 3, "TFT_NAMED": 4, "TFT_FOR_EACH": 20, "TFT_CALLABLE": 100,
        "TFT_BOOL": 200, "TFT_UINT8": 201, "TFT_UINT16": 202, "TFT_UINT32": 203, "TFT_UINT64": 204, "TFT_INT8": 205,
        "TFT_INT16": 206, "TFT_INT32": 207, "TFT_INT64": 208, "TFT_HALF": 209, "TFT_FLOAT": 210, "TFT_DOUBLE": 211,
        "TFT_COMPLEX64": 212, "TFT_COMPLEX128": 213, "TFT_STRING": 214, "TFT_BFLOAT16": 215, "TFT_TENSOR": 1000,
        "TFT_ARRAY": 1001, "TFT_OPTIONAL": 1002, "TFT_LITERAL": 1003, "TFT_ENCODED": 1004, "TFT_SHAPE_TENSOR": 1005,
        "TFT_DATASET": 10102, "TFT_RAGGED": 10103, "TFT_ITERATOR": 10104, "TFT_MUTEX_LOCK": 10202, "TFT_LEGACY_VARIANT": 10203,
    }
)  # fmt: skip


class FullTypeDef(Message):
    """What newer TensorFlows note of the types of outputs."""

    _fields: dict = {}


FullTypeDef._fields.update(
    {"type_id": (1, FULL_TYPES), "args": (2, FullTypeDef, REPEATED), "s": (3, STRING), "i": (4, INT)}
)


class NodeDef(Message):
    """An operation: name, type, inputs ("name", "name:1", "^name"), device and attributes."""

    class ExperimentalDebugInfo(Message):
        _fields = {"original_node_names": (1, STRING, REPEATED), "original_func_names": (2, STRING, REPEATED)}

    _fields = {
        "name": (1, STRING),
        "op": (2, STRING),
        "input": (3, STRING, REPEATED),
        "device": (4, STRING),
        "attr": (5, Map(AttrValue)),
        "experimental_debug_info": (6, ExperimentalDebugInfo),
        "experimental_type": (7, FullTypeDef),
    }


class VersionDef(Message):
    _fields = {"producer": (1, INT), "min_consumer": (2, INT), "bad_consumers": (3, INT, REPEATED)}


class OpDef(Message):
    """What an op type takes, gives and is told."""

    class ArgDef(Message):
        _fields = {
            "name": (1, STRING),
            "description": (2, STRING),
            "type": (3, DATA_TYPE),
            "type_attr": (4, STRING),
            "number_attr": (5, STRING),
            "type_list_attr": (6, STRING),
            "is_ref": (16, BOOL),
        }

    class AttrDef(Message):
        _fields = {
            "name": (1, STRING),
            "type": (2, STRING),
            "default_value": (3, AttrValue),
            "description": (4, STRING),
            "has_minimum": (5, BOOL),
            "minimum": (6, INT),
            "allowed_values": (7, AttrValue),
        }

    _fields = {
        "name": (1, STRING),
        "input_arg": (2, ArgDef, REPEATED),
        "output_arg": (3, ArgDef, REPEATED),
        "attr": (4, AttrDef, REPEATED),
        "summary": (5, STRING),
        "description": (6, STRING),
        "is_aggregate": (16, BOOL),
        "is_stateful": (17, BOOL),
        "is_commutative": (18, BOOL),
        "allows_uninitialized_input": (19, BOOL),
    }


class OpList(Message):
    _fields = {"op": (1, OpDef, REPEATED)}


class FunctionDef(Message):
    """A function of a graph, as far as its name and nodes go."""

    _fields = {"signature": (1, OpDef), "node_def": (3, NodeDef, REPEATED), "attr": (5, Map(AttrValue))}


class FunctionDefLibrary(Message):
    _fields = {"function": (1, FunctionDef, REPEATED)}


class GraphDef(Message):
    """A graph: its nodes."""

    _fields = {
        "node": (1, NodeDef, REPEATED),
        "library": (2, FunctionDefLibrary),
        "version": (3, INT),
        "versions": (4, VersionDef),
    }


class TensorInfo(Message):
    _fields = {"name": (1, STRING), "dtype": (2, DATA_TYPE), "tensor_shape": (3, TensorShapeProto)}


class SignatureDef(Message):
    _fields = {"inputs": (1, Map(TensorInfo)), "outputs": (2, Map(TensorInfo)), "method_name": (3, STRING)}


_VERSIONS = Enum({"LEGACY": 0, "V1": 1, "V2": 2})


class SaverDef(Message):
    """How a saver was made."""

    LEGACY, V1, V2 = 0, 1, 2
    CheckpointFormatVersion = int
    _fields = {
        "filename_tensor_name": (1, STRING),
        "save_tensor_name": (2, STRING),
        "restore_op_name": (3, STRING),
        "max_to_keep": (4, INT),
        "sharded": (5, BOOL),
        "keep_checkpoint_every_n_hours": (6, FLOAT),
        "version": (7, _VERSIONS),
    }


class CollectionDef(Message):
    """The members of a collection: names of nodes, encoded messages, or numbers."""

    class NodeList(Message):
        _fields = {"value": (1, STRING, REPEATED)}

    class BytesList(Message):
        _fields = {"value": (1, BYTES, REPEATED)}

    class Int64List(Message):
        _fields = {"value": (1, INT, REPEATED)}

    class FloatList(Message):
        _fields = {"value": (1, FLOAT, REPEATED)}

    _fields = {
        "node_list": (1, NodeList),
        "bytes_list": (2, BytesList),
        "int64_list": (3, Int64List),
        "float_list": (4, FloatList),
    }
    _oneofs = {"kind": ("node_list", "bytes_list", "int64_list", "float_list")}


class SaveSliceInfoDef(Message):
    _fields = {
        "full_name": (1, STRING),
        "full_shape": (2, INT, REPEATED),
        "var_offset": (3, INT, REPEATED),
        "var_shape": (4, INT, REPEATED),
    }


class VariableDef(Message):
    """A variable, by the names of its operations."""

    _fields = {
        "variable_name": (1, STRING),
        "initializer_name": (2, STRING),
        "snapshot_name": (3, STRING),
        "save_slice_info_def": (4, SaveSliceInfoDef),
        "is_resource": (5, BOOL),
        "initial_value_name": (6, STRING),
        "trainable": (7, BOOL),
        "synchronization": (8, ENUM),
        "aggregation": (9, ENUM),
    }


class QueueRunnerDef(Message):
    """A queue runner, by the names of its operations."""

    _fields = {
        "queue_name": (1, STRING),
        "enqueue_op_name": (2, STRING, REPEATED),
        "close_op_name": (3, STRING),
        "cancel_op_name": (4, STRING),
        "queue_closed_exception_types": (5, ENUM, REPEATED),
    }


class MetaGraphDef(Message):
    """A graph with its collections and how it is saved."""

    class MetaInfoDef(Message):
        _fields = {
            "meta_graph_version": (1, STRING),
            "stripped_op_list": (2, OpList),
            "tags": (4, STRING, REPEATED),
            "tensorflow_version": (5, STRING),
            "tensorflow_git_version": (6, STRING),
            "stripped_default_attrs": (7, BOOL),
        }

    _fields = {
        "meta_info_def": (1, MetaInfoDef),
        "graph_def": (2, GraphDef),
        "saver_def": (3, SaverDef),
        "collection_def": (4, Map(CollectionDef)),
        "signature_def": (5, Map(SignatureDef)),
    }


for _message in (AttrValue, NameAttrList, NodeDef, GraphDef, MetaGraphDef, TensorInfo):
    publish(_message, "", v1=_message.__name__)
publish(SaverDef, "", v1="train.SaverDef")
