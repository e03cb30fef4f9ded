"""tf.layers.max_pooling1d/2d/3d and average_pooling1d/2d/3d."""

from __future__ import annotations

from ..declare import export
from ..ops import array, pool
from .base import InputSpec, Layer, tuple_of
from .convolution import checked_format, checked_padding, length


class Pooling(Layer):
    """What the pooling layers share."""

    rank, kind = 2, "max"

    def __init__(self, pool_size, strides, padding="valid", data_format="channels_last", name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.pool_size = tuple_of(pool_size, self.rank, "pool_size")
        self.strides = tuple_of(pool_size if strides is None else strides, self.rank, "strides")
        self.padding = checked_padding(padding)
        self.data_format, self._layout = checked_format(data_format, self.rank)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs):
        last = self.data_format == "channels_last"
        if self.rank == 1:  # TensorFlow pools [n, length, 1, channels]
            axis = 2 if last else 3
            wide = array.expand_dims(inputs, axis)
            size = [1, *self.pool_size, 1, 1] if last else [1, 1, *self.pool_size, 1]
            strides = [1, *self.strides, 1, 1] if last else [1, 1, *self.strides, 1]
            return array.squeeze(
                _pool(self.kind, 2)(wide, size, strides, self.padding.upper(), "NHWC" if last else "NCHW"), axis=[axis]
            )
        size = [1, *self.pool_size, 1] if last else [1, 1, *self.pool_size]
        strides = [1, *self.strides, 1] if last else [1, 1, *self.strides]
        reduce, padding = _pool(self.kind, self.rank), self.padding.upper()
        if self.rank == 3:
            return reduce(inputs, ksize=size, strides=strides, padding=padding, data_format=self._layout)
        return reduce(inputs, size, strides, padding, self._layout)

    def compute_output_shape(self, input_shape):
        from ..shapes import TensorShape

        dims = TensorShape(input_shape).as_list()
        last = self.data_format == "channels_last"
        space = dims[1:-1] if last else dims[2:]
        out = [length(*a) for a in zip(space, self.pool_size, [self.padding] * self.rank, self.strides, strict=True)]
        return TensorShape([dims[0], *out, dims[-1]] if last else [dims[0], dims[1], *out])


def _pool(kind, rank):
    if rank == 2:
        return pool.max_pool_v1 if kind == "max" else pool.avg_pool_v1
    return pool.max_pool3d_kernel if kind == "max" else pool.avg_pool3d_kernel


def _declare(kind, rank):
    words = {"max": ("Max", "max"), "avg": ("Average", "average")}[kind]
    name, function_name = f"{words[0]}Pooling{rank}D", f"{words[1]}_pooling{rank}d"
    doc = f"{words[0].lower()} over windows of `pool_size`, [n, {rank} spatial dimensions, channels]."
    made = type(name, (Pooling,), {"rank": rank, "kind": kind, "__doc__": doc, "__module__": __name__})

    def function(inputs, pool_size, strides, padding="valid", data_format="channels_last", name=None):
        return made(pool_size, strides, padding, data_format, name)(inputs)

    function.__name__ = function.__qualname__ = function_name
    function.__doc__ = doc
    globals()[name] = export("", v1=f"layers.{name}")(made)
    globals()[function_name] = export("", v1=f"layers.{function_name}")(function)


for _kind in ("max", "avg"):
    for _rank in (1, 2, 3):
        _declare(_kind, _rank)
