"""Fourier transforms: of one, two, three or any dimensions, of complex and of real signals.

`fft_length` says how many points are transformed in each dimension: the signal is cut off, or filled with zeros, to it.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..scopes import name_scope

_COMPLEX = dict(dtypes="complex64 complex128")


def _refuse(type, said):
    raise errors.InvalidArgumentError(None, None, f"{said} [Op:{type}]")


def _rank_at_least(type, x, rank):
    if x.ndim < rank:
        _refuse(
            type,
            f"Input must have rank of at least {rank} but got: {list(x.shape)}. "
            f"Shape must be at least rank {rank} but is rank {x.ndim}",
        )


# -- complex to complex -----------------------------------------------------------------------------------------------
def _transform(x, axes, inverse):
    """Along each of `axes`, one after the other where there are more of them than XLA's transforms take."""
    if 0 in x.shape:
        return x
    many = jnp.fft.ifftn if inverse else jnp.fft.fftn
    for i in range(0, len(axes), 3):
        x = many(x, axes=axes[i : i + 3])
    return x


def _declare_fft(rank, inverse):
    type = ("I" if inverse else "") + "FFT" + ("" if rank == 1 else f"{rank}D")
    name = type.lower()

    def kernel(input):
        _rank_at_least(type, input, rank)
        return _transform(input, tuple(range(-rank, 0)), inverse)

    which = "inverse discrete" if inverse else "discrete"
    dimensions = "dimension" if rank == 1 else f"{rank} dimensions"
    doc = f"The {which} Fourier transform over the last {dimensions} of a complex `input`; its shape."
    kernel.__name__ = name
    op(type, "", **_COMPLEX)(kernel)

    def fft(input, name=None):
        if not isinstance(input, record.Tensor):  # numbers of any kind become complex; tensors have to be
            given = record.convert_to_tensor(input)
            input = given if given.dtype.is_complex else record.convert_to_tensor(input, dtypes.complex64)
        return record.call(OPS[type], [input], None, name)

    fft.__doc__, fft.__name__, fft.__qualname__ = doc, name, name
    export(f"signal.{name}", f"signal.{name} {name} spectral.{name}")(fft)


for _rank in (1, 2, 3):
    _declare_fft(_rank, False)
    _declare_fft(_rank, True)


# -- real to complex and back -----------------------------------------------------------------------------------------
def _lengths(type, fft_length, rank):
    lengths = np.asarray(fft_length)
    if lengths.ndim == 1 and lengths.size != rank:
        _refuse(type, f"fft_length must have shape [{rank}]: Dimension must be {rank} but is {lengths.size}")
    if lengths.ndim != 1:
        _refuse(type, f"fft_length must have shape [{rank}]: Shape {lengths.shape} must have rank 1")
    if (lengths < 0).any():
        _refuse(type, f"fft_length must be >= 0, but got: {lengths.tolist()}")
    return tuple([int(n) for n in lengths])


def resized(x, axes, sizes):
    """x cut off, or filled with zeros, to `sizes` along `axes`."""
    for axis, size in zip(axes, sizes, strict=True):
        axis %= x.ndim
        if x.shape[axis] > size:
            x = x[(slice(None),) * axis + (slice(0, size),)]
        elif x.shape[axis] < size:
            x = jnp.pad(x, [(0, size - x.shape[axis] if d == axis else 0) for d in range(x.ndim)])
    return x


def _real_forward(x, axes, lengths):
    out_sizes = [*lengths[:-1], lengths[-1] // 2 + 1 if lengths[-1] else 0]
    empty = 0 in x.shape
    x = resized(x, axes, lengths)
    if empty or 0 in x.shape:
        shape = list(x.shape)
        for axis, size in zip(axes, out_sizes, strict=True):
            shape[axis] = size
        return jnp.zeros(shape, np.result_type(x.dtype, np.complex64))
    out = jnp.fft.rfft(x, axis=axes[-1])
    return _transform(out, axes[:-1], False)


def _real_backward(x, axes, lengths):
    in_sizes = [*lengths[:-1], lengths[-1] // 2 + 1]
    real = np.zeros((), x.dtype).real.dtype
    empty = 0 in x.shape
    x = resized(x, axes, in_sizes)
    if empty or 0 in x.shape or 0 in lengths:
        shape = list(x.shape)
        for axis, size in zip(axes, lengths, strict=True):
            shape[axis] = size
        return jnp.zeros(shape, real)
    return jnp.fft.irfft(_transform(x, axes[:-1], True), lengths[-1], axis=axes[-1])


def _check_rank_and_dtype(x, rank, wanted, said):
    if x.dtype.name not in wanted:
        raise ValueError(f"{said}, got: {x}")
    if x._rank() is not None and x._rank() < rank:
        raise ValueError(f"Shape {x.shape} must have rank at least {rank}")


_REAL_SAID = "RFFT requires tf.float32 or tf.float64 inputs"
_HALF_SAID = "IRFFT requires tf.complex64 or tf.complex128 inputs"


def _sizes(x):
    return OPS["Shape"].public(x)


def _half_sizes(sizes):
    """The lengths of a real signal whose transform has these sizes: the last one is taken to be even."""
    last = OPS["Maximum"].public(2 * (sizes[-1:] - 1), 0)
    return OPS["ConcatV2"].public([sizes[:-1], last], 0)


def _declare_rfft(rank):
    suffix = "" if rank == 1 else f"{rank}D"
    forward, backward, axes = f"RFFT{suffix}", f"IRFFT{suffix}", tuple(range(-rank, 0))

    @op(forward, "", static="fft_length", dtypes="float32 float64")
    def forward_kernel(input, fft_length):
        _rank_at_least(forward, input, rank)
        return _real_forward(input, axes, _lengths(forward, fft_length, rank))

    @op(backward, "", static="fft_length", **_COMPLEX)
    def backward_kernel(input, fft_length):
        _rank_at_least(backward, input, rank)
        return _real_backward(input, axes, _lengths(backward, fft_length, rank))

    def rfft(input_tensor, fft_length=None, name=None):
        with name_scope(name, forward.lower(), [input_tensor, fft_length]) as scope:
            x = record.convert_to_tensor(input_tensor, preferred_dtype=dtypes.float32)
            _check_rank_and_dtype(x, rank, ("float32", "float64"), _REAL_SAID)
            lengths = _sizes(x)[-rank:] if fft_length is None else fft_length
            return record.call(OPS[forward], [x, lengths], None, scope)

    def irfft(input_tensor, fft_length=None, name=None):
        with name_scope(name, backward.lower(), [input_tensor, fft_length]) as scope:
            x = record.convert_to_tensor(input_tensor, preferred_dtype=dtypes.complex64)
            _check_rank_and_dtype(x, rank, ("complex64", "complex128"), _HALF_SAID)
            lengths = _half_sizes(_sizes(x)[-rank:]) if fft_length is None else fft_length
            return record.call(OPS[backward], [x, lengths], None, scope)

    dimensions = "dimension" if rank == 1 else f"{rank} dimensions"
    rfft.__doc__ = (
        f"The Fourier transform over the last {dimensions} of a real signal: the n // 2 + 1 terms that tell the others."
    )
    irfft.__doc__ = (
        f"The real signal whose `rfft` over the last {dimensions} this is; `fft_length` says whether n is odd."
    )
    for function, type in ((rfft, forward), (irfft, backward)):
        function.__name__ = function.__qualname__ = name = type.lower()
        export(f"signal.{name}", f"signal.{name} spectral.{name}")(function)
    return rfft, irfft


rfft, irfft = _declare_rfft(1)
rfft2d, irfft2d = _declare_rfft(2)
rfft3d, irfft3d = _declare_rfft(3)


# -- any number of dimensions -----------------------------------------------------------------------------------------
def _axes_and_lengths(type, x, fft_length, axes):
    axes = [int(a) for a in np.asarray(axes).ravel()]
    if any(not -x.ndim <= a < x.ndim for a in axes) or len({a % x.ndim for a in axes}) != len(axes):
        _refuse(type, f"axes must be distinct dimensions of an input of rank {x.ndim}, but got: {axes}")
    axes = tuple([a % x.ndim for a in axes])
    return axes, _lengths(type, fft_length, len(axes))


def _declare_nd(type, kernel, dtypes):
    def general(input, fft_length, axes):
        chosen, lengths = _axes_and_lengths(type, input, fft_length, axes)
        return kernel(input, chosen, lengths)

    general.__name__ = type.lower()
    return op(type, "", static="fft_length axes", dtypes=dtypes)(general)


_COMPLEX_NAMES, _REAL_NAMES = "complex64 complex128", "float32 float64"
_declare_nd("FFTND", lambda x, axes, n: _transform(resized(x, axes, n), axes, False), _COMPLEX_NAMES)
_declare_nd("IFFTND", lambda x, axes, n: _transform(resized(x, axes, n), axes, True), _COMPLEX_NAMES)
_declare_nd("RFFTND", _real_forward, _REAL_NAMES)
_declare_nd("IRFFTND", _real_backward, _COMPLEX_NAMES)


@export("fftnd")
def fftnd_op(input, fft_length, axes, name=None):
    """The op FFTND: `fft_length` and `axes` are vectors of one length, the input is complex."""
    return record.call(OPS["FFTND"], [input, fft_length, axes], None, name)


@export("ifftnd")
def ifftnd_op(input, fft_length, axes, name=None):
    """The op IFFTND, the inverse of FFTND."""
    return record.call(OPS["IFFTND"], [input, fft_length, axes], None, name)


def _check_precision(name, asked, input, fits):
    fitting = fits.get(input.dtype.name)  # other dtypes are the op's to refuse
    if fitting is not None and fitting is not dtypes.as_dtype(asked):
        raise TypeError(f"{name} must be {fitting.name} for {input.dtype.name}: {asked}")


@export("rfftnd")
def rfftnd_op(input, fft_length, axes, Tcomplex=dtypes.complex64, name=None):  # TensorFlow's name
    """The op RFFTND, of a real input.  Raises TypeError where `Tcomplex` is not of the input's precision."""
    input = record.convert_to_tensor(input, preferred_dtype=dtypes.float32)
    _check_precision("Tcomplex", Tcomplex, input, {"float32": dtypes.complex64, "float64": dtypes.complex128})
    return record.call(OPS["RFFTND"], [input, fft_length, axes], None, name)


@export("irfftnd")
def irfftnd_op(input, fft_length, axes, Treal=dtypes.float32, name=None):
    """The op IRFFTND, the inverse of RFFTND.  Raises TypeError where `Treal` is not of the input's precision."""
    input = record.convert_to_tensor(input, preferred_dtype=dtypes.complex64)
    _check_precision("Treal", Treal, input, {"complex64": dtypes.float32, "complex128": dtypes.float64})
    return record.call(OPS["IRFFTND"], [input, fft_length, axes], None, name)


for _function in (fftnd_op, ifftnd_op, rfftnd_op, irfftnd_op):
    _function.__name__ = _function.__qualname__ = _function.__name__.removesuffix("_op")


def _nd(type, input_tensor, fft_length, axes, norm, name, preferred):
    inverse, half = "I" in type[:1], type.startswith("IR")
    with name_scope(name, type.lower(), [input_tensor, fft_length, axes]) as scope:
        x = record.convert_to_tensor(input_tensor, preferred_dtype=preferred)
        if type == "RFFTND":
            _check_rank_and_dtype(x, 0, _REAL_NAMES.split(), _REAL_SAID)
        if half:
            _check_rank_and_dtype(x, 0, _COMPLEX_NAMES.split(), _HALF_SAID)
        if axes is None:
            axes = list(range(x.ndim))
        if fft_length is None:
            fft_length = OPS["GatherV2"].public(_sizes(x), axes, 0) if isinstance(axes, list) else _sizes(x)
            fft_length = _half_sizes(fft_length) if half else fft_length
        if norm not in (None, "backward", "forward", "ortho"):
            raise ValueError(f"norm must be None, 'backward', 'forward' or 'ortho', but got: {norm!r}")
        if norm in ("forward", "ortho"):
            n = OPS["Cast"].public(OPS["Prod"].public(fft_length), dtype=x.dtype)
            n = n if norm == "forward" else OPS["Sqrt"].public(n)
            x = x * n if inverse else x / n
        return record.call(OPS[type], [x, fft_length, axes], None, scope)


@export("signal.fftnd")
def fftnd(input_tensor, fft_length=None, axes=None, norm=None, name=None):
    """The Fourier transform over `axes` (default: all); norm 'backward', 'ortho' or 'forward' says what is scaled."""
    return _nd("FFTND", input_tensor, fft_length, axes, norm, name, dtypes.complex64)


@export("signal.ifftnd")
def ifftnd(input_tensor, fft_length=None, axes=None, norm=None, name=None):
    """The inverse of `fftnd`."""
    return _nd("IFFTND", input_tensor, fft_length, axes, norm, name, dtypes.complex64)


@export("signal.rfftnd")
def rfftnd(input_tensor, fft_length=None, axes=None, norm=None, name=None):
    """The Fourier transform of a real signal over `axes` (default: all); the last of them is halved."""
    return _nd("RFFTND", input_tensor, fft_length, axes, norm, name, dtypes.float32)


@export("signal.irfftnd")
def irfftnd(input_tensor, fft_length=None, axes=None, norm=None, name=None):
    """The inverse of `rfftnd`."""
    return _nd("IRFFTND", input_tensor, fft_length, axes, norm, name, dtypes.complex64)


# -- shifts -----------------------------------------------------------------------------------------------------------
@op("FFTShift", "", static="axes", own="x")
def fftshift_kernel(x, axes=None, *, back=False):
    chosen = None if axes is None else tuple([int(a) for a in axes.ravel()])
    return (jnp.fft.ifftshift if back else jnp.fft.fftshift)(x, chosen)


@export("signal.fftshift")
def fftshift(x, axes=None, name=None):
    """x with the zero frequency moved to the middle of `axes` (a number or several; default: all)."""
    return record.call(OPS["FFTShift"], [x, axes], None, name, "fftshift")


@export("signal.ifftshift")
def ifftshift(x, axes=None, name=None):
    """The inverse of `fftshift`."""
    return record.call(OPS["FFTShift"], [x, axes], {"back": True}, name, "ifftshift")
