"""tf.random as users call it against TensorFlow's own numbers: eagerly, in traced functions, in sessions; every bit.

The goldens are the calls of test_random_kernels.py, here made through the public API.
"""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest

import tfcompat as tf
from tfcompat._src.engine import log

v1 = tf.compat.v1
FOLDER = Path(__file__).parent / "goldens"
GOLDEN, MORE = (json.loads((FOLDER / f"random_golden{suffix}.json").read_text()) for suffix in ("", "_more"))


def check(value, expected):
    value = np.asarray(value)
    assert (value.dtype.name, list(value.shape)) == (expected["dtype"], expected["shape"])
    flat = value.ravel().tolist()
    shown = flat if "values" in expected else flat[:8] + flat[-8:]
    known = expected["values"] if "values" in expected else expected["first8"] + expected["last8"]
    assert shown == pytest.approx(known, nan_ok=True)
    assert hashlib.sha256(value.tobytes()).hexdigest() == expected["sha256"], "same to some digits, not to the bit"


def call(fn, kw):
    """Makes the call a golden describes; returns a tensor."""
    kw = dict(kw)
    for key in ("dtype", "output_dtype"):
        if key in kw:
            kw[key] = tf.as_dtype(kw[key])
    if fn.startswith(("init1:", "init2:")):
        face = v1 if fn.startswith("init1") else tf
        shape = kw.pop("shape")
        return getattr(face, fn[6:])(**kw)(shape)
    if "range" in kw:
        kw["value"] = tf.range(kw.pop("range"))
    if "range2d" in kw:
        shape = kw.pop("range2d")
        kw["value"] = tf.reshape(tf.range(math.prod(shape)), shape)
    if "logits" in kw:
        logits = kw["logits"]
        if isinstance(logits, dict):
            logits = np.sin(np.arange(math.prod(logits["sin"]), dtype=np.float64)).reshape(logits["sin"]) * 3
        kw["logits"] = tf.constant(np.array(logits, np.float64).astype(kw.pop("logits_dtype", "float32")))
    if "x" in kw:
        kw["x"] = tf.constant(kw["x"], kw.pop("x_dtype", "float32"))
    if "rate_tensor" in kw:
        kw["rate"] = tf.constant(kw.pop("rate_tensor"), kw["x"].dtype)
    if "lam_dtype" in kw:
        kw["lam"] = tf.constant(kw["lam"], kw.pop("lam_dtype"))
    elif "lam" in kw:
        kw["lam"] = tf.constant(kw["lam"], tf.float32)
    face = v1 if fn.startswith("v1:") else tf
    for part in fn.removeprefix("v1:").split("."):
        face = getattr(face, part)
    return face(**kw)


def cases(kind, mode=None):
    given = [c for g in (GOLDEN, MORE) for c in g.get(kind, [])]
    return [pytest.param(c, id=c["id"]) for c in given if mode is None or c["mode"] == mode]


@pytest.fixture(autouse=True)
def no_seed_left():
    yield
    tf.random.set_seed(0)


@pytest.mark.parametrize("case", cases("eager", "eager"))
def test_eager(case):
    tf.random.set_seed(case["global_seed"])
    for made in case["calls"]:
        check(call(made["fn"], made["kwargs"]).numpy(), made["expected"])


def _draw(generator, made):
    kw = dict(made["kwargs"])
    if "dtype" in kw:
        kw["dtype"] = tf.as_dtype(kw["dtype"])
    return getattr(generator, made["method"])(**kw)


@pytest.mark.parametrize("traced", [False, True], ids=["eager", "function"])
@pytest.mark.parametrize("case", cases("eager", "generator"))
def test_generator(case, traced):
    generator = tf.random.Generator.from_seed(case["from_seed"])
    for made in case["calls"]:
        draw = tf.function(lambda m=made: _draw(generator, m)) if traced else lambda m=made: _draw(generator, m)
        check(draw().numpy(), made["expected"])
        assert generator.state.numpy().tolist() == made["state_after"]


@pytest.mark.parametrize("case", cases("tf_function"))
def test_function(case):
    tf.random.set_seed(case["global_seed_at_trace"])
    body = tf.function(lambda: [call(made["fn"], made["kwargs"]) for made in case["body"]])
    for results in case["invocations"]:
        for value, expected in zip(body(), results, strict=True):
            check(value.numpy(), expected)
    if "invocations_after" in case:
        tf.random.set_seed(case["then_set_seed"])
        for results in case["invocations_after"]:
            for value, expected in zip(body(), results, strict=True):
                check(value.numpy(), expected)


@pytest.mark.parametrize("case", [c for c in cases("tf1_session") if "nodes" in c.values[0]])
def test_session(case):
    with tf.Graph().as_default() as graph:
        if case["graph_seed"] is not None:
            v1.set_random_seed(case["graph_seed"])
        nodes = [call(made["fn"], made["kwargs"]) for made in case["nodes"]]
        for known in case["node_seeds"]:
            op = graph.get_operation_by_name(known["node"])
            assert (op.type, op.get_attr("seed"), op.get_attr("seed2")) == (
                known["type"],
                known["seed"],
                known["seed2"],
            )
    for runs in case["sessions"]:
        with v1.Session(graph=graph) as session:
            for fetched in runs:
                values = session.run([nodes[i] for i in fetched["fetch"]])
                for value, expected in zip(values, fetched["expected"], strict=True):
                    check(value, expected)


def test_session_initializers():
    case = next(c for c in GOLDEN["tf1_session"] if c["id"] == "s_get_variable")
    with tf.Graph().as_default():
        v1.set_random_seed(case["graph_seed"])
        with v1.variable_scope("a"):
            w = v1.get_variable("w", [4, 3])
            v1.get_variable("b", [3], initializer=v1.zeros_initializer())
            w2 = v1.get_variable("w2", [3, 2], initializer=v1.truncated_normal_initializer(stddev=0.1))
        y = v1.random_normal([3])
        start = v1.global_variables_initializer()
        with v1.Session() as session:
            session.run(start)
            check(session.run(w), case["expected"]["w"])
            check(session.run(w2), case["expected"]["w2"])
            check(session.run(y), case["expected"]["y"])
            session.run(start)
            check(session.run(w), case["expected"]["w_after_second_init"])
            check(session.run(w2), case["expected"]["w2_after_second_init"])


def test_a_generator_moves_with_every_run_of_a_session():
    # TensorFlow's own numbers for this seed.
    first = [[0.9356609, 1.0854305, -0.93788373], [-0.50615472, 1.31697023, 0.71375787]]
    second = [[-0.3964749, 0.8369565, -0.30946946], [1.1206646, 1.00852597, -0.10185789]]
    with tf.Graph().as_default(), v1.Session() as session:
        generator = tf.random.Generator.from_seed(1234)
        session.run(generator.state.initializer)
        numbers = generator.normal([2, 3])
        np.testing.assert_allclose(session.run(numbers), first, rtol=1e-6)
        np.testing.assert_allclose(session.run(numbers), second, rtol=1e-6)


def test_the_global_generator_is_made_anew():
    tf.random.set_global_generator(None)
    generator = tf.random.get_global_generator()
    assert generator is tf.random.get_global_generator()
    generator.reset_from_seed(1)
    drawn = generator.normal([3]).numpy()
    traced = tf.function(lambda: tf.random.get_global_generator().normal([3]))
    generator.reset_from_seed(1)
    np.testing.assert_array_equal(traced().numpy(), drawn)


def test_gamma_has_a_gradient_in_graphs():
    with tf.Graph().as_default(), v1.Session() as session:
        alpha = v1.placeholder_with_default(np.array([0.5, 2.0], np.float32), [2])
        numbers = v1.random_gamma([3], alpha, seed=3)
        gradient = v1.gradients(numbers, alpha)[0]
        steps = [session.run(v1.random_gamma([3], alpha, seed=3), {alpha: [0.5, 2.0 + d]}) for d in (-0.01, 0.01)]
        found = session.run(gradient)
    np.testing.assert_allclose(found[1], (steps[1] - steps[0]).sum(0)[1] / 0.02, rtol=1e-2)


def test_no_classes_to_draw_from():
    with pytest.raises(tf.errors.InvalidArgumentError, match="num_classes should be positive"):
        tf.random.categorical(np.zeros((5, 0), np.float32), 7)


def test_determinism_wants_seeds(monkeypatch):
    """TensorFlow 2.21's errors after tf.config.experimental.enable_op_determinism."""
    from tfcompat._src.platform import config

    monkeypatch.setattr(config._settings, "deterministic", True)
    tf.random.set_seed(None)
    try:
        for draws in (
            lambda: tf.random.uniform([2]),
            lambda: tf.nn.dropout(tf.ones([3]), 0.5),
            lambda: tf.data.Dataset.range(3).shuffle(3),
            lambda: tf.function(lambda: tf.random.normal([2]))(),
            tf.random.Generator.from_non_deterministic_state,
        ):
            with pytest.raises(RuntimeError, match="determinism is enabled"):
                draws()
        with pytest.raises(ValueError, match="requires a non-zero seed"):
            tf.image.sample_distorted_bounding_box([4, 5, 1], [[[0.0, 0.0, 1.0, 1.0]]])
        assert tf.random.uniform([2], seed=3).shape == (2,)
        tf.random.set_seed(1)
        assert tf.random.uniform([2]).shape == (2,)
    finally:
        tf.random.set_seed(None)


def test_generators_by_threefry_hold_a_state_and_draw_nothing():
    generator = tf.random.Generator.from_seed(1234, alg="threefry")
    assert generator.algorithm == 2 and generator.state.numpy().tolist() == [1234, 0]
    with pytest.raises(tf.errors.UnimplementedError):
        generator.normal([2])
    assert tf.random.Generator.from_seed(1234, alg="auto_select").algorithm == 3


@pytest.mark.parametrize(
    "draw",
    [
        lambda: tf.random.normal([2, -1]),
        lambda: tf.random.uniform([-2], maxval=3, dtype=tf.int32),
        lambda: tf.random.stateless_uniform([-2], [1, 2]),
        lambda: tf.random.gamma([-2], 1.0),
        lambda: tf.random.Generator.from_seed(1).normal([-1]),
        lambda: tf.function(lambda n: tf.random.normal([n]))(tf.constant(-2)),
    ],
)
def test_negative_sizes_are_errors(draw):
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be >= 0"):
        draw().numpy()


def test_samplers_with_loops_are_dispatched_one_by_one():
    """A program of many of them would take minutes to compile."""
    for draw in (lambda i: tf.random.stateless_gamma([2], [i, 1], 2.0), lambda i: tf.random.poisson([2], 3.0)):
        [draw(i) for i in range(3)]  # the second has the end of the first in its program
        before = log.count
        values = [draw(i) for i in range(1, 5)]
        assert log.count == before
        assert len({v.numpy().tobytes() for v in values}) > 1


def test_candidate_samplers_name_their_results():
    """Values from TensorFlow 2.21."""
    tf.random.set_seed(3)
    drawn = tf.random.uniform_candidate_sampler([[1]], 1, 3, True, 10, seed=1)
    assert drawn._fields == ("sampled_candidates", "true_expected_count", "sampled_expected_count")
    assert drawn.sampled_candidates.numpy().tolist() == [9, 3, 0]
    assert (tf.random.Generator.from_seed(1).state.name, tf.TensorShape([2**33]).rank) == ("StateVar:0", 1)
    with tf.Graph().as_default():
        assert tf.random.truncated_normal(tf.TensorShape([2**33, 1])).shape.as_list() == [2**33, 1]
