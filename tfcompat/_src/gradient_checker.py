"""tf.test.compute_gradient and TF1's compute_gradient(_error): theoretical Jacobians against central differences."""

from __future__ import annotations

import numpy as np

from . import dtypes, record
from .declare import OPS, export
from .graph import context
from .symbolic_gradients import symbolic_gradients
from .tape import GradientTape
from .tensor import EagerTensor, IndexedSlices

_ALLOWED = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")


def _flat_real(array):
    """A 1-D real view; a complex number counts as two reals."""
    array = np.ascontiguousarray(array)
    if array.dtype.kind == "c":
        return array.reshape(-1).view(array.real.dtype)
    return array.reshape(-1)


def _dense(value, shape):
    """A gradient's value as an array of the source's shape: slices are summed up."""
    if hasattr(value, "indices") and hasattr(value, "values"):
        values, indices = np.asarray(value.values), np.asarray(value.indices)
        out = np.zeros(shape, values.dtype)
        np.add.at(out, indices, values)
        return out
    return np.asarray(value)


class _Checked:
    """y = f(xs) as a function of arrays, and its gradient for a given cotangent; eager or through a session."""

    def __init__(self, f, xs):
        self.eager = context.graph is None
        self.xs = [
            np.array(x._numpy(), order="C") if isinstance(x, EagerTensor) else np.array(record.to_array(x), order="C")
            for x in xs
        ]
        if self.eager:
            self.f = f
            return
        from .ops.core import placeholder
        from .session import get_default_session

        self.inputs = [placeholder(dtypes.as_dtype(x.dtype), x.shape) for x in self.xs]
        self.y_tensor = record.convert_to_tensor(f(*self.inputs))
        self.dy = placeholder(self.y_tensor.dtype.base_dtype, None)
        self.session = get_default_session()
        self.grads = symbolic_gradients(self.y_tensor, self.inputs, grad_ys=self.dy)

    def value(self, xs):
        if self.eager:
            return np.asarray(record.convert_to_tensor(self.f(*[record.convert_to_tensor(x) for x in xs]))._numpy())
        return np.asarray(self.session.run(self.y_tensor, {t: x for t, x in zip(self.inputs, xs, strict=True)}))

    def gradient(self, dy, param):
        x = self.xs[param]
        if self.eager:
            tensors = [record.convert_to_tensor(v) for v in self.xs]
            with GradientTape() as tape:
                tape.watch(tensors[param])
                y = self.f(*tensors)
            g = tape.gradient(y, tensors[param], output_gradients=record.convert_to_tensor(dy))
            if isinstance(g, IndexedSlices):
                g = record.densify(g)
            return None if g is None else np.asarray(g._numpy())
        g = self.grads[param]
        if g is None:
            return None
        feeds = {t: v for t, v in zip(self.inputs, self.xs, strict=True)}
        feeds[self.dy] = dy
        return _dense(self.session.run(g, feeds), x.shape)


def _jacobians(checked, param, delta):
    """(theoretical, numeric), each [y size, x size]."""
    x = checked.xs[param]
    y = checked.value(checked.xs)
    for array, what in ((x, f"argument {param}"), (y, "y")):
        if dtypes.as_dtype(array.dtype).name not in _ALLOWED:
            raise AssertionError(f"Cannot compute gradient for unsupported type {array.dtype} of {what}")
    n_x, n_y = _flat_real(x).size, _flat_real(y).size
    real = _flat_real(x).dtype
    theoretical = np.zeros((n_y, n_x), real)
    dy = np.zeros(y.shape, y.dtype)
    if n_y == 0:
        g = checked.gradient(dy, param)
        if g is not None and g.shape != x.shape:
            raise ValueError(f"Empty gradient has wrong shape: expected {x.shape}, got {g.shape}")
        if g is not None and np.any(g):
            raise ValueError("Empty tensor with nonzero gradients")
    for row in range(n_y):
        flat = np.zeros(n_y, _flat_real(y).dtype)
        flat[row] = 1
        g = checked.gradient(flat.view(y.dtype).reshape(y.shape), param)
        if g is not None:
            theoretical[row] = _flat_real(g)
    numeric = np.zeros((n_y, n_x), real)
    xs = [np.array(v) for v in checked.xs]
    for column in range(n_x):
        values = []
        for sign in (1, -1):
            moved = np.array(x, order="C")
            flat = moved.reshape(-1).view(real) if x.dtype.kind == "c" else moved.reshape(-1)
            flat[column] += np.asarray(sign * delta, real)
            xs[param] = moved.reshape(x.shape)
            values.append(checked.value(xs))
        xs[param] = np.array(x)
        scale = np.asarray(2 * delta, _flat_real(y).dtype)
        numeric[:, column] = _flat_real((values[0] - values[1]) / scale)
    return theoretical, numeric


@export("test.compute_gradient", v1="")
def compute_gradient(f, x, delta=None):
    """(theoretical, numeric) Jacobians of f, one [y size, x size] array per argument in the list `x`; ValueError if `x` is no list."""
    if not isinstance(x, (list, tuple)):
        raise ValueError(
            f"`x` must be a list or tuple of values convertible to a Tensor (arguments to `f`), not a {type(x)}"
        )
    checked = _Checked(f, [record.convert_to_tensor(v) if context.graph is None else _known(v) for v in x])
    pairs = [_jacobians(checked, i, 1.0 / 1024 if delta is None else delta) for i in range(len(x))]
    return tuple(p[0] for p in pairs), tuple(p[1] for p in pairs)


def _known(value):
    if isinstance(value, record.Tensor):
        from .session import get_default_session

        known = record.static_value(value)
        return known if known is not None else get_default_session().run(value)
    return value


def _compute_v1(x, x_shape, y, y_shape, x_init_value, delta, feeds):
    """TF1: Jacobians [x size, y size] of the tensor y by the tensor x in the default session."""
    from .session import get_default_session

    session = get_default_session()
    if x_init_value is None:
        dtype = x.dtype.base_dtype.np
        x_init_value = (
            np.asfarray(np.random.random_sample(x_shape)).astype(dtype)
            if hasattr(np, "asfarray")
            else np.random.random_sample(x_shape).astype(dtype)
        )
        if x.dtype.is_complex:
            x_init_value = (x_init_value + 1j * np.random.random_sample(x_shape)).astype(dtype)
    x_data = np.array(x_init_value, x.dtype.base_dtype.np)
    if tuple(x_data.shape) != tuple(x_shape):
        raise AssertionError(f"x_init_value has shape {x_data.shape}, x_shape is {x_shape}")
    for t, what in ((x, "x"), (y, "y")):
        if t.dtype.base_dtype.name not in _ALLOWED:
            raise AssertionError(f"Don't support type {t.dtype.name} for {what}")
    from .ops.core import placeholder

    dy = placeholder(y.dtype.base_dtype, y_shape)
    known = y._shape_tuple()  # a scalar may be called [1]
    fits = known is None or None in known or known == tuple(y_shape)
    grad = symbolic_gradients(y, x, grad_ys=dy if fits else OPS["Reshape"].public(dy, known))[0]
    if grad is None:
        raise AssertionError("y does not depend on x")
    x_size, y_size = _flat_real(x_data).size, int(np.prod(y_shape)) * (2 if y.dtype.is_complex else 1)
    real = _flat_real(x_data).dtype
    jacobian = np.zeros((x_size, y_size), real)
    for column in range(y_size):
        flat = np.zeros(y_size, y.dtype.real_dtype.base_dtype.np)
        flat[column] = 1
        cotangent = flat.view(y.dtype.base_dtype.np).reshape(y_shape)
        g = _dense(session.run(grad, {**feeds, x: x_data, dy: cotangent}), x_data.shape)
        jacobian[:, column] = _flat_real(g)
    if y_size == 0:
        g = _dense(session.run(grad, {**feeds, x: x_data, dy: np.zeros(y_shape, y.dtype.base_dtype.np)}), x_data.shape)
        if g.shape != x_data.shape:
            raise ValueError(f"Empty gradient has wrong shape: expected {x_data.shape}, got {g.shape}")
        if np.any(g):
            raise ValueError("Empty tensor with nonzero gradients")
    if x.dtype.base_dtype.name == "bfloat16":  # TensorFlow moves a float32 copy of x, on which y does not depend
        return jacobian, np.zeros((x_size, y_size), np.float32)
    numeric = np.zeros((x_size, y_size), real)
    for row in range(x_size):
        values = []
        for sign in (1, -1):
            moved = np.array(x_data, order="C")
            view = moved.reshape(-1).view(real) if x_data.dtype.kind == "c" else moved.reshape(-1)
            view[row] += np.asarray(sign * delta, real)
            values.append(np.asarray(session.run(y, {**feeds, x: moved.reshape(x_data.shape)})))
        numeric[row] = _flat_real((values[0] - values[1]) / (2 * delta)).astype(real)
    return jacobian, numeric


@export("", v1="test.compute_gradient")
def compute_gradient_v1(x, x_shape, y, y_shape, x_init_value=None, delta=1e-3, init_targets=None, extra_feed_dict=None):
    """TF1's check: (theoretical, numeric) Jacobians [x size, y size] of tensor y by tensor x (lists for a list of x)."""
    from .session import get_default_session

    if extra_feed_dict is None:
        extra_feed_dict = {}
    if init_targets is not None:
        for target in init_targets if isinstance(init_targets, (list, tuple)) else [init_targets]:
            get_default_session().run(target)
    if isinstance(x, list):
        starts = x_init_value if x_init_value is not None else [None] * len(x)
        data = [
            np.random.random_sample(s).astype(t.dtype.base_dtype.np) if v is None else v
            for t, s, v in zip(x, x_shape, starts, strict=True)
        ]
        out = []
        for i, (xi, si) in enumerate(zip(x, x_shape, strict=True)):
            others = {t: d for j, (t, d) in enumerate(zip(x, data, strict=True)) if j != i}
            out.append(_compute_v1(xi, si, y, y_shape, data[i], delta, {**extra_feed_dict, **others}))
        return out
    return _compute_v1(x, x_shape, y, y_shape, x_init_value, delta, extra_feed_dict)


@export("", v1="test.compute_gradient_error")
def compute_gradient_error(
    x, x_shape, y, y_shape, x_init_value=None, delta=1e-3, init_targets=None, extra_feed_dict=None
):
    """The largest difference between the theoretical and the numeric Jacobian."""
    found = compute_gradient_v1(x, x_shape, y, y_shape, x_init_value, delta, init_targets, extra_feed_dict)
    error = 0.0
    for theoretical, numeric in found if isinstance(found, list) else [found]:
        if theoretical.size or numeric.size:
            error = np.maximum(error, np.fabs(theoretical - numeric).max())
    return error
