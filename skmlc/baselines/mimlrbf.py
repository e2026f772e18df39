"""MIMLRBF (Zhang and Wang 2009): a network of radial basis functions around medoids.

Each label has medoids of its own, chosen among the bags for which it holds; the score of
each label is linear in the nearness of a bag to all of them.
"""

from dataclasses import field
from numbers import Real

from sklearn.utils._param_validation import Interval

from .bag_classifier import BaseBagClassifier, DistanceParameters
from .radial_basis import radial_basis, train_network

__all__ = ["MIMLRBF"]


class MIMLRBF(DistanceParameters, BaseBagClassifier):
    """Network of radial basis functions on the distances of a bag to medoids.

    For each label, the bags for which it holds are clustered by k-medoids. The features of a
    bag are ``exp(-d^2 / (2 * bandwidth^2))``, where d is its Hausdorff distance to a medoid,
    for the medoids of all labels; a least-squares regression with intercept maps them to 1
    where a label holds and -1 where not [1]_. It follows the program that the authors
    published; the notes say what is ours. Scale the features of instances with
    :class:`~skmlc.inputs.BagScaler`.

    Parameters
    ----------
    medoid_ratio : float, default=0.1
        The number of medoids of a label as a share of the number of bags for which it holds,
        rounded up.
    bandwidth_factor : float, default=0.6
        The bandwidth in units of the mean distance between two medoids.
    **inherited
        Those of all methods for bags: see `skmlc.baselines.bag_classifier`.

    Attributes
    ----------
    medoid_indices_ : ndarray of int of shape (n_medoids,)
        Which bags of the training set are medoids, of one label or of several.
    medoids_ : Bags
        The medoids, unless `metric` is "precomputed".
    bandwidth_ : float
        The bandwidth of all functions.
    coef_ : ndarray of shape (n_medoids, n_labels)
        What the nearness to each medoid adds to the score of each label.
    intercept_ : ndarray of shape (n_labels,)
        The scores of a bag that is far from all medoids.

    See Also
    --------
    EnMIMLNN : The same with three distances.
    skmlc.inputs.BagScaler : Scale the features of instances.

    Notes
    -----
    For N bags with M instances of F features and L labels, training takes O(M^2 F) for the
    distances and O(N n_medoids^2 + N n_medoids L) for the regression; and memory for a
    matrix of N^2 numbers and a few of N n_medoids.

    Three things are ours. A bag that is a medoid of several labels is one feature, where the
    published code has it several times, which changes scores only by rounding. Where medoids
    are so near to each other that rounding would decide the coefficients, these are the
    smallest of those that fit as well. And samples may have weights.

    References
    ----------
    .. [1] Zhang and Wang, "MIMLRBF: RBF neural networks for multi-instance multi-label
       learning", Neurocomputing 72, 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc import MIMLRBF
    >>> from skmlc.metrics import get_scorer
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(rng.integers(2, 6), 3)) for _ in range(60)]
    >>> Y = np.array([bag.max(axis=0) > 1 for bag in X]).astype(int)
    >>> model = MIMLRBF(random_state=0).fit(X[:50], Y[:50])
    >>> print(f"mAP {get_scorer('mAP')(model, X[50:], Y[50:]):.1f}")
    mAP 0.9
    """

    medoid_ratio: float = field(default=0.1, kw_only=False)
    bandwidth_factor: float = 0.6

    _parameter_constraints = {
        "medoid_ratio": [Interval(Real, 0, 1, closed="right")],
        "bandwidth_factor": [Interval(Real, 0, None, closed="neither")],
    }

    def fit(self, X, y, sample_weight=None):
        """Choose the medoids and solve the regression.

        Parameters
        ----------
        X : {Bags, list of array-like of shape (n_instances, n_features), array-like of \
                shape (n_samples, n_features)}
            The bags; the rows of a matrix are bags of one instance. With
            ``metric="precomputed"`` the distances between them, of shape
            (n_samples, n_samples).
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels) or \
                (n_samples,)
            A matrix of zeros and ones; or one class per bag, which is read as one label per
            class.
        sample_weight : array-like of shape (n_samples,), default=None
            How much the squared errors of each bag count in the regression. Medoids and
            bandwidth are chosen without weights.

        Returns
        -------
        self : MIMLRBF
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight)

    def _fit_bags(self, X, Y, sample_weight, rng):
        distances = self._training_distances(X)  # (N, N)
        network = train_network(
            distances,
            Y,
            sample_weight,
            medoid_ratio=self.medoid_ratio,
            bandwidth_factor=self.bandwidth_factor,
            random_state=rng,
        )
        self._set_medoids(X, network.medoids)
        self.bandwidth_, self.coef_ = network.bandwidth, network.coef
        self.intercept_ = network.intercept

    def _scores(self, X):
        features = radial_basis(self._medoid_distances(X), self.bandwidth_)
        return features @ self.coef_ + self.intercept_
