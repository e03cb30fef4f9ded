"""`import tensorflow` answered by tfcompat: a finder in front of sys.meta_path, and the modules it hands out.

Every TensorFlow module is a plain module object of our own, named as TensorFlow names it, that fetches each name from
the face when it is first asked for and then keeps it: `tf.matmul` costs a dictionary look-up, a script that replaces
`tf.nn.relu` does not replace ours, and tfcompat's own modules never learn that they go by another name.
"""

import functools
import importlib
import importlib.abc
import importlib.machinery
import sys
import types

from tfcompat.launch import missing, private

VERSIONS = {"v1": "1.15.5", "v2": "2.15.0"}  # the last TF1; a TF2 that has all of TF2's classic API
_KERAS_VERSIONS = {"v1": "2.2.4-tf", "v2": "2.15.0"}
_ROOT = "tensorflow"

# Modules that TensorFlow had in two places and tfcompat has in one.
_MOVED = {
    "contrib.learn.datasets.mnist": "examples.tutorials.mnist.input_data",
    "contrib.learn.python.learn.datasets.mnist": "examples.tutorials.mnist.input_data",
    "contrib.learn.python.learn.datasets.base": "examples.tutorials.mnist.base",
}
# What answers to `tf.NAME` whether or not the face has it.
_ALWAYS = {"examples", "python", "core", "version", *_MOVED}


def lookup(face, path):
    """What the dotted path names on a face.  Raises AttributeError."""
    return functools.reduce(getattr, path.split("."), face)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and loads every module called tensorflow or tensorflow.SOMETHING; other modules are left to Python."""

    def __init__(self, api, face=None):
        self.api = api
        self.face = face or importlib.import_module("tfcompat.v1" if api == "v1" else "tfcompat")
        self.other = "compat.v2" if api == "v1" else "compat.v1"

    # -- what Python's import asks for ---------------------------------------------------------------------------

    def find_spec(self, fullname, path=None, target=None):
        if fullname != _ROOT and not fullname.startswith(_ROOT + "."):
            return None
        try:
            self._content(_path(fullname))
        except AttributeError as error:
            text = str(error) if isinstance(error, private.Unknown) else missing.explain(_path(fullname), self.api)
            # Without `name`: with it, `from tensorflow import nothing` would lose this sentence for one of Python's.
            raise ModuleNotFoundError(f"No module named '{fullname}': {text}") from None
        return importlib.machinery.ModuleSpec(fullname, self, origin="tfcompat", is_package=True)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        path = _path(module.__name__)
        content = self._content(path)
        module.__doc__ = content.__doc__
        module.__dict__.update(self._facts(path))

        def __getattr__(name):
            if name == "__all__":
                value = sorted({n for n in dir(content) if not n.startswith("_")})
            elif name.startswith("__") and name.endswith("__"):
                raise AttributeError(name)
            else:
                value = self._fetch(content, path, name)
            module.__dict__[name] = value
            return value

        module.__getattr__ = __getattr__
        module.__dir__ = lambda: sorted({*dir(content), *vars(module)} - {"__getattr__", "__dir__"})

    # -- where the names come from -------------------------------------------------------------------------------

    def _content(self, path):
        """The object whose attributes module `path` offers.  Raises AttributeError."""
        if not path or path == f"compat.{self.api}":
            return self.face
        if path in _MOVED or path.partition(".")[0] == "examples":
            return _own_module(_MOVED.get(path, path), path)
        if private.is_private(path):
            looks = (functools.partial(lookup, self.face), self._on_other_face)
            return private.Module(path, looks, newer=looks[self.api == "v1"])
        if path == "version" and not hasattr(self.face, path):
            return types.ModuleType(path)  # _facts fills it
        content = lookup(self.face, path)
        if isinstance(content, types.FunctionType | types.BuiltinFunctionType):
            raise private.Unknown(f"tf.{path} is a function")
        return content

    def find(self, path):
        """What tf.PATH stands for, modules and everything in them.  Raises AttributeError."""
        if not private.is_private(path) and path.partition(".")[0] != "examples":
            return lookup(self.face, path)
        try:
            return self._content(path)
        except AttributeError:
            parent, _, name = path.rpartition(".")
            return getattr(self._content(parent), name)

    def _on_other_face(self, path):
        return lookup(self.face, f"{self.other}.{path}")

    def _fetch(self, content, path, name):
        full = f"{path}.{name}" if path else name
        if f"{_ROOT}.{full}" in sys.modules:
            return sys.modules[f"{_ROOT}.{full}"]
        if full == f"compat.{self.api}" or full in _ALWAYS:
            return importlib.import_module(f"{_ROOT}.{full}")
        try:
            value = getattr(content, name)
        except private.Unknown as error:
            raise AttributeError(str(error)) from None
        except AttributeError as error:
            if error.name not in (None, name):
                raise  # something went wrong inside the face: not a name that is missing
            raise AttributeError(missing.explain(full, self.api)) from None
        if isinstance(value, types.ModuleType) and value.__name__.partition(".")[0] == "tfcompat":
            return importlib.import_module(f"{_ROOT}.{full}")
        return value

    def _facts(self, path):
        """Names that state a version: TensorFlow's, which a script may look at to choose its way."""
        version = VERSIONS[self.api]
        numbers = {"VERSION": version, "GIT_VERSION": "v" + version, "COMPILER_VERSION": sys.version}
        if path in ("", "compat.v1", "compat.v2"):
            dunder = {"__file__": self.face.__file__} if not path else {}
            dunder |= {"__version__": version, "__git_version__": "v" + version, "__compiler_version__": sys.version}
            return dunder | (numbers if path == "compat.v1" or (not path and self.api == "v1") else {})
        if path == "version":
            return numbers
        return {"__version__": _KERAS_VERSIONS[self.api]} if path == "keras" else {}


def _own_module(name, path):
    """tfcompat.NAME, imported; AttributeError where there is none."""
    try:
        return importlib.import_module("tfcompat." + name)
    except ModuleNotFoundError as error:
        if error.name != "tfcompat." + name:
            raise
        raise AttributeError(path) from None


def _path(fullname):
    return fullname[len(_ROOT) + 1 :]
