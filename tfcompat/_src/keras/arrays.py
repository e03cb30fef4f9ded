"""What prepares arrays for a model: one-hot classes, unit length, sequences of one length."""

from __future__ import annotations

import numpy as np

from ..declare import OPS, export, publish
from ..ops.creation import one_hot
from ..tensor import Tensor


@export("keras.utils.to_categorical", v1="keras.utils.to_categorical contrib.keras.utils.to_categorical")
def to_categorical(x, num_classes=None, dtype="float32"):
    """Class numbers [...] or [..., 1] -> one-hot [..., num_classes], a NumPy array; of a tensor a float32 tensor.

    dtype: as in Keras 2.  Raises IndexError for a class beyond num_classes.
    """
    if isinstance(x, Tensor):
        if x.shape.rank is not None and x.shape.rank > 1 and x.shape[-1] == 1:
            x = OPS["Squeeze"].public(x, axis=[-1])
        return one_hot(x, num_classes)
    x = np.array(x, dtype="int64")
    shape = x.shape[:-1] if x.ndim > 1 and x.shape[-1] == 1 else x.shape
    x = x.reshape(-1)
    num_classes = num_classes or int(np.max(x)) + 1
    made = np.zeros((len(x), num_classes), dtype)
    made[np.arange(len(x)), x] = 1
    return made.reshape(*shape, num_classes)


@export("keras.utils.normalize", v1="keras.utils.normalize contrib.keras.utils.normalize")
def normalize(x, axis=-1, order=2):
    """A NumPy array divided by its norms of this order along `axis`; where a norm is 0, as it is."""
    x = np.asarray(x)
    norm = np.atleast_1d(np.linalg.norm(x, order, axis))
    norm[norm == 0] = 1
    return x / np.expand_dims(norm, axis)


def pad_sequences(sequences, maxlen=None, dtype="int32", padding="pre", truncating="pre", value=0.0):
    """Sequences of any lengths -> an array [count, maxlen, ...], cut or filled with `value` before or after ("pre", "post").

    Raises ValueError for what is no list of sequences, elements of different shapes, and other words for the ends.
    """
    if not hasattr(sequences, "__len__"):
        raise ValueError("`sequences` must be iterable.")
    for s in sequences:
        if not hasattr(s, "__len__"):
            raise ValueError(f"`sequences` must be a list of iterables. Found non-iterable: {s}")
    for what, word in (("Truncating", truncating), ("Padding", padding)):
        if word not in ("pre", "post") and any(len(s) for s in sequences):
            raise ValueError(f'{what} type "{word}" not understood')
    text = np.issubdtype(dtype, np.str_) or np.issubdtype(dtype, np.bytes_)
    if isinstance(value, str) and dtype is not object and not text:
        raise ValueError(
            f"`dtype` {dtype} is not compatible with `value`'s type: {type(value)}\nYou should set `dtype=object` for variable length strings."
        )
    if maxlen is None:
        maxlen = max([len(s) for s in sequences])
    element = next((np.asarray(s).shape[1:] for s in sequences if len(s)), ())
    made = np.full((len(sequences), maxlen, *element), value, dtype=dtype)
    for row, (i, s) in zip(made, enumerate(sequences)):
        part = np.asarray(s[-maxlen:] if truncating == "pre" else s[:maxlen], dtype=dtype)
        if not len(s):
            continue
        if part.shape[1:] != element:
            raise ValueError(
                f"Shape of sample {part.shape[1:]} of sequence at position {i} is different from expected shape {element}"
            )
        row[slice(len(part)) if padding == "post" else slice(maxlen - len(part), maxlen)] = part
    return made


_PAD = "keras.utils.pad_sequences keras.preprocessing.sequence.pad_sequences"
publish(pad_sequences, _PAD, v1=f"{_PAD} contrib.keras.preprocessing.sequence.pad_sequences")
