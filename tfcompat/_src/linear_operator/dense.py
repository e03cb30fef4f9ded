"""Operators given by their elements: a full matrix, a diagonal, a triangle."""

from __future__ import annotations

from ..declare import export
from .base import LinearOperator
from .parts import (
    adjoint_if,
    asserts,
    broadcast_dynamic,
    conj,
    held,
    no_zero_modulus,
    nothing,
    of_batch,
    real,
    tensor,
    tf,
)


def _check_rank(x, least, name):
    if x.shape.rank is not None and x.shape.rank < least:
        raise ValueError(f"Argument `{name}` must have at least {least} dimensions. Found: {x}")


class _OfMatrix(LinearOperator):
    """What the operators with an argument of their own shape share."""

    def _shape(self):
        return self._elements.shape

    def _shape_tensor(self):
        return tf.shape(self._elements)


@export("linalg.LinearOperatorFullMatrix")
class LinearOperatorFullMatrix(_OfMatrix):
    """The operator of a matrix [..., n, m]."""

    _event_dims = {"matrix": 2}

    def __init__(self, matrix, is_non_singular=None, is_self_adjoint=None, is_positive_definite=None, is_square=None,
                 name="LinearOperatorFullMatrix"):  # fmt: skip
        self._elements = held(matrix, name="matrix")
        _check_rank(self._elements, 2, "matrix")
        super().__init__(self._elements.dtype, None, is_non_singular, is_self_adjoint, is_positive_definite, is_square,
                         name)  # fmt: skip

    matrix = property(lambda self: self._elements, doc="The matrix.")

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        return tf.matmul(tensor(self._elements), x, adjoint_a=adjoint, adjoint_b=adjoint_arg)

    def _to_dense(self):
        return tensor(self._elements)


@export("linalg.LinearOperatorLowerTriangular")
class LinearOperatorLowerTriangular(_OfMatrix):
    """The operator of the lower triangle of a matrix [..., n, n]; what is above it is not read."""

    _event_dims = {"tril": 2}

    def __init__(self, tril, is_non_singular=None, is_self_adjoint=None, is_positive_definite=None, is_square=None,
                 name="LinearOperatorLowerTriangular"):  # fmt: skip
        if is_square is False:
            raise ValueError("Only square lower triangular operators supported at this time.")
        self._elements = held(tril, name="tril")
        _check_rank(self._elements, 2, "tril")
        super().__init__(self._elements.dtype, None, is_non_singular, is_self_adjoint, is_positive_definite, True, name)

    tril = property(lambda self: self._elements, doc="The matrix whose lower triangle counts.")

    def _lower(self):
        return tf.linalg.band_part(tensor(self._elements), -1, 0)

    def _assert_non_singular(self):
        message = "Singular operator:  Diagonal contained zero values."
        return no_zero_modulus(tf.linalg.diag_part(tensor(self._elements)), message)

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        return tf.matmul(self._lower(), x, adjoint_a=adjoint, adjoint_b=adjoint_arg)

    def _solve(self, rhs, adjoint=False, adjoint_arg=False):
        rhs = adjoint_if(rhs, adjoint_arg)
        return tf.linalg.triangular_solve(tensor(self._elements), rhs, lower=True, adjoint=adjoint)

    def _determinant(self):
        return tf.reduce_prod(self._diag_part(), axis=-1)

    def _log_abs_determinant(self):
        return tf.reduce_sum(tf.math.log(_modulus(self._diag_part())), axis=-1)

    def _to_dense(self):
        return self._lower()

    def _diag_part(self):
        return tf.linalg.diag_part(tensor(self._elements))

    def _eigvals(self):
        return self._diag_part()


def _modulus(x):
    """|x| in x's dtype."""
    return tf.cast(tf.abs(x), x.dtype)


@export("linalg.LinearOperatorDiag")
class LinearOperatorDiag(LinearOperator):
    """The operator of a diagonal [..., n]."""

    _event_dims = {"diag": 1}

    def __init__(self, diag, is_non_singular=None, is_self_adjoint=None, is_positive_definite=None, is_square=None,
                 name="LinearOperatorDiag"):  # fmt: skip
        self._diag = held(diag, name="diag")
        _check_rank(self._diag, 1, "diag")
        if not self._diag.dtype.is_complex:
            if is_self_adjoint is False:
                raise ValueError("A real diagonal operator is always self adjoint.")
            is_self_adjoint = True
        if is_square is False:
            raise ValueError("Only square diagonal operators currently supported.")
        super().__init__(self._diag.dtype, None, is_non_singular, is_self_adjoint, is_positive_definite, True, name)

    diag = property(lambda self: self._diag, doc="The diagonal.")

    def _shape(self):
        shape = self._diag.shape
        return shape.concatenate(shape[-1:])

    def _shape_tensor(self):
        shape = tf.shape(self._diag)
        return tf.concat([shape, shape[-1:]], 0)

    def _assert_non_singular(self):
        return no_zero_modulus(self._diag, "Singular operator:  Diagonal contained zero values.")

    def _assert_positive_definite(self):
        message = "This diagonal operator contained non-positive real values.  Thus it was not positive definite."
        return asserts("positive")(real(tensor(self._diag)), message=message)

    def _assert_self_adjoint(self):
        if not self.dtype.is_complex:
            return nothing()
        imaginary = tf.math.imag(tensor(self._diag))
        message = "This diagonal operator contained non-zero imaginary values.  Thus it was not self-adjoint."
        return asserts("equal")(tf.zeros_like(imaginary), imaginary, message=message)

    def _column(self, adjoint):
        diag = tensor(self._diag)
        return (conj(diag) if adjoint else diag)[..., None]

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        return self._column(adjoint) * adjoint_if(x, adjoint_arg)

    def _matvec(self, x, adjoint=False):
        return self._column(adjoint)[..., 0] * x

    def _solve(self, rhs, adjoint=False, adjoint_arg=False):
        return adjoint_if(rhs, adjoint_arg) / self._column(adjoint)

    def _determinant(self):
        return tf.reduce_prod(tensor(self._diag), axis=[-1])

    def _log_abs_determinant(self):
        return tf.reduce_sum(tf.math.log(_modulus(tensor(self._diag))), axis=[-1])

    def _to_dense(self):
        return tf.linalg.diag(tensor(self._diag))

    def _diag_part(self):
        return tensor(self._diag)

    def _add_to_tensor(self, x):
        batch = broadcast_dynamic(self.batch_shape_tensor(), tf.shape(x)[:-2])
        x = x if x.shape[:-2].is_fully_defined() and x.shape[:-2] == self.batch_shape else of_batch(x, batch)
        return tf.linalg.set_diag(x, tf.linalg.diag_part(x) + tensor(self._diag))

    def _eigvals(self):
        return tensor(self._diag)

    def _cond(self):
        modulus = tf.abs(tensor(self._diag))
        return tf.reduce_max(modulus, axis=-1) / tf.reduce_min(modulus, axis=-1)

    def _linop_adjoint(self):
        return LinearOperatorDiag(conj(tensor(self._diag)), **self._hints())

    def _linop_inverse(self):
        return LinearOperatorDiag(1 / tensor(self._diag), **self._hints())

    def _linop_cholesky(self):
        return LinearOperatorDiag(
            tf.sqrt(tensor(self._diag)), is_non_singular=True, is_self_adjoint=True, is_positive_definite=True,
            is_square=True,
        )  # fmt: skip
