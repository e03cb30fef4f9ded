"""tf.sparse: what an op makes of a SparseTensor is what NumPy makes of the dense array; eagerly, fed to a session, and
in a function.
"""

import numpy as np
import pytest

import tfcompat as tf

v1 = tf.compat.v1
Invalid = tf.errors.InvalidArgumentError
FRONTS = ("eager", "session", "function")

A = np.array([[1, 0, 0, 2], [0, 0, 3, 0], [0, 4, 0, 0]], np.float32)
B = np.array([[0, 9, 0, 0], [0, 0, -3, 0], [0, 5, 0, 7]], np.float32)
C = np.array([[0, 1.5], [2.5, 0], [0, 0]], np.float32)
TEXT = np.array([["", "a"], ["b", ""]], object)
softmax = np.array([[np.exp(1), 0, 0, np.exp(2)], [0, 0, 1, 0], [0, 1, 0, 0]]) / [[np.exp(1) + np.exp(2)], [1], [1]]
s = tf.sparse

# op of SparseTensors, the dense arrays they are of, the dense result
CASES = {
    "to_dense": (s.to_dense, [A], A),
    "to_dense default": (lambda a: s.to_dense(a, -1.0), [A], np.where(A == 0, -1, A)),
    "reorder": (s.reorder, [A], A),
    "reshape": (lambda a: s.reshape(a, [2, -1]), [A], A.reshape(2, 6)),
    "transpose": (s.transpose, [A], A.T),
    "transpose perm": (lambda a: s.transpose(a, [1, 0]), [C], C.T),
    "expand_dims": (lambda a: s.expand_dims(a, 1), [A], A[:, None]),
    "expand_dims last": (s.expand_dims, [A], A[..., None]),
    "reset_shape": (lambda a: s.reset_shape(a, [4, 5]), [A], np.pad(A, ((0, 1), (0, 1)))),
    "reset_shape tight": (s.reset_shape, [np.pad(A, ((0, 3), (0, 1)))], A),
    "retain": (lambda a: s.retain(a, [True, False, False, True]), [A], np.where(np.isin(A, [1, 4]), A, 0)),
    "slice": (lambda a: s.slice(a, [0, 1], [2, 9]), [A], A[:2, 1:]),
    "split": (lambda a: s.split(a, 2, 0), [A], [A[:2], A[2:]]),
    "concat": (lambda a, c: s.concat(1, [a, c]), [A, C], np.concatenate([A, C], 1)),
    "concat axis 0": (lambda a, b: s.concat(-2, [a, b]), [A, B], np.concatenate([A, B], 0)),
    "concat expanding": (
        lambda a, c: s.concat(0, [a, c], True),
        [A, C],
        np.concatenate([A, np.pad(C, ((0, 0), (0, 2)))]),
    ),
    "add": (lambda a, b: s.add(a, b), [A, B], A + B),
    "add dense": (lambda a: s.add(a, B), [A], A + B),
    "add threshold": (lambda a, b: s.add(a, b, threshold=2.0), [A, B], A + B),
    "maximum": (s.maximum, [A, B], np.maximum(A, B)),
    "minimum": (s.minimum, [A, B], np.minimum(A, B)),
    "sum": (s.reduce_sum, [A], A.sum()),
    "sum 0": (lambda a: s.reduce_sum(a, 0), [A], A.sum(0)),
    "sum keepdims": (lambda a: s.reduce_sum(a, -1, keepdims=True), [A], A.sum(1, keepdims=True)),
    "sum sparse": (lambda a: s.reduce_sum(a, 1, output_is_sparse=True), [A], A.sum(1)),
    "max": (lambda a: s.reduce_max(a, 1), [A], A.max(1)),
    "softmax": (s.softmax, [A], softmax.astype(np.float32)),
    "map_values": (lambda a: s.map_values(tf.multiply, a, 2.0), [A], 2 * A),
    "times dense": (lambda a: a * np.arange(4, dtype=np.float32), [A], A * np.arange(4, dtype=np.float32)),
    "cast": (lambda a: tf.cast(a, tf.int32), [A], A.astype(np.int32)),
    "matmul": (lambda a: s.sparse_dense_matmul(a, B.T), [A], A @ B.T),
    "matmul adjoint": (lambda a: s.sparse_dense_matmul(a, B, adjoint_a=True), [A], A.T @ B),
    "matmul of dense": (lambda a: s.sparse_dense_matmul(B.T, a), [A], B.T @ A),
    "from_dense": (lambda a: s.from_dense(s.to_dense(a)), [A], A),
    "text": (lambda a: s.to_dense(a, "-"), [TEXT], np.where(TEXT == "", "-", TEXT)),
    "text transposed": (
        lambda a: s.to_dense(s.transpose(a), "-"),
        [np.where(TEXT == "b", "", TEXT)],
        np.array([["-", "-"], ["a", "-"]], object),
    ),
    "fill_empty_rows": (
        lambda a: s.fill_empty_rows(a, 8.0)[0],
        [C],
        np.array([[0, 1.5], [2.5, 0], [8, 0]], np.float32),
    ),
    "which rows": (lambda a: s.fill_empty_rows(a, 8.0)[1], [C], np.array([False, False, True])),
    "to_indicator": (
        lambda a: s.to_indicator(tf.cast(a, tf.int64), 6),
        [A[:, 2:]],
        np.eye(6, dtype=bool)[[2, 3]].tolist() + [[False] * 6],
    ),
    "v1 add": (lambda a, b: v1.sparse_add(a, b, 0.5), [A, B], A + B),
    "v1 concat": (lambda a, b: v1.sparse_concat(0, [a, b]), [A, B], np.concatenate([A, B])),
    "v1 sum": (lambda a: v1.sparse_reduce_sum(a, reduction_axes=[0]), [A], A.sum(0)),
    "v1 split": (lambda a: v1.sparse_split(sp_input=a, num_split=2, axis=1), [A], [A[:, :2], A[:, 2:]]),
    "v1 matmul": (lambda a: v1.sparse_tensor_dense_matmul(a, C, adjoint_b=True), [A[:, :2]], A[:, :2] @ C.T),
}


def parts(dense):
    indices = np.argwhere(dense != ("" if dense.dtype == object else 0))
    return indices, dense[tuple(indices.T)], np.array(dense.shape)


def as_dense(value):
    """Dense arrays of what came out: tensors, SparseTensors or the values of either."""
    if isinstance(value, list):
        return [as_dense(v) for v in value]
    if hasattr(value, "dense_shape"):
        indices, values, shape = (np.asarray(p) for p in (value.indices, value.values, value.dense_shape))
        out = np.zeros(shape, values.dtype)
        out[tuple(indices.T)] = values
        flat = np.ravel_multi_index(tuple(indices.T), tuple(shape)) if len(shape) else indices
        assert np.all(np.diff(flat) > 0), "indices are in order"
        return out
    return np.asarray(value)


def run(op, arrays, front):
    if front == "session":
        with tf.Graph().as_default():
            fed = [v1.sparse_placeholder(tf.string if a.dtype == object else a.dtype, [None] * a.ndim) for a in arrays]
            out = op(*fed)
            with v1.Session() as session:
                return session.run(out, {f: v1.SparseTensorValue(*parts(a)) for f, a in zip(fed, arrays)})
    sparse = [tf.SparseTensor(*parts(a)) for a in arrays]
    return (tf.function(op) if front == "function" else op)(*sparse)


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("name", CASES)
def test_values(name, front):
    op, arrays, expected = CASES[name]
    got = as_dense(run(op, arrays, front))
    for g, e in zip(got if isinstance(got, list) else [got], expected if isinstance(got, list) else [expected]):
        e = np.asarray(e)
        if e.dtype == object:
            assert [v.decode() for v in g.ravel()] == e.ravel().tolist()
        else:
            assert g.dtype == (np.int32 if name == "cast" else e.dtype) and g.shape == e.shape
            np.testing.assert_allclose(g, e, 1e-6)


def dense_slope(f):
    return np.array(
        [(f(np.where(np.arange(4) == i, 1e-6, 0)) - f(np.where(np.arange(4) == i, -1e-6, 0))) / 2e-6 for i in range(4)]
    )


def test_sampled_addmm():
    v, x, y = np.float32([0.5, 0.3]), np.arange(1, 7, dtype=np.float32).reshape(2, 3), np.ones([3, 2], np.float32)
    places, values, shape = tf.sparse.sampled_addmm([[0, 1], [1, 1]], v, [2, 2], x, y, beta=2.0, alpha=0.5)
    np.testing.assert_allclose(values, 0.5 * (x @ y)[[0, 1], [1, 1]] + 2 * v, 1e-6)
    assert places.numpy().tolist() == [[0, 1], [1, 1]] and shape.numpy().tolist() == [2, 2]
    with pytest.raises(ValueError, match="does not match output shape"):
        tf.sparse.sampled_addmm([[0, 1], [1, 1]], v, [2, 3], x, y)
    checked = tf.function(lambda shape: tf.sparse.sampled_addmm([[0, 1]], [1.0], shape, x, y)[1])
    assert checked(tf.constant([2, 2])).numpy().tolist() == [7]
    with pytest.raises(tf.errors.InvalidArgumentError, match="does not match output shape"):
        checked(tf.constant([2, 3]))


@pytest.mark.parametrize(
    "name",
    ["to_dense", "reorder", "transpose", "add", "sum 0", "softmax", "concat axis 0", "maximum", "matmul", "slice"],
)
def test_gradients(name):
    op, arrays, _ = CASES[name]
    op = {"matmul": lambda a: s.sparse_dense_matmul(a, B.T.astype(np.float64))}.get(name, op)
    start = parts(A)

    def total(values):
        others = [tf.SparseTensor(i, v.astype(np.float64), d) for i, v, d in map(parts, arrays[1:])]
        out = op(tf.SparseTensor(start[0], values, start[2]), *others)
        flat = tf.reshape(getattr(out, "values", out), [-1])
        return tf.reduce_sum(flat**2 * tf.range(1.0, 1.0 + flat.shape[0], dtype=tf.float64))

    values = tf.constant(start[1].astype(np.float64))
    with tf.GradientTape() as tape:
        tape.watch(values)
        out = total(values)
    slope = dense_slope(lambda d: total(tf.constant(start[1] + d)).numpy())
    np.testing.assert_allclose(tf.convert_to_tensor(tape.gradient(out, values)).numpy(), slope, 1e-5, 1e-6)


def test_placeholders_and_sessions():
    with tf.Graph().as_default():
        free = v1.sparse_placeholder(tf.float32, name="sp")
        fixed = v1.sparse_placeholder(tf.float32, shape=[2, 3])
        partly = v1.sparse_placeholder(tf.float32, shape=[None, 3])
        assert [t.name for t in (free.values, free.indices, free.dense_shape)] == [
            "sp/values:0",
            "sp/indices:0",
            "sp/shape:0",
        ]
        assert free.shape.rank is None and fixed.shape == [2, 3] and partly.shape.as_list() == [None, 3]
        weights = v1.placeholder(tf.float32, [3, 2])
        product = v1.sparse_tensor_dense_matmul(partly, weights)
        assert product.shape.as_list() == [None, 2]
        slopes = tf.gradients(product, [weights, partly.values])
        value = v1.SparseTensorValue([[0, 1], [1, 2]], [1.0, 2.0], [2, 3])
        with v1.Session() as session:
            got, by_weights, by_values = session.run([partly, *slopes], {partly: value, weights: np.ones([3, 2])})
            assert isinstance(got, v1.SparseTensorValue) and got.dense_shape.tolist() == [2, 3]
            assert by_weights.tolist() == [[0, 0], [1, 1], [2, 2]] and by_values.tolist() == [2, 2]
            assert session.run(fixed, {fixed: ([[0, 1]], [5.0], [2, 3])}).values.tolist() == [5]
            with pytest.raises(Invalid, match="inner dimension does not match: 4 vs. 3"):
                session.run(
                    product,
                    {
                        partly.indices: [[0, 1]],
                        partly.values: [1.0],
                        partly.dense_shape: [2, 4],
                        weights: np.ones([3, 2]),
                    },
                )


def test_sparse_to_dense():
    assert v1.sparse_to_dense([[0, 1], [2, 2]], [3, 3], [7, 8], -1).numpy().tolist() == [
        [-1, 7, -1],
        [-1, -1, -1],
        [-1, -1, 8],
    ]
    assert v1.sparse_to_dense([1, 3], [4], 1).numpy().tolist() == [0, 1, 0, 1]
    assert v1.sparse_to_dense(2, [4], 1).numpy().tolist() == [0, 0, 1, 0]
    assert (
        s.eye(2, 3).values.numpy().tolist() == [1, 1]
        and s.to_dense(s.eye(2, 3)).numpy().tolist() == np.eye(2, 3).tolist()
    )


@pytest.mark.parametrize(
    "call, error, words",
    [
        (
            lambda: s.to_dense(tf.SparseTensor([[1, 2], [0, 0]], [1.0, 2.0], [3, 4])),
            Invalid,
            r"indices\[1\] = \[0,0\] is out of order",
        ),
        (
            lambda: s.to_dense(tf.SparseTensor([[0, 0], [0, 0]], [1.0, 2.0], [3, 4])),
            Invalid,
            r"indices\[1\] = \[0,0\] is repeated",
        ),
        (
            lambda: s.to_dense(tf.SparseTensor([[5, 2]], [1.0], [3, 4])),
            Invalid,
            r"indices\[0\] = \[5,2\] is out of bounds: need 0 <= index < \[3,4\]",
        ),
        (lambda: tf.SparseTensor([[0]], [1.0, 2.0], [3]), ValueError, "not compatible"),
        (lambda: tf.convert_to_tensor(tf.SparseTensor([[0]], [1.0], [3])), ValueError, "SparseTensor"),
        (
            lambda: s.sparse_dense_matmul(tf.SparseTensor([[0, 0]], [1.0], [3, 4]), tf.ones([3, 2])),
            Invalid,
            "inner dimension does not match: 4 vs. 3",
        ),
        (
            lambda: s.reshape(tf.SparseTensor([[0, 0]], [1.0], [3, 4]), [5, 2]),
            Invalid,
            r"12 dense values, but the requested shape has 10. input_shape=\[3,4\]",
        ),
        (
            lambda: s.add(tf.SparseTensor([[0]], [1.0], [3]), tf.SparseTensor([[0]], [1.0], [4])),
            Invalid,
            "got 3 and 4 for dimension 0",
        ),
        (
            lambda: s.concat(1, [tf.SparseTensor([[0, 0]], [1.0], [n, 4]) for n in (3, 4)]),
            Invalid,
            "expected 3 for dimension 0 but got 4 at position 1",
        ),
        (lambda: v1.sparse_placeholder(tf.float32), RuntimeError, "not compatible with eager"),
        (lambda: s.cross([]), NotImplementedError, "tf.sparse.cross"),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize("name", ["abs", "negative", "square", "sqrt", "sign", "sin", "asinh", "erf", "bessel_i0e"])
def test_functions_of_one_tensor(name):
    """Those that are zero at zero are taken of the values; the others are refused, as by TensorFlow."""
    f, values = getattr(tf.math, name), [0.5, 0.25]
    got = f(tf.SparseTensor([[0, 0], [1, 2]], values, [3, 4]), name="named")
    assert isinstance(got, tf.SparseTensor) and got.shape == [3, 4]
    np.testing.assert_array_equal(got.values, f(values))
    with pytest.raises(ValueError, match="convert"):
        tf.exp(got)
