"""tf.train.Coordinator, LooperThread."""

from __future__ import annotations

import contextlib
import sys
import threading
import time

from .. import errors
from ..declare import export


@export("train.Coordinator")
class Coordinator:
    """Stops threads together and hands on the first exception one of them had."""

    def __init__(self, clean_stop_exception_types=None):
        self._clean = (
            (errors.OutOfRangeError,) if clean_stop_exception_types is None else tuple(clean_stop_exception_types)
        )
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._raised, self._joined, self._registered_threads = None, False, set()

    def request_stop(self, ex=None):
        """Asks all threads to stop; `ex`: an exception (or sys.exc_info()) that `join` raises, unless it is a clean
        end.
        """
        with self._lock:
            if isinstance(ex, self._clean) or isinstance(ex, tuple) and isinstance(ex[1], self._clean):
                ex = None
            if self._joined:
                if ex is not None:
                    raise ex[1] if isinstance(ex, tuple) else ex
                return
            if not self._stop.is_set():
                if isinstance(ex, tuple):
                    self._raised = ex[1].with_traceback(ex[2])
                elif ex is not None:
                    self._raised = ex if isinstance(ex, BaseException) else None
                    if self._raised is None:
                        raise TypeError(f"ex must be an exception, got {ex!r}")
                self._stop.set()

    def clear_stop(self):
        """Makes the coordinator usable again."""
        with self._lock:
            self._joined, self._raised = False, None
            self._stop.clear()

    def should_stop(self):
        return self._stop.is_set()

    @contextlib.contextmanager
    def stop_on_exception(self):
        """A context whose exceptions stop everybody."""
        try:
            yield
        except Exception:  # join raises it again
            self.request_stop(ex=sys.exc_info())

    def wait_for_stop(self, timeout=None):
        return self._stop.wait(timeout)

    def register_thread(self, thread):
        with self._lock:
            self._registered_threads.add(thread)

    def join(self, threads=None, stop_grace_period_secs=120, ignore_live_threads=False):
        """Waits for the threads; raises what stopped them, RuntimeError where some do not end in time."""
        with self._lock:
            threads = self._registered_threads if threads is None else self._registered_threads.union(set(threads))
            threads = list(threads)
        while any(t.is_alive() for t in threads) and not self.wait_for_stop(1.0):
            pass
        deadline = time.time() + stop_grace_period_secs
        while any(t.is_alive() for t in threads) and time.time() < deadline:
            for t in threads:
                t.join(0.05)
        alive = [t.name for t in threads if t.is_alive()]
        with self._lock:
            self._joined, self._registered_threads = True, set()
        if self._raised is not None:
            raise self._raised
        if alive and not ignore_live_threads:
            raise RuntimeError(f"Coordinator stopped with threads still running: {' '.join(alive)}")

    @property
    def joined(self):
        return self._joined

    def raise_requested_exception(self):
        """Raises what stopped the threads, if anything did."""
        with self._lock:
            if self._raised is not None:
                raise self._raised


@export("", v1="train.LooperThread")
class LooperThread(threading.Thread):
    """Calls `target` every so many seconds until the coordinator stops."""

    def __init__(self, coord, timer_interval_secs, target=None, args=None, kwargs=None):
        if not isinstance(coord, Coordinator):
            raise ValueError(f"'coord' argument must be a Coordinator: {coord}")
        super().__init__(daemon=True)
        self._coord, self._interval = coord, timer_interval_secs
        self._target_, self._args_, self._kwargs_ = target, args or (), kwargs or {}
        coord.register_thread(self)

    @staticmethod
    def loop(coord, timer_interval_secs, target, args=None, kwargs=None):
        """A started LooperThread."""
        looper = LooperThread(coord, timer_interval_secs, target=target, args=args, kwargs=kwargs)
        looper.start()
        return looper

    def run(self):
        with self._coord.stop_on_exception():
            self.start_loop()
            if self._interval is None:
                while not self._coord.should_stop():
                    self.run_loop()
            else:
                next_time = time.time()
                while not self._coord.wait_for_stop(max(0.0, next_time - time.time())):
                    next_time += self._interval
                    self.run_loop()
            self.stop_loop()

    def start_loop(self):
        pass

    def stop_loop(self):
        pass

    def run_loop(self):
        if self._target_ is not None:
            self._target_(*self._args_, **self._kwargs_)
