"""What a Keras optimizer does to all its variables in one step, as a pure function: clip, decay, update, average,
accumulate.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .formulas import sum_duplicates
from .keras_formulas import Dense, Hypers, Rows


class KerasRecipe:
    """The static part of a Keras optimizer; see apply.Applied for how `run` is called.

    formula, rows  update formulas (keras_formulas.py); rows None: a sparse gradient goes to `formula` as Rows
    settings       static arguments of the formulas, one tuple of (name, value) per variable
    names          hyper-parameters: those in the vector scalars[0], then one per further scalar
    clip           None or (kind, hyper name): "norm", "value", "global"
    decayed        per variable: does weight decay act on it
    shared         names of shared variables behind `iterations` (u_product)
    advance        None or f(shared values, exact hypers, t, dtypes of the variables) -> (new shared values, those the
                   formula sees)
    accumulate     steps whose gradients are averaged, or None; ema: (overwrite frequency or 0) or None
    rate_decays    Keras 2's `decay`: the learning rate is divided by 1 + decay * iterations
    count          whether this node also counts the step
    """

    _fields = (
        "formula",
        "rows",
        "settings",
        "names",
        "clip",
        "decayed",
        "shared",
        "advance",
        "accumulate",
        "ema",
        "rate_decays",
        "count",
    )
    __slots__ = (*_fields, "key")

    def __init__(self, *values):
        for field, value in zip(self._fields, values, strict=True):
            setattr(self, field, value)
        self.key = tuple(values)

    @property
    def broadcasts(self):
        """Whether a gradient may be smaller than the slots it is added to, as in Keras 3."""
        return self.rows is None

    casts = broadcasts  # Keras 3 makes gradients of the variable's dtype; the training ops behind Keras 2 do not

    def __hash__(self):
        return hash(self.key)

    def __eq__(self, other):
        return isinstance(other, KerasRecipe) and self.key == other.key

    def run(self, scalars, shared, grads, states):
        """(new shared, new states) from the scalars, (iterations, *shared), the gradients and (var, *slots) per
        variable.
        """
        n = scalars[0].shape[0]
        exact = {k: scalars[0][i] for i, k in enumerate(self.names[:n])}
        exact.update(zip(self.names[n:], scalars[1:], strict=True))
        count, others = shared[0], list(shared[1:])
        steps = count // self.accumulate if self.accumulate else count
        grads = [self._gradient(g, s[0], exact) for g, s in zip(grads, states, strict=True)]
        if self.accumulate:
            others, states = self._accumulated(exact, count, steps, others, grads, states)
        else:
            others, states = self._update(exact, steps, others, grads, states)
        if self.ema is not None:
            states = self._averaged(exact, steps, states)
        return (count + self.count, *others), states

    def _gradient(self, g, var, exact):
        scale = exact.get("loss_scale_factor")

        def ready(v):
            return (v if scale is None else v / scale.astype(v.dtype)).astype(var.dtype)

        return Rows(ready(g[0]), g[1], var.shape) if isinstance(g, tuple) else Dense(ready(g))

    def _update(self, exact, steps, others, grads, states):
        """One real step: (new shared, new states)."""
        grads = self._clipped(grads, exact)
        exact = dict(exact)
        t = steps + 1
        seen = others
        if self.advance is not None:
            others, seen = self.advance(others, exact, t, [s[0].dtype for s in states])
        exact.update(zip(self.shared, seen, strict=True))
        extra = (self.ema is not None) + bool(self.accumulate)
        new = []
        for grad, state, settings, decays in zip(grads, states, self.settings, self.decayed, strict=True):
            var, slots, kept = state[0], state[1 : len(state) - extra], state[len(state) - extra :]
            h = self._hypers(exact, steps, var.dtype)
            dtype = var.dtype
            if dtype in (jnp.float16, jnp.bfloat16):
                var, slots = var.astype(jnp.float32), [s.astype(jnp.float32) for s in slots]
                grad = _mapped(grad, lambda v: v.astype(jnp.float32))
            if decays:
                var = var - var * h.cast("weight_decay") * h.learning_rate
            if self.rows is not None and isinstance(grad, Rows):
                values, indices = grad.values, grad.indices
                if not getattr(self.rows, "adds_duplicates", False):
                    values, indices = sum_duplicates(values, indices, var.shape[0])
                out = self.rows(h, t, values, indices, var, *slots, **dict(settings))
            else:
                out = self.formula(h, t, grad, var, *slots, **dict(settings))
            new.append((*[v.astype(dtype) for v in out], *kept))
        return others, new

    def _hypers(self, exact, steps, dtype):
        if not self.rate_decays:
            return Hypers(exact, dtype)
        rate, decay = exact["learning_rate"].astype(dtype), Hypers(exact, dtype).cast("decay")
        return Hypers({**exact, "learning_rate": rate / (1 + decay * steps.astype(dtype))}, dtype)

    def _clipped(self, grads, exact):
        if self.clip is None:
            return grads
        kind, name = self.clip
        if kind == "value":
            return [
                _mapped(g, lambda v: jnp.clip(v, -exact[name].astype(v.dtype), exact[name].astype(v.dtype)))
                for g in grads
            ]
        if kind == "norm":
            return [_mapped(g, lambda v: _clip_by_norm(v, exact[name].astype(v.dtype))) for g in grads]
        parts = [g.values if isinstance(g, Rows) else g.value for g in grads]
        norm = jnp.sqrt(sum(jnp.sum(p.astype(parts[0].dtype) ** 2) for p in parts))
        limit = exact[name].astype(norm.dtype)
        scale = limit * jnp.minimum(1 / norm, 1 / limit) + (norm - norm)  # an infinite norm gives NaN, as in TensorFlow
        if self.rows is None:  # Keras 3 makes sparse gradients dense here
            return [Dense(g.value * scale.astype(g.value.dtype)) for g in grads]
        return [_mapped(g, lambda v: v * scale.astype(v.dtype)) for g in grads]

    def _accumulated(self, exact, count, steps, others, grads, states):
        """Every `accumulate` steps the mean of their gradients is applied; between, they add up in the last slot but
        the average.
        """
        at = -2 if self.ema is not None else -1
        n = self.accumulate
        sums = [s[at] + g.value for s, g in zip(states, grads, strict=True)]

        def put(state, value):
            state = list(state)
            state[at] = value
            return tuple(state)

        def apply(others, states):
            mean = [Dense(total / n) for total in sums]
            new_others, new = self._update(exact, steps, others, mean, states)
            new = [put(s, jnp.zeros_like(s[at])) for s in new]
            # Both branches give the dtypes the state came with: places without a slot hold integers.
            return jax.tree.map(lambda v, old: v.astype(old.dtype), (list(new_others), new), (others, states))

        def keep(others, states):
            return list(others), [put(s, total) for s, total in zip(states, sums, strict=True)]

        return jax.lax.cond((count + 1) % n == 0, apply, keep, others, [tuple(s) for s in states])

    def _averaged(self, exact, steps, states):
        new = []
        for state in states:
            var, average = state[0], state[-1]
            momentum = (steps != 0).astype(var.dtype) * exact["ema_momentum"].astype(var.dtype)
            average = momentum * average + (1 - momentum) * var
            if self.ema:
                var = jnp.where((steps + 1) % self.ema == 0, average, var)
            new.append((var, *state[1:-1], average))
        return new


def _mapped(grad, f):
    return Rows(f(grad.values), grad.indices, grad.shape) if isinstance(grad, Rows) else Dense(f(grad.value))


def _clip_by_norm(v, limit):
    total = jnp.sum(v * v)
    norm = jnp.where(total > 0, jnp.sqrt(jnp.where(total > 0, total, 1)), total)
    return v * limit / jnp.maximum(norm, limit)
