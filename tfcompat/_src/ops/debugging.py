"""tf.debugging: assertions and checks, with TensorFlow's messages.  What can be decided while a graph is built raises
there.

Eagerly an assertion returns None; in a graph it returns an operation to depend on (functions run it in any case).
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export
from ..engine.dtype_checks import spoken as _spoken
from ..graph import context
from ..scopes import control_dependencies, name_scope
from .checks import assert_type, called, described, prefixed
from .core import no_op
from .math import fit
from .python import ASSERT, _call, _flat, assert_op


def _assert_on_host(holds, inputs, data, summarize):
    """An operation that raises InvalidArgumentError with `data` unless holds(*arrays of the inputs), a Python function."""
    summarize = 3 if summarize is None else summarize
    inputs = [record.convert_to_tensor(t) for t in inputs]
    data = [record.convert_to_tensor(d) for d in data]

    def kernel(*args):
        if not holds(*args[: len(inputs)]):
            spoken = " ".join(["[" + _flat(a, summarize) + "]" for a in args[len(inputs) :]])
            raise errors.InvalidArgumentError(None, None, f"assertion failed: {spoken}")
        return ()

    return _call(ASSERT, kernel, [*inputs, *data], "Assert/Assert", (), False)


# -- element by element -----------------------------------
def _pretty(item, summarize):
    """An item of an eager assertion's data as text."""
    if not isinstance(item, record.Tensor):
        return str(item)
    array = item._numpy()
    if array.ndim == 0:
        return str(array[()])
    flat = [str(v) for v in array.ravel()[:summarize]]
    return str(flat + ["..."] if len(flat) < array.size else flat)


def _different(symbol, x, y, holds, summarize):
    """The default data of an eager assertion: where the arrays differ, and how they begin."""
    data = [f"Condition x {symbol} y did not hold."]
    if summarize <= 0:
        return data
    if x.shape == y.shape and x.ndim:
        indices = np.argwhere(~holds)
        n = min(summarize, len(indices))
        data += [f"Indices of first {n} different values:", indices[:n]]
        data += ["Corresponding x values:", x[~holds][:n], "Corresponding y values:", y[~holds][:n]]
    for name, array in (("x", x), ("y", y)):
        n = min(array.size, summarize)
        data += [f"First {n} elements of {name}:", array.ravel()[:n]]
    return data


def _compare(symbol, op_name, test, x, y, data, summarize, message, name):
    """Asserts test(x, y) for all elements; `test` is a NumPy function."""
    with name_scope(name, op_name, [x, y, data]):
        x = record.convert_to_tensor(x, name="x")
        y = record.convert_to_tensor(y, name="y")
        if context.graph is None:
            _fit(x, y, _COMPARISONS[symbol])
            a, b = x._numpy(), y._numpy()
            holds = np.asarray(test(a, b))
            if np.all(holds):
                return None
            summarize = 3 if summarize is None else 10**9 if summarize < 0 else summarize
            data = _different(symbol, a, b, holds, summarize) if data is None else list(data)
            data = data if message is None else [message, *data]
            raise errors.InvalidArgumentError(None, None, "\n".join([_pretty(d, summarize) for d in data]))
        if data is None:
            condition = f"Condition x {symbol} y did not hold element-wise:"
            data = [condition, f"x ({described(x)}) = ", x, f"y ({described(y)}) = ", y]
        data = data if message is None else [message, *data]
        holds = OPS["All"].public(OPS[_COMPARISONS[symbol]].public(x, y))
        a, b = record.static_value(x), record.static_value(y)
        if a is not None and b is not None and not np.all(test(a, b)):
            parts = [record.static_value(d) if isinstance(d, record.Tensor) else d for d in data]
            raise errors.InvalidArgumentError(None, None, "\n".join([str(d) for d in parts]))
        return assert_op(holds, data, summarize)


_COMPARISONS = {"==": "Equal", "!=": "NotEqual", "<": "Less", "<=": "LessEqual", ">": "Greater", ">=": "GreaterEqual"}


def _fit(x, y, op_name):
    if x.dtype.base_dtype is not y.dtype.base_dtype:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"cannot compute {op_name} as input #1(zero-based) was expected to be a {_spoken(x.dtype)} tensor but "
            f"is a {_spoken(y.dtype)} "
            f"tensor [Op:{op_name}]",
        )
    fit(op_name, x._shape_tuple(), y._shape_tuple())


def _same(x, y):
    return x is y


def _binary(name, symbol, test, v2_also=True):
    """Declares tf.debugging.<name> for two tensors in both faces."""

    def old(x, y, data=None, summarize=None, message=None, name=None):
        if _same(x, y) and symbol == "==":
            return None if context.graph is None else _done(name, op_name)
        return _compare(symbol, op_name, test, x, y, data, summarize, message, name)

    def new(x, y, message=None, summarize=None, name=None):
        return old(x, y, summarize=summarize, message=message, name=name)

    def new_none_equal(x, y, summarize=None, message=None, name=None):
        return old(x, y, summarize=summarize, message=message, name=name)

    op_name = name
    new = new_none_equal if name == "assert_none_equal" else new
    for f in (old, new):
        f.__name__ = f.__qualname__ = name
        f.__doc__ = f"Asserts that x {symbol} y for all (broadcast) elements; InvalidArgumentError otherwise."
    export("", v1=f"{name} debugging.{name}")(old)
    export(f"debugging.{name} {name}" if v2_also else f"debugging.{name}", v1="")(new)
    return old


def _done(name, default):
    with name_scope(name, default):
        return no_op("NoOp")


_equal = _binary("assert_equal", "==", np.equal)
_binary("assert_none_equal", "!=", np.not_equal, v2_also=False)
assert_less = _binary("assert_less", "<", np.less)
assert_less_equal = _binary("assert_less_equal", "<=", np.less_equal, v2_also=False)
_binary("assert_greater", ">", np.greater)
_binary("assert_greater_equal", ">=", np.greater_equal, v2_also=False)


def _unary(name, symbol, compare, zero_first):
    """Declares tf.debugging.<name>, a comparison with zero, in both faces."""

    def old(x, data=None, summarize=None, message=None, name=None):
        with name_scope(name, op_name, [x, data]):
            x = record.convert_to_tensor(x, name="x")
            if data is None:
                data = [
                    prefixed(message),
                    f"Condition x {symbol} 0 did not hold element-wise:",
                    f"x ({described(x)}) = ",
                    x,
                ]
            zero = record.convert_to_tensor(0, x.dtype.base_dtype)
            return compare(zero, x, data, summarize) if zero_first else compare(x, zero, data, summarize)

    def new(x, message=None, summarize=None, name=None):
        return old(x, summarize=summarize, message=message, name=name)

    op_name = name
    for f in (old, new):
        f.__name__ = f.__qualname__ = name
        f.__doc__ = f"Asserts that x {symbol} 0 for all elements; InvalidArgumentError otherwise."
    export("", v1=f"{name} debugging.{name}")(old)
    export(f"debugging.{name}", v1="")(new)


_unary("assert_negative", "<", assert_less, False)
_unary("assert_positive", ">", assert_less, True)
_unary("assert_non_negative", ">=", assert_less_equal, True)
_unary("assert_non_positive", "<=", assert_less_equal, False)


@export("", v1="assert_near debugging.assert_near")
def assert_near(x, y, rtol=None, atol=None, data=None, summarize=None, message=None, name=None):
    """Asserts |x - y| < atol + rtol * |y| (default: ten times the dtype's precision each)."""
    with name_scope(name, "assert_near", [x, y, rtol, atol, data]):
        x = record.convert_to_tensor(x, name="x")
        y = record.convert_to_tensor(y, x.dtype.base_dtype, name="y")
        dtype = x.dtype.base_dtype.real_dtype
        eps = float(jnp.finfo(dtype.np).eps)
        rtol = record.convert_to_tensor(10 * eps if rtol is None else rtol, dtype, name="rtol")
        atol = record.convert_to_tensor(10 * eps if atol is None else atol, dtype, name="atol")
        if data is None:
            data = [
                prefixed(message),
                f"x and y not equal to tolerance rtol = {rtol!s}, atol = {atol!s}",
                f"x ({described(x)}) = ",
                x,
                f"y ({described(y)}) = ",
                y,
            ]
        size = OPS["Abs"].public
        near = OPS["Less"].public(size(x - y), atol + rtol * size(y))
        return assert_op(OPS["All"].public(near), data, summarize)


@export("debugging.assert_near", v1="")
def assert_near_v2(x, y, rtol=None, atol=None, message=None, summarize=None, name=None):
    """Asserts |x - y| < atol + rtol * |y| (default: ten times the dtype's precision each)."""
    return assert_near(x, y, rtol, atol, summarize=summarize, message=message, name=name)


# -- ranks and shapes -----------------------------------
def _ranks(op_name, words, x, ranks, fits, data, summarize, message, name, single=True):
    """Asserts fits(rank of x, ranks), statically where all are known (ValueError)."""
    with name_scope(name, op_name, [x, *ranks, *(data or [])]):
        if not hasattr(x, "dense_shape"):
            x = record.convert_to_tensor(x, name="x")
        ranks = [record.convert_to_tensor(r, name="rank") for r in ranks]
        for r in ranks:
            assert_type(r, dtypes.int32)
        spoken = "" if hasattr(x, "dense_shape") else called(x)
        known = [record.static_value(r) for r in ranks]
        if any(r.shape.rank not in (0, None) for r in ranks):
            raise ValueError("Rank must be a scalar.")
        if all(r is not None for r in known) and x.shape.rank is not None:
            known = [int(r) for r in known]
            if not fits(x.shape.rank, known):
                wanted = known[0] if single else tuple(known)
                raise ValueError(
                    f"{prefixed(message)}Tensor {spoken} must have {words} {wanted}.  Received rank "
                    f"{x.shape.rank}, shape {x.shape}"
                )
            return no_op("static_checks_determined_all_ok")
        shape = _shape(x)
        if data is None:
            data = [prefixed(message), f"Tensor {spoken} must have {words}", *ranks, "Received shape: ", shape]

        def holds(shape, *ranks):
            if any(r.ndim for r in ranks):
                raise errors.InvalidArgumentError(None, None, "Rank must be a scalar.")
            return fits(shape.size, [int(r) for r in ranks])

        return _assert_on_host(holds, [shape, *ranks], data, summarize)


@export("", v1="assert_rank debugging.assert_rank")
def assert_rank(x, rank, data=None, summarize=None, message=None, name=None):
    """Asserts that x has this rank; ValueError where that is known not to be so."""
    return _ranks("assert_rank", "rank", x, [rank], lambda r, rs: r == rs[0], data, summarize, message, name)


@export("debugging.assert_rank assert_rank", v1="")
def assert_rank_v2(x, rank, message=None, name=None):
    """Asserts that x has this rank; ValueError where that is known not to be so."""
    return assert_rank(x, rank, message=message, name=name)


@export("", v1="assert_rank_at_least debugging.assert_rank_at_least")
def assert_rank_at_least(x, rank, data=None, summarize=None, message=None, name=None):
    """Asserts that x has at least this rank; ValueError where that is known not to be so."""
    return _ranks(
        "assert_rank_at_least", "rank at least", x, [rank], lambda r, rs: r >= rs[0], data, summarize, message, name
    )


@export("debugging.assert_rank_at_least", v1="")
def assert_rank_at_least_v2(x, rank, message=None, name=None):
    """Asserts that x has at least this rank; ValueError where that is known not to be so."""
    return assert_rank_at_least(x, rank, message=message, name=name)


@export("", v1="assert_rank_in debugging.assert_rank_in")
def assert_rank_in(x, ranks, data=None, summarize=None, message=None, name=None):
    """Asserts that x has one of these ranks; ValueError where that is known not to be so."""
    return _ranks(
        "assert_rank_in", "rank in", x, list(ranks), lambda r, rs: r in rs, data, summarize, message, name, single=False
    )


@export("debugging.assert_rank_in", v1="")
def assert_rank_in_v2(x, ranks, message=None, name=None):
    """Asserts that x has one of these ranks; ValueError where that is known not to be so."""
    return assert_rank_in(x, ranks, message=message, name=name)


@export("", v1="assert_scalar debugging.assert_scalar")
def assert_scalar(tensor, name=None, message=None):
    """`tensor`; ValueError unless it is known to be a scalar."""
    with name_scope(name, "assert_scalar", [tensor]) as scope:
        tensor = record.convert_to_tensor(tensor, name=scope)
        if tensor.shape.rank != 0:
            of = f" for {called(tensor)}" if called(tensor) else ""
            raise ValueError(f"{prefixed(message)}Expected scalar shape{of}, saw shape: {tensor.shape}.")
        return tensor


@export("debugging.assert_scalar", v1="")
def assert_scalar_v2(tensor, message=None, name=None):
    """ValueError unless `tensor` is known to be a scalar."""
    assert_scalar(tensor, name, message)


@export("debugging.assert_shapes")
def assert_shapes(shapes, data=None, summarize=None, message=None, name=None):
    """Asserts shapes of tensors, given as (tensor, sizes) pairs or a dictionary.

    A size is a number, a symbol that stands for the same number everywhere, or None or '.' for any; '*' or ... first:
    any leading sizes.
    """
    if isinstance(shapes, dict):
        shapes = list(shapes.items())
    prefix = prefixed(message)
    with name_scope(name, "assert_shapes", [shapes, data]):
        given = [
            (x if hasattr(x, "dense_shape") else record.convert_to_tensor(x), s) for x, s in shapes if s is not None
        ]
        wanted = [_symbols(x, s, prefix) for x, s in given]
        assertions = []
        for x, free, symbols in wanted:
            n = len(symbols)
            extra = dict(data=data, summarize=summarize, message=message, name=name)
            if free:
                if n > 1:
                    assertions.append(assert_rank_at_least(x, n, **extra))
            elif n <= 1:
                assertions.append(assert_rank_in(x, [0, 1], **extra))
            else:
                assertions.append(assert_rank(x, n, **extra))
        with control_dependencies([a for a in assertions if a is not None] if context.graph is not None else None):
            checks = _check_sizes(wanted, data, summarize, prefix)
            if context.graph is None:
                return None
            with control_dependencies(checks):
                return no_op("group_deps")


def _symbols(x, sizes, prefix):
    """(tensor, whether leading sizes are free, the symbols of the rest)"""
    if not (hasattr(sizes, "__iter__") or hasattr(sizes, "__getitem__")):
        raise ValueError(
            f"{prefix}Tensor {described(x)}.  Specified shape must be an iterable.  An iterable has the "
            "attribute `__iter__` or "
            f"`__getitem__`.  Received specified shape: {sizes}"
        )
    sizes = tuple(sizes)
    for i, s in enumerate(sizes):
        if s in (Ellipsis, "*") and i:
            raise ValueError(
                f"{prefix}Tensor {described(x)} specified shape index {i}.  Symbol `...` or `*` for a variable "
                "number of unspecified "
                "dimensions is only allowed as the first entry"
            )
    free = bool(sizes) and sizes[0] in (Ellipsis, "*")
    sizes = sizes[1:] if free else sizes
    return x, free, sizes or (1,)


def _check_sizes(wanted, data, summarize, prefix):
    """Asserts the symbols' sizes; returns the operations that do so at run time."""
    checks, found = [], {}
    for x, free, symbols in wanted:
        for i, symbol in enumerate(symbols):
            if symbol is None or symbol == ".":
                continue
            place = i - len(symbols) if free else i
            number = _number(symbol)
            if number is None and symbol not in found:
                found[symbol] = x, place
                continue
            size, why = number, "Specified explicitly"
            if number is None:
                y, there = found[symbol]
                size, why = _static_size(y, there), f"Specified by tensor {described(y)} dimension {there}"
            actual = _static_size(x, place)
            if actual is not None and size is not None:
                if actual != size:
                    raise ValueError(
                        f"{prefix}{why}.  Tensor {described(x)} dimension {place} must have size {size}.  "
                        f"Received size {actual}, shape {x.shape}"
                    )
                continue
            checks.append(_check_size(x, place, found.get(symbol, number), why, data, summarize, prefix))
    return checks


def _check_size(x, place, wanted, why, data, summarize, prefix):
    """Asserts at run time that dimension `place` of x is `wanted`: a number, or (another tensor, its dimension)."""
    other = _size(*wanted) if isinstance(wanted, tuple) else wanted
    words = [prefix, why, f"Tensor {described(x)} dimension", place, "must have size", other, "Received shape: "]

    def holds(shape, other):
        return _entry(shape, place) == other

    return _assert_on_host(holds, [_shape(x), other], data or [*words, _shape(x)], summarize)


def _size(x, place):
    """A dimension's size as a tensor; a scalar counts as a vector of one."""
    shape = _shape(x)
    parts = [shape, [1]] if place >= 0 else [[1], shape]
    return OPS["ConcatV2"].public([record.convert_to_tensor(p, shape.dtype) for p in parts], 0)[place]


def _entry(shape, place):
    """A dimension's size; a scalar counts as a vector of one."""
    return shape[place] if shape.size else 1


def _number(symbol):
    try:
        return int(symbol)
    except (TypeError, ValueError):
        return None


def _shape(x):
    return x.dense_shape if hasattr(x, "dense_shape") else OPS["Shape"].public(x)


def _static_size(x, place):
    """A dimension's size where it is known, else None."""
    rank = x.shape.rank
    return None if rank is None else _entry(np.array(x.shape.as_list(), object), place)
