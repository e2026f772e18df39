"""Matrices with a row for each sample, made and read in blocks of rows.

Of many labels, a whole matrix of probabilities or of what they are compared with takes
gigabytes, and what is kept of it, such as the labels that are predicted, often little.
"""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches

__all__ = ["GatheredRows", "map_parts", "map_rows", "row_blocks", "rows_per_call"]

# About how many entries a block has: as much as caches hold, and a few MB of memory.
BLOCK_ENTRIES = 2**20
# Likewise for the probabilities of a classifier, a call of which may take longer than its work.
CALL_ENTRIES = 2**22


def row_blocks(matrix):
    """Return slices of the first axis, of a bounded number of entries each.

    Parameters
    ----------
    matrix : ndarray
        Of one or more dimensions.

    Returns
    -------
    list of slice
        At least one; a row with more entries than the bound is a block by itself.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.row_blocks import row_blocks
    >>> row_blocks(np.zeros((3, 2**20)))
    [slice(0, 1, None), slice(1, 2, None), slice(2, 3, None)]
    """
    width = max(1, matrix.size // max(1, len(matrix)))
    step = max(1, BLOCK_ENTRIES // width)
    return [slice(start, start + step) for start in range(0, max(1, len(matrix)), step)]


def map_rows(matrix, function, known=None):
    """Return what a function makes of a matrix, block by block.

    Parameters
    ----------
    matrix : ndarray of shape (n_samples, ...)
        Not modified, unless the function does so.
    function : callable
        Maps some rows of the matrix, and of `known`, to what `GatheredRows.add` takes.
    known : {ndarray, csr_array} of shape (n_samples, n_labels), default=None
        What is known about the samples' labels; the function is passed None for None.

    Returns
    -------
    {ndarray, sparse matrix} of length n_samples or tuple of these
        What `GatheredRows.result` gives.
    """
    gathered = GatheredRows(len(matrix))
    for rows in row_blocks(matrix):
        given = None if known is None else known[rows]
        gathered.add(function(matrix[rows], given), np.arange(len(matrix))[rows])
    return gathered.result()


def rows_per_call(n_labels):
    """Return of how many samples the probabilities are asked for at once.

    Parameters
    ----------
    n_labels : int
        The number of labels.

    Returns
    -------
    int
        At least one; so many that a call of a classifier of few labels is for all samples.

    Examples
    --------
    >>> from skmlc.row_blocks import rows_per_call
    >>> rows_per_call(2000)
    2097
    """
    return max(1, CALL_ENTRIES // n_labels)


def map_parts(n_samples, step, predict, function, known=None):
    """Return what a function makes of predictions that are made part by part.

    Parameters
    ----------
    n_samples : int
        How many samples there are, at least one.
    step : int
        How many are predicted at once.
    predict : callable
        Maps a slice of the samples to their probabilities (n, n_labels).
    function, known : object
        As for `map_rows`.

    Returns
    -------
    {ndarray, sparse matrix} of length n_samples or tuple of these
        What `GatheredRows.result` gives.
    """
    gathered = GatheredRows(n_samples)
    for rows in gen_batches(n_samples, step):
        given = None if known is None else known[rows]
        gathered.add(function(predict(rows), given), np.arange(rows.start, rows.stop))
    return gathered.result()


class GatheredRows:
    """A matrix, or several, of which blocks of rows come in any order.

    Parameters
    ----------
    n_rows : int
        How many rows there are in all.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.row_blocks import GatheredRows
    >>> gathered = GatheredRows(3)
    >>> gathered.add(np.array([[3, 3], [1, 1]]), np.array([2, 0]))
    >>> gathered.add(np.array([[2, 2]]), np.array([1]))
    >>> gathered.result()
    array([[1, 1],
           [2, 2],
           [3, 3]])
    """

    def __init__(self, n_rows):
        self.n_rows = n_rows
        self._rows, self._parts, self._wholes = [], [], ()

    def add(self, block, rows):
        """Take some rows.

        Parameters
        ----------
        block : {ndarray, sparse matrix} of length n or tuple of ndarray
            Their content: always a sparse matrix, or always arrays of the same types.
        rows : ndarray of int of shape (n,)
            Their places.
        """
        if sparse.issparse(block):
            self._parts.append(block)
            self._rows.append(rows)
            return
        blocks = block if isinstance(block, tuple) else (block,)
        if not self._wholes:
            self._is_tuple = isinstance(block, tuple)
            self._wholes = tuple(
                np.empty((self.n_rows, *one.shape[1:]), one.dtype) for one in blocks
            )
        for whole, one in zip(self._wholes, blocks, strict=True):
            whole[rows] = one

    def result(self) -> Any:
        """Return what has come, its rows in order.

        Returns
        -------
        {ndarray, sparse matrix} of length n_rows or tuple of ndarray
            Of the kind of the blocks.
        """
        if self._wholes:
            return self._wholes if self._is_tuple else self._wholes[0]
        rows = np.concatenate(self._rows)
        matrix: Any = self._parts[0]
        if len(self._parts) > 1:
            matrix = sparse.vstack(self._parts, format="csr")
        return matrix if (np.diff(rows) > 0).all() else matrix[np.argsort(rows)]
