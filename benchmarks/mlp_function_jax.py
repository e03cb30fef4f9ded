"""By hand there is no difference between this step and the one of mlp_tape_jax.py: it is one jitted function."""

import mlp_tape_jax

build = mlp_tape_jax.build
