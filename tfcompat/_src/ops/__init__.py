"""The op table, a file a family.  Importing this package declares every op."""

from . import arithmetic, clip, core, math, overloads, products, reductions, special  # noqa: F401
from . import conv, losses_nn, nn, pool  # noqa: F401
from . import array, creation, gather, slicing, where  # noqa: E402, F401
