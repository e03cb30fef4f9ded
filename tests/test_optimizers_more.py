"""tf.contrib.opt's optimizers by their formulas, Keras 3's later ones by recorded numbers, loss scaling, optax."""

import jax
import numpy as np
import optax
import pytest

import tfcompat as tf

v1, K = tf.compat.v1, tf.keras.optimizers
C = tf.compat.v1.contrib.opt
GRADS = [np.random.RandomState(i).randn(4, 2).astype(np.float32) for i in range(6)]
INDICES = np.array([2, 0, 2], np.int64)


# -- tf.contrib.opt: the formulas of TensorFlow 1.15's contrib/opt, in NumPy ------------------------------------------
def adam_parts(t, lr=0.1, b1=0.9, b2=0.999):
    return lr * np.sqrt(1 - b2**t) / (1 - b1**t)


def adam(w, s, g, t):
    s["m"] = 0.9 * s["m"] + 0.1 * g
    s["v"] = 0.999 * s["v"] + 0.001 * g * g
    return w - adam_parts(t) * s["m"] / (np.sqrt(s["v"]) + 1e-8)


def nadam(w, s, g, t):
    s["m"] = 0.9 * s["m"] + 0.1 * g
    s["v"] = 0.999 * s["v"] + 0.001 * g * g
    return w - adam_parts(t) * (0.9 * s["m"] + 0.1 * g) / (np.sqrt(s["v"]) + 1e-8)


def ada_max(w, s, g, t):
    s["m"] = 0.9 * s["m"] + 0.1 * g
    s["v"] = np.maximum(0.999 * s["v"], np.abs(g))
    return w - 0.1 / (1 - 0.9**t) * s["m"] / (s["v"] + 1e-8)


def add_sign(w, s, g, t):
    s["m"] = 0.9 * s["m"] + 0.1 * g
    return w - 0.1 * (1.0 + np.sign(g) * np.sign(s["m"])) * g


def power_sign(w, s, g, t):
    s["m"] = 0.9 * s["m"] + 0.1 * g
    return w - 0.1 * np.e ** (np.sign(g) * np.sign(s["m"])) * g


def momentum(w, s, g, t):
    s["m"] = 0.9 * s["m"] + g
    return w - 0.1 * s["m"]


CONTRIB = {
    "AdamW": (lambda: C.AdamWOptimizer(0.01, 0.1), lambda w, s, g, t: adam(w - 0.01 * w, s, g, t)),
    "MomentumW": (lambda: C.MomentumWOptimizer(0.01, 0.1, 0.9), lambda w, s, g, t: momentum(w - 0.01 * w, s, g, t)),
    "Nadam": (lambda: C.NadamOptimizer(0.1), nadam),
    "LazyAdam": (lambda: C.LazyAdamOptimizer(0.1), adam),
    "AdaMax": (lambda: C.AdaMaxOptimizer(0.1), ada_max),
    "AddSign": (lambda: C.AddSignOptimizer(0.1), add_sign),
    "PowerSign": (lambda: C.PowerSignOptimizer(0.1), power_sign),
}


def follow(rule, sparse=None):
    """The trajectory of a rule; sparse: how a gradient of rows acts on (w, state)."""
    w, state = np.ones((4, 2)), {"m": np.zeros((4, 2)), "v": np.zeros((4, 2))}
    for t, g in enumerate(GRADS, 1):
        w = rule(w, state, g.astype(np.float64), t) if sparse is None else sparse(w, state, g[:3].astype(np.float64), t)
    return w


@pytest.mark.parametrize("make, rule", CONTRIB.values(), ids=CONTRIB)
def test_contrib_dense(make, rule):
    wanted = follow(rule)
    w, opt = tf.Variable(np.ones((4, 2), np.float32)), make()
    for g in GRADS:
        opt.apply_gradients([(tf.constant(g), w)])
    np.testing.assert_allclose(w.numpy(), wanted, rtol=1e-5)
    with tf.Graph().as_default(), v1.Session() as sess:
        w, opt, feed = v1.Variable(np.ones((4, 2), np.float32)), make(), v1.placeholder(tf.float32, [4, 2])
        train = opt.apply_gradients([(feed, w)])
        sess.run(v1.global_variables_initializer())
        for g in GRADS:
            sess.run(train, {feed: g})
        np.testing.assert_allclose(sess.run(w), wanted, rtol=1e-5)


def summed(g):
    """Rows 0 and 2 of the gradient with rows `g` at INDICES."""
    return np.stack([g[1], g[0] + g[2]])


def lazily(rule):
    def act(w, state, g, t):
        rows = {k: v[[0, 2]] for k, v in state.items()}
        w = w.copy()
        w[[0, 2]] = rule(w[[0, 2]], rows, summed(g), t)
        for k, v in rows.items():
            state[k][[0, 2]] = v
        return w

    return act


def nadam_rows(w, state, g, t):
    """Moments decay everywhere, rows looked up move."""
    dense = np.zeros((4, 2))
    dense[[0, 2]] = summed(g)
    moved = nadam(w, state, dense, t)
    w = w.copy()
    w[[0, 2]] = moved[[0, 2]]
    return w


@pytest.mark.parametrize(
    "make, act",
    [
        (lambda: C.LazyAdamOptimizer(0.1), lazily(adam)),
        (lambda: C.AdaMaxOptimizer(0.1), lazily(ada_max)),
        (lambda: C.NadamOptimizer(0.1), nadam_rows),
    ],
    ids=["LazyAdam", "AdaMax", "Nadam"],
)
def test_contrib_sparse(make, act):
    wanted = follow(None, act)
    w, opt = tf.Variable(np.ones((4, 2), np.float32)), make()
    for g in GRADS:
        opt.apply_gradients([(tf.IndexedSlices(tf.constant(g[:3]), tf.constant(INDICES)), w)])
    np.testing.assert_allclose(w.numpy(), wanted, rtol=1e-5)
    with tf.Graph().as_default(), v1.Session() as sess:
        w, opt, feed = v1.Variable(np.ones((4, 2), np.float32)), make(), v1.placeholder(tf.float32, [3, 2])
        train = opt.apply_gradients([(tf.IndexedSlices(feed, tf.constant(INDICES)), w)])
        sess.run(v1.global_variables_initializer())
        for g in GRADS:
            sess.run(train, {feed: g[:3]})
        np.testing.assert_allclose(sess.run(w), wanted, rtol=1e-5)


# -- Keras 3: eight steps of Keras 3.15 over TensorFlow 2.21 ----------------------------------------------------------
START = (("w", [[1.0, 2.0, 0.5], [3.0, -4.0, 1.0]]), ("b", [0.5, 0.25]), ("embedding", [[0.5], [1.0], [2.0]]))
LATER = {
    "Muon": (
        lambda: K.Muon(0.1),
        [0.960122, 2.012118, 0.368999, 2.918719, -4.131126, 1.014789],
        [0.186186, 0.234118],
        [1.033245, 1.262206, 1.711468],
    ),
    "Muon, embeddings too": (
        lambda: K.Muon(0.1, exclude_embeddings=False),
        [0.960122, 2.012118, 0.368999, 2.918719, -4.131126, 1.014789],
        [0.186186, 0.234118],
        [0.569007, 1.107113, 1.976178],
    ),
    "ScheduleFreeAdamW": (
        lambda: K.ScheduleFreeAdamW(0.1, warmup_steps=5, weight_decay=0.1),
        [0.991511, 1.966651, 0.441194, 2.870449, -3.895947, 1.004759],
        [0.477111, 0.22819],
        [0.683914, 1.072184, 1.884206],
    ),
    "MultiOptimizer": (
        lambda: K.MultiOptimizer(K.OptimizerMap(K.SGD(0.1), {"w": K.Adam(0.1)})),
        [0.683901, 1.838347, 0.094321, 2.66588, -4.398406, 1.116858],
        [0.467646, 0.20903],
        [0.716124, 1.397973, 1.962004],
    ),
}


@pytest.mark.parametrize("function", [False, True], ids=["eager", "function"])
@pytest.mark.parametrize("make, w, b, e", LATER.values(), ids=LATER)
def test_keras_3_later_optimizers(make, w, b, e, function):
    opt, random = make(), np.random.RandomState(0)
    variables = [tf.Variable(np.array(v, np.float32), name=n) for n, v in START]

    def step(*grads):
        opt.apply_gradients(list(zip(grads, variables)))

    one = tf.function(step) if function else step
    for _ in range(8):
        one(*[tf.constant(random.randn(*v.shape).astype(np.float32)) for v in variables])
    for variable, wanted in zip(variables, (w, b, e)):
        np.testing.assert_allclose(variable.numpy().ravel(), wanted, atol=2e-6)
    assert opt.iterations.numpy() == 8
    again = K.deserialize(K.serialize(opt))
    assert type(again) is type(opt) and again.get_config() == opt.get_config()


def test_multi_optimizer_refuses():
    with pytest.raises(AttributeError, match="individual sub-optimizers"):
        _ = K.MultiOptimizer(K.OptimizerMap(K.SGD(0.1))).learning_rate
    with pytest.raises(ValueError, match="LossScaleOptimizer"):
        K.OptimizerMap(K.SGD(0.1))["w"] = K.LossScaleOptimizer(K.SGD(0.1))
    with pytest.raises(ValueError, match="Multiple optimizers"):
        K.OptimizerMap(K.SGD(0.1), {"a.*": K.Adam(), ".*b": K.Adam()})["ab"]


class WithStep(K.Optimizer):
    """A user's optimizer in Keras 3's manner."""

    def build(self, variables):
        super().build(variables)
        self.sums = [self.add_variable_from_reference(v, name="sum") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        total = self.sums[self._get_variable_index(variable)]
        self.assign(total, 0.9 * total + gradient)
        self.assign_sub(variable, tf.cast(learning_rate, variable.dtype) * total)


# After three steps of Keras 3.15: the variables and `iterations`.
WITH_STEP = [
    (dict(), [0.439, 3.122], 2.7195, 3),
    (dict(weight_decay=0.1), [0.413189, 3.054818], 2.632342, 3),
    (dict(clipnorm=1.0), [0.749113, 2.501774], 2.7195, 3),
    (dict(loss_scale_factor=2.0), [0.7195, 2.561], 2.85975, 3),
    (dict(gradient_accumulation_steps=2), [0.9, 2.2], 2.95, 1),
    (dict(use_ema=True, ema_momentum=0.5), [0.439, 3.122], 2.7195, 3),
    (dict(use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2), [0.534, 2.932], 2.767, 3),
]


@pytest.mark.parametrize("function", [False, True], ids=["eager", "function"])
@pytest.mark.parametrize("options, v, u, count", WITH_STEP, ids=[str(list(c[0])) for c in WITH_STEP])
def test_options_of_a_users_keras_3_optimizer(options, v, u, count, function):
    opt, one, two = WithStep(0.1, **options), tf.Variable([1.0, 2.0]), tf.Variable([[3.0]])

    def step():
        opt.apply_gradients([(tf.constant([1.0, -2.0]), one), (tf.constant([[0.5]]), two)])

    run = tf.function(step) if function else step
    for _ in range(3):
        run()
    np.testing.assert_allclose(one.numpy(), v, rtol=2e-6)
    np.testing.assert_allclose(two.numpy(), [[u]], rtol=2e-6)
    assert int(opt.iterations) == count


# -- loss scaling: Keras 3.15 gives these numbers ----------------------------------------------------------------------
@pytest.mark.parametrize("function", [False, True], ids=["eager", "function"])
def test_loss_scale(function):
    w = tf.Variable([1.0, 2.0])
    opt = K.LossScaleOptimizer(K.SGD(0.1, momentum=0.9), initial_scale=16.0, dynamic_growth_steps=2)

    def step(g):
        opt.apply_gradients([(g, w)])

    one, seen = tf.function(step) if function else step, []
    for g in ([1.0, 2.0], [3.0, np.inf], [16.0, 8.0], [4.0, 4.0], [5.0, 5.0], [np.nan, 1.0]):
        one(tf.constant(np.array(g, np.float32)))
        seen.append((float(opt.dynamic_scale.numpy()), int(opt.step_counter.numpy()), int(opt.iterations.numpy())))
    assert seen == [(16, 1, 1), (8, 0, 1), (8, 1, 2), (16, 0, 3), (16, 1, 4), (8, 0, 4)]
    np.testing.assert_allclose(w.numpy(), [0.31025624, 1.5597624], rtol=1e-6)
    own, inner = ["iteration", "learning_rate", "step_counter", "dynamic_scale"], ["iteration", "learning_rate"]
    assert [v.name for v in opt.variables] == [*own, *inner, "Variable_0_momentum"]


def test_loss_scaling_is_not_wrapped_twice():
    enable = v1.train.experimental.enable_mixed_precision_graph_rewrite
    opt = enable(v1.train.GradientDescentOptimizer(0.1), 8.0)
    with pytest.raises(ValueError, match="must not already be an instance of a MixedPrecisionLossScaleOptimizer"):
        enable(opt)
    with pytest.raises(ValueError, match='"opt" must be an instance of'):
        enable("adam")


# -- optax ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "make",
    [
        lambda: tf.keras.optimizers.legacy.Adam(0.1, amsgrad=True, decay=0.1),
        lambda: tf.keras.optimizers.legacy.Nadam(0.1),
        lambda: tf.keras.optimizers.legacy.RMSprop(0.1, momentum=0.5, centered=True),
        lambda: K.Nadam(0.1),
        lambda: K.Adafactor(0.1),
        lambda: K.Lamb(0.1),
        lambda: K.Muon(0.1),
        lambda: K.ScheduleFreeAdamW(0.1),
        lambda: v1.train.AdagradOptimizer(0.1),
        lambda: C.PowerSignOptimizer(0.1),
    ],
)
def test_make_optax(make):
    w, opt = tf.Variable(np.ones((4, 2), np.float32)), make()
    transformation = tf.optimizers.make_optax(make())
    params = [np.ones((4, 2), np.float32)]
    state, step = transformation.init(params), jax.jit(transformation.update)
    for g in GRADS:
        opt.apply_gradients([(tf.constant(g), w)])
        updates, state = step([g], state, params)
        params = optax.apply_updates(params, updates)
    np.testing.assert_allclose(params[0], w.numpy(), rtol=2e-6)


# -- constraints: the same numbers from tf_keras 2.21 and Keras 3.15 ---------------------------------------------------
CONSTRAINED = {
    "Keras 2 Nadam": (lambda: tf.keras.optimizers.legacy.Nadam(0.1), [0.93506497, 1.2], -0.064936, 4),
    "Keras 2 Adam": (lambda: tf.keras.optimizers.legacy.Adam(0.3), [1.019671, 1.1793129], 0.320687, 4),
    "Keras 3 Adam": (lambda: K.Adam(0.3, gradient_accumulation_steps=2), [1.051745, 1.048261], 0.151741, 2),
    "Keras 3 Nadam": (lambda: K.Nadam(0.3), [0.709388, 1.2], -0.150142, 4),
    "Keras 3 SGD": (
        lambda: K.SGD(0.3, momentum=0.9, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
        [0.87785, 1.2],
        0.0666,
        4,
    ),
}


@pytest.mark.parametrize("function", [False, True], ids=["eager", "function"])
@pytest.mark.parametrize("make, wanted, free, count", CONSTRAINED.values(), ids=CONSTRAINED)
def test_constraints(make, wanted, free, count, function):
    w = tf.Variable([1.0, 2.0], constraint=lambda v: tf.clip_by_value(v, -0.5, 1.2))
    b, opt = tf.Variable([0.0]), make()

    def step(g):
        opt.apply_gradients([(g, w), (g[:1], b)])

    one = tf.function(step) if function else step
    for i in range(4):
        one(tf.constant([1.0, -0.5]) * (i - 1.0))
    np.testing.assert_allclose(w.numpy(), wanted, atol=1e-6)
    np.testing.assert_allclose(b.numpy(), [free], atol=1e-6)
    assert int(opt.iterations) == count


def test_constraints_in_a_session():
    with tf.Graph().as_default(), v1.Session() as sess:
        w = tf.Variable([1.0, 2.0], constraint=lambda v: tf.clip_by_value(v, -0.5, 1.2))
        opt = tf.keras.optimizers.legacy.Nadam(0.1)
        train = opt.apply_gradients([(tf.constant([1.0, -0.5]), w)])
        sess.run(v1.global_variables_initializer())
        sess.run(train)
        sess.run(train)
        np.testing.assert_allclose(sess.run(w), [0.81598663, 1.2], rtol=1e-6)
        assert sess.run(opt.iterations) == 2
