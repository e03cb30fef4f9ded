"""Event files: tf.summary.FileWriter and what reads them back."""

from __future__ import annotations

import itertools
import os
import socket
import time

from ..declare import export
from ..graph import Graph, context
from ..wire import records
from .messages import Event, SessionLog, Summary, graph_def

_number = itertools.count()


class EventFile:
    """One event file being written; opened with the first event."""

    def __init__(self, folder, suffix="", flush_secs=120):
        self.folder, self.suffix, self._flush_secs = folder, suffix or "", flush_secs
        os.makedirs(folder, exist_ok=True)
        self._file, self._flushed = None, time.time()
        self._open()

    def _open(self):
        stamp = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_number)}"
        name = f"events.out.tfevents.{stamp}{self.suffix}"
        self.path = os.path.join(self.folder, name)
        self._file = open(self.path, "wb")
        self.write(Event(wall_time=time.time(), file_version="brain.Event:2"))
        self.flush()

    def write(self, event):
        if self._file is None:
            self._open()
        self._file.write(records.frame(event.SerializeToString()))
        if time.time() - self._flushed > self._flush_secs:
            self.flush()

    def flush(self):
        self._flushed = time.time()
        if self._file is not None:
            self._file.flush()

    def close(self):
        if self._file is not None:
            self._file.close()
            self._file = None


@export("", v1="summary.FileWriter train.SummaryWriter")
class FileWriter:
    """Writes summaries of a run into an event file of the folder `logdir`.

    Raises RuntimeError eagerly, as TensorFlow; add_* after close raise nothing but a warning, the file is opened
    again by `reopen`.
    """

    def __init__(
        self, logdir, graph=None, max_queue=10, flush_secs=120, graph_def=None, filename_suffix=None, session=None
    ):
        if context.graph is None:
            raise RuntimeError(
                "tf.summary.FileWriter is not compatible with eager execution. Use "
                "`tf.summary.create_file_writer`, or a "
                "with tf.Graph().as_default() context instead."
            )
        if session is not None:
            raise NotImplementedError("tf.summary.FileWriter(session=...) is not supported by tfcompat.")
        self._folder = os.fspath(logdir)
        self._tags: set = set()
        self._file = EventFile(self._folder, filename_suffix, flush_secs)
        self._closed = False
        if graph is not None or graph_def is not None:
            self.add_graph(graph if graph is not None else graph_def)

    def get_logdir(self):
        return self._folder

    def _event(self, step=None, wall_time=None, **what):
        event = Event(wall_time=time.time() if wall_time is None else wall_time, **what)
        if step is not None:
            event.step = int(step)
        self.add_event(event)

    def add_event(self, event):
        """Adds an Event."""
        if self._closed:
            import warnings

            warnings.warn(
                "Attempting to use a closed FileWriter. The operation will be a noop unless the FileWriter is "
                "explicitly reopened.",
                stacklevel=3,
            )
            return
        self._file.write(event)

    def add_summary(self, summary, global_step=None):
        """Adds a Summary or an encoded one, as Session.run gave it, at a step."""
        if not isinstance(summary, Summary):
            summary = Summary.FromString(summary if isinstance(summary, bytes) else bytes(summary))
        for value in summary.value:
            if not value.HasField("metadata"):
                continue
            if value.tag in self._tags:  # the metadata of a tag is written once
                value.ClearField("metadata")
            else:
                self._tags.add(value.tag)
        self._event(global_step, summary=summary)

    def add_graph(self, graph, global_step=None, graph_def=None):
        """Adds a graph's operations, names and edges for TensorBoard's picture of it."""
        graph = graph if graph is not None else graph_def
        if not isinstance(graph, Graph):
            if hasattr(graph, "SerializeToString"):
                self._event(global_step, graph_def=graph.SerializeToString())
                return
            raise TypeError(
                f"The passed graph must be an instance of `Graph` or the deprecated `GraphDef`, got {type(graph)}"
            )
        self._event(global_step, graph_def=_graph_def(graph))

    def add_session_log(self, session_log, global_step=None):
        """Adds a SessionLog."""
        if not isinstance(session_log, SessionLog):
            raise TypeError(f"session_log must be a SessionLog, got {type(session_log)}")
        self._event(global_step, session_log=session_log)

    def add_run_metadata(self, run_metadata, tag, global_step=None):
        """Adds what a run measured under a tag.  Raises ValueError for a tag used before."""
        if ("run", tag) in self._tags:
            raise ValueError("The provided tag was already used for this event type")
        self._tags.add(("run", tag))
        self._event(global_step, tagged_run_metadata={"tag": tag, "run_metadata": run_metadata.SerializeToString()})

    def add_meta_graph(self, meta_graph_def, global_step=None):
        raise NotImplementedError("FileWriter.add_meta_graph is not supported by tfcompat; add_graph(graph) is.")

    def flush(self):
        self._file.flush()

    def close(self):
        self._file.close()
        self._closed = True

    def reopen(self):
        """Goes on in a new file after `close`."""
        self._closed = False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


_graph_def = graph_def


@export("", v1="summary.FileWriterCache")
class FileWriterCache:
    """One FileWriter a folder."""

    _writers: dict = {}

    @staticmethod
    def get(logdir):
        found = FileWriterCache._writers.get(logdir)
        if found is None:
            found = FileWriterCache._writers[logdir] = FileWriter(logdir)
        return found

    @staticmethod
    def clear():
        for writer in FileWriterCache._writers.values():
            writer.close()
        FileWriterCache._writers.clear()


@export("", v1="train.summary_iterator")
def summary_iterator(path):
    """Yields the Events of an event file."""
    with open(path, "rb") as file:
        for one in records.read(file, path):
            yield Event.FromString(one)
