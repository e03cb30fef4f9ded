"""The objects reachable from a root as a checkpoint describes them: TensorFlow's TrackableObjectGraph message.

A value's key in the file is the path to its object and the attribute: `net/layers/0/w/.ATTRIBUTES/VARIABLE_VALUE`,
a slot's `w/.OPTIMIZER_SLOT/opt/m/.ATTRIBUTES/VARIABLE_VALUE` with the paths of the variable and of the optimizer.
"""

from __future__ import annotations

import numpy as np

from ..graph import context
from ..wire import proto
from .containers import TrackableDataStructure
from .trackable import PY_STATE, VARIABLE_VALUE, _Serialized, attributes_of, children_of, is_variable

GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"


def escape(name):
    """A local name without the characters that separate names in a path."""
    return name.replace(".", "..").replace("/", ".S")


class Node:
    """One object of a checkpoint: children {name: node number}, attributes [(name, full name, key)] and slots
    [(number of the variable, slot name, number of the slot variable)].
    """

    __slots__ = ("children", "attributes", "slots", "has_values")

    def __init__(self, children=None, attributes=None, slots=None, has_values=True):
        self.children, self.attributes = children or {}, attributes or []
        self.slots, self.has_values = slots or [], has_values

    def encode(self):
        """The TrackableObject message."""
        out = []
        for name, number in self.children.items():
            out.append(proto.data(1, (proto.integer(1, number) if number else b"") + proto.data(2, name)))
        for name, full, key in self.attributes:
            full_name = proto.data(2, full) if full else b""
            out.append(proto.data(2, proto.data(1, name) + full_name + proto.data(3, key)))
        for variable, name, slot in self.slots:
            first = proto.integer(1, variable) if variable else b""
            out.append(proto.data(3, first + proto.data(2, name) + proto.integer(3, slot)))
        out.append(proto.data(5, proto.integer(1, 1) if self.has_values else b""))
        return b"".join(out)

    @classmethod
    def decode(cls, encoded):
        """A Node from the message."""
        found = proto.fields(encoded)
        node = cls()
        for raw in found.get(1, []):
            child = proto.fields(raw)
            node.children[child[2][0].decode()] = child.get(1, [0])[0]
        for raw in found.get(2, []):
            part = {k: v[0].decode() for k, v in proto.fields(raw).items() if k in (1, 2, 3)}
            node.attributes.append((part.get(1, ""), part.get(2, ""), part.get(3, "")))
        for raw in found.get(3, []):
            slot = proto.fields(raw)
            node.slots.append((slot.get(1, [0])[0], slot[2][0].decode(), slot.get(3, [0])[0]))
        if 5 in found:
            node.has_values = bool(proto.fields(found[5][0]).get(1, [0])[0])
        return node


def decode(encoded):
    """The nodes of a TrackableObjectGraph message, the root first."""
    return [Node.decode(raw) for raw in proto.fields(encoded).get(1, [])]


def encode(nodes):
    """The message of `nodes`."""
    return b"".join([proto.data(1, node.encode()) for node in nodes])


def paths_of(nodes):
    """For each node the shortest path to it, as text with "(root)" first: what messages call it."""
    paths = {0: "(root)"}
    queue = [0]
    for number in queue:
        for name, child in nodes[number].children.items():
            if child not in paths:
                paths[child] = f"{paths[number]}.{name}"
                queue.append(child)
    for number, node in enumerate(nodes):
        for variable, name, slot in node.slots:
            owner = paths.get(number, f"node {number}")
            paths.setdefault(slot, f"{owner}'s state '{name}' for {paths.get(variable, f'node {variable}')}")
    return paths


class View:
    """The objects below `root`, breadth first: `objects`, and `paths`, their names from the root.

    attached: {name: trackable} that belong to the root without being its attributes.
    """

    def __init__(self, root, attached=None, saving=False):
        self.root, self.attached, self.saving = root, attached or {}, saving
        self.objects, self.paths, self.numbers = [root], [()], {id(root): 0}
        self.children: list = []
        for thing in self.objects:
            mine = self._children(thing)
            self.children.append(mine)
            path = self.paths[len(self.children) - 1]
            for name, child in mine.items():
                self._add(child, (*path, name))
        self.reached = len(self.objects)
        self.slots = self._slots()

    def _add(self, thing, path):
        number = self.numbers.get(id(thing))
        if number is None:
            number = self.numbers[id(thing)] = len(self.objects)
            self.objects.append(thing)
            self.paths.append(path)
        return number

    def _children(self, thing):
        if self.saving and isinstance(thing, TrackableDataStructure):
            return thing._trackable_children(saving=True)
        children = children_of(thing)
        return {**children, **self.attached} if thing is self.root and self.attached else children

    def _slots(self):
        """Per optimizer number [(variable number, slot name, slot number)]; slots nobody else holds become objects."""
        found: dict = {}
        for number, optimizer in enumerate(self.objects[: self.reached]):
            for name in slot_names(optimizer):
                for i, variable in enumerate(self.objects[: self.reached]):
                    slot = slot_of(optimizer, variable, name)
                    if slot is None:
                        continue
                    at = self._add(slot, (i, number, name))
                    if len(self.children) < len(self.objects):
                        self.children.append({})
                    found.setdefault(number, []).append((i, name, at))
        return found

    def prefix(self, number):
        """The path of an object as it stands in keys."""
        path = self.paths[number]
        if number < self.reached:
            return "/".join([escape(p) for p in path])
        variable, optimizer, name = path
        return f"{self.prefix(variable)}/.OPTIMIZER_SLOT/{self.prefix(optimizer)}/{escape(name)}"

    def serialized(self):
        """(nodes, {key: thing with a value})."""
        nodes, values = [], {}
        for number, thing in enumerate(self.objects):
            attributes = []
            for name, part in attributes_of(thing).items():
                key = f"{self.prefix(number)}/.ATTRIBUTES/{escape(name)}"
                part = part(name=key) if callable(part) and not is_variable(part) else part
                attributes.append((name, full_name(part), key))
                values[key] = part
            children = {n: self.numbers[id(c)] for n, c in self.children[number].items()}
            nodes.append(Node(children, attributes, self.slots.get(number), False))
        _mark(nodes)
        return nodes, values


def _mark(nodes):
    """Sets has_values: the node itself or one below it has attributes."""
    above: dict = {}
    for number, node in enumerate(nodes):
        for child in [*node.children.values(), *[s for _, _, s in node.slots]]:
            above.setdefault(child, []).append(number)
    queue = [number for number, node in enumerate(nodes) if node.attributes]
    for number in queue:
        if not nodes[number].has_values:
            nodes[number].has_values = True
            queue += above.get(number, ())


def slot_names(optimizer):
    """The names of the slots that are saved with the variables they belong to; of anything else none."""
    names = getattr(optimizer, "_slot_names_saved", None)
    return names() if callable(names) else ()


def slot_of(optimizer, variable, name):
    """The slot `name` of `variable`, or None."""
    return optimizer._saved_slot(variable, name) if is_variable(variable) else None


def full_name(part):
    """What a name-based checkpoint calls a part."""
    return part._owner._shared_name if is_variable(part) else ""


def value_of(part, session):
    """The array to be saved of a part; variables of a graph have theirs in the session."""
    if is_variable(part):
        owner = part._owner
        if owner._kind == "eager":
            return np.asarray(owner._array())
        return np.array(session._value_of(owner))
    if isinstance(part, _Serialized):
        return _array(part.owner._serialize_to_tensors()[part.name], session)
    if hasattr(part, "specs"):
        tensors = [s.tensor() if callable(s.tensor) else s.tensor for s in part.specs]
        if len(tensors) != 1:
            raise NotImplementedError(f"{part!r}: objects that save one tensor per attribute are supported only")
        return _array(tensors[0], session)
    if hasattr(part, "serialize"):
        text = part.serialize()
        return np.array(text.encode() if isinstance(text, str) else text, object)
    return _array(part, session)


def _array(tensor, session):
    if is_variable(tensor):
        return value_of(tensor, session)
    if hasattr(tensor, "_numpy"):
        return np.asarray(tensor._numpy())
    return np.asarray(session.run(tensor)) if context.graph is not None else np.asarray(tensor)


__all__ = ["GRAPH_KEY", "PY_STATE", "VARIABLE_VALUE", "Node", "View", "decode", "encode", "paths_of", "value_of"]
