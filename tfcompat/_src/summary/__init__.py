"""tf.summary: TF1's summaries as operations, written into event files that TensorBoard reads."""

from . import messages, old, ops, v2, writer  # noqa: F401 - for their declarations
