"""What operators are made of: arguments kept as they were given, shapes, hints, assertions."""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors, record
from ..declare import NAMES
from ..shapes import TensorShape


class _Names:
    """The public functions by their TF2 names (`tf.linalg.adjoint`), found when they are first used."""

    def __init__(self, path=""):
        self._path = path

    def __getattr__(self, name):
        found = NAMES["v2"].get(self._path + name)
        found = _Names(f"{self._path}{name}.") if found is None else found
        setattr(self, name, found)
        return found


tf = _Names()


# -- what operators are made of ---------------------------------------------------------------------------------------
def is_reference(x):
    """Whether `x` is a variable: it is kept as it is, so that its value is read when the operator is used."""
    return hasattr(type(x), "_dense_tensor")


def held(value, dtype=None, name=None):
    """An argument as operators keep it: variables as they are, everything else as a tensor.

    Raises TypeError where a variable has another dtype.
    """
    if value is None:
        return None
    if is_reference(value):
        if dtype is not None and value.dtype.base_dtype is not dtypes.as_dtype(dtype).base_dtype:
            raise TypeError(f"Argument `value` must be of dtype `{dtype.name}` Received: `{value.dtype.name}`.")
        return value
    return record.convert_to_tensor(value, dtype, name=name)


def tensor(value):
    """The value of what `held` kept, as a tensor."""
    return record.convert_to_tensor(value)


def refuse_variable(value, name):
    """Raises TypeError for a variable where a size belongs."""
    if is_reference(value):
        raise TypeError(f"Argument {name} cannot be reference type. Found: {type(value)}.")


def constant_of(value):
    """The NumPy value of a tensor where it is known, else None."""
    return record.static_value(record.convert_to_tensor(value))


def sizes(value):
    """A shape, or one size, as an integer tensor."""
    if isinstance(value, (list, tuple)) and not value:
        return record.convert_to_tensor(np.zeros(0, np.int32))
    return record.convert_to_tensor(value)


def conj(x):
    """The complex conjugate, of real tensors themselves."""
    return tf.math.conj(x) if x.dtype.is_complex else x


def real(x):
    """The real part, of real tensors themselves."""
    return tf.math.real(x) if x.dtype.is_complex else x


def adjoint_if(x, adjoint):
    """x, or its adjoint."""
    return tf.linalg.adjoint(x) if adjoint else x


def broadcast_static(*shapes):
    """The TensorShape that these broadcast to; unknown where one of them is."""
    shape = TensorShape(shapes[0])
    for other in shapes[1:]:
        shape = tf.broadcast_static_shape(shape, TensorShape(other))
    return shape


def broadcast_dynamic(*shapes):
    """The same for shapes given as tensors."""
    shape = shapes[0]
    for other in shapes[1:]:
        shape = tf.broadcast_dynamic_shape(shape, other)
    return shape


def of_batch(x, batch_shape):
    """Matrices x [..., n, m] repeated to these leading dimensions, a tensor."""
    return tf.broadcast_to(x, tf.concat([batch_shape, tf.shape(x)[-2:]], 0))


def no_zero_modulus(x, message):
    """An assertion that no element of x is zero."""
    modulus = tf.abs(tensor(x))
    return asserts("less")(tf.zeros([], modulus.dtype), modulus, message=message)


def asserts(kind):
    """The check tf.debugging.assert_<kind>, in its TF1 form, which gives an operation in graphs."""
    return NAMES["v1"][f"debugging.assert_{kind}"]


def nothing():
    """The assertion of what always holds."""
    return NAMES["v1"]["no_op"]()


def group(checks):
    """One operation for several assertions."""
    return NAMES["v1"]["group"](*[c for c in checks if c is not None])


def combined_non_singular(a, b):
    """What is known of a product being singular."""
    if a.is_non_singular is False or b.is_non_singular is False:
        return False
    return a.is_non_singular and b.is_non_singular


def product_hints(a, b):
    """Hints for the product of two operators that do not commute."""
    square = None
    if a.is_square and b.is_square:
        square = True
    elif a.is_square is False and b.is_square is False:
        ends = (a.range_dimension.value, b.domain_dimension.value)
        square = None if None in ends else ends[0] == ends[1]
    elif None not in (a.is_square, b.is_square):
        square = False
    if square is False:
        return {"is_square": False, "is_non_singular": False, "is_self_adjoint": False, "is_positive_definite": False}
    return {"is_square": square, "is_non_singular": combined_non_singular(a, b) if square else None}


def commuting_hints(a, b):
    """Hints for the product of two operators that commute."""
    self_adjoint = True if a.is_self_adjoint and b.is_self_adjoint else None
    if (a.is_self_adjoint, b.is_self_adjoint) in ((True, False), (False, True)):
        self_adjoint = False
    positive = all([o.is_self_adjoint and o.is_positive_definite for o in (a, b)]) or None
    return {
        "is_non_singular": combined_non_singular(a, b),
        "is_self_adjoint": self_adjoint,
        "is_positive_definite": positive,
        "is_square": True,
    }


def is_adjoint_pair(x, y):
    """Whether two operators are known to be one another's adjoints."""
    if x is y:
        return bool(x.is_self_adjoint)
    return x.H is y or y.H is x or getattr(x, "operator", None) is y or getattr(y, "operator", None) is x


def zero_operator_error(message):
    """InvalidArgumentError for an assertion that can never hold."""
    return errors.InvalidArgumentError(None, None, message)
