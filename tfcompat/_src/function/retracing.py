"""The warning about functions that are traced again and again."""

from __future__ import annotations

import weakref

HISTORY = 10  # calls looked back at
THRESHOLD = 5  # tracings among them that are too many
WARNINGS = 2  # given at most, for each function


class Detector:
    """Counts the calls of one piece of Python code, and which of them traced it."""

    __slots__ = ("calls", "earlier", "warned", "__weakref__")

    def __init__(self):
        self.calls = 0  # since the last tracing, that one included
        self.earlier: list = []  # the same for tracings before
        self.warned = 0

    def traced(self, function, quiet):
        """A call traced the function: warns where that happened too often of late."""
        if self.calls:
            self.earlier.append(self.calls)
        self.calls = 1
        while self.earlier and sum(self.earlier) + 1 - self.earlier[0] > HISTORY:
            del self.earlier[0]
        tracings = len(self.earlier) + 1
        if quiet or self.warned >= WARNINGS or tracings < THRESHOLD:
            return
        self.warned += 1
        from ..platform.log import get_logger

        get_logger().warning(
            f"{tracings} out of the last {sum(self.earlier) + 1} calls to {function} triggered tf.function retracing. Tracing is "
            "expensive and the excessive number of tracings could be due to (1) creating @tf.function repeatedly in a loop, (2) "
            "passing tensors with different shapes, (3) passing Python objects instead of tensors. For (1), please define your "
            "@tf.function outside of the loop. For (2), @tf.function has reduce_retracing=True option that can avoid unnecessary "
            "retracing. For (3), please refer to https://www.tensorflow.org/guide/function#controlling_retracing and "
            "https://www.tensorflow.org/api_docs/python/tf/function for  more details."
        )


_detectors: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def detector_of(function):
    """The Detector of a function's code: functions made anew of the same code share it."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None:
        return Detector()
    found = _detectors.get(code)
    if found is None:
        found = _detectors[code] = Detector()
    return found
