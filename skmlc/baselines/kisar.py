"""KISAR (Li, Hu, Jiang and Zhou 2012): linear machines whose labels share prototypes.

A bag becomes a vector, its nearness to prototypes of instances. The linear classifiers of
labels that occur together are trained to use the same prototypes.
"""

from dataclasses import field
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import linalg
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from ..graphs.choose import BUILDERS
from ..one_model import of_one_model
from .bag_classifier import BaseBagClassifier, prior_scores
from .shared_prototypes import relate_labels, shared_penalty, shared_scales, varies

__all__ = ["KISAR"]

BLOCK = 2**22  # distances that are held at once: 32 MB


class KISAR(BaseBagClassifier):
    r"""Linear machines on prototypes of instances, which related labels share.

    The instances of all training bags are clustered by k-means. The features of a bag X are
    its nearness to the prototypes :math:`c_k`, :math:`\phi_k(X) = \max_{x \in X}
    \exp(-|x - c_k|^2 / 2 \sigma^2)`, and the score of label l is :math:`f_l(X) = b_l + \sum_k
    w_{lk} \phi_k(X)`. Labels that often occur together are related, and a penalty makes them
    use few prototypes, and the same ones [1]_: with targets :math:`t_{il} = \pm 1`, the
    minimum is sought of

    .. math::
        \frac{1}{2 K} \sum_{\{j, l\} \text{ related}} \Bigl( \sum_{k=1}^K
        \sqrt{w_{jk}^2 + w_{lk}^2} \Bigr)^2
        + \frac{1}{2} \sum_{l \text{ unrelated}} |w_l|^2
        + C \sum_{i, l} \max(0, 1 - t_{il} f_l(X_i))^2 .

    The method is reconstructed: from the paper's abstract and references and from the
    parameters of the published code, not checked against the paper's text or that program.
    Scale the features of instances with :class:`~skmlc.inputs.BagScaler`.

    Parameters
    ----------
    n_prototypes : int or "auto", default="auto"
        The number of prototypes K, not more than there are instances; "auto" is one for four
        instances, and at most 1000.
    C : float, default=0.1
        The cost of training errors. Where labels are related it is that of the paper divided
        by K, since here the penalty is: the authors' 500 with 1000 prototypes is 0.5.
    bandwidth_factor : float, default=0.4
        The bandwidth sigma in units of the root mean square distance of the training
        instances to the prototypes.
    label_graph : str, array-like, sparse matrix or builder, default="above_mean"
        Which labels are related: with "above_mean", which is one of the authors' rules, those
        that occur together in more bags than two labels do on average; with "full" all, with
        "none" none, and with "cooccurrence" those that ever occur together. A matrix of shape
        (n_labels, n_labels) gives the graph, and a builder from `skmlc.graphs` is fitted on
        the training labels. An edge in either direction relates two labels.
    max_iter : int, default=20
        How many times the penalty's weights and the machines are computed in turn, at most.
    tol : float, default=1e-3
        They are final once a round makes the objective smaller by less than this share of it.
    n_jobs : int, default=None
        How many threads train machines; None is one thread, and -1 one for each core.
    random_state : int, RandomState instance or None, default=None
        Where k-means starts, and its batches.
    **inherited
        Those of all methods for bags: see `skmlc.baselines.bag_classifier`.

    Attributes
    ----------
    prototypes_ : ndarray of shape (n_prototypes, n_features)
        The centers of the clusters.
    bandwidth_ : float
        The bandwidth sigma.
    adjacency_ : ndarray of bool of shape (n_labels, n_labels)
        Which labels are related; symmetric. A label that never or always holds is not.
    label_graph_ : builder or None
        The fitted builder, if there is one.
    coef_ : ndarray of shape (n_prototypes, n_labels)
        What the nearness to each prototype adds to the score of each label.
    intercept_ : ndarray of shape (n_labels,)
        The scores of a bag that is far from all prototypes. A label that never or always
        holds in the training set has no coefficients but an intercept that says how often it
        was seen.
    objective_ : ndarray of shape (`n_iter_`,)
        The objective after each round.
    n_iter_ : int
        The number of rounds.

    See Also
    --------
    MIMLWEL : The same penalty, for labels of which some are missing.
    skmlc.inputs.BagScaler : Scale the features of instances.

    Notes
    -----
    The squared sum of a pair is the smallest value of :math:`\sum_k (w_{jk}^2 + w_{lk}^2) /
    \lambda_k` over shares :math:`\lambda` that sum to one, taken where they are proportional
    to :math:`\sqrt{w_{jk}^2 + w_{lk}^2}`. With the shares held, the labels are independent,
    and each is a linear support vector machine on features of other scales. So shares and
    machines are computed in turn; neither makes the objective larger, and it is convex.

    The squared hinge loss, which the solver LIBLINEAR takes by default, is our choice. It lets
    each machine be solved exactly, by Newton's method: ridge regressions on the bags within
    the margin [2]_. The division of the first sum by K is ours as well: a single `C` then fits
    labels with and without relatives.

    For N bags with M instances of F features, L labels and K prototypes, training takes
    O(M K F) in all, and in each round O(N K^2) for each label; and memory for two or three
    matrices of N K numbers, and for as many more as there are threads.

    References
    ----------
    .. [1] Li, Hu, Jiang and Zhou, "Towards discovering what patterns trigger what labels",
       AAAI 2012.
    .. [2] Keerthi and DeCoste, "A modified finite Newton method for fast solution of large
       scale linear SVMs", JMLR 6, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc import KISAR
    >>> from skmlc.metrics import get_scorer
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(rng.integers(2, 6), 3)) for _ in range(60)]
    >>> Y = np.array([bag.max(axis=0) > 1 for bag in X]).astype(int)
    >>> model = KISAR(random_state=0).fit(X[:50], Y[:50])
    >>> print(f"mAP {get_scorer('mAP')(model, X[50:], Y[50:]):.1f}")
    mAP 1.0
    >>> parts = model.instance_scores(X[50:51])[0]
    >>> error = parts.sum(axis=0) + model.intercept_ - model.decision_function(X[50:51])[0]
    >>> float(abs(error).max().round(6))  # the parts sum to the score
    0.0
    """

    n_prototypes: int | str = field(default="auto", kw_only=False)
    C: float = 0.1
    bandwidth_factor: float = 0.4
    label_graph: Any = "above_mean"
    max_iter: int = 20
    tol: float = 1e-3

    _parameter_constraints = {
        "n_prototypes": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "C": [Interval(Real, 0, None, closed="neither")],
        "bandwidth_factor": [Interval(Real, 0, None, closed="neither")],
        "label_graph": [
            StrOptions({"above_mean", "full", "none", *BUILDERS}),
            "array-like",
            "sparse matrix",
            HasMethods("fit"),
        ],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    def fit(self, X, y, sample_weight=None):
        """Choose the prototypes and train the machines.

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
            How much each bag counts: its errors in the machines, its instances in k-means,
            its labels in the label graph. Bags that weigh nothing are left out.

        Returns
        -------
        self : KISAR
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight)

    def _fit_bags(self, X, Y, sample_weight, rng):
        rows = np.flatnonzero(sample_weight)
        X, Y, sample_weight = X[rows], Y[rows], sample_weight[rows]
        self.label_graph_, self.adjacency_ = relate_labels(
            self.label_graph, Y, sample_weight, getattr(self, "label_names_", None)
        )
        self._set_prototypes(X, np.repeat(sample_weight, X.lengths), rng)
        self._fit_machines(self._embed(X), 2.0 * Y - 1, self.C * sample_weight)
        constant = ~varies(Y)
        self.intercept_[constant] = prior_scores(Y, sample_weight)[constant]

    # Prototypes -----------------------------------------------------------------------------

    def _set_prototypes(self, X, weight, rng):
        """Cluster the instances, and measure how far they are from the prototypes."""
        instances, n_prototypes = X.instances, self.n_prototypes
        if n_prototypes == "auto":
            n_prototypes = min(1000, max(1, len(instances) // 4))
        clusters = MiniBatchKMeans(
            min(n_prototypes, len(instances)), n_init=1, random_state=rng
        ).fit(instances, sample_weight=weight)
        self.prototypes_ = clusters.cluster_centers_.astype(np.float64)
        mean = np.average(instances, axis=0, weights=weight)
        spread = np.average(((instances - mean) ** 2).sum(axis=1), weights=weight)
        # The mean of |x - c|^2 over all pairs, without the pairs.
        squared = spread + ((self.prototypes_ - mean) ** 2).sum(axis=1).mean()
        self.bandwidth_ = self.bandwidth_factor * np.sqrt(squared) if squared > 0 else 1.0

    def _blocks(self, X):
        """Yield slices of bags, with the squared distances of their instances."""
        # Seen from the center, products lose less of what small distances are made of.
        center = self.prototypes_.mean(axis=0)
        prototypes, start = self.prototypes_ - center, 0
        while start < len(X):
            last = X.offsets[start] + BLOCK // len(prototypes)
            stop = np.searchsorted(X.offsets, last, side="right") - 1
            bags = slice(start, max(start + 1, stop))
            part = X.instances[X.offsets[bags.start] : X.offsets[bags.stop]] - center
            yield bags, euclidean_distances(part, prototypes, squared=True)
            start = bags.stop

    def _nearness(self, squared):
        """Return how near instances at these squared distances are."""
        return np.exp(-0.5 * squared / self.bandwidth_**2)

    def _embed(self, X):
        """Return the nearness (N, n_prototypes) of bags to the prototypes."""
        features = np.empty((len(X), len(self.prototypes_)))
        for bags, squared in self._blocks(X):
            starts = X.offsets[bags] - X.offsets[bags.start]
            features[bags] = self._nearness(np.minimum.reduceat(squared, starts, axis=0))
        return features

    # Machines -------------------------------------------------------------------------------

    def _fit_machines(self, features, targets, cost):
        """Compute scales of the features and machines in turn."""
        n_labels, related = targets.shape[1], self.adjacency_
        trained = np.flatnonzero(varies(targets > 0))
        self.coef_ = np.zeros((features.shape[1], n_labels))
        self.intercept_ = np.zeros(n_labels)
        values = []
        with Parallel(n_jobs=self.n_jobs, prefer="threads") as parallel:
            while len(values) < self.max_iter:
                scales = shared_scales(self.coef_, related)
                machines = parallel(
                    delayed(_fit_machine)(
                        features,
                        targets[:, j],
                        cost,
                        scales[:, j],
                        self.coef_[:, j],
                        self.intercept_[j],
                    )
                    for j in trained
                )
                for j, (coef, intercept) in zip(trained, machines):
                    self.coef_[:, j], self.intercept_[j] = coef, intercept
                values.append(self._objective(features, targets, cost, trained))
                if len(values) > 1 and values[-2] - values[-1] <= self.tol * values[-2]:
                    break
        self.objective_, self.n_iter_ = np.array(values), len(values)

    def _objective(self, features, targets, cost, trained):
        """Return what is minimized; labels that are not trained add nothing."""
        scores = features @ self.coef_[:, trained] + self.intercept_[trained]
        loss = cost @ np.maximum(0, 1 - targets[:, trained] * scores) ** 2
        return shared_penalty(self.coef_, self.adjacency_) + loss.sum()

    def _scores(self, X):
        return self._embed(X) @ self.coef_ + self.intercept_

    @of_one_model
    def instance_scores(self, X):
        """Return what each instance adds to the scores of its bag.

        The nearness of a bag to a prototype is that of its nearest instance, the first of
        them where several are; this instance is given what that nearness adds.

        Parameters
        ----------
        X : {Bags, list of array-like of shape (n_instances, n_features), array-like of \
                shape (n_samples, n_features)}
            The bags, with as many features as in `fit`.

        Returns
        -------
        list of ndarray of shape (n_instances, n_labels)
            One array for each bag. The sum over its rows and `intercept_` is the bag's
            score (for a binary, one-dimensional y that of the one label).
        """
        check_is_fitted(self)
        X, parts = self._validate_input(X, reset=False), []
        for bags, squared in self._blocks(X):
            cuts = X.offsets[bags][1:] - X.offsets[bags.start]
            for distances in np.split(squared, cuts):
                nearest = distances.argmin(axis=0)  # (K,)
                features = self._nearness(distances[nearest, np.arange(len(nearest))])
                part = np.zeros((len(distances), len(self.intercept_)))
                np.add.at(part, nearest, features[:, None] * self.coef_)
                parts.append(part)
        return parts


def _fit_machine(features, targets, cost, scale, coef, intercept):
    """Return the support vector machine of one label on rescaled features.

    Minimizes ``|coef / scale|^2 / 2`` and the squared hinge losses, from given coefficients
    on: regressions on the bags that were within the margin, until these are the same.
    """

    def value(weights, scores):
        return weights @ weights / 2 + cost @ np.maximum(0, 1 - targets * scores) ** 2

    weights = np.divide(coef, scale, out=np.zeros_like(coef), where=scale > 0)
    scores = features @ (scale * weights) + intercept
    for _ in range(100):
        active = targets * scores < 1
        goal = np.zeros_like(weights), intercept  # where no bag is within the margin
        if active.any():
            goal = _regress(features[active] * scale, targets[active], cost[active])
        step, intercept_step = goal[0] - weights, goal[1] - intercept
        score_step = features @ (scale * step) + intercept_step
        short = np.where(active, cost * (targets - scores), 0)
        slope, start = weights @ step - 2 * short @ score_step, value(weights, scores)
        if slope >= -1e-10 * start:
            break
        # A regression that brings many bags into the margin may be too far a step.
        length = 1.0
        while (
            value(weights + length * step, scores + length * score_step)
            > start + 1e-4 * length * slope
        ):
            length /= 2
        weights, intercept = weights + length * step, intercept + length * intercept_step
        scores = scores + length * score_step
        if length == 1 and ((targets * scores < 1) == active).all():
            break
    return scale * weights, intercept


def _regress(features, targets, cost):
    """Minimize half the squared weights and the squared errors at their cost."""
    mean = np.average(features, axis=0, weights=cost)
    target_mean = np.average(targets, weights=cost)
    root = np.sqrt(2 * cost)
    rows, response = (features - mean) * root[:, None], (targets - target_mean) * root
    # Of two systems with the same solution, the smaller one.
    if len(rows) < rows.shape[1]:
        weights = rows.T @ _solve(rows @ rows.T, response)
    else:
        weights = _solve(rows.T @ rows, rows.T @ response)
    return weights, target_mean - mean @ weights


def _solve(matrix, response):
    """Solve a positive semidefinite system after one is added to its diagonal."""
    matrix.flat[:: len(matrix) + 1] += 1
    # Beside costs of 1e16 and more, one is nothing: the system may be singular.  SciPy would
    # raise an error or warn, as rounding falls out.
    if len(matrix) * np.trace(matrix) * np.finfo(float).eps > 1:
        return linalg.lstsq(matrix, response)[0]
    return linalg.solve(matrix, response, assume_a="pos")
