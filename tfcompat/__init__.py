"""tfcompat: the TensorFlow Python API (TF1 and TF2) as a front end to JAX and optax."""

import sys as _sys

from ._src import faces as _faces

__version__ = "0.1.0"

_faces.assemble(_sys.modules[__name__])


def __getattr__(name):
    raise _faces.missing("v2", "", name)
