"""What counts as a source: values on a gradient's way, and variables, each time they are read.

The numbers in THIRD, BY_OUTPUT and READS are TensorFlow 2.21's.
"""

import functools

import numpy as np
import pytest

import tfcompat as tf

v1 = tf.compat.v1


def _by_tape(ask):
    """gradients(y, xs) eagerly: everything is recorded, and asked for while it is."""
    tape = tf.GradientTape(persistent=True)
    with tape:
        return ask(tape.gradient, tape.watch)


def _in_a_session(ask):
    with tf.Graph().as_default(), v1.Session() as session:
        asked = ask(lambda y, xs: v1.gradients(y, xs), lambda x: None)
        return [None if g is None else session.run(g) for g in asked]


@pytest.mark.parametrize("front", [_by_tape, tf.function(_by_tape), _in_a_session])
def test_gradients_by_what_a_gradient_computed_on_its_way(front):
    """x = 0.5, z = x^3, y = z^2 x: dy/dx reads z, which lies between, so it has a gradient by z."""

    def ask(gradients, watch):
        x = tf.constant(0.5, tf.float64)
        watch(x)
        z = x * x * x
        y = z * z * x
        by_x, by_z = gradients(y, [x, z])  # z^2 + 2 z x (3 x^2) and 2 z x
        return [*gradients(by_x, [x, z]), *gradients(by_z, [x, z])]

    x, z = 0.5, 0.125
    got = [float(g) for g in front(ask)]
    # by_x = z^2 + 6 z x^3 in terms of both: by z is 2 z + 6 x^3, by x along both 42 x^5 as y = x^7; by_z = 2 z x.
    np.testing.assert_allclose(got, [42 * x**5, 2 * z + 6 * x**3, 2 * z + 2 * x * 3 * x**2, 2 * x], rtol=1e-14)


# d3y in x, a, b, c of a chain where each reads the ones before, in this order.
THIRD = {
    "xxa": 3.865870144459246,
    "xab": 1.6777673346668496,
    "xba": 1.6777673346668496,
    "abc": 1.9375503693435543,
    "bbc": 0.8763337085091948,
    "acb": 1.9375503693435543,
}


@pytest.mark.parametrize("front", [_by_tape, tf.function(_by_tape), _in_a_session])
def test_three_times_by_values_on_the_way(front):
    def ask(gradients, watch):
        x = tf.constant(0.5, tf.float64)
        watch(x)
        a = tf.sin(x) * x
        b = tf.exp(a) * a
        c = b * b * a
        y = c * c * b
        place = {"x": x, "a": a, "b": b, "c": c}
        return [functools.reduce(lambda g, k: gradients(g, [place[k]])[0], path, y) for path in THIRD]

    np.testing.assert_allclose([float(g) for g in front(ask)], list(THIRD.values()), rtol=1e-13)


# Function, how its input z is made of [0.3, -0.2], and the gradients of sum((d sum(f(z)^3)/dx)^2) by f(z) and by z.
BY_OUTPUT = [
    ("tanh", 1.1, [1.0082021035397108, -0.38190994824252555], [0.9059144698257102, -0.3640059827713743]),
    ("sigmoid", 1.1, [0.4084998562621283, 0.25769173890589353], [0.09939430768227217, 0.06364966247892748]),
    ("exp", 1.1, [340.2240619079314, 21.749796608832526], [473.2408266504207, 17.45462063044867]),
    ("sqrt", None, [2.0427422744927957, 0.8934965025113419], [0.8099999999999999, 0.3600000000000001]),
    ("math.rsqrt", None, [1.0050738170691282, 0.5157737758895751], [-0.2506526366007735, -0.13494232235516218]),
    ("math.reciprocal", 1.1, [204418.5425709153, -3492682.4422077453], [-1877121.603038708, 72162860.37619306]),
    ("nn.elu", 1.1, [1.5654157200000003, -0.18947686018752236], [1.5654157200000003, -0.15205874207939504]),
    ("nn.selu", 1.1, [2.00458922933808, -3.1825353403400274], [2.106223882507682, -4.490263839079788]),
    ("asinh", 1.1, [1.2715501949078067, -0.42188682326133475], [1.2075004938566172, -0.4120334315139708]),
    ("acosh", None, [3.1560412595261766, 1.4343309297929618], [2.5530938785611212, 1.2247166592408003]),
    ("nn.softmax", 1.1, [0.7845836742996988, -0.2783374976214542], [0.24660583603051356, -0.2466058360305136]),
    ("nn.log_softmax", 1.1, [17.71805298752571, -36.88520752428675], [29.87262785769002, -29.87262785769002]),
    ("nn.softplus", 1.1, [9.7650245557476, 1.7660125308306756], [7.4609592895785415, 1.0748916010425247]),
    ("sin", 1.1, [1.3265299763841818, -0.43115888940574953], [1.1813358925053508, -0.4102465011590073]),
]


@pytest.mark.parametrize("name, times, by_output, by_input", BY_OUTPUT, ids=[row[0] for row in BY_OUTPUT])
def test_gradients_that_read_the_output(name, times, by_output, by_input):
    """Where TensorFlow's gradient of a function is written with its output, it has a gradient by it."""
    function = functools.reduce(getattr, name.split("."), tf)
    x = tf.constant([0.3, -0.2], tf.float64)
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            z = x * x + 1.5 if times is None else x * times
            h = function(z)
            total = tf.reduce_sum(h * h * h)
        slope = tf.reduce_sum(inner.gradient(total, x) ** 2)
    np.testing.assert_allclose(outer.gradient(slope, h), by_output, rtol=1e-12)
    np.testing.assert_allclose(outer.gradient(slope, z), by_input, rtol=1e-12)


# -- variables read again after they were assigned ---------------------------------------------------------------------
@tf.custom_gradient
def _ten(z):
    return z * 2.0, lambda d: d * 10.0


def _doubled(v):
    v.assign(v * 2.0)


def _again(v, x):
    _doubled(v)
    return v * 1.0


def _never_read_before(v, x):
    v.assign(x * 2.0)
    return v * 3.0


def _before_and_after(v, x):
    before = v * v
    v.assign_add(x)
    return v * v + before


def _what_assign_gives(v, x):
    return v.assign_add(x * v) * 2.0


def _in_a_branch(v, x):
    def new():
        _doubled(v)
        return v * v

    return tf.cond(x > 0.0, new, lambda: v * 1.0)


def _in_a_loop(v, x):
    y = 0.0
    for _ in tf.range(3):
        v.assign(v * 2.0)
        y += v * x
    return y


def _in_a_call(v, x):
    tf.function(_doubled)(v)
    return v * v


def _with_a_gradient_of_its_own(v, x):
    _doubled(v)
    return _ten(v) * v


# The gradients by v = 3 and x = 5, then the value.
READS = [
    (_again, 1.0, None, 6.0),
    (_never_read_before, 3.0, None, 30.0),
    (_before_and_after, 22.0, None, 73.0),
    (_what_assign_gives, 2.0, None, 36.0),
    (_in_a_branch, 12.0, None, 36.0),
    (_in_a_loop, 15.0, 42.0, 210.0),
    (_in_a_call, 12.0, None, 36.0),
    (_with_a_gradient_of_its_own, 72.0, None, 72.0),
]


@pytest.mark.parametrize("function, by_v, by_x, value", READS, ids=[row[0].__name__[1:] for row in READS])
@pytest.mark.parametrize("inside", [False, True], ids=["tape around", "tape inside"])
def test_every_read_is_a_source_and_no_gradient_enters_an_assignment(function, by_v, by_x, value, inside):
    v, x = tf.Variable(3.0), tf.constant(5.0)

    def asked(call):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y = call(v, x)
        return y, tape.gradient(y, v), tape.gradient(y, x)

    y, *got = tf.function(lambda: asked(function))() if inside else asked(tf.function(function))
    assert [None if g is None else float(g) for g in (y, *got)] == [value, by_v, by_x]


def test_lookups_in_a_function_give_slices_to_a_tape_around_it():
    table = tf.Variable([1.0, 2.0, 3.0])

    @tf.function
    def looked_up(ids):
        table.assign(table * 2.0)
        return tf.reduce_sum(tf.gather(table, ids) * 5.0)

    with tf.GradientTape() as tape:
        y = looked_up([0, 0, 1])
    slope = tape.gradient(y, table)
    assert isinstance(slope, tf.IndexedSlices)
    assert slope.indices.numpy().tolist() == [0, 0, 1]
    assert slope.values.numpy().tolist() == [5.0, 5.0, 5.0]
    assert y.numpy() == 40.0
    assert table.numpy().tolist() == [2.0, 4.0, 6.0]


# -- gradient functions of the user's own ------------------------------------------------------------------------------
def test_a_gradient_nobody_asks_for_is_not_asked():
    """A function's gradient that cannot be built is an error of whoever asks for it."""

    @tf.custom_gradient
    def refuses(x):
        def gradient(d):
            raise AssertionError("asked")

        return x * 2.0, gradient

    function = tf.function(refuses)
    x = tf.constant(1.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        stopped = function(tf.stop_gradient(x))
        followed = function(x)
    assert (stopped.numpy(), followed.numpy()) == (2.0, 2.0)
    assert tape.gradient(stopped, x) is None
    with pytest.raises(AssertionError, match="asked"):
        tape.gradient(followed, x)


def test_a_gradient_function_may_use_the_host():
    seen = []

    @tf.custom_gradient
    def doubled(x):
        return x * 2.0, lambda d: tf.numpy_function(lambda a: seen.append(1) or a * 5.0, [d], tf.float32)

    function = tf.function(doubled)
    x = tf.constant(1.0)
    assert function(x).numpy() == 2.0
    assert not seen
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x) * x  # 2 x and 5 x: TensorFlow 2.21 gives 7
    assert tape.gradient(y, x).numpy() == 7.0
    assert seen == [1]


def test_a_gradient_function_whose_arguments_are_not_followed_counts_as_what_it_does():
    """The cotangent one of a sum is followed by no tape, x is: TensorFlow 2.21 gives 3 for the second derivative."""

    @tf.custom_gradient
    def squared(x):
        @tf.custom_gradient
        def slope(d):
            return d * 3.0 * x, lambda dd: dd * 7.0

        return x * x, slope

    x = tf.constant(2.0)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = squared(x)
        slope = inner.gradient(y, x)
    assert (slope.numpy(), outer.gradient(slope, x).numpy()) == (6.0, 3.0)


def test_an_unregistered_gradient_is_missed_when_it_is_asked_for():
    with tf.Graph().as_default() as graph:
        x = tf.constant(1.0)
        with graph.gradient_override_map({"Identity": "NoSuchGradient"}):
            y = tf.identity(x)
        with pytest.raises(LookupError, match="No gradient defined for operation ?'Identity'"):
            v1.gradients(y, x)


# -- values fed in the middle ------------------------------------------------------------------------------------------
def test_a_value_fed_in_the_middle_reaches_the_gradient():
    """h = x w, a = h^2, y = 3 a^2: dy/dw = 6 a (2 h) x, dy/dh = 12 a h, and d(dy/dw)/dw = x (12 a + 24 h^2) x, of what is fed."""
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float64, [])
        w = v1.get_variable("w", initializer=tf.constant(2.0, tf.float64))
        h = x * w
        a = h * h
        y = 3.0 * a * a
        by_w, by_h = v1.gradients(y, [w, h])
        twice = v1.gradients(by_w, w)[0]
        session.run(v1.global_variables_initializer())

        def run(**fed):
            feeds = {x: 0.5, **{{"h": h, "a": a}[k]: v for k, v in fed.items()}}
            return [float(v) for v in session.run([y, by_w, by_h, twice], feeds)]

        def wanted(h, a):
            return [3 * a * a, 12 * a * h * 0.5, 12 * a * h, 0.25 * (12 * a + 24 * h * h)]

        assert run() == wanted(1.0, 1.0)
        assert run(h=3.0) == wanted(3.0, 9.0)
        assert run(a=5.0) == wanted(1.0, 5.0)
        assert run(h=3.0, a=5.0) == wanted(3.0, 5.0)
        assert run() == wanted(1.0, 1.0)
        train = v1.train.GradientDescentOptimizer(1.0).minimize(y)
        session.run(train, {x: 0.5, h: 3.0})
        assert session.run(w) == 2.0 - 12 * 9 * 3 * 0.5


def test_a_function_may_give_a_variable_its_first_value():
    with tf.Graph().as_default(), v1.Session() as session:
        v = v1.get_variable("v", [2], use_resource=True)
        given = tf.function(lambda: v.assign(tf.ones([2])))()
        assert session.run(given).tolist() == [1.0, 1.0]
        assert session.run(v).tolist() == [1.0, 1.0]
