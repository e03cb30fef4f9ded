"""tf.gfile and tf.io.gfile on the local file system; missing files raise TensorFlow's NotFoundError."""

from __future__ import annotations

import collections
import contextlib
import glob as globs
import os
import shutil

from .. import errors
from ..declare import export, publish, renamed

_KINDS = {
    FileNotFoundError: errors.NotFoundError,
    FileExistsError: errors.AlreadyExistsError,
    PermissionError: errors.PermissionDeniedError,
    IsADirectoryError: errors.FailedPreconditionError,
    NotADirectoryError: errors.FailedPreconditionError,
}


@contextlib.contextmanager
def _translated():
    """OSErrors as TensorFlow's error classes."""
    try:
        yield
    except OSError as e:
        kind = _KINDS.get(type(e))
        if kind is None:
            kind = errors.FailedPreconditionError if e.strerror == "Directory not empty" else errors.UnknownError
        raise kind(None, None, f"{e.filename}; {e.strerror}") from None


def _path(path):
    path = os.fsdecode(os.fspath(path))
    if "://" in path and not path.startswith("file://"):
        raise errors.UnimplementedError(
            None, None, f"File system scheme '{path.partition(':')[0]}' not implemented (file: '{path}')"
        )
    return path.removeprefix("file://")


class GFile:
    """A file; text unless the mode has a b.  Opened when first used, as TensorFlow does."""

    def __init__(self, name, mode="r"):
        if mode not in ("r", "w", "a", "r+", "w+", "a+", "rb", "wb", "ab", "r+b", "w+b", "a+b", "rb+", "wb+", "ab+"):
            raise errors.InvalidArgumentError(None, None, f"mode is not 'r' or 'w' or 'a': {mode}")
        self._name, self._mode, self._file = name, mode, None

    name = property(lambda self: self._name)
    mode = property(lambda self: self._mode)

    def _open(self):
        if self._file is None:
            with _translated():
                binary = "b" in self._mode
                self._file = open(
                    _path(self._name), self._mode, encoding=None if binary else "utf-8", newline=None if binary else ""
                )
        return self._file

    def _readable(self):
        if "r" not in self._mode and "+" not in self._mode:
            raise errors.PermissionDeniedError(None, None, "File isn't open for reading")
        with _translated():
            return self._open()

    def read(self, n=-1):
        return self._readable().read(n)

    def readline(self):
        return self._readable().readline()

    def readlines(self):
        return self._readable().readlines()

    def write(self, file_content):
        if "w" not in self._mode and "a" not in self._mode and "+" not in self._mode:
            raise errors.PermissionDeniedError(None, None, "File isn't open for writing")
        if "b" in self._mode and isinstance(file_content, str):
            file_content = file_content.encode()
        if "b" not in self._mode and isinstance(file_content, bytes):
            file_content = file_content.decode()
        self._open().write(file_content)

    def seek(self, offset=None, whence=0, position=None):
        self._open().seek(position if offset is None else offset, whence)

    def tell(self):
        return self._open().tell()

    def seekable(self):
        return True

    def size(self):
        with _translated():
            return os.stat(_path(self._name)).st_size

    def flush(self):
        if self._file is not None:
            self._file.flush()

    def close(self):
        if self._file is not None:
            self._file.close()
            self._file = None

    def __iter__(self):
        return self

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    next = __next__

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


publish(GFile, "io.gfile.GFile", v1="io.gfile.GFile gfile.GFile gfile.Open")


@export("", v1="gfile.FastGFile")
class FastGFile(GFile):
    """TF1's other name of GFile."""


@export("io.gfile.exists", v1="io.gfile.exists")
def exists(path):
    """Whether there is a file or folder at `path`."""
    return os.path.exists(_path(path))


@export("io.gfile.isdir", v1="io.gfile.isdir")
def isdir(path):
    return os.path.isdir(_path(path))


@export("io.gfile.listdir", v1="io.gfile.listdir")
def listdir(path):
    """The names in a folder; NotFoundError where there is none."""
    path = _path(path)
    if not os.path.isdir(path):
        raise errors.NotFoundError(None, None, f"Could not find directory {path}")
    return os.listdir(path)


@export("io.gfile.glob", v1="io.gfile.glob")
def glob(pattern):
    """The files that match a pattern, or one of several."""
    patterns = [pattern] if isinstance(pattern, (str, bytes, os.PathLike)) else pattern
    return [name for p in patterns for name in sorted(globs.glob(_path(p)))]


@export("io.gfile.makedirs", v1="io.gfile.makedirs")
def makedirs(path):
    """Makes a folder and those above it; no error where it exists."""
    with _translated():
        os.makedirs(_path(path), exist_ok=True)


@export("io.gfile.mkdir", v1="io.gfile.mkdir")
def mkdir(path):
    with _translated():
        os.mkdir(_path(path))


@export("io.gfile.remove", v1="io.gfile.remove")
def remove(path):
    with _translated():
        os.remove(_path(path))


@export("io.gfile.rmtree", v1="io.gfile.rmtree")
def rmtree(path):
    """Deletes a folder with all that is in it."""
    with _translated():
        shutil.rmtree(_path(path))


def _free(path, overwrite):
    if not overwrite and os.path.exists(path):
        raise errors.AlreadyExistsError(None, None, f"file already exists: {path}")


@export("io.gfile.copy", v1="io.gfile.copy")
def copy(src, dst, overwrite=False):
    """Copies a file; AlreadyExistsError where the target exists and is not to be overwritten."""
    _free(_path(dst), overwrite)
    with _translated():
        shutil.copyfile(_path(src), _path(dst))


@export("io.gfile.rename", v1="io.gfile.rename")
def rename(src, dst, overwrite=False):
    """Moves a file; AlreadyExistsError where the target exists and is not to be overwritten."""
    _free(_path(dst), overwrite)
    with _translated():
        os.replace(_path(src), _path(dst))


FileStatistics = collections.namedtuple("FileStatistics", "length mtime_nsec mode is_directory")


@export("io.gfile.stat", v1="io.gfile.stat")
def stat(path):
    """length [bytes], mtime_nsec, is_directory of a file."""
    with _translated():
        s = os.stat(_path(path))
    return FileStatistics(s.st_size, s.st_mtime_ns, s.st_mode, os.path.isdir(_path(path)))


@export("io.gfile.walk", v1="io.gfile.walk")
def walk(top, topdown=True, onerror=None):
    """Yields (folder, folders in it, files in it) for `top` and all below."""
    for folder, folders, files in os.walk(_path(top), topdown=topdown, onerror=onerror):
        folders.sort()
        yield folder, folders, sorted(files)


@export("io.gfile.join", v1="io.gfile.join")
def join(path, *paths):
    return os.path.join(path, *paths)


for _old, _function in {
    "Exists": renamed(exists, path="filename"),
    "IsDirectory": renamed(isdir, path="dirname"),
    "ListDirectory": renamed(listdir, path="dirname"),
    "Glob": renamed(glob, pattern="filename"),
    "MakeDirs": renamed(makedirs, path="dirname"),
    "MkDir": renamed(mkdir, path="dirname"),
    "Remove": renamed(remove, path="filename"),
    "DeleteRecursively": renamed(rmtree, path="dirname"),
    "Stat": renamed(stat, path="filename"),
}.items():
    publish(_function, "", v1=f"gfile.{_old}")


@export("", v1="gfile.Copy")
def copy_v1(oldpath, newpath, overwrite=False):
    copy(oldpath, newpath, overwrite)


@export("", v1="gfile.Rename")
def rename_v1(oldname, newname, overwrite=False):
    rename(oldname, newname, overwrite)


@export("", v1="gfile.Walk")
def walk_v1(top, in_order=True):
    return walk(top, in_order)
