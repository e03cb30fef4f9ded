"""Conditionals and cases, and the ops that only order others: tf.cond, tf.case, tf.group, tf.tuple.

Eagerly the Python functions run directly.  In a graph each is traced into a `Body` (bodies.py) and one operation is
recorded that holds them.
"""

from __future__ import annotations

import collections
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, nest, record
from ..declare import OPS, export, publish
from ..graph import Operation, _process, aval, context
from ..scopes import control_dependencies, name_scope
from ..shapes import TensorShape
from ..tensor import IndexedSlices, SymbolicTensor, Tensor
from . import bodies
from .core import no_op
from .sparse import SparseTensor
from .tensor_array_ops import is_unset


# -- cond -------------------------------------------------------------------------------------------------------------
@export("cond", v1="")
def cond_v2(pred, true_fn=None, false_fn=None, name=None):
    """true_fn() where `pred` is true, else false_fn(); both return the same structure of the same dtypes."""
    return _cond(pred, true_fn, false_fn, True, name)


@export("", v1="cond")
def cond_v1(pred, true_fn=None, false_fn=None, strict=False, name=None, fn1=None, fn2=None):
    """tf.cond of TF1: lists and tuples of one element count as the element unless `strict`."""
    for new, old, which, older in ((true_fn, fn1, "true_fn", "fn1"), (false_fn, fn2, "false_fn", "fn2")):
        if new is not None and old is not None:
            raise TypeError(f"cond(): '{which}' and '{older}' may not be set simultaneously.")
    return _cond(pred, fn1 if true_fn is None else true_fn, fn2 if false_fn is None else false_fn, strict, name)


def _cond(pred, true_fn, false_fn, strict, name):
    for fn, which in ((true_fn, "true_fn"), (false_fn, "false_fn")):
        if fn is None:
            raise TypeError(f"cond(): '{which}' argument required")
        if not callable(fn):
            raise TypeError(f"'{which}' must be callable.")
    if context.graph is None:
        result = true_fn() if bool(record.convert_to_tensor(pred)) else false_fn()
        return result if strict else _only(result)
    if isinstance(pred, bool):
        raise TypeError("pred must not be a Python bool", pred)
    with name_scope(name, "cond", [pred]) as scope:
        pred = record.convert_to_tensor(pred, name="pred")
        return _branches("If", pred, [true_fn, false_fn], ["true_fn", "false_fn"], strict, scope)


def _only(result):
    """The element of a list, tuple or namedtuple of one; anything else itself."""
    if isinstance(result, (list, tuple)) and len(result) == 1:
        return result[0]
    return result


def _as_value(fn, selector):
    """In a Session's graph an operation that a branch returns stands for the selector, which then waits for it
    (TF1)."""

    def run():
        def convert(leaf):
            if isinstance(leaf, Operation):
                with control_dependencies([leaf]):
                    return OPS["Identity"].public(selector)
            return leaf

        result = fn()
        return convert(result) if isinstance(result, Operation) else nest.map_structure(convert, result)

    return run


def _branches(type, selector, functions, names, strict, scope):
    """Records a cond or switch_case over `functions` and packs its outputs as the first one's result."""
    old = legacy()
    traced = []
    for fn, n in zip(functions, names, strict=True):
        traced.append(bodies.Body(_as_value(fn, selector), n, (), branches=traced))
    for b in traced:
        if old and b.result is None:
            raise ValueError(f"'{b.name}' must have a return value.")
    results = [b.result if strict or not old else _only(b.result) for b in traced]
    for b, r in zip(traced[1:], results[1:], strict=True):
        _same_results(traced[0], results[0], b, r, old)
    _widen_indices(traced)
    tensors = [[t for t in b.outputs if t is not None] for b in traced]
    avals = []
    for column in zip(*tensors, strict=True):
        kinds = {t.dtype.base_dtype.name for t in column}
        if len(kinds) > 1:
            got = " and ".join(f"{t.dtype.name} from '{n}'" for t, n in zip(column, names, strict=True))
            if old:
                raise ValueError(f"Outputs of 'true_fn' and 'false_fn' must have the same type(s). Received {got}.")
            raise TypeError(f"{_DIFFER}\n\nReceived {got}.")
        avals.append(_merged([t._slot.aval for t in column]))
    for b, column in zip(traced, tensors, strict=True):
        b.finish(outputs=column)
    chosen = _record_branches(type, selector, traced, avals, scope)[1]
    # scripts fetch results by these names: TF1 merged the branches, later versions hand on what the operation gives
    filled = iter([OPS["Identity"].public(t, name="Merge" if old and type == "If" else "Identity") for t in chosen])
    flat = [None if t is None else next(filled) for t in traced[0].outputs]
    packed = nest.pack_sequence_as(traced[0].result, flat, expand_composites=True)
    for sparse, *given in zip(*[nest.flatten(r) for r in (packed, *[b.result for b in traced])], strict=True):
        if isinstance(sparse, SparseTensor):  # whose shape the tensor of its sizes no longer tells
            sparse.set_shape(functools.reduce(TensorShape.most_specific_compatible_shape, [g.shape for g in given]))
    return packed if strict or not old else _only(packed)


_DIFFER = (
    "true_fn and false_fn arguments to tf.cond must have the same number, type, and overall structure of return values."
)
_explicit = None  # what enable_control_flow_v2 and disable_control_flow_v2 said last


def legacy():
    """Whether tf.cond keeps to the manners of TF1: lists of one element unpacked, other exceptions."""
    if not bodies.in_session_graph():
        return False
    return not _process.eager if _explicit is None else not _explicit


def _same_results(first, one, other, two, old):
    """ValueError or TypeError where two branches return different structures."""
    try:
        nest.assert_same_structure(one, two, expand_composites=True)
    except (TypeError, ValueError) as e:
        if not old:
            raise TypeError(f"{_DIFFER}\n\n{e}") from None
        kind = TypeError if isinstance(e, TypeError) else ValueError
        said = "Incompatible return types" if kind is TypeError else "Incompatible return values"
        raise kind(f"{said} of '{first.name}' and '{other.name}': {e}") from None
    if [t is None for t in first.outputs] != [t is None for t in other.outputs]:
        raise ValueError(f"'{first.name}' and '{other.name}' must both return a value, or neither, in each place.")


def _widen_indices(traced):
    """Indices of IndexedSlices become int64 where another branch's are."""
    at, places = 0, []
    for leaf in nest.flatten(traced[0].result):
        if isinstance(leaf, IndexedSlices):
            places.append(at + 1)
        at += len(nest.flatten(leaf, expand_composites=True))
    for place in places:
        kinds = {b.outputs[place].dtype.base_dtype for b in traced}
        if kinds != {dtypes.int32, dtypes.int64}:
            continue
        for b in traced:
            with b.graph.as_default():
                b.outputs[place] = OPS["Cast"].public(b.outputs[place], dtype=dtypes.int64)


def _merged(avals):
    shape = TensorShape._of(avals[0].shape)
    for a in avals[1:]:
        shape = shape.most_specific_compatible_shape(TensorShape._of(a.shape))
    return aval(avals[0].dtype.base_dtype, None if shape.rank is None else tuple(shape.as_list()))


class Branches:
    """What a cond or switch_case computes: inputs are the selector, captures, variables read, then states."""

    def __init__(self, type, traced, captures, reads, states):
        self.type, self.traced, self.reads, self.states = type, traced, reads, states
        place = {t._slot: 1 + i for i, t in enumerate(captures)}
        self.feeds = [[place[outside._slot] for outside, _ in b.captured] for b in traced]
        self.n_data = 1 + len(captures)
        self.place = {v: self.n_data + i for i, v in enumerate(reads)}  # variable -> input position

    def chosen(self, selector):
        """The number of the branch for a known selector."""
        value = np.asarray(selector).reshape(())
        if self.type == "If":
            return 0 if bool(value) else 1
        i = int(value)
        return i if 0 <= i < len(self.traced) else len(self.traced) - 1

    def read(self, args):
        read = dict(zip(self.reads, args[self.n_data :], strict=False))
        read.update(zip(self.states, args[self.n_data + len(self.reads) :], strict=True))
        return read

    def _run(self, k, args):
        out, new = self.traced[k].call([args[i] for i in self.feeds[k]], self.read(args))
        read = self.read(args)
        return [*out, *[new.get(v, read[v]) for v in self.states]]

    def kernel(self, *args):
        selector = args[0]
        if isinstance(selector, np.ndarray):
            return tuple(self._run(self.chosen(selector), args))
        count = len(self.traced)
        shapes = [jax.eval_shape(lambda k=k: tuple([jnp.asarray(v) for v in self._run(k, args)])) for k in range(count)]
        wanted = []
        for column in zip(*shapes, strict=True):
            given = [s for s in column if not is_unset(s)] or [column[0]]
            if any(s.shape != given[0].shape for s in given):
                raise NotImplementedError(
                    f"branches of a {'tf.cond' if self.type == 'If' else 'tf.switch_case'} that return "
                    f"different shapes, "
                    f"{' and '.join(str(list(s.shape)) for s in column)}, where the choice depends on computed values"
                )
            wanted.append(given[0])

        def branch(k):
            def run():
                out = []
                for v, w in zip(self._run(k, args), wanted, strict=True):
                    v = jnp.asarray(v)
                    out.append(jnp.zeros(w.shape, w.dtype) if v.shape != w.shape else v.astype(w.dtype))
                return tuple(out)

            return run

        selector = jnp.asarray(selector).reshape(())
        if self.type == "If":
            return lax.cond(selector.astype(bool), branch(0), branch(1))
        selector = jnp.where((selector < 0) | (selector >= count), count - 1, selector).astype(np.int32)
        return lax.switch(selector, [branch(k) for k in range(count)])

    def on_host(self, session, original, *args):
        k = self.chosen(args[0])
        read = self.read(args)
        out, new = self.traced[k].call_on_host([args[i] for i in self.feeds[k]], read, session)
        return tuple([*out, *[new.get(v, read[v]) for v in self.states]])

    def eagerly(self, op, tensors):
        """The chosen branch, operation by operation."""
        k = self.chosen(tensors[0]._numpy())
        return [t for t in self.traced[k].replay([tensors[i] for i in self.feeds[k]]) if t is not None]


def _record_branches(type, selector, traced, avals, scope):
    captures, reads, states = bodies.inputs_of(traced)
    made = Branches(type, traced, captures, list(reads), states)
    tensors = [selector, *captures, *reads.values()]
    static = set()
    for b, feeds in zip(traced, made.feeds, strict=True):
        static.update([i for i, s in zip(feeds, b.feeds, strict=True) if s in b.static_feeds])
        static.update([made.place[v] for v in b.static_reads if v in made.place])
    host = any(b.host for b in traced)
    if not host and _shapes_differ(traced):
        static.add(0)

    def kernel(*args):
        return made.on_host(None, None, *args) if host else made.kernel(*args)

    gradient = None
    if host:
        kernel.with_session = made.on_host
        gradient = bodies.twin_gradient(lambda start: _twin(made, start, avals))
    effects = any(b.effects() for b in traced)
    stateful = effects or states or reads
    return bodies.add(
        type if stateful else "Stateless" + type,
        scope,
        kernel,
        tensors,
        avals,
        static=static,
        host=host,
        states=states,
        effects=effects,
        eager=made.eagerly,
        gradient=gradient,
        wait=[op for b in traced for op in b.graph.outer_controls],
    )


def _shapes_differ(traced):
    """Whether the branches' static shapes contradict each other: then the choice must be known to compile."""
    for column in zip(*[b.outs for b in traced], strict=True):
        shapes = [t._slot.aval.shape for t in column]
        if None in shapes:
            continue
        if any(s != shapes[0] for s in shapes):
            return True
    return False


def _twin(made, start, avals):
    """The same branches without their effects, for the gradient of one that runs on the host."""
    reads = dict(zip(made.reads, start[made.n_data :], strict=True))
    pure = [
        bodies.pure_twin(b, [], [start[i] for i in feeds], reads)
        for b, feeds in zip(made.traced, made.feeds, strict=True)
    ]
    for b in pure:
        b.finish(effects=False)
        if b.host:
            bodies.refuse_gradient("tf.cond")(None, None)
    return _record_branches(made.type, start[0], pure, avals, "cond_for_gradient")[1]


# -- switch_case and case ---------------------------------------------------------------------------------------------
@export("switch_case")
def switch_case(branch_index, branch_fns, default=None, name="switch_case"):
    """The result of branch_fns[branch_index](), or of `default` (or the last branch) where there is none of that
    number."""
    actions = _checked_branches(branch_fns, default, branch_index)
    if context.graph is None:
        i = int(branch_index)
        return actions[i if 0 <= i < len(actions) else -1]()
    with name_scope(name, "case", [branch_index]), name_scope("indexed_case") as scope:
        return _branches("Case", branch_index, actions, [f"branch{i}" for i in range(len(actions))], True, scope)


def _checked_branches(branch_fns, default, branch_index):
    if not isinstance(branch_index, Tensor):
        raise TypeError(f"'branch_index' must be a Tensor, got {type(branch_index)}")
    if not branch_index.dtype.is_integer:
        raise TypeError(f"'branch_index' must be an integer Tensor, got {branch_index.dtype}")
    if not branch_fns:
        raise ValueError("Must provide at least one item in 'branch_fns'")
    if not isinstance(branch_fns, (list, tuple, dict)):
        raise TypeError("'branch_fns' must be a list, tuple, or dict")
    pairs = list(branch_fns.items()) if isinstance(branch_fns, dict) else list(branch_fns)
    if all(callable(fn) for fn in pairs):
        pairs = list(enumerate(pairs))
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(f"Each entry in 'branch_fns' must be a 2-tuple. Received {pair}.")
        if not isinstance(pair[0], int):
            raise TypeError(f"key must be a Python `int`, got {type(pair[0])}")
        if not callable(pair[1]):
            raise TypeError(f"fn for key {pair[0]} must be callable.")
    keys = [k for k, _ in pairs]
    if min(keys) < 0 or max(keys) >= len(keys) or len(set(keys)) != len(keys):
        raise ValueError(
            f"branch indices (keys) must form contiguous range of [0 to {len(keys)}) but found "
            f"{{{','.join(map(str, sorted(keys)))}}}"
        )
    actions = [fn for _, fn in sorted(pairs, key=lambda p: p[0])]
    return actions if default is None else [*actions, default]


@export("case", v1="")
def case_v2(pred_fn_pairs, default=None, exclusive=False, strict=False, name="case"):
    """The result of the first function whose predicate is true, else of `default`; without one InvalidArgumentError."""
    return _case(functools.partial(_cond, name=None), pred_fn_pairs, default, exclusive, strict, name)


publish(case_v2, "", "case")


def _case(cond, pred_fn_pairs, default, exclusive, strict, name):
    predicates, actions = _checked_pairs(pred_fn_pairs, exclusive)
    with name_scope(name, "case", [predicates]):
        if default is None:
            default, predicates, actions = _last_as_default(predicates, actions)
        fn = default
        for p, action in reversed(list(zip(predicates, actions, strict=True))):
            fn = functools.partial(cond, p, action, fn, strict)
        if not exclusive or not predicates:
            return fn()
        with control_dependencies([_at_most(predicates, 1, "Input error: exclusive=True")]):
            return fn()


def _checked_pairs(pred_fn_pairs, exclusive):
    if not isinstance(pred_fn_pairs, (list, tuple, dict)):
        raise TypeError(f"'pred_fn_pairs' must be a list, tuple, or dict. Received: {type(pred_fn_pairs)}")
    if isinstance(pred_fn_pairs, collections.OrderedDict):
        pairs = list(pred_fn_pairs.items())
    elif isinstance(pred_fn_pairs, dict):
        if context.graph is None:
            if not exclusive:
                raise ValueError(
                    "Unordered dictionaries are not supported for the 'pred_fn_pairs' argument when "
                    "`exclusive=False` and eager mode is "
                    "enabled."
                )
            pairs = list(pred_fn_pairs.items())
        else:
            pairs = sorted(pred_fn_pairs.items(), key=lambda item: _tensor(item[0]).name)
    else:
        pairs = list(pred_fn_pairs)
    out = []
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(f"Each entry in 'pred_fn_pairs' must be a 2-tuple. Received {pair}.")
        pred, fn = pair
        pred = _tensor(pred)
        if isinstance(pred, Tensor):
            if pred.dtype.base_dtype is not dtypes.bool:
                raise TypeError(
                    f"pred must be Tensor of type bool: {pred.name if isinstance(pred, SymbolicTensor) else pred!r}"
                )
        else:
            raise TypeError(f"pred must be a Tensor, got: {pred}")
        if not callable(fn):
            raise TypeError(f"fn for pred {pred} must be callable.")
        out.append((pred, fn))
    if not out:
        raise ValueError("'pred_fn_pairs' must not be empty.")
    return [p for p, _ in out], [fn for _, fn in out]


def _tensor(key):
    """A dictionary's key as a tensor: TF2 uses tensor.ref()."""
    return key.deref() if hasattr(key, "deref") else key


def _public(name):
    from ..declare import NAMES

    found = NAMES["v2"].get(name) or NAMES["v1"].get(name) or NAMES["v2"].get("debugging." + name)
    if found is None:
        raise NotImplementedError(f"tf.{name}")
    return found


def _last_as_default(predicates, actions):
    """Without a default the last function is it, with a check that its predicate is true."""
    predicate, action = predicates[-1], actions[-1]

    def default():
        stacked = OPS["Pack"].public([record.convert_to_tensor(p) for p in predicates])
        with control_dependencies(
            [_public("Assert")(predicate, ["Input error: None of conditions evaluated as True:", stacked])]
        ):
            return _identities(action())

    return default, predicates[:-1], actions[:-1]


def _identities(result):
    """Tensors from outside, as made here: so that they wait for the control dependencies around."""
    if context.graph is None:
        return result
    return nest.map_structure(lambda v: OPS["Identity"].public(v) if isinstance(v, SymbolicTensor) else v, result)


def _at_most(predicates, n, text):
    counts = [OPS["Cast"].public(record.convert_to_tensor(p), dtype=dtypes.int32) for p in predicates]
    total = OPS["AddN"].public(counts) if len(counts) > 1 else counts[0]
    stacked = OPS["Pack"].public([record.convert_to_tensor(p) for p in predicates])
    return _public("Assert")(
        OPS["LessEqual"].public(total, n), [f"{text}: more than {n} conditions evaluated as True:", stacked]
    )


# -- ordering ---------------------------------------------------------------------------------------------------------
@export("group")
def group(*inputs, **kwargs):
    """An operation that is done when all `inputs` (tensors, operations, nests) are; None eagerly."""
    if context.graph is None:
        return None
    name = kwargs.pop("name", None)
    if kwargs:
        raise ValueError("Unknown keyword arguments: " + ", ".join(kwargs.keys()))
    with name_scope(name, "group_deps", list(nest.flatten(inputs, expand_composites=True))) as scope:
        by_device: dict = {}
        for thing in nest.flatten(inputs, expand_composites=True):
            if thing is None:
                raise TypeError(
                    "'inputs' should be zero or more (nested) Tensors. Received 'None' with type '<class 'NoneType'>'."
                )
            op = thing if isinstance(thing, Operation) else getattr(thing, "op", None)
            if op is None and not hasattr(thing, "device"):
                raise TypeError(
                    f"'inputs' should be zero or more (nested) Tensors. Received '{thing}' with type '{type(thing)}'."
                )
            by_device.setdefault(getattr(thing, "device", "") or "", []).append(thing)
        if len(by_device) <= 1:
            return _grouped(by_device, scope)
        parts = [_grouped({device: things}, None) for device, things in sorted(by_device.items())]
        with control_dependencies(parts):
            return no_op(name=scope)


def _grouped(by_device, name):
    for device, things in by_device.items():
        with context.graph.device(device or None), control_dependencies(things):
            return no_op(name=name)
    return no_op(name=name)


@export("", v1="tuple")
def tuple_v1(tensors, name=None, control_inputs=None):
    """`tensors`, each available only when all of them (and `control_inputs`) are computed; None entries stay."""
    if context.graph is None:
        return tensors
    with name_scope(name, "tuple", tensors):
        gates = [t if isinstance(t, Operation) else t.op for t in tensors if t is not None]
        for c in control_inputs or ():
            if isinstance(c, Tensor):
                c = c.op
            elif not isinstance(c, Operation):
                raise TypeError(f"'control_inputs' must only contain Operation or Tensor. Received: {type(c)}")
            gates.append(c)
        if not any(isinstance(t, (Tensor, IndexedSlices)) or hasattr(t.__class__, "_dense_tensor") for t in tensors):
            raise ValueError(f"'tensors' must have at least one Tensor. Received: {tensors}.")
        gate = group(*gates)
        return [
            with_dependencies([gate], t)
            if not isinstance(t, Operation) and t is not None
            else gate
            if t is not None
            else None
            for t in tensors
        ]


@export("tuple", v1="")
def tuple_v2(tensors, control_inputs=None, name=None):
    """tf.tuple of TF2: see `tuple_v1`."""
    return tuple_v1(tensors, name, control_inputs)


def with_dependencies(dependencies, output_tensor, name=None):
    """`output_tensor`, available only after `dependencies`."""
    if context.graph is None:
        return output_tensor
    with (
        name_scope(name, "control_dependency", [*dependencies, output_tensor]) as scope,
        control_dependencies(dependencies),
    ):
        if isinstance(output_tensor, IndexedSlices):
            return IndexedSlices(
                OPS["Identity"].public(output_tensor.values, name=scope),
                output_tensor.indices,
                output_tensor.dense_shape,
            )
        return OPS["Identity"].public(record.convert_to_tensor(output_tensor), name=scope)


@export("__internal__.execute_fn_for_device", v1="")
def execute_fn_for_device(device_branch_fns, default_fn, name="execute_fn"):
    """The result of the function for the kind of device in use ("CPU", "GPU", ...), else of `default_fn`."""
    kinds = {str(k).upper(): fn for k, fn in device_branch_fns.items()}
    device = context.graph._devices[-1] if context.graph is not None and context.graph._devices else ""
    kind = device.rpartition("device:")[2].partition(":")[0] if "device:" in device else jax.default_backend().upper()
    return kinds.get(kind, default_fn)()


@export("", v1="enable_control_flow_v2")
def enable_control_flow_v2():
    """TF2's manners of tf.cond in graphs, too (there is one implementation)."""
    global _explicit
    _explicit = True


@export("", v1="disable_control_flow_v2")
def disable_control_flow_v2():
    """TF1's manners of tf.cond in graphs (there is one implementation)."""
    global _explicit
    _explicit = False


@export("", v1="control_flow_v2_enabled")
def control_flow_v2_enabled():
    """Whether tf.cond in graphs has TF2's manners."""
    return _process.eager if _explicit is None else _explicit


nest.register_composite(
    IndexedSlices,
    lambda x: [x.values, x.indices] if x.dense_shape is None else [x.values, x.indices, x.dense_shape],
    lambda like, parts: IndexedSlices(*parts),
    lambda a, b: type(a) is type(b) and (a.dense_shape is None) == (b.dense_shape is None),
)

__all__ = ["cond_v1", "errors", "group", "with_dependencies"]
