"""tf.contrib: old names, with the numbers that their formulas give by hand."""

import numpy as np
import pytest
from tfcompat.compat import v1

import tfcompat as tf

contrib = v1.contrib


@pytest.fixture
def session():
    with tf.Graph().as_default(), v1.Session() as session:
        yield session


def cross_entropy(logits, targets):
    logits = np.asarray(logits, np.float64)
    return np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, np.asarray(targets)[..., None], -1)[..., 0]


LOGITS = np.random.default_rng(0).uniform(-1, 1, (2, 3, 4)).astype("f")
TARGETS = np.array([[0, 1, 2], [3, 0, 1]])
WEIGHTS = np.array([[1.0, 1.0, 0.0], [1.0, 0.5, 1.0]], "f")
WEIGHTED = cross_entropy(LOGITS, TARGETS) * WEIGHTS


@pytest.mark.parametrize("settings, expected", [
    ({}, WEIGHTED.sum() / WEIGHTS.sum()),
    ({"average_across_timesteps": False}, WEIGHTED.sum(0) / WEIGHTS.sum(0)),
    ({"average_across_batch": False}, WEIGHTED.sum(1) / WEIGHTS.sum(1)),
    ({"average_across_timesteps": False, "average_across_batch": False}, WEIGHTED),
    ({"average_across_timesteps": False, "average_across_batch": False, "sum_over_batch": True}, WEIGHTED.sum(0) / [2, 2, 1]),
])  # fmt: skip
def test_sequence_loss(session, settings, expected):
    loss = contrib.seq2seq.sequence_loss(tf.constant(LOGITS), tf.constant(TARGETS), tf.constant(WEIGHTS), **settings)
    np.testing.assert_allclose(session.run(loss), expected, rtol=1e-5)


def test_legacy_sequence_losses(session):
    lists = [tf.unstack(tf.constant(x), axis=1) for x in (LOGITS, TARGETS, WEIGHTS)]
    by_example = contrib.legacy_seq2seq.sequence_loss_by_example(*lists)
    np.testing.assert_allclose(session.run(by_example), WEIGHTED.sum(1) / WEIGHTS.sum(1), rtol=1e-5)
    whole = contrib.legacy_seq2seq.sequence_loss(*lists)
    np.testing.assert_allclose(session.run(whole), (WEIGHTED.sum(1) / WEIGHTS.sum(1)).mean(), rtol=1e-5)
    with pytest.raises(ValueError, match="Lengths of logits, weights, and targets must be the same"):
        contrib.legacy_seq2seq.sequence_loss(lists[0][:1], *lists[1:])


def test_a_decoder_over_a_list_shares_its_cell(session):
    cell = v1.nn.rnn_cell.BasicRNNCell(5)
    outputs, state = contrib.legacy_seq2seq.rnn_decoder([tf.ones([2, 3])] * 3, cell.zero_state(2, tf.float32), cell)
    session.run(v1.global_variables_initializer())
    values = session.run([*outputs, state])
    assert len(outputs) == 3 and len(v1.trainable_variables()) == 2
    np.testing.assert_array_equal(values[2], values[3])


def test_losses_take_predictions_first(session):
    predictions, labels = tf.constant([1.0, 2.0]), tf.constant([0.0, 0.0])
    loss = contrib.losses.mean_squared_error(predictions, labels)
    assert session.run(loss) == 2.5 and v1.losses.get_losses() == [loss]
    logits, classes = tf.constant(LOGITS[:, 0]), tf.constant(TARGETS[:, 0])
    loss = session.run(contrib.losses.sparse_softmax_cross_entropy(logits, classes))
    np.testing.assert_allclose(loss, cross_entropy(LOGITS[:, 0], TARGETS[:, 0]).mean(), rtol=1e-6)


def test_metrics(session):
    share = contrib.metrics.accuracy(tf.constant([1, 2, 3]), tf.constant([1, 2, 4]))
    _, update = contrib.metrics.streaming_accuracy(tf.constant([1, 2]), tf.constant([1, 3]))
    session.run(v1.local_variables_initializer())
    np.testing.assert_allclose(session.run([share, update]), [2 / 3, 0.5])
    with pytest.raises(ValueError, match="dtypes of predictions and labels should match"):
        contrib.metrics.accuracy(tf.constant([1]), tf.constant([1.0]))


def test_slim_is_layers_and_framework(session):
    slim = contrib.slim
    with slim.arg_scope([slim.fully_connected], activation_fn=None):
        y = slim.fully_connected(tf.ones([2, 3]), 4, scope="fc")
    assert y.shape == [2, 4] and [v.op.name for v in slim.get_model_variables()] == ["fc/weights", "fc/biases"]


def test_variables_of_the_framework(session, tmp_path):
    framework = contrib.framework
    a = framework.model_variable("a", [2], initializer=v1.zeros_initializer())
    b = framework.variable("scope/b", [2], initializer=v1.zeros_initializer())
    session.run(v1.global_variables_initializer())
    assert framework.get_variables("scope") == [b] and framework.get_unique_variable("a") is a
    assign, feed = framework.assign_from_values({"a": [1.0, 2.0]})
    session.run(assign, feed)
    path = v1.train.Saver([a]).save(session, str(tmp_path / "model"))
    session.run(a.initializer)
    framework.assign_from_checkpoint_fn(path, [a, b], ignore_missing_vars=True)(session)
    assert session.run(a).tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="missing variable"):
        framework.assign_from_checkpoint(path, [b])


def test_hparams():
    params = contrib.training.HParams(rate=0.1, layers=[1, 2], name="a", on=True)
    params.parse("rate=0.5,layers=[3,4,5],on=false")
    assert params.values() == {"rate": 0.5, "layers": [3, 4, 5], "name": "a", "on": False}
    for wrong in ("unknown=1", "rate=fast", "layers=3"):
        with pytest.raises(ValueError):
            params.parse(wrong)


def test_eager_gradients():
    w = contrib.eager.Variable(3.0)
    value, ((gradient, variable),) = contrib.eager.implicit_value_and_gradients(lambda x: w * w * x)(2.0)
    assert (float(value), float(gradient)) == (18.0, 12.0) and variable is w
    assert [float(g) for g in contrib.eager.gradients_function(lambda x, y: x * y)(2.0, 5.0)] == [5.0, 2.0]
    with pytest.raises(ValueError, match="No trainable variables were accessed"):
        contrib.eager.implicit_gradients(lambda: tf.constant(1.0))()


def test_summaries_of_the_oldest_kind(session):
    v1.scalar_summary("loss/x", tf.constant(1.0))
    found = v1.Summary.FromString(session.run(v1.merge_all_summaries()))
    assert [(v.tag, v.simple_value) for v in found.value] == [("loss/x", 1.0)]


def test_the_projectors_file_is_as_tensorboard_writes_it(tmp_path):
    """The text TensorBoard 2.21 writes for the same messages."""
    projector = v1.contrib.tensorboard.plugins.projector

    config = projector.ProjectorConfig()
    config.model_checkpoint_path = "a/b.ckpt"
    embedding = config.embeddings.add()
    embedding.tensor_name, embedding.metadata_path, embedding.sprite.image_path = "emb:0", "m.tsv", "s.png"
    embedding.sprite.single_image_dim.extend([28, 28])
    config.embeddings.add(tensor_name="x")
    with tf.Graph().as_default():
        projector.visualize_embeddings(v1.summary.FileWriter(str(tmp_path)), config)
    assert (tmp_path / "projector_config.pbtxt").read_text() == (
        'model_checkpoint_path: "a/b.ckpt"\nembeddings {\n  tensor_name: "emb:0"\n  metadata_path: "m.tsv"\n  sprite {\n'
        '    image_path: "s.png"\n    single_image_dim: 28\n    single_image_dim: 28\n  }\n}\nembeddings {\n  tensor_name: "x"\n}\n'
    )
    with pytest.raises(ValueError, match="Expected logdir to be a path"):
        projector.visualize_embeddings(None, config)
