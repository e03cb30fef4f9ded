"""Functions over the first dimension: tf.map_fn, tf.scan, tf.foldl, tf.foldr, tf.vectorized_map.

The first four are loops over TensorArrays, the last is jax.vmap of the traced function.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from .. import dtypes, nest, record
from ..autograph.api import control_status_ctx, tf_convert
from ..declare import OPS, export
from ..graph import aval, context
from ..scopes import name_scope
from ..shapes import TensorShape
from ..tensor import IndexedSlices, Tensor
from ..type_spec import TensorSpec
from . import bodies
from .tensor_array import TensorArray
from .while_loop import while_loop


def _callable(fn):
    if not callable(fn):
        raise TypeError(f"{getattr(fn, '__name__', fn)} is not callable. Please provide a callable function.")


def _elements(elems):
    """The flat tensors of `elems`.  ValueError for none, for scalars, for different lengths."""
    flat = [record.convert_to_tensor(e, name="elem") for e in nest.flatten(elems)]
    if not flat:
        raise ValueError(
            f"elems must be a Tensor or (possibly nested) sequence of Tensors. Got {elems}, which does not "
            f"contain any Tensors."
        )
    if flat[0].shape.rank == 0:
        raise ValueError("Elements in elems must be 1+ dimensional Tensors, not scalars")
    length = TensorShape([_length(flat[0])])
    for t in flat[1:]:
        here = TensorShape([_length(t)])
        if not length.is_compatible_with(here):
            raise ValueError(f"Dimensions {length.as_list()[0]} and {here.as_list()[0]} are not compatible")
        length = length.merge_with(here)
    return flat, length.as_list()[0]


def _length(tensor):
    return None if tensor.shape.rank is None else tensor.shape.as_list()[0]


def _size(flat, static):
    """The number of elements: an int where known, else a tensor."""
    return static if static is not None else OPS["Shape"].public(flat[0], out_type=dtypes.int32)[0]


def _array(tensor, n):
    return TensorArray(tensor.dtype, size=n, infer_shape=True, clear_after_read=False).unstack(tensor)


def _with_length(tensor, n):
    """A stacked result with its first dimension known."""
    if context.graph is not None and tensor.shape.rank is not None:
        tensor.set_shape(TensorShape([n]).concatenate(tensor.shape[1:]))
    return tensor


# -- map_fn -----------------------------------------------------------------------------------------------------------
@export("map_fn")
def map_fn(
    fn,
    elems,
    dtype=None,
    parallel_iterations=None,
    back_prop=True,
    swap_memory=False,
    infer_shape=True,
    name=None,
    fn_output_signature=None,
):
    """fn of each element along the first dimension, stacked; `fn_output_signature` (or `dtype`) says what fn returns
    if not the like."""
    if fn_output_signature is None:
        fn_output_signature = dtype
    from ..ragged import mapping  # a room above this one

    if not callable(fn):
        raise TypeError(f"The provided function {getattr(fn, '__name__', fn)} is not callable.fn must be callable.")
    if context.graph is not None and context.graph.building_function:
        fn = tf_convert(fn, control_status_ctx())
    elems = nest.map_structure(
        lambda e: record.convert_to_tensor(e) if hasattr(e.__class__, "_dense_tensor") else e, elems
    )
    if any(mapping.is_composite(v) for v in (*nest.flatten(elems), *nest.flatten(fn_output_signature))):
        with name_scope(name, "map"):
            return mapping.map_rows(fn, elems, fn_output_signature)
    with name_scope(name, "map", [e for e in nest.flatten(elems) if isinstance(e, Tensor)]):
        flat, static = _elements(elems)
        n = _size(flat, static)
        like = elems if fn_output_signature is None else fn_output_signature
        specs = (
            [_spec(t) for t in flat]
            if fn_output_signature is None
            else [_spec(s) for s in nest.flatten(fn_output_signature)]
        )
        sources = [_array(t, n) for t in flat]
        results = [TensorArray(d, size=n, infer_shape=infer_shape, element_shape=s) for d, s in specs]

        def compute(i, results):
            value = fn(nest.pack_sequence_as(elems, [a.read(i) for a in sources]))
            nest.assert_same_structure(like, value)
            return i + 1, [a.write(i, v) for a, v in zip(results, nest.flatten(value), strict=True)]

        i = record.convert_to_tensor(np.array(0, np.int32))
        _, results = while_loop(
            lambda i, _: OPS["Less"].public(i, n), compute, (i, results), parallel_iterations=parallel_iterations or 10,
            back_prop=back_prop, swap_memory=swap_memory, maximum_iterations=n, return_same_structure=True,
        )  # fmt: skip
        return nest.pack_sequence_as(like, [_with_length(a.stack(), static) for a in results])


def _spec(s):
    """(dtype, element shape) of an entry of an output signature; of an element of a tensor given."""
    if isinstance(s, Tensor):
        return s.dtype.base_dtype, None
    if isinstance(s, TensorSpec):
        return s.dtype, s.shape
    return dtypes.as_dtype(s).base_dtype, None


# -- folds ------------------------------------------------------------------------------------------------------------
def _fold(fn, elems, initializer, parallel_iterations, back_prop, swap_memory, name, right):
    _callable(fn)
    with name_scope(name, "foldr" if right else "foldl", [elems]):
        flat, static = _elements(elems)
        n = _size(flat, static)
        sources = [_array(t, n) for t in flat]
        element = lambda i: nest.pack_sequence_as(elems, [a.read(i) for a in sources])
        last = n - 1
        if initializer is None:
            a, first = element(last if right else 0), (last - 1 if right else 1)
        else:
            a, first = nest.map_structure(_tensor, initializer), (last if right else 0)
        first = record.convert_to_tensor(first, dtypes.int32)

        def compute(i, a):
            return [i - 1 if right else i + 1, fn(a, element(i))]

        condition = (lambda i, a: i >= 0) if right else (lambda i, a: OPS["Less"].public(i, n))
        _, a = while_loop(
            condition,
            compute,
            [first, a],
            parallel_iterations=parallel_iterations,
            back_prop=back_prop,
            swap_memory=swap_memory,
            maximum_iterations=n,
            return_same_structure=True,
        )
        return a


def _tensor(value):
    return value if isinstance(value, (Tensor, IndexedSlices)) else record.convert_to_tensor(value)


@export("foldl")
def foldl(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
    """fn(... fn(fn(initializer, x[0]), x[1]) ..., x[n - 1]) over the first dimension of `elems`."""
    return _fold(fn, elems, initializer, parallel_iterations, back_prop, swap_memory, name, False)


@export("foldr")
def foldr(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
    """`foldl` from the last element to the first."""
    return _fold(fn, elems, initializer, parallel_iterations, back_prop, swap_memory, name, True)


# -- scan -------------------------------------------------------------------------------------------------------------
@export("scan")
def scan(
    fn,
    elems,
    initializer=None,
    parallel_iterations=10,
    back_prop=True,
    swap_memory=False,
    infer_shape=True,
    reverse=False,
    name=None,
):
    """`foldl` that returns every accumulator, stacked; `reverse` goes from the last element to the first."""
    _callable(fn)
    like = elems if initializer is None else initializer
    with name_scope(name, "scan", [e for e in nest.flatten(elems) if isinstance(e, Tensor)]):
        flat, static = _elements(elems)
        n = _size(flat, static)
        sources = [_array(t, n) for t in flat]
        last = n - 1
        if initializer is None:
            start, skipped = [a.read(last if reverse else 0) for a in sources], 1
        else:
            start, skipped = [record.convert_to_tensor(v) for v in nest.flatten(initializer)], 0
        results = [
            TensorArray(a.dtype, size=n, element_shape=a.shape if infer_shape else None, infer_shape=infer_shape)
            for a in start
        ]
        if initializer is None:
            results = [r.write(last if reverse else 0, a) for r, a in zip(results, start, strict=True)]
        first = record.convert_to_tensor(last - skipped if reverse else skipped, dtypes.int32)

        def compute(i, a, results):
            out = fn(nest.pack_sequence_as(like, a), nest.pack_sequence_as(elems, [s.read(i) for s in sources]))
            nest.assert_same_structure(like, out)
            out = [_tensor(v) for v in nest.flatten(out)]
            return i - 1 if reverse else i + 1, out, [r.write(i, v) for r, v in zip(results, out, strict=True)]

        condition = (lambda i, a, r: i >= 0) if reverse else (lambda i, a, r: OPS["Less"].public(i, n))
        _, _, results = while_loop(
            condition, compute, (first, start, results), parallel_iterations=parallel_iterations, back_prop=back_prop,
            swap_memory=swap_memory, maximum_iterations=n, return_same_structure=True,
        )  # fmt: skip
        return nest.pack_sequence_as(like, [_with_length(r.stack(), static) for r in results])


# -- vectorized_map ---------------------------------------------------------------------------------------------------
@export("vectorized_map")
def vectorized_map(fn, elems, fallback_to_while_loop=True, warn=True):
    """fn of all elements at once (jax.vmap of the traced function); first dimensions are equal or 1.

    A function with host operations, random numbers or assignments runs element by element instead; ValueError if that
    is not wanted.
    """
    elems = nest.map_structure(record.convert_to_tensor, elems)
    if context.graph is None:
        from ..function import Function

        return Function(lambda e: vectorized_map(fn, e, fallback_to_while_loop, warn), "vectorized_map")(elems)
    flat = nest.flatten(elems, expand_composites=True)
    lengths = {_length(t) for t in flat} - {1}
    if len(lengths - {None}) > 1:
        raise ValueError(
            f"elems of tf.vectorized_map must have equal first dimensions (or 1), got {sorted(lengths - {None})}"
        )
    n = next(iter(lengths)) if len(lengths) == 1 else None if lengths else 1
    avals = [aval(t.dtype.base_dtype, None if t.shape.rank is None else tuple(t.shape.as_list()[1:])) for t in flat]
    body = bodies.Body(fn, "loop_body", avals, lambda a: [nest.pack_sequence_as(elems, a, expand_composites=True)])
    body.finish(outputs=[t for t in body.outputs if t is not None])
    captures, reads, states = bodies.inputs_of([body])
    if body.host or states or body.effects():
        if not fallback_to_while_loop:
            raise ValueError(
                "tf.vectorized_map: the function has operations that cannot run for all elements at once (host "
                "operations, random "
                "numbers or assignments)"
            )
        signature = nest.map_structure(lambda t: t.dtype.base_dtype, body.result)
        return map_fn(fn, elems, fn_output_signature=signature)
    return _vectorized(body, flat, captures, reads, n)


def _vectorized(body, flat, captures, reads, n):
    k, variables = len(flat), list(reads)
    wide = [_length(t) != 1 for t in flat]

    def kernel(*args):
        args = list(args)
        rows, rest = args[:k], args[k:]
        count = max([r.shape[0] for r in rows], default=1)
        in_axes = [0 if r.shape[0] == count else None for r in rows]
        rows = [jnp.asarray(r) if axis == 0 else r[0] for r, axis in zip(rows, in_axes, strict=True)]
        read = dict(zip(variables, rest[len(captures) :], strict=True))

        def one(*row):
            out, _ = body.call([*row, *rest[: len(captures)]], read)
            return tuple([jnp.asarray(v) for v in out])

        return jax.vmap(one, in_axes=tuple(in_axes), axis_size=count)(*rows)

    outs = [
        aval(t.dtype.base_dtype, None if t.shape.rank is None else (n if any(wide) else 1, *t.shape.as_list()))
        for t in body.outs
    ]
    place = [*range(k), *range(k, k + len(captures))]
    static = [i for i, s in zip(place, body.feeds, strict=True) if s in body.static_feeds]
    if any(i < k for i in static):
        raise NotImplementedError("tf.vectorized_map of a function that uses an element's value as a shape")
    with name_scope(None, "vectorized_map") as scope:
        _, out = bodies.add("VectorizedMap", scope, kernel, [*flat, *captures, *reads.values()], outs, static=static)
    found = iter(out)
    filled = [None if t is None else next(found) for t in body.outputs]
    return nest.pack_sequence_as(body.result, filled, expand_composites=True)
