"""The order of effects in a traced function, as `control_inputs` that users can look at.

Lowering runs a function's effects in the order they were written and does not need these edges; they are added afterwards, for
whoever reads the graph: a write waits for the reads and the write before it, a read for the write before it.
"""

from __future__ import annotations


def add_control_inputs(graph):
    """Adds them to the operations of a FuncGraph."""
    written, read = {}, {}  # variable -> the last operation that wrote it, those that read it since
    for op in graph.operations:
        reads, writes = accesses(op)
        waits: dict = {}
        for v in reads:
            if v in written:
                waits[written[v]] = None
        for v in writes:
            waits.update(dict.fromkeys(read.pop(v, ())))
            if v in written:
                waits[written[v]] = None
        for v in reads:
            if not any(v is w for w in writes):  # variables compare by value
                read.setdefault(v, []).append(op)
        for v in writes:
            written[v] = op
        op.control_inputs.extend([w for w in waits if w is not op and w not in op.control_inputs])


def accesses(op):
    """(variables that an operation reads, those it writes); what a call, a branch or a loop is given the value of, it reads."""
    writes = [v for v in op.writes if hasattr(v, "trainable")]
    reads = [v for v in op.reads if hasattr(v, "trainable")]
    if hasattr(op.sig, "holds_program"):
        for s in op.ins:
            if s.node.sig.op.type == "ReadVariableOp":
                reads += s.node.reads
    return list(dict.fromkeys(reads)), list(dict.fromkeys(writes))
