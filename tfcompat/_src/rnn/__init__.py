"""tf.nn.rnn_cell, tf.nn.dynamic_rnn and their contrib names."""

from . import bidirectional, cells, loops, raw, wrappers  # noqa: F401
