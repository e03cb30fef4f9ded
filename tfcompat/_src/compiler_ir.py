"""What XLA is given for a traced function and what it makes of it: `function.experimental_get_compiler_ir(*args)(stage=...)`."""

from __future__ import annotations

import jax
import numpy as np

from . import nest, record
from .tensor import Tensor

_OPTIMIZED = {"optimized_hlo", "optimized_hlo_serialized", "optimized_hlo_dot"}
STAGES = {"hlo", "hlo_serialized", *_OPTIMIZED}


def compiler_ir(concrete, args, kwargs):
    """A function of `stage` that gives the intermediate form of a ConcreteFunction called with these arguments.

    stage: "hlo" (text), "hlo_serialized" (bytes), the same with "optimized_" before it, or "optimized_hlo_dot" (a Graphviz graph).
    Raises NotImplementedError where the function is more than one compiled program, ValueError for another stage.
    """
    if concrete.single is None:
        raise NotImplementedError(
            f"{concrete.graph.name} has operations that run on the host: it is no single program that XLA could show"
        )
    flat = [a for a in nest.flatten((args, kwargs), expand_composites=True) if isinstance(a, (Tensor, np.ndarray))]
    given = [record.convert_to_tensor(a, t.dtype) for a, t in zip(flat, concrete.arguments, strict=True)]
    given += [outside for outside, _ in concrete.captured] + [v._dense_tensor() for v in concrete.reads]
    structs = [jax.ShapeDtypeStruct(tuple(t.shape), t.dtype.np) for t in given]

    def get(stage="hlo"):
        if stage not in STAGES:
            raise ValueError(f"Invalid stage {stage!r}: choose one of {', '.join(sorted(STAGES))}")
        with jax.enable_x64(True):
            lowered = jax.jit(concrete.single.fn).lower(*structs)
        form = lowered.compiler_ir("hlo")
        if stage in _OPTIMIZED:
            (module,) = lowered.compile().runtime_executable().hlo_modules()
            form = type(form)(module.as_serialized_hlo_module_proto())
        if stage.endswith("serialized"):
            return form.as_serialized_hlo_module_proto()
        return form.as_hlo_dot_graph() if stage.endswith("dot") else form.as_hlo_text()

    return get
