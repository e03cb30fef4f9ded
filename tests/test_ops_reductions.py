"""Reductions, running sums, products of tensors, clipping."""

import numpy as np
import pytest
from table import bools, c64, case, f32, i32, suite

import tfcompat as tf


def positive(*shape):
    return f32(*shape, low=0.2, high=3.0)


def logsumexp(x, axis=None, keepdims=False):
    return np.log(np.sum(np.exp(x), axis, keepdims=keepdims))


def l2(x):
    return np.sqrt(np.sum(x * x))


REDUCTIONS = [
    case("reduce_sum", [f32(3, 4)], lambda x: x.sum(1), grads="0", axis=1),
    case("reduce_sum", [i32(3, 4)], lambda x: x.sum(dtype=np.int32), id="reduce_sum int"),
    case("reduce_mean", [f32(2, 3, 4)], lambda x: x.mean((0, 2), keepdims=True), grads="0", axis=[0, 2], keepdims=True),
    case("reduce_mean", [np.array([1, 0, 1, 0, 1, -9], np.int32)], np.array(-1, np.int32), id="reduce_mean truncates"),
    case("reduce_prod", [f32(3, 4)], lambda x: x.prod(-1), grads="0", axis=-1),
    case("reduce_max", [f32(3, 4)], lambda x: x.max(0), grads="0", axis=0),
    case("reduce_min", [f32(3, 4)], lambda x: x.min(), grads="0"),
    case("reduce_any", [bools(3, 4)], lambda x: x.any(1), axis=1),
    case("reduce_all", [bools(3, 4)], lambda x: x.all(1), axis=(1,)),
    case("reduce_logsumexp", [f32(3, 4)], lambda x: logsumexp(x, 1), grads="0", order=2, axis=1),
    case("math.reduce_euclidean_norm", [f32(3, 4)], l2, grads="0"),
    case("math.reduce_variance", [f32(3, 4)], lambda x: x.var(0), grads="0", axis=0),
    case("math.reduce_std", [f32(3, 4)], lambda x: x.std(0), grads="0", axis=0),
    case("math.count_nonzero", [i32(3, 4, low=0, high=2)], lambda x: np.count_nonzero(x, 1), axis=1),
    case("v1:reduce_sum", [f32(3, 4)], lambda x: x.sum(1, keepdims=True), reduction_indices=[1], keep_dims=True),
    case(lambda x: tf.reduce_sum(x, tf.constant([1])), [f32(3, 4)], lambda x: x.sum(1), id="reduce_sum axis tensor"),
    case("argmax", [f32(3, 4)], lambda x: x.argmax(0)),
    case("argmin", [f32(3, 4)], lambda x: x.argmin(1).astype(np.int32), axis=1, output_type=tf.int32),
    case("v1:argmax", [f32(3, 4)], lambda x: x.argmax(1), dimension=1),
    case("cumsum", [f32(3, 4)], lambda x: np.cumsum(x, 1), grads="0", axis=1),
    case(
        "cumsum",
        [i32(5)],
        lambda x: np.cumsum(x[::-1])[::-1] - x,
        reverse=True,
        exclusive=True,
        dtype="int32",
        id="cumsum reverse",
    ),
    case("math.cumprod", [positive(3, 4)], lambda x: np.cumprod(x, 0), grads="0"),
    case("math.cumulative_logsumexp", [f32(5)], lambda x: np.log(np.cumsum(np.exp(x))), grads="0"),
]
PRODUCTS = [
    case("matmul", [f32(2, 3), f32(3, 4)], np.matmul, grads="01", order=2),
    case(
        "matmul",
        [f32(3, 2), f32(4, 3)],
        lambda a, b: a.T @ b.T,
        grads="01",
        transpose_a=True,
        transpose_b=True,
        id="matmul transposed",
    ),
    case("matmul", [f32(5, 2, 3), f32(5, 3, 4)], np.matmul, grads="01", id="matmul batch"),
    case("matmul", [f32(5, 2, 3), f32(3, 4)], np.matmul, grads="01", id="matmul broadcast"),
    case("matmul", [c64(3, 2), c64(3, 2)], lambda a, b: a.conj().T @ b, adjoint_a=True, id="matmul adjoint", rtol=1e-5),
    case("matmul", [i32(2, 3), i32(3, 4)], np.matmul, id="matmul int"),
    case("linalg.matvec", [f32(2, 3), f32(3)], np.matmul, grads="01"),
    case("tensordot", [f32(2, 3, 4), f32(3, 4, 5)], lambda a, b: np.tensordot(a, b, 2), grads="01", axes=2),
    case(
        "tensordot",
        [f32(2, 3), f32(2, 4)],
        lambda a, b: np.tensordot(a, b, [[0], [0]]),
        axes=[[0], [0]],
        batch="",
        id="tensordot axes",
    ),
    case(
        lambda a, b: tf.einsum("bij,jk->bki", a, b),
        [f32(2, 3, 4), f32(4, 5)],
        lambda a, b: np.einsum("bij,jk->bki", a, b),
        grads="01",
        id="einsum",
    ),
    case(lambda a: tf.einsum("ii->", a), [f32(3, 3)], np.trace, grads="0", batch="", id="einsum trace"),
    case(lambda *x: tf.add_n(list(x)), [f32(3), f32(3), f32(3)], lambda *x: sum(x), grads="012", id="add_n"),
    case(lambda x: tf.math.polyval([2.0, 3.0, 4.0], x), [f32(3)], lambda x: 2 * x * x + 3 * x + 4, id="polyval"),
]
CLIPPING = [
    case("clip_by_value", [f32(3, 4)], lambda x: x.clip(-1, 1), grads="0", clip_value_min=-1.0, clip_value_max=1.0),
    case("clip_by_norm", [f32(3, 4)], lambda x: x * 2 / max(l2(x), 2), grads="0", clip_norm=2.0),
    case(
        "clip_by_norm",
        [f32(3, 4)],
        lambda x: x / np.maximum(np.sqrt((x * x).sum(1, keepdims=True)), 1),
        grads="0",
        clip_norm=1.0,
        axes=[1],
        id="clip_by_norm axes",
    ),
    case("v1:clip_by_average_norm", [f32(3, 4)], lambda x: x * 0.1 * min(x.size / l2(x), 10), grads="0", clip_norm=0.1),
    case(
        lambda x, y: tf.clip_by_global_norm([x, None, y], 1.0)[0][::2],
        [f32(3), f32(2)],
        lambda x, y: [x / np.hypot(l2(x), l2(y)), y / np.hypot(l2(x), l2(y))],
        grads="01",
        batch="",
        id="clip_by_global_norm",
    ),
    case(
        lambda x, y: tf.linalg.global_norm([x, y]),
        [f32(3), f32(2, 2)],
        lambda x, y: np.hypot(l2(x), l2(y)),
        grads="01",
        batch="",
        id="global_norm",
    ),
]

test_values, test_shapes, test_gradients = suite(REDUCTIONS + PRODUCTS + CLIPPING)


def gradient(f, *arrays):
    """The value of f and its gradients, with ones as cotangents."""
    tensors = [tf.constant(a) for a in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        y = f(*tensors)
    return y.numpy(), [None if g is None else g.numpy() for g in tape.gradient(y, tensors)]


def test_extremes_share_the_gradient_among_ties():
    value, (g,) = gradient(tf.reduce_max, [2.0, 2.0, 1.0])
    assert value == 2.0
    np.testing.assert_array_equal(g, [0.5, 0.5, 0.0])
    assert np.isnan(gradient(tf.reduce_max, [2.0, np.nan])[1][0]).all()


def test_products_and_running_products_with_a_zero():
    np.testing.assert_array_equal(gradient(tf.reduce_prod, [2.0, 0.0, 3.0])[1][0], [0.0, 6.0, 0.0])
    np.testing.assert_array_equal(gradient(tf.math.cumprod, [2.0, 0.0, 3.0])[1][0], [1.0, 0.0, 0.0])  # TensorFlow's


def test_empty_reductions():
    empty = tf.zeros([0, 2])
    np.testing.assert_array_equal(tf.reduce_sum(empty, 0), [0, 0])
    np.testing.assert_array_equal(tf.reduce_max(empty, 0), [-np.inf, -np.inf])
    assert np.isnan(tf.reduce_mean(empty).numpy())


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x: tf.reduce_sum(x, 2), "Invalid reduction dimension"),
        (lambda x: tf.reduce_sum(x, [0, 0]), "duplicate dimension"),
        (lambda x: tf.argmax(x, 2), "Expected dimension in the range"),
        (lambda x: tf.matmul(x, x), "Matrix size-incompatible.*Dimensions must be equal, but are 3 and 2"),
        (lambda x: tf.matmul(x, x[0]), "ndims must be >= 2"),
    ],
)
def test_errors_eager_and_in_graphs(call, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        call(tf.ones([2, 3]))
    with tf.Graph().as_default(), pytest.raises(ValueError, match=message):
        call(tf.compat.v1.placeholder(tf.float32, [2, 3]))


def test_along_axes_that_are_fed():
    with tf.Graph().as_default():
        axes = tf.compat.v1.placeholder(tf.int32)
        for f in (tf.reduce_sum, tf.reduce_mean, tf.reduce_logsumexp):
            assert f(tf.ones([2, 1]), axes).shape.rank is None
            assert f(tf.ones([2, 1]), axes, keepdims=True).shape.as_list() == [None, None]


def test_old_and_new_argument_names_exclude_each_other():
    x = tf.ones([2, 2])
    for call in (
        lambda: tf.compat.v1.reduce_sum(x, axis=1, reduction_indices=1),
        lambda: tf.compat.v1.reduce_sum(x, keepdims=True, keep_dims=True),
        lambda: tf.compat.v1.argmax(x, axis=1, dimension=1),
    ):
        with pytest.raises(ValueError, match="Cannot specify both"):
            call()


def test_names_in_graphs():
    with tf.Graph().as_default():
        x = tf.compat.v1.placeholder(tf.float32, [3, 3])
        made = [
            tf.reduce_mean(x, 1),
            tf.reduce_sum(x),
            tf.matmul(x, x),
            tf.add_n([x, x]),
            tf.argmax(x),
            tf.cumsum(x),
            tf.clip_by_value(x, 0.0, 1.0),
            tf.clip_by_norm(x, 1.0),
            tf.reduce_logsumexp(x),
            tf.norm(x),
        ]
        assert [t.name for t in made] == [
            "Mean:0",
            "Sum:0",
            "MatMul:0",
            "AddN:0",
            "ArgMax:0",
            "Cumsum:0",
            "clip_by_value:0",
            "clip_by_norm:0",
            "ReduceLogSumExp:0",
            "norm/Squeeze:0",
        ]
        assert tf.constant(1).name == "Const_1:0"  # the axes of reduce_sum are "Const"


def test_clipping_a_zero_gradient_and_indexed_slices():
    value, (g,) = gradient(lambda x: tf.clip_by_norm(x, 1.0), np.zeros(3, np.float32))
    np.testing.assert_array_equal(value, 0)
    np.testing.assert_array_equal(g, 1)
    rows = tf.IndexedSlices(tf.constant([[3.0], [4.0]]), tf.constant([0, 2]), tf.constant([3, 1]))
    for clipped in (tf.clip_by_norm(rows, 1.0), tf.clip_by_global_norm([None, rows], 1.0)[0][1]):
        assert isinstance(clipped, tf.IndexedSlices)
        np.testing.assert_allclose(clipped.values, [[0.6], [0.8]], rtol=1e-6)
    assert np.isnan(tf.clip_by_global_norm([tf.constant([np.inf, 1.0])], 1.0)[0][0]).all()
    with pytest.raises(TypeError, match="should be a sequence"):
        tf.clip_by_global_norm(tf.ones(3), 1.0)
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        tf.clip_by_value(tf.ones([4]), tf.zeros([3, 4]), 1.0)


def test_add_n_takes_slices_and_refuses_other_shapes():
    rows = tf.IndexedSlices(tf.ones([2, 2]), tf.constant([0, 0]), tf.constant([3, 2]))
    np.testing.assert_array_equal(tf.add_n([rows, tf.ones([3, 2])]), [[3, 3], [1, 1], [1, 1]])
    with pytest.raises(ValueError, match="at least one"):
        tf.add_n([])
    with pytest.raises(tf.errors.InvalidArgumentError, match="same shape"):
        tf.add_n([tf.ones(3), tf.ones(4)])


def test_small_numbers_add_up():
    """Means of integers do not overflow, and bfloat16 is rounded once."""
    for dtype, values in (("uint8", [200, 200]), ("int8", [100] * 3), ("int32", [2**31 - 1] * 3)):
        assert tf.reduce_mean(tf.constant(values, dtype)).numpy() == values[0]
    x = tf.cast(f32(300, 300), tf.bfloat16)
    want = x.numpy().astype(np.float64).sum()
    assert abs(float(tf.reduce_sum(x)) - want) <= 2**-8 * abs(want)


def test_matmul_of_small_integers():
    a = tf.constant([[100, 100]], tf.int8)
    out = tf.matmul(a, tf.constant([[200], [200]], tf.uint8), output_type=tf.int32)
    assert out.dtype is tf.int32 and out.numpy().tolist() == [[40000]]
    mixed = tf.matmul(tf.cast(a, tf.bfloat16), a, transpose_b=True, output_type=tf.bfloat16)
    assert mixed.dtype is tf.bfloat16 and mixed.shape == [1, 1]
    with pytest.raises(tf.errors.NotFoundError):
        tf.matmul(a, a, transpose_b=True, output_type=tf.float32)
    with tf.Graph().as_default(), pytest.raises(tf.errors.InvalidArgumentError, match="No OpKernel was registered"):
        tf.matmul(tf.constant([[1]], tf.int8), tf.constant([[1]], tf.int8), output_type=tf.float32)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: tf.cumsum([1, 2], [0]), "axis must be a scalar"),
        (lambda: tf.reduce_sum([[1, 2]], [[0], [1]]), "at most rank 1"),
        (lambda: tf.einsum("ij,jk->ik", tf.ones([2, 3]), tf.ones([1, 4])), "Expected dimension 3"),
        (lambda: tf.einsum("ij,jk->ik", tf.ones([1, 2, 3]), tf.ones([3, 4])), "Expected input of rank 2"),
        (lambda: tf.einsum("...ij->ij", tf.ones([2, 2, 3])), "to have an ellipsis"),
    ],
)
def test_arguments_that_do_not_fit(call, words):
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        call()
