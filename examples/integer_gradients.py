"""Gradients of integer matrices, of several targets at once, weighted by grad_ys, as TensorFlow 1 computed them."""

import tensorflow as tf

a = tf.Variable([[2, 5]], name="a")
b = tf.Variable([[1, 3]], name="b")

only_a = tf.matmul(a, [[3], [4]])
first = tf.matmul(a, [[3], [4]]) + tf.matmul(b, [[1], [2]])
second = tf.matmul(a, [[5], [1]]) + tf.matmul(b, [[0], [7]])

one = tf.gradients(only_a, [a])
both = tf.gradients([first, second], [a, b])
weights = [tf.Variable([[2]]), tf.Variable([[3]])]
weighted = tf.gradients([first, second], [a, b], grad_ys=weights)

with tf.Session() as sess:
    tf.global_variables_initializer().run()
    print("one target ", sess.run(one))
    print("two targets", sess.run(both))
    print("weighted   ", sess.run(weighted))
    try:
        sess.run(tf.gradients(only_a, [a, b]))
    except TypeError as error:
        print("b does not lead to only_a:", error)
