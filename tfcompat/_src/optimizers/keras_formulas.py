"""Update formulas of Keras's optimizers: f(h, t, grad, var, *slots, **settings) -> (new var, *new slots).

h     hyper-parameters by name in the variable's dtype; `h.rest("beta_1")` is 1 - beta_1 taken before rounding, as
      Keras 3 does
t     the number of this step, from one on (int64)
grad  `Dense` or `Rows`: Keras 3 squares the rows of a sparse gradient before it adds duplicates up
"""

from __future__ import annotations

import math

import jax.numpy as jnp

from .formulas import ftrl_roots, sum_duplicates


class Dense:
    """A gradient with the variable's shape."""

    def __init__(self, value):
        self.value = value

    def map(self, f):
        """f(gradient)."""
        return f(self.value)

    def over(self, divisor):
        """The gradient divided by an array of its shape."""
        return Dense(self.value / divisor)

    def mean_square(self):
        """The mean of the squares of all elements."""
        return jnp.mean(self.value * self.value)

    def into(self, average, share, f=None):
        """average + (f(gradient) - average) * share."""
        return average + ((self.value if f is None else f(self.value)) - average) * share


class Rows:
    """Rows `values` at `indices` of a gradient of `shape`; duplicates add up."""

    def __init__(self, values, indices, shape):
        self.values, self.indices, self.shape = values, indices, shape

    @property
    def value(self):
        return self.map(lambda v: v)

    def map(self, f):
        """f applied to each row, then duplicates added up."""
        rows = f(self.values)
        return jnp.zeros(self.shape, rows.dtype).at[self.indices].add(rows, mode="drop")

    def over(self, divisor):
        """The rows divided by those of an array of the gradient's shape."""
        return Rows(self.values / divisor.at[self.indices].get(mode="clip"), self.indices, self.shape)

    def mean_square(self):
        """The sum of the squares of the rows, duplicates by themselves, over the number of all elements."""
        return jnp.sum(self.values * self.values) / math.prod(self.shape)

    def into(self, average, share, f=None):
        """The same as Dense's, without making a dense gradient: the touched rows are replaced, the others decay."""
        rows = self.values if f is None else f(self.values)
        rows, at = sum_duplicates(rows, self.indices, self.shape[0])
        old = average.at[at].get(mode="clip")
        # In this order XLA works in the donated table; decaying all rows first would make it copy the table.
        average = average.at[at].set(old + (rows - old) * share, mode="drop")
        touched = jnp.zeros(self.shape[0], bool).at[at].set(True, mode="drop")
        touched = touched.reshape((-1,) + (1,) * (len(self.shape) - 1))
        return jnp.where(touched, average, average + (0 - average) * share)


class Hypers:
    """Hyper-parameters by name, rounded to the variable's dtype; `exact` holds them before.

    Half precision is rounded to, then computed with in float32 (formulas.widely).
    """

    def __init__(self, exact, dtype):
        self._exact, self._dtype = exact, dtype
        self._wide = jnp.float32 if dtype in (jnp.float16, jnp.bfloat16) else dtype

    def _rounded(self, value):
        return value.astype(self._dtype).astype(self._wide)

    def __getattr__(self, name):
        return self._rounded(self._exact[name])

    def rest(self, name):
        """1 - the hyper-parameter, rounded last."""
        return self._rounded(1 - self._exact[name].astype(jnp.float64))

    def cast(self, name):
        """The hyper-parameter by way of float32, as TensorFlow casts a Python number."""
        return self._rounded(self._exact[name].astype(jnp.float32))

    def times(self, name, factor):
        """The hyper-parameter times another one, multiplied in its own dtype."""
        value = self._exact[name]
        return self._rounded(value * self._exact[factor].astype(value.dtype))

    def power(self, name, t):
        """The hyper-parameter, cast, to the power t: rounded once, at the end; XLA's float32 power loses digits."""
        return power(self.cast(name), t)


def power(base, t):
    """base ** t to the last digit of base's dtype; t is an integer."""
    return (base.astype(jnp.float64) ** jnp.asarray(t).astype(jnp.float64)).astype(base.dtype)


def _square(g):
    return g * g


# -- Keras 3 ----------------------------------------------------------------------------------------------------------
def sgd(h, t, grad, var, *slots, nesterov=False):
    if not slots:
        if isinstance(grad, Rows):
            return (var.at[grad.indices].add(-grad.values * h.learning_rate, mode="drop"),)
        return (var - grad.value * h.learning_rate,)
    g = grad.value
    momentum = h.cast("momentum")
    m = slots[0] * momentum - g * h.learning_rate
    return (var + (m * momentum - g * h.learning_rate) if nesterov else var + m), m


def rmsprop(h, t, grad, var, velocity, *more, momentum=False, centered=False):
    g, more = grad.value, list(more)
    velocity = h.rho * velocity + h.rest("rho") * grad.map(_square)
    out = [velocity]
    mom = more.pop(0) if momentum else None
    scale = velocity + h.epsilon
    if centered:
        average = h.rho * more[0] + h.rest("rho") * g
        scale = velocity - average * average + h.epsilon
    step = h.learning_rate * g / jnp.sqrt(scale)
    if momentum:
        step = h.momentum * mom + step
        out.append(step)
    return (var - step, *out, *([average] if centered else []))


def _moments(h, grad, m, v):
    return grad.into(m, h.rest("beta_1")), grad.into(v, h.rest("beta_2"), _square)


def adam(h, t, grad, var, m, v, *hat, amsgrad=False):
    alpha = h.learning_rate * jnp.sqrt(1 - h.power("beta_2", t)) / (1 - h.power("beta_1", t))
    m, v = _moments(h, grad, m, v)
    top = jnp.maximum(hat[0], v) if amsgrad else v
    return var - m * alpha / (jnp.sqrt(top) + h.epsilon), m, v, *([top] if amsgrad else [])


def adamax(h, t, grad, var, m, u):
    m = m + (grad.value - m) * h.rest("beta_1")
    u = jnp.maximum(h.beta_2 * u, grad.map(jnp.abs))
    return var - h.learning_rate * m / ((1 - h.power("beta_1", t)) * (u + h.epsilon)), m, u


def nadam(h, t, grad, var, m, v):
    """h.u_product: the product of the momentum schedule up to this step."""
    g, base = grad.value, jnp.float32(0.96).astype(var.dtype)
    beta_1, beta_2 = h.cast("beta_1"), h.cast("beta_2")
    u = beta_1 * (1 - 0.5 * power(base, t))
    ahead = beta_1 * (1 - 0.5 * power(base, t + 1))
    m = m + (g - m) * (1 - beta_1)
    v = v + (grad.map(_square) - v) * (1 - beta_2)
    m_hat = ahead * m / (1 - h.u_product * ahead) + (1 - u) * g / (1 - h.u_product)
    v_hat = v / (1 - h.power("beta_2", t))
    return var - m_hat * h.learning_rate / (jnp.sqrt(v_hat) + h.epsilon), m, v


def nadam_product(product, beta_1, t):
    """The momentum schedule's product after step t."""
    beta_1 = beta_1.astype(product.dtype)
    return product * beta_1 * (1 - 0.5 * power(jnp.asarray(0.96, product.dtype), t))


def adagrad(h, t, grad, var, accumulator):
    accumulator = accumulator + grad.map(_square)
    if isinstance(grad, Rows):
        below = jnp.sqrt(accumulator.at[grad.indices].get(mode="clip") + h.epsilon)
        return var.at[grad.indices].add(-(h.learning_rate * grad.values / below), mode="drop"), accumulator
    return var - h.learning_rate * grad.value / jnp.sqrt(accumulator + h.epsilon), accumulator


def adadelta(h, t, grad, var, squares, updates):
    squares = h.rho * squares + h.rest("rho") * grad.map(_square)
    ratio = -jnp.sqrt(updates + h.epsilon), jnp.sqrt(squares + h.epsilon)
    if isinstance(grad, Rows):
        above, below = [part.at[grad.indices].get(mode="clip") for part in ratio]
        update = Rows(above * grad.values / below, grad.indices, grad.shape)
    else:
        update = Dense(ratio[0] * grad.value / ratio[1])
    return var + h.learning_rate * update.value, squares, h.rho * updates + h.rest("rho") * update.map(_square)


def ftrl(h, t, grad, var, accumulator, linear):
    l2 = h.l2_regularization_strength + h.beta / (2 * h.learning_rate)
    new = accumulator + grad.map(_square)
    root, old = ftrl_roots(new, accumulator, h.learning_rate_power)
    shrunk = grad.value + 2 * h.l2_shrinkage_regularization_strength * var
    linear = linear + (shrunk - (root - old) / h.learning_rate * var)
    l1 = h.l1_regularization_strength
    return (jnp.clip(linear, -l1, l1) - linear) / (root / h.learning_rate + 2 * l2), new, linear


def lion(h, t, grad, var, m):
    g, beta_1, beta_2 = grad.value, h.cast("beta_1"), h.cast("beta_2")
    return var - h.learning_rate * jnp.sign(m * beta_1 + g * (1 - beta_1)), m * beta_2 + g * (1 - beta_2)


def adafactor(h, t, grad, var, r, c, v, *, relative_step=True):
    """Rows and columns of the second moment only (Shazeer & Stern 2018) where the variable has two dimensions or
    more.
    """
    step = jnp.asarray(t).astype(var.dtype)
    rate = jnp.minimum(h.learning_rate, 1 / jnp.sqrt(step)) if relative_step else h.learning_rate
    alpha = jnp.maximum(h.cast("epsilon_2"), _rms(var)) * jnp.minimum(rate, 1 / jnp.sqrt(step))
    square = grad.map(_square) + h.epsilon_1
    decay = 1 - step**h.beta_2_decay
    if var.ndim >= 2:
        r = decay * r + (1 - decay) * jnp.mean(square, axis=-1)
        c = decay * c + (1 - decay) * jnp.mean(square, axis=-2)
        v = jnp.expand_dims(r / jnp.mean(r, axis=-1, keepdims=True), -1) * jnp.expand_dims(c, -2)
    else:
        v = decay * v + (1 - decay) * square
    u = grad.over(jnp.sqrt(v))
    size = jnp.sqrt(u.mean_square())
    return var - u.value / jnp.maximum(1, size / h.clip_threshold) * alpha, r, c, v


def _rms(x):
    return jnp.sqrt(jnp.mean(x * x))


def lamb(h, t, grad, var, m, v):
    m, v = _moments(h, grad, m, v)
    update = m / (1 - h.power("beta_1", t)) / (jnp.sqrt(v / (1 - h.power("beta_2", t))) + h.epsilon)
    w_norm, g_norm = jnp.sqrt(jnp.sum(var * var)), jnp.sqrt(jnp.sum(update * update))
    ratio = jnp.where((w_norm > 0) & (g_norm > 0), w_norm / jnp.where(g_norm > 0, g_norm, 1), 1)
    return var - ratio * h.learning_rate * update, m, v


def muon(h, t, grad, var, m, *slots, decay=None, adam=False, nesterov=True, ns_steps=5, rms_rate=0.2):
    """Momentum made orthogonal by a few Newton-Schulz steps, for matrices; Adam (with `slots`) for everything else.

    decay: the name of the weight decay that acts on this variable.
    """
    g = grad.value
    if decay is not None:
        var = var - var * h.cast(decay) * h.learning_rate
    if adam:
        alpha = (
            h.times("learning_rate", "adam_lr_ratio")
            * jnp.sqrt(1 - h.power("adam_beta_2", t))
            / (1 - h.power("adam_beta_1", t))
        )
        m = m + (g - m) * h.rest("adam_beta_1")
        v = slots[0] + (g * g - slots[0]) * h.rest("adam_beta_2")
        return var - m * alpha / (jnp.sqrt(v) + h.epsilon), m, v
    m = m + (g - m * h.rest("momentum"))
    x = g + h.momentum * m if nesterov else m
    update = h.learning_rate * _orthogonal(x, [h.muon_a, h.muon_b, h.muon_c], ns_steps)
    if rms_rate is not None:
        update = update * max(var.shape) ** 0.5 * rms_rate
    return var - update, m


def _orthogonal(x, coefficients, steps):
    """The quintic Newton-Schulz iteration towards the nearest orthogonal matrix."""
    a, b, c = coefficients
    tall = x.shape[-2] > x.shape[-1]
    x = jnp.swapaxes(x, -1, -2) if tall else x
    x = x / (jnp.linalg.norm(x, axis=(-2, -1), keepdims=True) + 1e-7)
    for _ in range(steps):
        s = x @ jnp.swapaxes(x, -1, -2)
        x = a * x + (b * s + c * s @ s) @ x
    return jnp.swapaxes(x, -1, -2) if tall else x


def schedule_free_adamw(h, t, grad, var, z, v, *, warmup_steps=0):
    """Gradients are taken at an interpolation of the fast point z and of its average (Defazio et al. 2024)."""
    g, step, beta_1 = grad.value, jnp.asarray(t).astype(var.dtype), h.cast("beta_1")
    rate = h.learning_rate * jnp.minimum(step / warmup_steps, 1) if warmup_steps > 0 else h.learning_rate
    v = v + (g * g - v) * (1 - h.cast("beta_2"))
    z = z - rate * g / (jnp.sqrt(v / (1 - h.power("beta_2", t))) + h.epsilon)
    x = (var - (1 - beta_1) * z) / beta_1  # with the new z: so Keras computes over TensorFlow, where it reads late
    weight = 1 / step
    x = (1 - weight) * x + weight * z
    return (1 - beta_1) * z + beta_1 * x, z, v


# -- Keras 2 where it differs -----------------------------------------------------------------------------------------
def rmsprop_v2(h, t, grad, var, rms, *more, centered=False):
    """Without momentum: epsilon outside the root (with momentum Keras 2 uses TensorFlow's op)."""
    g = grad.value
    rms = h.rho * rms + (1 - h.rho) * (g * g)
    below, out = rms, [rms]
    if centered:
        mg = h.rho * more[0] + (1 - h.rho) * g
        below = rms - mg * mg
        out.append(mg)
    return (var - h.learning_rate * g / (jnp.sqrt(below) + h.epsilon), *out)


def rmsprop_v2_rows(h, t, values, indices, var, rms, *more, centered=False):
    """Means decay in every row, only the rows looked up move.  Indices are distinct."""
    rms = (rms * h.rho).at[indices].add(values * values * (1 - h.rho), mode="drop")
    below, out = rms.at[indices].get(mode="clip"), [rms]
    if centered:
        mg = (more[0] * h.rho).at[indices].add(values * (1 - h.rho), mode="drop")
        below = below - mg.at[indices].get(mode="clip") ** 2
        out.append(mg)
    return (var.at[indices].add(-h.learning_rate * values / (jnp.sqrt(below) + h.epsilon), mode="drop"), *out)


def _nadam_v2_parts(h, t):
    """(momentum of this step, of the next, their products with those of all steps before)."""
    base, local = jnp.float32(0.96).astype(h.beta_1.dtype), jnp.asarray(t).astype(h.beta_1.dtype)
    m_t = h.beta_1 * (1 - 0.5 * base ** (h.decay * local))
    m_next = h.beta_1 * (1 - 0.5 * base ** (h.decay * (local + 1)))
    now = h.u_product * m_t
    return m_t, m_next, now, now * m_next


def nadam_v2_product(h, t):
    """The momentum cache after step t."""
    return _nadam_v2_parts(h, t)[2]


def nadam_v2(h, t, grad, var, m, v):
    g = grad.value
    m_t, m_next, now, after = _nadam_v2_parts(h, t)
    m = h.beta_1 * m + (1 - h.beta_1) * g
    v = h.beta_2 * v + (1 - h.beta_2) * (g * g)
    bar = (1 - m_t) * (g / (1 - now)) + m_next * (m / (1 - after))
    return var - h.learning_rate * bar / (jnp.sqrt(v / (1 - h.power("beta_2", t))) + h.epsilon), m, v


def nadam_v2_rows(h, t, values, indices, var, m, v):
    m_t, m_next, now, after = _nadam_v2_parts(h, t)
    m = (m * h.beta_1).at[indices].add(values * (1 - h.beta_1), mode="drop")
    v = (v * h.beta_2).at[indices].add(values * values * (1 - h.beta_2), mode="drop")
    bar = (1 - m_t) * (values / (1 - now)) + m_next * (m.at[indices].get(mode="clip") / (1 - after))
    below = jnp.sqrt(v.at[indices].get(mode="clip") / (1 - h.power("beta_2", t))) + h.epsilon
    return var.at[indices].add(-h.learning_rate * bar / below, mode="drop"), m, v


def from_training_op(op, names, powers=()):
    """A Keras formula that is one of TensorFlow's training ops; `names`: input of the op -> hyper-parameter.

    powers: inputs that are a hyper-parameter to the power t.
    """

    def inputs(h, t, known):
        given = dict(known)
        for k in op.inputs:
            if k not in given:
                given[k] = h.power(names[k], t) if k in powers else getattr(h, names.get(k, k))
        return [given[k] for k in op.inputs]

    def formula(h, t, grad, var, *slots, **settings):
        return op.kernel(var, *slots, *inputs(h, t, {op.grad: grad.value}), **settings)

    def rows(h, t, values, indices, var, *slots, **settings):
        return op.kernel(var, *slots, *inputs(h, t, {op.grad: values, "indices": indices}), **settings)

    return rows if op.sparse else formula
