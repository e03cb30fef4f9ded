"""TensorFlow's random numbers, bit for bit, as pure JAX functions of a stream's state.

A kernel takes `state`, uint64[3] as philox.py defines it (it may be traced), tensors next, and static settings by
keyword.  It returns values only: the caller moves the stream by the number of blocks that `dense_blocks` and its
siblings there give.  64-bit types must be enabled.

The dense kernels compute every output element from its flat index alone, some of the work twice or four times over.  As
one elementwise loop that is still faster than sharing it, which takes arrays of intermediate results and several
compiled kernels; and a kernel in a program costs 8 ms to compile, as many as there are initializers.
"""

import math

import jax.numpy as jnp
import numpy as np
from jax import lax

from .box_muller import polar32, polar64, turned_sinf, uniform32, uniform64
from .philox import Lanes, blocks_at, lanes, swap_halves

# Bits of the number 1, and the mantissa: how the low bits of a word become a number in [1, 2).
HALF_BITS = {"float16": (0x3C00, 0x3FF), "bfloat16": (0x3F80, 0x7F)}
_ROUND_BITS = 40  # an index in the low 40 bits, a round of rejection above


def _size(shape):
    return math.prod(shape)


def _flat(shape):
    return Lanes(lax.iota(np.uint64, _size(shape)))


def _pair_of_four(state, index, block, like=None):
    """The pair that holds number `index` of those that come four to a block."""
    first, second = blocks_at(state, block, like)
    return lanes.where((index & 2) == 0, first, second)


def _pair_of_two(state, index, block):
    """The pair that is number `index` of those that come two to a block."""
    first, second = blocks_at(state, block)
    return lanes.where((index & 1) == 0, first, second)


def stream_words(state, shape):
    """The stream's words, one for each element -> uint32 Lanes, flat."""
    index = _flat(shape)
    pair = _pair_of_four(state, index, index >> 2)
    return lanes.where((index & 1) == 0, pair >> 32, pair).astype(np.uint32)


def stream_pairs(state, shape):
    """The stream's pairs, one for each element -> uint64 Lanes, flat."""
    index = _flat(shape)
    return _pair_of_two(state, index, index >> 1)


def uncombined(x):
    """`x` (floating point), such that XLA does not rewrite what computes it together with what uses it.

    XLA on the CPU rounds a product and a sum once instead of twice (a fused multiply-add), and looks through its own
    optimization barriers there.  Through a select it does not.
    """
    return jnp.where(x == x, x, jnp.asarray(np.nan, x.dtype))


def scale_and_shift(values, scale, shift):
    """`values * scale + shift`, all of one floating point type, each operation rounded by itself as in TensorFlow.

    Fused, a third of the numbers would differ.  bfloat16 and float16 are computed in float32 and rounded explicitly:
    XLA skips the rounding between two operations of its own in those types.
    """
    dtype = values.dtype
    if dtype.itemsize == 2:
        info = jnp.finfo(dtype)
        values, scale, shift = (lax.convert_element_type(x, np.float32) for x in (values, scale, shift))
        product = lax.reduce_precision(values * scale, info.nexp, info.nmant)
        return lax.convert_element_type(lax.reduce_precision(product + shift, info.nexp, info.nmant), dtype)
    # A select between numbers and NaN (`uncombined`) is not enough: where `scale` is a constant of the program the compiler knows
    # that no product is NaN.  That none is beyond the largest number it does not.
    product = values * scale
    largest = jnp.asarray(np.finfo(dtype).max, dtype)
    return jnp.where(jnp.isinf(product), product + shift, jnp.minimum(product, largest) + shift)


def uniform(state, *, shape, dtype):
    """Uniform numbers in [0, 1) -> dtype[shape], one of the four floating point types."""
    dtype = np.dtype(dtype)
    if dtype == np.float64:
        return lax.reshape(uniform64(stream_pairs(state, shape)).x, shape)
    words = stream_words(state, shape)
    if dtype == np.float32:
        return lax.reshape(uniform32(words).x, shape)
    one, mantissa = HALF_BITS[dtype.name]
    return lax.reshape((((words & mantissa) | one).astype(np.uint16).view(dtype) - 1).x, shape)


def uniform_int(state, minval, maxval, *, shape):
    """Integers in [minval, maxval), two scalars of the same 32- or 64-bit type -> integers of that type [shape].

    minval < maxval is for the caller to check.  Slightly biased, as in TensorFlow: the words modulo the span.
    """
    dtype = minval.dtype
    unsigned = np.uint64 if dtype.itemsize == 8 else np.uint32
    low, high = (lax.convert_element_type(x, unsigned) for x in (minval, maxval))
    span = Lanes(lax.broadcast(lax.sub(high, low), (_size(shape),)))
    low = Lanes(lax.broadcast(low, (_size(shape),)))
    bits = swap_halves(stream_pairs(state, shape)) if dtype.itemsize == 8 else stream_words(state, shape)
    return lax.reshape((bits % span + low).astype(dtype).x, shape)


def full_int(state, *, shape, dtype):
    """Integers over the whole range of a 32- or 64-bit type -> dtype[shape]."""
    dtype = np.dtype(dtype)
    bits = swap_halves(stream_pairs(state, shape)) if dtype.itemsize == 8 else stream_words(state, shape)
    return lax.reshape(bits.astype(dtype).x, shape)


def _normals(state, index, block, dtype, like=None):
    """Standard normal number `index` of its block, float32 (four to a block) or float64 (two)."""
    if dtype == np.float64:
        radius, angle = polar64(lanes, *blocks_at(state, block, like))
        return lanes.where((index & 1) == 0, lanes.sin(angle), lanes.cos(angle)) * radius
    radius, sine, cosine, quarter = polar32(lanes, _pair_of_four(state, index, block, like))
    return turned_sinf(lanes, sine, cosine, quarter + (index & 1).astype(np.int32)) * radius


def _computed_in(dtype):
    """The type in which normals of `dtype` are computed, and the binary logarithm of how many come from a block."""
    return (np.dtype(np.float64), 1) if dtype == np.float64 else (np.dtype(np.float32), 2)


def normal(state, *, shape, dtype):
    """Standard normal numbers -> dtype[shape], one of the four floating point types."""
    dtype = np.dtype(dtype)
    wide, shift = _computed_in(dtype)
    index = _flat(shape)
    values = _normals(state, index, index >> shift, wide)
    return lax.reshape(values.astype(dtype).x, shape)


_MANY = 1 << 19  # numbers from which on the groups that one round does not fill are worth picking out


def truncated_normal(state, *, shape, dtype):
    """Standard normal numbers, those of two standard deviations or more dropped and drawn again -> dtype[shape].

    Outputs come in groups of as many as a block has, each with blocks of its own to take its candidates from.
    """
    dtype = np.dtype(dtype)
    wide, shift = _computed_in(dtype)
    width, size = 1 << shift, _size(shape)
    groups = -(-size // width)
    places = lax.iota(np.uint64, groups * width)
    values = (_fill_most if size >= _MANY else _fill)(state, places, wide, shift)
    return lax.reshape(lax.convert_element_type(lax.slice(values, (0,), (size,)), dtype), shape)


def _candidates(state, places, round_number, wide, shift):
    """What a round (numbered from 1, traced) offers to `places` (uint64, flat)."""
    # The round is part of the index: what the loop does not change XLA would compute before it, array by array.
    index = Lanes(lax.add(places, lax.shift_left(round_number, np.uint64(_ROUND_BITS))))
    place = index & ((1 << _ROUND_BITS) - 1)
    block = ((place >> shift) << (6 + shift)) + ((index >> _ROUND_BITS) - 1)
    return _normals(state, index, block, wide, index).x


def _fill(state, places, wide, shift):
    """Truncated normal numbers for whole groups of places, in rounds until every place has one."""

    def fill(loop):
        # What is drawn in one turn is looked at in the next: held in the loop's state it is computed once for its four
        # readers.
        round_number, accepted, drawn = loop
        accepted = _append_accepted(accepted, drawn, 1 << shift)
        total = jnp.sum(accepted)  # NaN as long as a place is free
        more = lax.select(lax.ne(total, total), lax.add(round_number, np.uint64(1)), np.uint64(0))
        return more, accepted, _candidates(state, places, round_number, wide, shift)

    # Rounds are numbered from 1, and 0 ends the loop.  Round 1 finds only NaN to look at and draws from the groups'
    # first blocks.
    free = lax.full(places.shape, np.nan, wide)
    return lax.while_loop(lambda loop: lax.ne(loop[0], np.uint64(0)), fill, (np.uint64(1), free, free))[1]


def _fill_most(state, places, wide, shift):
    """`_fill`, where the five groups of six that the first round fills are left alone afterwards."""
    width = 1 << shift
    shape = groups, _ = places.shape[0] >> shift, width
    drawn = lax.reshape(_candidates(state, places, np.uint64(1), wide, shift), shape)
    complete = jnp.all(lax.lt(lax.abs(drawn), wide.type(2)), axis=1, keepdims=True)
    values = jnp.where(complete, drawn, wide.type(np.nan))
    some = groups // 4

    def fill_some(values):
        chosen = _chosen(lax.ne(values[:, 0], values[:, 0]), some)
        mine = lax.mul(lax.convert_element_type(chosen, np.uint64), np.uint64(width))
        mine = lax.reshape(mine[:, None] + places[:width], (some * width,))
        filled = lax.reshape(_fill(state, mine, wide, shift), (some, width))
        return values.at[chosen].set(filled, mode="drop")

    values = lax.while_loop(lambda v: jnp.any(lax.ne(v[:, 0], v[:, 0])), fill_some, values)
    return lax.reshape(values, places.shape)


def _chosen(condition, count):
    """Where `condition` [n] holds, in any order: int32 [count], filled up with n, cut short where there are more.

    Places are numbered along the columns of a square table by a matrix product: a cumulative sum compiles for longer.
    """
    n = condition.shape[0]
    side = math.isqrt(n - 1) + 1
    table = lax.reshape(lax.pad(condition, False, [(0, side * side - n, 0)]), (side, side))
    table = lax.convert_element_type(table, np.float32)
    above = lax.broadcasted_iota(np.int32, (side, side), 0) > lax.broadcasted_iota(np.int32, (side, side), 1)
    above = lax.convert_element_type(above, np.float32)
    ranks = lax.dot(above, table, precision="highest")
    before = lax.dot(above, lax.reduce(table, np.float32(0), lax.add, (0,)), precision="highest")
    place = lax.convert_element_type(jnp.where(table > 0, ranks + before, count), np.int32)
    place = lax.slice(lax.reshape(place, (side * side,)), (0,), (n,))
    return jnp.full(count, n, np.int32).at[place].set(lax.iota(np.int32, n), mode="drop")


def _append_accepted(accepted, drawn, width):
    """Each row of `accepted` (flat, NaN where free) filled up in order with what lies within (-2, 2) in `drawn`."""
    shape = accepted.shape[0] // width, width

    def column(x, i):
        return lax.broadcast_in_dim(lax.slice_in_dim(lax.reshape(x, shape), i, i + 1, axis=1), shape, (0, 1))

    def count(condition):
        return lax.convert_element_type(condition, np.int32)

    place = lax.broadcasted_iota(np.int32, shape, 1)
    filled = lax.full(shape, 0, np.int32)
    for i in range(width):
        old = column(accepted, i)
        filled = lax.add(filled, count(lax.eq(old, old)))
    result = lax.reshape(accepted, shape)
    for i in range(width):
        new = column(drawn, i)
        fits = lax.lt(lax.abs(new), new.dtype.type(2))
        result = lax.select(lax.bitwise_and(fits, lax.eq(filled, place)), new, result)
        filled = lax.add(filled, count(fits))
    return lax.reshape(result, accepted.shape)
