"""RaggedTensor: tensors whose rows differ in length."""

from . import (  # noqa: F401
    conversion,
    dispatch,
    elementwise,
    functions,
    indexing,
    joining,
    partition,
    reductions,
    spec,
    tensor,
    values,
)
