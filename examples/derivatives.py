"""tf.gradients: partial and total derivatives, sources that are not connected, clipping by the global norm."""

import tensorflow as tf

# area = side * other, where other depends on side as well
side = tf.constant(1.0)
other = 3 * side
area = side * other
partial = tf.gradients(area, [side, other], stop_gradients=[side, other])
total = tf.gradients(area, [side, other])
with tf.Session() as sess:
    print("partial", sess.run(partial))
    print("total  ", sess.run(total))
print("unconnected", tf.gradients(area, [tf.constant(5.0)]))

u = tf.Variable(2.0, name="u")
v = tf.Variable(3.0, name="v")
loss = u * u * v + v
parameters = tf.trainable_variables()
gradients = tf.gradients(loss, parameters)
shortened, length = tf.clip_by_global_norm(gradients, 6.5)
optimizer = tf.train.GradientDescentOptimizer(0.5)
step = optimizer.apply_gradients(zip(shortened, parameters))

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print("loss", sess.run(loss), "gradients", sess.run(gradients))
    print("shortened from", sess.run([length, shortened]))
    sess.run(step)
    print("after a step", sess.run(parameters))
