"""What counts as agreement between TensorFlow's answer to a call and ours.

Aspects, each a word in `accepted.py`:

    error      both raise, and the same class of exception; or neither does
    outputs    as many of them
    dtype      of every output
    value      shape and numbers of every output, within the row's tolerance (integers, booleans and strings: equal)
    gradient   None where TensorFlow's is None, else the same numbers
    static     the static shape in a graph, inputs known, with unknown first dimension, all dimensions, unknown rank: at least as
               much known as TensorFlow knows, and compatible with it; an exception of the same class where building fails

Not compared: what TensorFlow computes and yet fails to build a graph of with unknown shapes, and what TensorFlow's CPU build has no kernel or
no gradient for, where ours may give an answer; nor what took longer than evaluate.PATIENCE, which depends on the machine.
"""

import numpy as np

LACKING = ("NotFoundError", "UnimplementedError")  # TensorFlow: no kernel for this dtype on a CPU
NO_GRADIENT = ("LookupError", *LACKING)
LATE = "Late"


def kind(said):
    return said.partition(":")[0]


def disagreements(call, want, got):
    """[(aspect, text)] of everything in which `got` differs from TensorFlow's `want`."""
    if any(isinstance(v, str) and kind(v) == LATE for v in (want["value"], got["value"])):
        return []
    found = _values(call, want["value"], got["value"])
    if not found and isinstance(want["value"], list):
        found += _gradients(call, want["gradient"], got["gradient"])
    found += _statics(want, got)
    return found


def _values(call, want, got):
    if isinstance(want, str):
        if kind(want) in LACKING:
            return []
        if not isinstance(got, str):
            return [("error", f"TensorFlow raises {want}\n      ours gives {_short(got)}")]
        return [] if kind(want) == kind(got) else [("error", f"TensorFlow raises {want}\n      ours raises {got}")]
    if isinstance(got, str):
        return [("error", f"TensorFlow gives {_short(want)}\n      ours raises {got}")]
    if len(want) != len(got):
        return [("outputs", f"TensorFlow gives {len(want)}, ours {len(got)}")]
    found = []
    for n, ((dtype, a), (ours, b)) in enumerate(zip(want, got)):
        if dtype != ours and "dtype" in call.row.compare:
            found.append(("dtype", f"output {n}: TensorFlow {dtype}, ours {ours}"))
        elif a.shape != b.shape:
            found.append(("value", f"output {n}: TensorFlow has shape {a.shape}, ours {b.shape}"))
        elif "value" in call.row.compare and not close(a, b, *_tolerance(call, dtype, a)):
            found.append(("value", f"output {n}: TensorFlow {_short([(dtype, a)])}\n      ours {_short([(ours, b)])}"))
    return found


def _tolerance(call, dtype, array):
    """The row's, for the width in which the goldens keep an array."""
    kept = {"float64": "float32", "complex128": "complex64"}.get(dtype)
    return call.tolerance(kept if array.dtype.name == kept else dtype)


def close(a, b, rtol, atol):
    """Equal up to `rtol` of each number and `atol` of the largest; NaN equals NaN, infinities their like."""
    if a.dtype.kind not in "fc" or b.dtype.kind not in "fc":
        return bool(np.array_equal(a, b))
    a, b = (x.astype(np.complex128 if x.dtype.kind == "c" else np.float64) for x in (a, b))
    finite = a[np.isfinite(a)]
    scale = float(np.max(np.abs(finite))) if finite.size else 0.0
    with np.errstate(all="ignore"):
        return bool(np.allclose(b, a, rtol, atol * max(scale, 1e-30), equal_nan=True))


def _gradients(call, want, got):
    if isinstance(want, str):
        return []  # whatever TensorFlow has no gradient for
    if isinstance(got, str):
        return [("gradient", f"TensorFlow gives {_short(want)}\n      ours raises {got}")]
    found = []
    for p, a, b in zip(call.sources, want or [], got or [None] * len(want or [])):
        if (a is None) != (b is None):
            found.append(("gradient", f"by tensor {p}: TensorFlow {_short([a])}, ours {_short([b])}"))
        elif a is not None:
            rtol, atol = _tolerance(call, *a)
            if a[1].shape != b[1].shape or a[0] != b[0] or not close(a[1], b[1], 10 * rtol, 10 * atol):
                found.append(("gradient", f"by tensor {p}: TensorFlow {_short([a])}\n      ours {_short([b])}"))
    return found


def _statics(want, got):
    found = []
    for how, a in want["static"].items():
        b = got["static"].get(how)
        if any(isinstance(v, str) and kind(v) == LATE for v in (a, b)):
            continue
        if isinstance(a, str):
            if isinstance(want["value"], str) and kind(want["value"]) in LACKING:
                continue
            if how != "known" and not isinstance(want["value"], str):
                continue  # TensorFlow cannot build what it can compute
            if not isinstance(b, str) or kind(a) != kind(b):
                found.append(("static", f"{how}: TensorFlow raises {a}\n      ours {b}"))
        elif isinstance(b, str) or b is None:
            # A call that fails when it runs may as well fail when the graph is built.
            if not isinstance(want["value"], str):
                found.append(("static", f"{how}: TensorFlow {a}\n      ours raises {b}"))
        elif len(a) != len(b):
            found.append(("static", f"{how}: TensorFlow {a}\n      ours {b}"))
        elif not all(_at_least(x, y) for x, y in zip(a, b)):
            found.append(("static", f"{how}: TensorFlow {a}\n      ours {b}"))
    return found


def _at_least(want, got):
    (dtype, a), (ours, b) = want, got
    if dtype != ours:
        return False
    if a is None:
        return True
    return b is not None and len(a) == len(b) and all(m is None or m == n for m, n in zip(a, b))


def _short(values):
    said = [None if v is None else f"{v[0]} {v[1].tolist()}" for v in values]
    return ", ".join(map(str, said))[:400]
