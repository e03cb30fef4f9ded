"""Static dtypes and shapes, by abstract evaluation of the kernel (`jax.eval_shape`), cached per (signature, input avals).

Unknown dimensions are answered by evaluating twice, with every unknown dimension set to one size and then to another: what differs
between the two answers is unknown.  (The sizes have many divisors, so that reshapes and strides come out even.)  Where that fails,
as for (n, 10) + (128, 10), n is bound to each size that occurs; else the shape is unknown.  Measured against JAX's symbolic
dimensions: 0.3-0.8 ms where those take 0.3-3 ms, and kernels may compare sizes in Python.
"""

from __future__ import annotations

import itertools

import jax
import numpy as np

from .. import dtypes, errors
from ..graph import Aval, aval
from .dtype_checks import check_dtypes, check_first, input_names

PROBES = (5040, 10080)


class Inferred:
    """The output avals of one application; `single`: the kernel returned one array, not a tuple."""

    __slots__ = ("avals", "single", "small", "text")

    def __init__(self, avals, single, small=False):
        self.avals, self.single, self.small = avals, single, small
        self.text = False  # strings are among the inputs: computed on the host, always


def infer(sig, avals, statics=None):
    """`Inferred` for these input avals.  `statics`: see `infer_graph`.  Raises what the kernel raises, in TensorFlow's classes."""
    own = getattr(sig, "infer", None)
    if own is not None:
        out = own(avals)
    elif sig.op.abstract is not None:
        if sig.op.dtypes is not None and avals:
            check_first(sig.op, avals[0].dtype)
        got = sig.op.abstract(*avals, **sig.settings)
        single = not isinstance(got, list)
        out = Inferred(tuple([aval(d, None if s is None else tuple(s)) for d, s in ([got] if single else got)]), single)
    elif any(a.dtype is dtypes.string for a in avals):
        out = _of_text(sig, avals, lambda stand_ins: _abstract(sig, stand_ins))
    else:
        check_dtypes(sig, avals)
        out = _abstract(sig, avals)
        small = bool(avals) and all(map(_small_known, out.avals)) and all(map(_small_known, avals))
        out.small = small and not sig.op.stateful
    if statics is None:
        sig.cache[avals] = out
    return out


def _small_known(a):
    """Whether a tensor is of the kind that is computed on the host where its inputs are known there: shapes, and comparisons of them."""
    return a.small_int or a.dtype is dtypes.bool and a.known and int(np.prod(a.shape)) <= 64


def _of_text(sig, avals, infer_numbers):
    """`Inferred` where some inputs are strings: what it would be were they uint8, which no op of strings returns otherwise."""
    check_dtypes(sig, avals)
    if sig.op.twin is None:
        raise errors.InvalidArgumentError(
            None, None, f"Value for attr 'T' of string is not in the list of allowed values: numbers [Op:{sig.op.type}]"
        )
    stand_ins = tuple([aval(dtypes.uint8, a.shape) if a.dtype is dtypes.string else a for a in avals])
    numbers = infer_numbers(stand_ins)
    found = [aval(dtypes.string, a.shape) if a.dtype is dtypes.uint8 else a for a in numbers.avals]
    out = Inferred(tuple(found), numbers.single, small=True)
    out.text = True
    return out


def _abstract(sig, avals, fixed=None):
    """Inferred for known shapes by eval_shape; `fixed`: input position -> NumPy array known now."""
    structs = [jax.ShapeDtypeStruct(a.shape, a.np) for i, a in enumerate(avals) if not fixed or i not in fixed]
    many = None

    def f(*args):
        nonlocal many
        if fixed:
            rest = iter(args)
            args = [fixed[i] if i in fixed else next(rest) for i in range(len(avals))]
        out = sig.fn(*args)
        many = isinstance(out, (tuple, list))
        return out

    try:
        with jax.enable_x64(True):
            out = jax.eval_shape(f, *structs)
    except errors.OpError:
        raise
    except (TypeError, ValueError, ZeroDivisionError, IndexError, NotImplementedError, AssertionError) as e:
        if isinstance(e, NotImplementedError) and not type(e).__module__.startswith("jax"):
            raise
        raise explain(sig, avals, e) from None
    out = out if many else (out,)
    return Inferred(tuple([aval(dtypes.as_dtype(o.dtype), tuple(o.shape)) for o in out]), not many)


def explain(sig, avals, error):
    """An InvalidArgumentError with the op, the shapes and dtypes, and the first line of what JAX said."""
    shapes = " x ".join(repr(a) for a in avals)
    said = str(error).strip().split("\n")[0]
    text = (
        said
        if said.endswith("]") and "[Op:" in said
        else f"{sig.op.type}: {said} (inputs: {shapes}) [Op:{sig.op.type}]"
    )
    return errors.InvalidArgumentError(None, None, text)


def infer_graph(sig, avals, slots, searching=True):
    """`Inferred` where dimensions may be unknown, and static inputs may be tensors of the graph (`slots`).

    searching: whether unknown dimensions that stand for large sizes in vain are given others.
    """
    if sig.op.abstract is not None or getattr(sig, "infer", None) is not None:
        return infer(sig, avals)
    if any(a.dtype is dtypes.string for a in avals):
        return _of_text(sig, avals, lambda stand_ins: infer_graph(sig, stand_ins, slots))
    positions = static_positions(sig, len(avals))
    if not positions and all(a.known for a in avals):
        found = sig.cache.get(avals)
        return found if found is not None else infer(sig, avals)
    check_dtypes(sig, avals)
    if sig.op.shapes is not None:
        avals = _told(sig, avals)
    if sig.op.results is not None:
        found = _by_rule(sig, avals, positions, slots)
        if found is not None:
            return found
    if any(a.shape is None for i, a in enumerate(avals) if i not in positions):
        return _unknown_rank(sig, avals, positions, slots)
    unknown = any(not a.known for a in avals)
    fixed = [None, None]
    if positions:
        fixed = [{i: sizes(slots[i], k) for i in positions} for k in (0, 1)]
        if any(v is None for v in fixed[0].values()):
            return _unknown_static(sig, avals, positions, slots)
        unknown = unknown or any(not np.array_equal(fixed[0][i], fixed[1][i]) for i in positions)
    if not unknown:
        return _abstract(sig, avals, fixed[0])
    try:
        return _merge(*[_abstract(sig, [_bind(a, n) for a in avals], f) for n, f in zip(PROBES, fixed, strict=True)])
    except errors.OpError as e:
        if not unknown or not searching:
            raise
        first = e
    found = _bound(sig, avals, fixed)
    if found is None and positions and not all(np.array_equal(fixed[0][i], fixed[1][i]) for i in positions):
        found = _unknown_static(sig, avals, positions, slots, fixed)
    if found is None:
        found = _small(sig, avals, fixed[0])
    return found if found is not None else _dtype_only(sig, avals, positions, fixed[0], first)


def _told(sig, avals):
    """`avals` with what the op's declaration says of its inputs' shapes filled in where they are unknown; what contradicts it stays."""
    names, sizes, declared = input_names(sig, len(avals)), {}, sig.op.looks(sig.settings)
    looks = [_aligned(a.shape, declared.get(name)) for name, a in zip(names, avals, strict=True)]
    for a, look in zip(avals, looks, strict=True):
        if look is not None and a.shape is not None:
            sizes.update({d: n for d, n in zip(look, a.shape, strict=True) if d.__class__ is str and n is not None})
    found = []
    for a, look in zip(avals, looks, strict=True):
        if look is not None and not a.known:
            now = a.shape if a.shape is not None else (None,) * len(look)
            said = [d if d.__class__ is int else sizes.get(d) if d != "?" else None for d in look]
            a = aval(a.dtype, tuple([n if n is not None else d for n, d in zip(now, said, strict=True)]))
        found.append(a)
    return tuple(found)


def _aligned(shape, look):
    """The declared dimensions, one for each of `shape`; None where nothing is declared, or nothing that fits."""
    if look is None or look[:1] != ("...",):
        return look if look is None or shape is None or len(shape) == len(look) else None
    fixed = len(look) - 1
    return None if shape is None or len(shape) < fixed else ("?",) * (len(shape) - fixed) + look[1:]


def _by_rule(sig, avals, positions, slots):
    """`Inferred` by the op's own rule for unknown sizes; None where all is known, or the rule leaves it to the kernel."""
    given, unknown, like = [], False, None
    for i, (a, name) in enumerate(zip(avals, input_names(sig, len(avals)), strict=True)):
        values = values_known(slots[i]) if i in positions else None
        unknown = unknown or (not a.known if i not in positions else values is None or None in values.ravel().tolist())
        given.append(values if i in positions else a.shape)
        if like is None and i not in positions and name not in sig.op.own:
            like = a.dtype
    if not unknown:
        return None
    for i, value in sorted((sig.fixed or {}).items()):
        given.insert(i, value if value is not None else ())
    out = sig.op.results(*given, **sig.settings)
    if out is NotImplemented:
        return None
    dtype = like if like is not None else avals[0].dtype
    found = [s if s.__class__ is Aval else aval(dtype, s) for s in (out if isinstance(out, list) else [out])]
    return Inferred(tuple(found), not isinstance(out, list))


ATTEMPTS = 60


def _small(sig, avals, fixed):
    """Where a kernel wants certain sizes (a vector of 3) that do not occur: unknown dimensions are tried small, alike and then each its own."""
    unknown = [(i, d) for i, a in enumerate(avals) if a.shape is not None for d, n in enumerate(a.shape) if n is None]

    def attempt(taken):
        size = dict(zip(unknown, taken, strict=True))
        known = [
            a if a.shape is None else aval(a.dtype, tuple([size.get((i, d), n) for d, n in enumerate(a.shape)]))
            for i, a in enumerate(avals)
        ]
        try:
            return _abstract(sig, known, fixed)
        except errors.OpError:
            return None

    answers = []
    for k in range(1, 9):
        found = attempt([k] * len(unknown))
        if found is not None:
            blurred = [aval(a.dtype, tuple([None if d == k else d for d in a.shape])) for a in found.avals]
            answers.append(Inferred(tuple(blurred), found.single))
        if len(answers) == 2:
            return _merge(*answers)
    if answers:
        return answers[0]
    for taken in itertools.islice(itertools.product((1, 2, 3), repeat=len(unknown)), ATTEMPTS):
        found = attempt(taken)
        if found is not None:
            return Inferred(tuple([aval(a.dtype, (None,) * len(a.shape)) for a in found.avals]), found.single)
    return None


def _bound(sig, avals, fixed):
    """Where unknown dimensions must equal known ones, as in (n, 10) + (128, 10): as few of them bound to a size that occurs as will do."""
    unknown = [(i, d) for i, a in enumerate(avals) if a.shape is not None for d, n in enumerate(a.shape) if n is None]
    occurring = sorted({d for a in avals if a.shape is not None for d in a.shape if d not in (None, 1)})
    tries = 0
    for count in range(1, len(unknown) + 1):
        for chosen in itertools.combinations(unknown, count):
            for taken in itertools.product(occurring, repeat=count):
                tries += 1
                if tries > ATTEMPTS:
                    return None
                size = dict(zip(chosen, taken, strict=True))
                known = []
                for i, a in enumerate(avals):
                    if a.shape is not None and None in a.shape:
                        a = aval(a.dtype, tuple([size.get((i, d)) if n is None else n for d, n in enumerate(a.shape)]))
                    known.append(a)
                try:
                    return _merge(
                        *[_abstract(sig, [_bind(a, n) for a in known], f) for n, f in zip(PROBES, fixed, strict=True)]
                    )
                except errors.OpError:
                    continue
    return None


def static_positions(sig, n):
    """Positions, among the recorded inputs, of those the kernel needs as NumPy arrays."""
    op = sig.op
    own = getattr(sig, "static_leaves", None)
    if own is not None:
        return own
    if not op.static:
        return ()
    return tuple([i for i, k in enumerate(input_names(sig, n)) if k in op.static])


def _bind(a, size):
    return a if a.known else aval(a.dtype, tuple([size if d is None else d for d in a.shape]))


def _merge(one, two):
    avals = []
    for a, b in zip(one.avals, two.avals, strict=True):
        if len(a.shape) != len(b.shape):
            avals.append(aval(a.dtype, None))
        else:
            avals.append(aval(a.dtype, tuple([d if d == e else None for d, e in zip(a.shape, b.shape, strict=True)])))
    return Inferred(tuple(avals), one.single)


RANKS = (1, 2, 4, 3, 5, 0)


def _unknown_rank(sig, avals, positions, slots):
    """Some input has unknown rank: the output dtypes from a guess at the rank, the shapes where two guesses agree in rank."""
    answers = _of_ranks(sig, avals, slots, searching=False)
    if not answers:
        answers = _ranks_of_their_own(sig, avals, positions, slots, searching=False)
    if len(answers) < 2:
        answers = _of_ranks(sig, avals, slots, searching=True)
    if not answers:
        answers = _ranks_of_their_own(sig, avals, positions, slots, searching=True)
    if not answers:
        return _dtype_only(sig, avals, positions, None, None)
    if len(answers) == 1:  # only one rank will do
        return answers[0]
    if all(a.shape is not None and b.shape is not None for x in answers for a, b in zip(x.avals, answers[0].avals)):
        return _merge(*answers)
    out = answers[0]
    same = len(answers) == 2 and [a.shape for a in out.avals] == [a.shape for a in answers[1].avals]
    return out if same else Inferred(tuple([aval(a.dtype, None) for a in out.avals]), out.single)


def _of_ranks(sig, avals, slots, searching):
    """The answers, two at most, for inputs of unknown rank that all have the same one.

    Searching for the sizes that a kernel wants takes a hundred evaluations a rank, so what does without goes first.
    """
    answers: list = []
    for rank in RANKS:
        bound = tuple([aval(a.dtype, (None,) * rank) if a.shape is None else a for a in avals])
        try:
            answers.append(infer_graph(sig, bound, slots, searching))
        except (errors.OpError, ValueError, TypeError, NotImplementedError):
            continue
        if len(answers) == 2:
            break
    return answers


def _ranks_of_their_own(sig, avals, positions, slots, searching):
    """The answers, two at most, for inputs of unknown rank that cannot all have the same one."""
    open_ranks = [i for i, a in enumerate(avals) if a.shape is None and i not in positions]
    answers: list = []
    for ranks in itertools.islice(itertools.product((2, 1, 3, 0), repeat=len(open_ranks)), ATTEMPTS):
        if len(set(ranks)) == 1:
            continue
        bound = list(avals)
        for i, rank in zip(open_ranks, ranks, strict=True):
            bound[i] = aval(bound[i].dtype, (None,) * rank)
        try:
            answers.append(infer_graph(sig, tuple(bound), slots, searching))
        except (errors.OpError, ValueError, TypeError, NotImplementedError):
            continue
        if len(answers) == 2:
            break
    return answers


def _unknown_static(sig, avals, positions, slots, guesses=None):
    """A shape that only a run can tell: dtypes from a guess (all ones, as many as the tensor has elements).

    guesses: pairs of values tried in vain; what differs between the two was a stand-in and is guessed anew.  Then None where nothing fits.
    """
    open_length = any(not avals[i].known for i in positions)
    for fill, length in itertools.product((1, 2, 0), (1, 2, 3, 4, 5, 6) if open_length else (1,)):
        fixed = {}
        for i in positions:
            known = probe(slots[i], 0)
            if guesses is not None:
                one, two = guesses[0][i], guesses[1][i]
                known = np.where(one == two, one, np.asarray(fill, one.dtype)) if one.shape == two.shape else None
            shape = (length,) if avals[i].shape is None else tuple([length if d is None else d for d in avals[i].shape])
            fixed[i] = known if known is not None else np.full(shape, fill, avals[i].np)
        one = None
        for size in (
            PROBES[0],
            *sorted({d for a in avals if a.shape is not None for d in a.shape if d not in (None, 1)}),
        ):
            try:
                one = _abstract(sig, [_bind(a, size) if a.shape is not None else a for a in avals], fixed)
                break
            except (errors.OpError, TypeError, ValueError):
                continue
        if one is None:
            continue
        rank_known = all(avals[i].known for i in positions)
        return Inferred(
            tuple([aval(a.dtype, (None,) * len(a.shape) if rank_known else None) for a in one.avals]), one.single
        )
    return _dtype_only(sig, avals, positions, None, None) if guesses is None else None


def _dtype_only(sig, avals, positions, fixed, error):
    """Last resort: every unknown dimension 1, shapes unknown."""
    for size in (1, 2):
        try:
            bound = [
                aval(a.dtype, (size,) if a.shape is None else tuple([size if d is None else d for d in a.shape]))
                for a in avals
            ]
            extra = {i: np.ones([1 if d is None else d for d in bound[i].shape], bound[i].np) for i in positions}
            out = _abstract(sig, bound, fixed or extra or None)
            return Inferred(tuple([aval(a.dtype, None) for a in out.avals]), out.single)
        except errors.OpError as e:
            error = error or e
    if error is not None:
        raise error
    return Inferred((aval(avals[0].dtype, None),), True)


def probe(slot, k):
    """The value that a slot of a graph would have if every unknown size were PROBES[k]; None where that cannot be told.

    k = 2: if every unknown size were another number; k = 3: if all were 1, which tells min(size, 7) from 7; k = 4: if all were 0, which
    tells size > 0 from True.  Integers that are fed, sizes often, have stand-ins, too.
    This is how constants, tf.shape of anything and arithmetic on those stay known while a graph is built.
    """
    if slot.value is not None:
        return np.asarray(slot.value)
    node = slot.node
    if node is None:
        return None
    cache = getattr(node, "attributes", None)
    key = ("probe", k, slot.index)
    if cache and key in cache:
        return cache[key]
    value = _probe(slot, node, k)
    if hasattr(node, "attributes"):
        if node.attributes is None:
            node.attributes = {}
        # A shape may become known later (set_shape), so only what does not depend on one is kept.
        if value is not None and node.sig.op.type == "Const":
            node.attributes[key] = value
    return value


def _captured(slot, node):
    """The slot outside that a function's or a loop body's capture stands for, where what it holds may be known; else None."""
    a, graph = slot.aval, getattr(node, "graph", None)
    if graph is None or not graph.building_function or not (a.dtype.is_integer or a.dtype.is_bool) or not a.known:
        return None
    if int(np.prod(a.shape)) > 64:
        return None
    for tensor, inside in graph.captures.values():
        if inside._slot is slot:
            outside = tensor._slot
            return outside if outside.value.__class__ is np.ndarray or hasattr(outside.node, "graph") else None
    return None


def _probe(slot, node, k):
    op = node.sig.op
    if op.type == "Const":
        return node.sig.apply(())[0]
    if op.type in ("Placeholder", "PlaceholderWithDefault"):
        outside = _captured(slot, node)
        if outside is not None:
            known = probe(outside, k)
            if known is not None:
                return known
        if slot.aval.dtype.is_integer and slot.aval.known and int(np.prod(slot.aval.shape)) <= 8:
            return np.full(slot.aval.shape, _guess(node, 7, k), slot.aval.np)
        return None
    if op.host or op.stateful or node.reads or node.writes or not slot.aval.small_int:
        if not (slot.aval.dtype.is_integer or slot.aval.dtype.is_bool or slot.aval.dtype.is_floating):
            return None
        if op.host or op.stateful or node.reads or node.writes or not slot.aval.known or np.prod(slot.aval.shape) > 64:
            return None
    if op.known and len(node.ins) == 1:
        shape = node.ins[0].aval.shape
        if shape is None:
            return None
        source = node.ins[0].node
        sized = jax.ShapeDtypeStruct(
            tuple([_guess(source, i, k) if d is None else d for i, d in enumerate(shape)]), np.float32
        )
        return np.asarray(node.sig.apply((sized,))[slot.index])
    if not slot.aval.small_int and not slot.aval.dtype.is_bool and slot.aval.dtype is not dtypes.float32:
        return None
    args = [probe(s, k) for s in node.ins]
    if not args or any(a is None for a in args):
        return None
    from .program import on_host

    try:
        return on_host(node.sig, args)[slot.index]
    except Exception:  # a guess that does not fit this op is no answer
        return None


def _guess(node, position, k):
    """A stand-in for a size nobody knows yet; for k = 2 one of its own for each place it comes from, for k = 3 and 4 small ones."""
    if k > 2:
        return 4 - k
    return PROBES[k] if k < 2 else 7919 + 16 * (getattr(node, "order", 0) % 60000) + position


def sizes(slot, k):
    """A vector that says how large something is: as `probe`, with a stand-in for elements that cannot be told ([n, 784], n computed).

    What is the same for k = 0 and 1 only because two unknown sizes were taken to be equal (their quotient, say), or large (the smaller of
    one and 7), differs for k = 1.
    """
    value = _sizes(slot, k)
    if k != 1 or value is None or slot.node is None or slot.node.sig.op.type == "Const":
        return value
    one = _sizes(slot, 0)
    if one is None or one.shape != value.shape:
        return value
    for other in (_sizes(slot, 2), _sizes(slot, 3)):
        if other is not None and other.shape == one.shape:
            value = np.where((one == value) & (one != other), one + 1, value)
    return value


def _sizes(slot, k):
    value = probe(slot, k)
    node = slot.node
    if value is not None or node is None or not slot.aval.dtype.is_integer:
        return value
    if node.sig.op.type == "Pack" and all(s.aval.shape == () for s in node.ins):
        parts = [probe(s, k) for s in node.ins]
        if any(p is not None for p in parts):
            return np.array([_guess(s.node, 7, k) if p is None else p for s, p in zip(node.ins, parts)], slot.aval.np)
    if node.sig.op.type == "ConcatV2" and all(s.aval.known and len(s.aval.shape) == 1 for s in node.ins):
        parts = [_sizes(s, k) for s in node.ins]
        if any(p is not None for p in parts):
            return np.concatenate(
                [np.full(s.aval.shape, _guess(s.node, 7, k)) if p is None else p for s, p in zip(node.ins, parts)]
            )
    return None


def values_known(slot):
    """The values of an integer slot as an object array, None where one is not known; None where not even the array's shape is."""
    one, two = sizes(slot, 0), sizes(slot, 1)
    if one is None or two is None or one.shape != two.shape:
        return np.full(slot.aval.shape, None, object) if slot.aval.known else None
    return np.where(one == two, one, None).astype(object)


def constant_value(slot):
    """The value of a graph slot where it is the same however large the unknown sizes are, else None."""
    one = probe(slot, 0)
    if one is None or slot.node is None or slot.node.sig.op.type == "Const":
        return one
    for k in (1, 2, 3, 4):
        other = probe(slot, k)
        if other is None and k > 2:  # no such size fits here: that says nothing
            continue
        if other is None or one.shape != other.shape or not np.array_equal(one, other):
            return None
    return None if _fed(slot) else one


def _fed(slot):
    """Whether a value of a graph depends on what is fed: that may be any number, of which stand-ins are only some."""
    seen, stack = set(), [slot]
    while stack:
        slot = stack.pop()
        node = slot.node
        if node is None or node in seen or node.sig.op.known:
            continue
        if node.sig.op.type in ("Placeholder", "PlaceholderWithDefault"):
            outside = _captured(slot, node)
            if outside is None:
                return True
            stack.append(outside)
            continue
        seen.add(node)
        stack.extend(node.ins)
    return False


def partial_shape(slot):
    """A 1-D integer slot read as a static shape: a tuple with None where not known, or None if nothing is known."""
    one, two = sizes(slot, 0), sizes(slot, 1)
    if one is None or two is None:
        shape = slot.aval.shape
        return (None,) * shape[0] if shape and shape[0] is not None else None
    return tuple([int(a) if a == b and a >= 0 else None for a, b in zip(one, two, strict=True)])
