"""Text, parsing and sparse tensors, which run on the host.  (rows.py says how to read a row.)"""

# Rows stay rows:
# fmt: off

from rows import EVERY, at, f, i, on, row, s

T = dict(grad=False)
WORDS = s("Hello", "a b  c", "", "é1")
row("strings.lower strings.upper strings.strip strings.length io.encode_base64", on(WORDS), on(s([["a "], ["B"]])), on("x"), on(at([1, 2], "int32")),
    **T)
row("strings.length/unit", on(WORDS, "UTF8_CHAR"), on(WORDS, "BYTE"), on(WORDS, "CHAR"), call=lambda tf, x, u: tf.strings.length(x, u), **T)
row("v1:strings.length", on(WORDS), **T)
row("strings.join", on([s("a", "b"), s("c", "d")]), on([s("a", "b"), "x"], "-"), on(["a", "b"], separator=","), on([s("a", "b"), s("a", "b", "c")]),
    **T)
row("strings.substr", on(WORDS, 1, 2), on(s("hello", "world"), at([1, 2], "int32"), at([3, 2], "int32")), on(WORDS, -2, 1),
    on(s("héllo"), 1, 2, "UTF8_CHAR"), on(s("ab"), 3, 1), **T)
row("v1:strings.substr", on(s("hello"), 1, 2), **T)
row("strings.regex_replace", on(WORDS, "[a-c]", "X"), on(WORDS, "l", "L", False), on(WORDS, r"(\w)(\w)", r"\2\1"), on(WORDS, "(", "x"), **T)
row("strings.regex_full_match", on(WORDS, "[A-Za-z]+"), on(WORDS, ".*"), **T)
row("strings.to_number", on(s("1.5", "-2", "1e3")), on(s("7", "-3"), "int32"), on(s("x")), on(s("3"), "int64"), on(s("2.5"), "float64"),
    on(s("1.5"), "int32"), **T)
row("v1:string_to_number", on(s("1.5")), on(s("4"), "int32"), **T)
row("as_string", on(f(3)), on(f(3), 2), on(f(2), scientific=True), on(f(2), shortest=True), on(i(3), width=4, fill="0"), on(f(2), 3, False, False, 9),
    dtypes=EVERY, grad=False)
row("strings.reduce_join", on(s([["a", "b"], ["c", "d"]])), on(s([["a", "b"], ["c", "d"]]), 0),
    on(s([["a", "b"], ["c", "d"]]), axis=-1, keepdims=True, separator="-"), on(s([["a"], ["b"]]), [0, 1]), on(s("a", "b"), 3), **T)
row("v1:reduce_join", on(s([["a", "b"], ["c", "d"]]), 0), on(s([["a", "b"]]), reduction_indices=1), **T)
row("strings.unsorted_segment_join", on(s("a", "b", "c"), at([1, 0, 1], "int32"), 3), on(s("a", "b"), at([0, 0], "int32"), 1, ","), **T)
row("strings.format", on("{} and {}", [at([1, 2], "int32"), at(1.5)]), on("x {}", at([[1.0, 2.0], [3.0, 4.0]])), on("{}", s("a", "b")),
    on("none", []), **T)
row("strings.to_hash_bucket strings.to_hash_bucket_fast", on(WORDS, 10), on(WORDS, 1), on(WORDS, 0), **T)
row("v1:string_to_hash_bucket", on(WORDS, 10), **T)
row("strings.to_hash_bucket_strong", on(WORDS, 100, [1, 2]), **T)
row("strings.split", on(WORDS), on(s("a,b", "c"), ","), on(s("a,b,c"), ",", 1), on("x y"), **T)
row("v1:strings.split", on(WORDS), on(s("a,b"), ","), **T)
row("v1:string_split", on(WORDS), on(s("a,b"), ","), on(s("a,,b"), ",", False), **T)
row("strings.bytes_split", on(WORDS), on("abc"), **T)
row("strings.ngrams", on(s("a", "b", "c"), 2), on(s("a", "b", "c"), [1, 2], "-"), on(s("a", "b"), 2, " ", ("<", ">")), **T)
row("strings.unicode_decode", on(s("aé", "b"), "UTF-8"), on(s("a"), "UTF-16-BE"), **T)
row("strings.unicode_decode_with_offsets strings.unicode_split_with_offsets", on(s("aé", "b"), "UTF-8"), **T)
row("strings.unicode_split", on(s("aé", "b"), "UTF-8"), on("aé", "UTF-8"), **T)
row("strings.unicode_encode", on(at([97, 233], "int32"), "UTF-8"), on(at([[97, 98]], "int32"), "UTF-16-BE"), **T)
row("strings.unicode_transcode", on(s("aé"), "UTF-8", "UTF-16-BE"), on(s("a"), "UTF-8", "LATIN-9"), **T)
row("strings.unicode_script", on(at([97, 945, 1080], "int32")), **T)
row("io.decode_base64", on(s("YWI", "Yw")), on(s("!!")), **T)
row("io.decode_raw", on(s("abcd", "efgh"), "uint8"), on(s("abcd"), "int32"), on(s("abcd"), "int16", False), on(s("abc"), "int16"),
    on(s("ab", "a"), "uint8", fixed_length=4), **T)
row("v1:decode_raw", on(s("abcd"), "uint8"), on(bytes=s("abcd"), out_type="int32"), **T)
row("io.decode_csv", on(s("1,2.5,x", "3,,y"), [[0], [1.5], [""]]), on(s("1 2"), [[0], [0]], " "), on(s("1"), [[0], [0]]), call=lambda tf, r, d,
    *a: tf.io.decode_csv(r, d, *a), **T)
row("v1:decode_csv", on(s("1,2.5"), [[0], [1.5]]), on(s("1,NA"), [[0], [2.0]], ",", True, None, "NA"), **T)
row("io.serialize_tensor", on(f(2, 3)), on(s("a")), dtypes="float32 int64 bool", grad=False)
row("io.parse_tensor", on(f(2, 3)), on(s("a", "bc")), call=lambda tf, x: tf.io.parse_tensor(tf.io.serialize_tensor(x), x.dtype),
    dtypes="float32 int64 bool", grad=False)

# -- sparse tensors: the matrix [[0, a, 0, 0], [b, 0, 0, c]] of the values given, or a second one of other places --------------------------
SP = lambda tf, v: tf.SparseTensor(tf.constant([[0, 1], [1, 0], [1, 3]], "int64"), v, [2, 4])
SQ = lambda tf, v: tf.SparseTensor(tf.constant([[0, 1], [1, 2]], "int64"), v, [2, 4])
V, W = f(3), f(2)


def sparse(name, *forms, **options):
    """A row whose function takes the table's tensors as the values of SP (and SQ, where it wants a second)."""
    row(name, *forms, **options)


sparse("sparse.to_dense", on(V), on(V, 9.0), call=lambda tf, v, *a: tf.sparse.to_dense(SP(tf, v), *a), dtypes="float32 int32 bool string complex64")
sparse("sparse.from_dense", on(at([[0, 1, 0], [2, 0, 3]])), on(f(0, 2)), dtypes="float32 int32 string bool", grad=False)
sparse("sparse.add", on(V, W), call=lambda tf, v, w: tf.sparse.add(SP(tf, v), SQ(tf, w)), dtypes="float32 float64 int32")
sparse("sparse.add/dense", on(V, f(2, 4)), call=lambda tf, v, d: tf.sparse.add(SP(tf, v), d), dtypes="float32 int32")
sparse("v1:sparse.add", on(V, W), call=lambda tf, v, w: tf.compat.v1.sparse.add(SP(tf, v), SQ(tf, w)))
sparse("sparse.concat", on(V, W, 0), on(V, W, 1), on(V, W, -1), call=lambda tf, v, w, a: tf.sparse.concat(a, [SP(tf, v), SQ(tf, w)]),
    dtypes="float32 string", grad=False)
sparse("v1:sparse.concat", on(V, W, 0), call=lambda tf, v, w, a: tf.compat.v1.sparse.concat(a, [SP(tf, v), SQ(tf, w)]), grad=False)
sparse("sparse.expand_dims", on(V, 0), on(V, -1), call=lambda tf, v, a: tf.sparse.expand_dims(SP(tf, v), a), grad=False)
sparse("sparse.fill_empty_rows", on(V), call=lambda tf, v: tf.sparse.fill_empty_rows(tf.SparseTensor([[0, 1], [2, 0], [2, 3]], v, [4, 4]), v[0]))
sparse("sparse.mask", on(f(3, 2)), call=lambda tf, v: tf.sparse.mask(tf.IndexedSlices(v, tf.constant([1, 4, 5])), [4]), grad=False)
sparse("sparse.maximum", on(V, W), call=lambda tf, v, w: tf.sparse.maximum(SP(tf, v), SQ(tf, w)))
sparse("sparse.minimum", on(V, W), call=lambda tf, v, w: tf.sparse.minimum(SP(tf, v), SQ(tf, w)))
sparse("sparse.reorder", on(V), call=lambda tf, v: tf.sparse.reorder(tf.SparseTensor([[1, 0], [0, 1], [1, 3]], v, [2, 4])))
sparse("sparse.reset_shape", on(V), on(V, [3, 5]), on(V, [1, 1]), call=lambda tf, v, *a: tf.sparse.reset_shape(SP(tf, v), *a), grad=False)
sparse("sparse.reshape", on(V, [4, 2]), on(V, [-1]), on(V, [3, 3]), call=lambda tf, v, shape: tf.sparse.reshape(SP(tf, v), shape), grad=False)
sparse("sparse.retain", on(V, [True, False, True]), call=lambda tf, v, keep: tf.sparse.retain(SP(tf, v), keep), grad=False)
sparse("sparse.slice", on(V, [0, 0], [2, 2]), on(V, [1, 1], [1, 9]), call=lambda tf, v, *a: tf.sparse.slice(SP(tf, v), *a))
sparse("sparse.split", on(V, 2, 1), call=lambda tf, v, n, a: tf.sparse.split(SP(tf, v), n, a), grad=False)
sparse("v1:sparse.split", on(V, 2, 1), call=lambda tf, v, n, a: tf.compat.v1.sparse.split(sp_input=SP(tf, v), num_split=n, axis=a), grad=False)
sparse("sparse.transpose", on(V), on(V, [1, 0]), call=lambda tf, v, *a: tf.sparse.transpose(SP(tf, v), *a))
sparse("sparse.reduce_sum", on(V), on(V, 1), on(V, 0, True), call=lambda tf, v, *a: tf.sparse.reduce_sum(SP(tf, v), *a))
sparse("sparse.reduce_max", on(V), on(V, 1), on(V, -1, True), call=lambda tf, v, *a: tf.sparse.reduce_max(SP(tf, v), *a), grad=False)
sparse("v1:sparse.reduce_sum", on(V, 1), call=lambda tf, v, a: tf.compat.v1.sparse.reduce_sum(SP(tf, v), a))
sparse("v1:sparse.reduce_max", on(V, 1), call=lambda tf, v, a: tf.compat.v1.sparse.reduce_max(SP(tf, v), a), grad=False)
sparse("v1:sparse.reduce_sum_sparse", on(V, 1), call=lambda tf, v, a: tf.compat.v1.sparse.reduce_sum_sparse(SP(tf, v), a), grad=False)
sparse("v1:sparse.reduce_max_sparse", on(V, 1), call=lambda tf, v, a: tf.compat.v1.sparse.reduce_max_sparse(SP(tf, v), a), grad=False)
sparse("sparse.softmax", on(V), call=lambda tf, v: tf.sparse.softmax(SP(tf, v)))
sparse("sparse.map_values", on(V), call=lambda tf, v: tf.sparse.map_values(tf.abs, SP(tf, v)))
sparse("sparse.to_indicator", on(at([1, 0, 2], "int64")), call=lambda tf, v: tf.sparse.to_indicator(SP(tf, v), 4))
sparse("sparse.cross", on(), call=lambda tf: tf.sparse.cross([tf.constant([["a", "b"]]), tf.constant([["c"]])]), grad=False)
sparse("v1:sparse.merge", on(at([1, 0, 2], "int64"), V), call=lambda tf, i, v: tf.compat.v1.sparse.merge(SP(tf, i), SP(tf, v), 5))
sparse("sparse.sampled_addmm", on(V, f(2, 3), f(3, 4), [2, 4]), on(V, f(2, 3), f(3, 4), [2, 3]), slope="float32", call=lambda tf, v, x, y, shape:
    tf.sparse.sampled_addmm([[0, 1], [1, 0], [1, 3]], v, shape, x, y, beta=0.5, alpha=2.0)[1])
sparse("sparse.sparse_dense_matmul", on(V, f(4, 2)), on(V, f(2, 3), True), on(V, f(3, 4), False, True), call=lambda tf, v, d, ta=False,
    wrong=False: tf.sparse.sparse_dense_matmul(SP(tf, v), d, adjoint_a=ta), dtypes="float32 float64 int32")
sparse("sparse.eye", on(2, 3), on(3), grad=False)
sparse("v1:sparse_to_dense", on(at([1, 3], "int64"), [5], f(2)), on(at([[0, 1]], "int32"), [2, 2], 1.5, 9.0), on(at([3, 1], "int64"), [5], f(2)),
    on(at([7], "int64"), [5], f(1)))
sparse("v1:sparse.placeholder", on(), call=lambda tf: tf.compat.v1.sparse.placeholder("float32", [2, 3]).dense_shape, grad=False)
row("fingerprint", on(s("a", "bc")), on(f(2, 3)), dtypes="float32 uint8", grad=False)
