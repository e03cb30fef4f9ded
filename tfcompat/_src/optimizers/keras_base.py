"""tf.keras.optimizers.Optimizer as Keras 3 has it, and the choice between it and Keras 2's (legacy_base.py).

TensorFlow's users wrote for both.  Keras 3's class is used eagerly and in functions; Keras 2's where a Session's graph is being built, where
the call uses Keras 2's spellings (`lr=`, `decay=`), and for subclasses written Keras 2's way (`_resource_apply_dense`).
"""

from __future__ import annotations

import re

import numpy as np

from .. import dtypes, record
from ..declare import NAMES, export
from ..engine import dispatch
from ..graph import context
from ..ops.core import cast
from ..tensor import EagerTensor, IndexedSlices, Tensor
from . import slots
from .apply import Plan, Scalars, signature_key
from .base import is_variable
from .keras_recipe import KerasRecipe
from .schedules import LearningRateSchedule, deserialize, serialize

_KERAS2_HOOKS = ("_resource_apply_dense", "_resource_apply_sparse", "_create_slots", "_prepare_local")
_KERAS3_ONLY = (
    "weight_decay",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
)


class Generations(type):
    """Metaclass of Keras's optimizers: calling a built-in class gives the generation the call was written for."""

    def __call__(cls, *args, **kwargs):
        old = cls.__dict__.get("_legacy")
        if old is not None and not any(kwargs.get(k) is not None for k in _KERAS3_ONLY):
            graph = context.graph
            in_session = graph is not None and not graph.building_function and slots.outermost() is not None
            if (
                in_session
                or kwargs.get("lr") is not None
                or kwargs.get("decay")
                or "epsilon" in kwargs
                and kwargs["epsilon"] is None
            ):
                return old(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def __instancecheck__(cls, instance):
        kind = type(instance)
        if type.__instancecheck__(cls, instance):
            return True
        old = cls.__dict__.get("_legacy")
        return old is not None and issubclass(kind, old)


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


@export("keras.optimizers.Optimizer optimizers.Optimizer keras.optimizers.experimental.Optimizer", v1="")
class Optimizer(metaclass=Generations):
    """Base class.  Subclasses: `build(variables)` makes slots, `update_step(gradient, variable, learning_rate)` updates one variable."""

    _own_methods = (
        "update_step", "apply", "apply_gradients", "assign", "assign_add", "assign_sub", "_backend_update_step", "_clip_gradients",
        "_apply_weight_decay", "_backend_apply_gradients",
    )  # fmt: skip
    _fused = False
    # What built-in classes fill in; see keras.py.
    _formula = None
    _groups: tuple = ()
    _hypers: tuple = ()
    _legacy = None
    _advance = None
    _shared_names: tuple = ()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith(__package__):
            return
        own = cls.__dict__
        if any(n in own for n in _KERAS2_HOOKS) and "update_step" not in own:
            bases = tuple([b.__dict__.get("_legacy") or b if isinstance(b, Generations) else b for b in cls.__bases__])
            cls.__bases__ = bases
        cls._fused = cls._fused and not any(n in own for n in cls._own_methods)

    def __init__(self, learning_rate=None, weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False,
                 ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None,
                 **kwargs):  # fmt: skip
        if isinstance(learning_rate, str) and name is None:  # Keras 2.11's order: name first
            learning_rate, name = None, learning_rate
        if kwargs.get("lr") is not None:
            learning_rate = kwargs["lr"]
        unknown = {k: v for k, v in kwargs.items() if k not in ("lr", "decay", "jit_compile")}
        if kwargs.get("decay"):
            raise NotImplementedError(
                "`decay` belongs to Keras 2's optimizers: use tf.keras.optimizers.legacy, or a learning-rate schedule."
            )
        if unknown:
            raise ValueError(f"Argument(s) not recognized: {unknown}")
        if gradient_accumulation_steps and not gradient_accumulation_steps >= 2:
            raise ValueError(
                "`gradient_accumulation_steps` must be an integer >= 2. Received: "
                f"gradient_accumulation_steps={gradient_accumulation_steps}"
            )
        if use_ema and not 0 <= ema_momentum <= 1:
            raise ValueError(f"`ema_momentum` must be in the range [0, 1]. Received: ema_momentum={ema_momentum}")
        if (
            use_ema
            and ema_overwrite_frequency
            and (not isinstance(ema_overwrite_frequency, int) or ema_overwrite_frequency < 1)
        ):
            raise ValueError(
                f"`ema_overwrite_frequency` must be an integer >= 1 or None. Received: ema_overwrite_frequency={ema_overwrite_frequency}"
            )
        if sum(a is not None for a in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError(
                "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: "
                f"clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}"
            )
        self.name = name if name is not None else auto_name(type(self).__name__)
        self.weight_decay, self.clipnorm, self.clipvalue, self.global_clipnorm = (
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
        )
        self.use_ema, self.ema_momentum, self.ema_overwrite_frequency = use_ema, ema_momentum, ema_overwrite_frequency
        self.loss_scale_factor, self.gradient_accumulation_steps = loss_scale_factor, gradient_accumulation_steps
        self.built = False
        self._variables, self._trainable_variables, self._indices = [], [], {}
        self._slots: dict = {}
        self._iterations = self._new_variable(np.zeros((), np.int64), dtypes.int64, "iteration")
        if learning_rate is not None:
            self._learning_rate = self._build_learning_rate(learning_rate)
        self._scalars, self._plans = Scalars(), {}

    # -- variables ----------------------------------------------------------------------------------------------------
    def _new_variable(self, array, dtype, name):
        with slots.lifted():
            if context.graph is not None:
                raise NotImplementedError(
                    f"{type(self).__name__}: Keras 3's optimizers hold eager variables and cannot be used in a tf.Graph; use "
                    "tf.keras.optimizers.legacy there."
                )
            variable = slots.eager_variable(np.asarray(array), dtype, f"{self.name}/{name}")
        self._variables.append(variable)
        return variable

    def _build_learning_rate(self, learning_rate):
        """The learning rate as it is kept: a variable, a schedule or a function."""
        if isinstance(learning_rate, LearningRateSchedule) or is_variable(learning_rate):
            return learning_rate
        if callable(learning_rate) and not isinstance(learning_rate, Tensor):
            return learning_rate
        value = learning_rate._numpy() if isinstance(learning_rate, EagerTensor) else learning_rate
        try:
            array = np.asarray(value, np.float32)
        except (TypeError, ValueError):
            raise ValueError(
                "Argument `learning_rate` should be float, or an instance of LearningRateSchedule, or a callable (that takes in the "
                "current iteration value and returns the corresponding learning rate value). Received instead: "
                f"learning_rate={learning_rate}"
            ) from None
        return self._new_variable(array, dtypes.float32, "learning_rate")

    def add_variable(self, shape, initializer="zeros", dtype=None, aggregation="none", layout=None, name=None):
        """An untrainable variable of the optimizer: `shape`, `dtype` (default float32), filled by `initializer`."""
        dtype = dtypes.as_dtype("int64" if dtype == "int" else dtype or dtypes.float32)
        dims = [int(d) for d in (shape.as_list() if hasattr(shape, "as_list") else shape)]
        return self._new_variable(_initial(initializer, dims, dtype), dtype, name or "variable")

    def add_variable_from_reference(self, reference_variable=None, name=None, initializer="zeros", model_variable=None,
                                    variable_name=None, shape=None, initial_value=None):  # fmt: skip
        """A variable like another one, called after it.  (The later arguments are Keras 2.11's spellings.)"""
        reference = reference_variable if reference_variable is not None else model_variable
        label = name or variable_name or "var"
        if initial_value is not None:
            initializer = lambda shape, dtype: initial_value  # noqa: E731
        full = f"{slots.op_name(reference).replace('/', '_')}_{label}"
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
        """The optimizer's variables: iteration, learning_rate, slots.  (Called, Keras 2's list: without the learning rate.)"""
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
        self._variables[self._variables.index(self._iterations)] = variable
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
                "This optimizer was created with a `LearningRateSchedule` object as its `learning_rate` constructor argument, hence its "
                "learning rate is not settable. If you need the learning rate to be settable, you should instantiate the optimizer with "
                "a float `learning_rate` argument."
            )
        elif not is_variable(old):
            self._learning_rate = self._build_learning_rate(value)
        elif isinstance(value, Tensor) or is_variable(value):
            old.assign(cast(record.convert_to_tensor(value), old.dtype))
        else:
            old.assign(np.asarray(value, old.dtype.np))

    lr = property(
        lambda self: self.learning_rate,
        lambda self, value: self._set_rate(value),
        doc="Keras 2's name of learning_rate.",
    )

    def _get_hyper(self, name, dtype=None):
        """Keras 2's way to a hyper-parameter: a tensor of `dtype`, or what is kept."""
        value = self._learning_rate if name in ("lr", "learning_rate") else getattr(self, name)
        return value if dtype is None or isinstance(value, LearningRateSchedule) else cast(value, dtype)

    # -- applying -----------------------------------------------------------------------------------------------------
    def minimize(self, loss, var_list, tape=None, grad_loss=None, name=None):
        """One step down `loss`: a function of no arguments, or a tensor with the tape it was computed on."""
        from ..tape import GradientTape

        if not callable(loss) and tape is None:
            raise ValueError(f"`tape` is required when a `Tensor` loss is passed. Received: loss={loss}, tape={tape}.")
        if tape is None:
            with GradientTape() as tape:
                if not callable(var_list):
                    tape.watch(var_list)
                loss = loss()
                if callable(var_list):
                    var_list = var_list()
        variables = list(var_list) if isinstance(var_list, (list, tuple)) else [var_list]
        return self.apply_gradients(zip(tape.gradient(loss, variables, grad_loss), variables, strict=True))

    def compute_gradients(self, loss, var_list, tape=None):
        """(gradient, variable) pairs of `loss`, as `minimize` computes them."""
        from ..tape import GradientTape

        if callable(loss):
            with GradientTape() as tape:
                tape.watch(var_list)
                loss = loss()
        return list(zip(tape.gradient(loss, list(var_list)), var_list, strict=True))

    def apply_gradients(
        self,
        grads_and_vars,
        name=None,
        experimental_aggregate_gradients=True,
        skip_gradients_aggregation=False,
        **kwargs,
    ):
        """Applies (gradient, variable) pairs; returns `iterations`.  ValueError without any gradient or for unknown variables."""
        if kwargs:
            raise TypeError(f"apply_gradients() got unexpected arguments {sorted(kwargs)}")
        grads, variables = [], []
        for g, v in grads_and_vars:
            grads.append(g)
            variables.append(v)
        if not grads:
            raise ValueError("not enough values to unpack (expected 2, got 0)")
        self.apply(grads, variables)
        return self._iterations

    def apply(self, grads, trainable_variables=None):
        """Applies gradients to `trainable_variables` (default: those the optimizer was built with)."""
        if len(grads) == 0:
            return
        if trainable_variables is None:
            if not self.built:
                raise ValueError(
                    "When passing `grads` without `variables`, the optimizer must already be built on a list of variables. Call "
                    "`optimizer.build(trainable_variables)` first. "
                )
            trainable_variables = self._trainable_variables
            if len(grads) != len(trainable_variables):
                raise ValueError(
                    "When passing `grads` as a list of gradient tensors, the gradients must match `optimizer.variables` one-to-on. "
                    f"Received a list of {len(grads)} gradients, but the optimizer is tracking {len(trainable_variables)} trainable variables."
                )
        if not self.built:
            with slots.lifted():
                self.build(list(trainable_variables))
            self.built = True
        if self._fused and self._apply_at_once(grads, trainable_variables):
            return
        self._apply_one_by_one(grads, trainable_variables)

    def _present(self, grads, variables):
        """Gradients as tensors and their variables; without the Nones."""
        live = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
        if not live:
            raise ValueError("No gradients provided for any variable.")
        for _, v in live:
            if id(v) not in self._indices:
                raise ValueError(
                    f"Unknown variable: {v}. This optimizer can only be called for the variables it was originally built with. When "
                    "working with a new set of variables, you should recreate a new optimizer instance."
                )
        if len(live) < len(grads):
            import warnings

            missing = [v.name for g, v in zip(grads, variables, strict=True) if g is None]
            warnings.warn(f"Gradients do not exist for variables {missing} when minimizing the loss.", stacklevel=4)
        return [g if isinstance(g, (Tensor, IndexedSlices)) else record.convert_to_tensor(g) for g, _ in live], [
            v for _, v in live
        ]

    # -- all variables in one node ------------------------------------------------------------------------------------
    def _numbers(self):
        """Hyper-parameters given as numbers: (names, values)."""
        names, values = list(self._hypers), [getattr(self, k) for k in self._hypers]
        for k in ("clipnorm", "clipvalue", "global_clipnorm", "weight_decay", "loss_scale_factor"):
            value = getattr(self, k)
            if value is not None:
                names.append(k)
                values.append(value)
        if self.use_ema:
            names.append("ema_momentum")
            values.append(self.ema_momentum)
        return names, values

    def _rate_tensor(self):
        rate = self.learning_rate
        if is_variable(rate):
            return rate._value if context.graph is None and slots.is_eager(rate) else record.convert_to_tensor(rate)
        if isinstance(rate, Tensor):
            return rate
        return record.convert_to_tensor(rate, dtypes.float32)

    def _apply_at_once(self, grads, variables):
        if None in [g if g is None else 0 for g in grads] or context.graph is not None:
            grads, variables = self._present(grads, variables)
        for g in grads:
            if g.__class__ is not EagerTensor and g.__class__ is not IndexedSlices:
                grads, variables = self._present(grads, variables)
                break
        names, values = self._numbers()
        key = (tuple([id(v) for v in variables]), signature_key(grads), len(names), self._plan_settings())
        plan = self._plans.get(key, False)
        if plan is False:
            plan = self._plans[key] = self._make_plan(grads, variables, names)
        if plan is None:
            return False
        numbers, rate = (
            self._scalars.of(values) if context.graph is None else _numbers_in_graph(values),
            self._rate_tensor(),
        )
        if context.graph is None:
            plan.run([numbers, rate], grads)
        else:
            plan.run_in_graph([numbers, rate], grads, self.name)
        return True

    def _plan_settings(self):
        """Static settings that may be changed between steps."""
        return ()

    def _settings_of(self, variable):
        """The static arguments of the formula for a variable: a tuple of (name, value)."""
        return ()

    def _make_plan(self, grads, variables, names):
        self._present(grads, variables)
        if any(getattr(v, "constraint", None) is not None for v in variables) or len({id(v) for v in variables}) < len(
            variables
        ):
            return None
        if self.use_ema and len(variables) < len(self._trainable_variables):
            return None
        clip = next(((k, n) for k, n in _CLIPS if getattr(self, n) and getattr(self, n) > 0), None)
        decayed = tuple([self.weight_decay is not None and self._use_weight_decay(v) for v in variables])
        shared = [getattr(self, "_" + s) for s in self._shared_names]
        recipe = KerasRecipe(
            self._formula, None, tuple([self._settings_of(v) for v in variables]), (*names, "learning_rate"), clip, decayed,
            self._shared_names, self._advance, self.gradient_accumulation_steps or None,
            (self.ema_overwrite_frequency or 0) if self.use_ema else None, False, 1,
        )  # fmt: skip
        own = []
        for v in variables:
            mine = self._slots_of(v)
            if self.gradient_accumulation_steps:
                mine.append(self.get_slot(v, "gradient_accumulator"))
            if self.use_ema:
                mine.append(self.get_slot(v, "average"))
            own.append(mine)
        sparse = [g.__class__ is IndexedSlices for g in grads]
        return Plan(recipe, variables, own, sparse, [self._iterations, *shared], 2)

    def _slots_of(self, variable):
        return [
            self.get_slot(variable, n)
            for names, _ in self._groups_of()
            for n in ([names] if isinstance(names, str) else names)
        ]

    # -- one variable after the other: subclasses ---------------------------------------------------------------------
    def _apply_one_by_one(self, grads, variables):
        if self.gradient_accumulation_steps:
            raise NotImplementedError(
                f"gradient_accumulation_steps is supported for built-in optimizers, not for {type(self).__name__} with its own update_step "
                "or for variables with constraints."
            )
        grads, variables = self._present(grads, variables)
        if self.loss_scale_factor is not None:
            grads = [g / self.loss_scale_factor for g in grads]
        grads = self._clip_gradients(grads)
        self._apply_weight_decay(variables)
        self._backend_update_step(grads, variables, self.learning_rate)
        if self.use_ema:
            self._update_average()
        for v in variables:
            if getattr(v, "constraint", None) is not None:
                v.assign(v.constraint(v))
        self._iterations.assign_add(np.ones((), np.int64))
        if context.graph is None:
            dispatch.flush()

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        import inspect

        takes_rate = len(inspect.signature(self.update_step).parameters) > 2
        for g, v in zip(grads, trainable_variables, strict=True):
            if takes_rate:
                self.update_step(g, v, learning_rate)
            else:
                self.update_step(g, v)

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable; built-in optimizers do it by their formula."""
        if self._formula is None:
            raise NotImplementedError(
                f"{type(self).__name__} must implement update_step(gradient, variable, learning_rate)"
            )
        names, values = list(self._hypers), [getattr(self, k) for k in self._hypers]
        shared = [getattr(self, "_" + s) for s in self._shared_names]
        recipe = KerasRecipe(self._formula, None, (self._settings_of(variable),), (*names, "learning_rate"), None, (False,),
                             self._shared_names, None, None, None, False, 0)  # fmt: skip
        plan = Plan(
            recipe,
            [variable],
            [self._slots_of(variable)],
            [isinstance(gradient, IndexedSlices)],
            [self._iterations, *shared],
            2,
        )
        rate = record.convert_to_tensor(learning_rate)
        if context.graph is None:
            plan.run([_scalar_tensor(values), rate], [gradient])
        else:
            plan.run_in_graph([_numbers_in_graph(values), rate], [gradient], self.name)

    def _clip_gradients(self, grads):
        v1 = NAMES["v1"]
        if self.clipnorm and self.clipnorm > 0:
            return [v1["clip_by_norm"](g, self.clipnorm) for g in grads]
        if self.global_clipnorm and self.global_clipnorm > 0:
            return v1["clip_by_global_norm"](grads, self.global_clipnorm)[0]
        if self.clipvalue and self.clipvalue > 0:
            return [v1["clip_by_value"](g, -self.clipvalue, self.clipvalue) for g in grads]
        return grads

    def _apply_weight_decay(self, variables):
        if self.weight_decay is None:
            return
        for v in variables:
            if self._use_weight_decay(v):
                v.assign(v - v * self.weight_decay * cast(record.convert_to_tensor(self.learning_rate), v.dtype))

    def _update_average(self):
        momentum = cast(self.iterations != 0, dtypes.float32) * self.ema_momentum
        for v, average in zip(self._trainable_variables, self._average, strict=True):
            m = cast(momentum, v.dtype)
            average.assign(m * average + (1 - m) * v)
        if self.ema_overwrite_frequency:
            raise NotImplementedError(
                "ema_overwrite_frequency is supported for built-in optimizers without constraints only"
            )

    def assign(self, variable, value):
        """variable = value."""
        variable.assign(value)

    def assign_add(self, variable, value):
        """variable += value; IndexedSlices add to their rows."""
        (variable.scatter_add if isinstance(value, IndexedSlices) else variable.assign_add)(value)

    def assign_sub(self, variable, value):
        """variable -= value; IndexedSlices are taken from their rows."""
        (variable.scatter_sub if isinstance(value, IndexedSlices) else variable.assign_sub)(value)

    # -- what surrounds a step ----------------------------------------------------------------------------------------
    def scale_loss(self, loss):
        """`loss` times the loss scale, if there is one."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Leaves out variables, and those whose names contain one of `var_names`; ValueError once built."""
        if self.built:
            raise ValueError("`exclude_from_weight_decay()` can only be configured before the optimizer is built.")
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
                f"The length of model variables ({len(var_list)}) to override does not match the length of model variables stored in the "
                f"optimizer ({len(self._average)}). Please check if the optimizer was called on your model."
            )
        for v, average in zip(var_list, self._average, strict=True):
            v.assign(average)

    def get_weights(self):
        """The variables' values as arrays."""
        return [v.numpy() for v in self.variables()]

    def set_weights(self, weights):
        """Gives the variables these values; ValueError before `build` or where shapes or counts differ."""
        if not self.built:
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
                    f"Optimizer variable {v.name} has shape {v.shape} not compatible with provided weight shape {tuple(array.shape)}."
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
        return {
            "name": self.name, "learning_rate": rate, "weight_decay": self.weight_decay, "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm, "clipvalue": self.clipvalue, "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum, "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor, "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }  # fmt: skip

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """An optimizer from what `get_config` gave."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = deserialize(config["learning_rate"], custom_objects)
        return cls(**config)


_CLIPS = (("norm", "clipnorm"), ("global", "global_clipnorm"), ("value", "clipvalue"))


def _initial(initializer, dims, dtype):
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


def _scalar_tensor(values):
    return Scalars().of(values)


def _numbers_in_graph(values):
    return record.convert_to_tensor(np.array(values, np.float64))
