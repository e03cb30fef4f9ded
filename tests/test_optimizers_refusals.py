"""What optimizers refuse, before anything is trained, and the corners where a rounding would move a whole step.

Classes of errors and values are those of TensorFlow 2.21, Keras 3.15 and tf_keras 2.21.
"""

import numpy as np
import pytest

import tfcompat as tf

v1, K = tf.compat.v1, tf.keras.optimizers
E = tf.errors

MAKE = {
    "v1 SGD": lambda: v1.train.GradientDescentOptimizer(0.1),
    "v1 momentum": lambda: v1.train.MomentumOptimizer(0.1, 0.9),
    "v1 Adam": lambda: v1.train.AdamOptimizer(0.1),
    "Keras 2 Adam": lambda: K.legacy.Adam(0.1),
    "Keras 3 SGD": lambda: K.SGD(0.1),
    "Keras 3 Adam": lambda: K.Adam(0.1),
    "optax": lambda: tf.optimizers.from_optax(__import__("optax").adam(0.1)),
}
KERAS_3 = ("Keras 3 SGD", "Keras 3 Adam")
FIT = {  # what does not fit a variable of shape [2]
    "longer": (lambda: tf.constant([1.0, 2.0, 3.0]), E.InvalidArgumentError, MAKE),
    "a row": (lambda: tf.constant([[1.0, 2.0]]), E.InvalidArgumentError, MAKE),
    "a scalar": (lambda: tf.constant(1.0), E.InvalidArgumentError, [k for k in MAKE if k != "Keras 3 Adam"]),
    "text": (lambda: tf.constant(["a", "b"]), (E.InvalidArgumentError, E.UnimplementedError), MAKE),
    "wide": (lambda: tf.constant([1.0, 2.0], tf.float64), E.InvalidArgumentError, ["v1 SGD", "v1 Adam"]),
    "index": (
        lambda: tf.IndexedSlices(tf.constant([1.0]), tf.constant([5])),
        E.InvalidArgumentError,
        MAKE,
    ),
    "negative index": (
        lambda: tf.IndexedSlices(tf.constant([1.0]), tf.constant([-1])),
        E.InvalidArgumentError,
        MAKE,
    ),
    "two indices of one row": (
        lambda: tf.IndexedSlices(tf.constant([1.0]), tf.constant([0, 1])),
        E.InvalidArgumentError,
        MAKE,
    ),
}


@pytest.mark.parametrize(
    "make, gradient, error",
    [(MAKE[k], g, e) for g, e, names in FIT.values() for k in names],
    ids=[f"{k}, {fit}" for fit, (_, _, names) in FIT.items() for k in names],
)
def test_a_gradient_that_does_not_fit_changes_nothing(make, gradient, error):
    """The error comes before any variable, slot or counter has changed; the next step goes on from there."""
    good = lambda: [(tf.constant([1.0, -1.0]), w), (tf.constant(0.5), b)]
    values = []
    for refused in (False, True):
        optimizer, w, b = make(), tf.Variable([1.0, 2.0]), tf.Variable(3.0)
        step, counts = tf.Variable(0), isinstance(optimizer, v1.train.Optimizer)
        more = {"global_step": step} if counts else {}
        optimizer.apply_gradients(good(), **more)
        if refused:
            with pytest.raises(error):
                optimizer.apply_gradients([(gradient(), w), (tf.constant(0.5), b)], **more)
        optimizer.apply_gradients(good(), **more)
        assert step.numpy() == 2 * counts
        values.append([w.numpy(), b.numpy()])
    np.testing.assert_array_equal(values[0][0], values[1][0])
    np.testing.assert_array_equal(values[0][1], values[1][1])


@pytest.mark.parametrize("resource", [False, True])
@pytest.mark.parametrize(
    "gradient, error",
    [
        (lambda: tf.constant([1.0, 2.0, 3.0]), ValueError),
        (lambda: tf.constant(1.0), ValueError),
        (lambda: tf.IndexedSlices(tf.constant([1.0, 2.0, 3.0]), tf.constant([0, 1])), ValueError),
        (lambda: tf.constant([1.0, 2.0], tf.float64), TypeError),
    ],
    ids=["longer", "scalar", "slices", "float64"],
)
@pytest.mark.parametrize("name", ["v1 SGD", "v1 momentum", "v1 Adam"])
def test_in_a_graph_while_it_is_built(name, gradient, error, resource):
    with tf.Graph().as_default():
        w = v1.get_variable("w", initializer=[1.0, 2.0], use_resource=resource)
        with pytest.raises(error):
            MAKE[name]().apply_gradients([(gradient(), w)])


@pytest.mark.parametrize("name", [k for k in MAKE if k != "optax"])
def test_rows_outside_the_table_are_left_out_of_functions(name):
    """Where nobody knows the numbers before they are computed, as on TensorFlow's GPUs; -1 is not the last row."""
    w, optimizer = tf.Variable([[1.0], [2.0], [3.0]]), MAKE[name]()

    @tf.function
    def step(i):
        optimizer.apply_gradients([(tf.IndexedSlices(tf.ones([2, 1]), i * 1), w)])

    step(tf.constant([-1, 0]))
    assert w.numpy()[2] == 3.0 and w.numpy()[0] < 1.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: K.Adam(None),
        lambda: K.SGD("fast"),
        lambda: setattr(K.SGD(0.1), "learning_rate", None),
        lambda: K.legacy.SGD(None).apply_gradients([(tf.constant(1.0), tf.Variable(1.0))]),
        lambda: v1.train.AdamOptimizer(None).apply_gradients([(tf.constant(1.0), tf.Variable(1.0))]),
    ],
)
def test_no_rate_is_no_nan(call):
    with pytest.raises(ValueError):
        call()


@pytest.mark.parametrize("method", ["first", 7])
def test_aggregation_methods(method):
    with tf.Graph().as_default():
        w = v1.get_variable("w", initializer=[1.0, 2.0])
        with pytest.raises(ValueError, match="Invalid `aggregation_method` specified"):
            v1.train.AdamOptimizer().minimize(tf.reduce_sum(w), aggregation_method=method)


def test_integer_variables():
    with pytest.raises(E.InvalidArgumentError):
        v1.train.GradientDescentOptimizer(1.0).apply_gradients([(tf.constant([1]), tf.Variable([3]))])


# -- a step too early or too late --------------------------------------------------------------------------------------
# One of these times its reciprocal, in float32, is below one for several of them.
STEPS = (47, 49, 94, 98, 107, 123, 189, 214, 321)


def in_session(make):
    with tf.Graph().as_default(), v1.Session() as session:
        step = v1.placeholder(tf.int64, [])
        rates = make(step)
        return [session.run(rates, {step: k}) for k in STEPS]


def in_function(make):
    run = tf.function(make)
    return [[r.numpy() for r in run(tf.constant(k, tf.int64))] for k in STEPS]


S = K.schedules
STAIRCASES = {
    "exponential_decay": (
        in_session,
        lambda n: lambda s: v1.train.exponential_decay(1.0, s, n, 0.5, staircase=True),
        lambda k: 0.5**k,
    ),
    "inverse_time_decay": (
        in_session,
        lambda n: lambda s: v1.train.inverse_time_decay(1.0, s, n, 0.5, staircase=True),
        lambda k: 1 / (1 + 0.5 * k),
    ),
    "ExponentialDecay": (in_function, lambda n: S.ExponentialDecay(1.0, n, 0.5, True), lambda k: 0.5**k),
    "InverseTimeDecay": (in_function, lambda n: S.InverseTimeDecay(1.0, n, 0.5, True), lambda k: 1 / (1 + 0.5 * k)),
}


@pytest.mark.parametrize("run, make, wanted", STAIRCASES.values(), ids=STAIRCASES)
def test_a_stair_is_taken_at_its_step(run, make, wanted):
    schedules = [make(n) for n in STEPS]
    got = run(lambda step: [schedule(step) for schedule in schedules])
    np.testing.assert_allclose(got, [[wanted(k // n) for n in STEPS] for k in STEPS], rtol=1e-6)


def test_the_root_of_what_is_left_is_a_number():
    """TensorFlow: 0.0317 at step 9, then the end rate."""
    with tf.Graph().as_default(), v1.Session() as session:
        step = v1.placeholder(tf.int32, [])
        rate = v1.train.polynomial_decay(0.1, step, 10, power=0.5)
        got = [session.run(rate, {step: k}) for k in (9, 10, 11, 23)]
    np.testing.assert_allclose(got, [0.03169115, 1e-4, 1e-4, 1e-4], rtol=1e-6)


# -- Adafactor: six steps of Keras 3.15 --------------------------------------------------------------------------------
ADAFACTOR = [
    (True, dict(), [1.048827, 1.832272, 3.0, -4.0, -0.139297, 0.674616]),
    (False, dict(gradient_accumulation_steps=2), [0.493626, 1.917884, 2.978551, -4.393645, 0.526658, 0.672638]),
    (
        False,
        dict(gradient_accumulation_steps=3, use_ema=True, clipnorm=0.5, weight_decay=0.1),
        [0.27991, 1.879657, 2.891059, -3.88491, 0.523241, 0.580912],
    ),
]


@pytest.mark.parametrize("sparse, options, wanted", ADAFACTOR, ids=["sparse", "accumulated", "accumulated, averaged"])
def test_adafactor(sparse, options, wanted):
    w, optimizer = tf.Variable([[1.0, 2.0], [3.0, -4.0], [0.5, 0.25]]), K.Adafactor(0.1, **options)
    for i in range(6):
        g = tf.constant(np.random.RandomState(i).randn(3, 2).astype(np.float32))
        grad = tf.IndexedSlices(g, tf.constant([2, 0, 2]), tf.constant([3, 2])) if sparse else g
        optimizer.apply_gradients([(grad, w)])
    np.testing.assert_allclose(w.numpy().ravel(), wanted, rtol=1e-6, atol=1.5e-6)


# -- names and what is passed on ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("resource", [False, True])
def test_own_name_scope_of_what_updates_share(resource):
    with tf.Graph().as_default():
        with v1.variable_scope("net"):
            w = v1.get_variable("w", initializer=[1.0, 2.0], use_resource=resource)
            adam = v1.train.AdamOptimizer(0.1, use_own_namescope_for_non_slot_vars=True, name="zz")
        adam.minimize(tf.reduce_sum(w))
        names = [v.op.name for v in v1.global_variables()]
    assert names == ["net/w", "net/zz/beta1_power", "net/zz/beta2_power", "net/w/zz", "net/w/zz_1"]


def test_averages_eagerly():
    w, names = tf.Variable([1.0], name="averaged"), []
    for _ in range(2):
        average = tf.train.ExponentialMovingAverage(0.5)
        average.apply([w])
        names.append(average.average(w).name)
    assert names == ["averaged/ExponentialMovingAverage:0", "averaged/ExponentialMovingAverage_1:0"]
    with pytest.raises(TypeError, match="does not support non-Variable tensors"):
        average.apply([tf.constant(1.0)])


def test_gradient_aggregator():
    w = tf.Variable([1.0, 2.0])
    doubled = lambda pairs: [(g * 2, v) for g, v in pairs]
    K.legacy.SGD(0.1, gradient_aggregator=doubled).apply_gradients([(tf.constant([1.0, 1.0]), w)])
    np.testing.assert_allclose(w.numpy(), [0.8, 1.8])
    assert {"lr", "learning_rate", "momentum"} <= set(dir(K.legacy.SGD()))


def test_get_config_in_keras_order():
    assert list(K.Adagrad().get_config())[-2:] == ["initial_accumulator_value", "epsilon"]
    assert list(K.Ftrl().get_config())[-6:-3] == [
        "learning_rate_power",
        "initial_accumulator_value",
        "l1_regularization_strength",
    ]


def test_a_scaled_number():
    assert K.LossScaleOptimizer(K.SGD(0.1), initial_scale=8.0).scale_loss(2.0).numpy() == 16.0
