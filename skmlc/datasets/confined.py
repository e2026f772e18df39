"""Keeping to a folder, and in proportion to a file: what a data set may make a reader do."""

import os
from pathlib import Path

from ..compressed import check_is_file
from ..exceptions import FileFormatError

# Arrays that are made of what a file leaves out, such as the zeros of sparse rows.
_NUMBERS_PER_BYTE = 100
_NUMBERS_ALWAYS = 10**7


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
        An existing file.

    Raises
    ------
    FileFormatError
        If the name or a link leads out of `home`, or to something that is no file.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from skmlc.datasets.confined import member
    >>> member(Path("."), "../secret")
    Traceback (most recent call last):
        ...
    skmlc.exceptions.FileFormatError: ../secret: must lie within ...
    """
    path = folder / name
    check_inside(path, folder if home is None else home)
    check_is_file(path)
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
    target = Path(os.path.realpath(path))
    if not target.is_relative_to(os.path.realpath(home)):
        raise FileFormatError(path, f"must lie within {home}; it leads to {target}.")


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
            f"must not have {what} of shape {tuple(map(int, shape))}: of its "
            f"{path.stat().st_size} bytes at most {most} numbers are made.",
        )
