"""Files of records and lines: TFRecordWriter, and the datasets that read them."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import zlib

import numpy as np

from .. import dtypes, errors
from ..declare import export, publish
from ..type_spec import TensorSpec
from ..wire import records
from .dataset import Dataset, DatasetV1, _leaves, _number

_KINDS = ("", "ZLIB", "GZIP")


class TFRecordCompressionType:
    """TF1's numbers for how a record file is packed."""

    NONE, ZLIB, GZIP = 0, 1, 2


publish(TFRecordCompressionType, "", v1="python_io.TFRecordCompressionType io.TFRecordCompressionType")


@export("io.TFRecordOptions", v1="io.TFRecordOptions python_io.TFRecordOptions")
class TFRecordOptions:
    """How a record file is packed: "", "ZLIB" or "GZIP", or TF1's number for it; `compression_level` from 0 to 9.

    Raises ValueError for anything else.  The sizes of zlib's window and buffers do not change what is read back.
    """

    def __init__(self, compression_type=None, flush_mode=None, input_buffer_size=None, output_buffer_size=None, window_bits=None,
                 compression_level=None, compression_method=None, mem_level=None, compression_strategy=None):  # fmt: skip
        self.compression_type = compression_name(compression_type)
        self.compression_level = compression_level

    @classmethod
    def get_compression_type_string(cls, options):
        """ "", "ZLIB" or "GZIP" for options, a name or a number."""
        return compression_name(options.compression_type if isinstance(options, cls) else options)


def compression_name(given):
    """ "", "ZLIB" or "GZIP"; ValueError for another."""
    if isinstance(given, TFRecordOptions):
        return given.compression_type
    if given is None:
        return ""
    if isinstance(given, int) and 0 <= given < len(_KINDS):
        return _KINDS[given]
    if isinstance(given, bytes):
        given = given.decode()
    if given in _KINDS:
        return given
    raise ValueError(f'Not a valid compression_type: "{given}"')


@export("io.TFRecordWriter", v1="io.TFRecordWriter python_io.TFRecordWriter")
class TFRecordWriter:
    """Writes bytes as records of the file `path`; a context manager.  Raises TypeError for a record that is no bytes."""

    def __init__(self, path, options=None):
        kind = compression_name(options)
        level = getattr(options, "compression_level", None)
        self._file = open(os.fspath(path), "wb")
        self._pack = None
        if kind == "GZIP":
            self._pack = gzip.GzipFile(fileobj=self._file, mode="wb", compresslevel=6 if level is None else level)
        elif kind == "ZLIB":
            self._pack = _Zlib(self._file, -1 if level is None else level)

    def write(self, record):
        """Adds a record."""
        if not isinstance(record, bytes):
            raise TypeError(f"write(): expected a record of bytes, got {type(record).__name__}")
        (self._pack or self._file).write(records.frame(record))

    def flush(self):
        """Hands what was written to the operating system."""
        if isinstance(self._pack, gzip.GzipFile):
            self._pack.flush()
        self._file.flush()

    def close(self):
        """Ends the file."""
        if self._pack is not None:
            self._pack.close()
            self._pack = None
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class _Zlib:
    """A file that packs what is written to it."""

    def __init__(self, file, level):
        self._file, self._packer = file, zlib.compressobj(level)

    def write(self, data):
        self._file.write(self._packer.compress(data))

    def close(self):
        self._file.write(self._packer.flush())


def opened(path, kind):
    """The file `path`, unpacked, to read bytes from.  Raises NotFoundError, and DataLossError for packing it does not have."""
    if not os.path.isfile(path):
        raise errors.NotFoundError(None, None, f"{path}; No such file or directory")
    if kind == "GZIP":
        return gzip.open(path, "rb")
    if kind == "ZLIB":
        with open(path, "rb") as file:
            return io.BytesIO(zlib.decompress(file.read()))
    return open(path, "rb")


@contextlib.contextmanager
def _readable(path, kind):
    try:
        with opened(path, kind) as file:
            yield file
    except (gzip.BadGzipFile, zlib.error) as e:
        raise errors.DataLossError(None, None, f"{path} is not packed as {kind}: {e}") from None


@export("", v1="io.tf_record_iterator python_io.tf_record_iterator")
def tf_record_iterator(path, options=None):
    """The records of a file, as bytes.  Raises NotFoundError and DataLossError."""
    with _readable(os.fspath(path), compression_name(options)) as file:
        yield from records.read(file, os.fspath(path), check=True)


# -- datasets ---------------------------------------------------------------------------------------------------------
def _names(filenames, run):
    """The file names a pass goes through, as text; datasets of names are gone through in turn."""
    if isinstance(filenames, Dataset):
        for element in filenames._elements(run):
            yield from (n.decode() for n in np.ravel(element))
        return
    for name in np.ravel(run.array(filenames)):
        yield name.decode() if isinstance(name, bytes) else str(name)


class _Reader(DatasetV1):
    """What the datasets of files have in common: each element is a byte string that `_read(file, name)` yields."""

    def _start(self, filenames, compression_type):
        kind = compression_name(compression_type)
        source = filenames if isinstance(filenames, Dataset) else _leaves(_text(filenames))[1][0]

        def iterate(run):
            for name in _names(source, run):
                with _readable(name, kind) as file:
                    for data in self._read(file, name):
                        element = np.empty((), object)
                        element[()] = data
                        yield element

        inputs = (source,) if isinstance(source, Dataset) else ()
        Dataset.__init__(self, TensorSpec([], dtypes.string), iterate, inputs, () if inputs else (source,))


def _text(filenames):
    if isinstance(filenames, (list, tuple)):
        return [os.fspath(n) if isinstance(n, os.PathLike) else n for n in filenames]
    return os.fspath(filenames) if isinstance(filenames, os.PathLike) else filenames


@export("data.TFRecordDataset")
class TFRecordDataset(_Reader):
    """The records of files, one after the other.

    filenames: one name, a list, a tensor or a dataset of names; compression_type: "", "ZLIB" or "GZIP".
    """

    def __init__(self, filenames, compression_type=None, buffer_size=None, num_parallel_reads=None, name=None):
        self._start(filenames, compression_type)

    def _read(self, file, name):
        return records.read(file, name, check=True)


@export("data.TextLineDataset")
class TextLineDataset(_Reader):
    """The lines of files, without their ends; arguments as TFRecordDataset's."""

    def __init__(self, filenames, compression_type=None, buffer_size=None, num_parallel_reads=None, name=None):
        self._start(filenames, compression_type)

    def _read(self, file, name):
        return (line.rstrip(b"\n").removesuffix(b"\r") for line in file)


@export("data.FixedLengthRecordDataset")
class FixedLengthRecordDataset(_Reader):
    """Stretches of `record_bytes` bytes of files, but for a header and a footer.  Raises InvalidArgumentError for a rest."""

    def __init__(self, filenames, record_bytes, header_bytes=None, footer_bytes=None, buffer_size=None, compression_type=None,
                 num_parallel_reads=None, name=None):  # fmt: skip
        self._sizes = [_number(n) or 0 for n in (record_bytes, header_bytes, footer_bytes)]
        self._start(filenames, compression_type)

    def _read(self, file, name):
        size, header, footer = self._sizes
        body = file.read()[header:]
        body = body[: len(body) - footer] if footer else body
        if len(body) % size:
            raise errors.InvalidArgumentError(
                None, None,
                f"Excess bytes left in input file {name}: {len(body)} bytes after a header of {header} and before a footer of "
                f"{footer} are no multiple of record_bytes = {size}",
            )  # fmt: skip
        return (body[i : i + size] for i in range(0, len(body), size))
