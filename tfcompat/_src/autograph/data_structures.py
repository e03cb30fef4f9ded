"""Lists and subscripts in converted code, where Feature.LISTS asks for it: TensorArrays take the place of lists."""

from __future__ import annotations

from malt.operators import data_structures as plain

from ..declare import OPS
from ..ops.tensor_array import TensorArray
from .logical import is_tensor


def new_list(iterable=None):
    """`[...]`: a list."""
    return list(iterable or ())


def list_append(list_, x):
    """`list_.append(x)`; the list to go on with."""
    if isinstance(list_, TensorArray):
        return list_.write(list_.size(), x)
    if is_tensor(list_):
        raise ValueError(f"tensor lists are expected to be Tensors with dtype=tf.variant, instead found {list_}")
    list_.append(x)
    return list_


def list_pop(list_, i, opts):
    """(the list after, the element) of `list_.pop(i)`."""
    if is_tensor(list_) or isinstance(list_, TensorArray):
        raise NotImplementedError("pop of a tf.TensorArray in converted code: read it at its last index")
    return list_, list_.pop() if i is None else list_.pop(i)


def list_stack(list_, opts):
    """`ag.stack(list_)`."""
    return list_.stack() if isinstance(list_, TensorArray) else opts.original_call(list_)


def get_item(target, i, opts):
    """`target[i]`."""
    return target.read(i) if isinstance(target, TensorArray) else target[i]


def set_item(target, i, x):
    """`target[i] = x`; what to go on with."""
    if isinstance(target, TensorArray):
        return target.write(i, x)
    if is_tensor(target):
        shape = OPS["ExpandDims"].public(i, 0)
        return OPS["TensorScatterUpdate"].public(
            target, OPS["ExpandDims"].public(shape, 0), OPS["ExpandDims"].public(x, 0)
        )
    target[i] = x
    return target


OPERATORS = {f.__name__: f for f in (new_list, list_append, list_pop, list_stack, get_item, set_item)}
OPERATORS |= {"ListPopOpts": plain.ListPopOpts, "ListStackOpts": plain.ListStackOpts}
