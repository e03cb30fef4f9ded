"""Loops over a cell in which the user's function, or a state saver, decides what a step takes and keeps."""

from __future__ import annotations

import numpy as np

from .. import dtypes, nest, record
from ..declare import OPS, export
from ..ops import arithmetic, creation
from ..ops.tensor_array import TensorArray
from ..ops.while_loop import while_loop
from ..scopes import control_dependencies
from ..shapes import TensorShape
from ..tensor import Tensor
from ..variable_scope import variable_scope
from .loops import check_cell, static_rnn


def _batch(flat):
    """The batch size that the inputs share, a number or a tensor; ValueError where they disagree."""
    static = TensorShape(None)
    for x in flat:
        static = static.merge_with(x.shape[:1])
    known = static.as_list()[0] if static.rank is not None else None
    return known, OPS["Shape"].public(flat[0])[0] if known is None else known


def _emitted(emit, cell, state):
    """[(dtype, shape without the batch, that shape as sizes)] of what a step emits: as `emit` says, else the outputs of
    the cell.
    """
    if emit is not None:
        given = [record.convert_to_tensor(e) for e in nest.flatten(emit)]
        return emit, [(e.dtype.base_dtype, e.shape, _sizes(e)) for e in given]
    kind = nest.flatten(state)[0].dtype.base_dtype
    shapes = [
        TensorShape(s if isinstance(s, (TensorShape, tuple, list)) else [s]) for s in nest.flatten(cell.output_size)
    ]
    return cell.output_size, [(kind, s, s.as_list()) for s in shapes]


def _sizes(x):
    return x.shape.as_list() if x.shape.is_fully_defined() else OPS["Shape"].public(x)


def _zeros(batch, sizes, kind):
    dims = [batch, *sizes] if isinstance(sizes, list) else None
    if dims is None:
        dims = OPS["ConcatV2"].public([OPS["Pack"].public([batch]), sizes], 0)
    elif isinstance(batch, Tensor):
        dims = OPS["Pack"].public([record.convert_to_tensor(d, dtype=dtypes.int32) for d in dims])
    return creation.zeros(dims, kind)


def _keep_finished(finished, old, new):
    """`new`, but `old` in the rows that had finished; TensorArrays and scalars as they are."""

    def choose(o, n):
        if isinstance(o, TensorArray) or o.shape.rank == 0:
            return n
        return arithmetic.where_v1(finished, o, n)

    return nest.map_structure(choose, old, new)


@export("", v1="nn.raw_rnn")
def raw_rnn(cell, loop_fn, parallel_iterations=None, swap_memory=False, scope=None):
    """Runs `cell` as `loop_fn(time, cell_output, cell_state, loop_state)` directs, until every row has finished.

    `loop_fn` gives (finished, next input, next cell state, what to emit, next loop state).  Returns (TensorArrays of what was
    emitted, last cell state, last loop state).  Raises TypeError for a cell or a `loop_fn` that is none.
    """
    check_cell(cell)
    if not callable(loop_fn):
        raise TypeError(f"Argument `loop_fn` must be a callable. Received: {loop_fn}.")
    with variable_scope(scope or "rnn"):
        time = record.convert_to_tensor(np.array(0, np.int32))
        finished, following, state, emit, first_loop_state = loop_fn(time, None, None, None)
        finished = record.convert_to_tensor(finished)
        flat = [record.convert_to_tensor(x) for x in nest.flatten(following)]
        following = nest.pack_sequence_as(following, flat)
        known, batch = _batch(flat)
        nest.assert_same_structure(state, cell.state_size)
        state = nest.map_structure(record.convert_to_tensor, state)
        loop_state = time if first_loop_state is None else first_loop_state
        like, kinds = _emitted(emit, cell, state)
        arrays = [
            TensorArray(k, size=0, dynamic_size=True, element_shape=TensorShape([known]).concatenate(s), name=f"rnn_output_{i}")
            for i, (k, s, _) in enumerate(kinds)
        ]  # fmt: skip
        nothing = nest.pack_sequence_as(like, [_zeros(batch, sizes, k) for k, _, sizes in kinds])

        def body(time, finished, current, arrays, state, loop_state):
            output, new = cell(current, state)
            nest.assert_same_structure(state, new)
            nest.assert_same_structure(cell.output_size, output)
            done, following, new, emitted, new_loop_state = loop_fn(time + 1, output, new, loop_state)
            nest.assert_same_structure(state, new)
            nest.assert_same_structure(current, following)
            nest.assert_same_structure(arrays, emitted)
            emitted = _keep_finished(finished, nothing, emitted)
            new = _keep_finished(finished, state, new)
            arrays = nest.map_structure(lambda a, e: a.write(time, e), arrays, emitted)
            loop_state = loop_state if new_loop_state is None else new_loop_state
            return time + 1, OPS["LogicalOr"].public(finished, done), following, arrays, new, loop_state

        *_, arrays, state, loop_state = while_loop(
            lambda time, finished, *_: OPS["LogicalNot"].public(OPS["All"].public(finished)),
            body,
            [time, finished, following, nest.pack_sequence_as(like, arrays), state, loop_state],
            parallel_iterations=parallel_iterations or 32,
            swap_memory=swap_memory,
        )
        return arrays, state, None if first_loop_state is None else loop_state


@export("", v1="nn.static_state_saving_rnn contrib.rnn.static_state_saving_rnn")
def static_state_saving_rnn(cell, inputs, state_saver, state_name, sequence_length=None, scope=None):
    """static_rnn whose state comes from `state_saver.state(name)` and goes to `state_saver.save_state(name, value)`.

    Raises ValueError where `state_name` has not the structure of the cell's state.
    """
    size = cell.state_size
    names = nest.flatten(state_name)
    if nest.is_nested(size) != nest.is_nested(state_name) or len(nest.flatten(size)) != len(names):
        raise ValueError(
            f"Argument `state_name` should have the structure of `cell.state_size`. Received: state_name={state_name}, "
            f"cell.state_size={size}."
        )
    initial = nest.pack_sequence_as(size, [state_saver.state(n) for n in names])
    outputs, state = static_rnn(cell, inputs, initial_state=initial, sequence_length=sequence_length, scope=scope)
    saved = [state_saver.save_state(n, s) for n, s in zip(names, nest.flatten(state), strict=True)]
    with control_dependencies(saved):
        identity = OPS["Identity"].public
        outputs[-1] = nest.map_structure(identity, outputs[-1])
        return outputs, nest.map_structure(identity, state)
