"""tf.contrib.eager: eager mode as TF 1.5 to 1.15 had it."""

from __future__ import annotations

from .. import scopes
from ..basics import enable_eager_execution
from ..data.iterators import EagerIterator
from ..declare import export, publish
from ..graph import executing_eagerly
from ..platform.config import list_physical_devices
from ..tape import GradientTape
from ..train.checkpoint import Checkpoint
from ..train.saver import Saver as _Saver
from ..variables import Variable

publish(enable_eager_execution, "", v1="contrib.eager.enable_eager_execution")
publish(GradientTape, "", v1="contrib.eager.GradientTape")
publish(Checkpoint, "", v1="contrib.eager.Checkpoint")
publish(executing_eagerly, "", v1="contrib.eager.executing_eagerly contrib.eager.in_eager_mode")
publish(scopes.init_scope, "", v1="contrib.eager.init_scope")


@export("", v1="contrib.eager.Variable")
def eager_variable(*args, **kwargs):
    """A resource variable, with tf.Variable's arguments or tf.get_variable's (name first, and an initializer)."""
    if "initializer" in kwargs or args and isinstance(args[0], str):
        from ..variable_scope import get_variable

        return get_variable(*args, use_resource=True, **kwargs)
    return Variable(*args, **kwargs)


@export("", v1="contrib.eager.Iterator")
def eager_iterator(dataset):
    """The elements of a dataset."""
    return EagerIterator(dataset)


@export("", v1="contrib.eager.num_gpus")
def num_gpus():
    """How many GPUs JAX has."""
    return len(list_physical_devices("GPU"))


def _asked(f, args, kwargs):
    """(value, [(gradient, variable)]) of f by the variables it read."""
    with GradientTape() as tape:
        value = f(*args, **kwargs)
    if value is None:
        raise ValueError("Cannot differentiate a function that returns None; did you forget to return a value from it?")
    variables = tape.watched_variables()
    if not variables:
        raise ValueError("No trainable variables were accessed while the function was being computed.")
    return value, list(zip(tape.gradient(value, list(variables)), variables, strict=True))


@export("", v1="contrib.eager.implicit_value_and_gradients")
def implicit_value_and_gradients(f):
    """A function giving (f's value, [(gradient, variable), ...]) for the trainable variables that f reads."""
    return lambda *args, **kwargs: _asked(f, args, kwargs)


@export("", v1="contrib.eager.implicit_gradients")
def implicit_gradients(f):
    """A function giving [(gradient, variable), ...] of f for the trainable variables that it reads."""
    return lambda *args, **kwargs: _asked(f, args, kwargs)[1]


def _by_arguments(f, params, args):
    from .. import record

    tensors = [record.convert_to_tensor(a) for a in args]
    if params is not None and any(isinstance(p, str) for p in params):
        import inspect

        names = list(inspect.signature(f).parameters)
        params = [names.index(p) if isinstance(p, str) else p for p in params]
    sources = tensors if params is None else [tensors[p] for p in params]
    with GradientTape() as tape:
        tape.watch(sources)
        value = f(*tensors)
    return value, tape.gradient(value, sources)


@export("", v1="contrib.eager.value_and_gradients_function")
def value_and_gradients_function(f, params=None):
    """A function giving (f's value, its gradients by the arguments `params`: positions or names; default: all)."""
    return lambda *args: _by_arguments(f, params, args)


@export("", v1="contrib.eager.gradients_function")
def gradients_function(f, params=None):
    """A function giving f's gradients by the arguments `params`: positions or names; default: all."""
    return lambda *args: _by_arguments(f, params, args)[1]


@export("", v1="contrib.eager.Saver")
class Saver:
    """Saves and restores a list of eager variables by name."""

    def __init__(self, var_list):
        self._saver = _Saver(var_list)

    def save(self, file_prefix, global_step=None):
        """Writes a checkpoint; returns its prefix."""
        return self._saver.save(None, file_prefix, global_step=global_step)

    def restore(self, file_prefix):
        """Gives the variables the values of a checkpoint."""
        self._saver.restore(None, file_prefix)
