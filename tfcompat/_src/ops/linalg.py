"""Matrices: diagonals, bands, transposes, norms.  Decompositions and what solves with them are in decompositions.py.

`[..., n, m]`: a batch of matrices, one for every index of the leading dimensions.
"""

from __future__ import annotations

import os

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, export, op, publish
from ..graph import aval, context
from ..scopes import name_scope
from .array import bad, shapes_text
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


def _band(type, k):
    """(lowest, highest) diagonal of a number or a pair."""
    if not isinstance(k, int) and len(k) not in (1, 2):
        raise bad(type, f"diag_index must have only one or two elements, received {len(k)} elements.")
    low, high = (k, k) if isinstance(k, int) else (int(k[0]), int(k[-1]))
    if low > high:
        raise bad(type, f"lower_diag_index must not be larger than upper_diag_index: {low} > {high}")
    return low, high


def _check_band(type, low, high, rows, cols):
    for which, number in (("lower", low), ("upper", high)):
        if not -rows < number < cols and number:
            raise bad(type, f"{which}_diag_index is out of bound: {number}. It must be between {-rows} and {cols}")


def _check_rank(type, what, x, least):
    """Raises InvalidArgumentError with TensorFlow's words for a run, and those for a graph that is being built."""
    if x.ndim < least:
        words = f"must be at least {least}-dim, received shape: {shapes_text(x.shape)}"
        raise bad(type, f"{what} {words}: Shape must be at least rank {least} but is rank {x.ndim}")


def _longest(rows, cols, low, high):
    """The length of the longest of these diagonals."""
    return max(0, min(rows + min(high, 0), cols - max(low, 0)))


def _check_align(align):
    if align not in _ALIGNMENTS:
        raise ValueError(f"align must be one of {', '.join(_ALIGNMENTS)}: {align!r}")


def _column(size):
    return lax.broadcasted_iota(np.int32, (size, 1), 0)


def _row(size):
    return lax.broadcasted_iota(np.int32, (1, size), 1)


def _shift(numbers, rows, cols, longest, align):
    """(where each diagonal's first element is in its row of a compact form, its length)."""
    lengths = jnp.minimum(rows + jnp.minimum(numbers, 0), cols - jnp.maximum(numbers, 0))
    above, below = align.split("_")
    left = ((numbers >= 0) & (above == "LEFT")) | ((numbers <= 0) & (below == "LEFT"))
    return jnp.where(left, 0, longest - lengths), lengths


def _spread(diagonal, rows, cols, low, high, align, rest):
    """diagonal [..., high - low + 1, longest] -> [..., rows, cols], elsewhere `rest`.

    Written as a choice for each place of the matrix: it needs no index arrays, which would be constants as large as it.
    """
    row, col = _column(rows), _row(cols)
    numbers, longest = col - row, diagonal.shape[-1]
    if low == high:
        before = max(low, 0)
        widths = [(0, 0, 0)] * (diagonal.ndim - 1) + [(before, cols - longest - before, 0)]
        return jnp.where(numbers == low, lax.pad(jnp.asarray(diagonal), np.zeros((), diagonal.dtype), widths), rest)
    start, _ = _shift(numbers, rows, cols, longest, align)
    which = jnp.clip(high - numbers, 0, high - low)
    place = jnp.clip(jnp.minimum(row, col) + start, 0, max(longest - 1, 0))
    inside = (numbers >= low) & (numbers <= high)
    return jnp.where(inside, jnp.asarray(diagonal)[..., which, place], rest) if diagonal.size else rest


@op("MatrixDiagV3", "", name="diag")
def matrix_diag_kernel(diagonal, *, k=0, num_rows=-1, num_cols=-1, padding_value=0, align="RIGHT_LEFT"):
    """diagonal [..., (diagonals,) longest] -> [..., rows, cols]."""
    type = "MatrixDiagV3"
    low, high = _band(type, k)
    _check_rank(type, "diagonal", diagonal, 1)
    if low == high:
        alone = isinstance(k, int) or diagonal.ndim < 2 or diagonal.shape[-2] != 1
        diagonal = diagonal[..., None, :] if alone else diagonal
    elif diagonal.ndim < 2 or diagonal.shape[-2] != high - low + 1:
        words = "does not match the lower_diag_index and upper_diag_index range."
        raise bad(type, f"The number of diagonals provided in the input {words} {list(diagonal.shape)}, {low}..{high}")
    longest = diagonal.shape[-1]
    rows, cols = _matrix_size(type, longest - min(high, 0), longest + max(low, 0), num_rows, num_cols)
    _check_room(type, rows, cols, diagonal.dtype.itemsize)
    rest = jnp.full((*diagonal.shape[:-2], rows, cols), padding_value, diagonal.dtype)
    return _spread(diagonal, rows, cols, low, high, align, rest)


def _matrix_size(type, least_rows, least_cols, rows, cols):
    """(rows, cols) of a matrix of which none, one or both are given (not -1)."""
    if rows == -1 and cols == -1:
        rows = cols = max(least_rows, least_cols)
    for what, given, least in (("rows", rows, least_rows), ("columns", cols, least_cols)):
        if given != -1 and given < least:
            raise bad(type, f"The number of {what} is too small. {given} < {least}")
    rows, cols = least_rows if rows == -1 else rows, least_cols if cols == -1 else cols
    if rows != least_rows and cols != least_cols:
        words = "is not consistent with the specified d_lower, d_upper, and diagonal."
        raise bad(type, f"The number of rows or columns {words} {rows} x {cols}")
    return rows, cols


def _check_room(type, rows, cols, itemsize):
    """Raises ResourceExhaustedError for a matrix larger than the machine's memory, InvalidArgumentError for one without a size in
    bytes: XLA would end the process.
    """
    if rows * cols >= 2**63:
        raise bad(type, f"Encountered overflow when multiplying {rows} with {cols}")
    if rows * cols * itemsize > os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"):
        words = f"OOM when allocating tensor with shape[{rows},{cols}] [Op:{type}]"
        raise errors.ResourceExhaustedError(None, None, words)


def _diagonals_unknown(input, k=0, padding_value=0, align="RIGHT_LEFT"):
    """The static shape where the sizes of the matrices, which decide how long a diagonal is, are not known."""
    if input is None or len(input) < 2 or None not in input[-2:]:
        return NotImplemented
    low, high = _band("MatrixDiagPartV3", k)
    return (*input[:-2], None) if low == high else (*input[:-2], high - low + 1, None)


@op("MatrixDiagPartV3", "", name="diag_part", results=_diagonals_unknown)
def matrix_diag_part_kernel(input, *, k=0, padding_value=0, align="RIGHT_LEFT"):
    """input [..., rows, cols] -> [..., (diagonals,) longest]."""
    _check_rank("MatrixDiagPartV3", "input", input, 2)
    low, high = _band("MatrixDiagPartV3", k)
    rows, cols = input.shape[-2:]
    _check_band("MatrixDiagPartV3", low, high, rows, cols)
    longest, numbers = _longest(rows, cols, low, high), high - _column(high - low + 1)
    start, lengths = _shift(numbers, rows, cols, longest, align)
    i = _row(longest) - start
    present = (i >= 0) & (i < lengths)
    i = jnp.where(present, i, 0)
    if 0 in (rows, cols):
        out = jnp.full((*input.shape[:-2], high - low + 1, longest), padding_value, input.dtype)
    else:
        found = jnp.asarray(input)[..., i - jnp.minimum(numbers, 0), i + jnp.maximum(numbers, 0)]
        out = jnp.where(present, found, jnp.asarray(padding_value, input.dtype))
    return out[..., 0, :] if low == high else out


@op("MatrixSetDiagV3", "", name="set_diag")
def matrix_set_diag_kernel(input, diagonal, *, k=0, align="RIGHT_LEFT"):
    """input [..., rows, cols] with its diagonals replaced by diagonal [..., (diagonals,) longest]."""
    type = "MatrixSetDiagV3"
    _check_rank(type, "input", input, 2)
    _check_rank(type, "diagonal", diagonal, 1)
    low, high = _band(type, k)
    rows, cols = input.shape[-2:]
    _check_band(type, low, high, rows, cols)
    if diagonal.ndim == input.ndim - 1 and low == high:
        diagonal = diagonal[..., None, :]
    wanted = (*input.shape[:-2], high - low + 1, _longest(rows, cols, low, high))
    if diagonal.shape != wanted:
        words = (
            "or diagonal.shape[:-1] is not equal to the longests diagonal in range [lower_diag_index:upper_diag_index]"
        )
        given = f"Input shape: {shapes_text(input.shape)}\nDiagonal shape: {shapes_text(diagonal.shape)}"
        raise bad(type, f"Either first dimensions of diagonal don't match input.shape[:-2], {words}.\n{given}")
    return _spread(diagonal, rows, cols, low, high, align, jnp.asarray(input))


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
    if not diagonal.ndim:
        raise bad("Diag", "Input must be at least rank 1: Shape must be at least rank 1 but is rank 0")
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


def _check_band_part(what, number, of, size):
    if number > size:
        words = f"must be negative or less or equal to number of {of} ({size}) got: {int(number)}"
        raise bad("MatrixBandPart", f"num_{what} {words}")


@op("MatrixBandPart", "", own="num_lower num_upper")
def band_part_kernel(input, num_lower, num_upper):
    """input [..., n, m] with zeros outside the band; a negative number keeps the whole triangle."""
    _check_rank("MatrixBandPart", "input", input, 2)
    for what, number, of, size in zip(
        ("lower", "upper"), (num_lower, num_upper), ("rows", "columns"), input.shape[-2:]
    ):
        if isinstance(number, np.ndarray) and number.size == 1:
            _check_band_part(what, number, of, size)
    below = _column(input.shape[-2]) - _row(input.shape[-1])
    keep = ((num_lower < 0) | (below <= num_lower)) & ((num_upper < 0) | (-below <= num_upper))
    return jnp.where(keep, input, jnp.zeros((), input.dtype))


@export("linalg.band_part", v1="linalg.band_part matrix_band_part batch_matrix_band_part")
def band_part(input, num_lower, num_upper, name=None):
    """input [..., n, m] with zeros outside the band; a negative number keeps the whole triangle.

    Raises InvalidArgumentError for numbers, known on the host, that are larger than the matrix.
    """
    if context.graph is None:
        input, *numbers = (record.convert_to_tensor(v) for v in (input, num_lower, num_upper))
        shape = input._shape_tuple()
        for what, number, of, place in zip(("lower", "upper"), numbers, ("rows", "columns"), (-2, -1)):
            known = number._slot.value
            if len(shape) > 1 and known.__class__ is np.ndarray and known.size == 1:
                _check_band_part(what, known, of, shape[place])
        num_lower, num_upper = numbers
    return record.call(OPS["MatrixBandPart"], [input, num_lower, num_upper], None, name, "MatrixBandPart")


@op("Trace", "linalg.trace", "trace linalg.trace")
def trace(x):
    """x [..., n, m] -> [...], the sum of the main diagonal."""
    batch_of_matrices("Trace", x)
    return jnp.sum(jnp.diagonal(x, axis1=-2, axis2=-1), -1, dtype=x.dtype)


def _eye_unknown(num_rows, num_columns=(), batch_shape=(), *, dtype=dtypes.float32):
    rows = None if num_rows is None else num_rows.item()
    columns = rows if num_columns.__class__ is tuple else None if num_columns is None else num_columns.item()
    outer = batch_shape if batch_shape.__class__ is tuple else None if batch_shape is None else batch_shape.tolist()
    return aval(dtype, None if outer is None else (*outer, rows, columns))


@op("Eye", "", name="diag", static="num_rows num_columns batch_shape", results=_eye_unknown)
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


@op("Cross", "linalg.cross", "cross linalg.cross", shapes="a ... 3, b ... 3")
def cross(a, b):
    """a [..., 3] x b [..., 3] -> [..., 3], both of one shape."""
    if a.shape != b.shape:
        text = f"Both inputs must be of same shape: {list(a.shape)} vs. {list(b.shape)} [Op:Cross]"
        raise errors.InvalidArgumentError(None, None, text)
    if not a.ndim or a.shape[-1] != 3:
        kind = errors.FailedPreconditionError if context.graph is None else errors.InvalidArgumentError
        raise kind(
            None, None, f"Cross-products are only defined for 3-element vectors, got shape {list(a.shape)} [Op:Cross]"
        )
    return jnp.cross(a, b)


# -- norms ------------------------------------------------------------------------------------------------------------
def _abs(x):
    return OPS["Abs"].public(x)


@export("norm linalg.norm", v1="")
def norm(tensor, ord="euclidean", axis=None, keepdims=None, name=None):  # TensorFlow's name
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
def norm_v1(tensor, ord="euclidean", axis=None, keepdims=None, name=None, keep_dims=None):
    """TF1's form of tf.norm."""
    from .reductions import old_name

    return norm(tensor, ord, axis, old_name("keepdims", keepdims, "keep_dims", keep_dims), name)


@export("linalg.normalize")
def normalize(tensor, ord="euclidean", axis=None, name=None):
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
