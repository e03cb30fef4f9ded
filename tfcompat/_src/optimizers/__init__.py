"""Optimizers: TF1's (base, formula, classic, contrib) and Keras's over one set of update formulas, schedules, averages."""

from . import averages, classic, global_step, keras, legacy, schedules  # noqa: F401
