"""tf.data: pipelines of Python iterators over NumPy arrays."""

from . import dataset, iterators  # noqa: F401
