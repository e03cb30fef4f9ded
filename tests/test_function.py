"""tf.function: which calls share a trace, how calls are bound, what signatures say, what a trace keeps alive.

All expected values and words were read off TensorFlow 2.21.
"""

import collections
import gc
import logging
import pickle
import weakref

import numpy as np
import pytest

import tfcompat as tf

Spec = tf.TensorSpec
Pair = collections.namedtuple("Pair", "a b")


class Thing:
    pass


THING = Thing()


def f32(*shape):
    return tf.zeros(shape)


def ragged(*rows):
    return tf.ragged.constant([list(r) for r in rows], dtype=tf.float32)


def variable(value=0.0, **more):
    return tf.Variable(value, **more)


def given(thing):
    """An argument made anew for every test, or the thing itself."""
    return thing() if callable(thing) and not isinstance(thing, type) else thing


# -- which calls share a trace ----------------------------------------------------------------------------------------
V = [lambda: variable(), lambda: variable([1.0, 2.0]), lambda: variable(1)]

# name: (calls, each a tuple of arguments; traces they make)
SHARED = {
    "tensors by dtype and shape": ([(f32(2),), (f32(2),), (f32(3),), (tf.zeros([2], tf.int32),)], 3),
    "arrays as tensors": ([(np.zeros(2, "f"),), (f32(2),), (np.ones(2, "f"),)], 1),
    "NumPy scalars as tensors": ([(np.float32(1),), (np.float32(2),), (tf.constant(3.0),)], 1),
    "Python numbers by value": ([(1,), (2,), (1,)], 2),
    "text by value": ([("a",), ("b",), (None,)], 3),
    "lists and tuples apart": ([([1],), ((1,),), ([1],)], 2),
    "dictionaries whatever the order": ([({"a": f32(), "b": f32()},), ({"b": f32(), "a": f32()},)], 1),
    "dictionaries by their keys": ([({"a": f32()},), ({"b": f32()},)], 2),
    "named tuples": ([(Pair(f32(), 1),), (Pair(f32(), 1),), (Pair(f32(), 2),)], 2),
    "objects by identity": ([(THING,), (THING,), (Thing,)], 2),
    "NaN is one value": ([(float("nan"),), (float("nan"),)], 1),
    "variables by dtype and shape": ([(V[0],), (V[0],), (V[1],), (V[2],)], 3),
    "variables trainable or not": ([(lambda: variable(trainable=False),), (V[0],)], 2),
    "ragged tensors by their spec": ([(ragged([1.0], [2.0, 3.0]),), (ragged([1.0, 2.0], []),), (ragged([1.0]),)], 2),
}  # fmt: skip


@pytest.mark.parametrize("name", SHARED)
def test_calls_share_traces(name):
    calls, traces = SHARED[name]
    made = tf.function(lambda x: tf.constant(0))
    held = [[given(a) for a in call] for call in calls]
    for call in held:
        made(*call)
    assert made.experimental_get_tracing_count() == traces
    for call in held:
        made(*call)
    assert made.experimental_get_tracing_count() == traces


def test_the_same_variable_twice_is_another_pattern_than_two():
    add = tf.function(lambda a, b: (a.assign_add(1.0), b.assign_add(10.0)) and a + b)
    v, w, u = variable(1.0), variable(2.0), variable(3.0)
    assert float(add(v, w)) == 14.0  # 2 + 12
    assert float(add(w, u)) == 26.0  # 13 + 13
    assert add.experimental_get_tracing_count() == 1
    assert float(add(u, u)) == 48.0  # 24 + 24
    assert add.experimental_get_tracing_count() == 2
    assert [float(x) for x in (v, w, u)] == [2.0, 13.0, 24.0]


def test_a_trace_serves_other_variables_in_every_front():
    def double(v):
        v.assign_add(v.read_value())
        return v * 1.0

    made = tf.function(double)
    first, second = variable(1.0), variable(5.0)
    assert float(made(first)) == 2.0
    outer = tf.function(lambda v: made(v) + made(second))  # one from the arguments, one from outside
    assert float(outer(first)) == 4.0 + 10.0
    assert [float(first), float(second)] == [4.0, 10.0]
    assert made.experimental_get_tracing_count() == 1
    square = tf.function(lambda v: v * v)
    for v in (first, second):
        with tf.GradientTape() as tape:
            y = square(v) * v
        assert float(tape.gradient(y, v)) == 3 * float(v) ** 2
    assert square.experimental_get_tracing_count() == 1


def test_a_trace_with_operations_of_the_host_serves_other_variables():
    seen = []

    @tf.function
    def show(v):
        v.assign_add(1.0)
        tf.py_function(lambda x: seen.append(float(x)), [v], [])
        return v.read_value()

    first, second = variable(1.0), variable(10.0)
    assert [float(show(v)) for v in (first, second, first)] == [2.0, 11.0, 3.0]
    assert seen == [2.0, 11.0, 3.0] and show.experimental_get_tracing_count() == 1
    with tf.GradientTape():  # operation by operation
        assert float(show(second)) == 12.0
    assert float(first) == 3.0


class Coloured(tf.types.experimental.TraceType):
    """Values of one colour share a trace."""

    def __init__(self, colour):
        self.colour = colour

    def is_subtype_of(self, other):
        return isinstance(other, Coloured) and self.colour == other.colour

    def most_specific_common_supertype(self, others):
        return self if all(self == o for o in others) else None

    def placeholder_value(self, placeholder_context=None):
        return Painted(self.colour, None)

    def __eq__(self, other):
        return self.is_subtype_of(other)

    def __hash__(self):
        return hash(self.colour)


class Painted:
    def __init__(self, colour, size):
        self.colour, self.size = colour, size

    def __tf_tracing_type__(self, context):
        return Coloured(self.colour)


def test_a_class_says_itself_what_its_objects_share():
    colours = []
    made = tf.function(lambda p: colours.append((p.colour, p.size)))
    for p in (Painted("red", 1), Painted("red", 2), Painted("blue", 3)):
        made(p)
    assert colours == [("red", None), ("blue", None)]


def test_what_has_no_type_is_refused():
    with pytest.raises(TypeError, match="Could not generate a generic TraceType for"):
        tf.function(lambda x: 1)(set())
    with pytest.raises(TypeError, match="weakref"):
        tf.function(lambda x: 1)(weakref.ref(THING))


def test_a_wider_trace_serves_narrower_calls():
    made = tf.function(lambda x: x + 1.0)
    wide = made.get_concrete_function(Spec([None]))
    assert made.get_concrete_function(f32(3)) is wide
    np.testing.assert_array_equal(made(f32(2)), [1.0, 1.0])
    assert made.experimental_get_tracing_count() == 1
    assert made.get_concrete_function(Spec([None])) is wide


def test_reduce_retracing_widens_shapes():
    shapes = []

    @tf.function(reduce_retracing=True)
    def made(x):
        shapes.append(tuple(x.shape.as_list()))
        return x

    for n in (1, 2, 3, 4):
        assert made(f32(n, 2)).shape == (n, 2)
    assert made(f32(2, 5)).shape == (2, 5)
    assert shapes == [(1, 2), (None, 2), (None, None)]
    specs = []
    relaxed = tf.function(lambda x: specs.append(x._type_spec), experimental_relax_shapes=True)
    for x in (ragged([1.0], [2.0]), ragged([1.0]), ragged([1.0], [2.0], [3.0])):
        relaxed(x)
    assert specs == [tf.RaggedTensorSpec([n, None], tf.float32) for n in (2, None)]


# -- binding ----------------------------------------------------------------------------------------------------------
def defaults(x, y=5, *args, k=7, **more):
    return x


SIGNED = {"input_signature": [Spec([2])]}

# name: (function, settings, arguments, keyword arguments, what is raised and said)
REFUSED = {
    "missing": (lambda x, y: x, {}, (1,), {}, TypeError, "Binding inputs to tf.function failed .*missing a required argument: 'y'"),
    "too many": (lambda x: x, {}, (1, 2), {}, TypeError, "Binding inputs to tf.function failed .*too many positional arguments"),
    "twice": (lambda x: x, {}, (1,), {"x": 2}, TypeError, "multiple values for argument 'x'"),
    "unknown": (lambda x: x, {}, (1,), {"z": 2}, TypeError, "got an unexpected keyword argument 'z'"),
    "wider": (lambda x: x, SIGNED, (f32(3),), {}, TypeError, r"Can not cast TensorSpec\(shape=\(3,\).* to TensorSpec\(shape=\(2,\)"),
    "dtype": (lambda x: x, SIGNED, (tf.zeros([2], tf.int32),), {}, TypeError, "Can not cast .*dtype=tf.int32.* to .*dtype=tf.float32"),
    "number": (lambda x: x, SIGNED, (3,), {}, TypeError, r"Can not cast TensorSpec\(shape=\(\), dtype=tf.float32"),
    "no type": (lambda x, y: x, SIGNED, (f32(2), 1), {}, TypeError, "input_signature missing type constraint for y"),
    "clean names": (lambda **k: 1, {}, (), {"a_b": 1, "a/b": 2}, ValueError, "Name collision after sanitization"),
    "list changed": (lambda x: x.append(1), {}, ([1],), {}, ValueError, "should not modify its Python input arguments.*modified: x"),
    "dict changed": (lambda x: x.update(c=1), {}, ({"a": f32()},), {}, ValueError, "should not modify its Python input arguments"),
    "an operation": (lambda x: tf.group(x), {}, (f32(),), {}, TypeError, "Python functions must return zero or more Tensors"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_calls_that_do_not_fit_are_refused(name):
    function, settings, args, kwargs, kind, said = REFUSED[name]
    with pytest.raises(kind, match=said):
        tf.function(function, **settings)(*args, **kwargs)


@pytest.mark.parametrize(
    "signature, said",
    [
        (3, "input_signature must be either a tuple or a list, got <class 'int'>"),
        ([(2, 3)], r"nested sequence of TensorSpec objects, got invalid args \[2, 3\]"),
    ],
)
def test_input_signatures_that_are_none(signature, said):
    with pytest.raises(TypeError, match=said):
        tf.function(lambda x: x, input_signature=signature)


def test_what_is_no_function():
    with pytest.raises(TypeError, match="3 is not a callable object"):
        tf.function(3)


# calls of `defaults`, or of a function with an input_signature, that come to the same result
BOUND = [
    (lambda a, b=2.0, *, c=3.0: a + 10 * b + 100 * c, (1.0,), {}, 321.0),
    (lambda a, b=2.0, *, c=3.0: a + 10 * b + 100 * c, (), {"c": 1.0, "a": 5.0}, 125.0),
    (lambda a, *r, k=1.0, **m: a + sum(r) + k + m["z"], (1.0, 2.0, 3.0), {"z": 4.0, "k": 5.0}, 15.0),
    (lambda **k: k["a"] - k["b"], (), {"b": 1.0, "a": 3.0}, 2.0),
    (lambda a, b=tf.constant(7.0): a - b, (1.0,), {}, -6.0),  # noqa: B008 - a tensor as a default, made once, is the case
    (lambda y, x, **k: y - x, (), {"x": 1.0, "y": 5.0}, 4.0),
]


@pytest.mark.parametrize("function, args, kwargs, result", BOUND)
def test_arguments_are_bound_by_name(function, args, kwargs, result):
    made = tf.function(function)
    for _ in range(2):  # traced, then found
        tensors = {k: tf.constant(v) for k, v in kwargs.items()}
        assert float(made(*map(tf.constant, args), **tensors)) == result
        assert float(made(*args, **kwargs)) == result


def test_tensors_by_keyword_are_not_mixed_up():
    made = tf.function(lambda y, x, **k: y - x)
    same = tf.constant(1.0)
    assert float(made(x=same, y=same)) == 0.0
    assert float(made(x=tf.constant(1.0), y=tf.constant(5.0))) == 4.0
    assert made.experimental_get_tracing_count() == 1


def test_an_input_signature_makes_one_trace():
    made = tf.function(lambda x, s=2.0: x * s, input_signature=[Spec([None])])
    for x in (f32(2), np.ones(3), [1.0, 2.0], variable([1.0])):
        made(x)
    assert made.experimental_get_tracing_count() == 1
    assert made.get_concrete_function().structured_input_signature == ((Spec([None], tf.float32, "x"), 2.0), {})


@pytest.mark.parametrize(
    "spec, value",
    [
        (tf.RaggedTensorSpec([None, None], tf.float32), lambda: ragged([1.0], [2.0, 3.0])),
        (tf.SparseTensorSpec([None, 2], tf.float32), lambda: tf.sparse.from_dense([[0.0, 1.0]])),
        ([Spec([None]), {"k": Spec([])}], lambda: [f32(3), {"k": f32()}]),
    ],
)
def test_input_signatures_of_composites_and_nests(spec, value):
    made = tf.function(lambda x: x, input_signature=[spec])
    concrete = made.get_concrete_function()
    for call in (made, concrete):
        out = call(value())
        tf.nest.assert_same_structure(out, value(), expand_composites=True)
        for a, b in zip(tf.nest.flatten(out, True), tf.nest.flatten(value(), True), strict=True):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(TypeError, match="Binding inputs to tf.function failed"):
        made("something else")


# -- concrete functions -----------------------------------------------------------------------------------------------
def test_a_concrete_function_says_what_it_takes_and_gives():
    concrete = tf.function(defaults).get_concrete_function(
        tf.constant(1), [f32(2)], tf.constant([2]), k=tf.constant(3), z={"m": 1}
    )
    assert concrete.structured_input_signature == (
        (Spec([], tf.int32, "x"), [Spec([2], tf.float32, "y_0")], Spec([1], tf.int32, "args_0")),
        {"k": Spec([], tf.int32, "k"), "z": {"m": 1}},
    )
    assert [t.op.name for t in concrete.inputs] == ["x", "y", "args_0", "k"]
    assert concrete.pretty_printed_signature(verbose=False) == (
        "(x: TensorSpec(shape=(), dtype=tf.int32, name=None), y: List[TensorSpec(shape=(2,), dtype=tf.float32, name=None)], "
        "args_0: TensorSpec(shape=(1,), dtype=tf.int32, name=None), /, *, k: TensorSpec(shape=(), dtype=tf.int32, name=None), "
        "z: Dict[['m', Literal[1]]]) -> TensorSpec(shape=(), dtype=tf.int32, name=None)"
    )
    assert concrete.pretty_printed_signature() == (
        "Input Parameters:\n"
        "  x (POSITIONAL_ONLY): TensorSpec(shape=(), dtype=tf.int32, name=None)\n"
        "  y (POSITIONAL_ONLY): List[TensorSpec(shape=(2,), dtype=tf.float32, name=None)]\n"
        "  args_0 (POSITIONAL_ONLY): TensorSpec(shape=(1,), dtype=tf.int32, name=None)\n"
        "  k (KEYWORD_ONLY): TensorSpec(shape=(), dtype=tf.int32, name=None)\n"
        "  z (KEYWORD_ONLY): Dict[['m', Literal[1]]]\n"
        "Output Type:\n  TensorSpec(shape=(), dtype=tf.int32, name=None)\nCaptures:\n  None"
    )


def test_a_concrete_function_is_called_both_ways():
    concrete = tf.function(lambda x, y=5: x["a"] * 10 + x["b"] + y).get_concrete_function(
        {"a": Spec([], tf.int32), "b": Spec([], tf.int32, name="named")}
    )
    one, two = tf.constant(1), tf.constant(2)
    for args, kwargs in (
        (({"a": one, "b": two}, 5), {}),
        ((), {"x": {"a": one, "b": two}, "y": 5}),
        ((one, two), {}),
        ((one,), {"named": two}),
        ((), {"x": one, "named": two}),
    ):
        assert int(concrete(*args, **kwargs)) == 17


CALLS = {
    "another literal": ((8, 5), {}, "Can not cast 8 to Literal.5."),
    "too many": ((f32(), 5, 6), {}, "too many positional arguments"),
    "flat, missing": ((), {}, r"func\(x\) missing required arguments: x"),
    "flat, no tensor": ((Thing(), 5), {}, "takes 1 positional arguments, got 2"),
    "flat, unknown": ((f32(),), {"c": f32()}, r"func\(x\) got unexpected keyword arguments: c"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_concrete_function_refuses_other_calls(name):
    def func(x, y=5):
        return x

    args, kwargs, said = CALLS[name]
    spec = 5 if name == "another literal" else f32()
    with pytest.raises(TypeError, match=said):
        tf.function(func).get_concrete_function(spec)(*args, **kwargs)


def test_a_concrete_function_and_other_shapes():
    concrete = tf.function(lambda x: x + 1.0).get_concrete_function(f32(1))
    np.testing.assert_array_equal(concrete(f32(2)), [1.0, 1.0])  # eagerly the operations see whether they can
    with pytest.raises(tf.errors.InvalidArgumentError, match="was expected to be a float tensor but is a int32 tensor"):
        concrete(tf.zeros([1], tf.int32))
    with pytest.raises(TypeError, match=r"Can not cast TensorSpec\(shape=\(2,\).* to TensorSpec\(shape=\(1,\)"):
        tf.function(lambda: concrete(f32(2)))()


def test_variables_of_a_trace():
    a, b, c = variable(1.0, trainable=False), variable(2.0), variable(3.0)
    concrete = tf.function(lambda v: a + b * v).get_concrete_function(c)
    assert {v.ref() for v in concrete.variables} == {a.ref(), b.ref()}
    assert [v.ref() for v in concrete.trainable_variables] == [b.ref()]
    assert [t.op.name for t in concrete.inputs[:1]] == ["v"]
    assert float(concrete(c)) == 7.0 and float(concrete(b)) == 5.0
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="was expected to be a resource tensor but is a float tensor"
    ):
        concrete(f32())


def test_values_captured_by_every_call():
    now = [1.0]

    @tf.function
    def inner(x):
        return x + tf.compat.v1.get_default_graph().capture_call_time_value(lambda: now[0], Spec(None))

    outer = tf.function(lambda x: inner(x) * 2.0)
    assert [float(inner(1.0)), float(outer(1.0))] == [2.0, 4.0]
    now[0] = 5.0
    assert [float(inner(1.0)), float(outer(1.0))] == [6.0, 12.0]
    now[0] = tf.constant(1)
    with pytest.raises(TypeError, match="Can not cast"):
        inner(1.0)


def test_captures_put_in_the_place_of_others():
    captured = tf.constant([3.0] * 200)
    concrete = tf.function(lambda x: x - captured[0]).get_concrete_function(Spec([]))
    assert float(concrete(f32())) == -3.0
    concrete.set_external_captures([tf.constant([4.0] * 200)])
    assert float(concrete(f32())) == -4.0
    now = [tf.constant([5.0] * 200)]
    concrete.replace_capture_with_deferred_capture(concrete.captured_inputs[0], lambda: now[0], Spec([200]))
    assert float(concrete(f32())) == -5.0
    now[0] = tf.constant([6.0] * 200)
    assert float(concrete(f32())) == -6.0
    with pytest.raises(ValueError, match="Did not find `tensor` argument"):
        concrete.replace_capture_with_deferred_capture(captured, lambda: now[0], Spec([200]))


# -- methods, copies, what is kept alive ------------------------------------------------------------------------------
class Model:
    def __init__(self, factor):
        self.factor = factor

    @tf.function
    def __call__(self, x):
        return x * self.factor

    @tf.function
    def counted(self, x):
        if x > 0.0:
            return x + self.factor
        return x - self.factor


def test_methods_have_traces_of_their_own():
    one, two = Model(1.0), Model(2.0)
    assert [float(m(tf.constant(3.0))) for m in (one, two)] == [3.0, 6.0]
    assert float(two.counted(tf.constant(-1.0))) == -3.0
    assert one.counted is one.counted
    assert one.counted.experimental_get_tracing_count() == 0
    assert two.counted.experimental_get_tracing_count() == 1


def test_a_method_goes_with_its_object():
    gc.collect()
    gc.disable()
    try:
        model = Model(2.0)
        model.counted(tf.constant(1.0))
        function, instance = weakref.ref(model.counted), weakref.ref(model)
        del model
        assert function() is None and instance() is None
    finally:
        gc.enable()


def test_arguments_of_a_call_are_not_kept():
    made = tf.function(lambda x, thing: x + 1.0)
    x, thing = f32(1000), Thing()
    refs = weakref.ref(thing)
    made(x, thing)
    del x, thing
    gc.collect()
    assert refs() is None


def undecorated(x):
    return x * 3.0


def test_functions_are_pickled_with_their_settings():
    made = tf.function(undecorated, input_signature=[Spec([])], reduce_retracing=True)
    again = pickle.loads(pickle.dumps(made))
    assert again.input_signature == (Spec([]),) and again._reduce_retracing
    assert float(again(tf.constant(2.0))) == 6.0


def test_variables_of_the_first_call_may_start_from_its_arguments():
    made = []

    @tf.function
    def scale(x):
        if not made:
            made.append(tf.Variable(2.0 * x))
        return made[0] * x

    assert float(scale(tf.constant(1.0))) == 2.0
    assert float(scale(tf.constant(3.0))) == 6.0


def test_tensors_of_other_functions_are_out_of_scope():
    kept = []
    tf.function(lambda x: kept.append(x) or x)(tf.constant(1))
    with pytest.raises(TypeError, match=r"(?s)test_function.py.*out of scope"):
        tf.function(lambda y: y + kept[0])(tf.constant(2))


def test_collections_of_the_graph_around():
    with tf.Graph().as_default(), tf.compat.v1.Session() as sess:
        tf.compat.v1.add_to_collection("mine", 2)

        @tf.function
        def triple():
            tf.compat.v1.add_to_collection("mine", 5)
            return tf.constant(tf.compat.v1.get_collection("mine")[0]) * 3

        assert sess.run(triple()) == 6
        assert tf.compat.v1.get_collection("mine") == [2]


def test_control_dependencies_from_outside_hold_for_the_call():
    with tf.Graph().as_default(), tf.compat.v1.Session() as sess:
        v = tf.compat.v1.Variable(1.0, use_resource=True)
        sess.run(v.initializer)
        op = v.assign_add(1.0)

        @tf.function
        def waits():
            with tf.control_dependencies([op]):
                return tf.constant(1.0)

        sess.run(waits())
        assert sess.run(v) == 2.0


# -- the warning ------------------------------------------------------------------------------------------------------
def test_frequent_retracing_is_warned_of_twice(caplog):
    made = tf.function(lambda x: x)
    with caplog.at_level(logging.WARNING):
        for i in range(4):
            made(i)
        assert not caplog.records
        made(4)
        assert "5 out of the last 5 calls to" in caplog.text and "Tracing is expensive" in caplog.text
        for i in range(20):
            made(100 + i)
    assert len(caplog.records) == 2


def test_calls_between_tracings_are_counted(caplog):
    made = tf.function(lambda x: x)
    with caplog.at_level(logging.WARNING):
        for i in range(6):
            for _ in range(4):
                made(i)
    assert not caplog.records


# -- tf.compat.v1.wrap_function ---------------------------------------------------------------------------------------
def test_wrapped_functions_own_their_variables():
    def code(x, add):
        v = tf.Variable(5.0)
        op = v.assign_add(x) if add else v.assign_sub(x)
        with tf.control_dependencies([op]):
            return v.read_value()

    plus = tf.compat.v1.wrap_function(code, [Spec([]), True])
    minus = tf.compat.v1.wrap_function(code, [Spec([]), False])
    assert [float(plus(1.0)), float(plus(1.0)), float(minus(1.0)), float(minus(1.0))] == [6.0, 7.0, 4.0, 3.0]


def test_wrapped_functions_run_what_is_asked_for_only():
    counter = tf.Variable(0)

    def code(x):
        counter.assign_add(1, name="increment", read_value=False)
        return tf.identity(x * 2.0, "double"), tf.constant(1)

    wrapped = tf.compat.v1.wrap_function(code, [Spec([])])
    assert [float(t) for t in wrapped(tf.constant(3.0))] == [6.0, 1.0] and int(counter) == 0
    graph = wrapped.graph
    increment = wrapped.prune((), graph.get_operation_by_name("increment"))
    assert increment() is None and int(counter) == 1
    squared = wrapped.prune("double:0", ["double:0", "increment"])
    assert float(squared(tf.constant(9.0))[0]) == 9.0 and int(counter) == 2
    with pytest.raises(ValueError, match="from a different graph"):
        wrapped.prune((), tf.compat.v1.wrap_function(code, [Spec([])]).outputs[0])


def test_gradients_of_wrapped_functions():
    v = tf.Variable(3.0)
    wrapped = tf.compat.v1.wrap_function(lambda x: tf.identity(v * x * x, "y"), [Spec([])])
    pruned = wrapped.prune(wrapped.inputs, "y:0")
    x = tf.constant(2.0)
    for call in (wrapped, pruned):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = call(x)
        assert [float(g) for g in tape.gradient(y, [x, v])] == [12.0, 4.0]
