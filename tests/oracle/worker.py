"""One side of the comparison: `python worker.py tensorflow|tfcompat OUT EVERY [row names]` answers every EVERY-th call of these rows (default: all).
A row for what tfcompat does not have is answered None.

OUT gets a pickle of (row name, [answers]) after the other, and OUT.at the name of the row it is at, so that a crash has a culprit.
Imports NumPy, the table, and tensorflow or tfcompat.
"""

import importlib
import os
import pathlib
import pickle
import sys
import warnings

HERE = pathlib.Path(__file__).resolve().parent
# Thousands of small programs are compiled once and run once: the simpler emitters halve the time that takes.
FLAGS = {"tfcompat": "--xla_cpu_use_fusion_emitters=false", "tensorflow": ""}


def environment(side):
    """What a worker of this side is started with."""
    found = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", JAX_PLATFORMS="cpu", CUDA_VISIBLE_DEVICES="")
    found["XLA_FLAGS"] = f"{found.get('XLA_FLAGS', '')} {FLAGS[side]}".strip()
    found["TF_ENABLE_ONEDNN_OPTS"] = "0"  # they abort on a wrong layout, and round by the machine's instruction set
    found["PYTHONPATH"] = str(HERE.parents[1]) if side == "tfcompat" else ""
    return found


def main(side, out, every, *names):
    warnings.simplefilter("ignore")
    tf = importlib.import_module(side)
    tf.get_logger().setLevel("ERROR")
    sys.path.insert(0, str(HERE))
    from evaluate import evaluate
    from everything import ROWS

    with open(out, "ab") as file:
        for name in names or ROWS:
            pathlib.Path(out + ".at").write_text(name)
            absent = side == "tfcompat" and not ROWS[name].present(tf)
            pickle.dump((name, None if absent else evaluate(tf, ROWS[name].share(int(every)))), file)
            file.flush()
    pathlib.Path(out + ".at").unlink()


if __name__ == "__main__":
    main(*sys.argv[1:])
