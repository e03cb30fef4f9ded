"""TensorFlow's public functions, made to take ragged tensors.

Each stays what it was for tensors.  Where a RaggedTensor turns up among its arguments (RaggedTensor.__tf_tensor__
raises RaggedGiven), a function of this room answers instead: the same op on the flat values, or one written for it.
"""

from __future__ import annotations

import functools
import inspect

import numpy as np

from .. import dtypes
from ..declare import NAMES, OPS, op
from ..graph import context
from ..ops.core import cast
from ..ops.sparse import SparseTensor, SparseTensorValue, as_sparse
from ..tensor import Tensor
from . import elementwise, functions, indexing, joining, reductions
from .functions import flat_map
from .tensor import RaggedGiven, RaggedTensor, is_ragged

UNARY = """abs acos acosh asin asinh atan atanh cast ceil clip_by_value conj cos cosh digamma erf erfc exp expm1 floor
identity imag is_finite is_inf is_nan lgamma log log1p log_sigmoid logical_not negative ones_like real reciprocal
reciprocal_no_nan rint round rsqrt saturate_cast sigmoid sign sin sinh sqrt square stop_gradient tan tanh zeros_like
check_numerics debugging.check_numerics math.abs math.acos math.acosh math.angle math.asin math.asinh math.atan
math.atanh math.ceil math.conj math.cos math.cosh math.digamma math.erf math.erfc math.erfinv math.exp math.expm1
math.floor math.imag math.is_finite math.is_inf math.is_nan math.is_non_decreasing math.lgamma math.log math.log1p
math.log_sigmoid math.logical_not math.negative math.real math.reciprocal math.reciprocal_no_nan math.rint math.round
math.rsqrt math.sigmoid math.sign math.sin math.sinh math.softplus math.sqrt math.square math.tan math.tanh
math.bessel_i0 math.bessel_i1 math.ndtri nn.relu nn.relu6 nn.leaky_relu nn.elu nn.selu nn.gelu nn.silu nn.swish
nn.sigmoid nn.softplus nn.softsign nn.tanh nn.dropout nn.experimental.general_dropout sigmoid one_hot as_string
strings.as_string strings.lower strings.upper strings.strip strings.length strings.substr substr string_strip
strings.regex_full_match strings.regex_replace regex_replace strings.to_hash_bucket strings.to_hash_bucket_fast
strings.to_hash_bucket_strong string_to_hash_bucket string_to_hash_bucket_fast string_to_hash_bucket_strong
strings.to_number string_to_number strings.unicode_script strings.unicode_transcode bitcast bitwise.invert
io.decode_base64 io.encode_base64 io.decode_raw io.decode_compressed to_float to_double to_int32 to_int64 to_bfloat16
nn.embedding_lookup guarantee_const"""
# Of these, the ones that are zero at zero and that TensorFlow has for SparseTensors, too.
SPARSE = """abs asin asinh atan atanh erf negative sign sin sqrt square tan tanh math.bessel_i0e math.bessel_i1e"""
BINARY = """add subtract multiply divide truediv floordiv floormod mod pow maximum minimum equal not_equal less
less_equal greater greater_equal logical_and logical_or atan2 squared_difference div floor_div truncatediv truncatemod
div_no_nan realdiv math.add math.subtract math.multiply math.divide math.truediv math.floordiv math.floormod math.mod
math.pow math.maximum math.minimum math.equal math.not_equal math.less math.less_equal math.greater math.greater_equal
math.logical_and math.logical_or math.logical_xor math.atan2 math.squared_difference math.divide_no_nan
math.multiply_no_nan math.xdivy math.xlogy math.xlog1py math.igamma math.igammac math.zeta math.polygamma
bitwise.bitwise_and bitwise.bitwise_or bitwise.bitwise_xor bitwise.left_shift bitwise.right_shift complex dtypes.complex
logical_xor multiply_no_nan"""
OTHERS = {
    "concat": joining.concat, "stack": joining.stack_public, "tile": joining.tile, "gather": indexing.gather,
    "expand_dims": functions.expand_dims, "squeeze": functions.squeeze,
    "reverse": indexing.reverse, "where": elementwise.where, "where_v2": elementwise.where,
}  # fmt: skip
REDUCED = "sum prod max min mean any all std variance logsumexp".split()


def _unary(function):
    return lambda *args, **kwargs: flat_map(function, args, kwargs)


def _binary(function):
    def ragged(x, y, *args, **kwargs):
        return elementwise.binary(lambda a, b: function(a, b, *args, **kwargs), x, y)

    return ragged


def _taking(function, ragged):
    """`function`, with `ragged` as its answer to ragged arguments."""

    @functools.wraps(function)
    def public(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except RaggedGiven:
            pass
        return ragged(*args, **kwargs)

    return public


def _taking_values(function):
    """As `_taking` for a function of one tensor, which of a SparseTensor is that of its values."""
    taking = _taking(function, _unary(function))

    @functools.wraps(function)
    def public(*args, **kwargs):
        try:
            return taking(*args, **kwargs)
        except (TypeError, ValueError):  # what a SparseTensor is refused with
            value = args[0] if args else kwargs.get("x")
            if not isinstance(value, (SparseTensor, SparseTensorValue)):
                raise
        sparse = as_sparse(value)
        rest = {key: v for key, v in kwargs.items() if key != "x"}
        return sparse._with_values(function(sparse.values, *args[1:], **rest))

    return public


_made: dict = {}  # function -> the same for ragged tensors, too
_places: dict = {}  # id of a public function -> where it stands


def replace(name, make):
    """Puts a function that takes ragged tensors in the place of the public `name` in both faces, where it exists."""
    for face in ("v1", "v2"):
        function = NAMES[face].get(name)
        if function is None or isinstance(function, type) or function in _replaced:
            continue
        made = _made.get(function)
        if made is None:
            made = _made[function] = make(function)
            _replaced.add(made)
        for other, path in _places[id(function)]:
            NAMES[other][path] = made


_replaced: set = set()


def _looked_for(function, ragged):
    """As `_taking`, for functions that would not notice a ragged argument by themselves."""

    @functools.wraps(function)
    def public(*args, **kwargs):
        if any(is_ragged(a) for a in args) or any(is_ragged(a) for a in kwargs.values()):
            return ragged(*args, **kwargs)
        return function(*args, **kwargs)

    return public


def _sparse_or_ragged(function, ragged, sparse):
    """As `_looked_for`, and `sparse` for SparseTensors."""

    @functools.wraps(function)
    def public(*args, **kwargs):
        value = args[0] if args else kwargs.get("input")
        if value.__class__ is RaggedTensor:
            return ragged(*args, **kwargs)
        if isinstance(value, (SparseTensor, SparseTensorValue)):
            given = inspect.signature(function).bind(*args, **kwargs).arguments
            kind = given.get("out_type")
            return sparse(as_sparse(value), dtypes.int32 if kind is None else dtypes.as_dtype(kind))
        return function(*args, **kwargs)

    return public


def _sparse_shape(sparse, out_type):
    return cast(sparse.dense_shape, out_type)


def _sparse_size(sparse, out_type):
    return OPS["Prod"].public(cast(sparse.dense_shape, out_type))


def _sparse_rank(sparse, out_type):
    return OPS["Size"].public(sparse.dense_shape)


def _in_list(function, ragged):
    """As `_taking`, for functions of a list of tensors."""

    @functools.wraps(function)
    def public(*args, **kwargs):
        values = args[0] if args else kwargs.get("values")
        if (
            is_ragged(values)
            or values.__class__ in (list, tuple)
            and any([v.__class__ is RaggedTensor for v in values])
        ):
            return ragged(*args, **kwargs)
        return function(*args, **kwargs)

    return public


def _publish():
    for face in NAMES:
        for path, thing in NAMES[face].items():
            _places.setdefault(id(thing), []).append((face, path))
    for name in SPARSE.split():
        replace(name, _taking_values)
    for name in UNARY.split():
        replace(name, lambda f: _taking(f, _unary(f)))
    for name in BINARY.split():
        replace(name, lambda f: _taking(f, _binary(f)))
    for name, ragged in OTHERS.items():
        wrap = _in_list if name in ("concat", "stack") else _looked_for
        replace(name, lambda f, wrap=wrap, ragged=ragged: wrap(f, ragged))
    for kind in REDUCED:
        for name in (f"reduce_{kind}", f"math.reduce_{kind}"):
            replace(name, lambda f, kind=kind: _looked_for(f, reductions.reducer(kind)))
    replace("add_n", lambda f: _taking(f, _sum_of_all))
    for name in ("strings.join", "string_join"):
        replace(name, lambda f: _taking(f, _joined(f)))
    for name in ("strings.reduce_join", "reduce_join"):
        replace(name, lambda f: _looked_for(f, _join_rows(f)))
    replace("print", lambda f: _looked_for(f, _printed(f)))
    replace("nn.softmax", lambda f: _taking(f, _softmax))
    replace("shape", lambda f: _sparse_or_ragged(f, _no_shape, _sparse_shape))
    replace("size", lambda f: _sparse_or_ragged(f, functions.size, _sparse_size))
    replace("rank", lambda f: _sparse_or_ragged(f, functions.rank, _sparse_rank))


def _joined(function):
    def ragged(inputs, *args, **kwargs):
        total = inputs[0]
        separator = kwargs.get("separator", args[0] if args else "")
        for x in inputs[1:]:
            total = elementwise.binary(lambda a, b: function([a, b], separator), total, x)
        return total

    return ragged


def _join_rows(function):
    def ragged(inputs, axis=None, keep_dims=None, separator="", name=None, reduction_indices=None, keepdims=None):
        axis = reduction_indices if axis is None else axis
        if keepdims or keep_dims:
            raise NotImplementedError("tf.strings.reduce_join of a RaggedTensor with keepdims=True")
        if axis is None:
            flat = functions.merge_dims(inputs, 0, inputs.shape.rank - 1)
            return function(flat, 0, separator=separator)
        axis = functions.positive_axis(axis, inputs.shape.rank)
        if axis == 0:
            raise NotImplementedError("tf.strings.reduce_join of a RaggedTensor along axis 0")
        if axis > 1 or is_ragged(inputs.values) and axis > 1:
            if is_ragged(inputs.values):
                return inputs.with_values(ragged(inputs.values, axis - 1, separator=separator))
            return inputs.with_values(function(inputs.values, axis - 1, separator=separator))
        if is_ragged(inputs.values):
            raise NotImplementedError("tf.strings.reduce_join of a RaggedTensor along an axis that is not the last one")
        return _row_joins(inputs.values, inputs.row_splits, separator=separator)

    return ragged


@op("RaggedJoinStrings", host=True, alike=False, abstract=lambda v, s, separator: (v.dtype, (None,)))
def _row_joins(values, splits, *, separator):
    """The strings of every row joined."""
    between = separator.encode() if isinstance(separator, str) else separator
    out = np.empty(len(splits) - 1, object)
    out[:] = [between.join(values[a:b].tolist()) for a, b in zip(splits[:-1], splits[1:], strict=True)]
    return out


def _spoken(value):
    if isinstance(value, list):
        shown = value if len(value) <= 6 else [*value[:3], ..., *value[-3:]]
        return f"[{', '.join([_spoken(v) for v in shown])}]"
    if value is ...:
        return "..."
    if isinstance(value, bytes):
        return repr(value.decode(errors="replace"))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:f}" if isinstance(value, float) else str(value)  # as tf.strings.as_string has it


@op("RaggedText", host=True, alike=False, abstract=lambda *parts: (dtypes.string, ()))
def _as_text(*parts):
    """Flat values, row splits -> what tf.print says of them."""
    rows, *nested = parts
    rows = rows.tolist()
    for splits in reversed(nested):
        rows = [rows[a:b] for a, b in zip(splits[:-1].tolist(), splits[1:].tolist(), strict=True)]
    return _spoken(rows)


def _printed(function):
    def ragged(*inputs, **kwargs):
        texts = [_as_text([v.flat_values, *v.nested_row_splits]) if is_ragged(v) else v for v in inputs]
        return function(*texts, **kwargs)

    return ragged


def _softmax(logits, axis=None, name=None, dim=None):
    """tf.nn.softmax along a dimension (default: the last) of a RaggedTensor."""
    axis = -1 if axis is None and dim is None else dim if axis is None else axis
    highest = reductions.reducer("max")(logits, axis=axis, keepdims=True)
    powers = flat_map(OPS["Exp"].public, [logits - highest], {})
    return powers / reductions.reducer("sum")(powers, axis=axis, keepdims=True)


def _sum_of_all(inputs, name=None):
    total = inputs[0]
    for x in inputs[1:]:
        total = total + x
    return total


def _no_shape(input, *args, **kwargs):
    raise NotImplementedError(
        "tf.shape of a RaggedTensor is a DynamicRaggedShape, which is not supported: use bounding_shape(), row_lengths()"
    )


# -- operators --------------------------------------------------------------------------------------------------------
def _operator(name, reflected=False):
    plain = getattr(Tensor, f"__{name}__")

    def apply(self, other):
        if reflected:
            return elementwise.binary(plain, other, self)
        return elementwise.binary(plain, self, other)

    apply.__name__ = f"__r{name}__" if reflected else f"__{name}__"
    return apply


for _name in ("add", "sub", "mul", "truediv", "div", "floordiv", "mod", "pow", "and", "or", "xor"):
    setattr(RaggedTensor, f"__{_name}__", _operator(_name))
    setattr(RaggedTensor, f"__r{_name}__", _operator(_name, True))
for _name in ("lt", "le", "gt", "ge"):
    setattr(RaggedTensor, f"__{_name}__", _operator(_name))


def _by_identity():
    """Whether equality is identity, as in TF1 and in graphs that are no function."""
    return not Tensor._USE_EQUALITY or context.graph is not None and not context.graph.building_function


def _equality(public, different):
    def apply(self, other):
        if _by_identity():
            return (self is other) is not different
        return different if other is None else elementwise.binary(public, self, other)

    return apply


def _hash(self):
    if _by_identity():
        return id(self)
    raise TypeError("RaggedTensor is unhashable.")


RaggedTensor.__hash__ = _hash
RaggedTensor.__eq__ = _equality(NAMES["v2"]["equal"], False)
RaggedTensor.__ne__ = _equality(NAMES["v2"]["not_equal"], True)


def _sign(name):
    plain = getattr(Tensor, f"__{name}__")
    return lambda self: flat_map(plain, [self], {})


for _name in ("neg", "abs", "invert"):
    setattr(RaggedTensor, f"__{_name}__", _sign(_name))

_publish()
