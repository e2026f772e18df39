"""ML-kNN (Zhang, Zhou, Pattern Recognition 2007): labels by how many neighbors have them."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import NearestNeighbors


class MLkNN(ClassifierMixin, BaseEstimator):
    """Each label by itself: the posterior of having it, given how many neighbors have it.

    Parameters
    ----------
    n_neighbors : int, default=10
        The number of neighbors, k.
    smoothing : float, default=1.0
        What is added to each count, s.
    """

    def __init__(self, n_neighbors=10, smoothing=1.0):
        self.n_neighbors = n_neighbors
        self.smoothing = smoothing

    def fit(self, X, Y):
        """Count, over the training rows, their neighbors among the others."""
        s, Y = self.smoothing, np.asarray(Y, dtype=np.int64)
        n_neighbors = min(self.n_neighbors, len(Y) - 1)
        self.Y_, self.search_ = Y, NearestNeighbors(n_neighbors=n_neighbors).fit(X)
        self.prior_ = (s + Y.sum(axis=0)) / (2 * s + len(Y))
        have = self._count(None)  # (N, L)
        counts = np.zeros((2, n_neighbors + 1, Y.shape[1]))
        np.add.at(counts, (Y, have, np.arange(Y.shape[1])), 1)
        total = counts.sum(axis=1, keepdims=True)
        self.likelihood_ = (s + counts) / (s * (n_neighbors + 1) + total)
        return self

    def predict_proba(self, X):
        """Return the probabilities of labels, of shape (n_samples, n_labels)."""
        have = self._count(X)
        lacks, has = self.likelihood_[:, have, np.arange(have.shape[1])]  # (N, L) each
        has, lacks = has * self.prior_, lacks * (1 - self.prior_)
        return has / (has + lacks)

    def _count(self, X):
        """Return how many neighbors have each label; None is the training rows."""
        neighbors = self.search_.kneighbors(X, return_distance=False)
        return self.Y_[neighbors].sum(axis=1)
