"""Reading checkpoints without a graph: tf.train.load_checkpoint, list_variables, load_variable."""

from __future__ import annotations

import os

from ..declare import export, publish
from . import slices
from .checkpoint_state import latest_checkpoint, text_of

_PROTO_NAMES = {"float16": "half", "float32": "float", "float64": "double"}


class CheckpointReader:
    """The tensors of one checkpoint by name."""

    def __init__(self, filepattern):
        self._bundle = slices.reader(text_of(filepattern))

    def get_variable_to_shape_map(self):
        return {k: list(e.shape) for k, e in self._bundle.entries.items()}

    def get_variable_to_dtype_map(self):
        return {k: e.dtype for k, e in self._bundle.entries.items()}

    def has_tensor(self, name):
        return name in self._bundle.entries

    def get_tensor(self, name):
        """The tensor `name` as an array, a scalar as NumPy's; NotFoundError where there is none."""
        return self._bundle.read(name.decode() if isinstance(name, bytes) else name)[()]

    def debug_string(self):
        rows = [
            f"{k} (DT_{_PROTO_NAMES.get(e.dtype.name, e.dtype.name).upper()}) [{','.join(map(str, e.shape))}]"
            for k, e in self._bundle.entries.items()
        ]
        return "\n".join(rows).encode()


publish(CheckpointReader, "", v1="train.NewCheckpointReader")


@export("train.load_checkpoint")
def load_checkpoint(ckpt_dir_or_file):
    """A reader of a checkpoint, or of the latest one of a folder.  Raises ValueError where the folder has none."""
    path = text_of(ckpt_dir_or_file)
    if os.path.isdir(path):
        latest = latest_checkpoint(path)
        if latest is None:
            raise ValueError(f"Couldn't find 'checkpoint' file or checkpoints in given directory {path}")
        path = latest
    return CheckpointReader(path)


@export("train.list_variables")
def list_variables(ckpt_dir_or_file):
    """[(name, shape)] of a checkpoint, sorted by name."""
    return sorted(load_checkpoint(ckpt_dir_or_file).get_variable_to_shape_map().items())


@export("train.load_variable")
def load_variable(ckpt_dir_or_file, name):
    """The value of the variable `name` in a checkpoint."""
    if name.endswith(":0"):
        name = name[:-2]
    return load_checkpoint(ckpt_dir_or_file).get_tensor(name)


__all__ = ["CheckpointReader", "load_checkpoint"]
