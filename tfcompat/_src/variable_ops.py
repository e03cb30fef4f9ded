"""Recording what reads and changes variables, eagerly and in graphs (the ops: variable_kernels.py)."""

from __future__ import annotations

import numpy as np

from . import record
from .engine import dispatch
from .graph import aval, context
from .shapes import TensorShape
from .tensor import EagerTensor, Tensor
from .variable_kernels import (
    ASSIGN_REF,
    ASSIGN_RESOURCE,
    HANDLE,
    READS,
    REF_READS,
    UPDATES,
    VARIABLES,
    bad,
    check_points,
    check_rows,
    spoken,
)

__all__ = ["HANDLE", "UPDATES", "VARIABLES", "assign_in_graph", "change_eagerly", "change_in_graph", "read_in_graph"]


# -- reading ----------------------------------------------------------------------------------------------------------
def read_in_graph(variable, name=None):
    """A ReadVariableOp of `variable` in the graph being built."""
    graph = context.graph
    full = graph.op_name(name, "ReadVariableOp")
    owner = variable._owner
    out = record.add_op(
        graph,
        READS.of(owner._dtype).sig,
        (),
        full,
        reads=(owner,),
        avals=(owner._aval,),
        single=True,
        attributes={"ref": owner._handle_in(graph)},
    )
    for tape in context.tapes:
        tape.watch_read(owner, out._slot)
    return out


def read_ref(variable, name="read"):
    """A fresh read of a ref variable: an Identity of it, evaluated where control dependencies put it."""
    graph = context.graph
    return record.add_op(
        graph, REF_READS.of(variable._dtype).sig, (), graph.op_name(name, "Identity"), reads=(variable,),
        avals=(variable._aval,), single=True,
        attributes={"ref": variable._variable},
    )  # fmt: skip


# -- changing ---------------------------------------------------------------------------------------------------------
def change_eagerly(variable, kind, values, key=None):
    """Gives an eager variable the value that update `kind` computes.  A failure leaves it as it was."""
    current = variable._before_assignment()
    update = UPDATES[kind]
    tensors = _inputs(variable, update, values, None)
    if update.is_scatter:
        known = tensors[0]._slot.value
        shape = current.aval.shape
        if known.__class__ is np.ndarray and shape and known.size:
            (check_points if "_nd_" in kind else check_rows)(
                known,
                shape if "_nd_" in kind else shape[known.ndim - 1 if "batch" in kind else 0],
                update.resource.type,
            )
    sig = update.sig if key is None else update.eager.signature({"key": key})
    variable._set(dispatch.record(sig, (current, *[t._slot for t in tensors])))


def _inputs(variable, update, values, full):
    """The inputs as tensors: the variable's dtype, integers as they are; constants are named below `full` where
    given.
    """
    dtype = variable.dtype.base_dtype
    tensors = []
    for i, value in enumerate(values):
        name = update.inputs[i] if i < len(update.inputs) else "begin"
        named = None if full is None else f"{full}/{name}/"
        if name in ("indices", "begin"):
            tensors.append(record.convert_to_tensor(value, name=named))
        else:
            tensors.append(record.convert_to_tensor(value, dtype, name=named))
    return tensors


def change_in_graph(variable, kind, values, name=None, key=None):
    """The operation that changes `variable` when it runs: returns its output (ref variables) or itself."""
    graph, owner, update = context.graph, variable._owner, UPDATES[kind]
    is_ref = owner._is_ref_in(graph)
    definition = update.ref if is_ref else update.resource
    if is_ref or update.is_scatter:
        full = graph.op_name(name, definition.type)
        tensors = (
            _ref_inputs(owner, update, values, full, definition.type)
            if is_ref
            else _inputs(owner, update, values, full)
        )
    else:
        tensors = _inputs(owner, update, values, None)
        full = graph.op_name(name, definition.type)
    if kind in ("assign_add", "assign_sub"):
        check_static(owner, tensors[0], full, definition.type)
    sig = definition.signature(None if key is None else {"key": key})
    attributes = {"ref": owner._handle_in(graph), "variable": owner}
    avals = (aval(owner._aval.dtype._as_ref, owner._aval.shape),) if is_ref else ()
    return record.add_op(
        graph, sig, tensors, full, reads=(owner,), writes=(owner,), avals=avals, single=True, attributes=attributes
    )


def assign_in_graph(variable, value, name=None, validate_shape=True):
    """The operation that gives `variable` a value when it runs: its output (ref variables) or itself."""
    graph, owner = context.graph, variable._owner
    is_ref = owner._is_ref_in(graph)
    definition = (ASSIGN_REF if is_ref else ASSIGN_RESOURCE).of(owner._dtype)
    if is_ref:
        full = graph.op_name(name, "Assign")
        tensor = _ref_value(owner, value, f"{full}/value/", "Assign")
        if validate_shape:
            check_static(owner, tensor, full, "Assign")
    else:
        tensor = record.convert_to_tensor(value, owner.dtype)
        check_assignable(owner, tensor)
        full = graph.op_name(name, "AssignVariableOp")
    shape = owner._aval.shape
    exact = validate_shape and owner._aval.known and not tensor._slot.aval.known
    sig = definition.signature({"shape": shape} if exact else None)
    attributes = {"ref": owner._handle_in(graph), "variable": owner}
    merged = shape if validate_shape and shape is not None else tensor._slot.aval.shape
    avals = (aval(owner._aval.dtype._as_ref, merged),) if is_ref else ()
    return record.add_op(graph, sig, [tensor], full, writes=(owner,), avals=avals, single=True, attributes=attributes)


def check_assignable(variable, tensor):
    """ValueError where a value's static shape does not fit a resource variable."""
    if tensor._slot.aval is variable._aval:
        return
    if not variable.shape.is_compatible_with(tensor.shape):
        raise ValueError(
            f"Cannot assign value to variable ' {variable.name}': Shape mismatch.The variable shape {variable.shape}, "
            f"and the assigned value shape {tensor.shape} are incompatible."
        )


def check_static(variable, tensor, full, type):
    """ValueError, with TensorFlow's sentence, where static shapes differ."""
    ours, theirs = variable._aval.shape, tensor._slot.aval.shape
    if ours is None or theirs is None:
        return
    said = None
    if len(ours) != len(theirs):
        said = f"Shapes must be equal rank, but are {len(ours)} and {len(theirs)}"
    else:
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            if a is not None and b is not None and a != b:
                said = (
                    f"Dimension {i} in both shapes must be equal, but are {a} and {b}. Shapes are {spoken(ours)} and "
                    f"{spoken(theirs)}."
                )
                break
    if said is not None:
        source = tensor.name[:-2] if tensor.name.endswith(":0") else tensor.name
        raise ValueError(
            f"{said} for '{{{{node {full}}}}} = {type}({variable._shared_name}, {source})' with input shapes: "
            f"{spoken(ours)}, {spoken(theirs)}."
        )


def _ref_inputs(variable, update, values, full, type):
    out = []
    for i, value in enumerate(values):
        name = update.inputs[i] if i < len(update.inputs) else "begin"
        named = f"{full}/{name}/"
        out.append(
            record.convert_to_tensor(value, name=named)
            if name in ("indices", "begin")
            else _ref_value(variable, value, named, type)
        )
    return out


def _ref_value(variable, value, named, type):
    dtype, name = variable.dtype.base_dtype, named.rsplit("/", 2)[-2]
    try:
        return record.convert_to_tensor(value, dtype, name=named)
    except ValueError:
        if not isinstance(value, Tensor) and not hasattr(value.__class__, "_dense_tensor"):
            raise
        raise TypeError(
            f"Input '{name}' of '{type}' Op has type {value.dtype.base_dtype.name} that does not match type "
            f"{dtype.name} of argument 'ref'."
        ) from None
    except TypeError as e:
        raise TypeError(
            f"Expected {dtype.name} passed to parameter '{name}' of op '{type}', got {value!r} of type "
            f"'{value.__class__.__name__}' instead. Error: {e}"
        ) from None


# -- slices -----------------------------------------------------------------------------------------------------------
def slice_key(key, shape):
    """(hashable key, integer positions) of an index expression, for update "slice"; positions are inputs, so that a
    loop compiles once.

    Raises TypeError for what is no index, InvalidArgumentError for a known position out of range.
    """
    items = key if isinstance(key, (tuple, list)) else (key,)
    used = sum(1 for k in items if k is not None and k is not Ellipsis)
    entries, positions, dim = [], [], 0
    steps = [record.setting(k.step) for k in items if isinstance(k, slice)]
    windows = all(s in (None, 1) for s in steps)

    def at(position):
        positions.append(position)
        return len(positions) - 1

    for k in items:
        if k is None or k is Ellipsis:
            entries.append(k)
            dim += 0 if k is None else (len(shape) - used if shape is not None else 0)
            continue
        size = shape[dim] if shape is not None and dim < len(shape) else None
        if isinstance(k, slice):
            a, b, c = [record.setting(v) for v in (k.start, k.stop, k.step)]
            if windows and a is not None and size is not None:
                low, stop, _ = slice(a, b).indices(size)
                entries.append(("window", at(low), max(stop - low, 0)))
            else:
                entries.append(("slice", a, b, c))
        elif isinstance(k, Tensor) or hasattr(k.__class__, "_dense_tensor"):
            k = record.convert_to_tensor(k)
            if not k.dtype.is_integer or k.shape.rank not in (0, None):
                raise NotImplementedError(f"variable[...].assign takes integers and slices, not the tensor {k!r}")
            if k.__class__ is EagerTensor and k._slot.value.__class__ is np.ndarray:
                _position(int(k._slot.value), size, dim)
            entries.append(("at", at(k)))
        else:
            entries.append(("at", at(_position(k.__index__(), size, dim))))
        dim += 1
    return tuple(entries), positions


def _position(k, size, dim):
    if size is not None and not -size <= k < size:
        raise bad(f"slice index {k + size if k < 0 else k} of dimension {dim} out of bounds.", "StridedSlice")
    return k


def static_shape(value):
    """A TensorShape as the tuple an Aval holds, None for unknown rank."""
    shape = TensorShape(value)
    return None if shape.rank is None else tuple(shape.as_list())
