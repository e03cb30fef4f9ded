"""Tensors and NumPy: buffers, array interfaces, and what NumPy cannot hold.  Words of errors: TensorFlow 2.21."""

import numpy as np
import pytest

import tfcompat as tf


@pytest.mark.parametrize(
    "value", [np.float32([[1, 2], [3, 4]]), np.int64(7), np.zeros((0, 3), np.uint8), np.bool_([1, 0])]
)
def test_a_tensor_has_a_buffer_to_read(value):
    view = memoryview(tf.constant(value))
    assert view.readonly and view.shape == value.shape and np.asarray(view).dtype == value.dtype
    np.testing.assert_array_equal(np.asarray(view), value)


def test_what_numpy_makes_of_tensors():
    pending = tf.constant([1.0, 2.0]) * 2.0
    assert not np.asarray(pending).flags.writeable
    assert np.array(pending).flags.writeable
    assert np.array([pending, pending]).tolist() == [[2.0, 4.0]] * 2
    assert np.asarray(tf.constant([1.5], tf.bfloat16)).dtype == tf.bfloat16.as_numpy_dtype  # of no buffer's format
    assert np.asarray(tf.constant(["a", "b"])).tolist() == [b"a", b"b"]
    assert bytes(tf.constant([1, 2], tf.uint8)) == b"\x01\x02"


def test_a_view_outlives_the_variables_step():
    v = tf.Variable(np.arange(1000.0))
    view = np.asarray(v.read_value())
    for _ in range(3):
        v.assign_add(tf.ones([1000], tf.float64))
    assert v.numpy()[0] == 3.0 and view[:3].tolist() == [0.0, 1.0, 2.0]


def test_an_array_interface_is_an_array():
    class Wrapped:
        kept = np.float32([[1, 2]])

    Wrapped.__array_interface__ = Wrapped.kept.__array_interface__
    assert tf.constant(Wrapped()).numpy().tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: tf.constant(1.0, shape=[1] * 65), "Cannot convert tensor with 65 dimensions to NumPy array."),
        (
            lambda: tf.ones((0, 2**31, 2**31)),
            r"Failed to create numpy array from tensor of shape \[0, 2147483648, 2147483648\]. Numpy error: .*array is too big",
        ),
    ],
)
def test_what_numpy_cannot_hold(make, words):
    made = make()
    assert made.shape.rank in (3, 65)
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        made.numpy()
