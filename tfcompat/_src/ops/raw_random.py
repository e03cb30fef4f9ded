"""tf.raw_ops of the random family: both seeds as they are, whatever tf.random.set_seed said; two zeros are no seed."""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors, record
from ..random_state import determinism_asked
from . import array, random, random_kernels
from . import stateless_random as stateless
from .raw_array import raw


def _pair(seed, seed2):
    """The seeds as one value.  Raises InvalidArgumentError for none while ops must be deterministic."""
    if seed == 0 and seed2 == 0:
        if determinism_asked():
            raise errors.InvalidArgumentError(
                None, None, "When determinism is enabled, random ops must have a seed specified."
            )
        return (None, None)
    return (int(seed), int(seed2))


def _dense(type, definition):
    @raw(type)
    def published(*, shape, dtype, seed=0, seed2=0, name=None):
        """Numbers of `shape` and `dtype` from the stream of these two seeds."""
        return random._fill(definition, shape, dtypes.as_dtype(dtype), _pair(seed, seed2), name)


_dense("RandomUniform", random.UNIFORM)
_dense("RandomStandardNormal", random.NORMAL)
_dense("TruncatedNormal", random.TRUNCATED)


@raw("RandomUniformInt")
def _random_uniform_int(shape, minval, maxval, seed=0, seed2=0, name=None):
    """Integers of `shape` in [minval, maxval), two scalars of one dtype, int32 or int64."""
    low = record.convert_to_tensor(minval, name="minval")
    high = record.convert_to_tensor(maxval, low.dtype.base_dtype, name="maxval")
    return random._integers(shape, low, high, low.dtype.base_dtype, _pair(seed, seed2), name)


@raw("Multinomial")
def _multinomial(logits, num_samples, seed=0, seed2=0, output_dtype=dtypes.int64, name=None):
    """Classes [batch, num_samples] drawn by logits [batch, classes]."""
    return random._categorical(logits, num_samples, dtypes.as_dtype(output_dtype), _pair(seed, seed2), name)


@raw("RandomShuffle")
def _random_shuffle(value, seed=0, seed2=0, name=None):
    """`value`, its rows in random order."""
    return random.random_shuffle(value, _pair(seed, seed2), name)


# -- stateless ops, whose stream is a key [1] and a counter [2] ----------------------------------------------------------
def _stream(key, counter, alg):
    """The stream uint64[3] of a key and a counter.  Raises InvalidArgumentError for what is not Philox and for other shapes."""
    if int(record.setting(alg)) not in (1, 3):
        raise array.bad("StatelessRandom", f"Unsupported algorithm id: {int(record.setting(alg))}")
    key, counter = (record.convert_to_tensor(v, dtypes.uint64) for v in (key, counter))
    if not key.shape.is_compatible_with([1]):
        raise array.bad("StatelessRandom", f"key must have shape [1], not {key.shape}.")
    if counter.shape.rank not in (1, None) or counter.shape.rank and (counter.shape.as_list()[0] or 2) < 2:
        raise array.bad(
            "StatelessRandom", f"counter must be a vector with length at least 2; got shape: {counter.shape}."
        )
    return array.concat([key, counter[:2]], 0)


def _keyed(type, kernel, usual):
    @raw(type)
    def published(*, shape, key, counter, alg, dtype=usual, name=None):
        """Numbers of `shape` and `dtype` from the stream of this key and counter."""
        return record.call(kernel.op, [shape, _stream(key, counter, alg)], {"dtype": dtypes.as_dtype(dtype)}, name)


_keyed("StatelessRandomUniformV2", stateless.uniform_kernel, dtypes.float32)
_keyed("StatelessRandomNormalV2", stateless.normal_kernel, dtypes.float32)
_keyed("StatelessTruncatedNormalV2", stateless.truncated_kernel, dtypes.float32)
_keyed("StatelessRandomUniformFullIntV2", stateless.full_int_kernel, dtypes.uint64)


@raw("StatelessRandomUniformIntV2")
def _keyed_int(shape, key, counter, alg, minval, maxval, name=None):
    """Integers of `shape` in [minval, maxval), two scalars of one dtype."""
    low = record.convert_to_tensor(minval, name="minval")
    high = record.convert_to_tensor(maxval, low.dtype.base_dtype, name="maxval")
    return record.call(stateless.uniform_int_kernel.op, [shape, _stream(key, counter, alg), low, high], None, name)


@raw("StatelessRandomGammaV3")
def _keyed_gamma(shape, key, counter, alg, alpha, name=None):
    """Gamma(alpha, 1) numbers; `shape` ends in the shape of alpha."""
    return record.call(stateless.gamma_kernel.op, [shape, _stream(key, counter, alg), alpha], None, name)


@raw("StatelessRandomGetKeyCounter")
def _key_counter(seed, name=None):
    """(key uint64 [1], counter uint64 [2]) of a seed of two integers."""
    stream = stateless.stream_of(seed)
    return stream[:1], stream[1:]


@raw("StatelessRandomGetAlg")
def _get_alg(name=None):
    """The number of the algorithm that `auto_select` means: Philox."""
    return record.convert_to_tensor(np.array(1, np.int32), name=name)


@raw("StatelessRandomGetKeyCounterAlg")
def _key_counter_alg(seed, name=None):
    """(key, counter, number of the algorithm) of a seed of two integers."""
    return (*_key_counter(seed), _get_alg())


_NON_DETERMINISTIC = random._dense("NonDeterministicInts", random_kernels.full_int)


@raw("NonDeterministicInts")
def _non_deterministic_ints(shape, dtype=dtypes.int64, name=None):
    """Integers over the whole range of `dtype` from the operating system's entropy, drawn at each run."""
    dtype = dtypes.as_dtype(dtype)
    if dtype.name not in stateless.INTEGERS:
        raise errors.NotFoundError(
            None, None, f"NonDeterministicInts draws {', '.join(stateless.INTEGERS)}, not {dtype.name}"
        )
    return random._fill(_NON_DETERMINISTIC, shape, dtype, (None, None), name)
