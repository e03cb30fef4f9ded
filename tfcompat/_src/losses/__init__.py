"""tf.losses of TF1: losses with weights, reductions and the LOSSES collection."""

from . import functions, weighted  # noqa: F401
