"""tf.raw_ops that carry dimension numbers, shapes and paddings from one data format to another."""

from __future__ import annotations

import numpy as np
from jax import numpy as jnp

from ..declare import op
from .array import bad
from .raw_array import raw


def _check(type, src_format, dst_format):
    """Raises InvalidArgumentError unless the two formats are 4 or 5 different letters, the same ones in both."""
    for which, format in (("Source", src_format), ("Destination", dst_format)):
        if len(format) not in (4, 5):
            received = f"{'src' if which == 'Source' else 'dst'}_format = {format}"
            raise bad(type, f"{which} format must be of length 4 or 5, received {received}")
    if sorted(src_format) != sorted(dst_format) or len(set(src_format)) != len(src_format):
        message = "Destination and source format must determine a permutation"
        raise bad(type, f"{message}, got {src_format} and {dst_format}")


@op("DataFormatDimMap", dtypes="int32 int64", name="DataFormatDimMap")
def dim_map_kernel(x, *, src_format="NHWC", dst_format="NCHW"):
    """x [...], dimension numbers in `src_format`, also counted from the end -> those of the same dimensions in `dst_format`."""
    _check("DataFormatDimMap", src_format, dst_format)
    there = jnp.array([dst_format.index(letter) for letter in src_format], x.dtype)
    return there[x % len(src_format)]


@op("DataFormatVecPermute", dtypes="int32 int64", name="DataFormatVecPermute")
def vec_permute_kernel(x, *, src_format="NHWC", dst_format="NCHW"):
    """x [n] or [n, 2], a number or a pair for each dimension in `src_format`, or for the spatial ones only -> in `dst_format`."""
    type = "DataFormatVecPermute"
    _check(type, src_format, dst_format)
    full = len(src_format)
    if x.ndim not in (1, 2):
        raise bad(type, f"input must be a vector or 2D tensor, but got shape {list(x.shape)}")
    if x.shape[0] not in (full - 2, full):
        which = "1D input" if x.ndim == 1 else "First dimension of 2D input"
        raise bad(type, f"{which} must be of size {full - 2} or {full}, but got shape {list(x.shape)}")
    if x.ndim == 2 and x.shape[1] != 2:
        raise bad(type, f"Second dimension of 2D input must be of size 2, but got shape {list(x.shape)}")
    if x.shape[0] != full:
        letters = "HW" if full == 4 else "DHW"
        if not set(letters) <= set(src_format):
            needed = "H and W" if full == 4 else "D, H and W"
            raise bad(type, f"Format specifier must contain {needed} for 2D case")
        src_format, dst_format = ("".join([c for c in f if c in letters]) for f in (src_format, dst_format))
    return x[np.array([src_format.index(letter) for letter in dst_format])]


raw("DataFormatDimMap", dim_map_kernel)
raw("DataFormatVecPermute", vec_permute_kernel)
