"""Optimizers: TF1's (base, formula, classic, contrib) and Keras's over one set of update formulas, schedules,
averages.
"""

from . import (  # noqa: F401
    averages,
    classic,
    contrib,
    decays,
    global_step,
    keras,
    legacy,
    loss_scale,
    optax_bridge,
    registry,
    schedules,
    strategy,
)
