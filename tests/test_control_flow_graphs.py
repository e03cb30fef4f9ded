"""What graphs show of control flow: names, effects of functions that a Session calls, errors, shapes that elements decide."""

import numpy as np
import pytest

import tfcompat as tf

v1 = tf.compat.v1


@pytest.mark.parametrize(("v2", "name"), [(False, "Merge"), (True, "Identity")])
def test_results_have_the_names_that_scripts_fetch_them_by(v2, name, monkeypatch):
    monkeypatch.setattr("tfcompat._src.ops.control._explicit", v2)
    with tf.Graph().as_default(), v1.Session() as sess:
        p, x = v1.placeholder(tf.bool, [], "p"), tf.constant(3.0)
        one, two = v1.cond(p, lambda: [x * 2, x], lambda: [x, x])
        assert (one.name, two.name) == (f"cond/{name}:0", f"cond/{name}_1:0")
        assert one.op.inputs[0].op.type == "StatelessIf"
        assert sess.run(f"cond/{name}:0", {p: True}) == 6.0
        chosen = tf.switch_case(tf.constant(1), [lambda: x, lambda: x + 1])
        assert chosen.name == "switch_case/indexed_case/Identity:0"
        sparse = [tf.SparseTensor([[0, 0]], [v], shape) for v, shape in ((1, [3, 4]), (2, [3, 5]))]
        assert tf.cond(p, lambda: sparse[0], lambda: sparse[1]).shape.as_list() == [3, None]


def test_a_function_called_in_a_session_has_its_effects():
    seen = []
    checked = tf.function(lambda v: (tf.debugging.Assert(v, ["no"]), tf.constant(5))[1])
    with tf.Graph().as_default(), v1.Session() as sess:
        p = v1.placeholder(tf.bool, [])
        v = v1.get_variable("v", initializer=1)

        @tf.function
        def in_order():
            v.assign_add(1)
            tf.py_function(lambda a: seen.append(a.numpy()), [v + 0], [])
            v.assign_add(10)
            return tf.constant(3)

        five, three = checked(p), in_order()
        assert sess.run(five, {p: True}) == 5
        with pytest.raises(tf.errors.InvalidArgumentError):
            sess.run(five, {p: False})
        sess.run(v.initializer)
        assert (sess.run(three), seen, sess.run(v)) == (3, [2], 12)


@pytest.mark.parametrize("spread", [2, 4])
def test_a_tensor_of_another_branch_is_told_by_name(spread):
    @tf.function
    def f():
        made = {}

        def first():
            made["c"] = tf.identity(1.0, name="made_here")
            return made["c"]

        if spread == 2:
            return tf.cond(tf.constant(True), first, lambda: made["c"])
        return tf.switch_case(tf.constant(1), [first, lambda: 1.0, lambda: 2.0, lambda: tf.identity(made["c"])])

    where = "in true_fn is accessed from false_fn" if spread == 2 else "in branch 0 is accessed from branch 3"
    with pytest.raises(ValueError, match=f"made_here:0 {where}"):
        f()


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda a: a.read(3), "access element 3 in a list with 3 elements"),
        (lambda a: a.read(-1), "access element -1 in a list with 3"),
        (lambda a: a.write(3, 1.0).stack(), "modify element 3 in a list with 3"),
        (lambda a: a.scatter([0, 5], [1.0, 2.0]).stack(), "modify element 5 in a list with 3"),
        (
            lambda a: a.split([1.0, 2.0, 3.0], [1]).stack(),
            "Unused values in tensor. Length of tensor: 3 Values used: 1",
        ),
        (lambda a: a.write(0, 1.0).write(1, 1.0).write(2, [1.0]).concat(), "scalar shape at index 0"),
        (lambda a: a.write(0, [1.0]).write(1, [1.0]).write(2, [[1.0]]).concat(), "Incompatible ranks"),
    ],
)
def test_tensor_arrays_say_what_does_not_fit(build, words):
    with pytest.raises(tf.errors.InvalidArgumentError, match=words), tf.Graph().as_default(), v1.Session() as sess:
        sess.run(build(tf.TensorArray(tf.float32, 3, infer_shape=False)))


def test_elements_that_decide_shapes():
    n = np.array([2, 3, 5], np.int32)
    sums = lambda n: tf.map_fn(lambda x: tf.reduce_sum(tf.range(x)), n)
    with tf.Graph().as_default(), v1.Session() as sess:
        assert sess.run(sums(tf.constant(n))).tolist() == [1, 3, 10]
    assert sums(tf.constant(n)).numpy().tolist() == tf.function(sums)(tf.constant(n)).numpy().tolist() == [1, 3, 10]
    rows = np.arange(12, dtype=np.float32).reshape(4, 3) / 10
    x, lengths = tf.constant(rows), tf.constant([1, 2, 0, 3])
    with tf.GradientTape() as tape:
        tape.watch(x)
        parts = tf.function(lambda x: tf.map_fn(lambda a: tf.reduce_sum(a[0][: a[1]] ** 2), (x, lengths), tf.float32))(
            x
        )
    np.testing.assert_allclose(tape.gradient(parts, x), 2 * rows * (np.arange(3) < [[1], [2], [0], [3]]))
