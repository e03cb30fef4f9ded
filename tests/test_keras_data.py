"""tf.keras.datasets, get_file and what prepares arrays: from files made here, without a network.

Orders of shuffled data, paddings and words are Keras 3.15's; where files lie is Keras 2's.
"""

import gzip
import hashlib
import io
import os
import pickle
import tarfile
import zipfile

import numpy as np
import pytest

import tfcompat as tf

keras = tf.keras


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Keras's cache and a folder of TFCOMPAT_DATA, both empty; without a network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("TFCOMPAT_DATA", str(tmp_path / "given"))
    (tmp_path / "given").mkdir()
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    return tmp_path


def _objects(rows):
    made = np.empty(len(rows), object)
    made[:] = rows
    return made


# -- data sets --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("place", ["given", "keras/datasets"])
def test_mnist_is_found_where_users_put_it(home, place):
    x, y = np.arange(2 * 784, dtype=np.uint8).reshape(2, 28, 28), np.array([3, 7], np.uint8)
    np.savez(home / place / "mnist.npz", x_train=x, y_train=y, x_test=x[1:], y_test=y[1:])
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    np.testing.assert_array_equal(x_train, x)
    np.testing.assert_array_equal(y_train, y)
    assert (x_test.shape, y_test.tolist(), x_test.dtype) == ((1, 28, 28), [7], np.uint8)


def test_fashion_mnist_is_read_from_its_four_files(home):
    (home / "given" / "fashion-mnist").mkdir()
    for split, n in (("train", 3), ("t10k", 2)):
        for what, header, numbers in (("labels-idx1", 8, n), ("images-idx3", 16, n * 784)):
            with gzip.open(home / "given" / "fashion-mnist" / f"{split}-{what}-ubyte.gz", "wb") as f:
                f.write(bytes(header) + bytes(i % 251 for i in range(numbers)))
    (x_train, y_train), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
    assert (x_train.shape, y_train.tolist()) == ((3, 28, 28), [0, 1, 2])
    assert (x_test.shape, y_test.tolist()) == ((2, 28, 28), [0, 1])
    assert x_train[0, 1, 0] == 28


def test_cifar10_comes_out_of_its_archive(home):
    with tarfile.open(home / "given" / "cifar-10-python.tar.gz", "w:gz") as archive:
        for i, name in enumerate([*[f"data_batch_{i}" for i in range(1, 6)], "test_batch"]):
            batch = {b"data": np.full((2, 3072), i, np.uint8), b"labels": [i, 9]}
            batch[b"data"][:, 1024:2048] = 100  # green
            text = pickle.dumps(batch)
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
    (x_train, y_train), (x_test, y_test) = keras.datasets.cifar10.load_data()
    assert (x_train.shape, y_train.shape, x_test.shape) == ((10, 32, 32, 3), (10, 1), (2, 32, 32, 3))
    assert y_train[:4, 0].tolist() == [0, 9, 1, 9]
    assert x_train[2, 5, 5].tolist() == [1, 100, 1]


def test_a_data_set_that_is_more_than_data_is_refused(home):
    class Surprise:
        def __reduce__(self):
            return os.getcwd, ()

    np.savez(home / "given" / "imdb.npz", x_train=_objects([Surprise(), [1]]))
    with pytest.raises(pickle.UnpicklingError, match="getcwd does not belong into a data set"):
        keras.datasets.imdb.load_data()


def test_texts_of_imdb(home):
    texts = [[2, 3], [10, 11, 12, 13], [20, 21, 22], [40]]
    np.savez(
        home / "given" / "imdb.npz",
        x_train=_objects(texts), y_train=np.array([0, 1, 0, 1]), x_test=_objects([[50], [60, 61]]), y_test=np.array([1, 0]),
    )  # fmt: skip

    def load(**settings):
        (x, y), (xt, yt) = keras.datasets.imdb.load_data(**settings)
        return sorted(zip(x.tolist(), y.tolist(), strict=True)), sorted(xt.tolist())

    train, test = load()
    assert train == [([1, 5, 6], 0), ([1, 13, 14, 15, 16], 1), ([1, 23, 24, 25], 0), ([1, 43], 1)]
    assert test == [[1, 53], [1, 63, 2]]  # the largest number is a word too many, as in Keras
    train, test = load(num_words=15, skip_top=6, start_char=None, oov_char=None)
    assert train == [([], 0), ([], 1), ([6], 0), ([13, 14], 1)]
    assert [t for t, _ in load(maxlen=4)[0]] == [[1, 5, 6], [1, 43]]
    with pytest.raises(ValueError, match="no sequence was kept"):
        load(maxlen=1)
    with pytest.raises(TypeError, match="Unrecognized keyword arguments"):
        load(words=3)


def test_the_order_of_boston(home):
    """numpy.random.RandomState(113) puts five rows into this order; four of them are for training."""
    np.savez(home / "given" / "boston_housing.npz", x=np.arange(10.0).reshape(5, 2), y=np.arange(5.0))
    order = np.arange(5)
    np.random.RandomState(113).shuffle(order)
    (x, y), (xt, yt) = keras.datasets.boston_housing.load_data()
    assert [*y, *yt] == order.tolist()
    assert (len(y), len(yt)) == (4, 1)
    np.testing.assert_array_equal(x[:, 0], 2 * y)
    with pytest.raises(ValueError, match="Invalid `test_split` argument: 1.5"):
        keras.datasets.boston_housing.load_data(test_split=1.5)


def test_names_of_topics():
    names = keras.datasets.reuters.get_label_names()
    assert (len(names), names[0], names[-1]) == (46, "cocoa", "lead")


# -- files ------------------------------------------------------------------------------------------------------------
def test_a_file_is_fetched_once(home, capsys):
    (home / "data.txt").write_text("one")
    origin = (home / "data.txt").as_uri()
    path = keras.utils.get_file("mine.txt", origin)
    assert path == str(home / "keras" / "datasets" / "mine.txt")
    assert "Downloading data from" in capsys.readouterr().out
    (home / "data.txt").write_text("two")
    assert open(keras.utils.get_file("mine.txt", origin)).read() == "one"
    assert open(keras.utils.get_file("mine.txt", origin, force_download=True)).read() == "two"
    assert keras.utils.get_file(origin=origin, cache_subdir="a/b").endswith("keras/a/b/data.txt")


def test_a_file_given_is_not_fetched(home):
    (home / "given" / "shakespeare.txt").write_text("words")
    path = keras.utils.get_file("mine.txt", "https://nowhere.invalid/data/shakespeare.txt")
    assert (os.path.basename(path), open(path).read()) == ("mine.txt", "words")


def test_a_checksum_that_does_not_hold_keeps_what_was_there(home):
    (home / "data.txt").write_text("one")
    origin = (home / "data.txt").as_uri()
    good = hashlib.sha256(b"one").hexdigest()
    path = keras.utils.get_file("mine.txt", origin, file_hash=good)
    with pytest.raises(ValueError, match="Incomplete or corrupted file detected"):
        keras.utils.get_file("mine.txt", origin, md5_hash="0" * 32)
    assert open(path).read() == "one"
    assert os.listdir(os.path.dirname(path)) == ["mine.txt"]


def test_archives_are_unpacked_as_keras_2_did(home):
    with tarfile.open(home / "flowers.tgz", "w:gz") as archive:
        info = tarfile.TarInfo("flowers/a.txt")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    with zipfile.ZipFile(home / "spa.zip", "w") as archive:
        archive.writestr("spa/b.txt", "def")
    folder = keras.utils.get_file("flowers", (home / "flowers.tgz").as_uri(), untar=True)
    assert open(os.path.join(folder, "a.txt")).read() == "abc"
    path = keras.utils.get_file("spa.zip", (home / "spa.zip").as_uri(), extract=True)
    assert open(os.path.join(os.path.dirname(path), "spa", "b.txt")).read() == "def"


def test_what_cannot_be_fetched_says_where_it_belongs(home):
    with pytest.raises(Exception, match=r"URL fetch failure on .*(?s:.)*as 'none.txt', or set TFCOMPAT_DATA"):
        keras.utils.get_file("none.txt", (home / "none.txt").as_uri())
    with pytest.raises(ValueError, match='specify the "origin"'):
        keras.utils.get_file("none.txt")
    with pytest.raises(ValueError, match="Can't parse the file name"):
        keras.utils.get_file(origin="https://nowhere.invalid/")


# -- arrays -----------------------------------------------------------------------------------------------------------
def test_classes_as_vectors():
    assert keras.utils.to_categorical([0, 2]).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert keras.utils.to_categorical([[1], [0]], 2).tolist() == [[0, 1], [1, 0]]
    assert keras.utils.to_categorical(1, 2).dtype == np.float32
    assert keras.utils.to_categorical(tf.constant([[1]]), 3).numpy().tolist() == [[0, 1, 0]]
    with pytest.raises(IndexError):
        keras.utils.to_categorical([5], 3)


def test_unit_lengths():
    np.testing.assert_allclose(keras.utils.normalize(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0.0, 0.0]])
    np.testing.assert_allclose(
        keras.utils.normalize([[2.0, 2.0], [6.0, 2.0]], axis=0, order=1), [[0.25, 0.5], [0.75, 0.5]]
    )


PADDED = [
    ({}, [[0, 0, 1], [2, 3, 4], [0, 0, 0]]),
    ({"maxlen": 2}, [[0, 1], [3, 4], [0, 0]]),
    ({"maxlen": 4, "padding": "post"}, [[1, 0, 0, 0], [2, 3, 4, 0], [0, 0, 0, 0]]),
    ({"maxlen": 2, "truncating": "post", "value": 7.5, "dtype": "float32"}, [[7.5, 1], [2, 3], [7.5, 7.5]]),
]


@pytest.mark.parametrize("settings, padded", PADDED)
def test_sequences_of_one_length(settings, padded):
    assert keras.preprocessing.sequence.pad_sequences([[1], [2, 3, 4], []], **settings).tolist() == padded


REFUSED = [
    ([1, 2], {}, "Found non-iterable: 1"),
    (3, {}, "must be iterable"),
    ([[1]], {"padding": "left"}, 'Padding type "left" not understood'),
    ([[1]], {"truncating": "left"}, 'Truncating type "left" not understood'),
    ([[[1, 2]], [[1, 2, 3]]], {}, "is different from expected shape"),
    ([["a"]], {"value": "z"}, "is not compatible with `value`'s type"),
]


@pytest.mark.parametrize("sequences, settings, words", REFUSED)
def test_sequences_that_cannot_be_padded(sequences, settings, words):
    with pytest.raises(ValueError, match=words):
        keras.utils.pad_sequences(sequences, **settings)
