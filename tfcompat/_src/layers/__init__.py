"""tf.layers, TF1's layers over get_variable: a base class, dense, convolution, pooling, normalization."""

from . import base, convolution, core, normalization, pooling  # noqa: F401 - for their declarations
