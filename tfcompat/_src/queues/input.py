"""The input pipelines of tf.train: producers that fill a queue, batches taken from one."""

from __future__ import annotations

from .. import dtypes, record
from ..declare import NAMES, OPS, export
from ..graph import context
from ..ops.partition import dynamic_partition
from ..ops.random import random_shuffle
from ..ops.sparse import SparseTensor
from ..scopes import GraphKeys, control_dependencies, name_scope
from ..shapes import TensorShape
from ..summary.ops import scalar
from ..variables import VariableV1
from . import sparse
from .ops import FIFOQueue, PaddingFIFOQueue, RandomShuffleQueue
from .readers import matching_files
from .runners import QueueRunner, add_queue_runner


def _refuse_eagerly():
    if context.graph is None:
        raise RuntimeError(
            "Input pipelines based on Queues are not supported when eager execution is enabled. Please use tf.data to ingest data into "
            "your model instead."
        )


def _identity(tensor, name=None):
    return OPS["Identity"].public(tensor, name=name)


def _watch(queue, capacity, least=0):
    """The summary of how full a queue is."""
    size = OPS["Cast"].public(queue.size(), dtype=dtypes.float32)
    if not least:
        scalar(f"fraction_of_{capacity}_full", size * (1.0 / capacity))
        return
    full = OPS["Maximum"].public(0.0, size - float(least)) * (1.0 / (capacity - least))
    scalar(f"fraction_over_{least}_of_{capacity - least}_full", full)


# -- producers --------------------------------------------------------------------------------------------------------
@export("io.match_filenames_once", v1="train.match_filenames_once io.match_filenames_once")
def match_filenames_once(pattern, name=None):
    """A local variable with the names of the files that fit a pattern when it is initialised."""
    with name_scope(name, "matching_filenames") as scope:
        return VariableV1(
            matching_files(pattern), trainable=False, name=scope, validate_shape=False, collections=[GraphKeys.LOCAL_VARIABLES],
        )  # fmt: skip


@export("", v1="train.limit_epochs")
def limit_epochs(tensor, num_epochs=None, name=None):
    """`tensor`, which can be read `num_epochs` times, then raises OutOfRangeError; a local variable counts."""
    if num_epochs is None:
        return tensor
    if num_epochs <= 0:
        raise ValueError(f"num_epochs must be > 0 not {num_epochs}.")
    with name_scope(name, "limit_epochs", [tensor]) as scope:
        epochs = VariableV1(
            record.convert_to_tensor(0, dtypes.int64), name="epochs", trainable=False, collections=[GraphKeys.LOCAL_VARIABLES],
        )  # fmt: skip
        with control_dependencies([epochs.count_up_to(num_epochs)]):
            return _identity(tensor, name=scope)


@export("", v1="train.input_producer")
def input_producer(input_tensor, element_shape=None, num_epochs=None, shuffle=True, seed=None, capacity=32, shared_name=None,
                   summary_name=None, name=None, cancel_op=None):  # fmt: skip
    """A queue of the rows of a tensor, and a QueueRunner that fills it again and again (or `num_epochs` times)."""
    _refuse_eagerly()
    with name_scope(name, "input_producer", [input_tensor]) as scope:
        input_tensor = record.convert_to_tensor(input_tensor, name="input_tensor")
        element_shape = input_tensor.shape[1:].merge_with(element_shape)
        if not element_shape.is_fully_defined():
            raise ValueError(
                "Either `input_tensor` must have a fully defined shape or `element_shape` must be specified"
            )
        if shuffle:
            input_tensor = random_shuffle(input_tensor, seed=seed)
        input_tensor = limit_epochs(input_tensor, num_epochs)
        q = FIFOQueue(capacity, [input_tensor.dtype.base_dtype], [element_shape], shared_name=shared_name, name=scope)
        add_queue_runner(QueueRunner(q, [q.enqueue_many([input_tensor])], cancel_op=cancel_op))
        if summary_name is not None:
            scalar(summary_name, OPS["Cast"].public(q.size(), dtype=dtypes.float32) * (1.0 / capacity))
        return q


@export("", v1="train.string_input_producer")
def string_input_producer(string_tensor, num_epochs=None, shuffle=True, seed=None, capacity=32, shared_name=None, name=None,
                          cancel_op=None):  # fmt: skip
    """A queue of strings (names of files).  ValueError for an empty list, InvalidArgumentError for an empty tensor."""
    empty = "string_input_producer requires a non-null input tensor"
    if not isinstance(string_tensor, record.Tensor) and not hasattr(string_tensor, "dtype") and not string_tensor:
        raise ValueError(empty)
    _refuse_eagerly()
    with name_scope(name, "input_producer", [string_tensor]) as scope:
        string_tensor = record.convert_to_tensor(string_tensor, dtypes.string)
        size = OPS["Size"].public(string_tensor)
        with control_dependencies([NAMES["v1"]["assert_greater"](size, 0, message=empty)]):
            string_tensor = _identity(string_tensor)
        return input_producer(string_tensor, [], num_epochs, shuffle, seed, capacity, shared_name,
                              f"fraction_of_{capacity}_full", scope, cancel_op)  # fmt: skip


@export("", v1="train.range_input_producer")
def range_input_producer(limit, num_epochs=None, shuffle=True, seed=None, capacity=32, shared_name=None, name=None):
    """A queue of the integers below `limit`."""
    with name_scope(name, "input_producer", [limit]) as scope:
        numbers = OPS["Range"].public(0, limit, 1)
        return input_producer(numbers, [], num_epochs, shuffle, seed, capacity, shared_name,
                              f"fraction_of_{capacity}_full", scope)  # fmt: skip


@export("", v1="train.slice_input_producer")
def slice_input_producer(
    tensor_list, num_epochs=None, shuffle=True, seed=None, capacity=32, shared_name=None, name=None
):
    """One row of each tensor of a list, the same row of all: [tensor[i] for tensor in tensor_list]."""
    _refuse_eagerly()
    with name_scope(name, "input_producer", tensor_list):
        tensors = [record.convert_to_tensor(t) for t in tensor_list]
        if not tensors:
            raise ValueError("Expected at least one tensor in slice_input_producer(). `tensor_list` must be non-empty.")
        limit = OPS["Shape"].public(tensors[0])[0]
        q = range_input_producer(limit, num_epochs, shuffle, seed, capacity, shared_name)
        index = q.dequeue()
        return [OPS["GatherV2"].public(t, index) for t in tensors]


# -- batches ----------------------------------------------------------------------------------------------------------
def _listed(tensors):
    return [tensors[k] for k in sorted(tensors, key=str)] if isinstance(tensors, dict) else tensors


def _converted(tensors):
    made = [t if isinstance(t, SparseTensor) else record.convert_to_tensor(t) for t in tensors]
    if not made:
        raise ValueError("Expected at least one tensor in batch(). `tensors` must be non-empty.")
    return made


def _like(given, tensors):
    """What was dequeued, as a dict where a dict was given."""
    if not isinstance(given, dict):
        return tensors
    tensors = [tensors] if len(given) == 1 else tensors
    return dict(zip(sorted(given, key=str), tensors, strict=True))


def _lists(tensors_list):
    if not tensors_list:
        raise ValueError("Expected at least one set of tensors in tensors_list")
    if isinstance(tensors_list[0], dict):
        for i, tensors in enumerate(tensors_list):
            if not isinstance(tensors, dict):
                raise TypeError(f"Cannot mix dictionaries with other types of tensors_list elements: {i}")
            if set(tensors) != set(tensors_list[0]):
                raise ValueError(f"Entries of tensors_list must have the same keys: {i}")
    lists = [_listed(tensors) for tensors in tensors_list]
    for tensors in lists:
        if not hasattr(tensors, "__iter__"):
            raise TypeError(f"Expected list of lists of tensors, got {tensors!r}")
    for i, tensors in enumerate(lists):
        if len(tensors) != len(lists[0]):
            raise ValueError(f"tensors_list[{i}] has {len(tensors)} tensors, tensors_list[0] {len(lists[0])}")
    return [_converted(tensors) for tensors in lists]


def _kept(keep_input, enqueue_many):
    keep_input = record.convert_to_tensor(keep_input)
    rank = keep_input.shape.rank
    if rank is None:
        raise ValueError("`keep_input` dimensions must be known at graph construction.")
    if not enqueue_many and rank == 1:
        raise ValueError("`keep_input` cannot be a vector when `enqueue_many=False`.")
    if rank > 1:
        raise ValueError("`keep_input` must be 0 or 1 dimensions.")
    return keep_input


def _types(lists):
    types = [t.dtype for t in lists[0]]
    for other in lists[1:]:
        if [t.dtype for t in other] != types:
            raise TypeError(
                f"Expected types to be consistent: {', '.join(t.name for t in types)} vs. "
                f"{', '.join(t.dtype.name for t in other)}."
            )
    return types


def _shapes(lists, shapes, enqueue_many):
    """The shapes of the components: given, or what the lists' tensors agree on; ValueError for an unknown rank."""
    if shapes is not None:
        return shapes
    found = []
    for same in zip(*lists, strict=True):
        for t in same:
            if t.shape.rank is None:
                raise ValueError(f"Cannot infer Tensor's rank: {t}")
        each = [t.shape[1:] if enqueue_many else t.shape for t in same]
        merged = each[0]
        for s in each[1:]:
            if s.rank != merged.rank:
                raise ValueError(f"Shapes {merged} and {s} have different ranks")
            merged = TensorShape([a if a == b else None for a, b in zip(merged.as_list(), s.as_list(), strict=True)])
        found.append(merged.as_list())
    return found


def _enqueue(queue, lists, threads, enqueue_many, keep_input):
    """The operations that fill the queue from each list, `threads` times, and their QueueRunner."""
    add = queue.enqueue_many if enqueue_many else queue.enqueue
    always = record.static_value(keep_input)
    made = []
    for tensors in lists:
        if keep_input.shape.rank == 1:
            chosen = OPS["Cast"].public(keep_input, dtype=dtypes.int32)
            made.append(add([t if t.dtype is dtypes.variant else dynamic_partition(t, chosen, 2)[1] for t in tensors]))
        elif always is not None:
            made.append(add(tensors) if always else OPS["NoOp"].public())
        else:
            made.append(
                NAMES["v1"]["cond"](keep_input, lambda tensors=tensors: add(tensors), lambda: OPS["NoOp"].public())
            )
    add_queue_runner(QueueRunner(queue, made * threads))


def _batched(
    what, given, lists, make, batch_size, keep_input, threads, enqueue_many, shapes, smaller, least, capacity, name
):
    with name_scope(name, what) as scope:
        keep_input = _kept(keep_input, enqueue_many)
        lists, was_sparse = sparse.stored(lists, enqueue_many, keep_input)
        queue = make(_types(lists), _shapes(lists, shapes, enqueue_many))
        _enqueue(queue, lists, threads, enqueue_many, keep_input)
        _watch(queue, capacity, least)
        take = queue.dequeue_up_to if smaller else queue.dequeue_many
        return _like(given, sparse.restored(take(batch_size, name=scope), was_sparse))


def _in_order(capacity, dynamic_pad, shared_name):
    kind = PaddingFIFOQueue if dynamic_pad else FIFOQueue
    return lambda types, shapes: kind(capacity, types, shapes, shared_name=shared_name)


def _shuffled(capacity, min_after_dequeue, seed, shared_name):
    if capacity <= min_after_dequeue:
        raise ValueError(f"capacity {capacity} must be bigger than min_after_dequeue {min_after_dequeue}.")
    return lambda types, shapes: RandomShuffleQueue(
        capacity, min_after_dequeue, types, shapes, seed=seed, shared_name=shared_name
    )


def _batch(
    tensors,
    batch_size,
    keep_input,
    num_threads,
    capacity,
    enqueue_many,
    shapes,
    dynamic_pad,
    smaller,
    shared_name,
    name,
):
    _refuse_batches_eagerly()
    return _batched("batch", tensors, [_converted(_listed(tensors))], _in_order(capacity, dynamic_pad, shared_name), batch_size,
                    keep_input, num_threads, enqueue_many, shapes, smaller, 0, capacity, name)  # fmt: skip


def _batch_join(
    tensors_list, batch_size, keep_input, capacity, enqueue_many, shapes, dynamic_pad, smaller, shared_name, name
):
    _refuse_batches_eagerly()
    return _batched("batch_join", tensors_list[0] if tensors_list else None, _lists(tensors_list),
                    _in_order(capacity, dynamic_pad, shared_name), batch_size, keep_input, 1, enqueue_many, shapes, smaller, 0,
                    capacity, name)  # fmt: skip


def _shuffle_batch(
    tensors,
    batch_size,
    capacity,
    least,
    keep_input,
    num_threads,
    seed,
    enqueue_many,
    shapes,
    smaller,
    shared_name,
    name,
):
    _refuse_batches_eagerly()
    return _batched("shuffle_batch", tensors, [_converted(_listed(tensors))], _shuffled(capacity, least, seed, shared_name), batch_size,
                    keep_input, num_threads, enqueue_many, shapes, smaller, least, capacity, name)  # fmt: skip


def _shuffle_batch_join(
    tensors_list, batch_size, capacity, least, keep_input, seed, enqueue_many, shapes, smaller, shared_name, name
):
    _refuse_batches_eagerly()
    return _batched("shuffle_batch_join", tensors_list[0] if tensors_list else None, _lists(tensors_list),
                    _shuffled(capacity, least, seed, shared_name), batch_size, keep_input, 1, enqueue_many, shapes, smaller, least,
                    capacity, name)  # fmt: skip


def _refuse_batches_eagerly():
    if context.graph is None:
        raise ValueError(
            "Input pipelines based on Queues are not supported when eager execution is enabled. Please use tf.data to ingest data into "
            "your model instead."
        )


@export("", v1="train.batch")
def batch(tensors, batch_size, num_threads=1, capacity=32, enqueue_many=False, shapes=None, dynamic_pad=False,
          allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """Batches of `tensors` (a list or dict): each run of an example's graph is a row; a QueueRunner runs it."""
    return _batch(tensors, batch_size, True, num_threads, capacity, enqueue_many, shapes, dynamic_pad, allow_smaller_final_batch,
                  shared_name, name)  # fmt: skip


@export("", v1="train.maybe_batch")
def maybe_batch(tensors, keep_input, batch_size, num_threads=1, capacity=32, enqueue_many=False, shapes=None, dynamic_pad=False,
                allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """Batches of those examples for which `keep_input` is true."""
    return _batch(tensors, batch_size, keep_input, num_threads, capacity, enqueue_many, shapes, dynamic_pad,
                  allow_smaller_final_batch, shared_name, name)  # fmt: skip


@export("", v1="train.batch_join")
def batch_join(tensors_list, batch_size, capacity=32, enqueue_many=False, shapes=None, dynamic_pad=False,
               allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """Batches of examples from several lists of tensors, a thread for each."""
    return _batch_join(tensors_list, batch_size, True, capacity, enqueue_many, shapes, dynamic_pad, allow_smaller_final_batch,
                       shared_name, name)  # fmt: skip


@export("", v1="train.maybe_batch_join")
def maybe_batch_join(tensors_list, keep_input, batch_size, capacity=32, enqueue_many=False, shapes=None, dynamic_pad=False,
                     allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """batch_join of those examples for which `keep_input` is true."""
    return _batch_join(tensors_list, batch_size, keep_input, capacity, enqueue_many, shapes, dynamic_pad,
                       allow_smaller_final_batch, shared_name, name)  # fmt: skip


@export("", v1="train.shuffle_batch")
def shuffle_batch(tensors, batch_size, capacity, min_after_dequeue, num_threads=1, seed=None, enqueue_many=False, shapes=None,
                  allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """Batches of examples in random order, out of at least `min_after_dequeue` that wait."""
    return _shuffle_batch(tensors, batch_size, capacity, min_after_dequeue, True, num_threads, seed, enqueue_many, shapes,
                          allow_smaller_final_batch, shared_name, name)  # fmt: skip


@export("", v1="train.maybe_shuffle_batch")
def maybe_shuffle_batch(tensors, batch_size, capacity, min_after_dequeue, keep_input, num_threads=1, seed=None, enqueue_many=False,
                        shapes=None, allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """shuffle_batch of those examples for which `keep_input` is true."""
    return _shuffle_batch(tensors, batch_size, capacity, min_after_dequeue, keep_input, num_threads, seed, enqueue_many, shapes,
                          allow_smaller_final_batch, shared_name, name)  # fmt: skip


@export("", v1="train.shuffle_batch_join")
def shuffle_batch_join(tensors_list, batch_size, capacity, min_after_dequeue, seed=None, enqueue_many=False, shapes=None,
                       allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """Batches in random order of examples from several lists of tensors, a thread for each."""
    return _shuffle_batch_join(tensors_list, batch_size, capacity, min_after_dequeue, True, seed, enqueue_many, shapes,
                               allow_smaller_final_batch, shared_name, name)  # fmt: skip


@export("", v1="train.maybe_shuffle_batch_join")
def maybe_shuffle_batch_join(tensors_list, batch_size, capacity, min_after_dequeue, keep_input, seed=None, enqueue_many=False,
                             shapes=None, allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """shuffle_batch_join of those examples for which `keep_input` is true."""
    return _shuffle_batch_join(tensors_list, batch_size, capacity, min_after_dequeue, keep_input, seed, enqueue_many, shapes,
                               allow_smaller_final_batch, shared_name, name)  # fmt: skip
