"""What a step costs, by count: programs dispatched and compiled, arrays of a table's size in them."""

import gc
import sys

import jax
import numpy as np
import pytest

import tfcompat as tf
from tfcompat._src.engine import dispatch, log

v1, K = tf.compat.v1, tf.keras.optimizers
ROWS = 977  # no other array has as many elements
ADAMS = {"v1": v1.train.AdamOptimizer, "Keras 2": K.legacy.Adam, "Keras 3": K.Adam}


@pytest.mark.parametrize("make", ADAMS.values(), ids=ADAMS)
def test_a_step_over_200_variables_is_one_program(make):
    """Compiled once; neither steps nor a learning rate in a variable compile again."""
    dispatch.flush()  # what other tests left pending would be part of the first program
    rate = tf.Variable(0.125)
    optimizer = make(rate)
    variables = [tf.Variable([float(i)]) for i in range(200)]
    grads = [tf.constant([1.0])] * 200

    def step():
        compiles, runs = log.count, dispatch.dispatches
        optimizer.apply_gradients(zip(grads, variables))
        return log.count - compiles, dispatch.dispatches - runs

    assert step() == (1, 1)
    assert [step() for _ in range(3)] == [(0, 1)] * 3
    rate.assign(0.5)
    optimizer.learning_rate = 0.25
    assert [step() for _ in range(2)] == [(0, 1)] * 2


def python_calls(f):
    """How many functions written in Python f() enters."""
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    gc.disable()  # JAX is called back by the collector
    sys.setprofile(note)
    try:
        f()
    finally:
        sys.setprofile(before)
        gc.enable()
    return count


@pytest.mark.parametrize("make", ADAMS.values(), ids=ADAMS)
def test_python_calls_do_not_grow_with_the_variables(make):
    """What a step does per variable is left to loops inside a fixed number of functions: a few microseconds would be three calls."""

    def calls(n):
        variables, grads = [tf.Variable([float(i)]) for i in range(n)], [tf.constant([1.0]) * 1.0 for _ in range(n)]
        optimizer = make(0.125)

        def step():
            optimizer.apply_gradients(zip(grads, variables))

        for _ in range(2):
            step()
        return python_calls(step)

    assert calls(200) == calls(50) < 100


def equations(jaxpr):
    """All equations, those of inner programs included."""
    for e in jaxpr.eqns:
        yield e
        for inner in jax.tree.leaves(list(e.params.values()), is_leaf=lambda p: hasattr(p, "jaxpr")):
            if hasattr(inner, "jaxpr"):
                yield from equations(inner.jaxpr)


def table_sized(optimizer):
    """The primitives that make arrays of the table's size in a step with IndexedSlices."""
    table = tf.Variable(np.ones((ROWS, 4), np.float32))
    grad = tf.IndexedSlices(tf.ones([3, 4]), tf.constant([5, 0, 5]))
    optimizer.apply_gradients([(grad, table)])
    plan = next(p for p in optimizer._plans.values() if p)
    avals = next(of for of in plan.sig.cache if any(a.shape == (ROWS, 4) for a in of))
    shapes = [jax.ShapeDtypeStruct(a.shape, a.np) for a in avals if a.shape is not None]
    slots = [jax.ShapeDtypeStruct(v._aval.shape, v._aval.np) for v in plan.slots]
    with jax.enable_x64(True):
        program = jax.make_jaxpr(lambda *a: plan.sig.apply(a))(*shapes, *([slots] if slots else []))
    return {
        e.primitive.name
        for e in equations(program.jaxpr)
        for out in e.outvars
        if out.aval.size >= ROWS and e.primitive.name not in ("jit", "pjit")
    }


BY_ROWS = {
    "v1 SGD": lambda: v1.train.GradientDescentOptimizer(0.1),
    "v1 Momentum": lambda: v1.train.MomentumOptimizer(0.1, 0.9),
    "v1 Adagrad": lambda: v1.train.AdagradOptimizer(0.1),
    "v1 Adadelta": lambda: v1.train.AdadeltaOptimizer(0.1),
    "v1 RMSProp": lambda: v1.train.RMSPropOptimizer(0.1),
    "v1 Ftrl": lambda: v1.train.FtrlOptimizer(0.1),
    "v1 ProximalAdagrad": lambda: v1.train.ProximalAdagradOptimizer(0.1),
    "LazyAdam": lambda: v1.contrib.opt.LazyAdamOptimizer(0.1),
    "Keras 2 SGD": lambda: K.legacy.SGD(0.1),
    "Keras 2 momentum": lambda: K.legacy.SGD(0.1, momentum=0.9),
    "Keras 2 Adagrad": lambda: K.legacy.Adagrad(0.1),
    "Keras 2 Adadelta": lambda: K.legacy.Adadelta(0.1),
    "Keras 2 Ftrl": lambda: K.legacy.Ftrl(0.1),
    "Keras 3 SGD": lambda: K.SGD(0.1),
}


@pytest.mark.parametrize("make", BY_ROWS.values(), ids=BY_ROWS)
def test_only_the_rows_touched(make):
    """Nothing but the tables themselves, with rows put into them, has a table's size."""
    made = table_sized(make())
    assert made and all(name.startswith("scatter") for name in made)


def test_keras_3_adam_makes_no_dense_gradient():
    """All rows decay, so it works on whole tables; but a sparse gradient stays one."""
    rows = tf.IndexedSlices(tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), tf.constant([2, 0, 2]))
    values = []
    for grad in (rows, tf.constant([[3.0, 4.0], [0.0, 0.0], [6.0, 8.0]])):
        table, optimizer = tf.Variable(np.ones((3, 2), np.float32)), K.Adam(0.1)
        for _ in range(3):
            optimizer.apply_gradients([(grad, table)])
        values.append((table.numpy(), optimizer.variables[2].numpy()))
    np.testing.assert_allclose(values[0][1], values[1][1], rtol=1e-6)  # the first moment
    np.testing.assert_array_equal(values[0][0][1], [1.0, 1.0])
    assert "scatter-add" not in table_sized(K.Adam(0.1))
