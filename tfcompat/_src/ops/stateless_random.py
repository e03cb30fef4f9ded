"""tf.random.stateless_*: numbers that depend on a seed of two integers alone, and TensorFlow's ways of making seeds
from seeds.

The kernels here take the state of a stream as a tensor, uint64[3] (philox.py); `StatelessStream` makes one from a
seed.  Generators (random_generator.py) draw through them as well.
"""

from __future__ import annotations

import enum

import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export, op, refused
from ..graph import context
from ..scopes import name_scope
from . import philox, random_host
from . import random_kernels as kernels
from . import random_samplers as samplers
from .random import _FLOATS, _shape, dispatched, scale_and_shift, worth_host

_FLAGS = dict(static="shape", alike=False, differentiable=False)
INTEGERS = ("int32", "int64", "uint32", "uint64")


@op("StatelessStream", name="StatelessRandomGetKeyCounter", differentiable=False)
def stateless_stream(seed):
    """The stream of a seed: integers [2] -> uint64[3]."""
    return philox.stateless_state(seed)


@op("StatelessRandomUniformV2", name="StatelessRandomUniformV2", **_FLAGS)
def uniform_kernel(shape, state, *, dtype):
    return kernels.uniform(state, shape=_shape(shape), dtype=dtype.np)


@op("StatelessRandomNormalV2", name="StatelessRandomNormalV2", **_FLAGS)
def normal_kernel(shape, state, *, dtype):
    return kernels.normal(state, shape=_shape(shape), dtype=dtype.np)


@op("StatelessTruncatedNormalV2", name="StatelessTruncatedNormalV2", **_FLAGS)
def truncated_kernel(shape, state, *, dtype):
    return kernels.truncated_normal(state, shape=_shape(shape), dtype=dtype.np)


@op("StatelessRandomUniformFullIntV2", name="StatelessRandomUniformFullIntV2", **_FLAGS)
def full_int_kernel(shape, state, *, dtype):
    return kernels.full_int(state, shape=_shape(shape), dtype=dtype.np)


@op("StatelessRandomUniformIntV2", name="StatelessRandomUniformIntV2", **_FLAGS)
def uniform_int_kernel(shape, state, minval, maxval):
    return kernels.uniform_int(state, minval, maxval, shape=_shape(shape))


@op("StatelessMultinomial", alike=False, differentiable=False, shapes="logits ? ?")
def multinomial_kernel(logits, state, *, num_samples, dtype):
    return samplers.categorical(state, logits, num_samples=num_samples, dtype=dtype.np)


@op("StatelessRandomGammaV3", name="StatelessRandomGammaV3", static="shape", alike=False)
def gamma_kernel(shape, state, alpha):
    """`shape` ends in the shape of the parameters, or broadcasts it."""
    shape = _shape(shape)
    return samplers.gamma(state, alpha, shape=_samples(shape, alpha))


@op("StatelessRandomPoisson", **_FLAGS)
def poisson_kernel(shape, state, lam, *, dtype):
    return samplers.poisson(state, lam, shape=_samples(_shape(shape), lam), dtype=dtype.np)


@op("StatelessShuffle", alike=False, differentiable=False)
def shuffle_kernel(value, state):
    return samplers.shuffle(state, value)


def _samples(shape, parameters):
    """The dimensions of `shape` before those of the parameters; raises where it does not end in these."""
    n = len(shape) - len(parameters.shape)
    if n < 0 or shape[n:] != tuple(parameters.shape):
        raise errors.InvalidArgumentError(
            None,
            None,
            f"Shape passed in must end with broadcasted shape: {list(shape)} does not end with "
            f"{list(parameters.shape)}",
        )
    return shape[:n]


_HOST = {
    uniform_kernel: random_host.host_uniform,
    normal_kernel: random_host.host_normal,
    truncated_kernel: random_host.host_truncated_normal,
    full_int_kernel: random_host.host_full_int,
}


def dense(kernel, shape, state, dtype):
    """Values of a dense kernel from the stream at `state` (a tensor); eagerly by NumPy where the state is known on the
    host.
    """
    if context.graph is None and not context.tapes and state._slot.value.__class__ is np.ndarray:
        known = _shape(np.atleast_1d(record.shape_array(shape)))
        if worth_host(kernel, known, dtype):
            return record.constant(np.asarray(_HOST[kernel](state._slot.value, known, dtype.np)))
    return kernel(shape, state, dtype=dtype)


def stream_of(seed):
    """The stream of `seed`, two integers as a list, array or tensor -> uint64[3]; ValueError for another shape or
    dtype.
    """
    seed = record.convert_to_tensor(seed, name="seed")
    if seed.dtype.name not in INTEGERS:
        raise (
            errors.InvalidArgumentError(
                None,
                None,
                f"Value for attr 'Tseed' of {seed.dtype.name} is not in the list of allowed values: int32, int64",
            )
            if context.graph is None
            else TypeError(f"seed must be integers, got {seed.dtype}")
        )
    shape = seed._shape_tuple()
    if shape is not None and (len(shape) != 1 or shape[0] not in (2, None)):
        raise (
            errors.InvalidArgumentError(None, None, f"seed must have shape [2], not {list(shape)}")
            if context.graph is None
            else ValueError(f"seed must have shape [2], not {list(shape)}")
        )
    if context.graph is None and not context.tapes and seed._slot.value.__class__ is np.ndarray:
        return record.constant(philox.host_stateless_state(seed._slot.value.tolist()))
    return stateless_stream(seed)


@export("random.Algorithm random.experimental.Algorithm")
class Algorithm(enum.Enum):
    """Random-number algorithms; automatic selection means Philox, and there are no numbers by ThreeFry, as in TensorFlow."""

    PHILOX = 1
    THREEFRY = 2
    AUTO_SELECT = 3


def algorithm(alg):
    """The Algorithm given by its name, its number or itself; ValueError for anything else."""
    value = getattr(alg, "value", alg)
    for known in Algorithm:
        if value == known.value or isinstance(value, str) and value.upper() == known.name:
            return known
    raise ValueError(f"The chosen seed algorithm {alg!r} is unsupported: use 'philox', 'threefry' or 'auto_select'.")


def check_algorithm(alg):
    """Philox and automatic choices are one on the CPU; everything else is refused."""
    if algorithm(alg) is Algorithm.THREEFRY:
        raise NotImplementedError(
            "tfcompat draws by Philox, as TensorFlow does on CPUs; alg='threefry' is not available."
        )


def _checked(dtype, accepted):
    dtype = dtypes.as_dtype(dtype)
    if dtype.name not in accepted:
        listed = tuple([getattr(dtypes, n) for n in accepted])
        raise ValueError(f"Argument `dtype` got invalid value {dtype!r}. Accepted dtypes are {listed}.")
    return dtype


def scaled(values, scale, shift, scope):
    """values * scale + shift, two roundings."""
    if (
        context.graph is None
        and not context.tapes
        and values._slot.value.__class__ is np.ndarray
        and values.dtype.size >= 4
    ):
        return record.constant(np.asarray(values._slot.value * scale._numpy() + shift._numpy()))
    return record.call(scale_and_shift.op, [values, scale, shift], None, scope)


@export("random.stateless_uniform")
def stateless_uniform(shape, seed, minval=0, maxval=None, dtype=dtypes.float32, name=None, alg="auto_select"):
    """Uniform numbers in [minval, maxval); integers over their whole range where both are None."""
    check_algorithm(alg)
    dtype = _checked(dtype, ("float16", "bfloat16", "float32", "float64", *INTEGERS))
    if dtype.is_integer:
        if (minval is None) != (maxval is None):
            raise ValueError(
                f"For integer `dtype` argument {dtype!r}, argument `minval` and `maxval` must be both None or not "
                "None. Got "
                f"`minval`={minval} and `maxval`={maxval}."
            )
        if minval is not None and dtype.name in ("uint32", "uint64"):
            raise ValueError(
                f"Argument `dtype` got invalid value {dtype!r} when argument `minval` is not None. Please don't "
                "use unsigned integers "
                "in this case."
            )
    with name_scope(name, "stateless_random_uniform", [shape, seed, minval, maxval]) as scope:
        return uniform_from(stream_of(seed), shape, minval, maxval, dtype, scope)


def uniform_from(state, shape, minval, maxval, dtype, scope):
    """Uniform numbers from a stream: full-range integers, integers of a range, or scaled floats."""
    if dtype.is_integer:
        if minval is None:
            return dense(full_int_kernel, shape, state, dtype)
        low = record.convert_to_tensor(minval, dtype, name="min")
        high = record.convert_to_tensor(maxval, dtype, name="max")
        if context.graph is None and low.shape.rank == 0 and not low._numpy() < high._numpy():
            raise errors.InvalidArgumentError(
                None, None, f"Need minval < maxval, got {low._numpy()} >= {high._numpy()}"
            )
        return record.call(uniform_int_kernel.op, [shape, state, low, high], None, scope)
    low = record.convert_to_tensor(0 if minval is None else minval, dtype, name="min")
    high = record.convert_to_tensor(1 if maxval is None else maxval, dtype, name="max")
    return scaled(dense(uniform_kernel, shape, state, dtype), high - low, low, scope)


def normal_from(kernel, state, shape, mean, stddev, dtype, scope):
    """Normal (or truncated normal) numbers from a stream, scaled."""
    mean = record.convert_to_tensor(mean, dtype, name="mean")
    stddev = record.convert_to_tensor(stddev, dtype, name="stddev")
    return scaled(dense(kernel, shape, state, dtype), stddev, mean, scope)


def _normal(kernel, default, shape, seed, mean, stddev, dtype, name, alg):
    check_algorithm(alg)
    dtype = _checked(dtype, _FLOATS.split())
    with name_scope(name, default, [shape, seed, mean, stddev]) as scope:
        return normal_from(kernel, stream_of(seed), shape, mean, stddev, dtype, scope)


@export("random.stateless_normal")
def stateless_normal(shape, seed, mean=0.0, stddev=1.0, dtype=dtypes.float32, name=None, alg="auto_select"):
    """Normal numbers with this mean and standard deviation."""
    return _normal(normal_kernel, "stateless_random_normal", shape, seed, mean, stddev, dtype, name, alg)


@export("random.stateless_truncated_normal")
def stateless_truncated_normal(shape, seed, mean=0.0, stddev=1.0, dtype=dtypes.float32, name=None, alg="auto_select"):
    """Normal numbers, those beyond two standard deviations drawn again."""
    return _normal(truncated_kernel, "stateless_truncated_normal", shape, seed, mean, stddev, dtype, name, alg)


@export("random.stateless_categorical")
def stateless_categorical(logits, num_samples, seed, dtype=dtypes.int64, name=None):
    """`num_samples` class indices per row of log-probabilities [batch, classes] -> [batch, num_samples]."""
    with name_scope(name, "stateless_categorical", [logits, seed]):
        return _multinomial(logits, num_samples, dtype, seed)


@export("", v1="random.stateless_multinomial")
def stateless_multinomial(logits, num_samples, seed, output_dtype=dtypes.int64, name=None):
    """TF1's stateless_categorical."""
    with name_scope(name, "stateless_multinomial", [logits, seed]):
        return _multinomial(logits, num_samples, output_dtype, seed)


def _multinomial(logits, num_samples, dtype, seed):
    dtype = _checked(dtypes.int64 if dtype is None else dtype, ("int32", "int64"))
    logits = record.convert_to_tensor(logits, name="logits")
    rank = logits.shape.rank
    if rank is not None and rank != 2:
        raise (
            errors.InvalidArgumentError(None, None, f"logits should be a matrix, got shape {logits.shape}")
            if context.graph is None
            else ValueError(f"Shape must be rank 2 but is rank {rank}")
        )
    return multinomial_kernel(logits, stream_of(seed), num_samples=num_samples, dtype=dtype)


@export("random.stateless_gamma")
def stateless_gamma(shape, seed, alpha, beta=None, dtype=dtypes.float32, name=None):
    """Gamma(alpha, rate beta) numbers; `shape` ends in what alpha and beta broadcast to."""
    from .random import _gamma_rate

    dtype = _checked(dtype, ("float16", "float32", "float64"))
    with name_scope(name, "stateless_random_gamma", [shape, seed, alpha, beta]) as scope:
        alpha = record.convert_to_tensor(alpha, dtype, name="alpha")
        beta = record.convert_to_tensor(1 if beta is None else beta, dtype, name="beta")
        if beta.shape.rank:
            alpha = alpha + OPS["ZerosLike"].public(beta)
        values = record.call(gamma_kernel.op, [shape, stream_of(seed), _spread(alpha, shape)], None, None)
        return record.call(_gamma_rate.op, [dispatched(values), beta], None, scope)


def _spread(parameters, shape):
    """Parameters broadcast to the last dimensions of `shape`, where these are known and larger."""
    part = record.constant_value_as_shape(shape)
    own = parameters._shape_tuple()
    if part.rank is None or own is None or not own:
        return parameters
    tail = part.as_list()[part.rank - len(own) :]
    if None in tail or None in own or tuple(tail) == tuple(own) or len(tail) != len(own):
        return parameters
    if all(b in (1, a) for a, b in zip(tail, own)):
        return OPS["BroadcastTo"].public(parameters, tail)
    return parameters


@export("random.stateless_poisson")
def stateless_poisson(shape, seed, lam, dtype=dtypes.int32, name=None):
    """Poisson(lam) numbers; `shape` ends in what lam broadcasts to."""
    dtype = _checked(dtype, ("float16", "float32", "float64", "int32", "int64"))
    with name_scope(name, "stateless_random_poisson", [shape, seed, lam]):
        lam = record.convert_to_tensor(lam, name="lam")
        if not lam.dtype.is_floating:
            lam = OPS["Cast"].public(lam, dtype=dtypes.float64)
        return dispatched(poisson_kernel(shape, stream_of(seed), _spread(lam, shape), dtype=dtype))


@export("random.experimental.stateless_shuffle")
def stateless_shuffle(value, seed, alg="auto_select", name=None):
    """`value` with its rows along the first dimension in an order that the seed decides."""
    check_algorithm(alg)
    with name_scope(name, "stateless_shuffle", [value, seed]):
        return shuffle_kernel(record.convert_to_tensor(value, name="value"), stream_of(seed))


@export("random.split random.experimental.stateless_split", v1="random.split random.experimental.stateless_split")
def split(seed, num=2, alg="auto_select"):
    """`num` seeds made from one: integers [num, 2] of the seed's dtype."""
    check_algorithm(alg)
    seed = record.convert_to_tensor(seed)
    return stateless_uniform([num, 2], seed, None, None, seed.dtype, alg=alg)


@export(
    "random.fold_in random.experimental.stateless_fold_in", v1="random.fold_in random.experimental.stateless_fold_in"
)
def fold_in(seed, data, alg="auto_select"):
    """A seed made from a seed and an integer -> [2] of the integer's dtype."""
    data = record.convert_to_tensor(data)
    first = stateless_uniform([1], seed, None, None, data.dtype, alg=alg)
    return OPS["ConcatV2"].public([first, OPS["Reshape"].public(data, [1])], 0)


_SHUFFLE = "not reproduced; use tf.random.experimental.stateless_shuffle(tf.range(n), seed)."
BINOMIAL = (
    "TensorFlow's binomial sampler is not reproduced; draw uniforms and count, or use NumPy's Generator.binomial."
)
refused(
    "random.stateless_binomial",
    BINOMIAL,
    lambda shape, seed, counts, probs, output_dtype=dtypes.int32, name=None: None,
)
refused(
    "random.stateless_parameterized_truncated_normal",
    "not reproduced; for -2 to 2 deviations use tf.random.stateless_truncated_normal.",
    lambda shape, seed, means=0.0, stddevs=1.0, minvals=-2.0, maxvals=2.0, name=None: None,
)
refused("random.experimental.index_shuffle", _SHUFFLE, lambda index, seed, max_index: None)
refused("random_index_shuffle", _SHUFFLE, lambda index, seed, max_index, rounds=4, name=None: None)


@export("nn.experimental.stateless_dropout")
def stateless_dropout(x, rate, seed, rng_alg=None, noise_shape=None, name=None):
    """tf.nn.dropout whose decisions depend on `seed` alone."""
    return general_dropout(
        x,
        rate,
        lambda shape, dtype: stateless_uniform(shape, seed, dtype=dtype, alg=rng_alg or "auto_select"),
        noise_shape,
        name or "stateless_dropout",
    )


@export("nn.experimental.general_dropout")
def general_dropout(x, rate, uniform_sampler, noise_shape=None, name=None):
    """tf.nn.dropout with uniform numbers from `uniform_sampler(shape=, dtype=)`; ValueError for a rate not in [0, 1)."""
    from . import dropout

    with name_scope(name, "dropout", [x] if context.graph is not None else None):
        known = isinstance(rate, (int, float, np.number))
        if known and not 0 <= rate < 1:
            raise ValueError(f"`rate` must be a scalar tensor or a float in the range [0, 1). Received: rate={rate}")
        x = record.convert_to_tensor(x, name="x")
        if not x.dtype.is_floating:
            raise ValueError(
                f"`x.dtype` must be a floating point tensor as `x` will be scaled. Received: x_dtype={x.dtype}"
            )
        if known and rate == 0:
            return x
        drawn = uniform_sampler(shape=dropout._noise_shape(x, noise_shape), dtype=x.dtype.base_dtype)
        if known:
            return dropout.dropout_kernel(x, drawn, rate=float(rate))
        return dropout.dropout_of_tensor_kernel(x, drawn, dropout._rate_tensor(x, rate))
