"""A plane through 200 points, found by minimize(): y = 0.5 - 0.3 a + 0.8 b."""

import numpy as np
import tensorflow as tf

points = np.random.rand(2, 200).astype(np.float32)
heights = np.dot([-0.3, 0.8], points) + 0.5  # float64, and yet it meets float32 tensors below

slope = tf.Variable(tf.random_uniform([1, 2], -1.0, 1.0), name="slope")
offset = tf.Variable(tf.zeros([1]), name="offset")
error = tf.matmul(slope, points) + offset - heights
loss = tf.reduce_mean(tf.square(error))
train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(400):
        sess.run(train)
    a, b = sess.run(slope)[0]
    c = sess.run(offset)[0]
    print("slope %.3f %.3f, offset %.3f" % (a, b, c))
