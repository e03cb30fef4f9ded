"""tf.edit_distance: the Levenshtein distance of the sequences in two SparseTensors."""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors, record
from ..declare import export, op
from ..graph import context
from .sparse import _strides, as_sparse


def _invalid(message):
    return errors.InvalidArgumentError(None, None, message)


def _distance(one, other):
    """How many insertions, deletions and substitutions make one sequence the other."""
    if not one or not other:
        return len(one) + len(other)
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def _sequences(what, indices, values, shape):
    """The sequences of a SparseTensor by what comes before their place in it."""
    if indices.ndim != 2 or indices.shape[1] != len(shape):
        raise _invalid(f"{what}_indices should be a matrix with {len(shape)} columns, got shape {list(indices.shape)}")
    if len(values) != len(indices):
        raise _invalid(f"{what}_values should have {len(indices)} elements, got {len(values)}")
    found: dict = {}
    for place, value in zip(indices.tolist(), values.tolist(), strict=True):
        found.setdefault(tuple(place[:-1]), []).append(value)
    return found


def _abstract(*avals, normalize):
    rank = avals[2].shape
    known = rank is not None and rank[0] is not None
    return dtypes.float32, (None,) * (rank[0] - 1) if known else None


@op("EditDistance", host=True, alike=False, abstract=_abstract)
def edit_distance_kernel(
    hypothesis_indices, hypothesis_values, hypothesis_shape, truth_indices, truth_values, truth_shape, *, normalize
):
    """The distances [..] of hypothesis [.., n] and truth [.., m], by the length of the truth if `normalize`."""
    if len(hypothesis_shape) != len(truth_shape):
        raise _invalid(f"truth_shape and hypothesis_shape should have the same rank, got {len(truth_shape)} and "
                       f"{len(hypothesis_shape)}")  # fmt: skip
    if len(truth_shape) < 2:
        raise _invalid("hypothesis_shape should be a vector of at least 2 elements, the rank of the sequences")
    ours = _sequences("hypothesis", hypothesis_indices, hypothesis_values, hypothesis_shape)
    truth = _sequences("truth", truth_indices, truth_values, truth_shape)
    outer = np.maximum(hypothesis_shape[:-1], truth_shape[:-1])
    size = int(np.prod(outer, dtype=object))
    if size >= 2**31:
        raise _invalid(f"The output shape {outer.tolist()} has too many elements")
    out = np.zeros(tuple(outer.tolist()), np.float32)
    for place in {*ours, *truth}:
        if any(not 0 <= p < n for p, n in zip(place, outer.tolist(), strict=True)):
            raise _invalid(
                f"Got an inner product {int(np.dot(place, _strides(outer)))} which would require writing to outside of "
                f"the buffer for the output tensor (max elements {size})"
            )
        expected = truth.get(place, [])
        found = np.float32(_distance(ours.get(place, []), expected))
        with np.errstate(divide="ignore"):
            out[place] = found / np.float32(len(expected)) if normalize else found
    return out


@export("edit_distance")
def edit_distance(hypothesis, truth, normalize=True, name="edit_distance"):
    """The Levenshtein distances [..] of the sequences in SparseTensors hypothesis [.., n] and truth [.., m].

    normalize: divided by the length of the truth.  TypeError for tensors that are not sparse.
    """
    found = []
    for what, value in (("Hypothesis", hypothesis), ("Truth", truth)):
        try:
            found.append(as_sparse(value))
        except TypeError:
            raise TypeError(f"{what} must be a SparseTensor.") from None
    ours, theirs = found
    out = record.call(
        edit_distance_kernel.op,
        [ours.indices, ours.values, ours.dense_shape, theirs.indices, theirs.values, theirs.dense_shape],
        {"normalize": bool(normalize)}, name, "edit_distance",
    )  # fmt: skip
    shapes = [s.shape.as_list() for s in found if s.shape.rank is not None]
    if context.graph is not None and len(shapes) == 2 and len(shapes[0]) == len(shapes[1]):
        pairs = zip(shapes[0][:-1], shapes[1][:-1], strict=True)
        out.set_shape([None if None in p else max(p) for p in pairs])
    return out
