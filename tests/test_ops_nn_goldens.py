"""tf.nn against what TensorFlow gave (goldens/nn_cases.py): values, and gradients where mathematics leaves a choice."""

import base64
import gzip
import json
import os
import sys

import numpy as np
import pytest

import tfcompat as tf

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "goldens"))

import nn_cases as table  # noqa: E402

with gzip.open(os.path.join(HERE, "goldens", "nn.json.gz")) as _f:
    GOLDEN = json.load(_f)["cases"]
TOLERANCE = {"float16": 4e-3, "float32": 2e-5, "float64": 1e-12}  # relative to the largest element


def unpacked(record):
    dtype, shape, data = record
    return np.frombuffer(base64.b64decode(data), dtype).reshape(shape)


def agree(got, want, what):
    assert (got.dtype, got.shape) == (want.dtype, want.shape), what
    if want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want, err_msg=what)
        return
    size = np.abs(want[np.isfinite(want)]).max(initial=1.0)
    limit = TOLERANCE[want.dtype.name]
    np.testing.assert_allclose(got.astype(np.float64), want.astype(np.float64), limit, limit * size, err_msg=what)


@pytest.mark.parametrize("name, inputs, function, grads", table.CASES, ids=[c[0] for c in table.CASES])
def test_golden(name, inputs, function, grads):
    values, gradients = table.run(tf, inputs, function, grads)
    golden = GOLDEN[name]
    assert len(values) == len(golden["values"])
    for i, (got, want) in enumerate(zip(values, golden["values"])):
        agree(got, unpacked(want), f"output {i}")
    for i, got, want in zip(grads, gradients, golden["gradients"]):
        agree(got, unpacked(want), f"gradient by input {i}")
