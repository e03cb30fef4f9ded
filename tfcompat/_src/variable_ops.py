"""The ops that read and change variables.

A change is one function `new(current, *inputs) -> new value` (`UPDATES`), used three ways: eagerly it is recorded
like any op and the variable is given the result; in a graph it becomes an operation that declares the variable among
its `reads` and `writes`: Assign and its kin for TF1's ref variables (the output is the new value), AssignVariableOp
and its kin for resource variables (no output).
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from . import dtypes, errors, record
from .declare import OpDef
from .engine import dispatch
from .graph import aval, context
from .shapes import TensorShape
from .tensor import EagerTensor, Tensor


def _value(v):
    return v


def _variable(v, *, dtype, shape):
    return v


class _Pair:
    """An op with its twin for strings, which runs on the host."""

    def __init__(self, type, kernel):
        self.device = OpDef(type, kernel, differentiable=False, alike=False)
        self.host = OpDef(type, kernel, host=True)

    def of(self, dtype):
        """The op for a dtype."""
        return self.host if dtype.base_dtype is dtypes.string else self.device


READ = OpDef("ReadVariableOp", _value, differentiable=False, alike=False)
READS, REF_READS, VARIABLES = _Pair("ReadVariableOp", _value), _Pair("Identity", _value), _Pair("VariableV2", _variable)


def _handle(*, dtype, shape):
    raise errors.UnimplementedError(
        None, None, "The handle of a resource variable has no value in tfcompat: fetch the variable itself."
    )


HANDLE = OpDef("VarHandleOp", _handle, host=True)


def _bad(text, op=None):
    return errors.InvalidArgumentError(None, None, text if op is None else f"{text} [Op:{op}]")


def spoken(shape):
    """A shape as TensorFlow's kernels print it: [2,3]."""
    return f"[{','.join('?' if d is None else str(d) for d in shape)}]"


# -- what the changes compute -----------------------------------------------------------------------------------------
def _same_shape(v, delta, op):
    if v.shape != delta.shape:
        raise _bad(
            f"Cannot update variable with shape {spoken(v.shape)} using a Tensor with shape {spoken(delta.shape)}, "
            "shapes must be equal.",
            op,
        )


def _add(v, value):
    _same_shape(v, value, "AssignAddVariableOp")
    return lax.add(v, value)


def _sub(v, value):
    _same_shape(v, value, "AssignSubVariableOp")
    return lax.sub(v, value)


def check_rows(indices, n, op=None):
    """InvalidArgumentError where a known index lies outside [0, n)."""
    wrong = np.flatnonzero((indices < 0) | (indices >= n))
    if wrong.size:
        at = np.unravel_index(wrong[0], indices.shape)
        raise _bad(
            f"indices[{','.join(map(str, at))}] = {indices[at]} is not in [0, {n})"
            if at
            else f"indices = {indices} is not in [0, {n})",
            op,
        )


def check_points(indices, shape, op=None):
    """InvalidArgumentError where a known row of `indices` [..., k] does not index into `shape`."""
    depth = indices.shape[-1]
    flat = indices.reshape(-1, depth)
    wrong = np.flatnonzero(((flat < 0) | (flat >= np.array(shape[:depth]))).any(axis=1))
    if wrong.size:
        at = np.unravel_index(wrong[0], indices.shape[:-1])
        raise _bad(
            f"indices[{','.join(map(str, at))}] = {flat[wrong[0]].tolist()} does not index into shape {spoken(shape)}",
            op,
        )


def _rows(op, change):
    """A scatter by rows: v [n, ...], indices [...] in [0, n), updates indices.shape + v.shape[1:] or scalar."""

    def new(v, indices, updates):
        wanted = (*indices.shape, *v.shape[1:])
        if not v.shape or updates.shape not in (wanted, ()):
            raise _bad(
                "Must have updates.shape = indices.shape + params.shape[1:] or updates.shape = [], got updates.shape "
                f"{spoken(updates.shape)}, indices.shape {spoken(indices.shape)}, params.shape {spoken(v.shape)}", op,
            )  # fmt: skip
        if isinstance(indices, np.ndarray):
            check_rows(indices, v.shape[0], op)
        # What only a run can tell to be out of range changes nothing, as on TensorFlow's GPUs; JAX would count -1
        # from the end.
        return change(jnp.asarray(v), jnp.where(indices < 0, v.shape[0], indices), updates)

    return new


def _points(op, change):
    """A scatter by positions: v, indices [..., k], updates indices.shape[:-1] + v.shape[k:]."""

    def new(v, indices, updates):
        depth = indices.shape[-1]
        wanted = (*indices.shape[:-1], *v.shape[depth:])
        if updates.shape != wanted:
            raise _bad(
                f"Dimensions [0,{max(indices.ndim - 1, 0)}) of indices[shape={spoken(indices.shape)}] must match "
                "dimensions "
                f"[0,{max(indices.ndim - 1, 0)}) of updates[shape={spoken(updates.shape)}]", op,
            )  # fmt: skip
        if isinstance(indices, np.ndarray):
            check_points(indices, v.shape, op)
        parts = [jnp.where(indices[..., i] < 0, v.shape[i], indices[..., i]) for i in range(depth)]
        return change(jnp.asarray(v), tuple(parts), updates)

    return new


def _divided(v, at, updates):
    # Repeated rows divide one after the other, which is division by the product.
    return lax.div(v, jnp.ones_like(v).at[at].multiply(updates, mode="drop"))


_CHANGES = {
    "Update": lambda v, at, u: v.at[at].set(u, mode="drop"),
    "Add": lambda v, at, u: v.at[at].add(u, mode="drop"),
    "Sub": lambda v, at, u: v.at[at].add(jnp.negative(u), mode="drop"),
    "Mul": lambda v, at, u: v.at[at].multiply(u, mode="drop"),
    "Div": _divided,
    "Min": lambda v, at, u: v.at[at].min(u, mode="drop"),
    "Max": lambda v, at, u: v.at[at].max(u, mode="drop"),
}


def _batch_update(v, indices, updates):
    """Rows `indices[..., i]` of each batch entry of v [batch..., n, ...] become `updates[..., i]`."""
    batch = indices.shape[:-1]
    if isinstance(indices, np.ndarray):
        check_rows(indices, v.shape[len(batch)])
    grid = np.meshgrid(*[np.arange(d) for d in batch], indexing="ij") if batch else []
    place = tuple([g[..., None] for g in grid]) + (jnp.where(indices < 0, v.shape[len(batch)], indices),)
    return jnp.asarray(v).at[place].set(updates, mode="drop")


def _slice_update(v, value, *positions, key):
    """v with v[key] replaced by `value` (broadcast).

    key: per dimension ("at", i) the element at the i-th of `positions`, ("window", i, n) n elements from there,
    ("slice", a, b, c); None and Ellipsis as in Python.
    """
    used = sum(1 for e in key if e is not None and e is not Ellipsis)
    if used > v.ndim:
        raise _bad(
            f"Index out of range using input dim {v.ndim}; input has only {v.ndim} dims", "ResourceStridedSliceAssign"
        )
    rest = [("slice", None, None, None)] * (v.ndim - used)
    entries = [e for k in key for e in (rest if k is Ellipsis else [k])] + ([] if Ellipsis in key else rest)
    starts, window, shape, static, dim = [], [], [], [], 0
    for e in entries:
        if e is None:
            shape.append(1)
            static.append(None)
            continue
        size = v.shape[dim]
        dim += 1
        if e[0] == "slice":
            low, stop, step = slice(*e[1:]).indices(size)
            n = len(range(low, stop, step))
            static.append(slice(*e[1:]))
            if step != 1:
                starts = None
        else:
            p, n = positions[e[1]], 1 if e[0] == "at" else e[2]
            low = jnp.where(p < 0, p + size, p)
            static.append(p)
        if e[0] != "at":
            shape.append(n)
        if starts is not None:
            starts.append(jnp.asarray(low, np.int64))
        window.append(n)
    try:
        value = jnp.broadcast_to(value, shape)
    except ValueError:
        raise _bad(
            f"Cannot broadcast input shape {spoken(value.shape)} into final shape {spoken(shape)}",
            "ResourceStridedSliceAssign",
        ) from None
    if starts is None:
        return jnp.asarray(v).at[tuple(static)].set(value)
    return lax.dynamic_update_slice(jnp.asarray(v), lax.reshape(value, window), starts)


class Update:
    """A way of changing a variable; `ref`, `resource` are its ops in graphs, `eager` the one recorded eagerly,
    `inputs` their names.
    """

    __slots__ = ("ref", "resource", "eager", "sig", "inputs", "is_scatter")

    def __init__(self, ref, resource, new, *inputs, twin=None):
        def value(v, args, key):
            return new(v, *args) if key is None else new(v, *args, key=key)

        def eager(v, *args, key=None):
            return value(v, args, key)

        def in_graph(*args, key=None):
            return (value(args[-1], args[:-1], key),)

        def in_graph_ref(*args, key=None):
            made = value(args[-1], args[:-1], key)
            return made, made

        flags = dict(differentiable=False, alike=False)
        self.eager, self.resource = OpDef(resource, eager, twin=twin, **flags), OpDef(resource, in_graph, **flags)
        self.ref, self.sig = OpDef(ref, in_graph_ref, **flags), self.eager.signature()
        self.inputs, self.is_scatter = inputs, inputs[0] == "indices"


UPDATES = {
    "assign_add": Update("AssignAdd", "AssignAddVariableOp", _add, "value", twin=np.add),
    "assign_sub": Update("AssignSub", "AssignSubVariableOp", _sub, "value", twin=np.subtract),
    "batch_scatter_update": Update(
        "BatchScatterUpdate", "ResourceBatchScatterUpdate", _batch_update, "indices", "updates"
    ),
    "slice": Update("StridedSliceAssign", "ResourceStridedSliceAssign", _slice_update, "value"),
}
for _name, _change in _CHANGES.items():
    UPDATES[f"scatter_{_name.lower()}"] = Update(
        f"Scatter{_name}", f"ResourceScatter{_name}", _rows(f"ResourceScatter{_name}", _change), "indices", "updates"
    )
    if _name not in ("Mul", "Div"):
        UPDATES[f"scatter_nd_{_name.lower()}"] = Update(
            f"ScatterNd{_name}",
            f"ResourceScatterNd{_name}",
            _points(f"ResourceScatterNd{_name}", _change),
            "indices",
            "updates",
        )


def _assign_ref(value, *, shape=None):
    if shape is not None and value.shape != shape:
        raise _bad(
            f"Assign requires shapes of both tensors to match. lhs shape= {spoken(shape)} rhs shape= "
            f"{spoken(value.shape)}"
        )
    return value, value


def _assign_resource(value, *, shape=None):
    if shape is not None and value.shape != shape:
        raise _bad(
            f"Trying to assign to variable with tensor with wrong shape. Expected {spoken(shape)} got "
            f"{spoken(value.shape)}"
        )
    return (value,)


ASSIGN_REF, ASSIGN_RESOURCE = _Pair("Assign", _assign_ref), _Pair("AssignVariableOp", _assign_resource)


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
            "and the assigned "
            f"value shape {tensor.shape} are incompatible."
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
                    f"Dimension {i} in both shapes must be equal, but are {a} and {b}. "
                    f"Shapes are {spoken(ours)} and {spoken(theirs)}."
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
            f"'{value.__class__.__name__}' instead. "
            f"Error: {e}"
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
        raise _bad(f"slice index {k + size if k < 0 else k} of dimension {dim} out of bounds.", "StridedSlice")
    return k


def static_shape(value):
    """A TensorShape as the tuple an Aval holds, None for unknown rank."""
    shape = TensorShape(value)
    return None if shape.rank is None else tuple(shape.as_list())
