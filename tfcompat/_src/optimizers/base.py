"""tf.train.Optimizer, TF1's base class: gradients, slots, and how updates are put together.

Subclasses written the TF1 way (_create_slots, _prepare, _apply_dense, _finish, ...) are driven as TensorFlow drives
them, one variable after the other.  Built-in optimizers (formula.py) record one node for all variables when they run
eagerly.
"""

from __future__ import annotations

import numpy as np

from .. import dtypes, nest, record, tape
from ..declare import OPS, export
from ..engine import dispatch
from ..graph import context
from ..scopes import control_dependencies, name_scope
from ..symbolic_gradients import symbolic_gradients
from ..tensor import IndexedSlices, Tensor
from ..train.trackable import Trackable
from . import slots

_FLOATS = (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64)


def is_variable(thing):
    """Whether `thing` is a variable of ours."""
    return hasattr(thing.__class__, "_dense_tensor")


def group(operations, name):
    """A NoOp called `name` that waits for the operations; eagerly None."""
    if context.graph is None:
        return None
    waiting = [o.op if isinstance(o, Tensor) else o for o in operations if o is not None]
    with control_dependencies(waiting):
        full = context.graph.op_name(name, "group_deps")
        return record.add_op(context.graph, OPS["NoOp"].signature(), (), full, avals=())


@export("", v1="train.Optimizer")
class Optimizer(Trackable):
    """Base class: `minimize` is `compute_gradients` and `apply_gradients`."""

    GATE_NONE = 0
    GATE_OP = 1
    GATE_GRAPH = 2

    def __init__(self, use_locking, name, use_own_namescope_for_non_slot_vars=False):
        if not name:
            raise ValueError("Must specify the optimizer name")
        self._use_locking, self._name = use_locking, name
        self._use_own_namescope_for_non_slot_vars = use_own_namescope_for_non_slot_vars
        if use_own_namescope_for_non_slot_vars:
            from ..variable_scope import variable_scope

            with variable_scope(None, default_name=name) as self._non_slot_variable_scope:
                pass
        self._slots: dict = {}  # slot name -> {variable key -> slot variable}
        self._non_slot_dict: dict = {}  # (name, graph) -> variable
        self._primaries: dict = {}  # keeps variables alive whose ids are keys
        self._deferred_slot_restorations: dict = {}

    def get_name(self):
        """The optimizer's name."""
        return self._name

    # -- gradients ----------------------------------------------------------------------------------------------------
    def minimize(self, loss, global_step=None, var_list=None, gate_gradients=GATE_OP, aggregation_method=None,
                 colocate_gradients_with_ops=False, name=None, grad_loss=None):  # fmt: skip
        """Adds (eagerly: takes) one step that lowers `loss`; returns the train op.  ValueError where no variable has
        a gradient.
        """
        pairs = self.compute_gradients(
            loss, var_list, gate_gradients, aggregation_method, colocate_gradients_with_ops, grad_loss
        )
        if not any([g is not None for g, _ in pairs]):
            raise ValueError(
                "No gradients provided for any variable, check your graph for ops that do not support gradients, "
                "between variables "
                f"{[str(v) for _, v in pairs]} and loss {loss}."
            )
        return self.apply_gradients(pairs, global_step=global_step, name=name)

    def compute_gradients(self, loss, var_list=None, gate_gradients=GATE_OP, aggregation_method=None,
                          colocate_gradients_with_ops=False, grad_loss=None):  # fmt: skip
        """(gradient, variable) pairs; `loss` is a tensor in a graph, a function of no arguments eagerly.

        Raises RuntimeError for a tensor eagerly, ValueError for an invalid gate, dtype or an empty list, TypeError
        for non-variables.
        """
        if callable(loss) and not isinstance(loss, Tensor):
            return self._gradients_of_function(loss, var_list, grad_loss)
        if context.graph is None:
            raise RuntimeError(
                "`loss` passed to Optimizer.compute_gradients should be a function when eager execution is enabled."
            )
        if gate_gradients not in (Optimizer.GATE_NONE, Optimizer.GATE_OP, Optimizer.GATE_GRAPH):
            raise ValueError(
                "gate_gradients must be one of: Optimizer.GATE_NONE, Optimizer.GATE_OP, Optimizer.GATE_GRAPH.  Not "
                f"{gate_gradients}"
            )
        self._assert_valid_dtypes([loss])
        if grad_loss is not None:
            self._assert_valid_dtypes([record.convert_to_tensor(grad_loss)])
        if var_list is None:
            from ..variable_functions import trainable_variables

            var_list = trainable_variables()
        else:
            var_list = nest.flatten(var_list)
        for v in var_list:
            if not is_variable(v) and not isinstance(v, Tensor):
                raise TypeError(f"Argument is not a tf.Variable: {v}")
        if not var_list:
            raise ValueError("No variables to optimize.")
        grads = symbolic_gradients(
            loss, var_list, grad_ys=grad_loss, gate_gradients=gate_gradients == Optimizer.GATE_OP,
            aggregation_method=aggregation_method, colocate_gradients_with_ops=colocate_gradients_with_ops,
        )  # fmt: skip
        pairs = list(zip(grads, var_list, strict=True))
        self._assert_valid_dtypes([v for g, v in pairs if g is not None])
        return pairs

    def _gradients_of_function(self, loss, var_list, grad_loss):
        with tape.GradientTape() as t:
            if var_list is not None:
                var_list = nest.flatten(var_list)
                t.watch(var_list)
            value = loss()
        if var_list is None:
            var_list = t.watched_variables()
        return list(zip(t.gradient(value, list(var_list), grad_loss), var_list, strict=True))

    # -- updates ------------------------------------------------------------------------------------------------------
    def apply_gradients(self, grads_and_vars, global_step=None, name=None, skip_gradients_aggregation=False):
        """Applies gradients to variables; returns the train op (eagerly None).  Pairs with gradient None are left out.

        Raises ValueError for no pairs or no gradients at all, TypeError for gradients that are no tensors.
        """
        pairs = [self._converted(g, v) for g, v in grads_and_vars]
        if not pairs:
            raise ValueError("No variables provided.")
        live = [(g, v) for g, v in pairs if g is not None]
        if not live:
            raise ValueError(f"No gradients provided for any variable: {[str(v) for _, v in pairs]}.")
        with slots.lifted():
            self._create_slots([v for _, v in live])
        if context.graph is None:
            return self._apply_eagerly(live, global_step, name)
        return self._apply_in_graph(live, global_step, name)

    @staticmethod
    def _converted(g, v):
        if not is_variable(v):
            if isinstance(v, Tensor):
                raise NotImplementedError("Trying to update a Tensor ", v)
            raise NotImplementedError("Trying to optimize unsupported type ", v)
        if g is not None and not isinstance(g, (Tensor, IndexedSlices)):
            try:
                g = record.convert_to_tensor(g)
            except (TypeError, ValueError):
                raise TypeError(f"Gradient must be convertible to a Tensor or IndexedSlices, or None: {g}") from None
        return g, v

    def _apply_in_graph(self, pairs, global_step, name):
        updates = []
        with name_scope(name, self._name) as scope:
            self._prepare()
            for g, v in pairs:
                with name_scope("update_" + slots.op_name(v)):
                    updates.append(self._update(g, v))
            if global_step is None:
                train = self._finish(updates, scope)
            else:
                with control_dependencies([self._finish(updates, "update")]):
                    train = _add_one(global_step, scope)
        if isinstance(train, Tensor):
            train = train.op
        collected = context.graph.get_collection_ref("train_op")
        if train is not None and train not in collected:
            collected.append(train)
        return train

    def _apply_eagerly(self, pairs, global_step, name=None):
        self._prepare()
        updates = [self._update(g, v) for g, v in pairs]
        self._finish(updates, "update" if global_step is not None else f"{name or self._name}/")
        if global_step is not None:
            _add_one(global_step, None)
        dispatch.flush()

    def _update(self, g, v):
        """The update of one variable by the subclass's method for its kind, then its constraint."""
        resource = slots.is_resource(v)
        sparse = isinstance(g, IndexedSlices)
        constraint = getattr(v, "constraint", None)
        if sparse and constraint is not None:
            raise RuntimeError("Cannot use a constraint function on a sparse variable.")
        if sparse:
            if resource and self._overrides("_resource_apply_sparse", "_resource_apply_sparse_duplicate_indices"):
                return self._resource_apply_sparse_duplicate_indices(g.values, v, g.indices)
            return self._apply_sparse_duplicate_indices(g, v)
        if resource and self._overrides("_resource_apply_dense"):
            update = self._resource_apply_dense(g, v)
        else:
            update = self._apply_dense(g, v)
        if constraint is None:
            return update
        with control_dependencies([update] if update is not None else []):
            return v.assign(constraint(v))

    def _overrides(self, *names):
        return any(getattr(type(self), n) is not getattr(Optimizer, n) for n in names)

    # -- for subclasses -----------------------------------------------------------------------------------------------
    def _create_slots(self, var_list):
        """Creates the slot variables."""

    def _prepare(self):
        """Makes tensors of the hyper-parameters before the updates."""

    def _apply_dense(self, grad, var):
        raise NotImplementedError(f"{type(self).__name__} has no _apply_dense")

    def _resource_apply_dense(self, grad, handle):
        raise NotImplementedError(f"{type(self).__name__} has no _resource_apply_dense")

    def _resource_apply_sparse(self, grad, handle, indices):
        raise NotImplementedError(f"{type(self).__name__} has no _resource_apply_sparse")

    def _apply_sparse(self, grad, var):
        raise NotImplementedError(f"{type(self).__name__} has no _apply_sparse")

    def _resource_apply_sparse_duplicate_indices(self, grad, handle, indices):
        values, indices = deduplicated(grad, indices)
        return self._resource_apply_sparse(values, handle, indices)

    def _apply_sparse_duplicate_indices(self, grad, var):
        values, indices = deduplicated(grad.values, grad.indices)
        return self._apply_sparse(IndexedSlices(values, indices, grad.dense_shape), var)

    def _finish(self, update_ops, name_scope):
        return group(update_ops, name_scope)

    def _call_if_callable(self, param):
        return param() if callable(param) and not isinstance(param, Tensor) and not is_variable(param) else param

    @staticmethod
    def _scale_loss(loss_value):
        return loss_value

    def _valid_dtypes(self):
        return set(_FLOATS)

    def _assert_valid_dtypes(self, tensors):
        valid = self._valid_dtypes()
        for t in tensors:
            dtype = t.dtype.base_dtype
            if dtype not in valid:
                label = t.name if context.graph is not None else "a tensor"
                raise ValueError(f"Invalid type {dtype!r} for {label}, expected: {list(valid)}.")

    # -- slots --------------------------------------------------------------------------------------------------------
    def get_slot(self, var, name):
        """The slot variable `name` of `var`, or None."""
        return self._slots.get(name, {}).get(self._key(var))

    def get_slot_names(self):
        """The names of the slots, sorted."""
        return sorted(self._slots)

    def variables(self):
        """The optimizer's own variables of the current graph, sorted by name."""
        own = list(self._non_slot_variables()) + [s for named in self._slots.values() for s in named.values()]
        return sorted([v for v in own if self._graph_of(v) is self._current()], key=lambda v: v.name)

    @staticmethod
    def _current():
        with slots.lifted():
            return context.graph

    @staticmethod
    def _graph_of(variable):
        return None if slots.is_eager(variable) else variable.graph

    def _key(self, var):
        key = id(var)
        self._primaries.setdefault(key, var)
        return key

    def _slot_dict(self, slot_name):
        return self._slots.setdefault(slot_name, {})

    def _get_or_make_slot(self, var, val, slot_name, op_name):
        """The slot of `var`, made from the tensor `val` if it is not there."""
        return self._made(var, slot_name, lambda: slots.create_slot(var, val, op_name))

    def _get_or_make_slot_with_initializer(self, var, initializer, shape, dtype, slot_name, op_name):
        """The slot of `var`, made by `initializer` if it is not there."""
        return self._made(
            var, slot_name, lambda: slots.create_slot_with_initializer(var, initializer, shape, dtype, op_name)
        )

    def _zeros_slot(self, var, slot_name, op_name):
        """The slot of `var`, made of zeros if it is not there."""
        return self._made(var, slot_name, lambda: slots.create_zeros_slot(var, op_name))

    def _made(self, var, slot_name, make):
        named, key = self._slot_dict(slot_name), self._key(var)
        found = named.get(key)
        if found is None:
            found = named[key] = make()
            for restore in self._deferred_slot_restorations.pop((slot_name, key), ()):
                restore(found)
        return found

    def _create_non_slot_variable(self, initial_value, name, colocate_with):
        """A variable shared by all updates (beta1_power), one per graph."""
        with slots.lifted():
            key = (name, context.graph)
            found = self._non_slot_dict.get(key)
            if found is None:
                found = self._non_slot_dict[key] = self._non_slot(initial_value, name, colocate_with)
                self._handle_deferred_dependencies(name, found)
        return found

    def _non_slot(self, initial_value, name, colocate_with):
        if self._use_own_namescope_for_non_slot_vars:
            from ..variable_scope import get_variable, variable_scope

            with name_scope(""), variable_scope(self._non_slot_variable_scope):
                return get_variable(
                    name, initializer=initial_value, trainable=False, use_resource=slots.is_resource(colocate_with)
                )
        if context.graph is None:
            array = record.to_array(initial_value) if not isinstance(initial_value, Tensor) else initial_value._numpy()
            return slots.eager_variable(np.asarray(array), dtypes.as_dtype(array.dtype), name)
        from ..variables import VariableV1

        return VariableV1(initial_value, name=name, trainable=False, use_resource=slots.is_resource(colocate_with))

    def _get_non_slot_variable(self, name, graph=None):
        return self._non_slot_dict.get((name, graph))

    def _non_slot_variables(self):
        return self._non_slot_dict.values()

    # -- checkpoints --------------------------------------------------------------------------------------------------
    def _trackable_children(self, save_type="checkpoint", **kwargs):
        graph = self._current()
        own = {name: v for (name, g), v in sorted(self._non_slot_dict.items(), key=lambda i: i[0][0]) if g is graph}
        return {**self._dependencies, **own}

    def _slot_names_saved(self):
        return self.get_slot_names()

    def _saved_slot(self, variable, name):
        return self.get_slot(variable._owner, name)

    def _make_saved_slot(self, variable, name, value, restore):
        """Makes the slot eagerly from a checkpoint's value; in a graph `restore` is called when it is made."""
        variable = variable._owner
        if context.graph is not None or not slots.is_eager(variable):
            self._deferred_slot_restorations.setdefault((name, self._key(variable)), []).append(restore)
            return None
        return self._get_or_make_slot(variable, record.convert_to_tensor(value), name, self._slot_label(name))

    def _slot_label(self, name):
        """What the variables of slot `name` are called after their variable's name."""
        return self._name


def check_global_step(global_step):
    """TypeError where the step counter is no variable."""
    if not is_variable(global_step):
        raise TypeError(f"global_step must be a variable, not {global_step!r}")


def _add_one(global_step, name):
    """global_step += 1; in a graph the operation called `name`."""
    check_global_step(global_step)
    graph = context.graph
    one = np.ones((), global_step.dtype.base_dtype.np)
    if graph is None:
        return global_step.assign_add(record.convert_to_tensor(one))
    if slots.is_resource(global_step):
        return global_step.assign_add(record.const_op(one, "Const"), name=name, read_value=False)
    return global_step.assign_add(record.const_op(one, "value"), name=name)


def deduplicated(values, indices):
    """(rows summed per index, distinct indices) as tensors of exactly that many rows."""
    unique, where = OPS["Unique"].public(indices)[:2]
    count = record.call(OPS["Shape"], [unique], {"out_type": dtypes.int32}, None)[0]
    return OPS["UnsortedSegmentSum"].public(values, where, count), unique
