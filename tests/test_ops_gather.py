"""Reading and writing at indices; parts that depend on data."""

import numpy as np
import pytest
from table import bools, case, f32, i32, suite

import tfcompat as tf

v1 = tf.compat.v1


def _scatter(shape, indices, updates, how=np.add, base=None):
    out = np.zeros(shape, updates.dtype) if base is None else base.copy()
    how.at(out, tuple(np.moveaxis(np.asarray(indices), -1, 0)), updates)
    return out


def _put(x, u):
    x = x.copy()
    x[[0, 2]] = u
    return x


ROWS = [[0], [2]]
test_values, test_shapes, test_gradients = suite(
    [
        case(lambda x, i: tf.gather(x * 1.0, i), [f32(4, 3), i32(5, low=0, high=4)], lambda x, i: x[i], grads="0",
             id="gather"),
        case("gather", [f32(4, 3)], lambda x: x[:, [[2, 0], [1, 1]]], grads="0", indices=[[2, 0], [1, 1]], axis=1),
        case("gather", [f32(3, 4)], lambda x: np.take_along_axis(x, np.array([[0, 2], [1, 1], [3, 3]]), 1), grads="0",
             indices=[[0, 2], [1, 1], [3, 3]], batch_dims=1),
        case("gather_nd", [f32(3, 4)], lambda x: x[[0, 2], [1, 3]], grads="0", indices=[[0, 1], [2, 3]]),
        case("gather_nd", [f32(2, 3, 4)], lambda x: np.stack([x[0, [0, 2]], x[1, [1, 1]]]), grads="0",
             indices=[[[0], [2]], [[1], [1]]], batch_dims=1),
        case(lambda u: tf.scatter_nd([[4], [3], [4]], u, [6]), [f32(3)], lambda u: _scatter(6, [[4], [3], [4]], u),
             grads="0",
             batch="", id="scatter_nd"),
        case(lambda x, u: tf.tensor_scatter_nd_update(x, ROWS, u), [f32(3, 4), f32(2, 4)], _put, grads="01", batch="",
             id="tensor_scatter_nd_update"),
        case(lambda x, u: tf.tensor_scatter_nd_add(x, ROWS, u), [f32(3, 4), f32(2, 4)],
             lambda x, u: _scatter(None, ROWS, u, np.add, x), grads="01", batch="0", id="tensor_scatter_nd_add"),
        case(lambda x, u: tf.tensor_scatter_nd_sub(x, ROWS, u), [f32(3, 4), f32(2, 4)],
             lambda x, u: _scatter(None, ROWS, u, np.subtract, x), batch="0", id="tensor_scatter_nd_sub"),
        case(lambda x, u: tf.tensor_scatter_nd_max(x, ROWS, u), [f32(3, 4), f32(2, 4)],
             lambda x, u: _scatter(None, ROWS, u, np.maximum, x), batch="0", id="tensor_scatter_nd_max"),
        case("where", [bools(3, 4)], np.argwhere),
        case(lambda x: tf.dynamic_partition(x, [0, 2, 0, 1], 3), [f32(4, 2)], lambda x: [x[[0, 2]], x[[3]], x[[1]]],
             id="dynamic_partition"),
        case(lambda x, y: tf.dynamic_stitch([[0, 2], [3, 1]], [x, y]), [f32(2, 3), f32(2, 3)],
             lambda x, y: np.stack([x[0], y[1], x[1], y[0]]), grads="01", id="dynamic_stitch"),
        case("repeat", [f32(3, 2)], lambda x: np.repeat(x, [1, 0, 2], 0), grads="0", repeats=[1, 0, 2], axis=0),
        case(lambda x, n: tf.repeat(x, n, axis=1), [f32(3, 2), i32(2, low=1, high=4)], lambda x, n: np.repeat(x, n, 1),
             id="repeat_t"),
        case("v1:setdiff1d", [i32(9, low=0, high=5)],
             lambda x: [x[(x < 1) | (x > 2)], np.flatnonzero((x < 1) | (x > 2)).astype("i4")], y=[1, 2]),
        case("v1:batch_gather", [f32(2, 3)], lambda x: x[[[0], [1]], [[2, 0], [1, 1]]], indices=[[2, 0], [1, 1]]),
    ]
)  # fmt: skip


def test_unique():
    y, idx, count = tf.unique_with_counts([5, 2, 5, 9, 2, 5])
    assert (y.numpy().tolist(), idx.numpy().tolist(), count.numpy().tolist()) == (
        [5, 2, 9],
        [0, 1, 0, 2, 1, 0],
        [3, 2, 1],
    )
    out = tf.unique(tf.constant(["b", "a", "b"]), tf.int64)
    assert out.y.numpy().tolist() == [b"b", b"a"] and out.idx.dtype == tf.int64
    with tf.Graph().as_default():
        x = v1.placeholder(tf.int32, [None])
        y, idx = tf.unique(x)
        assert y.shape.as_list() == [None]
        with v1.Session() as session:
            assert session.run(y * 2, {x.name: [3, 3, 1]}).tolist() == [6, 2]


def test_what_depends_on_data_in_a_graph():
    """Device, host, device in one run; gradients pass."""
    x = tf.constant([[1.0, -2.0], [-3.0, 4.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = [
            tf.boolean_mask(x, x > 0) ** 2,
            *tf.dynamic_partition(x * 3.0, [1, 0], 2),
            tf.repeat(x, tf.constant([2, 0]), 1),
        ]
    assert tape.gradient(y, x).numpy().tolist() == [[7, 3], [5, 11]]
    with tf.Graph().as_default():
        x, n = v1.placeholder(tf.float32, [None, 4]), v1.placeholder(tf.int32, [None])
        kept = tf.boolean_mask(x, x > 5) ** 2
        (grad,) = v1.gradients(kept, [x])
        parts = tf.dynamic_partition(x * 2, n, 2)
        a = np.arange(12, dtype="f").reshape(3, 4)
        with v1.Session() as session:
            assert session.run(kept, {x.name: a}).tolist() == (a[a > 5] ** 2).tolist()
            assert session.run(grad, {x.name: a}).tolist() == np.where(a > 5, 2 * a, 0).tolist()
            out = session.run(parts, {x.name: a, n.name: [1, 0, 1]})
            assert [p.tolist() for p in out] == [(2 * a[[1]]).tolist(), (2 * a[[0, 2]]).tolist()]


def test_last_relevant_output():
    """The classic of dynamic RNNs: each row's element at its own length."""
    with tf.Graph().as_default():
        x, n = v1.placeholder(tf.float32, [None, None]), v1.placeholder(tf.int32, [None])
        nd = tf.gather_nd(x, tf.stack([tf.range(tf.shape(x)[0]), n - 1], 1))
        flat = tf.gather(tf.reshape(x, [-1]), tf.range(0, tf.shape(x)[0]) * tf.shape(x)[1] + (n - 1))
        a = np.arange(12, dtype="f").reshape(3, 4)
        with v1.Session() as session:
            for out in session.run([nd, flat], {x.name: a, n.name: [1, 2, 4]}):
                assert out.tolist() == [0, 5, 11]


def test_indices_out_of_range():
    v = tf.range(6)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[0\] = 7 is not in \[0, 6\)"):
        tf.gather(v, [7])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[0,1\] = -1 is not in \[0, 6\)"):
        tf.gather(v, [[0, -1]])
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"indices\[0\] = \[0, 7\] does not index into param shape \[3,4\]"
    ):
        tf.gather_nd(tf.zeros([3, 4]), [[0, 7]])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[0\] = \[9\] does not index into shape \[6\]"):
        tf.tensor_scatter_nd_update(v, [[9]], [1])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Outer dimensions of indices and update must match"):
        tf.tensor_scatter_nd_update(v, [[1]], [1, 2])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Tindices' of float"):
        tf.gather(v, [0.5])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"partitions\[1\] = 9 is not in \[0, 3\)"):
        tf.dynamic_partition([1.0, 2.0], [0, 9], 3)
    with (
        tf.Graph().as_default(),
        v1.Session() as session,
        pytest.raises(tf.errors.InvalidArgumentError, match="is not in"),
    ):
        session.run(tf.gather(v1.placeholder_with_default([1.0, 2.0], [None]), [7]))


def test_an_index_computed_on_the_device_reads_nan():
    @tf.function
    def f(i):
        return tf.gather(tf.constant([1.0, 2.0]), i), tf.gather(tf.constant([1, 2]), i)

    floats, integers = f(tf.constant([1, 2, -1]))
    assert floats.numpy()[0] == 2 and np.isnan(floats.numpy()[1:]).all() and integers.numpy().tolist() == [2, 0, 0]


def test_updates_that_do_not_fit_are_told_in_the_words_of_each_op():
    def zeros(*shape):
        return tf.zeros(shape, tf.int32)

    add, raw = tf.tensor_scatter_nd_add, tf.raw_ops.ScatterNdNonAliasingAdd
    told = [
        (lambda: add(zeros(2, 2, 2), zeros(3, 2, 2), zeros(2, 2, 2)), "Outer dimensions of indices and update must match"),
        (lambda: add(zeros(2, 2, 2), zeros(2, 2, 1), zeros(2, 2)), r"must match inner dimensions of updates shape. Output: \[2,2,2\]"),
        (lambda: add(zeros(4, 6), zeros(2, 1), zeros(2, 5)), r"The inner 1 dimensions of output.shape=\[4,6\] must match"),
        (lambda: add(zeros(4), zeros(), zeros()), "Indices shape must have rank at least one"),
        (lambda: raw(input=zeros(2, 2), indices=zeros(3, 1), updates=zeros(2, 2)), r"Dimensions \[0,1\) of indices\[shape=\[3,1\]\] = 3"),
        (lambda: tf.scatter_nd(zeros(2, 1), zeros(3), [4]), r"Dimensions \[0,1\) of indices\[shape=\[2,1\]\] must match"),
        (lambda: v1.scatter_nd_update(tf.Variable(zeros(4, 5)), zeros(2, 2), zeros(2, 5)), r"\[2,2\) of updates\[shape=\[2,5\]\]"),
        (lambda: v1.scatter_nd_update(tf.Variable(1.0), [[0]], [0.2]), "Output must be at least 1-D"),
    ]  # fmt: skip
    for call, words in told:
        with pytest.raises(tf.errors.InvalidArgumentError, match=words):
            call()


def test_strings_put_into_a_variable():
    v = tf.Variable(["a", "b", "c"])
    v1.scatter_nd_update(v, [[2], [0]], ["x", "y"])
    assert v.numpy().tolist() == [b"y", b"b", b"x"]
    with tf.Graph().as_default(), v1.Session() as session:
        for resource in (False, True):
            v = v1.get_variable(f"v{resource}", initializer=["a", "b", "c"], use_resource=resource)
            session.run(v.initializer)
            assert session.run(v1.scatter_nd_update(v, [[2], [0]], ["x", "y"])).tolist() == [b"y", b"b", b"x"]
