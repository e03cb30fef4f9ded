"""tf.layers.batch_normalization: moving averages as variables, their updates in UPDATE_OPS."""

from __future__ import annotations

from .. import dtypes, record
from ..declare import OPS, export
from ..graph import context
from ..initializers import OnesV1, ZerosV1
from ..ops import array, core, normalization
from ..scopes import name_scope
from ..shapes import TensorShape
from .base import InputSpec, Layer, initializer_of, smart_cond, static_bool


@export("", v1="layers.BatchNormalization layers.BatchNorm")
class BatchNormalization(Layer):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta along `axis`: of the batch in training, of the moving
    averages otherwise.

    The moving averages change only when the operations in UPDATE_OPS run.  `renorm`, `virtual_batch_size` and
    `adjustment` are refused.
    """

    def __init__(
        self,
        axis=-1,
        momentum=0.99,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer=ZerosV1,
        gamma_initializer=OnesV1,
        moving_mean_initializer=ZerosV1,
        moving_variance_initializer=OnesV1,
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        renorm=False,
        renorm_clipping=None,
        renorm_momentum=0.99,
        fused=None,
        trainable=True,
        virtual_batch_size=None,
        adjustment=None,
        name=None,
        **kwargs,
    ):
        super().__init__(name=name, trainable=trainable, **kwargs)
        for value, word in ((renorm, "renorm"), (virtual_batch_size, "virtual_batch_size"), (adjustment, "adjustment")):
            if value:
                raise NotImplementedError(f"batch_normalization({word}={value!r}) is not supported by tfcompat.")
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.momentum, self.epsilon, self.center, self.scale, self.fused = momentum, epsilon, center, scale, fused
        self.beta_initializer, self.gamma_initializer = (
            initializer_of(beta_initializer),
            initializer_of(gamma_initializer),
        )
        self.moving_mean_initializer = initializer_of(moving_mean_initializer)
        self.moving_variance_initializer = initializer_of(moving_variance_initializer)
        self.beta_regularizer, self.gamma_regularizer = beta_regularizer, gamma_regularizer
        self.beta_constraint, self.gamma_constraint = beta_constraint, gamma_constraint
        self.gamma = self.beta = self.moving_mean = self.moving_variance = None

    def build(self, input_shape):
        shape = TensorShape(input_shape)
        if shape.rank is None:
            raise ValueError(f"Input has undefined rank. Received: input_shape={shape}.")
        rank, dims = shape.rank, shape.as_list()
        axes = [a + rank if a < 0 else a for a in (self.axis if isinstance(self.axis, list) else [self.axis])]
        if any(not 0 <= a < rank for a in axes):
            raise ValueError(
                f"Invalid value for `axis` argument. Expected 0 <= axis < inputs.rank (with inputs.rank={rank}). "
                f"Received: axis={self.axis}"
            )
        if len(axes) != len(set(axes)):
            raise ValueError(f"Duplicate axis: {tuple(axes)}")
        if any(dims[a] is None for a in axes):
            raise ValueError(
                f"Input has undefined `axis` dimension. Received input with shape {shape}. Axis value: {tuple(axes)}"
            )
        self._axes = axes
        able = rank == 4 and axes in ([1], [3])
        if self.fused and not able:
            raise ValueError(
                "Passing `fused=True` is only supported when the input is 4-D and `axis` is 1 or 3. "
                f"Received: input_shape={shape}, axis={axes}"
            )
        self._fused = able and self.fused in (None, True)
        self._format = "NCHW" if axes == [1] else "NHWC"
        self.input_spec = InputSpec(ndim=rank, axes={a: dims[a] for a in axes})
        param = [dims[a] for a in axes]
        if len(axes) > 1:
            param = [dims[i] if i in axes else 1 for i in range(rank)]
        dtype = dtypes.as_dtype(self.dtype or "float32")
        self._param_dtype = dtypes.float32 if dtype in (dtypes.float16, dtypes.bfloat16) else dtype
        add = self.add_weight
        if self.scale:
            self.gamma = add(
                "gamma",
                param,
                self._param_dtype,
                self.gamma_initializer,
                self.gamma_regularizer,
                True,
                self.gamma_constraint,
            )
        if self.center:
            self.beta = add(
                "beta",
                param,
                self._param_dtype,
                self.beta_initializer,
                self.beta_regularizer,
                True,
                self.beta_constraint,
            )
        self.moving_mean = add("moving_mean", param, self._param_dtype, self.moving_mean_initializer, trainable=False)
        self.moving_variance = add(
            "moving_variance", param, self._param_dtype, self.moving_variance_initializer, trainable=False
        )
        self.built = True

    def call(self, inputs, training=False):
        return self._call_fused(inputs, training) if self._fused else self._call_plain(inputs, training)

    def _fill(self, variable, value):
        return (
            variable
            if variable is not None
            else OPS["Fill"].public(self.moving_mean.shape.as_list(), record.to_array(value, self._param_dtype))
        )

    def _call_fused(self, inputs, training):
        gamma, beta = self._fill(self.gamma, 1.0), self._fill(self.beta, 0.0)

        def of_batch():
            return list(
                normalization.fused_batch_norm(inputs, gamma, beta, epsilon=self.epsilon, data_format=self._format)
            )

        def of_averages():
            return list(
                normalization.fused_batch_norm(
                    inputs,
                    gamma,
                    beta,
                    self.moving_mean,
                    self.moving_variance,
                    self.epsilon,
                    self._format,
                    is_training=False,
                )
            )

        output, mean, variance = smart_cond(training, of_batch, of_averages)
        self._update(mean, variance, training)
        return output

    def _call_plain(self, inputs, training):
        rank = inputs.shape.rank
        reduced = [i for i in range(rank) if i not in self._axes]
        wide = inputs if inputs.dtype.base_dtype is self._param_dtype else core.cast(inputs, self._param_dtype)
        mean, variance = self.moving_mean, self.moving_variance
        if static_bool(training) is not False:
            # The batch's moments keep the reduced dimensions where several axes are normalized together.
            of_batch = normalization.moments_v1(wide, reduced, keep_dims=len(self._axes) > 1)
            mean = smart_cond(training, lambda: of_batch[0], lambda: record.convert_to_tensor(self.moving_mean))
            variance = smart_cond(training, lambda: of_batch[1], lambda: record.convert_to_tensor(self.moving_variance))
            self._update(mean, variance, training)

        def fit(v):
            if v is None or len(self._axes) > 1 or self._axes == [rank - 1]:
                return v
            return array.reshape(v, [inputs.shape.as_list()[i] if i in self._axes else 1 for i in range(rank)])

        return normalization.batch_normalization(
            inputs, fit(mean), fit(variance), fit(self.beta), fit(self.gamma), self.epsilon
        )

    def _update(self, mean, variance, training):
        """Moves the averages towards the batch's moments: average -= (average - moment) * (1 - momentum)."""
        if static_bool(training) is False:
            return
        momentum = smart_cond(
            training,
            lambda: record.convert_to_tensor(record.to_array(float(self.momentum), self._param_dtype)),
            lambda: record.convert_to_tensor(record.to_array(1.0, self._param_dtype)),
        )
        updates = []
        for variable, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            with name_scope("AssignMovingAvg") as scope:
                decay = 1.0 - momentum
                delta = (variable.read_value() if context.graph is None else record.convert_to_tensor(variable)) - value
                delta = delta * decay
                updates.append(variable.assign_sub(delta, name=scope or None))
        if context.graph is not None:
            self.add_update(updates)


@export("", v1="layers.batch_normalization")
def batch_normalization(
    inputs,
    axis=-1,
    momentum=0.99,
    epsilon=1e-3,
    center=True,
    scale=True,
    beta_initializer=ZerosV1,
    gamma_initializer=OnesV1,
    moving_mean_initializer=ZerosV1,
    moving_variance_initializer=OnesV1,
    beta_regularizer=None,
    gamma_regularizer=None,
    beta_constraint=None,
    gamma_constraint=None,
    training=False,
    trainable=True,
    name=None,
    reuse=None,
    renorm=False,
    renorm_clipping=None,
    renorm_momentum=0.99,
    fused=None,
    virtual_batch_size=None,
    adjustment=None,
):
    """Batch normalization along `axis`, see BatchNormalization; run the UPDATE_OPS with the training step."""
    layer = BatchNormalization(
        axis,
        momentum,
        epsilon,
        center,
        scale,
        beta_initializer,
        gamma_initializer,
        moving_mean_initializer,
        moving_variance_initializer,
        beta_regularizer,
        gamma_regularizer,
        beta_constraint,
        gamma_constraint,
        renorm,
        renorm_clipping,
        renorm_momentum,
        fused,
        trainable,
        virtual_batch_size,
        adjustment,
        name,
        _reuse=reuse,
        _scope=name,
    )
    return layer(inputs, training=training)
