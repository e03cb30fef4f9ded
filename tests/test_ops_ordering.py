"""Sorting, counting, blocks of images, simulated quantization."""

import numpy as np
import pytest
from table import case, f32, i32, suite

import tfcompat as tf

v1 = tf.compat.v1
TIES = np.array([[2, 1, 2, 0], [3, 3, 3, 3]], np.float32)


def _s2b(x, b):
    n, h, w, c = x.shape
    return x.reshape(n, h // b, b, w // b, b, c).transpose(2, 4, 0, 1, 3, 5).reshape(b * b * n, h // b, w // b, c)


def _s2d(x, b):
    n, h, w, c = x.shape
    return x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // b, w // b, b * b * c)


def _patches(x, k, stride):
    n, h, w, c = x.shape
    rows, cols = range(0, h - k + 1, stride), range(0, w - k + 1, stride)
    return np.stack([np.stack([x[:, i : i + k, j : j + k].reshape(n, -1) for j in cols], 1) for i in rows], 1)


test_values, test_shapes, test_gradients = suite(
    [
        case("sort", [f32(3, 4)], lambda x: np.sort(x, 0), grads="0", axis=0),
        case("sort", [i32(3, 4)], lambda x: np.sort(x)[:, ::-1], direction="DESCENDING"),
        case("argsort", [TIES], lambda x: np.argsort(x, 1, kind="stable").astype("i4")),
        case("argsort", [TIES], lambda x: np.argsort(-x, 1, kind="stable").astype("i4"), direction="DESCENDING"),
        case("nn.top_k", [TIES], lambda x: [np.array([[2, 2], [3, 3]], "f"), np.array([[0, 2], [0, 1]], "i4")], k=2,
             id="top_k_ties", batch=""),
        case("math.top_k", [f32(3, 5)], lambda x: [-np.sort(-x)[:, :2], np.argsort(-x)[:, :2].astype("i4")],
             grads="0", k=2),
        case("searchsorted", [np.array([1, 2, 2, 5], "f")], lambda x: np.array([1, 4], "i4"), values=[2.0, 7.0],
             batch=""),
        case("math.invert_permutation", [np.array([2, 0, 1], "i4")], lambda x: np.argsort(x).astype("i4")),
        case("unravel_index", [np.array([3, 7], "i4")], lambda x: np.stack([x // 5, x % 5]), dims=[2, 5]),
        case(lambda x: tf.histogram_fixed_width(x, [0.0, 1.0], 4), [np.array([-1.0, 0.1, 0.5, 2.0], "f")],
             lambda x: np.array([2, 0, 1, 1], "i4"), id="histogram_fixed_width"),
        case("math.bincount", [np.array([1, 1, 3], "i4")], lambda x: np.bincount(x).astype("i4"), id="bincount"),
        case("math.bincount", [np.array([[1, 2], [0, 0]], "i4")],
             lambda x: np.array([[0, 1, 1], [2, 0, 0]], "i4"), axis=-1, id="bincount_rows"),
        case("space_to_batch", [f32(2, 4, 6, 3)], lambda x: _s2b(x, 2), grads="0", block_shape=[2, 2],
             paddings=[[0, 0], [0, 0]]),
        case("batch_to_space", [f32(4, 2, 3, 1)],
             lambda x: x.reshape(2, 2, 1, 2, 3, 1).transpose(2, 3, 0, 4, 1, 5).reshape(1, 4, 6, 1)[:, 1:], grads="0",
             block_shape=[2, 2], crops=[[1, 0], [0, 0]], batch=""),
        case("nn.space_to_depth", [f32(2, 4, 6, 3)], lambda x: _s2d(x, 2), grads="0", block_size=2),
        case(lambda x: tf.nn.depth_to_space(tf.nn.space_to_depth(x, 2), 2), [f32(2, 4, 6, 3)], lambda x: x,
             id="depth_to_space"),
        case("image.extract_patches", [f32(2, 5, 6, 3)], lambda x: _patches(x, 2, 2), grads="0", sizes=[1, 2, 2, 1],
             strides=[1, 2, 2, 1], rates=[1, 1, 1, 1], padding="VALID"),
    ]
)  # fmt: skip


def test_patches_with_padding():
    """Golden of TensorFlow 2.21: padding SAME, rate 2."""
    x = np.arange(12, dtype="f").reshape(1, 3, 4, 1)
    out = tf.image.extract_patches(x, [1, 2, 2, 1], [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    assert out.numpy().tolist() == [[[[0, 0, 4, 6], [0, 0, 6, 0]], [[4, 6, 0, 0], [6, 0, 0, 0]]]]


def test_bincount():
    assert tf.math.bincount([1, 1, 3], weights=[0.5, 1.0, 2.0]).numpy().tolist() == [0, 1.5, 0, 2]
    assert tf.math.bincount([1, 1, 3], minlength=6).shape == [6]
    assert tf.math.bincount([1, 1, 3], maxlength=2).numpy().tolist() == [0, 2]
    assert tf.math.bincount(np.zeros(0, "i4")).shape == [0]
    assert tf.math.bincount([[1, 1, 3]], axis=-1, binary_output=True).numpy().tolist() == [[0, 1, 0, 1]]
    with tf.Graph().as_default():
        x = v1.placeholder(tf.int32, [None])
        with v1.Session() as session:
            assert session.run(v1.bincount(x), {x.name: [4, 0]}).tolist() == [1, 0, 0, 0, 1]


def test_fake_quant():
    """Goldens of TensorFlow 2.21: values on the grid, gradients straight through inside the range and to its ends."""
    x, low, high = tf.constant([-1.5, -0.3, 0.0, 0.4, 2.0]), tf.Variable(-1.0), tf.Variable(1.5)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.quantization.fake_quant_with_min_max_vars(x, low, high, num_bits=4)
    np.testing.assert_allclose(y, [-1.0, -1 / 3, 0, 1 / 3, 1.5], atol=1e-6)
    grads = tape.gradient(y, [x, low, high])
    assert [g.numpy().tolist() for g in grads] == [[0, 1, 1, 1, 0], 1.0, 1.0]


def test_quantize_and_dequantize():
    x = tf.constant([-0.9, 0.2, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.quantization.quantize_and_dequantize_v2(x, -1.0, 1.5, num_bits=4, range_given=True)
    np.testing.assert_allclose(y, np.array([-4, 1, 7]) * 1.5 / 7, atol=1e-6)
    assert tape.gradient(y, x).numpy().tolist() == [1, 1, 0]


def test_errors():
    with pytest.raises(tf.errors.InvalidArgumentError, match="input must have at least k columns. Had 4, needed 9"):
        tf.nn.top_k(tf.zeros([3, 4]), 9)
    with pytest.raises(tf.errors.InvalidArgumentError, match="0 is duplicated in the input."):
        tf.math.invert_permutation([0, 0])
    for indices, dims, message in (
        ([1, 7], [2, 3], "index is out of bound"),
        ([1], [2, 0], "dims contains zero at index 1"),
        ([1], [2, -3], "Got dim = -3 at index 1"),
        ([[1]], [2, 3], "can only be scalar or vector"),
        ([1], 2, "can only be 1-D"),
        ([1], [2**16, 2**16], "integer overflow"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            tf.unravel_index(indices, dims)
    assert tf.unravel_index([1, -1], [2, 3]).numpy().tolist() == [[0, 0], [1, -1]]  # TensorFlow's: signs are kept
    with pytest.raises(ValueError, match="ASCENDING"):
        tf.sort([1, 2], direction="UP")
    with pytest.raises(tf.errors.InvalidArgumentError, match="should be divisible by"):
        tf.nn.depth_to_space(tf.zeros([1, 2, 2, 3]), 2)
    with pytest.raises(tf.errors.UnimplementedError, match="Only support ksizes across space"):
        tf.image.extract_patches(tf.zeros([1, 2, 2, 3]), [2, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], "SAME")
