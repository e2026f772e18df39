"""MIMLWEL (Yang, Jiang and Zhou 2013), which could not be checked against its paper.

A network of radial basis functions around prototypes, for training bags that may have more
labels than were given: labels are completed while the network is trained.
"""

from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import linalg
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from ..graphs.choose import BUILDERS
from .bag_classifier import BaseBagClassifier, DistanceParameters
from .radial_basis import choose_bandwidth, medoids_of_labels, radial_basis
from .shared_prototypes import relate_labels, shared_penalty, shared_scales

__all__ = ["MIMLWEL"]


class MIMLWEL(DistanceParameters, BaseBagClassifier):
    r"""Network that completes missing labels; it could not be checked against its paper.

    This is our own formulation. Of the paper [1]_ nothing was available except descriptions of
    it: in the training set a label that is given holds, but one that is not given may hold as
    well; bags are described by prototypes as in :class:`MIMLRBF`; related labels share
    prototypes; the means of the bags with and without a label are far apart; and weights,
    completed labels and prototypes are computed in turn. The parameters and their defaults
    are those of the published code, whose objective may be another.

    With :math:`\phi_k(X) = \exp(-d(X, P_k)^2 / 2 \sigma^2)` the nearness of a bag to the
    prototype :math:`P_k`, itself a bag of the training set, and :math:`f_l(X) = b_l + \sum_k
    w_{lk} \phi_k(X)` the score of label l, the minimum is sought of

    .. math::
        \Omega(W) + C \sum_{i, l} \Bigl( (f_l(X_i) - 2 \hat y_{il} + 1)^2
        + m (\hat y_{il} - y_{il}) + \beta \hat y_{il} (1 - \phi_{k(i, l)}(X_i)) \Bigr)

    over the weights, the completed targets :math:`y_{il} \le \hat y_{il} \le 1`, the
    prototypes and the prototype :math:`k(i, l)` that stands for bag i among those of label
    l. :math:`\Omega` is the penalty of :class:`KISAR`, by which related labels use the same
    prototypes.

    Parameters
    ----------
    medoid_ratio : float, default=0.1
        The number of prototypes of a label as a share of the number of bags for which it is
        given, rounded up.
    C : float, default=50.0
        The weight of all but the penalty.
    target_weight : float, default=1.0
        The weight m of the distance from the given to the completed targets. Among bags that
        look the same to the network, and like a prototype, a label is predicted if it is
        given for more than a share of ``m / (4 + m)``. Where a share u of the labels is
        missing, ``4 * (1 - u) / (1 + u)`` makes up for it: the default is for 60 %. With 4 or
        more, for complete labels, it is half of the bags as in :class:`MIMLRBF`.
    similarity_weight : float, default=2.0
        The weight beta of the distance of bags to their prototypes. It keeps prototypes in
        the middle of the bags that they stand for, and the larger it is, the less is a label
        completed for bags that resemble none of its prototypes.
    bandwidth_factor : float, default=1.0
        The bandwidth sigma in units of the mean distance between two prototypes at the start.
    label_graph : str, array-like, sparse matrix or builder, default="above_mean"
        Which labels are related, see :class:`KISAR`.
    max_iter : int, default=20
        How many rounds of computing weights, targets and prototypes, at most.
    tol : float, default=1e-3
        They are final once a round makes the objective smaller by less than this share of it.
    random_state : int, RandomState instance or None, default=None
        Which bags are prototypes at the start.
    **inherited
        Those of all methods for bags: see `skmlc.baselines.bag_classifier`.

    Attributes
    ----------
    completed_targets_ : ndarray of shape (n_samples, n_labels)
        The completed targets of the training set: 1 where a label is given, else from 0 to 1.
    medoid_indices_ : ndarray of int of shape (n_prototypes,)
        Which bags of the training set are prototypes; one bag may be that of several labels.
    medoids_ : Bags
        The prototypes, unless `metric` is "precomputed".
    medoid_labels_ : ndarray of int of shape (n_prototypes,)
        Of which label each is a prototype.
    bandwidth_ : float
        The bandwidth sigma.
    adjacency_ : ndarray of bool of shape (n_labels, n_labels)
        Which labels are related; symmetric. A label that is never or always given is not: its
        score is -1 or 1 for all bags.
    label_graph_ : builder or None
        The fitted builder, if there is one.
    coef_ : ndarray of shape (n_prototypes, n_labels)
        What the nearness to each prototype adds to the score of each label.
    intercept_ : ndarray of shape (n_labels,)
        The scores of a bag that is far from all prototypes.
    objective_ : ndarray of shape (`n_iter_`,)
        The objective after each round.
    n_iter_ : int
        The number of rounds.

    See Also
    --------
    MIMLRBF : A network of the same form, for complete labels.
    KISAR : The same penalty, on prototypes of instances.

    Notes
    -----
    Each round finds the exact minimum over the weights, with the penalty replaced by the
    sum of squares that touches it from above; over the completed targets,
    :math:`2 \hat y_{il} - 1 = f_l(X_i) - (m + \beta (1 - \phi_{k(i, l)}(X_i))) / 4`, clipped
    to what is allowed; over one prototype after the other, which may become any bag that it
    stands for and that was given its label; and over :math:`k(i, l)`, the nearest prototype.
    So the objective does not increase. That prototypes remain bags of the training set is
    our choice; the published code seems to move them by gradients.

    The class means enter through the squared loss: for targets of 1 and -1, the weights that
    make it smallest put the mean scores of the bags with and without a label far apart, in
    relation to the scatter of the scores around them (Fisher's criterion).

    For N bags with M instances of F features, L labels and K prototypes, training takes
    O(M^2 F) for the distances and O(N K^2 + L K^3 + N^2 L) in each round; and memory for a
    matrix of N^2 numbers and a few of N K.

    References
    ----------
    .. [1] Yang, Jiang and Zhou, "Multi-instance multi-label learning with weak label",
       IJCAI 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc import MIMLWEL
    >>> from skmlc.metrics import get_scorer
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(rng.integers(2, 6), 3)) for _ in range(60)]
    >>> Y = np.array([bag.max(axis=0) > 1 for bag in X]).astype(int)
    >>> Y *= rng.random(Y.shape) < 0.7  # some labels are missing
    >>> model = MIMLWEL(random_state=0).fit(X[:50], Y[:50])
    >>> print(f"mAP {get_scorer('mAP')(model, X[50:], Y[50:]):.1f}")
    mAP 0.8
    >>> Y[:1]
    array([[0, 0, 1]])
    >>> model.completed_targets_[:1].round(1)
    array([[0.1, 0.3, 1. ]])
    """

    medoid_ratio: float = field(default=0.1, kw_only=False)
    C: float = 50.0
    target_weight: float = 1.0
    similarity_weight: float = 2.0
    bandwidth_factor: float = 1.0
    label_graph: Any = "above_mean"
    max_iter: int = 20
    tol: float = 1e-3

    _parameter_constraints = {
        "medoid_ratio": [Interval(Real, 0, 1, closed="right")],
        "C": [Interval(Real, 0, None, closed="neither")],
        "target_weight": [Interval(Real, 0, None, closed="left")],
        "similarity_weight": [Interval(Real, 0, None, closed="left")],
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

    def _fit_bags(self, X, Y, sample_weight, rng):
        distances = self._training_distances(X)  # (N, N)
        self.label_graph_, self.adjacency_ = relate_labels(
            self.label_graph, Y, sample_weight, getattr(self, "label_names_", None)
        )
        medoids, owners = _choose_prototypes(distances, Y, self.medoid_ratio, rng)
        self.bandwidth_ = choose_bandwidth(distances, medoids, self.bandwidth_factor)
        network = _Network(
            distances,
            self.bandwidth_,
            Y.astype(float),
            self.adjacency_,
            medoids,
            owners,
            self.C,
            self.target_weight,
            self.similarity_weight,
        )
        self.objective_ = network.train(self.max_iter, self.tol)
        self.n_iter_ = len(self.objective_)
        self._set_medoids(X, network.medoids)
        self.medoid_labels_, self.completed_targets_ = network.owners, network.targets
        self.coef_, self.intercept_ = network.coef, network.intercept

    def _scores(self, X):
        features = radial_basis(self._medoid_distances(X), self.bandwidth_)
        return features @ self.coef_ + self.intercept_


def _choose_prototypes(distances, Y, ratio, random_state):
    """Return medoids of the bags of each label, and of which label each is one."""
    chosen, owners = [], []
    for j in np.flatnonzero(Y.any(axis=0)):
        medoids = medoids_of_labels(distances, Y[:, [j]], ratio, random_state)
        chosen.append(medoids)
        owners.append(np.full(len(medoids), j))
    # Where no label is given anywhere, some bag, which gets no weight.
    if not chosen:
        return np.array([0]), np.array([0])
    return np.concatenate(chosen), np.concatenate(owners)


@dataclass
class _Network:
    """The network while it is trained: one method for each part of a round."""

    distances: np.ndarray  # (N, N)
    bandwidth: float
    Y: np.ndarray  # (N, L), the given targets
    related: np.ndarray  # (L, L)
    medoids: np.ndarray  # (K,), which bags are prototypes
    owners: np.ndarray  # (K,), and of which label
    C: float
    target_weight: float
    similarity_weight: float

    def __post_init__(self):
        n_labels = self.Y.shape[1]
        self.features = self._nearness(self.medoids)  # (N, K)
        self.targets = self.Y.copy()
        self.coef = np.zeros((len(self.medoids), n_labels))
        self.intercept = np.zeros(n_labels)
        self._assign()

    def train(self, max_iter, tol):
        """Take rounds until the objective stays; return its values."""
        values = []
        while len(values) < max_iter:
            if values:  # without weights there is nothing yet to move prototypes for
                self._move_prototypes()
                self._assign()
            self._fit_weights()
            self._complete_targets()
            values.append(self._objective())
            if len(values) > 1 and values[-2] - values[-1] <= tol * values[-2]:
                break
        return np.array(values)

    def _objective(self):
        """Return what is minimized."""
        loss = self._errors() ** 2 + self.target_weight * (self.targets - self.Y)
        loss += self.similarity_weight * self.targets * (1 - self.similarity)
        return shared_penalty(self.coef, self.related) + self.C * loss.sum()

    def _errors(self):
        """Return by how much the scores fall short of the targets 1 and -1."""
        return 2 * self.targets - 1 - (self.features @ self.coef + self.intercept)

    def _nearness(self, rows):
        """Return the nearness of all bags to some."""
        return radial_basis(self.distances[:, rows], self.bandwidth)

    def _assign(self):
        """Let the nearest prototype of each label stand for each bag."""
        self.nearest = np.full(self.Y.shape, -1)
        # A label without prototypes, never given, is like none of them.
        self.similarity = np.zeros(self.Y.shape)
        for j in np.unique(self.owners):
            own = np.flatnonzero(self.owners == j)
            near = self.features[:, own]
            self.nearest[:, j] = own[near.argmax(axis=1)]
            self.similarity[:, j] = near.max(axis=1)

    def _fit_weights(self):
        """Minimize over weights and intercepts, with the penalty as a sum of squares."""
        scales = shared_scales(self.coef, self.related)
        mean, response = self.features.mean(axis=0), 2 * self.targets - 1
        centered = self.features - mean
        gram = 2 * self.C * (centered.T @ centered)  # (K, K)
        moments = 2 * self.C * (centered.T @ response)  # (K, L)
        for j, scale in enumerate(scales.T):
            matrix = gram * scale * scale[:, None]
            matrix.flat[:: len(matrix) + 1] += 1
            solution = linalg.solve(matrix, scale * moments[:, j], assume_a="pos")
            self.coef[:, j] = scale * solution
        self.intercept = response.mean(axis=0) - mean @ self.coef

    def _complete_targets(self):
        """Minimize over the targets of labels that are not given."""
        price = self.target_weight + self.similarity_weight * (1 - self.similarity)
        scores = self.features @ self.coef + self.intercept
        completed = np.clip((1 + scores - price / 4) / 2, 0, 1)
        self.targets = np.where(self.Y > 0, 1.0, completed)

    def _move_prototypes(self):
        """Minimize over one prototype after the other."""
        errors = self._errors()  # (N, L)
        for k, (medoid, owner) in enumerate(zip(self.medoids, self.owners)):
            members = np.flatnonzero(self.nearest[:, owner] == k)
            given = members[self.Y[members, owner] > 0]
            rows = np.union1d(given, medoid)
            near, coef = self._nearness(rows), self.coef[k]  # (N, n_rows), (L,)
            rest = errors + np.outer(self.features[:, k], coef)
            costs = coef @ coef * (near**2).sum(axis=0) - 2 * (rest @ coef) @ near
            weight = self.similarity_weight * self.targets[members, owner]
            costs -= weight @ near[members]
            best, current = costs.argmin(), np.searchsorted(rows, medoid)
            if costs[best] < costs[current]:
                self.medoids[k], self.features[:, k] = rows[best], near[:, best]
                errors = rest - np.outer(near[:, best], coef)
