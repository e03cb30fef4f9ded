"""TF2 eager scalar loop, GradientTape, assign_sub"""

import tensorflow as tf

API = "v2"
LIMIT = 8
STEPS = 2000


def build():
    x = tf.Variable(0.0)

    def run(steps):
        for _ in range(steps):
            with tf.GradientTape() as tape:
                y = 3.0 * x**2 + 2.0 * x - 1.0
            x.assign_sub(0.001 * tape.gradient(y, x))
        return {"x": x.numpy()}

    return run
