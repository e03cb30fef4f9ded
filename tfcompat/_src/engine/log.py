"""TFCOMPAT_LOG_COMPILES=1: for each compile, the user's line that caused it and what differs from the nearest program before."""

from __future__ import annotations

import os
import sys

from .. import errors

on = os.environ.get("TFCOMPAT_LOG_COMPILES") == "1"
count = 0  # programs compiled so far, whoever asked
_seen: list = []


def traced(label, program, leaves):
    """Called while a program is traced, that is once per compile."""
    compiled(
        label, program.code, tuple([(str(getattr(v, "dtype", "?")), tuple(getattr(v, "shape", ()))) for v in leaves])
    )


def compiling(label, code, avals, _earlier=None):
    """Called before an eager program is compiled."""
    compiled(label, code, tuple([(a.dtype.name, a.shape) for a in avals]))


def compiled(label, code, leaves):
    global count
    count += 1
    if not on:
        return
    where = errors.user_line()
    at = f" at {where[0]}:{where[1]}  {where[2]}" if where else ""
    ops = [sig.op.type for sig, _ in code]
    print(f"tfcompat compile #{count}: {label}, {len(ops)} ops{at}", file=sys.stderr)
    print(f"    {_difference(ops, code, leaves)}", file=sys.stderr)
    _seen.append((ops, code, leaves))


def _difference(ops, code, leaves):
    """One line: how this program differs from the most similar one before."""
    if not _seen:
        return "first program"
    import difflib

    best = max(
        _seen[-50:],
        key=lambda p: difflib.SequenceMatcher(None, ops, p[0], autojunk=False).ratio() + (p[2] == leaves) * 0.01,
    )
    if best[0] == ops:
        for i, (a, b) in enumerate(zip(best[2], leaves, strict=False)):
            if a != b:
                return f"same ops as an earlier program, but input {i} is {b[0]}{list(b[1] or ())}, was {a[0]}{list(a[1] or ())}"
        for (s, _), (t, _) in zip(best[1], code, strict=False):
            if s is not t and hasattr(s, "settings") and hasattr(t, "settings"):  # halves of a gradient have none
                return f"same ops, but {t.op.type} has other settings: {_setting_change(s, t)}"
        return "same ops and inputs; other values are asked for or they are wired differently"
    added, gone = [o for o in ops if o not in best[0]], [o for o in best[0] if o not in ops]
    if not added and not gone:
        return f"{len(ops)} ops, the nearest earlier program has {len(best[0])} of the same kinds"
    return "nearest earlier program differs by " + ", ".join([f"+{o}" for o in added[:6]] + [f"-{o}" for o in gone[:6]])


def _setting_change(old, new):
    changes = [
        f"{k}={new.settings.get(k)!r} (was {old.settings.get(k)!r})"
        for k in new.settings
        if new.settings.get(k) != old.settings.get(k)
    ]
    changes += [
        f"input {k} is {v} (was {old.fixed.get(k)})" for k, v in new.fixed.items() if str(old.fixed.get(k)) != str(v)
    ]
    return ", ".join(changes) or "(settings equal in text)"
