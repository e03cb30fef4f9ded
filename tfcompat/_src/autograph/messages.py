"""Errors from converted code, told in terms of the user's lines ("in user code:")."""

from __future__ import annotations

import inspect

from malt.impl.api import AutoGraphError, ConversionError, StagingError
from malt.pyct import error_utils
from malt.pyct.errors import PyCTError

from .. import errors

_BY_MESSAGE = (
    PyCTError,
    AutoGraphError,
    ConversionError,
    StagingError,
    errors.InaccessibleTensorError,
    errors.OperatorNotAllowedInGraphError,
)


class Metadata(error_utils.ErrorMetadataBase):
    """Where an error came from, in the user's files."""

    def create_exception(self, source_error):
        """An error of the same class with the user's lines in its message; StagingError for classes that need more."""
        kind = type(source_error)
        if isinstance(source_error, errors.OpError):
            wanted = list(inspect.signature(kind).parameters)
            if wanted[:3] == ["node_def", "op", "message"]:
                return kind(source_error.node_def, source_error.op, self.get_message())
        if kind in _BY_MESSAGE:
            return kind(self.get_message())
        made = super().create_exception(source_error)
        return StagingError(self.get_message()) if made is None else made


def attach(error, function, trace):
    """Adds to an error that leaves a converted function which of its lines that was."""
    if hasattr(error, "ag_pass_through"):
        return
    known = getattr(error, "ag_error_metadata", None)
    message = f"{error.__class__.__name__}: {error}" if known is None else None
    trace = [frame for frame in trace if frame.filename == _CALLS or errors.is_user_file(frame.filename)]
    try:
        error.ag_error_metadata = Metadata(trace, known, message, function.ag_source_map, _CALLS)
    except AttributeError:  # an exception without attributes stays as it is
        pass


def told(error):
    """The error that the user sees instead, or None."""
    metadata = getattr(error, "ag_error_metadata", None)
    if metadata is None or getattr(error, "ag_told", False):
        return None
    made = metadata.to_exception(error)
    made.ag_told = True
    return made.with_traceback(error.__traceback__)


_CALLS = __file__.replace("messages.py", "convert.py")  # whose frames stand between converted functions
