"""Histograms, bincount of dense and sparse tensors, Sobol points, tf.sets."""

import numpy as np
import pytest
from table import case, f32, suite

import tfcompat as tf

v1 = tf.compat.v1
Invalid = tf.errors.InvalidArgumentError
SPARSE = [[0, 1, 2], [1, 1, 0]]

test_values, test_shapes, test_gradients = suite(
    [
        case(
            lambda x: tf.histogram_fixed_width(x, [0.0, 3.0], 3),
            [f32(40, low=-1, high=4)],
            lambda x: np.histogram(np.clip(x, 0, 3), 3, (0, 3))[0].astype("i4"),
            id="histogram_fixed_width",
        ),
        case(
            lambda x: tf.histogram_fixed_width_bins(x, [0.0, 3.0], 3),
            [f32(2, 5, low=-1, high=4)],
            lambda x: np.clip(np.floor(x), 0, 2).astype("i4"),
            id="histogram_fixed_width_bins",
        ),
        case(
            lambda x: tf.math.bincount(tf.sparse.from_dense(x), axis=-1),
            [np.array(SPARSE, "i4")],
            np.array([[0, 1, 1], [0, 2, 0]], "i4"),
            id="bincount_sparse",
            batch="",
        ),
    ]
)


def test_histogram():
    low, high = np.iinfo("i4").min, np.iinfo("i4").max
    assert tf.histogram_fixed_width(tf.constant([low, high]), [low, high], 2).numpy().tolist() == [1, 1]
    wide = tf.histogram_fixed_width(tf.constant([3e38, 100.0]), [-1e38, 3e38], 2)  # the width of the range overflows
    assert wide.numpy().tolist() == [1, 1]
    for given, words in (
        (dict(nbins=0), "nbins should be a positive number, but got '0'"),
        (dict(nbins=[1, 2]), "nbins should be a scalar"),
        (dict(value_range=1.0), "value_range should be a vector"),
        (dict(value_range=[0.0, 1.0, 2.0]), "a vector of 2 elements"),
    ):
        with pytest.raises(Invalid, match=words):
            tf.histogram_fixed_width([1.0], **{"value_range": [0.0, 1.0], **given})
    with tf.Graph().as_default(), v1.Session() as session:
        n = v1.placeholder(tf.int32)
        counts = tf.histogram_fixed_width([1.0, 2.0], [0.0, 3.0], n)
        assert counts.shape.as_list() == [None]
        assert session.run(counts, {n: 3}).tolist() == [0, 1, 1]


def test_bincount():
    sparse = tf.sparse.from_dense(SPARSE)
    assert tf.math.bincount(sparse).numpy().tolist() == [0, 3, 1]
    assert tf.math.bincount(sparse, axis=-1, binary_output=True).numpy().tolist() == [[0, 1, 1], [0, 1, 0]]
    assert tf.math.bincount(sparse, weights=tf.cast(sparse, tf.float32)).numpy().tolist() == [0, 3, 2]
    assert tf.math.bincount([1.0, 2.9]).numpy().tolist() == [0, 1, 1]
    for call, error, words in (
        (lambda: tf.math.bincount([-1, 2]), Invalid, "Input arr must be non-negative!"),
        (lambda: tf.math.bincount([[[1]]], axis=-1), Invalid, "at most rank 2"),
        (lambda: tf.math.bincount([1, 2], weights=[1.0]), Invalid, "same shape as `arr`"),
        (lambda: tf.math.bincount([1], weights=[1], binary_output=True), ValueError, "mutually exclusive"),
        (lambda: tf.math.bincount([1], axis=1), ValueError, "Unsupported value for argument axis=1"),
    ):
        with pytest.raises(error, match=words):
            call()


def test_sparse_bincount():
    """Goldens of TensorFlow 2.21."""

    def dense(*args, **settings):
        return tf.sparse.to_dense(tf.sparse.bincount(*args, **settings)).numpy().tolist()

    values = [[1, 1, 3], [0, 3, 3]]
    assert dense(values) == [1, 2, 0, 3]
    assert dense(values, axis=-1) == [[0, 2, 0, 1], [1, 0, 0, 2]]
    weights = [[1.0, 2.0, 3.0], [0.5, 0.5, 0.5]]
    assert dense(values, weights=weights, axis=-1) == [[0, 3, 0, 3], [0.5, 0, 0, 1]]
    assert dense(values, axis=-1, binary_output=True, minlength=6, maxlength=2) == [[0, 1], [1, 0]]
    assert dense(tf.sparse.from_dense(SPARSE)) == [0, 3, 1]


def test_sobol_sample():
    """Goldens of TensorFlow 2.21."""
    want = [[0.5, 0.5, 0.5], [0.75, 0.25, 0.25], [0.25, 0.75, 0.75], [0.375, 0.375, 0.625], [0.875, 0.875, 0.125]]
    np.testing.assert_array_equal(tf.math.sobol_sample(3, 5), want)
    later = tf.math.sobol_sample(3, 2, skip=3, dtype=tf.float64)
    assert later.dtype is tf.float64 and later.numpy().tolist() == want[3:]
    with pytest.raises(Invalid, match="dim must be at least one"):
        tf.math.sobol_sample(0, 3)


def sets_of(result):
    """The sets of a SparseTensor, as a list of lists."""
    rows = [[] for _ in range(result.dense_shape.numpy()[0])]
    for (row, _), value in zip(result.indices.numpy(), result.values.numpy().tolist(), strict=True):
        rows[row].append(value)
    return rows


A = [[9, 1, 5], [2, 4, 3]]
B = tf.SparseTensor([[0, 0], [0, 1], [1, 0]], [1, 9, 4], [2, 2])


@pytest.mark.parametrize("sparse", [False, True])
def test_sets(sparse):
    a = tf.sparse.from_dense(A) if sparse else tf.constant(A)
    assert sets_of(tf.sets.intersection(a, B)) == [[1, 9], [4]]
    assert sets_of(tf.sets.union(a, B)) == [[1, 5, 9], [2, 3, 4]]
    assert sets_of(tf.sets.difference(a, B)) == [[5], [2, 3]]
    assert sets_of(tf.sets.difference(B, a, aminusb=False)) == [[5], [2, 3]]
    assert sets_of(tf.sets.difference(B, tf.constant([[1], [5]]))) == [[9], [4]]
    assert tf.sets.size(B).numpy().tolist() == [2, 1]


def test_sets_that_do_not_fit():
    mixed = tf.SparseTensor([[1, 0], [0, 0]], [1, 2], [2, 2])
    for call, error, words in (
        (lambda: tf.sets.size(mixed), Invalid, r"indices\[1\] = \[0,0\] is out of order"),
        (lambda: tf.sets.union(B, tf.constant([[1]])), Invalid, "Mismatched shapes"),
        (lambda: tf.sets.union(tf.constant([1]), tf.constant([1])), Invalid, "has rank 1 < 2"),
        (lambda: tf.sets.union(A, tf.constant([[1.0], [2.0]])), TypeError, "Types don't match"),
        (lambda: tf.sets.union([[1.0]], [[1.0]]), TypeError, "invalid dtype"),
        (lambda: tf.sets.size(tf.constant([[1]])), TypeError, "Expected `SparseTensor`"),
    ):
        with pytest.raises(error, match=words):
            call()
    with tf.Graph().as_default():
        x = v1.placeholder(tf.int32, [None, 3])
        union = tf.sets.union(x, x)
        assert union.indices.shape.as_list() == [None, 2] and union.dense_shape.shape.as_list() == [2]
