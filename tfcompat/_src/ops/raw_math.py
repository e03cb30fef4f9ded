"""tf.raw_ops of the math family: TensorFlow's ops by their own names, arguments by keyword only."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, op
from . import arithmetic, counting, decompositions, reductions, segment
from .array import bad, refusal
from .core import cast
from .math import FLOATING, FLOATS, INEXACT, INTEGERS, NUMBERS, pair, quotient, with_jvp
from .raw_array import raw

# op type: its arguments, in the order of the op's inputs here
_TAKEN = {
    "x": "Abs Acos Acosh Asin Asinh Atan Atanh BesselI0 BesselI0e BesselI1 BesselI1e BesselJ0 BesselJ1 BesselK0 BesselK0e "
    "BesselK1 BesselK1e BesselY0 BesselY1 Ceil Cos Cosh Dawsn Digamma Erf Erfc Erfinv Exp Expint Expm1 Floor FresnelCos "
    "FresnelSin Invert IsFinite IsInf IsNan Lgamma Log Log1p LogicalNot Ndtri Neg Reciprocal Rint Round Rsqrt Sigmoid "
    "Sign Sin Sinh Spence Sqrt Square Tan Tanh",
    "x y": "AddV2 BitwiseAnd BitwiseOr BitwiseXor DivNoNan FloorDiv FloorMod Greater GreaterEqual LeftShift Less LessEqual "
    "LogicalAnd LogicalOr Maximum Minimum Mul MulNoNan Pow RealDiv RightShift SquaredDifference Sub TruncateDiv "
    "TruncateMod Xdivy Xlog1py Xlogy",
    "y x": "Atan2",
    "a x": "Igamma Igammac Polygamma",
    "x q": "Zeta",
    "x1 x2": "NextAfter",
    "a b x": "Betainc",
    "condition t e": "SelectV2",
    "real imag": "Complex",
}  # fmt: skip


def _publish_plain(type, arguments):
    def function(*, name=None, **inputs):
        if type == "Complex":
            inputs.pop("Tout", None)
        if sorted(inputs) != sorted(arguments):
            raise TypeError(f"tf.raw_ops.{type} takes {', '.join(arguments)}; got {', '.join(inputs)}")
        return record.call(OPS[type], [inputs[a] for a in arguments], None, name, type)

    function.__name__ = function.__qualname__ = type
    function.__doc__ = f"TensorFlow's op {type} of {', '.join(arguments)}."
    raw(type)(function)


for _arguments, _types in _TAKEN.items():
    for _type in _types.split():
        _publish_plain(_type, _arguments.split())


# -- names of older times ---------------------------------------------------------------------------------------------
def _another(type, of):
    def function(x, y=None, name=None):
        return record.call(OPS[of], [x] if y is None else [x, y], None, name, type)

    function.__doc__ = f"An older name of {of}."
    raw(type)(function)


_another("Add", "AddV2")
_another("Inv", "Reciprocal")
_another("Mod", "TruncateMod")


@raw("Div")
def _div(x, y, name=None):
    """x / y as Python 2 divides: integers give the quotient truncated toward zero."""
    x, y = arithmetic.two_tensors(x, y)
    return record.call(OPS["TruncateDiv" if x.dtype.is_integer else "RealDiv"], [x, y], None, name, "Div")


def _compare(type):
    @raw(type)
    def function(x, y, incompatible_shape_error=True, name=None):
        """Whether pairs of elements are (not) equal."""
        if not incompatible_shape_error:
            raise NotImplementedError(
                f"tf.raw_ops.{type}: incompatible_shape_error=False; use the operators == and !=."
            )
        return arithmetic.compare(type, x, y, name)


_compare("Equal")
_compare("NotEqual")


@raw("Select")
def _select(condition, x, y, name=None):
    """TF1's form of tf.where with three arguments."""
    return record.call(OPS["Select"], [condition, x, y], None, name, "Select")


@raw("Cast")
def _cast(x, DstT, Truncate=False, name=None):  # TensorFlow's names
    """`x` as dtype DstT."""
    if Truncate:
        raise NotImplementedError("tf.raw_ops.Cast: Truncate=True is not supported.")
    return cast(x, DstT, name)


@raw("AddN")
def _add_n(inputs, name=None):
    """The sum of a list of tensors of one shape."""
    return record.call(OPS["AddN"], list(inputs), None, name, "AddN")


# -- reductions and scans ---------------------------------------------------------------------------------------------
def _reduction(type):
    @raw(type)
    def function(input, axis, keep_dims=False, name=None):
        """A reduction along `axis`."""
        return reductions.reduce(type, input, axis, keep_dims, name)


def _argument(type):
    @raw(type)
    def function(input, dimension, output_type=dtypes.int64, name=None):
        """Where the extreme along `dimension` is."""
        return getattr(reductions, type.lower())(input, dimension, output_type, name)


def _scan(type, public):
    @raw(type)
    def function(x, axis, exclusive=False, reverse=False, name=None):
        """A running total along `axis`."""
        return public(x, axis, exclusive, reverse, name)


for _type in ("Sum", "Mean", "Prod", "Max", "Min", "All", "Any", "EuclideanNorm"):
    _reduction(_type)
for _type in ("ArgMax", "ArgMin"):
    _argument(_type)
_scan("Cumsum", reductions.cumsum)
_scan("Cumprod", reductions.cumprod)
_scan("CumulativeLogsumexp", reductions.cumulative_logsumexp)
for _kind in ("sum", "mean", "prod", "max", "min"):
    raw(f"Segment{_kind.title()}")(getattr(segment, f"segment_{_kind}"))
    if _kind != "mean":
        raw(f"UnsortedSegment{_kind.title()}")(getattr(segment, f"unsorted_segment_{_kind}"))


# -- products ---------------------------------------------------------------------------------------------------------
@raw("MatMul")
def _mat_mul(a, b, transpose_a=False, transpose_b=False, grad_a=False, grad_b=False, name=None):
    """a [n, k] x b [k, m] -> [n, m]."""
    settings = {"transpose_a": bool(transpose_a), "transpose_b": bool(transpose_b)}
    return record.call(OPS["MatMul"], [a, b], settings, name, "MatMul")


def _batch_mat_mul(type):
    @raw(type)
    def function(x, y, adj_x=False, adj_y=False, grad_x=False, grad_y=False, name=None):
        """x [..., n, k] x y [..., k, m] -> [..., n, m]."""
        settings = {"adj_x": bool(adj_x), "adj_y": bool(adj_y)}
        return record.call(OPS["BatchMatMulV2"], [x, y], settings, name, type)


_batch_mat_mul("BatchMatMul")
_batch_mat_mul("BatchMatMulV2")

# Of two dtypes: the dtypes of x and y -> that of the sums.
_MIXED = {("int8", "int8"): "int32", ("int8", "uint8"): "int32", ("uint8", "int8"): "int32", ("uint8", "uint8"): "int32",
          ("int8", "bfloat16"): "bfloat16", ("bfloat16", "int8"): "bfloat16"}  # fmt: skip


@raw("BatchMatMulV3")
def _batch_mat_mul_of(x, y, Tout, adj_x=False, adj_y=False, grad_x=False, grad_y=False, name=None):
    """x [..., n, k] x y [..., k, m] -> [..., n, m] in `Tout`: the dtype of both, or int32 for 8 bits, bfloat16 for int8 and bfloat16.

    Raises NotFoundError for other dtypes.
    """
    x, y, kind = record.convert_to_tensor(x), record.convert_to_tensor(y), dtypes.as_dtype(Tout)
    names = x.dtype.base_dtype.name, y.dtype.base_dtype.name
    if names != (kind.name,) * 2 and _MIXED.get(names) != kind.name:
        said = f"Could not find a kernel of BatchMatMulV3 for {names[0]} and {names[1]} with Tout={kind.name}"
        raise errors.NotFoundError(None, None, f"{said} [Op:BatchMatMulV3]")
    settings = {"adj_x": bool(adj_x), "adj_y": bool(adj_y)}
    return record.call(OPS["BatchMatMulV2"], [cast(x, kind), cast(y, kind)], settings, name, "BatchMatMulV3")


raw("LogMatrixDeterminant", decompositions.slogdet)


@raw("Einsum")
def _einsum(inputs, equation, name=None):
    """The contraction that `equation` writes; every label must be spelt out on both sides."""
    return record.call(OPS["Einsum"], list(inputs), {"equation": equation}, name, "Einsum")


# -- gradients as ops -------------------------------------------------------------------------------------------------
pair("SqrtGrad", lambda y, dy: quotient(dy * np.asarray(0.5, dy.dtype), y), "", **INEXACT)
pair("RsqrtGrad", lambda y, dy: np.asarray(-0.5, dy.dtype) * dy * (y * y * y), "", **INEXACT)
pair("ReciprocalGrad", lambda y, dy: -dy * (y * y), "", **INEXACT)
pair("TanhGrad", lambda y, dy: dy * (1 - y * y), "", **INEXACT)
pair("SigmoidGrad", lambda y, dy: dy * y * (1 - y), "", **INEXACT)
for _type in ("SqrtGrad", "RsqrtGrad", "ReciprocalGrad", "TanhGrad", "SigmoidGrad"):
    _publish_plain(_type, ["y", "dy"])


# -- a few that have no other face ------------------------------------------------------------------------------------
@op("ApproximateEqual", "", differentiable=False, dtypes=NUMBERS)
def approximate_equal(x, y, *, tolerance=1e-5):
    """Whether |x - y| < tolerance for each pair of elements of two tensors of one shape."""
    if x.shape != y.shape:
        raise bad(
            "ApproximateEqual", f"x and y must be of the same shape: Shapes must be equal, {x.shape} and {y.shape}"
        )
    return jnp.abs(x - y) < np.asarray(tolerance, x.real.dtype)


@op("PopulationCount", "", differentiable=False, dtypes=INTEGERS)
def population_count(x):
    """How many bits of each number are set -> uint8."""
    return lax.population_count(x).astype(np.uint8)


def _nth_unknown(input, n, *, reverse=False):
    """Whatever the number, of which `n` is one."""
    return None if input is None else input[:-1] if input else NotImplemented


@op("NthElement", "", static="n", own="n", dtypes=FLOATS + " " + INTEGERS, results=_nth_unknown)
def nth_element(input, n, *, reverse=False):
    """input [..., k] -> [...]: the n-th smallest (`reverse`: largest) of the last dimension, counted from zero.

    Equal elements share its gradient.
    """
    if n.ndim:
        raise bad("NthElement", f"N must be scalar but has rank {n.ndim}")
    k = int(n)
    if k < 0:
        raise bad("NthElement", f"n must be non-negative but is {k}")
    if input.ndim < 1:
        raise bad("NthElement", "Input must be at least rank 1 but is rank 0")
    if k >= input.shape[-1]:
        raise bad("NthElement", f"Input must have last dimension > n = {k}")

    def tangent(x, out, t):
        equal = x == out[..., None]
        return jnp.sum(jnp.where(equal, t, 0) / jnp.sum(equal, -1, keepdims=True, dtype=t.dtype), -1)

    at = input.shape[-1] - 1 - k if reverse else k
    return with_jvp(lambda x: jnp.sort(x, -1)[..., at], tangent)(input)


for _type in ("ApproximateEqual", "PopulationCount", "NthElement"):
    raw(_type)(OPS[_type].public)


@op("IgammaGradA", "", **FLOATING)
def igamma_grad_a(a, x):
    """The derivative of igamma by a."""
    return lax.igamma_grad_a(*jnp.broadcast_arrays(a, x))


raw("IgammaGradA")(OPS["IgammaGradA"].public)


# -- counts -----------------------------------------------------------------------------------------------------------
def _given(weights):
    """Weights as the op has them: none where there are zero of them."""
    weights = record.convert_to_tensor(weights)
    return (None if weights.shape.num_elements() == 0 else weights), weights.dtype.base_dtype


def _checked(values):
    """`values`, refused where negative; on the host."""
    settings = {"minlength": None, "maxlength": None}
    record.call(OPS["BincountSize"], [values], settings, None)
    return values


@raw("DenseBincount")
def _dense_bincount(input, size, weights, binary_output=False, name=None):
    """input [n] or [b, n] -> [size] or [b, size]: how often each value occurs, or the sum of its weights."""
    input = _checked(record.convert_to_tensor(input))
    weights, dtype = _given(weights)
    if weights is not None:
        if not weights.shape.is_compatible_with(input.shape):
            raise bad("DenseBincount", f"weights {weights.shape} must have the shape of the input, {input.shape}")
        weights = None if binary_output else weights
    settings = {"dtype": dtype, "binary_output": binary_output}
    return record.call(OPS["DenseBincount"], [input, size, weights], settings, name, "DenseBincount")


@raw("Bincount")
def _bincount(arr, size, weights, name=None):
    """arr [...] -> [size]: how often each value occurs, or the sum of its weights."""
    arr = OPS["Reshape"].public(arr, [-1])
    weights, dtype = _given(weights)
    if weights is not None:
        weights = OPS["Reshape"].public(weights, [-1])
    return record.call(OPS["DenseBincount"], [_checked(arr), size, weights], {"dtype": dtype}, name, "Bincount")


def _rows(values, rows, count, size, weights, binary_output, name):
    weights, dtype = _given(weights)
    weights = None if binary_output or weights is None else OPS["Reshape"].public(weights, [-1])
    settings = {"dtype": dtype, "binary_output": binary_output}
    return record.call(OPS["SparseBincount"], [rows, values, count, size, weights], settings, name, "SparseBincount")


@raw("SparseBincount")
def _sparse_bincount(indices, values, dense_shape, size, weights, binary_output=False, name=None):
    """What a sparse tensor [n] or [b, n] holds, counted -> [size] or [b, size]."""
    rank = record.convert_to_tensor(size)._rank()
    if rank:
        raise refusal("SparseBincount", f"Shape must be rank 0 but is rank {rank}")
    shape = record.convert_to_tensor(dense_shape, dtypes.int64)
    indices = record.call(OPS["CheckedIndices"], [indices, shape], None, None)
    values = _checked(record.convert_to_tensor(values))
    if shape.shape.num_elements() == 1:
        weights, dtype = _given(weights)
        settings = {"dtype": dtype, "binary_output": binary_output}
        inputs = [values, size, None if binary_output else weights]
        return record.call(OPS["DenseBincount"], inputs, settings, name, "SparseBincount")
    return _rows(values, indices[:, 0], shape[0], size, weights, binary_output, name)


@op("CheckedIndices", "", host=True, alike=False, abstract=lambda indices, shape: (dtypes.int64, indices.shape))
def _checked_indices(indices, shape):
    """`indices`; InvalidArgumentError where one is out of bounds."""
    if indices.size and ((indices < 0).any() or (indices >= shape).any()):
        i = int(np.argwhere(((indices < 0) | (indices >= shape)).any(1))[0, 0])
        raise bad("SparseBincount", f"indices[{i}] = {indices[i].tolist()} is out of bounds of {shape.tolist()}")
    return indices.astype(np.int64)


@op("RowsOfSplits", "", host=True, abstract=lambda splits: [(dtypes.int64, (None,)), (dtypes.int64, ())])
def _rows_of_splits(splits):
    """The row of every element of a ragged tensor, and how many rows there are."""
    if not splits.size or splits[0] != 0:
        raise bad("RaggedBincount", "Splits must be non-empty and start with 0")
    lengths = np.diff(splits)
    return np.repeat(np.arange(lengths.size), lengths), np.int64(lengths.size)


@raw("RaggedBincount")
def _ragged_bincount(splits, values, size, weights, binary_output=False, name=None):
    """What the rows of a ragged tensor hold, counted -> [rows, size]."""
    rows, count = record.call(OPS["RowsOfSplits"], [splits], None, None)
    return _rows(_checked(record.convert_to_tensor(values)), rows, count, size, weights, binary_output, name)


@raw("HistogramFixedWidth")
def _histogram(values, value_range, nbins, dtype=dtypes.int32, name=None):
    """How many values lie in each of `nbins` equal bins."""
    return counting.histogram_fixed_width(values, value_range, nbins, dtype, name)


@raw("SobolSample")
def _sobol(dim, num_results, skip, dtype=dtypes.float32, name=None):
    """Points of the Sobol sequence."""
    return counting.sobol_sample(dim, num_results, skip, dtype, name)
