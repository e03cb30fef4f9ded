"""Handwritten digits with TensorFlow 2: an eager loop around a GradientTape. One hidden layer, Adam.

    python -m tfcompat examples/digits_tape.py

Exits with status 1 when fewer than 90 % of the test digits are recognised.
"""

import argparse
import gzip
import os
import sys

import numpy as np
import tensorflow as tf
from progress import Progress

HERE = os.path.dirname(os.path.abspath(__file__))
GOAL = 0.90

parser = argparse.ArgumentParser()
parser.add_argument("--data", default=os.path.join(HERE, "data", "mnist"), help="folder of the four MNIST files")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--batch", type=int, default=100, help="digits a step")
parser.add_argument("--losses", help="write the loss of each step to this csv file")
flags = parser.parse_args()


def read(name):
    """The images [N, 784] in 0..1 and the digits [N] of 'train' or 't10k'."""
    with gzip.open(os.path.join(flags.data, name + "-images-idx3-ubyte.gz")) as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(os.path.join(flags.data, name + "-labels-idx1-ubyte.gz")) as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return images.astype(np.float32) / 255.0, labels.astype(np.int64)


class Perceptron:
    def __init__(self):
        self.w1 = tf.Variable(tf.random.truncated_normal([784, 256], stddev=0.05), name="w1")
        self.b1 = tf.Variable(tf.zeros([256]), name="b1")
        self.w2 = tf.Variable(tf.random.truncated_normal([256, 10], stddev=0.05), name="w2")
        self.b2 = tf.Variable(tf.zeros([10]), name="b2")
        self.variables = [self.w1, self.b1, self.w2, self.b2]

    def __call__(self, pixels):
        hidden = tf.nn.relu(pixels @ self.w1 + self.b1)
        return hidden @ self.w2 + self.b2


def accuracy(model, images, labels):
    right = tf.equal(tf.argmax(model(images), axis=1), labels)
    return float(tf.reduce_mean(tf.cast(right, tf.float32)))


np.random.seed(2)
tf.random.set_seed(2)
train_images, train_labels = read("train")
test_images, test_labels = read("t10k")

model = Perceptron()
optimizer = tf.keras.optimizers.Adam(learning_rate=0.002)

batches = len(train_images) // flags.batch
progress = Progress("TF2 tape   ", flags.epochs * batches)
for _ in range(flags.epochs):
    for rows in np.split(np.random.permutation(len(train_images))[: batches * flags.batch], batches):
        with tf.GradientTape() as tape:
            logits = model(train_images[rows])
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=train_labels[rows], logits=logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, model.variables)
        optimizer.apply_gradients(zip(gradients, model.variables))
        progress.update(float(loss))

if flags.losses:
    progress.save(flags.losses)
test = accuracy(model, test_images, test_labels)
print("test       reached %.1f %% (goal %.0f %%)" % (100 * test, 100 * GOAL))
sys.exit(0 if test >= GOAL else 1)
