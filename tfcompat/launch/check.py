"""`python -m tfcompat check PATH...`: which TensorFlow names scripts use that tfcompat does not have."""

import os
import sys
import types
from collections import Counter

from tfcompat.launch import alias, decide, missing, names, private, source


def main(paths, api=None):
    """Prints the report; returns 0 where every name is there, 1 where some are missing, 2 for a path without files."""
    files, unreadable = [], []
    for path in paths:
        found = list(_scripts(path))
        files += found
        if not found and not os.path.isdir(path):
            unreadable.append(path)
    for path in unreadable:
        print(f"python -m tfcompat check: can't read {path}", file=sys.stderr)
    absent, counts, complete, read = Counter(), Counter(), 0, 0
    for file in files:
        report = check_file(file, api)
        if report is None:
            print(f"{file}: not Python 3, not read")
            continue
        read += 1
        used, gaps, chosen = report
        counts.update(["names"] * used)
        complete += not gaps
        for path, line in sorted(gaps.items(), key=lambda item: item[1]):
            print(f"{file}:{line}: {missing.explain(path, chosen).splitlines()[0]}")
        absent.update(set(gaps))
    print(f"{read} files, {counts['names']} uses of TensorFlow names; {complete} files find all of theirs")
    if len(absent) > 1 and read > 1:
        print("most missed: " + ", ".join(f"tf.{name} ({count})" for name, count in absent.most_common(10)))
    return 2 if unreadable else int(bool(absent))


def check_file(file, api=None):
    """(number of names used, {missing path: line}, "v1" or "v2") for one script; None where it is not Python 3."""
    raw = source.read(file)
    tree = source.parse(raw)
    if tree is None:
        return None
    usage = names.collect(tree)
    if api is None:
        api = decide.choose(names.program(raw, os.path.dirname(os.path.abspath(file)))).api
    finder = alias.Finder(api, missing.names_of(api))
    used = dict(usage.imports) | usage.paths
    gaps = {}
    with missing.quietly():
        for path, line in used.items():
            if path and "__" not in path and not _has(finder, path):
                gaps.setdefault(_first_gap(finder, path), line)
    return len([p for p in used if p]), gaps, api


def _has(finder, path):
    """Whether tf.PATH is there; what an object that is neither module nor class has, only running it can tell."""
    parts, value = path.split("."), None
    for i in range(len(parts)):
        try:
            value = finder.find(".".join(parts[: i + 1]))
        except Exception:  # looking at a flag before it is parsed raises what it likes
            return i > 0 and not isinstance(value, type | types.ModuleType | private.Module)
    return True


def _first_gap(finder, path):
    """The shortest beginning of a path that is not there: tf.contrib.crf, not tf.contrib.crf.crf_log_likelihood."""
    parts = path.split(".")
    for i in range(1, len(parts)):
        if not _has(finder, ".".join(parts[:i])):
            return ".".join(parts[:i])
    return path


def _scripts(path):
    if os.path.isfile(path):
        yield path
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "__pycache__")
        yield from (os.path.join(folder, f) for f in sorted(files) if f.endswith((".py", ".ipynb")))
