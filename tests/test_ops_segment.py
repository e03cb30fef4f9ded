"""Segments: sums and extremes of rows that share a number; the confusion matrix."""

import numpy as np
import pytest
from table import case, f32, i32, suite

import tfcompat as tf

v1 = tf.compat.v1
IDS = [3, 0, 0, 3, -1]


def segments(f, empty, n=5):
    """The reference of an unsorted segment op with IDS."""

    def reference(x):
        rows = [[r for r, i in zip(x, IDS) if i == s] for s in range(n)]
        return np.stack([f(np.stack(r)) if r else np.full(x.shape[1:], empty, x.dtype) for r in rows])

    return reference


SEGMENTS = [
    case(
        "math.unsorted_segment_sum",
        [f32(5, 2)],
        segments(lambda r: r.sum(0), 0),
        grads="0",
        batch="",
        segment_ids=IDS,
        num_segments=5,
    ),
    case(
        "math.unsorted_segment_mean",
        [f32(5, 2)],
        segments(lambda r: r.mean(0), 0),
        grads="0",
        batch="",
        segment_ids=IDS,
        num_segments=5,
    ),
    case(
        "math.unsorted_segment_prod",
        [f32(5, 2)],
        segments(lambda r: r.prod(0), 1),
        grads="0",
        batch="",
        segment_ids=IDS,
        num_segments=5,
    ),
    case(
        "math.unsorted_segment_max",
        [f32(5, 2)],
        segments(lambda r: r.max(0), np.finfo(np.float32).min),
        batch="",
        segment_ids=IDS,
        num_segments=5,
    ),
    case(
        "math.unsorted_segment_min",
        [i32(5, 2)],
        segments(lambda r: r.min(0), np.iinfo(np.int32).max),
        batch="",
        segment_ids=IDS,
        num_segments=5,
    ),
    case(
        "math.unsorted_segment_sqrt_n",
        [f32(5, 2)],
        segments(lambda r: r.sum(0) / len(r) ** 0.5, 0),
        grads="0",
        batch="",
        segment_ids=IDS,
        num_segments=5,
        dtype="float32",
    ),
    case(
        "math.segment_sum",
        [f32(4, 2)],
        lambda x: np.stack([x[0] + x[1], 0 * x[0], x[2] + x[3]]),
        grads="0",
        batch="",
        segment_ids=[0, 0, 2, 2],
    ),
    case(
        "math.segment_max",
        [f32(4, 2)],
        lambda x: np.stack([x[:2].max(0), 0 * x[0], x[2:].max(0)]),
        grads="0",
        batch="",
        segment_ids=[0, 0, 2, 2],
    ),
    case(
        "math.segment_mean",
        [f32(4, 2)],
        lambda x: np.stack([x[:3].mean(0), x[3]]),
        grads="0",
        batch="",
        segment_ids=[0, 0, 0, 1],
    ),
    case(
        "sparse.segment_sum",
        [f32(4, 2)],
        lambda x: np.stack([x[0] + x[3], x[1]]),
        grads="0",
        batch="",
        indices=[0, 3, 1],
        segment_ids=[0, 0, 1],
    ),
    case(
        "math.confusion_matrix",
        [np.array([0, 1, 2, 1]), np.array([0, 2, 2, 1])],
        np.int32([[1, 0, 0], [0, 1, 1], [0, 0, 1]]),
    ),
]

test_values, test_shapes, test_gradients = suite(SEGMENTS)


def test_numbers_that_do_not_fit():
    for call, message in (
        (lambda: tf.math.segment_sum(tf.ones([3]), [1, 0, 0]), "not increasing"),
        (lambda: tf.math.segment_sum(tf.ones([3]), [0, 1]), "same size"),
        (lambda: tf.math.confusion_matrix([0, 5], [0, 1], num_classes=3), "out of bound"),
        (lambda: tf.math.unsorted_segment_sum(tf.ones([3]), [0, 1], 2), "does not start with"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            call()


def test_segments_of_fed_numbers():
    with tf.Graph().as_default(), v1.Session() as session:
        x, ids = v1.placeholder(tf.float32, [None, 2]), v1.placeholder(tf.int32, [None])
        total = tf.math.segment_sum(x, ids)
        assert total.shape.rank == 2
        for feed in ([0, 0, 1], [0, 1, 2], [0, 3, 3]):
            got = session.run(total, {x: np.ones([3, 2]), ids: feed})
            np.testing.assert_array_equal(got[:, 0], np.bincount(feed))


def test_static_shapes():
    """What data of known rank tells; nothing where the rank is unknown (a guess would be wrong at run time)."""
    with tf.Graph().as_default(), v1.Session() as session:
        any_rank, rows = v1.placeholder(tf.float32), v1.placeholder(tf.float32, [None, 3])
        ids, n = v1.placeholder(tf.int32), v1.placeholder(tf.int32)
        feed = {any_rank: np.ones([4, 3]), rows: np.ones([4, 3]), ids: [0, 0, 1, 3], n: 5}
        for data, known in ((any_rank, None), (rows, [None, 3])):
            total = tf.math.segment_sum(data, ids)
            assert (total.shape.as_list() if total.shape.rank is not None else None) == known
            assert session.run(total, feed)[:, 0].tolist() == [2, 1, 0, 1]
        for data in (any_rank, rows):
            total = tf.math.unsorted_segment_sum(data, ids, n)
            assert total.shape.rank is None and session.run(total, feed)[:, 0].tolist() == [2, 1, 0, 1, 0]
        vector = v1.placeholder(tf.int32, [None])
        assert tf.math.unsorted_segment_max(rows, vector, n).shape.as_list() == [None, 3]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: tf.math.segment_sum([1.0, 2.0], [-1, 0]), r"Segment id -1 out of range \[0, 1\)"),
        (lambda: tf.math.segment_sum([1.0, 2.0], [0, -1]), "segment ids must be >= 0"),
        (lambda: tf.math.segment_sum(1.0, [0]), "at least rank 1"),
        (lambda: tf.math.segment_max(tf.ones([2, 3]), tf.constant([2**60] * 2, tf.int64)), "overflow"),
        (lambda: tf.math.unsorted_segment_sum([1.0, 2.0], [0, 5], 3), r"segment_ids\[1\] = 5 is out of range \[0, 3\)"),
        (lambda: tf.math.unsorted_segment_sum([1.0, 2.0], [0, 1], 2**60), "overflow"),
    ],
)
def test_refused(call, words):
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        call()


def test_vectors_of_segment_numbers():
    with tf.Graph().as_default(), pytest.raises(ValueError, match="must be rank 1 but is rank 2"):
        tf.math.segment_sum(tf.ones([4, 4]), [[0, 1], [2, 2]])


@pytest.mark.parametrize(
    "f, values",  # from TensorFlow 2.21
    [
        (tf.sparse.segment_sum, [0, 0, 0, 2, 0, 0, 0, 0, 1, 1]),
        (tf.sparse.segment_mean, [0, 0, 0, 1.5, 0, 0, 0, 0, 1, 0.5]),
        (tf.sparse.segment_sqrt_n, [0, 0, 0, 1 + 0.5**0.5, 0, 0, 0, 0, 1, 0.5**0.5]),
    ],
)
def test_sparse_gradients_of_chosen_rows(f, values):
    x = tf.reshape(tf.range(40.0), [10, 4])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x, [8, 3, 3, 9], [0, 1, 2, 2], sparse_gradient=True)
    np.testing.assert_array_equal(y, f(x, [8, 3, 3, 9], [0, 1, 2, 2]))
    g = tape.gradient(y, x)
    assert isinstance(g, tf.IndexedSlices)
    np.testing.assert_allclose(tf.convert_to_tensor(g)[:, 0], values, 1e-6)


def test_a_scalar_segment_number():
    assert tf.math.unsorted_segment_sum([1.0, 2.0], 1, 3).numpy().tolist() == [[0, 0], [1, 2], [0, 0]]
