"""The engine's invariants, by count: what compiles, what is dispatched, what stays alive."""

import gc
import subprocess
import sys
import threading

import jax
import numpy as np
import pytest

import tfcompat as tf
from tfcompat._src.engine import dispatch, log

v1 = tf.compat.v1


class Count:
    """How many programs were compiled and dispatched inside a `with`."""

    def __enter__(self):
        dispatch.flush()
        self._compiles, self._dispatches = log.count, dispatch.dispatches
        return self

    def __exit__(self, *exc):
        dispatch.flush()
        self.compiles, self.dispatches = log.count - self._compiles, dispatch.dispatches - self._dispatches


@pytest.fixture(autouse=True)
def _lazy(monkeypatch):
    monkeypatch.setattr(dispatch, "op_by_op", False)


def descend(x, steps, rate=lambda step: 0.1, each=lambda step, loss: None):
    for step in range(steps):
        with tf.GradientTape() as tape:
            loss = 3.0 * x**2 + 2.0 * x - 1.0
        grad = tape.gradient(loss, x)
        x.assign_sub(rate(step) * grad)
        each(step, loss)


def model(seed=0):
    draw = np.random.RandomState(seed)
    return [tf.Variable(draw.randn(*s).astype("f") * 0.1) for s in ((4, 8), (8,), (8, 3), (3,))]


def train(variables, optimizer, batches, each=lambda step, loss: None):
    w1, b1, w2, b2 = variables
    for step, (x, y) in enumerate(batches):
        with tf.GradientTape() as tape:
            hidden = tf.nn.relu(tf.matmul(x, w1) + b1)
            logits = tf.matmul(hidden, w2) + b2
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        each(step, loss)


def batches(n, size=16, last=None):
    draw = np.random.RandomState(1)
    sizes = [size] * n + ([last] if last else [])
    return [(tf.constant(draw.randn(s, 4).astype("f")), tf.constant(draw.randint(0, 3, s))) for s in sizes]


def test_a_loop_with_assign_compiles_once_and_dispatches_once_a_step():
    x = tf.Variable(0.5)
    with Count() as count:
        descend(x, 100)
    assert (count.compiles, count.dispatches) == (1, 100)
    np.testing.assert_allclose(x.numpy(), -1 / 3, rtol=1e-6)


def test_a_changing_learning_rate_compiles_nothing():
    x = tf.Variable(0.25)
    descend(x, 3)
    with Count() as count:
        descend(x, 20, rate=lambda step: 0.1 / (1 + step))
    assert count.compiles == 0


def test_an_optimizer_loop_compiles_once():
    variables, optimizer = model(), tf.keras.optimizers.Adam(0.01)
    data = batches(30)
    with Count() as count:
        train(variables, optimizer, data)
    assert (count.compiles, count.dispatches) == (1, 30)


def test_printing_the_loss_every_k_steps_compiles_nothing_more():
    variables, optimizer = model(), tf.keras.optimizers.SGD(0.01)
    seen = []
    with Count() as count:
        train(variables, optimizer, batches(20), lambda step, loss: seen.append(float(loss)) if step % 5 == 0 else None)
    assert count.compiles == 1 and len(seen) == 4


def test_a_short_last_batch_costs_one_compile_more():
    variables, optimizer = model(), tf.keras.optimizers.SGD(0.01)
    train(variables, optimizer, batches(10))
    with Count() as count:
        train(variables, optimizer, batches(10, last=7))
    assert count.compiles == 1


def test_a_step_counter_compiles_nothing():
    step = tf.Variable(0, dtype=tf.int64)
    x = tf.Variable(1.0)
    descend(x, 2)
    with Count() as count:
        for _ in range(10):
            descend(x, 1)
            step.assign_add(1)
    assert int(step) == 10 and count.compiles <= 2


def test_the_pending_graph_does_not_grow_across_steps():
    x, longest = tf.Variable(0.5), 0

    def look(step, loss):
        nonlocal longest
        longest = max(longest, dispatch.pending())

    descend(x, 50, each=look)
    assert longest <= 30


def test_reading_a_pending_variable_does_not_dispatch():
    m, w = tf.Variable([1.0, 2.0]), tf.Variable([0.0, 0.0])
    dispatch.flush()
    before = dispatch.dispatches
    m.assign(m * 0.5 + 1.0)
    w.assign_sub(m.read_value() * 0.1)
    w_after = w + m
    assert dispatch.dispatches == before
    np.testing.assert_allclose(w_after.numpy(), [1.35, 1.8], rtol=1e-6)


def test_gradients_never_cross_an_assignment():
    v, x = tf.Variable(1.0), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        v.assign(x * 3.0)
        y = v * x
    grads = tape.gradient(y, [x, v])
    assert [float(g) for g in grads] == [6.0, 2.0]


def test_memory_of_a_long_loop_is_flat():
    x = tf.Variable(0.5)
    descend(x, 50)
    gc.collect()
    before = len(jax.live_arrays())
    descend(x, 10_000)
    x.numpy()
    gc.collect()
    assert len(jax.live_arrays()) <= before + 20


def test_a_tape_frees_what_it_recorded():
    big = tf.constant(np.zeros((256, 256), "f"))
    with tf.GradientTape() as tape:
        tape.watch(big)
        y = tf.reduce_sum(tf.exp(big) * big)
    y.numpy()
    del big, y
    held = len(jax.live_arrays())
    del tape
    gc.collect()
    assert len(jax.live_arrays()) <= held


def test_two_threads_do_not_mix_their_pending_graphs():
    results, barrier = {}, threading.Barrier(2)

    def work(name, start):
        x = tf.Variable(start)
        barrier.wait()
        for _ in range(200):
            x.assign(x * 1.01 + 0.01)
        results[name] = float(x)

    threads = [threading.Thread(target=work, args=(i, float(i))) for i in (1, 2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    for name in (1, 2):
        expected = np.float32(name)
        for _ in range(200):
            expected = np.float32(np.float32(expected * np.float32(1.01)) + np.float32(0.01))
        np.testing.assert_allclose(results[name], expected, rtol=1e-4)


def test_a_pending_tensor_may_be_read_in_another_thread():
    x = tf.constant(3.0) * 2.0
    found = []
    thread = threading.Thread(target=lambda: found.append(float(x)))
    thread.start()
    thread.join()
    assert found == [6.0]


def test_value_and_gradients_in_one_run_compute_the_forward_once():
    """One jax.vjp gives both (invariant 4): no matmul stands twice in the program."""
    with tf.Graph().as_default():
        x = v1.placeholder(tf.float32, [8, 4])
        w1, w2 = v1.Variable(np.ones((4, 5), "f")), v1.Variable(np.ones((5, 3), "f"))
        loss = v1.reduce_sum(tf.tanh(tf.matmul(tf.tanh(tf.matmul(x, w1)), w2)))
        grads = v1.gradients(loss, [w1, w2])
        from tfcompat._src.engine import lower
        from tfcompat._src.fetches import Fetches

        flat = Fetches(loss.graph, [loss, *grads])
        (stage,) = lower.plan(flat.slots, [], [x._slot]).stages
        jaxpr = str(jax.make_jaxpr(stage.program.evaluate)([np.zeros(s.aval.shape, "f") for s in stage.leaves]))
    assert jaxpr.count("dot_general[") == 2 + 3  # two forward, three backward
    assert jaxpr.count("tanh ") == 2


def test_a_fed_batch_size_used_as_a_shape():
    with tf.Graph().as_default():
        n = v1.placeholder(tf.int32, [])
        x = v1.placeholder(tf.float32, [None, 3])
        zeros = tf.zeros([n, 2])
        joined = tf.concat([x, zeros], 1)
        rows = tf.reshape(x, [tf.shape(x)[0] * 3])
        with v1.Session() as running:
            assert running.run(joined, {n: 2, x: np.ones((2, 3))}).shape == (2, 5)
            assert running.run(joined, {n: 4, x: np.ones((4, 3))}).shape == (4, 5)
            assert running.run(rows, {x: np.ones((4, 3))}).shape == (12,)


def test_host_operations_cut_the_program():
    with tf.Graph().as_default():
        x = v1.placeholder(tf.float32, [None])
        doubled = x * 2.0
        kept = tf.boolean_mask(doubled, doubled > 2.0)
        total = tf.reduce_sum(kept * 10.0)
        (grad,) = v1.gradients(total, [x])
        with v1.Session() as running:
            value, g = running.run([total, grad], {x: [1.0, 2.0, 3.0]})
    assert value == 100.0
    np.testing.assert_array_equal(g, [0.0, 20.0, 20.0])


def test_a_failed_step_changes_nothing():
    with tf.Graph().as_default():
        v = v1.Variable(1.0)
        x = v1.placeholder(tf.float32, [])
        update = v.assign_add(x)
        with tf.control_dependencies([v1.Assert(x < 10.0, ["too large", x])]):
            guarded = v.assign(x)
        with v1.Session() as running:
            running.run(v1.global_variables_initializer())
            with pytest.raises(tf.errors.InvalidArgumentError, match="too large"):
                running.run([guarded, update], {x: 20.0})
            assert running.run(v) == 1.0


def test_importing_changes_nothing_for_other_jax_code():
    code = "import jax, tfcompat; print(jax.numpy.arange(3.0).dtype, jax.config.jax_enable_x64, jax.config.jax_compilation_cache_dir)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["float32", "False", "None"]


def test_compile_log_names_the_line_and_the_difference(tmp_path):
    script = tmp_path / "loop.py"
    script.write_text("import tfcompat as tf\nfor n in (2, 3):\n    print(tf.reduce_sum(tf.ones([n]) * 2.0).numpy())\n")
    env = {"TFCOMPAT_LOG_COMPILES": "1", "PATH": "/usr/bin", "JAX_PLATFORMS": "cpu"}
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, env=env)
    assert run.stdout.split() == ["4.0", "6.0"]
    assert "loop.py:3" in run.stderr and "compile #2" in run.stderr and "was" in run.stderr


def test_buffers_given_up_were_nobodys():
    """A step overwrites old values (donation), never one that somebody still holds."""
    start = np.random.RandomState(0).randn(100, 100).astype("f")
    w, optimizer = tf.Variable(start), tf.keras.optimizers.Adam(0.1)
    held = []
    for _ in range(4):
        held.append((w.read_value(), w.numpy()))
        held += [(v.read_value(), v.numpy()) for v in optimizer.variables]
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(w * w)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
    for tensor, value in held:
        np.testing.assert_array_equal(tensor.numpy(), value)
    np.testing.assert_array_equal(held[0][1], start)


def test_shapes_that_variables_hold():
    """A shape read from a variable becomes part of the program's key: another value is another program."""
    with tf.Graph().as_default():
        v = v1.Variable([2, 3])
        made = [tf.zeros(v), tf.zeros(v + 0), tf.reshape(tf.range(6), v)]
        grown = v1.assign(v, v * 2)
        with v1.Session() as running:
            running.run(v.initializer)
            assert [x.shape for x in running.run(made)] == [(2, 3)] * 3
            running.run(grown)
            assert running.run(made[1]).shape == (4, 6)
            running.run(v.initializer)
            assert running.run([made[0], grown])[0].shape == (2, 3)
            assert running.run(made[0]).shape == (4, 6)


def test_windows_cut_out_by_data_compile_nothing():
    """A random crop of an image that is fed is cut out on the host: other bounds are no other program."""
    image = np.arange(40 * 50, dtype=np.float32).reshape(40, 50, 1)
    with tf.Graph().as_default(), v1.Session() as sess:
        x = v1.placeholder(tf.float32, image.shape)
        begin, size, _ = tf.image.sample_distorted_bounding_box(image.shape, [[[0.1, 0.1, 0.9, 0.9]]])
        parts = [begin, size, tf.slice(x, begin, size), x[begin[0] : begin[0] + size[0]]]
        sess.run(parts, {x: image})
        with Count() as count:
            for _ in range(5):
                (i, j, _), (h, w, _), one, other = sess.run(parts, {x: image})
                np.testing.assert_array_equal(one, image[i : i + h, j : j + w])
                np.testing.assert_array_equal(other, image[i : i + h])
        assert count.compiles == 0


def test_known_integers_without_a_twin_are_part_of_the_program():
    """Where no kernel must know them: each step of their kernels would be a compile of its own."""
    with tf.Graph().as_default(), v1.Session() as sess:
        labels, predictions = tf.constant([[1, 2], [0, 3]], tf.int64), tf.constant([[2, 5], [4, 4]], tf.int64)
        value, update = v1.metrics.recall_at_top_k(labels, predictions, k=2)
        sess.run(v1.local_variables_initializer())
        assert sess.run(update) == 0.25
        rows = tf.math.bincount(tf.constant([1, 1, 2]))  # one that a shape depends on
        assert sess.run(tf.ones(rows[1:3] + 1)).shape == (3, 2)
        # What has a twin and is computed from such waits with them.
        assert sess.run(tf.sequence_mask(tf.constant([0, 1, 2]))).tolist() == [[False] * 2, [True, False], [True] * 2]
