"""tf.image: sizes, crops, flips, colour, filters, boxes, encoded pictures.  (rows.py says how to read a row.)"""

# Rows stay rows:
# fmt: off

import rows
from rows import at, f, i, on


def row(*args, slope="float32", **options):
    """A row of the table; tf.image answers in float32 whatever it is asked, so slopes are taken with steps of that width."""
    rows.row(*args, slope=slope, **options)


PICTURE = f(1, 4, 6, 3, low=0.0, high=1.0)
ONE = f(4, 6, 3, low=0.0, high=1.0)
BYTES = i(4, 6, 3, low=0, high=255, dtype="uint8")
METHODS = "bilinear nearest bicubic area lanczos3 lanczos5 gaussian mitchellcubic".split()

# -- sizes ------------------------------------------------------------------------------------------------------------
row("image.resize", *[on(f(1, 4, 6, 2), size, m) for m in METHODS for size in ([8, 9], [2, 3])], on(ONE, [7, 7]), on(BYTES, [2, 3]),
    on(ONE, [8, 8], preserve_aspect_ratio=True), on(f(1, 6, 6, 1), [3, 3], "bilinear", antialias=True), on(f(2, 2), [3, 3]), on(ONE, [0, 3]),
    on(ONE, [3]), on(ONE, at([3, 4], "int32")), dtypes="float32 float64 float16 uint8 int32", rtol=1e-4)
row("v1:image.resize", on(f(1, 4, 6, 2), [8, 9]), on(f(1, 4, 6, 2), [8, 9], align_corners=True), on(ONE, [4, 6]), on(f(1, 4, 6, 2), [3, 3], 1),
    on(f(1, 4, 6, 2), [3, 3], 2), on(f(1, 4, 6, 2), [3, 3], 3), rtol=1e-4)
row("v1:image.resize_bilinear v1:image.resize_nearest_neighbor v1:image.resize_bicubic", on(f(1, 4, 6, 2), [8, 9]), on(f(1, 4, 6, 2), [3, 2], True),
    on(f(1, 4, 6, 2), [5, 5], half_pixel_centers=True), on(f(4, 6, 2), [5, 5]), rtol=1e-4, dtypes="float32 uint8")
row("v1:image.resize_area", on(f(1, 4, 6, 2), [2, 3]), on(f(1, 4, 6, 2), [3, 5]), on(f(1, 4, 6, 2), [3, 5], True), rtol=1e-4, grad=False)
row("image.resize_with_crop_or_pad", on(PICTURE, 6, 4), on(ONE, 2, 9), on(ONE, 0, 2), dtypes="float32 uint8")
row("image.resize_with_pad v1:image.resize_image_with_pad", on(PICTURE, 8, 8), on(ONE, 3, 9), rtol=1e-4)
row("image.central_crop", on(PICTURE, 0.5), on(ONE, 1.0), on(ONE, 0.0), on(ONE, 0.33), dtypes="float32 uint8")
row("image.crop_to_bounding_box", on(PICTURE, 1, 2, 2, 3), on(ONE, 0, 0, 5, 3), dtypes="float32 uint8")
row("image.pad_to_bounding_box", on(PICTURE, 1, 2, 6, 9), on(ONE, 0, 0, 3, 9), dtypes="float32 uint8")
row("image.crop_and_resize", on(f(2, 5, 5, 1), at([[0.0, 0.0, 1.0, 1.0], [0.2, 0.1, 1.2, 0.8]]), at([0, 1], "int32"), [3, 3]),
    on(f(1, 5, 5, 1), at([[0.0, 0.0, 0.5, 0.5]]), at([0], "int32"), [2, 2], "nearest", 7.0),
    on(f(1, 5, 5, 1), at([[0.0, 0.0, 0.5, 0.5]]), at([3], "int32"), [2, 2]), rtol=1e-4, grad="0")
row("v1:image.crop_and_resize", on(f(1, 5, 5, 1), at([[0.0, 0.0, 0.5, 0.5]]), at([0], "int32"), [2, 2]), rtol=1e-4, grad="0")
row("image.extract_glimpse v1:image.extract_glimpse", on(f(1, 6, 6, 1), [3, 3], at([[0.0, 0.2]])),
    on(f(1, 6, 6, 1), [3, 3], at([[0.9, 0.9]]), noise="zero"), grad=False)

# -- flips ------------------------------------------------------------------------------------------------------------
row("image.flip_left_right image.flip_up_down image.transpose image.rot90", on(PICTURE), on(ONE), on(f(2, 2)), dtypes="float32 uint8")
row("image.rot90/k", on(ONE, 2), on(PICTURE, 3), call=lambda tf, x, k: tf.image.rot90(x, k))
row("image.random_flip_left_right image.random_flip_up_down", on(PICTURE), on(ONE, 7), seed=1234, slope="random")
row("image.stateless_random_flip_left_right image.stateless_random_flip_up_down", on(PICTURE, [1, 2]))
row("image.stateless_random_crop", on(ONE, [2, 3, 3], [1, 2]))

# -- colour -----------------------------------------------------------------------------------------------------------
row("image.rgb_to_grayscale image.rgb_to_hsv image.hsv_to_rgb image.rgb_to_yiq image.rgb_to_yuv image.yiq_to_rgb image.yuv_to_rgb", on(PICTURE),
    on(ONE), on(f(2, 2)), dtypes="float32 float64", rtol=1e-4)
row("image.grayscale_to_rgb", on(f(1, 3, 3, 1)), on(f(3, 3, 1)), on(f(3, 3)), dtypes="float32 uint8")
row("image.adjust_brightness", on(PICTURE, 0.3), on(BYTES, 0.3), on(ONE, -0.2))
row("image.adjust_contrast", on(PICTURE, 1.5), on(BYTES, 0.5), on(ONE, 0.0), rtol=1e-4)
row("image.adjust_saturation image.adjust_hue", on(PICTURE, 0.4), on(BYTES, 0.4), on(f(2, 2, 1), 0.3), rtol=1e-3, grad=False)
row("image.adjust_gamma", on(PICTURE, 2.0), on(PICTURE, 0.5, 2.0), on(PICTURE, -1.0), rtol=1e-4)
row("image.random_brightness image.random_hue", on(ONE, 0.2), on(ONE, 0.2, 7), seed=1234, grad=False, rtol=1e-3)
row("image.random_contrast image.random_saturation", on(ONE, 0.2, 0.8), on(ONE, 0.2, 0.8, 7), on(ONE, 0.8, 0.2), seed=1234, grad=False, rtol=1e-3)
row("image.stateless_random_brightness image.stateless_random_hue", on(ONE, 0.2, [1, 2]), grad=False, rtol=1e-3)
row("image.stateless_random_contrast image.stateless_random_saturation", on(ONE, 0.2, 0.8, [1, 2]), grad=False, rtol=1e-3)
row("image.per_image_standardization", on(PICTURE), on(ONE), on(BYTES), rtol=1e-4)
row("image.convert_image_dtype", on(ONE, "uint8"), on(BYTES, "float32"), on(BYTES, "int16"), on(ONE, "float64"), on(ONE, "uint8", True),
    on(BYTES, "uint8"), grad=False)

# -- filters and measures ---------------------------------------------------------------------------------------------
row("image.sobel_edges", on(PICTURE), rtol=1e-4)
row("image.image_gradients", on(PICTURE), on(f(2, 2)))
row("image.total_variation", on(PICTURE), on(ONE))
row("image.psnr", on(PICTURE, PICTURE, 1.0), on(BYTES, BYTES, 255), rtol=1e-4)
row("image.ssim", on(f(1, 12, 12, 1, low=0.0, high=1.0), f(1, 12, 12, 1, low=0.0, high=1.0), 1.0), on(PICTURE, PICTURE, 1.0), rtol=1e-3)
row("image.ssim_multiscale", on(f(1, 32, 32, 1, low=0.0, high=1.0), f(1, 32, 32, 1, low=0.0, high=1.0), 1.0, power_factors=[0.5, 0.5], filter_size=5),
    rtol=1e-3, slope="pictures that have nothing in common: zero to a power below one")
row("image.ssim_multiscale/alike", on(f(1, 32, 32, 1, low=0.0, high=1.0), f(1, 32, 32, 1, low=0.0, high=0.1)), rtol=1e-3, call=lambda tf, x,
    y: tf.image.ssim_multiscale(x, 0.9 * x + y, 1.0, power_factors=[0.5, 0.5], filter_size=5))
TRANSFORM = at([[0.9, 0.2, 0.5, -0.1, 1.0, -0.3, 0.0, 0.0]])
row("raw_ops.ImageProjectiveTransformV3", on(images=f(1, 4, 5, 2), transforms=TRANSFORM, output_shape=[4, 4], fill_value=0.5, interpolation="BILINEAR"),
    on(images=f(1, 4, 5, 2), transforms=TRANSFORM, output_shape=[3, 6], fill_value=0.5, interpolation="NEAREST", fill_mode="REFLECT"), grad="0", rtol=1e-4,
    slope="taken at the inverse of the transformation")

# -- boxes ------------------------------------------------------------------------------------------------------------
BOXES = at([[0.0, 0.0, 1.0, 1.0], [0.0, 0.1, 1.0, 1.1], [0.0, 2.0, 1.0, 3.0], [0.0, 2.0, 1.0, 2.9]])
SCORES = at([0.9, 0.75, 0.6, 0.95])
row("image.non_max_suppression", on(BOXES, SCORES, 3), on(BOXES, SCORES, 3, 0.95), on(BOXES, SCORES, 1), on(BOXES, SCORES, 4, 0.5, 0.7),
    on(BOXES, f(3), 3), grad=False)
row("image.non_max_suppression_with_scores", on(BOXES, SCORES, 3), on(BOXES, SCORES, 4, soft_nms_sigma=0.5), grad=False)
row("image.non_max_suppression_padded", on(BOXES, SCORES, 4, 0.5, pad_to_max_output_size=True), grad=False)
row("image.non_max_suppression_overlaps", on(f(3, 3, low=0.0, high=1.0), f(3), 3), grad=False)
row("image.combined_non_max_suppression", on(f(1, 4, 1, 4, low=0.0, high=1.0), f(1, 4, 2, low=0.0, high=1.0), 2, 3), grad=False)
row("image.draw_bounding_boxes", on(PICTURE, at([[[0.1, 0.1, 0.8, 0.6]]]), at([[1.0, 0.0, 0.0]])), grad=False)
row("v1:image.draw_bounding_boxes", on(PICTURE, at([[[0.1, 0.1, 0.8, 0.6]]])), grad=False)
row("image.sample_distorted_bounding_box", on([4, 6, 3], at([[[0.1, 0.1, 0.8, 0.6]]]), 7), seed=1234, grad=False)
row("image.stateless_sample_distorted_bounding_box", on([4, 6, 3], at([[[0.1, 0.1, 0.8, 0.6]]]), [1, 2]), grad=False)
row("image.generate_bounding_box_proposals", on(f(1, 2, 2, 1), f(1, 2, 2, 4), at([[20.0, 20.0, 1.0]]), at([[0.0, 0.0, 8.0, 8.0]])), grad=False)

# -- pictures in files ------------------------------------------------------------------------------------------------
row("io.encode_png", on(BYTES), grad=False, call=lambda tf, x: tf.io.decode_png(tf.io.encode_png(x)))
row("io.decode_png io.decode_image", on(BYTES), grad=False, call=lambda tf, x: tf.io.decode_image(tf.io.encode_png(x)))
row("io.decode_png/channels", on(BYTES, 1), on(BYTES, 4), grad=False, call=lambda tf, x, n: tf.io.decode_png(tf.io.encode_png(x), channels=n))
# Another encoder:
row("io.encode_jpeg io.decode_jpeg", on(BYTES), grad=False, compare="dtype", call=lambda tf, x: tf.io.decode_jpeg(tf.io.encode_jpeg(x)))
row("io.is_jpeg", on(BYTES), grad=False, call=lambda tf, x: [tf.io.is_jpeg(tf.io.encode_jpeg(x)), tf.io.is_jpeg(tf.io.encode_png(x))])
row("io.extract_jpeg_shape", on(BYTES), grad=False, call=lambda tf, x: tf.io.extract_jpeg_shape(tf.io.encode_jpeg(x)))
row("io.decode_and_crop_jpeg", on(BYTES), grad=False, compare="dtype", call=lambda tf, x: tf.io.decode_and_crop_jpeg(tf.io.encode_jpeg(x), [1, 1, 2, 3]))
row("image.adjust_jpeg_quality", on(BYTES, 80), grad=False, compare="dtype")
row("image.random_jpeg_quality", on(BYTES, 70, 90), seed=1234, grad=False, compare="dtype")
row("image.stateless_random_jpeg_quality", on(BYTES, 70, 90, [1, 2]), grad=False, compare="dtype")
BMP = b"BM:\0\0\0\0\0\0\x006\0\0\0(\0\0\0\1\0\0\0\1\0\0\0\1\0\x18\0\0\0\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\2\3\0"
row("io.decode_bmp", on(at(BMP, "string")), on(at(BMP, "string"), 3), grad=False)
