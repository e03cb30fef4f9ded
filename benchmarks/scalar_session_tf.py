"""TF1 Session step, scalar w*x*x, clip_by_norm, apply"""

import tensorflow as tf

API = "v1"
LIMIT = 4
STEPS = 5000


def build():
    w = tf.Variable(2.0)
    x = tf.Variable(3.0)
    loss = w * x * x
    optimizer = tf.train.GradientDescentOptimizer(0.0001)
    gradients = optimizer.compute_gradients(loss, [w, x])
    clipped = [(tf.clip_by_norm(gradient, 10), variable) for gradient, variable in gradients]
    train = optimizer.apply_gradients(clipped)

    sess = tf.Session()
    sess.run(tf.global_variables_initializer())

    def run(steps):
        for _ in range(steps):
            sess.run(train)
        return dict(zip("wx", sess.run([w, x])))

    return run
