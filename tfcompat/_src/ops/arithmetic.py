"""Arithmetic that is more than a row: division by TensorFlow's rules, strings, tf.where, functions of other ops."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, OpDef, export, op
from ..graph import context
from ..scopes import name_scope
from ..shapes import broadcast_dims
from .core import cast
from .math import fit, leaf, spoken


# -- choosing ---------------------------------------------------------------------------------------------------------
def _check_choice(type, condition, t, e):
    for i, got, wanted in ((0, condition, np.dtype(bool)), (2, e, t.dtype)):
        if got.dtype != wanted:
            raise errors.InvalidArgumentError(
                None, None,
                f"cannot compute {type} as input #{i}(zero-based) was expected to be a {wanted} tensor but is a "
                f"{got.dtype} tensor [Op:{type}]",
            )  # fmt: skip


@op("SelectV2", "", name="SelectV2", own="condition", twin=lambda condition, t, e: np.where(condition, t, e))
def select_v2(condition, t, e):
    _check_choice("SelectV2", condition, t, e)
    fit("SelectV2", condition.shape, t.shape, e.shape)
    return jnp.where(condition, t, e)


def _select_on_host(condition, t, e):
    if condition.shape != t.shape:
        condition = condition.reshape(condition.shape + (1,) * (t.ndim - condition.ndim))
    return np.where(condition, t, e)


@op("Select", "", own="condition", twin=_select_on_host)
def select(condition, t, e):
    """TF1's form: `condition` has the shape of the others, or is a vector that chooses rows, or a scalar."""
    _check_choice("Select", condition, t, e)
    if t.shape != e.shape:
        raise errors.InvalidArgumentError(
            None, None, f"Shapes must be equal: {spoken(t.shape)} and {spoken(e.shape)} [Op:Select]"
        )
    if condition.shape != t.shape and condition.ndim:
        if condition.ndim != 1 or not t.ndim or condition.shape[0] != t.shape[0]:
            raise errors.InvalidArgumentError(
                None, None, f"'condition' {spoken(condition.shape)} does not fit 'then' {spoken(t.shape)} [Op:Select]"
            )
        condition = jnp.reshape(condition, condition.shape + (1,) * (t.ndim - 1))
    return jnp.where(condition, t, e)


def _choose(type, condition, x, y, name):
    if context.graph is None and condition.__class__ is record.EagerTensor:
        tensor = x if x.__class__ is record.EagerTensor else y
        if tensor.__class__ is record.EagerTensor:
            dtype = tensor._slot.aval.dtype
            one, two = leaf(x, dtype), leaf(y, dtype)
            if one is not None and two is not None:
                return record.record_eager(OPS[type].sig, (condition._slot, one, two))
    if x is None and y is None:
        if "Where" not in OPS:
            raise NotImplementedError("tf.where with one argument")
        return record.call(OPS["Where"], [record.convert_to_tensor(condition, dtype_hint=dtypes.bool)], None, name)
    if x is None or y is None:
        raise ValueError("x and y must both be non-None or both be None.")
    if context.graph is None or isinstance(condition, np.ndarray):
        condition = record.convert_to_tensor(condition, dtypes.bool)  # of NumPy numbers: whether they are not zero
    return record.call(OPS[type], [condition, x, y], None, name)


@export("where", v1="where_v2")
def where(condition, x=None, y=None, name=None):
    """`x` where `condition`, else `y`, the three broadcast; with the condition alone: the indices [n, rank], int64, of
    what is true.
    """
    return _choose("SelectV2", condition, x, y, name)


@export("", v1="where select")
def where_v1(condition, x=None, y=None, name=None):
    """TF1's tf.where: no broadcasting, but a condition of rank 1 chooses rows."""
    return _choose("Select", condition, x, y, name)


# -- composed ---------------------------------------------------------------------------------------------------------
_DIVIDES_AS = {
    **dict.fromkeys(("int8", "uint8", "int16", "uint16"), dtypes.float32),
    **dict.fromkeys(("int32", "uint32", "int64", "uint64"), dtypes.float64),
}


def two_tensors(x, y):
    """`x` and `y` as tensors of one dtype, the other's where Python lets it; TypeError where they differ."""
    if record._dtype_of(x) is None and record._dtype_of(y) is not None and not isinstance(x, (np.ndarray, np.generic)):
        y = record.convert_to_tensor(y)
        x = record.convert_to_tensor(x, dtype_hint=y.dtype.base_dtype)
    else:
        x = record.convert_to_tensor(x)
        y = record.convert_to_tensor(y, dtype_hint=x.dtype.base_dtype)
    if x.dtype.base_dtype is not y.dtype.base_dtype:
        raise TypeError(f"`x` and `y` must have the same dtype, got {x.dtype!r} != {y.dtype!r}.")
    return x, y


def true_divide(x, y, name):
    """x / y as Python 3: integers divide as float64 (8 and 16 bits: float32).  Raises TypeError for mixed dtypes and
    bool.
    """
    return _divide("RealDiv", "truediv", x, y, name)


def _divide(type, default, x, y, name):
    with name_scope(name, default, [x, y]) as scope:
        x, y = two_tensors(x, y)
        have = x.dtype.base_dtype
        as_dtype = _DIVIDES_AS.get(have.name)
        if as_dtype is not None:
            x, y = cast(x, as_dtype), cast(y, as_dtype)
        elif not (have.is_floating or have.is_complex):
            raise TypeError(f"Invalid dtype {have!r} in {default}. Expected a number.")
        return OPS[type].public(x, y, scope)


@export("truediv math.truediv")
def truediv(x, y, name=None):
    """x / y as Python 3 divides: integers give float64 (8 and 16 bits: float32)."""
    return true_divide(x, y, name)


@export("divide math.divide")
def divide(x, y, name=None):
    """x / y as Python 3 divides."""
    if record._dtype_of(x) is None and record._dtype_of(y) is None:
        x = record.convert_to_tensor(x)
    return true_divide(x, y, name)


@export("", v1="div")
def div(x, y, name=None):
    """x / y as Python 2 divides: integers give the floor.  Raises ValueError for mixed dtypes."""
    if record._dtype_of(x) is not None:
        x = record.convert_to_tensor(x)
        y = record.convert_to_tensor(y, x.dtype.base_dtype)
    x, y = two_tensors(x, y)
    which = "RealDiv" if x.dtype.is_floating or x.dtype.is_complex else "FloorDiv"
    return record.call(OPS[which], [x, y], None, name, "div")


@export("math.floordiv", v1="floordiv math.floordiv")
def floordiv(x, y, name=None):
    """x // y, rounded toward minus infinity."""
    return record.call(OPS["FloorDiv"], [x, y], None, name, "floordiv")


@export("math.divide_no_nan", v1="div_no_nan math.divide_no_nan")
def divide_no_nan(x, y, name=None):
    """x / y as tf.divide, zero where y is zero."""
    return _divide("DivNoNan", "div_no_nan", x, y, name)


@export("math.multiply_no_nan")
def multiply_no_nan(x, y, name=None):
    """x * y, zero where y is zero even if x is infinite or NaN.  Raises ValueError for mixed dtypes."""
    x = record.convert_to_tensor(x)
    y = record.convert_to_tensor(y, x.dtype.base_dtype)
    return record.call(OPS["MulNoNan"], [x, y], None, name, "multiply_no_nan")


@export("math.reciprocal_no_nan")
def reciprocal_no_nan(x, name=None):
    """1 / x, zero where x is zero."""
    x = record.convert_to_tensor(x)
    return record.call(OPS["DivNoNan"], [np.ones((), x.dtype.np), x], None, name, "reciprocal_no_nan")


@export("math.nextafter")
def nextafter(x1, x2, name=None):
    """The next number after x1 in the direction of x2."""
    return record.call(OPS["NextAfter"], [x1, x2], None, name)


def _text(f):
    """A comparison (or joining) of strings: on the host, bytes by bytes."""

    def kernel(x, y):
        fit("Equal", x.shape, y.shape)
        out = f(*np.broadcast_arrays(x, y))
        return out

    return kernel


def _text_shape(dtype):
    def abstract(x, y):
        return dtype, broadcast_dims(x.shape, y.shape)

    return abstract


# The same op types as above where the tensors are strings; these run on the host.
TEXT = {
    "Equal": OpDef("Equal", _text(lambda x, y: np.asarray(x == y, bool)), host=True, abstract=_text_shape(dtypes.bool)),
    "NotEqual": OpDef(
        "NotEqual", _text(lambda x, y: np.asarray(x != y, bool)), host=True, abstract=_text_shape(dtypes.bool)
    ),
}


def compare(type, x, y, name):
    """Equal or NotEqual of tensors of any dtype, strings included."""
    if context.graph is None and x.__class__ is y.__class__ is record.EagerTensor and x.dtype is not dtypes.string:
        return OPS[type].public(x, y)
    x, y = _adopt(x, y)
    return record.call((TEXT if x.dtype is dtypes.string else OPS)[type], [x, y], None, name)


def _adopt(x, y):
    """Both as tensors, the one that has no dtype of its own with the other's."""
    if record._dtype_of(x) is None and record._dtype_of(y) is not None:
        y = record.convert_to_tensor(y)
        return record.convert_to_tensor(x, y.dtype.base_dtype), y
    x = record.convert_to_tensor(x)
    return x, record.convert_to_tensor(y, None if record._dtype_of(y) is not None else x.dtype.base_dtype)


@export("equal math.equal")
def equal(x, y, name=None):
    """x == y for each pair of elements; InvalidArgumentError where the shapes do not broadcast."""
    return compare("Equal", x, y, name)


@export("not_equal math.not_equal")
def not_equal(x, y, name=None):
    """x != y for each pair of elements; InvalidArgumentError where the shapes do not broadcast."""
    return compare("NotEqual", x, y, name)


@export("math.logical_xor", v1="logical_xor math.logical_xor")
def logical_xor(x, y, name="LogicalXor"):
    """True where exactly one of the two is."""
    with name_scope(name, "LogicalXor", [x, y]) as scope:
        either, both = OPS["LogicalOr"].public(x, y), OPS["LogicalAnd"].public(x, y)
        return OPS["LogicalAnd"].public(either, OPS["LogicalNot"].public(both), name=scope)


@export("math.log_sigmoid nn.log_sigmoid", v1="log_sigmoid math.log_sigmoid nn.log_sigmoid")
def log_sigmoid(x, name=None):
    """log(1 / (1 + exp(-x))), without overflow."""
    with name_scope(name, "LogSigmoid", [x]) as scope:
        x = record.convert_to_tensor(x, name="x")
        return OPS["Neg"].public(OPS["Softplus"].public(OPS["Neg"].public(x)), name=scope)


@export("scalar_mul math.scalar_mul")
def scalar_mul(scalar, x, name=None):
    """A scalar times a tensor or IndexedSlices.  Raises ValueError where `scalar` has another rank."""
    scalar = record.convert_to_tensor(scalar, dtype=x.dtype.base_dtype, name="scalar")
    if scalar.shape.rank != 0:
        raise ValueError(f"The input scalar must be a 0-D value. Received shape {scalar.shape}.")
    if isinstance(x, record.IndexedSlices):
        return record.IndexedSlices(OPS["Mul"].public(scalar, x.values, name), x.indices, x.dense_shape)
    return OPS["Mul"].public(scalar, x, name)


# -- casts ------------------------------------------------------------------------------------------------------------
@export("saturate_cast dtypes.saturate_cast")
def saturate_cast(value, dtype, name=None):
    """`value` as `dtype`, what is out of that dtype's range brought to its ends."""
    with name_scope(name, "saturate_cast", [value]) as scope:
        value = record.convert_to_tensor(value, name="value")
        dtype = dtypes.as_dtype(dtype).base_dtype
        if value.dtype.is_bool or dtype.is_bool:
            raise TypeError("Cannot find minimum value of <dtype: 'bool'>: tf.saturate_cast takes numbers only.")
        if value.dtype.is_complex and dtype.is_complex:
            real, imag = (_within(OPS[part].public(value), dtype.real_dtype) for part in ("Real", "Imag"))
            value = OPS["Complex"].public(real, imag)
        elif value.dtype.is_complex:
            value = OPS["Real"].public(value)
        if not value.dtype.is_complex:
            value = _within(value, dtype.real_dtype)
        return cast(value, dtype, name=scope)


def _within(value, dtype):
    """Real `value`, in its own dtype, brought into the range of `dtype`; infinities become the ends, too."""
    have = value.dtype.base_dtype
    low, high = max(_number(have.min), _number(dtype.min)), min(_number(have.max), _number(dtype.max))
    return OPS["Minimum"].public(OPS["Maximum"].public(value, _inside(low, have)), _inside(high, have))


def _number(bound):
    """A bound of a dtype as a Python number: those compare exactly."""
    return int(bound) if isinstance(bound, (int, np.integer)) else float(bound)


def _inside(bound, dtype):
    """`bound` in `dtype`, rounded toward zero: 2**31 - 1 as float32 would be 2**31."""
    rounded = np.asarray(bound).astype(dtype.np)
    return np.nextafter(rounded, np.zeros((), dtype.np)) if abs(_number(rounded.item())) > abs(bound) else rounded


def _to(dtype, name):
    def function(x, name=f"To{name}"):
        return cast(x, dtype, name)

    function.__name__ = function.__qualname__ = f"to_{dtype.name}"
    function.__doc__ = f"`x` as {dtype.name}."
    return function


for _dtype, _public, _name in (
    (dtypes.float32, "to_float", "Float"), (dtypes.float64, "to_double", "Double"), (dtypes.int32, "to_int32", "Int32"),
    (dtypes.int64, "to_int64", "Int64"), (dtypes.bfloat16, "to_bfloat16", "BFloat16"),
    (dtypes.complex64, "to_complex64", "Complex64"), (dtypes.complex128, "to_complex128", "Complex128"),
):  # fmt: skip
    export("", v1=_public)(_to(_dtype, _name))
