"""tf.layers.Layer: a layer owns a variable scope, makes its variables there once and records its operations under
that name.
"""

from __future__ import annotations

import copy
import re

import numpy as np

from .. import dtypes, nest, record
from ..autograph.api import control_status_ctx, tf_convert
from ..declare import NAMES, export
from ..graph import context, current_graph, executing_eagerly
from ..scopes import GraphKeys, add_to_collection, add_to_collections, name_scope
from ..shapes import TensorShape
from ..tensor import Tensor
from ..train.trackable import Trackable, is_trackable
from ..variable_scope import get_variable, variable_scope


def activation_of(activation):
    """An activation function from itself, None (identity) or Keras's name for it; ValueError for an unknown name."""
    if activation is None or callable(activation):
        return activation
    if activation == "linear":
        return None
    for name in (f"keras.activations.{activation}", f"nn.{activation}"):
        if isinstance(activation, str) and name in NAMES["v1"]:
            return NAMES["v1"][name]
    raise ValueError(f"Unknown activation function: {activation!r}")


def initializer_of(initializer):
    """An initializer from itself, None (the scope's default) or Keras's name for it; ValueError for an unknown name."""
    if not isinstance(initializer, str):
        return initializer
    for name in (f"keras.initializers.{initializer}", f"initializers.{initializer}"):
        if name in NAMES["v1"]:
            return NAMES["v1"][name]()
    raise ValueError(f"Unknown initializer: {initializer!r}")


def snake_case(name):
    """MaxPooling2D -> max_pooling2d, as layers are named."""
    name = re.sub("(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    name = re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
    return name if name[0] != "_" else "private" + name


def _numbered(base):
    """`base`, numbered from the second use in this graph on: the name of a layer that was given none."""
    used = current_graph().extra.setdefault("layer_names", {})
    used[base] = used.get(base, 0) + 1
    return base if used[base] == 1 else f"{base}_{used[base] - 1}"


def static_bool(value):
    """True, False, or None where only a run can tell; raises TypeError for what is no boolean."""
    if isinstance(value, (bool, np.bool_)) or isinstance(value, int) and value in (0, 1):
        return bool(value)
    if isinstance(value, Tensor) or hasattr(type(value), "_dense_tensor"):
        known = record.static_value(record.convert_to_tensor(value))
        return None if known is None else bool(known)
    raise TypeError(f"`pred` must be a Tensor, or a Python bool, or 1 or 0. Found instead type: {type(value)}")


@export("__internal__.smart_cond.smart_cond", v1="")
def smart_cond(pred, true_fn=None, false_fn=None, name=None):
    """`true_fn()` or `false_fn()`, chosen now where `pred` is known, else in the run.  Raises TypeError for what is no function."""
    for function, which in ((true_fn, "true_fn"), (false_fn, "false_fn")):
        if not callable(function):
            raise TypeError(f"`{which}` must be callable. Received: {function}")
    known = static_bool(pred)
    if known is None:
        return NAMES["v1"]["cond"](pred, true_fn, false_fn, name=name)
    return true_fn() if known else false_fn()


def tuple_of(value, n, name):
    """An integer or a sequence of n integers as a tuple; ValueError otherwise."""
    if isinstance(value, (int, np.integer)):
        return (int(value),) * n
    try:
        values = tuple(value)
    except TypeError:
        raise ValueError(f"The `{name}` argument must be a tuple of {n} integers. Received: {value}") from None
    if len(values) != n or not all(isinstance(v, (int, np.integer)) for v in values):
        raise ValueError(f"The `{name}` argument must be a tuple of {n} integers. Received: {value}")
    return tuple([int(v) for v in values])


@export("", v1="layers.InputSpec keras.layers.InputSpec")
class InputSpec:
    """What a layer accepts: rank, its bounds, sizes of some axes, dtype."""

    def __init__(
        self,
        dtype=None,
        shape=None,
        ndim=None,
        max_ndim=None,
        min_ndim=None,
        axes=None,
        allow_last_axis_squeeze=False,
        name=None,
    ):
        self.dtype = None if dtype is None else dtypes.as_dtype(dtype).name
        self.shape = None if shape is None else TensorShape(shape)
        self.ndim = len(self.shape) if shape is not None and self.shape.rank is not None else ndim
        self.max_ndim, self.min_ndim, self.axes = max_ndim, min_ndim, {int(k): v for k, v in (axes or {}).items()}

    def check(self, tensor, layer):
        """Raises ValueError, as TensorFlow, where `tensor` does not fit."""
        shape = tensor.shape
        where = f'Input 0 of layer "{layer}" is incompatible with the layer: '
        rank = shape.rank
        if rank is None:
            if self.ndim is not None or self.min_ndim is not None or self.max_ndim is not None:
                raise ValueError(f"{where}its rank is undefined, but the layer requires a defined rank.")
            return
        dims = tuple(shape.as_list())
        if self.ndim is not None and rank != self.ndim:
            raise ValueError(f"{where}expected ndim={self.ndim}, found ndim={rank}. Full shape received: {dims}")
        if self.max_ndim is not None and rank > self.max_ndim:
            raise ValueError(f"{where}expected max_ndim={self.max_ndim}, found ndim={rank}")
        if self.min_ndim is not None and rank < self.min_ndim:
            raise ValueError(
                f"{where}expected min_ndim={self.min_ndim}, found ndim={rank}. Full shape received: {dims}"
            )
        for axis, size in self.axes.items():
            if size is not None and dims[axis] not in (size, None):
                raise ValueError(
                    f"{where}expected axis {axis} of input shape to have value {size}, but received input with "
                    f"shape {dims}"
                )


@export("", v1="layers.Layer")
class Layer(Trackable):
    """A layer: `build` makes variables with `add_weight`, `call` records its operations; calling it does both.

    In a checkpoint its children are its weights by their names, and layers and variables that are its attributes.
    `_scope`: the variable scope to use (a name or a VariableScope); `_reuse`: whether its variables exist already.
    """

    def __init__(self, trainable=True, name=None, dtype=None, **kwargs):
        self._scope = None
        given, self._reuse = kwargs.pop("_scope", None), kwargs.pop("_reuse", None)
        for key in ("activity_regularizer", "input_shape", "batch_input_shape", "dynamic", "autocast"):
            if key in kwargs:
                setattr(self, "_" + key, kwargs.pop(key))
        if kwargs:
            raise TypeError(f"Keyword argument not understood: {next(iter(kwargs))!r}")
        self.trainable, self.built, self.input_spec = trainable, False, None
        self.stateful = False
        self._dtype = None if dtype is None else dtypes.as_dtype(dtype).name
        self._trainable_weights, self._non_trainable_weights, self._losses, self._updates = [], [], [], []
        self._graph = None
        if name is not None and not isinstance(name, str):
            self._base_name = name.name  # a variable scope
            self._name = name.name
        else:
            self._base_name = name or snake_case(type(self).__name__)
            self._name = name or _numbered(self._base_name)
        self._activity_regularizer = getattr(self, "_activity_regularizer", None)
        self._current_scope = None
        if given is not None:
            with variable_scope(given) as scope:
                self._scope = scope

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)
        if is_trackable(value):
            self._track_trackable(value, name, overwrite=True)

    # -- what it is ---------------------------------------------------------------------------------------------------
    def get_config(self):
        """What `from_config` makes the same layer of, without its weights: {argument: value}; functions as they are."""
        return {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config):
        """The layer of a `get_config`."""
        return cls(**config)

    @property
    def name(self):
        return self._name

    @property
    def dtype(self):
        return self._dtype

    @property
    def scope_name(self):
        if self._scope is None:
            raise ValueError(
                f'No name available for layer scope because the layer "{self._name}" has not been used yet.'
            )
        return self._scope.name

    @property
    def graph(self):
        if executing_eagerly():
            raise RuntimeError("Layer.graph not supported when executing eagerly.")
        return self._graph

    def _children(self):
        """Layers kept as attributes (also in lists): their variables count as this layer's."""
        found = []
        for key, value in self.__dict__.items():
            if key.startswith("_") and key not in ("_layers", "_cells"):
                continue
            for v in nest.flatten(value) if isinstance(value, (list, tuple, dict)) else (value,):
                if isinstance(v, Layer) and v is not self and v not in found:
                    found.append(v)
        return found

    @property
    def trainable_weights(self):
        if not self.trainable:
            return []
        return self._trainable_weights + [w for child in self._children() for w in child.trainable_weights]

    @property
    def non_trainable_weights(self):
        children = self._children()
        own = self._non_trainable_weights + [w for child in children for w in child.non_trainable_weights]
        if self.trainable:
            return own
        return self._trainable_weights + [w for child in children for w in child.trainable_weights] + own

    @property
    def weights(self):
        return self.trainable_weights + self.non_trainable_weights

    variables = weights

    @property
    def trainable_variables(self):
        return self.trainable_weights

    @property
    def non_trainable_variables(self):
        return self.non_trainable_weights

    @property
    def losses(self):
        made = []
        for loss in self._losses:
            loss = loss() if callable(loss) else loss
            if loss is not None:
                made.append(loss)
        return made + [x for child in self._children() for x in child.losses]

    @property
    def updates(self):
        return list(self._updates) if self.trainable or self.stateful else []

    def get_losses_for(self, inputs):
        """The losses of this layer; with `inputs` only those that depend on them."""
        unconditional = [x for x in self.losses if getattr(x, "_unconditional_loss", True)]
        return unconditional if inputs is None else [x for x in self.losses if x not in unconditional]

    def get_updates_for(self, inputs):
        return list(self.updates)

    def count_params(self):
        return sum(int(np.prod(w.shape.as_list())) for w in self.weights)

    # -- making it ----------------------------------------------------------------------------------------------------
    def build(self, input_shape):
        """Makes the variables for inputs of `input_shape`; a layer without variables need not have one."""
        self.built = True

    def call(self, inputs, **kwargs):
        return inputs

    def _set_scope(self, scope=None):
        if self._scope is not None:
            return
        if self._reuse:
            with variable_scope(scope if scope is not None else self._base_name) as captured:
                self._scope = captured
        else:
            with variable_scope(scope, default_name=self._base_name) as captured:
                self._scope = captured

    def _name_scope(self):
        return self._current_scope.original_name_scope

    def add_weight(
        self,
        name,
        shape,
        dtype=None,
        initializer=None,
        regularizer=None,
        trainable=None,
        constraint=None,
        use_resource=None,
        synchronization=None,
        aggregation=None,
        partitioner=None,
        **kwargs,
    ):
        """The variable `name` of this layer's scope, made or found as its `reuse` says; the regularizer's loss is
        collected once.
        """
        for key in kwargs:
            if key != "experimental_autocast":
                raise TypeError(f"Unknown keyword argument: {key}")
        if trainable is None:
            trainable = True
        more = {}
        if synchronization is not None:
            more["synchronization"] = synchronization
        if aggregation is not None:
            more["aggregation"] = aggregation
        before = (
            set()
            if executing_eagerly()
            else {id(v) for v in current_graph().get_collection(GraphKeys.GLOBAL_VARIABLES)}
        )
        self._set_scope(None)
        reuse = self.built or self._reuse
        outer = self._current_scope
        with variable_scope(self._scope, reuse=reuse, auxiliary_name_scope=False) as scope:
            self._current_scope = scope
            with name_scope(self._name_scope()):
                variable = get_variable(
                    name,
                    shape=shape,
                    dtype=dtypes.as_dtype(dtype or self._dtype or dtypes.float32),
                    initializer=initializer,
                    trainable=trainable and self.trainable,
                    constraint=constraint,
                    use_resource=use_resource,
                    partitioner=partitioner,
                    **more,
                )
                if regularizer is not None and id(variable) not in before:
                    self._regularize(name, variable, regularizer)
        self._current_scope = outer
        # A getter of the scope may have decided otherwise.
        trainable = trainable and getattr(variable, "trainable", True)
        own = self._trainable_weights if trainable else self._non_trainable_weights
        if not any(v is variable for v in own):
            own.append(variable)
        if is_trackable(variable):
            self._track_trackable(variable, name, overwrite=True)
        return variable

    def add_variable(self, *args, **kwargs):
        """The older name of `add_weight`."""
        return self.add_weight(*args, **kwargs)

    def _regularize(self, name, variable, regularizer):
        def loss():
            with name_scope(name + "/Regularizer"):
                return regularizer(variable)

        if context.graph is None:
            self._losses.append(loss)  # computed anew whenever it is asked for
        else:
            self.add_loss(loss())

    def add_loss(self, losses, inputs=None):
        """Adds loss tensors to the layer and, in a graph, to the REGULARIZATION_LOSSES."""
        flat = [x for x in nest.flatten(losses) if x is not None]
        self._losses.extend(flat)
        if not executing_eagerly():
            for loss in flat:
                add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)

    def add_update(self, updates, inputs=None):
        """Adds update operations to the layer and, in a graph, to the UPDATE_OPS."""
        if executing_eagerly():
            return
        flat = [getattr(u, "op", u) for u in nest.flatten(updates)]
        self._updates.extend(flat)
        for update in flat:
            if update not in current_graph().get_collection_ref(GraphKeys.UPDATE_OPS):
                add_to_collections(GraphKeys.UPDATE_OPS, update)

    # -- calling it ---------------------------------------------------------------------------------------------------
    def __call__(self, inputs, *args, **kwargs):
        """Makes the variables on the first call, then what `call` returns.  `scope=`: the variable scope to use."""
        self._set_scope(kwargs.pop("scope", None))
        if context.graph is not None:
            if self._graph is None:
                self._graph = current_graph()
            elif (
                not context.graph.building_function
                and self._graph is not current_graph()
                and not self._graph.building_function
            ):
                raise ValueError(
                    f'Input graph and Layer graph are not the same: layer "{self._name}" was used in another graph.'
                )
        outer = self._current_scope
        with variable_scope(
            self._scope, reuse=True if self.built else self._reuse, auxiliary_name_scope=False
        ) as scope:
            self._current_scope = scope
            with name_scope(self._name_scope()):
                outputs = self._build_and_call(inputs, args, kwargs)
        self._current_scope = outer
        return outputs

    def _build_and_call(self, inputs, args, kwargs):
        flat = nest.flatten(inputs)
        converted = [x if isinstance(x, Tensor) or x is None else record.convert_to_tensor(x) for x in flat]
        if any(a is not b for a, b in zip(flat, converted, strict=True)):
            inputs = nest.pack_sequence_as(inputs, converted)
        if self.input_spec is not None and converted:
            self.input_spec.check(converted[0], self._name)
        if not self.built:
            if self._dtype is None and converted:
                self._dtype = converted[0].dtype.base_dtype.name
            shapes = nest.map_structure(lambda t: t.shape, inputs)
            self.build(shapes)
            self.built = True
            if self.input_spec is not None and converted:
                self.input_spec.check(converted[0], self._name)
        graph = context.graph
        traced = graph is not None and graph.building_function
        call = tf_convert(self.call, control_status_ctx()) if traced else self.call
        outputs = call(inputs, *args, **kwargs)
        if self._activity_regularizer is not None:
            for t in nest.flatten(outputs):
                with name_scope("ActivityRegularizer"):
                    self.add_loss(self._activity_regularizer(t))
        return outputs

    def apply(self, inputs, *args, **kwargs):
        return self.__call__(inputs, *args, **kwargs)

    def __deepcopy__(self, memo):
        skip = {"_graph", "_scope", "_current_scope"}
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        for key, value in self.__dict__.items():
            made.__dict__[key] = value if key in skip else copy.deepcopy(value, memo)
        return made
