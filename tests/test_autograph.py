"""AutoGraph: Python's control flow over tensors in a tf.function.

The reference is Python itself: each function of the tables is called once eagerly, where `if` and `for` are Python's, and once as a
tf.function, where they become operations.  What is refused, and in which words, was read off TensorFlow 2.21.
"""

import functools
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

import tfcompat as tf
from tfcompat._src.errors import OperatorNotAllowedInGraphError

pytest.importorskip("malt")
options = tf.autograph.experimental


def values(result):
    return tf.nest.map_structure(lambda v: np.asarray(v.numpy() if hasattr(v, "numpy") else v), result)


# -- functions whose result is Python's -------------------------------------------------------------------------------
def halves_or_doubles(x):
    if x > 2.0:
        return x / 2.0
    if x < 0.0:
        return x * 2.0
    return x


def nested_branches(x):
    if x > 0.0:
        if x > 10.0:
            y = x - 10.0
        else:
            y = x + 10.0
    else:
        y = -x
    return y


def counts_down(x):
    steps = 0
    while x > 0.0:
        x -= 1.5
        steps += 1
    return x, steps


def breaks_and_continues(x):
    total = 0.0
    for row in x:
        if row[0] < 0.0:
            continue
        if row[1] > 10.0:
            break
        total += tf.reduce_sum(row)
    return total


def loops_in_loops(x):
    for i in tf.range(3):
        for j in tf.range(i):
            if j == 1:
                break
            x += tf.cast(i * j + 1, tf.float32)
        if x > 5.0:
            continue
        x += 1.0
    return x


def fibonacci(x):
    a, b = 0, 1
    while a < 50:
        a, b = b, a + b
    return a, b


def a_nest_as_state(x):
    d = {"a": 0, "b": (x, x)}
    for i in tf.range(3):
        d = {"a": d["a"] + i, "b": (d["b"][0] * 2.0, d["b"][1] / 2.0)}
    return d


class Thing:
    pass


def an_attribute_and_an_item(x):
    thing, found = Thing(), {"n": 0}
    thing.x = x
    for i in tf.range(4):
        thing.x += 1.0
        found["n"] += i
    return thing.x, found["n"]


def logic(x):
    return x > 0.0 and x < 5.0, x > 9.0 or x < 2.0, not x > 2.0, 1 if x > 0.0 else 2


def helper(x, k=2.0):
    if x > k:
        return x - k
    else:
        return x + k


def calls_others(x):
    inner = lambda a: a * 2.0 if a > 1.0 else a * 3.0

    def more(a, *args, **kw):
        if a > kw["q"]:
            return a
        return a + args[0]

    return (
        helper(x),
        inner(x),
        more(x, 7.0, q=1.0),
        more(x, *[1.0, 2.0], **{"q": 100.0}),
        functools.partial(helper, k=5.0)(x),
    )


def python_stays_python(x, training=True):
    out = []
    for i in range(3):
        if i == 1:
            continue
        out.append(x * i)
    if training and x > 3.0:
        out[0] = x + 100.0
    n = 0
    while n < 2:
        n += 1
    return out, n


def writes_an_array(x):
    array = tf.TensorArray(tf.float32, size=3)
    for i in tf.range(3):
        if i % 2 == 0:
            array = array.write(i, x * tf.cast(i, tf.float32))
        else:
            array = array.write(i, x)
    return array.stack()


def builtins(x):
    n = 0
    for i in range(tf.constant(4)):
        n += i
    v = tf.stack([x, 1.0])
    return n, len(v), int(x), float(x), abs(-x), max(x, 2.0), min(x, 2.0), max(v), min(v)


def defined_in_the_loop(x):
    for i in tf.range(3):
        last = x * tf.cast(i, tf.float32)
    return last


class Base:
    def go(self, x):
        return x + 1.0 if x > 0.0 else x


class Derived(Base):
    def go(self, x):
        return super().go(x) * 2.0

    def __call__(self, x):
        if x > 100.0:
            return x
        return self.go(x)


def methods(x):
    return Derived().go(x), Derived()(x)


def try_and_with(x):
    try:
        with tf.name_scope("s"):
            if x > 0.0:
                y = x
            else:
                y = -x
    finally:
        pass
    return y


SCALARS = [
    halves_or_doubles, nested_branches, counts_down, loops_in_loops, fibonacci, a_nest_as_state, an_attribute_and_an_item, logic,
    calls_others, python_stays_python, writes_an_array, builtins, defined_in_the_loop, methods, try_and_with,
]  # fmt: skip


def agree(function, *args, **settings):
    wanted = values(function(*args))
    got = values(tf.function(function, **settings)(*args))
    tf.nest.assert_same_structure(wanted, got)
    for w, g in zip(tf.nest.flatten(wanted), tf.nest.flatten(got), strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-6)


@pytest.mark.parametrize("function", SCALARS)
def test_what_python_computes(function):
    for x in (4.0, -3.0):
        agree(function, tf.constant(x))


def test_rows_whose_number_is_not_known_while_tracing():
    x = tf.constant([[1.0, 2], [-1, 3], [4, 5], [1, 11], [2, 3]])
    agree(breaks_and_continues, x)
    f = tf.function(breaks_and_continues, input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    for part in (x, x[:2], x[:0]):
        assert float(f(part)) == float(breaks_and_continues(part))


def test_a_range_whose_length_is_an_argument():
    @tf.function
    def f(x, n):
        for i in tf.range(n, 0, -1):
            x = x * 2.0 + tf.cast(i, tf.float32)
        return x, i

    assert values(f(tf.constant(1.0), tf.constant(3))) == (25.0, 1)
    assert values(f(tf.constant(1.0), tf.constant(1))) == (3.0, 1)
    assert f.experimental_get_tracing_count() == 1


# -- state ------------------------------------------------------------------------------------------------------------
def test_only_the_branch_taken_assigns():
    v = tf.Variable(1.0)

    @tf.function
    def f(x):
        if x > 0.0:
            v.assign_add(x)
        else:
            v.assign(x * 10.0)
        while v < 5.0:
            v.assign_add(3.0)
        return v.read_value()

    assert [float(f(tf.constant(x))) for x in (1.0, 7.0, -1.0)] == [5.0, 12.0, 5.0]
    assert float(v) == 5.0


def test_python_runs_once_per_trace():
    class Counter(tf.Module):
        def __init__(self):
            self.calls = 0

        @tf.function
        def __call__(self, x):
            self.calls += 1
            return x if x > 0 else -x

    c = Counter()
    assert [int(c(tf.constant(x))) for x in (3, -4, 5)] == [3, 4, 5]
    assert c.calls == 1


def test_set_loop_options():
    def grows(n):
        v = tf.constant([0])
        for i in tf.range(n):
            options.set_loop_options(shape_invariants=[(v, tf.TensorShape([None]))])
            v = tf.concat([v, [i]], 0)
        return v

    def limited(n):
        k = 0
        for _ in tf.range(n):
            tf.autograph.experimental.set_loop_options(maximum_iterations=3)
            k += 1
        return k

    agree(grows, tf.constant(3))
    assert int(tf.function(limited)(tf.constant(10))) == 3
    assert int(tf.function(limited)(tf.constant(2))) == 2


# -- gradients --------------------------------------------------------------------------------------------------------
def power(x, n):
    y = tf.ones_like(x)
    while n > 0:
        y = y * x
        n -= 1
    return y


def test_gradients_through_a_loop_inside_and_outside():
    x = tf.constant(3.0)
    f = tf.function(power)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x, tf.constant(3))
    assert (float(y), float(tape.gradient(y, x))) == (27.0, 27.0)

    @tf.function
    def inside(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x
            for _ in tf.range(3):
                y = y * y if y > 2.0 else y * 3.0
        return tape.gradient(y, x)

    assert float(inside(tf.constant(1.5))) == pytest.approx(4 * 3 * 4.5**3)  # ((3 x)^2)^2


def test_gradients_through_an_array_that_grows_where_the_data_say():
    def roots(x):
        array = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
        n = 0
        for v in x:
            if v > 0.0:
                array = array.write(n, tf.sqrt(v))
                n += 1
        return array.stack()

    x = tf.constant([1.0, -1.0, 4.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.function(roots)(x)
    assert y.numpy().tolist() == [1.0, 2.0]
    assert tape.gradient(y, x).numpy().tolist() == [0.5, 0.0, 0.25]


# -- datasets ---------------------------------------------------------------------------------------------------------
def test_loops_over_datasets():
    data = tf.data.Dataset.range(5)

    def total(ds):
        s = tf.constant(0, tf.int64)
        for x in ds:
            if x == 3:
                continue
            s += x
        return s

    def pairs(ds):
        n = tf.constant(0, tf.int64)
        for i, (a, b) in enumerate(tf.data.Dataset.zip((ds, ds.skip(1)))):
            if i == 2:
                break
            n += a * b + i
        return n

    def twice(ds):
        n = tf.constant(0, tf.int64)
        for x in ds:
            for y in ds:
                n += x * y
        return n

    for f in (total, pairs, twice):
        wanted = int(f(data))
        made = tf.function(f)
        assert [int(made(data)), int(made(data))] == [wanted, wanted]  # each call is a new pass

    @tf.function
    def made_inside(x):
        s = 0.0
        for e in tf.data.Dataset.from_tensor_slices(x):
            s += e
        return s

    assert [float(made_inside(tf.constant(v))) for v in ([1.0, 2.0], [5.0, 6.0])] == [3.0, 11.0]


def test_training_over_a_dataset_in_one_function():
    data = tf.data.Dataset.from_tensor_slices(
        (np.arange(10, dtype=np.float32).reshape(5, 2) / 10, np.ones(5, np.float32))
    ).batch(2)
    w = tf.Variable([1.0, 1.0])

    def epoch(ds):
        loss = 0.0
        for x, y in ds:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((tf.reduce_sum(x * w, 1) - y) ** 2)
            w.assign_sub(0.1 * tape.gradient(loss, w))
        return loss

    wanted = [float(epoch(data)) for _ in range(2)], w.numpy()
    w.assign([1.0, 1.0])
    traced = tf.function(epoch)
    assert [float(traced(data)) for _ in range(2)] == pytest.approx(wanted[0])
    np.testing.assert_allclose(w.numpy(), wanted[1], rtol=1e-6)


def test_an_iterator_goes_on_where_it_stood():
    iterator = iter(tf.data.Dataset.range(10))

    @tf.function
    def up_to(it, limit):
        s = tf.constant(0, tf.int64)
        for x in it:
            s += x
            if x >= limit:
                break
        return s

    first = tf.function(lambda it: next(it))
    assert [int(first(iterator)), int(first(iterator))] == [0, 1]
    assert int(up_to(iterator, tf.constant(4, tf.int64))) == 2 + 3 + 4
    assert int(next(iterator)) == 5
    assert int(up_to(iterator, tf.constant(100, tf.int64))) == 6 + 7 + 8 + 9


# -- what is refused --------------------------------------------------------------------------------------------------
def else_missing(x):
    if x > 0:
        y = 1
    return y


def other_dtype(x):
    if x > 0:
        y = 1
    else:
        y = 2.0
    return y


def none_in_a_branch(x):
    if x > 0:
        y = 1
    else:
        y = None
    return y


def return_missing(x):
    if x > 0:
        return 1


def other_keys(x):
    return {"a": x} if x > 0 else {"b": x}


def no_condition(x):
    if x:
        return 1
    else:
        return 2


def grows_in_a_loop(x):
    y = tf.zeros([1])
    while x > 0:
        y = tf.concat([y, y], 0)
        x -= 1
    return y


def other_dtype_in_a_loop(x):
    y = 1
    while x > 0:
        y = tf.cast(y, tf.float32)
        x -= 1
    return y


def returns_in_a_loop(x):
    for i in tf.range(x):
        if i > 3:
            return i
    return -1


def starts_as_python(x):
    while True:
        x -= 1
        if x < 0:
            break
    return x


def tensor_breaks_a_python_loop(x):
    for _ in range(10):
        x -= 1
        if x < 0:
            break
    return x


REFUSED = [
    (else_missing, ValueError, "'y' must also be initialized in the else branch"),
    (other_dtype, TypeError, "'y' has dtype int32 in the main branch, but dtype float32 in the else branch"),
    (none_in_a_branch, ValueError, "'y' is None at the end of the else branch."),
    (return_missing, ValueError, "the else branch must also have a return statement."),
    (other_keys, TypeError, "don't have the same set of keys"),
    (no_condition, ValueError, "condition of if statement expected to be `tf.bool` scalar"),
    (grows_in_a_loop, ValueError, "'y' has shape (1,) before the loop, but shape (2,) after one iteration"),
    (other_dtype_in_a_loop, TypeError, "'y' has dtype int32 before the loop, but dtype float32 after one iteration"),
    (returns_in_a_loop, NotImplementedError, "a return statement cannot be placed inside this TensorFlow loop"),
    (
        starts_as_python,
        NotImplementedError,
        "The condition of while loop started as non-Tensor, then changed to Tensor",
    ),
    (tensor_breaks_a_python_loop, NotImplementedError, "break and return statements which depend on a TF condition"),
]


@pytest.mark.parametrize("function, error, words", REFUSED, ids=lambda v: getattr(v, "__name__", None))
def test_refusals_name_the_variable_and_the_line(function, error, words):
    with pytest.raises(error, match=re.escape(words)) as caught:
        tf.function(function)(tf.constant(3))
    said = str(caught.value)
    assert "in user code:" in said and f'File "{__file__}", line ' in said and "_src" not in said


def test_a_loop_that_never_runs_defines_nothing():
    @tf.function
    def f(n):
        for i in tf.range(n):
            z = i * 2
        return z

    assert int(f(tf.constant(4))) == 6
    with pytest.raises(tf.errors.InvalidArgumentError, match="loop must iterate at least once to initialize z"):
        f(tf.constant(0))


def test_errors_of_operations_speak_of_the_users_line():
    def f(x):
        if tf.reduce_sum(x) > 0.0:
            x = x + tf.zeros([2])  # this line
        return x

    with pytest.raises(ValueError) as caught:
        tf.function(f)(tf.zeros([3]))
    line = f.__code__.co_firstlineno + 2
    assert f'File "{__file__}", line {line}' in str(caught.value) and f"test_autograph.py:{line}" in str(caught.value)


# -- what is converted, and when --------------------------------------------------------------------------------------
def test_do_not_convert_and_autograph_false():
    @options.do_not_convert
    def plain(x):
        return x if x > 0 else -x

    for f in (tf.function(lambda x: plain(x)), tf.function(lambda x: x if x > 0 else -x, autograph=False)):
        with pytest.raises(OperatorNotAllowedInGraphError):
            f(tf.constant(3))


def test_assert_is_converted_on_request():
    def f(x):
        assert x > 0, "wanted more"
        return x

    f = tf.function(f, experimental_autograph_options=options.Feature.ASSERT_STATEMENTS)
    assert int(f(tf.constant(1))) == 1
    with pytest.raises(tf.errors.InvalidArgumentError, match="wanted more"):
        f(tf.constant(-1))


def test_print_is_converted_on_request(capsys):
    def f(x):
        print("x is", x, {"foo": "bar"})

    f = tf.function(f, experimental_autograph_options=options.Feature.ALL)
    f(tf.constant([1, 2, 3]))
    f(tf.constant([4, 5, 6]))
    assert capsys.readouterr().out == "x is [1 2 3] {'foo': 'bar'}\nx is [4 5 6] {'foo': 'bar'}\n"


def test_functions_given_to_map_are_converted():
    def g(x):
        return x * 2 if x > 2 else x

    assert [int(e) for e in tf.data.Dataset.range(5).map(g)] == [0, 1, 2, 6, 8]
    assert [int(e) for e in tf.data.Dataset.range(5).filter(lambda x: x > 2 and x < 4)] == [3]
    assert tf.function(lambda x: tf.map_fn(g, x))(tf.constant([1, 2, 3])).numpy().tolist() == [1, 2, 6]


def test_the_call_of_a_layer_is_converted():
    class Doubling(tf.compat.v1.layers.Layer):
        def call(self, x):
            if tf.reduce_sum(x) > 0.0:
                return x * 2.0
            else:
                return -x

    layer = Doubling()
    f = tf.function(lambda x: layer(x))
    assert [float(f(tf.constant([v]))[0]) for v in (3.0, -3.0)] == [6.0, 3.0]


def test_a_gradient_with_respect_to_one_of_two_variables_of_a_loop():
    @tf.function
    def f(a, b):
        body = lambda i, x: (i + 1, tf.cond(i % 2 == 0, lambda: x + a[1], lambda: x + b[1] * 2.0))
        result = tf.while_loop(lambda i, _: i < 4, body, [0, 0.0])
        return tf.gradients(result, [a, b])

    first, second = f(tf.Variable([1.0, 2.0, 3.0]), tf.Variable([4.0, 5.0]))
    assert (first.numpy().tolist(), second.numpy().tolist()) == ([0.0, 2.0, 0.0], [0.0, 4.0])


def test_to_graph_and_to_code():
    graph_function = tf.autograph.to_graph(halves_or_doubles)
    assert float(graph_function(tf.constant(4.0))) == 2.0
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        assert session.run(graph_function(tf.constant(4.0))) == 2.0
    assert "ag__.if_stmt" in tf.autograph.to_code(halves_or_doubles)


def test_source_that_is_not_there_is_run_as_it_is():
    names: dict = {"tf": tf}
    exec(compile("def made(x):\n    for _ in [1, 2]:\n        x = x + 1\n    return x", "<nowhere>", "exec"), names)
    assert int(tf.function(names["made"])(tf.constant(1))) == 3


def _environment():
    root = str(pathlib.Path(__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}


def test_nothing_is_imported_before_it_is_needed(tmp_path):
    program = """
import sys
import tfcompat as tf
assert "malt" not in sys.modules
v = tf.Variable(1.0)

@tf.function
def straight(x):
    with tf.GradientTape() as tape:
        loss = tf.square(v * x - 2.0)
    v.assign_sub(tape.gradient(loss, v))
    return loss

straight(tf.constant(1.0))
assert "malt" not in sys.modules

@tf.function
def branches(x):
    return x if x > 0.0 else -x

branches(tf.constant(1.0))
assert "malt" in sys.modules
"""
    script = tmp_path / "script.py"
    script.write_text(program)
    subprocess.run([sys.executable, str(script)], check=True, env=_environment())


def test_without_the_library_the_error_says_what_to_install(monkeypatch):
    from tfcompat._src.autograph import status

    monkeypatch.setattr(status, "_installed", False)
    with pytest.raises(OperatorNotAllowedInGraphError, match=r"pip install tfcompat\[autograph\]"):
        tf.function(lambda x: x if x > 0 else -x)(tf.constant(3))
    with pytest.raises(ImportError, match=r"pip install tfcompat\[autograph\]"):
        tf.autograph.to_graph(helper)


def test_a_caught_exception_has_its_name():
    @tf.function
    def f(x, y):
        try:
            if x > 0.0:
                x = x + tf.reshape(y, [2])
        except ValueError as e:
            return tf.constant("Cannot reshape" in str(e))
        return x

    assert f(tf.constant(1.0), tf.ones([3])).numpy()
    assert f(tf.constant(1.0), tf.ones([2])).numpy().tolist() == [2.0, 2.0]
