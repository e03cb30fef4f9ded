"""Random kernels against numbers from TensorFlow itself: every bit, in the order in which TensorFlow reads its streams.

The goldens are calls in TensorFlow's API; here a few dictionaries stand for its eager context, sessions and traced
functions, so that kernels and seeds are tested without the rest of the package.  Where a kernel has a NumPy twin it
must agree as well.
"""

import functools
import hashlib
import inspect
import itertools
import json
import math
import random
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tfcompat._src.ops import box_muller, philox, random_host
from tfcompat._src.ops import random_kernels as kernels
from tfcompat._src.ops import random_samplers as samplers

FOLDER = Path(__file__).parent / "goldens"
GOLDEN = json.loads((FOLDER / "random_golden.json").read_text())
MORE = json.loads((FOLDER / "random_golden_more.json").read_text())
LIMIT = 2**31 - 1


@pytest.fixture(autouse=True)
def x64():
    with jax.enable_x64(True):
        yield


def check(value, expected):
    value = np.asarray(value)
    assert (value.dtype.name, list(value.shape)) == (expected["dtype"], expected["shape"])
    flat = value.ravel().tolist()
    shown = flat if "values" in expected else flat[:8] + flat[-8:]
    known = expected["values"] if "values" in expected else expected["first8"] + expected["last8"]
    assert shown == pytest.approx(known, nan_ok=True)
    assert hashlib.sha256(value.tobytes()).hexdigest() == expected["sha256"], "same to some digits, not to the bit"


# -- calls: TensorFlow's name and arguments -> which stream, and state -> (value, blocks) -----------------------------


@functools.partial(jax.jit, static_argnames=("kernel", "shape", "dtype"))
def scaled(state, scale, shift, *, kernel, shape, dtype):
    """The kernel and what is around it in one program, where XLA would like to fuse them."""
    return kernels.scale_and_shift(kernel(state, shape=shape, dtype=dtype), scale, shift)


@functools.cache
def jit(kernel):
    settings = [p.name for p in inspect.signature(kernel).parameters.values() if p.kind is p.KEYWORD_ONLY]
    return jax.jit(kernel, static_argnames=settings)


DENSE = {
    "uniform": ("RandomUniform", kernels.uniform, random_host.host_uniform),
    "normal": ("RandomStandardNormal", kernels.normal, random_host.host_normal),
    "truncated_normal": ("TruncatedNormal", kernels.truncated_normal, random_host.host_truncated_normal),
}


def dense(kind, kw):
    type, kernel, host = DENSE[kind]
    shape, dtype = tuple(kw["shape"]), jnp.dtype(kw.get("dtype", "float32"))
    if kind == "uniform":
        low = np.asarray(kw.get("minval", 0), dtype)
        scale, shift = np.asarray(kw.get("maxval", 1), dtype) - low, low
    else:
        scale, shift = np.asarray(kw.get("stddev", 1), dtype), np.asarray(kw.get("mean", 0), dtype)

    def run(state):
        value = scaled(state, scale, shift, kernel=kernel, shape=shape, dtype=dtype)
        plain = host(state, shape, dtype)
        twin = random_host.host_scale_and_shift(plain, scale, shift) if not scale.ndim else plain * scale + shift
        assert np.asarray(value).tobytes() == twin.tobytes()
        return value, philox.dense_blocks(math.prod(shape))

    return (type, dtype), run


def integers(kw):
    shape, dtype = tuple(kw["shape"]), np.dtype(kw["dtype"])
    blocks = philox.dense_blocks(math.prod(shape))
    if kw["minval"] is None:

        def run(state):
            value = jit(kernels.full_int)(state, shape=shape, dtype=dtype)
            assert np.array_equal(value, random_host.host_full_int(state, shape, dtype))
            return value, blocks
    else:
        low, high = (np.asarray(kw[k], dtype) for k in ("minval", "maxval"))

        def run(state):
            value = jit(kernels.uniform_int)(state, low, high, shape=shape)
            assert np.array_equal(value, random_host.host_uniform_int(state, low, high, shape))
            return value, blocks

    return ("RandomUniformInt", dtype), run


def shuffle(kw):
    value = np.arange(kw["range"] if "range" in kw else math.prod(kw["range2d"]), dtype=np.int32)
    value = value.reshape(kw.get("range2d", -1))

    def run(state):
        result = jit(samplers.shuffle)(state, value)
        assert np.array_equal(result, random_host.host_shuffle(state, value))
        return result, philox.shuffle_blocks(value.shape)

    return ("RandomShuffle", value.dtype), run


def categorical(kw):
    logits, dtype = kw["logits"], kw.get("dtype", "int64")
    if isinstance(logits, dict):
        shape = logits["sin"]
        logits = np.sin(np.arange(math.prod(shape), dtype=np.float64)).reshape(shape) * 3
    logits = np.array(logits, np.float64).astype(kw.get("logits_dtype", "float32"))
    settings = dict(num_samples=kw["num_samples"], dtype=dtype)

    def run(state):
        value = jit(samplers.categorical)(state, logits, **settings)
        return value, philox.categorical_blocks(logits.shape[0], kw["num_samples"])

    return ("Multinomial", logits.dtype, dtype), run


def dropout(kw):
    x = np.array(kw["x"], jnp.dtype(kw.get("x_dtype", "float32")))
    rate = 1 - kw["keep_prob"] if "keep_prob" in kw else kw.get("rate")
    if "rate_tensor" in kw:
        rate = jnp.asarray(kw["rate_tensor"], x.dtype)
    noise = tuple(kw.get("noise_shape", x.shape))
    if rate is not None and isinstance(rate, int):
        return None, lambda state: (x, 0)
    apply = jax.jit(lambda state, x: samplers.dropout(x, kernels.uniform(state, shape=noise, dtype=x.dtype), rate))
    return ("RandomUniform", x.dtype), lambda state: (apply(state, x), philox.dense_blocks(math.prod(noise)))


def gamma(kw, shape=None):
    dtype = np.dtype(kw.get("dtype", "float32"))
    alpha, beta = np.array(kw["alpha"], dtype), np.array(kw.get("beta", 1), dtype)
    alpha = np.broadcast_to(alpha, np.broadcast_shapes(alpha.shape, beta.shape))
    shape = tuple(kw["shape"]) if shape is None else shape

    @jax.jit
    def kernel(state):
        return samplers.gamma_with_rate(samplers.gamma(state, alpha, shape=shape), beta)

    return ("RandomGamma", dtype), lambda state: (kernel(state), philox.dense_blocks(math.prod(shape) * alpha.size))


def poisson(kw, shape=None, dtype="float32"):
    rate = np.array(kw["lam"], kw.get("lam_dtype", "float32"))
    shape, dtype = tuple(kw["shape"]) if shape is None else shape, kw.get("dtype", dtype)

    def run(state):
        value = jit(samplers.poisson)(state, rate, shape=shape, dtype=dtype)
        return value, philox.dense_blocks(value.size)

    return ("RandomPoissonV2", rate.dtype, dtype), run


def variance_scaling(shape, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None):
    """TF1's variance scaling initializers -> the op and its parameters."""
    fan_in, fan_out = shape[-2] * math.prod(shape[:-2]), shape[-1] * math.prod(shape[:-2])
    scale /= max(1.0, {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode])
    if distribution == "uniform":
        limit = math.sqrt(3 * scale)
        return "random.uniform", dict(minval=-limit, maxval=limit, shape=shape, seed=seed)
    stddev = math.sqrt(scale) / (0.87962566103423978 if distribution == "truncated_normal" else 1)
    kind = "truncated_normal" if distribution == "truncated_normal" else "normal"
    return f"random.{kind}", dict(stddev=stddev, shape=shape, seed=seed)


def unit_scaling(shape, factor, seed=None):
    limit = math.sqrt(3 / math.prod(shape[:-1])) * factor
    return "random.uniform", dict(minval=-limit, maxval=limit, shape=shape, seed=seed)


INITIALIZERS = {
    "random_uniform": lambda **kw: ("random.uniform", kw),
    "random_normal": lambda **kw: ("random.normal", kw),
    "truncated_normal": lambda **kw: ("random.truncated_normal", kw),
    "variance_scaling": variance_scaling,
    "glorot_uniform": functools.partial(variance_scaling, mode="fan_avg", distribution="uniform"),
    "glorot_normal": functools.partial(variance_scaling, mode="fan_avg"),
    "uniform_unit_scaling": unit_scaling,
}


def stateful(fn, kw):
    """A call of a stateful op -> (its own seed, what else tells its stream, state -> (value, blocks))."""
    if fn.startswith("init1:"):
        fn, kw = INITIALIZERS[fn.removeprefix("init1:").removesuffix("_initializer")](**kw)
    name = fn.removeprefix("v1:").split(".")[-1]
    if name in DENSE and "int" not in kw.get("dtype", ""):
        made = dense(name, kw)
    else:
        made = {
            "uniform": integers, "shuffle": shuffle, "categorical": categorical, "multinomial": categorical,
            "dropout": dropout, "gamma": gamma, "poisson": poisson,
        }[name](kw)  # fmt: skip
    return kw.get("seed"), *made


def stateless(fn, kw):
    """A call of a stateless function -> its value."""
    if fn.startswith("init2:"):
        fn, kw = INITIALIZERS[fn.removeprefix("init2:").removesuffix("_initializer")](**kw | {"seed": [kw["seed"], 0]})
    state = np.asarray(jax.jit(philox.stateless_state)(np.array(kw["seed"], np.int64)))
    assert np.array_equal(state, philox.host_stateless_state(kw["seed"]))
    name = fn.split(".")[-1].removeprefix("stateless_")
    if name in DENSE and "int" not in kw.get("dtype", ""):
        run = dense(name, kw)[1]
    elif name == "split":
        run = integers(dict(shape=[kw["num"], 2], dtype="int32", minval=None))[1]
    elif name == "fold_in":
        first = integers(dict(shape=[1], dtype="int32", minval=None))[1](state)[0]
        return np.append(first, np.int32(kw["data"]))
    elif name in ("gamma", "poisson"):  # their shape has the parameters' shape in it
        shape = tuple(kw["shape"][:-1])
        run = (gamma(kw, shape) if name == "gamma" else poisson(kw, shape, "int32"))[1]
    else:
        run = {"uniform": integers, "shuffle": shuffle, "categorical": categorical, "dropout": dropout}[name](kw)[1]
    return run(state)[0]


def is_stateless(fn):
    return "stateless" in fn or fn.startswith("init2:") or fn in ("random.split", "random.fold_in")


# -- seeds and streams ------------------------------------------------------------------------------------------------


def op_seeds(global_seed, op_seed, default):
    if global_seed is None:
        return 87654321, op_seed % LIMIT
    seeds = global_seed % LIMIT, (default() if op_seed is None else op_seed) % LIMIT
    return seeds if seeds != (0, 0) else (0, LIMIT)


class Streams(dict):
    def draw(self, key, seeds, run):
        state = self.get(key, philox.make_state(*seeds))
        value, blocks = run(state)
        self[key] = philox.host_advance(state, blocks)
        moved = jit(philox.advance)(state, np.uint64(blocks))
        assert np.array_equal(moved, self[key])
        return value


def cases(kind):
    given = [c for g in (GOLDEN, MORE) for c in g.get(kind, [])]
    return [pytest.param(c, id=c["id"]) for c in given]


@pytest.mark.parametrize("case", [c for c in cases("eager") if c.values[0]["mode"] == "eager"])
def test_eager(case):
    numbers, streams = random.Random(case["global_seed"]), Streams()
    for call in case["calls"]:
        if is_stateless(call["fn"]):
            check(stateless(call["fn"], call["kwargs"]), call["expected"])
            continue
        seed, key, run = stateful(call["fn"], call["kwargs"])
        seeds = op_seeds(case["global_seed"], seed, lambda: numbers.randint(0, LIMIT))
        check(streams.draw((key, seeds), seeds, run), call["expected"])


@pytest.mark.parametrize("case", [c for c in cases("eager") if c.values[0]["mode"] == "generator"])
def test_generator(case):
    state = philox.generator_seed_state(case["from_seed"])
    for call in case["calls"]:
        stream = philox.generator_stream(state)
        assert np.array_equal(stream, jax.jit(philox.generator_stream)(state))
        method, kw = call["method"], call["kwargs"]
        if method == "make_seeds":
            first, blocks = integers(dict(shape=[kw["count"]], dtype="int64", minval=None))[1](stream)
            value = np.stack([first, np.zeros_like(first)])
        else:
            value, blocks = (integers(kw) if "int" in kw.get("dtype", "") else dense(method, kw))[1](stream)
        check(value, call["expected"])
        stream = philox.host_advance(stream, blocks)
        state = philox.stream_generator(stream)
        assert np.array_equal(state, jax.jit(philox.stream_generator)(stream))
        assert state.tolist() == call["state_after"]


def graph_nodes(calls, graph_seed, node_seeds):
    counter = itertools.count()
    for call, node in zip(calls, node_seeds, strict=True):
        seed, _, run = stateful(call["fn"], call["kwargs"])
        seeds = op_seeds(graph_seed, seed, lambda: next(counter))
        assert seeds == (node["seed"], node["seed2"])
        yield seeds, run


@pytest.mark.parametrize("case", cases("tf_function"))
def test_function(case):
    nodes = list(graph_nodes(case["body"], case["global_seed_at_trace"], case["node_seeds"]))
    for calls in (case["invocations"], case.get("invocations_after", [])):
        streams = Streams()
        for results in calls:
            for i, ((seeds, run), expected) in enumerate(zip(nodes, results, strict=True)):
                check(streams.draw(i, seeds, run), expected)


@pytest.mark.parametrize("case", [c for c in cases("tf1_session") if "nodes" in c.values[0]])
def test_session(case):
    nodes = list(graph_nodes(case["nodes"], case["graph_seed"], case["node_seeds"]))
    for runs in case["sessions"]:
        streams = Streams()
        for fetched in runs:
            for i, expected in zip(fetched["fetch"], fetched["expected"], strict=True):
                check(streams.draw(i, *nodes[i]), expected)


def test_session_initializers():
    case = next(c for c in GOLDEN["tf1_session"] if c["id"] == "s_get_variable")
    calls = [
        dict(fn="init1:glorot_uniform_initializer", kwargs=dict(shape=[4, 3])),
        dict(fn="init1:truncated_normal_initializer", kwargs=dict(shape=[3, 2], stddev=0.1)),
        dict(fn="random.normal", kwargs=dict(shape=[3])),
    ]
    nodes = list(graph_nodes(calls, case["graph_seed"], case["node_seeds"]))
    streams = Streams()
    for i, name in [(0, "w"), (1, "w2"), (2, "y"), (0, "w_after_second_init"), (1, "w2_after_second_init")]:
        check(streams.draw(i, *nodes[i]), case["expected"][name])


@pytest.mark.parametrize("case", cases("dataset_shuffle"))
def test_dataset_shuffle(case):
    name, default = case["id"], random.Random(12).randint(0, LIMIT)
    seeds = op_seeds(12, None if "no_op_seed" in name else 34, lambda: default)
    epoch = itertools.count()
    for expected in case["iterations"]:
        if "initializable" in name:
            epoch = itertools.count()
        order = []
        while len(order) < len(expected):
            state = random_host.shuffle_epoch_state(*seeds, next(epoch), reshuffle="False" not in name)
            order += random_host.shuffled(range(20), 100 if "b100" in name else 7, state)
        assert order == expected


# -- the parts --------------------------------------------------------------------------------------------------------


def test_philox_blocks():
    for known in GOLDEN["philox_blocks"]:
        counter, mask = int(known["counter_u128"], 16), 2**64 - 1
        state = np.array([int(known["key_u64"], 16), counter & mask, counter >> 64], np.uint64)
        host = random_host._words(state, 8)
        traced = jax.jit(lambda s: kernels.stream_words(s, (8,)).x)(state)
        assert host.tolist() == traced.tolist() == [int(w, 16) for w in known["block0"] + known["block1"]]


def test_logf_and_sincosf_everywhere():
    """All 2^23 arguments that can occur, in NumPy and as XLA compiles it."""
    known = GOLDEN["float_kernel_anchors"]["sha256_over_all_k_f32_le"]

    def both(xp, words):
        uniform = box_muller.uniform32(words)
        theta = (uniform.astype(np.float64) * (2 * math.pi)).astype(np.float32)
        sine, cosine, quarter = box_muller.reduced_sincosf(xp, theta)
        log = box_muller.logf(xp, xp.maximum(uniform, np.float32(1e-7)))
        return log, *(box_muller.turned_sinf(xp, sine, cosine, quarter + i) for i in (0, 1))

    words = np.arange(1 << 23, dtype=np.uint32)
    traced = jax.jit(lambda w: [x.x for x in both(philox.lanes, philox.Lanes(w))])(words)
    whole = [hashlib.sha256() for _ in range(3)]
    for start in range(0, len(words), 1 << 16):
        for digest, part in zip(whole, both(np, words[start : start + (1 << 16)]), strict=True):
            digest.update(part.tobytes())
    expected = [known[k] for k in ("log", "sin", "cos")]
    assert [hashlib.sha256(np.asarray(x).tobytes()).hexdigest() for x in traced] == expected
    assert [digest.hexdigest() for digest in whole] == expected


def test_stateless_key_and_counter():
    for known in GOLDEN["stateless_key_counter"]:
        key, low, high = philox.host_stateless_state(known["seed"]).tolist()
        assert (key, low + (high << 64)) == (int(known["key_u64"], 16), int(known["counter_u128"], 16))


def test_default_op_seeds():
    for seed, draws in GOLDEN["python_op_seed_draws"].items():
        numbers = random.Random(int(seed))
        assert [numbers.randint(0, LIMIT) for _ in draws] == draws


def test_rows_per_shard():
    for row in GOLDEN["multinomial_rows_per_shard"]:
        given = (row[k] for k in ("batch", "classes", "num_samples", "threads"))
        assert samplers.shard_rows(*given) == row["rows_per_shard"]


@pytest.mark.parametrize("counter", [2**64 - 3, 2**128 - 3, (77 << 64) - 1])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_carry_and_odd_shapes(counter, dtype):
    """The 128-bit counter carries inside a draw; NumPy and JAX agree; a shorter draw begins like a longer one."""
    state = philox.host_advance(philox.make_state(5, 0), counter)
    for _, kernel, host in DENSE.values():
        longer = host(state, (13, 7), dtype)
        for shape in [(), (0,), (3, 0), (13, 7)]:
            value = np.asarray(jit(kernel)(state, shape=shape, dtype=dtype))
            assert value.shape == shape and value.dtype == jnp.dtype(dtype)
            assert value.tobytes() == longer.ravel()[: value.size].tobytes()
    first = np.asarray(jit(kernels.uniform)(state, shape=(4 * 7,), dtype="float32"))
    rest = np.asarray(jit(kernels.uniform)(philox.host_advance(state, 5), shape=(8,), dtype="float32"))
    assert np.array_equal(first[20:], rest)


def test_other_state_same_program():
    traces = []

    @jax.jit
    def draw(state):
        traces.append(0)
        return kernels.truncated_normal(state, shape=(30,), dtype=np.float32)

    assert not np.array_equal(draw(philox.make_state(1, 2)), draw(philox.make_state(3, 4)))
    assert len(traces) == 1


def test_gradients():
    """By what scales the numbers, and by gamma's parameter; not by the state, and through no loop."""
    state = philox.make_state(1, 2)

    def total(scale, shift):
        values = kernels.truncated_normal(state, shape=(50,), dtype=np.float64)
        return jnp.sum(kernels.scale_and_shift(values, scale, shift))

    plain = random_host.host_truncated_normal(state, (50,), np.float64)
    assert np.allclose(jax.jit(jax.grad(total, (0, 1)))(2.0, 3.0), (plain.sum(), 50), rtol=1e-12)

    def cumulative_keeps(alpha):  # the derivative keeps each number's place in the distribution
        return jax.scipy.special.gammainc(alpha, samplers.gamma(state, alpha, shape=(40,)))

    slopes = jax.jit(jax.jacrev(cumulative_keeps))(np.array([0.7, 3.0]))
    assert np.abs(slopes).max() < 1e-6


def test_dropout_gradient_and_infinities():
    draws = np.array([0.1, 0.5, 0.9, 0.2], np.float32)
    x = np.array([np.inf, 1.0, 2.0, np.nan], np.float32)
    assert np.asarray(samplers.dropout(x, draws, 0.5)).tolist() == [0.0, 2.0, 4.0, 0.0]
    slope = jax.grad(lambda x: jnp.sum(samplers.dropout(x, draws, 0.75)))(x)
    assert slope.tolist() == [0.0, 0.0, 4.0, 0.0]


def test_parameters_that_are_no_numbers():
    state = philox.make_state(1, 2)
    rates = np.array([np.inf, np.nan, 3.0], np.float32)
    value = np.asarray(samplers.poisson(state, rates, shape=(2,), dtype="float32"))
    assert np.isposinf(value[:, 0]).all() and np.isnan(value[:, 1]).all() and np.isfinite(value[:, 2]).all()
    value = np.asarray(samplers.gamma(state, np.array([-1, np.nan, np.inf], np.float32), shape=(2,)))
    assert np.isnan(value[:, :2]).all() and np.isposinf(value[:, 2]).all()


def test_sharded_categorical_begins_elsewhere():
    """Imitating two threads, the first shard is that of one thread and the others are not."""
    logits = np.zeros((64, 1000), np.float32)
    state = philox.make_state(1, 2)
    one, two = (samplers.categorical(state, logits, num_samples=1, dtype="int64", threads=t) for t in (1, 2))
    rows = samplers.shard_rows(64, 1000, 1, 2)
    assert np.array_equal(one[:rows], two[:rows]) and not np.array_equal(one[rows:], two[rows:])


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_truncated_normals_by_the_million_are_the_same(monkeypatch, dtype):
    """Large arrays pick out the groups that the first round leaves open; TensorFlow's numbers, either way."""
    state, shape = jnp.asarray(philox.make_state(3, 5)), (5003,)
    few = np.asarray(kernels.truncated_normal(state, shape=shape, dtype=dtype))
    monkeypatch.setattr(kernels, "_MANY", 1)
    np.testing.assert_array_equal(np.asarray(kernels.truncated_normal(state, shape=shape, dtype=dtype)), few)


@pytest.mark.parametrize("count", [100, 500, 700])
def test_chosen_places(count):
    condition = np.random.default_rng(1).random(1001) < 0.5
    found = np.asarray(kernels._chosen(jnp.asarray(condition), count))
    real = found[found < 1001]
    assert len(real) == len(set(real.tolist())) == min(count, condition.sum())
    assert condition[real].all() and len(found) == count
