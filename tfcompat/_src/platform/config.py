"""tf.config: the devices JAX has, under TensorFlow's names; memory settings are kept but decide nothing here."""

from __future__ import annotations

import collections

from ..declare import export, publish, renamed

PhysicalDevice = publish(collections.namedtuple("PhysicalDevice", "name device_type"), "config.PhysicalDevice")
LogicalDevice = publish(collections.namedtuple("LogicalDevice", "name device_type"), "config.LogicalDevice")


@export("config.LogicalDeviceConfiguration config.experimental.VirtualDeviceConfiguration")
class LogicalDeviceConfiguration(
    collections.namedtuple(
        "LogicalDeviceConfiguration", "memory_limit experimental_priority experimental_device_ordinal"
    )
):
    """How much memory [MB] a logical device may use."""

    def __new__(cls, memory_limit=None, experimental_priority=None, experimental_device_ordinal=None):
        return super().__new__(cls, memory_limit, experimental_priority, experimental_device_ordinal)


class _Settings:
    """What was asked for, to be told again when asked."""

    def __init__(self):
        self.growth, self.visible, self.logical = {}, None, {}
        self.soft_placement, self.policy = True, "silent"
        self.threads = {"intra": 0, "inter": 0}
        self.jit, self.optimizer = "", {}
        self.tf32, self.synchronous, self.deterministic = True, True, False


_settings = _Settings()
_KINDS = {"cpu": "CPU", "gpu": "GPU", "cuda": "GPU", "rocm": "GPU", "tpu": "TPU"}


def _all():
    import jax

    kind = _KINDS.get(jax.default_backend(), jax.default_backend().upper())
    found = [PhysicalDevice("/physical_device:CPU:0", "CPU")]
    if kind != "CPU":
        found += [PhysicalDevice(f"/physical_device:{kind}:{i}", kind) for i in range(jax.local_device_count())]
    return found


@export("config.list_physical_devices config.experimental.list_physical_devices")
def list_physical_devices(device_type=None):
    """The devices of this machine, the CPU first."""
    return [d for d in _all() if device_type in (None, d.device_type)]


@export("config.list_logical_devices config.experimental.list_logical_devices")
def list_logical_devices(device_type=None):
    """The visible devices as /device:CPU:0 and so on, each as often as it was configured to appear."""
    out, count = [], collections.Counter()
    for d in get_visible_devices(device_type):
        for _ in _settings.logical.get(d) or [None]:
            out.append(LogicalDevice(f"/device:{d.device_type}:{count[d.device_type]}", d.device_type))
            count[d.device_type] += 1
    return out


@export("config.get_visible_devices config.experimental.get_visible_devices")
def get_visible_devices(device_type=None):
    """The devices not hidden by set_visible_devices."""
    chosen = _settings.visible or {}
    return [d for d in list_physical_devices(device_type) if d in chosen.get(d.device_type, (d,))]


def _check(devices):
    for d in devices:
        if d not in _all():
            raise ValueError(f"Unrecognized device: {d!r}")


@export("config.set_visible_devices config.experimental.set_visible_devices")
def set_visible_devices(devices, device_type=None):
    """Says which devices are listed; JAX chooses where to compute.

    Raises ValueError for a device that does not exist.
    """
    devices = (
        list(devices) if isinstance(devices, (list, tuple)) and not isinstance(devices, PhysicalDevice) else [devices]
    )
    _check(devices)
    kinds = [device_type] if device_type else {d.device_type for d in _all()}
    _settings.visible = {**(_settings.visible or {}), **{k: [d for d in devices if d.device_type == k] for k in kinds}}


@export("config.experimental.set_memory_growth")
def set_memory_growth(device, enable):
    """Accepted for GPUs; JAX allocates as its own settings say.  Raises ValueError for other devices."""
    _check([device])
    if device.device_type == "CPU":
        raise ValueError("Cannot set memory growth on non-GPU and non-Pluggable devices")
    _settings.growth[device] = bool(enable)


@export("config.experimental.get_memory_growth")
def get_memory_growth(device):
    _check([device])
    return _settings.growth.get(device, False)


@export("config.set_logical_device_configuration config.experimental.set_virtual_device_configuration")
def set_logical_device_configuration(device, logical_devices):
    """How many logical devices to list for a physical one; a CPU's all compute on it, a GPU is not split (NotImplementedError).

    Raises ValueError for a memory limit on a CPU.
    """
    _check([device])
    if len(logical_devices) > 1 and device.device_type != "CPU":
        raise NotImplementedError(
            f"tfcompat does not split a {device.device_type} into several logical ones (set_logical_device_configuration)."
        )
    if device.device_type == "CPU" and any(c.memory_limit is not None for c in logical_devices):
        raise ValueError("Setting memory limit on CPU virtual devices is currently not supported")
    _settings.logical[device] = list(logical_devices)


@export("config.get_logical_device_configuration config.experimental.get_virtual_device_configuration")
def get_logical_device_configuration(device):
    return _settings.logical.get(device)


@export("config.experimental.get_device_details")
def get_device_details(device):
    """{"device_name": ...} of a GPU, {} of a CPU."""
    import jax

    _check([device])
    return {} if device.device_type == "CPU" else {"device_name": jax.local_devices()[0].device_kind}


@export("config.experimental.get_memory_info")
def get_memory_info(device):
    """{"current": bytes, "peak": bytes} of a GPU such as "GPU:0"; ValueError where there is none."""
    import jax

    kind, _, index = device.rpartition("/")[2].removeprefix("device:").partition(":")
    if not list_physical_devices(kind):
        raise ValueError(f"No matching devices found for '{device}'")
    if kind == "CPU":
        raise ValueError(f"Allocator stats not available for device '{device}'")
    stats = jax.local_devices()[int(index or 0)].memory_stats() or {}
    return {"current": stats.get("bytes_in_use", 0), "peak": stats.get("peak_bytes_in_use", 0)}


def _setting(names, argument, attribute, key=None):
    """Publishes get_X and set_X(argument) for a setting that is kept and changes nothing."""

    def get():
        value = getattr(_settings, attribute)
        return value[key] if key else value

    def put(value):
        if key:
            getattr(_settings, attribute)[key] = value
        else:
            setattr(_settings, attribute, value)

    getter, setter = names
    get.__name__, put.__name__ = getter.rpartition(".")[2], setter.rpartition(".")[2]
    put = renamed(put, value=argument)
    publish(get, f"config.{getter}")
    publish(put, f"config.{setter}")


_setting(("get_soft_device_placement", "set_soft_device_placement"), "enabled", "soft_placement")
_setting(("experimental.get_device_policy", "experimental.set_device_policy"), "device_policy", "policy")
_setting(("experimental.get_synchronous_execution", "experimental.set_synchronous_execution"), "enable", "synchronous")
for _kind in ("intra", "inter"):
    _name = f"{_kind}_op_parallelism_threads"
    _setting((f"threading.get_{_name}", f"threading.set_{_name}"), "num_threads", "threads", _kind)
_setting(("optimizer.get_jit", "optimizer.set_jit"), "enabled", "jit")
_setting(("optimizer.get_experimental_options", "optimizer.set_experimental_options"), "options", "optimizer")
_setting(
    ("experimental.tensor_float_32_execution_enabled", "experimental.enable_tensor_float_32_execution"),
    "enabled",
    "tf32",
)


@export("config.experimental.enable_op_determinism")
def enable_op_determinism():
    """Accepted: XLA's programs are deterministic on CPU; on GPU set XLA_FLAGS=--xla_gpu_deterministic_ops=true
    before the start.
    """
    _settings.deterministic = True


# -- tf.test and tf.sysconfig on devices ------------------------------------------------------------------------------
@export("", v1="test.is_gpu_available")
def is_gpu_available(cuda_only=False, min_cuda_compute_capability=None):
    """Whether JAX has a GPU."""
    return bool(list_physical_devices("GPU"))


publish(is_gpu_available, "test.is_gpu_available")


@export("test.gpu_device_name")
def gpu_device_name():
    """ "/device:GPU:0", or "" without a GPU."""
    return "/device:GPU:0" if is_gpu_available() else ""


@export("test.is_built_with_cuda")
def is_built_with_cuda():
    return is_gpu_available()


@export("test.is_built_with_gpu_support")
def is_built_with_gpu_support():
    return is_gpu_available()


@export("test.is_built_with_rocm")
def is_built_with_rocm():
    return False


@export("test.is_built_with_xla")
def is_built_with_xla():
    """True: XLA is what runs everything here."""
    return True


@export("sysconfig.get_build_info")
def get_build_info():
    """What TensorFlow's build would say; there is no CUDA build of tfcompat itself."""
    return {"is_cuda_build": False, "is_rocm_build": False, "is_tensorrt_build": False}
