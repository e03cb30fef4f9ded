"""TF1's metrics and losses: values after several updates, weights, names, and what the run alone can refuse."""

import numpy as np
import pytest

import tfcompat as tf

v1 = tf.compat.v1
LABELS = np.array([[0, 2], [1, -1], [4, 3]])
SCORES = np.array([[0.5, 0.1, 0.4, 0.0, 0.2], [0.1, 0.3, 0.2, 0.9, 0.8], [0.3, 0.2, 0.9, 0.8, 0.1]], np.float32)


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default():
        yield


def results(metric, updates=1):
    """(value, the last update) after `updates` runs of the update."""
    value, update = metric
    with v1.Session() as session:
        session.run(v1.local_variables_initializer())
        for _ in range(updates):
            last = session.run(update)
        return session.run(value), last


def best(scores, k):
    return [list(np.argsort(-row, kind="stable")[:k]) for row in scores]


def sparse(labels):
    places = np.argwhere(labels >= 0)
    return tf.SparseTensor(places, labels[labels >= 0], [3, 7])


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_precision_and_recall_at_k(k, form):
    labels = LABELS if form == "dense" else sparse(LABELS)
    hits = sum(len(set(b) & set(row)) for b, row in zip(best(SCORES, k), LABELS.tolist()))
    # A dense label of -1 is one that nothing finds; in a sparse row there is none.
    wanted = 6 if form == "dense" else 5
    precision, last = results(v1.metrics.precision_at_k(labels, SCORES, k), updates=2)
    assert precision == last == pytest.approx(hits / (3 * k))
    assert results(v1.metrics.recall_at_k(labels, SCORES, k))[0] == pytest.approx(hits / wanted)


def test_one_class_with_weights():
    # Class 3 is among the first two of rows 1 and 2, and a label of row 2.
    weights = np.array([1.0, 2.0, 3.0])
    assert results(v1.metrics.precision_at_k(LABELS, SCORES, 2, class_id=3))[0] == 1 / 2
    assert results(v1.metrics.precision_at_k(LABELS, SCORES, 2, class_id=3, weights=weights))[0] == 3 / 5
    assert np.isnan(results(v1.metrics.recall_at_k(LABELS, SCORES, 2, class_id=9))[0])


def test_average_precision_at_k():
    # Row by row: 0 then 2 at the places 1, 2; 1 at 3 of the first 3; 3 at place 2, 4 not among them.
    rows = [(1 / 1 + 2 / 2) / 2, (1 / 3) / 1, (1 / 2) / 2]
    value, update = v1.metrics.average_precision_at_k(LABELS, SCORES, 3)
    assert results((value, update), updates=3)[0] == pytest.approx(np.mean(rows))
    weighted = v1.metrics.average_precision_at_k(LABELS, SCORES, 3, weights=[1.0, 0.0, 3.0])
    assert results(weighted)[0] == pytest.approx((rows[0] + 3 * rows[2]) / 4)


def test_names_of_metrics_at_k():
    value, _ = v1.metrics.precision_at_k(LABELS, SCORES, 2, class_id=1)
    assert value.name.startswith("precision_at_2_class1")
    assert [v.name for v in v1.local_variables()] == [
        "precision_at_2_class1/true_positive_at_2_class1:0",
        "precision_at_2_class1/false_positive_at_2_class1:0",
    ]


def test_bad_arguments():
    with pytest.raises(ValueError, match="k=0"):
        v1.metrics.average_precision_at_k(LABELS, SCORES, 0)
    with pytest.raises(ValueError, match=r"range \[0, 1\]"):
        v1.metrics.specificity_at_sensitivity([0.0, 1.0], [0.0, 1.0], 1.5)
    with pytest.raises(ValueError, match="Predictions rank"):
        v1.metrics.recall_at_top_k(LABELS[..., None, None], np.array([[1], [2], [3]]), 1)


def test_sensitivity_and_specificity():
    labels, scores = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1], [0.0, 0.1, 0.2, 0.3, 0.45, 0.01, 0.02, 0.25, 0.26, 0.26]
    # TensorFlow's documentation of these metrics has no example; counted by hand at the thresholds between scores.
    assert results(v1.metrics.specificity_at_sensitivity(labels, scores, 0.6))[0] == pytest.approx(0.6, rel=1e-5)
    assert results(v1.metrics.sensitivity_at_specificity(labels, scores, 0.8))[0] == pytest.approx(0, abs=1e-6)


def test_weights_of_unknown_rank_are_matched_to_the_labels():
    weights = v1.placeholder(tf.int32)
    _, update = v1.metrics.accuracy(tf.constant([[1], [0], [0]]), tf.constant([1, 1, 1]), weights)
    with v1.Session() as session:
        session.run(v1.local_variables_initializer())
        assert session.run(update, {weights: [[100], [1], [1]]}) == pytest.approx(100 / 102)


def test_mean_pairwise_squared_error_by_its_definition():
    rng = np.random.default_rng(3)
    one, two = rng.normal(size=(2, 4, 3)).astype(np.float32), rng.normal(size=(2, 4, 3)).astype(np.float32)
    errors = (one - two).reshape(2, -1)
    pairs = [[(a - b) ** 2 for i, a in enumerate(row) for j, b in enumerate(row) if i != j] for row in errors]
    wanted = np.sum([np.mean(p) * w for p, w in zip(pairs, (2.0, 0.5))])
    loss = v1.losses.mean_pairwise_squared_error(one, two, weights=np.array([2.0, 0.5]).reshape(2, 1, 1))
    x = tf.constant(one)
    nothing = v1.losses.mean_pairwise_squared_error(x, two, weights=0)
    with v1.Session() as session:
        assert session.run(loss) == pytest.approx(wanted, rel=1e-5)
        assert session.run([nothing, *v1.gradients(nothing, x)])[1].any() == np.False_
