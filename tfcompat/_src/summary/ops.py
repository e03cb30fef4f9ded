"""TF1's summary operations: each gives an encoded Summary; merge_all fetches them together."""

from __future__ import annotations

import re

import numpy as np

from .. import dtypes, errors, record
from ..declare import export, op
from ..graph import context
from ..scopes import GraphKeys, add_to_collections, get_collection, name_scope
from . import encode
from .messages import Summary, SummaryMetadata, tensor_proto

_TEXT = (dtypes.string, ())


@op("ScalarSummary", host=True, alike=False, abstract=lambda values, tag: _TEXT)
def scalar_kernel(values, *, tag):
    if np.asarray(values).size != 1:
        raise errors.InvalidArgumentError(
            None, None, f"tags and values are not the same shape: [] != {list(np.shape(values))} (tag '{tag}')"
        )
    return Summary(
        value=[Summary.Value(tag=tag, simple_value=float(np.asarray(values).reshape(())))]
    ).SerializeToString()


@op("HistogramSummary", host=True, alike=False, abstract=lambda values, tag: _TEXT)
def histogram_kernel(values, *, tag):
    return Summary(value=[Summary.Value(tag=tag, histo=encode.histogram(values, tag))]).SerializeToString()


@op("ImageSummary", host=True, alike=False, abstract=lambda tensor, tag, max_outputs: _TEXT)
def image_kernel(tensor, *, tag, max_outputs):
    if tensor.ndim != 4 or tensor.shape[3] not in (1, 3, 4):
        raise errors.InvalidArgumentError(
            None, None, f"Tensor must be 4-D with last dim 1, 3, or 4, not [{','.join(map(str, tensor.shape))}]"
        )
    found = Summary()
    for i, image in enumerate(tensor[:max_outputs]):
        name = f"{tag}/image/{i}" if max_outputs > 1 else f"{tag}/image"
        height, width, channels = image.shape
        shown = Summary.Image(
            height=height, width=width, colorspace=channels, encoded_image_string=encode.png(encode.pixels(image))
        )
        found.value.add(tag=name, image=shown)
    return found.SerializeToString()


@op("TensorSummaryV2", host=True, alike=False, abstract=lambda tensor, tag, serialized_summary_metadata: _TEXT)
def tensor_kernel(tensor, *, tag, serialized_summary_metadata):
    value = Summary.Value(
        tag=tag, tensor=tensor_proto(tensor), metadata=SummaryMetadata.FromString(serialized_summary_metadata)
    )
    return Summary(value=[value]).SerializeToString()


@op("AudioSummaryV2", host=True, alike=False, abstract=lambda tensor, sample_rate, tag, max_outputs: _TEXT)
def audio_kernel(tensor, sample_rate, *, tag, max_outputs):
    found = Summary()
    if tensor.ndim == 2:
        tensor = tensor[..., None]
    rate = float(np.asarray(sample_rate))
    for i, sound in enumerate(tensor[:max_outputs]):
        frames, channels = sound.shape
        shown = Summary.Audio(
            sample_rate=rate,
            num_channels=channels,
            length_frames=frames,
            encoded_audio_string=encode.wav(sound, rate),
            content_type="audio/wav",
        )
        found.value.add(tag=f"{tag}/audio/{i}" if max_outputs > 1 else f"{tag}/audio", audio=shown)
    return found.SerializeToString()


@op("MergeSummary", host=True, alike=False, abstract=lambda *inputs: _TEXT)
def merge_kernel(*inputs):
    seen, merged = set(), Summary()
    for one in inputs:
        for text in np.asarray(one).ravel().tolist():
            for value in Summary.FromString(text).value:
                if value.tag in seen:
                    raise errors.InvalidArgumentError(None, None, f"Duplicate tag {value.tag} found in summary inputs")
                seen.add(value.tag)
                merged.value.append(value)
    return merged.SerializeToString()


def clean(name):
    """A summary's name as a scope's: letters that names cannot have become underscores."""
    if name is None:
        return None
    return re.sub(r"[^-/\w\.]", "_", name).lstrip("/")


class _Scope:
    """The name scope of a summary; `tag` and `name` of its operation."""

    def __init__(self, name, family, values):
        name, self._family = clean(name), clean(family)
        self._scope = name_scope(name if family is None else f"{self._family}/{name}", None, values)

    def __enter__(self):
        self.name = self._scope.__enter__()
        tag = self.name.rstrip("/")
        self.tag = tag if self._family is None else f"{self._family}/{tag}"
        return self

    def __exit__(self, *exc):
        self._scope.__exit__(*exc)


def _summary(kernel, name, inputs, family, collections, **settings):
    if context.graph is None:
        return None  # TF1's summaries do nothing eagerly
    with _Scope(name, family, inputs) as scope:
        made = record.call(kernel.op, inputs, {"tag": scope.tag, **settings}, scope.name)
    keys = [GraphKeys.SUMMARIES] if collections is None else list(collections)
    add_to_collections(keys, made)
    return made


@export("", v1="summary.scalar")
def scalar(name, tensor, collections=None, family=None):
    """A summary of one number."""
    return _summary(scalar_kernel, name, [tensor], family, collections)


@export("", v1="summary.histogram")
def histogram(name, values, collections=None, family=None):
    """A summary of how values are distributed; InvalidArgumentError in the run where they are not finite."""
    return _summary(histogram_kernel, name, [values], family, collections)


@export("", v1="summary.image")
def image(name, tensor, max_outputs=3, collections=None, family=None):
    """A summary of up to `max_outputs` images [n, height, width, 1, 3 or 4]; floats are scaled to their maximum."""
    return _summary(image_kernel, name, [tensor], family, collections, max_outputs=max_outputs)


@export("", v1="summary.audio")
def audio(name, tensor, sample_rate, max_outputs=3, collections=None, family=None):
    """A summary of up to `max_outputs` sounds [n, frames] or [n, frames, channels] between -1 and 1."""
    return _summary(
        audio_kernel,
        name,
        [tensor, record.convert_to_tensor(sample_rate, dtypes.float32)],
        family,
        collections,
        max_outputs=max_outputs,
    )


@export("", v1="summary.text")
def text(name, tensor, collections=None):
    """A summary of text.  Raises ValueError for a tensor that is none."""
    tensor = record.convert_to_tensor(tensor)
    if tensor.dtype.base_dtype is not dtypes.string:
        raise ValueError(f"Expected tensor {name} to have dtype string, got {tensor.dtype}")
    return tensor_summary(name, tensor, summary_metadata=_plugin("text"), collections=collections)


def _plugin(name):
    metadata = SummaryMetadata()
    metadata.plugin_data.plugin_name = name
    return metadata


@export("", v1="summary.tensor_summary")
def tensor_summary(
    name, tensor, summary_description=None, collections=None, summary_metadata=None, family=None, display_name=None
):
    """A summary of a whole tensor."""
    metadata = summary_metadata or SummaryMetadata()
    if display_name is not None:
        metadata.display_name = display_name
    if summary_description is not None:
        metadata.summary_description = summary_description
    return _summary(
        tensor_kernel, name, [tensor], family, collections, serialized_summary_metadata=metadata.SerializeToString()
    )


@export("", v1="summary.merge")
def merge(inputs, collections=None, name=None):
    """One summary of several.  Raises RuntimeError eagerly."""
    if context.graph is None:
        raise RuntimeError(
            "Merging tf.summary.* ops is not compatible with eager execution. Use tf.contrib.summary instead."
        )
    if not inputs:
        raise ValueError("summary.merge needs at least one summary")
    with name_scope(clean(name), "Merge", list(inputs)):
        made = record.call(merge_kernel.op, list(inputs), None, None)
    if collections:
        add_to_collections(list(collections), made)
    return made


@export("", v1="summary.merge_all")
def merge_all(key=GraphKeys.SUMMARIES, scope=None, name=None):
    """All summaries of a collection as one; None where there are none."""
    if context.graph is None:
        raise RuntimeError(
            "Merging tf.summary.* ops is not compatible with eager execution. Use tf.contrib.summary instead."
        )
    found = get_collection(key, scope=scope)
    return merge(found, name=name) if found else None
