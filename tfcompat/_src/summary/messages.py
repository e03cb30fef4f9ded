"""The messages of event files."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..declare import publish
from ..wire.message import BYTES, DOUBLE, FLOAT, INT, REPEATED, STRING, Enum, Message
from ..wire.message import ENUM as NUMBER


def _data_type_name(dtype):
    base = {"float32": "float", "float64": "double", "float16": "half"}.get(
        dtype.base_dtype.name, dtype.base_dtype.name
    )
    return f"DT_{base.upper()}" + ("_REF" if dtype._is_ref_dtype else "")


DATA_TYPE = Enum({"DT_INVALID": 0, **{_data_type_name(d): n for n, d in dtypes._BY_ENUM.items()}})


class Dim(Message):
    _fields = {"size": (1, INT), "name": (2, STRING)}


class TensorShapeProto(Message):
    """A static shape; a dimension of -1 is unknown."""

    _fields = {"dim": (2, Dim, REPEATED), "unknown_rank": (3, "bool")}
    Dim = Dim


class TensorProto(Message):
    _fields = {
        "dtype": (1, DATA_TYPE),
        "tensor_shape": (2, TensorShapeProto),
        "version_number": (3, INT),
        "tensor_content": (4, BYTES),
        "float_val": (5, FLOAT, REPEATED),
        "double_val": (6, DOUBLE, REPEATED),
        "int_val": (7, INT, REPEATED),
        "string_val": (8, BYTES, REPEATED),
        "scomplex_val": (9, FLOAT, REPEATED),
        "int64_val": (10, INT, REPEATED),
        "bool_val": (11, "bool", REPEATED),
        "dcomplex_val": (12, DOUBLE, REPEATED),
        "half_val": (13, INT, REPEATED),
        "uint32_val": (16, INT, REPEATED),
        "uint64_val": (17, INT, REPEATED),
    }


class HistogramProto(Message):
    _fields = {
        "min": (1, DOUBLE),
        "max": (2, DOUBLE),
        "num": (3, DOUBLE),
        "sum": (4, DOUBLE),
        "sum_squares": (5, DOUBLE),
        "bucket_limit": (6, DOUBLE, REPEATED),
        "bucket": (7, DOUBLE, REPEATED),
    }


class PluginData(Message):
    _fields = {"plugin_name": (1, STRING), "content": (2, BYTES)}


class SummaryMetadata(Message):
    _fields = {
        "plugin_data": (1, PluginData),
        "display_name": (2, STRING),
        "summary_description": (3, STRING),
        "data_class": (4, NUMBER),
    }
    PluginData = PluginData


class Summary(Message):
    """tf.Summary: values by tag."""

    class Image(Message):
        _fields = {"height": (1, INT), "width": (2, INT), "colorspace": (3, INT), "encoded_image_string": (4, BYTES)}

    class Audio(Message):
        _fields = {
            "sample_rate": (1, FLOAT),
            "num_channels": (2, INT),
            "length_frames": (3, INT),
            "encoded_audio_string": (4, BYTES),
            "content_type": (5, STRING),
        }

    class Value(Message):
        _fields: dict = {}
        _oneofs = {"value": ("simple_value", "obsolete_old_style_histogram", "image", "histo", "audio", "tensor")}

    _fields = {"value": (1, Value, REPEATED)}


Summary.Value._fields.update(
    {
        "tag": (1, STRING),
        "simple_value": (2, FLOAT),
        "obsolete_old_style_histogram": (3, BYTES),
        "image": (4, Summary.Image),
        "histo": (5, HistogramProto),
        "audio": (6, Summary.Audio),
        "node_name": (7, STRING),
        "tensor": (8, TensorProto),
        "metadata": (9, SummaryMetadata),
    }
)


class SessionLog(Message):
    _fields = {"status": (1, NUMBER), "checkpoint_path": (2, STRING), "msg": (3, STRING)}
    STATUS_UNSPECIFIED, START, STOP, CHECKPOINT = 0, 1, 2, 3


class TaggedRunMetadata(Message):
    _fields = {"tag": (1, STRING), "run_metadata": (2, BYTES)}


class Event(Message):
    """One record of an event file."""

    _fields = {
        "wall_time": (1, DOUBLE),
        "step": (2, INT),
        "file_version": (3, STRING),
        "graph_def": (4, BYTES),
        "summary": (5, Summary),
        "session_log": (7, SessionLog),
        "tagged_run_metadata": (8, TaggedRunMetadata),
        "meta_graph_def": (9, BYTES),
    }
    _oneofs = {"what": ("file_version", "graph_def", "summary", "session_log", "tagged_run_metadata", "meta_graph_def")}


publish(Summary, "", v1="Summary summary.Summary")
publish(SummaryMetadata, "", v1="SummaryMetadata")
publish(HistogramProto, "", v1="HistogramProto")
publish(Event, "", v1="Event summary.Event")
publish(SessionLog, "", v1="SessionLog summary.SessionLog")
publish(TaggedRunMetadata, "", v1="summary.TaggedRunMetadata")
publish(TensorProto, "", v1="TensorProto")


def tensor_proto(array):
    """A TensorProto of an array of numbers or bytes."""
    array = np.asarray(array)
    shape = TensorShapeProto(dim=[Dim(size=d) for d in array.shape])
    if array.dtype == object:
        return TensorProto(dtype=dtypes.string.as_datatype_enum, tensor_shape=shape, string_val=array.ravel().tolist())
    return TensorProto(
        dtype=dtypes.as_dtype(array.dtype).as_datatype_enum, tensor_shape=shape, tensor_content=array.tobytes()
    )


def graph_def(graph):
    """A graph as TensorBoard shows it: names, ops, inputs and devices, encoded; the attributes are left out."""
    from ..wire import proto

    nodes = []
    for op in graph.get_operations():
        node = op.node_def
        fields = [proto.data(1, node.name), proto.data(2, node.op), *[proto.data(3, i) for i in node.input]]
        if node.device:
            fields.append(proto.data(4, node.device))
        nodes.append(proto.data(1, b"".join(fields)))
    return b"".join(nodes) + proto.data(4, proto.integer(1, 1395))
