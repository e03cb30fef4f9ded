"""py_func, numpy_function and py_function in the three fronts: results, dtypes, errors, composites.  All answers are TensorFlow 2.21's."""

import numpy as np
import pytest

import tfcompat as tf

v1 = tf.compat.v1
CALLS = {"numpy_function": tf.numpy_function, "py_function": tf.py_function, "py_func": v1.py_func}


def in_a_session(make):
    with tf.Graph().as_default(), v1.Session() as sess:
        return sess.run(make())


FRONTS = {"eager": lambda make: make(), "session": in_a_session, "function": lambda make: tf.function(make)()}


def shown(result):
    """A result as NumPy values."""
    if isinstance(result, (list, tuple)):
        return [shown(r) for r in result]
    return result if result is None else np.asarray(result.numpy() if hasattr(result, "numpy") else result)


# Calls: (function, inputs, Tout, what comes out); numpy_function and py_func tell eagerly the dtypes that NumPy has.
RESULTS = {
    "two": (lambda x: (x, x + 1), [np.int32(1)], [tf.int32, tf.int32], [1, 2]),
    "text": (lambda x: "ü", [1], tf.string, "ü".encode()),
    "texts": (lambda x: np.array(["a\0", "b\0\0"]), [1], tf.string, [b"a", b"b"]),
    "objects": (lambda x: np.array([b"a", "u"], object), [1], tf.string, [b"a", b"u"]),
    "array": (lambda x: x * np.float32(2), [np.ones(2, "f")], tf.float32, [2.0, 2.0]),
    "list of one": (lambda x: [x], [np.ones(2, "f")], [tf.float32], [[1.0, 1.0]]),
}


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", RESULTS)
def test_results(name, call, front):
    function, inputs, tout, expected = RESULTS[name]
    got = FRONTS[front](lambda: CALLS[call](function, [tf.constant(i) for i in inputs], tout))
    if isinstance(tout, list) and len(tout) == 1 and front == "eager" and call != "py_function":
        expected = expected[0]
    got = shown(got)
    if isinstance(tout, list) and isinstance(got, list):
        assert len(got) == len(expected)
        for g, e in zip(got, expected, strict=True):
            np.testing.assert_array_equal(g, e)
    else:
        np.testing.assert_array_equal(got, np.array(expected, object) if tout is tf.string else expected)


def raises(error):
    def function(*args):
        raise error

    return function


ERRORS = [
    (ValueError("b"), tf.errors.InvalidArgumentError),
    (TypeError("b"), tf.errors.InvalidArgumentError),
    (StopIteration("b"), tf.errors.OutOfRangeError),
    (MemoryError("b"), tf.errors.ResourceExhaustedError),
    (NotImplementedError("b"), tf.errors.UnimplementedError),
    (KeyError("b"), tf.errors.UnknownError),
    (tf.errors.AbortedError(None, None, "b"), tf.errors.UnknownError),
]


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("error, kind", ERRORS)
def test_exceptions_are_tensorflows(error, kind, call, front):
    bare = front == "eager" and call != "py_function"  # these call the function as it is
    said = "b" if bare else rf"(?s){type(error).__name__}: '?b'?\n.*Traceback.*in function"
    with pytest.raises(type(error) if bare else kind, match=said):
        FRONTS[front](lambda: CALLS[call](raises(error), [1], tf.int32))


INVALID, INTERNAL = tf.errors.InvalidArgumentError, tf.errors.InternalError
WRONG = {
    "too many": (lambda x: (x, x), [tf.int32], INVALID, "returns 2 values, but expects to see 1 values"),
    "too few": (lambda x: x, [tf.int32, tf.int32], INVALID, "returns 1 values, but expects to see 2 values"),
    "none": (lambda x: None, tf.int32, INVALID, "returns 0 values, but expects to see 1 values"),
    "dtype": (
        lambda x: np.float32(1),
        tf.int32,
        INVALID,
        "0-th value returned by pyfunc(_[0-9]+)? is float, but expects int32",
    ),
    "a number": (
        lambda x: 1.5,
        tf.float32,
        INVALID,
        "0-th value returned by pyfunc(_[0-9]+)? is double, but expects float",
    ),
    "a record": (lambda x: np.zeros(1, [("foo", "f")]), tf.float32, INTERNAL, "Unsupported numpy data type"),
    "a dictionary": (lambda x: {"foo": 1}, tf.int64, INTERNAL, "Unsupported object type dict"),
}


@pytest.mark.parametrize("front", ["session", "function"])
@pytest.mark.parametrize("name", WRONG)
def test_arrays_that_are_not_what_was_stated(name, front):
    function, tout, kind, said = WRONG[name]
    with pytest.raises(kind, match=said):
        FRONTS[front](lambda: tf.numpy_function(function, [1], tout))


def test_eagerly_arrays_come_out_as_they_are():
    assert tf.numpy_function(lambda x: np.arange(3), [1], tf.int32).dtype == tf.int64
    assert tf.numpy_function(lambda x: None, [1], []) is None


def test_what_a_graph_gives_a_function():
    seen = []
    for front in ("session", "function"):
        FRONTS[front](
            lambda: tf.numpy_function(
                lambda *args: seen.append([type(a) for a in args]) or 0, [1, [1.0], "a"], tf.int64
            )
        )
    assert seen == [[np.int32, np.ndarray, bytes]] * 2


@pytest.mark.parametrize("call", ["numpy_function", "py_function"])
def test_as_decorators(call):
    op = CALLS[call]

    @op(Tout=tf.int32)
    def plus(a, b):
        return a + b

    assert int(plus(tf.constant(1), tf.constant(2))) == 3
    with pytest.raises(TypeError, match="Missing required argument: 'Tout'"):
        op(plus)
    with pytest.raises(TypeError, match="Don't set the `inp` argument"):
        op(inp=[], Tout=tf.int32)
    with pytest.raises(TypeError, match="Missing argument `inp`"):
        op(plus, Tout=tf.int32)


def test_what_is_no_function():
    with pytest.raises(ValueError, match="Expected func to be callable. Received func=3 of type <class 'int'>"):
        tf.py_function(3, [1], tf.int32)


@pytest.mark.parametrize("front", ["eager", "function"])
def test_ragged_arguments_and_results(front):
    x = tf.ragged.constant([[1.0, 2.0], [3.0]])
    spec = tf.RaggedTensorSpec.from_value(x)
    assert float(FRONTS[front](lambda: tf.py_function(tf.reduce_sum, [x], tf.float32))) == 6.0
    twice = FRONTS[front](lambda: x + tf.py_function(lambda r: 2 * r, [x], spec))
    assert twice.to_list() == [[3.0, 6.0], [9.0]]
    said = "(?s)py_function: func=.* returned .* which did not match Tout="
    with pytest.raises(INVALID, match=said):
        FRONTS[front](lambda: tf.py_function(lambda r: r, [x], [tf.float32]))
    with pytest.raises(INVALID, match=said):
        FRONTS[front](lambda: tf.py_function(lambda r: r.values, [x], [spec]))


@pytest.mark.parametrize("value, slope", [(3.0, 6.0), (3.0 + 3.0j, 6.0 - 6.0j)])
@pytest.mark.parametrize("front", FRONTS)
def test_gradients_of_py_function(front, value, slope):
    def make():
        x = tf.constant(value)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.py_function(lambda v: v**2, [x], x.dtype)
        return tape.gradient(y, x)

    np.testing.assert_allclose(shown(FRONTS[front](make)), slope)
