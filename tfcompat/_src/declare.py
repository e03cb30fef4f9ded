"""Declaring ops and public names: the one place that says what an op is.

    unary("Exp", jnp.exp, "exp math.exp")                      a row: one tensor in, one out
    binary("Maximum", jnp.maximum, "maximum math.maximum")      a row: two tensors of one dtype
    @op("AvgPool", names="nn.avg_pool", ...)                    a kernel of its own
    def avg_pool(value, *, ksize, strides, padding): ...
    @export("clip_by_norm", v1="clip_by_norm")                  a public function composed of other ops

A kernel is a pure function of JAX arrays: its positional parameters are the tensor inputs (`*values`: a list of tensors; `=None`: may
be absent), its keyword-only parameters are static settings.  The public function made from it takes the inputs, then the settings, then
`name`, in that order and by these names, so give them TensorFlow's names.  Where TensorFlow's order or spelling differs between
versions, write a small `@export`ed function that calls the op's.

`names` are the TF2 names (and the TF1 names too unless `v1` is given; `v1=""` means: not in TF1).  Dotted names make namespaces.
"""

from __future__ import annotations

import functools
import inspect

from . import record

OPS: dict = {}  # op type -> OpDef
NAMES: dict = {"v1": {}, "v2": {}}  # face -> dotted public name -> object

_MISSING = object()


class OpDef:
    """One declared op.  Everything else about it (public function, shape inference, gradient, docs) is derived from this."""

    __slots__ = (
        "type", "kernel", "inputs", "variadic", "optional", "settings", "defaults", "static", "own", "name", "host",
        "differentiable", "stateful", "dtypes", "abstract", "signatures", "sig", "gradient", "alike", "public", "doc", "known",
        "twin", "text", "shapes", "results", "inert", "only", "verifies",
    )  # fmt: skip

    def __init__(self, type, kernel, *, name=None, static="", own="", host=False, differentiable=True, dtypes=None, abstract=None,
                 alike=True, stateful=False, known=False, twin=None, shapes=None, results=None, inert="", verifies=False):  # fmt: skip
        self.type, self.kernel, self.host, self.stateful, self.abstract = type, kernel, host, stateful, abstract
        self.differentiable = differentiable and not host
        self.inert = frozenset(inert.split()) or None  # inputs through which no gradient passes
        self.static, self.own, self.alike = frozenset(static.split()), frozenset(own.split()), alike
        self.dtypes = frozenset(dtypes.split()) if dtypes else None
        self.only = (
            record.dtypes.as_dtype(dtypes) if dtypes and " " not in dtypes else None
        )  # what untyped values become
        self.name = name or type.removesuffix("V2")
        # A NumPy function equal to the kernel bit for bit on integers, run where the inputs are known on the host; True: the kernel
        # itself computes with NumPy when given NumPy arrays.
        self.twin = kernel if twin is True else twin
        self.text = None  # this op for strings: its twin as a host op, made when asked for
        self.shapes = shapes  # what any shapes of the inputs must fit: see `looks`
        self.verifies = verifies  # the kernel may raise by the numbers it computes (engine/verified.py)
        self.results = results  # what a graph can say of the results' shapes where sizes are unknown (see `op`)
        self.known = known  # the value depends on static shapes only: known on the host as soon as the shape is
        self.gradient = None  # a registered gradient function (tf.RegisterGradient), instead of JAX's
        self.inputs, self.variadic, self.optional, self.settings, self.defaults = _parameters(kernel)
        self.signatures = {}
        self.sig = None if self.variadic else self.signature()
        self.public = None
        self.doc = inspect.getdoc(kernel) if inspect.isfunction(kernel) else None

    def signature(self, settings=None, fixed=None):
        """The interned Signature of this op with these settings and already known inputs (position -> array or None)."""
        from .graph import Signature

        if not settings and not fixed:
            key = None
        else:
            key = (
                tuple([(k, record.freeze(v)) for k, v in settings.items()]) if settings else (),
                tuple([(k, _array_key(v)) for k, v in fixed.items()]) if fixed else (),
            )
        found = self.signatures.get(key)
        if found is None:
            found = self.signatures.setdefault(key, Signature(self, settings, fixed))
        return found

    def looks(self, settings):
        """{input: the dimensions that any shape of it must fit}, as declared by `shapes`."""
        return _shapes(self.shapes if self.shapes.__class__ is str else self.shapes(**settings))

    def for_text(self):
        """This op as a host op: what runs in graphs where strings are among the inputs."""
        if self.text is None:
            self.text = OpDef(self.type, self.twin, name=self.name, host=True)
        return self.text

    def __repr__(self):
        return f"<op {self.type}>"


@functools.cache
def _shapes(text):
    """{input: dimensions} of "images n ? ? 3, boxes n ? 4": numbers, letters (equal ones are one size), ? and a leading ..."""
    parts = [part.split() for part in text.split(",")]
    return {name: tuple([int(d) if d.isdigit() else d for d in dims]) for name, *dims in parts}


def _array_key(value):
    return None if value is None else (value.dtype.str, value.shape, value.tobytes())


def _parameters(kernel):
    """(input names, is the first a list, optional inputs, setting names, setting defaults) of a kernel."""
    code = getattr(kernel, "__code__", None)
    if code is None or hasattr(kernel, "__wrapped__"):
        return _inspected(kernel)
    # Read off the code object: inspect.signature would take a tenth of the time this package takes to import.
    names, n, k = code.co_varnames, code.co_argcount, code.co_kwonlyargcount
    variadic = bool(code.co_flags & inspect.CO_VARARGS)
    inputs = names[:n] + (names[n + k : n + k + 1] if variadic else ())
    optional = frozenset(names[n - len(kernel.__defaults__ or ()) : n])
    given = kernel.__kwdefaults__ or {}
    settings = names[n : n + k]
    return inputs, variadic, optional, settings, {s: given.get(s, _MISSING) for s in settings}


def _inspected(kernel):
    inputs, variadic, optional, settings, defaults = [], False, set(), [], {}
    try:
        parameters = inspect.signature(kernel).parameters.values()
    except (TypeError, ValueError):  # a NumPy-like ufunc
        return ("x",), False, frozenset(), (), {}
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            variadic = True
            inputs.append(p.name)
        elif p.kind is p.KEYWORD_ONLY:
            settings.append(p.name)
            defaults[p.name] = _MISSING if p.default is p.empty else p.default
        else:
            inputs.append(p.name)
            if p.default is not p.empty:
                optional.add(p.name)
    return tuple(inputs), variadic, frozenset(optional), tuple(settings), defaults


def export(names="", v1=None):
    """Publishes a function, class or constant under `names` in TF2 and under `v1` (default: the same names) in TF1."""

    def publish(thing):
        for name in names.split():
            NAMES["v2"][name] = thing
        for name in (names if v1 is None else v1).split():
            NAMES["v1"][name] = thing
        return thing

    return publish


def publish(thing, names="", v1=None):
    """`export` for things that cannot be decorated."""
    return export(names, v1)(thing)


def renamed(function, **names):
    """`function` taking arguments under other names: renamed(f, path="dirname") is called f(dirname)."""
    theirs = {new: old for old, new in names.items()}
    signature = inspect.signature(function)

    @functools.wraps(function)
    def made(*args, **kwargs):
        return function(*args, **{theirs.get(k, k): v for k, v in kwargs.items()})

    made.__signature__ = signature.replace(
        parameters=[p.replace(name=names.get(p.name, p.name)) for p in signature.parameters.values()]
    )
    return made


def refused(names, why, parameters, v1=None):
    """Publishes a function that is not supported: it raises NotImplementedError with its name and `why`.

    parameters: a function with TensorFlow's parameters, for help() and editors.
    """

    def refuse(*args, **kwargs):
        raise NotImplementedError(f"tf.{names.split()[0]}: {why}")

    refuse.__name__, refuse.__signature__ = names.split()[0].rpartition(".")[2], inspect.signature(parameters)
    return export(names, v1)(refuse)


def op(type, names="", v1=None, **flags):
    """Declares an op from its kernel and publishes the function made from it; returns that public function (`.op` is the OpDef).

    name=   default name in a graph (default: the type without V2)
    verifies=True: the kernel calls `verify` (engine/verified.py); eagerly such an op runs at once where its inputs are known
    static= inputs that must be known before compiling (shapes, paddings): the kernel gets them as NumPy arrays
    own=    inputs whose dtype is independent of the others' (indices)
    host=True with abstract=f(*avals, **settings) -> [(dtype, shape)]: runs on the host, with NumPy arrays
    differentiable=False: no gradient passes;  inert= inputs through which none does: it is None, as TensorFlow's
    twin=   the kernel in NumPy, for small integers on the host (shapes); True: the kernel is that itself
    dtypes= names of the dtypes taken by the inputs (default: any)
    shapes= what the inputs must look like, for graphs that do not know: "images n ? ? 3, boxes n ? 4, scale" (scale is a scalar), "x ... 3";
            or f(**settings) -> such a text
    results=f(*inputs, **settings) -> the result's static shape where sizes are unknown and trying the kernel would tell less, or nothing.
            Each input is given as its static shape (a tuple with None, or None), a static one as its values (an object array, None where
            they are not known, or None), an absent one as ().  An aval where the dtype is not that of the inputs.  A list for several
            results; NotImplemented: the kernel is tried after all.  Raises InvalidArgumentError where nothing could fit.
    """

    def declare(kernel):
        definition = OpDef(type, kernel, **flags)
        return _declare(definition, _general(definition), names, v1, kernel.__name__)

    return declare


def _declare(definition, function, names, v1, python_name=None):
    if definition.type in OPS:
        raise AssertionError(f"op {definition.type} is declared twice")
    OPS[definition.type] = definition
    function.op = definition
    function.__name__ = function.__qualname__ = (
        python_name or (names.split() or [definition.name])[0].rpartition(".")[2]
    )
    function.__doc__ = definition.doc
    definition.public = function
    return export(names, v1)(function)


def unary(type, kernel, names, v1=None, **flags):
    """Declares an op of one tensor from a JAX function: `f(x, name=None)`."""
    definition = OpDef(type, lambda x: kernel(x), **flags)
    sig, call, fast = definition.sig, record.call, record.record_eager
    context, eager_tensor, default = record.context, record.EagerTensor, definition.name

    def function(x, name=None):
        if x.__class__ is eager_tensor and context.graph is None:
            return fast(sig, (x._slot,))
        return call(definition, [x], None, name, default)

    return _declare(definition, function, names, v1)


def binary(type, kernel, names, v1=None, **flags):
    """Declares an op of two tensors of one dtype from a JAX function: `f(x, y, name=None)`."""
    definition = OpDef(type, lambda x, y: kernel(x, y), **flags)
    sig, call, fast = definition.sig, record.call, record.record_eager
    context, eager_tensor, default = record.context, record.EagerTensor, definition.name

    def function(x, y, name=None):
        if x.__class__ is eager_tensor and y.__class__ is eager_tensor and context.graph is None:
            return fast(sig, (x._slot, y._slot))
        return call(definition, [x, y], None, name, default)

    return _declare(definition, function, names, v1)


def _general(definition):
    """The public function of an op of any form: inputs, settings, name."""
    order = definition.inputs + definition.settings + ("name",)
    n_inputs, n_all = len(definition.inputs), len(order)
    index = {k: i for i, k in enumerate(order)}
    defaults = [None if k in definition.optional else _MISSING for k in definition.inputs]
    defaults += [definition.defaults[k] for k in definition.settings] + [None]
    settings_names, call, default_name = definition.settings, record.call, definition.name

    def function(*args, **kwargs):
        if len(args) > n_all:
            raise TypeError(f"{function.__name__}() takes at most {n_all} arguments ({len(args)} given)")
        values = list(args) + defaults[len(args) :]
        for key, value in kwargs.items():
            i = index.get(key)
            if i is None:
                raise TypeError(f"{function.__name__}() got an unexpected keyword argument {key!r}")
            if i < len(args):
                raise TypeError(f"{function.__name__}() got multiple values for argument {key!r}")
            values[i] = value
        for i, value in enumerate(values):
            if value is _MISSING:
                raise TypeError(f"{function.__name__}() missing a required argument: {order[i]!r}")
        settings = dict(zip(settings_names, values[n_inputs:-1])) if settings_names else None
        inputs = values[0] if definition.variadic and n_inputs == 1 else values[:n_inputs]
        return call(definition, inputs, settings, values[-1], default_name)

    empty = inspect.Parameter.empty
    function.__signature__ = inspect.Signature(
        [
            inspect.Parameter(k, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=empty if d is _MISSING else d)
            for k, d in zip(order, _in_order(defaults))
        ]
    )
    return function


def _in_order(defaults):
    """Signature objects refuse a required parameter after an optional one; TensorFlow has a few."""
    seen = False
    for d in defaults:
        seen = seen or d is not _MISSING
        yield None if seen and d is _MISSING else d
