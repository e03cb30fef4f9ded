"""tensorflow.examples.tutorials.mnist.mnist: two hidden layers for the digits, in the four steps of the tutorial."""

import math

from tfcompat import compat

tf = compat.v1

NUM_CLASSES = 10
IMAGE_SIZE = 28
IMAGE_PIXELS = IMAGE_SIZE * IMAGE_SIZE


def _layer(scope, x, size, units):
    """x [n, size] -> [n, units], with variables SCOPE/weights and SCOPE/biases."""
    with tf.name_scope(scope):
        start = tf.truncated_normal([size, units], stddev=1.0 / math.sqrt(size))
        weights = tf.Variable(start, name="weights")
        biases = tf.Variable(tf.zeros([units]), name="biases")
        y = tf.matmul(x, weights) + biases
        return y if scope == "softmax_linear" else tf.nn.relu(y)


def inference(images, hidden1_units, hidden2_units):
    """images [n, 784] -> logits [n, 10]."""
    hidden1 = _layer("hidden1", images, IMAGE_PIXELS, hidden1_units)
    hidden2 = _layer("hidden2", hidden1, hidden1_units, hidden2_units)
    return _layer("softmax_linear", hidden2, hidden2_units, NUM_CLASSES)


def loss(logits, labels):
    """logits [n, 10], labels [n] -> mean cross-entropy, scalar."""
    return tf.losses.sparse_softmax_cross_entropy(labels=tf.cast(labels, tf.int64), logits=logits)


def training(loss, learning_rate):
    """The op of one gradient descent step; it also counts steps and summarises the loss."""
    tf.summary.scalar("loss", loss)
    optimizer = tf.train.GradientDescentOptimizer(learning_rate)
    global_step = tf.Variable(0, name="global_step", trainable=False)
    return optimizer.minimize(loss, global_step=global_step)


def evaluation(logits, labels):
    """logits [n, 10], labels [n] -> how many are right, int32."""
    right = tf.nn.in_top_k(logits, labels, 1)
    return tf.reduce_sum(tf.cast(right, tf.int32))
