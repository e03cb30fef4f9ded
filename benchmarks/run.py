"""Times every workload of this folder as a TensorFlow script under tfcompat and as hand-written JAX + optax.

    python benchmarks/run.py [--rounds N] [--tensorflow PYTHON] [WORKLOAD ...]

A workload is a pair of files, NAME_tf.py and NAME_jax.py, each with

    build() -> run
    run(steps) -> {name: numbers}       does that many steps more; the numbers must agree between the sides

The TensorFlow file says in its first line what it is and in constants how it is run: API ("v1" or "v2"), STEPS
(a round) and LIMIT (times hand-written JAX). Instead it may have LIMIT_US, microseconds a step: over hand-written JAX, or in all
where there is no JAX file.

Every side runs in a process of its own, and the rounds take turns, so that a slow moment of the machine meets all
sides. The first round compiles, is not timed, and is where the numbers are compared. The ratio is the median of the
rounds' ratios. With an interpreter that has TensorFlow (--tensorflow, or TF_PYTHON in the environment) the table gets
its column too.
Ends with status 1 when the sides do not compute the same.
"""

import argparse
import ast
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
from statistics import median

HERE = pathlib.Path(__file__).resolve().parent
WORKER = str(HERE / "worker.py")
TOLERANCE = 1e-3  # relative: in 200 steps of Adam the order of a sum's terms comes to show in the fourth digit
IMPORT_LIMIT = 1.3
IMPORTS = {"tfcompat": "import tfcompat", "jax": "import jax, optax", "tensorflow": "import tensorflow"}


class Side:
    """A worker process: `run(steps)` gives the seconds taken and the numbers computed."""

    def __init__(self, command):
        self.errors = tempfile.TemporaryFile("w+")  # a file, because a pipe that nobody empties fills up
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def run(self, steps):
        try:
            self.process.stdin.write(f"{steps}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it died before it could be asked: the empty answer below says why
        answer = self.process.stdout.readline()
        if not answer:
            self.errors.seek(0)
            raise SystemExit(f"{' '.join(self.process.args)} failed:\n{self.errors.read()}")
        answer = json.loads(answer)
        return answer["seconds"], answer["numbers"]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.errors.close()


def constants(path):
    """The first line of a module's docstring and its literal constants, without importing it."""
    module = ast.parse(path.read_text())
    found = {"TITLE": ast.get_docstring(module).splitlines()[0]}
    for statement in module.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            found[statement.targets[0].id] = statement.value.value
    return found


def sides(name, api, tensorflow):
    """{side: command} of the workload, tfcompat first."""
    commands = {"tfcompat": [sys.executable, "-m", "tfcompat", "--api", api, WORKER, name + "_tf"]}
    if (HERE / (name + "_jax.py")).exists():
        commands["jax"] = [sys.executable, WORKER, name + "_jax"]
    if tensorflow:
        commands["tensorflow"] = [tensorflow, WORKER, name + "_tf", "--tensorflow", api]
    return commands


def agree(ours, other):
    """Whether two {name: number or list of numbers} are the same to TOLERANCE."""

    def close(a, b):
        if isinstance(a, list):
            return isinstance(b, list) and len(a) == len(b) and all(map(close, a, b))
        return math.isclose(a, b, rel_tol=TOLERANCE)

    return ours.keys() == other.keys() and all(close(ours[key], other[key]) for key in ours)


def time_workload(name, rounds, tensorflow):
    """{side: [seconds a step, one per round]}, and the names of the sides that disagree with tfcompat."""
    about = constants(HERE / (name + "_tf.py"))
    running = {side: Side(command) for side, command in sides(name, about["API"], tensorflow).items()}
    first = {side: worker.run(about["STEPS"])[1] for side, worker in running.items()}
    seconds = {side: [] for side in running}
    for _ in range(rounds):
        for side, worker in running.items():
            seconds[side].append(worker.run(about["STEPS"])[0] / about["STEPS"])
    for worker in running.values():
        worker.close()
    return about, seconds, [side for side in first if not agree(first["tfcompat"], first[side])]


def time_imports(rounds, tensorflow):
    """{side: [seconds, one per round]} of the imports, each in a fresh interpreter that has run once before."""
    pythons = {"tfcompat": sys.executable, "jax": sys.executable} | ({"tensorflow": tensorflow} if tensorflow else {})
    seconds = {side: [] for side in pythons}
    for turn in range(rounds + 1):
        for side, python in pythons.items():
            program = f"import time; start = time.perf_counter(); {IMPORTS[side]}; print(time.perf_counter() - start)"
            output = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout
            if turn:  # the first one fills the disk cache
                seconds[side].append(float(output))
    return seconds


def duration(seconds):
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"


def print_cells(*cells):
    print("| {:54} | {:>8} | {:>8} | {:>10} | {:>5} | {:>5} | {:4} |".format(*cells), flush=True)


def print_row(title, seconds, limit=None, limit_us=None, differing=()):
    ours = median(seconds["tfcompat"])
    cells = [title, duration(ours)]
    cells += [duration(median(seconds[side])) if side in seconds else "" for side in ("jax", "tensorflow")]
    if limit:
        ratio = median(a / b for a, b in zip(seconds["tfcompat"], seconds["jax"]))
        cells += [f"{ratio:.2f}", f"{limit:g}", "ok" if ratio <= limit else "over"]
    elif "jax" in seconds:
        over = median(a - b for a, b in zip(seconds["tfcompat"], seconds["jax"])) * 1e6
        cells += [f"+{over:.0f} µs", f"{limit_us:g} µs", "ok" if over <= limit_us else "over"]
    else:
        cells += ["", f"{limit_us:g} µs", "ok" if ours * 1e6 <= limit_us else "over"]
    if differing:
        cells[-1] += ", numbers differ from " + " and ".join(differing)
    print_cells(*cells)


def main():
    names = sorted(path.name.removesuffix("_tf.py") for path in HERE.glob("*_tf.py"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(names)}, import; all by default"
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tensorflow", metavar="PYTHON", default=os.environ.get("TF_PYTHON"))
    options = parser.parse_args()
    unknown = set(options.workloads) - {*names, "import"}
    if unknown:
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")

    print_cells("", "tfcompat", "JAX", "TensorFlow", "ratio", "limit", "")
    print_cells("---", *["--:"] * 5, "---")
    wrong = False
    for name in options.workloads or [*names, "import"]:
        if name == "import":
            print_row("import, over import jax, optax", time_imports(options.rounds, options.tensorflow), IMPORT_LIMIT)
            continue
        about, seconds, differing = time_workload(name, options.rounds, options.tensorflow)
        print_row(about["TITLE"], seconds, about.get("LIMIT"), about.get("LIMIT_US"), differing)
        wrong |= bool(differing)
    sys.exit(wrong)


if __name__ == "__main__":
    main()
