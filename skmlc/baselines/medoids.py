"""Clustering by medoids: each cluster is around one of the samples."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_array, check_random_state

__all__ = ["k_medoids"]


def k_medoids(distances, n_clusters, *, random_state=None, max_iter=100):
    """Choose samples that are near to the others of their cluster.

    Starting from random samples, two steps take turns: each sample joins the nearest medoid,
    and the member with the smallest sum of distances to its cluster becomes its medoid.
    Neither step makes the sum of all distances to the medoids larger.

    Parameters
    ----------
    distances : array-like of shape (n_samples, n_samples)
        The distance from sample i to sample j at entry (i, j); they need not obey the
        triangle inequality.
    n_clusters : int
        How many clusters, at most the number of samples.
    random_state : int, RandomState instance or None, default=None
        Which samples are medoids at the start.
    max_iter : int, default=100
        How many times the medoids are chosen again, at most; they are final once they do not
        change.

    Returns
    -------
    medoids : ndarray of int of shape (n_clusters,)
        Which samples are the medoids.
    labels : ndarray of int of shape (n_samples,)
        The cluster of each sample. A medoid is in its own cluster, so that none is empty.

    Raises
    ------
    ValueError
        If `distances` is not a square matrix of finite numbers, or there are more clusters
        than samples.

    Notes
    -----
    Each time the medoids are chosen it takes O(n_samples * n_clusters) operations and the sum
    of the squared sizes of the clusters.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.baselines.medoids import k_medoids
    >>> points = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 13.0])
    >>> medoids, labels = k_medoids(abs(points[:, None] - points), 2, random_state=0)
    >>> sorted(points[medoids].tolist())
    [1.0, 11.0]
    """
    distances = check_array(
        distances, input_name="distances", dtype=(np.float64, np.float32)
    )
    n_samples = len(distances)
    if distances.shape[1] != n_samples:
        raise ValueError(
            "distances must be a square matrix, of each sample to each; got shape "
            f"{distances.shape}."
        )
    if not isinstance(n_clusters, Integral) or not 1 <= n_clusters <= n_samples:
        raise ValueError(
            f"n_clusters must be an integer from 1 to {n_samples}, the number of samples; got "
            f"{n_clusters!r}."
        )
    rng = check_random_state(random_state)
    medoids = rng.choice(n_samples, n_clusters, replace=False)
    labels = _nearest(distances, medoids)
    for _ in range(max_iter):
        previous, medoids = medoids, _centers(distances, medoids, labels)
        if (medoids == previous).all():
            break
        labels = _nearest(distances, medoids)
    return medoids, labels


def _nearest(distances, medoids):
    """Return the nearest medoid of each sample."""
    labels = distances[:, medoids].argmin(axis=1)
    # Of medoids that are equal, each would otherwise leave its own cluster for the first.
    labels[medoids] = np.arange(len(medoids))
    return labels


def _centers(distances, medoids, labels):
    """Return the member of each cluster with the smallest sum of distances to it."""
    order = np.argsort(labels, kind="stable")
    clusters = np.split(order, np.cumsum(np.bincount(labels))[:-1])
    centers = medoids.copy()
    for k, members in enumerate(clusters):
        sums = distances[np.ix_(members, members)].sum(axis=0)
        best = sums.argmin()
        # A medoid stays where another is only as good: the search comes to an end.
        if sums[best] < sums[np.searchsorted(members, medoids[k])]:
            centers[k] = members[best]
    return centers
