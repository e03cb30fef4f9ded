"""tf.random and TF1's random ops: TensorFlow's own numbers, from streams that continue as TensorFlow's do (spec: docs/random.md)."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..engine import dispatch
from ..graph import GraphSlot, aval, context
from ..random_state import STATE, Stream, eager_state, get_seed
from ..scopes import name_scope
from . import philox
from . import random_kernels as kernels
from . import random_samplers as samplers
from .slicing import slice_

_FLOATS = "float16 bfloat16 float32 float64"


def _shape(shape):
    """A shape as numbers; InvalidArgumentError for a negative one."""
    sizes = tuple([int(d) for d in shape])
    if any(d < 0 for d in sizes):
        raise errors.InvalidArgumentError(None, None, f"Dimension {min(sizes)} must be >= 0")
    return sizes


def _size(shape, times=1):
    """The number of elements, `times` over; InvalidArgumentError where that is beyond all bounds."""
    size = math.prod(shape) * times
    if size >= 2**63:
        raise errors.InvalidArgumentError(
            None, None, f"Shape {list(shape)} would have more than 2**63 - 1 elements (overflow)"
        )
    return size


# The ops: shape first (static), then tensors, then the stream's state, which is the operation's effect.  Each returns its values and
# the state after it.


def _dense(type, kernel):
    @op(type, static="shape", alike=False, differentiable=False, stateful=True)
    def dense(shape, state, *, dtype):
        shape = _shape(shape)
        return kernel(state, shape=shape, dtype=dtype.np), philox.advance(state, philox.dense_blocks(_size(shape)))

    return dense.op


UNIFORM = _dense("RandomUniform", kernels.uniform)
NORMAL = _dense("RandomStandardNormal", kernels.normal)
TRUNCATED = _dense("TruncatedNormal", kernels.truncated_normal)
_HOST = {}  # op -> NumPy kernel with the same bits


@op("RandomUniformInt", static="shape", alike=False, differentiable=False, stateful=True)
def uniform_int_kernel(shape, minval, maxval, state):
    shape = _shape(shape)
    return kernels.uniform_int(state, minval, maxval, shape=shape), philox.advance(
        state, philox.dense_blocks(_size(shape))
    )


@op("RandomShuffle", alike=False, differentiable=False, stateful=True)
def shuffle_kernel(value, state):
    return samplers.shuffle(state, value), philox.advance(state, philox.shuffle_blocks(value.shape))


@op("Multinomial", alike=False, differentiable=False, stateful=True)
def multinomial_kernel(logits, state, *, num_samples, dtype):
    if logits.ndim == 2 and logits.shape[0] and not logits.shape[1] and num_samples:
        raise errors.InvalidArgumentError(None, None, "num_classes should be positive, got 0")
    blocks = philox.categorical_blocks(logits.shape[0], num_samples)
    return samplers.categorical(state, logits, num_samples=num_samples, dtype=dtype.np), philox.advance(state, blocks)


@op("RandomGamma", static="shape", alike=False, stateful=True)
def gamma_kernel(shape, alpha, state):
    shape = _shape(shape)
    return samplers.gamma(state, alpha, shape=shape), philox.advance(
        state, philox.dense_blocks(_size(shape, alpha.size))
    )


@op("RandomPoissonV2", static="shape", alike=False, differentiable=False, stateful=True)
def poisson_kernel(shape, rate, state, *, dtype):
    shape = _shape(shape)
    return samplers.poisson(state, rate, shape=shape, dtype=dtype.np), philox.advance(
        state, philox.dense_blocks(_size(shape, rate.size))
    )


@op("ScaleAndShift")
def scale_and_shift(x, scale, shift):
    """x * scale + shift with two roundings (XLA would fuse them into one)."""
    return kernels.scale_and_shift(x, scale, shift)


def dispatched(values):
    """`values`, which a sampler with a loop draws; eagerly their computation begins at once.

    A program takes a third of a second to compile for each such loop in it, and every further draw repeats this program.
    """
    if context.graph is None:
        dispatch.flush()
    return values


def _draw(definition, shape, tensors, settings, seed, name, blocks, key, out):
    """Records a random op and returns its values.

    seed: an op's seed, or a tuple of both seeds as they are
    blocks(shape) -> how far an eager stream moves; key: what tells streams of equal seeds apart; out(shape) -> (DType, static shape)
    """
    pair = seed if seed.__class__ is tuple else get_seed(seed)
    graph = context.graph
    if graph is None:
        fixed = None
        if shape is not None:
            shape = record.shape_array(shape)
            if shape.dtype.kind not in "iu" and shape.size:
                raise errors.InvalidArgumentError(
                    None, None, f"shape must be a vector of {{int32,int64}}, got shape {shape}"
                )
            fixed = {0: shape}
        moved = blocks(None if shape is None else _shape(np.atleast_1d(shape)))
        state = eager_state((definition.type, *key), pair, moved, keep=seed is not None and pair != (None, None))
        host = _HOST.get(definition)
        if host is not None and not context.tapes and worth_host(definition, _shape(shape), settings["dtype"]):
            return record.constant(host(state, _shape(shape), settings["dtype"].np))
        sig = definition.signature(settings, fixed)
        slots = [t._slot for t in tensors]
        return record.record_eager(sig, (*slots, record.constant(state)._slot))[0]
    full = graph.op_name(name, definition.name)
    inputs = list(tensors)
    static = None
    if shape is not None:
        if not isinstance(shape, record.Tensor) and not (
            shape.__class__ in (list, tuple) and record._contains_tensor(shape)
        ):
            shape = record.shape_array(shape)
        shape = record.convert_to_tensor(shape, name=f"{full}/shape/")
        part = record.constant_value_as_shape(shape)
        static = None if part.rank is None else tuple(part.as_list())
        inputs.insert(0, shape)
    stream = Stream(full, pair)
    dtype, out_shape = out(static)
    sig = definition.signature(settings or {})
    made = record.add_op(
        graph, sig, inputs, full, reads=(stream,), writes=(stream,), avals=(aval(dtype, out_shape),), single=True
    )
    if definition.differentiable:  # its gradient draws again, from the state before
        made.op.state_ins = (record.SymbolicTensor(GraphSlot(made.op, ~0, STATE))._slot,)
    made.op.attributes = {"seed": pair[0] or 0, "seed2": pair[1] or 0}
    return made


_HOST_LIMIT = 1 << 20  # elements; NumPy draws that many in about the time XLA takes to compile, a fifth of a second
_SMALL = 1 << 11  # elements; there NumPy is as fast as a compiled program
_drawn_on_host: dict = {}  # (op, shape, dtype) -> elements


def worth_host(definition, shape, dtype):
    """Whether NumPy should draw this: as long as all it drew of this form took no longer than compiling a program would have."""
    size = _size(shape)
    if size <= _SMALL:
        return True
    key = definition, shape, dtype
    total = _drawn_on_host.get(key, 0) + size
    if total > _HOST_LIMIT:
        return False
    if len(_drawn_on_host) > 4096:
        _drawn_on_host.clear()
    _drawn_on_host[key] = total
    return True


def _fill(definition, shape, dtype, seed, name):
    return _draw(
        definition,
        shape,
        (),
        {"dtype": dtype},
        seed,
        name,
        lambda s: philox.dense_blocks(_size(s)),
        (dtype,),
        lambda s: (dtype, s),
    )


def _floating(dtype, names=_FLOATS):
    dtype = dtypes.as_dtype(dtype)
    if dtype.name not in names.split():
        raise ValueError(f"Argument `dtype` got invalid value {dtype!r}. Accepted dtypes are {names}.")
    return dtype


@export("random.uniform", v1="random_uniform random.uniform")
def random_uniform(shape, minval=0, maxval=None, dtype=dtypes.float32, seed=None, name=None):
    """Uniform numbers in [minval, maxval): floats by default [0, 1), integers with `maxval` given (ValueError without)."""
    dtype = _floating(dtype, _FLOATS + " int32 int64 uint32 uint64")
    if maxval is None:
        if dtype.is_integer:
            raise ValueError(f"Must specify maxval for integer dtype {dtype!r}")
        maxval = 1
    with name_scope(name, "random_uniform", [shape, minval, maxval]) as scope:
        if dtype.is_integer:
            low = record.convert_to_tensor(minval, dtype, name="min")
            high = record.convert_to_tensor(maxval, dtype, name="max")
            return _integers(shape, low, high, dtype, seed, scope)
        plain = minval.__class__ in (int, float) and minval == 0
        if context.graph is None and plain and maxval.__class__ in (int, float) and maxval == 1:
            return _fill(UNIFORM, shape, dtype, seed, None)
        low = record.convert_to_tensor(minval, dtype, name="min")
        high = record.convert_to_tensor(maxval, dtype, name="max")
        values = _fill(UNIFORM, shape, dtype, seed, None)
        return _scaled(values, high - low, low, scope)


def _integers(shape, low, high, dtype, seed, scope):
    """Integers of `shape` in [low, high), two scalar tensors of `dtype`."""
    for name, bound in (("minval", low), ("maxval", high)):
        if bound.shape.rank not in (0, None):
            text = f"{name} must be a scalar; got a tensor of shape {bound.shape}"
            raise errors.InvalidArgumentError(None, None, text) if context.graph is None else ValueError(text)
    if context.graph is None:
        a, b = low._numpy(), high._numpy()
        if not a < b and _size(record.shape_array(shape)):
            raise errors.InvalidArgumentError(None, None, f"Need minval < maxval, got {a} >= {b} [Op:RandomUniformInt]")
    return _draw(
        uniform_int_kernel.op,
        shape,
        (low, high),
        None,
        seed,
        scope,
        lambda s: philox.dense_blocks(_size(s)),
        (dtype,),
        lambda s: (dtype, s),
    )


def _scaled(values, scale, shift, scope):
    if context.graph is None and values._slot.value.__class__ is np.ndarray:
        a, b, c = values._slot.value, scale._numpy(), shift._numpy()
        if a.dtype.itemsize >= 4:
            return record.constant(np.asarray(a * b + c))
    return record.call(scale_and_shift.op, [values, scale, shift], None, scope)


@export("random.normal", v1="random_normal random.normal")
def random_normal(shape, mean=0.0, stddev=1.0, dtype=dtypes.float32, seed=None, name=None):
    """Normal numbers with this mean and standard deviation."""
    return _normal(NORMAL, "random_normal", shape, mean, stddev, dtype, seed, name)


@export("random.truncated_normal", v1="truncated_normal random.truncated_normal")
def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=dtypes.float32, seed=None, name=None):
    """Normal numbers, those beyond two standard deviations drawn again."""
    return _normal(TRUNCATED, "truncated_normal", shape, mean, stddev, dtype, seed, name)


def _normal(definition, default, shape, mean, stddev, dtype, seed, name):
    with name_scope(name, default, [shape, mean, stddev]) as scope:
        mean = record.convert_to_tensor(mean, dtype, name="mean")
        stddev = record.convert_to_tensor(stddev, dtype, name="stddev")
        dtype = _floating(dtype)
        values = _fill(definition, shape, dtype, seed, None)
        return _scaled(values, stddev, mean, scope)


@export("random.shuffle", v1="random_shuffle random.shuffle")
def random_shuffle(value, seed=None, name=None):
    """`value` with its rows along the first dimension in random order."""
    value = record.convert_to_tensor(value)
    if value.dtype is dtypes.string:  # the host's: the order of its places is drawn
        rows = value._slot.aval.shape[0] if value.shape.rank else None
        places = OPS["Range"].public(0, OPS["Shape"].public(value)[0] if rows is None else rows, 1)
        count = _draw(shuffle_kernel.op, None, [places], None, seed, name, lambda s: philox.shuffle_blocks(tuple(places.shape)),
                      (value.dtype,), lambda s: (dtypes.int32, (rows,)))  # fmt: skip
        return OPS["GatherV2"].public(value, count)
    return _draw(
        shuffle_kernel.op, None, [value], None, seed, name, lambda s: philox.shuffle_blocks(tuple(value.shape)), (value.dtype,),
        lambda s: (value.dtype, value._slot.aval.shape),
    )  # fmt: skip


@export("random.categorical", v1="random.categorical")
def categorical(logits, num_samples, dtype=None, seed=None, name=None):
    """Draws `num_samples` class indices per row of unnormalised log-probabilities [batch, classes] -> [batch, num_samples]."""
    dtype = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)
    with name_scope(name, "categorical", [logits]):
        return _categorical(logits, num_samples, dtype, seed, None)


@export("", v1="multinomial random.multinomial")
def multinomial(logits, num_samples, seed=None, name=None, output_dtype=None):
    """TF1's tf.random.categorical."""
    dtype = dtypes.int64 if output_dtype is None else dtypes.as_dtype(output_dtype)
    with name_scope(name, "multinomial", [logits]):
        return _categorical(logits, num_samples, dtype, seed, None)


def _categorical(logits, num_samples, dtype, seed, name):
    logits = record.convert_to_tensor(logits, name="logits")
    if logits.shape.rank is not None and logits.shape.rank != 2:
        raise (errors.InvalidArgumentError(None, None, f"logits should be a matrix, got shape {logits.shape}") if context.graph is None
               else ValueError(f"Shape must be rank 2 but is rank {logits.shape.rank} for Multinomial"))  # fmt: skip
    count = int(record.setting(num_samples))
    return _draw(
        multinomial_kernel.op, None, [logits], {"num_samples": count, "dtype": dtype}, seed, name,
        lambda s: philox.categorical_blocks(logits.shape[0], count), (logits.dtype, dtype),
        lambda s: (dtype, ((logits._slot.aval.shape or (None,))[0], count)),
    )  # fmt: skip


@export("random.gamma", v1="random_gamma random.gamma")
def random_gamma(shape, alpha, beta=None, dtype=dtypes.float32, seed=None, name=None):
    """Gamma(alpha, rate beta) numbers of shape `shape` + broadcast(alpha, beta).shape; differentiable in alpha and beta."""
    dtype = _floating(dtype, "float16 float32 float64")
    with name_scope(name, "random_gamma", [shape, alpha, beta]) as scope:
        alpha = record.convert_to_tensor(alpha, dtype, name="alpha")
        beta = record.convert_to_tensor(beta if beta is not None else 1, dtype, name="beta")
        alpha = alpha + OPS["ZerosLike"].public(beta) if beta.shape.rank else alpha
        values = _draw(
            gamma_kernel.op, shape, [alpha], None, seed, None, lambda s: philox.dense_blocks(_size(s, _size(alpha.shape))), (dtype,),
            lambda s: (dtype, None if s is None or alpha._slot.aval.shape is None else (*s, *alpha._slot.aval.shape)),
        )  # fmt: skip
        return record.call(_gamma_rate.op, [dispatched(values), beta], None, scope)


@op("GammaRate")
def _gamma_rate(x, beta):
    return samplers.gamma_with_rate(x, beta)


@export("random.poisson", v1="")
def random_poisson(shape, lam, dtype=dtypes.float32, seed=None, name=None):
    """Poisson(lam) numbers of shape `shape` + lam.shape."""
    dtype = dtypes.as_dtype(dtype)
    with name_scope(name, "random_poisson", [lam, shape]):
        lam = record.convert_to_tensor(lam, name="lam")
        if not lam.dtype.is_floating:
            lam = OPS["Cast"].public(lam, dtype=dtypes.float64)
        drawn = _draw(
            poisson_kernel.op, shape, [lam], {"dtype": dtype}, seed, None, lambda s: philox.dense_blocks(_size(s, _size(lam.shape))),
            (lam.dtype, dtype), lambda s: (dtype, None if s is None or lam._slot.aval.shape is None else (*s, *lam._slot.aval.shape)),
        )  # fmt: skip
        return dispatched(drawn)


@export("", v1="random_poisson random.poisson")
def random_poisson_v1(lam, shape, dtype=dtypes.float32, seed=None, name=None):
    """TF1's argument order of tf.random.poisson."""
    return random_poisson(shape, lam, dtype, seed, name)


@export("image.random_crop random_crop", v1="image.random_crop random_crop")
def random_crop(value, size, seed=None, name=None):
    """A random part of `value` of shape `size`; raises where `size` is larger."""
    with name_scope(name, "random_crop", [value, size]):
        value = record.convert_to_tensor(value, name="value")
        size = record.convert_to_tensor(size, dtypes.int32, name="size")
        shape = record.call(OPS["Shape"], [value], {"out_type": dtypes.int32}, None)
        known = record.static_value(size) if context.graph is None or value.shape.is_fully_defined() else None
        if (
            known is not None
            and value.shape.is_fully_defined()
            and any(a > b for a, b in zip(known, value.shape, strict=True))
        ):
            raise errors.InvalidArgumentError(
                None, None, f"Need value.shape >= size, got {value.shape} and {list(known)}"
            )
        limit = shape - size + 1
        offset = random_uniform(
            record.call(OPS["Shape"], [shape], {"out_type": dtypes.int32}, None),
            0,
            dtypes.int32.max,
            dtypes.int32,
            seed,
        )
        return slice_(value, offset % limit, size)


def _settle():
    """The NumPy twins of the dense kernels, where the kernels' module has them."""
    from . import random_host

    _HOST.update({
        UNIFORM: lambda s, shape, dtype: random_host.host_uniform(s, shape, dtype),
        NORMAL: lambda s, shape, dtype: random_host.host_normal(s, shape, dtype),
        TRUNCATED: lambda s, shape, dtype: random_host.host_truncated_normal(s, shape, dtype),
    })  # fmt: skip


try:
    _settle()
except ImportError:
    pass

__all__ = ["jnp", "random_normal", "random_uniform", "truncated_normal"]
