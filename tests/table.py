"""Tables of ops: one row per op, checked on every front against NumPy.

    from table import case, f32, i32, suite

    test_values, test_shapes, test_gradients = suite([
        case("maximum", [f32(3, 4), f32(4)], np.maximum, grads="01"),
        case("reduce_mean", [f32(2, 3)], lambda x: x.mean(1), grads="0", axis=1),
        case(lambda x: x[1:], [f32(5)], lambda x: x[1:], grads="0", id="slice"),
    ])

case(op, inputs, reference, ...)
    op         a TF2 name without "tf.", "v1:name" for one of TF1 (`tf.compat.v1.name`), or a callable of tensors
    inputs     NumPy arrays, passed by position; f32(2, 3, low=.1) and friends draw some, the same on every run
    reference  a function of the same arrays, or the expected value(s) (a golden); several outputs: a tuple or list
    grads      positions of the inputs to differentiate by, "01"; checked in float64 against central differences of
               `reference` where it is a function (else of the op itself), along a random direction, for a random
               projection of the outputs
    order=2    the second derivative is checked, too
    dtype      expected dtype (of the first output), where it is not the reference's
    rtol, atol tolerances of the values; say why where they are loose
    batch      positions of inputs whose first dimension is unknown in test_shapes (default: the first input, and
               those of the same first dimension; "" for none)
    id         name of the row where `op` is a callable or occurs often
    anything else is passed to the op by keyword

test_values     eager, eager op_by_op, graph + Session, tf.function; values and dtypes, and all fronts agree
test_shapes     the static shape in a graph is the shape of the value; with unknown first dimensions compatible with it
test_gradients  tape (a third of the rows op_by_op, too), tf.gradients, a tape inside tf.function

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

    def __init__(
        self,
        op,
        inputs,
        reference,
        grads="",
        order=1,
        dtype=None,
        rtol=None,
        atol=None,
        batch=None,
        id=None,
        **settings,
    ):
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
        return [
            np.asarray(v) for v in _flat(self.reference(*self.inputs) if callable(self.reference) else self.reference)
        ]

    def check(self, values, front):
        expected = self.expected()
        assert len(values) == len(expected), f"{front}: {len(values)} outputs, expected {len(expected)}"
        for i, (got, want) in enumerate(zip(values, expected)):
            dtype = np.dtype(self.dtype) if self.dtype and not i else want.dtype
            if dtype.kind != "O" and got.dtype.kind != "O":
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
# Compiling is what tests spend their time on, so graphs and functions run all their jobs as one program.  A job is
# (function of
# tensors, arrays); its result is the flat list of output arrays, or the exception it raised.


def run(jobs, front, shapes=None):
    """The results of `jobs` through one of FRONTS; graph jobs may say their placeholders' shapes, and also give static
    shapes.
    """
    try:
        return RUN[front](jobs, shapes)
    except Exception:
        if len(jobs) == 1:
            raise
    return [_alone(job, front, shapes and [shapes[i]]) for i, job in enumerate(jobs)]


def _alone(job, front, shapes):
    try:
        return RUN[front]([job], shapes)[0]
    except Exception as e:
        return e


def _attempt(f, tensors):
    try:
        return _flat(f(*tensors))
    except Exception as e:
        return e


def _arrays(values):
    return [np.asarray(v, object) if isinstance(v, bytes) else np.asarray(v) for v in values]


def _eager(jobs, shapes=None):
    # Recorded; the first numpy() runs them all.
    tensors = [_attempt(f, [tf.constant(a) for a in arrays]) for f, arrays in jobs]
    return [t if isinstance(t, Exception) else _arrays([x.numpy() for x in t]) for t in tensors]


def _each(jobs, shapes=None):
    """Eager, a program for each job: single ops are then compiled for `op_by_op`, too."""
    return [_eager([job])[0] for job in jobs]


def _op_by_op(jobs, shapes=None):
    before, dispatch.op_by_op = dispatch.op_by_op, True
    try:
        return _eager(jobs)
    finally:
        dispatch.op_by_op = before


def _graph(jobs, shapes=None):
    v1 = tf.compat.v1
    feeds, outputs = {}, []
    with tf.Graph().as_default() as graph:
        for i, (f, arrays) in enumerate(jobs):
            known = shapes[i] if shapes else [a.shape for a in arrays]
            inputs = [v1.placeholder(tf.as_dtype(a.dtype), s) for a, s in zip(arrays, known)]
            feeds.update({t.name: a for t, a in zip(inputs, arrays)})
            outputs.append(_attempt(f, inputs))
        COVERED.update(o.type for o in graph.get_operations())
        good = [t for t in outputs if not isinstance(t, Exception)]
        with v1.Session() as session:
            values = iter(session.run(good, feeds))
    results = [t if isinstance(t, Exception) else _arrays(next(values)) for t in outputs]
    if shapes is None:
        return results
    static = [None if isinstance(t, Exception) else [x.shape for x in t] for t in outputs]
    return list(zip(results, static))


def _function(jobs, shapes=None):
    failed = {}

    @tf.function
    def everything(*inputs):
        outputs = []
        for i, (f, _) in enumerate(jobs):
            out = _attempt(f, inputs[i])
            if isinstance(out, Exception):
                failed[i], out = out, []
            outputs.append(out)
        return outputs

    outputs = everything(*[[tf.constant(a) for a in arrays] for _, arrays in jobs])
    return [failed.get(i) or _arrays([x.numpy() for x in out]) for i, out in enumerate(outputs)]


RUN = {"eager": _eager, "each": _each, "op_by_op": _op_by_op, "graph": _graph, "function": _function}


# -- gradients --------------------------------------------------------------------------------------------------------
def _wide(x):
    return x.astype(np.float64) if x.dtype.kind == "f" else x.astype(np.complex128) if x.dtype.kind == "c" else x


class Gradient:
    """What the gradient tests of one row compute: all in float64, from `weights` on the outputs and `directions` of the
    inputs.
    """

    step = 1e-6

    def __init__(self, c):
        self.case, self.arrays = c, [_wide(x) for x in c.inputs]
        draw = np.random.default_rng(11)
        self.weights = [np.random.default_rng(13).uniform(0.5, 1.5, v.shape) for v in c.expected()]
        self.directions = [draw.uniform(-1, 1, self.arrays[p].shape) for p in c.grads]
        self.more = [draw.uniform(-1, 1, self.arrays[p].shape) for p in c.grads]

    def projected(self, *tensors):
        """The outputs as one number."""
        outputs = zip(self.case.call(*tensors), self.weights)
        return tf.add_n([tf.reduce_sum(y * w) for y, w in outputs if y.dtype.is_floating])

    def taped(self, *tensors):
        sources = [tensors[p] for p in self.case.grads]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            y = self.projected(*tensors)
        return self.connected(tape.gradient(y, sources))

    def symbolic(self, *tensors):
        return self.connected(tf.compat.v1.gradients(self.projected(*tensors), [tensors[p] for p in self.case.grads]))

    def connected(self, grads):
        lost = [p for p, g in zip(self.case.grads, grads) if g is None]
        assert not lost, f"no gradient by inputs {lost}"
        return grads

    def slope_of_taped(self, *tensors):
        return tf.add_n(
            [tf.reduce_sum(tf.convert_to_tensor(g) * d) for g, d in zip(self.taped(*tensors), self.directions)]
        )

    def twice(self, *tensors):
        sources = [tensors[p] for p in self.case.grads]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            y = self.slope_of_taped(*tensors)
        return tape.gradient(y, sources, unconnected_gradients="zero")

    def moved(self, directions):
        """The inputs a step ahead and a step back."""
        for sign in (1, -1):
            there = list(self.arrays)
            for p, d in zip(self.case.grads, directions):
                there[p] = there[p] + sign * self.step * d
            yield there

    def number(self, there):
        """The projected reference at these inputs; None where it is no function, or one without a float64 form."""
        if not callable(self.case.reference):
            return None
        values = [np.asarray(v) for v in _flat(self.case.reference(*there))]
        if any(v.dtype == np.float32 for v in values):
            return None
        return sum(float(np.sum(v * w)) for v, w in zip(values, self.weights) if v.dtype.kind == "f")


# -- the tests --------------------------------------------------------------------------------------------------------
class Results:
    """What the tests of a suite compare: each kind of run is done once, when first asked for, for all rows together."""

    def __init__(self, cases):
        self.cases, self.found = cases, {}
        self.gradients = [Gradient(c) for c in cases if c.grads]

    def get(self, kind, front, c):
        key = kind, front
        if key not in self.found:
            rows, jobs, shapes = getattr(self, "_" + kind)(front)
            self.found[key] = dict(zip(rows, run(jobs, "each" if key == ("values", "eager") else front, shapes)))
        result = self.found[key].get(c)
        if isinstance(result, Exception):
            raise result
        return result

    def _values(self, front):
        known = [[x.shape for x in c.inputs] for c in self.cases] if front == "graph" else None
        return self.cases, [(c.call, c.inputs) for c in self.cases], known

    def _batches(self, front):
        rows = [c for c in self.cases if c.batch]
        known = [[x.shape if i not in c.batch else (None, *x.shape[1:]) for i, x in enumerate(c.inputs)] for c in rows]
        return rows, [(c.call, c.inputs) for c in rows], known

    def _first(self, front):
        by = "symbolic" if front == "graph" else "taped"
        # Op by op compiles most, and tells least that is new.
        rows = self.gradients[::3] if front == "op_by_op" else self.gradients
        return [g.case for g in rows], [(getattr(g, by), g.arrays) for g in rows], None

    def _second(self, front):
        rows = [g for g in self.gradients if g.case.order > 1]
        return [g.case for g in rows], [(g.twice, g.arrays) for g in rows], None

    def slope(self, c, kind):
        """The central difference along the row's directions: of the projected outputs, or of their slope."""
        gradient = next(g for g in self.gradients if g.case is c)
        if kind == "difference":
            numbers = [gradient.number(x) for x in gradient.moved(gradient.directions)]
            if None not in numbers:
                return (numbers[0] - numbers[1]) / (2 * gradient.step)
        if kind not in self.found:  # of the op itself
            rows = [g for g in self.gradients if (g.case.order > 1 if kind == "second" else g.number(g.arrays) is None)]
            f, along = ("slope_of_taped", "more") if kind == "second" else ("projected", "directions")
            there = [list(g.moved(getattr(g, along))) for g in rows]
            ahead, back = (run([(getattr(g, f), x[i]) for g, x in zip(rows, there)], "eager") for i in (0, 1))
            self.found[kind] = {g.case: (a, b) for g, a, b in zip(rows, ahead, back)}
        for x in self.found[kind][c]:
            if isinstance(x, Exception):
                raise x
        ahead, back = self.found[kind][c]
        return float(ahead[0] - back[0]) / (2 * gradient.step)


def suite(cases):
    """(test_values, test_shapes, test_gradients) over these rows, for pytest to find."""
    results = Results(cases)
    names = [c.id for c in cases]
    ids = [n if names.count(n) == 1 else f"{n}-{names[:i].count(n)}" for i, n in enumerate(names)]
    with_grads = [i for i, c in enumerate(cases) if c.grads]

    @pytest.mark.parametrize("c", cases, ids=ids)
    def test_values(c):
        found = {front: results.get("values", front, c) for front in FRONTS}
        found["graph"], _ = found["graph"]
        for front, values in found.items():
            c.check(values, front)
        for front in FRONTS[1:]:
            for a, b in zip(found["eager"], found[front]):
                # XLA fuses differently in different programs, so the last bits may differ.
                if a.dtype.kind in "fc":
                    np.testing.assert_allclose(a, b, 1e-6, 1e-6, err_msg=f"eager and {front} disagree")

    @pytest.mark.parametrize("c", cases, ids=ids)
    def test_shapes(c):
        values, shapes = results.get("values", "graph", c)
        for value, shape in zip(values, shapes):
            assert shape.is_compatible_with(value.shape), f"static shape {shape}, value {value.shape}"
            assert shape.rank is not None, "rank unknown although all shapes are known"
        if c.batch:
            values, shapes = results.get("batches", "graph", c)
            c.check(values, "unknown batch")
            for value, shape in zip(values, shapes):
                assert shape.is_compatible_with(value.shape), (
                    f"unknown batch: static shape {shape}, value {value.shape}"
                )
                assert shape.rank == value.ndim, "unknown batch: the rank is lost"

    @pytest.mark.parametrize("c", [cases[i] for i in with_grads], ids=[ids[i] for i in with_grads])
    def test_gradients(c):
        gradient = next(g for g in results.gradients if g.case is c)
        slope = results.slope(c, "difference")
        for front in FRONTS:
            grads = results.get("first", front, c)
            if grads is None:
                continue
            for g, p in zip(grads, c.grads):
                want = gradient.arrays[p]
                assert (g.shape, g.dtype) == (want.shape, want.dtype), f"{front}: gradient {g.dtype}{g.shape}"
            got = sum(float(np.sum(g * d)) for g, d in zip(grads, gradient.directions))
            np.testing.assert_allclose(got, slope, 1e-5, 1e-7, err_msg=f"{front}: gradient against differences")
        if c.order > 1:
            curve = results.slope(c, "second")
            for front in ("eager", "function"):
                got = sum(float(np.sum(g * d)) for g, d in zip(results.get("second", front, c), gradient.more))
                np.testing.assert_allclose(got, curve, 1e-4, 1e-6, err_msg=f"{front}: second derivative")

    return test_values, test_shapes, test_gradients
