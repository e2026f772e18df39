"""Features in files, written batch by batch, so that they need not fit into memory.

A file is one of NumPy's, ``features-NUMBER.npy``, whose number says what the features are of.
While it is written it ends in ``.part`` and has the rows so far, from which a later call goes
on; its own name it gets when it is whole.
"""

import os
import secrets
from contextlib import contextmanager, suppress
from typing import NamedTuple

import numpy as np
from numpy.lib import format as npy

from ..fingerprint import fingerprint

try:
    import fcntl
except ImportError:  # on Windows, where each call begins anew
    fcntl = None

__all__ = ["FeatureFile", "identity_of_images"]

DTYPE = np.dtype("<f4")


def identity_of_images(images):
    """Return what tells images from others.

    Parameters
    ----------
    images : Images
        The samples.

    Returns
    -------
    list
        Of files their names, sizes and times, of arrays a number of the contents, and how they
        are read.
    """
    how = [images.mode, images.size, images.orientation]
    if images.mode is None:
        return [how, [fingerprint(images.source[place]) for place in images.rows]]
    files = [os.path.abspath(path) for path in images.source[images.rows]]
    states = [os.stat(file) for file in files]
    return [how, files, [(state.st_size, state.st_mtime_ns) for state in states]]


class FeatureFile:
    """The features of some samples in a file, float32, one row per sample.

    Parameters
    ----------
    folder : str or path-like
        Made if it is not there.
    identity : object
        What the features follow from; see `skmlc.inputs.fingerprint`.
    n_rows : int
        The number of samples.

    Raises
    ------
    ValueError
        If the folder cannot be made.
    """

    def __init__(self, folder, identity, n_rows):
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise ValueError(
                "cache must be a folder, which is made if it is not there; got "
                f"{os.fspath(folder)!r}: {error.strerror}."
            ) from error
        self.path = os.path.join(folder, f"features-{fingerprint(identity)}.npy")
        self.n_rows = n_rows

    def read(self):
        """Return the features as a memory map, or None if the file is not there and whole.

        Returns
        -------
        numpy.memmap or None
            Of shape (n_rows, ...), which cannot be written to.
        """
        with suppress(FileNotFoundError), open(self.path, "rb") as file:
            if _written(file, self.n_rows).n_rows == self.n_rows:
                return np.load(self.path, mmap_mode="r")
        return None

    def write(self, step, parts):
        """Write the file, from where an earlier call was cut off.

        Parameters
        ----------
        step : int
            How many rows are computed at a time: they are the same ones however often a call
            is cut off, and so are the features, to the last bit.
        parts : callable
            Maps the first row that is asked for to an iterable of arrays, the rows from there.
        """
        with self._opened() as file:
            found = _written(file, self.n_rows)
            start = found.n_rows // step * step
            file.seek(found.begin + start * found.row_size if start else 0)
            file.truncate()
            for part in parts(start):
                if file.tell() == 0:
                    _write_header(file, (self.n_rows, *part.shape[1:]))
                file.write(np.ascontiguousarray(part, DTYPE).data)

    @contextmanager
    def _opened(self):
        """Open the file that is not whole yet, and give it its name when it is."""
        part = f"{self.path}.part"
        file = _open_locked(part)
        if file is not None:
            with file:
                yield file
                _finish(file)
                os.replace(part, self.path)  # before another writer can lock it
            return
        own = f"{self.path}.{secrets.token_hex(8)}.tmp"
        try:
            with open(own, "w+b") as file:
                yield file
                _finish(file)
            os.replace(own, self.path)
        except BaseException:
            with suppress(OSError):
                os.unlink(own)
            raise


class _Written(NamedTuple):
    """What a file holds."""

    n_rows: int = 0  # whole ones
    row_size: int = 0  # in bytes
    begin: int = 0  # of the first one


def _written(file, n_rows):
    """Return what is in a file for a number of rows; nothing if it is no such file."""
    file.seek(0)
    try:
        version = npy.read_magic(file)
        shape, by_columns, dtype = npy.read_array_header_1_0(file)
    except ValueError:
        return _Written()
    if version != (1, 0) or by_columns or dtype != DTYPE or shape[:1] != (n_rows,):
        return _Written()
    begin, row_size = file.tell(), DTYPE.itemsize * int(np.prod(shape[1:]))
    size = os.fstat(file.fileno()).st_size
    return _Written(min(n_rows, (size - begin) // row_size), row_size, begin)


def _write_header(file, shape):
    """Begin a file of NumPy's."""
    header = {"descr": DTYPE.str, "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(file, header)


def _finish(file):
    """Have the system write what it has of a file."""
    file.flush()
    os.fsync(file.fileno())


def _open_locked(path):
    """Open a file for this call alone; None where another one is writing it."""
    if fcntl is None:
        return None
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The other writer may just have finished, and given this file its name.
        if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
            return file
    except OSError:
        pass
    file.close()
    return None
