"""TensorFlow's private modules (tensorflow.python...., tensorflow.core....), each name found under its public one.

`from tensorflow.python.ops import math_ops` asks for a file of TensorFlow's source tree.  There is no such file here;
what answers is a module that looks each name up in the public namespaces in which TensorFlow publishes that file.
"""

import functools
import importlib
import os
import re

from tfcompat.launch import missing

# Names that TensorFlow publishes under another one: module's last part, name -> public paths to try.
_RENAMED = {
    "tensor_util.constant_value": "get_static_value contrib.util.constant_value",
    "tensor_util.MakeNdarray": "make_ndarray",
    "tensor_shape.as_shape": "TensorShape",
    "ops.internal_convert_to_tensor": "convert_to_tensor",
    "file_io.FileIO": "gfile.GFile io.gfile.GFile",
    "file_io.file_exists": "gfile.Exists io.gfile.exists",
    "file_io.create_dir": "gfile.MkDir io.gfile.mkdir",
    "file_io.recursive_create_dir": "gfile.MakeDirs io.gfile.makedirs",
    "file_io.delete_file": "gfile.Remove io.gfile.remove",
    "file_io.delete_recursively": "gfile.DeleteRecursively io.gfile.rmtree",
    "file_io.get_matching_files": "gfile.Glob io.gfile.glob",
    "file_io.list_directory": "gfile.ListDirectory io.gfile.listdir",
    "file_io.is_directory": "gfile.IsDirectory io.gfile.isdir",
    "file_io.copy": "gfile.Copy io.gfile.copy",
    "file_io.rename": "gfile.Rename io.gfile.rename",
    "file_io.stat": "gfile.Stat io.gfile.stat",
    "file_io.walk": "gfile.Walk io.gfile.walk",
    "context.num_gpus": "contrib.eager.num_gpus",
}


@functools.cache
def _modules():
    """{"python.ops.math_ops": ("math", "", "math.special")}: the private modules known; packages have no namespaces."""
    known = {}
    with open(os.path.join(os.path.dirname(__file__), "private_modules.txt"), encoding="utf-8") as f:
        lines = [line for line in f if not line.startswith("#")]
    for line in lines:
        left, spaces = line.split(" -> ")
        package, modules = left.split(": ")
        for module in modules.split():
            full = f"{package}.{module}"
            known[full] = tuple("" if s == "." else s for s in spaces.split())
    for full in list(known):
        parts = full.split(".")
        for i in range(1, len(parts)):
            if "python" in parts[:i] or parts[0] == "core":
                known.setdefault(".".join(parts[:i]), ())
    return known


def is_private(path):
    """Whether a dotted path belongs to TensorFlow's source tree rather than to its public modules."""
    return path.partition(".")[0] in ("python", "core") or ".python" in path or path in _modules()


class Unknown(AttributeError):
    """A private module or name that nothing here stands for; its text says so."""


class Module:
    """The names of one private module.  Raises Unknown for a module that is not known.

    `looks` are two functions, that of the face the script runs on first, which look a public dotted path up and raise
    AttributeError; `newer` is the one of the two that belongs to TF2.
    """

    def __init__(self, path, looks, newer):
        if path not in _modules():
            raise Unknown("one of TensorFlow's private modules, without a counterpart in tfcompat")
        self._path, self._looks, self._newer = path, looks, newer

    def __dir__(self):
        prefix = self._path + "."
        return sorted({m[len(prefix) :].partition(".")[0] for m in _modules() if m.startswith(prefix)})

    def __getattr__(self, name):
        if f"{self._path}.{name}" in _modules():
            return importlib.import_module(f"tensorflow.{self._path}.{name}")
        module = self._path.rpartition(".")[2]
        if f"{module}.{name}" in _EXTRA:
            return _EXTRA[f"{module}.{name}"]()
        with missing.quietly():
            for look, public in self._candidates(module, name):
                try:
                    return look(public)
                except AttributeError:
                    continue
        raise Unknown(
            f"tensorflow.{self._path}.{name}: a private name of TensorFlow's, without a counterpart in tfcompat"
        )

    def _candidates(self, module, name):
        for public in _RENAMED.get(f"{module}.{name}", "").split():
            yield from ((look, public) for look in self._looks)
        if module in ("init_ops", "init_ops_v2") and name[0].isupper():  # RandomNormal -> random_normal
            snake = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
            yield self._looks[0], "initializers." + snake
            yield self._looks[0], snake + "_initializer"
        looks, plain = self._looks, name
        for suffix in ("_v2", "V2", "_v1", "V1"):
            if name.endswith(suffix):
                plain = name[: -len(suffix)]
                looks = sorted(looks, key=lambda look: look is not self._newer, reverse=suffix[-1] == "1")
        for candidate in dict.fromkeys((name, plain, plain.lstrip("_"))):
            for look in looks if candidate else ():
                for space in _modules()[self._path]:
                    yield look, f"{space}.{candidate}" if space else candidate


# -- the few private things that scripts use and no public name covers ------------------------------------------------


def _list_local_devices():
    from collections import namedtuple

    import jax

    Device = namedtuple("DeviceAttributes", "name device_type memory_limit physical_device_desc")

    def list_local_devices(session_config=None):
        """The host and the accelerators JAX sees; memory_limit in bytes, 0 where the device does not tell."""
        devices = [Device("/device:CPU:0", "CPU", 0, "")]
        for d in jax.local_devices():
            if d.platform != "cpu":
                kind = d.platform.upper()
                limit = (d.memory_stats() or {}).get("bytes_limit", 0)
                devices.append(Device(f"/device:{kind}:{d.id}", kind, limit, f"device: {d.id}, name: {d.device_kind}"))
        return devices

    return list_local_devices


def _export():
    def tf_export(*names, **settings):
        """A decorator that leaves its function alone: nothing is published through it here."""
        return lambda function: function

    return tf_export


def _write_string():
    def write_string_to_file(filename, file_content):
        with open(filename, "wb" if isinstance(file_content, bytes) else "w") as f:
            f.write(file_content)

    return write_string_to_file


def _read_string():
    def read_file_to_string(filename, binary_mode=False):
        with open(filename, "rb" if binary_mode else "r") as f:
            return f.read()

    return read_file_to_string


def _shape(*dims):
    def make():
        return importlib.import_module("tfcompat").TensorShape(*dims)

    return lambda: make


def _inspect(name):
    return lambda: getattr(importlib.import_module("inspect"), name)


_EXTRA = {
    "device_lib.list_local_devices": _list_local_devices,
    "tf_export.tf_export": _export,
    "tf_export.keras_export": _export,
    "tf_export.estimator_export": _export,
    "file_io.write_string_to_file": _write_string,
    "file_io.read_file_to_string": _read_string,
    "tensor_shape.scalar": _shape([]),
    "tensor_shape.unknown_shape": _shape(None),
    "tensor_shape.vector": lambda: lambda n: importlib.import_module("tfcompat").TensorShape([n]),
    "tensor_shape.matrix": lambda: lambda m, n: importlib.import_module("tfcompat").TensorShape([m, n]),
    "tf_inspect.getfullargspec": _inspect("getfullargspec"),
    "tf_inspect.isclass": _inspect("isclass"),
    "tf_inspect.isfunction": _inspect("isfunction"),
    "tf_inspect.ismethod": _inspect("ismethod"),
    "tf_inspect.getsource": _inspect("getsource"),
}
