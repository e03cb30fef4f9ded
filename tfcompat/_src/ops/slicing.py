"""tensor[...], tf.slice and tf.strided_slice: from a user's key to a recorded slice (slice_kernels.py)."""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export, publish
from ..engine import infer as inference
from ..graph import Slot, aval, context
from ..scopes import name_scope
from ..shapes import Dimension
from ..tensor import EagerTensor, Tensor
from .array import bad, refusal
from .slice_kernels import (
    INDEXED,
    INDEXED_IN_GRAPH,
    SLICE_TO_END,
    check_block,
    element,
    masks_to_spec,
    positions,
)

# -- tensor[key] ------------------------------------------------------------------------------------------------------
_FIRST = INDEXED.signature({"spec": (("at", 0),)})
_NOT_AN_INDEX = (
    "Only integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar tf.int32/tf.int64 tensors are valid "
    "indices, got "
)


def getitem(self, key):
    """tensor[key]: integers, slices, `...`, None, scalar integer tensors, or one bool mask."""
    if context.graph is None:
        if key.__class__ is int and self.__class__ is EagerTensor:
            slot = self._slot
            shape = slot.aval.shape
            if shape and -shape[0] <= key < shape[0]:
                at = np.array([key if key >= 0 else key + shape[0]], np.int32)
                return record.record_eager(_FIRST, (slot, Slot(None, 0, _vector_aval(1), at)))
        mask = _mask(key)
        if mask is not None:
            return _boolean_mask(self, mask)
        return _getitem_eager(record.convert_to_tensor(self), key)
    mask = _mask(key)
    if mask is not None:
        return _boolean_mask(self, mask)
    return _getitem_graph(self, key)


def _boolean_mask(tensor, mask):
    from .where import boolean_mask

    return boolean_mask(tensor, mask)


def _mask(key):
    """`key` where it is a bool mask instead of a position."""
    if isinstance(key, Tensor) or hasattr(key.__class__, "_dense_tensor"):
        return key if key.dtype.base_dtype is dtypes.bool else None
    if key.__class__ is bool or isinstance(key, np.bool_) or isinstance(key, np.ndarray) and key.dtype == bool:
        return key
    return None


_vector_avals: dict = {}


def _vector_aval(n):
    found = _vector_avals.get(n)
    if found is None:
        found = _vector_avals[n] = aval(dtypes.int32, (n,))
    return found


def _is_tensor(value):
    return isinstance(value, Tensor) or hasattr(value.__class__, "_dense_tensor")


def _check_index(value):
    """One index or slice bound: an int, or a scalar integer tensor.  Raises TypeError as TensorFlow for anything
    else.
    """
    kind = value.__class__
    if kind is int:
        return value
    if isinstance(value, np.generic) and value.dtype.kind in "iu":
        return int(value)
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iu":
        return int(value)
    if isinstance(value, Dimension) and value.value is not None:
        return value.value
    if _is_tensor(value) and value.dtype.base_dtype in (dtypes.int32, dtypes.int64, dtypes.int16):
        if value.shape.rank in (0, None):
            return value
    elif (
        kind is not bool and hasattr(value, "__index__") and not _is_tensor(value) and not isinstance(value, np.ndarray)
    ):
        return value.__index__()
    raise TypeError(f"{_NOT_AN_INDEX}{value!r}")


def _bound(value):
    return None if value is None else _check_index(value)


def _bounds(part):
    """start, stop and step of a slice.  Raises what TensorFlow does for int16 beside int32."""
    bounds = [_bound(part.start), _bound(part.stop), _bound(part.step)]
    kinds = [v.dtype.base_dtype if _is_tensor(v) else dtypes.int32 for v in bounds if v is not None]
    if dtypes.int16 in kinds and dtypes.int32 in kinds and dtypes.int64 not in kinds:
        given = [i for i, v in enumerate(bounds) if v is not None]
        first = dtypes.int16 if bounds[0] is None else kinds[0]
        odd, got = next((i, kind) for i, kind in zip(given, kinds, strict=True) if kind is not first)
        if context.graph is not None:
            label = ("begin", "end", "strides")[odd]
            raise TypeError(
                f"Input '{label}' of 'StridedSlice' Op has type {got.name} that does not match type {first.name} of "
                "argument 'begin'."
            )
        raise bad(
            "StridedSlice",
            f"cannot compute StridedSlice as input #{odd + 1}(zero-based) was expected to be a {first.name} tensor but "
            f"is a {got.name} tensor",
        )
    return bounds


def _entries(key):
    """The entries of a key.  Raises what TensorFlow does where the tensors among all begins, ends or strides are of several dtypes."""
    keys = list(key) if isinstance(key, (list, tuple)) else [key]
    if len(keys) > 1 and any([k.__class__ is not int for k in keys]):
        for column in zip(*[(k.start, k.stop, k.step) if isinstance(k, slice) else (k, k, None) for k in keys]):
            kinds = [v.dtype.base_dtype if _is_tensor(v) else None for v in column]
            first = next((kind for kind in kinds if kind is not None), None)
            if any([kind is not None and kind is not first for kind in kinds]):
                raise _mixed(first, kinds)
    return keys


def _mixed(first, kinds):
    """What TensorFlow says of packing tensors of these dtypes (None: a number)."""
    if context.graph is not None:
        said = ", ".join((kind or first).name for kind in kinds)
        return TypeError(f"Tensors in list passed to 'values' of 'Pack' Op have types [{said}] that don't all match.")
    odd = next(i for i, kind in enumerate(kinds) if kind not in (first, None))
    wanted = f"was expected to be a {first.name} tensor but is a {kinds[odd].name} tensor"
    return bad("Pack", f"cannot compute Pack as input #{odd}(zero-based) {wanted}")


def _known(value):
    """A slice bound as a Python int: waits for the value of a tensor."""
    return int(value._numpy()) if isinstance(value, EagerTensor) else value


def _eager_spec(shape, key):
    """(spec, known positions, slots of scalar tensors) of tensor[key] for a tensor of `shape`."""
    keys = _entries(key)
    if sum(1 for k in keys if k is Ellipsis) > 1:
        raise bad("StridedSlice", "Multiple ellipses in slice spec not allowed")
    used = sum(1 for k in keys if k is not None and k is not Ellipsis)
    spec, begin, scalars, dim = [], [], [], 0
    for k in keys:
        if k is None:
            spec.append("new")
            continue
        if k is Ellipsis:
            spec.append("rest")
            dim += len(shape) - used
            continue
        size = shape[dim] if dim < len(shape) else 0
        if isinstance(k, slice):
            start, stop, step = [_known(v) for v in _bounds(k)]
            if step == 0:
                raise bad("StridedSlice", f"strides[{len(spec)}] must be non-zero")
            if start is None:
                spec.append(("slice", None, stop, step))
            else:
                low, stop, step = slice(start, stop, step).indices(size)
                n = len(range(low, stop, step))
                spec.append(("window", len(begin), n, step))
                begin.append(low if step > 0 or not n else low + (n - 1) * step)
        else:
            k = _check_index(k)
            if k.__class__ is int:
                spec.append(("at", len(begin)))
                begin.append(element(k, size, dim) if used <= len(shape) else 0)
            else:
                k = record.convert_to_tensor(k)
                if k._slot.value.__class__ is np.ndarray and used <= len(shape):
                    element(k._slot.value, size, dim)
                spec.append(("at", ~len(scalars)))  # its place behind the known positions: below
                scalars.append(k._slot)
        dim += 1
    spec = [("at", len(begin) + ~e[1]) if e[0] == "at" and e[1] < 0 else e for e in spec]
    positions(shape, spec)
    return tuple(spec), begin, scalars


def _positions_slot(begin, shape):
    return Slot(None, 0, _vector_aval(len(begin)), np.array(begin, np.int32))


def _getitem_eager(x, key):
    shape = x._shape_tuple()
    spec, begin, scalars = _eager_spec(shape, key)
    return record.record_eager(INDEXED.signature({"spec": spec}), (x._slot, _positions_slot(begin, shape), *scalars))


def _graph_spec(key):
    """(spec, [begin, end, strides], masks, positions to look up at run time?, bounds to know while compiling?) of
    tensor[key].
    """
    begin, end, strides, spec = [], [], [], []
    masks = dict(begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0)
    moving = fixed = False
    for i, k in enumerate(_entries(key)):
        bit = 1 << i
        if isinstance(k, slice):
            a, b, c = _bounds(k)
            fixed = fixed or any(_is_tensor(v) for v in (a, b, c))
            spec.append(("slice", a, b, c))
            masks["begin_mask"] |= bit * (a is None)
            masks["end_mask"] |= bit * (b is None)
            part = (0 if a is None else a, 0 if b is None else b, 1 if c is None else c)
        elif k is Ellipsis or k is None:
            masks["ellipsis_mask" if k is Ellipsis else "new_axis_mask"] |= bit
            spec.append("rest" if k is Ellipsis else "new")
            part = (0, 0 if k is Ellipsis else 1, 1)
        else:
            k = _check_index(k)
            moving = moving or _is_tensor(k)
            masks["shrink_axis_mask"] |= bit
            spec.append(("at", i))
            part = (k, k + 1, 1)
        for values, value in zip((begin, end, strides), part):
            values.append(value)
    return tuple(spec), (begin, end, strides), {k: v for k, v in masks.items() if v}, moving, fixed


def _getitem_graph(x, key):
    """Records TensorFlow's form: begin, end and strides vectors beside the masks, named under strided_slice/."""
    spec, parts, masks, moving, fixed = _graph_spec(key)
    graph = context.graph
    with name_scope(None, "strided_slice", [x, *parts[0], *parts[1]]) as scope:
        x = record.convert_to_tensor(x)
        vectors = [_vector(v, n) for v, n in zip(parts, ("stack", "stack_1", "stack_2"))]
        if moving and not fixed:
            sig = INDEXED_IN_GRAPH.signature({"spec": spec})
        else:
            sig = OPS["StridedSlice"].signature(masks)
        known = _where_unknown(x, spec, moving and fixed)
        return record.add_op(graph, sig, [x, *vectors], graph.op_name(scope, ""), **known)


def _where_unknown(x, spec, always=False):
    """What record.add_op is told of the result where dimensions of `x` are unknown: how much a slice takes of them
    is, too.  always: positions are, which the engine would guess.
    """
    shape = x._shape_tuple()
    if shape is not None and None not in shape and not always:
        return {}
    try:
        a = aval(x.dtype.base_dtype, None if shape is None else _unknown_part(shape, spec))
    except errors.InvalidArgumentError as e:
        raise ValueError(e.message) from None
    return {"avals": (a,), "single": True}


def _unknown_part(shape, spec):
    out, dim = [], 0
    for e in positions(shape, spec):
        if e == "new":
            out.append(1)
            continue
        size = shape[dim]
        dim += 1
        if e[0] != "slice":
            continue
        start, stop, step = (_static_bound(v) for v in e[1:])
        if e[1:3] == (None, None) and step in (None, 1, -1):
            out.append(size)
        elif size is None or "?" in (start, stop, step):
            out.append(None)
        else:
            out.append(len(range(*slice(start, stop, step).indices(size))))
    return tuple(out)


def _static_bound(value):
    """A slice bound as an int where it is known while the graph is built, else "?"."""
    if not _is_tensor(value):
        return value
    known = record.static_value(record.convert_to_tensor(value))
    return "?" if known is None else int(known)


def _vector(values, name):
    """A vector of integers and scalar tensors in a graph: int32, or int64 where one of the tensors is."""
    if not values:
        return record.const_op(np.zeros(0, np.int32), name)
    if any(_is_tensor(v) for v in values):
        kinds = [v.dtype.base_dtype for v in values if _is_tensor(v)]
        dtype = dtypes.int64 if dtypes.int64 in kinds else kinds[0]
        return record.pack([_of_dtype(v, dtype) for v in values], dtype, name)
    return record.const_op(np.array(values, np.int32 if all(abs(v) < 2**31 for v in values) else np.int64), name)


def _of_dtype(value, dtype):
    if _is_tensor(value):
        value = record.convert_to_tensor(value)
        return value if value.dtype.base_dtype is dtype else record.call(OPS["Cast"], [value], {"dtype": dtype}, None)
    return value


def attach(cls):
    """Gives `cls` tensor[key]; its instances must convert to tensors."""
    cls.__getitem__ = getitem
    return cls


attach(Tensor)
publish(None, "newaxis")


# -- functions --------------------------------------------------------------------------------------------------------
@export("strided_slice")
def strided_slice(input_, begin, end, strides=None, begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0,
                  shrink_axis_mask=0, var=None, name=None):  # fmt: skip
    """input_[begin:end:strides] in each dimension, changed by TensorFlow's bit masks."""
    if var is not None:
        raise NotImplementedError("tf.strided_slice: var= is not supported; use var[...].assign(value).")
    if strides is None:
        strides = np.ones_like(record.shape_array(begin)) if not _is_tensor(begin) else _ones_like(begin)
    masks = dict(begin_mask=begin_mask, end_mask=end_mask, ellipsis_mask=ellipsis_mask, new_axis_mask=new_axis_mask,
                 shrink_axis_mask=shrink_axis_mask)  # fmt: skip
    settings = {k: v for k, v in masks.items() if v}
    graph = context.graph
    if graph is None:
        return record.call(OPS["StridedSlice"], [input_, begin, end, strides], settings, name)
    full = graph.op_name(name, "StridedSlice")
    x = record.convert_to_tensor(input_, name=f"{full}/input/")
    parts = (("begin", begin), ("end", end), ("strides", strides))
    parts = [record.convert_to_tensor(v, name=f"{full}/{k}/") for k, v in parts]
    known = [record.static_value(p) for p in parts]
    extra = {}
    if all(v is not None for v in known):
        try:
            spec = masks_to_spec(*known, **masks)
        except errors.InvalidArgumentError as e:
            raise ValueError(e.message) from None
        extra = _where_unknown(x, spec)
    return record.add_op(graph, OPS["StridedSlice"].signature(settings), [x, *parts], full, **extra)


def _ones_like(x):
    return OPS["OnesLike"].public(x)


@export("slice")
def slice_(input_, begin, size, name=None):
    """input_ [...], begin [r], size [r] -> the block of that size at that place; -1 in `size` reaches to the end."""
    graph = context.graph
    if graph is None:
        x, begin, size = record.convert_to_tensor(input_), record.convert_to_tensor(begin), record.shape_array(size)
        block, _ = _block(x._shape_tuple(), _elements(begin), size.ravel().tolist())
        inputs = [x, begin, size if block is None else None]
        return record.call(
            *(SLICE_TO_END, inputs, None) if block is None else (OPS["Slice"], inputs, {"block": block}), name
        )
    full = graph.op_name(name, "Slice")
    x = record.convert_to_tensor(input_, name=f"{full}/input/")
    begin, size = (_integers(v, f"{full}/{k}/") for v, k in ((begin, "begin"), (size, "size")))
    shape = x._shape_tuple()
    block, static = _block(shape, _elements(begin), _elements(size))
    sig = SLICE_TO_END.sig if block is None else OPS["Slice"].signature({"block": block})
    if shape is not None and None not in shape and block is not None:
        return record.add_op(graph, sig, [x, begin, size], full)
    return record.add_op(graph, sig, [x, begin, size], full, avals=(aval(x.dtype.base_dtype, static),), single=True)


slice_.__name__ = slice_.__qualname__ = "slice"


def _integers(value, name):
    return record.convert_to_tensor(value if _is_tensor(value) else _packable(value), name=name)


def _packable(value):
    return (
        value
        if record._contains_tensor(value if isinstance(value, (list, tuple)) else [])
        else record.shape_array(value)
    )


def _elements(vector):
    """The elements of an integer vector, a tensor, as far as they are known without running anything: ints and None."""
    shape = vector._shape_tuple()
    if vector.__class__ is EagerTensor:
        known = vector._slot.value
        return known.ravel().tolist() if known.__class__ is np.ndarray else [None] * shape[0] if shape else None
    one, two = inference.sizes(vector._slot, 0), inference.sizes(vector._slot, 1)
    if one is None or two is None:
        return [None] * shape[0] if shape and shape[0] is not None else None
    return [a if a == b else None for a, b in zip(one.ravel().tolist(), two.ravel().tolist())]


def _block(shape, first, sizes):
    """(`block` of the op Slice, or None where it depends on `begin`; the static shape where `shape` does not decide
    it).

    shape  of the tensor, or None; first, sizes: the known elements of begin and size.
    """
    if sizes is None:
        return None, None if shape is None else (None,) * len(shape)
    if shape is not None and len(shape) != len(sizes):
        raise refusal("Slice", f"Expected begin and size arguments to be 1-D tensors of size {len(shape)}, but got "
                               f"{sizes}: Shape must be rank {len(sizes)} but is rank {len(shape)}")  # fmt: skip
    first = first if first is not None else [None] * len(sizes)
    block, static = [], []
    for i, n in enumerate(sizes):
        dim = shape[i] if shape is not None and i < len(shape) else None
        b = first[i] if i < len(first) else None
        if n == -1 and b is not None:
            block.append((b,) if dim is None else max(dim - b, 0))
            static.append(None if dim is None else max(dim - b, 0))
        else:
            block.append(None if n == -1 else n)
            static.append(None if n == -1 else n)
    if None not in first and None not in sizes and shape is not None and None not in shape and len(shape) == len(sizes):
        try:
            check_block(shape, first, sizes)
        except errors.InvalidArgumentError as e:
            raise e if context.graph is None else ValueError(e.message) from None
    return None if None in block else tuple(block), tuple(static)
