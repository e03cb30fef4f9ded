"""The step of mlp_session_jax.py with class numbers for labels; the loss is fetched every 100 steps, so that in between
the steps queue up and Python runs ahead of the device."""

from functools import partial

import inputs
import jax
import optax

optimizer = optax.adam(0.0001, eps=1e-12)


def loss_of(weights, x, labels):
    W1, b1, W2, b2 = weights
    logits = jax.nn.relu(x @ W1 + b1) @ W2 + b2
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


@partial(jax.jit, donate_argnums=(0, 1))
def train(weights, state, x, labels):
    loss, gradients = jax.value_and_grad(loss_of)(weights, x, labels)
    updates, state = optimizer.update(gradients, state)
    return optax.apply_updates(weights, updates), state, loss


def build():
    weights = jax.device_put(inputs.mlp_weights())
    state = optimizer.init(weights)
    batches = inputs.mlp_batches()

    def run(steps):
        nonlocal weights, state
        printed = []
        for step in range(steps):
            pixels, labels, _ = batches[step % len(batches)]
            weights, state, loss = train(weights, state, pixels, labels)
            if step % 100 == 99:
                print("step", step, "loss", float(loss))
                printed.append(float(loss))
        return {"losses": printed}

    return run
