"""The file to run first when everything is on fire: one graph, one tape, one function, one step of training."""

import numpy as np

import tfcompat as tf

v1 = tf.compat.v1


def test_eager_values_and_operators():
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    assert (x @ x + 1.0).numpy().tolist() == [[8.0, 11.0], [16.0, 23.0]]
    assert repr(x[0, 1]) == "<tf.Tensor: shape=(), dtype=float32, numpy=2.0>"


def test_graph_and_session():
    with tf.Graph().as_default():
        x = v1.placeholder(tf.float32, [None, 2], name="x")
        y = v1.reduce_sum(x * 2.0, axis=1)
        with v1.Session() as session:
            assert session.run(y, {x: [[1, 2], [3, 4]]}).tolist() == [6.0, 14.0]


def test_tape():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x * x
    assert tape.gradient(y, x).numpy() == 27.0


def test_function_traces_once():
    traced = []

    @tf.function
    def f(x):
        traced.append(1)
        return x * 2.0

    assert [float(f(tf.constant(float(i)))) for i in range(3)] == [0.0, 2.0, 4.0]
    assert len(traced) == 1


def test_training_step_in_a_session():
    with tf.Graph().as_default():
        w = v1.Variable(5.0, name="w")
        train = v1.train.GradientDescentOptimizer(0.5).minimize(w * w)
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            session.run(train)
            np.testing.assert_allclose(session.run(w), 0.0)
