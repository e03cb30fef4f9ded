"""The TF1 face: `import tfcompat.v1 as tf`.  Importing it turns graph mode on."""

import sys as _sys

import tfcompat as _tfcompat

from ._src import faces as _faces
from ._src.graph import set_eager as _set_eager
from ._src.shapes import set_v2_tensorshape as _set_v2_tensorshape
from ._src.tensor import Tensor as _Tensor

_set_eager(False)
_set_v2_tensorshape(False)
_Tensor._use_equality = False

__version__ = "1.15.5"
compat = _tfcompat.compat
_faces.fill("v1", _sys.modules[__name__], __name__)
__path__ = []


def __getattr__(name):
    raise _faces.missing("v1", "", name)
