"""tf.test: a TestCase with TensorFlow's assertions."""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
import unittest

import numpy as np

from .. import nest
from ..declare import export
from ..graph import context, current_graph
from ..session import Session, get_default_session
from ..tensor import EagerTensor, IndexedSlices

_folder: list = []


@export("test.get_temp_dir")
def get_temp_dir():
    """A folder for this process's tests."""
    if not _folder:
        _folder.append(tempfile.mkdtemp(prefix="tfcompat_test_"))
    return _folder[0]


@export("test.main")
def main(argv=None):
    """Runs all unit tests of the program."""
    unittest.main(argv=argv)


@export("test.TestCase")
class TestCase(unittest.TestCase):
    """unittest's, with sessions and assertions on arrays; each test starts with an empty default graph and seed."""

    def __init__(self, methodName="runTest"):
        super().__init__(methodName)
        self._cached = None

    def setUp(self):
        super().setUp()
        from ..graph import reset_default_graph
        from ..random_state import set_seed

        if context.graph is not None:
            reset_default_graph()
        set_seed(87654321)

    def tearDown(self):
        if self._cached is not None:
            self._cached.close()
            self._cached = None
        super().tearDown()

    def get_temp_dir(self):
        path = os.path.join(get_temp_dir(), self.id().rpartition(".")[2])
        os.makedirs(path, exist_ok=True)
        return path

    @contextlib.contextmanager
    def session(self, graph=None, config=None, use_gpu=True, force_gpu=False):
        """A new session as the default one; eagerly nothing."""
        if context.graph is None and graph is None:
            yield None
            return
        with Session(graph=graph, config=config) as sess:
            yield sess

    test_session = session

    @contextlib.contextmanager
    def cached_session(self, graph=None, config=None, use_gpu=True, force_gpu=False):
        """One session for the whole test."""
        if context.graph is None and graph is None:
            yield None
            return
        if self._cached is None:
            self._cached = Session(graph=graph or current_graph(), config=config)
        with self._cached.graph.as_default(), self._cached.as_default():
            yield self._cached

    def evaluate(self, tensors):
        """The values of tensors, eagerly or with the default session."""
        if context.graph is None:
            return nest.map_structure(_numpy, tensors)
        return (get_default_session() or self._cached).run(tensors)

    def _array(self, a):
        if isinstance(a, EagerTensor) or hasattr(a, "numpy"):
            return np.asarray(_numpy(a))
        if hasattr(a, "_as_graph_element"):
            return np.asarray(self.evaluate(a))
        if type(a).__name__ == "SymbolicTensor":
            return np.asarray(self.evaluate(a))
        return np.asarray(a)

    # -- assertions ---------------------------------------------------------------------------------------------------
    def assertNear(self, f1, f2, err, msg=None):
        self.assertTrue(
            f1 == f2 or math.fabs(f1 - f2) <= err, f"{f1!r} != {f2!r} +/- {err!r}{f' ({msg})' if msg else ''}"
        )

    def assertShapeEqual(self, np_array, tf_tensor, msg=None):
        self.assertEqual(list(np_array.shape), tf_tensor.get_shape().as_list(), msg)

    def assertArrayNear(self, farray1, farray2, err, msg=None):
        self.assertEqual(len(farray1), len(farray2), msg)
        for a, b in zip(farray1, farray2, strict=True):
            self.assertNear(float(a), float(b), err, msg)

    def assertNDArrayNear(self, ndarray1, ndarray2, err, msg=None):
        self.assertLess(np.linalg.norm(np.asarray(ndarray1) - np.asarray(ndarray2)), err, msg)

    def assertAllEqual(self, a, b, msg=None):
        a, b = self._array(a), self._array(b)
        self.assertEqual(a.shape, b.shape, f"Shape mismatch: expected {a.shape}, got {b.shape}. {msg or ''}")
        same = (a == b) | ((a != a) & (b != b)) if a.dtype.kind in "fc" else a == b
        if not np.all(same):
            np.testing.assert_array_equal(a, b, err_msg=msg or "")

    def assertNotAllEqual(self, a, b, msg=None):
        try:
            self.assertAllEqual(a, b)
        except AssertionError:
            return
        raise AssertionError(f"The two values are equal at all elements. {msg or ''}")

    def assertAllClose(self, a, b, rtol=1e-6, atol=1e-6, msg=None):
        if isinstance(a, dict) or isinstance(b, dict):
            self.assertCountEqual(a, b, msg)
            for k in a:
                self.assertAllClose(a[k], b[k], rtol, atol, msg)
            return
        if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
            try:
                np.testing.assert_allclose(self._array(b), self._array(a), rtol, atol, err_msg=msg or "")
                return
            except (ValueError, TypeError):
                self.assertEqual(len(a), len(b), msg)
                for x, y in zip(a, b, strict=True):
                    self.assertAllClose(x, y, rtol, atol, msg)
                return
        a, b = self._array(a), self._array(b)
        self.assertEqual(a.shape, b.shape, f"Shape mismatch: expected {a.shape}, got {b.shape}. {msg or ''}")
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=msg or "")

    def assertAllCloseAccordingToType(
        self,
        a,
        b,
        rtol=1e-6,
        atol=1e-6,
        float_rtol=1e-6,
        float_atol=1e-6,
        half_rtol=1e-3,
        half_atol=1e-3,
        bfloat16_rtol=1e-2,
        bfloat16_atol=1e-2,
        msg=None,
    ):
        a, b = self._array(a), self._array(b)
        for kind, r, t in (
            ("float32", float_rtol, float_atol),
            ("float16", half_rtol, half_atol),
            ("bfloat16", bfloat16_rtol, bfloat16_atol),
        ):
            if kind in (a.dtype.name, b.dtype.name):
                rtol, atol = max(rtol, r), max(atol, t)
        self.assertAllClose(a, b, rtol, atol, msg)

    def assertNotAllClose(self, a, b, rtol=1e-6, atol=1e-6, msg=None):
        try:
            self.assertAllClose(a, b, rtol, atol)
        except AssertionError:
            return
        raise AssertionError(f"The two values are close at all elements. {msg or ''}")

    def assertAllGreater(self, a, comparison_target):
        self.assertTrue(np.all(self._array(a) > comparison_target))

    def assertAllGreaterEqual(self, a, comparison_target):
        self.assertTrue(np.all(self._array(a) >= comparison_target))

    def assertAllLess(self, a, comparison_target):
        self.assertTrue(np.all(self._array(a) < comparison_target))

    def assertAllLessEqual(self, a, comparison_target):
        self.assertTrue(np.all(self._array(a) <= comparison_target))

    def assertAllInRange(self, target, lower_bound, upper_bound, open_lower_bound=False, open_upper_bound=False):
        target = self._array(target)
        low = target <= lower_bound if open_lower_bound else target < lower_bound
        high = target >= upper_bound if open_upper_bound else target > upper_bound
        if np.any(low | high | np.isnan(target)):
            raise AssertionError(f"One or more values are outside of the range {lower_bound} to {upper_bound}")

    def assertAllInSet(self, target, expected_set):
        outside = set(self._array(target).ravel().tolist()) - set(expected_set)
        if outside:
            raise AssertionError(f"{len(outside)} unique element(s) are not in the set {expected_set}: {outside}")

    def assertDTypeEqual(self, target, expected_dtype):
        self.assertEqual(self._array(target).dtype, np.dtype(expected_dtype))

    def assertDeviceEqual(self, device1, device2, msg=None):
        self.assertEqual(str(device1), str(device2), msg)

    @contextlib.contextmanager
    def assertRaisesWithPredicateMatch(self, exception_type, expected_err_re_or_predicate):
        import re

        try:
            yield
        except exception_type as e:
            text = getattr(e, "message", None) or str(e)
            ok = (
                expected_err_re_or_predicate(e)
                if callable(expected_err_re_or_predicate)
                else re.search(expected_err_re_or_predicate, text)
            )
            if not ok:
                raise AssertionError(f"Exception of type {type(e).__name__}: {e}") from e
        else:
            self.fail(f"{exception_type} not raised")

    def assertRaisesOpError(self, expected_err_re_or_predicate):
        from .. import errors

        return self.assertRaisesWithPredicateMatch(errors.OpError, expected_err_re_or_predicate)

    def assertStartsWith(self, actual, expected_start, msg=None):
        self.assertTrue(actual.startswith(expected_start), msg or f"{actual!r} does not start with {expected_start!r}")

    def assertEmpty(self, container, msg=None):
        self.assertEqual(len(container), 0, msg)

    def assertNotEmpty(self, container, msg=None):
        self.assertNotEqual(len(container), 0, msg)


def _numpy(value):
    if isinstance(value, IndexedSlices):
        from .. import record

        value = record.densify(value)
    return value.numpy() if hasattr(value, "numpy") else value
