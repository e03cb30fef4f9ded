"""Python's operators on tensors and variables: `attach(cls)` puts them on a class.

Two eager tensors, or an eager tensor and a Python number, take a short path to the engine: `x * 2.0` is on every line
of a training loop.  Everything else goes through the op's general call.  Names in graphs are TensorFlow's: `x * y` is
'mul', `x < y` is 'Less'.
"""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import OPS, export
from ..graph import context
from ..scopes import name_scope
from ..tensor import EagerTensor, SymbolicTensor, Tensor
from . import arithmetic as rules
from . import products
from .math import leaf


def _is_sparse(value):
    return hasattr(value, "_with_values") and not isinstance(value, Tensor)


def _or_theirs(ours, x, y, name):
    """`ours(x, y)`; where `y` is nothing that tensors work with, the answer of its own reflected operator, if that has one."""
    try:
        return ours(x, y)
    except (TypeError, ValueError) as failed:
        theirs = getattr(type(y), f"__r{name}__", None)
        if theirs is None or record._dtype_of(y) is not None:
            raise
        try:
            answer = theirs(y, x)
        except (TypeError, ValueError):
            raise failed from None  # what the tensor had to say tells more
        if answer is NotImplemented:
            raise
        return answer


def arithmetic(type, name, general=None, strict=True):
    """(operator, reflected operator) of an op of two tensors; `general(x, y)` replaces the plain call of the op.

    strict: a Python value that does not fit the tensor's dtype is a TypeError; else the op refuses the two dtypes.
    """
    definition = OPS[type]
    sig, fast, eager = definition.sig, record.record_eager, EagerTensor
    apart = {"Mul": dtypes.bool}.get(type)  # what `general` has another op for

    if general is None:

        def general(x, y):
            return record.call(definition, [x, y], None, None, name)

    def tensors(x, y):
        x, y = _operands(x, y, strict)
        return NotImplemented if y is NotImplemented else general(x, y)

    def operator(x, y):
        if context.graph is None and x.__class__ is eager:
            one = x._slot
            two = y._slot if y.__class__ is eager else leaf(y, one.aval.dtype)
            if two is not None and (apart is None or one.aval.dtype is not apart):
                return fast(sig, (one, two))
        return _or_theirs(tensors, x, y, name)

    def reflected(y, x):
        if context.graph is None and y.__class__ is eager:
            two = y._slot
            one = leaf(x, two.aval.dtype)
            if one is not None:
                return fast(sig, (one, two))
        y = record.convert_to_tensor(y)
        return general(record.convert_to_tensor(x, y.dtype.base_dtype), y)

    return operator, reflected


def _operands(x, y, strict=False):
    """Both as tensors; (x, NotImplemented) where `y` knows better (a SparseTensor)."""
    x = record.convert_to_tensor(x)
    if _is_sparse(y):
        return x, NotImplemented
    if strict and record._dtype_of(y) is None:
        return x, record.convert_to_tensor(y, x.dtype.base_dtype)
    return x, record.convert_to_tensor(y, dtype_hint=x.dtype.base_dtype)


def _divide():
    """`/`: integers divide as float64."""
    plain, plain_reflected = arithmetic("RealDiv", "truediv", lambda x, y: rules.true_divide(x, y, None))

    def tensors(x, y):
        x, y = _operands(x, y)
        return NotImplemented if y is NotImplemented else rules.true_divide(x, y, None)

    def operator(x, y):
        if x.__class__ is EagerTensor and x._slot.aval.dtype.is_floating:
            if y.__class__ is not EagerTensor or y._slot.aval.dtype is x._slot.aval.dtype:
                return plain(x, y)
        return _or_theirs(tensors, x, y, "truediv")

    def reflected(y, x):
        if y.__class__ is EagerTensor and y._slot.aval.dtype.is_floating:
            return plain_reflected(y, x)
        y = record.convert_to_tensor(y)
        return rules.true_divide(record.convert_to_tensor(x, y.dtype.base_dtype), y, None)

    return operator, reflected


_PYTHON_NUMBERS = (int, float)
_KNOWN_POWERS = (2, 3, 0.5)


def _power():
    """`**`: a few small exponents are part of the program, so that XLA multiplies instead of calling pow."""
    plain, reflected = arithmetic("Pow", "pow")
    definition, fast = OPS["Pow"], record.record_eager
    sigs: dict = {}

    def operator(x, y):
        if (
            x.__class__ is EagerTensor
            and y.__class__ in _PYTHON_NUMBERS
            and y in _KNOWN_POWERS
            and context.graph is None
        ):
            dtype = x._slot.aval.dtype
            if dtype.is_floating:
                sig = sigs.get((y, dtype))
                if sig is None:
                    sig = sigs[y, dtype] = definition.signature(None, {1: np.array(y, dtype.np)})
                return fast(sig, (x._slot,))
        return plain(x, y)

    return operator, reflected


def _multiply(x, y):
    """`*`, which is "and" of booleans."""
    return record.call(OPS["LogicalAnd" if x.dtype.base_dtype is dtypes.bool else "Mul"], [x, y], None, None, "mul")


def _logic(logical, bitwise, name):
    """`&`, `|`, `^`: logical on bool, bit by bit on integers."""

    def general(x, y):
        if x.dtype.base_dtype is dtypes.bool:
            return (
                record.call(OPS[logical], [x, y], None, None, name) if logical in OPS else rules.logical_xor(x, y, name)
            )
        if context.graph is None:
            return record.call(OPS[bitwise], [x, y], None, None, name)
        with name_scope(None, name, [x, y]):
            return record.call(OPS[bitwise], [x, y], None, None, bitwise)

    def operator(x, y):
        return _or_theirs(lambda x, y: general(*_operands(x, y, True)), x, y, name)

    def reflected(y, x):
        y = record.convert_to_tensor(y)
        return general(record.convert_to_tensor(x, y.dtype.base_dtype), y)

    return operator, reflected


def _invert(x):
    x = record.convert_to_tensor(x)
    return OPS["LogicalNot" if x.dtype.base_dtype is dtypes.bool else "Invert"].public(x)


def _matmul():
    def operator(x, y):
        return _or_theirs(products.matmul_operator, x, y, "matmul")

    def reflected(y, x):
        y = record.convert_to_tensor(y)
        return products.matmul_operator(record.convert_to_tensor(x, y.dtype.base_dtype), y)

    return operator, reflected


def _comparison(type):
    return arithmetic(type, type)[0]


def _equality(type, different):
    """`==` or `!=`: elementwise in TF2 (shapes that do not broadcast are different), identity in TF1 and in plain
    graphs.
    """
    fast = OPS[type].sig

    def operator(x, y):
        graph = context.graph
        own = x._slot.node.graph if x.__class__ is SymbolicTensor else graph
        if not Tensor._USE_EQUALITY or own is not None and not own.building_function:
            return (x is y) is not different
        if y is None:
            return different
        if graph is None and x.__class__ is EagerTensor and y.__class__ is EagerTensor:
            a, b = x._slot.aval, y._slot.aval
            if a is b and a.dtype is not dtypes.string:
                return record.record_eager(fast, (x._slot, y._slot))
        x = record.convert_to_tensor(x)
        y = record.convert_to_tensor(y, None if record._dtype_of(y) is not None else x.dtype.base_dtype)
        if not _may_broadcast(x._shape_tuple(), y._shape_tuple()):
            return record.convert_to_tensor(different)
        return rules.compare(type, x, y, None)

    return operator


def _may_broadcast(one, two):
    if one is None or two is None:
        return True
    return all(a == b or a in (1, None) or b in (1, None) for a, b in zip(reversed(one), reversed(two), strict=False))


def _operators():
    made = {}
    pairs = {
        "add": arithmetic("AddV2", "add", strict=False),
        "sub": arithmetic("Sub", "sub"),
        "mul": arithmetic("Mul", "mul", _multiply),
        "truediv": _divide(),
        "div": _divide(),
        "floordiv": arithmetic("FloorDiv", "floordiv"),
        "mod": arithmetic("FloorMod", "mod"),
        "pow": _power(),
        "matmul": _matmul(),
        "and": _logic("LogicalAnd", "BitwiseAnd", "and"),
        "or": _logic("LogicalOr", "BitwiseOr", "or"),
        "xor": _logic("LogicalXor", "BitwiseXor", "xor"),
    }
    for name, (operator, reflected) in pairs.items():
        made[f"__{name}__"], made[f"__r{name}__"] = operator, reflected
    for name, op_type in dict(lt="Less", le="LessEqual", gt="Greater", ge="GreaterEqual").items():
        made[f"__{name}__"] = _comparison(op_type)
    made["__eq__"], made["__ne__"] = _equality("Equal", False), _equality("NotEqual", True)
    made["__neg__"] = lambda x: OPS["Neg"].public(x)
    made["__abs__"] = lambda x: OPS["Abs"].public(x)
    made["__invert__"] = _invert
    for name, operator in made.items():
        operator.__name__ = operator.__qualname__ = name
    return made


OPERATORS = _operators()


@export("__operators__.eq", v1="")
def eq(self, other):
    """`self == other` of tensors."""
    return OPERATORS["__eq__"](self, other)


@export("__operators__.ne", v1="")
def ne(self, other):
    """`self != other` of tensors."""
    return OPERATORS["__ne__"](self, other)


def attach(cls):
    """Gives `cls` the operators of tensors: anything whose instances convert to tensors may have them."""
    for name, operator in OPERATORS.items():
        setattr(cls, name, operator)
    return cls


def attach_reading(cls):
    """Gives a class of variables the operators of the tensors that `value()` reads, but for equality."""
    for name, operator in OPERATORS.items():
        setattr(cls, name, operator if name in ("__eq__", "__ne__") else _reading(operator))
    return cls


def _reading(operator):
    def read(variable, *others):
        return operator(variable.value(), *others)

    read.__name__ = read.__qualname__ = operator.__name__
    return read


attach(Tensor)
