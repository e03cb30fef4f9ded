"""The `checkpoint` text file of a folder: which checkpoints there are, and which is the latest."""

from __future__ import annotations

import glob
import os
import re

from ..declare import export


class CheckpointState:
    """What the `checkpoint` file says."""

    def __init__(
        self,
        model_checkpoint_path="",
        all_model_checkpoint_paths=(),
        all_model_checkpoint_timestamps=(),
        last_preserved_timestamp=0.0,
    ):
        self.model_checkpoint_path = model_checkpoint_path
        self.all_model_checkpoint_paths = list(all_model_checkpoint_paths)
        self.all_model_checkpoint_timestamps = list(all_model_checkpoint_timestamps)
        self.last_preserved_timestamp = last_preserved_timestamp

    def __str__(self):
        def quoted(text):
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

        lines = [f"model_checkpoint_path: {quoted(self.model_checkpoint_path)}"]
        lines += [f"all_model_checkpoint_paths: {quoted(p)}" for p in self.all_model_checkpoint_paths]
        lines += [f"all_model_checkpoint_timestamps: {t!r}" for t in self.all_model_checkpoint_timestamps]
        if self.last_preserved_timestamp:
            lines.append(f"last_preserved_timestamp: {self.last_preserved_timestamp!r}")
        return "\n".join(lines) + "\n"

    __repr__ = __str__


def text_of(path):
    """A path given as str, bytes or PathLike, as str."""
    return os.fsdecode(os.fspath(path))


def _file(folder, latest_filename):
    return os.path.join(folder, latest_filename or "checkpoint")


@export("train.get_checkpoint_state")
def get_checkpoint_state(checkpoint_dir, latest_filename=None):
    """The CheckpointState of a folder, its paths made usable from here; None where the folder has none."""
    folder = text_of(checkpoint_dir)
    try:
        with open(_file(folder, latest_filename), encoding="utf-8") as file:
            text = file.read()
    except OSError:
        return None
    state = CheckpointState()
    for key, quoted, plain in re.findall(r'(\w+):\s*(?:"((?:[^"\\]|\\.)*)"|(\S+))', text):
        value = re.sub(r"\\(.)", r"\1", quoted)
        if key == "model_checkpoint_path":
            state.model_checkpoint_path = value
        elif key == "all_model_checkpoint_paths":
            state.all_model_checkpoint_paths.append(value)
        elif key == "all_model_checkpoint_timestamps":
            state.all_model_checkpoint_timestamps.append(float(plain))
        elif key == "last_preserved_timestamp":
            state.last_preserved_timestamp = float(plain)
    if not state.model_checkpoint_path:
        raise ValueError(f"Invalid checkpoint state loaded from {folder}")

    def here(path):
        return path if os.path.isabs(path) else os.path.join(folder, path)

    state.model_checkpoint_path = here(state.model_checkpoint_path)
    state.all_model_checkpoint_paths = [here(p) for p in state.all_model_checkpoint_paths]
    return state


@export("", v1="train.generate_checkpoint_state_proto")
def generate_checkpoint_state_proto(
    save_dir,
    model_checkpoint_path,
    all_model_checkpoint_paths=None,
    all_model_checkpoint_timestamps=None,
    last_preserved_timestamp=None,
):
    """The CheckpointState for these paths; where `save_dir` is relative, they are made relative to it.

    Raises ValueError where there are not as many timestamps as paths.
    """
    paths = all_model_checkpoint_paths if isinstance(all_model_checkpoint_paths, list) else []  # TensorFlow adds to it
    paths = paths if paths or not all_model_checkpoint_paths else list(all_model_checkpoint_paths)
    if not paths or paths[-1] != model_checkpoint_path:
        paths.append(model_checkpoint_path)
    times = list(all_model_checkpoint_timestamps or [])
    if times and len(times) != len(paths):
        raise ValueError(
            "Checkpoint timestamps, if provided, must match checkpoint paths "
            f"(got paths {paths} and timestamps {times})"
        )
    if not os.path.isabs(save_dir):
        paths = [p if os.path.isabs(p) else os.path.relpath(p, save_dir) for p in paths]
        if not os.path.isabs(model_checkpoint_path):
            model_checkpoint_path = os.path.relpath(model_checkpoint_path, save_dir)
    return CheckpointState(model_checkpoint_path, paths, times, last_preserved_timestamp or 0.0)


@export("__internal__.train.update_checkpoint_state", v1="")
def update(
    save_dir,
    model_checkpoint_path,
    all_model_checkpoint_paths=None,
    latest_filename=None,
    all_model_checkpoint_timestamps=None,
    last_preserved_timestamp=None,
    save_relative_paths=False,
):
    """Writes the `checkpoint` file of `save_dir`; paths below a relative `save_dir` are kept relative to it."""
    save_dir, latest_filename = text_of(save_dir), latest_filename and text_of(latest_filename)
    paths = list(all_model_checkpoint_paths or [])
    if not paths or paths[-1] != model_checkpoint_path:
        paths.append(model_checkpoint_path)
    times = list(all_model_checkpoint_timestamps or [])
    if times and len(times) != len(paths):
        raise ValueError(
            "Checkpoint timestamps, if provided, must match checkpoint paths "
            f"(got paths {paths} and timestamps {times})"
        )

    def kept(path):
        if save_relative_paths or not os.path.isabs(save_dir):
            return path if os.path.isabs(path) and not save_relative_paths else os.path.relpath(path, save_dir)
        return path

    state = CheckpointState(
        kept(model_checkpoint_path), [kept(p) for p in paths], times, last_preserved_timestamp or 0.0
    )
    name = _file(save_dir, latest_filename)
    if name == state.model_checkpoint_path:
        raise RuntimeError(
            f"Save path '{model_checkpoint_path}' conflicts with path used for checkpoint state.  Please use a "
            f"different save path."
        )
    with open(name + ".tmp", "w", encoding="utf-8") as file:
        file.write(str(state))
    os.replace(name + ".tmp", name)


@export("", v1="train.update_checkpoint_state")
def update_checkpoint_state(
    save_dir,
    model_checkpoint_path,
    all_model_checkpoint_paths=None,
    latest_filename=None,
    all_model_checkpoint_timestamps=None,
    last_preserved_timestamp=None,
):
    """Writes the `checkpoint` file of `save_dir`."""
    update(
        text_of(save_dir),
        text_of(model_checkpoint_path),
        all_model_checkpoint_paths,
        latest_filename,
        all_model_checkpoint_timestamps,
        last_preserved_timestamp,
    )


def exists(prefix):
    """Whether there is a checkpoint called `prefix`."""
    return bool(checkpoint_files(prefix))


@export("", v1="train.checkpoint_exists")
def checkpoint_exists(checkpoint_prefix):
    """Whether there is a checkpoint with this prefix."""
    return exists(text_of(checkpoint_prefix))


@export("train.latest_checkpoint")
def latest_checkpoint(checkpoint_dir, latest_filename=None):
    """The prefix of the latest checkpoint of a folder, None where there is none."""
    state = get_checkpoint_state(checkpoint_dir, latest_filename)
    if state is None:
        return None
    return state.model_checkpoint_path if exists(state.model_checkpoint_path) else None


@export("", v1="train.get_checkpoint_mtimes")
def get_checkpoint_mtimes(checkpoint_prefixes):
    """When each of the checkpoints was written, in seconds; those that do not exist are left out."""
    files = [next(iter(checkpoint_files(p)), None) for p in map(text_of, checkpoint_prefixes)]
    return [os.stat(f).st_mtime for f in files if f is not None]


def checkpoint_files(prefix):
    """What stands for a checkpoint: of version 2 its index, of version 1 the table, or its parts (prefix-?????-of-00002)."""
    if os.path.exists(prefix + ".index"):
        return [prefix + ".index"]
    if os.path.isfile(prefix):
        return [prefix]
    start, parts, end = prefix.partition("-?????-of-")
    return sorted(glob.glob(glob.escape(start) + (parts + end or "-?????-of-?????")))


@export("", v1="train.remove_checkpoint")
def remove_checkpoint(checkpoint_prefix, checkpoint_format_version=2, meta_graph_suffix="meta"):
    """Deletes the files of a checkpoint."""
    prefix = text_of(checkpoint_prefix)
    own = [f"{prefix}.index", *glob.glob(glob.escape(prefix) + ".data-?????-of-?????")]
    own = own if checkpoint_format_version != 1 else checkpoint_files(prefix)
    for path in [f"{prefix.partition('-?????-of-')[0]}.{meta_graph_suffix}", *own]:
        if os.path.exists(path):
            os.remove(path)


@export("train.checkpoints_iterator")
def checkpoints_iterator(checkpoint_dir, min_interval_secs=0, timeout=None, timeout_fn=None):
    """Yields each new latest checkpoint of a folder; ends when none comes for `timeout` seconds and `timeout_fn`
    agrees.
    """
    import time

    last = None
    while True:
        waited = time.time()
        while True:
            path = latest_checkpoint(checkpoint_dir)
            if path is not None and path != last:
                break
            if timeout is not None and time.time() - waited > timeout:
                path = None
                break
            time.sleep(min(1.0, timeout or 1.0))
        if path is None:
            if timeout_fn is None or timeout_fn():
                return
            continue
        start, last = time.time(), path
        yield path
        time.sleep(max(0.0, start + min_interval_secs - time.time()))


__all__ = ["CheckpointState", "exists", "get_checkpoint_state", "latest_checkpoint", "update"]
