"""Giving objects the values of an object-based checkpoint, now or when they come into being."""

from __future__ import annotations

import collections
import itertools
import sys
import weakref

import numpy as np

from .. import dtypes, errors
from ..graph import context
from ..scopes import init_scope
from . import object_graph
from .trackable import VARIABLE_VALUE, Trackable, _Serialized, attributes_of, children_of, is_trackable, is_variable

_numbers = itertools.count()


def _reference(thing):
    """A function giving `thing`, without keeping it alive where Python can do that (tuples it cannot)."""
    try:
        return weakref.ref(thing)
    except TypeError:
        return lambda: thing


class Restoration:
    """One checkpoint on its way into Python objects.  Values for which there is no object yet wait in the object
    above them.

    uid      later restorations have greater ones and win
    objects  node number -> function giving the object bound to it
    pending  [(variable, array)] for the next run_restore_ops: variables of a graph
    """

    def __init__(self, bundle, view, skip_slots=False):
        self.bundle, self.uid, self.skip_slots = bundle, next(_numbers), skip_slots
        encoded = bundle.read(object_graph.GRAPH_KEY)
        self.nodes = object_graph.decode(encoded.ravel()[0])
        self.objects: dict = {}
        self.pending: list = []
        self.operations: list = []
        self.unused: dict = {}  # node number -> names of attributes that nothing took
        self.partial = False
        self._slots_of: dict = {}  # variable's node -> [(optimizer's node, slot name, slot's node)]
        self._optimizers_waited_for: dict = {}  # optimizer's node -> [(variable, slot name, slot's node)]
        self.view_root, self.attached = _reference(view.root), view.attached
        for number, node in enumerate(self.nodes):
            for variable, name, slot in node.slots:
                self._slots_of.setdefault(variable, []).append((number, name, slot))
        self.restore(view.root, 0)
        if skip_slots:
            self._slots_of.clear()

    def object(self, number):
        """The object bound to a node, or None."""
        found = self.objects.get(number)
        return None if found is None else found()

    # -- binding ------------------------------------------------------------------------------------------------------
    def restore(self, thing, number):
        """Restores `thing` and what is below it from node `number`."""
        queue = collections.deque([(thing, number)])
        while queue:
            thing, number = queue.popleft()
            if not self._bind(thing, number, queue):
                continue
            if uid_of(thing) < self.uid:
                self._take(thing, number)
                set_uid(thing, self.uid)
            children = children_of(thing)
            if number == 0 and self.attached:
                children = {**children, **self.attached}
            for name, child in self.nodes[number].children.items():
                local = children.get(name)
                if isinstance(thing, Trackable):
                    local = thing._lookup_dependency(name, children)
                if local is not None and is_trackable(local):
                    queue.append((local, child))
                elif self.nodes[child].has_values:
                    self._defer(thing, name, child)

    def _defer(self, thing, name, child):
        if is_variable(thing):
            return
        waiting = thing.__dict__.setdefault("_deferred_dependencies", {}).setdefault(name, [])
        waiting[:] = [(r, n) for r, n in waiting if r is not self]
        waiting.append((self, child))

    def _bind(self, thing, number, queue):
        now = self.object(number)
        if now is not None:
            if now is not thing:
                from ..platform import log

                log.warn(
                    "Inconsistent references when loading the checkpoint into this object graph. For example, in the "
                    "saved checkpoint object, `model.layer.weight` and `model.layer_copy.weight` reference the same "
                    "variable, while in the current object these are two different variables. The referenced "
                    "variables are:(%s and %s).",
                    now,
                    thing,
                )
            return False
        self.objects[number] = _reference(thing)
        for variable, name, slot in self._optimizers_waited_for.pop(number, ()):
            self._restore_slot(thing, variable(), name, slot, queue)
        for optimizer, name, slot in self._slots_of.pop(number, ()):
            there = self.object(optimizer)
            if there is None:
                self._optimizers_waited_for.setdefault(optimizer, []).append((_reference(thing), name, slot))
            else:
                self._restore_slot(there, thing, name, slot, queue)
        return True

    def _restore_slot(self, optimizer, variable, name, slot, queue):
        """Restores a slot, now or when the optimizer creates it."""
        if variable is None or self.skip_slots or not hasattr(optimizer, "_saved_slot"):
            return
        found = optimizer._saved_slot(variable, name)
        if found is None:
            keys = [key for attribute, _, key in self.nodes[slot].attributes if attribute == VARIABLE_VALUE]
            if keys:
                value = self.bundle.read(keys[0])
                found = optimizer._make_saved_slot(variable, name, value, lambda made: self.restore(made, slot))
        if found is not None:
            queue.append((found, slot))

    # -- values -------------------------------------------------------------------------------------------------------
    def _take(self, thing, number):
        saved = {name: key for name, _, key in self.nodes[number].attributes}
        if not saved:
            return
        serialized = {}
        wanted = attributes_of(thing)
        for name, key in saved.items():
            part = wanted.get(name)
            if part is None:
                self.unused.setdefault(number, []).append(name)
                continue
            part = part(name=key) if callable(part) and not is_variable(part) else part
            value = self.bundle.read(key)
            if isinstance(part, _Serialized):
                serialized[part.name] = value
            else:
                self._give(part, key, value)
        if serialized:
            from ..record import convert_to_tensor

            thing._restore_from_tensors({k: convert_to_tensor(v) for k, v in serialized.items()})

    def _give(self, part, key, value):
        if is_variable(part):
            variable = part._owner
            check(variable, key, value)
            if variable._kind == "eager":
                with init_scope():
                    variable.assign(value)
            else:
                self.pending.append((variable, value))
        elif hasattr(part, "specs"):
            from ..record import convert_to_tensor

            done = part.restore([convert_to_tensor(value)], None)
            if context.graph is not None and done is not None:
                self.operations.append(done)
        else:
            part.deserialize(value.ravel()[0])

    def run(self, session):
        """Gives the variables of a graph their values in `session`."""
        for variable, value in self.pending:
            session._state[variable] = np.array(value)
        for operation in self.operations:
            session.run(operation)

    # -- complaints ---------------------------------------------------------------------------------------------------
    def missing(self):
        """Texts naming what is in the checkpoint and was not restored."""
        paths = object_graph.paths_of(self.nodes)
        found = [
            paths.get(number, f"node {number}")
            for number, node in enumerate(self.nodes)
            if node.attributes and self.object(number) is None and number not in self._given
        ]
        return found + [paths[n] for n in self.unused if n in paths]

    @property
    def _given(self):
        return self.objects  # an object that was restored and has died since is not missing

    def __del__(self):
        if self.__dict__.get("partial", True) or sys.is_finalizing():
            return
        from ..platform import log

        found = self.missing()
        if not found:
            return
        log.warn(
            "Detecting that an object or model or tf.train.Checkpoint is being deleted with unrestored values. See the "
            "following logs for the specific values in question. To silence these warnings, use "
            "`status.expect_partial()`. See https://www.tensorflow.org/api_docs/python/tf/train/Checkpoint#restore"
            "for details about the status object returned by the restore function."
        )
        for path in found:
            log.warn("Value in checkpoint could not be found in the restored object: %s", path)


def uid_of(thing):
    """The number of the restoration that last gave `thing` its values; -1 without one."""
    return thing.__dict__.get("_restored_by", -1)


def set_uid(thing, uid):
    """Notes which restoration gave `thing` its values."""
    thing.__dict__["_restored_by"] = uid


def check(variable, key, value):
    """Raises ValueError for another shape, InvalidArgumentError for another dtype."""
    shape = variable._aval.shape
    if shape is not None and (len(shape) != value.ndim or any(a not in (None, b) for a, b in zip(shape, value.shape))):
        raise ValueError(
            f"Received incompatible tensor with shape {value.shape} when attempting to restore variable with shape "
            f"{tuple(shape)} and name {key}."
        )
    if dtypes.as_dtype(value.dtype) is not variable.dtype.base_dtype:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"{key}: the checkpoint holds {dtypes.as_dtype(value.dtype).name}, the variable is "
            f"{variable.dtype.base_dtype.name}",
        )


__all__ = ["VARIABLE_VALUE", "Restoration", "uid_of"]
