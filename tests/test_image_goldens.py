"""tf.image against what TensorFlow gave (goldens/image_cases.py): values on every front, gradients, seeded streams."""

import base64
import gzip
import json
import os
import sys

import numpy as np
import pytest
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
WITH_GRADIENTS = [c for c in goldens.CASES if c[3]]


@pytest.fixture(scope="module")
def slopes():
    """The gradients of all cases: recorded together, they are one program."""
    return {name: goldens.gradients(tf, inputs, function, grads) for name, inputs, function, grads in WITH_GRADIENTS}


@pytest.mark.parametrize("name", [c[0] for c in WITH_GRADIENTS])
def test_gradients(name, slopes):
    for got, want in zip(slopes[name], GOLDEN["cases"][name]["gradients"], strict=True):
        want = unpacked(want)
        assert (got.dtype.as_numpy_dtype, tuple(got.shape)) == (want.dtype, want.shape)
        np.testing.assert_allclose(got.numpy(), want, 1e-4, 1e-5 * np.abs(want).max())


def test_seeded_streams():
    got = [np.asarray(v) for v in goldens.seeded(tf)]
    for i, (a, record) in enumerate(zip(got, GOLDEN["seeded"], strict=True)):
        want = unpacked(record)
        assert (a.dtype, a.shape) == (want.dtype, want.shape), i
        np.testing.assert_allclose(a, want, 1e-5, 1e-6 if want.dtype.kind == "f" else 0, err_msg=str(i))
