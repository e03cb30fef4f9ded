"""The user's tensors: handles on slots.  Operators are attached by ops/overloads.py, reading and writing by the engine."""

from __future__ import annotations

import numpy as np

from . import dtypes, errors
from .buffer import Buffer
from .graph import Aval, GraphSlot, Slot, aval, aval_of, context
from .shapes import TensorShape


class Tensor:
    """tf.Tensor: what eager tensors and graph tensors have in common."""

    __slots__ = ("_slot", "__weakref__")
    __array_priority__ = 100  # NumPy's operators defer to ours
    _USE_EQUALITY = True  # TF2: == compares elements; TF1: == is identity (set by the v1 face)

    @property
    def dtype(self):
        return self._slot.aval.dtype

    @property
    def shape(self):
        """The static shape, a TensorShape."""
        return TensorShape._of(self._slot.aval.shape)

    def get_shape(self):
        """The static shape, a TensorShape."""
        return TensorShape._of(self._slot.aval.shape)

    @property
    def ndim(self):
        shape = self._slot.aval.shape
        if shape is None:
            raise ValueError("Cannot take the number of dimensions of a Tensor of unknown rank.")
        return len(shape)

    def _shape_tuple(self):
        return self._slot.aval.shape

    def _shape_as_list(self):
        shape = self._slot.aval.shape
        return None if shape is None else list(shape)

    def _rank(self):
        shape = self._slot.aval.shape
        return None if shape is None else len(shape)

    def ref(self):
        """A hashable reference to this tensor, for dictionaries and sets."""
        return Reference(self)

    experimental_ref = ref

    def __hash__(self):
        if Tensor._USE_EQUALITY:
            raise TypeError("Tensor is unhashable. Instead, use tensor.ref() as the key.")
        return id(self)

    def __copy__(self):
        return self


class Reference:
    """Compares and hashes by the identity of what it refers to (tensor.ref())."""

    __slots__ = ("_object", "__weakref__")

    def __init__(self, thing):
        self._object = thing

    def deref(self):
        """The object itself."""
        return self._object

    def __eq__(self, other):
        return isinstance(other, Reference) and self._object is other._object

    def __lt__(self, other):  # keys of dicts are sorted
        return id(self._object) < id(other._object) if isinstance(other, Reference) else NotImplemented

    def __hash__(self):
        return id(self._object)

    def __repr__(self):
        return f"<Reference wrapping {self._object!r}>"


_unread: list = []  # (slot, error) of a buffer that was refused: NumPy drops that error and asks for an array instead


class EagerTensor(Tensor, Buffer):
    """A tensor with a value, known now or computed when somebody asks (see engine/dispatch.py)."""

    __slots__ = ("__dict__",)

    def __init__(self, value, device=None, dtype=None):
        from .record import convert_to_tensor

        tensor = convert_to_tensor(value, None if dtype is None else dtypes.as_dtype(dtype))
        self._slot = Slot(None, 0, tensor._slot.aval, tensor._numpy())

    def _numpy(self):
        """The value as a NumPy array that may share memory with the tensor."""
        value = self._slot.value
        if value is None:
            value = demand(self._slot)
        try:
            return np.asarray(value)
        except ValueError as error:
            raise _not_for_numpy(value.shape, error) from None

    def _text(self, is_repr=False):
        value = self._slot.value
        return str(value) if value.__class__ is ResourceHandle else value_text(self._numpy(), is_repr)

    def numpy(self):
        """The value: a NumPy array of its own, a NumPy scalar for rank 0, bytes for a string."""
        value = self._numpy()
        if value.ndim == 0:
            return value[()]
        return np.array(value)

    def __array__(self, dtype=None, copy=None):
        if _unread and _unread[0][0] is self._slot:
            raise _unread.pop()[1]
        value = np.array(self._numpy())
        return value if dtype is None else value.astype(dtype, copy=False)

    def __dlpack__(self, **kwargs):
        return jax_value(self).__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return jax_value(self).__dlpack_device__()

    @property
    def device(self):
        """The device's name in TensorFlow's form."""
        return eager_device_name(self._slot.value)

    backing_device = device

    def cpu(self):
        """This value as another tensor in the CPU's memory."""
        return constant(self._numpy())

    @property
    def graph(self):
        raise AttributeError("Tensor.graph is undefined when eager execution is enabled.")

    @property
    def op(self):
        raise AttributeError("Tensor.op is undefined when eager execution is enabled.")

    @property
    def name(self):
        raise AttributeError("Tensor.name is undefined when eager execution is enabled.")

    @property
    def value_index(self):
        raise AttributeError("Tensor.value_index is undefined when eager execution is enabled.")

    @property
    def _id(self):
        return id(self)

    def set_shape(self, shape):
        """Checks that `shape` is compatible; raises ValueError otherwise."""
        if not self.shape.is_compatible_with(shape):
            raise ValueError(f"Tensor's shape {self.shape} is not compatible with supplied shape {TensorShape(shape)}")

    def eval(self, feed_dict=None, session=None):
        raise NotImplementedError(
            "eval is not supported when eager execution is enabled, is .numpy() what you're looking for?"
        )

    def consumers(self):
        raise NotImplementedError("Tensor.consumers is undefined when eager execution is enabled.")

    def _datatype_enum(self):
        return self.dtype.as_datatype_enum

    # -- Python protocols ---------------------------------------------------------------------------------------------
    def __bool__(self):
        return bool(self._numpy())

    def __int__(self):
        return int(self._real())

    def __float__(self):
        return float(self._real())

    def _real(self):
        """The value, of a complex number its real part, as NumPy converts."""
        return self._numpy().real if self.dtype.is_complex else self._numpy()

    def __complex__(self):
        return complex(self._numpy())

    def __index__(self):
        return self._numpy().__index__()

    def __buffer__(self, flags):
        """The value to read, memoryview(tensor): a copy, as the tensor's own memory may be given to the next step."""
        try:
            return memoryview(np.array(self._numpy())).toreadonly()
        except errors.InvalidArgumentError as error:
            _unread[:] = [(self._slot, error.with_traceback(None))]
            raise BufferError(error.message) from None

    def __len__(self):
        shape = self._slot.aval.shape
        if not shape:
            raise TypeError("Scalar tensor has no `len()`")
        return shape[0]

    def __iter__(self):
        shape = self._slot.aval.shape
        if not shape:
            raise TypeError("Cannot iterate over a scalar tensor.")
        if self.dtype is dtypes.string:
            return iter([constant(np.asarray(v, object)) for v in self._numpy()])
        return iter([self[i] for i in range(shape[0])])

    def __format__(self, spec):
        if self.dtype is dtypes.resource:
            return format(self._text(), spec)
        return (
            self._numpy().__format__(spec)
            if not spec or self._slot.aval.shape != ()
            else format(self._numpy()[()], spec)
        )

    def __round__(self, ndigits=None):
        return self._numpy().__round__(ndigits or 0)

    def __reduce__(self):
        return _rebuild, (np.array(self._numpy()),)

    def __deepcopy__(self, memo):
        return self

    def __str__(self):
        return f"tf.Tensor({self._text()}, shape={self.shape}, dtype={self.dtype.name})"

    def __repr__(self):
        kind = "value" if self.dtype is dtypes.resource else "numpy"
        return f"<tf.Tensor: shape={self.shape}, dtype={self.dtype.name}, {kind}={self._text(is_repr=True)}>"


class ResourceHandle:
    """The value of a tensor that stands for an eager variable (`variable.handle`): no number."""

    __slots__ = ("variable", "name")
    dtype, shape = dtypes.resource, ()

    def __init__(self, variable, name):
        self.variable, self.name = variable, name

    def __array__(self, dtype=None, copy=None):
        raise errors.InvalidArgumentError(None, None, "Cannot convert a Tensor of dtype resource to a NumPy array.")

    def __str__(self):
        v = self.variable
        return (
            f'<ResourceHandle(name="{self.name}", device="{v.device}", container="localhost", type="tensorflow::Var", '
            f'dtype and shapes : "[ DType enum: {v.dtype.as_datatype_enum}, Shape: {v.shape} ]")>'
        )


def _not_for_numpy(shape, error):
    """TensorFlow's error for a tensor that no NumPy array can hold."""
    most = 64 if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else 32
    if len(shape) > most:
        message = f"Cannot convert tensor with {len(shape)} dimensions to NumPy array. NumPy arrays can have at most {most} dimensions"
    else:
        message = f"Failed to create numpy array from tensor of shape {list(shape)}. Numpy error: {type(error).__name__}: {error}\n"
    return errors.InvalidArgumentError(None, None, message)


def _rebuild(value):
    return constant(value)


def value_text(value, is_repr=False):
    """The text TensorFlow prints for a value: NumPy's own, on lines of its own where it has several."""
    if value.ndim == 0:
        text = repr(value[()]) if value.dtype == object else str(value[()])
    else:
        text = repr(value) if is_repr else str(value)
    return "\n" + text if "\n" in text else text


class SymbolicTensor(Tensor):
    """A tensor of a graph: the output of an operation, without a value."""

    __slots__ = ("__dict__",)

    def __init__(self, slot):
        self._slot = slot
        slot.tensor = self

    @property
    def op(self):
        """The Operation that produces this tensor."""
        return self._slot.node

    @property
    def graph(self):
        return self._slot.node.graph

    @property
    def name(self):
        return f"{self._slot.node.name}:{self._slot.index}"

    @property
    def value_index(self):
        return self._slot.index

    @property
    def device(self):
        return self._slot.node.device

    def __hash__(self):
        if Tensor._USE_EQUALITY and self._slot.node.graph.building_function:
            raise TypeError("Tensor is unhashable. Instead, use tensor.ref() as the key.")
        return id(self)

    def set_shape(self, shape):
        """Merges what is known of the static shape with `shape`; raises ValueError where they contradict."""
        merged = self.shape.merge_with(shape)
        self._slot.aval = aval(self.dtype, None if merged.rank is None else tuple(merged.as_list()))

    def consumers(self):
        """The operations of the graph that read this tensor."""
        return [op for op in self.graph.operations if any(s is self._slot for s in op.ins)]

    def eval(self, feed_dict=None, session=None):
        """The value in `session` (default: the current session)."""
        from . import session as sessions

        return sessions.session_for(session, self.graph, "eval()").run(self, feed_dict)

    def numpy(self):
        raise AttributeError(
            f"'{type(self).__name__}' object has no attribute 'numpy': it belongs to a graph and has no value until it is run "
            "(Session.run, or return it from the tf.function)."
        )

    def __bool__(self):
        raise not_a_bool(self)

    def __iter__(self):
        shape = self._slot.aval.shape
        if context.graph is not None and not context.graph.building_function:
            raise errors.OperatorNotAllowedInGraphError(
                "Iterating over a symbolic `tf.Tensor` is not allowed in Graph mode. Use tf.unstack, tf.map_fn or a tf.while_loop over it."
                if Tensor._USE_EQUALITY
                else "Tensor objects are only iterable when eager execution is enabled. To iterate over this tensor use tf.map_fn."
            )
        if shape is None or not shape:
            raise TypeError(
                "Cannot iterate over a scalar tensor."
                if shape is not None
                else "Cannot iterate over a tensor with unknown shape."
            )
        if shape[0] is None:
            raise TypeError("Cannot iterate over a tensor with unknown first dimension.")
        return iter([self[i] for i in range(shape[0])])

    def __len__(self):
        raise TypeError(
            f"len is not well defined for a symbolic Tensor ({self.name}). Please call `x.shape` rather than `len(x)` for shape "
            "information."
        )

    def __array__(self, dtype=None, copy=None):
        raise NotImplementedError(
            f"Cannot convert a symbolic tf.Tensor ({self.name}) to a numpy array. This error may indicate that you're trying to "
            "pass a Tensor to a NumPy call, which is not supported."
        )

    def __index__(self):
        raise TypeError(
            f"Cannot use the symbolic tensor {self.name} as a Python index: its value is not known while the graph is built."
        )

    def __float__(self):
        raise TypeError(f"float() argument must be a string or a real number, not '{type(self).__name__}'")

    def __int__(self):
        raise TypeError(
            f"int() argument must be a string, a bytes-like object or a real number, not '{type(self).__name__}'"
        )

    def __format__(self, spec):
        return str(self).__format__(spec)

    def __reduce__(self):
        raise TypeError(f"cannot pickle the symbolic tensor {self.name}")

    def __deepcopy__(self, memo):
        return self

    def __str__(self):
        shape = "" if self._slot.aval.shape is None else f", shape={self.shape}"
        device = f", device={self.device}" if self.device else ""
        return f'Tensor("{self.name}"{shape}, dtype={self.dtype.name}{device})'

    def __repr__(self):
        return f"<tf.Tensor '{self.name}' shape={self.shape} dtype={self.dtype.name}>"


def not_a_bool(tensor):
    """TensorFlow's error for a symbolic tensor used as a Python bool, with the line that did it."""
    where = errors.user_line()
    at = f"\n  at {where[0]}:{where[1]}    {where[2]}" if where else ""
    if tensor.graph.building_function:
        from .autograph.status import why_not_converted

        return errors.OperatorNotAllowedInGraphError(
            f"Using a symbolic `tf.Tensor` as a Python `bool` is not allowed: {why_not_converted()}.{at}\n  or use tf.cond / tf.where on "
            f"{tensor.name}"
        )
    return TypeError(
        "Using a `tf.Tensor` as a Python `bool` is not allowed. Use `if t is not None:` instead of `if t:` to test if a tensor is "
        f"defined, and use TensorFlow ops such as tf.cond to execute subgraphs conditioned on the value of a tensor.{at}"
    )


# -- making tensors ---------------------------------------------------------------------------------------------------
def handle(slot):
    """A user's tensor for an eager slot."""
    tensor = EagerTensor.__new__(EagerTensor)
    tensor._slot = slot
    return tensor


def constant(value) -> EagerTensor:
    """An eager tensor with `value`, a NumPy or JAX array that nobody will change."""
    return handle(Slot(None, 0, aval_of(value), value))


def resource_tensor(handle_value) -> EagerTensor:
    """An eager tensor of dtype resource with a ResourceHandle."""
    return handle(Slot(None, 0, aval(dtypes.resource, ()), handle_value))


def graph_tensor(node, index, a: Aval) -> SymbolicTensor:
    return SymbolicTensor(GraphSlot(node, index, a))


def demand(slot):
    """The value of a pending slot: dispatches what is pending."""
    from .engine import dispatch

    return dispatch.demand(slot)


def jax_value(tensor):
    """The JAX array of an eager tensor (pending ones are dispatched, host values are put on the device)."""
    from .engine import dispatch

    return dispatch.device_value(tensor._slot)


def eager_device_name(value):
    devices = getattr(value, "devices", None)
    if devices is None:
        return "/job:localhost/replica:0/task:0/device:CPU:0"
    device = next(iter(devices()))
    return f"/job:localhost/replica:0/task:0/device:{'CPU' if device.platform == 'cpu' else device.platform.upper()}:{device.id}"


class IndexedSlices:
    """tf.IndexedSlices: rows `values` [n, ...] at `indices` [n] of a tensor of shape `dense_shape`; duplicates add up."""

    def __init__(self, values, indices, dense_shape=None):
        self._values, self._indices, self._dense_shape = values, indices, dense_shape

    @property
    def values(self):
        return self._values

    @property
    def indices(self):
        return self._indices

    @property
    def dense_shape(self):
        return self._dense_shape

    @property
    def shape(self):
        from .record import constant_value_as_shape

        return TensorShape(None) if self._dense_shape is None else constant_value_as_shape(self._dense_shape)

    @property
    def dtype(self):
        return self._values.dtype

    @property
    def name(self):
        return self._values.name

    @property
    def op(self):
        return self._values.op

    @property
    def graph(self):
        return self._values.graph

    @property
    def device(self):
        return self._values.device

    def consumers(self):
        return self._values.consumers()

    def __str__(self):
        shape = "" if self._dense_shape is None else f", dense_shape={self._dense_shape}"
        return f"IndexedSlices(indices={self._indices}, values={self._values}{shape})"

    __repr__ = __str__

    def __neg__(self):
        return IndexedSlices(-self._values, self._indices, self._dense_shape)
