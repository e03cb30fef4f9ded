"""Settings that only a run can tell: an axis that is fed.

`call` records an op as `record.call` does; where the value of a setting is a tensor of a graph whose value nobody knows
yet, that setting becomes an input of the op, which the engine looks up before it compiles.
"""

from __future__ import annotations

import numpy as np

from .. import record
from ..declare import OpDef
from ..graph import aval, context
from ..tensor import SymbolicTensor
from .array import bad

_variants: dict = {}  # (op type, number of inputs, names of the settings looked up) -> OpDef


def is_unknown(value):
    """Whether `value` is a tensor of a graph, the value of which is not known while the graph is built."""
    if context.graph is None or value.__class__ in (int, bool, str, float) or value is None:
        return False
    if not isinstance(value, SymbolicTensor) and not hasattr(value.__class__, "_dense_tensor"):
        return False
    return record.static_value(record.convert_to_tensor(value)) is None


def call(op, inputs, settings, name, default_name=None, avals=None):
    """Records `op`; `avals(dtype)` gives the avals of the result where a setting is unknown (default: inferred)."""
    waiting = {k: record.convert_to_tensor(v) for k, v in settings.items() if is_unknown(v)}
    if not waiting:
        return record.call(op, inputs, settings, name, default_name)
    definition = _variant(op, len(inputs), tuple(waiting))
    known = {k: record.setting(v) for k, v in settings.items() if k not in waiting}
    dtype = record._unify(op, inputs, (op.inputs[0],) * len(inputs)) if op.variadic else None
    tensors = [record.convert_to_tensor(v, dtype if not isinstance(v, record.Tensor) else None) for v in inputs]
    graph = context.graph
    extra = {}
    if avals is not None:
        found = avals(tensors[0].dtype.base_dtype)
        extra = {"avals": found if isinstance(found, list) else (found,), "single": not isinstance(found, list)}
        extra["avals"] = tuple(extra["avals"])
    full = graph.op_name(name, default_name or op.name)
    return record.add_op(graph, definition.signature(known), [*tensors, *waiting.values()], full, **extra)


def of_rank(dtype, rank):
    """An aval with sizes that are all unknown (rank None: the rank, too)."""
    return aval(dtype, None if rank is None else (None,) * rank)


def _variant(op, n, names):
    key = op.type, n, names
    found = _variants.get(key)
    if found is None:

        def kernel(*args, **settings):
            values = {k: _read(op.type, k, v) for k, v in zip(names, args[n:], strict=True)}
            return op.kernel(*args[:n], **values, **settings)

        found = _variants[key] = OpDef(op.type, kernel, name=op.name, alike=False, differentiable=op.differentiable)
        found.inputs = (*(op.inputs[:n] if not op.variadic else [f"{op.inputs[0]}_{i}" for i in range(n)]), *names)
        found.variadic, found.static = False, frozenset(names) | op.static
    return found


def _read(type, name, value):
    if not isinstance(value, np.ndarray):
        raise bad(type, f"the value of {name} must be known when a program is compiled")
    if value.size != 1:
        raise bad(type, f"{name} tensor must have exactly one element, got shape {list(value.shape)}")
    return value.reshape(-1)[0].item()
