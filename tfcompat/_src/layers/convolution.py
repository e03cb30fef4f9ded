"""tf.layers.conv1d/2d/3d, their transposes and the separable ones."""

from __future__ import annotations

from ..declare import export
from ..graph import context
from ..initializers import ZerosV1
from ..ops import array, conv, nn
from ..shapes import TensorShape
from .base import InputSpec, Layer, activation_of, initializer_of, tuple_of

_FORMATS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}


def checked_format(value, rank):
    """channels_last or channels_first as TensorFlow's NHWC-like spelling; ValueError for anything else."""
    value = "channels_last" if value is None else value.lower()
    if value not in ("channels_last", "channels_first"):
        raise ValueError(
            f"The `data_format` argument must be one of 'channels_first', 'channels_last'. Received: {value}"
        )
    return value, _FORMATS[rank][value == "channels_first"]


def checked_padding(value, allowed=("valid", "same")):
    if not isinstance(value, str) or value.lower() not in allowed:
        raise ValueError(f"The `padding` argument must be one of {', '.join(map(repr, allowed))}. Received: {value}")
    return value.lower()


def length(size, kernel, padding, stride, dilation=1):
    """How long a convolution's output is along one dimension; None stays None."""
    if size is None:
        return None
    wide = kernel + (kernel - 1) * (dilation - 1)
    size = size - wide + 1 if padding == "valid" else size
    return (size + stride - 1) // stride


def transposed_length(size, kernel, padding, stride):
    """How long a transposed convolution's output is along one dimension."""
    if size is None:
        return None
    return size * stride + (max(kernel - stride, 0) if padding == "valid" else 0)


class Conv(Layer):
    """What the convolution layers share; `rank` spatial dimensions."""

    rank = 2

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format="channels_last",
        dilation_rate=1,
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
        n = self.rank
        self.filters = filters if filters is None else int(filters)
        self.kernel_size, self.strides = tuple_of(kernel_size, n, "kernel_size"), tuple_of(strides, n, "strides")
        self.padding = checked_padding(padding)
        self.data_format, self._layout = checked_format(data_format, n)
        self.dilation_rate = tuple_of(dilation_rate, n, "dilation_rate")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "`strides > 1` not supported in conjunction with `dilation_rate > 1`. "
                f"Received: strides={self.strides} and dilation_rate={self.dilation_rate}"
            )
        self.activation, self.use_bias = activation_of(activation), use_bias
        self.kernel_initializer, self.bias_initializer = (
            initializer_of(kernel_initializer),
            initializer_of(bias_initializer),
        )
        self.kernel_regularizer, self.bias_regularizer = kernel_regularizer, bias_regularizer
        self.kernel_constraint, self.bias_constraint = kernel_constraint, bias_constraint
        self.kernel = self.bias = None
        self.input_spec = InputSpec(ndim=n + 2)

    @property
    def _channel_axis(self):
        return 1 if self.data_format == "channels_first" else -1

    def _channels(self, input_shape):
        size = TensorShape(input_shape).as_list()[self._channel_axis]
        if size is None:
            raise ValueError(
                "The channel dimension of the inputs should be defined. "
                f"The input_shape received is {TensorShape(input_shape)}, where axis {self._channel_axis} is the "
                f"channel dimension."
            )
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={self._channel_axis: size})
        return size

    def _add_kernel(self, name, shape, initializer, regularizer, constraint):
        return self.add_weight(name, shape, initializer=initializer, regularizer=regularizer, constraint=constraint)

    def _add_bias(self):
        if self.use_bias:
            self.bias = self._add_kernel(
                "bias", [self.filters], self.bias_initializer, self.bias_regularizer, self.bias_constraint
            )

    def _kernel_shape(self, channels):
        return [*self.kernel_size, channels, self.filters]

    def build(self, input_shape):
        shape = self._kernel_shape(self._channels(input_shape))
        self.kernel = self._add_kernel(
            "kernel", shape, self.kernel_initializer, self.kernel_regularizer, self.kernel_constraint
        )
        self._add_bias()
        self.built = True

    def call(self, inputs):
        return self._finish(self._convolve(inputs))

    def _finish(self, outputs):
        if self.use_bias:
            if self._layout in ("NHWC", "NCHW", "NDHWC", "NWC"):
                outputs = nn.bias_add(outputs, self.bias, data_format="NCHW" if self._layout == "NCHW" else "NHWC")
            else:
                outputs = outputs + array.reshape(self.bias, [1, self.filters] + [1] * self.rank)
        return self.activation(outputs) if self.activation is not None else outputs

    def compute_output_shape(self, input_shape):
        dims = TensorShape(input_shape).as_list()
        first = self.data_format == "channels_first"
        space = dims[2:] if first else dims[1:-1]
        out = [
            length(*a)
            for a in zip(
                space, self.kernel_size, [self.padding] * self.rank, self.strides, self.dilation_rate, strict=True
            )
        ]
        return TensorShape([dims[0], self.filters, *out] if first else [dims[0], *out, self.filters])


@export("", v1="layers.Conv1D layers.Convolution1D")
class Conv1D(Conv):
    """[n, length, in] -> [n, length', filters]."""

    rank = 1

    def _convolve(self, inputs):
        return conv.conv1d(
            inputs,
            self.kernel,
            self.strides[0],
            self.padding.upper(),
            self._layout,
            self.dilation_rate[0],
            name="conv1d",
        )


@export("", v1="layers.Conv2D layers.Convolution2D")
class Conv2D(Conv):
    """[n, height, width, in] -> [n, height', width', filters]."""

    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        data_format="channels_last",
        dilation_rate=(1, 1),
        *args,
        **kwargs,
    ):
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, *args, **kwargs)

    def _convolve(self, inputs):
        return conv.conv2d(
            inputs, self.kernel, list(self.strides), self.padding.upper(), self._layout, list(self.dilation_rate)
        )


@export("", v1="layers.Conv3D layers.Convolution3D")
class Conv3D(Conv):
    """[n, depth, height, width, in] -> [n, depth', height', width', filters]."""

    rank = 3

    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1, 1),
        padding="valid",
        data_format="channels_last",
        dilation_rate=(1, 1, 1),
        *args,
        **kwargs,
    ):
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, *args, **kwargs)

    def _convolve(self, inputs):
        def full(values):
            return [1, *values, 1] if self.data_format == "channels_last" else [1, 1, *values]

        return conv.conv3d(
            inputs, self.kernel, full(self.strides), self.padding.upper(), self._layout, full(self.dilation_rate)
        )


class _Transposed(Conv):
    """What the transposed convolutions share."""

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format="channels_last",
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
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            1,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            trainable,
            name,
            **kwargs,
        )

    def _kernel_shape(self, channels):
        return [*self.kernel_size, self.filters, channels]

    def _convolve(self, inputs):
        n, first = self.rank, self.data_format == "channels_first"
        static = inputs.shape.as_list()
        known = self.compute_output_shape(inputs.shape).as_list()
        space = range(2, n + 2) if first else range(1, n + 1)
        if None in known:
            from ..basics import shape as shape_of

            dynamic = shape_of(inputs)
            full = [dynamic[0] if known[0] is None else known[0]]
            sizes = [
                known[axis] if known[axis] is not None else transposed_length(dynamic[axis], k, self.padding, s)
                for axis, k, s in zip(space, self.kernel_size, self.strides, strict=True)
            ]
            full += [self.filters, *sizes] if first else [*sizes, self.filters]
            full = array.stack(full)
        else:
            full = known
        transpose = {1: conv.conv1d_transpose, 2: conv.conv2d_transpose, 3: conv.conv3d_transpose}[n]
        strides = self.strides[0] if n == 1 else [1, 1, *self.strides] if first else [1, *self.strides, 1]
        outputs = transpose(inputs, self.kernel, full, strides, self.padding.upper(), self._layout)
        if context.graph is not None and static is not None:
            outputs.set_shape(known)
        return outputs

    def compute_output_shape(self, input_shape):
        dims = TensorShape(input_shape).as_list()
        first = self.data_format == "channels_first"
        space = dims[2:] if first else dims[1:-1]
        out = [
            transposed_length(*a)
            for a in zip(space, self.kernel_size, [self.padding] * self.rank, self.strides, strict=True)
        ]
        return TensorShape([dims[0], self.filters, *out] if first else [dims[0], *out, self.filters])


@export("", v1="layers.Conv2DTranspose layers.Deconvolution2D layers.Deconv2D")
class Conv2DTranspose(_Transposed):
    """[n, height, width, in] -> [n, height * stride (+), width * stride (+), filters]."""

    def __init__(self, filters, kernel_size, strides=(1, 1), *args, **kwargs):
        super().__init__(filters, kernel_size, strides, *args, **kwargs)


@export("", v1="layers.Conv3DTranspose layers.Deconvolution3D layers.Deconv3D")
class Conv3DTranspose(_Transposed):
    """[n, depth, height, width, in] -> the same, enlarged by the strides, with `filters` channels."""

    rank = 3

    def __init__(self, filters, kernel_size, strides=(1, 1, 1), *args, **kwargs):
        super().__init__(filters, kernel_size, strides, *args, **kwargs)


def _separable():
    from ..declare import NAMES

    return NAMES["v2"]["nn.separable_conv2d"]


class _Separable(Conv):
    """What the separable convolutions share: a depthwise filter a channel, then a 1x1 convolution."""

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format="channels_last",
        dilation_rate=1,
        depth_multiplier=1,
        activation=None,
        use_bias=True,
        depthwise_initializer=None,
        pointwise_initializer=None,
        bias_initializer=ZerosV1,
        depthwise_regularizer=None,
        pointwise_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        depthwise_constraint=None,
        pointwise_constraint=None,
        bias_constraint=None,
        trainable=True,
        name=None,
        **kwargs,
    ):
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            None,
            bias_initializer,
            None,
            bias_regularizer,
            activity_regularizer,
            None,
            bias_constraint,
            trainable,
            name,
            **kwargs,
        )
        self.depth_multiplier = depth_multiplier
        self.depthwise = (initializer_of(depthwise_initializer), depthwise_regularizer, depthwise_constraint)
        self.pointwise = (initializer_of(pointwise_initializer), pointwise_regularizer, pointwise_constraint)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.depthwise_kernel = self._add_kernel(
            "depthwise_kernel", [*self.kernel_size, channels, self.depth_multiplier], *self.depthwise
        )
        shape = [1] * self.rank + [channels * self.depth_multiplier, self.filters]
        self.pointwise_kernel = self._add_kernel("pointwise_kernel", shape, *self.pointwise)
        self._add_bias()
        self.built = True


@export("", v1="layers.SeparableConv2D layers.SeparableConvolution2D")
class SeparableConv2D(_Separable):
    """[n, height, width, in] -> [n, height', width', filters]."""

    def _convolve(self, inputs):
        strides = [1, *self.strides, 1] if self.data_format == "channels_last" else [1, 1, *self.strides]
        return _separable()(
            inputs,
            self.depthwise_kernel,
            self.pointwise_kernel,
            strides,
            self.padding.upper(),
            self._layout,
            list(self.dilation_rate),
        )


@export("", v1="layers.SeparableConv1D layers.SeparableConvolution1D")
class SeparableConv1D(_Separable):
    """[n, length, in] -> [n, length', filters]."""

    rank = 1

    def _convolve(self, inputs):
        last = self.data_format == "channels_last"
        axis, layout, stride = (1, "NHWC", self.strides[0]) if last else (2, "NCHW", self.strides[0])
        strides = [1, stride, stride, 1] if last else [1, 1, stride, stride]
        outputs = _separable()(
            array.expand_dims(inputs, axis),
            array.expand_dims(self.depthwise_kernel, 0),
            array.expand_dims(self.pointwise_kernel, 0),
            strides,
            self.padding.upper(),
            layout,
            [1, self.dilation_rate[0]],
        )
        return array.squeeze(outputs, [axis])


def _function(layer_class, names, doc, order):
    """The functional form of a layer: its arguments in TensorFlow's order, then `reuse`."""
    import inspect

    parameters = [inspect.Parameter("inputs", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    parameters += [inspect.Parameter(k, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=v) for k, v in order]
    signature = inspect.Signature(parameters)

    def function(*args, **kwargs):
        given = signature.bind(*args, **kwargs).arguments
        inputs, reuse, name = given.pop("inputs"), given.pop("reuse", None), given.get("name")
        return layer_class(**given, _reuse=reuse, _scope=name)(inputs)

    function.__name__ = function.__qualname__ = names.split()[0].rpartition(".")[2]
    function.__doc__, function.__signature__ = doc, signature
    return export("", v1=names)(function)


_ENDING = [("bias_regularizer", None), ("activity_regularizer", None)]


def _arguments(ones, dilation=True, separable=False):
    import inspect

    order = [
        ("filters", inspect.Parameter.empty),
        ("kernel_size", inspect.Parameter.empty),
        ("strides", ones),
        ("padding", "valid"),
        ("data_format", "channels_last"),
    ]
    if dilation:
        order.append(("dilation_rate", ones))
    if separable:
        order += [
            ("depth_multiplier", 1),
            ("activation", None),
            ("use_bias", True),
            ("depthwise_initializer", None),
            ("pointwise_initializer", None),
            ("bias_initializer", ZerosV1),
            ("depthwise_regularizer", None),
            ("pointwise_regularizer", None),
            *_ENDING,
            ("depthwise_constraint", None),
            ("pointwise_constraint", None),
        ]
    else:
        order += [
            ("activation", None),
            ("use_bias", True),
            ("kernel_initializer", None),
            ("bias_initializer", ZerosV1),
            ("kernel_regularizer", None),
            *_ENDING,
            ("kernel_constraint", None),
        ]
    return order + [("bias_constraint", None), ("trainable", True), ("name", None), ("reuse", None)]


conv1d = _function(Conv1D, "layers.conv1d", "[n, length, in] -> [n, length', filters].", _arguments(1))
conv2d = _function(
    Conv2D, "layers.conv2d", "[n, height, width, in] -> [n, height', width', filters].", _arguments((1, 1))
)
conv3d = _function(
    Conv3D, "layers.conv3d", "[n, depth, height, width, in] -> [n, ..., filters].", _arguments((1, 1, 1))
)
conv2d_transpose = _function(
    Conv2DTranspose,
    "layers.conv2d_transpose",
    "[n, height, width, in] -> enlarged by the strides, with `filters` channels.",
    _arguments((1, 1), dilation=False),
)
conv3d_transpose = _function(
    Conv3DTranspose,
    "layers.conv3d_transpose",
    "[n, depth, height, width, in] -> enlarged by the strides, with `filters` channels.",
    _arguments((1, 1, 1), dilation=False),
)
separable_conv1d = _function(
    SeparableConv1D,
    "layers.separable_conv1d",
    "A depthwise convolution along the length, then a pointwise one.",
    _arguments(1, separable=True),
)
separable_conv2d = _function(
    SeparableConv2D,
    "layers.separable_conv2d",
    "A depthwise convolution, then a pointwise one.",
    _arguments((1, 1), separable=True),
)
