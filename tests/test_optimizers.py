"""Optimizers' behaviour around the update: names, slots, errors, schedules, averages, subclasses, optax, compile
counts.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import tfcompat as tf
from tfcompat._src.engine import dispatch

v1 = tf.compat.v1
K = tf.keras.optimizers


def names(operations):
    return [o.name for o in operations]


# -- tf.train in graphs -----------------------------------------------------------------------------------------------
def test_graph_names_are_tensorflows():
    with tf.Graph().as_default() as g:
        w, b = v1.Variable(np.ones((3, 2), np.float32), name="w"), v1.Variable(1.0, name="b")
        step = v1.train.get_or_create_global_step()
        before = len(g.get_operations())
        train = v1.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(w) * b, global_step=step)
        new = [n for n in names(g.get_operations()[before:]) if not n.startswith("gradients")]
        assert train.name == "Adam" and train.type in ("AssignAdd", "AssignAddVariableOp")
        for name in ("w/Adam", "w/Adam_1", "b/Adam", "b/Adam_1", "beta1_power", "Adam/learning_rate", "Adam/update"):
            assert name in new
        assert any(n.startswith("Adam/update_w/") and n.endswith("ApplyAdam") for n in new)
        found = [v.name for v in v1.global_variables()]
        assert found == ["w:0", "b:0", "global_step:0", "beta1_power:0", "beta2_power:0", "w/Adam:0", "w/Adam_1:0",
                         "b/Adam:0", "b/Adam_1:0"]  # fmt: skip
        assert [v.name for v in v1.trainable_variables()] == ["w:0", "b:0"]
        assert g.get_collection("train_op") == [train]


def test_slots():
    with tf.Graph().as_default():
        w = v1.Variable([1.0, 2.0], name="w")
        opt = v1.train.MomentumOptimizer(0.1, 0.9)
        assert opt.get_slot_names() == [] and opt.get_slot(w, "momentum") is None
        opt.minimize(tf.reduce_sum(w))
        assert opt.get_slot_names() == ["momentum"]
        assert opt.get_slot(w, "momentum").name == "w/Momentum:0"
        assert [v.name for v in opt.variables()] == ["w/Momentum:0"]
        assert opt.get_name() == "Momentum"


def test_errors_of_the_base_class():
    w = tf.Variable([1.0, 2.0], name="w")
    opt = v1.train.GradientDescentOptimizer(0.1)
    with pytest.raises(ValueError, match="No variables provided"):
        opt.apply_gradients([])
    with pytest.raises(ValueError, match="No gradients provided for any variable"):
        opt.apply_gradients([(None, w)])
    with pytest.raises(RuntimeError, match="should be a function when eager"):
        opt.minimize(w * 2.0)
    with tf.Graph().as_default():
        w = v1.Variable([1.0, 2.0], name="w")
        with pytest.raises(ValueError, match="No variables to optimize"):
            opt.compute_gradients(tf.reduce_sum(w), var_list=[])
        with pytest.raises(ValueError, match="gate_gradients must be one of"):
            opt.compute_gradients(tf.reduce_sum(w), gate_gradients="GATE")
        with pytest.raises(ValueError, match="No gradients provided for any variable"):
            opt.minimize(tf.constant(1.0), var_list=[w])
        with pytest.raises(ValueError, match="Invalid type"):
            opt.compute_gradients(tf.constant(1))
    with pytest.raises(ValueError, match="Must specify the optimizer name"):
        v1.train.GradientDescentOptimizer(0.1, name="")


def test_none_gradients_and_zip_are_taken():
    w, b = tf.Variable(1.0), tf.Variable(2.0)
    v1.train.GradientDescentOptimizer(0.5).apply_gradients(zip([tf.constant(1.0), None], [w, b]))
    assert (w.numpy(), b.numpy()) == (0.5, 2.0)


def test_the_same_variable_twice_is_updated_twice():
    w = tf.Variable(1.0)
    v1.train.GradientDescentOptimizer(0.5).apply_gradients([(tf.constant(1.0), w), (tf.constant(1.0), w)])
    assert w.numpy() == 0.0


def test_a_learning_rate_variable_never_recompiles():
    with tf.Graph().as_default():
        rate, w = v1.Variable(0.5, trainable=False), v1.Variable(4.0)
        train = v1.train.GradientDescentOptimizer(rate).apply_gradients([(tf.constant(1.0), w)])
        with v1.Session() as sess:
            sess.run(v1.global_variables_initializer())
            sess.run(train)
            sess.run(rate.assign(1.0))
            sess.run(train)
            assert sess.run(w) == 2.5


class Classic(v1.train.Optimizer):
    """A tutorial's own optimizer."""

    def __init__(self, rate, name="Own"):
        super().__init__(False, name)
        self._rate = rate

    def _prepare(self):
        self._rate_t = tf.convert_to_tensor(self._rate, name="rate")

    def _create_slots(self, var_list):
        for v in var_list:
            self._zeros_slot(v, "m", self._name)

    def _apply_dense(self, grad, var):
        m = self.get_slot(var, "m")
        m_t = m.assign(0.9 * m + grad)
        return tf.group(v1.assign_sub(var, self._rate_t * m_t), m_t)

    _resource_apply_dense = _apply_dense


def test_subclassing_the_tf1_way():
    w = tf.Variable([1.0, 2.0])
    opt = Classic(0.5)
    for _ in range(2):
        opt.minimize(lambda: tf.reduce_sum(w))
    np.testing.assert_allclose(w.numpy(), [-0.45, 0.55], rtol=1e-6)
    with tf.Graph().as_default():
        w = v1.Variable([1.0, 2.0], name="w")
        train = Classic(0.5).minimize(tf.reduce_sum(w))
        assert train.name == "Own"
        with v1.Session() as sess:
            sess.run(v1.global_variables_initializer())
            sess.run(train)
            sess.run(train)
            np.testing.assert_allclose(sess.run(w), [-0.45, 0.55], rtol=1e-6)


# -- eager steps ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("make", [lambda: K.Adam(0.1), lambda: v1.train.AdamOptimizer(0.1), lambda: K.legacy.Adam(0.1)])
def test_a_step_is_one_dispatch_and_one_compile(make):
    variables = [tf.Variable(np.full((2, 2), float(i), np.float32)) for i in range(50)]
    grads = [tf.constant(np.ones((2, 2), np.float32)) for _ in variables]
    opt = make()
    opt.apply_gradients(zip(grads, variables))
    programs, runs = len(dispatch._compiled), dispatch.dispatches
    for _ in range(5):
        opt.apply_gradients(zip(grads, variables))
    assert dispatch.dispatches - runs == 5 and len(dispatch._compiled) == programs


def test_a_changed_learning_rate_does_not_compile():
    w, opt = tf.Variable(1.0), K.SGD(0.5)
    opt.apply_gradients([(tf.constant(1.0), w)])
    programs = len(dispatch._compiled)
    opt.learning_rate = 0.25
    opt.apply_gradients([(tf.constant(1.0), w)])
    opt.learning_rate.assign(0.125)
    opt.apply_gradients([(tf.constant(1.0), w)])
    assert len(dispatch._compiled) == programs and w.numpy() == 0.125


def test_slot_variables_are_variables():
    w, opt = tf.Variable([1.0, 2.0]), K.SGD(0.5, momentum=0.5)
    opt.apply_gradients([(tf.constant([1.0, 1.0]), w)])
    slot = opt.get_slot(w, "momentum")
    np.testing.assert_array_equal(slot.numpy(), [-0.5, -0.5])
    held = slot.value()
    opt.apply_gradients([(tf.constant([1.0, 1.0]), w)])
    np.testing.assert_array_equal(slot.numpy(), [-0.75, -0.75])
    np.testing.assert_array_equal(held.numpy(), [-0.5, -0.5])
    slot.assign([0.0, 0.0])
    opt.apply_gradients([(tf.constant([1.0, 1.0]), w)])
    np.testing.assert_array_equal(slot.numpy(), [-0.5, -0.5])
    np.testing.assert_array_equal((slot + 1.0).numpy(), [0.5, 0.5])


# -- Keras ------------------------------------------------------------------------------------------------------------
def test_keras_2_spellings():
    opt = K.SGD(lr=0.1, decay=1e-6, momentum=0.9, nesterov=True)
    assert isinstance(opt, K.SGD) and isinstance(opt, K.Optimizer)
    assert float(opt.lr) == pytest.approx(0.1)
    opt.lr = 0.5
    assert float(opt.learning_rate) == 0.5
    assert opt.get_config()["decay"] == 1e-6
    assert K.Adam(epsilon=None).epsilon == 1e-7
    with pytest.raises(TypeError, match="Unexpected keyword argument passed to optimizer: foo"):
        K.legacy.SGD(0.1, foo=1)


def test_keras_3_configuration():
    opt = K.Adam(0.25, amsgrad=True, clipnorm=1.0)
    again = K.deserialize(K.serialize(opt))
    assert again.get_config() == {**opt.get_config(), "name": again.name}
    assert K.get("adam").get_config()["beta_2"] == 0.999
    assert K.get(opt) is opt and K.get(None) is None
    with pytest.raises(ValueError, match="Could not interpret optimizer identifier: 3"):
        K.get(3)
    with pytest.raises(ValueError, match="not recognized"):
        K.SGD(0.1, foo=1)
    with pytest.raises(ValueError, match="Only one of"):
        K.SGD(0.1, clipnorm=1.0, clipvalue=1.0)


def test_keras_3_weights():
    w, opt = tf.Variable([1.0, 2.0], name="w"), K.Adam(0.1)
    assert opt.apply_gradients([(tf.constant([1.0, 1.0]), w)]) is opt.iterations
    assert len(opt.variables) == 4 and len(opt.variables()) == 3  # Keras 2's list leaves out the learning rate
    assert [v.name for v in opt.variables] == ["iteration", "learning_rate", "w_0_momentum", "w_0_velocity"]
    assert opt.iterations.path == f"{opt.name}/iteration"
    other = K.Adam(0.1)
    other.build([w])
    other.set_weights(opt.get_weights())
    assert int(other.iterations) == 1
    np.testing.assert_array_equal(other.get_slot(w, "momentum").numpy(), opt.get_slot(w, "momentum").numpy())
    with pytest.raises(ValueError, match="Unknown variable"):
        opt.apply_gradients([(tf.constant(1.0), tf.Variable(1.0))])
    with pytest.raises(ValueError, match="No gradients provided"):
        opt.apply_gradients([(None, w)])


class KerasTwo(tf.keras.optimizers.Optimizer):
    def __init__(self, learning_rate=0.1, name="KerasTwo", **kwargs):
        super().__init__(name, **kwargs)
        self._set_hyper("learning_rate", kwargs.get("lr", learning_rate))

    def _create_slots(self, var_list):
        for v in var_list:
            self.add_slot(v, "s")

    def _resource_apply_dense(self, grad, var):
        s = self.get_slot(var, "s")
        s.assign(s * 0.9 + grad)
        return var.assign_sub(self._get_hyper("learning_rate", var.dtype.base_dtype) * s)

    def get_config(self):
        return {**super().get_config(), "learning_rate": self._serialize_hyperparameter("learning_rate")}


class KerasThree(tf.keras.optimizers.Optimizer):
    def __init__(self, learning_rate=0.1, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)

    def build(self, variables):
        super().build(variables)
        self.m = [self.add_variable_from_reference(v, "m") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        m = self.m[self._get_variable_index(variable)]
        self.assign(m, m * 0.9 + gradient)
        self.assign_sub(variable, m * learning_rate)


@pytest.mark.parametrize("kind", [KerasTwo, KerasThree])
def test_subclassing_keras(kind):
    w, opt = tf.Variable([1.0, 2.0]), kind(0.5)
    assert isinstance(opt, tf.keras.optimizers.Optimizer)
    for _ in range(2):
        opt.apply_gradients([(tf.constant([1.0, 1.0]), w)])
    np.testing.assert_allclose(w.numpy(), [-0.45, 0.55], rtol=1e-6)
    assert int(opt.iterations) == 2


@pytest.mark.parametrize("kind", [K.SGD, K.legacy.SGD, v1.train.GradientDescentOptimizer])
def test_constraints_act_after_the_update(kind):
    w = tf.Variable([1.0, 2.0], constraint=lambda v: tf.maximum(v, 0.0))
    opt = kind(1.0)
    opt.apply_gradients([(tf.constant([3.0, 1.0]), w)])
    np.testing.assert_array_equal(w.numpy(), [0.0, 1.0])


# -- schedules --------------------------------------------------------------------------------------------------------
S = K.schedules


@pytest.mark.parametrize(
    "schedule, step, wanted",
    [
        (S.ExponentialDecay(0.1, 3, 0.9), 3, 0.09),
        (S.ExponentialDecay(0.1, 3, 0.9, staircase=True), 5, 0.09),
        (S.InverseTimeDecay(0.1, 3, 0.9), 3, 0.1 / 1.9),
        (S.PolynomialDecay(0.1, 10), 3, (0.1 - 1e-4) * 0.7 + 1e-4),
        (S.PolynomialDecay(0.1, 10, 0.0, cycle=True), 13, 0.1 * (1 - 13 / 20)),
        (S.PiecewiseConstantDecay([1, 5], [0.1, 0.2, 0.3]), 1, 0.1),
        (S.PiecewiseConstantDecay([1, 5], [0.1, 0.2, 0.3]), 2, 0.2),
        (S.CosineDecay(0.1, 10, alpha=0.1), 5, 0.1 * (0.9 * 0.5 + 0.1)),
        (S.CosineDecay(0.1, 100, warmup_target=0.5, warmup_steps=4), 2, 0.3),
        (S.CosineDecayRestarts(0.1, 3), 3, 0.1),
    ],
)
def test_schedules(schedule, step, wanted):
    assert float(schedule(step)) == pytest.approx(wanted, rel=1e-6)
    assert float(schedule(tf.constant(step))) == pytest.approx(wanted, rel=1e-6)
    assert float(schedule.at(step)) == pytest.approx(wanted, rel=1e-6)
    again = S.deserialize(S.serialize(schedule))
    assert again.get_config() == schedule.get_config()


def test_boundaries_keep_their_dtype():
    """TensorFlow widens int32 to int64 and nothing else."""
    for x, boundaries in ((tf.constant(1, tf.int64), [1.5]), (tf.constant(1.0), [1])):
        with pytest.raises(ValueError, match="must have the same dtype as x"):
            v1.train.piecewise_constant(x, boundaries, [1.0, 2.0])()
    assert float(v1.train.piecewise_constant(tf.constant(2, tf.int64), [1], [1.0, 2.0])()) == 2.0


def test_tf1_decay_functions():
    assert float(v1.train.exponential_decay(0.1, 3, 10, 0.9)()) == pytest.approx(0.1 * 0.9**0.3, rel=1e-6)
    with tf.Graph().as_default():
        step = v1.train.get_or_create_global_step()
        rate = v1.train.exponential_decay(0.1, step, 1, 0.5)
        assert rate.name == "ExponentialDecay:0"
        w = v1.Variable(1.0)
        train = v1.train.GradientDescentOptimizer(rate).apply_gradients([(tf.constant(1.0), w)], global_step=step)
        with v1.Session() as sess:
            sess.run(v1.global_variables_initializer())
            sess.run(train)
            sess.run(train)
            assert sess.run(w) == pytest.approx(1 - 0.1 - 0.05)


# -- averages ---------------------------------------------------------------------------------------------------------
def test_exponential_moving_average():
    with tf.Graph().as_default():
        w = v1.Variable([1.0, 2.0], name="w")
        step = v1.train.get_or_create_global_step()
        ema = tf.train.ExponentialMovingAverage(0.9, num_updates=step)
        assert ema.average_name(w) == "w/ExponentialMovingAverage"
        more = tf.group(w.assign_add([1.0, 1.0]), step.assign_add(1))
        with tf.control_dependencies([more]):
            update = ema.apply([w])
        assert update.name == "ExponentialMovingAverage"
        assert ema.average(w).name == "w/ExponentialMovingAverage:0"
        restore = ema.variables_to_restore()
        assert sorted(restore) == ["global_step", "w/ExponentialMovingAverage"]
        assert restore["w/ExponentialMovingAverage"] is w
        with v1.Session() as sess:
            sess.run(v1.global_variables_initializer())
            for wanted in ([1.8181818, 2.8181818], [2.7045455, 3.7045455]):  # TensorFlow 2.21's
                sess.run(update)
                np.testing.assert_allclose(sess.run(ema.average(w)), wanted, rtol=1e-6)
        with pytest.raises(TypeError, match="must be half, float, or double"):
            ema.apply([v1.Variable(1)])


def test_exponential_moving_average_eagerly():
    w, ema = tf.Variable(1.0), tf.train.ExponentialMovingAverage(0.5)
    ema.apply([w])
    w.assign(3.0)
    ema.apply([w])
    assert ema.average(w).numpy() == 2.0


# -- optax ------------------------------------------------------------------------------------------------------------
GRADIENTS = [np.random.RandomState(i).randn(3, 2).astype(np.float32) for i in range(5)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: v1.train.AdamOptimizer(0.1),
        lambda: v1.train.RMSPropOptimizer(0.1, centered=True),
        lambda: v1.train.FtrlOptimizer(0.1, l1_regularization_strength=0.01),
        lambda: K.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.1, clipnorm=0.5),
        lambda: K.Adam(S.CosineDecay(0.1, 10, warmup_target=0.3, warmup_steps=2), amsgrad=True),
    ],
)
def test_make_optax(make):
    w, opt = tf.Variable(np.ones((3, 2), np.float32)), make()
    transformation = tf.optimizers.make_optax(make())
    params = {"a": jnp.ones((3, 2))}
    state = transformation.init(params)

    @jax.jit
    def step(grads, state, params):
        updates, state = transformation.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    for g in GRADIENTS:
        opt.apply_gradients([(tf.constant(g), w)])
        params, state = step({"a": g}, state, params)
    np.testing.assert_allclose(params["a"], w.numpy(), rtol=1e-6)


@pytest.mark.parametrize("make", [lambda: optax.lion(1e-2), lambda: optax.sgd(0.1, momentum=0.9)])
def test_from_optax(make):
    params, transformation = [jnp.ones((3, 2)), jnp.asarray(1.0)], make()
    state = transformation.init(params)
    w, b = tf.Variable(np.ones((3, 2), np.float32), name="w"), tf.Variable(1.0, name="b")
    opt = tf.optimizers.from_optax(make())
    for g in GRADIENTS:
        opt.apply_gradients([(tf.constant(g), w), (tf.constant(0.5), b)])
        updates, state = transformation.update([jnp.asarray(g), jnp.asarray(0.5)], state, params)
        params = optax.apply_updates(params, updates)
    np.testing.assert_allclose(w.numpy(), params[0], rtol=1e-6)
    with tf.Graph().as_default():
        w, b = v1.Variable(np.ones((3, 2), np.float32), name="w"), v1.Variable(1.0, name="b")
        feed, step = v1.placeholder(tf.float32, [3, 2]), v1.train.get_or_create_global_step()
        opt = tf.optimizers.from_optax(make())
        train = opt.apply_gradients([(feed, w), (tf.constant(0.5), b)], global_step=step)
        assert all(v in v1.global_variables() for v in opt.variables())
        with v1.Session() as sess:
            sess.run(v1.global_variables_initializer())
            for g in GRADIENTS:
                sess.run(train, {feed: g})
            np.testing.assert_allclose(sess.run(w), params[0], rtol=1e-6)
            assert sess.run(step) == 5
