"""Metrics of predicted label sets: F1 scores and accuracies.

All take y_true and y_pred as indicator matrices (dense or sparse) and leave out the entries
that are unknown, NaN in y_true. A single label may be given as a 1-D array.
"""

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from ._targets import add_empty_label, check_zero_division, read_predictions, read_targets


def example_f1(y_true, y_pred, sample_weight=None, *, zero_division=0.0):
    """Average over the samples of each sample's F1 (ebF1).

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
        F1 of a sample with neither true nor predicted labels; np.nan leaves such samples
        out of the average, as the authors of LaMP do.

    Returns
    -------
    float
        The average, in [0, 1].

    References
    ----------
    .. [1] J. Lanchantin, A. Sekhon, Y. Qi. Neural Message Passing for Multi-Label
       Classification. ECML-PKDD 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.metrics import example_f1
    >>> example_f1([[1, 1, 0], [0, 0, 0]], [[1, 0, 0], [0, 0, 0]])
    0.333...
    >>> example_f1([[1, 1, 0], [0, 0, 0]], [[1, 0, 0], [0, 0, 0]], zero_division=np.nan)
    0.666...
    """
    return average_metric(f1_score, "samples", y_true, y_pred, sample_weight, zero_division)


def micro_f1(y_true, y_pred, sample_weight=None, *, zero_division=0.0):
    """F1 of all entries together (miF1, and OF1 of the image papers).

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
        The F1, in [0, 1].

    Examples
    --------
    >>> from skmlc.metrics import micro_f1
    >>> micro_f1([[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 1]])
    0.8
    """
    return average_metric(f1_score, "micro", y_true, y_pred, sample_weight, zero_division)


def macro_f1(y_true, y_pred, sample_weight=None, *, zero_division=0.0):
    """Average over the labels of each label's F1 (maF1).

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
        F1 of a label that is neither present nor predicted; np.nan leaves such labels
        out of the average, as the authors of LaMP do.

    Returns
    -------
    float
        The average, in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.metrics import macro_f1
    >>> macro_f1([[1, 1, 0], [1, 0, 0]], [[1, 1, 0], [1, 0, 0]])
    0.666...
    >>> macro_f1([[1, 1, 0], [1, 0, 0]], [[1, 1, 0], [1, 0, 0]], zero_division=np.nan)
    1.0
    """
    return average_metric(f1_score, "macro", y_true, y_pred, sample_weight, zero_division)


def subset_accuracy(y_true, y_pred, sample_weight=None):
    """Share of the samples whose labels are all predicted correctly (ACC).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown: only the known labels of a sample are
        compared, and a sample about which nothing is known is left out.
    y_pred : {array-like, sparse matrix} of shape (n_samples, n_labels)
        Predicted labels, 0 or 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.

    Returns
    -------
    float
        The share, in [0, 1].

    Examples
    --------
    >>> from skmlc.metrics import subset_accuracy
    >>> subset_accuracy([[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 1]])
    0.5
    """
    targets = read_targets(y_true, sample_weight)
    y_pred = read_predictions(targets, y_pred)
    positive, y_pred = add_empty_label(targets.positive), add_empty_label(y_pred)
    return float(accuracy_score(positive, y_pred, sample_weight=targets.sample_weight))


def hamming_loss(y_true, y_pred, sample_weight=None):
    """Share of the entries that are predicted wrongly.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out: the share is that of the known
        entries.
    y_pred : {array-like, sparse matrix} of shape (n_samples, n_labels)
        Predicted labels, 0 or 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample's entries.

    Returns
    -------
    float
        The share, in [0, 1]; lower is better.

    Examples
    --------
    >>> from skmlc.metrics import hamming_loss
    >>> hamming_loss([[1, 1, 0, 0], [0, 0, 1, 0]], [[1, 0, 0, 0], [0, 0, 1, 0]])
    0.125
    """
    targets = read_targets(y_true, sample_weight)
    wrong = abs(targets.positive - read_predictions(targets, y_pred))
    # scikit-learn's hamming_loss divides by all entries; here only the known ones count.
    n_wrong = wrong.sum(axis=1, dtype=np.float64)
    weight = targets.sample_weight
    return float((weight @ n_wrong) / (weight @ targets.n_known))


def hamming_accuracy(y_true, y_pred, sample_weight=None):
    """Share of the entries that are predicted correctly (HA), one minus the Hamming loss.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out: the share is that of the known
        entries.
    y_pred : {array-like, sparse matrix} of shape (n_samples, n_labels)
        Predicted labels, 0 or 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample's entries.

    Returns
    -------
    float
        The share, in [0, 1].

    Examples
    --------
    >>> from skmlc.metrics import hamming_accuracy
    >>> hamming_accuracy([[1, 1, 0, 0], [0, 0, 1, 0]], [[1, 0, 0, 0], [0, 0, 1, 0]])
    0.875
    """
    return 1.0 - hamming_loss(y_true, y_pred, sample_weight=sample_weight)


def average_scores(metric, average, targets, y_pred, zero_division):
    """Average scikit-learn's `metric` over samples, labels or all entries together."""
    check_zero_division(zero_division)
    labels = targets.known_labels()
    positive = targets.positive
    if positive.shape[1] == 1:
        positive, y_pred = add_empty_label(positive), add_empty_label(y_pred)
    elif len(labels) == positive.shape[1]:
        labels = None
    score = metric(
        positive,
        y_pred,
        labels=labels,
        average=average,
        sample_weight=targets.sample_weight,
        zero_division=zero_division,
    )
    return float(score)


def average_metric(metric, average, y_true, y_pred, sample_weight, zero_division):
    """Read the arguments of a public metric and average it."""
    targets = read_targets(y_true, sample_weight)
    y_pred = read_predictions(targets, y_pred)
    return average_scores(metric, average, targets, y_pred, zero_division)
