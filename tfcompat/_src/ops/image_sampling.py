"""tf.image.sample_distorted_bounding_box: a random window that shows enough of one of the objects, by TensorFlow's own numbers."""

from __future__ import annotations

import numpy as np

from .. import dtypes, record
from ..declare import export, op
from ..graph import aval, context
from ..random_state import Stream, determinism_asked, eager_state, get_seed
from ..scopes import name_scope
from . import philox
from .array import bad
from .candidates import _below, _words
from .stateless_random import stream_of

_f = np.float32
_TYPE = "SampleDistortedBoundingBoxV2"


def _round(x):
    return int(np.rint(_f(x)))


def _window(width, height, areas, aspect, words):
    """(top, left, height, width) of a window of this aspect and an area in `areas` (shares of the image), or None."""
    least, most = (_f(a) * _f(width) * _f(height) for a in areas)
    if most <= 0 or aspect <= 0 or width <= 0 or height <= 0 or areas[0] > areas[1]:
        return None
    rows, most_rows = _round(np.sqrt(least / aspect)), _round(np.sqrt(most / aspect))
    if _round(_f(most_rows) * aspect) > width:
        most_rows = int((width + 0.5 - 1e-7) / float(aspect))
        if _round(_f(most_rows) * aspect) > width:
            most_rows -= 1
    most_rows = min(most_rows, height)
    rows = min(rows, most_rows)
    if rows < most_rows:
        rows += next(_below(most_rows - rows + 1, 32, words))
    columns = _round(_f(rows) * aspect)
    if rows * columns < least:  # rounding alone shall not decide
        rows += 1
        columns = _round(_f(rows) * aspect)
    if rows * columns > most:
        rows -= 1
        columns = _round(_f(rows) * aspect)
    if not least <= _f(rows * columns) <= most or not (0 < columns <= width and 0 < rows <= height):
        return None
    top = next(_below(height - rows, 32, words)) if rows < height else 0
    left = next(_below(width - columns, 32, words)) if columns < width else 0
    return top, left, rows, columns


def _shows(window, objects, share):
    """Whether at least `share` of one of the objects (top, left, bottom, right) is inside the window."""
    top, left, rows, columns = window
    if rows * columns < 1:
        return False
    for o in objects:
        area = max(0, o[2] - o[0]) * max(0, o[3] - o[1])
        if area < 1:
            continue
        seen = max(0, min(o[2], top + rows) - max(o[0], top)) * max(0, min(o[3], left + columns) - max(o[1], left))
        if _f(seen) / _f(area) >= _f(share):
            return True
    return False


def _check(image_size, boxes, share, aspects, areas, attempts):
    if image_size.shape != (3,):
        raise bad(_TYPE, f"image_size must be 1-dimensional and contain 3 elements, got shape {list(image_size.shape)}")
    if boxes.ndim != 3 or boxes.shape[2] != 4:
        raise bad(
            _TYPE, f"bounding_boxes must be 3-dimensional [batch, num_boxes, coords] with 4 coords: {list(boxes.shape)}"
        )
    if np.any((boxes < 0) | (boxes > 1)):
        raise bad(_TYPE, "All bounding box coordinates must be in [0.0, 1.0]")
    if not share >= 0 or share > 1:
        raise bad(_TYPE, f"Min object covered must be non-negative and at most one: {share}")
    if len(aspects) != 2 or not 0 < aspects[0] <= aspects[1]:
        raise bad(_TYPE, f"Aspect ratio range must be two positive numbers in order: {aspects}")
    if len(areas) != 2 or not 0 < areas[0] <= areas[1] <= 1:
        raise bad(_TYPE, f"Area range must be two numbers in order, in (0, 1]: {areas}")
    if attempts <= 0:
        raise bad(_TYPE, f"Max attempts must be non-negative: {attempts}")


def _sampled(state, image_size, boxes, share, aspects, areas, attempts, whole):
    """(begin [3], size [3], box [1, 1, 4]) from a stream."""
    _check(image_size, boxes, share, aspects, areas, attempts)
    height, width = (int(n) for n in image_size[:2])
    scale = np.array([height, width, height, width], _f)
    objects = (boxes.reshape(-1, 4) * scale).astype(np.int32).tolist()
    if not objects:
        if not whole:
            raise bad(_TYPE, "No bounding boxes provided as input. One must enable use_image_if_no_bounding_boxes if you wish to "
                             "not provide any bounding boxes.")  # fmt: skip
        objects = [(0, 0, height, width)]
    words, found = _words(state), None
    for _ in range(attempts):
        share_of_one = np.array([(next(words) & 0x7FFFFF) | 0x3F800000], np.uint32).view(_f)[0] - _f(1)
        aspect = share_of_one * (_f(aspects[1]) - _f(aspects[0])) + _f(aspects[0])
        window = _window(width, height, areas, aspect, words)
        if window is not None and _shows(window, objects, share):
            found = window
            break
    top, left, rows, columns = found or (0, 0, height, width)
    kind = image_size.dtype
    with np.errstate(over="ignore"):
        begin, size = np.array([top, left, 0]).astype(kind), np.array([rows, columns, -1]).astype(kind)
    return begin, size, (np.array([top, left, top + rows, left + columns], _f) / scale).reshape(1, 1, 4)


def _shapes(image_size, *_, **settings):
    return [(image_size.dtype, (3,)), (image_size.dtype, (3,)), (dtypes.float32, (1, 1, 4))]


@op(_TYPE, host=True, alike=False, stateful=True, name="SampleDistortedBoundingBoxV2")
def sample_kernel(image_size, boxes, share, state, *, aspects, areas, attempts, whole):
    state = np.asarray(state)
    drawn = _sampled(state, image_size, boxes, share, aspects, areas, attempts, whole)
    return (*drawn, philox.host_advance(state, attempts))


@op("StatelessSampleDistortedBoundingBox", host=True, alike=False, abstract=_shapes)
def stateless_sample_kernel(image_size, boxes, share, state, *, aspects, areas, attempts, whole):
    return _sampled(np.asarray(state), image_size, boxes, share, aspects, areas, attempts, whole)


def _inputs(image_size, bounding_boxes, min_object_covered, aspects, areas, attempts, whole):
    tensors = [
        record.convert_to_tensor(image_size, name="image_size"),
        record.convert_to_tensor(bounding_boxes, dtypes.float32, name="bounding_boxes"),
        record.convert_to_tensor(min_object_covered, dtypes.float32, name="min_object_covered"),
    ]
    settings = {
        "aspects": (0.75, 1.33) if aspects is None else aspects,
        "areas": (0.05, 1.0) if areas is None else areas,
        "attempts": 100 if attempts is None else attempts,
        "whole": bool(whole),
    }
    return tensors, {k: record.setting(v) for k, v in settings.items()}


def _sample(tensors, settings, pair, name):
    """Records the op on the stream of this pair of seeds."""
    definition, graph = sample_kernel.op, context.graph
    if graph is None:
        key = (_TYPE, *[record.freeze(v) for v in settings.values()])
        state = eager_state(key, pair, settings["attempts"], keep=pair != (None, None))
        drawn = definition.kernel(*[t._numpy() for t in tensors], state, **settings)
        return tuple([record.constant(v) for v in drawn[:3]])
    full = graph.op_name(name, definition.name)
    stream, kind = Stream(full, pair), tensors[0].dtype.base_dtype
    avals = (aval(kind, (3,)), aval(kind, (3,)), aval(dtypes.float32, (1, 1, 4)))
    sig = definition.signature(settings)
    return tuple(record.add_op(graph, sig, tensors, full, reads=(stream,), writes=(stream,), avals=avals))


@export("image.sample_distorted_bounding_box", v1="")
def sample_distorted_bounding_box(
    image_size, bounding_boxes, seed=0, min_object_covered=0.1, aspect_ratio_range=None, area_range=None, max_attempts=None,
    use_image_if_no_bounding_boxes=None, name=None,
):  # fmt: skip
    """(begin [3], size [3], box [1, 1, 4]) of a random window of an image of that size, for tf.slice and for drawing.

    bounding_boxes [batch, n, 4] in [0, 1]; the window shows at least `min_object_covered` of one of them.
    """
    if not seed and determinism_asked():
        raise ValueError(
            "tf.image.sample_distorted_bounding_box requires a non-zero seed to be passed in when determinism is enabled, "
            f'but got seed={seed}. Please pass in a non-zero seed, e.g. by passing "seed=1".'
        )
    with name_scope(name, "sample_distorted_bounding_box"):
        tensors, settings = _inputs(
            image_size, bounding_boxes, min_object_covered, aspect_ratio_range, area_range, max_attempts,
            use_image_if_no_bounding_boxes,
        )  # fmt: skip
        return _sample(tensors, settings, get_seed(seed) if seed else (None, None), None)


@export("", v1="image.sample_distorted_bounding_box")
def sample_distorted_bounding_box_v1(
    image_size, bounding_boxes, seed=None, seed2=None, min_object_covered=0.1, aspect_ratio_range=None, area_range=None,
    max_attempts=None, use_image_if_no_bounding_boxes=None, name=None,
):  # fmt: skip
    """TF1's tf.image.sample_distorted_bounding_box: its seeds are taken as they are, whatever tf.set_random_seed said."""
    if not seed and not seed2 and determinism_asked():
        raise ValueError(
            'tf.compat.v1.image.sample_distorted_bounding_box requires "seed" or "seed2" to be non-zero when determinism '
            f'is enabled. Please pass in a non-zero seed, e.g. by passing "seed=1". Got seed={seed} and seed2={seed2}'
        )
    with name_scope(name, "sample_distorted_bounding_box"):
        tensors, settings = _inputs(
            image_size, bounding_boxes, min_object_covered, aspect_ratio_range, area_range, max_attempts,
            use_image_if_no_bounding_boxes,
        )  # fmt: skip
        pair = (seed or 0, seed2 or 0)
        return _sample(tensors, settings, (None, None) if pair == (0, 0) else pair, None)


@export("image.stateless_sample_distorted_bounding_box", v1="")
def stateless_sample_distorted_bounding_box(
    image_size, bounding_boxes, seed, min_object_covered=0.1, aspect_ratio_range=None, area_range=None, max_attempts=None,
    use_image_if_no_bounding_boxes=None, name=None,
):  # fmt: skip
    """tf.image.sample_distorted_bounding_box as `seed`, two integers, alone decides."""
    with name_scope(name, "stateless_sample_distorted_bounding_box"):
        tensors, settings = _inputs(
            image_size, bounding_boxes, min_object_covered, aspect_ratio_range, area_range, max_attempts,
            use_image_if_no_bounding_boxes,
        )  # fmt: skip
        state = stream_of(seed)
        return tuple(record.call(stateless_sample_kernel.op, [*tensors, state], settings, None))
