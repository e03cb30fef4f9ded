"""tf.distribute on one machine with one device: the default strategy, and MirroredStrategy of one replica."""

from __future__ import annotations

import contextlib

from ..declare import export


class ReplicaContext:
    """What runs on the one replica."""

    replica_id_in_sync_group = 0
    num_replicas_in_sync = 1

    def __init__(self, strategy):
        self.strategy = strategy

    def merge_call(self, merge_fn, args=(), kwargs=None):
        """merge_fn(strategy, ...)."""
        return merge_fn(self.strategy, *args, **(kwargs or {}))

    def all_reduce(self, reduce_op, value, options=None):
        """The value itself: there is one."""
        return value


@export("distribute.Strategy")
class Strategy:
    """One replica: functions run as they are, values need no reduction."""

    num_replicas_in_sync = 1

    @contextlib.contextmanager
    def scope(self):
        """A context in which this strategy is the current one."""
        _stack.append(self)
        try:
            yield self
        finally:
            _stack.pop()

    def run(self, fn, args=(), kwargs=None, options=None):
        """fn(*args, **kwargs)."""
        return fn(*args, **(kwargs or {}))

    def experimental_run(self, fn, input_iterator=None):
        """fn() or, with an iterator, fn(next element)."""
        return fn() if input_iterator is None else fn(input_iterator.get_next())

    experimental_run_v2 = run

    def reduce(self, reduce_op, value, axis=None):
        """The value itself, reduced along `axis` where one is given."""
        if axis is None:
            return value
        from ..declare import NAMES

        name = getattr(reduce_op, "name", str(reduce_op)).upper()
        return NAMES["v2"]["reduce_mean" if "MEAN" in name else "reduce_sum"](value, axis=axis)

    def experimental_distribute_dataset(self, dataset, options=None):
        """The dataset itself."""
        return dataset

    def experimental_local_results(self, value):
        """(value,)."""
        return (value,)


_stack: list = []
_default = Strategy()


@export("distribute.MirroredStrategy")
class MirroredStrategy(Strategy):
    """One replica; NotImplementedError for more than one device."""

    def __init__(self, devices=None, cross_device_ops=None):
        if devices is not None and len(devices) > 1:
            raise NotImplementedError(
                f"tfcompat's MirroredStrategy has one replica; {len(devices)} devices were asked for"
            )


@export("distribute.OneDeviceStrategy")
class OneDeviceStrategy(Strategy):
    """One replica."""

    def __init__(self, device):
        self.device = device


@export("distribute.get_strategy")
def get_strategy():
    """The current strategy."""
    return _stack[-1] if _stack else _default


@export("distribute.has_strategy")
def has_strategy():
    """Whether a strategy other than the default one is current."""
    return bool(_stack)


@export("distribute.in_cross_replica_context")
def in_cross_replica_context():
    """Whether code runs outside `run`: with one replica that is nothing to tell apart."""
    return False


@export("distribute.get_replica_context")
def get_replica_context():
    """The context of the one replica."""
    return ReplicaContext(get_strategy())
