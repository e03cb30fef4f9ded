"""Name scopes, control dependencies, devices, collections and init_scope; the expected texts are TensorFlow 2.21's."""

import pytest

import tfcompat as tf

v1 = tf.compat.v1


@pytest.fixture
def graph():
    with tf.Graph().as_default() as g:
        yield g


def const(name=None):
    return v1.constant(1, name=name or "Const").op.name


def test_a_graphs_scopes_are_made_unique_and_can_be_entered_again(graph):
    assert const("c") == "c" and const("c") == "c_1"
    with graph.name_scope("nested") as nested:
        assert nested == "nested/" and const("c") == "nested/c"
        with v1.name_scope("inner") as inner:
            assert inner == "nested/inner/" and const("c") == "nested/inner/c"
        with tf.name_scope("inner"):
            assert const("c") == "nested/inner_1/c"
            with graph.name_scope(nested):
                assert const("d") == "nested/d"
            with graph.name_scope(""):
                assert const("e") == "e"
        assert tf.add(1, 2, name=nested).op.name == "nested"
    with graph.name_scope("nested") as again:
        assert again == "nested_1/" and graph.get_name_scope() == "nested_1"
    with v1.name_scope(None, "default", [v1.constant(1)]) as scope:
        assert scope == "default/" and tf.get_current_name_scope() == "default"


def test_eager_scopes_prefix_variables_and_are_not_made_unique():
    for _ in range(2):
        with tf.name_scope("a") as a:
            with tf.name_scope("b") as b:
                assert (a, b, tf.Variable(1.0).name) == ("a/", "a/b/", "a/b/Variable:0")
            with tf.name_scope("x/") as x:
                assert x == "x/" and tf.get_current_name_scope() == "x"
            with v1.name_scope(None):
                assert tf.Variable(1.0, name="w").name == "w:0"


def test_bad_names(graph):
    for name, text in (
        (
            "_x",
            "'_x' is not a valid root scope name. A root scope name has to match the following pattern: ^[A-Za-z0-9.",
        ),
        ("a b", "'a b' is not a valid root scope name."),
    ):
        with pytest.raises(ValueError) as e, v1.name_scope(name):
            pass
        assert str(e.value).startswith(text)
    with v1.name_scope("a"), v1.name_scope("_x") as inner:
        assert inner == "a/_x/"
    with pytest.raises(ValueError, match=r"At least one of name \(None\) and default_name \(None\) must be provided."):
        v1.name_scope(None, None, [1]).__enter__()
    with pytest.raises(ValueError, match="name for name_scope must be a string."):
        tf.name_scope(None)
    with pytest.raises(TypeError, match="is not a string type. You likely meant to pass this into the `values` kwarg"):
        v1.name_scope("a", 3)


def test_inputs_of_a_scope_choose_the_graph(graph):
    x = v1.constant(1)
    with tf.Graph().as_default() as other:
        with v1.name_scope("s", values=[x]):
            assert v1.constant(2).graph is graph
        assert v1.constant(2).graph is other
        with (
            pytest.raises(ValueError, match="must be from the same graph"),
            v1.name_scope("s", values=[x, v1.constant(1)]),
        ):
            pass


def test_control_dependencies(graph):
    a, b = v1.constant(1, name="a"), v1.Variable(1.0, name="b")

    def waits():
        return [op.name for op in v1.constant(1).op.control_inputs]

    with tf.control_dependencies([a]):
        assert waits() == ["a"]
        with tf.control_dependencies(["a", b.op]):
            assert waits() == ["a", "b"]
        with tf.control_dependencies(None):
            assert waits() == []
    assert waits() == []
    with pytest.raises(TypeError, match="Can not convert a int into a Tensor or Operation."):
        graph.control_dependencies([3])


def test_control_dependencies_call_functions_eagerly():
    called = []
    with tf.control_dependencies([lambda: called.append(1)]):
        assert called == [1]


def test_devices_merge(graph):
    def device():
        return v1.constant(1).device

    with tf.device("/job:ps/task:1"):
        with tf.device("/gpu:0"):
            assert device() == "/job:ps/task:1/device:GPU:0"
            with tf.device(None):
                assert device() == ""
            with tf.device("/job:worker/cpu:1"):
                assert device() == "/job:worker/task:1/device:CPU:1"
        with v1.device(lambda op: "/job:worker" if op.type == "Const" else "/gpu:3"):
            assert device() == "/job:worker/task:1" and v1.no_op().device == "/job:ps/task:1/device:GPU:3"
        c = v1.constant(1)
    assert device() == ""
    with v1.colocate_with(c):
        assert device() == "/job:ps/task:1"
    with tf.device("gpu"):
        assert device() == "/device:GPU:*"
    with pytest.raises(
        ValueError, match="Unknown attribute 'foo' is encountered while parsing the device spec: 'foo'."
    ):
        tf.device("foo").__enter__()
    with pytest.raises(RuntimeError, match="tf.device does not support functions."):
        tf.device(lambda op: "")


def test_eager_devices_are_accepted():
    with tf.device("/gpu:0"):
        assert float(tf.constant(1.0)) == 1.0
    with pytest.raises(RuntimeError, match="tf.device does not support functions when eager execution is enabled."):
        v1.device(lambda op: "")


def test_gradient_override_map_is_a_stack(graph):
    with graph.gradient_override_map({"Relu": "A"}):
        with graph.gradient_override_map({"Relu": "B", "Tanh": "C"}):
            assert graph._gradient_overrides == {"Relu": "B", "Tanh": "C"}
        assert graph._gradient_overrides == {"Relu": "A"}
    assert graph._gradient_overrides == {}
    with pytest.raises(TypeError, match="op_type_map must be a dictionary mapping strings to strings"):
        graph.gradient_override_map({"Relu": 3}).__enter__()


def test_collections(graph):
    v1.add_to_collection("losses", 1)
    v1.add_to_collections(["losses", "more"], 2)
    assert v1.get_collection("losses") == [1, 2] and graph.get_all_collection_keys() == ["losses", "more"]
    v1.get_collection_ref("more").append(3)
    assert v1.get_collection("more") == [2, 3] and v1.get_collection("none") == []
    a, b = v1.Variable(1.0, name="a/x"), v1.Variable(1.0, name="b/x")
    assert v1.get_collection(v1.GraphKeys.GLOBAL_VARIABLES, "a") == [a] and v1.trainable_variables() == [a, b]
    assert v1.GraphKeys.GLOBAL_VARIABLES == v1.GraphKeys.VARIABLES == "variables"


def test_init_scope_leaves_functions_tapes_and_control_dependencies(graph):
    with tf.control_dependencies([v1.constant(1)]), tf.name_scope("s"), tf.init_scope():
        assert not tf.executing_eagerly()
        c = v1.constant(1)
    assert c.op.control_inputs in ([], ()) and c.op.name == "s/Const"


def test_init_scope_leaves_a_trace():
    seen = []

    @tf.function
    def f():
        with tf.name_scope("foo"), tf.init_scope():
            seen.append((tf.executing_eagerly(), tf.get_current_name_scope(), float(tf.constant(2.0))))
        return tf.constant(1.0)

    f()
    assert seen == [(True, "foo", 2.0)]
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        with tf.init_scope():
            y = x * x
    assert tape.gradient(y, x) is None
