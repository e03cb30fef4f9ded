"""Matrices: diagonals, bands, transposes, norms.  Decompositions and what solves with them are in decompositions.py.

`[..., n, m]`: a batch of matrices, one for every index of the leading dimensions.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export, op, publish
from ..scopes import name_scope
from .core import cast
from .reductions import reduce_max, reduce_sum


def batch_of_matrices(type, *inputs):
    """Raises TensorFlow's error where an input has less than two dimensions."""
    for x in inputs:
        if x.ndim < 2:
            raise errors.InvalidArgumentError(
                None, None, f"Input must have rank >= 2: Shape must be at least rank 2 but is rank {x.ndim} [Op:{type}]"
            )


def square(type, x):
    """Raises TensorFlow's error where `x` is not a batch of square matrices."""
    batch_of_matrices(type, x)
    if x.shape[-1] != x.shape[-2]:
        raise errors.InvalidArgumentError(
            None, None,
            f"Input matrix must be square: Dimensions must be equal, but are {x.shape[-2]} and {x.shape[-1]} "
            f"[Op:{type}]",
        )  # fmt: skip


# -- diagonals --------------------------------------------------------------------------------------------------------
_ALIGNMENTS = ("LEFT_LEFT", "LEFT_RIGHT", "RIGHT_LEFT", "RIGHT_RIGHT")  # of the superdiagonals, of the subdiagonals


def _band(k):
    """(lowest, highest) diagonal of a number or a pair."""
    low, high = (k, k) if isinstance(k, int) else (k[0], k[-1])
    if low > high:
        raise errors.InvalidArgumentError(
            None, None, f"lower_diag_index must not be larger than upper_diag_index: {low} > {high}"
        )
    return low, high


def _places(rows, cols, low, high, align):
    """(row, col, present) index arrays [diagonals, longest] of the diagonals high..low of a rows x cols matrix."""
    numbers = np.arange(high, low - 1, -1)[:, None]
    lengths = np.minimum(rows + np.minimum(numbers, 0), cols - np.maximum(numbers, 0))
    if (lengths <= 0).any() and rows and cols:
        raise errors.InvalidArgumentError(
            None, None, f"diagonal {low}..{high} is out of bound for a {rows} x {cols} matrix"
        )
    longest = int(lengths.max(initial=0))
    above, below = align.split("_")
    left = ((numbers >= 0) & (above == "LEFT")) | ((numbers <= 0) & (below == "LEFT"))
    i = np.arange(longest)[None, :] - np.where(left, 0, longest - lengths)
    present = (i >= 0) & (i < lengths)
    i = np.where(present, i, 0)
    return i - np.minimum(numbers, 0), i + np.maximum(numbers, 0), present


def _check_align(align):
    if align not in _ALIGNMENTS:
        raise ValueError(f"align must be one of {', '.join(_ALIGNMENTS)}: {align!r}")


@op("MatrixDiagV3", "", name="diag")
def matrix_diag_kernel(diagonal, *, k=0, num_rows=-1, num_cols=-1, padding_value=0, align="RIGHT_LEFT"):
    """diagonal [..., (diagonals,) longest] -> [..., rows, cols]."""
    low, high = _band(k)
    if low == high:
        diagonal = (
            diagonal[..., None, :] if isinstance(k, int) or diagonal.ndim < 2 or diagonal.shape[-2] != 1 else diagonal
        )
    longest = diagonal.shape[-1]
    least_rows, least_cols = longest - min(high, 0), longest + max(low, 0)
    if num_rows == -1 and num_cols == -1:
        num_rows = num_cols = max(least_rows, least_cols)
    else:
        num_rows = least_rows if num_rows == -1 else num_rows
        num_cols = least_cols if num_cols == -1 else num_cols
    rows, cols, present = _places(num_rows, num_cols, low, high, align)
    if present.shape[1] != longest:
        raise errors.InvalidArgumentError(
            None, None, f"{longest} elements do not fill the diagonals of {num_rows} x {num_cols}"
        )
    out = jnp.full((*diagonal.shape[:-2], num_rows, num_cols), padding_value, diagonal.dtype)
    return out.at[..., rows[present], cols[present]].set(diagonal[..., present])


@op("MatrixDiagPartV3", "", name="diag_part")
def matrix_diag_part_kernel(input, *, k=0, padding_value=0, align="RIGHT_LEFT"):
    """input [..., rows, cols] -> [..., (diagonals,) longest]."""
    batch_of_matrices("MatrixDiagPartV3", input)
    low, high = _band(k)
    rows, cols, present = _places(*input.shape[-2:], low, high, align)
    out = jnp.where(present, input[..., rows, cols], jnp.asarray(padding_value, input.dtype))
    return out[..., 0, :] if low == high else out


@op("MatrixSetDiagV3", "", name="set_diag")
def matrix_set_diag_kernel(input, diagonal, *, k=0, align="RIGHT_LEFT"):
    """input [..., rows, cols] with its diagonals replaced by diagonal [..., (diagonals,) longest]."""
    batch_of_matrices("MatrixSetDiagV3", input)
    low, high = _band(k)
    rows, cols, present = _places(*input.shape[-2:], low, high, align)
    if diagonal.ndim == input.ndim - 1 and low == high:
        diagonal = diagonal[..., None, :]
    if diagonal.shape != (*input.shape[:-2], *present.shape):
        raise errors.InvalidArgumentError(
            None,
            None,
            f"diagonal {list(diagonal.shape)} does not fit the diagonals {low}..{high} of {list(input.shape)}",
        )
    return input.at[..., rows[present], cols[present]].set(diagonal[..., present])


@export("linalg.diag", v1="linalg.diag matrix_diag batch_matrix_diag")
def diag(diagonal, name="diag", k=0, num_rows=-1, num_cols=-1, padding_value=0, align="RIGHT_LEFT"):
    """diagonal [..., n] -> [..., n, n] with it on diagonal `k`, or on several, [low, high]."""
    _check_align(align)
    settings = {"k": k, "num_rows": num_rows, "num_cols": num_cols, "padding_value": padding_value, "align": align}
    return record.call(OPS["MatrixDiagV3"], [diagonal], settings, name, "diag")


@export("linalg.diag_part", v1="linalg.diag_part matrix_diag_part batch_matrix_diag_part")
def diag_part(input, name="diag_part", k=0, padding_value=0, align="RIGHT_LEFT"):
    """input [..., n, m] -> the diagonal `k` of each matrix, or several, [low, high]."""
    _check_align(align)
    settings = {"k": k, "padding_value": padding_value, "align": align}
    return record.call(OPS["MatrixDiagPartV3"], [input], settings, name, "diag_part")


@export("linalg.set_diag", v1="linalg.set_diag matrix_set_diag batch_matrix_set_diag")
def set_diag(input, diagonal, name="set_diag", k=0, align="RIGHT_LEFT"):
    """input [..., n, m] with the diagonal `k`, or several, [low, high], replaced."""
    _check_align(align)
    return record.call(OPS["MatrixSetDiagV3"], [input, diagonal], {"k": k, "align": align}, name, "set_diag")


@op("Diag", "linalg.tensor_diag", "linalg.tensor_diag diag")
def tensor_diag(diagonal):
    """diagonal [a, b] -> [a, b, a, b], zero off the diagonal."""
    n = int(np.prod(diagonal.shape, dtype=np.int64))
    return (
        jnp.diag(jnp.ravel(diagonal)).reshape(diagonal.shape * 2)
        if n
        else jnp.zeros(diagonal.shape * 2, diagonal.dtype)
    )


@op("DiagPart", "linalg.tensor_diag_part", "linalg.tensor_diag_part diag_part")
def tensor_diag_part(input):
    """input [a, b, a, b] -> [a, b]."""
    half = input.shape[: input.ndim // 2]
    if input.ndim % 2 or input.shape != half * 2 or not input.ndim:
        raise errors.InvalidArgumentError(
            None, None, f"input's shape must be that of a tensor times itself: {list(input.shape)}"
        )
    n = int(np.prod(half, dtype=np.int64))
    return jnp.diagonal(input.reshape(n, n)).reshape(half)


@op(
    "MatrixBandPart",
    "linalg.band_part",
    "linalg.band_part matrix_band_part batch_matrix_band_part",
    own="num_lower num_upper",
)
def band_part(input, num_lower, num_upper):
    """input [..., n, m] with zeros outside the band; a negative number keeps the whole triangle."""
    batch_of_matrices("MatrixBandPart", input)
    below = np.arange(input.shape[-2])[:, None] - np.arange(input.shape[-1])[None, :]
    keep = ((num_lower < 0) | (below <= num_lower)) & ((num_upper < 0) | (-below <= num_upper))
    return jnp.where(keep, input, jnp.zeros((), input.dtype))


@op("Trace", "linalg.trace", "trace linalg.trace")
def trace(x):
    """x [..., n, m] -> [...], the sum of the main diagonal."""
    batch_of_matrices("Trace", x)
    return jnp.sum(jnp.diagonal(x, axis1=-2, axis2=-1), -1, dtype=x.dtype)


@op("Eye", "", name="diag", static="num_rows num_columns batch_shape")
def eye_kernel(num_rows, num_columns=None, batch_shape=None, *, dtype=dtypes.float32):
    rows = int(num_rows)
    one = jnp.eye(rows, rows if num_columns is None else int(num_columns), dtype=dtype.np)
    return one if batch_shape is None else jnp.broadcast_to(one, (*[int(d) for d in batch_shape], *one.shape))


@export("eye linalg.eye")
def eye(num_rows, num_columns=None, batch_shape=None, dtype=dtypes.float32, name=None):
    """The identity, [*batch_shape, num_rows, num_columns]."""
    with name_scope(name, "eye", [num_rows, num_columns, batch_shape]):
        return record.call(
            OPS["Eye"], [num_rows, num_columns, batch_shape], {"dtype": dtypes.as_dtype(dtype)}, None, "diag"
        )


# -- transposes and products ------------------------------------------------------------------------------------------
@op("MatrixTranspose", "", name="transpose")
def matrix_transpose_kernel(a, *, conjugate=False):
    if a.ndim < 2:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"Argument `a` should be a (batch) matrix with rank >= 2.  Received `a` = {list(a.shape)}",
        )
    out = jnp.swapaxes(a, -1, -2)
    return jnp.conj(out) if conjugate else out


@export(
    "linalg.matrix_transpose", v1="linalg.matrix_transpose linalg.transpose matrix_transpose batch_matrix_transpose"
)
def matrix_transpose(a, name="matrix_transpose", conjugate=False):
    """a [..., n, m] -> [..., m, n].  Raises ValueError for a rank below 2."""
    with name_scope(name, None, [a]):
        a = record.convert_to_tensor(a, name="a")
        if a._rank() is not None and a._rank() < 2:
            raise ValueError(
                f"Argument `a` should be a (batch) matrix with rank >= 2.  Received `a` = {a} with shape: {a.shape}"
            )
        return record.call(OPS["MatrixTranspose"], [a], {"conjugate": bool(conjugate)}, None)


@export("linalg.adjoint")
def adjoint(matrix, name=None):
    """matrix [..., n, m] -> [..., m, n], conjugated."""
    with name_scope(name, "adjoint", [matrix]):
        return matrix_transpose(matrix, conjugate=True)


@op("Cross", "linalg.cross", "cross linalg.cross")
def cross(a, b):
    """a [..., 3] x b [..., 3] -> [..., 3], both of one shape."""
    if a.shape != b.shape or not a.ndim or a.shape[-1] != 3:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"Both inputs must be of same shape with an inner-most dimension of 3: {list(a.shape)} vs. "
            f"{list(b.shape)} [Op:Cross]",
        )
    return jnp.cross(a, b)


# -- norms ------------------------------------------------------------------------------------------------------------
def _abs(x):
    return OPS["Abs"].public(x)


@export("norm linalg.norm", v1="")
def norm(tensor, ord="euclidean", axis=None, keepdims=None, name=None):  # noqa: A002 - TensorFlow's name
    """The norm of the vectors along `axis` (None: of all elements), or of the matrices in a pair of axes.

    ord: 'euclidean', 1, 2, inf or any p > 0; for matrices 'euclidean' or 'fro', 1, 2, inf.  ValueError for others.
    """
    keepdims = bool(keepdims)
    axis = record.setting(axis)
    matrix = isinstance(axis, (tuple, list)) and len(axis) == 2
    if matrix:
        if axis[0] == axis[1] or not all(isinstance(a, int) for a in axis):
            raise ValueError(f"'axis' must be None, an integer, or a tuple of 2 unique integers, got {axis}")
        if ord not in ("euclidean", "fro", 1, 2, np.inf):
            raise ValueError(f"'ord' must be a supported matrix norm in ['euclidean', 'fro', 1, 2, inf], got {ord}")
    elif axis is not None and not isinstance(axis, int):
        raise ValueError(f"'axis' must be None, an integer, or a tuple of 2 unique integers, got {axis}")
    if not matrix and ord != "euclidean" and (isinstance(ord, str) or ord <= 0):
        raise ValueError(
            f"'ord' must be a supported vector norm, got {ord}"
            if ord != "fro"
            else "'ord' must be a supported vector norm, got fro"
        )
    with name_scope(name, "norm", [tensor]):
        x = record.convert_to_tensor(tensor)
        if ord in ("fro", "euclidean", 2) and not (matrix and ord == 2):
            squares = x * x if not x.dtype.is_complex else x * OPS["Conj"].public(x)
            result = OPS["Sqrt"].public(reduce_sum(squares, axis, keepdims=True))
        elif matrix and ord == 2:
            result = _spectral(x, axis)
        elif matrix:
            other, along = (axis[1], axis[0]) if ord == 1 else (axis[0], axis[1])
            result = reduce_max(reduce_sum(_abs(x), along, keepdims=True), other, keepdims=True)
        elif ord == 1:
            result = reduce_sum(_abs(x), axis, keepdims=True)
        elif ord == np.inf:
            result = reduce_max(_abs(x), axis, keepdims=True)
        else:
            result = OPS["Pow"].public(reduce_sum(OPS["Pow"].public(_abs(x), ord), axis, keepdims=True), 1.0 / ord)
        if keepdims:
            return result
        return OPS["Squeeze"].public(result, axis=axis if axis is None or matrix else [axis])


@op("SpectralNorm", "")
def spectral_norm(tensor, *, axis):
    largest = jnp.linalg.svd(jnp.moveaxis(tensor, axis, (-2, -1)), compute_uv=False)[..., 0]
    return jnp.expand_dims(largest, tuple(a % tensor.ndim for a in axis))


def _spectral(x, axis):
    return record.call(OPS["SpectralNorm"], [x], {"axis": tuple(axis)}, None, "Max")


@export("", v1="norm linalg.norm")
def norm_v1(tensor, ord="euclidean", axis=None, keepdims=None, name=None, keep_dims=None):  # noqa: A002
    """TF1's form of tf.norm."""
    from .reductions import old_name

    return norm(tensor, ord, axis, old_name("keepdims", keepdims, "keep_dims", keep_dims), name)


@export("linalg.normalize")
def normalize(tensor, ord="euclidean", axis=None, name=None):  # noqa: A002
    """(tensor divided by its norm, the norm with the axes kept)."""
    with name_scope(name, "normalize", [tensor]):
        tensor = record.convert_to_tensor(tensor)
        length = cast(norm(tensor, ord, axis, keepdims=True), tensor.dtype)
        return tensor / length, length


def l2_normalize(x, axis=None, epsilon=1e-12, name=None):
    """x over the root of its sum of squares along `axis`, the sum at least `epsilon`."""
    with name_scope(name, "l2_normalize", [x]) as scope:
        x = record.convert_to_tensor(x, name="x")
        if x.dtype.is_complex:
            magnitude = _abs(x)
            total = reduce_sum(magnitude * magnitude, axis, keepdims=True)
            inverse = OPS["Rsqrt"].public(OPS["Maximum"].public(total, epsilon))
            real, imag = OPS["Real"].public(x) * inverse, OPS["Imag"].public(x) * inverse
            return OPS["Complex"].public(real, imag, name=scope)
        total = reduce_sum(OPS["Square"].public(x), axis, keepdims=True)
        inverse = OPS["Rsqrt"].public(OPS["Maximum"].public(total, epsilon))
        return OPS["Mul"].public(x, inverse, name=scope)


def _l2_normalize(x, axis=None, epsilon=1e-12, name=None, dim=None):
    """x over the root of its sum of squares along `axis` (older name: `dim`), the sum at least `epsilon`."""
    if dim is not None and axis is not None:
        raise ValueError("Cannot specify both 'axis' and 'dim'.")
    return l2_normalize(x, axis if dim is None else dim, epsilon, name)


_l2_normalize.__name__ = "l2_normalize"
publish(_l2_normalize, "nn.l2_normalize math.l2_normalize linalg.l2_normalize")
