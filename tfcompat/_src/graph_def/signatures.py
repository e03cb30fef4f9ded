"""What TensorFlow's op registry says of an op: inputs, outputs, attributes (op_signatures.txt, read when first asked)."""

from __future__ import annotations

import functools
import json
import os
from typing import NamedTuple

from .. import dtypes
from .messages import AttrValue, OpDef
from .values import attr_value

# What a declared op calls by another name than TensorFlow's: op type -> {TensorFlow's input or attribute: ours}.
OUR_NAMES = {
    "Squeeze": {"squeeze_dims": "axis"},
    "Cast": {"DstT": "dtype"},
    "Split": {"split_dim": "axis"},
    "SplitV": {"split_dim": "axis"},
    "ReduceJoin": {"keep_dims": "keepdims"},
    "UnicodeTranscode": {"input_encoding": "encoding", "replace_control_characters": "control"},
}


class Argument(NamedTuple):
    """An input or output: of a dtype, or of that which an attribute says; `number` of them, or as many as `types` names."""

    name: str
    dtype: object = None
    type_attr: str = ""
    number: str = ""
    types: str = ""
    is_ref: bool = False


class Attribute(NamedTuple):
    name: str
    kind: str
    default: object = None
    required: bool = True


class OpSignature(NamedTuple):
    """An op type of TensorFlow."""

    type: str
    inputs: list
    outputs: list
    attributes: list

    def inferred(self):
        """The attributes that follow from the inputs."""
        return {n for a in self.inputs for n in (a.type_attr, a.number, a.types) if n}


def _argument(text):
    name, _, kind = text.partition(":")
    is_ref, kind = kind.startswith("&"), kind.removeprefix("&")
    number, star, what = kind.partition("*")
    number, kind = (number, what) if star else ("", kind)
    if kind.startswith("["):
        return Argument(name, types=kind[1:-1], is_ref=is_ref)
    dtype = dtypes.NAMES.get(kind)
    return Argument(name, dtype, "" if dtype else kind, number, is_ref=is_ref)


def _attribute(text):
    declared, equal, default = text.partition("=")
    name, _, kind = declared.partition(":")
    return Attribute(name, kind, json.loads(default) if equal else None, not equal)


@functools.cache
def _lines():
    with open(os.path.join(os.path.dirname(__file__), "op_signatures.txt")) as file:
        return {line.partition("|")[0]: line.rstrip("\n") for line in file if line[:1] != "#"}


@functools.cache
def signature(type):
    """The OpSignature of an op type; None where TensorFlow has none of this name, or tfcompat nothing like it."""
    line = _lines().get(type)
    if line is None:
        return None
    _, inputs, outputs, attributes = line.split("|", 3)
    split = [part.split("\t") if part else [] for part in (inputs, outputs, attributes)]
    return OpSignature(
        type, [_argument(t) for t in split[0]], [_argument(t) for t in split[1]], [_attribute(t) for t in split[2]]
    )


def op_def(type):
    """The OpDef message of an op type; of one that TensorFlow has not, its name alone."""
    found = signature(type)
    if found is None:
        return OpDef(name=type)

    def arg(a):
        made = OpDef.ArgDef(
            name=a.name, type_attr=a.type_attr, number_attr=a.number, type_list_attr=a.types, is_ref=a.is_ref
        )
        if a.dtype is not None:
            made.type = a.dtype.as_datatype_enum
        return made

    made = OpDef(name=type, input_arg=[arg(a) for a in found.inputs], output_arg=[arg(a) for a in found.outputs])
    for a in found.attributes:
        entry = made.attr.add(name=a.name, type=a.kind)
        if not a.required:
            entry.default_value.CopyFrom(default(a))
    return made


def default(attribute) -> AttrValue:
    """The default of an attribute as a message."""
    return attr_value(attribute.kind, attribute.default)
