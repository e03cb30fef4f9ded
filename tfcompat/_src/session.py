"""tf.Session: fetches and feeds in, values out, over plans that are compiled once."""

from __future__ import annotations

import sys
import threading
import time
from typing import NamedTuple

import jax
import numpy as np

from . import dtypes, errors
from .config_messages import ConfigProto, RunMetadata, RunOptions
from .declare import export
from .engine import lower
from .graph import Graph, Operation, context, current_graph
from .shapes import TensorShape
from .tensor import EagerTensor, IndexedSlices, SymbolicTensor

SERVERS: dict = {}  # target -> what its sessions share (tf.train.Server)
limits = threading.local()  # what RunOptions ask for in this thread's run: timeout_in_ms
_expansions: list = []  # (type, fetch function) of session conversion functions: SparseTensor and friends register here


def register_fetch(kind, parts, build):
    """Makes objects of `kind` fetchable: `parts(obj)` gives tensors (None allowed), `build(obj, values)` the fetched value."""
    _expansions.append((kind, parts, build))


_feed_expansions: list = []  # (type, function(key, value) -> [(tensor, value)])


def register_feed(kind, expand):
    """Makes objects of `kind` usable as feed keys: `expand(key, value)` gives (tensor, value) pairs."""
    _feed_expansions.append((kind, expand))


class _Fetches:
    """A nest of fetches, flattened once: unique tensors and operations, and how to put the values back."""

    def __init__(self, graph, fetches):
        self.graph = graph
        self.slots, self.ops, self.position = [], [], {}
        self.build = self._flatten(fetches)

    def _flatten(self, fetch):
        if fetch is None:
            raise TypeError(f"Fetch argument {fetch!r} has invalid type {type(fetch)!r}")
        if isinstance(fetch, (list, tuple)) or _is_attrs(fetch):
            items = (
                list(fetch)
                if isinstance(fetch, (list, tuple))
                else [getattr(fetch, a.name) for a in fetch.__attrs_attrs__]
            )
            parts = [self._flatten(f) for f in items]
            kind = type(fetch)
            if kind is list:
                return lambda values: [p(values) for p in parts]
            if kind is tuple:
                return lambda values: tuple([p(values) for p in parts])
            if hasattr(kind, "_fields") or _is_attrs(fetch):
                return lambda values: kind(*[p(values) for p in parts])
            return lambda values: kind([p(values) for p in parts])
        if hasattr(fetch, "keys") and hasattr(fetch, "__getitem__") and not isinstance(fetch, (str, bytes)):
            keys = list(fetch.keys())
            parts = [self._flatten(fetch[k]) for k in keys]
            kind = type(fetch)
            if kind is dict:
                return lambda values: {k: p(values) for k, p in zip(keys, parts, strict=True)}
            if hasattr(fetch, "default_factory"):
                factory = fetch.default_factory
                return lambda values: kind(factory, {k: p(values) for k, p in zip(keys, parts, strict=True)})
            return lambda values: kind([(k, p(values)) for k, p in zip(keys, parts, strict=True)])
        if isinstance(fetch, IndexedSlices):
            parts = [self._flatten(f) for f in (fetch.values, fetch.indices)]
            dense = self._flatten(fetch.dense_shape) if fetch.dense_shape is not None else lambda values: None
            return lambda values: IndexedSlicesValue(parts[0](values), parts[1](values), dense(values))
        for kind, split, build in _expansions:
            if isinstance(fetch, kind):
                parts = [(lambda values: None) if f is None else self._flatten(f) for f in split(fetch)]
                return lambda values: build(fetch, [p(values) for p in parts])
        return self._element(fetch)

    def _element(self, fetch):
        try:
            element = self.graph.as_graph_element(fetch, allow_tensor=True, allow_operation=True)
        except TypeError as e:
            raise TypeError(
                f"Fetch argument {fetch!r} has invalid type {type(fetch)!r}, must be a string or Tensor. ({e})"
            ) from None
        except ValueError as e:
            raise ValueError(f"Fetch argument {fetch!r} cannot be interpreted as a Tensor. ({e})") from None
        except KeyError as e:
            raise ValueError(f"Fetch argument {fetch!r} cannot be interpreted as a Tensor. ({e})") from None
        if not self.graph.is_fetchable(element if isinstance(element, Operation) else element.op):
            raise ValueError(f"Operation {element.name!r} has been marked as not fetchable.")
        if isinstance(element, Operation):
            self.ops.append(element)
            return lambda values: None
        slot = element._slot
        i = self.position.get(slot)
        if i is None:
            i = self.position[slot] = len(self.slots)
            self.slots.append(slot)
        return lambda values: values[i]


def _is_attrs(fetch):
    return hasattr(type(fetch), "__attrs_attrs__")


class IndexedSlicesValue(NamedTuple):
    """What fetching IndexedSlices gives, as arrays; `dense_shape` is None where the slices have none."""

    values: np.ndarray
    indices: np.ndarray
    dense_shape: np.ndarray | None


def _key(fetch):
    """Identifies a nest of fetches: the plan it belongs to keeps the objects alive, so ids are safe."""
    kind = fetch.__class__
    if kind is list or kind is tuple:
        return (kind, *[_key(f) for f in fetch])
    if kind is str:
        return fetch
    if kind is dict:
        return (kind, *[(k, _key(v)) for k, v in fetch.items()])
    if hasattr(kind, "_fields"):
        return (kind, *[_key(f) for f in fetch])
    return id(fetch)


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
        if len(p.stages) == 1 and isinstance(p.stages[0], lower.DeviceStage):
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
        last = p.stages[-1] if p.stages and isinstance(p.stages[-1], lower.DeviceStage) else None
        for stage, reads in zip(p.stages, self.reads, strict=True):
            # A host stage may wait for what another thread does, so it must not hold the lock.
            if isinstance(stage, lower.HostStage):
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
        results = [fetched(values[s] if s in values else lower.constant(s)) for s in p.fetches]
        if feeds:
            jax.block_until_ready([session._state[v] for v in p.final if hasattr(session._state[v], "devices")])
        return self.build(results)

    def _reads(self, p):
        """Per stage the (slot, variable) pairs that it is the first to read: not earlier, another thread may write them."""
        left, found = {s: v for v, s in p.initial.items()}, []
        for stage in p.stages:
            host = isinstance(stage, lower.HostStage)
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
            session._state[v] = values[s] if s in values else lower.constant(s)


def fetched(value):
    """A fetched value as the user gets it: an array of its own, a NumPy scalar, or bytes."""
    array = np.asarray(value)
    if array.ndim == 0:
        return array[()]
    return np.array(array)


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
        key = _key(fetches)
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
        flat = _Fetches(self._graph, fetches)
        execution = _Execution(flat, fetches, list(feed_slots))
        self._executions[key] = execution
        return execution

    def _run_fed(self, fetches, feed_dict):
        pairs = []
        for k, v in feed_dict.items():
            if k.__class__ is SymbolicTensor and k._slot.node.graph is self._graph:
                slot = k._slot
                pairs.append((slot, _feed_value(k, slot.aval, v)))
            else:
                pairs.extend(self._expand_feed(k, v))
        key = (_key(fetches), *[s for s, _ in pairs])
        execution = self._executions.get(key)
        if execution is None:
            for s, _ in pairs:
                if not self._graph.is_feedable(s.tensor):
                    raise ValueError(f"Tensor {s.tensor.name} may not be fed.")
            execution = self._plan(key, fetches, [s for s, _ in pairs])
        return execution.run(self, [v for _, v in pairs])

    def _expand_feed(self, key, value):
        for kind, expand in _feed_expansions:
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
        return [(tensor._slot, _feed_value(tensor, tensor._slot.aval, value))]

    def _value_of(self, variable):
        """The value of a variable in this session; FailedPreconditionError if it has none."""
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
            feeds = dict(zip([_Hashable(t) for t in tensors], values, strict=True)) if tensors else None
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


class _Hashable:
    """A feed key that hashes by identity whatever the equality mode."""

    __slots__ = ("tensor",)

    def __init__(self, tensor):
        self.tensor = tensor

    def _as_graph_element(self):
        return self.tensor


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


def _feed_value(tensor, a, value):
    """A fed value as an array of the tensor's dtype; TypeError or ValueError with TensorFlow's words where it does not fit."""
    if isinstance(value, SymbolicTensor):
        raise TypeError(
            "The value of a feed cannot be a tf.Tensor object. Acceptable feed values include Python scalars, strings, lists, numpy "
            f"ndarrays, or TensorHandles. For reference, the tensor object was {value!s} which was passed to the argument "
            f"`feed_dict` with key {tensor!s}."
        )
    if isinstance(value, EagerTensor):
        value = value._numpy()
    dtype = a.np
    if value.__class__ is np.ndarray and value.dtype == dtype and dtype.kind != "O":
        array = value
    elif isinstance(value, jax.Array) and value.dtype == dtype:
        array = value
    elif dtype.kind == "O":
        array = np.asarray(value, object)
        if a.dtype is dtypes.string:  # by way of objects: NumPy's own strings drop null bytes at the end
            flat = np.empty(array.size, object)
            flat[:] = [v.encode() if isinstance(v, str) else v for v in array.ravel().tolist()]
            array = flat.reshape(array.shape)
        if a.dtype is dtypes.string and not all(isinstance(v, bytes) for v in array.ravel().tolist()):
            raise TypeError(
                f"Type of feed value {value!r} with type {type(value)} is not compatible with Tensor type string."
            )
    else:
        if isinstance(value, int) and not isinstance(value, bool) and a.dtype.is_integer:
            info = np.iinfo(dtype)
            if not info.min <= value <= info.max:
                raise TypeError(
                    f"Type of feed value {value} with type {type(value)} is not compatible with Tensor type {dtype.type}. Try explicitly "
                    "setting the type of the feed tensor to a larger type (e.g. int64)."
                )
        array = np.asarray(value, dtype)
    shape = a.shape
    if shape is not None and array.shape != shape:
        if len(array.shape) != len(shape) or any(
            d is not None and d != e for d, e in zip(shape, array.shape, strict=True)
        ):
            raise ValueError(
                f"Cannot feed value of shape {array.shape!r} for Tensor {tensor.name}, which has shape {str(TensorShape._of(shape))!r}"
                if context.eager
                else f"Cannot feed value of shape {array.shape!r} for Tensor {tensor.name!r}, which has shape {str(TensorShape._of(shape))!r}"
            )
    return array


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
