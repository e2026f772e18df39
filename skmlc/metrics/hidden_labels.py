"""Labels of which a part is known to an estimator, and the rest is hidden, to be scored."""

from numbers import Real
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_random_state

from ..indicators import read_indicators


def hide_labels(y, known, random_state=0):
    """Split labels into those that are known to an estimator and those that it has to find.

    Parameters
    ----------
    y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and stays so.
    known : float in [0, 1) or "one_positive"
        What is known: this share of the labels, each entry drawn independently; a larger share
        contains what a smaller one does, and more; or one positive label of each sample that
        has any.
    random_state : int, RandomState instance or None, default=0
        Where the draws come from. They depend on the shape of y only; of the positive
        labels, the one with the least draw is known.

    Returns
    -------
    y_hidden : {ndarray, DataFrame} of shape (n_samples, n_labels), float32
        What is left to be found: y, with NaN where it is known. A DataFrame if y is one.
    known : {ndarray, DataFrame} of shape (n_samples, n_labels), float32
        What is known: y where it is, NaN elsewhere. Dense even where y is sparse.

    Examples
    --------
    >>> from skmlc.metrics import hide_labels
    >>> y_hidden, known = hide_labels([[1, 0, 1], [0, 0, 1]], 0.6)
    >>> y_hidden
    array([[nan,  0.,  1.],
           [nan, nan,  1.]], dtype=float32)
    >>> known
    array([[ 1., nan, nan],
           [ 0.,  0., nan]], dtype=float32)
    """
    check_known(known)
    labels: Any = read_indicators(y, "y", vector=True)
    labels = labels.toarray() if issparse(labels) else labels
    draws = check_random_state(random_state).random_sample(labels.shape)
    if known == "one_positive":
        shown = _least_positive(labels, draws)
    else:
        shown = (draws < known) & (labels == labels)
    y_hidden = np.where(shown, np.float32(np.nan), labels).astype(np.float32, copy=False)
    shown_labels = np.where(shown, labels, np.float32(np.nan)).astype(
        np.float32, copy=False
    )
    if shown.any() and np.isnan(y_hidden).all():
        raise ValueError(
            f"known={known!r} shows every known label of y, of shape {labels.shape}, so that "
            "there is nothing left to find: pass a smaller share, or more samples."
        )
    return _named_as(y, y_hidden), _named_as(y, shown_labels)


def check_known(known, name="known"):
    """Raise an error unless `known` says which labels are known."""
    if isinstance(known, str):
        valid = known == "one_positive"
    else:
        is_number = isinstance(known, Real) and not isinstance(known, bool)
        valid = is_number and 0 <= float(known) < 1
    if not valid:
        came = repr(known) if isinstance(known, str | Real) else type(known).__name__
        raise ValueError(
            f"{name} must be a share of the labels, at least 0 and below 1, or "
            f'"one_positive"; got {came}.'
        )


def _least_positive(labels, draws):
    """Mark the positive label of the least draw in each row that has one, (N, L) bool."""
    draws = np.where(labels == 1, draws, np.inf)
    first = np.arange(labels.shape[1]) == draws.argmin(axis=1)[:, np.newaxis]
    return first & (labels == 1)


def _named_as(y, values):
    """Return values as a DataFrame with the columns of y, if it is one."""
    if not hasattr(y, "columns"):
        return values
    if hasattr(y, "iloc"):  # of pandas, which need not be installed
        return type(y)(values, columns=y.columns, index=y.index)
    return type(y)(values, schema=list(y.columns))
