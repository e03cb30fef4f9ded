"""The shape of tensors: reshape, concat, stack, split, pad, fill, range, one_hot and their kind."""

import contextlib

import numpy as np
import pytest
from table import bools, c64, case, f32, i32, suite

import tfcompat as tf
from tfcompat._src.engine import dispatch

v1 = tf.compat.v1


def _moved(x, *axes):
    return np.transpose(x, axes)


test_values, test_shapes, test_gradients = suite(
    [
        case(lambda x: tf.reshape(x, [-1, 2]), [f32(3, 4)], lambda x: x.reshape(-1, 2), grads="0", id="reshape"),
        case(lambda x: tf.reshape(x, [tf.shape(x)[0], 2, 2]), [f32(3, 4)], lambda x: x.reshape(-1, 2, 2),
             id="reshape_t"),
        case("expand_dims", [f32(3, 4)], lambda x: x[:, None], grads="0", axis=1),
        case("v1:expand_dims", [f32(3)], lambda x: x[..., None], dim=-1),
        case("squeeze", [f32(3, 1, 4, 1)], lambda x: x[:, 0, :, 0], grads="0", axis=[1, -1]),
        case("v1:squeeze", [f32(3, 1)], lambda x: x[:, 0], squeeze_dims=[1]),
        case("transpose", [f32(2, 3, 4)], lambda x: _moved(x, 2, 0, 1), grads="0", perm=[2, 0, 1]),
        case("transpose", [c64(2, 3)], lambda x: x.conj().T, conjugate=True),
        case(lambda x, y: tf.concat([x, y], -1), [f32(3, 4), f32(3, 2)], lambda x, y: np.concatenate([x, y], 1),
             grads="01", id="concat"),
        case(lambda x, y: tf.stack([x, y], 1), [f32(3, 4), f32(3, 4)], lambda x, y: np.stack([x, y], 1), grads="01",
             id="stack"),
        case("unstack", [f32(3, 4)], lambda x: [x[:, i] for i in range(4)], grads="0", axis=1),
        case("split", [f32(3, 4)], lambda x: np.split(x, 2, 1), grads="0", num_or_size_splits=2, axis=1),
        case("split", [f32(3, 4)], lambda x: [x[:, :1], x[:, 1:]], grads="0", num_or_size_splits=[1, -1], axis=1),
        case("tile", [f32(2, 3)], lambda x: np.tile(x, (2, 3)), grads="0", multiples=[2, 3]),
        case("pad", [f32(2, 3)], lambda x: np.pad(x, [(1, 2), (0, 3)]), grads="0", paddings=[[1, 2], [0, 3]]),
        case("pad", [i32(2, 3)], lambda x: np.pad(x, 1, constant_values=7), paddings=[[1, 1], [1, 1]],
             constant_values=7),
        case("pad", [f32(3, 4)], lambda x: np.pad(x, [(0, 0), (2, 1)], "reflect"), grads="0", paddings=[[0, 0], [2, 1]],
             mode="REFLECT"),
        case("pad", [f32(3, 4)], lambda x: np.pad(x, [(0, 0), (2, 1)], "symmetric"), grads="0",
             paddings=[[0, 0], [2, 1]], mode="symmetric"),
        case("reverse", [f32(2, 3)], lambda x: x[:, ::-1], grads="0", axis=[-1]),
        case(lambda x, n: tf.reverse_sequence(x, n, seq_axis=1), [f32(2, 4), np.array([1, 3])],
             lambda x, n: np.stack([np.concatenate([r[:k][::-1], r[k:]]) for r, k in zip(x, n)]), grads="0",
             id="reverse_sequence"),
        case("roll", [f32(3, 4)], lambda x: np.roll(x, (1, -2), (0, 1)), grads="0", shift=[1, -2], axis=[0, 1]),
        case("broadcast_to", [f32(3, 1)], lambda x: np.broadcast_to(x, (2, 3, 4)), grads="0", shape=[2, 3, 4],
             batch=""),
        case(lambda x: tf.fill([2, 3], x), [f32()], lambda x: np.full((2, 3), x), grads="0", id="fill"),
        case(lambda: tf.zeros([40, 50], tf.int64), [], lambda: np.zeros((40, 50), np.int64), id="zeros"),
        case("zeros_like", [bools(2, 3)], np.zeros_like),
        case(lambda x: tf.ones_like(x, tf.float64), [i32(2, 3)], lambda x: np.ones_like(x, np.float64), id="ones_like"),
        case(lambda: tf.range(10, 0, -3), [], lambda: np.arange(10, 0, -3, np.int32), id="range"),
        case(lambda: tf.range(0.0, 1.0, 0.1), [], lambda: np.arange(10, dtype=np.float32) * np.float32(0.1),
             id="range_f"),
        case("linspace", [f32(), f32()], lambda a, b: np.linspace(a, b, 5), num=5, grads="01", dtype=np.float32),
        case(lambda i: tf.one_hot(i, 3), [i32(5, low=-1, high=4)], lambda i: (i[:, None] == np.arange(3)).astype("f"),
             id="one_hot"),
        case(lambda i: tf.one_hot(i, 3, on_value=5, off_value=-1, axis=0), [i32(5, low=-1, high=4)],
             lambda i: np.where(i == np.arange(3, dtype=np.int32)[:, None], np.int32(5), np.int32(-1)),
             id="one_hot_on"),
        case(lambda n: tf.sequence_mask(n, 4, tf.float32), [i32(3, low=0)],
             lambda n: (np.arange(4) < n[:, None]) * np.float32(1),
             id="sequence_mask"),
        case(lambda x, y: tf.meshgrid(x, y), [f32(3), f32(2)], lambda x, y: np.meshgrid(x, y), grads="01", batch="",
             id="meshgrid"),
        case("bitcast", [f32(3)], lambda x: x.view(np.int32), type=tf.int32),
    ]
)  # fmt: skip


def _graph(f, *shapes, dtype=tf.float32):
    with tf.Graph().as_default():
        return f(*[v1.placeholder(dtype, s) for s in shapes])


STATIC = [  # what TensorFlow says of the static shape
    (lambda x: tf.reshape(x, [-1, 17]), [None, 6], [None, 17]),
    (lambda x: tf.reshape(x, [-1, 25, 4]), [None], [None, 25, 4]),
    (lambda x: tf.reshape(x, [tf.shape(x)[0], -1]), [None, 7, 64], [None, None]),
    (lambda x: tf.reshape(x, [-1, tf.shape(x)[1]]), [None, 6], [None, 6]),
    (lambda x: tf.reshape(x, [v1.placeholder(tf.int32, []), 2]), [None, 6], [None, 2]),
    (lambda x: tf.reshape(x, v1.placeholder(tf.int32, [3])), [None, 6], [None, None, None]),
    (lambda x: tf.reshape(x, [-1, 6]), None, [None, 6]),
    (lambda x: tf.squeeze(x), [None, 1], None),
    (lambda x: tf.squeeze(x, 1), [None, 1], [None]),
    (lambda x: tf.concat([x, x], 0), [None, 6], [None, 6]),
    (lambda x: tf.concat([x, x], 1), [None, 6], [None, 12]),
    (lambda x: tf.zeros([tf.shape(x)[0], 3]), [None, 6], [None, 3]),
    (lambda x: tf.tile(x, [2, tf.shape(x)[0]]), [None, 6], [None, None]),
    (lambda x: tf.transpose(x, [1, 0]), None, [None, None]),
    (lambda x: tf.pad(x, [[0, 0], [0, v1.placeholder(tf.int32, []) - tf.shape(x)[0]]]), [None, 6], [None, None]),
    (lambda x: tf.shape(x), None, [None]),
    (lambda x: x + tf.ones([3, 4]), [None, None], [3, 4]),
    (lambda x: tf.matmul(x, tf.ones([4, 2])), [None, None], [None, 2]),
]


@pytest.mark.parametrize("f, given, expected", STATIC, ids=range(len(STATIC)))
def test_static_shape(f, given, expected):
    shape = _graph(f, given).shape
    assert (None if shape.rank is None else shape.as_list()) == expected


ERRORS = [  # TensorFlow's words
    (lambda: tf.reshape(tf.range(6), [4, 2]),
     "Input to reshape is a tensor with 6 values, but the requested shape has 8"),
    (lambda: tf.reshape(tf.range(6), [-1, 4]), "requires a multiple of 4"),
    (lambda: tf.reshape(tf.range(6), [-1, -1]), "Only one input size may be -1, not both 0 and 1"),
    (lambda: tf.squeeze(tf.zeros([3, 4]), [1]), r"Can not squeeze dim\[1\], expected a dimension of 1, got 4"),
    (lambda: tf.concat([tf.zeros([3, 4]), tf.zeros([3, 2])], 0), r"shape\[0\] = \[3,4\] vs. shape\[1\] = \[3,2\]"),
    (lambda: tf.concat([1, 2], 0), "Can't concatenate scalars"),
    (lambda: tf.split(tf.zeros([3, 4]), 5, 1), "Number of ways to split should evenly divide the split dimension"),
    (lambda: tf.transpose(tf.zeros([3, 4]), [0]), "transpose expects a vector of size 2"),
    (lambda: tf.tile(tf.zeros([3, 4]), [1]), "vector of length 2 but got length 1"),
    (lambda: tf.fill([-1], 1), "Dimension -1 must be >= 0"),
    (lambda: tf.range(0, 3, 0), "Requires delta != 0"),
    (lambda: tf.pad(tf.zeros([3, 4]), [[3, 0], [0, 0]], "REFLECT"),
     "paddings must be less than the dimension size: 3, 0"),
    (lambda: tf.one_hot([1.0], 2), "Value for attr 'TI' of float"),
    (lambda: tf.broadcast_to(tf.zeros([3]), [2, 2]), r"Incompatible shapes: \[3\] vs. \[2,2\]"),
    (lambda: tf.concat([tf.zeros([2]), tf.range(2)], 0), "input #1.zero-based. was expected to be a float tensor"),
]  # fmt: skip


@pytest.mark.parametrize("f, words", ERRORS, ids=range(len(ERRORS)))
def test_errors(f, words):
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        f()


@pytest.mark.parametrize(
    "f, error, in_graphs",  # classes from TensorFlow 2.21
    [
        (lambda x: tf.concat(x, tf.constant(0.5)), ValueError, ValueError),
        (lambda x: tf.concat([x, x], tf.constant(0.5)), tf.errors.InvalidArgumentError, TypeError),
        (lambda x: tf.concat([x, x], 4.2), TypeError, TypeError),
        (lambda x: tf.concat(x, [0]), ValueError, ValueError),
        (lambda x: tf.concat([x, x], [0]), None, ValueError),
        (lambda x: tf.convert_to_tensor([x, tf.constant([1.0], tf.float64), [2.0]]), TypeError, TypeError),
        (
            lambda x: tf.convert_to_tensor([x, tf.constant([1.0], tf.float64)]),
            tf.errors.InvalidArgumentError,
            TypeError,
        ),
    ],
)
def test_classes_of_errors(f, error, in_graphs):
    for graph, expected in ((None, error), (tf.Graph(), in_graphs)):
        with graph.as_default() if graph else contextlib.nullcontext():
            with pytest.raises(expected) if expected else contextlib.nullcontext():
                f(tf.constant([1.0]))


def test_other_errors():
    with pytest.raises(ValueError, match="not in range"):
        tf.stack([tf.zeros([3])], 3)
    with pytest.raises(ValueError, match="Cannot infer argument `num`"):
        _graph(tf.unstack, [None, 6])
    with pytest.raises(ValueError, match=r"Cannot reshape a tensor with 6 elements to shape \[4,2\] \(8 elements\)"):
        _graph(lambda x: tf.reshape(x, [4, 2]), [6])


def test_names_in_a_graph():
    def f(x):
        made = [
            tf.zeros([2]),
            tf.zeros_like(x),
            tf.concat([x, x], 0),
            tf.stack([x, x]),
            *tf.split(x, 2, 1),
            tf.range(3),
        ]
        made += [
            tf.transpose(x),
            tf.one_hot([1], 2),
            tf.gather(x, [0]),
            tf.reverse(x, [0]),
            tf.pad(x, [[1, 1], [0, 0]]),
        ]
        return [t.name for t in made]

    names = "zeros zeros_like concat stack split split:1 range transpose one_hot GatherV2 ReverseV2 Pad".split()
    assert _graph(f, [None, 4]) == [n if ":" in n else n + ":0" for n in names]


def test_orders_of_early_tensorflow():
    x = tf.ones([2, 4])
    assert v1.concat(1, [x, x]).shape == [2, 8]
    assert [p.shape.as_list() for p in v1.split(1, 2, x)] == [[2, 2], [2, 2]]
    assert v1.reverse(x, [False, True]).shape == [2, 4]


def test_shapes_are_computed_on_the_host():
    """tf.shape(x)[0] and what is made of it neither dispatches nor compiles, even while x is pending."""
    x = tf.ones([8, 40, 50]) * 2.0
    before = dispatch.dispatches
    s = tf.shape(x)
    made = [
        s[0],
        s[1:],
        tf.stack([s[0], -1]),
        tf.concat([s[:1], [4]], 0),
        s[0] * s[1] + 1,
        tf.reduce_prod(s),
        tf.size(x),
    ]
    made += [tf.reshape(s, [3, 1]), s[::-1], tf.gather(s, [0, 2]), tf.expand_dims(s, 0), tf.maximum(s, 9), tf.rank(x)]
    assert int(made[0]) == 8 and made[2].numpy().tolist() == [8, -1] and int(made[4]) == 321
    assert dispatch.dispatches == before


@pytest.mark.parametrize("dtype", "bfloat16 float16 complex64 bool uint8 int64".split())
def test_dtypes_are_kept(dtype):
    x = tf.cast(tf.constant([[0, 1], [1, 0]]), dtype)
    made = [tf.reshape(x, [4]), tf.concat([x, x], 1), tf.stack([x, x]), tf.tile(x, [1, 2]), tf.pad(x, [[0, 1], [1, 0]])]
    made += [
        tf.transpose(x),
        tf.reverse(x, [0]),
        tf.gather(x, [1]),
        x[1],
        tf.zeros_like(x),
        tf.ones_like(x),
        x[:, ::-1],
    ]
    made += [tf.boolean_mask(x, [True, False]), tf.roll(x, 1, 0), tf.one_hot([1], 2, dtype=dtype), tf.squeeze(x[None])]
    assert all(t.dtype == tf.as_dtype(dtype) for t in made)
    assert all(np.isfinite(t.numpy().astype(np.complex64)).all() for t in made)


def test_strings():
    """The same functions take strings, eagerly and in graphs."""

    def f(s):
        rows = tf.reshape(s, [-1])
        made = [
            s[0],
            s[:, 1],
            tf.concat([s, s], 0),
            tf.stack([s, s]),
            tf.transpose(s),
            tf.gather(s, [1]),
            tf.tile(s, [1, 2]),
        ]
        return [*made, tf.expand_dims(s, 0), *tf.split(s, 2, 1), tf.boolean_mask(s, [True, False]), rows, tf.shape(s)]

    text = np.array([[b"a", b"b"], [b"c", b"d"]], object)
    eager = [t.numpy() for t in f(tf.constant(text))]
    assert eager[0].tolist() == [b"a", b"b"] and eager[2].shape == (4, 2) and eager[-1].tolist() == [2, 2]
    with tf.Graph().as_default():
        p = v1.placeholder(tf.string, [None, 2])
        out = f(p)
        with v1.Session() as session:
            for a, b in zip(eager, session.run(out, {p.name: text})):
                assert a.tolist() == b.tolist()
    with pytest.raises(tf.errors.InvalidArgumentError, match="string"):
        tf.exp(tf.constant("a"))


def test_static_values():
    with tf.Graph().as_default():
        x, n = v1.placeholder(tf.float32, [None, 6]), v1.placeholder(tf.int32, [])
        assert tf.get_static_value(tf.shape(x)[1] * 2) == 12
        # Two sizes nobody knows are not equal because both are unknown.
        assert tf.get_static_value(tf.shape(x)[0] - n) is None
        assert tf.get_static_value(tf.shape(x)[0] // n) is None
        assert tf.get_static_value(x) is None
    assert tf.get_static_value(tf.constant([1, 2])).tolist() == [1, 2]


def test_placeholder_with_default():
    with tf.Graph().as_default():
        x = v1.placeholder_with_default([[1.0, 2.0]], [None, 2], name="x")
        assert x.shape.as_list() == [None, 2]
        with v1.Session() as session:
            assert session.run(x * 2).tolist() == [[2, 4]]
            assert session.run(x * 2, {x.name: [[0, 1], [2, 3]]}).tolist() == [[0, 2], [4, 6]]


def test_ensure_shape():
    x = tf.ones([2, 3])
    assert tf.ensure_shape(x, [None, 3]) is not None
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[2,3\] is not compatible with expected shape \[4,3\]"):
        tf.ensure_shape(x, [4, 3])
    assert _graph(lambda x: tf.ensure_shape(x, [5, None]), [None, 3]).shape.as_list() == [5, 3]


# -- settings that are fed, shapes that are partly known, raw names ----------------------------------------------------
def _fed(build, feeds):
    """(static shape, value) of what `build` makes of placeholders, fed with `feeds`."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as s:
        places = [tf.compat.v1.placeholder(tf.as_dtype(np.asarray(f).dtype)) for f in feeds]
        out = build(*places)
        shape = out.shape.as_list() if out.shape.rank is not None else None
        return shape, s.run(out, dict(zip(places, feeds, strict=True)))


M = np.arange(6.0, dtype=np.float32).reshape(2, 3)
I32 = np.int32


@pytest.mark.parametrize(
    "build, feeds, shape, expected",
    [
        (lambda a: tf.concat([tf.constant(M), M], a), [I32(1)], [None, None], np.concatenate([M, M], 1)),
        (lambda a: tf.split(tf.constant(M), 2, a)[1], [I32(0)], [None, None], M[1:]),
        (lambda a: tf.gather(tf.constant(M), [1, 0], axis=a), [I32(1)], [None, None], M[:, [1, 0]]),
        (lambda a: tf.boolean_mask(tf.constant(M), [True, False], axis=a), [I32(0)], [None, None], M[:1]),
        (lambda n: tf.tile(tf.constant(M), [n, 2]), [I32(3)], [None, 6], np.tile(M, [3, 2])),
        (lambda n: tf.pad(tf.constant(M), [[1, 2], [0, n]]), [I32(1)], [5, None], np.pad(M, [[1, 2], [0, 1]])),
        (lambda x: tf.transpose(x, [1, 0]), [M], [None, None], M.T),
        (lambda x: tf.reverse(x, [1]), [M], None, M[:, ::-1]),
        (lambda i: tf.gather(tf.constant(M), i), [I32([1])], None, M[1:]),
        (lambda n: tf.scatter_nd([[1]], [5.0], n), [I32([3])], None, [0, 5, 0]),
        (lambda y, s: tf.constant(M)[y, s:2], [I32(1), I32(1)], [None], M[1, 1:2]),
    ],
)
def test_what_only_a_run_can_tell(build, feeds, shape, expected):
    got = _fed(build, feeds)
    assert got[0] == shape
    np.testing.assert_array_equal(got[1], expected)


raw = tf.raw_ops


@pytest.mark.parametrize(
    "call, expected",
    [
        (lambda: raw.ConcatOffset(concat_dim=1, shape=[[2, 3], [2, 7]]), [[0, 0], [0, 3]]),
        (lambda: raw.LowerBound(sorted_inputs=[[1, 3, 5]], values=[[3, 4]]), [[1, 2]]),
        (lambda: raw.UpperBound(sorted_inputs=[[1, 3, 5]], values=[[3, 4]]), [[2, 2]]),
        (lambda: raw.Snapshot(input=[1, 2]), [1, 2]),
        (lambda: raw.UniqueV2(x=[[1, 0], [1, 0], [2, 0]], axis=[0]).y, [[1, 0], [2, 0]]),
        (lambda: raw.UniqueWithCountsV2(x=[4, 1, 4], axis=[]).count, [2, 1]),
        (lambda: raw.MirrorPadGrad(input=[[1, 2, 3, 4]], paddings=[[0, 0], [1, 1]], mode="SYMMETRIC"), [[3, 7]]),
        (
            lambda: raw.TensorStridedSliceUpdate(
                input=M, begin=[0, 1], end=[2, 3], strides=[1, 1], value=tf.constant([[9.0]])
            ),
            [[0, 9, 9], [3, 9, 9]],
        ),
        (
            lambda: raw.StridedSliceGrad(shape=[2, 3], begin=[0, 1], end=[1, 3], strides=[1, 1], dy=[[1.0, 2.0]]),
            [[0, 1, 2], [0, 0, 0]],
        ),
        (lambda: tf.edit_distance(tf.sparse.from_dense([[1, 2, 3]]), tf.sparse.from_dense([[1, 3]])), [0.5]),
        (lambda: tf.scatter_nd([[1], [9]], [1.0, 2.0], [3], bad_indices_policy="IGNORE"), [0, 1, 0]),
        (lambda: tf.gather_nd([1.0, 2.0], [[0], [7]], bad_indices_policy="IGNORE"), [1, 0]),
        (lambda: tf.one_hot([1], 3, "a", "b"), [[b"b", b"a", b"b"]]),
        (lambda: tf.pad(["a"], [[1, 0]]), [b"", b"a"]),
        (lambda: tf.scatter_nd([[1], [1]], ["a", "b"], [2]), [b"", b"ab"]),
        (lambda: tf.scatter_nd([[1], [1]], [True, False], [2]), [False, True]),
        (lambda: tf.reverse_sequence([["a", "b", "c"]], [2], 1), [[b"b", b"a", b"c"]]),
        (lambda: tf.shape(tf.sparse.from_dense([[0, 1]])), [1, 2]),
        (lambda: tf.quantization.quantize([-1.0, 0.0, 1.5, 3.0], -1.5, 2.5, tf.quint8).output, [32, 96, 191, 255]),
        (
            lambda: tf.quantization.dequantize(tf.bitcast(tf.constant([0, 255], tf.uint8), tf.quint8), -1.0, 1.0),
            [-1, 1],
        ),
        (
            lambda: tf.quantization.fake_quant_with_min_max_vars_gradient([1.0, 1.0, 1.0], [-2.0, 0.0, 9.0], -1.0, 2.0)[
                0
            ],
            [0, 1, 0],
        ),
        (lambda: tf.fingerprint(["hello"]), [[232, 12, 56, 49, 169, 229, 139, 180]]),
    ],
)
def test_values_as_tensorflow_gave_them(call, expected):
    got = call()
    np.testing.assert_array_equal(got if isinstance(got, list) else got.numpy(), expected)
