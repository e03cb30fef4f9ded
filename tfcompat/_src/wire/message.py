"""Protocol buffer messages as Python classes: fields with defaults, repeated fields, maps, the wire format and its
text form.

    class Image(Message):
        _fields = {"height": (1, INT), "encoded_image_string": (4, BYTES)}

A field is (number, kind) or (number, kind, REPEATED); a kind is one of the words below, a Message class, or Map(class).
"""

from __future__ import annotations

import struct

from . import proto

INT, BOOL, FLOAT, DOUBLE, STRING, BYTES, ENUM = "int", "bool", "float", "double", "string", "bytes", "enum"
REPEATED = True


class Enum(str):
    """The kind of an enumeration whose numbers have names: text shows and takes them."""

    def __new__(cls, numbers):
        made = super().__new__(cls, ENUM)
        made.numbers, made.names = numbers, {n: name for name, n in numbers.items()}
        return made


_DEFAULTS = {INT: 0, BOOL: False, FLOAT: 0.0, DOUBLE: 0.0, STRING: "", BYTES: b"", ENUM: 0}


class Map:
    """The kind of a map field from text to messages."""

    def __init__(self, message):
        self.message = message

    def entry(self):
        """An empty entry as a message of its own."""
        fields = {"key": (1, STRING), "value": (2, self.message)}
        return type("Entry", (Message,), {"_fields": fields})()


class _List(list):
    """A repeated field; of messages it has `add`."""

    def __init__(self, kind, values=()):
        super().__init__()
        self._kind = kind
        self.extend(values)

    def append(self, value):
        super().append(_checked(self._kind, value))

    def extend(self, values):
        for v in values:
            self.append(v)

    def add(self, **fields):
        made = self._kind(**fields)
        super().append(made)
        return made

    def CopyFrom(self, other):
        self[:] = list(other)

    MergeFrom = extend


class _Map(dict):
    """A map field: asking for a key that is not there makes its message."""

    def __init__(self, message, values=None):
        super().__init__(values or {})
        self._message = message

    def __missing__(self, key):
        made = self[key] = self._message()
        return made

    def get_or_create(self, key):
        return self[key]

    def __getitem__(self, key):
        return super().__getitem__(key.decode() if isinstance(key, bytes) else key)

    def CopyFrom(self, other):
        self.clear()
        self.MergeFrom(other)

    def MergeFrom(self, other):
        for key, value in other.items():
            self[key].CopyFrom(value)


def _checked(kind, value):
    """The value as its field keeps it; TypeError where it does not fit."""
    if kind in (INT, ENUM):
        if isinstance(value, float) and not value.is_integer() or isinstance(value, (str, bytes)):
            raise TypeError(f"'{value!r}' has type {type(value).__name__}, but expected one of: (int,)")
        return int(value)
    if kind == BOOL:
        return bool(value)
    if kind == FLOAT:
        _no_text(value)
        try:
            return struct.unpack("<f", struct.pack("<f", value))[0]
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    if kind == DOUBLE:
        _no_text(value)
        return float(value)
    if kind == STRING:
        return value.decode() if isinstance(value, bytes) else _text(value, str)
    if kind == BYTES:
        return _text(bytes(value) if isinstance(value, bytearray) else value, bytes)
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
    return value


def _no_text(value):
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{value!r} has type {type(value).__name__}, but expected one of: (int, float)")


def _text(value, kind):
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} has type {type(value).__name__}, but expected one of: ({kind.__name__},)")
    return value


class Message:
    """The base of all messages.  `_oneofs`: {name: (field, ...)}, of which at most one is set."""

    _fields: dict = {}
    _oneofs: dict = {}

    def __init__(self, **given):
        self.__dict__["_values"] = {}
        for name, value in given.items():
            if value is None:
                continue
            _, kind, *repeated = self._field(name)
            if isinstance(kind, Map):
                getattr(self, name).update(value)
            elif repeated:
                getattr(self, name).extend(value)
            elif isinstance(kind, type):
                self._set(name, value if isinstance(value, Message) else kind(**value))
            else:
                self._set(name, value)

    def _field(self, name):
        found = self._fields.get(name)
        if found is None:
            raise ValueError(f'Protocol message {type(self).__name__} has no "{name}" field.')
        return found

    def _set(self, name, value):
        for names in self._oneofs.values():
            if name in names:
                for other in names:
                    if other != name:
                        self._values.pop(other, None)
        self._values[name] = _checked(self._fields[name][1], value)

    def __getattr__(self, name):
        field = self._fields.get(name)
        if field is None:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute {name!r}")
        values, (_, kind, *repeated) = self._values, field
        if name in values:
            return values[name]
        if isinstance(kind, Map):
            return values.setdefault(name, _Map(kind.message))
        if repeated:
            return values.setdefault(name, _List(kind))
        if isinstance(kind, type):
            self.__dict__.setdefault("_drafts", {})
            draft = self._drafts.get(name)
            if draft is None:  # counts as set once something is set in it
                draft = self._drafts[name] = kind()
            return draft
        return _DEFAULTS[kind]

    def __setattr__(self, name, value):
        field = self._fields.get(name)
        if field is None or field[2:] or isinstance(field[1], (type, Map)):
            raise AttributeError(
                f"Assignment not allowed (no field {name!r}, or a message, map or repeated field) in "
                f"{type(self).__name__}"
            )
        self._set(name, value)

    def _present(self):
        """(name, value) of the fields that are set, by number."""
        for name, draft in list(self.__dict__.get("_drafts", {}).items()):
            if draft._any() and name not in self._values:
                self._set(name, draft)
        order = sorted(self._values, key=lambda n: self._fields[n][0])
        return [
            (n, self._values[n])
            for n in order
            if not (self._fields[n][2:] or isinstance(self._fields[n][1], Map)) or self._values[n]
        ]

    def _any(self):
        return bool(self._present())

    # -- the usual methods --------------------------------------------------------------------------------------------
    def HasField(self, name):
        self._field(name)
        return name in dict(self._present())

    def WhichOneof(self, oneof):
        """The name of the field of a oneof that is set, or None."""
        present = dict(self._present())
        return next((n for n in self._oneofs[oneof] if n in present), None)

    def ListFields(self):
        return self._present()

    def ClearField(self, name):
        self._values.pop(name, None)
        self.__dict__.get("_drafts", {}).pop(name, None)

    def Clear(self):
        self._values.clear()
        self.__dict__.pop("_drafts", None)

    def SetInParent(self):
        pass

    def IsInitialized(self):
        return True

    def CopyFrom(self, other):
        self.ParseFromString(other.SerializeToString())

    def MergeFrom(self, other):
        self.MergeFromString(other.SerializeToString())

    @classmethod
    def FromString(cls, data):
        made = cls()
        made.ParseFromString(data)
        return made

    def ParseFromString(self, data):
        """Takes the fields of an encoded message instead of its own."""
        self.Clear()
        return self.MergeFromString(data)

    def MergeFromString(self, data):
        """Adds the fields of an encoded message; unknown ones are skipped."""
        by_number = {f[0]: (name, f) for name, f in self._fields.items()}
        for number, wire, raw in proto.parse(data):
            if number not in by_number:
                continue
            name, (_, kind, *repeated) = by_number[number]
            if isinstance(kind, Map):
                entry = proto.fields(raw)
                getattr(self, name)[entry.get(1, [b""])[0].decode()] = kind.message.FromString(entry.get(2, [b""])[0])
            elif repeated:
                target = getattr(self, name)
                if wire == proto.BYTES and kind in (INT, BOOL, ENUM, FLOAT, DOUBLE):
                    list.extend(target, _unpacked(kind, raw))
                else:
                    target.append(_value(kind, raw))
            else:
                self._set(name, _value(kind, raw))
        return len(data)

    def SerializeToString(self, deterministic=None):
        """The wire format."""
        out = []
        for name, value in self._present():
            number, kind, *repeated = self._fields[name]
            if isinstance(kind, Map):
                for k in sorted(value):
                    entry = proto.data(1, k) + proto.data(2, value[k].SerializeToString())
                    out.append(proto.data(number, entry))
            elif not repeated:
                if (
                    kind not in _DEFAULTS
                    or value != _DEFAULTS[kind]
                    or any(name in names for names in self._oneofs.values())
                ):
                    out.append(
                        _encoded(number, kind, value)
                    )  # a zero goes without saying, but for which of several is set
            elif kind in (INT, BOOL, ENUM):
                out.append(proto.data(number, b"".join([proto.varint(v) for v in value])))
            elif kind in (FLOAT, DOUBLE):
                out.append(proto.data(number, struct.pack(f"<{len(value)}{'f' if kind == FLOAT else 'd'}", *value)))
            else:
                out.extend([_encoded(number, kind, v) for v in value])
        return b"".join(out)

    SerializePartialToString = SerializeToString

    def ByteSize(self):
        return len(self.SerializeToString())

    def __eq__(self, other):
        return type(self) is type(other) and self.SerializeToString() == other.SerializeToString()

    __hash__ = None

    def __repr__(self):
        return "".join(self._lines(""))

    __str__ = __repr__

    def _lines(self, indent):
        for name, value in self._present():
            kind, repeated = self._fields[name][1], self._fields[name][2:]
            if isinstance(kind, Map):
                for k in sorted(value):
                    yield f"{indent}{name} {{\n{indent}  key: {_shown(STRING, k)}\n{indent}  value {{\n"
                    yield from value[k]._lines(indent + "    ")
                    yield f"{indent}  }}\n{indent}}}\n"
                continue
            for v in value if repeated else [value]:
                if isinstance(kind, type):
                    yield f"{indent}{name} {{\n"
                    yield from v._lines(indent + "  ")
                    yield f"{indent}}}\n"
                else:
                    yield f"{indent}{name}: {_shown(kind, v)}\n"


def _shown(kind, value):
    if kind in (STRING, BYTES):
        raw = value.encode() if isinstance(value, str) else value
        special = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 39: "\\'", 92: "\\\\"}
        return '"' + "".join([special.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in raw]) + '"'
    if kind == BOOL:
        return "true" if value else "false"
    if kind == ENUM:
        return getattr(kind, "names", {}).get(value) or str(value)
    if kind == FLOAT:
        import numpy as np

        text = str(np.float32(value))
        return text.removesuffix(".0") + (".0" if text.endswith(".0") else "")
    return repr(value) if kind == DOUBLE else str(value)


def _encoded(number, kind, value):
    if kind in (INT, BOOL, ENUM):
        return proto.integer(number, value)
    if kind == FLOAT:
        return proto.single(number, value)
    if kind == DOUBLE:
        return proto.double(number, value)
    return proto.data(number, value if kind in (STRING, BYTES) else value.SerializeToString())


def _value(kind, raw):
    if kind in (INT, ENUM):
        return proto.signed(raw)
    if kind == BOOL:
        return bool(raw)
    if kind == FLOAT:
        return proto.as_float(raw)
    if kind == DOUBLE:
        return proto.as_double(raw)
    if kind == STRING:
        return raw.decode()
    return raw if kind == BYTES else kind.FromString(raw)


def _unpacked(kind, raw):
    if kind in (FLOAT, DOUBLE):
        size, letter = (4, "f") if kind == FLOAT else (8, "d")
        return struct.unpack(f"<{len(raw) // size}{letter}", raw)
    values, at = [], 0
    while at < len(raw):
        value, at = proto.read_varint(raw, at)
        values.append(proto.signed(value) if kind != BOOL else bool(value))
    return values
