"""TF2 tf.function step, MLP 784-256-10, Adam"""

import inputs
import tensorflow as tf

API = "v2"
LIMIT = 1.25
STEPS = 200


def build():
    weights = [tf.Variable(value) for value in inputs.mlp_weights()]
    W1, b1, W2, b2 = weights
    optimizer = tf.keras.optimizers.Adam(learning_rate=0.0001, epsilon=1e-12)
    batches = inputs.mlp_batches()

    @tf.function
    def train(pixels, labels):
        with tf.GradientTape() as tape:
            logits = tf.nn.relu(pixels @ W1 + b1) @ W2 + b2
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
        gradients = tape.gradient(loss, weights)
        optimizer.apply_gradients(zip(gradients, weights))
        return loss

    def run(steps):
        printed = []
        for step in range(steps):
            pixels, labels, _ = batches[step % len(batches)]
            # as tensors: tf.function takes a NumPy argument for a constant or a tensor, depending on its version
            loss = train(tf.constant(pixels), tf.constant(labels))
            if step % 100 == 99:
                print("step", step, "loss", float(loss))
                printed.append(loss.numpy())
        return {"losses": printed}

    return run
