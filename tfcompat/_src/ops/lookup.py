"""tf.lookup: tables from keys to values, on the host.

A table's contents are a dictionary: one of its own for eager code and functions, and one in each session that
initialises it.
"""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..graph import context
from ..graph_collections import GraphKeys
from ..scopes import name_scope
from ..train.trackable import Trackable
from . import hashes

WHOLE_LINE, LINE_NUMBER = -2, -1


@export("lookup.TextFileIndex")
class TextFileIndex:
    """What a column index may be instead of a column: the whole line, or its number."""

    WHOLE_LINE = WHOLE_LINE
    LINE_NUMBER = LINE_NUMBER


def _declare(type, kernel, abstract, stateful=True):
    """An op whose kernel takes the contents it works on first, then arrays; `table` is a setting."""

    def alone(*inputs, table):
        return kernel(table, table._contents(None), *inputs)

    alone.with_session = lambda session, original, *inputs, table: kernel(table, table._contents(session), *inputs)
    return op(type, host=True, alike=False, stateful=stateful, abstract=abstract)(alone)


def _elements(array):
    return array.reshape(-1).tolist()


def _initialize(table, contents, keys, values):
    found = {}
    if keys.shape != values.shape:
        raise errors.InvalidArgumentError(
            None, None, f"Number of elements in keys ({keys.size}) and values ({values.size}) must be the same"
        )
    for k, v in zip(_elements(keys), _elements(values)):
        if k in found and found[k] != v:
            raise errors.FailedPreconditionError(
                None,
                None,
                f"HashTable has different value for same key. Key {k} has {found[k]} and trying to add value {v}",
            )
        found[k] = v
    contents["map"] = found
    return ()


def _initialize_from_file(table, contents, filename):
    contents["map"] = table._initializer._read(filename[()].decode())
    return ()


def _map(contents):
    if "map" not in contents:
        raise errors.FailedPreconditionError(None, None, "Table not initialized.")
    return contents["map"]


def _find(table, contents, keys, default):
    found = _map(contents)
    width = () if table._value_shape is None else table._value_shape
    out = np.empty((keys.size, *width), table._value_dtype.np)
    for i, k in enumerate(_elements(keys)):
        fallback = default if default.ndim == len(width) else default.reshape(keys.size, *width)[i]
        value = found.get(k)
        out[i] = (fallback[()] if not width else fallback) if value is None else value
    return out.reshape(*keys.shape, *width)


def _oov(table, contents, keys):
    """Indices past the vocabulary for what it has not."""
    found = _map(contents)
    n = len(found)

    def bucket(k):
        text = k if isinstance(k, bytes) else str(k).encode()
        return n + hashes.fingerprint64(text) % table._num_oov_buckets if table._num_oov_buckets else table._default

    flat = [found.get(k) if found.get(k) is not None else bucket(k) for k in _elements(keys)]
    return np.array(flat, np.int64).reshape(keys.shape)


def _insert(table, contents, keys, values):
    rows = values.reshape(keys.size, *(table._value_shape or ()))
    for k, v in zip(_elements(keys), rows if table._value_shape else _elements(rows)):
        contents["map"][k] = v
    return ()


def _remove(table, contents, keys):
    for k in _elements(keys):
        contents["map"].pop(k, None)
    return ()


def _export(table, contents):
    found = _map(contents)
    keys = np.empty(len(found), table._key_dtype.np)
    keys[:] = list(found)
    values = np.empty((len(found), *(table._value_shape or ())), table._value_dtype.np)
    if found:
        values[...] = np.array(list(found.values()), values.dtype).reshape(values.shape)
    return keys, values


def _value_aval(keys, *rest, table):
    return table._value_dtype, None if keys.shape is None else (*keys.shape, *(table._value_shape or ()))


def _export_avals(*, table):
    return [(table._key_dtype, (None,)), (table._value_dtype, (None, *(table._value_shape or ())))]


FIND = _declare("LookupTableFindV2", _find, _value_aval)
FIND_OOV = _declare("LookupTableFindOov", _oov, lambda keys, *, table: (dtypes.int64, keys.shape))
SIZE = _declare(
    "LookupTableSizeV2",
    lambda table, contents: np.int64(len(_map(contents)) + table._extra),
    lambda *, table: (dtypes.int64, ()),
)
INITIALIZE = _declare("InitializeTableV2", _initialize, lambda *avals, table: [])
INITIALIZE_FROM_FILE = _declare("InitializeTableFromTextFileV2", _initialize_from_file, lambda *avals, table: [])
INSERT = _declare("LookupTableInsertV2", _insert, lambda *avals, table: [])
REMOVE = _declare("LookupTableRemoveV2", _remove, lambda *avals, table: [])
EXPORT = _declare("LookupTableExportV2", _export, _export_avals)


def _call(function, table, tensors, name):
    """Runs or records a table op; None eagerly where it has no outputs, else the Operation."""
    out = _record(function.op, table, tensors, name)
    return None if context.graph is None and isinstance(out, (list, tuple)) and not out else out


def _record(definition, table, tensors, name):
    tensors = [record.convert_to_tensor(t) for t in tensors]
    if context.graph is None:
        return record.run_on_host(definition, {"table": table}, None, [t._slot for t in tensors])
    graph = context.graph
    sig = definition.signature({"table": table})
    return record.add_op(graph, sig, tensors, graph.op_name(f"{name}/{definition.type}", definition.type))


# -- where contents come from -----------------------------------
@export(
    "lookup.KeyValueTensorInitializer", v1="lookup.KeyValueTensorInitializer contrib.lookup.KeyValueTensorInitializer"
)
class KeyValueTensorInitializer:
    """A table's contents as two tensors of one shape."""

    def __init__(self, keys, values, key_dtype=None, value_dtype=None, name=None):
        self._keys = record.convert_to_tensor(keys, key_dtype, name="keys")
        self._values = record.convert_to_tensor(values, value_dtype, name="values")
        self._name = name

    key_dtype = property(lambda self: self._keys.dtype)
    value_dtype = property(lambda self: self._values.dtype)

    def initialize(self, table):
        """Fills `table`; an operation in a graph."""
        return _call(INITIALIZE, table, [self._keys, self._values], self._name or "key_value_init")


@export("lookup.TextFileInitializer", v1="lookup.TextFileInitializer contrib.lookup.TextFileInitializer")
class TextFileInitializer:
    """A table's contents as columns of a text file: a column's number, the whole line or the line's number."""

    def __init__(
        self,
        filename,
        key_dtype,
        key_index,
        value_dtype,
        value_index,
        vocab_size=None,
        delimiter="\t",
        name=None,
        value_index_offset=0,
    ):
        self.key_dtype, self.value_dtype = dtypes.as_dtype(key_dtype), dtypes.as_dtype(value_dtype)
        for what, index, dtype in (("key", key_index, self.key_dtype), ("value", value_index, self.value_dtype)):
            if index == LINE_NUMBER and dtype is not dtypes.int64:
                raise ValueError(
                    f"`{what}_dtype` must be int64 if `{what}_index` is TextFileIndex.LINE_NUMBER, received: {dtype!r}"
                )
            if index == WHOLE_LINE and not (dtype is dtypes.string or dtype.is_integer):
                raise ValueError(
                    f"`{what}_dtype` should be either integer or string for `{what}_index` "
                    f"TextFileIndex.WHOLE_LINE, received: {dtype!r}"
                )
            if index < -2:
                raise ValueError(f"`{what}_index` should be >= -2, received: {index}.")
        if vocab_size is not None and vocab_size <= 0:
            raise ValueError(f"`vocab_size` should be > 0, received: {vocab_size}")
        self._filename = filename
        self._columns = key_index, value_index
        self._size, self._delimiter, self._offset, self._name = vocab_size, delimiter, value_index_offset, name

    def initialize(self, table):
        """Fills `table` from the file; an operation in a graph.  NotFoundError without the file."""
        return _call(
            INITIALIZE_FROM_FILE,
            table,
            [record.convert_to_tensor(self._filename, dtypes.string)],
            self._name or "text_file_init",
        )

    def _read(self, filename):
        try:
            with open(filename, "rb") as f:
                lines = f.read().split(b"\n")
        except FileNotFoundError:
            raise errors.NotFoundError(None, None, f"{filename}; No such file or directory") from None
        lines = [line.removesuffix(b"\r") for line in (lines[:-1] if lines and not lines[-1] else lines)]
        if self._size is not None:
            if len(lines) < self._size:
                raise errors.InvalidArgumentError(
                    None, None, f"Invalid vocab_size in {filename}: expected {self._size} but got {len(lines)}"
                )
            lines = lines[: self._size]
        found = {}
        for number, line in enumerate(lines):
            key = self._column(self._columns[0], self.key_dtype, line, number, filename)
            value = self._column(self._columns[1], self.value_dtype, line, number, filename)
            value = value + self._offset if self._columns[1] == LINE_NUMBER else value
            if key in found and found[key] != value:
                raise errors.FailedPreconditionError(
                    None,
                    None,
                    f"HashTable has different value for same key. Key {key} has {found[key]} and trying to add "
                    f"value {value}",
                )
            found[key] = value
        return found

    def _column(self, index, dtype, line, number, filename):
        if index == LINE_NUMBER:
            return number
        if index == WHOLE_LINE:
            return line if dtype is dtypes.string else int(line)
        parts = line.split(self._delimiter.encode())
        if index >= len(parts):
            raise errors.InvalidArgumentError(
                None,
                None,
                f"Invalid number of columns in {filename} line {number} ({line.decode(errors='replace')}) : "
                f"expected {index + 1} got {len(parts)}",
            )
        return (
            parts[index] if dtype is dtypes.string else int(parts[index]) if dtype.is_integer else float(parts[index])
        )


# -- tables -----------------------------------
class _Table(Trackable):
    """What all tables have: contents, lookup, size, export."""

    _value_shape = None
    _extra = 0

    def __init__(self, key_dtype, value_dtype, name):
        self._key_dtype, self._value_dtype, self._name = dtypes.as_dtype(key_dtype), dtypes.as_dtype(value_dtype), name
        self._own: dict = {}

    key_dtype = property(lambda self: self._key_dtype)
    value_dtype = property(lambda self: self._value_dtype)
    name = property(lambda self: self._name)
    resource_handle = property(lambda self: self)

    def _contents(self, session):
        return self._own if session is None else session._resources.setdefault(self, self._fresh())

    def _fresh(self):
        return {}

    def _keys(self, keys):
        if not isinstance(keys, record.Tensor) and not hasattr(keys.__class__, "_dense_tensor"):
            keys = record.convert_to_tensor(keys, self._key_dtype)
        keys = record.convert_to_tensor(keys)
        if keys.dtype.base_dtype is not self._key_dtype:
            raise TypeError(f"Dtype of argument `keys` must be {self._key_dtype!s}, received: {keys.dtype!s}")
        return keys

    def __getitem__(self, keys):
        return self.lookup(keys)

    def size(self, name=None):
        """How many keys there are -> int64 scalar."""
        return _call(SIZE, self, [], name or f"{self._name}_Size")

    def export(self, name=None):
        """(keys, values), in no particular order"""
        return tuple(_call(EXPORT, self, [], name or f"{self._name}_export_values"))


@export("lookup.StaticHashTable", v1="lookup.StaticHashTable contrib.lookup.HashTable")
class StaticHashTable(_Table):
    """A table that does not change once `initializer` has filled it; `default_value` for other keys."""

    def __init__(self, initializer, default_value, name=None, experimental_is_anonymous=False):
        super().__init__(initializer.key_dtype, initializer.value_dtype, name or "hash_table")
        self._initializer = initializer
        self._default_value = record.convert_to_tensor(default_value, self._value_dtype)
        if self._default_value.shape.rank != 0:
            raise ValueError(f"`default_value` must be a scalar, got shape {self._default_value.shape}")
        self._start()

    def _start(self):
        self._init_op = self._initializer.initialize(self)
        if context.graph is not None and not context.graph.building_function:
            context.graph.add_to_collection(GraphKeys.TABLE_INITIALIZERS, self._init_op)

    @property
    def initializer(self):
        """In a graph: the operation that fills the table."""
        return self._init_op

    init = initializer
    default_value = property(lambda self: self._default_value)

    def lookup(self, keys, name=None):
        """The values of `keys` (a tensor or SparseTensor); TypeError for keys of another dtype."""
        if hasattr(keys, "dense_shape"):
            return keys.with_values(self.lookup(keys.values, name))
        return _call(FIND, self, [self._keys(keys), self._default_value], name or f"{self._name}_Lookup")


@export("lookup.StaticVocabularyTable")
class StaticVocabularyTable(_Table):
    """Indices of a vocabulary, and hash buckets after them for what it has not."""

    def __init__(self, initializer, num_oov_buckets, lookup_key_dtype=None, name=None, experimental_is_anonymous=False):
        if num_oov_buckets <= 0:
            raise ValueError(
                f"`num_oov_buckets` must be > 0; use StaticHashTable for none. Received: {num_oov_buckets}"
            )
        if initializer is None:
            raise NotImplementedError(
                "tfcompat's StaticVocabularyTable needs an initializer; hash with tf.strings.to_hash_bucket_fast "
                "without one."
            )
        if initializer.value_dtype is not dtypes.int64:
            raise TypeError(f"Invalid `value_dtype`, expected {dtypes.int64} but got {initializer.value_dtype}.")
        lookup = initializer.key_dtype if lookup_key_dtype is None else dtypes.as_dtype(lookup_key_dtype)
        if (lookup is dtypes.string) != (initializer.key_dtype is dtypes.string):
            raise TypeError(
                f"Invalid `key_dtype`, expected {'string' if lookup is dtypes.string else 'integer'} but got "
                f"{initializer.key_dtype}."
            )
        super().__init__(lookup, dtypes.int64, name or "hash_table")
        self._num_oov_buckets = self._extra = int(num_oov_buckets)
        self._initializer, self._default = initializer, -1
        StaticHashTable._start(self)

    initializer = StaticHashTable.initializer
    init = initializer

    def lookup(self, keys, name=None):
        """The index of each key in the vocabulary, or of its bucket -> int64."""
        if hasattr(keys, "dense_shape"):
            return keys.with_values(self.lookup(keys.values, name))
        return _call(FIND_OOV, self, [self._keys(keys)], name or f"{self._name}_Lookup")


@export(
    "lookup.experimental.MutableHashTable", v1="lookup.experimental.MutableHashTable contrib.lookup.MutableHashTable"
)
class MutableHashTable(_Table):
    """A table that programs change; values are scalars, or of the shape of `default_value`."""

    def __init__(
        self,
        key_dtype,
        value_dtype,
        default_value,
        name="MutableHashTable",
        checkpoint=True,
        experimental_is_anonymous=False,
    ):
        super().__init__(key_dtype, value_dtype, name)
        self._default_value = record.convert_to_tensor(default_value, self._value_dtype)
        if self._default_value.shape.rank is None or self._default_value.shape.rank > 1:
            raise ValueError("`default_value` must be a scalar or a vector.")
        self._value_shape, self._saved = tuple(self._default_value.shape.as_list()) or None, checkpoint
        self._own = self._fresh()

    def _fresh(self):
        return {"map": {}}

    def _serialize_to_tensors(self):
        """What a checkpoint keeps, by TensorFlow's names; nothing where the table was made with checkpoint=False."""
        return dict(zip(("table-keys", "table-values"), self.export(), strict=True)) if self._saved else {}

    def _restore_from_tensors(self, restored):
        if context.graph is not None:
            raise NotImplementedError(
                f"tfcompat restores the table {self._name} from a checkpoint eagerly only; in a Session insert() its "
                "keys and values, read with tf.train.load_checkpoint."
            )
        self._contents(None).clear()
        self._contents(None).update(self._fresh())
        self.insert(restored["table-keys"], restored["table-values"])

    def insert(self, keys, values, name=None):
        """Sets the values of `keys`; an operation in a graph."""
        return _call(
            INSERT,
            self,
            [self._keys(keys), record.convert_to_tensor(values, self._value_dtype)],
            name or f"{self._name}_lookup_table_insert",
        )

    def remove(self, keys, name=None):
        """Forgets `keys`; an operation in a graph."""
        return _call(REMOVE, self, [self._keys(keys)], name or f"{self._name}_lookup_table_remove")

    def lookup(self, keys, dynamic_default_values=None, name=None):
        """The values of `keys`; for others the default, or theirs in `dynamic_default_values`."""
        default = (
            self._default_value
            if dynamic_default_values is None
            else record.convert_to_tensor(dynamic_default_values, self._value_dtype)
        )
        return _call(FIND, self, [self._keys(keys), default], name or f"{self._name}_lookup_table_find")


@export(
    "lookup.experimental.DenseHashTable", v1="lookup.experimental.DenseHashTable contrib.lookup.MutableDenseHashTable"
)
class DenseHashTable(MutableHashTable):
    """A mutable table with two keys set aside that cannot be used."""

    def __init__(
        self,
        key_dtype,
        value_dtype,
        default_value,
        empty_key,
        deleted_key,
        initial_num_buckets=None,
        name="MutableDenseHashTable",
        checkpoint=True,
        experimental_is_anonymous=False,
    ):
        super().__init__(key_dtype, value_dtype, default_value, name, checkpoint)
        if empty_key == deleted_key:
            raise errors.InvalidArgumentError(None, None, "empty_key and deleted_key cannot be equal")

    insert_or_assign, erase = MutableHashTable.insert, MutableHashTable.remove

    def lookup(self, keys, name=None):
        """The values of `keys`, the default for others."""
        return super().lookup(keys, None, name)


@export("", v1="tables_initializer initialize_all_tables")
def tables_initializer(name="init_all_tables"):
    """An operation that fills all tables of the graph."""
    if context.graph is None:
        return None
    from .control import group

    return group(*context.graph.get_collection(GraphKeys.TABLE_INITIALIZERS), name=name)


# -- TF1's makers of tables -----------------------------------
def _indices_of(initializer, num_oov_buckets, default_value, name):
    if num_oov_buckets > 0:
        return StaticVocabularyTable(initializer, num_oov_buckets, name=name)
    return StaticHashTable(initializer, default_value, name=name)


@export("", v1="contrib.lookup.index_table_from_tensor")
def index_table_from_tensor(
    mapping, num_oov_buckets=0, default_value=-1, hasher_spec=None, dtype=dtypes.string, name=None
):
    """A table from the strings (or integers) of a vector to their places in it."""
    if mapping is None:
        raise ValueError("vocabulary_list must be specified.")
    with name_scope(name, "string_to_index"):
        keys = record.convert_to_tensor(mapping, dtype)
        places = OPS["Cast"].public(OPS["Range"].public(0, OPS["Size"].public(keys), 1), dtype=dtypes.int64)
        return _indices_of(KeyValueTensorInitializer(keys, places), num_oov_buckets, default_value, name)


@export("", v1="contrib.lookup.index_table_from_file")
def index_table_from_file(
    vocabulary_file=None,
    num_oov_buckets=0,
    vocab_size=None,
    default_value=-1,
    hasher_spec=None,
    key_dtype=dtypes.string,
    name=None,
    key_column_index=WHOLE_LINE,
    value_column_index=LINE_NUMBER,
    delimiter="\t",
):
    """A table from the lines of a file to their numbers."""
    if not vocabulary_file:
        raise ValueError("vocabulary_file must be specified and must not be empty.")
    made = TextFileInitializer(
        vocabulary_file, key_dtype, key_column_index, dtypes.int64, value_column_index, vocab_size, delimiter
    )
    return _indices_of(made, num_oov_buckets, default_value, name)


@export("", v1="contrib.lookup.index_to_string_table_from_tensor")
def index_to_string_table_from_tensor(mapping, default_value="UNK", name=None):
    """A table from places in a vector to its strings."""
    values = record.convert_to_tensor(mapping, dtypes.string)
    places = OPS["Cast"].public(OPS["Range"].public(0, OPS["Size"].public(values), 1), dtype=dtypes.int64)
    return StaticHashTable(KeyValueTensorInitializer(places, values), default_value, name=name)


@export("", v1="contrib.lookup.index_to_string_table_from_file")
def index_to_string_table_from_file(
    vocabulary_file,
    vocab_size=None,
    default_value="UNK",
    name=None,
    key_column_index=LINE_NUMBER,
    value_column_index=WHOLE_LINE,
    delimiter="\t",
):
    """A table from line numbers to the lines of a file."""
    made = TextFileInitializer(
        vocabulary_file, dtypes.int64, key_column_index, dtypes.string, value_column_index, vocab_size, delimiter
    )
    return StaticHashTable(made, default_value, name=name)
