"""Assertions and checks: what holds passes, what does not raises with TensorFlow's class and words, statically where
that is possible.
"""

import time

import numpy as np
import pytest

import tfcompat as tf

v1 = tf.compat.v1
d = tf.debugging
Invalid = tf.errors.InvalidArgumentError
two = np.array([1.0, 2.0], np.float32)

# assertion, arguments that hold, arguments that do not, class, part of the message (TensorFlow 2.21's)
EAGER = [
    (
        d.assert_equal,
        ([1, 2], [1, 2]),
        ([1, 2], [1, 3]),
        Invalid,
        "Condition x == y did not hold.\nIndices of first 1 different values:\n[[1]]\nCorresponding x values:\n[2]\n"
        "Corresponding y values:\n[3]\nFirst 2 elements of x:\n[1 2]\nFirst 2 elements of y:\n[1 3]",
    ),
    (
        d.assert_none_equal,
        ([1, 2], [0, 3]),
        ([1, 2], [0, 2]),
        Invalid,
        "Condition x != y did not hold.\nIndices of first 1",
    ),
    (
        d.assert_less,
        ([1, 2], 3),
        ([1, 2], 0),
        Invalid,
        "Condition x < y did not hold.\nFirst 2 elements of x:\n[1 2]\nFirst 1 elements of y:\n[0]",
    ),
    (d.assert_less_equal, ([1, 2], 2), ([1, 2], 0), Invalid, "Condition x <= y did not hold."),
    (d.assert_greater, ([1, 2], 0), ([1, 2], 1), Invalid, "Condition x > y did not hold."),
    (d.assert_greater_equal, ([1, 2], 1), ([1, 2], 2), Invalid, "Condition x >= y did not hold."),
    (
        d.assert_positive,
        ([1.0],),
        ([1.0, -2.0], "m"),
        Invalid,
        "m.  \nCondition x > 0 did not hold element-wise:\nx (shape=(2,) dtype=float32) = \n['1.0', '-2.0']",
    ),
    (d.assert_negative, ([-1],), ([0],), Invalid, "Condition x < 0 did not hold element-wise:"),
    (d.assert_non_negative, ([0],), ([-1],), Invalid, "Condition x >= 0 did not hold element-wise:"),
    (d.assert_non_positive, ([0],), ([1],), Invalid, "Condition x <= 0 did not hold element-wise:"),
    (
        d.assert_near,
        (two, two + 1e-7),
        (two, two + 1e-4),
        Invalid,
        "x and y not equal to tolerance rtol = tf.Tensor(1.1920929e-06",
    ),
    (d.assert_rank, (two, 1), (two, 2), ValueError, "Tensor  must have rank 2.  Received rank 1, shape (2,)"),
    (
        d.assert_rank_in,
        (two, [1, 2]),
        (two, [0, 2], "x"),
        ValueError,
        "x.  Tensor  must have rank in (0, 2).  Received rank 1, shape (2,)",
    ),
    (
        d.assert_rank_at_least,
        (two, 1),
        (two, 3),
        ValueError,
        "Tensor  must have rank at least 3.  Received rank 1, shape (2,)",
    ),
    (d.assert_type, (two, tf.float32), (two, tf.int32), TypeError, "tensor must be of type tf.int32; got tf.float32"),
    (
        d.assert_integer,
        ([1],),
        ([1.0],),
        TypeError,
        "Expected \"x\" to be integer type.  Found: tensor of dtype <dtype: 'float32'>",
    ),
    (d.assert_scalar, (1.0,), (two,), ValueError, "Expected scalar shape, saw shape: (2,)."),
    (d.assert_all_finite, (two, "bad"), ([np.inf], "bad"), Invalid, "bad : Tensor had Inf values"),
    (d.check_numerics, (two, "bad"), ([np.inf, np.nan], "bad"), Invalid, "bad : Tensor had Inf and NaN values"),
    (
        d.assert_shapes,
        ([(two, ("N",)), (two, ("*", "N")), (two, (2,))],),
        ([(two, ("N",)), (two[:1], ("N",))],),
        ValueError,
        "Specified by tensor shape=(2,) dtype=float32 dimension 0.  Tensor shape=(1,) dtype=float32 dimension 0 "
        "must have size 2.  "
        "Received size 1, shape (1,)",
    ),
    (d.assert_proper_iterable, ([1, 2],), (1,), TypeError, 'Expected argument "values" to be iterable.'),
    (
        d.Assert,
        (True, ["x"]),
        (False, [tf.range(1, 6), "x"]),
        Invalid,
        "Expected 'False' to be true. Summarized data: 1, 2, 3, ...\nb'x'",
    ),
    (
        d.assert_equal,
        (["a"], ["a"]),
        ([1, 2], [1.0, 2.0]),
        Invalid,
        "cannot compute Equal as input #1(zero-based) was expected to be a int32 tensor but is a float tensor",
    ),
    (d.assert_equal, ([[1, 2]], [[1, 2]]), ([1, 2, 3], [1, 2]), Invalid, "Incompatible shapes: [3] vs. [2]"),
]


@pytest.mark.parametrize(
    "check, good, bad, error, words", EAGER, ids=[f"{i}-{r[0].__name__}" for i, r in enumerate(EAGER)]
)
def test_eager(check, good, bad, error, words):
    check(*good)
    with pytest.raises(error) as caught:
        check(*bad)
    assert words in str(caught.value)


# made from a fed vector x and a fed y of unknown rank, feeds that hold, feeds that do not, part of the message
IN_SESSION = [
    (
        lambda x, y: v1.assert_less(x, 3.0),
        [1.0, 2.0],
        [1.0, 4.0],
        "assertion failed: [Condition x < y did not hold element-wise:] [x (x:0) = ] [1 4]",
    ),
    (
        lambda x, y: v1.assert_equal(x, y),
        [1.0, 2.0],
        [1.0, 2.5],
        "[Condition x == y did not hold element-wise:] [x (x:0) = ] [1 2.5] [y (y:0) = ] [1 2]",
    ),
    (
        lambda x, y: v1.assert_positive(x, message="mm"),
        [1.0],
        [1.0, 2.0, -3.0, 4.0],
        "[mm.  ] [Condition x > 0 did not hold element-wise:] [x (x:0) = ] [1 2 -3...]",
    ),
    (
        lambda x, y: v1.assert_positive(x, data=[x, "foo"], summarize=10),
        [1.0],
        [1.0, 2.0, -3.0, 4.0],
        "assertion failed: [1 2 -3 4] [foo]",
    ),
    (lambda x, y: v1.assert_near(x, y), [1.0, 2.0], [1.0, 3.0], "x and y not equal to tolerance"),
    (lambda x, y: v1.assert_rank(y, tf.rank(x)), [1.0], None, "[Tensor y:0 must have rank] [1] [Received shape: ] []"),
    (
        lambda x, y: v1.assert_rank_in(y, [1, 2]),
        [1.0],
        None,
        "[Tensor y:0 must have rank in] [1] [2] [Received shape: ] []",
    ),
    (
        lambda x, y: v1.assert_rank_at_least(y, 1),
        [1.0],
        None,
        "[Tensor y:0 must have rank at least] [1] [Received shape: ] []",
    ),
    (
        lambda x, y: v1.debugging.assert_shapes([(x, (2,)), (y, ("N",))]),
        [1.0, 2.0],
        [1.0, 2.0, 3.0],
        "[Specified explicitly] [Tensor x:0 dimension] [0] [must have size] [2]",
    ),
    (lambda x, y: v1.check_numerics(x, "cn"), [1.0], [np.nan], "cn : Tensor had NaN values"),
    (lambda x, y: v1.verify_tensor_all_finite(x, "cn"), [1.0], [-np.inf], "cn : Tensor had Inf values"),
    (lambda x, y: (x + 1, v1.add_check_numerics_ops())[1], [1.0], [np.nan], "Tensor had NaN values"),
    (lambda x, y: v1.Assert(x[0] > 0, [x, "z"]), [1.0], [-1.0], "assertion failed: [-1] [z]"),
]


@pytest.mark.parametrize("make, good, bad, words", IN_SESSION, ids=range(len(IN_SESSION)))
def test_session(make, good, bad, words):
    with tf.Graph().as_default():
        x = v1.placeholder(tf.float32, [None], name="x")
        y = v1.placeholder(tf.float32, name="y")
        check = make(x, y)
        with tf.control_dependencies([check.op if isinstance(check, tf.Tensor) else check]):
            out = tf.identity(x)
        with v1.Session() as session:
            assert session.run(out, {x: good, y: [1.0, 2.0][: len(good)]}).tolist() == good
            feed = {x: [1.0], y: 3.0} if bad is None else {x: bad, y: [1.0, 2.0]}
            for fetched in (out, check):
                with pytest.raises(Invalid) as caught:
                    session.run(fetched, feed)
                assert words in str(caught.value)


def test_static_in_graphs():
    """What constants and static shapes decide raises while the graph is built, or costs nothing."""
    with tf.Graph().as_default():
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        with pytest.raises(Invalid, match="Condition x == y did not hold element-wise"):
            v1.assert_equal(tf.constant([1]), tf.constant([2]))
        with pytest.raises(ValueError, match=r"Tensor x:0 must have rank 1.  Received rank 2, shape \(None, 3\)"):
            v1.assert_rank(x, 1)
        with pytest.raises(TypeError, match="x:0 must be of type tf.int32; got tf.float32"):
            v1.assert_type(x, tf.int32)
        with pytest.raises(ValueError, match="Expected scalar shape for x:0"):
            v1.assert_scalar(x)
        with pytest.raises(ValueError, match="must have size 4"):
            d.assert_shapes([(x, (None, 4))])
        assert v1.assert_rank(x, 2).type == v1.assert_equal(x, x).type == v1.assert_type(x, tf.float32).type == "NoOp"


def test_functions_check():
    @tf.function
    def root(x):
        d.assert_non_negative(x, "no root")
        return d.check_numerics(tf.sqrt(x), "root")

    assert root(tf.constant(4.0)).numpy() == 2
    with pytest.raises(Invalid, match="no root"):
        root(tf.constant(-4.0))


def test_check_numerics_has_a_gradient():
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = d.check_numerics(x * x, "square")
    assert tape.gradient(y, x).numpy().tolist() == [2, 4]
    with tf.Graph().as_default():
        x = v1.placeholder(tf.float32, [2])
        (slope,) = tf.gradients(v1.check_numerics(x * x, "square"), [x])
        with v1.Session() as session:
            assert session.run(slope, {x: [1, 2]}).tolist() == [2, 4]


def test_dtypes():
    assert (
        d.is_numeric_tensor(tf.constant(1.0))
        and not d.is_numeric_tensor(tf.constant("a"))
        and not d.is_numeric_tensor(1.0)
    )
    assert d.assert_same_float_dtype() is tf.float32
    assert d.assert_same_float_dtype([tf.constant(1.0, tf.float64), None]) is tf.float64
    with pytest.raises(ValueError, match="must be of the same type"):
        d.assert_same_float_dtype([tf.constant(1.0), tf.constant(1.0, tf.float64)])
    with pytest.raises(ValueError, match="Expected floating point type"):
        d.assert_same_float_dtype([tf.constant(1)])


def test_refused_by_name():
    with pytest.raises(NotImplementedError, match="tf.debugging.enable_check_numerics"):
        d.enable_check_numerics()


def test_captured_tensors_in_messages():
    x = tf.constant([1.0])
    with pytest.raises(Invalid, match="fail"):
        tf.function(lambda: d.assert_greater(x, 2.0, message="fail"))()
    with pytest.raises(TypeError, match="fail"):
        tf.function(lambda: d.assert_type(x, tf.int32, message="fail"))()


def test_ranks_that_are_no_scalars():
    with tf.Graph().as_default(), v1.Session() as session:
        rank = v1.placeholder(tf.int32)
        check = v1.assert_rank(two, rank)
        session.run(check, {rank: 1})
        with pytest.raises(Invalid, match="Rank must be a scalar"):
            session.run(check, {rank: [1, 2]})


def test_switches():
    assert tf.Assert is d.Assert and d.is_traceback_filtering_enabled()
    d.disable_traceback_filtering()
    assert not d.is_traceback_filtering_enabled()
    d.enable_traceback_filtering()
    assert not d.get_log_device_placement()


def test_timestamp_is_each_runs_own_time():
    started = time.time()
    later = tf.function(tf.timestamp)
    first, second = float(later()), float(later())
    assert started <= first < second <= time.time()
    with tf.Graph().as_default(), v1.Session() as session:
        now = tf.timestamp()
        assert now.dtype == tf.float64 and now.shape == [] and second <= session.run(now) < session.run(now)
