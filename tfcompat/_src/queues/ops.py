"""tf.queue: FIFOQueue, PaddingFIFOQueue, RandomShuffleQueue and PriorityQueue over the states of state.py."""

from __future__ import annotations

import hashlib

import numpy as np

from .. import dtypes, errors, record
from ..data.shuffle import Words
from ..declare import export
from ..device_scopes import device
from ..graph import aval, context
from ..random_state import get_seed
from ..scopes import init_scope, name_scope
from ..shapes import Dimension, TensorShape
from ..tensor import EagerTensor
from . import handles
from .handles import call, maker, method
from .state import PaddingState, PriorityState, QueueState, RandomState


# -- the ops ----------------------------------------------------------------------------------------------------------
def _agree(found, type, shared_name, component_types, shapes, capacity, **rest):
    """InvalidArgumentError where the queue that has this shared name is another kind of queue."""
    if found.kind + "V2" != type:
        raise errors.InvalidArgumentError(
            None, None,
            f"Shared queue '{shared_name}' has type '{found.kind}' that does not match type of Node: {type}",
        )  # fmt: skip
    limit = capacity if capacity >= 0 else float("inf")
    types = ([dtypes.int64] if found.kind == "PriorityQueue" else []) + list(component_types)
    sizes = [()] if found.kind == "PriorityQueue" and shapes else []
    for what, have, asked in (
        ("capacity", found.capacity, limit),
        ("component types", found.dtypes, types),
        ("component shapes", found.shapes or [], sizes + list(shapes)),
        ("min_after_dequeue", getattr(found, "_least", None), rest.get("min_after_dequeue")),
    ):
        if have != asked:
            raise errors.InvalidArgumentError(
                None, None, f"Shared queue '{shared_name}' has {what} {have} but requested {what} was {asked}."
            )


def _plain(kind):
    return lambda name, component_types, shapes, capacity: kind(name, component_types, list(shapes) or None, capacity)


def _random(name, component_types, shapes, capacity, min_after_dequeue, seed, seed2):
    words = Words((None, None) if seed == seed2 == 0 else (seed, seed2))
    return RandomState(name, component_types, list(shapes) or None, capacity, min_after_dequeue, words)


def _priority(name, component_types, shapes, capacity):
    shapes = [(), *shapes] if shapes or not component_types else None
    return PriorityState(name, [dtypes.int64, *component_types], shapes, capacity)


maker("FIFOQueueV2", _plain(QueueState), _agree)
maker("PaddingFIFOQueueV2", _plain(PaddingState), _agree)
maker("RandomShuffleQueueV2", _random, _agree)
maker("PriorityQueueV2", _priority, _agree)


@method("QueueEnqueueV2", abstract=lambda *avals, **settings: [])
def enqueue(queue, *components, timeout, timeout_ms=-1):
    """Adds the components as one element; waits while the queue is full."""
    queue.enqueue(components, timeout)
    return ()


@method("QueueEnqueueManyV2", abstract=lambda *avals, **settings: [])
def enqueue_many(queue, *components, timeout, timeout_ms=-1):
    """Adds the rows of the components."""
    queue.enqueue_many(components, timeout)
    return ()


def _unknown(*avals, component_types, timeout_ms=-1):
    return [(d, None) for d in component_types]


def _same_types(queue, component_types):
    if list(component_types) != [d.base_dtype for d in queue.dtypes]:
        raise errors.InvalidArgumentError(
            None, None,
            f"Type mismatch: the component types of {queue.kind} '{queue.name}' are {[d.name for d in queue.dtypes]}, expected "
            f"{[d.name for d in component_types]}",
        )  # fmt: skip


@method("QueueDequeueV2", abstract=_unknown)
def dequeue(queue, *, timeout, component_types, timeout_ms=-1):
    """The next element; waits for one."""
    _same_types(queue, component_types)
    return queue.dequeue(timeout)


@method("QueueDequeueManyV2", abstract=_unknown)
def dequeue_many(queue, n, *, timeout, component_types, timeout_ms=-1):
    """The next `n` elements, stacked."""
    _same_types(queue, component_types)
    return queue.dequeue_many(int(n), False, timeout)


@method("QueueDequeueUpToV2", abstract=_unknown)
def dequeue_up_to(queue, n, *, timeout, component_types, timeout_ms=-1):
    """The next `n` elements, stacked, or those that are left in a closed queue."""
    _same_types(queue, component_types)
    return queue.dequeue_many(int(n), True, timeout)


@method("QueueCloseV2", abstract=lambda handle, **settings: [])
def close(queue, *, timeout, cancel_pending_enqueues=False):
    """Ends the queue."""
    queue.close(cancel_pending_enqueues)
    return ()


@method("QueueSizeV2", abstract=lambda handle: (dtypes.int32, ()))
def size(queue, *, timeout):
    """How many elements there are."""
    return (np.int32(queue.size()),)


@method("QueueIsClosedV2", abstract=lambda handle: (dtypes.bool, ()))
def is_closed(queue, *, timeout):
    """Whether the queue is closed."""
    return (np.bool_(queue.closed),)


@handles.op("SelectQueue", host=True, alike=False, abstract=lambda index, *handles: (dtypes.resource, ()))
def select(index, *handles):
    """The handle number `index`."""
    if not 0 <= index < len(handles):
        raise errors.InvalidArgumentError(None, None, f"indices = {int(index)} is not in [0, {len(handles)})")
    return (handles[int(index)],)


# -- what users hold --------------------------------------------------------------------------------------------------
def _type_list(given):
    if not isinstance(given, (list, tuple)):
        return [dtypes.as_dtype(given)]
    return [dtypes.as_dtype(d) for d in given]


def _shape_list(shapes, unknown_dims=False, unknown_rank=False):
    """Shapes of components as a list of TensorShapes, or None; ValueError for what is not known enough."""
    if unknown_dims and (
        not isinstance(shapes, (list, tuple)) or not shapes or any(s is None or isinstance(s, int) for s in shapes)
    ):
        raise ValueError("When providing partial shapes, a list of shapes must be provided.")
    if shapes is None:
        return None
    if isinstance(shapes, TensorShape):
        shapes = [shapes]
    if not isinstance(shapes, (list, tuple)):
        raise TypeError(f"Shapes must be a TensorShape or a list or tuple of TensorShapes, got {type(shapes)} instead.")
    if all(s is None or isinstance(s, int) for s in shapes):
        shapes = [shapes]
    shapes = [s if isinstance(s, TensorShape) else TensorShape(s) for s in shapes]
    if not unknown_dims and any(not s.is_fully_defined() for s in shapes):
        raise ValueError(f"All shapes must be fully defined: {shapes}")
    if not unknown_rank and any(s.rank is None for s in shapes):
        raise ValueError(f"All shapes must have a defined rank: {shapes}")
    return shapes


def _name_list(names, types):
    if names is None:
        return None
    names = list(names) if isinstance(names, (list, tuple)) else [names]
    if len(names) != len(types):
        raise ValueError(
            f"List of names must have the same length as the list of dtypes, received len(names)={len(names)},"
            f"len(dtypes)={len(types)}"
        )
    return names


def _tuples(shapes):
    return tuple([tuple(s.as_list()) for s in shapes]) if shapes else ()


def _common(shapes):
    """What shapes have in common."""
    if any(s.rank is None for s in shapes) or len({s.rank for s in shapes}) > 1:
        return TensorShape(None)
    return TensorShape([d[0] if len(set(d)) == 1 else None for d in zip(*[s.as_list() for s in shapes], strict=True)])


def queue_handle(type, settings, shared_name, name):
    """The handle of a new queue: outside of functions, on the CPU."""
    with init_scope(), device("CPU"):
        return handles.make(type, {**settings, "shared_name": shared_name or ""}, name)


@export("queue.QueueBase", v1="queue.QueueBase io.QueueBase QueueBase")
class QueueBase:
    """What all queues have: elements are tuples of tensors of the dtypes, and of the shapes where they are given."""

    def __init__(self, dtypes, shapes, names, queue_ref):
        self._dtypes = dtypes
        for what, given in (("shapes", shapes), ("names", names)):
            if given is not None and len(given) != len(dtypes):
                raise ValueError(
                    f"Queue {what} must have the same length as dtypes, received len({what})={len(given)}, "
                    f"len(dtypes)={len(dtypes)}"
                )
        self._shapes = [TensorShape(None) for _ in dtypes] if shapes is None else [TensorShape(s) for s in shapes]
        self._names, self._queue_ref = names, queue_ref
        self._name = "Empty" if isinstance(queue_ref, EagerTensor) else queue_ref.op.name.rpartition("/")[2]

    queue_ref = property(lambda self: self._queue_ref, doc="The handle.")
    dtypes = property(lambda self: self._dtypes, doc="A dtype per component.")
    shapes = property(lambda self: self._shapes, doc="A TensorShape per component.")
    names = property(lambda self: self._names, doc="A name per component, or None.")

    @property
    def name(self):
        """The name of the operation that makes the queue."""
        return self._name if context.graph is None else self._queue_ref.op.name

    @staticmethod
    def from_list(index, queues):
        """The queue number `index` of a list; TypeError for queues of different dtypes or names."""
        if not queues or not isinstance(queues, list) or not all(isinstance(q, QueueBase) for q in queues):
            raise TypeError("A list of queues expected")
        first = queues[0]
        if not all(first.dtypes == q.dtypes for q in queues[1:]):
            raise TypeError("Queues do not have matching component dtypes.")
        if not all(first.names == q.names for q in queues[1:]):
            raise TypeError("Queues do not have matching component names.")
        shapes = [_common(s) for s in zip(*[q.shapes for q in queues], strict=True)]
        refs = [record.convert_to_tensor(index), *[q.queue_ref for q in queues]]
        (chosen,) = call("SelectQueue", refs, {}, [handles.HANDLE], None)
        return QueueBase(first.dtypes, shapes, first.names, chosen)

    def _components(self, vals):
        """`vals` as tensors in the order of the components; ValueError where they do not fit."""
        if isinstance(vals, dict):
            if not self._names:
                raise ValueError("Queue must have names to enqueue a dictionary")
            if sorted(self._names, key=str) != sorted(vals, key=str):
                raise ValueError(
                    f"Keys in dictionary to enqueue do not match names of Queue.  Dictionary: {sorted(vals)},Queue: "
                    f"{sorted(self._names)}"
                )
            vals = [vals[k] for k in self._names]
        elif self._names:
            raise ValueError("You must enqueue a dictionary in a Queue with names")
        vals = vals if isinstance(vals, (list, tuple)) else [vals]
        if len(vals) != len(self._dtypes):
            raise ValueError(f"Queue elements have {len(self._dtypes)} components, got {len(vals)}")
        return [
            record.convert_to_tensor(v, d.base_dtype, name=f"component_{i}")
            for i, (v, d) in enumerate(zip(vals, self._dtypes, strict=True))
        ]

    def enqueue(self, vals, name=None):
        """Adds an element (a tensor, a list, or a dict where the components have names); an operation in a graph.

        It waits while the queue is full.  CancelledError once the queue or the session is closed.
        """
        with name_scope(name, f"{self._name}_enqueue") as scope:
            tensors = self._components(vals)
            for t, s in zip(tensors, self._shapes, strict=True):
                t.shape.assert_is_compatible_with(s)
            return call("QueueEnqueueV2", [self._queue_ref, *tensors], {"timeout_ms": -1}, (), scope)

    def enqueue_many(self, vals, name=None):
        """Adds the rows of the components, one element each; an operation in a graph."""
        with name_scope(name, f"{self._name}_EnqueueMany") as scope:
            tensors = self._components(vals)
            rows = Dimension(None)
            for t, s in zip(tensors, self._shapes, strict=True):
                shape = t.shape.with_rank_at_least(1)
                rows = rows.merge_with(shape[0] if shape.rank is not None else None)
                shape[1:].assert_is_compatible_with(s)
            return call("QueueEnqueueManyV2", [self._queue_ref, *tensors], {"timeout_ms": -1}, (), scope)

    def _given(self, tensors):
        if self._names:
            return dict(zip(self._names, tensors, strict=True))
        return tensors[0] if len(tensors) == 1 else tensors

    def _avals(self, batch=None):
        known = [None if s.rank is None else tuple(s.as_list()) for s in self._shapes]
        if batch is not None:
            known = [None if s is None else (*batch, *s) for s in known]
        return [aval(d.base_dtype, s) for d, s in zip(self._dtypes, known, strict=True)]

    def _settings(self):
        return {"component_types": tuple([d.base_dtype for d in self._dtypes]), "timeout_ms": -1}

    def dequeue(self, name=None):
        """The next element: a tensor, a list, or a dict where the components have names.

        It waits for one.  OutOfRangeError once the queue is closed and empty.
        """
        name = name or f"{self._name}_Dequeue"
        return self._given(call("QueueDequeueV2", [self._queue_ref], self._settings(), self._avals(), name))

    def dequeue_many(self, n, name=None):
        """The next `n` elements, stacked; OutOfRangeError where a closed queue has fewer."""
        n = record.convert_to_tensor(n, dtypes.int32)
        known = record.static_value(n)
        batch = (None if known is None else int(known),)
        name = name or f"{self._name}_DequeueMany"
        return self._given(call("QueueDequeueManyV2", [self._queue_ref, n], self._settings(), self._avals(batch), name))

    def dequeue_up_to(self, n, name=None):
        """The next `n` elements, stacked, or those that are left in a closed queue."""
        n = record.convert_to_tensor(n, dtypes.int32)
        name = name or f"{self._name}_DequeueUpTo"
        return self._given(
            call("QueueDequeueUpToV2", [self._queue_ref, n], self._settings(), self._avals((None,)), name)
        )

    def close(self, cancel_pending_enqueues=False, name=None):
        """Ends the queue: no more elements come, those there can be taken; an operation in a graph."""
        name = name or f"{self._name}_Close"
        settings = {"cancel_pending_enqueues": bool(cancel_pending_enqueues)}
        return call("QueueCloseV2", [self._queue_ref], settings, (), name)

    def is_closed(self, name=None):
        """Whether the queue is closed -> bool scalar."""
        name = name or f"{self._name}_Is_Closed"
        return call("QueueIsClosedV2", [self._queue_ref], {}, [aval(dtypes.bool, ())], name)[0]

    def size(self, name=None):
        """How many elements there are -> int32 scalar."""
        name = name or f"{self._name}_Size"
        return call("QueueSizeV2", [self._queue_ref], {}, [aval(dtypes.int32, ())], name)[0]


@export("queue.FIFOQueue", v1="queue.FIFOQueue FIFOQueue")
class FIFOQueue(QueueBase):
    """A queue: first in, first out."""

    def __init__(self, capacity, dtypes, shapes=None, names=None, shared_name=None, name="fifo_queue"):
        types = _type_list(dtypes)
        shapes, names = _shape_list(shapes), _name_list(names, types)
        settings = {"component_types": tuple(types), "shapes": _tuples(shapes), "capacity": int(capacity)}
        super().__init__(types, shapes, names, queue_handle("FIFOQueueV2", settings, shared_name, name))


@export("queue.PaddingFIFOQueue", v1="queue.PaddingFIFOQueue io.PaddingFIFOQueue PaddingFIFOQueue")
class PaddingFIFOQueue(QueueBase):
    """A FIFOQueue whose elements differ in size where a shape says None; dequeue_many pads them with zeros."""

    def __init__(self, capacity, dtypes, shapes, names=None, shared_name=None, name="padding_fifo_queue"):
        types = _type_list(dtypes)
        shapes, names = _shape_list(shapes, unknown_dims=True), _name_list(names, types)
        if len(types) != len(shapes):
            raise ValueError(
                f"Shapes must be provided for all components, but received {len(types)} dtypes and {len(shapes)} shapes."
            )
        settings = {"component_types": tuple(types), "shapes": _tuples(shapes), "capacity": int(capacity)}
        super().__init__(types, shapes, names, queue_handle("PaddingFIFOQueueV2", settings, shared_name, name))


@export("queue.RandomShuffleQueue", v1="queue.RandomShuffleQueue io.RandomShuffleQueue RandomShuffleQueue")
class RandomShuffleQueue(QueueBase):
    """A queue that gives its elements in random order and, until it is closed, keeps `min_after_dequeue` of them."""

    def __init__(self, capacity, min_after_dequeue, dtypes, shapes=None, names=None, seed=None, shared_name=None,
                 name="random_shuffle_queue"):  # fmt: skip
        types = _type_list(dtypes)
        shapes, names = _shape_list(shapes), _name_list(names, types)
        seed1, seed2 = get_seed(seed)
        if seed1 is None and seed2 is None:
            seed1, seed2 = 0, 0
        elif seed is None and shared_name is not None:  # of one name in many graphs: the same order
            seed2 = int(hashlib.md5((str(seed1) + shared_name).encode()).hexdigest()[:8], 16) & 0x7FFFFFFF
        settings = {
            "component_types": tuple(types), "shapes": _tuples(shapes), "capacity": int(capacity),
            "min_after_dequeue": int(min_after_dequeue), "seed": int(seed1), "seed2": int(seed2),
        }  # fmt: skip
        super().__init__(types, shapes, names, queue_handle("RandomShuffleQueueV2", settings, shared_name, name))


@export("queue.PriorityQueue", v1="queue.PriorityQueue io.PriorityQueue PriorityQueue")
class PriorityQueue(QueueBase):
    """A queue that gives the element with the smallest int64, its first component, first."""

    def __init__(self, capacity, types, shapes=None, names=None, shared_name=None, name="priority_queue"):
        types = _type_list(types)
        shapes = _shape_list(shapes)
        settings = {"component_types": tuple(types), "shapes": _tuples(shapes), "capacity": int(capacity)}
        handle = queue_handle("PriorityQueueV2", settings, shared_name, name)
        types = [dtypes.int64, *types]
        super().__init__(types, [TensorShape([]), *shapes] if shapes else None, _name_list(names, types), handle)
