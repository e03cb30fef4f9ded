"""tf.contrib.seq2seq.sequence_loss and tf.contrib.legacy_seq2seq (tf.nn.seq2seq in TF 0.x): losses and decoders over lists of time steps."""

from __future__ import annotations

from .. import record
from ..declare import OPS, export
from ..ops.core import cast
from ..ops.losses_nn import sparse_softmax_cross_entropy_with_logits as _cross_entropy
from ..rnn.loops import static_rnn
from ..scopes import name_scope
from ..variable_scope import get_variable_scope, variable_scope


@export("", v1="contrib.seq2seq.sequence_loss")
def sequence_loss(logits, targets, weights, average_across_timesteps=True, average_across_batch=True, sum_over_timesteps=False,
                  sum_over_batch=False, softmax_loss_function=None, name=None):  # fmt: skip
    """The weighted cross entropy of logits [batch, time, classes] against targets [batch, time].

    Averaged over time and batch, or one of them: [time] or [batch]; neither: [batch, time].  Raises ValueError for other ranks.
    """
    for tensor, rank, what in ((logits, 3, "Logits"), (targets, 2, "Targets"), (weights, 2, "Weights")):
        if tensor.shape.rank not in (rank, None):
            raise ValueError(f"{what} must be a {rank}-dimensional tensor, got shape {tensor.shape}")
    if average_across_timesteps and sum_over_timesteps or average_across_batch and sum_over_batch:
        raise ValueError("average_across_* and sum_over_* cannot both be set for the same dimension.")
    with name_scope(name, "sequence_loss", [logits, targets, weights]):
        loss = softmax_loss_function or (lambda labels, logits: _cross_entropy(labels=labels, logits=logits))
        crossent = loss(labels=targets, logits=logits) * weights
        over = [1] * (average_across_timesteps or sum_over_timesteps) + [0] * (average_across_batch or sum_over_batch)
        if not over:
            return crossent
        total = OPS["Sum"].public
        if average_across_timesteps or average_across_batch:
            over = [1] * average_across_timesteps + [0] * average_across_batch
            size = total(weights, over)
        else:  # a sum is divided by how many weights count
            size = total(cast(OPS["NotEqual"].public(weights, OPS["ZerosLike"].public(weights)), crossent.dtype), over)
        return OPS["DivNoNan"].public(total(crossent, over), size)


# -- legacy_seq2seq ---------------------------------------------------------------------------------------------------
@export("", v1="contrib.legacy_seq2seq.sequence_loss_by_example nn.seq2seq.sequence_loss_by_example")
def sequence_loss_by_example(
    logits, targets, weights, average_across_timesteps=True, softmax_loss_function=None, name=None
):
    """Per row of the batch, the weighted cross entropy over lists of logits [batch, classes], targets and weights [batch].

    Raises ValueError for lists of different lengths.
    """
    if not len(logits) == len(targets) == len(weights):
        raise ValueError(
            f"Lengths of logits, weights, and targets must be the same {len(logits)}, {len(weights)}, {len(targets)}."
        )
    with name_scope(name, "sequence_loss_by_example", [*logits, *targets, *weights]):
        parts = []
        for logit, target, weight in zip(logits, targets, weights, strict=True):
            target = OPS["Reshape"].public(target, [-1])
            if softmax_loss_function is None:
                crossent = _cross_entropy(labels=target, logits=logit)
            else:
                crossent = softmax_loss_function(labels=target, logits=logit)
            parts.append(crossent * weight)
        total = OPS["AddN"].public(parts)
        if average_across_timesteps:
            total = total / (OPS["AddN"].public([record.convert_to_tensor(w) for w in weights]) + 1e-12)
        return total


@export("", v1="contrib.legacy_seq2seq.sequence_loss nn.seq2seq.sequence_loss")
def legacy_sequence_loss(logits, targets, weights, average_across_timesteps=True, average_across_batch=True,
                         softmax_loss_function=None, name=None):  # fmt: skip
    """The sum of `sequence_loss_by_example`, divided by the size of the batch where `average_across_batch`."""
    with name_scope(name, "sequence_loss", [*logits, *targets, *weights]):
        by_example = sequence_loss_by_example(logits, targets, weights, average_across_timesteps, softmax_loss_function)
        cost = OPS["Sum"].public(by_example, None)
        if average_across_batch:
            batch = OPS["Shape"].public(record.convert_to_tensor(targets[0]))[0]
            cost = cost / cast(batch, cost.dtype)
        return cost


@export("", v1="contrib.legacy_seq2seq.rnn_decoder nn.seq2seq.rnn_decoder")
def rnn_decoder(decoder_inputs, initial_state, cell, loop_function=None, scope=None):
    """(outputs, state) of a cell over a list of inputs; `loop_function(output, i)` makes the next input from the last output."""
    with variable_scope(scope or "rnn_decoder"):
        state, outputs, previous = initial_state, [], None
        for i, given in enumerate(decoder_inputs):
            if loop_function is not None and previous is not None:
                with variable_scope("loop_function", reuse=True):
                    given = loop_function(previous, i)
            if i > 0:
                get_variable_scope().reuse_variables()
            output, state = cell(given, state)
            outputs.append(output)
            if loop_function is not None:
                previous = output
    return outputs, state


@export("", v1="contrib.legacy_seq2seq.basic_rnn_seq2seq nn.seq2seq.basic_rnn_seq2seq")
def basic_rnn_seq2seq(encoder_inputs, decoder_inputs, cell, dtype="float32", scope=None):
    """An encoder whose last state starts a decoder: (outputs, state)."""
    import copy

    with variable_scope(scope or "basic_rnn_seq2seq"):
        _, state = static_rnn(copy.deepcopy(cell), encoder_inputs, dtype=dtype)
        return rnn_decoder(decoder_inputs, state, cell)
