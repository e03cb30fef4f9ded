"""One side of one workload in a process of its own: builds it, then runs and times as many steps as it is asked to.

    [python | python -m tfcompat --api v1|v2] worker.py MODULE [--tensorflow v1|v2]

Reads a number of steps a line on standard input; answers a line of JSON: seconds and the numbers that came out.
`--tensorflow v1` lets a TF1 script meet an installed TensorFlow 2 under the name `tensorflow`.
"""

import importlib
import json
import os
import sys
import time

import numpy as np


def tensorflow_one():
    """Makes `import tensorflow` mean the installed TensorFlow's own version 1 interface."""
    import tensorflow

    tensorflow.compat.v1.disable_v2_behavior()
    sys.modules["tensorflow"] = tensorflow.compat.v1


def main():
    module, *options = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    sys.stdout = open(os.devnull, "w")  # what a workload prints is part of its work, not of the protocol
    if options == ["--tensorflow", "v1"]:
        tensorflow_one()
    run = importlib.import_module(module).build()
    for line in sys.stdin:
        start = time.perf_counter()
        numbers = run(int(line))
        seconds = time.perf_counter() - start
        seconds = numbers.pop("seconds", seconds)  # a workload may know better which part of it counts
        numbers = {name: np.asarray(value, np.float64).tolist() for name, value in numbers.items()}
        print(json.dumps({"seconds": seconds, "numbers": numbers}), file=answers, flush=True)


if __name__ == "__main__":
    main()
