"""What the compiler options for small programs (tfcompat/_src/engine/jit.py) save, and what they cost: python benchmarks/compile_time.py

Per program: compile time and best run time with XLA's defaults and with the options, and whether the results are equal to the bit.
"""

import time

import jax
import jax.numpy as jnp
import numpy as np

from tfcompat._src.engine import jit

rng = np.random.RandomState(0)


def draw(*shape):
    return jnp.asarray(rng.randn(*shape).astype("f"))


def mlp(weights, x, labels):
    def loss(weights):
        w1, b1, w2, b2 = weights
        logits = jax.nn.relu(x @ w1 + b1) @ w2 + b2
        return jnp.mean(jax.nn.logsumexp(logits, axis=1) - jnp.sum(logits * labels, axis=1))

    value, grads = jax.value_and_grad(loss)(weights)
    return [w - 0.1 * g for w, g in zip(weights, grads, strict=True)], value


def adam(w, g, m, v):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return w - 0.01 * m / (jnp.sqrt(v) + 1e-7), m, v


PROGRAMS = {
    "add": (lambda x, y: x + y, (draw(10), draw(10))),
    "softmax of tanh": (lambda x: jax.nn.softmax(jnp.tanh(x), -1).sum(0), (draw(100, 100),)),
    "MLP step": (mlp, ([draw(64, 32), draw(32), draw(32, 10), draw(10)], draw(16, 64), draw(16, 10))),
    "Adam, 1e6 numbers": (adam, (draw(10**6), draw(10**6), draw(10**6), jnp.abs(draw(10**6)))),
    "softmax, 1e6 numbers": (lambda x: jax.nn.softmax(jnp.tanh(x), -1), (draw(1000, 1000),)),
    "lookup": (lambda t, i: t[i].sum(0), (draw(50000, 64), jnp.asarray(rng.randint(0, 50000, 4096)))),
}


def measured(function, args, options):
    start = time.process_time()
    compiled = jax.jit(function).lower(*args).compile(compiler_options=options)
    compile_time, runs = time.process_time() - start, []
    for _ in range(20):
        start = time.perf_counter()
        out = jax.block_until_ready(compiled(*args))
        runs.append(time.perf_counter() - start)
    return compile_time, min(runs), jax.tree.leaves(out)


def main():
    options = jit._of_small_programs()
    if options is None:
        raise SystemExit("No options for this jaxlib or backend: small programs are compiled with XLA's defaults.")
    print(f"options: {options}\n{'program':22s} {'compile':>18s} {'run':>20s}  same bits")
    for name, (function, args) in PROGRAMS.items():
        plain, ours = measured(function, args, None), measured(function, args, options)
        same = all(np.array_equal(a, b) for a, b in zip(plain[2], ours[2], strict=True))
        print(
            f"{name:22s} {plain[0] * 1e3:6.0f} -> {ours[0] * 1e3:3.0f} ms  {plain[1] * 1e3:8.3f} -> {ours[1] * 1e3:.3f} ms  {same}"
        )


if __name__ == "__main__":
    main()
