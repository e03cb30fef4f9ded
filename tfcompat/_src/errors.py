"""TensorFlow's exception classes, and `user_line`, which finds the user's line a message should speak of."""

import inspect
import linecache
import os
import sys
import traceback
from typing import NamedTuple

OK = 0
CANCELLED = 1
UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
ABORTED = 10
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
DATA_LOSS = 15
UNAUTHENTICATED = 16


class InaccessibleTensorError(ValueError):
    """A tensor was used outside the function or graph that made it."""


class OperatorNotAllowedInGraphError(TypeError):
    """A symbolic tensor was used as a Python bool, iterated over, or otherwise asked for a value it has not yet."""


class OpError(Exception):
    """An operation failed; scripts catch this class or one of the classes below, one for each error code.

    Like TensorFlow's, it has empty `args`; the text is in `message`. `payloads`, if given, is a dictionary.
    """

    def __init__(self, node_def, op, message, error_code, *args):
        super().__init__()
        self._node_def = node_def
        self._op = op
        self._message = message
        self._error_code = error_code
        self._experimental_payloads = args[0] if args else {}

    @property
    def message(self):
        """What went wrong, without the trace that `str` adds."""
        return self._message

    @property
    def op(self):
        """The operation that failed, None if it is not known or was run eagerly."""
        return self._op

    @property
    def node_def(self):
        """The definition of the node that failed, or None."""
        return self._node_def

    @property
    def error_code(self):
        """The number of the error, one of the constants of this module."""
        return self._error_code

    @property
    def experimental_payloads(self):
        """Details of the error, a dictionary."""
        return self._experimental_payloads

    def __reduce__(self):
        # Subclasses, the user's included, have shorter constructors; the parameters' names say what to keep.
        names = inspect.getfullargspec(type(self).__init__).args[1:]
        return type(self), tuple(getattr(self, name) for name in names)

    def __str__(self):
        if self._op is None:
            return self._message
        lines = traceback.format_list(getattr(self._op, "traceback", None) or [])
        return f"{self._message}\n\nOriginal stack trace for {self._op.name!r}:\n" + "".join(lines)


class CancelledError(OpError):
    """The operation was cancelled, usually because its session was closed."""

    def __init__(self, node_def, op, message, *args):
        super().__init__(node_def, op, message, CANCELLED, *args)


class UnknownError(OpError):
    """An error of no other class."""

    def __init__(self, node_def, op, message, *args):
        # A code passed here by old callers is dropped, as in TensorFlow: the fourth argument holds payloads.
        super().__init__(node_def, op, message, UNKNOWN, *args)


class InvalidArgumentError(OpError):
    """An operation got an input it cannot work with: a shape that does not fit, an index out of range, no feed."""

    def __init__(self, node_def, op, message, *args):
        super().__init__(node_def, op, message, INVALID_ARGUMENT, *args)


class DeadlineExceededError(OpError):
    """The time allowed for an operation passed before it was done."""

    def __init__(self, node_def, op, message, *args):
        super().__init__(node_def, op, message, DEADLINE_EXCEEDED, *args)


class NotFoundError(OpError):
    """A file, a variable in a checkpoint or another named thing is not there."""

    def __init__(self, node_def, op, message, *args):
        super().__init__(node_def, op, message, NOT_FOUND, *args)


class AlreadyExistsError(OpError):
    """Something that was to be created is there already."""

    def __init__(self, node_def, op, message, *args):
        super().__init__(node_def, op, message, ALREADY_EXISTS, *args)


class PermissionDeniedError(OpError):
    """A file may not be read or written by this user."""

    def __init__(self, node_def, op, message, *args):
        super().__init__(node_def, op, message, PERMISSION_DENIED, *args)


class UnauthenticatedError(OpError):
    """The caller did not prove who it is."""

    def __init__(self, node_def, op, message, *args):
        super().__init__(node_def, op, message, UNAUTHENTICATED, *args)


class ResourceExhaustedError(OpError):
    """Memory of the device, or space on the disk, ran out; a smaller batch usually helps."""

    def __init__(self, node_def, op, message, *args):
        super().__init__(node_def, op, message, RESOURCE_EXHAUSTED, *args)


class FailedPreconditionError(OpError):
    """Something had to be done first: most often a variable was read before its initializer was run."""

    def __init__(self, node_def, op, message, *args):
        super().__init__(node_def, op, message, FAILED_PRECONDITION, *args)


class AbortedError(OpError):
    """The operation was given up because of another one that ran at the same time."""

    def __init__(self, node_def, op, message, *args):
        super().__init__(node_def, op, message, ABORTED, *args)


class OutOfRangeError(OpError):
    """The end of the data is reached: an iterator, queue or reader has no more elements."""

    def __init__(self, node_def, op, message, *args):
        super().__init__(node_def, op, message, OUT_OF_RANGE, *args)


class UnimplementedError(OpError):
    """The operation does not exist for these types, shapes or this device."""

    def __init__(self, node_def, op, message, *args):
        super().__init__(node_def, op, message, UNIMPLEMENTED, *args)


class InternalError(OpError):
    """Something that must hold inside the library does not: a bug."""

    def __init__(self, node_def, op, message, *args):
        super().__init__(node_def, op, message, INTERNAL, *args)


class UnavailableError(OpError):
    """A service cannot be reached at the moment."""

    def __init__(self, node_def, op, message, *args):
        super().__init__(node_def, op, message, UNAVAILABLE, *args)


class DataLossError(OpError):
    """Data that was read is truncated or does not match its checksum."""

    def __init__(self, node_def, op, message, *args):
        super().__init__(node_def, op, message, DATA_LOSS, *args)


_CLASS_OF_CODE = {
    CANCELLED: CancelledError, UNKNOWN: UnknownError, INVALID_ARGUMENT: InvalidArgumentError,
    DEADLINE_EXCEEDED: DeadlineExceededError, NOT_FOUND: NotFoundError, ALREADY_EXISTS: AlreadyExistsError,
    PERMISSION_DENIED: PermissionDeniedError, UNAUTHENTICATED: UnauthenticatedError,
    RESOURCE_EXHAUSTED: ResourceExhaustedError, FAILED_PRECONDITION: FailedPreconditionError,
    ABORTED: AbortedError, OUT_OF_RANGE: OutOfRangeError, UNIMPLEMENTED: UnimplementedError,
    INTERNAL: InternalError, UNAVAILABLE: UnavailableError, DATA_LOSS: DataLossError,
}  # fmt: skip
_CODE_OF_CLASS = {cls: code for code, cls in _CLASS_OF_CODE.items()}


def exception_type_from_error_code(error_code):
    """The exception class of a code; KeyError for codes that are none."""
    return _CLASS_OF_CODE[error_code]


def error_code_from_exception_type(cls):
    """The code of an exception class; for another class an `UnknownError`, returned and not raised as in TensorFlow."""
    try:
        return _CODE_OF_CLASS[cls]
    except KeyError:
        return UnknownError(None, None, "Unknown class exception", None)


def specific_error(node_def, op, message, error_code):
    """An exception of the class that belongs to `error_code`, `UnknownError` for numbers without one."""
    return _CLASS_OF_CODE.get(error_code, UnknownError)(node_def, op, message)


# --- The user's line -------------------------------------------------------------------------------------------------


class UserLine(NamedTuple):
    """Where the user wrote something: file, line number, and the text of that line ('' if it cannot be read)."""

    file: str
    line: int
    text: str

    def __str__(self):
        return f"{os.path.basename(self.file)}:{self.line}    {self.text}".rstrip()


_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LIBRARIES = ("jax", "jaxlib", "optax", "numpy", "malt")  # Whose frames are not the user's either.
# Standard modules that stand between a user's line and ours: decorators, context managers, the script launcher.
_BETWEEN = {"contextlib", "functools", "threading", "runpy", "inspect"}
_is_user_file = {}  # code file name -> bool, or its lines (translate_lines); a look-up a frame instead of string work.


def _judge(file):
    """Whether frames of `file` are the user's, remembered."""
    path = os.path.abspath(file)
    ours = path.startswith(_HERE) or file.startswith("<frozen")
    for name in _LIBRARIES:
        root = getattr(sys.modules.get(name), "__file__", None)
        ours = ours or (root is not None and path.startswith(os.path.dirname(root) + os.sep))
    for name in _BETWEEN:
        ours = ours or path == getattr(sys.modules.get(name), "__file__", None)
    _is_user_file[file] = not ours
    return not ours


def user_frame(depth=0):
    """(file, line) of the innermost frame outside tfcompat and the libraries under it, or None; under 1 us."""
    frame = sys._getframe(depth + 1)
    while frame is not None:
        file = frame.f_code.co_filename
        mine = _is_user_file.get(file)
        if mine or (mine is None and _judge(file)):
            if mine.__class__ is not dict:
                return file, frame.f_lineno
            if frame.f_lineno in mine:
                return mine[frame.f_lineno]
        frame = frame.f_back
    return None


def is_user_file(file):
    """Whether `file` is neither part of tfcompat nor of a library under it."""
    known = _is_user_file.get(file)
    return bool(_judge(file) if known is None else known)


def translate_lines(file, lines):
    """Frames of the generated `file` stand for others: line number -> (file, line number); those of other lines are nobody's."""
    _is_user_file[file] = dict(lines) or False


def user_line(depth=0):
    """The `UserLine` of the innermost frame outside tfcompat and the libraries under it, or None."""
    found = user_frame(depth + 1)
    return None if found is None else line_of(*found)


def line_of(file, line):
    """The `UserLine` of a place found earlier by `user_frame`: reading the file is left until a message needs it."""
    return UserLine(file, line, linecache.getline(file, line).strip())


def made_at(file, line):
    """The sentence of a message that names a place: 'made at   train.py:41    logits = ...'."""
    return f"made at   {line_of(file, line)}"


for _thing in list(globals().values()):
    if isinstance(_thing, type) and issubclass(_thing, Exception) and _thing.__module__ == __name__:
        _thing.__module__ = "tfcompat.errors"  # where users find them, and what a traceback shows
