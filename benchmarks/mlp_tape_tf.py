"""TF2 eager tape step, unmodified, MLP 784-256-10, Adam"""

import inputs
import tensorflow as tf

API = "v2"
LIMIT = 1.6
STEPS = 200


def build():
    weights = [tf.Variable(value) for value in inputs.mlp_weights()]
    W1, b1, W2, b2 = weights
    optimizer = tf.keras.optimizers.Adam(learning_rate=0.0001, epsilon=1e-12)
    batches = inputs.mlp_batches()

    def run(steps):
        printed = []
        for step in range(steps):
            pixels, labels, _ = batches[step % len(batches)]
            with tf.GradientTape() as tape:
                logits = tf.nn.relu(pixels @ W1 + b1) @ W2 + b2
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
            gradients = tape.gradient(loss, weights)
            optimizer.apply_gradients(zip(gradients, weights))
            if step % 100 == 99:
                print("step", step, "loss", float(loss))
                printed.append(loss.numpy())
        return {"losses": printed}

    return run
