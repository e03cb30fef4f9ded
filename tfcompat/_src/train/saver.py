"""tf.train.Saver: variables of a session to checkpoint files and back, in TensorFlow's own format."""

from __future__ import annotations

import collections
import os
import time

import numpy as np

from .. import dtypes, errors
from ..declare import export
from ..graph import context, current_graph
from ..scopes import GraphKeys
from ..variables import Variable
from . import bundle
from .checkpoint_state import exists, remove_checkpoint, text_of, update

_MISSING = (
    "Restoring from checkpoint failed. This is most likely due to a Variable name or other graph key that is "
    "missing from the "
    "checkpoint. Please ensure that you have not altered the graph expected based on the checkpoint. Original "
    "error:\n\n"
)
_MISMATCH = (
    "Restoring from checkpoint failed. This is most likely due to a mismatch between the current graph and the "
    "graph from the "
    "checkpoint. Please ensure that you have not altered the graph expected based on the checkpoint. Original "
    "error:\n\n"
)


class _Part:
    """What is saved under one name: a variable, or the parts of a partitioned one as the whole."""

    def __init__(self, name, parts, axes=None):
        self.name, self.parts = name, parts

    def value(self, session):
        values = [_value(v, session) for v in self.parts]
        if len(values) == 1 and self.parts[0]._save_slice_info is None:
            return values[0]
        first = self.parts[0]._save_slice_info
        whole = np.empty(first.full_shape, values[0].dtype)
        for variable, value in zip(self.parts, values, strict=True):
            info = variable._save_slice_info
            whole[tuple([slice(o, o + n) for o, n in zip(info.var_offset, info.var_shape, strict=True)])] = value
        return whole

    def give(self, session, value, reshape):
        for variable in self.parts:
            info = variable._save_slice_info
            part = value
            if info is not None:
                part = value[tuple([slice(o, o + n) for o, n in zip(info.var_offset, info.var_shape, strict=True)])]
            _give(variable, session, part, reshape)


def _value(variable, session):
    if variable._kind == "eager":
        return variable.numpy()
    return np.array(session._value_of(variable._owner))


def _give(variable, session, value, reshape):
    shape = variable._aval.shape
    if dtypes.as_dtype(value.dtype) is not variable.dtype.base_dtype:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"{_MISMATCH}tensor_name = {variable._shared_name}; expected dtype {variable.dtype.base_dtype.name} "
            f"does not equal original "
            f"dtype {dtypes.as_dtype(value.dtype).name}",
        )
    if shape is not None and None not in shape and tuple(shape) != value.shape:
        if not reshape or int(np.prod(shape)) != value.size:
            raise errors.InvalidArgumentError(
                None,
                None,
                f"{_MISMATCH}Assign requires shapes of both tensors to match. lhs shape= "
                f"[{','.join(map(str, shape))}] rhs shape= "
                f"[{','.join(map(str, value.shape))}] for variable {variable._shared_name}",
            )
        value = value.reshape(shape)
    if variable._kind == "eager":
        variable.assign(value)
    else:
        session._state[variable._owner] = value


def _named(var_list):
    """The parts to save of a list, or of a dictionary by name.  Raises TypeError, ValueError as TensorFlow."""
    if not isinstance(var_list, dict):
        by_name: dict = {}
        for v in var_list:
            v = v._ref() if hasattr(v, "_ref") and not isinstance(v, Variable) else v
            if hasattr(v, "_get_variable_list"):
                key, own = v.name, v._get_variable_list()
            elif isinstance(v, Variable):
                info = v._save_slice_info
                key, own = (info.full_name if info is not None else v._shared_name), [v]
            else:
                raise TypeError(f"Variable to save is not a Variable: {v}")
            if key in by_name and (own[0]._save_slice_info is None or hasattr(v, "_get_variable_list")):
                raise ValueError(f"At least two variables have the same name: {key}")
            by_name.setdefault(key, []).extend(own)
        return [_Part(k, by_name[k]) for k in sorted(by_name)]
    parts = []
    for name in sorted(var_list):
        v = var_list[name]
        own = (
            v._get_variable_list()
            if hasattr(v, "_get_variable_list")
            else list(v)
            if isinstance(v, (list, tuple))
            else [v]
        )
        for one in own:
            if not isinstance(one, Variable):
                raise TypeError(
                    f"names_to_saveables must be a dict mapping string names to Tensors/Variables. Not a "
                    f"variable: {one}"
                )
        parts.append(_Part(name, own))
    seen = set()
    for part in parts:
        for v in part.parts:
            if id(v) in seen:
                raise ValueError(f"The same saveable will be restored with two names: {part.name}")
            seen.add(id(v))
    return parts


SaverDef = collections.namedtuple("SaverDef", "max_to_keep keep_checkpoint_every_n_hours version")


@export("", v1="train.Saver")
class Saver:
    """Saves and restores variables (default: all of the graph, also those made until the first use with
    `defer_build`).
    """

    V1, V2 = 1, 2

    def __init__(
        self,
        var_list=None,
        reshape=False,
        sharded=False,
        max_to_keep=5,
        keep_checkpoint_every_n_hours=10000.0,
        name=None,
        restore_sequentially=False,
        saver_def=None,
        builder=None,
        defer_build=False,
        allow_empty=False,
        write_version=V2,
        pad_step_number=False,
        save_relative_paths=False,
        filename=None,
    ):
        if defer_build and var_list:
            raise ValueError(
                "If `var_list` is provided then build cannot be deferred. Either set defer_build=False or "
                "var_list=None."
            )
        if context.graph is None and var_list is None:
            raise RuntimeError(
                "When eager execution is enabled, `var_list` must specify a list or dict of variables to save"
            )
        for value, word in (
            (saver_def, "saver_def"),
            (builder, "builder"),
            (write_version == self.V1, "write_version=V1"),
        ):
            if value:
                raise NotImplementedError(f"tf.train.Saver({word}) is not supported by tfcompat.")
        self._var_list, self._reshape, self._max_to_keep, self._name = var_list, reshape, max_to_keep, name
        self._hours, self._allow_empty, self._pad = keep_checkpoint_every_n_hours, allow_empty, pad_step_number
        self._relative = save_relative_paths
        self._next_kept = time.time() + keep_checkpoint_every_n_hours * 3600
        self._last: list = []  # (path, time), oldest first
        self._parts = None
        if not defer_build and context.graph is not None:
            self.build()

    def build(self):
        """Settles which variables are saved.  Raises ValueError where there are none."""
        if context.graph is None and self._var_list is None:
            raise RuntimeError("Use save/restore instead of build in eager mode.")
        self._parts = self._gather(True)

    def _gather(self, check):
        var_list = self._var_list
        if var_list is None:
            graph = current_graph()
            var_list = [
                *graph.get_collection(GraphKeys.GLOBAL_VARIABLES),
                *graph.get_collection(GraphKeys.SAVEABLE_OBJECTS),
            ]
        if check and not var_list and not self._allow_empty:
            raise ValueError("No variables to save")
        return _named(var_list)

    def _built(self):
        if self._parts is None:
            if context.graph is not None:
                raise RuntimeError("Call build() before save() or restore(): the saver was made with defer_build=True.")
            return self._gather(False)  # eager variables may be added to the list until they are saved
        return self._parts

    # -- bookkeeping --------------------------------------------------------------------------------------------------
    @property
    def last_checkpoints(self):
        """The checkpoints kept, oldest first."""
        return [path for path, _ in self._last]

    def set_last_checkpoints(self, last_checkpoints):
        """Takes over the list of checkpoints that this saver may delete, times unknown."""
        if not isinstance(last_checkpoints, list):
            raise AssertionError("last_checkpoints must be a list")
        self._last = [(path, float("inf")) for path in last_checkpoints]

    def set_last_checkpoints_with_time(self, last_checkpoints_with_time):
        """Takes over [(path, time)]."""
        if not isinstance(last_checkpoints_with_time, list):
            raise AssertionError("last_checkpoints_with_time must be a list")
        self._last = list(last_checkpoints_with_time)

    def recover_last_checkpoints(self, checkpoint_paths):
        """Takes over those of the checkpoints that exist."""
        found = [p for p in map(text_of, checkpoint_paths) if os.path.exists(p + ".index")]
        self._last = [(p, os.stat(p + ".index").st_mtime) for p in found]

    def as_saver_def(self):
        return SaverDef(self._max_to_keep, self._hours, self.V2)

    to_proto = lambda self, export_scope=None: self.as_saver_def()  # noqa: E731

    def export_meta_graph(self, filename=None, **settings):
        raise NotImplementedError(
            "Saver.export_meta_graph is not supported by tfcompat: build the graph from its Python code again."
        )

    def _keep(self, path, suffix):
        """Remembers a new checkpoint and deletes what is more than `max_to_keep`, but for one every n hours."""
        if not self._max_to_keep:
            return
        self._last = [(p, t) for p, t in self._last if p != path]
        self._last.append((path, time.time()))
        while len(self._last) > self._max_to_keep:
            old, when = self._last.pop(0)
            if when > self._next_kept:
                self._next_kept += self._hours * 3600
                continue
            remove_checkpoint(old, meta_graph_suffix=suffix)

    # -- saving and restoring -----------------------------------------------------------------------------------------
    def save(
        self,
        sess,
        save_path,
        global_step=None,
        latest_filename=None,
        meta_graph_suffix="meta",
        write_meta_graph=True,
        write_state=True,
        strip_default_attrs=False,
        save_debug_info=False,
    ):
        """Writes `save_path`[-`global_step`] and the `checkpoint` file beside it; returns the prefix.

        Raises TypeError without a session, ValueError where its folder cannot be made, FailedPreconditionError for a
        variable without
        a value.
        """
        parts = self._built()
        save_path = text_of(save_path)
        latest_filename = latest_filename or "checkpoint"
        if os.path.split(latest_filename)[0]:
            raise ValueError("'latest_filename' must not contain path components")
        if global_step is not None:
            if not isinstance(global_step, (int, np.integer)):
                global_step = _step(sess, global_step)
            prefix = f"{save_path}-{global_step:08d}" if self._pad else f"{save_path}-{global_step}"
        else:
            if os.path.basename(save_path) == latest_filename and not self._relative:
                raise ValueError(f"'latest_filename' collides with 'save_path': '{latest_filename}' and '{save_path}'")
            prefix = save_path
        if context.graph is not None or any(v._kind != "eager" for p in parts for v in p.parts):
            sess = _session(sess)
        folder = os.path.dirname(save_path)
        if not parts and self._allow_empty:
            return None
        if folder:
            try:
                os.makedirs(folder, exist_ok=True)
            except OSError:
                raise ValueError(f"Parent directory of {save_path} doesn't exist, can't save.") from None
        bundle.write(prefix, {p.name: p.value(sess) for p in parts})
        self._keep(prefix, meta_graph_suffix)
        if write_state:
            update(folder or ".", prefix, self.last_checkpoints, latest_filename, save_relative_paths=self._relative)
        return prefix

    def restore(self, sess, save_path):
        """Gives the variables the values of a checkpoint; they need not have been initialised.

        Raises ValueError where there is no checkpoint, NotFoundError for a variable it lacks, InvalidArgumentError
        where shapes differ.
        """
        parts = self._built()
        if not parts and self._allow_empty:
            return
        if save_path is None:
            raise ValueError("Can't load save_path when it is None.")
        save_path = text_of(save_path)
        if not exists(save_path):
            raise ValueError("The passed save_path is not a valid checkpoint: " + save_path)
        from ..platform import log

        log.info("Restoring parameters from %s", save_path)
        if context.graph is not None or any(v._kind != "eager" for p in parts for v in p.parts):
            sess = _session(sess)
        found = bundle.Bundle(save_path)
        for p in parts:
            if p.name not in found.entries:
                raise errors.NotFoundError(None, None, f"{_MISSING}Key {p.name} not found in checkpoint")
        values = [(p, found.read(p.name)) for p in parts]
        for p, value in values:
            p.give(sess, value, self._reshape)


def _session(sess):
    """The BaseSession behind `sess` (a monitored session has one inside); TypeError for anything else."""
    inner = sess
    while inner is not None and not hasattr(inner, "_value_of"):
        inner = getattr(inner, "_sess", None)
    if inner is None:
        raise TypeError(f"'sess' must be a Session; {sess}")
    if inner._closed:
        raise RuntimeError("Attempted to use a closed Session.")
    return inner


def _step(sess, global_step):
    """The number a global step (variable or tensor) stands for."""
    if getattr(global_step, "_kind", None) == "eager":
        return int(global_step.numpy())
    return int(_session(sess).run(global_step))
