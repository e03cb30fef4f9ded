"""tf.contrib as tutorials used it: thin old names over what the other rooms hold.  (Layers, cells, optimizers, tables and signals declare
theirs beside their own code.)"""

from . import eager, framework, losses, metrics, seq2seq, slim, training  # noqa: F401 - for their declarations
