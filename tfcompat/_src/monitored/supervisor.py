"""tf.train.Supervisor: a session that is initialised or restored, and threads that save it and write summaries."""

from __future__ import annotations

import contextlib
import os
import time

from .. import errors
from ..declare import NAMES, export
from ..graph import context, current_graph
from ..graph_collections import GraphKeys
from ..platform import log as logging
from ..train.coordinator import Coordinator, LooperThread
from .session_manager import SessionManager


def _v1(name):
    return NAMES["v1"][name]


@export("", v1="train.Supervisor")
class Supervisor:
    """Looks after a training session: initialises or restores it, saves it and writes summaries in the background.

    Raises RuntimeError eagerly, ValueError for what does not go together.
    """

    USE_DEFAULT = 0

    def __init__(self, graph=None, ready_op=USE_DEFAULT, ready_for_local_init_op=USE_DEFAULT, is_chief=True, init_op=USE_DEFAULT,
                 init_feed_dict=None, local_init_op=USE_DEFAULT, logdir=None, summary_op=USE_DEFAULT, saver=USE_DEFAULT,
                 global_step=USE_DEFAULT, save_summaries_secs=120, save_model_secs=600, recovery_wait_secs=30, stop_grace_secs=120,
                 checkpoint_basename="model.ckpt", session_manager=None, summary_writer=USE_DEFAULT, init_fn=None,
                 local_init_run_options=None):  # fmt: skip
        if context.graph is None and graph is None:
            raise RuntimeError("Supervisors are incompatible with eager execution.")
        self._graph = current_graph() if graph is None else graph
        with self._graph.as_default():
            self._choose(
                ready_op,
                ready_for_local_init_op,
                init_op,
                init_feed_dict,
                local_init_op,
                summary_op,
                saver,
                global_step,
                is_chief,
            )
        self._coord = Coordinator()
        self._recovery_wait_secs, self._stop_grace_secs = recovery_wait_secs, stop_grace_secs
        self._init_fn, self._is_chief, self._logdir = init_fn, is_chief, None
        self._save_summaries_secs = self._save_model_secs = self._save_path = self._summary_writer = None
        if is_chief:
            self._logdir, self._save_summaries_secs, self._save_model_secs = (
                logdir,
                save_summaries_secs,
                save_model_secs,
            )
            if logdir:
                self._save_path = os.path.join(logdir, checkpoint_basename)
            if summary_writer == self.USE_DEFAULT and not hasattr(summary_writer, "add_summary"):
                self._summary_writer = _v1("summary.FileWriter")(logdir) if logdir else None
            else:
                self._summary_writer = summary_writer
            self._graph_added_to_summary = False
        self._event_loop_started = False
        self._session_manager = session_manager or SessionManager(
            local_init_op=self._local_init_op, ready_op=self._ready_op, ready_for_local_init_op=self._ready_for_local_init_op,
            graph=self._graph, recovery_wait_secs=recovery_wait_secs, local_init_run_options=local_init_run_options,
        )  # fmt: skip
        self._graph.finalize()

    def _choose(
        self, ready_op, ready_for_local, init_op, init_feed_dict, local_init_op, summary_op, saver, step, is_chief
    ):
        """What was given, else what the graph's collections have, else what it needs."""

        def default(given, key, make):
            if given is not self.USE_DEFAULT or isinstance(given, bool):
                return given
            members = self._graph.get_collection(key)
            made = members[0] if members else make() if make is not None else None
            if made is not None and not members:
                self._graph.add_to_collection(key, made)
            return made

        report = _v1("report_uninitialized_variables")
        self._ready_op = default(ready_op, GraphKeys.READY_OP, report)
        self._ready_for_local_init_op = default(ready_for_local, GraphKeys.READY_FOR_LOCAL_INIT_OP, None)
        self._init_op = default(init_op, GraphKeys.INIT_OP, _v1("global_variables_initializer")) if is_chief else None
        self._init_feed_dict = init_feed_dict if is_chief else None
        self._local_init_op = default(
            local_init_op, GraphKeys.LOCAL_INIT_OP,
            lambda: _v1("group")(_v1("local_variables_initializer")(), _v1("tables_initializer")()),
        )  # fmt: skip
        self._saver = default(
            saver, GraphKeys.SAVERS,
            lambda: _v1("train.Saver")() if self._graph.get_collection(GraphKeys.GLOBAL_VARIABLES) else None,
        )  # fmt: skip
        self._summary_op = default(summary_op, GraphKeys.SUMMARY_OP, _v1("summary.merge_all"))
        self._global_step = (
            _v1("train.get_global_step")(self._graph)
            if step is self.USE_DEFAULT and not isinstance(step, bool)
            else step
        )

    # -- what it has --------------------------------------------------------------------------------------------------
    is_chief = property(lambda self: self._is_chief)
    session_manager = property(lambda self: self._session_manager)
    coord = property(lambda self: self._coord)
    init_op = property(lambda self: self._init_op)
    init_feed_dict = property(lambda self: self._init_feed_dict)
    ready_op = property(lambda self: self._ready_op)
    ready_for_local_init_op = property(lambda self: self._ready_for_local_init_op)
    summary_writer = property(lambda self: self._summary_writer)
    summary_op = property(lambda self: self._summary_op)
    save_summaries_secs = property(lambda self: self._save_summaries_secs)
    global_step = property(lambda self: self._global_step)
    saver = property(lambda self: self._saver)
    save_model_secs = property(lambda self: self._save_model_secs)
    save_path = property(lambda self: self._save_path)

    # -- sessions -----------------------------------------------------------------------------------------------------
    def prepare_or_wait_for_session(self, master="", config=None, wait_for_checkpoint=False, max_wait_secs=7200,
                                    start_standard_services=True):  # fmt: skip
        """A session that is ready; the chief initialises or restores it and starts the threads that save."""
        self._coord.clear_stop()
        if self._summary_writer:
            self._summary_writer.reopen()
        if self._is_chief:
            sess = self._session_manager.prepare_session(
                master, init_op=self._init_op, saver=self._saver, checkpoint_dir=self._logdir, wait_for_checkpoint=wait_for_checkpoint,
                max_wait_secs=max_wait_secs, config=config, init_feed_dict=self._init_feed_dict, init_fn=self._init_fn,
            )  # fmt: skip
            if self._logdir:
                _v1("train.write_graph")(self._graph.as_graph_def(add_shapes=True), self._logdir, "graph.pbtxt")
            if self._summary_writer and not self._graph_added_to_summary:
                self._summary_writer.add_graph(self._graph)
                self._graph_added_to_summary = True
            if start_standard_services:
                logging.info("Starting standard services.")
                self.start_standard_services(sess)
        else:
            sess = self._session_manager.wait_for_session(master, config=config, max_wait_secs=max_wait_secs)
        if start_standard_services:
            logging.info("Starting queue runners.")
            self.start_queue_runners(sess)
        return sess

    @contextlib.contextmanager
    def managed_session(self, master="", config=None, start_standard_services=True, close_summary_writer=True):
        """A context with a session that is ready; its end stops the threads, and the end of the data is no error."""
        try:
            sess = self.prepare_or_wait_for_session(master, config, start_standard_services=start_standard_services)
            with sess.as_default():
                yield sess
        except Exception as e:
            self.request_stop(e)
        finally:
            try:
                self.stop(close_summary_writer=close_summary_writer)
            finally:
                with contextlib.suppress(Exception, NameError):
                    sess.close()

    # -- services -----------------------------------------------------------------------------------------------------
    def start_standard_services(self, sess):
        """Starts the threads that save checkpoints, write summaries and count steps; None without a logdir."""
        if not self._is_chief:
            raise RuntimeError(
                "Only chief supervisor can start standard services. Because only chief supervisors can write events."
            )
        if not self._logdir:
            logging.warn("Standard services need a 'logdir' passed to the SessionManager")
            return None
        if self._global_step is not None and self._summary_writer:
            number = int(sess.run(self._global_step))
            self._summary_writer.add_session_log(_v1("SessionLog")(status=1), number)
        threads = []
        if self._save_summaries_secs and self._summary_writer:
            if self._summary_op is not None:
                threads.append(_Looper(self._coord, self._save_summaries_secs, lambda: self._write_summary(sess)))
            if self._global_step is not None:
                threads.append(_Steps(self, sess))
        if self.saver and self._save_model_secs:
            threads.append(_Looper(self._coord, self._save_model_secs, lambda: self._save(sess), at_end=True))
        for t in threads:
            t.start()
        return threads

    def _write_summary(self, sess):
        fetches = [self._summary_op] + ([self._global_step] if self._global_step is not None else [])
        values = sess.run(fetches)
        step = values[1] if len(values) > 1 else None
        if self._summary_writer:
            logging.info("Recording summary at step %s.", step)
            self._summary_writer.add_summary(values[0], step)

    def _save(self, sess):
        logging.info("Saving checkpoint to path %s", self._save_path)
        self._saver.save(sess, self._save_path, global_step=self._global_step)
        if self._summary_writer and self._global_step is not None:
            log = _v1("SessionLog")(status=3, checkpoint_path=self._save_path)
            self._summary_writer.add_session_log(log, int(sess.run(self._global_step)))

    def start_queue_runners(self, sess, queue_runners=None):
        """Starts the threads of queue runners (default: the graph's)."""
        if queue_runners is None:
            queue_runners = self._graph.get_collection(GraphKeys.QUEUE_RUNNERS)
        return [t for r in queue_runners for t in r.create_threads(sess, coord=self._coord, daemon=True, start=True)]

    def loop(self, timer_interval_secs, target, args=None, kwargs=None):
        """A started thread that calls `target` every so many seconds."""
        looper = LooperThread(self._coord, timer_interval_secs, target=target, args=args, kwargs=kwargs)
        looper.start()
        return looper

    def stop(self, threads=None, close_summary_writer=True, ignore_live_threads=False):
        """Stops the threads and waits for them; raises what they raised."""
        self._coord.request_stop()
        try:
            self._coord.join(
                threads, stop_grace_period_secs=self._stop_grace_secs, ignore_live_threads=ignore_live_threads
            )
        finally:
            if close_summary_writer and self._summary_writer:
                self._summary_writer.add_session_log(_v1("SessionLog")(status=2))
                self._summary_writer.close()
                self._graph_added_to_summary = False

    def request_stop(self, ex=None):
        """Asks the threads to stop."""
        self._coord.request_stop(ex=ex)

    def should_stop(self):
        """Whether somebody asked to stop."""
        return self._coord.should_stop()

    def stop_on_exception(self):
        """A context whose exceptions stop everybody."""
        return self._coord.stop_on_exception()

    def wait_for_stop(self):
        """Waits until somebody asks to stop."""
        self._coord.wait_for_stop()

    def summary_computed(self, sess, summary, global_step=None):
        """Writes a summary that the caller computed.  RuntimeError without a writer or on another than the chief."""
        if not self._summary_writer:
            raise RuntimeError("Writing a summary requires a summary writer.")
        if global_step is None and self._global_step is not None:
            global_step = int(sess.run(self._global_step))
        self._summary_writer.add_summary(summary, global_step)

    PrepareSession, StartQueueRunners, StartStandardServices = (  # older names
        prepare_or_wait_for_session, start_queue_runners, start_standard_services,
    )  # fmt: skip
    Loop, Stop, RequestStop, ShouldStop = loop, stop, request_stop, should_stop
    StopOnException, WaitForStop, SummaryComputed = stop_on_exception, wait_for_stop, summary_computed


class _Looper(LooperThread):
    """A service: a call every so many seconds, and at the end where asked for."""

    def __init__(self, coord, secs, call, at_end=False):
        super().__init__(coord, secs)
        self._call, self._at_end = call, at_end

    def run_loop(self):
        self._call()

    def stop_loop(self):
        if self._at_end:
            self._call()


class _Steps(LooperThread):
    """The service that writes global_step/sec."""

    def __init__(self, supervisor, sess):
        super().__init__(supervisor.coord, supervisor.save_summaries_secs)
        self._supervisor, self._sess = supervisor, sess
        self._tag = f"{supervisor.global_step.op.name}/sec"

    def start_loop(self):
        self._time, self._step = time.time(), int(self._sess.run(self._supervisor.global_step))

    def run_loop(self):
        now, step = time.time(), int(self._sess.run(self._supervisor.global_step))
        elapsed, counted = now - self._time, step - self._step
        self._time, self._step = now, step
        rate = counted / elapsed if elapsed > 0 else float("inf")
        summary = _v1("Summary")
        made = summary(value=[summary.Value(tag=self._tag, simple_value=rate)])
        if self._supervisor.summary_writer:
            self._supervisor.summary_writer.add_summary(made, step)
        logging.log_first_n(logging.INFO, "%s: %g", 10, self._tag, rate)


@export("", v1="train.basic_train_loop")
def basic_train_loop(supervisor, train_step_fn, args=None, kwargs=None, master=""):
    """Calls train_step_fn(session, *args, **kwargs) until it asks the supervisor to stop or the data ends."""
    args, kwargs = list(args or []), kwargs or {}
    should_retry = True
    while should_retry:
        try:
            should_retry = False
            with supervisor.managed_session(master) as sess:
                while not supervisor.should_stop():
                    train_step_fn(sess, *args, **kwargs)
        except errors.AbortedError:
            should_retry = True
