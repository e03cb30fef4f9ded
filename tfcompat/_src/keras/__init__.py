"""tf.keras as far as it is here: data sets and files, and what prepares arrays.  Optimizers and initializers have rooms of their own."""

from . import arrays, datasets, files

__all__ = ["arrays", "datasets", "files"]
