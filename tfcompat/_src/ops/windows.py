"""What convolutions and pools share: data formats, strides, paddings and the sizes that follow from them."""

from __future__ import annotations

import itertools

from jax import lax

from .. import errors, record
from .array import refusal

FORMATS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}


def layout(data_format, n):
    """(data format, are the channels dimension 1) for `n` spatial dimensions; ValueError for a format that is none."""
    if data_format is None:
        return FORMATS[n][0], False
    if data_format in FORMATS[n]:
        return data_format, data_format == FORMATS[n][1]
    raise ValueError(
        f"`data_format` must be one of {', '.join(map(repr, FORMATS[n]))}. Received: data_format={data_format!r}"
    )


def full(value, n, first, name):
    """`value` (a number, or 1, n or n + 2 of them) as a tuple for every dimension; ValueError for another length."""
    value = record.setting(value)
    if value is None:
        value = (1,)
    elif not isinstance(value, tuple):
        value = (value,)
    if len(value) == n + 2:
        return tuple([int(v) for v in value])
    if len(value) == 1:
        value = value * n
    elif len(value) != n:
        raise ValueError(
            f"{name} should be of length 1, {n} or {n + 2}. Received: {name}={value} of length {len(value)}"
        )
    value = tuple([int(v) for v in value])
    return (1, 1, *value) if first else (1, *value, 1)


def remembered(function):
    """`function` of settings, whose answers are kept: a training loop asks for the same ones at every step."""
    answers: dict = {}

    def found(*settings):
        try:
            key = tuple([tuple(s) if s.__class__ is list else s for s in settings])
            answer = answers.get(key)
        except TypeError:  # lists of lists, tensors
            return function(*settings)
        if answer is None:
            answer = answers[key] = function(*settings)
        return answer

    return found


def spatial(values, first):
    """The entries of a full-length tuple that belong to spatial dimensions."""
    return tuple(values[2:] if first else values[1:-1])


def paddings(padding, n, first, explicit=True):
    """'SAME', 'VALID' or a tuple of (low, high) per spatial dimension.  Raises ValueError for anything else, eagerly
    InvalidArgumentError for another word.
    """
    padding = record.setting(padding)
    if isinstance(padding, str):
        if padding in ("SAME", "VALID"):
            return padding
        raise refusal(
            "Pad", f'Value for attr \'padding\' of "{padding}" is not in the list of allowed values: "SAME", "VALID"'
        )
    if not explicit:
        raise ValueError(f"`padding` must be 'SAME' or 'VALID' here. Received: padding={padding}")
    if (
        not isinstance(padding, tuple)
        or len(padding) != n + 2
        or any(not isinstance(p, tuple) or len(p) != 2 for p in padding)
    ):
        raise ValueError(
            f"When using explicit padding, 'padding' must be a list of {n + 2} pairs of integers. Received: "
            f"padding={padding}"
        )
    padding = tuple([(int(a), int(b)) for a, b in padding])
    if padding[0] != (0, 0) or padding[1 if first else -1] != (0, 0):
        raise ValueError(
            f"Nonzero explicit padding in the batch or depth dimensions is not supported. Received: padding={padding}"
        )
    return spatial(padding, first)


def pairs(padding, sizes, window, strides, dilations):
    """(low, high) padding per spatial dimension.  Raises InvalidArgumentError where a window does not fit."""
    reach = [(w - 1) * d + 1 for w, d in zip(window, dilations, strict=True)]
    if isinstance(padding, str):
        padding = tuple(lax.padtype_to_pads(sizes, reach, strides, padding))
    for size, span, stride, (low, high) in zip(sizes, reach, strides, padding, strict=True):
        if size + low + high < span and size:
            raise errors.InvalidArgumentError(
                None, None,
                f"Computed output size would be negative: {(size + low + high - span) // stride + 1} [input_size: "
                f"{size}, effective_filter_size: {span}, stride: {stride}] (Negative dimension size caused by subtracting "
                f"{span} from {size + low + high})",
            )  # fmt: skip
    return padding


def check_rank(value, n, what):
    """Raises InvalidArgumentError where `value` does not have batch, channels and `n` spatial dimensions."""
    if value.ndim != n + 2:
        raise errors.InvalidArgumentError(None, None, f"{what} must be {n + 2}-dimensional: {list(value.shape)}")


def check_outer(values, first, name):
    """Raises ValueError for a stride, window or dilation over the batch, and over channels too."""
    if values[0] != 1 or values[1 if first else -1] != 1:
        raise ValueError(f"Current implementation does not yet support {name} in the batch and depth dimensions.")


def taps(window):
    """The positions inside a window, in row-major order."""
    return itertools.product(*[range(w) for w in window])


def tap(padded, position, counts, strides, dilations, first):
    """What every window of an already padded tensor sees at `position`: a strided slice of `counts` windows."""
    lead = (0, 0) if first else (0,)
    starts = [p * d for p, d in zip(position, dilations, strict=True)]
    limits = [a + (c - 1) * s + 1 for a, c, s in zip(starts, counts, strides, strict=True)]
    batch, channels = padded.shape[0], padded.shape[1 if first else -1]
    tail = () if first else (0,)
    return lax.slice(
        padded,
        (*lead, *starts, *tail),
        ((batch, channels, *limits) if first else (batch, *limits, channels)),
        ((1, 1, *strides) if first else (1, *strides, 1)),
    )


def window_counts(sizes, pads, window, strides, dilations):
    """How many windows fit along each spatial dimension."""
    return tuple(
        [
            (size + low + high - (w - 1) * d - 1) // s + 1
            for size, (low, high), w, s, d in zip(sizes, pads, window, strides, dilations, strict=True)
        ]
    )


def spread(per_spatial, first, outer):
    """A tuple for every dimension from one for the spatial ones, with `outer` for batch and channels."""
    return (outer, outer, *per_spatial) if first else (outer, *per_spatial, outer)


# -- what pools refuse ----------------------------------------------------------------------------------------------------
def check_explicit(pads, window):
    """Raises InvalidArgumentError where a window could lie in the padding alone."""
    for (low, high), size in zip(pads, window, strict=True):
        for side, pad in (("Left", low), ("Right", high)):
            if pad >= size:
                raise errors.InvalidArgumentError(
                    None, None, f"{side} padding {pad} needs to be smaller than the window size {size}"
                )


def check_batch(ksize, strides):
    """Raises UnimplementedError, as TensorFlow's kernels, for windows over several examples; of 1-D pools they say nothing."""
    if len(ksize) > 3 and (ksize[0] != 1 or strides[0] != 1):
        raise errors.UnimplementedError(None, None, "Pooling is not yet supported on the batch dimension.")
