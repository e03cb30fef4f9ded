"""tf.layers.dense, dropout, flatten."""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import OPS, export
from ..graph import context
from ..initializers import ZerosV1
from ..ops import array, nn, products
from ..ops import dropout as dropouts
from ..shapes import TensorShape
from .base import InputSpec, Layer, activation_of, initializer_of, smart_cond


@export("", v1="layers.Dense")
class Dense(Layer):
    """[..., in] -> [..., units]: activation(inputs . kernel + bias)."""

    def __init__(
        self,
        units,
        activation=None,
        use_bias=True,
        kernel_initializer=None,
        bias_initializer=ZerosV1,
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        trainable=True,
        name=None,
        **kwargs,
    ):
        super().__init__(trainable=trainable, name=name, activity_regularizer=activity_regularizer, **kwargs)
        self.units = int(units)
        if self.units < 0:
            raise ValueError(
                f"Received an invalid value for `units`, expected a positive integer. Received: units={units}"
            )
        self.activation, self.use_bias = activation_of(activation), use_bias
        self.kernel_initializer, self.bias_initializer = (
            initializer_of(kernel_initializer),
            initializer_of(bias_initializer),
        )
        self.kernel_regularizer, self.bias_regularizer = kernel_regularizer, bias_regularizer
        self.kernel_constraint, self.bias_constraint = kernel_constraint, bias_constraint
        self.kernel = self.bias = None
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape):
        dtype = dtypes.as_dtype(self.dtype or "float32")
        if not (dtype.is_floating or dtype.is_complex):
            raise TypeError(f"A Dense layer can only be built with a floating-point dtype. Received: dtype={dtype}")
        size = TensorShape(input_shape).as_list()[-1]
        if size is None:
            raise ValueError(
                "The last dimension of the inputs to a Dense layer should be defined. Found None. "
                f"Full input shape received: {TensorShape(input_shape)}"
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: size})
        self.kernel = self.add_weight(
            "kernel",
            [size, self.units],
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                "bias",
                [self.units],
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.built = True

    def call(self, inputs):
        rank = inputs.shape.rank
        if rank == 2:
            outputs = products.matmul(inputs, self.kernel)
        else:
            outputs = products.tensordot(inputs, self.kernel, [[rank - 1], [0]])
            if context.graph is not None:
                outputs.set_shape(inputs.shape.as_list()[:-1] + [self.units])
        if self.use_bias:
            outputs = nn.bias_add(outputs, self.bias)
        return self.activation(outputs) if self.activation is not None else outputs

    def compute_output_shape(self, input_shape):
        return TensorShape(TensorShape(input_shape).as_list()[:-1] + [self.units])


@export("", v1="layers.dense")
def dense(
    inputs,
    units,
    activation=None,
    use_bias=True,
    kernel_initializer=None,
    bias_initializer=ZerosV1,
    kernel_regularizer=None,
    bias_regularizer=None,
    activity_regularizer=None,
    kernel_constraint=None,
    bias_constraint=None,
    trainable=True,
    name=None,
    reuse=None,
):
    """[..., in] -> [..., units] with variables kernel [in, units] and bias [units]."""
    layer = Dense(
        units,
        activation=activation,
        use_bias=use_bias,
        kernel_initializer=kernel_initializer,
        bias_initializer=bias_initializer,
        kernel_regularizer=kernel_regularizer,
        bias_regularizer=bias_regularizer,
        activity_regularizer=activity_regularizer,
        kernel_constraint=kernel_constraint,
        bias_constraint=bias_constraint,
        trainable=trainable,
        name=name,
        _scope=name,
        _reuse=reuse,
    )
    return layer(inputs)


@export("", v1="layers.Dropout")
class Dropout(Layer):
    """Elements are zeroed with probability `rate` in training, the others scaled up; `training` may be a tensor."""

    def __init__(self, rate=0.5, noise_shape=None, seed=None, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        if isinstance(rate, (int, float)) and not 0 <= rate <= 1:
            raise ValueError(f"Invalid value {rate} received for `rate`, expected a value between 0 and 1.")
        self.rate, self.noise_shape, self.seed = rate, noise_shape, seed

    def call(self, inputs, training=False):
        def dropped():
            return dropouts.dropout(inputs, self.rate, self.noise_shape, self.seed)

        return smart_cond(training, dropped, lambda: OPS["Identity"].public(inputs))


@export("", v1="layers.dropout")
def dropout(inputs, rate=0.5, noise_shape=None, seed=None, training=False, name=None):
    """`inputs` with a share `rate` of elements zeroed where `training` is true (a bool or a tensor), else as they
    are.
    """
    return Dropout(rate, noise_shape=noise_shape, seed=seed, name=name)(inputs, training=training)


def _channels_last(inputs, data_format):
    """[N, C, ...] -> [N, ..., C] where the channels come first."""
    rank = inputs.shape.rank
    if data_format in (None, "channels_last") or rank is None or rank <= 2:
        return inputs
    return array.transpose(inputs, [0, *range(2, rank), 1])


@export("", v1="layers.Flatten")
class Flatten(Layer):
    """[n, a, b, ...] -> [n, a * b * ...]."""

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        if data_format not in (None, "channels_last", "channels_first"):
            raise ValueError(
                f"The `data_format` argument must be one of 'channels_first', 'channels_last'. Received: {data_format}"
            )
        self.data_format = data_format
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs):
        inputs = _channels_last(inputs, self.data_format)
        dims = inputs.shape.as_list()
        rest = dims[1:]
        if None not in rest:
            # The batch size may be unknown; a zero-sized rest leaves only the batch to be inferred.
            size = int(np.prod(rest, dtype=np.int64))
            target = [dims[0] if dims[0] is not None and size == 0 else -1, size]
            return array.reshape(inputs, target)
        if dims[0] is not None:
            return array.reshape(inputs, [dims[0], -1])
        return array.reshape(inputs, [OPS["Shape"].public(inputs)[0], -1])

    def compute_output_shape(self, input_shape):
        dims = TensorShape(input_shape).as_list()
        return TensorShape([dims[0], None if None in dims[1:] else int(np.prod(dims[1:], dtype=np.int64))])


@export("", v1="layers.flatten")
def flatten(inputs, name=None, data_format="channels_last"):
    """[n, a, b, ...] -> [n, a * b * ...]."""
    return Flatten(name=name, data_format=data_format)(record.convert_to_tensor(inputs))
