"""Host objects of a session (queues, readers) as tensors: an operation makes the object once per session, its output is the handle.

A handle is a resource tensor of no dimensions whose value is the object itself, so the operations on it are ordinary host operations.
"""

from __future__ import annotations

import functools

import numpy as np

from .. import dtypes, record
from ..declare import OPS, op
from ..graph import Slot, aval, context
from ..session import limits
from ..tensor import handle as tensor_of

HANDLE = aval(dtypes.resource, ())
_process: dict = {}  # objects of operations that run outside of any session, and shared ones


def boxed(thing):
    """An object as an array of no dimensions."""
    array = np.empty((), object)
    array[()] = thing
    return array


def maker(type, build, agree=None):
    """Declares op `type`, which makes build(name, **settings) the first time a session runs it.

    With a shared_name the session has one of that name; agree(found, **settings) raises where another was asked for.
    """

    def kernel(**settings):
        return kernel.with_session(None, None, **settings)

    def with_session(session, original, container="", shared_name="", **settings):
        held = _process if session is None else session._resources
        key = (type if not shared_name else "", container, shared_name) if shared_name else original
        name = shared_name or (original.name if original is not None else type)
        if key is None:
            return (boxed(build(name, **settings)),)
        found = held.get(key)
        if found is None:
            found = held.setdefault(key, build(name, **settings))
        elif shared_name and agree is not None:
            agree(found, type, shared_name, **settings)
        return (boxed(found),)

    kernel.with_session = with_session
    return op(type, host=True, stateful=True, alike=False, abstract=lambda **settings: (dtypes.resource, ()))(kernel)


def make(type, settings, name):
    """Records or, eagerly, runs a maker -> the handle."""
    definition = OPS[type]
    settings = {"container": "", "shared_name": "", **settings}
    if context.graph is None:
        (made,) = definition.kernel(**settings)
        return tensor_of(Slot(None, 0, HANDLE, made))
    full = context.graph.op_name(name, type)
    attributes = {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}
    return record.add_op(
        context.graph, definition.signature(settings), [], full, avals=(HANDLE,), single=True, attributes=attributes
    )


def method(type, **flags):
    """Declares op `type` from a function of the object behind its first input, arrays, settings and `timeout` (seconds or None)."""

    def declare(function):
        def kernel(handle, *arrays, **settings):
            return function(handle[()], *arrays, timeout=None, **settings)

        def with_session(session, original, handle, *arrays, **settings):
            return function(handle[()], *arrays, timeout=_timeout(session), **settings)

        functools.update_wrapper(kernel, function, ("__name__", "__doc__"), ())
        del kernel.__wrapped__
        kernel.with_session = with_session
        return op(type, host=True, stateful=True, alike=False, **flags)(kernel)

    return declare


def call(type, inputs, settings, avals, name):
    """Records or runs op `type` -> a list of tensors, or the operation where there are none (eagerly None)."""
    definition = OPS[type]
    if context.graph is None:
        slots = [record.convert_to_tensor(t)._slot for t in inputs]
        out = record.run_on_host(definition, settings, None, slots)
        return out if out else None
    graph = context.graph
    full = graph.op_name(name, type)
    tensors = [record.convert_to_tensor(t) for t in inputs]
    attributes = {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}
    return record.add_op(
        graph, definition.signature(settings), tensors, full, avals=tuple(avals), single=False, attributes=attributes
    )


def _timeout(session):
    given = getattr(limits, "timeout_in_ms", 0)
    if not given and session is not None and session._config is not None:
        given = session._config.operation_timeout_in_ms
    return given / 1000 if given else None
