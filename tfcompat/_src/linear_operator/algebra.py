"""What two operators make: products and quotients that are of a simpler class than a composition."""

from __future__ import annotations

from .blocks import LinearOperatorBlockDiag
from .circulant import _Circulant
from .compose import LinearOperatorComposition, LinearOperatorKronecker
from .dense import LinearOperatorDiag, LinearOperatorLowerTriangular
from .identity import LinearOperatorIdentity, LinearOperatorScaledIdentity, LinearOperatorZeros
from .parts import combined_non_singular, commuting_hints, product_hints, tensor
from .wrappers import LinearOperatorInversion

_DIAGONAL = (LinearOperatorDiag, LinearOperatorScaledIdentity)


def product(left, right):
    """left right, as an operator."""
    if isinstance(left, LinearOperatorIdentity):
        return right
    if isinstance(right, LinearOperatorIdentity):
        return left
    if isinstance(left, LinearOperatorZeros) or isinstance(right, LinearOperatorZeros):
        if not left.is_square or not right.is_square:
            raise ValueError(
                "Matmul with non-square `LinearOperator`s or non-square `LinearOperatorZeros` not supported at this time."
            )
        return left if isinstance(left, LinearOperatorZeros) else right
    if isinstance(left, LinearOperatorInversion) and left.operator is right:
        return _identity_like(right)
    if isinstance(right, LinearOperatorInversion) and right.operator is left:
        return _identity_like(left)
    made = _of_known_classes(left, right, _times, "matmul")
    return made if made is not None else LinearOperatorComposition([left, right], **product_hints(left, right))


def quotient(left, right):
    """left^-1 right, as an operator."""
    if isinstance(left, LinearOperatorIdentity):
        return right
    if isinstance(right, LinearOperatorIdentity):
        return left.inverse()
    made = _of_known_classes(left, right, _over, "solve")
    if made is not None:
        return made
    return LinearOperatorComposition([LinearOperatorInversion(left), right], **product_hints(left, right))


def _identity_like(operator):
    return LinearOperatorIdentity(
        operator.domain_dimension_tensor(), batch_shape=operator.batch_shape_tensor(), dtype=operator.dtype
    )


def _times(a, b):
    return a * b


def _over(a, b):
    return b / a


def _of_known_classes(left, right, combine, method):
    """The result where the classes of both say what it is, else None."""
    if isinstance(left, _DIAGONAL) and isinstance(right, _DIAGONAL):
        return _diagonals(left, right, combine)
    if isinstance(left, _DIAGONAL) and isinstance(right, LinearOperatorLowerTriangular):
        return LinearOperatorLowerTriangular(
            combine(_vector(left)[..., None], right.to_dense()), is_non_singular=combined_non_singular(left, right),
            is_self_adjoint=None, is_positive_definite=None, is_square=True,
        )  # fmt: skip
    if isinstance(left, LinearOperatorLowerTriangular):
        if isinstance(right, LinearOperatorLowerTriangular):
            dense = getattr(left, method)(right.to_dense())
        elif isinstance(right, _DIAGONAL):
            dense = getattr(left, method)(right.to_dense()) if method == "solve" else left.to_dense() * _row(right)
        else:
            return None
        return LinearOperatorLowerTriangular(dense, is_non_singular=combined_non_singular(left, right), is_square=True)
    if isinstance(left, _Circulant) and type(left) is type(right):
        return left._of_spectrum(combine(tensor(left.spectrum), tensor(right.spectrum)), commuting_hints(left, right))
    for kind in (LinearOperatorBlockDiag, LinearOperatorKronecker):
        if isinstance(left, kind) and isinstance(right, kind) and _same_parts(left, right):
            parts = [getattr(a, method)(b) for a, b in zip(left.operators, right.operators)]
            return kind(parts, is_non_singular=combined_non_singular(left, right), is_square=True)
    return None


def _same_parts(left, right):
    dims = [[o.domain_dimension.value for o in x.operators] for x in (left, right)]
    square = all(o.is_square for x in (left, right) for o in x.operators)
    return square and dims[0] == dims[1] and None not in dims[0]


def _vector(operator):
    """A diagonal, or the number that stands for it, with a last dimension of 1."""
    if isinstance(operator, LinearOperatorScaledIdentity):
        return tensor(operator.multiplier)[..., None]
    return tensor(operator.diag)


def _row(operator):
    return _vector(operator)[..., None, :]


def _diagonals(left, right, combine):
    hints = commuting_hints(left, right)
    if not left.dtype.is_complex:
        hints["is_self_adjoint"] = True
    both = combine(_vector(left), _vector(right))
    if isinstance(left, LinearOperatorScaledIdentity) and isinstance(right, LinearOperatorScaledIdentity):
        return LinearOperatorScaledIdentity(left._rows, both[..., 0], **hints)
    return LinearOperatorDiag(both, **hints)
