"""Fourier transforms, windows and what is built on them; quantization.  (rows.py says how to read a row.)"""

# Rows stay rows:
# fmt: off

from rows import at, f, on, row

C = dict(dtypes="complex64 complex128", rtol=1e-4)  # two different FFTs in single precision
R = dict(dtypes="float32 float64", rtol=1e-4)

# -- transforms -------------------------------------------------------------------------------------------------------
row("signal.fft signal.ifft", on(f(2, 5)), on(f(4)), on(f(1)), on(f(2, 3, 4)), on(f()), on(f(0, 4)), on(f(3, dtype="float32")), **C)
row("signal.fft2d signal.ifft2d", on(f(3, 4)), on(f(2, 2, 3)), on(f(3)), **C)
row("signal.fft3d signal.ifft3d", on(f(2, 3, 2)), on(f(2, 2)), **C)
row("signal.fftnd signal.ifftnd", on(f(2, 3), [2, 3], [0, 1]), on(f(2, 4), [4], [1]), **C)
row("signal.rfft", on(f(2, 6)), on(f(5)), on(f(2, 5), [8]), on(f(2, 5), [4]), on(f(2, 5), [4, 4]), on(f()), **R)
row("signal.rfft2d", on(f(4, 6)), on(f(2, 3, 4), [4, 4]), on(f(3)), **R)
row("signal.rfft3d", on(f(2, 4, 4)), **R)
row("signal.rfftnd", on(f(2, 4), [2, 4], [0, 1]), on(f(2, 4), [6], [1]), dtypes="float32", rtol=1e-4)
row("signal.irfft", on(f(2, 4)), on(f(4), [5]), on(f(3), [8]), dtypes="complex64 complex128", rtol=1e-4, slope="the imaginary part of the first is ignored")
row("signal.irfft2d", on(f(4, 3)), on(f(2, 4, 3), [4, 5]), dtypes="complex64", rtol=1e-4, slope="the imaginary part of the first is ignored")
row("signal.irfft3d", on(f(2, 4, 3)), dtypes="complex64", rtol=1e-4, slope="the imaginary part of the first is ignored")
row("signal.irfftnd", on(f(2, 3), [2, 4], [0, 1]), dtypes="complex64", rtol=1e-4, slope="the imaginary part of the first is ignored")
row("signal.fftshift signal.ifftshift", on(f(5)), on(f(4, 3)), on(f(4, 3), 1), on(f(2, 3, 4), [0, 2]), dtypes="float32 int32 complex64")
row("signal.dct", on(f(2, 6)), on(f(6), 1), on(f(6), 3), on(f(6), 2, None, -1, "ortho"), on(f(6), 4), on(f(6), 2, 4), on(f(6), 2, 8), on(f(6), 5),
    **R)
row("signal.idct", on(f(2, 6)), on(f(6), 1), on(f(6), 3), on(f(6), 2, None, -1, "ortho"), on(f(6), 4), **R)
row("signal.mdct", on(f(16), 8), on(f(2, 16), 8, None, False, "ortho"), dtypes="float32", rtol=1e-4)
row("signal.inverse_mdct", on(f(3, 4)), on(f(3, 4), None, "ortho"), dtypes="float32", rtol=1e-4)

# -- frames -----------------------------------------------------------------------------------------------------------
row("signal.frame", on(f(10), 4, 2), on(f(2, 9), 4, 3, True, 7.0), on(f(5, 2), 2, 1, axis=0), on(f(3), 5, 1), on(f(3), 5, 1, pad_end=True),
    dtypes="float32 int32")
row("signal.overlap_and_add", on(f(3, 4), 2), on(f(2, 3, 4), 4), on(f(3, 4), 1), dtypes="float32 int32")
row("signal.stft", on(f(20), 8, 4), on(f(2, 20), 8, 4, 16), on(f(10), 8, 4, pad_end=True), on(f(20), 8, 4, window_fn=None), **R)
row("signal.inverse_stft", on(f(3, 5), 8, 4), on(f(3, 5), 8, 4, window_fn=None), dtypes="complex64", rtol=1e-4,
    slope="the imaginary part of the first is ignored")
row("signal.inverse_stft_window_fn", on(f(1)), rtol=1e-4, grad=False, call=lambda tf, x: tf.signal.inverse_stft_window_fn(4)(8, tf.float32))
row("signal.hann_window signal.hamming_window", on(8), on(7), on(8, False), on(1), grad=False,
    rtol=1e-4)
row("signal.kaiser_window", on(8), on(7, 4.0), on(1), grad=False, rtol=1e-4)
row("signal.kaiser_bessel_derived_window", on(8), on(8, 4.0), grad=False, rtol=1e-4)
row("signal.vorbis_window", on(8), on(7), grad=False, rtol=1e-4)
# Differences of logarithms:
row("signal.linear_to_mel_weight_matrix", on(4, 17, 8000, 80.0, 3000.0), on(), on(4, 17, 8000, 80.0, 9000.0), grad=False, rtol=1e-3)
row("signal.mfccs_from_log_mel_spectrograms", on(f(2, 8)), rtol=1e-4)

# -- quantization -----------------------------------------------------------------------------------------------------
row("quantization.fake_quant_with_min_max_args_gradient", on(f(3), at([-7.0, 0.0, 7.0])), on(f(3), at([-2.0, 0.0, 2.0]), -1.0, 1.0), grad=False)
row("quantization.fake_quant_with_min_max_vars_gradient", on(f(3), at([-2.0, 0.0, 2.0]), at(-1.0), at(1.0)), grad=False)
row("quantization.fake_quant_with_min_max_vars_per_channel_gradient", on(f(2, 3), f(2, 3), at([-1.0, -1.0, -1.0]), at([1.0, 1.0, 1.0])), grad=False)
row("quantization.quantize", on(f(2, 3), -2.0, 2.0, "qint8"), on(f(2, 3), -2.0, 2.0, "quint8"), on(f(2, 3), -2.0, 2.0, "quint8", "MIN_FIRST"),
    on(f(2, 3), -2.0, 2.0, "qint8", "SCALED"), grad=False, shapes=False, call=lambda tf, x,
    *a: [tf.cast(q, "int32") if q.dtype.is_quantized else q for q in tf.quantization.quantize(x, *a)])
row("quantization.dequantize", on(f(2, 3), "qint8"), on(f(2, 3), "quint8"), grad=False, shapes=False, call=lambda tf, x,
    t: tf.quantization.dequantize(tf.quantization.quantize(x, -2.0, 2.0, t)[0], -2.0, 2.0))


def _concat(tf, *parts):
    parts = [tf.quantization.quantize(v, -2.0, 2.0, "quint8")[0] for v in parts]
    joined, low, high = tf.quantization.quantized_concat(0, parts, [-2.0, -2.0], [2.0, 2.0])
    return [tf.cast(joined, "int32"), low, high]


row("quantization.quantized_concat", on(f(2), f(3)), grad=False, shapes=False, call=_concat)
row("math.sobol_sample", on(3, 5), on(2, 4, 3), on(2, 3, 0, "float64"), grad=False)
row("nn.isotonic_regression", on(f(2, 6)), on(f(5), False), dtypes="float32 float64")
row("nn.with_space_to_batch", on(f(1, 4, 4, 1)), call=lambda tf,
    x: tf.nn.with_space_to_batch(x, [2, 2], "VALID", lambda v, spatial, padding: v * 2.0, filter_shape=[2, 2]))
row("linalg.experimental.conjugate_gradient", on(at([[4.0, 1.0], [1.0, 3.0]]), f(2)), grad=False, rtol=1e-3, call=lambda tf, a,
    x: tf.linalg.experimental.conjugate_gradient(tf.linalg.LinearOperatorFullMatrix(a, is_self_adjoint=True, is_positive_definite=True), x).x)
row("v1:batch_matmul", on(f(2, 2, 3), f(2, 3, 1)), call=lambda tf, *x: tf.matmul(*x))
row("edit_distance", on(at([1, 2, 3], "int64"), at([1, 3], "int64")), on(at([1, 2, 3], "int64"), at([1, 3], "int64"), False), grad=False,
    call=lambda tf, x, y,
    *a: tf.edit_distance(tf.SparseTensor([[0, 0], [0, 1], [1, 0]], x, [2, 2]), tf.SparseTensor([[0, 0], [1, 0]], y, [2, 1]), *a))
row("sparse.bincount", on(at([1, 1, 2], "int64")), grad=False, call=lambda tf, v: tf.sparse.bincount(v))
row("v1:convert_to_tensor_or_sparse_tensor", on(f(2)), on([1, 2]))

# -- ragged tensors ---------------------------------------------------------------------------------------------------
RAGGED = lambda tf, v: tf.RaggedTensor.from_row_lengths(v, [2, 0, 3])
row("ragged.constant", on([[1, 2], [], [3]]), on([[1.5], [2.5, 3.5]]), on([["a"], ["b", "c"]]), on([[[1], [2, 3]], []]), on([[1], 2]), grad=False)
row("ragged.range", on([2, 0, 3]), on([1, 2], [4, 3]), on([0, 5], [6, 0], [2, -2]), grad=False)
row("ragged.boolean_mask", on(f(3, 2), [[True, False], [False, False], [True, True]]), grad=False)
row("ragged.stack", on(f(5)), grad=False, call=lambda tf, x: tf.ragged.stack([RAGGED(tf, x), RAGGED(tf, x)]))
row("ragged.map_flat_values", on(f(5)), grad=False, call=lambda tf, x: tf.ragged.map_flat_values(tf.abs, RAGGED(tf, x)))
row("ragged.stack_dynamic_partitions", on(f(4), at([0, 2, 0, 1], "int32"), 3), grad=False)
row("ragged.row_splits_to_segment_ids", on(at([0, 2, 2, 5], "int64")), grad=False)
row("ragged.segment_ids_to_row_splits", on(at([0, 0, 2], "int64")), on(at([0, 0, 2], "int32"), 5), grad=False)
row("ragged.cross ragged.cross_hashed", on([[["a"], ["b"]], [["c"], ["d"]]]), grad=False, call=lambda tf,
    x: tf.ragged.cross([tf.ragged.constant(part) for part in x]))
row("v1:ragged.constant_value", on([[1, 2], [3]]), grad=False, shapes=False, call=lambda tf, x: tf.compat.v1.ragged.constant_value(x).values)
row("v1:ragged.placeholder", on(), grad=False, shapes=False, call=lambda tf: None)

# -- TF1's own forms --------------------------------------------------------------------------------------------------
row("v1:fftnd v1:ifftnd", on(f(2, 3), [2, 3], [0, 1]), dtypes="complex64", rtol=1e-4)
row("v1:rfftnd", on(f(2, 4), [2, 4], [0, 1]), rtol=1e-4)
row("v1:irfftnd", on(f(2, 3), [2, 4], [0, 1]), dtypes="complex64", rtol=1e-4, slope="the imaginary part of the first is ignored")
row("v1:quantize_v2", on(f(2, 3)), grad=False, shapes=False, call=lambda tf, x: tf.cast(tf.compat.v1.quantize_v2(x, -2.0, 2.0, "qint8")[0], "int32"))
