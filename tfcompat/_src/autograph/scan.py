"""Whether a function has anything that AutoGraph would change, judged from its bytecode.

Most functions that are traced are straight lines of calls to this package.  For those nothing is imported, parsed or compiled
again.  When in doubt the answer is yes: a method of an unknown object, a call of an argument, anything that branches.
"""

from __future__ import annotations

import builtins
import dis
import functools
import inspect
import os
import sys
import types

_LIBRARIES = frozenset(["tfcompat", "numpy", "jax", "jaxlib", "optax", "tensorflow", "absl"])
_CHANGED = frozenset(
    "abs all any enumerate filter float int len map max min next range sorted super eval globals locals".split()
)
_PLAIN_BUILTINS = (isinstance, getattr, hasattr, print, list, tuple, dict, set, str, repr, type, slice, id, property)


def is_library(thing):
    """Whether a module, function, class or object belongs to a library that is called as it is."""
    module = thing.__name__ if isinstance(thing, types.ModuleType) else getattr(thing, "__module__", None)
    if module is None:
        module = getattr(type(thing), "__module__", None)
    return isinstance(module, str) and _is_library_root(module.partition(".")[0])


@functools.cache
def _is_library_root(name):
    """Whether a top-level module is a library's; a user's file may have the name of a standard module."""
    if name in _LIBRARIES:
        return True
    if name not in sys.stdlib_module_names:
        return False
    file = getattr(sys.modules.get(name), "__file__", None)
    return file is None or os.path.dirname(file).startswith(os.path.dirname(os.__file__))


@functools.cache
def _known_attributes():
    """Names that mean a method or property of this package's objects."""
    from ..ops.tensor_array import TensorArray
    from ..tape import GradientTape
    from ..tensor import EagerTensor, SymbolicTensor
    from ..variables import Variable

    names = {n for c in (EagerTensor, SymbolicTensor, Variable, TensorArray, GradientTape) for n in dir(c)}
    return names | {"apply_gradients", "minimize", "append", "items", "keys", "values", "format"}


def has_control_flow(function):
    """Whether tracing `function` might meet control flow, directly or in what it calls."""
    return _any(function, set())


def _any(function, seen):
    if isinstance(function, functools.partial):
        return _any(function.func, seen)
    if inspect.ismethod(function):
        function = function.__func__
    code = getattr(function, "__code__", None)
    if not isinstance(function, types.FunctionType) or code is None:
        return not is_library(function)
    if code in seen:
        return False
    seen.add(code)
    if code.co_flags & inspect.CO_GENERATOR:  # refused or run as it is, with a warning
        return True
    return _in_code(code, function, seen)


def _in_code(code, function, seen):
    closure = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
    last = None  # the value that the instruction before loaded, where it is known
    before = None
    for i in dis.get_instructions(code):
        name, before, previous = i.opname, i.opname, before
        if name in ("UNARY_NOT", "PUSH_NULL", "GET_ITER"):
            return True
        if i.opcode in dis.hasjrel or i.opcode in dis.hasjabs:
            if name != "JUMP_FORWARD" and previous != "WITH_EXCEPT_START":  # the jumps of a `with`
                return True
        known, last = last, None
        if name in ("LOAD_GLOBAL", "LOAD_NAME"):
            last = _value(i.argval, function.__globals__)
            if last is _UNKNOWN or _needs(last, seen):
                return True
        elif name == "LOAD_DEREF" and i.argval in closure:
            try:
                last = closure[i.argval].cell_contents
            except ValueError:
                return True
            if _needs(last, seen):
                return True
        elif name in ("LOAD_ATTR", "LOAD_METHOD"):
            if isinstance(known, types.ModuleType):
                last = getattr(known, i.argval, None)
                if last is None or _needs(last, seen):
                    return True
            elif i.argval not in _known_attributes() or known is not None and not is_library(known):
                return True
        elif name == "LOAD_CONST" and isinstance(i.argval, types.CodeType):
            if _in_code(i.argval, function, seen):
                return True
    return False


_UNKNOWN = object()


def _value(name, names):
    if name in names:
        return names[name]
    if name in _CHANGED:
        return _UNKNOWN
    return getattr(builtins, name, _UNKNOWN)


def _needs(value, seen):
    """Whether a value that the function uses might bring control flow with it when called."""
    if isinstance(value, types.ModuleType) or not callable(value) or is_library(value):
        return False
    if value in _PLAIN_BUILTINS:
        return False
    return _any(value, seen)
