"""The op table (oracle/): every op has its row, and says what TensorFlow said when the goldens were recorded.

With a TensorFlow at hand `make oracle` compares with that instead; see oracle/run.py.
"""

import fnmatch
import os
import pathlib
import pickle
import subprocess
import sys

import pytest

from tfcompat._src import library  # noqa: F401 - importing it declares everything
from tfcompat._src.autograph import iteration  # noqa: F401 - but for the ops of loops over datasets
from tfcompat._src.declare import NAMES, OPS

HERE = pathlib.Path(__file__).parent / "oracle"
sys.path.insert(0, str(HERE))
import exempt  # noqa: E402
import goldens  # noqa: E402
from accepted import judged  # noqa: E402
from compare import disagreements  # noqa: E402
from everything import BY_ID, ROWS  # noqa: E402
from run import report  # noqa: E402
from worker import environment  # noqa: E402

PARTS = 4  # processes, for pytest's workers to share
EVERY = int(
    os.environ.get("TFCOMPAT_ORACLE_EVERY", 16)
)  # `make oracle` makes every call; here it is every so many-th of each row


def excused(text, patterns):
    return any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)


def module_of(thing):
    op = getattr(thing, "op", None)
    return str(getattr(getattr(op, "kernel", None), "__module__", None) or getattr(thing, "__module__", ""))


def covered():
    """The public functions that rows call, by identity: an alias of one is covered with it."""
    found = set()
    for name in ROWS:
        face, _, path = name.partition("/")[0].rpartition(":")
        for which in ("v1",) if face else ("v2", "v1"):
            if path in NAMES[which]:
                found.add(id(NAMES[which][path]))
    return found


def test_every_public_op_has_a_row():
    have, without = covered(), set()
    have |= {id(t) for face in NAMES.values() for n, t in face.items() if excused(n, exempt.NAMES)}
    for face in ("v2", "v1"):
        for name, thing in NAMES[face].items():
            if isinstance(thing, type) or not callable(thing) or id(thing) in have:
                continue
            if not excused(module_of(thing), exempt.MODULES):
                without.add(name if face == "v2" else "v1:" + name)
    assert not without, f"these need a row in tests/oracle/domains_*.py (or a reason in exempt.py): {sorted(without)}"


def test_every_op_type_occurs():
    _, types, _ = goldens.read()
    without = sorted(t for t in OPS if t not in types and not excused(t, exempt.TYPES))
    assert not without, f"no graph of the table had these op types (rows for them, then run.py --record): {without}"


def test_every_reason_is_needed():
    modules = {module_of(t) for face in NAMES.values() for t in face.values()}
    names = {n for face in NAMES.values() for n in face}
    stale = [p for p in exempt.MODULES if not any(fnmatch.fnmatchcase(m, p) for m in modules)]
    stale += [p for p in exempt.NAMES if not any(fnmatch.fnmatchcase(n, p) for n in names)]
    stale += [p for p in exempt.TYPES if not any(fnmatch.fnmatchcase(t, p) for t in OPS)]
    assert not stale, f"exempt.py excuses what does not exist: {stale}"


@pytest.mark.parametrize("part", range(PARTS))
def test_answers_are_those_recorded(part, tmp_path):
    names = list(ROWS)[part::PARTS]
    _, _, golden = goldens.read()
    out = tmp_path / "answers"
    command = [sys.executable, str(HERE / "worker.py"), "tfcompat", str(out), str(EVERY), *names]
    subprocess.run(command, check=True, env=environment("tfcompat"), cwd=os.getcwd())
    found, unrecorded = {}, []
    with open(out, "rb") as file:
        for _ in names:
            name, answers = pickle.load(file)
            for call, answer in zip(ROWS[name].share(EVERY), answers or ()):
                if call.id in golden:
                    found[call.id] = disagreements(call, golden[call.id], answer)
                else:
                    unrecorded.append(call.id)
    assert len(found) >= len(names) * 0.9
    refused, _, _ = judged(found)
    assert not refused, f"{len(refused)} disagreements\n" + "\n".join(report(BY_ID[id], *said) for id, *said in refused)
    assert not unrecorded, f"not recorded yet (tests/oracle/run.py --record): {unrecorded}"
