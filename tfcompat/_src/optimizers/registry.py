"""tf.keras.optimizers.get / serialize / deserialize."""

from __future__ import annotations

from ..declare import export
from . import keras, keras_more, legacy_base
from . import keras_base as base
from .base import Optimizer as ClassicOptimizer

_NAMES = {
    name.lower(): getattr(keras, name, None) or getattr(keras_more, name)
    for name in (
        "SGD",
        "RMSprop",
        "Adam",
        "AdamW",
        "Adamax",
        "Nadam",
        "Adagrad",
        "Adadelta",
        "Ftrl",
        "Lion",
        "Adafactor",
        "Lamb",
        "Muon",
        "ScheduleFreeAdamW",
        "MultiOptimizer",
    )
}


def _class(name, custom_objects, old):
    found = (custom_objects or {}).get(name)
    if found is not None:
        return found
    if name in ("LossScaleOptimizer", "lossscaleoptimizer"):
        from .loss_scale import LossScaleOptimizer

        return LossScaleOptimizer
    found = _NAMES.get(name.lower())
    if found is None:
        raise ValueError(
            f"Could not interpret optimizer identifier: {name!r}. Known are {sorted(_NAMES)}; pass others in "
            f"custom_objects."
        )
    return found._legacy if old and found._legacy is not None else found


@export("keras.optimizers.serialize optimizers.serialize")
def serialize(optimizer):
    """An optimizer as a dictionary that `deserialize` takes."""
    cls = type(optimizer)
    config = {"class_name": cls.__name__, "config": optimizer.get_config()}
    if isinstance(optimizer, legacy_base.OptimizerV2):
        return config
    known = cls.__module__.startswith(__package__)
    return {"module": "keras.optimizers" if known else cls.__module__, **config, "registered_name": None if
            known else cls.__name__, }  # fmt: skip


@export("keras.optimizers.deserialize optimizers.deserialize", v1="")
def deserialize(config, custom_objects=None, **kwargs):
    """The optimizer of a dictionary from `serialize`; ValueError for an unknown class."""
    return _class(config["class_name"], custom_objects, _is_old(config["config"])).from_config(config["config"])


@export("", v1="keras.optimizers.deserialize")
def deserialize_v1(config, custom_objects=None, **kwargs):
    """Keras 2's optimizer of a dictionary from `serialize`."""
    return _class(config["class_name"], custom_objects, True).from_config(config["config"])


def _is_old(config):
    return "decay" in config or "lr" in config


def _get(identifier, old):
    if isinstance(identifier, (base.Optimizer, legacy_base.OptimizerV2)):
        return identifier
    if isinstance(identifier, ClassicOptimizer):
        return identifier
    if isinstance(identifier, dict):
        return (deserialize_v1 if old else deserialize)(identifier)
    if isinstance(identifier, str):
        return _class(identifier, None, old)()
    from .optax_bridge import from_optax, is_transformation

    if is_transformation(identifier):
        return from_optax(identifier)
    raise ValueError(f"Could not interpret optimizer identifier: {identifier}")


@export("keras.optimizers.get optimizers.get", v1="")
def get(identifier):
    """An optimizer from a name, a dictionary or an optimizer, None from None; ValueError for anything else."""
    return None if identifier is None else _get(identifier, False)


@export("", v1="keras.optimizers.get")
def get_v1(identifier):
    """Keras 2's optimizer from a name, a dictionary or an optimizer."""
    return _get(identifier, True)
