"""What can be asked of a variable without changing it: names, shapes, operations, Python's protocols."""

from __future__ import annotations

import numpy as np

from . import variable_ops
from .graph import aval, context
from .shapes import TensorShape
from .tensor import Reference, ResourceHandle, resource_tensor, value_text
from .variable_creation import no_proto


class Facts:
    """The properties of a variable."""

    @property
    def name(self):
        """The name with its output index, "w:0"."""
        return self._shared_name + ":0"

    @property
    def dtype(self):
        """The dtype; for TF1's variables the reference dtype."""
        return self._dtype._as_ref if self._kind == "ref" else self._dtype

    @property
    def shape(self):
        """The static shape, a TensorShape."""
        return TensorShape._of(self._aval.shape)

    def get_shape(self):
        """The static shape, a TensorShape."""
        return self.shape

    def _shape_as_list(self):
        return None if self._aval.shape is None else list(self._aval.shape)

    def _shape_tuple(self):
        return self._aval.shape

    def set_shape(self, shape):
        """Merges what is known of the static shape with `shape`; ValueError where they contradict."""
        merged = self.shape.merge_with(shape)
        self._aval = aval(self._dtype, variable_ops.static_shape(merged))
        if self._kind == "ref":
            self._variable.set_shape(merged)
            self._snapshot.set_shape(merged)

    @property
    def trainable(self):
        """Whether optimizers change it by default and tapes follow it."""
        return self._trainable

    @property
    def op(self):
        """The operation that stands for the variable in its graph."""
        if self._kind == "eager":
            raise AttributeError("Tensor.op is undefined when eager execution is enabled.")
        return self._variable.op

    @property
    def graph(self):
        """The variable's graph."""
        if self._kind == "eager":
            raise AttributeError("Tensor.graph is undefined when eager execution is enabled.")
        return self._graph

    @property
    def handle(self):
        """What stands for a resource variable in operations."""
        if self._kind == "ref":
            raise AttributeError("'RefVariable' object has no attribute 'handle'")
        if self._kind != "eager":
            return self._variable
        return resource_tensor(ResourceHandle(self, self._shared_name))

    _handle = handle

    def _ref(self):
        """The tensor of a ref variable, which assignments take."""
        return self._variable

    @property
    def device(self):
        """The device's name."""
        return self._value.device if self._kind == "eager" else self._variable.device

    @property
    def initializer(self):
        """The operation that gives the variable its initial value; None eagerly."""
        return self._initializer_op

    @property
    def initial_value(self):
        """The tensor the initializer assigns.  Raises RuntimeError eagerly."""
        if self._kind == "eager":
            raise RuntimeError("This property is not supported when eager execution is enabled.")
        return self._initial_value

    @property
    def constraint(self):
        """A function that optimizers apply to the updated value, or None."""
        return self._constraint

    synchronization = property(lambda self: self._synchronization, doc="A VariableSynchronization.")
    aggregation = property(lambda self: self._aggregation, doc="A VariableAggregation.")
    _handle_name = property(lambda self: self._shared_name + ":0")
    _in_graph_mode = property(lambda self: self._kind != "eager")
    _unique_id = property(
        lambda self: f"{self._shared_name}_{self._unique}" if self._kind == "eager" else self._shared_name
    )

    def ref(self):
        """A hashable reference to this variable, for dictionaries and sets."""
        return Reference(self)

    experimental_ref = ref

    def to_proto(self, export_scope=None):
        """The variable as a VariableDef message, for graphs; None for one outside of `export_scope`.  RuntimeError eagerly."""
        from .graph_def.variable_defs import to_proto

        if self._kind == "eager":
            raise RuntimeError("This operation is not supported when eager execution is enabled.")
        return to_proto(self, export_scope)

    @staticmethod
    def from_proto(variable_def, import_scope=None):
        """The variable of the current graph whose operations a VariableDef names.  ValueError eagerly."""
        from .graph_def.variable_defs import from_proto

        if context.graph is None:
            raise no_proto(variable_def)
        return from_proto(variable_def, import_scope)

    def _set_save_slice_info(self, save_slice_info):
        self._save_slice_info = save_slice_info

    def _get_save_slice_info(self):
        return self._save_slice_info

    # -- Python protocols ---------------------------------------------------------------------------------------------
    def __iter__(self):
        return iter(self.value())

    def __bool__(self):
        return True if self._kind == "ref" else bool(self.value())

    def __int__(self):
        return int(self.value())

    def __float__(self):
        return float(self.value())

    def __complex__(self):
        return complex(self.value())

    def __array__(self, dtype=None, copy=None):
        value = np.asarray(self.numpy())
        return value if dtype is None else value.astype(dtype, copy=False)

    def __hash__(self):
        return id(self)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        if self._kind != "eager":
            raise NotImplementedError("__deepcopy__() is only available when eager execution is enabled.")
        made = memo[id(self)] = self._quick(self._shared_name, self._array(), None, self._trainable)
        made._constraint, made._synchronization, made._aggregation = (
            self._constraint,
            self._synchronization,
            self._aggregation,
        )
        made._aval = self._aval
        return made

    def __reduce__(self):
        return self._unpickled, (np.array(self.numpy()), self._shared_name, self._trainable, self._dtype.name)

    def __repr__(self):
        text = f"<tf.Variable '{self.name}' shape={self.shape} dtype={self.dtype.name}"
        if context.graph is not None or self._kind != "eager":
            return text + ">"
        try:
            value = value_text(self.read_value()._numpy(), is_repr=True)
        except Exception:  # the text of an object must not raise
            value = "<unavailable>"
        line = "\n" if "\n" in value and not value.startswith("\n") else ""
        return f"{text}, numpy={line}{value}>"
