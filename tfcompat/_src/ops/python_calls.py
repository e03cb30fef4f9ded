"""Operations that call Python: py_func and numpy_function (arrays in, arrays out), py_function (eager tensors, with a gradient)."""

from __future__ import annotations

import functools
import traceback

import numpy as np

from .. import dtypes, errors, nest, record
from ..declare import OPS, export
from ..engine import dispatch
from ..engine.dtype_checks import spoken
from ..graph import aval, context
from ..type_spec import TensorSpec, TypeSpec
from .python import _call, _host_op

PY_FUNC = _host_op("PyFunc", lambda *args: args)
PY_FUNC_STATELESS = _host_op("PyFuncStateless", lambda *args: args, stateful=False)
EAGER_PY_FUNC = _host_op("EagerPyFunc", lambda *args: args)


def _decorator(op, said, func, inp, Tout, **more):
    """A decorator where no function is given, else None; TypeError for arguments that are missing."""
    if Tout is None:
        raise TypeError(
            f"Missing required argument: 'Tout'\n  If using {said} as a decorator, set `Tout`\n  **by name** above the function:\n"
            f"  `@{said}(Tout=tout)`"
        )
    if func is None:
        if inp is not None:
            raise TypeError(f"Don't set the `inp` argument when using {said} as a decorator (`func=None`).")

        def decorate(function):
            return functools.wraps(function)(lambda *args: op(function, inp=args, Tout=Tout, **more))

        return decorate
    if inp is None:
        raise TypeError(
            "Missing argument `inp`:\n  You must set the `inp` argument (the list of arguments to the\n  function), unless you use "
            f"`{said}` as a decorator\n  (`func=None`)."
        )
    if not callable(func) and (context.graph is not None or op is py_function):
        raise ValueError(f"Expected func to be callable. Received func={func} of type {type(func)}.")
    return None


# -- what goes wrong --------------------------------------------------------------------------------------------------
_CODES = (
    ((ValueError, TypeError), errors.InvalidArgumentError),
    ((StopIteration,), errors.OutOfRangeError),
    ((MemoryError,), errors.ResourceExhaustedError),
    ((NotImplementedError,), errors.UnimplementedError),
)


def _failed(error):
    """The TensorFlow error that stands for an exception of the Python function, with its traceback."""
    kind = next((made for kinds, made in _CODES if isinstance(error, kinds)), errors.UnknownError)
    said = "".join(traceback.format_exception(error)).replace("):\n", "):\n\n", 1)
    return kind(None, None, f"{type(error).__name__}: {error}\n{said}")


def _counted(values, types):
    if len(values) != len(types):
        raise errors.InvalidArgumentError(
            None, None, f"pyfunc returns {len(values)} values, but expects to see {len(types)} values."
        )
    return values


# -- arrays -----------------------------------------------------------------------------------------------------------
def _array(value):
    """A result of a Python function as an array; text as an object array of bytes."""
    array = np.asarray(value, order="C")
    if array.dtype.kind == "U" and array is value:
        array = array.astype(np.bytes_)
    if array.dtype.kind in "SU":
        array = np.array(value if array is not value and array.dtype.kind == "U" else array, dtype=object)
    if array.dtype.kind == "V" and array.dtype.names is not None:
        raise errors.InternalError(None, None, "Unsupported numpy data type")
    if array.dtype == object:
        flat = [v.encode() if isinstance(v, str) else v for v in array.ravel().tolist()]
        wrong = next((v for v in flat if not isinstance(v, bytes)), None)
        if wrong is not None:
            raise errors.InternalError(None, None, f"Unsupported object type {type(wrong).__name__}")
        made = np.empty(len(flat), object)
        made[:] = flat
        array = made.reshape(array.shape)
    return array


def _of_dtype(array, dtype, i):
    known = dtypes.string if array.dtype == object else dtypes.as_dtype(array.dtype)
    if known is not dtype:
        raise errors.InvalidArgumentError(
            None, None, f"{i}-th value returned by pyfunc is {spoken(known)}, but expects {spoken(dtype)}"
        )
    return array


def _on_arrays(func, inp, tout, stateful, name):
    if context.graph is None:
        return _now(func, inp)
    many = isinstance(tout, (list, tuple))
    types = [dtypes.as_dtype(t) for t in (tout if many else [tout])]
    tensors = [record.convert_to_tensor(t) for t in inp]

    def kernel(*args):
        try:
            given = func(*[a[()] if a.ndim == 0 else np.array(a) for a in args])
        except Exception as e:
            raise _failed(e) from e
        values = list(given) if isinstance(given, (list, tuple)) else [] if given is None else [given]
        arrays = [_array(v) for v in _counted(values, types)]
        return tuple([_of_dtype(a, t, i) for i, (a, t) in enumerate(zip(arrays, types, strict=True))])

    definition = PY_FUNC if stateful else PY_FUNC_STATELESS
    out = _call(definition, kernel, tensors, name or definition.type, tuple([aval(t, None) for t in types]), not many)
    return [] if not types and not stateful else out


def _now(func, inp):
    """Eagerly the function is called as it is; its results become tensors of the dtypes they have."""
    result = func(*[v._numpy().copy() if isinstance(v, record.Tensor) else np.array(v) for v in map(_value, inp)])
    flat = [None if v is None else record.convert_to_tensor(v) for v in nest.flatten(result)]
    return flat[0] if len(flat) == 1 else flat


def _is_variable(value):
    return hasattr(value.__class__, "_dense_tensor")


def _value(value):
    return record.convert_to_tensor(value) if _is_variable(value) else value


@export("", v1="py_func")
def py_func(func, inp, Tout, stateful=True, name=None):  # TensorFlow's argument names
    """Calls func(*arrays) on the host; in a graph its results must have the dtypes `Tout`.

    An exception of the function is, in a graph, the TensorFlow error of its kind, with its traceback.  No gradient.
    """
    _decorator(py_func, "tf.py_func", func, inp, Tout)
    return _on_arrays(func, inp, Tout, stateful, name)


@export("numpy_function")
def numpy_function(func=None, inp=None, Tout=None, stateful=True, name=None):
    """Calls func(*arrays) on the host, or, without `func` and `inp`, decorates a function so that it is called like that.

    In a graph its results must have the dtypes `Tout`, and its exceptions are TensorFlow errors of their kinds.  No gradient.
    """
    made = _decorator(numpy_function, "tf.numpy_function", func, inp, Tout, stateful=stateful, name=name)
    return made if made is not None else _on_arrays(func, inp, Tout, stateful, name)


# -- eager tensors ----------------------------------------------------------------------------------------------------
class _Signature:
    """What a py_function takes and gives: composites are taken apart for the operation and put together for the function."""

    def __init__(self, func, inp, tout):
        self.func, self.tout = func, tout
        self.many = isinstance(tout, (list, tuple))
        self.inputs = [v if nest.is_composite(v) else record.convert_to_tensor(v) for v in inp]
        self.specs = [t if isinstance(t, TypeSpec) else TensorSpec(None, t) for t in (tout if self.many else [tout])]
        self.parts = [p for s in self.specs for p in s.flatten()]

    @property
    def tensors(self):
        """The tensors of the arguments."""
        return nest.flatten(self.inputs, expand_composites=True)

    def call(self, tensors):
        """The tensors of the results for tensors of the arguments; errors as TensorFlow's."""
        try:
            out = self.func(*nest.pack_sequence_as(self.inputs, tensors, expand_composites=True))
            values = list(out) if isinstance(out, (list, tuple)) else [] if out is None else [out]
            made = [t for v, s in zip(values, self.specs, strict=False) for t in self._tensors(v, s)]
        except Exception as e:
            raise _failed(e) from e
        return _counted(made, self.parts)

    def _tensors(self, value, spec):
        if _is_variable(value):
            raise RuntimeError(
                "Attempting to return a variable from an eagerly executed py_func. Only numeric data structures like Tensors or NumPy "
                "arrays should be returned; to return the value of a variable, make sure to obtain the Tensor backing it by calling "
                f"`.read_value()` on the variable in question: {value}"
            )
        if nest.is_composite(value) or type(spec) is not TensorSpec:
            if not nest.is_composite(value) or type(spec) is TensorSpec or not spec.is_compatible_with(value):
                raise ValueError(
                    f"py_function: func={self.func} returned {value!r}, which did not match Tout={self.tout!r}."
                )
            return spec.to_tensors(value)
        return [record.convert_to_tensor(value, spec.dtype)]

    def pack(self, tensors):
        """The results from their tensors."""
        tensors = iter(tensors)
        out = [s.from_tensors(tensors) for s in self.specs]
        return out if self.many else out[0]


@export("py_function")
def py_function(func=None, inp=None, Tout=None, name=None):
    """Calls func(*eager tensors) on the host, or, without `func` and `inp`, decorates a function so that it is called like that.

    Arguments may be composites; `Tout` has dtypes, or TypeSpecs for composites.  Differentiable through what the function does.
    Its exceptions are TensorFlow errors of their kinds, with the traceback.
    """
    made = _decorator(py_function, "tf.py_function", func, inp, Tout, name=name)
    if made is not None:
        return made
    signature = _Signature(func, inp, Tout)
    if context.graph is None:
        return signature.pack(signature.call(signature.tensors))

    def run(args, recording=()):
        context.push(None)
        tapes = dispatch.set_tapes(list(recording))
        try:
            return signature.call(args)
        finally:
            dispatch.set_tapes(tapes)
            context.pop()

    def kernel(*args):
        return tuple([t._numpy() for t in run([record.constant(np.array(a)) for a in args])])

    avals = [aval(p.dtype, None if p.shape.rank is None else tuple(p.shape.as_list())) for p in signature.parts]
    out = _call(EAGER_PY_FUNC, kernel, signature.tensors, name or "EagerPyFunc", tuple(avals), False)
    if not avals:
        return out
    out[0].op.gradient = _gradient(run)
    return signature.pack(out)


def _gradient(run):
    """The gradient of a py_function: a host call that runs the function again under a tape."""

    def gradient(node, cotangents):
        from ..tape import RECORDER, GradientTape

        ins = [RECORDER.handle(s) for s in node.ins]
        dys = [
            c if c is not None else OPS["ZerosLike"].public(RECORDER.handle(s))
            for c, s in zip(cotangents, node.outs, strict=True)
        ]

        def kernel(*args):
            context.push(None)
            try:
                given = [record.constant(np.array(a)) for a in args]
                xs, dy = given[: len(ins)], given[len(ins) :]
                with GradientTape() as tape:
                    tape.watch([x for x in xs if x._slot.aval.differentiable])
                    ys = run(xs, context.tapes)
                grads = tape.gradient(ys, xs, output_gradients=dy, unconnected_gradients="zero")
                return tuple(
                    [np.zeros(x.shape, x.dtype.np) if g is None else g._numpy() for g, x in zip(grads, xs, strict=True)]
                )
            finally:
                context.pop()

        out = _call(EAGER_PY_FUNC, kernel, [*ins, *dys], "EagerPyFuncGrad", tuple([s.aval for s in node.ins]), False)
        return [g if s.aval.differentiable else None for g, s in zip(out, node.ins, strict=True)]

    return gradient
