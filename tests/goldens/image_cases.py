"""tf.image cases whose values no formula on a line states: recorded by make_image.py, checked by test_image_goldens.py.

A case is (name, arrays, function(tf, *tensors), gradient positions).
"""

import numpy as np

draw = np.random.default_rng(42)
SMALL = draw.uniform(0, 1, (2, 5, 7, 3)).astype(np.float32)
LARGE = draw.uniform(0, 1, (1, 19, 16, 3)).astype(np.float32)
BYTES = draw.integers(0, 256, (6, 5, 3)).astype(np.uint8)
BOXES = np.array([[0.1, 0.2, 0.7, 0.9], [0.8, 0.1, 0.2, 0.6], [-0.2, 0.3, 1.1, 0.8]], np.float32)
CASES = []


def add(name, inputs, function, grads=""):
    CASES.append((name, inputs, function, [int(g) for g in grads]))


# The other methods get both sizes; every case is a compile.
_SIZES = {"lanczos5": [(8, 4)], "gaussian": [(8, 4)], "mitchellcubic": [(3, 13)]}
for _method in ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"):
    _grads = "" if _method == "area" else "0"  # TensorFlow's area has no gradient
    for _size in _SIZES.get(_method, [(8, 4), (3, 13)]):
        add(f"resize {_method} {_size}", [SMALL], lambda tf, x, m=_method, s=_size: tf.image.resize(x, s, m), _grads)
    if _method not in ("nearest", "area", "lanczos5"):
        add(f"resize {_method} antialias", [LARGE],
            lambda tf, x, m=_method: tf.image.resize(x, (5, 20), m, antialias=True),
            "0" if _method == "bilinear" else "")  # fmt: skip
for _name in ("bilinear", "nearest_neighbor", "bicubic", "area"):
    for _corners in (False, True):
        add(f"v1 {_name} corners={_corners}", [SMALL],
            lambda tf, x, n=_name, c=_corners: getattr(tf.compat.v1.image, "resize_" + n)(x, (8, 4), align_corners=c),
            "" if _name == "area" else "0")  # fmt: skip
add("resize keeps the ratio", [BYTES], lambda tf, x: tf.image.resize(x, (9, 9), preserve_aspect_ratio=True))
add("resize_with_pad", [SMALL], lambda tf, x: tf.image.resize_with_pad(x, 9, 8), "0")
add("resize_image_with_pad", [BYTES], lambda tf, x: tf.compat.v1.image.resize_image_with_pad(x, 4, 9, 2))
add("resize_with_crop_or_pad", [SMALL], lambda tf, x: tf.image.resize_with_crop_or_pad(x, 8, 4), "0")
for _method in ("bilinear", "nearest"):
    add(f"crop_and_resize {_method}", [SMALL, BOXES],
        lambda tf, x, b, m=_method: tf.image.crop_and_resize(x, b, [0, 1, 0], (4, 3), m, 0.5),
        "01" if _method == "bilinear" else "0")  # fmt: skip
add("draw_bounding_boxes", [SMALL], lambda tf, x: tf.image.draw_bounding_boxes(x, [BOXES, BOXES[::-1]], None))
add("draw colours", [SMALL],
    lambda tf, x: tf.image.draw_bounding_boxes(x, [BOXES, BOXES[::-1]], [[1.0, 0.0, 0.5], [0.0, 0.25, 1.0]]))  # fmt: skip
add("extract_glimpse", [SMALL],
    lambda tf, x: tf.image.extract_glimpse(x, (3, 4), [[0.0, 0.0], [0.9, -0.4]], noise="zero"))  # fmt: skip
for _delta in (0.1, -0.4):
    add(f"adjust_hue {_delta}", [SMALL], lambda tf, x, d=_delta: tf.image.adjust_hue(x, d))
add("adjust_hue bytes", [BYTES], lambda tf, x: tf.image.adjust_hue(x, 0.3))
add("adjust_saturation", [SMALL], lambda tf, x: tf.image.adjust_saturation(x, 1.7))
add("adjust_saturation bytes", [BYTES], lambda tf, x: tf.image.adjust_saturation(x, 0.4))
add("adjust_contrast bytes", [BYTES], lambda tf, x: tf.image.adjust_contrast(x, 1.4))
add("rgb_to_hsv", [SMALL], lambda tf, x: tf.image.rgb_to_hsv(x), "0")
add("hsv_to_rgb", [SMALL], lambda tf, x: tf.image.hsv_to_rgb(x))
add("ssim", [LARGE, LARGE[..., ::-1]], lambda tf, x, y: tf.image.ssim(x, y, 1.0), "0")
add("ssim map", [LARGE, LARGE[..., ::-1]],
    lambda tf, x, y: tf.image.ssim(x, y, 1.0, filter_size=5, filter_sigma=0.8, return_index_map=True))  # fmt: skip
add("ssim_multiscale", [LARGE, LARGE * 0.9],
    lambda tf, x, y: tf.image.ssim_multiscale(x, y, 1.0, power_factors=(0.3, 0.7), filter_size=7), "0")  # fmt: skip
_CORNERS = np.sort(draw.uniform(0, 1, (30, 2, 2)), 1).reshape(30, 4).astype(np.float32)
_SCORES = draw.uniform(0, 1, 30).astype(np.float32)
add("non_max_suppression", [_CORNERS, _SCORES], lambda tf, b, s: tf.image.non_max_suppression(b, s, 12, 0.3, 0.1))
add("soft nms", [_CORNERS, _SCORES],
    lambda tf, b, s: tf.image.non_max_suppression_with_scores(b, s, 12, 0.3, 0.1, 0.5))  # fmt: skip
add("padded nms", [_CORNERS, _SCORES],
    lambda tf, b, s: tf.image.non_max_suppression_padded(b, s, 40, 0.4, pad_to_max_output_size=True))  # fmt: skip
add("combined nms", [_CORNERS.reshape(2, 15, 1, 4), draw.uniform(0, 1, (2, 15, 3)).astype(np.float32)],
    lambda tf, b, s: tf.image.combined_non_max_suppression(b, s, 4, 9, 0.4, 0.2))  # fmt: skip
_ONE = np.array([[[0.2, 0.3, 0.7, 0.8]]], np.float32)
for _seed in range(2):
    add(f"stateless_sample_distorted_bounding_box {_seed}", [_ONE],
        lambda tf, b, s=_seed: tf.image.stateless_sample_distorted_bounding_box([60, 80, 3], b, (s, 7), 0.5))  # fmt: skip
    for _name, _range in (("brightness", (0.3,)), ("contrast", (0.2, 1.5)), ("hue", (0.3,)), ("saturation", (0.2, 2))):
        if _seed == (_name in ("hue", "contrast")):  # one seed each
            add(f"stateless_random_{_name} {_seed}", [BYTES], lambda tf, x, n=_name, r=_range, s=_seed:
                getattr(tf.image, "stateless_random_" + n)(x, *r, seed=(s, 3)))  # fmt: skip
    add(f"stateless flips {_seed}", [SMALL], lambda tf, x, s=_seed:
        [tf.image.stateless_random_flip_left_right(x, (s, 1)), tf.image.stateless_random_flip_up_down(x[0], (s, 2))])  # fmt: skip
    add(f"stateless_random_crop {_seed}", [SMALL],
        lambda tf, x, s=_seed: tf.image.stateless_random_crop(x, [2, 3, 4, 3], (s, 5)))  # fmt: skip


def flat(values):
    return [v for part in values for v in flat(part)] if isinstance(values, (list, tuple)) else [values]


def weighted(tf, values):
    """One number of all values, for gradients."""
    total = 0.0
    for v in values:
        weights = np.cos(np.arange(int(np.prod(v.shape)))).reshape(v.shape).astype(np.float32)
        total = total + tf.reduce_sum(v * weights)
    return total


def gradients(tf, inputs, function, grads):
    tensors = [tf.constant(x) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch([tensors[g] for g in grads])
        total = weighted(tf, flat(function(tf, *tensors)))
    return tape.gradient(total, [tensors[g] for g in grads])


def seeded(tf):
    """What the stateful functions give in turn after tf.random.set_seed, as one list."""
    image = tf.image
    tf.random.set_seed(5)
    out = []
    for seed in (None, 7):
        for _ in range(2):
            out += [image.random_flip_left_right(SMALL, seed=seed), image.random_flip_up_down(SMALL[0], seed=seed)]
            out += [image.random_brightness(BYTES, 0.3, seed=seed), image.random_contrast(BYTES, 0.2, 1.5, seed=seed)]
            out += [image.random_hue(BYTES, 0.3, seed=seed), image.random_saturation(BYTES, 0.2, 2.0, seed=seed)]
            out += image.sample_distorted_bounding_box([60, 80, 3], _ONE, seed=seed or 3, min_object_covered=0.3)
    return out
