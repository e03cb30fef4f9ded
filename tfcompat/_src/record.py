"""From a user's call to a recorded node: values become tensors of the right dtype, settings become a Signature."""

from __future__ import annotations

import jax
import numpy as np

from . import dtypes, errors
from .engine import dispatch, dtype_checks
from .engine import infer as inference
from .graph import Node, Operation, Slot, aval, context, next_order
from .shapes import Dimension, TensorShape
from .tensor import EagerTensor, IndexedSlices, SymbolicTensor, Tensor, constant, graph_tensor, handle

record_eager = dispatch.record
_conversions: list = []  # (priority, type, function) of tf.register_tensor_conversion_function
_SCALARS = (float, int, bool)


# -- settings ---------------------------------------------------------------------------------------------------------
def freeze(value):
    """A hashable form of a setting, distinct where the kernel could tell the values apart (1, 1.0 and True are)."""
    kind = value.__class__
    if kind is str or value is None or kind is dtypes.DType:
        return value
    if kind in _SCALARS:
        return kind, value
    if kind is list or kind is tuple:
        return tuple([freeze(v) for v in value])
    if kind is dict:
        return tuple([(k, freeze(v)) for k, v in value.items()])
    if kind is np.ndarray:
        return value.dtype.str, value.shape, value.tobytes()
    return value


def setting(value):
    """A setting as kernels get it: Python numbers and tuples; a tensor's value where it is known."""
    kind = value.__class__
    if kind is int or kind is str or value is None or kind is bool or kind is float or kind is dtypes.DType:
        return value
    if isinstance(value, Tensor) or hasattr(value, "_as_graph_element"):
        known = static_value(convert_to_tensor(value))
        if known is None:
            raise NotImplementedError(
                f"tfcompat needs the value of {value!r} while the graph is built: pass a Python number here, or a tensor computed "
                "from constants and static shapes."
            )
        return tuple(known.tolist()) if known.ndim else known.item()
    if kind is list or kind is tuple:
        return tuple([setting(v) for v in value])
    if isinstance(value, np.ndarray):
        return tuple(value.tolist()) if value.ndim else value.item()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, TensorShape):
        return None if value.rank is None else tuple(value.as_list())
    if isinstance(value, Dimension):
        return value.value
    return value


def static_value(tensor):
    """The NumPy value of a tensor where it is known without running anything, else None (eager: always known, may dispatch)."""
    if isinstance(tensor, EagerTensor):
        return tensor._numpy()
    return inference.constant_value(tensor._slot)


def constant_value_as_shape(value):
    """What is known of a shape given as a tensor or Python value, as a TensorShape."""
    if isinstance(value, SymbolicTensor):
        part = inference.partial_shape(value._slot)
        return TensorShape(None if part is None else part)
    if isinstance(value, Tensor):
        return TensorShape([None if d < 0 else int(d) for d in value._numpy()])
    return TensorShape(value)


def _defined_at(op):
    at = op.made_at
    return f" It was defined at {at[0]}:{at[1]}, which is out of scope." if at else ""


# -- values -> tensors ------------------------------------------------------------------------------------------------
def convert_to_tensor(value, dtype=None, name=None, preferred_dtype=None, dtype_hint=None, as_ref=False):
    """`value` as a tensor of `dtype` (default: what TensorFlow makes of it).

    Raises ValueError or TypeError, as TensorFlow does, for values that are no tensor or do not fit the dtype.
    """
    kind = value.__class__
    if dtype is not None and dtype.__class__ is not dtypes.DType:
        dtype = dtypes.as_dtype(dtype)
    if kind is EagerTensor or kind is SymbolicTensor:
        if dtype is not None and value.dtype.base_dtype is not dtype.base_dtype:
            raise ValueError(
                f"Tensor conversion requested dtype {dtype.name} for Tensor with dtype {value.dtype.name}: {value!r}"
            )
        if kind is SymbolicTensor and context.graph is None:
            raise TypeError(
                f"Expected an eager tensor but found the symbolic tensor {value.name}: it belongs to a graph or to a tf.function "
                f"that is not being traced now; return it from there instead.{_defined_at(value.op)}"
            )
        return value
    as_tensor = getattr(kind, "_dense_tensor", None)
    if as_tensor is not None:  # variables
        tensor = as_tensor(value, dtype, name, as_ref)
        if dtype is not None and tensor.dtype.base_dtype is not dtype.base_dtype:
            raise ValueError(
                f"Tensor conversion requested dtype {dtype.name} for Tensor with dtype {tensor.dtype.name}: {value!r}"
            )
        return tensor
    if kind not in _SCALARS and kind is not np.ndarray:
        made = _converted(value, dtype, name, as_ref)
        if made is not None:
            return made
    hint = preferred_dtype if preferred_dtype is not None else dtype_hint
    if dtype is None and hint is not None:
        try:
            return convert_to_tensor(value, hint, name)
        except (TypeError, ValueError, errors.OpError):
            return convert_to_tensor(value, None, name)
    if kind in (list, tuple) and _contains_tensor(value):
        return pack(value, dtype, name)
    array = to_array(value, dtype)
    if context.graph is None:
        return constant(array)
    return const_op(array, name or "Const")


def _converted(value, dtype, name, as_ref):
    """What a registered conversion function, or the object itself, makes of `value`; None if nothing does."""
    hook = getattr(value, "__tf_tensor__", None)
    if hook is not None:
        return hook(dtype=dtype, name=name)
    if isinstance(value, Tensor):  # a subclass
        return value
    for _, types, function in _conversions:
        if isinstance(value, types):
            made = function(value, dtype=dtype, name=name, as_ref=as_ref)
            if made is not NotImplemented:
                return made
    if isinstance(value, IndexedSlices):
        return densify(value, dtype, name)
    if isinstance(value, TensorShape):
        if not value.is_fully_defined():
            raise ValueError(f"Cannot convert a partially known TensorShape {value} to a Tensor.")
        dims = value.as_list()
        wide = any(d > 2**31 - 1 for d in dims)
        return convert_to_tensor(np.array(dims, (dtype or (dtypes.int64 if wide else dtypes.int32)).np), None, name)
    if isinstance(value, Dimension):
        if value.value is None:
            raise ValueError(f"Cannot convert an unknown Dimension to a Tensor: {value}")
        return convert_to_tensor(value.value, dtype or dtypes.int32, name)
    return None


def register_tensor_conversion_function(base_type, conversion_func, priority=100):
    """Registers how objects of `base_type` become tensors; lower priorities are tried first."""
    types = base_type if isinstance(base_type, tuple) else (base_type,)
    if not all(isinstance(t, type) for t in types):
        raise TypeError("Argument `base_type` must be a type or a tuple of types.")
    if not callable(conversion_func):
        raise TypeError("Argument `conversion_func` must be callable.")
    _conversions.append((priority, types, conversion_func))
    _conversions.sort(key=lambda c: c[0])


def densify(slices, dtype=None, name=None):
    """IndexedSlices as a dense tensor: the rows summed up at their indices."""
    if dtype is not None and slices.dtype.base_dtype is not dtype.base_dtype:
        raise ValueError(
            f"Tensor conversion requested dtype {dtype.name} for IndexedSlices with dtype {slices.dtype.name}"
        )
    if slices.dense_shape is None:
        raise ValueError(
            "Tensor conversion requested for IndexedSlices for argument without dense_shape: " + str(slices)
        )
    from .declare import OPS

    shape = convert_to_tensor(slices.dense_shape)
    return OPS["UnsortedSegmentSum"].public(slices.values, slices.indices, shape[0], name=name)


def _contains_tensor(value):
    for v in value:
        kind = v.__class__
        if kind in _SCALARS or kind is np.ndarray:
            continue
        if isinstance(v, Tensor) or hasattr(kind, "_dense_tensor") or hasattr(v, "__tf_tensor__"):
            return True
        if kind in (list, tuple) and _contains_tensor(v):
            return True
        if isinstance(v, Dimension):
            continue
    return False


def pack(value, dtype=None, name=None):
    """A nested list with tensors in it, stacked: [batch, 784] with a tensor batch is a tensor of shape [2]."""
    from .declare import OPS

    found = dtype if dtype is not None else _first_dtype(value)
    parts = [pack(v, dtype or found) if v.__class__ in (list, tuple) and _contains_tensor(v) else v for v in value]
    plain = dtype is None and context.graph is None and all(isinstance(v, Tensor) for v in value)
    tensors = parts if plain else [_packed(v, found, asked=dtype is not None) for v in parts]
    return OPS["Pack"].public(tensors, name=name or "packed")


def _packed(value, dtype, asked):
    """One element of a list being stacked.  Tensors are converted only to a dtype that was asked for."""
    if not isinstance(value, Tensor):
        return convert_to_tensor(value, dtype)
    if value.dtype.base_dtype is dtype.base_dtype:
        return value
    if asked:
        from .ops.core import cast

        return cast(value, dtype)
    raise TypeError(
        f"Cannot convert a list containing a tensor of dtype {value.dtype} to {dtype} (Tensor is: {value!r})"
    )


def _first_dtype(value):
    for v in value:
        if v.__class__ in (list, tuple):
            found = _first_dtype(v)
            if found is not None:
                return found
        elif isinstance(v, Tensor) or hasattr(v.__class__, "_dense_tensor"):
            return v.dtype.base_dtype
    return None


_scalar_arrays: dict = {}


def to_array(value, dtype=None):
    """A NumPy array of its own (later changes of `value` do not show) with the dtype TensorFlow would choose or was asked for."""
    kind = value.__class__
    if kind is float or kind is int or kind is bool:
        key = (kind, value, dtype)
        found = _scalar_arrays.get(key)
        if found is not None and value:  # 0.0 and -0.0 are equal keys
            return found
        array = _python_array(value, dtype)
        if len(_scalar_arrays) < 4096:
            _scalar_arrays[key] = array
        return array
    if type(value).__module__.startswith("jax"):
        value = np.asarray(value)
    return dtypes.array_of_python(value, dtype, eager=context.graph is None)


def _python_array(value, dtype):
    return dtypes.array_of_python(value, dtype, eager=context.graph is None)


def full(shape, value):
    """An array of `shape` filled with `value`, a NumPy scalar: of NumPy, or eagerly on the device where NumPy cannot hold it."""
    try:
        return np.full(shape, value, value.dtype)
    except ValueError:  # more dimensions, or longer ones, than NumPy has
        if context.graph is not None:
            raise
        with jax.enable_x64(True):
            return jax.lax.full(shape, value)


def const_op(array, name="Const", dtype=None):
    """A Const operation of the current graph holding `array`."""
    return const_of(context.graph, array, name)


class Constant:
    """The value of a Const op: a setting that is compared by identity (small equal ones are one, see `_constant_signature`)."""

    __slots__ = ("array",)

    def __init__(self, array):
        self.array = array

    def __repr__(self):
        return f"<{self.array.dtype} {list(self.array.shape)}>"


_constants: dict = {}
SHARED = 64  # elements of a constant that programs may have in common


def _constant_signature(array):
    """The signature of a Const op; equal small arrays have the same one, so that equal programs are equal text."""
    from .declare import OPS
    from .graph import Signature

    if array.size > SHARED or array.dtype == object:
        return Signature(OPS["Const"], {"value": Constant(array)})
    key = (array.dtype.str, array.shape, array.tobytes())
    found = _constants.get(key)
    if found is None:
        if len(_constants) > 4096:
            _constants.clear()
        found = _constants[key] = Signature(OPS["Const"], {"value": Constant(array)})
    return found


def const_of(graph, array, name="Const"):
    op = Operation(
        graph,
        _constant_signature(array),
        (),
        graph.op_name(name, "Const"),
        graph.control_inputs_now(),
        made_at=errors.user_frame(),
    )
    op.attributes = {"dtype": dtypes.as_dtype(array.dtype)}
    tensor = graph_tensor(op, 0, aval(dtypes.as_dtype(array.dtype), array.shape))
    op.outs = (tensor._slot,)
    return tensor


# -- calling an op ----------------------------------------------------------------------------------------------------
def call(op, inputs, settings, name, default_name=None):
    """Records op `op` on the user's `inputs`; returns a tensor, or a list of tensors where the kernel gives several."""
    graph = context.graph
    if settings:
        settings = {k: setting(v) for k, v in settings.items()}
    if graph is None:
        return _call_eager(op, inputs, settings)
    return _call_graph(graph, op, inputs, settings, name, default_name or op.name)


def _names(op, n):
    return op.inputs if not op.variadic else [f"{op.inputs[0]}_{i}" for i in range(n)]


def _dtype_of(value):
    """The dtype of what already is a tensor, else None."""
    if isinstance(value, Tensor) or hasattr(value.__class__, "_dense_tensor") or isinstance(value, IndexedSlices):
        return value.dtype.base_dtype
    return None


def _unify(op, inputs, names):
    """The dtype that untyped inputs adopt: that of the first tensor among those that must agree, else of the first value."""
    if not op.alike:
        return None
    if op.only is not None:
        return op.only
    first = None
    for value, name in zip(inputs, names, strict=False):
        if value is None or name in op.own or name in op.static:
            continue
        dtype = _dtype_of(value)
        if dtype is not None:
            return dtype
        if first is None and isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind not in "OSU":
            first = dtypes.as_dtype(value.dtype)
        if value.__class__ in (list, tuple):
            found = _first_dtype(value)
            if found is not None:
                return found
    return first


def _call_eager(op, inputs, settings):
    names = op.inputs if not op.variadic else (op.inputs[0],) * len(inputs)
    dtype = _unify(op, inputs, names) if len(inputs) > 1 else op.only
    slots, fixed = [], None
    for i, value in enumerate(inputs):
        kind = value.__class__
        if value is None and names[i] in op.optional:
            fixed = fixed or {}
            fixed[i] = None
        elif names[i] in op.static:
            fixed = fixed or {}
            fixed[i] = shape_array(value)
        elif kind is EagerTensor:
            slots.append(value._slot)
        else:
            own = names[i] in op.own
            tensor = _convert_input(op, value, None if own else dtype, names[i], i)
            slots.append(tensor._slot)
            if dtype is None and op.alike and not own and i == 0:
                dtype = tensor.dtype.base_dtype
    if op.host:
        return run_on_host(op, settings, fixed, slots)
    sig = op.signature(settings, fixed) if (settings or fixed or op.sig is None) else op.sig
    if op.known:
        a = slots[0].aval
        if a.shape is not None:
            out = sig.apply((jax.ShapeDtypeStruct(a.shape, np.float32),))
            return constant(np.asarray(out[0]))
    made = dispatch.record(sig, tuple(slots))
    if op.verifies and all([s.value.__class__ is np.ndarray for s in slots]):
        # What is wrong with constants is told here.
        dispatch.demand((made[0] if made.__class__ is list else made)._slot)
    return made


def _convert_input(op, value, dtype, name, position):
    try:
        return convert_to_tensor(value, dtype)
    except (TypeError, ValueError) as e:
        if dtype is not None and isinstance(value, Tensor):
            raise errors.InvalidArgumentError(
                None, None,
                f"cannot compute {op.type} as input #{position}(zero-based) was expected to be a {dtype_checks.spoken(dtype)} tensor "
                f"but is a {dtype_checks.spoken(value.dtype)} tensor [Op:{op.type}]",
            ) from None  # fmt: skip
        raise e


def shape_array(value):
    """A static input as a NumPy array of integers (or of its own dtype): waits for the value of a tensor."""
    kind = value.__class__
    if kind is EagerTensor:
        return value._numpy()
    if kind is list or kind is tuple:
        if _contains_tensor(value):
            return np.array([shape_array(v) for v in value])
        return _int_array([v.value if isinstance(v, Dimension) else v for v in value], value)
    if kind is int:
        return np.array(value, np.int32) if -(2**31) <= value < 2**31 else np.array(value, np.int64)
    if isinstance(value, (TensorShape, Dimension)):
        if isinstance(value, TensorShape) and not value.is_fully_defined():
            raise ValueError(f"Cannot convert a partially known TensorShape {value} to a Tensor.")
        sizes = np.array(value.as_list() if isinstance(value, TensorShape) else value.value, np.int64)
        return sizes if np.any(sizes >= 2**31) else sizes.astype(np.int32)
    if hasattr(kind, "_dense_tensor"):
        tensor = convert_to_tensor(value)
        return shape_array(tensor) if tensor.__class__ is EagerTensor else tensor  # of a graph: a run will tell
    return to_array(value)


def _int_array(values, original):
    if not values:
        return np.array([], np.int32)
    array = to_array(values)
    return array


def run_on_host(op, settings, fixed, slots):
    """Runs a host op now: NumPy arrays in, NumPy arrays out."""
    if op.dtypes is not None and slots:
        dtype_checks.check_first(op, slots[0].aval.dtype)
    args = [np.asarray(s.value if s.value is not None else dispatch.demand(s)) for s in slots]
    for position, value in sorted((fixed or {}).items()):
        args.insert(position, value)
    out = op.kernel(*args, **(settings or {}))
    many = isinstance(out, (tuple, list))
    values = [host_array(v) for v in (out if many else (out,))]
    if context.tapes and op.gradient is not None:
        node = Node(op.signature(settings, fixed), tuple(slots), next_order())
        node.outs = tuple([Slot(None, i, aval(dtypes.as_dtype(v.dtype), v.shape), v) for i, v in enumerate(values)])
        tensors = [handle(s) for s in node.outs]
        dispatch.note_node(node)
    else:
        tensors = [handle(Slot(None, 0, aval(dtypes.as_dtype(v.dtype), v.shape), v)) for v in values]
    return tensors if many else tensors[0]


def host_array(value):
    """What a host kernel returned as an array: text becomes an object array of bytes."""
    if isinstance(value, (str, bytes)):
        array = np.empty((), object)
        array[()] = value.encode() if isinstance(value, str) else value
        return array
    value = np.asarray(value)
    if value.dtype.kind in "SU":
        flat = [v.encode() if isinstance(v, str) else v for v in value.ravel().tolist()]
        array = np.empty(len(flat), object)
        array[:] = flat
        return array.reshape(value.shape)
    return value


def _call_graph(graph, op, inputs, settings, name, default_name):
    full = graph.op_name(name, default_name)
    names = op.inputs if not op.variadic else [f"{op.inputs[0]}_{i}" for i in range(len(inputs))]
    kinds = op.inputs if not op.variadic else (op.inputs[0],) * len(inputs)
    dtype = _unify(op, inputs, kinds) if len(inputs) > 1 else op.only
    tensors, fixed = [], {}
    for i, value in enumerate(inputs):
        if value is None and kinds[i] in op.optional:
            fixed[i] = None
            continue
        own = kinds[i] in op.own or kinds[i] in op.static
        if (
            kinds[i] in op.static
            and not isinstance(value, (Tensor, np.ndarray))
            and not hasattr(value.__class__, "_dense_tensor")
            and not (value.__class__ in (list, tuple) and _contains_tensor(value))
        ):
            value = shape_array(value)
        try:
            tensor = convert_to_tensor(value, None if own else dtype, name=f"{full}/{names[i]}/")
        except ValueError:
            if dtype is None or not isinstance(value, Tensor):
                raise
            raise TypeError(
                f"Input '{names[i]}' of '{op.type}' Op has type {value.dtype.name} that does not match type {dtype.name} of argument "
                f"'{names[0]}'."
            ) from None
        if dtype is None and op.alike and not own and len(inputs) > 1:
            dtype = tensor.dtype.base_dtype
        tensors.append(tensor)
    sig = op.signature(settings, fixed or None) if (settings or fixed or op.sig is None) else op.sig
    return add_op(graph, sig, tensors, full)


def add_op(graph, sig, tensors, full_name, reads=(), writes=(), avals=None, sub=(), single=None, attributes=None):
    """Creates an Operation called `full_name` (already unique) in `graph`; returns its tensor, list of tensors, or the Operation.

    Raises ValueError where the inputs' shapes do not fit, as TensorFlow does while a graph is built.
    """
    slots = tuple([capture(graph, t) for t in tensors])
    if avals is None:
        ins = tuple([s.aval for s in slots])
        ins = tuple([aval(a.dtype.base_dtype, a.shape) if a.dtype._is_ref_dtype else a for a in ins])
        try:
            inferred = inference.infer_graph(sig, ins, slots)
        except (errors.InvalidArgumentError, errors.FailedPreconditionError, errors.OutOfRangeError) as e:
            graph._by_name.pop(full_name, None)
            where = errors.user_line()
            at = f"\n  made at {where[0]}:{where[1]}    {where[2]}" if where else ""
            said = e.message
            if not all([a.known for a in ins]):  # sizes that stood for unknown ones
                for size in inference.PROBES:
                    said = said.replace(str(size), "?")
            message = f"{sig.op.type} {full_name!r}: {said}{at}"
            if any(s in e.message for s in ("expected to be a", "list of allowed values:", "match expected type of")):
                raise TypeError(message) from None
            raise ValueError(message) from None
        avals, single = inferred.avals, inferred.single
    if not sig.op.host and any(s.aval.dtype is dtypes.string for s in slots):
        sig = sig.op.for_text().signature(sig.settings, sig.fixed)
    op = Operation(graph, sig, slots, full_name, graph.control_inputs_now(), reads, writes, errors.user_frame(), sub)
    op.attributes = attributes
    if attributes and avals and avals[0].dtype._is_ref_dtype and attributes.get("ref") is not None:
        behind = attributes["ref"].op  # what changes a TF1 variable stays with it
        op.colocated, op.device = behind.colocation_groups(), behind.device
    out = [graph_tensor(op, i, a) for i, a in enumerate(avals)]
    op.outs = tuple([t._slot for t in out])
    if not out:
        return op
    if graph.building_function and context.tapes:
        for tape in context.tapes:
            tape.append(op)
    elif context.tapes:
        for tape in context.tapes:
            tape.append(op)
    return out[0] if single else out


def capture(graph, tensor):
    """The slot of `tensor` in `graph`: its own, or a capture of a function being traced.  Raises ValueError for another graph's."""
    slot = tensor._slot
    if tensor.__class__ is EagerTensor:
        if graph.building_function:
            return graph.capture(tensor)._slot
        return const_of(graph, tensor._numpy())._slot
    if slot.node.graph is graph:
        return slot
    if graph.building_function:
        return graph.capture(tensor)._slot
    raise ValueError(
        f"Tensor {tensor.name} must be from the same graph as the ops being created (another tf.Graph is current)."
    )
