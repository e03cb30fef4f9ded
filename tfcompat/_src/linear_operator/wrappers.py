"""Operators of other operators: adjoint, inverse; and those given by a rule: permutations, reflections, three diagonals."""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import OPS, export
from .base import LinearOperator
from .parts import (
    adjoint_if,
    asserts,
    broadcast_dynamic,
    broadcast_static,
    conj,
    constant_of,
    group,
    held,
    nothing,
    tensor,
    tf,
)

_CONTRADICTION = "The operator was set {0}, but hint_value was {1}"


def _inherited(operator, name, given):
    """A hint of an operator made from another.  Raises ValueError where what was given contradicts."""
    own = getattr(operator, name)
    if None not in (own, given) and own != given:
        raise ValueError(_CONTRADICTION.format(f"{name}={own}", given))
    return own if given is None else given


class _OfOne(LinearOperator):
    """What adjoint and inverse share."""

    _event_dims = {"operator": 0}
    _suffix = ""

    def _take(self, operator, is_non_singular, is_self_adjoint, is_positive_definite, is_square, name):
        self._operator = operator
        names = ("is_non_singular", "is_self_adjoint", "is_positive_definite", "is_square")
        given = (is_non_singular, is_self_adjoint, is_positive_definite, is_square)
        hints = {n: _inherited(operator, n, g) for n, g in zip(names, given)}
        LinearOperator.__init__(self, operator.dtype, name=name or operator.name + self._suffix, **hints)

    operator = property(lambda self: self._operator, doc="The operator this one is made from.")

    def _assert_non_singular(self):
        return self._operator.assert_non_singular()

    def _assert_positive_definite(self):
        return self._operator.assert_positive_definite()

    def _assert_self_adjoint(self):
        return self._operator.assert_self_adjoint()


@export("linalg.LinearOperatorAdjoint")
class LinearOperatorAdjoint(_OfOne):
    """The adjoint of an operator."""

    _suffix = "_adjoint"

    def __init__(self, operator, is_non_singular=None, is_self_adjoint=None, is_positive_definite=None, is_square=None,
                 name=None):  # fmt: skip
        self._take(operator, is_non_singular, is_self_adjoint, is_positive_definite, is_square, name)

    def _shape(self):
        shape = self._operator.shape
        return shape if shape.rank is None else shape[:-2].concatenate([shape[-1], shape[-2]])

    def _shape_tensor(self):
        shape = self._operator.shape_tensor()
        return tf.concat([shape[:-2], [shape[-1], shape[-2]]], 0)

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        return self._operator.matmul(x, adjoint=not adjoint, adjoint_arg=adjoint_arg)

    def _matvec(self, x, adjoint=False):
        return self._operator.matvec(x, adjoint=not adjoint)

    def _solve(self, rhs, adjoint=False, adjoint_arg=False):
        return self._operator.solve(rhs, adjoint=not adjoint, adjoint_arg=adjoint_arg)

    def _solvevec(self, rhs, adjoint=False):
        return self._operator.solvevec(rhs, adjoint=not adjoint)

    def _determinant(self):
        return conj(self._operator.determinant())

    def _log_abs_determinant(self):
        return self._operator.log_abs_determinant()

    def _trace(self):
        return conj(self._operator.trace())

    def _diag_part(self):
        return conj(self._operator.diag_part())

    def _to_dense(self):
        return tf.linalg.adjoint(self._operator.to_dense())

    def _eigvals(self):
        return conj(self._operator.eigvals())

    def _cond(self):
        return self._operator.cond()

    def _linop_adjoint(self):
        return self._operator


@export("linalg.LinearOperatorInversion")
class LinearOperatorInversion(_OfOne):
    """The inverse of an operator: its products are the operator's solutions."""

    _suffix = "_inv"

    def __init__(self, operator, is_non_singular=None, is_self_adjoint=None, is_positive_definite=None, is_square=None,
                 name=None):  # fmt: skip
        if operator.is_square is False or is_square is False:
            raise ValueError("Inverse is only for square operators.")
        if operator.is_non_singular is False or is_non_singular is False:
            raise ValueError(f"Operator and supplied hints must have `is_non_singular` True or None: {operator.name}")
        self._take(operator, True, is_self_adjoint, is_positive_definite, is_square, name)

    def _shape(self):
        return self._operator.shape

    def _shape_tensor(self):
        return self._operator.shape_tensor()

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        return self._operator.solve(x, adjoint=adjoint, adjoint_arg=adjoint_arg)

    def _solve(self, rhs, adjoint=False, adjoint_arg=False):
        return self._operator.matmul(rhs, adjoint=adjoint, adjoint_arg=adjoint_arg)

    def _determinant(self):
        return 1 / self._operator.determinant()

    def _log_abs_determinant(self):
        return -1 * self._operator.log_abs_determinant()

    def _eigvals(self):
        return 1 / self._operator.eigvals()

    def _cond(self):
        return self._operator.cond()

    def _linop_inverse(self):
        return self._operator


@export("linalg.LinearOperatorPermutation")
class LinearOperatorPermutation(LinearOperator):
    """Row i of A x is row perm[..., i] of x."""

    _event_dims = {"perm": 1}

    def __init__(self, perm, dtype=dtypes.float32, is_non_singular=None, is_self_adjoint=None,
                 is_positive_definite=None, is_square=None, name="LinearOperatorPermutation"):  # fmt: skip
        self._perm = held(perm, name="perm")
        if self._perm.shape.rank == 0:
            raise ValueError(f"Argument `perm` must have at least 1 dimension. Received: {self._perm}.")
        if not self._perm.dtype.is_integer:
            raise TypeError(f"Argument `perm` must be integer dtype. Received: {self._perm}.")
        known = constant_of(self._perm)
        if known is not None and (np.sort(known, -1) != np.arange(known.shape[-1])).any():
            raise ValueError(f"Argument `perm` must be a vector of unique integers from 0 to {known.shape[-1] - 1}.")
        for given, said in ((is_non_singular, "non-singular"), (is_square, "square")):
            if given is False:
                raise ValueError(f"A Permutation operator is always {said}. Received: {given}.")
        super().__init__(dtype, None, True, is_self_adjoint, is_positive_definite, True, name)

    perm = property(lambda self: self._perm, doc="The permutation(s).")

    def _shape(self):
        return self._perm.shape.concatenate(self._perm.shape[-1:])

    def _shape_tensor(self):
        shape = tf.shape(self._perm)
        return tf.concat([shape, shape[-1:]], 0)

    def _assert_non_singular(self):
        return nothing()

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        perm, x = tensor(self._perm), adjoint_if(x, adjoint_arg)
        if adjoint and not self.is_self_adjoint:
            perm = tf.argsort(perm, axis=-1)
        rows = broadcast_dynamic(tf.shape(x)[:-1], tf.shape(perm))
        x = tf.broadcast_to(x, tf.concat([rows, tf.shape(x)[-1:]], 0))
        perm = tf.broadcast_to(perm, rows)
        flat = tf.reshape(x, tf.concat([[-1], tf.shape(x)[-2:]], 0))
        moved = tf.gather(flat, tf.reshape(perm, tf.concat([[-1], rows[-1:]], 0)), axis=1, batch_dims=1)
        return tf.reshape(moved, tf.shape(x))

    def _solve(self, rhs, adjoint=False, adjoint_arg=False):
        return self._matmul(rhs, not adjoint, adjoint_arg)

    def _log_abs_determinant(self):
        return tf.zeros(self.batch_shape_tensor(), self.dtype)

    def _places(self):
        return tf.range(tf.shape(self._perm)[-1])

    def _to_dense(self):
        return tf.cast(tf.equal(tf.cast(self._places(), self._perm.dtype), tensor(self._perm)[..., None]), self.dtype)

    def _diag_part(self):
        return tf.cast(tf.equal(tf.cast(self._places(), self._perm.dtype), tensor(self._perm)), self.dtype)

    def _cond(self):
        return tf.ones(self.batch_shape_tensor(), self.dtype)


@export("linalg.LinearOperatorHouseholder")
class LinearOperatorHouseholder(LinearOperator):
    """The reflection at the hyperplane orthogonal to `reflection_axis` [..., n]."""

    _event_dims = {"reflection_axis": 1}

    def __init__(self, reflection_axis, is_non_singular=None, is_self_adjoint=None, is_positive_definite=None,
                 is_square=None, name="LinearOperatorHouseholder"):  # fmt: skip
        self._axis = held(reflection_axis, name="reflection_axis")
        if self._axis.shape.rank == 0:
            raise ValueError(f"Argument reflection_axis must have at least 1 dimension.  Found: {self._axis}")
        for given, wrong, said in ((is_self_adjoint, False, "always self adjoint"), (is_square, False, "always square"),
                                   (is_non_singular, False, "always non-singular"),
                                   (is_positive_definite, True, "never positive definite")):  # fmt: skip
            if given is wrong:
                raise ValueError(f"A Householder operator is {said}.")
        super().__init__(self._axis.dtype, None, True, True, is_positive_definite, True, name)

    reflection_axis = property(lambda self: self._axis, doc="The vector(s) whose multiples change sign.")

    def _shape(self):
        return self._axis.shape.concatenate(self._axis.shape[-1:])

    def _shape_tensor(self):
        shape = tf.shape(self._axis)
        return tf.concat([shape, shape[-1:]], 0)

    def _assert_non_singular(self):
        return nothing()

    _assert_self_adjoint = _assert_non_singular

    def _assert_positive_definite(self):
        raise record.errors.InvalidArgumentError(None, None, "Householder operators are always non-positive definite.")

    def _unit(self):
        return tf.math.l2_normalize(tensor(self._axis), axis=-1)[..., None]

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        x, unit = adjoint_if(x, adjoint_arg), self._unit()
        return x - 2 * unit * tf.matmul(unit, x, adjoint_a=True)

    def _solve(self, rhs, adjoint=False, adjoint_arg=False):
        return self._matmul(rhs, adjoint, adjoint_arg)

    def _trace(self):
        n = tf.cast(tf.shape(self._axis)[-1] - 2, self.dtype)
        return n * tf.ones(self.batch_shape_tensor(), self.dtype)

    def _determinant(self):
        return -tf.ones(self.batch_shape_tensor(), self.dtype)

    def _log_abs_determinant(self):
        return tf.zeros(self.batch_shape_tensor(), self.dtype)

    def _to_dense(self):
        unit = self._unit()
        matrix = -2 * tf.matmul(unit, unit, adjoint_b=True)
        return tf.linalg.set_diag(matrix, 1 + tf.linalg.diag_part(matrix))

    def _diag_part(self):
        unit = self._unit()[..., 0]
        return 1 - 2 * unit * conj(unit)

    def _eigvals(self):
        ones = tf.ones_like(tensor(self._axis))
        return tf.concat([-ones[..., :1], ones[..., 1:]], -1)

    def _cond(self):
        return tf.ones(self.batch_shape_tensor(), self.dtype)

    def _linop_inverse(self):
        return self


@export("linalg.LinearOperatorTridiag")
class LinearOperatorTridiag(LinearOperator):
    """The operator of three diagonals: 'compact' [..., 3, n], a 'sequence' of three [..., n], or a 'matrix' [..., n, n]."""

    def __init__(self, diagonals, diagonals_format="compact", is_non_singular=None, is_self_adjoint=None,
                 is_positive_definite=None, is_square=None, name="LinearOperatorTridiag"):  # fmt: skip
        if diagonals_format not in ("compact", "matrix", "sequence"):
            raise ValueError(
                f"Argument `diagonals_format` must be one of compact, matrix, or sequence. Received : {diagonals_format}."
            )
        self._format = diagonals_format
        if diagonals_format == "sequence":
            self._diagonals = [held(d, name=f"diag_{i}") for i, d in enumerate(diagonals)]
            dtype = self._diagonals[0].dtype
        else:
            self._diagonals = held(diagonals, name="diagonals")
            dtype = self._diagonals.dtype
        super().__init__(dtype, None, is_non_singular, is_self_adjoint, is_positive_definite, is_square, name)

    diagonals = property(lambda self: self._diagonals, doc="The diagonals, as they were given.")
    diagonals_format = property(lambda self: self._format, doc="'compact', 'matrix' or 'sequence'.")

    @property
    def _event_dims(self):
        return {"diagonals": [1, 1, 1] if self._format == "sequence" else 2}

    def _parts(self, adjoint=False):
        """The diagonals [..., n] above, on and below the main one; the last above and the first below do not count."""
        if self._format == "sequence":
            above, middle, below = [tensor(d) for d in self._diagonals]
        else:
            all_three = tensor(self._diagonals)
            if self._format == "matrix":
                all_three = tf.linalg.diag_part(all_three, k=(-1, 1), align="LEFT_RIGHT")
            above, middle, below = [all_three[..., i, :] for i in range(3)]
        if adjoint:
            above, below = tf.roll(conj(below), -1, axis=-1), tf.roll(conj(above), 1, axis=-1)
            middle = conj(middle)
        return above, middle, below

    def _shape(self):
        if self._format == "matrix":
            return self._diagonals.shape
        if self._format == "compact":
            vectors = self._diagonals.shape[:-2].concatenate(self._diagonals.shape[-1:])
        else:
            batch = broadcast_static(*[d.shape[:-1] for d in self._diagonals])
            vectors = batch.concatenate(self._diagonals[1].shape[-1:])
        return vectors.concatenate(vectors[-1:])

    def _shape_tensor(self):
        parts = self._parts()
        batch = broadcast_dynamic(*[tf.shape(d)[:-1] for d in parts])
        n = tf.shape(parts[1])[-1]
        return tf.concat([batch, [n, n]], 0)

    def _assert_self_adjoint(self):
        above, middle, below = self._parts()
        checks = []
        if middle.dtype.is_complex:
            imaginary = tf.math.imag(middle)
            message = "This tridiagonal operator contained non-zero imaginary values on the diagonal."
            checks.append(asserts("equal")(tf.zeros_like(imaginary), imaginary, message=message))
        message = "This tridiagonal operator has non-conjugate subdiagonal and superdiagonal."
        checks.append(asserts("equal")(conj(below[..., 1:]), above[..., :-1], message=message))
        return group(checks)

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        return tf.linalg.tridiagonal_matmul(self._parts(adjoint), adjoint_if(x, adjoint_arg), "sequence")

    def _solve(self, rhs, adjoint=False, adjoint_arg=False):
        inputs = [*self._parts(adjoint), adjoint_if(rhs, adjoint_arg)]
        return record.call(OPS["TridiagonalSolve"], inputs, {"matrix": True}, None)

    def _diag_part(self):
        return tf.broadcast_to(self._parts()[1], self._sizes()[:-1])

    def _to_dense(self):
        if self._format == "matrix":
            return tensor(self._diagonals)
        parts = [tf.broadcast_to(d, self._sizes()[:-1]) for d in self._parts()]
        return tf.linalg.diag(tf.stack(parts, axis=-2), k=(-1, 1), align="LEFT_RIGHT")
