"""Conditionals, loops, maps, scans and TensorArrays on every front: eagerly, in a Session's graph, in a tf.function."""

import numpy as np
import pytest

import tfcompat as tf
from tfcompat._src.engine import log

v1 = tf.compat.v1
X, W = np.array([0.3, 0.5, 0.2], np.float32), np.float32(1.3)
ROWS = np.arange(12, dtype=np.float32).reshape(4, 3) / 10


def values(result):
    return [np.asarray(v) for v in tf.nest.flatten(result)]


def in_graph(build, *arrays):
    with tf.Graph().as_default():
        result = build(*[tf.constant(a) for a in arrays])
        with v1.Session() as session:
            if v1.global_variables():
                session.run(v1.global_variables_initializer())
            return values(session.run(tf.nest.flatten(result)))


def fronts(build, *arrays):
    """Name and values of build(*tensors) on each front."""
    yield "eager", values(build(*[tf.constant(a) for a in arrays]))
    yield "function", values(tf.function(build)(*[tf.constant(a) for a in arrays]))
    yield "graph", in_graph(build, *arrays)


def with_gradients(build):
    """build's first output and its gradients by all inputs, on the front it is called on."""

    def run(*tensors):
        if tf.executing_eagerly() or v1.get_default_graph().building_function:
            with tf.GradientTape() as tape:
                for t in tensors:
                    tape.watch(t)
                y = build(*tensors)
            return [y, *tape.gradient(y, tensors)]
        y = build(*tensors)
        return [y, *tf.gradients(y, list(tensors))]

    return run


def numeric(build, arrays, i, e=1e-2):
    """The gradient of the sum of the outputs by arrays[i], by central differences of the eager values."""
    out = np.zeros_like(arrays[i], np.float64)
    for at in np.ndindex(out.shape):
        ends = []
        for sign in (1, -1):
            moved = [np.array(a, np.float64) for a in arrays]
            moved[i][at] += sign * e
            ends.append(np.sum(values(build(*[tf.constant(m) for m in moved]))[0]))
        out[at] = (ends[0] - ends[1]) / (2 * e)
    return out


# -- gradients: each against eager recording and central differences ---------------------------------------------------
def chosen(x, w):
    return tf.cond(tf.reduce_sum(x) < w, lambda: x * w * w, lambda: x + 23)


def counted(x, w):
    return tf.while_loop(lambda i, x: i < 5, lambda i, x: (i + 1, tf.sin(x) * w), [0, x])[1]


def data_dependent(x, w):
    return tf.while_loop(lambda x: tf.reduce_sum(x) < 100, lambda x: (x * w + 1,), (x,))[0]


def many_chunks(x, w):
    zero = tf.zeros_like(w)
    return tf.while_loop(
        lambda s, i: s < 100, lambda s, i: (s + tf.sin(i * w) * 0.5 + 0.6, i + 1), (zero + x[0], zero)
    )[0]


def limited(x, w):
    return tf.while_loop(lambda x: tf.reduce_sum(x) < 100, lambda x: (x * w + 1,), (x,), maximum_iterations=3)[0]


def bounded(x, w):
    go_on = lambda i, x: tf.logical_and(i < 20, tf.reduce_sum(x) < 100)
    return tf.while_loop(go_on, lambda i, x: (i + 1, x * w + 1), (0, x))[1]


def nested(x, w):
    def body(i, x):
        inner = tf.while_loop(
            lambda j, x: tf.reduce_sum(x) < tf.cast(i, x.dtype) * 20, lambda j, x: (j + 1, x * w + 1), [0, x]
        )[1]
        return i + 1, tf.cond(tf.reduce_sum(inner) > 20, lambda: inner / 2 * w, lambda: inner)

    return tf.while_loop(lambda i, x: i < 4, body, [0, x])[1]


def growing(x, w):
    free = [tf.TensorShape([]), tf.TensorShape([None])]
    return tf.while_loop(
        lambda i, x: i < 3, lambda i, x: (i + 1, tf.concat([x, x * w], 0)), [0, x], shape_invariants=free
    )[1]


def written(x, w):
    array = tf.TensorArray(x.dtype, 5)
    return tf.while_loop(lambda i, x, a: i < 5, lambda i, x, a: (i + 1, x * w, a.write(i, x)), [0, x, array])[2].stack()


def appended(x, w):
    array = tf.TensorArray(x.dtype, 0, dynamic_size=True)
    return tf.while_loop(lambda i, x, a: i < 5, lambda i, x, a: (i + 1, x * w, a.write(i, x)), [0, x, array])[2].stack()


def mapped(x, w):
    return tf.map_fn(lambda r: tf.reduce_sum(tf.sin(r * w)), x)


def vectorized(x, w):
    return tf.vectorized_map(lambda r: tf.reduce_sum(tf.sin(r * w)), x)


def scanned(x, w):
    return tf.scan(lambda a, r: tf.tanh(a * w + r), x, initializer=tf.zeros_like(x[0]))


def scanned_back(x, w):
    return tf.scan(lambda a, r: tf.tanh(a * w + r), x, reverse=True)


def folded(x, w):
    return tf.foldl(lambda a, r: a * w + r, x) + tf.foldr(lambda a, r: a * w - r, x)


@pytest.mark.parametrize(
    "build", [chosen, counted, data_dependent, many_chunks, limited, bounded, nested, growing, written, appended]
)
def test_gradients(build):
    check_gradients(build, X, W)


@pytest.mark.parametrize("build", [mapped, vectorized, scanned, scanned_back, folded])
def test_gradients_over_rows(build):
    check_gradients(build, ROWS, W)


def check_gradients(build, *arrays):
    expected = None
    for front, got in fronts(with_gradients(build), *arrays):
        expected = got if expected is None else expected
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(a, b, 2e-5, 1e-6, err_msg=front)
    # Central differences of a long chaotic sum are less exact than the gradient.
    np.testing.assert_allclose(expected[2], numeric(build, arrays, 1, 1e-5), 1e-3, 1e-4)


def test_long_loops_keep_few_carries():
    """Past the number of saved carries the stretches between them are computed again; nothing else changes."""
    with tf.Graph().as_default():
        w, n = tf.constant(0.999, tf.float64), v1.placeholder(tf.float64, [])
        start = [tf.constant(0.0, tf.float64), tf.constant(0.5, tf.float64)]
        y = tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1.0, tf.sin(y) * w + 0.001 * i), start)[1]
        gradient = tf.gradients(y, w)[0]
        with v1.Session() as session:
            for length in (0, 1, 32, 33, 2049, 3000):
                got, value, slope = session.run([gradient, y, w], {n: length})[0], 0.5, 0.0
                for i in range(length):
                    value, slope = np.sin(value) * 0.999 + 0.001 * i, np.sin(value) + 0.999 * np.cos(value) * slope
                np.testing.assert_allclose(got, slope, 1e-9)


def test_second_derivatives():
    for build in (counted, data_dependent):

        def first(x, w, build=build):
            return with_gradients(build)(x, w)[1]

        got = in_graph(lambda x, w, f=first: tf.gradients(f(x, w), w)[0], X, W)[0]
        np.testing.assert_allclose(got, numeric(lambda x, w, f=first: f(x, w), (X, W), 1, 1e-5), 1e-3)


# -- state -------------------------------------------------------------------------------------------------------------
def test_assignments_in_a_loop():
    v, w = tf.Variable(1.0), tf.Variable(2.0)

    @tf.function
    def f(x):
        def body(i, x):
            v.assign_add(1.0)
            return i + 1, x * w + v

        return tf.while_loop(lambda i, x: i < 3, body, [0, x])[1]

    with tf.GradientTape() as tape:
        y = f(tf.constant(1.0))
    assert (float(y), float(v)) == (26.0, 4.0)
    assert float(tape.gradient(y, w)) == 23.0


def test_only_the_chosen_branch_assigns():
    for resource in (False, True):
        with tf.Graph().as_default():
            v = v1.get_variable("v", [], initializer=v1.zeros_initializer(), use_resource=resource)
            p = v1.placeholder(tf.bool, [])
            r = tf.cond(p, lambda v=v: v1.assign_add(v, 1.0), lambda v=v: tf.identity(v))
            with v1.Session() as session:
                session.run(v1.global_variables_initializer())
                assert [session.run(r, {p: q}) for q in (True, True, False)] == [1.0, 2.0, 2.0]


def test_one_random_mask_forward_and_backward():
    with tf.Graph().as_default():
        tf.random.set_seed(1)
        w = v1.get_variable("w", [], initializer=v1.ones_initializer(), use_resource=True)
        body = lambda i, x: (i + 1, v1.nn.dropout(x, keep_prob=0.5) * w)
        loss = tf.reduce_sum(tf.while_loop(lambda i, x: i < 3, body, [0, tf.ones([500])])[1])
        gradient = tf.gradients(loss, w)[0]
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            a, b = session.run([loss, gradient])
            c, d = session.run([loss, gradient])
    assert b == 3 * a and d == 3 * c and a != c


def test_registered_gradients_inside_bodies():
    @tf.custom_gradient
    def doubled(v):
        return v * 2.0, lambda dy: dy * 7.0 * v

    def loop(x, w):
        return tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, doubled(x) * w), [0, x])[1]

    expected = None
    for front, got in fronts(with_gradients(loop), X, W):
        expected = got if expected is None else expected
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(a, b, 1e-5, err_msg=front)

    plain = tf.function(lambda x: doubled(x) + 0.0)
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = plain(x)
    assert float(tape.gradient(y, x)) == 21.0


def test_host_operations_in_bodies(capfd):
    def loop(x):
        def body(i, x):
            with tf.control_dependencies([tf.print("at", i)] if not tf.executing_eagerly() else []):
                return i + 1, tf.identity(x * 2)

        return tf.while_loop(lambda i, x: i < 2, body, [0, x])[1]

    assert [float(v) for v in in_graph(with_gradients(loop), np.float32(3))] == [12.0, 4.0]
    assert [float(v) for v in tf.function(with_gradients(loop))(tf.constant(3.0))] == [12.0, 4.0]
    written = capfd.readouterr()
    assert (written.out + written.err).count("at 1") == 2


# -- lengths and shapes ------------------------------------------------------------------------------------------------
def test_shapes_follow_fed_sizes():
    with tf.Graph().as_default():
        x, n = v1.placeholder(tf.float32, [None, 3]), v1.placeholder(tf.int32, [])
        sums = tf.scan(lambda a, r: a + r, x)
        array = tf.TensorArray(tf.float32, 0, dynamic_size=True)
        steps = tf.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, tf.cast(i, tf.float32))), [0, array])[
            1
        ].stack()
        assert sums.shape.as_list() == [None, 3]
        with v1.Session() as session:
            assert session.run(sums, {x: np.ones((5, 3))})[-1].tolist() == [5, 5, 5]
            assert session.run(steps, {n: 3}).tolist() == [0, 1, 2]
            assert session.run(steps, {n: 4}).tolist() == [0, 1, 2, 3]


def test_branches_of_different_shapes():
    x = np.array([1, 2, 3], np.float32)
    for _, got in fronts(lambda x: tf.cond(tf.reduce_sum(x) > 1, lambda: x[:2], lambda: x), x):
        assert got[0].tolist() == [1, 2]


def test_a_loop_in_a_function_compiles_once():
    f = tf.function(lambda x, n: tf.while_loop(lambda i, x: i < n, lambda i, x: (i + 1, x * 2.0), [0, x])[1])
    assert float(f(tf.constant(1.0), tf.constant(3))) == 8.0
    before = log.count
    assert float(f(tf.constant(1.0), tf.constant(5))) == 32.0
    assert log.count == before


def test_messages():
    grow = lambda: tf.while_loop(
        lambda i, x: i < 3, lambda i, x: (i + 1, tf.concat([x, x], 0)), [0, tf.constant([1.0])]
    )
    with pytest.raises(
        ValueError, match=r"enters the loop with shape \(1,\), but has shape \(2,\) after one iteration"
    ):
        tf.function(grow)()
    retype = lambda: tf.while_loop(lambda x: x < 3, lambda x: (tf.cast(x, tf.float32),), [0])
    with pytest.raises(TypeError, match="enters the loop with type <dtype: 'int32'> but has type <dtype: 'float32'>"):
        tf.function(retype)()
    with pytest.raises(TypeError, match="must have the same number, type, and overall structure"):
        tf.function(lambda: tf.cond(tf.constant(True), lambda: 1, lambda: 2.0))()
    with pytest.raises(TypeError, match="pred must not be a Python bool"):
        tf.function(lambda: tf.cond(True, lambda: 1, lambda: 2))()
    with pytest.raises(ValueError, match="Inconsistent shapes"):
        tf.function(lambda: tf.TensorArray(tf.float32, 2).write(0, [1.0]).write(1, [1.0, 2.0]).stack())()
    with pytest.raises(tf.errors.InvalidArgumentError, match="read index 0 twice"):
        array = tf.TensorArray(tf.float32, 1).write(0, 1.0)
        array.read(0), array.read(0)
    with pytest.raises(tf.errors.OutOfRangeError, match="not resizeable"):
        tf.TensorArray(tf.float32, 1).write(1, 1.0)


# -- values ------------------------------------------------------------------------------------------------------------
VALUES = {
    "case": (lambda: tf.case([(tf.equal(2, 1), lambda: 10), (tf.equal(2, 2), lambda: 20)], default=lambda: 30), [20]),
    "switch_case": (
        lambda: [tf.switch_case(tf.constant(i), [lambda: 1, lambda: 2], lambda: 9) for i in (-1, 0, 1, 2)],
        [9, 1, 2, 9],
    ),
    "cond of a dict": (lambda: tf.cond(tf.constant(False), lambda: {"a": 1, "b": 2}, lambda: {"a": 3, "b": 4}), [3, 4]),
    "cond of text": (
        lambda: tf.cond(tf.constant(True), lambda: tf.constant("yes"), lambda: tf.constant("no")),
        [b"yes"],
    ),
    "map of two": (
        lambda: tf.map_fn(lambda v: (v[0] + v[1], v[0]), (tf.range(3), tf.range(3))),
        [[0, 2, 4], [0, 1, 2]],
    ),
    "map to another dtype": (
        lambda: tf.map_fn(lambda v: tf.cast(v, tf.float32) / 2, tf.range(3), fn_output_signature=tf.float32),
        [[0, 0.5, 1]],
    ),
    "map of nothing": (lambda: tf.map_fn(lambda v: v * 2, tf.zeros([0, 2])), [np.zeros((0, 2)).tolist()]),
    "foldr": (lambda: tf.foldr(lambda a, x: a * 10 + x, tf.constant([1, 2, 3])), [321]),
    "scan of a pair": (
        lambda: tf.scan(lambda a, x: (a[0] + x, a[1] * x), tf.constant([1, 2, 3]), (0, 1)),
        [[1, 3, 6], [1, 2, 6]],
    ),
    "array concat": (lambda: tf.TensorArray(tf.float32, 2).write(0, [1.0]).write(1, [2.0]).concat(), [[1, 2]]),
    "array scatter": (
        lambda: tf.TensorArray(tf.int32, 3, element_shape=[]).scatter([2, 0], [5, 7]).stack(),
        [[7, 0, 5]],
    ),
    "array grows": (
        lambda: tf.TensorArray(tf.int32, 0, dynamic_size=True).unstack([1, 2]).write(3, 5).stack(),
        [[1, 2, 0, 5]],
    ),
    "array of text": (lambda: tf.TensorArray(tf.string, 2).write(0, "a").write(1, "b").stack(), [[b"a", b"b"]]),
    "group and tuple": (lambda: tf.tuple([tf.constant(1), tf.constant(2)]), [1, 2]),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name):
    build, expected = VALUES[name]
    for front, got in fronts(build):
        assert [v.tolist() for v in got] == expected, front


def test_tf1_unpacks_single_values():
    with tf.Graph().as_default():
        i = v1.while_loop(lambda i: i < 3, lambda i: i + 1, [tf.constant(0)])
        both = v1.while_loop(lambda i, j: i < 3, lambda i, j: (i + 1, j), [tf.constant(0), tf.constant(7)])
        done = v1.cond(tf.constant(True), lambda: tf.no_op(), lambda: tf.no_op())
        with v1.Session() as session:
            assert session.run([i, both, done]) == [3, [3, 7], True]


def test_second_derivative_of_a_loop_of_unknown_length():
    """50 < x ** n: n (n - 1) x ** (n - 2), with more iterations than one stretch of the backward pass has."""

    @tf.function
    def thrice(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.while_loop(lambda v: v < 50.0, lambda v: (v * x,), [tf.constant(1.0, tf.float64)])[0]
            slope = inner.gradient(y, x)
        return y, slope, outer.gradient(slope, x)

    x, n = 1.05, 81
    np.testing.assert_allclose(
        values(thrice(tf.constant(x, tf.float64))), [x**n, n * x ** (n - 1), n * (n - 1) * x ** (n - 2)]
    )


def test_shapes_from_captured_constants():
    """What a loop's body is told from outside says how large things are inside."""
    with tf.Graph().as_default():
        shape, seen = tf.constant([3, 4]), []

        def body(i, u):
            wide = tf.concat([[5], shape], 0)
            seen.extend([tf.ones(wide).shape.as_list(), tf.reshape(u, wide).shape.as_list()])
            return i + 1, tf.zeros(wide)

        tf.while_loop(lambda i, u: i < 3, body, [0, tf.zeros([5, 3, 4])])
    assert seen == [[5, 3, 4], [5, 3, 4]]


def test_elements_of_different_shapes():
    """As TensorFlow 2.21: arrays without infer_shape, and pieces of different lengths, in a Session's graph."""
    with tf.Graph().as_default(), v1.Session() as sess:
        array = tf.TensorArray(tf.float32, size=3, infer_shape=False)
        array = array.write(0, [[4.0, 5.0], [1.0, 1.0]]).write(1, np.zeros((0, 2), np.float32)).write(2, [[9.0, 9.0]])
        x = tf.constant(np.arange(10, dtype=np.float32).reshape(5, 2))
        pieces = tf.TensorArray(tf.float32, size=3).split(x, [1, 2, 2])
        slope = tf.gradients(pieces.read(1) * 2 + pieces.read(2), x)[0]
        first, joined, last, slope, again = sess.run(
            [array.read(0), array.concat(), pieces.read(2), slope, pieces.concat()]
        )
        assert first.tolist() == [[4, 5], [1, 1]] and joined.tolist() == [[4, 5], [1, 1], [9, 9]]
        assert last.tolist() == [[6, 7], [8, 9]] and slope[:, 0].tolist() == [0, 2, 2, 1, 1]
        np.testing.assert_array_equal(again, np.arange(10).reshape(5, 2))
        with pytest.raises(tf.errors.InvalidArgumentError, match="non-fully-defined element_shape"):
            sess.run(tf.TensorArray(tf.float32, size=0).stack())


def test_branches_with_other_indices_and_invariants_of_other_kinds():
    with tf.Graph().as_default(), v1.Session() as sess:
        slices = [tf.IndexedSlices([10], tf.constant([0], kind)) for kind in (tf.int32, tf.int64)]
        chosen = v1.cond(tf.constant(1) < 2, lambda: slices[0], lambda: slices[1])
        assert chosen.indices.dtype is tf.int64 and sess.run(chosen.indices).tolist() == [0]
        sparse = tf.SparseTensor([[0], [3]], [2.0, 4.0], [10])
        loop = lambda x, invariant: v1.while_loop(lambda i, _: i < 3, lambda i, x: [i + 1, x], [0, x], invariant)
        with pytest.raises(ValueError, match="is not compatible with"):
            loop(sparse, [tf.TensorShape([]), tf.TensorShape([5])])
        with pytest.raises(TypeError):
            loop(tf.constant([1]), [tf.TensorSpec([], tf.int32), tf.SparseTensorSpec([None])])
        kinds = {op.type for op in sess.graph.get_operations()}
        assert "StatelessIf" in kinds and "If" not in kinds


def test_smart_cond():
    smart_cond = tf.__internal__.smart_cond.smart_cond
    with tf.Graph().as_default(), v1.Session() as sess:
        x = v1.placeholder(tf.int32, [])
        assert smart_cond(tf.constant(2) * 3 > 0, lambda: "now", lambda: 1 / 0) == "now"
        chosen = smart_cond(x > 0, lambda: tf.constant(1), lambda: tf.constant(2))
        assert [sess.run(chosen, {x: v}) for v in (1, -1)] == [1, 2]
        with pytest.raises(TypeError):
            smart_cond(True, lambda: x)


def test_second_derivatives_through_a_branch_inside_a_loop():
    """TensorFlow 2.21: 14, 17 and 14."""

    @tf.function
    def f(x, n):
        step = lambda i, a: (i + 1, tf.cond(i % 2 == 0, lambda: a * x, lambda: a + x))
        return tf.cond(x > 0, lambda: tf.while_loop(lambda i, a: i < n, step, [0, x])[1], lambda: -x)

    x = tf.constant(2.0)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = f(x, tf.constant(4))
        slope = inner.gradient(y, x)
    assert [float(v) for v in (y, slope, outer.gradient(slope, x))] == [14.0, 17.0, 14.0]
