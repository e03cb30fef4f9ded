"""Records optimizers.json.gz with real TensorFlow (2.21), its Keras 3 and tf_keras for Keras 2:  python
make_optimizers.py
"""

import gzip
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import optimizer_cases as table
import tensorflow as tf
import tf_keras


def optimizer(generation, name, arguments, schedules, step, dtype):
    arguments = table.arguments_for(name, arguments, dtype)
    if arguments["learning_rate"] == table.SCHEDULE:
        arguments["learning_rate"] = schedules.ExponentialDecay(0.1, 5, 0.9)
    if name == "AdagradDA":
        arguments["global_step"] = step
    if generation == "v1":
        return getattr(tf.compat.v1.train, name + "Optimizer")(**arguments)
    if generation == "keras2":
        return getattr(tf_keras.optimizers.legacy, name)(**arguments)
    return getattr(tf.keras.optimizers, name)(**arguments)


def trajectory(generation, name, arguments, sparse, dtype):
    schedules = tf_keras.optimizers.schedules if generation == "keras2" else tf.keras.optimizers.schedules
    with tf.device("/CPU:0"):
        # Muon asks variables for the path that only Keras's have.
        make = tf.keras.Variable if name == "Muon" else tf.Variable
        variables = [make(v, dtype=dtype, name=n) for v, n in zip(table.initial(dtype), ("matrix", "vector", "rows"))]
        step = tf.Variable(0, dtype=tf.int64)
        opt = optimizer(generation, name, arguments, schedules, step, dtype)
        live = variables if sparse else variables[:2]
        kept = {}
        for i, (m, v, rows, indices) in enumerate(table.gradients(dtype), 1):
            grads = [
                tf.constant(m),
                tf.constant(v),
                tf.IndexedSlices(tf.constant(rows), tf.constant(indices), tf.constant([6, 2])),
            ]
            opt.apply_gradients(list(zip(grads, live)))
            step.assign_add(1)
            if i in table.KEPT:
                kept[str(i)] = [v.numpy().ravel().tolist() for v in live]
        if generation == "keras3":
            slots = [
                [f"{k}", v.numpy().ravel().tolist()]
                for k, v in enumerate(opt.variables)
                if v.name not in ("iteration", "learning_rate")
            ]
        else:
            slots = [
                [f"{i}/{s}", opt.get_slot(v, s).numpy().ravel().tolist()]
                for i, v in enumerate(live)
                for s in opt.get_slot_names()
            ]
    return {"values": kept, "slots": slots}


if __name__ == "__main__":
    out = {"tensorflow": tf.__version__, "keras": tf.keras.__version__, "tf_keras": tf_keras.__version__, "cases": {}}
    for identifier, *case in table.cases():
        for dtype in table.dtypes(*case[1:3]):
            out["cases"][f"{identifier}-{dtype}"] = trajectory(*case, dtype)
            print(identifier, dtype)
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), "optimizers.json.gz")
    with gzip.GzipFile(target, "wb", mtime=0) as f:
        f.write(json.dumps(out).encode())
