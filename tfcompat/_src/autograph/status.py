"""Which part of a program AutoGraph converts: a stack of decisions for each thread, and whether the library is there."""

from __future__ import annotations

import importlib.util
import threading

UNSPECIFIED, ENABLED, DISABLED = "unspecified", "enabled", "disabled"


class _Stack(threading.local):
    def __init__(self):
        self.entries = [UNSPECIFIED]


_stack = _Stack()


def current():
    """UNSPECIFIED outside of any decision, ENABLED in converted code, DISABLED under do_not_convert."""
    return _stack.entries[-1]


class within:
    """A context in which `status` holds."""

    __slots__ = ("status",)

    def __init__(self, status):
        self.status = status

    def __enter__(self):
        _stack.entries.append(self.status)
        return self

    def __exit__(self, *exc):
        _stack.entries.pop()


_installed = None


def installed():
    """Whether the library that rewrites functions can be imported."""
    global _installed
    if _installed is None:
        _installed = importlib.util.find_spec("malt") is not None
    return _installed


def mark(function):
    """Says of a callable that it is called as it is: it was converted, or must not be."""
    target = getattr(function, "__func__", function)
    target.autograph_info__ = None
    return function


def is_marked(function):
    return hasattr(function, "autograph_info__")


def why_not_converted():
    """The sentence of an error message for a symbolic tensor that is used as a Python bool."""
    if not installed():
        return (
            "AutoGraph is not installed: `pip install tfcompat[autograph]` lets Python's if, while and for work on tensors in a "
            "tf.function"
        )
    if current() == ENABLED:
        return "AutoGraph did convert this function. This might indicate you are trying to use an unsupported feature"
    if current() == DISABLED:
        return "AutoGraph is disabled in this function. Try decorating it directly with @tf.function"
    return "AutoGraph did not convert this function. Try decorating it directly with @tf.function"
