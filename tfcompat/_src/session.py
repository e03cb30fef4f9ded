"""tf.Session: fetches and feeds in, values out, over plans that are compiled once."""

from __future__ import annotations

import sys
import threading
import time

import jax
import numpy as np

from . import errors
from .config_messages import ConfigProto, RunMetadata, RunOptions
from .declare import export
from .engine import lower, stages
from .fetches import Fetches, Hashable, feed_expansions, feed_value, fetched, key_of
from .graph import Graph, context, current_graph
from .tensor import IndexedSlices, SymbolicTensor

SERVERS: dict = {}  # target -> what its sessions share (tf.train.Server)
limits = threading.local()  # what RunOptions ask for in this thread's run: timeout_in_ms


class _Execution:
    """A plan with everything looked up: the single-stage case runs without dictionaries."""

    __slots__ = (
        "plan",
        "build",
        "keep",
        "stage",
        "sources",
        "initial",
        "donate",
        "n_fetch",
        "finals",
        "fetch_of",
        "reads",
        "rest",
        "written",
    )

    def __init__(self, fetches, keep, feeds, label="Session.run"):
        self.keep, self.build = keep, fetches.build
        self.plan = p = lower.plan(fetches.slots, fetches.ops, feeds, label=label, windows_on_host=True)
        self.initial = list(p.initial.items())
        self.stage = None
        self.n_fetch = len(p.fetches)
        self.reads = self._reads(p)
        if len(p.stages) == 1 and isinstance(p.stages[0], stages.DeviceStage):
            self._single(p)

    def _single(self, p):
        """For one compiled stage: where each leaf comes from (feed i, variable, constant) and where each result goes."""
        stage = p.stages[0]
        feed_at = {s: i for i, s in enumerate(p.feeds)}
        variable_of = {s: v for v, s in p.initial.items()}
        sources = []
        for s in stage.leaves:
            if s in feed_at:
                sources.append((0, feed_at[s]))
            elif s in variable_of:
                sources.append((1, variable_of[s]))
            else:
                sources.append((2, s.value))
        out_at = {s: i for i, s in enumerate(stage.outputs)}
        # A fetch or final value that no stage computes is a feed, a constant or an unchanged variable: the general path does those.
        if all(s in out_at for s in (*p.fetches, *p.final.values())):
            self.stage, self.sources, self.donate = stage, sources, stage.donate
            self.fetch_of = [out_at[s] for s in p.fetches]
            self.finals = [(v, out_at[s]) for v, s in p.final.items()]

    def run(self, session, feeds):
        stage = self.stage
        if stage is None:
            return self._run_stages(session, feeds)
        with (
            session._lock
        ):  # what is read is there until the program has it; another thread's step comes before or after
            out = self._run_single(session, stage, feeds)
        if feeds and not self.fetch_of and out:
            jax.block_until_ready(out[0])  # JAX may read the caller's arrays in place until it is done
        return self.build([fetched(out[i]) for i in self.fetch_of])

    def _run_single(self, session, stage, feeds):
        state = session._state
        args = [feeds[ref] if kind == 0 else state.get(ref) if kind == 1 else ref for kind, ref in self.sources]
        if any([a is None for a in args]):  # a variable without a value, or a random stream that has not started
            args = [
                feeds[ref] if kind == 0 else session._value_of(ref) if kind == 1 else ref for kind, ref in self.sources
            ]
        for i in self.donate:
            if sys.getrefcount(args[i]) > 3:  # state, args, getrefcount's own argument: somebody else holds this buffer
                args[i] = np.array(args[i])
        try:
            out = stage.call(args)
        except errors.InvalidArgumentError as e:
            for v, i in self.finals if hasattr(e, "outputs") else ():
                if getattr(state[v], "is_deleted", bool)():  # given up, as nobody saw a loop's body fail coming
                    state[v] = e.outputs[i]
            raise
        for v, i in self.finals:
            state[v] = out[i]
        return out

    def _run_stages(self, session, feeds):
        p = self.plan
        values = dict(zip(p.feeds, feeds, strict=True))
        for v, _ in self.initial:
            session._value_of(v)  # uninitialised ones are told before anything waits for a queue
        last = p.stages[-1] if p.stages and isinstance(p.stages[-1], stages.DeviceStage) else None
        for stage, reads in zip(p.stages, self.reads, strict=True):
            # A host stage may wait for what another thread does, so it must not hold the lock.
            if isinstance(stage, stages.HostStage):
                for s, v in reads:
                    values[s] = session._value_of(v)
                stage.run(values, session, commit=True)
                continue
            with session._lock:
                for s, v in reads:
                    values[s] = session._value_of(v)
                stage.run(values, session)
                if stage is last:
                    self._finish(session, values)
        if last is None:
            with session._lock:
                self._finish(session, values)
        results = [fetched(values[s] if s in values else stages.constant(s)) for s in p.fetches]
        if feeds:
            jax.block_until_ready([session._state[v] for v in p.final if hasattr(session._state[v], "devices")])
        return self.build(results)

    def _reads(self, p):
        """Per stage the (slot, variable) pairs that it is the first to read: not earlier, another thread may write them."""
        left, found = {s: v for v, s in p.initial.items()}, []
        for stage in p.stages:
            host = isinstance(stage, stages.HostStage)
            slots = [s for node, _ in stage.nodes for s in node.ins] if host else stage.leaves
            found.append([(s, left.pop(s)) for s in dict.fromkeys(slots) if s in left])
        self.rest = list(left.items())
        # What a host operation wrote last is the session's already.
        self.written = [(v, s) for v, s in p.final.items() if s.node is None or not s.node.sig.op.host]
        return found

    def _finish(self, session, values):
        for s, v in self.rest:
            values[s] = session._value_of(v)
        for v, s in self.written:
            session._state[v] = values[s] if s in values else stages.constant(s)


class BaseSession:
    """What Session and InteractiveSession share."""

    def __init__(self, target="", graph=None, config=None):
        if target is not None and not isinstance(target, (str, bytes)):
            raise TypeError(f"Argument `target` must be a string, but got {target!r}")
        if graph is not None and not isinstance(graph, Graph):
            raise TypeError(f'Argument `graph` must be a tf.Graph, but got "{type(graph).__name__}"')
        if config is not None and not isinstance(config, ConfigProto):
            raise TypeError(f'Argument `config` must be a tf.ConfigProto, but got "{type(config).__name__}"')
        if target and target not in ("local", b"local") and target not in SERVERS:
            raise errors.NotFoundError(
                None, None,
                f"No session factory registered for the given session options: {{target: {target!r}}}. tfcompat runs on this machine only: "
                "leave `target` empty.",
            )  # fmt: skip
        self._graph = graph if graph is not None else current_graph()
        self._target, self._config = target, config
        self._state: dict = {}
        self._executions: dict = {}
        self._resources: dict = {}  # host objects of this session (tables, queues, iterators), by operation
        self._lock = threading.RLock()  # held while a compiled stage takes the variables and gives them back
        self._shared = target in SERVERS
        if self._shared:
            self._state, self._resources, self._lock = SERVERS[target].of(self._graph)
        self._closed = False
        self._contexts: list = []

    @property
    def graph(self):
        """The Graph this session runs."""
        return self._graph

    @property
    def graph_def(self):
        return self._graph.as_graph_def()

    @property
    def sess_str(self):
        return self._target

    def list_devices(self):
        """The devices, with TensorFlow's names."""
        return [
            _Device(f"/job:localhost/replica:0/task:0/device:{d.platform.upper()}:{d.id}", d.platform.upper())
            for d in jax.devices()
        ]

    # -- running ------------------------------------------------------------------------------------------------------
    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        """The values of `fetches`, in their nesting, given `feed_dict`.

        Raises what the operations raise; FailedPreconditionError for a variable that was not initialised; a failed run changes nothing.
        """
        if self._closed:
            raise RuntimeError("Attempted to use a closed Session.")
        if options is not None or run_metadata is not None:
            return self._run_traced(fetches, feed_dict, options, run_metadata)
        if feed_dict:
            return self._run_fed(fetches, feed_dict)
        key = key_of(fetches)
        execution = self._executions.get(key)
        if execution is None:
            execution = self._plan(key, fetches, ())
        return execution.run(self, ())

    def _run_traced(self, fetches, feed_dict, options, metadata):
        """A run whose time and operations are noted in `metadata`, as far as `options` ask for it."""
        for given, kind, name in ((options, RunOptions, "options"), (metadata, RunMetadata, "run_metadata")):
            if given is not None and not isinstance(given, kind):
                raise TypeError(f"Argument `{name}` must be a tf.{kind.__name__}, but got {type(given).__name__}")
        started = time.time()
        limits.timeout_in_ms = options.timeout_in_ms if options is not None else 0
        try:
            result = self.run(fetches, feed_dict)
        finally:
            limits.timeout_in_ms = 0
        if metadata is not None:
            metadata.note(self._graph, options, started, time.time())
        return result

    def _plan(self, key, fetches, feed_slots):
        if not self._graph.operations:
            raise RuntimeError("The Session graph is empty. Add operations to the graph before calling run().")
        flat = Fetches(self._graph, fetches)
        execution = _Execution(flat, fetches, list(feed_slots))
        self._executions[key] = execution
        return execution

    def _run_fed(self, fetches, feed_dict):
        pairs = []
        for k, v in feed_dict.items():
            if k.__class__ is SymbolicTensor and k._slot.node.graph is self._graph:
                slot = k._slot
                pairs.append((slot, feed_value(k, slot.aval, v)))
            else:
                pairs.extend(self._expand_feed(k, v))
        key = (key_of(fetches), *[s for s, _ in pairs])
        execution = self._executions.get(key)
        if execution is None:
            for s, _ in pairs:
                if not self._graph.is_feedable(s.tensor):
                    raise ValueError(f"Tensor {s.tensor.name} may not be fed.")
            execution = self._plan(key, fetches, [s for s, _ in pairs])
        return execution.run(self, [v for _, v in pairs])

    def _expand_feed(self, key, value):
        for kind, expand in feed_expansions:
            if isinstance(key, kind):
                return [p for k, v in expand(key, value) for p in self._expand_feed(k, v)]
        if isinstance(key, IndexedSlices):
            parts = [(key.values, value[0]), (key.indices, value[1])]
            if key.dense_shape is not None:
                parts.append((key.dense_shape, value[2]))
            return [p for k, v in parts for p in self._expand_feed(k, v)]
        if isinstance(key, tuple):
            from . import nest

            keys, values = nest.flatten(key), nest.flatten(value)
            if len(keys) != len(values):
                raise ValueError(f"Feed key {key!r} has {len(keys)} parts, its value {len(values)}.")
            return [p for k, v in zip(keys, values, strict=True) for p in self._expand_feed(k, v)]
        try:
            tensor = self._graph.as_graph_element(key, allow_operation=False)
        except Exception as e:
            raise TypeError(f"Cannot interpret feed_dict key as Tensor: {e.args[0] if e.args else e}") from None
        return [(tensor._slot, feed_value(tensor, tensor._slot.aval, value))]

    def _value_of(self, variable):
        """The value of a variable in this session; FailedPreconditionError if it has none."""
        with self._lock:  # another thread's step may be about to give its buffer up, and must see that it is held
            value = self._state.get(variable)
        if value is None:
            make = getattr(variable, "_session_value", None)
            if make is not None:  # random streams and such start by themselves
                value = self._state[variable] = make()
                return value
            raise errors.FailedPreconditionError(
                None, variable.op if hasattr(variable, "op") else None,
                f"Attempting to use uninitialized value {variable.name.partition(':')[0]}",
            )  # fmt: skip
        return value

    def make_callable(self, fetches, feed_list=None, accept_options=False):
        """A function of the fed values (in the order of `feed_list`) that returns what `run` would."""
        feed_list = feed_list or []
        if not isinstance(feed_list, (list, tuple)):
            raise TypeError("Argument `feed_list` must be a list or tuple.")
        tensors = [self._graph.as_graph_element(f, allow_operation=False) for f in feed_list]

        def call(*values, options=None, run_metadata=None):
            if len(values) != len(tensors):
                raise TypeError(f"make_callable got {len(values)} values for {len(tensors)} feeds")
            feeds = dict(zip([Hashable(t) for t in tensors], values, strict=True)) if tensors else None
            return self.run(fetches, feeds, options, run_metadata)

        return call

    def partial_run_setup(self, fetches, feeds=None):
        raise NotImplementedError(
            "Session.partial_run is not supported by tfcompat; run the fetches in separate Session.run calls."
        )

    def partial_run(self, handle, fetches, feed_dict=None):
        raise NotImplementedError(
            "Session.partial_run is not supported by tfcompat; run the fetches in separate Session.run calls."
        )

    def close(self):
        """Frees the session's variables; later runs raise RuntimeError, those that wait for a queue CancelledError."""
        self._closed = True
        if not self._shared:
            for thing in list(self._resources.values()):
                if hasattr(thing, "cancel"):
                    thing.cancel()
            self._state.clear()
        self._executions.clear()

    def as_default(self):
        """A context in which this session is the default one, for `eval()` and `Operation.run()`."""
        return _DefaultSession(self)

    def _enter(self):
        context.sessions.append(self)

    def _leave(self):
        for i in reversed(range(len(context.sessions))):
            if context.sessions[i] is self:
                del context.sessions[i]
                break

    def __del__(self):
        self._state = {}


class _Device:
    def __init__(self, name, kind):
        self.name, self.device_type, self.memory_limit_bytes = name, kind, 0

    def __repr__(self):
        return f"_DeviceAttributes({self.name}, {self.device_type}, 0, 0)"


class _DefaultSession:
    def __init__(self, session):
        self.session = session

    def __enter__(self):
        self.session._enter()
        return self.session

    def __exit__(self, *exc):
        self.session._leave()


@export("", v1="Session")
class Session(BaseSession):
    """tf.Session(target='', graph=None, config=None)."""

    def __init__(self, target="", graph=None, config=None):
        super().__init__(target, graph, config)

    def __enter__(self):
        if self._contexts:
            raise RuntimeError(
                "Session context managers are not re-entrant. Use `Session.as_default()` if you want to enter a session multiple times."
            )
        graph = self._graph.as_default()
        graph.__enter__()
        self._enter()
        self._contexts.append(graph)
        return self

    def __exit__(self, *exc):
        self._leave()
        self._contexts.pop().__exit__(*exc)
        self.close()


@export("", v1="InteractiveSession")
class InteractiveSession(BaseSession):
    """A session that is the default one from its creation to `close()`."""

    _active_session_count = 0

    def __init__(self, target="", graph=None, config=None):
        super().__init__(target, graph, config)
        if InteractiveSession._active_session_count > 0:
            import logging

            logging.getLogger().error(
                "An interactive session is already active. This can cause out-of-memory errors or some other unexpected errors (due to the "
                "unpredictable timing of garbage collection) in some cases. You must explicitly call `InteractiveSession.close()` to release "
                "resources held by the other session(s). Please use `tf.Session()` if you intend to productionize."
            )
        InteractiveSession._active_session_count += 1
        self._explicit = graph
        self._enter()
        if graph is not None:
            self._graph_context = graph.as_default()
            self._graph_context.__enter__()

    def close(self):
        if not self._closed:
            InteractiveSession._active_session_count -= 1
        super().close()
        self._leave()
        if self._explicit is not None:
            self._explicit = None
            self._graph_context.__exit__(None, None, None)


@export("", v1="get_default_session")
def get_default_session():
    """The innermost default session, or None."""
    return context.sessions[-1] if context.sessions else None


def session_for(session, graph, what):
    """The session to use for `tensor.eval()` and the like; ValueError where there is none or it runs another graph."""
    if session is not None:
        if session.graph is not graph:
            raise ValueError(
                f"Cannot use the given session to evaluate tensor: the tensor's graph is different from the session's graph. ({what})"
            )
        return session
    session = get_default_session()
    verb = "execute operation" if what == "run()" else "evaluate tensor"
    if session is None:
        raise ValueError(
            f"Cannot {verb} using `{what}`: No default session is registered. Use `with sess.as_default()` or pass an explicit session "
            f"to `{what[:-1]}session=sess)`"
        )
    if session.graph is not graph:
        raise ValueError(
            f"Cannot use the default session to {verb}: the tensor's graph is different from the session's graph. Pass an explicit "
            f"session to `{what[:-1]}session=sess)`."
        )
    return session
