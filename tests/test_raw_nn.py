"""tf.raw_ops of pools, convolutions, images and random numbers, against tapes, the public functions and NumPy."""

import numpy as np
import pytest

import tfcompat as tf

R = tf.raw_ops
draw = np.random.default_rng(3)
POOLS = {
    2: (dict(ksize=[1, 3, 2, 1], strides=[1, 2, 2, 1], padding="SAME"), (2, 5, 6, 3)),
    3: (dict(ksize=[1, 2, 2, 2, 1], strides=[1, 2, 1, 2, 1], padding="VALID"), (1, 4, 5, 4, 2)),
}


def _ops(n):
    names = ("MaxPool", "MaxPoolGrad", "MaxPoolGradGrad", "AvgPool", "AvgPoolGrad")
    return [getattr(R, name if n == 2 else name.replace("Pool", "Pool3D")) for name in names]


@pytest.mark.parametrize("n", [2, 3])
def test_pool_gradients_are_the_tapes(n):
    window, shape = POOLS[n]
    maximum, maximum_grad, maximum_grad_grad, mean, mean_grad = _ops(n)
    x = tf.constant(draw.permutation(int(np.prod(shape))).reshape(shape).astype(np.float32))
    argument = "value" if n == 2 else "input"
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        out = maximum(input=x, **window)
        grad = tf.constant(draw.normal(size=out.shape), tf.float32)
        best, average = tf.reduce_sum(out * grad), tf.reduce_sum(mean(**{argument: x}, **window) * grad)
    got = maximum_grad(orig_input=x, orig_output=out, grad=grad, **window)
    np.testing.assert_allclose(got, tape.gradient(best, x), 1e-6)
    got = mean_grad(orig_input_shape=shape, grad=grad, **window)
    np.testing.assert_allclose(got, tape.gradient(average, x), 1e-5, 1e-6)
    seen = maximum_grad_grad(orig_input=x, orig_output=out, grad=x, **window)  # the image itself: its maxima
    np.testing.assert_array_equal(seen, out)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Expected grad shape to be"):
        maximum_grad(orig_input=x, orig_output=out, grad=x, **window)


def test_equal_maxima():
    """An image's gradient goes to the first of them, a volume's to all, as in TensorFlow 2.21 on a CPU."""
    flat = np.array([1, 1, 0, 1, 1, 1, 1, 0], np.float32)
    for pool, shape, want in (
        (tf.nn.max_pool2d, (1, 2, 4, 1), [1, 0, 0, 1, 0, 0, 0, 0]),
        (tf.nn.max_pool3d, (1, 2, 2, 2, 1), flat),
    ):
        x = tf.constant(flat.reshape(shape))
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = pool(x, 2, 2, "VALID")
        np.testing.assert_array_equal(np.ravel(tape.gradient(y, x)), want)


def test_argmax_and_late_windows():
    window, shape = POOLS[2]
    x = draw.permutation(int(np.prod(shape))).reshape(shape).astype(np.float32)
    out, argmax = R.MaxPoolWithArgmax(input=x, **window)
    want = R.MaxPoolGrad(orig_input=x, orig_output=out, grad=out, **window)
    np.testing.assert_array_equal(R.MaxPoolGradWithArgmax(input=x, grad=out, argmax=argmax, **window), want)
    np.testing.assert_array_equal(R.MaxPoolGradGradWithArgmax(input=x, grad=x, argmax=argmax, **window), out)
    with tf.Graph().as_default(), tf.compat.v1.Session() as sess:
        ksize = tf.compat.v1.placeholder(tf.int32, [4])
        late = R.MaxPoolV2(input=tf.constant(x), ksize=ksize, strides=window["strides"], padding="SAME")
        np.testing.assert_array_equal(sess.run(late, {ksize: window["ksize"]}), out)


def test_explicit_paddings_of_a_convolution():
    x, f = draw.normal(size=(2, 5, 6, 3)).astype(np.float32), draw.normal(size=(3, 2, 3, 4)).astype(np.float32)
    pads, rest = [0, 0, 1, 0, 2, 1, 0, 0], dict(strides=[1, 2, 1, 1], padding="EXPLICIT")
    got = R.Conv2D(input=x, filter=f, explicit_paddings=pads, **rest)
    np.testing.assert_allclose(got, tf.nn.conv2d(x, f, [1, 2, 1, 1], [[0, 0], [1, 0], [2, 1], [0, 0]]), 1e-6)
    back = R.Conv2DBackpropInput(input_sizes=x.shape, filter=f, out_backprop=got, explicit_paddings=pads, **rest)
    np.testing.assert_allclose(np.sum(back * x), np.sum(np.square(got)), 1e-4)
    with pytest.raises(ValueError, match="must be nonnegative"):
        R.Conv2D(input=x, filter=f, explicit_paddings=[0, 0, -1, 0, 0, 0, 0, 0], **rest)


# What TensorFlow 2.21 gives; its wrapping by two goes once too far round and stops at the edge.
FILLS = {"CONSTANT": [9, 9, 0, 1], "NEAREST": [0, 0, 0, 1], "REFLECT": [1, 0, 0, 1], "WRAP": [2, 2, 0, 1]}


@pytest.mark.parametrize("mode", FILLS)
def test_projective_transform(mode):
    """A row of three moved two to the right; then half a pixel, where two are mixed."""
    row = np.arange(3, dtype=np.float32).reshape(1, 1, 3, 1)
    more = dict(images=row, output_shape=[1, 4], fill_value=9.0, fill_mode=mode)
    moved = R.ImageProjectiveTransformV3(transforms=[[1.0, 0, -2, 0, 1, 0, 0, 0]], interpolation="NEAREST", **more)
    np.testing.assert_array_equal(np.ravel(moved), FILLS[mode])
    mixed = R.ImageProjectiveTransformV3(transforms=[[1.0, 0, 0.5, 0, 1, 0, 0, 0]], interpolation="BILINEAR", **more)
    np.testing.assert_allclose(np.ravel(mixed)[:2], [0.5, 1.5])
    with pytest.raises(tf.errors.InvalidArgumentError, match="should be num_images x 8"):
        R.ImageProjectiveTransformV3(transforms=[[1.0] * 7], interpolation="NEAREST", **more)


def test_resize_gradients():
    grads = draw.normal(size=(1, 4, 6, 2)).astype(np.float32)
    image = tf.constant(draw.normal(size=(1, 3, 2, 2)), tf.float32)
    for name, method in (("Bilinear", "bilinear"), ("NearestNeighbor", "nearest")):
        with tf.GradientTape() as tape:
            tape.watch(image)
            total = tf.reduce_sum(tf.image.resize(image, (4, 6), method) * grads)
        more = {"size": [3, 2]} if method == "nearest" else {"original_image": image}
        got = getattr(R, f"Resize{name}Grad")(grads=grads, half_pixel_centers=True, **more)
        np.testing.assert_allclose(got, tape.gradient(total, image), 1e-5, 1e-6)


def test_png_rows_are_filtered_by_what_fits_best():
    ramp = np.stack(np.broadcast_arrays(np.arange(200)[:, None], np.arange(256), 7), -1).astype(np.uint8)
    for image in (ramp, draw.integers(0, 256, (5, 7, 4)).astype(np.uint8), np.zeros((3, 3, 1), np.uint8)):
        data = tf.io.encode_png(image, compression=7)
        np.testing.assert_array_equal(tf.io.decode_png(data), image)
    assert len(tf.io.encode_png(ramp).numpy()) < 1200


def test_jpeg_arguments_without_an_effect_are_refused():
    data = tf.io.encode_jpeg(draw.integers(0, 256, (16, 16, 3)).astype(np.uint8))
    whole = tf.io.decode_jpeg(data, try_recover_truncated=True, acceptable_fraction=0.5)
    np.testing.assert_array_equal(whole, tf.io.decode_jpeg(data, dct_method="INTEGER_ACCURATE"))
    with pytest.raises(NotImplementedError, match="try_recover_truncated"):
        tf.io.decode_jpeg(data.numpy()[:-200], try_recover_truncated=True)


def test_random_numbers_of_two_seeds():
    """TensorFlow 2.21's numbers; seeds as they are, whatever the global one."""
    tf.random.set_seed(99)
    np.testing.assert_allclose(
        R.RandomStandardNormal(shape=[3], dtype=tf.float32, seed=1, seed2=2), [-1.0467793, 0.8397046, 1.2358364], 1e-6
    )
    assert R.RandomUniformInt(shape=[4], minval=3, maxval=900, seed=1, seed2=2).numpy().tolist() == [464, 485, 855, 32]
    assert R.Multinomial(logits=[[1.0, 2.0, 3.0]], num_samples=5, seed=1, seed2=2).numpy().tolist() == [[1, 2, 1, 1, 2]]
    assert R.RandomShuffle(value=np.arange(5), seed=3, seed2=4).numpy().tolist() == [1, 0, 4, 3, 2]


def test_windows_of_many_positions():
    """Erosion by a filter of 17 x 17 zeros is the least of each window; built at once where its size is unknown."""
    x = draw.normal(size=(1, 18, 19, 2)).astype(np.float32)
    want = [[[x[0, i : i + 17, j : j + 17].min((0, 1)) for j in range(3)] for i in range(2)]]
    with tf.Graph().as_default(), tf.compat.v1.Session() as sess:
        kernel = tf.compat.v1.placeholder(tf.float32, [None, None, 2])
        eroded = tf.compat.v1.nn.erosion2d(x, kernel, [1] * 4, [1] * 4, "VALID")
        np.testing.assert_array_equal(sess.run(eroded, {kernel: np.zeros((17, 17, 2))}), want)


def test_generators_are_saved(tmp_path):
    generator = tf.random.Generator.from_seed(3)
    checkpoint = tf.train.Checkpoint(generator=generator)
    path = checkpoint.save(str(tmp_path / "x"))
    first = generator.normal([3]).numpy()
    checkpoint.restore(path)
    np.testing.assert_array_equal(generator.normal([3]), first)
