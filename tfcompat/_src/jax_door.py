"""The way out to JAX: `to_jax` makes a pure JAX function of a TensorFlow callable or of graph fetches; `show` looks inside."""

from __future__ import annotations

import jax
import numpy as np

from . import dtypes, nest, record
from .engine import lower, stages
from .function import ConcreteFunction, Function
from .graph import Operation
from .tensor import Tensor
from .type_spec import TensorSpec


class JaxFunction:
    """A pure function `f(variables, *inputs)` made from TensorFlow code.

    variables   dict of variable name -> JAX array: the values now; pass it, or a changed copy, as the first argument
    names       the inputs' names, in order
    Outputs come in the structure of the TensorFlow code; new values of variables it assigns in `f.updates(variables, *inputs)`.
    Run it under `jax.enable_x64(True)` where the code uses 64-bit types.
    """

    def __init__(self, plan, build, variables, names):
        self._plan, self._build, self.variables, self.names = plan, build, variables, tuple(names)
        self._keys = {}
        for v in list(plan.initial):
            name = v.name.partition(":")[0]
            while name in self._keys.values():
                name += "_"
            self._keys[v] = name

    def _values(self, variables, inputs):
        plan = self._plan
        if len(inputs) != len(self.names):
            raise TypeError(f"expected {len(self.names)} inputs ({', '.join(self.names)}), got {len(inputs)}")
        values = dict(zip(plan.feeds, inputs, strict=True))
        for v, s in plan.initial.items():
            values[s] = variables[self._keys[v]]
        for stage in plan.stages:
            args = [values[s] if s in values else s.value for s in stage.leaves]
            for s, out in zip(stage.outputs, stage.program.evaluate(args), strict=True):
                values[s] = out
        return values

    def _look(self, values, s):
        if s in values:
            return values[s]
        return s.value if s.value is not None else s.node.sig.apply(())[0]

    def __call__(self, variables, *inputs):
        values = self._values(variables, inputs)
        return self._build([self._look(values, s) for s in self._plan.fetches])

    def updates(self, variables, *inputs):
        """`variables` with the new values of those the code assigns."""
        values = self._values(variables, inputs)
        out = dict(variables)
        for v, s in self._plan.final.items():
            out[self._keys[v]] = self._look(values, s)
        return out


def to_jax(target, *example, feeds=None, session=None):
    """A `JaxFunction` of TensorFlow code.

    to_jax(function, *example)                 TF2: a callable and example arguments (tensors, arrays or TensorSpecs)
    to_jax(fetches, feeds=[x, y], session=s)   TF1: fetches and feeds of a graph, variables' values from `session`
    Raises NotImplementedError where the code needs the host (strings, files, Python functions).
    """
    if callable(target) and not isinstance(target, (Tensor, Operation)) and not isinstance(target, (list, tuple, dict)):
        return _from_callable(target, example)
    from .fetches import Fetches
    from .session import get_default_session

    session = session or get_default_session()
    first = nest.flatten(target)[0]
    graph = first.graph
    flat = Fetches(graph, target)
    feed_tensors = [graph.as_graph_element(f, allow_operation=False) for f in nest.flatten(feeds or [])]
    plan = lower.plan(flat.slots, flat.ops, [t._slot for t in feed_tensors], label="to_jax", donate=False)
    _check(plan)
    made = JaxFunction(plan, flat.build, {}, [t.name for t in feed_tensors])
    if session is not None:
        made.variables = {made._keys[v]: _array(session._value_of(v)) for v in plan.initial}
    return made


def _from_callable(function, example):
    concrete = function if isinstance(function, ConcreteFunction) else _traced(function, example)
    plan = concrete.plan
    _check(plan)
    captured = [
        _array(outside._slot.value if outside._slot.value is not None else outside._numpy())
        for outside, _ in concrete.captured
    ]
    made = JaxFunction(plan, concrete._pack, {}, [t.op.name for t in concrete.arguments])
    if captured:
        inner = made._values
        made._values = lambda variables, inputs: inner_with(inner, made, variables, inputs, captured)
    made.variables = {made._keys[v]: _array(v._dense_tensor()._numpy()) for v in plan.initial}
    return made


def _traced(function, example):
    function = function if isinstance(function, Function) else Function(function)
    return function.get_concrete_function(*[nest.map_structure(_spec, a) for a in example])


def inner_with(values, made, variables, inputs, captured):
    """`values` with the function's captures appended to its inputs."""
    names = made.names
    try:
        made.names = (*names, *["captured"] * len(captured))
        return values(variables, (*inputs, *captured))
    finally:
        made.names = names


def _spec(value):
    if isinstance(value, TensorSpec):
        return value
    if isinstance(value, Tensor):
        return TensorSpec(value.shape, value.dtype)
    array = np.asarray(record.to_array(value))
    return TensorSpec(array.shape, dtypes.as_dtype(array.dtype))


def _check(plan):
    for stage in plan.stages:
        if isinstance(stage, stages.HostStage):
            names = sorted({node.sig.op.type for node, _ in stage.nodes})
            raise NotImplementedError(
                f"to_jax: {', '.join(names)} can only run on the host, so there is no pure JAX function of this code"
            )


def _array(value):
    with jax.enable_x64(True):
        return jax.numpy.asarray(value)


def show(target, *example, feeds=None, session=None, file=None):
    """Prints the jaxpr of what `to_jax` makes of the arguments, or writes the graph as a picture (file='g.dot', '.svg', '.png').

    Pictures other than .dot need the `dot` program of Graphviz.
    """
    if file is None:
        made = to_jax(target, *example, feeds=feeds, session=session)
        shapes = [
            jax.ShapeDtypeStruct([d if isinstance(d, int) else 1 for d in (s.aval.shape or ())], s.aval.np)
            for s in made._plan.feeds[: len(made.names)]
        ]
        with jax.enable_x64(True):
            print(jax.make_jaxpr(made)(made.variables, *shapes))
        return None
    return _draw(target, example, file)


def _draw(target, example, file):
    if callable(target) and not isinstance(target, (Tensor, Operation)):
        graph = _traced(target, example).graph
    else:
        graph = nest.flatten(target)[0].graph if not hasattr(target, "operations") else target
    lines = ["digraph {", "  rankdir=LR; node [shape=box, fontname=Helvetica, fontsize=10];"]
    for op in graph.operations:
        lines.append(f'  "{op.name}" [label="{op.type}\\n{op.name}"];')
        for s in op.ins:
            lines.append(f'  "{s.node.name}" -> "{op.name}" [label="{s.aval!r}", fontsize=8];')
    text = "\n".join([*lines, "}"]) + "\n"
    if file.endswith(".dot"):
        with open(file, "w") as f:
            f.write(text)
        return file
    import shutil
    import subprocess

    if shutil.which("dot") is None:
        raise RuntimeError("writing a picture of the graph needs Graphviz's `dot` program; write a .dot file instead")
    subprocess.run(["dot", f"-T{file.rpartition('.')[2]}", "-o", file], input=text, text=True, check=True)
    return file
