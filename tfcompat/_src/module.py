"""tf.Module: an object that knows the variables and modules it holds, and has a name scope for what its methods make."""

from __future__ import annotations

import functools
import re

from . import nest
from .declare import export
from .scopes import name_scope_v2
from .train.trackable import AutoTrackable, is_variable


def snake_case(name):
    """A class's name as modules are called by default: MyLayer2D -> my_layer2d."""
    name = re.sub(r"((?<=[a-z0-9])[A-Z]|(?!^)[A-Z](?=[a-z]))", r"_\1", name)
    return name.lower()


def _trainable(thing):
    return is_variable(thing) and bool(getattr(thing, "trainable", False))


def _other_variable(thing):
    return is_variable(thing) and not getattr(thing, "trainable", False)


@export("Module")
class Module(AutoTrackable):
    """Base class for models and layers: `variables`, `trainable_variables` and `submodules` are found in attributes.

    name: an identifier, default the class's name in snake case.  Raises ValueError for any other name.
    """

    _TF_MODULE_IGNORED_PROPERTIES = frozenset(
        ("_tracked", "_deferred_dependencies", "_by_name", "_restored_by", "_setattr_tracking", "_name_scope")
    )

    def __init__(self, name=None):
        if name is None:
            name = snake_case(type(self).__name__)
        elif not re.match(r"^[a-zA-Z_]([a-zA-Z0-9_])*$", name):
            raise ValueError(
                f"{name!r} is not a valid module name. Module names must be valid Python identifiers (e.g. a valid "
                f"class name)."
            )
        self._name = name
        with name_scope_v2(name) as scope:
            self.__dict__["_name_scope"] = name_scope_v2(scope)

    @property
    def name(self):
        """The name given, without the scope it was created in."""
        return self._name

    @property
    def name_scope(self):
        """The tf.name_scope of this module, to be entered by methods that create variables or operations."""
        return self.__dict__["_name_scope"]

    @property
    def variables(self):
        """The variables of this module and its submodules, sorted by attribute, each once: a tuple."""
        return tuple(self._flatten(predicate=is_variable, expand_composites=True))

    @property
    def trainable_variables(self):
        """Those that are trainable."""
        return tuple(self._flatten(predicate=_trainable, expand_composites=True))

    @property
    def non_trainable_variables(self):
        """Those that are not."""
        return tuple(self._flatten(predicate=_other_variable, expand_composites=True))

    @property
    def submodules(self):
        """All modules below this one: a tuple."""
        return tuple(self._flatten(predicate=lambda thing: isinstance(thing, Module)))

    def _flatten(
        self, recursive=True, predicate=None, attribute_traversal_key=None, with_path=False, expand_composites=False
    ):
        """Yields what attributes hold and `predicate` is true of; with_path: (path, value) pairs, repeats included."""
        predicate = predicate if predicate is not None else lambda _: True
        return _walk(self, recursive, predicate, attribute_traversal_key, with_path, expand_composites, (), set())

    @classmethod
    def with_name_scope(cls, method):
        """Decorator: the method runs in the module's name scope."""

        @functools.wraps(method)
        def run(self, *args, **kwargs):
            with self.name_scope:
                return method(self, *args, **kwargs)

        return run


def _walk(module, recursive, predicate, key, with_path, expand, path, seen, stack=()):
    """Values of one module's attributes first, then those of the modules among them.

    seen: ids of what was visited; with paths, where a value may come again, cycles end at a module of `stack`.
    """
    seen.add(id(module)) if not path else None
    recursive = recursive and id(module) not in stack
    below, held = [], vars(module)
    for name in sorted(held, key=key):
        if name in module._TF_MODULE_IGNORED_PROPERTIES:
            continue
        try:
            leaves = nest.flatten_with_tuple_paths(held[name], expand_composites=expand)
        except Exception as error:
            raise ValueError(f"Error processing property {name!r} of {held[name]!r}") from error
        for inner, leaf in leaves:
            if not with_path:
                if id(leaf) in seen:
                    continue
                seen.add(id(leaf))
            at = (*path, name, *inner)
            if predicate(leaf):
                yield (at, leaf) if with_path else leaf
            if recursive and isinstance(leaf, Module):
                below.append((at, leaf))
    for at, submodule in below:
        yield from _walk(submodule, recursive, predicate, key, with_path, expand, at, seen, (*stack, id(module)))
