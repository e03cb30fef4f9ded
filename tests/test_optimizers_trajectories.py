"""Every optimizer, eagerly, against 20 recorded steps of real TensorFlow: float32 and float64, dense and sparse."""

import gzip
import json
import os
import sys

import numpy as np
import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "goldens"))

import optimizer_cases as table  # noqa: E402

import tfcompat as tf  # noqa: E402

v1 = tf.compat.v1

with gzip.open(os.path.join(HERE, "goldens", "optimizers.json.gz")) as _f:
    GOLDEN = json.load(_f)["cases"]

CASES = [(f"{c[0]}-{d}", *c[1:], d) for c in table.cases() for d in table.dtypes(*c[2:4])]
RELATIVE = {"float32": 1e-6, "float64": 1e-12}
# Where steps have cancelled to something small, two units in the last place of the array's largest element; float64 needs none.
OF_THE_LARGEST = {"float32": 2 * 2.0**-23, "float64": 0}
# TensorFlow's vectorized float32 power is off by up to 1.3 units in the last place for a quarter of all numbers (its
# scalar one by less than half a unit), and Ftrl divides the difference of two powers by the learning rate.
LOOSE = {"v1-16-Ftrl-float32": 6, "keras3-32-Ftrl-float32": 6}


def optimizer(generation, name, arguments, step, dtype):
    arguments = table.arguments_for(name, arguments, dtype)
    if arguments["learning_rate"] == table.SCHEDULE:
        arguments["learning_rate"] = tf.keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9)
    if name == "AdagradDA":
        arguments["global_step"] = step
    if generation == "v1":
        return getattr(v1.train, name + "Optimizer")(**arguments)
    return getattr(tf.keras.optimizers.legacy if generation == "keras2" else tf.keras.optimizers, name)(**arguments)


def close(got, wanted, dtype, what):
    """Every element relative to itself, float32 also to the largest."""
    got, wanted = np.asarray(got, np.float64).ravel(), np.asarray(wanted, np.float64)
    largest = np.abs(wanted).max(initial=0)
    allowed = np.maximum(RELATIVE[dtype] * np.abs(wanted), OF_THE_LARGEST[dtype] * largest)
    worst = np.abs(got - wanted) - allowed * LOOSE.get(what.partition(":")[0], 1)
    i = worst.argmax() if wanted.size else 0
    assert not np.any(worst > 0), f"{what}: {got[i]} for {wanted[i]}, the largest {largest}"


def slots_of(opt, generation, live):
    if generation == "keras3":
        return [v for v in opt.variables if v.name not in ("iteration", "learning_rate")]
    return [opt.get_slot(v, s) for v in live for s in opt.get_slot_names()]


class Run:
    """One case under way: its variables, optimizer and step counter."""

    def __init__(self, case, make_variable, step):
        self.identifier, self.generation, name, arguments, sparse, self.dtype = case
        names = ("matrix", "vector", "rows")
        variables = [make_variable(v, name=n) for v, n in zip(table.initial(self.dtype), names)]
        self.live = variables if sparse else variables[:2]
        self.step = step
        self.optimizer = optimizer(self.generation, name, arguments, step, self.dtype)

    def apply(self, m, v, rows, indices, **kwargs):
        grads = [m, v, tf.IndexedSlices(rows, indices, tf.constant([6, 2]))]
        return self.optimizer.apply_gradients(list(zip(grads, self.live)), **kwargs)

    def check_values(self, i, value_of):
        for v, wanted in zip(self.live, GOLDEN[self.identifier]["values"][str(i)]):
            close(value_of(v), wanted, self.dtype, f"{self.identifier}: {v.name} after {i} steps")

    def check_slots(self, value_of):
        found, wanted = slots_of(self.optimizer, self.generation, self.live), GOLDEN[self.identifier]["slots"]
        assert len(found) == len(wanted)
        for v, (label, value) in zip(found, wanted):
            close(value_of(v), value, self.dtype, f"{self.identifier}: slot {label} ({v.name})")


def of(generation, dtype):
    return [c for c in CASES if c[1] == generation and c[-1] == dtype]


@pytest.mark.parametrize("case", CASES, ids=[c[0] for c in CASES])
def test_eager(case):
    run = Run(case, tf.Variable, tf.Variable(0, dtype=tf.int64))
    for i, arrays in enumerate(table.gradients(run.dtype), 1):
        run.apply(*[tf.constant(a) for a in arrays])
        run.step.assign_add(1)
        if i in table.KEPT:
            run.check_values(i, lambda v: v.numpy())
    run.check_slots(lambda v: v.numpy())
