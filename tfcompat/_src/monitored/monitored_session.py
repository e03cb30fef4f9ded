"""tf.train.MonitoredSession and its kin: a session with hooks, queue runners and recovery from lost workers."""

from __future__ import annotations

import abc
import os

from .. import errors
from ..config_messages import RunMetadata, RunOptions
from ..declare import export
from ..graph import current_graph
from ..graph_collections import GraphKeys
from ..platform import log as logging
from ..queues.runners import start_queue_runners
from ..train.coordinator import Coordinator
from .hooks import SessionRunArgs, SessionRunContext, SessionRunValues
from .saving_hooks import CheckpointSaverHook, StepCounterHook, SummarySaverHook
from .session_manager import Scaffold, SessionManager

USE_DEFAULT = object()
_LOST = (errors.AbortedError, errors.UnavailableError)  # what a new session may mend


# -- what makes sessions ----------------------------------------------------------------------------------------------
@export("", v1="train.SessionCreator")
class SessionCreator(metaclass=abc.ABCMeta):
    """Makes sessions for MonitoredSession."""

    @abc.abstractmethod
    def create_session(self):
        """A new session, ready to be used."""


class _Creator(SessionCreator):
    def __init__(self, scaffold, master, config):
        self._scaffold, self._master, self._config = scaffold or Scaffold(), master, config
        self._session_manager = None

    def _get_session_manager(self):
        if self._session_manager is None:
            s = self._scaffold
            self._session_manager = SessionManager(
                local_init_op=s.local_init_op, local_init_feed_dict=s.local_init_feed_dict, ready_op=s.ready_op,
                ready_for_local_init_op=s.ready_for_local_init_op, graph=current_graph(),
            )  # fmt: skip
        return self._session_manager


@export("", v1="train.ChiefSessionCreator")
class ChiefSessionCreator(_Creator):
    """Restores a checkpoint or initialises."""

    def __init__(self, scaffold=None, master="", config=None, checkpoint_dir=None, checkpoint_filename_with_path=None):
        super().__init__(scaffold, master, config)
        self._checkpoint_dir, self._checkpoint_filename_with_path = checkpoint_dir, checkpoint_filename_with_path

    def create_session(self):
        s = self._scaffold
        s.finalize()
        return self._get_session_manager().prepare_session(
            self._master, saver=s.saver, checkpoint_dir=self._checkpoint_dir,
            checkpoint_filename_with_path=self._checkpoint_filename_with_path, config=self._config, init_op=s.init_op,
            init_feed_dict=s.init_feed_dict, init_fn=s.init_fn,
        )  # fmt: skip


@export("", v1="train.WorkerSessionCreator")
class WorkerSessionCreator(_Creator):
    """Waits until somebody else has initialised."""

    def __init__(self, scaffold=None, master="", config=None, max_wait_secs=30 * 60):
        super().__init__(scaffold, master, config)
        self._max_wait_secs = max_wait_secs

    def create_session(self):
        self._scaffold.finalize()
        return self._get_session_manager().wait_for_session(
            self._master, config=self._config, max_wait_secs=self._max_wait_secs
        )


# -- sessions in sessions ---------------------------------------------------------------------------------------------
class _WrappedSession:
    """A session inside another; None once closed."""

    def __init__(self, sess):
        self._sess = sess

    graph = property(lambda self: self._sess.graph)
    sess_str = property(lambda self: self._sess.sess_str)

    def should_stop(self):
        if self._check_stop():
            return True
        inner = self._sess
        return inner.should_stop() if isinstance(inner, _WrappedSession) else inner is None

    def _check_stop(self):
        return False

    def close(self):
        if self._sess is not None:
            try:
                self._sess.close()
            except _LOST as e:
                logging.warn("An error occurred when attempting to close the session: %s", e)
            finally:
                self._sess = None

    def run(self, *args, **kwargs):
        return self._sess.run(*args, **kwargs)

    def run_step_fn(self, step_fn, raw_session, run_with_hooks):
        run_with_hooks = run_with_hooks or self.run
        return step_fn(_MonitoredSession.StepContext(raw_session, run_with_hooks))


class _CoordinatedSession(_WrappedSession):
    """Ends with its coordinator, and raises what the coordinator's threads raised."""

    def __init__(self, sess, coord, stop_grace_period_secs=120):
        super().__init__(sess)
        self._coord, self._stop_grace_period_secs = coord, stop_grace_period_secs

    def _check_stop(self):
        self._coord.raise_requested_exception()
        return self._coord.should_stop()

    def close(self):
        self._coord.request_stop()
        try:
            self._coord.join(stop_grace_period_secs=self._stop_grace_period_secs, ignore_live_threads=True)
        finally:
            try:
                super().close()
            except Exception as e:  # what the threads raised is what matters
                logging.vlog(1, "Ignored exception: %s", str(e))

    def run(self, *args, **kwargs):
        try:
            return self._sess.run(*args, **kwargs)
        except _LOST:
            raise
        except Exception as e:
            try:
                self._coord.raise_requested_exception()
            except _LOST:
                raise
            except Exception:
                raise e from None
            raise


class _HookedSession(_WrappedSession):
    """Calls hooks around every run."""

    def __init__(self, sess, hooks):
        super().__init__(sess)
        self._hooks, self._should_stop = hooks, False

    def _check_stop(self):
        return self._should_stop

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        if self.should_stop():
            raise RuntimeError("Run called even after should_stop requested.")
        wanted = {"caller": fetches}
        context = SessionRunContext(SessionRunArgs(fetches, feed_dict), self._sess)
        feeds, options = self._ask_hooks(context, wanted, feed_dict, options)
        noted = run_metadata if run_metadata is not None or not self._hooks else RunMetadata()
        if options is None and run_metadata is None:
            outputs = self._sess.run(wanted, feed_dict=feeds)
        else:
            outputs = self._sess.run(wanted, feed_dict=feeds, options=options, run_metadata=noted)
        for hook in self._hooks:
            hook.after_run(context, SessionRunValues(outputs.get(hook), options or RunOptions(), noted))
        self._should_stop = self._should_stop or context.stop_requested
        return outputs["caller"]

    def _ask_hooks(self, context, wanted, user_feeds, options):
        """What the hooks add: fetches into `wanted`; returns feeds and options."""
        feeds, fed = {}, set()
        for hook in self._hooks:
            request = hook.before_run(context)
            if request is None:
                continue
            if request.fetches is not None:
                wanted[hook] = request.fetches
            if request.feed_dict:
                names = {id(k) for k in request.feed_dict}
                if names & fed:
                    raise RuntimeError("Same tensor is fed by two hooks.")
                fed |= names
                feeds.update(request.feed_dict)
            if request.options:
                options = _merged(options, request.options)
        if not feeds:
            return user_feeds, options
        if user_feeds is None:
            return feeds, options
        if {id(k) for k in user_feeds} & fed:
            raise RuntimeError("Same tensor is fed by a SessionRunHook and user.")
        return {**user_feeds, **feeds}, options


def _merged(mine, theirs):
    """RunOptions that satisfy both."""
    made = RunOptions()
    both = [o for o in (mine, theirs) if o is not None]
    made.trace_level = max(o.trace_level or 0 for o in both)
    made.timeout_in_ms = max(o.timeout_in_ms or 0 for o in both)
    made.inter_op_thread_pool = (both[0]).inter_op_thread_pool
    made.output_partition_graphs = any(o.output_partition_graphs for o in both)
    return made


class _RecoverableSession(_WrappedSession):
    """Makes a new session and tries again where the one it had was lost."""

    def __init__(self, creator):
        self._creator = creator
        super().__init__(self._create())

    def _create(self):
        while True:
            try:
                return self._creator.create_session()
            except _LOST as e:
                logging.info("An error was raised while a session was being created; a new one is made. Error: %s", e)

    def _check_stop(self):
        try:
            return self._sess._check_stop() if self._sess else True
        except _LOST as e:
            logging.info("An error was raised that may mean a lost worker; the session is made anew. Error: %s", e)
            self.close()
            self._sess = self._create()
            return False

    def _recovering(self, call):
        while True:
            try:
                if not self._sess:
                    self._sess = self._create()
                return call()
            except _LOST as e:
                logging.info("An error was raised that may mean a lost worker; the session is made anew. Error: %s", e)
                self.close()
                self._sess = None

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        return self._recovering(
            lambda: self._sess.run(fetches, feed_dict=feed_dict, options=options, run_metadata=run_metadata)
        )

    def run_step_fn(self, step_fn, raw_session, run_with_hooks):
        return self._recovering(
            lambda: self._sess.run_step_fn(step_fn, self._creator.tf_sess if self._creator else raw_session, None)
        )


class _CoordinatedCreator(SessionCreator):
    """Makes a session with coordinator, queue runners and hooks around it."""

    def __init__(self, creator, hooks, stop_grace_period_secs):
        self._creator, self._hooks, self._grace = creator, hooks, stop_grace_period_secs
        self.tf_sess = self.coord = None

    def create_session(self):
        self.tf_sess = self._creator.create_session()
        self.coord = Coordinator(clean_stop_exception_types=[])
        if self.tf_sess.graph.get_collection(GraphKeys.QUEUE_RUNNERS):
            start_queue_runners(sess=self.tf_sess, coord=self.coord)
        for hook in self._hooks:
            hook.after_create_session(self.tf_sess, self.coord)
        return _CoordinatedSession(_HookedSession(self.tf_sess, self._hooks), self.coord, self._grace)


# -- what users hold --------------------------------------------------------------------------------------------------
class _MonitoredSession:
    """What MonitoredSession and SingularMonitoredSession share."""

    def __init__(self, session_creator, hooks, should_recover, stop_grace_period_secs=120):
        self._graph_was_finalized = current_graph().finalized
        self._hooks = hooks or []
        for hook in self._hooks:
            hook.begin()
        self._creator = _CoordinatedCreator(
            session_creator or ChiefSessionCreator(), self._hooks, stop_grace_period_secs
        )
        self._sess = _RecoverableSession(self._creator) if should_recover else self._creator.create_session()

    @property
    def graph(self):
        """The session's graph; None once it is closed."""
        return None if self._tf_sess() is None else self._creator.tf_sess.graph

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        """Session.run, with the hooks around it."""
        if self._sess is None:
            raise RuntimeError("Attempted to use a closed Session.")
        return self._sess.run(fetches, feed_dict=feed_dict, options=options, run_metadata=run_metadata)

    def run_step_fn(self, step_fn):
        """Calls step_fn(step_context), which may run things with the hooks or without.  ValueError for another form of it."""
        import inspect

        names = list(inspect.signature(step_fn).parameters)
        if names not in (["step_context"], ["self", "step_context"]):
            raise ValueError(
                f"'step_fn' may either have one 'step_context' argument, or 'self' and 'step_context' arguments if it's an instance "
                f"method. Got {names} instead."
            )
        if self._sess is None:
            raise RuntimeError("Attempted to use a closed Session.")
        return self._sess.run_step_fn(step_fn, self._tf_sess(), run_with_hooks=None)

    class StepContext:
        """What a step function gets: `session` without hooks, and a way to run with them."""

        def __init__(self, session, run_with_hooks_fn):
            self._session, self._run_with_hooks_fn = session, run_with_hooks_fn

        session = property(lambda self: self._session)

        def run_with_hooks(self, *args, **kwargs):
            return self._run_with_hooks_fn(*args, **kwargs)

        def request_stop(self):
            raise StopIteration("step_fn has requested the iterations to stop.")

    def should_stop(self):
        """Whether to leave the loop: a hook or thread asked to, or the session is closed."""
        return self._sess is None or self._sess.should_stop()

    def close(self):
        """Ends hooks, threads and session."""
        self._close_internal()

    def __enter__(self):
        return self

    def __exit__(self, exception_type, exception_value, traceback):
        if exception_type in (errors.OutOfRangeError, StopIteration):
            exception_type = None
        self._close_internal(exception_type)
        return exception_type is None

    def _close_internal(self, exception_type=None):
        try:
            if not exception_type:
                for hook in self._hooks:
                    hook.end(self._creator.tf_sess)
        finally:
            try:
                if self._sess is None:
                    raise RuntimeError("Session is already closed.")
                self._sess.close()
            finally:
                self._sess = self._creator.tf_sess = self._creator.coord = None
                if not self._graph_was_finalized:
                    current_graph()._finalized = False

    def _is_closed(self):
        return self._creator.tf_sess is None

    def _tf_sess(self):
        return self._creator.tf_sess


@export("", v1="train.MonitoredSession")
class MonitoredSession(_MonitoredSession):
    """A session with hooks and queue runners that is made anew where it is lost."""

    def __init__(self, session_creator=None, hooks=None, stop_grace_period_secs=120):
        super().__init__(session_creator, hooks, True, stop_grace_period_secs)


@export("", v1="train.SingularMonitoredSession")
class SingularMonitoredSession(_MonitoredSession):
    """A session with hooks and queue runners that is made once."""

    def __init__(self, hooks=None, scaffold=None, master="", config=None, checkpoint_dir=None, stop_grace_period_secs=120,
                 checkpoint_filename_with_path=None):  # fmt: skip
        creator = ChiefSessionCreator(scaffold, master, config, checkpoint_dir, checkpoint_filename_with_path)
        super().__init__(creator, hooks, False, stop_grace_period_secs)

    def raw_session(self):
        """The session inside."""
        return self._tf_sess()


@export("", v1="train.MonitoredTrainingSession")
def MonitoredTrainingSession(
    master="", is_chief=True, checkpoint_dir=None, scaffold=None, hooks=None, chief_only_hooks=None, save_checkpoint_secs=USE_DEFAULT,
    save_summaries_steps=USE_DEFAULT, save_summaries_secs=USE_DEFAULT, config=None, stop_grace_period_secs=120,
    log_step_count_steps=100, max_wait_secs=7200, save_checkpoint_steps=USE_DEFAULT, summary_dir=None, save_graph_def=True,
):  # fmt: skip
    """A MonitoredSession for training: it restores, saves, writes summaries and counts steps a second."""
    if save_summaries_steps is USE_DEFAULT and save_summaries_secs is USE_DEFAULT:
        save_summaries_steps, save_summaries_secs = 100, None
    save_summaries_steps = None if save_summaries_steps is USE_DEFAULT else save_summaries_steps
    save_summaries_secs = None if save_summaries_secs is USE_DEFAULT else save_summaries_secs
    if save_checkpoint_steps is USE_DEFAULT and save_checkpoint_secs is USE_DEFAULT:
        save_checkpoint_steps, save_checkpoint_secs = None, 600
    save_checkpoint_steps = None if save_checkpoint_steps is USE_DEFAULT else save_checkpoint_steps
    save_checkpoint_secs = None if save_checkpoint_secs is USE_DEFAULT else save_checkpoint_secs
    scaffold = scaffold or Scaffold()
    every = list(hooks or [])
    if not is_chief:
        creator = WorkerSessionCreator(scaffold, master, config, max_wait_secs)
        return MonitoredSession(creator, every, stop_grace_period_secs)
    if chief_only_hooks:
        every.extend(chief_only_hooks)
    folder = summary_dir or checkpoint_dir
    if folder:
        os.makedirs(folder, exist_ok=True)
        if log_step_count_steps and log_step_count_steps > 0:
            every.append(StepCounterHook(output_dir=folder, every_n_steps=log_step_count_steps))
        if (save_summaries_steps and save_summaries_steps > 0) or (save_summaries_secs and save_summaries_secs > 0):
            every.append(
                SummarySaverHook(
                    scaffold=scaffold, save_steps=save_summaries_steps, save_secs=save_summaries_secs, output_dir=folder
                )
            )
    if checkpoint_dir and (
        (save_checkpoint_secs and save_checkpoint_secs > 0) or (save_checkpoint_steps and save_checkpoint_steps > 0)
    ):
        every.append(
            CheckpointSaverHook(
                checkpoint_dir,
                save_steps=save_checkpoint_steps,
                save_secs=save_checkpoint_secs,
                scaffold=scaffold,
                save_graph_def=save_graph_def,
            )  # fmt: skip
        )
    return MonitoredSession(
        ChiefSessionCreator(scaffold, master, config, checkpoint_dir), every, stop_grace_period_secs
    )
