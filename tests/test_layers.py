"""tf.layers, tf.losses, tf.metrics and tf.contrib.layers in graphs: names, variables, collections, values."""

import numpy as np
import pytest
from tfcompat.compat import v1 as tf


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default():
        yield


def run(fetches, feed_dict=None):
    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        return sess.run(fetches, feed_dict)


def names(variables):
    return [v.name for v in variables]


def test_dense_names_shapes_and_values():
    x = tf.placeholder(tf.float32, [None, 3])
    h = tf.layers.dense(x, 4, tf.nn.relu)
    again = tf.layers.dense(h, 2, name="out")
    assert h.name == "dense/Relu:0" and again.name == "out/BiasAdd:0" and h.shape.as_list() == [None, 4]
    assert names(tf.trainable_variables()) == ["dense/kernel:0", "dense/bias:0", "out/kernel:0", "out/bias:0"]
    value = np.arange(6, dtype=np.float32).reshape(2, 3)
    kernel, out = run([tf.trainable_variables()[0], h], {x: value})
    np.testing.assert_allclose(out, np.maximum(value @ kernel, 0), rtol=1e-5)


def test_reuse_shares_variables_and_numbers_scopes():
    x = tf.placeholder(tf.float32, [None, 3])
    one, two = tf.layers.dense(x, 2, name="fc"), tf.layers.dense(x, 2, name="fc", reuse=True)
    assert two.name == "fc_1/BiasAdd:0" and len(tf.trainable_variables()) == 2
    a, b = run([one, two], {x: np.ones((2, 3), np.float32)})
    np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="already exists"):
        tf.layers.dense(x, 2, name="fc")


def test_dense_on_more_dimensions():
    x = tf.placeholder(tf.float32, [None, 5, 3])
    assert tf.layers.dense(x, 4).shape.as_list() == [None, 5, 4]


def test_unknown_last_dimension_is_refused():
    with pytest.raises(ValueError, match="last dimension"):
        tf.layers.dense(tf.placeholder(tf.float32, [3, None]), 4)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda x: tf.layers.conv2d(x, 4, 3), [None, 6, 6, 4]),
        (lambda x: tf.layers.conv2d(x, 4, (3, 5), strides=2, padding="same"), [None, 4, 4, 4]),
        (lambda x: tf.layers.conv2d_transpose(x, 4, 3, strides=2, padding="same"), [None, 16, 16, 4]),
        (lambda x: tf.layers.separable_conv2d(x, 4, 3), [None, 6, 6, 4]),
        (lambda x: tf.layers.max_pooling2d(x, 2, 2), [None, 4, 4, 3]),
        (lambda x: tf.layers.average_pooling2d(x, 3, 1, padding="same"), [None, 8, 8, 3]),
        (lambda x: tf.layers.flatten(x), [None, 192]),
    ],
)
def test_image_layers(make, shape):
    x = tf.placeholder(tf.float32, [None, 8, 8, 3])
    y = make(x)
    assert y.shape.as_list() == shape
    assert run(y, {x: np.ones((2, 8, 8, 3), np.float32)}).shape == (2, *shape[1:])


def test_dropout_needs_training():
    x = tf.ones([100])
    training = tf.placeholder(tf.bool, [])
    kept, dropped = tf.layers.dropout(x, 0.5), tf.layers.dropout(x, 0.5, training=training)
    assert run(kept).sum() == 100
    assert run(dropped, {training: False}).sum() == 100
    assert set(run(dropped, {training: True}).tolist()) == {0.0, 2.0}


@pytest.mark.parametrize("shape", [(6, 3), (2, 4, 4, 3)])
@pytest.mark.parametrize("known", [True, False])
def test_batch_normalization_moves_its_averages(shape, known):
    value = np.random.default_rng(0).normal(2, 3, shape).astype(np.float32)
    x = tf.placeholder(tf.float32, [None, *shape[1:]])
    training = True if known else tf.placeholder(tf.bool, [])
    y = tf.layers.batch_normalization(x, training=training, momentum=0.9)
    assert names(tf.global_variables()) == [
        f"batch_normalization/{n}:0" for n in ("gamma", "beta", "moving_mean", "moving_variance")
    ]
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    assert [u.name for u in updates] == ["batch_normalization/AssignMovingAvg", "batch_normalization/AssignMovingAvg_1"]
    feed = {x: value} if known else {x: value, training: True}
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        out, _ = sess.run([y, updates], feed)
        mean = sess.run(tf.global_variables()[2])
        if not known:
            still = sess.run([y, updates], {x: value, training: False})[0]
            np.testing.assert_array_equal(sess.run(tf.global_variables()[2]), mean)
            assert abs(still.mean()) > 0.1
    axes = tuple(range(len(shape) - 1))
    wanted = (value - value.mean(axes)) / np.sqrt(value.var(axes) + 1e-3)
    np.testing.assert_allclose(out, wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(mean, value.mean(axes) * 0.1, rtol=1e-4)


def test_regularizers_are_collected_once():
    x = tf.ones([2, 3])
    for reuse in (None, True):
        tf.layers.dense(x, 2, name="fc", kernel_regularizer=tf.contrib.layers.l2_regularizer(0.5), reuse=reuse)
    (loss,) = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    kernel, value = run([tf.trainable_variables()[0], loss])
    np.testing.assert_allclose(value, 0.25 * np.sum(kernel**2), rtol=1e-5)


def test_losses_reduce_and_collect():
    y, p, w = (
        np.array([[1.0, 0], [0, 1]], np.float32),
        np.array([[0.8, 0.3], [0.1, 0.4]], np.float32),
        np.array([[1.0], [0]], np.float32),
    )
    square = (p - y) ** 2
    reduction = tf.losses.Reduction
    found = run(
        [
            tf.losses.mean_squared_error(y, p),
            tf.losses.mean_squared_error(y, p, weights=w),
            tf.losses.mean_squared_error(y, p, weights=w, reduction=reduction.SUM),
            tf.losses.mean_squared_error(y, p, weights=w, reduction=reduction.SUM_OVER_BATCH_SIZE),
            tf.losses.mean_squared_error(y, p, reduction=reduction.NONE),
            tf.losses.absolute_difference(y, p),
            tf.losses.huber_loss(y, p, delta=0.5),
        ]
    )
    a = np.abs(p - y)
    huber = np.where(a <= 0.5, a**2 / 2, 0.5 * a - 0.125)
    wanted = [square.mean(), square[0].mean(), square[0].sum(), square[0].sum() / 4, square, a.mean(), huber.mean()]
    for f, v in zip(found, wanted, strict=True):
        np.testing.assert_allclose(f, v, rtol=1e-5)
    assert len(tf.losses.get_losses()) == 7
    assert tf.losses.get_losses()[0].name == "mean_squared_error/value:0"
    with pytest.raises(ValueError, match="can not be broadcast"):
        tf.losses.mean_squared_error(y, p, weights=np.ones(3, np.float32))


def test_cross_entropy_losses_agree():
    logits = np.array([[2.0, 1, 0], [0, 1, 3]], np.float32)
    dense = tf.losses.softmax_cross_entropy(np.eye(3, dtype=np.float32)[[0, 1]], logits)
    sparse = tf.losses.sparse_softmax_cross_entropy(np.array([[0], [1]]), logits)
    log = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    for value in run([dense, sparse, tf.losses.get_total_loss()])[:2]:
        np.testing.assert_allclose(value, -(log[0, 0] + log[1, 1]) / 2, rtol=1e-5)


def test_metrics_accumulate():
    y, p = tf.placeholder(tf.int64, [None]), tf.placeholder(tf.int64, [None])
    results = [tf.metrics.accuracy(y, p), tf.metrics.precision(y, p), tf.metrics.recall(y, p), tf.metrics.mean(p)]
    assert names(tf.local_variables())[:2] == ["accuracy/total:0", "accuracy/count:0"]
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        sess.run([u for _, u in results], {y: [1, 0, 1, 1], p: [1, 1, 0, 1]})
        sess.run([u for _, u in results], {y: [0, 0], p: [0, 0]})
        np.testing.assert_allclose(sess.run([v for v, _ in results]), [4 / 6, 2 / 3, 2 / 3, 0.5], rtol=1e-6)


def test_auc_of_perfect_and_useless_scores():
    y = np.array([0, 0, 1, 1], np.float32)
    good, bad = tf.metrics.auc(y, y * 0.8 + 0.1), tf.metrics.auc(y, np.full(4, 0.5, np.float32))
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        a, b = sess.run([good[1], bad[1]])
    np.testing.assert_allclose([a, b], [1.0, 0.5], atol=1e-4)


def test_contrib_layers_names():
    layers = tf.contrib.layers
    x = tf.placeholder(tf.float32, [None, 4, 4, 1])
    h = layers.fully_connected(layers.flatten(layers.max_pool2d(layers.conv2d(x, 2, 3), 2)), 5)
    assert h.name == "fully_connected/Relu:0"
    assert names(tf.trainable_variables()) == [
        "Conv/weights:0",
        "Conv/biases:0",
        "fully_connected/weights:0",
        "fully_connected/biases:0",
    ]
    with tf.contrib.framework.arg_scope([layers.fully_connected], activation_fn=None):
        assert layers.fully_connected(h, 2).name == "fully_connected_1/BiasAdd:0"
