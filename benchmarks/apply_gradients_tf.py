"""apply_gradients on 200 small variables, Adam, over JAX"""

import inputs
import tensorflow as tf

API = "v2"
LIMIT_US = 600  # 3 microseconds of Python for each variable
STEPS = 50


def build():
    weights, gradients = inputs.many_small()
    weights = [tf.Variable(value) for value in weights]
    gradients = [tf.square(value) for value in gradients]  # computed, as those of a tape are
    optimizer = tf.keras.optimizers.Adam(learning_rate=0.0001, epsilon=1e-12)

    def run(steps):
        for _ in range(steps):
            optimizer.apply_gradients(zip(gradients, weights))
        return {"first": weights[0].numpy()[0], "last": weights[-1].numpy()[0]}

    return run
