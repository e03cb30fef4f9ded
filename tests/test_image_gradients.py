"""tf.image's gradients against what TensorFlow gave (goldens/image_cases.py)."""

import numpy as np
import pytest
from test_image_goldens import GOLDEN, goldens, unpacked

import tfcompat as tf

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
