"""F-beta scores of predicted label sets: F1 where recall counts more, or less, than precision.

All take y_true and y_pred as indicator matrices (dense or sparse) and leave out the entries
that are unknown, NaN in y_true. A single label may be given as a 1-D array.
"""

from functools import partial
from numbers import Real

import numpy as np
from sklearn.metrics import fbeta_score

from .classification import average_metric


def example_fbeta(y_true, y_pred, sample_weight=None, *, beta=1.0, zero_division=0.0):
    """Average over the samples of each sample's F-beta (ebF2, ebF0.5).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out. A sample about which nothing is known
        is left out.
    y_pred : {array-like, sparse matrix} of shape (n_samples, n_labels)
        Predicted labels, 0 or 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    beta : float, default=1.0
        How many times as much recall counts as precision; above 0.
    zero_division : {0.0, 1.0, np.nan}, default=0.0
        F-beta of a sample with neither true nor predicted labels; np.nan leaves such samples
        out of the average.

    Returns
    -------
    float
        The average, in [0, 1].

    Examples
    --------
    >>> from skmlc.metrics import example_fbeta
    >>> example_fbeta([[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 1]], beta=2)
    0.777...
    """
    return average_metric(
        _fbeta(beta), "samples", y_true, y_pred, sample_weight, zero_division
    )


def micro_fbeta(y_true, y_pred, sample_weight=None, *, beta=1.0, zero_division=0.0):
    """F-beta of all entries together (miF2, miF0.5).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out.
    y_pred : {array-like, sparse matrix} of shape (n_samples, n_labels)
        Predicted labels, 0 or 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    beta : float, default=1.0
        How many times as much recall counts as precision; above 0.
    zero_division : {0.0, 1.0, np.nan}, default=0.0
        What is returned where there is neither a true nor a predicted label at all.

    Returns
    -------
    float
        The F-beta, in [0, 1].

    Examples
    --------
    >>> from skmlc.metrics import micro_fbeta
    >>> micro_fbeta([[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 1]], beta=2)
    0.714...
    """
    return average_metric(
        _fbeta(beta), "micro", y_true, y_pred, sample_weight, zero_division
    )


def macro_fbeta(y_true, y_pred, sample_weight=None, *, beta=1.0, zero_division=0.0):
    """Average over the labels of each label's F-beta (maF2, maF0.5).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out. A label about which nothing is known
        is left out.
    y_pred : {array-like, sparse matrix} of shape (n_samples, n_labels)
        Predicted labels, 0 or 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    beta : float, default=1.0
        How many times as much recall counts as precision; above 0.
    zero_division : {0.0, 1.0, np.nan}, default=0.0
        F-beta of a label that is neither present nor predicted; np.nan leaves such labels
        out of the average.

    Returns
    -------
    float
        The average, in [0, 1].

    Examples
    --------
    >>> from skmlc.metrics import macro_fbeta
    >>> macro_fbeta([[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 1]], beta=2)
    0.666...
    """
    return average_metric(
        _fbeta(beta), "macro", y_true, y_pred, sample_weight, zero_division
    )


def _fbeta(beta):
    """Return scikit-learn's function for a beta, which must be above 0 and finite."""
    if not isinstance(beta, Real) or isinstance(beta, bool) or not 0 < beta < np.inf:
        raise ValueError(f"beta must be a number above 0; got {beta!r}.")
    return partial(fbeta_score, beta=beta)
