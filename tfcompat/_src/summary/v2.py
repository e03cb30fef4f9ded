"""TF2's tf.summary: writers that are contexts, summaries that are written at a step, eagerly and from a tf.function.

The events are those of TensorBoard's plugins: a tensor, and metadata that say which plugin reads it.
"""

from __future__ import annotations

import contextlib
import os
import time

import numpy as np

from .. import dtypes, record
from ..declare import OPS, OpDef, export
from ..function import keep_traced_graphs
from ..graph import aval, context
from ..ops.python import _call
from ..scopes import name_scope
from . import encode
from .messages import Event, Summary, SummaryMetadata, graph_def, tensor_proto
from .writer import EventFile

WRITE = OPS["WriteSummary"] = OpDef(
    "WriteSummary", lambda *args: args, host=True, alike=False, stateful=True, abstract=lambda *avals, **settings: []
)


class _State:
    """The writers entered, the condition and the step of now."""

    def __init__(self):
        self.writers, self.condition, self.step, self.traced = [], True, None, None


_state = _State()


@export("summary.SummaryWriter")
class SummaryWriter:
    """What create_file_writer gives.  `with writer.as_default(step=None):` summaries go to it."""

    def __init__(self, folder=None, suffix=None, flush_secs=120.0):
        self._folder, self._suffix, self._flush_secs = folder, suffix, flush_secs
        self._file = EventFile(folder, suffix, flush_secs) if folder is not None else None
        self._closed = False

    @contextlib.contextmanager
    def as_default(self, step=None):
        """A context in which summaries go to this writer, at `step` where it is given."""
        self._check()
        _state.writers.append(self)
        before = _state.step
        if step is not None:
            _state.step = step
        try:
            yield self
            self.flush()
        finally:
            _state.writers.pop()
            if step is not None:
                _state.step = before

    def set_as_default(self, step=None):
        """From here on summaries go to this writer."""
        self._check()
        _state.writers[:] = [self]
        if step is not None:
            _state.step = step

    def _check(self):
        if self._closed:
            raise RuntimeError(f"SummaryWriter {self!r} is already closed")

    def init(self):
        """Nothing is left to do: the file is open from the start."""
        self._check()

    def _write(self, event):
        if self._file is not None:
            self._file.write(event)

    def flush(self):
        """Hands what was written to the operating system."""
        if self._file is not None:
            self._file.flush()

    def close(self):
        """Ends the file."""
        self.flush()
        if self._file is not None:
            self._file.close()
        self._closed = True


@export("summary.create_file_writer")
def create_file_writer(logdir, max_queue=None, flush_millis=None, filename_suffix=None, name=None, experimental_trackable=False,
                       experimental_mesh=None):  # fmt: skip
    """A writer of event files in the folder `logdir`, which is made where it is missing."""
    if experimental_mesh is not None:
        raise NotImplementedError("tf.summary.create_file_writer(experimental_mesh=...) is not supported by tfcompat.")
    folder = logdir._numpy()[()].decode() if hasattr(logdir, "_numpy") else os.fspath(logdir)
    return SummaryWriter(folder, filename_suffix, 120.0 if flush_millis is None else flush_millis / 1000)


@export("summary.create_noop_writer")
def create_noop_writer():
    """A writer that drops what it is given."""
    return SummaryWriter()


# -- when and at which step -------------------------------------------------------------------------------------------
@export("summary.record_if")
@contextlib.contextmanager
def record_if(condition):
    """A context in which summaries are written only where `condition` (a bool, a tensor or a function giving one) holds."""
    before, _state.condition = _state.condition, condition
    try:
        yield
    finally:
        _state.condition = before


def _condition():
    found = _state.condition() if callable(_state.condition) else _state.condition
    return record.convert_to_tensor(found, dtypes.bool)


@export("summary.should_record_summaries")
def should_record_summaries():
    """A bool scalar: is there a writer, and does record_if's condition hold?"""
    return _condition() if _state.writers else record.convert_to_tensor(False)


@export("summary.experimental.get_step")
def get_step():
    """The step that summaries without one are written at, or None."""
    return _state.step


@export("summary.experimental.set_step")
def set_step(step):
    """Sets the step that summaries without one are written at: a number, a tensor or a variable."""
    _state.step = step


def _step(step):
    step = _state.step if step is None else step
    if step is None:
        raise ValueError(
            "No step set. Please specify one either through the `step` argument or through tf.summary.experimental.set_step()"
        )
    return record.convert_to_tensor(step) if hasattr(step, "dtype") else record.convert_to_tensor(step, dtypes.int64)


# -- writing ----------------------------------------------------------------------------------------------------------
def _emit(tag, inputs, step, build):
    """Writes build(*arrays) -> [Summary.Value fields], where it is to be recorded; a bool scalar: was it?"""
    if not _state.writers:
        return record.convert_to_tensor(False)
    writer = _state.writers[-1]

    def kernel(condition, step, *arrays):
        if condition:
            event = Event(wall_time=time.time(), step=int(step), summary=Summary(value=[build(*arrays)]))
            writer._write(event)
        return (np.asarray(condition, bool),)

    tensors = [_condition(), _step(step), *[record.convert_to_tensor(x) for x in inputs]]
    return _call(WRITE, kernel, tensors, f"{tag}/write_summary", (aval(dtypes.bool, ()),), True)


def _metadata(plugin, description, content=b""):
    made = SummaryMetadata()
    made.plugin_data.plugin_name = plugin
    if content:
        made.plugin_data.content = content
    if description is not None:
        made.summary_description = description
    return made


def _summary(name, inputs, step, metadata, encoded):
    """Writes the tensor `encoded(*arrays)` under the tag that `name` makes with the name scope."""
    with summary_scope(name) as (tag, _):
        return _emit(
            tag, inputs, step, lambda *a: Summary.Value(tag=tag, metadata=metadata, tensor=tensor_proto(encoded(*a)))
        )


@export("summary.experimental.summary_scope")
@contextlib.contextmanager
def summary_scope(name, default_name="summary", values=None):
    """A context giving (tag, name scope): the tag is `name` inside the current name scope."""
    name = name or default_name
    tag = _scope_now() + name
    with name_scope("".join(c if c.isalnum() or c in "_.-/" else "_" for c in name) or default_name) as scope:
        yield tag, scope


def _scope_now():
    graph = context.graph
    if graph is not None:
        return f"{graph._name_stack}/" if graph._name_stack else ""
    with name_scope("x") as scope:
        return scope[: -len("x/")]


@export("summary.write")
def write(tag, tensor, step=None, metadata=None, name=None):
    """Writes a whole tensor (or what a function gives) under `tag`.  Returns a bool scalar: was it written?

    Raises ValueError where no step is set.
    """
    metadata = metadata if metadata is not None else SummaryMetadata()
    if not isinstance(metadata, SummaryMetadata):
        metadata = SummaryMetadata.FromString(metadata if isinstance(metadata, bytes) else metadata.SerializeToString())
    if not _state.writers:
        return record.convert_to_tensor(False)
    value = tensor() if callable(tensor) else tensor
    return _emit(tag, [value], step, lambda a: Summary.Value(tag=tag, metadata=metadata, tensor=tensor_proto(a)))


@export("summary.experimental.write_raw_pb")
def write_raw_pb(tensor, step=None, name=None):
    """Writes encoded Summary messages as they are."""
    if not _state.writers:
        return record.convert_to_tensor(False)
    writer = _state.writers[-1]

    def kernel(condition, step, encoded):
        for one in np.ravel(encoded) if condition else ():
            writer._write(Event(wall_time=time.time(), step=int(step), summary=Summary.FromString(one)))
        return (np.asarray(condition, bool),)

    tensors = [_condition(), _step(step), record.convert_to_tensor(tensor)]
    return _call(WRITE, kernel, tensors, name or "write_raw_pb", (aval(dtypes.bool, ()),), True)


@export("summary.scalar", v1="")
def scalar(name, data, step=None, description=None):
    """One number at a step.  Raises ValueError for data of another shape."""
    data = record.convert_to_tensor(data)
    if data.shape.rank not in (0, None):
        raise ValueError(f"Expected scalar shape, saw shape: {data.shape}.")
    return _summary(name, [data], step, _metadata("scalars", description), lambda v: np.float32(v))


@export("summary.histogram", v1="")
def histogram(name, data, step=None, buckets=None, description=None):
    """How values are distributed over `buckets` (default 30) intervals of one width."""
    count = 30 if buckets is None else int(buckets)
    return _summary(name, [data], step, _metadata("histograms", description), lambda v: encode.buckets(v, count))


@export("summary.image", v1="")
def image(name, data, step=None, max_outputs=3, description=None):
    """Up to `max_outputs` images [n, height, width, 1 to 4]: uint8, or floats in [0, 1] (others are clipped)."""
    data = record.convert_to_tensor(data)
    if data.shape.rank not in (4, None):
        raise ValueError(f"Expected images of shape [n, height, width, channels], saw shape: {data.shape}.")

    def encoded(images):
        shown = [encode.png(encode.saturated(im)) for im in images[:max_outputs]]
        return _texts([str(images.shape[2]).encode(), str(images.shape[1]).encode(), *shown])

    return _summary(name, [data], step, _metadata("images", description), encoded)


@export("summary.audio", v1="")
def audio(name, data, sample_rate, step=None, max_outputs=3, encoding=None, description=None):
    """Up to `max_outputs` sounds [n, frames, channels] between -1 and 1, as WAV."""
    if encoding not in (None, "wav"):
        raise ValueError(f"Unknown encoding: {encoding}")

    def encoded(sounds, rate):
        parts = [encode.wav(one, float(rate)) for one in sounds[:max_outputs]]
        return _texts([[part, b""] for part in parts]).reshape(len(parts), 2)

    return _summary(name, [data, sample_rate], step, _metadata("audio", description, b"\x10\x0b"), encoded)


@export("summary.text", v1="")
def text(name, data, step=None, description=None):
    """Text, or a tensor of it; TensorBoard reads it as Markdown."""
    data = record.convert_to_tensor(data)
    if data.dtype is not dtypes.string:
        raise ValueError(f"Expected tensor {name} to have dtype string, got {data.dtype}")
    return _summary(name, [data], step, _metadata("text", description), lambda v: v)


def _texts(values):
    out = np.empty(len(values) if not isinstance(values[0], list) else (len(values), 2), object)
    for i, v in enumerate(values):
        out[i] = v
    return out


@export("summary.flush", v1="")
def flush(writer=None, name=None):
    """Hands what the writer (default: the current one) was given to the operating system."""
    writer = writer or (_state.writers[-1] if _state.writers else None)
    if writer is not None:
        writer.flush()


@export("summary.graph", v1="")
def graph(graph_data):
    """Writes a graph for TensorBoard's picture of it.  Raises ValueError for anything else, and in graph mode."""
    if context.graph is not None:
        raise RuntimeError("summary.graph() is only supported when eager execution is enabled.")
    if _state.writers and bool(_condition()):
        _write_graph(graph_data)


def _write_graph(graph_data):
    encoded = graph_data.SerializeToString() if hasattr(graph_data, "SerializeToString") else graph_def(graph_data)
    _state.writers[-1]._write(Event(wall_time=time.time(), graph_def=encoded))


# -- tracing ----------------------------------------------------------------------------------------------------------
@export("summary.trace_on")
def trace_on(graph=True, profiler=False, profiler_outdir=None):
    """From here on the graphs of tf.functions that are traced are kept for trace_export."""
    if profiler:
        raise NotImplementedError(
            "tf.summary.trace_on(profiler=True) is not supported by tfcompat: use jax.profiler.trace(folder)."
        )
    if graph:
        _state.traced = keep_traced_graphs(True)


@export("summary.trace_export")
def trace_export(name, step=None, profiler_outdir=None):
    """Writes the graph traced last since trace_on.  Raises ValueError where trace_on was not called."""
    if _state.traced is None:
        raise ValueError("Must enable trace before export through tf.summary.trace_on.")
    if _state.writers and _state.traced:
        _write_graph(_state.traced[-1])
    trace_off()


@export("summary.trace_off")
def trace_off():
    """Ends what trace_on began."""
    _state.traced = keep_traced_graphs(False)
