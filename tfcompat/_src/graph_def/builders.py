"""How nodes of the op types are built that one function call with the node's inputs and attributes does not make."""

from __future__ import annotations

import re

import numpy as np

from .. import dtypes, initial_value, record, variable_ops
from ..declare import NAMES, OPS
from ..graph import Operation, Signature, aval, context
from ..ops.bodies import ControlOp
from ..ops.core import placeholder
from ..tensor_protos import make_ndarray
from ..variable_kernels import UPDATES
from ..variables import VariableV1
from .export import PROGRAM
from .values import python_value, shape_of

BUILDERS: dict = {}
_TRAINING = re.compile("(Resource)?(Sparse)?Apply")


def builds(*types):
    """Declares f(node, inputs) -> tensor(s) or operation as the builder of op types."""

    def declare(function):
        for type in types:
            BUILDERS[type] = function
        return function

    return declare


def _attr(node, name, default=None):
    return python_value(node.attr[name]) if name in node.attr else default


def _text(node, name, default=""):
    value = _attr(node, name)
    return default if value is None else value.decode()


# -- sources ----------------------------------------------------------------------------------------------------------
@builds("Const")
def const(node, inputs):
    """The tensor's value; of a dtype without NumPy's arrays nothing can be read."""
    return record.const_op(make_ndarray(node.attr["value"].tensor), node.name)


@builds("Placeholder", "PlaceholderV2")
def fed(node, inputs):
    shape = node.attr["shape"].shape if "shape" in node.attr else None
    unknown = shape is None or shape.unknown_rank
    if not unknown and not shape.dim and _producer() < 24:  # then no dimensions meant nothing known
        unknown = True
    return placeholder(_attr(node, "dtype"), None if unknown else list(shape_of(shape)), node.name)


def _producer():
    return context.graph.extra.get("producer", 1395)


@builds("NoOp")
def nothing(node, inputs):
    return OPS["NoOp"].public(name=node.name)


# -- joining, taking apart --------------------------------------------------------------------------------------------
@builds("Concat")
def concat(node, inputs):
    return OPS["ConcatV2"].public(list(inputs[1:]), inputs[0], name=node.name)


@builds("ConcatV2")
def concat_v2(node, inputs):
    return OPS["ConcatV2"].public(list(inputs[:-1]), inputs[-1], name=node.name)


@builds("Gather")
def gather(node, inputs):
    return OPS["GatherV2"].public(inputs[0], inputs[1], name=node.name)


@builds("GatherV2")
def gather_v2(node, inputs):
    return OPS["GatherV2"].public(*inputs[:2], axis=inputs[2], batch_dims=_attr(node, "batch_dims", 0), name=node.name)


@builds("BatchMatMul")
def batch_matmul(node, inputs):
    return OPS["BatchMatMulV2"].public(
        *inputs, adj_x=_attr(node, "adj_x", False), adj_y=_attr(node, "adj_y", False), name=node.name
    )


@builds("Slice")
def slice_(node, inputs):
    return NAMES["v1"]["slice"](*inputs, name=node.name)


@builds("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
def fused_batch_norm(node, inputs):
    x, scale, offset, mean, variance = inputs
    training = _attr(node, "is_training", True)
    momentum = _attr(node, "exponential_avg_factor", 1.0)
    y, mean, variance = NAMES["v1"]["nn.fused_batch_norm"](
        x, scale, offset, mean=None if training and momentum == 1.0 else mean,
        variance=None if training and momentum == 1.0 else variance, epsilon=_attr(node, "epsilon", 1e-4),
        data_format=_text(node, "data_format", "NHWC"), is_training=training, exponential_avg_factor=momentum, name=node.name,
    )  # fmt: skip
    return [y, mean, variance, mean, variance, record.const_op(np.zeros(0, np.float32), "reserve_space_3")]


@builds("Assert")
def check(node, inputs):
    made = NAMES["v1"]["Assert"](inputs[0], list(inputs[1:]), _attr(node, "summarize", 3), name=node.name)
    return made if made is not None else OPS["NoOp"].public(name=node.name)


@builds("CheckNumerics", "CheckNumericsV2")
def check_numerics(node, inputs):
    return NAMES["v1"]["debugging.check_numerics"](inputs[0], _text(node, "message"), name=node.name)


def _public(name, count=None):
    """The builder that calls a public function with the inputs in order, a list of `count`-th parts where they come in lists."""

    def build(node, inputs):
        if count:
            size = len(inputs) // count
            inputs = [list(inputs[i : i + size]) for i in range(0, len(inputs), size)]
        return NAMES["v1"][name](*inputs, name=node.name)

    return build


BUILDERS["DynamicStitch"] = BUILDERS["ParallelDynamicStitch"] = _public("dynamic_stitch", 2)
BUILDERS["MatrixDiag"] = _public("matrix_diag")
BUILDERS["Reshape"] = _public("reshape")


@builds("InTopK")
def in_top_k(node, inputs):
    return NAMES["v1"]["nn.in_top_k"](*inputs, _attr(node, "k"), name=node.name)


@builds("Print")
def print_(node, inputs):
    return NAMES["v1"]["Print"](
        inputs[0],
        list(inputs[1:]),
        _text(node, "message"),
        _attr(node, "first_n", -1),
        _attr(node, "summarize", 3),
        name=node.name,
    )


# -- variables --------------------------------------------------------------------------------------------------------
def variable_of(tensor):
    """The variable that a reference or handle stands for; None for another tensor."""
    known = tensor.op.attributes or {}
    return known.get("variable") if tensor.dtype._is_ref_dtype or tensor.dtype is dtypes.resource else None


def _bare(kind, dtype, shape):
    """A graph's variable without operations."""
    made = object.__new__(VariableV1)
    made._kind, made._trainable, made._graph = kind, False, context.graph
    made._constraint = made._save_slice_info = made._read = made._value = None
    made._initial_value = made._initializer_op = made._snapshot = None
    made._synchronization = NAMES["v1"]["VariableSynchronization"].AUTO
    made._aggregation = NAMES["v1"]["VariableAggregation"].NONE
    made._dtype, made._aval = dtype, aval(dtype, shape)
    return made


@builds("Variable", "VariableV2")
def variable(node, inputs):
    """A TF1 variable; what initialises and reads it are nodes of their own."""
    shape = shape_of(node.attr["shape"].shape)
    if node.op == "Variable" and shape == ():
        shape = None
    made = _bare("ref", _attr(node, "dtype"), shape)
    made._shared_name = _full_name(node)
    made._stands_for(
        variable_ops.VARIABLES.of(made._dtype), context.graph, node.name, reads=(made,),
        avals=(aval(made._dtype._as_ref, shape),),
    )  # fmt: skip
    made._graph_element = made._snapshot = made._variable
    return made._variable.op


@builds("VarHandleOp")
def handle(node, inputs):
    made = _bare("resource", _attr(node, "dtype"), shape_of(node.attr["shape"].shape))
    made._shared_name = _full_name(node)
    made._stands_for(variable_ops.HANDLE, context.graph, node.name, avals=(aval(dtypes.resource, ()),))
    made._graph_element = None
    return made._variable.op


def _full_name(node):
    stack = context.graph._name_stack
    return f"{stack}/{node.name}" if stack else node.name


@builds("Identity", "RefIdentity")
def identity(node, inputs):
    held = variable_of(inputs[0])
    if held is not None and held._kind == "ref":
        if inputs[0] is held._variable:
            made = variable_ops.read_ref(held, node.name)
            if held._snapshot is held._variable:
                held._snapshot = made
            return made
    return OPS["Identity"].public(inputs[0], name=node.name)


@builds("ReadVariableOp")
def read(node, inputs):
    held = variable_of(inputs[0])
    made = variable_ops.read_in_graph(held, node.name)
    if held._graph_element is None:
        held._graph_element = made
    return made


@builds("IsVariableInitialized", "VarIsInitializedOp")
def is_initialized(node, inputs):
    return initial_value.is_initialized(variable_of(inputs[0]), node.name)


@builds("Assign", "AssignVariableOp")
def assign(node, inputs):
    held = variable_of(inputs[0])
    made = variable_ops.assign_in_graph(held, inputs[1], node.name, _attr(node, "validate_shape", node.op == "Assign"))
    op = made if isinstance(made, Operation) else made.op
    if held._initializer_op is None:
        held._initializer_op, held._initial_value = op, inputs[1]
    return op


def _update(kind):
    def build(node, inputs):
        return variable_ops.change_in_graph(variable_of(inputs[0]), kind, inputs[1:], node.name)

    return build


for _kind, _what in UPDATES.items():
    if _kind in ("assign", "strided_slice_assign") or "batch" in _kind:
        continue
    for _type in _what._types:
        if _type is not None:
            BUILDERS.setdefault(_type, _update(_kind))


def _train(function):
    """A training op: variables for the references and handles among its inputs."""

    def build(node, inputs):
        from . import signatures

        found = signatures.signature(node.op)
        settings = {
            a.name: _attr(node, a.name)
            for a in found.attributes
            if a.kind == "bool" and a.name != "use_locking" and _attr(node, a.name, a.default) != a.default
        }
        held = [variable_of(t) for t in inputs]
        made = function(*[t if v is None else v for t, v in zip(inputs, held, strict=True)], name=node.name, **settings)
        return made if isinstance(made, Operation) else made.op

    return build


# -- queues and readers -----------------------------------------------------------------------------------------------
def _queue_call(node, inputs):
    """An operation on a queue or reader: the kernel is the op's, the attributes are its settings."""
    from ..queues.handles import call
    from . import signatures

    found = signatures.signature(node.op)
    settings = {a.name: _setting(node, a) for a in found.attributes if a.name not in found.inferred()}
    types = settings.get("component_types")
    outs = (
        [aval(d, None) for d in types]
        if types
        else [aval(o.dtype, None if o.dtype is dtypes.string else ()) for o in found.outputs]
    )
    made = call(node.op, inputs, settings, outs, node.name)
    return made if isinstance(made, Operation) else made[0].op


def _queue_maker(node, inputs):
    from ..queues.handles import make
    from . import signatures

    found = signatures.signature(node.op)
    settings = {a.name: _setting(node, a) for a in found.attributes}
    return make(node.op, settings, node.name)


def _setting(node, attribute):
    value = _attr(node, attribute.name, attribute.default)
    if isinstance(value, bytes):
        value = value.decode()
    return tuple(value) if isinstance(value, list) else value


def find(type):
    """The builder of an op type, or None."""
    found = BUILDERS.get(type)
    if found is None and type in OPS and type.startswith(("Queue", "Reader")):
        return _queue_call
    if found is None and type in OPS and type.endswith(("QueueV2", "ReaderV2")):
        return _queue_maker
    if found is None and _TRAINING.match(type):
        raw = NAMES["v2"].get(f"raw_ops.{type}") or NAMES["v1"].get(f"raw_ops.{type}")
        return None if raw is None else _train(raw)
    return found


# -- what can be named but not run ------------------------------------------------------------------------------------
def _only_named(why):
    """The builder of operations that a graph may hold and nobody runs; running one raises NotImplementedError."""

    def build(node, inputs):
        def kernel(*args):
            raise NotImplementedError(f"{node.op} '{node.name}': {why}")

        outs = [aval(d, None) for d in (_attr(node, PROGRAM) if PROGRAM in node.attr else _outputs(node))]
        definition = ControlOp(node.op, kernel, len(inputs), (), True, True, None)
        made = record.add_op(
            context.graph, Signature(definition), inputs, context.graph.op_name(node.name, node.op), avals=tuple(outs), single=False,
        )  # fmt: skip
        return made if isinstance(made, Operation) else made[0].op

    return build


def _outputs(node):
    from . import signatures

    found = signatures.signature(node.op)
    outs = []
    for o in found.outputs if found else ():
        outs += _attr(node, o.types) if o.types else [o.dtype or _attr(node, o.type_attr)]
    return outs


place_of_program = _only_named(
    "the program of this operation (a gradient, a branch or a loop) is not part of a GraphDef that tfcompat writes; build this part of "
    "the graph from its Python code."
)
for _type in (
    "SaveV2",
    "RestoreV2",
    "Save",
    "Restore",
    "SaveSlices",
    "RestoreSlice",
    "ShardedFilename",
    "MergeV2Checkpoints",
):
    BUILDERS[_type] = _only_named(
        "tf.train.Saver saves and restores without operations here; use its save() and restore()."
    )
