"""Files from the net, and from the user's own data folders, where scripts would fetch them from the net."""

import os
import sys


def data_folders(*names):
    """Folders of the given names in the folders of TFCOMPAT_DATA; "" stands for those themselves."""
    roots = [d for d in os.environ.get("TFCOMPAT_DATA", "").split(os.pathsep) if d]
    return [os.path.join(root, name) for root in roots for name in names]


def download(url, path):
    """Fetches url into path, whole or not at all, with a bar on a terminal; returns the number of bytes."""
    import urllib.request

    partial = f"{path}.{os.getpid()}.part"
    name = os.path.basename(path)
    try:
        with urllib.request.urlopen(url, timeout=30) as answer, open(partial, "wb") as f:
            total, done = int(answer.headers.get("Content-Length") or 0), 0
            while chunk := answer.read(1 << 16):
                f.write(chunk)
                done += len(chunk)
                _bar(name, done, total)
        if total and done != total:
            raise OSError(f"{url} broke off after {done} of {total} bytes")
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
    return done


def _bar(name, done, total):
    if not sys.stderr.isatty():
        return
    filled = int(30 * done / total) if total else 0
    end = "\n" if done == total else ""
    of = f" of {total / 1e6:.1f}" if total else ""
    sys.stderr.write(f"\r{name} [{'#' * filled}{'.' * (30 - filled)}] {done / 1e6:.1f}{of} MB{end}")
    sys.stderr.flush()
