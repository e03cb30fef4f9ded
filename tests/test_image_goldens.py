"""tf.image against what TensorFlow gave (goldens/image_cases.py): values on every front, seeded streams."""

import base64
import gzip
import json
import os
import sys

import numpy as np
from table import case, suite

import tfcompat as tf

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "goldens"))

import image_cases as goldens  # noqa: E402

with gzip.open(os.path.join(HERE, "goldens", "image.json.gz")) as _f:
    GOLDEN = json.load(_f)


def unpacked(record):
    dtype, shape, data = record
    return np.frombuffer(base64.b64decode(data), dtype).reshape(shape)


def _row(name, inputs, function):
    values = [unpacked(v) for v in GOLDEN["cases"][name]["values"]]
    # Sums over many float32 pixels, in another order than TensorFlow's.
    return case(lambda *x: function(tf, *x), inputs, values, batch="", id=name, rtol=3e-5, atol=3e-6)


test_values, test_shapes, _ = suite([_row(name, inputs, function) for name, inputs, function, _ in goldens.CASES])


def test_seeded_streams():
    got = [np.asarray(v) for v in goldens.seeded(tf)]
    for i, (a, record) in enumerate(zip(got, GOLDEN["seeded"], strict=True)):
        want = unpacked(record)
        assert (a.dtype, a.shape) == (want.dtype, want.shape), i
        np.testing.assert_allclose(a, want, 1e-5, 1e-6 if want.dtype.kind == "f" else 0, err_msg=str(i))
