"""MIMLNN (Zhou et al. 2012): ridge regression on distances to medoids.

A bag becomes a vector, its distances to bags chosen by k-medoids; the score of a label is
linear in this vector.
"""

from dataclasses import field
from numbers import Real

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.utils._param_validation import Interval

from .bag_classifier import BaseBagClassifier, DistanceParameters, prior_scores
from .medoids import k_medoids

__all__ = ["MIMLNN"]


class MIMLNN(DistanceParameters, BaseBagClassifier):
    """Ridge regression on the distances of a bag to medoids.

    The Hausdorff distances between the bags of the training set are clustered by k-medoids;
    the distances of a bag to the medoids are its features, and a ridge regression without
    intercept maps them to 1 where a label holds and -1 where not [1]_. This is
    reconstructed: of the program that the authors published only a compiled form is open.
    The defaults are those with which others call it; that the distance is the largest one,
    and that there is no intercept, is inferred. Scale the features of instances with
    :class:`~skmlc.inputs.BagScaler`.

    Parameters
    ----------
    medoid_ratio : float, default=0.4
        The number of medoids as a share of the number of bags, rounded down, at least one.
    alpha : float, default=1.0
        The penalty on the squared coefficients, relative to the sum of squared errors.
    **inherited
        Those of all methods for bags: see `skmlc.baselines.bag_classifier`.

    Attributes
    ----------
    medoid_indices_ : ndarray of int of shape (n_medoids,)
        Which bags of the training set are medoids.
    medoids_ : Bags
        The medoids, unless `metric` is "precomputed".
    coef_ : ndarray of shape (n_medoids, n_labels)
        What the distance to each medoid adds to the score of each label.
    intercept_ : ndarray of shape (n_labels,)
        Zero; but a label that never or always holds in the training set has no coefficients
        but an intercept that says how often it was seen.

    See Also
    --------
    MIMLSVM : Support vector machines on the same features.
    skmlc.inputs.BagScaler : Scale the features of instances.

    Notes
    -----
    For N bags with M instances of F features and L labels, training takes O(M^2 F) for the
    distances and O(N n_medoids^2 + N n_medoids L) for the regression; and memory for a
    matrix of N^2 numbers and a few of N n_medoids.

    References
    ----------
    .. [1] Zhou, Zhang, Huang and Li, "Multi-instance multi-label learning", Artificial
       Intelligence 176, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc import MIMLNN
    >>> from skmlc.metrics import get_scorer
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(rng.integers(2, 6), 3)) for _ in range(60)]
    >>> Y = np.array([bag.max(axis=0) > 1 for bag in X]).astype(int)
    >>> model = MIMLNN(random_state=0).fit(X[:50], Y[:50])
    >>> print(f"mAP {get_scorer('mAP')(model, X[50:], Y[50:]):.1f}")
    mAP 0.9
    """

    medoid_ratio: float = field(default=0.4, kw_only=False)
    alpha: float = 1.0
    metric: str = "max"

    _parameter_constraints = {
        "medoid_ratio": [Interval(Real, 0, 1, closed="right")],
        "alpha": [Interval(Real, 0, None, closed="neither")],
    }

    def fit(self, X, y, sample_weight=None):
        """Choose the medoids and solve the ridge regression.

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
            How much the squared errors of each bag count in the regression. Medoids are
            chosen without weights.

        Returns
        -------
        self : MIMLNN
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight)

    def _fit_bags(self, X, Y, sample_weight, rng):
        distances = self._training_distances(X)  # (N, N)
        n_medoids = max(1, int(self.medoid_ratio * len(distances)))
        medoids, _ = k_medoids(distances, n_medoids, random_state=rng)
        self._set_medoids(X, medoids)
        self._fit_ridge(distances[:, medoids], Y, sample_weight)

    def _fit_ridge(self, features, Y, sample_weight):
        """Fit all labels at once to distances (N, n_medoids)."""
        seen = Y[sample_weight > 0]
        varies = seen.any(axis=0) & ~seen.all(axis=0)
        self.coef_ = np.zeros((features.shape[1], Y.shape[1]))
        # Without an intercept, no coefficients give a label the same score everywhere.
        self.intercept_ = np.where(varies, 0.0, prior_scores(Y, sample_weight))
        if varies.any():
            ridge = Ridge(self.alpha, fit_intercept=False, solver="cholesky")
            ridge.fit(features, 2.0 * Y[:, varies] - 1, sample_weight)
            # scikit-learn leaves out the axis of a single label.
            self.coef_[:, varies] = np.atleast_2d(ridge.coef_).T

    def _scores(self, X):
        return self._medoid_distances(X) @ self.coef_ + self.intercept_
