"""Getting data files: from the folder the script names, from the user's data folders, from the net."""

import collections
import csv
import os

import numpy

from tfcompat._src.platform.download import data_folders, download

__all__ = ["data_folders"]

Dataset = collections.namedtuple("Dataset", ["data", "target"])
Datasets = collections.namedtuple("Datasets", ["train", "validation", "test"])


def maybe_download(filename, work_directory, source_url):
    """Path of the file in the folder, downloaded first where it is not there.  Raises OSError."""
    os.makedirs(work_directory, exist_ok=True)
    path = os.path.join(work_directory, filename)
    if not os.path.exists(path):
        size = download(source_url, path)
        print("Successfully downloaded", filename, size, "bytes.")
    return path


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
