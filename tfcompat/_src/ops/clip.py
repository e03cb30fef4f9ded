"""Clipping: by value, by norm, by average norm, by global norm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import record
from ..declare import OPS, export
from ..graph import context
from ..scopes import name_scope
from ..tensor import IndexedSlices
from .arithmetic import where
from .core import cast
from .reductions import reduce_sum


def _values(t, name="t"):
    """The dense part of a tensor or IndexedSlices, as a tensor."""
    return record.convert_to_tensor(t.values if isinstance(t, IndexedSlices) else t, name=name)


def _like(t, values):
    """`values` in the form of `t`."""
    return IndexedSlices(values, t.indices, t.dense_shape) if isinstance(t, IndexedSlices) else values


def _named(x, name):
    """`x` under `name` where there are names: in a graph."""
    return x if context.graph is None else OPS["Identity"].public(x, name=name)


def _same_shape(values, clipped):
    """Raises ValueError where a bound broadcast the values to a larger shape."""
    if values._slot.aval is clipped._slot.aval or values.shape.is_compatible_with(clipped.shape):
        return
    raise ValueError(f"Shapes {values.shape} and {clipped.shape} are incompatible")


@export("clip_by_value")
def clip_by_value(t, clip_value_min, clip_value_max, name=None):
    """`t`, a tensor or IndexedSlices, with every value brought into [min, max]; on the bounds the gradient passes.

    Raises ValueError where the bounds would broadcast `t` to a larger shape, TypeError for bounds of another dtype.
    """
    minimum, maximum = OPS["Minimum"].public, OPS["Maximum"].public
    with name_scope(name, "clip_by_value", [t, clip_value_min, clip_value_max]) as scope:
        values = _values(t)
        below = minimum(values, clip_value_max)
        _same_shape(values, below)
        clipped = maximum(below, clip_value_min, name=scope)
        _same_shape(values, clipped)
        return _like(t, clipped)


@export("clip_by_norm")
def clip_by_norm(t, clip_norm, axes=None, name=None):
    """`t`, a tensor or IndexedSlices, scaled down where its L2 norm over `axes` (None: all) exceeds `clip_norm`.

    A zero tensor stays zero, with a finite gradient; a negative `clip_norm` counts as zero.
    """
    with name_scope(name, "clip_by_norm", [t, clip_norm]) as scope:
        values = _values(t)
        if np.isscalar(clip_norm):
            clip_norm = max(clip_norm, 0)
        else:
            clip_norm = cast(OPS["Maximum"].public(clip_norm, 0), values.dtype)
        square_sum = reduce_sum(values * values, axes, keepdims=True)
        positive = square_sum > 0
        safe = where(positive, square_sum, np.ones((), square_sum.dtype.np))  # no infinite slope of the root at zero
        norm = where(positive, OPS["Sqrt"].public(safe), square_sum)
        scaled = values * clip_norm
        _same_shape(values, scaled)
        return _like(t, _named(scaled / OPS["Maximum"].public(norm, clip_norm), scope))


@export("", v1="clip_by_average_norm")
def clip_by_average_norm(t, clip_norm, name=None):
    """`t` scaled down where its L2 norm divided by its number of elements exceeds `clip_norm`."""
    with name_scope(name, "clip_by_average_norm", [t, clip_norm]) as scope:
        t = record.convert_to_tensor(t, name="t")
        n = cast(OPS["Size"].public(t), t.dtype)
        inverse = OPS["Rsqrt"].public(reduce_sum(t * t))
        scale = OPS["Minimum"].public(inverse * n, np.ones((), t.dtype.np) / clip_norm)
        return _named(t * clip_norm * scale, scope)


def _list(t_list):
    if not isinstance(t_list, Sequence) or isinstance(t_list, str):
        raise TypeError(f"`t_list` should be a sequence of tensors. Received {type(t_list)}.")
    return list(t_list)


@export("linalg.global_norm", v1="global_norm linalg.global_norm")
def global_norm(t_list, name=None):
    """The L2 norm of all tensors (or IndexedSlices) of a list together, a scalar; None entries do not count.

    Raises TypeError where `t_list` is no sequence.
    """
    t_list = _list(t_list)
    with name_scope(name, "global_norm", t_list):
        values = [None if t is None else _values(t, f"t_{i}") for i, t in enumerate(t_list)]
        halves = [OPS["L2Loss"].public(v) for v in values if v is not None]
        if not halves:
            return record.convert_to_tensor(np.zeros((), np.float32))
        half = reduce_sum(OPS["Pack"].public(halves))
        two = 2.0 if context.graph is None else record.convert_to_tensor(np.asarray(2, half.dtype.np), name="Const")
        return OPS["Sqrt"].public(half * two, name="global_norm")


@export("clip_by_global_norm")
def clip_by_global_norm(t_list, clip_norm, use_norm=None, name=None):
    """(the tensors scaled down where their global norm exceeds `clip_norm`, that norm); None entries stay None.

    An infinite norm makes everything NaN, so that it shows.  Raises TypeError where `t_list` is no sequence.
    """
    t_list = _list(t_list)
    if use_norm is None:
        use_norm = global_norm(t_list, name)
    with name_scope(name, "clip_by_global_norm", [*t_list, clip_norm]) as scope:
        use_norm = record.convert_to_tensor(use_norm)
        one = record.convert_to_tensor(np.ones((), use_norm.dtype.np), name="Const")
        scale = clip_norm * OPS["Minimum"].public(1.0 / use_norm, one / clip_norm)
        scale = scale + (use_norm - use_norm)  # NaN where the norm is infinite
        clipped = []
        for i, t in enumerate(t_list):
            if t is None:
                clipped.append(None)
                continue
            values = _values(t, f"t_{i}")
            clipped.append(_like(t, _named(values * cast(scale, values.dtype), f"{scope}_{i}")))
    return clipped, use_norm
