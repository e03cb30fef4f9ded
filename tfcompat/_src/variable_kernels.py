"""What the ops on variables compute, and their declarations.

A change is one function `new(current, *inputs) -> new value` (`UPDATES`), used three ways: eagerly it is recorded
like any op and the variable is given the result; in a graph it becomes an operation that declares the variable among
its `reads` and `writes`: Assign and its kin for TF1's ref variables (the output is the new value), AssignVariableOp
and its kin for resource variables (no output).
"""

from __future__ import annotations

import functools

import jax.numpy as jnp
import numpy as np
from jax import lax

from . import dtypes, errors
from .declare import OpDef
from .ops.gather import check_updates, scattered_text


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
    raise AssertionError("asks its operation, see with_session")


# What fetching a handle gives: TensorFlow's is an opaque record, too.
_handle.with_session = lambda session, operation, **settings: operation.name.encode()
HANDLE = OpDef("VarHandleOp", _handle, host=True)


def bad(text, op=None):
    return errors.InvalidArgumentError(None, None, text if op is None else f"{text} [Op:{op}]")


def spoken(shape):
    """A shape as TensorFlow's kernels print it: [2,3]."""
    return f"[{','.join('?' if d is None else str(d) for d in shape)}]"


# -- what the changes compute -----------------------------------------------------------------------------------------
def _same_shape(v, delta, op):
    if v.shape != delta.shape:
        raise bad(
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
        raise bad(
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
        raise bad(
            f"indices[{','.join(map(str, at))}] = {flat[wrong[0]].tolist()} does not index into shape {spoken(shape)}",
            op,
        )


def _rows(op, change):
    """A scatter by rows: v [n, ...], indices [...] in [0, n), updates indices.shape + v.shape[1:] or scalar."""

    def new(v, indices, updates):
        wanted = (*indices.shape, *v.shape[1:])
        if not v.shape or updates.shape not in (wanted, ()):
            raise bad(
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
        if not v.shape:
            raise bad("Output must be at least 1-D, got shape: []", op)
        check_updates(op, indices.shape, updates.shape, v.shape)
        depth = indices.shape[-1]
        if isinstance(indices, np.ndarray):
            check_points(indices, v.shape, op)
        parts = [jnp.where(indices[..., i] < 0, v.shape[i], indices[..., i]) for i in range(depth)]
        return change(jnp.asarray(v), tuple(parts), updates)

    return new


def _points_on_host(v, indices, updates):
    """The same in NumPy, for strings."""
    return scattered_text(v, indices, updates, "set")


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
        raise bad(
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
        raise bad(
            f"Cannot broadcast input shape {spoken(value.shape)} into final shape {spoken(shape)}",
            "ResourceStridedSliceAssign",
        ) from None
    if starts is None:
        return jnp.asarray(v).at[tuple(static)].set(value)
    return lax.dynamic_update_slice(jnp.asarray(v), lax.reshape(value, window), starts)


class Update:
    """A way of changing a variable: `new(current, *inputs) -> new value`; `inputs` are the inputs' names.

    Its ops are declared when they are first used, as most never are: `ref` and `resource` those in graphs, `eager` the
    one recorded eagerly, `sig` its signature without settings.
    """

    def __init__(self, ref, resource, new, *inputs, twin=None):
        self._types, self._new, self._twin = (ref, resource), new, twin
        self.inputs, self.is_scatter = inputs, inputs[0] == "indices"

    def _value(self, v, args, key):
        return self._new(v, *args) if key is None else self._new(v, *args, key=key)

    @functools.cached_property
    def eager(self):
        def kernel(v, *args, key=None):
            return self._value(v, args, key)

        return OpDef(self._types[1], kernel, twin=self._twin, differentiable=False, alike=False)

    @functools.cached_property
    def sig(self):
        return self.eager.signature()

    @functools.cached_property
    def resource(self):
        def kernel(*args, key=None):
            return (self._value(args[-1], args[:-1], key),)

        twin = self._twin and (lambda *args: (self._twin(args[-1], *args[:-1]),))
        return OpDef(self._types[1], kernel, differentiable=False, alike=False, twin=twin)

    @functools.cached_property
    def ref(self):
        def kernel(*args, key=None):
            made = self._value(args[-1], args[:-1], key)
            return made, made

        twin = self._twin and (lambda *args: (self._twin(args[-1], *args[:-1]),) * 2)
        return OpDef(self._types[0], kernel, differentiable=False, alike=False, twin=twin)


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
            twin=_points_on_host if _name == "Update" else None,
        )


def _assign_ref(value, *, shape=None):
    if shape is not None and value.shape != shape:
        raise bad(
            f"Assign requires shapes of both tensors to match. lhs shape= {spoken(shape)} rhs shape= "
            f"{spoken(value.shape)}"
        )
    return value, value


def _assign_resource(value, *, shape=None):
    if shape is not None and value.shape != shape:
        raise bad(
            f"Trying to assign to variable with tensor with wrong shape. Expected {spoken(shape)} got "
            f"{spoken(value.shape)}"
        )
    return (value,)


ASSIGN_REF, ASSIGN_RESOURCE = _Pair("Assign", _assign_ref), _Pair("AssignVariableOp", _assign_resource)
