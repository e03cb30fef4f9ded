"""What converted `for` loops go over: the numbers of a tf.range without making it, and datasets, whose elements the host produces."""

from __future__ import annotations

import itertools

import numpy as np

from .. import errors, nest, record
from ..data.dataset import Run
from ..data.iterators import EagerIterator
from ..engine import infer
from ..graph import aval, context
from ..ops.python import _call, _host_op
from ..scopes import control_dependencies
from ..tensor import EagerTensor, SymbolicTensor


# -- ranges -----------------------------------------------------------------------------------------------------------
def range_of(tensor):
    """(start, limit, delta) of a tensor that tf.range made in this graph, else None."""
    if tensor.__class__ is not SymbolicTensor or tensor.op.type != "Range":
        return None
    op = tensor.op
    free = iter(op.ins)
    dtype, out = tensor.dtype.base_dtype, []
    for i in range(3):
        value = op.sig.fixed[i] if op.sig.fixed and i in op.sig.fixed else next(free).tensor
        out.append(record.convert_to_tensor(value, dtype) if not isinstance(value, SymbolicTensor) else value)
    return out


def known_number(tensor):
    """The value of a scalar where it is known while tracing, else None."""
    if isinstance(tensor, EagerTensor):
        return tensor._numpy()[()]
    value = infer.constant_value(tensor._slot)
    return None if value is None else np.asarray(value)[()]


# -- datasets ---------------------------------------------------------------------------------------------------------
START, MORE, NEXT, DONE = [
    _host_op(t, lambda *args: args)
    for t in ("AnonymousIterator", "IteratorHasNext", "IteratorGetNext", "DeleteIterator")
]
_numbers = itertools.count()
_running: dict = {}  # number of a pass over a dataset -> its _Pass


class _Pass:
    """Elements one by one, with a look at whether there is another."""

    def __init__(self, source):
        self.source, self.ahead = source, None

    def more(self):
        if self.ahead is None:
            try:
                self.ahead = (next(self.source),)
            except StopIteration:
                return False
        return True

    def next(self):
        if not self.more():
            raise errors.OutOfRangeError(None, None, "End of sequence")
        (element,), self.ahead = self.ahead, None
        return element


class Elements:
    """The elements of a dataset (one pass for each run of the graph) or of an eager iterator (wherever it stands)."""

    def __init__(self, source):
        self.source, self.spec = source, source.element_spec
        self.specs = nest.flatten(self.spec, expand_composites=True)
        if isinstance(source, EagerIterator):
            given = _Pass(_arrays(source))
            tensors, opened = [], lambda: given
        else:
            tensors = list({t._slot: t for t in source._tensors}.values())

            def opened(*values):
                if not tensors:
                    return _Pass(_arrays(_eager_iterator(source)))
                run = Run(dict(zip([t._slot for t in tensors], values, strict=True)))
                return _Pass(iter(source._elements(run)))

        def start(*values):
            number = next(_numbers)
            _running[number] = opened(*values)
            return (np.array(number, np.int64),)

        self.number = _call(START, start, tensors, None, (aval(record.dtypes.int64, ()),), True)

    def more(self):
        """Whether there is another element."""
        run = lambda number: (np.array(_running[int(number)].more()),)
        return _call(MORE, run, [self.number], None, (aval(record.dtypes.bool, ()),), True)

    def next(self):
        """The next element; OutOfRangeError at the end."""
        avals = [aval(s.dtype, None if s.shape.rank is None else tuple(s.shape.as_list())) for s in self.specs]

        def run(number):
            return tuple(nest.flatten(_running[int(number)].next()))

        out = _call(NEXT, run, [self.number], None, tuple(avals), False)
        return nest.pack_sequence_as(self.spec, out, expand_composites=True)

    def done(self):
        """Forgets the pass after what was recorded so far."""

        def run(number):
            _running.pop(int(number), None)
            return ()

        with control_dependencies(context.graph.operations[-1:]):
            _call(DONE, run, [self.number], None, (), False)


def _eager_iterator(dataset):
    context.push(None)
    try:
        return iter(dataset)
    finally:
        context.pop()


def _arrays(iterator):
    """An eager iterator's elements as nests of arrays."""
    while True:
        context.push(None)
        try:
            element = nest.map_structure(
                lambda t: t._numpy() if isinstance(t, EagerTensor) else t, next(iterator), expand_composites=True
            )
        except StopIteration:
            return
        finally:
            context.pop()
        yield element
