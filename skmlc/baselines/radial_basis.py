"""Networks of radial basis functions around medoids of the labels, in closed form."""

from math import ceil
from typing import NamedTuple

import numpy as np
from scipy import linalg

from .medoids import k_medoids

__all__ = [
    "RadialBasisNetwork",
    "choose_bandwidth",
    "medoids_of_labels",
    "radial_basis",
    "train_network",
]

# Directions in which the features vary less than this share of the most are left out of the
# regression: along them, the last digits of the distances would decide.
CUTOFF = 1e-8


class RadialBasisNetwork(NamedTuple):
    """A trained network of radial basis functions.

    Attributes
    ----------
    medoids : ndarray of int of shape (n_medoids,)
        Which samples of the training set are medoids, in order.
    bandwidth : float
        The bandwidth of all functions.
    coef : ndarray of shape (n_medoids, n_labels)
        The weights of the functions.
    intercept : ndarray of shape (n_labels,)
        The scores where all functions are zero.
    """

    medoids: np.ndarray
    bandwidth: float
    coef: np.ndarray
    intercept: np.ndarray


def train_network(
    distances, Y, sample_weight, *, medoid_ratio, bandwidth_factor, random_state=None
):
    """Choose medoids for each label and fit the labels to radial basis functions.

    Parameters
    ----------
    distances : ndarray of shape (n_samples, n_samples)
        The distances between the samples.
    Y : ndarray of shape (n_samples, n_labels)
        Zeros and ones.
    sample_weight : ndarray of shape (n_samples,)
        How much the squared errors of each sample count.
    medoid_ratio : float
        The number of medoids of a label as a share of the samples for which it holds.
    bandwidth_factor : float
        The bandwidth in units of the mean distance between two medoids.
    random_state : int, RandomState instance or None, default=None
        Which samples are medoids at the start.

    Returns
    -------
    RadialBasisNetwork
        The trained network.
    """
    pooled = medoids_of_labels(distances, Y, medoid_ratio, random_state)
    bandwidth = choose_bandwidth(distances, pooled, bandwidth_factor)
    medoids = np.unique(pooled)
    features = radial_basis(distances[:, medoids], bandwidth)  # (N, n_medoids)
    coef, intercept = _least_squares(features, 2.0 * Y - 1, sample_weight)
    return RadialBasisNetwork(medoids, bandwidth, coef, intercept)


def radial_basis(distances, bandwidth):
    """Return how near samples are to medoids.

    Parameters
    ----------
    distances : ndarray of shape (n_samples, n_medoids)
        The distances to the medoids.
    bandwidth : float
        The distance at which the nearness is ``exp(-1/2)``.

    Returns
    -------
    ndarray of shape (n_samples, n_medoids)
        Numbers from 0, far away, to 1, at the medoid.
    """
    scaled = distances / bandwidth
    return np.exp(-0.5 * scaled * scaled)


def medoids_of_labels(distances, Y, ratio, random_state):
    """Return the medoids of all labels; a sample may be one of several labels.

    Parameters
    ----------
    distances : ndarray of shape (n_samples, n_samples)
        The distances between the samples.
    Y : ndarray of shape (n_samples, n_labels)
        Zeros and ones.
    ratio : float
        The number of medoids of a label as a share of the samples for which it holds.
    random_state : int, RandomState instance or None
        Which samples are medoids at the start.

    Returns
    -------
    ndarray of int of shape (n_medoids,)
        The medoids of the first label that holds anywhere, then of the next, and so on.
    """
    medoids = []
    for column in Y.T:
        rows = np.flatnonzero(column)
        if len(rows):
            within = distances[np.ix_(rows, rows)]
            n_medoids = ceil(ratio * len(rows))
            chosen, _ = k_medoids(within, n_medoids, random_state=random_state)
            medoids.append(rows[chosen])
    # Where no label holds anywhere, some medoid, which the regression gives no weight.
    return np.concatenate(medoids) if medoids else np.array([0])


def choose_bandwidth(distances, medoids, factor):
    """Return the bandwidth: above zero even if the distances are not.

    Parameters
    ----------
    distances : ndarray of shape (n_samples, n_samples)
        The distances between the samples.
    medoids : ndarray of int of shape (n_medoids,)
        Which samples are medoids.
    factor : float
        The bandwidth in units of the mean distance between two medoids.

    Returns
    -------
    float
        The bandwidth.
    """
    between = distances[np.ix_(medoids, medoids)]
    mean = between.sum() / max(1, len(medoids) * (len(medoids) - 1))  # of distinct pairs
    if mean == 0:
        # One medoid, or equal ones: a distance of the same scale.
        mean = distances[:, medoids].mean()
    return factor * mean if mean > 0 else 1.0


def _least_squares(features, targets, sample_weight):
    """Return coefficients and intercepts of a weighted linear regression."""
    feature_mean = np.average(features, axis=0, weights=sample_weight)
    target_mean = np.average(targets, axis=0, weights=sample_weight)
    # Centered, the intercept is no coefficient: where several solutions fit as well, the
    # smallest still gives a label that never or always holds exactly that score.
    root = np.sqrt(sample_weight)[:, None]
    left, right = root * (features - feature_mean), root * (targets - target_mean)
    coef = linalg.lstsq(left, right, cond=CUTOFF)[0]
    return coef, target_mean - feature_mean @ coef
