"""SessionRunHook: what is called around the runs of a monitored session, and the usual hooks (saving ones: saving_hooks.py)."""

from __future__ import annotations

import collections
import time

import numpy as np

from ..declare import export, refused
from ..graph import current_graph
from ..optimizers.global_step import get_global_step
from ..platform import log as logging


@export("", v1="train.SessionRunArgs estimator.SessionRunArgs")
class SessionRunArgs(collections.namedtuple("SessionRunArgs", ["fetches", "feed_dict", "options"])):
    """What a hook asks a run for: more fetches, feeds, options."""

    def __new__(cls, fetches, feed_dict=None, options=None):
        return super().__new__(cls, fetches, feed_dict, options)


@export("", v1="train.SessionRunValues estimator.SessionRunValues")
class SessionRunValues(collections.namedtuple("SessionRunValues", ["results", "options", "run_metadata"])):
    """What a run gave a hook: `results` for its fetches."""


@export("", v1="train.SessionRunContext estimator.SessionRunContext")
class SessionRunContext:
    """A run as hooks see it: what was asked for, the session, and a way to stop after it."""

    def __init__(self, original_args, session):
        self._original_args, self._session, self._stop_requested = original_args, session, False

    original_args = property(lambda self: self._original_args, doc="The caller's SessionRunArgs.")
    session = property(lambda self: self._session, doc="The session.")
    stop_requested = property(lambda self: self._stop_requested, doc="Whether a hook asked to stop.")

    def request_stop(self):
        """Lets `should_stop` of the monitored session be true from now on."""
        self._stop_requested = True


@export("", v1="train.SessionRunHook estimator.SessionRunHook")
class SessionRunHook:
    """The base of hooks; each method may be left as it is."""

    def begin(self):
        """Before the session is there: the last chance to add operations to the graph."""

    def after_create_session(self, session, coord):
        """Once the session is there, and again when it was made anew."""

    def before_run(self, run_context):
        """Before a run; may return SessionRunArgs."""
        return None

    def after_run(self, run_context, run_values):
        """After a run, with what was asked for."""

    def end(self, session):
        """Before the session is closed, unless an exception closes it."""


@export("", v1="train.SecondOrStepTimer estimator.SecondOrStepTimer")
class SecondOrStepTimer:
    """Says when it is time again: every so many seconds, or steps.  ValueError for both or neither."""

    def __init__(self, every_secs=None, every_steps=None):
        if every_secs is None and every_steps is None:
            raise ValueError("Either every_secs or every_steps should be provided.")
        if every_secs is not None and every_steps is not None:
            raise ValueError("Can not provide both every_secs and every_steps.")
        self._every_secs, self._every_steps = every_secs, every_steps
        self.reset()

    def reset(self):
        """Starts over: the next step is one."""
        self._last_triggered_step = self._last_triggered_time = None

    def should_trigger_for_step(self, step):
        """Whether it is time at this step."""
        if self._last_triggered_step is None:
            return True
        if self._last_triggered_step == step:
            return False
        if self._every_secs is not None and time.time() >= self._last_triggered_time + self._every_secs:
            return True
        return self._every_steps is not None and step >= self._last_triggered_step + self._every_steps

    def update_last_triggered_step(self, step):
        """Notes that it was time at `step`; (seconds, steps) since the time before, or (None, None)."""
        now, since = time.time(), (None, None)
        if self._last_triggered_time is not None:
            since = now - self._last_triggered_time, step - self._last_triggered_step
        self._last_triggered_time, self._last_triggered_step = now, step
        return since

    def last_triggered_step(self):
        """The step of the last time, or None."""
        return self._last_triggered_step


class NeverTriggerTimer:
    """A timer whose time never comes."""

    def reset(self):
        pass

    def should_trigger_for_step(self, step):
        return False

    def update_last_triggered_step(self, step):
        return None, None

    def last_triggered_step(self):
        return None


def needed_step(what):
    """The graph's global step; RuntimeError where it has none."""
    found = get_global_step()
    if found is None:
        raise RuntimeError(f"Global step should be created to use {what}.")
    return found


@export("", v1="train.StopAtStepHook estimator.StopAtStepHook")
class StopAtStepHook(SessionRunHook):
    """Stops after `num_steps` steps, or at step number `last_step`.  ValueError for both or neither."""

    def __init__(self, num_steps=None, last_step=None):
        if num_steps is None and last_step is None:
            raise ValueError("One of num_steps or last_step must be specified.")
        if num_steps is not None and last_step is not None:
            raise ValueError("Only one of num_steps or last_step can be specified.")
        self._num_steps, self._last_step = num_steps, last_step

    def begin(self):
        self._step = needed_step("StopAtStepHook")

    def after_create_session(self, session, coord):
        if self._last_step is None:
            self._last_step = session.run(self._step) + self._num_steps

    def before_run(self, run_context):
        return SessionRunArgs(self._step)

    def after_run(self, run_context, run_values):
        if run_values.results + 1 >= self._last_step:  # read before the step was counted, or after it
            if run_context.session.run(self._step) >= self._last_step:
                run_context.request_stop()


@export("", v1="train.LoggingTensorHook estimator.LoggingTensorHook")
class LoggingTensorHook(SessionRunHook):
    """Logs tensors (a list, or a dict of tags) every `every_n_iter` runs or `every_n_secs` seconds, or `at_end`."""

    def __init__(self, tensors, every_n_iter=None, every_n_secs=None, at_end=False, formatter=None):
        only_end = at_end and every_n_iter is None and every_n_secs is None
        if not only_end and (every_n_iter is None) == (every_n_secs is None):
            raise ValueError("either at_end and/or exactly one of every_n_iter and every_n_secs must be provided.")
        if every_n_iter is not None and every_n_iter <= 0:
            raise ValueError(f"invalid every_n_iter={every_n_iter}.")
        if isinstance(tensors, dict):
            self._tag_order = list(tensors.keys())
        else:
            self._tag_order = list(tensors)
            tensors = {item: item for item in self._tag_order}
        self._tensors, self._formatter, self._at_end = tensors, formatter, at_end
        self._timer = (
            NeverTriggerTimer() if only_end else SecondOrStepTimer(every_secs=every_n_secs, every_steps=every_n_iter)
        )

    def begin(self):
        self._timer.reset()
        self._iter_count = 0
        graph = current_graph()
        self._current_tensors = {tag: graph.as_graph_element(t) for tag, t in self._tensors.items()}

    def before_run(self, run_context):
        self._should_trigger = self._timer.should_trigger_for_step(self._iter_count)
        return SessionRunArgs(self._current_tensors) if self._should_trigger else None

    def _log_tensors(self, values):
        before = np.get_printoptions()
        np.set_printoptions(suppress=True)
        elapsed, _ = self._timer.update_last_triggered_step(self._iter_count)
        if self._formatter:
            logging.info(self._formatter(values))
        else:
            said = ", ".join([f"{tag} = {values[tag]}" for tag in self._tag_order])
            logging.info(said if elapsed is None else f"{said} ({elapsed:.3f} sec)")
        np.set_printoptions(**before)

    def after_run(self, run_context, run_values):
        if self._should_trigger:
            self._log_tensors(run_values.results)
        self._iter_count += 1

    def end(self, session):
        if self._at_end:
            self._log_tensors(session.run(self._current_tensors))


@export("", v1="train.NanLossDuringTrainingError estimator.NanLossDuringTrainingError")
class NanLossDuringTrainingError(RuntimeError):
    """The loss is no number any more."""

    def __str__(self):
        return "NaN loss during training."


@export("", v1="train.NanTensorHook estimator.NanTensorHook")
class NanTensorHook(SessionRunHook):
    """Stops where a tensor (the loss) is NaN: with NanLossDuringTrainingError, or quietly."""

    def __init__(self, loss_tensor, fail_on_nan_loss=True):
        self._loss_tensor, self._fail_on_nan_loss = loss_tensor, fail_on_nan_loss

    def before_run(self, run_context):
        return SessionRunArgs(self._loss_tensor)

    def after_run(self, run_context, run_values):
        if np.isnan(run_values.results):
            failure = "Model diverged with loss = NaN."
            if self._fail_on_nan_loss:
                logging.error(failure)
                raise NanLossDuringTrainingError
            logging.warn(failure)
            run_context.request_stop()


@export("", v1="train.GlobalStepWaiterHook estimator.GlobalStepWaiterHook")
class GlobalStepWaiterHook(SessionRunHook):
    """Lets the first run wait until the global step, which other threads count, is `wait_until_step`."""

    def __init__(self, wait_until_step):
        self._wait_until_step, self._worker_is_started = wait_until_step, False

    def begin(self):
        self._worker_is_started = False
        self._step = needed_step("_GlobalStepWaiterHook")

    def before_run(self, run_context):
        if self._worker_is_started:
            return None
        if self._wait_until_step <= 0:
            self._worker_is_started = True
            return None
        logging.info("Waiting for global step %d before starting training.", self._wait_until_step)
        logged = 0
        while run_context.session.run(self._step) < self._wait_until_step:
            now = run_context.session.run(self._step)
            if now - logged > 1000:
                logging.info(
                    "Waiting for global step %d before starting training. Current step is %d.",
                    self._wait_until_step,
                    now,
                )
                logged = now
            time.sleep(0.5)
        self._worker_is_started = True
        return None


@export("", v1="train.FinalOpsHook estimator.FinalOpsHook")
class FinalOpsHook(SessionRunHook):
    """Runs operations once more before the session is closed; `final_ops_values` is what they gave."""

    def __init__(self, final_ops, final_ops_feed_dict=None):
        self._final_ops, self._feeds, self._values = final_ops, final_ops_feed_dict, None

    final_ops_values = property(lambda self: self._values)

    def end(self, session):
        if self._final_ops is None:
            return
        try:
            self._values = session.run(self._final_ops, feed_dict=self._feeds)
        except Exception as e:
            logging.warn(
                "An error occurred while trying to run the final ops. Their values may depend on an input that has run out (%s)",
                type(e).__name__,
            )
            raise


@export("", v1="train.FeedFnHook estimator.FeedFnHook")
class FeedFnHook(SessionRunHook):
    """Feeds every run with what `feed_fn()` returns."""

    def __init__(self, feed_fn):
        self.feed_fn = feed_fn

    def before_run(self, run_context):
        return SessionRunArgs(fetches=None, feed_dict=self.feed_fn())


refused(
    "train.ProfilerHook", "tfcompat does not profile single operations: XLA runs them as one program; use jax.profiler.trace.",
    lambda save_steps=None, save_secs=None, output_dir="", show_dataflow=True, show_memory=False: None, v1="train.ProfilerHook",
)  # fmt: skip
