"""`and`, `or`, `not`, `==`, `x if c else y` and `assert` in converted code."""

from __future__ import annotations

from ..declare import OPS
from ..ops.control import cond_v2
from ..ops.python import assert_op
from ..tensor import Tensor
from . import checks


def is_tensor(value):
    """Whether a value is a dense tensor or a variable: what decides that a statement is part of the graph."""
    return isinstance(value, Tensor) or hasattr(value.__class__, "_dense_tensor")


def and_(a, b):
    """`a and b`: `b` is evaluated only where `a` is true."""
    first = a()
    return cond_v2(first, b, lambda: first) if is_tensor(first) else first and b()


def or_(a, b):
    """`a or b`: `b` is evaluated only where `a` is false."""
    first = a()
    return cond_v2(first, lambda: first, b) if is_tensor(first) else first or b()


def not_(a):
    """`not a`."""
    return OPS["LogicalNot"].public(a) if is_tensor(a) else not a


def eq(a, b):
    """`a == b` of values, whatever the mode says of tensors' equality."""
    return OPS["Equal"].public(a, b) if is_tensor(a) or is_tensor(b) else a == b


def not_eq(a, b):
    """`a != b`."""
    return not_(eq(a, b))


def if_exp(cond, if_true, if_false, expr_repr):
    """`x if cond else y`."""
    if not is_tensor(cond):
        return if_true() if cond else if_false()
    found: dict = {}

    def branch(name, function):
        def run():
            found[name] = function()
            if len(found) == 2:
                checks.same_value(expr_repr, found["main"], found["else"])
            return found[name]

        return run

    return cond_v2(cond, branch("main", if_true), branch("else", if_false))


def assert_stmt(expression1, expression2):
    """`assert expression1, expression2`."""
    if not callable(expression2):
        raise ValueError(f"{expression2} must be a callable")
    if not is_tensor(expression1):
        assert expression1, expression2()
        return None
    said = expression2()
    return assert_op(expression1, said if isinstance(said, (list, tuple)) else [said])


OPERATORS = {f.__name__: f for f in (and_, or_, not_, eq, not_eq, if_exp, assert_stmt)}
