"""tf.train.Checkpoint: saves and restores objects with everything trackable below them, in TensorFlow's own format."""

from __future__ import annotations

import copy
import inspect
import os
import weakref

import numpy as np

from .. import dtypes, errors, record
from ..declare import NAMES, export
from ..graph import context
from ..tensor import Tensor
from . import bundle, object_graph
from .checkpoint_state import text_of, update
from .load_status import (
    ByName,
    CheckpointLoadStatus,
    InitializationOnlyStatus,
    NameBasedSaverStatus,
    in_session,
    session_for,
)
from .object_graph import View
from .restoration import Restoration, _numbers
from .trackable import AutoTrackable, is_trackable, is_variable


@export("train.CheckpointOptions")
class CheckpointOptions:
    """Options of Checkpoint's methods.  Files are always written before the methods return."""

    def __init__(
        self,
        experimental_io_device=None,
        experimental_enable_async_checkpoint=False,
        experimental_write_callbacks=None,
        enable_async=False,
        experimental_skip_slot_variables=False,
        experimental_sharding_callback=None,
    ):
        if experimental_sharding_callback is not None:
            raise NotImplementedError(
                "CheckpointOptions(experimental_sharding_callback) is not supported by tfcompat: a checkpoint is one "
                "data file."
            )
        for callback in experimental_write_callbacks or ():
            if len(inspect.signature(callback).parameters) > 1:
                raise AssertionError(f"{callback}: a write callback takes the path of the checkpoint or nothing")
        self.experimental_io_device = experimental_io_device
        self.experimental_enable_async_checkpoint = enable_async or experimental_enable_async_checkpoint
        self.enable_async = self.experimental_enable_async_checkpoint
        self.experimental_write_callbacks = experimental_write_callbacks
        self.experimental_skip_slot_variables = experimental_skip_slot_variables
        self.experimental_sharding_callback = None

    def __copy__(self):
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        if self.experimental_write_callbacks is not None:
            made.experimental_write_callbacks = list(self.experimental_write_callbacks)
        return made


def _assert_trackable(thing, name):
    if not is_trackable(thing):
        raise ValueError(
            f"`Checkpoint` was expecting {name} to be a trackable object (an object derived from `Trackable`), got "
            f"{thing}. If you believe this object should be trackable (i.e. it is part of the TensorFlow Python API "
            f"and manages state), please open an issue."
        )


class _Saving(AutoTrackable):
    """What both Checkpoint classes do; `_root_object` is what is saved, `_attached` what goes with it."""

    def _begin(self, root, kwargs):
        from .containers import wrap

        own = self.__dict__
        own["_save_counter"], own["_count"], own["_last"] = None, None, None
        own["_root_of"], own["_attached"] = root, None
        for name in sorted(kwargs):
            value = kwargs[name]
            value = wrap(value() if isinstance(value, weakref.ref) else value)
            _assert_trackable(value, name)
            setattr(self, name, value)

    def _view(self, saving=False):
        root = self._root_of
        root = self if root is None else root() if isinstance(root, weakref.ref) else root
        return View(root, self._attached, saving)

    # -- the counter --------------------------------------------------------------------------------------------------
    @property
    def save_counter(self):
        """How many times `save` ran: an int64 variable, made when it is first needed."""
        if self._save_counter is None:
            from ..scopes import init_scope
            from ..variables import Variable, VariableV1

            with init_scope():
                kind = Variable if context.graph is None else VariableV1
                more = {} if context.graph is None else {"use_resource": True, "collections": []}
                made = kind(np.zeros((), np.int64), name="save_counter", trainable=False, dtype=dtypes.int64, **more)
            self.__dict__["_save_counter"] = made
            self._track_trackable(made, "save_counter")
            if self._attached is not None:
                self._attached["save_counter"] = made
                root = self._view().root
                waiting = root.__dict__.get("_deferred_dependencies", {}).pop("save_counter", ())
                for restoration, node in waiting[:1]:
                    restoration.restore(made, node)
        return self._save_counter

    # -- saving -------------------------------------------------------------------------------------------------------
    def _write(self, file_prefix, session=None, options=None):
        if context.graph is not None and context.graph.building_function:
            return self._write_in_function(file_prefix)
        prefix = text_of(file_prefix.numpy() if hasattr(file_prefix, "_numpy") else file_prefix)
        if in_session():
            session = session_for(session, "saving")
        nodes, values = self._view(saving=True).serialized()
        tensors = {key: object_graph.value_of(part, session) for key, part in values.items()}
        tensors[object_graph.GRAPH_KEY] = np.array(object_graph.encode(nodes), object)
        folder = os.path.dirname(prefix)
        if folder:
            os.makedirs(folder, exist_ok=True)
        bundle.write(prefix, tensors)
        for callback in (options and options.experimental_write_callbacks) or ():
            callback(prefix) if inspect.signature(callback).parameters else callback()
        return prefix

    def _write_in_function(self, file_prefix):
        """The operation of a tf.function that writes the values of that moment: the prefix as a tensor."""
        nodes, values = self._view(saving=True).serialized()
        other = [key for key, part in values.items() if not is_variable(part)]
        if other:
            raise NotImplementedError(f"Checkpoint.write() inside a tf.function saves variables only, not {other[0]}")
        encoded = np.array(object_graph.encode(nodes), object)
        if not isinstance(file_prefix, Tensor):
            file_prefix = text_of(file_prefix)
            os.makedirs(os.path.dirname(file_prefix) or ".", exist_ok=True)

        def run(prefix, *arrays):
            tensors = dict(zip(values, arrays, strict=True))
            bundle.write(text_of(prefix), {**tensors, object_graph.GRAPH_KEY: encoded})
            return prefix

        arguments = [record.convert_to_tensor(v) for v in (file_prefix, *values.values())]
        return NAMES["v2"]["numpy_function"](run, arguments, dtypes.string)

    def write(self, file_prefix, session=None, options=None):
        """Writes the objects' values as the checkpoint `file_prefix`, without counting; returns the prefix."""
        return self._write(file_prefix, session, options)

    def save(self, file_prefix, session=None, options=None):
        """Writes `file_prefix`-<number> and the `checkpoint` file beside it; returns the prefix written.

        Raises RuntimeError without a session in a graph, NotImplementedError in a tf.function.
        """
        prefix = text_of(file_prefix)
        if context.graph is not None and context.graph.building_function:
            raise NotImplementedError(
                "Calling tf.train.Checkpoint.save() from a function is not supported, as save() modifies saving "
                "metadata in ways not supported by TensorFlow Operations. Consider using tf.train.Checkpoint.write(), "
                "a lower-level API which does not update metadata. tf.train.latest_checkpoint and related APIs will "
                "not see this checkpoint."
            )
        path = self._write(f"{prefix}-{self._counted(session)}", session, options)
        update(os.path.dirname(prefix), path, [path], save_relative_paths=True)
        self.__dict__["_last"] = path
        return path

    def _counted(self, session):
        """The save counter after one more save."""
        if not in_session():
            self.save_counter.assign_add(1)
            return int(self.save_counter.numpy())
        session = session_for(session, "saving")
        if self._save_counter is None:
            session.run(self.save_counter.initializer)
        if self._count is None:
            self.__dict__["_count"] = self.save_counter.assign_add(1, read_value=True)
        return int(session.run(self._count))

    def sync(self):
        """Nothing to wait for: files are written at once."""

    # -- restoring ----------------------------------------------------------------------------------------------------
    def _read(self, save_path, options=None):
        view = self._view()
        if save_path is None:
            return InitializationOnlyStatus(view)
        found = bundle.Bundle(text_of(save_path))
        if object_graph.GRAPH_KEY not in found.entries:
            return NameBasedSaverStatus(ByName(found, next(_numbers)), view)
        skip = options is not None and options.experimental_skip_slot_variables
        return CheckpointLoadStatus(Restoration(found, view, skip), view)

    def _restore(self, save_path, options=None):
        status = self._read(save_path, options)
        counter = self.save_counter  # a checkpoint that counts gives it its number
        if isinstance(status, NameBasedSaverStatus):
            status.add_to_optionally_restored(counter)
        return status

    def __deepcopy__(self, memo):
        made = object.__new__(type(self))
        memo[id(self)] = made
        for k, v in self.__dict__.items():
            made.__dict__[k] = copy.deepcopy(v, memo) if k != "_deferred_dependencies" else {}
        return made


@export("train.Checkpoint", v1="")
class Checkpoint(_Saving):
    """Saves and restores the objects given by name, or `root` and what is below it.

    Raises ValueError for things that are not trackable and for names that `root` has already.
    """

    def __init__(self, root=None, **kwargs):
        self._begin(root, kwargs)
        if root is None:
            return
        thing = root() if isinstance(root, weakref.ref) else root
        _assert_trackable(thing, "root")
        attached = self.__dict__["_attached"] = {}
        from .containers import wrap
        from .trackable import children_of

        if not isinstance(root, weakref.ref):
            self.__dict__["_root_of"] = wrap(thing)
        present = children_of(thing)
        for name in sorted(kwargs):
            value = getattr(self, name)
            if name not in present:
                attached[name] = value
            elif present[name] is not value:
                raise ValueError(
                    f"Cannot create a Checkpoint with keyword argument {name} if root.{name} already exists."
                )

    def write(self, file_prefix, options=None):
        """Writes the objects' values as the checkpoint `file_prefix`, without counting; returns the prefix."""
        return self._write(file_prefix, None, options)

    def save(self, file_prefix, options=None):
        """Writes `file_prefix`-<number> and the `checkpoint` file beside it; returns the prefix written."""
        return super().save(file_prefix, None, options)

    def read(self, save_path, options=None):
        """Gives the objects the values `write` wrote; returns a status (assert_consumed, expect_partial, ...)."""
        return self._read(save_path, options)

    def restore(self, save_path, options=None):
        """Gives the objects the values of a checkpoint, now or as they come into being; returns a status.

        Raises NotFoundError where there is no checkpoint, ValueError for another shape.
        """
        try:
            return self._restore(save_path, options)
        except errors.NotFoundError as e:
            raise errors.NotFoundError(
                None,
                None,
                f"Error when restoring from checkpoint or SavedModel at {save_path}: {e.message}\nPlease double-check "
                f"that the path is correct. You may be missing the checkpoint suffix (e.g. the '-1' in "
                f"'path/to/ckpt-1').",
            ) from None


@export("", v1="train.Checkpoint")
class CheckpointV1(_Saving):
    """Saves and restores the objects given by name.  ValueError for things that are not trackable."""

    def __init__(self, **kwargs):
        self._begin(None, kwargs)

    def restore(self, save_path):
        """Gives the objects the values of a checkpoint, now or as they come into being; returns a status."""
        return self._restore(save_path)


__all__ = ["Checkpoint", "CheckpointOptions", "CheckpointV1", "is_variable"]
