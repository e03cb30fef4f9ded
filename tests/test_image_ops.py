"""tf.image where NumPy says in a line what comes out; files in and out; errors."""

import numpy as np
import pytest
from table import case, f32, suite

import tfcompat as tf

v1 = tf.compat.v1
BYTES = np.random.default_rng(3).integers(0, 256, (6, 7, 3)).astype(np.uint8)
GRAY = np.array([0.2989, 0.587, 0.114], np.float32)


def _standard(x):
    axes = (-3, -2, -1)
    return (x - x.mean(axes, keepdims=True)) / np.maximum(
        x.std(axes, keepdims=True), np.float32(1 / np.sqrt(np.prod(x.shape[-3:])))
    )


def _variation(x):
    return np.abs(np.diff(x, axis=1)).sum((1, 2, 3)) + np.abs(np.diff(x, axis=2)).sum((1, 2, 3))


def _slopes(x):
    pad = [(0, 0)] * 4
    dy, dx = list(pad), list(pad)
    dy[1] = dx[2] = (0, 1)
    return [np.pad(np.diff(x, axis=1), dy), np.pad(np.diff(x, axis=2), dx)]


test_values, test_shapes, test_gradients = suite(
    [
        case("image.flip_left_right", [f32(2, 4, 5, 3)], lambda x: x[:, :, ::-1], grads="0"),
        case("image.flip_up_down", [f32(4, 5, 3)], lambda x: x[::-1]),
        case("image.rot90", [f32(4, 5, 3)], lambda x: np.rot90(x), grads="0"),
        case("image.rot90", [f32(2, 4, 5, 3)], lambda x: np.rot90(x, 3, (1, 2)), k=-1),
        case("image.transpose", [f32(4, 5, 3)], lambda x: x.transpose(1, 0, 2)),
        case("v1:image.transpose_image", [f32(2, 4, 5, 3)], lambda x: x.transpose(0, 2, 1, 3)),
        case("image.central_crop", [f32(2, 8, 9, 3)], lambda x: x[:, 2:6, 2:7], grads="0", central_fraction=0.5),
        case(lambda x: tf.image.crop_to_bounding_box(x, 1, 2, 3, 2), [f32(2, 5, 6, 3)], lambda x: x[:, 1:4, 2:4],
             grads="0", id="crop_to_bounding_box"),
        case(lambda x: tf.image.pad_to_bounding_box(x, 1, 2, 8, 9), [f32(5, 6, 3)],
             lambda x: np.pad(x, ((1, 2), (2, 1), (0, 0))), grads="0", batch="", id="pad_to_bounding_box"),
        case("image.per_image_standardization", [f32(2, 5, 6, 3)], _standard, rtol=1e-5, atol=1e-5),
        case("image.total_variation", [f32(2, 5, 6, 3)], _variation, grads="0", rtol=1e-5),
        case("image.image_gradients", [f32(2, 5, 6, 3)], _slopes, grads="0"),
        case(lambda x: tf.image.psnr(x, x + 0.25, 1.0), [f32(2, 5, 6, 3)],
             lambda x: np.full(2, -20 * np.log10(0.25), "f4"), rtol=1e-5, id="psnr"),
        case("image.rgb_to_grayscale", [f32(5, 6, 3)], lambda x: (x @ GRAY)[..., None], rtol=1e-5, atol=1e-5),
        case("image.grayscale_to_rgb", [f32(5, 6, 1)], lambda x: np.repeat(x, 3, 2), grads="0"),
        case("image.adjust_brightness", [f32(5, 6, 3)], lambda x: x + np.float32(0.25), delta=0.25),
        case("image.adjust_contrast", [f32(5, 6, 3)],
             lambda x: (x - x.mean((0, 1))) * 0.5 + x.mean((0, 1)), rtol=1e-5, atol=1e-5, dtype=np.float32,
             contrast_factor=0.5, batch=""),
        case(lambda x: tf.image.adjust_gamma(x, 2, 3), [f32(5, 6, 3, low=0.1)], lambda x: 3 * x**2, rtol=1e-5,
             id="adjust_gamma"),
        case(lambda x: tf.image.convert_image_dtype(x, tf.float32), [BYTES], lambda x: x / np.float32(255), id="convert"),
        case(lambda x: tf.image.convert_image_dtype(x, tf.uint8, True), [f32(5, 6, low=-0.5, high=1.5)],
             lambda x: np.clip(x * np.float32(255.5), 0, 255).astype("u1"), id="convert_saturated"),
        case(lambda x: tf.image.convert_image_dtype(x, tf.uint16), [BYTES], lambda x: x.astype("u2") * 256,
             id="convert_up"),
    ]
)  # fmt: skip


# -- files ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_round_trip(channels, dtype):
    image = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (5, 9, channels)).astype(dtype)
    back = tf.io.decode_png(tf.io.encode_png(image), dtype=tf.as_dtype(dtype))
    np.testing.assert_array_equal(back, image)


def test_png_filters():
    """Pillow chooses among all five row filters."""
    image = pytest.importorskip("PIL.Image")
    import io

    y, x = np.mgrid[:40, :50]
    smooth = np.stack([np.sin(x / (5 + i)) * 60 + np.cos(y / 7) * 60 + 128 for i in range(3)], -1).astype(np.uint8)
    for pixels in (smooth, smooth[..., 0], np.random.default_rng(2).integers(0, 256, (9, 8, 4)).astype(np.uint8)):
        out = io.BytesIO()
        image.fromarray(pixels).save(out, "PNG")
        want = pixels if pixels.ndim == 3 else pixels[..., None]
        np.testing.assert_array_equal(tf.io.decode_image(out.getvalue()), want)


def test_jpeg_and_bmp():
    image = pytest.importorskip("PIL.Image")
    import io

    y, x = np.mgrid[:32, :48]
    smooth = np.stack([y * 4, x * 4, 255 - y * 4], -1).astype(np.uint8)
    data = tf.io.encode_jpeg(smooth, quality=95)
    assert bool(tf.io.is_jpeg(data)) and tf.io.extract_jpeg_shape(data).numpy().tolist() == [32, 48, 3]
    decoded = tf.io.decode_jpeg(data)
    assert decoded.dtype is tf.uint8 and np.abs(decoded.numpy().astype(int) - smooth).mean() < 4
    assert tf.io.decode_jpeg(data, channels=1).shape == (32, 48, 1)
    assert tf.io.decode_jpeg(data, ratio=2).shape == (16, 24, 3)
    np.testing.assert_array_equal(tf.io.decode_and_crop_jpeg(data, [3, 4, 10, 20]), decoded[3:13, 4:24])
    out = io.BytesIO()
    image.fromarray(smooth).save(out, "BMP")
    np.testing.assert_array_equal(tf.io.decode_bmp(out.getvalue()), smooth)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Unknown image file format"):
        tf.io.decode_image(b"no image")


def test_decoding_in_a_graph():
    with tf.Graph().as_default():
        data = v1.placeholder(tf.string, [])
        image = tf.image.decode_png(data, channels=3)
        assert image.shape.as_list() == [None, None, 3] and tf.image.decode_image(data).shape.rank is None
        small = tf.image.resize(image, [4, 4])
        assert small.shape.as_list() == [4, 4, 3]
        with v1.Session() as session:
            file = session.run(tf.io.encode_png(BYTES))
            assert session.run(small, {data: file}).shape == (4, 4, 3)


# -- shapes that only a run knows, errors -----------------------------------------------------------------------------
def test_unknown_sizes():
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, None, 3])
        size = v1.placeholder(tf.int32, [2])
        outs = [
            tf.image.resize(x, size),
            tf.image.resize(x, [6, 6], preserve_aspect_ratio=True),
            tf.image.resize_with_crop_or_pad(x, 4, 9),
            tf.image.crop_to_bounding_box(x, 1, 1, 2, size[0]),
        ]
        assert [o.shape.as_list() for o in outs] == [[None, None, 3], [None, None, 3], [4, 9, 3], [2, None, 3]]
        got = session.run(outs, {x: np.ones((4, 8, 3)), size: [3, 5]})
        assert [g.shape for g in got] == [(3, 5, 3), (3, 6, 3), (4, 9, 3), (2, 3, 3)]


@pytest.mark.parametrize(
    "error, said, call",
    [
        (ValueError, "width must be >= target", lambda: tf.image.crop_to_bounding_box(BYTES, 0, 5, 3, 3)),
        (tf.errors.InvalidArgumentError, "height", lambda: tf.image.crop_to_bounding_box(BYTES, tf.constant(5), 0, 3, 3)),
        (ValueError, "offset_height must be >= 0", lambda: tf.image.pad_to_bounding_box(BYTES, -1, 0, 9, 9)),
        (ValueError, "within", lambda: tf.image.central_crop(BYTES, 1.5)),
        (ValueError, "three-dimensional", lambda: tf.image.flip_left_right(BYTES[0])),
        (ValueError, "'size' must be a 1-D", lambda: tf.image.resize(BYTES, [3])),
        (ValueError, "not implemented", lambda: tf.image.resize(BYTES, [3, 3], "cubic")),
        (ValueError, "interval", lambda: tf.image.adjust_hue(BYTES, 2.0)),
        (ValueError, "non-negative", lambda: tf.image.random_brightness(BYTES, -1.0)),
        (NotImplementedError, "generate_bounding_box", lambda: tf.image.generate_bounding_box_proposals(*[0] * 4)),
    ],
)  # fmt: skip
def test_errors(error, said, call):
    with pytest.raises(error, match=said):
        call()
