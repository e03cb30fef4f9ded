"""Random ops that do more than fill a tensor: shuffle, categorical, gamma, Poisson, and dropout's arithmetic.

The conventions are those of random_kernels.py: pure JAX functions, a stream's state first, TensorFlow's numbers bit for
bit.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .box_muller import polar64, uniform64
from .math import quotient
from .philox import Lanes, blocks_at, lanes
from .random_kernels import stream_words, uncombined


def permutation(state, *, size):
    """The order in which a shuffle of `size` rows takes its input's rows -> int32[size].  Sequential, a swap a row."""
    order = lax.iota(np.int32, size)
    if size < 2:
        return order
    words = stream_words(state, (size - 1,)).x
    rows = lax.iota(np.uint32, size - 1)
    partners = lax.convert_element_type(rows + words % (np.uint32(size) - rows), np.int32)

    def swap(i, order):
        # One gather and one scatter of two: in any other form XLA copies the whole order for each row (600 ms for
        # 60,000).
        pair = jnp.stack([i, lax.dynamic_index_in_dim(partners, i, keepdims=False)])
        values = order.at[pair].get(mode="promise_in_bounds")
        return order.at[pair].set(lax.rev(values, (0,)), mode="promise_in_bounds")

    return lax.fori_loop(np.int32(0), np.int32(size - 1), swap, order)


def shuffle(state, value):
    """`value` with its rows (along dimension 0) in random order; scalars and single elements stay as they are."""
    if value.ndim == 0 or value.size <= 1 or value.shape[0] <= 1:
        return value
    return jnp.take(value, permutation(state, size=value.shape[0]), axis=0, mode="clip")


def shard_rows(batch, classes, num_samples, threads):
    """How many rows of a categorical op's logits TensorFlow gives to each piece of work if it runs `threads` threads.

    Every piece but the first draws from a place of its own, so there the numbers depend on the machine (see
    `categorical`).
    """
    if batch <= 1 or threads == 1:
        return batch
    cost = int(50 * (num_samples * math.log2(classes) + classes))
    if int((batch * cost - 100000) / 100000 + 0.9) < 2:
        return batch
    size = min(batch, max(-(-batch // (4 * threads)), int(40000 / cost)))
    limit = min(batch, 2 * size)

    def pieces(size):
        count = -(-batch // size)
        return count, count / (-(-count // threads) * threads)

    count, best = pieces(size)
    while best < 1 and count > 1:
        coarser = -(-batch // (count - 1))
        if coarser > limit:
            break
        count, efficiency = pieces(coarser)
        if efficiency + 0.01 >= best:
            size, best = coarser, max(best, efficiency)
    return size


def categorical(state, logits, *, num_samples, dtype, threads=1):
    """Classes drawn with probabilities softmax(logits [batch, classes]) -> dtype (int32 or int64) [batch, num_samples].

    Logits that are not finite count as minus infinity; a row of nothing else gives `classes`, as in TensorFlow.
    `threads`: imitate a TensorFlow with that many intra-op threads where its result depends on them.
    """
    batch, classes = logits.shape
    if batch == 0 or num_samples == 0:
        return jnp.zeros((batch, num_samples), dtype)
    logits = lax.stop_gradient(logits)
    finite = jnp.isfinite(logits)
    most = jnp.max(jnp.where(finite, logits, -jnp.inf), axis=1, keepdims=True).astype(np.float64)
    weights = jnp.where(finite, jnp.exp(logits.astype(np.float64) - most), 0.0)
    cumulative = jnp.cumsum(weights, axis=1)

    index = Lanes(lax.iota(np.uint64, batch * num_samples))
    rows = shard_rows(batch, classes, num_samples, threads)
    if rows < batch:  # the piece that begins at row s draws from block s (num_samples + 3) // 4
        first_row = index.x // np.uint64(num_samples * rows) * np.uint64(rows)
        skipped = first_row * np.uint64(num_samples + 3) // np.uint64(4) * np.uint64(2)
        index = Lanes(lax.add(index.x, skipped - first_row * np.uint64(num_samples)))
    first, second = blocks_at(state, index >> 1)
    draws = uniform64(lanes.where((index & 1) == 0, first, second)).x.reshape(batch, num_samples)
    sought = draws * cumulative[:, -1:]
    if classes <= 64:
        chosen = jnp.sum(cumulative[:, None, :] <= sought[:, :, None], axis=2)
    else:
        chosen = jax.vmap(lambda row, x: jnp.searchsorted(row, x, side="right"))(cumulative, sought)
    return chosen.astype(dtype)


def dropout(x, draws, rate):
    """`x` without the elements whose uniform number in `draws` (broadcast to x) is below `rate`, the others scaled up.

    With a Python number as rate the scale 1 / (1 - rate) is rounded to x's type once, as in TensorFlow; with a tensor,
    x is divided by 1 - rate.
    """
    if isinstance(rate, (int, float)):
        rate = float(rate)
        kept = x * np.asarray(1.0 / (1.0 - rate), x.dtype) if rate < 1 else jnp.zeros_like(x)
        keep = draws >= np.asarray(rate, draws.dtype)
    else:
        kept = quotient(x, 1 - rate)
        keep = draws >= rate
    return jnp.where(keep, kept, jnp.zeros((), x.dtype))


# Gamma and Poisson: rejection, each number from blocks of its own, in float64.  Uniform and normal numbers are fetched
# a block, two numbers, at a time and used last first.


def _parameter_lanes(parameters, shape):
    """parameters [P...] -> float64 for each element of [shape..., P...], flat, and its first block (uint64)."""
    count, samples = parameters.size, math.prod(shape)
    place = lax.iota(np.uint64, samples * count)
    sample, parameter = divmod(place, np.uint64(max(count, 1)))
    spread = jnp.broadcast_to(parameters.astype(np.float64).ravel(), (samples, count)).ravel()
    return spread, (parameter * np.uint64(samples) + sample) * np.uint64(256)


_NORMAL, _UNIFORM, _BOOST, _DONE = range(4)  # what a gamma variate waits for


def _gamma_turn(state, a, d, c):
    """Marsaglia and Tsang's method, one number drawn for every variate -> the body of a loop.  a, d, c: float64[n]."""

    def turn(loop):
        wants, block, normals_left, normal, uniforms_left, uniform, x, cubed, value = loop
        first, second = blocks_at(state, Lanes(block))
        radius, angle = polar64(lanes, first, second)
        normal_pair = (lanes.sin(angle) * radius).x, (lanes.cos(angle) * radius).x
        uniform_pair = uniform64(first).x, uniform64(second).x

        takes_normal = wants == _NORMAL
        takes_uniform = (wants == _UNIFORM) | (wants == _BOOST)
        fetches = (takes_normal & ~normals_left) | (takes_uniform & ~uniforms_left)
        block = block + fetches.astype(np.uint64)
        z = jnp.where(normals_left, normal, normal_pair[1])
        u = jnp.where(uniforms_left, uniform, uniform_pair[1])
        normal = jnp.where(takes_normal & ~normals_left, normal_pair[0], normal)
        uniform = jnp.where(takes_uniform & ~uniforms_left, uniform_pair[0], uniform)
        normals_left, uniforms_left = normals_left ^ takes_normal, uniforms_left ^ takes_uniform

        linear = 1.0 + uncombined(c * z)
        x = jnp.where(takes_normal, z, x)
        cubed = jnp.where(takes_normal, linear * linear * linear, cubed)
        quick = u < 1 - 0.0331 * (x * x) * (x * x)
        accepted = quick | (jnp.log(u) < 0.5 * x * x + d * (1 - cubed + jnp.log(cubed)))
        value = jnp.where(wants == _UNIFORM, jnp.where(a == 1, -jnp.log(1 - u), d * cubed), value)
        value = jnp.where(wants == _BOOST, value * jnp.power(u, 1 / a), value)
        after_uniform = jnp.where((a == 1) | (accepted & (a > 1)), _DONE, jnp.where(accepted, _BOOST, _NORMAL))
        wants = jnp.where(
            takes_normal & (linear > 0),
            _UNIFORM,
            jnp.where(wants == _UNIFORM, after_uniform, jnp.where(wants == _BOOST, _DONE, wants)),
        )
        return wants, block, normals_left, normal, uniforms_left, uniform, x, cubed, value

    return turn


@jax.custom_jvp
def _with_gamma_gradient(samples, alpha):
    """`samples`, with the implicit derivative of a gamma variate by its parameter."""
    return samples


@_with_gamma_gradient.defjvp
def _gamma_jvp(primals, tangents):
    samples, alpha = primals
    return samples, lax.random_gamma_grad(alpha, samples) * tangents[1]


def gamma(state, alpha, *, shape):
    """Gamma variates of rate 1 -> [shape..., alpha.shape...] of alpha's type.  Differentiable by alpha.

    NaN where alpha is NaN or less than -2/3.
    """
    dtype, full = alpha.dtype, (*shape, *alpha.shape)
    a, block = _parameter_lanes(lax.stop_gradient(alpha), shape)
    d = jnp.where(a >= 1, a - 1 / 3, a + 2 / 3)
    c = quotient(jnp.full_like(d, 1 / 3), uncombined(jnp.sqrt(d)))
    valid = d > 0
    zero, no = jnp.zeros_like(a), jnp.zeros(a.shape, bool)
    wants = jnp.where(valid, jnp.where(a == 1, _UNIFORM, _NORMAL), _DONE).astype(np.int64)
    start = (wants, block, no, zero, no, zero, zero, zero, jnp.where(valid, zero, np.nan))
    value = lax.while_loop(lambda loop: jnp.any(loop[0] != _DONE), _gamma_turn(state, a, d, c), start)[-1]
    samples = value.reshape(full).astype(dtype)
    return _with_gamma_gradient(samples, jnp.broadcast_to(alpha, full))


def gamma_with_rate(samples, beta):
    """Gamma variates of rate 1 -> of rate `beta` (same type), never below the smallest normal number."""
    return jnp.maximum(np.asarray(jnp.finfo(samples.dtype).tiny), quotient(samples, beta))


def poisson(state, rate, *, shape, dtype):
    """Poisson variates -> dtype [shape..., rate.shape...].  An infinite rate gives infinity, NaN gives NaN."""
    r, block = _parameter_lanes(lax.stop_gradient(rate), shape)
    small = r < 10
    limit = jnp.exp(-r)
    b = 0.931 + 2.53 * jnp.sqrt(r)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)

    def turn(loop):
        done, block, product, value = loop
        later, earlier = (uniform64(pair).x for pair in reversed(blocks_at(state, Lanes(block))))
        # Below 10: uniform numbers multiplied until the product falls to exp(-r); two of them a turn.
        once, twice = product * later, product * later * earlier
        ends_once, ends = once <= limit, (once <= limit) | (twice <= limit)
        counted = value + jnp.where(ends_once, 0.0, jnp.where(ends, 1.0, 2.0))
        # From 10 on: Hormann's transformed rejection.
        u, v = later - 0.5, earlier
        us = 0.5 - jnp.abs(u)
        k = jnp.floor((2 * a / us + b) * u + r + 0.43)
        inside = (us >= 0.07) & (v <= 0.9277 - 3.6224 / (b - 2))
        outside = (k < 0) | ((us < 0.013) & (v > us))
        below = jnp.log(v * inverse_alpha / (a / (us * us) + b)) <= -r + k * jnp.log(r) - lax.lgamma(k + 1)
        value = jnp.where(done, value, jnp.where(small, counted, k))
        done = done | jnp.where(small, ends, inside | (~outside & below))
        return done, block + np.uint64(1), twice, value

    proper = jnp.isfinite(r)
    start = (~proper, block, jnp.ones_like(r), jnp.where(proper, 0.0, r))
    value = lax.while_loop(lambda loop: jnp.any(~loop[0]), turn, start)[-1]
    return value.reshape(*shape, *rate.shape).astype(dtype)
