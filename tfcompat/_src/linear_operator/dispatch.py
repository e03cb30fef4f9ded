"""tf.linalg's functions on operators: `tf.linalg.det(operator)` is `operator.determinant()`, and so on."""

from __future__ import annotations

import functools

from ..declare import NAMES
from .base import LinearOperator


def _inverse(input, adjoint=False, name=None):  # TensorFlow's name
    inverse = input.inverse(name or "inverse")
    return inverse.adjoint() if adjoint else inverse


def _logdet(matrix, name=None):
    if matrix.is_positive_definite and matrix.is_self_adjoint:
        return matrix.log_abs_determinant(name or "log_abs_det")
    raise ValueError("Expected matrix to be self-adjoint positive definite.")


def _solve(matrix, rhs, adjoint=False, name=None):
    return matrix.solve(rhs, adjoint=adjoint, name=name or "solve")


def _by_method(method):
    def call(operator, *args, **kwargs):
        name = kwargs.get("name")
        return getattr(operator, method)(**({"name": name} if name else {}))

    return call


_WAYS = {
    "linalg.adjoint": _by_method("adjoint"),
    "linalg.cholesky": _by_method("cholesky"),
    "linalg.diag_part": _by_method("diag_part"),
    "linalg.det": _by_method("determinant"),
    "linalg.trace": _by_method("trace"),
    "linalg.inv": _inverse,
    "linalg.logdet": _logdet,
    "linalg.solve": _solve,
}


def _taking_operators(function, way):
    @functools.wraps(function)
    def either(*args, **kwargs):
        first = args[0] if args else next(iter(kwargs.values()), None)
        if isinstance(first, LinearOperator):
            return way(*args, **kwargs)
        return function(*args, **kwargs)

    return either


def _publish():
    for dotted, way in _WAYS.items():
        function = NAMES["v2"][dotted]
        either = _taking_operators(function, way)
        for face in NAMES.values():
            for name, thing in face.items():
                if thing is function:
                    face[name] = either


_publish()
