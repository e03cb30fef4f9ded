"""The store behind tf.get_variable: variables by their names, found or made, whole or partitioned."""

from __future__ import annotations

import enum
import functools
import inspect
import traceback

from . import dtypes, record
from .declare import publish
from .graph import context
from .scopes import GraphKeys, add_to_collection, add_to_collections, name_scope
from .shapes import TensorShape
from .variables import VariableAggregation, VariableSynchronization, VariableV1, resource_variables_enabled


class _ReuseMode(enum.Enum):
    AUTO_REUSE = 1


AUTO_REUSE = _ReuseMode.AUTO_REUSE
publish(AUTO_REUSE, "", v1="AUTO_REUSE")


def needs_no_arguments(function):
    """Whether a callable can be called without arguments."""
    parameters = inspect.signature(function).parameters.values()
    return all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)


def takes(function, name):
    """Whether a callable has a parameter `name`, by that name."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


class VariableStore:
    """Variables by their full names."""

    def __init__(self):
        self._vars: dict = {}
        self._partitioned_vars: dict = {}
        self._store_eager_variables = False

    def get_variable(self, name, *, reuse=None, custom_getter=None, dtype=dtypes.float32, trainable=None,
                     synchronization=VariableSynchronization.AUTO, use_resource=None, **settings):  # fmt: skip
        """The variable called `name`, found or made as `reuse` says.  Raises ValueError where it must not or does
        not exist.
        """
        if custom_getter is not None and not callable(custom_getter):
            raise ValueError(f"Passed a custom_getter which is not callable: {custom_getter}")
        if context.graph is None:
            use_resource = True
            if not self._store_eager_variables and reuse:
                raise RuntimeError(
                    "When eager execution is enabled variable reuse is only supported when an EagerVariableStore is "
                    "active. See the documentation on EagerVariableStore for example usage."
                )
            if self._store_eager_variables:
                reuse = AUTO_REUSE
        if trainable is None:
            trainable = synchronization != VariableSynchronization.ON_READ
        arguments = dict(
            settings, name=name, reuse=reuse, dtype=getattr(dtype, "base_dtype", dtype), trainable=trainable,
            synchronization=synchronization, use_resource=use_resource,
        )  # fmt: skip
        if custom_getter is None:
            return self._get(**arguments)
        parameters = inspect.signature(custom_getter).parameters
        if "constraint" not in parameters and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            arguments.pop("constraint", None)
        return custom_getter(getter=self._get, **arguments)

    def _get(self, name, shape=None, dtype=dtypes.float32, initializer=None, regularizer=None, reuse=None,
             trainable=None,
             collections=None, caching_device=None, partitioner=None, validate_shape=True, use_resource=None,
             constraint=None,
             synchronization=VariableSynchronization.AUTO, aggregation=VariableAggregation.NONE):  # fmt: skip
        settings = dict(
            shape=shape, dtype=dtype, initializer=initializer, regularizer=regularizer, reuse=reuse,
            trainable=trainable,
            collections=collections, validate_shape=validate_shape, use_resource=use_resource, constraint=constraint,
            synchronization=synchronization, aggregation=aggregation,
        )  # fmt: skip
        is_scalar = isinstance(shape, (list, tuple)) and not shape or isinstance(shape, TensorShape) and shape.rank == 0
        if partitioner is not None and not is_scalar:
            if not callable(partitioner):
                raise ValueError(f"Partitioner must be callable, but received: {partitioner}")
            with name_scope(None):
                return self._get_partitioned(name, partitioner, **settings)
        if reuse is True and partitioner is None and name in self._partitioned_vars:
            return self._get_partitioned(name, None, **settings)
        if f"{name}/part_0" in self._vars:
            raise ValueError(
                f"No partitioner was provided, but a partitioned version of the variable was found: {name}/part_0. "
                "Perhaps a variable of the same name was already created with partitioning?"
            )
        return self._get_single(name, **settings)

    def _get_partitioned(self, name, partitioner, **settings):
        from .partitioned import get_partitioned_variable

        return get_partitioned_variable(self, name, partitioner, **settings)

    def _get_single(self, name, *, shape=None, dtype=dtypes.float32, initializer=None, regularizer=None, reuse=None,
                    trainable=None,
                    collections=None, validate_shape=True, use_resource=None, constraint=None, partition_info=None,
                    synchronization=VariableSynchronization.AUTO, aggregation=VariableAggregation.NONE):  # fmt: skip
        from_value = initializer is not None and not callable(initializer)
        if shape is not None and from_value:
            raise ValueError("If initializer is a constant, do not specify shape.")
        dtype = dtypes.as_dtype(dtype)
        shape = None if shape is None else TensorShape(record.setting(shape))
        # Eagerly every call makes a variable, whatever a function traced here may have stored under the name.
        if name in self._vars and (context.graph is not None or self._store_eager_variables):
            return self._found(name, shape, dtype, reuse)
        if reuse is True:
            raise ValueError(
                f"Variable {name} does not exist, or was not created with tf.get_variable(). Did you mean to set "
                "reuse=tf.AUTO_REUSE in VarScope?"
            )
        if initializer is None:
            if shape is None:
                raise ValueError(
                    f"Variable {name} did not get an initializer, so its `shape` argument must be specified."
                )
            initializer = default_initializer(name, dtype)
        initial_value, variable_dtype = _initial_value(initializer, from_value, shape, dtype, partition_info)
        if use_resource is None:
            use_resource = resource_variables_enabled()
        variable = VariableV1(
            initial_value=initial_value, name=name, trainable=trainable, collections=collections, dtype=variable_dtype,
            validate_shape=validate_shape, constraint=constraint, use_resource=use_resource,
            synchronization=synchronization,
            aggregation=aggregation, shape=shape,
        )  # fmt: skip
        self._keep(name, variable, trainable, collections)
        if regularizer:
            with name_scope(name + "/Regularizer/"):
                loss = regularizer(variable)
            if loss is not None:
                add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)
        return variable

    def _keep(self, name, variable, trainable, collections):
        if context.graph is None:
            if not self._store_eager_variables:
                return
            add_to_collections(list(collections or [GraphKeys.GLOBAL_VARIABLES]), variable)
            if trainable:
                add_to_collection(GraphKeys.TRAINABLE_VARIABLES, variable)
        self._vars[name] = variable

    def _found(self, name, shape, dtype, reuse):
        variable = self._vars[name]
        if reuse is False:
            text = (
                f"Variable {name} already exists, disallowed. Did you mean to set reuse=True or reuse=tf.AUTO_REUSE in "
                "VarScope?"
            )
            if variable._kind == "ref":
                text += " Originally defined at:\n\n" + "".join(traceback.format_list(variable.op.traceback[:5]))
            raise ValueError(text)
        if shape is not None and not shape.is_compatible_with(variable.get_shape()):
            raise ValueError(
                f"Trying to share variable {name}, but specified shape {shape} and found shape {variable.get_shape()}."
            )
        if not dtype.is_compatible_with(variable.dtype):
            raise ValueError(
                f"Trying to share variable {name}, but specified dtype {dtype.name} and found dtype "
                f"{variable.dtype.name}."
            )
        return variable


def default_initializer(name, dtype):
    """What a variable without an initializer starts with: Glorot's uniform numbers, zeros for integers, bools and
    strings.
    """
    from .initializers import GlorotUniformV1, ZerosV1

    if dtype.is_floating:
        return GlorotUniformV1()
    if dtype.is_integer or dtype.is_bool or dtype.base_dtype is dtypes.string:
        return ZerosV1()
    raise ValueError(f"An initializer for variable {name} of {dtype.base_dtype!s} is required")


def _initial_value(initializer, from_value, shape, dtype, partition_info):
    """(initial value or function of no arguments, dtype) for a new variable."""
    if from_value:
        return initializer, None
    if inspect.isclass(initializer):
        initializer = initializer()
    if shape is not None and shape.is_fully_defined():
        more = {"partition_info": partition_info} if takes(initializer, "partition_info") else {}
        return functools.partial(initializer, shape.as_list(), dtype=dtype, **more), dtype.base_dtype
    if needs_no_arguments(initializer):
        return initializer, None
    raise ValueError(
        "The initializer passed is not valid. It should be a callable with no arguments and the shape should not be "
        "provided or an instance of `tf.keras.initializers.*' and `shape` should be fully defined."
    )
