"""Writes signatures.txt: `python make_signatures.py signatures.json`, from a listing of TensorFlow's public API.

The listing: {"v1"/"v2": {"nn.relu": {"kind", "params": ["features", "name=None"], "methods": {name: params}}}}; a default that is not a
plain Python value stands there by the name of its type.  A line of signatures.txt is `FACES name(parameters)`, `FACES name.method(...)`
for the methods of classes; FACES: = both the same, 1 tf.compat.v1 only, 2 TF2 only.  Left out: the namespaces OUTSIDE, tf.keras but for its
optimizers and initializers.
"""

import json
import pathlib
import sys

KERAS = ("keras.optimizers.", "keras.initializers.")
OUTSIDE = (
    "raw_ops.",
    "experimental.",
    "dtensor.",
    "distribute.",
    "distributions.",
    "data.experimental.",
    "lite.",
    "tpu.",
    "estimator.",
)


def wanted(name):
    return not name.startswith(OUTSIDE) and (not name.startswith("keras.") or name.startswith(KERAS))


def lines(listing):
    for name in filter(wanted, sorted({**listing["v1"], **listing["v2"]})):
        one, two = (dict(_signatures(name, listing[face].get(name) or {})) for face in ("v1", "v2"))
        for said in sorted({**one, **two}):
            a, b = one.get(said), two.get(said)
            if a == b:
                yield f"= {said}({a})"
            else:
                yield from (f"{face} {said}({text})" for face, text in (("1", a), ("2", b)) if text is not None)


def _signatures(name, entry):
    if entry.get("params") is not None:
        yield name, ", ".join(entry["params"])
    if not name.startswith("keras."):
        for method, params in (entry.get("methods") or {}).items():
            if params is not None and not method.startswith("_"):
                yield f"{name}.{method}", ", ".join(params)


def main(path):
    listing = json.loads(pathlib.Path(path).read_text())
    head = f"# {listing['source']}; written by make_signatures.py\n"
    pathlib.Path(__file__).with_name("signatures.txt").write_text(head + "\n".join(lines(listing)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
