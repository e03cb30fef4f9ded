"""The identity, its multiples, and zero: operators given by their sizes."""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import export
from ..shapes import TensorShape
from .base import LinearOperator
from .parts import (
    adjoint_if,
    asserts,
    broadcast_dynamic,
    conj,
    constant_of,
    held,
    nothing,
    of_batch,
    real,
    refuse_variable,
    sizes,
    tensor,
    tf,
    zero_operator_error,
)


class _BySize(LinearOperator):
    """What these operators share: `_rows`, `_columns` and `_batch` (None: no batch), each a tensor."""

    def _take_sizes(self, num_rows, num_columns=None, batch_shape=None, multiplier=None):
        for name, value in (("num_rows", num_rows), ("num_columns", num_columns), ("batch_shape", batch_shape)):
            refuse_variable(value, name)
        self._rows = self._size("num_rows", num_rows, 0)
        self._columns = self._rows if num_columns is None else self._size("num_columns", num_columns, 0)
        self._batch = None if batch_shape is None else self._size("batch_shape", batch_shape, 1)
        self._scalar = multiplier

    def _size(self, name, value, rank):
        value = sizes(value)
        if not value.dtype.is_integer:
            raise TypeError(f"Argument {name} must be integer type.  Found: {value}")
        known = constant_of(value)
        if known is not None and known.ndim != rank:
            raise ValueError(f"Argument {name} must be a {rank}-D Tensor.  Found: {known}")
        if known is not None and (known < 0).any():
            raise ValueError(f"Argument {name} must be non-negative.  Found: {known}")
        if self._assert_proper_shapes and known is None:
            from ..scopes import control_dependencies

            checks = [
                asserts("rank")(value, rank, message=f"Argument {name} must be a {rank}-D Tensor."),
                asserts("non_negative")(value, message=f"Argument {name} must be non-negative."),
            ]
            with control_dependencies([c for c in checks if c is not None]):
                value = tf.identity(value)
        return value

    def _static_batch(self):
        if self._scalar is not None:
            return self._scalar.shape
        if self._batch is None:
            return TensorShape([])
        known = constant_of(self._batch)
        if known is not None:
            return TensorShape(known.tolist())
        return TensorShape([None] * self._batch.shape[0] if self._batch.shape.rank and self._batch.shape[0] else None)

    def _shape(self):
        known = [constant_of(n) for n in (self._rows, self._columns)]
        return self._static_batch().concatenate([None if n is None else int(n) for n in known])

    def _batch_sizes(self):
        if self._scalar is not None:
            return tf.shape(self._scalar)
        return (
            record.convert_to_tensor(np.zeros(0, np.int32))
            if self._batch is None
            else tf.cast(self._batch, dtypes.int32)
        )

    def _shape_tensor(self):
        ends = tf.stack([tf.cast(n, dtypes.int32) for n in (self._rows, self._columns)])
        return tf.concat([self._batch_sizes(), ends], 0)

    def _diag_sizes(self):
        return tf.concat([self._batch_sizes(), [tf.reduce_min(self._sizes()[-2:])]], 0)

    def _in_batch(self, x):
        """x with the batch of this operator, too."""
        if self._batch is None or (x.shape[:-2].is_fully_defined() and x.shape[:-2] == self.batch_shape):
            return x
        return of_batch(x, broadcast_dynamic(tf.shape(x)[:-2], self._batch_sizes()))

    def _size_check(self, x):
        """x, after the assertion that its size fits where sizes were to be checked."""
        if not self._assert_proper_shapes:
            return x
        from ..scopes import control_dependencies

        message = "Dimensions are not compatible.  shape[-2] of argument to be the same as this operator"
        check = asserts("equal")(tf.shape(x)[-2], self.domain_dimension_tensor(), message=message)
        with control_dependencies([] if check is None else [check]):
            return tf.identity(x)

    def _sliced(self, slices, batch_shape, batch_sizes):
        return type(self)(**{**self._arguments, "batch_shape": tf.shape(tf.ones(batch_sizes)[slices])})


@export("linalg.LinearOperatorIdentity")
class LinearOperatorIdentity(_BySize):
    """The identity of `num_rows`, for each index of `batch_shape`."""

    _ones = True

    def __init__(self, num_rows, batch_shape=None, dtype=None, is_non_singular=True, is_self_adjoint=True,
                 is_positive_definite=True, is_square=True, assert_proper_shapes=False,
                 name="LinearOperatorIdentity"):  # fmt: skip
        for given, said in ((is_self_adjoint, "self adjoint"), (is_non_singular, "non-singular"),
                            (is_positive_definite, "positive-definite"), (is_square, "square")):  # fmt: skip
            if not given:
                raise ValueError(f"An identity operator is always {said}.")
        self._assert_proper_shapes = assert_proper_shapes
        super().__init__(dtype or dtypes.float32, None, True, True, True, True, name)
        self._take_sizes(num_rows, None, batch_shape)

    def _assert_non_singular(self):
        return nothing()

    _assert_positive_definite = _assert_self_adjoint = _assert_non_singular

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        return self._in_batch(self._size_check(adjoint_if(x, adjoint_arg)))

    def _solve(self, rhs, adjoint=False, adjoint_arg=False):
        return self._matmul(rhs, adjoint, adjoint_arg)

    def _determinant(self):
        return tf.ones(self.batch_shape_tensor(), self.dtype)

    def _log_abs_determinant(self):
        return tf.zeros(self.batch_shape_tensor(), self.dtype)

    def _trace(self):
        return tf.cast(self._rows, self.dtype) * tf.ones(self.batch_shape_tensor(), self.dtype)

    def _diag_part(self):
        return tf.ones(self._diag_sizes(), self.dtype)

    _eigvals = _diag_part
    _cond = _determinant

    def add_to_tensor(self, mat, name="add_to_tensor"):
        """I + mat, a tensor."""
        with self._scope(name):
            mat = self._in_batch(record.convert_to_tensor(mat, name="mat"))
            return tf.linalg.set_diag(mat, 1 + tf.linalg.diag_part(mat))

    def _linop_adjoint(self):
        return self

    _linop_inverse = _linop_cholesky = _linop_adjoint


@export("linalg.LinearOperatorScaledIdentity")
class LinearOperatorScaledIdentity(_BySize):
    """The identity of `num_rows` times `multiplier` [...], whose shape is that of the batch."""

    _event_dims = {"multiplier": 0}

    def __init__(self, num_rows, multiplier, is_non_singular=None, is_self_adjoint=None, is_positive_definite=None,
                 is_square=True, assert_proper_shapes=False, name="LinearOperatorScaledIdentity"):  # fmt: skip
        self._assert_proper_shapes = assert_proper_shapes
        multiplier = held(multiplier, name="multiplier")
        if not multiplier.dtype.is_complex:
            if is_self_adjoint is False:
                raise ValueError("A real diagonal operator is always self adjoint.")
            is_self_adjoint = True
        if not is_square:
            raise ValueError("A ScaledIdentity operator is always square.")
        super().__init__(multiplier.dtype, None, is_non_singular, is_self_adjoint, is_positive_definite, True, name)
        self._take_sizes(num_rows, multiplier=multiplier)

    multiplier = property(lambda self: self._scalar, doc="The number(s) on the diagonal.")
    _sliced = LinearOperator._sliced

    def _assert_non_singular(self):
        return asserts("positive")(tf.abs(tensor(self._scalar)), message="LinearOperator was singular")

    def _assert_positive_definite(self):
        return asserts("positive")(real(tensor(self._scalar)), message="LinearOperator was not positive definite.")

    def _assert_self_adjoint(self):
        if not self.dtype.is_complex:
            return nothing()
        imaginary = tf.math.imag(tensor(self._scalar))
        return asserts("equal")(tf.zeros_like(imaginary), imaginary, message="LinearOperator was not self-adjoint")

    def _factor(self, adjoint=False):
        scalar = tensor(self._scalar)
        return (conj(scalar) if adjoint else scalar)[..., None, None]

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        return self._size_check(adjoint_if(x, adjoint_arg)) * self._factor(adjoint)

    def _solve(self, rhs, adjoint=False, adjoint_arg=False):
        return self._size_check(adjoint_if(rhs, adjoint_arg)) / self._factor(adjoint)

    def _determinant(self):
        return tensor(self._scalar) ** tf.cast(self._rows, self.dtype)

    def _log_abs_determinant(self):
        modulus = tf.abs(tensor(self._scalar))
        return tf.cast(tf.cast(self._rows, modulus.dtype) * tf.math.log(modulus), self.dtype)

    def _trace(self):
        return tensor(self._scalar) * tf.cast(self._rows, self.dtype)

    def _diag_part(self):
        return tensor(self._scalar)[..., None] * tf.ones(self._diag_sizes(), self.dtype)

    _eigvals = _diag_part

    def _cond(self):
        return tf.ones(self.batch_shape_tensor(), self.dtype)

    def add_to_tensor(self, mat, name="add_to_tensor"):
        """The operator's matrix + mat, a tensor."""
        with self._scope(name):
            mat = record.convert_to_tensor(mat, name="mat")
            mat = of_batch(mat, broadcast_dynamic(tf.shape(mat)[:-2], self._batch_sizes()))
            return tf.linalg.set_diag(mat, tf.linalg.diag_part(mat) + tensor(self._scalar)[..., None])

    def _linop_adjoint(self):
        return LinearOperatorScaledIdentity(self._rows, conj(tensor(self._scalar)), **self._hints())

    def _linop_inverse(self):
        return LinearOperatorScaledIdentity(self._rows, 1 / tensor(self._scalar), **self._hints())

    def _linop_cholesky(self):
        root = tf.sqrt(tensor(self._scalar))
        return LinearOperatorScaledIdentity(self._rows, root, True, True, True, True)


@export("linalg.LinearOperatorZeros")
class LinearOperatorZeros(_BySize):
    """Zero, [*batch_shape, num_rows, num_columns]."""

    def __init__(self, num_rows, num_columns=None, batch_shape=None, dtype=None, is_non_singular=False,
                 is_self_adjoint=True, is_positive_definite=False, is_square=True, assert_proper_shapes=False,
                 name="LinearOperatorZeros"):  # fmt: skip
        if not is_self_adjoint and is_square:
            raise ValueError("A zero operator is always self adjoint.")
        if is_non_singular:
            raise ValueError("A zero operator is always singular.")
        if is_positive_definite:
            raise ValueError("A zero operator is always not positive-definite.")
        self._assert_proper_shapes = assert_proper_shapes
        super().__init__(dtype or dtypes.float32, None, False, is_self_adjoint, False, is_square, name)
        self._take_sizes(num_rows, num_columns, batch_shape)
        rows, columns = constant_of(self._rows), constant_of(self._columns)
        if is_square and None not in (rows, columns) and rows != columns:
            raise ValueError(
                f"LinearOperatorZeros initialized as is_square=True, but got num_rows({rows}) != num_columns({columns})"
            )

    def _assert_non_singular(self):
        raise zero_operator_error("Zero operators are always non-invertible.")

    def _assert_positive_definite(self):
        raise zero_operator_error("Zero operators are always non-positive definite.")

    def _assert_self_adjoint(self):
        return nothing()

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        x = self._size_check(adjoint_if(x, adjoint_arg))
        shape = tf.shape(x)
        rows = tf.cast(self._columns if adjoint else self._rows, dtypes.int32)
        zeros = tf.zeros(tf.concat([shape[:-2], [rows], shape[-1:]], 0), x.dtype)
        return self._in_batch(zeros)

    def _to_dense(self):
        return tf.zeros(self._sizes(), self.dtype)

    def _determinant(self):
        return tf.zeros(self.batch_shape_tensor(), self.dtype)

    _trace = _determinant

    def _diag_part(self):
        return tf.zeros(self._diag_sizes(), self.dtype)

    _eigvals = _diag_part

    def add_to_tensor(self, mat, name="add_to_tensor"):
        """mat, with the batch of this operator."""
        with self._scope(name):
            return self._in_batch(record.convert_to_tensor(mat, name="mat"))
