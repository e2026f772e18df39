"""Opening data files: regular files only, within their folder, unpacked within bounds."""

import gzip
import io
import os
import stat
import zlib
from contextlib import contextmanager
from pathlib import Path

from ..exceptions import FileFormatError

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# Text of zeros and ones packs to a hundredth; only a file made to do harm exceeds this.
_UNPACKED_PER_BYTE = 300
_UNPACKED_ALWAYS = 2**24
# Arrays that are made of what a file leaves out, such as the zeros of sparse rows.
_NUMBERS_PER_BYTE = 100
_NUMBERS_ALWAYS = 10**7


@contextmanager
def open_bytes(path):
    """Open a file for reading, and unpack it where its name ends in ``.gz``.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    file : binary file
        Its content.

    Raises
    ------
    FileFormatError
        If it is no regular file, or, at reading, if it is damaged or unpacks to far
        more than its size.
    """
    check_regular(path)
    with path.open("rb") as file:
        if path.suffix.lower() != ".gz":
            yield file
            return
        most = _UNPACKED_ALWAYS + _UNPACKED_PER_BYTE * path.stat().st_size
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield io.BufferedReader(_Bounded(unpacked, most, path))


class _Bounded(io.RawIOBase):
    """Reads a compressed file up to a number of bytes."""

    def __init__(self, file, most, path):
        self._file, self._left, self._path = file, most, path

    def readable(self):
        return True

    def readinto(self, buffer):
        try:
            data = self._file.read(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            raise FileFormatError(
                self._path, f"a file .gz must be whole and packed by gzip; {error}."
            ) from error
        self._left -= len(data)
        if self._left < 0:
            raise FileFormatError(
                self._path,
                f"a packed file may hold {_UNPACKED_PER_BYTE} times its size; this one "
                "holds more, so unpack it first if you trust it.",
            )
        buffer[: len(data)] = data
        return len(data)


def check_regular(path):
    """Refuse what is no regular file, such as a named pipe, which would block.

    Parameters
    ----------
    path : Path
        The file, or a link to it.

    Raises
    ------
    FileFormatError
        If it is something else.
    FileNotFoundError
        If there is nothing.
    """
    kind = stat.S_IFMT(path.stat().st_mode)
    if kind != stat.S_IFREG:
        raise FileFormatError(
            path, f"it must be a regular file; it is {_KINDS.get(kind, 'something else')}."
        )


def member(folder, name, home=None):
    """Return the path of a file that belongs to a data set, as the set names it.

    Parameters
    ----------
    folder : Path
        The data set's folder.
    name : str
        The file's path from there.
    home : Path, default=None
        The folder that the file must not lie outside of; `folder` by default.

    Returns
    -------
    path : Path
        An existing regular file.

    Raises
    ------
    FileFormatError
        If the name or a link leads out of `home`, or to no regular file.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from skmlc.datasets.opening import member
    >>> member(Path("."), "../secret")
    Traceback (most recent call last):
        ...
    skmlc.exceptions.FileFormatError: ../secret: a data set may name files within ...
    """
    path = folder / name
    check_inside(path, folder if home is None else home)
    check_regular(path)
    return path


def check_inside(path, home):
    """Refuse a path that leads out of a folder, by its name or by links.

    Parameters
    ----------
    path : Path
        The path.
    home : Path
        The folder.

    Raises
    ------
    FileFormatError
        If it does.
    """
    try:
        target = Path(os.path.realpath(path))
    except (ValueError, OSError) as error:  # a zero byte, or too long a name
        raise FileFormatError(home, f"it names a file {str(path)[:80]!r}; {error}.") from error
    if not target.is_relative_to(os.path.realpath(home)):
        raise FileFormatError(
            path, f"a data set may name files within {home} only; this is {target}."
        )


def check_size(path, shape, what):
    """Refuse an array that is out of proportion to the file that it is made of.

    Parameters
    ----------
    path : Path
        The file.
    shape : tuple of int
        Shape of the array.
    what : str
        What it holds, for the message.

    Raises
    ------
    FileFormatError
        If it is too large.
    """
    numbers = 1
    for size in shape:
        numbers *= int(size)
    most = _NUMBERS_ALWAYS + _NUMBERS_PER_BYTE * path.stat().st_size
    if numbers > most:
        raise FileFormatError(
            path,
            f"{what} of shape {tuple(map(int, shape))} are out of proportion to a file of "
            f"{path.stat().st_size} bytes; at most {most} numbers are made of it.",
        )
