"""Fourier and cosine transforms, windows, frames, spectra; against NumPy, SciPy and their definitions."""

import numpy as np
import pytest
import scipy.fft
import scipy.signal
from table import c64, case, f32, f64, suite

import tfcompat as tf

S = tf.signal


def c128(*shape):
    return f64(*shape) + 1j * f64(*shape)


def single(f):
    """f in the precision of its (first) argument, as TensorFlow keeps it."""

    def rounded(x):
        wide = {"f": np.complex64, "d": np.complex128}.get(x.dtype.char, np.complex64)
        y = f(x)
        return y.astype(wide if y.dtype.kind == "c" else wide().real.dtype if x.dtype.char in "FD" else x.dtype)

    return rounded


def frames(x, length, step):
    return np.stack([x[..., i : i + length] for i in range(0, x.shape[-1] - length + 1, step)], -2)


LOOSE = {"rtol": 1e-5, "atol": 1e-5}  # sums of as many terms as the signal has

TRANSFORMS = [
    case("signal.fft", [c64(2, 6)], single(np.fft.fft), **LOOSE),
    case("signal.ifft", [c128(2, 5)], np.fft.ifft),
    case("signal.fft2d", [c64(2, 4, 6)], single(np.fft.fft2), **LOOSE),
    case("signal.ifft2d", [c128(4, 6)], np.fft.ifft2, batch=""),
    case("signal.fft3d", [c128(2, 3, 4)], np.fft.fftn, batch=""),
    case("signal.ifft3d", [c128(2, 3, 4)], np.fft.ifftn, batch=""),
    case("signal.rfft", [f32(2, 6)], single(np.fft.rfft), **LOOSE),
    case("signal.rfft", [f32(2, 6)], single(lambda x: np.fft.rfft(x, 9)), fft_length=[9], id="rfft longer", **LOOSE),
    case("signal.rfft", [f64(2, 6)], lambda x: np.fft.rfft(x, 4), fft_length=[4], id="rfft shorter"),
    case("signal.irfft", [c64(2, 4)], single(np.fft.irfft), **LOOSE),
    case("signal.irfft", [c128(2, 4)], lambda x: np.fft.irfft(x, 7), fft_length=[7], id="irfft odd"),
    case("signal.rfft2d", [f64(2, 4, 6)], np.fft.rfft2),
    case("signal.irfft2d", [c128(2, 4, 4)], np.fft.irfft2),
    case("signal.rfft3d", [f64(2, 3, 4)], np.fft.rfftn, batch=""),
    case("signal.irfft3d", [c128(2, 3, 3)], np.fft.irfftn, batch=""),
    case(
        "signal.fftnd",
        [c128(2, 3, 4)],
        lambda x: np.fft.fftn(x, (5, 2), (1, 2)),
        fft_length=[5, 2],
        axes=[1, 2],
        batch="",
    ),
    case("signal.rfftnd", [f64(2, 3, 2, 4)], lambda x: np.fft.rfftn(x, norm="ortho"), norm="ortho", batch=""),
    case(
        "signal.irfftnd",
        [c128(2, 3, 4)],
        lambda x: np.fft.irfftn(x, (3, 6), (1, 2)),
        fft_length=[3, 6],
        axes=[1, 2],
        batch="",
    ),
    case("signal.fftshift", [f32(3, 4)], np.fft.fftshift, grads="0", batch=""),
    case("signal.ifftshift", [f32(3, 5)], lambda x: np.fft.ifftshift(x, 1), axes=1, batch=""),
    # Real functions of transforms: their gradients pass through complex numbers.
    case(lambda x: tf.abs(S.rfft(x)), [f64(7)], lambda x: np.abs(np.fft.rfft(x)), grads="0", order=2, id="power"),
    case(
        lambda x: S.irfft(S.rfft(x) ** 2, [8]),
        [f64(2, 8)],
        lambda x: np.fft.irfft(np.fft.rfft(x) ** 2),
        grads="0",
        id="convolution",
    ),
    *[
        case(
            "signal.dct",
            [f64(2, 5)],
            lambda x, t=t, norm=norm: scipy.fft.dct(x, t, norm=norm),
            grads="0",
            type=t,
            norm=norm,
            id=f"dct {t} {norm}",
        )
        for t in (1, 2, 3, 4)
        for norm in (None, "ortho")
        if (t, norm) != (1, "ortho")
    ],
    case("signal.dct", [f32(2, 5)], single(lambda x: scipy.fft.dct(x, n=8)), n=8, id="dct longer", **LOOSE),
    case("signal.idct", [f64(2, 5)], lambda x: scipy.fft.idct(x, norm="ortho"), norm="ortho"),
]

FRAMES = [
    case("signal.frame", [f32(2, 9)], lambda x: frames(x, 4, 3), grads="0", frame_length=4, frame_step=3),
    case(
        "signal.frame",
        [f32(2, 7)],
        lambda x: frames(np.pad(x, ((0, 0), (0, 3)), constant_values=5), 4, 3),
        grads="0",
        frame_length=4,
        frame_step=3,
        pad_end=True,
        pad_value=5,
        id="frame to the end",
    ),
    case(
        "signal.frame",
        [f32(6, 2)],
        lambda x: np.stack([x[0:4], x[2:6]]),
        frame_length=4,
        frame_step=2,
        axis=0,
        batch="",
        id="frame along rows",
    ),
    case(
        "signal.overlap_and_add",
        [f32(2, 3, 4)],
        lambda x: sum(np.pad(x[:, i], ((0, 0), (3 * i, 6 - 3 * i))) for i in range(3)),
        grads="0",
        frame_step=3,
    ),
    case(
        "signal.stft",
        [f64(2, 20)],
        lambda x: np.fft.rfft(frames(x, 6, 3) * scipy.signal.get_window("hann", 6), 8),
        frame_length=6,
        frame_step=3,
    ),
    case(
        lambda x: S.inverse_stft(S.stft(x, 8, 2), 8, 2, window_fn=S.inverse_stft_window_fn(2))[:, 6:-6],
        [f64(2, 30)],
        lambda x: x[:, 6:-6],
        grads="0",
        batch="",
        id="inverse_stft",
    ),
    case(
        lambda x: S.inverse_mdct(S.mdct(x, 8, pad_end=True))[:, 4:-8],
        [f64(2, 24)],
        lambda x: x[:, 4:-4],
        grads="0",
        batch="",
        id="mdct",
    ),
    case(
        "signal.mfccs_from_log_mel_spectrograms",
        [f64(2, 5)],
        lambda x: scipy.fft.dct(x) / np.sqrt(10),
        grads="0",
    ),
]

test_values, test_shapes, test_gradients = suite(TRANSFORMS + FRAMES)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("hann", lambda n: scipy.signal.get_window("hann", n, n % 2 == 0)),
        ("hamming", lambda n: scipy.signal.get_window("hamming", n, n % 2 == 0)),
        ("kaiser", lambda n: scipy.signal.get_window(("kaiser", 12.0), n, False)),
        ("kaiser_bessel_derived", lambda n: scipy.signal.windows.kaiser_bessel_derived(n, 12.0 / np.pi * np.pi)),
        ("vorbis", lambda n: np.sin(np.pi / 2 * np.sin(np.pi / n * (np.arange(n) + 0.5)) ** 2)),
    ],
)
def test_windows(name, reference):
    window = getattr(S, f"{name}_window")
    for n in (2, 8) if name == "kaiser_bessel_derived" else (1, 2, 7, 8):
        got = window(n, dtype=tf.float64)
        np.testing.assert_allclose(got, reference(n), 1e-6, 1e-7)
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            length = tf.compat.v1.placeholder(tf.int32, [])
            fed = window(length)
            assert fed.shape.rank == 1
            np.testing.assert_allclose(session.run(fed, {length: n}), got, 1e-5, 1e-6)
    np.testing.assert_allclose(S.hann_window(8, periodic=False), np.hanning(8), 1e-6, 1e-7)


def test_frame_sizes_may_be_fed():
    x = np.arange(24.0).reshape(2, 12)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        n = tf.compat.v1.placeholder(tf.int32, [])
        window = S.inverse_stft_window_fn(n // 2)
        back = S.inverse_stft(S.stft(x, n, n // 2), n, n // 2, window_fn=window)
        np.testing.assert_allclose(session.run(back, {n: 4})[:, 2:-2], x[:, 2:-2], 1e-9)


def test_mel():
    """Triangles on the mel scale, of which neighbours add up to one."""
    w = S.linear_to_mel_weight_matrix(10, 257, 8000, 100.0, 3500.0, tf.float64).numpy()
    hertz = np.linspace(0, 4000, 257)
    mel = 1127 * np.log1p(hertz / 700)
    edges = np.linspace(1127 * np.log1p(100 / 700), 1127 * np.log1p(3500 / 700), 12)
    assert w.shape == (257, 10) and not w[0].any()
    inside = (mel > edges[1]) & (mel < edges[-2])
    np.testing.assert_allclose(w[inside].sum(1), 1)
    np.testing.assert_allclose(w[1:, 3], np.interp(mel[1:], edges[3:6], [0, 1, 0]), 1e-9, 1e-12)


def test_empty_and_old_names():
    v1 = tf.compat.v1
    assert v1.spectral.rfft(np.zeros([3, 0], np.float32)).shape == [3, 0]
    assert S.rfft(np.zeros([0, 4], np.float32)).shape == [0, 3] and S.dct(np.zeros([0, 4], np.float32)).shape == [0, 4]
    assert v1.fft2d is S.fft2d and v1.spectral.dct is S.dct
    np.testing.assert_allclose(S.fft([1.0, 2.0]), [3, -1])  # numbers that are no tensors become complex
    assert S.frame(np.ones(3, np.float32), 5, 2).shape == [0, 5]


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (tf.errors.InvalidArgumentError, lambda: S.fft(tf.constant(1j))),
        (tf.errors.InvalidArgumentError, lambda: S.fft(tf.constant([1.0]))),
        (tf.errors.InvalidArgumentError, lambda: S.rfft(tf.ones([3]), [2, 2])),
        (tf.errors.InvalidArgumentError, lambda: S.rfft(tf.ones([3]), [-1])),
        (ValueError, lambda: S.rfft(tf.constant([1]))),
        (ValueError, lambda: S.rfft2d(tf.ones([3]))),
        (ValueError, lambda: S.dct(tf.ones([3]), type=5)),
        (ValueError, lambda: S.dct(tf.ones([1]), type=1)),
        (NotImplementedError, lambda: S.dct(tf.ones([3, 3]), axis=0)),
        (ValueError, lambda: S.frame(tf.ones([3]), [1], 2)),
        (ValueError, lambda: S.overlap_and_add(tf.ones([3]), 2)),
        (ValueError, lambda: S.overlap_and_add(tf.ones([3, 3]), 2.0)),
        (ValueError, lambda: S.mdct(tf.ones([9]), 6)),
        (ValueError, lambda: S.hann_window(4, dtype=tf.int32)),
        (ValueError, lambda: S.hann_window([4])),
        (ValueError, lambda: S.linear_to_mel_weight_matrix(upper_edge_hertz=5000.0)),
        (ValueError, lambda: S.linear_to_mel_weight_matrix(num_mel_bins=0)),
    ],
)
def test_refusals(error, call):
    with pytest.raises(error):
        call()
