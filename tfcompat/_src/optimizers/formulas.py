"""TensorFlow's update formulas as pure JAX functions: new state from state, hyper-parameters and gradient.

A formula is `f(*state, *inputs, **settings) -> new state`, for one variable; `state` starts with the variable itself.
Scalars arrive in the variable's dtype.  Names and argument order are those of TensorFlow's training ops
(tf.raw_ops.ApplyAdam, ...).
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax


def gradient_descent(var, alpha, delta):
    return (var - alpha * delta,)


def momentum(var, accum, lr, grad, momentum, *, use_nesterov=False):
    """The learning rate multiplies the accumulated gradient, so changing it acts at once on the whole history."""
    accum = accum * momentum + grad
    return (var - (grad * lr + accum * momentum * lr) if use_nesterov else var - accum * lr), accum


def keras_momentum(var, accum, lr, grad, momentum, *, use_nesterov=False):
    """Keras keeps the learning rate inside the accumulator."""
    accum = accum * momentum - grad * lr
    return (var + (accum * momentum - grad * lr) if use_nesterov else var + accum), accum


def adam(var, m, v, beta1_power, beta2_power, lr, beta1, beta2, epsilon, grad, *, use_nesterov=False):
    """The bias correction is folded into the learning rate, epsilon is added outside the root (Kingma & Ba, end of
    section 2).
    """
    alpha = lr * jnp.sqrt(1 - beta2_power) / (1 - beta1_power)
    m = m + (grad - m) * (1 - beta1)
    v = v + (grad * grad - v) * (1 - beta2)
    top = grad * (1 - beta1) + beta1 * m if use_nesterov else m
    return var - top * alpha / (jnp.sqrt(v) + epsilon), m, v


def adam_with_amsgrad(var, m, v, vhat, beta1_power, beta2_power, lr, beta1, beta2, epsilon, grad):
    alpha = lr * jnp.sqrt(1 - beta2_power) / (1 - beta1_power)
    m = m + (grad - m) * (1 - beta1)
    v = v + (grad * grad - v) * (1 - beta2)
    vhat = jnp.maximum(vhat, v)
    return var - m * alpha / (jnp.sqrt(vhat) + epsilon), m, v, vhat


def ada_max(var, m, v, beta1_power, lr, beta1, beta2, epsilon, grad):
    m = m + (grad - m) * (1 - beta1)
    v = jnp.maximum(beta2 * v, jnp.abs(grad))
    return var - lr / (1 - beta1_power) * (m / (v + epsilon)), m, v


def adagrad(var, accum, lr, grad, *, update_slots=True):
    """No epsilon: the accumulator starts above zero."""
    if update_slots:
        accum = accum + grad * grad
    return var - lr * grad * lax.rsqrt(accum), accum


def adagrad_v2(var, accum, lr, epsilon, grad, *, update_slots=True):
    if update_slots:
        accum = accum + grad * grad
    return var - lr * grad / (jnp.sqrt(accum) + epsilon), accum


def adagrad_da(var, gradient_accumulator, gradient_squared_accumulator, grad, lr, l1, l2, global_step):
    """Dual averaging: the variable is computed anew from the sums, its old value plays no part."""
    total = gradient_accumulator + grad
    squares = gradient_squared_accumulator + grad * grad
    step = global_step.astype(var.dtype)
    shrunk = jnp.where(l1 > 0, jnp.sign(total) * jnp.maximum(jnp.abs(total) - l1 * step, 0), total)
    return -lr * shrunk / (l2 * step * lr + jnp.sqrt(squares)), total, squares


def adadelta(var, accum, accum_update, lr, rho, epsilon, grad):
    accum = accum * rho + grad * grad * (1 - rho)
    update = jnp.sqrt(accum_update + epsilon) * lax.rsqrt(accum + epsilon) * grad
    return var - update * lr, accum, accum_update * rho + update * update * (1 - rho)


def rms_prop(var, ms, mom, lr, rho, momentum, epsilon, grad):
    """Epsilon sits inside the root; the mean square starts at one (the optimizer's doing)."""
    ms = ms + (grad * grad - ms) * (1 - rho)
    mom = mom * momentum + grad * lr * lax.rsqrt(ms + epsilon)
    return var - mom, ms, mom


def centered_rms_prop(var, mg, ms, mom, lr, rho, momentum, epsilon, grad):
    ms = ms + (grad * grad - ms) * (1 - rho)
    mg = mg + (grad - mg) * (1 - rho)
    mom = mom * momentum + grad * lr * lax.rsqrt(ms - mg * mg + epsilon)
    return var - mom, mg, ms, mom


def ftrl(var, accum, linear, grad, lr, l1, l2, lr_power, *, multiply_linear_by_lr=False):
    return _ftrl(var, accum, linear, grad, grad, lr, l1, l2, lr_power, multiply_linear_by_lr)


def ftrl_v2(var, accum, linear, grad, lr, l1, l2, l2_shrinkage, lr_power, *, multiply_linear_by_lr=False):
    """The shrinkage acts on the linear term only; the accumulator sees the bare gradient."""
    return _ftrl(var, accum, linear, grad, grad + 2 * l2_shrinkage * var, lr, l1, l2, lr_power, multiply_linear_by_lr)


def _ftrl(var, accum, linear, grad, shrunk, lr, l1, l2, lr_power, multiply):
    new = accum + grad * grad
    root, old_root = ftrl_roots(new, accum, lr_power)
    if multiply:
        linear = linear + shrunk * lr - (root - old_root) * var
        quadratic, limit = root + 2 * l2 * lr, l1 * lr
    else:
        linear = linear + shrunk - (root - old_root) / lr * var
        quadratic, limit = root / lr + 2 * l2, l1
    return jnp.where(jnp.abs(linear) > limit, (jnp.sign(linear) * limit - linear) / quadratic, 0), new, linear


def ftrl_roots(new, accum, lr_power):
    """Both accumulators to the power -lr_power; the root where that is 1/2, in float64 elsewhere: their difference
    loses digits.
    """

    def general(values):
        return tuple([(v.astype(jnp.float64) ** -lr_power.astype(jnp.float64)).astype(v.dtype) for v in values])

    return lax.cond(lr_power == -0.5, lambda values: tuple([jnp.sqrt(v) for v in values]), general, (new, accum))


def proximal_gradient_descent(var, alpha, l1, l2, delta):
    return (_prox(var - alpha * delta, alpha, l1, l2),)


def proximal_adagrad(var, accum, lr, l1, l2, grad):
    accum = accum + grad * grad
    rate = lr * lax.rsqrt(accum)
    return _prox(var - grad * rate, rate, l1, l2), accum


def _prox(var, rate, l1, l2):
    return jnp.where(l1 > 0, jnp.sign(var) * jnp.maximum(jnp.abs(var) - rate * l1, 0), var) / (1 + rate * l2)


def add_sign(var, m, lr, alpha, sign_decay, beta, grad):
    m = m * beta + grad * (1 - beta)
    return var - lr * (alpha + sign_decay * jnp.sign(grad) * jnp.sign(m)) * grad, m


def power_sign(var, m, lr, logbase, sign_decay, beta, grad):
    m = m * beta + grad * (1 - beta)
    return var - lr * jnp.exp(logbase * sign_decay * jnp.sign(grad) * jnp.sign(m)) * grad, m


def widely(formula, state, inputs, **settings):
    """`formula` with half-precision values computed in float32 and rounded once, whatever the compiler fuses."""
    dtype = state[0].dtype
    if dtype in (jnp.float16, jnp.bfloat16):
        state, inputs = [[v.astype(jnp.float32) if v.dtype == dtype else v for v in part] for part in (state, inputs)]
    return tuple([v.astype(dtype) for v in formula(*state, *inputs, **settings)])


# -- rows: gradients of lookups ---------------------------------------------------------------------------------------
def none_negative(indices, size):
    """Indices with those below zero moved to `size`, out of the table: JAX would count them from its end."""
    return jnp.where(indices < 0, size, indices)


def sum_duplicates(values, indices, size):
    """(rows summed per index, sorted distinct indices); places left over hold the index `size`, which scatters drop."""
    n = indices.shape[0]
    if n == 0:
        return values, indices
    distinct, where = jnp.unique(indices, size=n, fill_value=size, return_inverse=True)
    return jnp.zeros_like(values).at[where.reshape(-1)].add(values), distinct


def rows(formula, n_state, grad_at):
    """The sparse form of a formula that touches only the rows looked up: state rows are gathered, updated and put back.

    grad_at: position of the gradient among the inputs.  Indices must be distinct; `size` of the table is dropped.
    """

    def apply(*args, **settings):
        state, inputs, indices = args[:n_state], args[n_state:-1], args[-1]
        picked = [s.at[indices].get(mode="clip") for s in state]
        new = formula(*picked, *inputs, **settings)
        return tuple([s.at[indices].set(r.astype(s.dtype), mode="drop") for s, r in zip(state, new, strict=True)])

    apply.grad_at = grad_at
    return apply


def one_by_one(formula, n_state, grad_at):
    """The raw sparse op: rows are applied in order, an index that comes twice is updated twice."""
    by_row = rows(formula, n_state, grad_at)

    def apply(*args, **settings):
        state, inputs, indices = tuple(args[:n_state]), list(args[n_state:-1]), args[-1]
        grads = inputs[grad_at]
        if indices.shape[0] == 0:
            return state

        def step(i, state):
            inputs[grad_at] = lax.dynamic_slice_in_dim(grads, i, 1)
            return by_row(*state, *inputs, lax.dynamic_slice_in_dim(indices, i, 1), **settings)

        return lax.fori_loop(0, indices.shape[0], step, state)

    return apply


def sparse_gradient_descent(var, alpha, grad, indices):
    """Duplicates add up by themselves."""
    return (var.at[indices].add(-alpha * grad, mode="drop"),)


def sparse_adam(var, m, v, beta1_power, beta2_power, lr, beta1, beta2, epsilon, grad, indices):
    """TensorFlow's Adam decays every row's moments and moves every row, looked up or not; LazyAdam does not."""
    alpha = lr * jnp.sqrt(1 - beta2_power) / (1 - beta1_power)
    m = (m * beta1).at[indices].add(grad * (1 - beta1), mode="drop")
    v = (v * beta2).at[indices].add(grad * grad * (1 - beta2), mode="drop")
    return var - alpha * m / (jnp.sqrt(v) + epsilon), m, v


def sparse_adam_with_amsgrad(var, m, v, vhat, beta1_power, beta2_power, lr, beta1, beta2, epsilon, grad, indices):
    alpha = lr * jnp.sqrt(1 - beta2_power) / (1 - beta1_power)
    m = (m * beta1).at[indices].add(grad * (1 - beta1), mode="drop")
    v = (v * beta2).at[indices].add(grad * grad * (1 - beta2), mode="drop")
    vhat = jnp.maximum(v, vhat)
    return var - alpha * m / (jnp.sqrt(vhat) + epsilon), m, v, vhat


def sparse_nadam(var, m, v, beta1_power, beta2_power, lr, beta1, beta2, epsilon, grad, indices):
    """contrib's Nadam: moments decay in every row, only the rows looked up move."""
    alpha = lr * jnp.sqrt(1 - beta2_power) / (1 - beta1_power)
    m = (m * beta1).at[indices].add(grad * (1 - beta1), mode="drop")
    v = (v * beta2).at[indices].add(grad * grad * (1 - beta2), mode="drop")
    top = grad * (1 - beta1) + beta1 * m.at[indices].get(mode="clip")
    below = jnp.sqrt(v.at[indices].get(mode="clip")) + epsilon
    return var.at[indices].add(-alpha * top / below, mode="drop"), m, v
