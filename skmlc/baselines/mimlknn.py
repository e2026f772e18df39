"""MIML-kNN (Zhang 2010): a linear map of the labels that a bag's neighbors carry.

The neighbors of a bag are the bags nearest to it, its references, and those that have it among
the nearest to them, its citers.
"""

from dataclasses import field
from numbers import Integral
from typing import Any

import numpy as np
from scipy import linalg, sparse
from sklearn import get_config
from sklearn.utils import gen_batches
from sklearn.utils._param_validation import Interval

from ..inputs.transformers.distances import bag_distances
from .bag_classifier import BaseBagClassifier, DistanceParameters, prior_scores

__all__ = ["MIMLkNN"]


class MIMLkNN(DistanceParameters, BaseBagClassifier):
    """A linear map of the labels of a bag's nearest bags and of those that it is near to.

    The references of a bag are the `n_references` bags of the training set that are nearest
    to it; its citers are those that have it among their own `n_citers` nearest. How often
    each label occurs among references and citers is mapped to scores by least squares, with
    targets of 1 and -1 [1]_.

    It follows the program that the author published: a bag that is both reference and citer
    counts twice, and the map has no intercept unless `fit_intercept` asks for one. There, a
    new bag must be nearer than the last one cited, and if its neighbors have no labels its
    scores are all zero; here they then say how often the labels were seen. Scale features
    with :class:`~skmlc.inputs.BagScaler`.

    Parameters
    ----------
    n_references : int, default=4
        How many of the nearest bags are references; all of them where there are fewer.
    n_citers : int, default=6
        A bag cites as many of the other bags of the training set, the nearest, and a new bag
        that is not farther than the last of these; all of them where there are fewer.
    fit_intercept : bool, default=False
        Whether the scores have an intercept, which helps where bags have few of many labels.
    **inherited
        Those of all methods for bags: see `skmlc.baselines.bag_classifier`.

    Attributes
    ----------
    bags_ : Bags
        The bags of the training set, unless `metric` is "precomputed".
    coef_ : ndarray of shape (n_labels, n_labels)
        Entry (i, j) is what each neighbor with label j adds to the score of label i. Of
        shape (1, 2) if there is but one label; the second entry is of neighbors without it.
    intercept_ : ndarray of shape (n_labels,)
        What is added to the scores. A label that never or always holds in the training set
        has no coefficients but an intercept that says how often it was seen.
    prior_scores_ : ndarray of shape (n_labels,)
        The scores of a bag whose neighbors have no labels, unless there is an intercept.
    citation_radius_ : ndarray of shape (n_bags,)
        The distance up to which each bag of the training set cites a new one.

    See Also
    --------
    skmlc.inputs.BagScaler : Scale the features of instances.

    Notes
    -----
    For N bags with M instances of F features and L labels, training takes O(M^2 F) for the
    distances and O(N^2 + N L^2) for the rest, and memory for a matrix of N^2 numbers.

    Distances that agree to seven digits are equal, so that rounding does not decide who is
    whose neighbor; of equal ones those of the first bags come first. Where counts determine
    the linear map only in part, it is the one with the smallest coefficients.

    References
    ----------
    .. [1] Zhang, "A k-nearest neighbor based multi-instance multi-label learning algorithm",
       ICTAI 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc import MIMLkNN
    >>> from skmlc.metrics import get_scorer
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(rng.integers(2, 6), 3)) for _ in range(60)]
    >>> Y = np.array([bag.max(axis=0) > 1 for bag in X]).astype(int)
    >>> model = MIMLkNN().fit(X[:50], Y[:50])
    >>> print(f"mAP {get_scorer('mAP')(model, X[50:], Y[50:]):.1f}")
    mAP 0.8
    """

    # Nothing is drawn.
    random_state = None

    n_references: int = field(default=4, kw_only=False)
    n_citers: int = 6
    fit_intercept: bool = False
    random_state: Any = field(default=None, init=False)  # nothing is drawn

    _parameter_constraints = {
        "n_references": [Interval(Integral, 1, None, closed="left")],
        "n_citers": [Interval(Integral, 0, None, closed="left")],
        "fit_intercept": ["boolean"],
    }

    def fit(self, X, y, sample_weight=None):
        """Find who is whose neighbor, and fit the linear map of their labels.

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
            How much the error of each bag counts in the least squares. As neighbors all bags
            count alike, but for those of weight zero, which are left out.

        Returns
        -------
        self : MIMLkNN
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight)

    def _fit_bags(self, X, Y, sample_weight, rng):
        self._rows = rows = np.flatnonzero(sample_weight)
        X = X[np.ix_(rows, rows)] if self.metric == "precomputed" else X[rows]
        distances = self._training_distances(X)  # (N, N)
        references, _ = _nearest(distances, self.n_references, within=True)
        cited, self.citation_radius_ = _nearest(distances, self.n_citers, within=True)
        Y = Y[rows].astype(np.float64)
        # Counts of a single label have one sign, which no linear map changes.
        self._labels = np.column_stack([Y, 1 - Y]) if Y.shape[1] == 1 else Y
        counts = (references + cited.T) @ self._labels  # (N, L)
        self._fit_linear(counts, Y, sample_weight[rows])
        self.__dict__.pop("bags_", None)
        if self.metric != "precomputed":
            self.bags_ = X

    def _fit_linear(self, counts, Y, sample_weight):
        """Fit scores, linear in counts (N, L), to the targets -1 and 1."""
        self.prior_scores_ = prior_scores(Y, sample_weight)
        root, n_counts = np.sqrt(sample_weight)[:, None], counts.shape[1]
        inputs = np.column_stack([counts, np.ones(len(counts))])
        inputs = inputs[:, : n_counts + self.fit_intercept]
        # Labels that go together have the same counts, but for rounding of the weighted ones.
        tolerance = max(inputs.shape) * np.finfo(np.float64).eps
        solution = linalg.lstsq(root * inputs, root * (2 * Y - 1), cond=tolerance)[0]
        constant = Y.all(axis=0) | ~Y.any(axis=0)
        intercept = solution[-1] if self.fit_intercept else 0.0
        self.coef_ = np.where(constant, 0.0, solution[:n_counts]).T
        self.intercept_ = np.where(constant, self.prior_scores_, intercept)

    def _scores(self, X):
        counts = self._count_labels(self._distances(X))
        scores = counts @ self.coef_.T + self.intercept_
        if not self.fit_intercept:
            scores[~counts.any(axis=1)] = self.prior_scores_
        return scores

    def _distances(self, X):
        """Return the distances (n, N) to the bags of the training set."""
        if self.metric == "precomputed":
            return X[:, self._rows]
        return bag_distances(X, self.bags_, metric=self.metric, n_jobs=self.n_jobs)

    def _count_labels(self, distances):
        """Return how often each label occurs among references and citers (n, L)."""
        references, _ = _nearest(distances, self.n_references)
        counts = references @ self._labels
        for chunk in _chunks(distances):
            cites = _rounded(distances[chunk]) <= self.citation_radius_
            counts[chunk] += sparse.csr_array(cites) @ self._labels
        return counts


def _nearest(distances, k, *, within=False):
    """Mark the k smallest distances (n, N) of each row, and return the k-th of them.

    With `within`, distances are between the same bags, and none is near to itself. Where there
    are fewer than k, all are marked and the k-th is infinite; that of none is below zero.
    """
    n_rows, n_columns = distances.shape
    n_marked = min(k, n_columns - within)
    columns, last = [], np.full(n_rows, -np.inf if k == 0 else np.inf)
    for chunk in _chunks(distances) if n_marked > 0 else ():
        values = _rounded(distances[chunk])
        if within:
            np.fill_diagonal(values[:, chunk], np.inf)
        kth = np.partition(values, n_marked - 1, axis=1)[:, [n_marked - 1]]
        nearer, equal = values < kth, values == kth
        missing = n_marked - nearer.sum(axis=1, keepdims=True)
        nearer |= equal & (equal.cumsum(axis=1, dtype=np.intp) <= missing)
        columns.append(nearer.nonzero()[1])
        if n_marked == k:
            last[chunk] = kth[:, 0]
    index = np.concatenate([np.empty(0, np.intp), *columns])
    starts = np.arange(n_rows + 1) * max(n_marked, 0)
    shape = (n_rows, n_columns)
    return sparse.csr_array((np.ones(len(index)), index, starts), shape), last


def _chunks(distances):
    """Return slices of rows of which six copies fit into scikit-learn's working memory."""
    n_rows, n_columns = distances.shape
    n_numbers = get_config()["working_memory"] * 2**20 / 8
    return gen_batches(n_rows, max(1, int(n_numbers / 6 / n_columns)))


def _rounded(distances):
    """Return distances with the last half of their digits cut off."""
    mantissa, exponent = np.frexp(distances)
    return np.ldexp(np.rint(mantissa * 2.0**26), exponent - 26)
