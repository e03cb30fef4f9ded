"""Slot variables that travel together: the values of all slots of a plan are ONE value of the program, a list of
arrays.

A step over 200 variables with two slots each would hand 400 slots in and out through Python; as a list JAX flattens
them in C++.  A slot variable still is a variable: reading one takes its array out of the list, assigning one
dissolves the pack until the next step.
"""

from __future__ import annotations

from ..engine import dispatch
from ..graph import Slot
from ..tensor import constant
from ..variables import Variable


class _PackAval:
    """What the engine asks of an Aval, for a list of arrays."""

    dtype = np = shape = None
    differentiable = small_int = known = False

    def __repr__(self):
        return "slots"


AVAL = _PackAval()


class Pack:
    """The slot variables `members`, whose values are the list `slot.value`."""

    __slots__ = ("members", "slot")

    def __init__(self, members):
        for v in members:
            if v._pack is not None:
                v._pack.dissolve()
        self.members = members
        self.slot = Slot(None, 0, AVAL, [dispatch.device_value(v._value._slot) for v in members])
        for i, v in enumerate(members):
            v._pack, v._place, v._own, v._own_of, v._read_of = self, i, None, None, None

    def values(self):
        """The arrays, computed if they were pending."""
        slot = self.slot
        return slot.value if slot.value is not None else dispatch.demand(slot)

    def dissolve(self):
        """Gives every member its own value again."""
        values = self.values()
        for v, value in zip(self.members, values):
            v._pack, v._own, v._read_of = None, constant(value), None
        self.members = ()


class SlotVariable(Variable):
    """An eager variable whose value may be kept in a pack."""

    @classmethod
    def of(cls, variable):
        """`variable` itself, made able to join a pack."""
        own = variable.__dict__.pop("_value")
        variable.__dict__.pop("_read", None)
        variable.__class__ = cls
        variable._pack, variable._place, variable._own, variable._own_of, variable._read_of = None, 0, own, None, None
        return variable

    @property
    def _value(self):
        pack = self._pack
        if pack is not None and self._own_of is not pack.slot:
            self._own, self._own_of, self._read_of = constant(pack.values()[self._place]), pack.slot, None
        return self._own

    @_value.setter
    def _value(self, tensor):
        if self._pack is not None:
            self._pack.dissolve()
        self._own, self._read_of = tensor, None

    @property
    def _read(self):
        read = self._read_of
        return read if self._pack is None or self._own_of is self._pack.slot else None

    @_read.setter
    def _read(self, tensor):
        self._read_of = tensor
