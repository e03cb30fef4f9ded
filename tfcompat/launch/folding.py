"""Tracebacks that end at the user's line: frames of tfcompat and JAX are folded, the launcher's own never show.

TFCOMPAT_FULL_TRACEBACK=1 shows the folded ones.
"""

import functools
import os
import sys
import threading
import traceback

_FOLDED = ("tfcompat", "jax", "jaxlib", "optax")


def install(first_file):
    """Makes uncaught exceptions print folded; frames before the first one of `first_file` are the launcher's."""
    sys.excepthook = functools.partial(_print, first_file)
    threading.excepthook = _print_in_thread


def format_exception(error, first_file=None):
    """The lines Python would print for `error`, folded."""
    report = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
    if os.environ.get("TFCOMPAT_FULL_TRACEBACK", "0") in ("", "0"):
        _fold(report, first_file, set())
    return list(report.format())


def _fold(report, first_file, seen):
    seen.add(id(report))
    if report.stack is not None:
        report.stack = _Folded.of(_after_launcher(report.stack, first_file)) or None
    if report.__notes__:  # JAX remarks that it has removed frames
        report.__notes__ = [n for n in report.__notes__ if "JAX has removed its internal frames" not in n]
    if report.__cause__ is not None and _is_jax_remark(report.__cause__):
        report.__cause__ = None
    for inner in (report.__cause__, report.__context__, *(report.exceptions or ())):
        if inner is not None and id(inner) not in seen:
            _fold(inner, first_file, seen)


def _is_jax_remark(report):
    """JAX hangs an exception of its own on others, to say that it has removed frames."""
    return any("jax" in line and "StackTrace" in line for line in report.format_exception_only())


def _print(first_file, kind, error, trace):
    try:
        lines = format_exception(error.with_traceback(trace), first_file)
    except Exception:  # whatever is wrong here, the user's traceback must not be lost
        sys.__excepthook__(kind, error, trace)
        return
    sys.stderr.write("".join(lines))
    sys.stderr.flush()


def _print_in_thread(args):
    if args.exc_type is SystemExit:
        return
    name = args.thread.name if args.thread is not None else threading.get_ident()
    sys.stderr.write(f"Exception in thread {name}:\n")
    _print(None, args.exc_type, args.exc_value, args.exc_traceback)


def _after_launcher(stack, first_file):
    """The frames from the script's first one on (from the first one where it has none), without the launcher's."""
    start = next((i for i, frame in enumerate(stack) if frame.filename == first_file), 0)
    return [f for f in list(stack)[start:] if not f.filename.startswith(_launcher())]


@functools.cache
def _launcher():
    """How the names of the files begin that start a script."""
    here = os.path.dirname(os.path.abspath(__file__))
    return os.path.join(here, ""), os.path.join(os.path.dirname(here), "__main__.py"), "<frozen runpy>"


@functools.cache
def _ours():
    """Folders whose frames are folded."""
    loaded = [sys.modules[name] for name in _FOLDED if name in sys.modules]
    return tuple(os.path.join(p, "") for module in loaded for p in module.__path__)


class _Folded(traceback.StackSummary):
    """A stack in which runs of our frames are one line each."""

    @classmethod
    def of(cls, frames):
        stack, run = cls(), 0
        for frame in frames:
            if frame.filename.startswith(_ours()):
                run += 1
                continue
            stack += [_Mark(run)] if run else []
            stack.append(frame)
            run = 0
        stack += [_Mark(run)] if run else []
        return stack

    def format_frame_summary(self, frame_summary, **settings):
        if isinstance(frame_summary, _Mark):
            return frame_summary.text
        return super().format_frame_summary(frame_summary, **settings)


class _Mark(traceback.FrameSummary):
    """Stands for `count` folded frames."""

    def __init__(self, count):
        super().__init__("<folded>", count, "", lookup_line=False, line="")
        frames = "frame" if count == 1 else "frames"
        self.text = f"  ({count} {frames} of tfcompat/jax folded; TFCOMPAT_FULL_TRACEBACK=1 shows them)\n"
