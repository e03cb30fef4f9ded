"""Operators of blocks: on a diagonal, or in a lower triangle."""

from __future__ import annotations

from .. import record
from ..declare import export
from .base import LinearOperator
from .compose import OfSeveral, all_of, batch_shape_of, batch_sizes_of, checked_list, product_of, sum_of
from .parts import (
    adjoint_if,
    broadcast_dynamic,
    group,
    is_reference,
    of_batch,
    tf,
)


def _known_sum(values):
    return None if None in values else sum(values)


class _OfBlocks(LinearOperator):
    """What operators of blocks share: they take and give tensors, or lists of one tensor for each block."""

    def _diagonal(self):
        """The operators on the diagonal."""
        raise NotImplementedError

    def _every(self):
        """All operators."""
        return self._diagonal()

    def _block_domain_dimensions(self):
        return [o.domain_dimension for o in self._diagonal()]

    def _block_range_dimensions(self):
        return [o.range_dimension for o in self._diagonal()]

    def _block_domain_dimension_tensors(self):
        return [o.domain_dimension_tensor() for o in self._diagonal()]

    def _block_range_dimension_tensors(self):
        return [o.range_dimension_tensor() for o in self._diagonal()]

    def _shape(self):
        rows = _known_sum([d.value for d in self._block_range_dimensions()])
        columns = _known_sum([d.value for d in self._block_domain_dimensions()])
        return batch_shape_of(self._every()).concatenate([rows, columns])

    def _shape_tensor(self):
        ends = [sum_of(self._block_range_dimension_tensors()), sum_of(self._block_domain_dimension_tensors())]
        return tf.concat([batch_sizes_of(self._every()), ends], 0)

    def _blockwise(self, x, axis):
        """Whether x is a list of one tensor for each block, and not the rows of one tensor."""
        if not isinstance(x, (list, tuple)) or len(x) != len(self._diagonal()):
            return False
        return all(isinstance(part, record.Tensor) or is_reference(part) or hasattr(part, "shape") for part in x)

    def _split(self, x, ranges, axis=-2):
        dims = self._block_range_dimensions() if ranges else self._block_domain_dimensions()
        known = [d.value for d in dims]
        if None in known:
            known = tf.stack(
                self._block_range_dimension_tensors() if ranges else self._block_domain_dimension_tensors()
            )
        return tf.split(x, known, axis=axis)

    def _joined(self, parts, axis=-2):
        ends = 2 if axis == -2 else 1
        batch = broadcast_dynamic(*[tf.shape(p)[:-ends] for p in parts])
        same = all(p.shape[:-ends].is_fully_defined() and p.shape[:-ends] == parts[0].shape[:-ends] for p in parts)
        if not same:
            parts = [tf.broadcast_to(p, tf.concat([batch, tf.shape(p)[-ends:]], 0)) for p in parts]
        return tf.concat(parts, axis)

    def matmul(self, x, adjoint=False, adjoint_arg=False, name="matmul"):
        """A x; a list x, one tensor for each block, gives a list."""
        if not isinstance(x, LinearOperator) and self._blockwise(x, -2):
            with self._scope(name):
                return self._blocks_times([adjoint_if(record.convert_to_tensor(p), adjoint_arg) for p in x], adjoint)
        return super().matmul(x, adjoint, adjoint_arg, name)

    def matvec(self, x, adjoint=False, name="matvec"):
        """A x for vectors; a list x, one tensor for each block, gives a list."""
        if self._blockwise(x, -1):
            with self._scope(name):
                parts = self._blocks_times([record.convert_to_tensor(p)[..., None] for p in x], adjoint)
                return [tf.squeeze(p, axis=[-1]) for p in parts]
        return super().matvec(x, adjoint, name)

    def solve(self, rhs, adjoint=False, adjoint_arg=False, name="solve"):
        """The x with A x = rhs; a list rhs, one tensor for each block, gives a list."""
        if not isinstance(rhs, LinearOperator) and self._blockwise(rhs, -2):
            with self._scope(name):
                return self._blocks_over([adjoint_if(record.convert_to_tensor(p), adjoint_arg) for p in rhs], adjoint)
        return super().solve(rhs, adjoint, adjoint_arg, name)

    def solvevec(self, rhs, adjoint=False, name="solve"):
        """The x with A x = rhs for vectors; a list rhs, one tensor for each block, gives a list."""
        if self._blockwise(rhs, -1):
            with self._scope(name):
                parts = self._blocks_over([record.convert_to_tensor(p)[..., None] for p in rhs], adjoint)
                return [tf.squeeze(p, axis=[-1]) for p in parts]
        return super().solvevec(rhs, adjoint, name)

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        return self._joined(self._blocks_times(self._split(adjoint_if(x, adjoint_arg), adjoint), adjoint))

    def _solve(self, rhs, adjoint=False, adjoint_arg=False):
        return self._joined(self._blocks_over(self._split(adjoint_if(rhs, adjoint_arg), not adjoint), adjoint))

    def _determinant(self):
        return product_of([o.determinant() for o in self._diagonal()])

    def _log_abs_determinant(self):
        return sum_of([o.log_abs_determinant() for o in self._diagonal()])

    def _trace(self):
        return sum_of([o.trace() for o in self._diagonal()])

    def _diag_part(self):
        return self._joined([o.diag_part() for o in self._diagonal()], -1)

    def _eigvals(self):
        return self._joined([o.eigvals() for o in self._diagonal()], -1)

    def _dense_rows(self, rows):
        """The matrix of rows of blocks, each an operator or None for zeros."""
        columns = self._block_domain_dimension_tensors()
        batch = self.batch_shape_tensor()
        dense = []
        for row in rows:
            some = next(o for o in row if o is not None)
            height = some.range_dimension_tensor()
            blocks = [
                of_batch(o.to_dense(), batch) if o is not None
                else tf.zeros(tf.concat([batch, [height, width]], 0), self.dtype)
                for o, width in zip(row, columns)
            ]  # fmt: skip
            dense.append(tf.concat(blocks, -1))
        out = tf.concat(dense, -2)
        out.set_shape(self.shape)
        return out


@export("linalg.LinearOperatorBlockDiag")
class LinearOperatorBlockDiag(_OfBlocks, OfSeveral):
    """Operators on the diagonal of a larger one, zero elsewhere."""

    def __init__(self, operators, is_non_singular=None, is_self_adjoint=None, is_positive_definite=None, is_square=True,
                 name=None):  # fmt: skip
        operators = checked_list(operators, "operators")
        hints = {"is_non_singular": is_non_singular, "is_self_adjoint": is_self_adjoint,
                 "is_positive_definite": is_positive_definite, "is_square": is_square}  # fmt: skip
        hints = {k: all_of(operators, k, v) for k, v in hints.items()}
        self._start(operators, name, "_ds_", **hints)

    def _diagonal(self):
        return self._operators

    def _blocks_times(self, parts, adjoint):
        return [o.matmul(p, adjoint=adjoint) for o, p in zip(self._operators, parts, strict=True)]

    def _blocks_over(self, parts, adjoint):
        return [o.solve(p, adjoint=adjoint) for o, p in zip(self._operators, parts, strict=True)]

    def _to_dense(self):
        n = len(self._operators)
        return self._dense_rows([[o if i == j else None for j in range(n)] for i, o in enumerate(self._operators)])

    def _of_parts(self, method):
        hints = self._hints() if method != "cholesky" else {"is_non_singular": True, "is_square": True}
        return LinearOperatorBlockDiag([getattr(o, method)() for o in self._operators], **hints)

    def _linop_adjoint(self):
        return self._of_parts("adjoint")

    def _linop_inverse(self):
        return self._of_parts("inverse")

    def _linop_cholesky(self):
        return self._of_parts("cholesky")


@export("linalg.LinearOperatorBlockLowerTriangular")
class LinearOperatorBlockLowerTriangular(_OfBlocks):
    """Operators in the lower triangle of a larger one: a list of rows, the first of one, the second of two, ….

    Raises ValueError where rows are not of these lengths, the blocks on the diagonal not square, or sizes do not fit.
    """

    _event_dims = {"operators": 0}

    def __init__(self, operators, is_non_singular=None, is_self_adjoint=None, is_positive_definite=None, is_square=None,
                 name="LinearOperatorBlockLowerTriangular"):  # fmt: skip
        rows = [list(row) for row in operators]
        for i, row in enumerate(rows):
            if len(row) != i + 1:
                raise ValueError(
                    f"Argument `operators[{i}]` must contain `{i + 1}` blocks. Received: {len(row)} blocks."
                )
        checked_list([o for row in rows for o in row], "operators")
        self._rows = rows
        self._check_sizes()
        diagonal = self._diagonal()
        is_non_singular = all_of(diagonal, "is_non_singular", is_non_singular)
        if any(o.is_non_singular is False for o in diagonal):
            if is_non_singular:
                raise ValueError("A diagonal block is singular: the operator is not non-singular.")
            is_non_singular = False
        super().__init__(rows[0][0].dtype, None, is_non_singular, is_self_adjoint, is_positive_definite,
                         all_of(diagonal, "is_square", is_square), name)  # fmt: skip

    operators = property(lambda self: self._rows, doc="The rows of operators.")

    def _check_sizes(self):
        for i, row in enumerate(self._rows):
            if row[-1].is_square is False:
                raise ValueError(f"Matrices on the diagonal must be square: operators[{i}][{i}] is {row[-1].shape}.")
            for j, o in enumerate(row[:-1]):
                o.range_dimension.assert_is_compatible_with(row[-1].range_dimension)
                o.domain_dimension.assert_is_compatible_with(self._rows[j][j].domain_dimension)

    def _diagonal(self):
        return [row[-1] for row in self._rows]

    def _every(self):
        return [o for row in self._rows for o in row]

    def _blocks_times(self, parts, adjoint):
        n = range(len(self._rows))
        if adjoint:
            return [sum_of([self._rows[i][j].matmul(parts[i], adjoint=True) for i in n if i >= j]) for j in n]
        return [sum_of([o.matmul(p) for o, p in zip(row, parts)]) for row in self._rows]

    def _blocks_over(self, parts, adjoint):
        # Substitution: forwards, or for the adjoint, which is upper triangular, backwards.
        n, found = len(self._rows), {}
        for i in reversed(range(n)) if adjoint else range(n):
            rest = parts[i]
            for j, x in found.items():
                o = self._rows[j][i] if adjoint else self._rows[i][j]
                rest = rest - o.matmul(x, adjoint=adjoint)
            found[i] = self._rows[i][i].solve(rest, adjoint=adjoint)
        return [found[i] for i in range(n)]

    def _to_dense(self):
        n = len(self._rows)
        return self._dense_rows([row + [None] * (n - len(row)) for row in self._rows])

    def _assert_non_singular(self):
        return group([o.assert_non_singular() for o in self._diagonal()])
