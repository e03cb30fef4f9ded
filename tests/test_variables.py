"""Variables in eager execution, functions and graphs; the expected texts and values are TensorFlow 2.21's."""

import copy
import pickle

import numpy as np
import pytest

import tfcompat as tf
from tfcompat._src.engine import dispatch

v1 = tf.compat.v1


@pytest.fixture
def graph():
    with tf.Graph().as_default() as g:
        yield g


def ref(value, name=None, **more):
    """A TF1 variable."""
    return v1.Variable(value, name=name, use_resource=False, **more)


def ops(graph):
    return [(op.name, op.type) for op in graph.get_operations()]


# -- eager ------------------------------------------------------------------------------------------------------------
def test_what_it_looks_like():
    v = tf.Variable([[1, 2], [3, 4]], name="w", dtype=tf.int64)
    assert repr(v) == "<tf.Variable 'w:0' shape=(2, 2) dtype=int64, numpy=\narray([[1, 2],\n       [3, 4]])>"
    assert (v.name, v.dtype, v.shape, v.trainable, v.initializer) == ("w:0", tf.int64, (2, 2), True, None)
    assert repr(v.assign(v + 1)).startswith("<tf.Variable 'UnreadVariable' shape=(2, 2) dtype=int64, numpy=")
    assert v.assign_add(v, read_value=False) is None and v[0, 0].numpy() == 4
    assert repr(tf.Variable("abc")) == "<tf.Variable 'Variable:0' shape=() dtype=string, numpy=b'abc'>"
    assert v.ref() == v.ref() and v.ref().deref() is v
    assert isinstance(v, tf.Variable) and isinstance(v, v1.Variable) and not isinstance(1, tf.Variable)


@pytest.mark.parametrize(
    "make, dtype, value",
    [
        (lambda: tf.Variable(1), tf.int32, 1),
        (lambda: tf.Variable(1, dtype=tf.float32), tf.float32, 1.0),
        (lambda: tf.Variable(np.ones(2)), tf.float64, [1.0, 1.0]),
        (lambda: tf.Variable(lambda: tf.ones([2])), tf.float32, [1.0, 1.0]),
        (lambda: tf.Variable(tf.Variable(2.0) + 1.0), tf.float32, 3.0),
        (lambda: tf.Variable(True), tf.bool, True),
    ],
)
def test_initial_values(make, dtype, value):
    v = make()
    assert v.dtype is dtype and v.numpy().tolist() == value


def test_later_changes_of_the_array_do_not_show():
    a = np.zeros(3, "f")
    v = tf.Variable(a)
    a[:] = 1
    assert v.numpy().tolist() == [0, 0, 0]
    v.numpy()[:] = 2
    assert v.numpy().tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "what, error, text",
    [
        (lambda v: v.assign([1.0, 2.0, 3.0]), ValueError,
         "Cannot assign value to variable ' w:0': Shape mismatch.The variable shape (2,), and the assigned value "
         "shape (3,) are incompatible."),
        (lambda v: v.assign_add([1.0, 2.0, 3.0]), tf.errors.InvalidArgumentError,
         "Cannot update variable with shape [2] using a Tensor with shape [3], shapes must be equal. "
         "[Op:AssignAddVariableOp]"),
        (lambda v: v.assign(tf.constant([1, 2])), ValueError, "Tensor conversion requested dtype float32 for Tensor "
                                                              "with dtype int32"),
        (lambda v: v.assign("a"), TypeError, "Cannot convert 'a' to EagerTensor of dtype float"),
        (lambda v: v.scatter_update(tf.IndexedSlices([5.0], [7])), tf.errors.InvalidArgumentError, "indices[0] = 7 is "
                                                                                                   "not in [0, 2)"),
        (lambda v: v.scatter_nd_update([[9]], [1.0]), tf.errors.InvalidArgumentError, "indices[0] = [9] does not "
                                                                                      "index into shape [2]"),
        (lambda v: v.scatter_add(3), TypeError, "Argument `sparse_delta` must be a `tf.IndexedSlices`. Received arg: "
                                                "3"),
        (lambda v: v[5].assign(1.0), tf.errors.InvalidArgumentError, "slice index 5 of dimension 0 out of bounds."),
        (lambda v: v[0].assign([1.0, 2.0]), tf.errors.InvalidArgumentError, "Cannot broadcast input shape [2] into "
                                                                            "final shape []"),
        (lambda v: v.__iadd__(1), RuntimeError, "`variable += value` with `tf.Variable`s is not supported. Use "
                                                "`variable.assign_add(value)`"),
        (lambda v: v.op, AttributeError, "Tensor.op is undefined when eager execution is enabled."),
        (lambda v: v.eval(), RuntimeError, "This operation is not supported when eager execution is enabled."),
        (lambda v: v.set_shape([3]), ValueError, "Shapes (2,) and (3,) are not compatible"),
        (lambda v: tf.convert_to_tensor(v, tf.int32), ValueError,
         "Incompatible type conversion requested to type int32 for `tf.Variable of type float32."),
        (lambda v: tf.Variable(), ValueError, "The `initial_value` arg to `tf.Variable` must be specified except when"),
        (lambda v: tf.Variable(tf.constant(1), dtype=tf.float32), ValueError, "initial_value: Tensor conversion "
                                                                              "requested dtype float32"),
        (lambda v: tf.Variable([1.0], shape=[2]), ValueError,
         "In this `tf.Variable` creation, the initial value's shape ((1,)) is not compatible with the explicitly "
         "supplied `shape` argument ([2])."),
    ],
)  # fmt: skip
def test_refusals_leave_the_variable_as_it_was(what, error, text):
    v = tf.Variable([1.0, 2.0], name="w")
    with pytest.raises(error) as e:
        what(v)
    assert text in (getattr(e.value, "message", None) or str(e.value))
    assert v.numpy().tolist() == [1.0, 2.0]


def slices(values, indices):
    return tf.IndexedSlices(tf.constant(values), tf.constant(indices))


@pytest.mark.parametrize(
    "change, value",
    [
        (lambda v: v.assign_sub([1.0, 1.0, 1.0]), [0, 1, 2]),
        (lambda v: v.scatter_add(slices([5.0, 1.0], [0, 0])), [7, 2, 3]),
        (lambda v: v.scatter_sub(tf.IndexedSlices(5.0, 0)), [-4, 2, 3]),
        (lambda v: v.scatter_mul(slices([5.0, 2.0], [1, 1])), [1, 20, 3]),
        (lambda v: v.scatter_div(slices([5.0, 2.0], [1, 1])), [1, 0.2, 3]),
        (lambda v: v.scatter_min(slices([0.0], [2])), [1, 2, 0]),
        (lambda v: v.scatter_max(slices([9.0], [2])), [1, 2, 9]),
        (lambda v: v.scatter_update(slices([9.0], [2])), [1, 2, 9]),
        (lambda v: v.scatter_nd_add([[0], [2]], [1.0, 2.0]), [2, 2, 5]),
        (lambda v: v.scatter_nd_sub([[0]], [1.0]), [0, 2, 3]),
        (lambda v: v.scatter_nd_update([[1]], [7.0]), [1, 7, 3]),
        (lambda v: v.scatter_nd_min([[1]], [0.0]), [1, 0, 3]),
        (lambda v: v.scatter_nd_max([[1]], [7.0]), [1, 7, 3]),
        (lambda v: v[0].assign(9.0), [9, 2, 3]),
        (lambda v: v[-1].assign(9.0), [1, 2, 9]),
        (lambda v: v[1:].assign([8.0, 9.0]), [1, 8, 9]),
        (lambda v: v[::2].assign([8.0, 9.0]), [8, 2, 9]),
        (lambda v: v[...].assign(0.0), [0, 0, 0]),
        (lambda v: v[tf.constant(1)].assign(0.0), [1, 0, 3]),
        (lambda v: v1.assign_add(v, [1.0, 1.0, 1.0]), [2, 3, 4]),
        (lambda v: v1.scatter_update(v, [0], [9.0]), [9, 2, 3]),
    ],
)
def test_changes_are_the_same_eagerly_in_functions_and_in_sessions(change, value):
    v = tf.Variable([1.0, 2.0, 3.0])
    change(v)
    np.testing.assert_allclose(v.numpy(), value, rtol=1e-6)
    w = tf.Variable([1.0, 2.0, 3.0])

    @tf.function
    def f():
        change(w)
        return w + 0.0

    np.testing.assert_allclose(f().numpy(), value, rtol=1e-6)
    np.testing.assert_allclose(w.numpy(), value, rtol=1e-6)
    for use_resource in (False, True):
        with tf.Graph().as_default(), v1.Session() as session:
            u = v1.Variable([1.0, 2.0, 3.0], use_resource=use_resource)
            changed = change(u)
            session.run(u.initializer)
            np.testing.assert_allclose(session.run(changed), value, rtol=1e-6)
            np.testing.assert_allclose(session.run(u), value, rtol=1e-6)


def test_slices_of_matrices():
    v = tf.Variable(tf.zeros([3, 3]))
    v[1:, None, ::2].assign(tf.ones([2, 1, 2]))
    v[..., -1].assign(5.0)
    v[0, 1:3].assign([8.0, 9.0])
    assert v.numpy().tolist() == [[0, 8, 9], [1, 0, 5], [1, 0, 5]]
    v.batch_scatter_update(tf.IndexedSlices(tf.constant([[7.0], [7.0], [7.0]]), [[0], [1], [2]]))
    assert v.numpy().tolist() == [[7, 8, 9], [1, 7, 5], [1, 0, 7]]


def test_a_loop_over_positions_compiles_once():
    from tfcompat._src.engine import log

    v = tf.Variable(tf.zeros([8]))
    for i in range(8):
        if i == 2:
            v.numpy()
            before = log.count
        v[i].assign(float(i))
        v.numpy()
    assert v.numpy().tolist() == list(range(8)) and log.count == before


def test_reads_are_sources_and_no_gradient_crosses_an_assignment():
    a, b = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        c = a * a
        b.assign(c)
        d = b * 5.0 + a
    assert [float(g) for g in tape.gradient(d, [a, b])] == [1.0, 5.0]
    assert tape.gradient(c, b) is None
    assert [v.name for v in tape.watched_variables()] == ["Variable:0", "Variable:0"]
    fixed = tf.Variable(2.0, trainable=False)
    with tf.GradientTape() as tape:
        e = fixed * a
    assert tape.gradient(e, fixed) is None


def test_reading_does_not_dispatch_and_assigning_twice_does():
    v, x = tf.Variable(1.0), tf.constant(2.0)
    dispatch.flush()
    before = dispatch.dispatches
    v.assign_add(x)
    assert v.value() is v.value()
    y = v * 2.0
    assert dispatch.dispatches == before or dispatch.op_by_op
    v.assign_add(x)
    assert dispatch.dispatches > before
    assert (float(y), float(v)) == (6.0, 5.0)


def test_integers_are_counted_on_the_host():
    step = tf.Variable(0, dtype=tf.int64)
    before = dispatch.dispatches
    for _ in range(3):
        step.assign_add(1)
    assert int(step) == 3 and dispatch.dispatches == before
    assert int(step.count_up_to(4)) == 3
    with pytest.raises(tf.errors.OutOfRangeError, match="Reached limit of 4"):
        step.count_up_to(4)


def test_copies_and_pickles():
    v = tf.Variable([1.0, 2.0], name="w", trainable=False)
    for other in (copy.deepcopy(v), pickle.loads(pickle.dumps(v))):
        other.assign([3.0, 4.0])
        assert (other.name, other.trainable, other.numpy().tolist()) == ("w:0", False, [3.0, 4.0])
    assert v.numpy().tolist() == [1.0, 2.0]


def test_a_shape_may_be_left_open():
    v = tf.Variable([1.0], shape=[None])
    assert repr(v.shape) == "TensorShape([None])"
    v.assign([1.0, 2.0])
    assert v.numpy().tolist() == [1.0, 2.0]


def test_creators():
    seen = []

    def creator(next_creator, **kwargs):
        seen.append((kwargs["name"], kwargs["initial_value"]))
        kwargs["name"] = "made"
        return next_creator(**kwargs)

    with tf.variable_creator_scope(creator):
        assert tf.Variable(1.0, name="x").name == "made:0"
    assert seen == [("x", 1.0)]


# -- functions --------------------------------------------------------------------------------------------------------
def test_effects_of_a_function_come_in_order():
    w = tf.Variable([1.0, 2.0])

    @tf.function
    def f(x):
        w.assign_add(x)
        y = w.read_value() * 2.0
        w.assign_sub(x)
        return y, w + 0.0

    y, after = f(tf.constant([1.0, 1.0]))
    assert (y.numpy().tolist(), after.numpy().tolist(), w.numpy().tolist()) == ([4, 6], [1, 2], [1, 2])


def test_a_function_may_create_its_variables_at_the_first_call():
    class Layer(tf.Module if hasattr(tf, "Module") else object):
        made = None

        @tf.function
        def __call__(self, x):
            if self.made is None:
                self.made = tf.Variable(tf.ones([2]) * 3.0, name="v")
                self.other = tf.Variable(lambda: tf.zeros([2]))
            self.made.assign_add(x)
            return self.made * 1.0

    layer = Layer()
    assert layer(tf.constant([1.0, 1.0])).numpy().tolist() == [4.0, 4.0]
    assert layer(tf.constant([1.0, 1.0])).numpy().tolist() == [5.0, 5.0]
    assert layer.made.name == "v:0" and layer.other.numpy().tolist() == [0.0, 0.0]


# -- graphs -----------------------------------------------------------------------------------------------------------
def test_names_and_types_of_a_ref_variable(graph):
    v = ref(2.0, "w")
    assert ops(graph) == [
        ("w/initial_value", "Const"),
        ("w", "VariableV2"),
        ("w/Assign", "Assign"),
        ("w/read", "Identity"),
    ]
    assert repr(v) == "<tf.Variable 'w:0' shape=() dtype=float32_ref>"
    assert (v.dtype.name, v.op.type, v.initializer.name, v.value().name) == (
        "float32_ref",
        "VariableV2",
        "w/Assign",
        "w/read:0",
    )
    assert repr(v.assign(3.0)) == "<tf.Tensor 'Assign:0' shape=() dtype=float32_ref>"
    assert v.assign_add(1.0).name == "AssignAdd:0" and v1.assign_sub(v, 1.0, name="less").name == "less:0"
    assert v.assign(1.0, read_value=False).type == "Assign"
    assert (v.read_value().name, (v + 1.0).name) == ("read:0", "add:0")
    with v1.name_scope("s"):
        assert [ref(1.0).name, ref(1.0).name] == ["s/Variable:0", "s/Variable_1:0"]


def test_names_and_types_of_a_resource_variable(graph):
    v = v1.Variable(2.0, name="w", use_resource=True)
    assert ops(graph) == [
        ("w/Initializer/initial_value", "Const"), ("w", "VarHandleOp"), ("w/IsInitialized/VarIsInitializedOp",
        "VarIsInitializedOp"),
        ("w/Assign", "AssignVariableOp"), ("w/Read/ReadVariableOp", "ReadVariableOp"),
    ]  # fmt: skip
    assert repr(v) == "<tf.Variable 'w:0' shape=() dtype=float32>" and v.value().name == "ReadVariableOp:0"
    assert repr(v.assign(2.0)) == "<tf.Variable 'AssignVariableOp' shape=() dtype=float32>"
    assert v.assign_sub(1.0, read_value=False).type == "AssignSubVariableOp"
    assert type(tf.Variable(1.0)) is type(v) and tf.Variable(1.0).op.type == "VarHandleOp"


def test_each_session_has_its_own_value(graph):
    v = ref([1.0, 2.0], "w")
    one, two = v1.Session(), v1.Session()
    with pytest.raises(tf.errors.FailedPreconditionError) as e:
        one.run(v)
    assert e.value.message == "Attempting to use uninitialized value w"
    one.run(v.initializer)
    two.run(v.initializer)
    one.run(v.assign_add([1.0, 1.0]))
    assert one.run([v, v + 0.0, v.name]) [0].tolist() == [2.0, 3.0] and v.eval(two).tolist() == [1.0, 2.0]  # fmt: skip
    v.load([5.0, 6.0], two)
    assert two.run(v).tolist() == [5.0, 6.0]
    with pytest.raises(ValueError, match=r"Cannot feed value of shape \(1,\) for Tensor"):
        v.load([5.0], two)


def test_control_dependencies_order_reads(graph):
    for use_resource in (False, True):
        v = v1.Variable(1.0, use_resource=use_resource)
        with tf.control_dependencies([v.assign_add(1.0)]):
            after = v.read_value() + 0.0
        chained = v.assign_add(10.0).assign_add(10.0) if use_resource else None
        with v1.Session() as session:
            session.run(v.initializer)
            assert session.run(after) == 2.0
            if use_resource:
                assert session.run(chained) == 22.0


def test_initial_values_that_depend_on_variables(graph):
    w = ref([1.0, 2.0], "w")
    twice = ref(w.initialized_value() * 2.0, "twice")
    more = ref(twice + 1.0, "more")
    random = ref(lambda: v1.random_uniform([4]), "random")
    same = ref(random, "same")
    deep = ref(same * 2.0, "deep")
    with v1.Session() as session:
        assert session.run(v1.report_uninitialized_variables()).tolist() == [
            b"w",
            b"twice",
            b"more",
            b"random",
            b"same",
            b"deep",
        ]
        init = v1.global_variables_initializer()
        assert (init.name, init.type) == ("init", "NoOp")
        session.run(init)
        assert [a.tolist() for a in session.run([twice, more])] == [[2, 4], [3, 5]]
        a, b, c = session.run([random, same, deep])
        assert a.tolist() == b.tolist() and (a * 2).tolist() == c.tolist()
        assert session.run(v1.report_uninitialized_variables()).tolist() == []
        assert session.run(v1.is_variable_initialized(w))
        session.run(w.assign([5.0, 6.0]))
        session.run(twice.initializer)
        assert session.run(twice).tolist() == [10.0, 12.0]


@pytest.mark.parametrize(
    "what, error, text",
    [
        (lambda v: v.assign([1.0, 2.0, 3.0]), ValueError,
         "Dimension 0 in both shapes must be equal, but are 2 and 3. Shapes are [2] and [3]. for '{{node Assign}}"),
        (lambda v: v.assign(1.0), ValueError, "Shapes must be equal rank, but are 1 and 0 for '{{node Assign}}"),
        (lambda v: v.assign(v1.constant([1, 2])), TypeError,
         "Input 'value' of 'Assign' Op has type int32 that does not match type float32 of argument 'ref'."),
        (lambda v: v.assign("a"), TypeError, "Expected float32 passed to parameter 'value' of op 'Assign', got 'a' of "
                                             "type 'str' instead."),
        (lambda v: ref(v1.placeholder(tf.float32)), ValueError, "initial_value must have a shape specified: Tensor("),
        (lambda v: ref(1.0, collections="a"), ValueError,
         "collections argument to Variable constructor must be a list, tuple, or set. Got a of type <class 'str'>"),
        (lambda v: ref(None), ValueError, "initial_value must be specified."),
        (lambda v: tf.convert_to_tensor(v, tf.int32), ValueError,
         "Incompatible type conversion requested to type 'int32' for variable of type 'float32_ref'"),
        (lambda v: v1.assign(v1.constant(1.0), 1.0), AttributeError, "has no attribute 'assign'"),
    ],
)  # fmt: skip
def test_refusals_in_graphs(graph, what, error, text):
    with pytest.raises(error) as e:
        what(ref([1.0, 2.0], "w"))
    assert text in str(e.value)


def test_shapes_that_only_a_run_can_tell(graph):
    v, x = ref([1.0, 2.0], "w"), v1.placeholder(tf.float32)
    changed, free = v.assign(x), v1.assign(v, x, validate_shape=False)
    with v1.Session() as session:
        session.run(v.initializer)
        with pytest.raises(tf.errors.InvalidArgumentError) as e:
            session.run(changed, {x: [1.0, 2.0, 3.0]})
        assert "Assign requires shapes of both tensors to match. lhs shape= [2] rhs shape= [3]" in e.value.message
        assert session.run(v).tolist() == [1.0, 2.0]
        assert session.run(free, {x: [1.0, 2.0, 3.0]}).tolist() == [1.0, 2.0, 3.0]


def test_collections_of_variables(graph):
    a, b, c = ref(1.0, "a"), ref(1.0, "b", trainable=False), ref(1.0, "c", collections=["mine"])
    local = ref(1.0, "d", trainable=False, collections=[v1.GraphKeys.LOCAL_VARIABLES])
    assert v1.global_variables() == v1.all_variables() == [a, b] and v1.local_variables() == [local]
    assert v1.trainable_variables() == [a, c] and v1.get_collection("mine") == [c]
    assert [op.name for op in v1.local_variables_initializer().control_inputs] == ["d/Assign"]
    assert a == a and a != b and hash(a) == id(a)


def test_strings_in_a_session(graph):
    v, w = ref("hello"), v1.get_variable("w", [2], dtype=tf.string)
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        assert session.run(v) == b"hello" and session.run(w).tolist() == [b"", b""]
        assert session.run(v.assign("bye")) == b"bye"


def test_what_changes_a_ref_variable_stays_with_it():
    """TensorFlow: [b'loc:@v'] on the variable's device, wherever the assignment was written."""
    v1 = tf.compat.v1
    with tf.Graph().as_default():
        with tf.device("/job:ps"):
            v = v1.get_variable("v", initializer=0.0, use_resource=False)
        with tf.device("/job:worker/task:7"):
            changed = [v.assign(1.0), v.assign_add(1.0)]
        assert [t.op.colocation_groups() for t in changed] == [[b"loc:@v"]] * 2
        assert {t.device for t in changed} == {"/job:ps"}


def test_is_a_tensor_of_a_variable_initialized():
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph, v1.Session() as session:
        v = v1.get_variable("v", initializer=0.0, use_resource=False)
        known = v1.is_variable_initialized(graph.get_tensor_by_name("v:0"))
        assert not session.run(known)
        session.run(v.initializer)
        assert session.run(known)
        with pytest.raises(TypeError, match="takes a variable"):
            v1.is_variable_initialized(tf.constant(1.0))


def test_creators_are_of_the_graph_they_were_entered_in():
    made = []

    def creator(next_creator, **kwargs):
        made.append(kwargs["name"])
        return next_creator(**kwargs)

    with tf.variable_creator_scope(creator):
        tf.Variable(1.0, name="eager")
        with tf.Graph().as_default():
            tf.compat.v1.get_variable("elsewhere", initializer=1.0)
        holder = []
        tf.function(lambda: holder or holder.append(tf.Variable(1.0, name="function")))()
    assert made == ["eager", "function"]


def test_variables_of_a_users_composite():
    class Spec(tf.TypeSpec):
        value_type = property(lambda self: Pair)
        _component_specs = None

        def _serialize(self):
            return ()

        def _to_components(self, value):
            return value.parts

        def _from_components(self, parts):
            return Pair(parts)

    class Pair(tf.__internal__.CompositeTensor):
        def __init__(self, parts):
            self.parts = parts

        @property
        def _type_spec(self):
            return Spec()

    module = tf.Module()
    module.pair = Pair([tf.Variable(1.0), tf.Variable(2.0)])
    assert [v.numpy() for v in module.variables] == [1.0, 2.0]


def test_no_empty_partitions():
    v1 = tf.compat.v1
    with tf.Graph().as_default(), pytest.raises(ValueError, match="Expected 0 <= offset < shape"):
        v1.create_partitioned_variables([3, 2], [4, 1], v1.zeros_initializer())


@pytest.mark.parametrize("axis", [0, 1])
def test_an_identity_matrix_in_parts(axis):
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        cut = v1.fixed_size_partitioner(3, axis=axis)
        v = v1.get_variable("v", [5, 4], initializer=v1.initializers.identity(gain=2.0), partitioner=cut)
        session.run(v1.global_variables_initializer())
        np.testing.assert_array_equal(session.run(tf.identity(v)), 2 * np.eye(5, 4))
