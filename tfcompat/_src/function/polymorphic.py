"""tf.function: a Python function and its traces, and which of them serves a call.

A call's arguments are looked up by a key that is made quickly (`_argument_key`).  Only where the key is new are their types made
(`value_types.py`) and the traces searched for one whose types are supertypes of them; where there is none, the function is traced.
"""

from __future__ import annotations

import functools
import inspect
import threading
import weakref

import numpy as np

from .. import nest, record
from ..autograph import status
from ..declare import export
from ..graph import context
from ..tensor import EagerTensor, SymbolicTensor, Tensor
from ..trace_type import PlaceholderContext, TracingContext
from .binding import named_specs
from .concrete import ConcreteFunction
from .func_graph import FuncGraph, run_traced
from .function_type import POSITIONAL, FunctionType, checked_input_signature
from .retracing import detector_of
from .value_types import is_variable, sorted_keys, type_of

_REQUIRED = object()


class Traces:
    """The traces made in one kind of surroundings: `cache` by key, `found` by FunctionType."""

    __slots__ = ("cache", "found")

    def __init__(self):
        self.cache, self.found = {}, {}

    def serving(self, wanted):
        """The trace of the narrowest type that serves calls of type `wanted`, or None."""
        exact = self.found.get(wanted)
        if exact is not None:
            return exact
        best = None
        for kind in self.found:
            if kind.is_supertype_of(wanted) and (best is None or best.is_supertype_of(kind)):
                best = kind
        return None if best is None else self.found[best]


@export("types.experimental.PolymorphicFunction types.experimental.GenericFunction", v1="")
class Function:
    """A Python function and its traces; what @tf.function returns."""

    def __init__(
        self, python_function, name=None, input_signature=None, autograph=True, jit_compile=None, reduce_retracing=False,
        autograph_options=None, attributes=None,
    ):  # fmt: skip
        if not callable(python_function):
            raise TypeError(f"{python_function!r} is not a callable object")
        attributes_too = () if python_function.__class__ is WeakMethod else functools.WRAPPER_UPDATES
        functools.update_wrapper(self, python_function, updated=attributes_too)
        self.python_function = self._python_function = python_function
        self._name = name or _name_of(python_function)
        self._input_signature = None if input_signature is None else checked_input_signature(input_signature)
        self._autograph, self._jit_compile, self._reduce_retracing = autograph, jit_compile, reduce_retracing
        self._experimental_autograph_options, self._attributes = autograph_options, dict(attributes or {})
        self._pure = "_implements" in self._attributes  # variables are taken for their values
        self._bound = {}  # id of an instance -> (weak reference to it, its bound Function)
        self._fresh()

    def _fresh(self):
        self._traces, self._lock = Traces(), threading.RLock()
        self._concretes: list = []
        self._tracings, self._created_variables = 0, False
        self._type = self._arity = self._for_tracing = None
        self._omit_frequent_tracing_warning = False
        self._calls = detector_of(self.python_function)

    def __getstate__(self):
        """What pickle keeps: the Python function and the settings, no traces."""
        left_out = (
            "_traces",
            "_lock",
            "_concretes",
            "_type",
            "_arity",
            "_for_tracing",
            "_calls",
            "_bound",
            "__wrapped__",
        )
        return {k: v for k, v in self.__dict__.items() if k not in left_out}

    def __setstate__(self, state):
        self.__dict__.update(state, __wrapped__=state["python_function"], _bound={})
        self._fresh()

    @property
    def input_signature(self):
        """The input_signature given, as a tuple, or None."""
        return self._input_signature

    @property
    def function_spec(self):
        return self

    @property
    def function_type(self):
        """The FunctionType of the Python function, with the types of the input_signature; TypeError where they do not go together."""
        found = self._type
        if found is None:
            found = FunctionType.of_function(self.python_function)
            if self._input_signature is not None:
                found = found.constrained(self._input_signature)
            self._type = found
            plain = [p for p in found.parameters.values() if p.kind in POSITIONAL]
            self._arity = len(plain) if len(plain) == len(found.parameters) else -1
            self._defaults = [(p.name, found.defaults.get(p.name, _REQUIRED)) for p in plain]
        return found

    def experimental_get_tracing_count(self):
        """How often the Python function was traced."""
        return self._tracings

    def _clone(self, python_function=None):
        """A Function of the same settings, without traces, of another Python function (default: of the same)."""
        return Function(
            self.python_function if python_function is None else python_function, self._name, self._input_signature, self._autograph,
            self._jit_compile, self._reduce_retracing, self._experimental_autograph_options, self._attributes,
        )  # fmt: skip

    def _decorate(self, decorator):
        """Puts `decorator` around the Python function; ValueError once it was traced."""
        if self._tracings:
            raise ValueError(
                f"Functions cannot be decorated after they have been traced. The function {self._name} has been traced already."
            )
        self.python_function = self._python_function = decorator(self.python_function)
        self._fresh()

    def _list_all_concrete_functions(self):
        """All traces that are still there."""
        return [c for c in [ref() for ref in self._concretes] if c is not None]

    _list_all_concrete_functions_for_serialization = _list_all_concrete_functions

    # -- methods ------------------------------------------------------------------------------------------------------
    def __get__(self, instance, owner):
        if instance is None:
            return self
        held = self._bound.get(id(instance))
        if held is not None and held[0]() is instance:
            return held[1]
        return self._bind(instance, owner)

    def _bind(self, instance, owner):
        """The Function of an instance's method: kept here as long as the instance lives, which it does not keep alive."""
        get = getattr(self.python_function, "__get__", None)
        method = get(instance, owner) if get is not None else functools.partial(self.python_function, instance)
        table, key = self._bound, id(instance)
        try:
            ref = weakref.ref(instance, lambda _: table.pop(key, None))
        except TypeError:  # no weak references: nothing to keep it by
            return self._clone(method)
        weak = getattr(method, "__self__", None) is instance and inspect.ismethod(method)
        bound = self._clone(WeakMethod(method, weakref.ref(instance)) if weak else method)
        table[key] = (ref, bound)
        return bound

    # -- calling ------------------------------------------------------------------------------------------------------
    def __call__(self, *args, **kwargs):
        if _run_eagerly:
            return self.python_function(*args, **kwargs)
        concrete, inputs = self._concrete(args, kwargs)
        return concrete.call(inputs)

    def _concrete(self, args, kwargs):
        """(the trace for these arguments, the tensors and variables to call it with)."""
        if self._pure:
            args, kwargs = nest.map_structure(_as_tensor, (args, kwargs))
        arity = self._arity
        if arity is None or arity >= 0 and (kwargs or len(args) != arity):
            args, kwargs = self._canonical(args, kwargs)
        inputs: list = []
        key = [_argument_key(a, inputs) for a in args]
        if kwargs:
            key += [(k, _argument_key(kwargs[k], inputs)) for k in sorted(kwargs)]
        graph = context.graph
        traces = self._traces if graph is None or graph.building_function else self._traces_in(graph)
        key = tuple(key)
        try:
            concrete = traces.cache.get(key)
        except TypeError:  # not hashable: the types of the arguments will say which of them is not
            concrete, key = None, None
        if concrete is not None:
            if graph is None:
                self._calls.calls += 1
            return concrete, inputs
        return self._search(traces, key, args, kwargs, inputs)

    def _canonical(self, args, kwargs):
        """Arguments by position with defaults filled in, as far as that is plain; the rest as they are."""
        if self._arity is None and self.function_type and (self._arity < 0 or not kwargs and len(args) == self._arity):
            return args, kwargs
        n = len(args)
        if n > self._arity:
            return args, kwargs
        out, used = list(args), 0
        for name, default in self._defaults[n:]:
            value = kwargs.get(name, default)
            if value is _REQUIRED:
                return args, kwargs
            used += name in kwargs
            out.append(value)
        return (out, {}) if used == len(kwargs) else (args, kwargs)

    def _traces_in(self, graph):
        """The traces made while building a graph that a Session runs: they go with it."""
        found = graph.extra.get(self)
        if found is None:
            found = graph.extra[self] = Traces()
        return found

    def _search(self, traces, key, args, kwargs, inputs):
        """`_concrete` where the key was not seen before."""
        bound = self.function_type.bind_call(args, kwargs)
        before = self._tracings
        concrete = self._serving(traces, bound)
        kind = concrete.function_type_
        flat = kind.to_tensors(kind.bind(*bound.args, **bound.kwargs))
        if context.graph is None:
            if self._tracings == before:
                self._calls.calls += 1
            else:
                self._calls.traced(self.python_function, self._omit_frequent_tracing_warning)
        holds = {name for name, t in kind.types if t.flatten()}
        names = [name for name, _ in kind.types]
        collected = [*names[: len(args)], *sorted(kwargs)]  # the order in which `inputs` came
        if (
            key is not None
            and [n for n in names if n in holds] == [n for n in collected if n in holds]
            and len(flat) == len(inputs)
            and all(map(_same_input, flat, inputs))
        ):
            traces.cache[key] = concrete
        return concrete, flat

    def _serving(self, traces, bound):
        """The trace that serves bound arguments: one there is, or a new one."""
        wanted, shared = self.function_type.typed(bound)
        concrete = traces.serving(wanted)
        if concrete is None:
            with self._lock:
                concrete = traces.serving(wanted)
                if concrete is None:
                    if self._reduce_retracing and self._input_signature is None:
                        for known in traces.found:
                            wanted = known.generalized(wanted) or wanted
                    concrete = self._trace(wanted, shared, bound)
                    traces.found[wanted] = concrete
                    self._concretes.append(weakref.ref(concrete))
        return concrete

    def get_concrete_function(self, *args, **kwargs):
        """The trace for these arguments, in which TensorSpecs may stand for tensors; it is made where there is none."""
        kind = self.function_type
        if self._input_signature is not None and not args and not kwargs:
            args = self._input_signature
        graph = context.graph
        traces = self._traces if graph is None or graph.building_function else self._traces_in(graph)
        return self._serving(traces, kind.bind_call(args, kwargs))

    # -- tracing ------------------------------------------------------------------------------------------------------
    def _trace(self, kind, shared, call):
        """A ConcreteFunction of FunctionType `kind`; `call`: the bound arguments that it is made for."""
        may_create = not self._created_variables and not self._tracings
        for attempt in (0, 1):
            graph = FuncGraph(self._name, context.graph)
            graph.effects_in_order = not self._attributes.get("_disable_acd")
            places = PlaceholderContext(graph, shared.variables)
            context.push(graph)
            try:
                bound = kind.placeholders(places)
            finally:
                context.pop()
            graph.structured_input_signature = kind.structured(named_specs)
            graph.extra["first_arguments"] = _by_placeholder(places.made, call)
            self._tracings += 1
            try:
                flat, _ = run_traced(graph, self._converted(), bound.args, bound.kwargs, self.python_function)
            finally:
                del graph.extra["first_arguments"]  # the arguments of one call are not kept
            if not graph.created:
                break
            if not may_create or attempt:
                raise ValueError(
                    "tf.function only supports singleton tf.Variables created on the first call. Make sure the tf.Variable is only "
                    "created once or created outside tf.function. See https://www.tensorflow.org/guide/function#creating_tfvariables "
                    "for more information."
                )
            self._created_variables = True
        self._check_pure(graph)
        return ConcreteFunction(
            graph, places.made, flat, graph.structured_outputs, self._name, self.python_function, kind
        )

    def _check_pure(self, graph):
        """A function that stands for another implementation (experimental_implements) may use its arguments only."""
        implements = self._attributes.get("_implements")
        captured = [t for t in graph.external_captures if t.__class__ is SymbolicTensor]
        if implements is not None and (captured or graph.variables):
            raise AssertionError(
                f'Function {self._name} has "_implements={implements}" attribute and thus can not depend on any tensors outside of its '
                "signature or modify variables.\n\nNote: variables are always captured and cause function re-tracing for every "
                f"variable called.\n  captures: {[*captured, *graph.variables]}"
            )

    def _converted(self):
        """What is traced: the Python function, by AutoGraph where it may have control flow over tensors."""
        given = self.python_function
        function = given.__func__ if given.__class__ is WeakMethod else given
        if (
            not self._autograph
            or not status.installed()
            or status.current() == status.DISABLED
            or status.is_marked(function)
        ):
            return given
        made = self._for_tracing
        if made is None:
            from ..autograph import scan

            if self._experimental_autograph_options is None and not scan.has_control_flow(function):
                return given
            from ..autograph.convert import converted

            made = converted(function, self._experimental_autograph_options)
            if given.__class__ is WeakMethod:
                made = given.around(made)
            self._for_tracing = made
        return made

    def experimental_get_compiler_ir(self, *args, **kwargs):
        """A function of `stage` that gives what XLA gets for these arguments, or makes of it (compiler_ir.py)."""
        from ..compiler_ir import compiler_ir

        return compiler_ir(self.get_concrete_function(*args, **kwargs), args, kwargs)


class WeakMethod:
    """A method that does not keep its instance alive; called when that is gone, it gets None for `self`, as in TensorFlow."""

    def __init__(self, method, instance):
        self.__func__, self._instance = method.__func__, instance
        self.__name__, self.__doc__, self.__module__ = method.__name__, method.__doc__, method.__module__
        self.__qualname__ = getattr(method, "__qualname__", method.__name__)
        try:
            self.__signature__ = inspect.signature(method)
        except (TypeError, ValueError):
            pass

    @property
    def __self__(self):
        return self._instance()

    def around(self, function):
        """Another function as a method of the same instance."""
        made = object.__new__(WeakMethod)
        made.__dict__.update(self.__dict__, __func__=function)
        return made

    def __call__(self, *args, **kwargs):
        return self.__func__(self._instance(), *args, **kwargs)

    def __repr__(self):
        return f"<bound method {self.__qualname__} of {self._instance()!r}>"


def _name_of(function):
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(function, "__name__", None) or type(function).__name__


def _by_placeholder(made, call):
    """Placeholder's slot -> the tensor of the call: initial values of variables may be computed of them."""
    flat = [v for v in nest.flatten([list(call.args), call.kwargs], expand_composites=True) if isinstance(v, Tensor)]
    tensors = [t for t in made if t.__class__ is SymbolicTensor]
    if len(flat) != len(tensors):  # Python numbers for tensors of an input_signature
        return {}
    return {t._slot: v for t, v in zip(tensors, flat, strict=True) if v.__class__ is EagerTensor}


def _as_tensor(value):
    return record.convert_to_tensor(value) if is_variable(value) else value


def _same_input(a, b):
    """Whether a cast input is what the quick key collected."""
    return a is b or isinstance(a, Tensor) and isinstance(b, Tensor) and a._slot.aval == b._slot.aval


class _Numbering(TracingContext):
    """Numbers variables by their place among the inputs collected so far."""

    def __init__(self, inputs):
        super().__init__()
        self.inputs = inputs

    def number_of(self, variable):
        for i, v in enumerate(self.inputs):
            if v is variable:
                return i
        return len(self.inputs) + super().number_of(variable)


def _argument_key(value, inputs):
    """What of an argument decides which trace it needs; its tensors and variables go to `inputs`."""
    kind = value.__class__
    if kind is EagerTensor or kind is SymbolicTensor:
        inputs.append(value)
        return "t", value._slot.aval
    if kind is np.ndarray or isinstance(value, np.generic):
        tensor = record.convert_to_tensor(value)
        inputs.append(tensor)
        return "t", tensor._slot.aval
    if kind is int or kind is float or kind is str or kind is bool or value is None:
        return kind, value
    if kind is list or kind is tuple:
        return (kind, *[_argument_key(v, inputs) for v in value])
    if kind is dict:
        return (kind, *[(k, _argument_key(value[k], inputs)) for k in sorted_keys(value)])
    if hasattr(kind, "_dense_tensor"):
        number = next((i for i, v in enumerate(inputs) if v is value), len(inputs))
        if number == len(inputs):
            inputs.append(value)
        return "variable", value._aval, value._trainable, number
    made = type_of(value, _Numbering(inputs))
    for t in made.to_tensors(value):
        if isinstance(t, Tensor) or not any(t is v for v in inputs):
            inputs.append(t)
    return made


_run_eagerly = False


@export("config.run_functions_eagerly config.experimental_run_functions_eagerly")
def run_functions_eagerly(run_eagerly):
    """Whether tf.functions run as plain Python."""
    global _run_eagerly
    _run_eagerly = bool(run_eagerly)


@export("config.functions_run_eagerly config.experimental_functions_run_eagerly")
def functions_run_eagerly():
    """Whether tf.functions run as plain Python."""
    return _run_eagerly


@export("function")
def function(func=None, input_signature=None, autograph=True, jit_compile=None, reduce_retracing=False,
             experimental_implements=None, experimental_autograph_options=None, experimental_attributes=None,
             experimental_relax_shapes=None, experimental_compile=None, experimental_follow_type_hints=None):  # fmt: skip
    """Compiles a Python function: traced once per signature of its arguments, called as one operation.

    reduce_retracing: arguments of another shape make a trace for both shapes.  TypeError for an input_signature that is no sequence
    of TensorSpecs.
    """

    def decorate(python_function):
        return Function(
            python_function, None, input_signature, autograph, experimental_compile if jit_compile is None else jit_compile,
            experimental_relax_shapes if experimental_relax_shapes is not None else reduce_retracing,
            experimental_autograph_options,
            {**({"_implements": experimental_implements} if experimental_implements is not None else {}), **(experimental_attributes or {})},
        )  # fmt: skip

    return decorate if func is None else decorate(func)


def concrete_of(python_function, name, args, kwargs=None):
    """A ConcreteFunction of a Python function as it is, without AutoGraph, for arguments in which TensorSpecs stand for tensors."""
    return Function(python_function, name, autograph=False).get_concrete_function(*args, **(kwargs or {}))
