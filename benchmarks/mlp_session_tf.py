"""TF1 Session step, MLP 784-256-10, Adam"""

import inputs
import tensorflow as tf

API = "v1"
LIMIT = 1.25
STEPS = 200


def build():
    x = tf.placeholder(tf.float32, [None, 784])
    y = tf.placeholder(tf.float32, [None, 10])
    W1, b1, W2, b2 = (tf.Variable(value) for value in inputs.mlp_weights())
    hidden = tf.nn.relu(tf.matmul(x, W1) + b1)
    logits = tf.matmul(hidden, W2) + b2
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits))
    train = tf.train.AdamOptimizer(0.0001, epsilon=1e-12).minimize(loss)

    batches = inputs.mlp_batches()
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())

    def run(steps):
        losses = []
        for step in range(steps):
            pixels, _, onehot = batches[step % len(batches)]
            _, value = sess.run([train, loss], feed_dict={x: pixels, y: onehot})
            losses.append(value)
        return {"losses": losses}

    return run
