"""Python functions to functions that work on tensors: the transpiler with our operators, and calls from converted code.

Imported when a function with control flow is traced for the first time.  A conversion is kept for each code object.
"""

from __future__ import annotations

import ast
import functools
import inspect
import os
import sys
import traceback
import types
import unittest

from malt import operators
from malt.converters import directives as directives_pass
from malt.core import converter
from malt.impl import api, conversion
from malt.lang import directives, special_functions
from malt.pyct import anno, cache, errors, inspect_utils
from malt.utils import ag_logging

from .. import errors as tf_errors
from ..platform import log
from ..scopes import name_scope
from . import api as public
from . import builtins, control_flow, data_structures, logical, messages, status
from .scan import is_library


# -- the transpiler ---------------------------------------------------------------------------------------------------
class _Directives(directives_pass.DirectivesTransformer):
    """Recognises tf.autograph.experimental.set_loop_options for the library's own directive."""

    def _ours(self, node):
        if anno.getanno(node, directives_pass.STATIC_VALUE, default=None) is public.set_loop_options:
            anno.setanno(node, directives_pass.STATIC_VALUE, directives.set_loop_options)
        return node

    def visit_Name(self, node):
        return self._ours(super().visit_Name(node))

    def visit_Attribute(self, node):
        return self._ours(super().visit_Attribute(node))


class _DirectivesPass:
    """What stands for the module of the directives' pass while a function is transformed."""

    @staticmethod
    def transform(node, ctx):
        return _Directives(ctx).visit(node)


_transform = types.FunctionType(
    api.PyToPy.transform_ast.__code__,
    {**api.PyToPy.transform_ast.__globals__, "directives": _DirectivesPass},
    "transform_ast",
)


class Transpiler(api.PyToPy):
    """The library's passes, and our operators as `ag__` in what they produce."""

    def get_transformed_name(self, node):
        return "tf" + super().get_transformed_name(node).removeprefix("ag")

    def get_extra_locals(self):
        if self._extra_locals is None:
            ag = types.ModuleType("tfcompat.autograph_operators")
            for part in (special_functions, operators):
                ag.__dict__.update({k: v for k, v in part.__dict__.items() if not k.startswith("__")})
            ag.ConversionOptions, ag.Feature, ag.STD = (
                converter.ConversionOptions,
                converter.Feature,
                converter.STANDARD_OPTIONS,
            )
            ag.autograph_artifact, ag.converted_call = status.mark, converted_call
            ag.caught = _caught
            ag.FunctionScope, ag.with_function_scope = FunctionScope, with_function_scope
            for part in (builtins, control_flow, data_structures, logical):
                ag.__dict__.update(part.OPERATORS)
            self._extra_locals = {"ag__": ag}
        return self._extra_locals

    def initial_analysis(self, node, ctx):
        return super().initial_analysis(_HandlersNames().visit(node), ctx)

    transform_ast = _transform


class _HandlersNames(ast.NodeTransformer):
    """`except E as e:` as `except E: e = ag__.caught()`: the library's analysis expects a node where the name is."""

    def visit_ExceptHandler(self, node):
        self.generic_visit(node)
        if node.name is not None:
            assignment = ast.parse(f"{node.name} = ag__.caught()").body[0]
            node.body.insert(0, ast.copy_location(assignment, node))
            node.name = None
        return node


def _caught():
    """The exception being handled."""
    return sys.exc_info()[1]


_TRANSPILER = Transpiler()
if public.verbosity()[0]:
    ag_logging.set_verbosity(*public.verbosity())


class FunctionScope:
    """Around the body of a converted function: its conversion options, and a name scope where one was asked for."""

    def __init__(self, function_name, scope_name, options):
        self.name, self.options = scope_name, options
        self.callopts = options.call_options()
        self._contexts = [status.within(status.ENABLED)] if options.user_requested else []
        if options.uses(converter.Feature.NAME_SCOPES):
            self._contexts.append(name_scope("fn" + function_name if function_name.startswith("_") else function_name))

    def __enter__(self):
        for c in self._contexts:
            c.__enter__()
        return self

    def __exit__(self, *exc):
        for c in reversed(self._contexts):
            c.__exit__(*exc)

    def ret(self, value, did_return):
        """What the function returns; None where no return statement was met."""
        return None if isinstance(value, operators.UndefinedReturnValue) else value


def with_function_scope(thunk, scope_name, options):
    """The scope of a lambda."""
    with FunctionScope("lambda_", scope_name, options) as scope:
        return thunk(scope)


# -- what is converted ------------------------------------------------------------------------------------------------
_allowed = cache.UnboundInstanceCache()  # what was found to be called as it is


def _called_as_is(f, options):
    """Whether `f` is never converted: library code, classes, generators, methods of libraries' classes."""
    if conversion.is_unsupported(f):
        return True
    if options.user_requested:
        return False
    if inspect.isgeneratorfunction(f) or conversion.is_allowlisted(f):
        return True
    if inspect.ismethod(f):
        owner = inspect_utils.getdefiningclass(f, inspect_utils.getmethodclass(f)) or f.__func__
        return is_library(owner) or issubclass(type(f.__self__), unittest.TestCase) and is_library(f.__func__)
    if isinstance(f, types.FunctionType) or inspect.isbuiltin(f):
        return is_library(f)
    return callable(f) and is_library(type(f).__call__) or is_library(f)


def _options(recursive=True, user_requested=False, features=None):
    if isinstance(features, public.Feature):
        features = (features,)
    features = None if features is None else tuple([converter.Feature[f.name] for f in features])
    return converter.ConversionOptions(recursive=recursive, user_requested=user_requested, optional_features=features)


def _convert_actual(entity, options):
    """The converted function of a function; raises what the library raises."""
    if not hasattr(entity, "__code__"):
        raise ValueError(
            "Cannot apply autograph to a function that doesn't expose a __code__ object. If this is a @tf.function, try passing "
            "f.python_function instead."
        )
    made, module, source_map = _TRANSPILER.transform(entity, converter.ProgramContext(options))
    made.ag_module, made.ag_source_map = module, source_map
    lines = {at.lineno: (o.loc.filename, o.loc.lineno) for at, o in source_map.items()}
    tf_errors.translate_lines(module.__file__, lines)
    return made


# -- calls from converted code ----------------------------------------------------------------------------------------
def converted_call(f, args, kwargs, caller_fn_scope=None, options=None):
    """Calls `f`, converted if it is the user's: what a call in converted code becomes."""
    if options is None:
        options = caller_fn_scope.callopts
    if _is_allowed(f, options) or status.current() == status.DISABLED or status.is_marked(f):
        return _call(f, args, kwargs)
    if isinstance(f, functools.partial):
        return converted_call(
            f.func,
            f.args + tuple(args),
            {**f.keywords, **(kwargs or {})},
            caller_fn_scope=caller_fn_scope,
            options=options,
        )
    if inspect_utils.isbuiltin(f):
        return builtins.call(f, args, kwargs, caller_fn_scope)
    if not options.internal_convert_user_code or _called_as_is(f, options):
        return _call(f, args, kwargs, options)
    given = args
    try:
        target, args = _target(f, args)
    except NotImplementedError as e:
        return _fall_back(f, args, kwargs, options, e)
    code = getattr(target, "__code__", None)
    if code is None or code.co_filename == "<string>":  # native code, or made by exec
        return _call(f, given, kwargs, options)
    try:
        made = _convert_actual(target, options)
    except Exception as e:
        if int(os.environ.get("AUTOGRAPH_STRICT_CONVERSION", "0")) > 0:
            raise
        return _fall_back(target, args, kwargs, options, e)
    try:
        return made(*args, **kwargs) if kwargs else made(*args)
    except Exception as e:
        messages.attach(e, made, traceback.extract_tb(sys.exc_info()[2])[1:])
        raise


def _target(f, args):
    """(the function behind a callable, its arguments)."""
    if inspect.ismethod(f) or inspect.isfunction(f):
        own = getattr(f, "__self__", None)
        return f, args if own is None else (own, *args)
    if callable(f):
        return type(f).__call__, (f, *args)
    raise NotImplementedError(f'unknown callable type "{type(f)}"')


def _is_allowed(f, options):
    try:
        return _allowed.has(f, options)
    except TypeError:  # neither hashable nor weakly referenced
        return False


def _call(f, args, kwargs, remember=None):
    if remember is not None:
        try:
            _allowed[f][remember] = True
        except TypeError:
            pass
    return f(*args, **kwargs) if kwargs else f(*args)


_warned: set = set()


def _fall_back(f, args, kwargs, options, why):
    """Calls a function that cannot be converted as it is, saying so once."""
    code = getattr(f, "__code__", None)
    if code not in _warned and not (
        isinstance(why, errors.InaccessibleSourceCodeError)
        and code is not None
        and code.co_filename.startswith("<frozen")
    ):
        _warned.add(code)
        log.warn(
            "AutoGraph could not transform %s and will run it as-is.\nCause: %s\nTo silence this warning, decorate the function with "
            "@tf.autograph.experimental.do_not_convert",
            f,
            why,
        )
    if inspect.ismethod(f):
        return _call(f.__func__, args, kwargs)
    return _call(f, args, kwargs)


# -- whole functions --------------------------------------------------------------------------------------------------
def converted(function, features=None, user_requested=True):
    """`function` with its control flow converted whenever it is called; errors speak of the user's lines."""
    options = _options(user_requested=user_requested, features=features)

    @functools.wraps(function, assigned=("__name__", "__qualname__", "__doc__", "__module__"), updated=())
    def call(*args, **kwargs):
        try:
            return converted_call(function, args, kwargs, options=options)
        except Exception as e:
            told = messages.told(e)
            if told is None:
                raise
            raise told from None

    return status.mark(call)


def to_graph(entity, recursive, features):
    """See tf.autograph.to_graph.  ConversionError where it cannot be done."""
    if not isinstance(entity, types.FunctionType) and not inspect.ismethod(entity):
        raise NotImplementedError(
            f"tf.autograph.to_graph takes Python functions and methods, got {type(entity).__name__}"
        )
    try:
        return status.mark(_convert_actual(entity, _options(recursive, True, features)))
    except (ValueError, AttributeError, KeyError, NameError, AssertionError) as e:
        raise api.ConversionError(f"converting {entity}: {e.__class__.__name__}: {e}") from e


__all__ = ["converted", "converted_call", "to_graph"]
