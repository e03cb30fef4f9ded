"""tf.TensorArray: eagerly a Python list of tensors, in graphs one stacked tensor (so loops can carry it).

In a graph an array whose element shape is not known before the first write is *unset*: [size, 0, 0, 0, 0, 0, 0, 0, 0].
The first write, or the loop that contains it, gives it its shape.  One that may grow (dynamic_size) carries its size
beside its contents.  One whose elements may differ in shape (infer_shape=False, pieces of different lengths) remembers in
`_parts` what was written where, as long as all of that is known while the graph is built; loops carry the stacked tensor only.
"""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors, nest, record
from ..declare import OPS, export
from ..graph import aval, context
from ..shapes import TensorShape
from ..tensor import EagerTensor, Tensor
from .tensor_array_ops import (
    CONCAT,
    CREATE,
    GATHER,
    GROW,
    PART,
    READ,
    SCATTER,
    SCATTER_GROW,
    SIZE,
    SIZE_AFTER,
    SPLIT,
    STACK,
    UNSET,
    WRITE,
    add,
    check_ranks,
    check_split,
    lead,
)  # fmt: skip


# -- the class --------------------------------------------------------------------------------------------------------
@export("TensorArray")
class TensorArray:
    """An array of tensors written and read by index; methods that write return the array to go on with."""

    def __init__(
        self,
        dtype,
        size=None,
        dynamic_size=None,
        clear_after_read=None,
        tensor_array_name=None,
        handle=None,
        flow=None,
        infer_shape=True,
        element_shape=None,
        colocate_with_first_write_call=True,
        name=None,
    ):
        if handle is not None and size is not None:
            raise ValueError("Cannot provide both `handle` and `size` arguments at the same time.")
        if handle is not None and element_shape is not None:
            raise ValueError("Cannot provide both `handle` and `element_shape` arguments at the same time.")
        if handle is not None and dynamic_size is not None:
            raise ValueError("Cannot provide both `handle` and `dynamic_size` arguments at the same time.")
        if handle is not None and clear_after_read is not None:
            raise ValueError("Cannot provide both `handle` and `clear_after_read` arguments at the same time.")
        self._dtype = dtypes.as_dtype(dtype).base_dtype
        self._dynamic_size = bool(dynamic_size)
        self._clear_after_read = True if clear_after_read is None else bool(clear_after_read)
        self._infer_shape = infer_shape
        self._element_shape = TensorShape(element_shape)
        self._list = self._size = self._flow = None
        self._n = None  # the static size
        self._parts = None  # index -> element
        self._read: set = set()
        if context.graph is None:
            if handle is not None:
                raise ValueError("TensorArray handles are not supported when eager execution is enabled.")
            if size is None:
                raise ValueError("Size must be declared for TensorArrays when eager execution is enabled.")
            self._list = [None] * int(record.shape_array(size))
            return
        source = flow if flow is not None else handle
        if source is not None:
            self._flow = record.convert_to_tensor(source)
            shape = self._flow._slot.aval.shape
            self._n = shape[0] if shape else None
            if self._element_shape.rank is None and shape and len(shape) != 9:
                self._element_shape = TensorShape(shape[1:])
            if self._dynamic_size:
                self._size = add(SIZE, [self._flow], aval(dtypes.int32, ()))
            return
        if size is None:
            raise ValueError("Either `size` or `flow` must be provided.")
        size = record.convert_to_tensor(size, name="size")
        known = record.static_value(size)
        self._n = None if known is None or self._dynamic_size else int(known)
        shape = tuple(self._element_shape.as_list()) if self._element_shape.is_fully_defined() else None
        a = aval(self._dtype, None if shape is None else (self._n, *shape))
        self._flow = add(
            CREATE, [size], a, {"dtype": self._dtype, "shape": shape}, name or tensor_array_name, "TensorArray"
        )
        if self._dynamic_size:
            self._size = size if size.dtype is dtypes.int32 else OPS["Cast"].public(size, dtype=dtypes.int32)
        self._parts = None if infer_shape else {}

    def _with(self, flow, size=None, element_shape=None, parts=None):
        """An array like this one with other contents."""
        made = object.__new__(TensorArray)
        made.__dict__.update(self.__dict__)
        made._parts = parts
        made._flow, made._size = flow, size if size is not None else self._size
        if element_shape is not None:
            made._element_shape = element_shape
        return made

    @property
    def dtype(self):
        """The elements' dtype."""
        return self._dtype

    @property
    def flow(self):
        """The tensor that stands for the contents."""
        if self._list is not None and self._flow is None:
            return self._symbolic()._flow if context.graph is not None else record.constant(np.zeros((), np.int32))
        return self._flow

    @property
    def handle(self):
        """None eagerly; in a graph the same tensor as `flow`."""
        return self._flow

    @property
    def element_shape(self):
        """What is known of the elements' shape."""
        return self._element_shape

    @property
    def dynamic_size(self):
        """Whether writes may make the array longer."""
        return self._dynamic_size

    def _eager(self):
        return self._list is not None and context.graph is None

    def _symbolic(self):
        """This array for use in the current graph: one made eagerly goes in as its stacked elements."""
        if self._list is None:
            return self
        made = object.__new__(TensorArray)
        made.__dict__.update(self.__dict__)
        made._list = None
        shape = self._element_shape
        if any(v is None for v in self._list) and not shape.is_fully_defined():
            if any(v is not None for v in self._list):
                raise ValueError(
                    "A TensorArray that was partly written eagerly cannot be used in a graph without a full "
                    "element_shape."
                )
            n = len(self._list)
            made._flow = add(
                CREATE, [record.convert_to_tensor(n)], aval(self._dtype, None), {"dtype": self._dtype, "shape": None}
            )
        else:
            made._flow = (
                OPS["Pack"].public([self._filled(i) for i in range(len(self._list))])
                if self._list
                else record.convert_to_tensor(
                    np.zeros([0, *shape.as_list()] if shape.is_fully_defined() else (0, *UNSET), self._dtype.np)
                )
            )
        made._n = None if self._dynamic_size else len(self._list)
        made._size = record.convert_to_tensor(np.array(len(self._list), np.int32)) if self._dynamic_size else None
        return made

    def _filled(self, i):
        if self._list[i] is None:
            self._list[i] = OPS["Fill"].public(self._element_shape.as_list(), np.zeros((), self._dtype.np))
        return self._list[i]

    def _known_shape(self):
        return tuple(self._element_shape.as_list()) if self._element_shape.is_fully_defined() else None

    # -- one element --------------------------------------------------------------------------------------------------
    def read(self, index, name=None):
        """The element at `index`; eagerly OutOfRangeError past the end, InvalidArgumentError where it was read and
        cleared."""
        if self._eager():
            return self._read_eager(int(record.shape_array(index)))
        self_ = self._symbolic()
        index = record.convert_to_tensor(index, name="index")
        part = self._part(index)
        if part is not None:
            return OPS["Identity"].public(part, name=name or "TensorArrayReadV3")
        shape = self._element_shape
        a = aval(self._dtype, None if shape.rank is None else tuple(shape.as_list()))
        return add(READ, [self_._flow, index], a, {"shape": self._known_shape()}, name)

    def _part(self, index):
        """The element at the tensor `index`, where it is known to have been written there."""
        known = record.static_value(index) if self._parts else None
        return None if known is None else self._parts.get(int(known))

    def _read_eager(self, i):
        if i < 0:
            raise errors.OutOfRangeError(None, None, f"Reading from negative indices (index {i}) is not allowed.")
        if i >= len(self._list):
            raise errors.OutOfRangeError(
                None, None, f"Tried to read from index {i} but array size is: {len(self._list)} "
            )
        value = self._list[i]
        if value is None:
            if i in self._read:
                raise errors.InvalidArgumentError(
                    None, None,
                    f"Could not read index {i} twice because it was cleared after a previous read (perhaps try setting "
                    "clear_after_read = false?)",
                )  # fmt: skip
            value = self._filled(i)
        if self._clear_after_read:
            self._list[i] = None
            self._read.add(i)
        return value

    def _value(self, value):
        if isinstance(value, Tensor) or hasattr(value.__class__, "_dense_tensor"):
            value = record.convert_to_tensor(value)
        else:
            value = record.convert_to_tensor(value, preferred_dtype=self._dtype, name="value")
        if value.dtype.base_dtype is not self._dtype:
            raise errors.InvalidArgumentError(
                None,
                None,
                f"TensorArray dtype is {self._dtype.name} but Op is trying to write dtype {value.dtype.name} ",
            )
        return value

    def _checked(self, shape):
        """The element shape after an element of `shape` was written."""
        if not self._element_shape.is_compatible_with(shape):
            if context.graph is not None:
                raise ValueError(f"Inconsistent shapes: saw {shape} but expected {self._element_shape} ")
            raise ValueError(f"Incompatible shape for value ({shape}), expected ({self._element_shape})")
        return self._element_shape.merge_with(shape) if self._infer_shape else self._element_shape

    def write(self, index, value, name=None):
        """The array with `value` at `index`; ValueError for a shape that does not fit, OutOfRangeError past the end."""
        if self._eager():
            self._write_eager(int(record.shape_array(index)), self._value(value))
            return self
        self_ = self._symbolic()
        value = self._value(value)
        index = record.convert_to_tensor(index, name="index")
        shape = self._checked(value.shape)
        a = aval(self._dtype, lead(self_._n, shape))
        flow = add(
            GROW if self._dynamic_size else WRITE,
            [self_._flow, index, value],
            a,
            {"grows": True} if self._dynamic_size else None,
            name,
        )
        size = add(SIZE_AFTER, [self_._size, index], aval(dtypes.int32, ())) if self._dynamic_size else None
        known = None if self_._parts is None else record.static_value(index)
        return self_._with(flow, size, shape, None if known is None else {**self_._parts, int(known): value})

    def _write_eager(self, i, value):
        if i < 0:
            raise errors.OutOfRangeError(None, None, f"Writing to negative indices (index {i}) is not allowed.")
        if i >= len(self._list):
            if not self._dynamic_size:
                raise errors.OutOfRangeError(
                    None,
                    None,
                    f"Tried to write to index {i} but array is not resizeable and size is: {len(self._list)} ",
                )
            self._list.extend([None] * (i + 1 - len(self._list)))
        self._element_shape = self._checked(value.shape)
        self._list[i] = value

    # -- all of them --------------------------------------------------------------------------------------------------
    def _contents(self):
        """The stacked elements, as a tensor of the graph."""
        if self._dynamic_size:
            a = aval(self._dtype, lead(None, self._element_shape))
            return add(PART, [self._flow, self._size], a, {"shape": self._known_shape()})
        return self._flow

    def stack(self, name=None):
        """All elements as one tensor [size, ...]."""
        if self._eager():
            if not self._list:
                shape = self._element_shape.as_list() if self._element_shape.is_fully_defined() else []
                return record.constant(np.zeros([0, *shape], self._dtype.np))
            return OPS["Pack"].public([self._filled(i) for i in range(len(self._list))])
        self_ = self._symbolic()
        if self._dynamic_size:
            return self_._contents()
        a = aval(self._dtype, lead(self_._n, self._element_shape))
        return add(STACK, [self_._flow], a, {"shape": self._known_shape()}, name, "TensorArrayStack")

    def gather(self, indices, name=None):
        """The elements at `indices` [k] as one tensor [k, ...]."""
        if self._eager():
            return OPS["Pack"].public([self._filled(int(i)) for i in record.shape_array(indices)])
        self_ = self._symbolic()
        indices = record.convert_to_tensor(indices, name="indices")
        k = indices._slot.aval.shape[0] if indices._slot.aval.shape else None
        a = aval(self._dtype, lead(k, self._element_shape))
        return add(GATHER, [self_._flow, indices], a, {"shape": self._known_shape()}, name)

    def concat(self, name=None):
        """The elements joined along their first dimension; in a graph they have one length."""
        if self._eager():
            parts = [self._filled(i) for i in range(len(self._list))]
            check_ranks([p.shape.rank for p in parts])
            return OPS["ConcatV2"].public(parts, axis=0)
        self_ = self._symbolic()
        n = self_._n if not self._dynamic_size else len(self_._parts or ())
        if self_._joinable(n):
            return OPS["ConcatV2"].public(
                [self_._parts[i] for i in range(n)], axis=0, name=name or "TensorArrayConcatV3"
            )
        shape = self._element_shape
        if shape.rank is None:
            static = None
        else:
            rows = None if self_._n is None or shape.as_list()[0] is None else self_._n * shape.as_list()[0]
            static = (rows, *shape.as_list()[1:])
        return add(CONCAT, [self_._contents()], aval(self._dtype, static), None, name)

    def _joinable(self, n):
        """Whether all `n` elements are known and may be joined, as far as their static shapes tell.

        Raises InvalidArgumentError for scalars and for several ranks.
        """
        if not self._parts or set(self._parts) != set(range(n or 0)):
            return False
        shapes = [self._parts[i].shape for i in range(n)]
        check_ranks([shape.rank for shape in shapes])
        rests = [shape[1:] for shape in shapes if shape.rank is not None]
        return all(rest.is_compatible_with(rests[0]) for rest in rests)

    def unstack(self, value, name=None):
        """The array with the rows of `value` [n, ...] as its elements."""
        value = self._value(value)
        if value.shape.rank == 0:
            raise ValueError("Cannot unstack a scalar.")
        n = None if value.shape.rank is None else value.shape.as_list()[0]
        if self._eager():
            if n > len(self._list) and not self._dynamic_size:
                raise ValueError(f"Cannot unstack {n} tensors into a TensorArray of static size {len(self._list)} ")
            self._list = list(OPS["Unpack"].public(value, num=n, axis=0)) if n else []
            self._element_shape = self._checked(value.shape[1:])
            return self
        self_ = self._symbolic()
        shape = self._checked(value.shape[1:] if value.shape.rank is not None else TensorShape(None))
        if n is not None and self_._n is not None and n != self_._n:
            if n > self_._n:
                raise ValueError(f"Cannot unstack {n} tensors into a TensorArray of static size {self_._n} ")
            return self_.scatter(np.arange(n, dtype=np.int32), value, name)
        size = add(SIZE, [value], aval(dtypes.int32, ())) if self._dynamic_size else None
        made = self_._with(value, size, shape)
        made._n = self_._n if self_._n is not None or self._dynamic_size else n
        return made

    def scatter(self, indices, value, name=None):
        """The array with the rows of `value` [k, ...] at `indices` [k]."""
        value = self._value(value)
        if self._eager():
            for i, row in zip(
                record.shape_array(indices), OPS["Unpack"].public(value, num=value.shape.as_list()[0], axis=0)
            ):
                self._write_eager(int(i), row)
            return self
        self_ = self._symbolic()
        indices = record.convert_to_tensor(indices, name="indices")
        shape = self._checked(value.shape[1:] if value.shape.rank is not None else TensorShape(None))
        a = aval(self._dtype, lead(self_._n, shape))
        flow = add(
            SCATTER_GROW if self._dynamic_size else SCATTER,
            [self_._flow, indices, value],
            a,
            {"grows": True} if self._dynamic_size else None,
            name,
        )
        size = add(SIZE_AFTER, [self_._size, indices], aval(dtypes.int32, ())) if self._dynamic_size else None
        return self_._with(flow, size, shape)

    def split(self, value, lengths, name=None):
        """The array with consecutive pieces of `value` of these lengths as its elements; in a graph of one length."""
        value = self._value(value)
        if self._eager():
            return self._split_eager(value, np.asarray(record.shape_array(lengths)))
        self_ = self._symbolic()
        lengths = record.convert_to_tensor(lengths, name="lengths")
        known = record.static_value(lengths)
        if value.shape.rank == 0:
            raise ValueError("Shape must be at least rank 1 but is rank 0 for the value of TensorArray.split")
        rest = TensorShape(None) if value.shape.rank is None else value.shape[1:]
        length = None if known is None or not known.size else int(known[0])
        shape = (
            self._element_shape
            if not self._infer_shape or rest.rank is None
            else TensorShape([length, *rest.as_list()])
        )
        n = None if known is None else int(known.size)
        uneven = bool(n) and (known != known[0]).any()
        if uneven:
            shape = self._element_shape
        flow = add(SPLIT, [value, lengths], aval(self._dtype, lead(n, shape)), None, name)
        size = add(SIZE, [flow], aval(dtypes.int32, ())) if self._dynamic_size else None
        parts = None
        fits = bool(n) and value.shape.rank and value.shape.as_list()[0] == known.sum()
        if fits and (uneven or not self._infer_shape):
            size = record.convert_to_tensor(np.array(n, np.int32)) if self._dynamic_size else None
            parts = dict(enumerate(OPS["SplitV"].public(value, known.astype(np.int32), 0)))
        return self_._with(flow, size, shape, parts)

    def _split_eager(self, value, lengths):
        check_split(lengths, value.shape.as_list(), None if self._dynamic_size else len(self._list))
        ends = np.cumsum(lengths)
        self._list = [value[int(end - n) : int(end)] for n, end in zip(lengths, ends, strict=True)]
        return self

    def size(self, name=None):
        """The number of elements, int32."""
        if self._eager():
            return record.constant(np.array(len(self._list), np.int32))
        self_ = self._symbolic()
        if self._dynamic_size:
            return self_._size
        if self_._n is not None:
            return record.convert_to_tensor(np.array(self_._n, np.int32), name=name or "TensorArraySizeV3")
        return add(SIZE, [self_._flow], aval(dtypes.int32, ()), None, name)

    def identity(self):
        """An array with the same contents, for control dependencies."""
        if self._eager():
            return self
        self_ = self._symbolic()
        same = OPS["Identity"].public
        parts = self_._parts and {i: same(part) for i, part in self_._parts.items()}
        return self_._with(same(self_._flow), parts=parts)

    def grad(self, source, flow=None, name=None):
        """Not there: gradients pass through TensorArrays by themselves."""
        raise NotImplementedError(
            "TensorArray.grad is not supported: eager gradients and tf.gradients go through TensorArrays without it."
        )

    def close(self, name=None):
        """Lets the contents go; in a graph an operation that does nothing."""
        if self._eager():
            self._list.clear()
            return None
        from .core import no_op

        return no_op(name)


def _components(array):
    self_ = array if array._list is None else array._symbolic() if context.graph is not None else array
    if self_._list is not None:
        return [self_.stack()]
    return [self_._flow, self_._size] if self_._dynamic_size else [self_._flow]


def _rebuilt(like, components):
    flow = components[0]
    made = object.__new__(TensorArray)
    made.__dict__.update(like.__dict__)
    made._size, made._parts = components[1] if len(components) > 1 else None, None
    if isinstance(flow, EagerTensor) and context.graph is None:
        made._flow = None
        made._list = (
            list(OPS["Unpack"].public(flow, num=flow.shape.as_list()[0], axis=0)) if flow.shape.as_list()[0] else []
        )
        made._read = set()
        return made
    made._list, made._flow = None, flow
    if like._list is not None and not like._dynamic_size:
        made._n = len(like._list)
    return made


nest.register_composite(TensorArray, _components, _rebuilt)
