"""What a Session may be asked for and given: nests of fetches and how their values come back, feeds and what they must fit."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np

from . import dtypes
from .graph import Operation, context
from .shapes import TensorShape
from .tensor import EagerTensor, IndexedSlices, SymbolicTensor

_expansions: list = []  # (type, fetch function) of session conversion functions: SparseTensor and friends register here


def register_fetch(kind, parts, build):
    """Makes objects of `kind` fetchable: `parts(obj)` gives tensors (None allowed), `build(obj, values)` the fetched value."""
    _expansions.append((kind, parts, build))


class Fetches:
    """A nest of fetches, flattened once: unique tensors and operations, and how to put the values back."""

    def __init__(self, graph, fetches):
        self.graph = graph
        self.slots, self.ops, self.position = [], [], {}
        self.build = self._flatten(fetches)

    def _flatten(self, fetch):
        if fetch is None:
            raise TypeError(f"Fetch argument {fetch!r} has invalid type {type(fetch)!r}")
        if isinstance(fetch, (list, tuple)) or _is_attrs(fetch):
            items = (
                list(fetch)
                if isinstance(fetch, (list, tuple))
                else [getattr(fetch, a.name) for a in fetch.__attrs_attrs__]
            )
            parts = [self._flatten(f) for f in items]
            kind = type(fetch)
            if kind is list:
                return lambda values: [p(values) for p in parts]
            if kind is tuple:
                return lambda values: tuple([p(values) for p in parts])
            if hasattr(kind, "_fields") or _is_attrs(fetch):
                return lambda values: kind(*[p(values) for p in parts])
            return lambda values: kind([p(values) for p in parts])
        if hasattr(fetch, "keys") and hasattr(fetch, "__getitem__") and not isinstance(fetch, (str, bytes)):
            keys = list(fetch.keys())
            parts = [self._flatten(fetch[k]) for k in keys]
            kind = type(fetch)
            if kind is dict:
                return lambda values: {k: p(values) for k, p in zip(keys, parts, strict=True)}
            if hasattr(fetch, "default_factory"):
                factory = fetch.default_factory
                return lambda values: kind(factory, {k: p(values) for k, p in zip(keys, parts, strict=True)})
            return lambda values: kind([(k, p(values)) for k, p in zip(keys, parts, strict=True)])
        if isinstance(fetch, IndexedSlices):
            parts = [self._flatten(f) for f in (fetch.values, fetch.indices)]
            dense = self._flatten(fetch.dense_shape) if fetch.dense_shape is not None else lambda values: None
            return lambda values: IndexedSlicesValue(parts[0](values), parts[1](values), dense(values))
        for kind, split, build in _expansions:
            if isinstance(fetch, kind):
                parts = [(lambda values: None) if f is None else self._flatten(f) for f in split(fetch)]
                return lambda values: build(fetch, [p(values) for p in parts])
        return self._element(fetch)

    def _element(self, fetch):
        try:
            element = self.graph.as_graph_element(fetch, allow_tensor=True, allow_operation=True)
        except TypeError as e:
            raise TypeError(
                f"Fetch argument {fetch!r} has invalid type {type(fetch)!r}, must be a string or Tensor. ({e})"
            ) from None
        except ValueError as e:
            raise ValueError(f"Fetch argument {fetch!r} cannot be interpreted as a Tensor. ({e})") from None
        except KeyError as e:
            raise ValueError(f"Fetch argument {fetch!r} cannot be interpreted as a Tensor. ({e})") from None
        if not self.graph.is_fetchable(element if isinstance(element, Operation) else element.op):
            raise ValueError(f"Operation {element.name!r} has been marked as not fetchable.")
        if isinstance(element, Operation):
            self.ops.append(element)
            return lambda values: None
        slot = element._slot
        i = self.position.get(slot)
        if i is None:
            i = self.position[slot] = len(self.slots)
            self.slots.append(slot)
        return lambda values: values[i]


def _is_attrs(fetch):
    return hasattr(type(fetch), "__attrs_attrs__")


class IndexedSlicesValue(NamedTuple):
    """What fetching IndexedSlices gives, as arrays; `dense_shape` is None where the slices have none."""

    values: np.ndarray
    indices: np.ndarray
    dense_shape: np.ndarray | None


def key_of(fetch):
    """Identifies a nest of fetches: the plan it belongs to keeps the objects alive, so ids are safe."""
    kind = fetch.__class__
    if kind is list or kind is tuple:
        return (kind, *[key_of(f) for f in fetch])
    if kind is str:
        return fetch
    if kind is dict:
        return (kind, *[(k, key_of(v)) for k, v in fetch.items()])
    if hasattr(kind, "_fields"):
        return (kind, *[key_of(f) for f in fetch])
    return id(fetch)


def fetched(value):
    """A fetched value as the user gets it: an array of its own, a NumPy scalar, or bytes."""
    array = np.asarray(value)
    if array.ndim == 0:
        return array[()]
    return np.array(array)


# -- feeds --------------------------------------------------------------------------------------------------------------
feed_expansions: list = []  # (type, function(key, value) -> [(tensor, value)])


def register_feed(kind, expand):
    """Makes objects of `kind` usable as feed keys: `expand(key, value)` gives (tensor, value) pairs."""
    feed_expansions.append((kind, expand))


class Hashable:
    """A feed key that hashes by identity whatever the equality mode."""

    __slots__ = ("tensor",)

    def __init__(self, tensor):
        self.tensor = tensor

    def _as_graph_element(self):
        return self.tensor


def feed_value(tensor, a, value):
    """A fed value as an array of the tensor's dtype; TypeError or ValueError with TensorFlow's words where it does not fit."""
    if isinstance(value, SymbolicTensor):
        raise TypeError(
            "The value of a feed cannot be a tf.Tensor object. Acceptable feed values include Python scalars, strings, lists, numpy "
            f"ndarrays, or TensorHandles. For reference, the tensor object was {value!s} which was passed to the argument "
            f"`feed_dict` with key {tensor!s}."
        )
    if isinstance(value, EagerTensor):
        value = value._numpy()
    dtype = a.np
    if value.__class__ is np.ndarray and value.dtype == dtype and dtype.kind != "O":
        array = value
    elif isinstance(value, jax.Array) and value.dtype == dtype:
        array = value
    elif dtype.kind == "O":
        array = np.asarray(value, object)
        if a.dtype is dtypes.string:  # by way of objects: NumPy's own strings drop null bytes at the end
            flat = np.empty(array.size, object)
            flat[:] = [v.encode() if isinstance(v, str) else v for v in array.ravel().tolist()]
            array = flat.reshape(array.shape)
        if a.dtype is dtypes.string and not all(isinstance(v, bytes) for v in array.ravel().tolist()):
            raise TypeError(
                f"Type of feed value {value!r} with type {type(value)} is not compatible with Tensor type string."
            )
    else:
        if isinstance(value, int) and not isinstance(value, bool) and a.dtype.is_integer:
            info = np.iinfo(dtype)
            if not info.min <= value <= info.max:
                raise TypeError(
                    f"Type of feed value {value} with type {type(value)} is not compatible with Tensor type {dtype.type}. Try explicitly "
                    "setting the type of the feed tensor to a larger type (e.g. int64)."
                )
        array = np.asarray(value, dtype)
    shape = a.shape
    if shape is not None and array.shape != shape:
        if len(array.shape) != len(shape) or any(
            d is not None and d != e for d, e in zip(shape, array.shape, strict=True)
        ):
            raise ValueError(
                f"Cannot feed value of shape {array.shape!r} for Tensor {tensor.name}, which has shape {str(TensorShape._of(shape))!r}"
                if context.eager
                else f"Cannot feed value of shape {array.shape!r} for Tensor {tensor.name!r}, which has shape {str(TensorShape._of(shape))!r}"
            )
    return array
