"""What a loop's operation computes: `Loop`, whose `kernel` is a pure function of the data it reads.

    trip count known while compiling       lax.scan: JAX differentiates it, keeping each iteration's values
    otherwise                              lax.while_loop, with a gradient of its own (`dynamic_while`)
    shapes differ between iterations       unrolled, where the condition is known while compiling
    host operations, or neither is known   iteration by iteration on the host

Cost of the gradient of a data-dependent loop of n iterations: the forward loop runs once more to save a carry every
CHUNK iterations, then each chunk is differentiated as a masked scan of CHUNK steps, last chunk first.  Memory:
CHECKPOINTS carries and the intermediate values of one chunk.  Beyond CHUNK * CHECKPOINTS iterations the saved carries
lie further apart; the stretch before each chunk is computed again: n * n / (2 * CHUNK * CHECKPOINTS) iterations.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import errors
from .bodies import split_known
from .tensor_array_ops import is_unset, read_kernel, write_kernel
from .trip_counts import Count

CHUNK, CHECKPOINTS = 32, 64
SCAN_BOUND = 256  # up to so many iterations at most, a masked scan keeps everything instead of computing it again
UNROLLED = 2000


# -- loops of unknown length ------------------------------------------------------------------------------------------
def dynamic_while(cond, body, init, consts, bound=None):
    """lax.while_loop with a gradient: cond(consts, i, x) -> bool, body(consts, i, x) -> x; x, consts tuples of arrays.

    `bound`: a static upper bound of the number of iterations, if one is known.
    """
    init, consts = tuple([jnp.asarray(v) for v in init]), tuple([jnp.asarray(v) for v in consts])

    @jax.custom_vjp
    def run(init, consts):
        return lax.while_loop(
            lambda s: cond(consts, s[0], s[1]), lambda s: (s[0] + 1, body(consts, *s)), (jnp.int32(0), init)
        )

    def run_forward(init, consts):
        n, out = run(init, consts)  # not lax.while_loop again: a second derivative goes through here
        return (n, out), (n, init, consts)

    def run_backward(saved, cotangents):
        (n, init, consts), (_, cotangents) = saved, cotangents
        steps = SCAN_BOUND if bound is not None and bound <= SCAN_BOUND else CHUNK
        return _backward(
            body,
            n,
            init,
            consts,
            cotangents,
            min(steps, bound or steps),
            single=bound is not None and bound <= SCAN_BOUND,
        )

    run.defvjp(run_forward, run_backward)
    return run(init, consts)[1]


def _is_float(v):
    return jnp.issubdtype(v.dtype, jnp.inexact)


def _backward(body, n, init, consts, cotangents, chunk, single):
    """Cotangents of (init, consts) for n iterations of `body`; None for what is not differentiable."""
    xs = [i for i, v in enumerate(init) if _is_float(v)]
    cs = [i for i, v in enumerate(consts) if _is_float(v)]

    def masked(xf, cf, x, consts, start, steps):
        """`steps` <= chunk iterations from `start`, as a function of the differentiable parts."""
        x, consts = _put(x, xs, xf), _put(consts, cs, cf)

        def step(x, i):
            return lax.cond(i < steps, lambda x: body(consts, start + i, x), lambda x: x, x), None

        out, _ = lax.scan(step, x, np.arange(chunk, dtype=np.int32))
        return [out[i] for i in xs]

    def pull(x, consts, start, steps, ct):
        _, back = jax.vjp(
            lambda xf, cf: masked(xf, cf, x, consts, start, steps), [x[i] for i in xs], [consts[i] for i in cs]
        )
        return back(list(ct))

    ct = [cotangents[i] for i in xs]
    if single:
        gx, gc = pull(init, consts, 0, n, ct)
    else:
        gx, gc = _by_chunks(body, n, init, consts, ct, chunk, pull, len(cs), [consts[i] for i in cs])
    return _scattered(len(init), xs, gx), _scattered(len(consts), cs, gc)


def _by_chunks(body, n, init, consts, ct, chunk, pull, n_consts, float_consts):
    count = (n + chunk - 1) // chunk
    apart = (count + CHECKPOINTS - 1) // CHECKPOINTS  # chunks from one saved carry to the next
    apart = jnp.maximum(apart, 1)
    k = len(init)

    def save(consts, i, s):
        stride, x, saved = s[0], s[1 : 1 + k], s[1 + k :]
        slot = i // stride
        here = i % stride == 0
        saved = [
            lax.dynamic_update_index_in_dim(b, jnp.where(here, v, lax.dynamic_index_in_dim(b, slot, 0, False)), slot, 0)
            for b, v in zip(saved, x, strict=True)
        ]
        return (stride, *body(consts[1:], i, tuple(x)), *saved)

    saved = [jnp.zeros((CHECKPOINTS, *v.shape), v.dtype) for v in init]
    out = dynamic_while(lambda c, i, s: i < c[0], save, (apart * chunk, *init, *saved), (n, *consts))
    saved = out[1 + k :]
    total = [jnp.zeros(v.shape, v.dtype) for v in float_consts]

    def back(held, i, s):
        n, apart, count = held[:3]
        saved, consts = held[3 : 3 + k], held[3 + k :]
        j = count - 1 - i
        slot = j // apart
        x = tuple([lax.dynamic_index_in_dim(b, slot, 0, False) for b in saved])
        start = slot * apart * chunk
        x = dynamic_while(
            lambda c, t, x: t < c[0], lambda c, t, x: body(c[2:], c[1] + t, x), x, (j * chunk - start, start, *consts)
        )
        ct, total = s[: len(ct_like)], s[len(ct_like) :]
        gx, gc = pull(x, consts, j * chunk, jnp.minimum(chunk, n - j * chunk), ct)
        return (*gx, *[a + b for a, b in zip(total, gc, strict=True)])

    ct_like = ct
    out = dynamic_while(lambda h, i, s: i < h[2], back, (*ct, *total), (n, apart, count, *saved, *consts))
    return out[: len(ct)], out[len(ct) :]


def _put(values, positions, given):
    out = list(values)
    for i, v in zip(positions, given, strict=True):
        out[i] = v
    return tuple(out)


def _scattered(n, positions, values):
    out = [None] * n
    for i, v in zip(positions, values, strict=True):
        out[i] = v
    return tuple(out)


# -- the operation ----------------------------------------------------------------------------------------------------
class Loop:
    """One while loop: `cond` and `body` are Bodies over the same carries.

    n         carries; `invariant` positions are handed through unchanged by the body
    flows     carry positions that are TensorArrays' contents; `sizes`: flow position -> position of its size, for
              those that grow
    captures  slots outside in input order; `reads` variables; `states` read and written
    hoisted   [(input position of a TensorArray, carry position of the index)]: reads done outside the body, fed to it
              after the carries
    deferred  flow position -> carry position of the index: the body returns the element to write, the write is done
              outside it
    limit     is the last data input the maximum number of iterations
    """

    def __init__(
        self, cond, body, n, invariant, flows, sizes, captures, reads, states, hoisted, deferred, limit, names
    ):
        self.deferred = deferred
        self.cond, self.body, self.n, self.invariant, self.flows, self.sizes = cond, body, n, invariant, flows, sizes
        self.captures, self.reads, self.states, self.hoisted, self.limit, self.names = (
            captures,
            reads,
            states,
            hoisted,
            limit,
            names,
        )
        self.moving = [i for i in range(n) if i not in invariant]
        place = {s: n + i for i, s in enumerate(captures)}
        self.cond_captures = [place[outside._slot] for outside, _ in cond.captured]
        self.body_captures = [place[outside._slot] for outside, _ in body.captured]
        self.reads_at = n + len(captures)
        self.place = {v: self.reads_at + i for i, v in enumerate(reads)}  # variable -> input position
        self.unroll = False

    def parts(self, args):
        """(data inputs before the limit, the limit or None, states)."""
        n_data = self.reads_at + len(self.reads)
        limit = args[n_data] if self.limit else None
        states = list(args[n_data + self.limit :])
        return list(args[:n_data]), limit, states

    def given(self, data, moving, states):
        """The data inputs with these values of the moving carries, and what the bodies read."""
        data = list(data)
        for i, v in zip(self.moving, moving, strict=True):
            data[i] = v
        read = dict(zip(self.reads, data[self.reads_at :], strict=True))
        read.update(zip(self.states, states, strict=True))
        return data, read

    def condition(self, data, moving, states):
        data, read = self.given(data, moving, states)
        (out,), _ = self.cond.call([*data[: self.n], *[data[i] for i in self.cond_captures]], read)
        return out

    def step(self, data, moving, states, hoisted=None, write=True):
        """(new moving carries, new states); without `write` the deferred flows' places hold the elements to write."""
        data, read = self.given(data, moving, states)
        if hoisted is None:
            hoisted = [read_kernel(data[ta], data[index]) for ta, index in self.hoisted]
        out, new = self.body.call([*data[: self.n], *hoisted, *[data[i] for i in self.body_captures]], read)
        for flow, index in self.deferred.items() if write else ():
            out[flow] = write_kernel(data[flow], data[index], out[flow], grows=flow in self.sizes)
        return [out[i] for i in self.moving], [new.get(v, s) for v, s in zip(self.states, states, strict=True)]

    # -- compiled -----------------------------------------------------------------------------------------------------
    def kernel(self, *args):
        """Final carries, then new states."""
        data, limit, states = self.parts(args)
        if self.unroll:
            return self._unrolled(data, limit, states)
        count = Count(self, data, limit)
        rows = count.ranges(data) if count.exact else None
        data = self._sized(data, states, count, self.deferred if rows is not None else ())
        if count.exact == 0:
            return (*data[: self.n], *states)
        if count.exact is not None:
            moving, states = self._scan(data, states, count, rows)
        else:
            moving, states = self._while(data, limit, states, count)
        out = data[: self.n]
        for i, v in zip(self.moving, moving, strict=True):
            out[i] = v
        return (*out, *states)

    def _cast(self, new, like):
        out = []
        for i, (a, b) in enumerate(zip(new, like, strict=True)):
            a = jnp.asarray(a)
            if a.shape != b.shape:
                name = self.names[self.moving[i]] if i < len(self.moving) else "state"
                raise errors.InvalidArgumentError(
                    None, None,
                    f"Input tensor `{name}` enters the loop with shape {b.shape}, but has shape {a.shape} after "
                    f"one iteration. "
                    "To allow the shape to vary across iterations, use the `shape_invariants` argument of "
                    "tf.while_loop to specify a "
                    "less-specific shape.",
                )  # fmt: skip
            out.append(a if a.dtype == b.dtype else a.astype(b.dtype))
        return tuple(out)

    def _scan(self, data, states, count, ranges):
        """`ranges`: (rows of the hoisted reads, where the deferred writes go), or None: then both are done in each
        iteration."""
        apart = self.deferred if ranges is not None else {}
        kept = [p for p, i in enumerate(self.moving) if i not in apart]
        written = [p for p, i in enumerate(self.moving) if i in apart]
        rows, places = ranges if ranges is not None else (None, {})
        moving = tuple([jnp.asarray(data[self.moving[p]]) for p in kept])
        states = tuple([jnp.asarray(s) for s in states])
        k = len(moving)

        def step(carry, row):
            every = [data[i] for i in self.moving]
            for p, v in zip(kept, carry[:k], strict=True):
                every[p] = v
            new, new_states = self.step(data, every, carry[k:], row, write=not apart)
            return self._cast([*[new[p] for p in kept], *new_states], carry), [new[p] for p in written]

        out, elements = lax.scan(step, (*moving, *states), rows, length=count.exact)
        full = [None] * len(self.moving)
        for p, v in zip(kept, out[:k], strict=True):
            full[p] = v
        for p, v in zip(written, elements, strict=True):
            full[p] = _placed(data[self.moving[p]], v, *places[self.moving[p]])
        return full, out[k:]

    def _while(self, data, limit, states, count):
        known = split_known(data)
        moving = [data[i] for i in self.moving]
        k = len(moving)
        for i in self.moving:
            known[i] = True  # not a constant of the loop: its place is filled in each iteration
        free = [v for v, k_ in zip(data, known, strict=True) if not k_]
        limited = limit is not None
        static_limit = int(limit) if limited and limit.__class__ is np.ndarray else None
        if limited and static_limit is None:
            free.append(jnp.asarray(limit).astype(jnp.int64))

        def merged(consts):
            consts = iter(consts)
            return [v if k_ else next(consts) for v, k_ in zip(data, known, strict=True)]

        def cond(consts, i, x):
            ok = jnp.asarray(self.condition(merged(consts), x[:k], x[k:])).reshape(())
            if not limited:
                return ok
            return ok & (i < (static_limit if static_limit is not None else consts[-1]))

        def body(consts, i, x):
            new, new_states = self.step(merged(consts), x[:k], x[k:])
            return self._cast([*new, *new_states], x)

        out = dynamic_while(cond, body, (*moving, *states), free, count.bound)
        return out[:k], out[k:]

    def _sized(self, data, states, count, done=()):
        """The carries with TensorArrays (but those `done` otherwise) given the element shape and the size they will
        have in the loop."""
        data = list(data)
        for flow, size in self.sizes.items():
            if flow in self.invariant:
                continue
            final = count.final(size)
            if final is None:
                raise NotImplementedError(
                    f"a TensorArray with dynamic_size=True ({self.names[flow]}) written in a loop whose length "
                    f"is not known: give it a size"
                )
            data[flow] = grown(data[flow], final)
        unset = [i for i in self.flows if i in self.moving and i not in done and is_unset(data[i])]
        if not unset:
            return data
        moving = [data[i] for i in self.moving]
        for _ in range(len(unset) + 1):
            new, _ = jax.eval_shape(lambda m, s: self.step(data, m, s), moving, list(states))
            for position, shape in zip(self.moving, new, strict=True):
                if position in unset and not is_unset(shape) and is_unset(data[position]):
                    data[position] = jnp.zeros(shape.shape, shape.dtype)
            moving = [data[i] for i in self.moving]
            if not any(is_unset(data[i]) for i in unset):
                break
        return data

    def _unrolled(self, data, limit, states):
        moving = [data[i] for i in self.moving]
        count = Count(self, data, limit).exact
        for i in range(UNROLLED if count is None or count <= UNROLLED else 0):
            go_on = self.condition(data, moving, states) if limit is None or i < int(limit) else np.False_
            if not isinstance(go_on, (np.ndarray, np.generic)):
                raise NotImplementedError(
                    "a tf.while_loop whose shapes change from iteration to iteration, or that needs a loop "
                    "variable's value as a shape, "
                    "while its condition depends on computed values"
                )
            if not bool(go_on):
                out = data[: self.n]
                for position, v in zip(self.moving, moving, strict=True):
                    out[position] = v
                return (*out, *states)
            moving, states = self.step(data, moving, states)
        raise NotImplementedError(f"a tf.while_loop with changing shapes of more than {UNROLLED} iterations")

    def final_sizes(self, *args):
        """The sizes of the TensorArrays that grew, from the inputs' shapes and the known ones' values: host
        arithmetic."""
        data, limit, _ = self.parts(args)
        count = Count(self, data, limit)
        found = [count.final(size) for flow, size in self.sizes.items() if flow not in self.invariant]
        if any(v is None for v in found):
            raise NotImplementedError(
                "a TensorArray with dynamic_size=True written in a loop whose length is not known: give it a size"
            )
        return tuple([np.array(v, np.int32) for v in found])

    # -- on the host --------------------------------------------------------------------------------------------------
    def on_host(self, session, original, *args):
        """The same, iteration by iteration, with the bodies' own compiled and host stages."""
        data, limit, states = self.parts(args)
        moving = [data[i] for i in self.moving]
        at = {position: k for k, position in enumerate(self.moving)}
        done = 0
        while limit is None or done < int(limit):
            for flow, size in self.sizes.items():
                if flow in at:
                    moving[at[flow]] = np_grown(moving[at[flow]], 2 * int(moving[at[size]]) + 16)
            now, read = self.given(data, moving, states)
            (go_on,), _ = self.cond.call_on_host([*now[: self.n], *[now[i] for i in self.cond_captures]], read, session)
            if not bool(go_on):
                break
            fed = [read_kernel(now[ta], now[index]) for ta, index in self.hoisted]
            out, new = self.body.call_on_host(
                [*now[: self.n], *fed, *[now[i] for i in self.body_captures]], read, session
            )
            for flow, size in self.sizes.items():
                if flow in at and flow not in self.deferred:
                    fits(int(out[size]), now[flow].shape[0])
            for flow, index in self.deferred.items():
                out[flow] = write_kernel(now[flow], np.asarray(now[index]), out[flow], grows=flow in self.sizes)
            moving = [out[i] for i in self.moving]
            states = [new.get(v, s) for v, s in zip(self.states, states, strict=True)]
            done += 1
        out = data[: self.n]
        for position, v in zip(self.moving, moving, strict=True):
            out[position] = v
        for flow, size in self.sizes.items():
            if flow in at:
                out[flow] = np.asarray(out[flow])[: int(out[size])]
        return (*out, *states)


def grown(flow, size):
    """A TensorArray's contents with room for `size` elements."""
    missing = size - flow.shape[0]
    if missing <= 0:
        return flow
    return jnp.concatenate([jnp.asarray(flow), jnp.zeros((missing, *flow.shape[1:]), flow.dtype)])


def _placed(flow, elements, first, step):
    """A TensorArray's contents with consecutive `elements` written from index `first` on, upwards or downwards."""
    n = elements.shape[0]
    if step < 0:
        elements, first = elements[::-1], first - n + 1
    if n == flow.shape[0]:
        return elements
    if is_unset(flow):
        flow = jnp.zeros((flow.shape[0], *elements.shape[1:]), elements.dtype)
    return lax.dynamic_update_slice_in_dim(jnp.asarray(flow), elements, first, 0)


def fits(size, room):
    """NotImplementedError where one iteration wrote further past the end of a growing TensorArray than there was room."""
    if size > room:
        raise NotImplementedError(
            f"a TensorArray with dynamic_size=True that grows from less than {room} to {size} elements in one iteration of a loop: "
            "give it a size"
        )


def np_grown(flow, size):
    flow = np.asarray(flow)
    missing = size - flow.shape[0]
    return flow if missing <= 0 else np.concatenate([flow, np.zeros((missing, *flow.shape[1:]), flow.dtype)])


__all__ = ["Count", "Loop", "dynamic_while"]
