"""The dense random kernels in NumPy, for numbers that are wanted once: initial values, made without compiling anything.

Same names after `host_` and same bits as in random_kernels.py and random_samplers.py; `state` is an np.uint64[3].
Initializing a 784 x 256 weight takes 2 to 12 ms here; there it takes 65 to 130 ms to trace and compile, and then 1 to
5 ms.  The order of tf.data's shuffle is here as well.
"""

import math

import numpy as np

from .box_muller import polar32, polar64, turned_sinf, uniform32, uniform64
from .philox import host_blocks, host_blocks_at, make_state, swap_halves
from .random_kernels import HALF_BITS

_CHUNK = 8192  # blocks at a time: intermediate results stay in the processor's cache (twice as fast as all at once)
_SERIES = 2  # blocks looked at together for the groups of truncated normals that their first block did not fill


class _c_library:
    """The float64 functions of the C library, which TensorFlow uses; NumPy's differ in a last bit.  50 ns a number."""

    maximum, sqrt = np.maximum, np.sqrt
    log, sin, cos = (
        staticmethod(lambda x, f=f: np.fromiter(map(f, x.tolist()), np.float64, len(x)))
        for f in (math.log, math.sin, math.cos)
    )


def _chunks(blocks):
    return ((start, min(start + _CHUNK, blocks)) for start in range(0, blocks, _CHUNK))


def _pairs(state, blocks):
    """The stream's first `blocks` blocks -> uint64[blocks, 2], pairs as philox.py defines them."""
    out = np.empty((blocks, 2), np.uint64)
    for start, stop in _chunks(blocks):
        out[start:stop, 0], out[start:stop, 1] = host_blocks(state, start, stop - start)
    return out


def _words(state, count):
    """The stream's first words -> uint32[count]."""
    return swap_halves(_pairs(state, -(-count // 4))).view(np.uint32).ravel()[:count]


def _doubles(state, count):
    """The stream's first pairs -> uint64[count]."""
    return _pairs(state, -(-count // 2)).ravel()[:count]


def host_scale_and_shift(values, scale, shift):
    """`values * scale + shift` in the type of `values`, each operation rounded by itself."""
    return values * values.dtype.type(scale) + values.dtype.type(shift)


def host_uniform(state, shape, dtype):
    """Uniform numbers in [0, 1) -> dtype[shape], one of the four floating point types."""
    dtype, size = np.dtype(dtype), math.prod(shape)
    if dtype == np.float64:
        return uniform64(_doubles(state, size)).reshape(shape)
    words = _words(state, size)
    if dtype == np.float32:
        return uniform32(words).reshape(shape)
    one, mantissa = HALF_BITS[dtype.name]
    return ((words & mantissa) | one).astype(np.uint16).view(dtype).reshape(shape) - dtype.type(1)


def host_uniform_int(state, minval, maxval, shape):
    """Integers in [minval, maxval), NumPy scalars of the same 32- or 64-bit type -> integers of that type [shape]."""
    dtype = minval.dtype
    low, high = (np.asarray(x).astype(f"u{dtype.itemsize}").reshape(1) for x in (minval, maxval))
    return (_integers(state, dtype, shape).ravel() % (high - low) + low).astype(dtype).reshape(shape)


def host_full_int(state, shape, dtype):
    """Integers over the whole range of a 32- or 64-bit type -> dtype[shape]."""
    return _integers(state, np.dtype(dtype), shape).astype(dtype)


def _integers(state, dtype, shape):
    size = math.prod(shape)
    bits = swap_halves(_doubles(state, size)) if dtype.itemsize == 8 else _words(state, size)
    return bits.reshape(shape)


def _normals(first, second, dtype):
    """The blocks' pairs -> their normal numbers [blocks, 4] float32, or [blocks, 2] float64."""
    if dtype == np.float64:
        radius, angle = polar64(_c_library, first, second)
        return np.stack([_c_library.sin(angle) * radius, _c_library.cos(angle) * radius], -1)
    out = np.empty((len(first), 2, 2), np.float32)
    for i, pair in enumerate((first, second)):
        radius, sine, cosine, quarter = polar32(np, pair)
        out[:, i, 0] = turned_sinf(np, sine, cosine, quarter) * radius
        out[:, i, 1] = turned_sinf(np, sine, cosine, quarter + 1) * radius
    return out.reshape(len(first), 4)


def _normal_blocks(state, blocks, dtype, step=1):
    """The normal numbers of `blocks` blocks, `step` apart -> [blocks, 4] float32, or [blocks, 2] float64."""
    out = np.empty((blocks, 2), np.float64) if dtype == np.float64 else np.empty((blocks, 4), np.float32)
    for start, stop in _chunks(blocks):
        out[start:stop] = _normals(*host_blocks(state, start * step, stop - start, step), dtype)
    return out


def host_normal(state, shape, dtype):
    """Standard normal numbers -> dtype[shape], one of the four floating point types."""
    dtype, size = np.dtype(dtype), math.prod(shape)
    values = _normal_blocks(state, -(-size // (2 if dtype == np.float64 else 4)), dtype)
    return values.ravel()[:size].reshape(shape).astype(dtype, copy=False)


def host_truncated_normal(state, shape, dtype):
    """Standard normal numbers, those of two standard deviations or more dropped and drawn again -> dtype[shape]."""
    dtype, size = np.dtype(dtype), math.prod(shape)
    width = 2 if dtype == np.float64 else 4
    step = 64 * width
    values = _normal_blocks(state, -(-size // width), dtype, step)
    lacking = np.flatnonzero((np.abs(values) >= 2).any(1))
    series = _SERIES
    while lacking.size:
        offsets = lacking.astype(np.uint64)[:, None] * np.uint64(step) + np.arange(series, dtype=np.uint64)
        candidates = _normals(*host_blocks_at(state, offsets.ravel()), dtype).reshape(len(lacking), -1)
        within = np.abs(candidates) < 2
        count = np.cumsum(within, axis=1, dtype=np.int16)
        enough = count[:, -1] >= width
        first = within & (count <= width)
        values[lacking[enough]] = candidates[enough][first[enough]].reshape(-1, width)
        lacking = lacking[~enough]
        series *= 2
    return values.ravel()[:size].reshape(shape).astype(dtype, copy=False)


def host_permutation(state, size):
    """The order in which a shuffle of `size` rows takes its input's rows -> int32[size]."""
    order = list(range(size))
    rows = np.arange(max(size - 1, 0), dtype=np.uint32)
    partners = rows + _words(state, len(rows)) % (np.uint32(size) - rows)
    for i, j in enumerate(partners.tolist()):
        order[i], order[j] = order[j], order[i]
    return np.array(order, np.int32)


def host_shuffle(state, value):
    """The NumPy array `value` with its rows (along dimension 0) in random order."""
    if value.ndim == 0 or value.size <= 1 or value.shape[0] <= 1:
        return value
    return value[host_permutation(state, value.shape[0])]


# tf.data's shuffle.


def shuffle_epoch_state(seed, seed2, epoch, reshuffle=True):
    """The stream that orders iteration number `epoch` of a shuffled dataset with these two seeds -> np.uint64[3].

    With reshuffling a master stream gives two words to each iteration; without, every iteration is the same.
    """
    state = make_state(seed, seed2)
    if not reshuffle:
        return state
    pair = int(host_blocks(state, epoch // 2, 1)[epoch % 2][0])
    return make_state(pair >> 32, pair & 0xFFFFFFFF)


def _endless_words(state):
    """The stream's words one by one, as Python integers."""
    start, blocks = 0, 16
    while True:
        first, second = host_blocks(state, start, blocks)
        yield from swap_halves(np.stack([first, second], -1)).view(np.uint32).ravel().tolist()
        start, blocks = start + blocks, min(2 * blocks, _CHUNK)


def shuffled(items, buffer_size, state):
    """Generator: the items of an iterable in the order of tf.data's shuffle through a buffer of `buffer_size`."""
    items, words = iter(items), _endless_words(state)
    buffer, start, end, more = [], 0, 0, True
    while True:
        while more and end - start < buffer_size:
            try:
                item = next(items)
            except StopIteration:
                more = False
                break
            if end < buffer_size:
                buffer.append(item)
            else:
                buffer[end % buffer_size] = item
            end += 1
        if start == end:
            return
        i, first = (start + next(words) % (end - start)) % buffer_size, start % buffer_size
        yield buffer[i]
        buffer[i], buffer[first] = buffer[first], None
        start += 1
