"""tf.debugging: checks of dtypes and of finite numbers, and the switches of a debugger that is not here."""

from __future__ import annotations

import sys

import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export, publish
from ..graph import context
from ..scopes import control_dependencies, name_scope
from .core import no_op
from .python import _call, _host_op, assert_op

publish(assert_op, "Assert", v1="")


def prefixed(message):
    return f"{message}.  " if message else ""


def called(x, eagerly=""):
    """How messages call a tensor: by its name in a graph; an eager tensor, captured by a function or not, has none."""
    return getattr(x, "name", eagerly) if x.__class__ is not record.EagerTensor else eagerly


def described(x):
    return called(x, f"shape={x.shape} dtype={x.dtype.name}")


# -- dtypes -----------------------------------
@export("", v1="assert_type debugging.assert_type")
def assert_type(tensor, tf_type, message=None, name=None):
    """TypeError unless `tensor` has this dtype."""
    tf_type = dtypes.as_dtype(tf_type)
    with name_scope(name, "assert_type", [tensor]):
        if not hasattr(tensor, "dense_shape") and not hasattr(tensor, "row_splits"):
            tensor = record.convert_to_tensor(tensor, name="tensor")
        if tensor.dtype.base_dtype is not tf_type:
            spoken = called(tensor, "tensor")
            raise TypeError(f"{prefixed(message)}{spoken} must be of type {tf_type!r}; got {tensor.dtype!r}")
        return no_op("statically_determined_correct_type")


@export("debugging.assert_type", v1="")
def assert_type_v2(tensor, tf_type, message=None, name=None):
    """TypeError unless `tensor` has this dtype."""
    assert_type(tensor, tf_type, message, name)


@export("", v1="assert_integer debugging.assert_integer")
def assert_integer(x, message=None, name=None):
    """TypeError unless `x` is of an integer dtype."""
    with name_scope(name, "assert_integer", [x]):
        x = record.convert_to_tensor(x, name="x")
        if not x.dtype.is_integer:
            spoken = called(x, "tensor")
            raise TypeError(
                f'{prefixed(message)}Expected "x" to be integer type.  Found: {spoken} of dtype {x.dtype!s}'
            )
        return no_op("statically_determined_was_integer")


@export("debugging.assert_integer", v1="")
def assert_integer_v2(x, message=None, name=None):
    """TypeError unless `x` is of an integer dtype."""
    assert_integer(x, message, name)


@export("debugging.is_numeric_tensor", v1="debugging.is_numeric_tensor is_numeric_tensor")
def is_numeric_tensor(tensor):
    """Whether `tensor` is a tensor of numbers (no strings, no booleans)."""
    return isinstance(tensor, record.Tensor) and (
        tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_complex
    )


@export("debugging.assert_same_float_dtype", v1="debugging.assert_same_float_dtype assert_same_float_dtype")
def assert_same_float_dtype(tensors=None, dtype=None):
    """The one floating-point dtype of the tensors and `dtype` (default float32); ValueError where they differ."""
    first = None
    for item in [t for t in tensors or [] if t is not None]:
        found = item.dtype.base_dtype
        if dtype is None:
            dtype, first = found, item
        elif found is not dtype:
            spoken = [t.name if context.graph is not None else str(t) for t in (item, first) if t is not None]
            as_ = f" as {spoken[1]}" if first is not None else ""
            raise ValueError(f"{spoken[0]}, type={found!s}, must be of the same type ({dtype!s}){as_}.")
    dtype = dtypes.float32 if dtype is None else dtype
    if not dtype.is_floating:
        raise ValueError(f"Expected floating point type, got {dtype!s}.")
    return dtype


@export("debugging.assert_proper_iterable", v1="debugging.assert_proper_iterable assert_proper_iterable")
def assert_proper_iterable(values):
    """TypeError for tensors, arrays, text and what cannot be iterated over."""
    improper = (record.Tensor, np.ndarray, bytes, str)
    if isinstance(values, improper) or hasattr(values, "dense_shape"):
        raise TypeError(f'Expected argument "values" to be a "proper" iterable.  Found: {type(values)}')
    if not hasattr(values, "__iter__"):
        raise TypeError(f'Expected argument "values" to be iterable.  Found: {type(values)}')


# -- finite numbers -----------------------------------
CHECK = _host_op("CheckNumerics", lambda tensor: tensor)


def _check(array, message):
    """Raises InvalidArgumentError where there are NaN or infinities."""
    infinite, nan = np.isinf(array), np.isnan(array)
    if not (np.any(infinite) or np.any(nan)):
        return
    text = " and ".join(["Inf"] * bool(np.any(infinite)) + ["NaN"] * bool(np.any(nan)))
    raise errors.InvalidArgumentError(None, None, f"{message} : Tensor had {text} values")


@export("debugging.check_numerics", v1="check_numerics debugging.check_numerics")
def check_numerics(tensor, message, name=None):
    """`tensor`; InvalidArgumentError where it holds NaN or infinities."""
    tensor = record.convert_to_tensor(tensor, name="tensor")
    if not tensor.dtype.is_floating:
        allowed = "bfloat16, half, float, double"
        text = f"Value for attr 'T' of {tensor.dtype.name} is not in the list of allowed values: {allowed}"
        raise (
            errors.InvalidArgumentError(None, None, text + " [Op:CheckNumerics]")
            if context.graph is None
            else TypeError(text)
        )
    if context.graph is None:
        _check(tensor._numpy(), message)
        return OPS["Identity"].public(tensor)

    def kernel(value):
        _check(value, message)
        return (value,)

    out = _call(CHECK, kernel, [tensor], name or "CheckNumerics", (tensor._slot.aval,), True)
    out.op.attributes = {"message": message, "T": tensor.dtype}
    out.op.gradient = lambda node, cotangents: [cotangents[0]]
    return out


@export("debugging.assert_all_finite", v1="")
def assert_all_finite(x, message, name=None):
    """`x`; InvalidArgumentError where it holds NaN or infinities."""
    with name_scope(name, "VerifyFinite", [x]):
        x = record.convert_to_tensor(x, name="x")
        checked = check_numerics(x, message)
        if context.graph is None:
            return checked
        with control_dependencies([checked]):
            return OPS["Identity"].public(x, name="control_dependency")


@export("", v1="verify_tensor_all_finite debugging.assert_all_finite")
def verify_tensor_all_finite(t=None, msg=None, name=None, x=None, message=None):
    """TF1's assert_all_finite."""
    return assert_all_finite(t if x is None else x, msg if message is None else message, name)


@export("", v1="add_check_numerics_ops")
def add_check_numerics_ops():
    """An operation that checks every floating-point tensor of the current graph; ValueError where it has branches or
    loops.
    """
    if context.graph is None:
        raise RuntimeError("add_check_numerics_ops() is not compatible with eager execution.")
    checks = []
    if any(
        operation.type in ("If", "StatelessIf", "While", "StatelessWhile", "Case", "StatelessCase")
        for operation in context.graph.get_operations()
    ):
        raise ValueError(
            "`tf.add_check_numerics_ops() is not compatible with TensorFlow control flow operations such as `tf.cond()` "
            "or `tf.while_loop()`."
        )
    for operation in context.graph.get_operations():
        for tensor in operation.outputs:
            if tensor.dtype.base_dtype.is_floating:
                with control_dependencies(checks):
                    checks = [check_numerics(tensor, f"{operation.name}:{tensor.value_index}").op]
    with control_dependencies(checks):
        return no_op("group_deps")


@export("is_tensor", v1="is_tensor contrib.framework.is_tensor")
def is_tensor(x):
    """Whether `x` is a tensor, a sparse one, IndexedSlices or a variable."""
    kinds = (record.Tensor, record.IndexedSlices)
    return isinstance(x, kinds) or hasattr(type(x), "_dense_tensor") or hasattr(x, "_with_values")


def _refused(name, why):
    def refuse(*args, **kwargs):
        raise NotImplementedError(f"tf.{name}: {why}")

    refuse.__name__ = name.rpartition(".")[2]
    return export(name)(refuse)


_refused(
    "debugging.enable_check_numerics",
    "compiled programs are not checked op by op; use tf.debugging.check_numerics where you suspect "
    "trouble, or tf.compat.v1.add_check_numerics_ops in a graph.",
)
_refused("debugging.experimental.enable_dump_debug_info", "there is no TensorFlow debugger here.")
_refused("debugging.experimental.disable_dump_debug_info", "there is no TensorFlow debugger here.")


@export("debugging.disable_check_numerics")
def disable_check_numerics():
    """Nothing to switch off: tfcompat does not have enable_check_numerics."""


_switches = {"traceback filtering": True, "device placement": False}


@export("debugging.enable_traceback_filtering")
def enable_traceback_filtering():
    """Switches on what `is_traceback_filtering_enabled` tells; tfcompat's errors name the user's line either way."""
    _switches["traceback filtering"] = True


@export("debugging.disable_traceback_filtering")
def disable_traceback_filtering():
    """Switches off what `is_traceback_filtering_enabled` tells; tfcompat's errors name the user's line either way."""
    _switches["traceback filtering"] = False


@export("debugging.is_traceback_filtering_enabled")
def is_traceback_filtering_enabled():
    """What was last asked for; True at first."""
    return _switches["traceback filtering"]


@export("debugging.get_log_device_placement")
def get_log_device_placement():
    """What `set_log_device_placement` was last given; False at first."""
    return _switches["device placement"]


@export("debugging.set_log_device_placement")
def set_log_device_placement(enabled):
    """Says on standard error where everything runs: programs are compiled whole, there is no device of a single op."""
    _switches["device placement"] = bool(enabled)
    if enabled:
        import jax

        sys.stderr.write(f"tfcompat: whole programs run on {jax.devices()[0]}; TFCOMPAT_LOG_COMPILES=1 prints which.\n")
