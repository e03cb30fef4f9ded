"""Shapes, slices, gathering and making tensors.  (rows.py says how to read a row.)"""

# Rows stay rows:
# fmt: off

import numpy as np
from rows import MOVED, NUMBERS, REALS, at, c, f, i, on, row

# -- shapes -----------------------------------------------------------------------------------------------------------
row("reshape", on(f(2, 3), [3, 2]), on(f(2, 3), [-1]), on(f(2, 3), [3, -1]), on(f(6), at([2, 3], "int32")), on(f(0, 3), [0, -1]), on(f(1), []),
    on(f(), [1, 1]), on(f(2, 3), [4]), on(f(2, 3), [-1, -1]), on(f(2, 3), [4, -1]), on(f(2, 3), [-2, 3]), on(f(0, 3), [-1, 0]), on([1, 2], [2, 1]),
    dtypes=MOVED)
row("expand_dims", on(f(2, 3), 0), on(f(2, 3), -1), on(f(2, 3), axis=2), on(f(), 0), on(f(2, 3), 3), on(f(2, 3), -4), on(f(0), axis=1), dtypes=MOVED)
row("v1:expand_dims", on(f(2, 3), 0), on(f(2, 3), dim=1), on(f(2, 3)), on(f(2), axis=0, dim=0))
row("squeeze", on(f(1, 3, 1)), on(f(1, 3, 1), [0]), on(f(1, 3, 1), axis=-1), on(f(2, 3)), on(f(1, 3), [1]), on(f(1, 1)), on(f(1, 3), 5), on(f(1, 0)),
    dtypes=MOVED)
row("v1:squeeze", on(f(1, 3, 1)), on(f(1, 3, 1), squeeze_dims=[0]), on(f(1, 3, 1), axis=[2]))
row("shape", on(f(2, 3)), on(f()), on(f(0, 2)), on([1, 2]), on(f(2, 3), out_type="int64"), dtypes=MOVED)
row("v1:shape", on(f(2, 3)), on(f(2, 3), out_type="int64"), on(f(2, 3), "s", False))
row("size rank", on(f(2, 3)), on(f()), on(f(0, 2)), on([[1, 2]]), dtypes=MOVED)
row("v1:size", on(f(2, 3)), on(f(2, 3), None, "int64"))
row("transpose", on(f(2, 3)), on(f(2, 3, 4), [2, 0, 1]), on(f(2, 3, 4)), on(f(3)), on(f()), on(f(0, 2), [1, 0]), on(f(2, 3), [0, 0]),
    on(f(2, 3), [0]), on(f(2, 3), perm=[-1, 0]), on(c(2, 3), conjugate=True), dtypes=MOVED)
row("v1:transpose", on(f(2, 3)), on(f(2, 3, 4), [0, 2, 1]), on(c(2, 2), None, "t", True))
row("broadcast_to", on(f(3), [2, 3]), on(f(), [2, 2]), on(f(2, 1), [2, 4]), on(f(1, 3), [0, 3]), on(f(2, 3), [3]), on(f(2), [3]),
    on(f(2, 1), at([4, 2, 3], "int32")), dtypes=MOVED)
row("broadcast_dynamic_shape", on(at([2, 1], "int32"), at([3], "int32")), on(at([2], "int32"), at([3], "int32")), on([1, 2], [3, 1, 1]), grad=False)
row("broadcast_static_shape", on([2, 1], [3]), on([2], [3]), call=lambda tf, x, y: tf.broadcast_static_shape(tf.TensorShape(x), tf.TensorShape(y)),
    grad=False, shapes=False)
row("ensure_shape", on(f(2, 3), [2, None]), on(f(2, 3), [2, 4]), on(f(2, 3), [None]), on(f(2, 3), None), on(f(0, 3), [None, 3]), dtypes=MOVED)
row("bitcast", on(f(2, 4), "int32"), on(f(2, 4), "uint8"), on(i(2, 4, dtype="uint8"), "float32"), on(i(2, 3, dtype="uint8"), "float32"),
    on(f(0), "int32"), on(f(2), "complex64"), dtypes=REALS + " complex64")
row("get_static_value", on(at([1, 2])), on([3.0]), dtypes="int32 float32", grad=False, shapes=False)

# -- putting together and taking apart --------------------------------------------------------------------------------
row("concat", on([f(2, 3), f(1, 3)], 0), on([f(2, 3), f(2, 1)], axis=-1), on([f(3)], 0), on([f(2, 3), f(2, 3)], 2), on([f(2, 3), f(1, 2)], 0),
    on([f(0, 3), f(2, 3)], 0), on([f(), f()], 0), on([f(2), f(2, dtype="float64")], 0), on([f(2, 2), [[1.0, 2.0]]], 0), on([f(2), f(2, 1)], 0),
    on(f(2, 3), 0), on([], 0), dtypes=MOVED)
row("v1:concat", on([f(2), f(3)], 0), on(values=[f(1, 2), f(1, 2)], axis=1))
row("stack", on([f(2, 3), f(2, 3)]), on([f(2, 3), f(2, 3)], axis=-1), on([f(2), f(2)], 1), on([f(), f(), f()]), on([f(2), f(3)]), on([f(2), f(2)], 3),
    on([f(2), f(2)], -3), on([1, 2, 3]), on([]), on([f(0), f(0)]), dtypes=MOVED)
row("parallel_stack", on([f(2, 3), f(2, 3)]), on([f(2), f(3)]), on([1, 2]))
row("unstack", on(f(3, 2)), on(f(2, 3), axis=1), on(f(2, 3), -1), on(f(2, 3), num=2), on(f(2, 3), num=3), on(f(2), 1), on(f(0, 2)), on(f()),
    dtypes=MOVED)
row("split", on(f(4, 2), 2), on(f(5, 2), [2, 3]), on(f(2, 6), 3, axis=1), on(f(5), [2, -1]), on(f(5), 2), on(f(5), [2, 2]), on(f(2, 6), 2, -1),
    on(f(4), 1), on(f(4), 0), on(f(4, 2), 2, 2), on(f(0, 2), 1), dtypes=MOVED)
row("v1:split", on(f(4, 2), 2), on(value=f(2, 4), num_or_size_splits=2, axis=1), on(f(5), [4, 1]))
row("tile", on(f(2, 3), [2, 1]), on(f(3), [2]), on(f(2, 3), [0, 1]), on(f(2, 3), [2]), on(f(), []), on(f(1, 2), [3, 2]), on(f(2), [-1]), dtypes=MOVED)
row("repeat", on(f(3), 2), on(f(2, 3), [1, 2], axis=0), on(f(2, 3), 2), on(f(2, 3), repeats=[1, 0, 2], axis=1), on(f(2, 3), [1, 2, 3], axis=0),
    on(f(2, 3), 0, axis=0), on(f(2), 3, axis=-1), dtypes=MOVED)
row("pad", on(f(2, 3), [[1, 0], [0, 2]]), on(f(3), [[1, 1]], constant_values=5.0), on(f(3), [[1, 2]], "REFLECT"),
    on(f(2, 3), [[1, 1], [2, 2]], mode="symmetric"), on(f(2), [[2, 2]], "REFLECT"), on(f(2), [[-1, 0]]), on(f(2), [[1, 1], [0, 0]]),
    on(f(), np.zeros((0, 2), int).tolist()), on(f(0, 2), [[1, 1], [0, 0]]), on(f(2), [[1, 1]], "WRAP"), dtypes=MOVED)
row("v1:pad", on(f(2), [[1, 1]]), on(f(3), [[1, 1]], "SYMMETRIC"), on(tensor=f(2), paddings=[[0, 1]], constant_values=1.0))
row("reverse", on(f(2, 3), [0]), on(f(2, 3), [0, -1]), on(f(2, 3), []), on(f(2, 3), [2]), on(f(2, 3), [0, 0]), on(f(0, 2), [0]),
    on(f(2, 3), axis=at([1], "int32")), dtypes=MOVED)
row("reverse_sequence", on(f(2, 4), at([2, 3], "int32"), seq_axis=1), on(f(4, 2, 1), at([2, 4], "int64"), seq_axis=0, batch_axis=1),
    on(f(2, 3), at([4, 1], "int32"), seq_axis=1), on(f(2, 3), at([1, 2, 3], "int32"), seq_axis=1), dtypes="float32 int32 string")
row("v1:reverse_sequence", on(f(2, 4), at([2, 3], "int32"), 1, 0), on(f(2, 4), at([2, 3], "int32"), seq_dim=1, batch_dim=0))
row("roll", on(f(5), 2, 0), on(f(2, 3), [1, -1], [0, 1]), on(f(2, 3), -4, 1), on(f(2, 3), 1, 2), on(f(2, 3), [1, 1], [0, 0]), on(f(0), 1, 0),
    on(f(), 1, 0), dtypes=MOVED)
row("meshgrid", on(f(2), f(3)), on(f(2), f(3), indexing="ij"), on(f(2)), on(f(2), f(1), f(3)), on(f(2), f(3), indexing="xx"), on(f(0), f(2)),
    dtypes=NUMBERS)

# -- slices -----------------------------------------------------------------------------------------------------------
row("slice", on(f(3, 4), [1, 0], [2, 2]), on(f(3, 4), [0, 1], [-1, -1]), on(f(3), [1], [0]), on(f(3), [1], [3]), on(f(3), [-1], [1]),
    on(f(3, 4), [0], [1]), on(f(3, 4), at([1, 1], "int32"), at([1, 2], "int32")), on(f(0, 2), [0, 0], [-1, 1]), dtypes=MOVED)
row("strided_slice", on(f(5), [1], [4]), on(f(5), [4], [0], [-2]), on(f(3, 4), [0, 1], [3, 4], [2, 1]),
    on(f(3, 4), [1], [2], [1], shrink_axis_mask=1), on(f(3, 4), [0, 0], [0, 0], begin_mask=3, end_mask=3), on(f(3), [0], [3], [0]),
    on(f(2, 3, 4), [0, 1], [1, 2], [1, 1], ellipsis_mask=1), on(f(3), [0], [1], [1], new_axis_mask=1), on(f(3), [5], [9]),
    on(f(3), [4], [5], [1], shrink_axis_mask=1), on(f(3), [0, 0], [1, 1]), dtypes=MOVED)
INDEX = {
    "first": lambda x: x[0],
    "last": lambda x: x[-1],
    "tail": lambda x: x[1:],
    "backwards": lambda x: x[::-1],
    "steps": lambda x: x[:, 1::2],
    "ellipsis": lambda x: x[..., 0],
    "new-axis": lambda x: x[:, None],
    "both": lambda x: x[1, 2],
    "empty": lambda x: x[2:2],
    "beyond": lambda x: x[5],
    "too-many": lambda x: x[0, 0, 0],
    "float": lambda x: x[1.0],
    "list": lambda x: x[[0, 1]],
}
for _name, _index in INDEX.items():
    row(f"Tensor.__getitem__/{_name}", on(f(3, 4)), dtypes="float32 string" if _name == "tail" else "float32", call=lambda tf, x, g=_index: g(x))
row("boolean_mask", on(f(4, 2), at([True, False, True, True], "bool")), on(f(2, 3), at([[True, False, True], [False, False, True]], "bool")),
    on(f(3), at([False] * 3, "bool")), on(f(2, 3), at([True, False, True], "bool"), axis=1), on(f(3), at([True, False], "bool")),
    on(f(3), at([1, 0, 1], "int32")), on(f(0), at([], "bool")), on(f(3), [True, False, True]), dtypes=MOVED)
row("v1:boolean_mask", on(f(4), at([True, False, True, True], "bool")), on(f(2, 3), [True, False, True], "m", 1))

# -- gather and scatter -----------------------------------------------------------------------------------------------
row("gather", on(f(4, 3), at([0, 2, 2], "int32")), on(f(4, 3), at([[1], [0]], "int64"), axis=1),
    on(f(2, 3, 2), at([[0, 2], [1, 1]], "int32"), batch_dims=1), on(f(2, 3, 2), at([[0, 2], [1, 1]], "int32"), axis=2, batch_dims=1), on(f(4, 3), 1),
    on(f(4, 3), at([4], "int32")), on(f(4, 3), at([-1], "int32")), on(f(4, 3), at([], "int32")), on(f(4, 3), [0, 1], axis=-1),
    on(f(4, 3), [0], axis=2), on(f(), [0]), on(f(0, 2), at([], "int32")), on(f(2, 2), f(2, low=0.0, high=1.0)), dtypes=MOVED)
row("v1:gather", on(f(4, 3), at([0, 2], "int32")), on(f(4, 3), at([0, 2], "int32"), None, "g", 1))
row("v1:batch_gather", on(f(2, 3), at([[0, 2], [1, 1]], "int32")), on(f(2, 3, 2), at([[0, 2], [1, 1]], "int32")))
row("gather_nd", on(f(3, 4), at([[0, 1], [2, 3]], "int32")), on(f(3, 4), at([[1], [0]], "int64")),
    on(f(2, 3, 2), at([[[1]], [[0]]], "int32"), batch_dims=1), on(f(3), at([], "int32")), on(f(3, 4), at([[3, 0]], "int32")),
    on(f(3), at([[0, 0]], "int32")), dtypes=MOVED)
row("v1:gather_nd", on(f(3, 4), at([[0, 1]], "int32")), on(f(2, 3), at([[1], [0]], "int32"), None, 1))
row("scatter_nd", on(at([[1], [3]], "int32"), f(2), [5]), on(at([[0, 1], [0, 1]], "int32"), f(2), [2, 3]),
    on(at([[2]], "int64"), f(1, 2), at([3, 2], "int64")), on(at([[5]], "int32"), f(1), [4]), on(at([[0]], "int32"), f(2), [4]), dtypes=MOVED)
SCATTER = [on(f(4), at([[1], [3]], "int32"), f(2)), on(f(2, 3), at([[0, 1], [1, 2]], "int32"), f(2)), on(f(3, 2), at([[2], [0]], "int64"), f(2, 2)),
    on(f(3), at([[1], [1]], "int32"), f(2)), on(f(3), at([[3]], "int32"), f(1)), on(f(3), at([[0]], "int32"), f(2)),
    on(f(3), at([[0]], "int32"), f(1, dtype="float64"))]
row("tensor_scatter_nd_add tensor_scatter_nd_sub tensor_scatter_nd_max tensor_scatter_nd_min", *SCATTER, dtypes=NUMBERS)
row("tensor_scatter_nd_update", *(SCATTER[:3] + SCATTER[4:]), dtypes=MOVED)
row("dynamic_partition", on(f(5), at([0, 1, 0, 2, 1], "int32"), 3), on(f(3, 2), at([1, 1, 0], "int32"), num_partitions=2),
    on(f(2, 2), at([[0, 1], [1, 0]], "int32"), 2), on(f(2), at([0, 3], "int32"), 2), on(f(0), at([], "int32"), 2), dtypes=MOVED)
row("dynamic_stitch", on([at([0, 2], "int32"), at([1], "int32")], [f(2, 2), f(1, 2)]),
    on([at(0, "int32"), at([1, 2], "int32")], [f(), f(2)]), on([at([0, 0], "int32")], [f(2)]), dtypes="float32 int32 string")

# -- uniqueness and sets ----------------------------------------------------------------------------------------------
row("unique unique_with_counts", on(at([3, 1, 3, 2, 1])), on(at([])), on(at([1, 1]), "int64"), on(f(2, 2)), dtypes=MOVED, grad=False)
row("v1:setdiff1d", on(at([1, 2, 3, 4]), at([2, 4])), on(at([]), at([1])), on(at([1, 2]), at([3]), "int64"), dtypes=REALS + " string", grad=False)
row("sets.intersection sets.union", on(at([[1, 2, 3]]), at([[2, 3, 9]])), on(at([[1, 2], [3, 4]]), at([[2, 5], [3, 3]])), dtypes="int32 int64 string",
    grad=False)
row("sets.difference", on(at([[1, 2, 3]]), at([[2, 3, 9]])), on(at([[1, 2, 3]]), at([[2, 3, 9]]), aminusb=False), dtypes="int32 string", grad=False)
row("sets.size", on(at([[1, 2, 2]])), call=lambda tf, x: tf.sets.size(tf.sets.union(x, x)), dtypes="int32", grad=False)

# -- making tensors ---------------------------------------------------------------------------------------------------
row("zeros ones", on([2, 3]), on([]), on([0, 2], "int32"), on(3), on(at([2, 2], "int32"), "bool"), on([2], "string"), on([-1]), on(f(2)), grad=False)
row("zeros_like ones_like v1:zeros_like v1:ones_like", on(f(2, 3)), on(f(0)), on(f(2), dtype="int32"), on([1, 2]), dtypes=MOVED)
row("fill", on([2, 3], f()), on([], f()), on([0], 1), on([2], "a"), on(at([2], "int64"), True), on([2], [1, 2]), on([-1], 1), dtypes=MOVED)
row("range", on(5), on(1, 7, 2), on(3, 0, -1), on(0.0, 1.0, 0.25), on(3, 0), on(at(0, "int64"), 5), on(2, dtype="float32"), on(0, 5, 0),
    on(start=1, limit=3), on(f(2)), on(1.5, 4), grad=False)
row("linspace", on(0.0, 1.0, 5), on(f(), f(), 3), on(f(2), f(2), 4), on(f(2), f(2), 4, axis=-1), on(1.0, 2.0, 1), on(1.0, 2.0, 0), on(0, 10, 3),
    dtypes="float32 float64 int32")
row("one_hot", on(at([0, 2, -1, 5], "int32"), 3), on(at([[0], [1]], "int64"), depth=2, axis=0), on(at([1], "int32"), 3, 5.0, -1.0),
    on(at([1], "int32"), 3, dtype="int32"), on(at([1], "int32"), 3, True, False), on(at(1, "uint8"), 3), on(at([], "int32"), 3),
    on(at([0], "int32"), 0), on(at([0], "int32"), -1), on(at([0], "int32"), 2, axis=3), on(f(2), 2), grad=False)
row("eye", on(3), on(2, 4), on(2, batch_shape=[3]), on(0), on(2, dtype="int32"), on(2, num_columns=3, dtype="complex64"), grad=False)
row("sequence_mask", on(at([1, 3, 2], "int32")), on(at([1, 3], "int64"), 5), on(at([[1], [2]], "int32"), 3, "float32"), on(at([0], "int32")),
    on(at(2, "int32")), on(at([1, 2], "int32"), maxlen=1), on(f(2)), grad=False)
row("constant", on([1.0, 2.0]), on(3), on([1, 2], "float32"), on(1, "float64", [2, 2]), on([1, 2, 3], shape=[2]), on("a"), on([[1, 2], [3]]),
    on(2**40), on(1.5, "int32"), on(True), on([1.0, 2]), on(300, "uint8"), on([]), grad=False)
row("v1:constant", on([1, 2], None, [4]), on(7, "int64", [2]), on([1, 2], "float32", [2], "c", True), grad=False)
row("convert_to_tensor v1:convert_to_tensor", on([1, 2]), on([1.5]), on(f(2)), on(f(2), "float64"), on([1, 2], dtype="float32"), on(None),
    on(["a", b"b".decode()]), on([1, "a"]))
row("v1:placeholder_with_default", on(f(2, 3), [None, 3]), on(1.0, []), on(f(2), [3]))

# -- space and batch --------------------------------------------------------------------------------------------------
row("space_to_batch_nd", on(f(1, 4, 4, 2), [2, 2], [[0, 0], [0, 0]]), on(f(1, 3, 2), [2], [[1, 0]]), on(f(1, 3, 2), [2], [[0, 0]]), dtypes=MOVED)
row("nn.space_to_batch", on(f(1, 4, 4, 1), [2, 2], [[0, 0], [0, 0]]), on(f(1, 3, 3, 1), [2, 2], [[0, 1], [1, 0]]))
row("v1:nn.space_to_batch", on(f(1, 4, 4, 1), [[0, 0], [0, 0]], 2))
row("batch_to_space", on(f(4, 2, 2, 1), [2, 2], [[0, 0], [0, 0]]), on(f(4, 2, 2, 1), [2, 2], [[1, 0], [0, 1]]),
    on(f(3, 2, 2, 1), [2, 2], [[0, 0], [0, 0]]), dtypes=MOVED)
row("v1:batch_to_space_nd", on(f(4, 2, 2, 1), [2, 2], [[0, 0], [0, 0]]))
row("v1:batch_to_space", on(f(4, 2, 2, 1), [[0, 0], [0, 1]], 2))
row("nn.space_to_depth v1:nn.space_to_depth", on(f(1, 4, 4, 2), 2), on(f(1, 4, 4, 2), 3), on(f(1, 2, 4, 4), 2, data_format="NCHW"),
    on(f(0, 4, 4, 1), 2), dtypes="float32 int32 uint8")
row("nn.depth_to_space v1:depth_to_space", on(f(1, 2, 2, 8), 2), on(f(1, 2, 2, 6), 2), on(f(1, 8, 2, 2), 2, data_format="NCHW"),
    dtypes="float32 int32 uint8")
row("required_space_to_batch_paddings", on([5, 4], [2, 3]), on([5], [2], [[1, 0]]), grad=False)
row("image.extract_patches", on(f(1, 5, 5, 2), [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], "VALID"),
    on(f(1, 5, 5, 1), [1, 3, 3, 1], [1, 1, 1, 1], [1, 2, 2, 1], "SAME"), dtypes="float32 int32")
row("v1:extract_image_patches", on(f(1, 4, 4, 1), [1, 2, 2, 1], [1, 1, 1, 1], [1, 1, 1, 1], "VALID"))
row("extract_volume_patches", on(f(1, 3, 3, 3, 1), [1, 2, 2, 2, 1], [1, 1, 1, 1, 1], "VALID"))
