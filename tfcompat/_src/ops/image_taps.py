"""Which pixels a resized pixel is mixed from, and how: tables of positions and weights along one dimension, in TensorFlow's arithmetic.

Every table is (positions int [out, taps], weights float32 [out, taps]), made by NumPy from static sizes alone.
"""

from __future__ import annotations

import math

import numpy as np

_f = np.float32
_TABLE = 1024  # TensorFlow's cubic weights are known at that many places between two pixels


def ratio(before, after, align_corners):
    """Input pixels per output pixel."""
    if align_corners and after > 1:
        return _f(before - 1) / _f(after - 1)
    return _f(before) / _f(after)


def centres(before, after, align_corners, half_pixel_centers):
    """The place in the input of each output pixel, float32 [after]."""
    step, x = ratio(before, after, align_corners), np.arange(after, dtype=_f)
    return (x + _f(0.5)) * step - _f(0.5) if half_pixel_centers else x * step


def nearest(before, after, align_corners, half_pixel_centers):
    """The nearest input pixel, int [after]."""
    step, x = ratio(before, after, align_corners), np.arange(after, dtype=_f)
    place = (x + _f(0.5)) * step if half_pixel_centers else x * step
    place = np.floor(place + _f(0.5)) if align_corners else np.floor(place)
    return np.clip(place.astype(np.int64), 0, before - 1)


def linear(before, after, align_corners, half_pixel_centers):
    """(lower pixel, upper pixel, how far from the lower to the upper), each [after]."""
    place = centres(before, after, align_corners, half_pixel_centers)
    floor = np.floor(place)
    upper = np.minimum(np.ceil(place).astype(np.int64), before - 1)
    lower = np.minimum(np.maximum(floor.astype(np.int64), 0), upper)
    return lower, upper, place - floor


def cubic(before, after, align_corners, half_pixel_centers):
    """Four pixels: Keys' cubic (a = -0.5) within the image with half-pixel centres, else a = -0.75 with the border repeated."""
    place = centres(before, after, align_corners, half_pixel_centers)
    floor = np.floor(place)
    step = np.rint((place - floor) * _f(_TABLE)).astype(np.int64)
    near, far = _cubic_table(-0.5 if half_pixel_centers else -0.75)
    weights = np.stack([far[step], near[step], near[_TABLE - step], far[_TABLE - step]], 1)
    wanted = floor.astype(np.int64)[:, None] + np.arange(-1, 3)
    places = np.clip(wanted, 0, before - 1)
    if half_pixel_centers:
        weights = _to_one(np.where(places == wanted, weights, _f(0)))
    return places, weights


def _cubic_table(a):
    """Weights of a pixel nearer than one, and of one between one and two, at each of 1025 places."""
    x = np.arange(_TABLE + 1) / _TABLE
    y = x + 1
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * y - 5 * a) * y + 8 * a) * y - 4 * a
    return near.astype(_f), far.astype(_f)


def _to_one(weights):
    total = weights.sum(1, keepdims=True, dtype=_f)
    usable = np.abs(total) >= 1000 * np.finfo(_f).tiny
    return weights * np.where(usable, _f(1) / np.where(usable, total, _f(1)), _f(1))


def area(before, after, align_corners):
    """The share of each input pixel that an output pixel covers."""
    step = ratio(before, after, align_corners)
    x = np.arange(after, dtype=_f)
    low, high = x * step, (x + _f(1)) * step
    start, stop = np.floor(low).astype(np.int64), np.ceil(high).astype(np.int64)
    places = start[:, None] + np.arange(max(1, int((stop - start).max(initial=1))))
    p, low, high = places.astype(_f), low[:, None], high[:, None]
    ends_inside = p + _f(1) > high
    first = np.where(ends_inside, step, p + _f(1) - low)
    covered = np.where(p < low, first, np.where(ends_inside, high - p, _f(1)))
    covered = np.where(places < stop[:, None], covered, _f(0))
    return np.clip(places, 0, before - 1), covered * (_f(1) / step)


# -- resampling kernels: distance (in pixels of the coarser side) -> weight, and their radius -------------------------
def _lanczos(radius):
    def weight(x):
        safe = np.where(x <= 1e-3, 1, x)
        wave = radius * np.sin(math.pi * safe) * np.sin(math.pi * safe / radius) / (math.pi * math.pi * safe * safe)
        return np.where(x > radius, 0, np.where(x <= 1e-3, 1, wave))

    return weight, float(radius)


def _triangle(x):
    return np.where(x < 1, 1 - x, 0)


def _gaussian(x):
    return np.where(x >= 1.5, 0, np.exp(-x * x / (2 * 0.5**2)))


def _box(x):
    return np.where(x < 0.5, 1, np.where(x == 0.5, 0.5, 0))


def _keys(x):
    outer = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x >= 2, 0, np.where(x >= 1, outer, (1.5 * x - 2.5) * x * x + 1))


def _mitchell(x):
    outer = ((-7 / 18 * x + 2) * x - 10 / 3) * x + 16 / 9
    return np.where(x >= 2, 0, np.where(x >= 1, outer, (7 / 6 * x - 2) * x * x + 8 / 9))


KERNELS = {
    "lanczos1": _lanczos(1), "lanczos3": _lanczos(3), "lanczos5": _lanczos(5), "gaussian": (_gaussian, 1.5), "box": (_box, 0.5),
    "triangle": (_triangle, 1.0), "keyscubic": (_keys, 2.0), "mitchellcubic": (_mitchell, 2.0),
}  # fmt: skip


def resampled(before, after, kernel_type, scale, translation, antialias):
    """A resampling kernel around each output pixel, widened by `antialias` where the image shrinks; weights add up to one."""
    kernel, radius = KERNELS[kernel_type]
    inverse = _f(1) / _f(scale)
    widened = max(inverse, _f(1)) if antialias else _f(1)
    reach = _f(radius) * widened
    taps = min(2 * math.ceil(reach) + 1, before)
    centre = (np.arange(after, dtype=_f) + _f(0.5)) * inverse - inverse * _f(translation)
    start = np.clip(np.ceil(centre - reach - _f(0.5)).astype(np.int64), 0, before - 1)
    last = np.clip(np.floor(centre + reach - _f(0.5)).astype(np.int64), 0, before - 1)
    places = start[:, None] + np.arange(taps)
    distance = np.abs((places.astype(_f) + _f(0.5) - centre[:, None]) * (_f(1) / widened))
    weights = np.where(places <= last[:, None], kernel(distance.astype(np.float64)), 0).astype(_f)
    outside = (centre < 0) | (centre > before)
    return np.minimum(places, before - 1), np.where(outside[:, None], _f(0), _to_one(weights))
