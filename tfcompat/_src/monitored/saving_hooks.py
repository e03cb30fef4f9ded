"""Hooks that write: checkpoints, summaries, how many steps a second there are."""

from __future__ import annotations

import os

from ..declare import NAMES, export
from ..graph import current_graph
from ..graph_collections import GraphKeys
from ..platform import log as logging
from .hooks import SecondOrStepTimer, SessionRunArgs, SessionRunHook, needed_step


@export("", v1="train.CheckpointSaverListener estimator.CheckpointSaverListener")
class CheckpointSaverListener:
    """What is told of a CheckpointSaverHook's checkpoints; `after_save` may return True to stop."""

    def begin(self):
        pass

    def before_save(self, session, global_step_value):
        pass

    def after_save(self, session, global_step_value):
        pass

    def end(self, session, global_step_value):
        pass


def summary_writer_for(folder):
    """The FileWriter of a folder: one for all who ask."""
    return NAMES["v1"]["summary.FileWriterCache"].get(folder)


@export("", v1="train.CheckpointSaverHook estimator.CheckpointSaverHook")
class CheckpointSaverHook(SessionRunHook):
    """Saves a checkpoint every `save_steps` steps or `save_secs` seconds, at the start and at the end.

    Raises ValueError for both a saver and a scaffold, RuntimeError without a global step.
    """

    def __init__(self, checkpoint_dir, save_secs=None, save_steps=None, saver=None, checkpoint_basename="model.ckpt", scaffold=None,
                 listeners=None, save_graph_def=True):  # fmt: skip
        if saver is not None and scaffold is not None:
            raise ValueError("You cannot provide both saver and scaffold.")
        self._saver, self._scaffold, self._listeners = saver, scaffold, listeners or []
        self._checkpoint_dir, self._save_path = checkpoint_dir, os.path.join(checkpoint_dir, checkpoint_basename)
        self._timer, self._steps_per_run = SecondOrStepTimer(every_secs=save_secs, every_steps=save_steps), 1
        self._save_graph_def = save_graph_def

    def _set_steps_per_run(self, steps_per_run):
        self._steps_per_run = steps_per_run

    def begin(self):
        self._summary_writer = summary_writer_for(self._checkpoint_dir)
        self._step = needed_step("CheckpointSaverHook")
        for listener in self._listeners:
            listener.begin()

    def after_create_session(self, session, coord):
        graph = current_graph()
        if self._save_graph_def:
            NAMES["v1"]["train.write_graph"](graph.as_graph_def(add_shapes=True), self._checkpoint_dir, "graph.pbtxt")
        self._summary_writer.add_graph(graph)
        step = session.run(self._step)
        self._save(session, step)
        self._timer.update_last_triggered_step(step)

    def before_run(self, run_context):
        return SessionRunArgs(self._step)

    def after_run(self, run_context, run_values):
        stale = run_values.results
        if self._timer.should_trigger_for_step(stale + self._steps_per_run):
            step = run_context.session.run(self._step)
            if self._timer.should_trigger_for_step(step):
                self._timer.update_last_triggered_step(step)
                if self._save(run_context.session, step):
                    run_context.request_stop()

    def end(self, session):
        last = session.run(self._step)
        if last != self._timer.last_triggered_step():
            self._save(session, last)
        for listener in self._listeners:
            listener.end(session, last)

    def _save(self, session, step):
        """Saves; whether a listener wants to stop."""
        logging.info("Saving checkpoints for %d into %s.", step, self._save_path)
        for listener in self._listeners:
            listener.before_save(session, step)
        self._get_saver().save(session, self._save_path, global_step=step, write_meta_graph=self._save_graph_def)
        self._summary_writer.add_session_log(NAMES["v1"]["SessionLog"](status=3, checkpoint_path=self._save_path), step)
        wanted = [listener.after_save(session, step) for listener in self._listeners]
        for listener, stop in zip(self._listeners, wanted, strict=True):
            if stop:
                logging.info("A CheckpointSaverListener requested that training be stopped. listener: %s", listener)
        return any(wanted)

    def _get_saver(self):
        if self._saver is not None:
            return self._saver
        if self._scaffold is not None:
            return self._scaffold.saver
        savers = current_graph().get_collection(GraphKeys.SAVERS)
        if len(savers) != 1:
            what = "No items" if not savers else "More than one item"
            raise RuntimeError(
                f"{what} in collection {GraphKeys.SAVERS}. Please add a saver to it or pass one to the hook."
            )
        self._saver = savers[0]
        return self._saver


@export("", v1="train.StepCounterHook estimator.StepCounterHook")
class StepCounterHook(SessionRunHook):
    """Counts steps a second: logged, and as a summary `global_step/sec`."""

    def __init__(self, every_n_steps=100, every_n_secs=None, output_dir=None, summary_writer=None):
        if (every_n_steps is None) == (every_n_secs is None):
            raise ValueError("exactly one of every_n_steps and every_n_secs should be provided.")
        self._timer = SecondOrStepTimer(every_steps=every_n_steps, every_secs=every_n_secs)
        self._summary_writer, self._output_dir = summary_writer, output_dir
        self._last_global_step, self._steps_per_run = None, 1

    def _set_steps_per_run(self, steps_per_run):
        self._steps_per_run = steps_per_run

    def begin(self):
        if self._summary_writer is None and self._output_dir:
            self._summary_writer = summary_writer_for(self._output_dir)
        self._step = needed_step("StepCounterHook")
        self._summary_tag = self._step.op.name + "/sec"

    def before_run(self, run_context):
        return SessionRunArgs(self._step)

    def _log_and_record(self, elapsed_steps, elapsed_time, global_step):
        rate = elapsed_steps / elapsed_time
        if self._summary_writer is not None:
            summary = NAMES["v1"]["Summary"]
            self._summary_writer.add_summary(
                summary(value=[summary.Value(tag=self._summary_tag, simple_value=rate)]), global_step
            )
        logging.info("%s: %g", self._summary_tag, rate)

    def after_run(self, run_context, run_values):
        stale = run_values.results
        if self._timer.should_trigger_for_step(stale + self._steps_per_run):
            step = run_context.session.run(self._step)
            if self._timer.should_trigger_for_step(step):
                seconds, steps = self._timer.update_last_triggered_step(step)
                if seconds is not None and seconds > 0:
                    self._log_and_record(steps, seconds, step)
        if self._last_global_step is not None and stale == self._last_global_step:
            logging.log_first_n(
                logging.WARN, "It seems that global step (tf.train.get_global_step) has not been increased. Current value (could be "
                "stable): %s vs previous value: %s. You could increase the global step by passing "
                "tf.train.get_global_step() to Optimizer.apply_gradients or Optimizer.minimize.", 5, stale, self._last_global_step,
            )  # fmt: skip
        self._last_global_step = stale


@export("", v1="train.SummarySaverHook estimator.SummarySaverHook")
class SummarySaverHook(SessionRunHook):
    """Writes summaries every `save_steps` steps or `save_secs` seconds.  ValueError for both or neither of summary_op and scaffold."""

    def __init__(
        self, save_steps=None, save_secs=None, output_dir=None, summary_writer=None, scaffold=None, summary_op=None
    ):
        if (scaffold is None) == (summary_op is None):
            raise ValueError("Exactly one of scaffold or summary_op must be provided.")
        self._summary_op, self._scaffold = summary_op, scaffold
        self._summary_writer, self._output_dir = summary_writer, output_dir
        self._timer = SecondOrStepTimer(every_secs=save_secs, every_steps=save_steps)

    def begin(self):
        if self._summary_writer is None and self._output_dir:
            self._summary_writer = summary_writer_for(self._output_dir)
        self._next_step = None
        self._step = needed_step("SummarySaverHook")

    def before_run(self, run_context):
        self._request_summary = self._next_step is None or self._timer.should_trigger_for_step(self._next_step)
        wanted = {"global_step": self._step}
        if self._request_summary:
            ops = self._summary_ops()
            if ops is not None:
                wanted["summary"] = ops
        return SessionRunArgs(wanted)

    def after_run(self, run_context, run_values):
        if not self._summary_writer:
            return
        stale = run_values.results["global_step"]
        step = stale + 1
        if self._next_step is None or self._request_summary:
            step = run_context.session.run(self._step)
        if self._next_step is None:
            self._summary_writer.add_session_log(NAMES["v1"]["SessionLog"](status=1), step)
        if self._request_summary:
            self._timer.update_last_triggered_step(step)
            for summary in run_values.results.get("summary", ()):
                self._summary_writer.add_summary(summary, step)
        self._next_step = step + 1

    def end(self, session=None):
        if self._summary_writer:
            self._summary_writer.flush()

    def _summary_ops(self):
        op = self._summary_op if self._summary_op is not None else self._scaffold.summary_op
        return None if op is None else op if isinstance(op, list) else [op]
