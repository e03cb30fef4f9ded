"""tf.autograph: what users call."""

from __future__ import annotations

import enum
import functools
import inspect
import os
import sys
import textwrap

from ..declare import export
from . import status


@export("autograph.experimental.Feature")
class Feature(enum.Enum):
    """Optional conversions, given as `experimental_autograph_options`."""

    ALL = "ALL"
    AUTO_CONTROL_DEPS = "AUTO_CONTROL_DEPS"
    ASSERT_STATEMENTS = "ASSERT_STATEMENTS"
    BUILTIN_FUNCTIONS = "BUILTIN_FUNCTIONS"
    EQUALITY_OPERATORS = "EQUALITY_OPERATORS"
    LISTS = "LISTS"
    NAME_SCOPES = "NAME_SCOPES"

    @classmethod
    def all(cls):
        """All features, as a tuple."""
        return tuple(cls.__members__.values())

    @classmethod
    def all_but(cls, exclude):
        """All features but those of `exclude`, as a tuple."""
        exclude = exclude if isinstance(exclude, (list, tuple, set)) else (exclude,)
        return tuple(set(cls.all()) - set(exclude) - {cls.ALL})


@export("autograph.experimental.do_not_convert")
def do_not_convert(func=None):
    """`func`, called as it is from converted code, and everything that it calls."""
    if func is None:
        return do_not_convert

    def wrapper(*args, **kwargs):
        with status.within(status.DISABLED):
            return func(*args, **kwargs)

    if inspect.isfunction(func) or inspect.ismethod(func):
        wrapper = functools.update_wrapper(wrapper, func)
    return status.mark(wrapper)


UNSPECIFIED = object()


@export("autograph.experimental.set_loop_options")
def set_loop_options(
    parallel_iterations=UNSPECIFIED,
    swap_memory=UNSPECIFIED,
    maximum_iterations=UNSPECIFIED,
    shape_invariants=UNSPECIFIED,
):
    """As the first statement of a loop in a tf.function: arguments of the tf.while_loop that it becomes.

    shape_invariants: pairs (variable, shape that it keeps).  Outside of a converted loop nothing happens.
    """


def _converter(what):
    if not status.installed():
        raise ImportError(
            f"{what} rewrites Python functions with the library diastatic-malt: pip install tfcompat[autograph]"
        )
    from . import convert

    return convert


@export("autograph.to_graph", v1="")
def to_graph(entity, recursive=True, experimental_optional_features=None):
    """The function that AutoGraph makes of a Python function: its control flow works on tensors of graphs."""
    return _converter("tf.autograph.to_graph").to_graph(entity, recursive, experimental_optional_features)


@export("", v1="autograph.to_graph")
def to_graph_v1(entity, recursive=True, arg_values=None, arg_types=None, experimental_optional_features=None):
    """The function that AutoGraph makes of a Python function; `arg_values`, `arg_types` were never used."""
    return to_graph(entity, recursive, experimental_optional_features)


@export("autograph.to_code", v1="")
def to_code(entity, recursive=True, experimental_optional_features=None):
    """The source text of the function that AutoGraph makes of a Python function."""
    made = to_graph(entity, recursive, experimental_optional_features)
    return textwrap.dedent(inspect.getsource(made))


@export("", v1="autograph.to_code")
def to_code_v1(
    entity, recursive=True, arg_values=None, arg_types=None, indentation="  ", experimental_optional_features=None
):
    """The source text of the function that AutoGraph makes of a Python function; the arguments between were never used."""
    return to_code(entity, recursive, experimental_optional_features)


_verbosity = None


def verbosity():
    """How much is told about conversions: 0 nothing; also the environment's AUTOGRAPH_VERBOSITY."""
    return _verbosity if _verbosity is not None else (int(os.environ.get("AUTOGRAPH_VERBOSITY", 0)), False)


@export("autograph.set_verbosity")
def set_verbosity(level, alsologtostdout=False):
    """How much is logged about conversions: 0 (nothing but warnings) to 10; `alsologtostdout`: printed as well."""
    global _verbosity
    _verbosity = (int(level), bool(alsologtostdout))
    if "malt" in sys.modules:  # else convert.py does so when it is imported
        from malt.utils import ag_logging

        ag_logging.set_verbosity(*_verbosity)


@export("autograph.trace")
def trace(*args):
    """Prints `args` while a function is traced."""
    print(*args)


@export("__internal__.autograph.control_status_ctx", v1="")
def control_status_ctx():
    """Whether the code around is converted, for `tf_convert`."""
    return status.within(status.current())


@export("__internal__.autograph.tf_convert", v1="")
def tf_convert(f, ctx, convert_by_default=True, user_requested=False):
    """`f` with its control flow converted, unless `ctx` (of control_status_ctx) says that the code around is not."""
    if status.is_marked(f) or not status.installed():
        return f
    if ctx.status == status.DISABLED or ctx.status == status.UNSPECIFIED and not convert_by_default:
        return do_not_convert(f) if ctx.status == status.DISABLED else f
    from .scan import has_control_flow, is_library

    if is_library(f):
        return f
    return _converter("tf_convert").converted(f, user_requested=user_requested) if has_control_flow(f) else f
