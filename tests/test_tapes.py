"""tf.GradientTape, tf.gradients and ForwardAccumulator as users meet them: what may be asked, how often, and what comes back.

Values are derivatives a reader can check; words of errors and orders are those of TensorFlow 2.21.
"""

import weakref

import jax
import numpy as np
import pytest
from tfcompat.compat import v1

import tfcompat as tf


def square_tape(**settings):
    tape = tf.GradientTape(**settings)
    with tape:
        x = tf.constant([[3.0, 4.0]])
        tape.watch(x)
        y = x * x
    return tape, x, y


# -- how often, and in which order ------------------------------------------------------------------------------------
@pytest.mark.parametrize("ask", ["gradient", "jacobian", "batch_jacobian"])
def test_a_plain_tape_answers_once_and_can_be_used_again(ask):
    tape, x, y = square_tape()
    assert getattr(tape, ask)(y, x) is not None
    words = "can only be called once on non-persistent tapes" if ask == "gradient" else "one set of gradients"
    with pytest.raises(RuntimeError, match=words):
        getattr(tape, ask)(y, x)
    with tape:  # used up, it starts anew
        tape.watch(x)
        z = 2.0 * x
    assert tape.gradient(z, x).numpy().tolist() == [[2.0, 2.0]]


def test_recording_goes_on_where_a_tape_is_entered_again():
    tape = tf.GradientTape()
    with tape:
        x = tf.constant(3.0)
        tape.watch(x)
        y = 2.0 * x
    with tape:
        z = 2.0 * y
    assert float(tape.gradient(z, x)) == 4.0
    with pytest.raises(ValueError, match="still recording"), tape, tape:
        pass


def test_watched_variables_come_in_the_order_of_their_creation():
    first, second = tf.Variable(1.0), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        _ = second * second + first * first
    assert [v is w for v, w in zip(tape.watched_variables(), (first, second), strict=True)] == [True, True]


def test_stop_recording_needs_a_recording():
    tape, _, _ = square_tape()
    with pytest.raises(ValueError, match="Tape is not recording"), tape.stop_recording():
        pass


@pytest.mark.parametrize("ask", ["jacobian", "batch_jacobian"])
def test_row_by_row_jacobians_need_a_persistent_tape(ask):
    tape, x, y = square_tape()
    with pytest.raises(RuntimeError, match="persistent=True"):
        getattr(tape, ask)(y, x, experimental_use_pfor=False)
    tape, x, y = square_tape(persistent=True)
    assert getattr(tape, ask)(y, x, experimental_use_pfor=False).shape.rank == (4 if ask == "jacobian" else 3)


# -- cotangents -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("given, words", [
    (tf.ones([3]), r"Shape \(3,\) of output_gradients does not fit the target's shape \(1, 2\)"),
    ([tf.ones([1, 2])] * 2, "output_gradients has 2 tensors for 1 targets"),
])  # fmt: skip
def test_cotangents_that_do_not_fit(given, words):
    tape, x, y = square_tape()
    with pytest.raises(ValueError, match=words):
        tape.gradient(y, x, output_gradients=given)


def test_a_cotangent_may_have_its_elements_in_another_shape():
    """TensorFlow does not look at the shape of output_gradients."""
    x = tf.constant([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    assert tape.gradient(y, x, output_gradients=tf.constant([[1.0, 10.0, 100.0]])).numpy().tolist() == [
        2.0,
        40.0,
        600.0,
    ]


def test_only_a_tape_that_records_can_be_reset():
    tape, x, y = square_tape()
    with pytest.raises(ValueError, match="Tape is not recording"):
        tape.reset()
    assert tape.gradient(y, x) is not None


# -- Jacobians --------------------------------------------------------------------------------------------------------
def test_rows_that_nothing_reaches_are_zeros():
    with tf.GradientTape(persistent=True) as tape:
        x = tf.ones([2, 3])
        tape.watch(x)
        y = tf.ones([2, 2])
    assert tape.batch_jacobian(y, x).numpy().tolist() == np.zeros((2, 2, 3)).tolist()
    assert tape.jacobian(y, x) is None
    with pytest.raises(ValueError, match=r"Shape \(2,\) must have rank at least 2"):
        tape.batch_jacobian(y[0], x)


def test_the_jacobian_of_a_lookup_is_dense():
    table = tf.Variable(tf.ones([4, 2]))
    with tf.GradientTape() as tape:
        rows = tf.nn.embedding_lookup(table, [0, 2])
    expected = np.zeros((2, 2, 4, 2))
    expected[0, 0, 0, 0] = expected[0, 1, 0, 1] = expected[1, 0, 2, 0] = expected[1, 1, 2, 1] = 1
    np.testing.assert_array_equal(tape.jacobian(rows, table), expected)


# -- forward mode -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("decorator", [lambda f: f, tf.function])
def test_forward_over_forward(decorator):
    f = decorator(lambda x: x**3.5)
    x = tf.constant(1.1)
    with tf.autodiff.ForwardAccumulator(x, tf.constant(1.0)) as outer:
        with tf.autodiff.ForwardAccumulator(x, tf.constant(1.0)) as inner:
            y = f(x)
    first = inner.jvp(y)
    np.testing.assert_allclose(first, 3.5 * 1.1**2.5, rtol=1e-5)
    np.testing.assert_allclose(outer.jvp(first), 3.5 * 2.5 * 1.1**1.5, rtol=1e-5)
    assert inner.jvp(outer.jvp(y)) is None


@pytest.mark.parametrize("decorator", [lambda f: f, tf.function])
def test_hessian_vector_products_by_forward_over_reverse(decorator):
    def product(x, v):
        with tf.autodiff.ForwardAccumulator(x, v) as forward:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.reduce_prod(x**2.0)
            g = tape.gradient(y, x)
        return forward.jvp(g)

    a, b = 2.0, 3.0
    hessian = np.array([[2 * b**2, 4 * a * b], [4 * a * b, 2 * a**2]])
    got = decorator(product)(tf.constant([a, b]), tf.constant([1.0, -1.0]))
    np.testing.assert_allclose(got, hessian @ [1.0, -1.0], rtol=1e-5)


# -- tf.gradients -----------------------------------------------------------------------------------------------------
def test_integers_flow_in_tf1_and_stop_in_tf2():
    with tf.Graph().as_default():
        k = tf.constant([3, 4])
        as_float = tf.cast(k, tf.float32)
        assert tf.gradients(k * k, k) == [None]
        assert v1.gradients(as_float * as_float, k) == [None]  # a conversion stops them in TF1, too
        (g,) = v1.gradients(k * k, k)
        assert v1.Session().run(g).tolist() == [6, 8]


def test_a_gradient_that_does_not_need_a_placeholder_needs_no_value_for_it():
    with tf.Graph().as_default():
        x = v1.placeholder(tf.float32, [2])
        w = tf.constant([5.0, 7.0])
        y = x * w
        (by_x,), (by_w,) = v1.gradients(y, x), v1.gradients(y, w)
        session = v1.Session()
        assert session.run(by_x).tolist() == [5.0, 7.0]
        with pytest.raises(tf.errors.InvalidArgumentError, match="must feed a value for placeholder"):
            session.run(by_w)


def test_gradients_are_placed_with_what_they_differentiate():
    with tf.Graph().as_default():
        w, x = tf.constant([[1.0]]), tf.constant([[1.0, 2.0]])
        y = tf.matmul(w, x, name="y")
        (g,) = v1.gradients(y, w, colocate_gradients_with_ops=True)
        assert g.op.colocation_groups() == y.op.colocation_groups() == [b"loc:@y"]


@pytest.mark.parametrize("where", ["loop", "function"])
def test_paths_that_run_outside_of_a_body(where):
    """By hand: in each of 3 turns a grows by d(z a)/dx = 2 x a, z = x^2 outside; so a is (1 + 2 x)^3 = 343 at x = 3."""
    with tf.Graph().as_default():
        x = tf.constant(3.0)
        z = x * x

        def body(i, a):
            return i + 1, a + tf.gradients(z * a, x)[0]

        if where == "loop":
            _, a = tf.while_loop(lambda i, a: i < 3, body, [0, 1.0])
        else:
            step, a = tf.function(body), tf.constant(1.0)
            for _ in range(3):
                _, a = step(tf.constant(0), a)
        assert v1.Session().run(a) == 343.0


def test_how_many_grad_ys():
    with tf.Graph().as_default():
        x = tf.constant([1.0, 2.0])
        with pytest.raises(ValueError, match="Passed 2 grad_ys for 1 ys"):
            v1.gradients(x * x, x, grad_ys=[x, x])


# -- costs ------------------------------------------------------------------------------------------------------------
def layer(x):
    for _ in range(4):
        x = tf.tanh(tf.matmul(x, tf.eye(64)))
    return x


def test_recompute_grad_keeps_fewer_activations():
    def memory(layer):
        def gradient(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = x
                for _ in range(4):
                    y = layer(y)
                loss = tf.reduce_sum(y * y)
            return tape.gradient(loss, x)

        pure = tf.to_jax(gradient, tf.TensorSpec([1024, 64]))
        compiled = (
            jax.jit(lambda x: pure(pure.variables, x)).lower(jax.ShapeDtypeStruct((1024, 64), "float32")).compile()
        )
        return compiled.memory_analysis().temp_size_in_bytes

    assert memory(tf.recompute_grad(layer)) < 0.6 * memory(layer)


def test_recompute_grad_changes_no_number():
    x, w = tf.constant([0.3, -0.2]), tf.Variable([2.0, 3.0])

    def f(x):
        return tf.reduce_sum(tf.sin(w * x))

    found = []
    for g in (f, tf.recompute_grad(f)):
        with tf.GradientTape() as outer, tf.GradientTape() as tape:
            outer.watch(x)
            tape.watch(x)
            y = g(x)
            first = tape.gradient(y, [x, w])
        found.append([y, *first, outer.gradient(first[0], x)])
    for plain, again in zip(*found, strict=True):
        np.testing.assert_allclose(plain, again, rtol=1e-6)


def test_a_looked_up_tables_gradient_costs_what_the_rows_cost():
    """Nothing of the table's size is made on the way to IndexedSlices (the benchmark holds the clock to it)."""

    def gradient(table):
        with tf.GradientTape() as tape:
            tape.watch(table)
            loss = tf.reduce_sum(tf.gather(table, [5, 5, 7]) ** 2.0)
        g = tape.gradient(loss, table)
        assert isinstance(g, tf.IndexedSlices)
        return g.values

    pure = tf.to_jax(gradient, tf.TensorSpec([50_000, 8]))
    jaxpr = jax.make_jaxpr(lambda x: pure(pure.variables, x))(np.zeros((50_000, 8), "f"))
    made = [v.aval.shape for eqn in jaxpr.jaxpr.eqns for v in eqn.outvars]
    assert made and all(50_000 not in shape for shape in made)


def test_the_compiler_shows_what_it_was_given():
    twice = tf.function(lambda x: 2.0 * x)
    x = tf.ones([3])
    assert "f32[3]" in twice.experimental_get_compiler_ir(x)(stage="hlo")
    assert twice.experimental_get_compiler_ir(x)(stage="optimized_hlo_dot").startswith("digraph")
    with pytest.raises(ValueError, match="Invalid stage"):
        twice.experimental_get_compiler_ir(x)(stage="assembly")


@pytest.mark.parametrize("value, one", [([1, 2], [1, 1]), (True, True), (2.0, 1.0)])
def test_a_target_that_is_the_source_needs_no_watching(value, one):
    """d(x)/d(x), whatever x is; nothing else flows through integers or unwatched tensors."""
    x = tf.constant(value)
    with tf.GradientTape(persistent=True) as tape:
        y = tf.identity(x)
    assert tape.gradient(x, x).numpy().tolist() == one
    assert tape.gradient(x, x, output_gradients=x).numpy().tolist() == value
    assert tape.gradient([x, y], x).numpy().tolist() == one
    assert tape.gradient(y, x) is None
    v = tf.Variable(value, trainable=False)
    with tf.GradientTape(persistent=True) as tape:
        y = tf.identity(v)
    assert tape.gradient(v, v).numpy().tolist() == one
    assert tape.gradient(y, v) is None


def test_the_gradient_of_rows_taken_by_gather_nd_are_slices():
    table = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    with tf.GradientTape(persistent=True) as tape:
        rows = tf.gather_nd(table, [[2], [0]])
        elements = tf.gather_nd(table, [[2, 0], [0, 1]])
    slices = tape.gradient(rows, table, output_gradients=tf.constant([[1.0, 2.0], [3.0, 4.0]]))
    assert isinstance(slices, tf.IndexedSlices) and slices.indices.numpy().tolist() == [2, 0]
    assert tf.convert_to_tensor(slices).numpy().tolist() == [[3.0, 4.0], [0.0, 0.0], [1.0, 2.0]]
    assert tape.gradient(elements, table).numpy().tolist() == [[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]]


def test_slices_as_grad_ys_of_an_identity():
    """Without a dense shape they could not be added up; identities hand them on."""
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 2])
        slices = tf.IndexedSlices(tf.constant([[1.0, 2.0]]), tf.constant([3]))
        found = tf.gradients(tf.identity(tf.identity(x)), x, grad_ys=slices)[0]
        assert isinstance(found, tf.IndexedSlices)
        assert session.run(found).values.tolist() == [[1.0, 2.0]]


# -- forward mode -----------------------------------------------------------------------------------------------------
def test_an_accumulator_keeps_no_tensor_of_the_users():
    x, tangent = tf.ones([3]), tf.constant([1.0, 2.0, 3.0])
    with tf.autodiff.ForwardAccumulator(x, tangent) as forward:
        y = 2.0 * x
        seen = weakref.ref(x), weakref.ref(tangent)
        del x, tangent
        assert [r() for r in seen] == [None, None]
        assert forward.jvp(y).numpy().tolist() == [2.0, 4.0, 6.0]


def test_an_accumulator_lets_a_gradient_functions_error_out():
    @tf.custom_gradient
    def f(x):
        def gradient(dy):
            raise ValueError("no gradient of mine")

        return x * 1.0, gradient

    x = tf.constant(1.0)
    with (
        tf.autodiff.ForwardAccumulator(x, tf.constant(2.0)),
        pytest.raises(ValueError, match="no gradient of mine"),
    ):
        f(x)
