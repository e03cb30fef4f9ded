"""LinearOperator: a matrix, or a batch of them, known by what it does to vectors.

A class says what its matrix is by `_shape`, `_matmul` and whatever it can do better than by way of the dense matrix:
`_solve`, `_to_dense`, `_determinant`, `_diag_part`, ….  The public methods check, open a name scope and call those.
"""

from __future__ import annotations

import functools

import numpy as np

from .. import dtypes, nest, record
from ..declare import export
from ..module import Module
from ..ops.matrix_solve import solve_any_batch
from ..scopes import name_scope
from ..shapes import Dimension
from .parts import adjoint_if, asserts, is_reference, real, tensor, tf


# -- the class --------------------------------------------------------------------------------------------------------
def _remember_arguments(init):
    """`init`, keeping what it was given as `parameters`."""
    code = init.__code__
    names = code.co_varnames[1 : code.co_argcount]
    defaults = dict(zip(reversed(names), reversed(init.__defaults__ or ())))

    @functools.wraps(init)
    def remembering(self, *args, **kwargs):
        if "_arguments" not in self.__dict__:
            self.__dict__["_arguments"] = {**{k: defaults.get(k) for k in names}, **dict(zip(names, args)), **kwargs}
        init(self, *args, **kwargs)

    return remembering


@export("linalg.LinearOperator")
class LinearOperator(Module):
    """Base class of operators with `shape` [..., n, m]; subclasses define `_shape`, `_shape_tensor` and `_matmul`.

    The hints is_* say what is known of the matrix: True, False or None; they choose methods and are not checked, unless
    they contradict one another: ValueError.
    """

    _event_dims: dict = {}  # argument -> how many of its last dimensions belong to one matrix

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            cls.__init__ = _remember_arguments(cls.__init__)

    def __init__(self, dtype, graph_parents=None, is_non_singular=None, is_self_adjoint=None, is_positive_definite=None,
                 is_square=None, name=None, parameters=None):  # fmt: skip
        if is_positive_definite:
            if is_non_singular is False:
                raise ValueError("A positive definite matrix is always non-singular.")
            is_non_singular = True
        if is_non_singular:
            if is_square is False:
                raise ValueError("A non-singular matrix is always square.")
            is_square = True
        if is_self_adjoint:
            if is_square is False:
                raise ValueError("A self-adjoint matrix is always square.")
            is_square = True
        for i, parent in enumerate(graph_parents or ()):
            if parent is None or not (is_reference(parent) or isinstance(parent, record.Tensor)):
                raise ValueError(f"Graph parent item {i} is not a Tensor; {parent}.")
        self._graph_parents = list(graph_parents or ())
        self._dtype = dtypes.as_dtype(dtype).base_dtype if dtype else dtype
        self._square_hint, self._is_non_singular = is_square, is_non_singular
        self._is_self_adjoint, self._is_positive_definite = is_self_adjoint, is_positive_definite
        if parameters is not None or "_arguments" not in self.__dict__:
            self._arguments = dict(parameters or {})
        self._name = name or type(self).__name__

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)  # arguments stay what the caller gave, lists included

    def _scope(self, name):
        return name_scope(f"{self._name}/{name}")

    # -- facts --------------------------------------------------------------------------------------------------------
    parameters = property(lambda self: dict(self._arguments), doc="What the operator was made with, by name.")
    dtype = property(lambda self: self._dtype, doc="The dtype of the matrix.")
    name = property(lambda self: self._name, doc="The name given.")
    graph_parents = property(lambda self: self._graph_parents, doc="Deprecated: what was given as such.")
    is_non_singular = property(lambda self: self._is_non_singular, doc="Whether the matrix has an inverse, or None.")
    is_self_adjoint = property(lambda self: self._is_self_adjoint, doc="Whether it is its own adjoint, or None.")
    is_positive_definite = property(
        lambda self: self._is_positive_definite, doc="Whether x^H A x has a positive real part, or None."
    )

    @property
    def is_square(self):
        """Whether the matrix is square, or None.  Raises ValueError where the hint says no and the shape yes."""
        rows, columns = self.range_dimension.value, self.domain_dimension.value
        equal = None if rows is None or columns is None else rows == columns
        if self._square_hint is False and equal:
            raise ValueError("User set is_square hint to False, but the operator was square.")
        return equal if self._square_hint is None else self._square_hint

    @property
    def shape(self):
        """The static shape [..., range_dimension, domain_dimension], a TensorShape."""
        return self._shape()

    batch_shape = property(lambda self: self.shape[:-2], doc="The static shape of the batch, a TensorShape.")
    tensor_rank = property(lambda self: self.shape.rank, doc="The rank of the dense tensor, or None.")

    @property
    def domain_dimension(self):
        """The number of columns, a Dimension."""
        return Dimension(None) if self.shape.rank is None else self.shape.dims[-1]

    @property
    def range_dimension(self):
        """The number of rows, a Dimension."""
        return Dimension(None) if self.shape.rank is None else self.shape.dims[-2]

    def _sizes(self):
        if self.shape.is_fully_defined():
            return record.convert_to_tensor(np.array(self.shape.as_list(), np.int32))
        return self._shape_tensor()

    def shape_tensor(self, name="shape_tensor"):
        """The shape as a tensor."""
        with self._scope(name):
            return self._sizes()

    def batch_shape_tensor(self, name="batch_shape_tensor"):
        """The shape of the batch as a tensor."""
        with self._scope(name):
            if self.batch_shape.is_fully_defined():
                return record.convert_to_tensor(np.array(self.batch_shape.as_list(), np.int32))
            return self._shape_tensor()[:-2]

    def tensor_rank_tensor(self, name="tensor_rank_tensor"):
        """The rank of the dense tensor as a tensor."""
        with self._scope(name):
            return (
                record.convert_to_tensor(self.tensor_rank) if self.tensor_rank is not None else tf.size(self._sizes())
            )

    def domain_dimension_tensor(self, name="domain_dimension_tensor"):
        """The number of columns as a tensor."""
        with self._scope(name):
            known = self.domain_dimension.value
            return self._shape_tensor()[-1] if known is None else record.convert_to_tensor(known)

    def range_dimension_tensor(self, name="range_dimension_tensor"):
        """The number of rows as a tensor."""
        with self._scope(name):
            known = self.range_dimension.value
            return self._shape_tensor()[-2] if known is None else record.convert_to_tensor(known)

    # -- assertions ---------------------------------------------------------------------------------------------------
    def assert_non_singular(self, name="assert_non_singular"):
        """An operation that raises InvalidArgumentError where the matrix has no inverse."""
        with self._scope(name):
            return self._assert_non_singular()

    def assert_positive_definite(self, name="assert_positive_definite"):
        """An operation that raises InvalidArgumentError where the matrix is not positive definite."""
        with self._scope(name):
            return self._assert_positive_definite()

    def assert_self_adjoint(self, name="assert_self_adjoint"):
        """An operation that raises InvalidArgumentError where the matrix is not its own adjoint."""
        with self._scope(name):
            return self._assert_self_adjoint()

    def _assert_non_singular(self):
        if self._can_use_cholesky():
            return self.assert_positive_definite()
        values = real(tf.linalg.svd(self.to_dense(), compute_uv=False))
        condition = tf.reduce_max(values, axis=-1) / tf.reduce_min(values, axis=-1)
        size = max(100, *[d.value or 0 for d in (self.range_dimension, self.domain_dimension)])
        limit = np.asarray(1 / (np.finfo(self.dtype.np).eps * size), condition.dtype.np)
        return asserts("less")(condition, limit, message="Singular matrix up to precision epsilon.")

    def _assert_positive_definite(self):
        if not self.is_self_adjoint:
            raise NotImplementedError("assert_positive_definite is not implemented.")
        root = real(tf.linalg.diag_part(tf.linalg.cholesky(self.to_dense())))
        return asserts("positive")(root, message="Matrix was not positive definite.")

    def _assert_self_adjoint(self):
        dense = self.to_dense()
        return asserts("equal")(dense, tf.linalg.adjoint(dense), message="Matrix was not equal to its adjoint.")

    # -- products -----------------------------------------------------------------------------------------------------
    def _checked(self, x, dimension, axis, name="x"):
        x = record.convert_to_tensor(x, name=name)
        if x.dtype.base_dtype is not self.dtype:
            raise TypeError(f"Expected argument to have dtype {self.dtype}.  Found: {x.dtype} in tensor {x}.")
        if x.shape.rank is not None:
            dimension.assert_is_compatible_with(x.shape.dims[axis])
        return x

    def _pair(self, other, adjoint, adjoint_arg, name):
        left = self.adjoint() if adjoint else self
        right = other.adjoint() if adjoint_arg else other
        rows, columns = right.range_dimension.value, left.domain_dimension.value
        if None not in (rows, columns) and rows != columns:
            raise ValueError(
                f"Operators are incompatible. Expected `{name}` to have dimension {columns} but got {rows}."
            )
        return left, right

    def matmul(self, x, adjoint=False, adjoint_arg=False, name="matmul"):
        """A x, for matrices x [..., m, k] or another operator; `adjoint`: A^H x, `adjoint_arg`: A x^H.

        Raises TypeError for another dtype, ValueError for sizes that do not fit.
        """
        if isinstance(x, LinearOperator):
            left, right = self._pair(x, adjoint, adjoint_arg, "x")
            with self._scope(name):
                return left._linop_matmul(left, right)
        with self._scope(name):
            dimension = self.range_dimension if adjoint else self.domain_dimension
            x = self._checked(x, dimension, -1 if adjoint_arg else -2)
            return self._matmul(x, adjoint=adjoint, adjoint_arg=adjoint_arg)

    def __matmul__(self, other):
        return self.matmul(other)

    def _linop_matmul(self, left, right):
        from .algebra import product

        return product(left, right)

    def matvec(self, x, adjoint=False, name="matvec"):
        """A x, for vectors x [..., m]."""
        with self._scope(name):
            x = self._checked(x, self.range_dimension if adjoint else self.domain_dimension, -1)
            return self._matvec(x, adjoint=adjoint)

    def _matvec(self, x, adjoint=False):
        return tf.squeeze(self.matmul(x[..., None], adjoint=adjoint), axis=[-1])

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        raise NotImplementedError("_matmul is not implemented.")

    # -- solving ------------------------------------------------------------------------------------------------------
    def solve(self, rhs, adjoint=False, adjoint_arg=False, name="solve"):
        """The x with A x = rhs, for matrices rhs [..., n, k] or another operator.

        Raises NotImplementedError where A is known to be singular or not square.
        """
        if self.is_non_singular is False:
            raise NotImplementedError("Exact solve not implemented for an operator that is expected to be singular.")
        if self.is_square is False:
            raise NotImplementedError("Exact solve not implemented for an operator that is expected to not be square.")
        if isinstance(rhs, LinearOperator):
            left, right = self._pair(rhs, adjoint, adjoint_arg, "rhs")
            with self._scope(name):
                return left._linop_solve(left, right)
        with self._scope(name):
            dimension = self.domain_dimension if adjoint else self.range_dimension
            rhs = self._checked(rhs, dimension, -1 if adjoint_arg else -2, "rhs")
            return self._solve(rhs, adjoint=adjoint, adjoint_arg=adjoint_arg)

    def _linop_solve(self, left, right):
        from .algebra import quotient

        return quotient(left, right)

    def _solve(self, rhs, adjoint=False, adjoint_arg=False):
        return self._dense_solve(rhs, adjoint, adjoint_arg)

    def _dense_solve(self, rhs, adjoint=False, adjoint_arg=False):
        if self.is_square is False:
            raise NotImplementedError("Solve is not yet implemented for non-square operators.")
        rhs = adjoint_if(rhs, adjoint_arg)
        if self._can_use_cholesky():
            return tf.linalg.cholesky_solve(tf.linalg.cholesky(self.to_dense()), rhs)
        return solve_any_batch(self.to_dense(), rhs, adjoint)

    def solvevec(self, rhs, adjoint=False, name="solve"):
        """The x with A x = rhs, for vectors rhs [..., n]."""
        with self._scope(name):
            rhs = self._checked(rhs, self.domain_dimension if adjoint else self.range_dimension, -1, "rhs")
            return self._solvevec(rhs, adjoint=adjoint)

    def _solvevec(self, rhs, adjoint=False):
        return tf.squeeze(self.solve(rhs[..., None], adjoint=adjoint), axis=[-1])

    # -- operators of this one ----------------------------------------------------------------------------------------
    def adjoint(self, name="adjoint"):
        """A^H as an operator."""
        if self.is_self_adjoint is True:
            return self
        with self._scope(name):
            return self._linop_adjoint()

    H = property(adjoint, doc="A^H as an operator.")

    def inverse(self, name="inverse"):
        """The inverse as an operator.  Raises ValueError where A is known to have none."""
        if self.is_square is False:
            raise ValueError("Cannot take the Inverse: This operator represents a non square matrix.")
        if self.is_non_singular is False:
            raise ValueError("Cannot take the Inverse: This operator represents a singular matrix.")
        with self._scope(name):
            return self._linop_inverse()

    def cholesky(self, name="cholesky"):
        """The Cholesky factor as an operator.  Raises ValueError unless A is known to be positive definite and
        self-adjoint.
        """
        if not self._can_use_cholesky():
            raise ValueError("Cannot take the Cholesky decomposition: Not a positive definite self adjoint matrix.")
        with self._scope(name):
            return self._linop_cholesky()

    def _hints(self):
        return {
            "is_non_singular": self.is_non_singular,
            "is_self_adjoint": self.is_self_adjoint,
            "is_positive_definite": self.is_positive_definite,
            "is_square": self.is_square,
        }

    def _linop_adjoint(self):
        from .wrappers import LinearOperatorAdjoint

        return LinearOperatorAdjoint(self, **self._hints())

    def _linop_inverse(self):
        from .wrappers import LinearOperatorInversion

        return LinearOperatorInversion(self, **self._hints())

    def _linop_cholesky(self):
        from .dense import LinearOperatorLowerTriangular

        root = tf.linalg.cholesky(self.to_dense())
        return LinearOperatorLowerTriangular(root, is_non_singular=True, is_self_adjoint=False, is_square=True)

    # -- values -------------------------------------------------------------------------------------------------------
    def to_dense(self, name="to_dense"):
        """The matrix, a tensor of `shape`."""
        with self._scope(name):
            return self._to_dense()

    def _to_dense(self):
        columns = self.domain_dimension.value
        columns = self.domain_dimension_tensor() if columns is None else columns
        batch = self.batch_shape.as_list() if self.batch_shape.is_fully_defined() else self.batch_shape_tensor()
        return self.matmul(tf.eye(columns, batch_shape=batch, dtype=self.dtype))

    def _square_only(self):
        if self.is_square is False:
            raise NotImplementedError("Determinant not implemented for an operator that is expected to not be square.")

    def determinant(self, name="det"):
        """The determinant of each matrix.  Raises NotImplementedError where they are known not to be square."""
        self._square_only()
        with self._scope(name):
            return self._determinant()

    def _determinant(self):
        if self._can_use_cholesky():
            return tf.exp(self.log_abs_determinant())
        return tf.linalg.det(self.to_dense())

    def log_abs_determinant(self, name="log_abs_det"):
        """The log of the absolute value of the determinants, in the operator's dtype."""
        self._square_only()
        with self._scope(name):
            return self._log_abs_determinant()

    def _log_abs_determinant(self):
        if self._can_use_cholesky():
            root = tf.linalg.diag_part(tf.linalg.cholesky(self.to_dense()))
            return 2 * tf.reduce_sum(tf.math.log(root), axis=[-1])
        return tf.linalg.slogdet(self.to_dense())[1]

    def diag_part(self, name="diag_part"):
        """The main diagonals."""
        with self._scope(name):
            return self._diag_part()

    def _diag_part(self):
        return tf.linalg.diag_part(self.to_dense())

    def trace(self, name="trace"):
        """The sums of the main diagonals."""
        with self._scope(name):
            return self._trace()

    def _trace(self):
        return tf.reduce_sum(self.diag_part(), axis=-1)

    def add_to_tensor(self, x, name="add_to_tensor"):
        """A + x, a tensor."""
        with self._scope(name):
            x = record.convert_to_tensor(x, name="x")
            if x.dtype.base_dtype is not self.dtype:
                raise TypeError(f"Expected argument to have dtype {self.dtype}.  Found: {x.dtype} in tensor {x}.")
            return self._add_to_tensor(x)

    def _add_to_tensor(self, x):
        return self.to_dense() + x

    def eigvals(self, name="eigvals"):
        """The eigenvalues of a self-adjoint operator.  Raises NotImplementedError for others."""
        if not self.is_self_adjoint:
            raise NotImplementedError("Only self-adjoint matrices are supported.")
        with self._scope(name):
            return self._eigvals()

    def _eigvals(self):
        return tf.linalg.eigvalsh(self.to_dense())

    def cond(self, name="cond"):
        """The condition numbers: the largest singular value over the smallest."""
        with self._scope(name):
            return self._cond()

    def _cond(self):
        if self.is_self_adjoint:
            values = tf.abs(self._eigvals())
        else:
            values = real(tf.linalg.svd(self.to_dense(), compute_uv=False))
        return tf.reduce_max(values, axis=-1) / tf.reduce_min(values, axis=-1)

    def _can_use_cholesky(self):
        return self.is_self_adjoint and self.is_positive_definite

    # -- slices and structures ----------------------------------------------------------------------------------------
    def __getitem__(self, slices):
        slices = tuple(slices) if isinstance(slices, (tuple, list)) else (slices,)
        return self._sliced(slices, self.batch_shape, self.batch_shape_tensor())

    def _sliced(self, slices, batch_shape, batch_sizes):
        """This operator, repeated to a batch of that shape, `[slices]`."""
        changed = {
            name: _slice_of(self._arguments[name], slices, dims, batch_shape, batch_sizes)
            for name, dims in self._event_dims.items()
            if self._arguments.get(name) is not None
        }
        return type(self)(**{**self._arguments, **changed})


def _slice_of(argument, slices, dims, batch_shape, batch_sizes):
    """An argument of an operator sliced: repeated to the whole batch first where it broadcasts."""
    if isinstance(argument, LinearOperator):
        return argument._sliced(slices, batch_shape, batch_sizes)
    if isinstance(argument, (list, tuple)):
        dims = dims if isinstance(dims, (list, tuple)) else [dims] * len(argument)
        return [_slice_of(a, slices, d, batch_shape, batch_sizes) for a, d in zip(argument, dims, strict=True)]
    value = tensor(argument)
    own = value.shape if value.shape.rank is None else value.shape[: value.shape.rank - dims]
    if not (own.is_fully_defined() and batch_shape.is_fully_defined() and own == batch_shape):
        whole = tf.shape(value)
        value = tf.broadcast_to(value, tf.concat([batch_sizes, whole[tf.size(whole) - dims :]], 0))
    rest = () if Ellipsis in slices else (Ellipsis,)
    return value[(*slices, *rest, *[slice(None)] * dims)]


def _components(operator):
    """The tensors, variables and operators among the arguments, by name."""
    return {k: v for k, v in operator._arguments.items() if _has_tensors(v)}


def _has_tensors(value):
    if isinstance(value, (list, tuple)):
        return any(_has_tensors(v) for v in value)
    return isinstance(value, (record.Tensor, LinearOperator)) or is_reference(value)


nest.register_composite(
    LinearOperator, _components, lambda like, components: type(like)(**{**like._arguments, **components})
)
