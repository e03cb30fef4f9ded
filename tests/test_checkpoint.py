"""tf.train.Checkpoint, CheckpointManager, trackable containers, tf.Module."""

import gc
import os

import numpy as np
import pytest

import tfcompat as tf

v1 = tf.compat.v1
K, L, T = tf.keras.optimizers, tf.keras.optimizers.legacy, v1.train

OPTIMIZERS = {
    "v1 Adam": lambda: T.AdamOptimizer(0.1),
    "v1 centered RMSProp": lambda: T.RMSPropOptimizer(0.1, momentum=0.5, centered=True),
    "Keras 2 Adam": lambda: L.Adam(0.1),
    "Keras 2 SGD, schedule": lambda: L.SGD(K.schedules.ExponentialDecay(0.1, 5, 0.9), momentum=0.9),
    "Keras 3 Adam": lambda: K.Adam(0.1, amsgrad=True),
    "Keras 3 SGD, averaged": lambda: K.SGD(0.1, momentum=0.9, use_ema=True),
    "Keras 3 Nadam": lambda: K.Nadam(0.1),
    "Keras 3 Adafactor": lambda: K.Adafactor(0.1),
    "loss scale": lambda: K.LossScaleOptimizer(K.SGD(0.1, momentum=0.9)),
    "optax": lambda: tf.optimizers.from_optax(__import__("optax").adam(0.1)),
}


def fresh():
    return tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="w"), tf.Variable([0.5], name="b")


def steps(optimizer, w, b, n):
    for i in range(n):
        grads = tf.constant([[1.0, 0.5], [0.25, -1.0]]) * (i + 1.0), tf.constant([0.3]) * (i + 2.0)
        optimizer.apply_gradients(list(zip(grads, (w, b))))


@pytest.mark.parametrize("when", ["before the first step", "after a step"])
@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_training_goes_on_where_it_was_saved(make, when, tmp_path):
    w, b = fresh()
    optimizer = make()
    steps(optimizer, w, b, 3)
    path = tf.train.Checkpoint(net=[w, {"b": b}], opt=optimizer).save(tmp_path / "ckpt")
    steps(optimizer, w, b, 2)
    w2, b2 = fresh()
    optimizer = make()
    if when == "after a step":
        steps(optimizer, w2, b2, 1)
    status = tf.train.Checkpoint(net=[w2, {"b": b2}], opt=optimizer).restore(path)
    steps(optimizer, w2, b2, 2)
    status.assert_consumed()
    np.testing.assert_array_equal(w2.numpy(), w.numpy())
    np.testing.assert_array_equal(b2.numpy(), b.numpy())


def test_keys_are_tensorflows(tmp_path):
    """As TensorFlow 2.21 writes them for the same objects."""
    w, b = fresh()
    optimizer = T.AdamOptimizer(0.1)
    steps(optimizer, w, b, 1)
    path = tf.train.Checkpoint(net=[w, {"x/y": b}], opt=optimizer).save(str(tmp_path / "ckpt"))
    end = "/.ATTRIBUTES/VARIABLE_VALUE"
    assert [name for name, _ in tf.train.list_variables(path)] == [
        "_CHECKPOINTABLE_OBJECT_GRAPH",
        "net/0" + end,
        "net/0/.OPTIMIZER_SLOT/opt/m" + end,
        "net/0/.OPTIMIZER_SLOT/opt/v" + end,
        "net/1/x.Sy" + end,
        "net/1/x.Sy/.OPTIMIZER_SLOT/opt/m" + end,
        "net/1/x.Sy/.OPTIMIZER_SLOT/opt/v" + end,
        "opt/beta1_power" + end,
        "opt/beta2_power" + end,
        "save_counter" + end,
    ]
    np.testing.assert_array_equal(tf.train.load_variable(path, "net/1/x.Sy" + end), b.numpy())
    w, b = fresh()
    optimizer = K.Adam(0.1)
    steps(optimizer, w, b, 1)
    path = tf.train.Checkpoint(w=w, b=b, opt=optimizer).write(str(tmp_path / "k3"))
    names = [name for name, _ in tf.train.list_variables(path)]
    keras3 = ["opt/_iterations", "opt/_learning_rate", *[f"opt/_variables/{i}" for i in (2, 3, 4, 5)]]
    assert names == ["_CHECKPOINTABLE_OBJECT_GRAPH", "b" + end, *[k + end for k in keras3], "w" + end]


def test_what_comes_later_is_restored_when_it_comes(tmp_path):
    saved = tf.train.Checkpoint(a=[tf.Variable(1.0)], d={"k": tf.Variable(3.0)}, t=(tf.Variable(4.0),))
    saved.a.append(tf.Variable(2.0))
    saved.inner = tf.train.Checkpoint(v=tf.Variable([5.0]))
    path = saved.save(tmp_path / "ckpt")
    loaded = tf.train.Checkpoint()
    status = loaded.restore(path)
    with pytest.raises(AssertionError, match=r"Unresolved object in checkpoint \(root\)"):
        status.assert_consumed()
    loaded.a = []
    loaded.a.append(tf.Variable(0.0))
    loaded.a.append(tf.Variable(0.0))
    assert [v.numpy() for v in loaded.a] == [1.0, 2.0] and repr(loaded.a).startswith("ListWrapper([")
    loaded.d = {}
    loaded.d["k"] = tf.Variable(0.0)
    loaded.t = (tf.Variable(0.0),)
    inner = tf.train.Checkpoint(v=tf.Variable([0.0]))
    loaded.inner = inner
    assert (loaded.d["k"].numpy(), loaded.t[0].numpy(), inner.v.numpy()) == (3.0, 4.0, 5.0)
    status.assert_consumed().assert_existing_objects_matched().assert_nontrivial_match()
    assert loaded.save_counter.numpy() == 1


def test_variables_made_in_a_function_are_restored(tmp_path):
    class Lazy(tf.Module):
        w = None

        @tf.function
        def __call__(self, x):
            if self.w is None:
                self.w = tf.Variable(2.0)
            return x * self.w

    first = Lazy()
    first(1.0)
    first.w.assign(7.0)
    path = tf.train.Checkpoint(model=first).save(tmp_path / "ckpt")
    second = Lazy()
    status = tf.train.Checkpoint(model=second).restore(path)
    assert second(tf.constant(3.0)).numpy() == 21.0
    status.assert_consumed()


def test_statuses(tmp_path, caplog):
    path = tf.train.Checkpoint(v=tf.Variable(1.0), w=tf.Variable(2.0)).write(tmp_path / "ckpt")
    mine = tf.train.Checkpoint(v=tf.Variable(0.0), other=tf.Variable(9.0))
    status = mine.read(path)
    with pytest.raises(AssertionError, match="Python objects that were not bound"):
        status.assert_existing_objects_matched()
    assert mine.v.numpy() == 1.0 and status.expect_partial() is status
    with pytest.raises(AssertionError, match="Nothing except the root"):
        tf.train.Checkpoint(x=tf.Variable(0.0)).read(path).expect_partial().assert_nontrivial_match()
    with pytest.raises(ValueError, match="incompatible tensor with shape"):
        tf.train.Checkpoint(v=tf.Variable([0.0])).read(path)
    with pytest.raises(tf.errors.NotFoundError, match="double-check that the path"):
        mine.restore(str(tmp_path / "none"))
    with pytest.raises(AssertionError, match="No checkpoint specified"):
        mine.restore(None).assert_consumed()
    with pytest.raises(ValueError, match="expecting n to be a trackable"):
        tf.train.Checkpoint(n=3)


def test_a_warning_names_what_was_never_restored(tmp_path, monkeypatch):
    from tfcompat._src.platform import log

    path = tf.train.Checkpoint(v=tf.Variable(1.0), w=tf.Variable(2.0)).save(tmp_path / "ckpt")
    said = []
    monkeypatch.setattr(log, "warn", lambda text, *args: said.append(text % args))
    for silent in (False, True):
        del said[:]
        mine = tf.train.Checkpoint(v=tf.Variable(0.0))
        status = mine.restore(path)
        if silent:
            status.expect_partial()
        del mine, status
        gc.collect()
        assert any("(root).w" in text for text in said) is not silent


def test_sessions(tmp_path):
    """Saved in a session, restored eagerly and in another session."""
    with tf.Graph().as_default(), v1.Session() as sess:
        w = v1.get_variable("w", initializer=[1.0, 2.0])
        optimizer = T.MomentumOptimizer(0.1, 0.9)
        train = optimizer.minimize(tf.reduce_sum(w * w))
        sess.run(v1.global_variables_initializer())
        sess.run(train)
        checkpoint = T.Checkpoint(w=w, opt=optimizer)
        path = checkpoint.save(str(tmp_path / "ckpt"))
        value = sess.run(w)
        sess.run(train)
        checkpoint.restore(path).assert_consumed().run_restore_ops()
        np.testing.assert_array_equal(sess.run(w), value)
        with pytest.raises(tf.errors.NotFoundError, match="Existing variables not in the checkpoint"):
            T.Saver({"nowhere": w}).restore(sess, path)
    with tf.Graph().as_default(), v1.Session() as sess:
        w, extra = v1.get_variable("w", initializer=[0.0, 0.0]), v1.get_variable("extra", initializer=3.0)
        status = T.Checkpoint(w=w, extra=extra).restore(path)
        status.initialize_or_restore()
        np.testing.assert_array_equal(sess.run(w), value)
        assert sess.run(extra) == 3.0
        T.Saver([w]).restore(sess, path)  # by the variable's name
        np.testing.assert_array_equal(sess.run(w), value)
    mine = tf.train.Checkpoint(w=tf.Variable([0.0, 0.0]))
    mine.restore(path).expect_partial()
    np.testing.assert_array_equal(mine.w.numpy(), value)
    with tf.Graph().as_default(), pytest.raises(RuntimeError, match="create a session"):
        T.Checkpoint(w=v1.get_variable("w", initializer=1.0)).save(str(tmp_path / "none"))


def test_a_savers_checkpoint_is_read_by_names(tmp_path):
    v = tf.Variable([1.0, 2.0], name="kernel")
    path = T.Saver([v]).save(None, str(tmp_path / "named"))
    loaded = tf.Variable([0.0, 0.0], name="kernel")
    tf.train.Checkpoint(anything=loaded).restore(path).assert_consumed()
    np.testing.assert_array_equal(loaded.numpy(), v.numpy())
    with pytest.raises(AssertionError, match="not restored"):
        tf.train.Checkpoint(x=tf.Variable(0.0, name="unknown")).restore(path).assert_consumed()


def test_write_in_a_function(tmp_path):
    checkpoint = tf.train.Checkpoint(v=tf.Variable(1.0))
    write = tf.function(lambda: checkpoint.write(str(tmp_path / "f")))
    checkpoint.v.assign(4.0)
    assert write().numpy() == str(tmp_path / "f").encode()
    assert tf.train.load_variable(str(tmp_path / "f"), "v/.ATTRIBUTES/VARIABLE_VALUE") == 4.0
    with pytest.raises(NotImplementedError, match="save"):
        tf.function(lambda: checkpoint.save(str(tmp_path / "g")))()


def test_root_and_python_state(tmp_path):
    class Text(tf.train.experimental.PythonState):
        def __init__(self, value):
            self.value = value

        def serialize(self):
            return self.value

        def deserialize(self, string_value):
            self.value = string_value.decode()

    model = tf.Module()
    model.v, model.text = tf.Variable(1.0), Text("one")
    path = tf.train.Checkpoint(model, step=tf.Variable(5)).save(tmp_path / "ckpt")
    assert {n.partition("/.")[0] for n, _ in tf.train.list_variables(path)[1:]} == {"save_counter", "step", "text", "v"}
    model.v.assign(2.0)
    model.text.value = "two"
    again = tf.train.Checkpoint(model, step=tf.Variable(0))
    again.restore(path).assert_consumed()
    assert (model.v.numpy(), model.text.value, again.step.numpy(), again.save_counter.numpy()) == (1.0, "one", 5, 1)
    with pytest.raises(ValueError, match="root.v already exists"):
        tf.train.Checkpoint(model, v=tf.Variable(1.0))


def test_lists_are_for_appending(tmp_path):
    held = [tf.Variable(1.0)]
    module = tf.Module()
    module.layers = held
    held.append(tf.Variable(2.0))
    assert len(module.layers) == 2 and len(module.variables) == 2
    with pytest.raises(ValueError, match="modified outside the wrapper"):
        tf.train.Checkpoint(m=module).save(tmp_path / "ckpt")
    module.layers = [tf.Variable(1.0)]
    module.layers[0] = tf.Variable(3.0)
    with pytest.raises(ValueError, match="append-only"):
        tf.train.Checkpoint(m=module).save(tmp_path / "ckpt")
    module.layers = {1: tf.Variable(1.0)}
    with pytest.raises(ValueError, match="non-string key"):
        tf.train.Checkpoint(m=module).save(tmp_path / "ckpt")


def test_manager(tmp_path):
    step = tf.Variable(0, dtype=tf.int64)
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(step=step), tmp_path, max_to_keep=2, step_counter=step, checkpoint_interval=2
    )
    assert manager.latest_checkpoint is None and manager.restore_or_initialize() is None
    written = []
    for _ in range(6):
        written.append(manager.save())
        step.assign_add(1)
    assert [p and os.path.basename(p) for p in written] == ["ckpt-1", None, "ckpt-2", None, "ckpt-3", None]
    assert [os.path.basename(p) for p in manager.checkpoints] == ["ckpt-2", "ckpt-3"]
    assert not os.path.exists(str(tmp_path / "ckpt-1.index")) and os.path.exists(str(tmp_path / "ckpt-2.index"))
    assert tf.train.latest_checkpoint(tmp_path) == manager.latest_checkpoint == str(tmp_path / "ckpt-3")
    other = tf.train.CheckpointManager(tf.train.Checkpoint(step=step), tmp_path, max_to_keep=5)
    assert other.checkpoints == manager.checkpoints and other.restore_or_initialize() == written[4]
    assert step.numpy() == 4
    with pytest.raises(ValueError, match="max_to_keep"):
        tf.train.CheckpointManager(tf.train.Checkpoint(), tmp_path, max_to_keep=0)


def test_init_from_checkpoint(tmp_path):
    with tf.Graph().as_default(), v1.Session() as sess:
        with v1.variable_scope("old"):
            a = v1.get_variable("a", initializer=[1.0, 2.0])
            v1.get_variable("b", initializer=[[3.0]])
        sess.run(v1.global_variables_initializer())
        path = T.Saver().save(sess, str(tmp_path / "ckpt"))
    for pairs in ({"old/": "new/"}, {"old/a": "new/a", "old/b": "new/b"}):
        with tf.Graph().as_default(), v1.Session() as sess:
            with v1.variable_scope("new"):
                a, b = v1.get_variable("a", [2]), v1.get_variable("b", [1, 1])
            T.init_from_checkpoint(path, pairs)
            sess.run(v1.global_variables_initializer())
            np.testing.assert_array_equal(sess.run(a), [1.0, 2.0])
            assert sess.run(b) == 3.0
            with pytest.raises(ValueError, match="is not found"):
                T.init_from_checkpoint(path, {"old/c": a})
            with pytest.raises(ValueError, match="doesn't match with shape"):
                T.init_from_checkpoint(path, {"old/a": b})


class Dense(tf.Module):
    def __init__(self, n, m, name=None):
        super().__init__(name)
        with self.name_scope:
            self.w = tf.Variable(tf.ones([n, m]), name="w")
            self.b = tf.Variable(tf.zeros([m]), name="b", trainable=False)

    @tf.Module.with_name_scope
    def __call__(self, x):
        return x @ self.w + self.b


class Net(tf.Module):
    def __init__(self):
        super().__init__()
        self.layers, self.by_name = [Dense(2, 3), Dense(3, 1, "last")], {"again": None}
        self.by_name["again"] = self.layers[0]
        self.parent = self


def test_module():
    net = Net()
    assert net.name == "net" and net.name_scope.name == "net/"
    assert [v.name for v in net.layers[1].variables] == ["last/b:0", "last/w:0"]
    assert [v.name for v in net.trainable_variables] == ["dense/w:0", "last/w:0"]
    assert len(net.variables) == 4 and len(net.non_trainable_variables) == 2
    assert net.submodules == (net.layers[0], net.layers[1])
    paths = [path for path, _ in net.layers[0]._flatten(with_path=True, predicate=lambda v: isinstance(v, tf.Variable))]
    assert paths == [("b",), ("w",)]
    assert net.layers[1](net.layers[0](tf.ones([4, 2]))).shape == (4, 1)
    with tf.Graph().as_default():
        inner = Dense(1, 1)
        assert inner(tf.ones([1, 1])).name == "dense_1/add:0" or inner(tf.ones([1, 1])).op.name.startswith("dense")
    with pytest.raises(ValueError, match="not a valid module name"):
        tf.Module("no name")


def test_templates(tmp_path):
    """Variables by name within the scope, templates called inside by theirs; keys as TensorFlow 2.21 writes them."""

    def made():
        def deep():
            with v1.variable_scope("deep"):
                return v1.get_variable("b", [])

        inner = v1.make_template("inner", deep)
        outer = v1.make_template("outer", lambda: (inner(), v1.get_variable("w", [2])))
        outer()
        return outer

    path = tf.train.Checkpoint(net=made()).save(tmp_path / "ckpt")
    keys = [k for k, _ in tf.train.list_variables(path)]
    assert {"net/inner/deep.Sb/.ATTRIBUTES/VARIABLE_VALUE", "net/w/.ATTRIBUTES/VARIABLE_VALUE"} < set(keys)
    net = made()
    tf.train.Checkpoint(net=net).restore(path).assert_consumed()
    reader = tf.train.load_checkpoint(path)
    np.testing.assert_array_equal(net()[1].numpy(), reader.get_tensor("net/w/.ATTRIBUTES/VARIABLE_VALUE"))


def test_mutable_tables(tmp_path):
    """Keys and values under TensorFlow 2.21's names; what was in the table before is gone."""

    def made(key, value, **kwargs):
        table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1, **kwargs)
        table.insert(tf.constant([key]), tf.constant([value], tf.int64))
        return table

    saved = tf.train.Checkpoint(kept=made("a", 3), left=made("b", 4, checkpoint=False)).save(tmp_path / "ckpt")
    keys = [k for k, _ in tf.train.list_variables(saved) if ".ATTRIBUTES/table" in k]
    assert keys == ["kept/.ATTRIBUTES/table-keys", "kept/.ATTRIBUTES/table-values"]
    table = made("c", 5)
    tf.train.Checkpoint(kept=table).restore(saved).assert_existing_objects_matched()
    assert table.lookup(tf.constant(["a", "c"])).numpy().tolist() == [3, -1]
