"""Where TensorFlow's derivative is a choice: ties, kinks, boundaries, zeros.

name -> (expression in tf and x, x, what TensorFlow does there and JAX, asked plainly, might not)
"""

CASES = {
    "maximum_tie": ("tf.maximum(x, [1.0, 2.0, 3.0])", [1.0, 2.5, 2.0], "a tie goes to the first, not half to each"),
    "minimum_tie": ("tf.minimum(x, [1.0, 2.0, 3.0])", [1.0, 2.5, 2.0], "a tie goes to the first, not half to each"),
    "maximum_tie_second": ("tf.maximum([1.0, 2.0, 3.0], x)", [1.0, 2.5, 2.0], "and the second gets nothing of it"),
    "minimum_tie_second": ("tf.minimum([1.0, 2.0, 3.0], x)", [1.0, 2.5, 2.0], "and the second gets nothing of it"),
    "reduce_max_ties": ("tf.reduce_max(x)", [3.0, 1.0, 3.0, 3.0], "equal maxima share alike"),
    "reduce_min_ties": ("tf.reduce_min(x, axis=1)", [[1.0, 1.0], [2.0, 5.0]], "equal minima share alike"),
    "abs_at_0": ("tf.abs(x)", [-1.0, 0.0, 2.0], "sign(0) = 0"),
    "sign": ("tf.sign(x)", [-1.0, 0.0, 2.0], "zeros, not None"),
    "sqrt_at_0": ("tf.sqrt(x)", [0.0, 4.0], "inf"),
    "norm_at_0": ("tf.norm(x)", [0.0, 0.0], "0 / 0 is NaN"),
    "relu_at_0": ("tf.nn.relu(x)", [-1.0, 0.0, 1.0], "0 at the kink"),
    "relu6_at_kinks": ("tf.nn.relu6(x)", [-1.0, 0.0, 3.0, 6.0, 7.0], "0 at both kinks"),
    "leaky_relu_at_0": ("tf.nn.leaky_relu(x)", [-1.0, 0.0, 1.0], "the slope of the left at the kink"),
    "elu_at_0": ("tf.nn.elu(x)", [-1.0, 0.0, 1.0], "1 at 0"),
    "clip_on_boundary": ("tf.clip_by_value(x, 0.0, 1.0)", [-0.5, 0.0, 0.5, 1.0, 1.5], "1 on the boundary, not a half"),
    "clip_by_norm_on_boundary": ("tf.clip_by_norm(x, 5.0)", [3.0, 4.0], "a norm equal to the limit counts as above it: the tie is the norm's"),
    "pow_at_0": ("x ** 2.0 + x ** 1.0", [0.0, 2.0], "y x^(y - 1), no logarithm"),
    "pow_0_exponent": ("tf.pow(x, 0.0)", [0.0, 2.0], "0, not 0 * inf"),
    "pow_by_exponent": ("tf.pow([0.0, 2.0, 3.0], x)", [2.0, 2.0, 0.0], "where the base is 0, its logarithm counts as 0"),
    "pow_of_negative_by_exponent": ("tf.pow([-2.0, -1.0], x)", [2.0, 3.0], "where the base is negative, too"),
    "log_at_0": ("tf.math.log(x)", [0.0, 1.0], "inf"),
    "log1p_at_minus_1": ("tf.math.log1p(x)", [-1.0, 0.0], "inf"),
    "divide_by_0": ("1.0 / x", [0.0, 2.0], "-inf"),
    "divide_0_by_0": ("x / [0.0, 2.0]", [0.0, 0.0], "1 / 0 is inf whatever x is"),
    "div_no_nan": ("tf.math.divide_no_nan(1.0, x)", [0.0, 2.0], "0 where the divisor is 0"),
    "multiply_no_nan": ("tf.math.multiply_no_nan(x, [0.0, 2.0])", [float("inf"), 1.0], "0 where the factor is 0"),
    "xlogy": ("tf.math.xlogy(x, [0.0, 2.0, 3.0])", [0.0, 0.0, 1.0], "by x it is log y, and 0 where x is 0"),
    "xlogy_by_y": ("tf.math.xlogy([0.0, 0.0, 1.0], x)", [0.0, 2.0, 3.0], "by y it is x / y, and 0 where x is 0"),
    "xlog1py": ("tf.math.xlog1py(x, [-1.0, 2.0, 3.0])", [0.0, 0.0, 1.0], "as xlogy"),
    "xdivy": ("tf.math.xdivy(x, [0.0, 2.0, 3.0])", [0.0, 0.0, 1.0], "by x it is 1 / y, and 0 where x is 0"),
    "prod_with_zeros": ("tf.reduce_prod(x, axis=1)", [[2.0, 0.0, 3.0], [0.0, 0.0, 4.0]], "products of the others, no division"),
    "cumprod_with_zeros": ("tf.math.cumprod(x)", [2.0, 0.0, 3.0], "divides by x, 0 where that is 0: 0 for the zero, though it is 8"),
    "sort_ties": ("tf.sort(x) * [1.0, 2.0, 3.0]", [2.0, 1.0, 2.0], "to the places top_k takes, the earlier first"),
    "top_k_ties": ("tf.math.top_k(x, 2).values * [1.0, 2.0]", [3.0, 1.0, 3.0, 3.0], "the earlier of equals is taken"),
    "max_pool_ties": (
        "tf.nn.max_pool2d(tf.reshape(x, [1, 2, 2, 1]), 2, 2, 'VALID')", [5.0, 5.0, 1.0, 5.0], "to the first maximum of the window"
    ),
    "floor": ("tf.floor(x) + x", [1.5, 2.0], "floor passes nothing on"),
    "round": ("tf.round(x) + x", [1.5, 2.0], "round passes nothing on"),
    "mod": ("tf.math.floormod(x, [2.0, 3.0])", [5.0, -4.0], "1, at jumps too"),
    "mod_by_divisor": ("tf.math.floormod([5.0, -4.0], x)", [2.0, 3.0], "-floor(x / y)"),
    "atan2_at_0": ("tf.atan2(x, [1.0, 0.0])", [0.0, 2.0], "x / (x^2 + y^2)"),
    "atan2_at_origin": ("tf.atan2(x, [0.0, 1.0])", [0.0, 0.0], "0 / 0 is NaN"),
    "softplus": ("tf.nn.softplus(x)", [-100.0, 0.0, 100.0], "the sigmoid, without overflow"),
    "acos_at_1": ("tf.acos(x)", [1.0, 0.0], "-inf"),
    "cholesky": ("tf.linalg.cholesky(x)", [[4.0, 1.0], [1.0, 3.0]], "symmetric, half to each side"),
    "inverse": ("tf.linalg.inv(x)", [[4.0, 1.0], [1.0, 3.0]], "-A^-T g A^-T"),
    "det": ("tf.linalg.det(x)", [[4.0, 1.0], [1.0, 3.0]], "det times the inverse's transpose"),
    "eigh_values": ("tf.linalg.eigvalsh(x) ** 2", [[4.0, 1.0], [1.0, 3.0]], "lands in the lower triangle, doubled"),
    "eigh": ("tf.linalg.eigh(x)[1] ** 2 * [[1.0, 2.0], [3.0, 7.0]]", [[4.0, 1.0], [1.0, 3.0]], "lands in the lower triangle"),
    "svd_values": ("tf.linalg.svd(x, compute_uv=False)", [[4.0, 1.0], [2.0, 3.0]], "u v^T"),
    "svd": ("tf.linalg.svd(x)[1] ** 2 * [[1.0, 2.0], [3.0, 7.0]]", [[4.0, 1.0], [2.0, 3.0]], "of u, whatever signs it has"),
    "qr": ("tf.linalg.qr(x)[1] ** 2", [[4.0, 1.0], [2.0, 3.0]], "whatever signs r has"),
    "logsumexp": ("tf.reduce_logsumexp(x)", [1000.0, 0.0, -1000.0], "the softmax, without overflow"),
    "logsumexp_of_infinities": ("tf.reduce_logsumexp(x)", [float("-inf"), 0.0], "-inf has no share, and makes no NaN"),
    "l2_normalize_at_0": ("tf.math.l2_normalize(x)", [0.0, 0.0], "divides by the root of epsilon"),
    "segment_max_ties": ("tf.math.segment_max(x, [0, 0, 1])", [2.0, 2.0, 1.0], "equal maxima share alike"),
    "unsorted_segment_prod": (
        "tf.math.unsorted_segment_prod(x, [0, 0, 1], 2)", [0.0, 3.0, 2.0], "products of the others where there is a zero"
    ),
    "gather_twice": ("tf.gather(x, [0, 0, 2])", [1.0, 2.0, 3.0], "slices with an index twice, which add up"),
    "squared_difference": ("tf.math.squared_difference(x, [1.0, 2.0])", [1.0, 4.0], "0 where they are equal"),
    "huber_like_where": ("tf.where(x > 0.0, x * x, -x)", [-1.0, 0.0, 2.0], "only the branch taken"),
}  # fmt: skip


def gradient(tf, case):
    """The gradient of the sum of a case's expression, as nested lists (indexed slices as dense)."""
    expression, start, _ = CASES[case]
    x = tf.constant(start)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = eval(expression, {"tf": tf, "x": x})
    g = tape.gradient(y, x)
    return None if g is None else tf.convert_to_tensor(g).numpy().tolist()
