"""tf.device and tf.colocate_with: names that operations carry.  Everything runs where JAX's default device is."""

from __future__ import annotations

import contextlib

from .declare import export
from .graph import Graph, context, current_graph

_FIELDS = ("job", "replica", "task", "device")


def parse_device(name):
    """A device name ("/job:ps/task:1/gpu:0") as a dict of its fields; ValueError for a malformed one."""
    fields = {}
    for part in name.split("/"):
        bits = part.split(":")
        kind = bits[0].lower()
        if not part:
            continue
        if kind in ("job", "replica", "task") and len(bits) == 2:
            fields[kind] = bits[1]
        elif kind in ("cpu", "gpu", "tpu") and len(bits) in (1, 2):
            fields["device"] = f"{kind.upper()}:{bits[1] if len(bits) == 2 else '*'}"
        elif kind == "device" and len(bits) in (2, 3):
            fields["device"] = f"{bits[1].upper()}:{bits[2] if len(bits) == 3 else '*'}"
        else:
            raise ValueError(f"Unknown attribute '{bits[0]}' is encountered while parsing the device spec: '{name}'.")
    return fields


def _device_text(fields):
    return "".join(f"/{k}:{fields[k]}" for k in _FIELDS if k in fields)


def merge_devices(outer, inner):
    """The name of a device given inside another: the inner one's fields win."""
    return _device_text({**parse_device(outer), **parse_device(inner)})


class _Device:
    """`with graph.device(...)`: a name, a function of the operation, or None to forget outer ones."""

    def __init__(self, graph, spec):
        self.graph = graph
        self.spec = spec if spec is None or callable(spec) else _device_text(parse_device(_device_name(spec)))

    def __enter__(self):
        stack = self.graph.extra.setdefault("devices", [])
        stack.append(self.spec)
        self._apply(stack)

    def __exit__(self, *exc):
        stack = self.graph.extra["devices"]
        if not stack or stack[-1] is not self.spec:
            raise RuntimeError("Exiting device scope without proper scope nesting.")
        stack.pop()
        self._apply(stack)

    def _apply(self, stack):
        graph = self.graph
        # Functions see each operation as it is added; without one, all of a scope's operations get the same name.
        if any(callable(s) for s in stack):
            graph.add = lambda operation: _add_with_functions(graph, operation)
        else:
            graph.__dict__.pop("add", None)
        graph._devices[:] = [_merged(stack, None)]


def _device_name(spec):
    return spec.to_string() if hasattr(spec, "to_string") else spec


def _merged(stack, operation):
    """The device of `operation` under a stack of specs; functions are left out where `operation` is None."""
    name = ""
    for spec in reversed(stack):
        if spec is None:
            break
        if callable(spec):
            if operation is None:
                continue
            operation.device = name
            spec = _device_name(spec(operation)) or ""
        name = merge_devices(spec, name)
    return name


def _add_with_functions(graph, operation):
    operation.device = _merged(graph.extra["devices"], operation)
    Graph.add(graph, operation)


class _EagerDevice:
    def __init__(self, name):
        self.name = name if name is None else _device_text(parse_device(_device_name(name)))

    def __enter__(self):
        context.device.append(self.name)

    def __exit__(self, *exc):
        context.device.pop()


@export("", v1="device")
def device(device_name_or_function):
    """Operations created inside are given this device; eagerly everything runs where JAX's default device is."""
    graph = context.graph
    if graph is not None:
        return _Device(graph, device_name_or_function)
    if callable(device_name_or_function):
        raise RuntimeError("tf.device does not support functions when eager execution is enabled.")
    return _EagerDevice(device_name_or_function)


@export("device", v1="")
def device_v2(device_name):
    """tf.device of TF2: no functions (RuntimeError)."""
    if callable(device_name):
        raise RuntimeError("tf.device does not support functions.")
    return device(device_name)


@contextlib.contextmanager
def _graph_colocate_with(self, op, ignore_existing=False):
    """Operations created inside belong to the groups of `op` and are on its device; None with ignore_existing forgets both."""
    if op is None and not ignore_existing:
        raise ValueError("Trying to reset colocation (op is None) but ignore_existing is not True")
    stack, name, groups = self.extra.get("devices", []), "", set()
    if op is not None:
        name = op.device or ""
        groups = set(getattr(op, "op", op).colocation_groups())
        if self._colocation and not ignore_existing:
            groups.update(self._colocation[-1])
    self._colocation.append(sorted(groups))
    self.extra["devices"] = [] if not name else [name]
    before = self._devices[:]
    self._devices[:] = [name]
    adder = self.__dict__.pop("add", None)
    try:
        yield
    finally:
        self._colocation.pop()
        self.extra["devices"] = stack
        self._devices[:] = before
        if adder is not None:
            self.add = adder


@export("", v1="colocate_with")
def colocate_with(op, ignore_existing=False):
    """Operations created inside are on the device of `op`."""
    if context.graph is None:
        return contextlib.nullcontext()
    return context.graph.colocate_with(op, ignore_existing)


@export("", v1="container")
def container(container_name):
    """Names a place for state shared between processes; here every session has its own state, so the name changes
    nothing.
    """
    return current_graph().container(container_name)


@contextlib.contextmanager
def _graph_kernel_label_map(self, op_to_kernel_label_map):
    """Checked and otherwise of no effect: labels choose among TensorFlow's CPU kernels, of which XLA has one."""
    if not isinstance(op_to_kernel_label_map, dict):
        raise TypeError("op_to_kernel_label_map must be a dictionary mapping strings to strings")
    yield


Graph._kernel_label_map = _graph_kernel_label_map
Graph.device = lambda self, device_name_or_function: _Device(self, device_name_or_function)
Graph.colocate_with = _graph_colocate_with
Graph.container = lambda self, container_name: contextlib.nullcontext(container_name)
