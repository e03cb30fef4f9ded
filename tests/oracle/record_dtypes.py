"""Writes tfcompat/_src/engine/taken_dtypes.txt: which dtypes each input of an op takes, as a real TensorFlow's op registry says.

python -c "import tests.oracle.record_dtypes as r; r.ask()" > ops.json      (with tfcompat: which ops and inputs there are)
python tests/oracle/record_dtypes.py ops.json > tfcompat/_src/engine/taken_dtypes.txt     (with TensorFlow)
"""

import json
import sys
from collections import defaultdict

HEAD = """\
# Which dtypes the inputs of an op take, from the op registry of TensorFlow {version} (made by tests/oracle/record_dtypes.py).
# A line of dtypes, then the inputs that take these only: Op.input, or Op alone where all its inputs do; and what the dtype is called there.
"""


def ask():
    """Prints every op type with its tensor inputs."""
    import tfcompat  # noqa: F401 - declares the ops
    from tfcompat._src.declare import OPS

    print(json.dumps({t: list(op.inputs) for t, op in sorted(OPS.items()) if op.inputs}))


def record(ours):
    """The text of the table for {op type: inputs}."""
    import tensorflow as tf
    from tensorflow.python.framework import op_def_registry

    sections = defaultdict(list)
    for type, inputs in ours.items():
        definition = op_def_registry.get(type)
        if definition is None:
            continue
        allowed = {
            a.name: " ".join(sorted(tf.as_dtype(d).name for d in a.allowed_values.list.type))
            for a in definition.attr
            if a.type == "type" and a.allowed_values.list.type
        }
        attr_of = {a.name: a.type_attr or a.type_list_attr for a in definition.input_arg}
        found = {i: allowed[attr_of[i]] for i in inputs if attr_of.get(i) in allowed}
        every = {(dtypes, attr_of[i]) for i, dtypes in found.items()}
        if len(every) == 1 and len(found) == len(inputs):
            dtypes, attr = every.pop()
            sections[dtypes].append(f"{type} {attr}")
        else:
            for i, dtypes in found.items():
                sections[dtypes].append(f"{type}.{i} {attr_of[i]}")
    lines = [HEAD.format(version=tf.__version__)]
    for dtypes, members in sorted(sections.items()):
        lines += [dtypes, *[f"    {m.removesuffix(' T')}" for m in sorted(members)], ""]
    return "\n".join(lines)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        print(record(json.load(file)), end="")
