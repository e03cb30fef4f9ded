"""tf.strings, tf.lookup, tf.sets and decoders: each row is a call and what TensorFlow 2.21 answers, eagerly, in a
session and in a function.
"""

import numpy as np
import pytest

import tfcompat as tf

v1 = tf.compat.v1
st, io = tf.strings, tf.io
Invalid = tf.errors.InvalidArgumentError
TEXT = ["Hello World", "ab  c", "", "Ünïcode", "  x\t"]
SQUARE = [["a", "b"], ["c", "d"]]


def C(x):  # a constant where the call is made: eagerly or in a graph
    return tf.constant(x)


# what to call, what comes out (text stands for its UTF-8 bytes)
CASES = [
    (lambda: st.join([C("a"), C(["b", "c"])], "-"), ["a-b", "a-c"]),
    (lambda: st.join([["a", "x"], ["b", "c"]]), ["ab", "xc"]),
    (lambda: tf.add(C(["a", ""]), "b"), ["ab", "b"]),
    (lambda: "b\0" + C("a\0"), "b\0a\0"),
    (lambda: tf.where(C([True, False]), C("a"), C(["b", "c"])), ["a", "c"]),
    (lambda: v1.where(C([True, False]), C(SQUARE), C([["", ""], ["x", "y"]])), [["a", "b"], ["x", "y"]]),
    (lambda: tf.repeat(C(["a", "b"]), [2, 1]), ["a", "a", "b"]),
    (lambda: tf.repeat(C(SQUARE), 2, axis=1), [["a", "a", "b", "b"], ["c", "c", "d", "d"]]),
    (lambda: tf.roll(C(SQUARE), [1, 1], [0, 1]), [["d", "c"], ["b", "a"]]),
    (lambda: tf.dynamic_stitch([[0, 3], [1]], [C(["a", "b"]), C(["c"])]), ["a", "c", "", "b"]),
    (lambda: tf.guarantee_const(tf.stop_gradient(C(SQUARE))), SQUARE),
    (lambda: st.length(C(TEXT)), [11, 5, 0, 9, 4]),
    (lambda: st.length(C(TEXT), "UTF8_CHAR"), [11, 5, 0, 7, 4]),
    (lambda: st.lower(C(TEXT)), ["hello world", "ab  c", "", "Ünïcode", "  x\t"]),
    (lambda: st.upper(C(TEXT)), ["HELLO WORLD", "AB  C", "", "ÜNïCODE", "  X\t"]),
    (lambda: st.upper(C(TEXT), "utf-8"), ["HELLO WORLD", "AB  C", "", "ÜNÏCODE", "  X\t"]),
    (lambda: st.strip(C(TEXT)), ["Hello World", "ab  c", "", "Ünïcode", "x"]),
    (lambda: st.substr(C(["hello", "world"]), 1, 3), ["ell", "orl"]),
    (lambda: st.substr(C(["hello", "world"]), [-3, 1], [2, 9]), ["ll", "orld"]),
    (lambda: st.substr(C("Ünïcode"), 1, 2, unit="UTF8_CHAR"), "nï"),
    (lambda: v1.substr(C("hello"), 1, 2), "el"),
    (lambda: st.regex_replace(C(TEXT), "[aeiou](.)?", "<\\1>"), ["H<l>l< >W<r>ld", "<b>  c", "", "Ünïc<d><>", "  x\t"]),
    (lambda: st.regex_replace(C(TEXT[:1]), "l", "L", replace_global=False), ["HeLlo World"]),
    (lambda: st.regex_replace(C("a b"), "\\w", "[\\0]"), "[a] [b]"),
    (lambda: st.regex_full_match(C(TEXT), ".*o.*"), [True, False, False, True, False]),
    (lambda: st.to_number(C(["1.5", "-2", "3e2", " 4 ", "inf", "0x10"])), np.float32([1.5, -2, 300, 4, np.inf, 16])),
    (lambda: st.to_number(C(["15", "-2"]), tf.int32), np.int32([15, -2])),
    (lambda: v1.string_to_number(C(["1", "2"]), tf.int64), np.int64([1, 2])),
    (lambda: st.as_string(C([1.5, 2e10, -0.001])), ["1.500000", "20000000000.000000", "-0.001000"]),
    (lambda: st.as_string(C([1, -20])), ["1", "-20"]),
    (lambda: st.as_string(C([True, False])), ["true", "false"]),
    (lambda: st.as_string(C([3.14159]), precision=2), ["3.14"]),
    (lambda: st.as_string(C([3.14159e10]), scientific=True), ["3.141590e+10"]),
    (lambda: st.as_string(C([3.14159e10, 0.5]), shortest=True), ["3.14159e+10", "0.5"]),
    (lambda: st.as_string(C([3, 44]), width=5, fill="0"), ["00003", "00044"]),
    (lambda: st.as_string(C([3.0, 44.0]), width=10, precision=1), ["       3.0", "      44.0"]),
    (lambda: st.reduce_join(C(SQUARE)), "abcd"),
    (lambda: st.reduce_join(C(SQUARE), 0), ["ac", "bd"]),
    (lambda: st.reduce_join(C(SQUARE), [0, 1], separator="."), "a.c.b.d"),
    (lambda: st.reduce_join(C(SQUARE), 1, keepdims=True, separator="+"), [["a+b"], ["c+d"]]),
    (lambda: v1.reduce_join(C(SQUARE), reduction_indices=0), ["ac", "bd"]),
    (lambda: st.unsorted_segment_join(C(["a", "b", "c", "d"]), [0, 2, 0, 1], 3, "-"), ["a-c", "d", "b"]),
    (lambda: st.format("x={}, y={}", (tf.range(1, 9), C(1.5))), "x=[1 2 3 ... 6 7 8], y=1.5"),
    (lambda: st.format("%t", C(["a", "b"]), "%t"), '["a" "b"]'),
    (lambda: st.format("{}", C("a")), '"a"'),
    (lambda: st.to_hash_bucket(C(TEXT), 100), [44, 99, 99, 56, 48]),
    (lambda: st.to_hash_bucket_fast(C(TEXT), 100), [71, 23, 63, 41, 85]),
    (lambda: st.to_hash_bucket_strong(C(TEXT), 100, [1, 2]), [62, 9, 35, 22, 91]),
    (lambda: v1.string_to_hash_bucket_fast(C(["a", "b"]), 10), [9, 2]),
    (lambda: io.encode_base64(C(["hello?>~", ""])), ["aGVsbG8_Pn4", ""]),
    (lambda: io.encode_base64(C(["hello"]), pad=True), ["aGVsbG8="]),
    (lambda: io.decode_base64(C(["aGVsbG8", "aGVsbG8="])), ["hello", "hello"]),
    (lambda: io.decode_raw(C(["abcd", "efgh"]), tf.uint8), np.uint8([[97, 98, 99, 100], [101, 102, 103, 104]])),
    (lambda: io.decode_raw(C("\x01\x00\x02\x00"), tf.int16), np.int16([1, 2])),
    (lambda: io.decode_raw(C("\x01\x00\x02\x00"), tf.int16, little_endian=False), np.int16([256, 512])),
    (
        lambda: io.decode_raw(C(["abc", "efghij"]), tf.uint8, fixed_length=4),
        np.uint8([[97, 98, 99, 0], [101, 102, 103, 104]]),
    ),
    (lambda: st.split(C(" a b  c ")), ["a", "b", "c"]),
    (lambda: st.split(C("a,b,,c"), ","), ["a", "b", "", "c"]),
    (lambda: st.split(C("a,b,,c"), ",", maxsplit=2), ["a", "b", ",c"]),
    (lambda: st.split(C("a b c d"), maxsplit=2), ["a", "b", "c d"]),
    (lambda: v1.string_split(C(["a b  c", "d", ""])).values, ["a", "b", "c", "d"]),
    (lambda: v1.string_split(C(["a,b;c", "d"]), ",;").indices, [[0, 0], [0, 1], [0, 2], [1, 0]]),
    (lambda: v1.string_split(C(["a,b,,c", "d"]), ",", skip_empty=False).dense_shape, [2, 4]),
    (lambda: v1.string_split(C(["abc", "d"]), "").values, ["a", "b", "c", "d"]),
    (lambda: v1.strings.split(C(["a b  c", "d"]), sep=" ").values, ["a", "b", "", "c", "d"]),
    (lambda: st.bytes_split(C("abc")), ["a", "b", "c"]),
    (lambda: st.unicode_decode(C("Ünï"), "UTF-8"), np.int32([220, 110, 239])),
    (lambda: st.unicode_decode_with_offsets(C("Ünï"), "UTF-8")[1], [0, 2, 3]),
    (lambda: st.unicode_split(C("Ünï"), "UTF-8"), ["Ü", "n", "ï"]),
    (lambda: st.unicode_encode(C([[72, 228], [73, 8364]]), "UTF-8"), ["Hä", "I€"]),
    (lambda: st.unicode_transcode(C(["Ün"]), "UTF-8", "UTF-16-BE"), [b"\x00\xdc\x00n"]),
    (lambda: st.ngrams(C(["a", "b", "c"]), 2), ["a b", "b c"]),
    (lambda: st.ngrams(C([["a", "b", "c"], ["d", "e", "f"]]), 2, separator="|"), [["a|b", "b|c"], ["d|e", "e|f"]]),
    (lambda: st.ngrams(C(["a", "b"]), 2, pad_values=("<", ">")), ["< a", "a b", "b >"]),
    (lambda: st.ngrams(C(["a", "b", "c"]), [1, 2]), ["a", "b", "c", "a b", "b c"]),
    (lambda: st.ngrams(C(["a", "b"]), 3, preserve_short_sequences=True), ["a b"]),
    (lambda: io.decode_csv(C(["1,2.5,x", '3,,"a,b"']), [[0], [1.5], ["q"]])[2], ["x", "a,b"]),
    (lambda: io.decode_csv(C(["1,2.5,x", '3,,"a,b"']), [[0], [1.5], ["q"]])[1], np.float32([2.5, 1.5])),
    (lambda: io.decode_csv(C(["1\tNA", "2\t3"]), [[0], [7.0]], field_delim="\t", na_value="NA")[1], np.float32([7, 3])),
    (lambda: io.decode_csv(C(["1,2,3"]), [[0], [0]], select_cols=[0, 2])[1], np.int32([3])),
    (lambda: tf.sets.intersection(C([[1, 2, 3], [4, 5, 5]]), C([[2, 9, 1], [5, 5, 4]])).values, np.int32([1, 2, 4, 5])),
    (lambda: tf.sets.union(C([[1, 2, 3], [4, 5, 5]]), C([[2, 9, 1], [5, 5, 4]])).dense_shape, [2, 4]),
    (
        lambda: tf.sparse.to_dense(tf.sets.difference(C([[1, 2, 3], [4, 5, 5]]), C([[2, 9, 9], [5, 5, 4]]))),
        np.int32([[1, 3], [0, 0]]),
    ),
    (lambda: tf.sets.difference(C([["a", "b"]]), C([["b", "c"]]), aminusb=False).values, ["c"]),
    (lambda: tf.sets.size(tf.sparse.from_dense(C([[1, 2, 0], [4, 0, 0]]))), np.int32([2, 1])),
]


def plain(value):
    """Nested lists with bytes for text, and the dtype where it matters."""
    value = np.asarray(value)
    if value.dtype.kind in "OSU":
        return (
            np.vectorize(lambda v: v if isinstance(v, bytes) else v.encode(), otypes=[object])(value).tolist()
            if value.size
            else []
        )
    return value.tolist()


@pytest.mark.parametrize("front", ["eager", "session", "function"])
@pytest.mark.parametrize("call, expected", CASES, ids=range(len(CASES)))
def test_values(call, expected, front):
    if front == "session":
        with tf.Graph().as_default(), v1.Session() as session:
            tensor = call()
            got = session.run(tensor)
            assert tensor.shape.is_compatible_with(np.shape(got))
    else:
        got = (tf.function(call) if front == "function" else call)().numpy()
    assert plain(got) == plain(expected)
    if isinstance(expected, np.ndarray):
        assert got.dtype == expected.dtype


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: st.join([["a", "x"], ["b", "c", "d"]]), Invalid, r"Input shapes do not match: \[2\] vs. \[3\]"),
        (lambda: st.substr(["hello"], 7, 3), Invalid, "pos 7 out of range for string b'hello' at index 0"),
        (lambda: st.to_number("abc"), Invalid, "StringToNumberOp could not correctly convert string: abc"),
        (lambda: st.to_number("1.5", tf.int32), Invalid, "StringToNumberOp could not correctly convert string: 1.5"),
        (lambda: st.regex_replace("a", "(", "b"), Invalid, r"Invalid pattern: \(, error: missing \): \("),
        (lambda: st.regex_replace("a", "\\pL", "b"), NotImplementedError, "Python's re"),
        (
            lambda: st.format("{} {}", tf.constant("a")),
            ValueError,
            "The template expects 2 tensors, but the inputs only has 1",
        ),
        (lambda: io.decode_raw(["abc", "efgh"], tf.uint8), Invalid, "same size, but element 1 has size 3 != 4"),
        (lambda: io.decode_raw("abc", tf.int16), Invalid, "length 3 that is not a multiple of 2, the size of int16"),
        (lambda: io.decode_csv(["1,2"], [[0]]), Invalid, "Expect 1 fields but have 2 in record 0"),
        (
            lambda: io.decode_csv(["1,"], [[0], tf.constant([], tf.float32)]),
            Invalid,
            "Field 1 is required but missing in record 0!",
        ),
        (lambda: io.decode_csv("x,2", [[0], [0]]), Invalid, "Field 0 in record 0 is not a valid int32: x"),
        (lambda: st.unicode_script([1]), NotImplementedError, "tf.strings.unicode_script"),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_hashes_of_every_length():
    """FarmHash takes another way for each range of lengths; the answers are TensorFlow's."""
    texts = ["y" * n for n in (0, 3, 7, 16, 17, 32, 33, 64, 65, 128, 129)]
    assert st.to_hash_bucket_fast(texts, 2**62 - 57).numpy().tolist() == HASHES


HASHES = [
    1936946117179621569,
    1194085547434019214,
    3980239577778708616,
    4369335550805202005,
    426471879119003573,
    2351315479247125896,
    3999049019338133303,
    4471793200125962424,
    4023130470993650382,
    202940260468529129,
    1914834069162296259,
]


# -- tables -----------------------------------
@pytest.fixture
def vocabulary(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("emerson\nlake\npalmer\n")
    return str(file)


def numbered_lines(file):
    index = tf.lookup.TextFileIndex
    return tf.lookup.TextFileInitializer(file, tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER)


def test_tables(vocabulary):
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2]), -1)
    assert (
        table.lookup(tf.constant(["a", "z", "b"])).numpy().tolist()
        == table[tf.constant(["a", "z", "b"])].numpy().tolist()
        == [1, -1, 2]
    )
    assert (
        table.size().numpy() == 2
        and sorted(table.export()[0].numpy()) == [b"a", b"b"]
        and table.value_dtype == tf.int32
    )
    assert tf.function(lambda x: table.lookup(x) * 2)(tf.constant(["b", "q"])).numpy().tolist() == [4, -2]
    assert table.lookup(tf.SparseTensor([[0, 1]], ["b"], [2, 2])).values.numpy().tolist() == [2]
    with pytest.raises(
        TypeError, match="Dtype of argument `keys` must be <dtype: 'string'>, received: <dtype: 'int32'>"
    ):
        table.lookup(tf.constant([1]))
    lines = tf.lookup.StaticHashTable(numbered_lines(vocabulary), -1)
    assert lines.lookup(tf.constant(["lake", "tarkus"])).numpy().tolist() == [1, -1]
    buckets = tf.lookup.StaticVocabularyTable(numbered_lines(vocabulary), 5)
    assert (
        buckets.lookup(tf.constant(["lake", "tarkus", "x", "yy"])).numpy().tolist() == BUCKETS
        and buckets.size().numpy() == 8
    )
    with pytest.raises(tf.errors.FailedPreconditionError, match="different value for same key"):
        tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "a"], [1, 2]), -1)
    with pytest.raises(tf.errors.NotFoundError):
        tf.lookup.StaticHashTable(numbered_lines(vocabulary + "x"), -1)


BUCKETS = [1, 7, 3, 5]


def test_mutable_table():
    table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    table.insert(tf.constant(["a", "b"]), tf.constant([5, 6], tf.int64))
    table.remove(tf.constant(["a"]))
    assert table.lookup(tf.constant(["a", "b"])).numpy().tolist() == [-1, 6] and table.size().numpy() == 1
    vectors = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, [0.0, 0.0])
    vectors.insert(tf.constant([3], tf.int64), [[1.0, 2.0]])
    assert vectors.lookup(tf.constant([[3], [4]], tf.int64)).numpy().tolist() == [[[1, 2]], [[0, 0]]]


def test_tables_in_sessions():
    with tf.Graph().as_default():
        table = v1.lookup.StaticHashTable(v1.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2]), -1)
        counts = v1.lookup.experimental.MutableHashTable(tf.string, tf.float32, -1.0)
        add = counts.insert(tf.constant(["k"]), [7.0])
        keys = v1.placeholder(tf.string, [None])
        found = table.lookup(keys)
        assert found.shape.as_list() == [None] and found.dtype == tf.int32
        for start in (v1.tables_initializer(), table.initializer):
            with v1.Session() as session:
                with pytest.raises(tf.errors.FailedPreconditionError, match="Table not initialized"):
                    session.run(found, {keys: ["a"]})
                session.run(start)
                assert session.run(found, {keys: ["a", "x"]}).tolist() == [1, -1]
                assert session.run(counts.size()) == 0
                session.run(add)
                assert session.run(counts.lookup(tf.constant(["k", "l"]))).tolist() == [7, -1]
