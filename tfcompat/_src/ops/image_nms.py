"""tf.image.non_max_suppression and its kin, on the host: how many boxes remain depends on the data."""

from __future__ import annotations

import heapq

import numpy as np

from .. import dtypes, record
from ..declare import export, op
from ..graph import context
from ..scopes import name_scope
from .array import bad

_ENDLESS = float("-inf")


# -- overlaps ---------------------------------------------------------------------------------------------------------
def _overlaps(box, boxes):
    """Intersection over union of one box [4] with others [n, 4], corners in any order; 0 for boxes without area."""
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    own_low, own_high = np.minimum(box[:2], box[2:]), np.maximum(box[:2], box[2:])
    areas, area = np.prod(high - low, 1), np.prod(own_high - own_low)
    shared = np.prod(np.maximum(np.minimum(high, own_high) - np.maximum(low, own_low), 0), 1)
    usable = (areas > 0) & (area > 0)
    return np.where(usable, shared / np.where(usable, areas + area - shared, 1), 0)


def _greedy(scores, overlap, count, threshold, score_threshold):
    """Positions of the best boxes, each overlapping no better one by more than `threshold`; overlap(i, others) -> [n]."""
    left = np.argsort(-scores, kind="stable")
    left = left[scores[left] > score_threshold]
    chosen = []
    while len(left) and len(chosen) < count:
        best, left = left[0], left[1:]
        chosen.append(best)
        left = left[overlap(best, left) <= threshold]
    return np.array(chosen, np.int32)


def _soft(scores, overlap, count, score_threshold, sigma):
    """The same where overlaps lower scores by exp(-overlap^2 / (2 sigma)) -> (positions, scores)."""
    queue = [(-s, i, 0) for i, s in enumerate(scores.tolist()) if s > score_threshold]
    heapq.heapify(queue)
    chosen, kept = [], []
    while queue and len(chosen) < count:
        before, i, seen = heapq.heappop(queue)
        score = np.float32(-before)
        for shared in overlap(i, np.array(chosen[seen:], np.int64))[::-1].tolist():
            score = score * np.float32(np.exp(-0.5 / sigma * shared * shared))
            if score <= score_threshold:
                break
        if score == np.float32(-before):
            chosen.append(i)
            kept.append(score)
        elif score > score_threshold:
            heapq.heappush(queue, (-float(score), i, len(chosen)))
    return np.array(chosen, np.int32), np.array(kept, np.float32)


# -- ops --------------------------------------------------------------------------------------------------------------
def _fault(boxes, scores, square=False):
    """What is wrong with the shapes of boxes [n, 4] (or overlaps [n, n]) and scores [n], None for unknown dimensions; or None."""
    if boxes is not None:
        if len(boxes) != 2:
            return f"boxes must be 2-D: Shape must be rank 2 but is rank {len(boxes)}"
        if not square and boxes[1] not in (None, 4):
            return f"boxes must have 4 columns: Dimension must be 4 but is {boxes[1]}"
    if scores is not None:
        if len(scores) != 1:
            return f"scores must be 1-D: Shape must be rank 1 but is rank {len(scores)}"
        if boxes is not None and None not in (boxes[0], scores[0]) and boxes[0] != scores[0]:
            return f"scores has incompatible shape: Dimensions must be equal, but are {boxes[0]} and {scores[0]}"
    return None


def _check(boxes, scores, count, threshold, square=False):
    said = _fault(boxes.shape, scores.shape, square)
    if said is None and np.ndim(count):
        said = f"max_output_size must be 0-D, got shape {list(np.shape(count))}: Shape must be rank 0 but is rank {np.ndim(count)}"
    if said is None and np.ndim(threshold):
        said = f"iou_threshold must be 0-D, got shape {list(np.shape(threshold))}: Shape must be rank 0 but is rank {np.ndim(threshold)}"
    if said is None and count < 0:
        said = f"max_output_size must be non-negative, got {count}"
    if said is None and not square and not 0 <= threshold <= 1:
        said = "iou_threshold must be in [0, 1]"
    if said:
        raise bad("NonMaxSuppression", said)


@op(
    "NonMaxSuppressionV3",
    host=True,
    alike=False,
    name="NonMaxSuppressionV3",
    abstract=lambda *avals: (dtypes.int32, (None,)),
)
def nms_kernel(boxes, scores, max_output_size, iou_threshold, score_threshold):
    _check(boxes, scores, max_output_size, iou_threshold)
    boxes, scores = boxes.astype(np.float32), scores.astype(np.float32)
    overlap = lambda i, others: _overlaps(boxes[i], boxes[others])
    return _greedy(scores, overlap, max_output_size, iou_threshold, score_threshold)


@op("NonMaxSuppressionV5", host=True, alike=False, name="NonMaxSuppressionV5",
    abstract=lambda boxes, scores, *_: [(dtypes.int32, (None,)), (scores.dtype, (None,))])  # fmt: skip
def soft_nms_kernel(boxes, scores, max_output_size, iou_threshold, score_threshold, soft_nms_sigma):
    _check(boxes, scores, max_output_size, iou_threshold)
    if soft_nms_sigma < 0:
        raise bad("NonMaxSuppressionV5", f"soft_nms_sigma_val must be non-negative, got {soft_nms_sigma}")
    wide, values = boxes.astype(np.float32), scores.astype(np.float32)
    overlap = lambda i, others: _overlaps(wide[i], wide[others])
    if soft_nms_sigma > 0:  # then the threshold of overlaps plays no part
        chosen, kept = _soft(values, overlap, max_output_size, score_threshold, float(soft_nms_sigma))
        return chosen, kept.astype(scores.dtype)
    chosen = _greedy(values, overlap, max_output_size, iou_threshold, score_threshold)
    return chosen, scores[chosen]


@op("NonMaxSuppressionWithOverlaps", host=True, alike=False, name="non_max_suppression_overlaps",
    abstract=lambda *avals: (dtypes.int32, (None,)))  # fmt: skip
def overlaps_nms_kernel(overlaps, scores, max_output_size, overlap_threshold, score_threshold):
    _check(overlaps, scores, max_output_size, overlap_threshold, square=True)
    if overlaps.shape[0] != overlaps.shape[1]:
        raise bad("NonMaxSuppressionWithOverlaps", f"overlaps must be square: {list(overlaps.shape)}")
    overlap = lambda i, others: overlaps[others, i]  # of the candidates with the box chosen: they need not be symmetric
    return _greedy(scores, overlap, max_output_size, overlap_threshold, score_threshold)


def _count(value):
    """`value` as an int32 tensor; raises ValueError for a larger number or another dtype."""
    given = record.convert_to_tensor(value, name="max_output_size")
    if given.dtype.base_dtype is not dtypes.int32:
        raise ValueError(
            f"Tensor conversion requested dtype int32 for Tensor with dtype {given.dtype.name}: max_output_size has type "
            f"{given.dtype.name} that does not match type int32"
        )
    return given


def _record(kernel, boxes, scores, count, threshold, score_threshold, more=(), square=False, name=None):
    boxes, scores = record.convert_to_tensor(boxes, name="boxes"), record.convert_to_tensor(scores, name="scores")
    count = _count(count)
    threshold = record.convert_to_tensor(threshold, dtypes.float32, name="iou_threshold")
    score_threshold = record.convert_to_tensor(score_threshold, dtypes.float32, name="score_threshold")
    if context.graph is not None:
        said = _fault(boxes._shape_tuple(), scores._shape_tuple(), square)
        for scalar in (count, threshold, score_threshold):
            if said is None and scalar.shape.rank not in (0, None):
                said = f"Shape must be rank 0 but is rank {scalar.shape.rank}"
        if said:
            raise ValueError(said)
    return record.call(kernel.op, [boxes, scores, count, threshold, score_threshold, *more], None, name)


@export("image.non_max_suppression")
def non_max_suppression(boxes, scores, max_output_size, iou_threshold=0.5, score_threshold=_ENDLESS, name=None):
    """Indices [m] of the best of boxes [n, 4] by scores [n], at most max_output_size, none overlapping a better one too much."""
    with name_scope(name, "non_max_suppression"):
        return _record(nms_kernel, boxes, scores, max_output_size, iou_threshold, score_threshold)


@export("image.non_max_suppression_with_scores")
def non_max_suppression_with_scores(
    boxes, scores, max_output_size, iou_threshold=0.5, score_threshold=_ENDLESS, soft_nms_sigma=0.0, name=None
):
    """(indices [m], scores [m]); with soft_nms_sigma > 0 overlapping boxes are not dropped, but their scores lowered."""
    with name_scope(name, "non_max_suppression_with_scores"):
        sigma = record.convert_to_tensor(soft_nms_sigma, dtypes.float32, name="soft_nms_sigma")
        return tuple(_record(soft_nms_kernel, boxes, scores, max_output_size, iou_threshold, score_threshold, (sigma,)))


@export("image.non_max_suppression_overlaps")
def non_max_suppression_overlaps(
    overlaps, scores, max_output_size, overlap_threshold=0.5, score_threshold=_ENDLESS, name=None
):
    """tf.image.non_max_suppression where the overlaps [n, n] of all boxes are given."""
    with name_scope(name, "non_max_suppression_overlaps"):
        return _record(
            overlaps_nms_kernel, overlaps, scores, max_output_size, overlap_threshold, score_threshold, square=True
        )


# -- padded -----------------------------------------------------------------------------------------------------------
def _padded_shape(boxes, scores, count, threshold, score_threshold, *, size):
    batch = None if boxes.shape is None else boxes.shape[:-2]
    return [(dtypes.int32, None if batch is None else (*batch, size)), (dtypes.int32, batch)]


@op("NonMaxSuppressionPadded", host=True, alike=False, name="non_max_suppression_padded", abstract=_padded_shape)
def padded_nms_kernel(boxes, scores, max_output_size, iou_threshold, score_threshold, *, size):
    batch, count = boxes.shape[:-2], int(max_output_size)
    rows = boxes.reshape(-1, *boxes.shape[-2:]).astype(np.float32)
    values = scores.reshape(len(rows), -1).astype(np.float32)
    indices, valid = np.zeros((len(rows), count), np.int32), np.zeros(len(rows), np.int32)
    # A box that overlaps by just the threshold is dropped here, where the other functions keep it.
    limit = np.nextafter(np.float32(iou_threshold), np.float32(-1))
    for b, (own, score) in enumerate(zip(rows, values)):
        area = np.prod(own[:, 2:] - own[:, :2], 1)
        usable = score > score_threshold if score_threshold != _ENDLESS else np.ones(len(score), bool)
        overlap = lambda i, others, own=own: _overlaps(own[i], own[others])
        chosen = _greedy(np.where(usable & (area != 0), score, -np.inf), overlap, count, limit, -np.inf)
        indices[b, : len(chosen)], valid[b] = chosen, len(chosen)
    return indices.reshape(*batch, count), valid.reshape(batch)


@export("image.non_max_suppression_padded")
def non_max_suppression_padded(
    boxes, scores, max_output_size, iou_threshold=0.5, score_threshold=_ENDLESS, pad_to_max_output_size=False, name=None,
    sorted_input=False, canonicalized_coordinates=False, tile_size=512,
):  # fmt: skip
    """(indices [..., m], how many are valid [...]) of boxes [..., n, 4] by scores [..., n], padded with zeros if asked to.

    Raises ValueError for a batch that is not padded.
    """
    with name_scope(name, "non_max_suppression_padded"):
        boxes, scores = record.convert_to_tensor(boxes), record.convert_to_tensor(scores)
        if not pad_to_max_output_size and boxes.shape.rank is not None and boxes.shape.rank > 2:
            raise ValueError(
                f"'pad_to_max_output_size' (value {pad_to_max_output_size}) must be True for batched input"
            )
        count = _count(max_output_size)
        known = record.static_value(count)
        inputs = [boxes, scores, count, record.convert_to_tensor(iou_threshold, dtypes.float32)]
        inputs.append(record.convert_to_tensor(score_threshold, dtypes.float32))
        size = None if known is None else int(known)
        indices, valid = record.call(padded_nms_kernel.op, inputs, {"size": size}, None)
        return (indices if pad_to_max_output_size else indices[:valid]), valid


# -- many classes -----------------------------------------------------------------------------------------------------
def _combined_shape(boxes, scores, *_, total):
    batch = None if boxes.shape is None else boxes.shape[0]
    f = dtypes.float32
    return [(f, (batch, total, 4)), (f, (batch, total)), (f, (batch, total)), (dtypes.int32, (batch,))]


@op("CombinedNonMaxSuppression", host=True, alike=False, name="CombinedNonMaxSuppression", abstract=_combined_shape)
def combined_nms_kernel(boxes, scores, per_class, iou_threshold, score_threshold, clip_boxes, *, total):
    if boxes.ndim != 4 or boxes.shape[3] != 4:
        raise bad(
            "CombinedNonMaxSuppression", f"boxes must be 4-D, [batch, boxes, classes or 1, 4]: {list(boxes.shape)}"
        )
    if scores.ndim != 3 or scores.shape[:2] != boxes.shape[:2]:
        raise bad(
            "CombinedNonMaxSuppression",
            f"scores has incompatible shape: {list(scores.shape)} for boxes {list(boxes.shape)}",
        )
    if boxes.shape[2] not in (1, scores.shape[2]):
        raise bad(
            "CombinedNonMaxSuppression",
            f"third dimension of boxes must be either 1 or num classes, {list(boxes.shape)}",
        )
    if per_class <= 0:
        raise bad("CombinedNonMaxSuppression", f"max_size_per_class must be positive, got {per_class}")
    if not 0 <= iou_threshold <= 1:
        raise bad("CombinedNonMaxSuppression", "iou_threshold must be in [0, 1]")
    batch = len(boxes)
    out, best = np.zeros((batch, total, 4), np.float32), np.zeros((batch, total), np.float32)
    kinds, valid = np.zeros((batch, total), np.float32), np.zeros(batch, np.int32)
    for b in range(batch):
        found = []
        for k in range(scores.shape[2]):
            own, score = boxes[b, :, min(k, boxes.shape[2] - 1)], scores[b, :, k]
            overlap = lambda i, others, own=own: _overlaps(own[i], own[others])
            chosen = _greedy(score, overlap, per_class, iou_threshold, score_threshold)
            found += [(score[i], k, own[i]) for i in chosen]
        found = sorted(found, key=lambda f: -f[0])[:total]
        n = valid[b] = len(found)
        for i, (score, k, box) in enumerate(found):
            out[b, i], best[b, i], kinds[b, i] = box, score, k
        if clip_boxes:
            out[b, :n] = np.clip(out[b, :n], 0, 1)
    return out, best, kinds, valid


@export("image.combined_non_max_suppression")
def combined_non_max_suppression(
    boxes, scores, max_output_size_per_class, max_total_size, iou_threshold=0.5, score_threshold=_ENDLESS, pad_per_class=False,
    clip_boxes=True, name=None,
):  # fmt: skip
    """(boxes [b, m, 4], scores [b, m], classes [b, m], how many are valid [b]): suppression class by class, then the best of all.

    `boxes` are [b, n, classes or 1, 4], `scores` [b, n, classes]; m is max_total_size, with pad_per_class no more than there can be.
    """
    with name_scope(name, "combined_non_max_suppression"):
        boxes, scores = (
            record.convert_to_tensor(boxes, dtypes.float32),
            record.convert_to_tensor(scores, dtypes.float32),
        )
        per_class, total = (record.setting(_count(v)) for v in (max_output_size_per_class, max_total_size))
        if total <= 0:
            raise bad("CombinedNonMaxSuppression", f"max_total_size must be > 0, got {total}")
        if pad_per_class:
            total = min(total, per_class * scores.shape.as_list()[2])
        inputs = [boxes, scores, record.convert_to_tensor(per_class, dtypes.int32)]
        inputs += [record.convert_to_tensor(v, dtypes.float32) for v in (iou_threshold, score_threshold)]
        inputs.append(record.convert_to_tensor(bool(clip_boxes)))
        return tuple(record.call(combined_nms_kernel.op, inputs, {"total": total}, None))
