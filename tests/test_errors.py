"""The exception classes, and finding the user's line."""

import copy
import pickle

import pytest

from tfcompat._src import errors

CODES = {
    "Cancelled": 1, "Unknown": 2, "InvalidArgument": 3, "DeadlineExceeded": 4, "NotFound": 5, "AlreadyExists": 6,
    "PermissionDenied": 7, "ResourceExhausted": 8, "FailedPrecondition": 9, "Aborted": 10, "OutOfRange": 11,
    "Unimplemented": 12, "Internal": 13, "Unavailable": 14, "DataLoss": 15, "Unauthenticated": 16,
}  # fmt: skip


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_class_and_code(name, code):
    cls = getattr(errors, name + "Error")
    error = cls(None, None, "what went wrong", {"a": "b"})
    assert isinstance(error, errors.OpError) and isinstance(error, Exception)
    assert (str(error), error.message, error.error_code) == ("what went wrong", "what went wrong", code)
    assert (error.op, error.node_def, error.args, error.experimental_payloads) == (None, None, (), {"a": "b"})
    assert repr(error) == f"{name}Error()"
    assert errors.exception_type_from_error_code(code) is cls and errors.error_code_from_exception_type(cls) == code
    assert type(errors.specific_error(None, None, "m", code)) is cls
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(again) is cls and again.message == error.message and again.error_code == code


def test_codes_without_class():
    assert errors.OK == 0
    with pytest.raises(KeyError):
        errors.exception_type_from_error_code(99)
    assert str(errors.error_code_from_exception_type(ValueError)) == "Unknown class exception"
    assert errors.specific_error(None, None, "m", 99).error_code == errors.UNKNOWN
    assert issubclass(errors.OperatorNotAllowedInGraphError, TypeError)
    assert issubclass(errors.InaccessibleTensorError, ValueError)


def test_subclass_of_the_user():
    class Mine(errors.NotFoundError):
        def __init__(self, message):
            super().__init__(None, None, message)

    assert Mine("gone").__reduce__() == (Mine, ("gone",))


def test_text_names_the_operation():
    class Op:
        name = "logits/MatMul"
        traceback = [("train.py", 41, "<module>", "logits = tf.matmul(x, W)")]

    text = str(errors.InvalidArgumentError(None, Op, "sizes differ"))
    assert text == (
        "sizes differ\n\nOriginal stack trace for 'logits/MatMul':\n"
        '  File "train.py", line 41, in <module>\n    logits = tf.matmul(x, W)\n'
    )


def test_user_line_is_this_line():
    found = errors.user_line()  # this one
    assert found.file == __file__ and found.text == "found = errors.user_line()  # this one"
    assert str(found) == f"test_errors.py:{found.line}    {found.text}"
    assert errors.user_frame()[0] == __file__
    assert errors.made_at(*found[:2]) == f"made at   {found}"


def test_user_line_passes_over_libraries():
    import functools

    import numpy

    seen = []
    numpy.apply_along_axis(lambda row: seen.append(errors.user_frame(1)) or 0, 0, numpy.ones((1, 1)))
    functools.partial(lambda: seen.append(errors.user_frame()))()
    assert [file for file, _ in seen] == [__file__] * len(seen)


def test_line_of_a_missing_file():
    assert errors.line_of("no such file.py", 3) == ("no such file.py", 3, "")
