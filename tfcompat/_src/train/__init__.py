"""tf.train: checkpoints, coordinators, monitored sessions."""

from . import checkpoint_state, coordinator, reader, saver  # noqa: F401
