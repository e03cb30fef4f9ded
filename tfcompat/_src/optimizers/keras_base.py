"""tf.keras.optimizers.Optimizer as Keras 3 has it, and the choice between it and Keras 2's (legacy_base.py).

TensorFlow's users wrote for both.  Keras 3's class is used eagerly and in functions; Keras 2's where a Session's
graph is being built, where the call uses Keras 2's spellings (`lr=`, `decay=`), and for subclasses written Keras 2's
way (`_resource_apply_dense`).
"""

from __future__ import annotations

import inspect

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
from .keras_state import KerasState, auto_name

_KERAS2_HOOKS = ("_resource_apply_dense", "_resource_apply_sparse", "_create_slots", "_prepare_local")
_KERAS3_ONLY = (
    "weight_decay",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
)


def _keras2_values(args, kwargs):
    """Whether a hyper-parameter other than the learning rate is a function, tensor or variable: Keras 3 takes none."""
    values = [*args[1:], *[v for k, v in kwargs.items() if k != "learning_rate"]]
    return any([callable(v) or isinstance(v, Tensor) or is_variable(v) for v in values])


class Generations(type):
    """Metaclass of Keras's optimizers: calling a built-in class gives the generation the call was written for."""

    @property
    def __signature__(cls):
        """What help() and editors show: the arguments of the class, not of this call."""
        found = inspect.signature(cls.__init__)
        return found.replace(parameters=list(found.parameters.values())[1:])

    def __call__(cls, *args, **kwargs):
        old = cls.__dict__.get("_legacy")
        if old is not None and not any(kwargs.get(k) is not None for k in _KERAS3_ONLY):
            graph = context.graph
            in_session = graph is not None and not graph.building_function and slots.outermost() is not None
            if (
                in_session
                or kwargs.get("lr") is not None
                or kwargs.get("decay")
                or "schedule_decay" in kwargs
                or "epsilon" in kwargs
                and kwargs["epsilon"] is None
                or _keras2_values(args, kwargs)
            ):
                return old(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def __instancecheck__(cls, instance):
        kind = type(instance)
        if type.__instancecheck__(cls, instance):
            return True
        old = cls.__dict__.get("_legacy")
        return old is not None and issubclass(kind, old)


@export("keras.optimizers.Optimizer optimizers.Optimizer keras.optimizers.experimental.Optimizer", v1="")
class Optimizer(KerasState, metaclass=Generations):
    """Base class.  Subclasses: `build(variables)` makes slots, `update_step(gradient, variable, learning_rate)`
    updates one variable.
    """

    _own_methods = ("update_step", "apply", "apply_gradients", "assign", "assign_add", "assign_sub",
                    "_backend_update_step", "_clip_gradients", "_apply_weight_decay",
                    "_backend_apply_gradients", )  # fmt: skip
    _fused = False
    # What built-in classes fill in; see keras.py.
    _formula = None
    _groups: tuple = ()
    _hypers: tuple = ()
    _legacy = None
    _advance = None
    _shared_names: tuple = ()
    _decays_itself = False  # the formula applies weight decay

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith(__package__):
            return
        own = cls.__dict__
        if any(n in own for n in _KERAS2_HOOKS) and "update_step" not in own:
            bases = tuple([b.__dict__.get("_legacy") or b if isinstance(b, Generations) else b for b in cls.__bases__])
            cls.__bases__ = bases
        cls._fused = cls._fused and not any(n in own for n in cls._own_methods)

    def __init__(self, learning_rate=None, weight_decay=None, clipnorm=None, clipvalue=None,
                 global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs):  # fmt: skip
        if isinstance(learning_rate, str) and name is None and self._formula is None:  # Keras 2.11's order: name first
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
                f"`ema_overwrite_frequency` must be an integer >= 1 or None. Received: "
                f"ema_overwrite_frequency={ema_overwrite_frequency}"
            )
        for k, v in (("clipnorm", clipnorm), ("clipvalue", clipvalue), ("global_clipnorm", global_clipnorm)):
            if v is not None and v < 0:
                raise ValueError(f"Expected {k} >= 0, received: {v}")
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
        self._trainable_variables_indices = {}  # empty, as checkpoints know it
        self._slots: dict = {}
        self._iterations = self._new_variable(np.zeros((), np.int64), dtypes.int64, "iteration")
        if learning_rate is not None or self._formula is not None:
            self._learning_rate = self._build_learning_rate(learning_rate)
        self._scalars, self._plans = Scalars(), {}

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

    _compute_gradients = compute_gradients

    def apply_gradients(
        self,
        grads_and_vars,
        name=None,
        experimental_aggregate_gradients=True,
        skip_gradients_aggregation=False,
        **kwargs,
    ):
        """Applies (gradient, variable) pairs; returns `iterations`.  ValueError without any gradient or for unknown
        variables.
        """
        if kwargs:
            raise TypeError(f"apply_gradients() got unexpected arguments {sorted(kwargs)}")
        pairs = list(grads_and_vars)
        grads, variables = [g for g, _ in pairs], [v for _, v in pairs]
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
                    "When passing `grads` without `variables`, the optimizer must already be built on a list of "
                    "variables. Call "
                    "`optimizer.build(trainable_variables)` first. "
                )
            trainable_variables = self._trainable_variables
            if len(grads) != len(trainable_variables):
                raise ValueError(
                    "When passing `grads` as a list of gradient tensors, the gradients must match "
                    "`optimizer.variables` one-to-on. "
                    f"Received a list of {len(grads)} gradients, but the optimizer is tracking "
                    f"{len(trainable_variables)} trainable variables."
                )
        if not self.built:
            with slots.lifted():
                self.build(list(trainable_variables))
            self.built = True
        if self._fused and self._apply_at_once(grads, trainable_variables):
            return
        self._apply_one_by_one(grads, trainable_variables)

    def stateless_apply(self, optimizer_variables, grads, trainable_variables):
        """Not there: ValueError, as over TensorFlow."""
        raise ValueError(
            "stateless_apply is not supported with the TensorFlow backend: use apply(), or "
            "tfcompat.optimizers.make_optax(optimizer) for a pure function of gradients and state."
        )

    def _present(self, grads, variables):
        """Gradients as tensors and their variables; without the Nones."""
        live = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
        if not live:
            raise ValueError("No gradients provided for any variable.")
        for _, v in live:
            if not is_variable(v):
                raise NotImplementedError(f"Trying to update a Tensor {v}")
            if id(v) not in self._indices:
                raise ValueError(
                    f"Unknown variable: {v}. This optimizer can only be called for the variables it was "
                    f"originally built with. When "
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
        if context.graph is not None or not {EagerTensor, IndexedSlices}.issuperset(map(type, grads)):
            grads, variables = self._present(grads, variables)
        names, values = self._numbers()
        key = (tuple(map(id, variables)), signature_key(grads), len(names), self._plan_settings())
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
        if plan.constrained:
            plan.constrain()
        return True

    def _plan_settings(self):
        """Static settings that may be changed between steps."""
        return ()

    def _settings_of(self, variable):
        """The static arguments of the formula for a variable: a tuple of (name, value)."""
        return ()

    def _make_plan(self, grads, variables, names):
        self._present(grads, variables)
        if len({id(v) for v in variables}) < len(variables):
            return None
        if self.use_ema and len(variables) < len(self._trainable_variables):
            return None
        clip = next(((k, n) for k, n in _CLIPS if getattr(self, n) and getattr(self, n) > 0), None)
        decays = self.weight_decay is not None and not self._decays_itself
        decayed = tuple([decays and self._use_weight_decay(v) for v in variables])
        shared = [getattr(self, "_" + s) for s in self._shared_names]
        recipe = KerasRecipe(self._formula, None, tuple([self._settings_of(v) for v in variables]), (*names,
                             "learning_rate"), clip, decayed, self._shared_names, self._advance,
                             self.gradient_accumulation_steps or None, (self.ema_overwrite_frequency or 0) if
                             self.use_ema else None, False, 1, )  # fmt: skip
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
        grads, variables = self._present(grads, variables)
        if self.loss_scale_factor is not None:
            grads = [g / self.loss_scale_factor for g in grads]
        if self.gradient_accumulation_steps:
            self._accumulate(grads, variables)
        else:
            self._take_step(grads, variables)
        if self.use_ema:
            self._update_average()
        for v in variables:
            if getattr(v, "constraint", None) is not None:
                v.assign(v.constraint(v))
        self._iterations.assign_add(np.ones((), np.int64))
        if context.graph is None:
            dispatch.flush()

    def _take_step(self, grads, variables):
        grads = self._clip_gradients(grads)
        self._apply_weight_decay(variables)
        self._backend_update_step(grads, variables, self.learning_rate)

    def _accumulate(self, grads, variables):
        """Every so many steps the mean of their gradients is applied; between, they add up."""
        n, grads = self.gradient_accumulation_steps, [record.convert_to_tensor(g) for g in grads]
        sums = [self.get_slot(v, "gradient_accumulator") for v in variables]

        def apply():
            self._take_step([(g + total) / n for g, total in zip(grads, sums, strict=True)], variables)
            for total in sums:
                total.assign(np.zeros(total.shape, total.dtype.np))
            return True

        def keep():
            for g, total in zip(grads, sums, strict=True):
                self.assign_add(total, g)
            return False

        NAMES["v1"]["cond"](record.convert_to_tensor(self._iterations + 1) % n == 0, apply, keep)

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
        recipe = KerasRecipe(self._formula, None, (self._settings_of(variable),), (*names, "learning_rate"),
                             None, (False,), self._shared_names, None, None, None, False, 0)  # fmt: skip
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

            def overwrite():
                for v, average in zip(self._trainable_variables, self._average, strict=True):
                    v.assign(average)
                return True

            NAMES["v1"]["cond"]((self.iterations + 1) % self.ema_overwrite_frequency == 0, overwrite, lambda: False)

    def assign(self, variable, value):
        """variable = value."""
        variable.assign(value)

    def assign_add(self, variable, value):
        """variable += value; IndexedSlices add to their rows."""
        (variable.scatter_add if isinstance(value, IndexedSlices) else variable.assign_add)(value)

    def assign_sub(self, variable, value):
        """variable -= value; IndexedSlices are taken from their rows."""
        (variable.scatter_sub if isinstance(value, IndexedSlices) else variable.assign_sub)(value)


_CLIPS = (("norm", "clipnorm"), ("global", "global_clipnorm"), ("value", "clipvalue"))


def _scalar_tensor(values):
    return Scalars().of(values)


def _numbers_in_graph(values):
    return record.convert_to_tensor(np.array(values, np.float64))
