"""Python's built-in functions in converted code: those that tensors, TensorArrays and datasets have another meaning for."""

from __future__ import annotations

from malt.operators import py_builtins as plain

from .. import dtypes, record
from ..data.dataset import Dataset
from ..data.iterators import EagerIterator
from ..declare import OPS
from ..graph import context
from ..ops import creation
from ..ops.python import PRINT, _call
from ..ops.tensor_array import TensorArray
from ..tensor import EagerTensor
from .iteration import Elements
from .logical import is_tensor

UNSPECIFIED = object()


def call(f, args, kwargs, caller_fn_scope):
    """A call of a built-in function."""
    if f is eval:
        return plain.eval_in_original_context(f, args, caller_fn_scope)
    if f is super:
        return plain.super_in_original_context(f, args, caller_fn_scope)
    if f is globals:
        return plain.globals_in_original_context(caller_fn_scope)
    if f is locals:
        return plain.locals_in_original_context(caller_fn_scope)
    try:
        f = OVERLOADS.get(f, f)
    except TypeError:
        pass
    return f(*args, **kwargs) if kwargs else f(*args)


def abs_(x):
    """abs: of a dataset, of each element."""
    if isinstance(x, Dataset):
        return x.map(lambda e: OPS["Abs"].public(e))
    return OPS["Abs"].public(x) if is_tensor(x) else abs(x)


def float_(x=0):
    """float: a float32 tensor for a tensor."""
    return _number(x, dtypes.float32) if is_tensor(x) else float(x)


def int_(x=0, base=UNSPECIFIED):
    """int: an int32 tensor for a tensor."""
    if is_tensor(x):
        if base is not UNSPECIFIED and base != 10:
            raise NotImplementedError(f"base {base} not supported for int")
        return _number(x, dtypes.int32)
    return int(x) if base is UNSPECIFIED else int(x, base)


def _number(x, dtype):
    x = record.convert_to_tensor(x)
    if x.dtype is dtypes.string:
        return OPS["StringToNumber"].public(x, out_type=dtype)
    return OPS["Cast"].public(x, dtype=dtype)


def len_(s):
    """len: a tensor's first dimension, a TensorArray's size, a dataset's cardinality."""
    if isinstance(s, TensorArray):
        return s.size()
    if isinstance(s, Dataset) and context.graph is not None:
        if s._length is not None and s._length >= 0:
            return record.convert_to_tensor(s._length, dtypes.int64)
        if s._length == -1:
            raise ValueError("len requires a dataset with definitive cardinality, got an infinite one")
        return s.cardinality()
    if not is_tensor(s):
        return len(s)
    if s.shape.rank == 0:
        raise ValueError(f"len requires a non-scalar tensor, got one of shape {s.shape}")
    if s.shape.rank and s.shape.as_list()[0] is not None:
        return s.shape.as_list()[0]
    return OPS["Shape"].public(s)[0]


def print_(*objects, **kwargs):
    """print: where a tensor of a graph is among `objects`, in each run of the graph, with the values of the tensors."""
    unknown = set(kwargs) - {"sep", "end", "file", "flush"}
    if unknown:
        raise ValueError(f"invalid keyword arguments: {tuple(unknown)}")
    if context.graph is None or not any(is_tensor(x) for x in objects):
        return print(*objects, **kwargs)
    tensors = [record.convert_to_tensor(x) for x in objects if is_tensor(x)]
    places = [i for i, x in enumerate(objects) if is_tensor(x)]

    def kernel(*arrays):
        shown = list(objects)
        for i, a in zip(places, arrays, strict=True):
            value = a[()] if a.ndim == 0 else a
            shown[i] = value.decode() if isinstance(value, bytes) else value
        print(*shown, **{"flush": True, **kwargs})
        return ()

    return _call(PRINT, kernel, tensors, "PyFunc", (), False)


def _extreme(name, reduction, function):
    def extreme(*args, **kwargs):
        if not any(is_tensor(s) for s in args):
            return function(*args, **kwargs)
        if kwargs:
            raise ValueError(f"These keyword arguments are currently not supported: {tuple(kwargs)}")
        if len(args) == 1:
            rank = args[0].shape.rank
            if rank == 0:
                return args[0]
            if rank == 1:
                return OPS[reduction].public(args[0], 0)
            raise ValueError(
                f"{name}(arg) currently support only tensor with rank 1, but got a tensor with rank {rank}"
            )
        for a in args:
            shape = record.convert_to_tensor(a).shape if not is_tensor(a) else a.shape
            if shape.rank != 0:
                raise ValueError(
                    f"{name}(arg1, arg2, *args) currently support only scalar tensor, but got a tensor with shape {shape.rank}"
                )
        return OPS[reduction].public(OPS["Pack"].public(list(args)), 0)

    extreme.__name__ = extreme.__qualname__ = f"{name}_"
    return extreme


min_, max_ = _extreme("min", "Min", min), _extreme("max", "Max", max)


def range_(start_or_stop, stop=UNSPECIFIED, step=UNSPECIFIED):
    """range: a tf.range where a tensor is among the arguments."""
    given = [v for v in (start_or_stop, stop, step) if v is not UNSPECIFIED]
    if not any(is_tensor(v) for v in given):
        return range(*given)
    if len(given) == 3:
        return creation.range(*given)
    start, stop = given if len(given) == 2 else (0, given[0])
    return creation.range(start, OPS["Maximum"].public(start, stop))


def enumerate_(s, start=0):
    """enumerate: of a dataset, a dataset of pairs."""
    return s.enumerate(start) if isinstance(s, Dataset) else enumerate(s, start)


def zip_(*iterables, strict=False):
    """zip: of datasets, a dataset of tuples."""
    if iterables and all(isinstance(i, Dataset) for i in iterables):
        return Dataset.zip(iterables)
    return zip(*iterables, strict=strict)


def map_(fn, *iterables):
    """map: of datasets, a dataset."""
    if iterables and all(isinstance(i, Dataset) for i in iterables):
        return (iterables[0] if len(iterables) == 1 else Dataset.zip(iterables)).map(fn)
    return map(fn, *iterables)


def filter_(function, iterable):
    """filter: of a dataset, a dataset."""
    return iterable.filter(function) if isinstance(iterable, Dataset) else filter(function, iterable)


def next_(iterator, default=UNSPECIFIED):
    """next: of a dataset's iterator, the next element in each run of the function."""
    if isinstance(iterator, EagerIterator) and context.graph is not None:
        if default is not UNSPECIFIED:
            raise NotImplementedError(
                "next(iterator, default) of a dataset's iterator in a tf.function: use a for loop"
            )
        return Elements(iterator).next()
    return next(iterator) if default is UNSPECIFIED else next(iterator, default)


def sorted_(iterable, key=UNSPECIFIED, reverse=UNSPECIFIED):
    """sorted: tf.sort of a tensor of rank 1."""
    given = {k: v for k, v in (("key", key), ("reverse", reverse)) if v is not UNSPECIFIED}
    if not is_tensor(iterable) or isinstance(iterable, EagerTensor) and context.graph is None:
        return sorted(iterable, **given)
    from ..ops.functional import map_fn
    from ..ops.ordering import sort

    if key is not UNSPECIFIED:
        keys = map_fn(key, iterable)
        if keys.shape.rank != 1:
            raise ValueError("sort only supports only 1D tensors")
        direction = "DESCENDING" if reverse is not UNSPECIFIED and reverse else "ASCENDING"
        from ..ops.ordering import argsort

        return OPS["GatherV2"].public(iterable, argsort(keys, direction=direction, stable=True), 0)
    if iterable.shape.rank != 1:
        raise ValueError("sort only supports only 1D tensors")
    return sort(iterable, direction="DESCENDING" if reverse is not UNSPECIFIED and reverse else "ASCENDING")


OVERLOADS = {
    abs: abs_, float: float_, int: int_, len: len_, print: print_, range: range_, enumerate: enumerate_, zip: zip_, map: map_,
    filter: filter_, min: min_, max: max_, sorted: sorted_, next: next_,
}  # fmt: skip
OPERATORS = {f"{f.__name__}_": overload for f, overload in OVERLOADS.items()}
