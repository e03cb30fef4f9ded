"""Control flow, checks, Python in graphs, tables, nests and TensorArrays.  (rows.py says how to read a row.)"""

# Rows stay rows:
# fmt: off

from rows import at, b, f, i, on, row, s

N = dict(grad=False)
# -- branches and loops -----------------------------------------------------------------------------------------------
row("cond", on(f(3), True), on(f(3), False), call=lambda tf, x, yes: tf.cond(tf.constant(yes), lambda: x * 2.0, lambda: x + 1.0),
    dtypes="float32 float64")
row("cond/of-data", on(f(3)), call=lambda tf, x: tf.cond(tf.reduce_sum(x) > 0.0, lambda: (x, -x), lambda: (x * 3.0, x)))
row("v1:cond", on(f(3)), call=lambda tf, x: tf.compat.v1.cond(tf.reduce_sum(x) > 0.0, lambda: x, lambda: x * 3.0))
row("case", on(f(3), 1.0), on(f(3), 9.0), call=lambda tf, x, n: tf.case([(n < 0.5, lambda: x), (n < 2.0, lambda: x * x)], default=lambda: -x))
row("switch_case", on(at(1, "int32"), f(2)), on(at(7, "int32"), f(2)), call=lambda tf, n,
    x: tf.switch_case(n, {0: lambda: x, 1: lambda: x * x}, default=lambda: -x))
row("while_loop", on(f(3)), call=lambda tf, x: tf.while_loop(lambda n, v: n < 3, lambda n, v: (n + 1, v * x), (0, x)), dtypes="float32 float64")
row("while_loop/of-data", on(f(3, low=1.1)), call=lambda tf, x: tf.while_loop(lambda v: tf.reduce_sum(v) < 20.0, lambda v: (v * x,), (x,)))
row("while_loop/at-most", on(f(3)), call=lambda tf, x: tf.while_loop(lambda v: True, lambda v: (v * x,), (x,), maximum_iterations=2))
row("v1:while_loop", on(f(3)), call=lambda tf, x: tf.compat.v1.while_loop(lambda n, v: n < 2, lambda n, v: (n + 1, v * x), [0, x]))
row("map_fn", on(f(3, 2)), on(f(0, 2)), call=lambda tf, x: tf.map_fn(lambda v: v * v, x))
row("vectorized_map", on(f(3, 2)), call=lambda tf, x: tf.vectorized_map(lambda v: tf.reduce_sum(v * v), x))
row("scan", on(f(4)), on(f(3, 2)), call=lambda tf, x: tf.scan(lambda a, v: a * 0.5 + v, x))
row("scan/reverse", on(f(3, 2)), call=lambda tf, x: tf.scan(lambda a, v: a * 0.5 + v, x, initializer=x[0], reverse=True))
row("foldl", on(f(4)), call=lambda tf, x: tf.foldl(lambda a, v: a * 0.5 + v, x))
row("foldr", on(f(4)), call=lambda tf, x: tf.foldr(lambda a, v: a * 0.5 + v, x))
row("group no_op", on(), call=lambda tf: tf.group(), **N)
row("tuple", on([f(2), f(3)]), on(f(2)))
row("v1:tuple", on([f(2), f(3)]))
# Read once, an element is gone eagerly and stays in graphs, unless clear_after_read says otherwise.
row("TensorArray", on(f(3, 2)), slope="float32", call=lambda tf, x: (a := tf.TensorArray("float32", 3, clear_after_read=False).unstack(x)).write(
    1, a.read(0) * 2.0).stack())
row("TensorArray/concat", on(f(3, 2)), slope="float32", call=lambda tf, x: [(a := tf.TensorArray("float32", 3, clear_after_read=False).unstack(x)
    ).concat(), a.gather([2, 0])])
row("TensorArray/split", on(f(4)), slope="float32", call=lambda tf, x: tf.TensorArray("float32", 2).split(x, [2, 2]).read(1))
# Pieces of different lengths: eagerly only.
row("TensorArray/split-uneven", on(f(5)), slope="eagerly only", shapes=False, call=lambda tf, x: tf.TensorArray("float32", 2, infer_shape=False).split(
    x, [2, 3]).read(1))

# -- checks -----------------------------------------------------------------------------------------------------------
SAME = [on(f(3), f(3)), on(at([1.0, 2.0]), at([1.0, 2.0])), on([1, 2], [1, 3], message="said"), on(at([1, 2], "int32"), at([1.0, 2.0])),
    on(f(0), f(0))]
row("assert_equal debugging.assert_none_equal assert_greater assert_less debugging.assert_greater_equal debugging.assert_less_equal", *SAME, **N)
row("debugging.assert_near", on(f(2), f(2)), on(at([1.0]), at([1.0000001])), on(at([1.0]), at([1.1]), 0.5), **N)
row("v1:assert_equal v1:assert_greater v1:assert_less v1:assert_greater_equal v1:assert_less_equal v1:assert_none_equal v1:assert_near", *SAME[:2],
    on([1.0], [2.0], [3.0], 2, "said"), **N)
row("debugging.assert_positive debugging.assert_negative debugging.assert_non_negative debugging.assert_non_positive", on(at([1.0, 2.0])),
    on(at([-1.0])), on(at([0.0])), on(f(0)), **N)
row("v1:assert_positive v1:assert_negative v1:assert_non_negative v1:assert_non_positive", on(at([1.0, 2.0])), on(at([-1.0])), on(at([0.0])), **N)
row("assert_rank debugging.assert_rank_at_least v1:assert_rank v1:assert_rank_at_least", on(f(2, 3), 2), on(f(2, 3), 3), on(f(2, 3), 1),
    on(f(2), at(1, "int32")), on(f(2), [1]), **N)
row("debugging.assert_rank_in v1:assert_rank_in", on(f(2, 3), [1, 2]), on(f(2, 3), [3]), **N)
row("debugging.assert_scalar v1:assert_scalar", on(f()), on(f(2)), on(1.0), **N)
row("debugging.assert_integer", on(i(2)), on(f(2)), **N)
row("v1:assert_integer", on(i(2)), on(f(2)), **N)
row("debugging.assert_type v1:assert_type", on(f(2), "float32"), on(f(2), "int32"), **N)
row("debugging.assert_shapes", on([(f(2, 3), ("N", 3))]), on([(f(2, 3), ("N", 3)), (f(3), ("N",))]), on([(f(2), (2, 3))]), **N)
row("debugging.assert_same_float_dtype", on([f(2), f(3)]), on([f(2), i(2)]), shapes=False, call=lambda tf,
    xs: tf.debugging.assert_same_float_dtype(xs).name, **N)
row("debugging.assert_proper_iterable", on([1, 2]), on(5), shapes=False, **N)
row("debugging.is_numeric_tensor is_tensor", on(f(2)), on(s("a")), on([1]), shapes=False, **N)
row("debugging.assert_all_finite debugging.check_numerics", on(f(3), "said"), on(at([1.0, float("nan")]), "said"), on(at([float("inf")]), "said"),
    on(i(3), "said"), dtypes="float32 float64 float16")
row("v1:debugging.assert_all_finite", on(f(3), "said"), on(at([float("nan")]), "said"))
row("debugging.Assert", on(True, [f(2)]), on(False, [f(2)]), on(b(2), ["x"]), **N)
row("v1:Print", on(f(2), ["said"]), call=lambda tf, x, data: tf.compat.v1.Print(x, data, first_n=0))

# -- Python -----------------------------------------------------------------------------------------------------------
row("py_function", on(f(3)), slope="float32", call=lambda tf, x: tf.py_function(lambda v: v * v, [x], "float32"))
row("numpy_function", on(f(3)), on(f(0)), call=lambda tf, x: tf.numpy_function(lambda v: v * v, [x], "float32"), grad=False)
row("v1:py_func", on(f(3)), call=lambda tf, x: tf.compat.v1.py_func(lambda v: (v * v).astype("f"), [x], tf.float32), grad=False)
row("print", on(), call=lambda tf: None, shapes=False, **N)

# -- gradients as functions -------------------------------------------------------------------------------------------
row("custom_gradient", on(f(3)), call=lambda tf, x: tf.custom_gradient(lambda v: (v * v, lambda g: g * 7.0))(x), slope="a gradient of its own")
row("recompute_grad", on(f(3)), call=lambda tf, x: tf.recompute_grad(lambda v: tf.exp(v) * v)(x))

# -- tables -----------------------------------------------------------------------------------------------------------
_T = lambda tf: tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant(["a", "b"]), tf.constant([1, 2], "int64")), -1)
row("lookup.StaticHashTable", on(s("a", "b", "c")), call=lambda tf, k: [_T(tf).lookup(k), _T(tf).size()], shapes=False, **N)
row("lookup.StaticVocabularyTable", on(s("a", "b", "c")), call=lambda tf,
    k: tf.lookup.StaticVocabularyTable(tf.lookup.KeyValueTensorInitializer(tf.constant(["a", "b"]), tf.constant([0, 1], "int64")), 3).lookup(k),
    shapes=False, **N)


def _mutable(tf, keys):
    table = tf.lookup.experimental.MutableHashTable("string", "int64", -1)
    table.insert(tf.constant(["a", "b"]), tf.constant([1, 2], "int64"))
    table.remove(tf.constant(["b"]))
    return [table.lookup(keys), table.size()]


row("lookup.experimental.MutableHashTable", on(s("a", "b", "c")), call=_mutable, shapes=False, **N)


def _dense(tf, keys):
    table = tf.lookup.experimental.DenseHashTable("int64", "float32", -1.0, empty_key=-1, deleted_key=-2)
    table.insert(tf.constant([3, 5], "int64"), tf.constant([1.0, 2.0]))
    return [table.lookup(keys), table.size()]


row("lookup.experimental.DenseHashTable", on(at([3, 4, 5], "int64")), call=_dense, shapes=False, **N)

# -- nests ------------------------------------------------------------------------------------------------------------
row("nest.flatten", on([1, [2, (3,)]]), shapes=False, **N)
row("nest.map_structure", on([f(2), [f(3)]]), call=lambda tf, x: tf.nest.map_structure(tf.abs, x))
row("nest.pack_sequence_as", on([1, [2]], [3, 4]), on([1, [2]], [3]), shapes=False, **N)
row("nest.is_nested", on([1]), on(1), shapes=False, **N)
row("nest.assert_same_structure", on([1, 2], [3, 4]), on([1, 2], [3]), on([1], (1,)), shapes=False, **N)
