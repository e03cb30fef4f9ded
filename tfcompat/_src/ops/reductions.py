"""Reductions along axes, arg max and min, running sums."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..graph import context
from ..scopes import name_scope
from ..tensor import EagerTensor
from .arithmetic import not_equal
from .core import cast, scalar
from .math import FLOATS, NUMBERS, REALS, quotient, with_jvp


def axes_of(type, rank, axis):
    """The axes of a tensor of this rank to reduce, as a tuple of distinct numbers in [0, rank); `axis` None: all of them."""
    if axis is None:
        return tuple(range(rank))
    found = []
    if axis.ndim > 1:
        raise errors.InvalidArgumentError(
            None, None, f"Shape must be at most rank 1 but is rank {axis.ndim} [Op:{type}]"
        )
    for a in np.atleast_1d(axis).ravel().tolist():
        a = int(a)
        if not -rank <= a < rank:
            raise errors.InvalidArgumentError(
                None, None, f"Invalid reduction dimension ({a} for input with {rank} dimension(s)) [Op:{type}]"
            )
        if a % rank in found:
            raise _twice(type, a % rank)
        found.append(a % rank)
    return tuple(found)


def _twice(type, axis):
    said = f"Invalid reduction arguments: Axes contains duplicate dimension: {axis} [Op:{type}]"
    return errors.InvalidArgumentError(None, None, said)


def _keep(out, axes, keep_dims):
    return jnp.expand_dims(out, axes) if keep_dims else out


def reduction(type, compute, twin=None, **flags):
    """Declares a reduction op: `compute(x, axes)` reduces, `keep_dims` puts the axes back with size 1."""

    def kernel(input, reduction_indices=None, *, keep_dims=False):
        axes = axes_of(type, input.ndim, reduction_indices)
        return _keep(compute(input, axes), axes, keep_dims)

    def on_host(input, reduction_indices=None, *, keep_dims=False):
        axes = axes_of(type, input.ndim, reduction_indices)
        with np.errstate(all="ignore"):
            return np.asarray(twin(input, axis=axes, keepdims=keep_dims)).astype(input.dtype)

    kernel.__name__ = type.lower()

    def unknown(input, reduction_indices=(), *, keep_dims=False):
        return _reduced_unknown(type, input, reduction_indices, keep_dims)

    twin_of_all = on_host if twin else None
    return op(type, "", static="reduction_indices", twin=twin_of_all, results=unknown, **flags)(kernel)


def _reduced_unknown(type, shape, axis, keep_dims):
    """The static shape.  Along axes that are not known: where they are kept, there are as many dimensions as before."""
    if axis.__class__ is tuple:  # absent
        axis = None
    elif axis is None or None in axis.ravel().tolist():
        return (None,) * len(shape) if keep_dims and shape is not None else NotImplemented
    elif shape is None:
        given = axis.ravel().tolist()
        if len(set(given)) < len(given):
            raise _twice(type, next(a for a in given if given.count(a) > 1))
    if shape is None:
        return () if axis is None and not keep_dims else None
    axes = axes_of(type, len(shape), axis)
    return tuple([1 if i in axes else d for i, d in enumerate(shape) if keep_dims or i not in axes])


def mean_of(x, axes):
    """Integers: the sum, which does not overflow, over the count, truncated."""
    if jnp.issubdtype(x.dtype, jnp.integer):
        count = int(np.prod([x.shape[a] for a in axes], dtype=np.int64))
        wide = jnp.uint64 if jnp.issubdtype(x.dtype, jnp.unsignedinteger) else jnp.int64
        total = jnp.sum(x, axes, dtype=wide)
        return lax.div(total, jnp.full_like(total, max(count, 1))).astype(x.dtype)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return jnp.mean(x, axes)
    wide = jnp.float32 if x.dtype.itemsize == 2 else x.dtype
    count = np.prod([x.shape[a] for a in axes], dtype=np.int64)
    return quotient(jnp.sum(x, axes, dtype=wide), jnp.asarray(count, wide)).astype(x.dtype)


def _logsumexp(x, axes):
    top = lax.stop_gradient(lax.reduce_max(x, axes))
    top = jnp.where(jnp.isfinite(top), top, 0)
    return jnp.log(jnp.sum(jnp.exp(x - jnp.expand_dims(top, axes)), axes)) + top


def _euclidean_norm(x, axes):
    if jnp.iscomplexobj(x):
        return jnp.sqrt(jnp.sum(x * jnp.conj(x), axes))
    if jnp.issubdtype(x.dtype, jnp.integer):
        return jnp.sqrt(jnp.sum(jnp.square(x), axes, dtype=x.dtype).astype(jnp.float64)).astype(x.dtype)
    return jnp.sqrt(jnp.sum(jnp.square(x), axes))


def _extreme(find):
    """The ties share the gradient; a NaN makes all of it NaN, as in TensorFlow."""

    def compute(x, axes):
        def tangent(x, out, t):
            chosen = x == jnp.expand_dims(out, axes)
            count = jnp.sum(chosen, axes, keepdims=True, dtype=x.dtype)
            share = jnp.where(
                count == 0, jnp.nan, jnp.where(chosen, 1 / count, 0)
            )  # 0 / 0 by hand: XLA would see a select
            return jnp.sum(t * share, axes)

        return with_jvp(lambda x: find(x, axes), tangent)(x)

    return compute


def _sum(x, axes):
    """bfloat16 and float16 add up in float32; XLA by itself would round in between."""
    small = x.dtype.itemsize == 2 and jnp.issubdtype(x.dtype, jnp.floating)
    return jnp.sum(x.astype(jnp.float32), axes).astype(x.dtype) if small else jnp.sum(x, axes, dtype=x.dtype)


reduction("Sum", _sum, dtypes=NUMBERS, twin=np.sum)
reduction("Mean", mean_of, dtypes=NUMBERS)
reduction("Prod", lambda x, axes: jnp.prod(x, axes, dtype=x.dtype), dtypes=NUMBERS, twin=np.prod)
reduction("Max", _extreme(lax.reduce_max), dtypes=REALS)
reduction("Min", _extreme(lax.reduce_min), dtypes=REALS)
reduction("Any", lambda x, axes: jnp.any(x, axes), dtypes="bool", differentiable=False, twin=np.any)
reduction("All", lambda x, axes: jnp.all(x, axes), dtypes="bool", differentiable=False, twin=np.all)
reduction("ReduceLogSumExp", _logsumexp, dtypes=FLOATS)
reduction("EuclideanNorm", _euclidean_norm, dtypes=NUMBERS)

_sigs: dict = {}  # (op type, axis, keepdims) -> Signature, for axes given as Python values


def reduce(type, x, axis, keepdims, name):
    """Records a reduction of `x` (a tensor or what becomes one) along `axis` (None, int, list or integer tensor)."""
    definition = OPS[type]
    if context.graph is None:
        if x.__class__ is not EagerTensor:
            x = record.convert_to_tensor(
                x, dtypes.bool if type in ("Any", "All") and record._dtype_of(x) is None else None
            )
        kind = axis.__class__
        if axis is None or kind is int:
            key = type, axis, bool(keepdims)
        elif (kind is list or kind is tuple) and all(a.__class__ is int for a in axis):
            key = type, tuple(axis), bool(keepdims)
        else:
            return record.call(definition, [x, axis], {"keep_dims": bool(keepdims)}, None)
        sig = _sigs.get(key)
        if sig is None:
            fixed = None if axis is None else np.array(axis, np.int32)
            sig = _sigs[key] = definition.signature({"keep_dims": bool(keepdims)}, {1: fixed})
        return record.record_eager(sig, (x._slot,))
    x = record.convert_to_tensor(x, dtypes.bool if type in ("Any", "All") and record._dtype_of(x) is None else None)
    if axis is None and x._rank() is not None and type != "ReduceLogSumExp":
        # TensorFlow numbers the axes with a constant of its own, and users see the names that follow.
        axis = record.const_of(context.graph, np.arange(x._rank(), dtype=np.int32), "Const")
    return record.call(definition, [x, axis], {"keep_dims": bool(keepdims)}, name)


def old_name(new_key, new, old_key, old):
    """The value of an argument that has an older name; ValueError where both are given."""
    if old is None:
        return new
    if new is not None:
        raise ValueError(f"Cannot specify both '{old_key}' and '{new_key}'.")
    return old


def _publish(name, type, v1_short=True, doc=""):
    """Publishes the TF2 and TF1 forms of a reduction."""

    def function(input_tensor, axis=None, keepdims=False, name=None):
        return reduce(type, input_tensor, axis, keepdims, name)

    def function_v1(input_tensor, axis=None, keepdims=None, name=None, reduction_indices=None, keep_dims=None):
        axis = old_name("axis", axis, "reduction_indices", reduction_indices)
        return reduce(type, input_tensor, axis, bool(old_name("keepdims", keepdims, "keep_dims", keep_dims)), name)

    for f in (function, function_v1):
        f.__name__ = f.__qualname__ = name
        f.__doc__ = f"{doc} along `axis` (None: over everything); `keepdims` keeps the axes with size 1."
        f.op = OPS[type]
    export(f"{name} math.{name}", v1="")(function)
    export("", v1=f"{name} math.{name}")(function_v1)
    return function


reduce_sum = _publish("reduce_sum", "Sum", doc="The sum")
reduce_mean = _publish("reduce_mean", "Mean", doc="The mean; integers truncate,")
reduce_prod = _publish("reduce_prod", "Prod", doc="The product")
reduce_max = _publish("reduce_max", "Max", doc="The maximum; ties share the gradient,")
reduce_min = _publish("reduce_min", "Min", doc="The minimum; ties share the gradient,")
reduce_any = _publish("reduce_any", "Any", doc="Whether any element is true")
reduce_all = _publish("reduce_all", "All", doc="Whether all elements are true")
reduce_logsumexp = _publish("reduce_logsumexp", "ReduceLogSumExp", doc="log(sum(exp(x))), without overflow,")


@export("math.reduce_euclidean_norm")
def reduce_euclidean_norm(input_tensor, axis=None, keepdims=False, name=None):
    """The square root of the sum of squares along `axis`."""
    return reduce("EuclideanNorm", input_tensor, axis, bool(keepdims), name)


@export("math.reduce_variance")
def reduce_variance(input_tensor, axis=None, keepdims=False, name=None):
    """The mean squared distance from the mean along `axis`.  Raises TypeError for integers."""
    with name_scope(name or "reduce_variance", None, [input_tensor]):
        x = record.convert_to_tensor(input_tensor)
        means = reduce_mean(x, axis, True)
        if means.dtype.is_integer:
            raise TypeError(f"Input must be either real or complex. Received integer type {means.dtype}.")
        diff = x - means
        if diff.dtype.is_complex:
            square = OPS["Real"].public(diff * OPS["Conj"].public(diff))
        else:
            square = OPS["Square"].public(diff)
        return reduce_mean(square, axis, keepdims)


@export("math.reduce_std")
def reduce_std(input_tensor, axis=None, keepdims=False, name=None):
    """The standard deviation along `axis`, over n.  Raises TypeError for integers."""
    with name_scope(name or "reduce_std", None, [input_tensor]):
        return OPS["Sqrt"].public(reduce_variance(input_tensor, axis, keepdims))


@export("math.count_nonzero", v1="")
def count_nonzero(input, axis=None, keepdims=None, dtype=dtypes.int64, name=None):
    """How many elements along `axis` are not zero (or, of strings, not empty)."""
    with name_scope(name, "count_nonzero", [input]):
        x = record.convert_to_tensor(input)
        zero = b"" if x.dtype is dtypes.string else np.zeros((), x.dtype.np)
        found = cast(not_equal(x, zero), dtypes.int64)
        return cast(reduce_sum(found, axis, bool(keepdims)), dtype)


@export("", v1="count_nonzero math.count_nonzero")
def count_nonzero_v1(input_tensor=None, axis=None, keepdims=None, dtype=dtypes.int64, name=None, reduction_indices=None,
                     keep_dims=None, input=None):  # fmt: skip
    """TF1's argument order of tf.math.count_nonzero."""
    x = old_name("input", input, "input_tensor", input_tensor)
    axis = old_name("axis", axis, "reduction_indices", reduction_indices)
    return count_nonzero(x, axis, old_name("keepdims", keepdims, "keep_dims", keep_dims), dtype, name)


# -- where the extreme is ---------------------------------------------------------------------------------------------
def _arg(type, find, low):
    @op(type, "", static="dimension", differentiable=False, dtypes=REALS + " bool")
    def kernel(input, dimension, *, output_type=dtypes.int64):
        axis = int(dimension)
        if not -input.ndim <= axis < input.ndim:
            raise errors.InvalidArgumentError(
                None, None, f"Expected dimension in the range [{-input.ndim}, {input.ndim}), but got {axis} [Op:{type}]"
            )
        if input.shape[axis] == 0:
            raise errors.InvalidArgumentError(
                None, None, f"Reduction axis {axis} is empty in shape [{','.join(map(str, input.shape))}] [Op:{type}]"
            )
        return find(input, axis).astype(output_type.np)

    return kernel


def _first_greatest(x, axis):
    if jnp.issubdtype(x.dtype, jnp.floating):  # TensorFlow passes over NaN where XLA would choose it
        x = jnp.where(jnp.isnan(x), -jnp.inf, x)
    return jnp.argmax(x, axis)


def _first_least(x, axis):
    if jnp.issubdtype(x.dtype, jnp.floating):
        x = jnp.where(jnp.isnan(x), jnp.inf, x)
    return jnp.argmin(x, axis)


_arg("ArgMax", _first_greatest, None)
_arg("ArgMin", _first_least, None)


def _publish_arg(name, type):
    def function(input, axis=None, output_type=dtypes.int64, name=None):
        dimension = 0 if axis is None else axis
        if context.graph is None and input.__class__ is EagerTensor and dimension.__class__ is int:
            key = type, dimension, output_type
            sig = _sigs.get(key)
            if sig is None:
                settings = {"output_type": dtypes.as_dtype(output_type)}
                sig = _sigs[key] = OPS[type].signature(settings, {1: np.array(dimension, np.int32)})
            return record.record_eager(sig, (input._slot,))
        return record.call(OPS[type], [input, scalar(dimension)], {"output_type": dtypes.as_dtype(output_type)}, name)

    def function_v1(input, axis=None, name=None, dimension=None, output_type=dtypes.int64):
        axis = old_name("axis", axis, "dimension", dimension)
        return function(input, axis, output_type, name)

    for f in (function, function_v1):
        f.__name__ = f.__qualname__ = name
        which = "greatest" if type == "ArgMax" else "least"
        f.__doc__ = f"The index of the {which} element along `axis` (default 0), the first of equals; int64."
        f.op = OPS[type]
    export(f"{name} math.{name}", v1="")(function)
    export("", v1=f"{name} math.{name}")(function_v1)
    return function


argmax = _publish_arg("argmax", "ArgMax")
argmin = _publish_arg("argmin", "ArgMin")


@export("", v1="arg_max")
def arg_max(input, dimension, output_type=dtypes.int64, name=None):
    """An older form of tf.argmax."""
    return argmax(input, dimension, output_type, name)


@export("", v1="arg_min")
def arg_min(input, dimension, output_type=dtypes.int64, name=None):
    """An older form of tf.argmin."""
    return argmin(input, dimension, output_type, name)


# -- running sums -----------------------------------------------------------------------------------------------------
def _running(total, start):
    """`total(x, axis)` along an axis, from the other end (`reverse`) or one step behind (`exclusive`, beginning with
    `start`).
    """

    def kernel(x, axis, *, exclusive=False, reverse=False):
        if axis.ndim:
            raise errors.InvalidArgumentError(None, None, f"ScanOp: axis must be a scalar, not {list(axis.shape)}")
        axis = int(axis)
        if not -x.ndim <= axis < x.ndim:
            raise errors.InvalidArgumentError(
                None, None, f"Expected scan axis in the range [{-x.ndim}, {x.ndim}), but got {axis}"
            )
        if reverse:
            x = jnp.flip(x, axis)
        if exclusive:
            first = jnp.full_like(lax.slice_in_dim(x, 0, min(1, x.shape[axis]), axis=axis), start)
            x = jnp.concatenate([first, lax.slice_in_dim(x, 0, max(x.shape[axis] - 1, 0), axis=axis)], axis)
        out = total(x, axis)
        return jnp.flip(out, axis) if reverse else out

    return kernel


def _cumulative_logsumexp(x, axis):
    return lax.cumlogsumexp(x, axis % x.ndim)


def _cumulative_product(x, axis):
    """TensorFlow's gradient divides by x and is zero where x is."""
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        return jnp.cumprod(x, axis, dtype=x.dtype)

    def tangent(x, out, t):
        zero = x == 0
        return out * jnp.cumsum(jnp.where(zero, 0, t / jnp.where(zero, 1, x)), axis)

    return with_jvp(lambda x: jnp.cumprod(x, axis), tangent)(x)


_scans = dict(
    Cumsum=(_running(lambda x, axis: jnp.cumsum(x, axis, dtype=x.dtype), 0), NUMBERS),
    Cumprod=(_running(_cumulative_product, 1), NUMBERS),
    CumulativeLogsumexp=(_running(_cumulative_logsumexp, -np.inf), FLOATS),
)


def _declare_scan(type, names, v1):
    kernel, allowed = _scans[type]

    @op(type, "", static="axis", dtypes=allowed)
    def scan(x, axis, *, exclusive=False, reverse=False):
        return kernel(x, axis, exclusive=exclusive, reverse=reverse)

    def function(x, axis=0, exclusive=False, reverse=False, name=None):
        x = record.convert_to_tensor(x, name="x")
        settings = {"exclusive": bool(exclusive), "reverse": bool(reverse)}
        out = record.call(OPS[type], [x, scalar(axis)], settings, name)
        if isinstance(out, record.SymbolicTensor):
            out.set_shape(x.shape)
        return out

    function.__name__ = function.__qualname__ = names.split()[0].rpartition(".")[2]
    function.op = OPS[type]
    return export(names, v1)(function)


cumsum = _declare_scan("Cumsum", "cumsum math.cumsum", None)
cumprod = _declare_scan("Cumprod", "math.cumprod", "cumprod math.cumprod")
cumulative_logsumexp = _declare_scan("CumulativeLogsumexp", "math.cumulative_logsumexp", None)
