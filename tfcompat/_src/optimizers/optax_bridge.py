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
from .base import Optimizer, _add_one, is_variable
from .formula import FormulaOptimizer, Recipe, rounded
from .keras_base import Optimizer as KerasOptimizer
from .keras_recipe import KerasRecipe
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
    if isinstance(optimizer, FormulaOptimizer) and optimizer._fused:
        parts = _classic_parts(optimizer)
    elif isinstance(optimizer, KerasOptimizer) and type(optimizer)._fused:
        parts = _keras_parts(optimizer)
    else:
        raise NotImplementedError(
            f"make_optax knows tf.train's and Keras 3's built-in optimizers, not {type(optimizer).__name__}"
        )
    make_recipe, scalars, shared, slot_values = parts

    def init(params):
        made = {}
        for name, value in slot_values:
            made[name] = jax.tree.map(lambda p, x=value: jnp.full(jnp.shape(p), x, jnp.asarray(p).dtype), params)
        return State({k: jnp.asarray(v) for k, v in shared.items()}, made)

    def update(updates, state, params=None):
        if params is None:
            raise ValueError("this transformation needs the parameters: update(grads, state, params)")
        leaves, tree = jax.tree.flatten(params)
        per_slot = [tree.flatten_up_to(state.slots[name]) for name, _ in slot_values]
        with jax.enable_x64(True):
            states = [(p, *[s[i] for s in per_slot]) for i, p in enumerate(leaves)]
            recipe = make_recipe(len(leaves))
            new_shared, new = recipe.run(
                scalars(state.shared), tuple(state.shared.values()), tree.flatten_up_to(updates), states
            )
            new = [
                tuple([v.astype(o.dtype) for v, o in zip(n, s, strict=True)]) for n, s in zip(new, states, strict=True)
            ]
            moved = [n[0] - p for n, p in zip(new, leaves, strict=True)]
        kept = {k: v.astype(o.dtype) for (k, o), v in zip(state.shared.items(), new_shared, strict=True)}
        trees = {name: tree.unflatten([n[i + 1] for n in new]) for i, (name, _) in enumerate(slot_values)}
        return tree.unflatten(moved), State(kept, trees)

    return optax.GradientTransformation(init, update)


class _Anything:
    """Stands for a variable while an optimizer says which slots it would make."""

    name, shape, dtype = "w:0", (), dtypes.float32

    def get_shape(self):
        return self.shape


def _classic_parts(optimizer):
    probe, made, shared = copy.copy(optimizer), [], {}
    probe._zeros_slot = lambda v, name, op_name: made.append((name, 0.0))
    probe._filled_slot = lambda v, value, label, name, op_name=None: made.append((name, float(value)))
    probe._create_non_slot_variable = lambda value, name, first: shared.update({name: np.float32(value)})
    probe._create_slots([_Anything()])
    order = {name: value for name, value in made}
    dense, sparse, settings = optimizer._ops()
    sources, numbers = {}, []
    for k, value in optimizer._values().items():
        if isinstance(value, Tensor) or is_variable(value):
            value = float(record.convert_to_tensor(value)._numpy())
        sources[k] = len(numbers)
        numbers.append(rounded(value))
    recipe = Recipe(dense, sparse, settings, sources, optimizer._shared, optimizer._decays)
    ordered = {k: shared[k] for k in optimizer._shared}
    return (
        lambda n: recipe,
        lambda state: [jnp.asarray(np.array(numbers, np.float64))],
        ordered,
        [(s, order[s]) for s in optimizer._state],
    )


def _keras_parts(optimizer):
    if (
        optimizer.gradient_accumulation_steps
        or optimizer.use_ema
        or optimizer._shared_names
        or not optimizer._groups_of()
    ):
        if optimizer.gradient_accumulation_steps or optimizer.use_ema or optimizer._shared_names:
            raise NotImplementedError(
                "make_optax: gradient accumulation, use_ema and Nadam are not supported; optax has its own wrappers"
            )
    if type(optimizer)._build_slots is not KerasOptimizer._build_slots and not optimizer._groups_of():
        raise NotImplementedError(
            f"make_optax: {type(optimizer).__name__} keeps slots of other shapes than its variables"
        )
    names, values = optimizer._numbers()
    rate = optimizer._learning_rate
    clip = next(
        (
            (k, n)
            for k, n in (("norm", "clipnorm"), ("global", "global_clipnorm"), ("value", "clipvalue"))
            if getattr(optimizer, n)
        ),
        None,
    )
    statics = optimizer._settings_of(_Anything())

    def make(n):
        decayed = (optimizer.weight_decay is not None,) * n
        return KerasRecipe(
            optimizer._formula,
            None,
            (statics,) * n,
            (*names, "learning_rate"),
            clip,
            decayed,
            (),
            None,
            None,
            None,
            False,
            1,
        )

    def scalars(state):
        if isinstance(rate, LearningRateSchedule):
            now = rate.at(state["count"])
        else:
            now = np.float32(rate.numpy() if is_variable(rate) else rate())
        return [jnp.asarray(np.array(values, np.float64)), jnp.asarray(now)]

    fills = [(n, np.float32(0 if fill == "zeros" else fill)) for group, fill in optimizer._groups_of()
             for n in ([group] if isinstance(group, str) else group)]  # fmt: skip
    return make, scalars, {"count": np.zeros((), np.int32)}, fills


# -- optax -> TensorFlow ----------------------------------------------------------------------------------------------
class OptaxRecipe:
    """Applies an optax transformation to all variables; `places`: per leaf of its state (-1, shared position) or
    (variable, slot).
    """

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

    def _apply_eagerly(self, pairs, global_step):
        if global_step is not None:
            _add_one(global_step, None)
        self._plan(pairs).run([Scalars().of([0.0])], [g for g, _ in pairs])

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
