"""Memory maps: arrays in files, of which as little as possible is in memory."""

import mmap

import numpy as np
from sklearn.utils import gen_batches

from .row_blocks import row_blocks

__all__ = ["blocks", "forget", "has_finite_extremes", "is_mapped", "take_rows"]

ROWS_AT_ONCE = 64


def is_mapped(array):
    """Return whether an array is a view of a memory map.

    Parameters
    ----------
    array : object
        Anything.

    Returns
    -------
    bool
        Whether its numbers are in a file.
    """
    return _map_of(array) is not None


def forget(array):
    """Let the system take back the memory of what was read of a memory map.

    It would do so by itself when others need the memory, and until then count what was read as
    memory of this process.

    Parameters
    ----------
    array : object
        Anything; of a memory map nothing is lost, and read again when it is needed.
    """
    mapped = _map_of(array)
    # What was changed in a map of mode "c" is in memory alone.
    if mapped is None or mapped.mode not in ("r", "r+", "w+"):
        return
    while isinstance(mapped, np.ndarray):
        mapped = mapped.base
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def blocks(array):
    """Yield the numbers of an array in parts, each of which is then forgotten.

    Parameters
    ----------
    array : {ndarray, LazyRows}
        In memory, mapped, or read when it is needed.

    Yields
    ------
    ndarray
        Some rows; some columns of an array that is stored by columns.
    """
    if not isinstance(array, np.ndarray):
        yield from array.blocks()
        return
    array = array.T if array.flags.f_contiguous else array
    for rows in row_blocks(array):
        yield array[rows]
        forget(array)


def take_rows(array, rows):
    """Return some rows of an array, those of a memory map a few at a time.

    Parameters
    ----------
    array : {ndarray, LazyRows}
        In memory, mapped, or read when it is needed.
    rows : ndarray of int of shape (n_rows,)
        Their places.

    Returns
    -------
    ndarray of length n_rows
        A copy in memory.
    """
    if not isinstance(array, np.ndarray):
        return array.read(rows)
    if not is_mapped(array):
        return array[rows]
    taken = np.empty((len(rows), *array.shape[1:]), array.dtype)
    # With each row the system may map 2 MB around it.
    for part in gen_batches(len(rows), ROWS_AT_ONCE):
        taken[part] = array[rows[part]]
        forget(array)
    return taken


def has_finite_extremes(array):
    """Return whether all numbers are finite, which unlike np.isfinite takes no memory.

    Parameters
    ----------
    array : ndarray
        In memory or mapped.

    Returns
    -------
    bool
        Whether the least and the greatest of each part are.
    """
    if array.size == 0 or array.dtype.kind != "f":
        return True
    return all(np.isfinite(b.min()) and np.isfinite(b.max()) for b in blocks(array))


def _map_of(array):
    """Return the memory map of which an array is a view, or None."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return array
        array = array.base
    return None
