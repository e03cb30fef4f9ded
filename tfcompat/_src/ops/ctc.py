"""Connectionist temporal classification (Graves et al. 2006): the loss and its decoders.

The loss is one scan over time on the device; the decoders search on the host.
"""

from __future__ import annotations

import heapq

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import NAMES, OPS, export, op
from ..scopes import name_scope
from .reductions import old_name

_NEVER = -1e30  # the logarithm of no chance: finite, so that gradients through it are zero and not NaN


# -- the loss ---------------------------------------------------------------------------------------------------------
@op("CTCLoss", own="labels label_length logit_length", name="CTCLoss")
def ctc_loss_kernel(
    logits, labels, label_length, logit_length, *, blank_index, merge_repeated=True, ignore_longer=False
):
    """-log P(labels) [batch] of logits [time, batch, classes], labels [batch, length]; infinite where no path fits."""
    if logits.ndim != 3 or labels.ndim != 2:
        raise errors.InvalidArgumentError(
            None, None, f"logits must be 3-dimensional and labels 2: {list(logits.shape)}, {list(labels.shape)}"
        )
    if not logits.shape[1]:
        raise errors.InvalidArgumentError(None, None, "batch_size must not be 0")
    wide = logits.astype(jnp.float32) if logits.dtype.itemsize < 4 else logits
    running = jnp.arange(logits.shape[0])[:, None] < logit_length
    wide = jnp.where(running[..., None], wide, 0)  # beyond a row's end there may be anything, NaN too
    blank = blank_index % logits.shape[2]
    batch, length = labels.shape
    path = jnp.full((batch, 2 * length + 1), blank, labels.dtype).at[:, 1::2].set(labels)
    scores = jnp.take_along_axis(jax.nn.log_softmax(wide), jnp.clip(path, 0, logits.shape[2] - 1)[None], axis=2)
    symbol = path != blank
    same = jnp.pad(path[:, 2:] == path[:, :-2], ((0, 0), (2, 0)))
    never = jnp.asarray(_NEVER, wide.dtype)
    stay = jnp.where(symbol & (not merge_repeated), never, 0)
    jump = jnp.where(symbol & ~(same & merge_repeated), 0, never)

    def behind(chances, n):
        return jnp.pad(chances, ((0, 0), (n, 0)), constant_values=_NEVER)[:, : path.shape[1]]

    def step(chances, now):
        time, score = now
        moved = jnp.logaddexp(chances + stay, jnp.logaddexp(behind(chances, 1), behind(chances, 2) + jump)) + score
        return jnp.where((time < logit_length)[:, None], jnp.maximum(moved, never), chances), None

    start = jnp.where(jnp.arange(path.shape[1]) < 2, scores[0], never)
    chances, _ = lax.scan(step, start, (jnp.arange(1, logits.shape[0]), scores[1:]))
    ends = 2 * label_length[:, None] - jnp.arange(2)
    last = jnp.take_along_axis(chances, jnp.maximum(ends, 0), axis=1)
    last = jnp.where(ends >= 0, last, never)
    loss = -jnp.logaddexp(last[:, 0], last[:, 1])
    # Where no path fits TensorFlow still passes a gradient: the probabilities.
    total = jnp.sum(jnp.where(running, jax.nn.logsumexp(wide, axis=2), 0), 0)
    loss = jnp.where(loss > -_NEVER / 2, jnp.inf + (total - lax.stop_gradient(total)), loss)
    if ignore_longer:
        loss = jnp.where(label_length > logit_length, 0, loss)
    return loss.astype(logits.dtype)


@op(
    "CTCDenseLabels",
    host=True,
    alike=False,
    name="SparseToDense",
    abstract=lambda indices, values, rows: [(values.dtype, (None, None)), (dtypes.int32, (None,))],
)
def dense_labels_kernel(indices, values, rows):  # fmt: skip
    """(labels [rows, longest], how many each row has) of a sparse matrix."""
    lengths = (
        np.bincount(indices[:, 0], minlength=int(rows)).astype(np.int32)
        if len(indices)
        else np.zeros(int(rows), np.int32)
    )
    dense = np.zeros((len(lengths), max(int(lengths.max(initial=0)), 1)), values.dtype)
    filled = np.zeros(len(lengths), int)
    for row, value in zip(indices[:, 0].tolist(), values.tolist()):
        dense[row, filled[row]] = value
        filled[row] += 1
    return dense, lengths


@op(
    "CTCCollapse",
    host=True,
    alike=False,
    name="collapse_repeated",
    abstract=lambda labels, lengths: [
        (labels.dtype, (labels.shape[0] if labels.shape else None, None)),
        (lengths.dtype, lengths.shape),
    ],
)
def collapse_kernel(labels, lengths):  # fmt: skip
    rows = [
        [v for i, v in enumerate(r[:n]) if i == 0 or v != r[i - 1]] for r, n in zip(labels.tolist(), lengths.tolist())
    ]
    out = np.zeros((len(rows), max(map(len, rows), default=0)), labels.dtype)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out, np.array([len(r) for r in rows], lengths.dtype).reshape(lengths.shape)


@op(
    "CTCEnoughTime",
    host=True,
    alike=False,
    name="Assert",
    abstract=lambda label_length, logit_length, ignore_longer: (dtypes.int32, logit_length.shape),
)
def enough_time_kernel(label_length, logit_length, *, ignore_longer):
    """`logit_length`, or InvalidArgumentError where a row has no labels, or more than frames."""
    for batch, (n, available) in enumerate(zip(label_length.tolist(), logit_length.tolist())):
        if not n:
            raise errors.InvalidArgumentError(None, None, f"Labels length is zero in batch {batch}")
        if n > available and not ignore_longer:
            raise errors.InvalidArgumentError(
                None,
                None,
                f"Not enough time for target transition sequence (required: {n}, available: {available})",
            )
    return np.asarray(logit_length, np.int32)


def _is_sparse(labels):
    return hasattr(labels, "dense_shape") and hasattr(labels, "indices")


def _dense(labels):
    """(labels, lengths) of a SparseTensor of labels."""
    rows = record.convert_to_tensor(labels.dense_shape)[0]
    return record.call(OPS["CTCDenseLabels"], [labels.indices, labels.values, rows], None, None)


def _time_major(logits, time_major):
    logits = record.convert_to_tensor(logits, name="logits")
    return logits if time_major else OPS["Transpose"].public(logits, [1, 0, 2])


@export("", v1="nn.ctc_loss")
def ctc_loss_v1(
    labels, inputs=None, sequence_length=None, preprocess_collapse_repeated=False, ctc_merge_repeated=True,
    ignore_longer_outputs_than_inputs=False, time_major=True, logits=None,
):  # fmt: skip
    """-log P(labels) [batch] for a SparseTensor of labels; the last class is the blank.

    Raises TypeError for dense labels, and when run InvalidArgumentError for labels that take too long (unless ignored).
    """
    if not _is_sparse(labels):
        raise TypeError(
            f"Expected argument `labels` to be a SparseTensor. Received labels={labels} of type: "
            f"{type(labels).__name__}"
        )
    logits = _time_major(old_name("logits", logits, "inputs", inputs), time_major)
    return _of_sparse(
        labels, logits, sequence_length, -1, preprocess_collapse_repeated, ctc_merge_repeated,
        ignore_longer_outputs_than_inputs,
    )  # fmt: skip


def _of_sparse(labels, logits, times, blank_index, collapse=False, merge_repeated=True, ignore_longer=False):
    if logits.shape.rank == 3 and logits.shape.as_list()[1] == 0:  # TensorFlow says it when the graph runs
        raise errors.InvalidArgumentError(None, None, "batch_size must not be 0")
    dense, lengths = _dense(labels)
    if collapse:
        dense, lengths = record.call(OPS["CTCCollapse"], [dense, lengths], None, None)
    settings = {"ignore_longer": bool(ignore_longer)}
    times = record.call(OPS["CTCEnoughTime"], [lengths, record.convert_to_tensor(times)], settings, None)
    return ctc_loss_kernel(
        logits, dense, lengths, times, blank_index=blank_index, merge_repeated=bool(merge_repeated), **settings
    )


@export("nn.ctc_loss", v1="nn.ctc_loss_v2")
def ctc_loss(
    labels, logits, label_length, logit_length, logits_time_major=True, unique=None, blank_index=None, name=None
):
    """-log P(labels) [batch] for labels [batch, length] (dense, or a SparseTensor with a `blank_index`).

    `unique` makes no difference.  Raises ValueError where sparse labels come without `blank_index`.
    """
    with name_scope(name, "ctc_loss_dense"):
        logits = _time_major(logits, logits_time_major)
        if _is_sparse(labels):
            if blank_index is None:
                raise ValueError("Argument `blank_index` must be provided when `labels` is a `SparseTensor`.")
            return _of_sparse(labels, logits, logit_length, record.setting(blank_index))
        blank_index = record.setting(blank_index) if blank_index is not None else 0
        return ctc_loss_kernel(logits, labels, label_length, logit_length, blank_index=blank_index)


@export("nn.collapse_repeated")
def collapse_repeated(labels, seq_length, name=None):
    """(labels without repetitions [batch, longest], their lengths) of labels [batch, length]."""
    return tuple(record.call(OPS["CTCCollapse"], [labels, seq_length], None, name))


@op(
    "CTCUniqueLabels",
    host=True,
    name="ctc_unique_labels",
    abstract=lambda labels: [(dtypes.int64, labels.shape or (None, None)), (dtypes.int32, labels.shape)],
)
def unique_labels_kernel(labels):  # fmt: skip
    values, places = np.zeros(labels.shape, np.int64), np.zeros(labels.shape, np.int32)
    for i, row in enumerate(labels.tolist()):
        seen: dict = {}
        places[i] = [seen.setdefault(v, len(seen)) for v in row]
        values[i, : len(seen)] = list(seen)
    return values, places


@export("nn.ctc_unique_labels")
def ctc_unique_labels(labels, name=None):
    """(the different labels of each row, the number among them of each label), both [batch, length]."""
    return tuple(record.call(OPS["CTCUniqueLabels"], [labels], None, name))


# -- decoders ---------------------------------------------------------------------------------------------------------
def _sparse_rows(rows):
    """(indices [n, 2], values [n], shape [2]), all int64, of lists of labels."""
    indices = [(i, j) for i, row in enumerate(rows) for j in range(len(row))]
    values = [v for row in rows for v in row]
    shape = np.array([len(rows), max(map(len, rows), default=0)], np.int64)
    return np.array(indices, np.int64).reshape(-1, 2), np.array(values, np.int64), shape


def _lengths(inputs, sequence_length):
    """Raises InvalidArgumentError for lengths that are not of the batch or longer than the time."""
    if inputs.ndim != 3 or sequence_length.shape != inputs.shape[1:2]:
        raise errors.InvalidArgumentError(None, None, "inputs is not a 3-Tensor, or len(sequence_length) != batch_size")
    if (sequence_length > inputs.shape[0]).any():
        raise errors.InvalidArgumentError(None, None, f"sequence_length(s) must be <= max_time: {sequence_length}")
    return sequence_length.tolist()


def _found(inputs, lengths, paths=1):
    """The abstract values of a decoder: for each path indices, values and shape, then scores."""
    batch = inputs.shape[1] if inputs.shape else None
    if batch is None and lengths.shape:
        batch = lengths.shape[0]
    path = [(dtypes.int64, (None, 2)), (dtypes.int64, (None,)), (dtypes.int64, (2,))]
    return path * paths + [(inputs.dtype, (batch, paths))]


@op(
    "CTCGreedyDecoder",
    host=True,
    alike=False,
    abstract=lambda i, s, merge_repeated, blank_index: _found(i, s),
    name="CTCGreedyDecoder",
)
def greedy_kernel(inputs, sequence_length, *, merge_repeated, blank_index):
    blank = blank_index % inputs.shape[2]
    best, rows, scores = inputs.argmax(2), [], []
    for b, n in enumerate(_lengths(inputs, sequence_length)):
        path = best[:n, b].tolist()
        rows.append([v for t, v in enumerate(path) if v != blank and not (merge_repeated and t and v == path[t - 1])])
        scores.append(-inputs[:n, b].max(1).sum(dtype=inputs.dtype))
    return *_sparse_rows(rows), np.array(scores, inputs.dtype).reshape(-1, 1)


_NONE = (-np.inf, -np.inf, -np.inf)


class _Prefix:
    """A label sequence of the beam search: log chances of ending in a blank, its label, either; before and now."""

    __slots__ = ("parent", "label", "children", "old", "new")

    def __init__(self, parent, label):
        self.parent, self.label, self.children = parent, label, {}
        self.old = self.new = _NONE

    def labels(self):
        out, node = [], self
        while node.parent is not None:
            out.append(node.label)
            node = node.parent
        return out[::-1]


def _advance(beam, scores, blank, width):
    """The `width` best prefixes after one more frame of log probabilities."""
    for b in beam:
        b.old = b.new
    for b in beam:
        label = b.new[1]
        if b.parent is not None:
            if b.parent.new[2] > -np.inf:
                label = np.logaddexp(label, b.parent.old[0] if b.label == b.parent.label else b.parent.old[2])
            label = label + scores[b.label]
        ended = b.old[2] + scores[blank]
        b.new = (ended, label, np.logaddexp(ended, label))
    leaves = [(b.new[2], -i, b) for i, b in enumerate(beam)]
    heapq.heapify(leaves)
    count = len(leaves)
    for b in beam:
        if not b.old[2] > -np.inf or len(leaves) >= width and not b.old[2] > leaves[0][0]:
            continue
        for label in range(len(scores)):
            if label == blank:
                continue
            child = b.children.get(label)
            if child is None:
                child = b.children[label] = _Prefix(b, label)
            if child.new[2] > -np.inf:
                continue
            chance = scores[label] + (b.old[0] if label == b.label else b.old[2])
            if not chance > -np.inf or len(leaves) >= width and not chance > leaves[0][0]:
                child.old = child.new = _NONE  # also one that fell out of the beam in this frame: it does not grow
                continue
            child.new = (-np.inf, chance, chance)
            count += 1
            if len(leaves) >= width:
                heapq.heapreplace(leaves, (chance, -count, child))[2].new = _NONE
            else:
                heapq.heappush(leaves, (chance, -count, child))
    return [b for _, _, b in sorted(leaves, reverse=True)]


@op(
    "CTCBeamSearchDecoder",
    host=True,
    alike=False,
    name="CTCBeamSearchDecoder",
    abstract=lambda i, s, beam_width, top_paths, merge_repeated: _found(i, s, top_paths),
)
def beam_search_kernel(inputs, sequence_length, *, beam_width, top_paths, merge_repeated):  # fmt: skip
    if top_paths > beam_width:
        raise errors.InvalidArgumentError(None, None, "Requested more leaf labels than the beam width.")
    blank = inputs.shape[2] - 1
    wide = inputs.astype(np.float64)
    wide = wide - np.logaddexp.reduce(wide, axis=2, keepdims=True)
    rows, chances = [[] for _ in range(top_paths)], np.zeros((inputs.shape[1], top_paths), inputs.dtype)
    for b, n in enumerate(_lengths(inputs, sequence_length)):
        root = _Prefix(None, -1)
        root.new = (0.0, -np.inf, 0.0)
        beam = [root]
        for t in range(n):
            beam = _advance(beam, wide[t, b].tolist(), blank, beam_width)
        if len(beam) < top_paths:
            raise errors.InvalidArgumentError(None, None, "Less leaves in the beam search than requested.")
        for k in range(top_paths):
            labels = beam[k].labels()
            if merge_repeated:
                labels = [v for i, v in enumerate(labels) if not i or v != labels[i - 1]]
            rows[k].append(labels)
            chances[b, k] = beam[k].new[2]
    return *[v for path in rows for v in _sparse_rows(path)], chances


def _decoded(values):
    """([SparseTensor], scores) of what a decoder op gives."""
    sparse = NAMES["v2"]["SparseTensor"]
    return [sparse(*values[i : i + 3]) for i in range(0, len(values) - 1, 3)], values[-1]


@export("nn.ctc_greedy_decoder")
def ctc_greedy_decoder(inputs, sequence_length, merge_repeated=True, blank_index=None):
    """([SparseTensor of labels], minus the sums of the best logits [batch, 1]) of logits [time, batch, classes].

    The blank is the last class by default.
    """
    settings = {"merge_repeated": bool(merge_repeated), "blank_index": -1 if blank_index is None else blank_index}
    sequence_length = record.convert_to_tensor(sequence_length, dtypes.int32)
    return _decoded(record.call(OPS["CTCGreedyDecoder"], [inputs, sequence_length], settings, None))


@export("", v1="nn.ctc_beam_search_decoder")
def ctc_beam_search_decoder_v1(inputs, sequence_length, beam_width=100, top_paths=1, merge_repeated=True):
    """TF1's decoder, which may merge repeated labels of what it found."""
    settings = {"beam_width": beam_width, "top_paths": top_paths, "merge_repeated": bool(merge_repeated)}
    sequence_length = record.convert_to_tensor(sequence_length, dtypes.int32)
    return _decoded(record.call(OPS["CTCBeamSearchDecoder"], [inputs, sequence_length], settings, None))


@export("nn.ctc_beam_search_decoder", v1="nn.ctc_beam_search_decoder_v2")
def ctc_beam_search_decoder(inputs, sequence_length, beam_width=100, top_paths=1):
    """(`top_paths` SparseTensors, their log probabilities [batch, top_paths]); the last class is the blank."""
    return ctc_beam_search_decoder_v1(inputs, sequence_length, beam_width, top_paths, False)
