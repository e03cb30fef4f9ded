"""tensor[...], tf.slice, tf.strided_slice, boolean masks."""

import numpy as np
import pytest
from table import case, f32, suite

import tfcompat as tf
from tfcompat._src.engine import dispatch

v1 = tf.compat.v1

KEYS = """x[1] x[-1,0] x[1:] x[:,1] x[...,0] x[0,1:3] x[None,...,None] x[1:3,::-2] x[2:0:-1,::3] x[2:1] x[1:100]
x[-100:2] x[::-1]
x[T(1)] x[T(1),1:3] x[1,T(-1)] x[T(1):,0] x[:T(2)]""".split()


def _key(text):
    def f(x):
        return eval(text, {"x": x, "T": tf.constant})  # our own text

    def reference(x):
        return eval(text, {"x": x, "T": int})

    return case(f, [f32(3, 4)], reference, grads="0", id=text, batch="")


test_values, _, _ = suite([_key(k) for k in KEYS])
_, _, test_gradients = suite([_key(k) for k in ("x[1]", "x[1:3,::-2]", "x[T(1),1:3]", "x[None,...,None]")])
test_slice_values, test_slice_shapes, test_slice_gradients = suite(
    [
        case("slice", [f32(3, 4)], lambda x: x[1:, :2], grads="0", begin=[1, 0], size=[-1, 2]),
        case(lambda x: tf.slice(x, [tf.constant(1), 0], [1, -1]), [f32(3, 4)], lambda x: x[1:2], grads="0",
             id="slice_t"),
        case("strided_slice", [f32(3, 4)], lambda x: x[0, :3:2], begin=[0, 1], end=[2, 3], strides=[1, 2], begin_mask=2,
             shrink_axis_mask=1),
        case(lambda x: x[x > 0], [f32(3, 4)], lambda x: x[x > 0], id="mask"),
        case(lambda x: tf.boolean_mask(x, [True, False, True, True], axis=1), [f32(3, 4)], lambda x: x[:, [0, 2, 3]],
             id="boolean_mask"),
    ]
)  # fmt: skip


STATIC = [
    (lambda x: x[0], [4]), (lambda x: x[:2], [None, 4]), (lambda x: x[:, 1:], [None, 3]), (lambda x: x[..., 0], [None]),
    (lambda x: x[:, None], [None, 1, 4]), (lambda x: x[::-1], [None, 4]), (lambda x: x[v1.placeholder(tf.int32, [])],
     [4]),
    (lambda x: x[: v1.placeholder(tf.int32, [])], [None, 4]), (lambda x: tf.slice(x, [0, 1], [-1, 2]), [None, 2]),
    (lambda x: tf.slice(x, [v1.placeholder(tf.int32, []), 0], [2, -1]), [2, 4]), (lambda x: x[x > 0], [None]),
]  # fmt: skip


@pytest.mark.parametrize("f, expected", STATIC, ids=range(len(STATIC)))
def test_static_shape(f, expected):
    with tf.Graph().as_default():
        assert f(v1.placeholder(tf.float32, [None, 4])).shape.as_list() == expected


def test_a_short_batch_is_sliced_as_it_is():
    with tf.Graph().as_default():
        x = v1.placeholder(tf.float32, [None, 4])
        parts = [x[:2], x[1:], tf.reshape(x[:2], [-1])]
        with v1.Session() as session:
            for n in (1, 3):
                data = np.arange(4 * n).reshape(n, 4)
                out = session.run(parts, {x.name: data})
                assert [o.tolist() for o in out] == [data[:2].tolist(), data[1:].tolist(), data[:2].ravel().tolist()]


def test_fed_positions():
    with tf.Graph().as_default():
        x, i = v1.placeholder(tf.float32, [None, 4]), v1.placeholder(tf.int32, [])
        parts = [x[i], x[:i], x[i : i + 1], x[:, i], x[-i], tf.slice(x, [0, i], [-1, 1]), tf.slice(x, [0, 0], [i, -1])]
        a = np.arange(12.0).reshape(3, 4)
        with v1.Session() as session:
            for n in (1, 2):
                want = [a[n], a[:n], a[n : n + 1], a[:, n], a[-n], a[:, n : n + 1], a[:n]]
                for got, expected in zip(session.run(parts, {x.name: a, i.name: n}), want):
                    assert got.tolist() == expected.tolist()


def test_errors():
    v, m = tf.range(6), tf.zeros([3, 4])
    with pytest.raises(tf.errors.InvalidArgumentError, match="slice index 7 of dimension 0 out of bounds."):
        v[7]
    with pytest.raises(tf.errors.InvalidArgumentError, match="slice index -1 of dimension 0 out of bounds."):
        v[-7]
    with pytest.raises(tf.errors.InvalidArgumentError, match="slice index 9 of dimension 0 out of bounds."):
        v[tf.constant(9)]
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="Index out of range using input dim 1; input has only 1 dims"
    ):
        v[1, 2]
    with pytest.raises(tf.errors.InvalidArgumentError, match="Attempting to slice scalar input."):
        tf.constant(1)[0]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"strides\[0\] must be non-zero"):
        v[::0]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Expected size\[0\] in \[0, 2\], but got 3"):
        tf.slice(m, [1, 1], [3, -1])
    for key in (1.0, "a", np.array([1, 2]), tf.constant([1, 2]), tf.constant(1.0)):
        with pytest.raises(TypeError, match="Only integers, slices"):
            m[key]
    with pytest.raises(ValueError, match="mask cannot be scalar"):
        m[True]
    with pytest.raises(ValueError, match="incompatible"):
        tf.boolean_mask(m, [True, False])
    with tf.Graph().as_default(), pytest.raises(ValueError, match="slice index 9 of dimension 0 out of bounds."):
        v1.placeholder(tf.float32, [6])[9]


def test_loops_over_slices_compile_once():
    """Positions are inputs of the program: neither x[i] nor a minibatch x[i : i + n] is a program for every i."""
    x, w = tf.constant(np.random.rand(32, 4).astype("f")), tf.constant(np.ones([4, 1], "f"))

    def loop(f):
        f(0)
        programs = len(dispatch._compiled)
        for i in range(1, 24):
            f(i)
        return len(dispatch._compiled) - programs

    assert loop(lambda i: x[i].numpy()) == 0
    assert loop(lambda i: x[i, i % 4].numpy()) == 0
    assert loop(lambda i: x[-i - 1].numpy()) == 0
    assert loop(lambda i: tf.matmul(x[i : i + 8], w).numpy()) == 0
    assert loop(lambda i: tf.slice(x, [i, 0], [2, -1]).numpy()) == 0
    assert loop(lambda i: x[tf.constant(i)].numpy()) == 0

    def step(i):
        with tf.GradientTape() as tape:
            tape.watch(w)
            loss = tf.reduce_sum(tf.matmul(x[i : i + 8], w) ** 2)
        return tape.gradient(loss, w).numpy()

    assert loop(step) == 0


def test_names():
    with tf.Graph().as_default() as g:
        x = v1.placeholder(tf.float32, [3, 4], name="x")
        assert [x[0].name, x[1:].name] == ["strided_slice:0", "strided_slice_1:0"]
        assert [o.name for o in g.get_operations()[1:5]] == [
            "strided_slice/stack", "strided_slice/stack_1", "strided_slice/stack_2", "strided_slice",
        ]  # fmt: skip
        assert tf.slice(x, [0, 0], [1, 1]).name == "Slice:0"
        assert x[:, tf.newaxis].shape == [3, 1, 4]


def test_bounds_of_several_dtypes():
    x, short = tf.range(5), tf.constant(1, tf.int16)
    assert x[short : tf.constant(3, tf.int64)].numpy().tolist() == [1, 2]
    assert x[short:].numpy().tolist() == [1, 2, 3, 4]
    with pytest.raises(tf.errors.InvalidArgumentError, match="input #2.*expected to be a int16 tensor but is a int32"):
        x[short:3]
    with pytest.raises(TypeError, match="valid indices"):
        x[tf.constant(1, tf.uint8)]
    with tf.Graph().as_default(), pytest.raises(TypeError, match="'end' of 'StridedSlice' Op has type int32"):
        tf.range(5)[tf.constant(1, tf.int16) : 3]


def test_begins_of_several_dtypes():
    x, one, other = tf.zeros((4, 5)), tf.constant(1), tf.constant(1, tf.int64)
    assert x[one:other].shape == (0, 5)  # a begin and an end may differ
    with pytest.raises(tf.errors.InvalidArgumentError, match="Pack as input #1.*be a int32 tensor but is a int64"):
        x[one:, other:]
    with pytest.raises(tf.errors.InvalidArgumentError, match="Pack as input #2.*be a int64 tensor but is a int32"):
        x[other, ..., one]
    with tf.Graph().as_default(), pytest.raises(TypeError, match=r"have types \[int32, int64\] that don't all match"):
        tf.zeros((4, 5))[tf.constant(1), tf.constant(1, tf.int64)]
