"""tf.nn on every front, its names, static shapes and refusals; TensorFlow's values are in test_ops_nn_goldens.py."""

import numpy as np
import pytest
from table import case, f16, f32, i32, suite

import tfcompat as tf

v1 = tf.compat.v1


# -- references -------------------------------------------------------------------------------------------------------
def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def cross_entropy(labels, logits):
    return -(labels * np.log(softmax(logits))).sum(-1)


def sigmoid_cross_entropy(labels, logits):
    p = 1 / (1 + np.exp(-logits))
    return -labels * np.log(p) - (1 - labels) * np.log(1 - p)


def conv2d(x, w):
    """'VALID' with stride 1, by its definition."""
    height, width = w.shape[:2]
    rows, columns = x.shape[1] - height + 1, x.shape[2] - width + 1
    parts = [x[:, i : i + rows, j : j + columns] @ w[i, j] for i in range(height) for j in range(width)]
    return sum(parts)


def pooled(reduce):
    return lambda x: reduce(x.reshape(x.shape[0], x.shape[1] // 2, 2, x.shape[2] // 2, 2, x.shape[3]), axis=(2, 4))


def moments(x):
    return x.mean((0, 1)), x.var((0, 1))


def distributions(rows, classes):
    return softmax(f32(rows, classes)).astype(np.float32)


one_hot = np.eye(5, dtype=np.float32)
labels = i32(4, low=0, high=5)

test_values, test_shapes, test_gradients = suite(
    [
        case("nn.relu", [f32(3, 4)], lambda x: np.maximum(x, 0), grads="0"),
        case("nn.elu", [f32(3, 4)], lambda x: np.where(x > 0, x, np.expm1(x)), grads="0", order=2),
        case("nn.softmax", [f32(3, 4)], softmax, grads="0", order=2),
        case("v1:nn.softmax", [f32(3, 4)], lambda x: softmax(x, 0), dim=0, batch=""),
        case("nn.bias_add", [f32(3, 4), f32(4)], np.add, grads="01"),
        case(
            "nn.softmax_cross_entropy_with_logits", [distributions(4, 5), f32(4, 5)], cross_entropy, grads="1", order=2
        ),  # fmt: skip
        case(
            lambda y, x: v1.nn.softmax_cross_entropy_with_logits(labels=y, logits=x),
            [distributions(4, 5), f32(4, 5)],
            cross_entropy,
            grads="1",
            id="v1:softmax_cross_entropy",
        ),  # fmt: skip
        case(
            "nn.sparse_softmax_cross_entropy_with_logits",
            [labels, f32(4, 5)],
            lambda y, x: cross_entropy(one_hot[y], x).astype(x.dtype),
            grads="1",
            order=2,
        ),  # fmt: skip
        case(
            "nn.sigmoid_cross_entropy_with_logits",
            [f32(3, 4, low=0, high=1), f32(3, 4)],
            sigmoid_cross_entropy,
            grads="01",
            order=2,
        ),  # fmt: skip
        case(
            "nn.conv2d",
            [f32(2, 5, 6, 3), f32(3, 2, 3, 4)],
            conv2d,
            grads="01",
            order=2,
            batch="0",
            rtol=1e-5,
            strides=1,
            padding="VALID",
        ),  # fmt: skip
        case(
            "nn.max_pool", [f32(2, 4, 6, 3)], pooled(np.max), grads="0", order=2, ksize=2, strides=2, padding="SAME"
        ),  # fmt: skip
        case("nn.avg_pool", [f32(2, 4, 6, 3)], pooled(np.mean), grads="0", ksize=2, strides=2, padding="SAME"),
        case("nn.moments", [f32(4, 3, 5)], moments, grads="0", axes=[0, 1], rtol=1e-5),
        case(
            "nn.conv2d",
            [f32(2, 5, 4, 3), f32(1, 1, 3, 4)],
            lambda x, w: x[:, ::2, ::3] @ w[0, 0],
            grads="01",
            order=2,
            batch="0",
            rtol=1e-5,
            strides=[2, 3],
            padding="SAME",
            id="conv2d by filters of size 1",
        ),
        case("nn.crelu", [i32(3, 4)], lambda x: np.maximum(np.concatenate([x, -x], -1), 0)),
        case(
            lambda x, w: tf.nn.conv2d(x, w, 1, "VALID"),
            [f32(2, 3, 5, 6, 3), f32(3, 2, 3, 4)],
            lambda x, w: conv2d(x.reshape(6, 5, 6, 3), w).reshape(2, 3, 3, 5, 4),
            grads="01",
            rtol=1e-5,
            batch="0",
            id="conv2d behind two batch dimensions",
        ),
        case(
            "conv",
            [f32(2, 5, 6, 3), f32(3, 2, 3, 4)],
            conv2d,
            grads="01",
            rtol=1e-5,
            batch="0",
            strides=[1] * 4,
            padding="VALID",
        ),
        case(
            lambda x, w: tf.nn.conv2d_transpose(x, w, [2, 3, 4, 5], 1, "VALID"),
            [i32(2, 1, 3, 4), i32(3, 2, 5, 4)],
            lambda x, w: sum(
                np.pad(x @ w[i, j].T, ((0, 0), (i, 2 - i), (j, 1 - j), (0, 0))) for i in range(3) for j in range(2)
            ),
            batch="",
            id="conv2d_transpose of integers",
        ),
        case(
            lambda x, m, v: tf.nn.batch_normalization(x, m, v, None, None, 0.25),
            [f16(5, 3), f32(3), f32(3, low=0.5)],
            lambda x, m, v: ((x - m) / np.sqrt(v + 0.25)).astype(np.float16),
            atol=5e-3,
            batch="0",
            id="batch_normalization of half precision by float32 moments",
        ),
        case("nn.compute_average_loss", [f32(6)], lambda x: np.float32(x.sum() / 4), grads="0", global_batch_size=4),
        case("nn.compute_average_loss", [f32(6)], np.float32(0), global_batch_size=0, id="average over no batch"),
        case(
            "nn.isotonic_regression",
            [np.array([[3, 1, 2], [1, 3, 4.0]], np.float32)],
            lambda x: (np.array([[3, 1.5, 1.5], [8 / 3] * 3], np.float32), np.array([[0, 1, 1], [0, 0, 0]], np.int32)),
            rtol=1e-6,
        ),
        case(
            lambda x: tf.nn.isotonic_regression(x, decreasing=False, axis=0)[0],
            [np.array([[3, 1], [1, 3], [2.5, 2]], np.float32)],
            lambda x: np.array([[2, 1], [2, 2.5], [2.5, 2.5]], np.float32),
            grads="0",
            id="isotonic_regression, increasing, down the columns",
        ),
        case(
            lambda x: tf.nn.with_space_to_batch(x, [2, 3], "SAME", lambda v, n, p: tf.nn.avg_pool(v, 2, 1, p), [2, 2]),
            [f32(1, 7, 8, 2)],
            lambda x: (
                conv2d(
                    np.pad(x, ((0, 0), (1, 1), (1, 2), (0, 0))),
                    np.pad(np.eye(2, dtype=np.float32)[None, None], ((0, 2), (0, 3), (0, 0), (0, 0)))
                    + np.pad(np.eye(2, dtype=np.float32)[None, None], ((2, 0), (0, 3), (0, 0), (0, 0)))
                    + np.pad(np.eye(2, dtype=np.float32)[None, None], ((0, 2), (3, 0), (0, 0), (0, 0)))
                    + np.pad(np.eye(2, dtype=np.float32)[None, None], ((2, 0), (3, 0), (0, 0), (0, 0))),
                )
                / 4
            ),
            batch="0",
            rtol=1e-5,
            id="with_space_to_batch",
        ),
        case("nn.embedding_lookup", [f32(7, 3), i32(2, 3, low=0, high=7)], lambda p, i: p[i], batch="1"),
    ]
)


# -- graphs -----------------------------------------------------------------------------------------------------------
def in_graph(build, *shapes):
    with tf.Graph().as_default():
        return build(*[v1.placeholder(tf.float32, s) for s in shapes])


IMAGE, TABLE = (None, 8, 8, 3), (None, 10)


@pytest.mark.parametrize(
    "build, shapes, name, shape",
    [
        (lambda x: v1.nn.relu(x), [TABLE], "Relu:0", [None, 10]),
        (lambda x: v1.nn.softmax(x, name="out"), [TABLE], "out:0", [None, 10]),
        (lambda x: v1.nn.conv2d(x, tf.zeros([5, 5, 3, 4]), [1, 2, 2, 1], "SAME"), [IMAGE],
         "Conv2D:0", [None, 4, 4, 4]),
        (lambda x: v1.nn.conv2d(x, tf.zeros([3, 3, 3, 4]), 1, "VALID"), [(None, None, None, 3)],
         "Conv2D:0", [None] * 3 + [4]),
        (lambda x: v1.nn.conv2d_transpose(x, tf.zeros([3, 3, 5, 3]), [tf.shape(x)[0], 16, 16, 5], [1, 2, 2, 1]),
         [IMAGE], "conv2d_transpose:0", [None, 16, 16, 5]),
        (lambda x: v1.nn.conv2d_transpose(x, tf.zeros([3, 3, 5, 3]), [7, 16, 16, 5], [1, 2, 2, 1]),
         [IMAGE], "conv2d_transpose:0", [7, 16, 16, 5]),
        (lambda x: v1.nn.max_pool(x, [1, 3, 3, 1], [1, 2, 2, 1], "SAME"), [IMAGE], "MaxPool:0", [None, 4, 4, 3]),
        (lambda x: tf.nn.max_pool(x, 2, 2, "VALID"), [IMAGE], "MaxPool2d:0", [None, 4, 4, 3]),
        (lambda x: tf.nn.avg_pool1d(x, 2, 2, "VALID"), [(None, 8, 3)], "AvgPool1D/Squeeze:0", [None, 4, 3]),
        (lambda x: v1.nn.separable_conv2d(x, tf.zeros([3, 3, 3, 2]), tf.zeros([1, 1, 6, 5]), [1, 1, 1, 1], "SAME"),
         [IMAGE], "separable_conv2d:0", [None, 8, 8, 5]),
        (lambda y, x: v1.nn.softmax_cross_entropy_with_logits(labels=y, logits=x), [TABLE, TABLE],
         "softmax_cross_entropy_with_logits_sg/Reshape_2:0", [None]),
        (lambda y, x: v1.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=x), [TABLE, TABLE],
         "logistic_loss:0", [None, 10]),
        (lambda x: v1.nn.dropout(x, 0.5), [TABLE], "dropout/SelectV2:0", [None, 10]),
        (lambda x: v1.nn.batch_normalization(x, *[tf.zeros([10])] * 4, 1e-3), [TABLE],
         "batchnorm/add_1:0", [None, 10]),
        (lambda x: v1.nn.moments(x, [0])[1], [TABLE], "moments/Squeeze_1:0", [10]),
    ],
)  # fmt: skip
def test_names_and_shapes(build, shapes, name, shape):
    out = in_graph(build, *shapes)
    assert out.name == name
    assert out.shape.as_list() == shape


def test_sparse_labels_have_their_own_names():
    with tf.Graph().as_default():
        y, x = v1.placeholder(tf.int64, [None]), v1.placeholder(tf.float32, [None, 10])
        full = "SparseSoftmaxCrossEntropyWithLogits"
        assert v1.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=x).name == f"{full}/{full}:0"
        assert v1.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=x, name="xe").name == "xe/xe:0"
        assert v1.nn.embedding_lookup(x, y).name == "embedding_lookup/Identity:0"


def test_placeholder_of_unknown_rank():
    x = in_graph(lambda x: v1.nn.conv2d(x, tf.zeros([3, 3, 3, 4]), [1, 1, 1, 1], "SAME"), None)
    assert x.shape.rank == 4


# -- refusals ---------------------------------------------------------------------------------------------------------
X = np.ones((2, 8, 8, 3), np.float32)
FILTERS = np.ones((3, 3, 3, 4), np.float32)
LOGITS = np.ones((2, 5), np.float32)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: v1.nn.softmax_cross_entropy_with_logits(LOGITS, LOGITS), ValueError, "Only call `softmax_cross"),
        (lambda: v1.nn.sparse_softmax_cross_entropy_with_logits([1, 2], LOGITS), ValueError, "with named arguments"),
        (lambda: v1.nn.sigmoid_cross_entropy_with_logits(LOGITS, LOGITS), ValueError, "with named arguments"),
        (lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(np.eye(2, 5).astype(int), LOGITS), ValueError, "rank"),
        (lambda: tf.nn.sparse_softmax_cross_entropy_with_logits([0, 5], LOGITS), tf.errors.InvalidArgumentError,
         r"label value of 5 which is outside the valid range of \[0, 5\)"),
        (lambda: tf.nn.sparse_softmax_cross_entropy_with_logits([0.0, 1.0], LOGITS), tf.errors.InvalidArgumentError, "int32, int64"),
        (lambda: tf.nn.sigmoid_cross_entropy_with_logits(LOGITS, LOGITS[:1]), ValueError, "must have the same shape"),
        (lambda: v1.nn.softmax(LOGITS, axis=1, dim=1), ValueError, "Cannot specify both 'dim' and 'axis'"),
        (lambda: tf.nn.conv2d(X, FILTERS[:, :, :2], 1, "SAME"), tf.errors.InvalidArgumentError, "multiple"),
        (lambda: tf.nn.conv2d(X, FILTERS, 1, "same"), tf.errors.InvalidArgumentError, '"SAME", "VALID"'),
        (lambda: tf.nn.conv2d(X, FILTERS, [2, 1, 1, 1], "SAME"), ValueError, "batch and depth"),
        (lambda: tf.nn.conv2d(X[:, :2], FILTERS, 1, "VALID"), tf.errors.InvalidArgumentError, "negative"),
        (lambda: tf.nn.max_pool2d(X, 2, 2, [[0, 0], [1, 0], [0, 2], [0, 0]]), tf.errors.InvalidArgumentError,
         "Right padding 2 needs to be smaller than the window size 2"),
        (lambda: tf.nn.conv2d(X, FILTERS[:0], 1, "SAME"), tf.errors.InvalidArgumentError, "zero elements"),
        (lambda: tf.nn.conv_transpose(X, FILTERS, [2, 3], 1), ValueError, "must be of length 3, 4 or 5"),
        (lambda: tf.nn.with_space_to_batch(X, [2, 2], "SAME", None), ValueError, "`filter_shape` must be specified"),
        (lambda: tf.nn.compute_average_loss([1.0], global_batch_size=[1]), ValueError, "must be scalar"),
        (lambda: tf.nn.bias_add(X, np.ones(4, np.float32)), tf.errors.InvalidArgumentError, "as many biases as"),
        (lambda: tf.nn.bias_add(X, np.ones(3, np.float32), data_format="HWC"), ValueError, "of the form"),
        (lambda: tf.nn.dropout(LOGITS, 1.0), ValueError, r"range \[0, 1\)"),
        (lambda: v1.nn.dropout(LOGITS), ValueError, "`rate` must be provided"),
        (lambda: tf.nn.embedding_lookup([], [0]), ValueError, "Need at least one param"),
        (lambda: tf.nn.fractional_max_pool(X, 1.4), NotImplementedError, "fractional_max_pool"),
    ],
)  # fmt: skip
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_labels_outside_the_classes_are_nan_in_a_session():
    with tf.Graph().as_default(), v1.Session() as session:
        y, x = v1.placeholder(tf.int32, [None]), v1.placeholder(tf.float32, [None, 5])
        loss = v1.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=x)
        found = session.run(loss, {y: [1, 7], x: LOGITS})
    assert np.isfinite(found[0]) and np.isnan(found[1])


def test_constant_labels_outside_the_classes_are_refused_when_the_graph_runs():
    with tf.Graph().as_default(), v1.Session() as session:
        loss = v1.nn.sparse_softmax_cross_entropy_with_logits(labels=[1, 7], logits=LOGITS)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"label value of 7 .* range of \[0, 5\)"):
            session.run(loss)


def test_labels_and_logits_of_unknown_rank():
    with tf.Graph().as_default(), v1.Session() as session:
        y, x, w = v1.placeholder(tf.int32), v1.placeholder(tf.float32), v1.placeholder(tf.float32)
        loss = v1.losses.sparse_softmax_cross_entropy(y, x, weights=w)
        assert session.run(loss, {y: [[1], [2]], x: LOGITS, w: [[1.0], [0.0]]}) == pytest.approx(np.log(5))
        with pytest.raises(tf.errors.InvalidArgumentError, match="weights can not be broadcast"):
            session.run(loss, {y: [1, 2], x: LOGITS, w: [1.0, 2.0, 3.0]})


def test_embedding_gradient_is_sparse():
    params = tf.constant(np.ones((6, 2), np.float32))
    with tf.GradientTape() as tape:
        tape.watch(params)
        loss = tf.reduce_sum(tf.nn.embedding_lookup(params, [1, 1, 4]))
    gradient = tape.gradient(loss, params)
    assert isinstance(gradient, tf.IndexedSlices)
    assert gradient.indices.numpy().tolist() == [1, 1, 4]


def test_dropout_rate_zero_is_the_identity():
    x = tf.constant(LOGITS)
    assert tf.nn.dropout(x, 0) is x


@pytest.mark.parametrize(
    ("pool", "shape", "ksize", "strides", "where"),
    [
        (tf.nn.avg_pool, [4, 4, 4, 2], [1, 1, 1, 1], [2, 1, 1, 1], "batch"),
        (tf.nn.max_pool, [4, 4, 4, 2], [2, 1, 1, 1], [1, 1, 1, 1], "batch"),
        (tf.nn.max_pool_with_argmax, [4, 4, 4, 2], [2, 1, 1, 1], [1, 1, 1, 1], "batch"),
        (tf.nn.max_pool3d, [4, 4, 4, 4, 2], [2, 1, 1, 1, 1], [1, 1, 1, 1, 1], "batch"),
        (tf.nn.avg_pool, [4, 4, 4, 2], [1, 1, 1, 2], [1, 1, 1, 2], "depth"),
        (tf.nn.avg_pool3d, [4, 4, 4, 4, 2], [1, 1, 1, 1, 2], [1, 1, 1, 1, 1], "depth"),
    ],
)
def test_pools_over_examples_or_channels_are_refused(pool, shape, ksize, strides, where):
    """As by TensorFlow 2.21's kernels."""
    with pytest.raises(tf.errors.UnimplementedError, match=f"{where} dimension"):
        pool(tf.ones(shape), ksize, strides, "SAME")


def test_weighted_moments_take_weights_of_another_dtype():
    """Values from TensorFlow 2.21."""
    mean, variance = tf.nn.weighted_moments(tf.constant([1.0, 2.0], tf.float64), [0], tf.constant([1, 2]))
    assert mean.dtype is tf.float64 and (float(mean), float(variance)) == pytest.approx((5 / 3, 2 / 9))
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.nn.weighted_moments(tf.constant([1, 2]), [0], tf.constant([1.0, 2.0]))
