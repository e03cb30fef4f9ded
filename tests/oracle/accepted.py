"""Disagreements with TensorFlow that are known.

ACCEPTED stay: (pattern of call ids, aspect, reason); the pattern is a glob, with [ written as [[]; an aspect is a word of compare.py.
open.txt lists the others, call by call: still to be mended.  An entry of either that no call needs any more fails run.py: these lists say what
is so, no more.  `run.py --open` writes open.txt anew.
"""

import fnmatch
import pathlib

OPEN = pathlib.Path(__file__).with_name("open.txt")
ACCEPTED: list = []


def unmended():
    """{(aspect, call id)} of open.txt."""
    lines = OPEN.read_text().splitlines() if OPEN.exists() else []
    return {tuple(line.split(" ", 1)) for line in lines if line and line[0] != "#"}


def judged(found):
    """([(id, aspect, text)] that no entry covers, [entries that cover nothing], how many are open) of {id: [(aspect, text)]}."""
    refused, used, still = [], set(), unmended()
    for id, differences in found.items():
        for aspect, text in differences:
            covering = [e[:2] for e in ACCEPTED if e[1] == aspect and fnmatch.fnmatchcase(id, e[0])]
            covering = covering or [e for e in still if e == (aspect, id)]
            used.update(covering)
            if not covering:
                refused.append((id, aspect, text))
    every = [e[:2] for e in ACCEPTED] + sorted(still)
    return refused, [e for e in every if e not in used], len(still & used)


def write_open(refused):
    """Lists what no entry covers as open."""
    lines = sorted({f"{aspect} {id}" for id, aspect, _ in refused})
    OPEN.write_text(
        "# Disagreements still to be mended: aspect, call. Written by run.py --open; may only get shorter.\n"
        + "".join(f"{line}\n" for line in lines)
    )
