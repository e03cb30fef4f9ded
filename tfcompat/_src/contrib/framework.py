"""tf.contrib.framework: the global step, lists of variables, assigning from checkpoints."""

from __future__ import annotations

from .. import record
from ..declare import export, publish
from ..optimizers import global_step as steps
from ..scopes import GraphKeys, get_collection
from ..train.init_from_checkpoint import init_from_checkpoint
from ..train.reader import CheckpointReader, list_variables, load_checkpoint, load_variable
from ..train.saver import Saver
from ..variable_functions import assign, local_variables, model_variables, trainable_variables
from ..variable_scope import get_variable

for _name in ("get_global_step", "create_global_step", "get_or_create_global_step", "assert_global_step"):
    if hasattr(steps, _name):
        publish(getattr(steps, _name), "", v1=f"contrib.framework.{_name}")
for _function, _old in (
    (load_checkpoint, "load_checkpoint"),
    (list_variables, "list_variables"),
    (load_variable, "load_variable"),
    (init_from_checkpoint, "init_from_checkpoint"),
    (local_variables, "get_local_variables"),
    (trainable_variables, "get_trainable_variables"),
):
    publish(_function, "", v1=f"contrib.framework.{_old}")


@export("", v1="contrib.framework.variable")
def variable(name, shape=None, dtype=None, initializer=None, regularizer=None, trainable=True, collections=None,
             caching_device=None, device=None, partitioner=None, custom_getter=None, use_resource=None, synchronization=None,
             aggregation=None):  # fmt: skip
    """tf.get_variable in the argument order of contrib; devices are names here."""
    settings = {} if dtype is None else {"dtype": dtype}
    return get_variable(
        name, shape, initializer=initializer, regularizer=regularizer, trainable=trainable, collections=collections,
        partitioner=partitioner, custom_getter=custom_getter, use_resource=use_resource, **settings,
    )  # fmt: skip


@export("", v1="contrib.framework.model_variable")
def model_variable(
    name, shape=None, dtype=None, initializer=None, regularizer=None, trainable=True, collections=None, **settings
):
    """A variable that is also in the collection MODEL_VARIABLES."""
    keys = [*(collections or ()), GraphKeys.GLOBAL_VARIABLES, GraphKeys.MODEL_VARIABLES]
    return variable(name, shape, dtype, initializer, regularizer, trainable, keys, **settings)


@export("", v1="contrib.framework.get_variables")
def get_variables(scope=None, suffix=None, collection=GraphKeys.GLOBAL_VARIABLES):
    """The variables of a collection whose names begin with `scope` and end in `suffix`."""
    scope = getattr(scope, "name", scope)
    found = get_collection(collection, scope)
    if suffix is None:
        return found
    return [v for v in found if v.op.name.endswith(suffix)]


@export("", v1="contrib.framework.get_model_variables")
def get_model_variables(scope=None, suffix=None):
    """The variables in MODEL_VARIABLES whose names begin with `scope` and end in `suffix`."""
    return get_variables(scope, suffix, GraphKeys.MODEL_VARIABLES)


@export("", v1="contrib.framework.get_variables_by_name")
def get_variables_by_name(given_name, scope=None):
    """The variables whose name, within their scope, is `given_name`."""
    return [v for v in get_variables(scope) if v.op.name.rpartition("/")[2] == given_name]


@export("", v1="contrib.framework.get_unique_variable")
def get_unique_variable(var_op_name):
    """The variable of this name; ValueError where there is not exactly one."""
    found = [v for v in get_variables(var_op_name) if v.op.name == var_op_name]
    if len(found) != 1:
        raise ValueError(f"Variable {var_op_name} does not uniquely identify a variable")
    return found[0]


@export("", v1="contrib.framework.get_variables_to_restore")
def get_variables_to_restore(include=None, exclude=None):
    """The variables under the scopes `include` (default: all) but for those under `exclude`."""
    wanted = [v for s in (include if include is not None else [None]) for v in get_variables(s)]
    left_out = {v for s in exclude or () for v in get_variables(s)}
    return [v for v in dict.fromkeys([*wanted, *model_variables()]) if v not in left_out and v in wanted]


@export("", v1="contrib.framework.assign_from_values")
def assign_from_values(var_names_to_values):
    """(op, feed dict) that assigns arrays to variables by name.  Raises ValueError for an unknown name."""
    values = {}
    by_name = {v.op.name: v for v in get_variables()}
    for name, value in var_names_to_values.items():
        if name not in by_name:
            raise ValueError(f"Variable {name} wasn't found")
        values[by_name[name]] = value
    return _assigned(values)


@export("", v1="contrib.framework.assign_from_checkpoint")
def assign_from_checkpoint(model_path, var_list, ignore_missing_vars=False):
    """(op, feed dict) that assigns a checkpoint's values to variables: a list, or a dict of names in the checkpoint.

    Raises ValueError for a name the checkpoint does not have, unless `ignore_missing_vars`, and for another shape.
    """
    reader = CheckpointReader(model_path)
    pairs = var_list.items() if isinstance(var_list, dict) else [(v.op.name, v) for v in var_list]
    values = {}
    for name, v in pairs:
        if not reader.has_tensor(name):
            if ignore_missing_vars:
                continue
            raise ValueError(f"Checkpoint is missing variable [{name}]")
        value = reader.get_tensor(name)
        if tuple(value.shape) != tuple(v.shape.as_list()):
            raise ValueError(
                f"Total size of new array must be unchanged for {name} lh_shape: [{value.shape}], rh_shape: [{v.shape}]"
            )
        values[v] = value
    return _assigned(values)


def _assigned(values):
    from ..ops.control import group
    from ..ops.core import placeholder

    feeds, operations = {}, []
    for v, value in values.items():
        given = placeholder(v.dtype.base_dtype, v.shape)
        feeds[given] = record.to_array(value, v.dtype.base_dtype)
        operations.append(assign(v, given))
    return group(*operations), feeds


@export("", v1="contrib.framework.assign_from_checkpoint_fn")
def assign_from_checkpoint_fn(model_path, var_list, ignore_missing_vars=False, reshape_variables=False):
    """A function of a session that restores the variables; ValueError for none."""
    if not var_list:
        raise ValueError("var_list cannot be empty")
    if reshape_variables:
        raise NotImplementedError("assign_from_checkpoint_fn(reshape_variables=True) is not supported by tfcompat.")
    if ignore_missing_vars:
        reader = CheckpointReader(model_path)
        pairs = var_list if isinstance(var_list, dict) else {v.op.name: v for v in var_list}
        var_list = {n: v for n, v in pairs.items() if reader.has_tensor(n)}
    saver = Saver(var_list)
    return lambda session: saver.restore(session, model_path)
