"""Getting data files: from the folder the script names, from the user's data folders, from the net."""

import collections
import csv
import os
import sys

import numpy

Dataset = collections.namedtuple("Dataset", ["data", "target"])
Datasets = collections.namedtuple("Datasets", ["train", "validation", "test"])


def data_folders(*names):
    """Folders of the given names in the folders of TFCOMPAT_DATA; "" stands for those themselves."""
    roots = [d for d in os.environ.get("TFCOMPAT_DATA", "").split(os.pathsep) if d]
    return [os.path.join(root, name) for root in roots for name in names]


def maybe_download(filename, work_directory, source_url):
    """Path of the file in the folder, downloaded first where it is not there.  Raises OSError."""
    os.makedirs(work_directory, exist_ok=True)
    path = os.path.join(work_directory, filename)
    if not os.path.exists(path):
        size = _download(source_url, path)
        print("Successfully downloaded", filename, size, "bytes.")
    return path


def _download(url, path):
    """Fetches url into path, whole or not at all, with a bar on a terminal; returns the number of bytes."""
    import urllib.request

    partial = f"{path}.{os.getpid()}.part"
    name = os.path.basename(path)
    try:
        with urllib.request.urlopen(url, timeout=30) as answer, open(partial, "wb") as f:
            total, done = int(answer.headers.get("Content-Length") or 0), 0
            while chunk := answer.read(1 << 16):
                f.write(chunk)
                done += len(chunk)
                _bar(name, done, total)
        if total and done != total:
            raise OSError(f"{url} broke off after {done} of {total} bytes")
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
    return done


def _bar(name, done, total):
    if not sys.stderr.isatty():
        return
    filled = int(30 * done / total) if total else 0
    end = "\n" if done == total else ""
    of = f" of {total / 1e6:.1f}" if total else ""
    sys.stderr.write(f"\r{name} [{'#' * filled}{'.' * (30 - filled)}] {done / 1e6:.1f}{of} MB{end}")
    sys.stderr.flush()


def load_csv_with_header(filename, target_dtype, features_dtype, target_column=-1):
    """Dataset of a csv file whose first line begins with the number of rows and of features."""
    with open(filename, newline="") as f:
        rows = csv.reader(f)
        header = next(rows)
        data = numpy.zeros((int(header[0]), int(header[1])), dtype=features_dtype)
        target = numpy.zeros((int(header[0]),), dtype=target_dtype)
        for i, row in enumerate(rows):
            target[i] = numpy.asarray(row.pop(target_column), dtype=target_dtype)
            data[i] = numpy.asarray(row, dtype=features_dtype)
    return Dataset(data=data, target=target)


def load_csv_without_header(filename, target_dtype, features_dtype, target_column=-1):
    """Dataset of a csv file that has rows only."""
    data, target = [], []
    with open(filename, newline="") as f:
        for row in csv.reader(f):
            target.append(row.pop(target_column))
            data.append(numpy.asarray(row, dtype=features_dtype))
    return Dataset(data=numpy.array(data), target=numpy.array(target, dtype=target_dtype))
