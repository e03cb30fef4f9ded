"""Keras 3's later optimizers: Muon, ScheduleFreeAdamW, and MultiOptimizer, which has one optimizer per variable."""

from __future__ import annotations

import collections.abc
import re

import numpy as np

from ..declare import export
from ..engine import dispatch
from ..graph import context
from . import keras_formulas as formulas
from . import slots
from .keras import _BuiltIn, _public
from .keras_base import Optimizer


def path_of(variable):
    """What optimizers call a variable: its path in a Keras model, else its name."""
    return getattr(variable, "path", None) or slots.op_name(variable)


@_public("Muon")
class Muon(_BuiltIn):
    """Orthogonalised momentum for matrices (Jordan et al. 2024), Adam with weight decay for the other variables."""

    _formula, _decays_itself = staticmethod(formulas.muon), True
    _options = ("muon_a", "muon_b", "muon_c", "adam_lr_ratio", "momentum", "adam_beta_1", "adam_beta_2", "epsilon")

    def __init__(self, learning_rate=0.001, adam_beta_1=0.9, adam_beta_2=0.999, adam_weight_decay=0.004,
                 epsilon=1e-07, weight_decay=0.004, clipnorm=None, clipvalue=None, global_clipnorm=None,
                 use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
                 gradient_accumulation_steps=None, name=None, exclude_layers=None, exclude_embeddings=True,
                 muon_a=3.4445, muon_b=-4.775, muon_c=2.0315, adam_lr_ratio=1, momentum=0.95, ns_steps=5,
                 nesterov=True, rms_rate=0.2, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
                         ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
                         name, **kwargs)  # fmt: skip
        self._keep(adam_beta_1=adam_beta_1, adam_beta_2=adam_beta_2, epsilon=epsilon, muon_a=muon_a, muon_b=muon_b,
                   muon_c=muon_c, adam_lr_ratio=adam_lr_ratio, momentum=momentum, ns_steps=ns_steps,
                   nesterov=nesterov, rms_rate=rms_rate, adam_weight_decay=adam_weight_decay)  # fmt: skip
        self.exclude_embeddings, self.exclude_layers = exclude_embeddings, exclude_layers or []

    @property
    def _hypers(self):
        return (*self._options, *(["adam_weight_decay"] if self.adam_weight_decay is not None else []))

    def _should_use_adamw(self, variable):
        if len(variable.shape) != 2:
            return True
        path = path_of(variable)
        excluded = self.exclude_embeddings and "embedding" in path.lower()
        return excluded or any([re.search(pattern, path) for pattern in self.exclude_layers])

    def _settings_of(self, variable):
        adam = self._should_use_adamw(variable)
        decay = "adam_weight_decay" if adam else "weight_decay"
        acts = getattr(self, decay) is not None and self._use_weight_decay(variable)
        return (("decay", decay if acts else None), ("adam", adam), ("nesterov", bool(self.nesterov)),
                ("ns_steps", self.ns_steps), ("rms_rate", self.rms_rate))  # fmt: skip

    def _plan_settings(self):
        return (self.nesterov, self.ns_steps, self.rms_rate, self.adam_weight_decay is None)

    def _build_slots(self, variables):
        for v in variables:
            names = ("momentum", "velocity") if self._should_use_adamw(v) else ("momentum",)
            self.add_optimizer_variables([v], names, ["zeros"] * len(names))

    def _slots_of(self, variable):
        found = [self.get_slot(variable, k) for k in ("momentum", "velocity")]
        return [slot for slot in found if slot is not None]

    def get_config(self):
        """The constructor's arguments."""
        more = ("ns_steps", "nesterov", "exclude_embeddings", "exclude_layers", "adam_weight_decay", "rms_rate")
        return {**super().get_config(), **{k: getattr(self, k) for k in more}}


@_public("ScheduleFreeAdamW")
class ScheduleFreeAdamW(_BuiltIn):
    """Adam that needs no schedule: it averages its own iterates (Defazio et al. 2024)."""

    _formula = staticmethod(formulas.schedule_free_adamw)
    _hypers, _statics = ("beta_1", "beta_2", "epsilon"), ("warmup_steps",)

    def __init__(self, learning_rate=0.0025, beta_1=0.9, beta_2=0.999, epsilon=1e-08, warmup_steps=0,
                 weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False,
                 ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
                 gradient_accumulation_steps=None, name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
                         ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
                         name, **kwargs)  # fmt: skip
        self._keep(beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, warmup_steps=warmup_steps)

    def _build_slots(self, variables):
        for v in variables:
            self.add_optimizer_variables([v], ("momentum", "velocity"))
            self.get_slot(v, "momentum").assign(v)  # the fast point starts where the variable is

    def _slots_of(self, variable):
        return [self.get_slot(variable, "momentum"), self.get_slot(variable, "velocity")]


@export("keras.optimizers.OptimizerMap optimizers.OptimizerMap", v1="")
class OptimizerMap(collections.abc.MutableMapping):
    """Optimizers by variables' paths: an exact path or a pattern that matches all of one; else the default."""

    def __init__(self, default_optimizer, optimizer_map=None):
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(f"default_optimizer must be a Keras Optimizer instance. Received: {default_optimizer}")
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"optimizer_map must be a dictionary. Received: {optimizer_map}")
        self._default_optimizer, self._optimizer_map = default_optimizer, optimizer_map or {}

    default_optimizer = property(lambda self: self._default_optimizer, doc="For variables that nothing matches.")

    def __getitem__(self, key):
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        matching = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(f"Multiple optimizers assigned to variable {key}.")
        return self._optimizer_map[matching[0]] if matching else self._default_optimizer

    def __setitem__(self, key, optimizer):
        if key in self._optimizer_map:
            raise ValueError(
                f"'{key}' already exists in the OptimizerMap with value {self._optimizer_map[key]}. Please make sure "
                "to not use duplicated keys."
            )
        if not isinstance(key, str):
            raise ValueError(f"key must be a string. Received: {key}")
        _check_inner(optimizer)
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key):
        del self._optimizer_map[key]

    def __len__(self):
        return len(self._optimizer_map)

    def __iter__(self):
        return iter(self._optimizer_map)

    def __call__(self, variable):
        return self[path_of(variable)]

    def get_config(self):
        """The optimizers as dictionaries."""
        from .registry import serialize

        return {"default_optimizer": serialize(self._default_optimizer),
                "optimizer_map": {k: serialize(v) for k, v in self._optimizer_map.items()}}  # fmt: skip

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A map from what `get_config` gave."""
        from .registry import deserialize

        inner = {k: deserialize(v, custom_objects) for k, v in config["optimizer_map"].items()}
        return cls(deserialize(config["default_optimizer"], custom_objects), inner)


def _check_inner(optimizer):
    from .loss_scale import LossScaleOptimizer

    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"optimizer must be a Keras Optimizer instance. Received: {optimizer}")
    for kind in (LossScaleOptimizer, MultiOptimizer):
        if isinstance(optimizer, kind):
            raise ValueError(f"optimizer cannot be {kind.__name__}.")


@_public("MultiOptimizer")
class MultiOptimizer(Optimizer):
    """Each variable has the optimizer that `optimizer_map` (an OptimizerMap, or a function of the variable) gives."""

    _fused = False

    def __init__(self, optimizer_map, loss_scale_factor=None, name=None):
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self.__dict__["_optimizer_map"] = optimizer_map
        self._inner_optimizers = []
        held = list(optimizer_map.values()) if hasattr(optimizer_map, "values") else []
        for opt in [*held, getattr(optimizer_map, "default_optimizer", None)]:
            if opt is not None:
                self._inner(opt)

    def _inner(self, optimizer):
        """Its number among the optimizers, which it joins if it is new."""
        for i, known in enumerate(self._inner_optimizers):
            if known is optimizer:
                return i
        optimizer.loss_scale_factor = self.loss_scale_factor
        self._inner_optimizers.append(optimizer)
        return len(self._inner_optimizers) - 1

    optimizers = property(lambda self: self._inner_optimizers, doc="The optimizers, each once.")

    @property
    def variables(self):
        """Its own variables and those of the optimizers."""
        return [*self._variables, *[v for opt in self._inner_optimizers for v in opt.variables]]

    @property
    def learning_rate(self):
        raise AttributeError(
            "Learning rate cannot be accessed on a MultiOptimizer. Access the learning rate on the individual "
            "sub-optimizers instead."
        )

    @learning_rate.setter
    def learning_rate(self, value):
        raise AttributeError(
            "Learning rate cannot be set on a MultiOptimizer. Set the learning rate on the individual sub-optimizers "
            "instead."
        )

    def _of(self, variables):
        """[(optimizer, positions of its variables)]."""
        places: dict = {}
        for i, v in enumerate(variables):
            optimizer = self._optimizer_map(v)
            _check_inner(optimizer)
            places.setdefault(self._inner(optimizer), []).append(i)
        return [(self._inner_optimizers[n], at) for n, at in sorted(places.items())]

    def build(self, variables):
        """Builds the optimizers, each for its variables."""
        for optimizer, places in self._of(variables):
            optimizer.build([variables[i] for i in places])
        super().build(variables)

    def apply(self, grads, trainable_variables=None):
        """Every optimizer applies the gradients of its variables."""
        if len(grads) == 0:
            return
        variables = list(self._trainable_variables if trainable_variables is None else trainable_variables)
        if not self.built:
            with slots.lifted():
                self.build(variables)
        if len(grads) != len(self._trainable_variables):
            raise ValueError(
                f"Gradients must match trainable variables one-to-one. Received {len(grads)} gradients and "
                f"{len(self._trainable_variables)} variables."
            )
        for optimizer, places in self._of(variables):
            optimizer.apply([grads[i] for i in places], [variables[i] for i in places])
        self._iterations.assign_add(np.ones((), np.int64))
        if context.graph is None:
            dispatch.flush()

    def get_config(self):
        """The constructor's arguments."""
        return {"optimizer_map": self._optimizer_map.get_config(), "loss_scale_factor": self.loss_scale_factor,
                "name": self.name}  # fmt: skip

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """An optimizer from what `get_config` gave."""
        return cls(**{**config, "optimizer_map": OptimizerMap.from_config(config["optimizer_map"], custom_objects)})
