"""Philox 4x32-10, the counter-based generator behind TensorFlow's random ops, and the states of its streams.

A *block* is one evaluation for one 128-bit counter: four 32-bit words.  A stream's *state* is `uint64[3]`: key, low
half and high half of the counter of its next block.  Everything here exists for JAX and for NumPy, from one set of
formulas: NumPy arrays and `Lanes` (traced arrays) take the same operators, and `np` and `lanes` the same few functions.

A block comes as two *pairs*, uint64 each: words 0 and 1, words 2 and 3, the earlier word in the upper half.  In this
form a round is ten 64-bit operations, a pair's lower 52 bits are TensorFlow's float64 mantissa, and no 32-bit lane is
ever taken apart.

Kernels here assume that 64-bit types are enabled.
"""

import jax
import numpy as np
from jax import lax

_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_HIGH = np.uint64(0xFFFFFFFF00000000)
# What ten rounds add to the key's halves, each in the upper half of a uint64, where carries are lost as they should be.
_SCHEDULE = [
    (np.uint64((r * 0x9E3779B9 << 32) & int(_HIGH)), np.uint64((r * 0xBB67AE85 << 32) & int(_HIGH))) for r in range(10)
]
_STATELESS_KEY = np.uint64(0x02461E293EC8F720)
_SAMPLE_BLOCKS = 256  # TensorFlow sets this many blocks aside for one number, whatever is used of them


class Lanes:
    """A traced array whose operators are `lax` operations of its own dtype: four times faster to trace than jnp's."""

    __slots__ = ("x",)

    def __init__(self, x):
        self.x = x

    def _with(self, operation, other):
        other = other.x if type(other) is Lanes else self.x.dtype.type(other)
        return Lanes(operation(self.x, other))

    def __add__(self, other):
        return self._with(lax.add, other)

    def __sub__(self, other):
        return self._with(lax.sub, other)

    def __mul__(self, other):
        return self._with(lax.mul, other)

    def __mod__(self, other):
        return self._with(lax.rem, other)

    def __and__(self, other):
        return self._with(lax.bitwise_and, other)

    def __or__(self, other):
        return self._with(lax.bitwise_or, other)

    def __xor__(self, other):
        return self._with(lax.bitwise_xor, other)

    def __lshift__(self, other):
        return self._with(lax.shift_left, other)

    def __rshift__(self, other):
        signed = np.issubdtype(self.x.dtype, np.signedinteger)
        return self._with(lax.shift_right_arithmetic if signed else lax.shift_right_logical, other)

    def __lt__(self, other):
        return self._with(lax.lt, other)

    def __eq__(self, other):
        return self._with(lax.eq, other)

    __hash__ = None

    def __neg__(self):
        return Lanes(lax.neg(self.x))

    __radd__, __rmul__ = __add__, __mul__

    def astype(self, dtype):
        return Lanes(lax.convert_element_type(self.x, dtype))

    def view(self, dtype):
        return Lanes(lax.bitcast_convert_type(self.x, dtype))


class lanes:
    """The NumPy functions that the formulas use, for `Lanes`."""

    floor = staticmethod(lambda a: Lanes(lax.floor(a.x)))
    sqrt = staticmethod(lambda a: Lanes(lax.sqrt(a.x)))
    log = staticmethod(lambda a: Lanes(lax.log(a.x)))
    sin = staticmethod(lambda a: Lanes(lax.sin(a.x)))
    cos = staticmethod(lambda a: Lanes(lax.cos(a.x)))
    maximum = staticmethod(lambda a, b: a._with(lax.max, b))
    where = staticmethod(lambda condition, a, b: Lanes(lax.select(condition.x, a.x, b.x)))

    @staticmethod
    def take(table, indices):
        """`table[indices]` for a constant 1-D table and indices known to be inside it."""
        numbers = lax.GatherDimensionNumbers(offset_dims=(), collapsed_slice_dims=(0,), start_index_map=(0,))
        start = lax.expand_dims(indices.x, (indices.x.ndim,))
        inside = lax.GatherScatterMode.PROMISE_IN_BOUNDS
        return Lanes(lax.gather(table, start, numbers, (1,), mode=inside))


def _round(a, b, key0, key1):
    """One round on two pairs; the keys are in the upper halves."""
    p, q = (a >> 32) * _MULTIPLIERS[0], (b >> 32) * _MULTIPLIERS[1]
    return q ^ (a << 32) ^ key0, p ^ (b << 32) ^ key1


@jax.jit  # not for speed of execution: traced once instead of ten times
def _traced_round(*args):
    a, b = _round(*map(Lanes, args))
    return a.x, b.x


def swap_halves(pairs):
    """The 64-bit values with their 32-bit halves exchanged."""
    return (pairs << 32) | (pairs >> 32)


def philox(key, low, high):
    """The blocks at counters `low + 2^64 high` (uint64 NumPy arrays or Lanes) -> pairs of words 0-1, of words 2-3."""
    a, b = swap_halves(low), swap_halves(high)
    key0, key1 = key << 32, key & _HIGH
    for step0, step1 in _SCHEDULE:
        if isinstance(a, Lanes):
            a, b = map(Lanes, _traced_round(a.x, b.x, (key0 + step0).x, (key1 + step1).x))
        else:
            a, b = _round(a, b, key0 + step0, key1 + step1)
    return a, b


def _spread(vector, i, shape):
    """Element i of a traced vector, as Lanes of that shape."""
    return Lanes(lax.broadcast(lax.squeeze(lax.slice(vector, (i,), (i + 1,)), (0,)), shape))


def state_parts(state, like):
    """A state (traced) -> key, counter low, counter high as Lanes shaped as `like`.

    Every lane picks its key by a comparison that always holds: a scalar that is used in twenty places would get a
    compiled kernel of its own (8 ms of compile time each) where this stays in the one kernel, and costs nothing at run
    time.
    """
    key, low, high = (_spread(state, i, like.x.shape) for i in range(3))
    return lanes.where(like < (1 << 63), key, like), low, high


def blocks_at(state, offsets, like=None):
    """The blocks `offsets` (uint64 Lanes) after a traced state's counter -> pairs, as `philox` gives them.

    `like`: Lanes below 2^63 from which the offsets were computed, where that is not the offsets themselves.
    """
    key, low, high = state_parts(state, offsets if like is None else like)
    at = offsets + low
    return philox(key, at, (at < low).astype(np.uint64) + high)


def host_blocks(state, first, count, step=1):
    """NumPy: the pairs of `count` blocks that begin `first` blocks after the state, `step` blocks apart."""
    offsets = np.arange(first, first + count * step, step, dtype=np.uint64)
    return host_blocks_at(state, offsets)


def host_blocks_at(state, offsets):
    """NumPy: the pairs of the blocks `offsets` (uint64) after the state."""
    key, low, high = state[:1], state[1:2], state[2:]
    at = offsets + low
    return philox(key, at, (at < low).astype(np.uint64) + high)


# States.


def make_state(seed, seed2):
    """The start of the stream of a stateful op's two seeds (Python integers, taken modulo 2^64) -> np.uint64[3]."""
    mask = (1 << 64) - 1
    return np.array([int(seed) & mask, 0, int(seed2) & mask], np.uint64)


def host_advance(state, blocks):
    """The NumPy state `blocks` (a Python integer) further on; the 128-bit counter wraps."""
    mask = (1 << 64) - 1
    counter = int(state[1]) + (int(state[2]) << 64) + blocks
    return np.array([state[0], counter & mask, (counter >> 64) & mask], np.uint64)


def advance(state, blocks):
    """The traced state uint64[3] `blocks` (an integer scalar, not negative) further on; the 128-bit counter wraps."""
    blocks = lax.convert_element_type(blocks, np.uint64)
    place = Lanes(lax.iota(np.uint64, 3))
    low = _spread(state, 1, (3,))
    total = low + Lanes(lax.broadcast(blocks, (3,)))
    carry = (total < low).astype(np.uint64)
    state = Lanes(state)
    return lanes.where(place == 1, total, lanes.where(place == 2, state + carry, state)).x


def stateless_state(seed):
    """The stream of a stateless op's seed, an integer array [2] (traced; int32 is sign-extended) -> uint64[3]."""
    place = Lanes(lax.iota(np.uint64, 3))
    seed = lax.convert_element_type(seed, np.uint64)
    key = lanes.where(place < 4, Lanes(lax.full((3,), _STATELESS_KEY)), place)
    first, second = map(swap_halves, philox(key, _spread(seed, 0, (3,)), _spread(seed, 1, (3,))))
    return lanes.where(place == 0, first, lanes.where(place == 2, second, place ^ place)).x


def host_stateless_state(seed):
    """The same for a seed known on the host, a sequence of two integers -> np.uint64[3]."""
    mask = (1 << 64) - 1
    low, high = (np.array([int(s) & mask], np.uint64) for s in seed)
    first, second = map(swap_halves, philox(np.array([_STATELESS_KEY]), low, high))
    return np.array([first[0], 0, second[0]], np.uint64)


# tf.random.Generator keeps int64[3]: counter low, counter high, key.


def generator_seed_state(seed):
    """The state of `Generator.from_seed` -> np.int64[3]: an integer's three 64-bit limbs, or a sequence's first three.

    A shorter sequence is padded with zeros in front.
    """
    mask = (1 << 64) - 1
    if np.ndim(seed) == 0:
        limbs = [int(seed) >> shift & mask for shift in (0, 64, 128)]
    else:
        limbs = [int(s) & mask for s in np.ravel(np.asarray(seed))][:3]
        limbs = [0] * (3 - len(limbs)) + limbs
    return np.array(limbs, np.uint64).view(np.int64)


def generator_stream(generator_state):
    """A generator's state int64[3] (NumPy or traced) -> the stream state uint64[3] it stands for."""
    if isinstance(generator_state, np.ndarray):
        return generator_state.view(np.uint64)[[2, 0, 1]]
    words = lax.bitcast_convert_type(generator_state, np.uint64)
    return lax.concatenate([lax.slice(words, (2,), (3,)), lax.slice(words, (0,), (2,))], 0)


def stream_generator(state):
    """A stream state uint64[3] (NumPy or traced) -> the generator state int64[3] at that place."""
    if isinstance(state, np.ndarray):
        return state[[1, 2, 0]].view(np.int64)
    words = lax.concatenate([lax.slice(state, (1,), (3,)), lax.slice(state, (0,), (1,))], 0)
    return lax.bitcast_convert_type(words, np.int64)


# How far a call moves its stream: static Python integers, whatever was really consumed.


def dense_blocks(size):
    """Blocks set aside by an op with `size` output elements: uniform, integer, (truncated) normal, gamma, Poisson."""
    return _SAMPLE_BLOCKS * size


def categorical_blocks(batch, num_samples):
    """Blocks set aside by a categorical (multinomial) op."""
    return _SAMPLE_BLOCKS * batch * 2 * 4 * -(-num_samples // 4)


def shuffle_blocks(shape):
    """Blocks used by a shuffle of a tensor of that shape along its first dimension."""
    rows = shape[0] if shape else 1
    return -(-(rows - 1) // 4) if rows > 1 and 0 not in shape and np.prod(shape, dtype=np.int64) > 1 else 0
