"""Weights of the members of an ensemble, one per label, fitted to logits."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from ..row_blocks import row_blocks

# Of certain members, the logits are those of this much doubt: about -7 and 7.
CLIP = 1e-3


def clipped_logits(probabilities):
    """Return the logits of probabilities, none of which is infinite.

    Parameters
    ----------
    probabilities : ndarray
        From 0 to 1.

    Returns
    -------
    ndarray
        From -7 to 7.
    """
    clipped = np.clip(probabilities, CLIP, 1 - CLIP)
    return logit(clipped, out=clipped)


def fit_weights(logits, Y, sample_weight, alpha):
    """Fit weights and an intercept for each label, shrunk towards weights of all labels.

    Parameters
    ----------
    logits : ndarray of shape (n_members, n_samples, n_labels)
        Predictions of members for samples that they were not fitted on.
    Y : ndarray of shape (n_samples, n_labels)
        Labels, NaN where they are not to be used.
    sample_weight : ndarray of shape (n_samples,)
        How much each sample counts.
    alpha : float
        The strength of the penalties.

    Returns
    -------
    weights : ndarray of shape (n_members, n_labels)
        Not negative.
    intercept : ndarray of shape (n_labels,)
        To be added to the weighted sum of the logits.
    """
    n_members, _, n_labels = logits.shape
    equal = np.full(n_members, 1 / n_members)
    shared = _fit_one(logits, Y, sample_weight, equal, alpha, with_intercept=False)
    weights, intercept = np.tile(shared[1:, None], n_labels), np.zeros(n_labels)
    for j in np.flatnonzero(~np.isnan(Y).all(axis=0)):
        of_label = logits[:, :, j : j + 1], Y[:, j : j + 1], sample_weight
        found = _fit_one(*of_label, shared[1:], alpha)
        intercept[j], weights[:, j] = found[0], found[1:]
    return weights, intercept


def _fit_one(logits, Y, sample_weight, center, alpha, with_intercept=True):
    """Return an intercept and weights (1 + n_members,), by penalized logistic regression.

    The summed log loss plus ``alpha / 2`` times the squared distance of the weights from
    `center`, and of the intercept from 0.
    """
    center = np.concatenate([[0.0], center])
    if np.isinf(alpha):
        return center

    def loss(theta):
        step = theta - center
        value, slope = alpha / 2 * step @ step, alpha * step
        for Z, sign, weight in _blocks_of_entries(logits, Y, sample_weight):
            margin = sign * (theta[0] + theta[1:] @ Z)
            pull = weight * sign * expit(margin)
            value += weight @ np.logaddexp(0, margin)
            slope += np.concatenate([[pull.sum()], Z @ pull])
        return value, slope

    free = (None, None) if with_intercept else (0, 0)
    bounds = [free] + [(0, None)] * (len(center) - 1)
    return minimize(loss, center, jac=True, method="L-BFGS-B", bounds=bounds).x


def _blocks_of_entries(logits, Y, sample_weight):
    """Yield logits (n_members, n), minus or plus one for labels that hold or not, and weights.

    Of the entries that are to be used, a block of samples at a time.
    """
    for rows in row_blocks(Y):
        used = ~np.isnan(Y[rows])
        weight = np.broadcast_to(sample_weight[rows, None], used.shape)
        yield logits[:, rows][:, used], 1 - 2 * Y[rows][used], weight[used]
