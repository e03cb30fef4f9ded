"""Two cells over a sequence, one forward and one backward."""

from __future__ import annotations

from .. import nest, record
from ..declare import NAMES, export
from ..ops import array
from ..variable_scope import variable_scope
from .loops import check_cell, dynamic_rnn, static_rnn


def _reversed(x, lengths, time_axis, batch_axis):
    if lengths is not None:
        return NAMES["v1"]["reverse_sequence"](x, lengths, seq_axis=time_axis, batch_axis=batch_axis)
    return NAMES["v1"]["reverse"](x, axis=[time_axis])


@export("", v1="nn.bidirectional_dynamic_rnn")
def bidirectional_dynamic_rnn(
    cell_fw,
    cell_bw,
    inputs,
    sequence_length=None,
    initial_state_fw=None,
    initial_state_bw=None,
    dtype=None,
    parallel_iterations=None,
    swap_memory=False,
    time_major=False,
    scope=None,
):
    """((outputs forward, outputs backward), (last state forward, backward)) of two cells over the same inputs."""
    check_cell(cell_fw, "cell_fw")
    check_cell(cell_bw, "cell_bw")
    time_axis, batch_axis = (0, 1) if time_major else (1, 0)
    if sequence_length is not None:
        sequence_length = record.convert_to_tensor(sequence_length)
    settings = dict(
        sequence_length=sequence_length,
        dtype=dtype,
        parallel_iterations=parallel_iterations,
        swap_memory=swap_memory,
        time_major=time_major,
    )
    with variable_scope(scope or "bidirectional_rnn"):
        with variable_scope("fw") as fw:
            forward, state_fw = dynamic_rnn(cell_fw, inputs, initial_state=initial_state_fw, scope=fw, **settings)
        with variable_scope("bw") as bw:
            turned = nest.map_structure(lambda x: _reversed(x, sequence_length, time_axis, batch_axis), inputs)
            backward, state_bw = dynamic_rnn(cell_bw, turned, initial_state=initial_state_bw, scope=bw, **settings)
    backward = nest.map_structure(lambda x: _reversed(x, sequence_length, time_axis, batch_axis), backward)
    return (forward, backward), (state_fw, state_bw)


def _reversed_list(values, lengths):
    """A list of steps backwards; with lengths each row's own part only."""
    if lengths is None:
        return list(reversed(values))
    stacked = nest.map_structure(lambda *v: array.stack(list(v)), *values)
    turned = nest.map_structure(lambda x: array.unstack(_reversed(x, lengths, 0, 1)), stacked)
    flat = [nest.pack_sequence_as(values[0], [f[t] for f in _columns(turned, values[0])]) for t in range(len(values))]
    return flat


def _columns(turned, like):
    return [turned] if not nest.is_nested(like) else nest.flatten_up_to(like, turned)


@export("", v1="nn.static_bidirectional_rnn contrib.rnn.static_bidirectional_rnn nn.bidirectional_rnn")
def static_bidirectional_rnn(
    cell_fw, cell_bw, inputs, initial_state_fw=None, initial_state_bw=None, dtype=None, sequence_length=None, scope=None
):
    """(list of outputs of both cells side by side, last state forward, last state backward) over a list of inputs."""
    check_cell(cell_fw, "cell_fw")
    check_cell(cell_bw, "cell_bw")
    if not nest.is_nested(inputs):
        raise TypeError("inputs must be a sequence")
    if not inputs:
        raise ValueError("inputs must not be empty")
    if sequence_length is not None:
        sequence_length = record.convert_to_tensor(sequence_length)
    with variable_scope(scope or "bidirectional_rnn"):
        with variable_scope("fw") as fw:
            forward, state_fw = static_rnn(cell_fw, inputs, initial_state_fw, dtype, sequence_length, scope=fw)
        with variable_scope("bw") as bw:
            turned = _reversed_list(list(inputs), sequence_length)
            backward, state_bw = static_rnn(cell_bw, turned, initial_state_bw, dtype, sequence_length, scope=bw)
    backward = _reversed_list(backward, sequence_length)
    outputs = [
        nest.pack_sequence_as(
            f, [array.concat([a, b], 1) for a, b in zip(nest.flatten(f), nest.flatten(b_), strict=True)]
        )
        for f, b_ in zip(forward, backward, strict=True)
    ]
    return outputs, state_fw, state_bw
