"""Measurements into a TFRecord file and back, a line through them, and the line into a checkpoint and back."""

import os
import tempfile

import tensorflow as tf

folder = tempfile.mkdtemp()
path = os.path.join(folder, "measured.tfrecord")

with tf.io.TFRecordWriter(path) as writer:
    for i in range(8):
        feature = {
            "x": tf.train.Feature(float_list=tf.train.FloatList(value=[i / 4])),
            "y": tf.train.Feature(float_list=tf.train.FloatList(value=[3.0 * i / 4 - 1.0])),
            "name": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"point %d" % i])),
        }
        writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())

description = {
    "x": tf.io.FixedLenFeature([], tf.float32),
    "y": tf.io.FixedLenFeature([], tf.float32),
    "name": tf.io.FixedLenFeature([], tf.string),
}
points = tf.data.TFRecordDataset(path).map(lambda record: tf.io.parse_single_example(record, description))
for point in points.take(2):
    print(point["name"].numpy().decode(), point["x"].numpy(), point["y"].numpy())


class Line(tf.Module):
    def __init__(self):
        self.slope = tf.Variable(0.0, name="slope")
        self.offset = tf.Variable(0.0, name="offset")

    def __call__(self, x):
        return self.slope * x + self.offset


line = Line()
optimizer = tf.keras.optimizers.SGD(learning_rate=0.2)
steps = tf.Variable(0, dtype=tf.int64)
checkpoint = tf.train.Checkpoint(line=line, optimizer=optimizer, steps=steps)
manager = tf.train.CheckpointManager(checkpoint, os.path.join(folder, "saved"), max_to_keep=2)

for epoch in range(60):
    for batch in points.batch(4):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((line(batch["x"]) - batch["y"]) ** 2)
        optimizer.apply_gradients(zip(tape.gradient(loss, line.trainable_variables), line.trainable_variables))
        steps.assign_add(1)
    if epoch % 20 == 19:
        saved = manager.save()
        print("epoch %d, step %d: %s" % (epoch + 1, steps.numpy(), os.path.basename(saved)))
print("kept:", [os.path.basename(p) for p in manager.checkpoints])

again, counted = Line(), tf.Variable(0, dtype=tf.int64)
tf.train.Checkpoint(line=again, steps=counted).restore(manager.latest_checkpoint).expect_partial()
print("restored at step %d: y = %.3f x + %.3f" % (counted.numpy(), again.slope.numpy(), again.offset.numpy()))
names = [name for name, shape in tf.train.list_variables(manager.latest_checkpoint)]
print("in the file:", [name for name in names if name.startswith("line")])
