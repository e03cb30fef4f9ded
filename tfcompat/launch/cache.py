"""XLA's persistent compile cache: what one run of a script compiled, the next run loads.

On by default under the launcher and install(); TFCOMPAT_CACHE=0 turns it off, TFCOMPAT_CACHE_DIR says where it lives.
"""

import contextlib
import os
import sys
import time

LIMIT_BYTES = 1 << 30
_PRUNE_EVERY_S = 24 * 3600


def folder():
    """Where the cache of this machine lives: compiled CPU code fits one kind of processor only."""
    base = os.environ.get("TFCOMPAT_CACHE_DIR")
    if not base:
        home = os.path.expanduser("~")
        if sys.platform == "darwin":
            base = os.path.join(home, "Library", "Caches", "tfcompat")
        else:
            base = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache"), "tfcompat")
    return os.path.join(base, "xla-" + _processor())


def enable():
    """Turns the cache on unless the user has; True when it is ours.  A folder that cannot be written leaves it off."""
    if os.environ.get("TFCOMPAT_CACHE", "1").lower() in ("0", "off", "false", "no"):
        return False
    import jax

    if jax.config.jax_compilation_cache_dir is not None or not jax.config.jax_enable_compilation_cache:
        return False
    path = folder()
    try:
        os.makedirs(path, exist_ok=True)
        if not os.access(path, os.W_OK):
            return False
        _prune(path)
    except OSError:
        return False
    jax.config.update("jax_compilation_cache_dir", path)
    # Tutorials are many programs of 10-50 ms to compile each; JAX alone keeps only what took a second.
    for name, value in (
        ("jax_persistent_cache_min_compile_time_secs", 0.0),
        ("jax_persistent_cache_min_entry_size_bytes", 0),
    ):
        if name.upper() not in os.environ:
            jax.config.update(name, value)
    return True


def _processor():
    """A short name of this processor and its instruction set extensions."""
    import hashlib
    import platform

    text = platform.machine()
    try:
        with open("/proc/cpuinfo") as f:
            for line in f:
                if line.startswith(("model name", "flags", "Features", "CPU part")):
                    text += line
                elif not line.strip():
                    break
    except OSError:
        text += platform.processor()
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _prune(path):
    """Once a day, the least recently used entries beyond LIMIT_BYTES go."""
    stamp = os.path.join(path, "pruned")
    try:
        if time.time() - os.stat(stamp).st_mtime < _PRUNE_EVERY_S:
            return
    except FileNotFoundError:
        pass
    open(stamp, "w").close()
    entries = []
    with os.scandir(path) as files:
        for entry in files:
            if not entry.is_file():
                continue
            stat = entry.stat()
            entries.append((max(stat.st_atime, stat.st_mtime), stat.st_size, entry.path))
    size = sum(e[1] for e in entries)
    for _, bytes_, file in sorted(entries):
        if size <= LIMIT_BYTES:
            break
        if file != stamp:
            with contextlib.suppress(FileNotFoundError):  # another run may be at it too
                os.remove(file)
            size -= bytes_
