"""The op table, a file a family.  Importing this package declares every op."""

from . import arithmetic, clip, core, decompositions, linalg, math, overloads, products, reductions, segment, special  # noqa: F401
from . import candidates, conv, ctc, depthwise, dropout, embedding, losses_nn, morphology, nn, normalization, pool  # noqa: F401
from . import array, creation, gather, ordering, partition, passing, rearrange, slicing, spatial, where  # noqa: F401
from . import banded, fake_quant  # noqa: F401
from . import debugging, examples, lookup, python, sets_ops, sparse, sparse_ops, sparse_reductions, string_parts, strings, random, random_generator, stateless_random  # noqa: E402, F401
from . import control, functional, tensor_array, while_loop  # noqa: E402, F401
