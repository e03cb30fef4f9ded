"""jax.jit for the engine's programs, with the compiler's effort fitted to their size."""

from __future__ import annotations

import functools

import jax
import jaxlib
import numpy as np

from . import verified

SMALL = 1 << 16  # elements


@functools.cache
def _of_small_programs():
    """Options under which XLA's CPU compiler takes about half the time; what it makes is as exact and a few percent slower.

    Measured with jaxlib 0.10 (benchmarks/compile_time.py); options are not promised from one jaxlib to the next.
    """
    known = jaxlib.__version__.split(".")[:2] == ["0", "10"] and jax.default_backend() == "cpu"
    # Folding, the compiler computes what does not depend on the arguments, slowly: argmax(zeros(200000)) takes it two seconds.
    return {"xla_cpu_use_fusion_emitters": False, "xla_disable_hlo_passes": "constant_folding"} if known else None


def jit(run, donate, like):
    """jax.jit(run) for arguments about as large as those of `like`, giving up those at positions `donate`."""
    small = all([np.size(a) <= SMALL for a in jax.tree.leaves(like)])
    messages: list = []

    def traced(*leaves):
        with verified.tracing(messages) as verifies:
            out = run(*leaves)
        if verifies():
            verified.watched[made] = messages
        return out

    made = jax.jit(traced, donate_argnums=donate, compiler_options=_of_small_programs() if small else None)
    return made
