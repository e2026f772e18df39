"""One file for a tree of values and arrays: written whole or not at all, checked on reading.

The file is a safetensors file.  Its arrays are those of the tree, and one more, `TREE`, which
holds the tree itself as JSON: there, because the header of a safetensors file is limited.  The
header's metadata has one entry, "skmlc": the format's version, what kind of file it is, the
versions of the packages that wrote it, and a SHA-256 of everything.
"""

import glob
import hashlib
import json
import os
import secrets
import shutil
import stat
import time
from contextlib import suppress

import numpy as np
from safetensors import SafetensorError, TensorSpec, deserialize, serialize

from ..exceptions import FileFormatError
from ._tree import Malformed, decode_tree, encode_tree

__all__ = ["FORMAT_VERSION", "check_path", "read_file", "remove_leftovers", "write_file"]

FORMAT_VERSION = 1
TREE = "tree"
AN_HOUR = 3600
# The first bytes of what people may take for a saved model.
OTHER_FORMATS = {
    b"\x80": "a pickle or joblib file, which runs code when joblib.load opens it",
    b"x": "a compressed joblib file, which runs code when joblib.load opens it",
    b"PK": "a zip archive, such as torch.save and skops write",
}


def write_file(path, tree, *, kind="model", versions=None):
    """Write a tree into one file, which is there whole or not at all.

    Parameters
    ----------
    path : str or path-like
        The file; one that is there is replaced when the new one is complete.
    tree : object
        Lists, tuples, dicts, sets, numbers, strings, arrays, sparse matrices, tensors, and
        `Record` instances, nested in each other; an object that is there twice comes back once.
    kind : str, default="model"
        What the file is, which `read_file` asks for.
    versions : dict of str to str, default=None
        The versions of the packages at work.

    Raises
    ------
    TypeError
        If the tree holds something else.
    OSError
        If the file cannot be written; what was there before is then as it was.
    """
    text, arrays = encode_tree(tree)
    arrays[TREE] = ("uint8", np.frombuffer(text, np.uint8))
    about = {
        "format": FORMAT_VERSION,
        "kind": kind,
        "versions": dict(sorted((versions or {}).items())),
    }
    specs = {name: _spec(dtype, array) for name, (dtype, array) in arrays.items()}
    hashed = [
        (name, specs[name].dtype, list(array.shape), array.reshape(-1).view(np.uint8))
        for name, (_, array) in arrays.items()
    ]
    about["sha256"] = _checksum(about, hashed)
    _write_whole(path, serialize(specs, {"skmlc": json.dumps(about)}))


def read_file(path, *, kind="model"):
    """Read what `write_file` has written.

    Parameters
    ----------
    path : str or path-like
        The file.
    kind : str, default="model"
        What the file must be.

    Returns
    -------
    tree : object
        As it was written; tensors are on the CPU.
    versions : dict of str to str
        The versions of the packages that wrote it.

    Raises
    ------
    FileFormatError
        If the file is damaged, cut short, or not of this kind or format.
    """
    data = _read_regular(path)
    try:
        parts = {name: part for name, part in deserialize(data)}
    except SafetensorError as error:
        raise FileFormatError(path, _what_it_is(data)) from error
    about = _read_about(path, data, kind)
    hashed = [(n, p["dtype"], p["shape"], p["data"]) for n, p in parts.items()]
    if _checksum(about, hashed) != about["sha256"]:
        raise FileFormatError(path, "is damaged: its checksum does not match its content.")
    del data
    try:
        tree = decode_tree(bytes(parts.pop(TREE)["data"]), parts)
    except Malformed as error:
        raise FileFormatError(path, f"is damaged: {error}.") from error
    except Exception as error:  # whatever numpy, torch and json say of wrong values
        problem = f"is damaged: its content is malformed ({type(error).__name__})."
        raise FileFormatError(path, problem) from error
    return tree, about["versions"]


def _read_about(path, data, kind):
    """Return the metadata of the file, checked."""
    length = int.from_bytes(data[:8], "little")
    try:
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
        about = json.loads(metadata["skmlc"])
    except KeyError:
        raise FileFormatError(
            path, "is a safetensors file, but not one that skmlc.save has written."
        ) from None
    except (ValueError, RecursionError) as error:
        raise FileFormatError(path, "is damaged: its header is no JSON.") from error
    if not _is_about(about):
        raise FileFormatError(path, "is damaged: its header lacks what it must say.")
    if about["format"] > FORMAT_VERSION:
        raise FileFormatError(
            path,
            f"is of format version {about['format']}, and this skmlc reads versions up to "
            f"{FORMAT_VERSION}: update skmlc.",
        )
    if about["kind"] != kind:
        raise FileFormatError(path, f"must be a {kind}; it is a {about['kind'][:40]}.")
    return about


def _is_about(about):
    """Whether the metadata have the entries, and the types, that they must have."""
    expected = {"format": int, "kind": str, "versions": dict, "sha256": str}
    return (
        isinstance(about, dict)
        and {name: type(value) for name, value in about.items()} == expected
        and about["format"] >= 1
        and all(isinstance(version, str) for version in about["versions"].values())
    )


def _checksum(about, arrays):
    """Return the SHA-256 of the metadata and of arrays, as (name, dtype, shape, bytes)."""
    said = {name: value for name, value in about.items() if name != "sha256"}
    result = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for name, dtype, shape, data in sorted(arrays, key=lambda array: array[0]):
        result.update(json.dumps([name, dtype, shape]).encode())
        result.update(data)
    return result.hexdigest()


def _spec(dtype, array):
    """Return what safetensors writes of an array, which is of the type named."""
    return TensorSpec(
        dtype=dtype, shape=array.shape, data_ptr=array.ctypes.data, data_len=array.nbytes
    )


def _what_it_is(data):
    """Say what is wrong with a file that is no safetensors file."""
    if not data:
        return "must be a file that skmlc.save has written; it is empty."
    for start, name in OTHER_FORMATS.items():
        if data.startswith(start) and data[8:9] != b"{":
            return f"must be a file that skmlc.save has written; it looks like {name}."
    return "is damaged or cut short, or not a file that skmlc.save has written."


def check_path(path):
    """Raise an error that names the argument if a path is not one.

    Parameters
    ----------
    path : object
        As the user gave it.

    Raises
    ------
    TypeError
        If it is not a str or path-like.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"path must be a str or path-like; got an instance of {type(path).__name__}."
        )


def _read_regular(path):
    """Return the content of a file, which must not be a pipe or device that never ends."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise FileFormatError(path, "must be a file that skmlc.save has written.")
    with open(path, "rb") as file:
        return file.read()


def _write_whole(path, data):
    """Write a file beside the one that is there, and put it in its place when complete."""
    path = os.path.realpath(path)
    there = os.path.exists(path)
    if there and not os.path.isfile(path):
        raise OSError(f"path must be a file; {path} is a folder or a device.")
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"path must be in a folder that is there; got {path!r}.")
    temporary = os.path.join(folder, f".skmlc-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if there:
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def remove_leftovers(folder):
    """Remove what writers that were killed have left; none takes so long that still lives.

    Parameters
    ----------
    folder : str or path-like
        Where they wrote.
    """
    for file in glob.glob(os.path.join(glob.escape(os.fspath(folder)), ".skmlc-*.tmp")):
        with suppress(OSError):
            if time.time() - os.path.getmtime(file) > AN_HOUR:
                os.unlink(file)


def _sync_folder(folder):
    """Make the new name last a power cut, where the system can do so."""
    with suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
