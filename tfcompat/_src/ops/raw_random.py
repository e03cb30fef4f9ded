"""tf.raw_ops of the random family: both seeds as they are, whatever tf.random.set_seed said; two zeros are no seed."""

from __future__ import annotations

from .. import dtypes, errors, record
from . import random
from .raw_array import raw


def _pair(seed, seed2):
    """The seeds as one value.  Raises InvalidArgumentError for none while ops must be deterministic."""
    if seed == 0 and seed2 == 0:
        from ..platform import config

        if config._settings.deterministic:
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
