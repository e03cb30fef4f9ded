"""Operators made of several: products, Kronecker products, updates of low rank."""

from __future__ import annotations

import functools

from ..declare import export
from ..ops.matrix_solve import solve_any_batch
from .base import LinearOperator
from .parts import (
    adjoint_if,
    broadcast_dynamic,
    broadcast_static,
    conj,
    held,
    is_adjoint_pair,
    tensor,
    tf,
)


def all_of(operators, name, given, implied=True):
    """A hint of something made of operators: True where all of them have it."""
    if implied and all(getattr(o, name) for o in operators):
        if given is False:
            raise ValueError(f"The {name} hint contradicts that all operators have it.")
        return True
    return given


def checked_list(operators, said):
    operators = list(operators)
    if not operators:
        raise ValueError(f"Expected a non-empty list of operators. Found: {said}")
    for o in operators[1:]:
        if o.dtype is not operators[0].dtype:
            names = ", ".join(f"{p.name}: {p.dtype.name}" for p in operators)
            raise TypeError(f"Expected all operators to have the same dtype.  Found {names}")
    return operators


def batch_shape_of(operators):
    return broadcast_static(*[o.batch_shape for o in operators])


def batch_sizes_of(operators):
    return broadcast_dynamic(*[o.batch_shape_tensor() for o in operators])


def sum_of(values):
    return functools.reduce(lambda a, b: a + b, values)


def product_of(values):
    return functools.reduce(lambda a, b: a * b, values)


class OfSeveral(LinearOperator):
    """What these operators share."""

    _event_dims = {"operators": 0}

    operators = property(lambda self: self._operators, doc="The operators this one is made of.")

    def _start(self, operators, name, join, **hints):
        self._operators = operators
        LinearOperator.__init__(self, operators[0].dtype, name=name or join.join([o.name for o in operators]), **hints)


@export("linalg.LinearOperatorComposition")
class LinearOperatorComposition(OfSeveral):
    """The product of operators: the last one is applied first."""

    def __init__(self, operators, is_non_singular=None, is_self_adjoint=None, is_positive_definite=None, is_square=None,
                 name=None):  # fmt: skip
        operators = checked_list(operators, "operators")
        for a, b in zip(operators, operators[1:]):
            columns, rows = a.domain_dimension.value, b.range_dimension.value
            if None not in (columns, rows) and columns != rows:
                raise ValueError(f"Operators are incompatible: {a.name} has {columns} columns, {b.name} {rows} rows.")
        is_non_singular = all_of(operators, "is_non_singular", is_non_singular)
        half = len(operators) // 2
        pairs = zip(operators[:half], reversed(operators))
        if len(operators) % 2 == 0 and all(is_adjoint_pair(a, b) for a, b in pairs):  # A B B^H A^H
            if is_self_adjoint is None:
                is_self_adjoint = True
            if is_positive_definite is None and is_non_singular:
                is_positive_definite = True
        self._start(operators, name, "_o_", is_non_singular=is_non_singular, is_self_adjoint=is_self_adjoint,
                    is_positive_definite=is_positive_definite, is_square=all_of(operators, "is_square", is_square))  # fmt: skip

    def _shape(self):
        ends = [self._operators[0].range_dimension.value, self._operators[-1].domain_dimension.value]
        return batch_shape_of(self._operators).concatenate(ends)

    def _shape_tensor(self):
        ends = [self._operators[0].range_dimension_tensor(), self._operators[-1].domain_dimension_tensor()]
        return tf.concat([batch_sizes_of(self._operators), ends], 0)

    def _apply(self, method, x, order, adjoint, adjoint_arg):
        x = adjoint_if(x, adjoint_arg)
        for o in order:
            x = getattr(o, method)(x, adjoint=adjoint)
        return x

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        order = self._operators if adjoint else self._operators[::-1]
        return self._apply("matmul", x, order, adjoint, adjoint_arg)

    def _solve(self, rhs, adjoint=False, adjoint_arg=False):
        order = self._operators[::-1] if adjoint else self._operators
        return self._apply("solve", rhs, order, adjoint, adjoint_arg)

    def _parts_are_square(self):
        return all(o.is_square for o in self._operators)

    def _determinant(self):
        if not self._parts_are_square():
            return super()._determinant()
        return product_of([o.determinant() for o in self._operators])

    def _log_abs_determinant(self):
        if not self._parts_are_square():
            return super()._log_abs_determinant()
        return sum_of([o.log_abs_determinant() for o in self._operators])

    def _linop_adjoint(self):
        return LinearOperatorComposition([o.adjoint() for o in reversed(self._operators)], **self._hints())

    def _linop_inverse(self):
        if not self._parts_are_square():
            return super()._linop_inverse()
        hints = {**self._hints(), "is_non_singular": True}
        return LinearOperatorComposition([o.inverse() for o in reversed(self._operators)], **hints)


@export("linalg.LinearOperatorKronecker")
class LinearOperatorKronecker(OfSeveral):
    """The Kronecker product of operators."""

    def __init__(self, operators, is_non_singular=None, is_self_adjoint=None, is_positive_definite=None, is_square=None,
                 name=None):  # fmt: skip
        operators = checked_list(operators, "operators")
        hints = {"is_non_singular": is_non_singular, "is_self_adjoint": is_self_adjoint,
                 "is_positive_definite": is_positive_definite, "is_square": is_square}  # fmt: skip
        hints = {k: all_of(operators, k, v) for k, v in hints.items()}
        self._start(operators, name, "_x_", **hints)

    def _shape(self):
        ends = []
        for dimension in ("range_dimension", "domain_dimension"):
            known = [getattr(o, dimension).value for o in self._operators]
            ends.append(None if None in known else product_of(known))
        return batch_shape_of(self._operators).concatenate(ends)

    def _shape_tensor(self):
        rows = product_of([o.range_dimension_tensor() for o in self._operators])
        columns = product_of([o.domain_dimension_tensor() for o in self._operators])
        return tf.concat([batch_sizes_of(self._operators), [rows, columns]], 0)

    def _apply(self, method, x, adjoint, adjoint_arg):
        # The parts are applied one after the other, each to the dimension that comes first; that one then goes last, so
        # that in the end only the columns of x have to move.
        x = adjoint_if(x, adjoint_arg)
        columns = tf.shape(x)[-1:]
        for o in self._operators:
            takes = o.range_dimension_tensor() if adjoint == (method == "matmul") else o.domain_dimension_tensor()
            x = tf.reshape(x, tf.concat([tf.shape(x)[:-2], [takes, -1]], 0))
            x = tf.linalg.matrix_transpose(getattr(o, method)(x, adjoint=adjoint))
        x = tf.reshape(x, tf.concat([tf.shape(x)[:-2], columns, [-1]], 0))
        return tf.linalg.matrix_transpose(x)

    def _shaped(self, y, x, adjoint, adjoint_arg):
        """y with what is known of its shape."""
        if x.shape.rank is not None and self.shape.rank is not None:
            rows = self.domain_dimension.value if adjoint else self.range_dimension.value
            batch = broadcast_static(self.batch_shape, x.shape[:-2])
            y.set_shape(batch.concatenate([rows, x.shape[-2 if adjoint_arg else -1]]))
        return y

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        return self._shaped(self._apply("matmul", x, adjoint, adjoint_arg), x, adjoint, adjoint_arg)

    def _solve(self, rhs, adjoint=False, adjoint_arg=False):
        return self._shaped(self._apply("solve", rhs, adjoint, adjoint_arg), rhs, not adjoint, adjoint_arg)

    def _exponents(self):
        """How often each part's eigenvalues occur, in the dtype of the operator."""
        n = tf.cast(self.domain_dimension_tensor(), self.dtype)
        return [n / tf.cast(o.domain_dimension_tensor(), self.dtype) for o in self._operators]

    def _determinant(self):
        return product_of([o.determinant() ** e for o, e in zip(self._operators, self._exponents())])

    def _log_abs_determinant(self):
        return sum_of([o.log_abs_determinant() * e for o, e in zip(self._operators, self._exponents())])

    def _trace(self):
        return product_of([o.trace() for o in self._operators])

    def _outer(self, vectors):
        """The Kronecker product of vectors [..., n]."""
        out = vectors[0]
        for v in vectors[1:]:
            both = out[..., :, None] * v[..., None, :]
            out = tf.reshape(both, tf.concat([tf.shape(both)[:-2], [-1]], 0))
        return out

    def _diag_part(self):
        out = self._outer([o.diag_part() for o in self._operators])
        if self.is_square:
            out.set_shape(self.shape[:-1])
        return out

    def _to_dense(self):
        out = self._operators[0].to_dense()
        for o in self._operators[1:]:
            both = out[..., :, None, :, None] * o.to_dense()[..., None, :, None, :]
            shape = tf.shape(both)
            ends = [shape[-4] * shape[-3], shape[-2] * shape[-1]]
            out = tf.reshape(both, tf.concat([shape[:-4], ends], 0))
        out.set_shape(self.shape)
        return out

    def _eigvals(self):
        return self._outer([o.eigvals() for o in self._operators])

    def _of_parts(self, method):
        hints = self._hints()
        if method == "cholesky":
            hints = {"is_non_singular": True, "is_self_adjoint": None, "is_square": True}
        return LinearOperatorKronecker([getattr(o, method)() for o in self._operators], **hints)

    def _linop_adjoint(self):
        return self._of_parts("adjoint")

    def _linop_inverse(self):
        return self._of_parts("inverse")

    def _linop_cholesky(self):
        return self._of_parts("cholesky")


@export("linalg.LinearOperatorLowRankUpdate")
class LinearOperatorLowRankUpdate(LinearOperator):
    """L + U D V^H with an operator L [..., n, m], U [..., n, k], a diagonal D (default: ones) and V (default: U)."""

    _event_dims = {"base_operator": 0, "u": 2, "diag_update": 1, "v": 2}

    def __init__(self, base_operator, u, diag_update=None, v=None, is_diag_update_positive=None, is_non_singular=None,
                 is_self_adjoint=None, is_positive_definite=None, is_square=None,
                 name="LinearOperatorLowRankUpdate"):  # fmt: skip
        from .dense import LinearOperatorDiag
        from .identity import LinearOperatorIdentity

        dtype = base_operator.dtype
        if diag_update is not None:
            if is_diag_update_positive and dtype.is_complex:
                raise ValueError("is_diag_update_positive: the entries of a complex diagonal are not ordered.")
            self._diag_update = held(diag_update, dtype, "diag_update")
        else:
            is_diag_update_positive, self._diag_update = True, None
        self._base, self._u = base_operator, held(u, dtype, "u")
        self._v = self._u if v is None else held(v, dtype, "v")
        # U D U^H keeps a self-adjoint operator self-adjoint, and with a positive D a positive definite one.
        if v is None and base_operator.is_self_adjoint and not dtype.is_complex or (v is None and diag_update is None):
            is_self_adjoint = base_operator.is_self_adjoint if is_self_adjoint is None else is_self_adjoint
        if v is None and is_diag_update_positive and base_operator.is_positive_definite:
            for given, said in ((is_positive_definite, "is_positive_definite"), (is_self_adjoint, "is_self_adjoint")):
                if given is False:
                    raise ValueError(
                        f"{said}=False contradicts a positive definite base operator with a positive update."
                    )
            is_positive_definite = True
        self._positive_update = is_diag_update_positive
        super().__init__(dtype, None, is_non_singular, is_self_adjoint, is_positive_definite, is_square, name)
        self._diag = LinearOperatorDiag(self._diag_update, is_positive_definite=is_diag_update_positive) if (
            self._diag_update is not None
        ) else None  # fmt: skip
        if self._diag is None:
            rank = self._u.shape[-1] if self._u.shape.rank is not None else None
            size = tf.shape(tensor(self._u))[-1] if rank is None else rank
            self._diag = LinearOperatorIdentity(size, dtype=dtype)
        self._check_shapes()

    base_operator = property(lambda self: self._base, doc="L.")
    u = property(lambda self: self._u, doc="U.")
    v = property(lambda self: self._v, doc="V.")
    diag_update = property(lambda self: self._diag_update, doc="The diagonal D, None for ones.")
    diag_operator = property(lambda self: self._diag, doc="D as an operator.")
    is_diag_update_positive = property(lambda self: self._positive_update, doc="Whether all of D is positive, or None.")

    def _check_shapes(self):
        rows, columns = self._base.range_dimension, self._base.domain_dimension
        u, v = self._u.shape, self._v.shape
        if u.rank is not None:
            rows.assert_is_compatible_with(u.dims[-2])
        if v.rank is not None:
            columns.assert_is_compatible_with(v.dims[-2])
        if None not in (u.rank, v.rank):
            u.dims[-1].assert_is_compatible_with(v.dims[-1])
        if self._diag_update is not None and self._diag_update.shape.rank is not None and u.rank is not None:
            u.dims[-1].assert_is_compatible_with(self._diag_update.shape.dims[-1])

    def _use_cholesky(self):
        return self.is_self_adjoint and self.is_positive_definite and self._positive_update and self._v is self._u

    def _shape(self):
        batch = broadcast_static(self._base.batch_shape, self._diag.batch_shape, self._u.shape[:-2], self._v.shape[:-2])
        return batch.concatenate(self._base.shape[-2:])

    def _shape_tensor(self):
        batch = broadcast_dynamic(
            self._base.batch_shape_tensor(), self._diag.batch_shape_tensor(), tf.shape(self._u)[:-2],
            tf.shape(self._v)[:-2],
        )  # fmt: skip
        return tf.concat([batch, self._base.shape_tensor()[-2:]], 0)

    def _uv(self, adjoint=False):
        u = tensor(self._u)
        v = u if self._v is self._u else tensor(self._v)
        return (v, u) if adjoint else (u, v)

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        u, v = self._uv(adjoint)
        inner = tf.matmul(v, x, adjoint_a=True, adjoint_b=adjoint_arg)
        update = tf.matmul(u, self._diag.matmul(inner, adjoint=adjoint))
        return self._base.matmul(x, adjoint=adjoint, adjoint_arg=adjoint_arg) + update

    def _capacitance(self, u, v):
        """D^-1 + V^H L^-1 U: what there is to solve in the small space."""
        return self._diag.inverse().add_to_tensor(tf.matmul(v, self._base.solve(u), adjoint_a=True))

    def _determinant(self):
        if self.is_positive_definite:
            return tf.exp(self.log_abs_determinant())
        small = tf.linalg.det(self._capacitance(*self._uv()))
        return small * self._diag.determinant() * self._base.determinant()

    def _log_abs_determinant(self):
        small = self._capacitance(*self._uv())
        if self._use_cholesky():
            log = 2 * tf.reduce_sum(tf.math.log(tf.linalg.diag_part(tf.linalg.cholesky(small))), axis=[-1])
        else:
            log = tf.linalg.slogdet(small)[1]
        return log + self._diag.log_abs_determinant() + self._base.log_abs_determinant()

    def _solve(self, rhs, adjoint=False, adjoint_arg=False):
        # Woodbury: only the base operator is solved with in the large space.
        if self._base.is_non_singular is False:
            raise ValueError("Solve not implemented unless this is a perturbation of a non-singular LinearOperator.")
        base, (u, v) = self._base, self._uv(adjoint)
        small = self._capacitance(*self._uv())
        first = base.solve(rhs, adjoint=adjoint, adjoint_arg=adjoint_arg)
        inner = tf.matmul(v, first, adjoint_a=True)
        if self._use_cholesky():
            inner = tf.linalg.cholesky_solve(tf.linalg.cholesky(small), inner)
        else:
            inner = solve_any_batch(small, inner, adjoint)
        return first - base.solve(tf.matmul(u, inner), adjoint=adjoint)

    def _diag_part(self):
        u, v = self._uv()
        both = u * conj(v)
        if self._diag_update is not None:
            both = both * tensor(self._diag_update)[..., None, :]
        return tf.reduce_sum(both, axis=-1) + self._base.diag_part()
