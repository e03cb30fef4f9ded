"""tf.compat: bytes and text, and the number types."""

from __future__ import annotations

import numbers
import os

import numpy as np

from ..declare import export, publish


@export("compat.as_bytes")
def as_bytes(bytes_or_text, encoding="utf-8"):
    """bytes of text, bytes or bytearray; TypeError for anything else."""
    if isinstance(bytes_or_text, bytearray):
        return bytes(bytes_or_text)
    if isinstance(bytes_or_text, str):
        return bytes_or_text.encode(encoding)
    if isinstance(bytes_or_text, bytes):
        return bytes_or_text
    raise TypeError(f"Expected binary or unicode string, got {bytes_or_text!r}")


@export("compat.as_text compat.as_str")
def as_text(bytes_or_text, encoding="utf-8"):
    """str of text or bytes; TypeError for anything else."""
    if isinstance(bytes_or_text, str):
        return bytes_or_text
    if isinstance(bytes_or_text, bytes):
        return bytes_or_text.decode(encoding)
    raise TypeError(f"Expected binary or unicode string, got {bytes_or_text!r}")


@export("compat.as_str_any")
def as_str_any(value, encoding="utf-8"):
    """str of anything, bytes decoded."""
    return as_text(value, encoding) if isinstance(value, bytes) else str(value)


@export("compat.path_to_str")
def path_to_str(path):
    """str of a path object; anything else unchanged."""
    return as_str_any(os.fspath(path)) if hasattr(path, "__fspath__") else path


publish((numbers.Integral, np.integer), "compat.integral_types")
publish((numbers.Real, np.integer, np.floating), "compat.real_types")
publish((numbers.Complex, np.number), "compat.complex_types")
publish((str, bytes), "compat.bytes_or_text_types")
