"""Thresholds on probabilities, one for all labels or one per label, tuned for a metric."""

import numpy as np

from ._curves import AnyMetric, LabelSums, RowSums, cuts, form_of, score_curve, score_grid
from ._reading import read_entries, read_grid, read_metric

__all__ = ["tune_threshold"]

# How many thresholds "exact" tries for a metric that has to be recomputed for each.
_MAX_EVALUATIONS = 200
# Scores this close are equal but for rounding.
_TIE = 1e-12


def tune_threshold(
    Y, probabilities, metric="ebF1", *, grid="lamp", per_label=False, sample_weight=None
):
    """Find the threshold at which predictions score best.

    A label is predicted where ``probability >= threshold``. Of equally good thresholds the
    lowest is taken, as the authors of LaMP do.

    Parameters
    ----------
    Y : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out.
    probabilities : array-like of shape (n_samples, n_labels)
        Probabilities of the labels, of samples that the classifier was not fitted on. The
        columns of two DataFrames are matched by name.
    metric : str or callable, default="ebF1"
        Name of a metric of :mod:`skmlc.metrics` for predicted labels (those of
        rankings need no threshold and raise an error), or a function
        ``metric(y_true, y_pred, sample_weight=...)`` of which higher is better.
    grid : {"lamp", "exact"} or array-like of shape (n_thresholds,), default="lamp"
        The thresholds to try: the 27 values .01, .02, ..., .10, .15, ..., .95 of LaMP's
        authors, every distinct probability and a value just above the highest, or values
        of your own.
    per_label : bool, default=False
        Whether each label gets its own threshold.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample in the metric.

    Returns
    -------
    float or ndarray of shape (n_labels,)
        The threshold, or one per label in the dtype of `probabilities`.

    Raises
    ------
    ValueError
        If shapes differ, Y is not an indicator matrix, or the metric needs no threshold.

    Notes
    -----
    With ``grid="exact"`` a metric of the package is computed for all thresholds at once,
    from sorted probabilities. A function of your own is called for each distinct
    probability; beyond 200 of them, for 200 of their quantiles.

    With ``per_label=True`` the labels start at the best common threshold and are then tuned
    in one pass, the most frequent first, each with the others held fixed. For metrics that
    are means over labels (maF1, HA, hamming_loss, CP, CR) the result is the best there is.
    A label without a positive sample here says nothing about its threshold: it keeps the
    common one. If there is no positive at all, the threshold is 0.5.

    References
    ----------
    .. [1] J. Lanchantin, A. Sekhon, Y. Qi. Neural Message Passing for Multi-Label
       Classification. ECML-PKDD 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.model_selection import tune_threshold
    >>> Y = np.array([[1, 0], [0, 1], [1, 0]])
    >>> P = np.array([[0.6, 0.1], [0.3, 0.2], [0.5, 0.1]])
    >>> tune_threshold(Y, P, "miF1")
    0.15
    >>> tune_threshold(Y, P, "miF1", grid="exact", per_label=True)
    array([0.5, 0.2])
    """
    metric, grid = read_metric(metric), read_grid(grid)
    Y, entries = read_entries(Y, probabilities, sample_weight)
    n_labels = entries.positive.shape[1]
    if not entries.positive.any():
        dtype = entries.probability.dtype
        return np.full(n_labels, 0.5, dtype=dtype) if per_label else 0.5

    def function(predicted):
        return metric.function(Y, predicted.astype(np.int8), sample_weight=entries.weight)

    sign = 1 if metric.greater_is_better else -1
    threshold = _tune_common(entries, form_of(metric.name), function, sign, grid)
    if not per_label:
        return threshold
    return _tune_labels(entries, form_of(metric.name), function, sign, grid, threshold)


def _tune_common(entries, form, function, sign, grid):
    """The best threshold for all labels."""
    if grid is not None and form is not None:
        return float(grid[_first_best(sign * score_grid(entries, form, grid))])
    if form is not None:
        probability, scores = score_curve(entries, form)
        n_above, thresholds = cuts(probability, None)
        return float(thresholds[_first_best(sign * scores[n_above])])
    descending = -np.sort(-entries.probability, axis=None)
    _, thresholds = cuts(descending, grid, _MAX_EVALUATIONS)
    scores = [function(entries.probability >= threshold) for threshold in thresholds]
    best = _first_best(sign * np.array(scores))
    return float(thresholds[best] if grid is None else grid[best])


def _tune_labels(entries, form, function, sign, grid, threshold):
    """One threshold per label, tuned one after another from a common one."""
    if form is None:
        state, limit = AnyMetric(entries, function, threshold), _MAX_EVALUATIONS
    else:
        sums = RowSums if form.groups == "rows" else LabelSums
        state, limit = sums(entries, form, threshold), None
    thresholds = np.full(entries.positive.shape[1], threshold, entries.probability.dtype)
    n_positive = entries.positive.sum(axis=0)
    for label in np.argsort(-n_positive, kind="stable")[: np.count_nonzero(n_positive)]:
        probability = entries.probability[:, label]
        order = np.argsort(-probability)
        n_above, candidates = cuts(probability[order], grid, limit)
        best = _first_best(sign * state.scores(label, order, n_above))
        thresholds[label] = candidates[best]
        state.update(label, probability >= candidates[best])
    return thresholds


def _first_best(scores):
    """Index of the first score that is the highest but for rounding."""
    scores = np.where(np.isnan(scores), -np.inf, scores)
    return int(np.argmax(scores >= scores.max() - _TIE))
