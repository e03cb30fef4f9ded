"""What to say about a TensorFlow name that is not there: whether TensorFlow had it, and what is closest."""

import contextlib
import difflib
import functools
import importlib
import sys

from tfcompat.launch import names

_silent = 0


@contextlib.contextmanager
def quietly():
    """Inside, explain() answers "" at once: for code that only tries whether a name is there."""
    global _silent
    _silent += 1
    try:
        yield
    finally:
        _silent -= 1


def explain(name, face):
    """One or two lines on why `tf.NAME` (dotted, without `tf.`) is not there; face is "v1" or "v2"."""
    return "" if _silent else _explain(name, face)


@functools.lru_cache(maxsize=512)
def _explain(name, face):
    if name.partition(".")[0] in ("python", "core"):
        return f"tensorflow.{name}: a private name of TensorFlow's, without a counterpart in tfcompat"
    with quietly():
        flag = _flags().get(name)
        if flag is None and name.startswith(("compat.v1.", "compat.v2.")):
            flag = _flags().get(name.split(".", 2)[2])
        if flag is None:
            return _unknown(name, face)
        if flag in "1-" and face == "v2" and not name.startswith("compat."):
            return _other_face(name, "belonged to TensorFlow 1.x and is not part of TensorFlow 2", "v1", face)
        if flag == "2" and face == "v1" and not name.startswith("compat."):
            return _other_face(name, "came with TensorFlow 2 and is not part of TensorFlow 1.x", "v2", face)
        whose = "belonged to TensorFlow 1.x" if flag == "-" else "is part of TensorFlow"
        return f"tf.{name} {whose}; tfcompat does not have it yet.{_elsewhere(name, face)}"


def _other_face(name, whose, other, face):
    if _there(f"compat.{other}.{name}", face):
        here = f"It is here as tf.compat.{other}.{name}, and as tf.{name} under `python -m tfcompat --api {other}`"
        return f"tf.{name} {whose}.\n  {here}"
    return f"tf.{name} {whose}; tfcompat does not have it yet.{_elsewhere(name, face)}"


def _unknown(name, face):
    """For a name that TensorFlow never had, as far as the list goes: most likely a slip of the pen."""
    parent, _, last = name.rpartition(".")
    prefix = parent + "." if parent else ""
    near = _close(last, _children(parent, face))
    if near:
        return f"TensorFlow has no tf.{name}; did you mean tf.{prefix}{near}?"
    near = _close(last, {n[len(prefix) :].partition(".")[0] for n in _flags() if n.startswith(prefix)})
    if near:
        return f"TensorFlow has no tf.{name}; did you mean tf.{prefix}{near}?\n  {_explain(prefix + near, face)}"
    if parent and _flags().get(parent) == "-":
        return f"tf.{parent} belonged to TensorFlow 1.x; tfcompat knows no {last} in it.{_elsewhere(name, face)}"
    return f"TensorFlow has no tf.{name}.{_elsewhere(name, face)}"


def _elsewhere(name, face):
    """The same last name in another namespace, if one is there."""
    last = name.rpartition(".")[2]
    same = [n for n in names.symbols() if n.rpartition(".")[2] == last and n != name and not n.startswith("raw_ops.")]
    same = sorted((n for n in same if _there(n, face)), key=lambda n: (n.count("."), len(n)))
    return f"\n  closest: tf.{same[0]}" if same else ""


@functools.cache
def _flags():
    """names.symbols() and the namespaces themselves: "=" where any name in it is in both faces, and so on."""
    flags = {}
    for name, flag in names.symbols().items():
        parts = name.split(".")
        for i in range(1, len(parts)):
            namespace = ".".join(parts[:i])
            known = flags.get(namespace, "-")
            flags[namespace] = flag if known == "-" else known if flag in ("-", known) else "="
    return flags | names.symbols()


def _close(word, words, cutoff=0.7):
    by_lower = {w.lower(): w for w in words}
    found = difflib.get_close_matches(word.lower(), by_lower, 1, cutoff)
    return by_lower[found[0]] if found else ""


def names_of(face):
    """A module with that face's names, without importing tfcompat.v1, which turns graph mode on."""
    tfcompat = importlib.import_module("tfcompat")
    return sys.modules.get("tfcompat.v1") or tfcompat.compat.v1 if face == "v1" else tfcompat


def _children(parent, face):
    try:
        value = names_of(face)
        for part in parent.split(".") if parent else []:
            value = getattr(value, part)
    except AttributeError:
        return []
    return [n for n in dir(value) if not n.startswith("_")]


def _there(name, face):
    try:
        value = names_of(face)
        for part in name.split("."):
            value = getattr(value, part)
    except (AttributeError, ImportError):
        return False
    return True
