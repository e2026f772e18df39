"""EnMIMLNN (Wu, Huang and Zhou 2014): radial basis functions of three Hausdorff distances."""

from dataclasses import field
from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from ..inputs.transformers.distances import bag_distances
from .bag_classifier import BaseBagClassifier
from .radial_basis import radial_basis, train_network

__all__ = ["EnMIMLNN"]

# The distances of each way to combine them: a network for each.
METRICS = {
    "metric": ["mean"],
    "scores": ["average", "max", "min"],
    "votes": ["average", "max", "min"],
}


class EnMIMLNN(BaseBagClassifier):
    """Networks of radial basis functions that combine three Hausdorff distances.

    The three are the average, the largest and the smallest distance of instances to the
    nearest of the other bag. Either one network as that of :class:`MIMLRBF` takes their mean,
    or three networks, one for each, are combined [1]_. Not all is equally certain:

    - "metric", the mean distance, is reconstructed: the published code is open in a compiled
      form only. The distance is that of a program of others; the form of the network and the
      defaults are those with which others call the published code.
    - "scores" and "votes" are formulations of ours: the paper has two variants whose
      networks vote, the details of which could not be checked.

    Scale the features of instances with :class:`~skmlc.inputs.BagScaler`.

    Parameters
    ----------
    medoid_ratio : float, default=0.1
        The number of medoids of a label, in each network, as a share of the number of bags
        for which it holds, rounded up.
    bandwidth_factor : float, default=0.8
        The bandwidth of a network, in units of the mean distance between two of its medoids.
    combine : {"metric", "scores", "votes"}, default="metric"
        What is combined: the distances, whose mean one network takes; the scores of three
        networks, whose mean is the score; or their votes, which are 1 where a score is not
        below zero and else -1. The mean of the votes is the score then: its sign is that of
        the majority, and it has but four values, so that ranks are coarse.
    **inherited
        Those of all methods for bags: see `skmlc.baselines.bag_classifier`.

    Attributes
    ----------
    medoid_indices_ : ndarray of int of shape (n_medoids,)
        Which bags of the training set are medoids, in one network or in several.
    medoids_ : Bags
        The medoids.
    bandwidth_ : ndarray of shape (n_networks,)
        The bandwidths; there is one network for "metric", and there are three otherwise, of
        the average, the largest and the smallest distance.
    coef_ : ndarray of shape (n_networks, n_medoids, n_labels)
        What the nearness to each medoid adds to the score of each label; zero where the bag
        is not a medoid of the network.
    intercept_ : ndarray of shape (n_networks, n_labels)
        The scores of a bag that is far from all medoids.

    See Also
    --------
    MIMLRBF : One network with one distance, which may be computed beforehand.
    skmlc.inputs.BagScaler : Scale the features of instances.

    Notes
    -----
    For N bags with M instances of F features and L labels, training takes O(M^2 F) for the
    distances, whose number does not matter, and O(N n_medoids^2 + N n_medoids L) for the
    regression of each network; and memory for one matrix of N^2 numbers per network and a few
    of N n_medoids.

    To search parameters of "metric" with distances that are computed once, take
    ``MIMLRBF(bandwidth_factor=0.8, metric="precomputed")`` and the mean distances of
    :func:`~skmlc.inputs.bag_distances`, which is the same.

    References
    ----------
    .. [1] Wu, Huang and Zhou, "Genome-wide protein function prediction through multi-instance
       multi-label learning", IEEE/ACM Transactions on Computational Biology and
       Bioinformatics 11, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc import EnMIMLNN
    >>> from skmlc.metrics import get_scorer
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(rng.integers(2, 6), 3)) for _ in range(60)]
    >>> Y = np.array([bag.max(axis=0) > 1 for bag in X]).astype(int)
    >>> model = EnMIMLNN(combine="votes", random_state=0).fit(X[:50], Y[:50])
    >>> print(f"mAP {get_scorer('mAP')(model, X[50:], Y[50:]):.1f}")
    mAP 0.7
    """

    medoid_ratio: float = field(default=0.1, kw_only=False)
    bandwidth_factor: float = 0.8
    combine: str = "metric"

    _parameter_constraints = {
        "medoid_ratio": [Interval(Real, 0, 1, closed="right")],
        "bandwidth_factor": [Interval(Real, 0, None, closed="neither")],
        "combine": [StrOptions(set(METRICS))],
    }

    def fit(self, X, y, sample_weight=None):
        """Choose the medoids and solve the regression of each network.

        Parameters
        ----------
        X : {Bags, list of array-like of shape (n_instances, n_features), array-like of \
                shape (n_samples, n_features)}
            The bags; the rows of a matrix are bags of one instance.
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels) or \
                (n_samples,)
            A matrix of zeros and ones; or one class per bag, which is read as one label per
            class.
        sample_weight : array-like of shape (n_samples,), default=None
            How much the squared errors of each bag count in the regression. Medoids and
            bandwidths are chosen without weights.

        Returns
        -------
        self : EnMIMLNN
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight)

    def _fit_bags(self, X, Y, sample_weight, rng):
        distances = bag_distances(X, metric=METRICS[self.combine], n_jobs=self.n_jobs)
        networks = [
            train_network(
                matrix,
                Y,
                sample_weight,
                medoid_ratio=self.medoid_ratio,
                bandwidth_factor=self.bandwidth_factor,
                random_state=rng,
            )
            for matrix in distances  # (n_networks, N, N)
        ]
        self._set_networks(X, networks)

    def _set_networks(self, X, networks):
        """Keep the medoids of all networks, which are compared with a bag at once."""
        rows = np.unique(np.concatenate([network.medoids for network in networks]))
        self._set_medoids(X, rows)
        self.bandwidth_ = np.array([network.bandwidth for network in networks])
        self.intercept_ = np.array([network.intercept for network in networks])
        n_networks, n_labels = self.intercept_.shape
        self.coef_ = np.zeros((n_networks, len(rows), n_labels))
        for coef, network in zip(self.coef_, networks):
            coef[np.searchsorted(rows, network.medoids)] = network.coef

    def _scores(self, X):
        distances = bag_distances(
            X, self.medoids_, metric=METRICS[self.combine], n_jobs=self.n_jobs
        )
        scores = np.array(
            [
                radial_basis(matrix, bandwidth) @ coef + intercept
                for matrix, bandwidth, coef, intercept in zip(
                    distances, self.bandwidth_, self.coef_, self.intercept_
                )
            ]
        )  # (n_networks, N, L)
        if self.combine == "votes":
            scores = np.where(scores >= 0, 1.0, -1.0)
        return scores.mean(axis=0)
