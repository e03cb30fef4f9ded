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


def test_formats_as_numbers():
    """What TensorFlow's kernels answer to dimension numbers and vectors of another data format."""
    dims, vector = R.DataFormatDimMap, R.DataFormatVecPermute
    assert dims(x=[[1, -3], [1, -1]]).numpy().tolist() == [[2, 2], [2, 1]]
    assert dims(x=[-5, 4, 1], src_format="NDHWC", dst_format="WHDCN").numpy().tolist() == [4, 3, 2]
    assert vector(x=[7, 4, 9, 3]).numpy().tolist() == [7, 3, 4, 9]
    assert vector(x=[1, 2, 3], src_format="NDHWC", dst_format="WHDCN").numpy().tolist() == [3, 2, 1]
    assert vector(x=[[1, 2], [3, 4]], src_format="NHWC", dst_format="WHCN").numpy().tolist() == [[3, 4], [1, 2]]
    for wrong, said in (
        (lambda: dims(x=1, src_format="NWC", dst_format="NCW"), "Source format must be of length 4 or 5"),
        (lambda: dims(x=1, src_format="1233", dst_format="4321"), "must determine a permutation"),
        (lambda: vector(x=[1, 2, 3]), "1D input must be of size 2 or 4"),
        (lambda: vector(x=[1, 2], src_format="1234", dst_format="4321"), "must contain H and W"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=said):
            wrong()


def test_cross_entropies_and_their_gradients():
    features = draw.normal(size=(3, 4)).astype(np.float32)
    labels = np.array([[0, 1, 0, 0], [0.5, 0, 0.5, 0], [0, 0, 0, 1]], np.float32)
    softmax = np.exp(features) / np.exp(features).sum(1, keepdims=True)
    loss, gradient = R.SoftmaxCrossEntropyWithLogits(features=features, labels=labels)
    np.testing.assert_allclose(loss, -(labels * np.log(softmax)).sum(1), 1e-5)
    np.testing.assert_allclose(gradient, softmax - labels, 1e-5, 1e-6)
    loss, gradient = R.SparseSoftmaxCrossEntropyWithLogits(features=features, labels=[1, 2, 3])
    np.testing.assert_allclose(loss, -np.log(softmax)[range(3), [1, 2, 3]], 1e-5)
    np.testing.assert_allclose(gradient, softmax - np.eye(4)[[1, 2, 3]], 1e-5, 1e-6)
    assert R.SoftmaxCrossEntropyWithLogits(features=features[0], labels=labels)[1].shape == (3, 4)
    for features in (np.ones(4, np.float32), np.ones((1, 2, 3), np.float32)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="rank 2"):
            R.SoftmaxCrossEntropyWithLogits(features=features, labels=features)


@pytest.mark.parametrize("training", [True, False])
def test_gradients_of_normalizations_are_the_tapes(training):
    x, grad = (tf.constant(draw.normal(size=(2, 3, 2, 4)), tf.float32) for _ in range(2))
    scale, offset, mean, spread = (tf.constant(draw.uniform(0.5, 2, size=4), tf.float32) for _ in range(4))
    moments = {} if training else dict(mean=mean, variance=spread)
    with tf.GradientTape() as tape:
        tape.watch([x, scale, offset])
        y = tf.compat.v1.nn.fused_batch_norm(x, scale, offset, epsilon=0.01, is_training=training, **moments)[0]
    used = tf.nn.moments(x, [0, 1, 2]) if training else (mean, spread)
    got = R.FusedBatchNormGradV3(
        y_backprop=grad, x=x, scale=scale, reserve_space_1=used[0], reserve_space_2=used[1], reserve_space_3=[0.0],
        epsilon=0.01, is_training=training,
    )  # fmt: skip
    for want, found in zip(tape.gradient(y, [x, scale, offset], grad), got):
        np.testing.assert_allclose(found, want, 1e-4, 1e-5)
    settings = dict(depth_radius=2, bias=1.5, alpha=0.7, beta=0.6)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.lrn(x, **settings)
    got = R.LRNGrad(input_grads=grad, input_image=x, output_image=y, **settings)
    np.testing.assert_allclose(got, tape.gradient(y, x, grad), 1e-5, 1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match="scale must have the same number of elements"):
        tf.compat.v1.nn.fused_batch_norm(x, tf.ones(3), offset)


def test_random_numbers_of_a_key():
    """TensorFlow 2.21's numbers."""
    stream = dict(shape=[3], key=tf.constant([5], tf.uint64), counter=tf.constant([10, 20], tf.uint64), alg=1)
    for op, want in (
        (R.StatelessRandomUniformV2, [0.06624126434326172, 0.718543529510498, 0.13748502731323242]),
        (R.StatelessRandomNormalV2, [-2.2846391201019287, -0.4575243294239044, 0.7556074857711792]),
        (R.StatelessTruncatedNormalV2, [-0.4575243294239044, 0.7556074857711792, -1.8432410955429077]),
    ):
        np.testing.assert_allclose(op(**stream), want, 1e-6)
    gamma = R.StatelessRandomGammaV3(**stream, alpha=0.5)
    np.testing.assert_allclose(gamma, [0.5604895949363708, 0.00973996240645647, 0.016040652990341187], 1e-5)
    assert R.StatelessRandomUniformIntV2(**stream, minval=3, maxval=100).numpy().tolist() == [41, 65, 17]
    key, counter = R.StatelessRandomGetKeyCounter(seed=[1, 2])
    assert key.numpy().tolist() == [10413732777507651514] and counter.numpy().tolist() == [0, 17830669156045600267]
    with pytest.raises(tf.errors.InvalidArgumentError, match="Unsupported algorithm"):
        R.StatelessRandomUniformV2(**{**stream, "alg": 2})
    assert (R.NonDeterministicInts(shape=[4]).numpy() != R.NonDeterministicInts(shape=[4]).numpy()).any()
