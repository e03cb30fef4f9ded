"""Pooling: maxima and means over windows of one, two or three spatial dimensions."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import export, op, publish
from ..graph import context
from .math import FLOATS, REALS, with_jvp
from .nn import scoped
from .reductions import old_name
from .windows import (
    FORMATS,
    check_batch,
    check_explicit,
    check_rank,
    full,
    layout,
    paddings,
    pairs,
    remembered,
    spatial,
    spread,
    tap,
    taps,
    window_counts,
)

_UNROLLED = 64  # positions in a window up to which sums and gradients are written out: 2 to 20 times faster on a CPU


class _Windows:
    """The windows of one pool over one tensor: spatial sizes, paddings and counts."""

    def __init__(self, value, ksize, strides, padding, data_format, dilations=None):
        self.n = len(ksize) - 2
        check_rank(value, self.n, "Pooling input")
        self.first = data_format == FORMATS[self.n][1]
        check_batch(ksize, strides)
        if self.n > 1 and ksize[1 if self.first else -1] != 1:
            raise errors.UnimplementedError(None, None, "Pooling is not yet supported on the depth dimension.")
        self.window, self.strides = spatial(ksize, self.first), spatial(strides, self.first)
        if min(ksize) < 1 or min(strides) < 1 or max(*ksize, *strides) >= 2**31:
            raise errors.InvalidArgumentError(
                None, None,
                f"Sliding window ksize must be positive: ksize must be a positive int32 value, and so must the strides. The ksize "
                f"is {ksize}, the strides are {strides}",
            )  # fmt: skip
        self.dilations = dilations or (1,) * self.n
        self.sizes = spatial(value.shape, self.first)
        self.pads = pairs(padding, self.sizes, self.window, self.strides, self.dilations)
        if not isinstance(padding, str):
            check_explicit(self.pads, self.window)
        self.counts = window_counts(self.sizes, self.pads, self.window, self.strides, self.dilations)

    def reduce(self, value, start, function):
        return lax.reduce_window(
            value, start, function, spread(self.window, self.first, 1), spread(self.strides, self.first, 1),
            spread(self.pads, self.first, (0, 0)), window_dilation=spread(self.dilations, self.first, 1),
        )  # fmt: skip

    def pad(self, value, filler):
        return jnp.pad(value, spread(self.pads, self.first, (0, 0)), constant_values=filler)

    def tap(self, padded, position):
        return tap(padded, position, self.counts, self.strides, self.dilations, self.first)

    @property
    def few(self):
        return int(np.prod(self.window)) <= _UNROLLED

    @property
    def tiled(self):
        """Whether no two windows overlap and none skips anything."""
        return all(
            count == 1 and d == 1 or k == s and d == 1
            for count, k, s, d in zip(self.counts, self.window, self.strides, self.dilations, strict=True)
        )

    def tiles(self, value, filler):
        """`value` with every spatial dimension split into (windows, position in the window)."""
        start = 2 if self.first else 1
        value = self.pad(value, filler)
        for i, (count, k) in enumerate(zip(self.counts, self.window, strict=True)):
            value = lax.slice_in_dim(value, 0, count * k, axis=start + i)
        split = [d for pair in zip(self.counts, self.window, strict=True) for d in pair]
        return value.reshape(*value.shape[:start], *split, *value.shape[start + self.n :])

    @property
    def inner(self):
        """The dimensions of `tiles` that are positions in a window."""
        start = 2 if self.first else 1
        return tuple([start + 1 + 2 * i for i in range(self.n)])

    def numbers(self):
        """The number of each position in a window, row by row, as an array that broadcasts against `tiles`."""
        shape = [1] * (self.n * 2 + 2)
        for axis, k in zip(self.inner, self.window, strict=True):
            shape[axis] = k
        return np.arange(int(np.prod(self.window)), dtype=np.int32).reshape(shape)


def _lowest(dtype):
    return dtype.type(-np.inf if jnp.issubdtype(dtype, jnp.floating) else jnp.iinfo(dtype).min)


def _unrolled_tangent(w, value, out, by_value):
    """The tangent at the first maximum of each window: its number is found first, then what is there is taken."""
    padded, moved = w.pad(value, _lowest(value.dtype)), w.pad(by_value, 0)
    positions = list(taps(w.window))
    number = jnp.full(out.shape, 127, jnp.int8)
    for i in reversed(range(len(positions))):
        number = jnp.where(w.tap(padded, positions[i]) == out, jnp.int8(i), number)
    number = lax.optimization_barrier(number)  # else XLA finds it again for every position
    total = jnp.zeros_like(out)
    for i, position in enumerate(positions):
        total = total + jnp.where(number == i, w.tap(moved, position), 0)
    return total


def _tiled_tangent(w, value, out, by_value):
    """The same where no windows overlap, by reductions over the positions in a window."""
    numbers, none = w.numbers(), int(np.prod(w.window))
    hit = w.tiles(value, _lowest(value.dtype)) == jnp.expand_dims(out, w.inner)
    first = jnp.min(jnp.where(hit, numbers, none), w.inner, keepdims=True)
    return jnp.sum(jnp.where(numbers == first, w.tiles(by_value, 0), 0), w.inner)


def _every_tangent(w, value, out, by_value):
    """The sum of the tangents at all maxima of each window."""
    padded, moved = w.pad(value, _lowest(value.dtype)), w.pad(by_value, 0)
    return sum(jnp.where(w.tap(padded, at) == out, w.tap(moved, at), 0) for at in taps(w.window))


def _max_pool(value, w, every=False):
    """Maxima, whose gradient goes to the first one of each window, or to `every` one."""
    lowest = _lowest(value.dtype)

    def plain(x):
        return w.reduce(x, lowest, lax.max)

    if not jnp.issubdtype(value.dtype, jnp.floating):
        return plain(value)
    if every and w.few:
        return with_jvp(plain, lambda x, out, t: _every_tangent(w, x, out, t))(value)
    if w.tiled and int(np.prod(w.window)) > 9:
        return with_jvp(plain, lambda x, out, t: _tiled_tangent(w, x, out, t))(value)
    if w.few:
        return with_jvp(plain, lambda x, out, t: _unrolled_tangent(w, x, out, t))(value)
    return plain(value)


def _pool_depth(value, ksize, strides, padding):
    """TensorFlow pools over channels too where the windows tile them exactly and stay inside one position."""
    depth = ksize[-1]
    if (
        any(k != 1 for k in ksize[:-1])
        or depth != strides[-1]
        or value.shape[-1] % depth
        or padding not in ("SAME", "VALID")
    ):
        raise errors.UnimplementedError(
            None,
            None,
            "MaxPooling supports exactly one of pooling across depth or pooling across width/height; depthwise max pooling "
            "requires the depth window to equal the depth stride, and the depth window to evenly divide the input depth.",
        )
    return jnp.max(value.reshape(*value.shape[:-1], value.shape[-1] // depth, depth), -1)


@op("MaxPool", dtypes=REALS, shapes="input ? ? ? ?")
def max_pool_kernel(input, *, ksize, strides, padding, data_format="NHWC"):
    if len(ksize) == 4 and data_format == "NHWC" and ksize[3] != 1:
        return _pool_depth(input, ksize, strides, padding)
    return _max_pool(input, _Windows(input, ksize, strides, padding, data_format))


@op("MaxPoolV2", static="ksize strides", dtypes=REALS, name="MaxPoolV2", shapes="input ? ? ? ?")
def max_pool_v2_kernel(input, ksize, strides, *, padding, data_format="NHWC"):
    """MaxPool whose window, of four numbers, may be known only when it runs."""
    ksize, strides = (tuple([int(v) for v in window]) for window in (ksize, strides))
    return max_pool_kernel.op.kernel(input, ksize=ksize, strides=strides, padding=padding, data_format=data_format)


@op("MaxPool3D", dtypes="bfloat16 float16 float32", shapes="input ? ? ? ? ?")
def max_pool3d_kernel(input, *, ksize, strides, padding, data_format="NDHWC"):
    # TensorFlow's kernel for CPUs passes a volume's gradient to all of equal maxima, an image's to the first one.
    return _max_pool(input, _Windows(input, ksize, strides, padding, data_format), every=True)


def _average(value, w):
    """Means over what of each window lies inside the tensor."""
    wide = value.astype(jnp.float32) if value.dtype.itemsize < 4 else value
    if w.few:
        padded = w.pad(wide, 0)
        total = sum(w.tap(padded, position) for position in taps(w.window))
    elif w.tiled:
        total = jnp.sum(w.tiles(wide, 0), w.inner)
    else:
        total = w.reduce(wide, wide.dtype.type(0), lax.add)
    shares = None
    for i, (size, (low, _), count) in enumerate(zip(w.sizes, w.pads, w.counts, strict=True)):
        at = np.arange(count)[:, None] * w.strides[i] - low + np.arange(w.window[i]) * w.dilations[i]
        inside = ((at >= 0) & (at < size)).sum(1)
        shape = [1] * value.ndim
        shape[i + (2 if w.first else 1)] = count
        # Not NumPy's: the product of the parts may be as large as the tensor.
        part = jnp.asarray(inside.reshape(shape), total.dtype)
        shares = part if shares is None else shares * part
    return (total / shares).astype(value.dtype)


@op("AvgPool", dtypes=FLOATS, shapes="value ? ? ? ?")
def avg_pool_kernel(value, *, ksize, strides, padding, data_format="NHWC"):
    return _average(value, _Windows(value, ksize, strides, padding, data_format))


@op("AvgPool3D", dtypes=FLOATS, shapes="input ? ? ? ? ?")
def avg_pool3d_kernel(input, *, ksize, strides, padding, data_format="NDHWC"):
    return _average(input, _Windows(input, ksize, strides, padding, data_format))


@op("MaxPool1D", dtypes=REALS, shapes="input ? ? ?")
def max_pool1d_kernel(input, *, ksize, strides, padding, data_format="NWC"):
    return _max_pool(input, _Windows(input, ksize, strides, padding, data_format))


@op("AvgPool1D", dtypes=FLOATS, shapes="input ? ? ?")
def avg_pool1d_kernel(input, *, ksize, strides, padding, data_format="NWC"):
    return _average(input, _Windows(input, ksize, strides, padding, data_format))


@op("DilatedPool", dtypes=FLOATS)
def dilated_pool_kernel(input, *, window, kind, dilations, data_format):
    first = data_format == FORMATS[len(window)][1]
    w = _Windows(input, spread(window, first, 1), (1,) * (len(window) + 2), "VALID", data_format, dilations)
    return _max_pool(input, w) if kind == "MAX" else _average(input, w)


_KERNELS = {
    ("MAX", 1): max_pool1d_kernel, ("MAX", 2): max_pool_kernel, ("MAX", 3): max_pool3d_kernel,
    ("AVG", 1): avg_pool1d_kernel, ("AVG", 2): avg_pool_kernel, ("AVG", 3): avg_pool3d_kernel,
}  # fmt: skip


@remembered
def _pool_settings(n, ksize, strides, padding, data_format, explicit):
    """The kernel's settings from the user's."""
    data_format, first = layout(data_format, n)
    return {
        "ksize": full(ksize, n, first, "ksize"),
        "strides": full(strides, n, first, "strides"),
        "padding": paddings(padding, n, first, explicit),
        "data_format": data_format,
    }


def _check_window(ksize, strides):
    """Raises the same in a graph, where TensorFlow would say it when the graph runs."""
    if max(*ksize, *strides) >= 2**63:
        wrong = OverflowError if context.graph is None else ValueError
        raise wrong(
            f"Sliding window ksize and strides must be int32 values. The ksize is {ksize}, the strides are {strides}"
        )
    if min(ksize) < 1:
        raise errors.InvalidArgumentError(
            None, None, f"Sliding window ksize must be positive. The specified or inferred ksize is: {ksize}"
        )


def _pool(kind, n, value, ksize, strides, padding, data_format, name, default, explicit=False):
    """Records a pool of `kind` over `n` spatial dimensions with the user's settings."""
    settings = _pool_settings(n, ksize, strides, padding, data_format, explicit)
    _check_window(settings["ksize"], settings["strides"])
    check_batch(settings["ksize"], settings["strides"])
    kernel = _KERNELS[kind, n]
    if n == 1:
        return scoped(kernel, [value], settings, name, default, "Squeeze")
    out = record.call(kernel.op, [value], settings, name, default)
    if context.graph is not None and out._rank() is None:  # an input of unknown rank
        out.set_shape([None] * (n + 2))
    return out


def _rank(value, data_format, ksize, name):
    """The number of spatial dimensions: from the tensor, the format or the window."""
    value = record.convert_to_tensor(value)
    rank = value._rank()
    if rank is not None:
        n = rank - 2
    elif data_format is not None:
        n = len(data_format) - 2
    else:
        ksize = record.setting(ksize)
        n = len(ksize) - 2 if isinstance(ksize, tuple) and len(ksize) > 3 else 0
    if n not in (1, 2, 3):
        raise ValueError(
            f"`input.shape.rank` must be 3, 4 or 5. Received: input.shape={value.shape} of rank {rank} for {name}"
        )
    return value, n


# -- public functions -------------------------------------------------------------------------------------------------
@export("nn.max_pool", v1="nn.max_pool_v2")
def max_pool(input, ksize, strides, padding, data_format=None, name=None):
    """Maxima over windows of a [batch, spatial..., channels] tensor, padded 'SAME', 'VALID' or by explicit pairs."""
    input, n = _rank(input, data_format, ksize, "max_pool")
    return _pool(
        "MAX",
        n,
        input,
        ksize,
        strides,
        padding,
        data_format,
        name,
        ("", "MaxPool1d", "MaxPool2d", "MaxPool3D")[n],
        n < 3,
    )


@export("", v1="nn.max_pool")
def max_pool_v1(value, ksize, strides, padding, data_format="NHWC", name=None, input=None):
    """TF1's max_pool of a 4-D tensor, where `value` is also called `input`."""
    value = old_name("input", value, "value", input)
    return _pool("MAX", 2, value, ksize, strides, padding, data_format, name, "MaxPool", True)


@export("nn.avg_pool", v1="nn.avg_pool_v2")
def avg_pool(input, ksize, strides, padding, data_format=None, name=None):
    """Means over windows of a [batch, spatial..., channels] tensor; padding does not count."""
    input, n = _rank(input, data_format, ksize, "avg_pool")
    return _pool(
        "AVG", n, input, ksize, strides, padding, data_format, name, ("", "AvgPool1D", "AvgPool", "AvgPool3D")[n]
    )


@export("", v1="nn.avg_pool nn.avg_pool2d")
def avg_pool_v1(value, ksize, strides, padding, data_format="NHWC", name=None, input=None):
    """TF1's avg_pool of a 4-D tensor, where `value` is also called `input`."""
    value = old_name("input", value, "value", input)
    return _pool("AVG", 2, value, ksize, strides, padding, data_format, name, "AvgPool")


def _fixed_rank(kind, n, default, explicit=False, v1=None):
    format_ = FORMATS[n][0]

    def function(input, ksize, strides, padding, data_format=format_, name=None):
        return _pool(kind, n, input, ksize, strides, padding, data_format, name, default, explicit)

    function.__name__ = function.__qualname__ = f"{kind.lower()}_pool{n}d"
    function.__doc__ = (
        f"{'Maxima' if kind == 'MAX' else 'Means'} over windows of {n} spatial dimension{'s' if n > 1 else ''}."
    )
    return publish(function, f"nn.{function.__name__}", v1)


max_pool1d = _fixed_rank("MAX", 1, "MaxPool1d", True)
max_pool2d = _fixed_rank("MAX", 2, "MaxPool2d", True)
max_pool3d = _fixed_rank("MAX", 3, "MaxPool3D")
avg_pool1d = _fixed_rank("AVG", 1, "AvgPool1D")
avg_pool2d = _fixed_rank("AVG", 2, "AvgPool2D", v1="")
avg_pool3d = _fixed_rank("AVG", 3, "AvgPool3D")


@export("nn.pool", v1="")
def pool(input, window_shape, pooling_type, strides=None, padding="VALID", data_format=None, dilations=None, name=None):
    """A 'MAX' or 'AVG' pool over one to three spatial dimensions, with holes where `dilations` says so.

    Raises ValueError for another `pooling_type`, and for strides and dilations above one together.
    """
    window = record.setting(window_shape)
    window = window if isinstance(window, tuple) else (window,)
    n = len(window)
    if n not in (1, 2, 3):
        raise ValueError(f"`window_shape` must have length 1, 2 or 3. Received: window_shape={window_shape}")
    if pooling_type not in ("MAX", "AVG"):
        raise ValueError(f"`pooling_type` must be 'MAX' or 'AVG'. Received: pooling_type={pooling_type}")
    data_format, first = layout(data_format, n)
    steps, holes = (spatial(full(v, n, first, k), first) for v, k in ((strides, "strides"), (dilations, "dilations")))
    name_of_type = f"{pooling_type.lower()}_pool"
    if any(d > 1 for d in holes):
        if any(s > 1 for s in steps):
            raise ValueError(
                f"`strides > 1` not supported in conjunction with `dilations > 1`. Received: strides={steps} and "
                f"dilations={holes}"
            )
        if padding != "VALID":
            raise ValueError(
                f"pooling with 'SAME' padding is not implemented for `dilation_rate` > 1. Received: padding={padding} "
                f"and dilation_rate={holes}"
            )
        settings = dict(window=window, kind=pooling_type, dilations=holes, data_format=data_format)
        return record.call(dilated_pool_kernel.op, [input], settings, name, name_of_type)
    return _pool(pooling_type, n, input, window, steps, padding, data_format, name, name_of_type)


@export("", v1="nn.pool")
def pool_v1(
    input,
    window_shape,
    pooling_type,
    padding,
    dilation_rate=None,
    strides=None,
    name=None,
    data_format=None,
    dilations=None,
):
    """TF1's argument order of pool."""
    return pool(
        input,
        window_shape,
        pooling_type,
        strides,
        padding,
        data_format,
        old_name("dilations", dilations, "dilation_rate", dilation_rate),
        name,
    )


# -- where the maximum is ---------------------------------------------------------------------------------------------
@op("MaxPoolWithArgmax", dtypes=REALS, shapes="input ? ? ? ?")
def max_pool_with_argmax_kernel(input, *, ksize, strides, padding, output_dtype, include_batch_in_index=False):
    """(maxima, flat positions (y * width + x) * channels + channel of the first of them)."""
    w = _Windows(input, ksize, strides, padding, "NHWC")
    best = _max_pool(input, w)
    (height, width), channels = w.sizes, input.shape[3]
    padded = w.pad(lax.stop_gradient(input), _lowest(input.dtype))
    found, taken = jnp.zeros(best.shape, jnp.int64), jnp.zeros(best.shape, bool)
    grid = [np.arange(c) * s - low for c, s, (low, _) in zip(w.counts, w.strides, w.pads, strict=True)]
    channel = jnp.arange(channels)
    for position in taps(w.window):
        y, x = (jnp.asarray(g + p) for g, p in zip(grid, position, strict=True))
        inside = ((y >= 0) & (y < height))[:, None] & ((x >= 0) & (x < width))
        hit = (w.tap(padded, position) == best) & ~taken & inside[None, :, :, None]
        taken = taken | hit
        found = jnp.where(hit, ((y[:, None] * width + x)[..., None] * channels + channel)[None], found)
    if include_batch_in_index:
        found = found + (jnp.arange(input.shape[0]) * (height * width * channels))[:, None, None, None]
    return best, found.astype(output_dtype.np)


@export("nn.max_pool_with_argmax", v1="")
def max_pool_with_argmax(
    input,
    ksize,
    strides,
    padding,
    data_format="NHWC",
    output_dtype=dtypes.int64,
    include_batch_in_index=False,
    name=None,
):
    """(maxima over windows, their flat positions in the input); ValueError for another format than NHWC."""
    if data_format != "NHWC":
        raise ValueError(
            f"`data_format` values other than 'NHWC' are not supported. Received: data_format={data_format}"
        )
    return max_pool_with_argmax_kernel(
        input, ksize=full(ksize, 2, False, "ksize"), strides=full(strides, 2, False, "strides"),
        padding=paddings(padding, 2, False, False), output_dtype=dtypes.as_dtype(output_dtype),
        include_batch_in_index=bool(include_batch_in_index), name=name,
    )  # fmt: skip


@export("", v1="nn.max_pool_with_argmax")
def max_pool_with_argmax_v1(
    input,
    ksize,
    strides,
    padding,
    data_format="NHWC",
    Targmax=None,
    name=None,
    output_dtype=None,
    include_batch_in_index=False,
):
    """TF1's max_pool_with_argmax, where `output_dtype` is also called `Targmax`."""
    output_dtype = old_name("output_dtype", output_dtype, "Targmax", Targmax) or dtypes.int64
    return max_pool_with_argmax(input, ksize, strides, padding, data_format, output_dtype, include_batch_in_index, name)


def _refused(name):
    def function(*args, **kwargs):
        raise NotImplementedError(
            f"tf.nn.{name} is not there: its windows are drawn by TensorFlow's own pseudo-random sequence."
        )

    function.__name__ = function.__qualname__ = name
    publish(function, f"nn.{name}")


_refused("fractional_max_pool")
_refused("fractional_avg_pool")
