"""The step of apply_gradients_tf.py as one jitted function of the same 200 weights, 400 moments and 200 gradients: what handing these
arrays to a compiled program and back costs whoever calls it."""

from functools import partial

import inputs
import jax
import jax.numpy as jnp
import numpy as np
import optax

optimizer = optax.adam(0.0001, eps=1e-12)


@partial(jax.jit, donate_argnums=(0, 1))
def train(weights, state, gradients):
    updates, state = optimizer.update(gradients, state)
    return optax.apply_updates(weights, updates), state


def build():
    weights, gradients = jax.device_put(inputs.many_small())
    gradients = [jnp.square(value) for value in gradients]
    state = optimizer.init(weights)

    def run(steps):
        nonlocal weights, state
        for _ in range(steps):
            weights, state = train(weights, state, gradients)
        return {"first": np.asarray(weights[0])[0], "last": np.asarray(weights[-1])[0]}

    return run
