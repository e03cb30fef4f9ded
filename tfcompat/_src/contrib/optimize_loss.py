"""tf.contrib.layers.optimize_loss: an optimizer's whole step from its name."""

from __future__ import annotations

from ..declare import NAMES, OPS, export
from ..scopes import GraphKeys, get_collection
from ..tensor import Tensor
from ..variable_scope import variable_scope


@export("", v1="contrib.layers.optimize_loss")
def optimize_loss(
    loss,
    global_step,
    learning_rate,
    optimizer,
    gradient_noise_scale=None,
    gradient_multipliers=None,
    clip_gradients=None,
    learning_rate_decay_fn=None,
    update_ops=None,
    variables=None,
    name=None,
    summaries=None,
    colocate_gradients_with_ops=False,
    increment_global_step=True,
):
    """One training operation: an optimizer by name, class, function or object, clipping, decay, the UPDATE_OPS
    first; gives the loss.
    """
    if gradient_noise_scale is not None or gradient_multipliers is not None:
        raise NotImplementedError(
            "optimize_loss(gradient_noise_scale, gradient_multipliers) is not supported by tfcompat."
        )
    v1 = NAMES["v1"]
    with variable_scope(name, "OptimizeLoss", [loss, global_step]):
        global_step = v1["train.get_global_step"]() if global_step is None else global_step
        update_ops = get_collection(GraphKeys.UPDATE_OPS) if update_ops is None else list(update_ops)
        if update_ops:
            with v1["control_dependencies"](update_ops):
                loss = OPS["Identity"].public(loss)
        rate = learning_rate
        if rate is not None and not isinstance(rate, Tensor):
            if not isinstance(rate, float) or rate < 0:
                raise ValueError(f"Learning rate should be 0d Tensor or float. Got {rate} of type {type(rate)}")
            rate = v1["get_variable"](
                "learning_rate", [], trainable=False, initializer=v1["constant_initializer"](rate)
            )
        if rate is not None and learning_rate_decay_fn is not None:
            if global_step is None:
                raise ValueError("global_step is required for learning_rate_decay_fn.")
            rate = learning_rate_decay_fn(rate, global_step)
        opt = _optimizer(optimizer, rate)
        grads = opt.compute_gradients(loss, variables or v1["trainable_variables"]())
        if isinstance(clip_gradients, float):
            clipped, _ = v1["clip_by_global_norm"]([g for g, _ in grads], clip_gradients)
            grads = list(zip(clipped, [v for _, v in grads], strict=True))
        elif callable(clip_gradients):
            grads = clip_gradients(grads)
        elif clip_gradients is not None:
            raise ValueError(f"Unknown type {type(clip_gradients)} for clip_gradients")
        train = opt.apply_gradients(grads, global_step=global_step if increment_global_step else None, name="train")
        with v1["control_dependencies"]([train]):
            return OPS["Identity"].public(loss)


OPTIMIZERS = {
    "Adagrad": "AdagradOptimizer",
    "Adam": "AdamOptimizer",
    "Ftrl": "FtrlOptimizer",
    "RMSProp": "RMSPropOptimizer",
    "SGD": "GradientDescentOptimizer",
}


def _optimizer(optimizer, rate):
    v1 = NAMES["v1"]
    if isinstance(optimizer, str):
        if optimizer == "Momentum":
            return v1["train.MomentumOptimizer"](learning_rate=rate, momentum=0.9)
        if optimizer not in OPTIMIZERS:
            raise ValueError(f"Optimizer name should be one of [{', '.join(OPTIMIZERS)}], you provided {optimizer}.")
        return v1["train." + OPTIMIZERS[optimizer]](learning_rate=rate)
    if isinstance(optimizer, type):
        return optimizer(learning_rate=rate)
    if callable(optimizer):
        return optimizer(rate) if rate is not None else optimizer()
    return optimizer
