"""Writes graph_def.json.gz: GraphDefs and a MetaGraphDef that TensorFlow wrote, and what it computes with them.

python tests/goldens/make_graph_def.py     (with TensorFlow)
"""

import base64
import gzip
import json
import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()


def frozen():
    """A small convolutional network with the ops that frozen image models have, its variables as constants."""
    tf.set_random_seed(1)
    x = tf.placeholder(tf.float32, [None, 8, 8, 1], name="x")
    w = tf.get_variable("w", [3, 3, 1, 4])
    b = tf.get_variable("b", [4], initializer=tf.ones_initializer())
    c = tf.nn.bias_add(tf.nn.conv2d(x, w, [1, 2, 2, 1], "SAME"), b)
    c = tf.nn.lrn(tf.nn.max_pool(tf.nn.relu(c), [1, 2, 2, 1], [1, 2, 2, 1], "VALID"))
    c, _, _ = tf.nn.fused_batch_norm(c, [1.0, 2, 3, 4], [0.0, 0, 0, 1], [0.0] * 4, [1.0] * 4, is_training=False)
    a, b = tf.split(tf.concat([c, c * 2.0], 3), 2, 3)
    c = tf.pad(a + b, [[0, 0], [1, 1], [0, 0], [0, 0]])
    flat = tf.reshape(c, [-1, 32])
    w2 = tf.get_variable("w2", [32, 10], use_resource=True)
    logits = tf.matmul(flat, w2)
    y = tf.nn.softmax(logits, name="y")
    z = tf.argmax(y, 1, name="z")
    one = tf.one_hot(z, 10)
    outs = {
        "y": y, "z": z, "m": tf.reduce_mean(y, [0], keepdims=True), "e": tf.squeeze(tf.expand_dims(tf.transpose(y), 1), [1]),
        "st": tf.stack([y, one]), "tk": tf.nn.top_k(y, 3)[1], "r": tf.image.resize_bilinear(x, [3, 3]),
        "sl": tf.slice(y, [0, 1], [1, 3]), "ga": tf.gather(y, [0]), "ti": tf.tile(y, [1, 2]), "se": tf.where(y > 0.1, y, one),
        "ss": y[:, 1:5:2], "ra": tf.range(tf.shape(y)[0]), "cu": tf.cumsum(y, 1), "fi": tf.fill([2, 3], 1.5),
        "ls": tf.nn.log_softmax(logits),
    }  # fmt: skip
    outs = {k: tf.identity(v, name="out_" + k) for k, v in outs.items()}
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        names = [v.op.name for v in outs.values()]
        graph_def = tf.graph_util.convert_variables_to_constants(sess, tf.get_default_graph().as_graph_def(), names)
        image = np.random.RandomState(0).rand(2, 8, 8, 1).astype(np.float32)
        values = sess.run(outs, {x: image})
    return graph_def, image, values


def trained():
    """A MetaGraphDef of a regression with Adam, its checkpoint, and the loss before and after three steps."""
    tf.set_random_seed(2)
    x, t = tf.placeholder(tf.float32, [None, 3], name="x"), tf.placeholder(tf.float32, [None, 2], name="t")
    w = tf.get_variable("w", [3, 2])
    b = tf.get_variable("b", [2], use_resource=True, initializer=tf.zeros_initializer())
    y = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, w), tf.ones(2)) + b, name="y")
    loss = tf.reduce_mean(tf.square(y - t), name="loss")
    step = tf.train.get_or_create_global_step()
    train = tf.train.AdamOptimizer(0.1).minimize(loss, global_step=step)
    tf.add_to_collection("outputs", y)
    tf.add_to_collection("numbers", 7)
    feed = {x: [[1, 2, 3], [0.5, -1, 2]], t: [[1, 0], [0, 1]]}
    saver = tf.train.Saver()
    with tf.Session() as sess, tempfile.TemporaryDirectory() as folder:
        sess.run(tf.global_variables_initializer())
        saver.save(sess, os.path.join(folder, "model"))
        files = {n: base64.b64encode(open(os.path.join(folder, n), "rb").read()).decode() for n in os.listdir(folder)}
        losses = [float(sess.run(loss, feed))]
        for _ in range(3):
            sess.run(train, feed)
            losses.append(float(sess.run(loss, feed)))
    return files, losses, train.name


if __name__ == "__main__":
    graph_def, image, values = frozen()
    tf.reset_default_graph()
    files, losses, train = trained()
    made = {
        "version": tf.__version__,
        "frozen": base64.b64encode(graph_def.SerializeToString()).decode(),
        "frozen_text": str(graph_def),
        "image": image.tolist(),
        "values": {k: v.tolist() for k, v in values.items()},
        "files": files,
        "losses": losses,
        "train": train,
    }
    path = os.path.join(os.path.dirname(__file__), "graph_def.json.gz")
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
        file.write(json.dumps(made).encode())
