"""Candidate samplers, and the losses that train a large output layer on a sample of its classes.

The samplers give TensorFlow's own classes: they draw one by one from the op's stream, on the host.
"""

from __future__ import annotations

import collections

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, export, op, publish
from ..graph import aval, context
from ..random_state import Stream, eager_state, get_seed
from ..scopes import name_scope
from . import philox
from .embedding import _lookup
from .losses_nn import sigmoid_cross_entropy_with_logits, softmax_cross_entropy_with_logits

_BLOCKS = 512  # of a stream, that TensorFlow sets aside for each candidate
_HIT = -np.finfo(np.float32).max  # what is added to the logit of a candidate that is a true class


# -- drawing ----------------------------------------------------------------------------------------------------------
def _pairs(state):
    """The pairs of 32-bit words of a stream, one after the other, the earlier word in the upper half."""
    first = 0
    while True:
        pairs = np.stack(philox.host_blocks(state, first, 256), 1).ravel()
        yield from pairs.tolist()
        first += 256


def _words(state):
    """The 32-bit words of a stream."""
    for pair in _pairs(state):
        yield pair >> 32
        yield pair & 0xFFFFFFFF


def _below(n, bits, numbers):
    """Integers in [0, n) from random `numbers` of so many bits; those too small to be fair are passed over."""
    least = 0 if n & (n - 1) == 0 else ((1 << bits) - 1) % n + 1
    while True:
        number = next(numbers)
        if number >= least:
            yield number % n


def _log_uniform(state, range_max, _):
    """(candidates without end, the probability of each of an array of classes): P(k) ~ log((k + 2) / (k + 1))."""
    total = np.log1p(range_max)
    draws = (int(np.exp(((p & ((1 << 52) - 1)) / 2.0**52) * total)) - 1 for p in _pairs(state))
    return (d % range_max for d in draws), lambda k: np.log((k + 2.0) / (k + 1.0)) / total


def _uniform(state, range_max, _):
    numbers = (((p & 0xFFFFFFFF) << 32) | (p >> 32) for p in _pairs(state))
    return _below(range_max, 64, numbers), lambda k: np.full(k.shape, 1.0 / range_max)


def _fixed_unigram(state, range_max, weights):
    """Classes in proportion to `weights`, by Walker's alias method."""
    chances, aliases = _alias_table(np.asarray(weights, np.float32))
    words = _words(state)

    def draw():
        while True:
            chance = np.float32((next(words) & 0x7FFFFF) / 2.0**23)
            place = next(_below(len(chances), 32, words))
            yield place if chance < chances[place] else aliases[place]

    probabilities = np.asarray(weights, np.float32) / np.float32(np.sum(np.asarray(weights, np.float64)))
    return draw(), lambda k: probabilities[np.clip(k, 0, range_max - 1)]


def _alias_table(weights):
    n = len(weights)
    share = [float(w) * n / float(np.sum(weights.astype(np.float64))) for w in weights]
    low, high = [i for i in range(n) if share[i] < 1], [i for i in range(n) if share[i] >= 1]
    aliases = list(range(n))
    while low and high:
        small, large = low.pop(), high.pop()
        aliases[small] = large
        share[large] -= 1 - share[small]
        (low if share[large] < 1 else high).append(large)
    for i in low + high:  # one, but for rounding
        share[i], aliases[i] = 1.0, i
    return np.asarray(share, np.float32), aliases


def _batch(draws, num_sampled, unique):
    """(candidates, how often was drawn for them)."""
    if not unique:
        return [next(draws) for _ in range(num_sampled)], num_sampled
    seen, tries = {}, 0
    while len(seen) < num_sampled:
        tries += 1
        seen[next(draws)] = None
    return list(seen), tries


def _expected(probability, num_sampled, tries):
    """How often a class is expected among the candidates."""
    probability = np.asarray(probability, np.float32)
    if tries == num_sampled:
        return probability * np.float32(num_sampled)
    return -np.expm1(np.float32(tries) * np.log1p(-probability))


def _check_true(true_classes, num_true, range_max):
    """Raises InvalidArgumentError for true classes not of shape [batch, num_true] or outside [0, range_max)."""
    if true_classes.ndim != 2 or true_classes.shape[1] != num_true:
        raise errors.InvalidArgumentError(None, None, f"true_classes must have num_true columns, {num_true}")
    outside = true_classes[(true_classes < 0) | (true_classes >= range_max)]
    if outside.size:
        raise errors.InvalidArgumentError(
            None, None, f"`true_candidate` out of range [0, {range_max}), received {outside[0]}"
        )


def _sampler(type, source):
    """Declares a sampler from `source(state, range_max, weights)` -> (candidates without end, probability)."""

    @op(type, host=True, stateful=True, alike=False, name=type)
    def kernel(true_classes, state, *, num_true, num_sampled, unique, range_max, weights=None):
        _check_true(true_classes, num_true, range_max)
        if unique and num_sampled > range_max:
            raise errors.InvalidArgumentError(
                None, None, f"Sampler's range is too small: {num_sampled} different classes of {range_max}."
            )
        draws, probability = source(np.asarray(state), range_max, weights)
        candidates, tries = _batch(draws, num_sampled, unique)
        candidates = np.array(candidates, np.int64)
        return (
            candidates,
            _expected(probability(true_classes), num_sampled, tries).reshape(true_classes.shape),
            _expected(probability(candidates), num_sampled, tries),
            philox.host_advance(np.asarray(state), _BLOCKS * num_sampled),
        )

    return kernel.op


@op("AllCandidateSampler", host=True, stateful=True, alike=False, name="AllCandidateSampler")
def all_candidate_kernel(true_classes, state, *, num_true, num_sampled, unique):
    _check_true(true_classes, num_true, num_sampled)
    every = np.arange(num_sampled, dtype=np.int64)
    return every, np.ones(true_classes.shape, np.float32), np.ones(every.shape, np.float32), state


LOG_UNIFORM = _sampler("LogUniformCandidateSampler", _log_uniform)
UNIFORM = _sampler("UniformCandidateSampler", _uniform)
FIXED = _sampler("FixedUnigramCandidateSampler", _fixed_unigram)


_RESULTS = {
    d.type: collections.namedtuple(d.type, "sampled_candidates true_expected_count sampled_expected_count")
    for d in (LOG_UNIFORM, UNIFORM, FIXED, all_candidate_kernel.op)
}


def _sample(definition, true_classes, settings, seed, name):
    """Records a sampler; returns the named (candidates, expected counts of the true classes, of the candidates)."""
    settings = {k: record.setting(v) for k, v in settings.items()}
    true_classes = record.convert_to_tensor(true_classes, dtypes.int64)
    pair, n = get_seed(seed), settings["num_sampled"]
    graph = context.graph
    if graph is None:
        key = (definition.type, *[record.freeze(v) for v in settings.values()])
        state = eager_state(key, pair, _BLOCKS * n, keep=seed is not None)
        values = definition.kernel(true_classes._numpy(), state, **settings)
        return _RESULTS[definition.type](*[record.constant(v) for v in values[:3]])
    full = graph.op_name(name, definition.name)
    stream = Stream(full, pair)
    rows = (true_classes._shape_tuple() or (None,))[0]
    avals = (aval(dtypes.int64, (n,)), aval(dtypes.float32, (rows, settings["num_true"])), aval(dtypes.float32, (n,)))
    sig = definition.signature(settings)
    made = record.add_op(graph, sig, [true_classes], full, reads=(stream,), writes=(stream,), avals=avals)
    return _RESULTS[definition.type](*made)


def _common(num_true, num_sampled, unique, range_max):
    return dict(num_true=num_true, num_sampled=num_sampled, unique=bool(unique), range_max=range_max)


def uniform_candidate_sampler(true_classes, num_true, num_sampled, unique, range_max, seed=None, name=None):
    """(candidates [num_sampled], expected counts of the true classes and of the candidates), all classes alike."""
    return _sample(UNIFORM, true_classes, _common(num_true, num_sampled, unique, range_max), seed, name)


def log_uniform_candidate_sampler(true_classes, num_true, num_sampled, unique, range_max, seed=None, name=None):
    """The same for classes sorted by falling frequency, drawn by Zipf's law."""
    return _sample(LOG_UNIFORM, true_classes, _common(num_true, num_sampled, unique, range_max), seed, name)


publish(
    uniform_candidate_sampler,
    "random.uniform_candidate_sampler",
    "random.uniform_candidate_sampler nn.uniform_candidate_sampler",
)
publish(
    log_uniform_candidate_sampler,
    "random.log_uniform_candidate_sampler",
    "random.log_uniform_candidate_sampler nn.log_uniform_candidate_sampler",
)


@export("random.all_candidate_sampler nn.all_candidate_sampler")
def all_candidate_sampler(true_classes, num_true, num_sampled, unique, seed=None, name=None):
    """Every class, for tests; expected counts are one."""
    settings = dict(num_true=num_true, num_sampled=num_sampled, unique=bool(unique))
    return _sample(all_candidate_kernel.op, true_classes, settings, seed, name)


@export("random.fixed_unigram_candidate_sampler nn.fixed_unigram_candidate_sampler")
def fixed_unigram_candidate_sampler(
    true_classes, num_true, num_sampled, unique, range_max, vocab_file="", distortion=1.0, num_reserved_ids=0,
    num_shards=1, shard=0, unigrams=(), seed=None, name=None,
):  # fmt: skip
    """Candidates in proportion to frequencies (`unigrams`, or the last fields of a CSV file) to the `distortion`.

    Raises NotImplementedError for several shards, InvalidArgumentError where the frequencies are not `range_max`.
    """
    if num_shards != 1 or shard != 0:
        raise NotImplementedError("fixed_unigram_candidate_sampler: num_shards above one is not supported by tfcompat.")
    if bool(vocab_file) == bool(len(unigrams)):
        raise errors.InvalidArgumentError(None, None, "Must provide either vocab_file or unigrams, and not both.")
    if vocab_file:
        with open(vocab_file, encoding="utf-8") as f:
            unigrams = [float(line.rstrip("\n").rsplit(",", 1)[-1]) for line in f if line.strip()]
    weights = [0.0] * num_reserved_ids + [float(np.float32(w) ** np.float32(distortion)) for w in unigrams]
    if len(weights) != range_max:
        raise errors.InvalidArgumentError(
            None, None, f"range_max is {range_max} but the distribution has {len(weights)} classes."
        )
    settings = _common(num_true, num_sampled, unique, range_max) | {"weights": tuple(weights)}
    return _sample(FIXED, true_classes, settings, seed, name)


@export("random.learned_unigram_candidate_sampler nn.learned_unigram_candidate_sampler")
def learned_unigram_candidate_sampler(true_classes, num_true, num_sampled, unique, range_max, seed=None, name=None):
    """Refused: it would have to learn the classes' frequencies across sessions as TensorFlow's kernel does."""
    raise NotImplementedError(
        "tf.random.learned_unigram_candidate_sampler is not there; log_uniform_candidate_sampler and "
        "fixed_unigram_candidate_sampler are."
    )


# -- accidental hits --------------------------------------------------------------------------------------------------
@op(
    "ComputeAccidentalHits",
    host=True,
    name="ComputeAccidentalHits",
    abstract=lambda true, sampled, num_true: [
        (dtypes.int32, (None,)),
        (dtypes.int64, (None,)),
        (dtypes.float32, (None,)),
    ],
)
def accidental_hits_kernel(true_classes, sampled_candidates, *, num_true):  # fmt: skip
    if true_classes.ndim != 2 or true_classes.shape[1] != num_true:
        raise errors.InvalidArgumentError(
            None, None, f"true_candidates must be a batch_size * num_true matrix: {num_true}"
        )
    place = {c: i for i, c in enumerate(sampled_candidates.tolist())}
    hits = [(row, place[c]) for row, classes in enumerate(true_classes.tolist()) for c in classes if c in place]
    rows, ids = (np.array([h[i] for h in hits], t) for i, t in ((0, np.int32), (1, np.int64)))
    return rows, ids, np.full(len(hits), _HIT, np.float32)


@export("nn.compute_accidental_hits")
def compute_accidental_hits(true_classes, sampled_candidates, num_true, seed=None, name=None):
    """(rows, positions among the candidates, -FLOAT_MAX) of the true classes that were sampled."""
    true_classes = record.convert_to_tensor(true_classes, dtypes.int64)
    sampled_candidates = record.convert_to_tensor(sampled_candidates, dtypes.int64)
    return tuple(
        record.call(accidental_hits_kernel.op, [true_classes, sampled_candidates], {"num_true": num_true}, name)
    )


# -- losses -----------------------------------------------------------------------------------------------------------
def _sampled_unknown(rows, biases, inputs, labels, sampled, *expected, num_true, **settings):
    batch = inputs[0] if inputs else None
    if batch is None and labels:
        batch = labels[0]
    known = sampled and sampled[0] is not None
    return [(batch, num_true + sampled[0] if known else None)] * 2


@op("SampledLogits", alike=False, own="rows biases", results=_sampled_unknown)
def sampled_logits_kernel(
    rows, biases, inputs, labels, sampled, true_expected, sampled_expected, *, num_true, remove_accidental_hits
):
    """(logits, labels) [batch, num_true + num_sampled], true classes first; rows, biases: of labels, then sampled."""
    count = labels.size
    rows, biases = rows.astype(inputs.dtype), biases.astype(inputs.dtype)
    true_rows = rows[:count].reshape(-1, num_true, rows.shape[1])
    true = jnp.sum(inputs[:, None] * true_rows, 2) + biases[:count].reshape(-1, num_true)
    others = jnp.matmul(inputs, rows[count:].T) + biases[count:]
    if remove_accidental_hits:
        twin = sampled[:, None] == sampled
        last = ~jnp.any(jnp.triu(twin, 1), 1)  # where a class was drawn twice TensorFlow knows of the last time only
        hit = jnp.any(labels[:, :, None] == sampled, 1) & last
        others = others + jnp.where(hit, jnp.asarray(_HIT, inputs.dtype), 0)
    true = true - jnp.log(true_expected).astype(inputs.dtype)
    others = others - jnp.log(sampled_expected).astype(inputs.dtype)
    marks = jnp.concatenate([jnp.ones_like(true) / num_true, jnp.zeros_like(others)], 1)
    return jnp.concatenate([true, others], 1), lax.stop_gradient(marks)


def _sampled_logits(
    weights,
    biases,
    labels,
    inputs,
    num_sampled,
    num_classes,
    num_true,
    sampled_values,
    remove_accidental_hits,
    strategy,
    seed,
):
    cast, reshape, stop = (OPS[k].public for k in ("Cast", "Reshape", "StopGradient"))
    labels = record.convert_to_tensor(labels)
    if labels.dtype.base_dtype is not dtypes.int64:
        labels = cast(labels, dtype=dtypes.int64)
    if sampled_values is None:
        sampled_values = log_uniform_candidate_sampler(labels, num_true, num_sampled, True, num_classes, seed)
    sampled, true_expected, sampled_expected = [stop(v) for v in sampled_values]
    if sampled.dtype.base_dtype is not dtypes.int64:
        sampled = cast(sampled, dtype=dtypes.int64)
    ids = OPS["ConcatV2"].public([reshape(labels, [-1]), sampled], axis=0)
    rows = _lookup(weights, ids, strategy, None, None)
    bias = _lookup(biases, ids, strategy, None, None)
    return sampled_logits_kernel(
        rows, bias, inputs, labels, sampled, true_expected, sampled_expected, num_true=num_true,
        remove_accidental_hits=bool(remove_accidental_hits),
    )  # fmt: skip


@export("", v1="nn.nce_loss")
def nce_loss_v1(
    weights, biases, labels, inputs, num_sampled, num_classes, num_true=1, sampled_values=None,
    remove_accidental_hits=False, partition_strategy="mod", name="nce_loss",
):  # fmt: skip
    """Noise-contrastive estimation (proceedings.mlr.press/v9/gutmann10a), [batch]: true classes against candidates."""
    with name_scope(name, "compute_sampled_logits"):
        logits, marks = _sampled_logits(
            weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values, remove_accidental_hits,
            partition_strategy, None,
        )  # fmt: skip
    losses = sigmoid_cross_entropy_with_logits(labels=marks, logits=logits, name="sampled_losses")
    return OPS["Sum"].public(losses, [1])


@export("nn.nce_loss", v1="")
def nce_loss(
    weights, biases, labels, inputs, num_sampled, num_classes, num_true=1, sampled_values=None,
    remove_accidental_hits=False, name="nce_loss",
):  # fmt: skip
    """Noise-contrastive estimation, [batch]: true classes against candidates; shards of tables are divided 'div'."""
    return nce_loss_v1(
        weights,
        biases,
        labels,
        inputs,
        num_sampled,
        num_classes,
        num_true,
        sampled_values,
        remove_accidental_hits,
        "div",
        name,
    )


@export("", v1="nn.sampled_softmax_loss")
def sampled_softmax_loss_v1(
    weights, biases, labels, inputs, num_sampled, num_classes, num_true=1, sampled_values=None,
    remove_accidental_hits=True, partition_strategy="mod", name="sampled_softmax_loss", seed=None,
):  # fmt: skip
    """Softmax cross-entropy over the true classes and `num_sampled` candidates, [batch] (arXiv:1412.2007)."""
    with name_scope(name, "compute_sampled_logits"):
        logits, marks = _sampled_logits(
            weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values, remove_accidental_hits,
            partition_strategy, seed,
        )  # fmt: skip
    return softmax_cross_entropy_with_logits(labels=marks, logits=logits)


@export("nn.sampled_softmax_loss", v1="")
def sampled_softmax_loss(
    weights, biases, labels, inputs, num_sampled, num_classes, num_true=1, sampled_values=None,
    remove_accidental_hits=True, seed=None, name="sampled_softmax_loss",
):  # fmt: skip
    """Softmax cross-entropy over the true classes and `num_sampled` candidates, [batch]; shards are divided 'div'."""
    return sampled_softmax_loss_v1(
        weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values, remove_accidental_hits,
        "div", name, seed,
    )  # fmt: skip
