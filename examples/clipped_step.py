"""One gradient step with every gradient clipped to a length: compute_gradients, clip_by_norm, apply_gradients."""

import tensorflow as tf

with tf.variable_scope("spring"):
    stiffness = tf.get_variable("stiffness", initializer=tf.constant(1.5))
    stretch = tf.get_variable("stretch", initializer=tf.constant(4.0))
    energy = stiffness * stretch * stretch

print(energy)
print("variables:", stiffness.name, stretch.name)

optimizer = tf.train.GradientDescentOptimizer(learning_rate=0.25)
free = optimizer.compute_gradients(energy, [stiffness, stretch])
clipped = [(tf.clip_by_norm(gradient, 14), variable) for gradient, variable in free]
step = optimizer.apply_gradients(clipped)

config = tf.ConfigProto(allow_soft_placement=True)
config.gpu_options.allow_growth = True
with tf.Session(config=config) as sess:
    sess.run(tf.global_variables_initializer())
    print("as computed:", sess.run(free))
    print("clipped:    ", sess.run(clipped))
    print("a step returns", sess.run(step))
    print("energy afterwards:", sess.run(energy))
