"""Errors that only the numbers tell: a kernel looks at what it computed, and whoever ran the program raises.

`verify(wrong, type, message)` in a kernel says that InvalidArgumentError is due where `wrong`, a bool on the device, holds.  The compiled
program then calls back to the host, in that case only, and is waited for when it has run: `watched` holds the programs that verify
something, and is empty in a process that asks for no inverse of a matrix.
"""

from __future__ import annotations

import contextlib
import functools
import threading

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import errors

watched: dict = {}  # jitted function -> the messages its last run has left, a list

_tracing = threading.local()


@contextlib.contextmanager
def tracing(messages):
    """Within this, kernels are traced for a program that leaves its messages in the list `messages`; gives whether any may."""
    before = getattr(_tracing, "now", None)
    now = _tracing.now = [messages, False]
    try:
        yield lambda: now[1]
    finally:
        _tracing.now = before


def verify(wrong, type, message):
    """InvalidArgumentError(`message`) once the program has run, where `wrong` then holds anywhere."""
    now = getattr(_tracing, "now", None)
    if now is None:  # only the shapes are asked for
        return
    now[1] = True
    report = functools.partial(_report, now[0], f"{message} [Op:{type}]")
    lax.cond(jnp.any(wrong), lambda w: jax.debug.callback(report, w), lambda w: None, wrong)


def _report(messages, message, wrong):
    if np.any(wrong):  # under vmap both branches of the condition run
        messages.append(message)


def expected(code):
    """Whether a line of a program's code, or of a gradient in it, is of an op that verifies; bodies of loops are not looked into."""
    for sig, _ in code:
        sub = getattr(getattr(sig, "gradient", sig), "sub", None)
        if sig.op.verifies or sub is not None and expected(sub.code):
            return True
    return False


def error(function, outputs):
    """What the last run of a jitted function, which gave `outputs`, is to raise; None where it is not watched or all is well."""
    messages = watched.get(function)
    if messages is None:
        return None
    jax.block_until_ready(outputs)
    jax.effects_barrier()
    if not messages:
        return None
    found = errors.InvalidArgumentError(None, None, messages[0])
    messages.clear()
    return found
