"""The numbers every side of a workload starts from, made by NumPy alone."""

import numpy as np


def mlp_weights():
    """[W1 [784, 256], b1 [256], W2 [256, 10], b2 [10]], float32."""
    random = np.random.default_rng(0)
    return [
        (random.standard_normal([784, 256]) / 28).astype(np.float32),
        np.zeros([256], np.float32),
        (random.standard_normal([256, 10]) / 16).astype(np.float32),
        np.zeros([10], np.float32),
    ]


def mlp_batches():
    """50 batches of 128: pixels [128, 784] float32 in 0..1, class numbers [128] int32, the same one-hot [128, 10].

    Class numbers are drawn at random, so that the loss stays well above zero while a benchmark lasts: subnormal
    gradients would be timed otherwise.
    """
    random = np.random.default_rng(1)
    batches = []
    for _ in range(50):
        labels = random.integers(0, 10, 128, dtype=np.int32)
        batches.append((random.random([128, 784], np.float32), labels, np.eye(10, dtype=np.float32)[labels]))
    return batches


def many_small():
    """200 weights and their gradients [4, 4], float32."""
    random = np.random.default_rng(2)
    return [list(random.standard_normal([200, 4, 4]).astype(np.float32)) for _ in range(2)]
