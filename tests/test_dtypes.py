"""Element types and the reading of Python values: every answer in these tables was given by TensorFlow 2.21."""

import copy
import pickle

import ml_dtypes
import numpy as np
import pytest

from tfcompat._src import dtypes
from tfcompat._src.dtypes import DType, array_of_python, as_dtype, result_type_of_python


class Nothing:
    """Something that is no tensor, with a name that is the same in every process."""

    def __repr__(self):
        return "Nothing()"


# name: enum number, size, kind (f i u c b q s o), numeric, smallest, largest
TYPES = """
float32 1 4 f yes -3.4028235e+38 3.4028235e+38
float64 2 8 f yes -1.7976931348623157e+308 1.7976931348623157e+308
int32 3 4 i yes -2147483648 2147483647
uint8 4 1 u yes 0 255
int16 5 2 i yes -32768 32767
int8 6 1 i yes -128 127
string 7 0 s no - -
complex64 8 8 c yes - -
int64 9 8 i yes -9223372036854775808 9223372036854775807
bool 10 1 b no - -
qint8 11 1 q yes - -
quint8 12 1 q yes - -
qint32 13 4 q yes - -
bfloat16 14 2 f yes -3.38953e+38 3.38953e+38
qint16 15 2 q yes - -
quint16 16 2 q yes - -
uint16 17 2 u yes 0 65535
complex128 18 16 c yes - -
float16 19 2 f yes -6.55e+04 6.55e+04
resource 20 0 o no - -
variant 21 0 o no - -
uint32 22 4 u yes 0 4294967295
uint64 23 8 u yes 0 18446744073709551615
float8_e5m2 24 1 f no -57344 57344
float8_e4m3fn 25 1 f no -448 448
float8_e4m3fnuz 26 1 f no -240 240
float8_e4m3b11fnuz 27 1 f no -30 30
float8_e5m2fnuz 28 1 f no -57344 57344
int4 29 1 i no -8 7
uint4 30 1 u no 0 15
int2 31 1 i no -2 1
uint2 32 1 u no 0 3
float4_e2m1fn 33 1 f no -6 6
"""
TYPES = [line.split() for line in TYPES.strip().splitlines()]


@pytest.mark.parametrize(["name", "number", "size", "kind", "numeric", "low", "high"], TYPES)
def test_attributes(name, number, size, kind, numeric, low, high):
    base = getattr(dtypes, name)
    ref = base._as_ref
    for d in (base, ref):
        assert (d.size, d.is_numeric) == (int(size), numeric == "yes")
        assert (d.is_floating, d.is_complex, d.is_bool, d.is_quantized) == tuple(kind == k for k in "fcbq")
        assert (d.is_integer, d.is_unsigned) == (kind in "iu", kind == "u")
        assert d.is_numpy_compatible == (kind != "o")
        assert d.base_dtype is base and d._as_ref is ref
        if low != "-":
            assert (str(d.min), str(d.max)) == (low, high)
        else:
            with pytest.raises(TypeError, match="Cannot find minimum value of <dtype: "):
                _ = d.min
    assert int(base) == base.as_datatype_enum == int(number) and ref.as_datatype_enum == int(number) + 100
    assert (repr(base), str(base), base.name) == (f"tf.{name}", f"<dtype: '{name}'>", name)
    assert repr(ref) == f"tf.{name}_ref" and ref._is_ref_dtype and not base._is_ref_dtype
    assert copy.deepcopy(base) is base and pickle.loads(pickle.dumps(ref)) is ref
    assert dtypes.NAMES[name] is base is DType(int(number)) is as_dtype(int(number)) is as_dtype(name)
    assert base.np.kind == {"s": "O", "o": "O", "q": base.np.kind}.get(kind, base.np.kind)


def test_related_types():
    assert dtypes.complex64.real_dtype is dtypes.float32 and dtypes.complex128.real_dtype is dtypes.float64
    assert dtypes.complex64._as_ref.real_dtype is dtypes.float32
    assert dtypes.int8.real_dtype is dtypes.int8
    assert dtypes.string.as_numpy_dtype is object and dtypes.float32.as_numpy_dtype is np.float32
    assert dtypes.qint8.as_numpy_dtype == np.dtype([("qint8", np.int8)])
    assert dtypes.bfloat16.as_numpy_dtype is ml_dtypes.bfloat16
    assert dtypes.half is dtypes.float16 and dtypes.double is dtypes.float64
    assert len(dtypes.QUANTIZED_DTYPES) == 10 and dtypes.qint16._as_ref in dtypes.QUANTIZED_DTYPES
    with pytest.raises(KeyError):
        _ = dtypes.variant.as_numpy_dtype
    with pytest.raises(TypeError, match="99 does not correspond to a valid tensorflow::DataType"):
        DType(99)


def test_limits():
    assert dtypes.float32.limits == (0, 1) and dtypes.bool.limits == (0, True)
    assert dtypes.uint8.limits == (0, 255) and dtypes.int16.limits == (0, 32767)
    for name in ("float16", "bfloat16", "complex64", "string", "int4", "qint8"):
        with pytest.raises(ValueError, match="does not have defined limits"):
            _ = getattr(dtypes, name).limits


AS_DTYPE = [
    (float, "float32"), (bool, "bool"), (object, "string"), (np.str_, "string"), (np.bytes_, "string"),
    (np.object_, "string"), (np.int_, "int64"), (np.intc, "int32"), (np.longlong, "int64"), (np.uint, "uint64"),
    (np.dtype("U3"), "string"), (np.dtype("S"), "string"), (np.dtype(">f4"), "float32"), (np.dtype(object), "string"),
    (np.dtype([("qint8", np.int8)]), "qint8"), ("half", "float16"), ("float", "float32"), ("double", "float64"),
    ("float32_ref", "float32_ref"), (1, "float32"), (101, "float32_ref"), (True, "float32"), (1.0, "float32"),
    (np.zeros(1), "float64"), (np.float32(1), "float32"), (np.dtypes.StringDType(), "string"),
    (ml_dtypes.bfloat16, "bfloat16"), (ml_dtypes.int4, "int4"), (dtypes.uint8, "uint8"),
]  # fmt: skip
NO_DTYPE = [int, complex, str, bytes, "int", "str", "object", "f4", 99, None, [], np.dtype("M8"), np.longdouble]


@pytest.mark.parametrize(("value", "name"), AS_DTYPE, ids=repr)
def test_as_dtype(value, name):
    assert as_dtype(value) is dtypes.NAMES[name]


@pytest.mark.parametrize("value", NO_DTYPE, ids=repr)
def test_as_dtype_refuses(value):
    with pytest.raises(TypeError) as caught:
        as_dtype(value)
    assert str(caught.value) == f"Cannot convert the argument `type_value`: {value!r} to a TensorFlow DType."


def test_equality():
    f = dtypes.float32
    assert f == "float32" and f == "float" and f == np.float32 and f == float and f == np.dtype("f4") and f == 1  # noqa: E721
    assert not (f != "float32") and f != "foo" and f != f._as_ref and f != object() and (f == None) is False  # noqa: E711
    assert {f: 3}[as_dtype("float")] == 3 and {f: 3}.get("float32") is None
    assert f.is_compatible_with(f._as_ref) and not f._as_ref.is_compatible_with(f) and f.is_compatible_with("float32")
    assert f.is_subtype_of(f) and f.most_specific_common_supertype([f]) is f
    assert f.most_specific_common_supertype([dtypes.int32]) is None


# value, type chosen eagerly, type chosen in a graph where that is another ("!": refused)
CHOSEN = [
    (1, "int32"), (2**31 - 1, "int32"), (2**31, "int64"), (-(2**31), "int32"), (-(2**31) - 1, "int64"),
    (2**63, "!", "uint64"), (2**64, "!"), (1.5, "float32"), (True, "bool"), (1j, "complex128"), ("a", "string"),
    (b"a", "string"), (None, "!"), (np.float64(1), "float64"), (np.int64(3), "int64"), (np.bool_(1), "bool"),
    (np.str_("a"), "string"), (np.array(["a"]), "string"), (np.array([1, 2]), "int64"),
    (np.array([1, 2], object), "!"), (np.array(["a", b"b"], object), "string"), ([], "float32"), ([[], []], "float32"),
    ([1, 2], "int32"), ([1, 2.0], "float32"), ([2.0, 1], "float32"), ([1, True], "int32"), ([True, 1], "!", "int32"),
    ([True, 2.0], "!", "float32"), ([2.0, True], "float32"), ([1, 1j], "!", "complex128"), ([1j, 1], "complex128"),
    ([1, "a"], "!"), (["a", 1], "!"), (["a", b"b"], "string"), ([1, None], "!"), ([None], "!"),
    ([1, 2**31], "int64"), ([1.0, 2**31], "float32"), ([2**63], "!", "uint64"), ([1.0, 2**70], "float32", "!"),
    ([1, [2]], "!"), ([[1], [2, 3]], "!"), ([[1.0], [2]], "float32"), ([np.float64(1), 2], "float64", "float32"),
    ([2, np.float64(1)], "float32"), ([np.float64(1), np.float32(1)], "float64", "float32"),
    ([np.float16(1), 2.0], "float16", "float32"), ([np.int64(1), 2], "int32"), ([np.array(1)], "int32"),
    ([[1, 2], np.array([1.0, 2.0])], "float32"), (range(3), "int32"), ({1: 2}, "!"), ({1, 2}, "!"), (Nothing(), "!"),
    (np.datetime64("2020-01-01"), "!"), (np.longdouble(1), "!"), ([np.uint8(3), 1], "int32"),
    ([np.complex64(1), 1j], "complex128"), (np.array([], np.float64), "float64"), ((1, 2.0), "float32"),
]  # fmt: skip


@pytest.mark.parametrize("row", CHOSEN, ids=repr)
@pytest.mark.parametrize("eager", [True, False])
def test_chosen_type(row, eager):
    value, name = row[0], row[1 if eager else -1]
    if name == "!":
        with pytest.raises((ValueError, TypeError)):
            result_type_of_python(value, eager)
    else:
        assert result_type_of_python(value, eager).name == name
        assert array_of_python(value, None, eager).dtype == dtypes.NAMES[name].np


MESSAGES = [
    ([True, 1], None, "Can't convert Python sequence with mixed types to Tensor."),
    ([[1], [2, 3]], None, "Can't convert non-rectangular Python sequence to Tensor."),
    (2**63, None, "Can't convert Python sequence with out-of-range integer to Tensor."),
    ([1e300], None, "Can't convert Python sequence with a value out of range for a double-precision float."),
    (None, None, "Attempt to convert a value (None) with an unsupported type (<class 'NoneType'>) to a Tensor."),
    (np.array([1], object), None, "Failed to convert a NumPy array to a Tensor (Unsupported object type int)."),
    (1.5, "int32", "Cannot convert 1.5 to EagerTensor of dtype int32"),
    ("a", "float32", "Cannot convert 'a' to EagerTensor of dtype float"),
    (True, "int8", "Cannot convert True to EagerTensor of dtype int8"),
    ([1, 2], "bool", "Cannot convert [1, 2] to EagerTensor of dtype bool"),
    ([True, 1], "bool", "Can't convert Python sequence with mixed types to Tensor."),
]


@pytest.mark.parametrize(("value", "name", "text"), MESSAGES)
def test_eager_messages(value, name, text):
    with pytest.raises((ValueError, TypeError)) as caught:
        array_of_python(value, name and as_dtype(name))
    assert str(caught.value) == text


GRAPH_MESSAGES = [
    (None, None, "None values not supported."),
    (1.5, "int32", "Expected int32, but got 1.5 of type 'float'."),
    ([1, 2.5], "int32", "Expected int32, but got 2.5 of type 'float'."),
    ([1, None], "float32", "Expected float32, but got None of type 'NoneType'."),
    (["a", 1], "string", "Expected string, but got 1 of type 'int'."),
]


@pytest.mark.parametrize(("value", "name", "text"), GRAPH_MESSAGES)
def test_graph_messages(value, name, text):
    with pytest.raises((ValueError, TypeError)) as caught:
        array_of_python(value, name and as_dtype(name), eager=False)
    assert str(caught.value) == text


ASKED = [
    (300, "uint8", 44), (-1, "uint8", 255), (2**31, "int32", -(2**31)), (True, "int32", 1), (True, "float32", 1.0),
    ([True, 1], "int32", [1, 1]), ([1, 1j], "complex128", [1, 1j]), ([1, 2.5], "bfloat16", [1, 2.5]),
    (np.array([1.5]), "int32", [1]), (np.float64(1.5), "bool", True), (np.array([1j]), "float32", [0]),
    (np.array([1], object), "float32", [1]), (["a", b"b"], "string", [b"a", b"b"]), ([[], []], "int8", [[], []]),
    (1e300, "float32", float("inf")), (2**64, "float64", 2.0**64), ("a\u00e9", "string", b"a\xc3\xa9"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "name", "result"), ASKED, ids=repr)
def test_asked_type(value, name, result):
    array = array_of_python(value, as_dtype(name))
    assert array.dtype == as_dtype(name).np and array.tolist() == result


def test_arrays_are_copied():
    source = np.ones(3, np.float32)
    for asked in (None, dtypes.float32, dtypes.float64):
        assert not np.shares_memory(array_of_python(source, asked), source)
