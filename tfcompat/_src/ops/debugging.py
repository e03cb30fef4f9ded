"""tf.debugging: assertions and checks, with TensorFlow's messages.  What can be decided while a graph is built raises
there.

Eagerly an assertion returns None; in a graph it returns an operation to depend on (functions run it in any case).
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export
from ..engine.infer import _spoken
from ..graph import context
from ..scopes import control_dependencies, name_scope
from .core import no_op
from .python import _call, _host_op, assert_op


def _prefix(message):
    return f"{message}.  " if message else ""


def _described(x):
    return f"shape={x.shape} dtype={x.dtype.name}" if context.graph is None else x.name


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
            data = [f"Condition x {symbol} y did not hold element-wise:", f"x ({x.name}) = ", x, f"y ({y.name}) = ", y]
        data = data if message is None else [message, *data]
        a, b = record.static_value(x), record.static_value(y)
        if a is not None and b is not None and not np.all(test(a, b)):
            parts = [record.static_value(d) if isinstance(d, record.Tensor) else d for d in data]
            raise errors.InvalidArgumentError(None, None, "\n".join([str(d) for d in parts]))
        return assert_op(OPS["All"].public(OPS[_COMPARISONS[symbol]].public(x, y)), data, summarize)


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
    try:
        np.broadcast_shapes(x._shape_tuple(), y._shape_tuple())
    except ValueError:
        raise errors.InvalidArgumentError(
            None, None, f"Incompatible shapes: {x.shape.as_list()} vs. {y.shape.as_list()} [Op:{op_name}]"
        ) from None


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
                    _prefix(message),
                    f"Condition x {symbol} 0 did not hold element-wise:",
                    f"x ({_described(x)}) = ",
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
                _prefix(message),
                f"x and y not equal to tolerance rtol = {rtol!s}, atol = {atol!s}",
                f"x ({_described(x)}) = ",
                x,
                f"y ({_described(y)}) = ",
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
        spoken = "" if context.graph is None or hasattr(x, "dense_shape") else x.name
        known = [record.static_value(r) for r in ranks]
        if any(r is not None and r.ndim for r in known):
            raise ValueError("Rank must be a scalar.")
        if all(r is not None for r in known) and x.shape.rank is not None:
            known = [int(r) for r in known]
            if not fits(x.shape.rank, known):
                wanted = known[0] if single else tuple(known)
                raise ValueError(
                    f"{_prefix(message)}Tensor {spoken} must have {words} {wanted}.  Received rank "
                    f"{x.shape.rank}, shape {x.shape}"
                )
            return no_op("static_checks_determined_all_ok")
        shape = OPS["Shape"].public(x)
        if data is None:
            data = [_prefix(message), f"Tensor {spoken} must have {words}", *ranks, "Received shape: ", shape]
        rank = OPS["Rank"].public(x)
        if op_name == "assert_rank_at_least":
            condition = OPS["GreaterEqual"].public(rank, ranks[0])
        else:
            condition = OPS["Any"].public(OPS["Equal"].public(rank, OPS["Pack"].public(ranks)))
        return assert_op(condition, data, summarize)


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
            of = "" if context.graph is None else f" for {tensor.name}"
            raise ValueError(f"{_prefix(message)}Expected scalar shape{of}, saw shape: {tensor.shape}.")
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
    prefix = _prefix(message)
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
            f"{prefix}Tensor {_described(x)}.  Specified shape must be an iterable.  An iterable has the "
            "attribute `__iter__` or "
            f"`__getitem__`.  Received specified shape: {sizes}"
        )
    sizes = tuple(sizes)
    for i, s in enumerate(sizes):
        if s in (Ellipsis, "*") and i:
            raise ValueError(
                f"{prefix}Tensor {_described(x)} specified shape index {i}.  Symbol `...` or `*` for a variable "
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
                found[symbol] = (_size(x, place), x, place)
                continue
            size, why = number, "Specified explicitly"
            if number is None:
                size, y, there = found[symbol]
                why = f"Specified by tensor {_described(y)} dimension {there}"
            actual = _size(x, place)
            if isinstance(actual, int) and isinstance(size, int):
                if actual != size:
                    raise ValueError(
                        f"{prefix}{why}.  Tensor {_described(x)} dimension {place} must have size {size}.  "
                        f"Received size {actual}, "
                        f"shape {x.shape}"
                    )
                continue
            text = data or [
                prefix,
                why,
                f"Tensor {_described(x)} dimension",
                place,
                "must have size",
                size,
                "Received shape: ",
                _shape(x),
            ]
            checks.append(assert_op(OPS["Equal"].public(actual, size), text, summarize))
    return checks


def _number(symbol):
    try:
        return int(symbol)
    except (TypeError, ValueError):
        return None


def _shape(x):
    return x.dense_shape if hasattr(x, "dense_shape") else OPS["Shape"].public(x)


def _size(x, place):
    """A dimension's size, as a number where it is known; a scalar counts as a vector of one."""
    rank = x.shape.rank
    if rank == 0:
        return 1
    if rank is not None and x.shape.as_list()[place] is not None:
        return int(x.shape.as_list()[place])
    return _shape(x)[place]


# -- dtypes -----------------------------------
@export("", v1="assert_type debugging.assert_type")
def assert_type(tensor, tf_type, message=None, name=None):
    """TypeError unless `tensor` has this dtype."""
    tf_type = dtypes.as_dtype(tf_type)
    with name_scope(name, "assert_type", [tensor]):
        if not hasattr(tensor, "dense_shape"):
            tensor = record.convert_to_tensor(tensor, name="tensor")
        if tensor.dtype.base_dtype is not tf_type:
            spoken = "tensor" if context.graph is None else getattr(tensor, "name", "tensor")
            raise TypeError(f"{_prefix(message)}{spoken} must be of type {tf_type!r}; got {tensor.dtype!r}")
        return no_op("statically_determined_correct_type")


@export("debugging.assert_type", v1="")
def assert_type_v2(tensor, tf_type, message=None, name=None):
    """TypeError unless `tensor` has this dtype."""
    assert_type(tensor, tf_type, message, name)


@export("", v1="assert_integer debugging.assert_integer")
def assert_integer(x, message=None, name=None):
    """TypeError unless `x` is of an integer dtype."""
    with name_scope(name, "assert_integer", [x]):
        x = record.convert_to_tensor(x, name="x")
        if not x.dtype.is_integer:
            spoken = "tensor" if context.graph is None else x.name
            raise TypeError(f'{_prefix(message)}Expected "x" to be integer type.  Found: {spoken} of dtype {x.dtype!s}')
        return no_op("statically_determined_was_integer")


@export("debugging.assert_integer", v1="")
def assert_integer_v2(x, message=None, name=None):
    """TypeError unless `x` is of an integer dtype."""
    assert_integer(x, message, name)


@export("debugging.is_numeric_tensor", v1="debugging.is_numeric_tensor is_numeric_tensor")
def is_numeric_tensor(tensor):
    """Whether `tensor` is a tensor of numbers (no strings, no booleans)."""
    return isinstance(tensor, record.Tensor) and (
        tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_complex
    )


@export("debugging.assert_same_float_dtype", v1="debugging.assert_same_float_dtype assert_same_float_dtype")
def assert_same_float_dtype(tensors=None, dtype=None):
    """The one floating-point dtype of the tensors and `dtype` (default float32); ValueError where they differ."""
    first = None
    for item in [t for t in tensors or [] if t is not None]:
        found = item.dtype.base_dtype
        if dtype is None:
            dtype, first = found, item
        elif found is not dtype:
            spoken = [t.name if context.graph is not None else str(t) for t in (item, first) if t is not None]
            as_ = f" as {spoken[1]}" if first is not None else ""
            raise ValueError(f"{spoken[0]}, type={found!s}, must be of the same type ({dtype!s}){as_}.")
    dtype = dtypes.float32 if dtype is None else dtype
    if not dtype.is_floating:
        raise ValueError(f"Expected floating point type, got {dtype!s}.")
    return dtype


@export("debugging.assert_proper_iterable", v1="debugging.assert_proper_iterable assert_proper_iterable")
def assert_proper_iterable(values):
    """TypeError for tensors, arrays, text and what cannot be iterated over."""
    improper = (record.Tensor, np.ndarray, bytes, str)
    if isinstance(values, improper) or hasattr(values, "dense_shape"):
        raise TypeError(f'Expected argument "values" to be a "proper" iterable.  Found: {type(values)}')
    if not hasattr(values, "__iter__"):
        raise TypeError(f'Expected argument "values" to be iterable.  Found: {type(values)}')


# -- finite numbers -----------------------------------
CHECK = _host_op("CheckNumerics", lambda tensor: tensor)


def _check(array, message):
    """Raises InvalidArgumentError where there are NaN or infinities."""
    infinite, nan = np.isinf(array), np.isnan(array)
    if not (np.any(infinite) or np.any(nan)):
        return
    text = " and ".join(["Inf"] * bool(np.any(infinite)) + ["NaN"] * bool(np.any(nan)))
    raise errors.InvalidArgumentError(None, None, f"{message} : Tensor had {text} values")


@export("debugging.check_numerics", v1="check_numerics debugging.check_numerics")
def check_numerics(tensor, message, name=None):
    """`tensor`; InvalidArgumentError where it holds NaN or infinities."""
    tensor = record.convert_to_tensor(tensor, name="tensor")
    if not tensor.dtype.is_floating:
        allowed = "bfloat16, half, float, double"
        text = f"Value for attr 'T' of {tensor.dtype.name} is not in the list of allowed values: {allowed}"
        raise (
            errors.InvalidArgumentError(None, None, text + " [Op:CheckNumerics]")
            if context.graph is None
            else TypeError(text)
        )
    if context.graph is None:
        _check(tensor._numpy(), message)
        return OPS["Identity"].public(tensor)

    def kernel(value):
        _check(value, message)
        return (value,)

    out = _call(CHECK, kernel, [tensor], name or "CheckNumerics", (tensor._slot.aval,), True)
    out.op.attributes = {"message": message, "T": tensor.dtype}
    out.op.gradient = lambda node, cotangents: [cotangents[0]]
    return out


@export("debugging.assert_all_finite", v1="")
def assert_all_finite(x, message, name=None):
    """`x`; InvalidArgumentError where it holds NaN or infinities."""
    with name_scope(name, "VerifyFinite", [x]):
        x = record.convert_to_tensor(x, name="x")
        checked = check_numerics(x, message)
        if context.graph is None:
            return checked
        with control_dependencies([checked]):
            return OPS["Identity"].public(x, name="control_dependency")


@export("", v1="verify_tensor_all_finite debugging.assert_all_finite")
def verify_tensor_all_finite(t=None, msg=None, name=None, x=None, message=None):
    """TF1's assert_all_finite."""
    return assert_all_finite(t if x is None else x, msg if message is None else message, name)


@export("", v1="add_check_numerics_ops")
def add_check_numerics_ops():
    """An operation that checks every floating-point tensor of the current graph."""
    if context.graph is None:
        raise RuntimeError("add_check_numerics_ops() is not compatible with eager execution.")
    checks = []
    for operation in context.graph.get_operations():
        for tensor in operation.outputs:
            if tensor.dtype.base_dtype.is_floating:
                with control_dependencies(checks):
                    checks = [check_numerics(tensor, f"{operation.name}:{tensor.value_index}").op]
    with control_dependencies(checks):
        return no_op("group_deps")


@export("is_tensor", v1="is_tensor contrib.framework.is_tensor")
def is_tensor(x):
    """Whether `x` is a tensor, a sparse one, IndexedSlices or a variable."""
    kinds = (record.Tensor, record.IndexedSlices)
    return isinstance(x, kinds) or hasattr(type(x), "_dense_tensor") or hasattr(x, "_with_values")


def _refused(name, why):
    def refuse(*args, **kwargs):
        raise NotImplementedError(f"tf.{name}: {why}")

    refuse.__name__ = name.rpartition(".")[2]
    return export(name)(refuse)


_refused(
    "debugging.enable_check_numerics",
    "compiled programs are not checked op by op; use tf.debugging.check_numerics where you suspect "
    "trouble, or tf.compat.v1.add_check_numerics_ops in a graph.",
)
_refused("debugging.experimental.enable_dump_debug_info", "there is no TensorFlow debugger here.")
_refused("debugging.experimental.disable_dump_debug_info", "there is no TensorFlow debugger here.")


@export("debugging.disable_check_numerics")
def disable_check_numerics():
    """Nothing to switch off: tfcompat does not have enable_check_numerics."""
