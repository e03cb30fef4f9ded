"""TF 0.x's summaries: tf.scalar_summary and kin, whose tags are what they are given."""

from __future__ import annotations

from .. import record
from ..declare import export
from ..graph import context
from ..scopes import GraphKeys, add_to_collections
from . import ops


def _summary(kernel, inputs, tag, collections, name, **settings):
    if context.graph is None:
        return None
    made = record.call(kernel.op, inputs, {"tag": tag, **settings}, name)
    add_to_collections([GraphKeys.SUMMARIES] if collections is None else list(collections), made)
    return made


@export("", v1="scalar_summary")
def scalar_summary(tags, values, collections=None, name=None):
    """A summary of one number.  Several tags at once are refused: call it once for each."""
    if not isinstance(tags, str):
        raise NotImplementedError("tf.scalar_summary takes one tag (text) in tfcompat: call it for each value.")
    return _summary(ops.scalar_kernel, [values], tags, collections, name)


@export("", v1="histogram_summary")
def histogram_summary(tag, values, collections=None, name=None):
    """A summary of how values are distributed."""
    return _summary(ops.histogram_kernel, [values], tag, collections, name)


@export("", v1="image_summary")
def image_summary(tag, tensor, max_images=3, collections=None, name=None):
    """A summary of up to `max_images` images [n, height, width, 1, 3 or 4]."""
    return _summary(ops.image_kernel, [tensor], tag, collections, name, max_outputs=max_images)


@export("", v1="audio_summary")
def audio_summary(tag, tensor, sample_rate, max_outputs=3, collections=None, name=None):
    """A summary of up to `max_outputs` sounds [n, frames] or [n, frames, channels]."""
    inputs = [tensor, record.convert_to_tensor(sample_rate, "float32")]
    return _summary(ops.audio_kernel, inputs, tag, collections, name, max_outputs=max_outputs)


@export("", v1="merge_summary")
def merge_summary(inputs, collections=None, name=None):
    """One summary of several."""
    return ops.merge(inputs, collections, name)


@export("", v1="merge_all_summaries")
def merge_all_summaries(key=GraphKeys.SUMMARIES):
    """All summaries of a collection as one; None where there are none."""
    return ops.merge_all(key)
