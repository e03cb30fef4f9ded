"""TensorFlow's element types: `DType`, its instances, and the conversions to and from NumPy and Python types.

A type is one interned object, so the engine compares with `is` and uses types as dictionary keys at C speed.
`DType.np` is the NumPy type that the engine computes with (`object` for strings, the plain integer for quantized
types); `as_numpy_dtype` is what TensorFlow shows for the same type.
"""

import builtins
import warnings

import ml_dtypes
import numpy as np

REF_OFFSET = 100  # TF1 reference types: enum value of the base type + 100.


class DType:
    """An element type of tensors; `DType(enum)` returns the one instance of that enum value or raises TypeError."""

    __slots__ = (
        "name", "np", "base_dtype", "real_dtype", "is_floating", "is_integer", "is_complex", "is_bool",
        "is_unsigned", "is_quantized", "is_numeric", "is_numpy_compatible", "size", "_type_enum", "_as_ref",
        "_is_ref_dtype", "_as_numpy", "_handle_data", "__weakref__",
    )  # fmt: skip

    def __new__(cls, type_enum):
        try:
            return _BY_ENUM[int(type_enum)]
        except KeyError:
            raise TypeError(f"{type_enum} does not correspond to a valid tensorflow::DataType") from None

    @property
    def as_datatype_enum(self):
        """The number of this type in TensorFlow's `DataType` enumeration."""
        return self._type_enum

    @property
    def as_numpy_dtype(self):
        """The NumPy scalar type (a structured `np.dtype` for quantized types); KeyError for resource and variant."""
        if self._as_numpy is None:
            raise KeyError(self._type_enum)
        return self._as_numpy

    @property
    def min(self):
        """Smallest finite value; TypeError where values have no order or the type is quantized."""
        return self._extreme("min", "minimum")

    @property
    def max(self):
        """Largest finite value; TypeError where values have no order or the type is quantized."""
        return self._extreme("max", "maximum")

    def _extreme(self, end, word):
        if self.is_quantized or self.is_bool or self.is_complex or self.base_dtype is string:
            kind = "quantized type" if self.is_quantized else "type"
            raise TypeError(f"Cannot find {word} value of {self} with {kind} {self.base_dtype}.")
        if self.is_floating:
            return getattr(ml_dtypes.finfo(self.np), end)
        if self.is_integer:
            return getattr(ml_dtypes.iinfo(self.np), end)
        raise TypeError(f"Cannot find {word} value of {self}.")

    @property
    def limits(self):
        """Range of pixel intensities, (0, largest); ValueError for the types TensorFlow gives no range."""
        kind = self.as_numpy_dtype
        if kind in (np.float32, np.float64):
            return 0, 1
        if kind is np.bool_:
            return 0, True
        if self.is_integer and self.is_numeric:
            return 0, int(np.iinfo(kind).max)
        raise ValueError(f"{self} does not have defined limits.")

    def is_compatible_with(self, other):
        """Whether a tensor of type `other` (or of its reference type) may be used where this type is asked for."""
        other = as_dtype(other)
        return self is other or self is other.base_dtype

    def flatten(self):
        """The components of this type as seen by a function signature: none."""
        return []

    def is_subtype_of(self, other):
        """Whether both are the same type: element types have no hierarchy."""
        return self == other

    def most_specific_common_supertype(self, types):
        """This type if all `types` equal it, else None."""
        return self if builtins.all(self == other for other in types) else None

    def __eq__(self, other):
        if self is other:
            return True
        if other is None or type(other) is DType:
            return False
        try:
            return self is as_dtype(other)
        except TypeError:
            return False

    def __ne__(self, other):
        return not self == other

    # Identity, at C speed: types are interned, and TensorFlow does not hash "float32" like tf.float32 either.
    __hash__ = object.__hash__

    def __int__(self):
        return self._type_enum

    def __reduce__(self):
        return as_dtype, (self.name,)

    def __repr__(self):
        return "tf." + self.name

    def __str__(self):
        return f"<dtype: {self.name!r}>"


_BY_ENUM = {}
NAMES = {}  # name -> DType, aliases ('half', 'float', 'double') and reference types included.


def _define(type_enum, name, numpy_type, kind, *, numeric=True, shown=None, size=None):
    """Make one type and its reference type; `kind` is a NumPy kind letter, 'q' for quantized, 'o' for opaque."""
    pair = [object.__new__(DType), object.__new__(DType)]
    for dtype, is_ref in zip(pair, (False, True), strict=True):
        dtype.name = name + "_ref" * is_ref
        dtype.np = np.dtype(numpy_type)
        dtype.base_dtype, dtype._as_ref = pair
        dtype.real_dtype = dtype
        dtype.is_floating = kind == "f"
        dtype.is_integer = kind in "iu"
        dtype.is_complex = kind == "c"
        dtype.is_bool = kind == "b"
        dtype.is_unsigned = kind == "u"
        dtype.is_quantized = kind == "q"
        dtype.is_numeric = numeric and kind in "fiucq"
        dtype.is_numpy_compatible = kind != "o"
        dtype.size = dtype.np.itemsize if size is None else size
        dtype._type_enum = type_enum + REF_OFFSET * is_ref
        dtype._is_ref_dtype = is_ref
        dtype._as_numpy = None if kind == "o" else (shown or numpy_type)
        dtype._handle_data = None
        _BY_ENUM[dtype._type_enum] = NAMES[dtype.name] = dtype
    return pair[0]


float32 = _define(1, "float32", np.float32, "f")
float64 = _define(2, "float64", np.float64, "f")
int32 = _define(3, "int32", np.int32, "i")
uint8 = _define(4, "uint8", np.uint8, "u")
int16 = _define(5, "int16", np.int16, "i")
int8 = _define(6, "int8", np.int8, "i")
string = _define(7, "string", object, "O", size=0)
complex64 = _define(8, "complex64", np.complex64, "c")
int64 = _define(9, "int64", np.int64, "i")
bool = _define(10, "bool", np.bool_, "b")
qint8 = _define(11, "qint8", np.int8, "q", shown=np.dtype([("qint8", np.int8)]))
quint8 = _define(12, "quint8", np.uint8, "q", shown=np.dtype([("quint8", np.uint8)]))
qint32 = _define(13, "qint32", np.int32, "q", shown=np.dtype([("qint32", np.int32)]))
bfloat16 = _define(14, "bfloat16", ml_dtypes.bfloat16, "f")
qint16 = _define(15, "qint16", np.int16, "q", shown=np.dtype([("qint16", np.int16)]))
quint16 = _define(16, "quint16", np.uint16, "q", shown=np.dtype([("quint16", np.uint16)]))
uint16 = _define(17, "uint16", np.uint16, "u")
complex128 = _define(18, "complex128", np.complex128, "c")
float16 = _define(19, "float16", np.float16, "f")
resource = _define(20, "resource", object, "o", size=0)
variant = _define(21, "variant", object, "o", size=0)
uint32 = _define(22, "uint32", np.uint32, "u")
uint64 = _define(23, "uint64", np.uint64, "u")
float8_e5m2 = _define(24, "float8_e5m2", ml_dtypes.float8_e5m2, "f", numeric=False)
float8_e4m3fn = _define(25, "float8_e4m3fn", ml_dtypes.float8_e4m3fn, "f", numeric=False)
float8_e4m3fnuz = _define(26, "float8_e4m3fnuz", ml_dtypes.float8_e4m3fnuz, "f", numeric=False)
float8_e4m3b11fnuz = _define(27, "float8_e4m3b11fnuz", ml_dtypes.float8_e4m3b11fnuz, "f", numeric=False)
float8_e5m2fnuz = _define(28, "float8_e5m2fnuz", ml_dtypes.float8_e5m2fnuz, "f", numeric=False)
int4 = _define(29, "int4", ml_dtypes.int4, "i", numeric=False)
uint4 = _define(30, "uint4", ml_dtypes.uint4, "u", numeric=False)
int2 = _define(31, "int2", ml_dtypes.int2, "i", numeric=False)
uint2 = _define(32, "uint2", ml_dtypes.uint2, "u", numeric=False)
float4_e2m1fn = _define(33, "float4_e2m1fn", ml_dtypes.float4_e2m1fn, "f", numeric=False)
half, double = float16, float64

for _complex, _real in ((complex64, float32), (complex128, float64)):
    _complex.real_dtype = _complex._as_ref.real_dtype = _real

for _alias, _dtype in (("half", float16), ("float", float32), ("double", float64)):
    NAMES[_alias] = _dtype
    NAMES[_alias + "_ref"] = _dtype._as_ref

QUANTIZED_DTYPES = frozenset(
    d for base in (qint8, quint8, qint16, quint16, qint32) for d in (base, base._as_ref)
)  # fmt: skip

# NumPy scalar types (and the structured types of quantized values) to ours.
_FROM_NUMPY = {
    d._as_numpy: d for d in _BY_ENUM.values() if d.is_numpy_compatible and not d._is_ref_dtype and d is not string
}  # fmt: skip
_FROM_NUMPY |= {np.object_: string, np.bytes_: string, np.str_: string}
for _platform_type in (np.intc, np.uintc, np.int_, np.uint, np.longlong, np.ulonglong):
    _FROM_NUMPY.setdefault(_platform_type, _FROM_NUMPY[np.dtype(np.dtype(_platform_type).str).type])

# float, bool and object have a meaning, int, complex and str have none: TensorFlow's own choice.
_FROM_ANY = _BY_ENUM | NAMES | {builtins.float: float32, builtins.bool: bool, builtins.object: string} | _FROM_NUMPY
_FROM_ANY |= {np.dtype(numpy_type): d for numpy_type, d in _FROM_NUMPY.items()}
if hasattr(np, "dtypes") and hasattr(np.dtypes, "StringDType"):
    _FROM_ANY[np.dtypes.StringDType()] = string


def as_dtype(type_value):
    """The `DType` for a DType, name, enum number, NumPy type or object with a `dtype`; TypeError for the rest."""
    if type(type_value) is DType:
        return type_value
    try:
        return _FROM_ANY[type_value]
    except (KeyError, TypeError):  # TypeError: not hashable.
        pass
    if isinstance(type_value, np.dtype) and type_value.type in _FROM_NUMPY:  # Other byte order, strings of a length.
        return _FROM_NUMPY[type_value.type]
    if hasattr(type_value, "dtype"):
        try:
            return _FROM_NUMPY[np.dtype(type_value.dtype).type]
        except (KeyError, TypeError):
            pass
    raise TypeError(f"Cannot convert the argument `type_value`: {type_value!r} to a TensorFlow DType.")


# --- What TensorFlow makes of a Python value -------------------------------------------------------------------------

_INT32_MIN, _INT32_MAX = -(2**31), 2**31 - 1
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_OF_PYTHON = {
    builtins.float: float32, builtins.bool: bool, builtins.complex: complex128,
    builtins.str: string, builtins.bytes: string,
}  # fmt: skip
_FIRST_FLOAT = {np.float16: float16, np.float64: float64, ml_dtypes.bfloat16: bfloat16}
_C_NAMES = {
    "M": "NPY_DATETIME", "m": "NPY_TIMEDELTA", "V": "NPY_VOID", "g": "NPY_LONGDOUBLE", "G": "NPY_CLONGDOUBLE",
}  # fmt: skip
_OUT_OF_RANGE = "Can't convert Python sequence with out-of-range integer to Tensor."
_MIXED = "Can't convert Python sequence with mixed types to Tensor."
_RAGGED = "Can't convert non-rectangular Python sequence to Tensor."


def result_type_of_python(value, eager=True):
    """The `DType` TensorFlow's convert_to_tensor gives a Python or NumPy value when none is asked for.

    `eager` chooses between TensorFlow's two rules, which differ for lists that mix types: eagerly the first element
    of a list decides, a graph looks at all. ValueError (eager) or TypeError (graph) for what is no tensor.
    """
    found = _OF_PYTHON.get(type(value))
    if found is not None:
        return found
    if type(value) is int and _INT32_MIN <= value <= _INT32_MAX:
        return int32
    if isinstance(value, (np.ndarray, np.generic)):
        return _of_array(value, eager)
    return as_dtype(array_of_python(value, None, eager).dtype)


def array_of_python(value, dtype=None, eager=True):
    """A Python or NumPy value as a new array of `dtype`, or of the type TensorFlow chooses if None is asked for.

    Strings become an object array of bytes. Nested sequences must not hold tensors. NumPy values are cast to any type
    that is asked for, Python values only to types that can hold their kind: TypeError where not, 1.5 as int32 say.
    ValueError and TypeError for what is no tensor, as in `result_type_of_python`.
    """
    if isinstance(value, (np.ndarray, np.generic)) or _is_array_like(value):
        return _cast_array(np.asarray(value), dtype, eager)
    first = _first_leaf(value)
    if not _is_scalar(first):
        unheld = dtype is not None and value is not None and not eager
        raise _not_held(value, dtype) if unheld else _no_tensor(value, first, eager)
    if first is _EMPTY:
        return np.empty(np.shape(value), (dtype or float32).np)
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError) as error:
        raise _ragged(value, error, eager) from None
    if dtype is None:
        out = _by_content(value, array, first, eager)
        if eager and out.dtype == np.float32 and (np.isinf(out) & ~np.isinf(array.astype(np.float64))).any():
            raise ValueError("Can't convert Python sequence with a value out of range for a double-precision float.")
        return out
    kind = "s" if array.dtype.kind in "SU" and _all_strings(value) else array.dtype.kind
    if kind == "O" and all(isinstance(x, (int, float)) for x in array.flat):  # Integers beyond 64 bits.
        kind = "f" if dtype.is_floating or dtype.is_complex else "O"
    if not eager:
        if kind not in _held_in_graph(dtype):
            raise _not_held(value, dtype)
    elif kind not in _held_eagerly(dtype) or _beyond(array, dtype):
        chosen = _by_content(value, array, first, eager)  # Raises where TensorFlow's own reading does.
        if _beyond(array, dtype):
            raise ValueError(_OUT_OF_RANGE)
        if dtype in _READ_AS_ASKED or chosen.dtype.kind == "b" or chosen.dtype.kind not in _held_in_graph(dtype):
            raise TypeError(f"Cannot convert {value!r} to EagerTensor of dtype {_C_TYPE_NAMES.get(dtype, dtype.name)}")
    if kind == "s":
        return _as_bytes(np.asarray(value, object))
    with np.errstate(over="ignore"):
        return array.astype(dtype.np)


def _held_in_graph(dtype):
    """The kinds of Python values that become a constant of `dtype` in a graph, as NumPy letters ('s': strings)."""
    if dtype.is_floating:
        return "biuf"
    if dtype.is_integer or dtype.is_quantized:
        return "biu"
    return "biufc" if dtype.is_complex else "b" if dtype.is_bool else "s" if dtype is string else ""


# Types that TensorFlow's eager conversion reads a Python value as. For others it reads the value as it would if no type
# were asked for, and then casts the number: True is read as a bool, which is cast to nothing.
_READ_AS_ASKED = {float16, float32, float64, int32, int64, uint64, bool, complex128, string}
_C_TYPE_NAMES = {float16: "half", float32: "float", float64: "double"}


def _held_eagerly(dtype):
    return _held_in_graph(dtype) if dtype in _READ_AS_ASKED else ""


def _beyond(array, dtype):
    """Whether integers are too large for TensorFlow to read them eagerly: those of 32 bits wrap, those of 64 do not."""
    if array.dtype.kind == "i":
        return dtype is uint64 and array.size and array.min() < 0
    return dtype in (int32, int64) and array.dtype.kind == "u" and array.size and int(array.max()) > _INT64_MAX


def _cast_array(array, dtype, eager):
    """A copy of an array or NumPy scalar with its own type, or whatever type is asked for."""
    if dtype is None or dtype is string:
        own = _of_array(array if dtype is None else array.astype(object, copy=False), eager)
        return _as_bytes(array) if own is string else np.array(array, own.np, order="C")
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Complex to real drops a part, silently in TensorFlow.
        return np.array(array.astype(dtype.np), order="C", copy=None)


def python_to_numpy(value, eager=True):
    """A Python or NumPy value as an array of the type TensorFlow chooses for it: `array_of_python` unasked."""
    return array_of_python(value, None, eager)


def _of_array(array, eager):
    """Type of a NumPy array or scalar: its own."""
    dtype = _FROM_NUMPY.get(array.dtype.type) or _FROM_ANY.get(array.dtype)
    if dtype is None:
        if not eager:
            return as_dtype(array.dtype)
        name = _C_NAMES.get(array.dtype.char, array.dtype.name)
        raise ValueError(f"Failed to convert a NumPy array to a Tensor (Unsupported numpy type: {name}).")
    if dtype is string and array.dtype.kind == "O":
        wrong = next((x for x in np.ravel(array) if not isinstance(x, (str, bytes))), None)
        if wrong is not None:
            if not eager:
                raise TypeError(f"Expected binary or unicode string, got {wrong!r}")
            kind = type(wrong).__name__
            raise ValueError(f"Failed to convert a NumPy array to a Tensor (Unsupported object type {kind}).")
    return dtype


def _as_bytes(array):
    """An array of any string type as an object array of bytes."""
    array = np.asarray(array)
    flat = [x if type(x) is bytes else x.encode() if isinstance(x, str) else bytes(x) for x in array.ravel().tolist()]
    out = np.empty(len(flat), object)
    out[:] = flat
    return out.reshape(array.shape)


_EMPTY = object()
_SCALARS = (int, float, builtins.bool, complex, str, bytes, np.generic)


def _is_scalar(value):
    return value is _EMPTY or isinstance(value, _SCALARS)


def _is_array_like(value):
    return (hasattr(value, "__array__") or hasattr(value, "__array_interface__")) and not isinstance(
        value, (list, tuple)
    )


def _is_sequence(value):
    if isinstance(value, (list, tuple)):
        return True
    kind = type(value)
    return hasattr(kind, "__getitem__") and hasattr(kind, "__len__") and not isinstance(value, (str, bytes, dict))


def _first_leaf(value):
    """The first scalar of a nested sequence, `_EMPTY` if it has no elements; what is no sequence is its own leaf."""
    while not isinstance(value, _SCALARS):
        if isinstance(value, np.ndarray) or _is_array_like(value):
            array = np.asarray(value)
            return array.flat[0] if array.size else _EMPTY
        if not _is_sequence(value):
            return value
        if len(value) == 0:
            return _EMPTY
        value = value[0]
    return value


def _by_content(value, array, first, eager):
    """Give `array`, NumPy's reading of `value`, the type that TensorFlow chooses for its elements."""
    if array.dtype.kind == "O" and not isinstance(first, (str, bytes)):
        array = _big_or_ragged(value, array, first, eager)
    kind = array.dtype.kind
    if isinstance(first, (str, bytes)):
        if kind == "O" and not all(isinstance(x, (str, bytes)) for x in array.flat) or not _all_strings(value):
            raise _mixed(value, eager)
        return _as_bytes(np.asarray(value, object))
    if kind in "SUOMm":
        raise _mixed(value, eager)
    if kind == "b":
        return array
    if kind == "c":
        if eager and not isinstance(first, (complex, np.complexfloating)):
            raise _mixed(value, eager)
        return array.astype(np.complex128, copy=False)
    if eager and isinstance(first, (builtins.bool, np.bool_)):
        raise _mixed(value, eager)
    if kind in "iu":
        if kind == "u" and array.size and int(array.max()) > _INT64_MAX:
            if eager:
                raise ValueError(_OUT_OF_RANGE)
            return array
        small = not array.size or (_INT32_MIN <= int(array.min()) and int(array.max()) <= _INT32_MAX)
        return array.astype(np.int32 if small else np.int64, copy=False)
    # A graph takes NumPy's type for the list, except float64, which plain Python numbers also give.
    dtype = (
        _FIRST_FLOAT.get(type(first), float32)
        if eager
        else float32
        if array.dtype == np.float64
        else as_dtype(array.dtype)
    )
    with np.errstate(over="ignore"):
        return array.astype(dtype.np, copy=False)


def _all_strings(value):
    """Whether NumPy, which turns [\"a\", 1] into strings, was given strings only."""
    if isinstance(value, (str, bytes)):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "SUOT"
    return _is_sequence(value) and all(_all_strings(x) for x in value)


def _big_or_ragged(value, array, first, eager):
    """NumPy answered with objects: integers beyond 64 bits among floats are fine eagerly, all else is an error."""
    leaves = list(array.flat)
    if not all(isinstance(x, (int, float, np.number)) for x in leaves):
        raise _mixed(value, eager)
    if eager and any(isinstance(x, (float, np.floating)) for x in leaves):
        return array.astype(np.float64)
    if eager:
        raise ValueError(_OUT_OF_RANGE)
    raise _no_tensor(value, first, eager)


def _mixed(value, eager):
    return ValueError(_MIXED) if eager else _no_tensor(value, None, eager)


def _ragged(value, error, eager):
    """The error for sequences of unequal length, or for numbers beside sequences."""
    if not eager:
        return error if isinstance(error, ValueError) else _no_tensor(value, None, eager)

    def mixes(x):
        if not _is_sequence(x):
            return False
        return len({_is_sequence(y) for y in x}) > 1 or any(mixes(y) for y in x)

    return ValueError(_MIXED if mixes(value) else _RAGGED)


def _not_held(value, dtype):
    """A graph's error for a constant whose type cannot hold the value: it names the first element at fault."""

    def leaves(x):
        if isinstance(x, np.ndarray):
            yield from x.ravel().tolist()
        elif _is_sequence(x) and not isinstance(x, _SCALARS):
            for y in x:
                yield from leaves(y)
        else:
            yield x

    kinds = _held_in_graph(dtype)
    for x in leaves(value):
        kind = "s" if isinstance(x, (str, bytes)) else np.asarray(x).dtype.kind
        if kind not in kinds and not (isinstance(x, int) and "i" in kinds):
            return TypeError(f"Expected {dtype.name}, but got {x} of type '{type(x).__name__}'.")
    return TypeError(f"Expected {dtype.name}, but got {value} of type '{type(value).__name__}'.")


def _no_tensor(value, first, eager):
    """The error for an object that is no number, string or sequence of them."""
    if eager:
        return ValueError(
            f"Attempt to convert a value ({first!r}) with an unsupported type ({type(first)}) to a Tensor."
        )
    if value is None:
        return ValueError("None values not supported.")
    return TypeError(
        f"Failed to convert elements of {value!s} to Tensor. Consider casting elements to a supported type. "
        "See https://www.tensorflow.org/api_docs/python/tf/dtypes for supported TF dtypes."
    )
