"""Writes docs/coverage.md from what is declared, what its code refuses and what TensorFlow has: `python docs/make_coverage.py [--check]`."""

from __future__ import annotations

import argparse
import ast
import csv
import functools
import inspect
import pathlib
import sys

from tfcompat._src import library  # noqa: F401 - importing it declares everything
from tfcompat._src.declare import NAMES, OPS
from tfcompat.launch.names import symbols

PAGE = pathlib.Path(__file__).with_name("coverage.md")
USAGE = pathlib.Path(__file__).with_name("usage.csv")  # symbol, how many of 1,730 tutorial files use it
FACES = {"v2": "2", "v1": "1"}
ELSEWHERE = (
    "raw_ops",
    "keras",
    "experimental",
    "dtensor",
    "distribute",
    "tpu",
    "lite",
    "estimator",
)  # not the op library's


# -- what the code refuses --------------------------------------------------------------------------------------------
@functools.cache
def module(path):
    """(functions of a module by name, functions by first line) as syntax trees."""
    tree = ast.parse(pathlib.Path(path).read_text())
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    return {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}, functions


def definition(thing):
    """The syntax tree of a public function's Python (an op's: its kernel's), and its module's functions; None for others."""
    op = getattr(thing, "op", None)
    thing = inspect.unwrap(getattr(op, "kernel", None) or thing)
    code = getattr(thing, "__code__", None)
    if code is None or not pathlib.Path(code.co_filename).exists():
        return None, {}
    top, functions = module(code.co_filename)
    inside = [
        n
        for n in functions
        if n.name == code.co_name and min([n.lineno, *(d.lineno for d in n.decorator_list)]) == code.co_firstlineno
    ]
    return (inside[0] if inside else None), top


def names_in(node):
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def refuses(statement):
    """Whether a statement raises NotImplementedError."""
    call = statement.exc if isinstance(statement, ast.Raise) else None
    return isinstance(call, ast.Call) and getattr(call.func, "id", "") == "NotImplementedError"


def guards(body, seen=()):
    """(test expressions on the way) of every refusal in these statements."""
    for statement in body:
        if refuses(statement):
            yield seen
        for field in ("body", "orelse", "handlers", "finalbody"):
            more = (statement.test,) if field == "body" and isinstance(statement, ast.If) else ()
            inner = getattr(statement, field, [])
            inner = [s for h in inner for s in h.body] if field == "handlers" else inner
            if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                yield from guards(inner, seen + more)


def parameters(function):
    a = function.args
    return [p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs) if p.arg not in ("name", "self")]


@functools.cache
def refused(thing):
    """None: present; "": refused as a whole; else the arguments some value of which is refused."""
    function, top = definition(thing)
    if function is None:
        return None
    body = [s for s in function.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    if body and refuses(body[0]):
        return ""
    own = parameters(function)
    found = [set().union(*map(names_in, tests)) & set(own) for tests in guards(function.body) if tests]
    for call in [n for n in ast.walk(function) if isinstance(n, ast.Call)]:
        helper = top.get(getattr(call.func, "id", ""))
        if helper is not None and helper is not function:
            found += _through(call, helper, own)
    return ", ".join(p for p in own if any(p in f for f in found)) or None


def _through(call, helper, own):
    """The caller's arguments that a helper refuses values of."""
    theirs = parameters(helper)
    given = {**dict(zip(theirs, call.args)), **{k.arg: k.value for k in call.keywords if k.arg}}
    for tests in guards(helper.body):
        wrong = set().union(*map(names_in, tests)) if tests else set()
        yield {n for p in wrong if p in given for n in names_in(given[p])} & set(own)


# -- what is there ----------------------------------------------------------------------------------------------------
def state(face, name):
    """present, partial, host-only, absent, of a name TensorFlow has on this face, and the arguments where partial."""
    thing = NAMES[face].get(name)
    if name not in NAMES[face]:
        return "absent", ""
    arguments = refused(thing) if callable(thing) and not isinstance(thing, type) else None
    if arguments == "" or getattr(thing, "__name__", "") == "refuse":
        return "absent", "refused by name"
    if arguments:
        return "partial", arguments
    return ("host-only" if getattr(getattr(thing, "op", None), "host", False) else "present"), ""


@functools.cache
def used():
    """{symbol: tutorial files}; a symbol that TF1 scripts reach through tf.compat.v1 counts with its plain name."""
    found: dict = {}
    with USAGE.open() as file:
        for symbol, files in list(csv.reader(file))[1:]:
            name = symbol.removeprefix("compat.v1.")
            found[name] = found.get(name, 0) + int(files)
    return found


def table(face):
    """{namespace: {name: (state, arguments)}} of all TensorFlow has on this face."""
    found: dict = {}
    for name, flag in symbols().items():
        if flag in (FACES[face], "="):
            found.setdefault(name.rpartition(".")[0], {})[name] = state(face, name)
    return found


def counted(name):
    files = used().get(name, 0)
    return f"`{name}`" + (f" ({files})" if files else "")


def by_use(names):
    return " ".join(counted(n) for n in sorted(names, key=lambda n: (-used().get(n, 0), n)))


def page():
    faces = {face: table(face) for face in ("v2", "v1")}
    lines = [
        "# Coverage",
        "",
        "Generated by `docs/make_coverage.py` from the declared names and from what their code refuses; do not edit. *Present*: all of it. *Partial*:",
        "some value of the arguments named is refused with an error that says what to do. *Host-only*: runs on the host, never inside a compiled",
        "program. *Absent*: not there, or refused by name. In parentheses: how many of 1,730 public tutorial files use the name. What TensorFlow 1 had",
        "and TensorFlow 2.21 lost (`tf.contrib`, `tf.layers`, ...) is not counted.",
        "",
        f"{len(OPS)} ops; {len(NAMES['v2'])} names on the TF2 face, {len(NAMES['v1'])} on the TF1 face.",
        "",
        "| namespace | TF2: there of all | tutorial uses there of all | TF1: there of all |",
        "|---|---:|---:|---:|",
    ]
    for space in sorted({*faces["v1"], *faces["v2"]}):
        cells = [_there(faces[face].get(space, {})) for face in ("v2", "v1")]
        if any(c and not c.startswith("0 of") for c in cells):
            names = {**faces["v1"].get(space, {}), **faces["v2"].get(space, {})}
            lines.append(f"| `tf{'.' + space if space else ''}` | {cells[0]} | {_uses(names)} | {cells[1]} |")
    return "\n".join(lines + _partial(faces) + _host(faces) + _absent(faces))


def _there(names):
    return f"{sum(s != 'absent' for s, _ in names.values())} of {len(names)}" if names else ""


def _uses(names):
    there = sum(used().get(n, 0) for n, (s, _) in names.items() if s != "absent")
    return f"{there} of {sum(used().get(n, 0) for n in names)}"


def _partial(faces):
    rows = {}
    for face in ("v1", "v2"):
        for names in faces[face].values():
            rows |= {n: (face, said) for n, (s, said) in names.items() if s == "partial"}
    lines = ["", "## Partial", "", "| name | arguments of which some value is refused |", "|---|---|"]
    return lines + [
        f"| {counted(n)}{' (TF1)' if face == 'v1' else ''} | {said} |" for n, (face, said) in sorted(rows.items())
    ]


def _host(faces):
    names = [n for space in faces["v2"].values() for n, (s, _) in space.items() if s == "host-only"]
    return ["", "## Host-only, TF2 face", "", by_use(names) or "none"]


def _absent(faces):
    lines = ["", "## Absent", "", "By use. Left out here: " + ", ".join(f"`tf.{s}`" for s in ELSEWHERE) + ".", ""]
    for face, title in (("v2", "TF2"), ("v1", "TF1 only")):
        other = {} if face == "v2" else {n for names in faces["v2"].values() for n in names}
        for space, names in sorted(faces[face].items()):
            absent = [n for n, (s, _) in names.items() if s == "absent" and n not in other]
            if absent and not space.startswith(ELSEWHERE) and not (not space and len(absent) == len(names)):
                lines.append(f"- {title} `tf{'.' + space if space else ''}`: {by_use(absent)}")
    return lines + [""]


def main():
    parser = argparse.ArgumentParser(description=inspect.getdoc(sys.modules[__name__]))
    parser.add_argument("--check", action="store_true", help="only say whether the page is up to date")
    options = parser.parse_args()
    if options.check:
        return 0 if PAGE.read_text() == page() else 1
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
