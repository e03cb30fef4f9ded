"""TensorFlow's shuffle: a ring buffer and Philox words, so that a seed gives TensorFlow's order (docs/random.md)."""

from __future__ import annotations

import os

import numpy as np

from ..ops import philox

_BLOCKS = 256


class Words:
    """The 32-bit words of a pair of seeds' stream, one by one; fresh entropy for no seeds."""

    def __init__(self, pair):
        if pair == (None, None):
            self._state = np.frombuffer(os.urandom(24), np.uint64).copy()
        else:
            self._state = philox.make_state(*pair)
        self._first, self._held = 0, []

    def __call__(self):
        if not self._held:
            low, high = philox.host_blocks(self._state, self._first, _BLOCKS)
            self._first += _BLOCKS
            low, high = np.asarray(low, np.uint64), np.asarray(high, np.uint64)
            half, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
            words = np.stack([low >> half, low & mask, high >> half, high & mask], 1)  # word 0 in the upper half
            self._held = words.ravel().tolist()[::-1]
        return self._held.pop()


def shuffled(source, size, words):
    """Yields the elements of an iterator in TensorFlow's shuffled order, for a buffer of `size` elements."""
    buffer = [None] * size if size < 1 << 20 else {}
    start = end = 0
    more = True
    while True:
        while more and end - start < size:
            try:
                buffer[end % size] = next(source)
                end += 1
            except StopIteration:
                more = False
        if end == start:
            return
        j = (start + words() % (end - start)) % size
        out = buffer[j]
        buffer[j] = buffer[start % size]
        start += 1
        yield out
