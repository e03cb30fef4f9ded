"""tf.train.Saver: variables of a session to checkpoint files and back, in TensorFlow's own format."""

from __future__ import annotations

import os
import time

import numpy as np

from .. import errors
from ..declare import export
from ..graph import context, current_graph
from ..scopes import GraphKeys
from . import bundle, object_graph, slices
from .checkpoint_state import exists, get_checkpoint_mtimes, remove_checkpoint, text_of, update
from .saveables import named

_MISSING = (
    "Restoring from checkpoint failed. This is most likely due to a Variable name or other graph key that is "
    "missing from the "
    "checkpoint. Please ensure that you have not altered the graph expected based on the checkpoint. Original "
    "error:\n\n"
)


@export("", v1="train.Saver")
class Saver:
    """Saves and restores variables (default: all of the graph, also those made until the first use with
    `defer_build`).
    """

    V1, V2 = 1, 2  # SaverDef's

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
        if saver_def is not None:
            max_to_keep, sharded = saver_def.max_to_keep, saver_def.sharded
            keep_checkpoint_every_n_hours, write_version = saver_def.keep_checkpoint_every_n_hours, saver_def.version
        if builder:
            raise NotImplementedError("tf.train.Saver(builder) is not supported by tfcompat.")
        self._var_list, self._reshape, self._max_to_keep, self._name = var_list, reshape, max_to_keep, name
        self._hours, self._allow_empty, self._pad = keep_checkpoint_every_n_hours, allow_empty, pad_step_number
        self._relative, self._sharded, self._write_version = save_relative_paths, sharded, write_version
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
        return named(var_list)

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
        found = [p for p in map(text_of, checkpoint_paths) if exists(p)]
        self._last = list(zip(found, get_checkpoint_mtimes(found), strict=True))

    @property
    def saver_def(self):
        """How this saver was made."""
        return self.as_saver_def()

    def as_saver_def(self):
        """How this saver was made, as a SaverDef."""
        from ..graph_def.messages import SaverDef

        return SaverDef(max_to_keep=self._max_to_keep or 0, sharded=bool(self._sharded), version=self._write_version,
                        keep_checkpoint_every_n_hours=self._hours, filename_tensor_name="save/Const:0",
                        save_tensor_name="save/control_dependency:0", restore_op_name="save/restore_all")  # fmt: skip

    def to_proto(self, export_scope=None):
        """The same as as_saver_def."""
        return self.as_saver_def()

    @staticmethod
    def from_proto(saver_def, import_scope=None):
        """A saver of the current graph's variables, made as `saver_def` says."""
        return Saver(saver_def=saver_def)

    def export_meta_graph(self, filename=None, collection_list=None, as_text=False, export_scope=None, clear_devices=False,
                          clear_extraneous_savers=False, strip_default_attrs=False, save_debug_info=False):  # fmt: skip
        """The graph with how this saver saves it, as a MetaGraphDef; written to `filename` where one is given."""
        from ..graph_def.meta_graph import export_meta_graph

        return export_meta_graph(
            filename, saver_def=self.as_saver_def(), collection_list=collection_list, as_text=as_text, export_scope=export_scope,
            clear_devices=clear_devices, clear_extraneous_savers=clear_extraneous_savers, strip_default_attrs=strip_default_attrs,
            save_debug_info=save_debug_info, saver=self,
        )  # fmt: skip

    def _write_meta_graph(self, sess, path):
        """The .meta file beside a checkpoint; a graph that has not changed is encoded once."""
        graph = sess.graph
        number, data = graph.extra.get(("meta", id(self)), (None, None))
        if number != graph.version:
            with graph.as_default():
                data = self.export_meta_graph().SerializeToString()
            graph.extra[("meta", id(self))] = graph.version, data
        with open(path, "wb") as file:
            file.write(data)

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
            remove_checkpoint(old, self._write_version, suffix)

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
            if os.path.basename(save_path) == latest_filename and not self._sharded:
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
        values, meta = {name: value for p in parts for name, value in p.values(sess).items()}, prefix
        if self._write_version == self.V1:
            slices.write(f"{prefix}-00000-of-00001" if self._sharded else prefix, values)
            prefix += "-?????-of-00001" if self._sharded else ""
        else:
            bundle.write(prefix, values)
        if write_meta_graph and context.graph is not None and hasattr(sess, "graph"):
            self._write_meta_graph(sess, f"{meta}.{meta_graph_suffix}")
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
        found = slices.reader(save_path)
        names = _names_in(found, [name for p in parts for name in p.names])
        values = [(p, [found.read(names[n]) for n in p.names]) for p in parts]
        for p, arrays in values:
            if p.parts:
                p.give_values(sess, arrays, self._reshape)
            else:
                p.give_values(sess, arrays)


def _names_in(found, wanted):
    """Each name wanted -> its key in the checkpoint: itself, or in an object-based one where that name is kept.

    Raises NotFoundError for the first that is missing.
    """
    missing = [name for name in wanted if name not in found.entries]
    if not missing:
        return {name: name for name in wanted}
    if object_graph.GRAPH_KEY in found.entries:
        nodes = object_graph.decode(found.read(object_graph.GRAPH_KEY).ravel()[0])
        keys = {full: key for node in nodes for _, full, key in node.attributes}
        lacking = [name for name in wanted if name not in keys]
        if lacking:
            raise errors.NotFoundError(
                None,
                None,
                f"Existing variables not in the checkpoint: {', '.join(sorted(lacking))}\n\nVariables names when this "
                f"checkpoint was written which don't exist now: {', '.join(sorted(set(keys) - set(wanted)))}\n\n"
                f"({len(lacking)} variable name(s) did match)\n\nCould not find some variables in the checkpoint (see "
                f"names above). Saver was attempting to load an object-based checkpoint (saved using "
                f"tf.train.Checkpoint or tf.keras.Model.save_weights) using variable names. If the checkpoint was "
                f"written with eager execution enabled, it's possible that variable names have changed (for example "
                f"missing a '_1' suffix). It's also possible that there are new variables which did not exist when the "
                f"checkpoint was written. You can construct a Saver(var_list=...) with only the variables which "
                f"previously existed, and if variable names have changed you may need to make this a dictionary with "
                f"the old names as keys.",
            )
        from ..platform import log

        log.warn(
            "Restoring an object-based checkpoint using a name-based saver. This may be somewhat fragile, and will "
            "re-build the Saver. Instead, consider loading object-based checkpoints using tf.train.Checkpoint()."
        )
        return {name: keys[name] for name in wanted}
    raise errors.NotFoundError(None, None, f"{_MISSING}Key {missing[0]} not found in checkpoint")


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
    if getattr(global_step, "_kind", None) == "eager" or hasattr(global_step, "_numpy"):
        return int(global_step.numpy())
    return int(_session(sess).run(global_step))
