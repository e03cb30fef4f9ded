"""QueueRunner, and the threads that fill queues."""

from __future__ import annotations

import atexit
import threading
import weakref

from .. import errors
from ..declare import export
from ..graph import context, current_graph
from ..platform import log as logging
from ..scopes import GraphKeys
from ..session import Session, get_default_session

_at_work = weakref.WeakKeyDictionary()  # thread -> weak reference to its session
_leaving = threading.Event()


@export("", v1="train.QueueRunner train.queue_runner.QueueRunner")
class QueueRunner:
    """Runs the operations that fill a queue, each in a thread of its own, until the queue's source is used up.

    Raises ValueError without a queue or operations, RuntimeError eagerly.
    """

    def __init__(self, queue=None, enqueue_ops=None, close_op=None, cancel_op=None, queue_closed_exception_types=None,
                 queue_runner_def=None, import_scope=None):  # fmt: skip
        if context.graph is None:
            raise RuntimeError(
                "QueueRunners are not supported when eager execution is enabled. Instead, please use tf.data to get data into your "
                "model."
            )
        if queue_runner_def is not None:
            if queue or enqueue_ops:
                raise ValueError("queue_runner_def and queue are mutually exclusive.")
            self._from_proto(queue_runner_def, import_scope)
            return
        if not queue or not enqueue_ops:
            raise ValueError("Must provide queue and enqueue_ops.")
        self._start(queue, enqueue_ops, close_op, cancel_op, queue_closed_exception_types)

    def _start(self, queue, enqueue_ops, close_op, cancel_op, queue_closed_exception_types):
        kinds = (errors.OutOfRangeError,) if queue_closed_exception_types is None else queue_closed_exception_types
        if not isinstance(kinds, tuple) or not kinds or not all(issubclass(k, errors.OpError) for k in kinds):
            raise TypeError(
                f"queue_closed_exception_types, when provided, must be a tuple of tf.error types, but saw: {kinds!r}"
            )
        self._queue, self._enqueue_ops, self._kinds = queue, enqueue_ops, kinds
        self._close_op = queue.close() if close_op is None else close_op
        self._cancel_op = queue.close(cancel_pending_enqueues=True) if cancel_op is None else cancel_op
        self._lock, self._running, self._exceptions = threading.Lock(), weakref.WeakKeyDictionary(), []

    queue = property(lambda self: self._queue)
    enqueue_ops = property(lambda self: self._enqueue_ops)
    close_op = property(lambda self: self._close_op)
    cancel_op = property(lambda self: self._cancel_op)
    queue_closed_exception_types = property(lambda self: self._kinds)
    exceptions_raised = property(lambda self: self._exceptions, doc="What threads without a coordinator raised.")
    name = property(lambda self: self._queue.name)

    def _from_proto(self, message, import_scope):
        prefix = f"{import_scope}/" if import_scope else ""

        def element(name):
            return current_graph().as_graph_element(prefix + name)

        kinds = [errors.exception_type_from_error_code(c) for c in message.queue_closed_exception_types]
        self._start(
            element(message.queue_name), [element(n) for n in message.enqueue_op_name], element(message.close_op_name),
            element(message.cancel_op_name), tuple(kinds) or None,
        )  # fmt: skip

    @staticmethod
    def from_proto(queue_runner_def, import_scope=None):
        """The QueueRunner of a QueueRunnerDef, over the operations of the current graph."""
        return QueueRunner(queue_runner_def=queue_runner_def, import_scope=import_scope)

    def to_proto(self, export_scope=None):
        """A QueueRunnerDef: the names of the operations; None for those outside of `export_scope`."""
        from ..graph_def.messages import QueueRunnerDef

        if export_scope and not self._queue.name.startswith(export_scope):
            return None

        def inside(name):
            return name.removeprefix(export_scope.rstrip("/") + "/") if export_scope else name

        return QueueRunnerDef(
            queue_name=inside(self._queue.name), enqueue_op_name=[inside(o.name) for o in self._enqueue_ops],
            close_op_name=inside(self._close_op.name), cancel_op_name=inside(self._cancel_op.name),
            queue_closed_exception_types=[errors.error_code_from_exception_type(k) for k in self._kinds],
        )  # fmt: skip

    def _run(self, sess, enqueue_op, coord=None):
        """A thread's work; the last one that ends closes the queue."""
        ended = False
        try:
            fill = sess.make_callable(enqueue_op)
            while not (coord and coord.should_stop()):
                try:
                    fill()
                except self._kinds:  # the source is used up
                    with self._lock:
                        ended = True
                        self._running[sess] -= 1
                        if self._running[sess] == 0:
                            try:
                                sess.run(self._close_op)
                            except Exception as e:  # nobody is left to tell
                                logging.vlog(1, "Ignored exception: %s", str(e))
                    return
        except Exception as e:
            closed = getattr(sess, "_closed", False) and isinstance(e, (errors.CancelledError, RuntimeError))
            if _leaving.is_set() or closed and not coord:  # whoever closed the session knows
                return
            if coord:
                coord.request_stop(e)
            else:
                logging.error("Exception in QueueRunner: %s", str(e))
                with self._lock:
                    self._exceptions.append(e)
                raise
        finally:
            if not ended:
                with self._lock:
                    self._running[sess] -= 1

    def _close_on_stop(self, sess, cancel_op, coord):
        """A thread that closes the queue when the coordinator stops everybody, so that nobody waits for it any more."""
        coord.wait_for_stop()
        try:
            sess.run(cancel_op)
        except Exception as e:
            logging.vlog(1, "Ignored exception: %s", str(e))

    def create_threads(self, sess, coord=None, daemon=False, start=False):
        """The threads for a session: one per enqueue operation, with a coordinator one more; [] where they run already."""
        with self._lock:
            if self._running.get(sess, 0) > 0:
                return []
            self._running[sess] = len(self._enqueue_ops)
            self._exceptions = []
        name = "QueueRunnerThread-{}-{}".format
        threads = [
            threading.Thread(target=self._run, args=(sess, o, coord), name=name(self.name, o.name))
            for o in self._enqueue_ops
        ]
        if coord:
            args = (sess, self._cancel_op, coord)
            threads.append(
                threading.Thread(target=self._close_on_stop, args=args, name=name(self.name, "close_on_stop"))
            )
        for t in threads:
            if coord:
                coord.register_thread(t)
            t.daemon = daemon or t.daemon
            _at_work[t] = weakref.ref(sess)
            if start:
                t.start()
        return threads


@atexit.register
def _stop_all():
    """At the end of the process no thread may be inside a compiled program any more."""
    _leaving.set()
    busy = [(t, s()) for t, s in list(_at_work.items()) if t.is_alive() and t.daemon]
    for _, session in busy:
        if session is not None and hasattr(session, "close"):
            session.close()
    for t, _ in busy:
        t.join(1.0)


@export("", v1="train.add_queue_runner train.queue_runner.add_queue_runner")
def add_queue_runner(qr, collection=GraphKeys.QUEUE_RUNNERS):
    """Adds a QueueRunner to those that start_queue_runners starts."""
    current_graph().add_to_collection(collection, qr)


@export("", v1="train.start_queue_runners train.queue_runner.start_queue_runners")
def start_queue_runners(sess=None, coord=None, daemon=True, start=True, collection=GraphKeys.QUEUE_RUNNERS):
    """Starts the threads of the queue runners that a graph has collected; [] where it has none.

    Raises ValueError without a session, TypeError for what is none, RuntimeError eagerly.
    """
    if context.graph is None and not context.sessions:
        raise RuntimeError("Queues are not compatible with eager execution.")
    if sess is None:
        sess = get_default_session()
        if sess is None:
            raise ValueError(
                "Cannot start queue runners: No default session is registered. Use `with sess.as_default()` or pass an "
                "explicit session to tf.start_queue_runners(sess=sess)"
            )
    if not isinstance(sess, Session.__bases__[0]):
        if sess.__class__.__name__ in ("MonitoredSession", "SingularMonitoredSession"):  # it has started them itself
            return []
        if not (hasattr(sess, "run") and hasattr(sess, "graph")):
            raise TypeError(f"sess must be a `tf.Session` object. Given class: {sess.__class__}")
    runners = sess.graph.get_collection(collection)
    if not runners:
        logging.warn(
            "`tf.train.start_queue_runners()` was called when no queue runners were defined. You can safely remove the call to this "
            "deprecated function."
        )
    with sess.graph.as_default():
        return [t for r in runners for t in r.create_threads(sess, coord=coord, daemon=daemon, start=start)]
