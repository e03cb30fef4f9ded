"""TensorFlow's answers as a file: what `make test` compares with where there is no TensorFlow."""

import base64
import gzip
import json
import pathlib

import numpy as np

FILE = pathlib.Path(__file__).resolve().parents[1] / "goldens" / "oracle.json.gz"


def packed(item):
    """(dtype, array) -> [dtype, shape, numbers]: float64 loses its last bits here, the file is for agreement to 1e-6."""
    if item is None:
        return None
    dtype, a = item
    if a.dtype.kind in "OUS":
        return [
            dtype,
            list(a.shape),
            [v.decode("latin-1") if isinstance(v, bytes) else str(v) for v in a.ravel().tolist()],
        ]
    if a.dtype.kind in "fc" and a.dtype.itemsize > 4:
        with np.errstate(over="ignore"):
            narrow = a.astype(np.complex64 if a.dtype.kind == "c" else np.float32)
        a = narrow if np.array_equal(np.isfinite(narrow), np.isfinite(a)) else a
    return [dtype, list(a.shape), a.dtype.str + base64.b64encode(a.tobytes()).decode()]


def unpacked(item):
    if item is None:
        return None
    dtype, shape, data = item
    if isinstance(data, list):
        out = np.empty(len(data), object)
        out[:] = [v.encode("latin-1") for v in data] if dtype != "str" else data
        return dtype, out.reshape(shape) if dtype != "str" else out.astype(str).reshape(shape)
    kind, text = data[:3], data[3:]
    return dtype, np.frombuffer(base64.b64decode(text), kind).reshape(shape)


def write(version, theirs, ours, whole):
    """Records TensorFlow's answers; those of other calls stay, unless it is the `whole` table that was asked."""
    before = {"types": (), "calls": {}} if whole else json.loads(gzip.decompress(FILE.read_bytes()))
    types, calls = before["types"], before["calls"]
    for id, answer in theirs.items():
        value, gradient, static = answer["value"], answer["gradient"], answer["static"]
        calls[id] = [
            value[:80] if isinstance(value, str) else [packed(v) for v in value],
            gradient[:80] if isinstance(gradient, str) else gradient and [packed(g) for g in gradient],
            {how: s[:80] if isinstance(s, str) else s for how, s in static.items()},
        ]
    types = sorted(set(types).union(*[a["types"] for a in ours.values()]))
    text = json.dumps({"tensorflow": version, "types": types, "calls": calls}, separators=(",", ":"))
    FILE.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def read():
    """(TensorFlow's version, op types that tfcompat's graphs had, {call id: answer})."""
    found = json.loads(gzip.decompress(FILE.read_bytes()))
    calls = {}
    for id, (value, gradient, static) in found["calls"].items():
        calls[id] = {
            "value": value if isinstance(value, str) else [unpacked(v) for v in value],
            "gradient": gradient if isinstance(gradient, str) else gradient and [unpacked(g) for g in gradient],
            "static": {
                h: s if isinstance(s, str) else [(d, None if n is None else tuple(n)) for d, n in s]
                for h, s in static.items()
            },
        }
    return found["tensorflow"], set(found["types"]), calls
