"""tf.contrib.opt's optimizers that old code used, and SyncReplicasOptimizer on one machine."""

from __future__ import annotations

from .. import record
from ..declare import export
from ..graph import context
from ..ops.core import no_op
from ..scopes import control_dependencies
from ..tensor import IndexedSlices
from . import slots, training_ops
from .base import Optimizer, group
from .classic import AdamOptimizer, MomentumOptimizer
from .formula import FormulaOptimizer


def _names(name):
    return export("", v1=f"contrib.opt.{name} contrib.opt.python.training.{name}")


@_names("LazyAdamOptimizer")
class LazyAdamOptimizer(AdamOptimizer):
    """Adam whose sparse gradients touch only the rows looked up."""

    _sparse = training_ops.row_wise(training_ops.adam)


@_names("NadamOptimizer")
class NadamOptimizer(AdamOptimizer):
    """Adam with Nesterov momentum, as TensorFlow's training op has it."""

    _sparse = training_ops.sparse_nadam

    def _ops(self):
        return self._dense, self._sparse, {"use_nesterov": True}

    def _sparse_settings(self):
        return {}


@_names("AdaMaxOptimizer")
class AdaMaxOptimizer(AdamOptimizer):
    """Adam with the largest gradient instead of the mean square."""

    _dense, _sparse = training_ops.ada_max, training_ops.row_wise(training_ops.ada_max)
    _shared, _decays = ("beta1_power",), (("beta1_power", "beta1"),)

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, use_locking=False, name="AdaMax"):
        super().__init__(learning_rate, beta1, beta2, epsilon, use_locking, name)

    def _create_slots(self, var_list):
        self._create_non_slot_variable(
            self._call_if_callable(self._beta1), "beta1_power", min(var_list, key=lambda v: v.name)
        )
        for v in var_list:
            self._zeros_slot(v, "m", self._name)
            self._zeros_slot(v, "v", self._name)

    def _finish(self, update_ops, name_scope):

        with control_dependencies([o for o in update_ops if o is not None]):
            with slots.lifted():
                graph = context.graph
            power = self._get_non_slot_variable("beta1_power", graph)
            decayed = power.assign(power * self._beta1_t)
        return group([*update_ops, decayed], name_scope)


class _Sign(FormulaOptimizer):
    """What AddSign and PowerSign share: a slot m, `sign_decay_fn(global_step)`."""

    _state = ("m",)

    def __init__(self, name, learning_rate, beta, sign_decay_fn, use_locking):
        super().__init__(use_locking, name)
        self._lr, self._beta, self._sign_decay_fn = learning_rate, beta, sign_decay_fn
        self._global_step = None

    @property
    def _sign_decay(self):
        if self._sign_decay_fn is None:
            return 1.0
        from .global_step import get_or_create_global_step

        step = self._global_step if self._global_step is not None else get_or_create_global_step()
        return self._sign_decay_fn(step)

    def apply_gradients(self, grads_and_vars, global_step=None, name=None, skip_gradients_aggregation=False):
        """See Optimizer.apply_gradients; the step counted also decays the sign."""
        self._global_step = global_step
        return super().apply_gradients(grads_and_vars, global_step, name)

    def _create_slots(self, var_list):
        for v in var_list:
            self._zeros_slot(v, "m", self._name)


@_names("AddSignOptimizer")
class AddSignOptimizer(_Sign):
    """w -= lr * (alpha + sign(g) * sign(m)) * g (Bello et al. 2017)."""

    _dense = training_ops.add_sign
    _hypers = (
        ("lr", "_lr", "_lr_t", "learning_rate"), ("alpha", "_alpha", "_alpha_t", "alpha"),
        ("sign_decay", "_sign_decay", "_sign_decay_t", "sign_decay"), ("beta", "_beta", "_beta_t", "beta"),
    )  # fmt: skip

    def __init__(
        self, learning_rate=0.1, alpha=1.0, beta=0.9, sign_decay_fn=None, use_locking=False, name="AddSignOptimizer"
    ):
        super().__init__(name, learning_rate, beta, sign_decay_fn, use_locking)
        self._alpha = alpha


@_names("PowerSignOptimizer")
class PowerSignOptimizer(_Sign):
    """w -= lr * base ** (sign(g) * sign(m)) * g (Bello et al. 2017)."""

    _dense = training_ops.power_sign
    _hypers = (
        ("lr", "_lr", "_lr_t", "learning_rate"), ("logbase", "_logbase", "_logbase_t", "logbase"),
        ("sign_decay", "_sign_decay", "_sign_decay_t", "sign_decay"), ("beta", "_beta", "_beta_t", "beta"),
    )  # fmt: skip

    def __init__(self, learning_rate=0.1, base=2.718281828459045, beta=0.9, sign_decay_fn=None, use_locking=False,
                 name="PowerSignOptimizer"):  # fmt: skip
        import math

        super().__init__(name, learning_rate, beta, sign_decay_fn, use_locking)
        self._logbase = math.log(base)


def _decoupled(base):
    """A class like `base` whose variables lose weight_decay * w before each step, apart from the gradient."""

    class Decoupled(base):
        _decay_list = None

        def __init__(self, weight_decay, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self._weight_decay = weight_decay

        def minimize(self, loss, global_step=None, var_list=None, gate_gradients=Optimizer.GATE_OP,
                     aggregation_method=None, colocate_gradients_with_ops=False, name=None, grad_loss=None,
                     decay_var_list=None):  # fmt: skip
            """See Optimizer.minimize; only `decay_var_list` decays (default: all)."""
            self._decay_list = decay_var_list
            return super().minimize(
                loss,
                global_step,
                var_list,
                gate_gradients,
                aggregation_method,
                colocate_gradients_with_ops,
                name,
                grad_loss,
            )

        def apply_gradients(self, grads_and_vars, global_step=None, name=None, decay_var_list=None):
            """See Optimizer.apply_gradients; only `decay_var_list` decays (default: all)."""
            pairs = list(grads_and_vars)
            chosen = decay_var_list if decay_var_list is not None else self._decay_list
            keep = None if chosen is None else {id(v) for v in chosen}
            if context.graph is None:
                for g, v in pairs:
                    if g is not None and (keep is None or id(v) in keep):
                        v.assign_sub(self._call_if_callable(self._weight_decay) * v)
                return super().apply_gradients(pairs, global_step, name)
            waiting = [
                record.convert_to_tensor(g.values if isinstance(g, IndexedSlices) else g).op
                for g, _ in pairs
                if g is not None
            ]
            with control_dependencies(waiting):
                decays = [
                    v.assign_sub(self._call_if_callable(self._weight_decay) * v.read_value())
                    for g, v in pairs if g is not None and (keep is None or id(v) in keep)
                ]  # fmt: skip
            with control_dependencies([getattr(d, "op", d) for d in decays]):
                return super().apply_gradients(pairs, global_step, name)

    return Decoupled


@_names("DecoupledWeightDecayExtension")
class DecoupledWeightDecayExtension:
    """Mix-in of tf.contrib.opt; use extend_with_decoupled_weight_decay, AdamWOptimizer or MomentumWOptimizer."""

    def __init__(self, *args, **kwargs):
        raise NotImplementedError("subclass by tf.contrib.opt.extend_with_decoupled_weight_decay(optimizer_class)")


@_names("extend_with_decoupled_weight_decay")
def extend_with_decoupled_weight_decay(base_optimizer):
    """A class like `base_optimizer` that takes `weight_decay` first."""
    return _decoupled(base_optimizer)


@_names("AdamWOptimizer")
class AdamWOptimizer(_decoupled(AdamOptimizer)):
    """Adam with weight decay apart from the gradient (not scaled by the learning rate)."""

    def __init__(
        self, weight_decay, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, use_locking=False, name="AdamW"
    ):
        super().__init__(weight_decay, learning_rate, beta1, beta2, epsilon, use_locking, name)


@_names("MomentumWOptimizer")
class MomentumWOptimizer(_decoupled(MomentumOptimizer)):
    """Momentum with weight decay apart from the gradient."""

    def __init__(self, weight_decay, learning_rate, momentum, use_locking=False, name="MomentumW", use_nesterov=False):
        super().__init__(weight_decay, learning_rate, momentum, use_locking, name, use_nesterov)


@export("", v1="train.SyncReplicasOptimizer")
class SyncReplicasOptimizer(Optimizer):
    """Passes everything to the optimizer it wraps: one machine has nothing to wait for."""

    def __init__(self, opt, replicas_to_aggregate, total_num_replicas=None, variable_averages=None,
                 variables_to_average=None, use_locking=False, name="sync_replicas"):  # fmt: skip
        super().__init__(use_locking, name)
        total = replicas_to_aggregate if total_num_replicas is None else total_num_replicas
        if replicas_to_aggregate > 1 or total > 1:
            import logging

            logging.getLogger("tensorflow").info(
                "SyncReplicasV2: tfcompat runs one replica; gradients are applied as they come"
            )
        self._opt, self._variable_averages, self._variables_to_average = opt, variable_averages, variables_to_average
        self._gradients_applied = False

    def compute_gradients(self, *args, **kwargs):
        """The wrapped optimizer's."""
        return self._opt.compute_gradients(*args, **kwargs)

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """The wrapped optimizer's; ValueError without gradients or global_step."""
        pairs = list(grads_and_vars)
        if not pairs:
            raise ValueError("Must supply at least one variable")
        if global_step is None:
            raise ValueError("Global step is required to check staleness")
        train = self._opt.apply_gradients(pairs, global_step, name)
        self._gradients_applied = True
        if self._variable_averages is not None and self._variables_to_average is not None:
            with control_dependencies([train] if train is not None else []):
                return self._variable_averages.apply(self._variables_to_average)
        return train

    def get_slot(self, *args, **kwargs):
        """The wrapped optimizer's."""
        return self._opt.get_slot(*args, **kwargs)

    def variables(self):
        """The wrapped optimizer's."""
        return self._opt.variables()

    def get_slot_names(self, *args, **kwargs):
        """The wrapped optimizer's."""
        return self._opt.get_slot_names(*args, **kwargs)

    def make_session_run_hook(self, is_chief, num_tokens=-1):
        """A hook for MonitoredTrainingSession; there is nothing for it to do."""
        from ..declare import NAMES

        if not self._gradients_applied:
            raise ValueError("apply_gradient should be called before get_chief_queue_runner / the hook is used")
        hook = NAMES["v1"].get("train.SessionRunHook")
        if hook is None:
            raise NotImplementedError(
                "SyncReplicasOptimizer.make_session_run_hook needs tf.train.SessionRunHook, which tfcompat does not have: run the train "
                "operation in a tf.compat.v1.Session, no hook is needed on one machine."
            )
        return hook()

    def get_chief_queue_runner(self):
        """Not there: no queues are needed on one machine."""
        raise NotImplementedError("SyncReplicasOptimizer on one machine has no queue runner; use make_session_run_hook")

    def get_init_tokens_op(self, num_tokens=-1):
        """An operation that does nothing."""
        if not self._gradients_applied:
            raise ValueError("get_init_tokens_op() should be called after apply_gradients().")
        return no_op()
