"""What a Keras 3 optimizer keeps: its variables, slots, learning rate and count, and how they are saved."""

from __future__ import annotations

import re

import numpy as np

from .. import dtypes, record
from ..declare import NAMES
from ..graph import context
from ..ops.core import cast
from ..tensor import EagerTensor, Tensor
from ..train.trackable import AutoTrackable
from . import slots
from .base import is_variable
from .pack import SlotVariable
from .schedules import LearningRateSchedule, deserialize, serialize


class _Variables(list):
    """Keras 3's property `variables`, which Keras 2's users call: that gives its list, without the learning rate."""

    def __init__(self, items, called):
        super().__init__(items)
        self._called = called

    def __call__(self):
        return self._called


_names_given: dict = {}


def auto_name(cls_name):
    """ "adam", then "adam_1", ...: the class's name in snake case."""
    base = re.sub(
        r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", re.sub(r"\W+", "", cls_name))
    ).lower()
    n = _names_given[base] = _names_given.get(base, -1) + 1
    return base if n == 0 else f"{base}_{n}"


_INTERNAL = frozenset(("_slots", "_plans", "_scalars", "_indices", "_kept_from_decay", "_names_kept_from_decay"))


class OptimizerVariable(SlotVariable):
    """A variable of Keras 3's optimizers, called as keras.Variable is: the `name` is the end of the `path`."""

    path = property(lambda self: self._shared_name, doc="The optimizer's name and the variable's: adam/w_0_momentum.")
    name = property(lambda self: self._shared_name.rpartition("/")[2], doc="The end of the path.")


class KerasState(AutoTrackable):
    """Variables, slots, learning rate, weights and configuration of a Keras optimizer."""

    def __setattr__(self, name, value):
        (object if name in _INTERNAL else AutoTrackable).__setattr__(self, name, value)

    # -- variables ----------------------------------------------------------------------------------------------------
    def _new_variable(self, array, dtype, name):
        with slots.lifted():
            if context.graph is not None:
                raise NotImplementedError(
                    f"{type(self).__name__}: Keras 3's optimizers hold eager variables and cannot be used in a "
                    f"tf.Graph; use "
                    "tf.keras.optimizers.legacy there."
                )
            variable = slots.eager_variable(np.asarray(array), dtype, f"{self.name}/{name}")
        variable.__class__ = OptimizerVariable
        self._variables.append(variable)
        return variable

    def _build_learning_rate(self, learning_rate):
        """The learning rate as it is kept: a variable, a schedule or a function."""
        if isinstance(learning_rate, LearningRateSchedule) or is_variable(learning_rate):
            return learning_rate
        if callable(learning_rate) and not isinstance(learning_rate, Tensor):
            return learning_rate
        if learning_rate is None or isinstance(learning_rate, str):  # NumPy would make NaN of None
            raise _no_rate(learning_rate)
        value = learning_rate._numpy() if isinstance(learning_rate, EagerTensor) else learning_rate
        try:
            array = np.asarray(value, np.float32)
        except (TypeError, ValueError):
            raise _no_rate(learning_rate) from None
        return self._new_variable(array, dtypes.float32, "learning_rate")

    def add_variable(self, shape, initializer="zeros", dtype=None, aggregation="none", layout=None, name=None):
        """An untrainable variable of the optimizer: `shape`, `dtype` (default float32), filled by `initializer`."""
        dtype = dtypes.as_dtype("int64" if dtype == "int" else dtype or dtypes.float32)
        dims = [int(d) for d in (shape.as_list() if hasattr(shape, "as_list") else shape)]
        return self._new_variable(initial_array(initializer, dims, dtype), dtype, name or "variable")

    def add_variable_from_reference(self, reference_variable=None, name=None, initializer="zeros", model_variable=None,
                                    variable_name=None, shape=None, initial_value=None):  # fmt: skip
        """A variable like another one, called after it.  (The later arguments are Keras 2.11's spellings.)"""
        reference = reference_variable if reference_variable is not None else model_variable
        label = name or variable_name or "var"
        if initial_value is not None:
            initializer = lambda shape, dtype: initial_value
        path = getattr(reference, "path", None) or reference.name.replace(":", "_")
        full = f"{path.replace('/', '_')}_{label}"
        return self.add_variable(reference.shape if shape is None else shape, initializer, reference.dtype, name=full)

    def add_optimizer_variables(self, trainable_variables, name, initializer="zeros"):
        """One slot variable per trainable variable and name; a list, or a tuple of lists for several names."""
        names = [name] if isinstance(name, str) else list(name)
        fills = (
            [initializer] * len(names)
            if isinstance(initializer, str) or not isinstance(initializer, (list, tuple))
            else initializer
        )
        if len(names) != len(fills):
            raise ValueError(
                "The number of provided names must match the number of provided initializers.  Received "
                f"name='{name}', initializer='{initializer}'"
            )
        made: tuple = tuple([[] for _ in names])
        for v in trainable_variables:
            for out, n, fill in zip(made, names, fills, strict=True):
                slot = self.add_variable_from_reference(v, n, fill)
                self._slots.setdefault(n, {})[id(v)] = slot
                out.append(slot)
        return made[0] if isinstance(name, str) else made

    @property
    def variables(self):
        """The optimizer's variables: iteration, learning_rate, slots.  (Called, Keras 2's list: without the learning
        rate.)
        """
        rate = self.__dict__.get("_learning_rate")
        return _Variables(self._variables, [v for v in self._variables if v is not rate])

    weights = property(lambda self: self.variables())

    def get_slot(self, var, slot_name):
        """The slot variable `slot_name` of `var` (momentum, velocity, ...); None where there is none."""
        return self._slots.get(slot_name, {}).get(id(var))

    def get_slot_names(self):
        """The names of the slots."""
        return list(self._slots)

    def build(self, variables):
        """Creates the slots for `variables`; subclasses call this first."""
        if self.use_ema:
            self._average = self.add_optimizer_variables(variables, "average")
            self._model_variables_moving_average = self._average
        if self.gradient_accumulation_steps:
            self._accumulated_gradients = self.add_optimizer_variables(variables, "gradient_accumulator")
        self._indices = {id(v): i for i, v in enumerate(variables)}
        self._trainable_variables = list(variables)
        self.built = True
        if self._formula is not None:
            self._build_slots(variables)

    def _build_slots(self, variables):
        for names, fill in self._groups_of():
            self.add_optimizer_variables(variables, names, fill)

    def _groups_of(self):
        """[(slot names made variable by variable, initializer)]."""
        return self._groups

    def _get_variable_index(self, variable):
        return self._indices[id(variable)]

    @staticmethod
    def _var_key(variable):
        return id(variable)

    @property
    def _index_dict(self):
        return self._indices

    # -- learning rate and count --------------------------------------------------------------------------------------
    @property
    def iterations(self):
        """The steps taken: a variable (with gradient accumulation, the number of real updates)."""
        if self.gradient_accumulation_steps:
            return self._iterations // self.gradient_accumulation_steps
        return self._iterations

    @iterations.setter
    def iterations(self, variable):
        if self.built:
            raise RuntimeError(
                "Cannot set `iterations` to a new Variable after the Optimizer weights have been created."
            )
        self._variables = [variable if v is self._iterations else v for v in self._variables]
        self._iterations = variable

    @property
    def learning_rate(self):
        """The learning rate now: a variable, or what the schedule says for this step."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return rate(self._iterations)
        return rate() if callable(rate) and not is_variable(rate) else rate

    @learning_rate.setter
    def learning_rate(self, value):
        self._set_rate(value)

    def _set_rate(self, value):
        old = self.__dict__.get("_learning_rate")
        if old is None:
            self._learning_rate = self._build_learning_rate(value)
        elif (
            isinstance(value, LearningRateSchedule)
            or callable(value)
            and not isinstance(value, Tensor)
            and not is_variable(value)
        ):
            self._learning_rate = value
            self._variables = [v for v in self._variables if v is not old]
        elif isinstance(old, LearningRateSchedule):
            raise TypeError(
                "This optimizer was created with a `LearningRateSchedule` object as its `learning_rate` "
                "constructor argument, hence its "
                "learning rate is not settable. If you need the learning rate to be settable, you should "
                "instantiate the optimizer with "
                "a float `learning_rate` argument."
            )
        elif not is_variable(old):
            self._learning_rate = self._build_learning_rate(value)
        elif isinstance(value, Tensor) or is_variable(value):
            old.assign(cast(record.convert_to_tensor(value), old.dtype))
        elif value is None or isinstance(value, str):
            raise _no_rate(value)
        else:
            old.assign(np.asarray(value, old.dtype.np))

    lr = property(
        lambda self: self.learning_rate,
        lambda self, value: self._set_rate(value),
        doc="Keras 2's name of learning_rate.",
    )

    def _get_hyper(self, name, dtype=None):
        """Keras 2's way to a hyper-parameter: a tensor of `dtype`, or what is kept."""
        if name == "decay":  # Keras 2 had one in every optimizer
            return record.convert_to_tensor(0.0, dtype)
        value = self._learning_rate if name in ("lr", "learning_rate") else getattr(self, name)
        return value if dtype is None or isinstance(value, LearningRateSchedule) else cast(value, dtype)

    # -- what surrounds a step ----------------------------------------------------------------------------------------
    def scale_loss(self, loss):
        """`loss` times the loss scale, if there is one."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Leaves out variables, and those whose names contain one of `var_names`."""
        self._plans.clear()
        self._kept_from_decay = {id(v): v for v in var_list or []}
        self._names_kept_from_decay = re.compile("|".join(set(var_names))) if var_names else None

    def _use_weight_decay(self, variable):
        if id(variable) in self.__dict__.get("_kept_from_decay", ()):
            return False
        pattern = self.__dict__.get("_names_kept_from_decay")
        return pattern is None or pattern.search(variable.name) is None

    def finalize_variable_values(self, var_list):
        """With use_ema: gives the variables their moving averages."""
        if not self.use_ema:
            return
        if len(var_list) != len(self._average):
            raise ValueError(
                f"The length of model variables ({len(var_list)}) to override does not match the length of model "
                f"variables stored in the "
                f"optimizer ({len(self._average)}). Please check if the optimizer was called on your model."
            )
        for v, average in zip(var_list, self._average, strict=True):
            v.assign(average)

    def get_weights(self):
        """The variables' values as arrays."""
        return [v.numpy() for v in self.variables()]

    def set_weights(self, weights):
        """Gives the variables these values; ValueError where there are others, as before `build`, or of other shapes."""
        if not self.built and len(weights) != len(self.variables()):
            raise ValueError(
                "You are calling `set_weights()` on an optimizer that has not yet been built. Please call "
                "`optimizer.build(trainable_variables)` to create the optimizer weights before calling `set_weights()`."
            )
        targets = self._variables if len(weights) == len(self._variables) else self.variables()
        if len(weights) != len(targets):
            raise ValueError(f"set_weights() got {len(weights)} values for {len(targets)} optimizer variables")
        for v, value in zip(targets, weights, strict=True):
            array = np.asarray(value)
            if tuple(array.shape) != v._aval.shape:
                raise ValueError(
                    f"Optimizer variable {v.name} has shape {v.shape} not compatible with provided weight shape "
                    f"{tuple(array.shape)}."
                )
            v.assign(array)

    def save_own_variables(self, store):
        """Writes the variables' values into a dictionary."""
        for i, v in enumerate(self._variables):
            store[str(i)] = v.numpy()

    def load_own_variables(self, store):
        """Takes the variables' values from a dictionary."""
        if len(store.keys()) != len(self._variables):
            raise ValueError(f"{self.name} has {len(self._variables)} variables, the store {len(store.keys())}")
        for i, v in enumerate(self._variables):
            v.assign(store[str(i)])

    def get_config(self):
        """The constructor's arguments."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            rate = serialize(rate)
        elif is_variable(rate):
            rate = float(rate.numpy())
        return {"name": self.name, "learning_rate": rate, "weight_decay": self.weight_decay, "clipnorm":
                self.clipnorm, "global_clipnorm": self.global_clipnorm, "clipvalue": self.clipvalue, "use_ema":
                self.use_ema, "ema_momentum": self.ema_momentum, "ema_overwrite_frequency":
                self.ema_overwrite_frequency, "loss_scale_factor": self.loss_scale_factor,
                "gradient_accumulation_steps": self.gradient_accumulation_steps, }  # fmt: skip

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """An optimizer from what `get_config` gave."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = deserialize(config["learning_rate"], custom_objects)
        return cls(**config)


def _no_rate(value):
    return ValueError(
        "Argument `learning_rate` should be float, or an instance of LearningRateSchedule, or a callable (that takes "
        "in the current iteration value and returns the corresponding learning rate value). Received instead: "
        f"learning_rate={value}"
    )


def initial_array(initializer, dims, dtype):
    """The array an initializer gives: "zeros", "ones", a number, a Keras initializer or a function of (shape, dtype).

    In a graph an initializer that records operations gives their tensor.
    """
    if initializer in ("zeros", None):
        return np.zeros(dims, dtype.np)
    if isinstance(initializer, str) and initializer == "ones":
        return np.ones(dims, dtype.np)
    if isinstance(initializer, (int, float)):
        return np.full(dims, np.float32(initializer), dtype.np)  # Keras makes a float32 of it first
    if isinstance(initializer, str):
        initializer = NAMES["v2"]["keras.initializers.get"](initializer)
    value = initializer(dims, dtype=dtype) if callable(initializer) else initializer
    if isinstance(value, EagerTensor):
        return np.asarray(value._numpy())
    return value if isinstance(value, Tensor) else record.to_array(value, dtype)
