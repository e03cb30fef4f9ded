"""tf.train's global step: the integer variable that counts training steps, one per graph."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..declare import export
from ..graph import context, current_graph
from ..tensor import SymbolicTensor
from . import slots

_COLLECTION = "global_step"


@export("", v1="train.get_global_step")
def get_global_step(graph=None):
    """The global step of `graph`, or None; TypeError where something else bears its name."""
    graph = graph or current_graph()
    found = graph.get_collection(_COLLECTION)
    if len(found) > 1:
        raise RuntimeError(f"Multiple global_step variables found in {_COLLECTION!r} collection: {found}")
    if found:
        step = found[0]
    else:
        try:
            step = graph.get_tensor_by_name("global_step:0")
        except KeyError:
            return None
        step = next((v for v in graph.get_collection("variables") if v.name == "global_step:0"), step)
    assert_global_step(step)
    return step


@export("", v1="train.create_global_step")
def create_global_step(graph=None):
    """A new global step of `graph`; ValueError if it has one."""
    graph = graph or current_graph()
    if get_global_step(graph) is not None:
        raise ValueError('"global_step" already exists.')
    if context.graph is None:
        step = slots.eager_variable(np.zeros((), np.int64), dtypes.int64, "global_step")
        graph.add_to_collection(_COLLECTION, step)
        return step
    from .. import variable_scope as scopes

    with graph.as_default():
        return scopes.get_variable(
            "global_step", shape=[], dtype=dtypes.int64, initializer=slots._Fill(0, "zeros"), trainable=False,
            collections=["variables", _COLLECTION],
        )  # fmt: skip


@export("", v1="train.get_or_create_global_step")
def get_or_create_global_step(graph=None):
    """The global step of `graph`, made if it is not there."""
    step = get_global_step(graph)
    return create_global_step(graph) if step is None else step


@export("", v1="train.assert_global_step")
def assert_global_step(global_step_tensor):
    """TypeError unless the argument is an integer scalar variable or tensor."""
    step = global_step_tensor
    if not (hasattr(step.__class__, "_dense_tensor") or isinstance(step, SymbolicTensor)):
        raise TypeError(f'Existing "global_step" must be a Variable or Tensor: {step}.')
    if not step.dtype.base_dtype.is_integer:
        raise TypeError(f'Existing "global_step" does not have integer type: {step.dtype}')
    if step.shape.rank not in (0, None):
        raise TypeError(f'Existing "global_step" is not scalar: {step.shape}')


@export("", v1="train.global_step")
def global_step(sess, global_step_tensor):
    """The value of the global step in a session, as an int."""
    if context.graph is None:
        return int(global_step_tensor.numpy())
    return int(sess.run(global_step_tensor))
