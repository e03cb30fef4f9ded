"""Recurrent cells and loops: names, values against NumPy, sequence lengths, gradients."""

import numpy as np
import pytest
from tfcompat.compat import v1 as tf

cells = tf.nn.rnn_cell
X = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
LENGTHS = np.array([2, 5, 0])


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default():
        yield


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def lstm(x, kernel, bias, lengths=None):
    n = len(bias) // 4
    c = h = np.zeros((x.shape[0], n), np.float32)
    rows = []
    for t in range(x.shape[1]):
        i, j, f, o = np.split(np.concatenate([x[:, t], h], 1) @ kernel + bias, 4, 1)
        new_c = c * sigmoid(f + 1) + sigmoid(i) * np.tanh(j)
        new_h = np.tanh(new_c) * sigmoid(o)
        live = np.ones((len(x), 1), bool) if lengths is None else (t < lengths)[:, None]
        c, h = np.where(live, new_c, c), np.where(live, new_h, h)
        rows.append(np.where(live, new_h, 0))
    return np.stack(rows, 1), c, h


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_dynamic_lstm(lengths):
    x = tf.placeholder(tf.float32, [None, 5, 4])
    outputs, state = tf.nn.dynamic_rnn(cells.BasicLSTMCell(3), x, sequence_length=lengths, dtype=tf.float32)
    assert outputs.name == "rnn/transpose_1:0" and outputs.shape.as_list()[1:] == [5, 3]
    assert [v.name for v in tf.trainable_variables()] == ["rnn/basic_lstm_cell/kernel:0", "rnn/basic_lstm_cell/bias:0"]
    assert isinstance(state, cells.LSTMStateTuple)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        kernel, bias, out, last = sess.run([*tf.trainable_variables(), outputs, state], {x: X})
    for a, b in zip((out, *last), lstm(X, kernel, bias, lengths), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_static_and_dynamic_agree_with_gradients():
    x = tf.placeholder(tf.float32, [None, 5, 4])
    cell = cells.GRUCell(3)
    outputs, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32, scope="r")
    with tf.variable_scope("r", reuse=True):
        listed, _ = tf.nn.static_rnn(cell, tf.unstack(x, axis=1), dtype=tf.float32, scope=tf.get_variable_scope())
    both = [tf.reduce_sum(outputs**2), tf.reduce_sum(tf.stack(listed, 1) ** 2)]
    variables = tf.trainable_variables()
    assert len(variables) == 4
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        one, two = sess.run([[b, tf.gradients(b, [*variables, x])] for b in both], {x: X})
    np.testing.assert_allclose(one[0], two[0], rtol=1e-5)
    for a, b in zip(one[1], two[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "width"),
    [
        (lambda: cells.BasicRNNCell(3), 3),
        (lambda: cells.LSTMCell(3, use_peepholes=True, num_proj=2, cell_clip=0.5), 2),
        (lambda: cells.LSTMCell(3, state_is_tuple=False), 3),
        (lambda: cells.MultiRNNCell([cells.BasicLSTMCell(3), cells.GRUCell(2)]), 2),
        (lambda: cells.ResidualWrapper(cells.GRUCell(4)), 4),
        (lambda: cells.DropoutWrapper(cells.GRUCell(3), output_keep_prob=0.5), 3),
    ],
)
def test_cells_run_and_train(make, width):
    x = tf.placeholder(tf.float32, [None, None, 4])
    outputs, _ = tf.nn.dynamic_rnn(make(), x, sequence_length=LENGTHS, dtype=tf.float32)
    step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(outputs**2))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        out, _ = sess.run([outputs, step], {x: X})
    assert out.shape == (3, 5, width)
    assert not out[2].any() and not out[0, 2:].any()


def test_multi_cell_names():
    x = tf.placeholder(tf.float32, [None, 5, 4])
    tf.nn.dynamic_rnn(cells.MultiRNNCell([cells.BasicLSTMCell(3) for _ in range(2)]), x, dtype=tf.float32)
    assert [v.name for v in tf.trainable_variables()] == [
        f"rnn/multi_rnn_cell/cell_{i}/basic_lstm_cell/{n}:0" for i in (0, 1) for n in ("kernel", "bias")
    ]


def test_bidirectional_reverses_each_row_on_its_own():
    x = tf.placeholder(tf.float32, [None, 5, 4])
    forward, backward = cells.BasicLSTMCell(3), cells.BasicLSTMCell(2)
    (_, bw), _ = tf.nn.bidirectional_dynamic_rnn(forward, backward, x, sequence_length=LENGTHS, dtype=tf.float32)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        kernel, bias, out = sess.run([*backward.variables, bw], {x: X})
    turned = X.copy()
    for i, n in enumerate(LENGTHS):
        turned[i, :n] = X[i, :n][::-1]
    wanted = lstm(turned, kernel, bias, LENGTHS)[0]
    for i, n in enumerate(LENGTHS):
        np.testing.assert_allclose(out[i, :n], wanted[i, :n][::-1], rtol=1e-4, atol=1e-5)


def test_missing_dtype_is_refused():
    with pytest.raises(ValueError, match="dtype"):
        tf.nn.dynamic_rnn(cells.GRUCell(2), tf.placeholder(tf.float32, [None, 5, 4]))


def test_raw_rnn_runs_as_its_function_directs():
    lengths = np.array([3, 1])
    inputs = tf.placeholder(tf.float32, [3, None, 4])
    series = tf.TensorArray(tf.float32, size=3).unstack(inputs)
    cell = cells.BasicLSTMCell(3)

    def direct(time, output, state, steps):
        state = cell.zero_state(2, tf.float32) if output is None else state
        finished = time >= lengths
        following = tf.cond(tf.reduce_all(finished), lambda: tf.zeros([2, 4]), lambda: series.read(time))
        return finished, following, state, output, tf.constant(0) if steps is None else steps + 1

    outputs, state, steps = tf.nn.raw_rnn(cell, direct)
    x = np.ascontiguousarray(X[:2, :3].swapaxes(0, 1))
    total = tf.reduce_sum(outputs.stack() ** 2)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        found = sess.run(
            [*tf.trainable_variables(), outputs.stack(), state, steps, tf.gradients(total, inputs)], {inputs: x}
        )
    kernel, bias, out, last, count, (gradient,) = found
    for a, b in zip((out.swapaxes(0, 1), *last), lstm(X[:2, :3], kernel, bias, lengths), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert count == 3
    assert gradient[:, 0].all() and not gradient[1:, 1].any()


def test_states_saved_by_name():
    class Saver:
        saved = {}

        def state(self, name):
            return tf.fill([3, 2], 0.5)

        def save_state(self, name, value):
            self.saved[name] = value
            return value

    cell, saver = cells.BasicLSTMCell(2), Saver()
    outputs, state = tf.nn.static_state_saving_rnn(cell, tf.unstack(tf.constant(X), axis=1), saver, ("c", "h"))
    assert len(outputs) == 5 and sorted(saver.saved) == ["c", "h"]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        last, kept = sess.run([state, saver.saved])
    np.testing.assert_array_equal(last.h, kept["h"])
    with pytest.raises(ValueError, match="structure of `cell.state_size`"):
        tf.nn.static_state_saving_rnn(cell, [tf.zeros([3, 4])], saver, "c")


# Recorded with TensorFlow 2.21: DropoutWrapper(BasicLSTMCell(3), .5, .6, .7, seed=9, ...) over two steps of ones [1, 4],
# every variable 0.3, graph seed 4.
DROPPED = {
    "plain": [[0.0, 1.2079947, 1.2079947], [1.3549726, 1.3549726, 1.3549726], [1.0354241, 0.0, 1.0354241]],
    "variational": [[0.0, 1.2079947, 1.2079947], [1.3549726, 1.3549726, 1.3549726], [1.0354241, 0.0, 1.0354241]],
    "filtered": [[0.0, 1.2741747, 1.2741747], [2.3001065, 2.3001065, 2.3001065], [1.0921499, 0.0, 1.0921499]],
}


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("plain", {}),
        ("variational", {"variational_recurrent": True, "input_size": 4, "dtype": tf.float32}),
        ("filtered", {"dropout_state_filter_visitor": lambda state: True}),
    ],
)
def test_dropout_takes_tensorflows_seeds(kind, settings):
    tf.set_random_seed(4)
    with tf.variable_scope("a", initializer=tf.constant_initializer(0.3)):
        cell = cells.DropoutWrapper(cells.BasicLSTMCell(3), 0.5, 0.6, 0.7, seed=9, **settings)
        outputs, state = tf.nn.static_rnn(cell, [tf.ones([1, 4])] * 2, dtype=tf.float32)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        found = sess.run([outputs[-1], state])
    np.testing.assert_allclose(np.concatenate([found[0], *found[1]]), DROPPED[kind], rtol=1e-5, atol=1e-6)


def test_variables_in_shards():
    cell = cells.LSTMCell(4, num_unit_shards=2, num_proj=3, num_proj_shards=2)
    x = tf.placeholder(tf.float32, [None, 5, 4])
    tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
    assert [v.name.removeprefix("rnn/lstm_cell/") for v in tf.trainable_variables()] == [
        "kernel/part_0:0", "kernel/part_1:0", "bias:0", "projection/kernel/part_0:0", "projection/kernel/part_1:0"
    ]  # fmt: skip


def test_a_state_may_be_a_scalar_and_a_tensor_array():
    class Recorder(cells.RNNCell):
        output_size, state_size = 1, (tf.TensorShape([]), ())

        def zero_state(self, batch_size, dtype):
            return tf.zeros([], tf.int32), tf.TensorArray(dtype, size=0, dynamic_size=True)

        def call(self, inputs, state):
            return inputs, (state[0] + 1, state[1].write(state[0], inputs))

    x = tf.placeholder(tf.float32, [1, 4, 1])
    outputs, (count, written) = tf.nn.dynamic_rnn(Recorder(), x, dtype=tf.float32, sequence_length=[4])
    with tf.Session() as sess:
        found = sess.run([outputs, count, written.stack()], {x: np.arange(4.0).reshape(1, 4, 1)})
    assert found[1] == 4 and found[0].ravel().tolist() == found[2].ravel().tolist() == [0, 1, 2, 3]


def test_integers_are_refused():
    with pytest.raises(ValueError, match="only supports floating"):
        tf.nn.dynamic_rnn(cells.GRUCell(2, dtype=tf.int32), tf.placeholder(tf.int32, [3, 4, 5]), dtype=tf.int32)


def test_cells_are_made_again_from_their_configs_and_saved(tmp_path):
    rnn_cell = tf.nn.rnn_cell
    made = rnn_cell.DropoutWrapper(rnn_cell.LSTMCell(3, num_proj=2), output_keep_prob=0.5, seed=4)
    config = made.get_config()
    assert config["cell"]["class_name"] == "LSTMCell" and config["cell"]["config"]["activation"] == "tanh"
    again = type(made).from_config(config)
    assert again.get_config() == config and again.state_size == made.state_size
    residual = rnn_cell.ResidualWrapper(rnn_cell.GRUCell(3), lambda x, y: x * 3 + y)
    assert type(residual).from_config(residual.get_config())._residual_fn(1, 2) == 5
    with tf.Graph().as_default(), tf.Session() as sess:
        cell = rnn_cell.BasicRNNCell(2)
        wrapper = rnn_cell.DeviceWrapper(cell, "/cpu:0")
        wrapper(tf.ones([1, 2]), tf.ones([1, 2]))
        sess.run(tf.global_variables_initializer())
        before = sess.run(cell.weights[0])
        checkpoint = tf.train.Checkpoint(wrapper=wrapper, stack=rnn_cell.MultiRNNCell([cell]))
        path = checkpoint.save(str(tmp_path / "x"))
        assert any("/cell/kernel/" in name or "/cell-0/kernel/" in name for name, _ in tf.train.list_variables(path))
        sess.run(cell.weights[0].assign(before + 1))
        checkpoint.restore(path).assert_consumed().run_restore_ops()
        np.testing.assert_array_equal(sess.run(cell.weights[0]), before)
