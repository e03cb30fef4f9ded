"""Which dtypes an op takes: TensorFlow refuses mixed ones and those its op registry does not list, where JAX would promote.

An op's declaration may list its dtypes; for the rest `taken_dtypes.txt` holds what TensorFlow's registry says, input by input.
"""

from __future__ import annotations

import functools
import os

from .. import errors
from ..graph import context


@functools.cache
def taken():
    """{op type: {input name, or None for all: (names of the dtypes it takes, what the dtype is called)}}, read when the first op is checked."""
    table: dict = {}
    dtypes: tuple = ()  # those of the section being read
    path = os.path.join(os.path.dirname(__file__), "taken_dtypes.txt")
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("    "):
                place, _, attr = line.strip().partition(" ")
                op, _, name = place.partition(".")
                table.setdefault(op, {})[name or None] = dtypes, attr or "T"
            elif line.strip() and not line.startswith("#"):
                dtypes = tuple(line.split())
    return table


def input_names(sig, n):
    """The names of the n recorded inputs of an application: those that are not fixed, the first repeated where it is variadic."""
    op = sig.op
    names = [k for i, k in enumerate(op.inputs) if i not in sig.fixed]
    if op.variadic and op.inputs:
        names = [op.inputs[0]] * (n - len(names) + 1) + names[1:]
    return names


def check_dtypes(sig, avals):
    """InvalidArgumentError for inputs of different dtypes where they must be alike, and for dtypes the op does not take."""
    op = sig.op
    if op.alike and len(avals) > 1:
        apart = op.own | op.static
        names = input_names(sig, len(avals)) if apart else None
        first = None
        for i, a in enumerate(avals):
            if apart and names[i] in apart:
                continue
            if first is None:
                first = a.dtype.base_dtype
            elif a.dtype.base_dtype is not first:
                raise errors.InvalidArgumentError(
                    None, None,
                    f"cannot compute {op.type} as input #{i}(zero-based) was expected to be a {spoken(first)} tensor but is a "
                    f"{spoken(a.dtype)} tensor [Op:{op.type}]",
                )  # fmt: skip
    if not avals:
        return
    if op.dtypes is not None:
        check_first(op, avals[0].dtype)
        return
    listed = taken().get(op.type)
    if listed is None:
        return
    everywhere = listed.get(None)
    for name, a in zip(input_names(sig, len(avals)), avals, strict=False):
        allowed, attr = everywhere or listed.get(name) or (None, None)
        if allowed is not None and a.dtype.base_dtype.name not in allowed:
            _refuse(op, name, attr, a.dtype, allowed)


def check_first(op, dtype):
    """InvalidArgumentError where the dtype of an op's first input is none of those its declaration lists."""
    if dtype.base_dtype.name not in op.dtypes:
        _refuse(op, op.inputs[0] if op.inputs else "input", "T", dtype, sorted(op.dtypes))


def _refuse(op, name, attr, dtype, allowed):
    if len(allowed) == 1:
        text = (
            f"cannot compute {op.type} as input #0(zero-based) was expected to be a {spoken(allowed[0])} tensor but is a {spoken(dtype)} tensor"
            if context.graph is None
            else f"Input '{name}' of '{op.type}' Op has type {dtype.base_dtype.name} that does not match expected type of {spoken(allowed[0])}."
        )
    elif context.graph is None:
        text = f"Value for attr '{attr}' of {spoken(dtype)} is not in the list of allowed values: {', '.join(map(spoken, allowed))}"
    else:
        text = f"Value passed to parameter '{name}' has DataType {dtype.base_dtype.name} not in list of allowed values: {', '.join(allowed)}"
    raise errors.InvalidArgumentError(None, None, f"{text} [Op:{op.type}]")


def wrong_dtype(type, name, attr, dtype, allowed):
    """What a public function raises for an input of a dtype that the op `type` does not take."""
    if context.graph is None:
        text = f"Value for attr '{attr}' of {spoken(dtype)} is not in the list of allowed values: {', '.join(map(spoken, allowed))}"
        return errors.InvalidArgumentError(None, None, f"{text} [Op:{type}]")
    return TypeError(
        f"Value passed to parameter '{name}' has DataType {dtype.base_dtype.name} not in list of allowed values: {', '.join(allowed)}"
    )


def spoken(dtype):
    """A dtype's name as TensorFlow's error messages have it: float for float32."""
    name = getattr(dtype, "base_dtype", dtype)
    name = getattr(name, "name", name)
    return {"float32": "float", "float64": "double", "float16": "half"}.get(name, name)
