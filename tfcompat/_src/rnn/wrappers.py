"""Cells around cells: several in a row, dropout, residual connections, projections."""

from __future__ import annotations

import hashlib
import numbers

from .. import nest, record
from ..declare import NAMES, export
from ..layers.base import Layer
from ..ops import array
from ..shapes import TensorShape
from ..tensor import Tensor
from ..train.trackable import is_trackable
from ..variable_scope import variable_scope
from .cells import RNNCell, publish_cell


@publish_cell("MultiRNNCell")
class MultiRNNCell(RNNCell):
    """Cells on top of each other, in the scopes cell_0, cell_1, ...; the state is a tuple of theirs."""

    def __init__(self, cells, state_is_tuple=True):
        super().__init__()
        if not cells:
            raise ValueError("Must specify at least one cell for MultiRNNCell.")
        if not isinstance(cells, (list, tuple)):
            raise TypeError(f"cells must be a list or tuple, but saw: {cells}.")
        if len({id(c) for c in cells}) < len(cells):
            from ..platform import log

            log.warn("At least two cells provided to MultiRNNCell are the same object and will share weights.")
        self._cells, self._state_is_tuple = list(cells), state_is_tuple
        for i, cell in enumerate(cells):
            if is_trackable(cell):
                self._track_trackable(cell, f"cell-{i}")
        if not state_is_tuple and any(isinstance(c.state_size, (list, tuple)) for c in cells):
            raise ValueError(
                f"Some cells return tuples of states, but the flag state_is_tuple is not set.  State sizes are: "
                f"{[c.state_size for c in cells]}"
            )

    @property
    def state_size(self):
        sizes = tuple([c.state_size for c in self._cells])
        return sizes if self._state_is_tuple else sum(sizes)

    @property
    def output_size(self):
        return self._cells[-1].output_size

    def zero_state(self, batch_size, dtype):
        from ..scopes import name_scope

        with name_scope(
            type(self).__name__ + "ZeroState", values=[batch_size] if isinstance(batch_size, Tensor) else None
        ):
            if self._state_is_tuple:
                return tuple([c.zero_state(batch_size, dtype) for c in self._cells])
        return super().zero_state(batch_size, dtype)

    def _make_variables(self, shape, dtype):
        self._set_scope(None)
        with variable_scope(self._scope, reuse=self._reuse, auxiliary_name_scope=False):
            for i, cell in enumerate(self._cells):
                if not hasattr(cell, "_make_variables") or isinstance(cell.output_size, (tuple, list)):
                    return
                with variable_scope(f"cell_{i}"):
                    cell._make_variables(shape, dtype)
                shape = TensorShape([None, cell.output_size])

    def call(self, inputs, state):
        at, states = 0, []
        if self._state_is_tuple:
            if not isinstance(state, (list, tuple)) or len(state) != len(self._cells):
                raise ValueError(f"Expected state to be a tuple of length {len(self._cells)}, but received: {state}")
        for i, cell in enumerate(self._cells):
            with variable_scope(f"cell_{i}"):
                if self._state_is_tuple:
                    current = state[i]
                else:
                    current, at = state[:, at : at + cell.state_size], at + cell.state_size
                inputs, new = cell(inputs, current)
                states.append(new)
        return inputs, tuple(states) if self._state_is_tuple else array.concat(states, 1)


class _Wrapper(RNNCell):
    """A cell that changes what goes into or comes out of another, without a scope of its own."""

    def __init__(self, cell, **kwargs):
        super().__init__(**kwargs)
        if not callable(cell) or not hasattr(cell, "state_size"):
            raise TypeError(f"The parameter cell is not an RNNCell: {cell}")
        self.cell = cell

    @property
    def _cell(self):
        return self.cell

    def get_config(self):
        """{argument: value} with the cell as {class_name, config}; functions as they are."""
        cell = {"class_name": type(self.cell).__name__, "config": self.cell.get_config()}
        return {**Layer.get_config(self), "cell": cell, **self._own_config()}

    def _own_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        """The wrapper of a `get_config`, whose cell may be given as a cell."""
        config = dict(config)
        cell = config.pop("cell")
        if isinstance(cell, dict):
            made = NAMES["v1"].get(f"nn.rnn_cell.{cell['class_name']}")
            if made is None:
                raise ValueError(f"Unknown cell class {cell['class_name']!r}: give the cell itself in the config")
            cell = made.from_config(cell["config"])
        return cls(cell, **config)

    def _make_variables(self, shape, dtype):
        """Nothing where the wrapper has a scope or changes the inputs' size; see _Plain."""

    @property
    def wrapped_cell(self):
        return self._cell

    @property
    def state_size(self):
        return self._cell.state_size

    @property
    def output_size(self):
        return self._cell.output_size

    def zero_state(self, batch_size, dtype):
        return self._cell.zero_state(batch_size, dtype)


class _Plain(_Wrapper):
    """A wrapper that passes inputs of the same size on."""

    def _make_variables(self, shape, dtype):
        if hasattr(self._cell, "_make_variables"):
            self._cell._make_variables(shape, dtype)


def _keep(value, name):
    """A probability as a float, or as a tensor where it is not known; ValueError outside [0, 1]."""
    known = value if isinstance(value, numbers.Real) else record.static_value(record.convert_to_tensor(value))
    if known is None:
        return record.convert_to_tensor(value)
    if not 0 <= known <= 1:
        raise ValueError(f"Parameter {name} must be between 0 and 1: {known}")
    return float(known)


def _default_filter(state):
    """Which parts of a state are dropped: an LSTM's c, its memory, and TensorArrays are not."""
    if type(state).__name__ == "LSTMStateTuple":
        return type(state)(False, True)
    return not hasattr(state, "gather")


def _noise(size, seed, dtype):
    """One row of random numbers in [0, 1) for a size, a number or a shape."""
    dims = size if isinstance(size, (tuple, list)) else TensorShape(size).as_list() if hasattr(size, "dims") else [size]
    return NAMES["v1"]["random_uniform"]([1, *[int(d) for d in dims]], seed=seed, dtype=dtype)


@publish_cell("DropoutWrapper", v2="nn.RNNCellDropoutWrapper")
class DropoutWrapper(_Plain):
    """Dropout on inputs, outputs and (new) states of a cell, with probabilities to keep; an LSTM's c is not dropped.

    `variational_recurrent` draws once for all steps and rows (arXiv:1512.05287) and needs `dtype`, and `input_size` where
    inputs are dropped.  `dropout_state_filter_visitor(state)` says by True and False which parts of a state are dropped.
    """

    def __init__(
        self,
        cell,
        input_keep_prob=1.0,
        output_keep_prob=1.0,
        state_keep_prob=1.0,
        variational_recurrent=False,
        input_size=None,
        dtype=None,
        seed=None,
        dropout_state_filter_visitor=None,
        **kwargs,
    ):
        super().__init__(cell, dtype=dtype, **kwargs)
        if dropout_state_filter_visitor is not None and not callable(dropout_state_filter_visitor):
            raise TypeError("dropout_state_filter_visitor must be callable")
        self._dropout_state_filter = dropout_state_filter_visitor or _default_filter
        self._input = _keep(input_keep_prob, "input_keep_prob")
        self._state, self._output = (
            _keep(state_keep_prob, "state_keep_prob"),
            _keep(output_keep_prob, "output_keep_prob"),
        )
        self._seed, self._input_size, self._variational = seed, input_size, variational_recurrent
        self._noise = dict.fromkeys(("input", "state", "output"))
        if variational_recurrent:
            self._draw(dtype)

    def _own_config(self):
        own = dict(
            input_keep_prob=self._input, output_keep_prob=self._output, state_keep_prob=self._state,
            variational_recurrent=self._variational, input_size=self._input_size, seed=self._seed,
        )  # fmt: skip
        if self._dropout_state_filter is not _default_filter:
            own["dropout_state_filter_visitor"] = self._dropout_state_filter
        return own

    def _draw(self, dtype):
        """The random numbers that all steps share."""
        if dtype is None:
            raise ValueError("When variational_recurrent=True, dtype must be provided")
        sizes = {"state": self._cell.state_size, "output": self._cell.output_size}
        if self._drops(self._input):
            if self._input_size is None:
                raise ValueError(
                    "When variational_recurrent=True and input_keep_prob < 1.0 or is unknown, input_size must be provided"
                )
            sizes = {"input": self._input_size, **sizes}
        for prefix, size in sizes.items():
            flat = [_noise(s, self._salted(prefix, i), dtype) for i, s in enumerate(nest.flatten(size))]
            self._noise[prefix] = nest.pack_sequence_as(size, flat)

    @staticmethod
    def _drops(keep):
        return not isinstance(keep, float) or keep < 1

    def _salted(self, prefix, index):
        if self._seed is None:
            return None
        text = f"{self._seed}{prefix}_{index}".encode()
        return int(hashlib.md5(text).hexdigest()[:8], 16) & 0x7FFFFFFF

    def _dropped(self, value, noise, prefix, index, keep):
        if noise is None:
            return NAMES["v2"]["nn.dropout"](value, rate=1.0 - keep, seed=self._salted(prefix, index))
        kept = NAMES["v2"]["floor"](keep + noise)  # 1 with probability keep
        out = value / keep * kept
        out.set_shape(value.shape)
        return out

    def _dropout(self, values, prefix, keep, which=None):
        """Dropout on each of `values`, but for those where the structure `which` says False."""
        if not self._drops(keep):
            return values
        which = nest.map_structure(lambda _: True, values) if which is None else which
        parts = nest.flatten_up_to(which, values)
        noise = nest.flatten_up_to(which, self._noise[prefix]) if self._variational else [None] * len(parts)
        flat = [
            self._dropped(v, n, prefix, i, keep) if chosen else v
            for i, (chosen, v, n) in enumerate(zip(nest.flatten(which), parts, noise, strict=True))
        ]
        return nest.pack_sequence_as(which, flat)

    def __call__(self, inputs, state, scope=None):
        inputs = self._dropout(inputs, "input", self._input)
        output, new = self._cell(inputs, state, scope=scope) if scope is not None else self._cell(inputs, state)
        if self._drops(self._state):
            which = nest.get_traverse_shallow_structure(self._dropout_state_filter, new)
            new = self._dropout(new, "state", self._state, which)
        return self._dropout(output, "output", self._output), new


@publish_cell("ResidualWrapper", v2="nn.RNNCellResidualWrapper")
class ResidualWrapper(_Plain):
    """output + inputs, or what `residual_fn(inputs, outputs)` makes of them."""

    def __init__(self, cell, residual_fn=None, **kwargs):
        super().__init__(cell, **kwargs)
        self._residual_fn = residual_fn

    def _own_config(self):
        return {} if self._residual_fn is None else {"residual_fn": self._residual_fn}

    def __call__(self, inputs, state, scope=None):
        outputs, new = self._cell(inputs, state, scope=scope) if scope is not None else self._cell(inputs, state)
        if self._residual_fn is not None:
            return self._residual_fn(inputs, outputs), new

        def add(x, y):
            x.shape.assert_is_compatible_with(y.shape)
            return x + y

        return nest.map_structure(add, inputs, outputs), new


@publish_cell("DeviceWrapper", v2="nn.RNNCellDeviceWrapper")
class DeviceWrapper(_Plain):
    """A cell on a device; where things run is JAX's to choose, the name is kept on the operations."""

    def __init__(self, cell, device, **kwargs):
        super().__init__(cell, **kwargs)
        self._device = device

    def _own_config(self):
        return {"device": self._device}

    def __call__(self, inputs, state, scope=None):
        with NAMES["v1"]["device"](self._device):
            return self._cell(inputs, state, scope=scope) if scope is not None else self._cell(inputs, state)


@export("", v1="contrib.rnn.OutputProjectionWrapper")
class OutputProjectionWrapper(_Wrapper):
    """A linear layer on the outputs of a cell."""

    def __init__(self, cell, output_size, activation=None, reuse=None):
        super().__init__(cell, _reuse=reuse)
        self._size, self._activation, self._linear = output_size, activation, None
        if output_size < 1:
            raise ValueError(f"Parameter output_size must be > 0: {output_size}.")

    @property
    def output_size(self):
        return self._size

    def __call__(self, inputs, state, scope=None):
        with variable_scope(scope, "output_projection_wrapper", reuse=self._reuse):
            output, new = self._cell(inputs, state)
            return _project(self, output, self._size, self._activation), new


@export("", v1="contrib.rnn.InputProjectionWrapper")
class InputProjectionWrapper(_Wrapper):
    """A linear layer on the inputs of a cell."""

    def __init__(self, cell, num_proj, activation=None, input_size=None, reuse=None):
        super().__init__(cell, _reuse=reuse)
        self._size, self._activation = num_proj, activation

    def __call__(self, inputs, state, scope=None):
        with variable_scope(scope, "input_projection_wrapper", reuse=self._reuse):
            return self._cell(_project(self, inputs, self._size, self._activation), state)


@export("", v1="contrib.rnn.EmbeddingWrapper")
class EmbeddingWrapper(_Wrapper):
    """Class numbers [n, 1] as rows of an `embedding` variable, then the cell."""

    def __init__(self, cell, embedding_classes, embedding_size, initializer=None, reuse=None):
        super().__init__(cell, _reuse=reuse)
        if embedding_classes <= 0 or embedding_size <= 0:
            raise ValueError(
                f"Both embedding_classes and embedding_size must be > 0: {embedding_classes}, {embedding_size}."
            )
        self._classes, self._size, self._initializer = embedding_classes, embedding_size, initializer

    def __call__(self, inputs, state, scope=None):
        v1 = NAMES["v1"]
        with variable_scope(scope, "embedding_wrapper", reuse=self._reuse) as sc:
            initializer = self._initializer or sc.initializer or v1["random_uniform_initializer"](-(3**0.5), 3**0.5)
            first = state[0] if isinstance(state, tuple) else state
            table = v1["get_variable"](
                "embedding", [self._classes, self._size], initializer=initializer, dtype=first.dtype
            )
            rows = v1["nn.embedding_lookup"](table, array.reshape(inputs, [-1]))
            return self._cell(rows, state)


def _project(cell, values, size, activation):
    """values . weights + biases with variables kernel and bias of the current scope."""
    v1, values = NAMES["v1"], record.convert_to_tensor(values)
    depth = values.shape.as_list()[1]
    kernel = v1["get_variable"]("kernel", [depth, size], dtype=values.dtype)
    bias = v1["get_variable"]("bias", [size], dtype=values.dtype, initializer=v1["zeros_initializer"]())
    out = v1["nn.bias_add"](v1["matmul"](values, kernel), bias)
    return activation(out) if activation else out


__all__ = ["DropoutWrapper", "MultiRNNCell"]
