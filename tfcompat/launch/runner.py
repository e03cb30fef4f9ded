"""Running a script as `python script.py` would, with `import tensorflow` meaning tfcompat."""

import builtins
import os
import sys
import types
from importlib.machinery import SourceFileLoader

from tfcompat.launch import folding, source


def prepare(script, arguments):
    """Sets sys.argv and sys.path[0] for the script; returns its absolute path ("<stdin>" for "-")."""
    sys.argv[:] = [script, *arguments]
    if script == "-":
        path, folder = "<stdin>", ""
    else:
        path = os.path.abspath(script)
        folder = os.path.dirname(os.path.realpath(path))
    if not sys.flags.safe_path:
        sys.path[0] = folder
    return path


def run(path, raw):
    """Runs source bytes as module __main__.  What the script raises goes on to Python, which exits as always."""
    folding.install(path)
    if not path.endswith(".py"):
        source.show_in_tracebacks(path, raw)
    code = compile(raw, path, "exec", dont_inherit=True)
    main = types.ModuleType("__main__")
    main.__builtins__ = builtins
    main.__annotations__ = {}
    if path != "<stdin>":
        main.__file__, main.__cached__ = path, None
        main.__loader__ = SourceFileLoader("__main__", path)
    global _launcher
    _launcher = sys.modules["__main__"]
    sys.modules["__main__"] = main
    exec(code, main.__dict__)


_launcher = None  # The launcher's own __main__: this very call runs from its dictionary, so it must live on.
