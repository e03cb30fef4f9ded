"""Going through a dataset: Python iteration eagerly, get_next operations in a graph, where the place in it is the
session's.
"""

from __future__ import annotations

from .. import errors, nest, record
from ..declare import publish
from ..graph import Signature, aval, context
from ..ops.bodies import ControlOp
from .dataset import Run
from .functions import eager


class EagerIterator:
    """What iter(dataset) gives: elements as eager tensors."""

    def __init__(self, dataset):
        self._dataset = dataset
        self._source = dataset._elements(Run(streams=dataset._streams))
        self.element_spec = dataset.element_spec

    def __iter__(self):
        return self

    def __next__(self):
        context.push(None)
        try:
            return nest.map_structure(eager, next(self._source))
        finally:
            context.pop()

    next = __next__

    def get_next(self, name=None):
        """The next element; OutOfRangeError at the end."""
        try:
            return self.__next__()
        except StopIteration:
            raise errors.OutOfRangeError(None, None, "End of sequence") from None


class Iterator:
    """A graph's iterator.  A session keeps for it the run of its dataset that its initializer started."""

    def __init__(self, dataset, one_shot):
        self._dataset, self._one_shot = dataset, one_shot
        self._initializer = None
        self.element_spec = dataset.element_spec

    output_types = property(lambda self: self._dataset.output_types)
    output_shapes = property(lambda self: self._dataset.output_shapes)
    output_classes = property(lambda self: self._dataset.output_classes)

    @property
    def initializer(self):
        """The operation that starts the iterator; ValueError for a one-shot iterator."""
        if self._one_shot:
            raise ValueError(
                "The iterator does not have an initializer. This means it was likely created using "
                "`tf.data.Dataset.make_one_shot_iterator()`."
            )
        return self._initializer

    def _start(self, session, values):
        tensors = self._dataset._tensors
        run = Run(dict(zip([t._slot for t in tensors], values, strict=True)))
        session._resources[self] = self._dataset._elements(run)

    def _next(self, session):
        source = session._resources.get(self)
        if source is None:
            if not self._one_shot:
                raise errors.FailedPreconditionError(
                    None,
                    None,
                    "GetNext() failed because the iterator has not been initialized. Ensure that you have run the "
                    "initializer operation "
                    "for this iterator before getting the next element.",
                )
            self._start(session, [])
            source = session._resources[self]
        try:
            return nest.flatten(next(source))
        except StopIteration:
            raise errors.OutOfRangeError(None, None, "End of sequence") from None

    def get_next(self, name=None):
        """The next element, as tensors that have a new value in every run; OutOfRangeError in the run at the end."""
        specs = nest.flatten(self.element_spec)
        avals = [aval(s.dtype, None if s.shape.rank is None else tuple(s.shape.as_list())) for s in specs]
        out = _host_operation(
            "IteratorGetNext",
            name,
            [],
            avals,
            lambda session, operation: tuple(self._next(session)),
        )
        return nest.pack_sequence_as(self.element_spec, out)


def _host_operation(type, name, tensors, avals, run):
    """An operation of the current graph that runs in Python with the session: run(session, operation, *arrays)."""

    def kernel(*args):
        raise AssertionError("asks the session, see with_session")

    kernel.with_session = run
    definition = ControlOp(type, kernel, len(tensors), (), True, True, None)
    sig = Signature(definition)
    graph = context.graph
    made = record.add_op(graph, sig, tensors, graph.op_name(name, type), avals=tuple(avals), single=False)
    return made


def one_shot(dataset):
    if context.graph is None:
        return EagerIterator(dataset)
    if dataset._tensors:
        raise (
            ValueError(
                f"Cannot capture a placeholder (name:{dataset._tensors[0].op.name}, "
                f"type:{dataset._tensors[0].op.type}) by value: "
                "use make_initializable_iterator."
            )
            if dataset._tensors[0].op.type == "Placeholder"
            else NotImplementedError(
                "make_one_shot_iterator of a dataset over tensors of the graph: use make_initializable_iterator."
            )
        )
    return Iterator(dataset, True)


def initializable(dataset):
    if context.graph is None:
        raise RuntimeError(
            "dataset.make_initializable_iterator is not supported when eager execution is enabled. Use `for element in "
            "dataset` instead."
        )
    made = Iterator(dataset, False)

    def start(session, operation, *values):
        made._start(session, values)
        return ()

    made._initializer = _host_operation("MakeIterator", None, list(dataset._tensors), [], start)
    return made


publish(Iterator, "", v1="data.Iterator")
