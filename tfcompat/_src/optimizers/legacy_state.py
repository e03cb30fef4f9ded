"""What a Keras 2 optimizer keeps: hyper-parameters, slots, weights, configuration."""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors, record
from ..graph import context
from ..ops.core import cast
from ..scopes import eager_scope, name_scope
from ..tensor import EagerTensor, Tensor
from ..train.trackable import Trackable
from . import slots
from .base import is_variable
from .keras_state import initial_array
from .schedules import LearningRateSchedule, deserialize, serialize


class LegacyState(Trackable):
    """Hyper-parameters (`_hyper`), slots (`add_slot`) and weights of a Keras 2 optimizer."""

    # -- hyper-parameters ---------------------------------------------------------------------------------------------
    def __getattr__(self, name):
        if name.startswith("__") or "_hyper" not in self.__dict__:
            raise AttributeError(name)
        key = "learning_rate" if name == "lr" else name
        if key in self._hyper:
            return self._get_hyper(key)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name, value):
        key = "learning_rate" if name == "lr" else name
        if key in self.__dict__.get("_hyper", ()):
            self._set_hyper(key, value)
        else:
            object.__setattr__(self, name, value)

    def __dir__(self):
        names = {*super().__dir__(), *self.__dict__.get("_hyper", ())}
        return sorted(names | {"lr"} if "learning_rate" in names else names)

    def _number(self, name, value, dtype):
        """The value of a hyper-parameter as an array; ValueError for None, of which NumPy would make NaN."""
        if value is None:
            raise ValueError(f"Attempt to convert a value (None) to a Tensor: {name} of {self._name}")
        return np.asarray(value, dtype)

    def _set_hyper(self, name, value):
        """Sets a hyper-parameter: a number, tensor, variable, schedule or function."""
        old = self._hyper.get(name)
        if is_variable(old) and not (
            isinstance(value, (Tensor, LearningRateSchedule)) or is_variable(value) or callable(value)
        ):
            array = self._number(name, value, old.dtype.np)
            if slots.is_eager(old):
                old.assign(array)
            else:
                old.load(array)
            return
        self._hyper[name] = value
        if is_variable(value):
            self._track_trackable(value, name, overwrite=True)
        self._plans.clear() if "_plans" in self.__dict__ else None

    def _get_hyper(self, name, dtype=None):
        """The hyper-parameter as a variable or tensor, cast to `dtype`; a schedule stays one."""
        if not self._hypers_created:
            self._create_hypers()
        value = self._hyper[name]
        if isinstance(value, LearningRateSchedule):
            return value
        if callable(value) and not isinstance(value, Tensor) and not is_variable(value):
            value = value()
        return cast(value, dtype) if dtype is not None else value

    def _create_hypers(self):
        if self._hypers_created:
            return
        self._hypers_created = True
        with slots.lifted():
            for name, value in sorted(self._hyper.items()):
                if not (isinstance(value, Tensor) or is_variable(value) or callable(value)):
                    array = self._number(name, value._numpy() if isinstance(value, EagerTensor) else value, np.float32)
                    made = self._hyper[name] = self._variable(array, dtypes.float32, name)
                    self._track_trackable(made, name, overwrite=True)

    def _variable(self, array, dtype, name):
        """An untrainable variable in the world outside functions, named in the current name scope."""
        with slots.lifted():
            if context.graph is None:
                return slots.eager_variable(array, dtype, eager_scope() + name)
            from ..variables import VariableV1

            scope = context.graph._name_stack
            with name_scope(None):
                full = f"{scope.rstrip('/')}/{name}" if scope else name
                return VariableV1(
                    lambda: record.convert_to_tensor(array, dtype),
                    name=full,
                    trainable=False,
                    use_resource=True,
                    dtype=dtype,
                )

    def add_weight(
        self, name, shape, dtype=None, initializer="zeros", trainable=None, synchronization=None, aggregation=None
    ):
        """A variable among the optimizer's weights."""

        if trainable:
            raise ValueError("Optimizer weights are not trainable.")
        dtype = dtypes.as_dtype(dtype or dtypes.float32)
        with slots.lifted():
            made = self._variable(initial_array(initializer, list(shape), dtype), dtype, name)
        return self._track_trackable(made, name, overwrite=True)

    @property
    def iterations(self):
        """The number of steps taken: an int64 variable."""
        if self._iterations is None:
            self._iterations = self._variable(np.zeros((), np.int64), dtypes.int64, "iter")
            self._weights.append(self._iterations)
            self._track_trackable(self._iterations, "iter", overwrite=True)
        return self._iterations

    @iterations.setter
    def iterations(self, variable):
        if self._iterations is not None:
            raise RuntimeError(
                "Cannot set `iterations` to a new Variable after the Optimizer weights have been created. Here "
                "it is attempting to set "
                f"`iterations` to {variable}."
            )
        self._iterations = variable
        self._weights.append(variable)
        self._track_trackable(variable, "iter", overwrite=True)

    def _decayed_lr(self, var_dtype):
        """The learning rate of this step, scheduled and decayed, in `var_dtype`."""
        rate = self._get_hyper("learning_rate", var_dtype)
        if isinstance(rate, LearningRateSchedule):
            rate = cast(rate(self.iterations), var_dtype)
        if self._initial_decay > 0.0:
            rate = rate / (1.0 + self._initial_decay * cast(self.iterations, var_dtype))
        return rate

    # -- slots --------------------------------------------------------------------------------------------------------
    def add_slot(self, var, slot_name, initializer="zeros", shape=None):
        """The slot `slot_name` of `var`, made by `initializer` if it is not there."""
        if slot_name not in self._slot_names:
            self._slot_names.append(slot_name)
        mine = self._slots.setdefault(id(var), {})
        self._primaries[id(var)] = var
        found = mine.get(slot_name)
        if found is None:
            dims = [int(d) for d in (var.shape if shape is None else shape)]
            dtype = var.dtype.base_dtype
            with slots.lifted():
                array = initial_array(initializer, dims, dtype)
                found = mine[slot_name] = self._variable(array, dtype, f"{slots.op_name(var)}/{slot_name}")
            self._weights.append(found)
            for restore in self._slots_waited_for.pop((id(var), slot_name), ()):
                restore(found)
        return found

    def get_slot(self, var, slot_name):
        """The slot `slot_name` of `var`.  KeyError where there is none."""
        return self._slots[id(var)][slot_name]

    def get_slot_names(self):
        """The names of the slots."""
        return self._slot_names

    # What checkpoints ask.
    @property
    def _slots_waited_for(self):
        return self.__dict__.setdefault("_waiting_slots", {})

    def _slot_names_saved(self):
        return self._slot_names

    def _saved_slot(self, variable, name):
        return self._slots.get(id(variable._owner), {}).get(name)

    def _make_saved_slot(self, variable, name, value, restore):
        """Makes the slot eagerly from a checkpoint's value; in a graph `restore` is called when it is made."""
        variable = variable._owner
        if context.graph is not None or not slots.is_eager(variable):
            self._primaries[id(variable)] = variable
            self._slots_waited_for.setdefault((id(variable), name), []).append(restore)
            return None
        return self.add_slot(variable, name, lambda shape, dtype: value, value.shape)

    def _create_slots(self, var_list):
        """Creates the slots, by add_slot."""

    def _create_all_weights(self, var_list):
        _ = self.iterations
        self._create_hypers()
        self._create_slots(var_list)

    @property
    def weights(self):
        """iter, then slots in the order of creation."""
        return self._weights

    def variables(self):
        """The same as `weights`."""
        return self._weights

    def get_weights(self):
        """The weights' values as arrays."""
        return [value_of(v) for v in self.weights]

    def set_weights(self, weights):
        """Gives the weights these values; ValueError where counts or shapes differ."""
        if len(self.weights) != len(weights):
            raise ValueError(
                f"You called `set_weights(weights)` on optimizer {self._name} with a  weight list of length "
                f"{len(weights)}, but the "
                f"optimizer was expecting {len(self.weights)} weights. Provided weights: {str(weights)[:50]}..."
            )
        for v, value in zip(self.weights, weights, strict=True):
            array = np.asarray(value)
            if tuple(array.shape) != v._aval.shape:
                raise ValueError(
                    f"Optimizer weight shape {v.shape} not compatible with provided weight shape {array.shape}."
                )
            v.load(array)

    # -- configuration ------------------------------------------------------------------------------------------------
    def get_config(self):
        """The constructor's arguments."""
        config = {"name": self._name}
        for k in ("clipnorm", "clipvalue", "global_clipnorm"):
            if getattr(self, k) is not None:
                config[k] = getattr(self, k)
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """An optimizer from what `get_config` gave."""
        config = dict(config)
        if "lr" in config:
            config["learning_rate"] = config.pop("lr")
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = deserialize(config["learning_rate"], custom_objects)
        return cls(**config)

    def _serialize_hyperparameter(self, hyperparameter_name):
        value = self._hyper[hyperparameter_name]
        if isinstance(value, LearningRateSchedule):
            return serialize(value)
        if is_variable(value):
            return value_of(value)
        if isinstance(value, EagerTensor):
            return value.numpy()
        return value() if callable(value) else value


def value_of(variable):
    if slots.is_eager(variable):
        return variable.numpy()
    from ..session import get_default_session

    session = get_default_session()
    if session is None:
        raise errors.FailedPreconditionError(None, None, f"the value of {variable.name} is asked for outside a session")
    return session.run(variable)
