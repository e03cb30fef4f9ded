"""The recorded trajectories of test_optimizers_trajectories.py once more, through tf.function and through sessions."""

import pytest
import test_optimizers_trajectories as trajectories

import tfcompat as tf

v1, Run, of, table = tf.compat.v1, trajectories.Run, trajectories.of, trajectories.table
GROUPS = [(g, d) for g in ("v1", "keras2", "keras3") for d in ("float32", "float64")]


@pytest.mark.parametrize("generation, dtype", GROUPS)
def test_function(generation, dtype):
    """All optimizers of a generation in one tf.function."""
    step = tf.Variable(0, dtype=tf.int64)
    runs = [Run(c, tf.Variable, step) for c in of(generation, dtype)]

    @tf.function
    def one(*arrays):
        for run in runs:
            run.apply(*arrays)
        step.assign_add(1)

    for i, arrays in enumerate(table.gradients(dtype), 1):
        one(*[tf.constant(a) for a in arrays])
        if i in table.KEPT:
            for run in runs:
                run.check_values(i, lambda v: v.numpy())
    for run in runs:
        run.check_slots(lambda v: v.numpy())


@pytest.mark.parametrize("generation, dtype", [g for g in GROUPS if g[0] != "keras3"])
def test_session(generation, dtype):
    """All optimizers of a generation in one session; each TF1 optimizer has a graph-wide step to itself."""
    with tf.Graph().as_default():
        shapes = ([4, 3], [3], [4, 2])
        feeds = [v1.placeholder(dtype, s) for s in shapes] + [v1.placeholder(tf.int64, [4])]
        runs, trains = [], []
        for case in of(generation, dtype):
            run = Run(case, v1.Variable, v1.Variable(0, dtype=tf.int64, trainable=False))
            runs.append(run)
            trains.append(run.apply(*feeds, **({"global_step": run.step} if generation == "v1" else {})))
        with v1.Session() as sess:
            sess.run(v1.global_variables_initializer())
            for i, arrays in enumerate(table.gradients(dtype), 1):
                sess.run(trains, dict(zip(feeds, arrays)))
                if i in table.KEPT:
                    for run in runs:
                        run.check_values(i, sess.run)
            for run in runs:
                run.check_slots(sess.run)
