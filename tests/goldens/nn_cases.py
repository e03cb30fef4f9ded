"""What the goldens of tf.nn run, for real TensorFlow (make_nn.py) and for tfcompat (test_ops_nn_goldens.py).

A case is (name, inputs, function(tf, *tensors)); every floating input is differentiated by, with fixed weights of
the outputs, except where `grads` lists positions.  Inputs sit on the kinks on purpose: what a gradient is there is
TensorFlow's choice.
"""

import numpy as np

_draw = np.random.RandomState(0)
CASES = []
KINKS = np.array([-7, -6, -2, -1, -0.5, 0, 0.5, 1, 5.9, 6, 6.1, 9], np.float32).reshape(3, 4)


def f32(*shape, low=-2.0, high=2.0):
    return _draw.uniform(low, high, shape).astype(np.float32)


def case(name, inputs, function, grads=None):
    inputs = [np.asarray(x) for x in inputs]
    floating = [i for i, x in enumerate(inputs) if x.dtype.kind == "f"]
    CASES.append((name, inputs, function, floating if grads is None else grads))


# -- activations and softmax ------------------------------------------------------------------------------------------
for _name in "relu relu6 elu selu leaky_relu crelu softplus softsign swish gelu softmax log_softmax l2_loss".split():
    case(_name, [KINKS], lambda tf, x, n=_name: getattr(tf.nn, n)(x))
case("gelu_approximate", [KINKS], lambda tf, x: tf.nn.gelu(x, approximate=True))
case("gelu_float64", [KINKS.astype(np.float64)], lambda tf, x: tf.nn.gelu(x))
case("leaky_relu_float64", [KINKS.astype(np.float64)], lambda tf, x: tf.nn.leaky_relu(x, alpha=0.3))
case("leaky_relu_steep", [KINKS], lambda tf, x: tf.nn.leaky_relu(x, alpha=1.5))
case("relu_not_finite", [np.array([np.nan, -np.inf, np.inf, 1], np.float32)], lambda tf, x: tf.nn.relu(x))
case("swish_beta", [KINKS, np.float32(1.7)], lambda tf, x, b: tf.nn.swish(x, beta=b))
case("softmax_axis", [f32(2, 3, 4)], lambda tf, x: tf.nn.softmax(x, axis=1))
case("softmax_dim", [f32(2, 3)], lambda tf, x: tf.compat.v1.nn.softmax(x, dim=0))
case("log_softmax_axis", [f32(2, 3, 4)], lambda tf, x: tf.nn.log_softmax(x, axis=-2))
case("bias_add_nchw", [f32(2, 4, 3, 3), f32(4)], lambda tf, x, b: tf.nn.bias_add(x, b, data_format="NCHW"))
case("xw_plus_b", [f32(3, 4), f32(4, 2), f32(2)], lambda tf, *t: tf.compat.v1.nn.xw_plus_b(*t))
case("relu_layer", [f32(3, 4), f32(4, 2), f32(2)], lambda tf, *t: tf.compat.v1.nn.relu_layer(*t))
_P = [[0.1, 0.3, 0.3, 0.2], [0.4, 0.4, 0.4, 0.4], [1, 2, np.inf, 0], [1, np.nan, 3, 0], [1, 2, 3, 4]]
_P = np.array(_P, np.float32)
case("in_top_k", [np.array([1, 3, 1, 2, 9]), _P], lambda tf, t, p: tf.nn.in_top_k(t, p, 2), [])
case("zero_fraction", [np.array([[0, 1.0, 0], [2, 0, 3]], np.float32)], lambda tf, x: tf.nn.zero_fraction(x), [])

# -- losses -----------------------------------------------------------------------------------------------------------
_LABELS = {"none": np.zeros((4, 5), np.float32), "more_than_one": f32(4, 5, low=0, high=3)}
for _name, _y in _LABELS.items():
    case(f"softmax_xent_{_name}", [_y, f32(4, 5)],
         lambda tf, y, x: tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=x))  # fmt: skip
    case(f"softmax_xent_v1_{_name}", [_y, f32(4, 5)],
         lambda tf, y, x: tf.compat.v1.nn.softmax_cross_entropy_with_logits(labels=y, logits=x), [1])  # fmt: skip
case("softmax_xent_axis", [f32(2, 2, 5, low=0), f32(2, 2, 5)],
     lambda tf, y, x: tf.nn.softmax_cross_entropy_with_logits(y, x, axis=1))  # fmt: skip
case("softmax_xent_impossible", [np.array([[0, 1.0]], np.float32), np.array([[-np.inf, 1.0]], np.float32)],
     lambda tf, y, x: tf.nn.softmax_cross_entropy_with_logits(y, x), [])  # fmt: skip
case("softmax_xent_float16", [f32(2, 50, low=0).astype(np.float16), f32(2, 50).astype(np.float16)],
     lambda tf, y, x: tf.nn.softmax_cross_entropy_with_logits(y, x))  # fmt: skip
case("sparse_xent", [np.array([[0, 4], [2, 2]], np.int32), f32(2, 2, 5)],
     lambda tf, y, x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=x))  # fmt: skip
case("sigmoid_xent", [f32(3, 4, low=0, high=1), KINKS],
     lambda tf, y, x: tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=x))  # fmt: skip
case("sigmoid_xent_far", [f32(4, low=0, high=1), np.array([-1000, 1000, -90, 90], np.float32)],
     lambda tf, y, x: tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=x))  # fmt: skip
case("weighted_xent", [f32(3, 4, low=0, high=1), KINKS, f32(4, low=0)],
     lambda tf, y, x, w: tf.nn.weighted_cross_entropy_with_logits(labels=y, logits=x, pos_weight=w))  # fmt: skip
case("log_poisson_loss", [np.array([0, 0.5, 1, 1.5, 3], np.float32), f32(5)],
     lambda tf, y, x: tf.nn.log_poisson_loss(y, x, True), [1])  # fmt: skip

# -- convolutions -----------------------------------------------------------------------------------------------------
_EXPLICIT = [[0, 0], [1, 2], [0, 1], [0, 0]]
for _name, _stride, _padding, _filter in [
    ("same", 1, "SAME", (3, 3)), ("same_stride", 2, "SAME", (5, 2)), ("valid", [1, 2, 3, 1], "VALID", (3, 3)),
    ("explicit", (2, 1), _EXPLICIT, (3, 2)), ("one", 1, "VALID", (1, 1)),
]:  # fmt: skip
    case(f"conv2d_{_name}", [f32(2, 7, 8, 3), f32(*_filter, 3, 4)],
         lambda tf, x, w, s=_stride, p=_padding: tf.nn.conv2d(x, w, s, p))  # fmt: skip
case("conv2d_v1", [f32(2, 7, 8, 3), f32(3, 3, 3, 4)],
     lambda tf, x, w: tf.compat.v1.nn.conv2d(x, w, strides=[1, 2, 2, 1], padding="SAME"))  # fmt: skip
case("conv2d_dilated", [f32(2, 9, 8, 3), f32(3, 2, 3, 4)],
     lambda tf, x, w: tf.nn.conv2d(x, w, 1, "SAME", dilations=[2, 3]))  # fmt: skip
case("conv2d_groups", [f32(2, 7, 8, 4), f32(3, 3, 2, 6)], lambda tf, x, w: tf.nn.conv2d(x, w, 1, "SAME"), [])
case("atrous_conv2d", [f32(2, 9, 8, 3), f32(3, 2, 3, 2)], lambda tf, x, w: tf.nn.atrous_conv2d(x, w, 2, "SAME"))
case("atrous_conv2d_transpose", [f32(2, 5, 4, 3), f32(3, 3, 2, 3)],
     lambda tf, x, w: tf.nn.atrous_conv2d_transpose(x, w, [2, 9, 8, 2], 2, "VALID"))  # fmt: skip
case("convolution", [f32(2, 7, 8, 3), f32(3, 2, 3, 2)],
     lambda tf, x, w: tf.nn.convolution(x, w, padding="SAME", dilations=[2, 1]))  # fmt: skip
case("conv2d_transpose_same", [f32(2, 4, 3, 3), f32(3, 2, 5, 3)],
     lambda tf, x, w: tf.nn.conv2d_transpose(x, w, [2, 8, 6, 5], 2, "SAME"))  # fmt: skip
case("conv2d_transpose_valid", [f32(2, 4, 3, 3), f32(3, 2, 5, 3)],
     lambda tf, x, w: tf.nn.conv2d_transpose(x, w, [2, 9, 7, 5], 2, "VALID"))  # fmt: skip
case("conv1d", [f32(2, 7, 3), f32(3, 3, 4)], lambda tf, x, w: tf.nn.conv1d(x, w, 2, "SAME"))
case("conv1d_transpose", [f32(2, 4, 3), f32(3, 5, 3)],
     lambda tf, x, w: tf.nn.conv1d_transpose(x, w, [2, 9, 5], 2, "VALID"))  # fmt: skip
case("conv3d", [f32(1, 5, 6, 7, 2), f32(2, 3, 3, 2, 3)], lambda tf, x, w: tf.nn.conv3d(x, w, [1, 2, 2, 2, 1], "SAME"))
case("conv3d_transpose", [f32(1, 3, 4, 3, 2), f32(2, 2, 2, 3, 2)],
     lambda tf, x, w: tf.nn.conv3d_transpose(x, w, [1, 6, 8, 6, 3], [1, 2, 2, 2, 1], "SAME"))  # fmt: skip
for _stride, _padding in ((1, "SAME"), (2, "VALID")):
    case(f"depthwise_conv2d_{_padding}", [f32(2, 7, 8, 3), f32(3, 2, 3, 2)],
         lambda tf, x, w, s=_stride, p=_padding: tf.nn.depthwise_conv2d(x, w, [1, s, s, 1], p))  # fmt: skip
case("separable_conv2d", [f32(2, 7, 8, 3), f32(3, 2, 3, 2), f32(1, 1, 6, 5)],
     lambda tf, x, w, p: tf.nn.separable_conv2d(x, w, p, [1, 2, 2, 1], "SAME"))  # fmt: skip
case("conv2d_backprop_filter", [f32(2, 7, 8, 3), f32(2, 4, 4, 5)],
     lambda tf, x, g: tf.compat.v1.nn.conv2d_backprop_filter(x, [3, 2, 3, 5], g, [1, 2, 2, 1], "SAME"))  # fmt: skip
case("conv2d_backprop_input", [f32(3, 2, 3, 5), f32(2, 4, 4, 5)],
     lambda tf, w, g: tf.compat.v1.nn.conv2d_backprop_input([2, 7, 8, 3], w, g, [1, 2, 2, 1], "SAME"))  # fmt: skip
case("depthwise_backprop_filter", [f32(2, 7, 8, 3), f32(2, 4, 4, 6)],
     lambda tf, x, g: tf.nn.depthwise_conv2d_backprop_filter(x, [3, 2, 3, 2], g, [1, 2, 2, 1], "SAME"))  # fmt: skip
case("dilation2d", [np.zeros((1, 5, 5, 2), np.float32), np.zeros((3, 3, 2), np.float32)],
     lambda tf, x, w: tf.nn.dilation2d(x, w, [1, 1, 1, 1], "SAME", "NHWC", [1, 1, 1, 1]))  # fmt: skip
case("erosion2d", [f32(2, 7, 8, 3), f32(3, 2, 3)],
     lambda tf, x, w: tf.nn.erosion2d(x, w, [1, 2, 1, 1], "VALID", "NHWC", [1, 1, 2, 1]))  # fmt: skip

# -- pools ------------------------------------------------------------------------------------------------------------
for _kind in ("max", "avg"):
    for _name, _window, _stride, _padding in [
        ("same", 3, 2, "SAME"), ("valid", 2, 2, "VALID"), ("odd", [1, 2, 3, 1], [1, 1, 2, 1], "SAME"),
    ]:  # fmt: skip
        case(f"{_kind}_pool_{_name}", [f32(2, 7, 8, 3)],
             lambda tf, x, k=_kind, a=(_window, _stride, _padding): getattr(tf.nn, k + "_pool")(x, *a))  # fmt: skip
    case(f"{_kind}_pool1d", [f32(2, 7, 3)], lambda tf, x, k=_kind: getattr(tf.nn, k + "_pool1d")(x, 3, 2, "SAME"))
    case(f"{_kind}_pool3d", [f32(2, 5, 6, 7, 2)],
         lambda tf, x, k=_kind: getattr(tf.nn, k + "_pool3d")(x, 3, 2, "SAME"))  # fmt: skip
    case(f"{_kind}_pool_v1", [f32(2, 7, 8, 3)],
         lambda tf, x, k=_kind: getattr(tf.compat.v1.nn, k + "_pool")(x, *[[1, 2, 2, 1]] * 2, "SAME"))  # fmt: skip
    case(f"pool_{_kind}_dilated", [f32(2, 7, 8, 3, high=-1)],
         lambda tf, x, k=_kind: tf.nn.pool(x, [2, 3], k.upper(), padding="VALID", dilations=[2, 1]))  # fmt: skip
_TIES = np.array([0, 1, 1, 1, 0, 0, 2, 2, 0, 0, 2, 0, 1, 1, 1, 1], np.float32).reshape(1, 4, 4, 1)
case("max_pool_ties", [_TIES], lambda tf, x: tf.nn.max_pool(x, 3, 1, "SAME"))
case("max_pool_zeros", [np.zeros((1, 6, 6, 2), np.float32)], lambda tf, x: tf.nn.max_pool(x, 2, 2, "SAME"))
case("max_pool_explicit", [f32(2, 7, 8, 3)], lambda tf, x: tf.nn.max_pool(x, 3, 2, [[0, 0], [1, 0], [0, 1], [0, 0]]))
case("max_pool_global", [f32(2, 12, 12, 3)], lambda tf, x: tf.nn.max_pool(x, 12, 1, "VALID"))
case("max_pool_depth", [f32(2, 4, 4, 6)],
     lambda tf, x: tf.compat.v1.nn.max_pool(x, [1, 1, 1, 2], [1, 1, 1, 2], "SAME"), [])  # fmt: skip
case("max_pool_int", [np.arange(32, dtype=np.int32).reshape(1, 4, 4, 2)],
     lambda tf, x: tf.nn.max_pool(x, 2, 2, "SAME"))  # fmt: skip
case("max_pool_argmax", [f32(2, 5, 6, 3)],
     lambda tf, x: tf.nn.max_pool_with_argmax(x, 3, 2, "SAME", include_batch_in_index=True))  # fmt: skip

# -- normalization ----------------------------------------------------------------------------------------------------
case("moments", [f32(4, 3, 5)], lambda tf, x: tf.nn.moments(x, [0, -1]))
case("moments_keep", [f32(4, 3, 5)], lambda tf, x: tf.compat.v1.nn.moments(x, axes=[0], keep_dims=True))
case("moments_float16", [f32(4, 3, 5).astype(np.float16)], lambda tf, x: tf.nn.moments(x, [0, 1]))
case("weighted_moments", [f32(4, 3, 5), f32(4, 1, 1, low=0)], lambda tf, x, w: tf.nn.weighted_moments(x, [0, 1], w))
case("weighted_moments_none", [f32(4, 3), np.zeros((4, 3), np.float32)],
     lambda tf, x, w: tf.nn.weighted_moments(x, [0], w), [0])  # fmt: skip
case("sufficient_statistics", [f32(4, 3, 5), np.float32(0.3)],
     lambda tf, x, s: tf.nn.sufficient_statistics(x, [0, 1], shift=s))  # fmt: skip
case("normalize_moments", [np.float32(5), f32(3), f32(3), f32(3)], lambda tf, *t: tf.nn.normalize_moments(*t))
case("batch_normalization", [f32(4, 3), f32(3), f32(3, low=0.1), f32(3), f32(3)],
     lambda tf, *t: tf.nn.batch_normalization(*t, 1e-3))  # fmt: skip
case("batch_normalization_plain", [f32(4, 3), f32(3), f32(3, low=0.1)],
     lambda tf, x, m, v: tf.nn.batch_normalization(x, m, v, None, None, 1e-3))  # fmt: skip
case("fused_batch_norm", [f32(2, 4, 4, 3), f32(3), f32(3)], lambda tf, *t: tf.compat.v1.nn.fused_batch_norm(*t))
case("fused_batch_norm_average", [f32(2, 4, 4, 3), f32(3), f32(3), f32(3), f32(3, low=0.1)],
     lambda tf, *t: tf.compat.v1.nn.fused_batch_norm(*t, exponential_avg_factor=0.3), [])  # fmt: skip
case("fused_batch_norm_inference", [f32(2, 3, 4, 4), f32(3), f32(3), f32(3), f32(3, low=0.1)],
     lambda tf, *t: tf.compat.v1.nn.fused_batch_norm(*t, is_training=False, data_format="NCHW")[0], [])  # fmt: skip
case("lrn", [f32(2, 3, 3, 12)], lambda tf, x: tf.nn.lrn(x))
case("lrn_narrow", [f32(2, 3, 3, 12)],
     lambda tf, x: tf.nn.local_response_normalization(x, depth_radius=2, bias=2.0, alpha=1e-2, beta=0.75))  # fmt: skip

# -- embeddings and dropout -------------------------------------------------------------------------------------------
_IDS = np.array([[0, 6, 2], [2, 3, 1], [4, 5, 5]], np.int32)
_SHARDS = [f32(3, 2), f32(2, 2), f32(2, 2)]
case("embedding_lookup", [f32(7, 3), _IDS], lambda tf, p, i: tf.nn.embedding_lookup(p, i))
case("embedding_lookup_norm", [f32(7, 3), _IDS], lambda tf, p, i: tf.nn.embedding_lookup(p, i, max_norm=1.0))
case("embedding_lookup_div", [*_SHARDS, _IDS], lambda tf, *t: tf.nn.embedding_lookup(list(t[:3]), t[3]))
case("embedding_lookup_mod", [*_SHARDS, _IDS], lambda tf, *t: tf.compat.v1.nn.embedding_lookup(list(t[:3]), t[3]))


def _dropout(tf, x, **settings):
    tf.random.set_seed(42)
    return tf.nn.dropout(x, **settings)


case("dropout", [f32(40, 30)], lambda tf, x: _dropout(tf, x, rate=0.3, seed=5))
case("dropout_no_seed", [f32(4, 30)], lambda tf, x: _dropout(tf, x, rate=0.7))
case("dropout_noise_shape", [f32(4, 30)], lambda tf, x: _dropout(tf, x, rate=0.5, noise_shape=[None, 1], seed=1))
case("dropout_tensor", [f32(4, 30), np.float32(0.4)], lambda tf, x, r: _dropout(tf, x, rate=r, seed=1), [0])
case("dropout_keep_prob", [f32(4, 30)], lambda tf, x: tf.compat.v1.nn.dropout(x, keep_prob=0.3, seed=5), [])

# -- several ids a row ------------------------------------------------------------------------------------------------
_ROWS = [[0, 0], [0, 2], [2, 1], [3, 0], [3, 1]]


def _sparse(tf, values):
    return tf.SparseTensor(_ROWS, values, [5, 3])


for _name in ("sum", "mean", "sqrtn"):
    case(f"embedding_lookup_sparse_{_name}", [f32(7, 3), np.array([0, 6, 2, 2, 1]), f32(5, low=0.1)],
         lambda tf, p, i, w, c=_name: tf.nn.embedding_lookup_sparse(p, _sparse(tf, i), _sparse(tf, w), c))  # fmt: skip
case("safe_embedding_lookup_sparse", [f32(7, 3), np.array([0, -6, -2, 2, 1])],
     lambda tf, p, i: tf.nn.safe_embedding_lookup_sparse(p, _sparse(tf, i), default_id=3))  # fmt: skip

# -- candidates -------------------------------------------------------------------------------------------------------
_TRUE = np.array([[1, 5], [3, 9], [0, 2]])


def _sampled(tf, name, *arguments, **settings):
    tf.random.set_seed(1)
    return getattr(tf.random, name + "_candidate_sampler")(_TRUE, 2, *arguments, seed=7, **settings)


for _name in ("log_uniform", "uniform"):
    case(f"{_name}_unique", [], lambda tf, n=_name: _sampled(tf, n, 8, True, 1000))
    case(f"{_name}", [], lambda tf, n=_name: _sampled(tf, n, 20, False, 16))
_FREQUENCIES = [1.0, 2, 3, 4, 5, 6, 7, 8, 2, 1]
case("fixed_unigram", [], lambda tf: _sampled(tf, "fixed_unigram", 5, True, 10, unigrams=_FREQUENCIES))
_CANDIDATES = [np.array([4, 7, 2]), f32(3, 1, low=0.1, high=0.5), f32(3, low=0.1, high=0.5)]
for _name in ("nce_loss", "sampled_softmax_loss"):
    case(_name, [f32(50, 4), f32(50), f32(3, 4)],
         lambda tf, w, b, x, n=_name: getattr(tf.nn, n)(
             w, b, tf.constant([[1], [2], [4]]), x, 3, 50, sampled_values=[tf.constant(c) for c in _CANDIDATES]
         ))  # fmt: skip
case("accidental_hits", [np.array([[1, 5], [3, 9], [0, 2]]), np.array([5, 7, 2, 0, 3, 3])],
     lambda tf, t, s: tf.nn.compute_accidental_hits(t, s, 2))  # fmt: skip

# -- connectionist temporal classification ----------------------------------------------------------------------------
_LABELS = np.array([[1, 3, 3, 0], [3, 1, 0, 0], [0, 0, 0, 0]], np.int32)
_PLACES = [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [2, 0]]
for _name, _blank, _labels in [("first", 0, _LABELS), ("last", -1, _LABELS), ("middle", 2, _LABELS)]:
    case(f"ctc_loss_{_name}", [f32(6, 3, 5), _labels],
         lambda tf, x, y, b=_blank: tf.nn.ctc_loss(y, x, [3, 2, 0], [6, 4, 5], blank_index=b))  # fmt: skip
for _name, _settings in {
    "plain": {}, "unmerged": {"ctc_merge_repeated": False}, "collapsed": {"preprocess_collapse_repeated": True},
}.items():  # fmt: skip
    case(f"ctc_loss_v1_{_name}", [f32(6, 3, 5), np.array([1, 2, 2, 3, 1, 0], np.int32)],
         lambda tf, x, y, s=_settings: tf.compat.v1.nn.ctc_loss(tf.SparseTensor(_PLACES, y, [3, 3]), x, [6, 4, 5], **s)
         )  # fmt: skip
case("ctc_loss_no_path", [f32(6, 3, 5), np.array([1, 2, 2, 3, 1, 0], np.int32)],
     lambda tf, x, y: tf.compat.v1.nn.ctc_loss(tf.SparseTensor(_PLACES, y, [3, 3]), x, [3, 4, 5]))  # fmt: skip
case("collapse_repeated", [np.array([[3, 3, 4, 4, 3], [1, 1, 2, 5, 5]], np.int32), np.array([5, 3], np.int32)],
     lambda tf, x, n: tf.nn.collapse_repeated(x, n))  # fmt: skip


def _paths(decoded):
    paths, scores = decoded
    return [part for p in paths for part in (p.indices, p.values, p.dense_shape)] + [scores]


case("ctc_greedy_decoder", [f32(9, 3, 4)], lambda tf, x: _paths(tf.nn.ctc_greedy_decoder(x, [9, 6, 4])), [])
for _width, _top in ((3, 2), (100, 1)):
    case(f"ctc_beam_search_{_width}", [3 * f32(14, 3, 5)],
         lambda tf, x, a=(_width, _top): _paths(tf.nn.ctc_beam_search_decoder(x, [12, 14, 10], *a)), [])  # fmt: skip


def weights(shape):
    """The weights of an output of this shape, in the number whose gradients are recorded."""
    return np.random.RandomState(1).uniform(0.5, 1.5, shape)


def run(tf, inputs, function, grads):
    """(values, gradients) of a case as NumPy arrays, eagerly."""
    tensors = [tf.constant(x) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch([tensors[i] for i in grads])
        out = function(tf, *tensors)
        out = [t for t in (out if isinstance(out, (list, tuple)) else [out]) if t is not None]
        parts = [tf.reduce_sum(t * weights(t.shape).astype(t.dtype.as_numpy_dtype)) for t in out if t.dtype.is_floating]
        total = tf.add_n(parts) if grads else None
    found = tape.gradient(total, [tensors[i] for i in grads]) if grads else []
    return [t.numpy() for t in out], [tf.convert_to_tensor(g).numpy() for g in found]
