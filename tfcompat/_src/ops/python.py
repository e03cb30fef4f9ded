"""Operations of the host that print, check and tell the time: tf.print, tf.Print, tf.Assert; `_call` records any host kernel."""

from __future__ import annotations

import sys
import time

import numpy as np

from .. import dtypes, errors, nest, record
from ..declare import OPS, OpDef, export, op
from ..graph import Signature, context


def _host_op(type, kernel, stateful=True):
    definition = OpDef(type, kernel, host=True, alike=False, stateful=stateful, abstract=lambda *avals, **settings: [])
    OPS[type] = definition
    return definition


PRINT = _host_op("PrintV2", lambda *args: args)
ASSERT = _host_op("Assert", lambda *args: args)


def _call(definition, kernel, tensors, name, avals, single):
    """Records (graph) or runs (eager) a host kernel of its own; returns its tensors, or the Operation where it has none."""
    sig = Signature(definition)
    sig.fn = kernel
    graph = context.graph
    if graph is None:
        args = [t._numpy() for t in tensors]
        values = kernel(*args)
        out = [record.constant(record.host_array(v)) for v in values]
        return out[0] if single else out
    return record.add_op(graph, sig, tensors, graph.op_name(name, definition.type), avals=avals, single=single)


@op("Timestamp", "timestamp", "timestamp", host=True, stateful=True, abstract=lambda: (dtypes.float64, ()))
def timestamp():
    """Seconds since 1970 as a float64 scalar: each run's own time."""
    return np.float64(time.time())


# -- printing -------------------------------------------------------------------------------------------------------------
def text_of(array, summarize=3):
    """A tensor's value as tf.print writes it: the first and last `summarize` of each dimension (-1: all)."""
    if array.dtype == object:
        show = lambda v: '"' + v.decode(errors="replace") + '"' if isinstance(v, bytes) else str(v)
        if array.ndim == 0:
            return array[()].decode(errors="replace") if isinstance(array[()], bytes) else str(array[()])
    elif array.dtype.kind == "b":
        show = lambda v: "1" if v else "0"
    elif array.dtype.kind in "fc" or array.dtype.name == "bfloat16":
        show = _number
    else:
        show = str

    def walk(a):
        if isinstance(a, (bytes, str)):
            return show(a)
        if a.ndim == 0:
            return show(a[()])
        n = len(a)
        parts = [walk(v) for v in a] if summarize < 0 or n <= 2 * summarize else None
        if parts is None:
            parts = [walk(v) for v in a[:summarize]] + ["..."] + [walk(v) for v in a[n - summarize :]]
        if a.ndim == 1:
            return "[" + " ".join(parts) + "]"
        return "[" + ("\n" + " " * (array.ndim - a.ndim + 1)).join(parts) + "]"

    return walk(array)


def _number(v):
    """A float in the shortest form that reads back as the same float, without a trailing .0."""
    if isinstance(v, np.complexfloating):
        return f"({_number(v.real)},{_number(v.imag)})"
    if np.isnan(v):
        return "nan"
    if np.isinf(v):
        return "inf" if v > 0 else "-inf"
    if v == int(v) and abs(v) < 1e6:
        return "-0" if v == 0 and np.signbit(v) else str(int(v))
    if 1e-4 <= abs(v) < 1e6:
        return np.format_float_positional(v, trim="-")
    text = np.format_float_scientific(v, trim="-", exp_digits=2)
    return text


@export("print")
def tf_print(*inputs, output_stream=None, summarize=3, sep=" ", end=None, name=None):
    """Prints tensors and objects (standard error by default); in a graph, an operation to run or depend on."""
    end = "\n" if end is None else end
    stream = output_stream if output_stream is not None else sys.stderr
    summarize = -1 if summarize is None else summarize
    parts, tensors = [], []
    for i in inputs:
        flat = nest.flatten(i, expand_composites=False)
        if any(isinstance(v, record.Tensor) or hasattr(v.__class__, "_dense_tensor") for v in flat):
            flat = [
                record.convert_to_tensor(v)
                if isinstance(v, record.Tensor) or hasattr(v.__class__, "_dense_tensor")
                else v
                for v in flat
            ]
            parts.append(
                (
                    i,
                    [
                        (len(tensors) + sum(isinstance(w, record.Tensor) for w in flat[:k]))
                        if isinstance(v, record.Tensor)
                        else v
                        for k, v in enumerate(flat)
                    ],
                )
            )
            tensors += [v for v in flat if isinstance(v, record.Tensor)]
        else:
            parts.append((None, str(i)))

    def kernel(*args):
        words = []
        for structure, content in parts:
            if structure is None:
                words.append(content)
            else:
                texts = [
                    text_of(args[c], summarize) if isinstance(c, int) and not isinstance(c, bool) else str(c)
                    for c in content
                ]
                words.append(
                    texts[0]
                    if not nest.is_nested(structure)
                    else _nested(nest.pack_sequence_as(structure, [_Text(t) for t in texts]))
                )
        _write(sep.join(words) + end, stream)
        return ()

    return (
        _call(PRINT, kernel, tensors, name or "print", (), False)
        if context.graph is not None
        else kernel(*[t._numpy() for t in tensors]) and None
    )


class _Text(str):
    def __repr__(self):
        return str(self)


def _nested(structure):
    return str(structure)


def _write(text, stream):
    if isinstance(stream, str):
        if not stream.startswith("file://"):
            raise ValueError(f"Unknown output stream {stream!r}")
        with open(stream[7:], "a") as f:
            f.write(text)
        return
    if callable(stream) and not hasattr(stream, "write"):
        stream(text)
        return
    stream.write(text)
    stream.flush()


@export("", v1="Print")
def print_v1(input_, data, message=None, first_n=None, summarize=None, name=None):
    """`input_`, and whenever it is computed, `message` and `data` on standard error (the first `first_n` times)."""
    input_ = record.convert_to_tensor(input_)
    tensors = [record.convert_to_tensor(d) for d in data]
    if context.graph is None:
        _write(
            (message or "") + "".join("[" + _flat(t._numpy(), summarize or 3) + "]" for t in tensors) + "\n", sys.stderr
        )
        return input_
    left = [first_n if first_n is not None and first_n > 0 else -1]

    def kernel(value, *args):
        if left[0]:
            left[0] -= 1
            _write((message or "") + "".join("[" + _flat(a, summarize or 3) + "]" for a in args) + "\n", sys.stderr)
        return (value,)

    out = _call(PRINT, kernel, [input_, *tensors], name or "Print", (input_._slot.aval,), True)
    out.op.gradient = lambda node, cotangents: [cotangents[0]] + [None] * len(tensors)
    return out


def _flat(array, summarize):
    summarize = array.size if summarize < 0 else summarize
    items = [
        v.decode(errors="replace") if isinstance(v, bytes) else text_of(np.asarray(v))
        for v in array.ravel()[:summarize]
    ]
    return " ".join(items) + ("..." if array.size > summarize else "")


def _listed(array, summarize):
    """A tensor's first values as a failed eager assertion shows them."""
    items = [str(v) for v in (array.ravel() if summarize < 0 else array.ravel()[:summarize])]
    return ", ".join(items + ["..."] if len(items) < array.size else items)


# -- assertions -------------------------------------------------------------------------------------------------------------
@export("debugging.Assert", v1="Assert debugging.Assert")
def assert_op(condition, data, summarize=None, name=None):
    """Raises InvalidArgumentError with `data` where `condition` is false; in a graph, an operation to depend on."""
    summarize = 3 if summarize is None else summarize
    spoken = str(condition)
    condition = record.convert_to_tensor(condition, dtypes.bool)
    tensors = [record.convert_to_tensor(d) for d in data]

    def kernel(holds, *args):
        if not np.all(holds):
            raise errors.InvalidArgumentError(
                None, None, "assertion failed: " + " ".join("[" + _flat(a, summarize) + "]" for a in args)
            )
        return ()

    if context.graph is None:
        if not np.all(condition._numpy()):
            text = "\n".join(_listed(t._numpy(), summarize) for t in tensors)
            raise errors.InvalidArgumentError(None, None, f"Expected '{spoken}' to be true. Summarized data: {text}")
        return None
    return _call(ASSERT, kernel, [condition, *tensors], f"{name or 'Assert'}/Assert", (), False)
