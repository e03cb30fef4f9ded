"""tf.map_fn where an element or a result is a RaggedTensor or a SparseTensor: the rows one after another."""

from __future__ import annotations

from .. import dtypes, errors, nest, record
from ..declare import OPS
from ..ops import creation, sparse_ops
from ..ops.sparse import SparseTensor, SparseTensorSpec, as_sparse
from ..tensor import Tensor
from ..type_spec import TensorSpec, TypeSpec, spec_of
from . import joining
from .conversion import from_tensor
from .spec import RaggedTensorSpec
from .tensor import RaggedTensor, is_ragged


def is_composite(leaf):
    """Whether `leaf` of tf.map_fn's elements or signature is ragged or sparse."""
    return is_ragged(leaf) or isinstance(leaf, (SparseTensor, RaggedTensorSpec, SparseTensorSpec))


def map_rows(fn, elems, signature):
    """fn of every row of the leaves of `elems` (dense, ragged, sparse), stacked as the leaves of `signature` say.

    signature  dtypes and specs of what fn returns; None: as `elems`
    Raises NotImplementedError where the number of rows is not known while a graph is built.
    """
    leaves = [v if is_composite(v) else record.convert_to_tensor(v) for v in nest.flatten(elems)]
    counts = {_rows(v) for v in leaves} - {None}
    if len(counts) > 1:
        raise ValueError("Dimensions {} and {} are not compatible".format(*sorted(counts)[:2]))
    if not counts:
        raise NotImplementedError(
            "tf.map_fn with ragged or sparse tensors needs the number of rows while the graph is built"
        )
    (n,) = counts
    like = elems if signature is None else signature
    specs = [_row_spec(v) for v in leaves] if signature is None else [_spec(s) for s in nest.flatten(signature)]
    columns = [[_row(v, i) for v in leaves] for i in range(n)]
    results = []
    for row in columns:
        value = fn(nest.pack_sequence_as(elems, row))
        nest.assert_same_structure(like, value)
        results.append([_checked(v, s) for v, s in zip(nest.flatten(value), specs, strict=True)])
    stacked = [_stacked([r[k] for r in results], s) for k, s in enumerate(specs)]
    return nest.pack_sequence_as(like, stacked)


def _rows(leaf):
    if is_ragged(leaf):
        return leaf._partition.static_nrows
    return None if leaf.shape.rank is None else leaf.shape.as_list()[0]


def _row(leaf, i):
    if not isinstance(leaf, SparseTensor):
        return leaf[i]
    rest = leaf.dense_shape[1:]
    start = OPS["ConcatV2"].public([record.convert_to_tensor([i], dtypes.int64), OPS["ZerosLike"].public(rest)], 0)
    size = OPS["ConcatV2"].public([record.convert_to_tensor([1], dtypes.int64), rest], 0)
    return sparse_ops.reshape(sparse_ops.slice(leaf, start, size), rest)


def _row_spec(leaf):
    """What a function that gives back its element returns."""
    if is_ragged(leaf):
        return RaggedTensorSpec(leaf.shape[1:], leaf.dtype, leaf.ragged_rank - 1, leaf.row_splits.dtype)
    return SparseTensorSpec(leaf.shape[1:], leaf.dtype) if isinstance(leaf, SparseTensor) else spec_of(leaf)._unbatch()


def _spec(given):
    if isinstance(given, TypeSpec):
        return given
    return TensorSpec(None, given.dtype if isinstance(given, Tensor) else dtypes.as_dtype(given))


def _checked(value, spec):
    """What fn returned, as the kind and the dtype that `spec` says."""
    if isinstance(spec, SparseTensorSpec):
        value = as_sparse(value)
    elif not is_ragged(value):
        value = record.convert_to_tensor(value, None if isinstance(value, Tensor) else spec.dtype)
    elif isinstance(spec, TensorSpec):
        raise ValueError(f"tf.map_fn: fn returned a RaggedTensor where fn_output_signature says {spec}")
    if value.dtype.base_dtype is not spec.dtype.base_dtype:
        raise errors.InvalidArgumentError(
            None, None, f"TensorArray dtype is {spec.dtype.name} but Op is trying to write dtype {value.dtype.name}"
        )
    return value


def _stacked(rows, spec):
    if isinstance(spec, SparseTensorSpec):
        if not rows:
            sizes = [0, *(d or 0 for d in spec.shape.as_list())]
            return SparseTensor(creation.zeros([0, len(sizes)], dtypes.int64), creation.zeros([0], spec.dtype), sizes)
        return sparse_ops.concat(0, [sparse_ops.expand_dims(r, 0) for r in rows], expand_nonconcat_dims=True)
    if isinstance(spec, RaggedTensorSpec):
        return _stacked_ragged(rows, spec)
    if rows:
        return OPS["Pack"].public(rows)
    inner = [] if spec.shape.rank is None else [d or 0 for d in spec.shape.as_list()]
    return creation.zeros([0, *inner], spec.dtype)


def _stacked_ragged(rows, spec):
    """One more ragged dimension than the rows have, whose splits are of the spec's dtype."""
    kind = spec.row_splits_dtype
    if rows:
        made = joining.stack(rows)
        if is_ragged(made):
            return made.with_row_splits_dtype(kind)
        return from_tensor(made, ragged_rank=spec.ragged_rank + 1, row_splits_dtype=kind)
    inner = [] if spec.shape.rank is None else [d or 0 for d in spec.shape.as_list()[spec.ragged_rank + 1 :]]
    nothing = creation.zeros([0], kind)
    made = creation.zeros([0, *inner], spec.dtype)
    for _ in range(spec.ragged_rank + 1):
        made = RaggedTensor.from_row_lengths(made, nothing)
    return made
