"""tf.RaggedTensor against what TensorFlow answered (goldens/ragged_cases.py), eagerly and in functions; and what NumPy can say."""

import json
import os
import sys

import numpy as np
import pytest

import tfcompat as tf

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "goldens"))
import ragged_cases  # noqa: E402

v1 = tf.compat.v1
RT = tf.RaggedTensor
with open(os.path.join(HERE, "goldens", "ragged.json")) as _f:
    GOLDEN = json.load(_f)["answers"]


@pytest.mark.parametrize("expression", ragged_cases.EXPRESSIONS)
def test_prints_as_tensorflow(expression):
    assert ragged_cases.answer(tf, expression) == GOLDEN[expression]


IN_FUNCTIONS = """
rt + 1
rt * rt
tf.reduce_sum(rt, axis=1)
tf.reduce_max(r3, axis=2)
rt.to_tensor()
r3.to_tensor(9, shape=[None, 2, 3])
tf.concat([rt, rt], 1)
tf.concat([rt, rt], 0)
tf.stack([rt, rt])
rt[:, 1:]
rt[1:]
rt[0]
r3[0, 1]
rv[:, :, 0]
tf.gather(rt, [2, 0])
tf.ragged.boolean_mask(rt, rt > 2)
tf.where(rt > 2, rt, -rt)
rt + [[10], [20], [30]]
rt.row_lengths()
r3.merge_dims(1, 2)
tf.strings.split(["a b", "c"])
tf.ragged.range([3, 5, 2])
rt.to_sparse().values
tf.expand_dims(rt, 1)
tf.tile(rt, [1, 2])
""".strip().split("\n")


@pytest.mark.parametrize("expression", IN_FUNCTIONS)
def test_functions_answer_as_eagerly(expression):
    names = ragged_cases.values(tf)
    parts = {k: v for k, v in names.items() if isinstance(v, (RT, tf.Tensor))}

    @tf.function
    def inside(given):
        return eval(expression, {**names, **given})

    assert str(inside(parts)) == str(eval(expression, names))


def test_session_feeds_and_fetches():
    with tf.Graph().as_default(), v1.Session() as s:
        p = v1.ragged.placeholder(tf.int32, 1)
        fed = v1.ragged.constant_value([[1, 2], [], [3]], row_splits_dtype="int64")
        double, total = s.run([p * 2, tf.reduce_sum(p, 1)], {p: fed})
        assert isinstance(double, v1.ragged.RaggedTensorValue)
        assert double.to_list() == [[2, 4], [], [6]]
        assert total.tolist() == [3, 0, 3]
        assert "RaggedTensorValue [[1, 2], [], [3]]" in str(s.run(p, {p: fed}))
        assert repr(p).startswith("tf.RaggedTensor(values=Tensor(")


def test_gradients_reach_the_values():
    v = tf.Variable([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        r = RT.from_row_splits(v, [0, 2, 3])
        y = tf.reduce_sum(tf.reduce_max(r * r, axis=1)) + tf.reduce_sum(r.to_tensor() * 2.0)
    np.testing.assert_allclose(tape.gradient(y, v), [2.0, 6.0, 8.0])


def test_composites():
    rt = tf.ragged.constant([[1, 2], [3]])
    assert len(tf.nest.flatten(rt, expand_composites=True)) == 2
    assert tf.nest.map_structure(lambda x: x + 1, {"a": rt})["a"].to_list() == [[2, 3], [4]]
    assert tf.map_fn(tf.reduce_sum, rt, fn_output_signature=tf.int32).numpy().tolist() == [3, 3]
    spec = tf.RaggedTensorSpec([2, None], tf.int32)
    assert spec.is_compatible_with(rt) and not tf.RaggedTensorSpec([3, None], tf.int32).is_compatible_with(rt)
    assert repr(rt._type_spec) == "RaggedTensorSpec(TensorShape([2, None]), tf.int32, 1, tf.int64)"
    assert tf.experimental.RowPartition.from_row_lengths([2, 1]).value_rowids().numpy().tolist() == [0, 0, 1]


def test_row_splits_agree_with_numpy():
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 5, 7)
    values = rng.normal(size=lengths.sum())
    rt = RT.from_row_lengths(values, lengths)
    rows = np.split(values, np.cumsum(lengths)[:-1])
    np.testing.assert_allclose(tf.reduce_sum(rt, 1), [r.sum() for r in rows])
    np.testing.assert_allclose(tf.reduce_logsumexp(rt, 1), [np.logaddexp.reduce(r) for r in rows], 1e-6)
    np.testing.assert_allclose(tf.reduce_logsumexp(rt), np.log(np.exp(np.concatenate(rows)).sum()), 1e-6)
    assert rt.to_tensor().shape == (7, lengths.max())
    for got, row in zip(rt, rows, strict=True):
        np.testing.assert_allclose(got, row)
    np.testing.assert_allclose(tf.reverse(rt, [1]).flat_values, np.concatenate([r[::-1] for r in rows]))


@pytest.mark.parametrize(
    "call",
    [
        lambda: tf.ragged.cross([]),
        lambda: tf.ragged.cross_hashed([]),
        lambda: tf.shape(tf.ragged.constant([[1]])),
    ],
)
def test_refused_by_name(call):
    with pytest.raises(NotImplementedError, match="tf\\."):
        call()


RAGGED, SPARSE = [[1, 2], [3], []], ([[0, 0], [0, 1], [1, 0]], [5, 1, 2], [2, 2])
ROWS_OF_INTS = tf.RaggedTensorSpec([None], tf.int32)


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: tf.map_fn(tf.range, tf.constant([2, 0, 3]), fn_output_signature=ROWS_OF_INTS), [[0, 1], [], [0, 1, 2]]),
        (lambda: tf.map_fn(lambda r: r * 2, tf.ragged.constant(RAGGED)), [[2, 4], [6], []]),
        (lambda: tf.map_fn(lambda r: r + 1, tf.ragged.constant([[1]]), fn_output_signature=ROWS_OF_INTS), [[2]]),
        (lambda: tf.map_fn(lambda a: tf.reduce_sum(a[0]) * a[1], (tf.ragged.constant(RAGGED), tf.constant([1, 2, 3])),
                           fn_output_signature=tf.int32), [3, 6, 0]),
        (lambda: tf.map_fn(lambda r: (r, tf.size(r)), tf.ragged.constant(RAGGED), (ROWS_OF_INTS, tf.int32))[1], [2, 1, 0]),
        (lambda: tf.map_fn(lambda x: tf.reduce_sum(tf.sparse.to_dense(x)), tf.SparseTensor(*SPARSE), tf.int32), [6, 2]),
        (lambda: tf.sparse.to_dense(tf.map_fn(lambda x: x, tf.SparseTensor(*SPARSE))), [[5, 1], [2, 0]]),
        (lambda: tf.map_fn(tf.range, tf.zeros([0], tf.int32), fn_output_signature=ROWS_OF_INTS), []),
    ],
)  # fmt: skip
def test_map_fn_takes_and_gives_ragged_and_sparse_tensors(build, expected):
    """Values from TensorFlow 2.21."""
    for made in (build(), tf.function(build)()):
        rows = made.to_list() if isinstance(made, tf.RaggedTensor) else made.numpy().tolist()
        assert rows == expected


def test_map_fn_of_rows_says_what_does_not_fit():
    rt = tf.ragged.constant(RAGGED)
    with pytest.raises(ValueError, match="not compatible"):
        tf.map_fn(lambda a: a[1], (rt, tf.constant([1, 2])), fn_output_signature=tf.int32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="dtype"):
        tf.map_fn(lambda r: tf.cast(r, tf.float32), rt, fn_output_signature=ROWS_OF_INTS)
    with pytest.raises(NotImplementedError, match="number of rows"):
        tf.function(lambda x: tf.map_fn(tf.range, x, fn_output_signature=ROWS_OF_INTS)).get_concrete_function(
            tf.TensorSpec([None], tf.int32)
        )
