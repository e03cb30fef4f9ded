"""memoryview(tensor): the buffer protocol for a Python class.

From Python 3.12 on a class answers by `__buffer__`.  Python 3.11 asks the type's C slot only; it is filled here through CPython's
stable ABI (PyType_FromSpec with Py_bf_getbuffer), so that no compiled code is needed.
"""

from __future__ import annotations

import ctypes
import sys


def _with_c_slot():
    """A class without fields whose C slot for buffers hands out what `__buffer__` returns."""

    class Slot(ctypes.Structure):
        _fields_ = [("slot", ctypes.c_int), ("function", ctypes.c_void_p)]

    class Spec(ctypes.Structure):
        _fields_ = [
            ("name", ctypes.c_char_p),
            ("basicsize", ctypes.c_int),
            ("itemsize", ctypes.c_int),
            ("flags", ctypes.c_uint),
            ("slots", ctypes.POINTER(Slot)),
        ]

    get_buffer = ctypes.pythonapi.PyObject_GetBuffer
    get_buffer.argtypes, get_buffer.restype = (ctypes.py_object, ctypes.c_void_p, ctypes.c_int), ctypes.c_int

    @ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p, ctypes.c_int)
    def fill(owner, view, flags):
        try:
            return get_buffer(owner.__buffer__(flags), view, flags)
        except (
            Exception
        ):  # a callback of ctypes cannot hand an exception on: Python makes a SystemError of -1 without one
            return -1

    py_bf_getbuffer, py_tpflags_default, py_tpflags_basetype = 1, 1 << 18, 1 << 10
    slots = (Slot * 2)(Slot(py_bf_getbuffer, ctypes.cast(fill, ctypes.c_void_p)), Slot(0, None))
    spec = Spec(b"tfcompat.Buffer", 0, 0, py_tpflags_default | py_tpflags_basetype, slots)
    make = ctypes.pythonapi.PyType_FromSpec
    make.argtypes, make.restype = (ctypes.c_void_p,), ctypes.py_object
    made = make(ctypes.byref(spec))
    made._callback = fill  # the slot points at it
    return made


class _Plain:
    __slots__ = ()


needs_c_slot = sys.version_info < (3, 12) and sys.implementation.name == "cpython"
Buffer = _with_c_slot() if needs_c_slot else _Plain
Buffer.__doc__ = "Base of classes that define `__buffer__(flags)` -> memoryview."
