"""The gradient of a traced function in which some operation has a gradient function of its own.

JAX differentiates a function's program as a whole and knows nothing of tf.custom_gradient or RegisterGradient.  So the
gradient is built as a graph inside the function's own graph, lowered like the function, and given to JAX as the
function's `custom_vjp`.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from . import record
from .engine import dispatch, gradients, lower, stages
from .engine.program import by_order
from .graph import aval, context


def between(slots):
    """The operations that these slots depend on."""
    seen, stack = set(), [s.node for s in slots]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend([s.node for s in node.ins])
    return seen


def pure(plan, reads):
    """(program, where its leaves come from, where the results come from) of a plan of at most one compiled stage.

    Arguments are the values of the plan's feeds, then those of `reads`; results are its fetches, then the states it
    writes.
    """
    position = {s: i for i, s in enumerate(plan.feeds)}
    position.update({plan.initial[v]: len(plan.feeds) + i for i, v in enumerate(reads) if v in plan.initial})
    stage = plan.stages[0] if plan.stages else None
    out_at = {s: i for i, s in enumerate(stage.outputs)} if stage else {}
    picks = [position[s] if s in position else s.value for s in stage.leaves] if stage else ()
    wanted = [*plan.fetches, *plan.final.values()]
    results = [
        (0, out_at[s]) if s in out_at else (1, position[s]) if s in position else (2, constant(s)) for s in wanted
    ]
    return (stage.program if stage else None), picks, results


def run(parts, args):
    """The results of what `pure` gave for these arguments."""
    code, picks, results = parts
    values = code.evaluate([args[i] if i.__class__ is int else i for i in picks]) if code else ()
    return [values[i] if k == 0 else args[i] if k == 1 else i for k, i in results]


def constant(slot):
    """The value of a slot that no run computes."""
    return slot.value if slot.value is not None else slot.node.sig.apply(())[0]


def on_host(plan):
    """Whether a plan is more than one compiled program."""
    return len(plan.stages) > 1 or any(isinstance(s, stages.HostStage) for s in plan.stages)


def _conjugate(g):
    """Between JAX's gradient of a complex function and TensorFlow's, which is its conjugate."""
    return jnp.conj(g) if jnp.iscomplexobj(g) else g


class OwnGradient:
    """The backward half of a function with graph `graph`, outputs `wanted` and inputs `sources` (slots), as a graph.

    Building it may capture more tensors from outside: read the graph's captures afterwards.  Where it cannot be built, `error` says why,
    and whoever asks for the gradient raises it.
    """

    def __init__(self, graph, wanted, sources, nodes, name):
        self.graph, self.name, self.wanted, self.error = graph, name, wanted, None
        self.forward = list(graph.operations)
        tapes = dispatch.set_tapes([])
        context.push(graph)
        try:
            self._build([s for s in sources if s.aval.differentiable], sorted(nodes, key=by_order))
        except Exception as e:  # perhaps nobody asks for it
            self.error = e
        finally:
            context.pop()
            dispatch.set_tapes(tapes)
            # What the gradient prints or writes is no effect of the forward half.
            self.backward = graph.operations[len(self.forward) :]

    def _build(self, sources, nodes):
        from .tape import RECORDER

        targets = list(dict.fromkeys(s for s in self.wanted if s.aval.differentiable))
        self.at = [self.wanted.index(s) for s in targets]
        self.cotangents = [self.graph.input(aval(s.aval.dtype.base_dtype, s.aval.shape), "cotangent") for s in targets]
        reads = [(v, s) for n in nodes if not n.writes for v in n.reads for s in n.outs]
        reads += [(v, s) for n in nodes for v, s in zip(n.reads, n.state_ins, strict=False)]
        reads = [(v, s) for v, s in reads if s.aval.differentiable]
        every = [*sources, *[s for _, s in reads]]
        found = gradients.differentiate(targets, self.cotangents, every, nodes, RECORDER)
        self.found = {
            s: record.convert_to_tensor(g)._slot for s, g in zip(sources, found, strict=False) if g is not None
        }
        by_variable: dict = {}
        for (v, _), g in zip(reads, found[len(sources) :], strict=True):
            if g is not None:
                by_variable.setdefault(v, []).append(g)
        self.of_variable = {v: record.convert_to_tensor(RECORDER.add_all(p))._slot for v, p in by_variable.items()}

    @classmethod
    def of(cls, graph, wanted, sources, name):
        """The OwnGradient of a function, or None where JAX's is right."""
        nodes = between(wanted)
        if any(n.sig.op.host and n.sig.op.type != "Placeholder" for n in nodes):
            return None  # such a function runs stage by stage, and tapes follow its operations one by one
        if not any(gradients.gradient_function(n) is not None for n in nodes):
            return None
        return cls(graph, wanted, sources, nodes, name)

    def lower(self, feeds, reads):
        """Lowers it for a function with these feeds that reads these variables; returns all variables read."""
        self.feeds = feeds
        if self.error is not None:
            return list(reads)
        if any(op.writes or op.sig.op.host and op.sig.op.stateful for op in self.backward):
            self.error = NotImplementedError(
                f"the gradient function of an operation inside {self.name} prints, asserts or assigns"
            )
            return list(reads)
        fetches = [self.found[s] for s in feeds if s in self.found] + list(self.of_variable.values())
        plan = lower.plan(
            fetches,
            self._assignments(fetches),
            [*feeds, *[c._slot for c in self.cotangents]],
            label=self.name,
            in_order=True,
            donate=False,
        )
        if on_host(plan):
            self.error = NotImplementedError(
                f"the gradient function of an operation inside {self.name} needs the host (strings, py_function)"
            )
            return list(reads)
        plan.final.clear()  # the forward half has written them
        self.reads = list(dict.fromkeys([*reads, *plan.initial]))
        self.parts = pure(plan, self.reads)
        return self.reads

    def _assignments(self, fetches):
        """The operations that write what the gradient reads: the forward values it computes anew come after them."""
        found, before = [], None
        while before != len(found):
            before = len(found)
            needed = lower._needed(fetches, found, ())
            read = {v for op in needed for v in op.reads}
            found = [op for op in self.forward if not read.isdisjoint(op.writes)]
        return found

    def call(self, forward, args):
        """forward(args) -> outputs and new states, as a function with this gradient; `args`: feeds, then values of the
        reads."""
        known = [a.__class__ is np.ndarray and a.dtype.kind in "iub" for a in args]

        def merged(free):
            free = iter(free)
            return [a if k else next(free) for a, k in zip(args, known, strict=True)]

        @jax.custom_vjp
        def function(*free):
            return tuple([jnp.asarray(v) for v in forward(merged(free))])

        def backward(free, cotangents):
            grads = self._gradients(merged(free), cotangents)
            return tuple([g for g, k in zip(grads, known, strict=True) if not k])

        function.defvjp(lambda *free: (function(*free), free), backward)
        return function(*[a for a, k in zip(args, known, strict=True) if not k])

    def _gradients(self, args, cotangents):
        """A gradient, or None, for each of the feeds and reads whose values are `args`."""
        if self.error is not None:
            raise self.error
        n = len(self.feeds)
        arriving = [_conjugate(cotangents[i]) for i in self.at]
        got = iter([_conjugate(g) for g in run(self.parts, [*args[:n], *arriving, *args[n:]])])
        grads = [next(got) if s in self.found else None for s in self.feeds]
        of_variable = dict(zip(self.of_variable, got, strict=True))
        return grads + [of_variable.get(v) for v in self.reads]
