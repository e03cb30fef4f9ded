"""Compares tfcompat with a real TensorFlow over the whole op table: `TFCOMPAT_ORACLE=/path/to/python python tests/oracle/run.py`.

    run.py                     everything; exit status 1 where they disagree in a way that accepted.py does not list
    run.py math.log concat     these rows (a pattern such as 'math.*' will do)
    run.py --call 'tf.sort'    the calls whose text begins so, both answers printed
    run.py --record            also writes the goldens that `make test` compares with (goldens/oracle.json.gz)
    run.py --open              also lists what is not accepted in open.txt, to be mended
    run.py --list              every disagreement, the accepted ones, too

Both sides answer in processes of their own: TensorFlow's imports nothing but tensorflow, NumPy and the table.
"""

import argparse
import concurrent.futures
import fnmatch
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import goldens  # noqa: E402
from accepted import OPEN, judged, write_open  # noqa: E402
from compare import disagreements  # noqa: E402
from everything import BY_ID, ROWS  # noqa: E402
from worker import environment  # noqa: E402


def answers(side, python, names, processes):
    """{row name: answers}: `names` dealt out to worker processes."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(processes) as pool:
        parts = [names[n::processes] for n in range(processes)]
        files = [os.path.join(folder, f"{side}{n}") for n in range(processes)]
        list(pool.map(lambda part, file: _work(side, python, part, file, found), parts, files))
    return found


def _work(side, python, names, file, found):
    """Answers `names` in a process; where that dies, the row it was at is answered 'Crash' and another process goes on."""
    while names:
        status = subprocess.call([python, str(HERE / "worker.py"), side, file, "1", *names], env=environment(side))
        _read(file, found)
        if status:
            at = pathlib.Path(file + ".at")
            if not at.exists():
                raise SystemExit(f"the {side} worker could not start")
            crash = {"value": f"Crash: exit status {status}", "gradient": None, "static": {}, "types": set()}
            found[at.read_text()] = [dict(crash) for _ in ROWS[at.read_text()].calls]
            at.unlink()
        names = [name for name in names if name not in found]


def _read(file, found):
    if not os.path.exists(file):
        return
    with open(file, "rb") as stream:
        while True:
            try:
                name, value = pickle.load(stream)
            except EOFError:
                break
            found[name] = value
    os.remove(file)


def by_call(found):
    return {call.id: answer for name in found for call, answer in zip(ROWS[name].calls, found[name] or ())}


def report(call, aspect, text):
    return f"{aspect}: {call.line()}\n      {text}\n      again: python tests/oracle/run.py --call {call.id!r}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*")
    parser.add_argument("--call")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--open", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--save", help="a file for both sides' answers, pickled")
    parser.add_argument("--processes", type=int, default=max(1, min(4, os.cpu_count() or 1)))
    options = parser.parse_args()
    python = os.environ.get("TFCOMPAT_ORACLE")
    if not python:
        raise SystemExit("TFCOMPAT_ORACLE must name a Python that has TensorFlow (`make oracle` makes one)")
    names = [n for n in ROWS if not options.rows or any(fnmatch.fnmatch(n, p) for p in options.rows)]
    if options.call:
        names = [n for n in names if any(c.id.startswith(options.call) for c in ROWS[n].calls)]
    times = [time.monotonic()]
    theirs = by_call(answers("tensorflow", python, names, options.processes))
    times.append(time.monotonic())
    answered = answers("tfcompat", sys.executable, names, options.processes)
    ours, absent = by_call(answered), [name for name in answered if answered[name] is None]
    times.append(time.monotonic())
    if options.save:
        pathlib.Path(options.save).write_bytes(pickle.dumps((theirs, ours)))
    if options.call:
        return _show(options.call, theirs, ours)
    found = {id: disagreements(BY_ID[id], theirs[id], ours[id]) for id in ours}
    if options.open:
        OPEN.unlink(missing_ok=True)
        write_open(judged(found)[0])
    refused, stale, still = judged(found)
    for id, aspect, text in refused:
        print(report(BY_ID[id], aspect, text))
    if options.list:
        for id in found:
            for aspect, text in found[id]:
                print("listed", report(BY_ID[id], aspect, text))
    if not options.rows:
        for entry in stale:
            print(f"{entry} agrees by now: take the entry out of accepted.py or open.txt")
    if options.record:
        version = subprocess.run(
            [python, "-c", "import tensorflow as tf; print(tf.__version__)"], capture_output=True, text=True
        )
        goldens.write(version.stdout.strip(), {id: theirs[id] for id in ours}, ours, whole=len(names) == len(ROWS))
    if absent:
        print("rows for what tfcompat does not have:", " ".join(absent))
    accepted = sum(map(len, found.values())) - len(refused)
    print(
        f"{len(names) - len(absent)} rows, {len(found)} calls: {len(refused)} new disagreements, {still} open ones, {accepted - still} accepted ones; "
        f"TensorFlow {times[1] - times[0]:.0f} s, tfcompat {times[2] - times[1]:.0f} s"
    )
    return (
        1 if refused else 0
    )  # a stale entry is for the next `run.py --open`: which calls agree may hang on the machine


def _show(text, theirs, ours):
    for id in theirs:
        if id.startswith(text) and id in ours:
            print(f"{id}\n  {BY_ID[id].line()}")
            for who, answer in (("TensorFlow", theirs[id]), ("tfcompat", ours[id])):
                print(f"  {who}")
                for part in ("value", "gradient", "static"):
                    print(f"    {part}: {answer[part]}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
