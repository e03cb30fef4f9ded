"""What branches and loop bodies may do to variables: TensorFlow's errors, with the variable's name."""

from __future__ import annotations

import numpy as np
from malt.operators import Undefined, UndefinedReturnValue

from .. import nest, record
from ..declare import OPS
from ..shapes import TensorShape
from ..tensor import Tensor

LEGAL_LOOP_TYPES = "Tensor, int, float, bool or a list, tuple or dict thereof"
_HINT = "to check for None, use `is not None`"


def is_none_or_undefined(value):
    return value is None or isinstance(value, (Undefined, UndefinedReturnValue))


def condition(value, what):
    """A condition as a bool scalar; ValueError for anything else."""
    value = record.convert_to_tensor(value)
    if not value.dtype.is_bool:
        raise ValueError(
            f"condition of {what} expected to be `tf.bool` scalar, got {value}; to use as boolean Tensor, use `tf.cast`; {_HINT}"
        )
    shape = value.shape
    if shape.rank == 0:
        return value
    if shape.rank is not None and np.prod([d for d in shape.as_list() if d is not None]) > 1:
        raise ValueError(f"condition of {what} expected to be `tf.bool` scalar, got {value}; {_HINT}")
    return OPS["Reshape"].public(value, np.zeros(0, np.int32))


def _tensor(value):
    """A Python value as the tensor it will be."""
    if isinstance(value, (bool, int, float, str, bytes, np.ndarray, np.generic)):
        return record.convert_to_tensor(value)
    if hasattr(value.__class__, "_dense_tensor"):
        return record.convert_to_tensor(value)
    return value


# -- branches ---------------------------------------------------------------------------------------------------------
def same_value(name, main, other):
    """ValueError, TypeError where a variable is None after one branch or has another dtype."""
    if main is None:
        raise ValueError(f"'{name}' is None at the end of the main branch.")
    if other is None:
        raise ValueError(f"'{name}' is None at the end of the else branch.")
    main, other = _tensor(main), _tensor(other)
    if not isinstance(main, Tensor) or not isinstance(other, Tensor):
        return
    if main.dtype.base_dtype is not other.dtype.base_dtype:
        raise TypeError(
            f"'{name}' has dtype {main.dtype.name} in the main branch, but dtype {other.dtype.name} in the else branch"
        )


def branch_defines(values, names, branch):
    """ValueError where a branch leaves a variable undefined."""
    for name, v in zip(names, values, strict=False):
        if isinstance(v, Undefined):
            raise ValueError(f"'{name}' must also be initialized in the {branch} branch")
        if isinstance(v, UndefinedReturnValue):
            raise ValueError(f"the {branch} branch must also have a return statement.")


def same_branches(main, other, names):
    """TypeError, ValueError where two branches leave variables that do not fit together."""
    for name, a, b in zip(names, main, other, strict=False):
        try:
            nest.assert_same_structure(a, b, expand_composites=True)
        except (ValueError, TypeError) as e:
            raise TypeError(
                f"'{name}' must have the same nested structure in the main and else branches:\n\n{e}"
            ) from e
        nest.map_structure(lambda x, y, name=name: same_value(name, x, y), a, b)


# -- loops ------------------------------------------------------------------------------------------------------------
def entering(values, names, first=None, more=None):
    """ValueError, NotImplementedError where a variable is not defined before a loop."""
    for i, (name, v) in enumerate(zip(names, values, strict=True)):
        if isinstance(v, UndefinedReturnValue):
            found = None if first is None else first[i]
            if found is not None and not isinstance(found, UndefinedReturnValue):
                raise ValueError(
                    f"the return value from a TensorFlow loop may only be a {LEGAL_LOOP_TYPES}; got {type(found)}"
                )
            raise NotImplementedError(
                "a return statement cannot be placed inside this TensorFlow loop; this may happen if a return statement depends on "
                "a static Python condition such as a hyperparameter"
            )
        if v is None:
            raise ValueError(f"'{name}' is not allowed to be None before the loop")
        if isinstance(v, Undefined):
            raise ValueError(f"'{name}' must be defined before the loop" + (f"\n{more}" if more else ""))


def iteration(init, entry, result, names, invariants):
    """TypeError, ValueError where one iteration changes a variable's structure, dtype or shape."""
    for i, name in enumerate(names):
        invariant = None if invariants is None else invariants[i]
        for one, two in ((init[i], entry[i]), (entry[i], result[i])):
            try:
                nest.assert_same_structure(
                    nest.map_structure(_tensor, one), nest.map_structure(_tensor, two), expand_composites=True
                )
            except (ValueError, TypeError) as e:
                raise TypeError(f"'{name}' does not have the same nested structure after one iteration.\n\n{e}") from e
        if invariant is None or isinstance(invariant, TensorShape):
            invariant = nest.map_structure(lambda _, s=invariant: s, init[i])
        wanted = nest.flatten_up_to(init[i], invariant) if nest.is_nested(init[i]) else [invariant]
        for a, b, c, s in zip(*[nest.flatten(v) for v in (init[i], entry[i], result[i])], wanted, strict=True):
            _one(name, a, b, c, s)


def _one(name, init, entry, result, invariant):
    if result is None:
        raise ValueError(f"'{name}' is None at the end of the iteration.")
    init, entry, result = _tensor(init), _tensor(entry), _tensor(result)
    if not isinstance(entry, Tensor) or not isinstance(result, Tensor):
        return
    if entry.dtype.base_dtype is not result.dtype.base_dtype:
        raise TypeError(
            f"'{name}' has dtype {entry.dtype.name} before the loop, but dtype {result.dtype.name} after one iteration"
        )
    if invariant is None:
        if not _at_least(result.shape, entry.shape):
            raise ValueError(
                f"'{name}' has shape {entry.shape} before the loop, but shape {result.shape} after one iteration. Use "
                "tf.autograph.experimental.set_loop_options to set shape invariants."
            )
        return
    invariant = TensorShape(invariant)
    if isinstance(init, Tensor) and not _at_least(init.shape, invariant):
        raise ValueError(
            f"'{name}' has shape {init.shape} before the loop, which does not conform with the shape invariant {invariant}."
        )
    if not _at_least(result.shape, invariant):
        raise ValueError(
            f"'{name}' has shape {result.shape} after one iteration, which does not conform with the shape invariant {invariant}."
        )


def _at_least(shape, other):
    """Whether `shape` is at least as specific as `other`."""
    if other.rank is None:
        return True
    if shape.rank != other.rank:
        return False
    return all(b is None or a == b for a, b in zip(shape.as_list(), other.as_list(), strict=True))
