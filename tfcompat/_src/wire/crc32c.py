"""CRC-32C (Castagnoli), as TFRecord files and checkpoints use it; long buffers are done in many lanes at once with
NumPy.
"""

from __future__ import annotations

import functools

import numpy as np

_POLYNOMIAL = 0x82F63B78  # reversed
_LANE = 2048  # bytes a lane


@functools.cache
def _table():
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> np.uint32(1)) ^ np.uint32(_POLYNOMIAL), table >> np.uint32(1))
    return table.astype(np.uint32)


@functools.cache
def _list():
    return _table().tolist()


def _short(data, crc):
    table = _list()
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc


@functools.cache
def _shift():
    """What _LANE zero bytes do to a CRC register, as four tables of 256 (the operation is linear)."""
    register = np.array([[value << (8 * k) for value in range(256)] for k in range(4)], np.uint32)
    table = _table()
    for _ in range(_LANE):
        register = table[register & np.uint32(0xFF)] ^ (register >> np.uint32(8))
    return register.tolist()


def crc32c(data, crc=0):
    """The CRC-32C of a bytes-like object, continuing from `crc`."""
    view = memoryview(data).cast("B")
    crc ^= 0xFFFFFFFF
    lanes = len(view) // _LANE
    if lanes > 4:
        body = np.frombuffer(view, np.uint8, lanes * _LANE).reshape(lanes, _LANE).T
        table, register = _table(), np.zeros(lanes, np.uint32)
        mask, eight = np.uint32(0xFF), np.uint32(8)
        for column in np.ascontiguousarray(body):
            register = table[(register ^ column) & mask] ^ (register >> eight)
        a, b, c, d = _shift()
        for lane in register.tolist():
            crc = a[crc & 0xFF] ^ b[crc >> 8 & 0xFF] ^ c[crc >> 16 & 0xFF] ^ d[crc >> 24] ^ lane
        view = view[lanes * _LANE :]
    return _short(view, crc) ^ 0xFFFFFFFF


def masked(data):
    """The CRC as files store it: rotated and offset, so that a CRC of data with CRCs in it is still a good one."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
