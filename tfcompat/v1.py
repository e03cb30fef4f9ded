"""The TF1 face: `import tfcompat.v1 as tf`.  Importing it turns graph mode on."""

import sys as _sys

import tfcompat as _tfcompat

from ._src import faces as _faces
from ._src.basics import disable_v2_behavior as _disable_v2_behavior

_disable_v2_behavior()

__version__ = "1.15.5"
compat = _tfcompat.compat
_faces.fill("v1", _sys.modules[__name__], __name__)
__path__ = []

from . import examples  # noqa: E402 - tf.examples.tutorials.mnist, as TF1 had it


def __getattr__(name):
    raise _faces.missing("v1", "", name)
