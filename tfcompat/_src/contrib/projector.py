"""tf.contrib.tensorboard.plugins.projector: what TensorBoard's embedding projector is to show, as a file beside the summaries."""

from __future__ import annotations

import os

from ..declare import export
from ..wire.message import INT, REPEATED, STRING, Message

_ROOM = "contrib.tensorboard.plugins.projector"


@export("", v1=f"{_ROOM}.SpriteMetadata")
class SpriteMetadata(Message):
    """A picture made of small ones of size single_image_dim, one per embedded point."""

    _fields = {"image_path": (1, STRING), "single_image_dim": (2, INT, REPEATED)}


@export("", v1=f"{_ROOM}.EmbeddingInfo")
class EmbeddingInfo(Message):
    """An embedding: a variable's name in the checkpoint, the file of its labels, its sprite."""

    _fields = {
        "tensor_name": (1, STRING),
        "metadata_path": (2, STRING),
        "bookmarks_path": (3, STRING),
        "tensor_shape": (4, INT, REPEATED),
        "sprite": (5, SpriteMetadata),
        "tensor_path": (6, STRING),
    }


@export("", v1=f"{_ROOM}.ProjectorConfig")
class ProjectorConfig(Message):
    """All embeddings of a log directory."""

    _fields = {
        "model_checkpoint_path": (1, STRING),
        "embeddings": (2, EmbeddingInfo, REPEATED),
        "model_checkpoint_dir": (3, STRING),
    }


@export("", v1=f"{_ROOM}.visualize_embeddings")
def visualize_embeddings(summary_writer, config):
    """Writes `config` to projector_config.pbtxt in the directory of `summary_writer` (or in it, a path); ValueError for None."""
    folder = summary_writer.get_logdir() if hasattr(summary_writer, "get_logdir") else summary_writer
    if folder is None:
        raise ValueError("Expected logdir to be a path, but got None")
    folder = os.fspath(folder)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "projector_config.pbtxt"), "w") as file:
        file.write(str(config))
