"""Writes tfcompat/_src/graph_def/op_signatures.txt: inputs, outputs and attributes of ops, as a real TensorFlow's op registry has them.

python -c "import tests.oracle.record_op_signatures as r; r.ask()" > ops.json      (with tfcompat: which ops there are)
python tests/oracle/record_op_signatures.py ops.json > tfcompat/_src/graph_def/op_signatures.txt     (with TensorFlow)
"""

import json
import sys

HEAD = """\
# Inputs, outputs and attributes of ops, from the op registry of TensorFlow {version} (made by tests/oracle/record_op_signatures.py).
# A line: type|inputs|outputs|attributes, fields separated by tabs.  An argument is name:dtype, name:attribute, name:number*what for a
# list of one dtype, name:[attribute] for a list of several; & before the dtype marks a reference.  An attribute is name:kind=default (JSON).
"""


def ask():
    """Prints every op type."""
    import tfcompat  # noqa: F401 - declares the ops
    from tfcompat._src.declare import NAMES, OPS
    from tfcompat._src.graph_def.builders import BUILDERS

    raw = [name.removeprefix("raw_ops.") for name in NAMES["v2"] if name.startswith("raw_ops.")]
    print(json.dumps(sorted({*OPS, *raw, *BUILDERS})))


def _argument(a):
    import tensorflow as tf

    if a.type_list_attr:
        kind = f"[{a.type_list_attr}]"
    else:
        kind = a.type_attr or tf.as_dtype(a.type).name
        kind = f"{a.number_attr}*{kind}" if a.number_attr else kind
    return f"{a.name}:{'&' if a.is_ref else ''}{kind}"


def _default(kind, value):
    import tensorflow as tf

    if kind.startswith("list("):
        inner = kind[5:-1]
        field = {"string": "s", "int": "i", "float": "f", "bool": "b", "type": "type", "shape": "shape"}.get(inner)
        return [_plain(inner, v) for v in getattr(value.list, field)] if field else None
    field = {"string": "s", "int": "i", "float": "f", "bool": "b", "type": "type", "shape": "shape"}.get(kind)
    return _plain(kind, getattr(value, field)) if field and tf else None


def _plain(kind, value):
    import tensorflow as tf

    if kind == "string":
        return value.decode("latin1")
    if kind == "type":
        return tf.as_dtype(value).name
    if kind == "shape":
        return None if value.unknown_rank else [d.size for d in value.dim]
    return value


def record(ours):
    """The text of the table for a list of op types."""
    import tensorflow as tf
    from tensorflow.python.framework import op_def_registry

    lines = [HEAD.format(version=tf.__version__)]
    for type in ours:
        d = op_def_registry.get(type)
        if d is None:
            continue
        attrs = []
        for a in d.attr:
            has = a.HasField("default_value")
            attrs.append(f"{a.name}:{a.type}" + (f"={json.dumps(_default(a.type, a.default_value))}" if has else ""))
        parts = [[_argument(i) for i in d.input_arg], [_argument(o) for o in d.output_arg], attrs]
        lines.append("|".join([type, *["\t".join(p) for p in parts]]) + "\n")
    return "".join(lines)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        sys.stdout.write(record(json.load(file)))
