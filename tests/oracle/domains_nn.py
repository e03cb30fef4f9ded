"""Neural networks: activations, losses, normalisation, convolution, pooling, embeddings, CTC.  (rows.py says how to read a row.)"""

# Rows stay rows:
# fmt: off

import numpy as np
from rows import FLOATS, REALS, at, f, i, on, row, unary

KINKS = [-7.0, -6.0, -1.0, 0.0, 1.0, 5.9, 6.0, 6.1, np.nan]

# -- activations ------------------------------------------------------------------------------------------------------
unary("nn.relu nn.relu6 nn.elu nn.selu math.softplus math.softsign nn.crelu", edges=KINKS, dtypes=REALS)
unary("nn.leaky_relu nn.silu nn.gelu", edges=KINKS, dtypes=REALS)
row("nn.leaky_relu/alpha", on(f(2, 3), 0.3), on(f(2, 3), alpha=1.5), call=lambda tf, *a, **k: tf.nn.leaky_relu(*a, **k))
row("nn.gelu/approximate", on(f(2, 3), True), call=lambda tf, *a: tf.nn.gelu(*a))
row("v1:nn.crelu", on(f(2, 3)), on(f(2, 3), None, 0))
SOFT = [on(f(2, 3)), on(f(2, 3, 4), axis=1), on(f(2, 3), -2), on(f()), on(f(0, 3)), on(f(2, 0)), on(f(2, 3), axis=2), on(at([1000.0, 0.0, -1000.0])),
    on(at([np.inf, 1.0]))]
row("math.softmax math.log_softmax", *SOFT, dtypes=REALS)
row("v1:math.softmax v1:math.log_softmax", on(f(2, 3)), on(f(2, 3), dim=0), on(f(2, 3), axis=0))
row("nn.l2_loss", on(f(2, 3)), on(f(0)), on(f()), dtypes=REALS)
row("nn.bias_add", on(f(2, 3), f(3)), on(f(1, 2, 2, 3), f(3)), on(f(1, 3, 2, 2), f(3), data_format="NCHW"), on(f(2, 3), f(2)), on(f(3), f(3)),
    on(f(2, 3), f(3), "NHCW"), on(f(0, 3), f(3)), dtypes=REALS)
row("v1:nn.relu_layer v1:nn.xw_plus_b", on(f(2, 3), f(3, 2), f(2)), on(f(2, 3), f(2, 2), f(2)))

# -- losses -----------------------------------------------------------------------------------------------------------
LABELS = at([[0.2, 0.8, 0.0], [1.0, 0.0, 0.0]])
row("nn.softmax_cross_entropy_with_logits", on(LABELS, f(2, 3)), on(f(2, 3, low=0.0), f(2, 3)), on(f(3, 2, low=0.0), f(3, 2), axis=0),
    on(f(1, 3, low=0.0), f(2, 3)), on(f(2, 4), f(2, 3)), on(f(0, 3), f(0, 3)), on(f(3, low=0.0), f(3)), dtypes=FLOATS + " int32",
    slope="labels are taken for distributions")
row("v1:nn.softmax_cross_entropy_with_logits v1:nn.softmax_cross_entropy_with_logits_v2", on(labels=LABELS, logits=f(2, 3)),
    on(labels=f(3, 2), logits=f(3, 2), dim=0), slope="labels are constants")
row("nn.sparse_softmax_cross_entropy_with_logits", on(i(2, high=2), f(2, 3)), on(i(2, 2, high=2, dtype="int64"), f(2, 2, 3)),
    on(at(1, "int32"), f(3)), on(at([3, 0], "int32"), f(2, 3)), on(i(3, high=2), f(2, 3)), on(f(2), f(2, 3)), on(i(0), f(0, 3)),
    dtypes=FLOATS + " int32")
row("v1:nn.sparse_softmax_cross_entropy_with_logits", on(labels=i(2, high=2), logits=f(2, 3)), on(None, i(2, high=2), f(2, 3)))
row("nn.sigmoid_cross_entropy_with_logits", on(f(2, 3, low=0.0), f(2, 3)), on(f(2, 3), f(3)), on(at([0.0, 1.0]), at([100.0, -100.0])),
    dtypes=FLOATS + " int32")
row("v1:nn.sigmoid_cross_entropy_with_logits", on(labels=f(2, 3), logits=f(2, 3)))
row("nn.weighted_cross_entropy_with_logits", on(f(2, 3, low=0.0), f(2, 3), 2.0), on(f(2, 3), f(2, 3), f(3)), on(f(2), f(3), 1.0), dtypes=FLOATS)
row("v1:nn.weighted_cross_entropy_with_logits", on(f(2, 3, low=0.0), f(2, 3), 2.0), on(logits=f(2), pos_weight=1.5, targets=f(2)))
row("nn.log_poisson_loss", on(f(2, 3, low=0.5), f(2, 3)), on(f(3, low=0.0), f(3), True), on(f(2), f(3)), dtypes="float32 float64")
row("nn.compute_average_loss", on(f(4)), on(f(4), f(4, low=0.0)), on(f(4), global_batch_size=8))
row("nn.scale_regularization_loss", on(f(2, 3)))
LOSS = [on(f(2, 3, low=0.1), f(2, 3, low=0.1)), on(f(2, 3, low=0.1, high=0.9), f(2, 3, low=0.1, high=0.9), 2.0),
    on(f(2, 3, low=0.1, high=0.9), f(2, 3, low=0.1, high=0.9), at([[1.0], [0.0]])), on(f(2, 3), f(3, 2)),
    on(f(2, 3, low=0.1, high=0.9), f(2, 3, low=0.1, high=0.9), at([[1.0, 0.0, 2.0], [1.0, 1.0, 0.0]])), on(f(2, 3), f(2, 3), f(3, 2)),
    on(f(2, 3, low=0.1), f(2, 3, low=0.1), 1.0, None, "loss_collection", "none")]
row("v1:losses.absolute_difference v1:losses.mean_squared_error v1:losses.huber_loss v1:losses.hinge_loss", *LOSS[:6], slope="float32")
row("v1:losses.log_loss", *LOSS[:6], slope="predictions above one have no logarithm")
row("v1:losses.mean_pairwise_squared_error", *LOSS[:4], slope="float32")
row("v1:losses.cosine_distance", on(f(2, 3), f(2, 3), axis=1), on(f(2, 3), f(2, 3), dim=0), on(f(2, 3), f(2, 3), 1, 2.0), on(f(2, 3), f(2, 3)),
    slope="float32")
row("v1:losses.sigmoid_cross_entropy", on(f(2, 3, low=0.0, high=1.0), f(2, 3)), on(f(2, 3, low=0.0, high=1.0), f(2, 3), 2.0, 0.1),
    on(f(2, 3), f(3, 2)), slope="float32")
row("v1:losses.softmax_cross_entropy", on(LABELS, f(2, 3)), on(LABELS, f(2, 3), [1.0, 0.0], 0.1), on(LABELS, f(2, 4)), slope="labels are constants")
row("v1:losses.sparse_softmax_cross_entropy", on(i(2, high=2), f(2, 3)), on(i(2, 1, high=2), f(2, 3), 2.0), on(i(2, high=2), f(2, 3), [1.0, 0.0]),
    slope="float32")
row("v1:losses.compute_weighted_loss", on(f(2, 3)), on(f(2, 3), f(2, 1)), on(f(2, 3), 2.0, reduction="weighted_sum"), on(f(2, 3), f(2)),
    on(f(2, 3), f(2, 1), reduction="weighted_mean"), on(f(2, 3), reduction="weighted_sum_over_batch_size"), slope="float32")
row("v1:losses.get_losses v1:losses.get_regularization_losses", on(), grad=False)
row("v1:losses.get_regularization_loss v1:losses.get_total_loss", on(), grad=False)

# -- normalisation ----------------------------------------------------------------------------------------------------
row("nn.moments", on(f(2, 3), [0]), on(f(2, 3, 4), [0, 2]), on(f(2, 3), axes=[1], keepdims=True), on(f(2, 3), [2]), on(f(0, 3), [0]),
    dtypes=FLOATS + " int32")
row("v1:nn.moments", on(f(2, 3), [0]), on(f(2, 3), [1], None, None, True))
row("nn.weighted_moments", on(f(2, 3), [0], f(2, 3, low=0.1)), on(f(2, 3), [1], f(3, low=0.1), keepdims=True), dtypes="float32 float64")
row("v1:nn.weighted_moments", on(f(2, 3), [0], f(2, 3, low=0.1)), on(f(2, 3), [0], f(3, low=0.1), keep_dims=True))
row("nn.sufficient_statistics", on(f(2, 3), [0]), on(f(2, 3), [0, 1], shift=0.5), on(f(2, 3), [0], keepdims=True))
row("v1:nn.sufficient_statistics", on(f(2, 3), [0]), on(f(2, 3), [0], 0.5, True))
row("nn.normalize_moments", on(at(4.0), f(3), f(3, low=3.0, high=5.0), None), on(at(4.0), f(3), f(3, low=3.0, high=5.0), 0.5))
row("nn.batch_normalization", on(f(2, 3), f(3), f(3, low=0.5), f(3), f(3), 1e-3), on(f(2, 3), f(3), f(3, low=0.5), None, None, 1e-3),
    on(f(2, 3), f(2), f(3, low=0.5), None, None, 1e-3), dtypes="float32 float64 float16")
row("nn.batch_norm_with_global_normalization", on(f(1, 2, 2, 3), f(3), f(3, low=0.5), f(3), f(3), 1e-3, True))
row("v1:nn.batch_norm_with_global_normalization", on(f(1, 2, 2, 3), f(3), f(3, low=0.5), f(3), f(3), 1e-3, False))
row("v1:nn.fused_batch_norm", on(f(2, 2, 2, 3), f(3), f(3)), on(f(2, 2, 2, 3), f(3), f(3), f(3), f(3, low=0.5), is_training=False),
    on(f(2, 3, 2, 2), f(3), f(3), data_format="NCHW"), on(f(2, 2, 2, 3), f(2), f(3)), on(f(2, 2, 2, 3), f(3), f(3), epsilon=0.1), rtol=1e-4,
    slope="mean and variance have no gradient")
# Powers of sums:
row("nn.local_response_normalization", on(f(1, 2, 2, 6)), on(f(1, 2, 2, 6), 2, 0.5, 0.3, 0.7), on(f(2, 3)), dtypes="float32 float16 float64",
    rtol=1e-4, slope="float32")

# -- convolution (sums of many products: 1e-4) ------------------------------------------------------------------------
CONV2 = [on(f(1, 5, 5, 2), f(3, 3, 2, 3), s, p) for s,
    p in ((1, "SAME"), (1, "VALID"), (2, "SAME"), ([1, 2, 1, 1], "VALID"), (1, [[0, 0], [1, 2], [0, 1], [0, 0]]))]
row("nn.conv2d", *CONV2, on(f(2, 6, 5, 2), f(3, 2, 2, 3), 1, "SAME", dilations=2), on(f(1, 4, 4, 4), f(2, 2, 2, 4), 1, "VALID"),
    on(f(1, 2, 4, 4), f(2, 2, 2, 3), 1, "SAME", "NCHW"), on(f(1, 5, 5, 2), f(3, 3, 3, 3), 1, "SAME"), on(f(5, 5, 2), f(3, 3, 2, 3), 1, "SAME"),
    on(f(1, 2, 2, 1), f(3, 3, 1, 1), 1, "VALID"), on(f(0, 4, 4, 1), f(2, 2, 1, 1), 1, "SAME"), on(f(1, 4, 4, 1), f(2, 2, 1, 1), 1, "EQUAL"),
    on(f(1, 4, 4, 1), f(2, 2, 1, 1), 0, "SAME"), dtypes="float32 float64 float16 int32", rtol=1e-4)
row("v1:nn.conv2d", on(f(1, 4, 4, 2), f(3, 3, 2, 1), [1, 1, 1, 1], "SAME"), on(f(1, 4, 4, 2), filters=f(3, 3, 2, 1), strides=2, padding="VALID"),
    rtol=1e-4)
row("nn.conv1d", on(f(2, 6, 2), f(3, 2, 3), 1, "SAME"), on(f(2, 6, 2), f(3, 2, 3), 2, "VALID"), on(f(2, 6, 2), f(2, 2, 3), 1, "VALID", dilations=2),
    rtol=1e-4, dtypes="float32 float64")
row("v1:nn.conv1d", on(f(2, 6, 2), f(3, 2, 3), 1, "SAME"), rtol=1e-4)
row("nn.conv3d", on(f(1, 3, 4, 4, 1), f(2, 2, 2, 1, 2), [1] * 5, "SAME"), on(f(1, 3, 4, 4, 1), f(2, 2, 2, 1, 2), [1, 1, 2, 2, 1], "VALID"), rtol=1e-4,
    dtypes="float32 float64")
row("v1:nn.conv3d", on(f(1, 3, 4, 4, 1), f(2, 2, 2, 1, 2), [1] * 5, "SAME"), rtol=1e-4)
row("nn.convolution", on(f(1, 5, 2), f(3, 2, 2)), on(f(1, 5, 5, 1), f(3, 3, 1, 2), strides=2, padding="SAME"),
    on(f(1, 5, 5, 1), f(2, 2, 1, 2), dilations=[2, 2]), rtol=1e-4)
row("v1:nn.convolution", on(f(1, 5, 5, 1), f(3, 3, 1, 2), "SAME"), on(f(1, 5, 5, 1), f(2, 2, 1, 2), "VALID", None, [2, 2]), rtol=1e-4)
row("nn.atrous_conv2d", on(f(1, 6, 6, 1), f(2, 2, 1, 2), 2, "SAME"), on(f(1, 6, 6, 1), f(2, 2, 1, 2), 2, "VALID"), rtol=1e-4)
row("nn.conv2d_transpose", on(f(1, 3, 3, 2), f(3, 3, 4, 2), [1, 6, 6, 4], 2), on(f(1, 3, 3, 2), f(3, 3, 4, 2), [1, 5, 5, 4], 1, "VALID"),
    on(f(1, 3, 3, 2), f(3, 3, 4, 2), [1, 9, 6, 4], 2), rtol=1e-4, dtypes="float32 float64")
row("v1:nn.conv2d_transpose", on(f(1, 3, 3, 2), f(3, 3, 4, 2), [1, 6, 6, 4], [1, 2, 2, 1]), rtol=1e-4)
row("nn.conv1d_transpose", on(f(1, 3, 2), f(3, 4, 2), [1, 6, 4], 2), rtol=1e-4)
row("nn.conv3d_transpose", on(f(1, 2, 2, 2, 1), f(2, 2, 2, 3, 1), [1, 4, 4, 4, 3], 2), rtol=1e-4)
row("v1:nn.conv3d_transpose", on(f(1, 2, 2, 2, 1), f(2, 2, 2, 3, 1), [1, 4, 4, 4, 3], [1, 2, 2, 2, 1]), rtol=1e-4)
row("nn.conv_transpose", on(f(1, 3, 3, 2), f(3, 3, 4, 2), [1, 6, 6, 4], 2), rtol=1e-4)
row("nn.atrous_conv2d_transpose", on(f(1, 4, 4, 1), f(2, 2, 1, 1), [1, 4, 4, 1], 2, "SAME"), rtol=1e-4)
row("v1:nn.conv2d_backprop_input", on([1, 4, 4, 2], f(3, 3, 2, 1), f(1, 4, 4, 1), [1, 1, 1, 1], "SAME"), rtol=1e-4)
row("v1:nn.conv2d_backprop_filter", on(f(1, 4, 4, 2), [3, 3, 2, 1], f(1, 4, 4, 1), [1, 1, 1, 1], "SAME"), rtol=1e-4)
row("v1:nn.conv3d_backprop_filter", on(f(1, 3, 3, 3, 1), [2, 2, 2, 1, 1], f(1, 3, 3, 3, 1), [1] * 5, "SAME"), rtol=1e-4)
row("nn.depthwise_conv2d", on(f(1, 4, 4, 2), f(2, 2, 2, 2), [1, 1, 1, 1], "SAME"), on(f(1, 5, 5, 2), f(2, 2, 2, 1), [1, 2, 2, 1], "VALID"),
    on(f(1, 5, 5, 2), f(2, 2, 2, 1), [1, 1, 1, 1], "VALID", dilations=[2, 2]), rtol=1e-4, dtypes="float32 float64")
row("v1:nn.depthwise_conv2d", on(f(1, 4, 4, 2), f(2, 2, 2, 2), [1, 1, 1, 1], "SAME"), on(f(1, 5, 5, 2), f(2, 2, 2, 1), [1, 1, 1, 1], "VALID", [2, 2]),
    rtol=1e-4)
row("v1:nn.depthwise_conv2d_native", on(f(1, 4, 4, 2), f(2, 2, 2, 2), [1, 1, 1, 1], "SAME"), rtol=1e-4)
row("nn.depthwise_conv2d_backprop_input", on([1, 4, 4, 2], f(2, 2, 2, 2), f(1, 4, 4, 4), [1, 1, 1, 1], "SAME"), rtol=1e-4)
row("nn.depthwise_conv2d_backprop_filter", on(f(1, 4, 4, 2), [2, 2, 2, 2], f(1, 4, 4, 4), [1, 1, 1, 1], "SAME"), rtol=1e-4)
row("nn.separable_conv2d", on(f(1, 4, 4, 2), f(2, 2, 2, 2), f(1, 1, 4, 3), [1, 1, 1, 1], "SAME"),
    on(f(1, 4, 4, 2), f(2, 2, 2, 2), f(1, 1, 3, 3), [1, 1, 1, 1], "SAME"), rtol=1e-4)
row("v1:nn.separable_conv2d", on(f(1, 4, 4, 2), f(2, 2, 2, 2), f(1, 1, 4, 3), [1, 1, 1, 1], "VALID"), rtol=1e-4)
MORPH = (f(1, 5, 5, 2), f(2, 2, 2))
row("nn.dilation2d nn.erosion2d", on(*MORPH, [1, 1, 1, 1], "SAME", "NHWC", [1, 1, 1, 1]), on(*MORPH, [1, 2, 2, 1], "VALID", "NHWC", [1, 1, 1, 1]),
    dtypes="float32 float64")
row("v1:nn.dilation2d v1:nn.erosion2d", on(*MORPH, [1, 1, 1, 1], [1, 1, 1, 1], "SAME"))

# -- pooling ----------------------------------------------------------------------------------------------------------
POOL = [on(f(1, 4, 5, 2), k, s, p) for k, s,
    p in ((2, 2, "VALID"), (2, 2, "SAME"), ([1, 3, 2, 1], 1, "SAME"), (2, [1, 2, 1, 1], "VALID"), (9, 1, "VALID"))]
TIES = at(np.array([5.0, 5, 1, 5, 0, 0, 0, 0]).reshape(1, 2, 4, 1).tolist())
row("nn.max_pool2d nn.max_pool nn.avg_pool2d nn.avg_pool", *POOL, on(TIES, 2, 2, "VALID"), on(f(1, 2, 4, 4), 2, 2, "VALID", "NCHW"),
    on(f(4, 4, 2), 2, 2, "VALID"), on(f(0, 4, 4, 1), 2, 2, "SAME"), on(f(1, 4, 4, 1), 2, 2, "FULL"), dtypes="float32 float64 float16 int32",
    rtol=1e-4)
row("v1:nn.max_pool v1:nn.avg_pool", on(f(1, 4, 4, 2), [1, 2, 2, 1], [1, 2, 2, 1], "VALID"), on(f(1, 4, 4, 2), 2, 2, "SAME"))
row("nn.max_pool1d nn.avg_pool1d", on(f(2, 6, 2), 2, 2, "VALID"), on(f(2, 5, 2), 3, 1, "SAME"), dtypes="float32 float64")
row("nn.max_pool3d", on(f(1, 3, 4, 4, 1), 2, 2, "VALID"), on(f(1, 3, 4, 4, 1), [1, 2, 2, 1, 1], 1, "SAME"), dtypes="float32 float64", slope="float32")
row("nn.avg_pool3d", on(f(1, 3, 4, 4, 1), 2, 2, "VALID"), on(f(1, 3, 4, 4, 1), [1, 2, 2, 1, 1], 1, "SAME"), dtypes="float32 float64")
row("nn.max_pool_with_argmax", on(f(1, 4, 4, 2), 2, 2, "VALID"), on(f(2, 4, 4, 2), 2, 2, "SAME", include_batch_in_index=True),
    on(TIES, 2, 2, "VALID"), dtypes="float32 float64")
row("v1:nn.max_pool_with_argmax", on(f(1, 4, 4, 2), [1, 2, 2, 1], [1, 2, 2, 1], "VALID"))
row("nn.pool", on(f(1, 5, 5, 1), [2, 2], "MAX"), on(f(1, 5, 5, 1), [2, 2], "AVG", padding="SAME"), on(f(1, 6, 1), [2], "MAX", dilations=[2]),
    on(f(1, 6, 1), [2], "SUM"))
row("v1:nn.pool", on(f(1, 5, 5, 1), [2, 2], "MAX", "SAME"), on(f(1, 6, 1), [2], "AVG", "VALID", None, [2]))

# -- embeddings and sampled losses ------------------------------------------------------------------------------------
row("nn.embedding_lookup", on(f(5, 3), at([0, 4, 4], "int32")), on(f(5, 3), at([[1], [0]], "int64")), on([f(3, 2), f(2, 2)], at([0, 1, 4], "int32")),
    on(f(5, 3), at([1], "int32"), max_norm=0.5), on(f(5, 3), at([5], "int32")), dtypes="float32 float64 int32")
row("v1:nn.embedding_lookup", on(f(5, 3), at([0, 4], "int32")), on([f(3, 2), f(2, 2)], at([0, 1, 4], "int32"), "div"))
_SP = lambda tf, ids: tf.SparseTensor([[0, 0], [0, 1], [2, 0]], ids, [3, 2])
row("nn.embedding_lookup_sparse", on(f(5, 3), at([1, 3, 0], "int64"), None), on(f(5, 3), at([1, 3, 0], "int64"), "sum"),
    on(f(5, 3), at([1, 3, 0], "int64"), "sqrtn"), call=lambda tf, w, ids, how: tf.nn.embedding_lookup_sparse(w, _SP(tf, ids), None, combiner=how))
row("v1:nn.embedding_lookup_sparse", on(f(5, 3), at([1, 3, 0], "int64"), f(3)), call=lambda tf, w, ids,
    x: tf.compat.v1.nn.embedding_lookup_sparse(w, _SP(tf, ids), _SP(tf, x), combiner="mean"))
row("nn.safe_embedding_lookup_sparse v1:nn.safe_embedding_lookup_sparse", on(f(5, 3), at([1, -1, 0], "int64")), call=lambda tf, w,
    ids: tf.nn.safe_embedding_lookup_sparse(w, _SP(tf, ids)))

# -- CTC --------------------------------------------------------------------------------------------------------------
_LABELS = lambda tf: tf.SparseTensor([[0, 0], [0, 1], [1, 0]], tf.constant([1, 2, 0], "int32"), [2, 2])
row("nn.ctc_loss", on(f(4, 2, 4)), rtol=1e-4, call=lambda tf,
    x: tf.nn.ctc_loss(tf.constant([[1, 2], [0, 0]]), x, tf.constant([2, 1]), tf.constant([4, 3]), blank_index=-1))
row("v1:nn.ctc_loss", on(f(4, 2, 4)), rtol=1e-4, call=lambda tf, x: tf.compat.v1.nn.ctc_loss(_LABELS(tf), x, [4, 3]))
row("nn.ctc_greedy_decoder", on(f(4, 2, 4), [4, 3]), on(f(4, 2, 4), [4, 3], False), grad=False)
row("nn.ctc_beam_search_decoder", on(f(4, 2, 4), [4, 3], 5, 2), grad=False, rtol=1e-4)
row("v1:nn.ctc_beam_search_decoder", on(f(4, 2, 4), [4, 3], 5, 1), grad=False, rtol=1e-4)
row("nn.collapse_repeated", on(at([[1, 1, 2, 2, 1]], "int32"), at([5], "int32")), grad=False)
row("nn.ctc_unique_labels", on(at([[1, 2, 1, 0]], "int32")), grad=False)

# -- quantization -----------------------------------------------------------------------------------------------------
row("quantization.fake_quant_with_min_max_args", on(at([-7.0, -1.0, 0.1, 2.3, 7.0])), on(f(2, 3), -1.0, 1.0, 4, True), slope="straight through")
row("quantization.fake_quant_with_min_max_vars", on(f(2, 3), at(-1.0), at(1.0)), on(f(2, 3), at(-1.0), at(1.5), 4), slope="straight through")
row("quantization.fake_quant_with_min_max_vars_per_channel", on(f(2, 3), at([-1.0, -1.0, -0.5]), at([1.0, 0.5, 2.0])), slope="straight through")
row("quantization.quantize_and_dequantize", on(f(2, 3), -1.0, 1.0), on(f(2, 3), -1.0, 1.0, True, 4), on(f(2, 3), -1.0, 1.0, range_given=True),
    grad=False)
