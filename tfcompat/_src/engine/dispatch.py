"""Eager execution: record now, dispatch later as one compiled program.

What a thread recorded and nobody has computed yet is its `Trace`: `Segment`s of straight-line code in the form of a Program, one line
per operation, so that the code itself is the compile cache key and nothing has to be walked to dispatch it.  The trace is dispatched
  - when a value is needed (`demand`),
  - when an optimizer has applied its gradients (`flush`),
  - when a variable whose new value is still pending is assigned again (`step_boundary`): one step has come round.  Then everything
    up to the last assignment goes, so that each round is one program of the same structure,
  - when it exceeds LIMIT lines.
The first record after an assignment begins a new segment.  What a program returns is what somebody held at that moment, so the
program of every step, the last included, is the same one.  Python numbers and constants are inputs of the program, never text of it.
"""

from __future__ import annotations

import os
from sys import getrefcount

import jax
import jax.numpy as jnp
import numpy as np

from ..graph import Slot, context
from ..tensor import EagerTensor
from . import infer as inference
from . import log, verified
from .jit import jit
from .program import linearize, on_host, program
from .segment import Segment, Trace, lock, release

LIMIT = 4000  # lines; a segment this long is a loop that never asks for a value
MANY = 32  # inputs of a line
DEVICE_FROM = 4096  # elements; larger host arrays are put on the device once, smaller ones travel with each call

op_by_op = os.environ.get("TFCOMPAT_EAGER") == "op_by_op"
dispatches = 0  # programs run so far, for tests

_new, _new_slot = EagerTensor.__new__, Slot.__new__
_ndarray = np.ndarray


def read(slot):
    """A slot for a variable's value: a new recorded history that shares the value, or waits for it where it is pending."""
    if slot.value is not None:
        return Slot(None, 0, slot.aval, slot.value)
    if context.segment is slot.segment and context.segment is not None:
        _seal()
    return Slot(None, slot.index, slot.aval, None, slot.segment)


def set_tapes(tapes):
    """Makes `tapes` the ones that record from here on; returns those that did."""
    before = context.tapes
    for tape in before:
        tape.close()
    context.tapes = tapes
    segment = context.segment
    if segment is not None and context.trace.boundary:
        _seal()
        return before
    if segment is not None:
        for tape in tapes:
            tape.open(segment, len(segment.code))
    return before


def _segment():
    """A new segment to record in."""
    trace = context.trace
    if trace is None:
        trace = context.trace = Trace()
    trace.boundary = False
    segment = context.segment = Segment()
    for tape in context.tapes:
        tape.close()
        tape.open(segment, 0)
    return segment


def record(sig, ins):
    """Records one application eagerly; returns the output tensor, or a list of them.  `ins` is a tuple of slots."""
    avals = tuple([s.aval for s in ins])
    out = sig.cache.get(avals)
    if out is None:
        out = inference.infer(sig, avals)
    if out.small:
        for s in ins:
            if s.value.__class__ is not _ndarray and not out.text:
                break
        else:
            return _computed(sig, ins, out)
    segment = context.segment
    if segment is None:
        segment = _segment()
    elif context.trace.boundary:
        _seal()
        segment = _segment()
    leaf_of = segment.leaf_of
    if len(ins) > MANY and not leaf_of and not segment.code:
        numbers = _all_leaves(segment, ins)
    else:
        numbers = []
        for s in ins:
            if s.segment is segment:
                numbers.append(s.index)
            else:
                n = leaf_of.get(s)
                if n is None:
                    n = leaf_of[s] = ~len(segment.leaves)
                    segment.leaves.append(s)
                numbers.append(n)
    slots = segment.slots
    segment.starts.append(len(slots))
    if out.single:
        result = _new(EagerTensor)
        slot = result._slot = Slot(None, len(slots), out.avals[0], None, segment)
        slots.append(slot)
    else:
        result = _outputs(segment, out.avals)
    code = segment.code
    code.append((sig, tuple(numbers)))
    if op_by_op or len(code) > LIMIT:
        flush()
    return result


def _all_leaves(segment, ins):
    """The numbers of the inputs of a segment's first line, without asking for each: an optimizer's step has hundreds."""
    leaves = tuple(dict.fromkeys(ins))
    leaf_of = segment.leaf_of
    leaf_of.update(zip(leaves, range(-1, ~len(leaves), -1)))
    segment.leaves.extend(leaves)
    return leaf_of.values() if len(leaves) == len(ins) else [leaf_of[s] for s in ins]


def _outputs(segment, avals):
    result, slots = [], segment.slots
    n = len(slots)
    for a in avals:
        tensor = _new(EagerTensor)
        tensor._slot = s = _new_slot(Slot)  # without __init__: an optimizer's step has hundreds of outputs
        s._node, s.index, s.aval, s.value, s.segment = None, n, a, None, segment
        slots.append(s)
        result.append(tensor)
        n += 1
    return result


def record_special(sig, ins, avals, sub=(), gradient=None):
    """Records a line whose node is of a special kind; returns the list of its output tensors.

    sub       the nodes a gradient differentiates, or their lines in the current segment
    gradient  a gradient function of the line's own
    """
    segment = context.segment
    if segment is None or context.trace.boundary:
        _seal()
        segment = _segment()
    numbers = tuple([segment.number(s) for s in ins])
    line = len(segment.code)
    segment.starts.append(len(segment.slots))
    result = _outputs(segment, avals)
    if sub and sub[0].__class__ is not int:
        here = {node: i for i, node in enumerate(segment.nodes)}
        lines = tuple([here.get(node, -1) for node in sub])
        sub = lines if -1 not in lines else sub
    if sub or gradient is not None:
        segment.special[line] = (sub, gradient)
    segment.code.append((sig, numbers, sub if sub and sub[0].__class__ is int else ()))
    if op_by_op:
        flush()
    return result


def note_node(node):
    """A node with values already (a host operation with a gradient): tapes see it, nothing is pending."""
    if context.segment is not None:
        _seal()
    for tape in context.tapes:
        tape.close()
        tape.append(node)


def _computed(sig, ins, out):
    """Small integers whose inputs are known on the host, and strings, are computed there at once: a shape never forces a dispatch."""
    args = [np.asarray(s.value if s.value is not None else demand(s)) for s in ins]
    values = on_host(sig, args)
    result = []
    for a, v in zip(out.avals, values, strict=True):
        tensor = _new(EagerTensor)
        tensor._slot = Slot(None, 0, a, v)
        result.append(tensor)
    return result[0] if out.single else result


def _held(slots):
    """Those of the slots that somebody besides their segment refers to."""
    return [s for s in slots if getrefcount(s) > _ALONE]


_ALONE = 0
_ALONE = min([getrefcount(s) for s in [Slot(None, 0, None)]])  # what a slot held by one list counts inside such a loop


def _seal():
    """A step boundary: notes which pending slots somebody still holds, and ends the segment."""
    segment, trace = context.segment, context.trace
    if segment is None:
        return
    for earlier in trace.sealed:
        earlier.live = [s for s in earlier.live if getrefcount(s) > _ALONE + 1]
    segment.forget()
    segment.live = _held(segment.slots)
    segment.sealed = True
    if segment.code:
        trace.sealed.append(segment)
    for tape in context.tapes:
        tape.close()
    context.segment = None
    trace.boundary = False


def assigned():
    """A variable was given a pending value: what is recorded next begins a new step."""
    if context.segment is not None:
        context.trace.boundary = True


def step_boundary():
    """A variable whose value is pending is about to be assigned again: dispatches everything up to the last assignment."""
    trace = context.trace
    if trace is None:
        return
    if trace.boundary:
        _seal()
    if trace.sealed:
        segments, trace.sealed = trace.sealed, []
        outputs = [s for segment in segments for s in segment.live if s.value is None]
        current = context.segment
        if current is not None:  # a gradient may have reached back to a slot nobody held any more
            kept, done = set(outputs), set(segments)
            for s in current.leaves:
                if s.segment in done:
                    of = s.segment.slots[s.index]
                    if of not in kept:
                        kept.add(of)
                        outputs.append(of)
        _run(segments, outputs)


def flush():
    """Dispatches everything this thread has pending (asynchronously, as JAX does)."""
    trace = context.trace
    if trace is None:
        return
    if context.segment is not None:
        _seal()
    if trace.sealed:
        segments, trace.sealed = trace.sealed, []
        _run(segments, [s for segment in segments for s in segment.live if s.value is None])


def demand(slot):
    """The value of a slot, dispatching what is pending."""
    flush()
    if slot.value is None and not _settled(
        slot
    ):  # another thread's, or dropped at an earlier dispatch and still held by a tape
        with lock:
            if slot.value is None and not _settled(slot):
                if slot.node is None:
                    raise RuntimeError("tensor without value or producer (its computation failed earlier)")
                _run_slow([slot])
    return slot.value


def device_value(slot):
    """The value of a slot as a JAX array."""
    value = slot.value if slot.value is not None else demand(slot)
    if value.__class__ is _ndarray:
        with jax.enable_x64(True):
            value = slot.value = jax.device_put(value)
    return value


class _Compiled:
    """A jitted program, which leaves it takes, which of those it may overwrite, and which results are asked for (None: all)."""

    __slots__ = ("fn", "picks", "donate", "wanted")

    def __init__(self, fn, picks, donate=(), wanted=None):
        self.fn, self.picks, self.donate, self.wanted = fn, picks, donate, wanted


_compiled: dict = {}  # (code, results) -> _Compiled
_walked: dict = {}  # the same for programs found by walking back: their leaves are numbered otherwise
_by_code: dict = {}  # code -> [(results, in order, _Compiled)]
_x64 = jax.enable_x64


def _run(segments, outputs):
    """Computes the slots `outputs` of these segments with one compiled program and fills them in."""
    global dispatches
    if not outputs:
        return
    if len(segments) == 1:
        segment = segments[0]
        leaves = segment.leaves
        for s in leaves:
            if s.value is None and not _settled(s):
                return _run_slow(outputs)
        key = (tuple(segment.code), tuple([s.index for s in outputs]))
        compiled = _compiled.get(key)
        if compiled is None:
            s = None
            compiled = _compile(key, segments, outputs, _free(leaves, 0))
        if compiled.fn is None:
            return _run_slow(outputs)
        leaves = [leaves[i] for i in compiled.picks]
    else:
        key, leaves = _joined(segments, outputs)
        compiled = _compiled.get(key)
        if compiled is None:
            compiled = _compile(key, segments, outputs, _free(leaves, 1))
        if compiled.fn is None:
            return _run_slow(outputs)
        leaves = [leaves[i] for i in compiled.picks]
    args = [s.value for s in leaves]
    s = None  # the name of the loop above would count as a holder
    if _ndarray in set(map(type, args)):
        _settle_on_device(leaves, args)
    donate = compiled.donate
    if donate and not _all_given_up(leaves, args, donate):
        for i in donate:
            if not _given_up(leaves[i], args[i]):
                args[i] = _copied(args[i])
    dispatches += 1
    with _x64(True):
        values = compiled.fn(*args)
    if compiled.wanted is not None:
        values = [values[i] for i in compiled.wanted]
    for s, value in zip(outputs, values, strict=True):
        s.value = value
        s._node = s.segment = None
    for segment in segments:
        segment.done = True
        segment.nodes = []
        release(segment, 1)
    if verified.watched:
        _raise_if_wrong(compiled, values)


def _settle_on_device(leaves, args):
    """Large host arrays that are used for the second time go to the device and stay there."""
    for i, s in enumerate(leaves):
        value = args[i]
        if value.__class__ is _ndarray and value.size > DEVICE_FROM:
            if s.index:
                args[i] = device_value(s)
            else:
                s.index = 1


def _copied(value):
    """A copy that may be overwritten; a list of arrays (optimizers keep their slots so) is copied one by one."""
    with _x64(True):
        return [jnp.array(v, copy=True) for v in value] if value.__class__ is list else jnp.array(value, copy=True)


def _given_up(s, value):
    """Whether a leaf's buffer belongs to this dispatch alone: nobody holds the slot, nor the value elsewhere."""
    if value.__class__ is _ndarray or getrefcount(s) > _LEAF or getrefcount(value) > _VALUE:
        return False
    if value.__class__ is list:
        for v in value:
            if getrefcount(v) > 3:  # the list, this name, getrefcount's own
                return False
    return True


def _all_given_up(leaves, args, donate):
    """Whether `_given_up` holds for all leaves numbered in `donate`, asked without a call for each of them."""
    values = [args[i] for i in donate]
    kinds = set(map(type, values))
    if _ndarray in kinds or max(map(getrefcount, values)) > _VALUES:
        return False
    if list in kinds:
        for value in values:
            if value.__class__ is list and value and max(map(getrefcount, value)) > _IN_LIST:
                return False
    del values
    return max(map(getrefcount, [leaves[i] for i in donate])) <= _LEAVES


# References to a slot: its segment's list and dictionary, the leaves of the call, the caller's frame and the parameter; to a value:
# the slot, the arguments, the frame and the parameter; _LEAVES, _VALUES: the same in a list that `map` goes through, _IN_LIST: of what
# only a list holds.  Measured below in calls of the same form.
_LEAF = _VALUE = _FREE = _LEAVES = _VALUES = _IN_LIST = 0


def _calibrate():
    global _LEAF, _VALUE, _FREE, _LEAVES, _VALUES, _IN_LIST
    segment = Segment()
    value = object()
    s = Slot(None, 0, None, value)
    segment.number(s)
    _FREE = [getrefcount(x) for x in segment.leaves][0] - 1  # not the name `s`
    leaves, args = [s], [value]
    del s, value
    _LEAF, _VALUE = _counts(leaves[0], args[0])
    _LEAVES = max(map(getrefcount, [leaves[i] for i in (0,)]))
    values = [args[i] for i in (0,)]
    _VALUES, _IN_LIST = max(map(getrefcount, values)), max(map(getrefcount, [object()]))


def _counts(s, value):
    return getrefcount(s), getrefcount(value)


_calibrate()


def _settled(s):
    """Whether the slot that `s` stands for has its value by now; then `s` takes it."""
    if s.segment is None:
        return False
    of = s.segment.slots[s.index]
    if of.value is None or of is s:
        return False
    s.value, s._node, s.segment = of.value, None, None
    return True


def _joined(segments, outputs):
    """(key, leaf slots) for several segments run as one program."""
    first, total = {}, 0
    for segment in segments:
        first[segment] = total
        total += len(segment.slots)
    parts, leaves = [], []
    for segment in segments:
        links = []
        for s in segment.leaves:
            if s.value is not None or _settled(s):
                links.append(-1)
                leaves.append(s)
            elif s.segment in first:
                links.append(first[s.segment] + s.index)
            else:  # pending elsewhere
                demand(s)
                links.append(-1)
                leaves.append(s)
        parts.append((tuple(segment.code), tuple(links)))
    return (tuple(parts), tuple([first[s.segment] + s.index for s in outputs])), leaves


def _compile(key, segments, outputs, free):
    """Compiles the segments' code for these outputs and remembers it."""
    body, numbers = key
    for given, order, made in _by_code.get(body, ()):  # a program that gives these results and more will do
        if given.issuperset(numbers):
            made = _compiled[key] = _Compiled(
                made.fn, made.picks, made.donate, tuple([order.index(n) for n in numbers])
            )
            return made
    for segment in segments:
        segment.materialize()
    code, results, used = linearize(outputs)
    leaves: list = []
    for segment in segments:
        leaves += [s for s in segment.leaves if len(segments) == 1 or s.value is not None]
    position = {s: i for i, s in enumerate(leaves)}
    if any(s not in position for s in used):  # reaches beyond these segments: not a structure to remember
        made = _compiled[key] = _Compiled(None, ())
        return made
    donate = _donated(outputs, [(position[s], s.aval) for s in used], free)
    made = _compiled[key] = _Compiled(_jit(code, results, used, donate), [position[s] for s in used], donate)
    _by_code.setdefault(body, []).append((frozenset(numbers), numbers, made))
    return made


def _free(leaves, lists):
    """The leaves that nobody holds but their segment and `lists` more lists: their buffers may be overwritten."""
    found, i = set(), -1
    for s in leaves:  # no enumerate here: its tuple would be one more reference
        i += 1
        if getrefcount(s) > _FREE + lists:
            continue
        if s.value.__class__ is _ndarray:
            if s.value.size > DEVICE_FROM:
                found.add(i)
        elif getrefcount(s.value) <= 2:
            found.add(i)
    return found


def _donated(outputs, used, free):
    """Positions among `used` (positions of leaves) that are free and that some result could take the place of."""
    room: dict = {}
    for s in outputs:
        room[s.aval] = room.get(s.aval, 0) + 1
    found = []
    for at, (i, a) in enumerate(used):
        if i in free and room.get(a, 0):
            room[a] -= 1
            found.append(at)
    return tuple(found)


def _jit(code, numbers, leaves, donate=()):
    made = program(code, numbers, len(leaves))

    def run(*leaves):
        log.traced("eager program", made, leaves)
        return made.evaluate(leaves)

    return jit(run, donate, [s.value for s in leaves])


def _run_slow(outputs):
    """Computes slots by walking back to what has values."""
    global dispatches
    outputs = [s for s in outputs if s.value is None]
    code, numbers, leaves = linearize(outputs)
    key = (code, numbers)
    compiled = _walked.get(key)
    if compiled is None:
        compiled = _walked[key] = _Compiled(_jit(code, numbers, leaves), ())
    args = [
        device_value(s) if s.value.__class__ is _ndarray and s.value.size > DEVICE_FROM else s.value for s in leaves
    ]
    dispatches += 1
    with _x64(True):
        values = compiled.fn(*args)
    for s, value in zip(outputs, values, strict=True):
        s.value = value
        s._node = s.segment = None
    if verified.watched:
        _raise_if_wrong(compiled, values)


def _raise_if_wrong(compiled, values):
    """Raises what a kernel found; the tensors have their values all the same, those beside it are right."""
    error = verified.error(compiled.fn, values)
    if error is not None:
        raise error


def pending():
    """How many recorded operations this thread has not dispatched."""
    trace = context.trace
    if trace is None:
        return 0
    return sum(len(s.code) for s in trace.sealed) + (len(context.segment.code) if context.segment is not None else 0)


__all__ = [
    "assigned",
    "demand",
    "device_value",
    "flush",
    "note_node",
    "record",
    "set_tapes",
]
