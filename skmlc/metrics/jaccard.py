"""Jaccard indices of predicted label sets: what true and predicted labels share of both.

All take y_true and y_pred as indicator matrices (dense or sparse) and leave out the entries
that are unknown, NaN in y_true. A single label may be given as a 1-D array.
"""

import numpy as np

from ._targets import check_zero_division, read_predictions, read_targets


def example_jaccard(y_true, y_pred, sample_weight=None, *, zero_division=0.0):
    """Average over the samples of each sample's Jaccard index (ebJaccard).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out. A sample about which nothing is known
        is left out.
    y_pred : {array-like, sparse matrix} of shape (n_samples, n_labels)
        Predicted labels, 0 or 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    zero_division : {0.0, 1.0, np.nan}, default=0.0
        Index of a sample with neither true nor predicted labels; np.nan leaves such samples
        out of the average.

    Returns
    -------
    float
        The average, in [0, 1].

    Examples
    --------
    >>> from skmlc.metrics import example_jaccard
    >>> example_jaccard([[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 1]])
    0.75
    """
    return _average("samples", y_true, y_pred, sample_weight, zero_division)


def micro_jaccard(y_true, y_pred, sample_weight=None, *, zero_division=0.0):
    """Jaccard index of all entries together (miJaccard).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out.
    y_pred : {array-like, sparse matrix} of shape (n_samples, n_labels)
        Predicted labels, 0 or 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    zero_division : {0.0, 1.0, np.nan}, default=0.0
        What is returned where there is neither a true nor a predicted label at all.

    Returns
    -------
    float
        The index, in [0, 1].

    Examples
    --------
    >>> from skmlc.metrics import micro_jaccard
    >>> micro_jaccard([[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 1]])
    0.666...
    """
    return _average("micro", y_true, y_pred, sample_weight, zero_division)


def macro_jaccard(y_true, y_pred, sample_weight=None, *, zero_division=0.0):
    """Average over the labels of each label's Jaccard index (maJaccard).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out. A label about which nothing is known
        is left out.
    y_pred : {array-like, sparse matrix} of shape (n_samples, n_labels)
        Predicted labels, 0 or 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    zero_division : {0.0, 1.0, np.nan}, default=0.0
        Index of a label that is neither present nor predicted; np.nan leaves such labels
        out of the average.

    Returns
    -------
    float
        The average, in [0, 1].

    Examples
    --------
    >>> from skmlc.metrics import macro_jaccard
    >>> macro_jaccard([[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 1]])
    0.666...
    """
    return _average("macro", y_true, y_pred, sample_weight, zero_division)


# scikit-learn's jaccard_score cannot leave out what has nothing to divide by.
def _average(average, y_true, y_pred, sample_weight, zero_division):
    """Average the index over samples, labels or all entries together."""
    check_zero_division(zero_division)
    targets = read_targets(y_true, sample_weight)
    y_pred = read_predictions(targets, y_pred)
    true, both = targets.positive, targets.positive.multiply(y_pred)
    if average == "samples":
        counts = [matrix.sum(axis=1, dtype=np.int64) for matrix in (both, true, y_pred)]
        weight = targets.sample_weight
    else:
        labels = targets.known_labels()
        counts = [(targets.sample_weight @ m)[labels] for m in (both, true, y_pred)]
        weight = np.ones(len(labels))
    if average == "micro":
        counts, weight = [count.sum(keepdims=True) for count in counts], np.ones(1)
    both, either = counts[0], counts[1] + counts[2] - counts[0]
    empty = either == 0
    index = np.where(empty, zero_division, both / np.where(empty, 1, either))
    defined = ~np.isnan(index)
    if not defined.any():
        return float("nan")
    return float(np.average(index[defined], weights=weight[defined]))
