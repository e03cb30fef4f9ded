"""The protocol buffer wire format: enough to write and read the few messages that files need.

message(1, 5, ...)      fields one after the other: integers are varints, floats doubles, str and bytes length-delimited
fields(data)            {field number: [raw values]} of an encoded message
"""

from __future__ import annotations

import struct

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def varint(value):
    """An integer in groups of seven bits; negative ones as 64-bit two's complement."""
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data, at):
    """(value, position behind it)."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def key(number, kind):
    return varint(number << 3 | kind)


def integer(number, value):
    return key(number, VARINT) + varint(int(value))


def double(number, value):
    return key(number, FIXED64) + struct.pack("<d", value)


def single(number, value):
    return key(number, FIXED32) + struct.pack("<f", value)


def fixed32(number, value):
    return key(number, FIXED32) + struct.pack("<I", value)


def data(number, value):
    """A string, bytes or an encoded message."""
    value = value.encode() if isinstance(value, str) else value
    return key(number, BYTES) + varint(len(value)) + value


def packed_doubles(number, values):
    return data(number, struct.pack(f"<{len(values)}d", *values))


def parse(encoded):
    """Yields (field number, wire type, raw value): an int for varints and fixed sizes, bytes else.

    ValueError for broken data.
    """
    at, end = 0, len(encoded)
    while at < end:
        tag, at = read_varint(encoded, at)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, at = read_varint(encoded, at)
        elif kind == BYTES:
            size, at = read_varint(encoded, at)
            value, at = bytes(encoded[at : at + size]), at + size
        elif kind == FIXED64:
            value, at = struct.unpack_from("<Q", encoded, at)[0], at + 8
        elif kind == FIXED32:
            value, at = struct.unpack_from("<I", encoded, at)[0], at + 4
        else:
            raise ValueError(f"unknown wire type {kind}")
        yield number, kind, value


def fields(encoded):
    """{field number: [values]} of an encoded message."""
    found: dict = {}
    for number, _, value in parse(encoded):
        found.setdefault(number, []).append(value)
    return found


def signed(value):
    """A varint read as a signed 64-bit integer."""
    return value - (1 << 64) if value >= 1 << 63 else value


def as_float(raw):
    return struct.unpack("<f", struct.pack("<I", raw))[0]


def as_double(raw):
    return struct.unpack("<d", struct.pack("<Q", raw))[0]
