"""tf.train: checkpoints, coordinators, monitored sessions."""

from . import (  # noqa: F401
    checkpoint,
    checkpoint_manager,
    checkpoint_state,
    coordinator,
    init_from_checkpoint,
    reader,
    saver,
)
