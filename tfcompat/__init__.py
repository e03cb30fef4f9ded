"""tfcompat: the TensorFlow Python API (TF1 and TF2) as a front end to JAX and optax."""

import gc as _gc
import sys as _sys

from ._src import faces as _faces

__version__ = "0.1.0"

_collecting = _gc.isenabled()
_gc.disable()  # thousands of small lasting objects are made here: a collection in between costs a quarter of the import
try:
    _faces.assemble(_sys.modules[__name__])
finally:
    if _collecting:
        _gc.enable()

from ._src.jax_door import show, to_jax  # noqa: E402 - after what it is made of is declared
from .launch import install  # noqa: E402


def __getattr__(name):
    raise _faces.missing("v2", "", name)
