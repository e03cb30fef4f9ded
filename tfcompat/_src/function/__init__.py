"""tf.function: Python traced once per signature into a FuncGraph, then called as one operation.

    polymorphic.py     Function, what @tf.function returns: which trace serves a call
    function_type.py   its signature, and binding a call to it;  value_types.py: the types of arguments
    func_graph.py      FuncGraph, and running a Python function inside one
    concrete.py        ConcreteFunction: one trace, lowered, and how it runs;  binding.py: how it is called;  replay.py: op by op
    wrapped.py         tf.compat.v1.wrap_function
    retracing.py       the warning about functions that are traced again and again

Called eagerly, a trace that compiles to one program is recorded as one node (so it can be differentiated and fused like any other);
one with host operations is replayed operation by operation.
"""

from .concrete import ConcreteFunction
from .func_graph import FuncGraph, keep_traced_graphs
from .polymorphic import Function, concrete_of, function
from .replay import replay
from .wrapped import wrap_function

__all__ = [
    "ConcreteFunction",
    "FuncGraph",
    "Function",
    "concrete_of",
    "function",
    "keep_traced_graphs",
    "replay",
    "wrap_function",
]
