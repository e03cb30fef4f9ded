"""One eager op, recorded (a + b)"""

import time

import tensorflow as tf

API = "v2"
LIMIT_US = 8
STEPS = 20000


def build():
    one = tf.constant(1.0)

    def run(steps):
        """Chains of 100 additions; only their recording counts, not what computes them."""
        seconds = 0.0
        for _ in range(steps // 100):
            total = tf.constant(0.0)
            start = time.perf_counter()
            for _ in range(100):
                total = total + one
            seconds += time.perf_counter() - start
            value = total.numpy()
        return {"total": value, "seconds": seconds}

    return run
