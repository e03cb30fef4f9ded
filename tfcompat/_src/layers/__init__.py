"""tf.layers, TF1's layers over get_variable: a base class, dense, convolution, pooling, normalization, and
contrib.layers' basics.
"""

from . import base, contrib, convolution, core, normalization, pooling  # noqa: F401
