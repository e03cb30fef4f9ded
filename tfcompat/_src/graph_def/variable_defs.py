"""Variables as VariableDef messages and back."""

from __future__ import annotations

from ..graph import current_graph
from .messages import VariableDef


def inside(name, scope):
    """A name as a part of `scope` has it."""
    return name.removeprefix(scope.rstrip("/") + "/") if scope else name


def to_proto(variable, scope=None):
    """The VariableDef of a graph's variable; None for one outside of `scope`."""
    if scope and not variable._shared_name.startswith(scope):
        return None
    snapshot = variable._graph_element if variable._kind == "resource" else variable._snapshot
    made = VariableDef(
        variable_name=inside(variable._variable.name, scope), is_resource=variable._kind == "resource",
        trainable=variable._trainable, synchronization=variable._synchronization.value, aggregation=variable._aggregation.value,
    )  # fmt: skip
    for field, part in (
        ("initializer_name", variable._initializer_op), ("snapshot_name", snapshot), ("initial_value_name", variable._initial_value),
    ):  # fmt: skip
        if part is not None:
            setattr(
                made, field, inside(getattr(part, "op", part).name if field == "initializer_name" else part.name, scope)
            )
    info = variable._save_slice_info
    if info is not None:
        made.save_slice_info_def.CopyFrom(info.to_proto(scope))
    return made


def from_proto(message, scope=None):
    """The variable of the current graph that a VariableDef names.  Raises KeyError for operations that are not there."""
    graph = current_graph()

    def element(name):
        return graph.as_graph_element(f"{scope.rstrip('/')}/{name}" if scope else name)

    found = (element(message.variable_name).op.attributes or {}).get("variable")
    if found is None:
        raise ValueError(f"'{message.variable_name}' is no variable of the graph")
    if found._initializer_op is None or found._initializer_op.name != message.initializer_name:
        found._initializer_op = element(message.initializer_name) if message.initializer_name else found._initializer_op
    if message.initial_value_name:
        found._initial_value = element(message.initial_value_name)
    if message.snapshot_name:
        if message.is_resource:
            found._graph_element = element(message.snapshot_name)
        else:
            found._snapshot = element(message.snapshot_name)
    found._trainable = message.trainable
    found._synchronization = type(found._synchronization)(message.synchronization)
    found._aggregation = type(found._aggregation)(message.aggregation)
    return found
