"""tf.get_variable, tf.variable_scope, templates and partitioned variables; the expected names and texts are
TensorFlow 2.21's.
"""

import numpy as np
import pytest

import tfcompat as tf

v1 = tf.compat.v1


@pytest.fixture(autouse=True)
def graph():
    v1.disable_resource_variables()
    with tf.Graph().as_default() as g:
        yield g
    v1.enable_resource_variables()


def names(scope):
    """(scope, its name scope, a variable, an operation) as the scope names them."""
    return scope.name, scope.original_name_scope, v1.get_variable("w", [2]).name, v1.constant(1).name


def test_variable_scopes_prefix_variables_and_open_name_scopes():
    with v1.variable_scope("a") as a:
        assert names(a) == ("a", "a/", "a/w:0", "a/Const:0")
        assert v1.Variable(1.0).name == "a/Variable:0"
        with v1.variable_scope("b") as b:
            assert names(b) == ("a/b", "a/b/", "a/b/w:0", "a/b/Const:0")
    with v1.variable_scope("a", reuse=True) as again:
        assert names(again) == ("a", "a_1/", "a/w:0", "a_1/Const:0")
    with v1.variable_scope(a, reuse=True) as jumped:
        assert names(jumped) == ("a", "a/", "a/w:0", "a_2/Const:0")
        with v1.variable_scope("b") as b:
            assert b.reuse and names(b) == ("a/b", "a_2/b/", "a/b/w:0", "a_2/b/Const:0")
        with tf.name_scope("n"):
            assert (v1.get_variable("w").name, v1.constant(1).name) == ("a/w:0", "a_2/n/Const:0")
    with v1.variable_scope("c", auxiliary_name_scope=False) as c:
        assert names(c) == ("c", "", "c/w:0", "Const:0")
    with v1.variable_scope("x/y") as xy:
        assert names(xy)[2:] == ("x/y/w:0", "x/y/Const:0")
    with v1.variable_scope("") as root:
        assert names(root)[2:] == ("w:0", "Const_1:0")
    assert [v.name for v in a.global_variables()] == ["a/w:0", "a/Variable:0", "a/b/w:0"]


def test_default_names_are_made_unique():
    found = []
    for _ in range(2):
        with v1.variable_scope(None, "d") as scope:
            found.append(names(scope)[:3])
    assert found == [("d", "d/", "d/w:0"), ("d_1", "d_1/", "d_1/w:0")]
    with v1.variable_scope("e"):
        for _ in range(2):
            with v1.variable_scope(None, "d") as scope:
                found.append(scope.name)
    with v1.variable_scope("e"), v1.variable_scope(None, "d") as scope:
        found.append(scope.name)
    assert found[2:] == ["e/d", "e/d_1", "e/d"]


def test_a_scope_object_can_be_entered_again():
    scope = v1.variable_scope("s")
    with scope:
        first = v1.get_variable("w", []).name, v1.constant(1).name
    with scope:
        second = v1.constant(1).name
    assert first == ("s/w:0", "s/Const:0") and second == "s_1/Const:0"


def test_reuse():
    w = v1.get_variable("w", [2])
    with v1.variable_scope(v1.get_variable_scope(), reuse=True):
        assert v1.get_variable("w", [2]) is w and v1.get_variable("w") is w
        for wrong, text in (
            (dict(shape=[3]), "Trying to share variable w, but specified shape (3,) and found shape (2,)."),
            (
                dict(dtype=tf.int32),
                "Trying to share variable w, but specified dtype int32 and found dtype float32_ref.",
            ),
        ):
            with pytest.raises(ValueError) as e:
                v1.get_variable("w", **wrong)
            assert str(e.value) == text
    with v1.variable_scope(v1.get_variable_scope(), reuse=v1.AUTO_REUSE):
        assert v1.get_variable("w", [2]) is w and v1.get_variable("new", [1]).name == "new:0"
    v1.get_variable_scope().reuse_variables()
    with pytest.raises(ValueError) as e:
        v1.get_variable("missing", [2])
    assert str(e.value) == (
        "Variable missing does not exist, or was not created with tf.get_variable(). Did you mean to set "
        "reuse=tf.AUTO_REUSE in VarScope?"
    )


@pytest.mark.parametrize(
    "what, error, text",
    [
        (lambda: v1.get_variable("w", [2]), ValueError, "Variable w already exists, disallowed. Did you mean to set "
                                                        "reuse=True or reuse=tf.AUTO_REUSE in VarScope? Originally "
                                                        "defined at:"),
        (lambda: v1.get_variable("q"), ValueError, "Variable q did not get an initializer, so its `shape` argument "
                                                   "must be specified."),
        (lambda: v1.get_variable("q", [2], initializer=tf.constant([1.0])), ValueError, "If initializer is a "
                                                                                        "constant, do not specify "
                                                                                        "shape."),
        (lambda: v1.get_variable("q", initializer=np.zeros(2), dtype=tf.float32), ValueError,
         "Initializer type '<dtype: 'float64'>' and explicit dtype '<dtype: 'float32'>' don't match."),
        (lambda: v1.get_variable("q", [None, 2]), ValueError, "The initializer passed is not valid. It should be a "
                                                              "callable with no arguments"),
        (lambda: v1.get_variable("q", [2], dtype=tf.complex64), ValueError, "An initializer for variable q of <dtype: "
                                                                            "'complex64'> is required"),
        (lambda: v1.get_variable("q", [2], custom_getter=3), ValueError, "Passed a custom_getter which is not "
                                                                         "callable: 3"),
        (lambda: v1.variable_scope(None), TypeError, "If default_name is None then name_or_scope is required"),
        (lambda: v1.variable_scope("a", reuse=3), ValueError, "The reuse parameter must be True or False or None."),
        (lambda: v1.variable_scope(3).__enter__(), TypeError, "VariableScope: name_or_scope must be a string or "
                                                              "VariableScope."),
        (lambda: v1.variable_scope(None, "a", reuse=True).__enter__(), ValueError, "reuse=True cannot be used without "
                                                                                   "a name_or_scope"),
    ],
)  # fmt: skip
def test_refusals(what, error, text):
    v1.get_variable("w", [2])
    with pytest.raises(error) as e:
        what()
    assert text in str(e.value)


def test_defaults_come_from_the_scope():
    with v1.variable_scope(
        "a", initializer=v1.constant_initializer(3.0), regularizer=lambda w: tf.reduce_sum(w) * 0.1, dtype=tf.float64
    ) as scope:
        w = v1.get_variable("w", [2])
        with v1.variable_scope("b", regularizer=v1.no_regularizer):
            v1.get_variable("w", [1])
        local = v1.get_local_variable("local", [1])
        fixed = v1.get_variable("fixed", [1], dtype=tf.float32, trainable=False, collections=["foo"])
    losses = v1.get_collection(v1.GraphKeys.REGULARIZATION_LOSSES)
    assert w.dtype.base_dtype is tf.float64 and w.initial_value.name == "a/w/Initializer/Const:0"
    assert [loss.name for loss in losses][:1] == ["a/w/Regularizer/mul:0"]
    assert (
        v1.local_variables() == [local]
        and v1.get_collection("foo") == [fixed]
        and fixed not in v1.trainable_variables()
    )
    assert scope.dtype is tf.float64 and scope.regularizer is not None
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        np.testing.assert_allclose(session.run(losses[0]), 0.6)


def test_default_initializers():
    assert v1.get_variable("f", [3, 2]).initial_value.name == "f/Initializer/random_uniform:0"
    for name, dtype in (("i", tf.int32), ("b", tf.bool)):
        v = v1.get_variable(name, [3], dtype=dtype)
        assert v.initial_value.name == f"{name}/Initializer/zeros:0" and v.dtype.base_dtype is dtype


def test_custom_getters_nest():
    def adds(suffix):
        return lambda getter, name, *args, **kwargs: getter(name + suffix, *args, **kwargs)

    with v1.variable_scope("h", custom_getter=adds("_outer")), v1.variable_scope("i", custom_getter=adds("_inner")):
        assert v1.get_variable("w", [1]).name == "h/i/w_inner_outer:0"


def test_templates_share_their_variables():
    def scale(x):
        return x * v1.get_variable("w", [])

    t = v1.make_template("t", scale)
    assert [t(2.0).name, t(2.0).name] == ["t/mul:0", "t_1/mul:0"] and [v.name for v in t.variables] == ["t/w:0"]
    assert [v.name for v in _called(v1.make_template("t", scale)).trainable_variables] == ["t_1/w:0"]
    unique = v1.make_template("u", scale, create_scope_now_=True, unique_name_="uu")
    assert unique(2.0).name == "uu/mul:0" and unique.variable_scope_name == "uu/"
    wrong = v1.make_template("z", lambda: v1.Variable(1.0))
    wrong()
    with pytest.raises(ValueError, match="Trainable variable created when calling a template after the first time"):
        wrong()


def _called(template):
    template(2.0)
    return template


def test_partitioned_variables():
    p = v1.get_variable("p", [5, 3], partitioner=v1.fixed_size_partitioner(2), initializer=v1.ones_initializer())
    assert [(v.name, v.shape.as_list()) for v in p] == [("p/part_0:0", [3, 3]), ("p/part_1:0", [2, 3])]
    assert p.as_tensor().name == "p:0" and list(p)[1]._save_slice_info.spec == "5 3 3,2:0,3"
    with v1.variable_scope("", reuse=True):
        assert v1.get_variable("p", [5, 3]) is p
        with pytest.raises(ValueError, match=r"specified partitions \[3, 1\] and found partitions \[2, 1\]."):
            v1.get_variable("p", [5, 3], partitioner=v1.fixed_size_partitioner(3))
    with pytest.raises(
        ValueError, match="No partitioner was provided, but a partitioned version of the variable was found: p/part_0."
    ):
        v1.get_variable("p", [5, 3])
    shape = tf.TensorShape([16, 4])
    assert v1.variable_axis_size_partitioner(32)(shape, tf.float32) == [8, 1]
    assert v1.min_max_variable_partitioner(3, min_slice_size=16)(shape, tf.float32) == [3, 1]
    parts = v1.create_partitioned_variables([4, 2], [2, 1], v1.zeros_initializer())
    assert [v.name for v in parts] == ["PartitionedVariable/part_0:0", "PartitionedVariable/part_1:0"]
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        assert session.run(p.as_tensor()).tolist() == np.ones((5, 3)).tolist()
        session.run(p.assign(np.arange(15.0, dtype="f").reshape(5, 3)))
        assert session.run(list(p)[1]).tolist() == [[9, 10, 11], [12, 13, 14]]


def test_what_part_of_a_whole_a_variable_is():
    """As text, as a message, as part of a variable's message."""
    Info = tf.Variable.SaveSliceInfo
    info = Info("w", [4, 3], [2, 0], [2, 3])
    assert info.spec == "4 3 2,2:0,3" and Info.from_spec(info.spec).spec == info.spec
    assert Info(save_slice_info_def=info.to_proto(), import_scope="in").full_name == "in/w"
    assert Info(save_slice_info_def=info.to_proto()).spec == info.spec and info.to_proto("other") is None
    for spec, text in (
        ("0", "contain space-separated full_shape info"),
        ("a b", "full_shape must be a sequence of int"),
        ("0 0:0", "comma-separated pairs of offsets and"),
        ("0 a,0:0:0", "var_offset must be an integer"),
        ("0 0,a:0:0", "var_shape must be an integer"),
    ):
        with pytest.raises(ValueError, match=text):
            Info.from_spec(spec)
    with tf.Graph().as_default():
        whole = v1.get_variable("p", [4, 3], partitioner=v1.fixed_size_partitioner(2))
        message = list(whole)[1].to_proto()
        assert list(message.save_slice_info_def.var_offset) == [2, 0]


def test_variables_of_messages():
    with tf.Graph().as_default(), v1.Session() as sess:
        v = v1.Variable([1.0, 2.0], name="v", trainable=False)
        same = tf.Variable(variable_def=v.to_proto())
        sess.run(same.initializer)
        assert sess.run(v.assign_add([1.0, 1.0])).tolist() == sess.run(same).tolist() == [2.0, 3.0]
        assert same.name == "v:0" and same.trainable is False
        with pytest.raises(ValueError, match="mutually exclusive"):
            tf.Variable(1.0, variable_def=v.to_proto())


def test_scopes_in_eager_execution():
    import tfcompat._src.graph as graphs

    graphs.context.push(None)
    try:
        with v1.variable_scope("s") as scope:
            one, two = [v1.get_variable("w", [1], initializer=v1.ones_initializer()) for _ in range(2)]
        assert one is not two and one.name == two.name == "s/w:0" and scope.reuse is v1.AUTO_REUSE
        t = v1.make_template("t", lambda x: x * v1.get_variable("w", [], initializer=v1.ones_initializer()))
        assert (float(t(2.0)), float(t(3.0)), len(t.variables)) == (2.0, 3.0, 1)
        store = v1.contrib.eager.EagerVariableStore()
        with store.as_default():
            assert v1.get_variable("w", [1]) is v1.get_variable("w", [1])
        assert [v.name for v in store.trainable_variables()] == ["w:0"]
    finally:
        graphs.context.pop()
