"""What tf.train.Saver saves under a name: a variable, the parts of a partitioned one, or an object of the user's own."""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors
from ..graph import context
from ..variables import Variable
from .trackable import Trackable, attributes_of, is_variable

_MISMATCH = (
    "Restoring from checkpoint failed. This is most likely due to a mismatch between the current graph and the "
    "graph from the "
    "checkpoint. Please ensure that you have not altered the graph expected based on the checkpoint. Original "
    "error:\n\n"
)


class Part:
    """What is saved under one name: a variable, or the parts of a partitioned one as the whole."""

    def __init__(self, name, parts, axes=None):
        self.name, self.parts = name, parts

    def values(self, session):
        """{name: array}."""
        return {self.name: self._value(session)}

    @property
    def names(self):
        """The names in the checkpoint."""
        return [self.name]

    def give_values(self, session, arrays, reshape=False):
        """Gives the variables the array."""
        self.give(session, arrays[0], reshape)

    def _value(self, session):
        values = [_value(v, session) for v in self.parts]
        if len(values) == 1 and self.parts[0]._save_slice_info is None:
            return values[0]
        first = self.parts[0]._save_slice_info
        whole = np.empty(first.full_shape, values[0].dtype)
        for variable, value in zip(self.parts, values, strict=True):
            info = variable._save_slice_info
            whole[tuple([slice(o, o + n) for o, n in zip(info.var_offset, info.var_shape, strict=True)])] = value
        return whole

    def give(self, session, value, reshape):
        for variable in self.parts:
            info = variable._save_slice_info
            part = value
            if info is not None:
                part = value[tuple([slice(o, o + n) for o, n in zip(info.var_offset, info.var_shape, strict=True)])]
            _give(variable, session, part, reshape)


def _value(variable, session):
    if variable._kind == "eager":
        return variable.numpy()
    return np.array(session._value_of(variable._owner))


def _give(variable, session, value, reshape):
    shape = variable._aval.shape
    if dtypes.as_dtype(value.dtype) is not variable.dtype.base_dtype:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"{_MISMATCH}tensor_name = {variable._shared_name}; expected dtype {variable.dtype.base_dtype.name} "
            f"does not equal original "
            f"dtype {dtypes.as_dtype(value.dtype).name}",
        )
    if shape is not None and None not in shape and tuple(shape) != value.shape:
        if not reshape or int(np.prod(shape)) != value.size:
            raise errors.InvalidArgumentError(
                None,
                None,
                f"{_MISMATCH}Assign requires shapes of both tensors to match. lhs shape= "
                f"[{','.join(map(str, shape))}] rhs shape= "
                f"[{','.join(map(str, value.shape))}] for variable {variable._shared_name}",
            )
        value = value.reshape(shape)
    if variable._kind == "eager":
        variable.assign(value)
    else:
        session._state[variable._owner] = value


class Saveable:
    """What is saved under the names of a saveable's specs (tensor, name); `restore` takes the tensors back."""

    def __init__(self, saveable):
        self.saveable, self.name = saveable, saveable.name
        self.names = [spec.name for spec in saveable.specs]
        self.parts = ()

    def values(self, session):
        """{name: array}."""
        tensors = [spec.tensor() if callable(spec.tensor) else spec.tensor for spec in self.saveable.specs]
        arrays = session.run(tensors) if context.graph is not None else [t.numpy() for t in tensors]
        return dict(zip(self.names, map(np.asarray, arrays), strict=True))

    def give_values(self, session, arrays):
        """Restores from the arrays."""
        from ..record import convert_to_tensor

        done = self.saveable.restore([convert_to_tensor(a) for a in arrays], None)
        if context.graph is not None and done is not None:
            session.run(done)


def named(var_list):
    """The parts to save of a list, or of a dictionary by name.  Raises TypeError, ValueError as TensorFlow."""
    if not isinstance(var_list, dict):
        return _of_list(var_list)
    found, seen = [], set()
    for name in sorted(var_list):
        part = _of_name(name, var_list[name])
        for v in part.parts or [part.saveable]:
            if id(v) in seen:
                raise ValueError(f"The same saveable will be restored with two names: {part.name}")
            seen.add(id(v))
        found.append(part)
    return found


def _of_list(var_list):
    by_name: dict = {}
    for v in var_list:
        v = v._ref() if hasattr(v, "_ref") and not isinstance(v, Variable) else v
        if hasattr(v, "_get_variable_list"):
            key, own = v.name, v._get_variable_list()
        elif isinstance(v, Variable):
            info = v._save_slice_info
            key, own = (info.full_name if info is not None else v._shared_name), [v]
        elif hasattr(v, "specs"):
            key, own = v.name, [v]
        elif isinstance(v, Trackable):
            for name, thing in _of_trackable(v).items():
                _add(by_name, name, [thing], False)
            continue
        else:
            raise TypeError(f"Variable to save is not a Variable: {v}")
        whole = hasattr(v, "_get_variable_list") or hasattr(v, "specs")
        _add(by_name, key, own, not whole and own[0]._save_slice_info is not None)
    return [_of_name(k, by_name[k] if len(by_name[k]) > 1 else by_name[k][0]) for k in sorted(by_name)]


def _add(by_name, key, own, is_slice):
    """Adds under `key`; slices of one variable share it, nothing else does."""
    if key in by_name and not (is_slice and all([getattr(v, "_save_slice_info", None) for v in by_name[key]])):
        raise ValueError(f"At least two variables have the same name: {key}")
    by_name.setdefault(key, []).extend(own)


def _of_trackable(thing):
    """{name: variable or saveable} of an object that says itself what it saves."""
    found = {}
    for part in attributes_of(thing).values():
        part = part() if callable(part) and not is_variable(part) else part
        found[part._owner._shared_name if is_variable(part) else part.name] = part
    return found


def _of_name(name, v):
    if hasattr(v, "specs"):
        return Saveable(v)
    if isinstance(v, Trackable):
        found = _of_trackable(v)
        if len(found) == 1:
            return _of_name(name, next(iter(found.values())))
    if hasattr(v, "_get_variable_list"):
        own = v._get_variable_list()
    else:
        own = list(v) if isinstance(v, (list, tuple)) else [v]
    for one in own:
        if not isinstance(one, Variable):
            raise TypeError(
                f"names_to_saveables must be a dict mapping string names to Tensors/Variables. Not a variable: {one}"
            )
    return Part(name, own)
