"""Spectra of signals: short-time Fourier transforms, cosine transforms, the mel scale."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export, op, publish
from ..scopes import name_scope
from .signal_fft import irfft, resized, rfft
from .signal_frames import frame, overlap_and_add
from .signal_windows import hamming_window, hann_window, vorbis_window


def _rank_at_least(x, rank):
    if x._rank() is not None and x._rank() < rank:
        raise ValueError(f"Shape {x.shape} must have rank at least {rank}")


def _integer(value, name):
    """One integer: a Python number where it is known, else a tensor."""
    tensor = record.convert_to_tensor(value, name=name)
    if tensor._rank() not in (None, 0):
        raise ValueError(f"{name}: Shape {tensor.shape} must have rank 0")
    known = record.static_value(tensor)
    return tensor if known is None else int(known)


def _power_of_two(n):
    """The smallest power of two that is not below n."""
    if isinstance(n, int):
        return 1 << max(n - 1, 0).bit_length()
    exponent = OPS["Ceil"].public(OPS["Log"].public(OPS["Cast"].public(n, dtype=dtypes.float32)) / np.log(2.0))
    return OPS["Cast"].public(OPS["Pow"].public(2.0, exponent), dtype=n.dtype)


# -- the short-time Fourier transform ---------------------------------------------------------------------------------
@export("signal.stft")
def stft(signals, frame_length, frame_step, fft_length=None, window_fn=hann_window, pad_end=False, name=None):
    """signals [..., samples] -> [..., frames, fft_length // 2 + 1], complex: the `rfft` of windowed frames.

    fft_length: by default the smallest power of two that holds a frame.
    """
    with name_scope(name, "stft", [signals, frame_length, frame_step]):
        signals = record.convert_to_tensor(signals, name="signals")
        _rank_at_least(signals, 1)
        frame_length, frame_step = _integer(frame_length, "frame_length"), _integer(frame_step, "frame_step")
        fft_length = _power_of_two(frame_length) if fft_length is None else _integer(fft_length, "fft_length")
        frames = frame(signals, frame_length, frame_step, pad_end=pad_end)
        if window_fn is not None:
            frames = frames * window_fn(frame_length, dtype=frames.dtype)
        return rfft(frames, [fft_length])


@export("signal.inverse_stft")
def inverse_stft(stfts, frame_length, frame_step, fft_length=None, window_fn=hann_window, name=None):
    """stfts [..., frames, fft_length // 2 + 1] -> [..., samples]: the windowed inverse transforms, overlapped and added.

    What `stft` took in comes out again where `window_fn` is the `inverse_stft_window_fn` of its window.
    """
    with name_scope(name, "inverse_stft", [stfts]):
        stfts = record.convert_to_tensor(stfts, name="stfts")
        _rank_at_least(stfts, 2)
        frame_length, frame_step = _integer(frame_length, "frame_length"), _integer(frame_step, "frame_step")
        fft_length = _power_of_two(frame_length) if fft_length is None else _integer(fft_length, "fft_length")
        frames = record.call(OPS["ResizeLast"], [irfft(stfts, [fft_length]), frame_length], None, None)
        if window_fn is not None:
            frames = frames * window_fn(frame_length, dtype=stfts.dtype.real_dtype)
        return overlap_and_add(frames, frame_step)


@op("ResizeLast", "", static="size", own="x")
def resize_last_kernel(x, size):
    """x cut off, or filled with zeros, to `size` along the last dimension."""
    return resized(x, (-1,), (int(size),))


@op("InverseStftWindow", "", static="frame_step")
def inverse_stft_window_kernel(window, frame_step):
    n, step = window.shape[0], int(frame_step)
    overlaps = -(-n // step)
    squares = jnp.pad(window * window, (0, overlaps * step - n)).reshape(overlaps, step)
    total = jnp.tile(squares.sum(0), overlaps)[:n]
    some = total != 0
    return jnp.where(some, window / jnp.where(some, total, 1), 0)


@export("signal.inverse_stft_window_fn")
def inverse_stft_window_fn(frame_step, forward_window_fn=hann_window, name=None):
    """A window function for `inverse_stft` which, after `forward_window_fn` in `stft`, gives the signal back."""

    def window_fn(frame_length, dtype):
        """The window [frame_length] of `dtype`."""
        with name_scope(name, "inverse_stft_window_fn", [forward_window_fn]):
            window = forward_window_fn(frame_length, dtype=dtype)
            step = _integer(frame_step, "frame_step")
            return record.call(OPS["InverseStftWindow"], [window, step], None, None)

    return window_fn


# -- cosine transforms ------------------------------------------------------------------------------------------------
def _turns(n, sign, dtype):
    """2 exp(sign i pi k / 2n) for k < n."""
    angle = sign * np.pi * 0.5 * np.arange(n) / n
    return (2 * np.exp(1j * angle)).astype(np.result_type(dtype, np.complex64))


def _first_and_rest(n, first, rest, dtype):
    return np.concatenate([[first], np.full(n - 1, rest)]).astype(dtype)


def _dct(x, type, norm):
    n = x.shape[-1]
    if 0 in x.shape:
        return x
    if type == 1:  # of the signal and its mirror image, without the two ends twice
        return jnp.real(jnp.fft.rfft(jnp.concatenate([x, x[..., -2:0:-1]], -1)))
    if type == 2:
        out = jnp.real(jnp.fft.rfft(x, 2 * n)[..., :n] * _turns(n, -1, x.dtype))
        half = 0.5 / np.sqrt(n)
        return out * _first_and_rest(n, half, half * np.sqrt(2.0), x.dtype) if norm else out
    if type == 3:
        root = np.sqrt(n)
        x = x * (_first_and_rest(n, root, root * np.sqrt(0.5), x.dtype) if norm else np.asarray(n, x.dtype))
        return jnp.fft.irfft(_turns(n, 1, x.dtype) * x, 2 * n)[..., :n]
    out = _dct(resized(x, (-1,), (2 * n,)), 2, None)[..., 1::2]
    return out * np.asarray(np.sqrt(0.5 / n), x.dtype) if norm else out


@op("Dct", "", dtypes="float32 float64")
def dct_kernel(input, *, type=2, n=None, norm=None):
    if not input.ndim:
        raise errors.InvalidArgumentError(None, None, "Input must have rank of at least 1 but got: [] [Op:Dct]")
    if n is not None:
        input = resized(input, (-1,), (n,))
    if type == 1 and input.shape[-1] < 2:
        raise ValueError("Type-I DCT requires the dimension to be greater than one.")
    return _dct(input, type, norm).astype(input.dtype)


def _cosine(input, type, n, axis, norm, name):
    if axis != -1:
        raise NotImplementedError(f"axis must be -1. Got: {axis}")
    if n is not None and n < 1:
        raise ValueError("n should be a positive integer or None")
    if type not in (1, 2, 3, 4):
        raise ValueError("Types I, II, III and IV (I)DCT are supported.")
    if type == 1 and norm == "ortho":
        raise ValueError("Normalization is not supported for the Type-I DCT.")
    if norm not in (None, "ortho"):
        raise ValueError(f"Unknown normalization. Expected None or 'ortho', got: {norm}")
    with name_scope(name, "dct", [input]):
        input = record.convert_to_tensor(input)
        if input.dtype.name not in ("float32", "float64"):
            raise ValueError(f"RFFT requires tf.float32 or tf.float64 inputs, got: {input}")
        if type == 1 and input._rank() and (input._shape_tuple()[-1] or 2) < 2:
            raise ValueError("Type-I DCT requires the dimension to be greater than one.")
        return record.call(OPS["Dct"], [input], {"type": type, "n": n, "norm": norm}, None)


@export("signal.dct", v1="signal.dct spectral.dct")
def dct(input, type=2, n=None, axis=-1, norm=None, name=None):  # TensorFlow's names
    """The discrete cosine transform of type 1 to 4 over the last dimension, cut off or filled up to `n`.

    norm 'ortho' makes it orthonormal.  Raises NotImplementedError for another `axis`, ValueError for other types.
    """
    return _cosine(input, type, n, axis, norm, name)


@export("signal.idct", v1="signal.idct spectral.idct")
def idct(input, type=2, n=None, axis=-1, norm=None, name=None):
    """The inverse of `dct` of this type, up to the factor 2 n (2 (n - 1) for type 1) where `norm` is None."""
    return _cosine(input, {2: 3, 3: 2}.get(type, type), n, axis, norm, name)


@op("MdctFold", "")
def mdct_fold_kernel(frames):
    a, b, c, d = jnp.split(frames, 4, -1)
    return jnp.concatenate([-c[..., ::-1] - d, a - b[..., ::-1]], -1)


@op("MdctUnfold", "")
def mdct_unfold_kernel(frames):
    a, b = jnp.split(frames, 2, -1)
    return jnp.concatenate([b, -b[..., ::-1], -a[..., ::-1], -a], -1)


@export("signal.mdct")
def mdct(signals, frame_length, window_fn=vorbis_window, pad_end=False, norm=None, name=None):
    """signals [..., samples] -> [..., frames, frame_length / 2]: the cosine transform of type 4 of frames that
    overlap by half.  Raises ValueError where `frame_length` is no multiple of 4.
    """
    with name_scope(name, "mdct", [signals, frame_length]):
        signals = record.convert_to_tensor(signals, name="signals")
        _rank_at_least(signals, 1)
        frame_length = _integer(frame_length, "frame_length")
        if isinstance(frame_length, int) and frame_length % 4:
            raise ValueError("The frame length must be a multiple of 4.")
        frames = frame(signals, frame_length, frame_length // 2, pad_end=pad_end)
        window = 1.0 / np.sqrt(2) if window_fn is None else window_fn(frame_length, dtype=frames.dtype)
        return dct(OPS["MdctFold"].public(frames * window), type=4, norm=norm)


@export("signal.inverse_mdct")
def inverse_mdct(mdcts, window_fn=vorbis_window, norm=None, name=None):
    """mdcts [..., frames, n] -> [..., samples]: the inverse of `mdct` with the same window."""
    with name_scope(name, "inverse_mdct", [mdcts]):
        mdcts = record.convert_to_tensor(mdcts, name="mdcts")
        _rank_at_least(mdcts, 2)
        half = mdcts._shape_tuple()[-1]
        half = OPS["Shape"].public(mdcts)[-1] if half is None else half
        back = dct(mdcts, type=4, norm=norm)
        if norm is None:
            back = back * (0.5 / OPS["Cast"].public(half, dtype=mdcts.dtype))
        frames = OPS["MdctUnfold"].public(back)
        window = 1.0 / np.sqrt(2) if window_fn is None else window_fn(2 * half, dtype=mdcts.dtype)
        return overlap_and_add(frames * window, half)


# -- the mel scale ----------------------------------------------------------------------------------------------------
def _mel(hertz):
    """Frequencies on the mel scale, with HTK's constants."""
    return 1127.0 * jnp.log(1.0 + hertz / 700.0)


@op("LinearToMelWeightMatrix", "", static="num_spectrogram_bins")
def linear_to_mel_kernel(sample_rate, lower_edge_hertz, upper_edge_hertz, num_spectrogram_bins, *, num_mel_bins):
    # The spectrogram's lowest bin, at zero hertz, has no place on the mel scale and weighs nothing.
    bins = jnp.arange(1, int(num_spectrogram_bins)).astype(sample_rate.dtype)
    linear = bins * (sample_rate / 2 / np.asarray(max(int(num_spectrogram_bins) - 1, 1), sample_rate.dtype))
    lowest, highest = _mel(lower_edge_hertz), _mel(upper_edge_hertz)
    step = (highest - lowest) / np.asarray(num_mel_bins + 1, sample_rate.dtype)
    edges = lowest + step * jnp.arange(num_mel_bins + 2).astype(sample_rate.dtype)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    place = _mel(linear)[:, None]
    weights = jnp.maximum(0, jnp.minimum((place - low) / (middle - low), (high - place) / (high - middle)))
    return jnp.pad(weights, [(1, 0), (0, 0)]).astype(sample_rate.dtype)


def _check_mel(num_mel_bins, sample_rate, lower, upper, dtype):
    if num_mel_bins <= 0:
        raise ValueError(f"num_mel_bins must be positive. Got: {num_mel_bins}")
    if lower < 0:
        raise ValueError(f"lower_edge_hertz must be non-negative. Got: {lower}")
    if lower >= upper:
        raise ValueError(f"lower_edge_hertz {lower:.1f} >= upper_edge_hertz {upper:.1f}")
    if sample_rate is not None and sample_rate <= 0:
        raise ValueError(f"sample_rate must be positive. Got: {sample_rate}")
    if sample_rate is not None and upper > sample_rate / 2:
        raise ValueError(
            "upper_edge_hertz must not be larger than the Nyquist frequency (sample_rate / 2). "
            f"Got {upper} for sample_rate: {sample_rate}"
        )
    if not dtype.is_floating:
        raise ValueError(f"dtype must be a floating point type. Got: {dtype!r}")


@export("signal.linear_to_mel_weight_matrix")
def linear_to_mel_weight_matrix(num_mel_bins=20, num_spectrogram_bins=129, sample_rate=8000, lower_edge_hertz=125.0,
                                upper_edge_hertz=3800.0, dtype=dtypes.float32, name=None):  # fmt: skip
    """[num_spectrogram_bins, num_mel_bins]: what a spectrogram is multiplied with to have its bins on the mel scale."""
    dtype = dtypes.as_dtype(dtype)
    known = sample_rate
    if isinstance(sample_rate, record.Tensor):
        known = record.static_value(sample_rate)
        sample_rate = OPS["Cast"].public(sample_rate, dtype=dtype)
    _check_mel(num_mel_bins, known, lower_edge_hertz, upper_edge_hertz, dtype)
    inputs = [record.convert_to_tensor(v, dtype) for v in (sample_rate, lower_edge_hertz, upper_edge_hertz)]
    return record.call(
        OPS["LinearToMelWeightMatrix"], [*inputs, num_spectrogram_bins], {"num_mel_bins": num_mel_bins}, name,
        "linear_to_mel_weight_matrix",
    )  # fmt: skip


@export("signal.mfccs_from_log_mel_spectrograms")
def mfccs_from_log_mel_spectrograms(log_mel_spectrograms, name=None):
    """log_mel_spectrograms [..., num_mel_bins] -> as many coefficients: the cosine transform of type 2, HTK's scale."""
    with name_scope(name, "mfccs_from_log_mel_spectrograms", [log_mel_spectrograms]):
        x = record.convert_to_tensor(log_mel_spectrograms)
        bins = x._shape_tuple()[-1] if x._rank() else None
        if bins == 0:
            raise ValueError(f"num_mel_bins must be positive. Got: {x}")
        bins = OPS["Shape"].public(x)[-1] if bins is None else bins
        return dct(x) * OPS["Rsqrt"].public(OPS["Cast"].public(bins, dtype=x.dtype) * 2.0)


# TF1 had these in tf.contrib first.
for _function in (frame, hamming_window, hann_window, inverse_mdct, inverse_stft, inverse_stft_window_fn, mdct,
                  linear_to_mel_weight_matrix, mfccs_from_log_mel_spectrograms, overlap_and_add, stft):  # fmt: skip
    publish(_function, "", f"contrib.signal.{_function.__name__}")
