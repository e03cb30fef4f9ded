"""Tables of ops: one row per op, checked on every front against NumPy.

    from table import case, f32, i32, suite

    test_values, test_shapes, test_gradients = suite([
        case("maximum", [f32(3, 4), f32(4)], np.maximum, grads="01"),
        case("reduce_mean", [f32(2, 3)], lambda x: x.mean(1), grads="0", axis=1),
        case(lambda x: x[1:], [f32(5)], lambda x: x[1:], grads="0", id="slice"),
    ])

case(op, inputs, reference, ...)
    op         a TF2 name without "tf.", "v1:name" for one of TF1 (`tf.compat.v1.name`), or a callable of tensors
    inputs     NumPy arrays; f32(2, 3, low=.1) and friends draw some, the same on every run.  They are passed by position
    reference  a function of the same arrays, or the expected value(s) (a golden); several outputs: a tuple or list
    grads      positions of the inputs to differentiate by, "01"; checked in float64 against central differences of `reference`
               where it is a function (else of the op itself), along a random direction, for a random projection of the outputs
    order=2    the second derivative is checked, too
    dtype      expected dtype (of the first output), where it is not the reference's
    rtol, atol tolerances of the values; say why where they are loose
    batch      positions of inputs whose first dimension is unknown in test_shapes (default: the first input, and those of
               the same first dimension; "" for none)
    id         name of the row where `op` is a callable or occurs often
    anything else is passed to the op by keyword

test_values     eager, eager op_by_op, graph + Session, tf.function; values and dtypes, and all fronts agree
test_shapes     the static shape in a graph is the shape of the value; with unknown first dimensions compatible with it, of its rank
test_gradients  tape (both eager modes), tf.gradients, a tape inside tf.function

`COVERED` collects the op types that ran.
"""

import numpy as np
import pytest

import tfcompat as tf
from tfcompat._src.engine import dispatch

random = np.random.default_rng(7)
COVERED = set()
FRONTS = ("eager", "op_by_op", "graph", "function")


# -- inputs -----------------------------------------------------------------------------------------------------------
def _draw(dtype):
    def draw(*shape, low=-2.0, high=2.0):
        return np.asarray(random.uniform(low, high, shape), dtype)

    return draw


f16, f32, f64 = _draw(np.float16), _draw(np.float32), _draw(np.float64)


def i32(*shape, low=-5, high=6):
    return np.asarray(random.integers(low, high, shape), np.int32)


def i64(*shape, low=-5, high=6):
    return np.asarray(random.integers(low, high, shape), np.int64)


def bools(*shape):
    return np.asarray(random.integers(0, 2, shape), bool)


def c64(*shape):
    return (f32(*shape) + 1j * f32(*shape)).astype(np.complex64)


# -- rows -------------------------------------------------------------------------------------------------------------
class Case:
    """One row; see the head of this file."""

    def __init__(self, op, inputs, reference, grads="", order=1, dtype=None, rtol=None, atol=None, batch=None, id=None, **settings):
        self.op, self.inputs, self.reference = op, [np.asarray(x) for x in inputs], reference
        self.grads, self.order, self.dtype = [int(c) for c in grads], order, dtype
        low = any(x.dtype.itemsize == 2 and x.dtype.kind not in "iub" for x in self.inputs)
        self.rtol, self.atol = rtol or (5e-3 if low else 2e-6), atol or (1e-3 if low else 1e-6)
        first = self.inputs[0].shape[:1] if self.inputs else ()
        alike = [i for i, x in enumerate(self.inputs) if first and x.shape[:1] == first]
        self.batch = alike if batch is None else [int(c) for c in batch]
        self.settings = settings
        self.id = id or (op if isinstance(op, str) else getattr(op, "__name__", "case"))

    def call(self, *tensors):
        """The op's outputs as a flat list."""
        if isinstance(self.op, str):
            face, _, name = self.op.rpartition(":")
            function = tf.compat.v1 if face == "v1" else tf
            for part in name.split("."):
                function = getattr(function, part)
        else:
            function = self.op
        return _flat(function(*tensors, **self.settings))

    def expected(self):
        return [np.asarray(v) for v in _flat(self.reference(*self.inputs) if callable(self.reference) else self.reference)]

    def check(self, values, front):
        expected = self.expected()
        assert len(values) == len(expected), f"{front}: {len(values)} outputs, expected {len(expected)}"
        for i, (got, want) in enumerate(zip(values, expected)):
            dtype = np.dtype(self.dtype) if self.dtype and not i else want.dtype
            if dtype != object and got.dtype != object:
                assert got.dtype == dtype, f"{front}: dtype {got.dtype}, expected {dtype}"
            assert got.shape == want.shape, f"{front}: shape {got.shape}, expected {want.shape}"
            if got.dtype.kind in "fcV" or got.dtype.name == "bfloat16":
                wide = np.complex128 if got.dtype.kind == "c" else np.float64
                np.testing.assert_allclose(got.astype(wide), want.astype(wide), self.rtol, self.atol, err_msg=front)
            else:
                np.testing.assert_array_equal(got, want, err_msg=front)


case = Case


def _flat(out):
    if isinstance(out, (list, tuple)):
        return [leaf for part in out for leaf in _flat(part)]
    return [out]


# -- fronts -----------------------------------------------------------------------------------------------------------
def _eagerly(f, arrays, op_by_op):
    before, dispatch.op_by_op = dispatch.op_by_op, op_by_op
    try:
        return [t.numpy() for t in _flat(f(*[tf.constant(a) for a in arrays]))]
    finally:
        dispatch.op_by_op = before


def _in_graph(f, arrays, shapes=None):
    """(values, static shapes) of the outputs of f in a graph where `arrays` are fed."""
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph:
        shapes = shapes or [a.shape for a in arrays]
        feeds = [v1.placeholder(tf.as_dtype(a.dtype), s) for a, s in zip(arrays, shapes)]
        out = _flat(f(*feeds))
        COVERED.update(o.type for o in graph.get_operations())
        with v1.Session() as session:
            return session.run(out, {t.name: a for t, a in zip(feeds, arrays)}), [t.shape for t in out]


def _in_function(f, arrays):
    return [t.numpy() for t in tf.function(lambda *tensors: _flat(f(*tensors)))(*[tf.constant(a) for a in arrays])]


def run(f, arrays, front):
    """The values of f(*tensors), a flat list of NumPy arrays, through one of FRONTS."""
    if front == "graph":
        values = _in_graph(f, arrays)[0]
    elif front == "function":
        values = _in_function(f, arrays)
    else:
        values = _eagerly(f, arrays, front == "op_by_op")
    return [np.asarray(v, object) if isinstance(v, bytes) else np.asarray(v) for v in values]


def check_values(c):
    found = {}
    for front in FRONTS:
        found[front] = run(c.call, c.inputs, front)
        c.check(found[front], front)
    for front in FRONTS[1:]:
        for a, b in zip(found["eager"], found[front]):
            # XLA may fuse differently where a composed op is one program, so the last bits may differ.
            if a.dtype.kind in "fc":
                np.testing.assert_allclose(a, b, 1e-6, 1e-6, err_msg=f"eager and {front} disagree")


def check_shapes(c):
    values, shapes = _in_graph(c.call, c.inputs)
    for value, shape in zip(values, shapes):
        assert shape.is_compatible_with(np.shape(value)), f"static shape {shape}, value {np.shape(value)}"
        assert shape.rank is not None, "rank unknown although all shapes are known"
    if not c.batch:
        return
    known = [x.shape if i not in c.batch else (None, *x.shape[1:]) for i, x in enumerate(c.inputs)]
    values, shapes = _in_graph(c.call, c.inputs, known)
    c.check([np.asarray(v) for v in values], "unknown batch")
    for value, shape in zip(values, shapes):
        assert shape.is_compatible_with(np.shape(value)), f"unknown batch: static shape {shape}, value {np.shape(value)}"
        assert shape.rank == np.ndim(value), "unknown batch: the rank is lost"


# -- gradients --------------------------------------------------------------------------------------------------------
def _wide(x):
    return x.astype(np.float64) if x.dtype.kind == "f" else x.astype(np.complex128) if x.dtype.kind == "c" else x


def _slope(f, arrays, positions, directions, step=1e-6):
    """The derivative of the number f(*arrays) along `directions` of the inputs at `positions`."""
    moved = []
    for sign in (1, -1):
        there = list(arrays)
        for p, d in zip(positions, directions):
            there[p] = there[p] + sign * step * d
        moved.append(f(*there))
    return (moved[0] - moved[1]) / (2 * step)


def check_gradients(c):
    arrays = [_wide(x) for x in c.inputs]
    draw = np.random.default_rng(11)
    shapes = [np.shape(v) for v in run(c.call, arrays, "eager")]
    weights = [draw.uniform(0.5, 1.5, s) for s in shapes]
    directions = [draw.uniform(-1, 1, arrays[p].shape) for p in c.grads]
    more = [draw.uniform(-1, 1, arrays[p].shape) for p in c.grads]

    def projected(*tensors):
        parts = [tf.reduce_sum(y * w) for y, w in zip(c.call(*tensors), weights) if y.dtype.is_floating]
        return tf.add_n(parts)

    def number(*there):
        values = c.reference(*there) if callable(c.reference) else None
        values = None if values is None else [np.asarray(v) for v in _flat(values)]
        if values is None or any(v.dtype == np.float32 for v in values):  # it has no float64 form
            values = run(c.call, there, "eager")
        return sum(float(np.sum(v * w)) for v, w in zip(values, weights) if v.dtype.kind == "f")

    def along(grads):
        return tf.add_n([tf.reduce_sum(tf.convert_to_tensor(g) * d) for g, d in zip(grads, directions)])

    def taped(*tensors):
        with tf.GradientTape() as tape:
            tape.watch([tensors[p] for p in c.grads])
            y = projected(*tensors)
        grads = tape.gradient(y, [tensors[p] for p in c.grads])
        assert all(g is not None for g in grads), f"no gradient by input {[p for p, g in zip(c.grads, grads) if g is None]}"
        return grads

    def symbolic(*tensors):
        grads = tf.compat.v1.gradients(projected(*tensors), [tensors[p] for p in c.grads])
        assert all(g is not None for g in grads), "tf.gradients: no gradient"
        return grads

    slope = _slope(number, arrays, c.grads, directions)
    for front in FRONTS:
        grads = run(symbolic if front == "graph" else taped, arrays, front)
        for g, p in zip(grads, c.grads):
            assert g.shape == arrays[p].shape and g.dtype == arrays[p].dtype, f"{front}: gradient {g.dtype}{g.shape}"
        got = sum(float(np.sum(g * d)) for g, d in zip(grads, directions))
        np.testing.assert_allclose(got, slope, 1e-5, 1e-7, err_msg=f"{front}: gradient against differences")
    if c.order < 2:
        return

    def twice(*tensors):
        with tf.GradientTape() as tape:
            tape.watch([tensors[p] for p in c.grads])
            y = along(taped(*tensors))
        grads = tape.gradient(y, [tensors[p] for p in c.grads], unconnected_gradients="zero")
        return grads

    def first(*there):
        return float(run(lambda *t: along(taped(*t)), there, "eager")[0])

    curve = _slope(first, arrays, c.grads, more)
    for front in ("eager", "op_by_op", "function"):
        got = sum(float(np.sum(g * d)) for g, d in zip(run(twice, arrays, front), more))
        np.testing.assert_allclose(got, curve, 1e-4, 1e-6, err_msg=f"{front}: second derivative")


def suite(cases):
    """(test_values, test_shapes, test_gradients) over these rows, for pytest to find."""
    names = [c.id for c in cases]
    ids = [n if names.count(n) == 1 else f"{n}-{names[:i].count(n)}" for i, n in enumerate(names)]
    rows = pytest.mark.parametrize("c", cases, ids=ids)
    with_grads = [i for i, c in enumerate(cases) if c.grads]

    @rows
    def test_values(c):
        check_values(c)

    @rows
    def test_shapes(c):
        check_shapes(c)

    @pytest.mark.parametrize("c", [cases[i] for i in with_grads], ids=[ids[i] for i in with_grads])
    def test_gradients(c):
        check_gradients(c)

    return test_values, test_shapes, test_gradients
