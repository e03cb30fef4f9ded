"""The one line the launcher prints: which API, on which device."""

import logging
import os
import sys


def announce(choice, usages):
    """Prints `tfcompat: TF1 (graph mode) on cpu` on standard error."""
    print(f"tfcompat: TF{choice.api[1]} ({choice.mode}) on {_device(usages)}", file=sys.stderr, flush=True)


def _device(usages):
    """The device JAX will use.  Asking JAX fixes it, so what the script says about devices must be known before."""
    settings = {name: value for usage in reversed(usages) for name, value in usage.devices.items()}
    if set().union(*(usage.environment for usage in usages)) - set(settings):
        return "the device that the script chooses"
    os.environ.update(settings)  # the script sets the same at its top level, before it computes anything
    return describe()


def describe():
    """`cpu`, `gpu (NVIDIA H200)` or `8 x tpu (TPU v4)`."""
    import jax

    # A script hides the GPUs this way to run on the CPU; JAX would rather stop than find no GPU.
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1") and not jax.config.jax_platforms:
        jax.config.update("jax_platforms", "cpu")
    # On a machine with a GPU and a JAX for the CPU, JAX says so at length; the answer below says it too.
    log = logging.getLogger("jax._src.xla_bridge")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        devices = jax.devices()
    finally:
        log.setLevel(level)
    platform = devices[0].platform
    if platform == "cpu":
        return "cpu"
    count = f"{len(devices)} x " if len(devices) > 1 else ""
    return f"{count}{platform} ({devices[0].device_kind})"
