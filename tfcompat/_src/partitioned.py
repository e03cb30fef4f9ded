"""Variables stored in parts along one dimension: tf.get_variable(partitioner=...), the partitioners,
PartitionedVariable.
"""

from __future__ import annotations

import math

from . import dtypes, record
from .declare import NAMES, export
from .graph import context
from .scopes import control_dependencies, name_scope
from .shapes import TensorShape
from .tensor import Tensor
from .variables import Variable, VariableV1


class SaveSliceInfo:
    """Which part of a whole a variable is."""

    def __init__(
        self,
        full_name=None,
        full_shape=None,
        var_offset=None,
        var_shape=None,
        save_slice_info_def=None,
        import_scope=None,
    ):
        if save_slice_info_def is not None:
            made = save_slice_info_def
            full_name = f"{import_scope}/{made.full_name}" if import_scope else made.full_name
            full_shape, var_offset, var_shape = list(made.full_shape), list(made.var_offset), list(made.var_shape)
        self.full_name, self.full_shape, self.var_offset, self.var_shape = full_name, full_shape, var_offset, var_shape

    @classmethod
    def from_spec(cls, spec):
        """The information in a `spec`, without a name; ValueError for text of another form."""
        if not spec:
            return cls()
        whole, _, parts = spec.rpartition(" ")
        if not whole:
            raise ValueError(f"A spec string must contain space-separated full_shape info: '{spec}'")
        full_shape = [_integer(n, "full_shape must be a sequence of integers") for n in whole.split()]
        var_offset, var_shape = [], []
        for part in parts.split(":"):
            offset, comma, size = part.partition(",")
            if not comma or "," in size:
                raise ValueError(f"A spec string must contain comma-separated pairs of offsets and shapes: '{spec}'")
            var_offset.append(_integer(offset, "var_offset must be an integer"))
            var_shape.append(_integer(size, "var_shape must be an integer"))
        return cls(None, full_shape, var_offset, var_shape)

    def to_proto(self, export_scope=None):
        """A SaveSliceInfoDef; None for a part of a variable outside of `export_scope`."""
        from .graph_def.messages import SaveSliceInfoDef

        if export_scope and not self.full_name.startswith(export_scope):
            return None
        name = self.full_name.removeprefix(export_scope.rstrip("/") + "/") if export_scope else self.full_name
        return SaveSliceInfoDef(
            full_name=name, full_shape=self.full_shape, var_offset=self.var_offset, var_shape=self.var_shape
        )

    @property
    def spec(self):
        """The full shape, then offset and size per dimension, as checkpoints spell it: "4 3 0,2:0,3"."""
        return (
            " ".join(map(str, self.full_shape))
            + " "
            + ":".join(f"{o},{s}" for o, s in zip(self.var_offset, self.var_shape))
        )


def _integer(text, complaint):
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"In a spec string, {complaint}: '{text}'") from None


Variable.SaveSliceInfo = SaveSliceInfo


class PartitionInfo:
    """What an initializer is told of the part it makes: the whole's shape and where the part begins."""

    def __init__(self, full_shape, var_offset):
        self.full_shape, self.var_offset = full_shape, var_offset

    def single_offset(self, shape):
        """Where a part of this shape begins along the dimension that is cut; 0 where none is."""
        dim = self.single_slice_dim(shape)
        return 0 if dim is None else self.var_offset[dim]

    def single_slice_dim(self, shape):
        """The dimension along which a part of this shape is cut, or None.  Raises ValueError where there are
        several.
        """
        cut = [i for i, (d, full) in enumerate(zip(shape, self.full_shape)) if d != full]
        if len(cut) > 1:
            raise ValueError(
                f"Cannot use single_slice_dim() with shape={shape} and self.full_shape={self.full_shape} since slice "
                f"dim could be either dimension {cut[0]} or {cut[1]}."
            )
        return cut[0] if cut else None


class PartitionedVariable:
    """A variable in parts; used as a tensor it is their concatenation."""

    def __init__(self, name, shape, dtype, variable_list, partitions):
        self._name, self._shape, self._dtype, self._partitions = name, shape, dtype, partitions
        self._parts = sorted(variable_list, key=lambda v: v._save_slice_info.var_offset)

    name = property(lambda self: self._name)
    dtype = property(lambda self: self._dtype)
    shape = property(lambda self: self._shape)

    def get_shape(self):
        """The shape of the whole."""
        return self._shape

    def __iter__(self):
        return iter(self._parts)

    def __len__(self):
        return len(self._parts)

    def _get_variable_list(self):
        return self._parts

    def _get_partitions(self):
        return self._partitions

    def _partition_axes(self):
        return [i for i, p in enumerate(self._partitions) if p > 1] or [0]

    def as_tensor(self):
        """The parts, concatenated."""
        with control_dependencies(None):
            return self._concat()

    def _concat(self):
        """The parts, concatenated under the control dependencies of this place."""
        public, whole = NAMES["v2"], self._parts[0]
        if len(self._parts) > 1:
            with name_scope(self._name + "/ConcatPartitions/"):
                whole = public["concat"](list(self._parts), self._partition_axes()[0])
        with name_scope(None):
            return public["identity"](whole, name=self._name)

    def __tf_tensor__(self, dtype=None, name=None):
        if dtype is not None and not dtype.is_compatible_with(self._dtype):
            raise ValueError(
                f"Incompatible type conversion requested to type '{dtype.name}' for variable of type "
                f"'{self._dtype.name}'"
            )
        return self.as_tensor()

    def _each(self, method, value, name, read_value):
        if isinstance(value, PartitionedVariable):
            values = list(value)
        elif isinstance(value, list):
            values = value
        else:
            axis = self._partition_axes()[0]
            sizes = [v.shape.as_list()[axis] for v in self._parts]
            values = NAMES["v2"]["split"](value, sizes, axis=axis)
        return [
            getattr(v, method)(part, name=name, read_value=read_value)
            for v, part in zip(self._parts, values, strict=True)
        ]

    def assign(self, value, use_locking=False, name=None, read_value=True):
        """Gives each part its part of `value`; returns what each assignment returns."""
        return self._each("assign", value, name, read_value)

    def assign_add(self, value, use_locking=False, name=None, read_value=True):
        """Adds to each part its part of `value`."""
        return self._each("assign_add", value, name, read_value)

    def assign_sub(self, value, use_locking=False, name=None, read_value=True):
        """Subtracts from each part its part of `value`."""
        return self._each("assign_sub", value, name, read_value)


def get_partitioned_variable(
    store, name, partitioner, *, shape=None, dtype=dtypes.float32, initializer=None, reuse=None, **settings
):
    """The PartitionedVariable called `name` of a store, found or made; errors as tf.get_variable's."""
    dtype = dtypes.as_dtype(dtype)
    if name in store._vars:
        raise ValueError(
            f"A partitioner was provided, but an unpartitioned version of the variable was found: {name}.  Perhaps a "
            "variable of the same name was already created without partitioning?"
        )
    shape = TensorShape(shape)
    if isinstance(initializer, Tensor):
        shape = shape.merge_with(initializer.shape)
    partitions = _partitions(partitioner, shape, dtype) if not reuse or partitioner else None
    if name in store._partitioned_vars:
        return _found(store._partitioned_vars[name], name, shape, dtype, partitions, reuse)
    if reuse is True:
        raise ValueError(
            f"PartitionedVariable {name} does not exist, or was not created with tf.get_variable(). Did you mean to "
            "set reuse=False or reuse=tf.AUTO_REUSE in VarScope?"
        )
    axis = next((i for i, n in enumerate(partitions) if n > 1), 0)
    parts = []
    for i, (offset, size) in enumerate(_slices(shape.as_list(), partitions[axis], axis)):
        full_name = f"{name}/part_{i}"
        given, part_shape = initializer, size
        if initializer is not None and not callable(initializer):
            with name_scope(full_name + "/PartitionedInitializer"):
                value = initializer if isinstance(initializer, Tensor) else record.convert_to_tensor(initializer, dtype)
                given, part_shape = NAMES["v2"]["slice"](value, offset, size), None
                dtype = given.dtype.base_dtype
        with name_scope(None):
            part = store._get_single(
                full_name, shape=part_shape, dtype=dtype, initializer=given, reuse=reuse,
                partition_info=PartitionInfo(shape.as_list(), offset), **settings,
            )  # fmt: skip
        part._set_save_slice_info(SaveSliceInfo(name, shape.as_list(), offset, size))
        parts.append(part)
    made = PartitionedVariable(name, shape, dtype, parts, partitions)
    if context.graph is not None or store._store_eager_variables:
        store._partitioned_vars[name] = made
    return made


def _found(variable, name, shape, dtype, partitions, reuse):
    if reuse is False:
        raise ValueError(
            f"Partitioned variable with name {name} already exists. Did you mean to set reuse=True or "
            "reuse=tf.AUTO_REUSE in VarScope?"
        )
    for what, given, found, fits in (
        ("shape", shape, variable.shape, shape.is_compatible_with(variable.shape)),
        ("dtype", dtype.name, variable.dtype.name, dtype.is_compatible_with(variable.dtype)),
        (
            "partitions",
            partitions,
            variable._partitions,
            partitions is None or list(partitions) == list(variable._partitions),
        ),
    ):
        if not fits:
            raise ValueError(
                f"Trying to reuse partitioned variable {name}, but specified {what} {given} and found {what} {found}."
            )
    return variable


def _partitions(partitioner, shape, dtype):
    if not shape.is_fully_defined():
        raise ValueError(f"Shape of a new partitioned variable must be fully defined, but instead was {shape}.")
    if shape.rank < 1:
        raise ValueError(f"A partitioned Variable must have rank at least 1, shape: {shape}")
    slicing = partitioner(shape=shape, dtype=dtype)
    if not isinstance(slicing, (list, tuple)):
        raise ValueError(f"Partitioner must return a sequence, but saw: {slicing}")
    if len(slicing) != shape.rank:
        raise ValueError(
            f"Partitioner returned a partition list that does not match the Variable's rank: {slicing} vs. {shape}"
        )
    if any(p < 1 for p in slicing):
        raise ValueError(f"Partitioner returned zero partitions for some axes: {slicing}")
    if sum(p > 1 for p in slicing) > 1:
        raise ValueError(f"Can only slice a variable along one dimension: shape: {shape}, partitioning: {slicing}")
    return slicing


def _slices(shape, n, axis):
    """(offset, shape) of `n` parts along `axis`; the first ones take what is left over.  ValueError for empty parts."""
    least, more = divmod(shape[axis], n)
    offset = [0] * len(shape)
    for i in range(n):
        if offset[axis] >= shape[axis]:
            raise ValueError(
                f"Expected 0 <= offset < shape but found offset={offset[axis]}, shape={shape[axis]} for "
                f"var_offset={offset}, full_shape={list(shape)}"
            )
        part = shape[:axis] + [least + (i < more)] + shape[axis + 1 :]
        yield offset[:], part
        offset[axis] += part[axis]


# -- partitioners -----------------------------------------------------------------------------------------------------
def _element_bytes(dtype, bytes_per_string_element):
    dtype = dtypes.as_dtype(dtype)
    return bytes_per_string_element if dtype.base_dtype is dtypes.string else dtype.size


@export("", v1="fixed_size_partitioner")
def fixed_size_partitioner(num_shards, axis=0):
    """A partitioner that cuts along `axis` into `num_shards` parts, fewer where the dimension is smaller."""

    def partitioner(shape, **unused):
        parts = [1] * len(shape)
        parts[axis] = min(num_shards, shape.as_list()[axis])
        return parts

    return partitioner


@export("", v1="variable_axis_size_partitioner")
def variable_axis_size_partitioner(max_shard_bytes, axis=0, bytes_per_string_element=16, max_shards=None):
    """A partitioner that cuts along `axis` into parts of at most `max_shard_bytes` bytes."""
    if max_shard_bytes < 1 or bytes_per_string_element < 1:
        raise ValueError(
            "Both max_shard_bytes and bytes_per_string_element must be positive. Currently, max_shard_bytes is "
            f"{max_shard_bytes} andbytes_per_string_element is {bytes_per_string_element}"
        )
    if max_shards and max_shards < 1:
        raise ValueError("max_shards must be positive.")

    def partitioner(shape, dtype):
        if not isinstance(shape, TensorShape):
            raise ValueError(f"shape is not a TensorShape: {shape}")
        if not shape.is_fully_defined():
            raise ValueError(f"shape is not fully defined: {shape}")
        size = shape.as_list()[axis]
        bytes_per_slice = shape.num_elements() / size * _element_bytes(dtype, bytes_per_string_element)
        shards = math.ceil(size / max(1, math.floor(max_shard_bytes / bytes_per_slice)))
        parts = [1] * shape.rank
        parts[axis] = min(max_shards, shards) if max_shards else shards
        return parts

    return partitioner


@export("", v1="min_max_variable_partitioner")
def min_max_variable_partitioner(max_partitions=1, axis=0, min_slice_size=256 << 10, bytes_per_string_element=16):
    """A partitioner that cuts along `axis` into at most `max_partitions` parts of at least `min_slice_size` bytes."""

    def partitioner(shape, dtype):
        if axis >= len(shape):
            raise ValueError(f"Cannot partition variable along axis {axis} when shape is only {shape}")
        total = shape.num_elements() * _element_bytes(dtype, bytes_per_string_element)
        parts = [1] * len(shape)
        parts[axis] = max(1, min(shape.as_list()[axis], max_partitions, math.ceil(total / min_slice_size)))
        return parts

    return partitioner


@export("", v1="create_partitioned_variables")
def create_partitioned_variables(shape, slicing, initializer, dtype=dtypes.float32, trainable=True, collections=None,
                                 name=None,
                                 reuse=None):  # fmt: skip
    """A list of variables that are the parts of one of shape `shape`, cut as `slicing` says."""
    from .variable_scope import scope_store, variable_scope

    if len(shape) != len(slicing):
        raise ValueError(
            f"The 'shape' and 'slicing' of a partitioned Variable must have the length: shape: {shape}, slicing: "
            f"{slicing}"
        )
    if len(shape) < 1:
        raise ValueError(f"A partitioned Variable must have rank at least 1: shape: {shape}")
    with variable_scope(name, "PartitionedVariable", reuse=reuse) as scope, name_scope(None):
        return list(
            get_partitioned_variable(
                scope_store().variables, scope.name, lambda **unused: slicing, shape=shape, dtype=dtype,
                initializer=scope.initializer if initializer is None else initializer, reuse=scope.reuse,
                trainable=trainable,
                collections=collections,
            )
        )  # fmt: skip


__all__ = ["PartitionedVariable", "SaveSliceInfo", "VariableV1", "fixed_size_partitioner"]
