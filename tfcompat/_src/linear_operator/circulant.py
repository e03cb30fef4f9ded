"""Operators that Fourier transforms make diagonal: circulant ones of one to three dimensions, and Toeplitz matrices."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..declare import export
from .base import LinearOperator
from .parts import (
    adjoint_if,
    asserts,
    broadcast_dynamic,
    broadcast_static,
    conj,
    held,
    no_zero_modulus,
    nothing,
    real,
    tensor,
    tf,
)


def _complex(x):
    """Real numbers as complex ones of their precision."""
    if x.dtype.is_complex:
        return x
    return tf.cast(x, {"float64": dtypes.complex128}.get(x.dtype.name, dtypes.complex64))


class _Circulant(LinearOperator):
    """What circulant operators share: the spectrum [..., n] is the transform of the first column."""

    _depth = 1

    def _take(self, spectrum, input_output_dtype, non_singular, self_adjoint, positive_definite, square, name):
        self._spectrum = held(spectrum, name="spectrum")
        rank = self._spectrum.shape.rank
        if rank is not None and rank < self._depth:
            raise ValueError(f"Argument `spectrum` must have at least {self._depth} dimensions. Received: {spectrum}.")
        if not self._spectrum.dtype.is_complex:
            if self_adjoint is False:
                raise ValueError(
                    "A real spectrum always corresponds to a self-adjoint operator. Expected argument "
                    f"`is_self_adjoint` to be True. Received: {self_adjoint}."
                )
            self_adjoint = True
        if square is False:
            raise ValueError(
                "A [[nested] block] circulant operator is always square. Expected argument `is_square` to be True. "
                f"Received: {square}."
            )
        LinearOperator.__init__(
            self, input_output_dtype, None, non_singular, self_adjoint, positive_definite, True, name
        )

    spectrum = property(lambda self: self._spectrum, doc="The eigenvalues, arranged as the blocks are.")
    block_depth = property(lambda self: self._depth, doc="1, 2 or 3: how deep circulant blocks are nested.")
    block_shape = property(lambda self: self._spectrum.shape[-self._depth :], doc="The static shape of the blocks.")

    def block_shape_tensor(self):
        """The shape of the blocks as a tensor."""
        return tf.shape(self._spectrum)[-self._depth :]

    def _axes(self):
        return list(range(-self._depth, 0))

    def _shape(self):
        shape = self._spectrum.shape
        if shape.rank is None:
            return shape
        n = shape[-self._depth :].num_elements()
        return shape[: -self._depth].concatenate([n, n])

    def _shape_tensor(self):
        shape = tf.shape(self._spectrum)
        n = tf.reduce_prod(shape[-self._depth :])
        return tf.concat([shape[: -self._depth], [n, n]], 0)

    def _transform(self, x, inverse):
        suffix = "" if self._depth == 1 else f"{self._depth}d"
        return getattr(tf.signal, ("ifft" if inverse else "fft") + suffix)(_complex(x))

    def convolution_kernel(self, name="convolution_kernel"):
        """The first column, arranged as the blocks are."""
        with self._scope(name):
            return tf.cast(self._transform(tensor(self._spectrum), True), self.dtype)

    def assert_hermitian_spectrum(self, name="assert_hermitian_spectrum"):
        """An operation that raises InvalidArgumentError unless the spectrum is that of a real operator."""
        with self._scope(name):
            kernel = self.convolution_kernel()
            imaginary = tf.abs(tf.math.imag(kernel)) if kernel.dtype.is_complex else tf.zeros_like(kernel)
            limit = tf.cast(self.domain_dimension_tensor(), imaginary.dtype) * np.finfo(imaginary.dtype.np).eps
            return asserts("less")(imaginary, limit, message="Spectrum was not Hermitian")

    def _assert_non_singular(self):
        return no_zero_modulus(self._spectrum, "Singular operator:  Spectrum contained zero values.")

    def _assert_positive_definite(self):
        message = "Not positive definite:  Real part of spectrum was not all positive."
        return asserts("positive")(real(tensor(self._spectrum)), message=message)

    def _assert_self_adjoint(self):
        if not self._spectrum.dtype.is_complex:
            return nothing()
        imaginary = tf.math.imag(tensor(self._spectrum))
        message = "Not self-adjoint:  The spectrum contained non-zero imaginary part."
        return asserts("equal")(tf.zeros_like(imaginary), imaginary, message=message)

    def _filtered(self, x, adjoint, adjoint_arg, change):
        """`change(transform of x, spectrum)` transformed back, for matrices x."""
        spectrum = _complex(tensor(self._spectrum))
        spectrum = conj(spectrum) if adjoint else spectrum
        rows = tf.linalg.matrix_transpose(tf.cast(adjoint_if(x, adjoint_arg), spectrum.dtype))
        sizes = tf.shape(rows)
        blocks = self.block_shape_tensor()
        grid = tf.reshape(rows, tf.concat([sizes[:-1], blocks], 0))
        spectrum = tf.expand_dims(spectrum, -1 - self._depth)  # the same for each of the columns
        out = self._transform(change(self._transform(grid, False), spectrum), True)
        flat = tf.reshape(out, tf.concat([tf.shape(out)[: -self._depth], sizes[-1:]], 0))
        return tf.cast(tf.linalg.matrix_transpose(flat), self.dtype)

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        return self._filtered(x, adjoint, adjoint_arg, lambda grid, spectrum: grid * spectrum)

    def _solve(self, rhs, adjoint=False, adjoint_arg=False):
        return self._filtered(rhs, adjoint, adjoint_arg, lambda grid, spectrum: grid / spectrum)

    def _determinant(self):
        return tf.cast(tf.reduce_prod(tensor(self._spectrum), axis=self._axes()), self.dtype)

    def _log_abs_determinant(self):
        logs = tf.math.log(tf.abs(tensor(self._spectrum)))
        return tf.cast(tf.reduce_sum(logs, axis=self._axes()), self.dtype)

    def _trace(self):
        total = tf.reduce_sum(tensor(self._spectrum), axis=self._axes())
        return tf.cast(real(total) if self.is_self_adjoint or not self.dtype.is_complex else total, self.dtype)

    def _diag_part(self):
        n = tf.cast(self.domain_dimension_tensor(), self.dtype)
        return (self.trace() / n)[..., None] * tf.ones(self._sizes()[:-1], self.dtype)

    def _flat(self):
        spectrum = tensor(self._spectrum)
        return tf.reshape(spectrum, tf.concat([tf.shape(spectrum)[: -self._depth], [-1]], 0))

    def _eigvals(self):
        return self._flat()

    def _cond(self):
        modulus = tf.abs(self._flat())
        return tf.reduce_max(modulus, axis=-1) / tf.reduce_min(modulus, axis=-1)

    def _of_spectrum(self, spectrum, hints):
        return type(self)(spectrum, input_output_dtype=self.dtype, **hints)

    def _linop_adjoint(self):
        return self._of_spectrum(conj(tensor(self._spectrum)), self._hints())

    def _linop_inverse(self):
        return self._of_spectrum(1 / tensor(self._spectrum), {**self._hints(), "is_non_singular": True})


def _declare(depth, suffix, dimensions):
    name = f"LinearOperatorCirculant{suffix}"

    class Circulant(_Circulant):
        _depth = depth
        _event_dims = {"spectrum": depth}

        def __init__(self, spectrum, input_output_dtype=dtypes.complex64, is_non_singular=None, is_self_adjoint=None,
                     is_positive_definite=None, is_square=True, name=name):  # fmt: skip
            self._take(spectrum, input_output_dtype, is_non_singular, is_self_adjoint, is_positive_definite, is_square,
                       name)  # fmt: skip

    Circulant.__name__ = Circulant.__qualname__ = name
    Circulant.__doc__ = f"The operator that convolves over {dimensions}, given by the transform of its first column."
    return export(f"linalg.{name}")(Circulant)


LinearOperatorCirculant = _declare(1, "", "one dimension")
LinearOperatorCirculant2D = _declare(2, "2D", "two dimensions")
LinearOperatorCirculant3D = _declare(3, "3D", "three dimensions")


@export("linalg.LinearOperatorToeplitz")
class LinearOperatorToeplitz(LinearOperator):
    """The operator with first column `col` [..., n] and first row `row` [..., n], constant along its diagonals."""

    _event_dims = {"col": 1, "row": 1}

    def __init__(self, col, row, is_non_singular=None, is_self_adjoint=None, is_positive_definite=None, is_square=None,
                 name="LinearOperatorToeplitz"):  # fmt: skip
        self._row, self._col = held(row, name="row"), held(col, name="col")
        for argument, value in (("col", self._col), ("row", self._row)):
            if value.shape.rank == 0:
                raise ValueError(f"Argument `{argument}` must have at least 1 dimension. Received: {value}")
        if is_square is False:
            raise ValueError("Only square Toeplitz operators currently supported.")
        super().__init__(self._row.dtype, None, is_non_singular, is_self_adjoint, is_positive_definite, True, name)

    col = property(lambda self: self._col, doc="The first column.")
    row = property(lambda self: self._row, doc="The first row.")

    def _shape(self):
        vector = broadcast_static(self._row.shape, self._col.shape)
        return vector.concatenate(vector[-1:])

    def _shape_tensor(self):
        vector = broadcast_dynamic(tf.shape(self._row), tf.shape(self._col))
        return tf.concat([vector, vector[-1:]], 0)

    def _assert_self_adjoint(self):
        message = "row and col are not the same, and so this operator is not self-adjoint."
        return asserts("equal")(tensor(self._row), tensor(self._col), message=message)

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        # A circulant matrix of twice the size has this one in its corner.
        row, col, x = tensor(self._row), tensor(self._col), adjoint_if(x, adjoint_arg)
        row, col = [tf.broadcast_to(v, self._sizes()[:-1]) for v in (row, col)]
        first = tf.concat([col, tf.zeros_like(col[..., :1]), tf.reverse(row[..., 1:], axis=[-1])], -1)
        spectrum = tf.signal.fft(_complex(first))[..., None, :]
        spectrum = conj(spectrum) if adjoint else spectrum
        rows = _complex(tf.linalg.matrix_transpose(x))
        n = tf.shape(rows)[-1]
        rows = tf.concat([rows, tf.zeros_like(rows)], -1)
        out = tf.signal.ifft(tf.signal.fft(rows) * spectrum)[..., :n]
        return tf.cast(tf.linalg.matrix_transpose(out), self.dtype)

    def _trace(self):
        return tf.cast(self.domain_dimension_tensor(), self.dtype) * tf.broadcast_to(
            tensor(self._col)[..., 0], self.batch_shape_tensor()
        )

    def _diag_part(self):
        return tf.broadcast_to(tensor(self._col)[..., :1], self._sizes()[:-1])

    def _to_dense(self):
        row, col = [tf.broadcast_to(tensor(v), self._sizes()[:-1]) for v in (self._row, self._col)]
        n = tf.shape(col)[-1]
        values = tf.concat([col, row[..., 1:]], -1)  # the element (i, j) is col[i - j], or row[j - i]
        distance = tf.range(n)[:, None] - tf.range(n)[None, :]
        return tf.gather(values, tf.where(distance >= 0, distance, n - 1 - distance), axis=-1)
