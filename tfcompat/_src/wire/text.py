"""The text form of messages: what their str() shows, read back."""

from __future__ import annotations

import re

from .message import BOOL, BYTES, DOUBLE, ENUM, FLOAT, INT, STRING, Map

_TOKEN = re.compile(
    r"""(?:\s|\#[^\n]*)*(?:(?P<name>[A-Za-z_][\w.]*)|(?P<number>[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[fF]?|inf\b|nan\b))
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<sign>[-{}<>\[\]:;,]))""",
    re.VERBOSE,
)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


class ParseError(ValueError):
    """Text that is no message of the kind expected; the line is named."""


class _Tokens:
    def __init__(self, text):
        self.text, self.at = text, 0
        self.next()

    def next(self):
        """Goes on to the next token; the one before is returned."""
        before = getattr(self, "kind", None), getattr(self, "value", None)
        found = _TOKEN.match(self.text, self.at)
        if found:
            self.kind, self.value, self.at = found.lastgroup, found.group(found.lastgroup), found.end()
        elif re.match(r"(?:\s|#[^\n]*)*\Z", self.text[self.at :]):
            self.kind = self.value = None
        else:
            self.fail(f"unexpected {self.text[self.at : self.at + 20].strip()!r}")
        return before

    def fail(self, what):
        raise ParseError(f"{self.text.count(chr(10), 0, self.at) + 1}: {what}")

    def take(self, *values):
        """Whether the token is one of `values`; then it is passed."""
        if self.value in values and self.kind != "text":
            self.next()
            return True
        return False


def merge(text, message):
    """Adds the fields that `text` names to `message`, which is returned.  Raises ParseError."""
    tokens = _Tokens(text.decode() if isinstance(text, bytes) else text)
    _fields(tokens, message, None)
    return message


def _fields(tokens, message, end):
    while not (tokens.value == end and tokens.kind in ("sign", None)):
        kind, name = tokens.next()
        if kind != "name":
            tokens.fail(f"expected a field's name, found {name!r}" if name else f"expected {end!r}")
        field = message._fields.get(name)
        if field is None:
            tokens.fail(f'Message type "{type(message).__name__}" has no field named "{name}".')
        _field(tokens, message, name, field)
        tokens.take(",", ";")
    tokens.take(end)


def _field(tokens, message, name, field):
    _, kind, *repeated = field
    colon = tokens.take(":")
    if isinstance(kind, (type, Map)):
        many = tokens.take("[")
        while True:
            _message(tokens, message, name, kind, repeated)
            if not (many and tokens.take(",")):
                break
        if many and not tokens.take("]"):
            tokens.fail("expected ]")
        return
    if not colon:
        tokens.fail(f"expected : after {name}")
    if tokens.take("["):
        while not tokens.take("]"):
            getattr(message, name).append(_scalar(tokens, kind))
            tokens.take(",")
    elif repeated:
        getattr(message, name).append(_scalar(tokens, kind))
    else:
        message._set(name, _scalar(tokens, kind))


def _message(tokens, message, name, kind, repeated):
    if not tokens.take("{"):
        if not tokens.take("<"):
            tokens.fail(f"expected {{ after {name}")
        end = ">"
    else:
        end = "}"
    if isinstance(kind, Map):
        entry = kind.entry()
        _fields(tokens, entry, end)
        getattr(message, name)[entry.key] = entry.value
    elif repeated:
        _fields(tokens, getattr(message, name).add(), end)
    else:
        held = dict(message._present()).get(name)
        inner = kind() if held is None else held
        _fields(tokens, inner, end)
        message._set(name, inner)


def _scalar(tokens, kind):
    sign, value = tokens.next()
    if sign == "sign" and value == "-":
        negated = _scalar(tokens, kind)
        return -negated
    if kind in (STRING, BYTES):
        if sign != "text":
            tokens.fail(f"expected text in quotes, found {value!r}")
        raw = _unescaped(value)
        while tokens.kind == "text":
            raw += _unescaped(tokens.next()[1])
        return raw if kind == BYTES else raw.decode()
    if kind == BOOL and value in ("true", "True", "t", "1", "false", "False", "f", "0"):
        return value in ("true", "True", "t", "1")
    if kind == ENUM and sign == "name":
        numbers = getattr(kind, "numbers", {})
        if value not in numbers:
            tokens.fail(f"no enumeration value {value!r} here")
        return numbers[value]
    try:
        if kind in (FLOAT, DOUBLE):
            return float(value.rstrip("fF") if value[-1:] in "fF" and not value.lower().endswith("inf") else value)
        if kind in (INT, ENUM):
            return int(value, 0) if not re.fullmatch(r"[-+]?0\d+", value) else int(value, 8)
    except (ValueError, TypeError, AttributeError):
        pass
    return tokens.fail(f"{value!r} is no {kind}")


def _unescaped(quoted):
    raw = quoted[1:-1].encode()

    def letter(found):
        what = found.group(1)
        if what[:1] in b"01234567" and what[:1]:
            return bytes([int(what, 8) & 255])
        if what[:1] == b"x" and len(what) > 1:
            return bytes([int(what[1:], 16)])
        return _LETTERS.get(what, what)

    return _ESCAPE.sub(letter, raw)
