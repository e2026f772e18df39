"""MIMLSVM (Zhou and Zhang 2006): support vector machines on distances to medoids.

A bag becomes a vector, its distances to bags chosen by k-medoids; on these vectors, one
support vector machine is trained for each label.
"""

from dataclasses import field
from numbers import Real

import numpy as np
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import SVC
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.parallel import Parallel, delayed

from .bag_classifier import BaseBagClassifier, DistanceParameters, prior_scores
from .medoids import k_medoids

__all__ = ["MIMLSVM"]

# Training that needs more steps never ends where costs are beyond all measure; it then warns.
MAX_STEPS = 1_000_000


class MIMLSVM(DistanceParameters, BaseBagClassifier):
    """Support vector machines on the distances of a bag to medoids.

    The Hausdorff distances between the bags of the training set are clustered by k-medoids;
    the distances of a bag to the medoids are its features, and a support vector machine with
    a Gaussian kernel is trained on them for each label [1]_. It follows the program that the
    authors' group published, except for the defaults of `C` and `gamma`: there these are 1 and
    0.2, which needs features of one range. Scale them with :class:`~skmlc.inputs.BagScaler`.

    Parameters
    ----------
    medoid_ratio : float, default=0.2
        The number of medoids as a share of the number of bags, rounded down, at least one.
    C : float, default=10.0
        The cost of training errors in the support vector machines.
    gamma : float or "scale", default="scale"
        The kernel of two vectors of distances u and v is ``exp(-gamma * |u - v|^2)``; "scale"
        is one over the number of medoids times the variance of the distances.
    metric : {"max", "average", "min", "mean", "precomputed"}, default="max"
        The Hausdorff distance, see :func:`~skmlc.inputs.bag_distances`; "max" is the paper's.
        With "precomputed", X are distances: between all bags in `fit`, to these in
        prediction, as :class:`~skmlc.inputs.BagDistances` gives them. In a search over the
        other parameters they need not be computed more than once.
    top_label : bool, default=True
        Whether a bag for which no label is positive gets the one with the highest score (the
        paper's T-criterion).
    n_jobs : int, default=None
        How many threads compare bags and train; None is one thread, and -1 one for each core.
    **inherited
        Those of all methods for bags: see `skmlc.baselines.bag_classifier`.

    Attributes
    ----------
    medoid_indices_ : ndarray of int of shape (n_medoids,)
        Which bags of the training set are medoids.
    medoids_ : Bags
        The medoids, unless `metric` is "precomputed".
    gamma_ : float
        The kernel's parameter.
    support_vectors_ : ndarray of shape (n_support_vectors, n_medoids)
        The distances to the medoids of all bags that are a support vector for some label.
    dual_coef_ : ndarray of shape (n_support_vectors, n_labels)
        The coefficients of these bags.
    intercept_ : ndarray of shape (n_labels,)
        The intercepts. A label that never or always holds in the training set has no
        coefficients but an intercept that says how often it was seen.

    See Also
    --------
    skmlc.inputs.BagScaler : Scale the features of instances.

    Notes
    -----
    For N bags with M instances of F features and L labels, training takes O(M^2 F) for the
    distances, O(N^2 n_medoids) for the kernel that all labels share, and L times a support
    vector machine, at worst of order N^3; and memory for two matrices of N^2 numbers.

    References
    ----------
    .. [1] Zhou and Zhang, "Multi-instance multi-label learning with application to scene
       classification", NIPS 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc import MIMLSVM
    >>> from skmlc.metrics import get_scorer
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(rng.integers(2, 6), 3)) for _ in range(60)]
    >>> Y = np.array([bag.max(axis=0) > 1 for bag in X]).astype(int)
    >>> model = MIMLSVM(random_state=0).fit(X[:50], Y[:50])
    >>> print(f"mAP {get_scorer('mAP')(model, X[50:], Y[50:]):.1f}")
    mAP 0.7
    """

    medoid_ratio: float = field(default=0.2, kw_only=False)
    C: float = 10.0
    gamma: float | str = "scale"
    metric: str = "max"
    top_label: bool = True

    _parameter_constraints = {
        "medoid_ratio": [Interval(Real, 0, 1, closed="right")],
        "C": [Interval(Real, 0, None, closed="neither")],
        "gamma": [StrOptions({"scale"}), Interval(Real, 0, None, closed="neither")],
    }

    def fit(self, X, y, sample_weight=None):
        """Choose the medoids and train the support vector machines.

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
            How much the errors of each bag cost in the support vector machines. Medoids are
            chosen without weights.

        Returns
        -------
        self : MIMLSVM
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight)

    def _fit_bags(self, X, Y, sample_weight, rng):
        distances = self._training_distances(X)  # (N, N)
        n_medoids = max(1, int(self.medoid_ratio * len(distances)))
        medoids, _ = k_medoids(distances, n_medoids, random_state=rng)
        self._set_medoids(X, medoids)
        self._fit_machines(distances[:, medoids], Y, sample_weight)

    def _fit_machines(self, features, Y, sample_weight):
        """Fit a support vector machine for each label to distances (N, n_medoids)."""
        self.gamma_ = self.gamma
        if self.gamma == "scale":
            # As in SVC; features that are all equal have no scale.
            variance = features.var()
            self.gamma_ = 1.0 / (features.shape[1] * variance) if variance > 0 else 1.0
        kernel = rbf_kernel(features, gamma=self.gamma_)  # (N, N), the same for all labels
        seen = Y[sample_weight > 0]
        varies = np.flatnonzero(seen.any(axis=0) & ~seen.all(axis=0))
        machines = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(_train_machine)(kernel, Y[:, j], self.C, sample_weight) for j in varies
        )
        self.intercept_ = prior_scores(Y, sample_weight)  # (L,)
        coef = np.zeros(Y.shape)  # (N, L)
        for j, machine in zip(varies, machines):
            coef[machine.support_, j] = machine.dual_coef_[0]
            self.intercept_[j] = machine.intercept_[0]
        support = coef.any(axis=1)
        self.support_vectors_, self.dual_coef_ = features[support], coef[support]

    def _scores(self, X):
        features = self._medoid_distances(X)
        scores = np.tile(self.intercept_, (len(features), 1))
        if len(self.support_vectors_):
            kernel = rbf_kernel(features, self.support_vectors_, gamma=self.gamma_)
            scores += kernel @ self.dual_coef_
        return scores


def _train_machine(kernel, labels, C, sample_weight):
    """Return a support vector machine on a kernel (N, N)."""
    # The seed is of no use without probabilities, but would else be drawn from NumPy's state.
    machine = SVC(C=C, kernel="precomputed", max_iter=MAX_STEPS, random_state=0)
    return machine.fit(kernel, labels, sample_weight)
