"""tf.metrics of TF1: each metric keeps sums in local variables and gives (value, update_op)."""

from . import at_k, confusion, means  # noqa: F401
