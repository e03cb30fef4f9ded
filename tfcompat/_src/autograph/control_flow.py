"""`if`, `while` and `for` in converted code.

Each gets the statement's parts as functions over the variables of the user's function, and two functions to read and write those
variables that the statement changes.  Where no tensor decides, the parts run as Python; else they are traced into a tf.cond or
tf.while_loop whose outputs become the variables' new values.
"""

from __future__ import annotations

import numpy as np
from malt.operators import Undefined, UndefinedReturnValue

from .. import errors, nest, record
from ..data.dataset import Dataset
from ..data.iterators import EagerIterator
from ..declare import OPS
from ..engine import dispatch
from ..graph import context
from ..ops.bodies import BodyGraph
from ..ops.control import cond_v2
from ..ops.python import assert_op
from ..ops.tensor_array import TensorArray
from ..ops.while_loop import while_loop
from ..scopes import control_dependencies
from ..tensor import Tensor
from . import checks, iteration
from .logical import is_tensor


# -- if ---------------------------------------------------------------------------------------------------------------
def if_stmt(cond, body, orelse, get_state, set_state, symbol_names, nouts):
    """`if`: the first `nouts` of the variables are used afterwards."""
    if not is_tensor(cond):
        return body() if cond else orelse()
    cond = checks.condition(cond, "if statement")
    start, ended = get_state(), {}

    def branch(name, part):
        def run():
            set_state(start)
            part()
            ended[name] = values = get_state()[:nouts]
            checks.branch_defines(values, symbol_names, name)
            if len(ended) == 2:
                checks.same_branches(ended["main"], ended["else"], symbol_names)
            return values

        return run

    if context.graph is None:  # converted code that runs eagerly: one branch runs
        return (body if bool(cond) else orelse)()
    try:
        final = cond_v2(cond, branch("main", body), branch("else", orelse))
    except BaseException:
        set_state(start)
        raise
    set_state(tuple(final) + start[nouts:])


# -- while ------------------------------------------------------------------------------------------------------------
def while_stmt(test, body, get_state, set_state, symbol_names, opts):
    """`while`: a tf.while_loop where the condition is a tensor the first time."""
    if context.graph is None:
        return _python_while(test, body)
    with _Scratch():  # tried out in a graph that is thrown away
        first = test()
    if is_tensor(first):
        return _loop(test, body, get_state, set_state, symbol_names, opts)
    _python_while(test, body, first)


_CHANGED = (
    "The condition of while loop started as non-Tensor, then changed to Tensor. This may happen either because variables changed "
    "type, or when a break or return statement inside the loop depends on a Tensor condition. In both cases, changing to a TF loop "
    "should remove the error."
)
_BREAKS = (
    "break and return statements which depend on a TF condition are not supported in Python for loops. Did you intend to make it a "
    "TF loop?"
)


def _holds(value, said):
    """A Python loop's condition as a bool; NotImplementedError where it has become a symbolic tensor."""
    try:
        return bool(value)
    except errors.OperatorNotAllowedInGraphError as e:
        raise NotImplementedError(said) from e


def _python_while(test, body, first=None):
    go_on = _holds(test() if first is None else first, _CHANGED)
    while go_on:
        body()
        go_on = _holds(test(), _CHANGED)


class _Scratch:
    """A graph inside the current one, for finding out what some code would record."""

    def __enter__(self):
        self.graph = BodyGraph("scratch", context.graph)
        self.tapes = dispatch.set_tapes([])
        context.push(self.graph)
        return self.graph

    def __exit__(self, *exc):
        context.pop()
        dispatch.set_tapes(self.tapes)


def _loop(test, body, get_state, set_state, names, opts, runs=False):
    """The loop as a tf.while_loop.  `runs`: it is known to run at least once."""
    original = get_state()
    init, invariants = original, _by_position(opts.get("shape_invariants", ()), original)
    missing = [checks.is_none_or_undefined(v) for v in init]
    must_run = any(missing)
    if must_run:
        init, invariants = _with_placeholders(body, get_state, set_state, init, missing, invariants, names)
    extra = int(not init or must_run and not runs)  # a loop has variables; whether it ran may be one

    def condition(*values):
        set_state(values[extra:])
        return checks.condition(test(), "while loop")

    def step(*values):
        set_state(values[extra:])
        body()
        result = get_state()
        checks.iteration(init, values[extra:], result, names, invariants)
        return (*([True] * extra), *result)

    given = {k: v for k, v in opts.items() if k in ("parallel_iterations", "swap_memory", "maximum_iterations")}
    if any(s is not None for s in invariants):
        shapes = [
            nest.map_structure(lambda t: _shape_of(t), v) if s is None else s
            for v, s in zip(init, invariants, strict=True)
        ]
        given["shape_invariants"] = (*([_scalar()] * extra), *shapes)
    try:
        final = while_loop(condition, step, (*([False] * extra), *init), return_same_structure=True, **given)
    except BaseException:
        set_state(original)
        raise
    if extra and must_run:
        said = ", ".join(
            "the function return value" if isinstance(v, UndefinedReturnValue) else name
            for name, v, m in zip(names, original, missing, strict=True)
            if m
        )
        ran = assert_op(final[0], [f"loop must iterate at least once to initialize {said}"])
        with control_dependencies([ran]):
            final = nest.map_structure(lambda t: OPS["Identity"].public(t) if isinstance(t, Tensor) else t, final)
    set_state(tuple(final[extra:]))


def _scalar():
    return record.convert_to_tensor(False).shape


def _shape_of(value):
    if isinstance(value, TensorArray):
        return None
    return value.shape if isinstance(value, Tensor) else record.convert_to_tensor(value).shape


def _by_position(pairs, values):
    """Shape invariants given as (variable, shape) pairs, in the order of the variables (None: not given)."""
    return [next((shape for v, shape in pairs if v is value), None) for value in values]


# -- variables that the loop defines ----------------------------------------------------------------------------------
def _with_placeholders(body, get_state, set_state, init, missing, invariants, names):
    """(initial values, shape invariants): for variables without a value, zeros like those the first iteration gives them.

    ValueError where the first iteration does not tell.
    """
    first = failed = None
    try:
        with _Scratch() as scratch:
            set_state(nest.map_structure(lambda v: _as_argument(scratch, v), init))
            body()
            first = get_state()
        found = [
            _placeholder(f, s, v) if m else (v, s) for v, m, f, s in zip(init, missing, first, invariants, strict=True)
        ]
        init, invariants = tuple([v for v, _ in found]), [s for _, s in found]
    except (UnboundLocalError, TypeError, ValueError, KeyError) as e:
        failed = f"Note: AutoGraph tried to define it automatically, but ran into a {type(e).__name__}: {e}"
    finally:
        set_state(init)
    checks.entering(init, names, first, failed)
    return init, invariants


def _as_argument(graph, value):
    """A Python value as the tensor that it will be inside of the loop."""
    if isinstance(value, (bool, int, float, str, bytes, np.ndarray, np.generic)):
        return graph.input(record.constant(record.to_array(value))._slot.aval, "loop_var")
    return value


def _placeholder(like, invariant, original):
    """(a value of the type of `like`, the shape invariant it needs)."""
    if checks.is_none_or_undefined(like):
        return original, invariant
    if isinstance(like, (bool, int, float)):
        return type(like)(0), invariant
    if isinstance(like, Tensor) or is_tensor(like):
        known = like.shape if invariant is None else record.TensorShape(invariant)
        if known.rank is None:
            return record.constant(np.zeros((), like.dtype.np)), known
        sizes = like.shape.as_list() if like.shape.rank is not None else known.as_list()
        sizes = [k or 0 if n is None else n for n, k in zip(sizes, known.as_list(), strict=True)]
        vague = like.shape.rank is None or None in like.shape.as_list()
        return record.constant(_zeros(sizes, like.dtype)), known if vague or invariant is not None else None
    if isinstance(like, (list, tuple, dict)):
        flat = nest.flatten(like)
        shapes = [None] * len(flat) if invariant is None else nest.flatten(invariant)
        found = [_placeholder(v, s, v) for v, s in zip(flat, shapes, strict=True)]
        packed = nest.pack_sequence_as(like, [v for v, _ in found])
        if all(s is None for _, s in found):
            return packed, None
        shapes = [_shape_of(v) if s is None else s for v, s in found]
        return packed, nest.pack_sequence_as(like, shapes)
    raise TypeError(
        f"Found an unsupported type '{type(like).__name__}' while creating placeholder for {like}. Supported types include Tensor, "
        "int, float, bool, list, tuple or dict."
    )


def _zeros(shape, dtype):
    if dtype.name == "string":
        return np.full(shape, b"", object)
    return np.zeros(shape, dtype.base_dtype.np)


# -- for --------------------------------------------------------------------------------------------------------------
def for_stmt(iter_, extra_test, body, get_state, set_state, symbol_names, opts):
    """`for`: a tf.while_loop over the rows of a tensor, the numbers of a tf.range, the elements of a dataset."""
    parts = (extra_test, body, get_state, set_state, symbol_names, opts)
    if context.graph is None:
        return _python_for(iter_, extra_test, body)
    if is_tensor(iter_):
        found = iteration.range_of(iter_)
        return _for_numbers(found, *parts) if found is not None else _for_rows(iter_, *parts)
    if isinstance(iter_, (Dataset, EagerIterator)) and context.graph.building_function:
        return _for_elements(iteration.Elements(iter_), *parts)
    _python_for(iter_, extra_test, body)


def _python_for(iter_, extra_test, body):
    if extra_test is None:
        for target in iter_:
            body(target)
    elif _holds(extra_test(), _BREAKS):
        for target in iter_:
            body(target)
            if not _holds(extra_test(), _BREAKS):
                break


def _with_counter(start, get_state, set_state):
    """(read, write) of a statement's variables with a counter before them, and the counter's cell."""
    cell = [start]

    def get():
        return (cell[0], *get_state())

    def put(values):
        cell[0] = values[0]
        set_state(tuple(values[1:]))

    return cell, get, put


def _and_extra(main, extra_test):
    return main if extra_test is None else cond_v2(main, extra_test, lambda: False)


def _for_rows(rows, extra_test, body, get_state, set_state, names, opts):
    rows = record.convert_to_tensor(rows)
    known = rows.shape.as_list()[0] if rows.shape.rank else None
    if rows.shape.rank == 0:
        raise ValueError(f"len requires a non-scalar tensor, got one of shape {OPS['Shape'].public(rows)}")
    n = known if known is not None else _first_size(rows)
    array = TensorArray(rows.dtype, size=n).unstack(rows)
    at, get, put = _with_counter(0, get_state, set_state)

    def step():
        body(array.read(at[0]))
        at[0] = at[0] + 1

    _loop(
        lambda: _and_extra(at[0] < n, extra_test), step, get, put, ("<internal iterate>", *names), opts,
        runs=bool(known) and extra_test is None,
    )  # fmt: skip


def _first_size(tensor):
    return OPS["Shape"].public(tensor)[0]


def _for_numbers(numbers, extra_test, body, get_state, set_state, names, opts):
    start, limit, delta = numbers
    step_known, first, last = [iteration.known_number(v) for v in (delta, start, limit)]
    target = opts.get("iterate_names")

    def read():  # the target is defined by the loop
        return tuple(
            [
                at[0] if name == target and isinstance(v, Undefined) else v
                for name, v in zip(names, get_state(), strict=True)
            ]
        )

    at, get, put = _with_counter(start, read, set_state)

    def step():
        body(at[0])
        at[0] = at[0] + delta

    def test():
        if step_known is not None:
            main = at[0] < limit if step_known >= 0 else at[0] > limit
        else:
            zero = OPS["ZerosLike"].public(delta)
            main = ((delta >= zero) & (at[0] < limit)) | ((delta < zero) & (at[0] > limit))
        return _and_extra(main, extra_test)

    runs = None not in (step_known, first, last) and (last - first) * (step_known or 0) > 0 and extra_test is None
    _loop(test, step, get, put, ("<internal iterate>", *names), opts, runs=runs)


def _for_elements(elements, extra_test, body, get_state, set_state, names, opts):
    """A loop over a dataset: its elements come from the host, the body is compiled."""

    def test():
        more = elements.more
        return more() if extra_test is None else cond_v2(record.convert_to_tensor(extra_test()), more, lambda: False)

    _loop(test, lambda: body(elements.next()), get_state, set_state, names, opts)
    elements.done()


OPERATORS = {f.__name__: f for f in (if_stmt, while_stmt, for_stmt)}
