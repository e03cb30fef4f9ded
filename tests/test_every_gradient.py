"""Every op with a gradient, against central differences: in float64, along a random direction, on the three fronts.

The ops are the rows of the table in oracle/ (one row an op) whose `slope` is not turned off.  A front differentiates dozens of them in one
program: compiling is what this test would spend its time on.
"""

import pathlib
import sys

import numpy as np
import pytest
from table import run

import tfcompat as tf

sys.path.insert(0, str(pathlib.Path(__file__).parent / "oracle"))
import goldens  # noqa: E402
from everything import ROWS  # noqa: E402

TOGETHER = 30  # calls in a program
FORMS = 2  # calls of a row
WIDE = {"float32": "float64", "complex64": "complex128"}
FRONTS = {"eager": "taped", "function": "taped", "graph": "symbolic"}


class Slope:
    """One call in float64: its outputs as one number, that number's slope along a direction, and the gradient that must agree."""

    def __init__(self, call):
        self.call = call
        self.wide = call.row.slope != "float32"  # a row may say that its function is written for float32
        self.step, self.rtol = (1e-6, 1e-5) if self.wide else (1e-2, 2e-2)
        self.arrays = [a.astype(WIDE.get(d, d)) if self.wide and d in WIDE else a for a, d in call.leaves]
        self.sources = [p for p in call.sources if self.arrays[p].dtype.kind == "f"]
        rng = np.random.default_rng(3)
        self.directions = [rng.uniform(-1, 1, self.arrays[p].shape).astype(self.arrays[p].dtype) for p in self.sources]

    def projected(self, *tensors):
        """The floating outputs, weighted and summed."""
        out = tf.nest.flatten(self.call.apply(tf, list(tensors)))
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
        sources = [tensors[p] for p in self.sources]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            y = self.projected(*tensors)
        return self.slope_of(tape.gradient(y, sources))

    def symbolic(self, *tensors):
        return self.slope_of(tf.compat.v1.gradients(self.projected(*tensors), [tensors[p] for p in self.sources]))

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


@pytest.mark.parametrize("start", range(0, len(CALLS), TOGETHER))
def test_gradients_are_slopes(start):
    slopes = [s for s in map(Slope, CALLS[start : start + TOGETHER]) if s.sources]
    ahead, back = (run([(s.projected, s.moved(sign)) for s in slopes], "eager") for sign in (1, -1))
    found = {front: run([(getattr(s, how), s.arrays) for s in slopes], front) for front, how in FRONTS.items()}
    wrong = []
    for n, s in enumerate(slopes):
        if isinstance(ahead[n], Exception) or isinstance(back[n], Exception):
            wrong.append(f"{s.call.line()}: {ahead[n]!r}"[:600])
            continue
        want = float(ahead[n][0] - back[n][0]) / (2 * s.step)
        for front, answers in found.items():
            got = answers[n]
            if isinstance(got, Exception) or not np.isclose(
                float(got[0]), want, s.rtol, s.rtol * max(1e-3, abs(float(ahead[n][0])))
            ):
                wrong.append(
                    f"{s.call.line()}\n    {front}: {got if isinstance(got, Exception) else float(got[0])}, differences: {want}"
                )
    assert not wrong, f"{len(wrong)} of {len(slopes)} calls:\n" + "\n".join(wrong)
