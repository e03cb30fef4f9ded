"""Sums, means, products and extremes of rows that share a segment number; the confusion matrix.

Sorted segments end where the numbers end, so their number is known only with the values: it is read on the host.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..graph import context
from ..scopes import name_scope
from ..shapes import compatible_dims
from .array import bad, refusal, shapes_text
from .core import cast, scalar
from .math import FLOATS, NUMBERS, REALS, with_jvp


def _rows(ids, like):
    """`ids` with dimensions of size 1 added, to broadcast against `like`."""
    return ids.reshape(ids.shape + (1,) * (like.ndim - ids.ndim))


def _flat(type, data, ids):
    """data [*ids.shape, ...] -> ([n, ...], ids [n]); negative ids are moved out of range, where they are dropped."""
    if data.shape[: ids.ndim] != ids.shape:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"data.shape = {list(data.shape)} does not start with segment_ids.shape = {list(ids.shape)} [Op:{type}]",
        )
    depth = ids.ndim
    big = np.iinfo(np.dtype(ids.dtype)).max
    ids = jnp.ravel(ids)
    return data.reshape(ids.shape[0], *data.shape[depth:]), jnp.where(ids < 0, big, ids)


def _check_room(type, n, data, depth):
    """Raises InvalidArgumentError for outputs that no machine holds: XLA would end the process."""
    rest = int(np.prod(data.shape[depth:], dtype=np.int64))
    if n * rest > 2**40:
        raise errors.InvalidArgumentError(
            None, None, f"Encountered overflow when multiplying {n} with {rest}: too many elements [Op:{type}]"
        )


def _total(data, ids, n):
    return jax.ops.segment_sum(data, ids, n)


def _counts(ids, n, dtype):
    return jax.ops.segment_sum(jnp.ones(ids.shape, dtype), ids, n)


def _take(values, ids):
    """values[ids], zero for ids out of range."""
    return jnp.take(values, ids, axis=0, mode="fill", fill_value=0)


def _extreme(data, ids, n, find):
    """The greatest or least of each segment; ties share the gradient."""

    def tangent(data, out, t):
        chosen = (data == _take(out, ids)).astype(data.dtype)
        share = _total(chosen, ids, n)
        return _total(t * chosen, ids, n) / jnp.where(share == 0, 1, share)

    return with_jvp(lambda data: find(data, ids, n), tangent)(data)


def _product(data, ids, n):
    """The product of each segment, with a gradient that holds where elements are zero."""

    def tangent(data, out, t):
        zero = data == 0
        zeros = _total(zero.astype(data.dtype), ids, n)
        rest = jax.ops.segment_prod(jnp.where(zero, 1, data), ids, n)
        alone = _take(jnp.where(zeros == 1, rest, 0), ids)  # the one zero of a segment: the product of the others
        return _total(t * jnp.where(zero, alone, _take(out, ids) / jnp.where(zero, 1, data)), ids, n)

    return with_jvp(lambda data: jax.ops.segment_prod(data, ids, n), tangent)(data)


def _mean(data, ids, n):
    count = jnp.maximum(_counts(ids, n, jnp.int32), 1).astype(data.dtype)
    return _divided(_total(data, ids, n), count)


def _divided(total, count):
    count = jnp.broadcast_to(_rows(count, total), total.shape)
    return lax.div(total, count) if jnp.issubdtype(total.dtype, jnp.integer) else total / count


def _true_mean(data, ids, n):
    """Integers, too, give a fraction here, as tf.divide does: float64, of 8 and 16 bits float32."""
    if jnp.issubdtype(data.dtype, jnp.integer):
        data = data.astype(jnp.float32 if data.dtype.itemsize < 4 else jnp.float64)
    return _mean(data, ids, n)


def _root_mean(data, ids, n):
    count = jnp.maximum(_counts(ids, n, jnp.int32), 1)
    return _divided(_total(data, ids, n), jnp.sqrt(count.astype(jnp.float64)).astype(data.dtype))


def _max(data, ids, n):
    return _extreme(data, ids, n, jax.ops.segment_max)


def _min(data, ids, n):
    return _extreme(data, ids, n, jax.ops.segment_min)


def _lowest(dtype, least):
    if jnp.issubdtype(dtype, jnp.integer):
        return np.iinfo(dtype).min if least else np.iinfo(dtype).max
    return jnp.finfo(dtype).min if least else jnp.finfo(dtype).max


def _empty_as(f, fill):
    """`f` with `fill(dtype)` for segments without rows."""

    def compute(data, ids, n):
        out = f(data, ids, n)
        return jnp.where(_rows(_counts(ids, n, jnp.int32) == 0, out), jnp.asarray(fill(data.dtype), data.dtype), out)

    return compute


def _shaped(out, data, depth):
    """`out` with the static shape that `data` tells: its own, but for the first `depth` dimensions."""
    if isinstance(out, record.SymbolicTensor) and depth is not None and data._rank() is not None:
        out.set_shape([None, *data.shape.as_list()[depth:]])
    return out


# -- unsorted: the number of segments is given ------------------------------------------------------------------------
_KINDS = {
    "Sum": (_total, NUMBERS),
    "Prod": (_product, NUMBERS),
    "Max": (_empty_as(_max, lambda dtype: _lowest(dtype, True)), REALS),
    "Min": (_empty_as(_min, lambda dtype: _lowest(dtype, False)), REALS),
    "Mean": (_true_mean, REALS),
    "SqrtN": (_root_mean, FLOATS),
}


def _check_ids(type, ids, n):
    """Raises InvalidArgumentError where numbers that are known on the host are too large."""
    if ids.__class__ is np.ndarray and ids.size and ids.max() >= n:
        place = np.argwhere(ids >= n)[0].tolist()
        where = "segment_ids" + (f"[{','.join(map(str, place))}]" if place else "")
        value = ids[tuple(place)]
        raise errors.InvalidArgumentError(None, None, f"{where} = {value} is out of range [0, {n}) [Op:{type}]")


def _declare_unsorted(kind, public):
    compute, allowed = _KINDS[kind]
    type = f"UnsortedSegment{kind}"

    @op(type, "", static="num_segments", own="segment_ids", dtypes=allowed)
    def kernel(data, segment_ids, num_segments):
        n = int(num_segments.reshape(()))
        if n < 0:
            raise errors.InvalidArgumentError(
                None, None, f"Input num_segments == {n} must not be negative. [Op:{type}]"
            )
        _check_room(type, n, data, segment_ids.ndim)
        _check_ids(type, segment_ids, n)
        rows, ids = _flat(type, data, segment_ids)
        return compute(rows, ids, n)

    def function(data, segment_ids, num_segments, name=None):
        data = record.convert_to_tensor(data, name="data")
        segment_ids = record.convert_to_tensor(segment_ids, name="segment_ids")
        count = num_segments if data._rank() is None else scalar(num_segments)
        if segment_ids.__class__ is record.EagerTensor and count.__class__ is int and count >= 0:
            _check_ids(type, segment_ids._slot.value, count)
        return _shaped(record.call(OPS[type], [data, segment_ids, count], None, name), data, segment_ids._rank())

    function.__name__ = function.__qualname__ = public
    function.__doc__ = (
        f"data [n, ...], segment_ids [n] -> [num_segments, ...]: the {kind.lower()} of the rows of each number; rows with "
        "a negative number are left out."
    )
    function.op = OPS[type]
    return export(f"math.{public}", f"math.{public} {public}")(function)


unsorted_segment_sum = _declare_unsorted("Sum", "unsorted_segment_sum")
unsorted_segment_prod = _declare_unsorted("Prod", "unsorted_segment_prod")
unsorted_segment_max = _declare_unsorted("Max", "unsorted_segment_max")
unsorted_segment_min = _declare_unsorted("Min", "unsorted_segment_min")
unsorted_segment_mean = _declare_unsorted("Mean", "unsorted_segment_mean")
unsorted_segment_sqrt_n = _declare_unsorted("SqrtN", "unsorted_segment_sqrt_n")


# -- sorted: the last number tells how many ---------------------------------------------------------------------------
@op("SegmentCount", "", host=True, alike=False, abstract=lambda segment_ids, shape=None: (dtypes.int64, ()))
def segment_count(segment_ids, shape=None):
    """One more than the last of sorted segment numbers; InvalidArgumentError where they are not sorted, or not as many
    as the first size of the data's `shape`.
    """
    ids = np.asarray(segment_ids)
    if ids.ndim != 1:
        raise errors.InvalidArgumentError(
            None, None, f"segment_ids should be a vector: Shape must be rank 1 but is rank {ids.ndim}"
        )
    if shape is not None and not shape.size:
        raise errors.InvalidArgumentError(None, None, "input must be at least rank 1")
    if shape is not None and ids.size != shape[0]:
        raise errors.InvalidArgumentError(
            None, None, f"segment_ids should be the same size as dimension 0 of input: {ids.size}, not {shape[0]}."
        )
    if ids.size and ids[-1] < 0:
        raise errors.InvalidArgumentError(None, None, "segment ids must be >= 0")
    for i in np.flatnonzero(np.diff(ids)):
        if ids[i + 1] < ids[i]:
            raise errors.InvalidArgumentError(None, None, "segment ids are not increasing")
        if not 0 <= ids[i] <= ids[-1]:
            raise errors.InvalidArgumentError(
                None,
                None,
                f"Segment id {ids[i]} out of range [0, {ids[-1] + 1}), possibly because 'segment_ids' input is not sorted.",
            )
    return np.asarray(int(ids[-1]) + 1 if ids.size else 0, np.int64)


def _as_vector(ids):
    """`ids`, as a vector where the rank is unknown while the graph is built: inference then need not guess."""
    unknown = isinstance(ids, record.SymbolicTensor) and ids._rank() is None
    return OPS["EnsureShape"].public(ids, (None,)) if unknown else ids


_SORTED = {
    "Sum": (_total, NUMBERS),
    "Mean": (_mean, NUMBERS),
    "Prod": (_product, NUMBERS),
    "Max": (_empty_as(_max, lambda dtype: 0), REALS),
    "Min": (_empty_as(_min, lambda dtype: 0), REALS),
}


def _declare_sorted(kind, public):
    compute, allowed = _SORTED[kind]
    type = f"Segment{kind}"

    @op(type, "", static="num_segments", own="segment_ids", dtypes=allowed)
    def kernel(data, segment_ids, num_segments):
        n = int(num_segments)
        if segment_ids.ndim != 1:
            raise errors.InvalidArgumentError(
                None, None, f"segment_ids: Shape must be rank 1 but is rank {segment_ids.ndim} [Op:{type}]"
            )
        if segment_ids.shape != data.shape[:1]:  # never run: the count, made first, raises
            return jnp.zeros((n, *data.shape[1:]), data.dtype)
        _check_room(type, n, data, 1)
        return compute(data, segment_ids, n)

    def function(data, segment_ids, name=None):
        data = record.convert_to_tensor(data, name="data")
        segment_ids = _as_vector(record.convert_to_tensor(segment_ids, name="segment_ids"))
        count = record.call(OPS["SegmentCount"], [segment_ids, OPS["Shape"].public(data)], None, None)
        return _shaped(record.call(OPS[type], [data, segment_ids, count], None, name), data, 1)

    function.__name__ = function.__qualname__ = public
    function.__doc__ = (
        f"data [n, ...], sorted segment_ids [n] -> [last + 1, ...]: the {kind.lower()} of the rows of each number."
    )
    function.op = OPS[type]
    return export(f"math.{public}", f"math.{public} {public}")(function)


segment_sum = _declare_sorted("Sum", "segment_sum")
segment_mean = _declare_sorted("Mean", "segment_mean")
segment_prod = _declare_sorted("Prod", "segment_prod")
segment_max = _declare_sorted("Max", "segment_max")
segment_min = _declare_sorted("Min", "segment_min")


# -- sparse: of chosen rows -------------------------------------------------------------------------------------------
@op("SparseSegmentCount", "", host=True, alike=False, abstract=lambda segment_ids, indices, shape: (dtypes.int64, ()))
def sparse_segment_count(segment_ids, indices, shape):
    """`segment_count`; InvalidArgumentError also for indices outside of the data, whose shape is `shape`."""
    count = segment_count.op.kernel(segment_ids)
    if shape.size:
        _check_room("SparseSegmentSum", int(count), np.broadcast_to(0, shape), 1)
        outside = np.flatnonzero((indices < 0) | (indices >= shape[0]))
        if outside.size:
            raise errors.InvalidArgumentError(
                None, None, f"indices[{outside[0]}] == {indices[outside[0]]} out of range [0, {shape[0]})"
            )
    return count


def _places(values, name):
    """`values` as a tensor: an empty list is one of integers."""
    empty = values.__class__ in (list, tuple) and not values
    return record.convert_to_tensor(values, dtypes.int32 if empty else None, name=name)


def _check_sorted(type, ids, n):
    """Raises InvalidArgumentError for segment numbers that are not sorted, or not below `n`."""
    segment_count.op.kernel(ids)
    if (ids >= n).any():
        raise bad(type, "segment ids must be < num_segments")


def _declare_sparse(kind, public):
    type = f"SparseSegment{kind}"
    compute = {"Sum": _total, "Mean": _mean, "SqrtN": _root_mean}[kind]

    def check_number(n, shape=()):
        if shape:
            raise bad(type, f"num_segments should be a scalar, not shape {shapes_text(shape)}")
        if n is not None and n < 0:
            raise bad(type, "Cannot specify a negative value for num_segments")

    def unknown(data, indices, segment_ids, num_segments):
        if data == () or not compatible_dims(indices, segment_ids) or len(indices or (0,)) != 1:
            return NotImplemented  # the kernel says what is wrong
        check_number(None, () if num_segments is None else num_segments.shape)
        n = None if num_segments is None else num_segments.item()
        check_number(n)
        return None if data is None else (n, *data[1:])

    flags = {"dtypes": REALS if kind == "Sum" else FLOATS, "results": unknown}

    @op(type, "", static="num_segments", own="indices segment_ids", **flags)
    def kernel(data, indices, segment_ids, num_segments):
        if indices.shape != segment_ids.shape or indices.ndim != 1:
            raise errors.InvalidArgumentError(None, None, f"segment_ids and indices should have same size. [Op:{type}]")
        if not data.ndim:
            raise errors.InvalidArgumentError(
                None, None, f"data: Shape must be at least rank 1 but is rank 0 [Op:{type}]"
            )
        check_number(None, num_segments.shape)
        n = int(num_segments)
        check_number(n)
        if isinstance(segment_ids, np.ndarray):
            _check_sorted(type, segment_ids, n)
        _check_room(type, n, data, 1)
        return compute(jnp.take(data, indices, axis=0), segment_ids, n)

    def function_v1(data, indices, segment_ids, name=None, num_segments=None, sparse_gradient=False):
        data = record.convert_to_tensor(data, name="data")
        indices = _as_vector(_places(indices, "indices"))
        segment_ids = _as_vector(_places(segment_ids, "segment_ids"))
        if num_segments is None:
            shape = OPS["Shape"].public(data)
            num_segments = record.call(OPS["SparseSegmentCount"], [segment_ids, indices, shape], None, None)
        elif context.graph is None:
            ids, places = segment_ids._slot.value, indices._slot.value
            if ids.__class__ is np.ndarray and places.__class__ is np.ndarray:  # known on the host
                sparse_segment_count.op.kernel(ids, places, np.array(data._shape_tuple()))
                _check_sorted(type, ids, record.setting(num_segments))
        if sparse_gradient:  # the gradient of rows that are looked up is IndexedSlices
            data = OPS["GatherV2"].public(data, indices)
            indices = OPS["Range"].public(0, OPS["Size"].public(indices), 1)
        out = record.call(OPS[type], [data, indices, segment_ids, scalar(num_segments)], None, name)
        return _shaped(out, data, 1)

    def function(data, indices, segment_ids, num_segments=None, name=None, sparse_gradient=False):
        return function_v1(data, indices, segment_ids, name, num_segments, sparse_gradient)

    for f in (function, function_v1):
        f.__name__ = f.__qualname__ = public
        f.__doc__ = f"The {kind.lower()} of data[indices] over the rows of each of the sorted `segment_ids`."
        f.op = OPS[type]
    export(f"sparse.{public}", v1="")(function)
    return export("", v1=f"sparse.{public} sparse_{public}")(function_v1)


_PUBLIC = {"Sum": "segment_sum", "Mean": "segment_mean", "SqrtN": "segment_sqrt_n"}
SPARSE = {_kind: _declare_sparse(_kind, _public) for _kind, _public in _PUBLIC.items()}


# -- counts -----------------------------------------------------------------------------------------------------------
def _square(labels, predictions, weights=None, *, num_classes, dtype):
    return dtype, (num_classes, num_classes)


@op("ConfusionMatrix", "", host=True, own="weights labels predictions", abstract=_square)
def confusion_kernel(labels, predictions, weights=None, *, num_classes=None, dtype=dtypes.int32):
    labels, predictions = labels.ravel(), predictions.ravel()
    for what, values in (("labels", labels), ("predictions", predictions)):
        if values.size and values.min() < 0:
            raise errors.InvalidArgumentError(
                None, None, f"`{what}` contains negative values.  Condition x >= 0 did not hold: x = {values[:3]}"
            )
        if num_classes is not None and values.size and values.max() >= num_classes:
            raise errors.InvalidArgumentError(
                None,
                None,
                f"`{what}` out of bound. Condition x < y did not hold: x = {values[:3]}, y = {num_classes}",
            )
    if labels.size != predictions.size:
        raise errors.InvalidArgumentError(
            None, None, f"Shapes of all inputs must match: {labels.size} labels, {predictions.size} predictions"
        )
    if num_classes is None and not labels.size:
        raise errors.InvalidArgumentError(None, None, "Without labels the number of classes must be given")
    n = num_classes if num_classes is not None else int(max(labels.max(initial=-1), predictions.max(initial=-1))) + 1
    out = np.zeros((n, n), dtype.np)
    np.add.at(out, (labels, predictions), 1 if weights is None else weights.ravel().astype(dtype.np))
    return out


@export("math.confusion_matrix", v1="")
def confusion_matrix(labels, predictions, num_classes=None, weights=None, dtype=dtypes.int32, name=None):
    """[num_classes, num_classes] counts of (label, prediction) pairs, labels down the rows; runs on the host.

    Raises InvalidArgumentError for negative classes, for classes from `num_classes` up, and for shapes that differ (in
    graphs ValueError).
    """
    with name_scope(name, "confusion_matrix", [labels, predictions, num_classes, weights]):
        labels = cast(_vector(labels, "labels"), dtypes.int64)
        predictions = cast(_vector(predictions, "predictions"), dtypes.int64)
        if not labels.shape.is_compatible_with(predictions.shape):
            said = f"Shapes of labels and predictions must be equal, but are {labels.shape} and {predictions.shape}."
            raise refusal("Pack", said)
        if weights is not None:
            weights = record.convert_to_tensor(weights, name="weights")
        settings = {"num_classes": num_classes, "dtype": dtypes.as_dtype(dtype)}
        return record.call(OPS["ConfusionMatrix"], [labels, predictions, weights], settings, None)


def _vector(x, name):
    x = record.convert_to_tensor(x, name=name)
    if x._rank() is not None and x._rank() > 1:
        x = OPS["Squeeze"].public(x)
    return x


@export("", v1="confusion_matrix math.confusion_matrix train.confusion_matrix")
def confusion_matrix_v1(labels, predictions, num_classes=None, dtype=dtypes.int32, name=None, weights=None):
    """TF1's argument order of tf.math.confusion_matrix."""
    return confusion_matrix(labels, predictions, num_classes, weights, dtype, name)
