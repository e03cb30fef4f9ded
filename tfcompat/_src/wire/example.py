"""tf.train.Example and SequenceExample: the messages that TFRecord files of training data hold."""

from __future__ import annotations

from ..declare import publish
from .message import BYTES, FLOAT, INT, REPEATED, Map, Message


class BytesList(Message):
    _fields = {"value": (1, BYTES, REPEATED)}


class FloatList(Message):
    _fields = {"value": (1, FLOAT, REPEATED)}


class Int64List(Message):
    _fields = {"value": (1, INT, REPEATED)}


class Feature(Message):
    """One of the three lists; `WhichOneof("kind")` says which."""

    _fields = {"bytes_list": (1, BytesList), "float_list": (2, FloatList), "int64_list": (3, Int64List)}
    _oneofs = {"kind": ("bytes_list", "float_list", "int64_list")}


class Features(Message):
    _fields = {"feature": (1, Map(Feature))}


class FeatureList(Message):
    _fields = {"feature": (1, Feature, REPEATED)}


class FeatureLists(Message):
    _fields = {"feature_list": (1, Map(FeatureList))}


class Example(Message):
    _fields = {"features": (1, Features)}


class SequenceExample(Message):
    _fields = {"context": (1, Features), "feature_lists": (2, FeatureLists)}


for _message in (
    BytesList, FloatList, Int64List, Feature, Features, FeatureList, FeatureLists, Example, SequenceExample,
):  # fmt: skip
    publish(_message, f"train.{_message.__name__}")
