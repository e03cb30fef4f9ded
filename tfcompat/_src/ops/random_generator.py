"""tf.random.Generator: a stream of random numbers whose state is a variable, so it moves on eagerly and in functions
alike.
"""

from __future__ import annotations

import contextlib
import os

import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..graph import context
from ..random_state import determinism_asked
from ..scopes import control_dependencies, init_scope, name_scope
from ..shapes import TensorShape
from ..train.trackable import AutoTrackable
from . import philox
from . import stateless_random as stateless
from .random import _FLOATS, _shape, _size
from .stateless_random import Algorithm

BLOCKS = 256  # a draw moves the counter by this much for each element, whatever it used


def _algorithm(alg):
    """The number of an algorithm given in any form; ValueError for what is none."""
    return 1 if alg is None else stateless.algorithm(alg).value


def _words(alg):
    """The size of a state: a counter and a key."""
    return 2 if alg == Algorithm.THREEFRY.value else 3


@op("GeneratorStream", differentiable=False)
def generator_stream(state):
    """A generator's state int64[3] as a stream uint64[3]."""
    return philox.generator_stream(state)


@op("RngSkip", alike=False, differentiable=False)
def skip_kernel(state, delta):
    """A generator's state int64[3] with its counter moved by 256 * delta (uint64 scalar)."""
    blocks = lax.mul(lax.convert_element_type(delta, np.uint64), np.uint64(BLOCKS))
    return philox.stream_generator(philox.advance(philox.generator_stream(state), blocks))


@export("random.create_rng_state random.experimental.create_rng_state")
def create_rng_state(seed, alg):
    """The state int64[3] (ThreeFry: [2]) of a generator with this seed: an integer, or up to three of them."""
    return record.constant(_seed_state(seed, _algorithm(alg)))


def _seed_state(seed, alg):
    return philox.generator_seed_state(_host_seed(seed))[: _words(alg)]


def _host_seed(seed):
    if isinstance(seed, record.Tensor):
        value = record.static_value(seed)
        if value is None:
            raise NotImplementedError("tfcompat needs a generator's seed while the graph is built: pass integers.")
        return value.item() if value.ndim == 0 else value.ravel().tolist()
    return seed


@export("random.Generator random.experimental.Generator")
class Generator(AutoTrackable):
    """A random-number generator: `state` is a variable int64[3], counter (two words) and key; drawing moves it.

    Raises ValueError for states of another shape, and UnimplementedError where numbers by ThreeFry (int64[2]) are drawn.
    """

    def __init__(self, copy_from=None, state=None, alg=None):
        if copy_from is not None:
            if not (state is None and alg is None):
                raise ValueError("Cannot give `state` or `alg` together with `copy_from`.")
            state, alg = copy_from.state, copy_from.algorithm
        elif state is None or alg is None:
            raise AssertionError("Either `copy_from` or both of `state` and `alg` must be given.")
        self._alg = _algorithm(alg)
        self._state_var = self._variable(state)

    def _variable(self, state):
        from ..variables import Variable

        if hasattr(state.__class__, "_dense_tensor"):
            state = record.convert_to_tensor(state)
        if isinstance(state, record.Tensor) and state.dtype is dtypes.uint64:
            state = OPS["Bitcast"].public(state, dtypes.int64)
        value = record.convert_to_tensor(state, dtypes.int64) if not isinstance(state, record.Tensor) else state
        TensorShape(value.shape).assert_is_compatible_with([_words(self._alg)])
        with name_scope(None, "random_generator") if context.graph is not None else contextlib.nullcontext():
            return Variable(value, dtype=dtypes.int64, name="StateVar", trainable=False)

    # -- making generators --------------------------------------------------------------------------------------------
    @classmethod
    def from_state(cls, state, alg):
        """A generator that goes on from `state`, integers."""
        return cls(alg=alg, state=state)

    @classmethod
    def from_seed(cls, seed, alg=None):
        """A generator started from an integer or up to three of them."""
        alg = _algorithm(alg)
        return cls(state=_seed_state(seed, alg), alg=alg)

    @classmethod
    def from_non_deterministic_state(cls, alg=None):
        """A generator started from the operating system's entropy.  Raises RuntimeError where determinism is enabled."""
        if determinism_asked():
            raise RuntimeError('"from_non_deterministic_state" cannot be called when determinism is enabled.')
        alg = _algorithm(alg)
        return cls(state=np.frombuffer(os.urandom(8 * _words(alg)), np.int64), alg=alg)

    @classmethod
    def from_key_counter(cls, key, counter, alg):
        """A generator with this key (scalar) and counter [2]."""
        return cls(state=_joined(key, counter), alg=alg)

    # -- state --------------------------------------------------------------------------------------------------------
    @property
    def state(self):
        return self._state_var

    @property
    def algorithm(self):
        return self._alg

    @property
    def key(self):
        return self._state_var.value()[-1]

    def reset(self, state):
        """Continues from `state`, integers."""
        state = record.convert_to_tensor(state, dtypes.int64)
        TensorShape(state.shape).assert_is_compatible_with([_words(self._alg)])
        self._state_var.assign(state)

    def reset_from_seed(self, seed):
        """Starts over from a seed."""
        self._state_var.assign(_seed_state(seed, self._alg))

    def reset_from_key_counter(self, key, counter):
        """Continues from a key (scalar) and counter [2]."""
        self._state_var.assign(_joined(key, counter))

    def skip(self, delta):
        """Moves on as if `delta` numbers had been drawn; returns the state before."""
        before = self._state_var.value()
        self._move(before, delta)
        return before

    def _move(self, state, delta):
        if self._alg == Algorithm.THREEFRY.value:
            raise errors.UnimplementedError(None, None, "Non-XLA devices don't support the ThreeFry algorithm.")
        if context.graph is None and not isinstance(delta, record.Tensor):
            stream = philox.generator_stream(np.ascontiguousarray(state._numpy()))
            return self._state_var.assign(philox.stream_generator(philox.host_advance(stream, BLOCKS * int(delta))))
        if not isinstance(delta, record.Tensor):
            delta = record.convert_to_tensor(int(delta) % 2**64, dtypes.uint64)
        return self._state_var.assign(skip_kernel(state, OPS["Cast"].public(delta, dtype=dtypes.uint64)))

    def _next(self, shape):
        """The stream for a draw of `shape`; the state moves past it."""
        state = self._state_var.read_value()
        known = record.constant_value_as_shape(shape)
        if known.is_fully_defined():
            moved = self._move(state, _size(known.as_list()))
        else:
            size = OPS["Prod"].public(record.convert_to_tensor(shape), 0)
            moved = self._move(state, OPS["Cast"].public(size, dtype=dtypes.int64))
        if context.graph is None and not context.tapes:
            return record.constant(philox.generator_stream(np.ascontiguousarray(state._numpy())))
        if context.graph is None:
            return generator_stream(state)
        with control_dependencies([moved.op]):  # whoever draws moves the state
            return generator_stream(state)

    # -- drawing ------------------------------------------------------------------------------------------------------
    def normal(self, shape, mean=0.0, stddev=1.0, dtype=dtypes.float32, name=None):
        """Normal numbers with this mean and standard deviation."""
        return self._normal(stateless.normal_kernel, "stateful_normal", shape, mean, stddev, dtype, name)

    def truncated_normal(self, shape, mean=0.0, stddev=1.0, dtype=dtypes.float32, name=None):
        """Normal numbers, those beyond two standard deviations drawn again."""
        return self._normal(stateless.truncated_kernel, "truncated_normal", shape, mean, stddev, dtype, name)

    def _normal(self, kernel, default, shape, mean, stddev, dtype, name):
        dtype = _floating(dtype)
        with name_scope(name, default, [shape, mean, stddev]) as scope:
            shape = _sizes(shape)
            return stateless.normal_from(kernel, self._next(shape), shape, mean, stddev, dtype, scope)

    def uniform(self, shape, minval=0, maxval=None, dtype=dtypes.float32, name=None):
        """Uniform numbers in [minval, maxval); integers over their whole range where both are None."""
        dtype = dtypes.as_dtype(dtype)
        if dtype.is_integer:
            if (minval is None) != (maxval is None):
                raise ValueError(
                    f"For integer dtype {dtype!r}, minval and maxval must be both `None` or both non-`None`; got "
                    f"minval={minval} and "
                    f"maxval={maxval}"
                )
        else:
            _floating(dtype)
        with name_scope(name, "stateful_uniform", [shape, minval, maxval]) as scope:
            shape = _sizes(shape)
            return stateless.uniform_from(self._next(shape), shape, minval, maxval, dtype, scope)

    def uniform_full_int(self, shape, dtype=dtypes.uint64, name=None):
        """Integers over the whole range of their type."""
        with name_scope(name, "stateful_uniform_full_int", [shape]):
            shape = _sizes(shape)
            return stateless.dense(stateless.full_int_kernel, shape, self._next(shape), dtypes.as_dtype(dtype))

    def binomial(self, shape, counts, probs, dtype=dtypes.int32, name=None):
        raise NotImplementedError("tf.random.Generator.binomial: " + stateless.BINOMIAL)

    def _make_int64_keys(self, shape=()):
        return self.uniform_full_int(shape, dtypes.int64)

    def make_seeds(self, count=1):
        """`count` seeds for stateless ops, as columns of int64 [2, count]."""
        keys = self._make_int64_keys([count])
        return OPS["Pack"].public([keys, OPS["ZerosLike"].public(keys)])

    def split(self, count=1):
        """A list of `count` independent generators."""
        keys = self._make_int64_keys([count])
        n = int(record.setting(count))
        return [
            Generator(state=OPS["Pack"].public([np.int64(0), np.int64(0), keys[i]]), alg=self._alg) for i in range(n)
        ]


def _joined(key, counter):
    """A state from a key and a counter."""
    counter = OPS["Cast"].public(record.convert_to_tensor(counter), dtype=dtypes.int64)
    key = OPS["Cast"].public(record.convert_to_tensor(key), dtype=dtypes.int64)
    TensorShape(counter.shape).assert_is_compatible_with([2])
    TensorShape(key.shape).assert_is_compatible_with([])
    return OPS["ConcatV2"].public([counter, OPS["Reshape"].public(key, [1])], 0)


def _floating(dtype):
    dtype = dtypes.as_dtype(dtype)
    if dtype.name not in _FLOATS.split():
        raise errors.InvalidArgumentError(None, None, f"Unsupported dtype {dtype.name} for a random-number generator")
    return dtype


def _sizes(shape):
    return (
        shape
        if isinstance(shape, record.Tensor)
        else _shape(record.shape_array(shape))
        if not _has_tensor(shape)
        else shape
    )


def _has_tensor(shape):
    return shape.__class__ in (list, tuple) and record._contains_tensor(shape)


_global: list = []


@export("random.get_global_generator random.experimental.get_global_generator")
def get_global_generator():
    """The process's generator, made from entropy on first use."""
    if not _global or _global[0] is None:
        if determinism_asked():
            raise RuntimeError(
                '"get_global_generator" cannot be called if determinism is enabled, unless "set_global_generator" has '
                'already been called. Please call "set_global_generator" first.'
            )
        with init_scope():
            _global[:] = [Generator.from_non_deterministic_state()]
    return _global[0]


@export("random.set_global_generator random.experimental.set_global_generator")
def set_global_generator(generator):
    """Makes `generator` the one that get_global_generator returns from here on."""
    _global[:] = [generator]
