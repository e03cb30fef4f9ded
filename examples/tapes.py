"""GradientTape in its uses: once, persistent, watching, several targets, nested; then two ways to walk downhill."""

import tensorflow as tf
from tensorflow import keras


def volume(radius, height):
    return (radius + 1) * height**3


r = tf.Variable(1.0)
h = tf.Variable(2.0)

with tf.GradientTape() as tape:
    v = volume(r, h)
print("value", v)
print("by r ", tape.gradient(v, r))
try:
    tape.gradient(v, h)
except RuntimeError as error:
    print("again:", error)

with tf.GradientTape(persistent=True) as tape:
    v = volume(r, h)
print("by r, by h", tape.gradient(v, r), tape.gradient(v, h))
print("as a dict ", tape.gradient(v, {"r": r, "h": h}))
del tape

one, two = tf.constant(1.0), tf.constant(2.0)
with tf.GradientTape() as tape:
    v = volume(one, two)
print("constants not watched", tape.gradient(v, [one, two]))

with tf.GradientTape() as tape:
    tape.watch([one, two])
    v = volume(one, two)
print("constants watched", tape.gradient(v, [one, two]))

with tf.GradientTape() as tape:
    targets = [5 * r, r**2 * h]
print("sum of two targets", tape.gradient(targets, r))

with tf.GradientTape(persistent=True) as outer:
    with tf.GradientTape() as inner:
        v = volume(r, h)
    first = inner.gradient(v, [r, h])
print("second derivatives", [outer.gradient(g, [r, h]) for g in first])
print("of the sum        ", outer.gradient(first, [r, h]))
del outer

x = tf.Variable(0.0)
for _ in range(100):
    with tf.GradientTape() as tape:
        y = 2.0 * x**2 - 3.0 * x
    x.assign_sub(0.1 * tape.gradient(y, x))
print("assign_sub", x)

x = tf.Variable(0.0)
optimizer = keras.optimizers.SGD(lr=0.1)
for _ in range(100):
    with tf.GradientTape() as tape:
        y = 2.0 * x**2 - 3.0 * x
    optimizer.apply_gradients([(tape.gradient(y, x), x)])
print("SGD       ", x)
