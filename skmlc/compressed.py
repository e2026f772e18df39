"""Opening files that may be compressed, with a bound on what comes out of them."""

import bz2
import gzip
import io
import lzma
import os
import stat
import zlib
from pathlib import Path

from .exceptions import FileFormatError

__all__ = ["check_is_file", "open_data", "size_limit"]

# Of real data the best compressed, matrices of few non-zeros, come to a twentieth.
RATIO = 200
ALWAYS_ALLOWED = 64 * 2**20  # bytes

_SUFFIXES = (".gz", ".bz2", ".xz")
# The first bytes of a file of each kind; those of bzip2 with its first block, or its end.
_MAGIC = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh?1AY&SY", bz2.open),
    (b"BZh?\x17rE8P\x90", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)


def size_limit(path):
    """Return how many bytes may be made of a compressed file.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    int
        200 times its size, or 64 MiB if that is more.
    """
    return max(ALWAYS_ALLOWED, RATIO * os.path.getsize(path))


def check_is_file(path):
    """Raise an error if there is no file, or something else in its place.

    Parameters
    ----------
    path : path-like
        The file.

    Raises
    ------
    FileNotFoundError
        If there is none.
    FileFormatError
        If it is a folder, a pipe or a device, which may have no end.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise FileFormatError(path, "must be a file; it is a folder, a pipe or a device.")


def open_data(path):
    """Open a file for reading bytes, decompressing it where it is compressed.

    Its first bytes tell whether it is compressed, by gzip, bzip2 or xz. A name that ends in
    ".gz", ".bz2" or ".xz" must keep what it promises.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    file : BufferedReader
        To be closed by the caller. Reading raises `FileFormatError` where the file is
        damaged, or where more than `size_limit` comes out of it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is not a file, or not compressed as its name says.

    Examples
    --------
    >>> import bz2
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skmlc.compressed import open_data
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "data.txt.bz2")
    ...     _ = path.write_bytes(bz2.compress(b"1 2"))
    ...     with open_data(path) as file:
    ...         content = file.read()
    >>> content
    b'1 2'
    """
    check_is_file(path)
    with open(path, "rb") as file:
        start = file.read(10)
    for magic, decompressing in _MAGIC:
        if _begins(start, magic):
            reader = _Bounded(decompressing(path, "rb"), path)
            return io.BufferedReader(reader, buffer_size=2**17)
    suffix = Path(path).suffix.lower()
    if suffix in _SUFFIXES:
        raise FileFormatError(path, f"must be compressed, as its name ends in {suffix}.")
    return open(path, "rb")


def _begins(start, magic):
    """Return whether these are the first bytes; "?" stands for any one."""
    same = (one in (other, ord("?")) for one, other in zip(magic, start))
    return len(start) >= len(magic) and all(same)


class _Bounded(io.RawIOBase):
    """What a decompressing file gives, up to the limit, with one kind of error."""

    def __init__(self, file, path):
        self.file, self.path = file, path
        self.left = size_limit(path)

    def readable(self):
        return True

    def readinto(self, buffer):
        try:
            content = self.file.read1(len(buffer))
        except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
            raise FileFormatError(
                self.path, f"must be compressed data; it is damaged: {error}."
            ) from error
        self.left -= len(content)
        if self.left < 0:
            raise FileFormatError(
                self.path,
                f"must not grow by more than {RATIO} times, nor beyond "
                f"{ALWAYS_ALLOWED >> 20} MiB, when it is decompressed; if this is what it "
                "holds, decompress it first.",
            )
        buffer[: len(content)] = content
        return len(content)

    def close(self):
        self.file.close()
        super().close()
