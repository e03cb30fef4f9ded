"""Every op with a gradient, against central differences in float64 along a random direction.

The ops are the rows of the table in oracle/ (one row an op) whose `slope` is not turned off: all of them eagerly, a third in a tf.function,
a third in a graph.  A front differentiates dozens of them in one program, for compiling is what this test spends its time on; fronts take
turns for the same reason, and test_ops_*.py compares them.
"""

import pathlib
import sys

import numpy as np
import pytest
from table import run

import tfcompat as tf

sys.path.insert(0, str(pathlib.Path(__file__).parent / "oracle"))
import goldens
from everything import ROWS

TOGETHER = 30  # calls in a program
FORMS = 1  # calls of a row
WIDE = {"float32": "float64", "complex64": "complex128"}
TURNS = {"function": "taped", "graph": "symbolic"}  # a third of the calls each


class Slope:
    """One call in float64: its outputs as one number, that number's slope along a direction, and the gradient that must agree."""

    def __init__(self, call):
        self.call = call
        self.wide = call.row.slope != "float32"
        self.step, self.rtol = (1e-6, 1e-5) if self.wide else (1e-2, 2e-2)
        self.arrays = [a.astype(WIDE.get(d, d)) if self.wide and d in WIDE else a for a, d in call.leaves]
        self.sources = [p for p in call.sources if self.arrays[p].dtype.kind == "f"]
        rng = np.random.default_rng(3)
        self.directions = [rng.uniform(-1, 1, self.arrays[p].shape).astype(self.arrays[p].dtype) for p in self.sources]

    def projected(self, *tensors):
        """The floating outputs, weighted and summed."""
        out = tf.nest.flatten(self.call.apply(tf, list(tensors)), expand_composites=True)
        parts = [
            y
            for y in out
            if isinstance(y, (tf.Tensor, tf.IndexedSlices)) and (y.dtype.is_floating or y.dtype.is_complex)
        ]
        parts = [
            tf.math.real(y) + 0.5 * tf.math.imag(y) if y.dtype.is_complex else y
            for y in map(tf.convert_to_tensor, parts)
        ]
        return tf.add_n([tf.reduce_sum(tf.cast(y, parts[0].dtype) * self._weights(y, parts[0].dtype)) for y in parts])

    def _weights(self, y, dtype):
        n = tf.size(y)
        return tf.reshape(1.2 + tf.cos(tf.cast(tf.range(n), dtype)), tf.shape(y))

    def slope_of(self, grads):
        return tf.add_n(
            [tf.reduce_sum(tf.convert_to_tensor(g) * d) for g, d in zip(grads, self.directions) if g is not None]
        )

    def taped(self, *tensors):
        """The number and its slope by the gradient."""
        sources = [tensors[p] for p in self.sources]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            y = self.projected(*tensors)
        return y, self.slope_of(tape.gradient(y, sources))

    def symbolic(self, *tensors):
        y = self.projected(*tensors)
        return y, self.slope_of(tf.compat.v1.gradients(y, [tensors[p] for p in self.sources]))

    def moved(self, sign):
        there = list(self.arrays)
        for p, d in zip(self.sources, self.directions):
            there[p] = there[p] + sign * self.step * d
        return there


def candidates():
    """The calls to check: of every row with a slope, the first few that TensorFlow differentiates, at inputs drawn at random."""
    _, _, golden = goldens.read()
    for row in ROWS.values():
        if not row.slope:
            continue
        smooth = [c for c in row.calls if c.full and c.sources and _differentiated(golden.get(c.id))]
        drawn = [c for c in smooth if not any("at(" in repr(a) and "'" not in repr(a) for a in c.form.args)]
        yield from (drawn or smooth)[:FORMS]


def _differentiated(answer):
    """Whether TensorFlow gave a gradient, and builds the call in a graph, too."""
    if (
        answer is None
        or not isinstance(answer["gradient"], list)
        or not isinstance(answer["static"].get("known", []), list)
    ):
        return False
    return any(g is not None and g[1].size for g in answer["gradient"])


CALLS = list(candidates())


def found(slopes):
    """{front: {call: [its number, the slope by its gradient], or the exception}}; "ahead" and "back" are eager, a step away."""
    there = {"ahead": 1, "back": -1}
    by_front = {name: run([(s.taped, s.moved(sign)) for s in slopes], "eager") for name, sign in there.items()}
    answers = {name: dict(zip(slopes, values)) for name, values in by_front.items()}
    for n, (front, how) in enumerate(TURNS.items()):
        turn = slopes[n::3]
        answers[front] = dict(zip(turn, run([(getattr(s, how), s.arrays) for s in turn], front) if turn else ()))
    return answers


def complaint(s, answers):
    """What is wrong with the slope, or None."""
    for front, values in answers.items():
        if isinstance(values.get(s), Exception):
            return f"{s.call.line()}: {front}: {values[s]!r}"[:600]
    ahead, back = (float(answers[name][s][0]) for name in ("ahead", "back"))
    want = (ahead - back) / (2 * s.step)
    slopes = {front: float(answers[front][s][1]) for front in answers if s in answers[front]}
    # The mean of the slopes on either side is as near to the one between as the differences are.
    slopes["eager"] = (slopes.pop("ahead") + slopes.pop("back")) / 2
    for front, got in slopes.items():
        if not np.isclose(got, want, s.rtol, s.rtol * max(1e-3, abs(ahead))):
            return f"{s.call.line()}\n    {front}: {got}, differences: {want}"
    return None


@pytest.mark.parametrize("start", range(0, len(CALLS), TOGETHER))
def test_gradients_are_slopes(start):
    slopes = [s for s in map(Slope, CALLS[start : start + TOGETHER]) if s.sources]
    answers = found(slopes)
    wrong = [text for text in (complaint(s, answers) for s in slopes) if text]
    assert not wrong, f"{len(wrong)} of {len(slopes)} calls:\n" + "\n".join(wrong)
