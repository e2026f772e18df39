"""Which labels are shown, and the scores of those that are hidden."""

import numpy as np
from sklearn.metrics import average_precision_score

SHARES = (0, 0.25, 0.5, 0.75)
ONE_POSITIVE = "one_positive"
TOLD = (*SHARES, ONE_POSITIVE)


def show(Y, told, seed):
    """Return the known labels, NaN where unknown.

    Parameters
    ----------
    Y : ndarray of shape (n_samples, n_labels)
        All labels, 0 and 1.
    told : float or "one_positive"
        The share of all entries; or one of each sample's positive labels, where it has any.
    seed : int
        Of one uniform draw per entry: what a share shows a larger one shows too.

    Returns
    -------
    ndarray of shape (n_samples, n_labels)
        1, 0 or NaN.
    """
    draw = np.random.default_rng(seed).random(Y.shape)
    if told == ONE_POSITIVE:
        of_positives = np.where(Y == 1, draw, np.inf)
        first = of_positives == of_positives.min(axis=1, keepdims=True)
        return np.where(first & (Y == 1), 1.0, np.nan)
    return np.where(draw < told, Y, np.nan)


def hidden_scores(Y, probabilities, known):
    """Return macro and micro AP of the entries that are not known.

    Parameters
    ----------
    Y, probabilities, known : ndarray of shape (n_samples, n_labels)
        All labels, their scores, and the known labels, NaN where unknown.

    Returns
    -------
    macro, micro : float
        The mean over labels, without those whose hidden entries are all of one class; and of
        all hidden entries together.
    """
    hidden = np.isnan(known)
    values = []
    for y, p, rows in zip(Y.T, probabilities.T, hidden.T, strict=True):
        if 0 < y[rows].sum() < rows.sum():
            values.append(average_precision_score(y[rows], p[rows]))
    macro = float(np.mean(values)) if values else np.nan
    return macro, float(average_precision_score(Y[hidden], probabilities[hidden]))
