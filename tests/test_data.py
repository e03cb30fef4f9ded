"""tf.data: elements, batches, TensorFlow's shuffle, Python iteration and the iterators of TF1's graphs."""

import numpy as np
import pytest
from tfcompat.compat import v1 as tf

import tfcompat as tf2

X = np.arange(10, dtype=np.float32).reshape(5, 2)


def numbers(dataset):
    return [v.tolist() for v in dataset.as_numpy_iterator()]


def test_slices_map_batch_in_python():
    data = tf2.data.Dataset.from_tensor_slices((X, np.arange(5))).map(lambda a, b: (a * 2, b + 1)).batch(2)
    found = [(a.numpy(), b.numpy()) for a, b in data]
    assert len(data) == 3
    np.testing.assert_array_equal(np.concatenate([a for a, _ in found]), X * 2)
    assert [b.tolist() for _, b in found] == [[1, 2], [3, 4], [5]]


def test_simple_transformations():
    data = tf2.data.Dataset.range(6)
    assert numbers(data.batch(4)) == [[0, 1, 2, 3], [4, 5]]
    assert numbers(data.batch(4, drop_remainder=True)) == [[0, 1, 2, 3]]
    assert numbers(data.repeat(2).skip(4).take(4)) == [4, 5, 0, 1]
    assert numbers(data.filter(lambda i: i % 2 == 0)) == [0, 2, 4]
    assert numbers(data.concatenate(data.take(1)).shard(3, 0)) == [0, 3, 0]
    assert numbers(data.batch(3).unbatch().cache().prefetch(1)) == [0, 1, 2, 3, 4, 5]
    zipped = tf2.data.Dataset.zip((data, data.skip(2)))
    assert [(int(a), int(b)) for a, b in zipped] == [(0, 2), (1, 3), (2, 4), (3, 5)]


def test_shuffle_is_tensorflows():
    tf2.random.set_seed(12)
    data = tf2.data.Dataset.range(20).shuffle(7, seed=34)
    # TensorFlow 2.21: two passes.
    assert numbers(data) == [4, 3, 5, 2, 8, 6, 0, 11, 9, 1, 14, 16, 13, 18, 7, 12, 17, 19, 10, 15]
    assert numbers(data) == [5, 6, 1, 3, 8, 7, 2, 12, 14, 11, 4, 0, 18, 9, 19, 10, 13, 17, 15, 16]
    data = tf2.data.Dataset.range(20).shuffle(7, seed=34, reshuffle_each_iteration=False)
    assert numbers(data)[:8] == numbers(data)[:8] == [2, 0, 8, 3, 10, 9, 11, 12]


def test_one_shot_iterator():
    with tf.Graph().as_default(), tf.Session() as sess:
        a, b = tf.data.Dataset.from_tensor_slices((X, np.arange(5))).batch(3).make_one_shot_iterator().get_next()
        assert a.name == "IteratorGetNext:0" and a.shape.as_list() == [None, 2]
        total = tf.reduce_sum(a) + tf.cast(b[0], tf.float32)
        assert [float(sess.run(total)) for _ in range(2)] == [15.0, 33.0]
        with pytest.raises(tf.errors.OutOfRangeError, match="End of sequence"):
            sess.run(total)


def test_initializable_iterator_starts_again():
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.placeholder(tf.float32, [None, 2])
        iterator = tf.data.Dataset.from_tensor_slices({"x": x}).make_initializable_iterator()
        row = iterator.get_next()["x"]
        with pytest.raises(tf.errors.FailedPreconditionError, match="not been initialized"):
            sess.run(row)
        for start in (X, X + 1):
            sess.run(iterator.initializer, {x: start})
            np.testing.assert_array_equal([sess.run(row) for _ in range(5)], start)


def test_generator_with_shapes():
    def pairs():
        for i in range(3):
            yield i, [i] * 2

    data = tf2.data.Dataset.from_generator(pairs, (tf2.int32, tf2.float32), ([], [2]))
    assert [(int(a), b.numpy().tolist()) for a, b in data] == [(0, [0, 0]), (1, [1, 1]), (2, [2, 2])]
    with pytest.raises(tf2.errors.InvalidArgumentError, match="was expected"):
        list(tf2.data.Dataset.from_generator(pairs, (tf2.int32, tf2.float32), ([], [3])))


def test_different_lengths_are_refused():
    with pytest.raises(ValueError, match="not compatible"):
        tf2.data.Dataset.from_tensor_slices((X, np.arange(4)))
