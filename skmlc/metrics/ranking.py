"""Metrics of scores: how each sample's labels, or each label's samples, are ranked.

All take y_true as an indicator matrix (dense or sparse) and the scores as a dense array,
and leave out the entries that are unknown, NaN in y_true. A single label may be given as a
1-D array.
"""

import numpy as np

from .._spelling import check_choice
from ._ranks import (
    entries_of,
    known_weight_from,
    ranks_among_positives,
    ranks_of_positives,
    sum_over_rows,
    weight_from,
)
from ._targets import (
    check_zero_division,
    present_labels,
    read_targets_and_scores,
    score_blocks,
)

_RECALLS = np.arange(11) / 10  # of VOC 2007


def ranking_loss(y_true, y_score, sample_weight=None):
    """Average share of pairs of a true and a false label that are ordered wrongly.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and forms no pair. A sample about which nothing is
        known is left out.
    y_score : array-like of shape (n_samples, n_labels)
        Scores; a pair with equal scores counts as ordered wrongly.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.

    Returns
    -------
    float
        The average, in [0, 1]; lower is better. A sample without a true or without a
        false label has a loss of 0, as in scikit-learn.

    Examples
    --------
    >>> from skmlc.metrics import ranking_loss
    >>> ranking_loss([[1, 0, 0], [0, 0, 1]], [[0.5, 0.7, 0.1], [0.1, 0.2, 0.9]])
    0.25
    """
    targets, y_score = read_targets_and_scores(y_true, y_score, sample_weight)
    n_positives = np.diff(targets.positive.indptr)
    n_pairs = n_positives * (targets.n_known - n_positives)
    ranks = ranks_of_positives(targets, y_score)
    n_wrong = ranks - ranks_among_positives(targets, y_score)
    losses = sum_over_rows(targets.positive, n_wrong) / np.maximum(n_pairs, 1)
    return float(np.average(losses, weights=targets.sample_weight))


def coverage(y_true, y_score, sample_weight=None):
    """Average depth in the ranking at which all true labels are found.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and takes no place in the ranking. A sample about
        which nothing is known is left out.
    y_score : array-like of shape (n_samples, n_labels)
        Scores; labels of equal score all have the last of their places.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.

    Returns
    -------
    float
        The average; lower is better, and the average number of true labels is the best.
        As in scikit-learn, it is one more than that of some papers, and 0 for a sample
        without true labels.

    Examples
    --------
    >>> from skmlc.metrics import coverage
    >>> coverage([[1, 0, 0], [0, 0, 1]], [[0.5, 0.7, 0.1], [0.1, 0.2, 0.9]])
    1.5
    """
    targets, y_score = read_targets_and_scores(y_true, y_score, sample_weight)
    rows, columns = entries_of(targets.positive)
    lowest = np.full(len(y_score), np.inf, dtype=y_score.dtype)
    np.minimum.at(lowest, rows, y_score[rows, columns])
    depths = np.empty(len(y_score))
    for rows, scores in score_blocks(y_score, targets.unknown):
        depths[rows] = np.count_nonzero(scores >= lowest[rows, None], axis=1)
    return float(np.average(depths, weights=targets.sample_weight))


def label_ranking_average_precision(y_true, y_score, sample_weight=None):
    """Average precision of each sample's ranking of the labels (LRAP).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and takes no place in the ranking. A sample about
        which nothing is known is left out.
    y_score : array-like of shape (n_samples, n_labels)
        Scores; labels of equal score all have the last of their places.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.

    Returns
    -------
    float
        The average, in (0, 1]. A sample without a true label counts 1, as in
        scikit-learn.

    Examples
    --------
    >>> from skmlc.metrics import label_ranking_average_precision
    >>> y_score = [[0.5, 0.7, 0.1], [0.1, 0.2, 0.9]]
    >>> label_ranking_average_precision([[1, 0, 0], [0, 0, 1]], y_score)
    0.75
    """
    targets, y_score = read_targets_and_scores(y_true, y_score, sample_weight)
    n_positives = np.diff(targets.positive.indptr)
    ranks = ranks_of_positives(targets, y_score)
    precisions = ranks_among_positives(targets, y_score) / ranks
    values = sum_over_rows(targets.positive, precisions) / np.maximum(n_positives, 1)
    values[n_positives == 0] = 1.0
    return float(np.average(values, weights=targets.sample_weight))


def label_average_precision(y_true, y_score, sample_weight=None, *, interpolation=None):
    """Average precision of each label's ranking of the samples.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out (an object that PASCAL VOC calls
        difficult is such an entry).
    y_score : array-like of shape (n_samples, n_labels)
        Scores; samples of equal score enter the ranking together.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    interpolation : {None, "interpolated", "voc2007"}, default=None
        How the curve of precision against recall is summed up: None sums precision times
        each step of recall, as scikit-learn and ML-GCN do; "interpolated" takes for
        precision the greatest at the same or a higher recall, as VOC since 2010 and SSGRL
        do; "voc2007" averages such precisions at the recalls 0, 0.1, ..., 1.

    Returns
    -------
    ndarray of shape (n_labels,)
        The average precisions, in [0, 1]; NaN for a label without a known positive.

    References
    ----------
    .. [1] M. Everingham, L. Van Gool, C. Williams, J. Winn, A. Zisserman. The PASCAL
       Visual Object Classes (VOC) Challenge. IJCV 2010.

    Examples
    --------
    >>> from skmlc.metrics import label_average_precision
    >>> y_score = [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]
    >>> label_average_precision([[0, 0], [1, 0], [1, 0]], y_score).round(3)
    array([0.583,   nan])
    >>> interpolated = label_average_precision(
    ...     [[0, 0], [1, 0], [1, 0]], y_score, interpolation="interpolated"
    ... )
    >>> interpolated.round(3)
    array([0.667,   nan])
    """
    check_choice(interpolation, (None, "interpolated", "voc2007"), "interpolation")
    targets, y_score = read_targets_and_scores(y_true, y_score, sample_weight)
    precisions = np.full(y_score.shape[1], np.nan)
    for label, positive, scores, weight in present_labels(targets, y_score):
        levels, level = np.unique(scores[positive], return_inverse=True)
        hits = np.bincount(level, None if weight is None else weight[positive])
        at_least, _ = weight_from(levels, scores, weight)
        # From the highest score downwards; between them recall does not grow.
        hits = hits[::-1]
        precisions[label] = _area(np.cumsum(hits) / at_least[::-1], hits, interpolation)
    return precisions


def mean_average_precision(
    y_true, y_score, sample_weight=None, *, interpolation=None, zero_division=np.nan
):
    """Average over the labels of their average precisions (mAP).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out.
    y_score : array-like of shape (n_samples, n_labels)
        Scores; samples of equal score enter the ranking together.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    interpolation : {None, "interpolated", "voc2007"}, default=None
        How precision is averaged over recall, see `label_average_precision`.
    zero_division : {0.0, 1.0, np.nan}, default=np.nan
        Average precision of a label without a known positive. np.nan leaves such labels out of
        the mean, as is usual for mAP: a label that a fold lacks says nothing about the scores.
        0.0 is the rule of scikit-learn's `average_precision_score`.

    Returns
    -------
    float
        The mean, in [0, 1]; NaN where every label is left out.

    Examples
    --------
    >>> from skmlc.metrics import mean_average_precision
    >>> y_true = [[0, 0, 1], [1, 0, 0], [1, 0, 0]]
    >>> y_score = [[0.9, 0.1, 0.3], [0.8, 0.2, 0.2], [0.7, 0.3, 0.1]]
    >>> mean_average_precision(y_true, y_score)
    0.791...
    >>> mean_average_precision(y_true, y_score, zero_division=0.0)
    0.527...
    """
    check_zero_division(zero_division)
    precisions = label_average_precision(
        y_true, y_score, sample_weight, interpolation=interpolation
    )
    if not np.isnan(zero_division):
        precisions = np.nan_to_num(precisions, nan=zero_division)
    present = precisions[~np.isnan(precisions)]
    return float(present.mean()) if present.size else float("nan")


def micro_average_precision(y_true, y_score, sample_weight=None, *, zero_division=np.nan):
    """Average precision of the ranking of all entries together (micro AP).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out.
    y_score : array-like of shape (n_samples, n_labels)
        Scores, comparable from label to label; entries of equal score enter the ranking
        together.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample's entries.
    zero_division : {0.0, 1.0, np.nan}, default=np.nan
        What is returned where no label is known to hold; scikit-learn's
        `average_precision_score` gives 0.0.

    Returns
    -------
    float
        The average precision, in [0, 1].

    Examples
    --------
    >>> from skmlc.metrics import micro_average_precision
    >>> micro_average_precision([[1, 0], [0, 1]], [[0.9, 0.6], [0.1, 0.5]])
    0.833...
    """
    check_zero_division(zero_division)
    targets, y_score = read_targets_and_scores(y_true, y_score, sample_weight)
    rows, labels = targets.positive.nonzero()
    if not rows.size:
        return float(zero_division)
    levels, level = np.unique(y_score[rows, labels], return_inverse=True)
    hits = np.bincount(level, targets.sample_weight[rows])  # at each score of a positive
    at_least, _ = known_weight_from(levels, targets, y_score)
    precision = np.cumsum(hits[::-1]) / at_least[::-1]
    return float(np.average(precision, weights=hits[::-1]))


def multilabel_log_loss(y_true, y_proba, sample_weight=None):
    """Average binary log-loss of all entries.

    This is not scikit-learn's `log_loss` (nor its scorer "neg_log_loss"), which treats the
    labels of a sample as classes that exclude each other.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out: the average is that over the
        known entries.
    y_proba : array-like of shape (n_samples, n_labels)
        Probabilities of the labels; they are clipped by the precision of their type, so
        that the loss is finite.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample's entries.

    Returns
    -------
    float
        The average; lower is better.

    Examples
    --------
    >>> from skmlc.metrics import multilabel_log_loss
    >>> multilabel_log_loss([[1, 0], [0, 1]], [[0.5, 0.5], [0.25, 0.75]])
    0.490...
    """
    targets, y_proba = read_targets_and_scores(y_true, y_proba, sample_weight, "y_proba")
    if y_proba.min() < 0 or y_proba.max() > 1:
        raise ValueError(
            "y_proba must hold probabilities, between 0 and 1; got values between "
            f"{y_proba.min()} and {y_proba.max()}."
        )
    eps = np.finfo(y_proba.dtype).eps
    total = 0.0
    for rows, proba in score_blocks(y_proba):
        positive = targets.positive[rows].toarray() != 0  # (n, L)
        hit = np.clip(np.where(positive, proba, 1 - proba), eps, 1 - eps)
        if targets.unknown is not None:
            hit[targets.unknown[rows].toarray() != 0] = 1.0
        total -= targets.sample_weight[rows] @ np.log(hit).sum(axis=1, dtype=np.float64)
    return float(total / (targets.sample_weight @ targets.n_known))


def _area(precision, hits, interpolation):
    """Average precision over recall, which grows by `hits` from each entry to the next."""
    if interpolation is None:
        return np.average(precision, weights=hits)
    best = np.maximum.accumulate(precision[::-1])[::-1]  # at the same or a higher recall
    if interpolation == "interpolated":
        return np.average(best, weights=hits)
    recall = np.cumsum(hits) / hits.sum()
    # Sums of weights may miss a recall of 1 by a rounding error.
    reached = recall[:, np.newaxis] >= _RECALLS - 1e-12  # (points, 11)
    return np.where(reached, best[:, np.newaxis], 0.0).max(axis=0).mean()
