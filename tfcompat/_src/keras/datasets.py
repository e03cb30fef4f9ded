"""tf.keras.datasets: from the folders of TFCOMPAT_DATA, from Keras's cache (~/.keras/datasets), else from where Keras downloads them."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import zipfile

import numpy as np

from ..declare import export
from ..platform.download import data_folders
from . import files

_HOST = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"


def _load(name):
    """Publishes load_data of the data set `name`."""
    full = f"keras.datasets.{name}.load_data"

    def publish(load):
        load.__name__ = load.__qualname__ = "load_data"
        return export(full, v1=f"{full} contrib.{full}")(load)

    return publish


def _path(name, folder="", host=_HOST):
    """Path of a data set's file: in a folder of the user's, in Keras's cache, or downloaded there."""
    for base in [*data_folders(folder), os.path.join(files.home(), "datasets", folder)]:
        found = os.path.join(base, name)
        if os.path.isfile(found):
            return found
    return files.get_file(name, host + name, cache_subdir=os.path.join("datasets", folder))


class _Arrays(pickle.Unpickler):
    """Reads arrays, lists, numbers and texts, and refuses everything else that a pickle could bring."""

    _known = {"_reconstruct", "ndarray", "dtype", "encode", "scalar", "_frombuffer"}

    def find_class(self, module, name):
        if module.split(".")[0] in ("numpy", "_codecs") and name in self._known:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} does not belong into a data set")


def _npz(path):
    """{name: array} of an .npz file; rows of different lengths are an array of lists."""
    found = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            with archive.open(member) as f:
                version = np.lib.format.read_magic(f)
                header = (
                    np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                )
                shape, _, dtype = header(f)
                if dtype.hasobject:
                    found[member.removesuffix(".npy")] = _Arrays(f).load().reshape(shape)
            if member.removesuffix(".npy") not in found:
                with archive.open(member) as f:
                    found[member.removesuffix(".npy")] = np.lib.format.read_array(f, allow_pickle=False)
    return found


# -- pictures ---------------------------------------------------------------------------------------------------------
@_load("mnist")
def mnist(path="mnist.npz"):
    """((images uint8 [n, 28, 28], classes uint8 [n]) to train with, the same to test)."""
    f = _npz(_path(path))
    return (f["x_train"], f["y_train"]), (f["x_test"], f["y_test"])


@_load("fashion_mnist")
def fashion_mnist():
    """((images uint8 [n, 28, 28], classes uint8 [n]) to train with, the same to test)."""
    parts = []
    for split in ("train", "t10k"):
        with gzip.open(_path(f"{split}-labels-idx1-ubyte.gz", "fashion-mnist"), "rb") as f:
            labels = np.frombuffer(f.read(), np.uint8, offset=8)
        with gzip.open(_path(f"{split}-images-idx3-ubyte.gz", "fashion-mnist"), "rb") as f:
            images = np.frombuffer(f.read(), np.uint8, offset=16).reshape(len(labels), 28, 28)
        parts.append((images, labels))
    return tuple(parts)


def _cifar(archive, folder, batches, labels):
    """((images [n, 32, 32, 3], classes [n, 1]) of the batches to train with, the same to test), from the unpacked archive."""
    places = [*data_folders(folder), os.path.join(files.home(), "datasets", folder)]
    where = next((p for p in places if os.path.isdir(p)), None)
    if where is None:
        where = os.path.join(os.path.dirname(files.get_file(archive, _CIFAR + archive, extract=True)), folder)
    parts = []
    for names in batches:
        images, classes = [], []
        for name in names:
            with open(os.path.join(where, name), "rb") as f:
                batch = _Arrays(f, encoding="bytes").load()
            images.append(np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
            classes.append(np.asarray(batch[labels], np.uint8).reshape(-1, 1))
        parts.append((np.concatenate(images), np.concatenate(classes)))
    return tuple(parts)


@_load("cifar10")
def cifar10():
    """((images uint8 [n, 32, 32, 3], classes uint8 [n, 1]) to train with, the same to test)."""
    train = [f"data_batch_{i}" for i in range(1, 6)]
    return _cifar("cifar-10-python.tar.gz", "cifar-10-batches-py", (train, ["test_batch"]), b"labels")


@_load("cifar100")
def cifar100(label_mode="fine"):
    """As cifar10, of 100 "fine" classes or 20 "coarse" ones; ValueError for another label_mode."""
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f'`label_mode` must be one of `"fine"`, `"coarse"`. Received: label_mode={label_mode}.')
    return _cifar("cifar-100-python.tar.gz", "cifar-100-python", (["train"], ["test"]), f"{label_mode}_labels".encode())


# -- tables -----------------------------------------------------------------------------------------------------------
def _shuffled(seed, *arrays):
    """The arrays in the order that Keras shuffles them with this seed."""
    order = np.arange(len(arrays[0]))
    np.random.RandomState(seed).shuffle(order)
    return [a[order] for a in arrays]


def _split(x, y, test_split):
    n = int(len(x) * (1 - test_split))
    return (x[:n], y[:n]), (x[n:], y[n:])


def _table(path, test_split, seed, count=None):
    if not 0 <= test_split < 1:
        raise ValueError(f"Invalid `test_split` argument: {test_split}. It must be between 0 and 1 (exclusive of 1).")
    f = _npz(_path(path))
    return _split(*_shuffled(seed, f["x"][:count], f["y"][:count]), test_split)


@_load("boston_housing")
def boston_housing(path="boston_housing.npz", test_split=0.2, seed=113):
    """((features float64 [n, 13], prices [n]) to train with, the same to test); ValueError for a test_split outside [0, 1)."""
    return _table(path, test_split, seed)


@_load("california_housing")
def california_housing(version="large", path="california_housing.npz", test_split=0.2, seed=113):
    """((features [n, 8], prices [n]) to train with, the same to test); `version` "small": of the first 600 rows."""
    if version not in ("large", "small"):
        raise ValueError(f"Argument `version` must be one of 'small', 'large'. Received: version={version}")
    return _table(path, test_split, seed, 600 if version == "small" else None)


# -- texts ------------------------------------------------------------------------------------------------------------
def _marked(texts, start_char, index_from):
    """Word numbers moved by index_from, after the number that starts a text."""
    moved = [[w + (index_from or 0) for w in t] for t in texts] if start_char is not None or index_from else texts
    return [[start_char, *t] for t in moved] if start_char is not None else [list(t) for t in moved]


def _short(maxlen, texts, classes):
    if not maxlen:
        return texts, classes
    kept = [i for i, t in enumerate(texts) if len(t) < maxlen]
    return [texts[i] for i in kept], [classes[i] for i in kept]


def _common(texts, num_words, skip_top, oov_char):
    """The texts with only the words from skip_top up to num_words, the others replaced by oov_char or left out."""
    num_words = num_words or max(max(t) for t in texts)
    if oov_char is None:
        return [[w for w in t if skip_top <= w < num_words] for t in texts]
    return [[w if skip_top <= w < num_words else oov_char for w in t] for t in texts]


def _lists(texts):
    made = np.empty(len(texts), object)
    made[:] = texts
    return made


@_load("imdb")
def imdb(
    path="imdb.npz",
    num_words=None,
    skip_top=0,
    maxlen=None,
    seed=113,
    start_char=1,
    oov_char=2,
    index_from=3,
    **kwargs,
):
    """((texts, an array of lists of word numbers, classes int64 [n]) to train with, the same to test).

    Raises ValueError where no text is shorter than maxlen, TypeError for other keywords than Keras 1's nb_words.
    """
    num_words = kwargs.pop("nb_words", num_words)
    if kwargs:
        raise TypeError(f"Unrecognized keyword arguments: {kwargs}.")
    f = _npz(_path(path))
    rng = np.random.RandomState(seed)
    parts = []
    for split in ("train", "test"):
        order = np.arange(len(f[f"x_{split}"]))
        rng.shuffle(order)
        texts = _marked(f[f"x_{split}"][order], start_char, index_from)
        parts.append(_short(maxlen, texts, f[f"y_{split}"][order]))
    if not parts[0][0] or not parts[1][0]:
        raise ValueError(
            f"After filtering for sequences shorter than maxlen={maxlen}, no sequence was kept. Increase maxlen."
        )
    texts = _common(parts[0][0] + parts[1][0], num_words, skip_top, oov_char)
    n = len(parts[0][0])
    return (_lists(texts[:n]), np.asarray(parts[0][1])), (_lists(texts[n:]), np.asarray(parts[1][1]))


@_load("reuters")
def reuters(
    path="reuters.npz",
    num_words=None,
    skip_top=0,
    maxlen=None,
    test_split=0.2,
    seed=113,
    start_char=1,
    oov_char=2,
    index_from=3,
):
    """((texts, an array of lists of word numbers, topics int64 [n]) to train with, the same to test)."""
    f = _npz(_path(path))
    texts, topics = _shuffled(seed, f["x"], f["y"])
    texts, topics = _short(maxlen, _marked(texts, start_char, index_from), topics)
    texts = _common(texts, num_words, skip_top, oov_char)
    return _split(_lists(texts), np.asarray(topics), test_split)


def _word_index(name):
    full = f"keras.datasets.{name}.get_word_index"

    @export(full, v1=f"{full} contrib.{full}")
    def get_word_index(path=f"{name}_word_index.json"):
        """{word: its number}, before index_from is added."""
        with open(_path(path)) as f:
            return json.load(f)


_word_index("imdb")
_word_index("reuters")


@export("keras.datasets.reuters.get_label_names")
def get_label_names():
    """The names of the 46 topics, by number."""
    return tuple(_TOPICS.split())


_TOPICS = """cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass crude nat-gas
cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc orange
pet-chem dlr gas silver wpi hog lead"""
