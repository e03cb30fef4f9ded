"""Recurrent cells: BasicRNNCell, GRUCell, BasicLSTMCell, LSTMCell."""

from __future__ import annotations

import collections

from .. import dtypes, nest, record
from ..declare import NAMES, OPS, export
from ..initializers import ConstantV1, ZerosV1
from ..layers.base import InputSpec, Layer, activation_of, initializer_of
from ..ops import array, creation, nn, products, splitting
from ..scopes import name_scope
from ..shapes import Dimension, TensorShape
from ..tensor import Tensor
from ..variable_scope import get_variable_scope, variable_scope


def publish_cell(name, v2=""):
    """Publishes under tf.nn.rnn_cell and tf.contrib.rnn, and as `v2` in TF2."""
    return export(v2, v1=f"nn.rnn_cell.{name} contrib.rnn.{name}")


@publish_cell("LSTMStateTuple")
class LSTMStateTuple(collections.namedtuple("LSTMStateTuple", ("c", "h"))):
    """The state of an LSTM: c (cell) and h (output)."""

    __slots__ = ()

    @property
    def dtype(self):
        """The dtype of both; TypeError where they differ."""
        if self.c.dtype != self.h.dtype:
            raise TypeError(f"Inconsistent internal state: {self.c.dtype} vs {self.h.dtype}")
        return self.c.dtype


def _zeros(size, batch_size, dtype):
    """Zeros [batch_size, *size]; the batch size may be a tensor."""
    dims = (
        list(size)
        if isinstance(size, (tuple, list))
        else TensorShape(size).as_list()
        if isinstance(size, TensorShape)
        else [int(size)]
    )
    if isinstance(batch_size, Dimension):
        batch_size = batch_size.value
    if not isinstance(batch_size, Tensor):
        return creation.zeros([batch_size, *dims], dtype)
    made = creation.zeros(array.stack([batch_size, *dims]), dtype)
    known = record.static_value(batch_size)
    if hasattr(made, "set_shape"):
        made.set_shape([None if known is None else int(known), *dims])
    return made


@publish_cell("RNNCell")
class RNNCell(Layer):
    """A cell: call(inputs [n, in], state) -> (output [n, output_size], new state); subclasses say state_size and
    output_size.
    """

    def __init__(self, trainable=True, name=None, dtype=None, **kwargs):
        super().__init__(trainable=trainable, name=name, dtype=dtype, **kwargs)

    def __call__(self, inputs, state, scope=None):
        if scope is not None:
            with variable_scope(scope) as sc:
                return super().__call__(inputs, state, scope=sc)
        with variable_scope(get_variable_scope()):
            return super().__call__(inputs, state)

    _arguments = ""  # of the constructor, beside those of every layer: what get_config says

    def get_config(self):
        """{argument: value}, which `from_config` makes the same cell of; functions and initializers as they are."""
        own = {k: getattr(self, "_" + k) for k in self._arguments.split()}
        if "activation" in own:
            own["activation"] = getattr(own["activation"], "__name__", own["activation"])
            if own["activation"] not in ("tanh", "relu", "sigmoid", "linear", "elu", "selu", "softplus", "softsign"):
                own["activation"] = self._activation
        return {**super().get_config(), **own}

    def _make_variables(self, shape, dtype):
        """A cell of the user's makes its variables when it is first called."""

    @property
    def state_size(self):
        raise NotImplementedError("Abstract method")

    @property
    def output_size(self):
        raise NotImplementedError("Abstract method")

    def zero_state(self, batch_size, dtype):
        """A state of zeros for `batch_size` rows, in the structure of `state_size`."""
        with name_scope(
            type(self).__name__ + "ZeroState", values=[batch_size] if isinstance(batch_size, Tensor) else None
        ):
            return nest.map_structure(lambda s: _zeros(s, batch_size, dtype), self.state_size)

    def get_initial_state(self, inputs=None, batch_size=None, dtype=None):
        """`zero_state` for the batch size and dtype given or those of `inputs`."""
        if inputs is not None:
            inputs = record.convert_to_tensor(inputs)
            static = inputs.shape.as_list()[0]
            given = record.static_value(batch_size) if isinstance(batch_size, Tensor) else batch_size
            if given is not None and given != static:
                raise ValueError(
                    f"batch size from input tensor is different from the input param. {static}, {batch_size}"
                )
            if dtype is not None and dtypes.as_dtype(dtype) != inputs.dtype:
                raise ValueError(f"dtype from input tensor is different from the input param. {inputs.dtype}, {dtype}")
            batch_size = OPS["Shape"].public(inputs)[0] if static is None else static
            dtype = inputs.dtype
        if batch_size is None or dtype is None:
            raise ValueError(
                "batch_size and dtype cannot be None while constructing initial state: "
                f"batch_size={batch_size}, dtype={dtype}"
            )
        return self.zero_state(batch_size, dtype)


@publish_cell("LayerRNNCell")
class LayerRNNCell(RNNCell):
    """A cell whose variables are made in `build`, in a scope named after its class."""

    def __call__(self, inputs, state, scope=None, *args, **kwargs):
        return Layer.__call__(self, inputs, state, *args, scope=scope, **kwargs)

    def _make_variables(self, shape, dtype):
        """Makes the variables for inputs of `shape`, outside of the loop that will use them."""
        if self.built:
            return
        _check_dtype(dtype)
        self._set_scope(None)
        with variable_scope(self._scope, reuse=self._reuse, auxiliary_name_scope=False) as scope:
            self._current_scope = scope
            with name_scope(self._name_scope()):
                self._dtype = self._dtype or dtype.base_dtype.name
                self.build(shape)
                self.built = True
        self._current_scope = None

    def _depth(self, shape):
        depth = TensorShape(shape).as_list()[-1]
        if depth is None:
            raise ValueError(f"Expected inputs.shape[-1] to be known, saw shape: {TensorShape(shape)}")
        self.input_spec = InputSpec(ndim=2)
        if self._dtype is not None:
            _check_dtype(dtypes.as_dtype(self._dtype))
        return depth


def _check_dtype(dtype):
    if not (dtype.is_floating or dtype.is_complex):
        raise ValueError(f"RNN cell only supports floating point inputs, but saw dtype: {dtype}")


def _affine(parts, kernel, bias):
    """[parts side by side] . kernel + bias; ValueError for integers."""
    for part in parts:
        _check_dtype(part.dtype)
    return nn.bias_add(products.matmul(array.concat(parts, 1), kernel), bias)


def _tanh(activation):
    return activation_of(activation) if activation else OPS["Tanh"].public


@publish_cell("BasicRNNCell")
class BasicRNNCell(LayerRNNCell):
    """output = state = activation([inputs, state] . kernel + bias)."""

    _arguments = "num_units activation reuse"

    def __init__(self, num_units, activation=None, reuse=None, name=None, dtype=None, **kwargs):
        super().__init__(_reuse=reuse, name=name, dtype=dtype, **kwargs)
        self.input_spec = InputSpec(ndim=2)
        self._num_units, self._activation = num_units, _tanh(activation)

    @property
    def state_size(self):
        return self._num_units

    @property
    def output_size(self):
        return self._num_units

    def build(self, inputs_shape):
        depth = self._depth(inputs_shape)
        self._kernel = self.add_weight("kernel", [depth + self._num_units, self._num_units])
        self._bias = self.add_weight("bias", [self._num_units], initializer=ZerosV1)
        self.built = True

    def call(self, inputs, state):
        output = self._activation(_affine([inputs, state], self._kernel, self._bias))
        return output, output


@publish_cell("GRUCell")
class GRUCell(LayerRNNCell):
    """Cho et al. 2014: gates r, u = sigmoid(...); state = u * state + (1 - u) * activation([inputs, r * state] .
    kernel + bias).
    """

    _arguments = "num_units kernel_initializer bias_initializer activation reuse"

    def __init__(
        self,
        num_units,
        activation=None,
        reuse=None,
        kernel_initializer=None,
        bias_initializer=None,
        name=None,
        dtype=None,
        **kwargs,
    ):
        super().__init__(_reuse=reuse, name=name, dtype=dtype, **kwargs)
        self.input_spec = InputSpec(ndim=2)
        self._num_units, self._activation = num_units, _tanh(activation)
        self._kernel_initializer, self._bias_initializer = (
            initializer_of(kernel_initializer),
            initializer_of(bias_initializer),
        )

    @property
    def state_size(self):
        return self._num_units

    @property
    def output_size(self):
        return self._num_units

    def build(self, inputs_shape):
        depth, n = self._depth(inputs_shape), self._num_units
        dtype = dtypes.as_dtype(self.dtype or "float32")
        gate_bias = self._bias_initializer if self._bias_initializer is not None else ConstantV1(1.0, dtype=dtype)
        self._gate_kernel = self.add_weight("gates/kernel", [depth + n, 2 * n], initializer=self._kernel_initializer)
        self._gate_bias = self.add_weight("gates/bias", [2 * n], initializer=gate_bias)
        self._candidate_kernel = self.add_weight(
            "candidate/kernel", [depth + n, n], initializer=self._kernel_initializer
        )
        self._candidate_bias = self.add_weight("candidate/bias", [n], initializer=self._bias_initializer or ZerosV1)
        self.built = True

    def call(self, inputs, state):
        gates = OPS["Sigmoid"].public(_affine([inputs, state], self._gate_kernel, self._gate_bias))
        r, u = splitting.split(gates, 2, 1)
        candidate = self._activation(_affine([inputs, r * state], self._candidate_kernel, self._candidate_bias))
        new = u * state + (1 - u) * candidate
        return new, new


class _LSTM(LayerRNNCell):
    def _tuple(self, state):
        """(c, h) of a state in either form."""
        if self._state_is_tuple:
            return state
        return splitting.split(state, 2, 1)

    def _state(self, c, h):
        return LSTMStateTuple(c, h) if self._state_is_tuple else array.concat([c, h], 1)


@publish_cell("BasicLSTMCell")
class BasicLSTMCell(_LSTM):
    """Zaremba et al. 2014: gates i, j, f, o; c = c * sigmoid(f + forget_bias) + sigmoid(i) * tanh(j), h = tanh(c) *
    sigmoid(o).
    """

    _arguments = "num_units forget_bias state_is_tuple activation reuse"

    def __init__(
        self,
        num_units,
        forget_bias=1.0,
        state_is_tuple=True,
        activation=None,
        reuse=None,
        name=None,
        dtype=None,
        **kwargs,
    ):
        super().__init__(_reuse=reuse, name=name, dtype=dtype, **kwargs)
        self.input_spec = InputSpec(ndim=2)
        self._num_units, self._forget_bias, self._state_is_tuple = num_units, forget_bias, state_is_tuple
        self._activation = _tanh(activation)

    @property
    def state_size(self):
        return LSTMStateTuple(self._num_units, self._num_units) if self._state_is_tuple else 2 * self._num_units

    @property
    def output_size(self):
        return self._num_units

    def build(self, inputs_shape):
        depth, n = self._depth(inputs_shape), self._num_units
        self._kernel = self.add_weight("kernel", [depth + n, 4 * n])
        self._bias = self.add_weight("bias", [4 * n], initializer=ZerosV1)
        self.built = True

    def call(self, inputs, state):
        sigmoid = OPS["Sigmoid"].public
        c, h = self._tuple(state)
        i, j, f, o = splitting.split(_affine([inputs, h], self._kernel, self._bias), 4, 1)
        new_c = c * sigmoid(f + self._forget_bias) + sigmoid(i) * self._activation(j)
        new_h = self._activation(new_c) * sigmoid(o)
        return new_h, self._state(new_c, new_h)


def _shards(count):
    """The partitioner into `count` parts, or None."""
    return None if count is None else NAMES["v1"]["fixed_size_partitioner"](count)


@publish_cell("LSTMCell")
class LSTMCell(_LSTM):
    """An LSTM with optional peepholes, clipping and a projection of its output [num_proj]."""

    _arguments = (
        "num_units use_peepholes cell_clip initializer num_proj proj_clip num_unit_shards num_proj_shards forget_bias "
        "state_is_tuple activation reuse"
    )

    def __init__(
        self,
        num_units,
        use_peepholes=False,
        cell_clip=None,
        initializer=None,
        num_proj=None,
        proj_clip=None,
        num_unit_shards=None,
        num_proj_shards=None,
        forget_bias=1.0,
        state_is_tuple=True,
        activation=None,
        reuse=None,
        name=None,
        dtype=None,
        **kwargs,
    ):
        super().__init__(_reuse=reuse, name=name, dtype=dtype, **kwargs)
        self.input_spec = InputSpec(ndim=2)
        self._num_unit_shards, self._num_proj_shards = num_unit_shards, num_proj_shards
        self._num_units, self._use_peepholes, self._cell_clip = num_units, use_peepholes, cell_clip
        self._initializer, self._num_proj, self._proj_clip = initializer_of(initializer), num_proj, proj_clip
        self._forget_bias, self._state_is_tuple, self._activation = forget_bias, state_is_tuple, _tanh(activation)

    @property
    def state_size(self):
        h = self._num_proj or self._num_units
        return LSTMStateTuple(self._num_units, h) if self._state_is_tuple else self._num_units + h

    @property
    def output_size(self):
        return self._num_proj or self._num_units

    def build(self, inputs_shape):
        depth, n = self._depth(inputs_shape), self._num_units
        h = self._num_proj or n
        self._kernel = self.add_weight(
            "kernel", [depth + h, 4 * n], initializer=self._initializer, partitioner=_shards(self._num_unit_shards)
        )
        self._bias = self.add_weight("bias", [4 * n], initializer=ZerosV1)
        if self._use_peepholes:
            self._peepholes = [self.add_weight(f"w_{g}_diag", [n], initializer=self._initializer) for g in "fio"]
        if self._num_proj is not None:
            self._proj_kernel = self.add_weight(
                "projection/kernel",
                [n, self._num_proj],
                initializer=self._initializer,
                partitioner=_shards(self._num_proj_shards),
            )
        self.built = True

    def call(self, inputs, state):
        sigmoid, clip = OPS["Sigmoid"].public, NAMES["v1"]["clip_by_value"]
        if self._state_is_tuple:
            c, h = state
        else:
            n = self._num_units
            c, h = state[:, :n], state[:, n:]
        i, j, f, o = splitting.split(_affine([inputs, h], self._kernel, self._bias), 4, 1)
        if self._use_peepholes:
            wf, wi, wo = [record.convert_to_tensor(w) for w in self._peepholes]
            new_c = sigmoid(f + self._forget_bias + wf * c) * c + sigmoid(i + wi * c) * self._activation(j)
        else:
            new_c = sigmoid(f + self._forget_bias) * c + sigmoid(i) * self._activation(j)
        if self._cell_clip is not None:
            new_c = clip(new_c, -self._cell_clip, self._cell_clip)
        gate = sigmoid(o + wo * new_c) if self._use_peepholes else sigmoid(o)
        new_h = gate * self._activation(new_c)
        if self._num_proj is not None:
            new_h = products.matmul(new_h, self._proj_kernel)
            if self._proj_clip is not None:
                new_h = clip(new_h, -self._proj_clip, self._proj_clip)
        return new_h, self._state(new_c, new_h)
