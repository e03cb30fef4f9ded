"""Builds the public namespaces from the names declared beside the code (declare.NAMES).

`fill("v2", module)` puts every TF2 name into `module` (tfcompat) and makes its namespaces (tfcompat.math, ...) real modules, so that
`import tfcompat.nn` works too.  A name that is missing is explained (launch/missing.py).
"""

from __future__ import annotations

import sys
import types

from .declare import NAMES


class Namespace(types.ModuleType):
    """A namespace of a face (tf.nn, tf.keras.optimizers): its names, and an explanation for those it lacks."""

    def __init__(self, name, face, path):
        super().__init__(name)
        self.__path__ = []
        self.__dict__["_face"], self.__dict__["_path"] = face, path

    def __getattr__(self, name):
        raise missing(self.__dict__["_face"], self.__dict__["_path"], name)

    def __dir__(self):
        return [n for n in self.__dict__ if not n.startswith("_")]

    def __repr__(self):
        return f"<module '{self.__name__}'>"


def missing(face, path, name):
    """The AttributeError for a name a namespace does not have."""
    dotted = f"{path}.{name}" if path else name
    if name.startswith("__") and name.endswith("__"):
        return AttributeError(name)
    try:
        from ..launch.missing import explain

        text = explain(dotted, face)
    except ImportError:
        text = f"tfcompat has no tf.{dotted}"
    return AttributeError(text, name=name)


def fill(face, module, prefix):
    """Puts the names of `face` into `module`; namespaces become modules called `prefix`.name."""
    made = {"": module}

    def namespace(path):
        found = made.get(path)
        if found is None:
            parent, _, name = path.rpartition(".")
            owner = namespace(parent)
            found = owner.__dict__.get(name)
            if not isinstance(found, Namespace):
                found = Namespace(f"{prefix}.{path}", face, path)
            made[path] = found
            # A function that is also a namespace does not exist in TensorFlow; the namespace would win.
            owner.__dict__[name] = found
            sys.modules[f"{prefix}.{path}"] = found
        return found

    for dotted, thing in NAMES[face].items():
        path, _, name = dotted.rpartition(".")
        namespace(path).__dict__[name] = thing
    return made


def build(face, name):
    """A face as a module object of its own, registered under `name` (tfcompat.compat.v1)."""
    module = Namespace(name, face, "")
    sys.modules[name] = module
    fill(face, module, name)
    return module


def assemble(module):
    """Makes `module` (tfcompat) the TF2 face, with compat.v1 and compat.v2 in every face."""
    from . import library  # noqa: F401 - importing it declares everything

    name = module.__name__
    fill("v2", module, name)
    v1 = build("v1", f"{name}.compat.v1")
    for owner, prefix in ((module, name), (v1, f"{name}.compat.v1")):
        compat = owner.__dict__.get("compat")
        if compat is None:
            compat = owner.__dict__["compat"] = Namespace(f"{prefix}.compat", "v2", "compat")
        compat.__dict__["v1"], compat.__dict__["v2"] = v1, module
        sys.modules[f"{prefix}.compat"] = compat
        sys.modules[f"{prefix}.compat.v1"], sys.modules[f"{prefix}.compat.v2"] = v1, module
    return v1
