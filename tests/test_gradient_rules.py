"""Derivatives where they are a choice (ties, kinks, boundaries): TensorFlow's, in every front."""

import json
import pathlib
import sys

import numpy as np
import pytest

import tfcompat as tf

HERE = pathlib.Path(__file__).parent / "goldens"
sys.path.insert(0, str(HERE))
from gradient_cases import CASES, gradient  # noqa: E402

GOLDEN = json.loads((HERE / "gradients.json").read_text())["cases"]


def check(found, name):
    wanted = GOLDEN[name]
    if wanted is None:
        assert found is None
    else:
        np.testing.assert_allclose(np.array(found, "f"), np.array(wanted, "f"), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_tape(name):
    check(gradient(tf, name), name)


@pytest.mark.parametrize("name", CASES)
def test_function(name):
    expression, start, _ = CASES[name]

    @tf.function
    def f(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = eval(expression, {"tf": tf, "x": x})
        g = tape.gradient(y, x)
        return None if g is None else tf.convert_to_tensor(g)

    g = f(tf.constant(start))
    check(None if g is None else g.numpy(), name)


@pytest.mark.parametrize("name", CASES)
def test_session(name):
    expression, start, _ = CASES[name]
    with tf.Graph().as_default():
        x = tf.compat.v1.placeholder(tf.float32, np.shape(start))
        y = eval(expression, {"tf": tf, "x": x})
        (g,) = tf.gradients(y, [x])
        with tf.compat.v1.Session() as session:
            check(None if g is None else session.run(tf.convert_to_tensor(g), {x: start}), name)
