"""tf.contrib as tutorials used it: thin old names over what the other rooms hold.  (Layers, cells, optimizers, tables and signals declare
theirs beside their own code.)"""

from . import (  # noqa: F401 - for their declarations
    arg_scope,
    eager,
    framework,
    layers,
    losses,
    metrics,
    optimize_loss,
    projector,
    regularizers,
    seq2seq,
    slim,
    training,
)
