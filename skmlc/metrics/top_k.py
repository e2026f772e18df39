"""Metrics of the k best labels of each sample, for problems with many labels.

Labels of equal score share the places that are left: each counts with the chance of being
taken in a random order, so that the order of the labels does not matter.
"""

import numpy as np

from ..label_names import align_to_labels
from ._ranks import ranks_of_positives, sum_over_rows
from ._targets import (
    check_k,
    check_zero_division,
    read_targets_and_scores,
    score_blocks,
)


def precision_at_k(y_true, y_score, sample_weight=None, *, k=1):
    """Average share of true labels among the k of the highest scores (P@k).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and takes none of the k places. A sample about
        which nothing is known is left out.
    y_score : array-like of shape (n_samples, n_labels)
        Scores; labels of equal score share the places that are left.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    k : int, default=1
        Number of labels; all known ones are taken where there are fewer.

    Returns
    -------
    float
        The average, in [0, 1]. A sample without true labels counts 0.

    Examples
    --------
    >>> from skmlc.metrics import precision_at_k
    >>> y_score = [[0.5, 0.7, 0.1], [0.1, 0.2, 0.9]]
    >>> precision_at_k([[1, 1, 0], [0, 0, 1]], y_score, k=2)
    0.75
    """
    check_k(k)
    targets, y_score = read_targets_and_scores(y_true, y_score, sample_weight)
    weight = targets.sample_weight / np.minimum(k, targets.n_known)
    total = 0.0
    for rows, scores in score_blocks(y_score, targets.unknown):
        gains = targets.positive[rows].toarray()  # (n, L)
        total += weight[rows] @ _gain_at_k(gains, scores, k)
    return float(total / targets.sample_weight.sum())


def one_error(y_true, y_score, sample_weight=None):
    """Share of the samples whose label of the highest score is false.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and takes no place. A sample about which nothing is
        known is left out.
    y_score : array-like of shape (n_samples, n_labels)
        Scores; of several labels with the highest score each counts its share.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.

    Returns
    -------
    float
        The share, in [0, 1]; lower is better. A sample without true labels counts 1.

    References
    ----------
    .. [1] R. E. Schapire, Y. Singer. BoosTexter: A boosting-based system for text
       categorization. Machine Learning 39, 2000.

    Examples
    --------
    >>> from skmlc.metrics import one_error
    >>> one_error([[1, 0, 0], [0, 0, 1]], [[0.5, 0.7, 0.1], [0.1, 0.2, 0.9]])
    0.5
    """
    return 1.0 - precision_at_k(y_true, y_score, sample_weight, k=1)


def ndcg_at_k(y_true, y_score, sample_weight=None, *, k=None, zero_division=0.0):
    """Average discounted gain of the k best labels, as a share of the best (nDCG@k).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and takes no place in the ranking. A sample about
        which nothing is known is left out.
    y_score : array-like of shape (n_samples, n_labels)
        Scores; labels of equal score share their places.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    k : int, default=None
        Number of labels; None takes all.
    zero_division : {0.0, 1.0, np.nan}, default=0.0
        Value of a sample without true labels; np.nan leaves such samples out.

    Returns
    -------
    float
        The average, in [0, 1]; NaN where every sample is left out.

    References
    ----------
    .. [1] K. Jarvelin, J. Kekalainen. Cumulated gain-based evaluation of IR techniques.
       ACM Transactions on Information Systems 20, 2002.

    Examples
    --------
    >>> from skmlc.metrics import ndcg_at_k
    >>> ndcg_at_k([[1, 0, 0], [0, 0, 1]], [[0.5, 0.7, 0.1], [0.1, 0.2, 0.9]], k=2)
    0.815...
    """
    if k is not None:
        check_k(k)
    check_zero_division(zero_division)
    targets, y_score = read_targets_and_scores(y_true, y_score, sample_weight)
    n_positives = np.diff(targets.positive.indptr)
    present = n_positives > 0
    # What the first n places are worth, (L + 1,).
    worth = _worth_of_places(y_score.shape[1], k)
    above = ranks_of_positives(targets, y_score, above=True)
    at_least = ranks_of_positives(targets, y_score)
    gains = (worth[at_least] - worth[above]) / (at_least - above)
    values = sum_over_rows(targets.positive, gains)
    values[present] /= worth[n_positives[present]]
    values[~present] = zero_division
    counts = present if np.isnan(zero_division) else np.ones_like(present)
    if not counts.any():
        return float("nan")
    return float(np.average(values[counts], weights=targets.sample_weight[counts]))


def _worth_of_places(n_places, k):
    """Sum the discounts of the first 0, 1, ... places; after the k-th there are none."""
    discounts = 1.0 / np.log2(np.arange(2, n_places + 2))
    if k is not None:
        discounts[k:] = 0.0
    return np.concatenate([[0.0], np.cumsum(discounts)])


def propensity_scored_precision_at_k(
    y_true,
    y_score,
    sample_weight=None,
    *,
    k=1,
    propensities=None,
    normalize=True,
    zero_division=0.0,
):
    """Precision at k that gives rare labels their due (PSP@k).

    Each true label among the k best counts by the inverse of its propensity, the chance
    that a label which applies was noted in the data at all.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and takes none of the k places. A sample about
        which nothing is known is left out.
    y_score : array-like of shape (n_samples, n_labels)
        Scores; labels of equal score share the places that are left.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    k : int, default=1
        Number of labels; all known ones are taken where there are fewer.
    propensities : array-like of shape (n_labels,) or mapping, default=None
        Propensity of each label, in (0, 1], as `label_propensities` gives it for the
        training labels; by name, if it is a Series or a mapping. None takes those of y_true.
    normalize : bool, default=True
        Whether to divide by the value of the best ranking, as published numbers do. If
        False, the value may exceed 1.
    zero_division : {0.0, 1.0, np.nan}, default=0.0
        What is returned where `normalize` finds no true label at all.

    Returns
    -------
    float
        The propensity-scored precision. A sample without true labels adds nothing.

    References
    ----------
    .. [1] H. Jain, Y. Prabhu, M. Varma. Extreme Multi-label Loss Functions for
       Recommendation, Tagging, Ranking & Other Missing Label Applications. KDD 2016.

    Examples
    --------
    >>> from skmlc.metrics import propensity_scored_precision_at_k
    >>> y_true, y_score = [[1, 1, 0], [0, 0, 1]], [[0.5, 0.7, 0.1], [0.1, 0.9, 0.2]]
    >>> propensity_scored_precision_at_k(y_true, y_score, propensities=[0.5, 1.0, 1.0])
    0.333...
    """
    check_k(k)
    check_zero_division(zero_division)
    targets, y_score = read_targets_and_scores(y_true, y_score, sample_weight)
    propensities = _read_propensities(propensities, targets)
    all_gains = targets.positive.multiply(1.0 / propensities).tocsr()
    weight = targets.sample_weight / np.minimum(k, targets.n_known)
    total = best = 0.0
    for rows, scores in score_blocks(y_score, targets.unknown):
        gains = all_gains[rows].toarray()  # (n, L)
        total += weight[rows] @ _gain_at_k(gains, scores, k)
        best += weight[rows] @ _gain_at_k(gains, gains, k)
    if not normalize:
        return float(total / targets.sample_weight.sum())
    return float(total / best) if best > 0 else float(zero_division)


def label_propensities(label_counts, n_samples, *, a=0.55, b=1.5):
    """Estimate each label's propensity from its number of training samples.

    Parameters
    ----------
    label_counts : array-like of shape (n_labels,)
        Number of training samples with each label, `Y.sum(axis=0)`.
    n_samples : int
        Number of training samples.
    a : float, default=0.55
        Exponent A of the paper; it gives 0.5 for Wikipedia and 0.6 for Amazon.
    b : float, default=1.5
        Offset B of the paper; it gives 0.4 for Wikipedia and 2.6 for Amazon.

    Returns
    -------
    ndarray of shape (n_labels,)
        The propensities, in (0, 1].

    References
    ----------
    .. [1] H. Jain, Y. Prabhu, M. Varma. Extreme Multi-label Loss Functions for
       Recommendation, Tagging, Ranking & Other Missing Label Applications. KDD 2016.

    Examples
    --------
    >>> from skmlc.metrics import label_propensities
    >>> label_propensities([0, 10, 1000], n_samples=1000).round(3)
    array([0.113, 0.282, 0.821])
    """
    try:
        counts = np.asarray(label_counts, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        raise TypeError(
            "label_counts must be numbers, how many samples have each label; got "
            f"{label_counts!r}."
        ) from None
    if n_samples < 1 or counts.size == 0 or not (counts >= 0).all():
        raise ValueError(
            "label_counts must be non-negative and n_samples at least 1; got "
            f"label_counts={counts[:10].tolist()} and n_samples={n_samples}."
        )
    # Fewer than three samples give a negative c, which would be a propensity above 1.
    c = max(np.log(n_samples) - 1.0, 0.0) * (b + 1.0) ** a
    return 1.0 / (1.0 + c * (counts + b) ** -a)


def _read_propensities(propensities, targets):
    """Check given propensities, or estimate them from the targets."""
    n_samples, n_labels = targets.positive.shape
    if propensities is None:
        return label_propensities(targets.positive.sum(axis=0, dtype=np.int64), n_samples)
    propensities = align_to_labels(propensities, targets.label_names, name="propensities")
    propensities = np.asarray(propensities, dtype=np.float64)
    if propensities.shape != (n_labels,):
        raise ValueError(
            f"propensities must be of shape ({n_labels},), one per label of y_true; got "
            f"{propensities.shape}."
        )
    if not (np.isfinite(propensities) & (propensities > 0) & (propensities <= 1)).all():
        raise ValueError("propensities must be above 0 and at most 1.")
    return propensities


def _gain_at_k(gains, scores, k):
    """Sum the gains of the k best labels of each row, (N,)."""
    n_labels = scores.shape[1]
    if k >= n_labels:
        return gains.sum(axis=1)
    kth = np.partition(scores, n_labels - k, axis=1)[:, n_labels - k, np.newaxis]  # (N, 1)
    above, tied = scores > kth, scores == kth
    n_places = k - above.sum(axis=1)  # (N,)
    share = n_places / tied.sum(axis=1)
    return np.where(above, gains, 0).sum(axis=1) + share * np.where(tied, gains, 0).sum(
        axis=1
    )
