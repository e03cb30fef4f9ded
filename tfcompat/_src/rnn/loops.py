"""tf.nn.dynamic_rnn (one loop over time) and tf.nn.static_rnn (a list of steps)."""

from __future__ import annotations

import numpy as np

from .. import dtypes, nest, record
from ..declare import OPS, export
from ..graph import context
from ..ops import arithmetic, array, core, creation
from ..ops.tensor_array import TensorArray
from ..ops.while_loop import while_loop
from ..scopes import name_scope
from ..shapes import TensorShape
from ..tensor import Tensor
from ..variable_scope import variable_scope


def check_cell(cell, name="cell"):
    """Raises TypeError for what is no cell."""
    lacks = [k for k in ("output_size", "state_size") if not hasattr(cell, k)]
    if not (hasattr(cell, "zero_state") or hasattr(cell, "get_initial_state")):
        lacks.append("zero_state")
    if lacks or not callable(cell):
        raise TypeError(
            f"The argument {name!r} ({cell}) is not an RNNCell: "
            f"{', '.join(lacks) + ' property is missing' if lacks else 'is not callable'}."
        )


def swap_first_two(x):
    """[a, b, ...] <-> [b, a, ...]."""
    x = record.convert_to_tensor(x)
    rank = x.shape.rank
    if rank is None:
        raise NotImplementedError("dynamic_rnn needs inputs of known rank, or time_major=True.")
    return array.transpose(x, [1, 0, *range(2, rank)]) if rank >= 2 else x


def _as_state(value):
    return value if isinstance(value, (Tensor, TensorArray)) else record.convert_to_tensor(value)


def _output_dtype(dtype, flat_state):
    """The dtype of the outputs: as given, else that of the states; ValueError where those differ."""
    if dtype is not None:
        return dtypes.as_dtype(dtype)
    kinds = {s.dtype.base_dtype for s in flat_state}
    if len(kinds) != 1:
        raise ValueError(
            "State has tensors of different inferred_dtypes. Unable to infer a single representative dtype. Received: "
            f"{[s.dtype.name for s in flat_state]}."
        )
    return kinds.pop()


def _initial(cell, initial_state, batch_size, dtype):
    if initial_state is not None:
        return nest.map_structure(_as_state, initial_state)
    if not dtype:
        raise ValueError("If there is no initial_state, you must give a dtype.")
    if getattr(cell, "get_initial_state", None) is not None and not hasattr(cell, "zero_state"):
        return cell.get_initial_state(inputs=None, batch_size=batch_size, dtype=dtype)
    return cell.zero_state(batch_size, dtype)


def _lengths(sequence_length, batch):
    """Sequence lengths as an int32 vector; ValueError for another rank or a batch that does not fit."""
    if sequence_length is None:
        return None
    lengths = core.cast(record.convert_to_tensor(sequence_length), dtypes.int32)
    if lengths.shape.rank not in (None, 1):
        raise ValueError(f"sequence_length must be a vector of length batch_size, but saw shape: {lengths.shape}")
    if batch is not None and lengths.shape.rank == 1 and lengths.shape.as_list()[0] not in (None, batch):
        raise ValueError(f"sequence_length has shape {lengths.shape}, but the inputs have batch size {batch}")
    return OPS["Identity"].public(lengths, name="sequence_length")


def _held(past, old, new):
    """`new`, but `old` in the rows that are `past` their end; scalars and TensorArrays as they are."""
    if isinstance(new, TensorArray) or new.shape.rank == 0:
        return new
    out = arithmetic.where_v1(past, old, new)
    if context.graph is not None:
        out.set_shape(new.shape)
    return out


def _step(cell, time, lengths, inputs, state):
    """(outputs, state) of one step: rows past their length give zeros and keep their state."""
    output, new = cell(inputs, state)
    if lengths is None:
        return output, new
    nest.assert_same_structure(state, new)
    past = OPS["GreaterEqual"].public(time, lengths)
    flat = [_held(past, creation.zeros_like_v1(o), o) for o in nest.flatten(output)]
    held = [_held(past, s, n) for s, n in zip(nest.flatten(state), nest.flatten(new), strict=True)]
    return nest.pack_sequence_as(output, flat), nest.pack_sequence_as(state, held)


@export("", v1="nn.dynamic_rnn")
def dynamic_rnn(
    cell,
    inputs,
    sequence_length=None,
    initial_state=None,
    dtype=None,
    parallel_iterations=None,
    swap_memory=False,
    time_major=False,
    scope=None,
):
    """Runs `cell` over the time dimension of inputs [n, time, ...] (or [time, n, ...]); returns (outputs of every
    step, last state).

    Beyond a row's `sequence_length` outputs are zero and its state stays.  Raises ValueError without initial_state
    and dtype.
    """
    check_cell(cell)
    with variable_scope(scope or "rnn"):
        flat = [record.convert_to_tensor(x) for x in nest.flatten(inputs)]
        if not time_major:
            flat = [swap_first_two(x) for x in flat]
        steps, batch = _sizes(flat)
        lengths = _lengths(sequence_length, batch if not isinstance(batch, Tensor) else None)
        state = _initial(cell, initial_state, batch, dtype)
        if context.graph is None:
            outputs, state = _python_loop(cell, inputs, flat, steps, lengths, state)
        else:
            outputs, state = _graph_loop(
                cell, inputs, flat, steps, lengths, state, dtype, parallel_iterations or 32, swap_memory
            )
        if not time_major:
            outputs = nest.map_structure(swap_first_two, outputs)
        return outputs, state


def _sizes(flat):
    """(number of steps, batch size) of time-major inputs: numbers where known, else tensors; ValueError where they
    disagree.
    """
    steps = batch = None
    for x in flat:
        if x.shape.rank is None or x.shape.rank < 2:
            raise ValueError(
                f"Expected the inputs of dynamic_rnn to have rank 2 or more (time, batch, ...), saw {x.shape}"
            )
        a, b = x.shape.as_list()[:2]
        if steps is not None and a is not None and a != steps or batch is not None and b is not None and b != batch:
            raise ValueError(
                f"Time steps or batch size is not the same for all the elements in the input: {[y.shape for y in flat]}"
            )
        steps, batch = steps if steps is not None else a, batch if batch is not None else b
    dynamic = OPS["Shape"].public(flat[0]) if steps is None or batch is None else None
    return (dynamic[0] if steps is None else steps), (dynamic[1] if batch is None else batch)


def _python_loop(cell, inputs, flat, steps, lengths, state):
    columns = [array.unstack(x) for x in flat]
    rows = []
    for t in range(int(steps)):
        at = nest.pack_sequence_as(inputs, [c[t] for c in columns])
        time = record.convert_to_tensor(np.array(t, np.int32))
        output, state = _step(cell, time, lengths, at, state)
        rows.append(output)
    if not rows:
        raise ValueError("dynamic_rnn over no time steps needs at least one step to know its outputs.")
    return nest.map_structure(lambda *o: array.stack(list(o)), *rows), state


def _graph_loop(cell, inputs, flat, steps, lengths, state, dtype, parallel_iterations, swap_memory):
    """One tf.while_loop over TensorArrays of the inputs and outputs."""
    if hasattr(cell, "_make_variables") and len(flat) == 1:
        # Outside of the loop, so that initializers take their seeds in the order TensorFlow gives them.
        cell._make_variables(flat[0].shape[1:], flat[0].dtype)
    like = cell.output_size
    flat_like = nest.flatten(like)
    flat_state = [_as_state(s) for s in nest.flatten(state)]
    state = nest.pack_sequence_as(state, flat_state)
    kind = _output_dtype(dtype, flat_state) if flat_state else flat[0].dtype.base_dtype
    size = (
        steps if isinstance(steps, Tensor) else record.convert_to_tensor(np.array(steps, np.int32), name="time_steps")
    )
    batch = flat[0].shape.as_list()[1]
    with name_scope("dynamic_rnn"):
        sources = [TensorArray(x.dtype.base_dtype, size=size, element_shape=x.shape[1:]).unstack(x) for x in flat]
        shapes = [
            TensorShape([batch]).concatenate(TensorShape(s if isinstance(s, (TensorShape, tuple, list)) else [s]))
            for s in flat_like
        ]
        results = [TensorArray(kind, size=size, element_shape=s) for s in shapes]
        time = record.convert_to_tensor(np.array(0, np.int32), name="time")

    def body(t, arrays, current):
        at = [a.read(t) for a in sources]
        for x, source in zip(at, flat, strict=True):
            x.set_shape(source.shape[1:])
        output, new = _step(cell, t, lengths, nest.pack_sequence_as(inputs, at), current)
        nest.assert_same_structure(like, output)
        for s, n in zip(nest.flatten(current), nest.flatten(new), strict=True):
            if not isinstance(n, TensorArray) and n.shape.is_compatible_with(s.shape):
                n.set_shape(s.shape)  # a batch size that only the state knows
        return t + 1, [a.write(t, o) for a, o in zip(arrays, nest.flatten(output), strict=True)], new

    invariants = [None if isinstance(s, TensorArray) else s.shape for s in flat_state]
    _, results, last = while_loop(
        lambda t, a, s: OPS["Less"].public(t, size),
        body,
        (time, results, state),
        parallel_iterations=parallel_iterations,
        swap_memory=swap_memory,
        maximum_iterations=size,
        return_same_structure=True,
    )
    for s, shape in zip(nest.flatten(last), invariants, strict=True):
        if shape is not None:
            s.set_shape(shape)
    outputs = []
    for r, shape in zip(results, shapes, strict=True):
        out = r.stack()
        out.set_shape(TensorShape([None if isinstance(steps, Tensor) else steps]).concatenate(shape))
        outputs.append(out)
    return nest.pack_sequence_as(like, outputs), last


@export("", v1="nn.static_rnn contrib.rnn.static_rnn nn.rnn")
def static_rnn(cell, inputs, initial_state=None, dtype=None, sequence_length=None, scope=None):
    """Runs `cell` over a list of inputs [n, ...], a step each; returns (list of outputs, last state).

    Raises TypeError for inputs that are no list, ValueError for an empty one or without initial_state and dtype.
    """
    check_cell(cell)
    if not nest.is_nested(inputs) or isinstance(inputs, dict):
        raise TypeError("inputs must be a sequence")
    if not inputs:
        raise ValueError("inputs must not be empty")
    outputs = []
    with variable_scope(scope or "rnn") as varscope:
        first = record.convert_to_tensor(nest.flatten(inputs[0])[0])
        if first.shape.rank is None or first.shape.rank == 0:
            raise ValueError("Input must be at least rank 1")
        batch = first.shape.as_list()[0]
        batch = OPS["Shape"].public(first)[0] if batch is None else batch
        state = _initial(cell, initial_state, batch, dtype)
        lengths = _lengths(sequence_length, batch if not isinstance(batch, Tensor) else None)
        for t, at in enumerate(inputs):
            if t > 0 and context.graph is not None:
                varscope.reuse_variables()
            time = record.convert_to_tensor(np.array(t, np.int32)) if lengths is not None else None
            output, state = _step(cell, time, lengths, at, state)
            outputs.append(output)
    return outputs, state


__all__ = ["dynamic_rnn", "static_rnn"]
