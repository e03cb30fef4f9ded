"""Where TensorFlow's derivative is a choice: ties, kinks, boundaries, zeros.  Each case: name -> (expression in tf and x, x)."""

CASES = {
    "maximum_tie": ("tf.maximum(x, [1.0, 2.0, 3.0])", [1.0, 2.5, 2.0]),
    "minimum_tie": ("tf.minimum(x, [1.0, 2.0, 3.0])", [1.0, 2.5, 2.0]),
    "maximum_tie_second": ("tf.maximum([1.0, 2.0, 3.0], x)", [1.0, 2.5, 2.0]),
    "reduce_max_ties": ("tf.reduce_max(x)", [3.0, 1.0, 3.0, 3.0]),
    "reduce_min_ties": ("tf.reduce_min(x, axis=1)", [[1.0, 1.0], [2.0, 5.0]]),
    "abs_at_0": ("tf.abs(x)", [-1.0, 0.0, 2.0]),
    "sign": ("tf.sign(x)", [-1.0, 0.0, 2.0]),
    "sqrt_at_0": ("tf.sqrt(x)", [0.0, 4.0]),
    "norm_at_0": ("tf.norm(x)", [0.0, 0.0]),
    "relu_at_0": ("tf.nn.relu(x)", [-1.0, 0.0, 1.0]),
    "relu6_at_kinks": ("tf.nn.relu6(x)", [-1.0, 0.0, 3.0, 6.0, 7.0]),
    "leaky_relu_at_0": ("tf.nn.leaky_relu(x)", [-1.0, 0.0, 1.0]),
    "elu_at_0": ("tf.nn.elu(x)", [-1.0, 0.0, 1.0]),
    "clip_on_boundary": ("tf.clip_by_value(x, 0.0, 1.0)", [-0.5, 0.0, 0.5, 1.0, 1.5]),
    "pow_at_0": ("x ** 2.0 + x ** 1.0", [0.0, 2.0]),
    "pow_0_exponent": ("tf.pow(x, 0.0)", [0.0, 2.0]),
    "pow_by_exponent": ("tf.pow([0.0, 2.0, 3.0], x)", [2.0, 2.0, 0.0]),
    "log_at_0": ("tf.math.log(x)", [0.0, 1.0]),
    "divide_by_0": ("1.0 / x", [0.0, 2.0]),
    "div_no_nan": ("tf.math.divide_no_nan(1.0, x)", [0.0, 2.0]),
    "xlogy": ("tf.math.xlogy(x, [0.0, 2.0, 3.0])", [0.0, 0.0, 1.0]),
    "xdivy": ("tf.math.xdivy(x, [0.0, 2.0, 3.0])", [0.0, 0.0, 1.0]),
    "prod_with_zeros": ("tf.reduce_prod(x, axis=1)", [[2.0, 0.0, 3.0], [0.0, 0.0, 4.0]]),
    "cumprod_with_zeros": ("tf.math.cumprod(x)", [2.0, 0.0, 3.0]),
    "sort_ties": ("tf.sort(x) * [1.0, 2.0, 3.0]", [2.0, 1.0, 2.0]),
    "top_k_ties": ("tf.math.top_k(x, 2).values * [1.0, 2.0]", [3.0, 1.0, 3.0, 3.0]),
    "max_pool_ties": ("tf.nn.max_pool2d(tf.reshape(x, [1, 2, 2, 1]), 2, 2, 'VALID')", [5.0, 5.0, 1.0, 5.0]),
    "floor": ("tf.floor(x) + x", [1.5, 2.0]),
    "mod": ("tf.math.floormod(x, [2.0, 3.0])", [5.0, -4.0]),
    "atan2_at_0": ("tf.atan2(x, [1.0, 0.0])", [0.0, 2.0]),
    "softplus": ("tf.nn.softplus(x)", [-100.0, 0.0, 100.0]),
    "cholesky": ("tf.linalg.cholesky(x)", [[4.0, 1.0], [1.0, 3.0]]),
    "inverse": ("tf.linalg.inv(x)", [[4.0, 1.0], [1.0, 3.0]]),
    "det": ("tf.linalg.det(x)", [[4.0, 1.0], [1.0, 3.0]]),
    "eigh_values": ("tf.linalg.eigvalsh(x)", [[4.0, 1.0], [1.0, 3.0]]),
    "svd_values": ("tf.linalg.svd(x, compute_uv=False)", [[4.0, 1.0], [2.0, 3.0]]),
    "qr": ("tf.linalg.qr(x)[1] ** 2", [[4.0, 1.0], [2.0, 3.0]]),
    "logsumexp": ("tf.reduce_logsumexp(x)", [1000.0, 0.0, -1000.0]),
    "l2_normalize_at_0": ("tf.math.l2_normalize(x)", [0.0, 0.0]),
    "segment_max_ties": ("tf.math.segment_max(x, [0, 0, 1])", [2.0, 2.0, 1.0]),
    "unsorted_segment_prod": ("tf.math.unsorted_segment_prod(x, [0, 0, 1], 2)", [0.0, 3.0, 2.0]),
    "gather_twice": ("tf.gather(x, [0, 0, 2])", [1.0, 2.0, 3.0]),
    "squared_difference": ("tf.math.squared_difference(x, [1.0, 2.0])", [1.0, 4.0]),
    "huber_like_where": ("tf.where(x > 0.0, x * x, -x)", [-1.0, 0.0, 2.0]),
}


def gradient(tf, case):
    """The gradient of the sum of a case's expression, as nested lists (indexed slices as dense)."""
    expression, start = CASES[case]
    x = tf.constant(start)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = eval(expression, {"tf": tf, "x": x})
    g = tape.gradient(y, x)
    return None if g is None else tf.convert_to_tensor(g).numpy().tolist()
