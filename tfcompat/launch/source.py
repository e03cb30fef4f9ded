"""Reading a script as Python reads it, notebooks included."""

import ast
import io
import json
import linecache
import re
import sys
import tokenize
import warnings

_OTHER_CELL = re.compile(r"\s*%%(?!time|capture|timeit|prun)")
_MAGIC = re.compile(r"\s*([!%]|\?\w|\w[\w.]*\?+\s*$)")
_FUTURE = re.compile(r"from __future__ import")


def read(path):
    """The bytes of a script, or a notebook's code cells as UTF-8.  Raises OSError; ValueError for a bad notebook."""
    if path == "-":
        return sys.stdin.buffer.read()
    with open(path, "rb") as f:
        raw = f.read()
    return notebook_code(raw).encode() if path.endswith(".ipynb") else raw


def notebook_code(raw):
    """The code cells of a notebook as one program; lines for the shell or for IPython become `pass`."""
    notebook = json.loads(raw.decode("utf-8", "replace"))
    cells = notebook.get("cells") or [c for w in notebook.get("worksheets", []) for c in w.get("cells", [])]
    program = []
    for cell in cells:
        text = cell.get("source", cell.get("input", ""))
        text = text if isinstance(text, str) else "".join(text)
        if cell.get("cell_type") == "code" and not _OTHER_CELL.match(text):
            program.append(_without_magics(text))
    return "\n\n".join(program) + "\n"


def _without_magics(text):
    lines, continued = [], False
    for line in text.split("\n"):
        skip = continued or bool(_MAGIC.match(line))
        continued = skip and line.rstrip().endswith("\\")
        # Legal at the top of every cell, but of a file only once; what they ask for is Python's way today.
        skip = skip or bool(_FUTURE.match(line))
        lines.append(line[: len(line) - len(line.lstrip())] + "pass" if skip else line)
    return "\n".join(lines)


def decode(raw):
    """Source bytes -> text, by the coding line as Python does; bytes that do not fit it are replaced."""
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(raw).readline)[0]
    except SyntaxError:
        encoding = "utf-8"
    return raw.decode(encoding, "replace").replace("\r\n", "\n").replace("\r", "\n")


_PRINT = re.compile(r"^(\s*)print\b +([^=\n](?:[^\n]*\\\n)*[^\n]*)$", re.M)


def parse(raw):
    """The syntax tree of source bytes, of Python 2's with its print statements too; None where it is neither."""
    return _tree(raw) or (_tree(_PRINT.sub(r"\1print(\2)", decode(raw))) if b"print" in raw else None)


def _tree(raw):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an old "\\d" is Python's to complain about, when it compiles the script
        try:
            return ast.parse(raw)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def show_in_tracebacks(path, raw):
    """Lets tracebacks and `inspect` show the lines of a program that is not a file of its own (a notebook, stdin)."""
    text = decode(raw)
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
