"""Both ways between TensorFlow's optimizers and optax: `make_optax(optimizer)` and `from_optax(transformation)`."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import dtypes, record
from ..declare import export
from ..graph import context
from ..scopes import control_dependencies, name_scope
from ..tensor import IndexedSlices, Tensor
from . import slots
from .apply import Plan, Scalars, signature_key
from .base import Optimizer, _add_one, check_global_step, is_variable
from .formula import FormulaOptimizer, Recipe, rounded
from .keras_base import Optimizer as KerasOptimizer
from .legacy_base import OptimizerV2, _clip_of
from .schedules import LearningRateSchedule


def is_transformation(thing):
    """Whether `thing` is an optax GradientTransformation."""
    return isinstance(thing, tuple) and hasattr(thing, "init") and hasattr(thing, "update")


# -- TensorFlow -> optax ----------------------------------------------------------------------------------------------
class State(NamedTuple):
    """An optimizer's state: values shared by all parameters by name, slots by name as trees like the parameters'."""

    shared: dict
    slots: dict


@export("optimizers.make_optax")
def make_optax(optimizer):
    """The optax GradientTransformation that does what `optimizer` does with dense gradients; `update` needs `params`.

    Hyper-parameters are taken as they are now; a schedule follows the transformation's own count.
    """
    import optax

    if isinstance(optimizer, OptaxOptimizer):
        return optimizer._transformation
    kinds = ((FormulaOptimizer, _ClassicTwin), (OptimizerV2, _Keras2Twin), (KerasOptimizer, _KerasTwin))
    kind = next((twin for cls, twin in kinds if isinstance(optimizer, cls) and type(optimizer)._fused), None)
    if kind is None:
        raise NotImplementedError(
            f"make_optax knows the built-in optimizers of tf.train and tf.keras, not {type(optimizer).__name__}"
        )
    twins: dict = {}

    def twin_for(leaves):
        key = tuple([(tuple(jnp.shape(p)), np.dtype(jnp.asarray(p).dtype)) for p in leaves])
        if key not in twins:
            with jax.ensure_compile_time_eval():
                twins[key] = kind(optimizer, key)
        return twins[key]

    def init(params):
        leaves, tree = jax.tree.flatten(params)
        twin = twin_for(leaves)
        made = {
            name: tree.unflatten([_start(column[i], p) for i, p in enumerate(leaves)])
            for name, column in twin.slots.items()
        }
        return State({k: jnp.asarray(v) for k, v in twin.shared.items()}, made)

    def update(updates, state, params=None):
        if params is None:
            raise ValueError("this transformation needs the parameters: update(grads, state, params)")
        leaves, tree = jax.tree.flatten(params)
        twin = twin_for(leaves)
        columns = {name: tree.flatten_up_to(state.slots[name]) for name in twin.slots}
        with jax.enable_x64(True):
            names = [[n for n in twin.slots if twin.slots[n][i] is not None] for i in range(len(leaves))]
            states = [(p, *[columns[n][i] for n in names[i]]) for i, p in enumerate(leaves)]
            new_shared, new = twin.recipe.run(
                twin.scalars(state.shared), tuple(state.shared.values()), tree.flatten_up_to(updates), states
            )
            new = [
                tuple([v.astype(o.dtype) for v, o in zip(n, s, strict=True)]) for n, s in zip(new, states, strict=True)
            ]
            moved = [n[0] - p for n, p in zip(new, leaves, strict=True)]
        kept = {k: v.astype(o.dtype) for (k, o), v in zip(state.shared.items(), new_shared, strict=True)}
        for i, (own, values) in enumerate(zip(names, new, strict=True)):
            for n, value in zip(own, values[1:], strict=True):
                columns[n][i] = value
        return tree.unflatten(moved), State(kept, {n: tree.unflatten(c) for n, c in columns.items()})

    return optax.GradientTransformation(init, update)


def _start(value, parameter):
    """What a slot starts from: an array, the parameter itself, or nothing (a zero that is never read)."""
    if value is None:
        return jnp.zeros(())
    return jnp.array(parameter) if value is _PARAMETER else jnp.asarray(value)


_PARAMETER = object()


class _Twin:
    """An optimizer like the one given, made for parameters of these (shape, dtype)s.

    recipe   what it does in a step (see apply.Applied)
    shared   {name: value} of what all parameters share at the start
    slots    {name: per parameter its start: an array, _PARAMETER, or None where it has no such slot}
    """

    def scalars(self, shared):
        """The recipe's scalars for the step whose shared values these are."""
        raise NotImplementedError


class _Anything:
    """Stands for a variable while an optimizer says which slots it would make."""

    name, shape, dtype = "w:0", (), dtypes.float32

    def get_shape(self):
        return self.shape


class _ClassicTwin(_Twin):
    def __init__(self, optimizer, parameters):
        probe, fills, shared = copy.copy(optimizer), {}, {}
        probe._zeros_slot = lambda v, name, op_name: fills.update({name: 0.0})
        probe._filled_slot = lambda v, value, label, name, op_name=None: fills.update({name: float(value)})
        probe._create_non_slot_variable = lambda value, name, first: shared.update({name: np.float32(value)})
        probe._create_slots([_Anything()])
        dense, sparse, settings = optimizer._ops()
        sources, numbers = {}, []
        for k, value in optimizer._values().items():
            if isinstance(value, Tensor) or is_variable(value):
                value = float(record.convert_to_tensor(value)._numpy())
            sources[k] = len(numbers)
            numbers.append(rounded(value))
        self.recipe = Recipe(dense, sparse, settings, sources, optimizer._shared, optimizer._decays)
        self.shared, self._numbers = {k: shared[k] for k in optimizer._shared}, np.array(numbers, np.float64)
        self.slots = {n: [np.full(shape, fills[n], dtype) for shape, dtype in parameters] for n in optimizer._state}

    def scalars(self, shared):
        return [jnp.asarray(self._numbers)]


class _KerasTwin(_Twin):
    """Built twice, for parameters of zeros and of ones: a slot that differs starts as the parameter."""

    def __init__(self, optimizer, parameters):
        with slots.lifted():
            self.optimizer, plan = self._built(optimizer, parameters, 0)
            _, other = self._built(optimizer, parameters, 1)
        self.recipe = plan.recipe
        values, others = ([v._value._numpy() for v in p.slots] for p in (plan, other))
        self.slots, at = {}, 0
        for i, (_, n) in enumerate(plan.layout):
            for k in range(n):
                value = values[at] if np.array_equal(values[at], others[at]) else _PARAMETER
                self.slots.setdefault(f"slot_{k}", [None] * len(parameters))[i] = value
                at += 1
        shared = [v._value._numpy() for v in plan.state[: plan.n_shared]]
        self.shared = {"count": np.zeros((), np.int32), **dict(zip(self.recipe.shared, shared[1:], strict=True))}
        self._fixed = self._numbers()

    def _built(self, optimizer, parameters, fill):
        variables = [
            slots.eager_variable(np.full(shape, fill, dtype), dtypes.as_dtype(dtype), f"parameter_{i}")
            for i, (shape, dtype) in enumerate(parameters)
        ]
        made = self._copy(optimizer)
        return made, self._plan(made, [v.read_value() for v in variables], variables)

    def _copy(self, optimizer):
        made = copy.copy(optimizer)
        fresh = ("_slots", "_plans", "_indices", "_tracked")
        made.__dict__.update({k: {} for k in fresh}, built=False, _trainable_variables=[])
        made._variables = [optimizer._iterations]
        return made

    def _plan(self, made, grads, variables):
        made.build(variables)
        return made._make_plan(grads, variables, made._numbers()[0])

    def _numbers(self):
        return [np.array(self.optimizer._numbers()[1], np.float64)]

    def _rate(self):
        return self.optimizer._learning_rate

    def scalars(self, shared):
        rate = self._rate()
        if isinstance(rate, LearningRateSchedule):
            now = rate.at(shared["count"])
        else:
            now = np.float32(rate.numpy() if is_variable(rate) else rate() if callable(rate) else rate)
        return [*[jnp.asarray(v) for v in self._fixed], jnp.asarray(now)]


class _Keras2Twin(_KerasTwin):
    def _copy(self, optimizer):
        made, own = copy.copy(optimizer), {"_slots": {}, "_plans": {}, "_primaries": {}, "_tracked": {}}
        made.__dict__.update(own, _slot_names=[], _weights=[], _iterations=None, _hyper=dict(optimizer._hyper))
        made.__dict__.update({f"_{name}": None for name in optimizer._shared_names})
        return made

    def _plan(self, made, grads, variables):
        return made._make_plan(grads, variables)

    def _numbers(self):
        return [t._numpy() for t in self.optimizer._scalars_now(_clip_of(self.optimizer))[:-1]]

    def _rate(self):
        return self.optimizer._get_hyper("learning_rate")


# -- optax -> TensorFlow ----------------------------------------------------------------------------------------------
class OptaxRecipe:
    """Applies an optax transformation to all variables; `places`: per leaf of its state (-1, shared position) or
    (variable, slot).
    """

    broadcasts, casts = False, True

    def __init__(self, transformation, tree, places):
        self.transformation, self.tree, self.places = transformation, tree, places
        self.key = (transformation, tree, places)

    def __hash__(self):
        return hash(self.key)

    def __eq__(self, other):
        return isinstance(other, OptaxRecipe) and self.key == other.key

    def run(self, scalars, shared, grads, states):
        """(new shared, new states); see apply.Applied."""
        import optax

        params = [s[0] for s in states]
        dense = [
            jnp.zeros_like(p).at[g[1]].add(g[0], mode="drop") if isinstance(g, tuple) else g
            for g, p in zip(grads, params, strict=True)
        ]
        leaves = [shared[j] if i < 0 else states[i][j] for i, j in self.places]
        updates, state = self.transformation.update(dense, self.tree.unflatten(leaves), params)
        new_shared, new = list(shared), [list(s) for s in states]
        for i, p in enumerate(optax.apply_updates(params, updates)):
            new[i][0] = p
        for (i, j), leaf in zip(self.places, jax.tree.leaves(state), strict=True):
            if i < 0:
                new_shared[j] = leaf
            else:
                new[i][j] = leaf
        return new_shared, [tuple(s) for s in new]


class OptaxOptimizer(Optimizer):
    """An optax transformation where a TensorFlow optimizer is expected: in graphs, eagerly and in functions."""

    def __init__(self, transformation, name="Optax"):
        super().__init__(False, name)
        self._transformation = transformation
        self._plans: dict = {}

    def minimize(self, loss, global_step=None, var_list=None, *args, **kwargs):
        """See Optimizer.minimize; Keras's order `minimize(loss, var_list)` is understood too."""
        if isinstance(global_step, (list, tuple)):
            global_step, var_list = None, global_step
        return super().minimize(loss, global_step, var_list, *args, **kwargs)

    def _apply_eagerly(self, pairs, global_step, name=None):
        if global_step is not None:
            check_global_step(global_step)
        self._plan(pairs).run([Scalars().of([0.0])], [g for g, _ in pairs], global_step)

    def _apply_in_graph(self, pairs, global_step, name):
        with name_scope(name, self._name) as scope:
            zero = record.convert_to_tensor(np.zeros(1))
            update = self._plan(pairs).run_in_graph(
                [zero], [g for g, _ in pairs], scope if global_step is None else "update"
            )
            if global_step is None:
                return update
            with control_dependencies([update]):
                step = _add_one(global_step, scope)
        return step.op if isinstance(step, Tensor) else step

    def _plan(self, pairs):
        grads, variables = [g for g, _ in pairs], [v for _, v in pairs]
        key = (tuple([id(v) for v in variables]), signature_key(grads), slots.outermost())
        plan = self._plans.get(key)
        if plan is None:
            with slots.lifted():
                plan = self._plans[key] = self._make_plan(variables, grads)
        return plan

    def _make_plan(self, variables, grads):
        paths, tree = self._initial(variables)
        shared, own, places = [], [[] for _ in variables], []
        for path, value in paths:
            at = _owner(path, value, variables)
            label = "_".join(str(getattr(k, "name", getattr(k, "key", getattr(k, "idx", k)))) for k in path) or "state"
            if at is None:
                places.append((-1, len(shared)))
                shared.append(self._create_non_slot_variable(value, f"{self._name}/{label}", variables[0]))
            else:
                slot = label.rsplit("_", 1)[0] if label[-1].isdigit() else label
                made = self._made(
                    variables[at], slot, lambda v=variables[at], a=value, s=slot: _slot(v, a, f"{self._name}_{s}")
                )
                own[at].append(made)
                places.append((at, len(own[at])))
        recipe = OptaxRecipe(self._transformation, tree, tuple(places))
        return Plan(recipe, variables, own, [g.__class__ is IndexedSlices for g in grads], shared, 1)

    def _initial(self, variables):
        """[(path, array)] of the initial state, and its tree."""
        with jax.enable_x64(True):
            if context.graph is None:
                state = self._transformation.init([v._value._numpy() for v in variables])
            else:
                shapes = [(v.shape.as_list(), v.dtype.base_dtype.np) for v in variables]
                state, other = [self._transformation.init([np.full(s, x, d) for s, d in shapes]) for x in (0, 1)]
                if not all(
                    np.array_equal(a, b) for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(other), strict=True)
                ):
                    raise NotImplementedError(
                        "this optax transformation starts from the variables' values, which a graph does not know yet"
                    )
        paths, tree = jax.tree_util.tree_flatten_with_path(state)
        return [(path, np.asarray(value)) for path, value in paths], tree


def _owner(path, value, variables):
    """Which variable a leaf of the state belongs to: it sits in a list like the parameters', with that variable's
    shape.
    """
    index: Any = getattr(path[-1], "idx", None) if path else None
    if index is None or len(path) < 2 or not hasattr(path[-2], "name") or index >= len(variables):
        return None
    return (
        index
        if variables[index]._aval.shape == value.shape and variables[index].dtype.base_dtype.np == value.dtype
        else None
    )


def _slot(variable, array, name):
    if context.graph is None:
        return slots.eager_variable(array, dtypes.as_dtype(array.dtype), f"{slots.op_name(variable)}/{name}")
    return slots.create_slot(variable, record.convert_to_tensor(array), name)


@export("optimizers.from_optax")
def from_optax(transformation, name="Optax"):
    """A TensorFlow optimizer that applies an optax GradientTransformation, its state kept in slot variables.

    Raises TypeError for anything else.
    """
    if not is_transformation(transformation):
        raise TypeError(f"from_optax takes an optax GradientTransformation, not {transformation!r}")
    return OptaxOptimizer(transformation, name)
