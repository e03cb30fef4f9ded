"""What object-based checkpoints are made of: objects that know the objects they hold, by name.

An object is trackable if it derives from `Trackable`, or if it is a variable.  Its children are found by
`children_of`; what it saves itself by `attributes_of`.  Values of a checkpoint whose object is not there yet wait in
the object above it (`_deferred`) until an object is tracked under that name: restoring then goes on from there.
"""

from __future__ import annotations

import collections
import functools

from ..declare import export, publish

VARIABLE_VALUE = "VARIABLE_VALUE"
PY_STATE = "py_state"

TrackableReference = publish(
    collections.namedtuple("TrackableReference", ["name", "ref"]), "__internal__.tracking.TrackableReference", v1=""
)


def is_variable(thing):
    """Whether `thing` is a variable."""
    return hasattr(type(thing), "_dense_tensor")


def is_trackable(thing):
    """Whether `thing` can be part of a checkpoint."""
    return isinstance(thing, Trackable) or is_variable(thing)


def children_of(thing):
    """{name: trackable} that `thing` holds."""
    return thing._trackable_children() if isinstance(thing, Trackable) else {}


def attributes_of(thing):
    """{attribute name: variable, PythonState, tensor of `_serialize_to_tensors` or saveable} of what `thing` itself saves."""
    if is_variable(thing):
        return {VARIABLE_VALUE: thing._owner}
    return thing._checkpoint_attributes() if isinstance(thing, Trackable) else {}


@export("__internal__.tracking.Trackable", v1="")
class Trackable:
    """Base class of what checkpoints hold.  Names are given by `_track_trackable`."""

    @property
    def _dependencies(self):
        """{name: trackable}, in the order they were tracked."""
        return self.__dict__.setdefault("_tracked", {})

    @property
    def _checkpoint_dependencies(self):
        """The children as a list of TrackableReferences."""
        return [TrackableReference(name, thing) for name, thing in children_of(self).items()]

    @property
    def _unconditional_checkpoint_dependencies(self):
        return [TrackableReference(name, thing) for name, thing in self._dependencies.items()]

    def _maybe_initialize_trackable(self):
        """Nothing to do: what is needed is made when it is needed."""

    @property
    def _update_uid(self):
        return self.__dict__.get("_restored_by", -1)

    @_update_uid.setter
    def _update_uid(self, value):
        self.__dict__["_restored_by"] = value

    def _track_trackable(self, trackable, name, overwrite=False):
        """Makes `trackable` a child called `name` and restores it if a checkpoint waits for it; returns it.

        Raises TypeError for what is not trackable, ValueError for a name in use.
        """
        if not is_trackable(trackable):
            raise TypeError(
                "Trackable._track_trackable() can only be used to track objects of type Trackable. "
                f"Got type {type(trackable)}."
            )
        if not overwrite and self._dependencies.get(name, trackable) is not trackable:
            raise ValueError(
                f"Called Trackable._track_trackable() with name='{name}', but a Trackable with this name is already "
                f"declared as a dependency. Names must be unique (or overwrite=True)."
            )
        self._dependencies[name] = trackable
        self._handle_deferred_dependencies(name, trackable)
        return trackable

    def _no_dependency(self, value):
        """`value`, not to be tracked."""
        return value

    def _trackable_children(self, save_type="checkpoint", **kwargs):
        """{name: trackable}."""
        return dict(self._dependencies)

    def _lookup_dependency(self, name, cached_dependencies=None):
        """The child called `name`, or None."""
        return (children_of(self) if cached_dependencies is None else cached_dependencies).get(name)

    def _handle_deferred_dependencies(self, name, trackable):
        """Restores `trackable` from the checkpoints that wait for a child called `name`, the newest first."""
        waiting = self.__dict__.get("_deferred_dependencies", {}).pop(name, ())
        for restoration, node in sorted(waiting, key=lambda w: -w[0].uid):
            restoration.restore(trackable, node)
        for by_name in self.__dict__.get("_by_name", ()):
            by_name.restore(trackable)

    def _gather_saveables_for_checkpoint(self):
        """{attribute name: variable, saveable or a function of its name giving one}; for subclasses."""
        return {}

    def _checkpoint_attributes(self):
        found = {}
        if callable(getattr(self, "_serialize_to_tensors", None)):
            for name in self._serialize_to_tensors():
                found[name] = _Serialized(self, name)
            return found
        for name, thing in self._gather_saveables_for_checkpoint().items():
            found[name] = thing
        return found


class _Serialized:
    """One tensor of an object with `_serialize_to_tensors` and `_restore_from_tensors`."""

    def __init__(self, owner, name):
        self.owner, self.name = owner, name


class NoDependency:
    """Wraps a value that is to be an attribute and not tracked."""

    def __init__(self, value):
        self.value = value


@export("__internal__.tracking.AutoTrackable", v1="")
class AutoTrackable(Trackable):
    """Trackable whose attributes are its children: variables, other trackables, lists, dicts and tuples of them."""

    def __setattr__(self, name, value):
        object.__setattr__(self, name, self._tracked_attribute(name, value))

    def _tracked_attribute(self, name, value):
        """`value` as it is kept: containers in their tracking form; trackables become children."""
        if isinstance(value, NoDependency):
            self._dependencies.pop(name, None)
            return value.value
        if not self.__dict__.get("_setattr_tracking", True) or isinstance(type(self).__dict__.get(name), property):
            return value
        from .containers import wrap

        value = wrap(value)
        if is_trackable(value):
            self._track_trackable(value, name, overwrite=True)
        else:
            self._dependencies.pop(name, None)
        return value

    def __delattr__(self, name):
        self._dependencies.pop(name, None)
        object.__delattr__(self, name)


@export("__internal__.tracking.no_automatic_dependency_tracking", v1="")
def no_automatic_dependency_tracking(method):
    """Decorator: attributes set while `method` runs are not tracked."""

    @functools.wraps(method)
    def run(self, *args, **kwargs):
        before = self.__dict__.get("_setattr_tracking", True)
        self.__dict__["_setattr_tracking"] = False
        try:
            return method(self, *args, **kwargs)
        finally:
            self.__dict__["_setattr_tracking"] = before

    return run


@export("__internal__.tracking.sticky_attribute_assignment", v1="")
def sticky_attribute_assignment(trackable, name, value):
    """`value` wrapped if it is a container and tracked by `trackable` under `name`; what should become the attribute."""
    from .containers import wrap

    add = not isinstance(value, NoDependency)
    value = wrap(value) if add else value.value
    if add and is_trackable(value):
        trackable._track_trackable(value, name=name, overwrite=True)
    return value


@export("train.experimental.PythonState")
class PythonState(Trackable):
    """Base class for state that is a string: `serialize()` gives it when saving, `deserialize(string)` takes it back."""

    def serialize(self):
        """The state as a string or bytes."""
        raise NotImplementedError(f"{type(self).__name__} must implement serialize()")

    def deserialize(self, string_value):
        """Takes the state that `serialize` gave, as bytes."""
        raise NotImplementedError(f"{type(self).__name__} must implement deserialize(string_value)")

    def _checkpoint_attributes(self):
        return {PY_STATE: self}
