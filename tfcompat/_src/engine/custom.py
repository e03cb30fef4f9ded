"""Differentiation across nodes that have a gradient function of their own (invariant 4's cuts).

The nodes between sources and targets are sorted into levels: how many such nodes lie before them.  Going down the levels, each
stretch without cuts is one gradient node, and each cut's function is called with the cotangents of its outputs.
"""

from __future__ import annotations

from collections import defaultdict


def differentiate_with_cuts(pairs, sources, inner, recorder, stops):
    """slot -> gradient for `sources`; see gradients.differentiate."""
    from .gradients import _differentiate, between, gradient_function

    level = defaultdict(int)
    stretch, cuts = defaultdict(list), defaultdict(list)
    found = set(sources)
    for node in inner:
        here = max([level[s] for s in node.ins if s in found], default=0)
        is_cut = gradient_function(node) is not None
        (cuts if is_cut else stretch)[here].append(node)
        for s in node.outs:
            level[s] = here + is_cut
            found.add(s)
    arriving = defaultdict(list)  # slot -> cotangents so far
    for t, c in pairs:
        arriving[t].append(c if c is not None else recorder.ones_like(t))
    result = {}
    wanted_sources = set(sources)
    for here in range(max([*stretch, *cuts], default=0) + 1, -1, -1):
        nodes = stretch.get(here, [])
        made = {s for n in nodes for s in n.outs}
        targets = [(s, recorder.add_all(arriving.pop(s))) for s in list(arriving) if s in made]
        if targets:
            boundary = list(
                dict.fromkeys(s for n in nodes for s in n.ins if s in found and s not in made and s not in stops)
            )
            inside = [s for s in sources if s in made]
            wanted = boundary + inside
            need, kept = between(nodes, [t for t, _ in targets], wanted, stops, True)
            wanted = [s for s in wanted if s in need]
            if wanted:
                grads = _differentiate(targets, wanted, kept, recorder, stops)
                for s in wanted:
                    if grads.get(s) is None:
                        continue
                    if s in made:
                        result[s] = grads[s]
                    else:
                        arriving[s].append(grads[s])
        for node in reversed(cuts.get(here - 1, [])):
            if not any(s in arriving for s in node.outs):
                continue
            cotangents = [recorder.add_all(arriving[s]) if arriving.get(s) else None for s in node.outs]
            for s in node.outs:
                got = arriving.pop(s, None)
                if got and s in wanted_sources:
                    result[s] = recorder.add_all(got)
            for s, g in zip(node.ins, gradient_function(node)(node, cotangents), strict=True):
                if g is not None and s in found:
                    arriving[s].append(g)
    for s in sources:
        if s in arriving and s not in result:
            result[s] = recorder.add_all(arriving[s])
    return result
