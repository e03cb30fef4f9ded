"""The queues behind tf.queue: elements, and the calls that wait for room or for elements.

A call lines up as an `Attempt` behind the others of its side; whoever changes the queue tries the first of each side again until
nothing moves.  So calls are served in the order they came, and one that takes or gives many elements does so bit by bit, as
TensorFlow's do.
"""

from __future__ import annotations

import collections
import heapq
import itertools
import threading
import time

import numpy as np

from .. import errors

WAIT, MOVED, DONE = 0, 1, 2
_numbers = itertools.count()


class Attempt:
    """A waiting call: `step(attempt)` tries to go on and says WAIT, MOVED or DONE."""

    __slots__ = ("step", "done", "error", "result", "left")

    def __init__(self, step, left=1):
        self.step, self.left = step, left
        self.done, self.error, self.result = False, None, []


class QueueState:
    """A queue of tuples of arrays, first in first out.  shapes: a tuple per component (None for unknown), or None for any."""

    kind = "FIFOQueue"

    def __init__(self, name, dtypes, shapes, capacity):
        self.name = f"_{next(_numbers)}_{name}"
        self.dtypes, self.shapes, self.capacity = list(dtypes), shapes, capacity if capacity >= 0 else float("inf")
        self.closed = False
        self._held = self._empty()
        self._changed = threading.Condition()
        self._giving, self._taking = collections.deque(), collections.deque()

    # -- what kinds of queues do differently ---------------------------------------------------------------------------
    def _empty(self):
        return collections.deque()

    def _push(self, element):
        self._held.append(element)

    def _pop(self):
        return self._held.popleft()

    def _put_back(self, elements):
        self._held.extendleft(reversed(elements))

    def _available(self):
        return len(self._held)

    def _batch(self, elements):
        """One array per component of a list of elements."""
        return [np.stack([e[i] for e in elements]) for i in range(len(self.dtypes))]

    # -- checks --------------------------------------------------------------------------------------------------------
    def _fits(self, shape, array_shape):
        return tuple(shape) == tuple(array_shape)

    def _check(self, arrays, batch=None):
        """InvalidArgumentError where an element, or `batch` of them, does not fit the shapes; `arrays` copied otherwise."""
        for i, a in enumerate(arrays):
            if batch is not None and a.shape[0] != batch:
                raise errors.InvalidArgumentError(
                    None, None,
                    f"All input tensors must have the same size in the 0th dimension. Component {i} has {a.shape[0]}, and should have "
                    f"{batch}",
                )  # fmt: skip
            if self.shapes is None:
                continue
            wanted = self.shapes[i] if batch is None else (batch, *self.shapes[i])
            if not self._fits(wanted, a.shape):
                raise errors.InvalidArgumentError(
                    None,
                    None,
                    f"Shape mismatch in tuple component {i}. Expected {_shown(wanted)}, got {_shown(a.shape)}",
                )
        return [np.array(a) for a in arrays]  # a fed array is its owner's to change later

    # -- calls ---------------------------------------------------------------------------------------------------------
    def enqueue(self, arrays, timeout=None):
        """Adds an element; waits while the queue is full.  CancelledError once it is closed."""
        self._give([tuple(self._check(arrays))], timeout)

    def enqueue_many(self, arrays, timeout=None):
        """Adds the rows of the arrays."""
        arrays = self._check(arrays, arrays[0].shape[0])
        rows = [tuple([a[i, ...] for a in arrays]) for i in range(arrays[0].shape[0])]
        rows = [tuple([r if isinstance(r, np.ndarray) else _scalar(r) for r in row]) for row in rows]
        if rows:
            self._give(rows, timeout)

    def _give(self, elements, timeout):
        def step(attempt):
            if self.closed:
                attempt.error = errors.CancelledError(None, None, f"{self.kind} '{self.name}' is closed.")
                return DONE
            moved = WAIT
            while attempt.left and len(self._held) < self.capacity:
                self._push(elements[-attempt.left])
                attempt.left -= 1
                moved = MOVED
            return moved if attempt.left else DONE

        self._run(self._giving, Attempt(step, len(elements)), "Enqueue", timeout)

    def dequeue(self, timeout=None):
        """The next element; OutOfRangeError once the queue is closed and empty."""
        return list(self._take(1, False, timeout)[0])

    def dequeue_many(self, n, up_to=False, timeout=None):
        """`n` elements as one array per component; with `up_to` those that are left once the queue is closed."""
        if n < 0:
            what = "DequeueUpTo" if up_to else "DequeueMany"
            raise errors.InvalidArgumentError(None, None, f"{what}: requested {n} < 0 elements")
        if self.shapes is None:
            raise errors.InvalidArgumentError(
                None, None,
                f"{self.kind}'s DequeueMany and DequeueUpTo require the components to have specified shapes.",
            )  # fmt: skip
        if n == 0:
            return [
                np.zeros((0, *[d or 0 for d in s]), d.base_dtype.np)
                for s, d in zip(self.shapes, self.dtypes, strict=True)
            ]
        return self._batch(self._take(n, up_to, timeout))

    def _take(self, n, up_to, timeout):
        def step(attempt):
            if self.closed and len(self._held) < attempt.left:
                self._put_back(attempt.result)
                attempt.result, attempt.left = [], n
                if up_to and self._held:
                    attempt.left = len(self._held)
                elif up_to and self._giving:
                    return MOVED
                else:
                    attempt.error = errors.OutOfRangeError(
                        None, None,
                        f"{self.kind} '{self.name}' is closed and has insufficient elements (requested {n}, current size "
                        f"{len(self._held)})",
                    )  # fmt: skip
                    return DONE
            moved = WAIT
            while attempt.left and self._available() > 0:
                attempt.result.append(self._pop())
                attempt.left -= 1
                moved = MOVED
            return moved if attempt.left else DONE

        return self._run(self._taking, Attempt(step, n), "Dequeue", timeout)

    def close(self, cancel_pending=False):
        """No more elements come: at once, cancelling enqueues that wait, or after those."""
        if cancel_pending:
            with self._changed:
                self.closed = True
                self._cancel(self._giving, "Enqueue")
                self._flush()
            return

        def step(attempt):
            if self.closed:
                attempt.error = errors.CancelledError(None, None, f"Queue '{self.name}' is already closed.")
            self.closed = True
            return DONE

        self._run(self._giving, Attempt(step), "Close", None)

    def cancel(self):
        """Ends every call that waits with CancelledError: the session is closed."""
        with self._changed:
            for attempts, what in ((self._giving, "Enqueue"), (self._taking, "Dequeue")):
                self._cancel(attempts, what)

    def size(self):
        return len(self._held)

    # -- waiting -------------------------------------------------------------------------------------------------------
    def _run(self, attempts, attempt, what, timeout):
        deadline = None if not timeout else time.monotonic() + timeout
        with self._changed:
            attempts.append(attempt)
            self._flush()
            try:
                while not attempt.done:
                    left = None if deadline is None else deadline - time.monotonic()
                    if left is not None and left <= 0:
                        raise errors.DeadlineExceededError(None, None, "Timed out waiting for notification")
                    self._changed.wait(left)
            except BaseException:  # Control-C, too: nobody waits any more
                if attempts is self._taking:
                    self._put_back(attempt.result)
                attempts.remove(attempt)
                self._flush()
                raise
        if attempt.error is not None:
            raise attempt.error
        return attempt.result

    def _flush(self):
        while self._drain(self._giving) | self._drain(self._taking):
            pass

    def _drain(self, attempts):
        any_moved = False
        while attempts:
            state = attempts[0].step(attempts[0])
            if state == DONE:
                attempts.popleft().done = True
                self._changed.notify_all()
            any_moved = any_moved or state != WAIT
            if state != DONE:
                break
        return any_moved

    def _cancel(self, attempts, what):
        while attempts:
            attempt = attempts.popleft()
            if attempts is self._taking:
                self._put_back(attempt.result)
            attempt.error = errors.CancelledError(None, None, f"{what} operation was cancelled")
            attempt.done = True
        self._changed.notify_all()


class PaddingState(QueueState):
    """A queue whose elements may differ in size where the shape says so; batches are padded with zeros."""

    kind = "PaddingFIFOQueue"

    def _fits(self, shape, array_shape):
        return len(shape) == len(array_shape) and all(
            a is None or a == b for a, b in zip(shape, array_shape, strict=True)
        )

    def _batch(self, elements):
        return [self._padded([e[i] for e in elements]) for i in range(len(self.dtypes))]

    def _padded(self, arrays):
        shape = np.max([a.shape for a in arrays], axis=0).astype(int).tolist() if arrays[0].ndim else []
        out = np.zeros((len(arrays), *shape), arrays[0].dtype)
        if out.dtype == object:
            out[...] = b""
        for row, a in zip(out if out.ndim > 1 else range(len(arrays)), arrays, strict=True):
            if a.ndim:
                row[tuple([slice(n) for n in a.shape])] = a
            else:
                out[row] = a[()]
        return out


class RandomState(QueueState):
    """A queue that gives its elements in TensorFlow's random order for a seed, and keeps `least` until it is closed."""

    kind = "RandomShuffleQueue"

    def __init__(self, name, dtypes, shapes, capacity, least, words):
        super().__init__(name, dtypes, shapes, capacity)
        self._least, self._words = least, words

    def _empty(self):
        return []

    def _available(self):
        return len(self._held) - (0 if self.closed else self._least)

    def _pop(self):
        held = self._held
        i = self._words() % len(held)
        held[i], held[-1] = held[-1], held[i]
        return held.pop()

    def _put_back(self, elements):
        self._held.extend(elements)


class PriorityState(QueueState):
    """A queue that gives the element with the smallest first component first."""

    kind = "PriorityQueue"

    def __init__(self, *args):
        super().__init__(*args)
        self._order = itertools.count()

    def _empty(self):
        return []

    def _push(self, element):
        heapq.heappush(self._held, (int(element[0]), next(self._order), element))

    def _pop(self):
        return heapq.heappop(self._held)[2]

    def _put_back(self, elements):
        for e in elements:
            self._push(e)


def _scalar(value):
    """A 0-d array: an element of an object array comes out bare."""
    out = np.empty((), object)
    out[()] = value
    return out


def _shown(shape):
    return "[" + ",".join("?" if d is None else str(d) for d in shape) + "]"
