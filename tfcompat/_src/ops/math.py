"""Elementwise mathematics as rows: arithmetic, comparison, logic, functions of one and of two tensors.

What needs more than a row (division by TensorFlow's rules for integers, strings, tf.where) is in arithmetic.py.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import jax.scipy.special as special
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero, zero_from_primal

from .. import errors
from ..declare import OpDef, _declare, op, unary
from ..graph import Slot, aval, context
from ..record import call, record_eager, to_array
from ..tensor import EagerTensor

FLOATS = "bfloat16 float16 float32 float64"
COMPLEX = " complex64 complex128"
INTEGERS = "int8 uint8 int16 uint16 int32 uint32 int64 uint64"
REALS = FLOATS + " " + INTEGERS
SIGNED = FLOATS + " int8 int16 int32 int64"
NUMBERS = REALS + COMPLEX
FLOATING = dict(dtypes=FLOATS)
INEXACT = dict(dtypes=FLOATS + COMPLEX)
NUMERIC = dict(dtypes=NUMBERS)
REAL = dict(dtypes=REALS)
STEPS = dict(differentiable=False, dtypes=REALS)  # no gradient passes: TensorFlow answers None
BITS = dict(differentiable=False, dtypes=INTEGERS)
JUDGED = dict(differentiable=False, dtypes=FLOATS)
LOGIC = dict(differentiable=False, dtypes="bool")


def with_jvp(kernel, *rules):
    """`kernel` with derivatives of its own: rule i maps (*primals, out, tangent of input i) to its part of the tangent,
    linearly.
    """
    made = jax.custom_jvp(kernel)

    def jvp(primals, tangents):
        out = made(*primals)
        parts = [
            rule(*primals, out, t) for rule, t in zip(rules, tangents, strict=True) if not isinstance(t, SymbolicZero)
        ]  # what is constant costs nothing
        if not parts:  # a second derivative through a loop may ask for that of constants alone
            return out, zero_from_primal(out, symbolic_zeros=True)
        return out, sum(parts[1:], parts[0]).astype(out.dtype)

    made.defjvp(jvp, symbolic_zeros=True)
    return made


def fit(type, *shapes):
    """Raises TensorFlow's error where shapes do not broadcast."""
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        one, two = shapes[:2]
        pairs = zip(reversed(one), reversed(two), strict=False)
        a, b = next(((a, b) for a, b in pairs if a != b and 1 not in (a, b)), (one, two))
        raise errors.InvalidArgumentError(
            None, None,
            f"Incompatible shapes: {spoken(one)} vs. {spoken(two)}: Dimensions must be equal, but are {a} and {b} "
            f"[Op:{type}]",
        ) from None  # fmt: skip


def spoken(shape):
    """A shape as TensorFlow's messages write it: [2,3]."""
    return "[" + ",".join(map(str, shape)) + "]"


_numbers: dict = {}  # (class, number, dtype of the tensor) -> [aval, array, uses so far]
ON_DEVICE_FROM = (
    8  # uses; a number that comes again and again is passed as a JAX array, which costs a call a fifth of a NumPy one
)


def number_slot(number, dtype):
    """A fresh leaf holding a Python number as a scalar of `dtype`.

    Fresh, because slots are told apart by identity: two equal numbers sharing one would change the program's structure.
    Raises TypeError for a number that does not fit.
    """
    key = (number.__class__, number, dtype)
    found = _numbers.get(key)
    if found is None or not number and str(number) == "-0.0":  # 0.0 and -0.0 are equal keys
        found = [aval(dtype, ()), to_array(number, dtype), 0]
        if len(_numbers) < 4096 and str(number) != "-0.0":
            _numbers[key] = found
    found[2] += 1
    if found[2] == ON_DEVICE_FROM and dtype.is_floating:
        with jax.enable_x64(True):
            found[1] = jax.device_put(found[1])
    return Slot(None, 0, found[0], found[1])


def leaf(value, dtype):
    """The slot of an eager tensor or variable of `dtype`, or of a Python number next to one; None for everything else."""
    kind = value.__class__
    if kind is EagerTensor:
        return value._slot if value._slot.aval.dtype is dtype else None
    if kind is float:
        return number_slot(value, dtype) if dtype.is_floating else None
    if kind is int:
        return number_slot(value, dtype) if dtype.is_floating or dtype.is_integer else None
    dense = getattr(kind, "_dense_tensor", None)
    if dense is not None:
        tensor = dense(value)
        if tensor.__class__ is EagerTensor and tensor._slot.aval.dtype is dtype:
            return tensor._slot
    return None


def pair(type, kernel, names, v1=None, numpy=None, **flags):
    """An op of two tensors of one dtype: `f(x, y, name=None)`, with a short path for eager tensors and Python numbers.

    Shapes that do not broadcast get TensorFlow's message; `numpy` is the same function in NumPy.
    """

    def checked(x, y):
        if x.shape != y.shape:
            fit(type, x.shape, y.shape)
        return kernel(x, y)

    def on_host(x, y):
        if x.shape != y.shape:
            fit(type, x.shape, y.shape)
        with np.errstate(all="ignore"):
            return numpy(x, y)

    definition = OpDef(type, checked, twin=on_host if numpy else None, **flags)
    sig, default = definition.sig, definition.name

    def function(x, y, name=None):
        if context.graph is None:
            if x.__class__ is EagerTensor:
                one = x._slot
                two = y._slot if y.__class__ is EagerTensor else leaf(y, one.aval.dtype)
                if two is not None:
                    return record_eager(sig, (one, two))
            elif y.__class__ is EagerTensor:
                two = y._slot
                one = leaf(x, two.aval.dtype)
                if one is not None:
                    return record_eager(sig, (one, two))
        return call(definition, [x, y], None, name, default)

    return _declare(definition, function, names, v1)


def _whole(type, f):
    """An integer division: zero divisors that are known raise, as in TensorFlow; on the device they cannot."""

    def kernel(x, y):
        if y.__class__ is np.ndarray and y.dtype.kind in "iu" and not y.all():
            raise errors.InvalidArgumentError(None, None, f"Integer division by zero [Op:{type}]")
        return f(x, y)

    return kernel


def _opaque(x):
    """True everywhere, which LLVM sees but XLA's algebraic simplifier does not."""
    return (x == x) | (x != x)


def quotient(x, y):
    """x / y, rounded once.

    XLA divides by a constant, a scalar or a square root by multiplying with the rounded reciprocal, which changes up to
    two thirds of the last bits; a divisor chosen element by element it has to divide by.  This costs nothing: measured on
    4e6 numbers, it is as fast by a scalar and 25 times faster by a square root.
    """
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return x / y
    return x / jnp.where(_opaque(x) & _opaque(y), y, jnp.asarray(np.nan, y.dtype))


# -- two tensors ------------------------------------------------------------------------------------------------------
def _linear_quotient(t, y):
    """t / y for tangents: linear in t, and nothing but y is kept for the backward pass."""
    return t / (jnp.where(_opaque(y), y, jnp.asarray(np.nan, y.dtype)) if y.ndim else y)


_real_div = with_jvp(
    quotient,
    lambda x, y, _, t: _linear_quotient(t, y),
    lambda x, y, _, t: t * quotient(quotient(-x, y), y),
)
# TensorFlow: where both are equal the gradient goes to the first; jnp: half each.
_maximum = with_jvp(jnp.maximum, lambda x, y, _, t: jnp.where(x >= y, t, 0), lambda x, y, _, t: jnp.where(x >= y, 0, t))
_minimum = with_jvp(jnp.minimum, lambda x, y, _, t: jnp.where(x <= y, t, 0), lambda x, y, _, t: jnp.where(x <= y, 0, t))


def _floor_div(x, y):
    """TensorFlow rounds the quotient; jnp corrects it as Python does, which differs where the quotient rounds up."""
    return jnp.floor(quotient(x, y)) if jnp.issubdtype(x.dtype, jnp.floating) else jnp.floor_divide(x, y)


def _safe_log(x):
    """log(x), zero where x is not positive: a negative base gets no NaN by the exponent's gradient."""
    positive = x != 0 if jnp.iscomplexobj(x) else x > 0
    return jnp.where(positive, jnp.log(jnp.where(positive, x, 1)), 0)


_power = with_jvp(
    jnp.power,
    # Multiplied from the right, which is how gradients come to multiply as TensorFlow: a gradient of zero stays zero where the power is
    # near the largest number.
    lambda x, y, _, t: t * _power(x, y - 1) * y,  # NaN for 0 ** 0, as TensorFlow's
    lambda x, y, out, t: t * _safe_log(x) * out,
)


def _no_negative(power):
    """`power`, refusing negative integer exponents where they are known."""

    def kernel(x, y):
        if y.__class__ is np.ndarray and y.dtype.kind == "i" and y.size and y.min() < 0:
            raise errors.InvalidArgumentError(
                None, None, "Integers to negative integer powers are not allowed [Op:Pow]"
            )
        return power(x, y)

    return kernel


_floor_mod = with_jvp(jnp.mod, lambda x, y, _, t: t + jnp.zeros_like(y), lambda x, y, _, t: -t * jnp.floor(x / y))
_truncate_mod = with_jvp(jnp.fmod, lambda x, y, _, t: t + jnp.zeros_like(y), lambda x, y, _, t: -t * jnp.trunc(x / y))


def _div_no_nan_value(x, y):
    zero = y == 0
    return jnp.where(zero, 0, quotient(x, jnp.where(zero, 1, y))).astype(x.dtype)


_div_no_nan = with_jvp(
    _div_no_nan_value,
    lambda x, y, _, t: jnp.where(y == 0, 0, _linear_quotient(t, jnp.where(y == 0, 1, y))),
    lambda x, y, _, t: t * _div_no_nan(_div_no_nan(-x, y), y),
)
_multiply_no_nan = with_jvp(
    lambda x, y: jnp.where(y == 0, 0, x * y).astype(x.dtype),
    lambda x, y, _, t: _multiply_no_nan(t, y),
    lambda x, y, _, t: x * t,
)


def _zero_first(f, df):
    """x * f(y), but zero, gradient by either included, where x is zero whatever y is; `df` is f's derivative."""

    def kernel(x, y):
        zero = x == 0
        return jnp.where(zero, 0, x * f(jnp.where(zero, 1, y)))

    return with_jvp(
        kernel,
        lambda x, y, _, t: t * jnp.where(x == 0, 0, f(jnp.where(x == 0, 1, y))),
        lambda x, y, _, t: t * jnp.where(x == 0, 0, x * df(jnp.where(x == 0, 1, y))),
    )


def _truncate_div(x, y):
    return lax.div(*jnp.broadcast_arrays(x, y)) if jnp.issubdtype(x.dtype, jnp.integer) else jnp.trunc(quotient(x, y))


def _shift(f):
    """`f` with the number of bits to shift by brought into [0, width)."""
    return lambda x, y: f(x, jnp.clip(y, 0, 8 * x.dtype.itemsize - 1))


def _squared_difference(x, y):
    return (x - y) * jnp.conj(x - y)


_next_after = with_jvp(
    jnp.nextafter, lambda x, y, _, t: t + jnp.zeros_like(y), lambda x, y, _, t: jnp.zeros_like(t) + jnp.zeros_like(x)
)
_floor_quotient, _floor_rest = _whole("FloorDiv", _floor_div), _whole("FloorMod", _floor_mod)
_np_quotient, _np_rest = _whole("FloorDiv", np.floor_divide), _whole("FloorMod", np.mod)

#    type            kernel            TF2 names, TF1 names where they differ
pair("AddV2", jnp.add, "add math.add", name="Add", dtypes=NUMBERS + " string", numpy=np.add)
pair("Sub", jnp.subtract, "subtract math.subtract", "subtract math.subtract sub", **NUMERIC, numpy=np.subtract)
pair("Mul", jnp.multiply, "multiply math.multiply", "multiply math.multiply mul", **NUMERIC, numpy=np.multiply)
pair("RealDiv", _real_div, "realdiv", **INEXACT)
pair("FloorDiv", _floor_quotient, "", "floor_div", **STEPS, numpy=_np_quotient)
pair("TruncateDiv", _whole("TruncateDiv", _truncate_div), "truncatediv", **STEPS)
pair("FloorMod", _floor_rest, "math.floormod math.mod", "floormod mod math.floormod math.mod", **REAL, numpy=_np_rest)
pair("TruncateMod", _whole("TruncateMod", _truncate_mod), "truncatemod", dtypes=FLOATS + " int32 int64")
pair("Pow", _no_negative(_power), "pow math.pow", dtypes=SIGNED + COMPLEX, numpy=_no_negative(np.power))
pair("Maximum", _maximum, "maximum math.maximum", **REAL, numpy=np.maximum)
pair("Minimum", _minimum, "minimum math.minimum", **REAL, numpy=np.minimum)
pair(
    "SquaredDifference",
    _squared_difference,
    "math.squared_difference",
    "squared_difference math.squared_difference",
    dtypes=FLOATS + " int32 int64" + COMPLEX,
)
pair("Less", jnp.less, "less math.less", **STEPS, numpy=np.less)
pair("LessEqual", jnp.less_equal, "less_equal math.less_equal", **STEPS, numpy=np.less_equal)
pair("Greater", jnp.greater, "greater math.greater", **STEPS, numpy=np.greater)
pair("GreaterEqual", jnp.greater_equal, "greater_equal math.greater_equal", **STEPS, numpy=np.greater_equal)
pair("Equal", jnp.equal, "", differentiable=False, numpy=np.equal)
pair("NotEqual", jnp.not_equal, "", differentiable=False, numpy=np.not_equal)
pair("LogicalAnd", jnp.logical_and, "logical_and math.logical_and", **LOGIC, numpy=np.logical_and)
pair("LogicalOr", jnp.logical_or, "logical_or math.logical_or", **LOGIC, numpy=np.logical_or)
pair("BitwiseAnd", jnp.bitwise_and, "bitwise.bitwise_and", **BITS)
pair("BitwiseOr", jnp.bitwise_or, "bitwise.bitwise_or", **BITS)
pair("BitwiseXor", jnp.bitwise_xor, "bitwise.bitwise_xor", **BITS)
pair("LeftShift", _shift(jnp.left_shift), "bitwise.left_shift", **BITS)
pair("RightShift", _shift(jnp.right_shift), "bitwise.right_shift", **BITS)
pair("DivNoNan", _div_no_nan, "", **INEXACT)
pair("MulNoNan", _multiply_no_nan, "", **INEXACT)
pair("Xdivy", _zero_first(lambda y: 1 / y, lambda y: -1 / (y * y)), "math.xdivy", **INEXACT)
pair("Xlogy", _zero_first(jnp.log, lambda y: 1 / y), "math.xlogy", **INEXACT)
pair("Xlog1py", _zero_first(jnp.log1p, lambda y: 1 / (1 + y)), "math.xlog1py", **INEXACT)
pair("NextAfter", _next_after, "", dtypes="float32 float64")


@op("Atan2", "atan2 math.atan2", **FLOATING)
def atan2(y, x):
    fit("Atan2", y.shape, x.shape)
    return jnp.arctan2(y, x)


def _zero_stays_zero(f, slope, by_y, by_dy):
    """`f` whose gradient is exactly zero where the cotangent is, even at a pole, as TensorFlow's SqrtGrad is.

    So `where(x > 0, sqrt(x), 0)` has gradient 0 at 0, not NaN.  No linear rule can say that; hence custom_vjp.
    slope(y, dy): the gradient for the value y and the cotangent dy; by_y(y, dy, g), by_dy(y, g): its own gradients.
    """

    @jax.custom_vjp
    def gradient(y, dy):
        return jnp.where(dy == 0, 0, slope(y, dy))

    gradient.defvjp(lambda y, dy: (gradient(y, dy), (y, dy)), lambda kept, g: (by_y(*kept, g), by_dy(kept[0], g)))

    @jax.custom_vjp
    def function(x):
        return f(x)

    def forward(x):
        y = function(x)
        return y, y

    function.defvjp(forward, lambda y, dy: (gradient(y, dy),))
    return lambda x: f(x) if jnp.iscomplexobj(x) else function(x)


# NaN below one, where jnp has a slope; and the right branch for complex numbers, where 1 / sqrt(x * x - 1) is not.
_acosh = with_jvp(jnp.arccosh, lambda x, out, t: t / jnp.sinh(out))


_sqrt = _zero_stays_zero(
    jnp.sqrt, lambda y, dy: 0.5 * dy / y, lambda y, dy, g: -g / y * (0.5 * dy / y), lambda y, g: 0.5 * g / y
)


def _inverse_root(x):
    """1 / sqrt(x) by those two: XLA's own function is not vectorized on CPUs and takes fifteen times as long."""
    wide = x.dtype.itemsize > 2 and not jnp.iscomplexobj(x)
    return quotient(jnp.ones((), x.dtype), jnp.sqrt(x)) if wide else lax.rsqrt(x)


_rsqrt = _zero_stays_zero(
    _inverse_root, lambda y, dy: -0.5 * dy * y**3, lambda y, dy, g: -1.5 * g * dy * y**2, lambda y, g: -0.5 * g * y**3
)
_reciprocal = _zero_stays_zero(
    lambda x: quotient(jnp.ones((), x.dtype), x),
    lambda y, dy: -dy * y * y,
    lambda y, dy, g: -2 * g * dy * y,
    lambda y, g: -g * y * y,
)


# -- one tensor -------------------------------------------------------------------------------------------------------
unary(
    "Neg",
    jnp.negative,
    "negative math.negative",
    "negative math.negative neg",
    dtypes=SIGNED + COMPLEX,
    twin=np.negative,
)
_abs_real = with_jvp(jnp.abs, lambda x, _, t: t * jnp.sign(x))  # no slope at zero; lax: one


def _abs(x):
    return jnp.abs(x) if jnp.iscomplexobj(x) else _abs_real(x)


def _sign(x):
    """Of complex numbers z / |z|, with its slope."""
    return _div_no_nan(x, jnp.abs(x).astype(x.dtype)) if jnp.iscomplexobj(x) else jnp.sign(x)


unary("Abs", _abs, "abs math.abs", "abs math.abs complex_abs", dtypes=SIGNED + COMPLEX, twin=np.abs)
unary("Sign", _sign, "sign math.sign", dtypes=SIGNED + COMPLEX)
unary("Square", jnp.square, "square math.square", **NUMERIC, twin=np.square)
unary("Sqrt", _sqrt, "sqrt math.sqrt", **INEXACT)
unary("Rsqrt", _rsqrt, "math.rsqrt", "rsqrt math.rsqrt", **INEXACT)
unary("Reciprocal", _reciprocal, "math.reciprocal", "reciprocal math.reciprocal inv", **INEXACT)
unary("Exp", jnp.exp, "exp math.exp", **INEXACT)
unary("Expm1", jnp.expm1, "math.expm1", "expm1 math.expm1", **INEXACT)
unary("Log", jnp.log, "math.log", "log math.log", **INEXACT)
unary("Log1p", jnp.log1p, "math.log1p", "log1p math.log1p", **INEXACT)
unary("Sin", jnp.sin, "sin math.sin", **INEXACT)
unary("Cos", jnp.cos, "cos math.cos", **INEXACT)
unary("Tan", jnp.tan, "tan math.tan", **INEXACT)
unary("Asin", jnp.arcsin, "asin math.asin", **INEXACT)
unary("Acos", jnp.arccos, "acos math.acos", **INEXACT)
unary("Atan", jnp.arctan, "atan math.atan", **INEXACT)
unary("Sinh", jnp.sinh, "sinh math.sinh", **INEXACT)
unary("Cosh", jnp.cosh, "cosh math.cosh", **INEXACT)
unary("Tanh", jnp.tanh, "tanh math.tanh nn.tanh", **INEXACT)
unary("Asinh", jnp.arcsinh, "asinh math.asinh", **INEXACT)
unary("Acosh", _acosh, "acosh math.acosh", **INEXACT)
unary("Atanh", jnp.arctanh, "atanh math.atanh", **INEXACT)
unary("Sigmoid", jax.nn.sigmoid, "sigmoid math.sigmoid nn.sigmoid", **INEXACT)
unary("Floor", jnp.floor, "floor math.floor", **JUDGED)
unary("Ceil", jnp.ceil, "math.ceil", "ceil math.ceil", **JUDGED)
unary("Round", jnp.round, "round math.round", differentiable=False, **NUMERIC)  # half to even
unary("Rint", jnp.rint, "math.rint", "rint math.rint", **JUDGED)
unary("IsNan", jnp.isnan, "math.is_nan", "is_nan math.is_nan debugging.is_nan", **JUDGED)
unary("IsInf", jnp.isinf, "math.is_inf", "is_inf math.is_inf debugging.is_inf", **JUDGED)
unary("IsFinite", jnp.isfinite, "math.is_finite", "is_finite math.is_finite debugging.is_finite", **JUDGED)
unary("LogicalNot", jnp.logical_not, "logical_not math.logical_not", **LOGIC, twin=np.logical_not)
unary("Invert", jnp.invert, "bitwise.invert", **BITS)
unary("Erf", special.erf, "math.erf", "erf math.erf", **FLOATING)
unary("Erfc", special.erfc, "math.erfc", "erfc math.erfc", **FLOATING)
