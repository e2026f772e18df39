"""The columns with the highest scores of each row, such as the most probable labels."""

from numbers import Integral

import numpy as np

__all__ = ["check_k", "top_columns"]


def check_k(k, n_labels):
    """Raise an error unless each sample has k labels.

    Parameters
    ----------
    k : object
        How many labels are asked for.
    n_labels : int
        How many there are.

    Raises
    ------
    ValueError
        If k is not an integer from 1 to `n_labels`.
    """
    if not isinstance(k, Integral) or isinstance(k, bool) or not 1 <= k <= n_labels:
        raise ValueError(f"k must be an integer from 1 to {n_labels}; got {k!r}.")


def top_columns(scores, k):
    """Return the columns with the highest scores of each row, and these scores.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_columns)
        Not modified.
    k : int
        How many, from one to all.

    Returns
    -------
    columns, scores : ndarray of shape (n_samples, k)
        The highest first, equal ones in order of the columns.
    """
    lowest = -np.partition(-scores, k - 1, axis=1)[:, k - 1 : k]
    candidates = scores >= lowest
    # Sorting them is enough, except in rows where more are as high as the lowest.
    clear = candidates.sum(axis=1) == k
    columns = np.empty((len(scores), k), dtype=np.int64)
    columns[clear] = candidates[clear].nonzero()[1].reshape(-1, k)
    columns[~clear] = _sorted_columns(scores[~clear])[:, :k]
    highest = np.take_along_axis(scores, columns, axis=1)
    order = _sorted_columns(highest)
    return tuple(np.take_along_axis(a, order, axis=1) for a in (columns, highest))


def _sorted_columns(scores):
    """Return the columns of each row by score, the highest first, equal ones in order."""
    return np.argsort(-scores, axis=1, kind="stable")
