"""tf.train.init_from_checkpoint: variables whose initial value is a tensor of a checkpoint."""

from __future__ import annotations

import collections.abc

from ..declare import export
from ..graph import current_graph
from ..ops.core import cast
from ..record import const_op
from ..scopes import name_scope
from .reader import load_checkpoint
from .trackable import is_variable


@export("", v1="train.init_from_checkpoint")
def init_from_checkpoint(ckpt_dir_or_file, assignment_map):
    """Replaces initial values: {tensor name, or "scope/": variable, list of a variable's parts, name, or "scope/"}.

    A list of pairs will do, too.  Graph variables take their values when they are initialized, eager ones at once.
    Raises ValueError for tensors the checkpoint lacks, for shapes that differ and for scopes mapped to names.
    """
    reader = load_checkpoint(ckpt_dir_or_file)
    shapes = reader.get_variable_to_shape_map()
    pairs = assignment_map.items() if isinstance(assignment_map, collections.abc.Mapping) else assignment_map
    store = _variables_by_name()
    for source, target in sorted(pairs, key=lambda pair: pair[0]):
        variable = target if _are_variables(target) else _find(store, target)
        if variable is None:
            for name, found in _of_scope(store, source, target):
                if name not in shapes:
                    raise ValueError(
                        f"Tensor {name} ({target} in {source}) is not found in {ckpt_dir_or_file} checkpoint"
                    )
                _set(found, reader.get_tensor(name), name)
            continue
        if source not in shapes:
            raise ValueError(f"Tensor {source} is not found in {ckpt_dir_or_file} checkpoint {shapes}")
        if is_variable(variable) and not variable.shape.is_compatible_with(shapes[source]):
            raise ValueError(
                f"Shape of variable {variable.name} ({variable.shape}) doesn't match with shape of tensor {source} "
                f"({shapes[source]}) from checkpoint reader."
            )
        _set(variable, reader.get_tensor(source), source)


def _are_variables(thing):
    return is_variable(thing) or isinstance(thing, (list, tuple)) and all(is_variable(v) for v in thing)


def _variables_by_name():
    """Name -> variable of those that get_variable made in the current graph."""
    from ..variable_scope import scope_store

    return scope_store().variables._vars


def _find(store, name):
    """The variable called `name`, or the list of its parts; None where there is neither."""
    if name in store:
        return store[name]
    parts = []
    while f"{name}/part_{len(parts)}" in store:
        parts.append(store[f"{name}/part_{len(parts)}"])
    return parts or None


def _of_scope(store, source, target):
    """[(name in the checkpoint, variable or parts)] for the variables of scope `target`."""
    scope = target[: target.rindex("/")] if "/" in target else ""
    if not source.endswith("/"):
        raise ValueError(
            f"Assignment map with scope only name {scope} should map to scope only {source}. Should be 'scope/': "
            f"'other_scope/'."
        )
    names = {n.partition("/part_")[0] for n in store if not scope or n.startswith(scope + "/")}
    found = []
    for name in sorted(names):
        inner = name[len(scope) :]
        inner = inner[1:] if target != "/" and scope else inner
        found.append(((inner if source == "/" else source + inner).rstrip("/"), _find(store, name)))
    return found


def _set(variable, value, name):
    if not is_variable(variable):
        whole = {v._save_slice_info.full_name for v in variable}
        if len(whole) > 1:
            raise ValueError(f"Slices must all be from the same tensor: {' != '.join(sorted(whole))}")
        for part in variable:
            info = part._save_slice_info
            at = tuple([slice(o, o + n) for o, n in zip(info.var_offset, info.var_shape, strict=True)])
            _initialize(part, value[at])
        return
    _initialize(variable, value)


def _initialize(variable, value):
    if variable._kind == "eager":
        variable.assign(value)
        return
    with current_graph().as_default(), name_scope("checkpoint_initializer"):
        tensor = cast(const_op(value, "value"), variable.dtype.base_dtype)
        assigned = variable.assign(tensor)
    variable._initial_value = tensor
    variable._initializer_op = getattr(assigned, "op", assigned)


__all__ = ["init_from_checkpoint"]
