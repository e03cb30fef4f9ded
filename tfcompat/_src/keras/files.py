"""tf.keras.utils.get_file, as Keras 2 lays files out."""

from __future__ import annotations

import os
import shutil
import tempfile
from urllib.parse import urlsplit

from ..declare import export
from ..platform.download import data_folders, download


def home():
    """The folder that Keras keeps its files in."""
    return os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")


def _checksum(path, algorithm, expected):
    import hashlib

    sha = algorithm == "sha256" or algorithm == "auto" and len(expected) == 64
    digest = hashlib.sha256() if sha else hashlib.md5()
    with open(path, "rb") as f:
        while chunk := f.read(1 << 16):
            digest.update(chunk)
    return digest.hexdigest()


def unpack(path, folder, archive_format="auto"):
    """Unpacks an archive (tar, packed or not, or zip) into `folder`; returns whether it is one of the formats asked for."""
    import tarfile
    import zipfile

    formats = ["tar", "zip"] if archive_format == "auto" else archive_format or []
    for name in [formats] if isinstance(formats, str) else formats:
        if name == "tar" and tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                archive.extractall(folder, filter="data")  # nothing outside of the folder
            return True
        if name == "zip" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder)
            return True
        if name not in ("tar", "zip"):
            raise NotImplementedError(name)
    return False


@export("keras.utils.get_file", v1="keras.utils.get_file contrib.keras.utils.get_file")
def get_file(
    fname=None,
    origin=None,
    untar=False,
    md5_hash=None,
    file_hash=None,
    cache_subdir="datasets",
    hash_algorithm="auto",
    extract=False,
    archive_format="auto",
    cache_dir=None,
    force_download=False,
):
    """Path of a file in Keras's cache, taken from a folder of TFCOMPAT_DATA or downloaded from `origin` where it is not there.

    untar: `fname` names the folder inside the tar archive, whose path is returned;  extract: the archive is unpacked beside itself.
    Raises ValueError where `origin` is missing or what was downloaded has another checksum, Exception where it cannot be fetched.
    """
    if origin is None:
        raise ValueError('Please specify the "origin" argument (URL of the file to download).')
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    folder = _cache(cache_dir, cache_subdir)
    fname = os.fspath(fname) if fname else os.path.basename(urlsplit(origin).path)
    if not fname:
        raise ValueError(
            f"Can't parse the file name from the origin provided: '{origin}'. Please specify the `fname` argument."
        )
    path = os.path.join(folder, fname)
    unpacked = None
    if untar:
        unpacked = path.removesuffix(".tar.gz")
        path = unpacked + ".tar.gz"
    if os.path.exists(path) and file_hash is not None and _checksum(path, hash_algorithm, file_hash) != file_hash:
        print(
            f"A local file was found, but it seems to be incomplete or outdated because the {hash_algorithm} file hash does not match "
            f"the original value of {file_hash} so we will re-download the data."
        )
        force_download = True
    if force_download or not os.path.exists(path):
        given = None if force_download else _given(os.path.basename(path), os.path.basename(urlsplit(origin).path))
        if given is not None:
            shutil.copyfile(given, path)
        else:
            _fetch(origin, path, file_hash, hash_algorithm)
    if untar:
        if not os.path.exists(unpacked):
            unpack(path, folder, "tar")
        return unpacked
    if extract:
        unpack(path, folder, archive_format)
    return path


def _cache(cache_dir, cache_subdir):
    """The folder for files, made where it is missing; where it cannot be written, one for temporary files."""
    base = os.path.expanduser(home() if cache_dir is None else cache_dir)
    try:
        os.makedirs(base, exist_ok=True)
    except OSError:
        pass
    if not os.access(base, os.W_OK):
        base = os.path.join(tempfile.gettempdir(), ".keras")
    folder = os.path.join(base, cache_subdir)
    os.makedirs(folder, exist_ok=True)
    return folder


def _given(*names):
    """Path of a file of one of these names in a folder of TFCOMPAT_DATA, or None."""
    places = [os.path.join(folder, name) for folder in data_folders("") for name in names if name]
    return next((p for p in places if os.path.isfile(p)), None)


def _fetch(origin, path, file_hash, hash_algorithm):
    """Downloads a file, whole and with the checksum given, or not at all: what was there before stays."""
    import urllib.error

    print(f"Downloading data from {origin}")
    fresh = f"{path}.new"
    try:
        try:
            download(origin, fresh)
        except urllib.error.HTTPError as e:
            raise Exception(_unreachable(origin, path, e.code, e.msg)) from None
        except OSError as e:
            raise Exception(_unreachable(origin, path, e.errno, getattr(e, "reason", e))) from None
        if file_hash is not None and _checksum(fresh, hash_algorithm, file_hash) != file_hash:
            raise ValueError(
                f"Incomplete or corrupted file detected. The {hash_algorithm} file hash does not match the provided value of {file_hash}."
            )
        os.replace(fresh, path)
    finally:
        if os.path.exists(fresh):
            os.remove(fresh)


def _unreachable(origin, path, code, reason):
    return (
        f"URL fetch failure on {origin}: {code} -- {reason}\n  Put the file into {os.path.dirname(path)!r} as {os.path.basename(path)!r}, or "
        "set TFCOMPAT_DATA to a folder that has it."
    )
