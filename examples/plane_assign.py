"""The plane of plane_minimize.py without an optimizer: tf.gradients, and assign for the step."""

import numpy as np
import tensorflow as tf

points = np.random.rand(2, 200).astype(np.float32)
heights = np.dot([-0.3, 0.8], points) + 0.5

slope = tf.Variable(tf.random_uniform([1, 2], -1.0, 1.0), name="slope")
offset = tf.Variable(tf.zeros([1]), name="offset")
loss = tf.reduce_mean(tf.square(tf.matmul(slope, points) + offset - heights))

rate = 0.5
d_slope, d_offset = tf.gradients(loss, [slope, offset])
step = [slope.assign(slope - rate * d_slope), offset.assign(offset - rate * d_offset)]

sess = tf.Session()
sess.run(tf.global_variables_initializer())
for _ in range(400):
    new_slope, new_offset = sess.run(step)
print("slope %.3f %.3f, offset %.3f" % (new_slope[0, 0], new_slope[0, 1], new_offset[0]))
sess.close()
