"""Where random ops get their numbers from: seeds, and streams that continue from call to call.

A stream is a Philox state, uint64[3].  Eagerly each distinct (op, dtype, seeds) has one for the thread; in a graph each operation has
one, which lives in the session or with the traced function like a variable's value.  A fact of one place: how two seeds become a state
is ops/philox.py, which seeds a call gets is here.
"""

from __future__ import annotations

import os
import random

import numpy as np

from . import dtypes
from .declare import export
from .graph import Slot, aval, context
from .ops import philox

DEFAULT_GRAPH_SEED = 87654321
LIMIT = 2**31 - 1
STATE = aval(dtypes.uint64, (3,))


class EagerSeeds:
    """A thread's eager random state: the global seed, the op seeds drawn from it, and the streams in use."""

    def __init__(self, seed=None):
        self.seed = seed
        self.draws = random.Random(seed)
        self.streams: dict = {}
        self.epoch = object()  # changes with every set_seed: traced functions' streams start over

    def graph_seed(self):
        return self.seed


def eager_seeds() -> EagerSeeds:
    """This thread's eager random state."""
    if context.seed is None:
        context.seed = EagerSeeds()
    return context.seed


def set_seed(seed):
    """Sets the global seed of the current graph, or eagerly of the thread, whose streams all start over."""
    if context.graph is not None:
        context.graph.seed = seed
    else:
        context.seed = EagerSeeds(None if seed is None else int(seed))


@export("random.set_seed", v1="")
def set_seed_v2(seed):
    """Sets the global seed; the streams of all random ops start over."""
    set_seed(seed)


@export("", v1="set_random_seed random.set_random_seed")
def set_random_seed(seed):
    """Sets the graph-level seed of the default graph, for ops created from here on."""
    set_seed(seed)


@export("", v1="get_seed random.get_seed")
def get_seed(op_seed):
    """The (graph seed, op seed) pair an op created now would use; (None, None) where nothing is seeded.

    Raises RuntimeError for none after tf.config.experimental.enable_op_determinism.
    """
    graph = context.graph
    if graph is not None:
        global_seed = graph.seed
    else:
        global_seed = eager_seeds().seed
    if global_seed is not None:
        if op_seed is None:
            if graph is not None:
                op_seed = graph.op_seed_counter
                graph.op_seed_counter += 1
            else:
                op_seed = eager_seeds().draws.randint(0, LIMIT)
        pair = global_seed % LIMIT, int(op_seed) % LIMIT
    elif op_seed is not None:
        pair = DEFAULT_GRAPH_SEED, int(op_seed) % LIMIT
    elif determinism_asked():
        raise RuntimeError(
            "Random ops require a seed to be set when determinism is enabled. Please set a seed before running the op, "
            "e.g. by calling tf.random.set_seed(1)."
        )
    else:
        return None, None
    return (0, LIMIT) if pair == (0, 0) else pair


def determinism_asked():
    """Whether tf.config.experimental.enable_op_determinism was called: then nothing may start from entropy."""
    from .platform import config

    return config._settings.deterministic


def start(pair):
    """The initial state for a seed pair; fresh entropy where there is none."""
    if pair == (None, None):
        return np.frombuffer(os.urandom(24), np.uint64).copy()
    return philox.make_state(*pair)


class Stream:
    """The random state of one operation of a graph: read and written by it, kept by the session or the traced function."""

    __slots__ = ("name", "pair", "_value", "_epoch")

    _aval = STATE
    op = None

    def __init__(self, name, pair):
        self.name, self.pair, self._value, self._epoch = name, pair, None, None

    def _session_value(self):
        return start(self.pair)

    def _slot(self):
        """Eager call of a traced function: where the state is now."""
        epoch = eager_seeds().epoch
        if self._value is None or self._epoch is not epoch:
            self._value, self._epoch = Slot(None, 0, STATE, start(self.pair)), epoch
        return self._value

    def _set(self, tensor):
        self._value = tensor._slot


def eager_state(key, pair, blocks, keep=True):
    """The state for an eager call of the op `key`, whose stream then moves on by `blocks`.

    keep=False: its op seed was drawn for this call alone, so nobody will ask for the stream again and it is not kept.
    """
    if pair == (None, None) or not keep:
        return start(pair)
    streams = eager_seeds().streams
    key = (key, pair)
    state = streams.get(key)
    if state is None:
        state = start(pair)
    streams[key] = philox.host_advance(state, blocks)
    return state
