"""The gradients of pools as ops of their own, under TensorFlow's raw names: what a pool passes back, and the tangents of that."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from .. import errors, record
from ..declare import op
from .math import FLOATS, REALS
from .pool import _average, _max_pool, _pool_depth, _Windows

_CELLS = 2**31  # elements beyond which an image is refused rather than allotted


def _bad(message):
    return errors.InvalidArgumentError(None, None, message)


def _text(shape):
    return "[" + ",".join(map(str, shape)) + "]"


def _maximum(ksize, strides, padding, data_format, every=False):
    if len(ksize) == 4 and data_format == "NHWC" and ksize[3] != 1:
        return lambda x: _pool_depth(x, ksize, strides, padding)
    return lambda x: _max_pool(x, _Windows(x, ksize, strides, padding, data_format), every)


def _check(function, orig_input, orig_output, grad, like_input=False):
    shape = jax.eval_shape(function, orig_input).shape
    if tuple(orig_output.shape) != shape:
        raise _bad(f"Expected orig_output shape to be {_text(shape)}, but got {_text(orig_output.shape)}")
    wanted = tuple(orig_input.shape) if like_input else shape
    if tuple(grad.shape) != wanted:
        raise _bad(f"Expected grad shape to be {_text(wanted)}, but got {_text(grad.shape)}")


def _declare_max(type, rank):
    form = "NHWC" if rank == 2 else "NDHWC"

    @op(type + "Grad", name=type + "Grad", dtypes=REALS)
    def grad_kernel(orig_input, orig_output, grad, *, ksize, strides, padding, data_format=form):
        """What the maxima pass back: `grad` at the first maximum of every window, in volumes at all of them."""
        function = _maximum(ksize, strides, padding, data_format, every=rank == 3)
        _check(function, orig_input, orig_output, grad)
        if jnp.issubdtype(orig_input.dtype, jnp.floating):
            return jax.vjp(function, orig_input)[1](grad)[0]
        wide = jax.vjp(function, orig_input.astype(jnp.float64))[1](grad.astype(jnp.float64))[0]
        return wide.astype(orig_input.dtype)

    @op(type + "GradGrad", name=type + "GradGrad", dtypes=REALS)
    def grad_grad_kernel(orig_input, orig_output, grad, *, ksize, strides, padding, data_format=form):
        """`grad`, of the input's shape, as the maxima see it: where the first maximum of every window is."""
        function = _maximum(ksize, strides, padding, data_format)
        _check(function, orig_input, orig_output, grad, like_input=True)
        if jnp.issubdtype(orig_input.dtype, jnp.floating):
            return jax.jvp(function, (orig_input,), (grad,))[1]
        wide = jax.jvp(function, (orig_input.astype(jnp.float64),), (grad.astype(jnp.float64),))[1]
        return wide.astype(orig_input.dtype)

    return grad_kernel, grad_grad_kernel


MAX_GRAD = {2: _declare_max("MaxPool", 2), 3: _declare_max("MaxPool3D", 3)}


def _declare_average(type, rank):
    form = "NHWC" if rank == 2 else "NDHWC"

    @op(type + "Grad", name=type + "Grad", static="orig_input_shape", dtypes=FLOATS, own="orig_input_shape")
    def grad_kernel(orig_input_shape, grad, *, ksize, strides, padding, data_format=form):
        """What the means pass back: `grad` spread evenly over what of each window lies inside the image."""
        shape = tuple([int(n) for n in np.asarray(orig_input_shape).reshape(-1)])
        if len(shape) != rank + 2:
            raise _bad(f"orig_input_shape must be 1-dimensional and {rank + 2} elements, got {len(shape)}")
        if min(shape) < 0 or float(np.prod(shape, dtype=np.float64)) > _CELLS:
            raise _bad(f"orig_input_shape {_text(shape)} is not the shape of an image")
        like = jax.ShapeDtypeStruct(shape, grad.dtype)

        def function(x):
            return _average(x, _Windows(x, ksize, strides, padding, data_format))

        if 0 in shape:
            return jnp.zeros(shape, grad.dtype)
        wanted = jax.eval_shape(function, like).shape
        if tuple(grad.shape) != wanted:
            raise _bad(f"Expected grad shape to be {_text(wanted)}, but got {_text(grad.shape)}")
        return jax.linear_transpose(function, like)(grad)[0]

    return grad_kernel


AVERAGE_GRAD = {2: _declare_average("AvgPool", 2), 3: _declare_average("AvgPool3D", 3)}


# -- by known positions -----------------------------------------------------------------------------------------------
def _places(input, argmax, window, whole_batch):
    """Flat positions in the whole tensor from those in each image, and how many elements it has; `argmax` is checked."""
    shape, wanted = input.shape, jax.eval_shape(_maximum(*window, "NHWC"), input).shape
    if argmax.shape != wanted:
        raise _bad(f"Expected argmax shape to be {_text(wanted)}, but got {_text(argmax.shape)}")
    size = int(np.prod(shape[1:]))
    if whole_batch:
        return argmax.reshape(-1), size * shape[0]
    first = np.arange(shape[0], dtype=np.int64).reshape(-1, *[1] * (argmax.ndim - 1)) * size
    return (argmax + first).reshape(-1), size * shape[0]


def _check_grad(grad, wanted):
    if grad.shape != tuple(wanted):
        raise _bad(f"Expected grad shape to be {_text(wanted)}, but got {_text(grad.shape)}")


@op("MaxPoolGradWithArgmax", own="argmax", alike=False, dtypes=REALS, name="MaxPoolGradWithArgmax")
def grad_with_argmax_kernel(input, grad, argmax, *, ksize, strides, padding, include_batch_in_index=False):
    """`grad` [...] added up at the positions `argmax` of a tensor of the input's shape."""
    window = ksize, strides, padding
    _check_grad(grad, jax.eval_shape(_maximum(*window, "NHWC"), input).shape)
    places, size = _places(input, jnp.asarray(argmax), window, include_batch_in_index)
    return jnp.zeros(size, grad.dtype).at[places].add(grad.reshape(-1)).reshape(input.shape)


@op("MaxPoolGradGradWithArgmax", own="argmax", alike=False, dtypes=REALS, name="MaxPoolGradGradWithArgmax")
def grad_grad_with_argmax_kernel(input, grad, argmax, *, ksize, strides, padding, include_batch_in_index=False):
    """What stands in `grad`, of the input's shape, at the positions `argmax`."""
    _check_grad(grad, input.shape)
    places, _ = _places(input, jnp.asarray(argmax), (ksize, strides, padding), include_batch_in_index)
    return jnp.take(grad.reshape(-1), places, mode="clip").reshape(argmax.shape)


def record_gradient(kernel, inputs, settings, name):
    """Records one of these ops, its tensors converted to one dtype."""
    first = record.convert_to_tensor(inputs[0])
    dtype = first.dtype.base_dtype
    return record.call(kernel.op, [first, *[record.convert_to_tensor(v, dtype) for v in inputs[1:]]], settings, name)
