"""tf.summary: summaries as operations (TF1) or written at once (TF2), in event files that TensorBoard reads."""

from . import messages, ops, writer, writer_v2  # noqa: F401
