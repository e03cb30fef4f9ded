"""Sessions with hooks, Supervisor, and the clusters of one process.  What comes of it: TensorFlow 2.21's behaviour."""

import os

import numpy as np
import pytest
from tfcompat.compat import v1 as tf

errors = tf.errors


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as g:
        yield g


def counting():
    """The global step and the operation that counts it, and a loss of 1 / step."""
    step = tf.train.get_or_create_global_step()
    train = tf.assign_add(step, 1)
    return step, train, tf.identity(1.0 / tf.cast(step, tf.float32), name="loss")


class Witness(tf.train.SessionRunHook):
    def __init__(self, fetch=None):
        self.seen, self.fetch = [], fetch

    def begin(self):
        self.seen.append("begin")

    def after_create_session(self, session, coord):
        self.seen.append("created")

    def before_run(self, run_context):
        self.seen.append("before")
        return tf.train.SessionRunArgs(self.fetch) if self.fetch is not None else None

    def after_run(self, run_context, run_values):
        self.seen.append(run_values.results)

    def end(self, session):
        self.seen.append("end")


def test_hooks_are_called_in_order():
    _, train, _ = counting()
    hook = Witness({"seven": tf.constant(7)})
    with tf.train.MonitoredSession(hooks=[hook]) as sess:
        sess.run(train)
    assert hook.seen == ["begin", "created", "before", {"seven": 7}, "end"]


@pytest.mark.parametrize("given, steps", [({"num_steps": 3}, 3), ({"last_step": 4}, 4)])
def test_stop_at_step(given, steps):
    step, train, _ = counting()
    with tf.train.MonitoredSession(hooks=[tf.train.StopAtStepHook(**given)]) as sess:
        count = 0
        while not sess.should_stop():
            sess.run(train)
            count += 1
        with pytest.raises(RuntimeError, match="should_stop"):
            sess.run(train)
    assert count == steps


def test_training_goes_on_from_a_checkpoint(tmp_path):
    folder = str(tmp_path)
    for last in (5, 8):
        with tf.Graph().as_default():
            step, train, loss = counting()
            tf.summary.scalar("loss", loss)
            hooks = [tf.train.StopAtStepHook(last_step=last)]
            with tf.train.MonitoredTrainingSession(checkpoint_dir=folder, hooks=hooks, save_checkpoint_steps=2) as sess:
                assert sess.run(step) == (0 if last == 5 else 5)
                while not sess.should_stop():
                    sess.run(train)
    assert tf.train.latest_checkpoint(folder).endswith("model.ckpt-8")
    names = os.listdir(folder)
    assert "graph.pbtxt" in names and "model.ckpt-8.meta" in names and any(n.startswith("events") for n in names)


def test_queues_run_and_the_end_of_data_is_no_error():
    batch = tf.train.batch([tf.train.range_input_producer(6, num_epochs=1, shuffle=False).dequeue()], 2)
    seen = []
    with tf.train.MonitoredTrainingSession() as sess:
        while not sess.should_stop():
            seen.append(sess.run(batch).tolist())
    assert seen == [[0, 1], [2, 3], [4, 5]]


def test_a_lost_session_is_made_anew():
    step, train, _ = counting()

    class Fails(Witness):
        def after_run(self, run_context, run_values):
            self.seen.append("after")
            if self.seen.count("after") == 2:
                raise errors.AbortedError(None, None, "lost")

    hook = Fails()
    with tf.train.MonitoredSession(hooks=[hook]) as sess:
        assert [int(sess.run(train)) for _ in range(3)] == [1, 1, 2]
    assert hook.seen.count("created") == 2


def test_nan():
    x = tf.placeholder(tf.float32, [])
    for fail in (True, False):
        with tf.train.SingularMonitoredSession(hooks=[tf.train.NanTensorHook(x, fail_on_nan_loss=fail)]) as sess:
            sess.run(x, {x: 1.0})
            if fail:
                with pytest.raises(tf.train.NanLossDuringTrainingError):
                    sess.run(x, {x: np.nan})
            else:
                sess.run(x, {x: np.nan})
                assert sess.should_stop()


def test_feeds_and_final_values():
    x = tf.placeholder(tf.float32, [], name="x")
    final = tf.train.FinalOpsHook(x * 2, {x: 5.0})
    feed = tf.train.FeedFnHook(lambda: {x: 3.0})
    with tf.train.MonitoredSession(hooks=[feed, final]) as sess:
        assert sess.run(x) == 3
        with pytest.raises(RuntimeError, match="fed"):
            sess.run(x, {x: 1.0})
        got = []
        sess.run_step_fn(lambda step_context: got.append(step_context.session.run(x, {x: 4.0})))
        assert got == [4]
    assert final.final_ops_values == 10


def test_scaffold():
    v = tf.get_variable("v", [], initializer=tf.zeros_initializer())
    seen = []
    scaffold = tf.train.Scaffold(
        init_fn=lambda scaffold, sess: seen.append(sess.run(v)), local_init_op=tf.assign(v, 4.0).op
    )
    with tf.train.MonitoredSession(tf.train.ChiefSessionCreator(scaffold)) as sess:
        assert tf.get_default_graph().finalized and seen == [0] and sess.run(v) == 4


def test_logging(caplog):
    _, train, loss = counting()
    hook = tf.train.LoggingTensorHook({"loss": loss}, every_n_iter=2, formatter=lambda v: f"{sorted(v)}")
    tf.logging.set_verbosity(tf.logging.INFO)
    logger = tf.get_logger()
    said = []
    logger.addFilter(lambda record: said.append(record.getMessage()) or True)
    with tf.train.SingularMonitoredSession(hooks=[hook]) as sess:
        for _ in range(4):
            sess.run(train)
    assert said.count("['loss']") == 2


def test_supervisor(tmp_path):
    for start in (0, 3):
        with tf.Graph().as_default():
            step, train, _ = counting()
            sv = tf.train.Supervisor(logdir=str(tmp_path), save_model_secs=600)
            with sv.managed_session() as sess:
                assert sess.run(step) == start
                for _ in range(3):
                    sess.run(train)
                sv.saver.save(sess, sv.save_path, global_step=step)
    assert os.path.basename(tf.train.latest_checkpoint(str(tmp_path))) == "model.ckpt-6"


def test_sessions_of_a_server_share_variables():
    v = tf.get_variable("v", [], initializer=tf.zeros_initializer())
    server = tf.train.Server.create_local_server()
    with tf.Session(server.target) as one, tf.Session(server.target) as two:
        one.run(v.initializer)
        one.run(tf.assign(v, 3.0))
        assert two.run(v) == 3
    with tf.Session() as other, pytest.raises(errors.FailedPreconditionError):
        other.run(v)


def test_cluster_specs():
    spec = tf.train.ClusterSpec({"ps": ["a:1"], "worker": {1: "b:2", 3: "c:3"}})
    assert spec.num_tasks("worker") == 2 and spec.task_indices("worker") == [1, 3] and spec.jobs == ["ps", "worker"]
    assert spec.job_tasks("worker") == [None, "b:2", None, "c:3"] and spec.task_address("ps", 0) == "a:1"
    assert spec.as_dict() == {"ps": ["a:1"], "worker": {1: "b:2", 3: "c:3"}} and spec == tf.train.ClusterSpec(spec)


def test_replica_devices():
    with tf.device(tf.train.replica_device_setter(cluster={"ps": ["a:1", "b:1"], "worker": ["c:1"]})):
        variables = [tf.Variable(0.0) for _ in range(3)]
        total = tf.add_n(variables)
    assert [v.device for v in variables] == ["/job:ps/task:0", "/job:ps/task:1", "/job:ps/task:0"]
    assert total.device == "/job:worker"


REFUSED = {
    "cluster": (
        lambda: tf.train.Server({"ps": ["a:1"], "worker": ["b:1"]}, "ps", 0),
        NotImplementedError,
        "one process",
    ),
    "profiler": (lambda: tf.train.ProfilerHook(save_steps=1), NotImplementedError, "ProfilerHook"),
    "timer": (lambda: tf.train.SecondOrStepTimer(1, 1), ValueError, "both"),
    "no step": (lambda: tf.train.MonitoredSession(hooks=[tf.train.StopAtStepHook(1)]), RuntimeError, "Global step"),
    "tasks": (lambda: tf.train.ClusterSpec("a:1"), TypeError, "dictionary"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, kind, words = REFUSED[name]
    with pytest.raises(kind, match=words):
        call()


def test_waiting_for_step_zero_looks_at_nothing():
    """TensorFlow lets a session pass whose step is not initialised yet."""
    tf.train.get_or_create_global_step()
    hook = tf.train.GlobalStepWaiterHook(wait_until_step=0)
    hook.begin()
    with tf.Session() as session:
        assert hook.before_run(tf.train.SessionRunContext(original_args=None, session=session)) is None


def test_a_monitored_session_has_started_its_queue_runners():
    queue = tf.FIFOQueue(2, tf.float32)
    tf.train.add_queue_runner(tf.train.QueueRunner(queue, [queue.enqueue(1.0)]))
    with tf.train.MonitoredSession() as session:
        assert tf.train.start_queue_runners(sess=session) == []


def test_ready_by_a_number():
    """assert_variables_initialized, of the first versions, gives numbers, not names."""
    v = tf.Variable(1.0)
    manager = tf.train.SessionManager(ready_op=tf.assert_variables_initialized())
    with manager.prepare_session("", init_op=tf.global_variables_initializer()) as session:
        assert session.run(v) == 1.0
