"""Areas under ROC curves of labels, which survive absent labels and unknown entries."""

import numpy as np

from ._ranks import known_weight_from, weight_from
from ._targets import present_labels, read_targets_and_scores


def label_roc_auc(y_true, y_score, sample_weight=None):
    """Area under the ROC curve of each label.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out.
    y_score : array-like of shape (n_samples, n_labels)
        Scores; a positive and a negative sample of equal score count as half ordered.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.

    Returns
    -------
    ndarray of shape (n_labels,)
        The areas, in [0, 1]; NaN for a label without a known positive or without a known
        negative sample.

    Examples
    --------
    >>> from skmlc.metrics import label_roc_auc
    >>> y_score = [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]
    >>> label_roc_auc([[0, 0], [1, 0], [0, 0]], y_score)
    array([0.5, nan])
    """
    targets, y_score = read_targets_and_scores(y_true, y_score, sample_weight)
    areas = np.full(y_score.shape[1], np.nan)
    for label, positive, scores, weight in present_labels(targets, y_score):
        levels, level = np.unique(scores[positive], return_inverse=True)
        hits = np.bincount(level, None if weight is None else weight[positive])
        total = len(scores) if weight is None else weight.sum()
        at_least, above = weight_from(levels, scores, weight)
        areas[label] = _area(hits, at_least, above, total)
    return areas


def macro_roc_auc(y_true, y_score, sample_weight=None):
    """Average over the labels of their areas under the ROC curve (macro AUC).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out.
    y_score : array-like of shape (n_samples, n_labels)
        Scores; a positive and a negative sample of equal score count as half ordered.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.

    Returns
    -------
    float
        The mean, in [0, 1], over the labels that have a known positive and a known negative
        sample; NaN where none has.

    See Also
    --------
    sklearn.metrics.roc_auc_score : The same, but NaN as soon as one label is absent.

    Examples
    --------
    >>> from skmlc.metrics import macro_roc_auc
    >>> y_score = [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]
    >>> macro_roc_auc([[0, 0], [1, 0], [0, 0]], y_score)
    0.5
    """
    areas = label_roc_auc(y_true, y_score, sample_weight)
    defined = areas[~np.isnan(areas)]
    return float(defined.mean()) if defined.size else float("nan")


def micro_roc_auc(y_true, y_score, sample_weight=None):
    """Area under the ROC curve of all entries together (micro AUC).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out.
    y_score : array-like of shape (n_samples, n_labels)
        Scores, comparable from label to label; a positive and a negative entry of equal
        score count as half ordered.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample's entries.

    Returns
    -------
    float
        The area, in [0, 1]; NaN where all known entries are alike.

    Examples
    --------
    >>> from skmlc.metrics import micro_roc_auc
    >>> micro_roc_auc([[1, 0], [0, 1]], [[0.9, 0.6], [0.1, 0.5]])
    0.75
    """
    targets, y_score = read_targets_and_scores(y_true, y_score, sample_weight)
    rows, labels = targets.positive.nonzero()
    levels, level = np.unique(y_score[rows, labels], return_inverse=True)
    hits = np.bincount(level, targets.sample_weight[rows], minlength=len(levels))
    total = float(targets.sample_weight @ targets.n_known)
    at_least, above = known_weight_from(levels, targets, y_score)
    return float(_area(hits, at_least, above, total))


def _area(hits, at_least, above, total):
    """Return the share of pairs that are ordered rightly, those of equal score half.

    For each score of a positive, upwards: the weight of the positives there, and of all
    that are at least it and above it; and the weight of all.
    """
    n_positive = hits.sum()
    n_negative = total - n_positive
    positives_above = n_positive - np.cumsum(hits)
    wrong, equal = above - positives_above, at_least - above - hits
    n_pairs = n_positive * n_negative
    # Negatives of no weight, but for rounding, form no pair.
    if n_pairs <= 1e-12 * total**2:
        return np.nan
    return 1.0 - hits @ (wrong + equal / 2) / n_pairs
