"""to_jax and show: the way out to JAX."""

import jax
import numpy as np
import pytest

import tfcompat as tf

v1 = tf.compat.v1


def graph():
    x = v1.placeholder(tf.float32, [2], name="x")
    w = v1.get_variable("w", initializer=[1.0, 2.0])
    return x, w, tf.reduce_sum(tf.square(x * w))


def test_a_graph_can_be_vmapped_and_differentiated():
    with tf.Graph().as_default():
        x, w, y = graph()
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            f = tf.to_jax(y, feeds=[x], session=session)
        rows = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 3.0]], "f")
        np.testing.assert_allclose(jax.vmap(f, (None, 0))(f.variables, rows), [5.0, 4.0, 36.0])
        grads = jax.grad(f)(f.variables, rows[0])
        np.testing.assert_allclose(grads["w"], [2.0, 4.0])
        np.testing.assert_allclose(jax.jit(f)({"w": np.array([3.0, 0.0], "f")}, rows[0]), 9.0)


def test_an_update_comes_out_as_new_variables():
    with tf.Graph().as_default():
        x, w, y = graph()
        step = v1.train.GradientDescentOptimizer(0.5).minimize(y)
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            f = tf.to_jax([y, step], feeds=[x], session=session)
            new = f.updates(f.variables, np.array([1.0, 1.0], "f"))
            session.run(step, {x: [1.0, 1.0]})
            np.testing.assert_allclose(new["w"], session.run(w))


def test_a_callable():
    w = tf.Variable([2.0, 3.0], name="w")
    f = tf.to_jax(lambda x: {"y": tf.reduce_sum(w * x)}, np.ones(2, "f"))
    assert float(f(f.variables, np.array([1.0, 10.0], "f"))["y"]) == 32.0
    assert list(f.variables) == ["w"]


def test_what_needs_the_host_is_refused():
    with pytest.raises(NotImplementedError, match="PyFunc"):
        tf.to_jax(lambda x: tf.numpy_function(np.sin, [x], tf.float32), np.ones(2, "f"))


def test_show_prints_a_jaxpr_and_writes_a_picture(tmp_path, capsys):
    tf.show(lambda x: tf.nn.relu(x) * 2.0, np.ones(3, "f"))
    assert "lambda" in capsys.readouterr().out
    path = tf.show(lambda x: tf.nn.relu(x) * 2.0, np.ones(3, "f"), file=str(tmp_path / "g.dot"))
    assert '"Relu" ->' in open(path).read()
