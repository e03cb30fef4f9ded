"""TF1's readers: they take names of files from a queue and give records, one (key, value) at a time."""

from __future__ import annotations

import collections
import glob
import os
import threading

import numpy as np

from .. import dtypes, errors, record
from ..data.files import compression_name, opened
from ..declare import export, op, refused
from ..graph import aval, context
from ..record import host_array
from ..wire import proto, records
from . import handles
from .handles import call, maker, method


class Reader:
    """A reader's place: the work (a file's name) it is at and how much it has read.  `_start(work)` yields (key, value)."""

    resumable = False  # whether the place can be written down: readers with one record per work unit

    def __init__(self, name):
        self.name, self._lock = name, threading.Lock()
        self.reset()

    def reset(self):
        self.produced = self.started = self.finished = 0
        self._work, self._records = b"", None

    def read(self, queue, timeout):
        """The next (key, value); OutOfRangeError where the queue is closed and empty."""
        with self._lock:
            while True:
                found = self._next(queue, timeout)
                if found is not None:
                    return found

    def read_up_to(self, queue, n, timeout):
        """Up to `n` records of one work unit, as vectors of keys and values."""
        found = []
        with self._lock:
            while len(found) < n:
                one = self._next(queue, timeout)
                if one is not None:
                    found.append(one)
                elif found:
                    break
        return found

    def _next(self, queue, timeout):
        """A record, or None where a work unit ends."""
        if self._records is None:
            (work,) = queue.dequeue(timeout)
            self._work = work[()]
            self._records = iter(self._start(self._work))
            self.started += 1
        try:
            one = next(self._records)
        except StopIteration:
            self._records, self.finished = None, self.started
            return None
        self.produced += 1
        if self.resumable:
            self._records, self.finished = None, self.started
        return one

    def state(self):
        """The place as a ReaderBaseState message."""
        if not self.resumable:
            raise errors.UnimplementedError(None, None, f"{type(self).__name__} cannot write down where it is")
        numbers = [self.started, self.finished, self.produced]
        fields = [proto.integer(i + 1, n) for i, n in enumerate(numbers) if n]
        return b"".join(fields) + (proto.data(4, self._work) if self._work else b"")

    def restore(self, state):
        if not self.resumable:
            raise errors.UnimplementedError(None, None, f"{type(self).__name__} cannot go on where another one was")
        try:
            fields = proto.fields(state)
            numbers = [proto.signed(fields.get(i, [0])[0]) for i in (1, 2, 3)]
        except (ValueError, IndexError, TypeError):
            numbers = [-1]
        if min(numbers) < 0 or numbers[0] < numbers[1]:
            raise errors.InvalidArgumentError(None, None, f"Could not parse state for {self.name}: {state!r}")
        self.reset()
        self.started, self.finished, self.produced = numbers
        self._work = fields.get(4, [b""])[0]
        if self.started > self.finished:
            self._records = iter(self._start(self._work))


class Whole(Reader):
    resumable = True

    def _start(self, work):
        yield work, _content(work)


class Same(Reader):
    resumable = True

    def _start(self, work):
        yield work, work


class Lines(Reader):
    def __init__(self, name, skip_header_lines):
        super().__init__(name)
        self._skip = skip_header_lines

    def _start(self, work):
        with opened(work.decode(), "") as file:
            for number, line in enumerate(file, 1):
                if number > self._skip:
                    yield b"%s:%d" % (work, number), line.rstrip(b"\n").removesuffix(b"\r")


class Records(Reader):
    def __init__(self, name, compression_type):
        super().__init__(name)
        self._packed = compression_type

    def _start(self, work):
        at = 0
        with opened(work.decode(), self._packed) as file:
            for data in records.read(file, work.decode(), check=True):
                yield b"%s:%d" % (work, at), data
                at += len(data) + 16


class Stretches(Reader):
    def __init__(self, name, record_bytes, header_bytes, footer_bytes, hop_bytes, encoding):
        super().__init__(name)
        self._size, self._header, self._footer = record_bytes, header_bytes, footer_bytes
        self._hop, self._packed = hop_bytes or record_bytes, encoding

    def _start(self, work):
        with opened(work.decode(), self._packed) as file:
            data = file.read()
        last = len(data) - self._footer - self._size
        for i, at in enumerate(range(self._header, last + 1, self._hop)):
            yield b"%s:%d" % (work, i), data[at : at + self._size]


def _content(work):
    with opened(work.decode(), "") as file:
        return file.read()


# -- the ops ----------------------------------------------------------------------------------------------------------
maker("WholeFileReaderV2", Whole)
maker("IdentityReaderV2", Same)
maker("TextLineReaderV2", lambda name, skip_header_lines: Lines(name, skip_header_lines))
maker("TFRecordReaderV2", lambda name, compression_type: Records(name, compression_type))
maker("FixedLengthRecordReaderV2", lambda name, **sizes: Stretches(name, **sizes))

_TEXT, _TEXTS, _COUNT = (dtypes.string, ()), (dtypes.string, (None,)), (dtypes.int64, ())


@method("ReaderReadV2", abstract=lambda reader, queue: [_TEXT, _TEXT])
def read(reader, queue, *, timeout):
    """The next record and what it is called."""
    key, value = reader.read(queue[()], timeout)
    return host_array(key), host_array(value)


@method("ReaderReadUpToV2", abstract=lambda reader, queue, n: [_TEXTS, _TEXTS])
def read_up_to(reader, queue, n, *, timeout):
    """Up to `n` records."""
    found = reader.read_up_to(queue[()], int(n), timeout)
    keys, values = np.empty(len(found), object), np.empty(len(found), object)
    keys[:], values[:] = [k for k, _ in found], [v for _, v in found]
    return keys, values


@method("ReaderNumRecordsProducedV2", abstract=lambda reader: _COUNT)
def num_records_produced(reader, *, timeout):
    """How many records were read."""
    return (np.int64(reader.produced),)


@method("ReaderNumWorkUnitsCompletedV2", abstract=lambda reader: _COUNT)
def num_work_units_completed(reader, *, timeout):
    """How many files were read to their end."""
    return (np.int64(reader.finished),)


@method("ReaderSerializeStateV2", abstract=lambda reader: _TEXT)
def serialize_state(reader, *, timeout):
    """Where the reader is."""
    return (host_array(reader.state()),)


@method("ReaderRestoreStateV2", abstract=lambda reader, state: [])
def restore_state(reader, state, *, timeout):
    """Puts the reader where another one was."""
    reader.restore(state[()])
    return ()


@method("ReaderResetV2", abstract=lambda reader: [])
def reset(reader, *, timeout):
    """Puts the reader where it started."""
    reader.reset()
    return ()


# -- what users hold --------------------------------------------------------------------------------------------------
@export("", v1="ReaderBase")
class ReaderBase:
    """What all readers have.  RuntimeError eagerly: use tf.data there."""

    def __init__(self, reader_ref, supports_serialize=False):
        if context.graph is None:
            raise RuntimeError(
                "Readers are not supported when eager execution is enabled. Instead, please use tf.data to get data into your model."
            )
        self._reader_ref, self._supports_serialize = reader_ref, supports_serialize

    reader_ref = property(lambda self: self._reader_ref, doc="The handle.")
    supports_serialize = property(lambda self: self._supports_serialize, doc="Whether serialize_state works.")

    def _call(self, type, inputs, outs, name):
        return call(type, [self._reader_ref, *inputs], {}, [aval(*o) for o in outs], name)

    def read(self, queue, name=None):
        """The next record as (key, value), two strings; file names come from `queue` (a queue or its handle)."""
        return Record(*self._call("ReaderReadV2", [_ref(queue)], [_TEXT, _TEXT], name))

    def read_up_to(self, queue, num_records, name=None):
        """Up to `num_records` records as (keys, values), two vectors of strings."""
        n = record.convert_to_tensor(num_records, dtypes.int64)
        return RecordsUpTo(*self._call("ReaderReadUpToV2", [_ref(queue), n], [_TEXTS, _TEXTS], name))

    def num_records_produced(self, name=None):
        """How many records were read -> int64 scalar."""
        return self._call("ReaderNumRecordsProducedV2", [], [_COUNT], name)[0]

    def num_work_units_completed(self, name=None):
        """How many files were read to their end -> int64 scalar."""
        return self._call("ReaderNumWorkUnitsCompletedV2", [], [_COUNT], name)[0]

    def serialize_state(self, name=None):
        """Where the reader is -> string scalar; UnimplementedError for readers of records."""
        return self._call("ReaderSerializeStateV2", [], [_TEXT], name)[0]

    def restore_state(self, state, name=None):
        """An operation that puts the reader where `state` says."""
        state = record.convert_to_tensor(state, dtypes.string)
        state.shape.assert_has_rank(0)
        return self._call("ReaderRestoreStateV2", [state], [], name)

    def reset(self, name=None):
        """An operation that puts the reader where it started."""
        return self._call("ReaderResetV2", [], [], name)


Record = collections.namedtuple("Record", "key value")
RecordsUpTo = collections.namedtuple("RecordsUpTo", "keys values")


def _ref(queue):
    return getattr(queue, "queue_ref", queue)


def _made(type, settings, name):
    return None if context.graph is None else handles.make(type, settings, name)


@export("", v1="WholeFileReader")
class WholeFileReader(ReaderBase):
    """A file is a record: its name and its content."""

    def __init__(self, name=None):
        super().__init__(_made("WholeFileReaderV2", {}, name), supports_serialize=True)


@export("", v1="IdentityReader")
class IdentityReader(ReaderBase):
    """What the queue holds is a record: key and value."""

    def __init__(self, name=None):
        super().__init__(_made("IdentityReaderV2", {}, name), supports_serialize=True)


@export("", v1="TextLineReader")
class TextLineReader(ReaderBase):
    """A line is a record; the first `skip_header_lines` of each file are left out."""

    def __init__(self, skip_header_lines=None, name=None):
        super().__init__(_made("TextLineReaderV2", {"skip_header_lines": int(skip_header_lines or 0)}, name))


@export("", v1="TFRecordReader")
class TFRecordReader(ReaderBase):
    """The records of TFRecord files."""

    def __init__(self, name=None, options=None):
        super().__init__(_made("TFRecordReaderV2", {"compression_type": compression_name(options)}, name))


@export("", v1="FixedLengthRecordReader")
class FixedLengthRecordReader(ReaderBase):
    """Stretches of `record_bytes` bytes between a header and a footer, every `hop_bytes` (default: one after the other)."""

    def __init__(self, record_bytes, header_bytes=None, footer_bytes=None, hop_bytes=None, name=None, encoding=None):
        settings = {
            "record_bytes": int(record_bytes), "header_bytes": int(header_bytes or 0), "footer_bytes": int(footer_bytes or 0),
            "hop_bytes": int(hop_bytes or 0), "encoding": compression_name(encoding),
        }  # fmt: skip
        super().__init__(_made("FixedLengthRecordReaderV2", settings, name))


refused(
    "LMDBReader",
    "tfcompat reads no LMDB databases; convert them to TFRecord files.",
    lambda name=None, options=None: None,
)


# -- names of files ---------------------------------------------------------------------------------------------------
@op("MatchingFiles", names="io.matching_files", v1="matching_files io.matching_files", host=True, stateful=True,
    abstract=lambda pattern: (dtypes.string, (None,)))  # fmt: skip
def matching_files(pattern):
    """The names of the files that fit a pattern, or one of a vector of patterns, sorted."""
    found = {n for p in np.ravel(pattern) for n in glob.glob(os.fsdecode(p))}
    out = np.empty(len(found), object)
    out[:] = sorted([os.fsencode(n) for n in found])
    return out
