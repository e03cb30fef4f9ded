"""Elementwise mathematics and the operators: the table, then what a table cannot say."""

import operator

import numpy as np
import pytest
import scipy.special as sp
from table import bools, c64, case, f16, f32, i32, i64, suite

import tfcompat as tf
from tfcompat._src.engine import log

v1 = tf.compat.v1


def small(*shape):
    return f32(*shape, low=-0.9, high=0.9)


def positive(*shape):
    return f32(*shape, low=0.2, high=3.0)


UNARY = [
    case("abs", [f32(3, 4)], np.abs, grads="0"),
    case("negative", [f32(3)], np.negative, grads="0"),
    case("negative", [i32(3)], np.negative, id="negative int"),
    case("sign", [f32(3, 4)], np.sign),
    case("square", [f32(3)], np.square, grads="0", order=2),
    case("sqrt", [positive(3)], np.sqrt, grads="0", order=2),
    case("math.rsqrt", [positive(3)], lambda x: x**-0.5, grads="0", order=2),
    case("math.reciprocal", [positive(3)], lambda x: 1 / x, grads="0", order=2),
    case("math.reciprocal_no_nan", [np.array([0.0, 2.0], np.float32)], np.array([0.0, 0.5], np.float32)),
    case("exp", [f32(3)], np.exp, grads="0", order=2),
    case("math.expm1", [f32(3)], np.expm1, grads="0"),
    case("math.log", [positive(3)], np.log, grads="0", order=2),
    case("math.log1p", [positive(3)], np.log1p, grads="0"),
    case("sin", [f32(3)], np.sin, grads="0", order=2),
    case("cos", [f32(3)], np.cos, grads="0"),
    case("tan", [small(3)], np.tan, grads="0"),
    case("asin", [small(3)], np.arcsin, grads="0"),
    case("acos", [small(3)], np.arccos, grads="0"),
    case("atan", [f32(3)], np.arctan, grads="0"),
    case("sinh", [f32(3)], np.sinh, grads="0"),
    case("cosh", [f32(3)], np.cosh, grads="0"),
    case("tanh", [f32(3)], np.tanh, grads="0", order=2),
    case("asinh", [f32(3)], np.arcsinh, grads="0"),
    case("acosh", [f32(3, low=1.2, high=4)], np.arccosh, grads="0"),
    case("atanh", [small(3)], np.arctanh, grads="0"),
    case("sigmoid", [f32(3)], sp.expit, grads="0", order=2),
    case("math.log_sigmoid", [f32(3)], lambda x: np.log(sp.expit(x)).astype(x.dtype), grads="0"),
    case("floor", [f32(5)], np.floor),
    case("math.ceil", [f32(5)], np.ceil),
    case("round", [np.array([0.5, 1.5, -0.5, 2.4], np.float32)], np.round),
    case("math.rint", [np.array([0.5, 1.5, -0.5, 2.4], np.float32)], np.rint),
    case("math.is_nan", [np.array([1, np.nan, np.inf], np.float32)], np.isnan),
    case("math.is_inf", [np.array([1, np.nan, np.inf], np.float32)], np.isinf),
    case("math.is_finite", [np.array([1, np.nan, np.inf], np.float32)], np.isfinite),
    case("logical_not", [bools(4)], np.logical_not),
    case("bitwise.invert", [i32(4)], np.invert),
    case("math.erf", [f32(4)], sp.erf, grads="0"),
    case("math.erfc", [f32(4)], sp.erfc, grads="0", rtol=1e-5),  # XLA's float32 polynomial
    case("math.real", [c64(3)], np.real),
    case("math.imag", [c64(3)], np.imag),
    case("math.conj", [c64(3)], np.conj),
    case("math.angle", [c64(3)], np.angle),
    case("complex", [f32(3), f32(3)], lambda x, y: (x + 1j * y).astype(np.complex64)),
    case(
        lambda x: tf.saturate_cast(x, tf.uint8),
        [np.array([-5.0, 3.7, 300.0], np.float32)],
        np.array([0, 3, 255], np.uint8),
        id="saturate_cast",
    ),
    case("math.log_sigmoid", [f16(3)], lambda x: np.log(sp.expit(x)), id="log_sigmoid half", dtype="float16"),
    case("math.is_non_decreasing", [np.array([1, 2, 2], np.int32)], np.array(True), batch=""),
    case("math.is_strictly_increasing", [np.array([1, 2, 2], np.int32)], np.array(False), batch=""),
]
BINARY = [
    case("add", [f32(3, 1, 4), f32(2, 1)], np.add, grads="01"),
    case("subtract", [f32(3, 4), f32(4)], np.subtract, grads="01"),
    case("multiply", [f32(3, 4), f32()], np.multiply, grads="01", order=2),
    case("divide", [f32(3), positive(3)], np.divide, grads="01", order=2),
    case("divide", [i32(4), i32(4, low=1)], np.divide, id="divide int"),
    case("math.floordiv", [i32(6), np.array([2, -2, 3, -3, 4, 1], np.int32)], np.floor_divide, id="floordiv int"),
    case("math.floordiv", [f32(4), positive(4)], lambda x, y: np.floor(x / y)),
    case("math.floormod", [i32(6), np.array([2, -2, 3, -3, 4, 1], np.int32)], np.mod, id="floormod int"),
    case("math.mod", [f32(4), positive(4)], np.mod, grads="01"),
    case(
        "truncatediv", [i32(6), np.array([2, -2, 3, -3, 4, 1], np.int32)], lambda x, y: np.trunc(x / y), dtype="int32"
    ),
    case("truncatemod", [i32(6), np.array([2, -2, 3, -3, 4, 1], np.int32)], np.fmod),
    case("pow", [positive(3), f32(3)], np.power, grads="01", order=2),
    case("pow", [i64(3, low=0), i64(3, low=0, high=4)], np.power, id="pow int"),
    case("maximum", [f32(3, 4), f32(4)], np.maximum, grads="01"),
    case("minimum", [f32(3, 4), f32(4)], np.minimum, grads="01"),
    case("math.squared_difference", [f32(3, 4), f32(4)], lambda x, y: (x - y) ** 2, grads="01"),
    case(
        "math.divide_no_nan",
        [f32(3), np.array([0, 2, 4], np.float32)],
        lambda x, y: np.where(y == 0, 0, x / np.where(y, y, 1)),
    ),
    case(
        "math.multiply_no_nan",
        [np.array([np.nan, 2], np.float32), np.array([0, 3], np.float32)],
        np.array([0, 6], np.float32),
    ),
    case("math.xlogy", [f32(3), positive(3)], sp.xlogy, grads="01"),
    case("math.xlog1py", [f32(3), positive(3)], sp.xlog1py, grads="01"),
    case("math.xdivy", [f32(3), positive(3)], np.divide, grads="01"),
    case("atan2", [f32(4), f32(4)], np.arctan2, grads="01"),
    case("math.nextafter", [f32(3), f32(3)], np.nextafter),
    case("less", [i32(5), i32(5)], np.less),
    case("less_equal", [i32(5), i32(5)], np.less_equal),
    case("greater", [f32(5), f32()], np.greater),
    case("greater_equal", [i32(5), i32(5)], np.greater_equal),
    case("equal", [i32(5, low=0, high=2), i32(5, low=0, high=2)], np.equal),
    case("not_equal", [bools(5), bools(5)], np.not_equal),
    case("logical_and", [bools(5), bools(5)], np.logical_and),
    case("logical_or", [bools(5), bools(5)], np.logical_or),
    case("math.logical_xor", [bools(5), bools(5)], np.logical_xor),
    case("bitwise.bitwise_and", [i32(5), i32(5)], np.bitwise_and),
    case("bitwise.bitwise_or", [i32(5), i32(5)], np.bitwise_or),
    case("bitwise.bitwise_xor", [i32(5), i32(5)], np.bitwise_xor),
    case("bitwise.left_shift", [i32(5, low=0), i32(5, low=0, high=4)], np.left_shift),
    case("bitwise.right_shift", [i32(5), i32(5, low=0, high=4)], np.right_shift),
    case("where", [bools(3, 1), f32(3, 4), f32(4)], np.where, grads="12"),
    case(
        "v1:where",
        [np.array([True, False, True]), f32(3, 2), f32(3, 2)],
        lambda c, x, y: np.where(c[:, None], x, y),
        grads="12",
    ),
    case("v1:div", [i32(4), i32(4, low=1)], np.floor_divide),
    case(lambda x: tf.math.scalar_mul(2.0, x), [f32(3)], lambda x: 2 * x, grads="0", id="scalar_mul"),
]


def binary_operator(f, x, y, **flags):
    return case(f, [x, y], f, id=f.__name__, **flags)


OPERATORS = [
    binary_operator(operator.add, f32(3), f32(3), grads="01"),
    binary_operator(operator.sub, f32(3), f32(3), grads="01"),
    binary_operator(operator.mul, f32(3), f32(3), grads="01"),
    binary_operator(operator.truediv, f32(3), positive(3), grads="01"),
    binary_operator(operator.floordiv, i32(3), i32(3, low=1)),
    binary_operator(operator.mod, i32(3), i32(3, low=1)),
    binary_operator(operator.pow, positive(3), f32(3), grads="01"),
    binary_operator(operator.matmul, f32(2, 3), f32(3, 2), grads="01"),
    binary_operator(operator.lt, f32(3), f32(3)),
    binary_operator(operator.le, f32(3), f32(3)),
    binary_operator(operator.gt, f32(3), f32(3)),
    binary_operator(operator.ge, f32(3), f32(3)),
    binary_operator(operator.and_, bools(4), bools(4)),
    binary_operator(operator.or_, i32(4), i32(4)),
    binary_operator(operator.xor, bools(4), bools(4)),
    case(operator.neg, [f32(3)], operator.neg, id="neg"),
    case(operator.invert, [bools(3)], operator.invert, id="invert"),
    case(
        lambda x: 2 - x * 3.0 + 1 / x + 2**x,
        [positive(3)],
        lambda x: 2 - x * 3 + 1 / x + 2**x,
        grads="0",
        id="numbers",
        rtol=1e-5,
    ),
    case(
        lambda x: x**2 + x**3 - x**0.5,
        [positive(3)],
        lambda x: x**2 + x**3 - x**0.5,
        grads="0",
        order=2,
        id="powers",
        rtol=1e-5,
    ),
    case(
        lambda x: np.array([1.0, 2.0]) * x,
        [f32(2)],
        lambda x: np.array([1, 2], x.dtype) * x,
        grads="0",
        id="numpy left",
        batch="",
    ),
]

test_values, test_shapes, test_gradients = suite(UNARY + BINARY + OPERATORS)


def gradient(f, *arrays):
    """The gradients of f, with ones as cotangents."""
    tensors = [tf.constant(a) for a in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        y = f(*tensors)
    return [None if g is None else g.numpy() for g in tape.gradient(y, tensors)]


def test_gradients_at_the_odd_points_are_tensorflows():
    """Recorded from TensorFlow 2.21."""
    for g, want in (
        (gradient(tf.maximum, [1.0, 2.0], [1.0, 1.0]), [[1, 1], [0, 0]]),
        (gradient(tf.minimum, [1.0, 2.0], [1.0, 1.0]), [[1, 0], [0, 1]]),
        (gradient(tf.abs, [0.0, -1.0]), [[0, -1]]),
        (gradient(tf.sqrt, [0.0]), [[np.inf]]),
        (gradient(lambda x: tf.where(x > 0, tf.sqrt(x), 0.0), [0.0, 4.0]), [[0, 0.25]]),
        (gradient(lambda x: tf.where(x > 0, 1 / tf.sqrt(x), 0.0), [0.0, 4.0]), [[np.nan, -0.0625]]),
        (gradient(lambda x: tf.where(x > 0, tf.math.rsqrt(x), 0.0), [0.0, 4.0]), [[0, -0.0625]]),
        (gradient(lambda x: x**0.0, [0.0, 1.0]), [[np.nan, 0]]),
        (gradient(tf.pow, [-2.0, 0.0], [2.0, 2.0]), [[-4, 0], [0, 0]]),
        (gradient(tf.math.xlogy, [0.0, 0.0], [0.0, 2.0]), [[0, 0], [0, 0]]),
        (gradient(tf.math.divide_no_nan, [1.0, 2.0], [0.0, 4.0]), [[0, 0.25], [0, -0.125]]),
        (gradient(tf.math.multiply_no_nan, [np.nan, 2.0], [0.0, 3.0]), [[0, 3], [np.nan, 2]]),
        (gradient(lambda x: tf.raw_ops.NthElement(input=x, n=1), [[2.0, 1.0, 2.0, 3.0]]), [[[0.5, 0, 0.5, 0]]]),
        (
            gradient(lambda y: tf.pow(tf.constant([6, 2], tf.float16), tf.cast(y, tf.float16))[1], [6.0, 1.0]),
            [[0, 1.38671875]],
        ),
    ):
        np.testing.assert_array_equal(g, want)
    for f in (tf.floor, tf.math.ceil, tf.round, lambda x: x // 2.0, lambda x: tf.cast(x > 0, tf.float32)):
        assert gradient(f, [1.5]) == [None]
    assert gradient(tf.sign, [1.5])[0] == [0]


class Theirs:
    def __init__(self, answer):
        self.answer = answer

    def __radd__(self, other):
        return self.answer(other)

    __rtruediv__ = __rand__ = __rmatmul__ = __radd__


def refuse(other):
    raise TypeError("not with tensors")


def test_what_tensors_cannot_work_with_may_answer_itself():
    """TensorFlow 2.21: the other side's operator where it has one that answers, else what the tensor has to say."""
    x = tf.ones([1, 1])
    for f in (lambda a, b: a + b, lambda a, b: a / b, lambda a, b: a & b, lambda a, b: a @ b):
        assert f(x, Theirs(lambda other: other.shape)) == [1, 1]
        for other in (Theirs(refuse), Theirs(lambda other: NotImplemented), object()):
            with pytest.raises(ValueError, match="Attempt to convert a value .* with an unsupported type"):
                f(x, other)
            with (
                tf.Graph().as_default(),
                pytest.raises(TypeError, match="Failed to convert elements of|Expected float32"),
            ):
                f(tf.ones([1, 1]), other)


def test_operators_by_name():
    x = tf.constant([1, 2])
    assert tf.__operators__.eq(x, [1, 3]).numpy().tolist() == [True, False]
    assert tf.__operators__.ne(x, None) is True and tf.__operators__.eq(x, None) is False


def test_dtypes_do_not_mix():
    x, n = tf.constant([1.0]), tf.constant([1])
    for call in (
        lambda: x * n,
        lambda: tf.add(x, n),
        lambda: tf.maximum(x, tf.constant(1.0, tf.float64)),
        lambda: n + 1.5,
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match="expected to be a"):
            call()
    for call in (lambda: n * 1.5, lambda: n < 1.5, lambda: n == 1.5, lambda: n**0.5, lambda: n / 2.0, lambda: x / n):
        with pytest.raises(TypeError):
            call()
    for call in (
        lambda: tf.exp(n),
        lambda: tf.sqrt(4),
        lambda: ~x,
        lambda: x & 1,
        lambda: tf.constant(True) + tf.constant(True),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match="list of allowed values"):
            call()
    with tf.Graph().as_default():
        y, m = v1.placeholder(tf.float32, [2]), v1.placeholder(tf.int32, [2])
        for call in (lambda: y * m, lambda: m + 1.5, lambda: tf.exp(m)):
            with pytest.raises(TypeError):
                call()


def test_values_adopt_the_tensors_dtype():
    x, n = tf.constant([1.0, 2.0]), tf.constant([1, 2], tf.int64)
    for y in (
        x * 2,
        2 * x,
        x + np.float64(1),
        np.float64(1) - x,
        x * np.ones(2),
        np.ones(2) * x,
        [1, 2] * x,
        tf.maximum(0, x),
    ):
        assert y.dtype is tf.float32
    for y in (n * 2, 2 - n, n + np.int32(1), n // [1, 2], tf.pow(n, 2)):
        assert y.dtype is tf.int64
    assert (n / 2).dtype is tf.float64 and (tf.constant(3, tf.int8) / 2).dtype is tf.float32
    assert (x > 0).dtype is tf.bool and (x == 1).dtype is tf.bool


def test_shapes_that_do_not_broadcast():
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Incompatible shapes: \[2\] vs. \[3\]"):
        tf.ones([2]) + tf.ones([3])
    with tf.Graph().as_default(), pytest.raises(ValueError, match="Dimensions must be equal, but are 2 and 3"):
        v1.placeholder(tf.float32, [2]) + v1.placeholder(tf.float32, [3])


def test_integer_division_by_a_known_zero_raises():
    for call in (lambda n: n // 0, lambda n: n % 0, lambda n: n**-1):
        with pytest.raises(tf.errors.InvalidArgumentError, match="Integer"):
            call(tf.constant(5))


def test_equality():
    x = tf.constant([1.0, 2.0])
    np.testing.assert_array_equal(x == [1.0, 3.0], [True, False])
    assert (x == tf.ones([3])).numpy() == np.False_ and (x != tf.ones([3])).numpy() == np.True_
    assert (x == None) is False and (x != None) is True  # noqa: E711
    assert 2.0 in x
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)
    with tf.Graph().as_default():
        a, b = v1.placeholder(tf.float32), v1.placeholder(tf.float32)
        assert a == a and not a == b and a != b and len({a, b, a}) == 2


def test_text():
    a, b = tf.constant(["x", "y"]), tf.constant("y")
    np.testing.assert_array_equal(a == b, [False, True])
    np.testing.assert_array_equal(a + b, [b"xy", b"yy"])
    np.testing.assert_array_equal(tf.not_equal(a, "x"), [False, True])


def test_names_in_graphs():
    with tf.Graph().as_default():
        x, b = v1.placeholder(tf.float32, [3]), v1.placeholder(tf.bool, [3])
        made = [
            x + 1,
            x - x,
            2 * x,
            x / x,
            x // x,
            x % x,
            x**2,
            x < 1,
            x >= 1,
            -x,
            abs(x),
            b & b,
            ~b,
            tf.add(x, x),
            tf.divide(x, x),
            tf.multiply(x, x),
            tf.equal(x, x),
            tf.where(b, x, x),
            tf.nn.tanh(x),
            tf.square(x, name="mine"),
        ]
        assert [t.op.name for t in made] == [
            "add",
            "sub",
            "mul",
            "truediv",
            "floordiv",
            "mod",
            "pow",
            "Less",
            "GreaterEqual",
            "Neg",
            "Abs",
            "and",
            "LogicalNot",
            "Add_1",
            "truediv_1",
            "Mul_1",
            "Equal",
            "SelectV2",
            "Tanh",
            "mine",
        ]
        assert [t.op.type for t in made[:4]] == ["AddV2", "Sub", "Mul", "RealDiv"]


def test_changing_python_numbers_compile_once():
    x = tf.constant([1.0, 2.0, 3.0])
    compiled = set()
    for step in range(4):
        (x * (0.5 + step) + step).numpy()
        compiled.add(log.count)
    assert len(compiled) == 1


def test_division_is_rounded_once():
    """XLA would multiply with the reciprocal of a constant, a scalar or a square root."""
    x = f32(50, 40)
    for c in (255.0, 3, 0.1):
        want = x / np.float32(c)
        np.testing.assert_array_equal(tf.constant(x) / c, want)
        np.testing.assert_array_equal(tf.function(lambda t, c=c: t / c)(x), want)
        np.testing.assert_array_equal(tf.constant(x) // c, np.floor(want))
        np.testing.assert_array_equal(tf.math.divide_no_nan(tf.constant(x), c), want)
    positive = np.abs(x) + 1
    root = np.sqrt(positive)
    np.testing.assert_array_equal(tf.function(lambda a, b: a / tf.sqrt(b))(x, positive), x / root)
    np.testing.assert_array_equal(tf.function(lambda b: 1 / tf.sqrt(b))(positive), 1 / root)


def test_casts_to_integers():
    """Goldens of TensorFlow 2.21 on x86: what does not fit gives the least int32 or int64, and small types wrap."""
    least = np.iinfo("i4").min
    odd = tf.constant([np.nan, np.inf, 3e9, -3e9, -1.5])
    assert tf.cast(odd, tf.int32).numpy().tolist() == [least, least, least, least, -1]
    assert tf.cast(odd, tf.int64).numpy().tolist() == [-(2**63), -(2**63), 3 * 10**9, -3 * 10**9, -1]
    assert tf.cast(odd, tf.uint32).numpy().tolist() == [2**31, 2**31, 3 * 10**9, 2**31, 2**32 - 1]
    assert tf.cast([300.0, -1.0, 99.9], tf.uint8).numpy().tolist() == [44, 255, 99]
    assert tf.cast([300.0, -200.0], tf.int8).numpy().tolist() == [44, 56]
    assert tf.cast([70000.0, 1e10], tf.int16).numpy().tolist() == [4464, 0]
    with pytest.raises(TypeError):
        tf.saturate_cast(tf.constant([True]), tf.int32)


def test_booleans_multiply_and_bits_stay_inside():
    t = tf.constant([True, False])
    assert (t * True).numpy().tolist() == [True, False] and (t * t).dtype is tf.bool
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.multiply(t, t)
    bits = tf.bitwise.left_shift(tf.constant([1, 1, 1], tf.uint8), tf.constant([7, 8, 40], tf.uint8))
    assert bits.numpy().tolist() == [128, 128, 128]


@pytest.mark.parametrize(
    "call",
    [
        lambda: tf.pow(tf.constant([2], tf.uint8), tf.constant([2], tf.uint8)),
        lambda: tf.math.squared_difference(tf.constant([2], tf.int8), tf.constant([2], tf.int8)),
        lambda: tf.sort([True, False]),
        lambda: tf.math.top_k([True, False]),
        lambda: tf.add_n([tf.constant(True), tf.constant(False)]),
        lambda: tf.argmax(tf.constant([1j])),
        lambda: tf.math.unsorted_segment_mean(tf.constant([1j]), [0], 1),
        lambda: tf.matmul(tf.ones([2, 2], tf.int8), tf.ones([2, 2], tf.int8)),
    ],
)
def test_dtypes_not_taken(call):
    with pytest.raises(tf.errors.InvalidArgumentError, match="list of allowed values"):
        call()


def test_raw_ops():
    r = tf.raw_ops
    assert r.Add(x=1.0, y=2.0).numpy() == 3 and r.Div(x=[-7], y=[2]).numpy().tolist() == [-3]
    assert r.SqrtGrad(y=[0.0, 2.0], dy=[1.0, 1.0]).numpy().tolist() == [np.inf, 0.25]
    assert r.PopulationCount(x=tf.constant([0, 1, -1], tf.int16)).numpy().tolist() == [0, 1, 16]
    assert r.ApproximateEqual(x=[1.0, 2.0], y=[1.0, 2.1], tolerance=0.01).numpy().tolist() == [True, False]
    assert r.NthElement(input=[[3.0, 1.0, 2.0]], n=0, reverse=True).numpy().tolist() == [3]
    assert r.Sum(input=[[1, 2]], axis=1).numpy().tolist() == [3]
    assert r.Einsum(inputs=[[1.0, 2.0]], equation="a->aa").numpy().tolist() == [[1, 0], [0, 2]]
    with pytest.raises(TypeError):
        r.Exp(y=1.0)


def test_zero_keeps_its_sign():
    x = tf.constant([1.0])
    assert (x / 0.0).numpy() == np.inf and (x / -0.0).numpy() == -np.inf and (x / 0.0).numpy() == np.inf


def test_where_with_numbers():
    """NumPy numbers choose by not being zero; without x and y, so do all."""
    for condition in (np.array([2, 0]), np.array([0.5, 0.0])):
        assert tf.where(condition, [1.0, 2.0], [3.0, 4.0]).numpy().tolist() == [1.0, 4.0]
    for condition in ([1, 0], tf.constant([1, 0]), np.array([1.5, 0.0])):
        assert tf.where(condition).numpy().tolist() == [[0]]
    with pytest.raises(TypeError, match="bool"):
        tf.where([1, 0], [1.0, 2.0], [3.0, 4.0])
    with pytest.raises(ValueError, match="conversion requested dtype bool"):
        tf.where(tf.constant([1, 0]), [1.0, 2.0], [3.0, 4.0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Unhandled input dimensions: 0"):
        tf.where(3)


def test_slope_of_acosh_left_of_zero():
    """Of complex numbers: 1 / sinh(acosh(x)), conjugated, whose sign 1 / sqrt(x * x - 1) has not."""
    x = tf.constant([-2.5 - 2.5j, 1 + 2j], tf.complex128)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.acosh(x)
    want = np.conj(1 / (np.sqrt(x.numpy() - 1) * np.sqrt(x.numpy() + 1)))
    np.testing.assert_allclose(tape.gradient(y, x), want, rtol=1e-12)


def test_products_of_two_dtypes_by_their_raw_name():
    product = tf.raw_ops.BatchMatMulV3
    small, bits = np.array([[1, 2], [3, 4]], np.int8), np.array([[1, 2], [3, 4]], np.uint8)
    assert product(x=small, y=bits, Tout=tf.int32, adj_y=True).numpy().tolist() == [[5, 11], [11, 25]]
    half = product(x=small, y=tf.constant(small, tf.bfloat16), Tout=tf.bfloat16)
    assert half.dtype == tf.bfloat16 and half.numpy().tolist() == [[7, 10], [15, 22]]
    with pytest.raises(tf.errors.NotFoundError, match="int32 and int32 with Tout=int64"):
        product(x=np.ones((2, 2), np.int32), y=np.ones((2, 2), np.int32), Tout=tf.int64)
    assert tf.raw_ops.LogMatrixDeterminant(input=np.eye(2) * -3).sign == 1
