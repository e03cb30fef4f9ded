"""Handwritten digits with TensorFlow 1: a graph, a session, a feed_dict. One hidden layer, dropout, Adam.

    python -m tfcompat examples/digits_session.py

Exits with status 1 when fewer than 90 % of the test digits are recognised.
"""

import argparse
import os
import sys

import tensorflow as tf
from progress import Progress
from tensorflow.examples.tutorials.mnist import input_data

HERE = os.path.dirname(os.path.abspath(__file__))
GOAL = 0.90

parser = argparse.ArgumentParser()
parser.add_argument("--data", default=os.path.join(HERE, "data", "mnist"), help="folder of the four MNIST files")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--batch", type=int, default=100, help="digits a step")
parser.add_argument("--losses", help="write the loss of each step to this csv file")
flags = parser.parse_args()

tf.set_random_seed(2)
mnist = input_data.read_data_sets(flags.data, one_hot=True, validation_size=500, seed=2)

# the graph
pixels = tf.placeholder(tf.float32, [None, 784], name="pixels")
digit = tf.placeholder(tf.float32, [None, 10], name="digit")
keep = tf.placeholder_with_default(1.0, [], name="keep")  # the share of hidden units kept while training

with tf.variable_scope("hidden"):
    W = tf.get_variable("W", initializer=tf.truncated_normal([784, 256], stddev=0.05))
    b = tf.get_variable("b", initializer=tf.zeros([256]))
    hidden = tf.nn.dropout(tf.nn.relu(tf.matmul(pixels, W) + b), keep)

with tf.variable_scope("output"):
    W = tf.get_variable("W", initializer=tf.truncated_normal([256, 10], stddev=0.05))
    b = tf.get_variable("b", initializer=tf.zeros([10]))
    logits = tf.matmul(hidden, W) + b

loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=digit, logits=logits))
train = tf.train.AdamOptimizer(0.002).minimize(loss)
right = tf.equal(tf.argmax(logits, 1), tf.argmax(digit, 1))
accuracy = tf.reduce_mean(tf.cast(right, tf.float32))

# the training
steps = flags.epochs * (mnist.train.num_examples // flags.batch)
progress = Progress("TF1 session", steps)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(steps):
        images, labels = mnist.train.next_batch(flags.batch)
        _, value = sess.run([train, loss], feed_dict={pixels: images, digit: labels, keep: 0.5})
        progress.update(value)
    validation, test = (
        sess.run(accuracy, feed_dict={pixels: part.images, digit: part.labels})
        for part in (mnist.validation, mnist.test)
    )

if flags.losses:
    progress.save(flags.losses)
print("validation %.1f %%" % (100 * validation))
print("test       reached %.1f %% (goal %.0f %%)" % (100 * test, 100 * GOAL))
sys.exit(0 if test >= GOAL else 1)
