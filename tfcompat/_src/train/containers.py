"""Lists, dicts and tuples as attributes of trackable objects: what is put into them later is tracked, too.

A wrapper shares the original container (`_storage`), so that a list appended to under another name is seen here; its
own contents as a list or dict are a copy kept for C code that looks at those.
"""

from __future__ import annotations

import collections

from ..declare import export
from .trackable import NoDependency, Trackable, is_trackable


@export("__internal__.tracking.wrap", v1="")
def wrap(value):
    """A list, dict or tuple holding trackables in the form that tracks; anything else as it is."""
    kind = type(value)
    if kind is list:
        return ListWrapper(value)
    if kind is dict or kind is collections.OrderedDict or kind is collections.defaultdict:
        return _DictWrapper(value)
    if isinstance(value, tuple) and not isinstance(value, Trackable):
        if any([is_trackable(wrap(v)) for v in value]):
            return _tuple_wrapper(kind, [wrap(v) for v in value])
    return value


@export("__internal__.tracking.TrackableDataStructure", v1="")
class TrackableDataStructure(Trackable):
    """Base class of the containers."""

    def _values(self):
        raise NotImplementedError

    def _of_elements(self, attribute):
        found = []
        for element in self._values():
            if hasattr(type(element), "_dense_tensor"):
                if attribute == "variables" or element.trainable == (attribute == "trainable_variables"):
                    found.append(element)
            elif is_trackable(element):
                found += getattr(element, attribute, None) or []
        return found

    variables = property(lambda self: self._of_elements("variables"), doc="All variables in it.")
    trainable_variables = property(lambda self: self._of_elements("trainable_variables"), doc="The trainable ones.")
    non_trainable_variables = property(lambda self: self._of_elements("non_trainable_variables"), doc="The others.")

    def _tracked_value(self, value, name):
        """`value` as it is kept under `name`: wrapped, and restored if a checkpoint waits for it."""
        if isinstance(value, NoDependency):
            return value.value
        value = wrap(value)
        if is_trackable(value):
            self._handle_deferred_dependencies(name, value)
        return value

    def __hash__(self):
        return id(self)


def _read_list(name):
    method = getattr(list, name)

    def read(self, *args):
        return method(self._storage, *[a._storage if isinstance(a, ListWrapper) else a for a in args])

    read.__name__, read.__doc__ = name, method.__doc__
    return read


def _change_list(name):
    method = getattr(list, name)

    def change(self, *args, **kwargs):
        self._non_append = True
        result = method(self._storage, *args, **kwargs)
        self._mirror()
        return result

    change.__name__, change.__doc__ = name, method.__doc__
    return change


class ListWrapper(TrackableDataStructure, list):
    """A list that tracks what is appended to it.  Other changes are allowed, but then it cannot be saved."""

    def __init__(self, wrapped_list=()):
        self._storage = wrapped_list if type(wrapped_list) is list else list(wrapped_list)
        self._non_append = False
        self._storage[:] = [self._tracked_value(v, str(i)) for i, v in enumerate(self._storage)]
        self._mirror()

    def _mirror(self):
        list.__setitem__(self, slice(None), self._storage)

    for _name in ("__getitem__", "__iter__", "__len__", "__contains__", "__reversed__", "__eq__", "__ne__", "__lt__",
                  "__le__", "__gt__", "__ge__", "__add__", "__mul__", "__rmul__", "index", "count", "copy"):  # fmt: skip
        locals()[_name] = _read_list(_name)
    for _name in ("__delitem__", "pop", "remove", "clear", "sort", "reverse", "__imul__"):
        locals()[_name] = _change_list(_name)
    del _name
    __hash__ = TrackableDataStructure.__hash__

    def __radd__(self, other):
        return list(other) + self._storage

    def append(self, value):
        """Adds `value` at the end and tracks it."""
        self._storage.append(self._tracked_value(value, str(len(self._storage))))
        list.append(self, self._storage[-1])

    def extend(self, values):
        """Adds all `values` at the end and tracks them."""
        for v in values:
            self.append(v)

    def __iadd__(self, values):
        self.extend(values)
        return self

    def insert(self, index, value):
        """Inserts `value`; the list can then no longer be saved."""
        self._non_append = True
        self._storage.insert(index, wrap(value))
        self._mirror()

    def __setitem__(self, key, value):
        self._non_append = True
        self._storage[key] = [wrap(v) for v in value] if isinstance(key, slice) else wrap(value)
        self._mirror()

    def __repr__(self):
        return f"ListWrapper({self._storage!r})"

    def __reduce__(self):
        return (ListWrapper, (self._storage,))

    def _values(self):
        return self._storage

    def _trackable_children(self, save_type="checkpoint", **kwargs):
        children = {str(i): v for i, v in enumerate(self._storage) if is_trackable(v)}
        if kwargs.get("saving") and children:
            self._check_appended_only()
        return children

    def _check_appended_only(self):
        known = list.copy(self)
        if len(known) != len(self._storage) or any([a is not b for a, b in zip(known, self._storage, strict=False)]):
            raise ValueError(
                f"Unable to save the object {self} (a list wrapper constructed to track trackable TensorFlow objects). "
                f"The wrapped list was modified outside the wrapper (its final element was {known[-1:]} when a "
                f"checkpoint dependency was last added), which breaks restoration on object creation.\n\nIf you don't "
                f"need this list checkpointed, wrap it in a non-trackable object; it will be subsequently ignored."
            )
        if self._non_append:
            raise ValueError(
                f"Unable to save the object {self} (a list wrapper constructed to track trackable TensorFlow objects). "
                f"A list element was replaced (__setitem__, __setslice__), deleted (__delitem__, __delslice__), or "
                f"moved (sort). In order to support restoration on object creation, tracking is exclusively for "
                f"append-only data structures.\n\nIf you don't need this list checkpointed, wrap it in a non-trackable "
                f"object; it will be subsequently ignored."
            )


List = ListWrapper  # the form the library uses itself


def _read_dict(name):
    method = getattr(dict, name)

    def read(self, *args):
        return method(self._storage, *[a._storage if isinstance(a, _DictWrapper) else a for a in args])

    read.__name__, read.__doc__ = name, method.__doc__
    return read


class _DictWrapper(TrackableDataStructure, dict):
    """A dict that tracks the values under its string keys."""

    def __init__(self, wrapped_dict=()):
        self._storage = wrapped_dict if isinstance(wrapped_dict, dict) else dict(wrapped_dict)
        for k, v in list(self._storage.items()):
            self._storage[k] = self._tracked_value(v, k)
        self._mirror()

    def _mirror(self):
        dict.clear(self)
        dict.update(self, self._storage)

    for _name in ("__iter__", "__len__", "__contains__", "__reversed__", "__eq__", "__ne__", "__or__", "__ror__", "get",
                  "keys", "values", "items"):  # fmt: skip
        locals()[_name] = _read_dict(_name)
    del _name
    __hash__ = TrackableDataStructure.__hash__

    def __getitem__(self, key):
        value = self._storage[key]  # a defaultdict makes what is missing
        if value is not dict.get(self, key):
            value = self._storage[key] = self._tracked_value(value, key)
            dict.__setitem__(self, key, value)
        return value

    def __setitem__(self, key, value):
        value = self._storage[key] = self._tracked_value(value, key)
        dict.__setitem__(self, key, value)

    def __delitem__(self, key):
        del self._storage[key]
        dict.pop(self, key, None)

    def setdefault(self, key, default=None):
        """The value under `key`, which is `default` if there was none."""
        if key not in self._storage:
            self[key] = default
        return self._storage[key]

    def update(self, *args, **kwargs):
        """Sets every key of the arguments."""
        for k, v in dict(*args, **kwargs).items():
            self[k] = v

    def pop(self, key, *default):
        """Takes `key` out."""
        dict.pop(self, key, None)
        return self._storage.pop(key, *default)

    def popitem(self):
        """Takes the last key out."""
        key, value = self._storage.popitem()
        dict.pop(self, key, None)
        return key, value

    def clear(self):
        """Takes everything out."""
        self._storage.clear()
        dict.clear(self)

    def copy(self):
        """A plain copy."""
        return self._storage.copy()

    def __repr__(self):
        return f"DictWrapper({self._storage!r})"

    def __reduce__(self):
        return (_DictWrapper, (self._storage,))

    def _values(self):
        return self._storage.values()

    def _trackable_children(self, save_type="checkpoint", **kwargs):
        children = {}
        for k, v in self._storage.items():
            if not is_trackable(v):
                continue
            if not isinstance(k, str):
                if not kwargs.get("saving"):
                    continue
                raise ValueError(
                    f"Unable to save the object {self} (a dictionary wrapper constructed automatically on attribute "
                    "assignment). The wrapped dictionary contains a non-string key which maps to a trackable object or "
                    "mutable data structure.\n\nIf you don't need this dictionary checkpointed, wrap it in a "
                    "non-trackable object; it will be subsequently ignored."
                )
            children[k] = v
        return children


class _TupleWrapper(TrackableDataStructure):
    """What the tuples that hold trackables derive from, besides their own class."""

    def _values(self):
        return tuple(self)

    def _trackable_children(self, save_type="checkpoint", **kwargs):
        names = getattr(self, "_fields", None) or [str(i) for i in range(len(self))]
        return {n: v for n, v in zip(names, self, strict=False) if is_trackable(v)}

    def __reduce__(self):
        return (_tuple_wrapper, (type(self).__mro__[1], list(self)))


_tuple_classes: dict = {}


def _tuple_wrapper(kind, values):
    cls = _tuple_classes.get(kind)
    if cls is None:
        cls = _tuple_classes[kind] = type(kind.__name__, (kind, _TupleWrapper), {"__hash__": lambda self: id(self)})
    return tuple.__new__(cls, values)
