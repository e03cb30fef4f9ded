"""scipy.misc's picture functions, which SciPy has dropped: the same calls, on Pillow.  Loaded with scipy.misc only."""

import numpy as np

NAMES = ("bytescale", "fromimage", "imread", "imresize", "imsave", "imshow", "toimage")

_FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "cubic": 3}


def bytescale(data, cmin=None, cmax=None, high=255, low=0):
    """Array scaled to uint8 [low, high]; uint8 comes back as it is.  Raises ValueError for a bad range."""
    data = np.asarray(data)
    if data.dtype == np.uint8:
        return data
    if not 0 <= low <= high <= 255:
        raise ValueError("low and high must satisfy 0 <= low <= high <= 255")
    cmin = data.min() if cmin is None else cmin
    cmax = data.max() if cmax is None else cmax
    span = cmax - cmin
    if span < 0:
        raise ValueError("`cmax` should be larger than `cmin`.")
    scaled = (data - cmin) * (float(high - low) / (span or 1)) + low
    return (scaled.clip(low, high) + 0.5).astype(np.uint8)


def toimage(arr, high=255, low=0, cmin=None, cmax=None, pal=None, mode=None, channel_axis=None):
    """Array [H, W], [H, W, 3|4] or [3|4, H, W] -> a Pillow image.  Raises ValueError for any other shape."""
    from PIL import Image

    data = np.asarray(arr)
    if np.iscomplexobj(data):
        raise ValueError("Cannot convert a complex-valued array.")
    if pal is not None:
        raise NotImplementedError("scipy.misc.toimage: pal is not supported")
    if data.ndim == 2:
        if mode in ("F", "I"):
            return Image.fromarray(data.astype(np.float32 if mode == "F" else np.int32))
        image = Image.fromarray(bytescale(data, cmin, cmax, high, low))
        return image if mode in (None, "L", "P") else image.convert(mode)
    if data.ndim != 3 or not {3, 4} & set(data.shape):
        raise ValueError("'arr' does not have a suitable array shape for any mode.")
    axis = channel_axis
    if axis is None:
        axis = next(a for a in (2, 0, 1) if data.shape[a] in (3, 4))
    pixels = np.moveaxis(bytescale(data, cmin, cmax, high, low), axis, 2)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return image if mode is None else image.convert(mode)


def fromimage(im, flatten=False, mode=None):
    """A Pillow image -> uint8 array [H, W] or [H, W, C]; float32 [H, W] where flattened to grey."""
    if mode is not None:
        im = im.convert(mode)
    elif im.mode in ("P", "1"):
        im = im.convert("RGBA" if "transparency" in im.info else "RGB" if im.mode == "P" else "L")
    return np.array(im.convert("F") if flatten else im)


def imread(name, flatten=False, mode=None):
    """A picture file -> array, see fromimage."""
    from PIL import Image

    with Image.open(name) as im:
        return fromimage(im, flatten, mode)


def imsave(name, arr, format=None):
    """Writes an array as a picture file; the ending of the name, or `format`, says in which format."""
    toimage(arr, channel_axis=2 if np.ndim(arr) == 3 else None).save(name, format)


def imresize(arr, size, interp="bilinear", mode=None):
    """A picture resized: `size` is a percentage (int), a fraction (float) or (height, width).  -> uint8."""
    im = toimage(arr, mode=mode)
    if isinstance(size, int | np.integer):
        target = tuple(int(n * (size / 100.0)) for n in im.size)
    elif isinstance(size, float | np.floating):
        target = tuple(int(n * size) for n in im.size)
    else:
        target = (size[1], size[0])
    return fromimage(im.resize(target, resample=_FILTERS[interp]))


def imshow(arr):
    """Shows an array in the system's picture viewer."""
    toimage(arr).show()
