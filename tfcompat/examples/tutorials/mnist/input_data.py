"""tensorflow.examples.tutorials.mnist.input_data: the handwritten digits as nearly every TF1 tutorial reads them.

The files are looked for in the folder the script names, then in TFCOMPAT_DATA, then as Keras keeps them
(~/.keras/datasets/mnist.npz), and are downloaded into the script's folder otherwise.
"""

import gzip
import os

import numpy

from tfcompat.examples.tutorials.mnist import base

SOURCE_URL = DEFAULT_SOURCE_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"
TRAIN_IMAGES = "train-images-idx3-ubyte.gz"
TRAIN_LABELS = "train-labels-idx1-ubyte.gz"
TEST_IMAGES = "t10k-images-idx3-ubyte.gz"
TEST_LABELS = "t10k-labels-idx1-ubyte.gz"
_FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
_SILENT_HOSTS = ("yann.lecun.com",)  # where scripts look for MNIST and nobody answers any more

maybe_download = base.maybe_download


def _read32(bytestream):
    return int.from_bytes(bytestream.read(4), "big")


def _open(f):
    """(name, stream of the unpacked bytes) of a file object or a path, packed or not."""
    if isinstance(f, str | os.PathLike):
        f = open(f, "rb")
    packed = f.read(2) == b"\x1f\x8b"
    f.seek(-2, os.SEEK_CUR)
    return f.name, gzip.GzipFile(fileobj=f) if packed else f


def extract_images(f):
    """An idx3 file (object or path) -> uint8 [index, y, x, 1].  Raises ValueError where it is not one."""
    name, stream = _open(f)
    print("Extracting", name)
    with stream:
        magic = _read32(stream)
        if magic != 2051:
            raise ValueError(f"Invalid magic number {magic} in MNIST image file: {name}")
        count, rows, columns = _read32(stream), _read32(stream), _read32(stream)
        pixels = stream.read(rows * columns * count)
    return numpy.frombuffer(pixels, dtype=numpy.uint8).reshape(count, rows, columns, 1)


def extract_labels(f, one_hot=False, num_classes=10):
    """An idx1 file (object or path) -> uint8 [index], or float64 [index, num_classes].  Raises ValueError."""
    name, stream = _open(f)
    print("Extracting", name)
    with stream:
        magic = _read32(stream)
        if magic != 2049:
            raise ValueError(f"Invalid magic number {magic} in MNIST label file: {name}")
        labels = numpy.frombuffer(stream.read(_read32(stream)), dtype=numpy.uint8)
    return dense_to_one_hot(labels, num_classes) if one_hot else labels


def dense_to_one_hot(labels_dense, num_classes=10):
    """Class numbers [n] -> float64 [n, num_classes]."""
    return numpy.eye(num_classes)[numpy.ravel(labels_dense)]


class DataSet:
    """Images and labels, handed out in batches that are reshuffled every epoch.

    Shuffling draws on NumPy's global generator, which every new DataSet seeds: with `seed` where given, else with the
    graph's seed, else afresh.  Raises TypeError for a dtype other than uint8 and float32.
    """

    def __init__(self, images, labels, fake_data=False, one_hot=False, dtype="float32", reshape=True, seed=None):
        import tfcompat

        graph_seed, op_seed = tfcompat.compat.v1.random.get_seed(seed)
        numpy.random.seed(graph_seed if seed is None else op_seed)
        dtype = tfcompat.as_dtype(dtype).base_dtype
        if dtype.name not in ("uint8", "float32"):
            raise TypeError(f"Invalid image dtype {dtype!r}, expected uint8 or float32")
        self.one_hot = one_hot
        if fake_data:
            self._num_examples = 10000
        else:
            assert images.shape[0] == labels.shape[0], f"images.shape: {images.shape} labels.shape: {labels.shape}"
            self._num_examples = images.shape[0]
            if reshape:
                assert images.shape[3] == 1
                images = images.reshape(images.shape[0], images.shape[1] * images.shape[2])
            if dtype.name == "float32":
                images = numpy.multiply(images.astype(numpy.float32), 1.0 / 255.0)
        self._images, self._labels = images, labels
        self._epochs_completed = 0
        self._index_in_epoch = 0

    @property
    def images(self):
        """[n, 784], or [n, 28, 28, 1] where not reshaped; float32 in [0, 1], or uint8."""
        return self._images

    @property
    def labels(self):
        """[n] class numbers, or [n, 10]."""
        return self._labels

    @property
    def num_examples(self):
        return self._num_examples

    @property
    def epochs_completed(self):
        return self._epochs_completed

    def next_batch(self, batch_size, fake_data=False, shuffle=True):
        """The next batch_size (images, labels); a batch may end one epoch and begin the next."""
        if fake_data:
            label = [1] + [0] * 9 if self.one_hot else 0
            return [[1] * 784 for _ in range(batch_size)], [label for _ in range(batch_size)]
        start = self._index_in_epoch
        if self._epochs_completed == 0 and start == 0 and shuffle:
            self._shuffle()
        if start + batch_size <= self._num_examples:
            self._index_in_epoch = start + batch_size
            return self._images[start : start + batch_size], self._labels[start : start + batch_size]
        self._epochs_completed += 1
        rest = self._images[start:], self._labels[start:]
        if shuffle:
            self._shuffle()
        self._index_in_epoch = end = batch_size - (self._num_examples - start)
        return numpy.concatenate((rest[0], self._images[:end])), numpy.concatenate((rest[1], self._labels[:end]))

    def _shuffle(self):
        order = numpy.arange(self._num_examples)
        numpy.random.shuffle(order)
        self._images, self._labels = self._images[order], self._labels[order]


def read_data_sets(
    train_dir,
    fake_data=False,
    one_hot=False,
    dtype="float32",
    reshape=True,
    validation_size=5000,
    seed=None,
    source_url=DEFAULT_SOURCE_URL,
):
    """Datasets(train, validation, test); validation is the first validation_size training digits.

    Raises ValueError for a validation_size beyond the training digits; FileNotFoundError, saying which files belong
    into which folder, where they are nowhere and cannot be downloaded.
    """
    if fake_data:
        options = {"fake_data": True, "one_hot": one_hot, "dtype": dtype, "seed": seed}
        return base.Datasets(*(DataSet([], [], **options) for _ in range(3)))
    train_images, train_labels, test_images, test_labels = _arrays(train_dir, one_hot, source_url or SOURCE_URL)
    if not 0 <= validation_size <= len(train_images):
        raise ValueError(f"Validation size should be between 0 and {len(train_images)}. Received: {validation_size}.")
    options = {"dtype": dtype, "reshape": reshape, "seed": seed}
    v = validation_size
    train = DataSet(train_images[v:], train_labels[v:], **options)
    validation = DataSet(train_images[:v], train_labels[:v], **options)
    test = DataSet(test_images, test_labels, **options)
    return base.Datasets(train=train, validation=validation, test=test)


def load_mnist(train_dir="MNIST-data"):
    """read_data_sets with its defaults."""
    return read_data_sets(train_dir)


def _arrays(train_dir, one_hot, source_url):
    """[train images, train labels, test images, test labels] from the first place that has them all."""
    digits = source_url == SOURCE_URL or any(host in source_url for host in _SILENT_HOSTS)
    shared = base.data_folders("", "mnist", "MNIST_data") if digits else []
    if "fashion" in source_url:
        shared = base.data_folders("fashion-mnist")
    for folder in [train_dir, *shared]:
        paths = [_present(folder, name) for name in _FILES]
        if all(paths):
            return _extract(paths, one_hot)
    keras = os.path.join(os.path.expanduser("~"), ".keras", "datasets")
    for folder in [*base.data_folders(""), keras] if digits else []:
        path = os.path.join(folder, "mnist.npz")
        if os.path.exists(path):
            return _from_npz(path, one_hot)
    try:
        url = SOURCE_URL if digits else source_url
        return _extract([base.maybe_download(name, train_dir, url + name) for name in _FILES], one_hot)
    except OSError as error:
        raise FileNotFoundError(_ABSENT.format(error=error, folder=train_dir, files="\n    ".join(_FILES))) from None


_ABSENT = """the MNIST files are not here and cannot be downloaded ({error}).
  Into the folder {folder!r} belong
    {files}
  or set TFCOMPAT_DATA to a folder that has them, or put mnist.npz into ~/.keras/datasets."""


def _present(folder, name):
    """Path of a file in a folder, packed or unpacked, with the dot that some unpackers write; None without it."""
    plain = name.removesuffix(".gz")
    for candidate in (name, plain, plain.replace("-idx", ".idx")):
        path = os.path.join(folder, candidate)
        if os.path.isfile(path):
            return path
    return None


def _extract(paths, one_hot):
    return [
        extract_images(paths[0]),
        extract_labels(paths[1], one_hot),
        extract_images(paths[2]),
        extract_labels(paths[3], one_hot),
    ]


def _from_npz(path, one_hot):
    print("Extracting", path)
    with numpy.load(path, allow_pickle=False) as f:
        arrays = [f["x_train"][..., None], f["y_train"], f["x_test"][..., None], f["y_test"]]
    return [dense_to_one_hot(a) if one_hot and a.ndim == 1 else a for a in arrays]
