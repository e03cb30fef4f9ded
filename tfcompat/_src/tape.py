"""tf.GradientTape, and how the engine (engine/gradients.py) records what a gradient needs."""

from __future__ import annotations

import math

from . import dtypes, nest, record
from .declare import OPS, export
from .engine import dispatch, gradients
from .engine.segment import Records
from .graph import Node, context
from .tensor import EagerTensor, IndexedSlices, Tensor, handle


class Recorder:
    """How the engine records what a gradient needs, in whichever mode the thread is."""

    sparse_lookups = True  # a lookup's gradient is IndexedSlices

    def gradient(self, sig, ins, avals, sub):
        """Records a gradient node on slots `ins`; returns its tensors."""
        graph = context.graph
        if graph is None:
            return dispatch.record_special(sig, ins, avals, sub)
        name = graph.op_name(None, "gradients/grad" if not graph.building_function else "SymbolicGradient")
        tensors = [self.handle(s) for s in ins]
        out = record.add_op(graph, sig, tensors, name, avals=avals, sub=sub, single=False)
        return out

    def handle(self, slot):
        """A tensor for a slot the engine holds."""
        tensor = getattr(slot, "tensor", None)
        if tensor is not None:
            return tensor
        return handle(slot)

    def ones_like(self, slot):
        return OPS["OnesLike"].public(self.handle(slot))

    def add_all(self, parts):
        """The sum of cotangents; one part stays itself, IndexedSlices are concatenated where all are."""
        if len(parts) == 1:
            return parts[0]
        if all(isinstance(p, IndexedSlices) for p in parts):
            return IndexedSlices(
                self.concat([p.values for p in parts]), self.concat([p.indices for p in parts]), parts[0].dense_shape
            )
        return OPS["AddN"].public([record.convert_to_tensor(p) for p in parts])

    def concat(self, parts):
        return OPS["ConcatV2"].public(parts, axis=0)

    def reshape(self, tensor, shape):
        if (
            tensor._slot.aval.known
            and tensor._slot.aval.shape[1:] == shape[1:]
            and len(tensor._slot.aval.shape) == len(shape)
        ):
            return tensor
        return OPS["Reshape"].public(tensor, shape)

    def cast(self, tensor, dtype):
        from .ops.core import cast

        return cast(tensor, dtype)

    def shape_of(self, slot):
        return record.call(OPS["Shape"], [self.handle(slot)], {"out_type": dtypes.int32}, None)


RECORDER = Recorder()


def add_gradients(parts):
    """The sum of what several reads of one variable got; None where none got anything."""
    parts = [p for p in parts if p is not None]
    return RECORDER.add_all(parts) if parts else None


class _Records(Records):
    """What a tape recorded, in order, and which variables it saw read through which slots."""

    __slots__ = ("reads", "owner")

    def __init__(self, owner):
        super().__init__()
        self.reads = {}
        self.owner = owner

    def watch_read(self, variable, slot):
        if self.owner._watch_accessed and variable.trainable:
            self.reads.setdefault(variable, {})[slot] = None
        elif variable in self.reads:
            self.reads[variable][slot] = None


def _start(records):
    """From here on `records` sees what is recorded."""
    dispatch.set_tapes([*context.tapes, records])


def _stop(records):
    dispatch.set_tapes([t for t in context.tapes if t is not records])


@export("GradientTape")
class GradientTape:
    """Records what happens inside its context, for `gradient`, `jacobian` and `batch_jacobian`."""

    def __init__(self, persistent=False, watch_accessed_variables=True):
        self._persistent, self._watch_accessed = bool(persistent), bool(watch_accessed_variables)
        self._records = None
        self._recording = False
        self._watched: dict = {}
        self._seen: tuple = ()  # the variables watched, once the tape is used up

    def __enter__(self):
        if self._recording:
            raise ValueError("Tape is still recording, This can happen if you try to re-enter an already-active tape.")
        if self._records is None or self._records.owner is None:  # new, or used up
            self._fresh()
        self._recording = True
        _start(self._records)
        return self

    def _fresh(self):
        self._records = _Records(self)
        self._watched = {}

    def __exit__(self, kind, value, traceback):
        if self._recording:
            self._pop()

    def _pop(self):
        if not self._recording:
            raise ValueError("Tape is not recording.")
        self._recording = False
        _stop(self._records)

    # -- watching -----------------------------------------------------------------------------------------------------
    def watch(self, tensor):
        """Makes the tape follow `tensor` (a tensor, variable or nest of them); ValueError for anything else."""
        for t in nest.flatten(tensor, expand_composites=True):
            variable = hasattr(t.__class__, "_dense_tensor")
            if not (isinstance(t, Tensor) or variable):
                raise ValueError(
                    f"Passed in object {t} of type {type(t).__name__!r}, not tf.Tensor or tf.Variable or ExtensionType."
                )
            if not (t.dtype.is_floating or t.dtype.is_complex):
                if t.dtype.name in ("resource", "variant") or nest.is_composite(tensor):
                    continue
                _warn(f"The dtype of the watched tensor must be floating (e.g. tf.float32), got {t.dtype!r}")
            if self._records is None:
                self._records = _Records(self)
            if variable:
                self._records.reads.setdefault(t, {})
            else:
                self._watched[slot_here(t)] = t

    def watched_variables(self):
        """The variables the tape follows, in the order of their creation."""
        seen = self._seen or (tuple(self._records.reads) if self._records is not None else ())
        return tuple(sorted(seen, key=_creation))

    def stop_recording(self):
        """A context in which nothing is recorded."""
        if self._records is None:
            raise RuntimeError("Trying to stop recording a tape which is not recording.")
        if not self._recording:
            raise ValueError("Tape is not recording.")
        return _Stopped(self)

    def reset(self):
        """Forgets everything recorded so far; ValueError outside of the tape's context."""
        self._pop()
        self._fresh()
        self._recording = True
        _start(self._records)

    def _used_up(self):
        """Whether there is nothing to ask: no recording yet, or a non-persistent tape's was asked already."""
        return self._records is None or (not self._persistent and self._records.owner is None)

    def check_unused(self):
        """Raises RuntimeError where there is nothing to ask for Jacobians."""
        if self._used_up():
            raise RuntimeError(
                "A non-persistent GradientTape can only be used to compute one set of gradients (or jacobians): make it "
                "with persistent=True to ask again."
            )

    # -- asking -------------------------------------------------------------------------------------------------------
    def gradient(self, target, sources, output_gradients=None, unconnected_gradients="none"):
        """d(sum of target)/d(source) for each source, in the nesting of `sources`; None where there is no path.

        Raises RuntimeError on the second call of a non-persistent tape and while nothing was recorded, TypeError for lists of None.
        """
        if self._used_up():  # in the words of TensorFlow 2.0 to 2.4, which scripts print
            raise RuntimeError("GradientTape.gradient can only be called once on non-persistent tapes.")
        zero = unconnected(unconnected_gradients)
        if target is None:
            raise TypeError(
                f"Argument `target` should be a list or nested structure of Tensors, Variables or CompositeTensors to be differentiated, but received {target}."
            )
        records = self._records
        if self._recording:
            if not self._persistent:
                self._pop()
            else:
                _warn(
                    "Calling GradientTape.gradient on a persistent tape inside its context is significantly less efficient.",
                    once=True,
                )
        if not self._persistent and records.owner is not None:
            records.owner = None
        plain = target.__class__ is EagerTensor and output_gradients is None and context.graph is None and not zero
        if plain and hasattr(sources, "_eager_read") and sources in records.reads:
            # One tensor by one variable: the form of every small loop, without the walk over nests.
            grads = self._remembered(records, [target._slot], [None], [sources])
            if grads is not None:
                if not self._persistent:
                    self._seen, self._records, self._watched = tuple(records.reads), _Records(None), {}
                return grads[0]
        flat_targets = [_target(t) for t in nest.flatten(target, expand_composites=True) if t is not None]
        flat_sources = nest.flatten(sources, expand_composites=True)
        for s in flat_sources:
            if not (isinstance(s, (Tensor, IndexedSlices)) or hasattr(s.__class__, "_dense_tensor")):
                raise ValueError(
                    f"Passed in object {s} of type {type(s).__name__!r}, not tf.Tensor or tf.Variable or ExtensionType."
                )
            if not s.dtype.is_floating and not s.dtype.is_complex:
                _warn(
                    f"The dtype of the source tensor must be floating (e.g. tf.float32) when calling GradientTape.gradient, got {s.dtype!r}"
                )
        cotangents = _cotangents(output_gradients, target, flat_targets)
        grads = None
        variables = _variables_of(target, flat_targets)
        if context.graph is None and not variables:
            grads = self._remembered(records, flat_targets, cotangents, flat_sources)
        if grads is None:
            grads = self._differentiate(records, flat_targets, cotangents, flat_sources, None, variables)
        if zero:
            grads = [zeros_like(s) if g is None else g for g, s in zip(grads, flat_sources, strict=True)]
        if not self._persistent:  # what a used tape held goes now, not when the next step's tape takes its name
            self._seen, self._records, self._watched = tuple(records.reads), _Records(None), {}
        return nest.pack_sequence_as(sources, grads, expand_composites=True)

    def _remembered(self, records, targets, cotangents, sources):
        """The gradients by what an equal stretch of code gave before, where all of it is in the current segment; else None.

        An eager loop asks the same question every step: the answer (which gradient node, on which slots) is looked up by the code.
        """
        segment = context.segment
        items = records.items
        if (
            segment is None
            or len(items) != 1
            or items[0].__class__ is not list
            or items[0][0] is not segment
            or self._watched
        ):
            return None
        reads = records.reads
        slots = []
        for s in sources:
            read = reads.get(s) if not isinstance(s, Tensor) else None
            if read is None or len(read) != 1:
                return None
            slots.extend(read)
        number = segment.number
        start, end = items[0][1], items[0][2]
        key = (
            tuple(segment.code[start:end]), start, tuple([number(t) for t in targets]), tuple([number(s) for s in slots]),
            tuple([c is None for c in cotangents]), tuple([s.aval for s in segment.leaves]),
        )  # fmt: skip
        known = _remembered.get(key)
        if known is None:
            before = len(segment.code)
            found = self._differentiate(records, targets, cotangents, sources)
            _remembered[key] = _recipe(segment, before, found, [c for c in cotangents if c is not None])
            return found
        if known == "other":
            return self._differentiate(records, targets, cotangents, sources)
        sig, numbers, sub, picks, avals = known
        ins = [segment.slot(n) for n in numbers]
        ins += [c._slot for c in cotangents if c is not None]
        out = dispatch.record_special(sig, ins, avals, sub)
        return [None if i is None else out[i] for i in picks]

    def _differentiate(self, records, targets, cotangents, sources, recorder=None, variables=None):
        """Gradients per source.  `recorder`: what records instead (Jacobians); `variables`: targets that are variables -> their values."""
        slots, owners = [], []
        for i, s in enumerate(sources):
            if isinstance(s, Tensor):
                slots.append(slot_here(s))
                owners.append(i)
            else:
                for slot in dict.fromkeys((*records.reads.get(s, ()), *((variables or {}).get(s, ())))):
                    slots.append(slot)
                    owners.append(i)
        # What is neither watched nor computed from something watched was not recorded by TensorFlow's tape.
        followed = {slot for reads in records.reads.values() for slot in reads}
        followed.update(self._watched)
        nodes = records
        if records.with_own_gradients or not followed.issuperset(slots):
            followed, _ = gradients.reach(records, [a for a in followed if a.aval.differentiable], frozenset())
        if records.with_own_gradients:
            nodes = [_as_written(n, followed) for n in records]
        kept = [(s, o) for s, o in zip(slots, owners, strict=True) if s in followed and s.aval.differentiable]
        pairs = [(t, c) for t, c in zip(targets, cotangents, strict=True) if t.aval.differentiable]
        per_source: list = [[] for _ in sources]
        if kept and pairs:
            found = gradients.differentiate(
                [t for t, _ in pairs], [c for _, c in pairs], [s for s, _ in kept], nodes, recorder or RECORDER
            )
            for (_, owner), g in zip(kept, found, strict=True):
                per_source[owner].append(g)
        if (
            len(kept) < len(slots) and recorder is None
        ):  # what is not followed, or no real number, is still its own derivative
            for s, owner in zip(slots, owners, strict=True):
                if (s, owner) not in kept:
                    seeds = [] if s.aval.dtype.name == "string" else zip(targets, cotangents, strict=True)
                    per_source[owner] += [RECORDER.ones_like(t) if c is None else c for t, c in seeds if t is s]
        return [add_gradients(parts) for parts in per_source]

    def jacobian(
        self, target, sources, unconnected_gradients="none", parallel_iterations=None, experimental_use_pfor=True
    ):
        """d(target element)/d(source) for every element of `target`: shape target.shape + source.shape per source."""
        from .engine import jacobians

        self.check_unused()
        if not experimental_use_pfor and not self._persistent and context.graph is None:
            raise RuntimeError(
                "GradientTape must be created with persistent=True to compute the jacobian with eager execution enabled "
                "and experimental_use_pfor set to False."
            )
        return jacobians.jacobian(self, target, sources, unconnected(unconnected_gradients))

    def batch_jacobian(
        self, target, source, unconnected_gradients="none", parallel_iterations=None, experimental_use_pfor=True
    ):
        """Per row: target [b, ...], source [b, ...] -> [b, target..., source...]."""
        from .engine import jacobians

        self.check_unused()
        if not self._persistent:
            if not experimental_use_pfor and context.graph is None:
                raise RuntimeError(
                    "GradientTape must be created with persistent=True to compute the batch_jacobian with eager execution "
                    "enabled and experimental_use_pfor set to False."
                )
            if parallel_iterations is not None:
                raise RuntimeError(
                    "GradientTape must be created with persistent=True to compute the batch_jacobian with parallel_iterations."
                )
        unconnected(unconnected_gradients)  # only the word is checked: rows that nothing reaches are zeros either way
        return jacobians.batch_jacobian(self, target, source)


def _as_written(node, followed):
    """A node of tf.custom_gradient none of whose arguments is followed counts as what its function did."""
    if node.sig.op.type != "CustomGradient" or not followed.isdisjoint(node.ins[len(node.outs) :]):
        return node
    plain = Node(node.sig, node.ins, node.order)
    plain.outs = node.outs
    return plain


def _creation(variable):
    """A running number of variables; other things watched as variables (wrappers) count as the last."""
    return getattr(variable, "_unique", 1 << 62)


_remembered: dict = {}


def _recipe(segment, before, found, given):
    """How to record again what a differentiation just recorded: one gradient node whose outputs are the answers, else "other"."""
    if context.segment is not segment or len(segment.code) != before + 1:
        return "other"
    sig, numbers = segment.code[before][:2]
    sub, gradient = segment.special.get(before, ((), None))
    if gradient is not None or sub and sub[0].__class__ is not int:
        return "other"
    first = segment.starts[before]
    picks = []
    for g in found:
        if g is None:
            picks.append(None)
        elif isinstance(g, Tensor) and g._slot.segment is segment and g._slot.index >= first:
            picks.append(g._slot.index - first)
        else:
            return "other"
    return sig, numbers[: len(numbers) - len(given)], sub, tuple(picks), tuple([s.aval for s in segment.slots[first:]])


class _Stopped:
    def __init__(self, tape):
        self.tape = tape

    def __enter__(self):
        self.was = self.tape._recording
        if self.was:
            self.tape._pop()

    def __exit__(self, *exc):
        if self.was:
            self.tape._recording = True
            _start(self.tape._records)


def slot_here(tensor):
    """The slot that stands for a tensor in the graph being built (inside a tf.function a tensor from outside is captured)."""
    graph = context.graph
    return tensor._slot if graph is None else record.capture(graph, tensor)


def _target(t):
    if isinstance(t, Tensor):
        return slot_here(t)
    if hasattr(t.__class__, "_dense_tensor") or isinstance(t, IndexedSlices):
        return record.convert_to_tensor(t)._slot
    raise ValueError(
        f"Passed in object {t} of type {type(t).__name__!r}, not tf.Tensor or tf.Variable or ExtensionType."
    )


def _variables_of(target, slots):
    """{variable: slots of its values} for the variables among the targets."""
    found: dict = {}
    flat = [t for t in nest.flatten(target, expand_composites=True) if t is not None]
    for t, slot in zip(flat, slots, strict=True):
        if hasattr(t.__class__, "_dense_tensor"):
            found.setdefault(t, []).append(slot)
    return found


def _cotangents(given, target, flat_targets):
    if given is None:
        return [None] * len(flat_targets)
    given = nest.flatten(given, expand_composites=True)
    if len(given) != len(flat_targets):
        raise ValueError(f"output_gradients has {len(given)} tensors for {len(flat_targets)} targets")
    out = []
    for g, t in zip(given, flat_targets, strict=True):
        g = None if g is None else record.convert_to_tensor(g, t.aval.dtype.base_dtype)
        if g is not None and t.aval.known and g._slot.aval.known:
            g = _fitting(g, g._slot.aval.shape, t.aval.shape)
        out.append(g)
    return out


def _fitting(cotangent, given, wanted):
    """The cotangent for a target of shape `wanted`: one that broadcasts to it, or has its elements; ValueError for any other."""
    if len(given) <= len(wanted) and all(g in (1, w) for g, w in zip(reversed(given), reversed(wanted), strict=False)):
        return cotangent
    if math.prod(given) == math.prod(wanted):
        return OPS["Reshape"].public(cotangent, wanted)
    raise ValueError(f"Shape {given} of output_gradients does not fit the target's shape {wanted}.")


def zeros_like(source):
    return OPS["ZerosLike"].public(record.convert_to_tensor(source))


def unconnected(value):
    value = getattr(value, "value", value)
    if value not in ("none", "zero"):
        raise ValueError(f"Unknown value for unconnected_gradients: {value!r}")
    return value == "zero"


_warned: set = set()


def _warn(text, once=False):
    import logging

    if once and text in _warned:
        return
    _warned.add(text)
    logging.getLogger("tensorflow").warning("WARNING:tensorflow:%s", text)


@export("UnconnectedGradients")
class UnconnectedGradients:
    """What to give for a source no target depends on."""

    NONE = "none"
    ZERO = "zero"
