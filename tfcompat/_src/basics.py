"""Public names of the ground floors: dtypes, shapes, errors, tensors, graphs, modes."""

from __future__ import annotations

from . import dtypes, errors, nest, record
from .declare import export, publish
from .graph import Graph, Operation, context, current_graph, executing_eagerly, reset_default_graph, set_eager
from .ops import core
from .shapes import Dimension, TensorShape, set_v2_tensorshape
from .tensor import EagerTensor, IndexedSlices, Tensor

for _name, _dtype in dtypes.NAMES.items():
    if not _name.endswith("_ref") and _name != "float":
        publish(_dtype, f"{_name} dtypes.{_name}")
publish(dtypes.DType, "DType dtypes.DType")
publish(dtypes.as_dtype, "as_dtype dtypes.as_dtype")
publish(TensorShape, "TensorShape")
publish(Dimension, "compat.Dimension", v1="Dimension")
publish(Tensor, "Tensor")
publish(IndexedSlices, "IndexedSlices")
publish(EagerTensor, "__internal__.EagerTensor")
for _name in ("assert_same_structure", "flatten", "is_nested", "map_structure", "pack_sequence_as"):
    publish(getattr(nest, _name), f"nest.{_name}")
publish(Graph, "Graph")
publish(Operation, "Operation")
publish(record.convert_to_tensor, "", v1="convert_to_tensor")
publish(record.register_tensor_conversion_function, "register_tensor_conversion_function")
publish(current_graph, "", v1="get_default_graph")
publish(reset_default_graph, "", v1="reset_default_graph")
publish(executing_eagerly, "executing_eagerly")
publish(core.placeholder, "", v1="placeholder")
publish(core.no_op, "no_op")
publish(core.cast, "cast dtypes.cast")
publish(core.constant, "", v1="constant")

for _name in dir(errors):
    _thing = getattr(errors, _name)
    if isinstance(_thing, type) and issubclass(_thing, errors.OpError) or _name.isupper() and isinstance(_thing, int):
        publish(_thing, f"errors.{_name}")
publish(errors.OpError, "errors.OpError", v1="errors.OpError OpError")
publish(errors.OperatorNotAllowedInGraphError, "errors.OperatorNotAllowedInGraphError", v1="")


@export("convert_to_tensor", v1="")
def convert_to_tensor(value, dtype=None, dtype_hint=None, name=None):
    """`value` as a tensor; TypeError or ValueError as TensorFlow for what is none or does not fit `dtype`."""
    return record.convert_to_tensor(value, dtype, name, dtype_hint=dtype_hint)


@export("constant", v1="")
def constant(value, dtype=None, shape=None, name="Const"):
    """A constant tensor of `value`, filled up to `shape` from a single value; TypeError for as many as do not fill it."""
    return core.make_const(value, dtype, shape, name, filling=False)


@export("shape", v1="")
def shape(input, out_type=None, name=None):
    """The shape of a tensor as a 1-D integer tensor; known on the host wherever the static shape is."""
    return record.call(core.shape_kernel.op, [input], {"out_type": out_type or dtypes.int32}, name)


@export("", v1="shape")
def shape_v1(input, name=None, out_type=None):
    """TF1's argument order of tf.shape."""
    return shape(input, out_type, name)


@export("size", v1="")
def size(input, out_type=dtypes.int32, name=None):
    """The number of elements as an integer scalar."""
    return record.call(core.size_kernel.op, [input], {"out_type": out_type}, name)


@export("", v1="size")
def size_v1(input, name=None, out_type=dtypes.int32):
    """TF1's argument order of tf.size."""
    return size(input, out_type, name)


@export("rank")
def rank(input, name=None):
    """The number of dimensions as an int32 scalar."""
    return record.call(core.rank_kernel.op, [input], None, name)


@export("", v1="disable_eager_execution")
def disable_eager_execution():
    """From here on ops are recorded in the default graph (TF1)."""
    set_eager(False)


@export("", v1="enable_eager_execution")
def enable_eager_execution(config=None, device_policy=None, execution_mode=None):
    """From here on ops run eagerly; ValueError once the default graph has operations, as in TensorFlow."""
    if context.graph is not None and context.graph.operations:
        raise ValueError("tf.enable_eager_execution must be called at program startup.")
    set_eager(True)


@export("", v1="disable_v2_behavior")
def disable_v2_behavior():
    """TF1's ways: graph mode, identity `==` on tensors, Dimension objects in shapes."""
    set_eager(False)
    set_v2_tensorshape(False)
    Tensor._USE_EQUALITY = False


@export("", v1="enable_v2_behavior")
def enable_v2_behavior():
    """TF2's ways: eager execution, elementwise `==` on tensors, integers in shapes."""
    set_eager(True)
    set_v2_tensorshape(True)
    Tensor._USE_EQUALITY = True


@export("", v1="enable_tensor_equality")
def enable_tensor_equality():
    """`==` on tensors compares elements."""
    Tensor._USE_EQUALITY = True


@export("", v1="disable_tensor_equality")
def disable_tensor_equality():
    """`==` on tensors is identity, and tensors are hashable."""
    Tensor._USE_EQUALITY = False


publish(lambda: set_v2_tensorshape(True), "", v1="enable_v2_tensorshape")
publish(lambda: set_v2_tensorshape(False), "", v1="disable_v2_tensorshape")


class AggregationMethod:
    """How gradients of one tensor are summed; all ways give the same numbers here."""

    ADD_N = 0
    DEFAULT = 0
    EXPERIMENTAL_TREE = 1
    EXPERIMENTAL_ACCUMULATE_N = 2


publish(AggregationMethod, "AggregationMethod")
for _face_name, _version in (("v2", "2.15.0"), ("v1", "1.15.5")):
    for _name, _value in (
        ("VERSION", _version), ("GIT_VERSION", f"v{_version}"), ("COMPILER_VERSION", "tfcompat"), ("GRAPH_DEF_VERSION", 1395),
        ("GRAPH_DEF_VERSION_MIN_CONSUMER", 0), ("GRAPH_DEF_VERSION_MIN_PRODUCER", 0),
    ):  # fmt: skip
        publish(_value, *((f"version.{_name}", "") if _face_name == "v2" else ("", f"version.{_name} {_name}")))
publish("1.15.5", "", v1="__version__")
