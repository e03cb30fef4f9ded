"""tf.train.CheckpointManager: numbers checkpoints and deletes old ones."""

from __future__ import annotations

import collections
import copy
import glob
import os
import time

import numpy as np

from ..declare import export
from . import load_status
from .checkpoint import CheckpointOptions
from .checkpoint_state import get_checkpoint_state, text_of, update


@export("train.CheckpointManager")
class CheckpointManager:
    """Keeps the last `max_to_keep` checkpoints of `checkpoint` in `directory`, one more every n hours.

    Raises ValueError for max_to_keep below 1 and for checkpoint_interval without step_counter.
    """

    def __init__(self, checkpoint, directory, max_to_keep, keep_checkpoint_every_n_hours=None, checkpoint_name="ckpt",
                 step_counter=None, checkpoint_interval=None, init_fn=None, last_checkpoint_step=None):  # fmt: skip
        if max_to_keep is not None and max_to_keep <= 0:
            raise ValueError(f"Expected a positive integer or `None` for `max_to_keep`, got {max_to_keep}.")
        if checkpoint_interval is not None and step_counter is None:
            raise ValueError("`step_counter` should be passed if `checkpoint_interval` is not None.")
        self._checkpoint, self._directory, self._max_to_keep = checkpoint, text_of(directory), max_to_keep
        self._keep_checkpoint_every_n_hours, self._init_fn = keep_checkpoint_every_n_hours, init_fn
        self._prefix = os.path.join(self._directory, checkpoint_name)
        self._step_counter, self._checkpoint_interval = step_counter, checkpoint_interval
        self._last_checkpoint_step = last_checkpoint_step or None
        self._maybe_delete: collections.OrderedDict = collections.OrderedDict()  # path -> time written, oldest first
        self._latest_checkpoint, self._count = None, None
        self._recover()

    def _recover(self):
        """Takes over what an earlier manager left in the folder."""
        state, now = get_checkpoint_state(self._directory), time.time()
        if state is None:
            self._last_preserved = now - 1.0
            return
        self._latest_checkpoint = state.model_checkpoint_path
        self._last_preserved = state.last_preserved_timestamp
        if now < self._last_preserved:
            from ..platform import log

            log.warn(
                "time.time() returned a value %f seconds behind the last preserved checkpoint timestamp.",
                self._last_preserved - now,
            )
            self._last_preserved = now
        paths = state.all_model_checkpoint_paths
        times = state.all_model_checkpoint_timestamps or [self._last_preserved] * len(paths)
        for path, when in zip(paths, times, strict=False):
            if min(when, now) > self._last_preserved:
                self._maybe_delete[path] = min(when, now)

    directory = property(lambda self: self._directory, doc="Where the checkpoints are.")
    checkpoint = property(lambda self: self._checkpoint, doc="The tf.train.Checkpoint.")
    checkpoint_interval = property(
        lambda self: self._checkpoint_interval, doc="Steps between two checkpoints, or None."
    )
    latest_checkpoint = property(lambda self: self._latest_checkpoint, doc="The newest checkpoint's prefix, or None.")
    checkpoints = property(lambda self: list(self._maybe_delete), doc="The checkpoints managed, oldest first.")

    def save(self, checkpoint_number=None, check_interval=True, options=None):
        """Writes a checkpoint numbered `checkpoint_number` (default: the save counter) and deletes what is too old;
        returns its prefix, None where it is too early for one.
        """
        if self._checkpoint_interval is not None:
            step = _number(self._step_counter)
            if self._last_checkpoint_step is not None:
                if (
                    step == self._last_checkpoint_step
                    or check_interval
                    and step < self._last_checkpoint_step + self._checkpoint_interval
                ):
                    return None
            self._last_checkpoint_step = step
        counted = self._checkpoint._counted(None)
        number = counted if checkpoint_number is None else _number(checkpoint_number)
        options = CheckpointOptions() if options is None else copy.copy(options)
        options.experimental_write_callbacks = [*(options.experimental_write_callbacks or ()), self._record]
        return self._checkpoint._write(f"{self._prefix}-{number}", None, options)

    def _record(self, path):
        self._maybe_delete.pop(path, None)
        self._maybe_delete[path] = time.time()
        self._latest_checkpoint = path
        self._update()  # the new one is on record before an old one is deleted
        self._sweep()
        self._update()

    def _update(self):
        update(self._directory, self._latest_checkpoint, list(self._maybe_delete),
               all_model_checkpoint_timestamps=list(self._maybe_delete.values()),
               last_preserved_timestamp=self._last_preserved, save_relative_paths=True)  # fmt: skip

    def _sweep(self):
        while self._max_to_keep and len(self._maybe_delete) > self._max_to_keep:
            path, when = self._maybe_delete.popitem(last=False)
            if (
                self._keep_checkpoint_every_n_hours
                and when - self._keep_checkpoint_every_n_hours * 3600.0 >= self._last_preserved
            ):
                self._last_preserved = when
                continue
            for file in (path + ".index", *glob.glob(glob.escape(path) + ".data-?????-of-?????")):
                if os.path.exists(file):
                    os.remove(file)

    def restore_or_initialize(self):
        """Restores the latest checkpoint and returns its prefix; without one calls `init_fn` and returns None."""
        if self._latest_checkpoint is not None:
            self._checkpoint.restore(self._latest_checkpoint)
            if self._checkpoint_interval is not None:
                self._last_checkpoint_step = _number(self._step_counter)
            return self._latest_checkpoint
        if self._init_fn is not None:
            self._init_fn()
        return None

    def sync(self):
        """Nothing to wait for: files are written at once."""


def _number(value):
    """An integer given as number, variable or tensor."""
    if isinstance(value, (int, np.integer)):
        return int(value)
    if getattr(value, "_kind", None) == "eager" or hasattr(value, "_numpy"):
        return int(value.numpy())
    return int(load_status.session_for(None).run(value))
