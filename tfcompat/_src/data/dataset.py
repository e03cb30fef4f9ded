"""tf.data.Dataset: what an element is (its specs) and how to go through the elements."""

from __future__ import annotations

import itertools

import numpy as np

from .. import dtypes, errors, nest, record
from ..declare import export, publish
from ..graph import context
from ..random_state import get_seed
from ..shapes import TensorShape
from ..tensor import EagerTensor, Tensor
from ..type_spec import TensorSpec
from .shuffle import Words, shuffled

AUTOTUNE = -1
publish(AUTOTUNE, "data.AUTOTUNE data.experimental.AUTOTUNE")


class Run:
    """One pass over a pipeline: values of graph tensors it depends on (by slot), random streams that continue over
    passes.
    """

    def __init__(self, values=None, streams=None):
        self.values, self.streams = values or {}, {} if streams is None else streams

    def array(self, tensor):
        """The value of a source's tensor."""
        if isinstance(tensor, np.ndarray):
            return tensor
        if isinstance(tensor, EagerTensor):
            return tensor._numpy()
        return self.values[tensor._slot]


def _flat(structure):
    return nest.flatten(structure)


def _source(value):
    """A leaf of a source as an array or a tensor."""
    if isinstance(value, Tensor):
        return value
    if hasattr(type(value), "_dense_tensor") or hasattr(value, "__tf_tensor__"):
        return record.convert_to_tensor(value)
    return record.to_array(value)


def _leaves(tensors):
    """(structure, leaves) of a source: lists are tensors."""
    if isinstance(tensors, tuple) and not hasattr(tensors, "_fields"):
        parts = [_leaves(t) for t in tensors]
        return tuple([p[0] for p in parts]), [x for p in parts for x in p[1]]
    if isinstance(tensors, dict):
        parts = {k: _leaves(tensors[k]) for k in sorted(tensors)}
        return {k: p[0] for k, p in parts.items()}, [x for p in parts.values() for x in p[1]]
    return 0, [_source(tensors)]


def _spec(leaf, drop_first=False):
    if isinstance(leaf, np.ndarray):
        shape, dtype = leaf.shape, dtypes.as_dtype(leaf.dtype)
    else:
        shape, dtype = (None if leaf.shape.rank is None else leaf.shape.as_list()), leaf.dtype.base_dtype
    if drop_first:
        if shape is not None and len(shape) == 0:
            raise ValueError("Unbatching a tensor is only supported for rank >= 1")
        shape = None if shape is None else shape[1:]
    return TensorSpec(shape, dtype)


def _map_specs(f, spec):
    return nest.map_structure(f, spec)


def _number(value):
    """A count given as a number or a known tensor."""
    return record.setting(value) if value is not None else None


class Dataset:
    """A pipeline.  `element_spec`: a TensorSpec for each part of an element."""

    def __init__(self, spec, iterate, inputs=(), sources=(), length=None):
        self.element_spec, self._iterate, self._inputs, self._length = spec, iterate, tuple(inputs), length
        self._tensors = [t for t in sources if isinstance(t, Tensor) and not isinstance(t, EagerTensor)]
        for d in self._inputs:
            self._tensors += d._tensors
        self._streams: dict = {}

    # -- what it is ---------------------------------------------------------------------------------------------------
    @property
    def output_types(self):
        return _map_specs(lambda s: s.dtype, self.element_spec)

    @property
    def output_shapes(self):
        return _map_specs(lambda s: s.shape, self.element_spec)

    @property
    def output_classes(self):
        return _map_specs(lambda s: Tensor, self.element_spec)

    def cardinality(self):
        """How many elements, -1 for endless, -2 for unknown, as an int64 scalar."""
        return record.convert_to_tensor(np.array(-2 if self._length is None else self._length, np.int64))

    def __len__(self):
        if context.graph is not None:
            raise TypeError(
                "`tf.data.Dataset` only supports `len` in eager mode. Use `tf.data.Dataset.cardinality()` instead."
            )
        if self._length is None:
            raise TypeError("The dataset length is unknown.")
        if self._length == -1:
            raise TypeError("The dataset is infinite.")
        return self._length

    def __bool__(self):
        return True

    def __iter__(self):
        if context.graph is not None and not context.graph.building_function:
            raise RuntimeError(
                "`tf.data.Dataset` only supports Python-style iteration in eager mode or within tf.function."
            )
        from .iterators import EagerIterator

        return EagerIterator(self)

    def as_numpy_iterator(self):
        """Yields the elements as NumPy arrays."""
        return (
            nest.map_structure(lambda v: v[()] if v.ndim == 0 else v, e)
            for e in self._elements(Run(streams=self._streams))
        )

    def _elements(self, run):
        """The elements, as nests of NumPy arrays."""
        return self._iterate(run)

    def __repr__(self):
        return f"<{type(self).__name__} element_spec={self.element_spec}>"

    # -- sources ------------------------------------------------------------------------------------------------------
    @staticmethod
    def from_tensor_slices(tensors, name=None):
        """One element a row of every tensor.  Raises ValueError where their first dimensions differ."""
        structure, leaves = _leaves(tensors)
        if not leaves:
            raise ValueError("Invalid `tensors`. `tensors` must not be empty.")
        spec = nest.pack_sequence_as(structure, [_spec(x, True) for x in leaves])
        lengths = {d for d in [_first(x) for x in leaves] if d is not None}
        if len(lengths) > 1:
            raise ValueError(f"Dimensions {' and '.join(map(str, sorted(lengths)))} are not compatible")

        def iterate(run):
            arrays = [run.array(x) for x in leaves]
            if len({len(a) for a in arrays}) > 1:
                raise errors.InvalidArgumentError(None, None, "All input tensors must have the same first dimension")
            for rows in zip(*arrays, strict=True):
                yield nest.pack_sequence_as(
                    structure, [np.asarray(r) if not isinstance(r, (bytes, str)) else _text(r) for r in rows]
                )

        return DatasetV1._of(spec, iterate, sources=leaves, length=lengths.pop() if lengths else None)

    @staticmethod
    def from_tensors(tensors, name=None):
        """One element: the tensors."""
        structure, leaves = _leaves(tensors)
        spec = nest.pack_sequence_as(structure, [_spec(x) for x in leaves])

        def iterate(run):
            yield nest.pack_sequence_as(structure, [run.array(x) for x in leaves])

        return DatasetV1._of(spec, iterate, sources=leaves, length=1)

    @staticmethod
    def range(*args, **kwargs):
        """Integers as Python's range."""
        dtype = dtypes.as_dtype(kwargs.pop("output_type", dtypes.int64))
        numbers = range(*[int(_number(a)) for a in args])

        def iterate(run):
            return (np.array(i, dtype.np) for i in numbers)

        return DatasetV1._of(TensorSpec([], dtype), iterate, length=len(numbers))

    @staticmethod
    def from_generator(generator, output_types=None, output_shapes=None, args=None, output_signature=None, name=None):
        """The elements that generator(*args) yields, converted to the given types."""
        if not callable(generator):
            raise TypeError("`generator` must be a Python callable.")
        if output_signature is not None:
            spec = output_signature
        elif output_types is None:
            raise TypeError("Either `output_signature` or `output_types` must be specified.")
        else:
            kinds = nest.map_structure(dtypes.as_dtype, output_types)
            if output_shapes is None:
                spec = nest.map_structure(lambda d: TensorSpec(None, d), kinds)
            else:
                flat = nest.flatten_up_to(kinds, output_shapes)
                spec = nest.pack_sequence_as(
                    kinds, [TensorSpec(s, d) for s, d in zip(flat, nest.flatten(kinds), strict=True)]
                )
        structure, leaves = _leaves(tuple(args)) if args else ((), [])
        flat_specs = nest.flatten(spec)

        def iterate(run):
            given = [run.array(x) for x in leaves]
            for value in generator(*given):
                parts = nest.flatten_up_to(spec, value) if nest.is_nested(spec) else [value]
                out = []
                for p, s in zip(parts, flat_specs, strict=True):
                    p = p._numpy() if isinstance(p, EagerTensor) else record.to_array(p, s.dtype)
                    if not s.shape.is_compatible_with(TensorShape(p.shape)):
                        raise errors.InvalidArgumentError(
                            None,
                            None,
                            f"TypeError: `generator` yielded an element of shape {p.shape} where an element of shape "
                            f"{s.shape} was expected.",
                        )
                    out.append(p)
                yield nest.pack_sequence_as(spec, out) if nest.is_nested(spec) else out[0]

        return DatasetV1._of(spec, iterate, sources=leaves)

    @staticmethod
    def zip(*args, datasets=None, name=None):
        """Elements side by side, in the structure given; ends with the shortest."""
        structure = datasets if datasets is not None else args[0] if len(args) == 1 else tuple(args)
        flat = _flat(structure)
        spec = _pack_deep(structure, [d.element_spec for d in flat])

        def iterate(run):
            for parts in zip(*[d._elements(run) for d in flat], strict=False):
                yield _pack_deep(structure, list(parts))

        lengths = [d._length for d in flat]
        known = None if None in lengths else min([n for n in lengths if n >= 0], default=-1)
        return DatasetV1._of(spec, iterate, flat, length=known)

    # -- transformations ----------------------------------------------------------------------------------------------
    def _then(self, iterate, spec=None, length=None):
        return DatasetV1._of(self.element_spec if spec is None else spec, iterate, [self], length=length)

    def batch(self, batch_size, drop_remainder=False, num_parallel_calls=None, deterministic=None, name=None):
        """Elements of `batch_size` consecutive ones, stacked; the last may be shorter unless `drop_remainder`."""
        n = int(_number(batch_size))
        if n <= 0:
            raise errors.InvalidArgumentError(None, None, "batch_size must be greater than zero.")
        known = n if drop_remainder else None
        spec = _map_specs(lambda s: TensorSpec(TensorShape([known]).concatenate(s.shape), s.dtype), self.element_spec)

        def iterate(run):
            source = self._elements(run)
            while True:
                rows = list(itertools.islice(source, n))
                if not rows or drop_remainder and len(rows) < n:
                    return
                yield nest.map_structure(_stack, *rows)

        length = self._length
        if length is not None and length >= 0:
            length = length // n if drop_remainder else -(-length // n)
        return self._then(iterate, spec, length)

    def repeat(self, count=None, name=None):
        """The elements `count` times, without end for None or -1."""
        count = _number(count)
        endless = count is None or count < 0

        def iterate(run):
            for _ in itertools.count() if endless else range(count):
                empty = True
                for e in self._elements(run):
                    empty = False
                    yield e
                if empty:
                    return

        length = (
            -1 if endless and self._length != 0 else None if self._length is None else self._length * max(count or 0, 0)
        )
        return self._then(iterate, length=length)

    def shuffle(self, buffer_size, seed=None, reshuffle_each_iteration=True, name=None):
        """The elements in an order that TensorFlow would give them for these seeds."""
        size = int(_number(buffer_size))
        if size <= 0:
            raise errors.InvalidArgumentError(None, None, "buffer_size must be greater than zero.")
        pair = get_seed(_number(seed))
        again = reshuffle_each_iteration is None or reshuffle_each_iteration
        key = object()

        def iterate(run):
            if again:
                master = run.streams.get(key)
                if master is None:
                    master = run.streams[key] = Words(pair)
                words = Words((master(), master()))
            else:
                if pair == (None, None):
                    fixed = run.streams.setdefault(key, tuple(np.random.SeedSequence().generate_state(2).tolist()))
                    words = Words(fixed)
                else:
                    words = Words(pair)
            return shuffled(self._elements(run), size, words)

        return self._then(iterate, length=self._length)

    def map(
        self,
        map_func,
        num_parallel_calls=None,
        deterministic=None,
        synchronous=None,
        use_unbounded_threadpool=False,
        name=None,
    ):
        """map_func of each element (a tuple's parts are separate arguments)."""
        from .functions import traced

        call, spec = traced(map_func, self.element_spec)
        return self._then(lambda run: (call(e) for e in self._elements(run)), spec, self._length)

    def filter(self, predicate, name=None):
        """The elements for which `predicate` is true."""
        from .functions import traced

        call, spec = traced(predicate, self.element_spec)
        if not isinstance(spec, TensorSpec) or spec.dtype is not dtypes.bool:
            raise ValueError("`predicate` must return a scalar boolean tensor.")
        return self._then(lambda run: (e for e in self._elements(run) if bool(call(e))))

    def flat_map(self, map_func, name=None):
        """The elements of the datasets that `map_func` makes.  Only eagerly."""
        if context.graph is not None:
            raise NotImplementedError("Dataset.flat_map in a graph is not supported by tfcompat.")
        from .functions import eager_arguments

        def inner(e):
            return map_func(*eager_arguments(e))

        first = next(iter(self._elements(Run())), None)
        if first is None:
            raise NotImplementedError("Dataset.flat_map of an empty dataset is not supported by tfcompat.")
        spec = inner(first).element_spec
        return self._then(lambda run: (x for e in self._elements(run) for x in inner(e)._elements(run)), spec)

    def take(self, count, name=None):
        """The first `count` elements."""
        n = _number(count)
        length = (
            self._length
            if n < 0
            else n
            if self._length == -1
            else None
            if self._length is None
            else min(n, self._length)
        )
        return self._then(
            lambda run: self._elements(run) if n < 0 else itertools.islice(self._elements(run), n), length=length
        )

    def skip(self, count, name=None):
        """All but the first `count` elements."""
        n = _number(count)
        length = self._length if self._length in (None, -1) else 0 if n < 0 else max(self._length - n, 0)
        return self._then(
            lambda run: iter(()) if n < 0 else itertools.islice(self._elements(run), n, None), length=length
        )

    def prefetch(self, buffer_size, name=None):
        """The same elements; they are made when asked for."""
        return self._then(self._elements, length=self._length)

    def cache(self, filename="", name=None):
        """The elements of the first whole pass, kept in memory.  A file name is refused."""
        if filename:
            raise NotImplementedError(
                "Dataset.cache(filename) is not supported by tfcompat: cache() keeps the elements in memory."
            )
        key = object()

        def iterate(run):
            kept = run.streams.get(key)
            if kept is not None:
                yield from kept
                return
            kept = []
            for e in self._elements(run):
                kept.append(e)
                yield e
            run.streams[key] = kept

        return self._then(iterate, length=self._length)

    def enumerate(self, start=0, name=None):
        """(number, element) pairs."""
        spec = (TensorSpec([], dtypes.int64), self.element_spec)
        return self._then(
            lambda run: ((np.array(i, np.int64), e) for i, e in enumerate(self._elements(run), start)),
            spec,
            self._length,
        )

    def concatenate(self, dataset, name=None):
        """These elements, then the other's."""

        def iterate(run):
            return itertools.chain(self._elements(run), dataset._elements(run))

        made = self._then(iterate)
        made._inputs += (dataset,)
        made._tensors += dataset._tensors
        return made

    def unbatch(self, name=None):
        """One element a row of every element."""
        spec = _map_specs(
            lambda s: TensorSpec(None if s.shape.rank is None else s.shape[1:], s.dtype), self.element_spec
        )

        def iterate(run):
            for e in self._elements(run):
                flat = nest.flatten(e)
                for rows in zip(*flat, strict=True):
                    yield nest.pack_sequence_as(e, [np.asarray(r) for r in rows])

        return self._then(iterate, spec)

    def shard(self, num_shards, index, name=None):
        """Every `num_shards`-th element, from number `index`."""
        n, i = _number(num_shards), _number(index)
        if i >= n:
            raise errors.InvalidArgumentError(None, None, f"index must be >= 0 and < num_shards, got {i}")
        return self._then(lambda run: itertools.islice(self._elements(run), i, None, n))

    def apply(self, transformation_func):
        """transformation_func(self)."""
        return transformation_func(self)

    def with_options(self, options, name=None):
        """The same dataset: options change how fast, not what."""
        return self


def _first(leaf):
    shape = (
        leaf.shape if isinstance(leaf, np.ndarray) else leaf.shape.as_list() if leaf.shape.rank is not None else (None,)
    )
    return shape[0] if len(shape) else None


def _text(value):
    out = np.empty((), object)
    out[()] = value
    return out


def _stack(*rows):
    shapes = {r.shape for r in rows}
    if len(shapes) > 1:
        a, b = rows[0].shape, next(r.shape for r in rows if r.shape != rows[0].shape)
        raise errors.InvalidArgumentError(
            None,
            None,
            f"Cannot batch tensors with different shapes in component 0. First element had shape {list(a)} and "
            f"element had "
            f"shape {list(b)}.",
        )
    if rows[0].dtype == object:
        out = np.empty((len(rows), *rows[0].shape), object)
        for i, r in enumerate(rows):
            out[i] = r[()] if r.ndim == 0 else r
        return out
    return np.stack(rows)


def _pack_deep(structure, parts):
    """`structure` with its leaves (datasets) replaced by nests."""
    parts = iter(parts)

    def walk(s):
        if isinstance(s, Dataset):
            return next(parts)
        if isinstance(s, dict):
            return {k: walk(s[k]) for k in sorted(s)}
        return tuple([walk(v) for v in s])

    return walk(structure)


class DatasetV1(Dataset):
    """TF1's Dataset: also makes iterators whose get_next is an operation."""

    @classmethod
    def _of(cls, spec, iterate, inputs=(), sources=(), length=None):
        made = cls.__new__(cls)
        Dataset.__init__(made, spec, iterate, inputs, sources, length)
        return made

    def make_one_shot_iterator(self):
        """An iterator that goes through the elements once; needs no initializer.

        Raises ValueError for captured placeholders.
        """
        from .iterators import one_shot

        return one_shot(self)

    def make_initializable_iterator(self, shared_name=None):
        """An iterator to start with session.run(iterator.initializer).  Raises RuntimeError eagerly."""
        from .iterators import initializable

        return initializable(self)


publish(Dataset, "data.Dataset", v1="")
publish(DatasetV1, "", v1="data.Dataset")


@export("", v1="data.make_one_shot_iterator")
def make_one_shot_iterator(dataset):
    return dataset.make_one_shot_iterator()


@export("", v1="data.make_initializable_iterator")
def make_initializable_iterator(dataset, shared_name=None):
    return dataset.make_initializable_iterator(shared_name)


@export("", v1="data.get_output_types")
def get_output_types(dataset_or_iterator):
    return dataset_or_iterator.output_types


@export("", v1="data.get_output_shapes")
def get_output_shapes(dataset_or_iterator):
    return dataset_or_iterator.output_shapes
