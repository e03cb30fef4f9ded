"""tf.data: pipelines of Python iterators over NumPy arrays."""

from ..wire import example  # noqa: F401 - for its declarations
from . import dataset, files, iterators  # noqa: F401 - for their declarations
